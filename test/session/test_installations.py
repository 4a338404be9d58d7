# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whole sessions of other installations than CCS with contactors of one's own."""

import itertools

import pytest

from gi3_ros import msg as ros
from gi3_ros import srv
from gi3_ros.core.interface import signals

pytestmark = pytest.mark.timeout(180, func_only=True)
V2G = """
about: charges, then the central system takes energy back
vehicle: {file: chademo_v2g, charge_duration_s: 16}
controller:
  index: 1
  is_bidirectional: true
  max_charger_discharge_current: 60
  chademo_precharge: true
steps:
  - when: {state: Charging, current_above: 90}
    after: 3
    do: ocpp -20
  - when: {current_below: -19}
    after: 2
    do: ocpp 30
"""


def test_chademo_v2g_behind_the_controllers_relays(
        build_site, world, witness, start_process, tmp_path):
    """R25, R30, R46, R47: Range_Mode in both directions, through real processes."""
    site = build_site(
        modules=('-p', 'contactors:=controller'),
        charger=(
            '-p', 'installation:=controller_v2g',
            '-p', 'is_bidirectional:=true',
            '-p', 'max_charger_discharge_current:=60.0'))
    setpoints = world.listen(ros.EffectiveSetpoint, 'effective_setpoint')
    scenario = tmp_path / 'v2g.yaml'
    scenario.write_text(V2G)
    simulator = start_process(
        'gi3', 'sim', '--once', '--port', witness.port, '--plug-port', site.plug_port,
        '--plug-in-after', 0, '--scenario', scenario)
    site.measurements.wait_for(lambda reading: reading.current > 90.0, timeout_s=60.0)
    site.measurements.wait_for(lambda reading: reading.current < -19.0, timeout_s=20.0)
    site.measurements.wait_for(
        lambda reading: 29.0 < reading.current < 31.0, after=site.measurements.mark,
        timeout_s=20.0)
    assert simulator.exit_status(timeout_s=60.0) == 0, simulator.text
    assert 'Range_Mode, both' in simulator.text
    assert 'CLEAN_STOP' in simulator.output.last
    assert 'Wh taken back' in simulator.output.last
    sources = {setpoint.source for setpoint in setpoints.heard}
    assert 'ocpp' in sources
    finished = site.stories.wait_for(lambda story: story.end_reason)
    assert finished.end_reason == 'Clean_Stop'
    assert finished.energy_discharged > 1.0


V2G_CHARGER = ('installation:=controller_v2g', 'is_bidirectional:=true')


@pytest.mark.parametrize('modules, charger, controller, mode', [
    ((), (), (), 'Target_Mode'),
    (('contactors:=controller',), V2G_CHARGER,
     ('--vehicle', 'chademo_v2g', '--index', 1, '--set', 'is_bidirectional=true',
      '--set', 'chademo_precharge=true', '--set', 'max_charger_discharge_current=60'),
     'Range_Mode'),
], ids=['target', 'range'])
def test_a_charger_of_40_a_charges_with_40_a_where_the_controller_has_120(
        build_site, modules, charger, controller, mode):
    """R24, R25, R33: told in DC_Power_Parameters; the session breaks no rule."""
    site = build_site(**{
        name: tuple(itertools.chain.from_iterable(('-p', value) for value in values))
        for name, values in (('modules', modules),
                             ('charger', ('max_charger_current:=40.0', *charger)))})
    simulator = site.plug_in(*controller, duration_s=6)
    site.wait_for_charging(current_a=39.0)
    assert simulator.exit_status(timeout_s=60.0) == 0, simulator.text
    assert mode in simulator.text
    assert 'CLEAN_STOP' in simulator.output.last
    assert 'no rule broken by the charger' in simulator.output.last
    assert max(measured.current for measured in site.measurements.heard) < 42.0
    commanded = [frame.command for frame in site.witness.of(signals.DcPowerControl)]
    assert max(most_a for _, most_a, _, _ in commanded) == 40.0
    told = [frame.data for frame in site.witness.of(signals.DcPowerParameters)]
    assert {int.from_bytes(data[2:4], 'little') for data in told} == {400}
    assert 'has been told' not in site.charger.text


