# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
The messages of a bag as frames, and as words of our nodes.

A bag brings the definitions of its types along; where they differ from those of this version, the
bag's count.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
import dataclasses
import re
import sys
from typing import Any, NamedTuple, TypeAlias

from rosbags.interfaces.typing import FieldDesc, Typesdict
from rosbags.typesys import get_types_from_idl, get_types_from_msg, get_typestore, Stores
from rosbags.typesys.store import Typestore

from ...core.interface.codec import INDEX_MAX, INDEX_MIN
from .. import ros_types
from ..entries import Entry, Gap, Heard, Sample
from ..formats.format import BagMessage, Report, Topic
from .buses import Buses, REQUEST_TOPICS
from .folders import enumerated

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

RAW_SENT_TOPICS = (*REQUEST_TOPICS, 'sent')
"""Last part of the names of topics with raw frames that the recording machine sent."""
OLDEST_WORD_NS = 10**9
"""No word to the controller leaves with an older measurement; such a header has another clock."""
OURS = f'{ros_types.PACKAGE}/msg/'
_ZSTD_MAGIC = b'\x28\xb5\x2f\xfd'
_MESSAGE_LIMIT = 16 << 20
"""Of one message that is packed by itself."""


class NotDecodable(Exception):
    """Of a message, or of all of a topic; the text says why."""


class Ignored(NamedTuple):
    """A topic of a type that is not of this package."""

    type: str
    messages: int


class TopicName(NamedTuple):
    """A topic in two parts."""

    namespace: str
    name: str


_Decode: TypeAlias = Callable[[bytes], Any]
"""Turns bytes into a ROS message."""
_Handler: TypeAlias = Callable[[int, bytes], Entry | None]
"""Turns a message into an entry; takes when it was recorded, and its bytes."""


