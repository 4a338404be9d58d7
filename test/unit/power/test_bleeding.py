# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""When the output is emptied, and when that is given up."""

import pytest

from gi3_ros.core.hardware import PowerMeasurement, Stage
from gi3_ros.core.power.bleeding import Bleeding
from gi3_ros.core.power.inputs import Inputs
from gi3_ros.core.power.memory import SessionMemory
from gi3_ros.core.power.parameters import PowerConfig
from gi3_ros.core.power.phases import BLEEDING, Phase, PhaseMachine


class Around:
    """An output with a voltage on it, measured and reported at 0 s."""

    def __init__(self, phase, volts=400.0, *, stage=Stage.OPEN, is_own=True, has_battery=False):
        config = PowerConfig()
        self.machine, self.inputs = PhaseMachine(), Inputs(config)
        self.machine.phase = phase
        self.inputs.stage.take(
            stage, '', has_output_contactors=is_own, sees_battery=False, now_s=0.0)
        self.memory = SessionMemory(config, self.inputs.stage)
        self.memory.battery_may_be_connected = has_battery
        self.bleeding = Bleeding(self.machine, self.inputs, self.memory)
        self.measure(volts, 0.0)

    def measure(self, volts, now_s):
        self.inputs.modules.take(PowerMeasurement(volts, 0.0), now_s=now_s)

    def bleed(self, volts, now_s):
        """Return what is said of a reading that is as old as the decision."""
        self.measure(volts, now_s)
        return self.bleeding.futility(now_s=now_s)


# Lowering


@pytest.mark.parametrize('phase', sorted(BLEEDING))
@pytest.mark.parametrize('stage', [Stage.OPEN, Stage.CLOSED, Stage.OPENING])
@pytest.mark.parametrize('is_own', [True, False])
def test_without_a_battery_each_lowering_bleeds(phase, stage, is_own):
    around = Around(phase, stage=stage, is_own=is_own)
    assert around.bleeding.obstacle_to_lowering(says_close=False) == ''


@pytest.mark.parametrize('stage, words', [
    (Stage.OPEN, ''), (Stage.CLOSED, 'does not bleed: output contactors are CLOSED'),
    (Stage.OPENING, 'does not bleed: output contactors are OPENING'),
    (Stage.UNKNOWN, 'does not bleed: output contactors are UNKNOWN'),
])
@pytest.mark.parametrize('phase', sorted(BLEEDING))
def test_own_contactors_must_be_open_where_a_battery_may_be(phase, stage, words):
    """R16."""
    around = Around(phase, stage=stage, has_battery=True)
    assert around.bleeding.obstacle_to_lowering(says_close=False) == words


@pytest.mark.parametrize('phase', sorted(BLEEDING))
def test_behind_contactors_that_shall_be_closed_nothing_is_bled_out_of_a_battery(phase):
    """They may be on their way already, and the report of it be late."""
    around = Around(phase, stage=Stage.OPEN, has_battery=True)
    assert around.bleeding.obstacle_to_lowering(says_close=True) == (
        'does not bleed: the controller says Close')
    without = Around(phase, stage=Stage.OPEN, has_battery=False)
    assert without.bleeding.obstacle_to_lowering(says_close=True) == ''


@pytest.mark.parametrize('phase, is_obstacle', [
    (Phase.LOWERING_AFTER_TEST, True), (Phase.LOWERING_AT_END, True),
    (Phase.LOWERING_ON_CLOSING, False)])
def test_without_own_contactors_only_the_third_lowering_bleeds(phase, is_obstacle):
    """R17."""
    around = Around(phase, is_own=False, has_battery=True)
    assert bool(around.bleeding.obstacle_to_lowering(says_close=False)) is is_obstacle


# What a session left behind


@pytest.mark.parametrize('phase', [Phase.IDLE, Phase.WAKING, Phase.FAULT])
@pytest.mark.parametrize('stage, now_s, is_emptied', [
    (Stage.OPEN, 0.2, True), (Stage.CLOSED, 0.2, False), (Stage.OPENING, 0.2, False)])
def test_own_contactors_have_to_be_open(phase, stage, now_s, is_emptied):
    around = Around(phase, stage=stage)
    words = '400 V are left on the output: emptied first' if is_emptied else ''
    assert around.bleeding.left_behind(now_s=now_s) == words


