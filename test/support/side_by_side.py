# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Which worker runs which test when `make test` runs them side by side (pytest-xdist).

Some tests *wait*: real nodes and processes play sessions in real time, and need a processor at
once when they need one. All others *compute*. So there are two kinds of workers:

- The first ones take tests that wait, one by one, and computing ones once none of those is left.
- The others, half of all, take computing tests alone, a file at a time so that what a file has
  prepared is prepared once. They are nice: a session gets the processor before them.
"""

import os

from processors import sessions_at_a_time
from xdist.scheduler import LoadScopeScheduling

WAITING = (
    'test/kernel/', 'test/session/', 'test/ros/', 'test/launch/',
    'test/unit/tools/test_live_terminal.py',
)
"""Folders and files of tests that wait, in the order in which they begin: the longest first."""
FIRST = (
    'test/unit/sim/test_scenarios.py',
    'test/unit/sim/test_matrix.py',
    'test/unit/power/test_properties.py',
    'test/unit/logs/test_audit.py',
    'test/unit/logs/formats/test_packing.py',
    'test/unit/logs/report/test_page_in_browser.py',
    'test/unit/stage/test_properties.py',
)
"""Computing tests that take longest: begun last, one of them would keep everybody waiting."""
NICENESS = 5
"""A third of an ordinary process' share, where both want a processor .."""
PATIENCE = 3
""".. so that a test may take three times as long before it counts as hung."""


def number_of_workers():
    """Return how many workers keep the processors of this machine busy."""
    return sessions_at_a_time() + len(os.sched_getaffinity(0))


def only_computes(number, count):
    """Tell of worker ``number`` of ``count`` whether it takes no test that waits."""
    return (count + 1) // 2 <= number < count


def rank(nodeid):
    """Return what sorts tests into the order in which they begin."""
    for number, name in enumerate((*WAITING, *FIRST)):
        if nodeid.startswith(name):
            return number
    return len(WAITING) + len(FIRST)


class SideBySide(LoadScopeScheduling):
    """Hands each worker the next of the tests that are for it."""

    def _split_scope(self, nodeid):
        return nodeid if nodeid.startswith(WAITING) else nodeid.partition('::')[0]

    def _next_for(self, node):
        if only_computes(int(node.gateway.id.removeprefix('gw')), self.numnodes):
            return next(
                (scope for scope in self.workqueue if not scope.startswith(WAITING)), None)
        return next(iter(self.workqueue), None)

    def _assign_work_unit(self, node):
        scope = self._next_for(node)
        if scope is not None:
            self.workqueue.move_to_end(scope, last=False)
            super()._assign_work_unit(node)

    def _reschedule(self, node):
        if node.shutting_down:
            return
        if self._next_for(node) is None:
            node.shutdown()
        # One runs and the next one is known: more would wait here while another worker is idle.
        elif self._pending_of(self.assigned_work[node]) < 2:
            self._assign_work_unit(node)
