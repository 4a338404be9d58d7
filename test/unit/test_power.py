"""Every decision about power, on a made-up clock."""

import dataclasses
import itertools
import math

import pytest

from gi3_ros.core import power
from gi3_ros.core.command import Request
from gi3_ros.core.hardware import ModulesMode, PowerMeasurement
from gi3_ros.core.limits import ChargerLimits
from gi3_ros.core.output_stage import Stage
from gi3_ros.core.power import Happening, Phase, PowerConfig, PowerControl, TRANSITIONS
from gi3_ros.core.setpoint import Priority
from gi3_ros.core.signals import (
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    DcPowerControl,
    EmergencyStop,
    NewChargeSession,
    OcppControl,
    PowerModulesStatus,
)

State = AdvanticsControllerStatus.State
Function = DcPowerControl.PowerFunction
CLOSE = DcPowerControl.OutputContactors.CLOSE
LOWERING = DcPowerControl.LowerOutputVoltage.LOWERING
RANGE = DcPowerControl.SetpointsMode.RANGE_MODE

STEP_S = 0.01
GOOD = PowerMeasurement(voltage_v=0.0, current_a=0.0, insulation_resistance_ohm=510e3)

OFF = DcPowerControl()
STANDBY = DcPowerControl(power_function=Function.STANDBY, output_contactors=CLOSE)
LOWER = dataclasses.replace(STANDBY, lower_output_voltage=LOWERING)
INSULATION = DcPowerControl(
    target_voltage=500.0, power_function=Function.INSULATION_TEST, output_contactors=CLOSE)
PRECHARGE = DcPowerControl(
    target_voltage=360.0, current_range_max=2.0, power_function=Function.PRECHARGE,
    setpoints_mode=RANGE, output_contactors=CLOSE)
TRANSFER = DcPowerControl(
    target_voltage=420.0, current_range_max=50.0, current_range_min=50.0,
    power_function=Function.POWER_TRANSFER, output_contactors=CLOSE)
COMMANDS = {
    Request.OFF: OFF, Request.STANDBY: STANDBY, Request.LOWERING: LOWER,
    Request.INSULATION_TEST: INSULATION, Request.PRECHARGE: PRECHARGE,
    Request.POWER_TRANSFER: TRANSFER,
}
WAY_TO = {
    Phase.IDLE: None,
    Phase.WAKING: (),
    Phase.STANDBY: (STANDBY,),
    Phase.OFF: (OFF,),
    Phase.LOWERING: (STANDBY, LOWER),
    Phase.INSULATION_TEST: (STANDBY, INSULATION),
    Phase.PRECHARGE: (STANDBY, PRECHARGE),
    Phase.POWER_TRANSFER: (STANDBY, TRANSFER),
}
"""Commands that lead from Standby, which a woken charger is in, to each phase."""


class Bench:
    """A charger whose inputs come as they should until a test takes one away."""

    def __init__(self, config=None, *, state=State.WAITING_FOR_PEV):
        self.power = PowerControl(config or PowerConfig())
        self.state = state
        self.reading = GOOD
        self.stage = Stage.CLOSED
        self.has_output_contactors = True
        self.silent = set()
        self.steps = 0
        self.sent = []
        self.decision = None
        self.run(0.3)

    @property
    def now_s(self):
        return self.steps * STEP_S

    def run(self, seconds):
        for _ in range(round(seconds / STEP_S)):
            self.steps += 1
            if self.steps % 10 == 0 and 'controller' not in self.silent:
                self.give(AdvanticsControllerStatus(self.state))
            if self.steps % 4 == 0 and 'driver' not in self.silent:
                self.power.measure(self.reading, now_s=self.now_s)
            if self.steps % 10 == 0 and 'stage' not in self.silent:
                self.power.see_stage(
                    self.stage, '', has_output_contactors=self.has_output_contactors,
                    now_s=self.now_s)
            self.tick()
        return self.decision

    def tick(self):
        self.decision = self.power.tick(now_s=self.now_s)
        if self.decision.status is not None:
            self.sent.append((self.now_s, self.decision.status))
        if self.decision.parameters is not None:
            self.sent.append((self.now_s, self.decision.parameters))
        return self.decision

    def give(self, message):
        self.power.receive(message, now_s=self.now_s)
        return self.tick()

    def measures(self, **values):
        self.reading = dataclasses.replace(self.reading, **values)
        self.power.measure(self.reading, now_s=self.now_s)

    def wake(self):
        self.state = State.CONNECTED_WITH_FULL_INFO
        self.give(NewChargeSession())
        self.run(0.2)
        return self

    def lead_to(self, phase):
        """Bring it there by the commands of a controller."""
        way = WAY_TO[phase]
        if way is None:
            return self
        if phase is Phase.WAKING:
            self.measures(is_ready=False)
            self.give(NewChargeSession())
            return self
        self.wake()
        self.state = State.CHARGING
        for command in way:
            self.give(command)
            self.run(0.05)
        assert self.power.phase is phase
        return self

    def statuses(self):
        return [(t, m) for t, m in self.sent if isinstance(m, PowerModulesStatus)]

    def texts(self):
        return ' | '.join(entry.text for entry in self.power.journal.drain())


