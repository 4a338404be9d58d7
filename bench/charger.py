# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What a charger costs, and how fast it is: processes as they are used, all else simulated.

    . .venv/env.sh && python3 bench/charger.py [PART ..] [--full]

Parts, all of them without a name:

cpu        how much of a core the process "charger" takes, idle and charging, 1 to 8 pistols
gateway    frames for a second of processor time, beside a gateway written in an afternoon
codec      encode and decode beside cantools
reaction   from the last heartbeat to zero power (R1), and from a command to the new setpoint,
           with a core of the machine kept busy
period     of Power_Modules_Status, with 4000 foreign frames a second on the same bus

The short run takes some minutes, --full half an hour. Every goal is printed with what came of it.
A run has a ROS domain and ports of its own, and stays on this machine.
"""

import argparse
import os
import pathlib
import platform
import subprocess
import sys

from parts import cpu, gateway, period, reaction
from parts.station import Corner
from parts.tables import say

from gi3_ros.nodes.executor import KINDS

PARTS = ('cpu', 'gateway', 'codec', 'reaction', 'period')
CODEC = pathlib.Path(__file__).with_name('codec.py')
FULL = {
    'pistols': [1, 2, 4, 8], 'rounds': 3, 'seconds': 15.0, 'r1': 1000,
    'setpoints': 1000, 'periods': 2000}
SHORT = {
    'pistols': [1, 2, 4, 8], 'rounds': 1, 'seconds': 8.0, 'r1': 100, 'setpoints': 200,
    'periods': 300}


def options():
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('parts', nargs='*', metavar='PART', help='of the above; all without')
    parser.add_argument('--full', action='store_true', help='as many of everything as the goals')
    parser.add_argument('--pistols', type=int, nargs='+', help='of cpu: how many')
    parser.add_argument('--rounds', type=int, help='of cpu: the most pistols so often in a row')
    parser.add_argument('--seconds', type=float, help='of cpu and gateway: of each measurement')
    parser.add_argument('--r1', type=int, help='of reaction: how many times silence')
    parser.add_argument('--setpoints', type=int, help='of reaction: how many commands')
    parser.add_argument('--periods', type=int, help='of period: how many')
    parser.add_argument(
        '--executors', nargs='+', default=[''], choices=['', *KINDS],
        help='of cpu: which executors of rclpy the nodes get, one after the other')
    given = parser.parse_args()
    unknown = set(given.parts) - set(PARTS)
    if unknown:
        parser.error(f'no such part: {", ".join(sorted(unknown))}')
    for name, value in (FULL if given.full else SHORT).items():
        if getattr(given, name) is None:
            setattr(given, name, value)
    return given


def print_codec(_corner, _options):
    """Print what the codec's own bench has found."""
    if not CODEC.exists():
        say('codec: not measured, there is no bench/codec.py')
        return
    sys.stdout.flush()
    subprocess.run([sys.executable, CODEC], check=True)


def main():
    """Run the parts."""
    given = options()
    run = {
        'cpu': cpu.measure, 'gateway': gateway.measure, 'codec': print_codec,
        'reaction': reaction.measure, 'period': period.measure}
    say(f'{os.cpu_count()} cores of {platform.machine()}, Python {platform.python_version()}, '
        f'load {os.getloadavg()[0]:.1f} before')
    corner = Corner()
    for part in given.parts or PARTS:
        run[part](corner, given)


if __name__ == '__main__':
    main()
