"""The ``gi3`` command; what it offers without ROS works without ROS."""

from importlib import metadata
import os
import sys

import click

from .audit import audit
from .convert import convert
from .decode import decode
from .demo import demo
from .identify import identify
from .record import record
from .replay import replay
from .report import report
from .sim import sim


def _version():
    try:
        return metadata.version('gi3_ros')
    except metadata.PackageNotFoundError:
        return 'built by colcon, see package.xml'


class _Commands(click.Group):
    """Say in one sentence that what is printed cannot be written."""

    def main(self, *args, **kwargs):
        # Names of files need not be of the encoding that the terminal has.
        if hasattr(sys.stdout, 'reconfigure'):
            sys.stdout.reconfigure(errors='replace')
        try:
            return super().main(*args, **kwargs)
        except OSError as error:
            if error.filename is not None:
                raise
            # Python would try again with what is left when it ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            click.echo(f'gi3: the output cannot be written: {error.strerror}', err=True)
            sys.exit(UNWRITABLE)


UNWRITABLE = 2


@click.group(cls=_Commands, context_settings={'help_option_names': ['-h', '--help']})
@click.version_option(_version(), prog_name='gi3')
def main():
    """Charge vehicles through an ADVANTICS controller: Generic Interface v3.2 on CAN."""


for command in (sim, audit, convert, decode, demo, identify, record, replay, report):
    main.add_command(command)
