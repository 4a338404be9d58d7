# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
sqlite3 files of rosbag2, whole or damaged.

They are read in the order of their rows, and beyond a damaged place.
"""

from collections.abc import Iterator
import contextlib
import pathlib
import shutil
import sqlite3
import tempfile
from typing import TypeAlias

from ..entries import LogError
from .format import BagFormat, BagMessage, Report, Topic
from .log_file import LogFile
from .packing import Source

ERRORS = (sqlite3.Error, UnicodeDecodeError, MemoryError)
"""The second one from messages about names that are not text any more, the last where a damaged
length asks SQLite for more memory than there is."""


_Row: TypeAlias = tuple[object, object, object]
"""Topic, time and bytes of a message; in a damaged file there may be anything in the three."""


class BagDatabase(BagFormat):
    """An sqlite3 file of rosbag2."""

    kind = 'sqlite3'
    MAGIC = b'SQLite format 3\0'

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self._topics = self._read_topics()

    @classmethod
    def knows(cls, file: LogFile, line: str) -> bool:
        """Return whether a file has their suffix, or is a database with topics in it."""
        return file.suffix == '.db3' or (
            file.head.startswith(cls.MAGIC) and _has_topics(file.source.plain()))

    def topics(self) -> list[Topic]:
        """Return the topics of the file."""
        return list(self._topics.values())

    def messages(self, report: Report) -> Iterator[BagMessage]:
        """Yield the messages in the order of the file."""
        nameless = 0
        with self._open() as connection:
            for number, time_ns, data in self._rows(connection, report):
                topic = self._topics.get(number)
                if topic is None or not isinstance(time_ns, int) or not isinstance(data, bytes):
                    nameless += 1
                else:
                    yield topic, time_ns, data
        if nameless:
            report(f'{self.name}: {nameless} rows are damaged and left out')

    def _rows(self, connection: sqlite3.Connection, report: Report) -> Iterator[_Row]:
        """Yield the rows of the messages; beyond a damaged place it goes on with later ones."""
        last: int | None = None
        step = 1
        while True:
            start = -(1 << 62) if last is None else last + step
            try:
                for row, topic, time_ns, data in connection.execute(
                        'SELECT rowid, topic_id, timestamp, data FROM messages WHERE rowid >= ? '
                        'ORDER BY rowid', (start,)):
                    if not isinstance(row, int) or (last is not None and row <= last):
                        raise sqlite3.DatabaseError('rows are not in order')
                    if step == 1 and last is not None and row > last + 1:
                        report(f'{self.name} is damaged: {row - last - 1} messages are missing')
                    last, step = row, 1
                    yield topic, time_ns, data
                return
            except ERRORS as error:
                if step == 1:
                    report(f'{self.name} is damaged, messages are missing: {error}')
                if last is None:
                    last = 0
                step *= 2
                if last + step > 1 << 40:
                    return

    def _read_topics(self) -> dict[object, Topic]:
        try:
            with self._open() as connection:
                definitions: dict[object, tuple[object, object]] = {}
                # Of old bags the table does not exist.
                with contextlib.suppress(*ERRORS):
                    definitions = {
                        name: (encoding, definition) for name, encoding, definition
                        in connection.execute(
                            'SELECT topic_type, encoding, encoded_message_definition '
                            'FROM message_definitions')
                    }
                return {
                    number: Topic(str(name), str(kind), *map(
                        str, definitions.get(kind, ('', ''))))
                    for number, name, kind in connection.execute(
                        'SELECT id, name, type FROM topics')
                }
        except ERRORS as error:
            raise LogError(f'{self._source.path} cannot be read as a bag: {error}') from error

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Open without changing anything, not even what a killed recorder left half done."""
        with contextlib.ExitStack() as stack:
            path, options = self._path, '?mode=ro&immutable=1'
            besides = [
                other for suffix in ('-wal', '-journal')
                if (other := path.with_name(path.name + suffix)).exists()
            ]
            if besides:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix='gi3_bag_'))
                for each in (path, *besides):
                    shutil.copy(each, folder)
                path, options = pathlib.Path(folder, path.name), ''
            connection = sqlite3.connect(path.absolute().as_uri() + options, uri=True)
            stack.callback(connection.close)
            connection.text_factory = lambda text: text.decode('utf-8', 'replace')
            yield connection


def _has_topics(path: pathlib.Path) -> bool:
    """Return whether a database is of rosbag2; python-can writes others."""
    try:
        with contextlib.closing(sqlite3.connect(
                f'{path.resolve().as_uri()}?mode=ro', uri=True)) as connection:
            return bool(connection.execute(
                "SELECT 1 FROM sqlite_master WHERE name = 'topics'").fetchall())
    except (sqlite3.Error, MemoryError):
        return False
