# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Every fault of power_control: latched with its values, and no power from the same tick on."""

import dataclasses
import math

from power_bench import (
    assert_dead,
    Bench,
    GOOD,
    INSULATION,
    LOWER,
    LOWERING,
    OFF,
    PRECHARGE,
    RANGE,
    STANDBY,
    State,
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
    EmergencyStop,
    NewChargeSession,
    OcppControl,
    PowerModulesStatus,
)
from gi3_ros.core.power.limits import ChargerLimits
from gi3_ros.core.power.parameters import PowerConfig
from gi3_ros.core.power.phases import Phase


@pytest.fixture
def bench():
    return Bench()


@pytest.mark.parametrize('silence_s, is_fault', [(0.199, False), (0.2001, True)])
def test_controller_may_be_silent_for_less_than_200_ms(silence_s, is_fault):
    """R1, on both sides of the number."""
    bench = transferring()
    bench.run(1.0)
    bench.give(AdvanticsControllerStatus(State.CHARGING))
    last_s = bench.now_s
    bench.power.measure(bench.reading, now_s=last_s + 0.15)
    decision = bench.power.tick(now_s=last_s + silence_s)
    assert bool(decision.fault) is is_fault
    if is_fault:
        assert decision.setpoint.mode is ModulesMode.OFF
        assert decision.status.system_enable == PowerModulesStatus.SystemEnable.NOT_ALLOWED


def test_returning_frames_bring_no_power_back():
    bench = transferring()
    bench.run(1.0)
    bench.silent.add('controller')
    bench.run(0.3)
    assert_dead(bench, 'controller silent', 'R1', 'POWER_TRANSFER')
    bench.silent.clear()
    for command in (TRANSFER, STANDBY, TRANSFER):
        bench.give(command)
        bench.run(1.0)
        assert_dead(bench)


def test_status_goes_on_after_the_controller_fell_silent():
    bench = transferring()
    bench.silent.add('controller')
    bench.run(0.3)
    before = len(bench.statuses())
    bench.run(1.0)
    later = bench.statuses()[before:]
    assert 9 <= len(later) <= 11
    assert not any(status.system_enable for _, status in later)


@pytest.mark.parametrize('origin', [*EmergencyStop.Origin, 2])
@pytest.mark.parametrize('phase', [p for p in WAY_TO if p not in (Phase.IDLE, Phase.FAULT)])
def test_emergency_stop_ends_every_phase_at_once(phase, origin):
    bench = Bench().lead_to(phase)
    bench.give(EmergencyStop(origin))
    assert_dead(bench, 'Emergency_Stop', 'R38')


def test_emergency_while_idle_forbids_a_session_until_it_is_over(bench):
    bench.give(EmergencyStop())
    bench.run(0.5)
    bench.give(NewChargeSession())
    assert bench.power.phase is Phase.IDLE
    assert 'Emergency_Stop' in bench.decision.note
    bench.run(0.6)
    bench.give(NewChargeSession())
    assert bench.power.phase is not Phase.IDLE


@pytest.mark.parametrize('age_s, is_fault', [(0.24, False), (0.25, True)])
def test_measurement_may_be_silent_for_less_than_250_ms(age_s, is_fault):
    bench = transferring()
    bench.power.measure(bench.reading, now_s=bench.now_s)
    bench.silent.add('driver')
    bench.run(age_s)
    assert bool(bench.decision.fault) is is_fault


def test_one_last_frame_withdraws_system_enable_when_the_measurement_stops():
    bench = transferring()
    bench.silent.add('driver')
    bench.run(0.2)
    before = len(bench.statuses())
    bench.run(1.0)
    last = bench.statuses()[before:]
    assert not last[-1][1].system_enable
    assert last[-1][0] - bench.now_s < -0.5, 'silence after it'


