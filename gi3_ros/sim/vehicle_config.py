# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a simulated vehicle is like: :class:`VehicleConfig`, the entries of its YAML file."""

import dataclasses
import itertools
import math
from typing import NamedTuple

from .protocols import ControlMode, Direction, Protocol

_MOST = {
    **dict.fromkeys(('min_voltage_v', 'max_voltage_v', 'target_voltage_v'), 6553.5),
    **dict.fromkeys(('max_current_a', 'min_current_a', 'max_discharge_current_a',
                     'min_discharge_current_a'), 6553.5),
    **dict.fromkeys(('max_power_w', 'min_power_w', 'max_discharge_power_w',
                     'min_discharge_power_w', 'capacity_wh'), 65535e3),
    'precharge_current_a': 3276.7,
    **dict.fromkeys(('state_of_charge', 'target_state_of_charge', 'least_state_of_charge',
                     'request_jitter'), 1.0),
}
"""What the frames can carry, and shares."""
LONGEST_REQUEST_S = 60.0
SHORTEST_REQUEST_S = 0.025
"""A CCS vehicle may take so long between two requests; the controller answers in 25 ms (R26)."""


class Point(NamedTuple):
    """One point of a curve over the state of charge."""

    state_of_charge: float
    value: float


Curve = tuple[Point, ...]


class Pause(NamedTuple):
    """A part of the energy transfer."""

    after_s: float
    """From the beginning of the transfer."""
    for_s: float


def interpolate(curve: Curve, x: float) -> float:
    """Return the value at ``x`` of a curve given by points, level beyond its ends."""
    if x <= curve[0][0]:
        return curve[0][1]
    for (x0, y0), (x1, y1) in itertools.pairwise(curve):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return curve[-1][1]


@dataclasses.dataclass(frozen=True)
class VehicleConfig:
    """A vehicle; the defaults are a 400 V passenger car."""

    name: str = 'passenger car, 400 V, 75 kWh'
    protocols: tuple[Protocol, ...] = (Protocol.ISO_15118_2, Protocol.DIN_70121)
    """What it speaks, as it ranks them."""
    control_mode: ControlMode = ControlMode.SCHEDULED
    """Of ISO 15118-20."""
    is_bidirectional: bool = False
    """BPT of ISO 15118-20, V2G of CHAdeMO."""
    direction: Direction = Direction.CHARGE
    """What it lets happen in a session."""
    capacity_wh: float = 75e3
    state_of_charge: float = 0.52
    open_circuit_v: Curve = (
        Point(0.0, 316.0), Point(0.05, 332.0), Point(0.1, 340.0), Point(0.2, 349.0),
        Point(0.3, 353.5), Point(0.4, 357.5), Point(0.5, 363.0), Point(0.6, 371.5),
        Point(0.7, 381.0), Point(0.8, 391.0), Point(0.9, 399.0), Point(1.0, 403.0),
    )
    """Battery voltage without current over the state of charge."""
    resistance_ohm: float = 0.07
    insulation_resistance_ohm: float = 1.2e6
    min_voltage_v: float = 300.0
    max_voltage_v: float = 410.0
    target_voltage_v: float = 408.0
    """What it asks for while charging: above the battery, so that current control rules."""
    max_current_a: float = 110.0
    max_power_w: float = 90e3
    min_current_a: float = 0.0
    min_power_w: float = 0.0
    max_discharge_current_a: float = 0.0
    max_discharge_power_w: float = 0.0
    min_discharge_current_a: float = 0.0
    min_discharge_power_w: float = 0.0
    """Magnitudes; 0 W and a minimum of 0 A are not told (A30)."""
    current_taper: Curve = (
        Point(0.0, 1.0), Point(0.7, 1.0), Point(0.85, 0.6), Point(0.95, 0.25), Point(1.0, 0.05))
    """Share of ``max_current_a`` over the state of charge."""
    stop_below_a: float = 3.0
    """It ends the charge when it would ask for less."""
    target_state_of_charge: float = 0.9
    least_state_of_charge: float = 0.2
    """It does not discharge below."""
    charge_duration_s: float = math.inf
    """It ends the session after this long in the energy transfer. A schedule for both directions
    charges for the first half of it; without an end it charges full first."""
    pauses: tuple[Pause, ...] = ()
    """In the energy transfer: it asks for nothing, which is Standby."""
    ramp_up_a_per_s: float = 60.0
    """Infinite makes it ask for everything at once (R28)."""
    ramp_down_a_per_s: float = 60.0
    """Slope of the request before a planned end."""
    request_period_s: float = 0.1
    """Pace of its requests in the energy transfer, 25 ms to 60 s."""
    request_jitter: float = 0.0
    """Share of the period by which each may come earlier or later."""
    precharge_current_a: float = 2.0
    precharge_window_v: float = 20.0
    """It closes its contactors when the inlet is this close to the battery (R19)."""
    precharge_settle_s: float = 0.2
    start_delay_s: float = 0.5
    """From closed contactors to the first power request; may be hours (R48)."""
    patience_s: float = 40.0
    """How long it lets the charger get ready (R6)."""
    precharge_patience_s: float = 10.0
    open_below_a: float = 1.0
    opening_delay_s: float = 0.3
    """After the end of the transfer it waits this long before it opens its contactors."""
    forced_opening_s: float = 0.5
    """In an emergency it opens after this long whatever the current."""
    welding_detection_s: float = 0.0
    """0: it does without."""

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated."""
        self._check_numbers()
        if not self.protocols or len({each.is_chademo for each in self.protocols}) != 1:
            raise ValueError('protocols of the vehicle must be of one plug, CCS or CHAdeMO')
        if self.direction is not Direction.CHARGE and not self.is_bidirectional:
            raise ValueError(
                f'direction of the vehicle is {self.direction.value}, but it is not bidirectional')
        _check_curve('open_circuit_v', self.open_circuit_v, 1.0, 6553.5)
        _check_curve('current_taper', self.current_taper, 0.0, 1.0)

    def _check_numbers(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            most = _MOST.get(field.name, math.inf)
            if isinstance(value, float) and not 0 <= value <= most:
                raise ValueError(
                    f'{field.name} of the vehicle is {value:g}, permitted are 0..{most:g}')
        for name in ('capacity_wh', 'resistance_ohm', 'insulation_resistance_ohm'):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f'{name} of the vehicle must be a number above 0')
        if not SHORTEST_REQUEST_S <= self.request_period_s <= LONGEST_REQUEST_S:
            raise ValueError(
                f'request_period_s of the vehicle is {self.request_period_s:g}, permitted are '
                f'{SHORTEST_REQUEST_S:g}..{LONGEST_REQUEST_S:g} (R26)')


def _check_curve(name: str, curve: Curve, least: float, most: float) -> None:
    shares = [share for share, _ in curve]
    if len(shares) < 2 or shares != sorted(set(shares)):
        raise ValueError(
            f'{name} of the vehicle needs two points or more, by rising state of charge')
    if not all(least <= value <= most for _, value in curve):
        raise ValueError(f'{name} of the vehicle has values outside {least:g}..{most:g}')
