# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What power_control does in a session, on a made-up clock: each function, and its ends."""

import dataclasses
import itertools

from power_bench import (
    assert_dead,
    Bench,
    INSULATION,
    LOWER,
    LOWER_OPEN,
    OFF,
    PRECHARGE,
    RANGE,
    STANDBY,
    State,
    STEP_S,
    TOLD,
    TRANSFER,
    transferring,
    WAY_TO,
)
import pytest

from gi3_ros.core.hardware import ModulesMode, Stage
from gi3_ros.core.interface.signals import (
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    ChargeStatusChange,
    EvInformationBattery,
    EvInformationChargeLimits,
    EvInformationDischargeLimits,
    EvInformationVoltages,
    NewChargeSession,
    OcppControl,
    PowerModulesStatus,
)
from gi3_ros.core.power.limits import ChargerLimits
from gi3_ros.core.power.parameters import PowerConfig
from gi3_ros.core.power.phases import Phase, POWERED
from gi3_ros.core.power.setpoint import Priority

BOTH_WAYS = ChargerLimits(is_bidirectional=True, max_charger_discharge_current=60.0)


@pytest.fixture
def bench():
    return Bench()


@pytest.mark.parametrize('phase', [p for p in WAY_TO if p not in POWERED])
def test_no_power_outside_the_powered_phases(phase):
    bench = Bench().lead_to(phase)
    bench.run(0.5)
    assert bench.decision.setpoint.mode is not ModulesMode.REGULATE
    assert bench.decision.setpoint.current_a == 0.0


# Waking and System_Enable


def test_before_a_session_it_tells_its_limits_every_second_and_nothing_else(bench):
    """R33: without flags those count that came before the negotiation."""
    bench.run(3.5)
    assert [message for _, message in bench.sent] == [TOLD] * 4
    times_s = [time_s for time_s, _ in bench.sent]
    assert all(later - sooner == pytest.approx(1.0, abs=0.1)
               for sooner, later in itertools.pairwise(times_s))


def test_limits_are_told_again_when_the_negotiation_begins_and_to_a_restarted_controller(bench):
    bench.sent.clear()
    bench.give(AdvanticsControllerStatus(State.NEGOTIATING_CONNECTION))
    bench.run(0.2)
    assert [message for _, message in bench.sent] == [TOLD]
    bench.silent.add('controller')
    bench.run(0.3)
    bench.power.request_limits(
        voltage_v=0.0, charge_current_a=50.0, discharge_current_a=0.0, now_s=bench.now_s)
    bench.run(0.3)
    assert len(bench.sent) == 1, 'nobody is there to be told'
    bench.silent.clear()
    bench.run(0.3)
    assert [m.maximum_charge_current for _, m in bench.sent[1:]] == [50.0]


@pytest.mark.parametrize('by_state', [True, False])
def test_session_is_announced_by_its_frame_or_by_the_state(bench, by_state):
    """A4: whichever comes first."""
    if by_state:
        bench.give(AdvanticsControllerStatus(State.CONNECTED_WITH_FULL_INFO))
    else:
        bench.give(NewChargeSession())
    assert bench.power.phase in (Phase.WAKING, Phase.STANDBY)


@pytest.mark.parametrize('state', [
    State.NEGOTIATING_CONNECTION, State.CCS_AUTHORISATION_PROCESS,
    State.CONNECTED_WITH_FULL_INFO])
