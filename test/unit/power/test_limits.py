# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the charger can do: entries of the controller's configuration, and heat."""

import dataclasses
import itertools
import math

import pytest

from gi3_ros.core.config import entries_of
from gi3_ros.core.power.limits import ChargerLimits, Derating, DischargeWindow
from gi3_ros.core.power.parameters import PowerConfig

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