class BagReading:
    """One pass through the messages of a bag."""

    def __init__(
            self, *, has_raw: bool, channel: str | None, pistols: 'Pistols', buses: Buses,
            report: Report) -> None:
        self._has_raw = has_raw
        self._channel = channel
        self._pistols = pistols
        self._buses = buses
        self._others: set[str] = set()
        """Buses that were not wanted."""
        self.fd = 0
        self._report = report
        self._stores: dict[tuple[str, str], Typestore | None] = {}
        """Type and definition -> types with which messages can be read."""
        self._handlers: dict[Topic, _Handler] = {}
        self._broken: dict[Topic, _Broken] = {}
        self._is_anything = False
        self._is_on_channel = False
        self.ignored: dict[str, Ignored] = {}

    def entries(
            self, messages: Iterable[BagMessage | Gap]) -> Iterator[tuple[Entry | Gap, str]]:
        """Yield each entry with the name of its topic."""
        handlers = self._handlers
        for message in messages:
            if isinstance(message, Gap):
                yield message, ''
                continue
            topic, time_ns, data = message
            handler = handlers.get(topic)
            if handler is None:
                handler = handlers[topic] = self._handler_for(topic)
            try:
                entry = handler(time_ns, data)
            except NotDecodable as error:
                self._broken.setdefault(topic, _Broken(str(error))).count += 1
                continue
            if entry is not None:
                self._is_anything = True
                yield entry, topic.name

    def conclude(self) -> None:
        """Report what was counted."""
        for topic, broken in self._broken.items():
            count = broken.count
            self._report(
                f'{count} message{"s" * (count > 1)} of {topic.name} cannot be read and '
                f'{"are" if count > 1 else "is"} left out: {broken.first}')
        if self.fd:
            self._report(
                f'{self.fd} frame{"s" * (self.fd > 1)} of CAN FD left out: the interface is '
                'classic CAN')
        if self._others and not self._is_on_channel:
            self._report(f'nothing on channel {self._channel}, there is '
                         f'{enumerated(sorted(self._others))}')
        elif not self._is_anything and not self.fd:
            names = [f'{name} ({each.type})' for name, each in self.ignored.items()]
            self._report(
                'nothing of the interface is in the bag'
                + (f', only {enumerated(names)}' if names else ''))

    def _handler_for(self, topic: Topic) -> _Handler:
        if topic.type in ros_types.RAW_TYPES:
            if not self._has_raw:
                # A damaged bag may show them late.
                self._has_raw = True
                for other in self._handlers:
                    if other.type in ros_types.FRAME_CLASSES:
                        self._handlers[other] = _nothing
            return self._raw(topic)
        if topic.type in ros_types.FRAME_CLASSES:
            return _nothing if self._has_raw else self._typed(topic)
        if topic.type in ros_types.typestore().types and topic.type.startswith(OURS):
            return self._sample(topic)
        if topic.type.startswith(OURS):
            self._report(
                f'{topic.name} is left out: {topic.type} is not known to this version of gi3_ros')
        return self._ignore(topic)

    def _ignore(self, topic: Topic) -> _Handler:
        def count(_time_ns: int, _data: bytes) -> None:
            before = self.ignored[topic.name]
            self.ignored[topic.name] = Ignored(topic.type, before.messages + 1)

        self.ignored[topic.name] = Ignored(topic.type, 0)
        return count

    def _raw(self, topic: Topic) -> _Handler:
        decode = self.decoder(topic)
        if decode is None:
            return _nothing
        is_sent = split(topic.name).name in RAW_SENT_TOPICS
        to_frame = ros_types.from_fd if topic.type == ros_types.FD_FRAME else ros_types.from_raw
        name = topic.name

        def read(time_ns: int, data: bytes) -> Heard | None:
            message = decode(data)
            channel = self._channel_of(name, message.header.frame_id)
            if channel is None:
                return None
            frame = to_frame(message)
            if frame is None:
                self.fd += 1
                return None
            stamp_ns = ros_types.time_of(message)
            return Heard(time_ns if stamp_ns is None else stamp_ns, frame, channel, is_sent)

        return read

    def _channel_of(self, topic: str, frame_id: str) -> str | None:
        """Return the name of the bus; ``None`` for one that is not wanted."""
        channel = self._buses.name(topic, frame_id)
        if self._channel is not None:
            if not self._buses.is_meant(self._channel, topic, frame_id):
                self._others.add(channel or '(without a name)')
                return None
            self._is_on_channel = True
        return channel

    def _typed(self, topic: Topic) -> _Handler:
        decode = self.decoder(topic)
        if decode is None:
            return _nothing
        cls = ros_types.FRAME_CLASSES[topic.type]
        index = self._pistols.index_of(split(topic.name).namespace)

        def read(time_ns: int, data: bytes) -> Heard:
            message = decode(data)
            try:
                frame = ros_types.frame_of(message, cls, index)
            except ValueError as error:
                raise NotDecodable(f'{error} does not fit into {cls.NAME}') from error
            stamp_ns = ros_types.time_of(message)
            if stamp_ns is None or not (
                    cls.FROM_CONTROLLER or 0 <= time_ns - stamp_ns <= OLDEST_WORD_NS):
                stamp_ns = time_ns
            return Heard(stamp_ns, frame, '', not cls.FROM_CONTROLLER)

        return read

    def _sample(self, topic: Topic) -> _Handler:
        decode = self.decoder(topic)
        if decode is None:
            return _nothing
        namespace, name = split(topic.name)
        index = self._pistols.index_of(namespace)
        return lambda time_ns, data: Sample(time_ns, namespace, name, decode(data), index)

    def decoder(self, topic: Topic) -> _Decode | None:
        """Return what turns bytes into a message of the topic; ``None``, reported, for nothing."""
        key = topic.type, topic.definition
        if key not in self._stores:
            try:
                self._stores[key] = store_for(topic)
            except NotDecodable as error:
                self._stores[key] = None
                self._report(f'{topic.name} is left out: {error}')
        store = self._stores[key]
        if store is None:
            return None

        def decode(data: bytes) -> object:
            try:
                return store.deserialize_cdr(_unpacked(data), topic.type)
            except Exception as error:
                # Whatever the library makes of bytes that are no such message.
                raise NotDecodable(f'damaged ({error or type(error).__name__})') from error

        return decode


@dataclasses.dataclass(slots=True)
class _Broken:
    """The messages of a topic that cannot be read."""

    first: str
    """Why the first one cannot."""
    count: int = 0


