# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Precharge: the vehicle's cap, and the window around its voltage (R19)."""

from ..interface.signals import PowerModulesStatus
from .facts import Facts
from .findings import Findings
from .kinds import OutputRule
from .output import InForce, way_s
from .tolerances import Tolerances

_ROUNDING_S = 1e-6
"""Sums of times have rounding errors."""


class PrechargeCurrent(OutputRule):
    """R19, A13: no more than the vehicle's cap."""

    number = 'R19'
    sentence = 'no current above the cap'
    tolerances = ('precharge_floor_a', 'current_a', 'precharge_over_s')
    during = frozenset({InForce.PRECHARGE})

    def on_modules_status(self, status: PowerModulesStatus, now_s: float) -> None:
        limits = self.limits
        current_a = status.present_current
        allowed_a = self.facts.output.command.current_range_max
        cap_a = max(allowed_a, limits.precharge_floor_a) + limits.current_a
        over_s = self.lasting.seconds('over', abs(current_a) > cap_a, now_s)
        if self.breaks(over_s > limits.precharge_over_s):
            self.find(
                now_s, f'{current_a:.1f} A in Precharge, cap {allowed_a:.1f} A',
                present_current_a=current_a, cap_a=allowed_a)


class PrechargeVoltage(OutputRule):
    """R19: into the window around the battery's voltage, and not above it."""

    number = 'R19'
    sentence = 'the voltage comes into the window, unless the cap is 0 A'
    observation = 'a voltage that is late, and still on its way'
    tolerances = ('precharge_window_v', 'precharge_rise_s', 'rise_v_per_s', 'exceed_s')
    during = frozenset({InForce.PRECHARGE})

    def on_modules_status(self, status: PowerModulesStatus, now_s: float) -> None:
        limits, output = self.limits, self.facts.output
        command, voltage_v = output.command, status.present_voltage
        target_v, in_force_s = command.target_voltage, now_s - output.function_since_s
        distance_v = abs(voltage_v - self.able_v(target_v))
        output.way.has_arrived |= distance_v <= limits.precharge_window_v
        is_above = (
            voltage_v > output.highest_v + limits.precharge_window_v
            and in_force_s > limits.exceed_s
        )
        # With a cap of 0 A nothing can be raised; what chargers use then is their choice (A13).
        is_late = (
            not output.way.has_arrived and not is_above and command.current_range_max > 0
            and self.is_bound(status) and now_s - output.precharge_since_s
            > limits.precharge_rise_s + way_s(target_v, limits.rise_v_per_s))
        words = f'{voltage_v:.1f} V after {in_force_s:.1f} s of Precharge to {target_v:.1f} V'
        values = {'present_voltage_v': voltage_v, 'target_voltage_v': target_v,
                  'in_force_s': in_force_s}
        self.check_way(is_late, distance_v, now_s, words, **values)
        if self.breaks(is_above):
            self.find(now_s, words, **values)


class PrechargeHolds(OutputRule):
    """
    R19: the window is held, not touched; the vehicle connects when it has looked for a while.

    Above it, what modules cannot sink may be left: that is looked at elsewhere.
    """

    number = 'R19'
    sentence = 'it is not out of the window again for more than a second altogether'
    tolerances = ('precharge_window_v', 'precharge_out_s')
    during = frozenset({InForce.PRECHARGE})

    def __init__(self, facts: Facts, limits: Tolerances, findings: Findings) -> None:
        super().__init__(facts, limits, findings)
        self._way = facts.output.way
        self._out_s = 0.0
        """How long the voltage was out of the window, once it was in it."""

    def on_modules_status(self, status: PowerModulesStatus, now_s: float) -> None:
        limits, output = self.limits, self.facts.output
        if output.way is not self._way:
            self._way, self._out_s = output.way, 0.0
        command = output.command
        away_v = self.able_v(command.target_voltage) - status.present_voltage
        if output.way.has_arrived and away_v > limits.precharge_window_v and (
                command.current_range_max > 0):
            self._out_s += output.step_s
        if self.breaks(
                self._out_s > limits.precharge_out_s + _ROUNDING_S and self.is_bound(status)):
            self.find(
                now_s,
                f'{status.present_voltage:.1f} V in Precharge to {command.target_voltage:.1f} V: '
                f'the voltage was there, and has been out of the window of '
                f'{limits.precharge_window_v:.0f} V for {self._out_s:.1f} s altogether',
                present_voltage_v=status.present_voltage,
                target_voltage_v=command.target_voltage, out_s=self._out_s)
