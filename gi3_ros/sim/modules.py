# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
The driver of simulated power modules, with the circuit behind it.

:class:`PowerModules` is what a power modules driver would be to the charger: set-points and
contactor commands in, measurements out. Behind it is the physics of :mod:`.circuit`, switched by
:mod:`.contactors`. It owns no clock.
"""

import math
import random

from ..core.hardware import (
    ContactorCommand,
    ContactorFeedback,
    DRIVER_TIMEOUT_S,
    ModulesMode,
    PowerMeasurement,
    PowerSetpoint,
)
from .circuit import Circuit
from .contactors import EPSILON_S, HardwareFault, OutputPath
from .modules_config import ModulesConfig
from .plug import Inlet, InletReading, UNPLUGGED
from .wear import HardwareBreach, Wear

STEP_S = 0.001
"""Time step of the circuit."""
_LEAP_STEPS = 10
"""So many steps are made at once where nothing moves: most of a day is waiting (R48)."""
_LEAP_MAX_V_PER_S = 2.0
"""Where a voltage moves faster no leap is made."""
_MAX_CATCH_UP_S = 1.0
"""A longer pause of the caller is not simulated: the driver has timed out long before."""


class Sensors:
    """What the driver measures at the modules' output, filtered, and the heat of the modules."""

    def __init__(self, config: ModulesConfig) -> None:
        self._config = config
        self._voltage_v = 0.0
        self._current_a = 0.0
        self.temperature_c = config.ambient_c
        seed = config.noise_seed
        self._noise = None if seed is None else random.Random(seed)

    def follow(self, circuit: Circuit, count: int) -> None:
        """Take ``count`` steps of a circuit."""
        config = self._config
        # What is left of a difference after so many steps of the filter.
        left = (config.sensor_lag_s / (STEP_S + config.sensor_lag_s)) ** count
        self._voltage_v += (1.0 - left) * (circuit.output_voltage_v - self._voltage_v)
        self._current_a += (1.0 - left) * (circuit.output_current_a - self._current_a)
        power_w = abs(circuit.modules_current_a * circuit.output_voltage_v)
        settled_c = config.ambient_c + power_w * config.kelvin_per_watt
        self.temperature_c += (
            (settled_c - self.temperature_c) * count * STEP_S / config.thermal_lag_s
        )

    def voltage_v(self) -> float:
        """Return a reading of the voltage."""
        return self._voltage_v + self._noise_of(0.1)

    def current_a(self) -> float:
        """Return a reading of the current."""
        return self._current_a + self._noise_of(0.02)

    def _noise_of(self, amplitude: float) -> float:
        return 0.0 if self._noise is None else self._noise.uniform(-amplitude, amplitude)


