# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whole sessions on a fake clock: the simulator against a small charger that obeys."""

import dataclasses
import itertools
import math

from obedient_charger import Charger, START_ALLOWED
import pytest

from gi3_ros.core.interface.codec import decode, encode, Received
from gi3_ros.core.interface.signals import (
    AdmCoCui1Inputs,
    AdmCsSeccInputs,
    AdmCsSeccOutputs,
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    ChargeStatusChange,
    DcPowerControl,
    DcPowerParameters,
    EmergencyStop,
    EvInformationBattery,
    NewChargeSession,
    PowerModulesStatus,
    SequenceControl,
)
from gi3_ros.core.power.limits import ChargerLimits
from gi3_ros.sim.circuit import CircuitConfig
from gi3_ros.sim.config import ControllerConfig, Pistol
from gi3_ros.sim.controller import Controller
from gi3_ros.sim.events import Kind
from gi3_ros.sim.modules_config import ModulesConfig
from gi3_ros.sim.plug import DirectPlug, InletReading
from gi3_ros.sim.power_commands import PowerCommands
from gi3_ros.sim.protocols import ControlMode, Direction, Protocol
from gi3_ros.sim.simulator import Simulator
from gi3_ros.sim.situation import Situation
from gi3_ros.sim.stage_work import StageWork
from gi3_ros.sim.stages import ENDS, IDLE_STAGES, REPORTED, Stage, TRANSITIONS, Trigger
from gi3_ros.sim.vehicle import Vehicle
from gi3_ros.sim.vehicle_config import VehicleConfig

State = AdvanticsControllerStatus.State
Function = DcPowerControl.PowerFunction
Finished = ChargeSessionFinished.State
SystemEnable = PowerModulesStatus.SystemEnable

TICK_S = 0.01
CAR = VehicleConfig(charge_duration_s=4.0)


class Bench:
    """Simulator and charger on one fake clock, joined by frames and by copper."""

    def __init__(self, config=None, vehicle=CAR, has_plug_link=True, modules=None):
        plug = DirectPlug()
        self.simulator = Simulator(config, vehicle, plug=plug if has_plug_link else None)
        self.charger = Charger(plug, modules)
        self.controller = self.simulator.controller
        self.vehicle = self.simulator.vehicle
        self.steps = 0
        self.sent = []
        """``(time, message)`` from the controller."""
        self.frames = []
        self.vehicle.plug_in()

    @property
    def now_s(self):
        return self.steps * TICK_S

    def step(self):
        for message in self.charger.tick(self.now_s):
            self.simulator.receive(encode(message, index=1), now_s=self.now_s)
        for frame in self.simulator.tick(now_s=self.now_s):
            self.frames.append((self.now_s, frame.can_id, frame.data))
            self.charger.receive(frame)
            self.sent.append((self.now_s, decode(frame).message))
        self.steps += 1

    def run(self, seconds):
        for _ in range(round(seconds / TICK_S)):
            self.step()

    def until(self, holds, at_most_s=60.0):
        for _ in range(round(at_most_s / TICK_S)):
            if holds(self):
                return
            self.step()
        raise AssertionError(f'not within {at_most_s} s; stage {self.controller.stage}')

    def until_stage(self, stage, at_most_s=60.0):
        self.until(lambda bench: bench.controller.stage is stage, at_most_s)

    def until_over(self, at_most_s=90.0):
        self.until(lambda bench: bench.simulator.sessions > 0, at_most_s)
        return self.controller.outcome

    def states(self):
        states = []
        for _, message in self.sent:
            if isinstance(message, AdvanticsControllerStatus) and (
                    not states or states[-1] != message.state):
                states.append(message.state)
        return [int(state) for state in states]

    def state_at(self, time_s):
        return [message.state for at_s, message in self.all_of(AdvanticsControllerStatus)
                if at_s <= time_s][-1]

    def all_of(self, cls):
        return [(time_s, message) for time_s, message in self.sent if isinstance(message, cls)]

    def texts(self):
        return [event.text for event in self.simulator.events]


@pytest.fixture(scope='module')
def clean():
    """Run a whole good session, once for all who look at it."""
    bench = Bench()
    bench.until_over()
    return bench


def test_good_session_ends_clean_and_breaks_no_rule(clean):
    assert clean.simulator.findings == []
    assert clean.charger.modules.breaches == []
    assert clean.charger.modules.timeouts == 0
    assert clean.controller.outcome.state is Finished.CLEAN_STOP
    assert clean.simulator.verdict()[0] == 0


def test_states_come_in_the_order_of_the_table(clean):
    assert clean.states() == [0, 12, 1, 2, 3, 4, 5, 6, 7, 8, 10, 1]


def test_power_control_goes_through_the_frames_of_the_protocol(clean):
    kinds = []
    for _, message in clean.all_of(DcPowerControl):
        byte6 = encode(message, index=1).data[6]
        if not kinds or kinds[-1] != byte6:
            kinds.append(byte6)
    assert kinds == [0x00, 0x41, 0x42, 0xC1, 0x64, 0x41, 0x48, 0x41, 0x01, 0x81, 0x01]


def test_a_state_comes_before_the_wait_it_announces(clean):
    """A4: State 3 before New_Charge_Session, State 4 before System_Enable is there."""
    first = {}
    for time_s, message in clean.sent:
        if isinstance(message, AdvanticsControllerStatus):
            first.setdefault(int(message.state), time_s)
    announcements = [time_s for time_s, _ in clean.all_of(NewChargeSession)]
    assert first[3] <= announcements[0]
    assert first[4] < announcements[-1]


def test_status_is_never_late(clean):
    times = [time_s for time_s, _ in clean.all_of(AdvanticsControllerStatus)]
    assert max(b - a for a, b in itertools.pairwise(times)) <= 0.1 + 1e-9


def test_announcement_repeats_every_100_ms_until_enabled(clean):
    times = [time_s for time_s, _ in clean.all_of(NewChargeSession)]
    assert len(times) >= 2
    assert all(abs(b - a - 0.1) < 1e-6 for a, b in itertools.pairwise(times))
    standby = next(
        time_s for time_s, message in clean.all_of(DcPowerControl)
        if message.power_function is Function.STANDBY)
    assert times[-1] <= standby


