# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Frames of a log whose stamps cannot be: put where the file has them, and said once.

The order in a file is the order in which frames were written. A stamp that leaves the line of the
others and comes back is one of another clock, or of none; one that leaves it for good is a pause,
or a clock that was set: that is for whoever judges.
"""

import collections
from collections.abc import Iterable, Iterator
import dataclasses
from typing import NamedTuple

from .entries import Entry, Gap, Heard, LogError, Note

AHEAD_NS, BACK_NS = 200_000_000, 100_000_000
"""Nobody looks at steps that are no larger: frames may be a little out of order."""
LOOK = 64
"""So many entries later a stamp that strays has to be back."""
IN_A_ROW = 3
"""So many of one sender that stray by the same time are of another clock .."""
SAME_NS = 150_000_000
""".. where this much may be the pause before them."""


def straightened(entries: Iterable[Entry | Gap], notes: list[Note]) -> Iterator[Entry | Gap]:
    """
    Yield the entries of a log in their order, with times that can be.

    :param notes: takes what was put right
    :raises LogError: what the entries raise, after what came before it
    """
    line, stream = _Line(notes), _Stream(entries)
    waiting, coming = stream.waiting, stream.entries
    now_ns: int | None = None
    is_bent = False
    while True:
        entry = waiting.popleft() if waiting else next(coming, None)
        if entry is None:
            break
        if type(entry) is Heard:
            time_ns = entry.time_ns
            if is_bent and now_ns is not None:
                time_ns = line.straight(entry, now_ns)
            if now_ns is None or -BACK_NS <= time_ns - now_ns <= AHEAD_NS:
                now_ns = time_ns
            else:
                now_ns = time_ns = line.see_jump(entry, time_ns, now_ns, stream.look())
                is_bent = line.is_bent
            if is_bent and time_ns != entry.time_ns:
                entry = dataclasses.replace(entry, time_ns=time_ns)
        yield entry
    line.conclude()
    if stream.error is not None:
        raise stream.error


class _Stream:
    """The entries, of which some may be looked at before it is their turn."""

    def __init__(self, entries: Iterable[Entry | Gap]) -> None:
        self.entries = iter(entries)
        self.waiting: collections.deque[Entry | Gap] = collections.deque()
        """Those that were looked at."""
        self.error: LogError | None = None
        """What the entries ended with, if that was found by looking."""

    def look(self) -> list[Heard]:
        """Return the frames among the next entries."""
        try:
            while len(self.waiting) < LOOK and (entry := next(self.entries, None)) is not None:
                self.waiting.append(entry)
        except LogError as error:
            self.error = error
        return [entry for entry in self.waiting if type(entry) is Heard]


class _Source(NamedTuple):
    """What tells who has stamped a frame."""

    channel: str
    is_sent: bool


def _source(entry: Heard) -> _Source:
    frame = entry.frame
    # Bit 15 of the identifiers of the interface; others have but the word of the log.
    is_ours = frame.is_extended and frame.can_id & 0xFF7000 == 0x063000
    return _Source(entry.channel, not frame.can_id & 0x8000 if is_ours else entry.is_sent)


class _Stray(NamedTuple):
    """A frame whose stamp is away from the others."""

    time_ns: int
    """When it was by the others."""
    step_ns: int
    """How far away."""


class _Strays(NamedTuple):
    """The last frames of one source, as far as they strayed by about the same time."""

    least_ns: int
    """How far they did at least."""
    frames: list[_Stray]


class _Line:
    """What time it is by the stamps that belong together."""

    def __init__(self, notes: list[Note]) -> None:
        self.is_bent = False
        """Whether anything has strayed so far."""
        self._notes = notes
        self._offsets_ns: dict[_Source, int] = {}
        """Of sources with another clock."""
        self._strays: dict[_Source, _Strays] = {}
        self._count = 0
        self._first_ns = self._furthest_ns = 0
        self._is_told = False

    def straight(self, entry: Heard, now_ns: int) -> int:
        """Return the time of an entry by the clock of the others; ``now_ns`` is the last one."""
        source = _source(entry)
        offset_ns = self._offsets_ns.get(source)
        if offset_ns is None:
            time_ns = entry.time_ns
        else:
            time_ns = entry.time_ns - offset_ns
            if -BACK_NS <= time_ns - now_ns < 0:
                # It was written after the one before: the clocks are less apart than it seemed.
                self._offsets_ns[source] += time_ns - now_ns
                time_ns = now_ns
        if source in self._strays and -BACK_NS <= time_ns - now_ns <= AHEAD_NS:
            self._keep(self._strays.pop(source).frames)
        return time_ns

    def see_jump(self, entry: Heard, time_ns: int, now_ns: int, ahead: list[Heard]) -> int:
        """Take an entry that does not fit to the one before; return the time that it gets."""
        step_ns = time_ns - now_ns
        share_ns = self._share_until_back(step_ns, now_ns, ahead)
        if share_ns is None:
            return time_ns
        self.is_bent = True
        self._count_stray(_source(entry), step_ns, now_ns, ahead)
        return now_ns + share_ns

    def _count_stray(
            self, source: _Source, step_ns: int, now_ns: int, ahead: list[Heard]) -> None:
        """Take it that a frame of this source strays; several in a row have another clock."""
        least_ns, strays = self._strays.get(source, _Strays(step_ns, []))
        if abs(step_ns - least_ns) > SAME_NS:
            self._keep(strays)
            least_ns, strays = step_ns, []
        least_ns = min(least_ns, step_ns)
        strays.append(_Stray(now_ns, abs(step_ns)))
        self._strays[source] = _Strays(least_ns, strays)
        if len(strays) == IN_A_ROW:
            del self._strays[source]
            self._offsets_ns[source] = self._offsets_ns.get(source, 0) + least_ns
            self._tell_clocks(source, now_ns, ahead)

    def _keep(self, strays: list[_Stray]) -> None:
        """Count frames that have strayed; smaller ones are a clock that drifts, or nothing."""
        for time_ns, step_ns in strays:
            if step_ns > AHEAD_NS:
                self._first_ns = time_ns if not self._count else min(self._first_ns, time_ns)
                self._furthest_ns = max(self._furthest_ns, step_ns)
                self._count += 1

    def _share_until_back(
            self, step_ns: int, now_ns: int, ahead: list[Heard]) -> int | None:
        """
        Look for what follows soon where this entry would have to be.

        :returns: the even share of this entry in the time until then, ``None`` without
        """
        before_ns = now_ns + step_ns
        for place, entry in enumerate(ahead, 2):
            after_ns = entry.time_ns - self._offsets_ns.get(_source(entry), 0)
            back_ns = before_ns - after_ns if step_ns > 0 else after_ns - before_ns
            passed_ns = after_ns - now_ns
            # Frames are 0.1 s apart on an idle bus: of a small step less comes back.
            if back_ns >= abs(step_ns) / 3 and abs(passed_ns) <= max(abs(step_ns), AHEAD_NS):
                return max(0, passed_ns // place)
            before_ns = after_ns
        return None

    def _tell_clocks(self, source: _Source, now_ns: int, ahead: list[Heard]) -> None:
        """Say once that there are two clocks; that one drifts is not worth another word."""
        if self._is_told:
            return
        self._is_told = True
        channel, is_sent = source
        offset_s = self._offsets_ns[source] / 1e9
        others = {_source(entry).channel for entry in ahead} - {channel}
        if others:
            words = f'the channels {channel} and {", ".join(sorted(others))}'
            moved = f'channel {channel}'
        else:
            words = 'received and sent frames'
            moved = 'the charger' if is_sent else 'the controller'
        self._notes.append(Note(
            now_ns, f'{words} have different clocks, by about {abs(offset_s):.1f} s: the '
            f'frames of {moved} are taken to be {"earlier" if offset_s > 0 else "later"} by that'))

    def conclude(self) -> None:
        """Say how many stamps were none."""
        for strays in self._strays.values():
            self._keep(strays.frames)
        if self._count > 0:
            are = 'frames have stamps' if self._count > 1 else 'frame has a stamp'
            self._notes.append(Note(
                self._first_ns, f'{self._count} {are} up to '
                f'{self._furthest_ns / 1e9:.1f} s away from those of the frames around: '
                'their place in the file counts instead'))
