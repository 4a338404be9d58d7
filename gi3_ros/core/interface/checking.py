# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whether a frame can carry a value: the whole answer, for what :mod:`packing` has none for."""

import enum

from .layout import Message, Signal

_NUMBER_LIMIT = 1e18
"""Far above every field; keeps NaN, infinities and huge integers out of the arithmetic."""


def checked(message: Message, place: int) -> int:
    """
    Return the number that stands for a field's value in the frame.

    :param place: of the field among ``SIGNALS``
    :raises ValueError: with message, signal, value and what is permitted
    """
    signal = message.SIGNALS[place]
    value = getattr(message, signal.field)
    is_labelled = signal.enum is not None or signal.is_flag
    raw = _of_label(signal, value) if is_labelled else _of_number(signal, value)
    if raw is not None:
        return raw
    if is_labelled:
        names = ', '.join(f'{number} {text}' for number, text in signal.labels.items())
        permitted = f'permitted are {names or "False and True"}'
    else:
        permitted = (
            f'permitted is {signal.minimum:.10g}..{signal.maximum:.10g} {signal.unit}')
    raise ValueError(f'{message.NAME}.{signal.name}: {value!r}, {permitted}')


def _of_label(signal: Signal, value: object) -> int | None:
    if (
        isinstance(value, int)
        and value in (signal.labels or (0, 1))
        # True is the number 1, but a Power_Function of True is a mistake.
        and (not isinstance(value, bool) or signal.length == 1)
        # A label of another signal is a mistake, even where its number is defined here, too.
        and (not isinstance(value, enum.Enum) or isinstance(value, signal.enum or ()))
    ):
        return int(value)
    return None


def _of_number(signal: Signal, value: object) -> int | None:
    if (
        isinstance(value, int | float) and not isinstance(value, bool)
        and abs(value) < _NUMBER_LIMIT
        and signal.raw_minimum <= (raw := signal.to_raw(value)) <= signal.raw_maximum
    ):
        return raw
    return None
