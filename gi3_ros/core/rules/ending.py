# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The end of a charge: its steps, its current, and Charge_Session_Finished (R40, R41, R42)."""

import abc
import collections

from ..interface.layout import CONTROLLER
from ..interface.signals import ChargeSessionFinished, DcPowerControl, PowerModulesStatus
from .facts import Facts
from .findings import Finding, Findings
from .kinds import CommandRule, OutputRule
from .output import COMMANDED, PERIOD_S
from .rule import Rule
from .session import function_name, POWERED, Session
from .states import AFTER_LOOP, State
from .tolerances import Tolerances

Function = DcPowerControl.PowerFunction

_OLD_S = 0.05
"""A reading may have been taken so long before it comes."""
_MEASURING_A = 0.5
"""What the vehicle measures may be so much less than what the charger reports."""


class CurrentEnds(OutputRule):
    """R42: its time counts from the first Standby of the end."""

    number = 'R42'
    sentence = 'the current is low 3 s after the first Standby'
    tolerances = ('end_current_s', 'end_current_a', 'chademo_end_current_a', 'status_loss_s')
    during = COMMANDED

    def on_modules_status(self, status: PowerModulesStatus, now_s: float) -> None:
        if self.facts.output.ending_since_s is not None:
            self._check(status, self.limits.end_current_s, now_s)

    def on_new_command(self, command: DcPowerControl, now_s: float) -> None:
        """
        Look at the opening (A10).

        A controller that has waited for its whole time opens, and the current is over: then the
        last reading before it counts. One that opens sooner does not make a charger late.
        """
        limits, output = self.limits, self.facts.output
        if output.state != State.ENDING_CHARGE or command.output_contactors:
            return
        since_s = now_s if output.ending_since_s is None else output.ending_since_s
        least_s = limits.end_current_s - PERIOD_S
        if now_s - since_s >= least_s and not output.is_emergency and (
                output.status is not None
                and now_s - output.status_at_s <= limits.status_loss_s):
            self._check(output.status, least_s, now_s)

    def _check(self, status: PowerModulesStatus, permitted_s: float, now_s: float) -> None:
        output = self.facts.output
        if output.ending_since_s is None:
            return
        ending_s, current_a = now_s - output.ending_since_s, status.present_current
        end_a = end_current_a(self.limits, output.is_chademo)
        if self.breaks(ending_s > permitted_s and abs(current_a) > end_a):
            self.find(
                now_s, f'{current_a:.1f} A {ending_s:.1f} s into the end of the charge, '
                f'permitted {end_a:.0f} A', present_current_a=current_a, ending_s=ending_s)


class NoPowerAtTheEnd(CommandRule):
    """R41: in the states of the end no function is commanded any more."""

    number = 'R41'
    sentence = 'no power in Ending_Charge'
    tolerances = ('reaction_s',)

    def on_moment(self, now_s: float) -> None:
        commands = self.facts.commands
        if commands.command is None:
            return
        is_on = (
            self.facts.state in AFTER_LOOP and commands.function in POWERED
            and not commands.is_emergency)
        ending_s = self.lasting.seconds('on', is_on, now_s)
        if self.breaks(ending_s > self.limits.reaction_s):
            self.find(
                now_s, f'{function_name(commands.function)} is commanded {ending_s:.1f} s '
                'into the end of the charge')


class OpeningRule(CommandRule, abc.ABC):
    """
    How the contactors open at the end: a breach only if the session ends in the regular way (A26).

    Who breaks off may leave out what he likes, and who goes on has not ended.
    """

    def __init__(self, facts: Facts, limits: Tolerances, findings: Findings) -> None:
        super().__init__(facts, limits, findings)
        self._opening: Finding | None = None

    def on_new_command(self, command: DcPowerControl, now_s: float) -> None:
        commands, before = self.facts.commands, self.facts.commands.before
        if command.power_function in POWERED:
            self._opening = None
        # The state may come after the command.
        if (commands.is_judged_in_order and before is not None and before.output_contactors
                and not command.output_contactors
                and self.facts.state in (State.CHARGING, State.ENDING_CHARGE)):
            self._opening = self._opening or self.wrong_opening(before, now_s)

    @abc.abstractmethod
    def wrong_opening(self, before: DcPowerControl, now_s: float) -> Finding | None:
        """
        Tell what is wrong with contactors that open.

        :param before: what was commanded until then
        """

    def on_finished(self, message: ChargeSessionFinished, now_s: float) -> None:
        if self._opening is not None and _is_regular(self.facts.session):
            if _is_clean(message):
                self.add(self._opening)
            self._opening = None


class CurrentBeforeContactors(OpeningRule):
    """R41: first the current, then the contactors."""

    number = 'R41'
    sentence = 'of a clean end: Standby comes before the contactors open'

    def wrong_opening(self, before: DcPowerControl, now_s: float) -> Finding | None:
        if before.power_function not in POWERED:
            return None
        return self.finding(
            now_s, 'the contactors open straight out of '
            f'{function_name(before.power_function)}: first comes Standby with closed ones')


