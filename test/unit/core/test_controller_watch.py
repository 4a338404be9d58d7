# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How long the controller may be silent, and what its words mean together."""

import pytest

from gi3_ros.core.controller_watch import ControllerWatch, IDLE_STATES, State


def heard(*states):
    watch = ControllerWatch()
    for number, state in enumerate(states):
        watch.see_status(state, now_s=10.0 + 0.1 * number)
    return watch


def test_before_the_first_word_it_is_not_alive_and_has_no_emergency():
    watch = ControllerWatch()
    assert not watch.is_alive(now_s=0.0)
    assert not watch.has_emergency(now_s=0.0)
    assert 'controller silent' in watch.forbids(now_s=0.0)


@pytest.mark.parametrize('age_s, is_alive', [(0.199, True), (0.2001, False)])
def test_alive_for_less_than_200_ms(age_s, is_alive):
    """R1."""
    watch = heard(State.CHARGING)
    assert watch.is_alive(now_s=10.0 + age_s) is is_alive
    assert (watch.forbids(now_s=10.0 + age_s) == '') is is_alive


@pytest.mark.parametrize('age_s, is_in_force', [(0.999, True), (1.0, False)])
def test_an_emergency_is_in_force_for_a_second(age_s, is_in_force):
    """R38."""
    watch = ControllerWatch()
    watch.see_emergency(now_s=10.0)
    watch.see_status(State.CHARGING, now_s=10.0 + age_s)
    assert watch.has_emergency(now_s=10.0 + age_s) is is_in_force
    assert ('in force' in watch.forbids(now_s=10.0 + age_s)) is is_in_force


@pytest.mark.parametrize('states, is_idle', [
    ((State.WAITING_FOR_PEV,), False),
    ((State.WAITING_FOR_PEV, State.NOT_AVAILABLE), True),
    ((State.INITIALISING, State.CHARGING, State.INITIALISING), False),
    ((State.CHARGING, State.CHARGING), False),
    ((State.WAITING_FOR_PEV, State.NEGOTIATING_CONNECTION), True),
    ((State.NEGOTIATING_CONNECTION, State.CONNECTED_WITH_FULL_INFO), False),
    ((13, 13), False),
])
def test_idle_is_what_two_in_a_row_say(states, is_idle):
    assert heard(*states).is_idle is is_idle


@pytest.mark.parametrize('states, is_idle', [
    (5 * (State.NEGOTIATING_CONNECTION,), False),
    # It crossed the announcement: for a moment it says nothing.
    ((State.WAITING_FOR_PEV, State.WAITING_FOR_PEV), False),
    (5 * (State.WAITING_FOR_PEV,), True),
    ((State.WAITING_FOR_PEV, *3 * (State.NEGOTIATING_CONNECTION,)), False),
    ((State.CONNECTED_WITH_FULL_INFO, *2 * (State.NEGOTIATING_CONNECTION,)), True),
    ((State.CLOSING_COMMUNICATION, State.WAITING_FOR_PEV, State.NEGOTIATING_CONNECTION), True),
])
def test_a_session_may_be_announced_before_the_state_says_it(states, is_idle):
    """A4: while it waits for Charge_Parameters_Done the state may still be the one before."""
    watch = heard(State.NEGOTIATING_CONNECTION, State.NEGOTIATING_CONNECTION)
    assert watch.is_idle
    watch.see_announcement(now_s=10.15)
    assert not watch.is_idle
    for number, state in enumerate(states):
        watch.see_status(state, now_s=10.2 + 0.1 * number)
    assert watch.is_idle is is_idle


def test_what_was_announced_ends_with_its_session_and_with_a_silent_controller():
    for end in ('finished', 'silent'):
        watch = heard(State.NEGOTIATING_CONNECTION)
        watch.see_announcement(now_s=10.1)
        if end == 'finished':
            watch.see_finished()
        for later_s in (0.15, 0.25) if end == 'finished' else (0.35, 0.45):
            watch.see_status(State.NEGOTIATING_CONNECTION, now_s=10.0 + later_s)
        assert watch.is_idle, end


def test_the_state_before_is_told_unless_it_was_silent():
    watch = heard(State.CHARGING)
    assert watch.see_status(State.ENDING_CHARGE, now_s=10.1) == State.CHARGING
    assert watch.since_s == 10.1
    assert watch.see_status(State.ENDING_CHARGE, now_s=10.2) == State.ENDING_CHARGE
    assert watch.since_s == 10.1
    assert watch.see_status(State.ENDING_CHARGE, now_s=10.5) is None
    assert watch.since_s == 10.5


def test_a_late_word_makes_it_no_older():
    watch = heard(State.CHARGING)
    watch.see_status(State.CHARGING, now_s=9.0)
    assert watch.is_alive(now_s=10.199)


def test_idle_states_are_those_without_a_session():
    assert {int(state) for state in IDLE_STATES} == {0, 1, 12}
