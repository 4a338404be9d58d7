# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The order of the contactors, on a made-up clock."""

import dataclasses
import math

import pytest

from gi3_ros.core.hardware import Contact, ContactorFeedback, PowerMeasurement, Stage
from gi3_ros.core.interface.signals import (
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    DcPowerControl,
    EmergencyStop,
)
from gi3_ros.core.stage.contactors import OwnContactors
from gi3_ros.core.stage.installations import stage_for
from gi3_ros.core.stage.output_stage import Happening, StageConfig

Function = DcPowerControl.PowerFunction
CLOSE = DcPowerControl(
    power_function=Function.STANDBY, output_contactors=DcPowerControl.OutputContactors.CLOSE)
OPEN = DcPowerControl(power_function=Function.STANDBY)
STEP_S = 0.01


class Bench:
    """Contactors that follow after 30 ms, until a test makes them do something else."""

    def __init__(self, config=None, *, contact=Contact.OPEN):
        self.core = stage_for(config or StageConfig())
        self.contact = contact
        self.follows = True
        self.feedback = True
        self.reading = PowerMeasurement(voltage_v=0.0, current_a=0.0)
        self.pistol_v = 0.0
        self.power_fault = ''
        self.is_enabled = True
        self.is_commanded = False
        self.state = AdvanticsControllerStatus.State.CHARGING
        self.silent = set()
        self.steps = 0
        self.commands = []
        self.run(0.2)

    @property
    def now_s(self):
        return self.steps * STEP_S

    @property
    def stage(self):
        return self.core.stage

    def run(self, seconds):
        for _ in range(round(seconds / STEP_S)):
            self.steps += 1
            self._inputs()
            command = self.core.tick(now_s=self.now_s)
            self.commands.append(command)
            late = self.commands[-4] if len(self.commands) > 3 else None
            if self.follows and late is not None:
                self.contact = Contact.CLOSED if late.output_closed else Contact.OPEN
        return self

    def _inputs(self):
        if self.steps % 10 == 0 and 'controller' not in self.silent:
            self.give(AdvanticsControllerStatus(self.state))
        if self.steps % 10 == 0 and 'power' not in self.silent:
            self.core.see_power(
                self.power_fault, is_enabled=self.is_enabled, is_commanded=self.is_commanded,
                now_s=self.now_s)
        if self.steps % 4 == 0 and 'driver' not in self.silent:
            self.core.measure(self.reading, now_s=self.now_s)
        if self.steps % 2 == 0 and 'contactors' not in self.silent:
            contact = self.contact if self.feedback else Contact.UNKNOWN
            self.core.see_contacts(
                ContactorFeedback(contact, Contact.OPEN, self.pistol_v), now_s=self.now_s)

    def give(self, message):
        self.core.receive(message, now_s=self.now_s)
        return self

    def measures(self, **values):
        self.reading = dataclasses.replace(self.reading, **values)
        self.core.measure(self.reading, now_s=self.now_s)
        return self

    def closed(self):
        self.give(CLOSE).run(0.2)
        assert self.stage is Stage.CLOSED
        return self


@pytest.fixture
def bench():
    return Bench()


def test_closes_with_the_controllers_word_and_opens_with_it(bench):
    assert bench.stage is Stage.OPEN
    bench.closed()
    bench.give(OPEN).run(0.2)
    assert bench.stage is Stage.OPEN


def test_reports_closed_only_when_the_contacts_say_so(bench):
    bench.follows = False
    bench.give(CLOSE).run(0.1)
    assert bench.stage is Stage.CLOSING
    bench.contact = Contact.CLOSED
    bench.run(0.02)
    assert bench.stage is Stage.CLOSED


@pytest.mark.parametrize('across_v, closes', [(19.9, True), (20.0, True), (20.1, False)])
@pytest.mark.parametrize('sign', [1, -1])
def test_closes_with_at_most_20_v_across(bench, across_v, closes, sign):
    bench.measures(voltage_v=200.0)
    bench.pistol_v = 200.0 + sign * across_v
    bench.run(0.1).give(CLOSE).run(0.2)
    assert (bench.stage is Stage.CLOSED) is closes
    if not closes:
        assert '20 V apart' in bench.core.reason


