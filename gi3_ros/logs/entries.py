# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a log consists of, whatever file it comes from."""

import dataclasses
from typing import Any, NamedTuple, TypeAlias

from ..core.interface.frame import Frame

DATES_FROM_NS = 631_152_000 * 10**9
"""The year 1990: a time below is no date but counts from the start of the log."""


class LogError(Exception):
    """A file that cannot be read or written at all; the text is one sentence, with what to do."""


@dataclasses.dataclass(frozen=True, slots=True)
class Heard:
    """One frame that was on the bus."""

    time_ns: int
    """Since the epoch; since the start of the log where the log has no date."""
    frame: Frame
    channel: str = ''
    """The bus, where the log names one."""
    is_sent: bool = False
    """Whether the machine that wrote the log sent it."""

    @property
    def time_s(self) -> float:
        """The time in seconds, to the microsecond for times since the epoch."""
        return self.time_ns / 1e9


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """One message of a topic that is not a frame: of the hardware edge, or a word of our nodes."""

    time_ns: int
    """When it was recorded, since the epoch."""
    namespace: str
    """Of the pistol, without slashes at the ends: 'pistol1', 'depot/cell2/ccs'."""
    topic: str
    """Its name within the namespace, such as 'power_setpoint'."""
    message: Any
    """With the fields of the ROS message of the topic's type, ``header`` included."""
    index: int | None = None
    """Pistol index on the bus that belongs to the namespace, as far as it is known."""


UNREADABLE = 'something could not be read'
LOST = 'the recorder lost frames'


@dataclasses.dataclass(frozen=True, slots=True)
class Gap:
    """Stands before an entry before which something of the log is missing."""

    time_ns: int
    """Of that entry."""
    words: str = UNREADABLE
    """Why; empty where another one beside it says it."""


Entry: TypeAlias = Heard | Sample
"""What logs give, and what writers take."""


class Note(NamedTuple):
    """What was put right in a log."""

    time_ns: int
    words: str


def is_overflow(frame: Frame) -> bool:
    """
    Return whether an error frame of SocketCAN says that the receive buffer overflowed.

    ``CAN_ERR_CRTL`` with ``CAN_ERR_CRTL_RX_OVERFLOW``; such frames have 8 bytes, and their
    identifier is the class of the error (``linux/can/error.h``).
    """
    return bool(frame.can_id < 0x400 and frame.can_id & 0x004 and len(frame.data) == 8
                and frame.data[1] & 0x01)
