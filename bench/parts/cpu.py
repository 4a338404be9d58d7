# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
How much of a core the process ``charger`` takes: idle and charging, one pistol and several.

All else is simulated, in processes of its own: power modules, controllers, vehicles. Idle means
that the controllers say Waiting_For_PEV and nothing is plugged in. It is processor time: what
else the machine does counts less, but caches and the clock of the processor are shared.
"""

import dataclasses
import json
import time

from .station import pistol_names, Processor, Station, thread_count
from .tables import goal, percent, say, show, table

OF_ONE_CONTROLLER = ('CCS DC', 'CHAdeMO')
"""A simulated controller has one pistol of each."""
CHARGING_PER_PISTOL = 0.08
IDLE_PER_PISTOL = 0.01
LINEAR = 1.1
"""The goal "growth linear": so many times the share of one pistol, for each pistol, at most."""
SETTLE_S = 3.0
SPREAD_S = 10.0
"""The vehicles of several controllers do not begin at once."""
SESSION_WITHIN_S = 120.0
LEFT = 'CHARGING -> '
"""In the words of the simulated controller: a charge is over."""


@dataclasses.dataclass
class Row:
    """What one run came to; shares of a core, ``None`` where it did not get so far."""

    executor: str
    pistols: int
    idle: float | None = None
    charging: float | None = None
    threads: int = 0
    around: dict = dataclasses.field(default_factory=dict)
    """Of the time of charging: what the others took, and the whole machine."""
    verdicts: list = dataclasses.field(default_factory=list)
    """The last word of each simulated controller's pistol."""

    @property
    def ended_well(self):
        """How many sessions ended Clean_Stop with no rule broken."""
        return sum(map(is_good, self.verdicts))


def is_good(verdict):
    """Whether a session ended as it should."""
    return 'CLEAN_STOP: ' in verdict and 'no rule broken' in verdict


class Run:
    """One charger with so many pistols, from its start to the end of all sessions."""

    def __init__(self, station, count, seconds):
        self._station = station
        self._pistols = pistol_names(count)
        self._seconds = seconds

    def run(self, row):
        """Fill in a row."""
        station = self._station
        modules = station.start_modules(self._pistols, have_diode=self._pistols[1::2])
        self._charger = station.start_charger(self._pistols)
        time.sleep(SETTLE_S)
        self._start_controllers()
        station.wait_until(
            lambda: all(each.lines_with('INITIALISING -> ') for each in self._controllers),
            'the controllers are up', *self._controllers)
        time.sleep(SETTLE_S)
        self._groups = {
            'charger': [self._charger], 'modules': modules, 'controllers': self._controllers}
        shares = self._measure()
        if not self._count('vehicle: plugged in'):
            row.idle = shares['charger']
        if self._wait_for_charging():
            time.sleep(SETTLE_S)
            shares = self._measure()
            if not self._count(LEFT):
                row.charging = shares.pop('charger')
            row.around, row.threads = shares, thread_count(self._charger.pid)
        for each in self._controllers:
            each.wait(SESSION_WITHIN_S)
        row.verdicts = [line for each in self._controllers for line in each.lines_with(' s  ')
                        if 'by the charger' in line]

    def _start_controllers(self):
        """Start them with vehicles that come when the idle charger has been measured."""
        count, duration_s = len(OF_ONE_CONTROLLER), self._seconds + SETTLE_S + SPREAD_S
        self._controllers = []
        for first in range(0, len(self._pistols), count):
            config = self._station.folder / f'{first}.yaml'
            names = OF_ONE_CONTROLLER[:len(self._pistols) - first]
            config.write_text(json.dumps({'pistols': {
                name: {'index': first + number} for number, name in enumerate(names, start=1)}}))
            self._controllers.append(self._station.start_program(
                f'controller {first}', 'gi3', 'sim', '--once', '--config', config,
                '--port', self._station.corner.can_port,
                '--plug-port', self._station.corner.plug_port + first,
                '--plug-in-after', self._seconds + 3 * SETTLE_S, '--duration-s', duration_s))

    def _measure(self):
        processor = Processor(**self._groups)
        time.sleep(self._seconds)
        return processor.shares()

    def _wait_for_charging(self):
        deadline_s = time.monotonic() + SESSION_WITHIN_S
        while self._count('-> CHARGING') < len(self._pistols):
            if (time.monotonic() > deadline_s or self._count(LEFT)
                    or not self._charger.is_alive):
                return False
            time.sleep(0.1)
        return True

    def _count(self, sign):
        return sum(len(each.lines_with(sign)) for each in self._controllers)


def measure(corner, options):
    """Measure and print the table and the goals."""
    counts = [*options.pistols, *[max(options.pistols)] * (options.rounds - 1)]
    for executor in options.executors:
        rows = []
        for count in counts:
            rows.append(Row(executor, count))
            with Station(corner, executor=executor) as station:
                Run(station, count, options.seconds).run(rows[-1])
        _print(executor, rows)


def _print(executor, rows):
    made = table(
        f'Process charger, of a core; executor {executor or "of its choice"}',
        'pistols', 'idle', 'each', 'charging', 'each', 'CPU(n)/(n CPU(1))', 'threads', 'modules',
        'controllers', 'machine busy', 'ended well')
    base = next((row.charging for row in rows if row.pistols == 1), None)
    for row in rows:
        made.add_row(
            str(row.pistols), percent(row.idle), percent(_each(row.idle, row)),
            percent(row.charging), percent(_each(row.charging, row)), _ratio(row, base),
            str(row.threads), *(percent(row.around.get(name)) for name in (
                'modules', 'controllers', 'machine')), f'{row.ended_well} of {row.pistols}')
    show(made)
    for row in rows:
        for verdict in row.verdicts:
            if not is_good(verdict):
                say(f'{row.pistols} pistols: {verdict.strip()}')
    _print_goals(rows, base)


def _each(share, row):
    return None if share is None else share / row.pistols


def _ratio(row, base):
    return '-' if None in (row.charging, base) else f'{_each(row.charging, row) / base:.2f}'


def _print_goals(rows, base):
    for words, limit, name in (
            ('charging', CHARGING_PER_PISTOL, 'charging'), ('idle', IDLE_PER_PISTOL, 'idle')):
        shares = [_each(getattr(row, name), row) for row in rows]
        goal(f'{words} at most {limit:.0%} of a core for each pistol',
             ', '.join(map(percent, shares)),
             is_kept=all(share is not None and share <= limit for share in shares))
    ratios = [_ratio(row, base) for row in rows]
    goal(f'growth linear: CPU(n)/(n CPU(1)) at most {LINEAR:g}', ', '.join(ratios),
         is_kept=all(ratio != '-' and float(ratio) <= LINEAR for ratio in ratios))
    most = max(row.pistols for row in rows)
    last = [row for row in rows if row.pistols == most]
    goal(f'{most} pistols all Clean_Stop and no rule broken, {len(last)} in a row',
         ', '.join(f'{row.ended_well} of {most}' for row in last),
         is_kept=all(row.ended_well == most for row in last))
