# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of the nodes, from the files that the nodes take."""

import pathlib

import pytest

from gi3_ros.core.power.parameters import PowerConfig
from gi3_ros.core.stage.output_stage import StageConfig
from gi3_ros.logs.entries import LogError
from gi3_ros.logs.replay.parameters import ParameterFile, PRECHARGE_TIMEOUT_S

CONFIG = pathlib.Path(__file__).resolve().parents[4] / 'config'


def of(tmp_path, text, namespace='pistol1'):
    path = tmp_path / 'params.yaml'
    path.write_text(text)
    file = ParameterFile(path)
    parameters = file.of(namespace, 1)
    file.check_used()
    return parameters


def test_the_file_with_all_defaults_gives_the_defaults():
    parameters = ParameterFile(CONFIG / 'charger.yaml').of('pistol1', 1)
    assert parameters.power == PowerConfig()
    assert parameters.stage == StageConfig()
    assert parameters.precharge_timeout_s == PRECHARGE_TIMEOUT_S


@pytest.mark.parametrize('path', sorted(CONFIG.glob('*stage*.yaml')), ids=lambda path: path.name)
def test_the_examples_are_taken(path):
    assert ParameterFile(path).of('pistol1', 1).given


@pytest.mark.parametrize('text, current_a', [
    ('/**:\n  ros__parameters: {max_charger_current: 60}', 60.0),
    ('/**/power_control:\n  ros__parameters: {max_charger_current: 60.0}', 60.0),
    ('/pistol1/power_control:\n  ros__parameters: {max_charger_current: 60.0}', 60.0),
    ('pistol1:\n  power_control:\n    ros__parameters: {max_charger_current: 60.0}', 60.0),
    ('/*/power_control:\n  ros__parameters: {max_charger_current: 60.0}', 60.0),
    ('/**:\n  ros__parameters: {max_charger_current: 60.0}\n'
     '/**/power_control:\n  ros__parameters: {max_charger_current: 50.0}', 50.0),
    ('/gateway:\n  ros__parameters: {pistols: [pistol1, pistol2], indices: [1, 2]}\n'
     '/pistol2/power_control:\n  ros__parameters: {max_charger_current: 60.0}', 120.0),
    ('/**/precharge:\n  ros__parameters: {max_opening_current: 2.0}', 120.0),
    ('/**/gateway:\n  ros__parameters: {interface: can, use_sim_time: false}', 120.0),
    ('/**:\n  ros__parameters: {start_allowed: true}', 120.0),
])
def test_names_of_nodes_as_ros_understands_them(tmp_path, text, current_a):
    assert of(tmp_path, text).power.limits.max_charger_current == current_a


def test_single_entries_hold_over_the_file(tmp_path):
    path = tmp_path / 'params.yaml'
    path.write_text('/**:\n  ros__parameters: {max_charger_current: 60, unloading_timeout: 2}\n')
    parameters = ParameterFile(path, [
        ('max_charger_current', '70'), ('installation', 'none'), ('precharge_timeout', '5'),
        ('is_bidirectional', 'true')]).of('pistol1', 1)
    assert parameters.power.limits.max_charger_current == 70.0
    assert parameters.power.limits.is_bidirectional is True
    assert parameters.stage == StageConfig(installation='none', unloading_timeout=2.0)
    assert parameters.precharge_timeout_s == 5.0
    assert parameters.given['max_charger_current'] == 70.0


def test_the_installation_of_then_holds_where_none_is_given():
    assert ParameterFile().of('p', 1, installation='none').stage.installation == 'none'
    file = ParameterFile(entries=[('installation', 'own_v2g')])
    assert file.of('p', 1, installation='none').stage.installation == 'own_v2g'
    assert ParameterFile().of('p', 1).stage == StageConfig()


def test_the_controllers_own_configuration_is_read(tmp_path):
    config = tmp_path / 'config.cfg'
    config.write_text(
        '[charger]\ncharger_type = Advantics_Generic_DC_v3\n'
        '[pistol:CCS DC]\nindex = 1\nmax_charger_current = 80\n')
    text = f'/**/power_control:\n  ros__parameters: {{controller_config: {config}'
    assert of(tmp_path, text + '}').power.limits.max_charger_current == 80.0
    with pytest.raises(LogError, match='give it once'):
        of(tmp_path, text + ', max_charger_current: 90.0}')
    with pytest.raises(LogError, match='controller_config'):
        of(tmp_path, '/**:\n  ros__parameters: {controller_config: /none}')


@pytest.mark.parametrize('text, words', [
    ('just words', 'begin with the name of a node'),
    ('a: [', 'parameters'),
    ('power_control: 5', 'ros__parameters'),
    ('/**/power_control:\n  ros__parameters: {max_curent: 60}', 'not have the parameter'),
    # As in the nodes: a key counts from the root.
    ('power_control:\n  ros__parameters: {max_charger_current: 60.0}', 'did you mean /pistol1/'),
    ('/pistol2/power_control:\n  ros__parameters: {max_charger_current: 60.0}', 'no node here'),
    ('/pistol1/power_controll:\n  ros__parameters: {max_charger_current: 60.0}', 'did you mean'),
    ('/pistol1:\n  ros__parameters: {max_charger_current: 60.0}', 'did you mean'),
    ('\t/**:\n', 'a tab'),
    ('/**:\n  ros__parameters: {max_charger_current: lots}', "'lots', expected is a float"),
    ('/**:\n  ros__parameters: {max_charger_current: .nan}', 'max_charger_current'),
    ('/**:\n  ros__parameters: {main_output: 1.5}', 'expected is a int'),
    ('/**:\n  ros__parameters: {installation: shed}', 'permitted are'),
])
def test_an_unusable_file_is_one_sentence(tmp_path, text, words):
    with pytest.raises(LogError, match=words) as caught:
        of(tmp_path, text)
    assert '\n' not in str(caught.value)


def test_a_file_that_is_not_there_and_a_name_that_is_none():
    with pytest.raises(LogError, match='No such file'):
        ParameterFile('/none.yaml')
    with pytest.raises(LogError, match='neither power_control nor precharge'):
        ParameterFile(entries=[('max_curent', '60')])
