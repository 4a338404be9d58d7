"""Vector's binary format, with python-can's reader and writer of objects."""

import re
import struct
import zlib

import can
from can.io.blf import BLFReader, BLFWriter

from ..writing import ChannelNumbers, LogWriter, StartTime
from .frames import reason

_CUT = 'the file is cut short'


class Blf(BLFReader):
    """
    python-can's reader of objects, in a file of which parts may be missing.

    By itself it ends at the first damage, waits for ever for the end of an object that pretends to
    be long, and stays for ever at one of size 0. This one goes on with the next block.
    """

    _PIECE = 1 << 16
    _BLOCK_LIMIT = 256 << 20
    _OBJECT_LIMIT = 1 << 20
    _HEAD = struct.Struct('<4sHHLL')
    _BLOCK_HEAD = struct.Struct('<H6xL4x')
    _BLOCK = re.compile(rb'LOBJ\x10\0.{6}\n\0\0\0', re.DOTALL)
    _ENDLESS = re.compile(rb'LOBJ.{4}\0{4}', re.DOTALL)

    def __init__(self, file):
        super().__init__(file)
        self.at = file.tell()
        """Where in the file the reader is."""
        self._ahead = b''
        self._is_lost = False
        self.damages = 0
        """In how many places frames were lost."""
        self._first_at = self._last_at = -1
        self._end = ''

    def stop(self):
        """Leave the file open: who opened it wants to know where it ended."""

    def problems(self):
        """Say what is missing, in sentences."""
        if self.damages:
            places = '' if self.damages == 1 else f' in {self.damages} places, the first'
            yield (f'damaged{places} at byte {self._first_at}: the frames there (up to some '
                   'thousand in a block) are left out')
        if self.object_count == 0 and self.at > self.file_size:
            yield 'the file was never finished, its last frames may be missing'
        elif self._end:
            yield f'ends at byte {self.at} of {self.file_size}: {self._end}'

    def __iter__(self):
        while head := self._read(self._HEAD.size):
            begin = self.at - len(head)
            if len(head) < self._HEAD.size:
                break
            signature, _, _, size, sort = self._HEAD.unpack(head)
            if signature != b'LOBJ' or not len(head) <= size <= self._BLOCK_LIMIT:
                self._lose(begin)
                if not self._find_block(head[1:]):
                    break
                continue
            content = self._read(size - len(head))
            is_cut = len(content) < size - len(head)
            if sort == can.io.blf.LOG_CONTAINER:
                yield from self._block(content, begin, is_cut)
            if is_cut:
                self._end = self._end or _CUT
                break
            self._read(size % 4)
        if self.file_size > self.at:
            self._end = self._end or _CUT
        elif len(self._tail) > self._HEAD.size and not self._end:
            self._lose(self.at)

    def _block(self, content, begin, is_cut):
        """Yield the messages in a block; of one with a wrong checksum nothing can be trusted."""
        if is_cut and len(content) < self._BLOCK_HEAD.size:
            return
        try:
            method, _ = self._BLOCK_HEAD.unpack_from(content)
            data = content[self._BLOCK_HEAD.size:]
            if method == can.io.blf.ZLIB_DEFLATE:
                unpacker = zlib.decompressobj()
                data = unpacker.decompress(data, self._BLOCK_LIMIT)
                # Of a block that is cut short what is there is good; a whole one has an end.
                if not unpacker.eof and not is_cut:
                    raise ValueError('no end')
            elif method != can.io.blf.NO_COMPRESSION:
                raise ValueError('an unknown compression')
        except (ValueError, struct.error, zlib.error):
            self._lose(begin)
            return
        yield from self._objects(data, begin)

    def _objects(self, data, begin):
        """Yield the messages in unpacked data; what is left waits for what follows."""
        data, self._tail = self._tail + data, b''
        while True:
            if self._is_lost:
                at = data.find(b'LOBJ')
                if at < 0:
                    self._tail = data[-3:]
                    return
                data, self._is_lost = data[at:], False
            endless = self._ENDLESS.search(data)
            try:
                yield from self._parse_data(data[:endless.start()] if endless else data)
            except can.io.blf.BLFParseError:
                self._lose(begin)
                data = data[self._pos:]
                continue
            except struct.error:
                # The rest of the object is in what follows.
                pass
            data = data[self._pos:]
            at = data.find(b'LOBJ', 0, 12)
            size = int.from_bytes(data[at + 8:at + 12], 'little') if at >= 0 else 0
            if endless is None and size <= self._OBJECT_LIMIT:
                self._tail = data
                return
            self._lose(begin)
            data = data[at + 4:]

    def _lose(self, at):
        """Begin anew with the next object."""
        self._tail, self._is_lost = b'', True
        if not self.damages:
            self._first_at = at
        if at != self._last_at:
            self._last_at = at
            self.damages += 1

    def _read(self, size):
        """Return as many bytes, or fewer at the end of what can be read."""
        data, self._ahead = self._ahead[:size], self._ahead[size:]
        parts, missing = [data], size - len(data)
        try:
            while missing and (part := self.file.read1(missing)):
                parts.append(part)
                missing -= len(part)
        except (OSError, EOFError, zlib.error) as error:
            self._end = reason(error)
        self.at += size - missing
        return b''.join(parts)

    def _find_block(self, passed):
        """Go to where the next block begins; return whether there is one."""
        begin, ahead = self.at - len(passed), passed + self._ahead
        while True:
            match = self._BLOCK.search(ahead)
            if match:
                self.at, self._ahead = begin + match.start(), ahead[match.start():]
                return True
            kept = ahead[1 - self._HEAD.size:]
            begin += len(ahead) - len(kept)
            self.at, self._ahead = begin + len(kept), b''
            part = self._read(self._PIECE)
            if not part:
                return False
            ahead = kept + part


class BlfWriter(LogWriter):
    """Vector's binary format, with times to the nanosecond."""

    def __init__(self, path):
        super().__init__(path)
        self._channels = ChannelNumbers()
        self._start = StartTime()
        self._writer = BLFWriter(open(path, 'xb'))  # noqa: SIM115 - it is closed by the writer
        # Otherwise it takes the first time for the start, as a float of seconds since the epoch.
        self._writer.start_timestamp = 0.0

    def _write(self, heard):
        frame = heard.frame
        # The writer cuts off what is less than a nanosecond.
        offset_s = (self._start.offset_ns(heard.time_ns) + 0.5) / 1e9
        self._writer.on_message_received(can.Message(
            timestamp=offset_s, arbitration_id=frame.can_id, data=frame.data,
            is_extended_id=frame.is_extended, is_remote_frame=frame.is_remote,
            is_error_frame=frame.is_error, is_rx=not heard.is_sent,
            channel=self._channels.number(heard.channel) - 1))

    def _close(self):
        start_s = (self._start.start_ns or 0) / 1e9
        self._writer.start_timestamp = start_s
        self._writer.stop_timestamp = start_s + self._start.last_ns / 1e9
        try:
            self._writer.stop()
        finally:
            self._writer.file.close()
        self.problems += [*self._channels.problems(), *self._start.problems()]
