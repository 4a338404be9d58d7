# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The vehicle: its battery, its contactors and its wishes."""

import dataclasses
import itertools
import math
import random

import pytest

from gi3_ros.sim.agreement import ChargeLimits
from gi3_ros.sim.plug import InletReading
from gi3_ros.sim.protocols import Direction, Protocol
from gi3_ros.sim.vehicle import Vehicle
from gi3_ros.sim.vehicle_config import interpolate, VehicleConfig
from gi3_ros.sim.vehicle_contactors import ContactorFault

PLENTY = ChargeLimits(voltage_v=1000.0, current_a=1000.0, power_w=1e6)
STEP_S = 0.01


class Road:
    """Keeps a vehicle ticking on a fake clock."""

    def __init__(self, **config):
        self.vehicle = Vehicle(VehicleConfig(**config))
        self.vehicle.plug_in()
        self.vehicle.begin_session()
        self.steps = 0
        self.volts = 0.0
        self.amps = 0.0

    @property
    def now_s(self):
        return self.steps * STEP_S

    def run(self, seconds):
        for _ in range(round(seconds / STEP_S)):
            self.steps += 1
            self.vehicle.observe(InletReading(self.volts, self.amps))
            self.vehicle.tick(now_s=self.now_s)

    def connected(self):
        self.volts = self.vehicle.open_circuit_voltage_v
        self.vehicle.begin_precharge()
        self.run(0.5)
        assert self.vehicle.contactors_closed
        self.vehicle.begin_transfer(now_s=self.now_s)
        return self

    def requests(self, seconds, limits=PLENTY):
        requests = []
        for _ in range(round(seconds / STEP_S)):
            requests.append(self.vehicle.wishes.request(limits, now_s=self.now_s).current_a)
            self.run(STEP_S)
        return requests


def test_curve_is_straight_between_points_and_level_beyond():
    curve = ((0.0, 300.0), (0.5, 350.0), (1.0, 400.0))
    assert [interpolate(curve, x) for x in (-1.0, 0.0, 0.25, 0.5, 0.9, 1.0, 2.0)] == [
        300.0, 300.0, 325.0, 350.0, 390.0, 400.0, 400.0]


@pytest.mark.parametrize(('off_v', 'closes'), [
    (-20.1, False), (-19.9, True), (19.9, True), (20.1, False)])
def test_contactors_close_only_within_the_precharge_window(off_v, closes):
    """R19."""
    road = Road()
    road.volts = road.vehicle.open_circuit_voltage_v + off_v
    road.vehicle.begin_precharge()
    road.run(1.0)
    assert road.vehicle.contactors_closed is closes


def test_contactors_stay_open_without_precharge():
    road = Road()
    road.volts = road.vehicle.open_circuit_voltage_v
    road.run(5.0)
    assert not road.vehicle.contactors_closed


@pytest.mark.parametrize(('amps', 'opens'), [(-5.0, False), (1.1, False), (0.9, True)])
def test_contactors_open_only_when_the_current_is_low(amps, opens):
    road = Road().connected()
    road.amps = amps
    road.vehicle.end_transfer(now_s=road.now_s)
    road.run(5.0)
    assert road.vehicle.contactors_closed is not opens


def test_emergency_opens_the_contactors_whatever_the_current():
    road = Road().connected()
    road.amps = 100.0
    road.vehicle.emergency(now_s=road.now_s)
    road.run(0.4)
    assert road.vehicle.contactors_closed
    road.run(0.3)
    assert not road.vehicle.contactors_closed


def test_unplugging_opens_the_contactors():
    road = Road().connected()
    road.vehicle.unplug()
    road.run(0.1)
    assert not road.vehicle.contactors_closed


def test_request_ramps_up_at_the_vehicles_pace():
    road = Road(ramp_up_a_per_s=60.0).connected()
    requests = road.requests(3.0)
    assert requests[0] == pytest.approx(6.0)
    assert len(set(requests[:100])) == pytest.approx(10, abs=1)
    assert max(b - a for a, b in itertools.pairwise(requests)) < 7.0
    assert requests[-1] == 110.0