@pytest.mark.parametrize('bad', [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize('field', ['voltage_v', 'current_a'])
def test_a_reading_that_is_no_number_is_not_taken_and_ages(bad, field):
    bench = transferring()
    bench.measures(**{field: bad})
    bench.run(0.1)
    assert not bench.decision.fault
    bench.run(0.3)
    assert_dead(bench, 'power modules silent')
    for _, status in bench.statuses():
        assert math.isfinite(status.present_voltage) and math.isfinite(status.present_current)


@pytest.mark.parametrize('change, words', [
    ({'fault': 'fan 2 stopped'}, 'fan 2 stopped'),
    ({'is_ready': False}, 'not ready'),
])
@pytest.mark.parametrize('phase', [Phase.STANDBY, Phase.PRECHARGE, Phase.POWER_TRANSFER])
def test_modules_that_cannot_run_take_the_power_away(phase, change, words):
    bench = Bench().lead_to(phase)
    bench.measures(**change)
    bench.tick()
    assert_dead(bench, words)


def test_stage_that_falls_silent_or_fails_takes_the_power_away():
    bench = transferring()
    bench.silent.add('stage')
    bench.run(0.6)
    assert_dead(bench, 'output stage silent')
    bench = transferring()
    bench.power.see_stage(Stage.FAULT, 'contactors did not open: welded?', now_s=bench.now_s)
    bench.tick()
    assert_dead(bench, 'welded?')


@pytest.mark.parametrize('stage', [s for s in Stage if s not in (Stage.CLOSED, Stage.FAULT)])
def test_no_current_while_the_stage_is_anything_but_closed(stage):
    bench = transferring()
    bench.run(1.0)
    bench.power.see_stage(stage, '', now_s=bench.now_s)
    mode = ModulesMode.BLEED if stage is Stage.OPEN else ModulesMode.OFF
    assert bench.tick().setpoint.mode is mode


def over(bench, seconds=0.6, **values):
    bench.measures(**values)
    return bench.run(seconds)


def test_values_beyond_their_limits_are_faults_that_name_them():
    bench = transferring()
    bench.run(1.0)
    assert not over(bench, current_a=55.4).fault, '5 % and 3 A'
    over(bench, current_a=55.6)
    assert_dead(bench, 'over-current: 55.6 A with a setpoint of 50.0 A')
    bench = transferring()
    bench.give(dataclasses.replace(TRANSFER, current_range_max=250.0, current_range_min=250.0))
    bench.run(2.0)
    over(bench, current_a=240.0)
    assert_dead(bench, 'over-current: 240.0 A with a maximum of 100 A'), 'the cable'
    bench = transferring()
    bench.run(1.0)
    over(bench, current_a=-50.0)
    assert_dead(bench, 'over-current: -50.0 A')
    bench = transferring()
    assert not over(bench, voltage_v=529.9).fault, '5 % and 5 V'
    over(bench, voltage_v=530.1)
    assert_dead(bench, 'over-voltage: 530.1 V')
    bench = Bench().lead_to(Phase.PRECHARGE)
    assert not over(bench, current_a=3.0).fault
    over(bench, current_a=3.1)
    assert_dead(bench, 'over-current: 3.1 A in the precharge, its cap is 2 A')
    bench = Bench().lead_to(Phase.INSULATION_TEST)
    assert not over(bench, current_a=3.0).fault
    over(bench, current_a=3.1)
    assert_dead(bench, 'over-current: 3.1 A in the insulation test, its cap is 2 A')


def test_a_short_excess_is_no_fault():
    bench = transferring()
    bench.run(1.0)
    over(bench, 0.4, current_a=200.0)
    assert not over(bench, 1.0, current_a=50.0).fault


@pytest.mark.parametrize('seconds, is_fault', [(0.49, False), (0.51, True)])
def test_an_excess_counts_after_its_time(seconds, is_fault):
    bench = transferring(over_limit_time=0.5)
    bench.run(1.0)
    bench.measures(current_a=90.0)
    bench.tick()
    assert bool(bench.run(seconds).fault) is is_fault


@pytest.mark.parametrize('ohm, is_fault', [(42_001.0, False), (41_999.0, True)])
@pytest.mark.parametrize('supervises', [True, False])
def test_insulation_below_100_ohm_per_volt_after_the_test(ohm, is_fault, supervises):
    """R14; 420 V is the larger of the target and what is measured."""
    bench = transferring(supervise_insulation=supervises)
    over(bench, voltage_v=360.0, insulation_resistance_ohm=ohm)
    assert bool(bench.decision.fault) is (is_fault and supervises)


def test_insulation_counts_while_a_connected_vehicle_waits():
    """R14, R48: hours may pass in Standby with the battery on the output."""
    bench = transferring(400.0)
    bench.give(STANDBY)
    over(bench, insulation_resistance_ohm=39e3)
    assert_dead(bench, 'insulation 39.0 kOhm below 40.0 kOhm at 400 V (R14)')


@pytest.mark.parametrize('phase', [Phase.STANDBY, Phase.INSULATION_TEST, Phase.OFF])
def test_insulation_does_not_count_before_the_test_is_over(phase):
    """A37; in the test itself the controller decides (R12)."""
    bench = Bench().lead_to(phase)
    assert not over(bench, voltage_v=400.0, insulation_resistance_ohm=0.0).fault


@pytest.mark.parametrize('volts, is_fault', [(200.0, False), (200.1, True)])
def test_insulation_that_is_not_measured_is_not_good(volts, is_fault):
    """R13: a value whenever there are more than 200 V."""
    bench = Bench().lead_to(Phase.PRECHARGE)
    over(bench, voltage_v=volts, insulation_resistance_ohm=math.nan)
    assert bool(bench.decision.fault) is is_fault
    if is_fault:
        assert_dead(bench, 'insulation is not measured (R13)', 'supervise_insulation')


@pytest.mark.parametrize('celsius, is_fault', [(84.9, False), (85.0, True)])
def test_modules_that_are_too_hot(celsius, is_fault):
    bench = transferring()
    over(bench, power_modules_temperature_c=celsius)
    assert bool(bench.decision.fault) is is_fault
    if is_fault:
        assert_dead(bench, 'power modules at 85 °C, 85 °C is the end (R50)')


@pytest.mark.parametrize('bad', [math.inf, -math.inf])
@pytest.mark.parametrize('field', ['power_modules_temperature_c', 'enclosure_temperature_c'])
def test_a_temperature_that_is_no_number_is_not_taken_and_ages(bad, field):
    bench = transferring()
    bench.measures(**{field: bad})
    bench.run(0.4)
    assert_dead(bench, 'power modules silent')


@pytest.mark.parametrize('bad', [math.nan, math.inf, -math.inf])
def test_an_ocpp_current_that_is_no_number_is_not_taken(bad):
    bench = Bench().wake()
    bench.give(dataclasses.replace(TRANSFER, setpoints_mode=RANGE, current_range_min=0.0))
    bench.measures(voltage_v=360.0)
    bench.give(OcppControl(20.0))
    bench.give(OcppControl(bad))
    assert bench.run(1.0).setpoint.current_a == 20.0
    assert 'OCPP_Control with' in bench.texts()


@pytest.mark.parametrize('volts, is_fault', [(500.0, False), (500.1, True)])
@pytest.mark.parametrize('strict', [False, True])
@pytest.mark.parametrize('command', [INSULATION, PRECHARGE, TRANSFER], ids=lambda command: (
    command.power_function.name))
def test_target_voltage_above_the_maximum(command, strict, volts, is_fault):
    """A38: always a fault in the precharge, where it is a battery."""
    bench = Bench(PowerConfig(strict_target_voltage=strict)).wake()
    bench.give(dataclasses.replace(command, target_voltage=volts))
    is_fault &= strict or command is PRECHARGE
    assert bool(bench.decision.fault) is is_fault
    if is_fault:
        assert_dead(bench, 'Target_Voltage 500.1 V above the maximum of 500 V (A38)')
    else:
        assert bench.run(1.0).setpoint.voltage_v == min(volts, 500.0)


def test_the_cable_bounds_the_target_voltage_too():
    limits = ChargerLimits(max_charger_voltage=920.0, max_cable_voltage=600.0)
    bench = Bench(PowerConfig(limits=limits)).wake()
    bench.give(dataclasses.replace(PRECHARGE, target_voltage=700.0))
    assert_dead(bench, 'above the maximum of 600 V')


def test_a_target_voltage_that_falls_is_no_over_voltage():
    """R11: the test ends with 0 V; the capacitors keep what they have until they are bled."""
    bench = Bench().lead_to(Phase.INSULATION_TEST)
    bench.run(0.6)
    bench.measures(voltage_v=500.0)
    bench.give(dataclasses.replace(INSULATION, target_voltage=0.0))
    assert not bench.run(2.0).fault
    assert bench.decision.setpoint.voltage_v == 0.0


def test_over_voltage_against_the_setpoint():
    bench = Bench().lead_to(Phase.PRECHARGE)
    bench.run(0.5)
    assert not over(bench, voltage_v=384.9).fault, '20 V and 5 V'
    over(bench, voltage_v=385.1)
    assert_dead(bench, 'over-voltage: 385.1 V with a setpoint of 360 V')
    bench = transferring()
    bench.run(1.0)
    assert not over(bench, voltage_v=446.1, current_a=0.9).fault, 'a battery may sit there'
    over(bench, current_a=1.1)
    assert_dead(bench, 'over-voltage: 446.1 V at 1.1 A with a setpoint of 420 V')


@pytest.mark.parametrize('amperes, is_fault', [(5.0, False), (-5.1, True)])
def test_current_without_a_command(amperes, is_fault):
    limits = ChargerLimits(is_bidirectional=True, max_charger_discharge_current=60.0)
    bench = Bench(PowerConfig(limits=limits)).lead_to(Phase.STANDBY)
    assert not over(bench, 1.4, current_a=amperes).fault, 'modules take their time to stop'
    bench.run(0.2)
    assert bool(bench.decision.fault) is is_fault
    if is_fault:
        assert_dead(bench, '-5.1 A although no power is commanded')


@pytest.mark.parametrize('late_s, is_fault', [(0.29, False), (0.30, True)])
def test_decisions_that_come_too_late(late_s, is_fault):
    bench = transferring()
    bench.run(1.0)
    now_s = bench.now_s + late_s
    for age_s in (0.15, 0.0):
        bench.power.receive(AdvanticsControllerStatus(State.CHARGING), now_s=now_s - age_s)
        bench.power.measure(bench.reading, now_s=now_s - age_s)
    decision = bench.power.tick(now_s=now_s)
    assert bool(decision.fault) is is_fault
    if is_fault:
        assert 'no decision for 0.30 s' in decision.fault


@pytest.mark.parametrize('age_s, is_fault', [(0.499, False), (0.5, True)])
def test_stage_may_be_silent_for_less_than_500_ms(age_s, is_fault):
    bench = transferring()
    bench.run(1.0)
    bench.power.see_stage(Stage.CLOSED, '', now_s=bench.now_s)
    now_s = bench.now_s + age_s
    for part_s in (0.15, 0.3, 0.45, age_s):
        at_s = bench.now_s + part_s
        bench.power.receive(AdvanticsControllerStatus(State.CHARGING), now_s=at_s)
        bench.power.measure(bench.reading, now_s=at_s)
        decision = bench.power.tick(now_s=at_s)
    assert at_s == now_s
    assert bool(decision.fault) is is_fault


@pytest.mark.parametrize('later_s, is_over', [(0.999, False), (1.0, True)])
def test_an_emergency_stop_is_over_after_a_second_without_it(later_s, is_over):
    """R38."""
    bench = transferring()
    bench.give(EmergencyStop())
    now_s = bench.now_s + later_s
    bench.power.receive(AdvanticsControllerStatus(State.WAITING_FOR_PEV), now_s=now_s)
    bench.power.measure(bench.reading, now_s=now_s)
    bench.power.see_stage(Stage.CLOSED, '', now_s=now_s)
    if is_over:
        bench.power.reset_fault(now_s=now_s)
    else:
        with pytest.raises(ValueError, match='in force'):
            bench.power.reset_fault(now_s=now_s)


@pytest.mark.parametrize('values, words', [
    ({'voltage_v': 530.1}, 'over-voltage'), ({'current_a': 5.1}, 'although no power'),
    ({'power_modules_temperature_c': 85.0}, '85 °C'),
    ({'power_modules_temperature_c': math.nan}, 'no temperature any more'),
    ({'voltage_v': 200.1, 'insulation_resistance_ohm': 20_009.0}, 'insulation 20.0 kOhm'),
])
def test_a_fault_stays_while_what_is_measured_is_still_beyond_its_limit(values, words):
    bench = transferring()
    bench.measures(power_modules_temperature_c=50.0)
    bench.power.emergency_stop('for the test', now_s=bench.now_s)
    bench.measures(**values)
    bench.run(0.1)
    with pytest.raises(ValueError, match=words):
        bench.power.reset_fault(now_s=bench.now_s)
    bench.measures(
        voltage_v=0.0, current_a=0.0, power_modules_temperature_c=60.0,
        insulation_resistance_ohm=510e3)
    bench.power.reset_fault(now_s=bench.now_s)
    assert bench.power.phase is Phase.IDLE


@pytest.mark.parametrize('frames, seconds, is_fault', [(3, 0.5, True), (2, 0.5, False),
                                                        (3, 0.49, False)])
def test_insisting_is_three_frames_over_half_a_second(frames, seconds, is_fault):
    bench = transferring()
    bench.run(1.0)
    bad = dataclasses.replace(TRANSFER, power_function=3)
    for number in range(frames):
        bench.power.receive(bad, now_s=bench.now_s + number * seconds / (frames - 1))
    assert (bench.power.phase is Phase.FAULT) is is_fault


FAULTS = {
    'controller': lambda bench: bench.silent.add('controller'),
    'emergency': lambda bench: bench.give(EmergencyStop()),
    'operator': lambda bench: bench.power.emergency_stop('smoke', now_s=bench.now_s),
    'driver': lambda bench: bench.silent.add('driver'),
    'modules': lambda bench: bench.measures(fault='fan 2 stopped'),
    'not ready': lambda bench: bench.measures(is_ready=False),
    'over-voltage': lambda bench: bench.measures(voltage_v=600.0),
    'over-current': lambda bench: bench.measures(current_a=200.0),
    'no temperature': lambda bench: (
        bench.measures(power_modules_temperature_c=60.0), bench.measures(
            power_modules_temperature_c=math.nan)),
    'heat': lambda bench: bench.measures(power_modules_temperature_c=90.0),
    'insulation': lambda bench: bench.measures(insulation_resistance_ohm=1e3),
    'stage': lambda bench: bench.silent.add('stage'),
    'stage opens': lambda bench: setattr(bench, 'stage', Stage.OPENING),
    'stage fails': lambda bench: setattr(bench, 'stage', Stage.FAULT),
}
"""Every cause that can end a power transfer without a command."""


@pytest.mark.parametrize('cause', FAULTS)
def test_every_fault_latches_and_power_comes_back_only_with_a_session_begun_afresh(cause):
    """R1, and house rule 9: it stays until it is reset with the cause gone."""
    bench = transferring()
    bench.run(1.0)
    FAULTS[cause](bench)
    bench.run(0.7)
    assert_dead(bench, 'POWER_TRANSFER')
    latched = bench.decision.fault
    # All comes back, and the controller goes on as if nothing had been.
    bench.silent.clear()
    bench.reading, bench.stage = dataclasses.replace(
        GOOD, voltage_v=360.0, power_modules_temperature_c=60.0), Stage.CLOSED
    for command in (TRANSFER, STANDBY, TRANSFER):
        bench.give(command)
        bench.run(0.7)
        assert_dead(bench)
        assert bench.decision.fault == latched
    bench.power.reset_fault(now_s=bench.now_s)
    for command in (TRANSFER, STANDBY, TRANSFER):
        bench.give(command)
        assert bench.run(0.5).setpoint.mode is not ModulesMode.REGULATE, 'no session has begun'
        assert 'not seen begin' in bench.decision.note
    bench.state = State.WAITING_FOR_PEV
    bench.run(0.5)
    bench.lead_to(Phase.POWER_TRANSFER)
    assert bench.run(1.0).setpoint.current_a == 50.0


@pytest.mark.parametrize('state', [
    *(state for state in State if State.PRECHARGE <= state <= State.CLOSING_COMMUNICATION),
    13, 14, 99])
@pytest.mark.parametrize('is_first', [True, False])
def test_an_announcement_in_the_middle_of_a_session_begins_none(state, is_first):
    """
    A4: it comes before the insulation test; after it, nobody must join.

    State 13 is the pause of v3.4 (7.1), and a later one that has no label is a session, too.
    """
    bench = Bench()
    if not is_first:
        bench.lead_to(Phase.POWER_TRANSFER)
        bench.give(STANDBY)
        bench.give(ChargeSessionFinished())
        bench.state = State.WAITING_FOR_PEV
        bench.run(0.5)
    bench.state = state
    bench.run(0.1)
    assert 'not seen begin' in bench.decision.note
    bench.give(NewChargeSession())
    bench.run(0.5)
    assert bench.power.phase is Phase.IDLE


@pytest.mark.parametrize('announces', [True, False])
def test_a_start_in_the_insulation_test_joins_only_while_it_is_announced(announces):
    """R6: State 4 begins with the wait for the modules, which is announced every 100 ms."""
    bench = Bench(state=State.INSULATION_TEST)
    if announces:
        bench.give(NewChargeSession())
        assert bench.run(0.1).phase is Phase.STANDBY
    else:
        assert bench.run(0.05).note == '', 'it may have missed one'
        assert 'not seen begin' in bench.run(0.2).note
        assert bench.statuses()
        bench.give(NewChargeSession())
        assert bench.run(0.1).phase is Phase.STANDBY, 'no power has flown yet in this session'


def test_a_vehicle_that_stays_plugged_may_begin_anew_after_one_status_of_state_1(bench):
    """A42: 10, 1, 2, whatever short the 1 is."""
    bench.lead_to(Phase.POWER_TRANSFER)
    bench.give(EmergencyStop())
    bench.run(1.2)
    bench.power.reset_fault(now_s=bench.now_s)
    bench.state = State.CLOSING_COMMUNICATION
    bench.run(0.3)
    bench.give(AdvanticsControllerStatus(State.WAITING_FOR_PEV))
    bench.state = State.NEGOTIATING_CONNECTION
    bench.run(0.3)
    bench.wake()
    assert bench.power.phase is Phase.STANDBY


def test_a_session_that_goes_on_after_its_end_is_said_to_be_none_of_ours():
    bench = transferring()
    bench.give(STANDBY)
    bench.give(ChargeSessionFinished())
    bench.silent.add('controller')
    bench.run(1.0)
    bench.silent.clear()
    bench.state = State.CHARGING
    bench.sent.clear()
    assert 'not seen begin' in bench.run(0.5).note
    assert bench.statuses()


@pytest.mark.parametrize('announcement', [
    AdvanticsControllerStatus(State.CONNECTED_WITH_FULL_INFO), NewChargeSession()])
def test_a_last_word_of_a_finished_session_begins_no_other(bench, announcement):
    """A31: it may die in State 3."""
    bench.wake()
    bench.give(ChargeSessionFinished())
    bench.run(0.4)
    bench.give(announcement)
    assert bench.power._memory.is_finished


def test_a_lowering_that_is_not_well_formed_stops_no_lowering():
    bench = Bench().lead_to(Phase.INSULATION_TEST)
    bench.measures(voltage_v=500.0)
    bench.give(LOWER)
    for volts in (500.0, 300.0, 150.0, 60.0):
        bench.measures(voltage_v=volts)
        bench.give(dataclasses.replace(LOWER, target_voltage=3.0))
        assert bench.run(0.5).setpoint.mode is ModulesMode.BLEED


def test_one_odd_idle_frame_allows_no_session_after_a_fault(bench):
    bench.wake()
    bench.give(EmergencyStop())
    bench.run(1.2)
    bench.power.reset_fault(now_s=bench.now_s)
    bench.give(AdvanticsControllerStatus(State.NOT_AVAILABLE))
    bench.give(NewChargeSession())
    bench.give(AdvanticsControllerStatus(State.CONNECTED_WITH_FULL_INFO))
    assert bench.run(0.5).phase is Phase.IDLE


def test_an_old_reading_is_no_fault_of_the_next_session():
    """House rule 7: what has aged says nothing any more."""
    bench = Bench()
    bench.measures(power_modules_temperature_c=90.0, voltage_v=600.0)
    bench.silent.add('driver')
    bench.run(60.0)
    bench.state = State.CONNECTED_WITH_FULL_INFO
    assert not bench.run(2.0).fault
    assert 'power modules silent' in bench.decision.note


def test_a_value_beyond_its_limit_in_one_session_does_not_count_in_the_next():
    bench = transferring()
    bench.run(1.0)
    over(bench, current_a=90.0)
    bench.measures(current_a=0.0)
    bench.power.reset_fault(now_s=bench.now_s)
    bench.state = State.WAITING_FOR_PEV
    bench.run(0.5)
    bench.lead_to(Phase.POWER_TRANSFER)
    bench.measures(voltage_v=360.0)
    bench.run(1.0)
    bench.measures(current_a=90.0)
    assert not bench.run(0.4).fault


def test_after_a_fault_no_session_begins_before_the_controller_was_idle(bench):
    """R38: `State` has to be back at Waiting_For_PEV; its repeated State 3 is no new session."""
    bench.wake()
    bench.give(EmergencyStop())
    bench.run(1.2)
    bench.power.reset_fault(now_s=bench.now_s)
    bench.give(NewChargeSession())
    bench.run(0.5)
    assert bench.power.phase is Phase.IDLE
    assert 'was reset in' in bench.decision.note
    bench.give(AdvanticsControllerStatus(State.WAITING_FOR_PEV))
    bench.give(NewChargeSession())
    assert bench.power.phase is Phase.IDLE, 'one odd frame'
    bench.state = State.WAITING_FOR_PEV
    bench.run(0.3)
    bench.wake()
    assert bench.power.phase is Phase.STANDBY


@pytest.mark.parametrize('gap_s, is_fault', [(0.199, False), (0.201, True)])
def test_a_status_that_was_missing_between_two_ticks_was_missing(gap_s, is_fault):
    bench = transferring()
    bench.run(1.0)
    bench.give(AdvanticsControllerStatus(State.CHARGING))
    begin_s = bench.now_s
    bench.power.measure(bench.reading, now_s=begin_s + 0.1)
    assert not bench.power.tick(now_s=begin_s + 0.19).fault
    bench.power.receive(AdvanticsControllerStatus(State.CHARGING), now_s=begin_s + gap_s)
    assert bool(bench.power.tick(now_s=begin_s + 0.21).fault) is is_fault


@pytest.mark.parametrize('gap_s, is_fault', [(0.249, False), (0.251, True)])
def test_a_measurement_that_was_missing_between_two_ticks_was_missing(gap_s, is_fault):
    bench = transferring()
    bench.run(1.0)
    bench.power.measure(bench.reading, now_s=bench.now_s)
    begin_s = bench.now_s
    bench.power.receive(AdvanticsControllerStatus(State.CHARGING), now_s=begin_s + 0.15)
    assert not bench.power.tick(now_s=begin_s + 0.24).fault
    bench.power.measure(bench.reading, now_s=begin_s + gap_s)
    assert bool(bench.power.tick(now_s=begin_s + 0.26).fault) is is_fault


@pytest.mark.parametrize('age_s, is_used', [(0.299, True), (0.3, False)])
def test_a_reading_is_used_for_less_than_300_ms(age_s, is_used):
    bench = Bench()
    bench.measures(voltage_v=100.0)
    assert (bench.power.reading(now_s=bench.now_s + age_s) is not None) is is_used


def test_a_reading_that_comes_late_replaces_no_newer_one(bench):
    bench.measures(voltage_v=100.0)
    older = dataclasses.replace(GOOD, voltage_v=400.0)
    assert not bench.power.measure(older, now_s=bench.now_s - 0.01)
    assert bench.power.reading(now_s=bench.now_s).voltage_v == 100.0


def test_a_session_that_runs_without_us_is_told_so_by_system_enable():
    """R8: the sooner the controller learns it, the better."""
    bench = Bench(state=State.CHARGING)
    bench.run(0.5)
    assert 'not seen begin' in bench.decision.note
    assert len(bench.statuses()) >= 4
    assert not any(status.system_enable for _, status in bench.statuses())


@pytest.mark.parametrize('command, words', [
    (dataclasses.replace(TRANSFER, power_function=3), 'Power_Function 3 is not defined'),
    (dataclasses.replace(TRANSFER, current_range_min=49.9), 'Target_Mode with different'),
    (dataclasses.replace(TRANSFER, setpoints_mode=RANGE, current_range_min=50.1), 'below'),
    (dataclasses.replace(TRANSFER, setpoints_mode=RANGE), 'Setpoints_Mode changed'),
    (dataclasses.replace(TRANSFER, lower_output_voltage=LOWERING), 'Lower_Output_Voltage with'),
    (dataclasses.replace(TRANSFER, target_voltage=1500.1), 'absurd'),
    (dataclasses.replace(TRANSFER, target_voltage=-0.1), 'absurd'),
    (dataclasses.replace(TRANSFER, current_range_max=math.inf, current_range_min=math.inf),
     'are no numbers'),
    (dataclasses.replace(TRANSFER, setpoints_mode=2), 'Setpoints_Mode 2 is not defined'),
    (dataclasses.replace(TRANSFER, output_contactors=2), 'Output_Contactors 2 is not defined'),
    (dataclasses.replace(TRANSFER, lower_output_voltage=2), 'Lower_Output_Voltage 2 is not'),
    (dataclasses.replace(PRECHARGE, current_range_min=2.1), 'below Current_Range_Min'),
    (dataclasses.replace(PRECHARGE, current_range_max=-0.1, current_range_min=-0.1),
     'Precharge with a current cap of -0.1 A'),
    (dataclasses.replace(TRANSFER, target_voltage=math.nan), 'are no numbers'),
    (INSULATION, 'Insulation_Test commanded in POWER_TRANSFER'),
    (PRECHARGE, 'Precharge commanded in POWER_TRANSFER'),
])
def test_one_bad_command_changes_nothing_and_a_controller_that_insists_is_a_fault(command, words):
    bench = transferring()
    bench.run(1.0)
    before = bench.decision.setpoint
    bench.power.journal.drain()
    assert bench.give(command).setpoint == before
    assert words in bench.texts()
    for _ in range(20):
        bench.give(command)
        bench.give(TRANSFER)
        bench.run(0.1)
    assert not bench.decision.fault, 'good commands between'
    for _ in range(7):
        bench.give(command)
        bench.run(0.1)
    assert_dead(bench, 'insists', words)


@pytest.mark.parametrize('command', [
    dataclasses.replace(STANDBY, target_voltage=0.1),
    dataclasses.replace(OFF, current_range_max=-0.1),
    dataclasses.replace(LOWER, current_range_max=0.1),
    dataclasses.replace(OFF, lower_output_voltage=LOWERING),
    dataclasses.replace(STANDBY, target_voltage=math.nan),
    dataclasses.replace(STANDBY, output_contactors=2),
])
def test_a_stop_that_is_not_well_formed_is_obeyed_unless_a_good_command_follows(command):
    """R21: the zeros of a Standby are no target, and it may come only once (A9)."""
    bench = transferring()
    bench.run(1.0)
    for _ in range(10):
        bench.give(command)
        bench.run(0.1)
        bench.give(TRANSFER)
        assert bench.run(0.1).setpoint.current_a == 50.0
    bench.give(command)
    assert bench.run(0.29).setpoint.current_a == 50.0
    assert 'obeyed as a stop' in bench.decision.note
    assert bench.run(0.02).setpoint.mode is ModulesMode.OFF
    assert not bench.decision.fault
    assert bench.decision.note == ''
    assert bench.decision.phase in (Phase.STANDBY, Phase.OFF)


@pytest.mark.parametrize('cap, given', [(20.0, 20.0), (20.1, 20.0), (300.0, 20.0)])
def test_a_precharge_is_never_given_more_than_its_capacitors_need(cap, given):
    bench = Bench().wake()
    bench.give(dataclasses.replace(PRECHARGE, current_range_max=cap))
    assert bench.run(0.1).setpoint.current_a == given


def test_a_refused_command_is_the_note_until_a_good_one_comes():
    bench = Bench().lead_to(Phase.STANDBY)
    bench.give(dataclasses.replace(PRECHARGE, target_voltage=6553.5))
    assert 'Target_Voltage 6553.5 V is absurd' in bench.run(1.0).note
    bench.give(STANDBY)
    assert bench.run(0.1).note == ''


def test_a_controller_that_insists_while_no_power_is_on_is_a_fault_too():
    bench = Bench().lead_to(Phase.STANDBY)
    absurd = dataclasses.replace(PRECHARGE, target_voltage=6553.5)
    for _ in range(7):
        bench.give(absurd)
        bench.run(0.1)
    assert_dead(bench, 'insists', '6553.5 V is absurd')


@pytest.mark.parametrize('seconds, is_fault', [(4.9, True), (5.1, False)])
def test_odd_frames_in_a_long_wait_are_forgiven(seconds, is_fault):
    bench = Bench().lead_to(Phase.STANDBY)
    for _ in range(4):
        bench.give(dataclasses.replace(TRANSFER, power_function=3))
        bench.run(seconds)
    assert bool(bench.decision.fault) is is_fault


def test_a_silence_between_two_ticks_is_a_silence():
    for who in ('controller', 'driver', 'tick'):
        bench = transferring()
        bench.run(1.0)
        bench.steps += 100
        if who != 'controller':
            bench.give(AdvanticsControllerStatus(State.CHARGING))
        if who != 'driver':
            bench.measures()
        bench.give(AdvanticsControllerStatus(State.CHARGING))
        assert bench.decision.fault, who
        assert bench.decision.setpoint.mode is ModulesMode.OFF


@pytest.mark.parametrize('age_s, is_followed', [(0.29, True), (0.31, False)])
def test_a_command_that_waited_somewhere_starts_nothing(age_s, is_followed):
    bench = Bench().lead_to(Phase.STANDBY)
    bench.tick()  # it is late against the last decision
    bench.power.receive(TRANSFER, now_s=bench.now_s - age_s)
    assert (bench.power.phase is Phase.POWER_TRANSFER) is is_followed


def test_a_stop_is_never_too_old():
    bench = transferring()
    bench.power.receive(STANDBY, now_s=bench.now_s - 4.0)
    assert bench.tick().setpoint.mode is ModulesMode.OFF


def test_no_insulation_test_into_a_battery():
    bench = transferring()
    bench.give(STANDBY)
    bench.give(INSULATION)
    assert bench.power.phase is Phase.STANDBY
    assert 'battery may be connected' in bench.texts()


def test_a_stage_that_opens_under_a_function_takes_the_power_away_for_good():
    bench = transferring()
    bench.run(1.0)
    bench.power.see_stage(Stage.UNLOADING, 'power_control silent', now_s=bench.now_s)
    bench.stage = Stage.CLOSED
    bench.run(1.0)
    assert_dead(bench, 'output stage left CLOSED: UNLOADING power_control silent')


def test_a_stage_that_opens_for_a_silent_controller_is_not_the_cause():
    """The stage may notice first, by a few milliseconds: the fault names the controller."""
    bench = transferring()
    bench.run(1.0)
    bench.give(AdvanticsControllerStatus(State.CHARGING))
    bench.power.see_stage(
        Stage.UNLOADING, 'controller silent (R1)', now_s=bench.now_s + 0.2001)
    assert 'no Advantics_Controller_Status for 200 ms' in bench.power.fault


def test_bleeding_that_stops_halfway_is_given_up():
    bench = Bench().lead_to(Phase.INSULATION_TEST)
    bench.measures(voltage_v=500.0)
    bench.give(LOWER)
    bench.measures(voltage_v=350.0)
    bench.run(1.5)
    assert not bench.decision.fault
    bench.run(1.0)
    assert_dead(bench, '350 V, 350 V')


def faulty_behind(stage, *, has_output_contactors=True):
    bench = transferring(has_output_contactors=has_output_contactors)
    bench.power.emergency_stop('for the test', now_s=bench.now_s)
    bench.stage = stage
    bench.measures(current_a=0.0)
    bench.run(0.2)
    return bench


@pytest.mark.parametrize('stage', list(Stage))
def test_in_a_fault_the_output_is_emptied_behind_own_open_contactors_only(stage):
    bench = faulty_behind(stage)
    assert bench.decision.fault
    assert (bench.decision.setpoint.mode is ModulesMode.BLEED) is (stage is Stage.OPEN)
    assert faulty_behind(stage, has_output_contactors=False).decision.setpoint.mode is (
        ModulesMode.OFF), 'the battery may be on the output'


def test_in_a_fault_no_output_that_does_not_fall_is_bled_for_long():
    bench = faulty_behind(Stage.OPEN)
    bench.run(1.2)
    assert bench.decision.setpoint.mode is ModulesMode.OFF
    for _ in range(10):
        assert bench.run(0.5).setpoint.mode is ModulesMode.OFF
    bench.state = State.WAITING_FOR_PEV
    bench.run(0.5)
    bench.power.reset_fault(now_s=bench.now_s)
    assert bench.tick().setpoint.mode is ModulesMode.BLEED


def test_a_fault_that_bleeding_brought_is_not_bled_again():
    bench = Bench()
    bench.stage = Stage.OPEN
    bench.measures(voltage_v=400.0)
    bench.run(1.5)
    assert_dead(bench, 'does not fall while bleeding')
    assert bench.run(2.0).setpoint.mode is ModulesMode.OFF


def test_charge_stopped_ends_the_transfer_when_its_standby_is_lost():
    """R41: the command may get lost, and R26 puts no time on the last one."""
    stopped = ChargeStatusChange(ChargeStatusChange.VehicleReadyForCharging.CHARGE_STOPPED)
    bench = transferring()
    bench.run(1.0)
    bench.give(stopped)
    assert bench.run(0.2).phase is Phase.POWER_TRANSFER
    assert bench.run(0.2).phase is Phase.STANDBY
    assert bench.decision.setpoint.mode is ModulesMode.OFF
    assert not bench.decision.fault
    bench = transferring()
    bench.give(stopped)
    for _ in range(10):
        bench.run(0.1)
        bench.give(TRANSFER)
    assert bench.decision.phase is Phase.POWER_TRANSFER, 'the commands go on'


@pytest.mark.parametrize('amperes, is_fault', [(1.0, False), (1.1, True), (-1.1, True)])
def test_a_battery_or_a_load_on_the_output_of_an_insulation_test(amperes, is_fault):
    bench = Bench().lead_to(Phase.INSULATION_TEST)
    bench.measures(voltage_v=365.0, current_a=amperes)
    bench.run(2.9)
    assert not bench.decision.fault, 'capacitors may take so long'
    bench.run(0.3)
    assert ('battery or a load' in bench.decision.fault) is is_fault


def test_an_emergency_stop_beside_another_fault_is_not_swallowed():
    bench = transferring()
    bench.power.see_stage(Stage.FAULT, 'welded?', now_s=bench.now_s)
    bench.power.emergency_stop('smoke', now_s=bench.now_s)
    bench.tick()
    assert_dead(bench, 'welded?', 'smoke')


def test_precharge_keeps_to_charger_and_cable_too():
    bench = Bench(PowerConfig(limits=ChargerLimits(max_cable_current=1.5)))
    bench.wake()
    bench.give(PRECHARGE)
    assert bench.run(0.1).setpoint.current_a == 1.5


def test_controller_that_goes_back_to_idle_within_a_transfer():
    bench = transferring()
    bench.give(AdvanticsControllerStatus(State.INITIALISING))
    assert not bench.decision.fault, 'one odd frame'
    bench.give(AdvanticsControllerStatus(State.INITIALISING))
    assert_dead(bench, 'went back to INITIALISING')


def test_emergency_stop_of_an_operator_latches_until_reset():
    bench = transferring()
    bench.run(1.0)
    bench.power.emergency_stop('smoke', now_s=bench.now_s)
    bench.tick()
    assert_dead(bench, 'smoke')
    bench.power.reset_fault(now_s=bench.now_s)
    bench.give(TRANSFER)
    bench.run(0.5)
    assert bench.power.phase is Phase.IDLE, 'only a session announced afresh'


def test_fault_cannot_be_reset_while_its_cause_is_there():
    bench = transferring()
    bench.give(EmergencyStop())
    with pytest.raises(ValueError, match='Emergency_Stop is in force'):
        bench.power.reset_fault(now_s=bench.now_s)
    bench.run(1.1)
    bench.power.reset_fault(now_s=bench.now_s)
    assert bench.power.phase is Phase.IDLE
    with pytest.raises(ValueError, match='no fault'):
        bench.power.reset_fault(now_s=bench.now_s)


def test_a_voltage_that_rises_while_bleeding_is_a_battery_that_came():
    bench = Bench().lead_to(Phase.INSULATION_TEST)
    bench.measures(voltage_v=500.0)
    bench.give(LOWER)
    bench.run(0.3)
    bench.measures(voltage_v=15.0)
    bench.run(0.1)
    assert not bench.decision.fault
    bench.measures(voltage_v=36.0)
    bench.run(0.1)
    assert_dead(bench, 'rises while bleeding: from 15 to 36 V')


def test_a_test_voltage_that_was_still_rising_is_none():
    """The reading from before the lowering says nothing about bleeding."""
    bench = Bench().lead_to(Phase.INSULATION_TEST)
    bench.measures(voltage_v=300.0)
    bench.give(LOWER)
    bench.run(0.03)
    bench.measures(voltage_v=350.0)
    bench.run(0.15)
    bench.measures(voltage_v=300.0)
    bench.run(0.1)
    assert not bench.decision.fault


@pytest.mark.parametrize('stage', [Stage.PRECHARGING, Stage.CLOSED])
def test_nothing_is_bled_once_the_stage_sees_a_battery(stage):
    """CHAdeMO V2G: the vehicle connects without a word (R46)."""
    bench = Bench().lead_to(Phase.LOWERING_AFTER_TEST)
    assert bench.decision.setpoint.mode is ModulesMode.BLEED
    bench.stage = stage
    bench.stage_sees_battery = True
    assert bench.run(0.1).setpoint.mode is ModulesMode.OFF
