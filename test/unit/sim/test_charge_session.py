# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the controller knows of one session."""

import math

import pytest

from gi3_ros.core.interface.signals import ChargeSessionFinished, PowerModulesStatus
from gi3_ros.sim.charge_session import InsulationTest, INTEGRATE_S, Session

State = ChargeSessionFinished.State
ALLOWED = PowerModulesStatus.SystemEnable.ALLOWED


def status(volts=0.0, amps=0.0, **fields):
    return PowerModulesStatus(present_voltage=volts, present_current=amps, **fields)


def test_energy_that_is_told_is_the_mean_between_two_words():
    session = Session(0.0)
    session.hear_status(status(400.0, 0.0), status(400.0, 90.0), 0.5)
    assert session.told_wh == pytest.approx(400.0 * 45.0 * 0.5 / 3600.0)
    session.hear_status(status(400.0, -90.0), status(400.0, -90.0), 0.25)
    assert session.told_wh == pytest.approx(0.0)


@pytest.mark.parametrize(('gap_s', 'is_counted'), [
    (INTEGRATE_S, True), (INTEGRATE_S + 0.01, False), (math.inf, False)])
def test_no_energy_is_counted_across_a_silence(gap_s, is_counted):
    session = Session(0.0)
    session.hear_status(status(400.0, 10.0), status(400.0, 10.0), gap_s)
    assert (session.told_wh > 0.0) is is_counted
    assert session.heard_status


def test_once_enabled_is_enabled_in_this_session():
    session = Session(0.0)
    session.hear_status(status(), status(), 0.1)
    assert not session.was_enabled
    session.hear_status(status(), status(system_enable=ALLOWED), 0.1)
    session.hear_status(status(), status(), 0.1)
    assert session.was_enabled


def test_good_values_count_in_a_row_and_the_lowest_of_them_is_kept():
    test = InsulationTest()
    for ohm in (90e3, 70e3, 40e3, 80e3):
        test.take(ohm, needed_ohm=50e3)
    assert (test.good_iterations, test.lowest_ohm) == (1, 70e3)


def test_outcome_is_that_of_this_session_alone():
    session = Session(10.0, charged_before_wh=100.0, discharged_before_wh=7.0)
    session.reason, session.finished_s = 'regular stop', 30.0
    assert session.is_finished
    outcome = session.outcome(State.CLEAN_STOP, charged_wh=150.0, discharged_wh=12.0)
    assert outcome.is_clean
    assert (outcome.duration_s, outcome.energy_charged_wh, outcome.energy_discharged_wh) == (
        20.0, 50.0, 5.0)
    assert outcome.energy_wh == 45.0
    assert math.isnan(outcome.insulation_resistance_ohm), 'there was no test'


def test_what_needs_an_agreement_does_not_go_on_without():
    with pytest.raises(RuntimeError, match='agreed'):
        assert Session(0.0).agreed
