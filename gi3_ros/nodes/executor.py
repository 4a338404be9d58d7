# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Which executor of rclpy runs the callbacks: the only place that decides.

The single-threaded executor builds its wait set anew at every turn, which was most of the
processor time of a charger. The events executor is told by the middleware what has arrived.
"""

from collections.abc import Sequence
import os
from typing import TypeVar

from rclpy.executors import Executor, SingleThreadedExecutor

try:
    from rclpy.experimental import EventsExecutor
except ImportError:
    EventsExecutor = None

N = TypeVar('N')

VARIABLE = 'GI3_EXECUTOR'
"""Of the environment: for those who do not want what rclpy calls experimental."""
SINGLE_THREADED = 'single_threaded'
KINDS = {
    **({} if EventsExecutor is None else {'events': EventsExecutor}),
    SINGLE_THREADED: SingleThreadedExecutor,
}
"""Name -> class; the first one is taken unless the variable says otherwise."""


def name_of_kind() -> str:
    """
    Return which executor is used.

    :raises ValueError: when the variable asks for a kind that is not there, in words
    """
    name = os.environ.get(VARIABLE) or next(iter(KINDS))
    if name not in KINDS:
        raise ValueError(
            f'{VARIABLE} is {name!r} in the environment, this rclpy has {" and ".join(KINDS)}')
    return name


def make_executors(nodes: Sequence[N]) -> list[tuple[Executor, Sequence[N]]]:
    """
    Return executors, and the nodes for each of them.

    One events executor runs all: Python runs one thread at a time anyway, and handing over costs
    more than most callbacks (docs/performance.md). What the single-threaded one costs for a
    message grows with the number of entities that it waits for, so there each node has its own.

    :raises ValueError: as :func:`name_of_kind`
    """
    if name_of_kind() == SINGLE_THREADED:
        return [(make_executor(), [node]) for node in nodes]
    return [(make_executor(), nodes)]


def make_executor() -> Executor:
    """
    Return a new executor.

    Only what both kinds can do: turn it by ``spin_once`` with a timeout, and shut it down in the
    thread that turned it. Without a timeout the events executor of some releases hears nothing,
    and a shutdown from another thread waits with the GIL for one that needs it to end.

    :raises ValueError: as :func:`name_of_kind`
    """
    return KINDS[name_of_kind()]()
