# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A command that is legal by itself, held against what is going on."""

import dataclasses

from power_bench import COMMANDS, INSULATION, LOWER, OFF, PRECHARGE, RANGE, STANDBY, TRANSFER
import pytest

from gi3_ros.core.command import Request
from gi3_ros.core.controller_watch import ControllerWatch, State
from gi3_ros.core.power.commands import Commands
from gi3_ros.core.power.inputs import StageReports
from gi3_ros.core.power.limits import ChargerLimits
from gi3_ros.core.power.memory import SessionMemory
from gi3_ros.core.power.parameters import PowerConfig
from gi3_ros.core.power.phases import Lowering, Phase, PhaseMachine, STARTS, STOPS

IN_RANGE = dataclasses.replace(TRANSFER, setpoints_mode=RANGE)


class Around:
    def __init__(self, phase=Phase.STANDBY, *, limits=None):
        limits = limits or ChargerLimits()
        self.machine, self.controller = PhaseMachine(), ControllerWatch()
        self.machine.phase = phase
        self.memory = SessionMemory(PowerConfig(limits=limits), StageReports())
        self.commands = Commands(limits, self.machine, self.controller, self.memory)

    def misfit(self, command, *, age_s=0.0):
        event = self.commands.event_of(command)
        return self.commands.misfit(command, event, ticked_s=10.0, now_s=10.0 - age_s)

    def take(self, command, *, now_s=0.0):
        self.commands.take(command, self.commands.event_of(command), now_s=now_s)

    def oddities(self, command):
        event = self.commands.event_of(command)
        return [key for key, _ in self.commands.oddities(command, event)]


@pytest.mark.parametrize('state, has_battery, moment', [
    (State.INSULATION_TEST, False, Lowering.AFTER_TEST), (State.CHARGING, True, Lowering.AT_END),
    (State.CLOSING_COMMUNICATION, True, Lowering.ON_CLOSING)])
def test_a_lowering_is_one_of_three(state, has_battery, moment):
    """R16."""
    around = Around()
    around.controller.state = state
    around.memory.battery_may_be_connected = has_battery
    assert around.commands.event_of(LOWER) is moment


def test_other_commands_are_what_they_request():
    around = Around()
    for request in Request:
        if request is not Request.LOWERING:
            assert around.commands.event_of(COMMANDS[request]) is request


@pytest.mark.parametrize('phase, command, words', [
    (Phase.STANDBY, TRANSFER, ''), (Phase.OFF, TRANSFER, 'Power_Transfer commanded in OFF'),
    (Phase.PRECHARGE, TRANSFER, 'Power_Transfer commanded in PRECHARGE'),
    (Phase.FAULT, TRANSFER, 'Power_Transfer while a fault is latched'), (Phase.FAULT, OFF, ''),
    (Phase.IDLE, STANDBY, ''), (Phase.IDLE, INSULATION, 'Insulation_Test commanded in IDLE'),
])
def test_what_the_table_does_not_hold_does_not_fit(phase, command, words):
    assert Around(phase).misfit(command) == words


@pytest.mark.parametrize(
    'request_', sorted(STARTS | STOPS, key=lambda each: each.name), ids=lambda each: each.name)
@pytest.mark.parametrize('age_s', [0.299, 0.301])
def test_a_command_that_waited_somewhere_starts_nothing_but_stops(request_, age_s):
    is_refused = age_s > 0.3 and request_ in STARTS
    words = f'{request_.value} is 0.3 s old' if is_refused else ''
    assert Around().misfit(COMMANDS[request_], age_s=age_s) == words


@pytest.mark.parametrize('command', [INSULATION, PRECHARGE, TRANSFER])
def test_a_finished_session_takes_no_function(command):
    around = Around()
    around.memory.is_finished = True
    assert around.misfit(command).endswith('after Charge_Session_Finished')
    assert around.misfit(STANDBY) == ''


def test_no_insulation_test_with_a_battery():
    around = Around()
    around.memory.battery_may_be_connected = True
    assert around.misfit(INSULATION) == 'Insulation_Test although the battery may be connected'
    assert around.misfit(TRANSFER) == ''


def test_the_mode_stays_the_same_within_a_transfer():
    """R27; after a pause it may be another."""
    around = Around()
    around.take(TRANSFER)
    assert around.misfit(IN_RANGE) == ''
    around.machine.phase = Phase.POWER_TRANSFER
    assert around.misfit(IN_RANGE) == 'Setpoints_Mode changed within a power transfer (R27)'
    assert around.misfit(TRANSFER) == ''


def test_a_command_in_force_is_remembered_for_what_it_means():
    around = Around()
    around.take(INSULATION)
    assert around.memory.is_tested and around.memory.transfer_command is None
    around.take(IN_RANGE)
    around.take(OFF)
    assert around.commands.in_force is OFF
    assert around.memory.transfer_command is IN_RANGE
    assert around.memory.is_off_commanded and around.memory.is_tested
    around.take(STANDBY)
    assert not around.memory.is_off_commanded
    around.commands.forget()
    assert around.commands.in_force == OFF


@pytest.mark.parametrize('later_s, is_recent', [(0.29, True), (0.31, False)])
def test_a_command_may_cross_a_status_on_the_way(later_s, is_recent):
    """A5."""
    around = Around()
    assert not around.commands.is_recent(now_s=0.0)
    around.take(LOWER, now_s=1.0)
    assert around.commands.is_recent(now_s=1.0 + later_s) is is_recent


@pytest.mark.parametrize('phase, command, is_tested, keys', [
    (Phase.STANDBY, PRECHARGE, False, ['untested']), (Phase.STANDBY, TRANSFER, True, []),
    (Phase.STANDBY, TRANSFER, False, ['untested']), (Phase.PRECHARGE, PRECHARGE, False, []),
    (Phase.STANDBY, INSULATION, False, []), (Phase.STANDBY, IN_RANGE, True, []),
])
def test_a_function_that_starts_without_a_test_is_odd(phase, command, is_tested, keys):
    around = Around(phase)
    around.memory.is_tested = is_tested
    assert around.oddities(command) == keys


def test_a_range_for_modules_that_cannot_choose_is_odd():
    """A43."""
    around = Around(limits=ChargerLimits(supports_range_mode=False))
    around.memory.is_tested = True
    assert around.oddities(IN_RANGE) == ['range mode']
    assert around.oddities(TRANSFER) == []


def test_charge_stopped_is_a_stop_that_leaves_the_contactors_as_they_are():
    """R41."""
    around = Around(Phase.POWER_TRANSFER)
    around.take(TRANSFER)
    around.commands.expect_standby(now_s=1.0)
    assert around.commands.refusals.take_stop(now_s=1.299) is None
    assert around.commands.refusals.take_stop(now_s=1.301) == STANDBY
