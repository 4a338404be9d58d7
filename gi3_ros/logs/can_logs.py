"""
Log files of CAN buses: candump, Vector ASC and BLF, PEAK TRC, and what python-can writes.

The line formats are parsed here and not by python-can: its readers end at the first bad line, take
most error frames of candump for data frames, leave out those of TRC, and keep times as floats,
which at today's dates are too coarse for nanoseconds.
"""

import base64
import codecs
import dataclasses
import datetime
import decimal
import functools
import gc
import io
import itertools
import logging
import re
import sqlite3
import struct
import sys
from typing import ClassVar
import zlib

import can
from can.io.blf import BLFReader, BLFWriter

from ..core.frame import Frame
from .entries import Heard, LogError
from .reading import Log
from .writing import ChannelNumbers, DATES_FROM_NS, LogWriter, StartTime

_LONGEST_DATA = 8
_LONGEST_LINE = 4096
_TIME_LIMIT_NS = 1 << 62
_ERROR_FLAG = 0x20000000
_EXTENDED_MASK = 0x1FFFFFFF
_HEAD = 1 << 16
_GZIP = b'\x1f\x8b'


class _FdFrame:
    """Stands for a frame of CAN FD: not of this interface, and no :class:`Frame`."""


FD = _FdFrame()


def channel_name(number):
    """Name a channel that the file numbers from 1, as python-can does: 1 is can0."""
    return f'can{number - 1}' if number > 0 else str(number)


def _frame(can_id, data, is_extended, is_remote=False, is_error=False):
    """
    Return a :class:`Frame`.

    :raises ValueError: when there is no such frame on a classic bus
    """
    if can_id >> (29 if is_extended or is_error else 11):
        raise ValueError(f'identifier {can_id:#x} has too many bits')
    if len(data) > _LONGEST_DATA:
        raise ValueError(f'{len(data)} bytes of data')
    return Frame(can_id, data, is_extended, is_remote, is_error)


def _nanoseconds(whole, fraction, unit_digits=9):
    """Return the number of nanoseconds (or so) that decimal digits say, without a float."""
    digits = fraction[:unit_digits].ljust(unit_digits, '0')
    value = int(whole) * 10**unit_digits
    value = value - int(digits) if whole[0] == '-' else value + int(digits)
    if not -_TIME_LIMIT_NS < value < _TIME_LIMIT_NS:
        raise ValueError('a time out of range')
    return value


class _Candump:
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
            if -_TIME_LIMIT_NS < time_ns < _TIME_LIMIT_NS and len(content) <= _LONGEST_DATA:
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
        if int(length) > _LONGEST_DATA:
            return FD
        data = None if data.startswith('remote') else data
        if data is not None and len(data.split()) < int(length):
            raise ValueError('fewer bytes than it says')
        data = data and ''.join(data.split()[:int(length)])
        return self._heard(whole, fraction, channel, digits, data, way == 'T')

    @staticmethod
    def _heard(whole, fraction, channel, digits, data, is_sent):
        can_id = int(digits, 16)
        if len(digits) == 8 and can_id & _ERROR_FLAG:
            frame = _frame(can_id & _EXTENDED_MASK, _bytes(data), False, is_error=True)
        elif data is None:
            frame = _frame(can_id, b'', len(digits) > 3, is_remote=True)
        else:
            frame = _frame(can_id, _bytes(data), len(digits) > 3)
        return Heard(_nanoseconds(whole, fraction), frame, channel, is_sent)

    @classmethod
    def knows(cls, line):
        return bool(cls.LINE.match(line) or cls.FD_LINE.match(line) or cls.SCREEN.match(line)
                    or cls.DATE.match(line))


class _CandumpDeltas(_Candump):
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
        times_ns = [_nanoseconds(match[1], match[2]) for match in matches]
        falls = sum(later < earlier for earlier, later in itertools.pairwise(times_ns))
        return falls >= 2 and falls > 0.3 * len(times_ns) and max(times_ns) < DATES_FROM_NS


_SENT = ('T', 't')


def _bytes(digits):
    return bytes.fromhex(digits.replace('.', '')) if digits else b''


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


