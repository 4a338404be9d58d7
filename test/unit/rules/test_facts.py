# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the rules look at: who was heard, flags, sessions, and what is in force at the output."""

import dataclasses

import pytest

from gi3_ros.core.interface.signals import (
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    DcPowerControl,
    DcPowerParameters,
    NewChargeSession,
    PowerModulesStatus,
    SequenceControl,
)
from gi3_ros.core.rules.facts import Facts, Flags, Heard
from gi3_ros.core.rules.output import Hull, InForce, Output, Way
from gi3_ros.core.rules.session import Commands, function_name, is_chademo, Session
from gi3_ros.core.rules.tolerances import Tolerances

LIMITS = Tolerances(controller_timeout_s=0.2, controller_jitter_s=0.02)
Function = DcPowerControl.PowerFunction
State = AdvanticsControllerStatus.State
Protocol = NewChargeSession.CommunicationProtocol
PlugAndPins = NewChargeSession.PlugAndPins
ALLOWED = SequenceControl(start_charge_authorisation=1)
STANDBY = DcPowerControl(power_function=Function.STANDBY, output_contactors=1)
TEST = DcPowerControl(
    target_voltage=500.0, power_function=Function.INSULATION_TEST, output_contactors=1)
PRECHARGE = DcPowerControl(
    target_voltage=360.0, current_range_max=2.0, power_function=Function.PRECHARGE,
    setpoints_mode=1, output_contactors=1)


def transfer(amps, volts=400.0):
    return DcPowerControl(
        target_voltage=volts, current_range_max=amps, current_range_min=amps,
        power_function=Function.POWER_TRANSFER, output_contactors=1)


@pytest.fixture
def heard():
    return Heard(LIMITS)


@pytest.fixture
def facts():
    return Facts(LIMITS)


@pytest.fixture
def output():
    return Output(LIMITS)


# Who was heard

@pytest.mark.parametrize(('silent_s', 'is_silent', 'is_missing'), [
    (0.17, False, False), (0.19, True, False), (0.21, True, False), (0.23, True, True)])
def test_each_end_has_the_benefit_of_the_doubt(heard, silent_s, is_silent, is_missing):
    """R1: the charger may stop a little early, the controller is blamed a little late."""
    heard.audible_at_s = 1.0
    assert heard.is_controller_silent(1.0 + silent_s) is is_silent
    assert heard.is_controller_missing(1.0, 1.0 + silent_s) is is_missing
    assert heard.missing_s == pytest.approx(silent_s)


def test_a_controller_that_was_never_heard_is_not_silent(heard):
    assert not heard.is_controller_silent(100.0)


@pytest.mark.parametrize(('audible_at_s', 'gap_s'), [(None, 0.4), (1.3, 0.4), (1.0, None)])
def test_a_gap_of_the_charger_counts_where_it_hears_the_controller(heard, audible_at_s, gap_s):
    heard.audible_at_s = audible_at_s
    heard.hear_charger(1.0, 1.4)
    assert heard.status_gap_s == (None if gap_s is None else pytest.approx(gap_s))
    heard.hear_charger(None, 1.5)
    assert heard.status_gap_s is None


def test_what_nobody_could_hear_is_passed_over(heard):
    heard.expect_controller(1.0)
    heard.audible_at_s = 1.0
    heard.pass_over(0.5)
    assert not heard.is_controller_silent(1.6)
    assert not heard.is_controller_missing(heard.controller_at_s, 1.6)


# Flags

def test_flags_that_may_have_crossed_with_a_state_are_kept():
    flags = Flags(0.5)
    for now_s in (0.0, 1.0, 1.2):
        flags.see(dataclasses.replace(ALLOWED, user_stop_button=int(now_s == 1.2)), now_s)
    assert [now_s for now_s, _ in flags.recent] == [0.0, 1.0, 1.2]
    flags.forget(1.6)
    assert [now_s for now_s, _ in flags.recent] == [1.0, 1.2]
    assert flags.told.user_stop_button and not flags.told_before.user_stop_button


