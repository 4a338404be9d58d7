# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
The current setpoint: who may choose it, for how long, and how fast it may move.

Priority inside the controller's range (R25, R30): an emergency above all (:mod:`.control` takes
the power away), then the operator's lease, the fleet's lease, OCPP_Control, the maximum of the
range. In Target_Mode the controller's current is an order (R24), and a lease can only ask for less
by way of Maximum_Charge_Current (R32).
"""

import dataclasses
import enum
import math

from ..interface.signals import DcPowerControl
from .limits import BothWays, ChargerLimits

MAX_LEASE_S = 3600.0
"""No lease lives for ever; an hour is a planning step of a fleet, not a parking time."""
MIN_LEASE_S = 0.1
"""A shorter one would be over before anything could follow it."""
NO_CEILINGS = BothWays()


class Priority(enum.IntEnum):
    """Who wins when several leases are in force; the higher number does."""

    FLEET = 1
    OPERATOR = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Lease:
    """A wish for a current that ends by itself."""

    current_a: float
    priority: Priority
    source: str
    expires_s: float


class Leases:
    """The leases in force, at most one for each priority."""

    def __init__(self) -> None:
        self._leases: dict[Priority, Lease] = {}

    def grant(
        self, current_a: float, *, duration_s: float, priority: int, source: str, now_s: float,
    ) -> Lease | None:
        """
        Put a lease in force, or give one back with ``duration_s`` 0.

        :returns: the lease that ended by this, or ``None``
        :raises ValueError: when an argument makes no sense, with the reason in words
        """
        if not (math.isfinite(current_a) and math.isfinite(duration_s)):
            raise ValueError('current and duration must be finite numbers')
        if duration_s != 0 and not MIN_LEASE_S <= duration_s <= MAX_LEASE_S:
            raise ValueError(
                f'duration {duration_s:g} s is neither 0 (give back) nor {MIN_LEASE_S:g} .. '
                f'{MAX_LEASE_S:g} s: a lease ends by itself, renew it to keep it'
            )
        try:
            rank = Priority(priority)
        except ValueError:
            known = ', '.join(f'{p.value} {p.name.lower()}' for p in Priority)
            raise ValueError(f'priority {priority} is not one of {known}') from None
        if duration_s == 0:
            return self._leases.pop(rank, None)
        if not source:
            raise ValueError('source must name who asks')
        ended = self._leases.get(rank)
        self._leases[rank] = Lease(current_a, rank, source, now_s + duration_s)
        return ended

    def in_force(self, *, now_s: float) -> Lease | None:
        """Return the lease that counts now, or ``None``; forgets those that have ended."""
        for priority, lease in list(self._leases.items()):
            if now_s >= lease.expires_s:
                del self._leases[priority]
        return self._leases[max(self._leases)] if self._leases else None

    def clear(self) -> None:
        """Forget all of them: a lease belongs to one session."""
        self._leases.clear()


@dataclasses.dataclass(frozen=True, slots=True)
class Choice:
    """The current that a power transfer shall reach, whose wish it is, and what shaped it."""

    wanted_a: float
    """Before any limit."""
    source: str
    """'controller', 'ocpp', or the source of the lease"""
    target_a: float
    limited_by: tuple[str, ...]
    """Names of all that keep ``target_a`` from being ``wanted_a``."""


def choose(
    command: DcPowerControl, limits: ChargerLimits, *, lease: Lease | None, ocpp_a: float | None,
    voltage_v: float, share: float = 1.0, may_discharge: bool = True,
    ceilings_a: BothWays = NO_CEILINGS,
) -> Choice:
    """
    Choose the current of a power transfer (R24, R25, R30).

    Target_Mode: the controller's. Range_Mode: the wish that ranks highest, inside the range.
    In both, inside what charger and cable can do.

    :param command: the Power_Transfer in force
    :param limits: the :class:`~.limits.ChargerLimits`
    :param lease: the lease in force or ``None``; ``ocpp_a`` in A or ``None``
    :param voltage_v: present output voltage
    :param share: of the charger's current that its temperature allows
    :param may_discharge: whether the voltage is where discharging is permitted
    :param ceilings_a: what ``set_limits`` leaves in each direction; followed in Range_Mode, while
        in Target_Mode it is the vehicle's turn (R32)
    """
    low_a, high_a = command.current_range_min, command.current_range_max
    wanted_a, source = high_a, 'controller'
    is_ours = is_range_mode(command) and limits.supports_range_mode
    if is_ours:
        if lease is not None:
            wanted_a, source = lease.current_a, lease.source
        elif ocpp_a is not None:
            wanted_a, source = ocpp_a, 'ocpp'
    limited_by = []
    target_a = wanted_a
    if is_ours and not -ceilings_a.discharge_a <= target_a <= ceilings_a.charge_a:
        target_a = min(max(target_a, -ceilings_a.discharge_a), ceilings_a.charge_a)
        limited_by.append('set limits')
    if not low_a <= target_a <= high_a:
        target_a = min(max(target_a, low_a), high_a)
        limited_by.append('range')
    discharging = target_a < 0
    largest_a, name = limits.largest(
        discharging=discharging, voltage_v=voltage_v, share=share, may_discharge=may_discharge)
    if abs(target_a) > largest_a:
        target_a = math.copysign(largest_a, target_a) if largest_a else 0.0
        limited_by.append(name)
    limit_v = min(command.target_voltage, limits.max_voltage_v)
    smallest_a = limits.smallest(discharging=discharging, voltage_v=limit_v)
    if target_a > 0 and limit_v < limits.min_charger_voltage:
        target_a = 0.0
        limited_by.append('charger minimum')
    elif 0 < abs(target_a) < smallest_a:
        # Too little for the modules. Never more than was asked for (R29): that leaves none,
        # unless the range has no room for none and has room for the least.
        least_a = math.copysign(smallest_a, target_a)
        has_room = low_a <= least_a <= high_a and not low_a <= 0.0 <= high_a and (
            not is_ours or -ceilings_a.discharge_a <= least_a <= ceilings_a.charge_a)
        target_a = least_a if has_room and smallest_a <= largest_a else 0.0
        limited_by.append('charger minimum')
    return Choice(wanted_a, source, target_a, tuple(limited_by))


def is_range_mode(command: DcPowerControl) -> bool:
    """Tell whether a Power_Transfer leaves the choice inside its range to us (R25)."""
    return command.setpoints_mode == DcPowerControl.SetpointsMode.RANGE_MODE


FIRST_STEP_S = 0.01
"""What a move that begins may use of the time since the last decision: it begins at once."""


class Ramp:
    """
    A value that moves towards its target no faster than its slopes.

    :param up_per_s: slope away from zero, in units per second
    :param down_per_s: slope towards zero, in units per second
    """

    def __init__(self, up_per_s: float, down_per_s: float) -> None:
        self.up_per_s = up_per_s
        self.down_per_s = down_per_s
        self.value = 0.0
        self._moved_s: float | None = None
        """``None`` after a jump: the next move begins then."""
        self._rests = False
        """Whether it was where it should be: the time since then was no time of a move."""

    def reset(self, value: float = 0.0) -> None:
        """Jump: for a stop (which is never ramped) and for a start from a measured value."""
        self.value = value
        self._moved_s = None

    def clamp(self, low: float, high: float) -> None:
        """Jump to the nearest value of [low, high]: what limits ourselves is not ramped."""
        before, self.value = self.value, min(max(self.value, low), high)
        self._rests |= self.value != before

    def move(self, target: float, *, now_s: float) -> float:
        """Move towards ``target`` for the time since the last move and return the new value."""
        elapsed_s = 0.0 if self._moved_s is None else max(0.0, now_s - self._moved_s)
        self._moved_s = now_s
        if self._rests:
            elapsed_s = min(elapsed_s, FIRST_STEP_S)
        while elapsed_s > 0.0 and self.value != target:
            # Passing through zero changes the slope that applies, so it ends a stretch.
            away = self.value == 0.0 or (target - self.value) * self.value > 0.0
            goal = target if away or target * self.value > 0.0 else 0.0
            slope = self.up_per_s if away else self.down_per_s
            distance = goal - self.value
            needed_s = abs(distance) / slope
            if needed_s > elapsed_s:
                self.value += math.copysign(slope * elapsed_s, distance)
                break
            self.value = goal
            elapsed_s -= needed_s
        self._rests = self.value == target
        return self.value
