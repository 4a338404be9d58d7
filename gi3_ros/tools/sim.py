"""``gi3 sim``: an ADVANTICS controller with a vehicle, on any bus."""

import contextlib
import dataclasses
import math
import pathlib
import sys
import threading

import click

from ..bus import BusError, FrameLog
from ..priority import raise_priority
from ..sim import library
from ..sim.actions import ACTIONS
from ..sim.agreement import Direction
from ..sim.config import configs_of_mapping, configs_of_text, Pistol
from ..sim.link import Charger, Clock
from ..sim.plug import DEFAULT_PORT, DirectPlug, PlugError, VehicleEnd
from ..sim.run import conclude, Kind, Person, run, RunConfig, Simulator, stop_on_signals, tell
from ..sim.scenario import Player, read_yaml
from ..sim.vehicle import VehicleConfig

UNUSABLE = 2
"""Exit status when there is nothing to run on."""
FAST_LIMIT_S = 30 * 3600.0
"""A made-up clock does not run longer than this."""
_PLUGS = {False: Pistol.CCS.value, True: Pistol.CHADEMO.value}


class _Entry(click.ParamType):
    """``NAME=VALUE``."""

    name = 'NAME=VALUE'

    def convert(self, value, param, ctx):
        name, sign, text = value.partition('=')
        if not sign or not name.strip():
            self.fail(f'{value!r} should be NAME=VALUE', param, ctx)
        return name.strip(), text.strip()


def _list(ctx, _param, value):
    if value:
        click.echo('vehicles:')
        for name in library.names_in(library.VEHICLES):
            click.echo(f'  {name:28}{library.load_vehicle(name).name}')
        click.echo('scenarios:')
        for name in library.names_in(library.SCENARIOS):
            click.echo(f'  {name:28}{library.load_scenarios(name)[0].about}')
        ctx.exit()


def _help_actions(ctx, _param, value):
    if value:
        for name, spec in ACTIONS.items():
            click.echo(f'{name} {spec.usage}'.rstrip())
            click.echo(f'    {spec.help}')
        ctx.exit()


@click.command(
    short_help='Simulate the controller with a vehicle.',
    context_settings={'show_default': True, 'help_option_names': ['-h', '--help']},
)
@click.option(
    '--interface', '-i', default='udp_multicast',
    help='python-can interface: socketcan, udp_multicast (this machine only), ...')
@click.option('--channel', '-c', default='', help='Its channel: can0, vcan0, a multicast group.')
@click.option(
    '--port', default=0, type=click.IntRange(0, 65535),
    help='UDP port, udp_multicast only. 0: the default of python-can.')
@click.option(
    '--bitrate', default=0, type=click.IntRange(min=0),
    help='Bit/s for adapters that set it themselves. 0: leave it as it is.')
@click.option(
    '--config', 'config_file', type=click.Path(exists=True, dir_okay=False), metavar='FILE',
    help='The config.cfg of a controller, or YAML with pistols: all enabled DC pistols of it.')
@click.option('--pistol', default='', help='Only this pistol of the file: "CCS DC", "CHAdeMO".')
@click.option(
    '--set', 'entries', multiple=True, type=_Entry(),
    help="An entry of the controller's configuration; may be given often.")
@click.option(
    '--index', type=click.IntRange(1, 31),
    help='Pistol index on the bus; 1, CHAdeMO 3, unless configured otherwise.')
@click.option(
    '--vehicle', 'vehicles', multiple=True, metavar='NAME|FILE',
    help='The vehicle, see --list; with several pistols once for each, in their order.')
@click.option(
    '--vehicle-set', 'vehicle_entries', multiple=True, type=_Entry(),
    help='An entry of the vehicle; may be given often.')
@click.option(
    '--scenario', 'scenario_name', default='', metavar='NAME|FILE',
    help='What happens, and when; see --list. Implies --once.')
@click.option(
    '--plug-port', default=DEFAULT_PORT, type=click.IntRange(0, 65535),
    help='UDP port of the simulated power modules on this machine, the next ones for further '
    'pistols. 0: none.')
