# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the parts of the controller share: the memory of a start, the emergency, the time."""

import pytest

from gi3_ros.sim.charge_session import Session
from gi3_ros.sim.config import ControllerConfig, Pistol
from gi3_ros.sim.situation import Origin, Situation, StartMemory
from gi3_ros.sim.stages import Stage, State
from gi3_ros.sim.vehicle import Vehicle


@pytest.fixture
def vehicle():
    return Vehicle()


@pytest.fixture
def situation(vehicle):
    return Situation(ControllerConfig(), vehicle)


def test_a_plug_in_is_remembered_until_a_session_or_unplugging(vehicle):
    start = StartMemory(vehicle)
    start.watch()
    assert not start.is_plug_in_remembered
    vehicle.plug_in()
    start.watch()
    start.watch()
    assert start.is_plug_in_remembered
    start.forget()
    start.watch()
    assert not start.is_plug_in_remembered
    start.ask_again()
    assert start.is_plug_in_remembered
    vehicle.unplug()
    start.watch()
    assert not start.is_plug_in_remembered


def test_nobody_asks_again_who_is_not_plugged_in(vehicle):
    start = StartMemory(vehicle)
    start.ask_again()
    assert not start.is_plug_in_remembered


def test_a_button_pressed_for_a_plug_that_was_out_meanwhile_is_forgotten(vehicle):
    start = StartMemory(vehicle)
    vehicle.plug_in()
    start.watch()
    start.is_button_remembered = True
    vehicle.unplug()
    vehicle.plug_in()
    start.watch()
    assert start.is_plug_in_remembered
    assert not start.is_button_remembered


def test_a_button_pressed_just_before_the_plug_is_seen_counts(vehicle):
    start = StartMemory(vehicle)
    start.watch()
    vehicle.plug_in()
    start.is_button_remembered = True
    start.watch()
    assert start.is_button_remembered


def test_the_first_cause_of_an_emergency_is_the_one_that_is_told(situation):
    situation.raise_emergency('first', Origin.EVSE, now_s=1.0)
    situation.raise_emergency('second', Origin.PEV, now_s=2.0)
    assert situation.emergency.is_in_force
    assert (situation.emergency.origin, situation.emergency.cause) == (Origin.EVSE, 'first')
    assert [note.time_s for note in situation.notes] == [1.0]


def test_time_in_a_stage_begins_with_the_first_tick_and_with_each_stage(situation):
    situation.begin(now_s=100.0)
    situation.begin(now_s=101.0)
    assert situation.in_stage_for(102.0) == pytest.approx(2.0, abs=1e-5)
    situation.enter(Stage.WAITING_FOR_PEV, now_s=102.0)
    situation.begin(now_s=103.0)
    assert situation.in_stage_for(102.5) == pytest.approx(0.5, abs=1e-5)


def test_only_what_was_allowed_in_this_session_is_withdrawn(situation):
    assert not situation.is_withdrawn
    situation.session = Session(0.0)
    assert not situation.is_withdrawn
    situation.session.was_enabled = True
    assert situation.is_withdrawn


@pytest.mark.parametrize(('order', 'needs_authorisation', 'states'), [
    ('before', False, [State.CONNECTED_WITH_FULL_INFO, State.INSULATION_TEST]),
    ('after', False, [State.NEGOTIATING_CONNECTION, State.CONNECTED_WITH_FULL_INFO]),
    ('after', True, [State.CCS_AUTHORISATION_PROCESS, State.CONNECTED_WITH_FULL_INFO])])
def test_a_state_is_reported_before_or_after_its_wait(order, needs_authorisation, states):
    """A4."""
    situation = Situation(
        ControllerConfig(state_order=order, free_service=not needs_authorisation), Vehicle())
    reported = []
    for stage in (Stage.FULL_INFO, Stage.NOT_READY):
        situation.enter(stage, now_s=0.0)
        reported.append(situation.state)
    assert reported == states


@pytest.mark.parametrize(('pistol', 'volts'), [(Pistol.CCS, 20.0), (Pistol.CHADEMO, 10.0)])
def test_chademo_wants_a_lower_voltage_before_the_end(pistol, volts):
    """R15, R18."""
    assert Situation(ControllerConfig(pistol=pistol), Vehicle()).low_voltage_v == volts
