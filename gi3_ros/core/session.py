"""
What a robot or an operator wants of a charge, and what becomes of it.

The only author of Sequence_Control (R34 to R39), and the story of the session for people: its
phase, its energy, how it ended. Nothing here decides about power.
"""

import dataclasses
import enum
import math

from .availability import Availability
from .config import entry
from .controller_watch import CHARGE_PAUSE, IDLE_STATES
from .hardware import BATTERY_FROM_V, Stage
from .interface.signals import (
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    DcPowerParameters,
    EmergencyStop,
    EvInformationBattery,
    NewChargeSession,
    SequenceControl,
)
from .journal import Journal
from .timing import (
    CONTROLLER_TIMEOUT_S,
    EMERGENCY_CLEAR_S,
    FEEDBACK_MAX_AGE_S,
    MEASUREMENT_MAX_AGE_S,
    STAGE_MAX_AGE_S,
)

State = AdvanticsControllerStatus.State

BUTTON_S = 0.3
"""How long a button stays pressed: long enough to be seen, then back, as only the edge acts
(R39)."""
PRESS_WITHIN_S = 1.0
"""A press that could not be told to the controller for so long is forgotten."""
REPEAT_S = 2.0
"""A controller that stays in Not_Available although it may start, or waits for a vehicle although
it may not, has not heard us (A7, R35)."""
REPEAT_IN_SESSION_S = 1.0
"""The whole word again: levels lose nothing by it, and buttons act on the edge only (R34, R39)."""
PRE_AUTHORISATION_S = 120.0
"""A result given before the vehicle came is forgotten after this time."""
SAFE_CURRENT_A = 1.0
SAFE_VOLTAGE_V = 20.0
"""R15, R44: the plug may be pulled below these."""
FLOWING_A = 0.5
"""More than the offset of a current sensor: energy goes into the battery, or comes out of it."""
HEEDED_S = 1.0
"""A vehicle that begins so long after the permission was withdrawn was let in without it (R34)."""
START_HEEDED_S = 10.0
"""A start button that has led nowhere after this time was heard by nobody."""
UNKNOWN_STATE = 255
"""Told as the controller's state when it is not heard; no version has it as a label."""


class Phase(enum.IntEnum):
    """The charge as people see it; the numbers are those of ``ChargeSession.msg``."""

    DISCONNECTED = 0
    NEGOTIATING = 1
    AUTHORISING = 2
    PREPARING = 3
    INSULATION_TEST = 4
    PRECHARGE = 5
    WAITING = 6
    CHARGING = 7
    ENDING = 8
    FINISHED = 9
    UNAVAILABLE = 10
    NO_CONTROLLER = 11
    PAUSED = 12
    UNKNOWN = 13
    """A state without a label here is a session that goes on, whatever it is."""


PHASE_OF_STATE = {
    State.INITIALISING: Phase.UNAVAILABLE,
    State.NOT_AVAILABLE: Phase.UNAVAILABLE,
    State.WAITING_FOR_PEV: Phase.DISCONNECTED,
    State.NEGOTIATING_CONNECTION: Phase.NEGOTIATING,
    State.CCS_AUTHORISATION_PROCESS: Phase.AUTHORISING,
    State.CONNECTED_WITH_FULL_INFO: Phase.PREPARING,
    State.INSULATION_TEST: Phase.INSULATION_TEST,
    State.PRECHARGE: Phase.PRECHARGE,
    State.WAITING_FOR_CHARGE: Phase.WAITING,
    State.CHARGING: Phase.CHARGING,
    State.ENDING_CHARGE: Phase.ENDING,
    State.WELDING_DETECTION: Phase.ENDING,
    State.CLOSING_COMMUNICATION: Phase.FINISHED,
    CHARGE_PAUSE: Phase.PAUSED,
}
"""The controller's state is informative (A5): it tells the story, it never moves power."""

_ANNOUNCING = frozenset({
    State.NEGOTIATING_CONNECTION, State.CCS_AUTHORISATION_PROCESS, State.CONNECTED_WITH_FULL_INFO,
})
"""States in which a New_Charge_Session begins a session."""
_ENDING = frozenset({
    State.ENDING_CHARGE, State.WELDING_DETECTION, State.CLOSING_COMMUNICATION,
})
_LET_GO = IDLE_STATES - {State.INITIALISING}
"""Where the controller has let the plug go (R44); one that has just started knows nothing."""


