# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The frames of a tick, their order, and the grid that they are sent on."""

from gi3_ros.core.interface.signals import (
    ChargeSessionFinished,
    ChargeStatusChange,
)
from gi3_ros.sim.agreement import Agreement, SetpointsMode
from gi3_ros.sim.charge_session import Session
from gi3_ros.sim.config import ControllerConfig
from gi3_ros.sim.power_commands import PowerCommands
from gi3_ros.sim.protocols import Direction, Protocol
from gi3_ros.sim.situation import Origin, Situation
from gi3_ros.sim.stages import Stage
from gi3_ros.sim.transmitter import Cycle, Transmitter
from gi3_ros.sim.vehicle import Vehicle


def names(messages):
    return [message.NAME for message in messages]


def in_session(stage, **config):
    """Return situation and transmitter of a session that has been announced."""
    situation = Situation(ControllerConfig(**config), Vehicle())
    situation.enter(stage, now_s=0.0)
    situation.session = Session(0.0, is_announced=True, agreement=Agreement(
        Protocol.ISO_15118_2, SetpointsMode.TARGET_MODE, Direction.CHARGE))
    return situation, Transmitter(situation, PowerCommands(situation))


def test_a_late_call_keeps_the_grid_and_makes_nothing_up():
    cycle = Cycle()
    due = [now_s for now_s in (0.0, 0.05, 0.13, 0.2, 0.75, 0.8, 0.85, 0.95)
           if cycle.is_due(0.1, now_s=now_s)]
    assert due == [0.0, 0.13, 0.2, 0.75, 0.85, 0.95]


def test_a_cycle_that_is_restarted_waits_a_period():
    cycle = Cycle()
    cycle.is_due(0.1, now_s=0.0)
    cycle.restart(0.1, now_s=0.06)
    assert [now_s for now_s in (0.1, 0.15, 0.16) if cycle.is_due(0.1, now_s=now_s)] == [0.16]


def test_frames_of_a_tick_come_in_the_order_in_which_they_are_understood():
    situation, transmitter = in_session(Stage.EMERGENCY)
    situation.raise_emergency('test', Origin.EVSE, now_s=0.0)
    situation.notices += [
        ChargeSessionFinished(ChargeSessionFinished.State.RUSHED_STOP),
        ChargeStatusChange(ChargeStatusChange.VehicleReadyForCharging.CHARGE_STOPPED)]
    sent = names(transmitter.messages(now_s=0.0))
    assert sent[:3] == ['Emergency_Stop', 'Advantics_Controller_Status', 'Charge_Status_Change']
    assert sent[3:7] == [
        'EV_Information_Battery', 'EV_Information_Voltages', 'EV_Information_Charge_Limits',
        'EV_Information_Discharge_Limits']
    assert sent[7:] == ['DC_Power_Control', 'Charge_Session_Finished', 'ADM_CS_SECC_Inputs']
    assert situation.notices == []


def test_a_new_state_does_not_wait_for_its_cycle():
    situation, transmitter = in_session(Stage.NOT_READY)
    transmitter.messages(now_s=0.0)
    assert names(transmitter.messages(now_s=0.01)) == []
    situation.enter(Stage.PRECHARGE, now_s=0.02)
    assert 'Advantics_Controller_Status' in names(transmitter.messages(now_s=0.02))


def test_information_of_a_finished_session_is_not_sent():
    situation, transmitter = in_session(Stage.CLOSING)
    situation.session.finished_s = 0.0
    assert not any('EV_Information' in name for name in names(transmitter.messages(now_s=0.0)))


def test_without_a_session_there_is_nothing_to_command():
    situation = Situation(ControllerConfig(), Vehicle())
    transmitter = Transmitter(situation, PowerCommands(situation))
    assert names(transmitter.messages(now_s=0.0)) == ['Advantics_Controller_Status']
    situation.enter(Stage.WAITING_FOR_PEV, now_s=0.0)
    assert names(transmitter.messages(now_s=0.1)) == [
        'Advantics_Controller_Status', 'ADM_CS_SECC_Inputs']
