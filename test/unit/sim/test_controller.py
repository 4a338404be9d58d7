# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The simulated controller: its session from the first state to the last."""

import dataclasses
import itertools
import math

from controller_bench import Bench, CAR, chademo, Finished, Function, State, SystemEnable, TICK_S
from obedient_charger import START_ALLOWED
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
    EvInformationBattery,
    NewChargeSession,
    PowerModulesStatus,
    SequenceControl,
)
from gi3_ros.core.power.limits import ChargerLimits
from gi3_ros.sim.config import ControllerConfig, Pistol
from gi3_ros.sim.controller import Controller
from gi3_ros.sim.events import Kind
from gi3_ros.sim.plug import InletReading
from gi3_ros.sim.power_commands import PowerCommands
from gi3_ros.sim.protocols import ControlMode, Direction, Protocol
from gi3_ros.sim.situation import Situation
from gi3_ros.sim.stage_work import StageWork
from gi3_ros.sim.stages import ENDS, IDLE_STAGES, REPORTED, Stage, TRANSITIONS, Trigger
from gi3_ros.sim.vehicle import Vehicle
from gi3_ros.sim.vehicle_config import VehicleConfig


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


def test_the_announcement_and_the_vehicles_data_come_in_state_3():
    """Interface 4.1, with flags as without: time to answer them (R37)."""
    for flags in (True, False):
        bench = Bench(ControllerConfig(use_sequence_flags=flags))
        bench.until_stage(Stage.READY)
        for cls in (NewChargeSession, EvInformationBattery):
            assert bench.state_at(bench.all_of(cls)[0][0]) is State.CONNECTED_WITH_FULL_INFO


def test_energy_is_that_of_the_session():
    bench = Bench()
    first = bench.until_over().energy_wh
    bench.controller.ask_again()
    bench.until(lambda bench: bench.simulator.sessions == 2)
    assert bench.controller.outcome.energy_wh == pytest.approx(first, rel=0.05)


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


@pytest.mark.parametrize(('pins', 'expected'), [('DC_core', 0), ('DC_extended', 1)])
def test_pins_of_ccs(pins, expected):
    bench = Bench(ControllerConfig(energy_transfer_type=pins))
    bench.until(lambda bench: bench.all_of(NewChargeSession))
    assert bench.all_of(NewChargeSession)[0][1].plug_and_pins == expected


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
