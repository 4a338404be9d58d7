# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Ramps and leases: slopes, priorities, ends."""

import itertools

from hypothesis import given
from hypothesis import strategies as st
import pytest

from gi3_ros.core.power.setpoint import Leases, Priority, Ramp

amps = st.floats(-500, 500)
moves = st.lists(st.tuples(amps, st.floats(0.001, 2.0)), min_size=1, max_size=30)


@given(moves, st.floats(1, 1000), st.floats(1, 1000))
def test_a_ramp_never_moves_faster_than_its_slopes_and_never_overshoots(targets, up, down):
    ramp = Ramp(up, down)
    now_s = 0.0
    ramp.move(0.0, now_s=now_s)
    for target, dt_s in targets:
        before = ramp.value
        now_s += dt_s
        after = ramp.move(target, now_s=now_s)
        assert abs(after - before) <= max(up, down) * dt_s * (1 + 1e-9) + 1e-9
        if abs(after) > abs(before) and after * before >= 0:
            assert abs(after - before) <= up * dt_s * (1 + 1e-9) + 1e-9
        assert min(before, target) - 1e-9 <= after <= max(before, target) + 1e-9


@given(amps, amps, st.floats(1, 1000), st.floats(1, 1000))
def test_a_ramp_arrives(start, target, up, down):
    ramp = Ramp(up, down)
    ramp.reset(start)
    ramp.move(target, now_s=0.0)
    assert ramp.move(target, now_s=1e4) == target


def test_a_ramp_takes_the_slope_of_each_side_through_zero():
    ramp = Ramp(up_per_s=100.0, down_per_s=400.0)
    ramp.reset(40.0)
    ramp.move(-40.0, now_s=0.0)
    assert ramp.move(-40.0, now_s=0.1) == 0.0
    assert ramp.move(-40.0, now_s=0.3) == pytest.approx(-20.0)


def test_a_clock_that_goes_back_moves_nothing():
    ramp = Ramp(100.0, 100.0)
    ramp.move(50.0, now_s=10.0)
    assert ramp.move(50.0, now_s=9.0) == 0.0


def granted(*wishes):
    leases = Leases()
    for priority, amperes, duration_s in wishes:
        leases.grant(
            amperes, duration_s=duration_s, priority=priority, source=priority.name, now_s=0.0)
    return leases


@pytest.mark.parametrize('order', list(itertools.permutations(
    [(Priority.FLEET, 10.0, 60.0), (Priority.OPERATOR, 20.0, 30.0)])))
def test_the_operator_wins_until_his_lease_ends(order):
    leases = granted(*order)
    assert leases.in_force(now_s=29.99).current_a == 20.0
    assert leases.in_force(now_s=30.0).current_a == 10.0
    assert leases.in_force(now_s=60.0) is None


def test_a_lease_can_be_given_back_and_renewed():
    leases = granted((Priority.FLEET, 10.0, 60.0))
    leases.grant(0.0, duration_s=0.0, priority=Priority.FLEET, source='', now_s=1.0)
    assert leases.in_force(now_s=1.0) is None
    leases.grant(5.0, duration_s=1.0, priority=Priority.FLEET, source='depot', now_s=2.0)
    leases.grant(6.0, duration_s=9.0, priority=Priority.FLEET, source='depot', now_s=2.5)
    assert leases.in_force(now_s=4.0).current_a == 6.0
