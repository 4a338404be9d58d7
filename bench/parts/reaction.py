# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
How fast a charger reacts, with one core of the machine kept busy by somebody else.

Decided: from the arrival of a frame on the bus to the stamp of the setpoint. Heard: to its
reception in this process, the topic included. For R1 a current flows each time; several pistols
of one charger take turns with themselves, so that a thousand times take minutes. Their batteries
have 15 V: no vehicle has, but then nothing must be emptied before the next session.
"""

import itertools
import random
import threading
import time

from .scripted import Controllers, Function, NotSeen, PERIOD_S
from .station import pistol_names, Station
from .tables import goal, quantile, say, show, spread_ms, table

R1_PISTOLS = 4
R1_LIMIT_S = 0.21
R1_LEAST_S = 0.2
COMMAND_LIMIT_S = 0.005
COMMAND_SHARE = 0.99
MOST_FAILURES = 10
ANY_PHASE_S = 0.02
"""Of the charger's tick."""


class Silences:
    """Silences during a transfer, until there are enough; ``(decided_s, heard_s)`` of each."""

    def __init__(self, count):
        self.reactions = []
        self.failures = []
        """What went otherwise, in words."""
        self._left = count
        self._lock = threading.Lock()

    def go_on_with(self, pistol):
        """Let one pistol fall silent again and again."""
        generator = random.Random(pistol.index)
        while self._has_left():
            try:
                pistol.begin_anew()
                pistol.go_to_transfer(battery_v=15.0, voltage_v=19.0, current_a=10.0)
                time.sleep(generator.uniform(0.0, PERIOD_S))
                reaction = silence(pistol)
            except NotSeen as error:
                with self._lock:
                    self.failures.append(str(error))
                    self._left += 1
            else:
                with self._lock:
                    self.reactions.append(reaction)

    def _has_left(self):
        with self._lock:
            if self._left == 0 or len(self.failures) >= MOST_FAILURES:
                return False
            self._left -= 1
            return True


def silence(pistol):
    """Fall silent, and return how long it took until the power was zero."""
    if not pistol.setpoints[-1].is_power:
        raise NotSeen(f'power, when it was to be taken away: {pistol.setpoints[-1].reason}')
    pistol.fall_silent()
    pistol.wait_for(lambda: not pistol.setpoints[-1].is_power, 'power off')
    *_, off = itertools.takewhile(lambda each: not each.is_power, reversed(pistol.setpoints))
    if 'controller silent' not in off.reason:
        raise NotSeen(f'power off for another reason: {off.reason}')
    return off.decided_s - pistol.status_arrived_s, off.heard_s - pistol.status_arrived_s


def commands(pistol, count):
    """
    Command another voltage again and again, and return ``(decided_s, heard_s)`` of each.

    Up and down in turns, and each is waited for: so the first step of the setpoint's ramp in its
    direction can only be due to its own command.
    """
    generator, reactions = random.Random(1), []
    pistol.begin_anew()
    pistol.go_to_transfer(battery_v=360.0, voltage_v=400.0, current_a=20.0)
    pistol.wait_for(lambda: pistol.setpoints[-1].voltage_v == 400.0, 'the voltage')
    for number in range(count):
        target_v = round(400.0 + (-1) ** number * generator.uniform(5.0, 10.0), 1)
        time.sleep(generator.uniform(0.0, ANY_PHASE_S))
        reactions.append(_command(pistol, target_v))
    pistol.command(Function.STANDBY)
    pistol.wait_for(lambda: not pistol.setpoints[-1].is_power, 'Standby')
    return reactions


def _command(pistol, target_v):
    before, mark = pistol.setpoints[-1], len(pistol.setpoints)
    data = pistol.transfer(target_v, 20.0)
    pistol.wait_for(
        lambda: abs(pistol.setpoints[-1].voltage_v - target_v) < 0.01, f'{target_v:g} V')
    pistol.wait_for(lambda: data in pistol.command_arrivals, 'the command on the bus')
    arrived_s = pistol.command_arrivals[data]
    moved = next(each for each in pistol.setpoints[mark:] if each.voltage_v != before.voltage_v)
    return moved.decided_s - arrived_s, moved.heard_s - arrived_s


def measure(corner, options):
    """Measure and print the table and the goals."""
    made = table(
        'Reactions in ms, from the arrival on the bus; one core kept busy', 'from, to', 'times',
        'median', '99 %', 'worst')
    silences = Silences(options.r1)
    _with_charger(corner, R1_PISTOLS, silences.go_on_with)
    _add(made, 'last 0x6B000, power off', silences.reactions)
    [moves] = _with_charger(corner, 1, lambda pistol: commands(pistol, options.setpoints))
    _add(made, 'DC_Power_Control, first step of the setpoint', moves)
    show(made)
    for words in silences.failures:
        say(f'not counted: {words}')
    _print_goals(silences, moves)


def _with_charger(corner, count, function):
    """Call a function with each of so many pistols of one charger; return the results."""
    pistols = pistol_names(count)
    with Station(corner) as station:
        station.start_modules(pistols)
        station.start_charger(pistols)
        station.keep_a_core_busy()
        with Controllers(corner, pistols) as controllers:
            for pistol in controllers.pistols:
                pistol.wait_until_ready()
            return controllers.for_each(function)


def _add(made, words, reactions):
    for number, verb in enumerate(('decided', 'heard')):
        made.add_row(f'{words}, {verb}', *spread_ms([each[number] for each in reactions]))


def _print_goals(silences, moves):
    decided_s = [decided_s for decided_s, _ in silences.reactions]
    if decided_s:
        goal(f'R1 at most {1e3 * R1_LIMIT_S:.0f} ms, the worst of {len(decided_s)}',
             f'{1e3 * max(decided_s):.1f} ms; the earliest {1e3 * min(decided_s):.1f} ms; '
             f'{len(silences.failures)} went otherwise',
             is_kept=min(decided_s) >= R1_LEAST_S and max(decided_s) <= R1_LIMIT_S
             and not silences.failures)
    if moves:
        reached_s = quantile([decided_s for decided_s, _ in moves], COMMAND_SHARE)
        goal(f'{COMMAND_SHARE:.0%} of {len(moves)} commands decided within '
             f'{1e3 * COMMAND_LIMIT_S:.0f} ms', f'{1e3 * reached_s:.1f} ms',
             is_kept=reached_s <= COMMAND_LIMIT_S)
