# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
The columns of a table, CSV or Parquet: a row for each frame, for pandas and for spreadsheets.

The first columns are the frame as it was, the others what it means: a table can be read again and
nothing of the bus is lost. What it is read from is in :mod:`..formats.rows`.
"""

from collections.abc import Iterator
from typing import NamedTuple

from ...core.interface import codec
from ...core.interface.layout import Message, Signal
from ...core.interface.signals import MESSAGES

HEAD_COLUMNS = (
    'time_ns', 'time', 'time_s', 'channel', 'direction', 'pistol', 'message', 'can_id',
    'is_extended', 'is_remote', 'is_error', 'data', 'problem')
"""Those of the frame."""


class SignalColumn(NamedTuple):
    """The column of a signal."""

    name: str
    message_class: type[Message]
    signal: Signal


SIGNAL_COLUMNS = tuple(
    SignalColumn(f'{message_class.NAME}.{signal.name}', message_class, signal)
    for message_class in MESSAGES.values() for signal in message_class.SIGNALS)
COLUMNS = (*HEAD_COLUMNS, *(column.name for column in SIGNAL_COLUMNS))
"""All columns, in their order."""


def meaning(received: codec.Received) -> Iterator[float | str]:
    """Return the values of a message's columns."""
    message = received.message
    for signal in message.SIGNALS:
        value = getattr(message, signal.field)
        if signal.enum is not None:
            # An undefined label is its number, in a column of words.
            value = signal.labels.get(int(value), str(int(value)))
        yield value


def problem(decoded: codec.Received | codec.Rejected) -> str:
    """Say why a frame gives no message that may be used; empty where it does."""
    if isinstance(decoded, codec.Rejected):
        return f'{decoded.kind.value}: {decoded.text}'
    if decoded.undefined:
        return f'undefined: {", ".join(decoded.undefined)}'
    return ''


def names(decoded: codec.Received | codec.Rejected) -> tuple[int | None, str | None]:
    """Return the pistol index and the name of the message, as far as a frame has them."""
    if isinstance(decoded, codec.Received):
        return decoded.index, decoded.message.NAME
    if decoded.message_class is not None:
        return decoded.index, decoded.message_class.NAME
    return None, None
