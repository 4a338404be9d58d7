# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The precharge stage of CHAdeMO V2G in whole sessions, on simulated copper (R47, A41)."""

import dataclasses
import re

import pytest
from stage_bench import EMERGENCY, OPEN, StageBench, STANDBY, STARTED, TEST, TRANSFER

from gi3_ros.core.hardware import ModulesMode, Stage
from gi3_ros.core.interface.signals import AdvanticsControllerStatus, ChargeSessionFinished
from gi3_ros.core.power.limits import ChargerLimits
from gi3_ros.core.stage.precharge import Kind, Verdict
from gi3_ros.sim.config import ControllerConfig, Pistol
from gi3_ros.sim.contactors import HardwareFault
from gi3_ros.sim.library import load_vehicle
from gi3_ros.sim.link import Link, modules_for, stage_config_for
from gi3_ros.sim.person import Person

State = AdvanticsControllerStatus.State
Fault = HardwareFault
LIMITS = ChargerLimits(is_bidirectional=True, max_charger_discharge_current=60.0)


def session(*, chademo_precharge=False, duration_s=4.0, **modules):
    """Return a V2G charger whose stage is ours, or the controller's, with a van at the plug."""
    config = ControllerConfig(
        pistol=Pistol.CHADEMO, index=1, chademo_precharge=chademo_precharge, limits=LIMITS)
    fitting = modules_for(config, stage_config_for(config))
    return Link(
        controller_config=config, person=Person(sessions=1),
        vehicle_config=load_vehicle('chademo_v2g', {'charge_duration_s': duration_s}),
        modules_config=dataclasses.replace(fitting, **modules))


MOMENTS = {
    'before': lambda link: link.now_s > 1.5,
    'test': lambda link: (
        link.state is State.INSULATION_TEST and link.stage.stage is Stage.CLOSED),
    'connecting': lambda link: (
        link.stage.stage is Stage.OPEN and link.stage.battery_may_be_connected
        and link.state is State.INSULATION_TEST),
    'precharge': lambda link: link.stage.stage is Stage.PRECHARGING,
    'charging': lambda link: link.modules.circuit.output_current_a > 20.0,
}


def play(link, fault, moment):
    """Let the fault happen at a moment and the session end, or none begin."""
    link.run_until(lambda: MOMENTS[moment](link), within_s=30.0)
    link.modules.faults |= {fault}
    link.run_until(
        lambda: link.simulator.sessions == 1 or link.state is State.NOT_AVAILABLE, within_s=60.0)
    return link


def is_refused(link):
    """Tell whether the vehicle that comes again is not let in (R35)."""
    if link.simulator.person.is_gone(link.simulator):
        link.simulator.person = Person(sessions=link.simulator.sessions + 1)
    link.run_until(lambda: link.state is State.NOT_AVAILABLE, within_s=60.0)
    before = link.simulator.sessions
    link.run(8.0)
    return link.state is State.NOT_AVAILABLE and link.simulator.sessions == before


def goes_on(link):
    """Wait for the vehicle that was not let in, until the controller waits for the modules."""
    link.run_until(lambda: link.state is State.CONNECTED_WITH_FULL_INFO, within_s=20.0)


def mend(link):
    """Put everything in order, as people would, and reset what is latched."""
    link.modules.faults = frozenset()
    # Nothing discharges the simulated cable when no vehicle is connected.
    link.modules.circuit.pistol_voltage_v = 0.0
    link.run(1.5)
    if link.stage.stage is Stage.FAULT:
        link.stage.reset_fault(now_s=link.now_s)
    link.run(0.2)
    if link.decision.fault:
        link.power.reset_fault(now_s=link.now_s)


