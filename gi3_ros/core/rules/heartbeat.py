# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What repeats every 100 ms: the status of the controller, and of the charger (R1, R2, R3)."""

import collections

from ..interface.layout import CONTROLLER, CUSTOMER
from ..interface.signals import DcPowerControl, PowerModulesStatus
from .facts import Facts, Power
from .findings import Findings
from .kinds import OutputRule
from .output import COMMANDED, FLOATING
from .rule import Rule
from .tolerances import Tolerances

Function = DcPowerControl.PowerFunction

_ROUNDING_S = 1e-6
"""Differences of times have rounding errors."""


class ControllerLives(Rule):
    """R1: who has something to say and goes on talking sends its status, too."""

    who = CONTROLLER
    number = 'R1'
    sentence = 'the status comes every 100 ms, always'
    tolerances = ('controller_timeout_s', 'controller_jitter_s')

    def on_life(self, now_s: float) -> None:
        if self.breaks(self.facts.heard.is_missing, now_s):
            self.find(
                now_s, 'no Advantics_Controller_Status for more than '
                f'{1000 * self.limits.controller_timeout_s:.0f} ms, it comes every 100 ms, always',
                silent_s=self.facts.heard.missing_s)


class StatusIsNoFlood(Rule):
    """R2: the status of the charger does not come much more often than it has to."""

    who = CUSTOMER
    number = 'R2'
    sentence = 'no flood of status frames'
    tolerances = ('flood_s', 'status_rate_hz')

    def __init__(self, facts: Facts, limits: Tolerances, findings: Findings) -> None:
        super().__init__(facts, limits, findings)
        self._times_s: collections.deque[float] = collections.deque()

    def on_arrival(self, now_s: float) -> None:
        limits, times_s = self.limits, self._times_s
        times_s.append(now_s)
        while times_s[0] < now_s - limits.flood_s:
            times_s.popleft()
        rate_hz = len(times_s) / limits.flood_s
        is_flood = rate_hz > limits.status_rate_hz
        # At the limit it is one flood, not many.
        is_clear = is_flood or rate_hz < 0.8 * limits.status_rate_hz
        if is_clear and self.breaks(is_flood):
            self.find(
                now_s, f'{rate_hz:.0f} Power_Modules_Status a second, nominal 10',
                rate_hz=rate_hz)


class StatusComesRegularly(Rule):
    """R2; a longer gap is a loss, and was found as such when it reached the time of one."""

    who = CUSTOMER
    is_of_session = True
    number = 'R2'
    sentence = 'a status every 100 ms'
    tolerances = ('status_gap_s', 'status_loss_s')

    def on_arrival(self, now_s: float) -> None:
        gap_s, limits = self.facts.heard.status_gap_s, self.limits
        if gap_s is None or (gap_s <= limits.status_gap_s and not self.broken):
            return
        is_late = limits.status_gap_s + _ROUNDING_S < gap_s <= limits.status_loss_s
        if self.breaks(is_late, now_s):
            self.find(
                now_s, f'Power_Modules_Status {1000 * gap_s:.0f} ms after the one before, '
                'nominal 100 ms', gap_s=gap_s)


class FirstStatusComes(Rule):
    """R2: the modules wake with New_Charge_Session, and say so in time."""

    who = CUSTOMER
    is_of_session = True
    number = 'R2'
    sentence = 'the first status in time'
    tolerances = ('first_status_s',)

    def on_tick_alive(self, now_s: float) -> None:
        power = self.facts.power
        if power is None or power.status_at_s is not None:
            return
        waited_s = now_s - power.since_s
        is_late = waited_s > self.limits.first_status_s
        if self.breaks(is_late and self.facts.heard.is_charger_known):
            self.find(
                now_s, f'no Power_Modules_Status {waited_s:.1f} s after New_Charge_Session',
                waited_s=waited_s)

    def on_emergency(self, now_s: float) -> None:
        self.on_tick_alive(now_s)


class StatusIsNotLost(Rule):
    """R3: a silence that the controller takes for a loss."""

    who = CUSTOMER
    is_of_session = True
    number = 'R3'
    sentence = 'the status does not stop for 0.5 s'
    tolerances = ('status_loss_s', 'controller_jitter_s')

    def on_arrival(self, now_s: float) -> None:
        # Found before, unless nobody looked meanwhile.
        gap_s, loss_s = self.facts.heard.status_gap_s, self.limits.status_loss_s
        if gap_s is not None and (gap_s > loss_s or self.broken):
            self._check(gap_s, loss_s, now_s)

    def on_tick_alive(self, now_s: float) -> None:
        self._look(self.facts.power, self.limits.status_loss_s, now_s)

    def on_emergency(self, now_s: float) -> None:
        # The session may be over with it, before anybody looks at the silence again.
        limits = self.limits
        self._look(self.facts.power, limits.status_loss_s - limits.controller_jitter_s, now_s)

    def _look(self, power: Power | None, loss_s: float, now_s: float) -> None:
        if power is not None and power.status_at_s is not None:
            self._check(now_s - power.status_at_s, loss_s, now_s)

    def _check(self, silent_s: float, loss_s: float, now_s: float) -> None:
        if self.breaks(silent_s > loss_s, now_s):
            self.find(
                now_s, f'Power_Modules_Status lost: silent for {1000 * silent_s:.0f} ms',
                silent_s=silent_s)


class NoCurrentInSilence(OutputRule):
    """R1: nobody knows whether the command is still meant, and nobody resumes by himself."""

    number = 'R1'
    sentence = (
        'no current after a silence of the controller, and none again before a Standby or Off')
    tolerances = (
        'controller_timeout_s', 'status_loss_s', 'silence_reaction_s', 'off_current_a')
    during = COMMANDED

    def __init__(self, facts: Facts, limits: Tolerances, findings: Findings) -> None:
        super().__init__(facts, limits, findings)
        self._stop_since_s: float | None = None

    def on_function(self, function: int, before: int | None) -> None:
        if function in FLOATING:
            # Now the controller begins anew, and so may the charger.
            self._stop_since_s = None

    def on_resume(self, now_s: float) -> None:
        if self._stop_since_s is not None:
            self._stop_since_s = now_s

    def on_modules_status(self, status: PowerModulesStatus, now_s: float) -> None:
        limits, silent_s = self.limits, self.facts.heard.deaf_s
        if silent_s <= limits.status_loss_s and self._stop_since_s is None and not self.broken:
            return
        is_powered = self.facts.output.function not in FLOATING
        # Much longer than its timeout: nobody can have missed that.
        if is_powered and self._stop_since_s is None and silent_s > limits.status_loss_s:
            self._stop_since_s = now_s - silent_s + limits.controller_timeout_s
        is_late = (
            self._stop_since_s is not None
            and now_s - self._stop_since_s > limits.silence_reaction_s)
        current_a = status.present_current
        if self.breaks(is_powered and is_late and abs(current_a) > limits.off_current_a):
            missing = (
                f'is missing for {silent_s:.1f} s' if silent_s > limits.controller_timeout_s
                else 'was missing, and no Standby or Off has come since')
            self.find(
                now_s, f'{current_a:.1f} A although Advantics_Controller_Status {missing}',
                present_current_a=current_a, silent_s=silent_s)