class _Asc:
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
            frame = _frame(can_id, b'', bool(x), is_remote=True)
        else:
            words = rest.split() if rest else ()
            if not words:
                raise ValueError('no length')
            length = min(int(words[0], self._base), _LONGEST_DATA)
            if len(words) <= length:
                raise ValueError('fewer bytes than it says')
            data = bytes([int(word, self._base) for word in words[1:length + 1]])
            frame = _frame(can_id, data, bool(x))
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
        if flags & self.FD_FLAG or length > _LONGEST_DATA:
            return FD
        is_remote = bool(flags & self.REMOTE_FLAG)
        data = b'' if is_remote else bytes([int(word, 16) for word in words[4:length + 4]])
        frame = _frame(int(digits, self._base), data, bool(x), is_remote)
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
        offset_ns = _nanoseconds(whole, fraction)
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


_EPOCH_DAYS = 25569
"""From PEAK's day 0, the 30th of December 1899."""


class _Trc:
    """PEAK's text format, versions 1.0 to 2.1; its start time is taken for UTC."""

    COLUMNS: ClassVar = {
        '1.0': 'NOILD', '1.1': 'NOdILD', '1.2': 'NOBdILD', '1.3': 'NOBdIRLD',
        '2.0': 'NOTIdlD', '2.1': 'NOTBIdRLD',
    }
    FD_TYPES = frozenset(('FD', 'FB', 'FE', 'BI'))
    OTHER_TYPES = frozenset(('ST', 'EC', 'EV', 'Warng', 'WARNG'))
    ROW = re.compile(r'\s*\d+\)?\s+-?\d+(\.\d+)?\s+')

    def __init__(self):
        self._version = '1.0'
        self._columns = {name: at for at, name in enumerate(self.COLUMNS['1.0'])}
        self._start_ns = 0

    @property
    def kind(self):
        return f'PEAK TRC {self._version}'

    def parse(self, line):
        line = line.strip()
        if not line:
            return None
        if line[0] == ';':
            self._header(line)
            return None
        columns = self._columns
        words = line.split(None, len(columns) - 1)
        if len(words) < len(columns) - 1:
            raise ValueError('too few columns')
        words.append('')
        way = words[columns['d']] if 'd' in columns else 'Rx'
        sort = words[columns['T']] if 'T' in columns else 'DT'
        if sort in self.FD_TYPES:
            return FD
        if sort in self.OTHER_TYPES or way in self.OTHER_TYPES:
            return None
        time_ns = self._start_ns + self._offset_ns(words[columns['O']])
        channel = channel_name(int(words[columns['B']])) if 'B' in columns else 'can0'
        data = words[columns['D']]
        if sort == 'ER' or way == 'Error' or data[:5] == 'ERROR':
            return Heard(time_ns, Frame(0, b'', False, is_error=True), channel, way == 'Tx')
        digits = words[columns['I']]
        if digits == 'FFFFFFFF':
            return None
        is_remote = sort == 'RR' or data[:3] == 'RTR'
        if (sort not in ('DT', 'RR')) or way not in ('Rx', 'Tx'):
            raise ValueError('no row of TRC')
        length = int(words[columns['l' if 'l' in columns else 'L']])
        data = b'' if is_remote else bytes.fromhex(data)
        if not is_remote and len(data) != length:
            raise ValueError('not as many bytes as it says')
        frame = _frame(int(digits, 16), data, len(digits) > 4, is_remote)
        return Heard(time_ns, frame, channel, way == 'Tx')

    @staticmethod
    def _offset_ns(text):
        whole, _, fraction = text.partition('.')
        if not whole.lstrip('-').isdigit() or len(whole) > 15:
            raise ValueError('no time')
        return _nanoseconds(whole, fraction, 6)

    def _header(self, line):
        name, _, value = line.partition('=')
        if name == ';$FILEVERSION':
            self._version = value.strip()
            self._choose(self.COLUMNS.get(self._version, self.COLUMNS['1.0']))
        elif name == ';$COLUMNS':
            self._choose([each.strip() for each in value.split(',')])
        elif name == ';$STARTTIME':
            try:
                days = decimal.Decimal(value.strip().replace(',', '.'))
                start_ns = round((days - _EPOCH_DAYS) * 86_400 * 10**9)
            except (ArithmeticError, ValueError):
                return
            if -_TIME_LIMIT_NS < start_ns < _TIME_LIMIT_NS:
                self._start_ns = start_ns

    def _choose(self, names):
        columns = {name: at for at, name in enumerate(names)}
        if {'O', 'I', 'D'} <= set(columns) and {'l', 'L'} & set(columns):
            self._columns = columns

    @classmethod
    def knows(cls, line):
        return line.startswith((';$FILEVERSION', ';$STARTTIME', ';----')) or bool(
            re.match(r'\s*\d+\)\s+\d+(\.\d+)?\s', line))