@pytest.mark.parametrize('age_s, is_emptied', [(0.299, True), (0.301, False)])
def test_nothing_is_emptied_by_an_old_reading(age_s, is_emptied):
    assert bool(Around(Phase.IDLE).bleeding.left_behind(now_s=age_s)) is is_emptied


@pytest.mark.parametrize('age_s, is_emptied', [(0.499, True), (0.501, False)])
def test_nothing_is_emptied_by_an_old_word_of_the_stage(age_s, is_emptied):
    around = Around(Phase.IDLE)
    around.measure(400.0, age_s)
    assert bool(around.bleeding.left_behind(now_s=age_s)) is is_emptied


@pytest.mark.parametrize('phase, has_battery, is_emptied', [
    (Phase.WAKING, False, True), (Phase.WAKING, True, False), (Phase.IDLE, False, False),
    (Phase.FAULT, False, False)])
def test_without_own_contactors_it_is_emptied_before_the_modules_are_enabled(
        phase, has_battery, is_emptied):
    around = Around(phase, stage=Stage.CLOSED, is_own=False, has_battery=has_battery)
    assert bool(around.bleeding.left_behind(now_s=0.0)) is is_emptied


@pytest.mark.parametrize('volts, begins, goes_on', [
    (20.1, True, True), (20.0, False, True), (5.1, False, True), (5.0, False, False)])
def test_it_begins_above_20_volts_and_goes_on_to_5(volts, begins, goes_on):
    around = Around(Phase.IDLE, volts)
    assert bool(around.bleeding.left_behind(now_s=0.0)) is begins
    around.bleeding.futility(now_s=0.0)
    assert bool(around.bleeding.left_behind(now_s=0.0)) is goes_on
    around.bleeding.end()
    assert bool(around.bleeding.left_behind(now_s=0.0)) is begins


@pytest.mark.parametrize('volts, is_held_up', [(20.1, True), (20.0, False)])
def test_a_little_that_stays_holds_up_no_session(volts, is_held_up):
    around = Around(Phase.WAKING, volts)
    around.bleeding.futility(now_s=0.0)
    assert around.bleeding.holds_up_waking(now_s=0.0) is is_held_up


# How it is judged


@pytest.mark.parametrize('volts, now_s, is_in_vain', [
    (401.0, 0.99, False), (401.0, 1.0, True), (400.0, 1.0, False)])
def test_in_a_second_it_has_to_fall_by_a_fifth(volts, now_s, is_in_vain):
    around = Around(Phase.LOWERING_AFTER_TEST, 500.0)
    assert around.bleed(500.0, 0.0) == ''
    words = around.bleed(volts, now_s)
    assert bool(words) is around.bleeding.is_in_vain is is_in_vain
    if is_in_vain:
        assert words.startswith('output does not fall while bleeding: 500 V, 401 V after 1 s')


def test_each_second_is_judged_from_where_the_last_one_ended():
    around = Around(Phase.LOWERING_AFTER_TEST, 500.0)
    assert [around.bleed(volts, second) for second, volts in enumerate((500.0, 390.0, 310.0))] == [
        '', '', '']
    assert 'output does not fall while bleeding: 310 V, 260 V' in around.bleed(260.0, 3.0)


def test_what_is_safe_need_not_fall():
    around = Around(Phase.LOWERING_AFTER_TEST, 20.0)
    assert [around.bleed(20.0, float(second)) for second in range(5)] == [''] * 5


@pytest.mark.parametrize('low_s, volts, is_in_vain', [
    (0.2, 120.1, True), (0.2, 120.0, False),
    # Measured while the modules were still at work.
    (0.09, 300.0, False),
])
def test_an_output_that_rises_again_feeds_on_something(low_s, volts, is_in_vain):
    around = Around(Phase.LOWERING_AFTER_TEST, 400.0)
    assert around.bleed(400.0, 0.0) == ''
    assert around.bleed(100.0, low_s) == ''
    assert bool(around.bleed(volts, low_s + 0.005)) is is_in_vain


def test_in_vain_it_is_not_tried_again_before_the_fault_is_reset():
    around = Around(Phase.IDLE, 400.0)
    around.bleed(400.0, 0.0)
    assert around.bleed(400.0, 1.0)
    around.bleeding.end()
    around.inputs.stage.take(
        Stage.OPEN, '', has_output_contactors=True, sees_battery=False, now_s=1.0)
    assert around.bleeding.left_behind(now_s=1.0) == ''
    around.bleeding.forgive()
    assert around.bleeding.left_behind(now_s=1.0)
