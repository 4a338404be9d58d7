# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Sequence_Control: what the charger tells, and what the controller waits for (R34 to R39)."""

import abc

from ..controller_watch import IDLE_STATES
from ..interface.layout import CONTROLLER, CUSTOMER
from ..interface.signals import SequenceControl
from .facts import Facts
from .findings import Findings
from .rule import Rule
from .states import BEGUN, State
from .tolerances import Tolerances


class ToldAfterRestart(Rule):
    """R34, A7: a controller that has restarted knows none of the flags."""

    who = CUSTOMER
    number = 'R34'
    sentence = 'a controller that has restarted is told again'
    tolerances = ('initialisation_s',)

    def __init__(self, facts: Facts, limits: Tolerances, findings: Findings) -> None:
        super().__init__(facts, limits, findings)
        self._is_start_told = self._has_to_tell = False
        self._untold_since_s: float | None = None

    def on_controller_status(self, state: int, now_s: float) -> None:
        if state == State.INITIALISING:
            self._has_to_tell |= self._is_start_told
            self._is_start_told = False
            self._untold_since_s = None
        elif state == State.NOT_AVAILABLE and self.facts.has_entered and self._has_to_tell:
            self._untold_since_s = now_s

    def on_flags(self, flags: SequenceControl, now_s: float) -> None:
        self._is_start_told = bool(flags.start_charge_authorisation)
        self._has_to_tell, self._untold_since_s = False, None
        self.mend()

    def on_resume(self, now_s: float) -> None:
        self._untold_since_s = None

    def on_tick(self, now_s: float) -> None:
        if self._untold_since_s is None:
            return
        waited_s = now_s - self._untold_since_s
        if self.breaks(waited_s > self.limits.initialisation_s):
            self.find(
                now_s, f'no Sequence_Control {waited_s:.0f} s after the controller has '
                'restarted: it waits in Not_Available, with all flags at 0', waited_s=waited_s)


class AuthorisationIsFinal(Rule):
    """R36: the result is final once it is said to be there."""

    who = CUSTOMER
    number = 'R36'
    sentence = 'the result of the authorisation does not change'

    def on_flags(self, flags: SequenceControl, now_s: float) -> None:
        facts, before = self.facts, self.facts.flags.told_before
        if not (before.ccs_authorisation_done and flags.ccs_authorisation_done):
            self.mend()
            return
        valid = flags.ccs_authorisation_valid
        if valid == before.ccs_authorisation_valid:
            return
        # A refusal ends the session before the late Valid comes; taking a result back after the
        # charge is tidying up.
        is_late = facts.state in BEGUN or (bool(valid) and facts.state not in IDLE_STATES)
        if is_late and self.breaks(True):
            self.find(
                now_s, f'CCS_Authorisation_Valid changed to {int(valid)} while '
                'CCS_Authorisation_Done stayed 1: the first result counts', valid=int(valid))


class ButtonsComeBack(Rule):
    """R39, where flags are known to be in use; without use_sequence_flags none acts (R34)."""

    who = CUSTOMER
    number = 'R39'
    sentence = 'buttons come back, of a controller that uses the flags (State 12)'
    observation = (
        'a button that is held where the controller was never in Not_Available: it may not use '
        'the flags at all')
    tolerances = ('button_s',)

    def __init__(self, facts: Facts, limits: Tolerances, findings: Findings) -> None:
        super().__init__(facts, limits, findings)
        self._pressed_since_s: dict[str, float] = {}

    def on_flags(self, flags: SequenceControl, now_s: float) -> None:
        for name, pressed in (
            ('User_Stop_Button', flags.user_stop_button),
            ('CHAdeMO_Start_Button', flags.chademo_start_button),
        ):
            if pressed:
                self._pressed_since_s.setdefault(name, now_s)
            else:
                self._pressed_since_s.pop(name, None)
                self.mend(name)

    def on_controller_status(self, state: int, now_s: float) -> None:
        if state == State.INITIALISING:
            self._pressed_since_s.clear()
        elif state == State.NEGOTIATING_CONNECTION and self.facts.has_entered:
            # The start button of CHAdeMO is what begins the session: that one may be pressed.
            name = 'User_Stop_Button'
            if name in self._pressed_since_s and self.breaks(True, key=name):
                self._blame(
                    now_s, f'{name} is still pressed when a session begins: it cannot act in it')

    def on_resume(self, now_s: float) -> None:
        # A release may have been missed.
        self._pressed_since_s.clear()

    def on_tick(self, now_s: float) -> None:
        for name, since_s in self._pressed_since_s.items():
            held_s = now_s - since_s
            if held_s > self.limits.button_s and self.breaks(True, key=name):
                self._blame(
                    now_s, f'{name} has been pressed for {held_s:.0f} s: it cannot act again',
                    held_s=held_s)

    def _blame(self, now_s: float, words: str, **values: float) -> None:
        if self.facts.flags.are_used:
            self.find(now_s, words, **values)
        else:
            self.observe(
                now_s, f'{words}, if the controller uses the flags at all: it was never '
                'in Not_Available', **values)