@pytest.mark.parametrize('chademo_precharge', [False, True])
@pytest.mark.parametrize('pistol', [True, False])
@pytest.mark.parametrize('feedback', [True, False])
def test_charges_and_discharges_through_the_stage(chademo_precharge, pistol, feedback):
    link = session(
        chademo_precharge=chademo_precharge, duration_s=6.0,
        measures_pistol=pistol, has_feedback=feedback)
    link.run_until(lambda: link.modules.circuit.output_current_a > 90.0, within_s=30.0)
    link.simulator.controller.set_ocpp_target(-20.0)
    link.run_until(lambda: link.modules.circuit.output_current_a < -19.0, within_s=5.0)
    link.run_until(lambda: link.simulator.sessions == 1, within_s=30.0)
    outcome = link.simulator.controller.outcome
    assert outcome.state is ChargeSessionFinished.State.CLEAN_STOP
    assert outcome.energy_charged_wh > 5.0
    assert outcome.energy_discharged_wh > 1.0
    assert not link.modules.breaches
    assert not link.simulator.findings
    assert not link.modules.is_path_closed
    assert link.modules.circuit.output_voltage_v < 20.0


# welded main, stuck main, precharge relay stuck or welded, resistor open, capacitor shorted,
# feedback wire broken: what is measured decides how early and how exactly it is named.
FAULTS = [
    # fault, moment, feedback, pistol, words of the stage, harm to the hardware
    (Fault.MAIN_WELDED, 'before', 1, 1, 'main relay: is closed although .* welded', ()),
    (Fault.MAIN_WELDED, 'test', 1, 1, 'main relay: did not open .* welded', ('vehicle contact',)),
    (Fault.MAIN_WELDED, 'charging', 1, 1, 'main relay: did not open .* welded', ()),
    (Fault.MAIN_WELDED, 'precharge', 1, 0, 'main relay: is closed although', ('vehicle contact',)),
    (Fault.MAIN_WELDED, 'precharge', 0, 1, 'the voltage jumped by', ('output contactors closed',)),
    (Fault.MAIN_WELDED, 'test', 0, 1, 'rose from .* although open is commanded: main relay or',
     ('vehicle contact',)),
    (Fault.MAIN_WELDED, 'test', 0, 0, 'the voltage jumped by', ('vehicle contact',)),
    (Fault.MAIN_STUCK, 'before', 1, 1, 'main relay did not close within 0.3 s: stuck', ()),
    (Fault.MAIN_STUCK, 'before', 0, 1, 'at the pistol behind closed main relay: stuck open', ()),
    (Fault.MAIN_STUCK, 'connecting', 1, 0, 'main relay did not close within 0.3 s: stuck', ()),
    (Fault.MAIN_STUCK, 'connecting', 0, 0, 'the main relay is not closed, stuck', ()),
    (Fault.MAIN_STUCK, 'charging', 1, 1, 'main relay opened without a command', ('opened under',)),
    (Fault.PRECHARGE_STUCK, 'before', 1, 1, 'precharge relay did not close .* stuck', ()),
    (Fault.PRECHARGE_STUCK, 'before', 0, 1, 'resistor or the precharge relay open', ()),
    (Fault.PRECHARGE_STUCK, 'before', 0, 0, 'no battery came .* relay open', ()),
    (Fault.PRECHARGE_WELDED, 'before', 1, 1, 'precharge relay: is closed although .* welded', ()),
    (Fault.PRECHARGE_WELDED, 'precharge', 1, 1, 'precharge relay: did not open .* welded', ()),
    (Fault.PRECHARGE_WELDED, 'before', 0, 1, 'rose from .* precharge relay welded', ()),
    (Fault.RESISTOR_OPEN, 'before', 1, 1, 'no current flows: is the resistor', ()),
    (Fault.RESISTOR_OPEN, 'precharge', 0, 1, 'no current flows: is the resistor', ()),
    (Fault.RESISTOR_OPEN, 'before', 1, 0, 'no battery came .* resistor', ()),
    (Fault.OUTPUT_SHORTED, 'connecting', 1, 1, '0.7 A flow .* is its capacitor shorted', ()),
    (Fault.OUTPUT_SHORTED, 'connecting', 0, 0, '0.7 A flow .* is its capacitor shorted', ()),
    (Fault.MAIN_FEEDBACK_OPEN, 'before', 1, 1, 'stuck, or the auxiliary contact broken', ()),
    (Fault.MAIN_FEEDBACK_OPEN, 'test', 1, 1, 'or the auxiliary contact broken', ()),
    (Fault.MAIN_FEEDBACK_OPEN, 'charging', 1, 1, r'although \d+.\d A flow: is its wire', ()),
    (Fault.MAIN_FEEDBACK_CLOSED, 'test', 1, 1, 'welded, or the auxiliary contact broken', ()),
    (Fault.MAIN_FEEDBACK_CLOSED, 'precharge', 1, 1, 'V apart: is its wire shorted', ()),
    (Fault.PRECHARGE_FEEDBACK_OPEN, 'before', 1, 1, 'follows: is its wire broken', ()),
    (Fault.PRECHARGE_FEEDBACK_CLOSED, 'precharge', 1, 1, 'or the auxiliary contact broken', ()),
]


