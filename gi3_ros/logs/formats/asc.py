# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Vector's text format."""

import datetime
import re

from ...core.interface.frame import Frame
from ..entries import Heard
from .dates import date_ns
from .frames import channel_name, FD, FdFrame, LONGEST_DATA, Lost, make_frame, nanoseconds
from .lines import LineFormat, Parsed
from .log_file import LogFile


class Asc(LineFormat):
    """
    Vector's text format, as others write it, too.

    What other buses and tools have between the frames is skipped; a line with a direction that is
    none of these may be what is left of a frame.
    """

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
    NAMED = re.compile(
        r'(\s*-?\d{1,9}\.\d+\s+\d{1,5})\s+[^\W\d]\w*\s+((?:Rx|Tx)\s+[dDrR]\s.*?)\s+Length = .*'
        r'\sID = (\d{1,10})(x?)')
    """A frame with the name of its message in place of the identifier, which stands behind."""
    TIME = re.compile(r'\s*(-?\d{1,9})\.(\d+)\s')
    EVENT = re.compile(r'\s*-?\d+\.\d+\s+(?:(?:\d+\s+)?[^\W\d]|\d+\s+\w+\s+TxRq\s)')
    FRAME_LIKE = re.compile(r'\s(Rx|Tx)\s')
    OTHER = re.compile(
        r'\s*-?\d+\.\d+\s+(?:'
        # Other buses, by their name in the place of the channel: LIN, FlexRay, Ethernet, ..
        r'(?:L\d+|Li|LIN\d*|Fr|FlexRay|ETH|WLAN|MOST\w*|AFDX|A429|J1708|J1587|K-?Line|PDU'
        r'|SOMEIP|DoIP|XCP|CCP|SPI|DIO|ADIO)\s'
        # Comment:, SV: (system variables), EV:, GPS-Position:, TFS: (test steps), ..
        r'|(?!Status)[^\W\d][\w-]*:|//|GPS|log\s'
        # Transport protocols on a CAN channel: what they put together of frames.
        r'|\d+\s+(?:J1939\w*|ISO-?TP|OSEK_?TP|TP|NMEA\w*|CANopen|ISO11783\w*)\s)',
        re.IGNORECASE)
    LOSS = re.compile(r'data[\s_]*lost|(?<!tx queue )\boverrun\b', re.IGNORECASE)
    """Status:rx queue overrun, and begin and end of a loss of data."""
    HEADER = re.compile(
        r'\s*(//|[#;]|(?:date|base|internal|no\s+internal|begin|end|previous)\b|$)',
        re.IGNORECASE)
    BASE = re.compile(r'\s*base\s+(hex|dec)(?:\s+timestamps\s+(absolute|relative))?',
                      re.IGNORECASE)
    DATE = re.compile(r'\s*date\s+(.*)', re.IGNORECASE)
    BLOCK = re.compile(r'\s*begin\s+triggerblock\s+(.*)', re.IGNORECASE)
    SPLIT_FLAG = 1 << 21
    """Of every frame on a channel that can do CAN FD, so it tells the base of the flags."""

    def __init__(self) -> None:
        self._base = 16
        self._is_relative = False
        self._start_ns = 0
        self._next_start_ns: int | None = None
        self._offset_ns = 0
        self._is_beginning = True
        self._is_of_vector = False
        self._strange_date = ''

    @property
    def remarks(self) -> tuple[str, ...]:
        """That a date was not understood."""
        if self._strange_date and not self._start_ns:
            return (f'the date {self._strange_date!a} is not understood, or can be read in two '
                    'ways: the times count from the start of the log',)
        return ()

    def parse_line(self, line: str) -> Parsed:
        """Return what a line says."""
        match = self.LINE.match(line)
        if match is None:
            return self._parse_other(line)
        whole, fraction, channel, digits, x, way, sort, rest = match.groups()
        # First, as times that count from the line before go on whatever is in it.
        time_ns = self._time_ns(whole, fraction)
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
        return Heard(time_ns, frame, channel_name(int(channel)), way == 'Tx')

    def _parse_other(self, line: str) -> Parsed:
        match = self.ERROR.match(line)
        if match:
            frame = Frame(0, b'', False, is_error=True)
            return Heard(self._time_ns(match[1], match[2]), frame, channel_name(int(match[3])))
        match = self.FD_LINE.match(line)
        if match:
            return self._of_fd_channel(match)
        match = self.NAMED.match(line)
        if match:
            can_id = f'{int(match[3]):{"X" if self._base == 16 else "d"}}{match[4]}'
            return self.parse_line(f'{match[1]} {can_id} {match[2]}')
        if self.HEADER.match(line):
            self._header(line)
            return None
        return self._of_no_frame(line)

    def _of_no_frame(self, line: str) -> Lost | None:
        match = self.TIME.match(line)
        if match and self._is_relative:
            self._time_ns(match[1], match[2])
        if self.OTHER.match(line):
            return None
        if not self.EVENT.match(line) or self.FRAME_LIKE.search(line):
            raise ValueError('no line of ASC')
        return Lost() if self.LOSS.search(line) else None

    def _of_fd_channel(self, match: re.Match[str]) -> Heard | FdFrame:
        whole, fraction, channel, way, digits, x, rest = match.groups()
        time_ns = self._time_ns(whole, fraction)
        words = rest.split()
        # BRS, ESI, DLC, length, the data, duration, length in bits, flags
        length = int(words[3]) if len(words) > 3 else 0
        flags = self._flags(words[length + 6]) if len(words) > length + 6 else self.FD_FLAG
        if flags & self.FD_FLAG or length > LONGEST_DATA:
            return FD
        is_remote = bool(flags & self.REMOTE_FLAG)
        data = b'' if is_remote else bytes(
            [int(word, self._base) for word in words[4:length + 4]])
        frame = make_frame(int(digits, self._base), data, bool(x), is_remote)
        return Heard(time_ns, frame, channel_name(int(channel)), way.lower() == 'tx')

    def _flags(self, digits: str) -> int:
        """Return a number that some write in hexadecimal whatever the base of the log."""
        if self._base == 10 and digits.isdigit() and int(digits) & self.SPLIT_FLAG:
            return int(digits)
        return int(digits, 16)

    def _header(self, line: str) -> None:
        if match := self.BASE.match(line):
            self._base = 10 if match[1].lower() == 'dec' else 16
            self._is_relative = (match[2] or '').lower() == 'relative'
        elif match := self.DATE.match(line):
            self._start_ns = self._date_ns(match[1]) or self._start_ns
        elif match := self.BLOCK.match(line):
            self._is_of_vector = True
            start_ns = self._date_ns(match[1])
            self._next_start_ns = self._next_start_ns if start_ns is None else start_ns

    def _date_ns(self, text: str) -> int | None:
        when_ns = date_ns(text)
        if when_ns is None and not self._strange_date:
            self._strange_date = ' '.join(text.split())[:60]
        return when_ns

    def _time_ns(self, whole: str, fraction: str) -> int:
        offset_ns = nanoseconds(whole, fraction)
        if self._is_relative:
            offset_ns += self._offset_ns
        if self._is_beginning:
            self._begin(offset_ns)
        # The times of later blocks go on from the first one's start, or begin again.
        if self._next_start_ns is not None:
            if offset_ns < self._offset_ns or self._offset_ns == 0:
                self._start_ns = self._next_start_ns
            self._next_start_ns = None
        self._offset_ns = offset_ns
        return self._start_ns + offset_ns

    def _begin(self, offset_ns: int) -> None:
        """
        See whether the times are those of BusMaster, which counts from midnight.

        Then the first one is the time of the day of the head, or little later. BusMaster writes
        no blocks.
        """
        self._is_beginning = False
        if self._is_of_vector or not self._start_ns:
            return
        start = datetime.datetime.fromtimestamp(self._start_ns // 10**9)
        midnight_ns = int(start.replace(hour=0, minute=0, second=0).timestamp()) * 10**9
        waited_ns = offset_ns - (self._start_ns - midnight_ns)
        if -_SECOND_NS <= waited_ns < _WAIT_NS:
            self._start_ns = midnight_ns

    def is_whole(self, line: str) -> bool:
        """
        Return whether a frame is, though its line has no end.

        It has a length, so all its bytes are there; the last one is whole where it has two digits.
        """
        words = line.split()
        return (self._base == 16 and len(words[-1]) > 1 and not self.FD_LINE.match(line))

    @classmethod
    def knows(cls, file: LogFile, line: str) -> bool:
        """Return whether a line is a frame, or of a head that nobody else has."""
        return bool(cls.BASE.match(line) or cls.LINE.match(line) or cls.FD_LINE.match(line)
                    or cls.BLOCK.match(line) or cls.ERROR.match(line))


_SECOND_NS = 10**9
_WAIT_NS = 600 * _SECOND_NS
"""For the first frame, at most."""
