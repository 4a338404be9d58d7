# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""``gi3 replay``: what power_control and precharge decide today, from a recorded session."""

from __future__ import annotations

from collections.abc import Iterator
import sys
import textwrap
import time
from typing import TYPE_CHECKING

import click

from ..logs.entries import LogError
from ..logs.log import Log
from ..logs.times import Zone
from .documents import of_log, print_document
from .given import given_log, named
from .options import Entry, log_options, zone_of, zone_options

if TYPE_CHECKING:
    # Late: with these come all formats of logs.
    from ..logs.replay.comparison import Difference
    from ..logs.replay.pistol import Replay
    from ..logs.replay.replay import Outcome
    from ..logs.replay.today import Fault

SAME = 0
DIFFERENT = 1
UNREADABLE = 2
_MARGIN = 28


@click.command(short_help='Decide a recorded session anew, and compare.')
@click.argument('file', type=click.Path())
@click.option(
    '--params', 'params_file', type=click.Path(dir_okay=False), metavar='FILE',
    help='ROS parameter file for power_control and precharge, such as config/charger.yaml. '
    'Without: the defaults, with the limits that the log tells.')
@click.option(
    '--set', 'entries', multiple=True, type=Entry(),
    help='A parameter of either node, over the file; may be given often. For one of several '
    'pistols: pistol2/max_charger_current=60.')
@log_options
@zone_options
@click.option('--json', 'is_json', is_flag=True, help='Everything as one JSON object.')
def replay(
    file: str, params_file: str | None, entries: tuple[tuple[str, str], ...],
    channel: str | None, pistols: tuple[tuple[str, int], ...], blf_start: str | None,
    zone_name: str | None, is_utc: bool, is_json: bool,
) -> None:
    """
    Decide the session in FILE anew, and compare with what was decided then.

    FILE is a bag or a log of CAN frames; - is standard input. What the controller said and what
    the hardware measured go into the decisions of power_control and precharge as they are today,
    on the time of the log and faster than it passed. Nothing is sent and nothing is published.

    \b
    Examples:
      gi3 replay night_bag --params charger.yaml
      gi3 replay night_bag --params charger.yaml --set max_charger_current=60
      gi3 replay night.log --set installation=controller_relay

    \b
    Exit status:
      0  today decides as then
      1  today decides otherwise, the log has nothing of what was decided then, or something of it
         could not be read
      2  the file or the parameters are unusable
    """  # noqa: D301 - click wants the backspace itself
    # With these come all formats of logs: whoever asks for help need not wait for them.
    from ..logs.replay.parameters import ParameterFile
    from ..logs.replay.replay import replay as run
    try:
        zone = zone_of(zone_name, is_utc)
        parameters = ParameterFile(params_file, entries)
        with given_log(
                file, channel=channel, pistols=dict(pistols), blf_start=blf_start) as log:
            began_s = time.perf_counter()
            outcome = run(log, parameters)
            took_s = time.perf_counter() - began_s
    except (LogError, ValueError) as error:
        click.echo(f'gi3 replay: {error}', err=True)
        sys.exit(UNREADABLE)
    if is_json:
        print_document('replay', **of_log(log, file), **_as_json(outcome, took_s))
    else:
        for line in _lines(log, named(file), zone, outcome, took_s):
            click.echo(line)
    sys.exit(SAME if outcome.is_same and not log.is_damaged else DIFFERENT)


def _lines(
    log: Log, name: str, zone: Zone, outcome: Outcome, took_s: float,
) -> Iterator[str]:
    start = f' from {zone.text(outcome.start_ns)}' if log.has_dates else ''
    yield f'{name}: {log.kind}, {outcome.seconds:.1f} s{start}'
    for problem in (*log.problems, *outcome.remarks):
        yield f'  {problem}'
    for pistol in outcome.replays:
        yield ''
        yield from _pistol(pistol)
    yield ''
    yield _summary(outcome, took_s)


