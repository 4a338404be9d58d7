# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tables that this package wrote, CSV and Parquet, read again: the frames that they are of."""

from collections.abc import Iterator

from .entries import DATES_FROM_NS, Heard, LogError
from .formats.format import TableFormat
from .formats.log_file import LogFile
from .formats.tally import BadRows
from .log import Log

_CHANNELS = 20
"""That are named at most where the wanted one is not there."""


class Table(Log):
    """
    A table with a row for each frame.

    :param channel: only what was heard there
    :raises LogError: when nothing can be read from it
    """

    def __init__(
            self, file: LogFile, table_format: type[TableFormat], *,
            channel: str | None = None) -> None:
        super().__init__(file.path, table_format.kind)
        self._file = file
        self._format = table_format
        self._channel = channel
        self._bad = BadRows()
        first = next(self._format().parse(file, self._bad), None)
        if first is None and self._bad.first:
            raise LogError(
                f'{file.path}: no frame can be read from this {self.kind}: {self._bad.first}')
        self.has_dates = first is not None and first.time_ns >= DATES_FROM_NS

    @property
    def losses(self) -> int:
        """In how many places, up to the entry given last, something could not be read."""
        return self._bad.losses

    def __iter__(self) -> Iterator[Heard]:
        """Yield what can be read."""
        self.problems.clear()
        bad = self._bad = BadRows()
        count = 0
        others: set[str] = set()
        for entry in self._format().parse(self._file, bad):
            if self._channel in (None, entry.channel):
                count += 1
                yield entry
            elif len(others) < _CHANNELS:
                others.add(entry.channel)
        if self._channel is not None and not count:
            self.problems.append(
                f'nothing on channel {self._channel}, there is {", ".join(sorted(others))}')
        if bad.first:
            self.problems.append(bad.sentence())