class CurrentIsLowAtOpening(OpeningRule):
    """R42; after its bounded wait the controller opens all the same (A10)."""

    number = 'R42'
    sentence = 'of a clean end: the contactors open at a low current'
    tolerances = (
        'end_current_a', 'chademo_end_current_a', 'end_current_s', 'crossing_s', 'status_loss_s')

    def __init__(self, facts: Facts, limits: Tolerances, findings: Findings) -> None:
        super().__init__(facts, limits, findings)
        self._readings: collections.deque[tuple[float, float]] = collections.deque(maxlen=2)
        """``(time, magnitude in A)``."""

    def on_modules_status(self, status: PowerModulesStatus, now_s: float) -> None:
        since_s = self.facts.commands.floating_since_s
        if since_s is not None and now_s - since_s > _OLD_S:
            self._readings.append((now_s, abs(status.present_current)))

    def wrong_opening(self, before: DcPowerControl, now_s: float) -> Finding | None:
        limits, since_s = self.limits, self.facts.commands.floating_since_s
        if before.power_function in POWERED or since_s is None or (
                now_s - since_s >= limits.end_current_s - limits.crossing_s):
            return None
        end_a = end_current_a(limits, self.facts.commands.is_chademo)
        current_a = self._current_at(now_s)
        if current_a <= end_a + _MEASURING_A:
            return None
        return self.finding(
            now_s, f'the contactors open at {current_a:.1f} A, permitted {end_a:.0f} A',
            present_current_a=current_a)

    def _current_at(self, now_s: float) -> float:
        """
        Return what is left of the current in A by the last two readings, 0 when nobody knows.

        A reading is of some time ago, and the vehicle measures, too: where the current is falling
        it has fallen further by now.
        """
        if len(self._readings) < 2:
            return 0.0
        (first_s, first_a), (last_s, last_a) = self._readings
        if now_s - last_s > self.limits.status_loss_s or last_s <= first_s:
            return 0.0
        fall_a_per_s = max(0.0, (first_a - last_a) / (last_s - first_s))
        return last_a - fall_a_per_s * (now_s - last_s)


class AllStepsOfTheEnd(CommandRule):
    """R41, A26: a clean end has gone through all steps."""

    number = 'R41'
    sentence = 'of a clean end: State Ending_Charge, Charge_Stopped and open contactors were there'

    def on_finished(self, message: ChargeSessionFinished, now_s: float) -> None:
        commands = self.facts.commands
        if not _is_regular(self.facts.session) or not _is_clean(message) or (
                not commands.has_transferred or commands.command is None):
            return
        missing = [words for words, is_missing in (
            ('State Ending_Charge', not commands.was_ending),
            ('Charge_Status_Change = Charge_Stopped', not commands.is_stopped),
            ('open contactors', commands.function not in POWERED
             and bool(commands.command.output_contactors)),
        ) if is_missing]
        if missing:
            self.find(
                now_s, f'Clean_Stop after a charge, without {" and ".join(missing)}')


class FinishComes(Rule):
    """R40: it may cross with the idle state."""

    who = CONTROLLER
    number = 'R40'
    sentence = 'Charge_Session_Finished comes'
    tolerances = ('crossing_s',)

    def on_tick(self, now_s: float) -> None:
        since_s = self.facts.unfinished_since_s
        if since_s is not None and now_s - since_s > self.limits.crossing_s:
            self.facts.unfinished_since_s = None
            self.find(now_s, 'the session ends without Charge_Session_Finished')


class FinishComesOnce(CommandRule):
    """R40; CAN itself may deliver a frame twice."""

    number = 'R40'
    sentence = 'Charge_Session_Finished comes once for each session'
    tolerances = ('crossing_s',)

    def on_finished(self, message: ChargeSessionFinished, now_s: float) -> None:
        session = self.facts.session
        if session is None or session.finished_at_s is None:
            return
        is_second = session.finishes > 1 and (
            now_s - session.finished_at_s > self.limits.crossing_s)
        if self.breaks(is_second):
            self.find(
                now_s, 'Charge_Session_Finished a second time for one session')


class NoCleanStopAfterEmergency(CommandRule):
    """R40, A26: who breaks off before the regular end has made a rushed stop."""

    number = 'R40'
    sentence = 'no Clean_Stop after an emergency in the charge or before it'

    def on_finished(self, message: ChargeSessionFinished, now_s: float) -> None:
        session = self.facts.session
        if session is not None and self.breaks(_is_clean(message) and session.is_broken_off):
            self.find(
                now_s, 'Clean_Stop reported for a session that ended by Emergency_Stop')


class NoPowerAfterFinish(CommandRule):
    """R40: the session is over."""

    number = 'R40'
    sentence = 'no power is commanded after it'
    tolerances = ('crossing_s',)

    def on_command(self, command: DcPowerControl, now_s: float) -> None:
        session = self.facts.session
        if session is None or session.has_emergency or command.power_function not in POWERED:
            return
        is_after = session.finished_at_s is not None and (
            now_s - session.finished_at_s > self.limits.crossing_s)
        if self.breaks(is_after):
            self.find(
                now_s, f'{function_name(command.power_function)} is commanded after '
                'Charge_Session_Finished')


def end_current_a(limits: Tolerances, is_chademo: bool) -> float:
    """Return up to which current the contactors may open."""
    return limits.chademo_end_current_a if is_chademo else limits.end_current_a


def _is_clean(message: ChargeSessionFinished) -> bool:
    return message.state == ChargeSessionFinished.State.CLEAN_STOP


def _is_regular(session: Session | None) -> bool:
    """Tell whether this is the first end of a session that nothing has disturbed."""
    return (
        session is not None and session.finishes == 1 and not session.is_interrupted
        and not session.has_emergency)
