# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""``gi3 audit``: who broke which rule in a log."""

import collections
import pathlib
import sys
from typing import NamedTuple

import click

from ..core.rules.tolerances import Tolerances
from ..logs.audit import Audit, Verdict
from ..logs.decoding import decoded_batches
from ..logs.entries import Gap, LogError, Note
from ..logs.log import Log
from ..logs.times import Length, Zone
from .documents import of_log, print_document
from .given import given_log, named
from .options import log_options, tolerance_option, with_entries, zone_of, zone_options

FOUND, UNREADABLE = 1, 2
AT_MOST = 20
"""Findings of one rule that are printed, unless all are wanted."""
OBSERVATIONS = 1000
"""That stand in a JSON document."""


@click.command(short_help='Say who broke which rule in a log.')
@click.argument('file', type=click.Path(path_type=pathlib.Path))
@log_options
@tolerance_option
@zone_options
@click.option('--all', 'is_complete', is_flag=True, help=f'Print more than {AT_MOST} of one rule.')
@click.option('--json', 'is_json', is_flag=True, help='Print one JSON document, with all of them.')
def audit(
    file: pathlib.Path, channel: str | None, pistols: tuple[tuple[str, int], ...],
    blf_start: str | None, tolerances: tuple[tuple[str, str], ...], zone_name: str | None,
    is_utc: bool, is_complete: bool, is_json: bool,
) -> None:
    """
    Hold a log against the rules of the interface, for both ends.

    FILE is a CAN log of any kind or a bag; - is standard input. Each breach is named once while it
    lasts: when, which pistol, the rule (docs/reference/rules.md), who broke it, in words.

    What is odd and no rule forbids is an observation: it is told, and is no finding.

    Exit status: 0 no findings, 1 findings, 2 no findings, but FILE is not readable, damaged, or
    has nothing to judge in it.
    """
    try:
        zone = zone_of(zone_name, is_utc)
        out: _Json | _Lines = (
            _Json(file, zone) if is_json else _Lines(file, zone, is_complete))
        judge = Audit(with_entries(Tolerances(), tolerances))
        with given_log(
                file, channel=channel, pistols=dict(pistols), blf_start=blf_start) as log:
            out.begin(log)
            notes: list[Note] = []
            frames, length = 0, Length()
            for batch in decoded_batches(log, notes):
                for entry, decoded in batch:
                    if isinstance(entry, Gap):
                        judge.skip(entry.time_ns, entry.words)
                    if decoded is None:
                        continue
                    frames += 1
                    for verdict in judge.take(entry.time_ns, decoded):
                        out.add(verdict, judge.first_ns)
                    length.take(entry.time_ns)
        for verdict in judge.conclude():
            out.add(verdict, judge.first_ns)
    except (LogError, ValueError) as error:
        click.echo(f'gi3 audit: {error}', err=True)
        sys.exit(UNREADABLE)
    out.end(log, judge, _Extent(frames, length.seconds), [
        _Note(judge.seconds(note.time_ns), note.words) for note in notes])
    if out.count:
        sys.exit(FOUND)
    sys.exit(0 if judge.indices and not log.is_damaged else UNREADABLE)


class _Note(NamedTuple):
    """What was put right in the log."""

    time_s: float
    words: str


class _Extent(NamedTuple):
    """How much of a log there was."""

    frames: int
    seconds: float


