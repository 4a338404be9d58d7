"""``gi3 report``: a log as a page to look at."""

from importlib import metadata
import os
import pathlib
import re
import sys

import click

from ..core.findings import Tolerances
from ..logs.audit import Audit
from ..logs.entries import LogError
from ..logs.page import page
from ..logs.reading import open_log
from ..logs.story import tell
from ..logs.verdict import verdict
from .options import log_options, tolerance_option, with_entries, zone_of, zone_options

UNREADABLE = 2


@click.command(short_help='Show what happened in a log, as a page.')
@click.argument('file', type=click.Path(path_type=pathlib.Path))
@click.option('-o', '--output', type=click.Path(path_type=pathlib.Path, dir_okay=False),
              help='The page; FILE with .html in the place of its suffix by default.')
@log_options
@tolerance_option
@zone_options
@click.option('--detail', metavar='BEGIN/END',
              help='A time of which all samples are in the chart of a long log: '
              '03:10/03:20, 2026-03-04T03:10:00/2026-03-04T03:20:00, or seconds since the begin '
              'of the log.')
@click.option('--note', default='', help='A sentence for the head of the page.')
def report(file, output, channel, pistols, tolerances, zone_name, is_utc, detail, note):
    """
    Tell what happened in a log, and who broke which rule, on one page.

    FILE is a CAN log of any kind or a bag. The page loads nothing from anywhere: it can be sent
    by mail and opened without a network. A page from before is overwritten.

    Exit status: 0 the page is written, whatever is on it (gi3 audit tells findings by its exit
    status); 2 FILE not readable or the page not writable.
    """
    try:
        output = output or _page_of(file)
        if output.exists() and not output.is_file():
            raise ValueError(f'{output} is no file: choose another name with -o')
        if output.resolve() == file.resolve():
            raise ValueError('the page would overwrite the log: choose another name with -o')
        zone = zone_of(zone_name, is_utc)
        log = open_log(file, channel=channel, pistols=dict(pistols))
        windows = None if detail is None else _windows(detail, zone, log)
        story = tell(log, Audit(with_entries(Tolerances(), tolerances)), windows=windows)
        _write(output, page(
            story, name=file.name, kind=log.kind, problems=log.problems,
            has_dates=log.has_dates, version=_version(), note=note, zone=zone))
    except (LogError, ValueError) as error:
        click.echo(f'gi3 report: {error}', err=True)
        sys.exit(UNREADABLE)
    except OSError as error:
        click.echo(f'gi3 report: {output} cannot be written: {error.strerror or error}', err=True)
        sys.exit(UNREADABLE)
    for problem in log.problems:
        click.echo(f'gi3 report: {file}: {problem}', err=True)
    head = verdict(story, log.problems)
    click.echo(f'{output}: {head.words}')
    for sentence in head.missing:
        click.echo(f'  {sentence}')


def _windows(text, zone, log):
    """
    Return what makes times of the story of ``--detail``.

    :raises ValueError: with words, when it is none
    """
    begin, sign, end = text.partition('/')
    if not sign:
        raise ValueError(f'--detail {text}: two times with / between them are expected')

    def seconds(word, first_ns):
        if _NUMBER.fullmatch(word):
            return float(word)
        if not log.has_dates:
            raise ValueError('this log has no dates: --detail takes seconds since its begin')
        return (zone.parse(word, first_ns) - first_ns) / 1e9

    def windows(first_ns):
        times = seconds(begin, first_ns), seconds(end, first_ns)
        if times[0] >= times[1]:
            raise ValueError(f'--detail {text}: the end is not after the begin')
        return (times,)
    # What is no time at all is said before a long log is read.
    for word in (begin, end):
        if not _NUMBER.fullmatch(word):
            zone.parse(word, 0)
    return windows


_NUMBER = re.compile(r'\d+(\.\d+)?')


def _page_of(file):
    """Return the name of the page beside a log; what is no suffix of a log is part of the name."""
    if file.name in ('', '..'):
        file = file.resolve()
    name = file.name
    if file.suffix.lower() in ('.gz', '.zstd'):
        name = name[:-len(file.suffix)]
    suffix = pathlib.PurePath(name).suffix
    is_log = suffix.lower() in _SUFFIXES and not file.is_dir()
    return file.with_name(f'{(is_log and name[:-len(suffix)]) or name or "report"}.html')


_SUFFIXES = frozenset((
    '.log', '.txt', '.asc', '.blf', '.trc', '.mf4', '.csv', '.db', '.parquet', '.mcap', '.db3'))


def _write(path, text):
    """Write all or nothing: half a page would look like a whole one."""
    path = path.resolve()
    part = path.with_name(f'.{path.name}.{os.getpid()}.part')
    try:
        part.write_text(text, encoding='utf-8')
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _version():
    try:
        return metadata.version('gi3_ros')
    except metadata.PackageNotFoundError:
        # Built by colcon.
        return ''
