# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""``candump``: log files, and what it shows on the screen."""

import dataclasses
import datetime
import itertools
import re

from ...core.interface.frame import Frame
from ..entries import DATES_FROM_NS, Heard
from .frames import (
    ERROR_FLAG,
    EXTENDED_MASK,
    FD,
    FdFrame,
    LONGEST_DATA,
    Lost,
    make_frame,
    nanoseconds,
    TIME_LIMIT_NS,
)
from .lines import LineFormat, Parsed
from .log_file import LogFile


class Candump(LineFormat):
    """
    ``candump -L`` (log files), and ``-ta``, ``-tA`` and ``-tz`` as they stand on the screen.

    On the screen with any of ``-x``, ``-a``, ``-c``, ``-i``, ``-S``, ``-8``, ``-d`` and ``-e``.
    """

    kind = 'candump'
    FIRST_CHANNEL = None
    LINE = re.compile(
        r'\s*\((-?\d{1,12})\.(\d{1,9})\)\s+(\S+)\s+([0-9A-Fa-f]{1,8})#'
        r'(?:((?:[0-9A-Fa-f]{2}\.?)*)|[Rr][0-9A-Fa-f]?)(?:_[0-9A-Fa-f])?(?:\s+([RTrt]))?\s*$')
    FD_LINE = re.compile(r'\s*\(-?\d+\.\d+\)\s+\S+\s+[0-9A-Fa-f]{1,8}##[0-9A-Fa-f]')
    SCREEN = re.compile(
        r'\s*\((-?\d{1,12})\.(\d{1,9})\)\s+(\S+)\s+(?:([RT])X\s+\S+\s+\S+\s+)?'
        r'([0-9A-Fa-f]{3,8})\s+(?:\[(\d{1,2})\]|\{([0-9A-Fa-f])\})\s*(.*)')
    """The length is in brackets, or with ``-8`` its code in braces."""
    COLOUR = re.compile(r'\x1b(?:\[[0-9;]*[A-Za-z]|[()]\w)?')
    """Of ``-c``, or of what the log went through."""
    KNOWN = re.compile(
        r'\s*(?:$|//|[#;](?!\s*[0-9A-Fa-f]{2,}\s*[RTrt]?\s*$)'
        # What Kayak writes above the frames.
        r'|(?:PLATFORM|DESCRIPTION|DEVICE_ALIAS)\s'
        # What candump says of itself, and what script and a terminal leave behind.
        r'|interface = |Enabling Logfile|Disabled standard output|Warning: Console output'
        r'|Script (?:started|done)|\^C\s*$)'
        # What ``-e`` explains below an error frame: words in lower case, joined by hyphens.
        r'|\s+[a-z]+(?:-[a-z]+)+(?:\{.*)?\s*$')
    LOST = re.compile(r'\s*(?:DROPCOUNT: dropped (\d{1,10}) CAN frame|\S+: interface down)')

    DATE = re.compile(r'\s*\((\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d{1,9}\).*)', re.DOTALL)
    TIMELESS = re.compile(
        r'\s*(?:\x1b\S*?m)?[^\s\x1b]+(?:\x1b\S*?m)?\s+(?:[RT]X\s+\S+\s+\S+\s+)?[0-9A-Fa-f]{3,8}\s+'
        r'(?:\[\d{1,2}\]|\{[0-9A-Fa-f]\})\s')
    HAS_LENGTH = re.compile(r'\s(?:\[\d{1,2}\]|\{[0-9A-Fa-f]\})(?:\s|$)')

    def parse_line(self, line: str) -> Parsed:
        """Return what a line says."""
        match = self.LINE.match(line)
        if match is None:
            return self._parse_other(line)
        whole, fraction, channel, digits, data, way = match.groups()
        # What nearly every line is, without the detours of the others.
        if data and len(digits) == 8 and digits[0] in '01' and len(fraction) == 6:
            time_ns = int(whole + fraction) * 1000
            content = bytes.fromhex(data if '.' not in data else data.replace('.', ''))
            if -TIME_LIMIT_NS < time_ns < TIME_LIMIT_NS and len(content) <= LONGEST_DATA:
                is_sent = way is not None and way in _SENT
                return Heard(time_ns, Frame(int(digits, 16), content), channel, is_sent)
        return self._heard(
            nanoseconds(whole, fraction), channel, digits,
            None if data is None else bytes.fromhex(data.replace('.', '')), way in _SENT)

    @classmethod
    def _dateless(cls, line: str) -> str:
        """Return a line of ``candump -tA``, which has local time, as one of ``-ta``."""
        match = cls.DATE.match(line)
        if match is None:
            return line
        when = datetime.datetime.strptime(match[1], '%Y-%m-%d %H:%M:%S')
        return f'({int(when.timestamp())}{match[2]}'

    def _parse_other(self, line: str) -> Parsed:
        if '\x1b' in line:
            return Candump.parse_line(self, self._colourless(line))
        match = self.SCREEN.match(self._dateless(line))
        if match is None:
            return self._of_no_frame(line)
        whole, fraction, channel, way, digits, count, code, words = match.groups()
        length = int(count) if count else min(int(code, 16), LONGEST_DATA)
        if length > LONGEST_DATA:
            return FD
        data = None if words.startswith('remote request') else _screen_bytes(words, length)
        return self._heard(nanoseconds(whole, fraction), channel, digits, data, way == 'T')

    def _of_no_frame(self, line: str) -> FdFrame | Lost | None:
        if self.FD_LINE.match(line):
            return FD
        if self.KNOWN.match(line):
            return None
        lost = self.LOST.match(line)
        if lost:
            return Lost(int(lost[1] or 0))
        raise ValueError('no frame of candump')

    @classmethod
    def _colourless(cls, line: str) -> str:
        return cls.COLOUR.sub('', line) if '\x1b' in line else line

    @staticmethod
    def _heard(
            time_ns: int, channel: str, digits: str, data: bytes | None, is_sent: bool) -> Heard:
        """Return the frame with an identifier as it is written; ``data`` is None if remote."""
        can_id = int(digits, 16)
        if len(digits) == 8 and can_id & ERROR_FLAG:
            frame = make_frame(can_id & EXTENDED_MASK, data or b'', False, is_error=True)
        elif data is None:
            frame = make_frame(can_id, b'', len(digits) > 3, is_remote=True)
        else:
            frame = make_frame(can_id, data, len(digits) > 3)
        return Heard(time_ns, frame, channel, is_sent)

    def is_whole(self, line: str) -> bool:
        """Only what stands on the screen says how many bytes there should be."""
        return bool(self.HAS_LENGTH.search(self._colourless(line)))

    @classmethod
    def advice(cls, lines: list[str]) -> str:
        """Without an option candump writes no times."""
        return ('its lines have no times: candump -L writes them'
                if any(map(cls.TIMELESS.match, lines)) else '')

    @classmethod
    def knows(cls, file: LogFile, line: str) -> bool:
        """Return whether a line is a frame."""
        line = cls._colourless(line)
        return bool(cls.LINE.match(line) or cls.FD_LINE.match(line) or cls.SCREEN.match(line)
                    or cls.DATE.match(line))


