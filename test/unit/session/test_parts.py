# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The parts of a session: the charge so far, the plug, and Sequence_Control."""

import dataclasses
import math

import pytest

from gi3_ros.core.hardware import PowerMeasurement, Stage
from gi3_ros.core.interface.signals import SequenceControl
from gi3_ros.core.session.charge import Charge
from gi3_ros.core.session.plug import Plug, SAFE_CURRENT_A, SAFE_VOLTAGE_V
from gi3_ros.core.session.sequence import BUTTON_S, PRESS_WITHIN_S, Sequence
from gi3_ros.core.timing import (
    FEEDBACK_MAX_AGE_S,
    MEASUREMENT_MAX_AGE_S,
    STAGE_MAX_AGE_S,
)

# The charge


def test_energy_is_counted_between_two_readings_of_a_running_charge():
    charge, reading = Charge(), PowerMeasurement(400.0, 90.0)
    charge.count(reading, reading, 0.1)
    assert charge.charged_wh == 0.0, 'none has begun'
    charge.begin(now_s=1.0)
    charge.count(reading, reading, 0.1)
    assert charge.charged_wh == pytest.approx(1.0)
    assert charge.peak_w == 36e3
    charge.count(PowerMeasurement(400.0, -90.0), PowerMeasurement(400.0, -90.0), 0.2)
    assert charge.discharged_wh == pytest.approx(2.0)
    charge.end('Clean_Stop', now_s=2.0)
    charge.count(reading, reading, 0.1)
    assert charge.charged_wh == pytest.approx(1.0)


@pytest.mark.parametrize('elapsed_s, is_counted', [
    (-0.1, False), (0.0, False), (0.001, True), (MEASUREMENT_MAX_AGE_S - 0.001, True),
    (MEASUREMENT_MAX_AGE_S, False), (math.inf, False),
])
def test_over_a_hole_nothing_is_counted(elapsed_s, is_counted):
    charge = Charge()
    charge.begin(now_s=0.0)
    charge.count(PowerMeasurement(400.0, 90.0), PowerMeasurement(400.0, 90.0), elapsed_s)
    assert (charge.charged_wh > 0.0) is is_counted


def test_a_charge_lasts_until_its_end_and_the_next_begins_from_zero():
    charge = Charge()
    assert (charge.duration_s(9.0), charge.is_running, charge.is_over) == (0.0, False, False)
    charge.begin(now_s=10.0)
    assert (charge.duration_s(14.0), charge.is_running, charge.is_over) == (4.0, True, False)
    charge.end('Rushed_Stop', now_s=15.0)
    assert (charge.duration_s(99.0), charge.is_running, charge.is_over) == (5.0, False, True)
    charge.begin(now_s=100.0)
    assert (charge.duration_s(101.0), charge.end_reason) == (1.0, '')


# The plug


@dataclasses.dataclass
class Seen:
    """What a plug sees; everything is fresh at 10 s."""

    voltage_v: float = SAFE_VOLTAGE_V
    current_a: float = SAFE_CURRENT_A
    measured_s: float = 10.0
    stage: Stage = Stage.OPEN
    stage_s: float = 10.0
    is_own: bool = True
    pistol_v: float = SAFE_VOLTAGE_V
    pistol_s: float = 10.0
    has_let_go: bool = True
    is_closing: bool = False

    def is_dead(self):
        plug = Plug()
        assert plug.measure(
            PowerMeasurement(self.voltage_v, self.current_a), now_s=self.measured_s) is not None
        plug.see_stage(self.stage, has_output_contactors=self.is_own, now_s=self.stage_s)
        plug.see_pistol(self.pistol_v, now_s=self.pistol_s)
        return plug.is_dead(
            has_let_go=self.has_let_go, is_closing=self.is_closing, now_s=10.0)


