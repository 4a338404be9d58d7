# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Processes of a charger and of what is around it, and how much of a core each of them takes."""

import contextlib
import json
import math
import os
import pathlib
import sys
import tempfile
import time

from ament_index_python import get_package_prefix

from gi3_ros.dds import keep_out_of_shared_memory
from gi3_ros.nodes.executor import VARIABLE
from gi3_ros.tools.children import Child
from gi3_ros.tools.claim import claim

FIRST_PLUG_PORT = 50_000
PORTS_PER_CLAIM = 16
END_WITHIN_S = 10.0
START_WITHIN_S = 60.0
POLL_S = 0.05
TICKS_PER_S = os.sysconf('SC_CLK_TCK')
BUSY_LOOP = 'while True: pass'


class Corner:
    """A ROS domain and ports that nobody else on this machine has, for one run of the bench."""

    def __init__(self):
        self._claim = claim()
        self.domain = self._claim.number
        self.can_port = self._claim.can_port
        self.plug_port = FIRST_PLUG_PORT + PORTS_PER_CLAIM * self.domain
        """The first of as many as there may be pistols."""
        os.environ |= {
            'ROS_DOMAIN_ID': str(self.domain), 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
            'PYTHONUNBUFFERED': '1'}
        keep_out_of_shared_memory()


class Station(contextlib.ExitStack):
    """
    Processes of one measurement; all of them are gone after it, however it ends.

    :param executor: which one the charger's nodes get; empty for the one that they choose
    """

    def __init__(self, corner, *, executor=''):
        super().__init__()
        self.corner = corner
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        self._environment = os.environ | {'ROS_LOG_DIR': str(self.folder)}
        if executor:
            self._environment[VARIABLE] = executor
        self._children = []
        self.callback(self._end)

    def start(self, name, *command):
        """Start a process; it is killed when this one dies, whatever kills it."""
        self._children.append(Child(
            name, command, log_dir=self.folder, environment=self._environment))
        return self._children[-1]

    def start_program(self, name, program, *arguments):
        """Start a program of the package."""
        path = pathlib.Path(get_package_prefix('gi3_ros')) / 'lib' / 'gi3_ros' / program
        return self.start(name, path, *arguments)

    def start_modules(self, pistols, *, have_diode=()):
        """Start the simulated power modules of pistols; those of some have a diode."""
        return [
            self.start_program(
                f'modules of {pistol}', 'power_modules_sim', '--ros-args',
                '-r', f'__ns:=/{pistol}', '-p', 'autostart:=true',
                '-p', f'plug_port:={self.corner.plug_port + number}',
                *(['-p', 'has_diode:=true'] if pistol in have_diode else []))
            for number, pistol in enumerate(pistols)]

    def start_charger(self, pistols, program='charger'):
        """Start a charger, or its gateway alone; returns when it is up."""
        charger = self.start_program(
            program, program, '--ros-args', '-p', 'autostart:=true',
            '-p', f'port:={self.corner.can_port}', '-p', f'pistols:={json.dumps(pistols)}',
            '-p', f'indices:={list(range(1, len(pistols) + 1))}')
        self.wait_until(
            lambda: charger.lines_with('has index'), f'the {program} is up', charger)
        return charger

    def keep_a_core_busy(self):
        """Start a loop of ordinary priority that takes a whole core."""
        return self.start('busy loop', sys.executable, '-c', BUSY_LOOP)

    def wait_until(self, is_so, words, *needed, within_s=START_WITHIN_S):
        """Look again and again; an end of a needed process, or of time, ends the bench."""
        deadline_s = time.monotonic() + within_s
        while not is_so():
            dead = [child for child in needed if not child.is_alive]
            if dead or time.monotonic() > deadline_s:
                last = '; '.join(
                    f'{child.name} {child.end}: {" | ".join(child.last_words())}'
                    for child in dead or needed)
                raise SystemExit(f'not within {within_s:g} s: {words}; {last}')
            time.sleep(POLL_S)

    def _end(self):
        # Kindly first: what a killed process leaves behind makes later ones wait.
        for child in reversed(self._children):
            child.interrupt()
        for child in reversed(self._children):
            child.wait(END_WITHIN_S)


def pistol_names(count):
    """Return the names of so many pistols; their indices count from 1."""
    return [f'pistol{number}' for number in range(1, count + 1)]


class Processor:
    """
    What processes, and the whole machine, take of the processors from its making on.

    :param groups: name -> its processes
    """

    def __init__(self, **groups):
        self._groups = groups
        self._began_s = time.monotonic()
        self._before = self._read()

    def shares(self):
        """
        Return name -> share of one core, and with ``machine`` the share of all cores.

        ``None`` where a process is not there any more.
        """
        elapsed_s = time.monotonic() - self._began_s
        taken = {name: after_s - self._before[name] for name, after_s in self._read().items()}
        idle_s = taken.pop('machine_idle')
        return {
            name: None if math.isnan(taken_s) else taken_s / elapsed_s
            for name, taken_s in taken.items()
        } | {'machine': 1 - idle_s / elapsed_s / os.cpu_count()}

    def _read(self):
        with open('/proc/stat', encoding='ascii') as file:
            _, _, _, _, idle, iowait = file.readline().split()[:6]
        return {
            name: sum(processor_s(child.pid) for child in children)
            for name, children in self._groups.items()
        } | {'machine_idle': (int(idle) + int(iowait)) / TICKS_PER_S}


def processor_s(pid):
    """Return the seconds of processor time that a process has had, NaN when it is gone."""
    try:
        stat = pathlib.Path(f'/proc/{pid}/stat').read_text(encoding='utf-8').rpartition(')')[2]
    except OSError:
        return math.nan
    return sum(map(int, stat.split()[11:13])) / TICKS_PER_S


def thread_count(pid):
    """Return how many threads a process has, 0 when it is gone."""
    tasks = pathlib.Path(f'/proc/{pid}/task')
    return len(list(tasks.iterdir())) if tasks.is_dir() else 0
