"""
Lines and lanes of a chart, gathered in one pass with bounded memory, whatever the length.

A line keeps its extreme values and the times of these; what is missing in the data is missing in
the line.
"""

import math

BUCKETS = 2400
"""Of one line; each holds six points at most, usually four or fewer."""
FIRST_BUCKET_S = 0.25
"""Of a message that comes every 0.1 s nothing is left out at first."""
INTERVALS = 1500
"""Of one lane."""
_OF_TIME, _OF_VALUE, _IS_APART = 0, 1, 2
_AT_ONCE = 64
"""Points of the newest bucket before it is reduced."""
_DOUBLINGS = 30


def _reduced(points):
    """
    Return the points of a bucket that must stay, in order.

    These are the first, the last, the smallest, the largest, and both ends of the widest gap. A
    point whose predecessor was across a gap says so, also when the predecessor is another now.
    """
    if len(points) <= 6:
        return points
    smallest = largest = widest = 0
    widest_s = -1.0
    for place, (time_s, value, is_apart) in enumerate(points):
        if value < points[smallest][_OF_VALUE]:
            smallest = place
        elif value > points[largest][_OF_VALUE]:
            largest = place
        if is_apart and place and time_s - points[place - 1][_OF_TIME] > widest_s:
            widest, widest_s = place, time_s - points[place - 1][_OF_TIME]
    places = {0, smallest, largest, len(points) - 1}
    if widest:
        places |= {widest - 1, widest}
    result, is_apart = [], False
    for place, point in enumerate(points):
        is_apart = is_apart or point[_IS_APART]
        if place in places:
            result.append((point[_OF_TIME], point[_OF_VALUE], is_apart))
            is_apart = False
    return result


class Series:
    """
    One line: values over time.

    Values that stay the same take two points however long they stay. Of the others, buckets of
    some time keep first, smallest, largest and last; when there are too many buckets, they become
    twice as long.

    :param gap_s: after longer than this without a value the line is interrupted; ``None`` where a
        value holds until the next one
    """

    def __init__(self, gap_s=None, *, buckets=BUCKETS):
        self.bucket_s = FIRST_BUCKET_S
        """How long a bucket is: nothing in the line is further off than this."""
        self._gap_s = math.inf if gap_s is None else gap_s
        self._limit = buckets
        self._buckets = []
        self._points = []
        self._bucket_end_s = -math.inf
        self._last_s = None
        """Time of the last value that was added, and the value; the point may not be there yet."""
        self._last = None
        self._has_run = False
        self._is_apart = False

    def add(self, time_s, value):
        """Add a value; NaN and ``None`` interrupt the line."""
        if value is None or value != value:
            self.interrupt()
            return
        last_s = self._last_s
        if last_s is not None and not 0 <= time_s - last_s <= self._gap_s:
            self.interrupt()
        if value == self._last:
            self._last_s = time_s
            self._has_run = True
            return
        if self._has_run:
            self._put(last_s, self._last, False)
            self._has_run = False
        self._put(time_s, value, self._is_apart)
        self._is_apart = False
        self._last_s, self._last = time_s, value

    def interrupt(self):
        """Leave a gap before the next value."""
        if self._last_s is None:
            return
        if self._has_run:
            self._put(self._last_s, self._last, False)
            self._has_run = False
        self._is_apart = True
        self._last_s = self._last = None

    def hold(self, time_s):
        """Let the last value last until then."""
        if self._last is not None and time_s > self._last_s:
            self._last_s, self._has_run = time_s, True

    def _put(self, time_s, value, is_apart):
        # A clock that was set back begins a bucket, too; within one, the order is kept.
        if not self._bucket_end_s - self.bucket_s <= time_s < self._bucket_end_s:
            if self._points:
                self._buckets.append(_reduced(self._points))
                self._points = []
                if len(self._buckets) > self._limit:
                    self._merge()
            self._bucket_end_s = (time_s // self.bucket_s + 1) * self.bucket_s
        self._points.append((time_s, value, is_apart))
        if len(self._points) > _AT_ONCE:
            self._points = _reduced(self._points)

    def _merge(self):
        """Make the buckets longer until a quarter of them is free at least."""
        doublings = 0
        while len(self._buckets) > 0.75 * self._limit:
            doublings += 1
            self.bucket_s *= 2
            merged, last_key = [], None
            for place, bucket in enumerate(self._buckets):
                key = bucket[0][_OF_TIME] // self.bucket_s
                # Times that go to and fro never share a bucket: pairs do, then.
                if merged and (key == last_key or (doublings > _DOUBLINGS and place % 2)):
                    merged[-1] += bucket
                else:
                    merged.append(list(bucket))
                last_key = key
            self._buckets = [_reduced(bucket) for bucket in merged]

    @property
    def stored(self):
        """How many points are in memory."""
        return sum(map(len, self._buckets)) + len(self._points)

    def points(self):
        """Return times and values; where the line is interrupted, there is a value ``None``."""
        points = [point for bucket in self._buckets for point in bucket]
        points += self._points
        if self._has_run:
            points = [*points, (self._last_s, self._last, False)]
        times, values = [], []
        for time_s, value, is_apart in points:
            if is_apart and times:
                times.append(times[-1])
                values.append(None)
            times.append(time_s)
            values.append(value)
        return times, values

    def __bool__(self):
        return bool(self._buckets or self._points)


class Lane:
    """
    One row of bars: what held from when to when.

    :param gap_s: after longer than this without a word a bar ends; ``None`` where it holds until
        the next one
    """

    def __init__(self, gap_s=None, *, intervals=INTERVALS):
        self.merged = 0
        """How many short intervals are not shown, but the one before them instead."""
        self._gap_s = math.inf if gap_s is None else gap_s
        self._limit = intervals
        self._intervals = []
        self._begin_s = self._last_s = self._label = None

    def see(self, time_s, label):
        """Say what holds now; ``None`` for nothing."""
        if label == self._label and label is not None and (
                0 <= time_s - self._last_s <= self._gap_s):
            self._last_s = time_s
            return
        if self._label is not None:
            is_next = 0 <= time_s - self._last_s <= self._gap_s
            self._close(time_s if is_next else self._last_s)
        self._begin_s = self._last_s = time_s
        self._label = label

    def hold(self, time_s):
        """Let what holds last until then."""
        if self._label is not None and 0 <= time_s - self._last_s <= self._gap_s:
            self._last_s = time_s

    def _close(self, end_s):
        self._intervals.append((self._begin_s, end_s, self._label))
        if len(self._intervals) > 2 * self._limit:
            self._merge()

    def _merge(self):
        intervals = self._intervals
        shortest = sorted(range(1, len(intervals)),
                          key=lambda place: intervals[place][1] - intervals[place][0])
        away = set(shortest[:len(intervals) - self._limit])
        self.merged += len(away)
        kept = []
        for place, (begin_s, end_s, label) in enumerate(intervals):
            if place in away or (kept and kept[-1][2] == label and kept[-1][1] >= begin_s):
                kept[-1] = (kept[-1][0], max(kept[-1][1], end_s), kept[-1][2])
            else:
                kept.append((begin_s, end_s, label))
        self._intervals = kept

    @property
    def stored(self):
        """How many intervals are in memory."""
        return len(self._intervals)

    def intervals(self):
        """Return (begin, end, label) of all bars, times in s."""
        if self._label is None:
            return list(self._intervals)
        return [*self._intervals, (self._begin_s, self._last_s, self._label)]

    def __bool__(self):
        return self._label is not None or bool(self._intervals)
