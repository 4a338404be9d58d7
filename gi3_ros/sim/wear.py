# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the real hardware would have suffered from: :class:`Wear` watches the circuit for it."""

import dataclasses

from ..core.hardware import ModulesMode
from .circuit import Circuit
from .contactors import OutputPath
from .modules_config import ModulesConfig
from .plug import Inlet


@dataclasses.dataclass(frozen=True, slots=True)
class HardwareBreach:
    """Something the real hardware would have suffered from."""

    time_s: float
    text: str
    values: dict[str, float]


class _Meter:
    """Adds up, and tells the moment at which there is more than the limit."""

    def __init__(self, limit: float) -> None:
        self.total = 0.0
        self._limit = limit

    def add(self, amount: float) -> bool:
        """Return whether it is this amount that passes the limit."""
        before, self.total = self.total, self.total + amount
        return before <= self._limit < self.total

    def reset(self) -> None:
        """Begin anew."""
        self.total = 0.0


class Wear:
    """Watches a circuit and what lies in it, whoever moves it."""

    def __init__(self, config: ModulesConfig, circuit: Circuit, path: OutputPath) -> None:
        self.breaches: list[HardwareBreach] = []
        self._config = config
        self._circuit = circuit
        self._path = path
        self._was_battery_on = False
        self._bled_from_battery_j = _Meter(config.max_bled_from_battery_j)
        self._precharge_j = _Meter(config.max_precharge_j)
        self._off_current_s = _Meter(config.off_current_grace_s)

    def suffer(self, now_s: float, text: str, **values: float) -> None:
        """Note a breach."""
        self.breaches.append(HardwareBreach(now_s, text, values))

    def see_new_mode(self) -> None:
        """Take that the modules do something else from now on."""
        self._bled_from_battery_j.reset()

    def see_vehicle(self, inlet: Inlet, *, now_s: float) -> None:
        """No switch of ours, but it is our capacitors that fill when the vehicle closes."""
        was_on, self._was_battery_on = self._was_battery_on, inlet.is_battery_on
        if self._was_battery_on and not was_on and self._path.output.is_closed:
            inrush_v = inlet.battery_emf_v - self._circuit.pistol_voltage_v
            if inrush_v < 0 or not self._config.circuit.has_diode:
                self._watch_closing(
                    now_s, 'vehicle contactors', abs(inrush_v), inlet.battery_resistance_ohm)

    def see_precharge_closed(self, mode: ModulesMode, *, now_s: float) -> None:
        """Take that the precharge relay has just closed."""
        self._precharge_j.reset()
        if mode is not ModulesMode.OFF:
            self.suffer(now_s, f'precharge relay closed while the modules are {mode.name}')

    def see_output_moved(self, *, now_s: float) -> None:
        """Take that the output contactors have just moved."""
        circuit, config = self._circuit, self._config
        if self._path.output.is_closed:
            across_v = circuit.output_voltage_v - circuit.pistol_voltage_v
            if across_v < 0 and config.circuit.has_diode:
                return
            self._watch_closing(now_s, self._path.name, abs(across_v), config.circuit.cable_ohm)
        else:
            through_a = abs(circuit.output_current_a)
            if through_a > config.max_opening_current_a:
                self.suffer(
                    now_s, f'{self._path.name} opened under {through_a:.0f} A',
                    through_a=through_a)

    def _watch_closing(self, now_s: float, name: str, across_v: float, ohm: float) -> None:
        if across_v > self._config.max_closing_voltage_v:
            self.suffer(
                now_s, f'{name} closed with {across_v:.0f} V across',
                across_v=across_v, inrush_a=across_v / ohm,
            )

    def see_flow(self, mode: ModulesMode, inlet: Inlet, *, now_s: float, dt_s: float) -> None:
        """Take what flowed for a while until now."""
        circuit, config = self._circuit, self._config
        path_name = ''
        if self._path.output.is_closed:
            path_name = self._path.name
        elif self._path.resistor_conducts:
            path_name = 'precharge relay'
            taken_j = circuit.output_current_a ** 2 * circuit.config.precharge_ohm * dt_s
            if self._precharge_j.add(taken_j):
                self.suffer(
                    now_s, f'precharge resistor took {self._precharge_j.total:.0f} J in one go',
                    precharge_j=self._precharge_j.total,
                )
        if (mode is ModulesMode.BLEED and path_name and not circuit.config.has_diode
                and inlet.is_battery_on):
            bled_j = circuit.output_voltage_v ** 2 / circuit.config.bleeder_ohm * dt_s
            if self._bled_from_battery_j.add(bled_j):
                self.suffer(
                    now_s, 'bleeder on while the vehicle battery is connected through the '
                    f'{path_name}', bled_j=self._bled_from_battery_j.total,
                )
        off_a = abs(circuit.output_current_a) if mode is ModulesMode.OFF else 0.0
        if off_a <= config.max_off_current_a:
            self._off_current_s.reset()
        elif self._off_current_s.add(dt_s):
            self.suffer(
                now_s, f'{off_a:.1f} A flow through the {path_name} although the modules are off',
                off_a=off_a,
            )
