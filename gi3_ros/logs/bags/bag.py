# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Reading rosbag2: of raw CAN frames, of this package's typed topics, or of both.

It needs no ROS. What the messages of each topic are is in :mod:`.messages`.
"""

from collections.abc import Iterable, Iterator, Mapping
import contextlib
import heapq
import itertools
import pathlib

from ...core.interface.frame import Frame
from .. import ros_types
from ..entries import Entry, Gap, Heard, LogError
from ..formats import bag_database
from ..formats.bag_database import BagDatabase
from ..formats.format import BagFormat, BagMessage, Report, Topic
from ..formats.mcap import Mcap
from ..formats.packing import Source
from ..log import Log
from .buses import Buses, REQUEST_TOPICS
from .folders import bag_in, BagFolder, enumerated
from .messages import BagReading, Ignored, NotDecodable, OURS, Pistols, split

ECHO_NS = 50_000_000
"""A frame on both of these topics within this time is one frame; R2 and R4 leave 100 ms."""
_SCANNED = 20_000
"""Messages within which each topic of raw frames should show its frame_id."""
WINDOW_NS = 500_000_000
WINDOW_ENTRIES = 2000
"""Messages are put in the order of their times as far as these two reach."""
_DATED_FROM_NS = 946_684_800_000_000_000
"""The year 2000; before that a log counts from its own start."""


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

    def __init__(
            self, path: pathlib.Path | str, *, channel: str | None = None,
            pistols: Mapping[str, int] | None = None) -> None:
        super().__init__(path)
        self.ignored: dict[str, Ignored] = {}
        """Topics of types that are not of this package, in the last reading."""
        self._channel = channel
        self._opening: list[str] = []
        self._after_missing: set[BagFormat] = set()
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
        self._pistols = self._named(pistols or {}, {
            split(topic.name).namespace for topic in topics if topic.type.startswith(OURS)})
        storages = ' and '.join(dict.fromkeys(file.kind for file in self._files))
        content = 'raw CAN frames' if self._has_raw else 'typed topics'
        self.kind = f'rosbag2 ({storages}), {content}'
        self.problems[:] = self._opening
        self._losses = 0
        self._buses = Buses(self._frame_ids(raw))
        self._fd = 0
        first = next(self._messages(_ignore), None)
        self.has_dates = first is None or (
            first.time_ns if isinstance(first, Gap) else first[1]) >= _DATED_FROM_NS

    @property
    def losses(self) -> int:
        """In how many places, up to the entry given last, something could not be read."""
        return self._losses

    @property
    def is_damaged(self) -> bool:
        """Whether what could not be read may have been of the interface."""
        # Frames of CAN FD are another bus's.
        return len(self.problems) > bool(self._fd)

    def _named(self, given: Mapping[str, int], namespaces: set[str]) -> Pistols:
        """Return the pistols of the bag; those that were named have to be there."""
        pistols = Pistols(given, self._opening.append)
        for name in given:
            if name.strip('/') not in namespaces:
                self._opening.append(
                    f'no topic of this package is in {name}, which --pistol names; there is '
                    f'{enumerated(sorted(namespaces)) or "none at all"}')
        pistols.name(namespaces)
        return pistols

    def _frame_ids(self, raw: list[Topic]) -> dict[str, str]:
        """Return the frame_id of the first message of each raw topic, among the first of all."""
        frame_ids: dict[str, str] = {}
        reading = BagReading(
            has_raw=True, channel=None, pistols=self._pistols, buses=Buses({}), report=_ignore)
        for message in itertools.islice(self._messages(_ignore), _SCANNED):
            if isinstance(message, Gap):
                continue
            topic, _, data = message
            if topic in raw and topic.name not in frame_ids:
                decode = reading.decoder(topic)
                with contextlib.suppress(NotDecodable):
                    frame_ids[topic.name] = '' if decode is None else decode(data).header.frame_id
                if len(frame_ids) == len(raw):
                    break
        return frame_ids

    def _open(self, path: pathlib.Path) -> list[BagFormat]:
        """Open the files, the first one first."""
        if not path.exists():
            raise LogError(f'{path} does not exist')
        try:
            folder = bag_in(path) if path.is_dir() else BagFolder([path], set(), [])
        except OSError as error:
            raise LogError(f'{path} cannot be read: {error.strerror or error}') from error
        files: list[BagFormat] = []
        refused: list[str] = []
        is_after_missing = False
        for each in folder.parts:
            try:
                file = _open_part(each, self._opening.append)
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

    def __iter__(self) -> Iterator[Entry]:
        """Yield ``Heard`` and ``Sample`` by time."""
        self.problems[:] = self._opening
        self._losses = 0
        reading = BagReading(
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

    def _messages(self, report: Report) -> Iterator[BagMessage | Gap]:
        """Yield the messages, and a gap before the first one after a damage."""
        damages: list[str] = []
        for file in self._files:
            is_after_missing = file in self._after_missing
            try:
                for message in file.messages(damages.append):
                    if damages or is_after_missing:
                        yield Gap(message[1])
                        for damage in damages:
                            report(damage)
                        damages.clear()
                        is_after_missing = False
                    yield message
            except (OSError, *bag_database.ERRORS) as error:
                damages.append(f'{file.name} cannot be read any further: '
                               f'{getattr(error, "strerror", None) or error}')
        for damage in damages:
            report(damage)


def _open_part(path: pathlib.Path, report: Report) -> BagFormat:
    """
    Open one file of a bag by its content; packed ones are unpacked into a temporary file.

    :raises LogError: when it is none
    """
    try:
        source = Source(path)
        with source.plain().open('rb') as file:
            start = file.read(16)
        part = next((each for each in _PARTS if start.startswith(each.MAGIC)), None)
        if part is None:
            raise LogError(f'{path} is empty' if not start else
                           f'{path} is neither an MCAP nor an sqlite3 file')
        opened = part(source)
    except OSError as error:
        raise LogError(f'{path} cannot be read: {error.strerror or error}') from error
    if source.damage:
        report(source.damage)
    return opened


_PARTS: tuple[type[BagFormat], ...] = (Mcap, BagDatabase)


def _ignore(_text: str) -> None:
    pass


def _without_echoes(entries: Iterable[tuple[Entry | Gap, str]]) -> Iterator[Entry | Gap]:
    """
    Leave out what a driver reports of frames that it was asked to send.

    Whichever of the two comes first counts, once.
    """
    waiting: dict[tuple[str, Frame, bool], int] = {}
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


def _in_order(entries: Iterable[Entry | Gap]) -> Iterator[Entry | Gap]:
    """Put entries in the order of their times, as far as the window and the next gap reach."""
    waiting: list[tuple[int, int, Entry]] = []
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
