# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What this charger and its cable can do, as configured, and what heat and voltage leave of it.

Entry names and defaults are the controller's own (interface.md 5.1), so one configuration can be
read by both sides. What of it is told to the controller: :mod:`.advertised`.
"""

import dataclasses
import math
import typing

from ..config import check, entry

DERATED_SHARE = 0.5
"""Of the current at the temperature where it ends: the controller's own curve (R50)."""
RECOVERY_V = 5.0
RECOVERY_SHARE = 0.03
"""How far above the least discharge voltage the output has to recover, whichever is more."""
HYSTERESIS_C = 2.0
"""A derated current rises again only when it is this much cooler: no flicker on the bus."""


def _volts(default: float, meaning: str) -> float:
    return entry(default, f'V, {meaning}', 0.0, 1500.0)


def _amperes(default: float, meaning: str) -> float:
    return entry(default, f'A, {meaning}', 0.0, 3000.0)


def _watts(default: float, meaning: str) -> float:
    return entry(default, f'W, {meaning}', 0.0, 4e6)


class Bound(typing.NamedTuple):
    """The largest current, and the name of what limits it."""

    current_a: float
    name: str


class BothWays(typing.NamedTuple):
    """The largest current in each direction, magnitudes; infinite where nothing limits it."""

    charge_a: float = math.inf
    discharge_a: float = math.inf


@dataclasses.dataclass(frozen=True, slots=True)
class ChargerLimits:
    """
    Configured limits of the charger and its cable.

    Currents and powers of the discharge direction are magnitudes.
    """

    is_bidirectional: bool = entry(
        False, 'allow discharging; false forbids it whatever the discharge entries say')
    supports_range_mode: bool = entry(
        True, 'the power modules can work at any current of a range; false: in Range_Mode they '
        'take its maximum (R25, A43)')
    min_charger_voltage: float = _volts(0.0, 'least output voltage of a charge')
    max_charger_voltage: float = _volts(500.0, 'the highest the charger may ever apply')
    min_charger_current: float = _amperes(
        0.0, 'least current towards the vehicle that the modules can hold, besides none')
    max_charger_current: float = _amperes(120.0, 'largest current towards the vehicle')
    min_charger_power: float = _watts(
        0.0, 'least power towards the vehicle; 0 = min_charger_voltage x min_charger_current')
    max_charger_power: float = _watts(
        0.0, 'towards the vehicle; 0 = max_charger_voltage x max_charger_current')
    min_charger_discharge_voltage: float = _volts(0.0, 'below it no discharging')
    max_charger_discharge_voltage: float = _volts(
        0.0, 'above it no discharging; 0 = max_charger_voltage')
    min_charger_discharge_current: float = _amperes(
        0.0, 'least current from the vehicle that the modules can hold, besides none')
    max_charger_discharge_current: float = _amperes(
        0.0, 'largest current from the vehicle; 0 forbids discharging')
    min_charger_discharge_power: float = _watts(
        0.0, 'least power from the vehicle; '
        '0 = min_charger_voltage x min_charger_discharge_current')
    max_charger_discharge_power: float = _watts(
        0.0, 'from the vehicle; 0 = max_charger_voltage x max_charger_discharge_current')
    max_cable_voltage: float = _volts(500.0, 'rating of cable and connector')
    max_cable_current: float = _amperes(100.0, 'rating of cable and connector')
    max_cable_power: float = _watts(
        0.0, 'rating of cable and connector; 0 = max_cable_voltage x max_cable_current')

    def __post_init__(self) -> None:
        check(self)
        for what in ('voltage', 'current', 'power', 'discharge_voltage', 'discharge_current',
                     'discharge_power'):
            least, most = (getattr(self, f'{end}_charger_{what}') for end in ('min', 'max'))
            # A maximum of 0 is computed, or forbids: the minimum then has nothing to exceed.
            if most and least > most:
                raise ValueError(
                    f'min_charger_{what} {least:g} is above max_charger_{what} {most:g}')

    @property
    def max_voltage_v(self) -> float:
        """V that charger and cable both allow."""
        return min(self.max_charger_voltage, self.max_cable_voltage)

    @property
    def max_current_a(self) -> float:
        """A towards the vehicle that charger and cable both allow."""
        return min(self.max_charger_current, self.max_cable_current)

    @property
    def max_discharge_current_a(self) -> float:
        """A from the vehicle (magnitude) that charger and cable both allow."""
        if not self.is_bidirectional:
            return 0.0
        return min(self.max_charger_discharge_current, self.max_cable_current)

    def largest(
        self, *, discharging: bool, voltage_v: float, share: float = 1.0,
        may_discharge: bool = True,
    ) -> Bound:
        """
        Return the largest current in a direction, and the name of what limits it.

        :param voltage_v: present output voltage, for the power limits
        :param share: of the charger's current that its temperature allows
        :param may_discharge: what :class:`DischargeWindow` says of the voltage
        :returns: its name is 'charger', 'charger power', 'cable', 'cable power', 'temperature',
            'not bidirectional' or 'discharge voltage'
        """
        if not discharging:
            current = self.max_charger_current
            power = self.max_charger_power or self.max_charger_voltage * current
        elif not self.is_bidirectional:
            return Bound(0.0, 'not bidirectional')
        elif not may_discharge:
            return Bound(0.0, 'discharge voltage')
        else:
            current = self.max_charger_discharge_current
            power = self.max_charger_discharge_power or self.max_charger_voltage * current
        cable = self.max_cable_power or self.max_cable_voltage * self.max_cable_current
        bounds = {
            'charger': current,
            'cable': self.max_cable_current,
            'charger power': power / voltage_v if voltage_v > 0 else math.inf,
            'cable power': cable / voltage_v if voltage_v > 0 else math.inf,
            'temperature': current * share,
        }
        name = min(bounds, key=bounds.__getitem__)
        return Bound(bounds[name], name)

    def smallest(self, *, discharging: bool, voltage_v: float) -> float:
        """
        Return the least current (magnitude in A) in a direction that the modules can hold.

        A least power of 0 is computed from least voltage and least current: it asks for no more
        than these two do.

        :param voltage_v: where the output will be, for the least power
        """
        if discharging:
            current = self.min_charger_discharge_current
            power = self.min_charger_discharge_power
        else:
            current, power = self.min_charger_current, self.min_charger_power
        return max(current, power / voltage_v if voltage_v > 0 else 0.0)


