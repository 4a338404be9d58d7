"""What the charger can do: entries of the controller's configuration, heat, and what is told."""

import dataclasses
import itertools
import math

from hypothesis import given
from hypothesis import strategies as st
import pytest

from gi3_ros.core.config import entries_of
from gi3_ros.core.interface.signals import DcPowerControl
from gi3_ros.core.power.control import PowerConfig
from gi3_ros.core.power.limits import (
    AdvertisedLimits,
    ChargerLimits,
    Derating,
    DischargeWindow,
    FOLLOWED_S,
    Steady,
)
from gi3_ros.core.rules.findings import Tolerances

BOTH_WAYS = ChargerLimits(is_bidirectional=True, max_charger_discharge_current=60.0)


def test_entries_have_the_names_and_defaults_of_the_controller():
    """interface.md 5.1."""
    assert dataclasses.asdict(ChargerLimits()) == {
        'is_bidirectional': False, 'supports_range_mode': True,
        'min_charger_voltage': 0.0, 'max_charger_voltage': 500.0,
        'min_charger_current': 0.0, 'max_charger_current': 120.0,
        'min_charger_power': 0.0, 'max_charger_power': 0.0,
        'min_charger_discharge_voltage': 0.0, 'max_charger_discharge_voltage': 0.0,
        'min_charger_discharge_current': 0.0, 'max_charger_discharge_current': 0.0,
        'min_charger_discharge_power': 0.0, 'max_charger_discharge_power': 0.0,
        'max_cable_voltage': 500.0, 'max_cable_current': 100.0, 'max_cable_power': 0.0,
    }


@pytest.mark.parametrize('cls', [ChargerLimits, PowerConfig])
def test_each_number_is_refused_outside_its_range_and_when_it_is_none(cls):
    for field in entries_of(cls):
        low, high = field.metadata['low'], field.metadata['high']
        if low is None:
            continue
        for value in (math.nextafter(low, -math.inf), math.nextafter(high, math.inf), math.nan,
                      math.inf):
            with pytest.raises(ValueError, match=field.name):
                cls(**{field.name: value})


@pytest.mark.parametrize('what', ['voltage', 'current', 'power', 'discharge_current',
                                  'discharge_voltage', 'discharge_power'])
def test_a_minimum_above_its_maximum_is_refused(what):
    names = f'min_charger_{what}', f'max_charger_{what}'
    ChargerLimits(**dict.fromkeys(names, 80.0))
    with pytest.raises(ValueError, match='is above'):
        ChargerLimits(**{names[0]: 80.1, names[1]: 80.0})


def test_derating_ends_above_where_it_starts():
    PowerConfig(derating_temperature=84.9)
    with pytest.raises(ValueError, match='must be below'):
        PowerConfig(derating_temperature=85.0)


@pytest.mark.parametrize('limits, volts, expected', [
    (ChargerLimits(), 400.0, (100.0, 'cable')),
    (ChargerLimits(max_cable_current=200.0), 400.0, (120.0, 'charger')),
    (ChargerLimits(max_charger_power=30e3), 400.0, (75.0, 'charger power')),
    (ChargerLimits(max_charger_power=40e3), 400.0, (100.0, 'cable')),
    (ChargerLimits(max_cable_power=20e3), 400.0, (50.0, 'cable power')),
    (ChargerLimits(max_charger_power=30e3), 0.0, (100.0, 'cable')),
    # 0 W is computed: 500 V x 120 A for the charger, 500 V x 100 A for the cable.
    (ChargerLimits(max_cable_current=500.0), 600.0, (100.0, 'charger power')),
    (ChargerLimits(), 625.0, (80.0, 'cable power')),
])
def test_largest_charge_current(limits, volts, expected):
    assert limits.largest(discharging=False, voltage_v=volts) == expected


