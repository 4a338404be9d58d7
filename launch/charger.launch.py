# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
The charger of one pistol: gateway, power_control, precharge and session, a process each.

    ros2 launch gi3_ros charger.launch.py interface:=socketcan channel:=can0 index:=1

The parameters file describes the installation. An argument overrides it only when it is given.
"""

from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    GroupAction,
    OpaqueFunction,
    RegisterEventHandler,
    Shutdown,
)
from launch.events import matches_action
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import LifecycleNode, Node, PushROSNamespace
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState
from launch_ros.substitutions import FindPackageShare
from lifecycle_msgs.msg import Transition

YES_NO = ['true', 'false']
ARGUMENTS = (
    DeclareLaunchArgument(
        'pistol', default_value='pistol1',
        description='Name of the pistol: the namespace of its nodes and topics.'),
    DeclareLaunchArgument(
        'index', default_value='',
        description="The pistol's index on the bus, 1 to 31. Empty: as in params_file."),
    DeclareLaunchArgument(
        'interface', default_value='',
        description='python-can interface: socketcan, udp_multicast (simulated, this machine '
                    'only), ... Empty: as in params_file.'),
    DeclareLaunchArgument(
        'channel', default_value='',
        description='Channel of the interface: can0, vcan0, ... Empty: as in params_file.'),
    DeclareLaunchArgument(
        'port', default_value='',
        description='UDP port, for udp_multicast only. Empty: as in params_file.'),
    DeclareLaunchArgument(
        'params_file',
        default_value=PathJoinSubstitution([FindPackageShare('gi3_ros'), 'config',
                                            'charger.yaml']),
        description='YAML file with the parameters of all four nodes: limits, contactors, bus.'),
    DeclareLaunchArgument(
        'auto_configure', default_value='true', choices=YES_NO,
        description='Configure the nodes, one after the other: they listen and show.'),
    DeclareLaunchArgument(
        'auto_activate', default_value='true', choices=YES_NO,
        description='Activate each node once it is configured: from then on it may act.'),
    DeclareLaunchArgument(
        'record', default_value='',
        description='Record everything into this new folder, a bag for ros2 bag and gi3. Empty: '
                    'nothing is recorded.'),
    DeclareLaunchArgument(
        'log_level', default_value='info', choices=['debug', 'info', 'warn', 'error', 'fatal'],
        description='Log level of the nodes.'),
)


def generate_launch_description():
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=charger)])


def charger(context):
    """Start the processes, then bring the nodes up."""
    given = {
        argument.name: LaunchConfiguration(argument.name).perform(context)
        for argument in ARGUMENTS
    }
    bus = {name: given[name] for name in ('interface', 'channel') if given[name]}
    bus |= {'port': int(given['port'])} if given['port'] else {}
    bus |= {'indices': [int(given['index'])]} if given['index'] else {}
    gateway = node('gateway', given, {'pistols': [given['pistol']], **bus})
    of_pistol = [node(name, given) for name in ('precharge', 'power_control', 'session')]
    return [
        # First, so that it hears the others begin.
        *recorder(given),
        gateway,
        GroupAction([PushROSNamespace(given['pistol']), *of_pistol]),
        # session comes last: it is the one that tells the controller to let a vehicle begin.
        *bring_up(
            [gateway, *of_pistol],
            configures=given['auto_configure'] == 'true',
            activates=given['auto_activate'] == 'true',
        ),
    ]


def node(name, given, overrides=None):
    """
    Return one node of the charger.

    It is not respawned, and its end ends the others, which send their safe state. Without one of
    them the rest is no charger: without session, for one, a charge goes on that nobody can stop
    by a service. A node that came back by itself could give power back to somebody who is already
    working on the reason of its end. Whoever starts this file may start it again: power then
    needs a session that begins afresh.
    """
    return LifecycleNode(
        package='gi3_ros', executable=name, name=name, namespace='',
        parameters=[given['params_file'], *([overrides] if overrides else [])],
        ros_arguments=['--log-level', given['log_level']],
        output='both',
        on_exit=OpaqueFunction(function=shut_down, args=[f'{name} has ended']),
    )


def recorder(given):
    """Return what records, where that is wanted; a full disk ends it and nothing else."""
    return [Node(
        package='gi3_ros', executable='recorder', name='recorder',
        parameters=[{'pistols': [given['pistol']], 'output': given['record']}],
        ros_arguments=['--log-level', given['log_level']],
        output='both',
    )] if given['record'] else []


def shut_down(context, reason):
    """End everything, once: launch_ros stumbles over a second wish."""
    return [] if context.is_shutdown else [Shutdown(reason=reason)]


def bring_up(nodes, *, configures, activates):
    """Return the actions that configure and activate the nodes, each after the one before it."""
    up = ('activating', 'active') if activates else ('configuring', 'inactive')
    actions = [request(nodes[0], Transition.TRANSITION_CONFIGURE)] if configures else []
    for this, following in zip(nodes, [*nodes[1:], None], strict=True):
        if activates:
            actions.append(when(
                this, 'configuring', 'inactive', request(this, Transition.TRANSITION_ACTIVATE)))
        if configures and following is not None:
            actions.append(when(
                this, *up, request(following, Transition.TRANSITION_CONFIGURE)))
    return actions


def when(lifecycle_node, start_state, goal_state, action):
    """Do something at the first such transition; later ones are the operator's own business."""
    return RegisterEventHandler(OnStateTransition(
        target_lifecycle_node=lifecycle_node, start_state=start_state, goal_state=goal_state,
        entities=[action], handle_once=True,
    ))


def request(lifecycle_node, transition):
    """Ask a node for a lifecycle transition."""
    return EmitEvent(event=ChangeState(
        lifecycle_node_matcher=matches_action(lifecycle_node), transition_id=transition,
    ))
