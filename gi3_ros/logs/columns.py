# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Many frames at once, as arrays of numpy: one for each signal of each message of each pistol.

The values are those of :func:`~gi3_ros.core.interface.codec.decode`, from the same layout; what a
frame says beside its values only that tells. An example: docs/how-to/numpy.md.
"""

import array
from collections.abc import Iterable
import dataclasses
from typing import Any

import numpy
from numpy.typing import NDArray

from ..core.interface.codec import INDEX_MAX, INDEX_MIN
from ..core.interface.layout import Message, Signal
from ..core.interface.signals import MESSAGES
from .entries import Entry, Gap, Heard

_MESSAGES = tuple(MESSAGES.values())
_PISTOLS = INDEX_MAX + 1
_BASE_ID_BITS = 16
"""In these the identifiers of the messages differ."""
_FAMILY = {base_id >> _BASE_ID_BITS for base_id in MESSAGES}
"""What they have above: the module type."""


def _codes() -> NDArray[numpy.uint16]:
    """Return, by the low bits of an identifier, a number for each message; 0 for no message."""
    codes = numpy.zeros(1 << _BASE_ID_BITS, numpy.uint16)
    for place, message_class in enumerate(_MESSAGES, 1):
        codes[message_class.BASE_ID & (1 << _BASE_ID_BITS) - 1] = place * _PISTOLS
    return codes


_CODES = _codes()


@dataclasses.dataclass(frozen=True)
class Frames:
    """Extended data frames, as arrays of the same length."""

    times_ns: NDArray[numpy.int64]
    can_ids: NDArray[numpy.uint32]
    lengths: NDArray[numpy.uint8]
    data: NDArray[numpy.uint8]
    """A row for each frame, with 8 bytes at least; those beyond its length are not looked at."""


@dataclasses.dataclass(frozen=True)
class Table:
    """All frames of one message of one pistol, in the order in which they came."""

    times_ns: NDArray[numpy.int64]
    values: dict[str, NDArray[Any]]
    """
    By the name of the message's field: numbers as float64 in SI units, flags as bool, labels as
    integers. A number without a label stays what it is.
    """
    short: int
    """How many more there were with fewer bytes than the message has; they are in no array."""


def gathered(log: Iterable[Entry | Gap]) -> Frames:
    """Return the extended data frames of a log as arrays."""
    times_ns, can_ids, lengths = array.array('q'), array.array('I'), array.array('B')
    data = bytearray()
    for entry in log:
        if not isinstance(entry, Heard):
            continue
        frame = entry.frame
        if frame.is_extended and not frame.is_remote and not frame.is_error:
            times_ns.append(entry.time_ns)
            can_ids.append(frame.can_id)
            lengths.append(len(frame.data))
            data += frame.data[:8].ljust(8, b'\0')
    return Frames(
        numpy.frombuffer(times_ns, numpy.int64), numpy.frombuffer(can_ids, numpy.uint32),
        numpy.frombuffer(lengths, numpy.uint8),
        numpy.frombuffer(data, numpy.uint8).reshape(-1, 8))


def columns(frames: Frames) -> dict[tuple[int, type[Message]], Table]:
    """
    Return what the frames say, by pistol index and message.

    Frames that are not of the interface are left out.
    """
    can_ids = frames.can_ids
    is_ours = numpy.isin(can_ids >> _BASE_ID_BITS & 0xFF, list(_FAMILY))
    codes = _CODES[can_ids & (1 << _BASE_ID_BITS) - 1]
    indices = can_ids >> 24
    is_ours &= (codes != 0) & (indices >= INDEX_MIN) & (indices <= INDEX_MAX)
    codes = numpy.where(is_ours, codes + indices, 0).astype(numpy.uint16)
    order = numpy.argsort(codes, kind='stable')
    bits = numpy.ascontiguousarray(frames.data[:, :8]).view('<u8')[:, 0][order]
    times_ns, lengths = frames.times_ns[order], frames.lengths[order]
    ends = numpy.cumsum(numpy.bincount(codes, minlength=1))
    tables = {}
    for code in numpy.flatnonzero(numpy.diff(ends)) + 1:
        place, index = divmod(int(code), _PISTOLS)
        rows = slice(ends[code - 1], ends[code])
        message_class = _MESSAGES[place - 1]
        tables[index, message_class] = _table(
            message_class, times_ns[rows], lengths[rows], bits[rows])
    return tables


def _table(
    message_class: type[Message], times_ns: NDArray[numpy.int64], lengths: NDArray[numpy.uint8],
    bits: NDArray[numpy.uint64],
) -> Table:
    is_whole = lengths >= message_class.LENGTH
    short = len(is_whole) - int(numpy.count_nonzero(is_whole))
    if short:
        times_ns, bits = times_ns[is_whole], bits[is_whole]
    return Table(
        times_ns, {signal.field: _values(signal, bits) for signal in message_class.SIGNALS}, short)


def _values(signal: Signal, bits: NDArray[numpy.uint64]) -> NDArray[Any]:
    """Return the values of a signal in frames of its message."""
    # To the top, so that the way down extends the sign.
    top: NDArray[Any] = bits << (64 - signal.start - signal.length)
    raw = (top.view(numpy.int64) if signal.is_signed else top) >> (64 - signal.length)
    if signal.enum is not None:
        return raw.astype(numpy.uint8)
    if signal.is_flag:
        return raw.astype(numpy.bool_)
    # As Signal.to_si() does it: the quotient of two integers is rounded once.
    values = raw * signal.numerator / signal.denominator
    return values + signal.offset if signal.offset else values