@pytest.mark.parametrize(('told_s', 'is_known', 'expected'), [
    (0.0, True, [SequenceControl()]), (0.0, False, []),
    (0.8, True, [SequenceControl(), ALLOWED])])
def test_a_controller_that_starts_knows_no_flags_but_those_of_this_moment(
        told_s, is_known, expected):
    flags = Flags(0.5)
    flags.are_used = True
    flags.see(ALLOWED, told_s)
    flags.start_anew(1.0, is_known=is_known)
    assert not flags.are_used
    assert [each for _, each in flags.recent] == expected


# Sessions

def test_system_enable_of_before_counts_until_the_first_status():
    """A6."""
    session = Session(0.0, 0.0, was_allowed=True)
    assert session.may_begin
    session.see_allowed(False, False, 0.1)
    assert not session.may_begin
    session.see_allowed(True, False, 0.2)
    assert session.may_begin and session.enabled_at_s == 0.2


def test_each_withdrawal_is_one_and_the_last_says_where_it_was():
    session = Session(0.0, 0.0)
    for step, is_allowed in enumerate((True, False, False, True, False)):
        session.see_allowed(is_allowed, step == 4, float(step))
    assert (session.withdrawals, session.withdrawn_at_s, session.was_in_loop) == (2, 4.0, True)


def test_the_first_end_of_a_session_counts(facts):
    assert not facts.see_finished(0.0)
    facts.see_announcement(NewChargeSession(), 1.0)
    assert facts.see_finished(2.0) and facts.see_finished(3.0)
    assert (facts.session.finished_at_s, facts.session.finishes) == (2.0, 2)
    assert facts.power is None


def test_a_silent_controller_is_not_blamed_for_what_was_missed(facts):
    facts.see_state(State.WAITING_FOR_PEV, 0.0)
    facts.see_flags(ALLOWED, 0.0)
    facts.see_announcement(NewChargeSession(), 0.1)
    facts.interrupt(1.0)
    assert facts.session.is_interrupted and not facts.commands.is_whole
    assert not facts.was_idle and not facts.flags.recent


def test_what_cannot_be_read_is_not_missing(facts):
    """R26, R3, R40."""
    facts.see_announcement(NewChargeSession(), 0.0)
    facts.see_unreadable(DcPowerControl, 1.0)
    facts.see_unreadable(PowerModulesStatus, 1.0)
    facts.see_unreadable(ChargeSessionFinished, 1.0)
    assert facts.commands.paced_from_s == facts.session.status_at_s == 1.0
    assert facts.session.is_interrupted
    facts.commands.see_command(TEST, 1.1)
    assert not facts.commands.is_order_known


def test_commands_say_what_there_was_in_the_session():
    commands = Commands(NewChargeSession(Protocol.CCS_ISO_15118_2022))
    assert [commands.see_command(each, 0.0) for each in (STANDBY, STANDBY, TEST, PRECHARGE)] == [
        True, False, True, True]
    assert (commands.has_tested, commands.has_connected, commands.has_transferred) == (
        True, True, False)
    assert (commands.before, commands.command) == (TEST, PRECHARGE)
    commands.see_state(State.ENDING_CHARGE, 1.0)
    assert commands.floating_since_s is None
    commands.see_command(STANDBY, 2.0)
    assert commands.floating_since_s == 2.0


@pytest.mark.parametrize(('protocol', 'plug', 'expected'), [
    (Protocol.CHADEMO_V2_0, PlugAndPins.CCS_DC_CORE, True),
    (Protocol.CCS_ISO_15118_2022, PlugAndPins.CHADEMO, True),
    (Protocol.CCS_ISO_15118_2022, PlugAndPins.CCS_DC_CORE, False)])
