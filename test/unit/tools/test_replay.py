# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""``gi3 replay`` from bags and logs of frames: what it prints, and how it ends."""

import functools
import json

from click.testing import CliRunner
import pytest
from recording_bench import Recorder

from gi3_ros.logs import ros_types
from gi3_ros.logs.entries import Heard
from gi3_ros.logs.writers.bag import BagWriter
from gi3_ros.sim.config import ControllerConfig
from gi3_ros.sim.link import Link
from gi3_ros.sim.vehicle_config import VehicleConfig
from gi3_ros.tools.replay import replay


def run(*arguments):
    return CliRunner().invoke(replay, [str(each) for each in arguments])


@functools.cache
def session():
    link = Link(
        controller_config=ControllerConfig(boot_s=0.1, negotiation_s=0.2),
        vehicle_config=VehicleConfig(charge_duration_s=5.0))
    recorder = Recorder(link)
    link.run(2.0)
    link.simulator.plug_in(now_s=link.now_s)
    link.run_until(lambda: link.simulator.sessions == 1, within_s=60.0)
    link.run(2.0)
    return tuple(recorder)


def in_bag(sample):
    """Return a sample's message as a bag has it: of the type of its topic, other fields empty."""
    types = ros_types.typestore().types
    name = ''.join(word.capitalize() for word in sample.topic.split('_'))
    cls = types[f'gi3_ros/msg/{name}']
    fields = vars(sample.message) | {'header': ros_types.header(
        sample.message.header.stamp.sec * 10**9 + sample.message.header.stamp.nanosec)}
    empty = {
        'limited_by': [], 'fault_since': fields['header'].stamp, 'note': '', 'reason': '',
        'source': 'controller'}
    return cls(**{
        name: fields.get(name, empty.get(name, 0.0)) for name in cls.__annotations__
        if not name.startswith('__')})


@pytest.fixture(scope='session')
def bag(tmp_path_factory):
    path = tmp_path_factory.mktemp('replay') / 'night'
    with BagWriter(path) as writer:
        for entry in session():
            if isinstance(entry, Heard):
                writer.write(entry)
            else:
                message = in_bag(entry)
                writer.write_serialised(
                    f'/{entry.namespace}/{entry.topic}', message.__msgtype__, entry.time_ns,
                    ros_types.typestore().serialize_cdr(message, message.__msgtype__))
    return path


@pytest.fixture(scope='session')
def candump(tmp_path_factory):
    path = tmp_path_factory.mktemp('replay') / 'night.log'
    path.write_text(''.join(
        f'({entry.time_ns / 1e9:.6f}) can0 {entry.frame.can_id:08X}#{entry.frame.data.hex()}\n'
        for entry in session() if isinstance(entry, Heard)))
    return path


def test_a_bag_of_an_unchanged_session_is_decided_as_then(bag):
    result = run(bag, '--utc')
    assert result.exit_code == 0, result.output
    lines = [' '.join(line.split()) for line in result.output.splitlines()]
    assert lines[0].startswith(f'{bag}: rosbag2 (')
    assert lines[0].endswith('+00:00')
    assert 'pistol1, index 1' in lines
    assert 'parameters the defaults' in lines
    assert 'power modules recorded (power_measurement)' in lines
    assert 'contactors recorded (contactor_feedback)' in lines
    assert any(line.endswith('POWER_TRANSFER POWER_TRANSFER') for line in lines)
    assert 'differences' not in lines
    assert lines[-1].startswith('today decides as then; compared ')
    assert lines[-1].endswith('times as fast)')


def test_another_parameter_is_told_with_what_follows(bag, tmp_path):
    parameters = tmp_path / 'params.yaml'
    parameters.write_text('/**/power_control:\n  ros__parameters: {max_charger_current: 60.0}\n')
    for arguments in (('--params', parameters), ('--set', 'max_charger_current=60')):
        result = run(bag, *arguments)
        assert result.exit_code == 1
        assert 'parameters                max_charger_current 60.0' in result.output
        assert 's  current: then 100.0 A, now 60.0 A' in result.output
        assert 'readings corrected' in result.output
        assert 's  told charge current: then 100.0 A, now 60.0 A' in result.output
        assert 'today decides otherwise: 2 differences;' in result.output


def test_a_log_of_frames_says_what_is_derived(candump):
    result = run(candump)
    assert result.exit_code == 0, result.output
    assert 'derived from Power_Modules_Status' in result.output
    assert "assumed to follow today's commands" in result.output
    assert 'today decides as then' in result.output


def test_a_log_without_the_charger_has_nothing_to_compare(tmp_path):
    path = tmp_path / 'short.log'
    path.write_text('(1700000000.000000) can0 0106B000#01\n(1700000001.000000) can0 0106B000#01\n')
    result = run(path)
    assert result.exit_code == 1
    assert 'nothing to compare' in result.output
    path.write_text('(1700000000.000000) can0 123#01\n')
    assert 'nothing of the interface' in run(path).output


def test_as_json(bag):
    told = json.loads(run(bag, '--json', '--set', 'max_charger_current=60').output)
    assert told['is_same'] is False
    pistol, = told['pistols']
    told, difference = pistol['differences']
    assert told['field'] == 'told charge current'
    assert difference['field'] == 'current'
    assert difference['unit'] == 'A'
    assert (difference['then'], difference['now']) == pytest.approx((100.0, 60.0))
    assert pistol['phases'][0] == {'time_s': 0.16, 'then': 'IDLE', 'now': 'IDLE'}
    assert pistol['corrected_readings'] > 0
    assert pistol['inputs']['contactors'] == 'recorded (contactor_feedback)'


@pytest.mark.parametrize('arguments', [
    ('--set', 'max_curent=60'), ('--set', 'max_charger_current=lots'),
    ('--params', '/none.yaml')])
def test_unusable_parameters_are_one_sentence(candump, arguments):
    result = run(candump, *arguments)
    assert result.exit_code == 2
    assert result.output.startswith('gi3 replay: ')
    assert len(result.output.splitlines()) == 1


def test_an_unreadable_file_is_one_sentence(tmp_path):
    result = run(tmp_path / 'none.log')
    assert result.exit_code == 2
    assert len(result.output.splitlines()) == 1