def test_status_changes_and_finish_are_sent_once(clean):
    ready = [
        message.vehicle_ready_for_charging for _, message in clean.all_of(ChargeStatusChange)]
    assert ready == [1, 0]
    assert len(clean.all_of(ChargeSessionFinished)) == 1


def test_vehicle_information_follows_the_announcement(clean):
    information = [time_s for time_s, _ in clean.all_of(EvInformationBattery)]
    assert information[0] == clean.all_of(NewChargeSession)[0][0]
    assert len(information) >= 4


def test_request_is_merged_from_vehicle_charger_and_cable(clean):
    """The vehicle wants 110 A, the charger has 120 A, the cable carries 100 A."""
    currents = [
        message.current_range_max for _, message in clean.all_of(DcPowerControl)
        if message.power_function is Function.POWER_TRANSFER]
    assert max(currents) == 100.0
    assert 0 < currents[0] < 20
    assert currents[-1] < 20


def test_current_is_low_before_the_contactors_open(clean):
    opening = next(
        time_s for time_s, message in clean.all_of(DcPowerControl)
        if message.power_function is Function.STANDBY and not message.output_contactors)
    stopped = clean.all_of(ChargeStatusChange)[1][0]
    assert opening - stopped < 0.5


def test_energy_at_the_inlet_agrees_with_the_circuit(clean):
    circuit_wh = clean.charger.modules.circuit.ledger.vehicle_j / 3600
    assert clean.controller.outcome.energy_wh == pytest.approx(circuit_wh, rel=0.01)
    assert circuit_wh > 20


def test_same_inputs_give_the_same_frames(clean):
    again = Bench()
    again.until_over()
    assert again.frames == clean.frames


def test_without_flags_the_session_starts_and_goes_on_at_once():
    bench = Bench(ControllerConfig(use_sequence_flags=False))
    bench.charger.flags = bench.charger.flags_in_session = SequenceControl()
    assert bench.until_over().is_clean
    assert bench.states() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 1]


@pytest.mark.parametrize('car', [
    {'charge_duration_s': 8.0},
    {'charge_duration_s': 8.0, 'protocols': (Protocol.ISO_15118_20,), 'state_of_charge': 0.75,
     'control_mode': ControlMode.DYNAMIC},
])
def test_power_control_is_cyclic_and_not_sent_when_nothing_has_changed(car):
    """R26, A9: every 100 ms, and at once when something changes."""
    bench = Bench(ControllerConfig(enable_iso_part20=True), VehicleConfig(**car))
    bench.until_over()
    sent = [(time_s, encode(message, index=1).data)
            for time_s, message in bench.all_of(DcPowerControl)
            if message.power_function is Function.POWER_TRANSFER]
    assert all(b[0] - a[0] > 0.095 for a, b in itertools.pairwise(sent) if a[1] == b[1])
    assert max(b[0] - a[0] for a, b in itertools.pairwise(sent)) < 0.105
    # The vehicle asks ten times a second.
    assert len(sent) < 8.0 * 21


def test_the_announcement_and_the_vehicles_data_come_in_state_3():
    """Interface 4.1, with flags as without: time to answer them (R37)."""
    for flags in (True, False):
        bench = Bench(ControllerConfig(use_sequence_flags=flags))
        bench.until_stage(Stage.READY)
        for cls in (NewChargeSession, EvInformationBattery):
            assert bench.state_at(bench.all_of(cls)[0][0]) is State.CONNECTED_WITH_FULL_INFO


def test_a_plug_pulled_and_put_in_again_between_two_looks_ends_the_session():
    bench = Bench()
    bench.until_stage(Stage.CHARGING)
    bench.run(1.0)
    bench.simulator.do('unplug', now_s=bench.now_s)
    bench.simulator.do('plug_in', now_s=bench.now_s)
    bench.step()
    assert bench.controller.stage is Stage.CLOSING
    bench.until(lambda bench: bench.simulator.sessions == 2)
    assert bench.controller.outcome.is_clean


def test_energy_is_that_of_the_session():
    bench = Bench()
    first = bench.until_over().energy_wh
    bench.controller.ask_again()
    bench.until(lambda bench: bench.simulator.sessions == 2)
    assert bench.controller.outcome.energy_wh == pytest.approx(first, rel=0.05)


def test_a_demand_stays_within_what_was_agreed():
    """Interface 4.3: no session of ISO 15118-2 discharges."""
    bench = Bench(
        ControllerConfig(limits=ChargerLimits(max_charger_discharge_current=60.0)),
        VehicleConfig(charge_duration_s=6.0))
    bench.until_stage(Stage.CHARGING)
    bench.run(2.0)
    bench.simulator.do('demand -40', now_s=bench.now_s)
    bench.run(1.0)
    assert bench.controller.power_control.current_range_max == 0.0
    bench.simulator.do('demand nothing', now_s=bench.now_s)
    bench.until_over()
    assert bench.simulator.findings == []


def test_a_controller_with_a_monitor_of_its_own_needs_no_value():
    """R13, A37."""
    bench = Bench(ControllerConfig(insulation_monitor_type='BenderISOCHA425HV'))
    bench.charger.insulation_ohm = 0.0
    assert bench.until_over().is_clean
    assert bench.simulator.findings == []
    bench = Bench(ControllerConfig(insulation_monitor_type='BenderISOCHA425HV'))
    bench.until_stage(Stage.CHARGING)
    bench.vehicle.insulation_resistance_ohm = 10e3
    assert 'R14' in bench.until_over().reason


def test_insulation_is_watched_while_the_vehicle_waits():
    """R14, interface 4.1."""
    bench = Bench(vehicle=dataclasses.replace(CAR, start_delay_s=5.0))
    bench.until_stage(Stage.WAITING_FOR_CHARGE)
    bench.charger.insulation_ohm = 10e3
    bench.until_stage(Stage.EMERGENCY, at_most_s=0.5)


def test_an_emergency_while_closing_lowers_nothing():
    """Interface 4.5."""
    bench = Bench()
    bench.charger.bleeds_to_v = 100.0
    bench.until_stage(Stage.LOWERING)
    bench.simulator.do('stop', now_s=bench.now_s)
    bench.until_stage(Stage.CLOSING)
    bench.run(0.3)
    assert bench.controller.power_control.lower_output_voltage
    bench.simulator.do('emergency evse for 1', now_s=bench.now_s)
    bench.step()
    assert bench.controller.power_control == DcPowerControl()