def _pistol(pistol: Replay) -> Iterator[str]:
    comparison = pistol.comparison
    yield f'{pistol.name}, index {pistol.index}'
    given = pistol.parameters.given
    words = ', '.join(f'{name} {value}' for name, value in given.items())
    yield from _entry('parameters', words or 'the defaults')
    if 'installation' not in given:
        yield from _entry('installation', pistol.parameters.stage.installation)
    for name, origin in pistol.inputs:
        yield from _entry(name, origin)
    for words in _corrections(pistol):
        yield from _entry('', words)
    yield from _entry('compared', ', '.join(comparison.compared) or 'nothing')
    if comparison.unknown:
        yield from _entry('not in the log', ', '.join(comparison.unknown))
    yield ''
    yield f'  {"s":>9}  {"then":21}now'
    for row in comparison.phases:
        yield f'  {row.time_s:9.2f}  {row.then or "-":21}{row.now or "-"}'
    if comparison.differences:
        yield ''
        yield '  differences'
    for each in sorted(comparison.differences, key=lambda each: each.begin_s):
        yield (
            f'  {each.begin_s:9.2f} to {each.end_s:.2f} s  {each.field.name}: '
            f'then {_value(each, each.then)}, now {_value(each, each.now)}')
        if each.reason and each.reason != each.now:
            yield f'{"":13}{each.reason}'
    for when, faults in (('then', pistol.faults_then), ('now', pistol.faults_now)):
        if faults:
            yield ''
            yield f'  faults {when}'
        for fault in faults:
            yield f'  {fault.time_s:9.2f}  {fault.part}: {fault.text}'
    if pistol.remarks:
        yield ''
    for remark in pistol.remarks:
        yield f'  {remark}'


def _entry(name: str, words: str) -> Iterator[str]:
    """Yield a name with words beside it: one line, on a terminal as many as they need."""
    first, *others = textwrap.wrap(words, 100 - _MARGIN) if sys.stdout.isatty() else [words]
    yield f'  {name:{_MARGIN - 2}}{first}'
    for line in others:
        yield ' ' * _MARGIN + line


def _corrections(pistol: Replay) -> Iterator[str]:
    if pistol.corrected:
        yield (
            f'{pistol.corrected} readings corrected: without what the modules were told then '
            'beyond what they are told today')
    if pistol.assumed_contacts:
        yield (
            f"{pistol.assumed_contacts} positions of the contactors assumed: as today's commands")


def _summary(outcome: Outcome, took_s: float) -> str:
    speed = f'{outcome.seconds:.1f} s in {took_s:.2f} s'
    if took_s > 0:
        speed += f', {outcome.seconds / took_s:.0f} times as fast'
    compared_s = sum(each.comparison.compared_s for each in outcome.replays)
    if not outcome.replays:
        return f'nothing of the interface in it ({speed})'
    if not compared_s:
        return f'nothing to compare: the log has no word of what was decided then ({speed})'
    number = len(outcome.differences)
    verdict = 'today decides as then' if not number else (
        f'today decides otherwise: {number} difference{"" if number == 1 else "s"}')
    if not outcome.is_judged:
        verdict += ', as far as it can be judged (see limits)'
    return f'{verdict}; compared {compared_s:.1f} s ({speed})'


def _value(difference: Difference, value: object) -> str:
    unit = difference.field.unit
    if unit and isinstance(value, int | float):
        return f'{value:.1f} {unit}'
    if isinstance(value, bool):
        return 'true' if value else 'false'
    return str(value or 'none')


def _as_json(outcome: Outcome, took_s: float) -> dict[str, object]:
    return {
        'seconds': outcome.seconds,
        'start_ns': outcome.start_ns,
        'took_s': round(took_s, 3),
        'is_same': outcome.is_same,
        'remarks': list(outcome.remarks),
        'pistols': [{
            'name': each.name,
            'index': each.index,
            'parameters': each.parameters.given,
            'inputs': dict(each.inputs),
            'corrected_readings': each.corrected,
            'assumed_contacts': each.assumed_contacts,
            'compared_s': round(each.comparison.compared_s, 2),
            'compared': each.comparison.compared,
            'not_in_the_log': each.comparison.unknown,
            'not_judged': each.comparison.not_judged,
            'phases': [
                {'time_s': round(row.time_s, 3), 'then': row.then, 'now': row.now}
                for row in each.comparison.phases],
            'differences': [{
                'field': difference.field.name, 'unit': difference.field.unit,
                'begin_s': round(difference.begin_s, 3), 'end_s': round(difference.end_s, 3),
                'then': difference.then, 'now': difference.now, 'reason': difference.reason,
            } for difference in each.comparison.differences],
            'faults_then': [_fault(fault) for fault in each.faults_then],
            'faults_now': [_fault(fault) for fault in each.faults_now],
            'remarks': each.remarks,
        } for each in outcome.replays],
    }


def _fault(fault: Fault) -> dict[str, object]:
    return {'time_s': round(fault.time_s, 3), 'part': fault.part, 'text': fault.text}
