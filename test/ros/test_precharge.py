# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""precharge against a scripted controller and scripted contactors on topics."""

import itertools

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
import pytest

from gi3_ros import msg as ros
from gi3_ros import srv
from gi3_ros.core.hardware import Contact, Stage
from gi3_ros.core.interface import signals
from gi3_ros.nodes.precharge import PrechargeNode

Function = signals.DcPowerControl.PowerFunction
OPEN = srv.SetContactors.Request.OPEN
CLOSE = srv.SetContactors.Request.CLOSE
UNLOADING_TIMEOUT_S = 5.0
"""Longer than any test here waits, so that nothing opens by it."""


class Installation:
    """Contactors that follow their command, and what the node wants to know besides."""

    def __init__(self, world, beats):
        self._world = world
        self._beats = beats
        self.voltage_v = 0.0
        self.current_a = 0.0
        self.pistol_voltage_v = 0.0
        self.power_fault = ''
        self.stuck = None
        self.commands = world.listen(ros.ContactorCommand, 'contactor_command')
        self.stages = world.listen(ros.StageStatus, 'stage_status')
        self.progress = world.listen(ros.PrechargeStatus, 'precharge_status')
        self._sends = {
            'controller_status': lambda: ros.AdvanticsControllerStatus(state=4),
            'power_status': lambda: ros.PowerStatus(
                fault=self.power_fault, system_enable=not self.power_fault),
            'power_measurement': lambda: ros.PowerMeasurement(
                voltage=self.voltage_v, current=self.current_a, ready=True),
            'contactor_feedback': self._feedback,
            'emergency_stop': lambda: ros.EmergencyStop(origin=1),
        }

    def begin(self):
        for topic in self._sends:
            if topic != 'emergency_stop':
                self.speak(topic)

    def speak(self, topic):
        self._beats.every(0.03, topic, lambda: self._world.publish(topic, self._sends[topic]()))

    def silence(self, topic):
        self._beats.silence(topic)

    def command(self, function=Function.STANDBY, *, close, **values):
        self._world.publish('dc_power_control', ros.DcPowerControl(
            power_function=int(function), output_contactors=int(close), **values))

    def let_flow(self, current_a):
        """Change the current; returns when the node has measured it."""
        self.current_a = current_a
        self.stages.wait_for(after=self.stages.mark + 2)

    def wait_for_stage(self, stage, *, after=0, reason=''):
        return self.stages.wait_for(
            lambda status: status.stage == stage and reason in status.reason, after=after)

    def close(self):
        """Bring the stage to CLOSED."""
        self.command(close=True)
        self.wait_for_stage(Stage.CLOSED)

    def ask(self, position):
        return self._world.call(srv.SetContactors, 'set_contactors', position=position)

    def _feedback(self):
        position = Contact.OPEN
        if self.commands.heard and self.commands.last.output_closed:
            position = Contact.CLOSED
        return ros.ContactorFeedback(
            output=int(position if self.stuck is None else self.stuck),
            precharge=int(Contact.OPEN), pistol_voltage=self.pistol_voltage_v)


@pytest.fixture
def installation(world, beats):
    return Installation(world, beats)


@pytest.fixture
def precharge(world, installation):
    """Give an active precharge with everything around it alive, contactors open."""
    node = world.bring_up(PrechargeNode, unloading_timeout=UNLOADING_TIMEOUT_S)
    installation.begin()
    installation.wait_for_stage(Stage.OPEN, reason='the controller says Open')
    return node


@pytest.fixture
def closed(precharge, installation):
    """Give precharge with closed contactors."""
    installation.close()
    return precharge


def test_follows_the_controller(installation, precharge):
    installation.close()
    mark = installation.stages.mark
    installation.command(close=False)
    installation.wait_for_stage(Stage.OPEN, after=mark)
    stages = [stage for stage, _ in itertools.groupby(
        status.stage_name for status in installation.stages.heard)]
    stages = [stage for stage in stages if stage != 'UNKNOWN']  # before their driver is heard
    assert stages == ['OPEN', 'CLOSING', 'CLOSED', 'UNLOADING', 'OPENING', 'OPEN']


