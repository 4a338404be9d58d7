# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Emergency_Stop: no power after it, and repeated until the charge is ended (R38)."""

from ..interface.layout import CONTROLLER
from ..interface.signals import DcPowerControl, PowerModulesStatus
from ..timing import EMERGENCY_CLEAR_S
from .kinds import OutputRule
from .output import InForce
from .rule import Rule
from .session import POWERED
from .states import REEVALUATING, UNTIL_END

Function = DcPowerControl.PowerFunction


class NoCurrentInEmergency(OutputRule):
    """R38: whatever is commanded after it."""

    number = 'R38'
    sentence = 'the current ends with an Emergency_Stop'
    tolerances = ('off_current_s', 'off_current_a')
    during = frozenset({InForce.EMERGENCY})

    def on_function(self, function: int, before: int | None) -> None:
        """Go on: no command ends an emergency."""

    def on_modules_status(self, status: PowerModulesStatus, now_s: float) -> None:
        limits, since_s = self.limits, self.facts.output.emergency_since_s
        if since_s is None:
            return
        lasts_s, current_a = now_s - since_s, status.present_current
        if self.breaks(lasts_s > limits.off_current_s and abs(current_a) > limits.off_current_a):
            self.find(
                now_s, f'{current_a:.1f} A {lasts_s:.1f} s after Emergency_Stop',
                present_current_a=current_a, since_s=lasts_s)


class EmergencyRepeats(Rule):
    """R38; it ceases where the controller looks at the cause again, in another state."""

    who = CONTROLLER
    number = 'R38'
    sentence = (
        'Emergency_Stop repeats until the charge is ended, and has no gap of less than 1 s after '
        'that')
    tolerances = ('emergency_gap_s',)

    def on_emergency(self, now_s: float) -> None:
        emergency, state = self.facts.emergency, self.facts.state
        gap_s = emergency.gap_s
        was_same = emergency.was_on and state not in REEVALUATING and (
            gap_s < EMERGENCY_CLEAR_S or state in UNTIL_END)
        if self.breaks(was_same and gap_s > self.limits.emergency_gap_s):
            self.find(
                now_s, f'Emergency_Stop {1000 * gap_s:.0f} ms after the one before, it '
                'repeats every 100 ms', gap_s=gap_s)

    def on_tick_alive(self, now_s: float) -> None:
        # As long as the charge is on nothing has been looked at again.
        emergency = self.facts.emergency
        gap_s = now_s - emergency.at_s
        is_over = emergency.is_on and self.facts.state in UNTIL_END and (
            gap_s > self.limits.emergency_gap_s)
        if is_over and self.breaks(True):
            self.find(
                now_s, f'Emergency_Stop is missing for {1000 * gap_s:.0f} ms and the charge was '
                'not ended: it repeats every 100 ms', gap_s=gap_s)


class NoPowerInEmergency(Rule):
    """R38; Emergency_Stop alone ends the power: a command need not follow (A25)."""

    who = CONTROLLER
    number = 'R38'
    sentence = 'no power is commanded in the rest of the session'
    tolerances = ('crossing_s',)

    def on_emergency(self, now_s: float) -> None:
        if self.facts.emergency.gap_s >= EMERGENCY_CLEAR_S:
            self.mend()

    def on_command(self, command: DcPowerControl, now_s: float) -> None:
        emergency, session = self.facts.emergency, self.facts.session
        # The session is over with it, however long it then goes on.
        is_over = session is not None and session.has_emergency
        if not is_over and now_s - emergency.at_s >= EMERGENCY_CLEAR_S:
            return
        since_s = now_s - emergency.since_s
        if self.breaks(
                command.power_function in POWERED and since_s > self.limits.crossing_s):
            self.find(
                now_s, f'power is commanded {since_s:.1f} s into an emergency stop',
                since_s=since_s)
