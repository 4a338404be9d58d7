# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
The last word of every node about everything that it repeats: that nothing is known any more.

Whoever listens, early or late, must not go on with what was true once.
"""

import math
import signal

import pytest
from rclpy.duration import Duration
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import BatteryState
from std_msgs.msg import Bool

from gi3_ros import msg as ros
from gi3_ros.core.power.control import PowerControl
from gi3_ros.core.session.control import SessionControl
from gi3_ros.core.stage.contactors import OwnContactors
from gi3_ros.nodes.power_control import PowerControlNode
from gi3_ros.nodes.precharge import PrechargeNode
from gi3_ros.nodes.session import SessionNode

CORES = {PowerControlNode: PowerControl, PrechargeNode: OwnContactors, SessionNode: SessionControl}
NODES = tuple(CORES)
TOPICS = {
    'charge_session': ros.ChargeSession, 'battery_state': BatteryState, 'safe_to_unplug': Bool,
    'is_available': ros.Availability, 'power_status': ros.PowerStatus,
    'effective_setpoint': ros.EffectiveSetpoint, 'stage_status': ros.StageStatus,
}
TOLD_BY = {
    SessionNode: ('charge_session', 'battery_state', 'safe_to_unplug', 'is_available'),
    PowerControlNode: ('power_status', 'effective_setpoint'),
    PrechargeNode: ('stage_status',),
}
LATCHED = TOLD_BY[SessionNode]


def is_last(words):
    """Tell whether these are the words of one that has left active."""
    return 'left active' in words or 'leaves active' in words or 'failed' in words


def is_unknown(message):
    """Tell whether a message says that nothing is known any more, in all fields that could."""
    if isinstance(message, Bool):
        return not message.data
    if isinstance(message, BatteryState):
        numbers = (message.voltage, message.current, message.percentage)
        return (all(map(math.isnan, numbers)) and not message.present and
                message.power_supply_status == BatteryState.POWER_SUPPLY_STATUS_UNKNOWN)
    if isinstance(message, ros.ChargeSession):
        return ((message.phase, message.phase_name) == (message.UNKNOWN, 'UNKNOWN')
                and message.controller_state == message.CONTROLLER_STATE_UNKNOWN
                and math.isnan(message.state_of_charge) and is_last(message.note))
    if isinstance(message, ros.Availability):
        return not message.available and is_last(message.reason)
    if isinstance(message, ros.PowerStatus):
        return ((message.phase, message.phase_name) == (message.UNKNOWN, 'UNKNOWN')
                and not message.system_enable and is_last(message.note))
    if isinstance(message, ros.StageStatus):
        return ((message.stage, message.stage_name) == (message.UNKNOWN, 'UNKNOWN')
                and is_last(message.reason))
    return (message.source, message.current, message.voltage) == ('none', 0.0, 0.0) and (
        math.isnan(message.told_charge_current) and math.isnan(message.told_discharge_current))


class MadeUpError(Exception):
    """Something that nobody thought of."""


def fail(*_, **__):
    raise MadeUpError('nobody thought of this')


def deactivate(world, node, _monkeypatch):
    assert world.change(node, 'deactivate')


def shut_down(world, node, _monkeypatch):
    world.end(node)


def fail_in_the_tick(world, node, monkeypatch):
    monkeypatch.setattr(CORES[type(node)], 'tick', fail)
    world.wait_until(lambda: not node.is_active, 'the node notices')
    monkeypatch.undo()


def fail_in_a_callback(world, node, monkeypatch):
    monkeypatch.setattr(CORES[type(node)], 'receive', fail)
    world.publish('controller_status', ros.AdvanticsControllerStatus(state=7))
    world.wait_until(lambda: not node.is_active, 'the node notices')
    monkeypatch.undo()


def join_late(world, recorder, topic):
    """Listen as somebody who comes now and wants what is latched."""
    heard = recorder(f'late {topic}')
    qos = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    world.node.create_subscription(TOPICS[topic], topic, heard.hear, qos)
    return heard


@pytest.mark.parametrize('leave', [deactivate, shut_down, fail_in_the_tick, fail_in_a_callback])
@pytest.mark.parametrize('node_class', NODES)
def test_every_way_out_of_active_says_that_nothing_is_known(
        world, beats, recorder, monkeypatch, node_class, leave):
    node = world.create(node_class)
    told = {
        topic: world.listen(TOPICS[topic], topic, latched=topic in LATCHED)
        for topic in TOLD_BY[node_class]}
    assert world.change(node, 'configure') and world.change(node, 'activate')
    beats.every(0.02, 'controller_status', lambda: world.publish(
        'controller_status', ros.AdvanticsControllerStatus(state=1)))
    for heard in told.values():
        heard.wait_for()
    leave(world, node, monkeypatch)
    # Those first whose words tell the last one from others that know nothing either.
    for heard in reversed(told.values()):
        world.wait_until(lambda heard=heard: is_unknown(heard.last), heard.name)
    marks = {heard: heard.mark for heard in told.values()}
    beats.go_on(1.3)
    assert {heard: heard.mark for heard in told.values()} == marks, 'then silence'
    if leave is shut_down or node_class is not SessionNode:
        return
    for topic in LATCHED:
        assert is_unknown(join_late(world, recorder, topic).wait_for())


def test_a_deadline_tells_who_listens_that_a_word_has_aged(world):
    """Whatever the reason is: here the node has left active."""
    node = world.bring_up(SessionNode)
    missed = []
    world.node.create_subscription(
        Bool, 'safe_to_unplug', lambda _word: missed.clear(),
        QoSProfile(depth=1, deadline=Duration(seconds=2)),
        event_callbacks=SubscriptionEventCallbacks(deadline=missed.append))
    assert world.change(node, 'deactivate')
    world.wait_until(lambda: missed, 'the deadline is missed')


def test_a_latched_fault_is_the_last_word_about_the_stage(world, beats):
    node = world.bring_up(PrechargeNode)
    stages = world.listen(ros.StageStatus, 'stage_status')
    beats.every(0.03, 'power_measurement', lambda: world.publish(
        'power_measurement', ros.PowerMeasurement(ready=True)))
    # Closed although open is commanded.
    beats.every(0.05, 'contactor_feedback', lambda: world.publish(
        'contactor_feedback', ros.ContactorFeedback(output=ros.ContactorFeedback.CLOSED)))
    stages.wait_for(lambda stage: stage.stage == stage.FAULT)
    assert world.change(node, 'deactivate')
    last = stages.wait_for(lambda stage: 'has left active' in stage.reason)
    assert last.stage == last.FAULT and 'welded' in last.reason


def test_a_precharge_that_nobody_watches_any_more_is_unknown(world, beats):
    node = world.bring_up(PrechargeNode, installation='none')
    progress = world.listen(ros.PrechargeStatus, 'precharge_status')
    beats.every(0.02, 'controller_status', lambda: world.publish(
        'controller_status', ros.AdvanticsControllerStatus(state=5)))
    beats.every(0.03, 'power_measurement', lambda: world.publish(
        'power_measurement', ros.PowerMeasurement(voltage=360.0, ready=True)))
    beats.every(0.1, 'dc_power_control', lambda: world.publish(
        'dc_power_control', ros.DcPowerControl(
            target_voltage=370.0, current_range_max=2.0, power_function=4, setpoints_mode=1,
            output_contactors=1)))
    progress.wait_for(lambda status: status.verdict == status.IN_WINDOW)
    mark = progress.mark
    beats.silence('power_measurement')
    unknown = progress.wait_for(lambda status: status.verdict == status.UNKNOWN, after=mark)
    assert math.isnan(unknown.present) and math.isnan(unknown.difference)
    beats.every(0.03, 'power_measurement', lambda: world.publish(
        'power_measurement', ros.PowerMeasurement(voltage=360.0, ready=True)))
    progress.wait_for(lambda status: status.verdict == status.IN_WINDOW, after=progress.mark)
    assert world.change(node, 'deactivate')
    world.wait_until(lambda: progress.last.verdict == ros.PrechargeStatus.UNKNOWN, 'last word')
    assert math.isnan(progress.last.present)


def start_session(world, start_process):
    """Start session in a process of its own; returns it and what is heard of it."""
    told = {
        topic: world.listen(TOPICS[topic], topic, latched=True) for topic in LATCHED}
    process = start_process(
        'session', '--ros-args', '-r', f'__ns:={world.pistol}', '-p', 'autostart:=true')
    for heard in told.values():
        heard.wait_for(timeout_s=30.0)
    return process, told


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_the_end_of_the_process_says_so(world, start_process, number):
    process, told = start_session(world, start_process)
    process.signal(number)
    for heard in told.values():
        heard.wait_for(is_unknown)
    stories = told['charge_session']
    stories.wait_for(lambda story: 'left active' in story.note)
    assert process.exit_status() == 0


def test_of_a_killed_process_nobody_hears_an_old_word(world, beats, recorder, start_process):
    """Who listened has to look at the age of what he heard; who comes late hears nothing."""
    process, told = start_session(world, start_process)
    process.signal(signal.SIGKILL)
    process.exit_status()
    marks = {heard: heard.mark for heard in told.values()}
    late = [join_late(world, recorder, topic) for topic in LATCHED]
    beats.go_on(2.0)
    assert not any(heard.mark for heard in late)
    assert {heard: heard.mark for heard in told.values()} == marks