@pytest.mark.parametrize('ready_after_s', [0.0, 3.0])
def test_an_announcement_counts_whatever_the_state_still_says(bench, state, ready_after_s):
    """A4: State 3 may wait for Charge_Parameters_Done. The permission comes and stays."""
    bench.measures(is_ready=ready_after_s == 0.0)
    bench.state = state
    bench.run(1.0)
    phases = []
    for step in range(80):
        if not bench.decision.system_enable:
            bench.give(NewChargeSession())
        if step * 0.1 == ready_after_s:
            bench.measures(is_ready=True)
        phases.append(bench.run(0.1).phase)
    assert set(phases[:1]) <= {Phase.WAKING, Phase.STANDBY}
    moves = [phase for phase, _ in itertools.groupby(phases)]
    assert moves in ([Phase.STANDBY], [Phase.WAKING, Phase.STANDBY])
    assert bench.decision.system_enable
    bench.state = State.CONNECTED_WITH_FULL_INFO
    assert bench.run(1.0).phase is Phase.STANDBY


@pytest.mark.parametrize('end', ['finished', State.WAITING_FOR_PEV, State.NOT_AVAILABLE])
def test_what_was_announced_early_ends_all_the_same(bench, end):
    bench.state = State.NEGOTIATING_CONNECTION
    bench.give(NewChargeSession())
    assert bench.run(1.0).phase is Phase.STANDBY
    if end == 'finished':
        bench.give(ChargeSessionFinished())
    else:
        bench.state = end
    assert bench.run(0.3).phase is Phase.IDLE


@pytest.mark.parametrize('state', [
    State.NEGOTIATING_CONNECTION, State.WAITING_FOR_PEV, State.NOT_AVAILABLE,
    State.INITIALISING])
@pytest.mark.parametrize('phase', sorted(POWERED))
@pytest.mark.parametrize('period_s', [0.05, 0.1, 0.3])
def test_an_announcement_keeps_no_power_on_without_a_session(state, phase, period_s):
    """Who announces the next one has lost this one: its state takes the power away, as ever."""
    bench = Bench().lead_to(phase)
    bench.state = state
    for _ in range(round(1.0 / period_s)):
        bench.give(NewChargeSession())
        bench.run(period_s)
    assert_dead(bench, 'went back to')


@pytest.mark.parametrize('commands', [(STANDBY, TRANSFER, STANDBY), (STANDBY, INSULATION, LOWER)])
def test_a_session_that_was_lost_is_not_continued_by_the_next_announcement(bench, commands):
    """It would keep the battery, the wishes and the test of the vehicle before."""
    bench.wake()
    bench.state = State.CHARGING
    for command in commands:
        bench.give(command)
        bench.run(0.05)
    bench.state = State.NEGOTIATING_CONNECTION
    phases = []
    for _ in range(10):
        bench.give(NewChargeSession())
        phases.append(bench.run(0.1).phase)
    assert phases[-1] is Phase.STANDBY
    assert 'controller idle' in bench.texts()
    bench.state = State.INSULATION_TEST
    bench.give(STANDBY)
    assert bench.give(INSULATION).phase is Phase.INSULATION_TEST
    assert not bench.power.fault


def test_status_comes_every_100_ms_from_the_announcement_on(bench):
    bench.wake().run(2.0)
    times = [t for t, _ in bench.statuses()]
    assert times[0] <= 0.31 + STEP_S
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert gaps == pytest.approx([0.1] * len(gaps), abs=STEP_S * 1.1), 'to the tick'
    assert sum(gaps) / len(gaps) == pytest.approx(0.1, rel=0.01), 'and no drift'


def test_not_allowed_until_the_modules_are_ready(bench):
    bench.measures(is_ready=False)
    bench.state = State.CONNECTED_WITH_FULL_INFO
    bench.give(NewChargeSession())
    bench.run(1.0)
    assert not bench.decision.system_enable
    assert bench.decision.note == 'power modules are not ready'
    bench.measures(is_ready=True)
    bench.run(0.2)
    assert bench.statuses()[-1][1].system_enable == PowerModulesStatus.SystemEnable.ALLOWED


