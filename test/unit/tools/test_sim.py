# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command ``gi3 sim`` as somebody types it, on the made-up clock."""

import itertools
import json
import os
import pathlib
import re
import subprocess
import sys
import threading

from click.testing import CliRunner
import pytest

from gi3_ros.core.interface.codec import decode, Received
from gi3_ros.logs.reading import open_log
from gi3_ros.sim import library
from gi3_ros.sim.actions import ACTIONS
from gi3_ros.tools.sim import sim

RUDE = """
about: everything that is left to chance
vehicle: {file: ccs_400v, charge_duration_s: 4, request_jitter: 0.5}
steps:
  - when: {state: Charging}
    do: [jitter all 0.04 for 2, duplicate EV_Information_Battery for 3]
"""
TWO_PISTOLS = """
pistols:
  CCS DC: {max_charger_current: 80}
  CHAdeMO: {index: 4}
"""


def gi3_sim(*arguments, input=None):
    result = CliRunner().invoke(sim, [str(each) for each in arguments], input=input)
    assert 'Traceback' not in result.output
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def messages(path):
    """Return ``(time, index, message)`` of a log of frames."""
    found = []
    for heard in open_log(path):
        got = decode(heard.frame)
        assert isinstance(got, Received)
        found.append((heard.time_s, got.index, got.message))
    return found


def test_a_fast_session_ends_with_a_verdict():
    result = gi3_sim('--fast', '--duration-s', 5)
    assert result.exit_code == 0
    last = result.output.splitlines()[-1]
    assert 'CLEAN_STOP' in last and 'no rule broken' in last


def test_actions_from_standard_input_are_not_dropped_without_a_word():
    result = gi3_sim('--fast', '--stdin', input='mute DC_Power_Control for 3\n')
    assert result.exit_code == 2
    assert '--fast does not go together with --stdin' in result.output
    assert '--scenario' in result.output


@pytest.mark.parametrize('other', ['out.txt', './out.txt', 'link.txt'])
def test_log_and_events_do_not_replace_each_other(tmp_path, monkeypatch, other):
    monkeypatch.chdir(tmp_path)
    if other == 'link.txt':
        pathlib.Path('link.txt').symlink_to('out.txt')
    result = gi3_sim('--fast', '--log', 'out.txt', '--json', other)
    assert result.exit_code == 2
    assert '--log and --json want the same file' in result.output
    assert not pathlib.Path('out.txt').exists()


def test_the_same_seed_gives_the_same_log_byte_for_byte(tmp_path):
    scenario = tmp_path / 'rude.yaml'
    scenario.write_text(RUDE)
    logs = []
    for number, seed in enumerate((5, 5, 6)):
        path = tmp_path / f'{number}.log'
        # In processes of their own: nothing of one run may reach the next.
        subprocess.run(
            [sys.executable, '-c', 'from gi3_ros.tools.main import main; main()', 'sim',
             '--fast', '--scenario', scenario, '--seed', str(seed), '--log', path],
            check=True, stdout=subprocess.DEVNULL,
            env={**os.environ, 'PYTHONHASHSEED': str(number)})
        logs.append(path.read_bytes())
    assert len(logs[0]) > 10000
    assert logs[0] == logs[1]
    assert logs[0] != logs[2], 'the seed has no effect: what is left to chance is missing'


@pytest.mark.parametrize('suffix', ['.log', '.asc', '.blf', '.trc', '.csv', '.parquet'])
def test_logs_in_every_format_hold_both_directions(tmp_path, suffix):
    path = tmp_path / f'session{suffix}'
    assert gi3_sim('--fast', '--duration-s', 3, '--log', path).exit_code == 0
    found = messages(path)
    assert {message.FROM_CONTROLLER for _, _, message in found} == {True, False}
    times = [time_s for time_s, *_ in found]
    assert times == sorted(times)


def test_several_pistols_with_their_vehicles_on_one_bus(tmp_path):
    config = tmp_path / 'cell.yaml'
    config.write_text(TWO_PISTOLS)
    log = tmp_path / 'cell.log'
    result = gi3_sim(
        '--fast', '--config', config, '--vehicle', 'ccs_400v', '--vehicle', 'chademo',
        '--duration-s', 6, '--log', log)
    assert result.exit_code == 0, result.output
    verdicts = re.findall(r'\[(\d)\] CLEAN_STOP', result.output)
    assert sorted(verdicts) == ['1', '4']
    found = messages(log)
    assert {index for _, index, _ in found} == {1, 4}
    pins = {index: int(message.plug_and_pins) for _, index, message in found
            if message.NAME == 'New_Charge_Session'}
    assert pins == {1: 1, 4: 2}
    currents = [message.current_range_max for _, index, message in found
                if index == 1 and message.NAME == 'DC_Power_Control']
    assert max(currents) == 80.0