def _unpacked(data: bytes) -> bytes:
    """
    Return a message that may be compressed by itself.

    :raises ValueError: when it is damaged
    """
    if data[:4] != _ZSTD_MAGIC:
        return data
    try:
        unpacker = zstd.ZstdDecompressor()
        result = unpacker.decompress(data, _MESSAGE_LIMIT)
    except zstd.ZstdError as error:
        raise ValueError(str(error)) from error
    if not unpacker.eof:
        raise ValueError('it is cut off or far too long')
    return result


def store_for(topic: Topic) -> Typestore:
    """
    Return types with which the topic's messages can be read.

    :raises NotDecodable: when there are none, or a field that is needed is not among them
    """
    ours = ros_types.typestore()
    if not topic.definition:
        return ours
    try:
        if topic.encoding == 'ros2idl':
            types = get_types_from_idl(topic.definition)
        else:
            types = get_types_from_msg(topic.definition, topic.type)
        # Only the fields: what is not needed need not be trusted.
        types = {name: ([], fields) for name, (_, fields) in types.items()}
        if all(name in ours.fielddefs and _fields(ours.fielddefs, name) == _fields(types, name)
               for name in types) and topic.type in types:
            return ours
        store = get_typestore(Stores.EMPTY)
        store.register({
            name: ([], ours.fielddefs[name][1])
            for name in ('builtin_interfaces/msg/Time', 'std_msgs/msg/Header')
            if name not in types
        } | types)
        store.get_msgdef(topic.type)
    except Exception as error:
        # Whatever the library makes of a text that is no definition; it repeats all of the text.
        words = ' '.join(str(error).split())[:60] or type(error).__name__
        raise NotDecodable(
            f'the definition of {topic.type} in the bag cannot be read ({words} ..)') from error
    lacking = _lacking(topic, types, ours.fielddefs)
    if lacking:
        raise NotDecodable(
            f'it was recorded with another version of gi3_ros, whose {topic.type} lacks '
            f'{enumerated(lacking)}, or has it in another form')
    return store


def _lacking(topic: Topic, types: Typesdict, ours: Typesdict) -> list[str]:
    """Return the fields, and the types of fields, that are not as this version has them."""
    there = dict(types[topic.type][1])
    return [
        name for name, kind in ours[topic.type][1] if there.get(name) != kind
    ] + [
        name for name in types
        if name != topic.type and name in ours and _fields(ours, name) != _fields(types, name)]


def _fields(types: Typesdict, name: str) -> list[tuple[str, FieldDesc]]:
    return list(types[name][1])


def _nothing(_time_ns: int, _data: bytes) -> None:
    return None


class Pistols:
    """Which namespace has which pistol index."""

    def __init__(self, given: Mapping[str, int], report: Report) -> None:
        self._indices: dict[str, int] = {}
        for namespace, index in given.items():
            if type(index) is not int or not INDEX_MIN <= index <= INDEX_MAX:
                raise ValueError(f'pistol index {index!r} of {namespace!r} is not 1..31')
            self._indices[namespace.strip('/')] = index
        self._report = report

    def name(self, namespaces: Iterable[str]) -> None:
        """Give each namespace an index: first those whose name has one."""
        unknown = [each for each in sorted(set(namespaces)) if each not in self._indices]
        for namespace in unknown:
            number = re.search(r'[0-9]{1,9}$', namespace)
            index = int(number[0]) if number else 0
            if INDEX_MIN <= index <= INDEX_MAX and index not in self._indices.values():
                self._indices[namespace] = index
        for namespace in unknown:
            if namespace not in self._indices:
                free = set(range(INDEX_MIN, INDEX_MAX + 1)) - set(self._indices.values())
                self._indices[namespace] = index = min(free, default=INDEX_MAX)
                self._report(
                    f'the bag does not tell the pistol index of /{namespace}: taken as {index}')

    def index_of(self, namespace: str) -> int:
        """Return the index of a namespace."""
        if namespace not in self._indices:
            self.name([namespace])
        return self._indices[namespace]


def split(topic: str) -> TopicName:
    """Return the namespace of a topic and its name in it."""
    namespace, _, name = topic.strip('/').rpartition('/')
    return TopicName(namespace, name)
