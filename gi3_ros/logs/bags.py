"""
Reading rosbag2: of raw CAN frames, of this package's typed topics, or of both.

It needs no ROS. A bag brings the definitions of its types along; where they differ from those
of this version, the bag's count.
"""

import contextlib
import heapq
import itertools
import re

from rosbags.typesys import get_types_from_idl, get_types_from_msg, get_typestore, Stores

from ..core.interface.codec import INDEX_MAX, INDEX_MIN
from . import bag_files, ros_types
from .buses import Buses, REQUEST_TOPICS
from .entries import Gap, Heard, LogError, Sample
from .folders import bag_in, BagFolder, enumerated
from .reading import Log

RAW_SENT_TOPICS = (*REQUEST_TOPICS, 'sent')
"""Last part of the names of topics with raw frames that the recording machine sent."""
ECHO_NS = 50_000_000
"""A frame on both of these topics within this time is one frame; R2 and R4 leave 100 ms."""
_SCANNED = 20_000
"""Messages within which each topic of raw frames should show its frame_id."""
WINDOW_NS = 500_000_000
WINDOW_ENTRIES = 2000
"""Messages are put in the order of their times as far as these two reach."""
_DATED_FROM_NS = 946_684_800_000_000_000
"""The year 2000; before that a log counts from its own start."""
OLDEST_WORD_NS = 10**9
"""No word to the controller leaves with an older measurement; such a header has another clock."""


class Bag(Log):
    """
    A rosbag2 folder, or a single .mcap or .db3 file.

    Frames come from the topics of raw frames where the bag has any; typed messages of the same
    frames are then left out, as each would come twice. Without raw frames the typed messages are
    turned back into the frames that they were.

    The time of a frame is that of its header: its arrival on the bus or, for words to the
    controller, when they were decided or measured, which is a little before they were sent. A
    recorder hears them a little after that, often later than the controller answers: by its time
    the answer would come first. Where the header has none, it is the time of the recording.
    Entries come in the order of these times within half a second; a header of another
    clock does not hold up the others.

    :param channel: only frames of this bus, where the bag has raw frames of several
    :param pistols: the pistol index of each namespace; without, the number at the namespace's end
    :raises LogError: when nothing can be read at all
    """

    def __init__(self, path, *, channel=None, pistols=None):
        super().__init__(path)
        self.ignored = {}
        """Topic of a type that is not of this package -> (type, messages in the last reading)."""
        self._channel = channel
        self._opening = []
        self._after_missing = set()
        """Files before which a part of the bag is missing."""
        self._files = self._open(self.path)
        topics = list(dict.fromkeys(itertools.chain.from_iterable(
            file.topics() for file in self._files)))
        raw = [topic for topic in topics if topic.type in ros_types.RAW_TYPES]
        self._has_raw = bool(raw)
        if channel is not None and not raw:
            self._opening.append(
                f'--channel {channel} chooses nothing: the topics do not tell their bus, all are '
                'read')
        self._pistols = _Pistols(pistols or {}, self._opening.append)
        namespaces = {
            _split(topic.name)[0] for topic in topics if topic.type.startswith(_OURS)}
        for name in pistols or {}:
            if name.strip('/') not in namespaces:
                self._opening.append(
                    f'no topic of this package is in {name}, which --pistol names; there is '
                    f'{enumerated(sorted(namespaces)) or "none at all"}')
        self._pistols.name(namespaces)
        storages = ' and '.join(dict.fromkeys(file.kind for file in self._files))
        content = 'raw CAN frames' if self._has_raw else 'typed topics'
        self.kind = f'rosbag2 ({storages}), {content}'
        self.problems[:] = self._opening
        self._losses = 0
        self._buses = Buses(self._frame_ids(raw))
        self._fd = 0
        first = next(self._messages(lambda _text: None), None)
        self.has_dates = first is None or first[1] >= _DATED_FROM_NS

    @property
    def losses(self):
        return self._losses

    @property
    def is_damaged(self):
        # Frames of CAN FD are another bus's.
        return len(self.problems) > bool(self._fd)

    def _frame_ids(self, raw):
        """Return the frame_id of the first message of each raw topic, among the first of all."""
        frame_ids = {}
        reading = _Reading(
            has_raw=True, channel=None, pistols=self._pistols, buses=None, report=lambda _: None)
        for topic, _, data in itertools.islice(self._messages(lambda _text: None), _SCANNED):
            if topic in raw and topic.name not in frame_ids:
                decode = reading.decoder(topic)
                with contextlib.suppress(_NotDecodable):
                    frame_ids[topic.name] = '' if decode is None else decode(data).header.frame_id
                if len(frame_ids) == len(raw):
                    break
        return frame_ids

    def _open(self, path):
        """Open the files, the first one first."""
        if not path.exists():
            raise LogError(f'{path} does not exist')
        try:
            folder = bag_in(path) if path.is_dir() else BagFolder([path], set(), [])
        except OSError as error:
            raise LogError(f'{path} cannot be read: {error.strerror or error}') from error
        files, refused = [], []
        is_after_missing = False
        for each in folder.parts:
            try:
                file = bag_files.open_file(each, self._opening.append)
            except LogError as error:
                refused.append(str(error))
                is_after_missing = True
                continue
            if is_after_missing or each in folder.after_missing:
                self._after_missing.add(file)
            is_after_missing = False
            files.append(file)
        if not files:
            raise LogError('; '.join(refused))
        self._opening += [*refused, *folder.problems]
        return files

    def __iter__(self):
        """Yield ``Heard`` and ``Sample`` by time."""
        self.problems[:] = self._opening
        self._losses = 0
        reading = _Reading(
            has_raw=self._has_raw, channel=self._channel, pistols=self._pistols,
            buses=self._buses, report=self.problems.append)
        for entry in _in_order(_without_echoes(reading.entries(
                self._messages(self.problems.append)))):
            if isinstance(entry, Gap):
                self._losses += 1
            else:
                yield entry
        reading.conclude()
        self._fd = reading.fd
        self.ignored = reading.ignored

    def _messages(self, report):
        """Yield (topic, time in ns, data), without a topic before the next one after a damage."""
        damages = []
        for file in self._files:
            is_after_missing = file in self._after_missing
            try:
                for message in file.messages(damages.append):
                    if damages or is_after_missing:
                        yield None, message[1], None
                        for damage in damages:
                            report(damage)
                        damages.clear()
                        is_after_missing = False
                    yield message
            except (OSError, *bag_files.SQLITE_ERRORS) as error:
                damages.append(f'{file.name} cannot be read any further: '
                               f'{getattr(error, "strerror", None) or error}')
        for damage in damages:
            report(damage)