def test_request_may_step():
    """R28."""
    road = Road(ramp_up_a_per_s=math.inf, ramp_down_a_per_s=math.inf).connected()
    assert road.requests(0.1)[0] == 110.0


def test_request_falls_smoothly_before_a_planned_end():
    road = Road(charge_duration_s=5.0).connected()
    requests = road.requests(5.2)
    assert max(requests) == 110.0
    assert requests[480] < 20.0
    assert 'time is over' in road.vehicle.stop_reason
    assert requests[-1] == 0.0


@pytest.mark.parametrize(('limits', 'expected_a'), [
    (ChargeLimits(1000.0, 40.0, 1e6), 40.0),
    (ChargeLimits(1000.0, 1000.0, 20e3), 20e3 / 364.7),
    (ChargeLimits(367.0, 1000.0, 1e6), 2.3 / 0.07),
])
def test_request_respects_what_the_charger_can_give(limits, expected_a):
    road = Road().connected()
    assert road.requests(3.0, limits)[-1] == pytest.approx(expected_a, rel=0.01)


def test_request_tapers_when_the_battery_fills():
    full = Road(state_of_charge=0.88).connected().requests(3.0)[-1]
    half = Road(state_of_charge=0.5).connected().requests(3.0)[-1]
    assert full < 0.6 * half


def test_charge_ends_at_the_target_state_of_charge():
    road = Road(state_of_charge=0.5999, target_state_of_charge=0.6).connected()
    road.amps = 100.0
    road.requests(2.0)
    assert '60 %' in road.vehicle.stop_reason


def test_state_of_charge_follows_the_current():
    road = Road(capacity_wh=75e3, state_of_charge=0.5).connected()
    road.amps = 100.0
    road.run(36.0)
    assert road.vehicle.energy_wh == pytest.approx(363.0, rel=0.01)
    assert road.vehicle.state_of_charge == pytest.approx(0.5 + 363.0 / 75e3, rel=0.001)


def test_current_without_contactors_charges_nothing():
    road = Road()
    road.amps = 100.0
    road.run(10.0)
    assert road.vehicle.energy_wh == 0.0


def test_first_reason_to_stop_counts():
    vehicle = Vehicle()
    vehicle.ask_to_stop('first')
    vehicle.ask_to_stop('second')
    assert vehicle.stop_reason == 'first'


def bidirectional(**config):
    defaults = {
        'protocols': (Protocol.ISO_15118_20,), 'is_bidirectional': True,
        'max_discharge_current_a': 40.0, 'min_discharge_current_a': 2.0,
    }
    return Road(**{**defaults, **config}).connected()


LIMITS = dataclasses.replace(PLENTY, discharge_current_a=1000.0, discharge_power_w=1e6)


def currents(road, seconds, direction, limits=LIMITS):
    values = []
    for _ in range(round(seconds / STEP_S)):
        values.append(road.vehicle.wishes.request(limits, direction, now_s=road.now_s).current_a)
        road.run(STEP_S)
    return values


def test_discharging_is_a_negative_request_that_ramps():
    values = currents(bidirectional(), 3.0, Direction.DISCHARGE)
    assert values[0] == pytest.approx(-6.0)
    assert values[-1] == -40.0
    assert min(b - a for a, b in itertools.pairwise(values)) > -7.0


@pytest.mark.parametrize(('limits', 'config', 'expected_a'), [
    (dataclasses.replace(LIMITS, discharge_current_a=10.0), {}, -10.0),
    (dataclasses.replace(LIMITS, discharge_power_w=3647.0), {}, -10.0),
    (LIMITS, {'max_discharge_power_w': 3647.0}, -10.0),
    # No lower than its least voltage: 364.7 V with 0.07 Ohm.
    (LIMITS, {'min_voltage_v': 364.0}, -10.0),
])
def test_discharging_respects_everybody(limits, config, expected_a):
    values = currents(bidirectional(**config), 3.0, Direction.DISCHARGE, limits)
    assert values[-1] == pytest.approx(expected_a, rel=0.01)


