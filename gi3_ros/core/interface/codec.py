# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Frames to messages and back.

The layout is read from the generated :mod:`signals`. What a peer does wrong is an answer
(:class:`Rejected`, ``Received.undefined``), what we do wrong is a ``ValueError``.
"""

from collections.abc import Callable
import dataclasses
import enum

from .frame import Frame
from .layout import Message, Signal
from .signals import MESSAGES

INDEX_MIN = 1
INDEX_MAX = 31
"""Pistol indices that may appear on a bus: five bits, and 0 is a placeholder (A19)."""

_MODULE_TYPE = 0x06
_INTERFACE_VERSION = 3
_NUMBER_LIMIT = 1e18
"""Far above every field; keeps NaN, infinities and huge integers out of the arithmetic."""


class Rejection(enum.Enum):
    """Why a frame gives no message."""

    FOREIGN = 'foreign'
    """Not of this interface: kind of frame, module type, version or the placeholder index 0."""
    UNKNOWN = 'unknown'
    """Of this interface's family, but a newer minor version's: ignore it silently (1.4.3)."""
    SHORT = 'short'
    """Fewer bytes than the message has: from an older version or a foreign sender (1.4.2)."""


@dataclasses.dataclass(frozen=True, slots=True)
class Rejected:
    """A frame that gives no message."""

    kind: Rejection
    text: str
    """The reason in words."""
    index: int = 0
    """Of a frame that is too short: its pistol; else 0, which no pistol has (A19)."""
    message_class: type[Message] | None = None
    """Of a frame that is too short: the message that it should have been."""


@dataclasses.dataclass(frozen=True, slots=True)
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


def decode(frame: Frame) -> Received | Rejected:
    """
    Turn a frame into a message; raises nothing, whatever the frame.

    A frame longer than the message is a newer minor version's and is decoded as far as it is
    known (1.4.2).

    """
    if frame.is_error or frame.is_remote or not frame.is_extended:
        return Rejected(Rejection.FOREIGN, 'not an extended data frame')
    if not 0 <= frame.can_id < 1 << 29:
        return Rejected(Rejection.FOREIGN, f'identifier {frame.can_id:#x} is not of 29 bits')
    base_id = frame.can_id & 0xFFFFFF
    index = frame.can_id >> 24
    if base_id >> 16 != _MODULE_TYPE or base_id >> 12 & 0b111 != _INTERFACE_VERSION:
        return Rejected(Rejection.FOREIGN, f'0x{frame.can_id:08X} is not of Generic Interface v3')
    if index < INDEX_MIN:
        return Rejected(Rejection.FOREIGN, f'0x{frame.can_id:08X} has the pistol index 0')
    message_class = MESSAGES.get(base_id)
    if message_class is None:
        return Rejected(Rejection.UNKNOWN, f'0x{base_id:05X} is not a message of v3.2')
    if len(frame.data) < message_class.LENGTH:
        return Rejected(
            Rejection.SHORT,
            f'{message_class.NAME} with {len(frame.data)} bytes instead of {message_class.LENGTH}',
            index, message_class,
        )
    bits = int.from_bytes(frame.data, 'little')
    values: list[float] = []
    undefined: list[str] = []
    for signal in message_class.SIGNALS:
        raw = bits >> signal.start & (1 << signal.length) - 1
        if signal.enum is not None:
            if raw in signal.labels:
                values.append(signal.enum(raw))
            else:
                values.append(raw)
                undefined.append(f'{signal.name}={raw}')
        elif signal.is_flag:
            values.append(bool(raw))
        else:
            if signal.is_signed and raw > signal.raw_maximum:
                raw -= 1 << signal.length
            values.append(signal.to_si(raw))
    return Received(
        index, _MAKE[base_id](*values), tuple(undefined), bits & _UNASSIGNED_BITS[base_id])


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
    if type(message) not in _MESSAGE_CLASSES:
        raise ValueError(f'{message!r} is not a message of Generic Interface v3.2')
    if type(index) is not int or not INDEX_MIN <= index <= INDEX_MAX:
        raise ValueError(f'{message.NAME}: pistol index {index!r}, permitted are 1..31')
    bits = 0
    for signal in message.SIGNALS:
        try:
            raw = _to_raw(signal, getattr(message, signal.field))
        except ValueError as error:
            raise ValueError(f'{message.NAME}.{signal.name}: {error}') from None
        bits |= (raw & (1 << signal.length) - 1) << signal.start
    return Frame(message.BASE_ID | index << 24, bits.to_bytes(message.LENGTH, 'little'))


def _to_raw(signal: Signal, value: object) -> int:
    if signal.enum is not None or signal.is_flag:
        permitted = signal.labels or (0, 1)
        if (
            isinstance(value, int)
            and value in permitted
            # True is the number 1, but a Power_Function of True is a mistake.
            and (not isinstance(value, bool) or signal.length == 1)
            # A label of another signal is a mistake, even where its number is defined here, too.
            and (not isinstance(value, enum.Enum) or isinstance(value, signal.enum or ()))
        ):
            return int(value)
        names = ', '.join(f'{raw} {text}' for raw, text in signal.labels.items())
        raise ValueError(f'{value!r}, permitted are {names or "False and True"}')
    if isinstance(value, int | float) and not isinstance(value, bool):
        raw = signal.to_raw(value) if abs(value) < _NUMBER_LIMIT else None
        if raw is not None and signal.raw_minimum <= raw <= signal.raw_maximum:
            return raw
    limits = f'{signal.minimum:.10g}..{signal.maximum:.10g} {signal.unit}'
    raise ValueError(f'{value!r}, permitted is {limits}')


def _unassigned_bits(message_class: type[Message]) -> int:
    assigned = 0
    for signal in message_class.SIGNALS:
        assigned |= (1 << signal.length) - 1 << signal.start
    return (1 << 8 * message_class.LENGTH) - 1 & ~assigned


_MAKE: dict[int, Callable[..., Message]] = {**MESSAGES}
_MESSAGE_CLASSES = frozenset(MESSAGES.values())
_UNASSIGNED_BITS = {base_id: _unassigned_bits(cls) for base_id, cls in MESSAGES.items()}
