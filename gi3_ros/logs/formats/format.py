# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What every format has: how it is recognised, and how it is read."""

import abc
from collections.abc import Callable, Iterator
import dataclasses
from typing import ClassVar, TypeAlias

from ..entries import Heard
from .log_file import LogFile
from .packing import Source
from .tally import BadRows, Tally


class Format(abc.ABC):
    """The files of one format; an instance reads one of them, once."""

    kind: str
    """What sort of file it is, in words; the version may follow from its content."""

    @classmethod
    @abc.abstractmethod
    def knows(cls, file: LogFile, line: str) -> bool:
        """
        Return whether a file is of this format.

        :param line: one of its first lines, which are tried one after the other: of a text log
            the first ones may be what a terminal wrote
        """


class CanFormat(Format):
    """Of the log of a CAN bus."""

    NOUN: ClassVar[str] = 'frame'
    """What is left out where something cannot be read."""
    FIRST_CHANNEL: ClassVar[int | None] = 1
    """The number of can0; ``None`` where channels have names, or none at all."""

    @abc.abstractmethod
    def parse(self, file: LogFile, tally: Tally) -> Iterator[Heard]:
        """Yield what can be read; the tally takes what cannot, and what is no classic CAN."""

    @classmethod
    def advice(cls, lines: list[str]) -> str:
        """Say why nothing can be read from a file with these lines, where that is known."""
        return ''


class TableFormat(Format):
    """Of a table that this package wrote: a row for each frame."""

    @abc.abstractmethod
    def parse(self, file: LogFile, bad: BadRows) -> Iterator[Heard]:
        """Yield what can be read."""


@dataclasses.dataclass(frozen=True, slots=True)
class Topic:
    """A topic in a bag, with the definition of its type where the bag has it."""

    name: str
    type: str
    encoding: str = ''
    """Of the definition: ros2msg, ros2idl."""
    definition: str = ''


BagMessage: TypeAlias = tuple[Topic, int, bytes]
"""A message, when it was recorded in ns, and its bytes; a tuple, as each message has one."""
Report: TypeAlias = Callable[[str], object]
"""Takes a sentence about what could not be read."""


class BagFormat(Format):
    """
    Of a file of a rosbag2 bag.

    It has no ``parse``: a bag is a folder of several such files, and what is in them are messages
    of topics; which of them have frames in them is for :class:`~..bags.bag.Bag`.

    :param source: the file; what it was unpacked to lives as long as this object
    :raises LogError: when it cannot be read at all, or OSError
    """

    MAGIC: ClassVar[bytes]
    """What it begins with."""

    def __init__(self, source: Source) -> None:
        self.name = source.path.name
        self._source = source
        self._path = source.plain()

    @abc.abstractmethod
    def topics(self) -> list[Topic]:
        """Return the topics of the file."""

    @abc.abstractmethod
    def messages(self, report: Report) -> Iterator[BagMessage]:
        """Yield the messages in the order of the file."""