class _PythonCanCsv:
    """What python-can writes as CSV."""

    kind = 'python-can CSV'
    HEADER = 'timestamp,arbitration_id,extended,remote,error,dlc,data'

    def parse(self, line):
        line = line.strip()
        if not line or line == self.HEADER:
            return None
        seconds, can_id, extended, remote, error, _, data = line.split(',')
        flags = [each.strip() == '1' for each in (extended, remote, error)]
        data = b'' if flags[1] else base64.b64decode(data, validate=True)
        return Heard(_float_ns(float(seconds)), _frame(int(can_id, 16), data, *flags))

    @classmethod
    def knows(cls, line):
        return line.strip() == cls.HEADER


class _Unpacked(io.RawIOBase):
    """
    What is packed in a gzip file, to the last byte before the damage.

    The library's own reader gives up the block in which it fails.

    :raises EOFError: where the file is cut short
    :raises zlib.error: where it is damaged
    """

    _BITE = 64
    """Packed bytes at once; as many as this are lost at most."""

    def __init__(self, file):
        self._file = file
        self._unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self._packed = b''
        self._at = 0

    def readable(self):
        return True

    def tell(self):
        return self._at

    def close(self):
        if not self.closed:
            self._file.close()
        super().close()

    def readinto(self, buffer):
        count = 0
        while not count:
            if self._unpacker.eof:
                # Another part may follow, or zeros to fill a block of a tape.
                self._packed = self._unpacker.unused_data + self._packed
                while self._packed.strip(b'\0') == b'':
                    self._packed = self._file.read(self._BITE)
                    if not self._packed:
                        return 0
                self._packed = self._packed.lstrip(b'\0')
                self._unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
            if not self._packed:
                self._packed = self._file.read(self._BITE)
            if not self._packed:
                raise EOFError('the compressed file is cut short')
            unpacked = self._unpacker.decompress(self._packed, len(buffer))
            self._packed = self._unpacker.unconsumed_tail
            count = len(unpacked)
        buffer[:count] = unpacked
        self._at += count
        return count


_LINE_FORMATS = (_PythonCanCsv, _Trc, _Asc, _Candump)
_SUFFIXES = {'.log': _Candump, '.asc': _Asc, '.trc': _Trc, '.csv': _PythonCanCsv}


def _float_ns(seconds):
    """Return the nanoseconds of a float of seconds: at today's dates good for microseconds."""
    if not -4e9 < seconds < 4e9:
        raise ValueError('a time out of range')
    return round(seconds * 1e6) * 1000


class _Tally:
    """What an iteration meets that gives no entry."""

    def __init__(self):
        self.bad = 0
        self.first = ''
        self.fd = 0
        self.end = ''
        self.blf = None
        """The reader, which counts its damages itself."""

    @property
    def losses(self):
        return self.bad + (self.blf.damages if self.blf else 0)

    def add_bad(self, where, what):
        if not self.bad:
            text = ' '.join(what.split())
            text = text if len(text) <= 60 else f'{text[:57]}...'
            self.first = f'{where}: {text!a}' if text else where
        self.bad += 1

    def sentences(self, noun):
        if self.bad:
            plural = ('s are', 'are') if self.bad > 1 else (' is', 'is')
            yield (f'{self.bad} {noun}{plural[0]} no frame and {plural[1]} left out, '
                   f'the first is {self.first}')
        if self.fd:
            yield (f'{self.fd} frame{"s" if self.fd > 1 else ""} of CAN FD left out: the '
                   'interface is classic CAN')
        if self.end:
            yield self.end


