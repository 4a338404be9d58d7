# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""All pistols of a log, judged by the rules; a stream in, findings out."""

from collections.abc import Iterable, Iterator
import dataclasses
import typing

from ..core.interface import codec
from ..core.rules.findings import Finding
from ..core.rules.judge import Judge, TICK_S
from ..core.rules.tolerances import Tolerances
from .decoding import decoded_batches
from .entries import Entry, Gap, UNREADABLE

BREAK_S = 10.0
"""After so long without a single frame the log was interrupted, not the bus: the rules begin
anew .."""
SESSION_BREAK_S = 0.5
""".. and much sooner in a session: there both ends send every 100 ms."""
BACK_S = 0.2
"""A clock that is set back further than this makes a new beginning, too."""


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """A finding, and whose."""

    index: int
    """Pistol index."""
    finding: Finding
    """Its time is in seconds since the first frame of the log."""


class Break(typing.NamedTuple):
    """Where the log was interrupted; the rules began anew there."""

    time_s: float
    words: str


class Audit:
    """
    Judge the frames of a log, in its order.

    Memory does not grow with the length of the log.
    """

    def __init__(self, tolerances: Tolerances | None = None) -> None:
        self.first_ns: int | None = None
        """Time of the first frame: what the times of findings count from."""
        self.breaks: list[Break] = []
        """The first ones."""
        self._tolerances = tolerances
        self._pistols: dict[int, Judge] = {}
        self._last_s = 0.0
        self._due_s = 0.0

    @property
    def indices(self) -> list[int]:
        """Pistol indices that were heard, in order."""
        return sorted(self._pistols)

    def seconds(self, time_ns: int) -> float:
        """Return a time of the log in the seconds of the findings."""
        return 0.0 if self.first_ns is None else (time_ns - self.first_ns) / 1e9

    def take(
        self, time_ns: int, decoded: codec.Received | codec.Rejected,
    ) -> list[Verdict]:
        """Take the next frame; return what is found."""
        if self.first_ns is None:
            self.first_ns = time_ns
        now_s = (time_ns - self.first_ns) / 1e9
        silent_s, self._last_s = now_s - self._last_s, now_s
        if silent_s < -BACK_S or (silent_s > SESSION_BREAK_S and (
                silent_s > BREAK_S
                or any(rules.is_in_session for rules in self._pistols.values()))):
            self._begin_anew(
                f'no frame at all for {silent_s:.1f} s' if silent_s > 0
                else f'the clock goes back by {-silent_s:.1f} s', now_s)
        verdicts = []
        if now_s >= self._due_s:
            self._due_s = now_s + TICK_S
            for each, rules in self._pistols.items():
                for finding in rules.tick(now_s=now_s):
                    verdicts.append(Verdict(each, finding))
        index = decoded.index
        if not index:
            return verdicts
        if index not in self._pistols:
            self._pistols[index] = Judge(self._tolerances)
        rules = self._pistols[index]
        findings = (
            rules.receive(decoded, now_s=now_s) if isinstance(decoded, codec.Received) else
            rules.reject(decoded, now_s=now_s))
        for finding in findings:
            verdicts.append(Verdict(index, finding))
        return verdicts

    def conclude(self) -> list[Verdict]:
        """Return what is found when the log has ended."""
        return [Verdict(index, finding) for index, rules in self._pistols.items()
                for finding in rules.conclude()]

    def skip(self, time_ns: int, words: str = UNREADABLE) -> None:
        """
        Take it that something of the log is missing before this time: nobody is blamed.

        :param words: why, for ``breaks``; empty where another one beside it says it
        """
        if self.first_ns is not None:
            self._begin_anew(words, self.seconds(time_ns))
            # The stamp may be one that cannot be.
            self._due_s = min(self._due_s, self._last_s)

    def _begin_anew(self, words: str, now_s: float) -> None:
        if words and len(self.breaks) < _BREAKS:
            self.breaks.append(Break(now_s, f'{words}: the rules begin anew'))
        self._due_s = now_s
        self._pistols = {index: Judge(self._tolerances) for index in self._pistols}


_BREAKS = 1000


def audit(
    log: Iterable[Entry | Gap], tolerances: Tolerances | None = None,
) -> Iterator[Verdict]:
    """Yield what is found in a whole log, as it comes."""
    judge = Audit(tolerances)
    for batch in decoded_batches(log):
        for entry, decoded in batch:
            if decoded is not None:
                yield from judge.take(entry.time_ns, decoded)
            elif isinstance(entry, Gap):
                judge.skip(entry.time_ns, entry.words)
    yield from judge.conclude()