def test_the_plug_of_the_vehicle_decides_on_the_pistol(tmp_path):
    log = tmp_path / 'chademo.log'
    assert gi3_sim('--fast', '--vehicle', 'chademo', '--duration-s', 3, '--log', log
                   ).exit_code == 0
    assert {index for _, index, _ in messages(log)} == {3}


def test_v2g_in_both_directions_from_the_command_line():
    result = gi3_sim(
        '--fast', '--vehicle', 'chademo_v2g', '--set', 'is_bidirectional=true',
        '--set', 'chademo_precharge=true', '--set', 'max_charger_discharge_current=60',
        '--direction', 'discharge', '--duration-s', 8)
    assert result.exit_code == 0, result.output
    assert 'Range_Mode, discharge' in result.output
    assert 'taken back' in result.output


def test_what_the_hardware_suffers_from_is_said_and_spoils_the_end():
    """A vehicle whose contactors close far from the voltage of its battery."""
    result = gi3_sim('--fast', '--scenario', 'claims 100')
    assert result.exit_code == 1
    assert 'its hardware would have suffered: vehicle contactors closed' in result.output


def test_every_option_is_in_the_help_once():
    text = gi3_sim('--help').output
    for param in sim.params:
        option = max(param.opts, key=len)
        found = re.findall(rf'^  (?:-\w, )?{option}(?=[ ,]|$)', text, re.MULTILINE)
        assert len(found) == 1, option


def test_the_controllers_own_file(tmp_path):
    config = tmp_path / 'config.cfg'
    config.write_text(
        '[pistols]\nenabled = CCS DC\n[pistol:CCS DC]\nindex = 9\n'
        'charger_type = Advantics_Generic_DC_v3\nmax_charger_current = 60\nevse_id = X\n')
    log = tmp_path / 'own.log'
    result = gi3_sim('--fast', '--config', config, '--duration-s', 4, '--log', log)
    assert result.exit_code == 0, result.output
    assert 'evse_id has no effect here' in result.output
    found = messages(log)
    assert {index for _, index, _ in found} == {9}
    assert max(message.current_range_max for _, _, message in found
               if message.NAME == 'DC_Power_Control') == 60.0


def test_events_as_json_lines(tmp_path):
    path = tmp_path / 'events.json'
    assert gi3_sim('--fast', '--duration-s', 3, '--json', path).exit_code == 0
    events = [json.loads(line) for line in path.read_text().splitlines()]
    assert events[-1]['kind'] == 'verdict' and events[-1]['values'] == {'exit_status': 0}
    assert all(a['time_s'] <= b['time_s'] for a, b in itertools.pairwise(events))


def test_a_scenario_that_does_not_end_as_it_says_exits_with_1(tmp_path):
    path = tmp_path / 'wrong.yaml'
    path.write_text('vehicle: {charge_duration_s: 3}\nexpect: {end: rushed}\n')
    result = gi3_sim('--fast', '--scenario', path)
    assert result.exit_code == 1
    assert 'not as the scenario expects (rushed)' in result.output


@pytest.mark.parametrize('steps, words, numbers', [
    ('[{when: {state: Charging, current_above: 999}, do: bus_off for 1}]',
     'step 1 never came due (state Charging, current_above 999: bus_off for 1)', [1]),
    ('[{at: 3, do: jitter all}, {when: {state: Precharge}, after: 60, do: stop}, {do: stop}]',
     'step 3 never came due (at once: stop)', [2, 3]),
    ('[{at: 3, do: mute OCPP_Control}]', 'step 1 met no frame (mute OCPP_Control)', [1]),
])
def test_a_fault_test_that_injected_nothing_exits_with_1(tmp_path, steps, words, numbers):
    path, events = tmp_path / 'never.yaml', tmp_path / 'events.json'
    path.write_text(f'vehicle: {{charge_duration_s: 2}}\nwithin_s: 40\nsteps: {steps}\n')
    result = gi3_sim('--fast', '--scenario', path, '--json', events)
    assert result.exit_code == 1
    assert 'CLEAN_STOP' in result.output and words in result.output
    verdict = json.loads(events.read_text().splitlines()[-1])
    assert verdict['values'] == {'exit_status': 1, 'steps_missing': numbers}


