# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How long a condition has held, and what was in force since a moment."""

from collections import deque
from collections.abc import Hashable
from typing import TypeVar

T = TypeVar('T')


def forget_before(since_s: float, moments: deque[tuple[float, T]]) -> None:
    """
    Leave what was in force at any time since then.

    :param moments: deque of ``(since when, value)``, in order
    """
    while len(moments) > 1 and moments[1][0] < since_s:
        moments.popleft()


class Lasting:
    """Tells for how long each of several conditions has held without a break."""

    def __init__(self) -> None:
        self._since_s: dict[Hashable, float] = {}

    def seconds(self, key: Hashable, holds: object, now_s: float) -> float:
        """Return for how many seconds this condition has held, 0 when it does not."""
        if not holds:
            if self._since_s:
                self._since_s.pop(key, None)
            return 0.0
        return now_s - self._since_s.setdefault(key, now_s)

    def forget(self) -> None:
        """Count all of them anew."""
        self._since_s.clear()
