# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The process of a live view; :mod:`.process` starts it."""

import contextlib
import os
import socket

from rich.console import Console

from .link import End, Link
from .live_app import LiveApp
from .process import STUCK


def main(view: str, descriptor: int) -> None:
    """
    Show a view until the command says that all is over, or is gone.

    :param view: 'sim' or 'demo'
    :param descriptor: of the socket to the command
    """
    _leave_priority()
    app = _app(view, Link(socket.socket(fileno=descriptor)))
    end = app.run(mouse=False)
    if app.terminal is not None and app.terminal.is_stuck:
        # A thread still writes to the terminal; the usual way out would wait for it.
        os._exit(STUCK)
    if end is not None and end.picture is not None:
        _print(app, end)


def _app(view: str, link: Link) -> LiveApp:
    if view == 'demo':
        from .demo_app import DemoApp
        return DemoApp(link)
    from .sim_app import SimApp
    return SimApp(link)


def _print(app: LiveApp, end: End) -> None:
    """Print what stays: it has to fit, with the prompt below it."""
    console = Console(highlight=False)
    lines = sum(1 + len(verdict.words) // console.width for verdict in end.verdicts)
    console.print(app.last_picture(
        end.picture, width=console.width, height=console.height - lines - 1))
    for verdict in end.verdicts:
        console.print(
            verdict.words, style='bold green' if verdict.is_good else 'bold red',
            soft_wrap=True, markup=False)


def _leave_priority() -> None:
    """Run as an ordinary process, whatever the command has: nobody waits for a view."""
    if hasattr(os, 'sched_setscheduler'):
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