@pytest.fixture
def bench():
    return Bench()


def transferring(volts=360.0, *, has_output_contactors=True, **config):
    bench = Bench(PowerConfig(**config))
    bench.has_output_contactors = has_output_contactors
    bench.lead_to(Phase.POWER_TRANSFER)
    bench.measures(voltage_v=volts)
    return bench


# The table


@pytest.mark.parametrize(
    'phase, request_', list(itertools.product(WAY_TO, COMMANDS)),
    ids=lambda value: value.name)
def test_each_command_does_in_each_phase_what_the_table_says(phase, request_):
    bench = Bench().lead_to(phase)
    bench.power.journal.drain()
    bench.give(COMMANDS[request_])
    expected = TRANSITIONS.get((phase, request_))
    if expected is None:
        assert bench.power.phase is phase
        assert f'{request_.value} commanded in {phase.name}' in bench.texts()
    else:
        assert bench.power.phase is expected


def test_a_function_never_starts_out_of_off_or_out_of_another_function():
    starts = {Request.INSULATION_TEST, Request.PRECHARGE, Request.POWER_TRANSFER}
    for (phase, event), target in TRANSITIONS.items():
        if event in starts:
            assert phase in (Phase.STANDBY, Phase.LOWERING) or phase is target


def test_every_phase_has_a_way_into_fault_and_only_reset_leads_out():
    assert all(TRANSITIONS[phase, Happening.FAULT] is Phase.FAULT for phase in Phase)
    ways_out = {event for (phase, event), target in TRANSITIONS.items()
                if phase is Phase.FAULT and target is not Phase.FAULT}
    assert ways_out == {Happening.RESET}


@pytest.mark.parametrize('phase', [p for p in WAY_TO if p not in power.POWERED])
def test_no_power_outside_the_powered_phases(phase):
    bench = Bench().lead_to(phase)
    bench.run(0.5)
    assert bench.decision.setpoint.mode is not ModulesMode.REGULATE
    assert bench.decision.setpoint.current_a == 0.0


# Waking and System_Enable


def test_silent_before_a_session(bench):
    bench.run(1.0)
    assert bench.sent == []


@pytest.mark.parametrize('by_state', [True, False])
def test_session_is_announced_by_its_frame_or_by_the_state(bench, by_state):
    """A4: whichever comes first."""
    if by_state:
        bench.give(AdvanticsControllerStatus(State.CONNECTED_WITH_FULL_INFO))
    else:
        bench.give(NewChargeSession())
    assert bench.power.phase in (Phase.WAKING, Phase.STANDBY)


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
    bench = Bench(PowerConfig(voltage_ramp=200.0))
    bench.wake()
    bench.give(INSULATION)
    volts = [bench.run(STEP_S).setpoint.voltage_v for _ in range(300)]
    steps = [b - a for a, b in itertools.pairwise(volts)]
    assert max(steps) <= 200.0 * STEP_S + 1e-6
    assert volts[-1] == 500.0


@pytest.mark.parametrize('cap, expected', [(2.0, 2.0), (1.0, 1.0), (0.9, 1.0), (0.0, 1.0)])
def test_precharge_keeps_to_the_cap_but_not_below_its_floor(cap, expected):
    bench = Bench(PowerConfig(precharge_min_current=1.0))
    bench.wake()
    bench.give(dataclasses.replace(PRECHARGE, current_range_max=cap))
    assert bench.run(0.1).setpoint.current_a == expected


def test_transfer_follows_the_target_along_the_ramp():
    bench = transferring(current_ramp_up=100.0)
    amps = [bench.run(STEP_S).setpoint.current_a for _ in range(100)]
    assert max(b - a for a, b in itertools.pairwise(amps)) <= 1.0 + 1e-6
    assert amps[-1] == 50.0
    assert bench.decision.setpoint.voltage_v == 420.0
    assert bench.decision.effective.source == 'controller'


