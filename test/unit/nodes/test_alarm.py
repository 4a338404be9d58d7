# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The alarm clock of a node: it rings in time, once, and not after its end."""

import math
import threading
import time

import pytest

from gi3_ros.nodes.alarm import Alarm

LONG_S = 3600.0


class Bell:
    """Counts how often it rings, and keeps when."""

    def __init__(self):
        self.rang_s = []
        self.next_s = []
        self.news = threading.Semaphore(0)
        self.alarm = Alarm(self._ring)

    def _ring(self):
        self.rang_s.append(time.monotonic())
        if self.next_s:
            self.alarm.set(self.next_s.pop(0))
        self.news.release()

    def wait(self):
        assert self.news.acquire(timeout=20.0), 'it does not ring'


@pytest.fixture
def bell():
    bell = Bell()
    bell.alarm.start('bell')
    yield bell
    bell.alarm.stop()


def test_rings_at_its_time_and_not_before(bell):
    due_s = time.monotonic() + 0.05
    bell.alarm.set(due_s)
    bell.wait()
    assert bell.rang_s[0] >= due_s


def test_rings_again_where_the_ring_says_so(bell):
    start_s = time.monotonic()
    bell.next_s = [start_s + 0.02 * number for number in range(2, 6)]
    bell.alarm.set(start_s + 0.02)
    for _ in range(5):
        bell.wait()
    assert bell.rang_s[-1] >= start_s + 0.1
    assert not bell.news.acquire(timeout=0.1), 'nothing more was set'


def test_a_time_that_is_brought_forward_counts(bell):
    bell.alarm.set(time.monotonic() + LONG_S)
    bell.alarm.set(time.monotonic())
    bell.wait()


def test_a_time_that_is_put_off_counts(bell):
    bell.alarm.set(time.monotonic() + 0.05)
    later_s = time.monotonic() + 0.2
    bell.alarm.set(later_s)
    bell.wait()
    assert bell.rang_s[0] >= later_s


def test_ends_at_once_whatever_is_set(bell):
    for due_s in (math.inf, time.monotonic() + LONG_S):
        bell.alarm.set(due_s)
        bell.alarm.stop()
        assert not [each for each in threading.enumerate() if each.name == 'bell']
        bell.alarm.start('bell')
    assert bell.rang_s == []
