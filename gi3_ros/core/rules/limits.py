# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""DC_Power_Parameters: not too often, and the controller keeps within them (R4, R33)."""

import math

from ..interface.layout import CUSTOMER
from ..interface.signals import DcPowerControl, DcPowerParameters
from .facts import Facts
from .findings import Findings
from .kinds import CommandRule
from .rule import Rule
from .tolerances import Tolerances

Function = DcPowerControl.PowerFunction

_ROUNDING_V = 1.0


class LimitsKeepTheirDistance(Rule):
    """R4: one frame that CAN delivers twice is no second one."""

    who = CUSTOMER
    number = 'R4'
    sentence = '100 ms between two limits'
    tolerances = ('parameters_spacing_s', 'parameters_jitter_s')

    def __init__(self, facts: Facts, limits: Tolerances, findings: Findings) -> None:
        super().__init__(facts, limits, findings)
        self._last: DcPowerParameters | None = None
        self._last_at_s = 0.0

    def on_parameters(self, parameters: DcPowerParameters, now_s: float) -> None:
        limits, last = self.limits, self._last
        distance_s = now_s - self._last_at_s
        # CAN itself may deliver a frame twice.
        is_double = parameters == last and distance_s < limits.parameters_jitter_s
        self._last = parameters
        if is_double:
            return
        if last is not None:
            # One that seems to be earlier is late in the log.
            is_close = 0 <= distance_s < limits.parameters_spacing_s - limits.parameters_jitter_s
            if self.breaks(is_close):
                self.find(
                    now_s, f'DC_Power_Parameters {1000 * distance_s:.0f} ms after the one before, '
                    f'permitted {1000 * limits.parameters_spacing_s:.0f} ms',
                    distance_s=distance_s)
        self._last_at_s = now_s


class LimitsAreKept(CommandRule):
    """
    R33, A44: the charger's limits hold for the commands as well; 0 tells nothing.

    Only a command that came after the time to obey counts: one in force may be a minute old (R26).
    """

    number = 'R33'
    sentence = 'currents, and the voltage of the insulation test, keep within DC_Power_Parameters'
    tolerances = ('limits_s', 'current_a')

    def on_command(self, command: DcPowerControl, now_s: float) -> None:
        self.facts.forget_limits(now_s)
        told = self.facts.told_limits
        if (not told or now_s - told[0][0] <= self.limits.limits_s
                or self.facts.commands.is_emergency):
            return
        # Of those that were in force in the time to obey, the widest.
        most_v = max([each.maximum_voltage or math.inf for _, each in told])
        most_a = max([each.maximum_charge_current or math.inf for _, each in told])
        least_a = -max([each.maximum_discharge_current or math.inf for _, each in told])
        self._check_current(command, most_a, least_a, now_s)
        is_over_v = command.power_function == Function.INSULATION_TEST and (
            command.target_voltage > most_v + _ROUNDING_V)
        if self.breaks(is_over_v, key='voltage'):
            self.find(
                now_s, f'a test at {command.target_voltage:g} V is commanded, '
                f'DC_Power_Parameters permit {most_v:g} V',
                target_voltage_v=command.target_voltage)

    def _check_current(
            self, command: DcPowerControl, most_a: float, least_a: float, now_s: float) -> None:
        low_a, high_a = command.current_range_min, command.current_range_max
        room_a = self.limits.current_a
        is_over = command.power_function == Function.POWER_TRANSFER and (
            high_a > most_a + room_a or low_a < least_a - room_a)
        if self.breaks(is_over, key='current'):
            permitted = ' and '.join(
                f'{amperes:g} A of {way}' for amperes, way in (
                    (most_a, 'charging'), (-least_a, 'discharging')) if amperes < math.inf)
            self.find(
                now_s, f'{low_a:g} .. {high_a:g} A are commanded, DC_Power_Parameters '
                f'permit {permitted}', current_range_min_a=low_a, current_range_max_a=high_a)
