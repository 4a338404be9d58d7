# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""``gi3 identify``: which version of the interface speaks, at each end."""

from collections.abc import Iterator
import contextlib
import dataclasses
import sys
import time

import click

from ..core.interface.layout import CONTROLLER
from ..core.interface.versions import (
    End,
    Evidence,
    Identification,
    in_words,
    OLD_IDENTIFIERS,
    treatment,
    VERSIONS,
)
from ..logs.entries import Heard, LogError
from .documents import of_log, print_document
from .given import given_log, named

IDENTIFIED = 0
UNCLEAR = 1
UNREADABLE = 2


class _Unusable(Exception):
    """The bus cannot be used."""


@dataclasses.dataclass(frozen=True)
class _Source:
    """Where frames came from."""

    title: str
    document: dict[str, object]
    """As ``--json`` names it."""
    problems: list[str]
    start_s: float
    """Of the first frame."""
    is_damaged: bool = False


@click.command(
    short_help='Say which version of the interface speaks.',
    context_settings={'show_default': True})
@click.argument('file', required=False, type=click.Path())
@click.option('--interface', '-i', help='Listen on a bus: socketcan, udp_multicast, ...')
@click.option('--channel', '-c', default='', help='Its channel; of a file with several: which.')
@click.option(
    '--port', default=0, type=click.IntRange(0, 65535),
    help='UDP port, udp_multicast only. 0: the default of python-can.')
@click.option(
    '--bitrate', default=0, type=click.IntRange(min=0),
    help='Bit/s for adapters that set it themselves. 0: leave it as it is.')
@click.option(
    '--seconds', default=10.0, type=click.FloatRange(min=0, min_open=True, max=86400),
    help='How long to listen on a bus; Ctrl-C ends it earlier.')
@click.option('--json', 'is_json', is_flag=True, help='Everything as one JSON object.')
def identify(
    file: str | None, interface: str | None, channel: str, port: int, bitrate: int,
    seconds: float, is_json: bool,
) -> None:
    """
    Say which version of the Generic Interface speaks, in FILE or on a bus, with the evidence.

    FILE is a log of CAN frames in any format that gi3 reads, or a bag of raw frames; - is
    standard input. On a bus it only listens. Controller and charger are told apart, as they may
    differ.

    \b
    Examples:
      gi3 identify night.log
      gi3 identify -i socketcan -c can0
      gi3 identify -i socketcan -c can0 --seconds 120    through the start of a session

    \b
    Exit status:
      0  every end that was heard fits a published version
      1  contradictions, frames of no published version, nothing of the interface, or a file of
         which something could not be read
      2  the file or the bus is unusable
    """  # noqa: D301 - click wants the backspace itself
    if (file is None) == (interface is None):
        raise click.UsageError('name either a file or, with --interface, a bus')
    heard = Identification()
    try:
        if file is not None:
            source = _read(file, channel or None, heard)
        else:
            source = _listen(
                heard, seconds, interface or '', channel, bitrate=bitrate, port=port)
    except (LogError, _Unusable) as error:
        click.echo(f'gi3 identify: {error}', err=True)
        sys.exit(UNREADABLE)
    if is_json:
        print_document('identify', **source.document, **_as_json(heard, source.start_s))
    else:
        for line in _lines(source, heard):
            click.echo(line)
    is_clear = heard.ends and all(end.is_clear for end in heard.ends)
    sys.exit(IDENTIFIED if is_clear and not source.is_damaged else UNCLEAR)


def _read(file: str, channel: str | None, heard: Identification) -> _Source:
    with given_log(file, channel=channel) as log:
        if 'typed topics' in log.kind:
            raise LogError(
                f'{file} has typed topics: they have the lengths of v3.2 whatever was on the bus; '
                f'record the raw frames')
        start_s = None
        for entry in log:
            if isinstance(entry, Heard):
                if start_s is None:
                    start_s = entry.time_s
                heard.hear(entry.frame, time_s=entry.time_s)
        return _Source(
            f'{named(file)}: {log.kind}', of_log(log, file), log.problems, start_s or 0.0,
            log.is_damaged)


