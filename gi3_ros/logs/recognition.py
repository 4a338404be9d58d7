# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which format a file has, and the log in it: the content decides, then the suffix."""

from collections.abc import Iterator
import contextlib
import functools
import itertools
import pathlib
import shlex

from .can_logs import CanLog
from .entries import LogError
from .formats import csv_of_others
from .formats.asc import Asc
from .formats.bag_database import BagDatabase
from .formats.blf import Blf
from .formats.can_database import CanDatabase
from .formats.candump import Candump, CandumpDeltas
from .formats.csv_of_others import CanEdgeCsv, PythonCanCsv, SavvyCanCsv
from .formats.format import CanFormat, Format, TableFormat
from .formats.log_file import LogFile
from .formats.mcap import Mcap
from .formats.mf4 import Mf4
from .formats.packing import DAMAGE
from .formats.parquet import Parquet
from .formats.table_csv import TableCsv
from .formats.trc import Trc
from .tables import Table

FORMATS: tuple[type[Format], ...] = (
    # By the first bytes, or for bags the name ..
    Mcap, BagDatabase, Parquet, TableCsv, Blf, Mf4, CanDatabase,
    # .. and by a line.
    PythonCanCsv, SavvyCanCsv, CanEdgeCsv, Trc, Asc, CandumpDeltas, Candump)
"""All that are read; of two that know a file the first one has it."""
_BY_SUFFIX: dict[str, type[CanFormat]] = {'.log': Candump, '.asc': Asc, '.trc': Trc}
_LINES = 200
"""Within which a format has to show."""
_UNKNOWN = (
    'no log that is known here: neither candump, ASC, BLF, TRC, MF4, CSV, Parquet nor a bag')
_ROS_1 = b'#ROSBAG V'


@contextlib.contextmanager
def errors_of(path: pathlib.Path) -> Iterator[None]:
    """
    Read a file in this block.

    :raises LogError: when it cannot be read
    """
    try:
        yield
    except FileNotFoundError:
        raise LogError(f'{path}: there is no such file') from None
    except (*DAMAGE, ValueError) as error:
        raise LogError(
            f'{path}: cannot be read: {getattr(error, "strerror", None) or error}') from None


def opened(path: pathlib.Path) -> LogFile:
    """
    Open a file that may be a log.

    :raises LogError: when it cannot be read, or has nothing in it that a log could be in
    """
    with errors_of(path):
        if path.exists() and not path.is_file():
            raise LogError(f'{path}: is no file: save what comes out of a pipe in one first')
        file = LogFile(path)
    if not file.head:
        raise LogError(f'{path}: the file is empty')
    if file.head.startswith(_ROS_1):
        raise LogError(_how_to_convert(file))
    return file


def format_of(file: LogFile) -> type[Format] | None:
    """Return the format of a file; ``None`` when it has none that is known here."""
    # Without a line first: a file that is no text has none.
    for line in itertools.chain([''], _first_lines(file)):
        for each in FORMATS:
            if each.knows(file, line):
                return each
    if '\0' in file.text or _words_about_csv(file):
        return None
    return _BY_SUFFIX.get(file.suffix)


def log_in(
        file: LogFile, found: type[Format] | None, *, channel: str | None = None,
        blf_start: str | None = None) -> CanLog | Table:
    """
    Return the log in a file that is no bag.

    :param found: its format
    :raises LogError: when there is none, or nothing can be read from it
    """
    if found is Blf:
        return CanLog(file, functools.partial(Blf, blf_start), channel=channel)
    if found is not None and issubclass(found, CanFormat):
        return CanLog(file, found, channel=channel)
    if found is not None and issubclass(found, TableFormat):
        return Table(file, found, channel=channel)
    raise LogError(f'{file.path}: {_words_about_csv(file) or _UNKNOWN}')


def _first_lines(file: LogFile) -> Iterator[str]:
    yield from file.lines[:_LINES]


def _words_about_csv(file: LogFile) -> str:
    """Say whose CSV a file is that is not read, if it is one."""
    if '\0' in file.text:
        return ''
    return csv_of_others.named(file.lines) or (
        csv_of_others.unknown(file.lines) if file.suffix == '.csv' else '')


def _how_to_convert(file: LogFile) -> str:
    """Say what to do with a bag of ROS 1."""
    path = file.path
    if file.source.is_packed:
        return f'{path}: a packed bag of ROS 1: unpack it first'
    target = path.with_suffix('') if path.suffix else path.with_name(f'{path.name}_ros2')
    names = ' --dst '.join(shlex.quote(str(each)) for each in (path, target))
    return (f'{path}: a bag of ROS 1: rosbags-convert --src {names} makes one of ROS 2 of it, '
            'which is read')
