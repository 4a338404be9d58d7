# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is remembered of a session, when it is forgotten, and in which one we have no part."""

import pytest

from gi3_ros.core.controller_watch import ControllerWatch, State
from gi3_ros.core.hardware import Stage
from gi3_ros.core.interface.signals import DcPowerControl
from gi3_ros.core.power.inputs import StageReports
from gi3_ros.core.power.limits import ChargerLimits
from gi3_ros.core.power.memory import SessionMemory
from gi3_ros.core.power.parameters import PowerConfig
from gi3_ros.core.power.setpoint import Priority

RANGE = DcPowerControl(
    power_function=DcPowerControl.PowerFunction.POWER_TRANSFER,
    setpoints_mode=DcPowerControl.SetpointsMode.RANGE_MODE)
TARGET = DcPowerControl(power_function=DcPowerControl.PowerFunction.POWER_TRANSFER)


def remembered(config=None):
    """Return the memory of a session in which everything has happened."""
    memory = SessionMemory(config or PowerConfig(), StageReports())
    memory.battery_may_be_connected = memory.is_tested = memory.is_off_commanded = True
    memory.transfer_command = RANGE
    memory.wishes.ocpp_a = 5.0
    memory.wishes.leases.grant(
        5.0, duration_s=60.0, priority=Priority.FLEET, source='depot', now_s=0.0)
    return memory


def has_wishes(memory):
    wishes = memory.wishes
    return (wishes.ocpp_a is not None, wishes.leases.in_force(now_s=0.0) is not None)


def test_a_session_begins_with_nothing_but_the_wishes_that_came_before_it():
    memory = remembered()
    memory.is_finished = True
    memory.begin()
    assert not (memory.battery_may_be_connected or memory.is_tested or memory.is_off_commanded
                or memory.is_finished or memory.is_beyond_announcement)
    assert memory.transfer_command is None
    assert has_wishes(memory) == (True, True)


@pytest.mark.parametrize('is_in_session, kept', [(True, (False, False)), (False, (True, True))])
def test_the_end_of_a_session_drops_the_wishes_for_it(is_in_session, kept):
    """A16; before a session they are for the one that comes."""
    memory = remembered()
    memory.finish(is_in_session=is_in_session, now_s=1.0)
    assert memory.is_finished
    assert has_wishes(memory) == kept
    assert (memory.transfer_command is None) is is_in_session


def test_a_session_that_is_finished_again_keeps_what_was_wished_since():
    memory = remembered()
    memory.finish(is_in_session=True, now_s=1.0)
    memory.wishes.ocpp_a = 7.0
    memory.finish(is_in_session=True, now_s=1.1)
    assert memory.wishes.ocpp_a == 7.0


@pytest.mark.parametrize('is_finished, is_lost, kept', [
    (False, False, (False, False)), (True, False, (True, True)), (False, True, (True, True))])
def test_leaving_a_session_drops_the_wishes_that_were_for_it(is_finished, is_lost, kept):
    memory = remembered()
    memory.is_finished = is_finished
    memory.leave(is_lost=is_lost)
    assert has_wishes(memory) == kept
    assert memory.transfer_command is None


@pytest.mark.parametrize('later_s, is_closing', [(0.49, True), (0.51, False)])
def test_an_announcement_soon_after_the_end_is_a_last_word_of_it(later_s, is_closing):
    """R44."""
    memory = remembered()
    assert not memory.is_closing(now_s=0.0)
    memory.finish(is_in_session=True, now_s=1.0)
    assert memory.is_closing(now_s=1.0 + later_s) is is_closing


@pytest.mark.parametrize('name', ['is_tested', 'battery_may_be_connected'])
def test_a_session_is_beyond_its_announcement_after_the_test_or_with_a_battery(name):
    memory = SessionMemory(PowerConfig(), StageReports())
    assert not memory.is_beyond_announcement
    setattr(memory, name, True)
    assert memory.is_beyond_announcement


def test_a_battery_is_possible_as_soon_as_one_side_knows_of_it():
    stage = StageReports()
    memory = SessionMemory(PowerConfig(), stage)
    assert not memory.is_battery_possible
    stage.take(Stage.OPEN, '', has_output_contactors=True, sees_battery=True, now_s=0.0)
    assert memory.is_battery_possible and not memory.battery_may_be_connected
    stage.take(Stage.OPEN, '', has_output_contactors=True, sees_battery=False, now_s=0.1)
    memory.battery_may_be_connected = True
    assert memory.is_battery_possible


@pytest.mark.parametrize('transfer, supports_range_mode, is_ours', [
    (RANGE, True, True), (RANGE, False, False), (TARGET, True, False), (None, True, False)])
def test_the_current_is_ours_to_choose_in_range_mode_if_the_modules_can(
        transfer, supports_range_mode, is_ours):
    """R25, A43."""
    config = PowerConfig(limits=ChargerLimits(supports_range_mode=supports_range_mode))
    memory = remembered(config)
    memory.transfer_command = transfer
    assert memory.may_choose is is_ours


@pytest.mark.parametrize('state, is_without_us', [
    (State.WAITING_FOR_PEV, False), (State.NEGOTIATING_CONNECTION, False),
    (State.CONNECTED_WITH_FULL_INFO, False), (State.PRECHARGE, True), (State.CHARGING, True),
    (State.CLOSING_COMMUNICATION, True),
])
def test_a_session_past_its_announcement_goes_on_without_us(state, is_without_us):
    """A4."""
    memory, controller = SessionMemory(PowerConfig(), StageReports()), ControllerWatch()
    controller.see_status(state, now_s=1.0)
    assert memory.has_no_part(controller, now_s=1.0) is is_without_us
    assert not memory.has_no_part(controller, now_s=1.201), 'a silent controller has no session'


@pytest.mark.parametrize('state, is_without_us', [
    (State.ENDING_CHARGE, False), (State.CLOSING_COMMUNICATION, False), (State.CHARGING, True)])
def test_the_last_states_of_a_session_that_was_finished_are_ours(state, is_without_us):
    memory, controller = remembered(), ControllerWatch()
    memory.finish(is_in_session=True, now_s=1.0)
    controller.see_status(state, now_s=1.0)
    assert memory.has_no_part(controller, now_s=1.0) is is_without_us


@pytest.mark.parametrize('announced_s, now_s, is_without_us', [
    (None, 1.29, False), (None, 1.31, True), (1.25, 1.31, False), (1.25, 1.56, True)])
def test_an_insulation_test_is_anothers_when_no_announcement_comes_with_it(
        announced_s, now_s, is_without_us):
    """R6: in State 4 it repeats until the permission comes."""
    memory, controller = SessionMemory(PowerConfig(), StageReports()), ControllerWatch()
    for step in range(7):
        controller.see_status(State.INSULATION_TEST, now_s=1.0 + 0.1 * step)
    if announced_s is not None:
        memory.see_announcement(now_s=announced_s)
    assert memory.has_no_part(controller, now_s=now_s) is is_without_us


@pytest.mark.parametrize('state', [State.CONNECTED_WITH_FULL_INFO, State.INSULATION_TEST])
def test_after_a_fault_no_session_is_ours_before_the_controller_was_idle(state):
    memory, controller = SessionMemory(PowerConfig(), StageReports()), ControllerWatch()
    controller.see_status(state, now_s=1.0)
    assert not memory.has_no_part(controller, now_s=1.0)
    memory.awaits_idle = True
    assert memory.has_no_part(controller, now_s=1.0)
