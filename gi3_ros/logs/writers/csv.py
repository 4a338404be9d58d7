# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The CSV of this package, to be read again and for spreadsheets."""

import csv
import datetime
import functools
import pathlib

from ...core.interface import codec
from ...core.interface.signals import MESSAGES
from ..entries import DATES_FROM_NS, Heard
from .columns import COLUMNS, meaning, names, problem
from .writer import FileWriter


class CsvWriter(FileWriter):
    """A CSV file; identifiers and data begin with 0x, so that nobody takes them for numbers."""

    def __init__(self, path: pathlib.Path | str) -> None:
        super().__init__(path)
        self._file = open(  # noqa: SIM115 - it is open as long as the writer
            path, 'x', encoding='utf-8', newline='')
        self._writer = csv.writer(self._file, lineterminator='\n')
        self._writer.writerow(COLUMNS)
        self._first_ns: int | None = None
        self._blank = {name: [''] * place for name, place in _places().items()}

    def _write(self, heard: Heard) -> None:
        frame, time_ns = heard.frame, heard.time_ns
        if self._first_ns is None:
            self._first_ns = time_ns
        decoded = codec.decode(frame)
        index, name = names(decoded)
        row: list[object] = [
            # A row is a line: that is what can be read again after a damage.
            time_ns, _iso(time_ns), _decimal(time_ns - self._first_ns),
            ' '.join(heard.channel.splitlines()),
            'tx' if heard.is_sent else 'rx', index, name,
            f'0x{frame.can_id:0{8 if frame.is_extended else 3}X}', int(frame.is_extended),
            int(frame.is_remote), int(frame.is_error), f'0x{frame.data.hex().upper()}',
            problem(decoded)]
        if isinstance(decoded, codec.Received):
            row += self._blank[decoded.message.NAME]
            row += (int(value) if value is True or value is False else value
                    for value in meaning(decoded))
        row += [''] * (len(COLUMNS) - len(row))
        self._writer.writerow(row)

    def _close(self) -> None:
        self._file.close()


def _places() -> dict[str, int]:
    """Return where the columns of each message begin, after those of the frame."""
    at = 0
    places: dict[str, int] = {}
    for message_class in MESSAGES.values():
        places[message_class.NAME] = at
        at += len(message_class.SIGNALS)
    return places


def _iso(time_ns: int) -> str:
    """Return a date in UTC with all its digits; empty for a time without a date."""
    if time_ns < DATES_FROM_NS:
        return ''
    return f'{_iso_second(time_ns // 10**9)}.{time_ns % 10**9:09d}Z'


@functools.lru_cache(maxsize=8)
def _iso_second(seconds: int) -> str:
    return datetime.datetime.fromtimestamp(
        seconds, datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%S')


def _decimal(time_ns: int) -> str:
    sign, time_ns = ('-', -time_ns) if time_ns < 0 else ('', time_ns)
    return f'{sign}{time_ns // 10**9}.{time_ns % 10**9:09d}'
