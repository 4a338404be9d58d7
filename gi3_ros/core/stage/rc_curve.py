# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What a precharge through a resistor looks like, and what went into the resistor (R47).

The voltage across resistor and relay falls with the time constant R * C, whichever side has the
voltage (A41). With a measurement at the pistol it is known; without one it follows from how fast
the output's voltage moves: what is left of an exponential after a time ``t`` in which it moved by
``dv`` is ``dv / (exp(t / RC) - 1)``.
"""

import collections
import math
from typing import NamedTuple

from ..hardware import BATTERY_FROM_V, PowerMeasurement
from .output_stage import StageConfig

SLOWEST = 1.44
"""Times the time constant: resistor and capacitor are 20 % more each, at the most."""
HIGHEST_V = 1000.0
"""Across the stage: no CHAdeMO battery has more."""
MATCHES_IN_A_ROW = 2
ONSET_V = 5.0
"""More than noise: the output's voltage has begun to move."""
DOUBT = 2.0
"""So many times faster or slower than expected is no precharge .."""
DOUBT_S = 0.1
""".. and this much the samples and the relay may take away or add."""


def longest_fall_s(config: StageConfig, across_v: float = HIGHEST_V) -> float:
    """
    Return after how long a fall is too slow, s.

    :param across_v: V at its beginning
    """
    ratio = max(across_v / config.max_closing_difference, 1.0)
    return DOUBT * config.time_constant_s * math.log(ratio) + DOUBT_S


class _Sample(NamedTuple):
    at_s: float
    output_v: float


class _Beginning(NamedTuple):
    """From where the fall is judged."""

    at_s: float
    across_v: float
    """NaN where only the movement of the output was seen."""
    pistol_v: float