def test_a_controller_that_is_silent_for_a_moment_while_the_modules_wake_is_no_fault(bench):
    """Nothing was permitted yet; New_Charge_Session goes on, and so does the session."""
    bench.lead_to(Phase.WAKING)
    bench.state = State.CONNECTED_WITH_FULL_INFO
    bench.silent.add('controller')
    assert bench.run(0.25).phase is Phase.IDLE
    assert not bench.decision.fault
    bench.silent.clear()
    bench.measures(is_ready=True)
    assert bench.run(0.2).phase is Phase.STANDBY


def test_restart_inside_a_session_stays_off_and_says_so():
    bench = Bench(state=State.CHARGING)
    bench.give(TRANSFER)
    bench.run(1.0)
    assert bench.power.phase is Phase.IDLE
    assert bench.decision.setpoint.mode is ModulesMode.OFF
    assert 'not seen begin' in bench.texts()


def test_announcement_without_a_living_controller_begins_nothing():
    bench = Bench()
    bench.silent.add('controller')
    bench.run(0.5)
    bench.give(NewChargeSession())
    assert bench.power.phase is Phase.IDLE
    assert bench.decision.fault == ''


# Functions


def test_insulation_test_holds_the_test_voltage_and_ignores_the_currents():
    bench = Bench().lead_to(Phase.INSULATION_TEST)
    bench.run(1.0)
    setpoint = bench.decision.setpoint
    assert (setpoint.mode, setpoint.voltage_v) == (ModulesMode.REGULATE, 500.0)
    assert setpoint.current_a == bench.power.config.insulation_test_current


def test_test_voltage_above_the_maximum_is_clamped_and_said():
    bench = Bench(PowerConfig(limits=ChargerLimits(max_charger_voltage=450.0)))
    bench.lead_to(Phase.INSULATION_TEST)
    bench.run(1.0)
    assert bench.decision.setpoint.voltage_v == 450.0
    assert 'above the maximum of 450 V' in bench.decision.note


def test_voltage_rises_no_faster_than_its_ramp():
    bench = Bench(PowerConfig(voltage_ramp_up_rate=200.0))
    bench.wake()
    bench.give(INSULATION)
    volts = [bench.run(STEP_S).setpoint.voltage_v for _ in range(300)]
    steps = [b - a for a, b in itertools.pairwise(volts)]
    assert max(steps) <= 200.0 * STEP_S + 1e-6
    assert volts[-1] == 500.0


@pytest.mark.parametrize('first, then', [
    (INSULATION, dataclasses.replace(INSULATION, target_voltage=100.0)),
    (PRECHARGE, dataclasses.replace(PRECHARGE, target_voltage=100.0)),
    (TRANSFER, dataclasses.replace(TRANSFER, target_voltage=100.0)),
    (TRANSFER, dataclasses.replace(TRANSFER, target_voltage=500.0)),
], ids=['insulation test', 'precharge', 'transfer down', 'transfer up'])
def test_voltage_steps_of_the_controller_are_ramped(first, then):
    """R28: in every function, in both directions."""
    bench = Bench(PowerConfig(voltage_ramp_up_rate=1000.0, voltage_ramp_down_rate=200.0)).wake()
    bench.give(first)
    before = bench.run(1.0).setpoint.voltage_v
    assert before == first.target_voltage
    bench.give(then)
    volts = [bench.run(STEP_S).setpoint.voltage_v for _ in range(250)]
    steps = [b - a for a, b in itertools.pairwise([before, *volts])]
    assert max(steps) <= 10.0 + 1e-6
    assert min(steps) >= -2.0 - 1e-6
    assert volts[-1] == then.target_voltage


@pytest.mark.parametrize('present_v, first_v', [(300.0, 300.0), (400.0, 360.0)])
def test_the_voltage_begins_where_the_output_is_but_not_above_the_target(present_v, first_v):
    bench = Bench().wake()
    bench.measures(voltage_v=present_v)
    assert bench.give(PRECHARGE).setpoint.voltage_v == first_v


