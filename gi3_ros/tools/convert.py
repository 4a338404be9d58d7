# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""``gi3 convert``: a log as another sort of file."""

import dataclasses
import os
import pathlib
import shutil
import sys
import tempfile

import click

from ..logs.entries import Heard, LogError
from ..logs.log import Log
from ..logs.output import Replaces, written_beside
from ..logs.times import Length
from ..logs.writing import open_writer
from .documents import of_log, print_document
from .given import given_log, named
from .options import log_options

DAMAGED, IMPOSSIBLE = 1, 2


@click.command(short_help='Turn a log into another sort of file.')
@click.argument('source', metavar='IN', type=click.Path(path_type=pathlib.Path))
@click.argument('target', metavar='OUT', type=click.Path(path_type=pathlib.Path))
@log_options
@click.option('--force', is_flag=True, help='Replace OUT if it is a plain file or a bag.')
@click.option('--json', 'is_json', is_flag=True, help='Say what was done as one JSON document.')
def convert(
    source: pathlib.Path, target: pathlib.Path, channel: str | None,
    pistols: tuple[tuple[str, int], ...], blf_start: str | None, force: bool, is_json: bool,
) -> None:
    """
    Turn the log IN into OUT.

    IN is a CAN log of any kind, a table written here or a bag; - is standard input. The name of
    OUT says what it becomes: .log (candump), .asc, .blf, .trc, .csv, .parquet, a bag for .mcap,
    .db3 and for names without a suffix; - is standard output, as candump writes it. OUT appears
    when it is complete, not before.

    \b
    Examples:
      gi3 convert night.blf night.parquet
      gi3 convert rosbag2_2026_11_26 night.log
      gi3 convert --channel can1 night.log pistol2.asc
      gi3 convert night.mcap - | grep 0106B000

    \b
    Exit status:
      0  everything was converted
      1  something in IN could not be read: the rest was converted
      2  nothing was converted
    """  # noqa: D301 - click wants the backspace itself
    try:
        if is_json and str(target) == '-':
            raise ValueError('--json and OUT - both want standard output: choose one')
        with given_log(
                source, channel=channel, pistols=dict(pistols), blf_start=blf_start) as log:
            done = _convert(log, source, target, force)
    except (LogError, ValueError) as error:
        click.echo(f'gi3 convert: {error}', err=True)
        sys.exit(IMPOSSIBLE)
    _report(done, log, source, target, is_json)
    sys.exit(DAMAGED if log.problems else 0)


@dataclasses.dataclass
class _Done:
    """What was converted."""

    frames: int = 0
    samples: int = 0
    seconds: float = 0.0
    notes: list[str] = dataclasses.field(default_factory=list)


def _report(
    done: _Done, log: Log, source: pathlib.Path, target: pathlib.Path, is_json: bool,
) -> None:
    for problem in log.problems:
        click.echo(f'gi3 convert: {named(source)}: {problem}', err=True)
    for note in done.notes:
        click.echo(f'gi3 convert: {target}: {note}', err=True)
    if is_json:
        print_document(
            'convert', **of_log(log, source), output=str(target), frames=done.frames,
            other_messages=done.samples, seconds=round(done.seconds, 6), notes=done.notes)
        return
    others = f' and {done.samples} other messages' if done.samples else ''
    click.echo(
        f'{done.frames} frames{others}, {done.seconds:.3f} s, from {log.kind} to {target}',
        err=str(target) == '-')


def _convert(
    log: Log, source: pathlib.Path, target: pathlib.Path, is_overwriting: bool,
) -> _Done:
    if str(target) == '-':
        with tempfile.TemporaryDirectory(prefix='gi3_') as folder:
            part = pathlib.Path(folder, 'output.log')
            done = _write(log, part)
            with part.open('rb') as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
            return done
    _check(source, target, is_overwriting)
    replaces = Replaces.FILES_AND_BAGS if is_overwriting else Replaces.NOTHING
    with written_beside(target, replaces) as part:
        return _write(log, part)


def _check(source: pathlib.Path, target: pathlib.Path, is_overwriting: bool) -> None:
    own, other = target.resolve(), source.resolve()
    if own == other:
        raise LogError(f'{target}: this is the log itself')
    if not os.path.lexists(target):
        return
    if own.is_relative_to(other) or other.is_relative_to(own):
        raise LogError(f'{target}: this is a part of the log itself, or holds it')
    if not is_overwriting:
        raise LogError(f'{target}: it is there already; --force replaces a plain file or a bag')


def _write(log: Log, part: pathlib.Path) -> _Done:
    done, length = _Done(), Length()
    writer = open_writer(part)
    with writer:
        for entry in log:
            writer.write(entry)
            if isinstance(entry, Heard):
                done.frames += 1
            else:
                done.samples += 1
            length.take(entry.time_ns)
    if not done.frames + done.samples:
        raise LogError('; '.join([f'{log.path}: nothing in it to convert', *log.problems]))
    done.seconds = length.seconds
    done.notes = writer.problems
    return done