def test_opens_and_holds_open_until_it_is_told_to_close(installation, closed):
    mark = installation.stages.mark
    answer = installation.ask(OPEN)
    assert answer.success
    assert 'held open' in answer.message
    installation.wait_for_stage(Stage.OPEN, after=mark, reason='held open by an operator')
    installation.command(close=True)
    again = installation.ask(OPEN)
    assert again.success
    assert 'already open' in again.message
    commands = installation.commands.mark
    installation.commands.wait_for(after=commands + 3)
    assert not any(command.output_closed for command in installation.commands.heard[commands:])
    mark = installation.stages.mark
    assert installation.ask(CLOSE).message == 'closing'
    installation.wait_for_stage(Stage.CLOSED, after=mark)
    assert 'already closed' in installation.ask(CLOSE).message


def test_does_not_open_on_request_while_current_flows(world, installation, closed):
    installation.let_flow(50.0)
    refused = installation.ask(OPEN)
    assert not refused.success
    assert '50.0 A flow' in refused.message
    assert 'stop_charge' in refused.message
    installation.silence('power_measurement')
    world.wait_until(
        lambda: 'current is unknown' in installation.ask(OPEN).message, 'the reading ages')
    assert installation.stages.last.stage == Stage.CLOSED


def test_opening_waits_for_the_current_to_go(installation, closed):
    installation.let_flow(50.0)
    installation.command(close=False)
    installation.wait_for_stage(Stage.UNLOADING)
    commands = installation.commands.mark
    installation.commands.wait_for(after=commands + 3)
    assert all(command.output_closed for command in installation.commands.heard[commands:])
    installation.current_a = 0.5
    installation.wait_for_stage(Stage.OPEN, after=installation.stages.mark)


def test_an_emergency_opens_at_once_whatever_flows(installation, closed):
    installation.let_flow(50.0)
    mark = installation.stages.mark
    installation.speak('emergency_stop')
    installation.wait_for_stage(Stage.OPENING, after=mark, reason='Emergency_Stop')
    assert Stage.UNLOADING not in {status.stage for status in installation.stages.heard}
    installation.current_a = 0.0
    installation.wait_for_stage(Stage.OPEN, reason='Emergency_Stop is in force')
    assert not installation.ask(CLOSE).success


def test_a_fault_of_power_control_opens(installation, closed):
    mark = installation.stages.mark
    installation.power_fault = 'made up'
    installation.wait_for_stage(Stage.OPEN, after=mark, reason='power_control: made up')


SOON, AGED = 2, 7
"""Reports of the stage, ten a second, until the trouble has been noticed."""
REFUSALS = {
    'the controller says Open': (None, SOON),
    'power_control: made up': (lambda i: setattr(i, 'power_fault', 'made up'), SOON),
    '300 V at the modules, 0 V at the pistol': (lambda i: setattr(i, 'voltage_v', 300.0), SOON),
    '7.0 A flow': (lambda i: setattr(i, 'current_a', 7.0), SOON),
    'Emergency_Stop is in force': (lambda i: i.speak('emergency_stop'), SOON),
    'controller silent': (lambda i: i.silence('controller_status'), AGED),
    'power_control silent': (lambda i: i.silence('power_status'), AGED),
    'no fresh measurement': (lambda i: i.silence('power_measurement'), AGED),
    'contactor driver silent': (lambda i: i.silence('contactor_feedback'), AGED),
}


@pytest.mark.parametrize(
    ('words', 'trouble', 'reports'), [(words, *rest) for words, rest in REFUSALS.items()],
    ids=REFUSALS.keys())
def test_does_not_close_and_says_why(installation, precharge, words, trouble, reports):
    if trouble is not None:
        trouble(installation)
        installation.stages.wait_for(after=installation.stages.mark + reports)
        installation.command(close=True)
    mark = installation.stages.mark
    # Whether they are still open, only their driver knows.
    stage = Stage.UNKNOWN if words == 'contactor driver silent' else Stage.OPEN
    installation.wait_for_stage(stage, after=mark, reason=words)
    refused = installation.ask(CLOSE)
    assert not refused.success
    assert words in refused.message
    assert not any(command.output_closed for command in installation.commands.heard)


