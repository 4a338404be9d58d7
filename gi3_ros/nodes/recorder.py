# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
recorder: writes everything that tells the story of a charge into a bag.

It only listens, and it is no lifecycle node: what happens before the nodes are configured and
after they have failed is part of the story. The bag is whole at any moment, so that a killed
recorder, or a machine that was switched off, costs the last second.
"""

from collections.abc import Callable
import importlib
import operator
import pathlib
import sys
import time
from typing import Any, NamedTuple

import rclpy
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription

from ..logs import recorded
from ..logs.entries import LogError
from ..logs.writers.bag import BagWriter, FLUSH_S
from ..parameter_files import UnusableParameters
from .arguments import check_taken, REFUSALS, start_ros, UNUSABLE, words_of
from .parameters import Parameter
from .process import ignore_end_signals, when_asked_to_end

DEPTH = 1000
"""Messages that may wait for the disk."""
LAST_WORDS_S = 3.0
"""The other nodes may be ending, too, and what they say then belongs into the bag."""
QUIET_S = 0.5
COLLECT_S = 0.05
"""The middleware notes the times, so that it does not matter when they are written."""
BACK_NS = 1_000_000_000
SETTLE_NS = 20_000_000
"""What arrived so shortly ago waits: an earlier one may still come on a topic asked before."""


class _Message(NamedTuple):
    arrival_ns: int
    topic: str
    kind: str
    data: bytes


class Recorder(Node):
    """Writes the topics of some pistols, as they are on the wire, into a bag."""

    PARAMETERS = (
        Parameter('pistols', ['pistol1'], 'namespace of each pistol'),
        Parameter('output', '', 'folder of the bag, or a file that ends in .mcap or .db3; it must '
                  'not exist yet. Empty: gi3_ with date and time, where it is started'),
    )

    def __init__(self, **options: Any) -> None:
        # Nobody is there to answer them.
        super().__init__('recorder', start_parameter_services=False, **options)
        for parameter in self.PARAMETERS:
            parameter.declare_on(self)
        # Before there is a bag that nobody wanted.
        check_taken([self])
        pistols = self.get_parameter('pistols').value
        output = self.get_parameter('output').value or time.strftime('gi3_%Y-%m-%d_%H-%M-%S')
        self.failure: str | None = None
        """Why nothing is written any more."""
        self.last_heard_s = time.monotonic()
        self.count = 0
        """Messages so far."""
        self._waiting: list[_Message] = []
        self._last_ns = 0
        self._writer = BagWriter(pathlib.Path(output).expanduser())
        self._sources: list[tuple[str, str, Subscription]] = []
        for topic, kind in recorded.topics(pistols).items():
            self._writer.add_topic(topic, kind)
            self._sources.append((topic, kind, self._subscribe(topic, kind)))
        self._writer.flush()
        self._flush_at_s = time.monotonic() + FLUSH_S
        self.get_logger().info(f'records {", ".join(pistols)} into {self._writer.path}')

    def _subscribe(self, topic: str, kind: str) -> Subscription:
        # Every publisher of these topics is reliable, as their subscribers in the charger are.
        is_latched = topic.rpartition('/')[2] in recorded.LATCHED
        return self.create_subscription(_class_of(kind), topic, _not_called, QoSProfile(
            depth=DEPTH, reliability=ReliabilityPolicy.RELIABLE,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if is_latched
            else DurabilityPolicy.VOLATILE,
        ), raw=True)

    def collect(self) -> None:
        """
        Write what has arrived since the last time.

        Without an executor: one that waits for so many topics takes several times the time for
        each message, and that of the machine belongs to the charger.

        Written in the order of their times: readers refuse an MCAP file without an index, which
        is what a killed recorder leaves, when it goes back.
        """
        settled_ns = time.time_ns() - SETTLE_NS
        due, self._waiting = self._waiting, []
        for topic, kind, subscription in self._sources:
            with subscription.handle:
                while taken := subscription.handle.take_message(subscription.msg_type, True):
                    data, info = taken
                    self.last_heard_s = time.monotonic()
                    self.count += 1
                    # Zero where the middleware does not say.
                    arrival_ns = info['received_timestamp'] or time.time_ns()
                    where = due if arrival_ns < settled_ns else self._waiting
                    where.append(_Message(arrival_ns, topic, kind, data))
        self._write(due)
        if time.monotonic() >= self._flush_at_s:
            self._flush_at_s = time.monotonic() + FLUSH_S
            self._try(self._writer.flush)

    def _write(self, messages: list[_Message]) -> None:
        messages.sort(key=operator.attrgetter('arrival_ns'))
        for arrival_ns, topic, kind, data in messages:
            # One that was very late comes by so much later; a clock that was set back is kept.
            if 0 < self._last_ns - arrival_ns < BACK_NS:
                arrival_ns = self._last_ns
            self._last_ns = arrival_ns
            self._try(self._writer.write_serialised, topic, kind, arrival_ns, data)

    def _try(self, act: Callable[..., object], *arguments: object) -> None:
        if self.failure is None:
            try:
                act(*arguments)
            except LogError as error:
                self.failure = str(error)
                self.get_logger().fatal(f'the recording ends here: {error}')

    def close(self) -> None:
        """Finish the bag."""
        self._write(self._waiting)
        self._try(self._writer.close)
        if self.failure is None:
            self.get_logger().info(f'{self.count} messages are in {self._writer.path}')


def _not_called(_data: bytes) -> None:
    """Stand where rclpy wants a callback."""


def _class_of(kind: str) -> Any:
    package, folder, name = kind.split('/')
    return getattr(importlib.import_module(f'{package}.{folder}'), name)


def main() -> int:
    """
    Record until SIGINT or SIGTERM.

    :returns: exit status: 0 after a requested end, 1 when it cannot be written, 2 when an
        argument or a parameter is unusable
    """
    ending: list[float] = []
    try:
        start_ros()
    except UnusableParameters as error:
        print(f'recorder: {error}', file=sys.stderr)
        return UNUSABLE
    when_asked_to_end(lambda: ending.append(time.monotonic()))
    node = None
    try:
        try:
            node = Recorder()
        except LogError as error:
            print(f'recorder: {error}', file=sys.stderr)
            return 1
        except REFUSALS as error:
            print(f'recorder: unusable parameter: {words_of(error)}', file=sys.stderr)
            return UNUSABLE
        while node.failure is None and not _is_over(node, ending):
            time.sleep(COLLECT_S)
            node.collect()
        node.close()
        return 0 if node.failure is None else 1
    finally:
        ignore_end_signals()
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()


def _is_over(node: Recorder, ending: list[float]) -> bool:
    """Return whether the end was asked for and nobody has a last word, or it was asked twice."""
    if not ending:
        return False
    now_s = time.monotonic()
    return (
        len(ending) > 1 or now_s - ending[0] > LAST_WORDS_S
        or now_s - max(ending[0], node.last_heard_s) > QUIET_S)