def _listen(
    heard: Identification, seconds: float, interface: str, channel: str, *, bitrate: int,
    port: int,
) -> _Source:
    # Late: who reads a file need not wait for python-can.
    from ..bus import Bus, BusError
    problems: list[str] = []
    try:
        bus = Bus(interface, channel, bitrate=bitrate, port=port, on_event=problems.append)
    except BusError as error:
        raise _Unusable(str(error)) from None
    start_s = None
    with contextlib.closing(bus), contextlib.suppress(KeyboardInterrupt):
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0:
            received = bus.receive(min(left_s, 0.2))
            if received is not None:
                frame, time_s = received
                if start_s is None:
                    start_s = time_s
                heard.hear(frame, time_s=time_s)
    kind = f'{bus.name}: listened for up to {seconds:g} s'
    return _Source(
        kind, {'file': None, 'kind': kind, 'has_dates': True, 'problems': problems}, problems,
        start_s or 0.0)


def _lines(source: _Source, heard: Identification) -> Iterator[str]:
    start_s = source.start_s
    yield source.title
    for problem in source.problems:
        yield f'  {problem}'
    if not heard.ends:
        yield f'nothing of the Generic Interface{_foreign(heard)}'
        return
    for end in heard.ends:
        yield ''
        verdict = f'v{in_words(end.versions)}'
        if not end.is_clear:
            verdict = 'not clear, see below' if end.contradictions else f'{verdict}, with doubts'
        yield f'pistol {end.index} {end.who}: {verdict}'
        if not end.contradictions:
            yield f'  {treatment(end.versions)}'
        rows = [(each.text, f'excludes {in_words(each.excluded)}', each) for each in end.decisive]
        rows += [(each.text, 'no published version', each) for each in end.strange]
        width = max((len(text) for text, _proves, _evidence in rows), default=0)
        middle = max((len(proves) for _text, proves, _evidence in rows), default=0)
        for text, proves, evidence in rows:
            yield f'  {text:{width}}  {proves:{middle}}  {_when(evidence, start_s)}'
        for contradiction in end.contradictions:
            yield '  contradiction: two of different versions, or a private build'
            for each in (contradiction.earlier, contradiction.later):
                yield f'    {each.text} means {each.meaning}, {_when(each, start_s)}'
    remarks = list(_remarks(heard))
    if remarks:
        yield ''
        yield from remarks


def _when(evidence: Evidence, start_s: float) -> str:
    times = '' if evidence.count == 1 else f', {evidence.count} times'
    return f'first after {evidence.first_s - start_s:.3f} s{times}'


def _remarks(heard: Identification) -> Iterator[str]:
    by_pistol: dict[int, dict[str, End]] = {}
    for end in heard.ends:
        by_pistol.setdefault(end.index, {})[end.who] = end
        if end.index == 0:
            yield f'pistol 0 {end.who}: index 0 is the placeholder of the database files (A19)'
    for index, ends in by_pistol.items():
        if len(ends) < 2:
            silent = 'charger' if CONTROLLER in ends else 'controller'
            yield f'pistol {index}: nothing was heard of the {silent}'
        elif len({frozenset(end.versions) <= frozenset(OLD_IDENTIFIERS)
                  for end in ends.values()}) > 1:
            yield f'pistol {index}: the two ends do not understand each other: other identifiers'
    if heard.foreign:
        yield _foreign(heard)[2:]


def _foreign(heard: Identification) -> str:
    if not heard.foreign:
        return ''
    return f'; {heard.foreign} frame{"" if heard.foreign == 1 else "s"} of something else'


def _as_json(heard: Identification, start_s: float) -> dict[str, object]:
    return {
        'foreign_frames': heard.foreign,
        'remarks': list(_remarks(heard)),
        'ends': [{
            'pistol': end.index,
            'end': end.who,
            'versions': list(end.versions),
            'is_clear': end.is_clear,
            'treatment': treatment(end.versions),
            'evidence': [_evidence(each, start_s) for each in end.evidence],
            'contradictions': [
                [_evidence(contradiction.earlier, start_s),
                 _evidence(contradiction.later, start_s)]
                for contradiction in end.contradictions],
        } for end in heard.ends],
    }


def _evidence(evidence: Evidence, start_s: float) -> dict[str, object]:
    return {
        'text': evidence.text,
        'id': f'{evidence.frame.can_id:08X}',
        'data': evidence.frame.data.hex(),
        'first_after_s': round(evidence.first_s - start_s, 6),
        'count': evidence.count,
        'versions': [each for each in VERSIONS if each in evidence.versions],
        'excluded': list(evidence.excluded),
    }