def test_an_emergency_is_told_before_the_state_that_follows_from_it():
    """Interface 4.5."""
    bench = Bench()
    bench.until_stage(Stage.CHARGING)
    bench.simulator.do('emergency pev', now_s=bench.now_s)
    bench.step()
    now = [type(message) for time_s, message in bench.sent if time_s == bench.sent[-1][0]]
    assert now.index(EmergencyStop) < now.index(AdvanticsControllerStatus)


def test_a_slow_cycle_does_not_stretch_the_steps():
    bench = Bench(ControllerConfig(power_control_period_s=20.0))
    bench.until_stage(Stage.CHARGING)
    assert bench.now_s < 20.0


def test_relays_of_the_controller_close_where_no_copper_is_simulated():
    """R47 with a foreign charger that floats honestly."""
    bench = Bench(
        ControllerConfig(
            pistol=Pistol.CHADEMO, chademo_precharge=True,
            limits=ChargerLimits(is_bidirectional=True, max_charger_discharge_current=60.0)),
        dataclasses.replace(
            CAR, protocols=(Protocol.CHADEMO_2,), is_bidirectional=True,
            max_discharge_current_a=40.0),
        has_plug_link=False)
    bench.simulator.do('start', now_s=0.0)
    bench.charger.modules.connect = lambda _inlet: None
    bench.until_stage(Stage.CONNECTING)
    bench.until_stage(Stage.CHARGING, at_most_s=5.0)


@pytest.mark.parametrize('percent', [29, 57, 58])
def test_state_of_charge_is_told_as_it_is(percent):
    bench = Bench(vehicle=dataclasses.replace(CAR, state_of_charge=percent / 100))
    bench.until(lambda bench: bench.all_of(EvInformationBattery))
    assert bench.all_of(EvInformationBattery)[0][1].present_state_of_charge == percent


FOREIGN_CARS = {
    'CCS': {},
    'range': {'protocols': (Protocol.ISO_15118_20,), 'control_mode': ControlMode.DYNAMIC},
    'range of discharging': {
        'protocols': (Protocol.ISO_15118_20,), 'control_mode': ControlMode.DYNAMIC,
        'is_bidirectional': True, 'direction': Direction.DISCHARGE,
        'max_discharge_current_a': 60.0, 'min_discharge_current_a': 50.0},
    'scheduled discharge': {
        'protocols': (Protocol.ISO_15118_20,), 'is_bidirectional': True,
        'direction': Direction.DISCHARGE, 'max_discharge_current_a': 60.0},
    'CHAdeMO': {'protocols': (Protocol.CHADEMO_2,)},
}


@pytest.mark.parametrize('car', FOREIGN_CARS)
def test_foreign_charger_without_plug_link_completes_a_session(car):
    """Its Power_Modules_Status then stands for the inlet."""
    is_chademo = car == 'CHAdeMO'
    bench = Bench(
        ControllerConfig(
            pistol=Pistol.CHADEMO if is_chademo else Pistol.CCS, enable_iso_part20=True,
            limits=ChargerLimits(is_bidirectional=True, max_charger_discharge_current=80.0)),
        dataclasses.replace(CAR, **FOREIGN_CARS[car]), has_plug_link=False)
    if is_chademo:
        bench.simulator.do('start', now_s=0.0)
    charger = bench.charger

    def report():
        command = charger.command or DcPowerControl()
        volts = command.target_voltage
        if command.power_function is Function.STANDBY and bench.vehicle.contactors_closed:
            volts = bench.vehicle.open_circuit_voltage_v
        elif command.power_function is Function.POWER_TRANSFER:
            volts = bench.vehicle.open_circuit_voltage_v + 5.0
        charger.send(PowerModulesStatus(
            present_voltage=volts,
            present_current=(
                command.current_range_max
                if command.power_function is Function.POWER_TRANSFER else 0.0),
            system_enable=SystemEnable(int(charger.is_announced)),
            insulation_resistance=510e3,
        ))

    charger._report = report
    outcome = bench.until_over()
    assert outcome.is_clean
    assert abs(outcome.energy_wh) > 15
    assert (outcome.energy_wh < 0) is ('discharg' in car)
    assert bench.simulator.findings == []


def test_optional_welding_detection_is_reported_as_state_9():
    bench = Bench(vehicle=dataclasses.replace(CAR, welding_detection_s=0.5))
    assert bench.until_over().is_clean
    assert bench.states()[-4:] == [8, 9, 10, 1]


def test_a_second_session_needs_a_new_plug_in():
    bench = Bench()
    bench.until_over()
    bench.run(3.0)
    assert bench.controller.stage is Stage.WAITING_FOR_PEV
    bench.vehicle.unplug()
    bench.run(0.5)
    bench.vehicle.plug_in()
    bench.until(lambda bench: bench.simulator.sessions == 2)
    assert bench.controller.outcome.is_clean
    assert bench.simulator.findings == []


def test_plug_in_is_remembered_while_no_session_may_start():
    """R35."""
    bench = Bench()
    bench.charger.flags = SequenceControl()
    bench.run(5.0)
    assert bench.controller.stage is Stage.NOT_AVAILABLE
    bench.charger.flags = START_ALLOWED
    bench.until_stage(Stage.NEGOTIATING, at_most_s=1.0)


@pytest.mark.parametrize(('stage', 'spoil', 'words'), [
    (Stage.NOT_AVAILABLE, {'flags': SequenceControl()}, 'Start_Charge_Authorisation = 1'),
    (Stage.FULL_INFO, {'flags_in_session': START_ALLOWED}, 'Charge_Parameters_Done = 1'),
    (Stage.NOT_READY, {'is_enabled': False}, 'System_Enable = Allowed'),
    (Stage.LOWERING, {'bleeds_to_v': 100.0}, '20 V or less'),
])
def test_what_it_waits_for_is_told_once(stage, spoil, words):
    bench = Bench()
    for name, value in spoil.items():
        setattr(bench.charger, name, value)
    bench.until_stage(stage)
    bench.run(8.0)
    told = [text for text in bench.texts() if 'waits for' in text]
    assert len(told) == 1
    assert told[0].startswith(f'{stage.name} waits for') and words in told[0]


