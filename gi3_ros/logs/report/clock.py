# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Times of a log for people: on its page, and on the axis of its charts."""

import bisect
from collections.abc import Iterable
import contextlib
import datetime
import typing

from ..story.clock import Step
from ..times import offset_text, Zone


class Piece(typing.NamedTuple):
    """A time in which the hands of a clock do not leap."""

    begin_s: float
    """In seconds of the story."""
    origin_ms: float
    """Of the clock at second 0 of the story, as if it were UTC."""
    offset: str
    """Words behind the time."""


class Clock:
    """
    Times of the log for people.

    :param first_ns: of the first entry, since the epoch where there are dates
    :param length_s: of the log
    :param zone: to tell them in; that of this machine without
    :param steps: where the clock of the log was set back: the seconds of a story go on, the times
        are those that stand in the log
    """

    def __init__(
        self, first_ns: int | None, has_dates: bool, length_s: float = 0.0, *,
        zone: Zone | None = None, steps: Iterable[Step] = (),
    ) -> None:
        self.axis = 'seconds since the begin of the log'
        self.pieces: list[Piece] = []
        """Empty without dates."""
        self.has_dates = False
        self._zone = zone or Zone()
        self._first_ns = 0
        self._has_one_offset = self._is_one_day = False
        self._begins, self._shifts = [0.0], [0]
        for time_s, by_s in steps:
            self._begins.append(time_s)
            self._shifts.append(self._shifts[-1] + round(by_s * 1e9))
        # A date that no calendar has is none.
        if has_dates and first_ns is not None:
            with contextlib.suppress(ValueError):
                self._date(first_ns, length_s)

    def _date(self, first_ns: int, length_s: float) -> None:
        """
        Tell times as dates.

        :raises ValueError: for a date that no calendar has
        """
        self._first_ns = first_ns
        last = self._zone.at(self._ns(length_s))
        first = self._zone.at(first_ns)
        changes = self._zone.changes(first_ns, self._ns(length_s))
        self.has_dates = True
        self._has_one_offset = not changes
        self._is_one_day = first.date() == last.date() and len(self._begins) == 1
        where = self._zone.name or 'local time'
        self.axis = f'{where}, {self._zone.words(first_ns)}'
        if changes:
            self.axis += ', also after the clocks were changed'
        elif len(self._begins) > 1:
            self.axis += ', also after the clock of the log was set back'
        self._cut(changes)

    def _cut(self, changes: list[int]) -> None:
        """Make the pieces: one more wherever the hands of a clock leap."""
        leaps = {*self._begins, *((each - self._first_ns) / 1e9 for each in changes)}
        for begin_s in sorted(leaps):
            time_ns = self._ns(begin_s)
            when = self._zone.at(time_ns)
            offset = when.utcoffset() or datetime.timedelta()
            origin_ms = time_ns / 1e6 - begin_s * 1000 + offset.total_seconds() * 1000
            words = '' if self._has_one_offset else offset_text(when)
            self.pieces.append(Piece(round(begin_s, 3), round(origin_ms, 3), words))

    def _ns(self, time_s: float) -> int:
        place = bisect.bisect_right(self._begins, time_s) - 1
        return self._first_ns + round(time_s * 1e9) - self._shifts[max(place, 0)]

    def text(self, time_s: float) -> str:
        """Return a time as text, to the millisecond."""
        if not self.has_dates:
            return f'{time_s:.3f} s'
        when = self._zone.at(self._ns(time_s))
        words = when.strftime('%H:%M:%S.' if self._is_one_day else '%Y-%m-%d %H:%M:%S.') + (
            f'{when.microsecond // 1000:03d}')
        return words if self._has_one_offset else words + offset_text(when)

    def span(self, begin_s: float, end_s: float) -> str:
        """Return begin and end as text, with dates."""
        if not self.has_dates:
            return 'no dates in this log; times are seconds since its begin'
        begin_ns, end_ns = self._ns(begin_s), self._ns(end_s)
        first, last = (f'{self._zone.at(each):%Y-%m-%d %H:%M:%S}' for each in (begin_ns, end_ns))
        if not self._has_one_offset:
            first += f' {self._zone.words(begin_ns)}'
        elif last[:10] == first[:10]:
            last = last[11:]
        return f'{first} to {last} {self._zone.words(end_ns)}'

    def detail(self, begin_s: float, end_s: float) -> str:
        """Return a time as ``gi3 report --detail`` takes it."""
        if not self.has_dates:
            return f'{begin_s:.0f}/{end_s:.0f}'
        return '/'.join(f'{self._zone.at(self._ns(each)):%Y-%m-%dT%H:%M:%S}'
                        for each in (begin_s, end_s))
