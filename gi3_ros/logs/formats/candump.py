"""``candump``: log files, and what it shows on the screen."""

import dataclasses
import datetime
import itertools
import re

from ...core.frame import Frame
from ..entries import Heard
from ..writing import DATES_FROM_NS
from .frames import (
    ERROR_FLAG,
    EXTENDED_MASK,
    FD,
    LONGEST_DATA,
    make_frame,
    nanoseconds,
    TIME_LIMIT_NS,
)


class Candump:
    """``candump -L`` (log files), and ``-ta``, ``-tA`` and ``-tz`` as they stand on the screen."""

    kind = 'candump'
    LINE = re.compile(
        r'\s*\((-?\d{1,12})\.(\d{1,9})\)\s+(\S+)\s+([0-9A-Fa-f]{1,8})#'
        r'(?:((?:[0-9A-Fa-f]{2}\.?)*)|[Rr][0-9A-Fa-f]?)(?:_[0-9A-Fa-f])?(?:\s+([RTrt]))?\s*$')
    FD_LINE = re.compile(r'\s*\(-?\d+\.\d+\)\s+\S+\s+[0-9A-Fa-f]{1,8}##[0-9A-Fa-f]')
    SCREEN = re.compile(
        r'\s*\((-?\d{1,12})\.(\d{1,9})\)\s+(\S+)\s+(?:([RT])X\s+\S+\s+\S+\s+)?'
        r'([0-9A-Fa-f]{3,8})\s+\[(\d{1,2})\]\s*(remote request|(?:[0-9A-Fa-f]{2}(?:\s+|$))*)')

    DATE = re.compile(r'\s*\((\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d{1,9}\).*)', re.DOTALL)
    TIMELESS = re.compile(r'\s*\S+\s+(?:[RT]X\s+\S+\s+\S+\s+)?[0-9A-Fa-f]{3,8}\s+\[\d{1,2}\]\s')

    def parse(self, line):
        match = self.LINE.match(line)
        if match is None:
            return self._parse_other(self._dateless(line))
        whole, fraction, channel, digits, data, way = match.groups()
        # What nearly every line is, without the detours of the others.
        if data and len(digits) == 8 and digits[0] in '01' and len(fraction) == 6:
            time_ns = int(whole + fraction) * 1000
            content = bytes.fromhex(data if '.' not in data else data.replace('.', ''))
            if -TIME_LIMIT_NS < time_ns < TIME_LIMIT_NS and len(content) <= LONGEST_DATA:
                return Heard(time_ns, Frame(int(digits, 16), content), channel, way in _SENT)
        return self._heard(whole, fraction, channel, digits, data, way in _SENT)

    @classmethod
    def _dateless(cls, line):
        """Return a line of ``candump -tA``, which has local time, as one of ``-ta``."""
        match = cls.DATE.match(line)
        if match is None:
            return line
        when = datetime.datetime.strptime(match[1], '%Y-%m-%d %H:%M:%S')
        return f'({int(when.timestamp())}{match[2]}'

    def _parse_other(self, line):
        if not line.strip():
            return None
        if self.FD_LINE.match(line):
            return FD
        match = self.SCREEN.match(line)
        if match is None:
            raise ValueError('no frame of candump')
        whole, fraction, channel, way, digits, length, data = match.groups()
        if int(length) > LONGEST_DATA:
            return FD
        data = None if data.startswith('remote') else data
        if data is not None and len(data.split()) < int(length):
            raise ValueError('fewer bytes than it says')
        data = data and ''.join(data.split()[:int(length)])
        return self._heard(whole, fraction, channel, digits, data, way == 'T')

    @staticmethod
    def _heard(whole, fraction, channel, digits, data, is_sent):
        can_id = int(digits, 16)
        if len(digits) == 8 and can_id & ERROR_FLAG:
            frame = make_frame(can_id & EXTENDED_MASK, _bytes(data), False, is_error=True)
        elif data is None:
            frame = make_frame(can_id, b'', len(digits) > 3, is_remote=True)
        else:
            frame = make_frame(can_id, _bytes(data), len(digits) > 3)
        return Heard(nanoseconds(whole, fraction), frame, channel, is_sent)

    @classmethod
    def knows(cls, line):
        return bool(cls.LINE.match(line) or cls.FD_LINE.match(line) or cls.SCREEN.match(line)
                    or cls.DATE.match(line))


class CandumpDeltas(Candump):
    """``candump -td``: with each frame the time since the one before."""

    kind = 'candump -td'

    def __init__(self):
        self._time_ns = 0

    def parse(self, line):
        heard = super().parse(line)
        if not isinstance(heard, Heard):
            return heard
        self._time_ns += heard.time_ns
        return dataclasses.replace(heard, time_ns=self._time_ns)

    @classmethod
    def wrote(cls, lines):
        """
        Tell whether these lines have differences of times.

        Such go up and down all the time; times since the start do so where two logs were joined.
        """
        matches = filter(None, map(cls.SCREEN.match, lines))
        times_ns = [nanoseconds(match[1], match[2]) for match in matches]
        falls = sum(later < earlier for earlier, later in itertools.pairwise(times_ns))
        return falls >= 2 and falls > 0.3 * len(times_ns) and max(times_ns) < DATES_FROM_NS


_SENT = ('T', 't')


def _bytes(digits):
    return bytes.fromhex(digits.replace('.', '')) if digits else b''
