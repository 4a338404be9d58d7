# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""``gi3 record``: what is on a bus, into a file."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from typing import TYPE_CHECKING

import click

from ..logs.entries import Heard, LogError
from .options import bus_options

if TYPE_CHECKING:
    # Late: help need not wait for them.
    from rich.console import Console

    from ..bus import Bus
    from ..logs.writers.writer import LogWriter

TIMEOUT_S = 0.1
SHOWN_EVERY_S = 0.25
UNUSABLE = 2
"""Exit status when there is nothing to record from or into."""


@click.command(short_help='Record what is on the bus.', context_settings={'show_default': True})
@click.argument('output', type=click.Path())
@bus_options
@click.option(
    '--duration-s', type=click.FloatRange(min=0, min_open=True), metavar='SECONDS',
    help='End by itself after that long.', show_default='until Ctrl-C')
def record(
    output: str, interface: str, channel: str, port: int, bitrate: int,
    duration_s: float | None,
) -> None:
    """
    Record all frames on a CAN bus into OUTPUT; it never sends.

    The name of OUTPUT says what it becomes: .log (candump), .asc, .blf, .trc, .csv, .parquet,
    .mcap or .db3 (a bag in one file), anything else a folder for ros2 bag. It must not exist yet.
    ROS is not needed.

    \b
    Examples:
      gi3 record -i socketcan -c can0 night.mcap
      gi3 record -i socketcan -c can0 night.blf
      gi3 record --duration-s 60 minute.log

    Exit status 1 when the recording ended early, for a full disk, say; 2 when it could not begin.
    """  # noqa: D301 - click wants the backspace itself
    # Late, as above.
    from rich.console import Console

    from ..bus import Bus, BusError
    from ..logs.writing import open_writer
    ending: list[bool] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # nohup: who started us may want us to outlive the terminal.
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: ending.append(True))
    console = Console(stderr=True)
    try:
        bus = Bus(
            interface, channel, bitrate=bitrate, port=port,
            on_event=lambda text: _say(console, text))
    except BusError as error:
        click.echo(f'gi3 record: {error}', err=True)
        sys.exit(UNUSABLE)
    with contextlib.closing(bus):
        try:
            writer = open_writer(output)
        except LogError as error:
            click.echo(f'gi3 record: {error}', err=True)
            sys.exit(UNUSABLE)
        try:
            with writer:
                count = _listen(bus, channel or interface, writer, ending, duration_s, console)
        except LogError as error:
            click.echo(f'gi3 record: the recording ends here: {error}', err=True)
            sys.exit(1)
    for problem in writer.problems:
        click.echo(f'gi3 record: {problem}', err=True)
    _say(console, f'{count} frames are in {output}')


def _say(console: Console, text: str) -> None:
    """Print a sentence as it is, on one line: what reads a pipe has no columns."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _listen(
    bus: Bus, name: str, writer: LogWriter, ending: list[bool], duration_s: float | None,
    console: Console,
) -> int:
    """Write what comes until it is told to end; return how many frames came."""
    started_s = shown_s = time.monotonic()
    count = 0
    with console.status(f'records {bus.name}, Ctrl-C ends it') as status:
        while not ending:
            now_s = time.monotonic()
            if duration_s is not None and now_s - started_s >= duration_s:
                break
            if now_s - shown_s >= SHOWN_EVERY_S:
                shown_s = now_s
                status.update(f'{bus.name}: {count} frames, {now_s - started_s:.0f} s')
            arrived = bus.receive(TIMEOUT_S)
            if arrived is not None:
                frame, arrival_s = arrived
                writer.write(Heard(round(arrival_s * 1e9), frame, name))
                count += 1
    return count
