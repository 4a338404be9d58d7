# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
A charging station without hardware: simulated power modules, controller and vehicle.

    ros2 launch gi3_ros sim.launch.py
    ros2 launch gi3_ros sim.launch.py simulator:='--once --duration-s 60 --state-of-charge 20'

The charger is the one of charger.launch.py. Its bus and everything simulated stay on this machine.
"""

import shlex

from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    GroupAction,
    IncludeLaunchDescription,
    OpaqueFunction,
    Shutdown,
)
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import LifecycleNode, PushROSNamespace
from launch_ros.substitutions import ExecutableInPackage, FindPackageShare

ARGUMENTS = (
    DeclareLaunchArgument(
        'pistol', default_value='pistol1',
        description='Name of the pistol: the namespace of its nodes and topics.'),
    DeclareLaunchArgument(
        'index', default_value='1', description="The pistol's index on the bus, 1 to 31."),
    DeclareLaunchArgument(
        'interface', default_value='udp_multicast',
        description='python-can interface: udp_multicast, or socketcan with channel:=vcan0.'),
    DeclareLaunchArgument(
        'channel', default_value='',
        description='Channel of the interface. Empty: a multicast group of this machine.'),
    DeclareLaunchArgument(
        'port', default_value='0',
        description='UDP port of udp_multicast; one for each station. 0: that of python-can.'),
    DeclareLaunchArgument(
        'plug_port', default_value='43214',
        description='UDP port that stands for the copper between the power modules and the '
                    'vehicle; one for each station.'),
    DeclareLaunchArgument(
        'simulator', default_value='--once',
        description='Further options of gi3 sim: gi3 sim --help. Without --once the vehicle '
                    'comes back until Ctrl-C.'),
    DeclareLaunchArgument(
        'record', default_value='',
        description='Record everything into this new folder, a bag for ros2 bag and gi3. Empty: '
                    'nothing is recorded.'),
)


def generate_launch_description():
    return LaunchDescription([
        *ARGUMENTS,
        IncludeLaunchDescription(
            PathJoinSubstitution([FindPackageShare('gi3_ros'), 'launch', 'charger.launch.py']),
            launch_arguments={
                name: LaunchConfiguration(name)
                for name in ('pistol', 'index', 'interface', 'channel', 'port', 'record')
            }.items(),
        ),
        GroupAction([
            PushROSNamespace(LaunchConfiguration('pistol')),
            LifecycleNode(
                package='gi3_ros', executable='power_modules_sim', name='power_modules_sim',
                namespace='',
                # Hardware is there by itself; the charger is what gets configured and activated.
                parameters=[{'autostart': True, 'plug_port': LaunchConfiguration('plug_port')}],
                output='both',
                on_exit=OpaqueFunction(function=shut_down, args=['the power modules have ended']),
            ),
        ]),
        OpaqueFunction(function=simulator),
    ])


def simulator(context):
    """Start the controller with the vehicle; all ends with it."""
    options = []
    for name in ('index', 'interface', 'channel', 'port', 'plug_port'):
        value = LaunchConfiguration(name).perform(context)
        options += [f'--{name.replace("_", "-")}', value] if value else []
    return [ExecuteProcess(
        cmd=[
            ExecutableInPackage('gi3', 'gi3_ros'), 'sim', *options,
            *shlex.split(LaunchConfiguration('simulator').perform(context)),
        ],
        output='both',
        on_exit=OpaqueFunction(function=shut_down, args=['the simulator has ended']),
    )]


def shut_down(context, reason):
    """End everything, once: launch_ros stumbles over a second wish."""
    return [] if context.is_shutdown else [Shutdown(reason=reason)]
