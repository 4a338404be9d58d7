# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
ROS messages without ROS: the types of this package for the library ``rosbags``.

They are read from the same ``.msg`` files that ROS generates its classes from. The counterpart
where there is ROS is :mod:`gi3_ros.convert`; field names and units are the same everywhere.
"""

import functools
import pathlib
from typing import Any

import numpy
from rosbags.typesys import get_types_from_msg, get_typestore, Stores
from rosbags.typesys.store import Typestore

from ..core.interface.frame import Frame
from ..core.interface.layout import Message
from ..core.interface.signals import MESSAGES

PACKAGE = 'gi3_ros'
RAW_FRAME = 'can_msgs/msg/Frame'
"""One CAN frame as the ROS drivers for CAN publish it (ros2_socketcan, for one)."""
RAW_FRAME_DEFINITION = """
std_msgs/Header header
uint32 id
bool is_rtr
bool is_extended
bool is_error
uint8 dlc
uint8[8] data
"""
FD_FRAME = 'ros2_socketcan_msgs/msg/FdFrame'
"""Of ros2_socketcan with ``enable_can_fd``: frames of CAN FD, and classic ones among them."""
_FD_FRAME_DEFINITION = """
std_msgs/Header header
uint32 id
bool is_extended
bool is_error
uint8 len
uint8[<=64] data
"""
RAW_TYPES = (RAW_FRAME, FD_FRAME)
LONGEST_DATA = 8
FRAME_CLASSES = {f'{PACKAGE}/msg/{cls.__name__}': cls for cls in MESSAGES.values()}
"""Type of a topic that carries frames of the interface -> class of its signals."""
_TYPE_NAMES = {cls: name for name, cls in FRAME_CLASSES.items()}

_EXTENDED_ID, _STANDARD_ID = (1 << 29) - 1, (1 << 11) - 1
_SECOND_NS = 1_000_000_000
_SECONDS_LIMIT = 1 << 31


@functools.cache
def typestore() -> Typestore:
    """Return the types of ROS 2, the ones of this package and :data:`RAW_FRAME`."""
    store = get_typestore(Stores.ROS2_JAZZY)
    types = get_types_from_msg(RAW_FRAME_DEFINITION, RAW_FRAME)
    types |= get_types_from_msg(_FD_FRAME_DEFINITION, FD_FRAME)
    for path in sorted(_folder().glob('*.msg')):
        types |= get_types_from_msg(path.read_text('utf-8'), f'{PACKAGE}/msg/{path.stem}')
    store.register(types)
    return store


def _folder() -> pathlib.Path:
    """Return where the ``.msg`` files are: beside the installed modules, or in the sources."""
    package = pathlib.Path(__file__).resolve().parents[1]
    installed = package / 'interfaces'
    return installed if installed.is_dir() else package.parent / 'msg'


def header(time_ns: int, frame_id: str = '') -> Any:
    """Make a header; a time that a stamp cannot hold (after 2038) leaves it unset."""
    types = typestore().types
    sec, nanosec = divmod(time_ns, _SECOND_NS)
    if not 0 <= sec < _SECONDS_LIMIT:
        sec = nanosec = 0
    stamp = types['builtin_interfaces/msg/Time'](sec=sec, nanosec=nanosec)
    return types['std_msgs/msg/Header'](stamp=stamp, frame_id=frame_id)


def time_of(message: Any) -> int | None:
    """Return the time in a message's header in nanoseconds; ``None`` where it is not set."""
    stamp = message.header.stamp
    if stamp.sec < 0 or not (stamp.sec or stamp.nanosec):
        return None
    time_ns: int = stamp.sec * _SECOND_NS + stamp.nanosec
    return time_ns


def to_raw(frame: Frame, time_ns: int, channel: str = '') -> Any:
    """Turn a frame into a message of :data:`RAW_FRAME`; the channel is its ``frame_id``."""
    data = numpy.zeros(8, numpy.uint8)
    data[:len(frame.data)] = numpy.frombuffer(frame.data, numpy.uint8)
    return typestore().types[RAW_FRAME](
        header=header(time_ns, channel), id=frame.can_id, is_rtr=frame.is_remote,
        is_extended=frame.is_extended, is_error=frame.is_error, dlc=len(frame.data), data=data,
    )


def from_raw(message: Any) -> Frame:
    """Read the frame in a message of :data:`RAW_FRAME`; some drivers leave flags in the id."""
    return Frame(
        message.id & (
            _EXTENDED_ID if message.is_extended or message.is_error else _STANDARD_ID),
        # A remote frame asks for that many bytes and has none.
        b'' if message.is_rtr else bytes(message.data[:message.dlc]),
        message.is_extended, message.is_rtr, message.is_error,
    )


def from_fd(message: Any) -> Frame | None:
    """Read the frame in a message of :data:`FD_FRAME`; ``None`` where only CAN FD has such."""
    if message.len > LONGEST_DATA:
        return None
    return Frame(
        message.id & (
            _EXTENDED_ID if message.is_extended or message.is_error else _STANDARD_ID),
        bytes(message.data[:message.len]), message.is_extended, False, message.is_error,
    )


def to_typed(signals: Message, time_ns: int) -> Any:
    """Turn signals into the message of the same name."""
    name = _TYPE_NAMES[type(signals)]
    # An enumeration is a number, too; only a plain one can be serialised.
    values = {
        signal.field: value if signal.enum is None else int(value)
        for signal in signals.SIGNALS
        for value in (getattr(signals, signal.field),)
    }
    return typestore().types[name](header=header(time_ns), **values)


def frame_of(message: Any, cls: type[Message], index: int) -> Frame:
    """
    Return the frame that a typed message was, or becomes.

    A label without a name keeps its number, other than in ``codec.encode``: what is in a log was
    on the bus, whatever it means.

    :raises ValueError: for a value that the frame cannot hold
    """
    bits = 0
    for signal in cls.SIGNALS:
        value = getattr(message, signal.field)
        try:
            raw = int(value) if signal.enum or signal.is_flag else signal.to_raw(value)
        except (OverflowError, TypeError) as error:
            raise ValueError(f'{signal.name}: {value!r}') from error
        if not signal.raw_minimum <= raw <= signal.raw_maximum:
            raise ValueError(f'{signal.name}: {value!r}')
        bits |= (raw & (1 << signal.length) - 1) << signal.start
    return Frame(cls.BASE_ID | index << 24, bits.to_bytes(cls.LENGTH, 'little'))
