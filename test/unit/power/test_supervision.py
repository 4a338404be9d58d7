# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Measured values against their limits: just inside, at, just outside."""

import math

import pytest

from gi3_ros.core.hardware import PowerMeasurement
from gi3_ros.core.power import supervision
from gi3_ros.core.power.limits import ChargerLimits
from gi3_ros.core.power.parameters import PowerConfig
from gi3_ros.core.stage.precharge import WINDOW_V

CONFIG = PowerConfig(
    voltage_tolerance=5.0, current_tolerance=3.0, max_temperature=85.0,
    limits=ChargerLimits(
        max_charger_voltage=500.0, max_cable_voltage=600.0, max_charger_current=120.0,
        max_cable_current=100.0, is_bidirectional=True, max_charger_discharge_current=60.0),
)


def beyond(checks):
    """Return the names of what is beyond its limit."""
    return {check.name for check in checks if check.is_beyond}


def maxima(**values):
    reading = PowerMeasurement(**{'voltage_v': 0.0, 'current_a': 0.0, **values})
    return beyond(supervision.of_maximum(reading, CONFIG.limits, CONFIG))


@pytest.mark.parametrize('value, name', [
    ({'voltage_v': 530.0}, None), ({'voltage_v': 530.01}, 'maximum voltage'),
    ({'current_a': 108.0}, None), ({'current_a': 108.01}, 'maximum current'),
    ({'current_a': -66.0}, None), ({'current_a': -66.01}, 'maximum current'),
    ({'power_modules_temperature_c': 84.99}, None),
    ({'power_modules_temperature_c': 85.0}, 'temperature'),
    ({'power_modules_temperature_c': math.nan}, None),
])
def test_maxima_of_charger_and_cable(value, name):
    """5 % and the tolerance on top of 500 V, 100 A of the cable and 60 A backwards."""
    assert maxima(**value) == ({name} if name else set())


@pytest.mark.parametrize('volts, is_beyond', [(383.0, False), (383.01, True)])
def test_regulated_voltage(volts, is_beyond):
    reading = PowerMeasurement(volts, 0.0)
    assert bool(beyond(supervision.of_voltage(reading, 360.0, CONFIG))) is is_beyond


@pytest.mark.parametrize('target_v, volts, is_beyond', [
    (200.0, 225.0, False), (200.0, 225.01, True), (400.0, 425.0, False), (400.0, 425.01, True),
    (460.0, 488.0, False), (460.0, 488.01, True),
])
def test_voltage_of_a_precharge_has_room_for_the_window_of_the_vehicle(
        target_v, volts, is_beyond):
    """R19: a battery 20 V above the target may be connected while the command still stands."""
    checks = supervision.of_voltage(
        PowerMeasurement(volts, 0.0), target_v, CONFIG, window_v=WINDOW_V)
    assert bool(beyond(checks)) is is_beyond


@pytest.mark.parametrize('celsius, is_beyond', [(25.0, False), (math.nan, True)])
def test_a_lost_temperature(celsius, is_beyond):
    reading = PowerMeasurement(0.0, 0.0, power_modules_temperature_c=celsius)
    assert bool(beyond(supervision.of_lost_temperature(reading))) is is_beyond


@pytest.mark.parametrize('amperes, is_beyond', [
    (3.0, False), (3.01, True), (-3.0, False), (-3.01, True)])
def test_current_of_precharge_and_insulation_test(amperes, is_beyond):
    reading = PowerMeasurement(300.0, amperes)
    assert bool(beyond(supervision.of_current_cap(reading, 2.0, 'precharge'))) is is_beyond


