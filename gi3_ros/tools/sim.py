# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""``gi3 sim``: an ADVANTICS controller with a vehicle, on any bus."""

from collections.abc import Callable
import contextlib
import math
import os
import sys
import threading
from typing import Any, Protocol, TextIO

import click

from ..bus import BusError
from ..core.interface.frame import Frame
from ..core.rules.tolerances import Tolerances
from ..logs.entries import Heard, LogError
from ..logs.output import growing, growing_lines
from ..logs.writers.writer import LogWriter
from ..logs.writing import open_writer
from ..priority import raise_priority
from ..sim import library
from ..sim.actions import ACTIONS
from ..sim.events import Event, Kind
from ..sim.judgement import tolerances_for
from ..sim.link import Charger, Clock
from ..sim.person import Person
from ..sim.plug import DEFAULT_PORT, DirectPlug, PlugError, VehicleEnd
from ..sim.protocols import Direction
from ..sim.run import conclude, run, RunConfig, stop_on_signals, tell
from ..sim.scenario import Player, Scenario
from ..sim.simulator import Simulator
from .options import bus_options, Entry, tolerance_option, with_entries
from .sim_cases import (
    Case,
    cases_of,
    DEFAULT_DURATION_S,
    DEFAULT_VEHICLE,
    scenario_of,
    Wishes,
)
from .views.process import ViewProcess
from .views.sim_desk import Desk

UNUSABLE = 2
"""Exit status when there is nothing to run on."""
FAST_LIMIT_S = 30 * 3600.0
"""A made-up clock does not run longer than this."""
Plug = DirectPlug | VehicleEnd
Show = Callable[[Event], None]
"""Shows an event."""
Recorder = Callable[[Frame, float, bool], None]
"""Takes a frame, when it was on the bus, and whether it is ours."""


class _Adder(Protocol):
    """Adds a frame to a log."""

    def __call__(self, frame: Frame, time_s: float, *, is_ours: bool = True) -> None: ...


_SECTIONS = {
    'Bus': ('interface', 'channel', 'port', 'bitrate', 'plug_port', 'fast'),
    'Controller': ('config_file', 'pistol', 'index', 'entries', 'sequence_flags',
                   'external_authorisation'),
    'Vehicle': ('vehicles', 'vehicle_entries', 'plug_in_after_s', 'start_after_s', 'duration_s',
                'direction',
                'state_of_charge', 'max_current', 'steps', 'insulation_kohm'),
    'What happens': ('scenario_name', 'once', 'stdin', 'seed', 'tolerances'),
    'What is shown': ('live', 'log_file', 'json_file'),
}
"""Headings of the help, with the names of the options below them; what is left comes last."""


