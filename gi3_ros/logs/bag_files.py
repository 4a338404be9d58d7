"""
The files in a rosbag2 folder, whole or damaged: MCAP and sqlite3.

Readers of whole files start from the index at the end. These read from the front, so that they
give what there is of a file without an end: the recorder was killed, the disk was full, a block
is broken. ``report`` is called with one sentence for whatever is wrong.
"""

import contextlib
import dataclasses
import pathlib
import shutil
import sqlite3
import struct
import sys
import tempfile
import zlib

import lz4.frame

from .entries import LogError
from .formats.packing import Source

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MCAP_MAGIC = b'\x89MCAP0\r\n'
SQLITE_MAGIC = b'SQLite format 3\0'
ZSTD_MAGIC = b'\x28\xb5\x2f\xfd'

SIZE_LIMIT = 256 << 20
"""Of a record, packed or unpacked; a broken length must not cost memory."""
MESSAGE_LIMIT = 16 << 20
"""Of one message that is packed by itself."""
_BLOCK = 1 << 20

SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""The second one from messages about names that are not text any more."""

_FOOTER, _SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _DATA_END = 0x02, 0x03, 0x04, 0x05, 0x06, 0x0F
_LAST_OPCODE = 0x0F
_RECORD = struct.Struct('<BQ')
_MESSAGE_HEAD = struct.Struct('<HIQQ')
_CHUNK_HEAD = struct.Struct('<QQQI')
_FOOTER_SIZE = 37
"""With its own head and the magic behind it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Topic:
    """A topic in a bag, with the definition of its type where the bag has it."""

    name: str
    type: str
    encoding: str = ''
    """Of the definition: ros2msg, ros2idl."""
    definition: str = ''


def _ignore(_text):
    pass


def open_file(path, report):
    """
    Open one file of a bag by its content; packed ones are unpacked into a temporary file.

    :raises LogError: when it is none
    """
    path = pathlib.Path(path)
    try:
        source = Source(path)
        plain = source.plain()
        with plain.open('rb') as file:
            start = file.read(16)
        if start.startswith(MCAP_MAGIC):
            opened = McapFile(plain, path)
        elif start.startswith(SQLITE_MAGIC):
            opened = SqliteFile(plain, path)
        else:
            raise LogError(f'{path} is empty' if not start else
                           f'{path} is neither an MCAP nor an sqlite3 file')
    except OSError as error:
        raise LogError(f'{path} cannot be read: {error.strerror or error}') from error
    if source.damage:
        report(source.damage)
    # What was unpacked lives as long as what reads from it.
    opened.source = source
    return opened


def unpack_message(data):
    """
    Unpack a message that was compressed by itself; others come back as they are.

    :raises ValueError: when it is damaged
    """
    if bytes(data[:4]) != ZSTD_MAGIC:
        return data
    try:
        unpacker = zstd.ZstdDecompressor()
        result = unpacker.decompress(data, MESSAGE_LIMIT)
    except zstd.ZstdError as error:
        raise ValueError(str(error)) from error
    if not unpacker.eof:
        raise ValueError('it is cut off or far too long')
    return result


