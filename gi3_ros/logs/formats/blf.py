# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Vector's binary format."""

import collections
from collections.abc import Callable, Iterator
import datetime
import io
import re
import struct
from typing import TypeAlias
import zlib

from ...core.interface.frame import Frame
from ..entries import Heard
from .format import CanFormat
from .frames import channel_name, checked_ns, EXTENDED_MASK, FD, FdFrame, make_frame, reason
from .log_file import LogFile
from .packing import DAMAGE
from .tally import Tally

START_CLOCKS = ('local', 'utc')
"""How the head of a file may mean the start that it names."""

_CUT = 'the file is cut short'
_HEAD = struct.Struct('<4sHHLL')
"""Of an object: signature, size and version of its head, its size, its type."""
_FILE_HEAD = struct.Struct('<4sL8BQQLL8H8H')
"""Signature, size, application (id, three numbers of its version), version of the format, size of
the file, unpacked, objects, objects read, start, end."""
_PYTHON_CAN = 5, 0, 0, 0
"""Application and version that python-can writes, and this package with its writer."""
_STAMPS = {1: struct.Struct('<L4xQ'), 2: struct.Struct('<L4xQ8x')}
"""By the version of the head: unit, time."""
_TEN_MICROSECONDS = 1
_CONTAINER = 10
_PLAIN, _DEFLATE = 0, 2
"""How the content of a container is packed."""
_LOSSES = frozenset((91, 125, 126))
"""The driver was overrun, and from where to where the recorder lost data."""
_LAST_OF_OTHERS = 138
"""Up to this number all types but those read here are known to be no frames of CAN."""
_CLASSIC = struct.Struct('<HBBL8s')
_FD = struct.Struct('<HBBL5xBB5x')
_FD_64 = struct.Struct('<BBBxL4xL18xBB4x')
_ERROR = struct.Struct('<H')
_ERROR_EXT = struct.Struct('<H8xB5xL4x8s')
_ERROR_64 = struct.Struct('<B')
_EXTENDED = 1 << 31
_REMOTE = 0x80
_DIRECTION = 0x0F
_TX, _TX_REQUEST = 1, 2


class _Broken(Exception):
    """Where an object should begin there is none."""


class Blf(CanFormat):
    """
    Vector's binary format.

    :param start_clock: of :data:`START_CLOCKS`; without, local time as Vector's programs write
        it, or UTC where python-can or this package wrote the file
    """

    kind = 'Vector BLF'

    def __init__(self, start_clock: str | None = None) -> None:
        self._start_clock = start_clock

    @classmethod
    def knows(cls, file: LogFile, line: str) -> bool:
        """Return whether a file begins as these do."""
        return file.head.startswith(b'LOGG')

    def parse(self, file: LogFile, tally: Tally) -> Iterator[Heard]:
        """Yield the frames."""
        with file.source.open() as content:
            try:
                reader = _Reader(content, self._start_clock, tally)
            except (*DAMAGE, struct.error) as error:
                tally.end = f'the header is damaged: {reason(error)}'
                return
            yield from reader
            tally.end = '; '.join(reader.problems())


