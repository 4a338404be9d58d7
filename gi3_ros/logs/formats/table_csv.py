# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The CSV that this package writes."""

from collections.abc import Iterator
import csv
import io

from .log_file import LogFile
from .packing import DAMAGE
from .rows import RAW_COLUMNS, Row, RowFormat
from .tally import BadRows

_LONGEST_FIELD = 1 << 16


class TableCsv(RowFormat):
    """A row for each frame; spreadsheets may have added quotes and a byte order mark."""

    kind = 'CSV'

    @classmethod
    def knows(cls, file: LogFile, line: str) -> bool:
        """Return whether a file begins with the name of the first column."""
        return file.head.lstrip(b'\xef\xbb\xbf"').startswith(RAW_COLUMNS[0].encode())

    def rows(self, file: LogFile, bad: BadRows) -> Iterator[tuple[int, Row]]:
        """Yield the rows with their numbers."""
        number = 1
        try:
            # A damaged file may have NUL bytes and fields without end.
            with file.source.open() as raw, io.TextIOWrapper(
                    raw, encoding='utf-8-sig', errors='replace', newline='') as text:
                lines = iter(lambda: text.readline(_LONGEST_FIELD), '')
                header = next(csv.reader([next(lines, '')]), [])
                missing = ', '.join(name for name in RAW_COLUMNS if name not in header)
                if missing:
                    bad.add(f'a column is missing: {missing}')
                    return
                places = [header.index(name) for name in RAW_COLUMNS]
                for number, line in enumerate(lines, 2):
                    values = _split(line)
                    if values is None or len(values) <= max(places):
                        if line.strip():
                            bad.add(f'row {number} is no frame')
                        continue
                    yield number, Row(*[values[place] for place in places])
        except (*DAMAGE, csv.Error) as error:
            bad.add(f'ends after row {number}: {" ".join(str(error).split())}')


def _split(line: str) -> list[str] | None:
    try:
        return next(csv.reader(io.StringIO(line, newline='')), None)
    except csv.Error:
        return None
