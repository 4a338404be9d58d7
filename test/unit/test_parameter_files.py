# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters that nobody takes, of files and of the command line."""

import pytest

from gi3_ros.parameter_files import (
    check,
    NodeParameters,
    Process,
    read,
    read_text,
    Section,
    UnusableParameters,
)

KNOWN = {
    'gateway': {'pistols', 'indices', 'channel', 'port'},
    'power_control': {'max_charger_voltage', 'max_charger_current', 'is_bidirectional'},
    'precharge': {'installation', 'precharge_timeout'},
    'session': {'start_allowed', 'auto_authorise'},
    'power_modules_sim': {'plug_port', 'contactors'},
    'recorder': {'output', 'pistols'},
}


def process(*names, is_whole=False):
    return Process(
        {name: NodeParameters(kind, KNOWN[kind] | {'autostart', 'use_sim_time'})
         for name in names for kind in [name.rpartition('/')[2]]}, KNOWN, is_whole)


CHARGER = process(
    '/gateway', *(f'/{pistol}/{kind}' for pistol in ('left', 'right')
                  for kind in ('power_control', 'precharge', 'session')), is_whole=True)
ONE = process(
    '/gateway', '/pistol1/power_control', '/pistol1/precharge', '/pistol1/session', is_whole=True)
ALONE = process('/left/power_control')


def section(key, **values):
    return f'{key}:\n  ros__parameters: {values or {"autostart": True}}\n'


SHARED = (
    section('/**', use_sim_time=False, plug_port=5)
    + section('/**/gateway', pistols=['left', 'right'], indices=[1, 2])
    + section('/**/power_control', max_charger_voltage=500.0)
    + section('/left/power_control', max_charger_current=60.0)
    + section('/right/power_control', max_charger_current=80.0)
    + section('/right/precharge', installation='none')
    + section('/left/session', auto_authorise=True)
    + section('/**/power_modules_sim', plug_port=7)
    + section('/**/recorder', output='night')
    + section('/cell/robot_driver', speed=1.0, port=3)
    + section('/cell/can_gateway', channel='can7'))


@pytest.mark.parametrize('name', [
    '/gateway', '/left/power_control', '/right/power_control', '/left/precharge',
    '/right/precharge', '/left/session', '/right/session', '/left/power_modules_sim', '/recorder'])
def test_one_file_serves_every_process(name):
    check(read_text(SHARED, 'shared.yaml'), process(name))


def test_one_file_serves_the_whole_charger():
    check(read_text(SHARED, 'shared.yaml'), CHARGER)


def test_another_charger_is_known_by_its_gateway():
    text = section('/bus2/gateway', pistols=['rear']) + section('/**/gateway', channel='can0')
    rear = section('/rear/power_control', max_charger_voltage=400.0)
    mine = section('/**/power_control', max_charger_voltage=400.0)
    check(read_text(text + mine + rear, 'two.yaml'), CHARGER)
    with pytest.raises(UnusableParameters, match='no node here takes /rear/power_control'):
        check(read_text(mine + rear, 'one.yaml'), CHARGER)


@pytest.mark.parametrize(('key', 'values', 'words'), [
    ('/**/power_controll', {'max_charger_voltage': 400.0}, 'did you mean .*/power_control'),
    ('/**/PowerControl', {}, 'did you mean .*/power_control'),
    ('/**/pre_charge', {'installation': 'none'}, 'did you mean .*/precharge'),
    ('/**/sesion', {'start_allowed': False}, 'did you mean .*/session'),
    ('/gatewy', {'channel': 'can0'}, r'did you mean /gateway\?'),
    ('/charger', {'max_charger_voltage': 400.0}, 'no node here takes /charger'),
    ('/charger', {}, 'no node here takes /charger'),
    ('power_control', {'max_charger_voltage': 400.0}, 'did you mean /pistol1/power_control'),
    ('/power_control', {'max_charger_voltage': 400.0}, r'or /\*\*/power_control for every'),
    ('/pistl1/power_control', {'max_charger_voltage': 400.0}, 'mean /pistol1/power_control'),
    ('/pistol1/gateway', {'channel': 'can0'}, r'did you mean /gateway\?'),
    ('/power_control/pistol1', {'max_charger_voltage': 400.0}, '/pistol1/power_control'),
    ('/pistol1', {'max_charger_voltage': 400.0}, 'no node here takes /pistol1'),
    ('/*/*/power_control', {'max_charger_voltage': 400.0}, '/pistol1/power_control'),
    ('/pistol2/**', {'max_charger_voltage': 400.0}, r'no node here takes /pistol2/\*\*'),
    ('/**/power_control', {'max_charger_volatge': 400.0}, r'did you mean max_charger_voltage\?'),
    ('/**/power_control', {'limits': {'max_charger_voltage': 1.0}},
     r'limits\.max_charger_voltage: did you mean max_charger_voltage\?'),
    ('/**/power_control', {'MaxChargerCurrent': 40.0}, r'did you mean max_charger_current\?'),
    ('/**/precharge', {'max_charger_voltage': 400.0}, 'it is one of power_control'),
    ('/**/session', {'something': 1}, r'config/charger\.yaml has all'),
    ('/**/power_modules_sim', {'plug_prot': 1}, r'did you mean plug_port\?'),
    ('/**', {'max_charger_volatge': 400.0}, r'no node here has .* did you mean max_charger_vol'),
    ('/**', {'something': 1}, 'no node here has the parameter something'),
])
def test_what_nobody_takes_is_named_with_the_nearest(key, values, words):
    with pytest.raises(UnusableParameters, match=words) as caught:
        check(read_text(section(key, **values), 'my.yaml'), ONE)
    assert str(caught.value).startswith('my.yaml: ')
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('text', [
    section('/power_control', max_charger_voltage=400.0),
    section('/pistol1/power_control', max_charger_voltage=400.0),
    section('/**/power_controll', max_charger_voltage=400.0),
    section('/**/precharge', max_charger_voltage=400.0),
    section('/**', max_charger_volatge=400.0),
    section('/installation', max_charger_voltage=400.0),
])
def test_a_node_alone_refuses_slips(text):
    with pytest.raises(UnusableParameters):
        check(read_text(text, 'my.yaml'), ALONE)