class RcCurve:
    """
    One precharge, from before the relay closes.

    :param config: with R, C, and how close is close
    """

    def __init__(self, config: StageConfig) -> None:
        self._config = config
        self._tau_s = config.time_constant_s
        self._window_s = max(self._tau_s / 2, 0.05)
        self._samples: collections.deque[_Sample] = collections.deque()
        self._began: _Beginning | None = None
        self._start_v = math.nan
        self._matches = 0
        self.output_v = math.nan
        self.current_a = math.nan
        self.across_v = math.nan
        """What is left across the stage, positive when the pistol has more."""
        self.energy_j = 0.0
        """Into the resistor so far."""
        self.fault = ''
        """Why this is no precharge, in words."""

    @property
    def is_matching(self) -> bool:
        """Whether both sides are close to each other and a battery is known to be there."""
        return self._matches >= MATCHES_IN_A_ROW and not self.fault

    @property
    def has_begun(self) -> bool:
        """Whether the voltage across was seen to begin its fall: a battery is there."""
        return self._began is not None

    @property
    def battery_v(self) -> float:
        """The voltage that the output goes to, NaN while nobody knows."""
        return self.output_v + self.across_v

    @property
    def has_moved(self) -> bool:
        """Whether the output has followed at all: the resistor carries current."""
        return abs(self.output_v - self._start_v) > self._config.max_closing_difference

    def see(
        self, reading: PowerMeasurement, pistol_v: float, *, is_vehicle_ready: bool = False,
        now_s: float,
    ) -> None:
        """
        Take a new measurement.

        :param pistol_v: V at the vehicle's side, NaN where it is not measured
        :param is_vehicle_ready: whether the controller says that the vehicle has connected: then
            two sides that are close without a fall are a match, too, if the pistol is measured
        """
        before = self._samples[-1] if self._samples else _Sample(now_s, reading.voltage_v)
        self._samples.append(_Sample(now_s, reading.voltage_v))
        while len(self._samples) > 2 and now_s - self._samples[1].at_s >= self._window_s:
            self._samples.popleft()
        if math.isnan(self._start_v):
            self._start_v = reading.voltage_v
        before_across_v, self.output_v = self.across_v, reading.voltage_v
        self.current_a = reading.current_a
        if math.isnan(pistol_v):
            self._estimate(now_s)
        else:
            self.across_v = pistol_v - reading.voltage_v
            self._find_beginning(pistol_v, now_s)
        self._find_movement(pistol_v)
        self._count_energy(before, before_across_v, pistol_v, now_s)
        self._judge(is_vehicle_ready and pistol_v >= BATTERY_FROM_V, now_s)

    # What is across the stage

    def _find_beginning(self, pistol_v: float, now_s: float) -> None:
        across_v = abs(self.across_v)
        limit_v = self._config.max_closing_difference
        if self._began is not None and abs(pistol_v - self._began.pistol_v) > limit_v:
            # A battery holds its voltage: what we saw was our own, or the plug was pulled.
            self._began = None
            self._samples.clear()
            self._samples.append(_Sample(now_s, self.output_v))
            self._start_v = self.output_v
        if pistol_v >= BATTERY_FROM_V and across_v > limit_v and (
                self._began is None or across_v > self._began.across_v):
            self._began = _Beginning(now_s, across_v, pistol_v)

    def _estimate(self, now_s: float) -> None:
        since_s, from_v = self._samples[0]
        if now_s > since_s:
            self.across_v = (self.output_v - from_v) / math.expm1(
                (now_s - since_s) / (self._tau_s * SLOWEST))

    def _find_movement(self, pistol_v: float) -> None:
        """Take the output's own movement for the beginning, where nothing else was seen."""
        since_s, from_v = self._samples[0]
        if (self._began is None and self.has_moved
                and abs(self.output_v - from_v) > ONSET_V):
            self._began = _Beginning(since_s, math.nan, pistol_v)

    def _across_at(self, began: _Beginning) -> float:
        if math.isnan(began.across_v):
            return abs(self.battery_v - self._start_v)
        return began.across_v

    # What it does

    def _count_energy(
        self, before: _Sample, before_across_v: float, pistol_v: float, now_s: float,
    ) -> None:
        ohm, dt_s = self._config.precharge_resistance, now_s - before.at_s
        if dt_s <= 0:
            return
        if not math.isnan(pistol_v) and not math.isnan(before_across_v):
            watts = (before_across_v ** 2 + self.across_v ** 2) / 2 / ohm
        elif self.has_moved:
            amps = self._config.output_capacitance * (self.output_v - before.output_v) / dt_s
            watts = amps ** 2 * ohm
        else:
            # Into a short nothing moves, and only the current tells.
            watts = self.current_a ** 2 * ohm
        self.energy_j += watts * dt_s

    def _judge(self, is_known_battery: bool, now_s: float) -> None:
        limit_v = self._config.max_closing_difference
        across_v, began = abs(self.across_v), self._began
        is_there = self.battery_v >= BATTERY_FROM_V and (self.has_begun or is_known_battery)
        if not (is_there and across_v <= limit_v):
            self._matches = 0
        if self.energy_j > self._config.max_precharge_energy and not self._may_be_a_jump(now_s):
            self.fault = (
                f'{across_v:.0f} V are still across after {self.energy_j:.0f} J for the precharge '
                f'resistor, {self._config.max_precharge_energy:g} J is the most: {self.diagnosis}')
        elif began is not None and self._is_too_slow(began, now_s):
            self.fault = (
                f'precharge too slow, {across_v:.0f} V are left across after '
                f'{now_s - began.at_s:.2f} s: {self.diagnosis}')
        elif is_there and across_v <= limit_v:
            if began is not None and self._matches == 0 and self._is_too_fast(began, now_s):
                self.fault = (
                    f'the voltage jumped by {self._across_at(began):.0f} V instead of '
                    'falling through the precharge resistor: was the main contact closed, or the '
                    'resistor bridged?')
            self._matches += 1

    def _may_be_a_jump(self, now_s: float) -> bool:
        """Tell whether the output moved so lately that it may not have been by the resistor."""
        return (self._began is not None and math.isnan(self._began.across_v)
                and now_s - self._began.at_s < 3 * self._window_s)

    def _is_too_slow(self, began: _Beginning, now_s: float) -> bool:
        return (abs(self.across_v) > self._config.max_closing_difference
                and now_s - began.at_s > longest_fall_s(self._config, self._across_at(began)))

    def _is_too_fast(self, began: _Beginning, now_s: float) -> bool:
        left_v = max(abs(self.across_v), 1.0)
        expected_s = self._tau_s * math.log(max(self._across_at(began) / left_v, 1.0))
        return now_s - began.at_s < expected_s / DOUBT - DOUBT_S

    @property
    def diagnosis(self) -> str:
        """Why the voltage across does not fall as it should, in words."""
        amps = abs(self.current_a)
        if amps < abs(self.across_v) / self._config.precharge_resistance / DOUBT:
            return 'no current flows: is the resistor or the precharge relay open?'
        if not self.has_moved:
            return (f'{amps:.1f} A flow and the output stays at {self.output_v:.0f} V: is its '
                    'capacitor shorted?')
        return ('something loads the output, or precharge_resistance and output_capacitance are '
                'not those of this charger')