class McapFile:
    """An MCAP file, read from the front."""

    kind = 'mcap'

    def __init__(self, path, given):
        self.name = given.name
        self._path = path
        self._report = _ignore
        self._size = path.stat().st_size
        self._schemas = {}
        self._channels = {}
        self._nameless = 0
        # Also where a channel's first record is damaged its name is known by the copy at the end.
        self._is_indexed = self._read_summary()

    def topics(self):
        """Return the topics that have a record in the file."""
        if not self._is_indexed:
            for _ in self.messages(_ignore):
                pass
        return list(dict.fromkeys(self._channels.values()))

    def messages(self, report):
        """Yield (topic, time in ns, bytes) in the order of the file."""
        self._report = report
        self._nameless = 0
        with self._path.open('rb') as file:
            file.seek(len(MCAP_MAGIC))
            for opcode, content, is_whole in self._records(file):
                if opcode == _CHUNK:
                    yield from self._chunk(content, is_whole)
                elif is_whole:
                    yield from self._record(opcode, content)
        if self._nameless:
            self._report(
                f'{self.name}: {self._nameless} messages belong to topics whose names are '
                'lost')

    def _records(self, file):
        """Yield (opcode, content, whether it is whole) of those that matter."""
        while True:
            at = file.tell()
            head = file.read(_RECORD.size)
            if len(head) < _RECORD.size:
                self._report(
                    f'{self.name} has no end: whoever wrote it was stopped; what is there '
                    'is read')
                return
            opcode, size = _RECORD.unpack(head)
            if opcode in (_FOOTER, _DATA_END):
                file.seek(-len(MCAP_MAGIC), 2)
                if file.read() != MCAP_MAGIC:
                    self._report(
                        f'{self.name}: the index at its end is damaged; all messages '
                        'before it are read')
                return
            left = self._size - at - _RECORD.size
            if 0 < opcode <= _LAST_OPCODE and size <= min(left, SIZE_LIMIT):
                if opcode in (_SCHEMA, _CHANNEL, _MESSAGE, _CHUNK):
                    content = file.read(size)
                    yield opcode, content, len(content) == size
                else:
                    file.seek(size, 1)
                continue
            if opcode == _CHUNK and size <= SIZE_LIMIT:
                yield opcode, file.read(left), False
            following = self._next_chunk(file, at + 1)
            if following is None:
                self._report(
                    f'{self.name} ends in the middle of a record or is damaged from byte '
                    f'{at} of {self._size} on; what comes before is read')
                return
            self._report(
                f'{self.name} is damaged from byte {at} to {following}; the rest is read')
            file.seek(following)

    def _next_chunk(self, file, start):
        """Return where the next record begins that can only be a chunk; ``None`` without one."""
        overlap = _RECORD.size + _CHUNK_HEAD.size + 8
        while start < self._size:
            file.seek(start)
            block = file.read(_BLOCK + overlap)
            at = block.find(bytes([_CHUNK]))
            while 0 <= at < _BLOCK:
                if self._is_chunk(block[at:at + overlap], self._size - start - at):
                    return start + at
                at = block.find(bytes([_CHUNK]), at + 1)
            start += _BLOCK
        return None

    @staticmethod
    def _is_chunk(head, left):
        if len(head) < _RECORD.size + _CHUNK_HEAD.size + 8:
            return False
        _, size = _RECORD.unpack_from(head)
        first_ns, last_ns, unpacked, _ = _CHUNK_HEAD.unpack_from(head, _RECORD.size)
        name = head[_RECORD.size + _CHUNK_HEAD.size:]
        return (
            size <= left - _RECORD.size and first_ns <= last_ns and unpacked <= SIZE_LIMIT
            and name.startswith((b'\3\0\0\0lz4', b'\4\0\0\0zstd', b'\0\0\0\0'))
        )

    def _chunk(self, content, is_whole):
        """Yield the messages in a chunk, as many as can be trusted."""
        try:
            _, _, size, checksum = _CHUNK_HEAD.unpack_from(content)
            compression, at = _text(content, _CHUNK_HEAD.size)
            packed_size, = struct.unpack_from('<Q', content, at)
            packed = content[at + 8:at + 8 + packed_size]
            unpacked = _unpack(compression, packed, size)
        except (ValueError, struct.error) as error:
            self._report(
                f'{self.name}: a block of messages is damaged and left out: {error}')
            return
        if is_whole and len(unpacked) == size and checksum and zlib.crc32(unpacked) != checksum:
            self._report(
                f'{self.name}: a block of messages does not have the checksum that it was '
                'written with and is left out')
            return
        at = 0
        while at + _RECORD.size <= len(unpacked):
            opcode, length = _RECORD.unpack_from(unpacked, at)
            at += _RECORD.size
            if at + length > len(unpacked):
                at -= _RECORD.size
                break
            yield from self._record(opcode, unpacked[at:at + length])
            at += length
        if is_whole and at < size:
            self._report(
                f'{self.name}: a block of messages is damaged, {size - at} bytes of it '
                'are left out')

    def _record(self, opcode, content):
        try:
            if opcode == _MESSAGE:
                channel, _, time_ns, _ = _MESSAGE_HEAD.unpack_from(content)
                topic = self._channels.get(channel)
                if topic is None:
                    self._nameless += 1
                else:
                    yield topic, time_ns, content[_MESSAGE_HEAD.size:]
            elif opcode == _SCHEMA:
                number, = struct.unpack_from('<H', content)
                name, at = _text(content, 2)
                encoding, at = _text(content, at)
                definition, at = _text(content, at)
                self._schemas.setdefault(number, (name, encoding, definition))
            elif opcode == _CHANNEL:
                number, schema = struct.unpack_from('<HH', content)
                topic, at = _text(content, 4)
                if number not in self._channels:
                    self._channels[number] = Topic(topic, *self._schemas.get(schema, ('', '', '')))
        except (ValueError, struct.error):
            self._report(f'{self.name}: a record is damaged and left out')

    def _read_summary(self):
        """Read the copies of schemas and channels behind the messages; return whether it could."""
        if self._size < len(MCAP_MAGIC) + _FOOTER_SIZE:
            return False
        with self._path.open('rb') as file:
            file.seek(-_FOOTER_SIZE, 2)
            footer = file.read(_FOOTER_SIZE)
            opcode, size = _RECORD.unpack_from(footer)
            start, = struct.unpack_from('<Q', footer, _RECORD.size)
            if (opcode, size) != (_FOOTER, 20) or not footer.endswith(MCAP_MAGIC):
                return False
            if not len(MCAP_MAGIC) <= start < self._size - _FOOTER_SIZE:
                return False
            file.seek(start)
            while len(head := file.read(_RECORD.size)) == _RECORD.size:
                opcode, size = _RECORD.unpack(head)
                if opcode == _FOOTER:
                    return bool(self._channels)
                if size > self._size - file.tell():
                    return False
                content = file.read(size)
                if opcode in (_SCHEMA, _CHANNEL):
                    for _ in self._record(opcode, content):
                        pass
        return False


