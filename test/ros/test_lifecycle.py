# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What all lifecycle nodes promise: nothing leaks, and an error ends safely and in words."""

import threading

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
import pytest

from gi3_ros import msg as ros
from gi3_ros import srv
from gi3_ros.core.hardware import ModulesMode
from gi3_ros.core.power.control import PowerControl
from gi3_ros.core.session.control import SessionControl
from gi3_ros.core.stage.contactors import OwnContactors
from gi3_ros.nodes.gateway import Gateway
from gi3_ros.nodes.power_control import PowerControlNode
from gi3_ros.nodes.power_modules_sim import PowerModulesSim
from gi3_ros.nodes.precharge import PrechargeNode
from gi3_ros.nodes.session import SessionNode


class MadeUpError(Exception):
    """Something that nobody thought of."""


def fail(*_, **__):
    raise MadeUpError('nobody thought of this')


def entities_of(node):
    return {
        kind: len(list(getattr(node, kind)))
        for kind in ('publishers', 'subscriptions', 'services', 'timers')
    }


@pytest.mark.parametrize(
    'node_class', [Gateway, PowerControlNode, PrechargeNode, SessionNode, PowerModulesSim])
def test_up_and_down_twice_leaves_nothing_behind(world, channel, claim_port, node_class):
    parameters = {
        Gateway: {'interface': 'virtual', 'channel': channel},
        PowerModulesSim: {'plug_port': claim_port()},
    }.get(node_class, {})
    node = world.create(node_class, **parameters)
    entities, threads = entities_of(node), set(threading.enumerate())
    alive = None
    for _ in range(2):
        assert world.change(node, 'configure')
        assert world.change(node, 'activate')
        alive, before = entities_of(node), alive
        assert before is None or alive == before
        assert alive != entities
        assert world.change(node, 'deactivate')
        assert world.change(node, 'cleanup')
        assert world.state_of(node) == 'unconfigured'
        assert entities_of(node) == entities
        assert set(threading.enumerate()) == threads


@pytest.mark.parametrize(
    'node_class', [Gateway, PowerControlNode, PrechargeNode, SessionNode, PowerModulesSim])
def test_what_still_waits_in_the_executor_after_cleanup_does_nothing(
        world, channel, claim_port, capfd, node_class):
    parameters = {
        Gateway: {'interface': 'virtual', 'channel': channel},
        PowerModulesSim: {'plug_port': claim_port()},
    }.get(node_class, {})
    node = world.create(node_class, **parameters)
    before = {*node.timers, *node.subscriptions}
    assert world.change(node, 'configure')
    timers = [timer.callback for timer in node.timers if timer not in before]
    heard = [(each.callback, each.msg_type) for each in node.subscriptions if each not in before]
    assert timers or heard
    assert world.change(node, 'cleanup')
    for callback in timers:
        callback()
    for callback, ros_type in heard:
        message = ros_type()
        if hasattr(message, 'header'):
            message.header.stamp = world.now()
        callback(message)
    assert not node.failure
    assert 'failed' not in capfd.readouterr().err


def test_an_exception_in_the_tick_of_power_control_ends_in_zero_power(
        world, peers, beats, capfd, monkeypatch):
    node = world.bring_up(
        PowerControlNode, current_ramp_up_rate=10000.0, voltage_ramp_up_rate=100000.0)
    peers.begin()
    peers.go_to_transfer(current_a=50.0)
    mark, statuses = peers.setpoints.mark, peers.statuses.mark
    monkeypatch.setattr(PowerControl, 'tick', fail)
    off = peers.wait_for_setpoint(ModulesMode.OFF, after=mark)
    withdrawn = peers.statuses.wait_for(
        lambda status: status.system_enable == status.SYSTEM_ENABLE_NOT_ALLOWED, after=statuses)
    monkeypatch.undo()
    beats.go_on(0.5)
    assert peers.setpoints.last == off, 'and nothing after it'
    assert peers.statuses.last == withdrawn
    diagnostics = world.listen(DiagnosticArray, '/diagnostics')
    said = diagnostics.wait_for().status[0]
    assert said.level == DiagnosticStatus.ERROR
    assert 'nobody thought of this' in said.message
    assert 'MadeUpError: nobody thought of this' in capfd.readouterr().err
    refused = world.call(srv.EmergencyStop, 'emergency_stop')
    assert not refused.success
    assert 'not active' in refused.message
    # Its tick is gone, and with it the watchdog: only a new one may bring it back.
    assert world.change(node, 'deactivate')
    assert not world.change(node, 'activate')
    assert world.change(node, 'cleanup')
    assert world.change(node, 'configure')
    assert world.change(node, 'activate')
    peers.announce()


