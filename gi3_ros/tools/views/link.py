# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What goes between a command and its live view, and the socket that it goes through.

The view asks for a picture when it can show one, so there is never more than one on its way.
"""

import collections
import dataclasses
import pickle
import socket
import struct

_HEADER = struct.Struct('!I')
_READ_SIZE = 65536


@dataclasses.dataclass(frozen=True)
class Ready:
    """From the view: it can show a picture now."""


@dataclasses.dataclass(frozen=True)
class Press:
    """From the view: a key that acts on a pistol."""

    key: str
    index: int


@dataclasses.dataclass(frozen=True)
class Typed:
    """From the view: a typed action for a pistol; an :class:`Answer` is expected."""

    line: str
    index: int


@dataclasses.dataclass(frozen=True)
class Leave:
    """From the view: whoever looks on wants the command to end."""


@dataclasses.dataclass(frozen=True)
class Answer:
    """To the view: what became of a key or a typed action."""

    words: str
    """Why it was not done; empty when it was."""


@dataclasses.dataclass(frozen=True)
class Show:
    """To the view: what there is to see, as the plain data that this view knows."""

    picture: object


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A line below the last picture."""

    words: str
    is_good: bool


@dataclasses.dataclass(frozen=True)
class End:
    """To the view: all is over; the last picture and the verdicts stay in the terminal."""

    picture: object
    verdicts: tuple[Verdict, ...] = ()


Message = Ready | Press | Typed | Leave | Answer | Show | End


class Link:
    """
    One end of the connection between a command and its view; it never waits.

    Both are processes of this package on one machine, started by each other: nobody else can
    write into the socket, which is what pickled data needs.
    """

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._read = bytearray()
        self._unsent: collections.deque[memoryview] = collections.deque()
        self.is_open = True
        """Whether the other end is still there, as far as it is known."""

    def fileno(self) -> int:
        """Return the descriptor of the socket."""
        return self._socket.fileno()

    def send(self, message: Message) -> None:
        """Send a message; what the socket does not take now goes with the next one."""
        data = pickle.dumps(message)
        self._unsent.append(memoryview(_HEADER.pack(len(data)) + data))
        self.flush()

    def flush(self) -> bool:
        """Send what could not be sent before; return whether nothing is left."""
        while self._unsent and self.is_open:
            try:
                taken = self._socket.send(self._unsent[0])
            except (BlockingIOError, InterruptedError):
                return False
            except OSError:
                self.is_open = False
                break
            rest = self._unsent[0][taken:]
            if rest:
                self._unsent[0] = rest
            else:
                self._unsent.popleft()
        return True

    def receive(self) -> list[Message]:
        """Return the messages that have come."""
        while self.is_open:
            try:
                data = self._socket.recv(_READ_SIZE)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                data = b''
            if not data:
                self.is_open = False
            self._read += data
        return self._complete()

    def close(self) -> None:
        """Close this end; the other one sees it."""
        self.is_open = False
        self._socket.close()

    def _complete(self) -> list[Message]:
        messages: list[Message] = []
        while len(self._read) >= _HEADER.size:
            end = _HEADER.size + _HEADER.unpack_from(self._read)[0]
            if len(self._read) < end:
                break
            messages.append(pickle.loads(self._read[_HEADER.size:end]))
            del self._read[:end]
        return messages
