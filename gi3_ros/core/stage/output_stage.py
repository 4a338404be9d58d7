# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
The output stage: everything between the power modules' capacitors and the pistol.

What lies there is the :class:`Installation`; each has its own table of moves and its own steps, in
a class of its own: :mod:`.followed` for what is not ours to move, :mod:`.contactors` for output
contactors of our own, :mod:`.v2g` for the precharge stage of CHAdeMO V2G (R47);
:func:`.installations.stage_for` gives the right one. Here is what they share: what is heard, how
it ages, and what forbids a closed path. Each step waits for a measurement or an auxiliary contact.

The controller's ``Output_Contactors`` is what all of them follow (A28, A41). power_control is
asked for nothing: it takes the power away by itself as soon as the stage is not ``CLOSED``.
"""

from collections.abc import Mapping
import dataclasses
import enum
import math
from typing import ClassVar

from ..command import Function, illegality, Request, request_of
from ..config import check, entry
from ..controller_watch import ControllerWatch
from ..deadlines import next_of, ROUNDING_S
from ..hardware import (
    BATTERY_FROM_V,
    ContactorCommand,
    ContactorFeedback,
    DRIVER_TIMEOUT_S,
    ModulesMode,
    PowerMeasurement,
    Stage,
)
from ..interface.layout import Message
from ..interface.signals import (
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    ChargeStatusChange,
    DcPowerControl,
    EmergencyStop,
    NewChargeSession,
)
from ..journal import Journal
from ..timing import FEEDBACK_MAX_AGE_S, MEASUREMENT_MAX_AGE_S, POWER_MAX_AGE_S
from .precharge import Progress

MOVING_S = 0.02
"""While the contacts move, or may: their feedback and the readings tell what they do."""
RESTING_S = 0.05
"""Behind a path that is closed for good; a reading is looked at when it comes."""
IDLE_S = 0.1
"""Behind a path that is open, with nobody who wants it closed."""
SETTLING_S = 1.0
"""After a move; longer than any contact takes."""


class Installation(enum.Enum):
    """What lies between the power modules and the pistol; the value is the parameter's."""

    NONE = 'none'
    """Nothing: the cable is all there is."""
    CONTROLLER_RELAY = 'controller_relay'
    """Contactors whose coils hang on the controller's relay (R45)."""
    OWN_CONTACTORS = 'own_contactors'
    """Output contactors that this node commands."""
    CONTROLLER_V2G = 'controller_v2g'
    """The CHAdeMO V2G stage, run by the controller: chademo_precharge = true (R47)."""
    OWN_V2G = 'own_v2g'
    """The CHAdeMO V2G stage, commanded by this node."""


class Happening(enum.Enum):
    """What moves the stage."""

    CLOSE_WANTED = 'close wanted'
    OPEN_WANTED = 'open wanted'
    CURRENT_GONE = 'current gone'
    CONTACTS_CLOSED = 'contacts closed'
    CONTACTS_OPEN = 'contacts open'
    PRECHARGE_WANTED = 'precharge wanted'
    PRECHARGE_CLOSED = 'precharge relay closed'
    VOLTAGES_MATCH = 'voltages match'
    PRECHARGE_OPEN = 'precharge relay open'
    NO_BATTERY = 'no battery came'
    EMERGENCY = 'emergency'
    FAULT = 'fault'
    RESET = 'fault reset'


