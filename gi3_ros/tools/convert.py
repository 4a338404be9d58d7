"""``gi3 convert``: a log as another sort of file."""

import pathlib
import shutil
import sys
import tempfile

import click

from ..logs.entries import Heard, LogError
from ..logs.reading import open_log
from ..logs.writing import open_writer
from .options import log_options

DAMAGED, IMPOSSIBLE = 1, 2


@click.command(short_help='Turn a log into another sort of file.')
@click.argument('source', metavar='IN', type=click.Path(path_type=pathlib.Path))
@click.argument('target', metavar='OUT', type=click.Path(path_type=pathlib.Path))
@log_options
@click.option('--force', is_flag=True, help='Replace OUT if it is there.')
def convert(source, target, channel, pistols, blf_start, force):
    """
    Turn the log IN into OUT.

    IN is a CAN log of any kind, a table written here or a bag. The name of OUT says what it
    becomes: .log (candump), .asc, .blf, .trc, .csv, .parquet, a bag for .mcap, .db3 and for
    names without a suffix. OUT appears when it is complete, not before.

    \b
    Examples:
      gi3 convert night.blf night.parquet
      gi3 convert rosbag2_2026_11_26 night.log
      gi3 convert --channel can1 night.log pistol2.asc

    \b
    Exit status:
      0  everything was converted
      1  something in IN could not be read: the rest was converted
      2  nothing was converted
    """  # noqa: D301 - click wants the backspace itself
    try:
        log = open_log(source, channel=channel, pistols=dict(pistols), blf_start=blf_start)
        _check(source, target, force)
        frames, samples, seconds, notes = _convert(log, target)
    except (LogError, ValueError) as error:
        click.echo(f'gi3 convert: {error}', err=True)
        sys.exit(IMPOSSIBLE)
    for problem in log.problems:
        click.echo(f'gi3 convert: {source}: {problem}', err=True)
    for note in notes:
        click.echo(f'gi3 convert: {target}: {note}', err=True)
    others = f' and {samples} other messages' if samples else ''
    click.echo(f'{frames} frames{others}, {seconds:.3f} s, from {log.kind} to {target}')
    sys.exit(DAMAGED if log.problems else 0)


def _check(source, target, is_overwriting):
    if target.name in ('', '-'):
        raise LogError(f'{target}: is no name of a file or folder')
    if not target.exists():
        return
    if target.resolve() == source.resolve():
        raise LogError(f'{target}: this is the log itself')
    if not is_overwriting:
        raise LogError(f'{target}: it is there already; --force replaces it')
    if target.is_dir() and not (target / 'metadata.yaml').exists():
        raise LogError(f'{target}: a directory that is no bag is not replaced')


def _convert(log, target):
    """Write everything beside the target, then move it there."""
    try:
        folder = pathlib.Path(tempfile.mkdtemp(prefix='.gi3_convert_', dir=target.parent))
    except OSError as error:
        raise LogError(f'{target}: cannot be written: {error.strerror}') from None
    try:
        part = folder / target.name
        try:
            writer = open_writer(part)
            with writer:
                frames, samples, seconds = _copy(log, writer)
        except LogError as error:
            # What people know is the name that they gave.
            raise LogError(str(error).replace(str(part), str(target))) from None
        if not frames + samples:
            raise LogError('; '.join([f'{log.path}: nothing in it to convert', *log.problems]))
        try:
            if target.is_dir():
                shutil.rmtree(target)
            elif part.is_dir():
                target.unlink(missing_ok=True)
            part.replace(target)
        except OSError as error:
            raise LogError(f'{target}: cannot be written: {error.strerror}') from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return frames, samples, seconds, writer.problems


def _copy(log, writer):
    first_ns = last_ns = None
    frames = samples = 0
    for entry in log:
        writer.write(entry)
        if isinstance(entry, Heard):
            frames += 1
        else:
            samples += 1
        if first_ns is None:
            first_ns = last_ns = entry.time_ns
        first_ns, last_ns = min(first_ns, entry.time_ns), max(last_ns, entry.time_ns)
    return frames, samples, (last_ns - first_ns) / 1e9 if first_ns is not None else 0.0
