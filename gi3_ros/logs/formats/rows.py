# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The rows of a table that this package wrote, CSV or Parquet, as frames."""

import abc
from collections.abc import Iterator
from typing import NamedTuple

from ...core.interface.frame import Frame
from ..entries import Heard
from .format import TableFormat
from .frames import LONGEST_DATA
from .log_file import LogFile
from .tally import BadRows


class Row(NamedTuple):
    """What a frame is read from: of a CSV texts, of Parquet values."""

    time_ns: int | str
    channel: str
    direction: str
    can_id: int | str
    is_extended: bool | str
    is_remote: bool | str
    is_error: bool | str
    data: bytes | str


RAW_COLUMNS = Row._fields
"""What a table is read from; its other columns follow from these."""


class RowFormat(TableFormat):
    """A table with a row for each frame."""

    @abc.abstractmethod
    def rows(self, file: LogFile, bad: BadRows) -> Iterator[tuple[int, Row]]:
        """Yield the rows with their numbers; what cannot be read at all is added to ``bad``."""

    def parse(self, file: LogFile, bad: BadRows) -> Iterator[Heard]:
        """Yield the frames."""
        for number, row in self.rows(file, bad):
            try:
                yield _heard(row)
            except (ValueError, TypeError, KeyError, OverflowError, AttributeError):
                bad.add(f'row {number} is no frame')


_TRUE, _FALSE = (True, '1', 'True', 'true', 'TRUE'), (False, '0', 'False', 'false', 'FALSE')


def _flag(value: bool | str) -> bool:
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise ValueError(f'{value!r} is no flag')


def _heard(row: Row) -> Heard:
    """
    Return the entry of a row.

    :raises ValueError: when the row is no frame
    """
    can_id, data, time_ns = row.can_id, row.data, int(row.time_ns)
    if isinstance(can_id, str):
        can_id = int(can_id, 16)
    if isinstance(data, str):
        if data[:2] != '0x':
            raise ValueError('data without 0x')
        data = bytes.fromhex(data[2:])
    frame = Frame(can_id, bytes(data), _flag(row.is_extended), _flag(row.is_remote),
                  _flag(row.is_error))
    is_long = frame.is_extended or frame.is_error
    if not 0 <= can_id < 1 << (29 if is_long else 11) or len(data) > LONGEST_DATA:
        raise ValueError('no frame of classic CAN')
    if not -1 << 63 <= time_ns < 1 << 63 or row.direction not in ('rx', 'tx'):
        raise ValueError('no time or direction')
    return Heard(time_ns, frame, str(row.channel), row.direction == 'tx')
