# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Packed files: gzip, bzip2, xz, Zstandard, and a zip with one member."""

import bz2
from collections.abc import Callable
import functools
import io
import lzma
import pathlib
import sys
import tempfile
from typing import cast, Protocol, TYPE_CHECKING
import zipfile
import zlib

from ..entries import LogError
from .frames import reason

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SUFFIXES = ('.gz', '.bz2', '.xz', '.zst', '.zstd', '.zip')
DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, zstd.ZstdError, zipfile.BadZipFile)
"""What reading a packed file raises where it is damaged or cut short; a plain one, too."""
_ZIP = b'PK\x03\x04'
_LONGEST_MAGIC = 8
_OTHERS = {
    b'\x04\x22\x4d\x18': 'lz4', b'7z\xbc\xaf\x27\x1c': '7z', b'Rar!': 'rar',
    b'\x1f\x9d': 'compress', b'PK\x05\x06': 'an empty zip'}
_TAR = b'ustar', 257
_NAMED = 5
_EACH = 'unpack it, and give each log by itself'


class _Unpacker(Protocol):
    """What the libraries have to unpack piece by piece."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    @property
    def needs_input(self) -> bool: ...

    def decompress(self, data: bytes, limit: int, /) -> bytes: ...


class _Gzip:
    """zlib's object with the methods that those of the other libraries have."""

    def __init__(self) -> None:
        self._unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)

    @property
    def eof(self) -> bool:
        return self._unpacker.eof

    @property
    def unused_data(self) -> bytes:
        return self._unpacker.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._unpacker.unconsumed_tail

    def decompress(self, data: bytes, limit: int) -> bytes:
        return self._unpacker.decompress(self._unpacker.unconsumed_tail + data, limit)


_UNPACKERS: dict[bytes, Callable[[], _Unpacker]] = {
    b'\x1f\x8b': _Gzip, b'BZh': bz2.BZ2Decompressor, b'\xfd7zXZ\0': lzma.LZMADecompressor,
    b'\x28\xb5\x2f\xfd': zstd.ZstdDecompressor}


class Unpacked(io.RawIOBase):
    """
    What is packed in a file, to the last byte before the damage.

    The libraries' own readers give up the block in which they fail.

    :param file: open for reading bytes; it is closed with this one
    :param unpacker: makes an object with ``decompress``, such as ``bz2.BZ2Decompressor``
    :raises: one of :data:`DAMAGE`
    """

    _BITE = 64
    """Packed bytes at once; as many as this are lost at most."""

    def __init__(self, file: io.BufferedReader, unpacker: Callable[[], _Unpacker]) -> None:
        self._file = file
        self._make = unpacker
        self._unpacker = unpacker()
        self._packed = b''
        self._at = 0

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def readinto(self, buffer: 'WriteableBuffer') -> int:
        view = memoryview(buffer)
        count = 0
        while not count:
            if self._unpacker.eof:
                # Another part may follow, or zeros to fill a block of a tape.
                self._packed = self._unpacker.unused_data + self._packed
                while self._packed.strip(b'\0') == b'':
                    self._packed = self._file.read(self._BITE)
                    if not self._packed:
                        return 0
                self._packed = self._packed.lstrip(b'\0')
                self._unpacker = self._make()
            if self._unpacker.needs_input and not self._packed:
                self._packed = self._file.read(self._BITE)
                if not self._packed:
                    raise EOFError('the compressed file is cut short')
            unpacked = self._unpacker.decompress(self._packed, len(view))
            self._packed = b''
            count = len(unpacked)
        view[:count] = unpacked
        self._at += count
        return count