def test_chademo_is_told_by_protocol_or_plug(protocol, plug, expected):
    assert is_chademo(NewChargeSession(protocol, plug)) is expected


def test_functions_are_spelt_as_the_vendor_does():
    assert function_name(Function.POWER_TRANSFER) == 'Power_Transfer'
    assert function_name(None) == 'nothing'


# The output

def test_what_is_in_force_follows_the_commands_until_an_emergency(output):
    seen = [output.in_force]
    for command in (STANDBY, TEST, transfer(10.0), DcPowerControl()):
        output.see_command(command, 0.0)
        seen.append(output.in_force)
    output.see_emergency(1.0)
    output.see_command(STANDBY, 2.0)
    output.see_emergency(3.0)
    assert [*seen, output.in_force] == [
        InForce.NOTHING, InForce.STANDBY, InForce.INSULATION_TEST, InForce.POWER_TRANSFER,
        InForce.OFF, InForce.EMERGENCY]
    assert output.emergency_since_s == 1.0


def test_another_setpoint_is_no_other_function(output):
    assert output.see_command(transfer(10.0), 0.0)
    assert not output.see_command(transfer(10.0), 1.0)
    assert output.see_command(transfer(20.0), 2.0)
    assert output.function_since_s == 0.0
    assert [each.current_range_max for each in output.transfers_since(2.0)] == [20.0]
    assert [each.current_range_max for each in output.transfers_since(1.0)] == [20.0, 10.0]


@pytest.mark.parametrize(('command', 'moved_v', 'is_new'), [
    (TEST, 1.0, True), (PRECHARGE, 15.0, False), (PRECHARGE, 25.0, True)])
def test_a_voltage_begins_its_way_anew_when_its_target_moves(output, command, moved_v, is_new):
    """R11; R19: out of the window."""
    output.see_command(command, 0.0)
    way = output.way
    output.see_status(PowerModulesStatus(present_voltage=100.0), 0.5)
    output.see_command(
        dataclasses.replace(command, target_voltage=command.target_voltage + moved_v), 1.0)
    assert (output.way is not way) is is_new
    assert output.way.begun_v == (100.0 if is_new else 0.0)


def test_a_limit_that_rises_gives_time_to_come_up(output):
    """R33: only where the command reaches for it."""
    output.see_command(transfer(100.0), 0.0)
    low, high = (DcPowerParameters(maximum_charge_current=amps) for amps in (50.0, 80.0))
    output.see_parameters(None, low, 1.0)
    assert output.able_since_s == 0.0
    output.see_parameters(low, high, 2.0)
    assert output.able_since_s == 2.0


def test_times_count_from_a_restart_on(output):
    output.see_command(PRECHARGE, 0.0)
    output.restart(5.0)
    assert output.function_since_s == output.precharge_since_s == output.able_since_s == 5.0
    assert output.setpoints[-1].since_s == 5.0
    assert output.ending_since_s is None


@pytest.mark.parametrize(('volts', 'is_on'), [(-1.0, True), (-0.9, False), (1.0, False)])
def test_a_voltage_that_comes_closer_by_a_volt_is_on_its_way(volts, is_on):
    way = Way(0.0)
    assert not way.is_on(100.0, 0.0)
    assert way.is_on(100.0 + volts, 1.9) is is_on
    # A share of what is left, where that is more.
    assert not way.is_on(97.0, 2.0, share=0.05)
    way.forget()
    assert not way.is_on(90.0, 2.0)


def test_the_hull_comes_down_at_the_pace_of_the_ramp():
    hull = Hull(20.0, 1.0)
    hull.move([transfer(100.0)], 0.0)
    assert (hull.top_a, hull.bottom_a, hull.least_a) == (100.0, 0.0, -20.0)
    hull.move([transfer(40.0)], 1.0)
    assert (hull.top_a, hull.least_a) == (80.0, 0.0)
    hull.move([], 3.0)
    assert (hull.top_a, hull.least_a) == (40.0, -20.0)