@pytest.mark.parametrize('change, is_dead', [
    ({}, True),
    ({'voltage_v': SAFE_VOLTAGE_V + 0.1}, False),
    ({'pistol_v': SAFE_VOLTAGE_V + 0.1}, False),
    ({'current_a': SAFE_CURRENT_A + 0.1}, False),
    ({'current_a': -SAFE_CURRENT_A - 0.1}, False),
    ({'measured_s': 10.0 - MEASUREMENT_MAX_AGE_S}, False),
    ({'measured_s': 10.001 - MEASUREMENT_MAX_AGE_S}, True),
    ({'stage_s': 10.0 - STAGE_MAX_AGE_S}, False),
    ({'stage_s': 10.001 - STAGE_MAX_AGE_S}, True),
    ({'pistol_s': 10.0 - FEEDBACK_MAX_AGE_S}, False),
    ({'pistol_s': 10.001 - FEEDBACK_MAX_AGE_S}, True),
    ({'stage': Stage.CLOSED}, False),
    ({'stage': Stage.UNKNOWN}, False),
    ({'has_let_go': False}, False),
    ({'has_let_go': False, 'is_closing': True}, True),
    ({'has_let_go': False, 'is_closing': True, 'pistol_v': math.nan}, False),
    ({'has_let_go': False, 'is_closing': True, 'is_own': False}, False),
    ({'is_own': False, 'stage': Stage.CLOSED, 'pistol_v': math.nan}, True),
])
def test_what_is_not_known_is_not_safe(change, is_dead):
    assert Seen(**change).is_dead() is is_dead


def test_a_plug_that_was_never_measured_is_live():
    plug = Plug()
    plug.see_stage(Stage.OPEN, has_output_contactors=False, now_s=10.0)
    assert not plug.is_dead(has_let_go=True, is_closing=False, now_s=10.0)


@pytest.mark.parametrize('reading', [
    PowerMeasurement(math.nan, 0.0), PowerMeasurement(400.0, math.inf),
])
def test_a_reading_that_is_no_number_is_not_taken(reading):
    plug = Plug()
    assert plug.measure(reading, now_s=1.0) is None
    assert plug.measurement is None


def test_a_reading_older_than_the_last_is_not_taken():
    plug, good = Plug(), PowerMeasurement(400.0, 1.0)
    plug.measure(good, now_s=1.0)
    assert plug.measure(PowerMeasurement(0.0, 0.0), now_s=0.9) is None
    assert plug.measurement is good
    assert plug.measure(good, now_s=1.2) == pytest.approx(0.2)


# Sequence_Control

PRESSED = SequenceControl.UserStopButton.PRESSED


def stop(sequence, now_s):
    sequence.set_buttons(now_s=now_s)
    return sequence.word.user_stop_button


def test_a_button_is_held_from_when_it_was_told_and_comes_back():
    sequence = Sequence()
    assert sequence.stop_button.press(now_s=1.0)
    assert stop(sequence, 1.5) == PRESSED
    assert sequence.is_due
    sequence.send(now_s=1.5)
    assert not sequence.is_due
    assert stop(sequence, 1.5 + BUTTON_S - 0.01) == PRESSED
    assert stop(sequence, 1.5 + BUTTON_S + 0.01) != PRESSED
    assert sequence.is_due, 'that it is released has to go out'


def test_a_press_that_nobody_could_be_told_is_forgotten():
    sequence = Sequence()
    sequence.stop_button.press(now_s=1.0)
    assert stop(sequence, 1.0 + PRESS_WITHIN_S - 0.01) == PRESSED
    assert stop(sequence, 1.0 + PRESS_WITHIN_S) != PRESSED


def test_a_second_press_too_soon_is_no_new_edge():
    sequence = Sequence()
    assert sequence.stop_button.press(now_s=1.0)
    assert not sequence.stop_button.press(now_s=1.0 + 2 * BUTTON_S - 0.01)
    assert sequence.stop_button.press(now_s=1.0 + 2 * BUTTON_S)


def test_a_reset_keeps_the_start_and_nothing_else():
    sequence = Sequence()
    sequence.set(SequenceControl(
        start_charge_authorisation=1, ccs_authorisation_done=1, charge_parameters_done=1))
    sequence.stop_button.press(now_s=1.0)
    sequence.reset()
    assert sequence.word == SequenceControl(start_charge_authorisation=1)
    assert sequence.is_due
    assert stop(sequence, 1.1) != PRESSED


def test_the_word_that_forbids_the_start_presses_nothing():
    sequence = Sequence()
    sequence.set(SequenceControl(
        start_charge_authorisation=1, chademo_start_button=1, user_stop_button=1,
        charge_parameters_done=1))
    assert sequence.start_forbidden == SequenceControl(charge_parameters_done=1)
