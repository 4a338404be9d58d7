# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One way to write a log, whatever file it becomes."""

import pathlib

from .entries import LogError
from .writers.asc import AscWriter
from .writers.candump import CandumpWriter
from .writers.csv import CsvWriter
from .writers.trc import TrcWriter
from .writers.writer import LogWriter

SUFFIXES = ('.log', '.asc', '.blf', '.trc', '.csv', '.parquet', '.mcap', '.db3')


def open_writer(path: pathlib.Path | str) -> LogWriter:
    """
    Begin a log; what it becomes follows from the suffix.

    What was written is in the file at once, but for what the system buffers: a log that is cut
    short by a crash can be read as far as it goes (BLF and Parquet in blocks).

    It begins where nothing is yet; :mod:`.output` replaces what is there.

    :raises LogError: when it cannot be written
    """
    path = pathlib.Path(path)
    suffix = path.suffix.lower()
    writer = writer_for(suffix)
    if writer is None:
        raise LogError(
            f'{path}: {suffix} is no log that can be written; there are {", ".join(SUFFIXES)}')
    try:
        return writer(path)
    except FileExistsError:
        raise LogError(f'{path}: the file is there already') from None
    except OSError as error:
        raise LogError(f'{path}: cannot be written: {error.strerror or error}') from None


def writer_for(suffix: str) -> type[LogWriter] | None:
    """Return what writes the format that goes with a suffix; ``None`` when there is none."""
    # Libraries of these formats take a while to load.
    if suffix == '.blf':
        from .writers.blf import BlfWriter
        return BlfWriter
    if suffix == '.parquet':
        from .writers.parquet import ParquetWriter
        return ParquetWriter
    if suffix in _BAGS:
        from .writers.bag import BagWriter
        return BagWriter
    return _WRITERS.get(suffix)


_WRITERS: dict[str, type[LogWriter]] = {
    '.log': CandumpWriter, '.asc': AscWriter, '.trc': TrcWriter, '.csv': CsvWriter}
_BAGS = ('', '.mcap', '.db3')
