# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The Parquet files that this package writes."""

from collections.abc import Iterator

from .log_file import LogFile
from .rows import RAW_COLUMNS, Row, RowFormat
from .tally import BadRows

_ROWS = 1 << 14
"""Frames that are unpacked at once."""


class Parquet(RowFormat):
    """A row for each frame."""

    kind = 'Parquet'

    @classmethod
    def knows(cls, file: LogFile, line: str) -> bool:
        """Return whether a file begins as these do."""
        return file.head.startswith(b'PAR1')

    def rows(self, file: LogFile, bad: BadRows) -> Iterator[tuple[int, Row]]:
        """Yield the rows with their numbers."""
        # Only here: it takes a while to load.
        import pyarrow
        from pyarrow import parquet
        count = 0
        try:
            # By an open file: Arrow takes no name that is not UTF-8.
            with file.source.plain().open('rb') as plain, parquet.ParquetFile(plain) as table:
                missing = set(RAW_COLUMNS) - set(table.schema_arrow.names)
                if missing:
                    bad.add(f'a column is missing: {", ".join(sorted(missing))}')
                    return
                for batch in table.iter_batches(_ROWS, columns=list(RAW_COLUMNS)):
                    columns = dict(zip(
                        batch.schema.names, (each.to_pylist() for each in batch.columns),
                        strict=True))
                    rows = map(Row, *(columns[name] for name in RAW_COLUMNS))
                    for row in rows:
                        count += 1
                        yield count, row
        except (OSError, ValueError, TypeError, OverflowError, MemoryError,
                pyarrow.ArrowException) as error:
            words = ' '.join(str(error).split())[:200]
            bad.add(f'damaged, ends after row {count}: {words}')