class _Reading:
    """One pass through the messages of a bag."""

    def __init__(self, *, has_raw, channel, pistols, buses, report):
        self._has_raw = has_raw
        self._channel = channel
        self._pistols = pistols
        self._buses = buses
        self._others = set()
        """Buses that were not wanted."""
        self.fd = 0
        self._report = report
        self._definitions = {}
        self._handlers = {}
        self._broken = {}
        self._is_anything = False
        self._is_on_channel = False
        self.ignored = {}

    def entries(self, messages):
        """Yield (entry, name of its topic)."""
        handlers = self._handlers
        for topic, time_ns, data in messages:
            if topic is None:
                yield Gap(time_ns), ''
                continue
            handler = handlers.get(topic)
            if handler is None:
                handler = handlers[topic] = self._handler_for(topic)
            try:
                entry = handler(time_ns, data)
            except _NotDecodable as error:
                count, first = self._broken.get(topic, (0, str(error)))
                self._broken[topic] = count + 1, first
                continue
            if entry is not None:
                self._is_anything = True
                yield entry, topic.name

    def conclude(self):
        """Report what was counted."""
        for topic, (count, first) in self._broken.items():
            self._report(
                f'{count} message{"s" * (count > 1)} of {topic.name} cannot be read and '
                f'{"are" if count > 1 else "is"} left out: {first}')
        if self.fd:
            self._report(
                f'{self.fd} frame{"s" * (self.fd > 1)} of CAN FD left out: the interface is '
                'classic CAN')
        if self._others and not self._is_on_channel:
            self._report(f'nothing on channel {self._channel}, there is '
                         f'{enumerated(sorted(self._others))}')
        elif not self._is_anything and not self.fd:
            names = [f'{name} ({kind})' for name, (kind, _) in self.ignored.items()]
            self._report(
                'nothing of the interface is in the bag'
                + (f', only {enumerated(names)}' if names else ''))

    def _handler_for(self, topic):
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
        if topic.type in ros_types.typestore().types and topic.type.startswith(_OURS):
            return self._sample(topic)
        if topic.type.startswith(_OURS):
            self._report(
                f'{topic.name} is left out: {topic.type} is not known to this version of gi3_ros')
        return self._ignore(topic)

    def _ignore(self, topic):
        def count(_time_ns, _data):
            self.ignored[topic.name] = topic.type, self.ignored[topic.name][1] + 1

        self.ignored[topic.name] = topic.type, 0
        return count

    def _raw(self, topic):
        decode = self.decoder(topic)
        if decode is None:
            return _nothing
        is_sent = _split(topic.name)[1] in RAW_SENT_TOPICS
        to_frame = ros_types.from_fd if topic.type == ros_types.FD_FRAME else ros_types.from_raw
        name = topic.name

        def read(time_ns, data):
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

    def _channel_of(self, topic, frame_id):
        """Return the name of the bus; ``None`` for one that is not wanted."""
        channel = self._buses.name(topic, frame_id)
        if self._channel is not None:
            if not self._buses.is_meant(self._channel, topic, frame_id):
                self._others.add(channel or '(without a name)')
                return None
            self._is_on_channel = True
        return channel

    def _typed(self, topic):
        decode = self.decoder(topic)
        if decode is None:
            return _nothing
        cls = ros_types.FRAME_CLASSES[topic.type]
        index = self._pistols.index_of(_split(topic.name)[0])

        def read(time_ns, data):
            message = decode(data)
            try:
                frame = ros_types.frame_of(message, cls, index)
            except ValueError as error:
                raise _NotDecodable(f'{error} does not fit into {cls.NAME}') from error
            stamp_ns = ros_types.time_of(message)
            if stamp_ns is None or not (
                    cls.FROM_CONTROLLER or 0 <= time_ns - stamp_ns <= OLDEST_WORD_NS):
                stamp_ns = time_ns
            return Heard(stamp_ns, frame, '', not cls.FROM_CONTROLLER)

        return read

    def _sample(self, topic):
        decode = self.decoder(topic)
        if decode is None:
            return _nothing
        namespace, name = _split(topic.name)
        index = self._pistols.index_of(namespace)
        return lambda time_ns, data: Sample(time_ns, namespace, name, decode(data), index)

    def decoder(self, topic):
        """Return what turns bytes into a message of the topic; ``None``, reported, for nothing."""
        key = topic.type, topic.definition
        if key not in self._definitions:
            try:
                self._definitions[key] = _store_for(topic)
            except _NotDecodable as error:
                self._definitions[key] = None
                self._report(f'{topic.name} is left out: {error}')
        store = self._definitions[key]
        if store is None:
            return None

        def decode(data):
            try:
                return store.deserialize_cdr(bag_files.unpack_message(data), topic.type)
            except Exception as error:
                # Whatever the library makes of bytes that are no such message.
                raise _NotDecodable(f'damaged ({error or type(error).__name__})') from error

        return decode


