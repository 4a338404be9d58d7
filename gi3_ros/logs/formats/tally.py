# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the reading of a file meets that gives no entry: counted, and said at the end."""

from collections.abc import Iterator

from ..entries import LOST, UNREADABLE
from .frames import FdFrame, Lost


class Tally:
    """Of the log of a CAN bus."""

    def __init__(self) -> None:
        self.losses = 0
        """In how many places something is missing; asked for at each frame."""
        self.bad = 0
        """Lines, rows or frames that cannot be read."""
        self.fd = 0
        """Frames of CAN FD."""
        self.remarks: tuple[str, ...] = ()
        """Sentences about what else was not understood; no frame is missing for that."""
        self.end = ''
        """What it ended with, as a sentence; empty where that is the end of the file."""
        self._first_bad = ''
        self._lost_places = 0
        self._lost_frames = 0
        self._first_lost = ''
        self._is_lost_last = False

    @property
    def loss(self) -> str:
        """Why something is missing in the last place, in words."""
        return LOST if self._is_lost_last else UNREADABLE

    def add(self, what: FdFrame | Lost, number: int) -> None:
        """Count a line that says something else than a frame of classic CAN."""
        if isinstance(what, Lost):
            self._add_lost(f'line {number}', what.frames)
        else:
            self.fd += 1

    def _add_lost(self, where: str, frames: int) -> None:
        if not self._lost_places:
            self._first_lost = where
        self._lost_places += 1
        self.losses += 1
        self._lost_frames += frames
        self._is_lost_last = True

    def add_bad(self, where: str, what: str = '') -> None:
        """Count what cannot be read: a line, with its text, or something without any."""
        if not self.bad:
            text = ' '.join(what.split())
            text = text if len(text) <= 60 else f'{text[:57]}...'
            self._first_bad = f'{where}: {text!a}' if text else where
        self.bad += 1
        self.losses += 1
        self._is_lost_last = False

    def sentences(self, noun: str) -> Iterator[str]:
        """Say what was met; ``noun`` is what a bad one is called."""
        if self.bad:
            plural = ('s are', 'are') if self.bad > 1 else (' is', 'is')
            yield (f'{self.bad} {noun}{plural[0]} no frame and {plural[1]} left out, '
                   f'the first is {self._first_bad}')
        if self._lost_places:
            count = f', {self._lost_frames} frames or more' if self._lost_frames else ''
            places = 'one place' if self._lost_places == 1 else (
                f'{self._lost_places} places, the first')
            yield (f'the recorder lost frames in {places} at {self._first_lost}{count}: the log '
                   'says so')
        if self.fd:
            yield (f'{self.fd} frame{"s" if self.fd > 1 else ""} of CAN FD left out: the '
                   'interface is classic CAN')
        if self.end:
            yield self.end
        yield from self.remarks


class BadRows:
    """Of a table: the first row that cannot be read in words, and how many others."""

    def __init__(self) -> None:
        self.first = ''
        self._others = 0

    def add(self, words: str) -> None:
        """Count one."""
        if self.first:
            self._others += 1
        else:
            self.first = words

    @property
    def losses(self) -> int:
        """In how many places something is missing."""
        return self._others + bool(self.first)

    def sentence(self) -> str:
        """Say what is missing; empty where nothing is."""
        return f'{self.first}, and {self._others} more' if self._others else self.first
