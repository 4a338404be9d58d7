# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Writing rosbag2 bags that survive the sudden end of whoever writes them.

Once a second everything goes to the file, and the file gets an end, so that at any moment it is
one that others can read.
"""

from collections.abc import Iterator
import contextlib
import os
import pathlib
import sqlite3
import tempfile
import time
from typing import Any, Final, TypeAlias

from rosbags.interfaces import (
    Connection,
    ConnectionExtRosbag2,
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import (
    CompressionFormat,
    CompressionMode,
    StoragePlugin,
    Writer,
    WriterError,
)
from rosbags.rosbag2.metadata import dump_qos_v9
import yaml

from ...core.interface.codec import decode, Received
from .. import recorded, ros_types
from ..entries import Entry, Heard, LogError
from .writer import LogWriter

FLUSH_S = 1.0
"""What a killed writer loses at most."""
FRAMES_TOPIC = '/can/frames'
SENT_TOPIC = '/can/sent'
"""Raw frames that the machine that wrote the log received, and those that it sent."""
STORAGES = {'mcap': StoragePlugin.MCAP, 'sqlite3': StoragePlugin.SQLITE3}
SUFFIXES = {'.mcap': 'mcap', '.db3': 'sqlite3'}

_VERSION: Final = 9
"""Of the metadata: that of ROS 2 Jazzy and Kilted."""
_FOREVER = QosTime(9223372036, 854775807)
_NEVER_NS = 2**63 - 1
_END = (
    b'\x0f' + (4).to_bytes(8, 'little') + bytes(4)
    + b'\x02' + (20).to_bytes(8, 'little') + bytes(20)
    + b'\x89MCAP0\r\n'
)
"""How an MCAP file without an index ends."""
# It is written each second; the one in Python takes ten times as long.
_YamlDumper = getattr(yaml, 'CSafeDumper', yaml.SafeDumper)


_Storage: TypeAlias = Any
"""Of the library: what is used of it here is no part of its interface, and differs by storage."""


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def qos_of(topic: str) -> Qos:
    """Return what the nodes of this package offer on a topic."""
    is_latched = topic.rpartition('/')[2] in recorded.LATCHED
    return Qos(
        history=QosHistory.KEEP_LAST, depth=1 if is_latched else 10,
        reliability=QosReliability.RELIABLE,
        durability=QosDurability.TRANSIENT_LOCAL if is_latched else QosDurability.VOLATILE,
        deadline=_FOREVER, lifespan=_FOREVER,
        liveliness=QosLiveliness.AUTOMATIC, liveliness_lease_duration=_FOREVER,
        avoid_ros_namespace_conventions=False,
    )


def _topic_metadata(connection: Connection) -> dict[str, object]:
    """Return what the metadata say of a topic."""
    ext = connection.ext
    assert isinstance(ext, ConnectionExtRosbag2)
    return {
        'name': connection.topic,
        'type': connection.msgtype,
        'serialization_format': ext.serialization_format,
        'offered_qos_profiles': dump_qos_v9(ext.offered_qos_profiles),
        'type_description_hash': connection.digest,
    }


class BagWriter(LogWriter):
    """
    A new bag: a folder, or the file alone where the name ends in .mcap or .db3.

    Each frame is written raw, which keeps everything that the bus carried, and as the typed
    message of its pistol (``/pistol1/controller_status``) where it is one of the interface.

    :param storage: 'mcap' or 'sqlite3'; without, what the name says, else MCAP
    :raises LogError: when it cannot be written, or is there already
    """

    def __init__(self, path: pathlib.Path | str, storage: str | None = None) -> None:
        super().__init__(path)
        suffix = self.path.suffix.lower()
        storage = storage or SUFFIXES.get(suffix, 'mcap')
        if storage not in STORAGES:
            raise ValueError(f'{storage!r} is no storage: {", ".join(STORAGES)}')
        if SUFFIXES.get(suffix, storage) != storage:
            raise ValueError(f'{self.path.name} does not go with the storage {storage}')
        self._is_alone = suffix in SUFFIXES
        if not self._is_alone and not _is_text(self.path.name):
            raise LogError(
                f'{self.path}: the name of a bag stands in its metadata.yaml and is not UTF-8: '
                'choose another one')
        self._connections: dict[tuple[str, str], Connection] = {}
        """By topic and type."""
        self._counts: dict[int, int] = {}
        """Messages by the number of their connection."""
        self._first_ns, self._last_ns = _NEVER_NS, 0
        self._flush_at_s = 0.0
        self._is_open = False
        with self._told():
            self._writer = self._opened(storage)
            self._is_open = True
            self.flush()

    def _opened(self, storage: str) -> Writer:
        if os.path.lexists(self.path):
            raise LogError(f'{self.path} is there already and is not overwritten')
        # A file alone begins its life in a folder of its own, as the library wants one.
        folder = self.path.with_name(f'{self.path.name}.part') if self._is_alone else self.path
        writer = Writer(folder, version=_VERSION, storage_plugin=STORAGES[storage])
        if storage == 'mcap':
            writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        writer.open()
        if self._is_alone:
            # In its place from the first moment on, for the case that there is no last one.
            file: _Storage = writer.storage
            if storage == 'sqlite3':
                file.conn.close()
            file.path.rename(self.path)
            if storage == 'sqlite3':
                file.conn = sqlite3.connect(self.path)
                file.cursor = file.conn.cursor()
            file.path = self.path
            folder.rmdir()
        return writer

    def write(self, entry: Entry) -> None:
        """
        Add a ``Heard`` or a ``Sample``.

        :raises LogError: when it cannot be written
        """
        if not isinstance(entry, Heard):
            self._write_message(
                f'/{entry.namespace}/{entry.topic}'.replace('//', '/'), entry.message,
                entry.time_ns)
            return
        self.frames += 1
        self._write_message(
            SENT_TOPIC if entry.is_sent else FRAMES_TOPIC,
            ros_types.to_raw(entry.frame, entry.time_ns, entry.channel), entry.time_ns)
        received = decode(entry.frame)
        if isinstance(received, Received):
            self._write_message(
                f'/pistol{received.index}/{received.message.TOPIC}',
                ros_types.to_typed(received.message, entry.time_ns), entry.time_ns)

    def _write_message(self, topic: str, message: Any, time_ns: int) -> None:
        name = message.__msgtype__
        self.write_serialised(
            topic, name, time_ns, ros_types.typestore().serialize_cdr(message, name))

    def write_serialised(
            self, topic: str, type_name: str, time_ns: int, data: bytes | memoryview) -> None:
        """
        Add the bytes of a message of a known type.

        :raises LogError: when it cannot be written
        """
        if not 0 <= time_ns < _NEVER_NS:
            raise LogError(f'{self.path}: a bag cannot hold the time {time_ns} ns')
        with self._told():
            connection = self.add_topic(topic, type_name)
            self._writer.write(connection, time_ns, data)
            self._counts[connection.id] += 1
            self._first_ns = min(self._first_ns, time_ns)
            self._last_ns = max(self._last_ns, time_ns)
            if time.monotonic() >= self._flush_at_s:
                self.flush()

    def add_topic(self, topic: str, type_name: str) -> Connection:
        """Enter a topic, with or without messages to come; once or more often."""
        connection = self._connections.get((topic, type_name))
        if connection is None:
            with self._told():
                connection = self._connections[topic, type_name] = self._writer.add_connection(
                    topic, type_name, typestore=ros_types.typestore(),
                    offered_qos_profiles=[qos_of(topic)])
            self._counts[connection.id] = 0
        return connection

    def flush(self) -> None:
        """Bring everything to the file, in a form that can be read if nothing follows."""
        with self._told():
            self._flush_at_s = time.monotonic() + FLUSH_S
            storage: _Storage = self._writer.storage
            if self._writer.storage_plugin is StoragePlugin.SQLITE3:
                storage.conn.commit()
            else:
                if storage.chunk.msgs:
                    storage.close_chunk()
                storage.bio.write(_END)
                storage.bio.flush()
                storage.bio.seek(-len(_END), os.SEEK_CUR)
            if not self._is_alone:
                self._write_metadata()

    def _write_metadata(self) -> None:
        """Write what the bag consists of up to now, as the library does at the end."""
        count = sum(self._counts.values())
        extent = {
            'starting_time': {'nanoseconds_since_epoch': self._first_ns},
            'duration': {'nanoseconds': max(0, self._last_ns - self._first_ns)},
            'message_count': count,
        }
        storage: _Storage = self._writer.storage
        name = storage.path.name
        text = yaml.dump({'rosbag2_bagfile_information': {
            'version': _VERSION,
            'storage_identifier': self._writer.storage_plugin.name.lower(),
            'relative_file_paths': [name],
            **extent,
            'topics_with_message_count': [
                {
                    'topic_metadata': _topic_metadata(each),
                    'message_count': self._counts[each.id],
                }
                for each in self._connections.values()
            ],
            'compression_format': '',
            'compression_mode': '',
            'files': [{'path': name, **extent}],
            'custom_data': None,
            'ros_distro': 'rosbags',
        }}, Dumper=_YamlDumper)
        temporary = self._writer.metapath.with_suffix('.yaml.tmp')
        temporary.write_text(text, 'utf-8')
        temporary.replace(self._writer.metapath)

    def close(self) -> None:
        """
        Finish the bag; once or more often.

        :raises LogError: when it cannot be written
        """
        if not self._is_open:
            return
        self._is_open = False
        with self._told(), contextlib.ExitStack() as stack:
            if self._is_alone:
                # It needs no metadata beside it: it carries them inside.
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix='gi3_bag_'))
                self._writer.metapath = pathlib.Path(folder, 'metadata.yaml')
            self._writer.close()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error, WriterError) as error:
            raise LogError(
                f'{self.path} cannot be written: {getattr(error, "strerror", None) or error}'
            ) from error