class _NotDecodable(Exception):
    """Of a message, or of all of a topic; the text says why."""


def _store_for(topic):
    """Return types with which the topic's messages can be read."""
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
        raise _NotDecodable(
            f'the definition of {topic.type} in the bag cannot be read ({words} ..)') from error
    there = dict(types[topic.type][1])
    lacking = [
        name for name, kind in ours.fielddefs[topic.type][1] if there.get(name) != kind]
    lacking += [
        name for name in types
        if name != topic.type and name in ours.fielddefs
        and _fields(ours.fielddefs, name) != _fields(types, name)]
    if lacking:
        raise _NotDecodable(
            f'it was recorded with another version of gi3_ros, whose {topic.type} lacks '
            f'{enumerated(lacking)}, or has it in another form')
    return store


def _fields(types, name):
    return list(types[name][1])


def _nothing(_time_ns, _data):
    return None


class _Pistols:
    """Which namespace has which pistol index."""

    def __init__(self, given, report):
        self._indices = {}
        for namespace, index in given.items():
            if type(index) is not int or not INDEX_MIN <= index <= INDEX_MAX:
                raise ValueError(f'pistol index {index!r} of {namespace!r} is not 1..31')
            self._indices[namespace.strip('/')] = index
        self._report = report

    def name(self, namespaces):
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

    def index_of(self, namespace):
        if namespace not in self._indices:
            self.name([namespace])
        return self._indices[namespace]


_OURS = f'{ros_types.PACKAGE}/msg/'


def _without_echoes(entries):
    """
    Leave out what a driver reports of frames that it was asked to send.

    Whichever of the two comes first counts, once.
    """
    waiting = {}
    for entry, topic in entries:
        if not isinstance(entry, Heard) or not topic.endswith(_WITH_ECHOES):
            yield entry
            continue
        key = entry.channel, entry.frame, not entry.is_sent
        twin_ns = waiting.pop(key, None)
        if twin_ns is not None and abs(entry.time_ns - twin_ns) <= ECHO_NS:
            continue
        waiting[entry.channel, entry.frame, entry.is_sent] = entry.time_ns
        if len(waiting) > WINDOW_ENTRIES:
            del waiting[next(iter(waiting))]
        yield entry


_WITH_ECHOES = tuple(f'/{name}' for name in (*REQUEST_TOPICS, 'from_can_bus', 'from_can_bus_fd'))


def _in_order(entries):
    """Put entries in the order of their times, as far as the window and the next gap reach."""
    waiting = []
    latest_ns = 0
    for number, entry in enumerate(entries):
        if isinstance(entry, Gap):
            while waiting:
                yield heapq.heappop(waiting)[2]
            yield entry
            continue
        heapq.heappush(waiting, (entry.time_ns, number, entry))
        latest_ns = max(latest_ns, entry.time_ns)
        while waiting[0][0] < latest_ns - WINDOW_NS or len(waiting) > WINDOW_ENTRIES:
            yield heapq.heappop(waiting)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]


def _split(topic):
    """Return the namespace of a topic and its name in it."""
    namespace, _, name = topic.strip('/').rpartition('/')
    return namespace, name