def test_a_transfer_that_waited_for_the_stage_begins_where_the_output_is_by_then():
    bench = Bench()
    bench.stage = Stage.CLOSING
    bench.run(0.2)
    bench.wake()
    bench.give(TRANSFER)
    bench.run(0.2)
    bench.measures(voltage_v=300.0)
    bench.run(0.1)
    bench.power.see_stage(Stage.CLOSED, '', now_s=bench.now_s)
    setpoint = bench.tick().setpoint
    assert (setpoint.voltage_v, setpoint.current_a) == (300.0, 0.0)


@pytest.mark.parametrize('cap, expected', [(2.0, 2.0), (1.0, 1.0), (0.9, 1.0), (0.0, 1.0)])
def test_precharge_keeps_to_the_cap_but_not_below_its_floor(cap, expected):
    bench = Bench(PowerConfig(precharge_min_current=1.0))
    bench.wake()
    bench.give(dataclasses.replace(PRECHARGE, current_range_max=cap))
    assert bench.run(0.1).setpoint.current_a == expected


def test_transfer_follows_the_target_along_the_ramp():
    bench = transferring(current_ramp_up_rate=100.0)
    amps = [bench.run(STEP_S).setpoint.current_a for _ in range(100)]
    assert max(b - a for a, b in itertools.pairwise(amps)) <= 1.0 + 1e-6
    assert amps[-1] == 50.0
    assert bench.decision.setpoint.voltage_v == 420.0
    assert bench.decision.effective.source == 'controller'


def test_ramp_downwards_has_its_own_slope():
    bench = transferring(current_ramp_up_rate=100.0, current_ramp_down_rate=200.0)
    bench.run(1.0)
    bench.give(dataclasses.replace(TRANSFER, current_range_max=10.0, current_range_min=10.0))
    amps = [bench.run(STEP_S).setpoint.current_a for _ in range(30)]
    assert amps[9] == pytest.approx(30.0, abs=2.1)
    assert amps[-1] == 10.0


@pytest.mark.parametrize('stop', [STANDBY, OFF, LOWER])
def test_a_stop_is_not_ramped(stop):
    bench = transferring()
    bench.run(1.0)
    decision = bench.give(stop)
    assert decision.setpoint.mode is not ModulesMode.REGULATE
    assert decision.setpoint.current_a == 0.0


def test_current_above_what_charger_and_cable_can_do_is_clamped_and_said():
    bench = transferring()
    bench.give(dataclasses.replace(TRANSFER, current_range_max=300.0, current_range_min=300.0))
    bench.run(3.0)
    assert bench.decision.setpoint.current_a == 100.0
    assert bench.decision.effective.limited_by == ('cable',)


def test_power_limit_counts_at_the_present_voltage():
    limits = ChargerLimits(max_charger_power=10_000.0)
    bench = transferring(400.0, limits=limits)
    bench.run(2.0)
    assert bench.decision.setpoint.current_a == pytest.approx(25.0)


def test_without_permission_to_discharge_a_negative_target_gives_nothing():
    bench = transferring()
    bench.give(dataclasses.replace(TRANSFER, current_range_max=-20.0, current_range_min=-20.0))
    assert bench.run(1.0).setpoint.current_a == 0.0


def test_discharging_and_the_way_through_zero_have_no_step():
    bench = transferring(limits=BOTH_WAYS)
    bench.run(1.0)
    bench.give(dataclasses.replace(TRANSFER, current_range_max=-20.0, current_range_min=-20.0))
    amps = [bench.run(STEP_S).setpoint.current_a for _ in range(100)]
    assert max(abs(b - a) for a, b in itertools.pairwise([50.0, *amps])) <= 4.0 + 1e-6
    assert amps[-1] == -20.0


