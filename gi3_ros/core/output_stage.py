"""
The charger's own output contactors: when they close, and that they never open under load.

Order and conditions are the table :data:`TRANSITIONS`; each step waits for a measurement or an
auxiliary contact. The controller's ``Output_Contactors`` is what we follow (A28); power_control
is asked for nothing: it takes the power away by itself as soon as the stage is not ``CLOSED``.
"""

import dataclasses
import enum
import math

from .command import Function, illegality, Request, request_of
from .config import check, entry
from .controller_watch import ControllerWatch
from .hardware import Contact, ContactorCommand
from .journal import Journal
from .signals import (
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    ChargeStatusChange,
    DcPowerControl,
    EmergencyStop,
)
from .timing import (
    FEEDBACK_MAX_AGE_S,
    MEASUREMENT_MAX_AGE_S,
    POWER_MAX_AGE_S,
)

ASSUMED_CONTACT_TIME_S = 0.1
"""Without auxiliary contacts: a DC contactor of this class moves within 50 ms."""


class Stage(enum.IntEnum):
    """Where the output stage is; the numbers are those of ``StageStatus.msg``."""

    OPEN = 0
    CLOSING = 1
    CLOSED = 2
    UNLOADING = 3
    """Contacts still closed: waits until the current is gone."""
    OPENING = 4
    FAULT = 5


class Happening(enum.Enum):
    """What moves the stage."""

    CLOSE_WANTED = 'close wanted'
    OPEN_WANTED = 'open wanted'
    CURRENT_GONE = 'current gone'
    CONTACTS_CLOSED = 'contacts closed'
    CONTACTS_OPEN = 'contacts open'
    EMERGENCY = 'emergency'
    FAULT = 'fault'
    RESET = 'fault reset'


TRANSITIONS = {
    (Stage.OPEN, Happening.CLOSE_WANTED): Stage.CLOSING,
    (Stage.CLOSING, Happening.CONTACTS_CLOSED): Stage.CLOSED,
    # Nothing flows before CLOSED is reported, so there is nothing to wait for.
    (Stage.CLOSING, Happening.OPEN_WANTED): Stage.OPENING,
    (Stage.CLOSED, Happening.OPEN_WANTED): Stage.UNLOADING,
    (Stage.UNLOADING, Happening.CURRENT_GONE): Stage.OPENING,
    (Stage.OPENING, Happening.CONTACTS_OPEN): Stage.OPEN,
    **{(stage, Happening.EMERGENCY): Stage.OPENING
       for stage in (Stage.CLOSING, Stage.CLOSED, Stage.UNLOADING)},
    **{(stage, Happening.FAULT): Stage.FAULT for stage in Stage},
    (Stage.FAULT, Happening.RESET): Stage.OPEN,
}
"""Every move of the stage. What is not here does not happen."""


@dataclasses.dataclass(frozen=True, slots=True)
class StageConfig:
    """Parameters of the output stage."""

    has_output_contactors: bool = entry(
        True, 'whether the charger has output contactors of its own')
    max_closing_difference: float = entry(
        20.0, 'V across the open contactors at which they may close', 1.0, 50.0)
    max_opening_current: float = entry(
        1.0, 'A at which they may open; CCS 1 A, CHAdeMO 5 A (R42)', 0.1, 5.0)
    unloading_timeout: float = entry(
        1.0, 's to wait for the current to go, then they open all the same', 0.6, 5.0)
    contact_timeout: float = entry(
        0.3, 's for the auxiliary contacts to follow', 0.05, 2.0)

    def __post_init__(self):
        check(self)