class CanLog(Log):
    """
    A log file of a CAN bus.

    :param channel: only what was heard there; formats that number their channels name them can0,
        can1, .. for 1, 2, ..
    :raises LogError: when nothing can be read from it
    """

    def __init__(self, path, *, channel=None):
        super().__init__(path)
        self._channel = channel
        try:
            head = self._head()
        except (OSError, EOFError, zlib.error) as error:
            raise LogError(f'{path}: cannot be read: {_reason(error)}') from None
        self._encoding = 'utf-16' if head.startswith(_UTF16) else 'utf-8-sig'
        self._format = self._recognise(head)
        tally = _Tally()
        # The first frame tells whether the times are dates; without one nothing is to be had.
        first = next(self._entries(tally), None)
        if first is None and (tally.bad or tally.end):
            words = '; '.join(tally.sentences(self._noun))
            lines = head.decode(self._encoding, 'replace').splitlines()
            if self._format is _Candump and any(map(_Candump.TIMELESS.match, lines)):
                words = 'its lines have no times: candump -L writes them'
            raise LogError(f'{path}: no frame can be read, taken for {self.kind}: {words}')
        self.has_dates = first is not None and first.time_ns >= DATES_FROM_NS
        self.problems = []
        self._tally = _Tally()

    @property
    def losses(self):
        return self._tally.losses

    @property
    def is_damaged(self):
        # Frames of CAN FD are another bus's.
        return len(self.problems) > bool(self._tally.fd)

    def __iter__(self):
        self.problems.clear()
        tally = self._tally = _Tally()
        entries = self._entries(tally)
        if self._channel is None:
            yield from entries
        else:
            yield from self._chosen(entries)
        self.problems.extend(tally.sentences(self._noun))

    def _chosen(self, entries):
        name, others, is_there = self._channel, set(), False
        if name.isdigit() and self._is_numbered:
            name = channel_name(int(name))
        for entry in entries:
            if entry.channel == name:
                is_there = True
                yield entry
            elif len(others) < _CHANNELS:
                others.add(entry.channel)
        if not is_there:
            names = ', '.join(sorted(each or '(without a name)' for each in others))
            self.problems.append(f'nothing on channel {self._channel}, there is {names or "none"}')

    @property
    def _noun(self):
        return 'line' if isinstance(self._format, type) else 'frame'

    @property
    def _is_numbered(self):
        return self._format not in (_Candump, _CandumpDeltas, _PythonCanCsv)

    def _open(self):
        file = self.path.open('rb')
        magic = file.read(len(_GZIP))
        file.seek(0)
        return io.BufferedReader(_Unpacked(file)) if magic == _GZIP else file

    def _head(self):
        head = b''
        with self._open() as file:
            try:
                while len(head) < _HEAD and (part := file.read1(_HEAD)):
                    head += part
            except (EOFError, zlib.error):
                # Cut short within the first part: what is there has to do.
                if not head:
                    raise
        return head

    def _recognise(self, head):
        for magic, kind, read in (
                (b'LOGG', 'Vector BLF', self._blf), (b'MDF ', 'ASAM MF4', self._mf4),
                (b'SQLite format 3\0', 'python-can database', self._database)):
            if head.startswith(magic):
                self.kind = kind
                return read
        text = head.decode(self._encoding, 'replace')
        lines = text.splitlines()[:_RECOGNISED]
        for line in lines:
            for each in _LINE_FORMATS:
                if each.knows(line):
                    if each is _Candump and _CandumpDeltas.wrote(lines):
                        each = _CandumpDeltas
                    self.kind = each.__name__ if each is _Trc else each.kind
                    return each
        suffixes = [each.lower() for each in self.path.suffixes if each.lower() != '.gz']
        by_suffix = _SUFFIXES.get(suffixes[-1]) if suffixes else None
        if by_suffix is None or '\0' in text:
            raise LogError(
                f'{self.path}: no log that is known here: neither candump, ASC, BLF, TRC, MF4, '
                'CSV, Parquet nor a bag')
        return by_suffix

    def _entries(self, tally):
        if not isinstance(self._format, type):
            return self._format(tally)
        return self._lines(tally)

    def _lines(self, tally):
        parser = self._format()
        parse = parser.parse
        number = 0
        try:
            with self._open() as raw, io.TextIOWrapper(
                    raw, encoding=self._encoding, errors='replace') as file:
                for line in iter(functools.partial(file.readline, _LONGEST_LINE), ''):
                    number += 1
                    try:
                        entry = parse(line)
                    except (ValueError, OverflowError):
                        tally.add_bad(f'line {number}', line)
                        continue
                    if entry is FD:
                        tally.fd += 1
                    elif entry is not None:
                        self.kind = parser.kind
                        yield entry
        except (OSError, EOFError, zlib.error, UnicodeError) as error:
            tally.end = f'ends after line {number}: {_reason(error)}'
        self.kind = parser.kind

    def _blf(self, tally):
        with self._open() as file:
            try:
                reader = _Blf(file)
            except (OSError, EOFError, zlib.error, ValueError, struct.error,
                    can.io.blf.BLFParseError) as error:
                tally.end = f'the header is damaged: {_reason(error)}'
                return
            tally.blf = reader
            start_ns = round(reader.start_timestamp * 1e3) * 10**6
            # Without the date the float is exact to the nanosecond, for a hundred days.
            reader.start_timestamp = 0.0
            yield from self._messages(
                reader, tally, lambda seconds: start_ns + round(seconds * 1e9),
                lambda: f'byte {reader.at}')
            tally.end = '; '.join([*reader.problems(), *filter(None, [tally.end])])

    def _database(self, tally):
        if self.path.suffix.lower() == '.gz':
            tally.end = 'a database has to be unpacked first'
            return
        try:
            connection = sqlite3.connect(f'{self.path.resolve().as_uri()}?mode=ro', uri=True)
        except sqlite3.Error as error:
            tally.end = f'the database cannot be opened: {_reason(error)}'
            return
        try:
            rows = connection.execute(
                'SELECT ts, arbitration_id, extended, remote, error, data FROM messages '
                'ORDER BY rowid')
            for number, row in enumerate(rows, 1):
                try:
                    entry = _row(*row)
                except (ValueError, TypeError, OverflowError):
                    tally.add_bad(f'row {number}', '')
                    continue
                if entry is FD:
                    tally.fd += 1
                else:
                    yield entry
        except (sqlite3.Error, UnicodeError) as error:
            tally.end = f'the database cannot be read further: {_reason(error)}'
        finally:
            connection.close()

    def _mf4(self, tally):
        hook = sys.unraisablehook
        try:
            # What it could not open, asammdf cannot close either, and Python would tell of that.
            sys.unraisablehook = lambda _: None
            reader = can.io.mf4.MF4Reader(str(self.path))
        except NotImplementedError:
            tally.end = 'MF4 needs asammdf: pip install asammdf'
            return
        except Exception as error:
            # A library of its own with errors of every sort: whatever it is, it is no MF4 to us.
            tally.end = f'damaged: {_reason(error)}'
            return
        finally:
            gc.collect()
            sys.unraisablehook = hook
        yield from self._messages(reader, tally, _float_ns, lambda: 'an unknown place')

    @staticmethod
    def _messages(reader, tally, to_ns, where):
        """Yield what a reader of python-can gives until it fails."""
        messages = iter(reader)
        while True:
            try:
                message = next(messages, None)
            except Exception as error:
                # Damaged bytes raise nearly anything there; what it was is said, and all is over.
                tally.end = f'damaged at {where()}, ends there: {_reason(error)}'
                return
            if message is None:
                return
            if message.is_fd:
                tally.fd += 1
                continue
            try:
                time_ns = to_ns(message.timestamp)
                if not -_TIME_LIMIT_NS < time_ns < _TIME_LIMIT_NS:
                    raise ValueError('a time out of range')
                data = b'' if message.is_remote_frame else bytes(message.data)
                frame = _frame(
                    message.arbitration_id, data, message.is_extended_id,
                    message.is_remote_frame, message.is_error_frame)
            except (ValueError, OverflowError):
                tally.add_bad(where(), '')
                continue
            channel = message.channel
            yield Heard(
                time_ns, frame,
                channel_name(channel + 1) if isinstance(channel, int) else channel or '',
                not message.is_rx)