def test_withdrawn_permission_leads_to_not_available_only_when_idle():
    """A35."""
    bench = Bench()
    bench.until_stage(Stage.CHARGING)
    bench.charger.flags = SequenceControl()
    bench.charger.flags_in_session = dataclasses.replace(
        bench.charger.flags_in_session, start_charge_authorisation=0)
    assert bench.until_over().is_clean
    assert bench.controller.stage is Stage.NOT_AVAILABLE


def test_flags_sent_while_booting_do_not_count():
    """A7."""
    bench = Bench()
    bench.simulator.receive(encode(START_ALLOWED, index=1), now_s=0.0)
    bench.charger.flags = SequenceControl()
    bench.run(3.0)
    assert bench.controller.stage is Stage.NOT_AVAILABLE


def test_insulation_below_the_threshold_ends_the_session_after_its_time():
    """R12, A1..A3: 100 Ohm/V at 500 V are 50 kOhm, 48 kOhm are not enough."""
    bench = Bench()
    bench.charger.insulation_ohm = 48e3
    outcome = bench.until_over()
    assert outcome.state is Finished.RUSHED_STOP
    assert 'insulation' in outcome.reason
    assert 5 not in bench.states()
    assert math.isnan(outcome.insulation_resistance_ohm)
    assert bench.simulator.verdict()[0] == 1


@pytest.mark.parametrize(('rule', 'ohm', 'is_good'), [
    ('ohm_per_volt', 50e3, True),
    ('absolute', 98e3, False),
    ('absolute', 100e3, True),
])
def test_insulation_rule_is_a_parameter(rule, ohm, is_good):
    bench = Bench(ControllerConfig(insulation_rule=rule, insulation_timeout_s=3.0))
    bench.charger.insulation_ohm = ohm
    bench.until_stage(Stage.PRECHARGE if is_good else Stage.CLOSING)


def test_insulation_is_judged_only_from_90_percent_of_the_voltage():
    """R11."""
    bench = Bench(ControllerConfig(insulation_timeout_s=3.0))
    bench.until_stage(Stage.TESTING)
    bench.charger.modules.set_point = lambda setpoint, now_s: None
    bench.until_stage(Stage.CLOSING)
    assert 'insulation' in bench.until_over().reason


def test_insulation_has_to_be_good_ten_times_in_a_row():
    """A2."""
    bench = Bench()
    bench.until_stage(Stage.TESTING)
    bench.until(lambda bench: bench.controller.status.present_voltage > 450.0)
    bench.run(0.8)
    bench.charger.insulation_ohm = 10e3
    bench.run(0.1)
    bench.charger.insulation_ohm = None
    start_s = bench.now_s
    bench.until_stage(Stage.LOWERING)
    assert bench.now_s - start_s == pytest.approx(1.0, abs=0.11)


def test_nothing_is_lowered_while_the_vehicle_is_connected_on_an_early_end():
    """A charger without contactors of its own would bleed the battery."""
    bench = Bench()
    bench.until_stage(Stage.WAITING_FOR_CHARGE)
    bench.charger.is_enabled = False
    bench.until_stage(Stage.CLOSING)
    lowered = False
    while bench.simulator.sessions == 0:
        bench.step()
        is_lowering = bool(bench.controller.power_control) and bool(
            bench.controller.power_control.lower_output_voltage)
        assert not (is_lowering and bench.vehicle.contactors_closed)
        lowered = lowered or is_lowering
    assert lowered
    assert bench.charger.modules.breaches == []


def test_insulation_fault_while_charging_is_an_emergency():
    """R14."""
    bench = Bench()
    bench.until_stage(Stage.CHARGING)
    bench.run(1.0)
    bench.charger.insulation_ohm = 20e3
    bench.until_stage(Stage.EMERGENCY, at_most_s=0.3)
    assert 'R14' in bench.until_over().reason


def test_silence_of_the_charger_is_an_emergency_after_500_ms():
    """R3 and 4.5: Emergency_Stop with origin EVSE, Off with open contactors, Rushed_Stop."""
    bench = Bench()
    bench.until_stage(Stage.CHARGING)
    bench.run(1.0)
    bench.charger.is_reporting = False
    last_s = bench.controller.situation.charger.status_at_s
    bench.until_stage(Stage.EMERGENCY, at_most_s=1.0)
    stopped_s = bench.all_of(EmergencyStop)[0][0]
    assert stopped_s - last_s == pytest.approx(0.5, abs=2 * TICK_S)
    bench.run(1.0)
    emergencies = [time_s for time_s, _ in bench.all_of(EmergencyStop)]
    assert len(emergencies) == 11
    last_command = bench.all_of(DcPowerControl)[-1][1]
    assert last_command == DcPowerControl()
    assert bench.all_of(ChargeSessionFinished)[-1][1].state is Finished.RUSHED_STOP
    outcome = bench.until_over()
    assert 'R3' in outcome.reason
    assert [finding.rule for finding in bench.simulator.findings] == ['R3']
    count = len(bench.all_of(EmergencyStop))
    bench.run(1.0)
    assert len(bench.all_of(EmergencyStop)) == count
    assert not bench.vehicle.contactors_closed


def test_silence_before_the_session_is_nobodys_fault():
    """R2: outside of a session the modules may sleep."""
    bench = Bench()
    bench.charger.is_reporting = False
    bench.until_stage(Stage.FULL_INFO)
    bench.charger.is_reporting = True
    assert bench.until_over().is_clean
    assert bench.simulator.findings == []


def test_modules_that_never_wake_make_the_vehicle_leave():
    bench = Bench()
    bench.charger.is_enabled = False
    outcome = bench.until_over()
    assert 'patience' in outcome.reason
    assert outcome.duration_s > 40


def test_system_enable_withdrawn_before_the_loop_ends_the_session():
    """R7, A6: unavailable, no emergency."""
    bench = Bench()
    bench.until_stage(Stage.PRECHARGE)
    bench.charger.is_enabled = False
    outcome = bench.until_over()
    assert 'before the charging loop' in outcome.reason
    assert outcome.state is Finished.RUSHED_STOP
    assert bench.all_of(EmergencyStop) == []