class _Lines:
    """Findings as lines, for people and grep."""

    def __init__(self, file: pathlib.Path, zone: Zone, is_complete: bool) -> None:
        self.count = 0
        self._file = file
        self._zone = zone
        self._is_complete = is_complete
        self._of_rule: collections.Counter[tuple[int, str, str]] = collections.Counter()
        self._of_end: collections.Counter[str] = collections.Counter()
        self._observations = 0

    def begin(self, log: Log) -> None:
        self._log = log

    def add(self, verdict: Verdict, first_ns: int | None) -> None:
        finding = verdict.finding
        kind = ''
        if finding.is_observation:
            self._observations += 1
            kind = 'observation: '
        else:
            self.count += 1
            self._of_end[finding.who] += 1
        key = verdict.index, f'{kind}{finding.rule}', finding.who
        self._of_rule[key] += 1
        if self._of_rule[key] > AT_MOST and not self._is_complete:
            return
        click.echo(
            f'{self._when(finding.time_s, first_ns)}  pistol {verdict.index}  {finding.rule:4} '
            f'{finding.who:10}  {kind}{finding.text}')

    def _when(self, time_s: float, first_ns: int | None) -> str:
        when = f'{time_s:11.3f} s'
        if not self._log.has_dates or first_ns is None:
            return when
        return f'{self._zone.text(first_ns + round(time_s * 1e9))}  {when}'

    def end(self, log: Log, judge: Audit, extent: _Extent, notes: list[_Note]) -> None:
        for (index, rule, who), count in self._of_rule.items():
            if count > AT_MOST and not self._is_complete:
                click.echo(f'{count - AT_MOST} more of {rule} by the {who} of pistol {index}; '
                           '--all shows them')
        for time_s, words in judge.breaks[:AT_MOST]:
            click.echo(f'{self._when(time_s, judge.first_ns)}  {words}', err=True)
        if len(judge.breaks) > AT_MOST:
            click.echo(f'{len(judge.breaks) - AT_MOST} more such breaks', err=True)
        for note in notes:
            click.echo(f'gi3 audit: {named(self._file)}: {note.words}', err=True)
        for problem in log.problems:
            click.echo(f'gi3 audit: {named(self._file)}: {problem}', err=True)
        if not judge.indices:
            click.echo(
                f'gi3 audit: {named(self._file)}: no frame of the interface among '
                f'{extent.frames}: nothing to judge; gi3 identify says what speaks there',
                err=True)
            return
        ends = ', '.join(f'{count} by the {who}' for who, count in sorted(self._of_end.items()))
        pistols = ', '.join(str(index) for index in judge.indices)
        plural = '' if self.count == 1 else 's'
        seen = ''
        if self._observations:
            seen = f', {self._observations} observation{"s" * (self._observations > 1)}'
        click.echo(
            f'{self.count or "no"} finding{plural}{": " if ends else ""}{ends}{seen} '
            f'in {extent.frames} frames, {extent.seconds:.1f} s, pistol {pistols}')


class _Json:
    """One document, printed when it is complete: half of one is of no use to a program."""

    def __init__(self, file: pathlib.Path, zone: Zone) -> None:
        self._file = file
        self._zone = zone
        self._records: list[dict[str, object]] = []
        self._observations: list[dict[str, object]] = []

    @property
    def count(self) -> int:
        return len(self._records)

    def begin(self, log: Log) -> None:
        self._log = log

    def add(self, verdict: Verdict, first_ns: int | None) -> None:
        finding = verdict.finding
        record: dict[str, object] = {
            'time_s': round(finding.time_s, 6),
            'time': self._zone.text(first_ns + round(finding.time_s * 1e9))
            if self._log.has_dates and first_ns is not None else None,
            'pistol': verdict.index, 'rule': finding.rule, 'who': finding.who,
            'text': finding.text, 'values': finding.values,
        }
        if not finding.is_observation:
            self._records.append(record)
        elif len(self._observations) < OBSERVATIONS:
            self._observations.append(record)

    def end(self, log: Log, judge: Audit, extent: _Extent, notes: list[_Note]) -> None:
        print_document(
            'audit', **of_log(log, self._file), frames=extent.frames,
            seconds=round(extent.seconds, 6),
            pistols=judge.indices, findings=self._records, observations=self._observations,
            breaks=[{'time_s': time_s, 'text': words} for time_s, words in judge.breaks],
            notes=[{'time_s': round(note.time_s, 6), 'text': note.words} for note in notes])
