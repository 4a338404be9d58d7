# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the formats have in common: frames, times and words."""

import dataclasses

from ...core.interface.frame import Frame

LONGEST_DATA = 8
TIME_LIMIT_NS = 1 << 62
ERROR_FLAG = 0x20000000
EXTENDED_MASK = 0x1FFFFFFF


class FdFrame:
    """Stands for a frame of CAN FD: not of this interface, and no :class:`Frame`."""


FD = FdFrame()


@dataclasses.dataclass(frozen=True, slots=True)
class Lost:
    """Stands for a place where the recorder says that it lost frames; no :class:`Frame`."""

    frames: int = 0
    """How many; 0 where it does not say."""


def channel_name(number: int) -> str:
    """Name a channel that the file numbers from 1, as python-can does: 1 is can0."""
    return f'can{number - 1}' if number > 0 else str(number)


def make_frame(
        can_id: int, data: bytes, is_extended: bool, is_remote: bool = False,
        is_error: bool = False) -> Frame:
    """
    Return a :class:`Frame`.

    :raises ValueError: when there is no such frame on a classic bus
    """
    if can_id >> (29 if is_extended or is_error else 11):
        raise ValueError(f'identifier {can_id:#x} has too many bits')
    if len(data) > LONGEST_DATA:
        raise ValueError(f'{len(data)} bytes of data')
    return Frame(can_id, data, is_extended, is_remote, is_error)


def nanoseconds(whole: str, fraction: str, unit_digits: int = 9) -> int:
    """Return the number of nanoseconds (or so) that decimal digits say, without a float."""
    digits = fraction[:unit_digits].ljust(unit_digits, '0')
    value = int(whole) * 10**unit_digits
    value = value - int(digits) if whole[0] == '-' else value + int(digits)
    return checked_ns(value)


def checked_ns(time_ns: int) -> int:
    """
    Return a time.

    :raises ValueError: when no log can have it
    """
    if not -TIME_LIMIT_NS < time_ns < TIME_LIMIT_NS:
        raise ValueError('a time out of range')
    return time_ns


def float_ns(seconds: float) -> int:
    """Return the nanoseconds of a float of seconds: at today's dates good for microseconds."""
    if not -4e9 < seconds < 4e9:
        raise ValueError('a time out of range')
    return round(seconds * 1e6) * 1000


def reason(error: BaseException) -> str:
    """Say what an exception of a library means, on one line."""
    words = getattr(error, 'strerror', None) or str(error) or type(error).__name__
    return ' '.join(str(words).split())