@pytest.mark.parametrize('why', [
    'controller silent', 'power_control silent', 'emergency', 'fault', 'idle', 'disabled'])
def test_does_not_close_again_on_a_close_that_was_said_before(bench, why):
    """What opened it once must be said again by the controller."""
    bench.closed()
    if why.endswith('silent'):
        bench.silent.add('controller' if why.startswith('controller') else 'power')
    elif why == 'emergency':
        bench.give(EmergencyStop())
    elif why == 'fault':
        bench.power_fault = 'over-current'
    elif why == 'idle':
        bench.state = AdvanticsControllerStatus.State.WAITING_FOR_PEV
    else:
        bench.is_enabled = False
    bench.run(1.0)
    assert bench.stage is Stage.OPEN
    bench.silent.clear()
    bench.power_fault = ''
    if why != 'disabled':
        bench.run(3.0)
        assert bench.stage is Stage.OPEN
    bench.is_enabled = True
    bench.state = AdvanticsControllerStatus.State.CHARGING
    bench.give(CLOSE).run(0.3)
    assert bench.stage is Stage.CLOSED


def test_an_undefined_end_moves_no_contactor(bench):
    bench.closed().give(ChargeSessionFinished(7)).run(0.3)
    assert bench.stage is Stage.CLOSED


def test_an_empty_output_is_not_closed_onto_a_battery_that_nobody_measures(bench):
    bench.closed()
    bench.give(dataclasses.replace(
        CLOSE, power_function=Function.PRECHARGE, target_voltage=400.0, current_range_max=2.0))
    bench.give(CLOSE).core.request_open(now_s=bench.now_s)
    bench.pistol_v = math.nan
    bench.run(0.3)
    assert bench.stage is Stage.OPEN
    refuse_close(bench, 'a battery may be at the pistol')


@pytest.mark.parametrize('volts, closes', [(20.0, True), (20.1, False)])
def test_without_a_measurement_at_the_pistol_closes_only_an_empty_output(bench, volts, closes):
    bench.pistol_v = math.nan
    bench.measures(voltage_v=volts)
    bench.run(0.1).give(CLOSE).run(0.2)
    assert (bench.stage is Stage.CLOSED) is closes


@pytest.mark.parametrize('amps, opens', [(1.0, True), (-1.0, True), (1.1, False), (-1.1, False)])
def test_opens_at_no_more_than_1_a_of_either_sign(bench, amps, opens):
    """R42, A36."""
    bench.closed().measures(current_a=amps)
    bench.run(0.1).give(OPEN).run(0.2)
    assert bench.stage is (Stage.OPEN if opens else Stage.UNLOADING)
    assert bench.commands[-1].output_closed is not opens


def test_opens_under_load_after_its_bound_and_says_so(bench):
    bench.closed().measures(current_a=50.0)
    bench.run(0.1).give(OPEN).run(0.9)
    assert bench.stage is Stage.UNLOADING
    bench.run(0.3)
    assert bench.stage is Stage.OPEN
    assert any('open after 1 s although 50.0 A' in entry.text
               for entry in bench.core.journal.drain())


def test_emergency_opens_at_once_whatever_flows(bench):
    bench.closed().measures(current_a=100.0)
    bench.give(EmergencyStop()).run(STEP_S)
    assert not bench.commands[-1].output_closed


@pytest.mark.parametrize('who, reason', [
    ('controller', 'controller silent'), ('power', 'power_control silent')])
def test_silence_opens_as_soon_as_the_current_is_gone(bench, who, reason):
    bench.closed().measures(current_a=50.0)
    bench.silent.add(who)
    bench.run(0.7)
    assert bench.stage is Stage.UNLOADING
    assert reason in bench.core.reason
    assert bench.commands[-1].output_closed, 'closed until the current is gone'
    bench.measures(current_a=0.0).run(0.1)
    assert bench.stage is Stage.OPEN


def test_a_fault_of_power_control_opens(bench):
    bench.closed()
    bench.power_fault = 'over-current'
    bench.run(0.3)
    assert bench.stage is Stage.OPEN
    assert 'over-current' in bench.core.reason


