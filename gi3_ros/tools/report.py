"""``gi3 report``: a log as a page to look at."""

from importlib import metadata
import os
import pathlib
import sys

import click

from ..core.findings import Tolerances
from ..logs.audit import Audit
from ..logs.entries import LogError
from ..logs.formats.packing import bare_name
from ..logs.page import page, verdict
from ..logs.reading import open_log
from ..logs.story import tell
from .options import log_options, printable, tolerance_option, with_entries

DAMAGED, UNREADABLE = 1, 2


@click.command(short_help='Show what happened in a log, as a page.')
@click.argument('file', type=click.Path(path_type=pathlib.Path))
@click.option('-o', '--output', type=click.Path(path_type=pathlib.Path, dir_okay=False),
              help='The page; FILE with .html in the place of its suffix by default.')
@log_options
@tolerance_option
@click.option('--note', default='', help='A sentence for the head of the page.')
def report(file, output, channel, pistols, blf_start, tolerances, note):
    """
    Tell what happened in a log, and who broke which rule, on one page.

    FILE is a CAN log of any kind or a bag. The page loads nothing from anywhere: it can be sent
    by mail and opened without a network. A page from before is overwritten.

    Exit status: 0 the page is written, whatever is on it (gi3 audit tells findings by its exit
    status); 1 it is written, but not all of FILE could be read; 2 FILE not readable or the page
    not writable.
    """
    try:
        output = output or _page_of(file)
        if output.exists() and not output.is_file():
            raise ValueError(f'{output} is no file: choose another name with -o')
        if output.resolve() == file.resolve():
            raise ValueError('the page would overwrite the log: choose another name with -o')
        log = open_log(file, channel=channel, pistols=dict(pistols), blf_start=blf_start)
        story = tell(log, Audit(with_entries(Tolerances(), tolerances)))
        _write(output, page(
            story, name=file.name, kind=log.kind, problems=log.problems,
            has_dates=log.has_dates, version=_version(), note=note))
    except (LogError, ValueError) as error:
        click.echo(f'gi3 report: {error}', err=True)
        sys.exit(UNREADABLE)
    except OSError as error:
        click.echo(f'gi3 report: {output} cannot be written: {error.strerror or error}', err=True)
        sys.exit(UNREADABLE)
    for problem in log.problems:
        click.echo(f'gi3 report: {file}: {problem}', err=True)
    click.echo(f'{output}: {verdict(story, log.problems)[0]}')
    sys.exit(DAMAGED if log.is_damaged else 0)


def _page_of(file):
    """Return the name of the page beside a log; what is no suffix of a log is part of the name."""
    if file.name in ('', '..'):
        file = file.resolve()
    name = bare_name(file.name)
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
        part.write_text(printable(text), encoding='utf-8')
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _version():
    try:
        return metadata.version('gi3_ros')
    except metadata.PackageNotFoundError:
        # Built by colcon.
        return ''