class _Reader:
    """
    The frames of a file of which parts may be missing.

    What cannot be read costs itself and nothing else, and is counted: a block with a wrong
    checksum, rubbish between blocks, an object of a type or with a head that nobody knows here.
    Objects may stand in blocks, packed or not, or by themselves.

    :param file: open for reading bytes
    :raises struct.error: when the head of the file is none, or of :data:`~.packing.DAMAGE`
    """

    _PIECE = 1 << 16
    _BLOCK_LIMIT = 256 << 20
    _OBJECT_LIMIT = 1 << 20
    _BLOCK_HEAD = struct.Struct('<H6xL4x')
    _BEGIN = re.compile(rb'LOBJ[\x10\x20\x28]\0[\1\2]\0.{3}[\0-\x0f].\0\0\0', re.DOTALL)
    """Where an object begins, in what is damaged."""
    _PADDING = 7

    def __init__(
            self, file: io.BufferedReader, start_clock: str | None, tally: Tally) -> None:
        self.file = file
        self._tally = tally
        self._ahead = b''
        self._end = ''
        self.at = 0
        """Where in the file the reader is."""
        head = _FILE_HEAD.unpack(self._read(_FILE_HEAD.size))
        self.file_size, self.object_count = head[10], head[12]
        if start_clock is None:
            start_clock = 'utc' if head[2:6] == _PYTHON_CAN else 'local'
        self.start_ns = _start_ns(head[14:22], start_clock)
        self._read(min(max(head[1] - _FILE_HEAD.size, 0), self._PIECE))
        self._tail = b''
        self._pos = 0
        self._is_lost = False
        self.damages = 0
        """In how many places frames were lost."""
        self._first_at = self._last_at = -1
        self._unread: collections.Counter[str] = collections.Counter()
        self._first_unread_at: dict[str, int] = {}
        self.recorder_losses = 0
        """How often the recorder says that it lost something."""

    def problems(self) -> Iterator[str]:
        """Say what is missing, in sentences."""
        if self.damages:
            places = '' if self.damages == 1 else f' in {self.damages} places, the first'
            yield (f'damaged{places} at byte {self._first_at}: the frames there (up to some '
                   'thousand in a block) are left out')
        for what, count in self._unread.items():
            yield (f'{count} object{"s" * (count > 1)} left out, {what}, the first at byte '
                   f'{self._first_unread_at[what]}')
        if self.recorder_losses:
            yield 'the recorder lost frames and says so in the log'
        if self.object_count == 0 and self.at > self.file_size:
            yield 'the file was never finished, its last frames may be missing'
        elif self._end:
            yield f'ends at byte {self.at} of {self.file_size}: {self._end}'

    def __iter__(self) -> Iterator[Heard]:
        """Yield the frames."""
        while head := self._read(_HEAD.size):
            begin = self.at - len(head)
            if len(head) < _HEAD.size:
                break
            signature, _, _, size, sort = _HEAD.unpack(head)
            limit = self._BLOCK_LIMIT if sort == _CONTAINER else self._OBJECT_LIMIT
            if signature != b'LOBJ' or not len(head) <= size <= limit:
                self._lose(begin)
                if not self._find_object(head[1:]):
                    break
                continue
            content = self._read(size - len(head))
            is_cut = len(content) < size - len(head)
            if sort == _CONTAINER:
                yield from self._block(content, begin, is_cut)
            elif not is_cut:
                yield from self._object(head + content, 0, begin)
            if is_cut:
                self._end = self._end or _CUT
                break
            self._skip_padding(size)
        if self.file_size > self.at:
            self._end = self._end or _CUT
        elif len(self._tail) > _HEAD.size and not self._end:
            self._lose(self.at)

    def _skip_padding(self, size: int) -> None:
        """Go to the next object: how many zeros are before it depends on who wrote the file."""
        padding = self._read(self._PADDING + 4)
        begin = len(padding) - len(padding.lstrip(b'\0'))
        if not padding.startswith(b'LOBJ', begin):
            begin = min(size % 4, len(padding))
        self._ahead = padding[begin:] + self._ahead
        self.at -= len(padding) - begin

    def _block(self, content: bytes, begin: int, is_cut: bool) -> Iterator[Heard]:
        """Yield the entries in a block; of one with a wrong checksum nothing can be trusted."""
        if is_cut and len(content) < self._BLOCK_HEAD.size:
            return
        try:
            method, _ = self._BLOCK_HEAD.unpack_from(content)
            data = content[self._BLOCK_HEAD.size:]
            if method == _DEFLATE:
                unpacker = zlib.decompressobj()
                data = unpacker.decompress(data, self._BLOCK_LIMIT)
                # Of a block that is cut short what is there is good; a whole one has an end.
                if not unpacker.eof and not is_cut:
                    raise ValueError('no end')
            elif method != _PLAIN:
                raise ValueError('an unknown compression')
        except (ValueError, struct.error, zlib.error):
            self._lose(begin)
            return
        yield from self._objects(data, begin)

    def _objects(self, data: bytes, begin: int) -> Iterator[Heard]:
        """Yield the entries in unpacked data; what is left waits for what follows."""
        data, self._tail = self._tail + data, b''
        while True:
            if self._is_lost:
                at = data.find(b'LOBJ')
                if at < 0:
                    self._tail = data[-3:]
                    return
                data, self._is_lost = data[at:], False
            try:
                yield from self._whole_objects(data, begin)
            except _Broken:
                self._lose(begin)
                data = data[self._pos:]
                continue
            # The rest of an object is in what follows.
            self._tail = data[self._pos:]
            return

    def _whole_objects(self, data: bytes, begin: int) -> Iterator[Heard]:
        """
        Yield the entries of the objects that are there to their ends.

        :raises _Broken: where there is none
        """
        self._pos = 0
        while True:
            at = data.find(b'LOBJ', self._pos, self._pos + self._PADDING + 4)
            if at < 0:
                if self._pos + self._PADDING + 4 > len(data):
                    return
                raise _Broken
            if at + _HEAD.size > len(data):
                return
            size = _HEAD.unpack_from(data, at)[3]
            if not _HEAD.size <= size <= self._OBJECT_LIMIT:
                self._pos = at + 4
                raise _Broken
            if at + size > len(data):
                return
            yield from self._object(data, at, begin)
            self._pos = at + size

    def _object(self, data: bytes, at: int, begin: int) -> Iterator[Heard]:
        """Yield the entry of an object, if it is a frame."""
        _, _, version, size, sort = _HEAD.unpack_from(data, at)
        read = _READERS.get(sort)
        if read is None:
            if sort in _LOSSES:
                self.recorder_losses += 1
                self._tally.losses += 1
            elif sort > _LAST_OF_OTHERS:
                self._leave_out(f'of the unknown type {sort}', begin)
            return
        stamp = _STAMPS.get(version)
        if stamp is None:
            self._leave_out(f'with a head of the unknown version {version}', begin)
            return
        try:
            unit, time = stamp.unpack_from(data, at + _HEAD.size)
            body = at + _HEAD.size + stamp.size
            said = read(memoryview(data)[body:at + size])
            if not isinstance(said, tuple):
                self._tally.fd += said is FD
                return
            time_ns = checked_ns(
                self.start_ns + time * (10_000 if unit == _TEN_MICROSECONDS else 1))
        except (ValueError, struct.error):
            self._leave_out('no frame of classic CAN', begin)
            return
        frame, channel, is_sent = said
        yield Heard(time_ns, frame, channel_name(channel), is_sent)

    def _leave_out(self, what: str, begin: int) -> None:
        self._tally.losses += 1
        self._unread[what] += 1
        self._first_unread_at.setdefault(what, begin)

    def _lose(self, at: int) -> None:
        """Begin anew with the next object."""
        self._tail, self._is_lost = b'', True
        if not self.damages:
            self._first_at = at
        if at != self._last_at:
            self._last_at = at
            self.damages += 1
            self._tally.losses += 1

    def _read(self, size: int) -> bytes:
        """Return as many bytes, or fewer at the end of what can be read."""
        data, self._ahead = self._ahead[:size], self._ahead[size:]
        parts, missing = [data], size - len(data)
        try:
            while missing and (part := self.file.read1(missing)):
                parts.append(part)
                missing -= len(part)
        except DAMAGE as error:
            self._end = reason(error)
        self.at += size - missing
        return b''.join(parts)

    def _find_object(self, passed: bytes) -> bool:
        """Go to where the next block or object begins; return whether there is one."""
        begin, ahead = self.at - len(passed), passed + self._ahead
        while True:
            match = self._BEGIN.search(ahead)
            if match:
                self.at, self._ahead = begin + match.start(), ahead[match.start():]
                return True
            kept = ahead[1 - _HEAD.size:]
            begin += len(ahead) - len(kept)
            self.at, self._ahead = begin + len(kept), b''
            part = self._read(self._PIECE)
            if not part:
                return False
            ahead = kept + part


