# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Vector's text format."""

import datetime
import pathlib

from ..entries import Heard, is_overflow
from .writer import LineWriter, StartTime

_WEEKDAYS = ('Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun')
_MONTHS = ('Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec')


class AscWriter(LineWriter):
    """Vector's text format, with times to the microsecond; its dates are local time."""

    def __init__(self, path: pathlib.Path | str) -> None:
        super().__init__(path)
        self._start = StartTime(is_local=True)
        self._has_header = False

    def _write(self, heard: Heard) -> None:
        us = (self._start.offset_ns(heard.time_ns) + 500) // 1000
        if not self._has_header:
            self._header(self._start.start_ns)
        frame = heard.frame
        channel = self._channels.number(heard.channel)
        if frame.is_error:
            self._note_error(frame)
            words = 'ErrorFrame'
        else:
            can_id = f'{frame.can_id:X}{"x" if frame.is_extended else ""}'
            if frame.is_remote:
                data = 'r'
            else:
                data = f'd {len(frame.data):x} {frame.data.hex(" ").upper()}'.rstrip()
            words = f'{can_id:15} {"Tx" if heard.is_sent else "Rx"}   {data}'
        time_s = f'{us // 10**6:4d}.{us % 10**6:06d}'
        if frame.is_error and is_overflow(frame):
            self._file.write(f'{time_s} CAN {channel} Status:rx queue overrun\n')
        self._file.write(f'{time_s} {channel}  {words}\n')

    def _header(self, start_ns: int) -> None:
        self._has_header = True
        when = datetime.datetime.fromtimestamp(start_ns // 10**9)
        # Not strftime: its names follow the language of the machine.
        date = (f'{_WEEKDAYS[when.weekday()]} {_MONTHS[when.month - 1]} {when.day:02d} '
                f'{when:%H:%M:%S}.000 {when.year}')
        self._file.write(
            f'date {date}\nbase hex  timestamps absolute\ninternal events logged\n'
            f'Begin Triggerblock {date}\n   0.000000 Start of measurement\n')

    def _close(self) -> None:
        if not self._has_header:
            self._header(0)
        self._file.write('End TriggerBlock\n')
        super()._close()
