# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What happened in a log: one pass over its entries, for the report to show.

Sessions, lanes (what held from when to when), series (lines), rates and gaps, findings. Memory is
bounded: a day takes no more than an hour. Times are in seconds since the first entry.
"""

import collections
from collections.abc import Callable, Iterable
import typing

from ...core.interface import codec
from ...core.rules.findings import Finding
from ..audit import Audit, Verdict
from ..decoding import Decoded, decoded_batches
from ..entries import Entry, Gap, Heard, Note, Sample
from .clock import Step, StoryClock
from .pistol import Pistol
from .rates import BusLoad
from .series import Window

BREAK_S = 10.0
"""After so long without any frame the log was interrupted, and with it every session."""
FINDINGS = 40
"""Of one rule, end and pistol that are kept; the others are counted."""
KEPT = 500
"""Breaks, and steps of the clock, that are kept."""

Windows = Callable[[int], Iterable[Window]]
"""Called with the time of the first entry in ns; returns times of which no sample is left out of
the lines."""


class Found(typing.NamedTuple):
    """A finding or an observation, and whose."""

    time_s: float
    pistol: int
    """Its index."""
    finding: Finding


class Rule(typing.NamedTuple):
    """What findings are counted by."""

    pistol: int
    """Its index."""
    rule: str
    who: str
    """The end that broke it."""


class Break(typing.NamedTuple):
    """A time without any frame."""

    begin_s: float
    end_s: float

    @property
    def length_s(self) -> float:
        """From its begin to its end."""
        return self.end_s - self.begin_s


class Story:
    """
    All of a log.

    :param judge: takes every frame and returns what it finds; ``None`` for a story without
        findings
    """

    def __init__(self, judge: Audit | None = None, windows: Windows | None = None) -> None:
        self.samples = 0
        self.pistols: dict[int, Pistol] = {}
        """By index."""
        self.loads: dict[str, BusLoad] = {}
        """By channel."""
        self.findings: list[Found] = []
        """In order."""
        self.counts: collections.Counter[Rule] = collections.Counter()
        """Breaches, also of those that are not kept."""
        self.observations: list[Found] = []
        """As ``findings``, of what is odd and nobody's breach; the first ones .."""
        self.observed: collections.Counter[Rule] = collections.Counter()
        """.. and how many there are, as ``counts``."""
        self.notes: list[Note] = []
        """``(time in ns, sentence)`` about stamps that were put right (:mod:`~..clocks`)."""
        self.breaks: list[Break] = []
        """The first ones."""
        self.steps: list[Step] = []
        """Where the clock of the log was set back; the first ones."""
        self.strays: collections.Counter[str] = collections.Counter()
        """Namespace -> messages of topics whose pistol is not known."""
        self._judge = judge
        self._windows = windows
        self._clock = StoryClock(self._step)
        self._heard_s: float | None = None
        self._channels: dict[int, set[str]] = {}

    @property
    def first_ns(self) -> int | None:
        """Stamp of the first entry."""
        return self._clock.first_ns

    @property
    def length_s(self) -> float:
        """From the first to the last entry."""
        return self._clock.length_s

    @property
    def frames(self) -> int:
        """How many were on the bus, whosever they are."""
        return sum(load.frames for load in self.loads.values())

    @property
    def interface_frames(self) -> int:
        """How many of them are Generic Interface v3."""
        return sum(pistol.frames for pistol in self.pistols.values())

    @property
    def finding_count(self) -> int:
        """Of all breaches, kept or not."""
        return sum(self.counts.values())

    @property
    def new_beginnings(self) -> int:
        """How often the rules began anew, because something is missing there or may be."""
        return len(getattr(self._judge, 'breaks', ()))

    @property
    def shared_indices(self) -> dict[int, list[str]]:
        """Index -> channels, of pistol indices that speak on several of them."""
        return {index: sorted(channels) for index, channels in self._channels.items()
                if len(channels) > 1}

    def take(self, batch: list[Decoded]) -> None:
        """Take the next entries of the log, as :func:`~..decoding.decoded_batches` gives them."""
        for entry, decoded in batch:
            if isinstance(entry, Heard) and decoded is not None:
                self._hear(entry, decoded)
            elif isinstance(entry, Sample):
                self._sample(entry)
        judge = self._judge
        if judge is None:
            return
        for entry, decoded in batch:
            if decoded is not None:
                for verdict in judge.take(entry.time_ns, decoded):
                    self._keep(judge, verdict)
            elif isinstance(entry, Gap):
                judge.skip(entry.time_ns, entry.words)

    def _step(self, step: Step) -> None:
        if len(self.steps) < KEPT:
            self.steps.append(step)
        for pistol in self.pistols.values():
            pistol.interrupt(step.time_s, 'the clock of the log was set back')

    def _sample(self, sample: Sample) -> None:
        self.samples += 1
        time_s = self._clock.take(sample.time_ns)
        if sample.index is None:
            self.strays[sample.namespace] += 1
        else:
            self._pistol(sample.index).sample(time_s, sample.topic, sample.message)

    def _pistol(self, index: int) -> Pistol:
        pistol = self.pistols.get(index)
        if pistol is None:
            first_ns = self._clock.first_ns
            windows = () if self._windows is None or first_ns is None else (
                self._windows(first_ns))
            pistol = self.pistols[index] = Pistol(index, windows)
            self._channels[index] = set()
        return pistol

    def _hear(self, heard: Heard, decoded: codec.Received | codec.Rejected) -> None:
        time_s = self._clock.take(heard.time_ns)
        if self._heard_s is not None and time_s - self._heard_s > BREAK_S:
            self._interrupt(time_s - self._heard_s, time_s)
        self._heard_s = time_s
        load = self.loads.get(heard.channel)
        if load is None:
            load = self.loads[heard.channel] = BusLoad()
        load.see(time_s, heard.frame)
        index = decoded.index
        if not index:
            return
        pistol = self.pistols.get(index) or self._pistol(index)
        self._channels[index].add(heard.channel)
        if isinstance(decoded, codec.Received):
            pistol.take(time_s, decoded)
        else:
            pistol.reject(time_s, decoded)

    def _keep(self, judge: Audit, verdict: Verdict) -> None:
        finding = verdict.finding
        key = Rule(verdict.index, finding.rule, finding.who)
        counts, kept = (self.observed, self.observations) if finding.is_observation else (
            self.counts, self.findings)
        counts[key] += 1
        if counts[key] <= FINDINGS:
            begin_s = 0.0 if judge.first_ns is None else self._clock.since_first_s(judge.first_ns)
            time_s = begin_s + finding.time_s
            kept.append(Found(time_s, verdict.index, finding))
            if verdict.index in self.pistols:
                self.pistols[verdict.index].focus.around(time_s)

    def _interrupt(self, silent_s: float, time_s: float) -> None:
        if len(self.breaks) < KEPT:
            self.breaks.append(Break(time_s - silent_s, time_s))
        for pistol in self.pistols.values():
            pistol.interrupt(time_s - silent_s)

    def conclude(self) -> None:
        """End what is still open, when there are no more entries."""
        if self._judge is not None:
            for verdict in self._judge.conclude():
                self._keep(self._judge, verdict)
        # Some wait for the end of their session.
        self.findings.sort(key=lambda each: each.time_s)
        if self._heard_s is not None:
            for pistol in self.pistols.values():
                pistol.conclude(self._heard_s)


def tell(
    log: Iterable[Entry | Gap], judge: Audit | None = None, *, windows: Windows | None = None,
) -> Story:
    """
    Return the :class:`Story` of a log.

    :param log: entries in order; read once
    """
    story = Story(judge, windows)
    for batch in decoded_batches(log, story.notes):
        story.take(batch)
    story.conclude()
    return story
