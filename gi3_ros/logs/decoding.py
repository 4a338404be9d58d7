# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The entries of a log, with what is decoded of each."""

from collections.abc import Iterable, Iterator
from typing import NoReturn, TypeAlias

from ..core.interface import codec
from ..core.interface.frame import Frame
from .clocks import straightened
from .entries import Entry, Gap, Heard, is_overflow, LogError, LOST, Note
from .log import Log

BATCH = 64
"""Entries that are read before they are judged."""

Decoded: TypeAlias = tuple[Entry | Gap, codec.Received | codec.Rejected | None]
"""An entry, and what it says; of one that is no frame ``None``. A tuple, as each frame has one."""


def decoded_batches(
        log: Iterable[Entry | Gap], notes: list[Note] | None = None) -> Iterator[list[Decoded]]:
    """
    Yield lists of ``(entry, decoded)`` in the order of a log.

    ``decoded`` is what :func:`~gi3_ros.core.interface.codec.decode` makes of a :class:`Heard`,
    ``None`` for a :class:`Sample` and for a :class:`Gap`. In batches because reading, decoding
    and judging in turns for each frame takes half as long again: neither stays in the caches of
    the processor.

    Stamps that cannot be are put right (:mod:`.clocks`).

    :param log: :class:`~.log.Log`, or any other source of entries
    :param notes: list that takes what was put right
    :raises LogError: when one message of one pistol is on two buses: these are two pistols, or
        one that is heard twice, and whoever judges them as one accuses the innocent
    """
    batch: list[Entry | Gap] = []
    decoded = _Decoder()
    entries = _with_gaps(log) if isinstance(log, Log) else log
    try:
        for entry in straightened(entries, [] if notes is None else notes):
            batch.append(entry)
            if len(batch) >= BATCH:
                yield decoded(batch)
                batch = []
    except LogError:
        yield decoded(batch, is_last=True)
        raise
    last = decoded(batch, is_last=True)
    if decoded.overflows and isinstance(log, Log):
        log.problems.append(decoded.sentence())
    yield last


def _with_gaps(log: Log) -> Iterator[Entry | Gap]:
    """Yield the entries of a log, and before some of them that something could not be read."""
    losses = log.losses
    for entry in log:
        if log.losses != losses:
            losses = log.losses
            yield Gap(entry.time_ns, log.loss)
        yield entry


class _Decoder:
    """Makes batches of entries, with what is decoded of each."""

    _HELD = 4
    """Entries that wait for the next batch: a loss may lie before them."""

    _KNOWN = 1024
    """Frames whose message is kept: most of a log is what was said before."""

    def __init__(self) -> None:
        self.overflows = 0
        self._messages: dict[tuple[int, bytes], codec.Received | codec.Rejected] = {}
        self._first_ns: int | None = None
        self._overflow_after_ns = 0
        """The first one, since the first entry."""
        self._channels: dict[int, str] = {}
        """Identifiers of the interface -> the bus that they were on."""
        self._held: list[Decoded] = []

    def sentence(self) -> str:
        """Say that the recorder lost frames."""
        places = 'place' if self.overflows == 1 else 'places, the first'
        after_s = self._overflow_after_ns / 1e9
        return (f'the recorder lost frames in {self.overflows} {places} {after_s:.3f} s after the '
                'first frame: its error frames say so (rx-overflow)')

    def __call__(
            self, entries: list[Entry | Gap], *, is_last: bool = False) -> list[Decoded]:
        batch, channels = self._held, self._channels
        if self._first_ns is None and entries:
            self._first_ns = entries[0].time_ns
        for entry in entries:
            decoded = None
            if isinstance(entry, Heard):
                frame, channel = entry.frame, entry.channel
                decoded = self._decode(frame)
                if decoded.index:
                    if channels.setdefault(frame.can_id, channel) != channel:
                        self._refuse(frame.can_id, decoded.index, channel)
                elif frame.is_error and is_overflow(frame):
                    self._note_overflow(entry.time_ns)
                    self._part(batch)
                    batch.append((Gap(entry.time_ns, LOST), None))
            elif isinstance(entry, Gap) and entry.words == LOST:
                self._part(batch)
            batch.append((entry, decoded))
        self._held = [] if is_last else batch[-self._HELD:]
        return batch if is_last else batch[:-self._HELD]

    def _decode(self, frame: Frame) -> codec.Received | codec.Rejected:
        if frame.is_error or frame.is_remote or not frame.is_extended:
            return codec.decode(frame)
        key = frame.can_id, frame.data
        decoded = self._messages.get(key)
        if decoded is None:
            decoded = codec.decode(frame)
            if len(self._messages) >= self._KNOWN:
                self._messages.clear()
            self._messages[key] = decoded
        return decoded

    @classmethod
    def _part(cls, batch: list[Decoded]) -> None:
        """
        Put a gap where the last entries were silent for longest.

        Some adapters tell of a loss behind the frame that follows it (gs_usb does).
        """
        places = range(max(1, len(batch) - cls._HELD + 1), len(batch))
        if places:
            at = max(places, key=lambda at: batch[at][0].time_ns - batch[at - 1][0].time_ns)
            batch.insert(at, (Gap(batch[at][0].time_ns, ''), None))

    def _note_overflow(self, time_ns: int) -> None:
        if not self.overflows and self._first_ns is not None:
            self._overflow_after_ns = time_ns - self._first_ns
        self.overflows += 1

    def _refuse(self, can_id: int, index: int, channel: str) -> NoReturn:
        names = ' and '.join(
            each or 'one without a name' for each in (self._channels[can_id], channel))
        raise LogError(f'pistol {index} is on two buses, {names}: choose one with --channel')