@dataclasses.dataclass(frozen=True, slots=True)
class SessionConfig:
    """Parameters of the session."""

    start_allowed: bool = entry(
        True, 'a vehicle may start (Start_Charge_Authorisation, R35) as long as no fault is '
        'latched; false: only after the service set_availability')
    auto_authorise: bool = entry(
        False, 'answer an external authorisation with Valid by itself; false waits for the '
        'service authorise (R36)')


@dataclasses.dataclass(frozen=True, slots=True)
class Story:
    """The charge so far. Watt hours, seconds, watts; state of charge 0..1 or NaN."""

    phase: Phase
    controller_state: int
    protocol: str
    energy_charged_wh: float
    energy_discharged_wh: float
    duration_s: float
    peak_power_w: float
    state_of_charge: float
    end_reason: str
    note: str = ''


class Charging(enum.IntEnum):
    """What the battery does; the numbers are those of ``sensor_msgs/BatteryState``."""

    UNKNOWN = 0
    CHARGING = 1
    DISCHARGING = 2
    NOT_CHARGING = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Battery:
    """What is known of the vehicle's battery right now. Volts, amperes, 0..1; NaN is unknown."""

    voltage_v: float = math.nan
    current_a: float = math.nan
    """Positive into the battery."""
    state_of_charge: float = math.nan
    charging: Charging = Charging.UNKNOWN
    is_present: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Words:
    """All that session says to people and robots, true at one moment."""

    story: Story
    battery: Battery
    is_safe_to_unplug: bool
    why_not_available: str
    """Empty when a charge may begin."""

    @property
    def news(self):
        """Return what is worth a word before the next repeat."""
        story, battery = self.story, self.battery
        return (
            story.phase, story.controller_state, story.end_reason, self.is_safe_to_unplug,
            self.why_not_available, battery.charging, battery.is_present,
            math.isnan(battery.voltage_v), math.isnan(battery.state_of_charge),
        )

    def last(self, why: str) -> 'Words':
        """
        Return what is left to say for one who says nothing any more.

        What was counted stays, as it was so; of what is so now nothing is known.
        """
        story = dataclasses.replace(
            self.story, phase=Phase.UNKNOWN, controller_state=UNKNOWN_STATE,
            state_of_charge=math.nan, note=why)
        return Words(story, Battery(), is_safe_to_unplug=False, why_not_available=why)


NOTHING_KNOWN = Words(
    Story(Phase.UNKNOWN, UNKNOWN_STATE, '', 0.0, 0.0, 0.0, 0.0, math.nan, ''), Battery(),
    is_safe_to_unplug=False, why_not_available='nothing is known yet')


class _Button:
    """A button that acts on its edge: held for a while, let go for a while (R39)."""

    def __init__(self):
        self._pressed_s = -math.inf
        self._is_told = True

    def press(self, *, now_s):
        """Press it; returns whether that is a new edge."""
        is_new = now_s - self._pressed_s >= 2 * BUTTON_S
        if is_new:
            self._pressed_s, self._is_told = now_s, False
        return is_new

    def told(self, *, now_s: float) -> None:
        """Take that the controller is told: a press is held from then on."""
        if not self._is_told:
            self._pressed_s, self._is_told = now_s, True

    def is_held(self, *, now_s):
        """Tell whether it is pressed at this moment."""
        return now_s - self._pressed_s < (BUTTON_S if self._is_told else PRESS_WITHIN_S)

    def let_go(self):
        """Forget that it was pressed."""
        self._pressed_s, self._is_told = -math.inf, True