def test_a_schedule_for_both_directions_turns_half_way_through_zero():
    values = currents(
        bidirectional(charge_duration_s=8.0), 8.2, Direction.BOTH)
    assert max(values[:400]) == 110.0
    assert min(values[400:]) == -40.0
    assert any(abs(value) < 4.0 for value in values[390:620])
    assert values[-1] == 0.0


def test_without_an_end_it_charges_full_and_then_discharges_to_the_least():
    road = bidirectional(
        state_of_charge=0.5, target_state_of_charge=0.51, least_state_of_charge=0.49,
        capacity_wh=1000.0, charge_duration_s=math.inf)
    story = []
    for _ in range(20000):
        road.amps = road.vehicle.wishes.request(LIMITS, Direction.BOTH, now_s=road.now_s).current_a
        road.run(STEP_S)
        story.append(road.vehicle.state_of_charge)
        if road.vehicle.stop_reason:
            break
    assert max(story) == pytest.approx(0.51, abs=0.015)
    assert story[-1] == pytest.approx(0.49, abs=0.015)
    assert 'state of charge' in road.vehicle.stop_reason


@pytest.mark.parametrize(('state_of_charge', 'charge_a', 'discharge_a'), [
    (0.5, 110.0, 40.0), (0.9, 0.0, 40.0), (0.2, 110.0, 0.0)])
def test_window_closes_where_the_battery_is_full_or_empty(
        state_of_charge, charge_a, discharge_a):
    road = bidirectional(state_of_charge=state_of_charge)
    window = road.vehicle.wishes.window(LIMITS, Direction.BOTH, now_s=road.now_s)
    assert (window.charge_a, window.discharge_a) == (charge_a, discharge_a)


@pytest.mark.parametrize(('low_v', 'high_v', 'discharge_a'), [
    (0.0, math.inf, 40.0), (364.0, 366.0, 40.0), (365.0, 500.0, 0.0), (0.0, 364.0, 0.0)])
def test_the_charger_discharges_only_within_its_voltages(low_v, high_v, discharge_a):
    road = bidirectional()
    limits = dataclasses.replace(LIMITS, discharge_from_v=low_v, discharge_to_v=high_v)
    window = road.vehicle.wishes.window(limits, Direction.BOTH, now_s=road.now_s)
    assert window.discharge_a == discharge_a


def test_a_window_is_renewed_at_the_vehicles_pace_and_by_the_charger():
    """R26, A44."""
    road = bidirectional(request_period_s=1.0)
    windows = []
    for _ in range(300):
        road.amps = 100.0
        windows.append(road.vehicle.wishes.window(LIMITS, Direction.BOTH, now_s=road.now_s))
        road.run(STEP_S)
    assert len(set(map(id, windows))) == 3
    lower = dataclasses.replace(LIMITS, current_a=20.0)
    assert road.vehicle.wishes.window(lower, Direction.BOTH, now_s=road.now_s).charge_a == 20.0


def test_least_currents_are_the_larger_of_vehicle_and_charger():
    road = bidirectional(min_current_a=3.0, min_power_w=3647.0)
    limits = dataclasses.replace(
        LIMITS, least_current_a=5.0, least_discharge_current_a=1.0)
    window = road.vehicle.wishes.window(limits, Direction.BOTH, now_s=road.now_s)
    assert window.least_charge_a == pytest.approx(10.0, rel=0.01)
    assert window.least_discharge_a == 2.0


def test_requests_come_at_the_vehicles_own_pace_with_jitter():
    """R26."""
    vehicle = Vehicle(
        VehicleConfig(request_period_s=0.5, request_jitter=0.4), rng=random.Random(3))
    vehicle.begin_transfer(now_s=0.0)
    asked = []
    for step in range(2000):
        vehicle.wishes.request(PLENTY, now_s=step * STEP_S)
        asked.append(vehicle.wishes.asked_s)
    gaps = [b - a for a, b in itertools.pairwise(sorted(set(asked)))]
    assert len(gaps) == pytest.approx(40, abs=5)
    assert 0.29 < min(gaps) < 0.4 < 0.6 < max(gaps) < 0.72