def test_two_pistols_with_different_plugs_share_charger_simulator_and_bus(
        seat, world, start_process, claim_port, tmp_path):
    """R51; CHAdeMO behind a diode (R46)."""
    port, names = claim_port(), [f'{world.pistol.lstrip("/")}_{side}' for side in 'ab']
    # The simulator takes the next port for its second pistol.
    plug_port = claim_port(2)
    energies = {}
    for name, offset, options in ((names[0], 0, ()), (names[1], 1, ('-p', 'has_diode:=true'))):
        start_process(
            'power_modules_sim', '--ros-args', '-r', f'__ns:=/{name}', '-p', 'autostart:=true',
            '-p', f'plug_port:={plug_port + offset}', *options)
        energies[name] = world.listen(
            ros.ChargeSession, f'/{name}/charge_session', latched=True)
    start_process(
        'charger', '--ros-args', '-p', 'autostart:=true', '-p', f'port:={port}',
        '-p', f'pistols:=[{", ".join(names)}]', '-p', 'indices:=[1, 4]')
    for stories in energies.values():
        stories.wait_for(timeout_s=30.0)
    config = tmp_path / 'cell.yaml'
    config.write_text('pistols: {CCS DC: {index: 1}, CHAdeMO: {index: 4}}')
    simulator = start_process(
        'gi3', 'sim', '--once', '--config', config, '--port', port, '--plug-port', plug_port,
        '--duration-s', 6)
    assert simulator.exit_status(timeout_s=90.0) == 0, simulator.text
    assert simulator.text.count('] CLEAN_STOP') == 2
    for name, stories in energies.items():
        finished = stories.wait_for(lambda story: story.end_reason)
        assert finished.end_reason == 'Clean_Stop', name
        assert finished.energy_charged > 20.0, name


def test_four_pistols_in_one_charger_all_end_their_sessions_well(
        seat, world, start_process, claim_port, tmp_path):
    """Two controllers with two pistols each, one bus; nobody is too slow for the rules (R1)."""
    port, plug_port = claim_port(), claim_port(4)
    names = [f'{world.pistol.lstrip("/")}_{side}' for side in 'abcd']
    stories = [
        world.listen(ros.ChargeSession, f'/{name}/charge_session', latched=True)
        for name in names]
    for number, name in enumerate(names):
        start_process(
            'power_modules_sim', '--ros-args', '-r', f'__ns:=/{name}', '-p', 'autostart:=true',
            '-p', f'plug_port:={plug_port + number}',
            *(('-p', 'has_diode:=true') if number % 2 else ()))
    start_process(
        'charger', '--ros-args', '-p', 'autostart:=true', '-p', f'port:={port}',
        '-p', f'pistols:=[{", ".join(names)}]', '-p', 'indices:=[1, 4, 7, 31]')
    for story in stories:
        story.wait_for(timeout_s=60.0)
    simulators = []
    for first, indices in ((0, (1, 4)), (2, (7, 31))):
        config = tmp_path / f'{first}.yaml'
        config.write_text('pistols: {{CCS DC: {{index: {}}}, CHAdeMO: {{index: {}}}}}'.format(
            *indices))
        simulators.append(start_process(
            'gi3', 'sim', '--once', '--config', config, '--port', port,
            '--plug-port', plug_port + first, '--duration-s', 6))
    for simulator in simulators:
        assert simulator.exit_status(timeout_s=120.0) == 0, simulator.text
        assert simulator.text.count('] CLEAN_STOP') == 2
        assert simulator.text.count('no rule broken by the charger') == 2
    for name, story in zip(names, stories, strict=True):
        finished = story.wait_for(lambda told: told.end_reason)
        assert finished.end_reason == 'Clean_Stop', name
        assert finished.energy_charged > 20.0, name


def test_chademo_v2g_behind_a_stage_of_our_own_on_digital_outputs(
        build_site, world, witness, start_process, tmp_path):
    """R47: the precharge relay and the main relay hang on the controller's outputs 2 and 3."""
    site = build_site(
        modules=('-p', 'contactors:=outputs', '-p', 'main_output:=3', '-p', 'precharge_output:=2'),
        charger=(
            '-p', 'installation:=own_v2g', '-p', 'main_output:=3', '-p', 'precharge_output:=2',
            '-p', 'is_bidirectional:=true', '-p', 'max_charger_discharge_current:=60.0'))
    progress = world.listen(ros.PrechargeStatus, 'precharge_status')
    scenario = tmp_path / 'v2g.yaml'
    scenario.write_text(V2G.replace('  chademo_precharge: true\n', ''))
    simulator = start_process(
        'gi3', 'sim', '--once', '--port', witness.port, '--plug-port', site.plug_port,
        '--plug-in-after', 0, '--scenario', scenario)
    site.measurements.wait_for(lambda reading: reading.current > 90.0, timeout_s=60.0)
    refused = world.call(srv.SetOutputs, 'set_outputs', outputs=[3], high=False)
    assert not refused.success
    assert 'it drives a relay of the output stage' in refused.message
    assert world.call(srv.SetOutputs, 'set_outputs', outputs=[4], high=True).success
    site.measurements.wait_for(lambda reading: reading.current < -19.0, timeout_s=20.0)
    assert simulator.exit_status(timeout_s=60.0) == 0, simulator.text
    assert 'CLEAN_STOP' in simulator.output.last
    assert progress.heard[-1].verdict == ros.PrechargeStatus.DONE
    assert progress.heard[-1].kind == ros.PrechargeStatus.V2G
    # In the order of the stage: main for the test, then the precharge relay, both, main.
    levels = [frame.data[0] & 0b111 for frame in witness.of(signals.AdmCsSeccOutputs)]
    order = [level for level, _ in itertools.groupby(levels)]
    assert order == [0b000, 0b100, 0b000, 0b010, 0b110, 0b100, 0b000]
    assert 'would have suffered' not in site.modules.text
