# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How processes start, or refuse to: in one sentence, and with exit status 2."""

import pathlib

import pytest
import rclpy
from rclpy.context import Context

from gi3_ros.nodes.arguments import KINDS
from gi3_ros.parameter_files import read

CASES = pathlib.Path(__file__).resolve().parents[3] / 'shared' / 'cases' / 'parameters'
CONFIG = pathlib.Path(__file__).resolve().parents[2] / 'config'
NAMES = (('power_control', '/'), ('power_control', '/left'), ('power_control', '/cell/left'))


def refusal(process):
    """Return the one line that a process says before it ends."""
    assert process.exit_status() == 2, process.text
    # Kilted's middleware does not like one of the variables of these tests (test/conftest.py).
    said = [line for line in process.output.heard if 'DEFAULT_PROFILES_FILE' not in line]
    assert len(said) == 1, process.text
    return said[0]


@pytest.mark.parametrize('key', [
    '/**', '/*', '**', '*', '/**/power_control', '/*/power_control', 'power_control',
    '/power_control', '/left/power_control', 'left/power_control', '/left/*', '/left/**',
    '/cell/**/power_control', '/cell/*/power_control', '/**/left/power_control', '/*/*/*',
    'left', '/left/power_control/**',
])
def test_a_section_reaches_the_nodes_that_ros_gives_it_to(tmp_path, key):
    path = tmp_path / 'my.yaml'
    path.write_text(f'"{key}":\n  ros__parameters: {{a: 1}}\n')
    section, = read(path)
    context = Context()
    rclpy.init(args=['test', '--ros-args', '--params-file', str(path)], context=context)
    try:
        for name, namespace in NAMES:
            node = rclpy.create_node(
                name, namespace=namespace, context=context,
                automatically_declare_parameters_from_overrides=True)
            assert section.reaches(node.get_fully_qualified_name()) == node.has_parameter('a')
            node.destroy_node()
    finally:
        context.try_shutdown()


@pytest.mark.parametrize(('text', 'words'), [
    ('/**/power_control:\n  ros__parameters: {max_charger_curent: 40.0}',
     'did you mean max_charger_current'),
    ('/**/powercontrol:\n  ros__parameters: {max_charger_current: 40.0}', 'power_control'),
    ('power_control:\n  ros__parameters: {max_charger_current: 40.0}',
     'did you mean /pistol1/power_control'),
    ('/**/session:\n  ros__parameters: {installation: none}', 'it is one of precharge'),
    ('/**/session:\n  start_allowed: false', 'is not below ros__parameters'),
    ('/**/session:\n\tros__parameters:\n\t\tstart_allowed: false', 'tab'),
    ('/**/session:\n  ros__parameters: {start_allowed: &x false, auto_authorise: *x}', 'alias'),
    ('/**/power_control:\n  ros__parameters: {max_charger_current: 40}',
     'has to be a number with a point, such as 120.0'),
    ('/**/power_control:\n  ros__parameters: {max_charger_current: -40.0}', '0 .. 3000'),
])
def test_the_charger_refuses_a_file_that_nobody_takes(start_process, tmp_path, text, words):
    path = tmp_path / 'my.yaml'
    path.write_text(text + '\n')
    said = refusal(start_process('charger', '--ros-args', '--params-file', path))
    assert words in said


@pytest.mark.parametrize('program', KINDS)
def test_every_program_refuses_a_misspelt_parameter(start_process, tmp_path, program):
    option = ('-p', 'outputt:=x') if program == 'recorder' else ('-p', 'autostrat:=true')
    assert 'did you mean' in refusal(start_process(program, '--ros-args', *option))
    assert not list(tmp_path.glob('gi3_*')), 'nor has it begun anything'


@pytest.mark.parametrize(('arguments', 'words'), [
    (('--ros-args', '--params-file', '/none.yaml'), 'No such file or directory'),
    (('--ros-args', '-p', 'max_charger_voltage:=high'), 'has to be a number with a point'),
    (('--ros-args', '-p', 'max_charger_voltage'), 'as in -p autostart:=true'),
    (('--ros-args', '-p', 'pistols:=[a b]'), 'Invalid namespace'),
    (('--ros-args', '-r', 'nowhere'), 'as in -r __ns:=/pistol1'),
    (('--ros-args', '-r', '__ns:=pistol1'), 'as in -r __ns:=/pistol1'),
    (('--ros-args', '--log-level', 'loud'), 'debug, info'),
    (('--ros-args', '--params', 'my.yaml'), 'ROS has no options'),
    (('-p', 'autostart:=true'), 'stand behind --ros-args'),
    (('my.yaml',), 'stand behind --ros-args'),
])
def test_arguments_of_no_use_are_one_sentence(start_process, arguments, words):
    assert words in refusal(start_process('charger', *arguments))


def test_a_log_that_cannot_be_written_is_one_sentence(start_process, monkeypatch, tmp_path):
    (tmp_path / 'file').touch()
    monkeypatch.setenv('ROS_LOG_DIR', str(tmp_path / 'file' / 'log'))
    assert 'set ROS_LOG_DIR' in refusal(start_process('session'))
    monkeypatch.delenv('ROS_LOG_DIR')
    monkeypatch.delenv('ROS_HOME', raising=False)
    monkeypatch.setenv('HOME', str(tmp_path / 'file'))
    assert 'set ROS_LOG_DIR' in refusal(start_process('charger'))
    monkeypatch.delenv('HOME')
    assert 'HOME is not set' in refusal(start_process('recorder'))


def test_an_executor_that_is_not_there_is_one_sentence(start_process, monkeypatch):
    monkeypatch.setenv('GI3_EXECUTOR', 'fast')
    assert "GI3_EXECUTOR is 'fast'" in refusal(start_process('session'))


@pytest.mark.parametrize('program', ['charger', 'gateway', 'power_control', 'precharge'])
def test_the_file_with_everything_serves_every_program(start_process, program, claim_port):
    options = ['-r', '__ns:=/left'] if program not in ('charger', 'gateway') else []
    process = start_process(
        program, '--ros-args', '--params-file', CONFIG / 'charger.yaml', *options)
    process.wait_for_line('unconfigured: waits')


@pytest.mark.skipif(not CASES.is_dir(), reason='no examples of bad parameters beside the project')
@pytest.mark.parametrize('path', sorted(CASES.glob('*.yaml')), ids=lambda path: path.name)
def test_examples_beside_the_project_are_refused(start_process, path):
    refusal(start_process('charger', '--ros-args', '--params-file', path))