class DischargeWindow:
    """
    Whether the output voltage is where discharging is permitted.

    Once it was too low it has to recover: without the load every battery does so a little, and
    the current would go on and off without end.
    """

    def __init__(self, limits: ChargerLimits) -> None:
        self._low_v = limits.min_charger_discharge_voltage
        self._high_v = limits.max_charger_discharge_voltage or limits.max_charger_voltage
        self._was_low = False

    def restart(self) -> None:
        """Begin anew: an output that no current was drawn from has not sagged."""
        self._was_low = False

    def permits(self, voltage_v: float) -> bool:
        """Return whether current may be drawn at this voltage."""
        recovered_v = min(
            self._low_v + max(RECOVERY_V, RECOVERY_SHARE * self._low_v), self._high_v)
        self._was_low = voltage_v < (recovered_v if self._was_low else self._low_v)
        return not self._was_low and voltage_v <= self._high_v


class Derating:
    """
    The share of its current that a charger may carry at a temperature (R50).

    :param start_c: degrees Celsius up to which it is all of it
    :param end_c: where it has fallen to :data:`DERATED_SHARE`, linearly
    """

    def __init__(self, start_c: float, end_c: float) -> None:
        self._start_c = start_c
        self._end_c = end_c
        self._counted_c = -math.inf

    def share(self, temperature_c: float) -> float:
        """
        Return the share, in whole percent.

        Without a sensor (NaN) it is all; a sensor that fell silent keeps what it said last.
        """
        if temperature_c > self._counted_c:
            self._counted_c = temperature_c
        elif temperature_c < self._counted_c - HYSTERESIS_C:
            self._counted_c = temperature_c + HYSTERESIS_C
        over = (self._counted_c - self._start_c) / (self._end_c - self._start_c)
        return round(1.0 - (1.0 - DERATED_SHARE) * min(max(over, 0.0), 1.0), 2)
