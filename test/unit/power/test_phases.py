# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The table of phases: each row with the whole charger around it, and what cannot be a row."""

import ast
import itertools
import pathlib

from power_bench import Bench, COMMANDS, WAY_TO
import pytest

from gi3_ros.core.command import Request
from gi3_ros.core.power import phases
from gi3_ros.core.power.phases import (
    BEFORE,
    FLOATING,
    Happening,
    Lowering,
    moment_of_lowering,
    Phase,
    PhaseMachine,
    POWERED,
    readiness,
    ROWS,
    SESSION,
    STARTS,
    STOPS,
    TRANSITIONS,
)


@pytest.mark.parametrize(
    'phase, event, target', [(*row, target) for row, target in TRANSITIONS.items()],
    ids=lambda value: value.name)
def test_each_row_of_the_table(phase, event, target):
    bench = Bench().lead_to(phase)
    bench.happen(event)
    assert bench.power.phase is target


@pytest.mark.parametrize(
    'phase, event', [
        (phase, event)
        for phase, event in itertools.product(WAY_TO, [*COMMANDS, *Happening])
        # Of the others, each is a fault, or there is nothing that would make it happen.
        if (phase, event) not in TRANSITIONS and event not in (
            Happening.READY, Happening.READY_OFF, Happening.ANNOUNCED_AGAIN,
            Happening.CONTROLLER_LOST)
    ], ids=lambda value: value.name)
def test_what_the_table_does_not_hold_does_not_happen(phase, event):
    bench = Bench().lead_to(phase)
    bench.power.journal.drain()
    if event is Happening.RESET:
        with pytest.raises(ValueError, match='no fault is latched'):
            bench.happen(event)
    else:
        bench.happen(event)
    if phase in POWERED and event is Happening.CONTROLLER_IDLE:
        phase = Phase.FAULT
    assert bench.power.phase is phase
    if event in COMMANDS and phase is not Phase.FAULT:
        assert f'{event.value} commanded in {phase.name}' in bench.texts()


def test_a_function_never_starts_out_of_off_or_out_of_another_function():
    starts = {Request.INSULATION_TEST, Request.PRECHARGE, Request.POWER_TRANSFER}
    for (phase, event), target in TRANSITIONS.items():
        if event in starts:
            assert phase in (Phase.STANDBY, Phase.LOWERING_AFTER_TEST) or phase is target


def test_every_phase_has_a_way_into_fault_and_only_reset_leads_out():
    assert all(TRANSITIONS[phase, Happening.FAULT] is Phase.FAULT for phase in Phase)
    ways_out = {event for (phase, event), target in TRANSITIONS.items()
                if phase is Phase.FAULT and target is not Phase.FAULT}
    assert ways_out == {Happening.RESET}


def test_every_phase_is_before_a_session_in_it_or_a_fault():
    assert sorted([*BEFORE, *FLOATING, *POWERED, Phase.FAULT]) == list(Phase)


def test_no_row_hides_another():
    assert sum(len(row.sources) for row in ROWS) == len(TRANSITIONS)


@pytest.mark.parametrize('phase', sorted(SESSION))
def test_a_stop_is_obeyed_in_every_phase_of_a_session(phase):
    for stop in STOPS:
        assert TRANSITIONS[phase, stop] in FLOATING


@pytest.mark.parametrize('phase', sorted(SESSION))
def test_the_end_of_a_session_leaves_no_power_on(phase):
    target = Phase.STANDBY if phase in POWERED else phase
    assert TRANSITIONS[phase, Happening.FINISHED] is target


def test_only_a_function_that_is_commanded_leads_to_power():
    assert {event for (phase, event), target in TRANSITIONS.items()
            if target in POWERED and phase is not target} == STARTS


def test_only_the_machine_sets_a_phase():
    found = set()
    for path in pathlib.Path(phases.__file__).parent.glob('*.py'):
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            if isinstance(node, ast.Attribute) and node.attr == 'phase' and isinstance(
                    node.ctx, ast.Store):
                found.add(path.name)
    assert found == {'phases.py'}


# The machine by itself


def machine_in(phase):
    machine = PhaseMachine()
    machine.phase = phase
    return machine


@pytest.mark.parametrize('phase', Phase)
def test_the_machine_follows_the_table_and_nothing_else(phase):
    for event in (*Request, *Lowering, *Happening):
        machine = machine_in(phase)
        target = TRANSITIONS.get((phase, event))
        assert machine.has_row(event) is (target is not None)
        assert machine.happen(event) is (target is not None)
        assert machine.phase is (phase if target is None else target)


def test_it_begins_idle_and_the_modules_are_enabled_in_a_session_only():
    """R6, R7."""
    assert PhaseMachine().phase is Phase.IDLE
    assert {phase for phase in Phase if machine_in(phase).is_enabled} == FLOATING | POWERED
    assert {phase for phase in Phase if machine_in(phase).is_powered} == POWERED


@pytest.mark.parametrize('phase, event, is_start', [
    (Phase.STANDBY, Request.PRECHARGE, True), (Phase.PRECHARGE, Request.PRECHARGE, False),
    (Phase.STANDBY, Request.OFF, False), (Phase.WAKING, Happening.READY, False),
])
def test_a_function_that_goes_on_does_not_start(phase, event, is_start):
    assert machine_in(phase).starts(event) is is_start


@pytest.mark.parametrize('is_closing, is_battery_possible, moment', [
    (False, False, Lowering.AFTER_TEST), (False, True, Lowering.AT_END),
    (True, False, Lowering.ON_CLOSING), (True, True, Lowering.ON_CLOSING),
])
def test_the_battery_and_the_closing_tell_the_three_lowerings_apart(
        is_closing, is_battery_possible, moment):
    """R16."""
    assert moment_of_lowering(
        is_closing=is_closing, is_battery_possible=is_battery_possible) is moment


@pytest.mark.parametrize('phase, is_finished, event, begins', [
    (Phase.IDLE, False, Happening.ANNOUNCED, True),
    (Phase.IDLE, True, Happening.ANNOUNCED, True),
    (Phase.STANDBY, False, Happening.ANNOUNCED, False),
    (Phase.STANDBY, True, Happening.ANNOUNCED_AGAIN, True),
])
def test_an_announcement_is_of_the_next_session_only_after_the_end_of_this_one(
        phase, is_finished, event, begins):
    machine = machine_in(phase)
    assert machine.announcement(is_finished=is_finished) is event
    assert machine.begins_session(event) is begins


def test_off_while_the_modules_woke_is_not_forgotten():
    """A27."""
    assert readiness(is_off_commanded=True) is Happening.READY_OFF
    assert readiness(is_off_commanded=False) is Happening.READY


@pytest.mark.parametrize('phase, is_finished, event', [
    (Phase.WAKING, False, Happening.CONTROLLER_LOST),
    (Phase.STANDBY, False, Happening.FAULT), (Phase.POWER_TRANSFER, False, Happening.FAULT),
    (Phase.WAKING, True, Happening.CONTROLLER_IDLE),
    (Phase.STANDBY, True, Happening.CONTROLLER_IDLE),
])
def test_what_forbids_power_is_a_fault_unless_nothing_was_permitted_or_all_is_over(
        phase, is_finished, event):
    assert machine_in(phase).when_power_is_forbidden(is_finished=is_finished) is event


@pytest.mark.parametrize('phase', Phase)
def test_a_controller_without_a_session_is_a_fault_while_power_is_on(phase):
    event = Happening.FAULT if phase in POWERED else Happening.CONTROLLER_IDLE
    assert machine_in(phase).when_controller_is_idle() is event
