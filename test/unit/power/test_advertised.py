# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is told to the controller of our limits, when, and what it makes of it."""

import dataclasses
import itertools
import math

from hypothesis import given
from hypothesis import strategies as st
import pytest

from gi3_ros.core.hardware import PowerMeasurement, Stage
from gi3_ros.core.interface.signals import DcPowerControl
from gi3_ros.core.power.advertised import AdvertisedLimits, Advertising, FOLLOWED_S, Steady
from gi3_ros.core.power.inputs import Inputs
from gi3_ros.core.power.limits import ChargerLimits
from gi3_ros.core.power.memory import SessionMemory
from gi3_ros.core.power.parameters import PowerConfig
from gi3_ros.core.power.phases import Phase, PhaseMachine
from gi3_ros.core.power.setpoint import Lease, Priority
from gi3_ros.core.rules.tolerances import Tolerances

BOTH_WAYS = ChargerLimits(is_bidirectional=True, max_charger_discharge_current=60.0)


def advertised(limits=BOTH_WAYS):
    return AdvertisedLimits(limits)


NAMES = ('maximum_voltage', 'maximum_charge_current', 'maximum_discharge_current')


@pytest.mark.parametrize('change, told', [
    ({}, (500.0, 100.0, 0.1)),
    ({'max_charger_current': 40.0}, (500.0, 40.0, 0.1)),
    ({'max_charger_voltage': 920.0, 'max_cable_voltage': 1000.0}, (920.0, 100.0, 0.1)),
    ({'max_charger_voltage': 920.0}, (500.0, 100.0, 0.1)),
    ({'max_cable_current': 32.5, 'max_cable_voltage': 450.0}, (450.0, 32.5, 0.1)),
    # No more than can be, and the frame has steps of 0.1.
    ({'max_charger_current': 39.99, 'max_charger_voltage': 449.96}, (449.9, 39.9, 0.1)),
    ({'max_charger_current': 0.0}, (500.0, 0.1, 0.1)),
    ({'is_bidirectional': True, 'max_charger_discharge_current': 60.0}, (500.0, 100.0, 60.0)),
    ({'is_bidirectional': True, 'max_charger_discharge_current': 60.0,
      'max_cable_current': 25.0}, (500.0, 25.0, 25.0)),
    # Without is_bidirectional the entry for it means nothing, to whatever it is set.
    ({'max_charger_discharge_current': 60.0}, (500.0, 100.0, 0.1)),
])
def test_what_charger_and_cable_can_do_is_told_always(change, told):
    """R33: 0 would be the controller's own entry, whatever that is."""
    message = advertised(ChargerLimits(**change)).due(now_s=1.0)
    assert tuple(getattr(message, name) for name in NAMES) == told


@pytest.mark.parametrize('left', NAMES)
def test_a_limit_that_is_left_to_the_controller_is_0_until_something_lowers_it(left):
    def told_of(**caps):
        limits.cap(**caps)
        return {name: getattr(limits.current, name) for name in NAMES}

    limits = AdvertisedLimits(BOTH_WAYS, left_to_controller=frozenset({left}))
    can = {'maximum_voltage': 500.0, 'maximum_charge_current': 100.0,
           'maximum_discharge_current': 60.0}
    assert told_of() == {**can, left: 0.0}
    limits.set(voltage_v=400.0, charge_current_a=30.0, discharge_current_a=20.0)
    lowered = dict(zip(NAMES, (400.0, 30.0, 20.0), strict=True))
    assert told_of() == lowered
    assert told_of(charge_a=0.0, discharge_a=0.0) == {
        **lowered, 'maximum_charge_current': 0.1, 'maximum_discharge_current': 0.1}
    limits.set(voltage_v=0.0, charge_current_a=0.0, discharge_current_a=0.0)
    assert told_of() == {**can, left: 0.0}


@pytest.mark.parametrize('wished, told', [(0.0, 0.0), (110.0, 100.0), (80.05, 80.0)])
def test_nor_is_a_wish_beyond_the_cable_told_where_the_controller_has_its_own(wished, told):
    limits = AdvertisedLimits(BOTH_WAYS, left_to_controller=frozenset(NAMES))
    limits.set(voltage_v=0.0, charge_current_a=wished, discharge_current_a=0.0)
    assert limits.current.maximum_charge_current == told


def test_which_limits_are_left_to_the_controller_is_configured():
    assert PowerConfig().left_to_controller == frozenset()
    for name in NAMES:
        assert PowerConfig(**{f'tell_{name}': False}).left_to_controller == {name}


