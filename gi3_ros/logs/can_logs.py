# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Log files of CAN buses: candump, Vector ASC and BLF, PEAK TRC, and what python-can writes."""

from collections.abc import Callable, Iterator

from .entries import DATES_FROM_NS, Heard, LogError
from .formats.format import CanFormat
from .formats.frames import channel_name
from .formats.log_file import LogFile
from .formats.tally import Tally
from .log import Log

_CHANNELS = 20
"""That are named at most where the wanted one is not there."""


class CanLog(Log):
    """
    A log file of a CAN bus.

    :param can_format: makes what reads it
    :param channel: only what was heard there; formats that number their channels name them can0,
        can1, .. for 1, 2, ..
    :raises LogError: when nothing can be read from it
    """

    def __init__(
            self, file: LogFile, can_format: Callable[[], CanFormat], *,
            channel: str | None = None) -> None:
        super().__init__(file.path)
        self._file = file
        self._format = can_format
        self._channel = channel
        self._tally = Tally()
        tally = Tally()
        reader = can_format()
        # The first frame tells whether the times are dates; without one nothing is to be had.
        first = next(reader.parse(file, tally), None)
        self.kind = reader.kind
        self._noun, self._first_channel = reader.NOUN, reader.FIRST_CHANNEL
        if first is None and (tally.bad or tally.end):
            words = reader.advice(file.lines) or '; '.join(tally.sentences(self._noun))
            raise LogError(f'{file.path}: no frame can be read, taken for {self.kind}: {words}')
        self.has_dates = first is not None and first.time_ns >= DATES_FROM_NS

    @property
    def losses(self) -> int:
        """In how many places, up to the entry given last, something could not be read."""
        return self._tally.losses

    @property
    def loss(self) -> str:
        """Why something is missing in the last of these places, in words."""
        return self._tally.loss

    @property
    def is_damaged(self) -> bool:
        """Whether what could not be read may have been of the interface."""
        # Frames of CAN FD are another bus's.
        return len(self.problems) > bool(self._tally.fd) + len(self._tally.remarks)

    def __iter__(self) -> Iterator[Heard]:
        """Yield what can be read."""
        self.problems.clear()
        tally = self._tally = Tally()
        reader = self._format()
        entries = reader.parse(self._file, tally)
        if self._channel is None:
            yield from entries
        else:
            yield from self._chosen(entries, self._channel)
        self.kind = reader.kind
        self.problems.extend(tally.sentences(self._noun))

    def _chosen(self, entries: Iterator[Heard], channel: str) -> Iterator[Heard]:
        """Yield what was heard on a channel, by its name or its number."""
        name, is_there = channel, False
        others: set[str] = set()
        if name.isdigit() and self._first_channel is not None:
            # Most count from 1, and can0 is the first one.
            name = channel_name(int(name) + 1 - self._first_channel)
        for entry in entries:
            if entry.channel == name:
                is_there = True
                yield entry
            elif len(others) < _CHANNELS:
                others.add(entry.channel)
        if not is_there:
            names = ', '.join(sorted(each or '(without a name)' for each in others))
            self.problems.append(f'nothing on channel {channel}, there is {names or "none"}')