class CandumpDeltas(Candump):
    """``candump -td``: with each frame the time since the one before."""

    kind = 'candump -td'
    TIME = re.compile(r'\s*\((-?\d{1,12})\.(\d{1,9})\)')

    def __init__(self) -> None:
        self._time_ns = 0

    def parse_line(self, line: str) -> Parsed:
        """Return what a line says; its time is since the start of the log."""
        # The time of what is left out counts, too.
        match = self.TIME.match(self._colourless(line))
        if match:
            self._time_ns += nanoseconds(match[1], match[2])
        heard = super().parse_line(line)
        if not isinstance(heard, Heard):
            return heard
        return dataclasses.replace(heard, time_ns=self._time_ns)

    @classmethod
    def knows(cls, file: LogFile, line: str) -> bool:
        """Return whether a line is a frame, and the times of all are differences."""
        return super().knows(file, line) and cls.wrote(file.lines)

    @classmethod
    def wrote(cls, lines: list[str]) -> bool:
        """
        Tell whether these lines have differences of times.

        Such go up and down all the time, or stand still on an idle bus whose adapter has a coarse
        clock. Times since the start grow; they go back where two logs were joined, and by little
        where two sockets are not in step.
        """
        matches = filter(None, map(cls.SCREEN.match, map(cls._colourless, lines)))
        times_ns = [time_ns for match in matches if (time_ns := _time_ns(match)) is not None]
        if len(times_ns) < 2 or max(times_ns) >= DATES_FROM_NS:
            return False
        falls = sum(later < earlier for earlier, later in itertools.pairwise(times_ns))
        if falls >= 2 and falls > 0.3 * len(times_ns):
            return True
        restarts = _restarts(times_ns)
        return _longest_stand(times_ns) >= _STAND or (
            restarts >= 2 and restarts * _JOINED > len(times_ns))


_TICK_NS = 10**6
_STAND = 50
"""No bus carries so many frames in a millisecond."""
_BACK_NS = 10**7
_JOINED = 50
"""Nobody joins logs of fewer lines."""


def _time_ns(match: re.Match[str]) -> int | None:
    """Return the time of a line, ``None`` when it is none."""
    try:
        return nanoseconds(match[1], match[2])
    except ValueError:
        return None


def _longest_stand(times_ns: list[int]) -> int:
    """Return the most lines in a row with the same time, to the millisecond."""
    longest = begin = 0
    for number, time_ns in enumerate(times_ns):
        if abs(time_ns - times_ns[begin]) > _TICK_NS:
            begin = number
        longest = max(longest, number - begin + 1)
    return longest


def _restarts(times_ns: list[int]) -> int:
    """Return how often times go back by more than two sockets are out of step."""
    count, latest_ns = 0, times_ns[0]
    for time_ns in times_ns:
        if time_ns < latest_ns - _BACK_NS:
            count += 1
            latest_ns = time_ns
        latest_ns = max(latest_ns, time_ns)
    return count


def _screen_bytes(text: str, length: int) -> bytes:
    """
    Return the data of a line of the screen.

    In the order of the bus or, with ``-S``, backwards; in hexadecimal or, with ``-i``, in bits.

    :raises ValueError: when there are not as many bytes as the line says
    """
    words = text.split()
    if length > 1 and words and '`' in words[0]:
        words[:1] = words[0].split('`')[::-1]
    data, behind = words[:length], words[length:length + 1]
    if data and len(data[0]) == 8:
        if not all(len(word) == 8 and set(word) <= {'0', '1'} for word in data):
            raise ValueError('no bits')
        content = bytes(int(word, 2) for word in data)
    else:
        content = bytes.fromhex(' '.join(data))
    if len(content) != length or (behind and _BYTE.fullmatch(behind[0])):
        raise ValueError('not as many bytes as it says')
    return content


_BYTE = re.compile(r'[0-9A-Fa-f]{2}|[01]{8}')


_SENT = ('T', 't')
