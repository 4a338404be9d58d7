# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How far apart frames go out, whatever bunched up the words of their author on the way."""

import collections
import dataclasses
import math
from typing import Generic, TypeVar

from .deadlines import ROUNDING_S

T = TypeVar('T')

SPACING_S = 0.105
"""R4 asks for 100 ms between two DC_Power_Parameters; 5 ms for the way from here to the bus."""
MOST_WAITING = 8
"""More would wait for longer than a word may (:data:`~.outgoing.MAX_AGE_S`): the oldest go."""


@dataclasses.dataclass(frozen=True, slots=True)
class Waiting(Generic[T]):
    """What is to be sent, and since when it is true."""

    content: T
    true_at_s: float


class Spacing(Generic[T]):
    """
    Keeps the frames of one message at least :data:`SPACING_S` apart on the bus.

    Its author paces it, too, but by its own clock: a stall on the way brings two words here at
    once. ``now_s`` is seconds on one monotonic clock.

    :param keeps_edges: every change goes out, in order: a button that was pressed and released
        must not vanish (R39). Otherwise only the newest of those that wait does (R4).
    """

    def __init__(self, *, keeps_edges: bool = False) -> None:
        self._keeps_edges = keeps_edges
        self._waiting: collections.deque[Waiting[T]] = collections.deque(
            maxlen=MOST_WAITING)
        self._sent_s = -math.inf

    def __bool__(self) -> bool:
        """Whether something waits."""
        return bool(self._waiting)

    def offer(self, content: T, true_at_s: float) -> None:
        """Take what is to be sent, and since when it is true."""
        is_news = not self._waiting or content != self._waiting[-1].content
        if not (self._keeps_edges and is_news) and self._waiting:
            self._waiting.pop()
        self._waiting.append(Waiting(content, true_at_s))

    @property
    def due_s(self) -> float:
        """When the first of those that wait may go out; infinite when none waits."""
        return self._sent_s + SPACING_S + ROUNDING_S if self._waiting else math.inf

    def due(self, *, now_s: float) -> Waiting[T] | None:
        """Return what may go out now, or ``None``; it goes on to wait."""
        if not self._waiting or now_s - self._sent_s < SPACING_S:
            return None
        return self._waiting[0]

    def sent(self, *, now_s: float) -> None:
        """Take that it went out."""
        self._waiting.popleft()
        self._sent_s = now_s

    def drop(self) -> None:
        """Take that it will not go out."""
        self._waiting.popleft()

    def clear(self) -> None:
        """Forget what waits."""
        self._waiting.clear()
