# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
MCAP files of rosbag2, whole or damaged.

Readers of whole files start from the index at the end. This one reads from the front, so that it
gives what there is of a file without an end: the recorder was killed, the disk was full, a block
is broken.
"""

from collections.abc import Iterator
import struct
import sys
from typing import BinaryIO, NamedTuple
import zlib

import lz4.frame

from .format import BagFormat, BagMessage, Report, Topic
from .log_file import LogFile
from .packing import Source

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SIZE_LIMIT = 256 << 20
"""Of a record, packed or unpacked; a broken length must not cost memory."""
_BLOCK = 1 << 20

_FOOTER, _SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _DATA_END = 0x02, 0x03, 0x04, 0x05, 0x06, 0x0F
_LAST_OPCODE = 0x0F
_RECORD = struct.Struct('<BQ')
_MESSAGE_HEAD = struct.Struct('<HIQQ')
_CHUNK_HEAD = struct.Struct('<QQQI')
_FOOTER_SIZE = 37
"""With its own head and the magic behind it."""


def _ignore(_text: str) -> None:
    pass


class _Record(NamedTuple):
    """A record of those that matter."""

    opcode: int
    content: bytes
    is_whole: bool


class _Schema(NamedTuple):
    """What a record says of a type."""

    name: str = ''
    encoding: str = ''
    definition: str = ''


class Mcap(BagFormat):
    """An MCAP file, read from the front."""

    kind = 'mcap'
    MAGIC = b'\x89MCAP0\r\n'

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self._report: Report = _ignore
        self._size = self._path.stat().st_size
        self._schemas: dict[int, _Schema] = {}
        self._channels: dict[int, Topic] = {}
        self._nameless = 0
        # Also where a channel's first record is damaged its name is known by the copy at the end.
        self._is_indexed = self._read_summary()

    @classmethod
    def knows(cls, file: LogFile, line: str) -> bool:
        """Return whether a file begins as these do, or has their suffix: it may be damaged."""
        return file.head.startswith(cls.MAGIC) or file.suffix == '.mcap'

    def topics(self) -> list[Topic]:
        """Return the topics that have a record in the file."""
        if not self._is_indexed:
            for _ in self.messages(_ignore):
                pass
        return list(dict.fromkeys(self._channels.values()))

    def messages(self, report: Report) -> Iterator[BagMessage]:
        """Yield the messages in the order of the file."""
        self._report = report
        self._nameless = 0
        with self._path.open('rb') as file:
            file.seek(len(self.MAGIC))
            for record in self._records(file):
                if record.opcode == _CHUNK:
                    yield from self._chunk(record.content, record.is_whole)
                elif record.is_whole:
                    yield from self._record(record.opcode, record.content)
        if self._nameless:
            self._report(
                f'{self.name}: {self._nameless} messages belong to topics whose names are '
                'lost')

    def _records(self, file: BinaryIO) -> Iterator[_Record]:
        """Yield the records that matter."""
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
                file.seek(-len(self.MAGIC), 2)
                if file.read() != self.MAGIC:
                    self._report(
                        f'{self.name}: the index at its end is damaged; all messages '
                        'before it are read')
                return
            left = self._size - at - _RECORD.size
            if 0 < opcode <= _LAST_OPCODE and size <= min(left, SIZE_LIMIT):
                if opcode in (_SCHEMA, _CHANNEL, _MESSAGE, _CHUNK):
                    content = file.read(size)
                    yield _Record(opcode, content, len(content) == size)
                else:
                    file.seek(size, 1)
                continue
            if opcode == _CHUNK and size <= SIZE_LIMIT:
                yield _Record(opcode, file.read(left), False)
            following = self._next_chunk(file, at + 1)
            if following is None:
                self._report(
                    f'{self.name} ends in the middle of a record or is damaged from byte '
                    f'{at} of {self._size} on; what comes before is read')
                return
            self._report(
                f'{self.name} is damaged from byte {at} to {following}; the rest is read')
            file.seek(following)

    def _next_chunk(self, file: BinaryIO, start: int) -> int | None:
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
    def _is_chunk(head: bytes, left: int) -> bool:
        if len(head) < _RECORD.size + _CHUNK_HEAD.size + 8:
            return False
        _, size = _RECORD.unpack_from(head)
        first_ns, last_ns, unpacked, _ = _CHUNK_HEAD.unpack_from(head, _RECORD.size)
        name = head[_RECORD.size + _CHUNK_HEAD.size:]
        return (
            size <= left - _RECORD.size and first_ns <= last_ns and unpacked <= SIZE_LIMIT
            and name.startswith((b'\3\0\0\0lz4', b'\4\0\0\0zstd', b'\0\0\0\0'))
        )

    def _chunk(self, content: bytes, is_whole: bool) -> Iterator[BagMessage]:
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

    def _record(self, opcode: int, content: bytes) -> Iterator[BagMessage]:
        """Take what a record says of types and topics; yield the message if it is one."""
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
                self._schemas.setdefault(number, _Schema(name, encoding, definition))
            elif opcode == _CHANNEL:
                number, schema = struct.unpack_from('<HH', content)
                name, at = _text(content, 4)
                if number not in self._channels:
                    self._channels[number] = Topic(
                        name, *self._schemas.get(schema, _Schema()))
        except (ValueError, struct.error):
            self._report(f'{self.name}: a record is damaged and left out')

    def _read_summary(self) -> bool:
        """Read the copies of schemas and channels behind the messages; return whether it could."""
        if self._size < len(self.MAGIC) + _FOOTER_SIZE:
            return False
        with self._path.open('rb') as file:
            file.seek(-_FOOTER_SIZE, 2)
            footer = file.read(_FOOTER_SIZE)
            opcode, size = _RECORD.unpack_from(footer)
            start, = struct.unpack_from('<Q', footer, _RECORD.size)
            if (opcode, size) != (_FOOTER, 20) or not footer.endswith(self.MAGIC):
                return False
            if not len(self.MAGIC) <= start < self._size - _FOOTER_SIZE:
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


def _text(content: bytes, at: int) -> tuple[str, int]:
    """Return the text at a place of a record, and where it ends."""
    length, = struct.unpack_from('<I', content, at)
    end = at + 4 + length
    if end > len(content):
        raise ValueError('a text is longer than its record')
    return content[at + 4:end].decode('utf-8', 'replace'), end


def _unpack(compression: str, packed: bytes, size: int) -> bytes:
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
            unpacked: bytes = lz4.frame.LZ4FrameDecompressor().decompress(packed, size)
            return unpacked
    except (zstd.ZstdError, RuntimeError, EOFError) as error:
        raise ValueError(str(error)) from error
    raise ValueError(f'its compression {compression[:20]!r} is not known')
