# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A file as the formats see it: its beginning, and where the rest is."""

import codecs
import functools
import pathlib

from .dates import code_page
from .packing import Source

_HEAD = 1 << 16
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class LogFile:
    """
    A file that may be a log.

    :raises LogError: when it is packed in a way that is not read
    :raises OSError: when it cannot be read, as all of :data:`~.packing.DAMAGE`
    """

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.source = Source(path)
        self.head = self.source.start(_HEAD)
        """Its first bytes, unpacked."""

    @property
    def suffix(self) -> str:
        """The suffix of its name, in lower case, without that of what it is packed with."""
        return pathlib.PurePath(self.source.name).suffix.lower()

    @functools.cached_property
    def encoding(self) -> str:
        """That of its text."""
        return 'utf-16' if self.head.startswith(_UTF16) else code_page(self.head)

    @functools.cached_property
    def text(self) -> str:
        """The text that it begins with."""
        return self.head.decode(self.encoding, 'replace')

    @functools.cached_property
    def lines(self) -> list[str]:
        """The lines that it begins with."""
        return self.text.splitlines()