def test_range_mode_takes_the_maximum_unless_somebody_wishes_otherwise():
    bench = Bench(PowerConfig(limits=BOTH_WAYS))
    bench.wake()
    bench.give(dataclasses.replace(TRANSFER, setpoints_mode=RANGE, current_range_min=-40.0))
    bench.measures(voltage_v=360.0)
    assert bench.run(1.0).setpoint.current_a == 50.0
    bench.give(OcppControl(-20.0))
    assert bench.run(1.5).setpoint.current_a == -20.0
    assert bench.decision.effective.source == 'ocpp'
    bench.power.request_current(
        10.0, duration_s=0.5, priority=Priority.FLEET, source='depot', now_s=bench.now_s)
    assert bench.run(0.45).effective.source == 'depot'
    assert bench.run(1.0).effective.source == 'ocpp'


@pytest.mark.parametrize('wish, expected', [(80.0, 50.0), (-60.0, -40.0)])
def test_a_wish_outside_the_range_is_clamped_into_it(wish, expected):
    bench = Bench(PowerConfig(limits=BOTH_WAYS))
    bench.wake()
    bench.give(dataclasses.replace(TRANSFER, setpoints_mode=RANGE, current_range_min=-40.0))
    bench.measures(voltage_v=360.0)
    bench.power.request_current(
        wish, duration_s=60.0, priority=Priority.OPERATOR, source='test', now_s=bench.now_s)
    bench.run(2.0)
    assert bench.decision.setpoint.current_a == expected
    assert 'range' in bench.decision.effective.limited_by


def test_no_transfer_before_the_stage_is_closed():
    bench = Bench()
    bench.stage = Stage.CLOSING
    bench.run(0.2)
    bench.wake()
    bench.give(TRANSFER)
    bench.run(0.5)
    assert bench.decision.setpoint.mode is ModulesMode.OFF
    assert 'waits for the output stage: CLOSING' in bench.decision.note
    bench.stage = Stage.CLOSED
    assert bench.run(0.3).setpoint.mode is ModulesMode.REGULATE


# Lowering


def test_bleeds_after_the_insulation_test():
    bench = Bench().lead_to(Phase.INSULATION_TEST)
    bench.measures(voltage_v=500.0)
    assert bench.give(LOWER).setpoint.mode is ModulesMode.BLEED


@pytest.mark.parametrize('stage, mode', [
    (Stage.OPEN, ModulesMode.BLEED), (Stage.CLOSED, ModulesMode.OFF),
    (Stage.UNLOADING, ModulesMode.OFF), (Stage.OPENING, ModulesMode.OFF),
])
def test_after_a_transfer_bleeds_only_behind_open_contactors(stage, mode):
    bench = transferring()
    bench.give(STANDBY)
    bench.stage = stage
    bench.run(0.2)
    assert bench.give(LOWER_OPEN).setpoint.mode is mode


def test_after_a_transfer_a_lowering_that_says_close_bleeds_nothing():
    """The contactors may close on it before their report is here: its place is an open path."""
    bench = transferring()
    bench.give(STANDBY)
    bench.stage = Stage.OPEN
    bench.run(0.2)
    decision = bench.give(LOWER)
    assert decision.setpoint.mode is ModulesMode.OFF
    assert decision.note == 'does not bleed: the controller says Close'


@pytest.mark.parametrize('state, mode', [
    (State.ENDING_CHARGE, ModulesMode.OFF), (State.CLOSING_COMMUNICATION, ModulesMode.BLEED),
])
def test_without_own_contactors_the_second_lowering_is_ignored(state, mode):
    """R17: L2 must not be obeyed, L3 must."""
    bench = transferring(has_output_contactors=False)
    bench.give(STANDBY)
    bench.state = state
    bench.run(0.2)
    assert bench.give(LOWER).setpoint.mode is mode