def test_lists_and_helps():
    listed = gi3_sim('--list').output
    for name in library.names_in(library.VEHICLES) + library.names_in(library.SCENARIOS):
        assert f'  {name} ' in listed
    assert 'also: emergency_pev with Precharge' in listed
    actions = gi3_sim('--help-actions').output
    for name in ACTIONS:
        assert re.search(rf'^{name}\b', actions, re.MULTILINE)


def test_scenarios_that_the_pages_name_can_be_played():
    root = pathlib.Path(__file__).resolve().parents[3]
    pages = [root / 'README.md', *root.glob('docs/**/*.md')]
    text = '\n'.join(page.read_text(encoding='utf-8') for page in pages) + gi3_sim('--help').output
    named = set(re.findall(r"--scenario ([a-z]\w+|'\w+ \w+')", text))
    named -= {"'name Precharge'"}
    assert len(named) >= 3
    for name in named:
        assert len(library.load_scenarios(name.strip("'"))) == 1, name


@pytest.mark.parametrize(('arguments', 'words'), [
    (['--vehicle', 'tank'], 'there is no vehicle'),
    (['--vehicle', 'no/such.yaml'], 'cannot read the vehicle'),
    (['--scenario', 'war'], 'there is no scenario'),
    (['--set', 'max_charger_volts=1'], 'has no max_charger_volts'),
    (['--set', 'index'], 'NAME=VALUE'),
    (['--vehicle-set', 'wheels=5'], 'a vehicle has no wheels'),
    (['--vehicle-set', 'capacity_wh=big'], 'should be a number'),
    (['--vehicle-set', 'direction=both'], 'not bidirectional'),
    (['--config', 'no/such.cfg'], 'does not exist'),
    (['--vehicle', 'ccs_400v', '--vehicle', 'din_only'], '2 vehicles for 1 pistols'),
    (['--pistol', 'MCS'], 'has no label'),
    (['--log', '/no/such/folder/x.log'], 'cannot be written'),
    (['--log', 'x.unknown'], 'no log that can be written'),
    (['--vehicle-set', 'target_state_of_charge=2'], 'permitted are 0..1'),
    (['--vehicle-set', 'name={a: 1}', '--vehicle-set', 'where=x'], 'a vehicle has no where'),
    (['--vehicle-set', f'capacity_wh=1{"0" * 400}'], 'should be a number'),
    (['--vehicle-set', f'capacity_wh={"[" * 3000}'], 'nested too deeply'),
    (['--max-current', 'inf'], 'no number of use'),
    (['--max-current', '10000'], 'permitted are 0..6553.5'),
    (['--plug-in-after', 'nan'], 'no number of use'),
    (['--plug-in-after', 'inf'], 'no number of use'),
    (['--vehicle', 'chademo', '--pistol', 'CCS DC'], 'does not fit the plug'),
    (['--tolerance', 'patience=1'], 'there is no tolerance patience'),
    (['--tolerance', 'follow_s=-1'], 'a number, 0 or more'),
    (['--live'], '--live'),
])
def test_bad_arguments_exit_with_2_and_words(arguments, words):
    result = gi3_sim('--fast', *arguments)
    assert result.exit_code == 2, result.output
    assert words in result.output


@pytest.mark.parametrize(('text', 'words'), [
    ('', 'a mapping is expected'),
    ('pistols: 3', 'mapping of pistol names'),
    ('pistols: {CCS DC: 3}', 'a mapping of entries is expected'),
    ('pistols: {CCS DC: {index: null}}', 'index has no value'),
    ('pistols: {CCS DC: {charger_type: }}', 'charger_type has no value'),
    ('pistols: {CCS DC: {index: 1, index: 2}}', 'a key stands there twice'),
    ('pistols: {CCS DC: {}, ccs dc: {}}', 'is there twice, written differently'),
    ('pistols: {CCS DC: {}}\nvehicle: x', 'unknown vehicle beside pistols'),
    ('pistols: [', 'not YAML'),
])
def test_bad_yaml_of_pistols_is_refused_with_words(tmp_path, text, words):
    path = tmp_path / 'cell.yaml'
    path.write_text(text)
    result = gi3_sim('--fast', '--config', path)
    assert result.exit_code == 2, result.output
    assert words in result.output