@pytest.mark.parametrize('fault, moment, feedback, pistol, words, harm', FAULTS)
def test_a_fault_of_the_hardware(fault, moment, feedback, pistol, words, harm):
    link = play(session(has_feedback=bool(feedback), measures_pistol=bool(pistol)), fault, moment)
    stage, modules = link.stage, link.modules
    # Safe: nothing is delivered, nothing is commanded closed.
    assert link.decision.setpoint.mode is not ModulesMode.REGULATE
    assert not link.charger.command.output_closed
    assert not link.charger.command.precharge_closed
    # Named.
    assert stage.stage is Stage.FAULT, stage.reason
    assert re.search(words, stage.reason), stage.reason
    # Nothing suffers but by the fault itself.
    suffered = [breach.text for breach in modules.breaches]
    assert all(any(text in each for each in suffered) for text in harm), suffered
    assert all(any(text in each for text in harm) for each in suffered), suffered
    # The next session is refused, until all is mended and reset.
    assert is_refused(link)
    assert not link.decision.system_enable
    assert 'fault of ' in link.session.why_not_available(now_s=link.now_s)
    mend(link)
    goes_on(link)
    link.run_until(lambda: modules.circuit.output_current_a > 20.0, within_s=20.0)
    assert len(modules.breaches) == len(suffered)


# Step by step, on the bench


def test_precharge_tells_its_progress():
    bench = StageBench('own_v2g').go_to_connecting().run(0.1)
    bench.vehicle_closed = True
    told = []
    bench.watchers.append(
        lambda bench: told.append(bench.core.take_progress(now_s=bench.now_s)))
    bench.run_to(Stage.CLOSED).run(0.2)
    told = [progress for progress in told if progress is not None]
    assert {progress.kind for progress in told} == {Kind.V2G}
    verdicts = list(dict.fromkeys(progress.verdict for progress in told))
    assert verdicts == [Verdict.RUNNING, Verdict.IN_WINDOW, Verdict.DONE]
    assert told[-1].target_v == pytest.approx(360.0, abs=1.0)
    assert 20.0 < told[-1].energy_j < 40.0
    assert told[-1].energy_j == pytest.approx(bench.resistor_j, rel=0.2)
    assert sum(progress.verdict is Verdict.DONE for progress in told) == 1


@pytest.mark.parametrize('measures_pistol', [True, False])
def test_relay_before_the_battery_or_after_it(measures_pistol):
    """A41: without a measurement the relay closes first, with one the vehicle is waited for."""
    bench = StageBench('own_v2g', measures_pistol=measures_pistol).go_to_connecting().run(1.0)
    assert bench.commands[-1].precharge_closed is not measures_pistol
    bench.vehicle_closed = True
    bench.run_to(Stage.CLOSED)
    assert bench.main
    assert not bench.relay