class _Manual(click.Command):
    """A command whose help has its options in sections."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        records = {
            param.name: record for param in self.get_params(ctx)
            if (record := param.get_help_record(ctx)) is not None}
        for heading, names in _SECTIONS.items():
            with formatter.section(heading):
                formatter.write_dl([records.pop(name) for name in names])
        with formatter.section('Help'):
            formatter.write_dl(list(records.values()))


class _Finite(click.FloatRange):
    """A number in a range; neither "nan" nor, unless that is said to have a meaning, "inf"."""

    def __init__(
        self, *, may_be_infinite: bool = False, min: float | None = None,
        max: float | None = None, min_open: bool = False,
    ) -> None:
        super().__init__(min=min, max=max, min_open=min_open)
        self._may_be_infinite = may_be_infinite

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None,
    ) -> float:  # text from a command line, or a default
        number = float(super().convert(value, param, ctx))
        if math.isnan(number) or (math.isinf(number) and not self._may_be_infinite):
            self.fail(f'{value} is no number of use here', param, ctx)
        return number


def _list(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        click.echo('vehicles:')
        for name in library.names_in(library.VEHICLES):
            click.echo(f'  {name:32} {library.load_vehicle(name).name}')
        click.echo('scenarios:')
        for name in library.names_in(library.SCENARIOS):
            first, *others = library.load_scenarios(name)
            click.echo(f'  {first.name:32} {first.about}')
            if others:
                words = ', '.join(each.name.removeprefix(name).strip() for each in others)
                click.echo(f'{"":35}also: {name} with {words}')
        ctx.exit()


def _help_actions(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        for name, spec in ACTIONS.items():
            click.echo(f'{name} {spec.usage}'.rstrip())
            click.echo(f'    {spec.help}')
        ctx.exit()


@click.command(
    cls=_Manual, short_help='Simulate the controller with a vehicle.',
    context_settings={'show_default': True, 'help_option_names': ['-h', '--help']},
)
@bus_options
@click.option(
    '--config', 'config_file', type=click.Path(exists=True, dir_okay=False), metavar='FILE',
    help='The config.cfg of a controller, or YAML with pistols: all enabled DC pistols of it.')
@click.option('--pistol', default='', help='Only this pistol of the file: "CCS DC", "CHAdeMO".')
@click.option(
    '--set', 'entries', multiple=True, type=Entry(),
    help="An entry of the controller's configuration; may be given often.")
@click.option(
    '--index', type=click.IntRange(1, 31),
    help='Pistol index on the bus; 1, CHAdeMO 3, unless configured otherwise.')
@click.option(
    '--vehicle', 'vehicles', multiple=True, metavar='NAME|FILE',
    help=f'The vehicle, see --list; with several pistols once for each, in their order. '
    f'Without: {DEFAULT_VEHICLE}.')
@click.option(
    '--vehicle-set', 'vehicle_entries', multiple=True, type=Entry(),
    help='An entry of the vehicle; may be given often.')
@click.option(
    '--scenario', 'scenario_name', default='', metavar='NAME|FILE',
    help='What happens, and when; see --list. Implies --once.')
@click.option(
    '--plug-port', default=DEFAULT_PORT, type=click.IntRange(0, 65535),
    help='UDP port of the simulated power modules on this machine, the next ones for further '
    'pistols. 0: none.')
@click.option(
    '--plug-in-after', 'plug_in_after_s', default=1.0, type=_Finite(min=0),
    metavar='SECONDS', help='When the vehicle is plugged in.')
@click.option(
    '--start-after', 'start_after_s', default=1.0, type=_Finite(min=0, may_be_infinite=True),
    metavar='SECONDS', help='From there to the start button of CHAdeMO. "inf": nobody presses it, '
    'the flag CHAdeMO_Start_Button has to.')
@click.option(
    '--duration-s', type=_Finite(min=0, min_open=True, may_be_infinite=True),
    metavar='SECONDS', help=f'Energy transfer after which the vehicle stops; '
    f'{DEFAULT_DURATION_S:g} without a scenario. "inf": at its target state of charge.')
@click.option(
    '--direction', type=click.Choice([each.value for each in Direction]),
    help='Which way the energy may flow.')
@click.option(
    '--state-of-charge', type=_Finite(min=0, max=100), metavar='PERCENT',
    help='Of the battery when the vehicle comes.')
@click.option(
    '--max-current', type=_Finite(min=0, min_open=True), metavar='AMPERE',
    help='What the vehicle asks for at most. Charger (120 A) and cable (100 A) limit it further.')
@click.option(
    '--steps', is_flag=True, help='The vehicle asks for its current in one step, without a ramp.')
@click.option(
    '--insulation-kohm', type=_Finite(min=0, min_open=True), metavar='KOHM',
    help='Of the vehicle to earth; matters only with a plug link.')
@click.option(
    '--sequence-flags/--no-sequence-flags', default=None,
    help='Whether Sequence_Control counts (use_sequence_flags).')
@click.option(
    '--external-authorisation', is_flag=True,
    help='Wait for CCS_Authorisation_Done and obey CCS_Authorisation_Valid (free_service=false).')
@click.option('--once', is_flag=True, help='Exit after one session instead of repeating.')
@click.option(
    '--fast', is_flag=True,
    help="No bus: this package's own charger answers, on a made-up clock. Implies --once.")
@click.option('--seed', default=0, help='Of what is left to chance (jitter).')
@tolerance_option
@click.option('--live', is_flag=True, help='A live view with keys instead of lines.')
@click.option(
    '--stdin', is_flag=True,
    help='Take actions from standard input, one on a line; see --help-actions.')
@click.option(
    '--log', 'log_file', type=click.Path(dir_okay=False), metavar='FILE',
    help='Write all frames: .log (candump), .asc, .blf, .trc, .csv, .parquet.')
@click.option(
    '--json', 'json_file', type=click.Path(dir_okay=False, allow_dash=True), metavar='FILE',
    help='Write the events as JSON lines, too. "-": standard output instead of text.')
@click.option(
    '--list', is_flag=True, is_eager=True, expose_value=False, callback=_list,
    help='List the vehicles and scenarios that come along.')
@click.option(
    '--help-actions', is_flag=True, is_eager=True, expose_value=False, callback=_help_actions,
    help='List the actions for scenarios, --stdin and the live view.')
def sim(
    interface: str, channel: str, port: int, bitrate: int, plug_port: int, once: bool, fast: bool,
    seed: int, live: bool, stdin: bool, log_file: str | None, json_file: str | None,
    scenario_name: str, plug_in_after_s: float, start_after_s: float,
    tolerances: tuple[tuple[str, str], ...],
    **wishes: Any,  # click gives them by the names of Wishes
) -> None:
    """
    Simulate ADVANTICS charge controllers with vehicles.

    Speaks Generic Interface v3.2 on a CAN bus, for any charger. It plugs the vehicle in, waits
    for the permission of the charger (Sequence_Control), goes through insulation test, precharge
    and energy transfer, and ends in the three steps of the interface. It holds the charger to the
    rules that bind it and prints each breach with time, values and the number of the rule.

    \b
    Examples:
      gi3 sim --once                         a session on this machine's virtual bus
      gi3 sim --fast                         the same in a second, with a charger of its own
      gi3 sim -i socketcan -c can0           for a real charger, until Ctrl-C
      gi3 sim -i socketcan -c can0 --live    with a live view and keys
      gi3 sim --vehicle ccs_800v --set max_charger_voltage=920 --set max_cable_voltage=920
      gi3 sim --vehicle chademo_v2g --set is_bidirectional=true --set chademo_precharge=true \\
              --set max_charger_discharge_current=60 --direction both
      gi3 sim --config /srv/config.cfg       the pistols as your controller has them
      gi3 sim --scenario never_opens         something goes wrong, as a file says
      echo "mute DC_Power_Control for 3" | gi3 sim --stdin

    The vehicle decides on the protocol (DIN 70121, ISO 15118-2, ISO 15118-20 Scheduled or
    Dynamic, CHAdeMO), together with the controller's entries (enable_iso_part20,
    is_bidirectional, supports_range_mode, ...). Vehicles and scenarios are YAML files:
    docs/reference/simulator.md describes them.

    With the simulated power modules of this package on the same machine, the vehicle's inlet is
    real copper: voltage and current follow from capacitors, contactors and battery (plug link).
    A foreign charger has no plug link: what it reports in Power_Modules_Status then counts as
    measured at the inlet.

    \b
    Exit status:
      0  every session ended Clean_Stop, or as the scenario expects, and no rule was broken
      1  a session ended otherwise, or did not end, or a rule was broken, or a step of the scenario
         did not happen: the last line says why
      2  the arguments or the bus are unusable
    """  # noqa: D301 - click wants the backspace itself
    try:
        with contextlib.ExitStack() as stack:
            viewer: ViewProcess | None = None
            _check_together(fast, stdin, log_file, json_file)
            if live:
                _check_live(fast=fast, stdin=stdin, json=json_file is not None)
                # Before the priority is raised: nobody waits for a view.
                viewer = stack.enter_context(ViewProcess('sim'))
            # Its heartbeat must come every 100 ms, on a busy machine as well. On made-up time
            # nobody waits for it, and it would take the processor from a charger at work here.
            if not fast:
                raise_priority()
            scenario = scenario_of(scenario_name)
            is_once = once or fast or scenario is not None
            cases = cases_of(scenario, Wishes(**wishes))
            stop = stack.enter_context(stop_on_signals())
            simulators = [
                _simulator(
                    case, scenario, stack=stack, seed=seed + number, is_once=is_once,
                    plug_in_after_s=plug_in_after_s,
                    start_after_s=start_after_s,
                    tolerances=with_entries(tolerances_for(case.config), tolerances),
                    plug=_plug(fast, plug_port and plug_port + number))
                for number, case in enumerate(cases)
            ]
            for simulator, case in zip(simulators, cases, strict=True):
                for warning in case.warnings:
                    simulator.say(Kind.ACTION, f'configuration: {warning}', now_s=0.0)
            # Last: what was in the files goes only when there is something new.
            log = _opened_log(log_file, stack)
            show: Show = Desk(viewer, simulators) if viewer is not None else _Lines(
                _opened_json(json_file, stack), has_several=len(cases) > 1)
            if fast:
                status = _run_fast(simulators, show, log, stop)
            else:
                status = run(
                    simulators,
                    RunConfig(interface=interface, channel=channel, port=port, bitrate=bitrate),
                    on_event=show, on_frame=_recorder(log, simulators),
                    between=_between(show, simulators, stdin, stop), stop=stop)
    except (BusError, LogError, PlugError, ValueError) as error:
        click.echo(f'gi3 sim: {error}', err=True)
        sys.exit(UNUSABLE)
    sys.exit(status)


def _check_together(
    fast: bool, stdin: bool, log_file: str | None, json_file: str | None,
) -> None:
    if fast and stdin:
        raise ValueError('--fast does not go together with --stdin: it is over before the first '
                         'action is read; --scenario takes a file with the actions')
    if log_file is None or json_file is None or json_file == '-':
        return
    if os.path.realpath(log_file) == os.path.realpath(json_file):
        raise ValueError('--log and --json want the same file: choose two')


def _opened_log(path: str | None, stack: contextlib.ExitStack) -> LogWriter | None:
    if path is None:
        return None
    return stack.enter_context(open_writer(stack.enter_context(growing(path))))


def _opened_json(path: str | None, stack: contextlib.ExitStack) -> TextIO | None:
    if path is None:
        return None
    return sys.stdout if path == '-' else stack.enter_context(growing_lines(path))


def _simulator(
    case: Case, scenario: Scenario | None, *, stack: contextlib.ExitStack, seed: int,
    is_once: bool, plug_in_after_s: float, start_after_s: float, tolerances: Tolerances,
    plug: Plug | None,
) -> Simulator:
    if plug is not None:
        stack.enter_context(contextlib.closing(plug))
    return Simulator(
        case.config, case.vehicle, plug=plug, seed=seed,
        player=None if scenario is None else Player(scenario),
        tolerances=tolerances,
        person=Person(
            sessions=int(is_once), plug_in_after_s=plug_in_after_s,
            start_after_s=start_after_s))


def _plug(is_fast: bool, port: int) -> Plug | None:
    if is_fast:
        return DirectPlug()
    return VehicleEnd(port) if port else None


def _run_fast(
    simulators: list[Simulator], show: Show, log: LogWriter | None, stop: threading.Event,
) -> int:
    pistols = [(simulator, _charger(simulator)) for simulator in simulators]
    clock = Clock(pistols, on_frame=None if log is None else _adder(log))
    while not (stop.is_set() or all(simulator.is_over for simulator in simulators)):
        clock.step()
        tell(simulators, show)
        if clock.now_s > FAST_LIMIT_S:
            raise ValueError(f'no end within {FAST_LIMIT_S / 3600:g} hours of made-up time')
    breaches = [
        (simulator, breach) for simulator, charger in pistols
        for breach in charger.modules.breaches]
    for simulator, breach in breaches:
        simulator.say(
            Kind.CHARGER, f'its hardware would have suffered: {breach.text}', now_s=breach.time_s)
    status = conclude(simulators, show, now_s=clock.now_s, is_stopped=stop.is_set())
    return 1 if breaches else status


def _charger(simulator: Simulator) -> Charger:
    """Return a charger of this package at the other end of the simulator's plug."""
    plug = simulator.plug
    return Charger.fitting(simulator.config, plug if isinstance(plug, DirectPlug) else None)


