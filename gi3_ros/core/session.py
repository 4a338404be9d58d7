"""
What a robot or an operator wants of a charge, and what becomes of it.

The only author of Sequence_Control (R34 to R39), and the story of the session for people: its
phase, its energy, how it ended. Nothing here decides about power.
"""

import dataclasses
import enum
import math

from .config import entry
from .controller_watch import IDLE_STATES
from .journal import Journal
from .signals import (
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    DcPowerParameters,
    EmergencyStop,
    EvInformationBattery,
    NewChargeSession,
    SequenceControl,
)
from .timing import (
    CONTROLLER_TIMEOUT_S,
    FEEDBACK_MAX_AGE_S,
    MEASUREMENT_MAX_AGE_S,
    STAGE_MAX_AGE_S,
)

State = AdvanticsControllerStatus.State

BUTTON_S = 0.3
"""How long a button stays pressed: long enough to be seen, then back, as only the edge acts
(R39)."""
REPEAT_S = 2.0
"""A controller that stays in Not_Available although it may start has not heard us (A7)."""
REPEAT_IN_SESSION_S = 1.0
"""The whole word again: levels lose nothing by it, and buttons act on the edge only (R34, R39)."""
PRE_AUTHORISATION_S = 120.0
"""A result given before the vehicle came is forgotten after this time."""
SAFE_CURRENT_A = 1.0
SAFE_VOLTAGE_V = 20.0
"""R15, R44: the plug may be pulled below these."""


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
}
"""The controller's state is informative (A5): it tells the story, it never moves power."""

_STOPPABLE = frozenset(PHASE_OF_STATE) - IDLE_STATES - {
    State.NEGOTIATING_CONNECTION, State.ENDING_CHARGE, State.WELDING_DETECTION,
    State.CLOSING_COMMUNICATION,
}
_ANNOUNCING = frozenset({
    State.NEGOTIATING_CONNECTION, State.CCS_AUTHORISATION_PROCESS, State.CONNECTED_WITH_FULL_INFO,
})
"""States in which a New_Charge_Session begins a session."""


@dataclasses.dataclass(frozen=True, slots=True)
class SessionConfig:
    """Parameters of the session."""

    start_allowed: bool = entry(
        True, 'Start_Charge_Authorisation from the beginning: a vehicle may start (R35)')
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