class WaitsForFlags(Rule, abc.ABC):
    """What the controller has to wait for before it goes on; flags may cross with its state."""

    who = CONTROLLER

    def on_new_state(self, state: int, now_s: float) -> None:
        facts = self.facts
        if not facts.flags.are_used or facts.state_before is None or not facts.flags.recent:
            return
        facts.flags.forget(now_s)
        self.check(
            facts.state_before, state, [flags for _, flags in facts.flags.recent], now_s)

    @abc.abstractmethod
    def check(
            self, before: int, state: int, recent: list[SequenceControl], now_s: float) -> None:
        """
        Look at a new state.

        :param recent: flags that may have been in force, the newest last
        """


class WaitsForStart(WaitsForFlags):
    """R35: Start_Charge_Authorisation."""

    number = 'R35'
    sentence = 'no session begins while the start is forbidden'
    tolerances = ('crossing_s',)

    def on_flags(self, flags: SequenceControl, now_s: float) -> None:
        if flags.start_charge_authorisation:
            self.drop()

    def check(
            self, before: int, state: int, recent: list[SequenceControl], now_s: float) -> None:
        if before in IDLE_STATES and state in BEGUN and not any(
                flags.start_charge_authorisation for flags in recent):
            self.hold(
                now_s, 'a session begins although Start_Charge_Authorisation is 0')


class WaitsForAuthorisation(WaitsForFlags):
    """R36: the first result counts, whatever comes after it (and there is the charger's)."""

    number = 'R36'
    sentence = 'it does not go on unless it was authorised'
    tolerances = ('crossing_s',)

    def __init__(self, facts: Facts, limits: Tolerances, findings: Findings) -> None:
        super().__init__(facts, limits, findings)
        self._was_authorised = False

    def on_flags(self, flags: SequenceControl, now_s: float) -> None:
        self._note()
        if _is_authorised(flags):
            self.drop()

    def on_new_state(self, state: int, now_s: float) -> None:
        if state == State.CCS_AUTHORISATION_PROCESS:
            self._was_authorised = False
            self._note()
        super().on_new_state(state, now_s)

    def check(
            self, before: int, state: int, recent: list[SequenceControl], now_s: float) -> None:
        has_passed = (
            before == State.CCS_AUTHORISATION_PROCESS
            and state == State.CONNECTED_WITH_FULL_INFO)
        if has_passed and not self._was_authorised:
            last = recent[-1]
            self.hold(
                now_s, f'goes on with CCS_Authorisation_Done {int(last.ccs_authorisation_done)}, '
                f'CCS_Authorisation_Valid {int(last.ccs_authorisation_valid)}')

    def _note(self) -> None:
        if self.facts.state == State.CCS_AUTHORISATION_PROCESS:
            self._was_authorised |= any(
                _is_authorised(flags) for _, flags in self.facts.flags.recent)


class WaitsForParameters(WaitsForFlags):
    """R37: Charge_Parameters_Done."""

    number = 'R37'
    sentence = 'the test does not begin before the parameters are done'
    tolerances = ('crossing_s',)

    def on_flags(self, flags: SequenceControl, now_s: float) -> None:
        if flags.charge_parameters_done:
            self.drop()

    def check(
            self, before: int, state: int, recent: list[SequenceControl], now_s: float) -> None:
        goes_on = state == State.INSULATION_TEST and before in (
            State.CONNECTED_WITH_FULL_INFO, State.CCS_AUTHORISATION_PROCESS)
        if goes_on and not any(flags.charge_parameters_done for flags in recent):
            self.hold(now_s, 'the test begins although Charge_Parameters_Done is 0')


class EndsAfterStop(Rule):
    """R39: a charge does not go on for long after the stop button."""

    who = CONTROLLER
    number = 'R39'
    sentence = 'the transfer ends within 90 s of a stop'
    tolerances = ('stop_s',)

    def __init__(self, facts: Facts, limits: Tolerances, findings: Findings) -> None:
        super().__init__(facts, limits, findings)
        self._pressed_at_s: float | None = None

    def on_interruption(self) -> None:
        self._pressed_at_s = None

    def on_flags(self, flags: SequenceControl, now_s: float) -> None:
        facts = self.facts
        is_press = bool(flags.user_stop_button) and len(facts.flags.recent) > 1 and (
            not facts.flags.recent[-2][1].user_stop_button)
        # Without use_sequence_flags buttons do nothing (R34).
        if (is_press and facts.flags.are_used and facts.state == State.CHARGING
                and self._pressed_at_s is None):
            self._pressed_at_s = now_s

    def on_tick_alive(self, now_s: float) -> None:
        if self.facts.state != State.CHARGING:
            self._pressed_at_s = None
        if self._pressed_at_s is None:
            self.mend()
            return
        waited_s = now_s - self._pressed_at_s
        if self.breaks(waited_s > self.limits.stop_s):
            self.find(
                now_s, f'the charge goes on {waited_s:.0f} s after User_Stop_Button; or '
                'the vehicle does not comply', waited_s=waited_s)


def _is_authorised(flags: SequenceControl) -> bool:
    return bool(flags.ccs_authorisation_done and flags.ccs_authorisation_valid)