@pytest.mark.parametrize('setpoint_a, amperes, is_beyond', [
    (50.0, 55.5, False), (50.0, 55.51, True), (50.0, 0.0, False),
    (50.0, -5.5, False), (50.0, -5.51, True),
    (-20.0, -24.0, False), (-20.0, -24.01, True), (-20.0, 4.0, False), (-20.0, 4.01, True),
    (0.0, 3.0, False), (0.0, 3.01, True), (0.0, -3.01, True),
])
def test_transfer_current(setpoint_a, amperes, is_beyond):
    """More than asked for, and against the direction asked for; less is the modules' right."""
    reading = PowerMeasurement(360.0, amperes)
    assert beyond(supervision.of_transfer(reading, 420.0, setpoint_a, CONFIG)) == (
        {'current'} if is_beyond else set())


@pytest.mark.parametrize('volts, amperes, is_beyond', [
    (446.0, 50.0, False), (446.01, 50.0, True), (480.0, 1.0, False), (480.0, 1.01, True)])
def test_transfer_voltage_counts_while_current_is_pushed(volts, amperes, is_beyond):
    """R29; a battery above the setpoint is no fault by itself."""
    reading = PowerMeasurement(volts, amperes)
    assert beyond(supervision.of_transfer(reading, 420.0, 50.0, CONFIG)) == (
        {'voltage'} if is_beyond else set())


@pytest.mark.parametrize('amperes, is_beyond', [
    (5.0, False), (5.01, True), (-5.0, False), (-5.01, True)])
def test_idle_current(amperes, is_beyond):
    reading = PowerMeasurement(0.0, amperes)
    assert bool(beyond(supervision.of_idle(reading, CONFIG))) is is_beyond


@pytest.mark.parametrize('ohms, target_v, is_beyond', [
    (40_000.0, 300.0, False), (39_999.0, 300.0, True),
    (42_000.0, 420.0, False), (41_999.0, 420.0, True),
    (math.inf, 420.0, False), (-math.inf, 420.0, True), (math.nan, 420.0, True),
])
def test_insulation_at_the_larger_of_target_and_measured_voltage(ohms, target_v, is_beyond):
    """R14, at 400 V measured."""
    reading = PowerMeasurement(400.0, 0.0, insulation_resistance_ohm=ohms)
    assert bool(beyond(supervision.of_insulation(reading, target_v))) is is_beyond


def check(is_beyond, name='voltage'):
    return [supervision.Check(name, is_beyond, f'{name} is beyond')]


@pytest.mark.parametrize('now_s, words', [(1.499, ''), (1.5, 'voltage is beyond')])
def test_the_watch_is_patient_for_its_time(now_s, words):
    watch = supervision.Watch(0.5)
    assert watch.see(check(True), now_s=1.0) == ''
    assert watch.see(check(True), now_s=now_s) == words


def test_the_watch_starts_anew_after_a_good_value_and_counts_each_check_by_itself():
    watch = supervision.Watch(0.5)
    watch.see(check(True), now_s=1.0)
    watch.see(check(False), now_s=1.4)
    assert watch.see(check(True), now_s=1.5) == ''
    assert watch.see([*check(True), *check(True, 'current')], now_s=1.9) == ''
    assert watch.see([*check(False), *check(True, 'current')], now_s=2.1) == ''
    assert watch.see([*check(False), *check(True, 'current')], now_s=2.4) == 'current is beyond'


@pytest.mark.parametrize('later_s, words', [(1.499, ''), (1.5, 'voltage is beyond')])
def test_a_check_may_have_a_patience_of_its_own(later_s, words):
    watch = supervision.Watch(0.5)
    slow = [supervision.Check('voltage', True, 'voltage is beyond', 1.5)]
    watch.see(slow, now_s=1.0)
    assert watch.see(slow, now_s=1.0 + later_s) == words


def test_a_restarted_watch_has_forgotten():
    watch = supervision.Watch(0.5)
    watch.see(check(True), now_s=1.0)
    watch.restart()
    assert watch.see(check(True), now_s=2.0) == ''


def test_a_watch_without_patience_reports_at_once():
    assert supervision.Watch(0.0).see(check(True), now_s=1.0) == 'voltage is beyond'
