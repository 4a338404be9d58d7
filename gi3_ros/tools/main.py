"""The ``gi3`` command; what it offers without ROS works without ROS."""

from importlib import metadata

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


@click.group(context_settings={'help_option_names': ['-h', '--help']})
@click.version_option(_version(), prog_name='gi3')
def main():
    """Charge vehicles through an ADVANTICS controller: Generic Interface v3.2 on CAN."""


for command in (sim, audit, convert, decode, demo, identify, record, replay, report):
    main.add_command(command)
