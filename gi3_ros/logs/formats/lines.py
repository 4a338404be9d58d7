# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the text formats have in common: a line for each frame."""

import abc
from collections.abc import Iterator
import functools
import io
from typing import ClassVar, TypeAlias

from ..entries import Heard
from .format import CanFormat
from .frames import FdFrame, Lost, reason
from .log_file import LogFile
from .packing import DAMAGE
from .tally import Tally

_LONGEST_LINE = 4096

Parsed: TypeAlias = Heard | FdFrame | Lost | None
"""What a line says: a frame, one of CAN FD, that frames were lost here, or nothing of a frame."""


class _Unreadable:
    """Stands for a line that cannot be read."""


_UNREADABLE = _Unreadable()


class LineFormat(CanFormat):
    """
    A text format.

    A line that is known leaves what the lines before it said as it is; after one that cannot be
    read the rules begin anew: it may be what is left of a frame.
    """

    NOUN: ClassVar[str] = 'line'

    @abc.abstractmethod
    def parse_line(self, line: str) -> Parsed:
        """
        Return what a line says.

        :raises ValueError: when it cannot be read, or OverflowError
        """

    def is_whole(self, line: str) -> bool:
        """Return whether the frame in a line without an end, which is the last, can be trusted."""
        return True

    @property
    def remarks(self) -> tuple[str, ...]:
        """What else was not understood, in sentences; no frame is missing for that."""
        return ()

    def parse(self, file: LogFile, tally: Tally) -> Iterator[Heard]:
        """Yield the frames; what is no frame costs its line."""
        parse_line = self.parse_line
        number = 0
        try:
            with file.source.open() as raw, io.TextIOWrapper(
                    raw, encoding=file.encoding, errors='replace') as text:
                lines = iter(functools.partial(text.readline, _LONGEST_LINE), '')
                for number, line in enumerate(lines, 1):
                    entry: Parsed | _Unreadable
                    try:
                        entry = parse_line(line)
                    except (ValueError, OverflowError):
                        entry = _UNREADABLE
                    if line[-1] != '\n' and self._is_cut(line, entry):
                        tally.end = (f'the last line, {number}, has no end and is left out: what '
                                     'wrote the log was cut off in it')
                    elif isinstance(entry, Heard):
                        yield entry
                    elif isinstance(entry, _Unreadable):
                        tally.add_bad(f'line {number}', line)
                    elif entry is not None:
                        tally.add(entry, number)
        except (*DAMAGE, UnicodeError) as error:
            tally.end = f'ends after line {number}: {reason(error)}'
        tally.remarks = self.remarks

    def _is_cut(self, line: str, entry: Parsed | _Unreadable) -> bool:
        """Return whether a line without an end, which is the last one, cannot be trusted."""
        if entry is None or len(line) >= _LONGEST_LINE:
            return False
        return isinstance(entry, _Unreadable) or not self.is_whole(line)