class Source:
    """
    The content of a file, unpacked where it is packed.

    :raises LogError: when it is packed in a way that is not read, or as several files
    :raises OSError: when it cannot be read
    """

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.damage = ''
        """What :meth:`plain` could not unpack, as a sentence."""
        with path.open('rb') as file:
            magic = file.read(_LONGEST_MAGIC)
        self._unpacker = next(
            (each for head, each in _UNPACKERS.items() if magic.startswith(head)), None)
        self._member = self._only_member() if magic.startswith(_ZIP) else None
        self.is_packed = self._unpacker is not None or self._member is not None
        other = next((name for head, name in _OTHERS.items() if magic.startswith(head)), None)
        if other is not None:
            raise LogError(f'{path}: is packed as {other}: unpack it first')
        if self.is_packed:
            self._check_content()

    @property
    def name(self) -> str:
        """The name of the file without the suffix of what it is packed with."""
        return bare_name(self.path.name) if self._member is None else (
            pathlib.PurePosixPath(self._member).name)

    def open(self) -> io.BufferedReader:
        """Return the content, to be read from the front."""
        if self._member is not None:
            return io.BufferedReader(_Member(self.path, self._member))
        file = self.path.open('rb')
        if self._unpacker is None:
            return file
        return io.BufferedReader(Unpacked(file, self._unpacker))

    def start(self, size: int) -> bytes:
        """Return up to so many of the first bytes; fewer where it ends or is damaged."""
        start = b''
        with self.open() as file:
            try:
                while len(start) < size and (part := file.read1(size - len(start))):
                    start += part
            except DAMAGE:
                # Cut short within the first part: what is there has to do.
                if not start:
                    raise
        return start

    def plain(self) -> pathlib.Path:
        """Return a file with the content, for who has to read it here and there."""
        return self._plain if self.is_packed else self.path

    @functools.cached_property
    def _plain(self) -> pathlib.Path:
        # It lives as long as this object.
        self._folder = tempfile.TemporaryDirectory(prefix='gi3_log_')
        target = pathlib.Path(self._folder.name, 'unpacked')
        with self.open() as file, target.open('wb') as out:
            try:
                while part := file.read1(1 << 16):
                    out.write(part)
            except DAMAGE as error:
                if getattr(error, 'errno', None) is not None:
                    raise LogError(
                        f'{self.path}: cannot be unpacked: {reason(error)}') from None
                self.damage = f'{self.path.name}: its rest cannot be unpacked: {reason(error)}'
        return target

    def _only_member(self) -> str:
        """Return the name of what is in a zip."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                members = [each for each in archive.infolist() if not (
                    each.is_dir() or each.filename.startswith('__MACOSX/'))]
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise LogError(
                f'{self.path}: the zip is damaged or cut short: {reason(error)}') from None
        if len(members) != 1:
            names = ', '.join(each.filename for each in members[:_NAMED])
            more = f' and {len(members) - _NAMED} more' if len(members) > _NAMED else ''
            raise LogError(f'{self.path}: the zip has {len(members)} files in it: {names}{more}; '
                           f'{_EACH}' if members else f'{self.path}: nothing is in the zip')
        if members[0].flag_bits & 1:
            raise LogError(f'{self.path}: the zip has a password: unpack it first')
        return members[0].filename

    def _check_content(self) -> None:
        try:
            start = self.start(_TAR[1] + len(_TAR[0]))
        except (*DAMAGE, NotImplementedError, RuntimeError) as error:
            raise LogError(f'{self.path}: cannot be unpacked: {reason(error)}') from None
        if start.startswith((_ZIP, *_UNPACKERS)):
            raise LogError(f'{self.path}: is packed twice: unpack it once first')
        if start[_TAR[1]:] == _TAR[0]:
            raise LogError(f'{self.path}: is a tar archive; {_EACH}')


class _Member(io.RawIOBase):
    """What is in a zip, in small pieces: with a wrong checksum the last one is lost."""

    _PIECE = 1 << 12

    def __init__(self, path: pathlib.Path, name: str) -> None:
        self._at = 0
        self._archive = zipfile.ZipFile(path)
        try:
            # Such it is; the types of the standard library know less.
            self._file = cast('zipfile.ZipExtFile', self._archive.open(name))
        except BaseException:
            self._archive.close()
            raise

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: 'WriteableBuffer') -> int:
        view = memoryview(buffer)
        part = self._file.read1(min(len(view), self._PIECE))
        view[:len(part)] = part
        self._at += len(part)
        return len(part)

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        if not self.closed:
            self._archive.close()
        super().close()


def bare_name(name: str) -> str:
    """Return the name of a file without the suffix of what it is packed with."""
    for suffix in SUFFIXES:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[:-len(suffix)]
    return name
