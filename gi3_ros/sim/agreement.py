# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What controller and vehicle settle on before any power flows (interface.md 4.3).

Which protocol, whether the currents of DC_Power_Control are a target or a range, whether energy
may flow back, and how the limits of charger, cable, vehicle and DC_Power_Parameters become one.
"""

import dataclasses
import math
from typing import NamedTuple

from ..core.interface.signals import DcPowerControl, DcPowerParameters
from ..core.power.limits import ChargerLimits
from .config import ControllerConfig
from .protocols import CHADEMO, ControlMode, Direction, Protocol
from .vehicle_config import VehicleConfig

SetpointsMode = DcPowerControl.SetpointsMode


class NoAgreement(Exception):
    """Vehicle and charger do not fit; the text says why."""


@dataclasses.dataclass(frozen=True, slots=True)
class Agreement:
    """What the session will be."""

    protocol: Protocol
    mode: SetpointsMode
    direction: Direction
    is_range_converted: bool = False
    """The vehicle gives a range, but the charger gets a target out of it (A43)."""

    def __str__(self) -> str:
        mode = 'Range_Mode' if self.mode is SetpointsMode.RANGE_MODE else 'Target_Mode'
        converted = ' (from a range)' if self.is_range_converted else ''
        return f'{self.protocol.value}, {mode}{converted}, {self.direction.value}'


def agree(
    config: ControllerConfig, vehicle: VehicleConfig, battery_v: float, *,
    told_v: float = math.inf,
) -> Agreement:
    """
    Settle the session.

    V2G is taken from any version of CHAdeMO: the interface does not tie it to one.

    :param battery_v: voltage of the vehicle's battery
    :param told_v: Maximum_Voltage that the charger has told, which it may lower (R33)
    :raises NoAgreement: when no session can come about
    """
    protocol = _protocol(config, vehicle)
    limits = config.limits
    most_v = min(limits.max_voltage_v, told_v)
    if not limits.min_charger_voltage <= battery_v <= most_v:
        raise NoAgreement(
            f'the battery is at {battery_v:.0f} V, charger and cable can do '
            f'{limits.min_charger_voltage:g}..{most_v:g} V')
    is_bidirectional = (
        vehicle.is_bidirectional
        and limits.is_bidirectional
        and (protocol.is_chademo or protocol is Protocol.ISO_15118_20)
    )
    direction = vehicle.direction if is_bidirectional else Direction.CHARGE
    if vehicle.direction is Direction.DISCHARGE and not is_bidirectional:
        raise NoAgreement(
            f'the vehicle wants to discharge, {protocol.value} cannot here: '
            f'vehicle {_can(vehicle.is_bidirectional)}, '
            f'charger {_can(limits.is_bidirectional)}')
    gives_range = (
        is_bidirectional if protocol.is_chademo else
        protocol is Protocol.ISO_15118_20 and vehicle.control_mode is ControlMode.DYNAMIC
    )
    if gives_range and limits.supports_range_mode:
        return Agreement(protocol, SetpointsMode.RANGE_MODE, direction)
    if gives_range and config.without_range_mode == 'refuse':
        raise NoAgreement(
            f'{protocol.value} of this vehicle needs Range_Mode, which supports_range_mode '
            'excludes (A43)')
    return Agreement(
        protocol, SetpointsMode.TARGET_MODE, direction, is_range_converted=gives_range)


def _can(is_bidirectional: bool) -> str:
    return 'bidirectional' if is_bidirectional else 'not bidirectional'


def _protocol(config: ControllerConfig, vehicle: VehicleConfig) -> Protocol:
    enabled = set(CHADEMO) if config.is_chademo else {
        protocol for protocol, is_enabled in (
            (Protocol.DIN_70121, config.enable_din),
            (Protocol.ISO_15118_2, config.enable_iso_part2),
            (Protocol.ISO_15118_20, config.enable_iso_part20),
        ) if is_enabled
    }
    common = [protocol for protocol in vehicle.protocols if protocol in enabled]
    if not common:
        raise NoAgreement(
            'no common protocol: the vehicle speaks '
            f'{", ".join(each.value for each in vehicle.protocols)}, the controller '
            f'{", ".join(sorted(each.value for each in enabled)) or "nothing"}')
    age = list(Protocol).index
    if config.protocol_priority_order == 'latest':
        return max(common, key=age)
    if config.protocol_priority_order == 'oldest':
        return min(common, key=age)
    return common[0]


@dataclasses.dataclass(frozen=True, slots=True)
class ChargeLimits:
    """What the charger side can give, as told to the vehicle; all magnitudes."""

    voltage_v: float
    current_a: float
    power_w: float
    discharge_current_a: float = 0.0
    discharge_power_w: float = 0.0
    least_current_a: float = 0.0
    least_discharge_current_a: float = 0.0
    least_power_w: float = 0.0
    least_discharge_power_w: float = 0.0
    discharge_from_v: float = 0.0
    discharge_to_v: float = math.inf
    """Battery voltages between which it can discharge."""


def charger_limits(
    limits: ChargerLimits, parameters: DcPowerParameters, share: float = 1.0,
) -> ChargeLimits:
    """
    Merge configuration, cable and DC_Power_Parameters (R33).

    A parameter of 0 is the configured default; none exceeds it. A power of 0 is computed from
    voltage and current of the same end.

    :param limits: as configured
    :param parameters: the last DC_Power_Parameters of the charger
    :param share: of the charger's currents that the temperature of its modules allows (R50)
    """
    cable_w = limits.max_cable_power or limits.max_cable_voltage * limits.max_cable_current
    charge_a = limits.max_charger_current
    discharge_a = limits.max_charger_discharge_current
    return ChargeLimits(
        voltage_v=min(
            parameters.maximum_voltage or limits.max_charger_voltage,
            limits.max_charger_voltage, limits.max_cable_voltage),
        current_a=min(
            parameters.maximum_charge_current or charge_a, share * charge_a,
            limits.max_cable_current),
        power_w=min(
            limits.max_charger_power or limits.max_charger_voltage * charge_a, cable_w),
        discharge_current_a=min(
            parameters.maximum_discharge_current or discharge_a, share * discharge_a,
            limits.max_cable_current),
        discharge_power_w=min(
            limits.max_charger_discharge_power or limits.max_charger_voltage * discharge_a,
            cable_w),
        least_current_a=limits.min_charger_current,
        least_discharge_current_a=limits.min_charger_discharge_current,
        # A least power of 0 asks for no more than least voltage and least current do.
        least_power_w=limits.min_charger_power,
        least_discharge_power_w=limits.min_charger_discharge_power,
        discharge_from_v=limits.min_charger_discharge_voltage,
        discharge_to_v=limits.max_charger_discharge_voltage or limits.max_charger_voltage,
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Window:
    """What vehicle and charger both allow at this moment; all magnitudes."""

    voltage_v: float = 0.0
    charge_a: float = 0.0
    least_charge_a: float = 0.0
    discharge_a: float = 0.0
    least_discharge_a: float = 0.0


class CurrentRange(NamedTuple):
    """Current_Range_Min and Current_Range_Max."""

    low_a: float
    high_a: float


def current_range(window: Window, direction: Direction) -> CurrentRange:
    """Return the range that a window leaves (R25)."""
    if direction is Direction.BOTH:
        return CurrentRange(-window.discharge_a, window.charge_a)
    if direction is Direction.DISCHARGE:
        return CurrentRange(
            -window.discharge_a, -min(window.least_discharge_a, window.discharge_a))
    return CurrentRange(min(window.least_charge_a, window.charge_a), window.charge_a)