_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_RECOGNISED = 200
"""Lines within which a format has to show."""
_CHANNELS = 20


def _row(seconds, can_id, is_extended, is_remote, is_error, data):
    data = b'' if is_remote or data is None else bytes(data)
    if len(data) > _LONGEST_DATA:
        return FD
    frame = _frame(can_id, data, bool(is_extended), bool(is_remote), bool(is_error))
    return Heard(_float_ns(seconds), frame)


_CUT = 'the file is cut short'


class _Blf(BLFReader):
    """
    python-can's reader of objects, in a file of which parts may be missing.

    By itself it ends at the first damage, waits for ever for the end of an object that pretends to
    be long, and stays for ever at one of size 0. This one goes on with the next block.
    """

    _PIECE = 1 << 16
    _BLOCK_LIMIT = 256 << 20
    _OBJECT_LIMIT = 1 << 20
    _HEAD = struct.Struct('<4sHHLL')
    _BLOCK_HEAD = struct.Struct('<H6xL4x')
    _BLOCK = re.compile(rb'LOBJ\x10\0.{6}\n\0\0\0', re.DOTALL)
    _ENDLESS = re.compile(rb'LOBJ.{4}\0{4}', re.DOTALL)

    def __init__(self, file):
        super().__init__(file)
        self.at = file.tell()
        """Where in the file the reader is."""
        self._ahead = b''
        self._is_lost = False
        self.damages = 0
        """In how many places frames were lost."""
        self._first_at = self._last_at = -1
        self._end = ''

    def stop(self):
        """Leave the file open: who opened it wants to know where it ended."""

    def problems(self):
        """Say what is missing, in sentences."""
        if self.damages:
            places = '' if self.damages == 1 else f' in {self.damages} places, the first'
            yield (f'damaged{places} at byte {self._first_at}: the frames there (up to some '
                   'thousand in a block) are left out')
        if self.object_count == 0 and self.at > self.file_size:
            yield 'the file was never finished, its last frames may be missing'
        elif self._end:
            yield f'ends at byte {self.at} of {self.file_size}: {self._end}'

    def __iter__(self):
        while head := self._read(self._HEAD.size):
            begin = self.at - len(head)
            if len(head) < self._HEAD.size:
                break
            signature, _, _, size, sort = self._HEAD.unpack(head)
            if signature != b'LOBJ' or not len(head) <= size <= self._BLOCK_LIMIT:
                self._lose(begin)
                if not self._find_block(head[1:]):
                    break
                continue
            content = self._read(size - len(head))
            is_cut = len(content) < size - len(head)
            if sort == can.io.blf.LOG_CONTAINER:
                yield from self._block(content, begin, is_cut)
            if is_cut:
                self._end = self._end or _CUT
                break
            self._read(size % 4)
        if self.file_size > self.at:
            self._end = self._end or _CUT
        elif len(self._tail) > self._HEAD.size and not self._end:
            self._lose(self.at)

    def _block(self, content, begin, is_cut):
        """Yield the messages in a block; of one with a wrong checksum nothing can be trusted."""
        if is_cut and len(content) < self._BLOCK_HEAD.size:
            return
        try:
            method, _ = self._BLOCK_HEAD.unpack_from(content)
            data = content[self._BLOCK_HEAD.size:]
            if method == can.io.blf.ZLIB_DEFLATE:
                unpacker = zlib.decompressobj()
                data = unpacker.decompress(data, self._BLOCK_LIMIT)
                # Of a block that is cut short what is there is good; a whole one has an end.
                if not unpacker.eof and not is_cut:
                    raise ValueError('no end')
            elif method != can.io.blf.NO_COMPRESSION:
                raise ValueError('an unknown compression')
        except (ValueError, struct.error, zlib.error):
            self._lose(begin)
            return
        yield from self._objects(data, begin)

    def _objects(self, data, begin):
        """Yield the messages in unpacked data; what is left waits for what follows."""
        data, self._tail = self._tail + data, b''
        while True:
            if self._is_lost:
                at = data.find(b'LOBJ')
                if at < 0:
                    self._tail = data[-3:]
                    return
                data, self._is_lost = data[at:], False
            endless = self._ENDLESS.search(data)
            try:
                yield from self._parse_data(data[:endless.start()] if endless else data)
            except can.io.blf.BLFParseError:
                self._lose(begin)
                data = data[self._pos:]
                continue
            except struct.error:
                # The rest of the object is in what follows.
                pass
            data = data[self._pos:]
            at = data.find(b'LOBJ', 0, 12)
            size = int.from_bytes(data[at + 8:at + 12], 'little') if at >= 0 else 0
            if endless is None and size <= self._OBJECT_LIMIT:
                self._tail = data
                return
            self._lose(begin)
            data = data[at + 4:]

    def _lose(self, at):
        """Begin anew with the next object."""
        self._tail, self._is_lost = b'', True
        if not self.damages:
            self._first_at = at
        if at != self._last_at:
            self._last_at = at
            self.damages += 1

    def _read(self, size):
        """Return as many bytes, or fewer at the end of what can be read."""
        data, self._ahead = self._ahead[:size], self._ahead[size:]
        parts, missing = [data], size - len(data)
        try:
            while missing and (part := self.file.read1(missing)):
                parts.append(part)
                missing -= len(part)
        except (OSError, EOFError, zlib.error) as error:
            self._end = _reason(error)
        self.at += size - missing
        return b''.join(parts)

    def _find_block(self, passed):
        """Go to where the next block begins; return whether there is one."""
        begin, ahead = self.at - len(passed), passed + self._ahead
        while True:
            match = self._BLOCK.search(ahead)
            if match:
                self.at, self._ahead = begin + match.start(), ahead[match.start():]
                return True
            kept = ahead[1 - self._HEAD.size:]
            begin += len(ahead) - len(kept)
            self.at, self._ahead = begin + len(kept), b''
            part = self._read(self._PIECE)
            if not part:
                return False
            ahead = kept + part


