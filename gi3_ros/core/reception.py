# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What comes from the bus, sorted: messages for one of our pistols, and everything else.

A peer's misbehaviour is a finding: it is counted and named, and never stops reception.
"""

import collections
from collections.abc import Collection
import dataclasses
import math

from .interface.codec import decode, Received, Rejected, Rejection
from .interface.frame import Frame
from .journal import Journal

OWN_FRAMES = 64
"""How many of our own frames are remembered to know their echoes, on a bus that has echoes."""
MOST_NEWER_IDS = 64
"""Counted one by one; v3.6 has 6 that v3.2 has not, and a flood may have thousands."""


@dataclasses.dataclass(slots=True)
class Counters:
    """What went over the bus since configure."""

    received: int = 0
    sent: int = 0
    not_sent: int = 0
    bad: int = 0
    foreign: int = 0
    newer: int = 0
    """Of this interface's family, with a number that v3.2 does not have: ignored (1.4.3)."""
    bus_errors: int = 0
    superseded: int = 0
    """In a flood: not shown, as a newer one of the same message came in its place."""


class Echoes:
    """
    Remembers what was sent on a bus that echoes it.

    Frames are sent by several threads and received by another one.
    """

    def __init__(self) -> None:
        self._sent: collections.deque[tuple[int, bytes]] = collections.deque(maxlen=OWN_FRAMES)

    def expect(self, frame: Frame) -> None:
        """Take a frame before it is sent."""
        self._sent.append((frame.can_id, frame.data))

    def is_echo(self, frame: Frame) -> bool:
        """Tell whether this is one of ours; each is one only once."""
        try:
            self._sent.remove((frame.can_id, frame.data))
        except ValueError:
            return False
        return True


class Reception:
    """
    Sorts the frames of one bus.

    :param indices: of our pistols
    :param counters: what is counted here: everything but what is sent
    """

    def __init__(self, indices: Collection[int], journal: Journal, counters: Counters) -> None:
        self.echoes = Echoes()
        self.newer_ids: collections.Counter[str] = collections.Counter()
        """How often which identifier of a newer version came."""
        self.found_s = -math.inf
        """When something was wrong with a frame last."""
        self._indices = frozenset(indices)
        self._journal = journal
        self._counters = counters

    def take(self, frame: Frame, *, now_s: float) -> Received | Rejected | None:
        """
        Take a frame.

        :returns: a message of a controller to one of our pistols; one that is too short, for the
            rules only; or ``None``
        """
        self._counters.received += 1
        decoded = decode(frame)
        if isinstance(decoded, Rejected):
            return self._sort_out(frame, decoded, now_s)
        if decoded.index not in self._indices:
            self._counters.foreign += 1
            return None
        if not decoded.message.FROM_CONTROLLER:
            # Some buses echo what we send; anything else in this direction is somebody else's.
            if not self.echoes.is_echo(frame):
                self._find(
                    'second customer controller', f'{decoded.message.NAME} of this pistol was '
                    'sent by somebody else: two charger sides with one index?', now_s)
            return None
        self._look_at_bits(decoded, now_s)
        return decoded

    def take_error(self, words: str, *, now_s: float) -> None:
        """Take an error frame, in words where its controller says more."""
        self._counters.received += 1
        self._counters.bus_errors += 1
        self._journal.finding('error frame', f'the bus reports errors{words}', now_s=now_s)

    def _sort_out(self, frame: Frame, rejected: Rejected, now_s: float) -> Rejected | None:
        if rejected.kind is Rejection.FOREIGN:
            self._counters.foreign += 1
        elif rejected.kind is Rejection.UNKNOWN:
            self._counters.newer += 1
            self._count_newer(f'0x{frame.can_id & 0xFFFFFF:05X}')
        elif rejected.message_class is not None:
            self._find('short frame', rejected.text, now_s)
            if rejected.index in self._indices and rejected.message_class.FROM_CONTROLLER:
                return rejected
        return None

    def _count_newer(self, name: str) -> None:
        is_one_too_many = name not in self.newer_ids and len(self.newer_ids) >= MOST_NEWER_IDS
        self.newer_ids['others' if is_one_too_many else name] += 1

    def _look_at_bits(self, received: Received, now_s: float) -> None:
        if received.undefined:
            # It is shown as it is; whoever controls anything with it checks the label (1.4).
            self._find(
                'undefined label', f'{received.message.NAME}: {", ".join(received.undefined)} is '
                'not defined in v3.2', now_s)
        if received.unassigned_bits:
            self._find(
                'unassigned bits', f'{received.message.NAME}: bits {received.unassigned_bits:#x} '
                'are set but not assigned in v3.2', now_s)

    def _find(self, kind: str, text: str, now_s: float) -> None:
        self._counters.bad += 1
        self.found_s = now_s
        self._journal.finding(kind, text, now_s=now_s)
