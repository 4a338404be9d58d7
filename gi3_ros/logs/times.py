# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Moments of a log in words: one way for every command, in the time zone that was asked for."""

import datetime
import re
import zoneinfo

SECOND_NS = 1_000_000_000
_DAY_NS = 86_400 * SECOND_NS
_STEPS = 10_000
"""Weeks in which changes of the clocks are looked for; no log is longer, but a stamp may lie."""
_OFFSET = re.compile(r'([+-])(\d\d):?(\d\d)')
_CLOCK = re.compile(r'(?:(\d{4}-\d\d-\d\d)[T ])?(\d\d?:\d\d(?::\d\d(?:\.\d+)?)?)')


class Zone:
    """
    A time zone to print the times of a log in.

    :param name: such as ``Europe/Madrid``, ``UTC`` or ``+02:00``; that of this machine without
    :raises ValueError: with words, when there is no such zone
    """

    def __init__(self, name: str | None = None) -> None:
        self.name = name
        self._zone = None if name is None else _zone(name)

    def at(self, time_ns: int) -> datetime.datetime:
        """
        Return a moment with its offset from UTC.

        :raises ValueError: for a date that no calendar has
        """
        whole_s, rest_ns = divmod(time_ns, SECOND_NS)
        try:
            when = datetime.datetime.fromtimestamp(whole_s, self._zone)
            when = when if self._zone else when.astimezone()
        except (OverflowError, OSError) as error:
            raise ValueError(f'no calendar has the date {whole_s} s since 1970') from error
        return when.replace(microsecond=rest_ns // 1000)

    def text(self, time_ns: int) -> str:
        """Return a moment as ``2026-03-04 04:01:03.750+01:00``."""
        return self.at(time_ns).isoformat(sep=' ', timespec='milliseconds')

    def words(self, time_ns: int) -> str:
        """Return what the zone is called at a moment, such as ``CET (UTC+01:00)``."""
        when = self.at(time_ns)
        return f'{when.tzname()} (UTC{offset_text(when)})'

    def changes(self, first_ns: int, last_ns: int) -> list[int]:
        """Return the moments between two at which the clocks are changed, to the second."""
        changes = []
        week_ns = 7 * _DAY_NS
        for begin_ns in range(first_ns, min(last_ns, first_ns + _STEPS * week_ns), week_ns):
            low, high = begin_ns, min(begin_ns + week_ns, last_ns)
            if self._offset(low) == self._offset(high):
                continue
            while high - low > SECOND_NS:
                middle = (low + high) // 2
                if self._offset(middle) == self._offset(low):
                    low = middle
                else:
                    high = middle
            changes.append(high // SECOND_NS * SECOND_NS)
        return changes

    def _offset(self, time_ns: int) -> datetime.timedelta | None:
        return self.at(time_ns).utcoffset()

    def parse(self, text: str, after_ns: int) -> int:
        """
        Return a moment that somebody typed, as ns since the epoch.

        :param text: ``2026-03-04 03:10:00`` (or with ``T``), or ``03:10``: the first such moment
            after ``after_ns``
        :raises ValueError: with words, when it is neither
        """
        found = _CLOCK.fullmatch(text.strip())
        if found is None:
            raise ValueError(f'{text!r} is no time: 03:10, 03:10:07.5 or 2026-03-04 03:10:07')
        date, clock = found.groups()
        try:
            if date is not None:
                return self._moment(datetime.date.fromisoformat(date), clock)
            day = self.at(after_ns).date()
            moments_ns = (
                self._moment(day, clock), self._moment(day, clock, fold=1),
                self._moment(day + datetime.timedelta(days=1), clock))
            return next(each for each in moments_ns if each >= after_ns)
        except (ValueError, OverflowError):
            raise ValueError(f'{text!r}: there is no such date or time') from None

    def _moment(self, day: datetime.date, clock: str, fold: int = 0) -> int:
        """Return a moment of a day; with ``fold`` the second one, where a clock comes twice."""
        hours, minutes, seconds = (*clock.split(':'), '0')[:3]
        when = datetime.datetime.combine(
            day, datetime.time(int(hours), int(minutes), fold=fold), tzinfo=self._zone)
        return round(when.timestamp()) * SECOND_NS + round(float(seconds) * SECOND_NS)


def offset_text(when: datetime.datetime) -> str:
    """Return the offset from UTC as ``+01:00``."""
    offset = when.strftime('%z')
    return f'{offset[:3]}:{offset[3:5]}'


def _zone(name: str) -> datetime.tzinfo:
    found = _OFFSET.fullmatch(name)
    if found:
        sign, hours, minutes = found.groups()
        offset = datetime.timedelta(hours=int(hours), minutes=int(minutes))
        if offset < datetime.timedelta(days=1):
            return datetime.timezone(-offset if sign == '-' else offset)
    elif name.upper() in ('UTC', 'Z'):
        return datetime.timezone.utc
    else:
        try:
            return zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            pass
    raise ValueError(
        f'there is no time zone {name!r} on this machine: names are such as Europe/Madrid, UTC or '
        '+02:00 (apt install tzdata brings them)')


class Length:
    """
    How long a log is, by a clock that does not step.

    Where the clock of the log was set back, time goes on from where it was. Frames that are a
    little out of order are no step.
    """

    BACK_NS = SECOND_NS

    def __init__(self) -> None:
        self._first_ns: int | None = None
        self._last_ns = 0
        self._before_ns = 0

    def take(self, time_ns: int) -> None:
        """Take the time of the next entry."""
        if self._first_ns is None:
            self._first_ns = self._last_ns = time_ns
        elif time_ns < self._last_ns - self.BACK_NS:
            self._before_ns += self._last_ns - self._first_ns
            self._first_ns = self._last_ns = time_ns
        elif time_ns > self._last_ns:
            self._last_ns = time_ns

    @property
    def seconds(self) -> float:
        """From the first entry to the last; 0 without entries."""
        if self._first_ns is None:
            return 0.0
        return (self._before_ns + self._last_ns - self._first_ns) / 1e9