@pytest.mark.parametrize('wished, cap, told', [
    (0.0, math.inf, 100.0), (0.0, 120.0, 100.0), (0.0, 99.9, 99.9), (110.0, 120.0, 100.0),
    (80.0, 119.9, 80.0),
    (80.0, 79.9, 79.9), (80.0, 0.1, 0.1), (80.0, 0.09, 0.1), (0.0, 0.0, 0.1), (0.0, -5.0, 0.1),
])
def test_a_lowered_current_is_never_told_as_0(wished, cap, told):
    """R33, A45: 0 would raise it to the configured maximum."""
    limits = advertised()
    limits.set(voltage_v=0.0, charge_current_a=wished, discharge_current_a=0.0)
    limits.cap(charge_a=cap)
    assert limits.current.maximum_charge_current == told


def test_without_discharging_the_least_is_told_whatever_caps_it():
    """0 would let a controller discharge that is configured for it."""
    limits = advertised(ChargerLimits())
    limits.cap(discharge_a=10.0)
    assert limits.current.maximum_discharge_current == 0.1


@pytest.mark.parametrize('amperes', [7.0, 50.0, 375.0])
def test_a_limit_that_moves_all_the_time_is_told_now_and_then_and_never_above_it(amperes):
    steady = Steady()
    noise = [amperes * (1.0 + share) for share in (0.0, 0.003, -0.004, 0.008, -0.002, 0.0)]
    told = {steady.follow(value) for value in noise}
    assert len(told) == 1
    assert 0.99 * amperes < told.pop() <= min(noise)
    for share in (0.98, 1.05):
        assert steady.follow(amperes * share) == pytest.approx(amperes * share, rel=0.006)
        assert steady.follow(amperes * share) <= amperes * share
    assert steady.follow(math.inf) == math.inf


# What a controller makes of it


COMMANDED = DcPowerControl(
    target_voltage=400.0, power_function=DcPowerControl.PowerFunction.POWER_TRANSFER)


def told_for(seconds, limits, *, from_s=0.0):
    for step in range(round(seconds / 0.1)):
        limits.due(now_s=from_s + 0.1 * step)
    return limits


@pytest.mark.parametrize('low_a, high_a, excess', [
    (40.0, 40.0, None), (41.0, 41.0, None), (41.1, 41.1, (41.1, 40.0)),
    (0.0, 100.0, (100.0, 40.0)), (-25.0, 40.0, None), (-26.1, 40.0, (26.1, 25.0)),
    (-60.0, -60.0, (60.0, 25.0)),
])
def test_a_command_beyond_what_was_told_is_an_excess(low_a, high_a, excess):
    limits = told_for(FOLLOWED_S + 1.0, advertised(ChargerLimits(
        is_bidirectional=True, max_charger_current=40.0, max_charger_discharge_current=25.0)))
    found = limits.excess_of(dataclasses.replace(
        COMMANDED, current_range_min=low_a, current_range_max=high_a), now_s=FOLLOWED_S + 1.0)
    assert (found and found[:2]) == excess


@pytest.mark.parametrize('function, volts, is_excess', [
    (DcPowerControl.PowerFunction.INSULATION_TEST, 401.0, False),
    (DcPowerControl.PowerFunction.INSULATION_TEST, 401.1, True),
    # A vehicle may name any voltage above its battery's (R29).
    (DcPowerControl.PowerFunction.POWER_TRANSFER, 500.0, False),
])
def test_a_test_voltage_beyond_what_was_told_is_an_excess(function, volts, is_excess):
    limits = told_for(FOLLOWED_S + 1.0, advertised(ChargerLimits(max_charger_voltage=400.0)))
    command = DcPowerControl(target_voltage=volts, power_function=function)
    assert bool(limits.excess_of(command, now_s=FOLLOWED_S + 1.0)) is is_excess


@pytest.mark.parametrize('later_s, is_excess', [(4.9, False), (5.1, True)])
def test_the_controller_has_its_time_to_follow_and_the_widest_limit_of_it_counts(
        later_s, is_excess):
    """As the rules give it (R33, A44)."""
    assert Tolerances().limits_s == FOLLOWED_S
    limits, command = advertised(), dataclasses.replace(COMMANDED, current_range_max=100.0)
    told_for(20.0, limits)
    limits.set(voltage_v=0.0, charge_current_a=40.0, discharge_current_a=0.0)
    told_for(later_s, limits, from_s=20.0)
    assert bool(limits.excess_of(command, now_s=20.0 + later_s)) is is_excess
    limits.forget_told()
    assert limits.excess_of(command, now_s=20.0 + later_s) is None


def test_nobody_goes_beyond_a_limit_that_is_left_to_the_controller():
    limits = AdvertisedLimits(BOTH_WAYS, left_to_controller=frozenset(NAMES))
    told_for(FOLLOWED_S + 1.0, limits)
    assert limits.excess_of(dataclasses.replace(
        COMMANDED, current_range_max=1000.0), now_s=FOLLOWED_S + 1.0) is None


@given(st.lists(st.tuples(st.floats(0.0, 0.3), st.floats(0.1, 120.0)), max_size=50))
def test_two_are_never_closer_than_100_ms_whatever_is_wished(wishes):
    """R4."""
    limits, now_s, sent_s = advertised(), 0.0, []
    for dt_s, amperes in wishes:
        now_s += dt_s
        limits.set(voltage_v=0.0, charge_current_a=amperes, discharge_current_a=0.0)
        if limits.due(now_s=now_s) is not None:
            sent_s.append(now_s)
    assert all(later - sooner >= 0.1 for sooner, later in itertools.pairwise(sent_s))


