# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The battery of the vehicle, and the meter at its inlet."""

from .plug import InletReading
from .vehicle_config import interpolate, VehicleConfig


class Battery:
    """A voltage that depends on the state of charge, behind a resistance."""

    def __init__(self, config: VehicleConfig) -> None:
        self.state_of_charge = config.state_of_charge
        self.open_circuit_voltage_v = interpolate(config.open_circuit_v, self.state_of_charge)
        """Without current."""
        self.inlet = InletReading()
        """What is at the inlet of the vehicle now."""
        self.energy_charged_wh = 0.0
        self.energy_discharged_wh = 0.0
        """Through the inlet while the battery was on it, ever."""
        self.config = config

    def charge(self, elapsed_s: float) -> None:
        """Take what flows through the inlet for a while."""
        into_battery_wh = self.open_circuit_voltage_v * self.inlet.current_a * elapsed_s / 3600.0
        # As a meter at the plug counts, and gi3 report out of the readings: what becomes heat in
        # the battery is in it, and at 0 V there is nothing to count.
        through_inlet_wh = self.inlet.voltage_v * self.inlet.current_a * elapsed_s / 3600.0
        self.energy_charged_wh += max(through_inlet_wh, 0.0)
        self.energy_discharged_wh += max(-through_inlet_wh, 0.0)
        if into_battery_wh:
            self.state_of_charge = min(
                1.0, max(0.0, self.state_of_charge + into_battery_wh / self.config.capacity_wh))
            self.open_circuit_voltage_v = interpolate(
                self.config.open_circuit_v, self.state_of_charge)
