# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Who runs what when tests run side by side, without running any."""

import pathlib
import types

import pytest

pytest.importorskip('xdist', reason='pytest-xdist is not installed: tests run one by one')

from side_by_side import FIRST, only_computes, rank, SideBySide, WAITING

ROOT = pathlib.Path(__file__).resolve().parents[2]
WAITERS = [f'test/session/test_demo.py::test_{number}' for number in range(7)]
COMPUTERS = [
    f'test/unit/test_{name}.py::test_{number}' for name in 'abcdefgh' for number in range(5)]


class Worker:
    """What the scheduler sees of a worker; :meth:`run_one` does what one would do next."""

    def __init__(self, number):
        self.gateway = types.SimpleNamespace(id=f'gw{number}')
        self.shutting_down = False
        self.queue = []
        self.most = 0
        self.done = []

    def send_runtest_some(self, numbers):
        self.queue += numbers
        self.most = max(self.most, len(self.queue))

    def shutdown(self):
        self.shutting_down = True

    def run_one(self, scheduler, tests):
        # A worker begins with a test when it knows the next one, or that there is none.
        if len(self.queue) > 1 or (self.queue and self.shutting_down):
            number = self.queue.pop(0)
            self.done.append(tests[number])
            scheduler.mark_test_complete(self, number)
            return True
        return False


def schedule(tests, *, workers):
    """Run tests with so many workers in turns; returns the workers."""
    config = types.SimpleNamespace(
        option=types.SimpleNamespace(loadscopereorder=False),
        getvalue=lambda _name: ['popen'] * workers)
    crew = [Worker(number) for number in range(workers)]
    scheduler = SideBySide(config)
    for worker in crew:
        scheduler.add_node(worker)
    for worker in crew:
        scheduler.add_node_collection(worker, tests)
    scheduler.schedule()
    while sum(worker.run_one(scheduler, tests) for worker in crew):
        pass
    assert scheduler.tests_finished
    assert not scheduler.has_pending
    return crew


@pytest.mark.parametrize('workers', [1, 2, 3, 5, 9, 60])
@pytest.mark.parametrize('tests', [
    [*WAITERS, *COMPUTERS], WAITERS, COMPUTERS, [WAITERS[0], COMPUTERS[0]], WAITERS[:1]],
    ids=['both', 'waiting', 'computing', 'one of each', 'one'])
def test_every_test_runs_once_and_none_that_waits_beside_a_nice_worker(workers, tests):
    crew = schedule(tests, workers=workers)
    assert sorted(test for worker in crew for test in worker.done) == sorted(tests)
    assert all(worker.shutting_down for worker in crew)
    for number, worker in enumerate(crew):
        if only_computes(number, workers):
            assert not any(test.startswith(WAITING) for test in worker.done)


def test_a_file_that_computes_stays_with_one_worker_and_tests_that_wait_are_shared_out():
    crew = schedule([*WAITERS, *COMPUTERS], workers=5)
    for file in {test.partition('::')[0] for test in COMPUTERS}:
        assert sum(any(test.startswith(file) for test in worker.done) for worker in crew) == 1
    assert [sum(test in WAITERS for test in worker.done) for worker in crew] == [3, 2, 2, 0, 0]


def test_a_worker_gets_more_when_it_runs_its_last():
    assert [worker.most for worker in schedule(WAITERS, workers=5)] == [2, 2, 2, 0, 0]
    # A file of five, when one of the five before is left.
    assert max(worker.most for worker in schedule(COMPUTERS, workers=5)) == 6


@pytest.mark.parametrize('count, nice', [
    (1, []), (2, [1]), (3, [2]), (4, [2, 3]), (5, [3, 4]), (9, [5, 6, 7, 8])])
def test_half_of_the_workers_are_nice(count, nice):
    assert [number for number in range(count) if only_computes(number, count)] == nice
    # The one that takes the place of a worker that has crashed takes any test.
    assert not only_computes(count, count)


def test_what_begins_first_exists_and_does():
    assert all((ROOT / name).exists() for name in (*WAITING, *FIRST))
    assert {f'test/{folder.name}/' for folder in (ROOT / 'test').iterdir()
            if list(folder.glob('test_*.py'))} <= {*WAITING, 'test/unit/'}
    order = [f'{name}::test' for name in (*WAITING, *FIRST, 'test/unit/other.py')]
    assert sorted([*order[3:], *order[:3]], key=rank) == order
