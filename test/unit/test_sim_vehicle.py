"""The vehicle: its battery, its contactors and its wishes."""

import itertools
import math

import pytest

from gi3_ros.sim.agreement import ChargeLimits
from gi3_ros.sim.plug import InletReading
from gi3_ros.sim.vehicle import interpolate, Vehicle, VehicleConfig

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
            requests.append(self.vehicle.request(limits, now_s=self.now_s).current_a)
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


@pytest.mark.parametrize('bad', [
    {'state_of_charge': 1.1}, {'state_of_charge': -0.1}, {'capacity_wh': 0.0},
    {'resistance_ohm': 0.0}, {'max_current_a': math.nan},
])
def test_impossible_vehicles_are_refused(bad):
    with pytest.raises(ValueError):
        VehicleConfig(**bad)
