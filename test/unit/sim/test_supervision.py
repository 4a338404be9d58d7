# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What ends a session in any of its stages: emergencies, stops, a plug that is pulled."""

import dataclasses

from controller_bench import Bench, CAR, Finished, TICK_S
from obedient_charger import START_ALLOWED
import pytest

from gi3_ros.core.interface.signals import (
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    DcPowerControl,
    EmergencyStop,
)
from gi3_ros.sim.config import ControllerConfig
from gi3_ros.sim.stages import Stage
from gi3_ros.sim.vehicle_config import VehicleConfig


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