@pytest.mark.parametrize(('node_class', 'core', 'topic', 'ros_type', 'why'), [
    (PrechargeNode, OwnContactors, 'stage_status', ros.StageStatus, 'reason'),
    (SessionNode, SessionControl, 'charge_session', ros.ChargeSession, 'note'),
])
def test_an_exception_in_a_tick_silences_the_node_and_says_so(
        world, beats, capfd, monkeypatch, node_class, core, topic, ros_type, why):
    node = world.bring_up(node_class)
    recorder = world.listen(ros_type, topic)
    recorder.wait_for()
    monkeypatch.setattr(core, 'tick', fail)
    world.wait_until(lambda: not node.is_active, 'the node notices')
    monkeypatch.undo()
    assert 'MadeUpError: nobody thought of this' in capfd.readouterr().err
    # It is inactive a moment before its last word is here.
    world.wait_until(
        lambda: 'nobody thought of this' in getattr(recorder.last, why), 'the last word says why')
    mark = recorder.mark
    beats.go_on(1.2)
    assert recorder.mark == mark, 'more than a second of silence'
    assert world.change(node, 'deactivate')
    assert not world.change(node, 'activate')


@pytest.mark.parametrize(('node_class', 'core'), [
    (PowerControlNode, PowerControl), (PrechargeNode, OwnContactors),
    (SessionNode, SessionControl),
])
def test_an_exception_in_a_callback_silences_the_node_and_says_so(
        world, capfd, monkeypatch, node_class, core):
    node = world.bring_up(node_class)
    monkeypatch.setattr(core, 'receive', fail)
    world.publish('controller_status', ros.AdvanticsControllerStatus(state=1))
    world.wait_until(lambda: not node.is_active, 'the node notices')
    assert 'MadeUpError: nobody thought of this' in capfd.readouterr().err
    assert world.state_of(node) == 'active', 'the executor lives'


@pytest.mark.parametrize('node_class', [PowerControlNode, PrechargeNode, SessionNode])
def test_an_exception_in_a_transition_says_so_and_ends_unconfigured(
        world, capfd, monkeypatch, node_class):
    node = world.create(node_class)
    monkeypatch.setattr(node_class, 'build', fail)
    assert not world.change(node, 'configure')
    assert 'MadeUpError: nobody thought of this' in capfd.readouterr().err
    assert world.state_of(node) == 'unconfigured'
    monkeypatch.undo()
    assert world.change(node, 'configure')
    monkeypatch.setattr(node_class, 'start', fail)
    assert not world.change(node, 'activate')
    assert not node.is_active
    monkeypatch.undo()
    assert world.state_of(node) == 'unconfigured'
    assert world.change(node, 'configure')
    assert world.change(node, 'activate')


@pytest.mark.parametrize(('node_class', 'part'), [
    (PowerControlNode, 'power_control: power'), (PrechargeNode, 'precharge: stage'),
    (SessionNode, 'session: session'),
])
def test_diagnostics_have_names_that_two_pistols_do_not_share(world, node_class, part):
    diagnostics = world.listen(DiagnosticArray, '/diagnostics')
    pistols = [world.pistol, f'{world.root}/pistol2']
    nodes = [world.bring_up(node_class, namespace=pistol) for pistol in pistols]
    for pistol, node in zip(pistols, nodes, strict=True):
        array = diagnostics.wait_for(
            lambda array, pistol=pistol: array.status[0].hardware_id == pistol)
        assert array.status[0].name == f'{pistol.lstrip("/")}/{part}'
        diagnostics.wait_for(
            lambda array, pistol=pistol: array.status[0].hardware_id == pistol
            and array.status[0].message not in ('', 'inactive'))
        assert world.change(node, 'deactivate')
    diagnostics.wait_for(
        lambda array: array.status[0].message == 'inactive', after=diagnostics.mark)


def test_diagnostics_say_that_the_controller_is_silent(world):
    world.bring_up(SessionNode)
    said = world.listen(DiagnosticArray, '/diagnostics').wait_for(
        lambda array: array.status[0].message == 'NO_CONTROLLER')
    assert said.status[0].level == DiagnosticStatus.WARN
