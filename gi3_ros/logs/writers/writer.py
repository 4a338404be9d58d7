# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What every writer of a log has, and what those of one file have in common."""

import abc
from collections.abc import Iterator
import datetime
import pathlib
import re
from types import TracebackType
from typing import ClassVar, TypeVar

from ...core.interface.frame import Frame
from ..entries import DATES_FROM_NS, Entry, Heard, LogError

_Writer = TypeVar('_Writer', bound='LogWriter')


class LogWriter(abc.ABC):
    """
    What writes entries to a log as they come; to be used in a ``with``, or closed at the end.

    :raises LogError: from every method, when it cannot be written
    """

    def __init__(self, path: pathlib.Path | str) -> None:
        self.path = pathlib.Path(path)
        self.frames = 0
        self.samples_left_out = 0
        """Messages that are no frames: only a bag has a place for them."""
        self.problems: list[str] = []
        """Sentences about what the format has no place for; complete once it is closed."""

    @abc.abstractmethod
    def write(self, entry: Entry) -> None:
        """Add an entry."""

    @abc.abstractmethod
    def close(self) -> None:
        """Finish the log; once or more often."""

    def __enter__(self: _Writer) -> _Writer:
        return self

    def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None,
            traceback: TracebackType | None) -> None:
        self.close()


class FileWriter(LogWriter):
    """A log that is a file of frames."""

    def __init__(self, path: pathlib.Path | str) -> None:
        super().__init__(path)
        self._is_open = True

    def write(self, entry: Entry) -> None:
        """Add a :class:`~..entries.Heard`; a :class:`~..entries.Sample` is only counted."""
        if not isinstance(entry, Heard):
            self.samples_left_out += 1
            return
        self.frames += 1
        try:
            self._write(entry)
        except OSError as error:
            raise self._failed(error) from None

    def close(self) -> None:
        """Finish the file."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            self._close()
        except OSError as error:
            raise self._failed(error) from None
        if self.samples_left_out:
            self.problems.append(
                f'{self.samples_left_out} messages that are no frames left out: only a bag has a '
                'place for them')

    def _failed(self, error: OSError) -> LogError:
        return LogError(f'{self.path}: cannot be written: {error.strerror or error}')

    @abc.abstractmethod
    def _write(self, heard: Heard) -> None:
        """Add a frame."""

    @abc.abstractmethod
    def _close(self) -> None:
        """Finish the file, and add what it has no place for to the problems."""


class ChannelNumbers:
    """The numbers of channels, for formats without names: can0 is 1, can1 is 2, and so on."""

    LIMIT = 250

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, name: str) -> int:
        """Return the number of a channel; another name gets one that is free."""
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = self._choose(name)
        return number

    def problems(self) -> Iterator[str]:
        """Say which names are not kept."""
        for name, number in self._numbers.items():
            if name and name != f'can{number - 1}':
                yield f'the format has no names of channels: {" ".join(name.split())} is {number}'

    def _choose(self, name: str) -> int:
        match = re.search(r'(\d{1,3})$', name)
        number = int(match[1]) + 1 if match and int(match[1]) < self.LIMIT else 1
        taken = set(self._numbers.values())
        return next((each for each in (number, *range(1, self.LIMIT)) if each not in taken), 1)


class StartTime:
    """
    The start of a log whose times count from it: the last full second before the first frame.

    Without a date (times from 0) it is 0.

    :param is_local: whether the file has the start in local time
    """

    def __init__(self, *, is_local: bool = False) -> None:
        self.start_ns = 0
        self._has_begun = False
        self._is_local = is_local
        self.last_ns = 0
        self._early = 0

    def offset_ns(self, time_ns: int) -> int:
        """Return a time since the start; a time before the start is the start."""
        if not self._has_begun:
            self._has_begun = True
            self.start_ns = self._start_s(time_ns // 10**9) * 10**9
        offset_ns = time_ns - self.start_ns
        if offset_ns < 0:
            self._early += 1
            offset_ns = 0
        self.last_ns = offset_ns
        return offset_ns

    def _start_s(self, seconds: int) -> int:
        if seconds * 10**9 < DATES_FROM_NS:
            return 0
        if not self._is_local:
            return seconds
        # When summer time ends an hour comes twice, and readers take the first.
        return int(datetime.datetime.fromtimestamp(seconds).replace(fold=0).timestamp())

    def problems(self) -> Iterator[str]:
        """Say how many times are not kept."""
        if self._early:
            yield (f'{self._early} frames are from before the start of the log, where the format '
                   'has no times: they are at its start')


class LineWriter(FileWriter):
    """A text format with a line for each frame."""

    _NEWLINE: ClassVar[str] = '\n'

    def __init__(self, path: pathlib.Path | str) -> None:
        super().__init__(path)
        self._channels = ChannelNumbers()
        self._start = StartTime()
        self._emptied = 0
        self._file = open(  # noqa: SIM115 - it is open as long as the writer
            path, 'x', encoding='utf-8', newline=self._NEWLINE)

    def _close(self) -> None:
        self._file.close()
        self.problems += [*self._channels.problems(), *self._start.problems()]
        if self._emptied:
            self.problems.append(
                f'{self._emptied} error frames without what they say: the format keeps only that '
                'they were there')

    def _note_error(self, frame: Frame) -> None:
        if frame.can_id or frame.data:
            self._emptied += 1
