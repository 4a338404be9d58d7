# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What a robot or an operator wants of a charge, and what becomes of it.

The only author of Sequence_Control (R34 to R39), and the story of the session for people: its
phase, its energy, how it ended. Nothing here decides about power.
"""

from collections.abc import Callable
import dataclasses
import math
from typing import Any

from ..config import entry
from ..controller_watch import IDLE_STATES, State
from ..deadlines import next_of, ROUNDING_S
from ..hardware import PowerMeasurement, Stage
from ..interface.layout import Message
from ..interface.signals import (
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    DcPowerParameters,
    EmergencyStop,
    EvInformationBattery,
    NewChargeSession,
    SequenceControl,
)
from ..journal import Journal
from ..timing import CONTROLLER_TIMEOUT_S, EMERGENCY_CLEAR_S
from .availability import Availability
from .charge import Charge
from .plug import Plug
from .sequence import Sequence
from .words import Battery, Charging, Phase, PHASE_OF_STATE, Story, UNKNOWN_STATE, Words

REPEAT_S = 2.0
"""A controller that stays in Not_Available although it may start, or waits for a vehicle although
it may not, has not heard us (A7, R35)."""
REPEAT_IN_SESSION_S = 1.0
"""The whole word again: levels lose nothing by it, and buttons act on the edge only (R34, R39)."""
PRE_AUTHORISATION_S = 120.0
"""A result given before the vehicle came is forgotten after this time."""
STEP_S = 0.05
"""How often to look again in a session."""
IDLE_S = 0.1
"""The same without one."""
FLOWING_A = 0.5
"""More than the offset of a current sensor: energy goes into the battery, or comes out of it."""
HEEDED_S = 1.0
"""A vehicle that begins so long after the permission was withdrawn was let in without it (R34)."""
START_HEEDED_S = 10.0
"""A start button that has led nowhere after this time was heard by nobody."""
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


class SessionControl:
    """The session of one pistol; ``now_s`` is seconds on one monotonic clock."""

    def __init__(self, config: SessionConfig) -> None:
        self.config = config
        self.journal = Journal()
        self._sequence = Sequence()
        self._availability = Availability(config.start_allowed)
        self._is_initialised = False
        """Whether the controller was idle since we, or it, began: before that nothing is given."""
        self._withheld_s = math.inf
        """Since when the controller has been told that no vehicle may begin."""
        self._start_pressed_s: float | None = None
        """When the start button was pressed for a charge that has not begun yet."""
        self._pre_authorised: bool | None = None
        self._pre_authorised_s = -math.inf
        self._has_parameters = False
        self._is_announced = False
        """By New_Charge_Session, whatever the state says yet."""
        self._state: State | int | None = None
        self._state_s = -math.inf
        self._let_go_in_a_row = 0
        self._charge = Charge()
        self._emergency = ''
        self._emergency_s = -math.inf
        self._power_fault = ''
        self._state_of_charge = math.nan
        self._plug = Plug()
        self._ticked_s = -math.inf
        self._has_news = True
        """Something was heard that may change what is said: it is said at the next tick, now."""

    # Inputs

    def receive(self, message: Message, *, now_s: float) -> None:
        """Take a decoded message of the controller, or our own DC_Power_Parameters."""
        handler = _HANDLERS.get(type(message))
        before = self._state
        if handler is not None:
            handler(self, message, now_s)
            self._has_news |= (
                not isinstance(message, AdvanticsControllerStatus) or self._state != before)

    def measure(self, measurement: PowerMeasurement, *, now_s: float) -> bool:
        """
        Take a reading of the power modules' driver and count the energy since the last.

        :returns: whether it was taken; one that is no number or older than the last is not
        """
        before = self._plug.measurement
        elapsed_s = self._plug.measure(measurement, now_s=now_s)
        if elapsed_s is not None and before is not None:
            self._charge.count(before, measurement, elapsed_s)
        return elapsed_s is not None

    def see_power(self, fault: str, *, now_s: float) -> None:
        """Take power_control's latched fault in words, empty when there is none."""
        self._has_news |= fault != self._power_fault
        self._power_fault = fault
        self._availability.see_power(fault, now_s=now_s)

    def see_stage(
        self, stage: int, reason: str = '', *, has_output_contactors: bool = True, now_s: float,
    ) -> None:
        """Take a report of the output stage: where it is, why, and whose its contacts are."""
        where = Stage(stage)
        self._has_news |= where is not self._plug.stage
        self._plug.see_stage(where, has_output_contactors=has_output_contactors, now_s=now_s)
        self._availability.see_stage(
            where, reason, has_output_contactors=has_output_contactors, now_s=now_s)

    def see_pistol(self, voltage_v: float, *, now_s: float) -> None:
        """Take the voltage at the vehicle's side of the output contactors, NaN if unmeasured."""
        self._plug.see_pistol(voltage_v, now_s=now_s)

    @property
    def start_forbidden(self) -> SequenceControl:
        """The word that lets no further vehicle begin; a charge that runs goes on (A35)."""
        return self._sequence.start_forbidden

    # Requests

    def authorise(self, is_valid: bool, *, now_s: float) -> str:
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

    def stop_charge(self, *, now_s: float) -> str:
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
        if not self._sequence.stop_button.press(now_s=now_s):
            return 'already asked for'
        self._sequence.set_buttons(now_s=now_s)
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
        if not self._sequence.start_button.press(now_s=now_s):
            return 'already asked for'
        self._start_pressed_s = now_s
        self._sequence.set_buttons(now_s=now_s)
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
        self._has_news = True
        self._availability.ask(
            is_available, reason=reason, duration_s=duration_s, now_s=now_s)
        why = self._availability.why_not(now_s=now_s)
        words = f'not available: {why}' if why else 'available: a vehicle may begin'
        if duration_s:
            words += f'; asked for {duration_s:g} s'
        if not is_available and self._is_in_session(now_s):
            words += '; the charge that runs goes on, to end it call stop_charge'
        return words

    def _refuse_without_controller(self, now_s: float) -> None:
        if not self._is_controller_alive(now_s):
            raise ValueError('nothing is heard from the controller')

    # The tick

    @property
    def due_s(self) -> float:
        """When :meth:`tick` has something to do next, if nothing is heard until then."""
        ticked_s = self._ticked_s
        if self._has_news or (self._sequence.is_due and self._is_listened_to(ticked_s)):
            return -math.inf
        sequence = self._sequence
        return next_of(
            ticked_s + (STEP_S if self._is_in_session(ticked_s) else IDLE_S),
            sequence.sent_s + REPEAT_IN_SESSION_S + ROUNDING_S,
            sequence.stop_button.let_go_s, sequence.start_button.let_go_s,
            self._state_s + CONTROLLER_TIMEOUT_S + ROUNDING_S, *self._availability.deadlines_s,
            after_s=ticked_s)

    def tick(self, *, now_s: float) -> SequenceControl | None:
        """Return the Sequence_Control word to send now, or ``None``."""
        self._has_news, self._ticked_s = False, now_s
        self._set_permission(now_s)
        self._sequence.set_buttons(now_s=now_s)
        self._watch_start(now_s)
        if self._is_unheeded and now_s - self._sequence.sent_s >= REPEAT_S:
            self._sequence.is_due = True
        if (self._state is not None and self._state not in IDLE_STATES
                and now_s - self._sequence.sent_s >= REPEAT_IN_SESSION_S):
            self._sequence.is_due = True
        if not self._sequence.is_due or not self._is_listened_to(now_s):
            return None
        word = self._sequence.send(now_s=now_s)
        self._withheld_s = math.inf if word.start_charge_authorisation else min(
            self._withheld_s, now_s)
        return word

    def _is_listened_to(self, now_s: float) -> bool:
        # What is said to a controller that starts is not taken as initialisation (R34, A7).
        return self._is_controller_alive(now_s) and self._state != State.INITIALISING

    @property
    def _is_unheeded(self) -> bool:
        idle = State.NOT_AVAILABLE if self._sequence.word.start_charge_authorisation else (
            State.WAITING_FOR_PEV)
        return self._state == idle

    # What is told

    def words(self, *, now_s: float) -> Words:
        """Tell all of it, as far as it is known now: what nobody repeats is unknown."""
        return Words(
            self.story(now_s=now_s), self.battery(now_s=now_s),
            self.is_safe_to_unplug(now_s=now_s), self.why_not_available(now_s=now_s))

    def story(self, *, now_s: float) -> Story:
        """Tell the charge so far."""
        is_alive, charge, state = self._is_controller_alive(now_s), self._charge, self._state
        phase = Phase.UNKNOWN if state is None else PHASE_OF_STATE.get(state, Phase.UNKNOWN)
        return Story(
            phase if is_alive else Phase.NO_CONTROLLER,
            UNKNOWN_STATE if state is None or not is_alive else int(state), charge.protocol,
            charge.charged_wh, charge.discharged_wh,
            charge.duration_s(now_s if is_alive else self._state_s), charge.peak_w,
            self._state_of_charge if is_alive else math.nan, charge.end_reason,
            self._note(phase) if is_alive else 'nothing is heard from the controller',
        )

    def _note(self, phase: Phase) -> str:
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
            is_present=not math.isnan(charge) and not self._charge.is_over)
        is_connected = self._state in (State.WAITING_FOR_CHARGE, State.CHARGING)
        reading = self._plug.battery_reading(now_s=now_s) if is_connected else None
        if reading is None:
            return battery
        return dataclasses.replace(
            battery, voltage_v=reading.voltage_v, current_a=reading.current_a,
            charging=(
                Charging.CHARGING if reading.current_a > FLOWING_A
                else Charging.DISCHARGING if reading.current_a < -FLOWING_A
                else Charging.NOT_CHARGING))

    def is_safe_to_unplug(self, *, now_s: float) -> bool:
        """Tell whether the plug may be pulled; a state that is not known is a session."""
        return self._is_controller_alive(now_s) and self._plug.is_dead(
            # One odd status among good ones does not say that a session is over.
            has_let_go=self._let_go_in_a_row >= 2,
            is_closing=self._charge.is_over and self._state in _ENDING, now_s=now_s)

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

    def _on_status(self, message: AdvanticsControllerStatus, now_s: float) -> None:
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

    def _on_vehicle(self, before: State | int | None, now_s: float) -> None:
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

    def _on_new_session(self, message: NewChargeSession, now_s: float) -> None:
        protocol = message.communication_protocol
        self._charge.protocol = getattr(protocol, 'name', f'protocol {protocol}')
        # It may come before the state, which then waits for Charge_Parameters_Done (A4).
        self._is_announced = self._state in _ANNOUNCING
        if self._is_announced:
            self._begin(now_s)
            self._finish_parameters()

    def _on_battery(self, message: EvInformationBattery, _now_s: float) -> None:
        self._state_of_charge = min(message.present_state_of_charge / 100, 1.0)

    def _on_finished(self, message: ChargeSessionFinished, now_s: float) -> None:
        # An undefined label controls nothing (1.4).
        is_defined = isinstance(message.state, ChargeSessionFinished.State)
        if not self._charge.is_running or not is_defined:
            return
        reason = _label(message.state)
        why = self._power_fault or self._emergency
        if message.state != ChargeSessionFinished.State.CLEAN_STOP and why:
            reason += f': {why}'
        self._charge.end(reason, now_s=now_s)
        self.journal.info(f'session ended: {reason}', now_s=now_s)

    def _on_emergency(self, message: EmergencyStop, now_s: float) -> None:
        self._emergency_s = now_s
        side = getattr(message.origin, 'name', f'origin {message.origin}')
        self._emergency = f'Emergency_Stop raised by {side}'

    def _on_parameters(self, _message: DcPowerParameters, now_s: float) -> None:
        self._has_parameters = True
        self._finish_parameters()

    # The word

    def _why_no_start(self, now_s: float) -> str:
        why = self._availability.why_not(now_s=now_s)
        if why or self._is_initialised:
            return why
        if self._state == State.INITIALISING:
            return 'the controller starts: the start is given when it is ready'
        return ('a session is running that this node has not seen begin: the start is given after '
                'it')

    def _set_permission(self, now_s: float) -> None:
        """Give or withdraw the start: at any time, a charge that runs goes on (R35, A35)."""
        why = self._why_no_start(now_s)
        if bool(self._sequence.word.start_charge_authorisation) is not bool(why):
            return
        flags = SequenceControl.StartChargeAuthorisation
        self._sequence.set(dataclasses.replace(
            self._sequence.word,
            start_charge_authorisation=flags.NOT_ALLOWED if why else flags.ALLOWED))
        if why:
            # A press that cannot act is remembered by the controller: none is left pending.
            self._sequence.start_button.let_go()
            self._start_pressed_s = None
        self.journal.info(
            f'no vehicle may begin: {why}' if why else 'a vehicle may begin', now_s=now_s)

    def _watch_start(self, now_s: float) -> None:
        if self._start_pressed_s is None or now_s - self._start_pressed_s < START_HEEDED_S:
            return
        self._start_pressed_s = None
        self.journal.finding(
            'start button', f'no charge began within {START_HEEDED_S:g} s of the start button: is '
            'a vehicle plugged in, is it a CHAdeMO pistol, is use_sequence_flags = true in the '
            'controller (R34)?', now_s=now_s)

    def _set_authorisation(self, is_valid: bool, now_s: float) -> None:
        # Both in one frame, so that Valid is never later than Done (R36).
        self._sequence.set(dataclasses.replace(
            self._sequence.word,
            ccs_authorisation_done=SequenceControl.CcsAuthorisationDone.DONE,
            ccs_authorisation_valid=SequenceControl.CcsAuthorisationValid(is_valid),
        ))
        self._pre_authorised = None
        self.journal.info(f'authorisation {"valid" if is_valid else "refused"}', now_s=now_s)

    def _pre_authorisation(self, now_s: float) -> bool | None:
        if (self._pre_authorised is not None
                and now_s - self._pre_authorised_s < PRE_AUTHORISATION_S):
            return self._pre_authorised
        return True if self.config.auto_authorise else None

    def _finish_parameters(self) -> None:
        # Only after our limits are on their way: the flag says that they are final (R37).
        is_due = self._state == State.CONNECTED_WITH_FULL_INFO or self._is_announced
        if is_due and self._has_parameters:
            self._sequence.set(dataclasses.replace(
                self._sequence.word,
                charge_parameters_done=SequenceControl.ChargeParametersDone.DONE))

    def _reset_for_next(self, now_s: float) -> None:
        """Start from zero at each entry into an idle state, and say so (R34, A7)."""
        if self._charge.is_running:
            self._charge.end('ended without Charge_Session_Finished', now_s=now_s)
        self._is_initialised = self._state != State.INITIALISING
        self._sequence.reset()
        self._has_parameters = self._is_announced = False

    def _begin(self, now_s: float) -> None:
        if self._charge.is_running:
            return
        self._charge.begin(now_s=now_s)
        self._emergency = ''
        self._state_of_charge = math.nan
        self._finish_parameters()

    def _is_controller_alive(self, now_s: float) -> bool:
        return now_s - self._state_s < CONTROLLER_TIMEOUT_S

    def _is_in_session(self, now_s: float) -> bool:
        return self._is_controller_alive(now_s) and self._state not in IDLE_STATES


_HANDLERS: dict[type[Message], Callable[[SessionControl, Any, float], None]] = {
    AdvanticsControllerStatus: SessionControl._on_status,
    NewChargeSession: SessionControl._on_new_session,
    EvInformationBattery: SessionControl._on_battery,
    ChargeSessionFinished: SessionControl._on_finished,
    EmergencyStop: SessionControl._on_emergency,
    DcPowerParameters: SessionControl._on_parameters,
}


def _name(state: State | int | None) -> str:
    return state.name if isinstance(state, State) else f'state {state}'


def _label(state: int) -> str:
    return {0: 'Clean_Stop', 1: 'Rushed_Stop'}.get(int(state), f'finished with {state}')