@dataclasses.dataclass(frozen=True, slots=True)
class StageConfig:
    """Parameters of the output stage."""

    installation: str = entry(
        Installation.OWN_CONTACTORS.value,
        'what lies between modules and pistol: none, controller_relay (R45), own_contactors, '
        'controller_v2g (chademo_precharge = true in the controller, R47) or own_v2g')
    max_closing_difference: float = entry(
        20.0, 'V across open contacts at which they may close', 1.0, 50.0)
    max_opening_current: float = entry(
        1.0, 'A at which they may open, CCS (R42)', 0.1, 5.0)
    max_opening_current_chademo: float = entry(
        5.0, 'A at which they may open, CHAdeMO (R42)', 0.1, 5.0)
    unloading_timeout: float = entry(
        1.0, 's to wait for the current to go, then they open all the same', 0.6, 5.0)
    contact_timeout: float = entry(
        0.3, 's for the auxiliary contacts to follow', 0.05, 2.0)
    precharge_resistance: float = entry(
        500.0, 'Ohm of the resistor behind the precharge relay (R47)', 1.0, 100e3)
    output_capacitance: float = entry(
        400e-6, "F of the power modules' output, which it charges", 1e-6, 0.1)
    max_precharge_time: float = entry(
        3.0, 's that the precharge relay is closed at the most', 0.2, 30.0)
    max_precharge_energy: float = entry(
        150.0, 'J into the resistor in one attempt', 1.0, 100e3)
    max_precharge_attempts: int = entry(
        3, 'attempts within precharge_attempts_period', 1, 100)
    precharge_attempts_period: float = entry(
        60.0, 's in which the resistor cools from max_precharge_attempts', 1.0, 3600.0)
    main_output: int = entry(
        0, 'digital output 1..4 of the controller, CAN_Controlled and at most 100 mA, that drives '
        'the output contactors or the main relay; 0: contactor_command does', 0, 4)
    precharge_output: int = entry(
        0, 'the same for the precharge relay', 0, 4)

    def __post_init__(self) -> None:
        check(self)
        known = [each.value for each in Installation]
        if self.installation not in known:
            raise ValueError(
                f'installation is {self.installation!r}, permitted are {", ".join(known)}')
        if not self.has_output_contactors and (self.main_output or self.precharge_output):
            raise ValueError(
                f'main_output and precharge_output have no meaning with {self.installation}')
        if self.precharge_output and self.kind is not Installation.OWN_V2G:
            raise ValueError(f'precharge_output has no meaning with {self.installation}')
        if self.main_output and self.main_output == self.precharge_output:
            raise ValueError(f'main_output and precharge_output are both {self.main_output}')

    @property
    def kind(self) -> Installation:
        """The installation."""
        return Installation(self.installation)

    @property
    def has_output_contactors(self) -> bool:
        """Whether there are contacts that this charger commands itself."""
        return self.kind in (Installation.OWN_CONTACTORS, Installation.OWN_V2G)

    @property
    def time_constant_s(self) -> float:
        """Of the precharge."""
        return self.precharge_resistance * self.output_capacitance


Transitions = Mapping[tuple[Stage, Happening], Stage]


