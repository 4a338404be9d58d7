# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The ``gi3`` command; what it offers without ROS works without ROS."""

from collections.abc import Iterator
import contextlib
import importlib
import os
import signal
import sys
import threading
from typing import Any

import click

COMMANDS = {
    'sim': 'Simulate the controller with a vehicle.',
    'audit': 'Say who broke which rule in a log.',
    'convert': 'Turn a log into another sort of file.',
    'decode': 'Say what frames mean.',
    'demo': 'Show a whole session, live.',
    'identify': 'Say which version of the interface speaks.',
    'record': 'Record what is on the bus.',
    'replay': 'Decide a recorded session anew, and compare.',
    'report': 'Show what happened in a log, as a page.',
}
"""Each is a module of its name with a click command of its name."""
UNWRITABLE = 2
INTERRUPTED = 128 + signal.SIGINT
"""Exit status after Ctrl-C, as a shell has it."""


class _Commands(click.Group):
    """
    Commands that are imported when they are called: each needs libraries that the others do not.

    Ctrl-C ends with the status that a shell expects; output that cannot be written is told in one
    sentence.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f'{__package__}.{cmd_name}')
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section('Commands'):
            formatter.write_dl(sorted(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        with _ends_orderly():
            return super().invoke(ctx)

    def main(self, *args: Any, **kwargs: Any) -> Any:  # as click has it
        if sys.stdin is None:
            # Who started us has closed it: there is nothing in it.
            sys.stdin = open(os.devnull, encoding='utf-8')  # noqa: SIM115 - it stays open
        # Names of files need not be of the encoding that the terminal has, nor what comes in.
        for stream in (sys.stdin, sys.stdout):
            if hasattr(stream, 'reconfigure'):
                stream.reconfigure(errors='replace')
        try:
            return super().main(*args, **kwargs)
        except OSError as error:
            if error.filename is not None:
                raise
            # Python would try again with what is left when it ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            click.echo(f'gi3: the output cannot be written: {error.strerror}', err=True)
            sys.exit(UNWRITABLE)


@contextlib.contextmanager
def _ends_orderly() -> Iterator[None]:
    """Let a signal end the command by an exception, so that nothing is left half done."""
    ours = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):
            # nohup: who started us may want us to outlive the terminal.
            if signal.getsignal(number) == signal.SIG_DFL:
                ours[number] = signal.signal(number, _end)
    try:
        yield
    except KeyboardInterrupt:
        click.echo('gi3: interrupted', err=True)
        sys.exit(INTERRUPTED)
    finally:
        for number, before in ours.items():
            signal.signal(number, before)


def _end(number: int, _frame: object) -> None:
    sys.exit(128 + number)


def _print_version(ctx: click.Context, _param: click.Parameter, is_asked: bool) -> None:
    if is_asked:
        from .version import version
        click.echo(f'gi3, version {version() or "unknown: it is not installed"}')
        ctx.exit()


@click.group(cls=_Commands, context_settings={'help_option_names': ['-h', '--help']})
@click.option('--version', is_flag=True, is_eager=True, expose_value=False,
              callback=_print_version, help='Show the version and exit.')
def main() -> None:
    """Charge vehicles through an ADVANTICS controller: Generic Interface v3.2 on CAN."""