def test_system_enable_withdrawn_in_the_loop_is_an_emergency():
    """R8: the charger's own, and its right."""
    bench = Bench()
    bench.until_stage(Stage.CHARGING)
    bench.run(1.0)
    bench.charger.is_enabled = False
    bench.until_stage(Stage.EMERGENCY, at_most_s=0.2)
    assert bench.all_of(EmergencyStop)[0][1].origin is EmergencyStop.Origin.EVSE
    assert 'R8' in bench.until_over().reason
    assert bench.simulator.findings == []


def test_system_enable_from_before_the_announcement_does_not_count():
    """A6: waiting ends with the first Allowed after New_Charge_Session."""
    bench = Bench()
    bench.charger.is_announced = True
    bench.until_stage(Stage.NEGOTIATING)
    bench.run(1.0)
    bench.charger.is_enabled = False
    bench.until_stage(Stage.NOT_READY)
    bench.run(2.0)
    assert bench.controller.stage is Stage.NOT_READY


def test_lower_maximum_current_lowers_the_running_request():
    """R32, A44."""
    bench = Bench()
    bench.until_stage(Stage.CHARGING)
    bench.run(2.0)
    assert bench.controller.power_control.current_range_max == 100.0
    bench.charger.send(DcPowerParameters(maximum_charge_current=40.0))
    bench.step()
    assert bench.controller.power_control.current_range_max == 40.0
    assert bench.all_of(DcPowerControl)[-1][0] == bench.now_s - TICK_S
    assert bench.until_over().is_clean
    assert bench.simulator.findings == []


@pytest.mark.parametrize(('parameters', 'expected_a'), [
    (DcPowerParameters(), 100.0),
    (DcPowerParameters(maximum_charge_current=0.0), 100.0),
    (DcPowerParameters(maximum_charge_current=60.0), 60.0),
    (DcPowerParameters(maximum_charge_current=6553.5), 100.0),
])
def test_zero_means_the_default_and_nothing_exceeds_it(parameters, expected_a):
    """R33."""
    bench = Bench()
    bench.charger.send(parameters)
    bench.until_stage(Stage.CHARGING)
    bench.run(2.0)
    assert bench.controller.power_control.current_range_max == expected_a


def test_maximum_voltage_is_the_test_voltage():
    bench = Bench()
    bench.charger.send(DcPowerParameters(maximum_voltage=450.0))
    bench.until_stage(Stage.TESTING)
    assert bench.controller.power_control.target_voltage == 450.0


def test_configured_power_limits_the_current():
    bench = Bench(ControllerConfig(limits=ChargerLimits(max_charger_power=20e3)))
    bench.until_stage(Stage.CHARGING)
    bench.run(3.0)
    command = bench.controller.power_control
    volts = bench.vehicle.inlet_voltage_v
    assert command.current_range_max * volts == pytest.approx(20e3, rel=0.02)


def press(bench):
    """Press and release the stop button."""
    bench.charger.send(dataclasses.replace(
        bench.charger.flags_in_session, user_stop_button=1))
    bench.run(0.1)
    bench.charger.send(bench.charger.flags_in_session)


def test_stop_button_ends_a_charge_in_the_regular_way():
    """R39."""
    bench = Bench(vehicle=VehicleConfig())
    bench.until_stage(Stage.CHARGING)
    bench.run(2.0)
    press(bench)
    outcome = bench.until_over()
    assert outcome.is_clean
    assert 'button' in outcome.reason
    assert bench.states()[-4:] == [7, 8, 10, 1]
    assert bench.simulator.findings == []


@pytest.mark.parametrize('stage', [
    Stage.NOT_AVAILABLE, Stage.WAITING_FOR_PEV, Stage.NEGOTIATING])
@pytest.mark.parametrize('by_flag', [True, False])
def test_a_stop_button_outside_of_a_session_does_nothing(stage, by_flag):
    """R39: pressed, and pressed for long, before anything was agreed."""
    bench = Bench(ControllerConfig(boot_s=0.1, negotiation_s=1.0))
    bench.until_stage(stage)
    if by_flag:
        press(bench)
    else:
        bench.controller.press_stop()
    outcome = bench.until_over()
    assert outcome.is_clean
    assert outcome.reason.endswith('charging time is over')


def test_a_stop_button_after_the_end_is_not_kept_for_the_next_session():
    bench = Bench(vehicle=VehicleConfig(charge_duration_s=1.0))
    bench.until_stage(Stage.CLOSING)
    while bench.controller.outcome is None:
        bench.run(0.05)
    press(bench)
    bench.controller.press_stop()
    bench.run(0.2)
    assert bench.vehicle.stop_reason == 'the planned charging time is over'


def test_stop_button_held_from_before_does_not_act():
    """R39: only the change from 0 to 1."""
    bench = Bench()
    bench.charger.flags = dataclasses.replace(START_ALLOWED, user_stop_button=1)
    bench.charger.flags_in_session = dataclasses.replace(
        bench.charger.flags_in_session, user_stop_button=1)
    assert bench.until_over().reason.endswith('charging time is over')
    assert [finding.rule for finding in bench.simulator.findings] == ['R39']


@pytest.mark.parametrize(('stage', 'state'), [
    (Stage.FULL_INFO, Finished.RUSHED_STOP),
    (Stage.TESTING, Finished.RUSHED_STOP),
    (Stage.PRECHARGE, Finished.CLEAN_STOP),
    (Stage.WAITING_FOR_CHARGE, Finished.CLEAN_STOP),
])
def test_stop_button_works_in_any_stage(stage, state):
    """A26: only the three steps make a clean stop."""
    bench = Bench()
    bench.until_stage(stage)
    bench.step()
    press(bench)
    outcome = bench.until_over()
    assert 'button' in outcome.reason
    assert outcome.state is state
    assert bench.simulator.findings == []
    assert bench.charger.modules.breaches == []


def authorising(valid):
    bench = Bench(ControllerConfig(free_service=False))
    bench.until_stage(Stage.AUTHORISATION)
    bench.run(3.0)
    assert bench.controller.state is State.CCS_AUTHORISATION_PROCESS
    bench.charger.flags_in_session = dataclasses.replace(
        bench.charger.flags_in_session, ccs_authorisation_done=1, ccs_authorisation_valid=valid)
    return bench


def test_granted_authorisation_goes_on():
    """R36."""
    assert authorising(1).until_over().is_clean


def test_refused_authorisation_ends_the_session_before_any_power():
    """R36."""
    bench = authorising(0)
    outcome = bench.until_over()
    assert outcome.state is Finished.RUSHED_STOP
    assert 'refused' in outcome.reason
    assert 3 not in bench.states()
    assert bench.all_of(NewChargeSession) == []