def test_ramp_downwards_has_its_own_slope():
    bench = transferring(current_ramp_up=100.0, current_ramp_down=200.0)
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
    bench = transferring(limits=ChargerLimits(max_charger_discharge_current=60.0))
    bench.run(1.0)
    bench.give(dataclasses.replace(TRANSFER, current_range_max=-20.0, current_range_min=-20.0))
    amps = [bench.run(STEP_S).setpoint.current_a for _ in range(100)]
    assert max(abs(b - a) for a, b in itertools.pairwise([50.0, *amps])) <= 4.0 + 1e-6
    assert amps[-1] == -20.0


def test_range_mode_takes_the_maximum_unless_somebody_wishes_otherwise():
    bench = Bench(PowerConfig(limits=ChargerLimits(max_charger_discharge_current=40.0)))
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


@pytest.mark.parametrize('wish, expected', [(80.0, 50.0), (-80.0, -40.0)])
def test_a_wish_outside_the_range_is_clamped_into_it(wish, expected):
    bench = Bench(PowerConfig(limits=ChargerLimits(max_charger_discharge_current=90.0)))
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
    assert bench.give(LOWER).setpoint.mode is mode


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


# Faults


def assert_dead(bench, *words):
    decision = bench.decision
    assert decision.phase is Phase.FAULT
    assert decision.setpoint.mode is ModulesMode.OFF
    assert decision.setpoint.current_a == 0.0
    assert not decision.system_enable
    for word in words:
        assert word in decision.fault


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
@pytest.mark.parametrize('phase', [p for p in WAY_TO if p is not Phase.IDLE])
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
    assert bench.tick().setpoint.mode is ModulesMode.OFF


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
    assert_dead(bench, 'with a setpoint of 100.0 A'), 'the cable, not the command'
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
    assert_dead(bench, 'precharge current 3.1 A over its cap of 2 A')


def test_a_short_excess_is_no_fault():
    bench = transferring()
    bench.run(1.0)
    over(bench, 0.4, current_a=200.0)
    assert not over(bench, 1.0, current_a=50.0).fault


@pytest.mark.parametrize('ohm, is_fault', [(42_001.0, False), (41_999.0, True)])
def test_insulation_below_100_ohm_per_volt_after_the_test(ohm, is_fault):
    """R14; 420 V is the larger of the target and what is measured."""
    bench = transferring()
    over(bench, voltage_v=360.0, insulation_resistance_ohm=ohm)
    assert bool(bench.decision.fault) is is_fault


