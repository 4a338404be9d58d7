# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""``gi3 report``: a log as a page to look at."""

import pathlib
import re
import sys

import click

from ..core.rules.tolerances import Tolerances
from ..logs.audit import Audit
from ..logs.entries import LogError
from ..logs.formats.packing import bare_name
from ..logs.log import Log
from ..logs.output import write_text
from ..logs.report.page import page
from ..logs.story.series import Window
from ..logs.story.session import Session
from ..logs.story.story import Story, tell, Windows
from ..logs.story.verdict import Verdict, verdict
from ..logs.times import Zone
from .documents import of_log, print_document, printable
from .given import given_log, named
from .options import log_options, tolerance_option, with_entries, zone_of, zone_options
from .version import version

DAMAGED, UNREADABLE = 1, 2


@click.command(short_help='Show what happened in a log, as a page.')
@click.argument('file', type=click.Path(path_type=pathlib.Path))
@click.option('-o', '--output', type=click.Path(path_type=pathlib.Path),
              help='The page, - for standard output; by default FILE with .html in place of its '
              'suffix.')
@log_options
@tolerance_option
@zone_options
@click.option('--detail', metavar='BEGIN/END',
              help='A time of which all samples are in the chart of a long log: '
              '03:10/03:20, 2026-03-04T03:10:00/2026-03-04T03:20:00, or seconds since the begin '
              'of the log.')
@click.option('--note', default='', help='A sentence for the head of the page.')
@click.option('--json', 'is_json', is_flag=True,
              help='Say what is on the page as one JSON document.')
def report(
    file: pathlib.Path, output: pathlib.Path | None, channel: str | None,
    pistols: tuple[tuple[str, int], ...], blf_start: str | None,
    tolerances: tuple[tuple[str, str], ...], zone_name: str | None, is_utc: bool,
    detail: str | None, note: str, is_json: bool,
) -> None:
    """
    Tell what happened in a log, and who broke which rule, on one page.

    FILE is a CAN log of any kind or a bag; - is standard input. The page loads nothing from
    anywhere: it can be sent by mail and opened without a network. A page from before is
    overwritten.

    Exit status: 0 the page is written, whatever is on it (gi3 audit tells findings by its exit
    status); 1 it is written, but not all of FILE could be read; 2 FILE not readable or the page
    not writable.
    """
    try:
        output = output or _page_of(file)
        if is_json and str(output) == '-':
            raise ValueError('--json and -o - both want standard output: choose one')
        if output.resolve() == file.resolve() and str(output) != '-':
            raise ValueError('the page would overwrite the log: choose another name with -o')
        zone = zone_of(zone_name, is_utc)
        with given_log(
                file, channel=channel, pistols=dict(pistols), blf_start=blf_start) as log:
            windows = None if detail is None else _windows(detail, zone, log)
            story = tell(log, Audit(with_entries(Tolerances(), tolerances)), windows=windows)
        text = printable(page(
            story, name=pathlib.Path(named(file)).name, kind=log.kind, problems=log.problems,
            has_dates=log.has_dates, version=version(), note=note, zone=zone,
            is_damaged=log.is_damaged))
        if str(output) == '-':
            click.echo(text, nl=False)
        else:
            write_text(output, text)
    except (LogError, ValueError) as error:
        click.echo(f'gi3 report: {error}', err=True)
        sys.exit(UNREADABLE)
    for _, words in story.notes:
        click.echo(f'gi3 report: {named(file)}: {words}', err=True)
    for problem in log.problems:
        click.echo(f'gi3 report: {named(file)}: {problem}', err=True)
    head = verdict(story, log.problems, log.is_damaged)
    status = DAMAGED if log.is_damaged else 0
    if is_json:
        print_document(
            'report', **of_log(log, file), **_as_json(story, head, output, zone, log.has_dates))
        sys.exit(status)
    for line in (f'{output}: {head.words}', *(f'  {each}' for each in head.missing)):
        click.echo(line, err=str(output) == '-')
    sys.exit(DAMAGED if log.is_damaged else 0)


def _as_json(
    story: Story, head: Verdict, output: pathlib.Path, zone: Zone, has_dates: bool,
) -> dict[str, object]:
    return {
        'output': str(output),
        'verdict': head.mood, 'words': head.words, 'missing': head.missing,
        'frames': story.frames, 'seconds': round(story.length_s, 6),
        'begin': zone.text(story.first_ns) if has_dates and story.first_ns is not None else None,
        'findings': story.finding_count,
        'observations': sum(story.observed.values()),
        'pistols': [{
            'pistol': index, 'more_sessions': story.pistols[index].more_sessions,
            'sessions': [_session(each) for each in story.pistols[index].sessions],
        } for index in sorted(story.pistols)],
    }


def _session(session: Session) -> dict[str, object]:
    return {
        'begin_s': round(session.begin_s, 3), 'duration_s': round(session.duration_s, 3),
        'is_whole': session.is_whole, 'outcome': session.outcome, 'cause': session.cause or None,
        'protocol': session.protocol,
        'charged_wh': round(session.charged_wh, 1) if session.has_energy else None,
        'discharged_wh': round(session.discharged_wh, 1) if session.has_energy else None,
        'soc_from_percent': session.soc_from, 'soc_to_percent': session.soc_to,
    }


def _windows(text: str, zone: Zone, log: Log) -> Windows:
    """
    Return what makes times of the story of ``--detail``.

    :raises ValueError: with words, when it is none
    """
    begin, sign, end = text.partition('/')
    if not sign:
        raise ValueError(f'--detail {text}: two times with / between them are expected')

    def seconds(word: str, first_ns: int) -> float:
        if _NUMBER.fullmatch(word):
            return float(word)
        if not log.has_dates:
            raise ValueError('this log has no dates: --detail takes seconds since its begin')
        return (zone.parse(word, first_ns) - first_ns) / 1e9

    def windows(first_ns: int) -> tuple[Window, ...]:
        window = Window(seconds(begin, first_ns), seconds(end, first_ns))
        if window.begin_s >= window.end_s:
            raise ValueError(f'--detail {text}: the end is not after the begin')
        return (window,)
    # What is no time at all is said before a long log is read.
    for word in (begin, end):
        if not _NUMBER.fullmatch(word):
            zone.parse(word, 0)
    return windows


_NUMBER = re.compile(r'\d+(\.\d+)?')


def _page_of(file: pathlib.Path) -> pathlib.Path:
    """Return the name of the page beside a log; what is no suffix of a log is part of the name."""
    if str(file) == '-':
        return pathlib.Path('report.html')
    if file.name in ('', '..'):
        file = file.resolve()
    name = bare_name(file.name)
    suffix = pathlib.PurePath(name).suffix
    is_log = suffix.lower() in _SUFFIXES and not file.is_dir()
    return file.with_name(f'{(is_log and name[:-len(suffix)]) or name or "report"}.html')


_SUFFIXES = frozenset((
    '.log', '.txt', '.asc', '.blf', '.trc', '.mf4', '.csv', '.db', '.parquet', '.mcap', '.db3'))
