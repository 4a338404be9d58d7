"""Vector's text format."""

import datetime
import re

from ...core.frame import Frame
from ..entries import Heard
from .frames import channel_name, FD, LONGEST_DATA, make_frame, nanoseconds

_MONTHS = {
    'jan': 1, 'feb': 2, 'mar': 3, 'mär': 3, 'mrz': 3, 'apr': 4, 'may': 5, 'mai': 5, 'jun': 6,
    'jul': 7, 'aug': 8, 'sep': 9, 'oct': 10, 'okt': 10, 'nov': 11, 'dec': 12, 'dez': 12,
}
_DATE = re.compile(
    r'\S+\s+(\w+)\s+(\d+)\s+(\d+):(\d+):(\d+)(?:\.(\d+))?\s*([ap]m)?\s+(\d{4})', re.IGNORECASE)


def _asc_date_ns(text):
    """Return the nanoseconds of a date of Vector's, which is local time; None for another text."""
    match = _DATE.match(text.strip())
    if match is None or match[1].lower()[:3] not in _MONTHS:
        return None
    hour = int(match[3])
    if match[7]:
        hour = hour % 12 + (12 if match[7].lower() == 'pm' else 0)
    try:
        when = datetime.datetime(
            int(match[8]), _MONTHS[match[1].lower()[:3]], int(match[2]), hour, int(match[4]),
            int(match[5]))
        seconds = int(when.timestamp())
    except (ValueError, OverflowError, OSError):
        return None
    return seconds * 10**9 + int((match[6] or '0')[:9].ljust(9, '0'))


class Asc:
    """Vector's text format."""

    kind = 'Vector ASC'
    LINE = re.compile(
        r'\s*(-?\d{1,9})\.(\d+)\s+(\d{1,5})\s+([0-9A-Fa-f]{1,10})([xX]?)\s+(Rx|Tx)\s+([dDrR])'
        r'(?:\s+(.*))?$')
    ERROR = re.compile(
        r'\s*(-?\d{1,9})\.(\d+)\s+(?:CANFD\s+)?(\d{1,5})\s+(?:(?:Rx|Tx)\s+)?ErrorFrame',
        re.IGNORECASE)
    FD_LINE = re.compile(
        r'\s*(-?\d{1,9})\.(\d+)\s+CANFD\s+(\d{1,5})\s+(Rx|Tx)\s+([0-9A-Fa-f]{1,10})([xX]?)\s+'
        r'(?:[A-Za-z_]\S*\s+)?(.*)$', re.IGNORECASE)
    """A channel that can do CAN FD; the frame itself may be a classic one."""
    FD_FLAG, REMOTE_FLAG = 1 << 12, 1 << 4
    EVENT = re.compile(r'\s*-?\d+\.\d+\s+(?:(?:\d+\s+)?[A-Za-z_]|\d+\s+\w+\s+TxRq\s)')
    FRAME_LIKE = re.compile(r'\s(Rx|Tx)\s')
    HEADER = re.compile(
        r'\s*(//|(?:date|base|internal|no\s+internal|begin|end|previous)\b|$)', re.IGNORECASE)
    BASE = re.compile(r'\s*base\s+(hex|dec)(?:\s+timestamps\s+(absolute|relative))?',
                      re.IGNORECASE)
    DATE = re.compile(r'\s*date\s+(.*)', re.IGNORECASE)
    BLOCK = re.compile(r'\s*begin\s+triggerblock\s+(.*)', re.IGNORECASE)

    def __init__(self):
        self._base = 16
        self._is_relative = False
        self._start_ns = 0
        self._next_start_ns = None
        self._offset_ns = 0

    def parse(self, line):
        match = self.LINE.match(line)
        if match is None:
            return self._parse_other(line)
        whole, fraction, channel, digits, x, way, sort, rest = match.groups()
        can_id = int(digits, self._base)
        if sort in 'rR':
            frame = make_frame(can_id, b'', bool(x), is_remote=True)
        else:
            words = rest.split() if rest else ()
            if not words:
                raise ValueError('no length')
            length = min(int(words[0], self._base), LONGEST_DATA)
            if len(words) <= length:
                raise ValueError('fewer bytes than it says')
            data = bytes([int(word, self._base) for word in words[1:length + 1]])
            frame = make_frame(can_id, data, bool(x))
        return Heard(self._time_ns(whole, fraction), frame, channel_name(int(channel)),
                     way == 'Tx')

    def _parse_other(self, line):
        match = self.ERROR.match(line)
        if match:
            frame = Frame(0, b'', False, is_error=True)
            return Heard(self._time_ns(match[1], match[2]), frame, channel_name(int(match[3])))
        match = self.FD_LINE.match(line)
        if match:
            return self._of_fd_channel(*match.groups())
        if self.HEADER.match(line):
            self._header(line)
        elif not self.EVENT.match(line) or self.FRAME_LIKE.search(line):
            raise ValueError('no line of ASC')
        return None

    def _of_fd_channel(self, whole, fraction, channel, way, digits, x, rest):
        time_ns = self._time_ns(whole, fraction)
        words = rest.split()
        # BRS, ESI, DLC, length, the data, duration, length in bits, flags
        length = int(words[3]) if len(words) > 3 else 0
        flags = int(words[length + 6], 16) if len(words) > length + 6 else self.FD_FLAG
        if flags & self.FD_FLAG or length > LONGEST_DATA:
            return FD
        is_remote = bool(flags & self.REMOTE_FLAG)
        data = b'' if is_remote else bytes([int(word, 16) for word in words[4:length + 4]])
        frame = make_frame(int(digits, self._base), data, bool(x), is_remote)
        return Heard(time_ns, frame, channel_name(int(channel)), way.lower() == 'tx')

    def _header(self, line):
        if match := self.BASE.match(line):
            self._base = 10 if match[1].lower() == 'dec' else 16
            self._is_relative = (match[2] or '').lower() == 'relative'
        elif match := self.DATE.match(line):
            self._start_ns = _asc_date_ns(match[1]) or self._start_ns
        elif (match := self.BLOCK.match(line)) and (start := _asc_date_ns(match[1])) is not None:
            self._next_start_ns = start

    def _time_ns(self, whole, fraction):
        offset_ns = nanoseconds(whole, fraction)
        if self._is_relative:
            offset_ns += self._offset_ns
        # The times of later blocks go on from the first one's start, or begin again.
        if self._next_start_ns is not None:
            if offset_ns < self._offset_ns or self._offset_ns == 0:
                self._start_ns = self._next_start_ns
            self._next_start_ns = None
        self._offset_ns = offset_ns
        return self._start_ns + offset_ns

    @classmethod
    def knows(cls, line):
        return bool(cls.BASE.match(line) or cls.LINE.match(line) or cls.FD_LINE.match(line)
                    or cls.BLOCK.match(line) or cls.ERROR.match(line))