@pytest.mark.parametrize('phase, state, target', [
    (Phase.INSULATION_TEST, State.INSULATION_TEST, Phase.LOWERING_AFTER_TEST),
    (Phase.STANDBY, State.INSULATION_TEST, Phase.LOWERING_AFTER_TEST),
    (Phase.PRECHARGE, State.PRECHARGE, Phase.LOWERING_AT_END),
    (Phase.POWER_TRANSFER, State.ENDING_CHARGE, Phase.LOWERING_AT_END),
    (Phase.POWER_TRANSFER, State.CLOSING_COMMUNICATION, Phase.LOWERING_ON_CLOSING),
    (Phase.STANDBY, State.CLOSING_COMMUNICATION, Phase.LOWERING_ON_CLOSING),
])
def test_the_three_moments_of_lowering_are_told_apart(phase, state, target):
    """R16, by what has happened and by the controller's state."""
    bench = Bench().lead_to(phase)
    bench.state = state
    bench.give(AdvanticsControllerStatus(state))
    bench.give(LOWER)
    assert bench.power.phase is target


@pytest.mark.parametrize('later_s, phase', [
    (0.29, Phase.LOWERING_ON_CLOSING), (0.31, Phase.LOWERING_AT_END)])
def test_a_lowering_is_the_third_only_where_command_and_status_cross(later_s, phase):
    """A5, R17: without own contactors the second one stays ignored, whatever State comes later."""
    bench = Bench().lead_to(Phase.POWER_TRANSFER)
    bench.give(STANDBY)
    bench.power.receive(LOWER, now_s=bench.now_s)
    bench.power.receive(
        AdvanticsControllerStatus(State.CLOSING_COMMUNICATION), now_s=bench.now_s + later_s)
    assert bench.power.phase is phase


@pytest.mark.parametrize('later_s, is_next', [(0.49, False), (0.51, True)])
def test_the_next_session_is_announced_no_sooner_than_half_a_second_after_the_end(
        later_s, is_next):
    bench = Bench().lead_to(Phase.STANDBY)
    bench.power.receive(ChargeSessionFinished(), now_s=bench.now_s)
    bench.power.receive(
        AdvanticsControllerStatus(State.CONNECTED_WITH_FULL_INFO), now_s=bench.now_s + later_s)
    assert (bench.power.phase is Phase.WAKING) is is_next


@pytest.mark.parametrize('later_s, is_said', [(0.29, False), (0.31, True)])
def test_an_insulation_test_that_is_not_announced_is_none_of_ours(later_s, is_said):
    bench = Bench()
    begin_s = bench.now_s + 0.01
    for age_s in (0.0, 0.15, later_s):
        bench.power.receive(
            AdvanticsControllerStatus(State.INSULATION_TEST), now_s=begin_s + age_s)
    assert ('not seen begin' in bench.power.tick(now_s=begin_s + later_s).note) is is_said


def test_a_vehicle_that_becomes_ready_turns_lowering_after_the_test_into_no_bleeding():
    """The battery is on its way to the output: whatever it says, it is not bled."""
    bench = Bench().lead_to(Phase.LOWERING_AFTER_TEST)
    bench.measures(voltage_v=100.0)
    assert bench.run(0.1).setpoint.mode is ModulesMode.BLEED
    bench.give(ChargeStatusChange(ChargeStatusChange.VehicleReadyForCharging.CHARGE_STARTED))
    assert bench.decision.setpoint.mode is ModulesMode.OFF


def test_bleeding_goes_on_below_20_v():
    """R18, A12: CHAdeMO unlocks at 10 V."""
    bench = Bench().lead_to(Phase.LOWERING_AFTER_TEST)
    for volts in (20.0, 10.0, 1.0):
        bench.measures(voltage_v=volts)
        assert bench.run(1.5).setpoint.mode is ModulesMode.BLEED


@pytest.mark.parametrize('phase', [Phase.STANDBY, Phase.OFF])
def test_standby_and_off_bleed_nothing(phase):
    """R21, R22, A27."""
    bench = Bench().lead_to(phase)
    bench.measures(voltage_v=400.0)
    bench.run(1.0)
    assert bench.decision.setpoint.mode is ModulesMode.OFF