def test_end_of_the_session_opens(bench):
    bench.closed().give(ChargeSessionFinished()).run(0.2)
    assert bench.stage is Stage.OPEN


@pytest.mark.parametrize('command', [
    DcPowerControl(power_function=3),
    DcPowerControl(power_function=Function.STANDBY, target_voltage=1.0),
    DcPowerControl(power_function=Function.POWER_TRANSFER, target_voltage=400.0),
])
def test_a_bad_command_moves_no_contactor(bench, command):
    bench.closed().give(command).run(0.3)
    assert bench.stage is Stage.CLOSED


def test_stuck_and_welded_are_told_apart(bench):
    bench.follows = False
    bench.give(CLOSE).run(0.4)
    assert bench.stage is Stage.FAULT
    assert 'stuck' in bench.core.reason
    bench = Bench().closed()
    bench.follows = False
    bench.give(OPEN).run(0.5)
    assert bench.stage is Stage.FAULT
    assert 'welded' in bench.core.reason
    with pytest.raises(ValueError, match='CLOSED although open is commanded'):
        bench.core.reset_fault(now_s=bench.now_s)
    bench.contact = Contact.OPEN
    bench.run(0.1).core.reset_fault(now_s=bench.now_s)
    assert bench.stage is Stage.OPEN


def test_contacts_closed_without_a_command_are_a_fault(bench):
    bench.contact, bench.follows = Contact.CLOSED, False
    bench.run(0.5)
    assert bench.stage is Stage.FAULT
    assert 'welded' in bench.core.reason


def test_contacts_that_open_by_themselves_are_a_fault(bench):
    bench.closed()
    bench.contact, bench.follows = Contact.OPEN, False
    bench.run(0.1)
    assert bench.stage is Stage.FAULT


@pytest.mark.parametrize('pistol_v, is_fault', [(456.0, False), (454.0, True), (0.0, True)])
def test_a_pistol_that_does_not_follow_behind_closed_contactors_is_a_fault(
        bench, pistol_v, is_fault):
    """Without auxiliary contacts a stuck contactor shows so; sensors may differ by 5 %."""
    bench.feedback = False
    bench.run(0.1).closed()
    bench.pistol_v = pistol_v
    bench.measures(voltage_v=500.0).run(0.5)
    assert (bench.stage is Stage.FAULT) is is_fault


def test_current_through_a_relay_that_was_open_before_is_not_counted_twice():
    core = stage_for(StageConfig(installation='controller_relay'))
    for tick in range(700):
        now_s = tick * STEP_S
        if tick % 10 == 0:
            core.receive(
                AdvanticsControllerStatus(AdvanticsControllerStatus.State.CHARGING), now_s=now_s)
            core.receive(CLOSE if 100 <= tick < 600 else OPEN, now_s=now_s)
        amps = 50.0 if 50 <= tick < 660 else 0.0
        core.measure(PowerMeasurement(400.0, amps), now_s=now_s)
        core.tick(now_s=now_s)
        assert core.stage is not Stage.FAULT, tick


def test_a_fault_under_load_keeps_closed_until_the_current_is_gone(bench):
    bench.closed().measures(current_a=50.0)
    bench.silent.add('contactors')
    bench.run(0.6)
    assert bench.stage is Stage.FAULT
    assert bench.commands[-1].output_closed
    bench.measures(current_a=0.0).run(0.05)
    assert not bench.commands[-1].output_closed


def test_without_auxiliary_contacts_time_stands_for_them(bench):
    bench.feedback = False
    bench.run(0.1).closed()
    bench.give(OPEN).run(0.3)
    assert bench.stage is Stage.OPEN


def test_found_closed_at_the_start_opens_once_the_current_is_gone():
    """Whoever was here before may have left them closed under load."""
    core = stage_for(StageConfig())
    core.see_contacts(ContactorFeedback(Contact.CLOSED, Contact.OPEN, 400.0), now_s=1.0)
    core.measure(PowerMeasurement(voltage_v=400.0, current_a=50.0), now_s=1.0)
    assert core.tick(now_s=1.0).output_closed
    assert core.stage is Stage.UNLOADING
    core.measure(PowerMeasurement(voltage_v=400.0, current_a=0.5), now_s=1.1)
    assert not core.tick(now_s=1.1).output_closed


