# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The codec once more, as one loop over ``SIGNALS``: slow, and simple enough to be believed."""

import enum

from gi3_ros.core.interface.codec import Received, Rejected, Rejection
from gi3_ros.core.interface.frame import Frame
from gi3_ros.core.interface.signals import MESSAGES

NUMBER_LIMIT = 1e18


def decode(frame):
    """Turn a frame into what the codec must make of it."""
    if frame.is_error or frame.is_remote or not frame.is_extended:
        return Rejected(Rejection.FOREIGN, 'not an extended data frame')
    if not 0 <= frame.can_id < 1 << 29:
        return Rejected(Rejection.FOREIGN, f'identifier {frame.can_id:#x} is not of 29 bits')
    base_id, index = frame.can_id & 0xFFFFFF, frame.can_id >> 24
    if base_id >> 16 != 0x06 or base_id >> 12 & 0b111 != 3:
        return Rejected(Rejection.FOREIGN, f'0x{frame.can_id:08X} is not of Generic Interface v3')
    if index == 0:
        return Rejected(Rejection.FOREIGN, f'0x{frame.can_id:08X} has the pistol index 0')
    message_class = MESSAGES.get(base_id)
    if message_class is None:
        return Rejected(Rejection.UNKNOWN, f'0x{base_id:05X} is not a message of v3.2')
    if len(frame.data) < message_class.LENGTH:
        return Rejected(
            Rejection.SHORT,
            f'{message_class.NAME} with {len(frame.data)} bytes instead of {message_class.LENGTH}',
            index, message_class)
    bits = int.from_bytes(frame.data[:message_class.LENGTH], 'little')
    values, undefined, unassigned = [], [], (1 << 8 * message_class.LENGTH) - 1
    for signal in message_class.SIGNALS:
        mask = (1 << signal.length) - 1
        raw = bits >> signal.start & mask
        unassigned &= ~(mask << signal.start)
        if signal.enum is not None:
            values.append(signal.enum(raw) if raw in signal.labels else raw)
            if raw not in signal.labels:
                undefined.append(f'{signal.name}={raw}')
        elif signal.is_flag:
            values.append(bool(raw))
        else:
            if signal.is_signed and raw > signal.raw_maximum:
                raw -= 1 << signal.length
            values.append(signal.to_si(raw))
    return Received(index, message_class(*values), tuple(undefined), bits & unassigned)


def encode(message, *, index):
    """Turn a message into what the codec must make of it."""
    if type(message) not in MESSAGES.values():
        raise ValueError(f'{message!r} is not a message of Generic Interface v3.2')
    if type(index) is not int or not 1 <= index <= 31:
        raise ValueError(f'{message.NAME}: pistol index {index!r}, permitted are 1..31')
    bits = 0
    for signal in message.SIGNALS:
        try:
            raw = to_raw(signal, getattr(message, signal.field))
        except ValueError as error:
            raise ValueError(f'{message.NAME}.{signal.name}: {error}') from None
        bits |= (raw & (1 << signal.length) - 1) << signal.start
    return Frame(message.BASE_ID | index << 24, bits.to_bytes(message.LENGTH, 'little'))


def to_raw(signal, value):
    """Return the number for the frame."""
    if signal.enum is not None or signal.is_flag:
        if (
            isinstance(value, int) and value in (signal.labels or (0, 1))
            and (not isinstance(value, bool) or signal.length == 1)
            and (not isinstance(value, enum.Enum) or isinstance(value, signal.enum or ()))
        ):
            return int(value)
        names = ', '.join(f'{raw} {text}' for raw, text in signal.labels.items())
        raise ValueError(f'{value!r}, permitted are {names or "False and True"}')
    if isinstance(value, int | float) and not isinstance(value, bool):
        raw = signal.to_raw(value) if abs(value) < NUMBER_LIMIT else None
        if raw is not None and signal.raw_minimum <= raw <= signal.raw_maximum:
            return raw
    limits = f'{signal.minimum:.10g}..{signal.maximum:.10g} {signal.unit}'
    raise ValueError(f'{value!r}, permitted is {limits}')
