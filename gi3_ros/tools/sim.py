"""``gi3 sim``: an ADVANTICS controller with a vehicle, on any bus."""

import contextlib
import math
import sys

import click

from ..bus import BusError
from ..priority import raise_priority
from ..sim.config import ControllerConfig
from ..sim.plug import DEFAULT_PORT, PlugError, VehicleEnd
from ..sim.run import Kind, run, RunConfig, Simulator, stop_on_signals
from ..sim.vehicle import VehicleConfig

_PREFIX = {
    Kind.CONTROLLER: '',
    Kind.FINDING: 'RULE BROKEN ',
    Kind.VEHICLE: 'vehicle: ',
    Kind.BUS: 'bus: ',
    Kind.VERDICT: '',
}
UNUSABLE = 2
"""Exit status when there is nothing to run on."""


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
@click.option('--index', default=1, type=click.IntRange(1, 31), help='Pistol index on the bus.')
@click.option(
    '--plug-port', default=DEFAULT_PORT, type=click.IntRange(0, 65535),
    help='UDP port of the simulated power modules on this machine. 0: none.')
@click.option(
    '--plug-in-after', 'plug_in_after_s', default=1.0, type=click.FloatRange(min=0),
    metavar='SECONDS', help='When the vehicle is plugged in.')
@click.option(
    '--duration-s', default=20.0, type=click.FloatRange(min=0, min_open=True), metavar='SECONDS',
    help='Energy transfer after which the vehicle stops. "inf": at its target state of charge.')
@click.option(
    '--state-of-charge', default=52.0, type=click.FloatRange(0, 100), metavar='PERCENT',
    help='Of the battery when the vehicle comes.')
@click.option(
    '--max-current', default=110.0, type=click.FloatRange(min=0, min_open=True), metavar='AMPERE',
    help='What the vehicle asks for at most. Charger (120 A) and cable (100 A) limit it further.')
@click.option(
    '--steps', is_flag=True, help='The vehicle asks for its current in one step, without a ramp.')
@click.option(
    '--insulation-kohm', default=1200.0, type=click.FloatRange(min=0, min_open=True),
    metavar='KOHM', help='Of the vehicle to earth; matters only with a plug link.')
@click.option(
    '--sequence-flags/--no-sequence-flags', default=True,
    help='Whether Sequence_Control counts (use_sequence_flags).')
@click.option(
    '--external-authorisation', is_flag=True,
    help='Wait for CCS_Authorisation_Done and obey CCS_Authorisation_Valid.')
@click.option('--once', is_flag=True, help='Exit after one session instead of repeating.')
@click.option(
    '--json', 'json_file', type=click.File('w', lazy=False), metavar='FILE',
    help='Write the events as JSON lines, too. "-": standard output instead of text.')
def sim(
    interface, channel, port, bitrate, index, plug_port, plug_in_after_s, duration_s,
    state_of_charge, max_current, steps, insulation_kohm, sequence_flags, external_authorisation,
    once, json_file,
):
    """
    Simulate an ADVANTICS charge controller with a vehicle.

    Speaks Generic Interface v3.2 on a CAN bus: CCS, ISO 15118-2, Target_Mode. It plugs the
    vehicle in, waits for the permission of the charger (Sequence_Control), goes through
    insulation test, precharge and energy transfer, and ends in the three steps of the
    interface. It holds the charger to the rules that bind it and prints each breach with the
    number of the rule.

    \b
    Examples:
      gi3 sim --once                         a session on this machine's virtual bus
      gi3 sim -i socketcan -c can0           for a real charger, until Ctrl-C

    With the simulated power modules of this package on the same machine, the vehicle's inlet is
    real copper: voltage and current follow from capacitors, contactors and battery (plug link).
    A foreign charger has no plug link: what it reports in Power_Modules_Status then counts as
    measured at the inlet.

    \b
    Exit status:
      0  every session ended Clean_Stop, and the charger broke no rule
      1  a session ended otherwise, or did not end, or a rule was broken: the last line says why
      2  the arguments or the bus are unusable
    """  # noqa: D301 - click wants the backspace itself
    def show(event):
        # A reader that has gone away must not stop the vehicle in mid-session.
        with contextlib.suppress(BrokenPipeError):
            if json_file is not None:
                print(event.to_json(), file=json_file, flush=True)
            if json_file is None or json_file.name != '<stdout>':
                print(f'{event.time_s:8.2f} s  {_PREFIX[event.kind]}{event.text}', flush=True)

    # Its heartbeat must come every 100 ms, on a busy machine as well.
    raise_priority()
    run_config = RunConfig(
        interface=interface, channel=channel, port=port, bitrate=bitrate,
        sessions=1 if once else 0, plug_in_after_s=plug_in_after_s,
    )
    try:
        if external_authorisation and not sequence_flags:
            raise ValueError('--external-authorisation needs --sequence-flags (R36)')
        controller_config = ControllerConfig(
            index=index,
            use_sequence_flags=sequence_flags,
            free_service=not external_authorisation,
        )
        vehicle_config = VehicleConfig(
            state_of_charge=state_of_charge / 100,
            max_current_a=max_current,
            charge_duration_s=duration_s,
            insulation_resistance_ohm=1000 * insulation_kohm,
            **({'ramp_up_a_per_s': math.inf, 'ramp_down_a_per_s': math.inf} if steps else {}),
        )
        with contextlib.ExitStack() as stack:
            plug = None
            if plug_port:
                plug = stack.enter_context(contextlib.closing(VehicleEnd(plug_port)))
            stop = stack.enter_context(stop_on_signals())
            simulator = Simulator(controller_config, vehicle_config, plug=plug)
            status = run(simulator, run_config, on_event=show, stop=stop)
    except (BusError, PlugError, ValueError) as error:
        click.echo(f'gi3 sim: {error}', err=True)
        sys.exit(UNUSABLE)
    sys.exit(status)
