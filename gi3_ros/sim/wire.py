# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What can go wrong between the controller's decisions and the bus, on demand.

:class:`Wire` takes the frames that the simulator wants to send and returns those that really go
out, with the disturbances that are in force: frames missing, late, twice, too short, too long,
with wrong bits, of a later version, or nothing at all. It never touches the session.
"""

import dataclasses
import heapq
import itertools
import math
import random

from ..core.interface.frame import Frame
from ..core.interface.layout import Message, Signal
from ..core.interface.signals import MESSAGES

LONGEST_DATA = 8
"""Bytes of a classic CAN frame."""
NEWER_VERSIONS = ('3.3', '3.4', '3.5', '3.6')
_NEWER_PERIOD_S = 1.0
# Lengths in the later versions, and what these add.
_NEWER_LENGTHS = {'EV_Information_Battery': 6, 'EV_Information_Voltages': 6}
_NEWER_FRAMES: dict[str, tuple[tuple[int, int], ...]] = {
    '3.3': ((0x6B104, 6), (0x6B105, 6), (0x6B202, 8)),
    '3.4': ((0x6B203, 8), (0x6B204, 8)),
    '3.5': (), '3.6': (),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Disturbance:
    """One thing that is wrong, with one message of the controller or with all of them."""

    kind: str
    """'mute', 'jitter', 'duplicate', 'shorten', 'lengthen', 'reserved', 'set', 'newer' or
    'bus_off'."""
    message: str = ''
    """The vendor's name; empty: every message."""
    amount: float = 0.0
    """Seconds of jitter; copies, bytes; the raw number that ``signal`` gets."""
    signal: str = ''
    """The vendor's name, for 'set'."""
    version: str = ''
    """For 'newer'."""
    until_s: float = math.inf

    def __str__(self) -> str:
        is_of_one_message = self.kind not in ('newer', 'bus_off')
        words = (
            self.kind, self.version, self.message or ('all' if is_of_one_message else ''),
            self.signal, f'{self.amount:g}' if self.signal or self.amount else '')
        return ' '.join(word for word in words if word)

    def hits(self, name: str) -> bool:
        """Whether a message is concerned."""
        return self.message in ('', name)


@dataclasses.dataclass(slots=True)
class Effect:
    """What became of a disturbance."""

    disturbance: Disturbance
    frames: int = 0
    """That it has met."""


