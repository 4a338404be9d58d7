# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Power transfer: current and voltage keep to the set-points (R24, R25, R29), and it is told (R48).

They are held against the hull of the set-points of the last moments, so that ramps and steps are
permitted.
"""

import abc
import math

from ..interface.signals import DcPowerControl, DcPowerParameters, PowerModulesStatus
from .facts import Facts
from .findings import Findings
from .kinds import CommandRule, OutputRule
from .output import InForce, way_s
from .states import AFTER_LOOP
from .tolerances import Tolerances

Function = DcPowerControl.PowerFunction
Mode = DcPowerControl.SetpointsMode


class TransferRule(OutputRule, abc.ABC):
    """In a log that begins in mid-session, what held before the first command may still count."""

    during = frozenset({InForce.POWER_TRANSFER})

    def on_modules_status(self, status: PowerModulesStatus, now_s: float) -> None:
        if now_s - self.facts.output.heard_since_s > self.limits.exceed_s:
            self.check(status, now_s)

    @abc.abstractmethod
    def check(self, status: PowerModulesStatus, now_s: float) -> None:
        """Look at a Power_Modules_Status."""


class VoltageIsNotExceeded(TransferRule):
    """R29: a battery above the set-point is no breach, pushing current into it is."""

    number = 'R29'
    sentence = 'no current above the voltage set-point'
    tolerances = ('exceed_s', 'current_a', 'ramp_a_per_s', 'voltage_v', 'voltage_share')

    def __init__(self, facts: Facts, limits: Tolerances, findings: Findings) -> None:
        super().__init__(facts, limits, findings)
        self._over: tuple[float, float] | None = None
        """``(time, current)`` when the voltage came above the set-point."""

    def on_function(self, function: int, before: int | None) -> None:
        super().on_function(function, before)
        self._over = None

    def check(self, status: PowerModulesStatus, now_s: float) -> None:
        limits, output = self.limits, self.facts.output
        current_a, voltage_v = status.present_current, status.present_voltage
        target_v = output.command.target_voltage
        highest_v = target_v + self.voltage_room(target_v)
        if voltage_v > highest_v:
            recent = output.transfers_since(now_s - limits.exceed_s)
            target_v = max(command.target_voltage for command in recent)
            highest_v = target_v + self.voltage_room(target_v)
        if voltage_v > highest_v and self._over is None:
            self._over = now_s, current_a
        if self._over is not None and (
                self.lasting.seconds('within', voltage_v <= highest_v, now_s) > limits.exceed_s):
            self._over = None
        if self._over is None:
            self.breaks(False, now_s)
            return
        over_since_s, over_a = self._over
        falling_a = over_a + limits.current_a - limits.ramp_a_per_s * (now_s - over_since_s)
        if self.breaks(
                voltage_v > highest_v and current_a > max(limits.current_a, falling_a), now_s):
            self.find(
                now_s, f'{voltage_v:.1f} V with {current_a:.1f} A, set-point {target_v:.1f} V',
                present_voltage_v=voltage_v, present_current_a=current_a,
                target_voltage_v=target_v)


class PermittedCurrent(TransferRule):
    """Tells which currents the set-points of the last moments permit."""

    def __init__(self, facts: Facts, limits: Tolerances, findings: Findings) -> None:
        super().__init__(facts, limits, findings)
        self._has_flowed = False
        self._raising_at_s = -math.inf

    def on_function(self, function: int, before: int | None) -> None:
        super().on_function(function, before)
        self._has_flowed = False
        self._raising_at_s = -math.inf

    def see_raising(self, current_a: float, now_s: float) -> None:
        """R46: note where a CHAdeMO charger may still be on its way to the battery's voltage."""
        limits, output = self.limits, self.facts.output
        if not output.is_chademo or self._has_flowed:
            return
        self._has_flowed = abs(current_a) > limits.current_a
        # As long as no current is asked for there is no hurry.
        since_s = now_s if output.wanted_since_s is None else output.wanted_since_s
        way_up_s = way_s(output.command.target_voltage, limits.rise_v_per_s)
        if not self._has_flowed and now_s - since_s <= limits.chademo_rise_s + way_up_s:
            self._raising_at_s = now_s

    def exceeds(self, current_a: float) -> bool:
        """
        Tell whether it is further away from 0 A than permitted, or on the wrong side of it.

        A set-point that was lowered counts on for a while, and after it the way down (R28).
        """
        hull = self.facts.output.hull
        return (
            current_a > hull.top_a + self.current_room(hull.top_a)
            or current_a < hull.bottom_a - self.current_room(hull.bottom_a)
        )

    def falls_short(
            self, current_a: float, status: PowerModulesStatus, now_s: float) -> bool:
        """Tell whether it is closer to 0 A than permitted, with no voltage that explains it."""
        limits, facts, output = self.limits, self.facts, self.facts.output
        able_since_s = max(output.able_since_s, self._raising_at_s)
        if now_s - able_since_s <= limits.follow_s or not self.is_bound(status):
            return False
        if output.state in AFTER_LOOP or (facts.parameters is None and not output.is_whole):
            return False
        earlier = output.transfers_since(now_s - limits.follow_s)
        told = facts.parameters or DcPowerParameters()
        least_a = min(
            told.maximum_charge_current or math.inf, output.hull.least_a,
            *(command.current_range_min for command in earlier))
        most_a = max(
            -(told.maximum_discharge_current or math.inf), output.hull.most_a,
            *(command.current_range_max for command in earlier))
        if least_a > 0:
            # R29: the voltage set-point limits as well.
            target_v = self.able_v(min(command.target_voltage for command in earlier))
            is_limited = status.present_voltage >= target_v - limits.voltage_v
            return current_a < least_a - self.current_room(least_a) and not is_limited
        if most_a < 0:
            is_limited = status.present_voltage < limits.discharge_from_v
            return current_a > most_a + self.current_room(most_a) and not is_limited
        return False


