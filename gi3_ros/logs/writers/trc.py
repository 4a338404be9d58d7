# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""PEAK's text format."""

import datetime
import pathlib

from ..entries import Heard, is_overflow
from .writer import LineWriter

_EPOCH_DAYS = 25569
"""From the day 0 of PEAK's files, the 30th of December 1899."""


class TrcWriter(LineWriter):
    """PEAK's text format, version 2.1, with times to the microsecond; its dates are UTC."""

    _NEWLINE = '\r\n'

    def __init__(self, path: pathlib.Path | str) -> None:
        super().__init__(path)
        self._has_header = False

    def _write(self, heard: Heard) -> None:
        us = (self._start.offset_ns(heard.time_ns) + 500) // 1000
        if not self._has_header:
            self._header(self._start.start_ns)
        frame = heard.frame
        sort, can_id, length = 'DT', f'{frame.can_id:0{8 if frame.is_extended else 4}X}', 0
        data = ''
        if frame.is_error:
            self._note_error(frame)
            sort, can_id = 'ER', '-'
        elif frame.is_remote:
            sort = 'RR'
        else:
            length, data = len(frame.data), frame.data.hex(' ').upper()
        channel = self._channels.number(heard.channel)
        begin = f'{self.frames:7d} {us // 1000:9d}.{us % 1000:03d}'
        row = (
            f'{begin} {sort} {channel:2d} {can_id:>8} '
            f'{"Tx" if heard.is_sent else "Rx"} -  {length:<4} {data}')
        if frame.is_error and is_overflow(frame):
            self._file.write(f'{begin} ST {channel:2d} {"-":>8} Rx -  4    00 00 00 02\n')
        self._file.write(f'{row.rstrip()}\n')

    def _header(self, start_ns: int) -> None:
        self._has_header = True
        seconds = start_ns // 10**9
        # Fifteen digits of a day are less than a nanosecond.
        part = seconds % 86_400 * 10**15 // 86_400
        when = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
        self._file.write(
            ';$FILEVERSION=2.1\n'
            f';$STARTTIME={seconds // 86_400 + _EPOCH_DAYS}.{part:015d}\n'
            ';$COLUMNS=N,O,T,B,I,d,R,L,D\n'
            f';\n;   Start time: {when:%Y-%m-%d %H:%M:%S} UTC\n'
            ';   Number, offset in ms, type, bus, identifier, direction, reserved, length, data\n'
            ';---+-- ------+------ +- +- --+----- +- +- +--- +- -- -- -- -- -- -- --\n')

    def _close(self) -> None:
        if not self._has_header:
            self._header(0)
        super()._close()