def _text(content, at):
    """Return the text at a place of a record, and where it ends."""
    length, = struct.unpack_from('<I', content, at)
    end = at + 4 + length
    if end > len(content):
        raise ValueError('a text is longer than its record')
    return content[at + 4:end].decode('utf-8', 'replace'), end


def _unpack(compression, packed, size):
    """Return up to ``size`` bytes; fewer where the packed ones are cut off."""
    if size > SIZE_LIMIT:
        raise ValueError(f'{size} bytes are more than any recorder puts into one')
    if not size or not packed:
        return b''
    try:
        if compression == '':
            return packed[:size]
        if compression == 'zstd':
            return zstd.ZstdDecompressor().decompress(packed, size)
        if compression == 'lz4':
            return lz4.frame.LZ4FrameDecompressor().decompress(packed, size)
    except (zstd.ZstdError, RuntimeError, EOFError) as error:
        raise ValueError(str(error)) from error
    raise ValueError(f'its compression {compression[:20]!r} is not known')


class SqliteFile:
    """An sqlite3 file, read in the order of its rows."""

    kind = 'sqlite3'

    def __init__(self, path, given):
        self.name = given.name
        self._path = path
        self._given = given
        self._topics = self._read_topics()

    def topics(self):
        """Return the topics of the file."""
        return list(self._topics.values())

    def messages(self, report):
        """Yield (topic, time in ns, bytes) in the order of the file."""
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

    def _rows(self, connection, report):
        """Yield the rows of the messages; beyond a damaged place it goes on with later ones."""
        last, step = None, 1
        while True:
            start = -(1 << 62) if last is None else last + step
            try:
                for row, *values in connection.execute(
                        'SELECT rowid, topic_id, timestamp, data FROM messages WHERE rowid >= ? '
                        'ORDER BY rowid', (start,)):
                    if not isinstance(row, int) or (last is not None and row <= last):
                        raise sqlite3.DatabaseError('rows are not in order')
                    if step == 1 and last is not None and row > last + 1:
                        report(f'{self.name} is damaged: {row - last - 1} messages are missing')
                    last, step = row, 1
                    yield values
                return
            except SQLITE_ERRORS as error:
                if step == 1:
                    report(f'{self.name} is damaged, messages are missing: {error}')
                if last is None:
                    last = 0
                step *= 2
                if last + step > 1 << 40:
                    return

    def _read_topics(self):
        try:
            with self._open() as connection:
                definitions = {}
                # Of old bags the table does not exist.
                with contextlib.suppress(*SQLITE_ERRORS):
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
        except SQLITE_ERRORS as error:
            raise LogError(f'{self._given} cannot be read as a bag: {error}') from error

    @contextlib.contextmanager
    def _open(self):
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
