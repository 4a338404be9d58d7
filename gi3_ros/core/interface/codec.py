# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Frames to messages and back.

The bytes are read and written by the generated :mod:`packing`. What a peer does wrong is an answer
(:class:`Rejected`, ``Received.undefined``), what we do wrong is a ``ValueError``.
"""

from .answers import Received, Rejected, Rejection
from .frame import Frame
from .layout import Message
from .packing import PACK, UNPACK
from .signals import MESSAGES

__all__ = [
    'FAMILY_ID', 'FAMILY_MASK', 'INDEX_MAX', 'INDEX_MIN', 'Received', 'Rejected', 'Rejection',
    'decode', 'encode']

INDEX_MIN = 1
INDEX_MAX = 31
"""Pistol indices that may appear on a bus: five bits, and 0 is a placeholder (A19)."""

FAMILY_ID = 0x063000
FAMILY_MASK = 0xFF7000
"""Module type 0x06 and interface version 3 in a base identifier: v3.1 and all after it (1.1)."""

_KNOWN = {
    base_id | index << 24: (unpack, MESSAGES[base_id].LENGTH, index)
    for base_id, unpack in UNPACK.items() for index in range(INDEX_MIN, INDEX_MAX + 1)
}
"""How to read each identifier of the interface, its length, its pistol index."""


def decode(frame: Frame) -> Received | Rejected:
    """
    Turn a frame into a message; raises nothing, whatever the frame.

    A frame longer than the message is a newer minor version's and is decoded as far as it is
    known (1.4.2).

    """
    known = _KNOWN.get(frame.can_id)
    if known is None or frame.is_error or frame.is_remote or not frame.is_extended:
        return _rejected(frame)
    unpack, length, index = known
    data = frame.data
    if len(data) < length:
        message_class = MESSAGES[frame.can_id & 0xFFFFFF]
        return Rejected(
            Rejection.SHORT, f'{message_class.NAME} with {len(data)} bytes instead of {length}',
            index, message_class)
    return unpack(index, data)


def _rejected(frame: Frame) -> Rejected:
    """Say why a frame is not one of the interface, v3.2."""
    if frame.is_error or frame.is_remote or not frame.is_extended:
        return Rejected(Rejection.FOREIGN, 'not an extended data frame')
    if not 0 <= frame.can_id < 1 << 29:
        return Rejected(Rejection.FOREIGN, f'identifier {frame.can_id:#x} is not of 29 bits')
    base_id = frame.can_id & 0xFFFFFF
    if base_id & FAMILY_MASK != FAMILY_ID:
        return Rejected(Rejection.FOREIGN, f'0x{frame.can_id:08X} is not of Generic Interface v3')
    if frame.can_id >> 24 < INDEX_MIN:
        return Rejected(Rejection.FOREIGN, f'0x{frame.can_id:08X} has the pistol index 0')
    return Rejected(Rejection.UNKNOWN, f'0x{base_id:05X} is not a message of v3.2')


def encode(message: Message, *, index: int) -> Frame:
    """
    Turn a message into the frame of one pistol; bits without a field are 0 (R52).

    Numbers are rounded to the nearest that the frame can carry, halves to the even one. Single
    bits take a bool, 0 or 1; labelled fields take their labels, as enum member or as number.

    :param message: an instance of one of the classes in :mod:`signals`
    :param index: pistol index, 1..31 (A19)
    :raises ValueError: with message, signal, value and what is permitted, when a value is of the
        wrong type, not a finite number, out of the field's range or not a defined label
    """
    pack = PACK.get(type(message))
    if pack is None:
        raise ValueError(f'{message!r} is not a message of Generic Interface v3.2')
    if type(index) is not int or not INDEX_MIN <= index <= INDEX_MAX:
        raise ValueError(f'{message.NAME}: pistol index {index!r}, permitted are 1..31')
    return Frame(message.BASE_ID | index << 24, pack(message))
