# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""PEAK's text format."""

from collections.abc import Sequence
import decimal
import re
from typing import ClassVar

from ...core.interface.frame import Frame
from ..entries import Heard
from .frames import channel_name, FD, Lost, make_frame, nanoseconds, TIME_LIMIT_NS
from .lines import LineFormat, Parsed
from .log_file import LogFile

_EPOCH_DAYS = 25569
"""From PEAK's day 0, the 30th of December 1899."""


class Trc(LineFormat):
    """
    PEAK's text format, versions 1.0 to 2.1; its start time is taken for UTC.

    A cut row shows: it has a length, and each byte two digits.
    """

    COLUMNS: ClassVar[dict[str, str]] = {
        '1.0': 'NOILD', '1.1': 'NOdILD', '1.2': 'NOBdILD', '1.3': 'NOBdIRLD',
        '2.0': 'NOTIdlD', '2.1': 'NOTBIdRLD',
    }
    FD_TYPES = frozenset(('FD', 'FB', 'FE', 'BI'))
    STATUS_TYPES = frozenset(('ST', 'Warng', 'WARNG'))
    EVENT_TYPES = frozenset(('EC', 'EV', 'Event', 'EVENT'))
    """Counters of errors, and what the user or a macro wrote: rows of any length."""
    STATUS = re.compile(r'((?:[0-9A-Fa-f]{2}\s+){3}[0-9A-Fa-f]{2})[-A-Z\s,]*$')
    OVERRUN = 0x02 | 0x40
    """In the status: the controller (OVERRUN) or the queue (QOVERRUN) was read too late."""
    ROW = re.compile(r'\s*\d+\)?\s+-?\d+(\.\d+)?\s+')

    def __init__(self) -> None:
        self.kind = 'PEAK TRC 1.0'
        self._columns = {name: at for at, name in enumerate(self.COLUMNS['1.0'])}
        self._start_ns = 0

    def parse_line(self, line: str) -> Parsed:
        """Return what a line says."""
        line = line.strip()
        if not line:
            return None
        if line[0] == ';':
            self._header(line)
            return None
        columns = self._columns
        words = line.split(None, len(columns) - 1)
        if len(words) < len(columns) - 1:
            return self._of_short_row(line, words)
        words.append('')
        way = words[columns['d']] if 'd' in columns else 'Rx'
        sort = words[columns['T']] if 'T' in columns else 'DT'
        if sort in self.FD_TYPES:
            return FD
        if sort in self.EVENT_TYPES or way in self.EVENT_TYPES:
            return None
        digits = words[columns['I']]
        if digits == 'FFFFFFFF' or sort in self.STATUS_TYPES or way in self.STATUS_TYPES:
            return self._of_status(line)
        time_ns = self._start_ns + self._offset_ns(words[columns['O']])
        channel = channel_name(int(words[columns['B']])) if 'B' in columns else 'can0'
        digits_of_data = words[columns['D']]
        if sort == 'ER' or way == 'Error' or digits_of_data[:5] == 'ERROR':
            return Heard(time_ns, Frame(0, b'', False, is_error=True), channel, way == 'Tx')
        is_remote = sort == 'RR' or digits_of_data[:3] == 'RTR'
        if (sort not in ('DT', 'RR')) or way not in ('Rx', 'Tx'):
            raise ValueError('no row of TRC')
        length = int(words[columns['l' if 'l' in columns else 'L']])
        data = b'' if is_remote else bytes.fromhex(digits_of_data)
        if not is_remote and len(data) != length:
            raise ValueError('not as many bytes as it says')
        frame = make_frame(int(digits, 16), data, len(digits) > 4, is_remote)
        return Heard(time_ns, frame, channel, way == 'Tx')

    def _of_short_row(self, line: str, words: list[str]) -> Lost | None:
        """Return what a row with columns missing is: a status, or nothing that was on the bus."""
        at = self._columns.get('T', self._columns.get('d', len(words)))
        sort = words[at] if at < len(words) else ''
        if sort in self.STATUS_TYPES:
            return self._of_status(line)
        if sort not in self.EVENT_TYPES or not self.ROW.match(line):
            raise ValueError('too few columns')
        return None

    @classmethod
    def _of_status(cls, line: str) -> Lost | None:
        """Return whether frames were lost; what else the hardware says of itself is no frame."""
        match = cls.STATUS.search(line)
        if 'OVERRUN' in line or (match and int(''.join(match[1].split()), 16) & cls.OVERRUN):
            return Lost()
        return None

    @staticmethod
    def _offset_ns(text: str) -> int:
        whole, _, fraction = text.partition('.')
        if not whole.lstrip('-').isdigit() or len(whole) > 15:
            raise ValueError('no time')
        return nanoseconds(whole, fraction, 6)

    def _header(self, line: str) -> None:
        name, _, value = line.partition('=')
        if name == ';$FILEVERSION':
            version = value.strip()
            self.kind = f'PEAK TRC {version}'
            self._choose(self.COLUMNS.get(version, self.COLUMNS['1.0']))
        elif name == ';$COLUMNS':
            self._choose([each.strip() for each in value.split(',')])
        elif name == ';$STARTTIME':
            try:
                days = decimal.Decimal(value.strip().replace(',', '.'))
                start_ns = round((days - _EPOCH_DAYS) * 86_400 * 10**9)
            except (ArithmeticError, ValueError):
                return
            if -TIME_LIMIT_NS < start_ns < TIME_LIMIT_NS:
                self._start_ns = start_ns

    def _choose(self, names: Sequence[str]) -> None:
        columns = {name: at for at, name in enumerate(names)}
        is_each_once = len(columns) == len(names)
        if is_each_once and {'O', 'I', 'D'} <= set(columns) and {'l', 'L'} & set(columns):
            self._columns = columns

    @classmethod
    def knows(cls, file: LogFile, line: str) -> bool:
        """Return whether a line is of the head, or a row of the oldest version."""
        return line.startswith((';$FILEVERSION', ';$STARTTIME', ';----')) or bool(
            re.match(r'\s*\d+\)\s+\d+(\.\d+)?\s', line))
