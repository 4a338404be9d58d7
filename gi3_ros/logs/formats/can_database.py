# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The sqlite3 database that python-can writes."""

from collections.abc import Iterator
import contextlib
import sqlite3

from ..entries import Heard
from .format import CanFormat
from .frames import FD, FdFrame, float_ns, LONGEST_DATA, make_frame, reason
from .log_file import LogFile
from .tally import Tally


class CanDatabase(CanFormat):
    """A table of frames; its times are floats, and it does not tell the bus."""

    kind = 'python-can database'

    @classmethod
    def knows(cls, file: LogFile, line: str) -> bool:
        """Return whether a file begins as databases do; those of rosbag2 are asked for before."""
        return file.head.startswith(b'SQLite format 3\0')

    def parse(self, file: LogFile, tally: Tally) -> Iterator[Heard]:
        """Yield the frames."""
        try:
            connection = sqlite3.connect(
                f'{file.source.plain().resolve().as_uri()}?mode=ro', uri=True)
        except (sqlite3.Error, MemoryError) as error:
            tally.end = f'the database cannot be opened: {reason(error)}'
            return
        with contextlib.closing(connection):
            try:
                yield from self._rows(connection, tally)
            except (sqlite3.Error, UnicodeError, MemoryError) as error:
                tally.end = f'the database cannot be read further: {reason(error)}'
        tally.end = '; '.join(filter(None, [tally.end, file.source.damage]))

    @staticmethod
    def _rows(connection: sqlite3.Connection, tally: Tally) -> Iterator[Heard]:
        rows = connection.execute(
            'SELECT ts, arbitration_id, extended, remote, error, data FROM messages '
            'ORDER BY rowid')
        for number, row in enumerate(rows, 1):
            try:
                entry = _entry(*row)
            except (ValueError, TypeError, OverflowError):
                tally.add_bad(f'row {number}')
                continue
            if isinstance(entry, FdFrame):
                tally.fd += 1
            else:
                yield entry


def _entry(
        seconds: float, can_id: int, is_extended: int, is_remote: int, is_error: int,
        content: bytes | None) -> Heard | FdFrame:
    data = b'' if is_remote or content is None else bytes(content)
    if len(data) > LONGEST_DATA:
        return FD
    frame = make_frame(can_id, data, bool(is_extended), bool(is_remote), bool(is_error))
    return Heard(float_ns(seconds), frame)
