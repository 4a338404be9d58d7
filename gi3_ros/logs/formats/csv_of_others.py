# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Tables of others with commas between the values: of python-can, SavvyCAN and CANedge.

Every program has columns of its own. Those of others are named, with what can be read instead.
"""

import abc
import base64
from collections.abc import Mapping, Sequence
import itertools
import re
from typing import ClassVar, NamedTuple

from ..entries import Heard
from .frames import (
    channel_name,
    checked_ns,
    FD,
    FdFrame,
    float_ns,
    LONGEST_DATA,
    make_frame,
    nanoseconds,
)
from .lines import LineFormat, Parsed
from .log_file import LogFile

_TRUE, _FALSE = ('1', 'true'), ('0', 'false', '')


class PythonCanCsv(LineFormat):
    """What python-can writes as CSV."""

    kind = 'python-can CSV'
    FIRST_CHANNEL = None
    HEADER = 'timestamp,arbitration_id,extended,remote,error,dlc,data'
    _ROW = re.compile(r'-?\d+\.\d+,0x[0-9a-fA-F]+,[01],[01],[01],\d+,')

    def parse_line(self, line: str) -> Parsed:
        """Return what a line says."""
        line = line.strip()
        if not line or line == self.HEADER:
            return None
        seconds, can_id, extended, remote, error, _, text = line.split(',')
        flags = [each.strip() == '1' for each in (extended, remote, error)]
        data = b'' if flags[1] else base64.b64decode(text, validate=True)
        return Heard(float_ns(float(seconds)), make_frame(int(can_id, 16), data, *flags))

    @classmethod
    def knows(cls, file: LogFile, line: str) -> bool:
        """Return whether a line is the header, or a row."""
        return line.strip() == cls.HEADER or cls._ROW.match(line) is not None


class _ByColumns(LineFormat):
    """A table whose first line names the columns; these may come in any order."""

    COLUMNS: ClassVar[tuple[str, ...]]
    """Names without which it is none of this kind."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        """By the name of a column."""
        self._separator = ','

    def parse_line(self, line: str) -> Parsed:
        """Return what a line says."""
        if not line.strip() or line.startswith('sep='):
            return None
        # Of two logs one behind the other the second has its columns, too.
        if (not self._places or 'ID' in line) and self._has_columns(line):
            self._separator, names = _columns(line)
            self._places = {name: place for place, name in enumerate(names) if name}
            return None
        if not self._places:
            raise ValueError('no columns yet')
        values = [_plain(each) for each in line.split(self._separator)]
        try:
            return self._entry(values, {
                name: values[place] for name, place in self._places.items()
                if place < len(values)})
        except KeyError:
            raise ValueError('a value is missing') from None

    @classmethod
    def knows(cls, file: LogFile, line: str) -> bool:
        """Return whether a line names the columns."""
        return cls._has_columns(line)

    @classmethod
    def _has_columns(cls, line: str) -> bool:
        return set(cls.COLUMNS) <= set(_columns(line).names)

    @abc.abstractmethod
    def _entry(self, values: Sequence[str], row: Mapping[str, str]) -> Heard | FdFrame:
        """
        Return what a row says.

        :param values: all of them, in their order
        :param row: the same by the names of the columns
        :raises KeyError: when one is missing, or ValueError
        """


class SavvyCanCsv(_ByColumns):
    """The native CSV of SavvyCAN and of the loggers that it reads (GVRET)."""

    kind = 'SavvyCAN CSV'
    COLUMNS = ('time stamp', 'id', 'extended', 'bus', 'len', 'd1')
    FIRST_CHANNEL = 0

    def _entry(self, values: Sequence[str], row: Mapping[str, str]) -> Heard | FdFrame:
        length = int(row['len'])
        if length > LONGEST_DATA:
            return FD
        begin = self._places['d1']
        data = bytes(int(each, 16) for each in values[begin:begin + length])
        if length < 0 or len(data) < length:
            raise ValueError('data are missing')
        return Heard(
            checked_ns(int(row['time stamp']) * 1000),
            make_frame(int(row['id'], 16), data, _flag(row['extended'])),
            channel_name(int(row['bus']) + 1), row.get('dir', '').lower() == 'tx')


class CanEdgeCsv(_ByColumns):
    """What the converters of CSS Electronics make of the logs of a CANedge."""

    kind = 'CANedge CSV'
    COLUMNS = ('timestampepoch', 'buschannel', 'id', 'ide', 'datalength', 'databytes')

    def _entry(self, values: Sequence[str], row: Mapping[str, str]) -> Heard | FdFrame:
        if _flag(row.get('edl', '')):
            return FD
        seconds = _SECONDS.fullmatch(row['timestampepoch'])
        if seconds is None:
            raise ValueError('no time')
        is_remote = _flag(row.get('rtr', ''))
        data = b'' if is_remote else bytes.fromhex(row['databytes'])
        if not is_remote and len(data) != int(row['datalength']):
            raise ValueError('another number of bytes')
        return Heard(
            nanoseconds(seconds[1], seconds[2] or ''),
            make_frame(int(row['id'], 16), data, _flag(row['ide']), is_remote),
            channel_name(int(row['buschannel'])), _flag(row.get('dir', '')))


_SECONDS = re.compile(r'(-?\d+)(?:\.(\d+))?')
_NAMED_COLUMNS = 8

_VECTOR = 'a CSV of CANalyzer or CANoe (Vector)', 'save it as BLF or ASC'
_PEAK = 'a CSV of PCAN or the PEAK-Converter (PEAK)', 'save it as TRC'


class _Other(NamedTuple):
    """A CSV that is not read."""

    words: tuple[str, ...]
    """With which the names of its columns begin."""
    what: str
    instead: str
    """What can be read instead."""


_OTHERS = tuple(itertools.starmap(_Other, (
    (('time', 'channel', 'id', 'flags', 'dlc', 'data0'), 'a CSV of Kvaser',
     'convert the log to ASC or BLF with the converter of Kvaser'),
    (('time', 'chn', 'id', 'dir'), *_VECTOR),
    (('time', 'chn', 'id', 'dlc'), *_VECTOR),
    (('time offset', 'type', 'id'), *_PEAK),
    (('message number', 'time', 'id'), *_PEAK),
    (('can-id', 'type', 'length', 'data'), *_PEAK),
    (('abs time', 'rel time', 'arbid'), 'a CSV of Vehicle Spy (Intrepid)',
     'save it as ASC or BLF'),
    (('timestamp', 'type', 'id', 'data'), 'a log of a CLX000 (CSS Electronics)',
     'convert it to ASC or TRC with the converter of CSS Electronics'),
    (('time', 'addr', 'bus', 'data'), 'a CSV of Cabana', 'save it with SavvyCAN as GVRET log'),
)))


def named(lines: list[str]) -> str:
    """Say whose CSV this is and what to do, where it is one of others; empty otherwise."""
    for line in lines:
        names = _columns(line).names
        if len(names) < 4:
            continue
        for other in _OTHERS:
            if all(any(name == word or name.startswith((f'{word} ', f'{word}(', f'{word}['))
                       for name in names) for word in other.words):
                return f'{other.what}, which is not read: {other.instead}'
    return ''


def unknown(lines: list[str]) -> str:
    """Say that nobody knows whose CSV this is, with its columns."""
    line = next(filter(str.strip, lines), '')
    names = [' '.join(_plain(each).split())[:20] for each in line.split(_columns(line).separator)]
    more = ', ..' if len(names) > _NAMED_COLUMNS else ''
    return (
        f'a CSV whose columns are not known ({ascii(", ".join(names[:_NAMED_COLUMNS]))[1:-1]}'
        f'{more}): those of this package, of python-can, SavvyCAN and CANedge are read; save it '
        'as candump, ASC, BLF or TRC')


class _Columns(NamedTuple):
    """What the first line of a table says."""

    separator: str
    names: list[str]
    """In lower case."""


def _columns(line: str) -> _Columns:
    separator = max(',;\t', key=line.count)
    return _Columns(separator, [_plain(each).lower() for each in line.split(separator)])


def _plain(value: str) -> str:
    return value.strip().strip('"').strip()


def _flag(value: str) -> bool:
    value = value.lower()
    if value not in _TRUE + _FALSE:
        raise ValueError(f'{value!r} is no flag')
    return value in _TRUE