class OutputStage:
    """
    Decides about the contactors of one pistol.

    ``now_s`` is seconds on one monotonic clock; for an input the time at which it was true.
    """

    def __init__(self, config):
        self.config = config
        self.journal = Journal()
        self.stage = Stage.OPEN
        self.reason = "waits for the first word of the contactors' driver"
        self._has_begun = False
        self._entered_s = -math.inf
        self._controller = ControllerWatch()
        self._controller_says_close = False
        self._battery_may_be_connected = False
        self._operator_holds_open = False
        self._power_s = -math.inf
        self._power_fault = ''
        self._is_power_enabled = False
        self._is_power_commanded = False
        self._measurement = None
        self._measured_s = -math.inf
        self._feedback = None
        self._feedback_s = -math.inf
        self._unloads = False

    # Inputs

    def receive(self, message, *, now_s):
        """Take a decoded message of the controller; others are ignored."""
        if isinstance(message, AdvanticsControllerStatus):
            self._on_status(message, now_s)
        elif isinstance(message, EmergencyStop):
            self._controller.see_emergency(now_s=now_s)
        elif isinstance(message, ChargeStatusChange):
            started = ChargeStatusChange.VehicleReadyForCharging.CHARGE_STARTED
            self._battery_may_be_connected |= message.vehicle_ready_for_charging == started
        elif isinstance(message, ChargeSessionFinished):
            # An undefined label controls nothing (1.4).
            if isinstance(message.state, ChargeSessionFinished.State):
                self._end_session()
        elif isinstance(message, DcPowerControl):
            self._on_command(message, now_s)

    def measure(self, measurement, *, now_s):
        """Take a reading of the power modules' driver."""
        if math.isfinite(measurement.voltage_v) and math.isfinite(measurement.current_a):
            self._measurement, self._measured_s = measurement, now_s

    def see_contacts(self, feedback, *, now_s):
        """Take a report of the contactors' driver."""
        self._feedback, self._feedback_s = feedback, now_s

    def see_power(self, fault, *, is_enabled, is_commanded=False, now_s):
        """
        Take a report of power_control.

        :param fault: its latched fault in words, empty when there is none
        :param is_enabled: whether it is in a session, with System_Enable given
        :param is_commanded: whether a power function is in force
        """
        self._power_fault, self._power_s = fault, now_s
        self._is_power_enabled, self._is_power_commanded = is_enabled, is_commanded

    def request_open(self, *, now_s):
        """
        Open on an operator's wish, until :meth:`request_close` or the end of the session.

        :returns: words that say what happens now
        :raises ValueError: with the reason of the refusal
        """
        self._refuse_without_contactors()
        if self.stage in (Stage.CLOSED, Stage.CLOSING):
            loaded = self._load(now_s)
            if not loaded and self._is_power_commanded:
                loaded = 'a power function is in force'
            if loaded:
                raise ValueError(f'{loaded}: end the charge with stop_charge first')
        self._operator_holds_open = True
        if self.stage is Stage.OPEN:
            return 'already open; held open until CLOSE or the end of the session'
        return 'opening; held open until CLOSE or the end of the session'

    def request_close(self, *, now_s):
        """
        Give the contactors back to the controller's command, and close if it says Close.

        :returns: words that say what happens now
        :raises ValueError: with the reason of the refusal
        """
        self._refuse_without_contactors()
        if self.stage in (Stage.CLOSED, Stage.CLOSING):
            return f'already {self.stage.name.lower()}'
        why = self.reason if self.stage is Stage.FAULT else (
            self._forbidden(now_s) or self._unsafe_to_close(now_s)
        )
        if not why and self.stage is not Stage.OPEN:
            why = f'contactors are {self.stage.name.lower()}, ask again when they are open'
        if why:
            raise ValueError(why)
        self._operator_holds_open = False
        return 'closing'

    def reset_fault(self, *, now_s):
        """
        Clear a latched fault.

        :raises ValueError: while its cause is still there, with the cause in words
        """
        if self.stage is not Stage.FAULT:
            raise ValueError('no fault is latched')
        if self._unloads:
            raise ValueError('current may still flow')
        contact = self._contact(now_s)
        if contact is not Contact.OPEN:
            raise ValueError(
                f'contactors report {contact.name} although open is commanded; '
                f'the fault stays: {self.reason}'
            )
        self._happen(Happening.RESET, now_s)

    # The tick

    def tick(self, *, now_s):
        """
        Decide what the contactors shall do.

        :returns: the command for their driver, or ``None`` as long as it is not known where they
            are: whoever was here before us may have left them closed under load
        """
        if not self.config.has_output_contactors:
            self.stage, self.reason = Stage.CLOSED, 'no own output contactors'
            return ContactorCommand(reason=self.reason)
        if not self._has_begun:
            if self._feedback is None or self._fresh_reading(now_s) is None:
                return None
            self._begin(now_s)
        if self._must_stay_open(now_s):
            # Forgotten, not remembered: to close again the controller must say it again.
            self._controller_says_close = False
        _STEPS[self.stage](self, now_s)
        if self.stage is Stage.FAULT and self._unloads and self._is_unloaded(now_s):
            self._unloads = False
        closed = self.stage in (Stage.CLOSING, Stage.CLOSED, Stage.UNLOADING) or self._unloads
        return ContactorCommand(output_closed=closed, reason=self.reason)

    # Messages of the controller

    def _on_status(self, message, now_s):
        self._controller.see_status(message.state, now_s=now_s)
        if self._controller.is_idle:
            self._end_session()
            self._battery_may_be_connected = False

    def _end_session(self):
        self._controller_says_close = False
        self._operator_holds_open = False

    def _on_command(self, command, now_s):
        if illegality(command):
            return  # power_control names it; a bad frame changes nothing
        says_close = command.output_contactors == DcPowerControl.OutputContactors.CLOSE
        if not says_close and command.power_function not in (Function.OFF, Function.STANDBY):
            self.journal.finding(
                'contactors', f'{Function(command.power_function).name} with Output_Contactors '
                'Open contradicts itself: contactors stay as they are', now_s=now_s,
            )
            return
        self._controller_says_close = says_close
        if request_of(command) in (Request.PRECHARGE, Request.POWER_TRANSFER):
            self._battery_may_be_connected = True

    # Steps, one for each stage

    def _while_open(self, now_s):
        if self._contact(now_s) is Contact.CLOSED:
            if now_s - self._entered_s >= self.config.contact_timeout:
                self._fail('contactors are closed although open is commanded: welded?', now_s)
            return
        why = self._forbidden(now_s)
        if not why and self._operator_holds_open:
            why = 'held open by an operator'
        why = why or self._unsafe_to_close(now_s)
        self.reason = why
        if not why:
            self._happen(Happening.CLOSE_WANTED, now_s, 'the controller says Close')

    def _while_closing(self, now_s):
        if self._leave_if_wanted(now_s):
            return
        if self._contact(now_s) is Contact.CLOSED:
            self._happen(Happening.CONTACTS_CLOSED, now_s)
        elif now_s - self._entered_s >= self.config.contact_timeout:
            self._fail(
                f'contactors did not close within {self.config.contact_timeout:g} s: stuck?',
                now_s,
            )

    def _while_closed(self, now_s):
        if self._leave_if_wanted(now_s):
            return
        if now_s - self._feedback_s >= FEEDBACK_MAX_AGE_S:
            self._fail(
                f'contactor driver silent for {now_s - self._feedback_s:.2f} s', now_s,
            )
        elif self._contact(now_s) is Contact.OPEN:
            self._fail('contactors opened by themselves', now_s)

    def _while_unloading(self, now_s):
        if self._controller.has_emergency(now_s=now_s):
            self._happen(Happening.EMERGENCY, now_s, 'Emergency_Stop')
        elif self._is_unloaded(now_s):
            self._happen(Happening.CURRENT_GONE, now_s, self.reason)

    def _while_opening(self, now_s):
        if self._contact(now_s) is Contact.OPEN:
            self._happen(Happening.CONTACTS_OPEN, now_s, self.reason)
        elif now_s - self._entered_s >= self.config.contact_timeout:
            self._fail(
                f'contactors did not open within {self.config.contact_timeout:g} s: welded?',
                now_s,
            )

    def _while_faulty(self, now_s):
        if self._controller.has_emergency(now_s=now_s):
            self._unloads = False

    # Conditions

    def _leave_if_wanted(self, now_s):
        if self._controller.has_emergency(now_s=now_s):
            self._happen(Happening.EMERGENCY, now_s, 'Emergency_Stop')
            return True
        why = self._forbidden(now_s)
        if not why and self._operator_holds_open:
            why = 'an operator asked for it'
        if why:
            self._happen(Happening.OPEN_WANTED, now_s, why)
        return bool(why)

    def _forbidden(self, now_s):
        """Say why the contactors must not be closed at all; empty when they may be."""
        why = self._must_stay_open(now_s)
        if not why and not self._is_power_enabled:
            why = 'power_control is in no session'
        if not why and not self._controller_says_close:
            why = 'the controller says Open'
        return why

    def _must_stay_open(self, now_s):
        """Name what takes even a Close that was said back; empty when nothing does."""
        # Without the age: a reason that changes with each tick would be told with each tick.
        if not self._controller.is_alive(now_s=now_s):
            return 'controller silent (R1)'
        if self._controller.has_emergency(now_s=now_s):
            return 'Emergency_Stop is in force (R38)'
        if now_s - self._power_s >= POWER_MAX_AGE_S:
            return 'power_control silent'
        if self._power_fault:
            return f'power_control: {self._power_fault}'
        return ''

    def _unsafe_to_close(self, now_s):
        """Say why closing now would hurt; empty when it would not."""
        reading = self._fresh_reading(now_s)
        if reading is None:
            return 'voltage and current at the modules are unknown: no fresh measurement'
        if now_s - self._feedback_s >= FEEDBACK_MAX_AGE_S:
            return 'contactor driver silent'
        loaded = self._load(now_s)
        if loaded:
            return loaded
        pistol_v = self._feedback.pistol_voltage_v
        limit_v = self.config.max_closing_difference
        if math.isnan(pistol_v):
            # The other side is not measured: it is empty as long as no battery can be on it.
            if self._battery_may_be_connected:
                return 'a battery may be at the pistol, whose voltage is not measured'
            if reading.voltage_v > limit_v:
                return (
                    f'{reading.voltage_v:.0f} V at the modules and no measurement at the pistol'
                )
        elif not abs(reading.voltage_v - pistol_v) <= limit_v:
            return (
                f'{reading.voltage_v:.0f} V at the modules, {pistol_v:.0f} V at the pistol: more '
                f'than {limit_v:g} V apart'
            )
        return ''

    def _fresh_reading(self, now_s):
        return self._measurement if now_s - self._measured_s < MEASUREMENT_MAX_AGE_S else None

    def _load(self, now_s):
        """Say how much flows when it is too much to switch; empty when it is not."""
        reading = self._fresh_reading(now_s)
        if reading is None:
            return 'the current is unknown'
        limit_a = self.config.max_opening_current
        if abs(reading.current_a) > limit_a:
            return f'{reading.current_a:.1f} A flow, {limit_a:g} A is the most to switch (R42)'
        return ''

    def _is_unloaded(self, now_s):
        loaded = self._load(now_s)
        if not loaded:
            return True
        if now_s - self._entered_s < self.config.unloading_timeout:
            return False
        self.journal.finding(
            'opened under load',
            f'contactors open after {self.config.unloading_timeout:g} s although {loaded}',
            now_s=now_s,
        )
        return True

    def _contact(self, now_s):
        """Tell where the contacts are: by their feedback, without one by the time passed."""
        if now_s - self._feedback_s >= FEEDBACK_MAX_AGE_S:
            return Contact.UNKNOWN
        if self._feedback.output is not Contact.UNKNOWN:
            return self._feedback.output
        if now_s - self._entered_s < ASSUMED_CONTACT_TIME_S:
            return Contact.UNKNOWN
        closed = self.stage in (Stage.CLOSING, Stage.CLOSED, Stage.UNLOADING) or self._unloads
        return Contact.CLOSED if closed else Contact.OPEN

    def _refuse_without_contactors(self):
        if not self.config.has_output_contactors:
            raise ValueError(
                'this charger has no output contactors of its own (has_output_contactors)'
            )

    # Moves

    def _begin(self, now_s):
        self._has_begun = True
        self._entered_s = now_s
        self.reason = ''
        contact = self._feedback.output
        # Without auxiliary contacts a current says that they are closed.
        if contact is Contact.CLOSED or (contact is Contact.UNKNOWN and self._load(now_s)):
            self.stage = Stage.UNLOADING
            self.reason = 'found closed at the start'
            self.journal.info('output contactors found closed at the start', now_s=now_s)

    def _happen(self, event, now_s, reason=''):
        before = self.stage
        if (before, event) not in TRANSITIONS:
            return
        self.stage = TRANSITIONS[before, event]
        self.reason = reason
        self._entered_s = now_s
        because = f': {reason}' if reason else ''
        self.journal.info(
            f'output contactors {before.name} -> {self.stage.name} ({event.value}){because}',
            now_s=now_s,
        )

    def _fail(self, why, now_s):
        # What may carry current stays closed until it is gone.
        self._unloads = self.stage in (Stage.CLOSED, Stage.UNLOADING)
        self._controller_says_close = False
        self.journal.error(f'output stage fault latched: {why}', now_s=now_s)
        self._happen(Happening.FAULT, now_s, why)


_STEPS = {
    Stage.OPEN: OutputStage._while_open,
    Stage.CLOSING: OutputStage._while_closing,
    Stage.CLOSED: OutputStage._while_closed,
    Stage.UNLOADING: OutputStage._while_unloading,
    Stage.OPENING: OutputStage._while_opening,
    Stage.FAULT: OutputStage._while_faulty,
}