class PowerModules:
    """
    Simulated driver of power modules, and of the charger's own contactors where it has some.

    It keeps the contract of ``PowerSetpoint`` and ``ContactorCommand``: it switches off by itself
    when no set-point came for ``DRIVER_TIMEOUT_S``; when no command came for
    ``COMMAND_TIMEOUT_S`` it opens the precharge relay, and the output contactors once no current
    flows. Where the coils hang on the controller a command does nothing; without contactors of
    the charger there is no feedback. What a real charger would be damaged by is kept in
    ``breaches``, whoever did it.
    """

    def __init__(self, config: ModulesConfig | None = None) -> None:
        self.config = config or ModulesConfig()
        self.circuit = Circuit(self.config.circuit)
        self.timeouts = 0
        """How often the set-points stopped while the modules were regulating or bleeding."""
        self._path = OutputPath(self.config)
        self._wear = Wear(self.config, self.circuit, self._path)
        self._sensors = Sensors(self.config)
        self._faults: frozenset[HardwareFault] = frozenset()
        self._is_shorted = False
        self._inlet = UNPLUGGED
        self._setpoint = PowerSetpoint()
        self._setpoint_at_s = -math.inf
        self._awake_at_s = math.inf
        self._now_s: float | None = None
        self._mode = ModulesMode.OFF

    @property
    def breaches(self) -> list[HardwareBreach]:
        """What the real hardware would have suffered from until now."""
        return self._wear.breaches

    @property
    def faults(self) -> frozenset[HardwareFault]:
        """What is broken; set it at will."""
        return self._faults

    @faults.setter
    def faults(self, faults: frozenset[HardwareFault]) -> None:
        self._faults = frozenset(faults)
        self._is_shorted = HardwareFault.OUTPUT_SHORTED in self._faults
        self._path.break_down(self._faults)

    @property
    def is_ready(self) -> bool:
        """Whether the modules are awake."""
        return self._now_s is not None and self._is_awake(self._now_s)

    @property
    def is_at_rest(self) -> bool:
        """Whether the driver may go: own contactors open, without them no power processed."""
        if self.config.contactors.are_of_the_charger:
            return not self._path.output.is_closed
        return self._mode is not ModulesMode.REGULATE

    @property
    def is_path_closed(self) -> bool:
        """Whether modules and pistol are joined, by whoever's contactors."""
        return self._path.is_closed

    def set_point(self, setpoint: PowerSetpoint, *, now_s: float) -> None:
        """Take a set-point; a stream of them, of whatever mode, wakes the modules."""
        self.advance(now_s=now_s)
        if not (math.isfinite(setpoint.voltage_v) and math.isfinite(setpoint.current_a)):
            # Not even a sign of life: the one who sends this has lost control.
            self._wear.suffer(
                now_s, 'set-point is not a finite number',
                voltage_v=setpoint.voltage_v, current_a=setpoint.current_a)
            return
        if now_s - self._setpoint_at_s > self.config.sleep_after_s:
            self._awake_at_s = now_s + self.config.wake_up_s
        self._setpoint = setpoint
        self._setpoint_at_s = now_s

    def command(self, command: ContactorCommand, *, now_s: float) -> None:
        """Take a command to the contactors."""
        self.advance(now_s=now_s)
        self._path.command(command, now_s=now_s)

    def connect(self, inlet: Inlet) -> None:
        """Say what hangs at the pistol from now on, and what the controller drives."""
        self._inlet = inlet

    def advance(self, *, now_s: float) -> None:
        """Let the circuit run until ``now_s``."""
        if self._now_s is None or now_s - self._now_s > _MAX_CATCH_UP_S:
            self._now_s = now_s if self._now_s is None else now_s - _MAX_CATCH_UP_S
        steps = int((now_s - self._now_s) / STEP_S + EPSILON_S / STEP_S)
        start_s = self._now_s
        done = 0
        while done < steps:
            self._switch(start_s + (done + 1) * STEP_S)
            count = min(steps - done, _LEAP_STEPS)
            until_s = start_s + (done + count) * STEP_S
            if not (
                self.circuit.slope_v_per_s <= _LEAP_MAX_V_PER_S
                and not self._switches_until(until_s)
                and self._flow(until_s, count, max_slope_v_per_s=_LEAP_MAX_V_PER_S)
            ):
                count = 1
                self._flow(start_s + (done + 1) * STEP_S, 1)
            done += count

    def measurement(self) -> PowerMeasurement:
        """Return what the driver measures at the modules' output."""
        sensors = self._sensors
        return PowerMeasurement(
            voltage_v=sensors.voltage_v(),
            current_a=sensors.current_a(),
            is_ready=self.is_ready,
            insulation_resistance_ohm=self._insulation_ohm(),
            power_modules_temperature_c=sensors.temperature_c,
            enclosure_temperature_c=(sensors.temperature_c + self.config.ambient_c) / 2,
        )

    def feedback(self) -> ContactorFeedback:
        """Return what is seen of the charger's contactors; without any, nothing is known."""
        return self._path.feedback(self.circuit.pistol_voltage_v)

    def reading(self) -> InletReading:
        """Return the truth at the vehicle's inlet, for the plug link."""
        return InletReading(
            voltage_v=self.circuit.pistol_voltage_v, current_a=self.circuit.vehicle_current_a,
        )

    def _switch(self, now_s: float) -> None:
        """Let modules and contactors do what is due at ``now_s``; doing it again is no harm."""
        self._choose_mode(now_s)
        self._wear.see_vehicle(self._inlet, now_s=now_s)
        path = self._path
        path.drive(self._inlet, self.circuit.output_current_a, now_s=now_s)
        if path.precharge.advance(now_s=now_s) and path.precharge.is_closed:
            self._wear.see_precharge_closed(self._mode, now_s=now_s)
        if path.output.advance(now_s=now_s):
            self._wear.see_output_moved(now_s=now_s)

    def _switches_until(self, until_s: float) -> bool:
        """Tell whether :meth:`_switch` may have something to do until then."""
        if self._setpoint.mode is not self._mode or (
            self._mode is not ModulesMode.OFF
            and until_s - self._setpoint_at_s >= DRIVER_TIMEOUT_S - EPSILON_S
        ):
            return True
        return self._path.may_move_until(until_s)

    def _flow(self, now_s: float, count: int, *, max_slope_v_per_s: float = math.inf) -> bool:
        """Let the current flow for ``count`` steps until ``now_s``; return whether it did."""
        dt_s = count * STEP_S
        path = self._path
        has_flown = self.circuit.step(
            dt_s, mode=self._mode, voltage_v=self._setpoint.voltage_v,
            current_a=self._setpoint.current_a, output_closed=path.output.is_closed,
            precharge_closed=path.resistor_conducts, inlet=self._inlet,
            is_shorted=self._is_shorted, max_slope_v_per_s=max_slope_v_per_s,
        )
        if has_flown:
            self._now_s = now_s
            self._wear.see_flow(self._mode, self._inlet, now_s=now_s, dt_s=dt_s)
            self._sensors.follow(self.circuit, count)
        return has_flown

    def _is_awake(self, now_s: float) -> bool:
        return now_s >= self._awake_at_s - EPSILON_S

    def _choose_mode(self, now_s: float) -> None:
        mode = self._setpoint.mode
        if now_s - self._setpoint_at_s >= DRIVER_TIMEOUT_S - EPSILON_S:
            if self._mode is not ModulesMode.OFF:
                self.timeouts += 1
            mode = ModulesMode.OFF
        elif mode is ModulesMode.REGULATE and not self._is_awake(now_s):
            mode = ModulesMode.OFF
        if mode is not self._mode:
            self._mode = mode
            self._wear.see_new_mode()

    def _insulation_ohm(self) -> float:
        ohm = self.config.circuit.charger_insulation_ohm
        if self._path.is_closed and self._inlet.is_plugged:
            vehicle_ohm = self._inlet.insulation_resistance_ohm
            ohm = ohm * vehicle_ohm / (ohm + vehicle_ohm)
        return ohm