class SessionControl:
    """The session of one pistol; ``now_s`` is seconds on one monotonic clock."""

    def __init__(self, config):
        self.config = config
        self.journal = Journal()
        self._word = SequenceControl()
        self._is_word_due = False
        self._sent_s = -math.inf
        self._pressed_s = None
        self._pre_authorised = None
        self._pre_authorised_s = -math.inf
        self._has_parameters = False
        self._is_announced = False
        """By New_Charge_Session, whatever the state says yet."""
        self._state = None
        self._state_s = -math.inf
        self._began_s = None
        self._ended_s = None
        self._protocol = ''
        self._end_reason = ''
        self._emergency = ''
        self._power_fault = ''
        self._state_of_charge = math.nan
        self._charged_wh = 0.0
        self._discharged_wh = 0.0
        self._peak_w = 0.0
        self._measurement = None
        self._measured_s = -math.inf
        self._is_output_open = False
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
        """Take a reading of the power modules' driver and count the energy since the last."""
        if not (math.isfinite(measurement.voltage_v) and math.isfinite(measurement.current_a)):
            return
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

    def see_power(self, fault):
        """Take power_control's latched fault in words, empty when there is none."""
        self._power_fault = fault

    def see_stage(self, is_open, *, has_output_contactors=True, now_s):
        """Take whether the output contactors are open, and whether there are any."""
        self._is_output_open, self._stage_s = is_open, now_s
        self._has_output_contactors = has_output_contactors

    def see_pistol(self, voltage_v, *, now_s):
        """Take the voltage at the vehicle's side of the output contactors, NaN if unmeasured."""
        self._pistol_v, self._pistol_s = voltage_v, now_s

    @property
    def start_forbidden(self):
        """The word that lets no further vehicle begin; a charge that runs goes on (A35)."""
        return dataclasses.replace(
            self._word,
            start_charge_authorisation=SequenceControl.StartChargeAuthorisation.NOT_ALLOWED,
        )

    # Requests

    def authorise(self, is_valid, *, now_s):
        """
        Give the result of an external authorisation (R36).

        :returns: words that say what it does
        :raises ValueError: with the reason of the refusal
        """
        if not self._is_controller_alive(now_s):
            raise ValueError('nothing is heard from the controller')
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
        if not self._is_controller_alive(now_s):
            raise ValueError('nothing is heard from the controller')
        # An edge of the button outside of a session does nothing (R39).
        if self._state not in _STOPPABLE and not (
                self._state == State.NEGOTIATING_CONNECTION and self._is_announced):
            raise ValueError(f'no charge to stop: the controller is in {_name(self._state)}')
        if self._pressed_s is not None:
            return 'already asked for'
        self._pressed_s = now_s
        self._set(user_stop_button=SequenceControl.UserStopButton.PRESSED)
        self.journal.info('stop asked for', now_s=now_s)
        return 'the vehicle is asked to end the charge'

    # The tick

    def tick(self, *, now_s):
        """Return the Sequence_Control word to send now, or ``None``."""
        if self._pressed_s is not None and now_s - self._pressed_s >= BUTTON_S:
            self._pressed_s = None
            self._set(user_stop_button=SequenceControl.UserStopButton.NOT_PRESSED)
        if (self._state == State.NOT_AVAILABLE and self._word.start_charge_authorisation
                and now_s - self._sent_s >= REPEAT_S):
            self._is_word_due = True
        if (self._state is not None and self._state not in IDLE_STATES
                and now_s - self._sent_s >= REPEAT_IN_SESSION_S):
            self._is_word_due = True
        if not self._is_word_due or not self._is_controller_alive(now_s):
            return None
        self._is_word_due = False
        self._sent_s = now_s
        return self._word

    def story(self, *, now_s):
        """Tell the charge so far."""
        if self._is_controller_alive(now_s):
            phase = PHASE_OF_STATE.get(self._state, Phase.UNAVAILABLE)
        else:
            phase = Phase.NO_CONTROLLER
        duration_s = 0.0
        if self._began_s is not None:
            duration_s = (now_s if self._ended_s is None else self._ended_s) - self._began_s
        return Story(
            phase, 0 if self._state is None else int(self._state), self._protocol,
            self._charged_wh, self._discharged_wh, duration_s, self._peak_w,
            self._state_of_charge, self._end_reason,
        )

    def is_safe_to_unplug(self, *, now_s):
        """
        Tell whether the plug may be pulled; what is unknown is not safe.

        What counts is the voltage at the pistol. Where it is not measured, open contactors hide
        it, our own or those on the controller's relay: then only a controller without a session
        is trusted, which has let the plug go (R44).
        """
        if not self._is_controller_alive(now_s) or (
                now_s - self._measured_s >= MEASUREMENT_MAX_AGE_S
                or now_s - self._stage_s >= STAGE_MAX_AGE_S):
            return False
        volts, is_ended = self._measurement.voltage_v, self._state in IDLE_STATES
        if self._has_output_contactors:
            is_fresh = now_s - self._pistol_s < FEEDBACK_MAX_AGE_S
            if not (self._is_output_open and is_fresh):
                return False
            if not math.isnan(self._pistol_v):
                volts = max(volts, self._pistol_v)
                is_ended |= self._ended_s is not None
        return (
            is_ended
            and abs(self._measurement.current_a) <= SAFE_CURRENT_A
            and volts <= SAFE_VOLTAGE_V
        )

    @property
    def is_battery_on_output(self):
        """Whether what is measured at the output is the battery: all contactors are closed."""
        return not self._is_output_open and self._state in (
            State.WAITING_FOR_CHARGE, State.CHARGING,
        )

    # Messages

    def _on_status(self, message, now_s):
        entered = message.state != self._state or not self._is_controller_alive(now_s)
        before, self._state, self._state_s = self._state, message.state, now_s
        if not entered:
            return
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
        if self._ended_s is not None or self._began_s is None:
            return
        self._ended_s = now_s
        self._end_reason = _label(message.state)
        why = self._power_fault or self._emergency
        if message.state != ChargeSessionFinished.State.CLEAN_STOP and why:
            self._end_reason += f': {why}'
        self.journal.info(f'session ended: {self._end_reason}', now_s=now_s)

    def _on_emergency(self, message, _now_s):
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
        allowed = SequenceControl.StartChargeAuthorisation(self.config.start_allowed)
        self._word = SequenceControl(start_charge_authorisation=allowed)
        self._is_word_due = self._state != State.INITIALISING
        self._pressed_s = None
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