def test_end_of_charge_waits_for_the_current_but_not_forever():
    """A10: step 1 every 50 ms, at most 3 s; the charger is to blame (R42)."""
    bench = Bench()
    bench.until_stage(Stage.CHARGING)
    bench.charger.obeys_standby = False
    bench.until_stage(Stage.ENDING_CURRENT)
    start_s = bench.now_s
    bench.until_stage(Stage.ENDING_OPEN)
    assert bench.now_s - start_s == pytest.approx(3.0, abs=2 * TICK_S)
    standbys = [time_s for time_s, _ in bench.all_of(DcPowerControl) if time_s >= start_s]
    assert len(standbys) == pytest.approx(60, abs=2)
    bench.charger.obeys_standby = True
    outcome = bench.until_over()
    assert outcome.state is Finished.RUSHED_STOP
    assert [finding.rule for finding in bench.simulator.findings] == ['R42']
    assert bench.simulator.verdict()[0] == 1


def test_unplugging_while_charging_ends_the_session():
    bench = Bench()
    bench.until_stage(Stage.CHARGING)
    bench.run(1.0)
    bench.vehicle.unplug()
    outcome = bench.until_over()
    assert outcome.state is Finished.RUSHED_STOP
    assert 'unplugged' in outcome.reason


def test_emergency_button_holds_until_it_is_released():
    """R38."""
    bench = Bench()
    bench.until_stage(Stage.CHARGING)
    bench.run(1.0)
    bench.controller.emergency_stop('button pressed', now_s=bench.now_s)
    bench.run(10.0)
    assert bench.controller.stage is Stage.EMERGENCY
    assert bench.all_of(EmergencyStop)[-1][0] > bench.now_s - 0.2
    bench.controller.release_emergency()
    bench.until_over()
    assert bench.controller.emergency_origin is None
    assert bench.controller.outcome.state is Finished.RUSHED_STOP
    assert bench.charger.modules.breaches == []


def test_an_emergency_may_outlast_the_session():
    """Interface 4.5: it goes on in State 1, and no session begins before it is over."""
    bench = Bench(ControllerConfig(emergency_outlasts_session=True))
    bench.until_stage(Stage.CHARGING)
    bench.simulator.do('emergency evse', now_s=bench.now_s)
    bench.until_stage(Stage.WAITING_FOR_PEV)
    bench.controller.ask_again()
    bench.run(2.0)
    assert bench.controller.stage is Stage.WAITING_FOR_PEV
    assert bench.all_of(EmergencyStop)[-1][0] > bench.now_s - 0.2
    bench.simulator.do('release', now_s=bench.now_s)
    bench.until_stage(Stage.NEGOTIATING, at_most_s=1.0)
    assert bench.all_of(EmergencyStop)[-1][0] < bench.now_s - 0.01


@pytest.mark.parametrize('stage', [Stage.NEGOTIATING, Stage.TESTING, Stage.CHARGING])
def test_a_lost_link_to_the_vehicle_ends_the_session_rushed(stage):
    """Interface 4.1."""
    bench = Bench()
    bench.until_stage(stage)
    bench.run(1.0)
    bench.simulator.do('lose_link', now_s=bench.now_s)
    outcome = bench.until_over()
    assert outcome.state is Finished.RUSHED_STOP
    assert 'does not answer' in outcome.reason
    assert not bench.vehicle.contactors_closed


def test_emergency_of_the_vehicle_names_it():
    bench = Bench()
    bench.until_stage(Stage.CHARGING)
    bench.controller.emergency_stop(
        'vehicle fault', origin=EmergencyStop.Origin.PEV, now_s=bench.now_s)
    bench.run(0.5)
    assert bench.all_of(EmergencyStop)[0][1].origin is EmergencyStop.Origin.PEV


def test_malformed_and_foreign_frames_change_nothing():
    bench = Bench()
    bench.until_stage(Stage.CHARGING)
    good = encode(PowerModulesStatus(), index=1)
    for frame in (
        dataclasses.replace(good, data=good.data[:5]),
        dataclasses.replace(good, can_id=good.can_id + (1 << 24)),
        dataclasses.replace(good, can_id=good.can_id + (1 << 24), data=good.data[:5]),
        dataclasses.replace(good, is_extended=False),
        dataclasses.replace(good, data=good.data[:6] + b'\x07\xff'),
    ):
        bench.simulator.receive(frame, now_s=bench.now_s)
    bench.step()
    assert bench.controller.stage is Stage.CHARGING
    # The short frame of another pistol is not this charger's.
    assert [finding.rule for finding in bench.simulator.findings] == ['1.4', 'R6']
    assert [
        event.kind for event in bench.simulator.events if event.kind is Kind.BUS] == [Kind.BUS]


def with_pace(period_s, **vehicle):
    bench = Bench(
        ControllerConfig(power_control_pace='vehicle'),
        VehicleConfig(request_period_s=period_s, charge_duration_s=20.0, **vehicle))
    bench.until_over(200.0)
    assert bench.controller.outcome.is_clean
    return bench


def gaps_in_transfer(bench):
    times = [time_s for time_s, message in bench.all_of(DcPowerControl)
             if message.power_function is Function.POWER_TRANSFER]
    return [b - a for a, b in itertools.pairwise(times)]


@pytest.mark.parametrize('period_s', [0.03, 0.25, 4.0])
def test_the_vehicle_sets_the_pace_of_power_control(period_s):
    """R26, A9: no frame but those that answer the vehicle."""
    gaps = gaps_in_transfer(with_pace(period_s))
    assert all(abs(gap - period_s) <= TICK_S + 1e-6 for gap in gaps)


def test_the_pace_may_jitter():
    gaps = gaps_in_transfer(with_pace(0.2, request_jitter=0.5))
    assert min(gaps) < 0.15 and max(gaps) > 0.25


def test_in_the_vehicles_pace_single_commands_go_out_once():
    """Interface 4.1: READY, the end of the precharge, and waiting."""
    bench = with_pace(0.1, start_delay_s=3.0)
    functions = [encode(message, index=1).data[6] for _, message in bench.all_of(DcPowerControl)]
    counts = [(key, len(list(group))) for key, group in itertools.groupby(functions)]
    assert [count for key, count in counts if key == 0x41][:2] == [1, 1]


