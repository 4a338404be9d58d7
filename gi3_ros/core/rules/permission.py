# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""System_Enable: given in time, and what follows where it is withdrawn (R3, R6, R7, R8)."""

import abc
import math

from ..interface.layout import CUSTOMER
from ..interface.signals import ChargeSessionFinished
from .facts import Facts
from .findings import Findings
from .kinds import CommandRule
from .output import PERIOD_S
from .rule import Rule
from .session import Session
from .states import UNTIL_END, WAKING
from .tolerances import Tolerances


class AllowedInTime(Rule):
    """R6; before the first Allowed a 0 is no withdrawal (A6)."""

    who = CUSTOMER
    is_of_session = True
    number = 'R6'
    sentence = 'System_Enable is Allowed in time'
    tolerances = ('enable_s',)

    def on_tick_alive(self, now_s: float) -> None:
        facts, power = self.facts, self.facts.power
        if power is None:
            return
        waited_s = now_s - power.since_s
        is_waiting = (
            power.status_at_s is not None and not power.was_enabled
            and facts.state in WAKING and not facts.output.is_emergency
            and not facts.output.is_excused
        )
        if self.breaks(is_waiting and waited_s > self.limits.enable_s):
            self.find(
                now_s, f'System_Enable is not Allowed {waited_s:.0f} s after New_Charge_Session',
                waited_s=waited_s)


class Reaction(CommandRule, abc.ABC):
    """What the controller has to do when the charger fails."""

    def on_tick_alive(self, now_s: float) -> None:
        session = self.facts.session
        if session is not None and session.finishes == 0:
            self._look(session, now_s, is_over=False)

    def on_finished(self, message: ChargeSessionFinished, now_s: float) -> None:
        # What had to come has come, or never will.
        session = self.facts.session
        if session is not None and session.finishes == 1:
            self._look(session, now_s, is_over=True)

    def _look(self, session: Session, now_s: float, *, is_over: bool) -> None:
        if not session.has_emergency and not session.has_unreadable_emergency:
            self.check(session, now_s, is_over=is_over)

    @abc.abstractmethod
    def check(self, session: Session, now_s: float, *, is_over: bool) -> None:
        """Look at a session without an emergency, which may end in this moment."""

    def time_to_react_s(self, *, is_over: bool) -> float:
        """Return how long the controller may take; what the end brings may cross with it."""
        return self.limits.crossing_s if is_over else self.limits.reaction_s

    def left_at_s(self, session: Session) -> float:
        """Return when the end began; one that had begun before is one for another reason."""
        if session.left_at_s is not None:
            return session.left_at_s
        return math.inf if self.facts.state in UNTIL_END else -math.inf


class EmergencyWhenSilent(Reaction):
    """R3: the controller has its own timeout, and then time to react."""

    number = 'R3'
    sentence = 'an Emergency_Stop follows when the status is lost'
    tolerances = ('status_loss_s', 'reaction_s', 'crossing_s')

    def check(self, session: Session, now_s: float, *, is_over: bool) -> None:
        if session.status_at_s is None:
            return
        loss_s = self.limits.status_loss_s
        silent_s = now_s - session.status_at_s
        if silent_s <= loss_s and not self.broken:
            return
        was_on = self.left_at_s(session) - session.status_at_s > loss_s
        if self.breaks(
                was_on and silent_s > loss_s + self.time_to_react_s(is_over=is_over), now_s):
            self.find(
                now_s, f'no Emergency_Stop although Power_Modules_Status is missing for '
                f'{silent_s:.1f} s', silent_s=silent_s)


class Withdrawal(Reaction):
    """What follows from a System_Enable that is taken back; each time is a new one."""

    def __init__(self, facts: Facts, limits: Tolerances, findings: Findings) -> None:
        super().__init__(facts, limits, findings)
        self._withdrawals = 0

    def on_tick_alive(self, now_s: float) -> None:
        if self.facts.session is not None and self.facts.session.withdrawals:
            super().on_tick_alive(now_s)

    def check(self, session: Session, now_s: float, *, is_over: bool) -> None:
        if session.withdrawals != self._withdrawals:
            self._withdrawals = session.withdrawals
            self.mend()
        if session.withdrawn_at_s is not None:
            self.check_withdrawn(session, session.withdrawn_at_s, now_s, is_over=is_over)

    @abc.abstractmethod
    def check_withdrawn(
            self, session: Session, at_s: float, now_s: float, *, is_over: bool) -> None:
        """Look at a session in which System_Enable was withdrawn."""


class EmergencyWhenWithdrawn(Withdrawal):
    """R8: inside the charging loop."""

    number = 'R8'
    sentence = (
        'an Emergency_Stop follows a withdrawal in the charging loop, and not just an end')
    tolerances = ('reaction_s', 'crossing_s')

    def check_withdrawn(
            self, session: Session, at_s: float, now_s: float, *, is_over: bool) -> None:
        if not session.was_in_loop:
            return
        withdrawn_s = now_s - at_s
        was_on = self.left_at_s(session) - at_s > 2 * PERIOD_S
        if self.breaks(was_on and withdrawn_s > self.time_to_react_s(is_over=is_over)):
            self.find(
                now_s, f'no Emergency_Stop {withdrawn_s:.1f} s after System_Enable was withdrawn '
                'in the charging loop', withdrawn_s=withdrawn_s)


class EndsWhenWithdrawn(Withdrawal):
    """R7: before the charging loop; the vehicle is told when it asks next."""

    number = 'R7'
    sentence = 'the session ends after a withdrawal before the charging loop'
    tolerances = ('unavailable_s',)

    def check_withdrawn(
            self, session: Session, at_s: float, now_s: float, *, is_over: bool) -> None:
        if session.was_in_loop:
            return
        withdrawn_s = now_s - at_s
        is_on = self.facts.state in UNTIL_END
        if self.breaks(is_on and withdrawn_s > self.limits.unavailable_s):
            self.find(
                now_s, f'the session goes on {withdrawn_s:.1f} s after System_Enable was '
                'withdrawn before the charging loop', withdrawn_s=withdrawn_s)
