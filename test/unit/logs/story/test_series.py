# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Lines and lanes of a chart: bounded, and every extreme value survives."""

import itertools
import math

from amount import many
from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from gi3_ros.logs.story.lanes import Lane
from gi3_ros.logs.story.series import Focus, Series

values = st.one_of(
    st.floats(-1e6, 1e6), st.sampled_from([0.0, 1.0, 2.0, math.nan]), st.none())
steps = st.one_of(st.floats(0.0, 3.0), st.sampled_from([0.1, 0.1, 0.1, 30.0]))


@settings(max_examples=many(300), deadline=None)
@given(data=st.lists(st.tuples(steps, values), max_size=400))
def test_extreme_values_and_their_times_survive_and_gaps_stay_gaps(data):
    series = Series(1.0, buckets=6)
    time_s, raw = 0.0, []
    for step_s, value in data:
        time_s += step_s
        series.add(time_s, value)
        raw.append((time_s, None if value is None or math.isnan(value) else value))
    assert series.stored <= 6 * 7 + 65
    times, kept = series.points()
    points = list(zip(times, kept, strict=True))
    present = [(value, when_s) for when_s, value in raw if value is not None]
    shown = [(value, when_s) for when_s, value in points if value is not None]
    assert bool(present) == bool(shown)
    if not present:
        return
    for choose in (min, max):
        extreme = choose(value for value, _ in present)
        first_s = min(when_s for value, when_s in present if value == extreme)
        assert (extreme, first_s) in shown
    assert set(shown) <= set(present)
    assert shown[0][1] == present[0][1]
    assert shown[-1][1] == present[-1][1]
    # No line leads across a time in which there was nothing.
    holes = [(one[0], other[0]) for one, other in itertools.pairwise(raw)
             if other[0] - one[0] > 1.0 or one[1] is None or other[1] is None]
    lines = [(one[0], other[0]) for one, other in itertools.pairwise(points)
             if one[1] is not None and other[1] is not None]
    for begin_s, end_s in lines:
        assert not any(begin_s <= first_s and last_s <= end_s and first_s < last_s
                       for first_s, last_s in holes)


windows = st.lists(st.tuples(st.floats(0.0, 900.0), st.floats(0.0, 60.0)), max_size=4)


@settings(max_examples=many(200), deadline=None)
@given(data=st.lists(st.tuples(st.floats(0.0, 9.0), st.integers(0, 5)), max_size=400),
       windows=windows)
def test_nothing_in_the_focus_is_left_out_and_what_is_left_out_is_counted(data, windows):
    focus = Focus()
    for begin_s, length_s in sorted(windows):
        focus.keep(begin_s, begin_s + length_s)
    series = Series(focus=focus, buckets=4)
    time_s, present = 0.0, []
    for place, (step_s, value) in enumerate(data):
        time_s += step_s + 0.001
        # No value twice in a row: what stays the same is folded.
        present.append((time_s, value + 10 * (place % 2)))
        series.add(*present[-1])
    times, kept, left_out, _ = series.drawn()
    shown = list(zip(times, kept, strict=True))
    assert set(shown) <= set(present)
    assert shown == sorted(shown)
    assert {each for each in present if any(
        begin_s <= each[0] <= begin_s + length_s for begin_s, length_s in windows)} <= set(shown)
    assert len(shown) + sum(left_out) == len(present)


def test_a_focus_without_end_is_bounded_and_keeps_real_samples():
    focus = Focus([(0.0, math.inf)])
    series = Series(focus=focus, focused=600)
    present = set()
    for each in range(20_000):
        sample = each * 0.1, (each * 7919 % 1009) / 10
        present.add(sample)
        series.add(*sample)
    assert series.stored <= 600 + 300
    times, kept = series.points()
    assert set(zip(times, kept, strict=True)) <= present
    assert max(kept) == max(value for _, value in present)


def test_windows_that_alternate_for_ever_are_bounded():
    focus = Focus()
    series = Series(focus=focus, buckets=50, focused=200)
    for each in range(30_000):
        focus.keep(each * 1.0, each * 1.0) if each % 2 else None
        series.add(each * 1.0, each % 7)
    assert series.stored <= 6 * 50 + 200 + 300


@settings(max_examples=many(100), deadline=None)
@given(data=st.lists(st.tuples(st.floats(-50.0, 50.0), st.floats(-9, 9)), max_size=500))
def test_a_clock_that_goes_to_and_fro_is_bounded_too(data):
    series = Series(buckets=6)
    for time_s, value in data:
        series.add(time_s, value)
    assert series.stored <= 6 * 7 + 65


def test_what_stays_the_same_takes_two_points():
    series = Series(1.0)
    for each in range(10000):
        series.add(each * 0.1, 5.0)
    assert series.points() == ([0.0, pytest.approx(999.9)], [5.0, 5.0])


def test_bars_of_phases_stay_when_others_have_to_go():
    lane = Lane(intervals=50, phases={'Precharge'})
    for each in range(1000):
        lane.see(each * 10.0, 'Charging')
        lane.see(each * 10.0 + 9.0, 'Standby')
        if each % 100 == 7:
            lane.see(each * 10.0 + 9.5, 'Precharge')
    labels = [label for _, _, label in lane.intervals()]
    assert labels.count('Precharge') == 10
    assert lane.merged > 1000


def test_a_lane_says_how_many_bars_it_left_out():
    lane = Lane(intervals=20)
    for each in range(1000):
        lane.see(each * 10.0, 'long')
        lane.see(each * 10.0 + 9.9, 'short')
    bars = lane.intervals()
    assert len(bars) <= 41
    assert lane.merged > 900
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(bars))