@click.option(
    '--plug-in-after', 'plug_in_after_s', default=1.0, type=click.FloatRange(min=0),
    metavar='SECONDS', help='When the vehicle is plugged in.')
@click.option(
    '--duration-s', type=click.FloatRange(min=0, min_open=True), metavar='SECONDS',
    help='Energy transfer after which the vehicle stops; 20 without a scenario. "inf": at its '
    'target state of charge.')
@click.option(
    '--direction', type=click.Choice([each.value for each in Direction]),
    help='Which way the energy may flow.')
@click.option(
    '--state-of-charge', type=click.FloatRange(0, 100), metavar='PERCENT',
    help='Of the battery when the vehicle comes.')
@click.option(
    '--max-current', type=click.FloatRange(min=0, min_open=True), metavar='AMPERE',
    help='What the vehicle asks for at most. Charger (120 A) and cable (100 A) limit it further.')
@click.option(
    '--steps', is_flag=True, help='The vehicle asks for its current in one step, without a ramp.')
@click.option(
    '--insulation-kohm', type=click.FloatRange(min=0, min_open=True), metavar='KOHM',
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
@click.option('--live', is_flag=True, help='A live view with keys instead of lines.')
@click.option(
    '--stdin', 'reads_stdin', is_flag=True,
    help='Take actions from standard input, one on a line; see --help-actions.')
@click.option(
    '--log', 'log_file', type=click.Path(dir_okay=False, writable=True), metavar='FILE',
    help='Write all frames: .log (candump), .asc, .blf, .trc, .csv.')
@click.option(
    '--json', 'json_file', type=click.File('w', lazy=False), metavar='FILE',
    help='Write the events as JSON lines, too. "-": standard output instead of text.')
@click.option(
    '--list', is_flag=True, is_eager=True, expose_value=False, callback=_list,
    help='List the vehicles and scenarios that come along.')
@click.option(
    '--help-actions', is_flag=True, is_eager=True, expose_value=False, callback=_help_actions,
    help='List the actions for scenarios, --stdin and the live view.')
def sim(
    interface, channel, port, bitrate, plug_port, once, fast, seed, live, reads_stdin, log_file,
    json_file, **options,
):
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
      gi3 sim --vehicle chademo_v2g --set is_bidirectional=true \\
              --set max_charger_discharge_current=60 --direction both
      gi3 sim --config /srv/config.cfg       the pistols as your controller has them
      gi3 sim --scenario emergency_pev       something goes wrong, as a file says
      echo "mute DC_Power_Control for 3" | gi3 sim --stdin

    The vehicle decides on the protocol (DIN 70121, ISO 15118-2, ISO 15118-20 Scheduled or
    Dynamic, CHAdeMO), together with the controller's entries (enable_iso_part20,
    is_bidirectional, supports_range_mode, ...). Vehicles and scenarios are YAML files:
    docs/simulator.md describes them.

    With the simulated power modules of this package on the same machine, the vehicle's inlet is
    real copper: voltage and current follow from capacitors, contactors and battery (plug link).
    A foreign charger has no plug link: what it reports in Power_Modules_Status then counts as
    measured at the inlet.

    \b
    Exit status:
      0  every session ended Clean_Stop, or as the scenario expects, and no rule was broken
      1  a session ended otherwise, or did not end, or a rule was broken: the last line says why
      2  the arguments or the bus are unusable
    """  # noqa: D301 - click wants the backspace itself
    # Its heartbeat must come every 100 ms, on a busy machine as well.
    raise_priority()
    try:
        with contextlib.ExitStack() as stack:
            screen = None
            if live:
                _check_live(fast=fast, stdin=reads_stdin, json=json_file is not None)
                screen = stack.enter_context(_screen())
            log = None
            if log_file:
                log = stack.enter_context(contextlib.closing(FrameLog(log_file)))
            scenario = _scenario(options['scenario_name'])
            is_once = once or fast or scenario is not None
            cases = _cases(scenario, options)
            show = screen or _Lines(json_file, has_several=len(cases) > 1)
            stop = stack.enter_context(stop_on_signals())
            simulators = [
                _simulator(
                    case, scenario, stack=stack, seed=seed + number, is_once=is_once,
                    plug_in_after_s=options['plug_in_after_s'],
                    plug=_plug(fast, plug_port and plug_port + number))
                for number, case in enumerate(cases)
            ]
            for simulator, case in zip(simulators, cases, strict=True):
                for warning in case.warnings:
                    simulator.say(Kind.ACTION, f'configuration: {warning}', now_s=0.0)
            if fast:
                status = _run_fast(simulators, show, log, stop)
            else:
                status = run(
                    simulators,
                    RunConfig(interface=interface, channel=channel, port=port, bitrate=bitrate),
                    on_event=show, on_frame=_recorder(log, simulators),
                    between=_between(show, simulators, reads_stdin, stop), stop=stop)
    except (BusError, PlugError, ValueError) as error:
        click.echo(f'gi3 sim: {error}', err=True)
        sys.exit(UNUSABLE)
    sys.exit(status)


@dataclasses.dataclass(frozen=True)
class _Case:
    """One pistol with its vehicle."""

    config: object
    vehicle: VehicleConfig
    warnings: list


def _scenario(name):
    if not name:
        return None
    scenarios = library.load_scenarios(name)
    if len(scenarios) > 1:
        names = ', '.join(each.name for each in scenarios)
        raise ValueError(
            f'{name} holds several: say which one, as in {scenarios[0].name!r}; {names}')
    return scenarios[0]


def _cases(scenario, options):
    """Return what is simulated at each pistol."""
    names = list(options['vehicles'])
    if not names and scenario is not None and scenario.vehicle:
        names = [scenario.vehicle]
    vehicles = [_vehicle(name, scenario, options) for name in names] or [
        _vehicle('', scenario, options)]
    configs = _configs(scenario, options, is_chademo=vehicles[0].protocols[0].is_chademo)
    if len(vehicles) == 1:
        vehicles *= len(configs)
    if len(vehicles) != len(configs):
        raise ValueError(f'{len(vehicles)} vehicles for {len(configs)} pistols')
    return [
        _Case(config, vehicle, warnings)
        for (config, warnings), vehicle in zip(configs, vehicles, strict=True)]


def _vehicle(name, scenario, options):
    """Return a vehicle: file, then scenario, then options."""
    changes = {} if scenario is None else dict(scenario.vehicle_entries)
    if options['duration_s'] is not None or (
            scenario is None and not any(key == 'charge_duration_s' for key, _ in
                                         options['vehicle_entries'])):
        changes['charge_duration_s'] = options['duration_s'] or 20.0
    for key, option in (('direction', 'direction'), ('max_current_a', 'max_current')):
        if options[option] is not None:
            changes[key] = options[option]
    if options['state_of_charge'] is not None:
        changes['state_of_charge'] = options['state_of_charge'] / 100
    if options['insulation_kohm'] is not None:
        changes['insulation_resistance_ohm'] = 1000 * options['insulation_kohm']
    if options['steps']:
        changes.update(ramp_up_a_per_s=math.inf, ramp_down_a_per_s=math.inf)
    for key, text in options['vehicle_entries']:
        changes[key] = read_yaml(f'value: {text}', f'--vehicle-set {key}')['value']
    if not name:
        return library.vehicle_of({}, 'vehicle', **changes)
    return library.load_vehicle(name, **changes)


def _configs(scenario, options, *, is_chademo):
    """Return the configuration of each pistol: file, then scenario, then options."""
    file, pistol = options['config_file'], options['pistol']
    entries = {} if scenario is None else dict(scenario.controller)
    entries.update(options['entries'])
    if options['index'] is not None:
        entries['index'] = options['index']
    if options['sequence_flags'] is not None:
        entries['use_sequence_flags'] = options['sequence_flags']
    if options['external_authorisation']:
        if options['sequence_flags'] is False:
            raise ValueError('--external-authorisation needs --sequence-flags (R36)')
        entries['free_service'] = False
    if not file:
        return configs_of_mapping({pistol or _PLUGS[is_chademo]: entries})
    if pathlib.Path(file).suffix in ('.yaml', '.yml'):
        content = read_yaml(pathlib.Path(file).read_text(encoding='utf-8'), file)
        pistols = content.get('pistols')
        if not isinstance(pistols, dict):
            raise ValueError(f'{file}: pistols: a mapping of pistols is expected')
        if pistol:
            if pistol not in pistols:
                raise ValueError(f'{file}: there is no pistol {pistol!r}')
            pistols = {pistol: pistols[pistol]}
        return configs_of_mapping(
            {name: {**(own or {}), **entries} for name, own in pistols.items()})
    return configs_of_text(
        pathlib.Path(file).read_text(encoding='utf-8'), pistol=pistol, changes=entries)


def _simulator(case, scenario, *, stack, seed, is_once, plug_in_after_s, plug):
    if plug is not None:
        stack.enter_context(contextlib.closing(plug))
    return Simulator(
        case.config, case.vehicle, plug=plug, seed=seed,
        player=None if scenario is None else Player(scenario),
        person=Person(sessions=int(is_once), plug_in_after_s=plug_in_after_s))


def _plug(is_fast, port):
    if is_fast:
        return DirectPlug()
    return VehicleEnd(port) if port else None


def _run_fast(simulators, show, log, stop):
    clock = Clock(
        [(simulator, Charger.fitting(simulator.config, simulator.plug))
         for simulator in simulators],
        on_frame=None if log is None else log.write)
    while not (stop.is_set() or all(simulator.is_over for simulator in simulators)):
        clock.step()
        tell(simulators, show)
        if clock.now_s > FAST_LIMIT_S:
            raise ValueError(f'no end within {FAST_LIMIT_S / 3600:g} hours of made-up time')
    return conclude(simulators, show, now_s=clock.now_s, is_stopped=stop.is_set())


def _recorder(log, simulators):
    """Return what writes frames; those of ours that the bus gives back are there already."""
    if log is None:
        return None
    own = {simulator.config.index for simulator in simulators}

    def record(frame, time_s, is_ours):
        is_echo = not is_ours and frame.can_id & 0x8000 and frame.can_id >> 24 in own
        if not is_echo:
            log.write(frame, time_s, is_ours=is_ours)
    return record


class _Lines:
    """Shows events as lines."""

    def __init__(self, json_file, *, has_several):
        self._json_file = json_file
        self._has_several = has_several

    def __call__(self, event):
        # A reader that has gone away must not stop the vehicle in mid-session.
        with contextlib.suppress(BrokenPipeError):
            if self._json_file is not None:
                print(event.to_json(), file=self._json_file, flush=True)
            if self._json_file is None or self._json_file.name != '<stdout>':
                pistol = f'[{event.pistol}] ' if self._has_several else ''
                print(
                    f'{event.time_s:8.2f} s  {pistol}{event.words}',
                    flush=True)


def _check_live(**others):
    """Refuse what makes no sense together with ``--live``."""
    for name, is_given in others.items():
        if is_given:
            raise ValueError(f'--live does not go together with --{name}')


def _screen():
    # With it come rich and what only a terminal of Unix has: not for the lines.
    from .sim_screen import Screen
    return Screen()


def _between(show, simulators, reads_stdin, stop):
    """Return what is done in every turn besides the simulation."""
    if hasattr(show, 'turn'):
        return lambda now_s: show.turn(simulators, stop, now_s=now_s)
    if not reads_stdin:
        return None
    lines = _typed_lines()

    def do(now_s):
        while lines:
            line = lines.pop(0)
            index, colon, rest = line.partition(':')
            chosen = simulators
            if colon and index.strip().isdigit():
                chosen = [each for each in simulators if each.config.index == int(index)]
                line = rest
            try:
                for simulator in chosen:
                    simulator.do(line, now_s=now_s)
            except ValueError as error:
                click.echo(f'gi3 sim: {error}', err=True)
    return do


def _typed_lines():
    """Return a list that a thread fills with the lines of standard input."""
    lines = []

    def read():
        for line in sys.stdin:
            if line.strip():
                lines.append(line.strip())

    threading.Thread(target=read, name='standard input', daemon=True).start()
    return lines