def test_a_delayed_start_of_hours_is_no_reason_to_lose_patience():
    """R48; only the controller and its vehicle, so that hours pass quickly."""
    vehicle = Vehicle(VehicleConfig(start_delay_s=3 * 3600.0))
    controller = Controller(ControllerConfig(use_sequence_flags=False), vehicle)
    vehicle.plug_in()
    standbys, now_s = 0, 0.0
    while controller.stage is not Stage.CHARGING:
        # Ten times a second is enough: it is how often the modules report.
        now_s += 0.1
        volts = {Stage.TESTING: 500.0, Stage.PRECHARGE: 364.7}.get(controller.stage, 0.0)
        if controller.stage is Stage.WAITING_FOR_CHARGE:
            volts, standbys = 364.7, standbys + 1
        controller.receive(PowerModulesStatus(
            present_voltage=volts, system_enable=SystemEnable.ALLOWED,
            insulation_resistance=510e3), now_s=now_s)
        vehicle.observe(InletReading(volts, 0.0))
        vehicle.tick(now_s=now_s)
        controller.tick(now_s=now_s)
        assert now_s < 11000
    assert standbys == pytest.approx(3 * 36000, abs=2)


def test_hot_modules_lower_the_request_and_end_the_charge():
    """R50: half the current at 85 degrees, where it ends."""
    bench = Bench(vehicle=VehicleConfig())
    bench.until_stage(Stage.CHARGING)
    report = bench.charger._report
    celsius = 25.0

    def hot():
        with_temperature = []
        send, bench.charger.send = bench.charger.send, with_temperature.append
        report()
        bench.charger.send = send
        send(dataclasses.replace(with_temperature[0], power_modules_temperature=celsius))

    bench.charger._report = hot
    bench.run(3.0)
    assert bench.controller.power_control.current_range_max == 100.0
    celsius = 80.0
    bench.run(1.0)
    assert bench.controller.power_control.current_range_max == pytest.approx(90.0)
    celsius = 85.0
    assert 'R50' in bench.until_over().reason


def test_a_pause_in_the_transfer_is_a_standby_in_state_7():
    """Interface 4.1."""
    bench = Bench(vehicle=dataclasses.replace(CAR, charge_duration_s=6.0, pauses=((2.0, 1.5),)))
    assert bench.until_over().is_clean
    assert bench.simulator.findings == []
    kinds = [key for key, _ in itertools.groupby(
        (message.power_function, bench.state_at(time_s))
        for time_s, message in bench.all_of(DcPowerControl))]
    where = kinds.index((Function.POWER_TRANSFER, State.CHARGING))
    assert kinds[where:where + 3] == [
        (Function.POWER_TRANSFER, State.CHARGING), (Function.STANDBY, State.CHARGING),
        (Function.POWER_TRANSFER, State.CHARGING)]


def test_vehicle_and_charger_that_do_not_fit_end_before_any_announcement():
    bench = Bench(ControllerConfig(enable_din=False, enable_iso_part2=False))
    outcome = bench.until_over()
    assert 'no common protocol' in outcome.reason
    assert bench.states() == [0, 12, 1, 2, 10, 1]
    assert bench.all_of(NewChargeSession) == []


def test_the_cable_check_can_be_skipped():
    bench = Bench(ControllerConfig(skip_cable_check=True))
    assert bench.until_over().is_clean
    functions = {message.power_function for _, message in bench.all_of(DcPowerControl)}
    assert Function.INSULATION_TEST not in functions
    assert bench.states() == [0, 12, 1, 2, 3, 4, 5, 6, 7, 8, 10, 1]


def test_early_flags_count_where_the_option_says_so():
    """A7."""
    bench = Bench(ControllerConfig(takes_early_flags=True))
    bench.simulator.receive(encode(START_ALLOWED, index=1), now_s=0.0)
    bench.charger.flags = SequenceControl()
    bench.run(1.5)
    assert bench.states()[:2] == [0, 1]


@pytest.mark.parametrize(('pins', 'expected'), [('DC_core', 0), ('DC_extended', 1)])
def test_pins_of_ccs(pins, expected):
    bench = Bench(ControllerConfig(energy_transfer_type=pins))
    bench.until(lambda bench: bench.all_of(NewChargeSession))
    assert bench.all_of(NewChargeSession)[0][1].plug_and_pins == expected


def chademo(vehicle=None, **config):
    bench = Bench(
        ControllerConfig(pistol=Pistol.CHADEMO, **config),
        dataclasses.replace(
            vehicle or CAR, protocols=(Protocol.CHADEMO_1,), open_below_a=5.0),
        modules=ModulesConfig(circuit=CircuitConfig(has_diode=True)))
    return bench


def test_chademo_starts_with_the_button_not_with_the_plug():
    """R46."""
    bench = chademo()
    bench.run(5.0)
    assert bench.controller.stage is Stage.WAITING_FOR_PEV
    bench.controller.press_start(now_s=bench.now_s)
    outcome = bench.until_over()
    assert outcome.is_clean
    assert bench.states() == [0, 12, 1, 2, 3, 4, 6, 7, 8, 10, 1]
    assert Function.PRECHARGE not in {
        message.power_function for _, message in bench.all_of(DcPowerControl)}
    assert bench.simulator.findings == []
    assert bench.charger.modules.breaches == []
    assert 'plug locked' in bench.texts() and 'plug unlocked' in bench.texts()


def test_chademo_starts_with_the_flag_on_its_edge():
    """R39, R46."""
    bench = chademo()
    bench.run(2.0)
    bench.charger.flags = dataclasses.replace(START_ALLOWED, chademo_start_button=1)
    bench.until_stage(Stage.NEGOTIATING, at_most_s=1.0)


def test_a_press_is_remembered_while_no_session_may_start():
    """R35."""
    bench = chademo()
    bench.charger.flags = SequenceControl()
    bench.run(2.0)
    bench.controller.press_start(now_s=bench.now_s)
    bench.run(2.0)
    assert bench.controller.stage is Stage.NOT_AVAILABLE
    bench.charger.flags = START_ALLOWED
    bench.until_stage(Stage.NEGOTIATING, at_most_s=1.0)