def test_a_contactor_that_does_not_close_is_a_fault(world, installation, precharge):
    installation.stuck = Contact.OPEN
    installation.command(close=True)
    fault = installation.wait_for_stage(Stage.FAULT)
    assert 'stuck' in fault.reason
    assert not installation.commands.wait_for(
        lambda command: not command.output_closed,
        after=installation.commands.mark).output_closed
    refused = installation.ask(CLOSE)
    assert not refused.success
    assert 'stuck' in refused.message
    installation.stuck = None
    assert world.call(srv.ResetFault, 'reset_stage_fault').success
    # What was said before the fault counts no more.
    installation.command(close=True)
    installation.wait_for_stage(Stage.CLOSED)


def test_a_welded_contactor_is_a_fault_that_stays(world, installation, closed):
    installation.stuck = Contact.CLOSED
    installation.command(close=False)
    diagnostics = world.listen(DiagnosticArray, '/diagnostics')
    assert 'welded' in installation.wait_for_stage(Stage.FAULT).reason
    said = diagnostics.wait_for(
        lambda array: array.status[0].message.startswith('FAULT: ')).status[0]
    assert said.level == DiagnosticStatus.ERROR
    assert 'welded' in said.message
    refused = world.call(srv.ResetFault, 'reset_stage_fault')
    assert not refused.success
    assert 'CLOSED' in refused.message


def test_refuses_what_it_cannot_do(world, installation, precharge):
    nonsense = installation.ask(7)
    assert not nonsense.success
    assert 'position 7' in nonsense.message
    no_fault = world.call(srv.ResetFault, 'reset_stage_fault')
    assert not no_fault.success
    assert 'no fault' in no_fault.message
    assert world.change(precharge, 'deactivate')
    inactive = installation.ask(OPEN)
    assert not inactive.success
    assert 'not active' in inactive.message


def test_sets_outputs_that_the_stage_does_not_use(world, installation):
    world.bring_up(PrechargeNode, main_output=3)
    outputs = world.listen(ros.AdmCsSeccOutputs, 'adm_cs_secc_outputs')
    installation.begin()
    installation.wait_for_stage(Stage.OPEN, reason='the controller says Open')
    installation.close()
    outputs.wait_for(lambda message: message.digital_output3)
    answer = world.call(srv.SetOutputs, 'set_outputs', outputs=[1, 4], high=True)
    assert answer.success
    assert answer.message == '1 high, 2 low, 3 high, 4 high'
    outputs.wait_for(lambda message: message.digital_output4 and message.digital_output3)
    refused = world.call(srv.SetOutputs, 'set_outputs', outputs=[1, 3], high=False)
    assert not refused.success
    assert 'output 3 is not available' in refused.message
    mark = outputs.mark
    installation.command(close=False)
    outputs.wait_for(
        lambda message: message.digital_output1 and not message.digital_output3, after=mark)


def test_without_contactors_it_says_so(world, installation):
    world.bring_up(PrechargeNode, installation='none')
    installation.begin()
    installation.wait_for_stage(Stage.CLOSED, reason='nothing lies between')
    refused = installation.ask(OPEN)
    assert not refused.success
    assert 'no output contactors of its own' in refused.message


def test_deactivated_it_asks_for_zero_power_and_falls_silent(
        world, beats, installation, closed):
    assert world.change(closed, 'deactivate')
    installation.wait_for_stage(Stage.UNKNOWN, reason='has left active')
    beats.go_on(0.2)
    heard = (installation.stages.mark, installation.commands.mark)
    beats.go_on(0.4)
    assert (installation.stages.mark, installation.commands.mark) == heard


def test_tells_the_progress_of_a_precharge(installation, closed):
    status = ros.PrechargeStatus
    installation.voltage_v = 100.0
    installation.command(
        Function.PRECHARGE, close=True, target_voltage=370.0, current_range_max=2.0,
        setpoints_mode=1)
    running = installation.progress.wait_for(lambda p: p.verdict == status.RUNNING)
    assert (running.target, running.current_cap) == (370.0, 2.0)
    installation.voltage_v = 351.0
    in_window = installation.progress.wait_for(lambda p: p.verdict == status.IN_WINDOW)
    assert in_window.difference == pytest.approx(-19.0)
    installation.command(close=True)
    done = installation.progress.wait_for(lambda p: p.verdict == status.DONE)
    assert done.present == 351.0
    stages = installation.stages.mark
    installation.stages.wait_for(after=stages + 2)
    assert installation.progress.last == done, 'told once'