class OutputStage:
    """
    What all installations have in common; :func:`.installations.stage_for` makes the right one.

    ``now_s`` is seconds on one monotonic clock; for an input the time at which it was true.
    """

    TRANSITIONS: ClassVar[Transitions] = {}
    """Every move of the stage. What is not here does not happen."""

    def __init__(self, config: StageConfig) -> None:
        self.config = config
        self.journal = Journal()
        self.stage = Stage.OPEN
        self.reason = 'nothing heard yet'
        self._entered_s = -math.inf
        self._controller = ControllerWatch()
        self._command = DcPowerControl()
        self._says_close = False
        self._is_chademo = False
        self._battery_may_be_connected = False
        self._is_ready_for_transfer = False
        """Charge_Started or a transfer: the vehicle has closed its contactors."""
        self._power_s = -math.inf
        self._power_fault = ''
        self._is_power_enabled = False
        self._is_power_commanded = False
        self._modules_mode = ModulesMode.OFF
        self._modules_mode_s = -math.inf
        self._measurement: PowerMeasurement | None = None
        self._measured_s = -math.inf
        self._feedback = ContactorFeedback()
        self._feedback_s = -math.inf
        self._ticked_s = -math.inf
        self._has_news = True
        """Something has changed that may move the stage: a decision is due now."""

    # Inputs

    def receive(self, message: Message, *, now_s: float) -> None:
        """Take a decoded message of the controller; others are ignored."""
        if isinstance(message, AdvanticsControllerStatus):
            before = self._controller.see_status(message.state, now_s=now_s)
            self._has_news |= message.state != before
            if self._controller.is_idle:
                self._end_session()
                self._forget_battery()
        elif isinstance(message, EmergencyStop):
            self._controller.see_emergency(now_s=now_s)
            self._has_news = True
        elif isinstance(message, NewChargeSession):
            self._is_chademo = message.plug_and_pins == NewChargeSession.PlugAndPins.CHADEMO
        elif isinstance(message, ChargeStatusChange):
            started = ChargeStatusChange.VehicleReadyForCharging.CHARGE_STARTED
            if message.vehicle_ready_for_charging == started:
                self._battery_may_be_connected = self._is_ready_for_transfer = True
                self._has_news = True
        elif isinstance(message, ChargeSessionFinished):
            # An undefined label controls nothing (1.4).
            if isinstance(message.state, ChargeSessionFinished.State):
                self._end_session()
                self._has_news = True
        elif isinstance(message, DcPowerControl):
            self._receive_command(message, now_s)

    def measure(self, measurement: PowerMeasurement, *, now_s: float) -> None:
        """Take a reading of the power modules' driver."""
        if math.isfinite(measurement.voltage_v) and math.isfinite(measurement.current_a):
            self._measurement, self._measured_s = measurement, now_s
            # Open, told to stay so and empty, nothing hangs on a single reading.
            self._has_news |= (
                self.stage is not Stage.OPEN or self._says_close
                or measurement.voltage_v >= BATTERY_FROM_V
                or abs(measurement.current_a) > self._switchable_a)

    def see_contacts(self, feedback: ContactorFeedback, *, now_s: float) -> None:
        """Take a report of the contactors' driver."""
        before = self._feedback
        self._has_news |= self.stage is not Stage.OPEN or (
            (feedback.output, feedback.precharge) != (before.output, before.precharge)
            or feedback.pistol_voltage_v >= BATTERY_FROM_V)
        self._feedback, self._feedback_s = feedback, now_s

    def see_power(
        self, fault: str, *, is_enabled: bool, is_commanded: bool = False, now_s: float,
    ) -> None:
        """
        Take a report of power_control.

        :param fault: its latched fault in words, empty when there is none
        :param is_enabled: whether it is in a session, with System_Enable given
        :param is_commanded: whether a power function is in force
        """
        before = self._power_fault, self._is_power_enabled, self._is_power_commanded
        self._power_fault, self._power_s = fault, now_s
        self._is_power_enabled, self._is_power_commanded = is_enabled, is_commanded
        self._has_news |= before != (fault, is_enabled, is_commanded)

    def see_setpoint(self, mode: ModulesMode, *, now_s: float) -> None:
        """Take what power_control tells the modules to do, a :class:`ModulesMode`."""
        self._has_news |= mode is not self._modules_mode
        self._modules_mode, self._modules_mode_s = mode, now_s

    # What people ask for

    def request_open(self, *, now_s: float) -> str:
        """
        Open on an operator's wish, until :meth:`request_close` or the end of the session.

        :returns: words that say what happens now
        :raises ValueError: with the reason of the refusal
        """
        raise ValueError(self._nothing_of_our_own)

    def request_close(self, *, now_s: float) -> str:
        """
        Give the contactors back to the controller's command, and close if it says Close.

        :returns: words that say what happens now
        :raises ValueError: with the reason of the refusal
        """
        raise ValueError(self._nothing_of_our_own)

    def reset_fault(self, *, now_s: float) -> None:
        """
        Clear a latched fault.

        :raises ValueError: while its cause is still there, with the cause in words
        """
        if self.stage is not Stage.FAULT:
            raise ValueError('no fault is latched')
        why = self._cause_still_there(now_s)
        if why:
            raise ValueError(f'{why}; the fault stays: {self.reason}')
        self._happen(Happening.RESET, now_s)

    @property
    def _nothing_of_our_own(self) -> str:
        return f'this charger has no output contactors of its own ({self.config.installation})'

    # The tick

    def tick(self, *, now_s: float) -> ContactorCommand | None:
        """
        Decide what the contacts shall do.

        :returns: the command for their driver, or ``None`` as long as it is not known where they
            are: whoever was here before us may have left them closed under load
        """
        self._has_news, self._ticked_s = False, now_s
        if self._must_stay_open(now_s):
            # Forgotten, not remembered: to close again the controller must say it again.
            self._says_close = False
        getattr(self, f'_while_{self.stage.name.lower()}')(now_s)
        return ContactorCommand(reason=self.reason)

    @property
    def due_s(self) -> float:
        """When :meth:`tick` has something to do next, if nothing is heard until then."""
        if self._has_news:
            return -math.inf
        return next_of(
            self._ticked_s + self._step_s, self._controller.silent_s, self._controller.calm_s,
            self._power_s + POWER_MAX_AGE_S + ROUNDING_S, after_s=self._ticked_s)

    @property
    def _step_s(self) -> float:
        """After what time to look again although nothing is heard."""
        is_settled = self._ticked_s - self._entered_s >= SETTLING_S
        if self.stage is Stage.OPEN and is_settled and not self._says_close:
            return IDLE_S
        return RESTING_S if self.stage is Stage.CLOSED and is_settled else MOVING_S

    @property
    def battery_may_be_connected(self) -> bool:
        """Whether a battery may be at the pistol: then nothing is bled through a closed path."""
        return self._battery_may_be_connected

    def told(self, *, now_s: float) -> Stage:
        """Return the stage as it is told to others: ``UNKNOWN`` where nobody can know it."""
        return self.stage

    def take_progress(self, *, now_s: float) -> Progress | None:
        """Return where a precharge of the stage is, ``None`` without one."""
        return None

    # Messages of the controller

    def _receive_command(self, command: DcPowerControl, now_s: float) -> None:
        if illegality(command):
            return  # power_control names it; a bad frame changes nothing
        says_close = command.output_contactors == DcPowerControl.OutputContactors.CLOSE
        if not says_close and command.power_function not in (Function.OFF, Function.STANDBY):
            self.journal.finding(
                'contactors', f'{Function(command.power_function).name} with Output_Contactors '
                'Open contradicts itself: contactors stay as they are', now_s=now_s,
            )
            return
        self._says_close = says_close
        self._has_news = True
        self._on_command(command, request_of(command))

    def _on_command(self, command: DcPowerControl, request: Request) -> None:
        """Take a good command; ``_says_close`` is taken already."""
        self._command = command
        if request in (Request.PRECHARGE, Request.POWER_TRANSFER):
            self._battery_may_be_connected = True
        self._is_ready_for_transfer |= request is Request.POWER_TRANSFER

    def _end_session(self) -> None:
        self._says_close = self._is_ready_for_transfer = False

    def _forget_battery(self) -> None:
        """Forget the battery of a session: the controller is idle."""
        self._battery_may_be_connected = False

    # Conditions

    def _forbidden(self, now_s: float) -> str:
        """Say why the path must not be closed at all; empty when it may be."""
        why = self._must_stay_open(now_s)
        if not why and not self._is_power_enabled:
            why = 'power_control is in no session'
        if not why and not self._says_close:
            why = 'the controller says Open'
        return why

    def _must_stay_open(self, now_s: float) -> str:
        """Name what takes even a Close that was said back; empty when nothing does."""
        # Without the age: a reason that changes with each tick would be told with each tick.
        why = self._no_word_of_the_controller(now_s)
        if why:
            return why
        if now_s - self._power_s >= POWER_MAX_AGE_S:
            return 'power_control silent'
        if self._power_fault:
            return f'power_control: {self._power_fault}'
        return ''

    def _no_word_of_the_controller(self, now_s: float) -> str:
        if not self._controller.is_alive(now_s=now_s):
            return 'controller silent (R1)'
        if self._controller.has_emergency(now_s=now_s):
            return 'Emergency_Stop is in force (R38)'
        return ''

    def _does_not_float(self, now_s: float) -> str:
        """Say why the modules cannot be trusted to float; empty when they do (A41)."""
        if now_s - self._modules_mode_s >= DRIVER_TIMEOUT_S:
            return 'what the modules do is unknown: no fresh setpoint'
        if self._modules_mode is not ModulesMode.OFF:
            return f'the modules do not float: {self._modules_mode.name}'
        return ''

    def _fresh_reading(self, now_s: float) -> PowerMeasurement | None:
        return self._measurement if now_s - self._measured_s < MEASUREMENT_MAX_AGE_S else None

    @property
    def _switchable_a(self) -> float:
        config = self.config
        return (config.max_opening_current_chademo if self._is_chademo
                else config.max_opening_current)

    def _pistol_v(self, now_s: float) -> float:
        """Return the voltage at the vehicle's side, NaN where it is not measured (any more)."""
        if now_s - self._feedback_s >= FEEDBACK_MAX_AGE_S:
            return math.nan
        return self._feedback.pistol_voltage_v

    def _load(self, now_s: float) -> str:
        """Say how much flows when it is too much to switch; empty when it is not."""
        reading = self._fresh_reading(now_s)
        if reading is None:
            return 'the current is unknown'
        if abs(reading.current_a) > self._switchable_a:
            return (f'{reading.current_a:.1f} A flow, {self._switchable_a:g} A is the most to '
                    'switch (R42)')
        return ''

    def _cause_still_there(self, now_s: float) -> str:
        return self._load(now_s)

    # Moves

    def _happen(self, event: Happening, now_s: float, reason: str = '') -> None:
        before = self.stage
        if (before, event) not in self.TRANSITIONS:
            return
        self.stage = self.TRANSITIONS[before, event]
        self._has_news = True
        self.reason = reason
        self._entered_s = now_s
        because = f': {reason}' if reason else ''
        self.journal.info(
            f'output stage {before.name} -> {self.stage.name} ({event.value}){because}',
            now_s=now_s,
        )

    def _fail(self, why: str, now_s: float) -> None:
        self._says_close = False
        self.journal.error(f'output stage fault latched: {why}', now_s=now_s)
        self._happen(Happening.FAULT, now_s, why)

    def _while_fault(self, now_s: float) -> None:
        """Stay until it is reset."""
