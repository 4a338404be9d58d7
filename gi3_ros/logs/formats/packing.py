"""Packed files."""

import io
import zlib


class Unpacked(io.RawIOBase):
    """
    What is packed in a gzip file, to the last byte before the damage.

    The library's own reader gives up the block in which it fails.

    :raises EOFError: where the file is cut short
    :raises zlib.error: where it is damaged
    """

    _BITE = 64
    """Packed bytes at once; as many as this are lost at most."""

    def __init__(self, file):
        self._file = file
        self._unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self._packed = b''
        self._at = 0

    def readable(self):
        return True

    def tell(self):
        return self._at

    def close(self):
        if not self.closed:
            self._file.close()
        super().close()

    def readinto(self, buffer):
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
                self._unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
            if not self._packed:
                self._packed = self._file.read(self._BITE)
            if not self._packed:
                raise EOFError('the compressed file is cut short')
            unpacked = self._unpacker.decompress(self._packed, len(buffer))
            self._packed = self._unpacker.unconsumed_tail
            count = len(unpacked)
        buffer[:count] = unpacked
        self._at += count
        return count
