# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""When the vehicle closes its contactors, and when it opens them."""

import pytest

from gi3_ros.sim.vehicle_config import VehicleConfig
from gi3_ros.sim.vehicle_contactors import ContactorFault, VehicleContactors

CONFIG = VehicleConfig(
    precharge_window_v=20.0, precharge_settle_s=0.2, open_below_a=1.0, opening_delay_s=0.3,
    forced_opening_s=0.5)


class Contactors(VehicleContactors):
    """With a clock."""

    def __init__(self):
        super().__init__(CONFIG)
        self.now_s = 0.0

    def run(self, seconds, *, difference_v=0.0, inlet_a=0.0, is_plugged=True):
        for _ in range(round(seconds / 0.01)):
            self.now_s += 0.01
            self.tick(is_plugged=is_plugged, difference_v=difference_v, inlet_a=inlet_a,
                      now_s=self.now_s)
        return self.are_closed


@pytest.fixture
def contactors():
    return Contactors()


@pytest.fixture
def closed(contactors):
    contactors.connect(must_match=False)
    assert contactors.run(1.0)
    contactors.stay()
    return contactors


def test_they_close_when_the_voltage_fits_for_a_while(contactors):
    """R19."""
    assert not contactors.run(1.0)
    contactors.connect(must_match=True)
    assert not contactors.run(1.0, difference_v=20.1)
    assert not contactors.run(0.15, difference_v=20.0)
    assert not contactors.run(0.01, difference_v=20.1)
    assert not contactors.run(0.15, difference_v=20.0)
    assert contactors.run(0.2, difference_v=20.0)


def test_chademo_closes_at_any_voltage(contactors):
    """R46."""
    contactors.connect(must_match=False)
    assert contactors.run(0.5, difference_v=400.0)


def test_they_open_after_the_delay_and_not_under_load(closed):
    closed.open_unloaded(now_s=closed.now_s)
    assert closed.run(0.25)
    assert closed.run(1.0, inlet_a=50.0)
    assert closed.run(1.0, inlet_a=-50.0)
    assert not closed.run(0.1, inlet_a=-0.9)


def test_in_an_emergency_they_open_whatever_flows(closed):
    closed.open_soon(now_s=closed.now_s)
    assert closed.run(0.45, inlet_a=50.0)
    assert not closed.run(0.15, inlet_a=50.0)


def test_an_unplugged_vehicle_opens_them(closed):
    closed.forget_session()
    assert closed.run(1.0)
    assert not closed.run(0.1, is_plugged=False)


@pytest.mark.parametrize('fault', ContactorFault)
def test_faults_do_what_they_are_called(fault, contactors):
    contactors.fault = fault
    assert contactors.run(0.1) is (fault is ContactorFault.WELDED)
    contactors.connect(must_match=False)
    assert contactors.run(1.0) is (fault is not ContactorFault.STAYS_OPEN)
    contactors.open_soon(now_s=contactors.now_s)
    assert contactors.run(1.0) is (
        fault in (ContactorFault.STAYS_CLOSED, ContactorFault.WELDED))
