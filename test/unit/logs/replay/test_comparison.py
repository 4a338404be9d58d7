# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Then against now: what is a tick of the clock, and what is a difference."""

from amount import many
from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from gi3_ros.core.hardware import ModulesMode, PowerSetpoint
from gi3_ros.logs.replay.comparison import Comparison, SLACK_S, STEP_S

STEPS = 400


def compare(then, now, *, fault_then='', fault_now='', until_s=STEPS * STEP_S):
    """Compare two courses of (phase, current), each a function of the time."""
    comparison = Comparison()
    step = 0
    while (now_s := step * STEP_S) < until_s:
        phase, current_a = then(now_s)
        comparison.was('phase', phase, now_s=now_s)
        comparison.was('current', current_a, now_s=now_s)
        comparison.was('fault', fault_then, now_s=now_s)
        phase, current_a = now(now_s)
        comparison.is_power(
            phase, True, fault_now, PowerSetpoint(ModulesMode.REGULATE, 400.0, current_a),
            abs(current_a), f'says {phase}')
        comparison.step(now_s=now_s)
        step += 1
    comparison.pause(now_s=until_s)
    return comparison


def stairs(changes):
    """Return a course that takes the values of ``(time, phase, current)`` one after another."""
    def at(time_s):
        value = ('IDLE', 0.0)
        for change_s, *rest in changes:
            if time_s >= change_s:
                value = tuple(rest)
        return value
    return at


COURSES = st.lists(
    st.tuples(st.floats(0.5, 6.0), st.sampled_from(['STANDBY', 'OFF', 'FAULT']),
              st.floats(-100.0, 100.0)),
    max_size=6).map(sorted)


@settings(max_examples=many(40), deadline=None)
@given(COURSES, st.floats(-0.13, 0.13))
def test_a_course_that_is_a_little_earlier_or_later_is_the_same(changes, shift_s):
    then = stairs(changes)
    assert not compare(then, lambda time_s: then(time_s - shift_s)).differences


def test_a_ramp_that_is_a_tick_behind_is_the_same():
    def ramp(time_s):
        return 'POWER_TRANSFER', min(100.0, max(0.0, 100.0 * (time_s - 1.0)))
    assert not compare(ramp, lambda time_s: ramp(time_s - 0.05)).differences
    difference, = compare(ramp, lambda time_s: ramp(time_s - 0.5)).differences
    assert difference.field.name == 'current'
    assert difference.begin_s == pytest.approx(1.0 + SLACK_S, abs=0.06)
    assert difference.end_s == pytest.approx(2.5, abs=0.06)
    assert difference.then - difference.now == pytest.approx(50.0, abs=3.0)


def test_a_change_that_comes_late_is_a_difference_until_it_comes():
    then = stairs([(1.0, 'STANDBY', 0.0)])
    now = stairs([(2.0, 'STANDBY', 0.0)])
    comparison = compare(then, now)
    difference, = comparison.differences
    assert (difference.field.name, difference.then, difference.now) == ('phase', 'STANDBY', 'IDLE')
    assert difference.reason == 'says IDLE'
    assert difference.begin_s == pytest.approx(1.0 + SLACK_S, abs=0.03)
    assert difference.end_s == pytest.approx(2.0, abs=0.03)
    assert [(row.then, row.now) for row in comparison.phases] == [
        ('IDLE', 'IDLE'), ('STANDBY', 'IDLE'), ('STANDBY', 'STANDBY')]


def test_a_phase_of_today_that_is_shorter_than_the_slack_is_none():
    then = stairs([(1.0, 'STANDBY', 0.0)])
    now = stairs([(1.0, 'OFF', 0.0), (1.1, 'STANDBY', 0.0)])
    comparison = compare(then, now)
    assert not comparison.differences
    assert [row.now for row in comparison.phases] == ['IDLE', 'STANDBY']


@pytest.mark.parametrize('apart_a, is_same', [(0.09, True), (0.11, False)])
def test_numbers_have_a_tolerance(apart_a, is_same):
    comparison = compare(lambda _: ('IDLE', 50.0), lambda _: ('IDLE', 50.0 + apart_a))
    assert (not comparison.differences) is is_same


def test_differences_that_are_close_are_one():
    then = stairs([])
    now = stairs([(1.0, 'OFF', 0.0), (2.0, 'IDLE', 0.0), (2.2, 'OFF', 0.0), (3.0, 'IDLE', 0.0),
                  (4.0, 'OFF', 0.0), (5.0, 'IDLE', 0.0)])
    first, second = compare(then, now).differences
    assert (first.begin_s, first.end_s) == pytest.approx((1.0, 3.0), abs=0.03)
    assert (second.begin_s, second.end_s) == pytest.approx((4.0, 5.0), abs=0.03)


def test_faults_with_other_numbers_are_the_same():
    def course(_time_s):
        return 'FAULT', 0.0
    same = compare(
        course, course, fault_then='silent for 200 ms (R1)', fault_now='silent for 210 ms (R1)')
    # The number of the rule is one, too: the words tell them apart.
    assert not same.differences
    other = compare(course, course, fault_then='silent for 200 ms', fault_now='over-voltage')
    assert [each.field.name for each in other.differences] == ['fault']


def test_what_is_not_known_of_then_is_no_difference_and_not_compared():
    comparison = Comparison()
    for step in range(STEPS):
        now_s = step * STEP_S
        if now_s < 2.0:
            comparison.was('phase', 'IDLE', now_s=now_s)
        comparison.is_power(
            'IDLE' if now_s < 4.0 else 'FAULT', True, '', PowerSetpoint(), 0.0, '')
        comparison.step(now_s=now_s)
    assert not comparison.differences
    # The last word holds for a second.
    assert comparison.compared_s == pytest.approx(3.0, abs=0.05)


def test_a_difference_that_lasts_ends_with_the_log():
    difference, = compare(
        stairs([]), stairs([(1.0, 'OFF', 0.0)]), until_s=3.0).differences
    assert (difference.begin_s, difference.end_s) == pytest.approx((1.0, 3.0), abs=0.03)


@pytest.mark.parametrize('measured_a, permitted_a, is_same', [
    (0.0, 100.0, True), (100.0, 100.0, True), (107.0, 100.0, True), (109.0, 100.0, False),
    (-50.0, 0.0, False), (2.9, 0.0, True), (3.2, 0.0, False),
])
def test_what_flows_may_be_less_than_permitted_but_not_more(measured_a, permitted_a, is_same):
    comparison = Comparison()
    for step in range(60):
        comparison.was('flowing current', measured_a, now_s=step * STEP_S)
        comparison.is_power('IDLE', True, '', PowerSetpoint(), permitted_a, '')
        comparison.step(now_s=step * STEP_S)
    assert (not comparison.differences) is is_same