def _recorder(log: LogWriter | None, simulators: list[Simulator]) -> Recorder | None:
    """Return what writes frames; those of ours that the bus gives back are there already."""
    if log is None:
        return None
    own = {simulator.config.index for simulator in simulators}
    add = _adder(log)

    def record(frame: Frame, time_s: float, is_ours: bool) -> None:
        is_echo = not is_ours and frame.can_id & 0x8000 and frame.can_id >> 24 in own
        if not is_echo:
            add(frame, time_s, is_ours=is_ours)
    return record


def _adder(log: LogWriter) -> _Adder:
    """Return what adds a frame to a log."""
    def add(frame: Frame, time_s: float, *, is_ours: bool = True) -> None:
        # To the microsecond: a float of seconds since the epoch holds no more.
        log.write(Heard(round(time_s * 1e6) * 1000, frame, 'can0', is_ours))
    return add


class _Lines:
    """Shows events as lines."""

    def __init__(self, json_file: TextIO | None, *, has_several: bool) -> None:
        self._json_file = json_file
        self._has_several = has_several

    def __call__(self, event: Event) -> None:
        # A reader that has gone away must not stop the vehicle in mid-session.
        with contextlib.suppress(BrokenPipeError):
            if self._json_file is not None:
                print(event.to_json(), file=self._json_file, flush=True)
            if self._json_file is not sys.stdout:
                pistol = f'[{event.pistol}] ' if self._has_several else ''
                print(
                    f'{event.time_s:8.2f} s  {pistol}{event.words}',
                    flush=True)