def _start_ns(systemtime: tuple[int, ...], clock: str) -> int:
    """Return the start that a file names; 0 where it names none."""
    year, month, _, day, hour, minute, second, millisecond = systemtime
    try:
        start = datetime.datetime(year, month, day, hour, minute, second)
        if clock == 'utc':
            start = start.replace(tzinfo=datetime.timezone.utc)
        return int(start.timestamp()) * 10**9 + millisecond * 10**6
    except (ValueError, OverflowError, OSError):
        return 0


_Said: TypeAlias = tuple[Frame, int, bool]
"""The frame in an object, its channel, and whether it was sent; a tuple, as each frame has one."""
_Body: TypeAlias = _Said | FdFrame | None
"""What the body of an object says: ``None`` for a frame that was not on the bus."""


def _read_classic(body: memoryview) -> _Body:
    channel, flags, length, can_id, data = _CLASSIC.unpack_from(body)
    return _entry(channel, flags, can_id, data[:length], flags & _DIRECTION)


def _read_fd(body: memoryview) -> _Body:
    channel, flags, _, can_id, fd_flags, length = _FD.unpack_from(body)
    if fd_flags & 1:
        return FD
    data = bytes(body[_FD.size:][:length])
    if len(data) < length:
        raise ValueError('data are missing')
    return _entry(channel, flags, can_id, data, flags & _DIRECTION)


def _read_fd_64(body: memoryview) -> _Body:
    channel, _, length, can_id, flags, direction, extra_at = _FD_64.unpack_from(body)
    if flags & 0x1000:
        return FD
    end = len(body)
    if extra_at:
        end = min(end, extra_at - _HEAD.size - _STAMPS[1].size)
    data = bytes(body[_FD_64.size:end][:length]).ljust(length, b'\0')
    return _entry(channel, _REMOTE if flags & 0x10 else 0, can_id, data, direction)


def _entry(
        channel: int, flags: int, can_id: int, data: bytes, direction: int) -> _Said | None:
    if direction == _TX_REQUEST:
        # It may be sent later, and then there is an object of that, too.
        return None
    is_remote = bool(flags & _REMOTE)
    frame = make_frame(
        can_id & EXTENDED_MASK, b'' if is_remote else data, bool(can_id & _EXTENDED), is_remote)
    return frame, channel, direction == _TX


def _read_error(body: memoryview) -> _Body:
    return make_frame(0, b'', False, is_error=True), _ERROR.unpack_from(body)[0], False


def _read_error_64(body: memoryview) -> _Body:
    return make_frame(0, b'', False, is_error=True), _ERROR_64.unpack_from(body)[0], False


def _read_error_ext(body: memoryview) -> _Body:
    channel, length, can_id, data = _ERROR_EXT.unpack_from(body)
    frame = make_frame(
        can_id & EXTENDED_MASK, data[:length & 0x0F], bool(can_id & _EXTENDED), is_error=True)
    return frame, channel, False


_READERS: dict[int, Callable[[memoryview], _Body]] = {
    1: _read_classic, 2: _read_error, 73: _read_error_ext, 86: _read_classic, 100: _read_fd,
    101: _read_fd_64, 104: _read_error_64}
"""By the type of the object: those that are frames of CAN."""