@pytest.mark.parametrize(('data', 'words'), [
    (b'', 'no DC pistol'), (b'\xff\xfe', 'cannot read'), (b'index = 1', 'stands before'),
    (b'[pistol:CCS DC]\ncharger_type = Advantics_Generic_DC_v2\n', 'will not speak'),
])
def test_bad_files_of_a_controller_are_refused_with_words(tmp_path, data, words):
    path = tmp_path / 'config.cfg'
    path.write_bytes(data)
    result = gi3_sim('--fast', '--config', path)
    assert result.exit_code == 2, result.output
    assert words in result.output


def test_an_option_replaces_an_entry_under_its_old_name_or_place(tmp_path):
    path = tmp_path / 'config.cfg'
    path.write_text(
        '[charger]\nuse_sequence_flags = true\n[pistol:CCS DC]\n'
        'charger_type = Advantics_Generic_DC_v3\nmax_current = 90\n')
    log = tmp_path / 'old.log'
    result = gi3_sim(
        '--fast', '--config', path, '--set', 'max_charger_current=60', '--no-sequence-flags',
        '--duration-s', 3, '--log', log)
    assert result.exit_code == 0, result.output
    assert 'NOT_AVAILABLE' not in result.output
    assert max(message.current_range_max for _, _, message in messages(log)
               if message.NAME == 'DC_Power_Control') == 60.0


def test_each_pistol_gets_a_vehicle_with_its_plug(tmp_path):
    config = tmp_path / 'cell.yaml'
    config.write_text(TWO_PISTOLS)
    result = gi3_sim('--fast', '--config', config, '--duration-s', 3)
    assert result.exit_code == 0, result.output
    result = gi3_sim(
        '--fast', '--config', config, '--duration-s', 3, '--vehicle', 'chademo_v2g')
    assert result.exit_code == 0, result.output
    assert 'family car' in result.output and 'van with V2G' in result.output


def test_a_family_of_scenarios_is_chosen_by_file_and_word(tmp_path):
    path = tmp_path / 'two words.yaml'
    path.write_text(
        'about: {ends}\nfor_each: {time: [2, 3]}\nvehicle: {charge_duration_s: "{time}"}\n'
        .replace('{ends}', 'ends after {time} s').replace('"{time}"', "'{time}'"))
    result = gi3_sim('--fast', '--scenario', path)
    assert result.exit_code == 2
    assert f"'{path} 2'" in result.output
    assert gi3_sim('--fast', '--scenario', f'{path} 2').exit_code == 0


def test_nobody_presses_start_when_that_is_said():
    result = gi3_sim(
        '--fast', '--vehicle', 'chademo', '--start-after', 'inf', '--scenario', 'user_stop_before')
    assert result.exit_code in (0, 1)
    assert 'start button pressed' not in result.output


def test_tolerances_can_be_changed():
    strict = gi3_sim('--fast', '--duration-s', 4, '--tolerance', 'temperature_c=10')
    assert strict.exit_code == 1
    assert 'RULE BROKEN R50' in strict.output


def test_an_observation_is_told_and_is_no_breach():
    """R15: no page says how fast a voltage has to be lowered."""
    result = gi3_sim(
        '--fast', '--duration-s', 4, '--tolerance', 'lowering_s=0.1', '--tolerance',
        'lowering_v_per_s=1e9')
    assert 'observation, no rule broken: R15' in result.output
    assert 'no rule broken by the charger, 1 observation' in result.output
    assert result.exit_code == 0


def test_actions_from_standard_input_on_a_bus(tmp_path):
    """The only test here in real time: until the session is stopped by what was typed."""
    process = subprocess.Popen(
        [sys.executable, '-u', '-c', 'from gi3_ros.tools.main import main; main()', 'sim',
         '-i', 'virtual', '-c', 'test_sim_cli', '--once', '--stdin', '--no-sequence-flags',
         '--set', 'boot_s=0.05', '--set', 'negotiation_s=0.1', '--set', 'closing_s=0.1',
         '--plug-in-after', '0', '--plug-port', '0'],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    killer = threading.Timer(40, process.kill)
    killer.start()
    lines = []
    try:
        for line in process.stdout:
            lines.append(line)
            if 'FULL_INFO' in line:
                process.stdin.write('dance\nstop\n')
                process.stdin.flush()
        status = process.wait()
    finally:
        killer.cancel()
    assert status == 1, 'no clean stop without a charger'
    text = ''.join(lines)
    assert "'dance' is no action" in text
    assert '> stop' in text
    assert 'the stop button was pressed' in text
