# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What the vehicle wants of the energy transfer: how much, until when, with which pauses.

The controller asks (:meth:`Wishes.request` for one target, :meth:`Wishes.window` for a range); the
vehicle answers at its own pace, within what it was told the charger can do.
"""

import dataclasses
import math
import random

from .agreement import ChargeLimits, Window
from .battery import Battery
from .protocols import Direction
from .vehicle_config import (
    interpolate,
    LONGEST_REQUEST_S,
    SHORTEST_REQUEST_S,
    VehicleConfig,
)


@dataclasses.dataclass(frozen=True, slots=True)
class ChargeRequest:
    """What the vehicle asks for in the energy transfer; discharging is negative."""

    voltage_v: float = 0.0
    current_a: float = 0.0


class Wishes:
    """
    The wishes of a vehicle.

    :param rng: for the jitter of its requests
    """

    def __init__(self, config: VehicleConfig, battery: Battery, rng: random.Random) -> None:
        self.stop_reason = ''
        """Why it wants the energy transfer to end; empty while it does not."""
        self.demanded_a: float | None = None
        """What it asks for instead of what is good for it; ``None``: what is good."""
        self.asked_s = -math.inf
        """When it asked last."""
        self.paused_until_s = -math.inf
        self.config = config
        self._battery = battery
        self._rng = rng
        self._began_s = math.inf
        self._request = ChargeRequest()
        self._asks_next_s = -math.inf
        self._told: ChargeLimits | None = None
        self._window = Window()
        self._paused_at_s = -math.inf
        self._was_full = False

    def begin(self, *, now_s: float) -> None:
        """Ask for energy from now on."""
        self._began_s = now_s
        self._request = ChargeRequest()
        self.asked_s = now_s - self.config.request_period_s
        self._asks_next_s = now_s
        self._told = None

    def forget_session(self) -> None:
        """Want nothing any more."""
        self.stop_reason = ''
        self._began_s = math.inf
        self._request = ChargeRequest()
        self.paused_until_s = self._paused_at_s = -math.inf
        self._was_full = False

    def ask_to_stop(self, reason: str) -> None:
        """Want a regular end."""
        self.stop_reason = self.stop_reason or reason

    def pause(self, seconds: float, *, now_s: float) -> None:
        """Ask for nothing for a while."""
        self.paused_until_s = now_s + seconds

    def is_pausing(self, *, now_s: float) -> bool:
        """Whether it asks for nothing just now; it begins from nothing again afterwards."""
        charging_s = now_s - self._began_s
        if charging_s == -math.inf:
            return False
        is_pausing = now_s < self.paused_until_s or any(
            after_s <= charging_s < after_s + for_s for after_s, for_s in self.config.pauses)
        if is_pausing:
            self._request = ChargeRequest()
            self._paused_at_s = now_s
            self._look_at_the_clock(now_s)
        return is_pausing

    def is_request_due(self, *, now_s: float) -> bool:
        """Whether it asks anew now, at its own pace."""
        return now_s >= self._asks_next_s - 1e-6

    def request(
        self, limits: ChargeLimits, direction: Direction = Direction.CHARGE, *, now_s: float,
    ) -> ChargeRequest:
        """
        Return the current it asks for now; renewed at the vehicle's own pace.

        :param limits: what it was told
        """
        if self.is_request_due(now_s=now_s):
            elapsed_s = now_s - max(self.asked_s, self._paused_at_s)
            self._asked(now_s)
            self._request = self._new_request(limits, direction, elapsed_s, now_s)
        return self._request

    def window(self, limits: ChargeLimits, direction: Direction, *, now_s: float) -> Window:
        """
        Return what battery, vehicle and charger allow now.

        For a range; renewed at the vehicle's own pace, and when the charger says something new
        (A44). Whether the vehicle wants to stop is looked at as well.
        """
        if self.is_request_due(now_s=now_s) or limits != self._told:
            self._asked(now_s)
            self._told, self._window = limits, self._new_window(limits)
            self._look_for_an_end(self._window, direction, now_s)
        return self._window

    def _asked(self, now_s: float) -> None:
        config = self.config
        self.asked_s = now_s
        period_s = config.request_period_s
        if config.request_jitter:
            period_s *= 1 + config.request_jitter * self._rng.uniform(-1, 1)
        self._asks_next_s = now_s + min(max(period_s, SHORTEST_REQUEST_S), LONGEST_REQUEST_S)

    def _new_window(self, limits: ChargeLimits) -> Window:
        config, state_of_charge = self.config, self._battery.state_of_charge
        voltage_v = min(config.target_voltage_v, limits.voltage_v)
        battery_v = self._battery.open_circuit_voltage_v
        inlet_v = max(self._battery.inlet.voltage_v, battery_v)
        charge_a = min(
            config.max_current_a * interpolate(config.current_taper, state_of_charge),
            limits.current_a,
            min(config.max_power_w, limits.power_w) / inlet_v,
            (voltage_v - battery_v) / config.resistance_ohm,
        )
        if state_of_charge >= config.target_state_of_charge:
            charge_a = 0.0
        may_discharge = limits.discharge_from_v <= battery_v <= limits.discharge_to_v
        discharge_a = min(
            config.max_discharge_current_a,
            limits.discharge_current_a,
            min(config.max_discharge_power_w or math.inf, limits.discharge_power_w) / battery_v,
            (battery_v - config.min_voltage_v) / config.resistance_ohm,
        )
        if state_of_charge <= config.least_state_of_charge or not may_discharge:
            discharge_a = 0.0
        return Window(
            voltage_v=voltage_v,
            charge_a=max(charge_a, 0.0),
            least_charge_a=max(
                config.min_current_a, limits.least_current_a,
                max(config.min_power_w, limits.least_power_w) / inlet_v),
            discharge_a=max(discharge_a, 0.0),
            least_discharge_a=max(
                config.min_discharge_current_a, limits.least_discharge_current_a,
                max(config.min_discharge_power_w, limits.least_discharge_power_w) / battery_v),
        )

    def _look_at_the_clock(self, now_s: float) -> None:
        if self._remaining_s(now_s) <= 0:
            self.ask_to_stop('the planned charging time is over')

    def _look_for_an_end(self, window: Window, direction: Direction, now_s: float) -> None:
        config, state_of_charge = self.config, self._battery.state_of_charge
        self._look_at_the_clock(now_s)
        is_full = state_of_charge >= config.target_state_of_charge
        is_empty = state_of_charge <= config.least_state_of_charge
        self._was_full |= is_full
        if (is_full and direction is Direction.CHARGE) or (is_empty and (
                direction is Direction.DISCHARGE
                or (direction is Direction.BOTH and self._was_full))):
            self.ask_to_stop(f'state of charge {100 * state_of_charge:.0f} % reached')
            return
        possible_a = max(window.charge_a, window.discharge_a)
        if direction is not Direction.BOTH:
            is_in = direction is Direction.CHARGE
            possible_a = window.charge_a if is_in else window.discharge_a
        if possible_a < config.stop_below_a:
            self.ask_to_stop(f'only {possible_a:.1f} A are possible')

    def _remaining_s(self, now_s: float) -> float:
        return self._began_s + self.config.charge_duration_s - now_s

    def _new_request(
        self, limits: ChargeLimits, direction: Direction, elapsed_s: float, now_s: float,
    ) -> ChargeRequest:
        config = self.config
        window = self._new_window(limits)
        if self.demanded_a is not None:
            return ChargeRequest(window.voltage_v, self.demanded_a)
        self._look_for_an_end(window, direction, now_s)
        remaining_s = self._remaining_s(now_s)
        before_a = self._request.current_a
        sign = -1.0 if self._is_to_discharge(direction, now_s) else 1.0
        if before_a * sign < 0:
            # Through 0 A first.
            current_a = max(0.0, abs(before_a) - config.ramp_down_a_per_s * elapsed_s) * -sign
        else:
            current_a = sign * min(
                window.charge_a if sign > 0 else window.discharge_a,
                abs(before_a) + config.ramp_up_a_per_s * elapsed_s)
        end_a = config.ramp_down_a_per_s * remaining_s if remaining_s > 0 else 0.0
        return ChargeRequest(window.voltage_v, min(max(current_a, -end_a), end_a))

    def _is_to_discharge(self, direction: Direction, now_s: float) -> bool:
        if direction is not Direction.BOTH:
            return direction is Direction.DISCHARGE
        if math.isfinite(self.config.charge_duration_s):
            return self._remaining_s(now_s) < self.config.charge_duration_s / 2
        return self._was_full
