# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The battery of the vehicle and the meter at its inlet."""

import pytest

from gi3_ros.sim.battery import Battery
from gi3_ros.sim.plug import InletReading
from gi3_ros.sim.vehicle_config import Point, VehicleConfig

CONFIG = VehicleConfig(
    capacity_wh=1000.0, state_of_charge=0.5,
    open_circuit_v=(Point(0.0, 300.0), Point(1.0, 400.0)))


@pytest.fixture
def battery():
    return Battery(CONFIG)


def test_charging_fills_it_and_raises_its_voltage(battery):
    battery.inlet = InletReading(360.0, 10.0)
    battery.charge(36.0)
    assert battery.state_of_charge == pytest.approx(0.5 + 350.0 * 10.0 * 0.01 / 1000.0)
    assert battery.open_circuit_voltage_v == pytest.approx(353.5)
    assert battery.energy_charged_wh == pytest.approx(36.0), 'the meter is at the inlet'
    assert battery.energy_discharged_wh == 0.0


def test_discharging_is_metered_apart(battery):
    battery.inlet = InletReading(340.0, -10.0)
    battery.charge(36.0)
    assert battery.state_of_charge < 0.5
    assert (battery.energy_charged_wh, battery.energy_discharged_wh) == pytest.approx((0.0, 34.0))


@pytest.mark.parametrize(('amps', 'share', 'volts'), [(1e4, 1.0, 400.0), (-1e4, 0.0, 300.0)])
def test_it_is_never_more_than_full_nor_less_than_empty(amps, share, volts, battery):
    battery.inlet = InletReading(350.0, amps)
    battery.charge(3600.0)
    assert (battery.state_of_charge, battery.open_circuit_voltage_v) == (share, volts)
