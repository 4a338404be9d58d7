# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How a process of this package runs its nodes, and how it ends: at rest, whatever ended it."""

from collections.abc import Callable, Iterable, Sequence
import contextlib
import signal
import sys
import threading
import time
import traceback

import rclpy
from rclpy.executors import Executor, ExternalShutdownException
from rclpy.lifecycle import TransitionCallbackReturn

from ..parameter_files import UnusableParameters
from ..priority import give_back_priority, raise_priority
from .arguments import check_taken, REFUSALS, start_ros, UNUSABLE, words_of
from .executor import make_executors, name_of_kind
from .node import ChargerNode

SAFE_WITHIN_S = 2.0
"""A process that is asked to end waits no longer than this for the current to go."""
END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""A closed terminal (SIGHUP) must not leave a charge without its charger either."""
REST_POLL_S = 0.01
FLUSH_S = 0.05
"""For the last message of a node to reach those who act on it."""


def when_asked_to_end(handle: Callable[[], object]) -> None:
    """Call ``handle`` when the process is asked to end, instead of ending it."""
    for number in END_SIGNALS:
        # nohup: who started us may want us to outlive the terminal.
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: handle())


def ignore_end_signals() -> None:
    """Hear none any more: a launched process gets Ctrl-C twice, and is at its end already."""
    for number in END_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def run(make_nodes: Callable[[], Iterable[ChargerNode]], *, is_whole: bool = False) -> int:
    """
    Run nodes in one process until SIGINT or SIGTERM, then bring them to rest.

    :param make_nodes: called once ROS is up; yields the nodes, the gateway first if there is one
    :param is_whole: whether they are all nodes of a charger, so that a parameter that none of them
        takes is taken by nobody
    :returns: exit status: 0 after a requested end, 1 when a node could not start, 2 when an
        argument or a parameter is unusable
    """
    ending, ended = threading.Event(), threading.Event()
    failures: list[str] = []
    try:
        start_ros()
    except UnusableParameters as error:
        print(f'gi3_ros: {error}', file=sys.stderr)
        return UNUSABLE
    when_asked_to_end(ending.set)
    nodes: list[ChargerNode] = []
    threads: list[threading.Thread] = []
    try:
        try:
            nodes.extend(make_nodes())
            check_taken(nodes, is_whole=is_whole)
            executors = make_executors(nodes)
        except REFUSALS as error:
            print(f'gi3_ros: unusable parameter: {words_of(error)}', file=sys.stderr)
            return UNUSABLE
        for node in nodes:
            if not node.value('autostart'):
                node.get_logger().info(
                    'unconfigured: waits for lifecycle transitions, or start it with '
                    '--ros-args -p autostart:=true, behind --params-file if there is one'
                )
            elif not _start(node):
                return 1
        nodes[0].get_logger().info(
            f'{len(executors)} {name_of_kind()} executor(s) for {len(nodes)} node(s)')
        for executor, its_nodes in executors:
            threads.append(threading.Thread(
                target=_spin, args=(executor, its_nodes, ending, ended, failures),
                name='executor'))
            threads[-1].start()
        is_raised = False
        while not ending.wait(0.1):
            if not is_raised and any(node.is_active for node in nodes):
                is_raised, ordinary = True, raise_priority()
                if ordinary:
                    nodes[0].get_logger().warning(ordinary)
        _come_to_rest(nodes)
        give_back_priority()
        return 1 if failures else 0
    finally:
        ignore_end_signals()
        ended.set()
        for thread in threads:
            thread.join()
        for node in reversed(nodes):
            with contextlib.suppress(Exception):
                node.trigger_shutdown()
            node.destroy_node()
        rclpy.try_shutdown()


def _spin(
    executor: Executor, nodes: Sequence[ChargerNode], ending: threading.Event,
    ended: threading.Event, failures: list[str],
) -> None:
    """
    Run the callbacks of some nodes.

    What falls silent is noticed also while a callback hangs: each node has an alarm of its own.
    """
    for node in nodes:
        executor.add_node(node)
    try:
        while not ended.is_set():
            executor.spin_once(timeout_sec=0.1)
    except ExternalShutdownException:
        ending.set()
    except Exception:
        failures.append(traceback.format_exc())
        print(failures[-1], file=sys.stderr)
        ending.set()
    finally:
        executor.shutdown()


def _start(node: ChargerNode) -> bool:
    for transition in (node.trigger_configure, node.trigger_activate):
        if transition() != TransitionCallbackReturn.SUCCESS:
            node.get_logger().fatal('could not be started, see above')
            return False
    return True


def _come_to_rest(nodes: Sequence[ChargerNode]) -> None:
    """Take the power away, let the current go, open; bounded, as a dead peer must not hold us."""
    for node in nodes:
        node.come_to_rest()
    deadline_s = time.monotonic() + SAFE_WITHIN_S
    # The first node carries the words of the others to the bus, so it falls silent last.
    for node in reversed(nodes):
        while time.monotonic() < deadline_s and not node.is_at_rest:
            time.sleep(REST_POLL_S)
        node.leave_active()
        time.sleep(FLUSH_S)
