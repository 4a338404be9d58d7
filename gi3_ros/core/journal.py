# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What happened, in sentences, without a flood of them."""

import collections
import dataclasses
import math

REPEAT_AFTER_S = 5.0
KEEP = 256
MOST_INFOS = 20
"""In a second: far more than a session has; a flood of commands may change a phase at each."""
FRESH_FINDING_S = 60.0
"""For so long a finding keeps the diagnostics at WARN."""


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One sentence about what happened."""

    time_s: float
    level: str
    """'info', 'warning' or 'error'"""
    text: str


class Journal:
    """
    Collects entries; the same thing said again soon is counted instead of repeated.

    A peer that sends nonsense 5,000 times a second gets a line every few seconds, with a count.
    """

    def __init__(self) -> None:
        self._entries: collections.deque[Entry] = collections.deque(maxlen=KEEP)
        self._found_s = self._infos_since_s = -math.inf
        self._infos = 0
        self._last_said_s: dict[str, float] = {}
        self._suppressed: collections.Counter[str] = collections.Counter()
        self.counts: collections.Counter[str] = collections.Counter()
        """How often each key was said, said aloud or not."""

    def info(self, text: str, *, now_s: float) -> None:
        """Note something that belongs to a normal session; all but :data:`MOST_INFOS` a second."""
        if now_s - self._infos_since_s >= 1.0:
            self._infos_since_s, self._infos = now_s, 0
        self._infos += 1
        if self._infos > MOST_INFOS:
            self.finding('too many changes', f'{text}; this and more in one second', now_s=now_s)
            return
        self._entries.append(Entry(now_s, 'info', text))

    def error(self, text: str, *, now_s: float) -> None:
        """Note a fault; never suppressed."""
        self._entries.append(Entry(now_s, 'error', text))

    def finding(self, key: str, text: str, *, now_s: float) -> None:
        """
        Note a peer's misbehaviour.

        :param key: short name of the kind of misbehaviour; repeats of it are counted
        """
        self.counts[key] += 1
        self._found_s = now_s
        last_s = self._last_said_s.get(key)
        if last_s is not None and now_s - last_s < REPEAT_AFTER_S:
            self._suppressed[key] += 1
            return
        self._last_said_s[key] = now_s
        unsaid = self._suppressed.pop(key, 0)
        more = f' (and {unsaid} more of this kind before it)' if unsaid else ''
        self._entries.append(Entry(now_s, 'warning', text + more))

    def has_fresh_finding(self, *, now_s: float) -> bool:
        """Return whether there was a finding within the last minute."""
        return now_s - self._found_s < FRESH_FINDING_S

    def drain(self) -> list[Entry]:
        """Return the new entries, oldest first, and forget them."""
        entries = list(self._entries)
        self._entries.clear()
        return entries