def _reason(error):
    """Say what an exception of a library means, on one line."""
    words = getattr(error, 'strerror', None) or str(error) or type(error).__name__
    return ' '.join(str(words).split())


class BlfWriter(LogWriter):
    """Vector's binary format, with times to the nanosecond."""

    def __init__(self, path, mode):
        super().__init__(path)
        self._channels = ChannelNumbers()
        self._start = StartTime()
        self._writer = BLFWriter(open(path, mode))  # noqa: SIM115 - it is closed by the writer
        # Otherwise it takes the first time for the start, as a float of seconds since the epoch.
        self._writer.start_timestamp = 0.0

    def _write(self, heard):
        frame = heard.frame
        # The writer cuts off what is less than a nanosecond.
        offset_s = (self._start.offset_ns(heard.time_ns) + 0.5) / 1e9
        self._writer.on_message_received(can.Message(
            timestamp=offset_s, arbitration_id=frame.can_id, data=frame.data,
            is_extended_id=frame.is_extended, is_remote_frame=frame.is_remote,
            is_error_frame=frame.is_error, is_rx=not heard.is_sent,
            channel=self._channels.number(heard.channel) - 1))

    def _close(self):
        start_s = (self._start.start_ns or 0) / 1e9
        self._writer.start_timestamp = start_s
        self._writer.stop_timestamp = start_s + self._start.last_ns / 1e9
        try:
            self._writer.stop()
        finally:
            self._writer.file.close()
        self.problems += [*self._channels.problems(), *self._start.problems()]


# They warn about what they leave out; here it is counted and said instead.
logging.getLogger('can.io').setLevel(logging.ERROR)
logging.getLogger('asammdf').setLevel(logging.CRITICAL)
