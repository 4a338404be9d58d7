# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Judging while it happens: a flood and a fault of its own end the judging, never the charge."""

import pytest

from gi3_ros.core.interface.codec import decode, encode, Received
from gi3_ros.core.interface.frame import Frame
from gi3_ros.core.interface.signals import AdvanticsControllerStatus, PowerModulesStatus
from gi3_ros.core.rules.judge import TICK_S
from gi3_ros.core.rules.live import LiveJudge, MOST_FRAMES_PER_S

STATUS = Received(1, AdvanticsControllerStatus())


class Bench:
    def __init__(self):
        self.reports, self.faults = [], []
        self.judge = LiveJudge(self.reports.append, self.faults.append)

    def hear(self, *decoded, now_s):
        for each in decoded:
            self.judge.take(each, now_s=now_s)


@pytest.fixture
def bench():
    return Bench()


def short_status():
    return decode(Frame(encode(AdvanticsControllerStatus(), index=1).can_id, b''))


def test_a_breach_is_reported_counted_and_kept(bench):
    bench.hear(short_status(), now_s=1.0)
    finding, = bench.reports
    assert bench.judge.last is finding
    assert bench.judge.counts == {f'{finding.rule} {finding.who}': 1}


def test_an_observation_is_counted_apart_and_is_no_last_breach(bench):
    for step in range(20):
        bench.hear(STATUS, Received(1, PowerModulesStatus()), now_s=1.0 + step / 10)
        bench.judge.tick(now_s=1.05 + step / 10)
    # Both silent, and both back.
    bench.hear(STATUS, Received(1, PowerModulesStatus()), now_s=5.0)
    assert [finding.is_observation for finding in bench.reports] == [True]
    assert bench.judge.counts == {'R1 nobody, observations': 1}
    assert bench.judge.last is None


def test_in_a_flood_nobody_is_judged_and_after_it_all_begins_anew(bench):
    bench.judge.tick(now_s=0.0)
    most = int(MOST_FRAMES_PER_S * TICK_S)
    bench.hear(*[STATUS] * most, now_s=0.01)
    assert not bench.judge.is_flooded
    bench.hear(STATUS, now_s=0.01)
    assert bench.judge.is_flooded
    bench.hear(short_status(), now_s=0.02)
    bench.judge.tick(now_s=TICK_S)
    assert bench.judge.is_flooded, 'this tenth was flooded, too'
    bench.judge.tick(now_s=2 * TICK_S)
    assert not bench.judge.is_flooded
    assert bench.reports == []
    bench.hear(short_status(), now_s=0.3)
    assert len(bench.reports) == 1


def test_a_long_time_without_a_tick_is_no_flood(bench):
    """A machine that stood still handles what has waited at once."""
    bench.judge.tick(now_s=0.0)
    bench.hear(*[STATUS] * MOST_FRAMES_PER_S, now_s=1.0)
    assert not bench.judge.is_flooded


def test_a_fault_of_our_own_ends_the_judging_and_nothing_else(bench):
    bench.hear(Received(1, object()), now_s=1.0)
    assert 'AttributeError' in bench.judge.fault
    assert len(bench.faults) == 1
    assert 'Traceback' in bench.faults[0]
    bench.hear(Received(1, object()), short_status(), now_s=1.1)
    bench.judge.tick(now_s=1.2)
    assert len(bench.faults) == 1
    assert bench.reports == []