@pytest.mark.parametrize('text', [
    section('/**', something=1),
    section('/**/gateway', channel='can0'),
    section('/cell/robot_driver', speed=1.0, port=4, channel='x'),
    section('/**/power_control', max_charger_voltage=400.0)
    + section('/right/power_control', max_charger_voltage=300.0),
    section('/left/power_control', **{'qos_overrides./parameter_events.publisher.depth': 5}),
])
def test_a_node_alone_lets_others_have_theirs(text):
    check(read_text(text, 'my.yaml'), ALONE)


@pytest.mark.parametrize(('key', 'name', 'words'), [
    ('/**', 'max_charger_volatge', 'did you mean max_charger_voltage'),
    ('/**', 'installation', 'it is one of precharge'),
    ('/power_control', 'max_charger_voltage', 'did you mean /left/power_control'),
    ('/robot', 'speed', 'no node here takes /robot'),
])
def test_the_command_line_is_for_this_process(key, name, words):
    with pytest.raises(UnusableParameters, match=words):
        check([Section('-p', key, {name: None}, is_for_this_process=True)], ALONE)


def test_the_command_line_is_taken():
    check([Section('-p', '/**', {'max_charger_voltage': None}, is_for_this_process=True)], ALONE)


@pytest.mark.parametrize(('text', 'words'), [
    ('/**/power_control:\n\tros__parameters:\n\t\ta: 1\n', 'line 2 begins with a tab'),
    ('a:\n  ros__parameters:\n  \tb: 1\n', 'line 3 begins with a tab'),
    ('/**/power_control:\n  max_charger_voltage: 920.0\n', 'is not below ros__parameters'),
    ('/**/power_control:\n  ros_parameters:\n    max_charger_voltage: 1.0\n', 'two underscores'),
    ('ros__parameters:\n  a: 1\n', 'stands above the names'),
    ('/**/session:\n  ros__parameters:\n', 'no parameters below'),
    ('/**/session:\n', 'is not below'),
    ('', 'was it cut off'),
    ('# nothing but words\n', 'was it cut off'),
    ('[1, 2]\n', 'begin with the name of a node'),
    ('max_charger_voltage\n', 'begin with the name of a node'),
    ('a: {b: [1\n', 'no YAML'),
    ('? [a]\n: 1\n', 'no YAML'),
])
def test_a_file_of_no_use_is_one_sentence(tmp_path, text, words):
    path = tmp_path / 'my.yaml'
    path.write_text(text)
    with pytest.raises(UnusableParameters, match=words) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert '\n' not in str(caught.value)


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path):
    with pytest.raises(UnusableParameters, match='No such file or directory'):
        read(tmp_path / 'none.yaml')
    with pytest.raises(UnusableParameters, match='Is a directory'):
        read(tmp_path)
    path = tmp_path / 'latin.yaml'
    path.write_bytes(b'# f\xfcr uns\n')
    with pytest.raises(UnusableParameters, match='not UTF-8'):
        read(path)


def test_sections_that_stand_twice_are_one():
    text = section('/**/session', start_allowed=True) + section('/**/session', oops=True)
    assert [each.values for each in read_text(text, 'my.yaml')] == [
        {'start_allowed': True, 'oops': True}]


def test_a_file_as_launch_ros_writes_it_is_read():
    """It dumps the values of a launch file as Python has them; ROS reads over the tags."""
    section, = read_text(
        '/**:\n  ros__parameters:\n    indices: !!python/tuple\n    - 1\n    - 4\n'
        '    pistols: !!python/tuple\n    - left\n    port: !mine 47\n'
        '    max_charger_current: !!python/object/apply:os.getpid [60.5]\n', 'launch_params')
    assert section.values == {
        'indices': [1, 4], 'pistols': ['left'], 'port': 47, 'max_charger_current': [60.5]}
