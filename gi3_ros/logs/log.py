# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A log, whatever file it is."""

import abc
from collections.abc import Iterator
import pathlib

from .entries import Entry, UNREADABLE


class Log(abc.ABC):
    """
    Entries in the order of a file; iterating twice reads the file twice.

    :param kind: what sort of file it is, in words
    """

    def __init__(self, path: pathlib.Path | str, kind: str = '') -> None:
        self.path = pathlib.Path(path)
        self.kind = kind
        self.problems: list[str] = []
        """Sentences about what could not be read; complete once an iteration has ended."""
        self.has_dates = False
        """Whether times count since the epoch; otherwise since the start of the log."""

    @property
    def losses(self) -> int:
        """In how many places, up to the entry given last, something could not be read."""
        return 0

    @property
    def loss(self) -> str:
        """Why something is missing in the last of these places, in words."""
        return UNREADABLE

    @property
    def is_damaged(self) -> bool:
        """Whether what could not be read may have been of the interface; as ``problems``."""
        return bool(self.problems)

    @abc.abstractmethod
    def __iter__(self) -> Iterator[Entry]:
        """Yield :class:`~.entries.Heard` and :class:`~.entries.Sample`."""