def test_what_was_told_is_told_again_every_second():
    """A frame may be lost, and whoever comes later has not heard it."""
    limits = advertised()
    told_s = [0.01 * step for step in range(350) if limits.due(now_s=0.01 * step) is not None]
    assert told_s == pytest.approx([0.0, 1.0, 2.0, 3.0], abs=0.02)


@pytest.mark.parametrize('later_s, is_due', [(0.1, False), (0.104, False), (0.106, True)])
def test_a_change_is_due_once_100_ms_and_a_margin_have_passed(later_s, is_due):
    limits = advertised()
    assert limits.due(now_s=1.0) is not None
    limits.set(voltage_v=400.0, charge_current_a=0.0, discharge_current_a=0.0)
    assert (limits.due(now_s=1.0 + later_s) is not None) is is_due


# What lowers it


RANGE = DcPowerControl(
    target_voltage=400.0, current_range_max=50.0, setpoints_mode=1,
    power_function=DcPowerControl.PowerFunction.POWER_TRANSFER)


class Around:
    """A charger of 38 kW in both directions, and what it goes by."""

    def __init__(self, phase, volts=400.0, *, celsius=math.nan, stage=Stage.CLOSED):
        config = PowerConfig(limits=dataclasses.replace(BOTH_WAYS, max_charger_power=38_000.0))
        machine, inputs = PhaseMachine(), Inputs(config)
        machine.phase = phase
        inputs.modules.take(
            PowerMeasurement(volts, 0.0, power_modules_temperature_c=celsius), now_s=0.0)
        inputs.stage.take(stage, '', has_output_contactors=True, sees_battery=False, now_s=0.0)
        self.memory = SessionMemory(config, inputs.stage)
        self.advertising = Advertising(config, machine, inputs, self.memory)

    def follow(self, current_a=None):
        lease = None if current_a is None else Lease(current_a, Priority.FLEET, 'depot', 60.0)
        self.advertising.follow(lease)
        told = self.advertising.limits.current
        return told.maximum_charge_current, told.maximum_discharge_current


@pytest.mark.parametrize('phase, has_battery, stage, told_a', [
    (Phase.POWER_TRANSFER, True, Stage.CLOSED, 94.5), (Phase.PRECHARGE, True, Stage.OPEN, 94.5),
    (Phase.STANDBY, True, Stage.CLOSED, 94.5), (Phase.STANDBY, False, Stage.CLOSED, 100.0),
    (Phase.STANDBY, True, Stage.OPEN, 100.0), (Phase.IDLE, True, Stage.CLOSED, 100.0),
    (Phase.INSULATION_TEST, False, Stage.CLOSED, 100.0),
])
def test_power_is_told_as_a_current_once_the_output_is_at_the_battery(
        phase, has_battery, stage, told_a):
    """R32: 38 kW at 400 V are 95 A, and a little less."""
    around = Around(phase, stage=stage)
    around.memory.battery_may_be_connected = has_battery
    assert around.follow() == (told_a, 60.0)


def test_heat_is_told_in_both_directions():
    """R50: of 120 A and of 60 A."""
    assert Around(Phase.IDLE, celsius=80.0).follow() == (90.0, 45.0)


@pytest.mark.parametrize('transfer, wish_a, told', [
    (None, 30.0, (30.0, 60.0)), (None, -20.0, (100.0, 20.0)), (None, 0.0, (100.0, 60.0)),
    (dataclasses.replace(RANGE, setpoints_mode=0), 0.0, (0.1, 60.0)),
    # The choice is ours: nobody else has to be told.
    (RANGE, 30.0, (100.0, 60.0)),
])
def test_a_lease_lowers_the_limit_of_its_direction(transfer, wish_a, told):
    around = Around(Phase.IDLE)
    around.memory.transfer_command = transfer
    assert around.follow(wish_a) == told
    assert around.follow() == (100.0, 60.0)


def test_a_controller_that_goes_beyond_what_it_was_told_is_named_once():
    around = Around(Phase.POWER_TRANSFER)
    told_for(FOLLOWED_S + 1.0, around.advertising.limits)
    now_s, command = FOLLOWED_S + 1.0, dataclasses.replace(COMMANDED, current_range_max=150.0)
    words = around.advertising.new_excess(command, now_s=now_s)
    assert 'commands 150 A although it has been told Maximum_Charge_Current 100 A' in words
    assert 'gives at most 95 A' in words
    assert around.advertising.new_excess(command, now_s=now_s) == ''
    assert around.advertising.new_excess(COMMANDED, now_s=now_s) == ''
    assert around.advertising.new_excess(command, now_s=now_s)
