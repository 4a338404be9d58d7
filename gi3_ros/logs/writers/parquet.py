# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parquet, to be read again and for pandas."""

import pathlib
from typing import Any, NamedTuple

import pyarrow
from pyarrow import parquet

from ...core.interface import codec
from ...core.interface.layout import Message, Signal
from ...core.interface.signals import MESSAGES
from ..entries import DATES_FROM_NS, Heard
from .columns import HEAD_COLUMNS, meaning, names, problem, SIGNAL_COLUMNS
from .writer import FileWriter

_ROWS = 1 << 14
"""Frames of one row group."""
_HEAD_TYPES: dict[str, Any] = dict(zip(HEAD_COLUMNS, (
    pyarrow.int64(), pyarrow.timestamp('ns', 'UTC'), pyarrow.float64(), pyarrow.string(),
    pyarrow.string(), pyarrow.int8(), pyarrow.string(), pyarrow.uint32(), pyarrow.bool_(),
    pyarrow.bool_(), pyarrow.bool_(), pyarrow.binary(), pyarrow.string()), strict=True))


def _arrow_type(signal: Signal) -> Any:
    if signal.enum is not None:
        return pyarrow.string()
    return pyarrow.bool_() if signal.is_flag else pyarrow.float64()


def _schema() -> Any:
    fields = [pyarrow.field(name, arrow_type) for name, arrow_type in _HEAD_TYPES.items()]
    fields += [
        pyarrow.field(
            column.name, _arrow_type(column.signal),
            metadata={'unit': column.signal.unit} if column.signal.unit else None)
        for column in SIGNAL_COLUMNS]
    return pyarrow.schema(fields)


class _Rows(NamedTuple):
    """The rows of one message."""

    numbers: list[int]
    values: list[tuple[float | str, ...]]


class ParquetWriter(FileWriter):
    """A Parquet file in row groups; each signal has its unit in the metadata of its column."""

    def __init__(self, path: pathlib.Path | str) -> None:
        super().__init__(path)
        self._schema = _schema()
        self._file = open(path, 'xb')  # noqa: SIM115 - it is open as long as the writer
        self._writer = parquet.ParquetWriter(self._file, self._schema)
        self._first_ns: int | None = None
        self._head: list[tuple[object, ...]] = []
        """The values of each row that are those of its frame."""
        self._rows: dict[str, _Rows] = {}
        """By the name of a message."""

    def _write(self, heard: Heard) -> None:
        frame, time_ns = heard.frame, heard.time_ns
        if self._first_ns is None:
            self._first_ns = time_ns
        decoded = codec.decode(frame)
        index, name = names(decoded)
        if isinstance(decoded, codec.Received):
            rows = self._rows.setdefault(decoded.message.NAME, _Rows([], []))
            rows.numbers.append(len(self._head))
            rows.values.append(tuple(meaning(decoded)))
        self._head.append((
            time_ns, time_ns if time_ns >= DATES_FROM_NS else None,
            (time_ns - self._first_ns) / 1e9, heard.channel, 'tx' if heard.is_sent else 'rx',
            index, name, frame.can_id, frame.is_extended, frame.is_remote, frame.is_error,
            frame.data, problem(decoded) or None))
        if len(self._head) == _ROWS:
            self._flush()

    def _flush(self) -> None:
        count = len(self._head)
        arrays = [
            pyarrow.array(column, arrow_type)
            for column, arrow_type in zip(
                zip(*self._head, strict=True), _HEAD_TYPES.values(), strict=True)]
        for message_class in MESSAGES.values():
            arrays += _message_arrays(message_class, self._rows.get(message_class.NAME), count)
        self._writer.write_table(pyarrow.Table.from_arrays(arrays, schema=self._schema))
        self._head.clear()
        self._rows.clear()

    def _close(self) -> None:
        try:
            if self._head:
                self._flush()
            self._writer.close()
        finally:
            self._file.close()


def _message_arrays(message_class: type[Message], rows: _Rows | None, count: int) -> list[Any]:
    """Return the columns of a message for so many frames: null where a frame is another one."""
    types = [_arrow_type(signal) for signal in message_class.SIGNALS]
    if rows is None:
        return [pyarrow.nulls(count, arrow_type) for arrow_type in types]
    place_of: list[int | None] = [None] * count
    for place, number in enumerate(rows.numbers):
        place_of[number] = place
    places = pyarrow.array(place_of, pyarrow.int32())
    columns = zip(*rows.values, strict=True)
    return [
        pyarrow.array(column, arrow_type).take(places)
        for column, arrow_type in zip(columns, types, strict=True)]