class Wire:
    """
    The way of the simulator's frames to the bus.

    :param index: of the pistol
    :param rng: for the jitter
    """

    def __init__(self, index: int, rng: random.Random) -> None:
        self._index = index
        self._rng = rng
        self._disturbances: list[Disturbance] = []
        self.effects: list[Effect] = []
        """An :class:`Effect` for each disturbance there was, in order."""
        self._late: list[tuple[float, int, Frame]] = []
        self._count = itertools.count()
        self._due_s: dict[str, float] = {}
        self._extra: list[Frame] = []
        self._newer_at_s = -math.inf

    @property
    def is_bus_off(self) -> bool:
        """Whether nothing goes either way."""
        return any(each.kind == 'bus_off' for each in self._disturbances)

    @property
    def disturbances(self) -> tuple[Disturbance, ...]:
        """What is wrong now."""
        return tuple(self._disturbances)

    def disturb(self, disturbance: Disturbance) -> None:
        """Let something be wrong until its time or :meth:`heal`."""
        self._disturbances.append(disturbance)
        self.effects.append(Effect(disturbance))

    def heal(self, message: str = '') -> None:
        """End what is wrong with a message, or everything."""
        self._disturbances = [
            each for each in self._disturbances if message and each.message != message]

    def inject(self, frame: Frame) -> None:
        """Send a frame of somebody's own, as it is."""
        self._extra.append(frame)

    def send(
        self, frames: list[Frame], *, now_s: float, is_alive: bool = True,
    ) -> list[Frame]:
        """
        Return the frames that go out now, given those that should.

        :param is_alive: whether there is somebody who sends; otherwise late frames are lost
        """
        self._disturbances = [each for each in self._disturbances if each.until_s > now_s]
        if not (self._disturbances or self._late or self._extra):
            return frames
        for frame in frames:
            self._take(frame, now_s)
        for frame in self._newer(now_s) if is_alive else ():
            self._queue(frame, now_s)
        if not is_alive:
            self._late.clear()
        extra, self._extra = self._extra, []
        out: list[Frame] = []
        while self._late and self._late[0][0] <= now_s:
            out.append(heapq.heappop(self._late)[2])
        return [] if self.is_bus_off else out + extra

    def _take(self, frame: Frame, now_s: float) -> None:
        message = MESSAGES[frame.can_id & 0xFFFFFF]
        name = message.NAME
        due_s, copies = now_s, 1
        for each in self._disturbances:
            if not each.hits(name):
                continue
            self._count_frame(each)
            if each.kind == 'mute':
                return
            if each.kind == 'jitter':
                due_s += self._rng.uniform(0.0, each.amount)
            elif each.kind == 'duplicate':
                copies += round(each.amount)
            else:
                frame = dataclasses.replace(frame, data=_changed(frame.data, each, message))
        # Late frames stay in their order, as on a bus.
        due_s = self._due_s[name] = max(due_s, self._due_s.get(name, -math.inf))
        for _ in range(copies):
            self._queue(frame, due_s)

    def _count_frame(self, disturbance: Disturbance) -> None:
        # The same thing done twice is two disturbances that are equal: the later one is in force.
        for effect in reversed(self.effects):
            if effect.disturbance is disturbance:
                effect.frames += 1
                return

    def _queue(self, frame: Frame, due_s: float) -> None:
        heapq.heappush(self._late, (due_s, next(self._count), frame))

    def _newer(self, now_s: float) -> list[Frame]:
        """Return what a later version of the interface sends besides, once a second."""
        newest = max(
            (each.version for each in self._disturbances if each.kind == 'newer'), default='')
        if not newest or now_s < self._newer_at_s + _NEWER_PERIOD_S:
            return []
        self._newer_at_s = now_s
        return [
            Frame(base_id | self._index << 24, bytes(range(1, length + 1)))
            for version, added in _NEWER_FRAMES.items() if version <= newest
            for base_id, length in added
        ]


def _changed(data: bytes, disturbance: Disturbance, message: type[Message]) -> bytes:
    kind, amount = disturbance.kind, disturbance.amount
    if kind == 'shorten':
        return data[:max(0, len(data) - round(amount))]
    if kind == 'lengthen':
        return data + bytes(range(1, min(round(amount), LONGEST_DATA - len(data)) + 1))
    if kind == 'newer':
        length = max(len(data), _NEWER_LENGTHS.get(message.NAME, 0))
        return data + bytes(range(1, length - len(data) + 1))
    bits = int.from_bytes(data, 'little')
    if kind == 'reserved':
        owned = sum((1 << signal.length) - 1 << signal.start for signal in message.SIGNALS)
        bits |= (1 << 8 * message.LENGTH) - 1 & ~owned
    elif kind == 'set':
        signal = signal_of(message, disturbance.signal)
        mask = (1 << signal.length) - 1
        bits = bits & ~(mask << signal.start) | (round(amount) & mask) << signal.start
    return bits.to_bytes(max(len(data), message.LENGTH), 'little')[:len(data)]


def message_named(name: str) -> type[Message]:
    """
    Return the class of a message of the controller by the vendor's name.

    :raises ValueError: with the names that there are
    """
    names = {each.NAME: each for each in MESSAGES.values() if each.FROM_CONTROLLER}
    if name not in names:
        raise ValueError(f'{name!r} is no message of the controller; there are {", ".join(names)}')
    return names[name]


def signal_of(message: type[Message], name: str) -> Signal:
    """
    Return a signal of a message by the vendor's name.

    :raises ValueError: with the names that there are
    """
    for signal in message.SIGNALS:
        if signal.name == name:
            return signal
    names = ', '.join(signal.name for signal in message.SIGNALS)
    raise ValueError(f'{name!r} is no signal of {message.NAME}; there are {names}')