def _check_live(**others: bool) -> None:
    """Refuse what makes no sense together with ``--live``."""
    for name, is_given in others.items():
        if is_given:
            raise ValueError(f'--live does not go together with --{name}')


def _between(
    show: Show, simulators: list[Simulator], stdin: bool, stop: threading.Event,
) -> Callable[[float], None] | None:
    """Return what is done in every turn besides the simulation."""
    if isinstance(show, Desk):
        return lambda now_s: show.turn(stop, now_s=now_s)
    if not stdin:
        return None
    lines = _typed_lines()

    def do(now_s: float) -> None:
        while lines:
            line = lines.pop(0)
            index, colon, rest = line.partition(':')
            chosen = simulators
            if colon and index.strip().isdigit():
                chosen = [each for each in simulators if each.config.index == int(index)]
                line = rest
            try:
                if not chosen:
                    raise ValueError(f'there is no pistol with index {index}')
                for simulator in chosen:
                    simulator.do(line, now_s=now_s)
            except ValueError as error:
                click.echo(f'gi3 sim: {error}', err=True)
    return do


def _typed_lines() -> list[str]:
    """Return a list that a thread fills with the lines of standard input."""
    lines: list[str] = []

    def read() -> None:
        for line in sys.stdin:
            if line.strip():
                lines.append(line.strip())

    threading.Thread(target=read, name='standard input', daemon=True).start()
    return lines