@pytest.mark.parametrize('volts, mode', [
    (20.0, ModulesMode.OFF), (20.1, ModulesMode.BLEED)])
def test_what_a_broken_session_left_behind_open_contactors_is_emptied(volts, mode):
    bench = Bench()
    bench.stage = Stage.OPEN
    bench.measures(voltage_v=volts)
    bench.run(0.2)
    assert bench.decision.setpoint.mode is mode
    bench.measures(voltage_v=5.1)
    assert bench.run(0.1).setpoint.mode is mode, 'once begun, to the end'
    bench.measures(voltage_v=5.0)
    assert bench.run(0.1).setpoint.mode is ModulesMode.OFF


def test_without_own_contactors_what_is_left_is_emptied_before_the_modules_are_enabled():
    """The controller's relay would close on it; between sessions a battery may be on it."""
    bench = Bench()
    bench.has_output_contactors = False
    bench.measures(voltage_v=360.0)
    assert bench.run(1.0).setpoint.mode is ModulesMode.OFF
    bench.wake()
    assert bench.decision.setpoint.mode is ModulesMode.BLEED
    assert not bench.decision.system_enable
    bench.measures(voltage_v=5.0)
    assert bench.run(0.1).system_enable
    assert bench.decision.setpoint.mode is ModulesMode.OFF


def test_a_little_that_stays_on_the_output_holds_up_no_session():
    """R15 asks for 20 V; modules may stop there, and a sensor may have an offset."""
    bench = Bench()
    bench.stage = Stage.OPEN
    bench.measures(voltage_v=30.0)
    bench.run(0.2)
    bench.measures(voltage_v=6.0)
    assert bench.run(0.2).setpoint.mode is ModulesMode.BLEED
    assert bench.wake().power.phase is Phase.STANDBY


@pytest.mark.parametrize('commands, phase', [
    ((OFF,), Phase.OFF), ((OFF, STANDBY), Phase.STANDBY), ((), Phase.STANDBY)])
def test_off_while_the_modules_wake_asks_for_a_standby_before_a_function(commands, phase):
    """A27, R22."""
    bench = Bench().lead_to(Phase.WAKING)
    bench.state = State.INSULATION_TEST
    for command in commands:
        bench.give(command)
    bench.measures(is_ready=True)
    assert bench.run(0.2).phase is phase
    bench.give(INSULATION)
    assert (bench.power.phase is Phase.INSULATION_TEST) is (phase is Phase.STANDBY)


@pytest.mark.parametrize('stage, has_output_contactors', [
    (Stage.CLOSED, True), (Stage.CLOSED, False), (Stage.OPENING, True)])
def test_nothing_is_emptied_where_a_battery_may_be(stage, has_output_contactors):
    bench = Bench()
    bench.stage, bench.has_output_contactors = stage, has_output_contactors
    bench.measures(voltage_v=400.0)
    assert bench.run(0.5).setpoint.mode is ModulesMode.OFF


@pytest.mark.parametrize('seconds, is_fault', [(0.99, False), (1.0, True)])
def test_bleeding_is_judged_after_a_second(seconds, is_fault):
    bench = Bench().lead_to(Phase.INSULATION_TEST)
    bench.measures(voltage_v=500.0)
    bench.give(LOWER)
    assert bool(bench.run(seconds).fault) is is_fault


@pytest.mark.parametrize('after_v, is_fault', [(399.0, False), (401.0, True)])
def test_bleeding_that_does_not_lower_the_voltage_is_given_up(after_v, is_fault):
    bench = Bench().lead_to(Phase.INSULATION_TEST)
    bench.measures(voltage_v=500.0)
    bench.give(LOWER)
    bench.run(0.5)
    bench.measures(voltage_v=after_v)
    bench.run(0.6)
    assert bool(bench.decision.fault) is is_fault
    if is_fault:
        assert 'is a battery connected?' in bench.decision.fault
        assert bench.decision.setpoint.mode is ModulesMode.OFF