def test_a_press_is_forgotten_with_the_plug_pulled():
    bench = chademo()
    bench.charger.flags = SequenceControl()
    bench.run(2.0)
    bench.controller.press_start(now_s=bench.now_s)
    bench.vehicle.unplug()
    bench.run(0.5)
    bench.vehicle.plug_in()
    bench.charger.flags = START_ALLOWED
    bench.run(2.0)
    assert bench.controller.stage is Stage.WAITING_FOR_PEV


def test_chademo_keeps_the_plug_until_10_volts():
    """R18: three times as long as CCS, then the session ends all the same."""
    bench = chademo()
    bench.run(2.0)
    bench.controller.press_start(now_s=bench.now_s)
    bench.until_stage(Stage.CLOSING)
    bench.charger.bleeds_to_v = 15.0
    start_s = bench.now_s
    bench.until_over()
    assert bench.now_s - start_s == pytest.approx(9.0 + 3.0, abs=0.3)
    assert any('plug stays locked' in text for text in bench.texts())


@pytest.mark.parametrize(('amps', 'is_low'), [(4.9, True), (5.1, False)])
def test_chademo_ends_at_5_amperes(amps, is_low):
    """R42."""
    bench = chademo()
    bench.run(2.0)
    bench.controller.press_start(now_s=bench.now_s)
    bench.until_stage(Stage.ENDING_CURRENT)
    bench.charger.is_reporting = False
    bench.controller.receive(PowerModulesStatus(
        present_current=amps, system_enable=SystemEnable.ALLOWED, insulation_resistance=510e3,
    ), now_s=bench.now_s)
    bench.step()
    assert (bench.controller.stage is Stage.ENDING_OPEN) is is_low


def test_chademo_may_do_without_welding_detection():
    """R43."""
    for is_supported, expected in ((True, 9), (False, 8)):
        bench = chademo(
            dataclasses.replace(CAR, welding_detection_s=0.5),
            support_welding_detection=is_supported)
        bench.run(2.0)
        bench.controller.press_start(now_s=bench.now_s)
        bench.until_over()
        assert bench.states()[-3] == expected


def test_another_session_without_unplugging():
    """A42."""
    bench = Bench()
    bench.until_over()
    bench.controller.ask_again()
    bench.until(lambda bench: bench.simulator.sessions == 2)
    assert bench.controller.outcome.is_clean
    assert bench.simulator.findings == []


@pytest.mark.parametrize(('hardware', 'cls', 'name'), [
    ('ADM-CS-SECC', AdmCsSeccInputs, 'digital_input2'),
    ('ADM-CO-CUI1', AdmCoCui1Inputs, 'switch1'),
])
def test_inputs_are_reported_by_the_hardware_that_there_is(hardware, cls, name):
    bench = Bench(ControllerConfig(hardware=hardware))
    bench.run(3.0)
    bench.simulator.do('input 2 1', now_s=bench.now_s)
    count = len(bench.all_of(cls))
    assert count == pytest.approx(2, abs=1)
    bench.step()
    assert len(bench.all_of(cls)) == count + 1
    assert getattr(bench.all_of(cls)[-1][1], name)


def test_outputs_of_the_charger_are_told_when_they_change():
    bench = Bench()
    bench.run(2.0)
    for _ in range(3):
        bench.charger.send(AdmCsSeccOutputs(digital_output1=True, digital_output3=True))
        bench.step()
    assert [text for text in bench.texts() if 'outputs' in text] == [
        'digital outputs 1 to 4: [1, 0, 1, 0]']


@pytest.mark.parametrize('is_precharging, levels', [(False, 0b1011), (True, 0b1010)])
def test_outputs_have_the_levels_that_the_charger_wants_but_for_the_controllers_own(
        is_precharging, levels):
    """R47: with chademo_precharge the first one drives the controller's own relay."""
    bench = Bench(ControllerConfig(pistol=Pistol.CHADEMO, chademo_precharge=is_precharging))
    bench.run(2.0)
    assert bench.charger.plug.poll(InletReading(), now_s=bench.now_s).digital_outputs == 0
    bench.charger.send(AdmCsSeccOutputs(
        digital_output1=True, digital_output2=True, digital_output4=True))
    bench.step()
    # At once, not with the next of the periodic words.
    assert bench.charger.plug.poll(InletReading(), now_s=bench.now_s).digital_outputs == levels
    bench.simulator.do('restart', now_s=bench.now_s)
    bench.run(0.1)
    assert bench.charger.plug.poll(InletReading(), now_s=bench.now_s).digital_outputs == 0


def test_every_stage_has_its_row_its_state_and_its_work():
    situation = Situation(ControllerConfig(), Vehicle())
    work = StageWork(situation, PowerCommands(situation))
    assert set(TRANSITIONS) == set(REPORTED) == set(Stage)
    assert set(work.while_idle) == IDLE_STAGES
    assert set(work.in_session) == set(Stage) - IDLE_STAGES


def test_whatever_ends_a_session_is_its_reason():
    last = {Stage.ENDING_CURRENT, Stage.CLOSING, Stage.EMERGENCY}
    steps_of_the_end = {Stage.ENDING_LOWER, Stage.WELDING_DETECTION}
    for stage, row in TRANSITIONS.items():
        for trigger, after in row.items():
            if after in last and not (
                    stage in steps_of_the_end and trigger is Trigger.STEP_DONE):
                assert trigger in ENDS, (stage, trigger)


def test_every_stage_can_be_reached_and_left():
    reached = {stage for row in TRANSITIONS.values() for stage in row.values()}
    assert reached | {Stage.INITIALISING} == set(Stage)
    for stage, row in TRANSITIONS.items():
        assert set(row.values()) - {stage}
        if stage not in IDLE_STAGES:
            assert Stage.NEGOTIATING not in row.values()


@pytest.mark.parametrize('bad', [
    {'index': 0}, {'index': 32}, {'energy_transfer_type': 'AC'},
    {'power_control_pace': 'fast'}, {'insulation_rule': 'none'}, {'boot_s': -1.0},
])
def test_unusable_configuration_is_refused(bad):
    with pytest.raises(ValueError):
        ControllerConfig(**bad)


def test_sent_messages_survive_the_codec(clean):
    for _, message in clean.sent:
        decoded = decode(encode(message, index=1))
        assert isinstance(decoded, Received)
        assert not decoded.undefined
