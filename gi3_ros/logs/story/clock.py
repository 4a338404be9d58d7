# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The time of a story: seconds since the first entry, by a clock that never goes back."""

from collections.abc import Callable
import typing

BACK_S = 1.0
"""A stamp that is so much older than the one before: the clock of the log was set back .."""
AHEAD = 100
""".. unless it goes on as it did before the last entries, so many at most: these were ahead."""
_BACK_NS = BACK_S * 1e9


class Step(typing.NamedTuple):
    """Where the clock of the log was set back."""

    time_s: float
    by_s: float


class StoryClock:
    """
    Makes seconds of the stamps of a log.

    Where the clock of the log was set back, it goes on from where it was.

    :param on_step: called with every :class:`Step`
    """

    def __init__(self, on_step: Callable[[Step], None]) -> None:
        self.first_ns: int | None = None
        """Stamp of the first entry."""
        self._on_step = on_step
        self._at_ns = 0
        """Of the newest entry, since the first."""
        self._newest_ns = 0
        """The latest of all."""
        self._shift_ns = 0
        """What is added to the stamps."""
        self._before_ns = 0
        """Where the clock was before its last leap ahead .."""
        self._ahead = AHEAD
        """.. and how many entries ago that was."""

    @property
    def length_s(self) -> float:
        """From the first to the last entry."""
        return self._newest_ns / 1e9

    def since_first_s(self, time_ns: int) -> float:
        """Return the time of a stamp, the clock being as it is now."""
        return 0.0 if self.first_ns is None else (
            time_ns - self.first_ns + self._shift_ns) / 1e9

    def take(self, time_ns: int) -> float:
        """Take the stamp of the next entry; return its time."""
        if self.first_ns is None:
            self.first_ns = time_ns
        at_ns = time_ns - self.first_ns + self._shift_ns
        step_ns = at_ns - self._at_ns
        self._ahead += 1
        if step_ns > _BACK_NS:
            self._before_ns, self._ahead = self._at_ns, 0
        elif step_ns < -_BACK_NS and not self._was_ahead(at_ns):
            self._shift_ns -= step_ns
            at_ns = self._at_ns
            self._on_step(Step(at_ns / 1e9, -step_ns / 1e9))
        self._at_ns = at_ns
        if at_ns > self._newest_ns:
            self._newest_ns = at_ns
        return at_ns / 1e9

    def _was_ahead(self, at_ns: int) -> bool:
        """Return whether the last stamps were ahead, and this one goes on as before."""
        return self._ahead <= AHEAD and at_ns >= self._before_ns - _BACK_NS
