# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""``gi3 demo``: a whole charging session, live."""

import importlib.util
import pathlib
import sys

import click

from .claim import NothingFree

UNUSABLE = 2
"""Exit status when there is nothing to run."""
_NO_ROS = (
    'ROS 2 or the built package is missing ({}): run "make demo" in the source folder, or source '
    'the workspace it was built in; gi3 sim works without'
)


class Unusable(Exception):
    """There is nothing to run; the text says what to do."""


def _check_ros() -> None:
    for name in ('rclpy', 'ament_index_python', 'gi3_ros.msg', 'gi3_ros.nodes'):
        try:
            is_there = importlib.util.find_spec(name) is not None
        except ImportError:
            is_there = False
        if not is_there:
            raise Unusable(_NO_ROS.format(f'no module {name}'))


def _make(log_dir: pathlib.Path) -> None:
    try:
        log_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unusable(
            f'--log-dir {log_dir}: {error.strerror}: give a folder that can be written') from error


@click.command(
    short_help='Show a whole session, live.',
    context_settings={'show_default': True, 'help_option_names': ['-h', '--help']},
)
@click.option(
    '--duration-s', default=14.0, type=click.FloatRange(1, 3600), metavar='SECONDS',
    help='Energy transfer after which the vehicle stops; the rest takes about 17 s.')
@click.option(
    '--port', type=click.IntRange(1024, 65535), show_default='a free one',
    help='UDP port of the simulated CAN bus.')
@click.option(
    '--plug-port', type=click.IntRange(1024, 65535), show_default='a free one',
    help='UDP port between the simulated vehicle and the simulated power modules.')
@click.option('--plain', is_flag=True, help='Lines, also in a terminal.')
@click.option(
    '--log-dir', type=click.Path(file_okay=False, path_type=pathlib.Path),
    show_default='a temporary one, kept after a failure',
    help="Folder for the processes' logs.")
def demo(
    duration_s: float, port: int | None, plug_port: int | None, plain: bool,
    log_dir: pathlib.Path | None,
) -> None:
    """
    Show a whole CCS charging session, live: about half a minute, nothing real is touched.

    Starts the charger (ROS 2 nodes) with simulated power modules, and a simulated ADVANTICS
    controller with a vehicle on a virtual CAN bus of this machine; authorises the charge through
    the service when the controller waits for it; shows what the topics say; sums up. It has a ROS
    domain of its own unless ROS_DOMAIN_ID is set.

    \b
    Exit status:
      0    the session ended Clean_Stop, and the charger broke no rule of the interface
      1    it did not, or a process died: the summary says why and where the logs are
      2    ROS 2 or the built package is missing, or the logs cannot be written
      130  Ctrl-C, 143 SIGTERM: the charger was brought to its safe state first
    """  # noqa: D301 - click wants the backspace itself
    try:
        _check_ros()
        if log_dir is not None:
            _make(log_dir)
        # With it come rich and ROS: not for the help.
        from .demo_run import run_demo
        status = run_demo(
            duration_s=duration_s, port=port, plug_port=plug_port, is_plain=plain,
            log_dir=log_dir,
        )
    except (NothingFree, Unusable) as error:
        click.echo(f'gi3 demo: {error}', err=True)
        status = UNUSABLE
    sys.exit(status)
