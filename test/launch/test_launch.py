# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The launch files, run for real where launch_ros is there: it comes with a ROS 2 distribution."""

import importlib.util
import pathlib
import socket

from ament_index_python import get_package_share_directory
import pytest

if importlib.util.find_spec('launch_ros') is None:
    pytest.skip('launch_ros is not installed: no launch file can run', allow_module_level=True)

from launch import LaunchContext, LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription, RegisterEventHandler
from launch.event_handlers import OnProcessExit
from launch.launch_description_sources import PythonLaunchDescriptionSource

from gi3_ros.core.interface.codec import decode
from gi3_ros.core.interface.signals import ChargeSessionFinished
from gi3_ros.logs.bags.bag import Bag
from gi3_ros.logs.entries import Heard

FILES = pathlib.Path(get_package_share_directory('gi3_ros')) / 'launch'
CHARGER = {'gateway', 'precharge', 'power_control', 'session'}


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def launch(name, **arguments):
    """
    Run a launch file until it ends by itself.

    :returns: exit status of the launch, and of each process by its name
    """
    ended = {}

    def note(event, _context):
        ended[event.process_name.rpartition('-')[0]] = event.returncode

    service = LaunchService(noninteractive=True)
    service.include_launch_description(LaunchDescription([
        RegisterEventHandler(OnProcessExit(on_exit=note)),
        IncludeLaunchDescription(str(FILES / name), launch_arguments=arguments.items()),
    ]))
    return service.run(), ended


@pytest.mark.parametrize('name', sorted(path.name for path in FILES.glob('*.launch.py')))
def test_loads_and_describes_its_arguments(name):
    description = PythonLaunchDescriptionSource(str(FILES / name)).get_launch_description(
        LaunchContext())
    arguments = {argument.name: argument for argument in description.get_launch_arguments()}
    assert {'pistol', 'index', 'interface', 'channel', 'port', 'params_file'} <= set(arguments)
    assert [
        name for name, argument in arguments.items()
        if argument.description == 'no description given' or argument.default_value is None
    ] == []


@pytest.mark.timeout(180)
def test_a_session_runs_to_its_clean_end_and_ends_everything(tmp_path, monkeypatch):
    """The simulator's exit status says Clean_Stop and no rule broken; the others were asked."""
    monkeypatch.setenv('ROS_LOG_DIR', str(tmp_path))
    status, ended = launch(
        'sim.launch.py', pistol='left', index='7', port=str(free_port()),
        plug_port=str(free_port()), simulator='--once --duration-s 2',
        record=str(tmp_path / 'bag'),
    )
    assert status == 0
    assert ended == dict.fromkeys([*CHARGER, 'power_modules_sim', 'gi3', 'recorder'], 0)
    heard = [entry for entry in Bag(tmp_path / 'bag', pistols={'left': 7})
             if isinstance(entry, Heard)]
    outcomes = [
        received.message.state.name for received in (decode(entry.frame) for entry in heard)
        if isinstance(received.message, ChargeSessionFinished)]
    assert outcomes == ['CLEAN_STOP']


@pytest.mark.timeout(60)
def test_a_node_that_cannot_run_ends_the_others(tmp_path, monkeypatch):
    monkeypatch.setenv('ROS_LOG_DIR', str(tmp_path))
    unusable = tmp_path / 'unusable.yaml'
    unusable.write_text('/**/session:\n  ros__parameters: {start_allowed: 3}\n')
    # The status of launch is not asked for: launch_ros may be caught waiting for a service.
    _, ended = launch('charger.launch.py', params_file=str(unusable), port=str(free_port()))
    assert set(ended) == CHARGER
    assert ended.pop('session') != 0
    assert set(ended.values()) == {0}
