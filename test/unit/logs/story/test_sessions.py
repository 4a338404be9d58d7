# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The parts of a story: the command in force, what is left at the output, the story's clock."""

import pytest

from gi3_ros.core.interface.signals import (
    DcPowerControl,
    EmergencyStop,
    PowerModulesStatus,
    SequenceControl,
)
from gi3_ros.logs.story.clock import AHEAD, Step, StoryClock
from gi3_ros.logs.story.command import CommandInForce
from gi3_ros.logs.story.session import LeftVoltage, Measured, Session
from gi3_ros.logs.story.sessions import KEPT, Sessions

Function = DcPowerControl.PowerFunction
SECOND_NS = 1_000_000_000


def command(function, volts=0.0):
    return DcPowerControl(target_voltage=volts, power_function=function)


def measured(time_s, volts, amperes, **fields):
    return Measured(
        PowerModulesStatus(present_voltage=volts, present_current=amperes, **fields), time_s,
        volts * amperes)


# The command in force

def test_a_repeated_command_is_no_new_one():
    force = CommandInForce()
    assert force.see(command(Function.PRECHARGE, 400.0), 1.0)
    assert not force.see(command(Function.PRECHARGE, 400.0), 2.0)
    assert force.repeated_s == 2.0
    assert force.see(command(Function.STANDBY), 3.0)


@pytest.mark.parametrize(('function', 'is_insulated', 'insulated_v', 'test_v'), [
    (Function.OFF, False, 0.0, 0.0),
    (Function.STANDBY, False, 0.0, 0.0),
    (Function.INSULATION_TEST, True, 500.0, 500.0),
    (Function.PRECHARGE, True, 500.0, 0.0),
    # What flows is measured: the target is only where the charging would end.
    (Function.POWER_TRANSFER, True, 0.0, 0.0),
])
def test_a_command_says_what_has_to_be_insulated(function, is_insulated, insulated_v, test_v):
    force = CommandInForce()
    force.see(command(Function.INSULATION_TEST, 900.0), 0.0)
    force.see(command(function, 500.0), 1.0)
    assert (force.is_insulated, force.insulated_v, force.test_v) == (
        is_insulated, insulated_v, test_v)


def test_a_forgotten_command_is_new_when_it_comes_again():
    force = CommandInForce()
    force.see(command(Function.INSULATION_TEST, 500.0), 0.0)
    force.forget()
    assert (force.message, force.is_insulated, force.test_v) == (None, False, 0.0)
    assert force.see(command(Function.INSULATION_TEST, 500.0), 1.0)


# What is left at the output

def test_the_higher_voltage_of_both_sides_is_what_is_left():
    left = LeftVoltage()
    left.see(1.0, output_v=80.0)
    left.see(1.1, pistol_v=400.0)
    left.see(1.2, output_v=70.0)
    assert (left.volts, left.seen_s) == (400.0, 1.2)


@pytest.mark.parametrize(('volts_per_s', 'is_falling'), [(10.0, False), (30.0, True)])
def test_a_voltage_that_falls_by_a_twentieth_in_a_second_is_falling(volts_per_s, is_falling):
    left = LeftVoltage()
    assert not left.is_falling
    for tenth in range(31):
        left.see(tenth / 10, output_v=400.0 - volts_per_s * tenth / 10)
    assert left.is_falling is is_falling


# A session

def test_a_session_is_open_until_it_ends():
    session = Session(1.0, True)
    assert session.is_open
    session.end_s = 5.0
    assert not session.is_open
    assert session.duration_s == 4.0


def test_a_withdrawal_is_the_step_from_allowed_to_not_allowed():
    session, force = Session(0.0, True), CommandInForce()
    statuses = [measured(0.1 * step, 0.0, 0.0, system_enable=enable)
                for step, enable in enumerate((0, 1, 1, 0, 0))]
    for before, now in zip([None, *statuses], statuses, strict=False):
        session.measure(now, before, force)
    assert session.was_allowed
    assert session.withdrawals == [pytest.approx(0.3)]


def test_what_is_said_outside_of_a_session_belongs_to_none():
    sessions = Sessions()
    sessions.see_sequence(SequenceControl(user_stop_button=1), 1.0)
    sessions.end(2.0, 'nothing was open')
    sessions.cut(3.0, 'nothing was open')
    assert (sessions.kept, sessions.stops, sum(sessions.endings.values())) == ([], [1.0], 0)


def test_an_emergency_is_repeated_and_counted_once_while_it_lasts():
    sessions = Sessions()
    session = sessions.begin(0.0, is_begin_known=True)
    origin = EmergencyStop.Origin.PEV.name
    assert [sessions.see_emergency(origin, time_s) for time_s in (1.0, 1.1, 1.9, 3.0)] == [
        True, False, False, True]
    assert sessions.emergencies == [(origin, 1.0), (origin, 3.0)]
    assert session.emergency == (origin, 1.0)


def test_sessions_beyond_those_that_are_kept_are_counted():
    sessions = Sessions()
    for each in range(KEPT + 3):
        sessions.begin(each, is_begin_known=True)
        sessions.end(each + 0.5, 'Clean_Stop', 'Clean_Stop')
    assert (len(sessions.kept), sessions.more) == (KEPT, 3)
    assert sessions.endings == {'Clean_Stop': KEPT + 3}


# The clock of a story

def clocked(*stamps_s):
    """Return the times of a story, and the steps of its clock."""
    steps = []
    clock = StoryClock(steps.append)
    return [clock.take(round(each * SECOND_NS)) for each in stamps_s], steps, clock


def test_time_counts_from_the_first_entry():
    times, steps, clock = clocked(100.0, 101.0, 100.5, 103.0)
    assert (times, steps) == ([0.0, 1.0, 0.5, 3.0], [])
    assert (clock.first_ns, clock.length_s) == (100 * SECOND_NS, 3.0)
    assert clock.since_first_s(102 * SECOND_NS) == 2.0


def test_time_goes_on_where_the_clock_was_set_back():
    times, steps, clock = clocked(100.0, 110.0, 50.0, 52.0)
    assert (times, steps) == ([0.0, 10.0, 10.0, 12.0], [Step(10.0, 60.0)])
    assert clock.since_first_s(52 * SECOND_NS) == 12.0


@pytest.mark.parametrize(('ahead', 'is_step'), [(AHEAD, False), (AHEAD + 1, True)])
def test_some_stamps_that_were_ahead_are_no_step_back(ahead, is_step):
    _, steps, _ = clocked(100.0, *(500.0 + each / 100 for each in range(ahead)), 100.1)
    assert bool(steps) is is_step
