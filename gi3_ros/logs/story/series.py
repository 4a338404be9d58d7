# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Lines of a chart, gathered in one pass with bounded memory, whatever the length of the log.

Every point of a line is a sample that was in the log, with its time, or says that it is none: the
end of a time for which a value held. What is missing in the data is missing in the line. Of a long
log samples are left out, never in a :class:`Focus`.
"""

import bisect
import collections
from collections.abc import Iterable, Iterator
import math
import typing

BUCKETS = 5000
"""Of one line, of what is in no focus; each holds six points at most, usually four or fewer."""
FIRST_BUCKET_S = 0.25
"""Of a message that comes every 0.1 s nothing is left out at first."""
FOCUSED = 40_000
"""Points of one line that are in a focus: more than an hour of a message that comes every 0.1 s.
With more of them these are thinned, too."""
AROUND_S = 5.0
"""What lies so close to a moment that matters is in the focus."""
_SETTLED_S = AROUND_S + 3.0
"""Whether a point is in a focus is asked when it is this old: by then it is known. Findings come
with their batch of entries, somewhat late."""
_AT_ONCE = 64
"""Points of the newest bucket before it is reduced, and new points before they are settled."""
_MOST_RECENT = 2000
_DOUBLINGS = 30
_WINDOWS = 4000


class Window(typing.NamedTuple):
    """A time of which no sample is left out. Seconds."""

    begin_s: float
    end_s: float


class Point(typing.NamedTuple):
    """A point of a line."""

    time_s: float
    value: float
    is_apart: bool
    """Whether the line is interrupted before it."""
    left_out: int
    """How many samples were left out before it."""
    is_held: bool
    """Whether it is no sample, but where something that held has ended."""


class Drawn(typing.NamedTuple):
    """A line as lists of the same length; where it is interrupted, there is a value ``None``."""

    times: list[float]
    values: list[float | None]
    left_out: list[int]
    """How many samples were left out before each."""
    held: list[int]
    """The places of those points that are no samples, but where something that held has ended."""


class Focus:
    """
    Times of which no sample is left out of the lines that share it.

    :param windows: what is in it from the beginning
    """

    def __init__(self, windows: Iterable[Window] = ()) -> None:
        self._fixed = tuple(windows)
        self._begins: list[float] = []
        self._ends: list[float] = []

    def keep(self, begin_s: float, end_s: float) -> None:
        """Take in a time; they come in order, but for what lies around each."""
        if self._ends and begin_s <= self._ends[-1]:
            self._begins[-1] = min(self._begins[-1], begin_s)
            self._ends[-1] = max(self._ends[-1], end_s)
            return
        self._begins.append(begin_s)
        self._ends.append(end_s)
        if len(self._begins) > 2 * _WINDOWS:
            # Lines have settled them long ago.
            del self._begins[:_WINDOWS], self._ends[:_WINDOWS]

    def around(self, time_s: float) -> None:
        """Take in what lies around a moment."""
        self.keep(time_s - AROUND_S, time_s + AROUND_S)

    def covers(self, time_s: float) -> bool:
        """Return whether a time is in it."""
        place = bisect.bisect_right(self._begins, time_s) - 1
        return (place >= 0 and time_s <= self._ends[place]) or any(
            begin_s <= time_s <= end_s for begin_s, end_s in self._fixed)


def _reduced(points: list[Point]) -> list[Point]:
    """
    Return the points of a bucket that must stay, in order.

    These are the first, the last, the smallest, the largest, and both ends of the widest gap. A
    point whose predecessor was across a gap says so, also when the predecessor is another now,
    and how many were left out before it.
    """
    if len(points) <= 6:
        return points
    smallest = largest = widest = 0
    widest_s = -1.0
    for place, point in enumerate(points):
        if point.value < points[smallest].value:
            smallest = place
        elif point.value > points[largest].value:
            largest = place
        if point.is_apart and place and point.time_s - points[place - 1].time_s > widest_s:
            widest, widest_s = place, point.time_s - points[place - 1].time_s
    places = {0, smallest, largest, len(points) - 1}
    if widest:
        places |= {widest - 1, widest}
    result, is_apart, left_out = [], False, 0
    for place, point in enumerate(points):
        is_apart = is_apart or point.is_apart
        left_out += point.left_out
        if place in places:
            result.append(Point(point.time_s, point.value, is_apart, left_out, point.is_held))
            is_apart, left_out = False, 0
        else:
            left_out += not point.is_held
    return result


class _Bucket:
    """Points of some time."""

    __slots__ = ('is_focused', 'points')

    def __init__(self, is_focused: bool) -> None:
        self.is_focused = is_focused
        self.points: list[Point] = []


class Series:
    """
    One line: values over time.

    Values that stay the same take two points however long they stay. Of the others, all those in
    the focus are kept. What is in none stands in buckets of some time, which keep first, smallest,
    largest and last; when there are too many buckets, they become twice as long.

    :param gap_s: after longer than this without a value the line is interrupted; ``None`` where a
        value holds until the next one
    :param focus: :class:`Focus`, shared with other lines
    """

    def __init__(
        self, gap_s: float | None = None, *, focus: Focus | None = None, buckets: int = BUCKETS,
        focused: int = FOCUSED,
    ) -> None:
        self.bucket_s = FIRST_BUCKET_S
        """How long a bucket is .."""
        self.focused_bucket_s = FIRST_BUCKET_S
        """.. and one of those in the focus."""
        self._gap_s = math.inf if gap_s is None else gap_s
        self._focus = focus or Focus()
        self._limit, self._focused_limit = buckets, focused
        self._buckets: list[_Bucket] = []
        self._count = self._focused_count = 0
        """Buckets in no focus; points of the others."""
        self._bucket: _Bucket | None = None
        """The newest, which is not among the others yet."""
        self._bucket_end_s = -math.inf
        self._recent: collections.deque[Point] = collections.deque()
        self._last: float | None = None
        """The last value that was added, if nothing has interrupted the line since; its point may
        not be there yet .."""
        self._last_s = 0.0
        """.. and its time."""
        self._has_run = self._is_held = False
        self._is_apart = False

    def add(self, time_s: float, value: float | None) -> None:
        """Add a value; NaN and ``None`` interrupt the line."""
        if value is None or value != value:
            self.interrupt()
            return
        if self._last is not None and not 0 <= time_s - self._last_s <= self._gap_s:
            self.interrupt()
        if value == self._last:
            self._last_s = time_s
            self._has_run, self._is_held = True, False
            return
        self._end_run()
        self._put(time_s, value, self._is_apart)
        self._is_apart = False
        self._last_s, self._last = time_s, value

    def interrupt(self) -> None:
        """Leave a gap before the next value."""
        if self._last is None:
            return
        self._end_run()
        self._is_apart = True
        self._last = None

    def hold(self, time_s: float) -> None:
        """Let the last value last until then."""
        if self._last is not None and time_s > self._last_s:
            self._last_s, self._has_run, self._is_held = time_s, True, True

    def _end_run(self) -> None:
        if self._has_run and self._last is not None:
            self._put(self._last_s, self._last, False, self._is_held)
            self._has_run = False

    def _put(
        self, time_s: float, value: float, is_apart: bool, is_held: bool = False,
    ) -> None:
        recent = self._recent
        recent.append(Point(time_s, value, is_apart, 0, is_held))
        if len(recent) > _AT_ONCE:
            while recent and (
                    recent[0].time_s < time_s - _SETTLED_S or len(recent) > _MOST_RECENT):
                self._settle(recent.popleft())

    def _settle(self, point: Point) -> None:
        time_s = point.time_s
        is_focused = self._focus.covers(time_s)
        bucket = self._bucket
        bucket_s = self.focused_bucket_s if is_focused else self.bucket_s
        # A clock that was set back begins a bucket, too; within one, the order is kept.
        if bucket is None or bucket.is_focused is not is_focused or not (
                self._bucket_end_s - bucket_s <= time_s < self._bucket_end_s):
            self._close()
            bucket = self._bucket = _Bucket(is_focused)
            self._bucket_end_s = (time_s // bucket_s + 1) * bucket_s
        bucket.points.append(point)
        if len(bucket.points) > _AT_ONCE:
            bucket.points = _reduced(bucket.points)

    def _close(self) -> None:
        bucket, self._bucket = self._bucket, None
        if bucket is None:
            return
        if bucket.is_focused:
            self._focused_count += len(bucket.points)
        else:
            bucket.points = _reduced(bucket.points)
            self._count += 1
        self._buckets.append(bucket)
        if self._count > self._limit:
            self._merge(is_focused=False)
        elif self._focused_count > self._focused_limit:
            self._merge(is_focused=True)

    def _merge(self, is_focused: bool) -> None:
        """Make the buckets longer until a quarter of the room is free at least."""
        for doublings in range(2 * _DOUBLINGS):
            if self._has_room(is_focused):
                return
            if doublings == _DOUBLINGS:
                # Too many of them alternate: then there is no focus.
                for bucket in self._buckets:
                    bucket.is_focused = is_focused = False
            bucket_s = self._doubled(is_focused)
            merged: list[_Bucket] = []
            last_key: float | None = None
            for place, bucket in enumerate(self._buckets):
                key = bucket.points[0].time_s // bucket_s
                # Times that go to and fro never share a bucket: pairs do, then.
                if (merged and bucket.is_focused is is_focused is merged[-1].is_focused and (
                        key == last_key or (doublings > _DOUBLINGS and place % 2))):
                    merged[-1].points += bucket.points
                else:
                    merged.append(bucket)
                last_key = key
            for bucket in merged:
                if bucket.is_focused is is_focused:
                    bucket.points = _reduced(bucket.points)
            self._buckets = merged
            self._count = sum(not bucket.is_focused for bucket in merged)
            self._focused_count = sum(
                len(bucket.points) for bucket in merged if bucket.is_focused)

    def _has_room(self, is_focused: bool) -> bool:
        if is_focused:
            return self._focused_count <= 0.75 * self._focused_limit
        return self._count <= 0.75 * self._limit

    def _doubled(self, is_focused: bool) -> float:
        if is_focused:
            self.focused_bucket_s *= 2
            return self.focused_bucket_s
        self.bucket_s *= 2
        return self.bucket_s

    def _all(self) -> Iterator[Point]:
        for bucket in self._buckets:
            yield from bucket.points
        if self._bucket is not None:
            yield from self._bucket.points
        yield from self._recent

    @property
    def stored(self) -> int:
        """How many points are in memory."""
        return sum(1 for _ in self._all())

    def points(self) -> tuple[list[float], list[float | None]]:
        """Return times and values; where the line is interrupted, there is a value ``None``."""
        drawn = self.drawn()
        return drawn.times, drawn.values

    def drawn(self) -> Drawn:
        """Return the line as it is drawn."""
        points = list(self._all())
        if self._has_run and self._last is not None:
            points.append(Point(self._last_s, self._last, False, 0, self._is_held))
        drawn = times, values, left_out, held = Drawn([], [], [], [])
        for time_s, value, is_apart, count, is_held in points:
            if is_apart and times:
                times.append(times[-1])
                values.append(None)
                left_out.append(0)
            if is_held:
                held.append(len(times))
            times.append(time_s)
            values.append(value)
            left_out.append(count)
        return drawn

    def __bool__(self) -> bool:
        return bool(self._buckets or self._bucket or self._recent)
