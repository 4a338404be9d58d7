# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What the controller commanded and was not followed.

One bad command changes nothing; a controller that insists on it means it. A stop that is not well
formed is another matter: it counts unless a good command follows, so that no stop is lost.
"""

import math

from ..deadlines import ROUNDING_S
from ..interface.signals import DcPowerControl

INSISTING_FRAMES = 3
INSISTING_S = 0.5
"""A controller that sends this many refused commands over this time, and no good one between,
means it."""
FORGIVEN_S = 5.0
"""While no power is on, a refused command this long ago counts no more: in a wait of hours odd
frames may add up."""
DOUBT_S = 0.3
"""After this time a stop that is not well formed is obeyed."""


class Refusals:
    """The refused commands since the last good one."""

    def __init__(self) -> None:
        self.words = ''
        """Why the last command is not followed; empty after a good one."""
        self._count = 0
        self._since_s = self._last_s = -math.inf
        """Of the first and the last that counts."""
        self._stop: DcPowerControl | None = None
        self._stop_s = -math.inf

    def forget(self) -> None:
        """Take note of a good command."""
        self.words = ''
        self._count = 0
        self._stop = None

    def refuse(self, words: str, *, forgives: bool, now_s: float) -> bool:
        """
        Take note of a refused command.

        :param forgives: whether those of long ago count no more
        :returns: whether the controller insists
        """
        self.words = words
        if not self._count or (forgives and now_s - self._last_s >= FORGIVEN_S):
            self._count, self._since_s = 0, now_s
        self._count += 1
        self._last_s = now_s
        return self._count >= INSISTING_FRAMES and now_s - self._since_s >= INSISTING_S

    def doubt(self, words: str, stop: DcPowerControl, *, now_s: float) -> None:
        """Take note of a stop that is not well formed, and of the plain one that it means."""
        self.words = words
        if self._stop is None:
            self._stop, self._stop_s = stop, now_s

    @property
    def stop_s(self) -> float:
        """When a stop that is in doubt is obeyed; infinite without one."""
        return math.inf if self._stop is None else self._stop_s + DOUBT_S + ROUNDING_S

    def take_stop(self, *, now_s: float) -> DcPowerControl | None:
        """Return the stop that has to be obeyed now, once, or ``None``."""
        if self._stop is None or now_s - self._stop_s < DOUBT_S:
            return None
        stop, self._stop = self._stop, None
        self.words = ''
        return stop