@pytest.mark.parametrize('command, words', [
    (dataclasses.replace(TRANSFER, power_function=3), 'Power_Function 3 is not defined'),
    (dataclasses.replace(TRANSFER, current_range_min=49.9), 'Target_Mode with different'),
    (dataclasses.replace(TRANSFER, setpoints_mode=RANGE, current_range_min=50.1), 'below'),
    (dataclasses.replace(TRANSFER, setpoints_mode=RANGE), 'Setpoints_Mode changed'),
    (dataclasses.replace(TRANSFER, lower_output_voltage=LOWERING), 'Lower_Output_Voltage with'),
    (dataclasses.replace(STANDBY, target_voltage=0.1), 'STANDBY with setpoints'),
    (dataclasses.replace(OFF, current_range_max=-0.1), 'OFF with setpoints'),
    (dataclasses.replace(TRANSFER, target_voltage=1500.1), 'absurd'),
    (dataclasses.replace(TRANSFER, target_voltage=math.nan), 'are no numbers'),
    (dataclasses.replace(PRECHARGE, current_range_max=20.1), 'Precharge with a current cap'),
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


def test_bleeding_that_stops_halfway_is_given_up():
    bench = Bench().lead_to(Phase.INSULATION_TEST)
    bench.measures(voltage_v=500.0)
    bench.give(LOWER)
    bench.measures(voltage_v=350.0)
    bench.run(1.5)
    assert not bench.decision.fault
    bench.run(1.0)
    assert_dead(bench, '350 V, 350 V')


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


def test_a_lease_before_the_session_lasts_into_it():
    bench = Bench()
    bench.power.request_current(
        30.0, duration_s=300.0, priority=Priority.FLEET, source='depot', now_s=bench.now_s)
    bench.run(1.0)
    bench.lead_to(Phase.STANDBY)
    told = [m for _, m in bench.sent if not isinstance(m, PowerModulesStatus)]
    assert [m.maximum_charge_current for m in told] == [30.0]


def test_controller_that_goes_back_to_idle_within_a_transfer():
    bench = transferring()
    bench.give(AdvanticsControllerStatus(State.INITIALISING))
    assert not bench.decision.fault, 'one odd frame'
    bench.give(AdvanticsControllerStatus(State.INITIALISING))
    assert_dead(bench, 'went back to INITIALISING')


# Ends


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


def test_status_goes_on_until_the_output_is_safe():
    bench = transferring(400.0)
    bench.give(STANDBY)
    bench.give(ChargeSessionFinished())
    bench.state = State.WAITING_FOR_PEV
    bench.run(0.5)
    before = len(bench.statuses())
    bench.run(0.5)
    assert len(bench.statuses()) - before in (4, 5, 6)
    bench.measures(voltage_v=20.0)
    bench.run(0.1)
    before = len(bench.statuses())
    bench.run(0.5)
    assert len(bench.statuses()) == before


def test_controller_switched_off_after_the_end_leaves_no_fault():
    bench = transferring()
    bench.give(STANDBY)
    bench.give(ChargeSessionFinished())
    bench.silent.add('controller')
    bench.run(1.0)
    assert bench.power.phase is Phase.IDLE
    assert bench.decision.fault == ''


# Requests


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


def test_lease_in_target_mode_is_told_to_the_vehicle_and_ends_by_itself():
    """R32: never by giving less than what was asked for."""
    bench = transferring()
    bench.run(1.0)
    words = bench.power.request_current(
        30.0, duration_s=2.0, priority=Priority.OPERATOR, source='test', now_s=bench.now_s)
    assert 'Maximum_Charge_Current 30 A is told to the vehicle' in words
    assert bench.run(0.2).setpoint.current_a == 50.0
    assert bench.sent[-2][1].maximum_charge_current == 30.0 or (
        bench.sent[-1][1].maximum_charge_current == 30.0)
    bench.run(2.2)
    told = [m.maximum_charge_current for _, m in bench.sent
            if not isinstance(m, PowerModulesStatus)]
    assert told == [0.0, 30.0, 0.0]


@pytest.mark.parametrize('wish', [
    {'current_a': 121.0}, {'current_a': -0.1}, {'current_a': math.nan}, {'current_a': 0.0},
    {'duration_s': -1.0}, {'duration_s': 3600.1}, {'duration_s': math.inf},
    {'priority': 0}, {'priority': 3}, {'source': ''},
])
def test_a_senseless_lease_is_refused_with_words(wish):
    bench = transferring()
    arguments = {
        'current_a': 30.0, 'duration_s': 60.0, 'priority': Priority.FLEET, 'source': 'test',
        **wish,
    }
    with pytest.raises(ValueError) as refusal:
        bench.power.request_current(
            arguments.pop('current_a'), **arguments, now_s=bench.now_s)
    assert len(str(refusal.value)) > 20


def test_limits_are_told_never_faster_than_every_100_ms():
    bench = transferring()
    for amps in range(10, 60):
        bench.power.request_limits(
            voltage_v=0.0, charge_current_a=float(amps), discharge_current_a=0.0,
            now_s=bench.now_s)
        bench.run(0.02)
    bench.run(0.2)
    told = [(t, m) for t, m in bench.sent if not isinstance(m, PowerModulesStatus)]
    assert all(b - a >= 0.1 for (a, _), (b, _) in itertools.pairwise(told))
    assert told[-1][1].maximum_charge_current == 59.0


def test_no_lease_outlives_its_session():
    bench = transferring()
    bench.power.request_current(
        30.0, duration_s=3600.0, priority=Priority.OPERATOR, source='test', now_s=bench.now_s)
    bench.give(STANDBY)
    bench.give(ChargeSessionFinished())
    bench.state = State.WAITING_FOR_PEV
    bench.run(0.5)
    bench.sent.clear()
    bench.lead_to(Phase.STANDBY)
    told = [m for _, m in bench.sent if not isinstance(m, PowerModulesStatus)]
    assert [m.maximum_charge_current for m in told] == [0.0]


@pytest.mark.parametrize('name, value', [
    ('current_ramp_up', 0.0), ('current_ramp_up', math.nan), ('voltage_ramp', -1.0),
    ('precharge_min_current', 5.1), ('precharge_min_current', -0.1),
    ('insulation_test_current', math.inf),
])
def test_unusable_configuration_is_refused(name, value):
    with pytest.raises(ValueError, match=name):
        PowerConfig(**{name: value})


def test_status_frame_saturates_instead_of_failing():
    status = power.power_modules_status(
        PowerMeasurement(-0.4, 1e9, insulation_resistance_ohm=math.inf), is_allowed=True)
    assert status.present_voltage == 0.0
    assert status.present_current == 3276.7
    assert status.insulation_resistance == 510e3
    assert status.power_modules_temperature == -40.0
