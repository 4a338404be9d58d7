"""
Writing rosbag2 bags that survive the sudden end of whoever writes them.

Once a second everything goes to the file, and the file gets an end, so that at any moment it is
one that others can read.
"""

import contextlib
import os
import pathlib
import sqlite3
import tempfile
import time

from rosbags.interfaces import (
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

from ..core.interface.codec import decode, Received
from . import recorded, ros_types
from .entries import Heard, LogError

FLUSH_S = 1.0
"""What a killed writer loses at most."""
FRAMES_TOPIC = '/can/frames'
SENT_TOPIC = '/can/sent'
"""Raw frames that the machine that wrote the log received, and those that it sent."""
STORAGES = {'mcap': StoragePlugin.MCAP, 'sqlite3': StoragePlugin.SQLITE3}
SUFFIXES = {'.mcap': 'mcap', '.db3': 'sqlite3'}

_VERSION = 9
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


def _is_text(name):
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def qos_of(topic):
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


class BagWriter:
    """
    A new bag: a folder, or the file alone where the name ends in .mcap or .db3.

    Each frame is written raw, which keeps everything that the bus carried, and as the typed
    message of its pistol (``/pistol1/controller_status``) where it is one of the interface.

    :param storage: 'mcap' or 'sqlite3'; without, what the name says, else MCAP
    :raises LogError: when it cannot be written, or is there already
    """

    def __init__(self, path, storage=None):
        self.path = pathlib.Path(path)
        self.frames = 0
        self.samples_left_out = 0
        self.problems = []
        """What the format has no place for, as of every writer: of a bag there is nothing."""
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
        self._connections = {}
        self._counts = {}
        self._first_ns, self._last_ns = _NEVER_NS, 0
        self._flush_at_s = 0.0
        self._writer = None
        with self._told():
            self._open(storage)
            self.flush()

    def _open(self, storage):
        if os.path.lexists(self.path):
            raise LogError(f'{self.path} is there already and is not overwritten')
        # A file alone begins its life in a folder of its own, as the library wants one.
        folder = self.path.with_name(f'{self.path.name}.part') if self._is_alone else self.path
        writer = Writer(folder, version=_VERSION, storage_plugin=STORAGES[storage])
        if storage == 'mcap':
            writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        writer.open()
        self._writer = writer
        if self._is_alone:
            # In its place from the first moment on, for the case that there is no last one.
            if storage == 'sqlite3':
                writer.storage.conn.close()
            writer.storage.path.rename(self.path)
            if storage == 'sqlite3':
                writer.storage.conn = sqlite3.connect(self.path)
                writer.storage.cursor = writer.storage.conn.cursor()
            writer.storage.path = self.path
            folder.rmdir()

    def write(self, entry):
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

    def _write_message(self, topic, message, time_ns):
        name = message.__msgtype__
        self.write_serialised(
            topic, name, time_ns, ros_types.typestore().serialize_cdr(message, name))

    def write_serialised(self, topic, type_name, time_ns, data):
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

    def add_topic(self, topic, type_name):
        """Enter a topic, with or without messages to come; once or more often."""
        connection = self._connections.get((topic, type_name))
        if connection is None:
            with self._told():
                connection = self._connections[topic, type_name] = self._writer.add_connection(
                    topic, type_name, typestore=ros_types.typestore(),
                    offered_qos_profiles=[qos_of(topic)])
            self._counts[connection.id] = 0
        return connection

    def flush(self):
        """Bring everything to the file, in a form that can be read if nothing follows."""
        with self._told():
            self._flush_at_s = time.monotonic() + FLUSH_S
            storage = self._writer.storage
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

    def _write_metadata(self):
        """Write what the bag consists of up to now, as the library does at the end."""
        count = sum(self._counts.values())
        extent = {
            'starting_time': {'nanoseconds_since_epoch': self._first_ns},
            'duration': {'nanoseconds': max(0, self._last_ns - self._first_ns)},
            'message_count': count,
        }
        name = self._writer.storage.path.name
        text = yaml.dump({'rosbag2_bagfile_information': {
            'version': _VERSION,
            'storage_identifier': self._writer.storage_plugin.name.lower(),
            'relative_file_paths': [name],
            **extent,
            'topics_with_message_count': [
                {
                    'topic_metadata': {
                        'name': each.topic,
                        'type': each.msgtype,
                        'serialization_format': each.ext.serialization_format,
                        'offered_qos_profiles': dump_qos_v9(each.ext.offered_qos_profiles),
                        'type_description_hash': each.digest,
                    },
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

    def close(self):
        """
        Finish the bag; once or more often.

        :raises LogError: when it cannot be written
        """
        writer, self._writer = self._writer, None
        if writer is None:
            return
        with self._told(), contextlib.ExitStack() as stack:
            if self._is_alone:
                # It needs no metadata beside it: it carries them inside.
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix='gi3_bag_'))
                writer.metapath = pathlib.Path(folder, 'metadata.yaml')
            writer.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @contextlib.contextmanager
    def _told(self):
        try:
            yield
        except (OSError, sqlite3.Error, WriterError) as error:
            raise LogError(
                f'{self.path} cannot be written: {getattr(error, "strerror", None) or error}'
            ) from error
