# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What power depends on besides commands: each input ages, just inside and just outside."""

import math

import pytest

from gi3_ros.core.hardware import PowerMeasurement, Stage
from gi3_ros.core.interface.signals import AdvanticsControllerStatus
from gi3_ros.core.power.inputs import Inputs, Modules, nonsense_in, StageReports
from gi3_ros.core.power.parameters import PowerConfig

GOOD = PowerMeasurement(360.0, 12.0)
CHARGING = AdvanticsControllerStatus.State.CHARGING


def modules(reading=GOOD):
    each = Modules(PowerConfig())
    each.take(reading, now_s=1.0)
    return each


def report(stage=Stage.CLOSED, reason='', *, now_s=1.0):
    reports = StageReports()
    reports.take(stage, reason, has_output_contactors=True, sees_battery=False, now_s=now_s)
    return reports


# The modules


@pytest.mark.parametrize('reading', [
    PowerMeasurement(math.nan, 0.0), PowerMeasurement(0.0, math.nan),
    PowerMeasurement(math.inf, 0.0), PowerMeasurement(0.0, -math.inf),
    PowerMeasurement(0.0, 0.0, power_modules_temperature_c=math.inf),
    PowerMeasurement(0.0, 0.0, enclosure_temperature_c=-math.inf),
])
def test_a_reading_that_is_no_number_is_named(reading):
    assert 'not taken' in nonsense_in(reading)


@pytest.mark.parametrize('reading', [
    GOOD, PowerMeasurement(0.0, 0.0, insulation_resistance_ohm=math.inf),
    PowerMeasurement(0.0, 0.0, power_modules_temperature_c=math.nan)])
def test_a_sensor_that_is_missing_makes_no_nonsense(reading):
    assert nonsense_in(reading) == ''


@pytest.mark.parametrize('age_s, silence, is_usable', [
    (0.249, '', True), (0.251, 'silent: last measurement 251 ms ago', True),
    (0.299, 'silent: last measurement 299 ms ago', True),
    (0.301, 'silent: last measurement 301 ms ago', False),
])
def test_a_reading_is_a_fault_before_it_is_too_old_to_be_reported(age_s, silence, is_usable):
    """So the frame that withdraws System_Enable still carries one."""
    each = modules()
    words = each.silence(now_s=1.0 + age_s)
    assert words.endswith(silence) and bool(words) is bool(silence)
    assert (each.reading(now_s=1.0 + age_s) is GOOD) is is_usable


def test_before_the_first_reading_there_is_none():
    each = Modules(PowerConfig())
    assert each.reading(now_s=0.0) is None
    assert each.not_ready(now_s=0.0) == 'power modules: nothing measured yet'


@pytest.mark.parametrize('reading, words', [
    (GOOD, ''), (PowerMeasurement(0.0, 0.0, is_ready=False), 'power modules are not ready'),
    (PowerMeasurement(0.0, 0.0, fault='fan'), 'power modules report a fault: fan'),
])
def test_the_modules_say_what_they_lack(reading, words):
    assert modules(reading).not_ready(now_s=1.0) == words


def test_heat_and_its_sensor_are_remembered():
    """R50."""
    each = modules()
    assert (each.share, each.has_temperature) == (1.0, False)
    each.take(PowerMeasurement(0.0, 0.0, power_modules_temperature_c=80.0), now_s=2.0)
    assert (each.share, each.has_temperature) == (0.75, True)
    each.take(GOOD, now_s=3.0)
    assert (each.share, each.has_temperature) == (0.75, True)


# The output stage


@pytest.mark.parametrize('age_s, is_open, words', [
    (0.499, True, ''), (0.501, False, 'output stage silent: last word 501 ms ago')])
def test_the_word_of_the_output_stage_holds_for_half_a_second(age_s, is_open, words):
    reports = report(Stage.OPEN)
    assert reports.is_open(now_s=1.0 + age_s) is is_open
    assert reports.not_ready(now_s=1.0 + age_s) == words


def test_before_its_first_word_the_stage_is_not_ready():
    reports = StageReports()
    assert 'output stage silent' in reports.not_ready(now_s=0.0)
    assert not reports.is_open(now_s=0.0) and not reports.is_closed
    assert reports.words == 'OPEN nothing heard from it yet'


def test_a_fault_of_the_stage_is_told_in_its_words():
    assert report(Stage.FAULT, 'welded').not_ready(now_s=1.0) == 'output stage: welded'


def test_an_undefined_stage_is_neither_open_nor_closed():
    reports = report(77)
    assert reports.stage is Stage.UNKNOWN
    assert not reports.is_closed and not reports.is_open(now_s=1.0)


# All of them


def test_what_forbids_power_is_named_the_controller_first():
    inputs = Inputs(PowerConfig())
    for missing in ('controller silent', 'nothing measured yet', 'output stage silent'):
        assert missing in inputs.forbids(now_s=1.0)
        if missing == 'controller silent':
            inputs.controller.see_status(CHARGING, now_s=1.0)
        elif missing == 'nothing measured yet':
            assert missing in inputs.not_ready(now_s=1.0)
            inputs.modules.take(GOOD, now_s=1.0)
    inputs.stage.take(
        Stage.CLOSED, '', has_output_contactors=True, sees_battery=False, now_s=1.0)
    assert inputs.forbids(now_s=1.0) == ''