def test_output_with_more_voltage_than_the_battery_is_precharged_downwards():
    """A41: whichever side has the voltage."""
    bench = StageBench('own_v2g').go_to_connecting().run(0.1)
    bench.output_v = 480.0
    bench.run(0.3)
    bench.vehicle_closed = True
    bench.run_to(Stage.CLOSED)
    assert abs(bench.output_v - 360.0) < 1.0


def test_two_sides_that_are_close_are_no_battery_before_the_controller_says_so():
    bench = StageBench('own_v2g').go_to_connecting().run(0.1)
    # Left over on both sides.
    bench.output_v = bench.pistol_v = 355.0
    bench.vehicle_closed, bench.battery_v = True, 355.0
    bench.run(2.1)
    assert bench.stage is Stage.PRECHARGING
    bench.give(STARTED).run(0.3)
    assert bench.stage is Stage.CLOSED


def test_a_vehicle_that_takes_its_time_is_precharged_when_it_is_ready():
    """Without a measurement: once in vain, then when the controller says so."""
    bench = StageBench('own_v2g', measures_pistol=False).go_to_connecting()
    closed = []
    bench.watchers.append(lambda bench: closed.append(bench.commands[-1].precharge_closed))
    bench.run(30.0)
    assert 'waits until the controller says that the vehicle is ready' in bench.reason
    assert sum(closed) * 0.01 < bench.config.max_precharge_time
    bench.vehicle_closed = True
    bench.give(STARTED).run_to(Stage.CLOSED, within_s=2.0)


@pytest.mark.parametrize('late_s', [0.0, 0.3, 0.6, 0.9, 1.0])
def test_a_battery_that_comes_late_in_an_attempt_is_no_fault(late_s):
    bench = StageBench('own_v2g', measures_pistol=False).go_to_connecting()
    bench.run_to(Stage.PRECHARGING).run(late_s)
    bench.vehicle_closed = True
    bench.run_to(Stage.CLOSED)


def test_resistor_has_to_cool_after_some_attempts():
    bench = StageBench('own_v2g').go_to_connecting().run(0.2)
    bench.vehicle_closed = True
    starts = 0
    for _ in range(5):
        bench.run(0.5)
        if bench.stage is Stage.PRECHARGING:
            starts += 1
            bench.give(OPEN).run(0.2)
            bench.give(STANDBY)
            bench.output_v = 0.0
    assert starts == bench.config.max_precharge_attempts
    assert 'the resistor has to cool' in bench.reason
    bench.run(bench.config.precharge_attempts_period).run_to(Stage.CLOSED)


def test_precharge_relay_is_closed_no_longer_than_its_bound():
    bench = StageBench('own_v2g', max_precharge_energy=1e5, output_capacitance=5e-3)
    bench.go_to_connecting().run(0.2)
    closed = []
    bench.watchers.append(lambda bench: closed.append(bench.commands[-1].precharge_closed))
    bench.vehicle_closed = True
    bench.run(5.0)
    assert bench.stage is Stage.FAULT
    assert 'no match within 3.0 s' in bench.reason
    assert sum(closed) * 0.01 == pytest.approx(bench.config.max_precharge_time, abs=0.05)


def test_no_precharge_behind_modules_that_do_not_float():
    bench = StageBench('own_v2g').go_to_connecting().run(0.1).let(ModulesMode.BLEED)
    bench.vehicle_closed = True
    bench.run(1.0)
    assert bench.stage is Stage.OPEN
    assert 'do not float: BLEED' in bench.reason
    bench.let(ModulesMode.OFF).run_to(Stage.PRECHARGING).let(ModulesMode.REGULATE).run(0.02)
    assert not bench.commands[-1].precharge_closed
    bench.silent.add('setpoint')
    bench.run(1.0)
    assert 'no fresh setpoint' in bench.reason


