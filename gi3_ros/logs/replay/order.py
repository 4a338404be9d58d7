# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""In which order the nodes got to know what is in a log."""

import collections
from collections.abc import Iterable, Iterator
import heapq
import typing

from ..entries import Entry, Sample

OLDEST_S = 5.0
"""A node does not use what claims to be older."""
OLDEST_NS = round(OLDEST_S * 1e9)
WRITING_NS = 10_000_000_000
"""A recorder that gets no processor writes a topic so much later than another."""
AROUND_NS = 1_000_000_000
WINDOW_ENTRIES = 20_000
"""So many entries wait for their turn at the most."""
_DECISIONS = frozenset({
    'power_setpoint', 'power_status', 'effective_setpoint', 'contactor_command', 'stage_status'})


class Timed(typing.NamedTuple):
    """An entry of a log, with the time at which it was recorded, or known."""

    time_ns: int
    entry: Entry


class _Delay(typing.NamedTuple):
    """How late a decision was recorded."""

    time_ns: int
    delay_ns: int


def as_recorded(log: Iterable[Entry]) -> Iterator[Timed]:
    """Yield the entries of a log in its own order."""
    for entry in log:
        yield Timed(entry.time_ns, entry)


def as_known(log: Iterable[Entry]) -> Iterator[Timed]:
    """
    Yield the entries of a log in the order in which the nodes got to know.

    A recorder on a busy machine writes late, and not in order, what the nodes knew long before:
    it has no priority. How late, the decisions tell, which were published in the moment of their
    stamps. What else was recorded at that time may have been as late, but was not known before
    the moment of its own stamp.
    """
    yield from _in_order(_known(_in_order(as_recorded(log), WRITING_NS)), OLDEST_NS)


def stamp_ns(sample: Sample) -> int | None:
    """Return the time in a message's header; ``None`` where there is none, or it is not set."""
    header = getattr(sample.message, 'header', None)
    if header is None or not (header.stamp.sec or header.stamp.nanosec):
        return None
    return int(header.stamp.sec * 1_000_000_000 + header.stamp.nanosec)


def _known(recorded: Iterable[Timed]) -> Iterator[Timed]:
    held: collections.deque[Timed] = collections.deque()
    delays: collections.deque[_Delay] = collections.deque()
    for each in recorded:
        while held and held[0].time_ns < each.time_ns - AROUND_NS:
            yield _when_known(held.popleft(), delays)
        held.append(each)
        if isinstance(each.entry, Sample) and each.entry.topic in _DECISIONS:
            delay_ns = _delay_ns(each)
            if delay_ns is not None:
                delays.append(_Delay(each.time_ns, delay_ns))
    while held:
        yield _when_known(held.popleft(), delays)


def _when_known(recorded: Timed, delays: collections.deque[_Delay]) -> Timed:
    """Return an entry with its time less what decisions were late by around it."""
    while delays and delays[0].time_ns < recorded.time_ns - AROUND_NS:
        delays.popleft()
    delay_ns = _delay_ns(recorded) if delays else None
    if delay_ns is None:
        return recorded
    late_ns = max(each.delay_ns for each in delays)
    return Timed(max(recorded.time_ns - delay_ns, recorded.time_ns - late_ns), recorded.entry)


def _delay_ns(recorded: Timed) -> int | None:
    """Return how late a message was recorded, by its stamp; ``None`` where that tells nothing."""
    if not isinstance(recorded.entry, Sample):
        return None
    true_ns = stamp_ns(recorded.entry)
    if true_ns is None or not 0 <= recorded.time_ns - true_ns < OLDEST_NS:
        return None
    return recorded.time_ns - true_ns


def _in_order(entries: Iterable[Timed], window_ns: int) -> Iterator[Timed]:
    """Put entries in the order of their times, as far as the window reaches."""
    waiting: list[tuple[int, int, Entry]] = []
    latest_ns = 0
    for number, (time_ns, entry) in enumerate(entries):
        heapq.heappush(waiting, (time_ns, number, entry))
        latest_ns = max(latest_ns, time_ns)
        while waiting[0][0] < latest_ns - window_ns or len(waiting) > WINDOW_ENTRIES:
            first_ns, _, first = heapq.heappop(waiting)
            yield Timed(first_ns, first)
    while waiting:
        first_ns, _, first = heapq.heappop(waiting)
        yield Timed(first_ns, first)