class SessionControl:
    """The session of one pistol; ``now_s`` is seconds on one monotonic clock."""

    def __init__(self, config):
        self.config = config
        self.journal = Journal()
        self._word = SequenceControl()
        self._is_word_due = False
        self._sent_s = -math.inf
        self._availability = Availability(config.start_allowed)
        self._is_initialised = False
        """Whether the controller was idle since we, or it, began: before that nothing is given."""
        self._withheld_s = math.inf
        """Since when the controller has been told that no vehicle may begin."""
        self._stop_button = _Button()
        self._start_button = _Button()
        self._start_pressed_s = None
        """When the start button was pressed for a charge that has not begun yet."""
        self._pre_authorised = None
        self._pre_authorised_s = -math.inf
        self._has_parameters = False
        self._is_announced = False
        """By New_Charge_Session, whatever the state says yet."""
        self._state = None
        self._state_s = -math.inf
        self._let_go_in_a_row = 0
        self._began_s = None
        self._ended_s = None
        self._protocol = ''
        self._end_reason = ''
        self._emergency = ''
        self._emergency_s = -math.inf
        self._power_fault = ''
        self._state_of_charge = math.nan
        self._charged_wh = 0.0
        self._discharged_wh = 0.0
        self._peak_w = 0.0
        self._measurement = None
        self._measured_s = -math.inf
        self._stage = Stage.UNKNOWN
        self._has_output_contactors = True
        self._stage_s = -math.inf
        self._pistol_v = math.nan
        self._pistol_s = -math.inf

    # Inputs

    def receive(self, message, *, now_s):
        """Take a decoded message of the controller, or our own DC_Power_Parameters."""
        handler = _HANDLERS.get(type(message))
        if handler is not None:
            handler(self, message, now_s)

    def measure(self, measurement, *, now_s):
        """
        Take a reading of the power modules' driver and count the energy since the last.

        :returns: whether it was taken; one that is no number or older than the last is not
        """
        if now_s < self._measured_s or not (
                math.isfinite(measurement.voltage_v) and math.isfinite(measurement.current_a)):
            return False
        elapsed_s = now_s - self._measured_s
        if (self._measurement is not None and self._began_s is not None
                and self._ended_s is None and 0 < elapsed_s < MEASUREMENT_MAX_AGE_S):
            before = self._measurement
            power_w = (
                before.voltage_v * before.current_a
                + measurement.voltage_v * measurement.current_a
            ) / 2
            energy_wh = power_w * elapsed_s / 3600
            self._charged_wh += max(0.0, energy_wh)
            self._discharged_wh += max(0.0, -energy_wh)
            self._peak_w = max(self._peak_w, abs(power_w))
        self._measurement, self._measured_s = measurement, now_s
        return True

    def see_power(self, fault, *, now_s):
        """Take power_control's latched fault in words, empty when there is none."""
        self._power_fault = fault
        self._availability.see_power(fault, now_s=now_s)

    def see_stage(self, stage, reason='', *, has_output_contactors=True, now_s):
        """Take a report of the output stage: where it is, why, and whose its contacts are."""
        self._stage, self._stage_s = Stage(stage), now_s
        self._has_output_contactors = has_output_contactors
        self._availability.see_stage(
            self._stage, reason, has_output_contactors=has_output_contactors, now_s=now_s)

    def see_pistol(self, voltage_v, *, now_s):
        """Take the voltage at the vehicle's side of the output contactors, NaN if unmeasured."""
        self._pistol_v, self._pistol_s = voltage_v, now_s

    @property
    def start_forbidden(self):
        """The word that lets no further vehicle begin; a charge that runs goes on (A35)."""
        return dataclasses.replace(
            self._word,
            start_charge_authorisation=SequenceControl.StartChargeAuthorisation.NOT_ALLOWED,
            # Nobody would be left to let them go (R39).
            chademo_start_button=SequenceControl.ChademoStartButton.NOT_PRESSED,
            user_stop_button=SequenceControl.UserStopButton.NOT_PRESSED,
        )

    # Requests

    def authorise(self, is_valid, *, now_s):
        """
        Give the result of an external authorisation (R36).

        :returns: words that say what it does
        :raises ValueError: with the reason of the refusal
        """
        self._refuse_without_controller(now_s)
        result = 'valid' if is_valid else 'refused'
        if self._state == State.CCS_AUTHORISATION_PROCESS:
            self._set_authorisation(is_valid, now_s)
            return f'{result}: told to the controller'
        if self._state in IDLE_STATES or self._state == State.NEGOTIATING_CONNECTION:
            self._pre_authorised, self._pre_authorised_s = is_valid, now_s
            return (
                f'{result}: kept for {PRE_AUTHORISATION_S:g} s for the vehicle that comes next'
            )
        raise ValueError(
            f'the controller is past the authorisation ({_name(self._state)}); '
            'to end this charge call stop_charge'
        )

    def stop_charge(self, *, now_s):
        """
        Press the user's stop button: the regular end of a charge (R39).

        :returns: words that say what happens now
        :raises ValueError: with the reason of the refusal
        """
        self._refuse_without_controller(now_s)
        # An edge of the button outside of a session does nothing (R39).
        is_only_plugged = self._state == State.NEGOTIATING_CONNECTION and not self._is_announced
        if self._state in IDLE_STATES | _ENDING or is_only_plugged:
            raise ValueError(f'no charge to stop: the controller is in {_name(self._state)}')
        if not self._stop_button.press(now_s=now_s):
            return 'already asked for'
        self._set_buttons(now_s)
        self.journal.info('stop asked for', now_s=now_s)
        return 'the vehicle is asked to end the charge'

    def start_charge(self, *, now_s: float) -> str:
        """
        Press CHAdeMO_Start_Button: the charge of a plugged CHAdeMO vehicle begins (R39).

        Only where it acts at once: a controller remembers a press that it may not follow yet, and
        would begin when nobody expects it (R35).

        :returns: words that say what happens now
        :raises ValueError: with the reason of the refusal
        """
        self._refuse_without_controller(now_s)
        if self._state not in IDLE_STATES:
            raise ValueError(f'a charge is under way: the controller is in {_name(self._state)}')
        why = self.why_not_available(now_s=now_s)
        if why:
            raise ValueError(f'no charge may begin: {why}')
        if not self._start_button.press(now_s=now_s):
            return 'already asked for'
        self._start_pressed_s = now_s
        self._set_buttons(now_s)
        self.journal.info('start asked for', now_s=now_s)
        return ('CHAdeMO_Start_Button is pressed: a plugged CHAdeMO vehicle begins; CCS begins '
                'by itself')

    def set_availability(
        self, is_available: bool, *, reason: str = '', duration_s: float = 0.0, now_s: float,
    ) -> str:
        """
        Take the pistol out of service or give it back (R35); a charge that runs goes on (A35).

        :param duration_s: how long this holds, 0 until the next call
        :returns: words that say what holds now
        :raises ValueError: with the reason of the refusal
        """
        self._availability.ask(
            is_available, reason=reason, duration_s=duration_s, now_s=now_s)
        why = self._availability.why_not(now_s=now_s)
        words = f'not available: {why}' if why else 'available: a vehicle may begin'
        if duration_s:
            words += f'; asked for {duration_s:g} s'
        if not is_available and self._is_in_session(now_s):
            words += '; the charge that runs goes on, to end it call stop_charge'
        return words

    def _refuse_without_controller(self, now_s):
        if not self._is_controller_alive(now_s):
            raise ValueError('nothing is heard from the controller')

    # The tick

    def tick(self, *, now_s):
        """Return the Sequence_Control word to send now, or ``None``."""
        self._set_permission(now_s)
        self._set_buttons(now_s)
        self._watch_start(now_s)
        if self._is_unheeded and now_s - self._sent_s >= REPEAT_S:
            self._is_word_due = True
        if (self._state is not None and self._state not in IDLE_STATES
                and now_s - self._sent_s >= REPEAT_IN_SESSION_S):
            self._is_word_due = True
        # What is said to a controller that starts is not taken as initialisation (R34, A7).
        if (not self._is_word_due or not self._is_controller_alive(now_s)
                or self._state == State.INITIALISING):
            return None
        self._is_word_due = False
        self._sent_s = now_s
        for button, is_pressed in ((self._stop_button, self._word.user_stop_button),
                                   (self._start_button, self._word.chademo_start_button)):
            if is_pressed:
                button.told(now_s=now_s)
        self._withheld_s = math.inf if self._word.start_charge_authorisation else min(
            self._withheld_s, now_s)
        return self._word

    @property
    def _is_unheeded(self):
        idle = State.NOT_AVAILABLE if self._word.start_charge_authorisation else (
            State.WAITING_FOR_PEV)
        return self._state == idle

    # What is told

    def words(self, *, now_s: float) -> Words:
        """Tell all of it, as far as it is known now: what nobody repeats is unknown."""
        return Words(
            self.story(now_s=now_s), self.battery(now_s=now_s),
            self.is_safe_to_unplug(now_s=now_s), self.why_not_available(now_s=now_s))

    def story(self, *, now_s):
        """Tell the charge so far."""
        is_alive = self._is_controller_alive(now_s)
        duration_s = 0.0
        if self._began_s is not None:
            # Of a session whose controller is silent nobody knows whether it goes on.
            until_s = now_s if is_alive else max(self._state_s, self._began_s)
            duration_s = (until_s if self._ended_s is None else self._ended_s) - self._began_s
        phase = PHASE_OF_STATE.get(self._state, Phase.UNKNOWN)
        return Story(
            phase if is_alive else Phase.NO_CONTROLLER,
            int(self._state) if is_alive else UNKNOWN_STATE, self._protocol,
            self._charged_wh, self._discharged_wh, duration_s, self._peak_w,
            self._state_of_charge if is_alive else math.nan, self._end_reason,
            self._note(phase) if is_alive else 'nothing is heard from the controller',
        )

    def _note(self, phase):
        if phase is Phase.UNKNOWN:
            return (f'the controller is in {_name(self._state)}, which this version does not '
                    'know: taken for a session that goes on')
        return 'the charge is paused, contactors may be closed' if phase is Phase.PAUSED else ''

    def battery(self, *, now_s: float) -> Battery:
        """Tell what is known of the vehicle's battery right now."""
        if not self._is_controller_alive(now_s) or self._state in IDLE_STATES:
            return Battery()
        charge = self._state_of_charge
        battery = Battery(
            state_of_charge=charge,
            is_present=not math.isnan(charge) and self._ended_s is None)
        if not self._is_battery_on_output(now_s):
            return battery
        reading = self._measurement
        return dataclasses.replace(
            battery, voltage_v=reading.voltage_v, current_a=reading.current_a,
            charging=(
                Charging.CHARGING if reading.current_a > FLOWING_A
                else Charging.DISCHARGING if reading.current_a < -FLOWING_A
                else Charging.NOT_CHARGING))

    def _is_battery_on_output(self, now_s):
        """Tell whether what is measured at the output is the battery: all is closed and fresh."""
        return (
            self._state in (State.WAITING_FOR_CHARGE, State.CHARGING)
            and self._stage is Stage.CLOSED and now_s - self._stage_s < STAGE_MAX_AGE_S
            and now_s - self._measured_s < MEASUREMENT_MAX_AGE_S
            # Behind a diode the output may be empty (R46): that is not the battery's voltage.
            and self._measurement.voltage_v >= BATTERY_FROM_V
        )

    def is_safe_to_unplug(self, *, now_s):
        """
        Tell whether the plug may be pulled; what is unknown is not safe.

        What counts is the voltage at the pistol. Where it is not measured, open contactors hide
        it, our own or those on the controller's relay: then only a controller without a session
        is trusted, which has let the plug go (R44). A state that is not known is a session.
        """
        if not self._is_controller_alive(now_s) or (
                now_s - self._measured_s >= MEASUREMENT_MAX_AGE_S
                or now_s - self._stage_s >= STAGE_MAX_AGE_S):
            return False
        # One odd status among good ones does not say that a session is over.
        volts, is_over = self._measurement.voltage_v, self._let_go_in_a_row >= 2
        if self._has_output_contactors:
            is_fresh = now_s - self._pistol_s < FEEDBACK_MAX_AGE_S
            if self._stage is not Stage.OPEN or not is_fresh:
                return False
            if not math.isnan(self._pistol_v):
                volts = max(volts, self._pistol_v)
                is_over |= self._ended_s is not None and self._state in _ENDING
        return (
            is_over
            and abs(self._measurement.current_a) <= SAFE_CURRENT_A
            and volts <= SAFE_VOLTAGE_V
        )

    def why_not_available(self, *, now_s: float) -> str:
        """Say why no charge may begin, with what to do; empty when one may."""
        if not self._is_controller_alive(now_s):
            return 'nothing is heard from the controller: is it on, is the bus up?'
        why = self._availability.why_not(now_s=now_s)
        if not why and now_s - self._emergency_s < EMERGENCY_CLEAR_S:
            why = f'{self._emergency}: it is in force as long as the controller repeats it (R38)'
        if why or self._state not in (State.INITIALISING, State.NOT_AVAILABLE):
            return why or self._why_no_start(now_s)
        return (f'the controller is in {_name(self._state)}: it starts, has not heard '
                'Start_Charge_Authorisation yet, or is not available for a reason of its own')

    # Messages

    def _on_status(self, message, now_s):
        entered = message.state != self._state or not self._is_controller_alive(now_s)
        before, self._state, self._state_s = self._state, message.state, now_s
        self._let_go_in_a_row = self._let_go_in_a_row + 1 if self._state in _LET_GO else 0
        if not entered:
            return
        if self._state not in IDLE_STATES:
            self._on_vehicle(before, now_s)
        if self._state in IDLE_STATES:
            self._reset_for_next(now_s)
        elif self._state == State.CCS_AUTHORISATION_PROCESS:
            pre_authorised = self._pre_authorisation(now_s)
            if pre_authorised is not None:
                self._set_authorisation(pre_authorised, now_s)
        elif self._state == State.CONNECTED_WITH_FULL_INFO:
            self._begin(now_s)
        if before != self._state:
            self.journal.info(f'controller: {_name(self._state)}', now_s=now_s)

    def _on_vehicle(self, before, now_s):
        """Take that the controller has a session; ``before`` is the state that it comes from."""
        self._start_pressed_s = None
        if before in IDLE_STATES:
            # That of the vehicle before; this one has told nothing yet.
            self._state_of_charge = math.nan
        if before in IDLE_STATES and now_s - self._withheld_s >= HEEDED_S:
            self.journal.finding(
                'permission', 'a vehicle begins although Start_Charge_Authorisation is 0: the '
                'controller does not heed it, is use_sequence_flags = true there (R34, R35)?',
                now_s=now_s)

    def _on_new_session(self, message, now_s):
        protocol = message.communication_protocol
        self._protocol = getattr(protocol, 'name', f'protocol {protocol}')
        # It may come before the state, which then waits for Charge_Parameters_Done (A4).
        self._is_announced = self._state in _ANNOUNCING
        if self._is_announced:
            self._begin(now_s)
            self._finish_parameters(now_s)

    def _on_battery(self, message, _now_s):
        self._state_of_charge = min(message.present_state_of_charge / 100, 1.0)

    def _on_finished(self, message, now_s):
        # An undefined label controls nothing (1.4).
        is_defined = isinstance(message.state, ChargeSessionFinished.State)
        if self._ended_s is not None or self._began_s is None or not is_defined:
            return
        self._ended_s = now_s
        self._end_reason = _label(message.state)
        why = self._power_fault or self._emergency
        if message.state != ChargeSessionFinished.State.CLEAN_STOP and why:
            self._end_reason += f': {why}'
        self.journal.info(f'session ended: {self._end_reason}', now_s=now_s)

    def _on_emergency(self, message, now_s):
        self._emergency_s = now_s
        side = getattr(message.origin, 'name', f'origin {message.origin}')
        self._emergency = f'Emergency_Stop raised by {side}'

    def _on_parameters(self, _message, now_s):
        self._has_parameters = True
        self._finish_parameters(now_s)

    # The word

    def _set(self, **flags):
        word = dataclasses.replace(self._word, **flags)
        if word != self._word:
            self._word, self._is_word_due = word, True

    def _why_no_start(self, now_s):
        why = self._availability.why_not(now_s=now_s)
        if why or self._is_initialised:
            return why
        if self._state == State.INITIALISING:
            return 'the controller starts: the start is given when it is ready'
        return ('a session is running that this node has not seen begin: the start is given after '
                'it')

    def _set_permission(self, now_s):
        """Give or withdraw the start: at any time, a charge that runs goes on (R35, A35)."""
        why = self._why_no_start(now_s)
        if bool(self._word.start_charge_authorisation) is not bool(why):
            return
        flags = SequenceControl.StartChargeAuthorisation
        self._set(start_charge_authorisation=flags.NOT_ALLOWED if why else flags.ALLOWED)
        if why:
            # A press that cannot act is remembered by the controller: none is left pending.
            self._start_button.let_go()
            self._start_pressed_s = None
        self.journal.info(
            f'no vehicle may begin: {why}' if why else 'a vehicle may begin', now_s=now_s)

    def _set_buttons(self, now_s):
        self._set(
            user_stop_button=SequenceControl.UserStopButton(
                self._stop_button.is_held(now_s=now_s)),
            chademo_start_button=SequenceControl.ChademoStartButton(
                self._start_button.is_held(now_s=now_s)))

    def _watch_start(self, now_s):
        if self._start_pressed_s is None or now_s - self._start_pressed_s < START_HEEDED_S:
            return
        self._start_pressed_s = None
        self.journal.finding(
            'start button', f'no charge began within {START_HEEDED_S:g} s of the start button: is '
            'a vehicle plugged in, is it a CHAdeMO pistol, is use_sequence_flags = true in the '
            'controller (R34)?', now_s=now_s)

    def _set_authorisation(self, is_valid, now_s):
        # Both in one frame, so that Valid is never later than Done (R36).
        self._set(
            ccs_authorisation_done=SequenceControl.CcsAuthorisationDone.DONE,
            ccs_authorisation_valid=SequenceControl.CcsAuthorisationValid(is_valid),
        )
        self._pre_authorised = None
        self.journal.info(f'authorisation {"valid" if is_valid else "refused"}', now_s=now_s)

    def _pre_authorisation(self, now_s):
        if (self._pre_authorised is not None
                and now_s - self._pre_authorised_s < PRE_AUTHORISATION_S):
            return self._pre_authorised
        return True if self.config.auto_authorise else None

    def _finish_parameters(self, now_s):
        # Only after our limits are on their way: the flag says that they are final (R37).
        is_due = self._state == State.CONNECTED_WITH_FULL_INFO or self._is_announced
        if is_due and self._has_parameters:
            self._set(charge_parameters_done=SequenceControl.ChargeParametersDone.DONE)

    def _reset_for_next(self, now_s):
        """Start from zero at each entry into an idle state, and say so (R34, A7)."""
        if self._began_s is not None and self._ended_s is None:
            self._ended_s = now_s
            self._end_reason = 'ended without Charge_Session_Finished'
        self._is_initialised = self._state != State.INITIALISING
        self._word = SequenceControl(
            start_charge_authorisation=self._word.start_charge_authorisation)
        self._is_word_due = True
        self._stop_button.let_go()
        self._start_button.let_go()
        self._has_parameters = self._is_announced = False

    def _begin(self, now_s):
        if self._began_s is not None and self._ended_s is None:
            return
        self._began_s, self._ended_s = now_s, None
        self._end_reason = self._emergency = ''
        self._charged_wh = self._discharged_wh = self._peak_w = 0.0
        self._state_of_charge = math.nan
        self._finish_parameters(now_s)

    def _is_controller_alive(self, now_s):
        return now_s - self._state_s < CONTROLLER_TIMEOUT_S

    def _is_in_session(self, now_s):
        return self._is_controller_alive(now_s) and self._state not in IDLE_STATES


_HANDLERS = {
    AdvanticsControllerStatus: SessionControl._on_status,
    NewChargeSession: SessionControl._on_new_session,
    EvInformationBattery: SessionControl._on_battery,
    ChargeSessionFinished: SessionControl._on_finished,
    EmergencyStop: SessionControl._on_emergency,
    DcPowerParameters: SessionControl._on_parameters,
}


def _name(state):
    return getattr(state, 'name', f'state {state}')


def _label(state):
    return {0: 'Clean_Stop', 1: 'Rushed_Stop'}.get(int(state), f'finished with {state}')
