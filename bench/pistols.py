# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
How much of a core the process ``charger`` takes, for one pistol and for several.

    . .venv/env.sh && python3 bench/pistols.py [--pistols 1 4] [--seconds 10]

Everything else is simulated, in processes of its own: power modules, controllers, vehicles. The
time is taken while all pistols charge. It is processor time: what else the machine does counts
less. Ratios are to the last executor with the first number of pistols, in the same run; what did
not end Clean_Stop is named.
"""

import argparse
import json
import os
import pathlib
import tempfile
import time

from ament_index_python import get_package_prefix

from gi3_ros.nodes.executor import KINDS, VARIABLE
from gi3_ros.tools.children import Child
from gi3_ros.tools.claim import claim

OF_ONE_CONTROLLER = ('CCS DC', 'CHAdeMO')
"""A simulator has one pistol of each."""
SETTLE_S = 3.0
WITHIN_S = 120.0
TICKS_PER_S = os.sysconf('SC_CLK_TCK')


class Station:
    """A charger with its pistols, and the simulated rest."""

    def __init__(self, count, executor, claimed, folder):
        self._folder = pathlib.Path(folder)
        self._environment = os.environ | {
            VARIABLE: executor, 'ROS_DOMAIN_ID': str(claimed.number), 'ROS_LOG_DIR': folder,
            'PYTHONUNBUFFERED': '1'}
        self._pistols = [f'pistol{number}' for number in range(1, count + 1)]
        self._port, self._plug_port = claimed.can_port, claimed.plug_port + 1000
        self._children = []

    def _start(self, name, program, *arguments):
        path = pathlib.Path(get_package_prefix('gi3_ros')) / 'lib' / 'gi3_ros' / program
        self._children.append(Child(
            name, [path, *arguments], log_dir=self._folder, environment=self._environment))
        return self._children[-1]

    def start(self):
        """Start everything."""
        for number, pistol in enumerate(self._pistols):
            self._start(
                f'modules of {pistol}', 'power_modules_sim', '--ros-args',
                '-r', f'__ns:=/{pistol}', '-p', 'autostart:=true',
                '-p', f'plug_port:={self._plug_port + number}',
                *(['-p', 'has_diode:=true'] if number % 2 else []))
        indices = list(range(1, len(self._pistols) + 1))
        self.charger = self._start(
            'charger', 'charger', '--ros-args', '-p', 'autostart:=true',
            '-p', f'port:={self._port}', '-p', f'pistols:={json.dumps(self._pistols)}',
            '-p', f'indices:={indices}')
        self.controllers = [
            self._start_controller(first, indices[first:first + len(OF_ONE_CONTROLLER)])
            for first in range(0, len(indices), len(OF_ONE_CONTROLLER))]

    def _start_controller(self, first, indices):
        config = self._folder / f'{first}.yaml'
        pistols = zip(OF_ONE_CONTROLLER, indices, strict=False)
        config.write_text(json.dumps(
            {'pistols': {name: {'index': index} for name, index in pistols}}))
        return self._start(
            f'controller {first}', 'gi3', 'sim', '--once', '--config', config, '--port',
            self._port, '--plug-port', self._plug_port + first, '--duration-s', self.duration_s)

    def measure(self, seconds):
        """Return the charger's share of a core while all pistols charge; ``None`` if not all."""
        self.duration_s = seconds + 2 * SETTLE_S
        self.start()
        deadline_s = time.monotonic() + WITHIN_S
        while self._count('-> CHARGING') < len(self._pistols):
            if time.monotonic() > deadline_s or not self._are_alive():
                return None
            time.sleep(0.1)
        time.sleep(SETTLE_S)
        before_s, began_s = self._processor_s(), time.monotonic()
        time.sleep(seconds)
        return (self._processor_s() - before_s) / (time.monotonic() - began_s)

    def _are_alive(self):
        return self.charger.is_alive and all(each.is_alive for each in self.controllers)

    def _count(self, sign):
        return sum(len(each.lines_with(sign)) for each in self.controllers)

    def _processor_s(self):
        stat = pathlib.Path(f'/proc/{self.charger.pid}/stat').read_text().rpartition(')')[2]
        return sum(map(int, stat.split()[11:13])) / TICKS_PER_S

    def end(self):
        """Wait for the sessions, end everything; return how many ended Clean_Stop, unbroken."""
        for each in self.controllers:
            each.wait(WITHIN_S)
        clean = sum(
            'no rule broken' in line for each in self.controllers
            for line in each.lines_with(' CLEAN_STOP: ' if len(self._pistols) == 1
                                        else '] CLEAN_STOP: '))
        for each in reversed(self._children):
            each.interrupt()
        for each in self._children:
            each.wait(10.0)
        return clean


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--pistols', type=int, nargs='+', default=[1, 4])
    parser.add_argument('--seconds', type=float, default=10.0)
    options = parser.parse_args()
    base = None
    print(f'{"executor":16} {"pistols":>7} {"of a core":>10} {"ratio":>6}  ended well')
    for executor in reversed(KINDS):
        for count in options.pistols:
            with tempfile.TemporaryDirectory() as folder:
                claimed = claim()
                station = Station(count, executor, claimed, folder)
                share = station.measure(options.seconds)
                clean = station.end()
                claimed.socket.close()
            base = base or share
            words = 'not all charged' if share is None else f'{share:10.0%} {share / base:6.2f}'
            print(f'{executor:16} {count:7} {words:>17}  {clean} of {count}', flush=True)


if __name__ == '__main__':
    main()
