# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
The circuit between the power modules and the battery of the vehicle: physics, not an echo.

    modules --+---[contactors]--[diode]--[cable]--+---[vehicle contactors]--[R]--(battery)
              |                                   |
         output C, bleeder                   pistol C, insulation, discharge resistor

Contactors, or a relay with the precharge resistor in parallel, belong to whom
:class:`~.modules_config.Contactors` says; the diode and the discharge resistor are there with
``CircuitConfig.has_diode`` only. :class:`Circuit` solves the two capacitor nodes.
"""

import dataclasses
import math
from typing import NamedTuple

from ..core.hardware import ModulesMode
from .plug import Inlet, UNPLUGGED


@dataclasses.dataclass(frozen=True)
class CircuitConfig:
    """The parts of the circuit; defaults of a 60 kW charger with its own contactors."""

    output_capacitance_f: float = 400e-6
    pistol_capacitance_f: float = 2e-6
    """Cable and vehicle inlet."""
    bleeder_ohm: float = 680.0
    leakage_ohm: float = 1e6
    """Voltage sensing across the output, always there."""
    cable_ohm: float = 0.01
    precharge_ohm: float = 500.0
    """In series with the precharge relay (R47)."""
    has_diode: bool = False
    """Without drop, between contactors and pistol: current flows towards the vehicle only, as in
    a unidirectional CHAdeMO charger (R47)."""
    pistol_bleed_ohm: float = 50e3
    """Across the pistol of a charger with a diode, which keeps the bleeder away from it."""
    charger_insulation_ohm: float = 2e6
    short_ohm: float = 0.5
    """Across the output when it is shorted."""
    max_voltage_v: float = 1000.0
    max_current_a: float = 150.0
    max_power_w: float = 60e3
    min_discharge_voltage_v: float = 50.0
    """Below it the modules cannot draw from the vehicle."""
    slew_a_per_s: float = 2000.0
    """How fast the current limit of the regulator moves; the voltage loop cuts at once."""


@dataclasses.dataclass
class Ledger:
    """Where energy and charge went, in joules and coulombs since the start."""

    modules_j: float = 0.0
    bled_j: float = 0.0
    shorted_j: float = 0.0
    """In the short across the output."""
    leaked_j: float = 0.0
    """In sensing, insulation and the discharge resistor at the pistol."""
    path_loss_j: float = 0.0
    """In the cable, the contactors and the precharge resistor."""
    vehicle_j: float = 0.0
    """Through the vehicle's contactors."""
    battery_loss_j: float = 0.0
    battery_j: float = 0.0
    """Stored in the battery, the loss in its resistance taken off."""
    modules_c: float = 0.0
    vehicle_c: float = 0.0


class _Network:
    """
    The resistors as they are joined during a step, and what the two nodes make of it.

    Kirchhoff's current law at the nodes, a capacitor being a conductance of C / dt from where its
    voltage was, so that ``from_output`` = ``output_s`` * the output's voltage before::

        (at_output + path) * v_output - path * v_pistol = from_output + modules' current
        (at_pistol + path) * v_pistol - path * v_output = from_pistol

    Solved for the voltages it takes three resistances (of the determinant of that)::

        v_output = output_ohm * (from_output + modules' current) + transfer_ohm * from_pistol
        v_pistol = transfer_ohm * (from_output + modules' current) + pistol_ohm * from_pistol
    """

    __slots__ = (
        'bleeder', 'leakage', 'output_ohm', 'output_s', 'path', 'pistol_leakage', 'pistol_ohm',
        'pistol_s', 'short', 'transfer_ohm', 'vehicle',
    )

    def __init__(
        self, config: CircuitConfig, dt_s: float, path: float, bleeds: bool, is_shorted: bool,
        inlet: Inlet,
    ) -> None:
        self.path = path
        self.output_s = config.output_capacitance_f / dt_s
        self.pistol_s = config.pistol_capacitance_f / dt_s
        self.bleeder = 1.0 / config.bleeder_ohm if bleeds else 0.0
        self.short = 1.0 / config.short_ohm if is_shorted else 0.0
        self.leakage = 1.0 / config.leakage_ohm
        self.vehicle = 1.0 / inlet.battery_resistance_ohm if inlet.is_battery_on else 0.0
        self.pistol_leakage = 1.0 / inlet.insulation_resistance_ohm if inlet.is_plugged else 0.0
        if config.has_diode:
            self.pistol_leakage += 1.0 / config.pistol_bleed_ohm
        at_output = self.output_s + self.bleeder + self.short + self.leakage
        at_pistol = self.pistol_s + self.vehicle + self.pistol_leakage
        # Multiplied out: with a path of milliohms the difference of two large numbers is noise.
        determinant = at_output * at_pistol + (at_output + at_pistol) * path
        self.output_ohm = (at_pistol + path) / determinant
        self.pistol_ohm = (at_output + path) / determinant
        self.transfer_ohm = path / determinant


