# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What a frame gives: a message, or a reason why there is none.

These are made for every frame of the bus, and ``frozen=True`` makes that four times as slow: it
is left out for this reason only. Nobody changes them; they have a hash like what is frozen.
"""

import dataclasses
import enum

from .layout import Message


class Rejection(enum.Enum):
    """Why a frame gives no message."""

    FOREIGN = 'foreign'
    """Not of this interface: kind of frame, module type, version or the placeholder index 0."""
    UNKNOWN = 'unknown'
    """Of this interface's family, but a newer minor version's: ignore it silently (1.4.3)."""
    SHORT = 'short'
    """Fewer bytes than the message has: from an older version or a foreign sender (1.4.2)."""


@dataclasses.dataclass(unsafe_hash=True, slots=True)
class Rejected:
    """A frame that gives no message."""

    kind: Rejection
    text: str
    """The reason in words."""
    index: int = 0
    """Of a frame that is too short: its pistol; else 0, which no pistol has (A19)."""
    message_class: type[Message] | None = None
    """Of a frame that is too short: the message that it should have been."""


@dataclasses.dataclass(unsafe_hash=True, slots=True)
class Received:
    """A frame that gives a message."""

    index: int
    """Pistol index, 1..31."""
    message: Message
    undefined: tuple[str, ...] = ()
    """
    Signals with a number that has no label, such as ``Power_Function=3``.

    The field then holds the plain number. The message must not control anything (1.4.4).
    """
    unassigned_bits: int = 0
    """
    The bits set among those that no signal, or a reserved one, owns; should be 0 (R52).

    Bit 0 is bit 0 of byte 0. Bytes beyond the message's known length are not looked at.
    """