def test_in_a_pause_it_asks_for_nothing_and_begins_from_nothing():
    road = Road(pauses=((2.0, 1.0),)).connected()
    assert max(road.requests(1.9)) > 100.0
    road.run(0.2)
    assert road.vehicle.wishes.is_pausing(now_s=road.now_s)
    road.run(1.0)
    assert not road.vehicle.wishes.is_pausing(now_s=road.now_s)
    assert road.requests(0.1)[0] < 70.0


def test_the_planned_end_comes_in_a_pause_as_well():
    road = Road(charge_duration_s=2.0, pauses=((1.0, 100.0),)).connected()
    road.requests(0.9)
    road.run(2.0)
    assert road.vehicle.wishes.is_pausing(now_s=road.now_s)
    assert 'time is over' in road.vehicle.stop_reason


def test_chademo_closes_its_contactors_at_whatever_voltage():
    """R46."""
    road = Road(protocols=(Protocol.CHADEMO_1,))
    road.vehicle.connect()
    road.run(0.5)
    assert road.vehicle.contactors_closed


def test_contactors_that_never_close():
    road = Road()
    road.vehicle.contactor_fault = ContactorFault.STAYS_OPEN
    road.volts = road.vehicle.open_circuit_voltage_v
    road.vehicle.begin_precharge()
    road.run(5.0)
    assert not road.vehicle.contactors_closed


def test_contactors_that_never_open_until_unplugged():
    road = Road().connected()
    road.vehicle.contactor_fault = ContactorFault.STAYS_CLOSED
    road.vehicle.emergency(now_s=road.now_s)
    road.run(5.0)
    assert road.vehicle.contactors_closed
    road.vehicle.unplug()
    road.run(0.1)
    assert not road.vehicle.contactors_closed


def test_welded_contactors_have_the_battery_on_the_inlet_from_the_start():
    road = Road()
    road.vehicle.contactor_fault = ContactorFault.WELDED
    assert road.vehicle.inlet().contactors_closed


def test_a_false_battery_voltage_is_what_it_waits_for():
    road = Road()
    road.vehicle.claimed_battery_v = 250.0
    road.volts = 250.0
    road.vehicle.begin_precharge()
    road.run(0.5)
    assert road.vehicle.told_battery_v == 250.0
    assert road.vehicle.contactors_closed
    assert road.vehicle.inlet().battery_emf_v == pytest.approx(364.7)


@pytest.mark.parametrize('bad', [
    {'protocols': ()}, {'protocols': (Protocol.CHADEMO_1, Protocol.DIN_70121)},
    {'direction': Direction.BOTH}, {'request_period_s': 0.02}, {'request_period_s': 61.0},
    {'capacity_wh': 1e9}, {'max_current_a': 1e4}, {'max_current_a': math.inf},
    {'max_power_w': math.inf}, {'max_voltage_v': 7000.0}, {'min_current_a': math.inf},
    {'max_discharge_current_a': math.inf}, {'precharge_current_a': 5000.0},
    {'open_circuit_v': ((0.0, 7000.0), (1.0, 7000.0))},
    {'open_circuit_v': ((0.0, 0.0), (1.0, 400.0))},
    {'open_circuit_v': ((0.0, math.nan), (1.0, 400.0))},
    {'current_taper': ((0.0, math.inf), (1.0, 1.0))},
    {'open_circuit_v': ((0.0, 300.0),)}, {'open_circuit_v': ((0.5, 300.0), (0.0, 200.0))},
    {'request_jitter': 1.5}, {'capacity_wh': math.inf},
    {'state_of_charge': 1.1}, {'state_of_charge': -0.1}, {'capacity_wh': 0.0},
    {'resistance_ohm': 0.0}, {'max_current_a': math.nan},
])
def test_impossible_vehicles_are_refused(bad):
    with pytest.raises(ValueError):
        VehicleConfig(**bad)
