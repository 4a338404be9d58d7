# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
How many messages of a controller go on to the nodes: in a flood the newest of each counts.

A full bus carries 4,000 frames a second. Whoever decides upon each of them is late for all of
them; whoever leaves them to a queue decides upon old ones, or loses the one Emergency_Stop.
"""

import dataclasses
import math

from .interface.codec import Received
from .interface.layout import Message
from .interface.signals import (
    ChargeSessionFinished,
    ChargeStatusChange,
    DcPowerControl,
    EmergencyStop,
)

BURST = 10
"""So many pass at once, after a stall of an adapter, say: as many as the topics keep."""
DISTANCE_S = 0.04
"""Then one passes in this time: twice as often as the interface repeats anything (R1, R38)."""
DISTANCES_S: dict[type[Message], float] = {DcPowerControl: 0.01}
"""A9: commands may come every 10 ms."""
EDGES: tuple[type[Message], ...] = (EmergencyStop, ChargeSessionFinished, ChargeStatusChange)
"""Each content of these counts, not only the newest: they may be sent once."""


@dataclasses.dataclass(frozen=True, slots=True)
class Arrived:
    """A message, and when it arrived, by whatever clock."""

    received: Received
    arrival: float


class _Gate:
    """For one message of one pistol."""

    def __init__(self, distance_s: float) -> None:
        self.due_s = math.inf
        """When what is held may pass."""
        self._distance_s = distance_s
        self._paid_until_s = -math.inf
        self._held: dict[object, Arrived] = {}

    def hold(self, key: object, arrived: Arrived) -> bool:
        """Hold the newest of a key, in order of arrival; return whether an older one is lost."""
        is_superseding = self._held.pop(key, None) is not None
        self._held[key] = arrived
        self.due_s = self._paid_until_s - (BURST - 1) * self._distance_s
        return is_superseding

    def let_pass(self, now_s: float) -> list[Arrived]:
        """Return what is held, oldest first."""
        passing = [*self._held.values()]
        self._held.clear()
        self._paid_until_s = max(
            self._paid_until_s, now_s) + len(passing) * self._distance_s
        self.due_s = math.inf
        return passing


class RateLimit:
    """
    Lets messages of controllers pass at a pace that the nodes can keep up with.

    What comes no faster than the interface permits passes at once, every single one. ``now_s`` is
    seconds on one monotonic clock.
    """

    def __init__(self) -> None:
        self.superseded = 0
        """How many did not pass, as a newer one came in their place."""
        self.limited_s = -math.inf
        """When the last of them did not."""
        self.due_s = math.inf
        """When :meth:`due` has something; infinite while nothing is held."""
        self._gates: dict[tuple[int, type[Message]], _Gate] = {}

    def take(self, received: Received, arrival: float, *, now_s: float) -> list[Arrived]:
        """Take a message; return those of its kind that pass now, oldest first."""
        message_class = type(received.message)
        gate = self._gates.get((received.index, message_class))
        if gate is None:
            gate = self._gates[received.index, message_class] = _Gate(
                DISTANCES_S.get(message_class, DISTANCE_S))
        # One with an undefined label must not displace a good one (1.4).
        key: object = bool(received.undefined)
        if message_class in EDGES and not received.undefined:
            key = received.message
        if gate.hold(key, Arrived(received, arrival)):
            self.superseded += 1
            self.limited_s = now_s
        if gate.due_s <= now_s:
            return gate.let_pass(now_s)
        self.due_s = min(self.due_s, gate.due_s)
        return []

    def due(self, *, now_s: float) -> list[Arrived]:
        """Return what was held and passes now, oldest first."""
        if now_s < self.due_s:
            return []
        passing = [
            arrived for gate in self._gates.values() if gate.due_s <= now_s
            for arrived in gate.let_pass(now_s)]
        self.due_s = min(gate.due_s for gate in self._gates.values())
        return sorted(passing, key=lambda arrived: arrived.arrival)