class CurrentFollows(PermittedCurrent):
    """R24 of a target, R25 of a range."""

    sentences = (
        ('R24', 'the target is followed, as far as the told limits go (R32); less for 1.5 s is '
                'none: what ends the charge may be on its way'),
        ('R25', 'the current stays in the range'),
    )
    tolerances = (
        'current_a', 'current_share', 'exceed_s', 'ramp_a_per_s', 'follow_s', 'short_s',
        'chademo_rise_s', 'rise_v_per_s', 'voltage_v', 'discharge_from_v')

    def check(self, status: PowerModulesStatus, now_s: float) -> None:
        command, current_a = self.facts.output.command, status.present_current
        self.see_raising(current_a, now_s)
        room_a = self.limits.current_a
        # That breaks nothing, whatever held before.
        is_near = (
            command.current_range_min - room_a <= current_a <= command.current_range_max + room_a)
        is_short = not is_near and self.falls_short(current_a, status, now_s)
        # What ends the charge may be on its way: the vehicle opens, something trips.
        short_s = self.lasting.seconds('short', is_short, now_s)
        # A current of the other direction is another breach.
        which = ''
        if not is_near and self.exceeds(current_a):
            which = 'charging' if current_a > 0 else 'discharging'
        elif is_short and short_s >= self.limits.short_s:
            which = 'short'
        is_new = False
        for key in ('short', 'charging', 'discharging'):
            is_new |= self.breaks(key == which, now_s, key=key)
        if is_new:
            is_range = command.setpoints_mode == Mode.RANGE_MODE
            self.find(
                now_s, f'{current_a:.1f} A, {"range" if is_range else "set-point"} '
                f'{_current(command)}', 'R25' if is_range else 'R24',
                present_current_a=current_a,
                current_range_min_a=command.current_range_min,
                current_range_max_a=command.current_range_max)


class StartIsTold(CommandRule):
    """R48: Charge_Status_Change says that the vehicle is ready."""

    number = 'R48'
    sentence = 'Charge_Started comes before the transfer'
    tolerances = ('crossing_s',)

    def on_moment(self, now_s: float) -> None:
        commands = self.facts.commands
        if commands.command is None:
            return
        is_missing = (
            commands.function == Function.POWER_TRANSFER and commands.is_whole
            and not commands.is_started and self.facts.state not in AFTER_LOOP)
        if self.breaks(
                self.lasting.seconds('missing', is_missing, now_s) > self.limits.crossing_s):
            self.find(
                now_s, 'Power_Transfer without Charge_Status_Change = Charge_Started')


def _current(command: DcPowerControl) -> str:
    if command.current_range_min == command.current_range_max:
        return f'{command.current_range_max:.1f} A'
    return f'{command.current_range_min:.1f}..{command.current_range_max:.1f} A'