# Ends


# Vehicles that take their time (R26, R46, R48), and what does not matter (R49)


def test_a_command_holds_for_a_minute_while_the_status_lives():
    """R26, A9: CCS vehicles may ask once in 60 s."""
    bench = transferring()
    assert bench.run(61.0).setpoint.current_a == 50.0


def test_waits_for_hours_between_charge_started_and_the_first_transfer():
    """R48: the Standby command comes once."""
    bench = Bench().lead_to(Phase.PRECHARGE)
    bench.give(STANDBY)
    bench.measures(voltage_v=360.0)
    bench.state = State.WAITING_FOR_CHARGE
    bench.give(ChargeStatusChange(ChargeStatusChange.VehicleReadyForCharging.CHARGE_STARTED))
    for _ in range(20):
        bench.run(1.0)
        assert bench.decision.setpoint.mode is ModulesMode.OFF
        # Hours pass; all that speaks goes on speaking.
        bench.steps += round(600.0 / STEP_S)
        bench.power.receive(AdvanticsControllerStatus(bench.state), now_s=bench.now_s)
        bench.power.see_stage(Stage.CLOSED, '', now_s=bench.now_s)
        bench.measures()
    assert bench.run(0.1).system_enable
    bench.give(TRANSFER)
    assert bench.run(1.0).setpoint.current_a == 50.0


def test_a_transfer_without_precharge_raises_the_voltage_itself():
    """R46: CHAdeMO begins a transfer with the output still at 20 V or less."""
    bench = Bench().lead_to(Phase.LOWERING_AFTER_TEST)
    bench.measures(voltage_v=15.0)
    bench.give(STANDBY)
    bench.give(TRANSFER)
    volts = [bench.run(STEP_S).setpoint.voltage_v for _ in range(60)]
    assert volts[0] < 26.0
    assert volts[-1] == 420.0


def test_information_about_the_vehicle_moves_no_power():
    """R49."""
    bench = transferring()
    before = bench.run(1.0).setpoint
    for cls in (EvInformationBattery, EvInformationVoltages, EvInformationChargeLimits,
                EvInformationDischargeLimits):
        assert bench.give(cls()).setpoint == before


def test_a_finished_session_takes_no_function_until_the_next():
    bench = transferring()
    bench.give(STANDBY)
    bench.give(ChargeSessionFinished())
    bench.give(TRANSFER)
    assert bench.power.phase is Phase.STANDBY
    assert 'after Charge_Session_Finished' in bench.texts()
    bench.state = State.WAITING_FOR_PEV
    bench.run(0.4)
    assert bench.power.phase is Phase.IDLE
    bench.lead_to(Phase.POWER_TRANSFER)


def test_an_undefined_end_ends_nothing():
    bench = transferring()
    bench.give(ChargeSessionFinished(7))
    assert bench.power.phase is Phase.POWER_TRANSFER


@pytest.mark.parametrize('volts, goes_on', [(20.0, False), (20.1, True)])
def test_status_goes_on_until_the_output_is_safe(volts, goes_on):
    bench = transferring(400.0)
    bench.give(STANDBY)
    bench.give(ChargeSessionFinished())
    bench.state = State.WAITING_FOR_PEV
    bench.run(0.5)
    before = len(bench.statuses())
    bench.run(0.5)
    assert len(bench.statuses()) - before in (4, 5, 6)
    bench.measures(voltage_v=volts)
    bench.run(0.1)
    before = len(bench.statuses())
    bench.run(0.5)
    assert (len(bench.statuses()) > before) is goes_on


def test_controller_switched_off_after_the_end_leaves_no_fault():
    bench = transferring()
    bench.give(STANDBY)
    bench.give(ChargeSessionFinished())
    bench.silent.add('controller')
    bench.run(1.0)
    assert bench.power.phase is Phase.IDLE
    assert bench.decision.fault == ''
