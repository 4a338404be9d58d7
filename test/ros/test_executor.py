# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The executor that runs the nodes: every kind that this rclpy has, as the nodes use it."""

import functools
import operator
import threading
import time

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from std_msgs.msg import String

from gi3_ros.nodes import executor
from gi3_ros.nodes.executor import KINDS, make_executor, VARIABLE


class MadeUpError(Exception):
    """Something that nobody thought of."""


class Turning:
    """A node whose executor turns in a thread of its own."""

    def __init__(self, kind, monkeypatch):
        monkeypatch.setenv(VARIABLE, kind)
        self.node = rclpy.create_node(f'turning_{kind}')
        self.error = None
        self._executor = make_executor()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._turn, name='turning')
        self._thread.start()

    def _turn(self):
        self._executor.add_node(self.node)
        try:
            while not self._ended.is_set():
                self._executor.spin_once(timeout_sec=0.05)
        except Exception as error:
            self.error = error
        finally:
            self._executor.shutdown()

    def close(self):
        """End the thread; returns whether it ended by itself."""
        self._ended.set()
        self._thread.join(10.0)
        is_over = not self._thread.is_alive()
        self.node.destroy_node()
        return is_over


@pytest.fixture(params=KINDS)
def turning(request, world, monkeypatch):
    """Give a :class:`Turning` of each kind."""
    turning = Turning(request.param, monkeypatch)
    yield turning
    turning.close()


def test_the_events_executor_is_taken_where_rclpy_has_it(world, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    is_there = 'events' in KINDS
    assert isinstance(make_executor(), SingleThreadedExecutor) != is_there
    monkeypatch.setenv(VARIABLE, 'single_threaded')
    assert isinstance(make_executor(), SingleThreadedExecutor)
    # As with an rclpy that has no other.
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setattr(executor, 'KINDS', {'single_threaded': SingleThreadedExecutor})
    assert isinstance(make_executor(), SingleThreadedExecutor)
    monkeypatch.setenv(VARIABLE, 'events')
    with pytest.raises(ValueError, match="'events' in the environment, this rclpy has single_"):
        make_executor()


def test_messages_and_timers_come_in_the_thread_that_turns_it(world, turning, recorder):
    heard = recorder('heard')
    turning.node.create_subscription(
        String, 'words', lambda word: heard.hear((word.data, threading.current_thread().name)),
        10)
    turning.node.create_timer(0.01, lambda: heard.hear(('timer', '')))
    heard.wait_for(lambda item: item == ('timer', ''))
    world.publish(turning.node.resolve_topic_name('words'), String(data='hello'))
    assert heard.wait_for(lambda item: item[0] == 'hello') == ('hello', 'turning')


def test_entities_come_and_go_while_it_turns(world, turning, recorder):
    heard = recorder('heard')
    for number in range(20):
        subscription = turning.node.create_subscription(String, 'words', heard.hear, 10)
        timer = turning.node.create_timer(0.001, functools.partial(heard.hear, number))
        heard.wait_for(functools.partial(operator.eq, number))
        turning.node.destroy_timer(timer)
        turning.node.destroy_subscription(subscription)
    assert turning.error is None


def test_an_exception_of_a_callback_comes_out(world, turning):
    def fail():
        raise MadeUpError('nobody thought of this')

    turning.node.create_timer(0.01, fail)
    world.wait_until(lambda: turning.error is not None, 'the exception')
    assert isinstance(turning.error, MadeUpError)


def test_it_ends_with_nothing_to_do_and_lets_other_threads_work(world, turning):
    count, until_s = 0, time.monotonic() + 0.3
    while time.monotonic() < until_s:
        time.sleep(0.001)
        count += 1
    assert count > 10, 'it keeps the GIL'
    assert turning.close()
