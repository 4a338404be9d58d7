# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
The parameters of power_control, with their defaults and ranges.

What charger and cable can do stands in :class:`~.limits.ChargerLimits`.
"""

import dataclasses

from ..config import check, entry
from .limits import ChargerLimits


@dataclasses.dataclass(frozen=True, slots=True)
class PowerConfig:
    """Parameters of power_control besides those that it shares with the controller."""

    limits: ChargerLimits = dataclasses.field(default_factory=ChargerLimits)
    tell_maximum_voltage: bool = entry(
        True, 'tell what charger and cable can do as Maximum_Voltage; false: 0, which is the '
        "controller's own max_charger_voltage, until set_limits lowers it (R33)")
    tell_maximum_charge_current: bool = entry(
        True, "the same of Maximum_Charge_Current and the controller's max_charger_current")
    tell_maximum_discharge_current: bool = entry(
        True, "the same of Maximum_Discharge_Current and the controller's "
        'max_charger_discharge_current')
    current_ramp_up_rate: float = entry(
        100.0, 'A/s away from zero, in the power transfer (R28)', 1.0, 10000.0)
    current_ramp_down_rate: float = entry(
        400.0, 'A/s towards zero; a stop is not ramped (R28)', 1.0, 10000.0)
    voltage_ramp_up_rate: float = entry(1000.0, 'V/s upwards, in every function', 1.0, 100000.0)
    voltage_ramp_down_rate: float = entry(
        1000.0, 'V/s downwards, in every function; a stop is not ramped', 1.0, 100000.0)
    insulation_test_current: float = entry(
        2.0, 'A, current limit of the insulation test, for which the interface has none (R11)',
        0.1, 20.0)
    precharge_min_current: float = entry(
        1.0, "A, used in the precharge when the vehicle's cap is lower (A13)", 0.0, 5.0)
    strict_target_voltage: bool = entry(
        False, 'a Target_Voltage above the maximum is a fault in every function; false: only in '
        'the precharge, elsewhere it is clamped (A38)')
    supervise_insulation: bool = entry(
        True, 'check 100 Ohm/V ourselves after the test (R14); false when the controller reads '
        'the monitor (A37)')
    derating_temperature: float = entry(
        75.0, 'degrees C of the modules from which the current is derated (R50)', 0.0, 214.0)
    max_temperature: float = entry(
        85.0, 'degrees C of the modules, half the current here; staying above is a fault (R50)',
        1.0, 215.0)
    voltage_tolerance: float = entry(
        5.0, 'V, on top of 5 %, that a measured voltage may exceed its limit', 0.0, 100.0)
    current_tolerance: float = entry(
        3.0, 'A, on top of 5 %, that a measured current may exceed its limit', 0.0, 100.0)
    over_limit_time: float = entry(
        0.5, 's that a measured value may exceed its limit; the lag of the modules and an inrush '
        'must fit', 0.3, 2.0)
    stopping_time: float = entry(
        1.5, 's that the modules may take to bring the current down after a stop', 0.3, 3.0)

    def __post_init__(self) -> None:
        check(self)
        if self.derating_temperature >= self.max_temperature:
            raise ValueError(
                f'derating_temperature {self.derating_temperature:g} must be below '
                f'max_temperature {self.max_temperature:g}')

    @property
    def left_to_controller(self) -> frozenset[str]:
        """Signals of DC_Power_Parameters that say the controller's own entry (R33)."""
        return frozenset(
            name for name in ('maximum_voltage', 'maximum_charge_current',
                              'maximum_discharge_current') if not getattr(self, f'tell_{name}'))
