# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Bars of a chart, gathered in one pass with bounded memory, whatever the length of the log."""

from collections.abc import Set
import math
import typing

INTERVALS = 1500
"""Of one lane."""


class Interval(typing.NamedTuple):
    """A bar: what held from when to when."""

    begin_s: float
    end_s: float
    label: str

    @property
    def length_s(self) -> float:
        """From its begin to its end."""
        return self.end_s - self.begin_s


class Lane:
    """
    One row of bars: what held from when to when.

    :param gap_s: after longer than this without a word a bar ends; ``None`` where it holds until
        the next one
    :param phases: labels whose bars stay, however short, as long as there are others
    """

    def __init__(
        self, gap_s: float | None = None, *, phases: Set[str] = frozenset(),
        intervals: int = INTERVALS,
    ) -> None:
        self.merged = 0
        """How many short intervals are not shown, but the one before them instead."""
        self._gap_s = math.inf if gap_s is None else gap_s
        self._limit = intervals
        self._phases = phases
        self._intervals: list[Interval] = []
        self._label: str | None = None
        self._begin_s = self._last_s = 0.0

    def see(self, time_s: float, label: str | None) -> None:
        """Say what holds now; ``None`` for nothing."""
        if label == self._label and label is not None and (
                0 <= time_s - self._last_s <= self._gap_s):
            self._last_s = time_s
            return
        if self._label is not None:
            is_next = 0 <= time_s - self._last_s <= self._gap_s
            self._close(time_s if is_next else self._last_s, self._label)
        self._begin_s = self._last_s = time_s
        self._label = label

    def hold(self, time_s: float) -> None:
        """Let what holds last until then."""
        if self._label is not None and 0 <= time_s - self._last_s <= self._gap_s:
            self._last_s = time_s

    def _close(self, end_s: float, label: str) -> None:
        self._intervals.append(Interval(self._begin_s, end_s, label))
        if len(self._intervals) > 2 * self._limit:
            self._merge()

    def _merge(self) -> None:
        intervals = self._intervals
        shortest = sorted(range(1, len(intervals)),
                          key=lambda place: (intervals[place].label in self._phases,
                                             intervals[place].length_s))
        away = set(shortest[:len(intervals) - self._limit])
        self.merged += len(away)
        kept: list[Interval] = []
        for place, interval in enumerate(intervals):
            if place in away or (kept and kept[-1].label == interval.label
                                 and kept[-1].end_s >= interval.begin_s):
                kept[-1] = kept[-1]._replace(end_s=max(kept[-1].end_s, interval.end_s))
            else:
                kept.append(interval)
        self._intervals = kept

    @property
    def stored(self) -> int:
        """How many intervals are in memory."""
        return len(self._intervals)

    def intervals(self) -> list[Interval]:
        """Return all bars."""
        if self._label is None:
            return list(self._intervals)
        return [*self._intervals, Interval(self._begin_s, self._last_s, self._label)]

    def __bool__(self) -> bool:
        return self._label is not None or bool(self._intervals)