@pytest.mark.parametrize('change, may_discharge, expected', [
    ({}, True, (60.0, 'charger')),
    ({}, False, (0.0, 'discharge voltage')),
    ({'is_bidirectional': False}, True, (0.0, 'not bidirectional')),
    ({'max_charger_discharge_power': 8e3}, True, (20.0, 'charger power')),
    ({'max_cable_current': 30.0}, True, (30.0, 'cable')),
])
def test_largest_discharge_current(change, may_discharge, expected):
    limits = dataclasses.replace(BOTH_WAYS, **change)
    assert limits.largest(
        discharging=True, voltage_v=400.0, may_discharge=may_discharge) == expected


@pytest.mark.parametrize('change, volts, is_permitted', [
    ({'min_charger_discharge_voltage': 400.0}, 400.0, True),
    ({'min_charger_discharge_voltage': 400.1}, 400.0, False),
    ({'max_charger_discharge_voltage': 400.0}, 400.0, True),
    ({'max_charger_discharge_voltage': 399.9}, 400.0, False),
    # 0 V is the charger's maximum.
    ({}, 500.0, True), ({}, 500.1, False), ({}, 0.0, True), ({}, -0.1, False),
])
def test_discharging_is_permitted_within_its_voltages(change, volts, is_permitted):
    window = DischargeWindow(dataclasses.replace(BOTH_WAYS, **change))
    assert window.permits(volts) is is_permitted


@pytest.mark.parametrize('low_v, recovered_v', [(100.0, 105.0), (300.0, 309.0)])
def test_an_output_that_was_too_low_has_to_recover(low_v, recovered_v):
    """Without its load a battery does so a little: no coming and going of the current."""
    window = DischargeWindow(
        dataclasses.replace(BOTH_WAYS, min_charger_discharge_voltage=low_v))
    assert [window.permits(volts) for volts in (
        low_v, low_v - 0.1, low_v, recovered_v - 0.1, recovered_v, low_v)] == [
        True, False, False, False, True, True]


@pytest.mark.parametrize('change, discharging, volts, expected', [
    ({}, False, 400.0, 0.0),
    ({'min_charger_current': 5.0}, False, 400.0, 5.0),
    ({'min_charger_power': 4e3}, False, 400.0, 10.0),
    ({'min_charger_current': 5.0, 'min_charger_voltage': 200.0}, False, 400.0, 5.0),
    ({'min_charger_current': 5.0, 'min_charger_voltage': 200.0}, False, 200.0, 5.0),
    ({'min_charger_discharge_current': 4.0}, True, 400.0, 4.0),
    ({'min_charger_discharge_power': 2e3}, True, 400.0, 5.0),
    ({'min_charger_power': 4e3}, False, 0.0, 0.0),
])
def test_smallest_current(change, discharging, volts, expected):
    limits = dataclasses.replace(BOTH_WAYS, **change)
    assert limits.smallest(discharging=discharging, voltage_v=volts) == expected


# Heat


@pytest.mark.parametrize('celsius, share', [
    (-40.0, 1.0), (75.0, 1.0), (76.0, 0.95), (80.0, 0.75), (85.0, 0.5), (215.0, 0.5),
    (math.nan, 1.0),
])
def test_the_share_falls_from_75_to_85_degrees_to_one_half(celsius, share):
    """R50."""
    assert Derating(75.0, 85.0).share(celsius) == share


def test_the_share_rises_again_only_when_it_is_2_degrees_cooler():
    derating = Derating(75.0, 85.0)
    assert derating.share(80.0) == 0.75
    assert derating.share(78.0) == 0.75
    assert derating.share(77.7) > 0.75
    assert derating.share(80.3) < 0.75


def test_a_sensor_that_fell_silent_keeps_what_it_said_last():
    derating = Derating(75.0, 85.0)
    assert derating.share(80.0) == derating.share(math.nan) == 0.75


def test_noise_of_a_sensor_changes_a_share_no_more_than_once():
    derating = Derating(75.0, 85.0)
    shares = [derating.share(celsius) for celsius in itertools.islice(
        itertools.cycle((79.9, 80.1)), 100)]
    assert len(list(itertools.groupby(shares))) <= 2


# What is told


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