def test_no_command_before_the_contactors_are_known():
    core = stage_for(StageConfig())
    assert core.tick(now_s=1.0) is None
    core.see_contacts(ContactorFeedback(), now_s=1.0)
    assert core.tick(now_s=1.0) is None, 'without auxiliary contacts the current must be known'
    core.measure(PowerMeasurement(voltage_v=400.0, current_a=50.0), now_s=1.0)
    assert core.tick(now_s=1.0).output_closed, 'somebody has closed them'
    assert core.stage is Stage.UNLOADING


def test_without_own_contactors_it_is_always_closed_and_commands_nothing():
    core = stage_for(StageConfig(installation='none'))
    assert not core.tick(now_s=0.0).output_closed
    assert core.stage is Stage.CLOSED
    for request in (core.request_open, core.request_close):
        with pytest.raises(ValueError, match='no output contactors of its own'):
            request(now_s=0.0)


# set_contactors


def test_operator_opens_and_holds_open_until_close(bench):
    bench.closed()
    assert 'held open' in bench.core.request_open(now_s=bench.now_s)
    bench.run(0.5)
    assert bench.stage is Stage.OPEN
    assert bench.core.request_close(now_s=bench.now_s) == 'closing'
    bench.run(0.2)
    assert bench.stage is Stage.CLOSED


def test_operator_may_not_open_under_load(bench):
    bench.closed().measures(current_a=1.1)
    with pytest.raises(ValueError, match='stop_charge first'):
        bench.core.request_open(now_s=bench.now_s)
    assert bench.run(0.2).stage is Stage.CLOSED


def test_operator_may_not_open_under_a_commanded_function(bench):
    bench.is_commanded = True
    bench.closed()
    with pytest.raises(ValueError, match='a power function is in force'):
        bench.core.request_open(now_s=bench.now_s)


def refuse_close(bench, words):
    with pytest.raises(ValueError, match=words):
        bench.core.request_close(now_s=bench.now_s)
    assert not bench.run(0.3).commands[-1].output_closed


def test_operator_may_not_close_against_a_check(bench):
    refuse_close(bench, 'the controller says Open')
    bench.pistol_v = 300.0
    bench.run(0.1).give(CLOSE).run(0.1)
    refuse_close(bench, '300 V at the pistol')
    bench.pistol_v = 0.0
    bench.measures(current_a=2.0)
    refuse_close(bench, '2.0 A flow')
    bench.measures(current_a=0.0)
    bench.give(EmergencyStop())
    refuse_close(bench, 'Emergency_Stop')
    bench.power_fault = 'over-current'
    bench.run(1.1)
    refuse_close(bench, 'over-current')
    bench.power_fault = ''
    bench.follows = False
    bench.run(0.2).give(CLOSE).run(0.6)
    assert bench.stage is Stage.FAULT
    refuse_close(bench, 'stuck')


# The table


def test_every_closed_stage_can_be_left_by_an_emergency():
    for stage in (Stage.CLOSING, Stage.CLOSED, Stage.UNLOADING):
        assert OwnContactors.TRANSITIONS[stage, Happening.EMERGENCY] is Stage.OPENING


def test_nothing_but_a_measured_absence_of_current_leads_from_closed_to_opening():
    ways = {event for (stage, event), target in OwnContactors.TRANSITIONS.items()
            if target is Stage.OPENING and stage in (Stage.CLOSED, Stage.UNLOADING)}
    assert ways == {Happening.CURRENT_GONE, Happening.EMERGENCY}


@pytest.mark.parametrize('name', [f.name for f in dataclasses.fields(StageConfig)[1:]])
@pytest.mark.parametrize('value', [-1.0, math.nan, math.inf])
def test_unusable_configuration_is_refused(name, value):
    with pytest.raises(ValueError, match=name):
        StageConfig(**{name: value})