class _Solution(NamedTuple):
    """The voltages of the two nodes and the current of the modules after a step."""

    output_v: float
    pistol_v: float
    modules_a: float


class Circuit:
    """
    Two capacitor nodes and what hangs on them.

    Backward Euler: closing a contactor makes time constants of microseconds, and this scheme
    stays stable with any step.
    """

    def __init__(self, config: CircuitConfig | None = None) -> None:
        self.config = config or CircuitConfig()
        self.ledger = Ledger()
        self.output_voltage_v = 0.0
        self.pistol_voltage_v = 0.0
        self.modules_current_a = 0.0
        self.output_current_a = 0.0
        """Through the charger's contactors, towards the vehicle."""
        self.vehicle_current_a = 0.0
        """Through the vehicle's contactors, into the battery."""
        self.slope_v_per_s = 0.0
        """How fast the voltages moved in the last step, the faster of the two."""
        self._limit_a = 0.0
        self._networks: dict[tuple[float, float, bool, bool], _Network] = {}
        self._networks_inlet: Inlet | None = None

    @property
    def stored_j(self) -> float:
        """Energy in the two capacitors."""
        return 0.5 * (
            self.config.output_capacitance_f * self.output_voltage_v ** 2
            + self.config.pistol_capacitance_f * self.pistol_voltage_v ** 2
        )

    @property
    def stored_c(self) -> float:
        """Charge in the two capacitors."""
        return (
            self.config.output_capacitance_f * self.output_voltage_v
            + self.config.pistol_capacitance_f * self.pistol_voltage_v
        )

    def step(
        self, dt_s: float, *, mode: ModulesMode = ModulesMode.OFF, voltage_v: float = 0.0,
        current_a: float = 0.0, output_closed: bool = False, precharge_closed: bool = False,
        inlet: Inlet = UNPLUGGED, is_shorted: bool = False, max_slope_v_per_s: float = math.inf,
    ) -> bool:
        """
        Go on by ``dt_s`` with the modules, contactors and vehicle as given.

        :param precharge_closed: whether the path through the precharge resistor conducts
        :param is_shorted: whether the output is
        :param max_slope_v_per_s: nothing is done when a voltage would move faster
        :returns: whether it was done
        """
        config = self.config
        limit_a = 0.0
        if mode is ModulesMode.REGULATE:
            limit_a = self._next_limit(dt_s, current_a)
        path = 0.0
        if output_closed:
            path = 1.0 / config.cable_ohm
        elif precharge_closed:
            path = 1.0 / (config.precharge_ohm + config.cable_ohm)
        bleeds = mode is ModulesMode.BLEED
        network = self._network(dt_s, path, bleeds, is_shorted, inlet)
        solution = self._solve(network, mode, voltage_v, limit_a, inlet)
        if config.has_diode and path and solution.output_v < solution.pistol_v:
            # It blocks. There is no second answer to look for: a circuit in which a closed path
            # would carry current backwards has the higher voltage at the pistol when it is open.
            network = self._network(dt_s, 0.0, bleeds, is_shorted, inlet)
            solution = self._solve(network, mode, voltage_v, limit_a, inlet)
        slope_v_per_s = max(
            abs(solution.output_v - self.output_voltage_v),
            abs(solution.pistol_v - self.pistol_voltage_v)) / dt_s
        if slope_v_per_s > max_slope_v_per_s:
            return False
        self._limit_a = limit_a
        self.slope_v_per_s = slope_v_per_s
        self._accept(network, solution, inlet, dt_s)
        return True

    def _accept(
        self, network: _Network, solution: _Solution, inlet: Inlet, dt_s: float,
    ) -> None:
        """Take the voltages after a step, and book what flowed meanwhile."""
        output_v, pistol_v, modules_a = solution
        emf_v = inlet.battery_emf_v
        output_a = network.path * (output_v - pistol_v)
        vehicle_a = network.vehicle * (pistol_v - emf_v)
        ledger = self.ledger
        ledger.modules_j += modules_a * output_v * dt_s
        ledger.bled_j += network.bleeder * output_v ** 2 * dt_s
        ledger.shorted_j += network.short * output_v ** 2 * dt_s
        ledger.leaked_j += (
            network.leakage * output_v ** 2 + network.pistol_leakage * pistol_v ** 2) * dt_s
        ledger.path_loss_j += output_a * (output_v - pistol_v) * dt_s
        ledger.vehicle_j += vehicle_a * pistol_v * dt_s
        ledger.battery_loss_j += vehicle_a ** 2 * inlet.battery_resistance_ohm * dt_s
        ledger.battery_j += vehicle_a * emf_v * dt_s
        ledger.modules_c += modules_a * dt_s
        ledger.vehicle_c += vehicle_a * dt_s
        self.output_voltage_v = output_v
        self.pistol_voltage_v = pistol_v
        self.modules_current_a = modules_a
        self.output_current_a = output_a
        self.vehicle_current_a = vehicle_a

    def _network(
        self, dt_s: float, path: float, bleeds: bool, is_shorted: bool, inlet: Inlet,
    ) -> _Network:
        if inlet is not self._networks_inlet:
            self._networks.clear()
            self._networks_inlet = inlet
        key = dt_s, path, bleeds, is_shorted
        network = self._networks.get(key)
        if network is None:
            network = self._networks[key] = _Network(self.config, *key, inlet)
        return network

    def _solve(
        self, network: _Network, mode: ModulesMode, voltage_v: float, limit_a: float,
        inlet: Inlet,
    ) -> _Solution:
        from_output = network.output_s * self.output_voltage_v
        from_pistol = (
            network.pistol_s * self.pistol_voltage_v + network.vehicle * inlet.battery_emf_v)
        floating_v = network.output_ohm * from_output + network.transfer_ohm * from_pistol
        modules_a = 0.0
        if mode is ModulesMode.REGULATE:
            modules_a = self._regulate(voltage_v, limit_a, floating_v, network.output_ohm)
        return _Solution(
            floating_v + network.output_ohm * modules_a,
            network.transfer_ohm * (from_output + modules_a) + network.pistol_ohm * from_pistol,
            modules_a,
        )

    def _next_limit(self, dt_s: float, current_a: float) -> float:
        """Return the current limit of the regulator at the end of a step, on its way there."""
        config = self.config
        rating_a = min(
            config.max_current_a, config.max_power_w / max(self.output_voltage_v, 1.0)
        )
        wanted_a = min(max(current_a, -rating_a), rating_a)
        slew_a = config.slew_a_per_s * dt_s
        return self._limit_a + min(max(wanted_a - self._limit_a, -slew_a), slew_a)

    def _regulate(
        self, voltage_v: float, limit_a: float, floating_v: float, output_ohm: float,
    ) -> float:
        """Return the current of an ideal regulator: voltage control inside a current limit."""
        config = self.config
        if limit_a >= 0:
            voltage_v = min(max(voltage_v, 0.0), config.max_voltage_v)
            to_setpoint_a = (voltage_v - floating_v) / output_ohm
            return min(max(to_setpoint_a, 0.0), limit_a)
        to_floor_a = (config.min_discharge_voltage_v - floating_v) / output_ohm
        return min(max(to_floor_a, limit_a), 0.0)