def test_emergency_opens_both_relays_at_once():
    bench = StageBench('own_v2g').go_to_connecting().run(0.3)
    bench.vehicle_closed = True
    bench.run_to(Stage.PRECHARGING).give(EMERGENCY).run(0.01)
    assert not bench.commands[-1].precharge_closed
    bench = StageBench('own_v2g').go_to_closed()
    bench.current_a = 50.0
    bench.run(0.1).give(EMERGENCY).run(0.01)
    assert not bench.commands[-1].output_closed


def test_opens_at_5_a_in_chademo():
    """R42."""
    bench = StageBench('own_v2g').go_to_closed()
    bench.current_a = -5.1
    bench.run(0.1).give(OPEN).run(0.1)
    assert bench.stage is Stage.UNLOADING
    bench.current_a = -5.0
    bench.run(0.2)
    assert bench.stage is Stage.OPEN


def test_operator_opens_and_closes_with_the_whole_sequence_behind_it():
    bench = StageBench('own_v2g').go_to_closed()
    assert 'held open' in bench.core.request_open(now_s=bench.now_s)
    bench.run(1.0)
    assert bench.stage is Stage.OPEN
    assert bench.core.request_close(now_s=bench.now_s) == 'closing'
    seen = []
    bench.watchers.append(lambda bench: seen.append(bench.stage))
    bench.give(STARTED).run_to(Stage.CLOSED)
    assert list(dict.fromkeys(seen)) == [
        Stage.PRECHARGE_CLOSING, Stage.PRECHARGING, Stage.CLOSING, Stage.RELEASING, Stage.CLOSED]


@pytest.mark.parametrize('installation', ['own_v2g', 'controller_v2g'])
def test_silence_of_the_controller_opens(installation):
    bench = StageBench(installation).go_to_closed()
    bench.silent.add('controller')
    bench.run(0.5)
    assert bench.stage is Stage.OPEN
    bench.silent.clear()
    bench.run(1.0)
    assert bench.stage is not Stage.CLOSED


# The stage that the controller runs


def test_a_voltage_that_jumps_is_no_precharge():
    bench = StageBench('controller_v2g', measures_pistol=False).go_to_connecting().run(0.1)
    bench.vehicle_closed = bench.main = True
    bench.run_to(Stage.FAULT)
    assert 'jumped by' in bench.reason
    assert 'chademo_precharge' in bench.reason


def test_waits_for_the_controllers_close_after_the_precharge():
    """A41: Output_Contactors is the main relay."""
    bench = StageBench('controller_v2g', measures_pistol=False).go_to_connecting().give(OPEN)
    bench.run(0.1).vehicle_closed = True
    bench.relay = True
    bench.run(1.5)
    assert bench.stage is Stage.PRECHARGING
    assert 'waits until the controller says Close' in bench.reason
    bench.main = True
    bench.give(STANDBY).run(0.1)
    assert bench.stage is Stage.CLOSED


@pytest.mark.parametrize('amps', [0.1, -0.1])
def test_power_through_the_resistor_is_no_closed_path(amps):
    """The controller says Close, and its main relay is stuck."""
    bench = StageBench('controller_v2g', measures_pistol=False).go_to_connecting().run(0.1)
    bench.vehicle_closed = bench.relay = True
    bench.run_to(Stage.CLOSED).run(0.2)
    bench.is_commanded = True
    bench.run(0.1).current_a = amps
    bench.give(TRANSFER).let(ModulesMode.REGULATE).run(0.2)
    assert bench.stage is Stage.FAULT
    assert 'the main relay is not closed' in bench.reason


def test_a_second_close_in_a_session_is_not_trusted():
    bench = StageBench('controller_v2g').go_to_closed().give(OPEN).run(0.2)
    assert bench.stage is Stage.OPEN
    bench.give(STANDBY).run(1.0)
    assert bench.stage is Stage.OPEN
    bench.state = State.WAITING_FOR_PEV
    bench.run(0.5).state = State.INSULATION_TEST
    bench.vehicle_closed = bench.main = False
    bench.output_v = 0.0
    bench.run(0.2).give(STANDBY).give(TEST).run(0.1)
    assert bench.stage is Stage.CLOSED
