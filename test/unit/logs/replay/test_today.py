# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a replay remembers of the last seconds, and what it remarks."""

from hypothesis import given
from hypothesis import strategies as st
import pytest

from gi3_ros.core.power.phases import Phase
from gi3_ros.logs.replay.comparison import Comparison
from gi3_ros.logs.replay.parameters import Parameters
from gi3_ros.logs.replay.today import LeastLately, PAUSE_S, Remarks, Today

LENGTH_S = 2.0


@given(st.lists(st.tuples(st.integers(0, 10), st.integers(-5, 5)), min_size=1))
def test_the_least_is_that_of_the_last_seconds_and_of_no_others(steps):
    least, seen, now_s = LeastLately(LENGTH_S), [], 0.0
    for step, value in steps:
        now_s += step / 8
        seen.append((now_s, value))
        assert least.with_also(value, now_s) == min(
            each for time_s, each in seen if time_s >= now_s - LENGTH_S)


def test_a_remark_stands_once_whatever_was_measured():
    remarks = Remarks()
    for text in ('5.0 s old', '6.25 s old', 'not used'):
        remarks.add(text)
    assert remarks.texts == ['5.0 s old', 'not used']


def today():
    comparison = Comparison()
    return Today(Parameters(), comparison, Remarks(), has_contacts=False)


def test_time_never_goes_back():
    decisions = today()
    assert [decisions.advance(time_s) for time_s in (1.0, 0.5, 2.0)] == [1.0, 1.0, 2.0]


def test_hours_without_an_entry_are_not_ticked_through():
    decisions, ticks = today(), []
    tick = decisions.power.tick
    decisions.power.tick = lambda *, now_s: ticks.append(now_s) or tick(now_s=now_s)
    decisions.advance(3600.0)
    assert len(ticks) == pytest.approx(PAUSE_S * 100, abs=5)
    assert decisions.decision.phase is Phase.IDLE


def test_a_restart_of_power_control_forgets_what_was_latched():
    decisions = today()
    decisions.advance(0.1)
    decisions.power.emergency_stop('test', now_s=0.1)
    decisions.tick_power(0.1)
    assert decisions.power.phase is Phase.FAULT
    assert [each.part for each in decisions.faults] == ['power_control']
    decisions.restart_power()
    assert decisions.power.phase is Phase.IDLE
