# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whole sessions of charger and simulator on one made-up clock, through the real codec."""

import dataclasses
import itertools
import random

import pytest
from scenario_bench import found_in

from gi3_ros.core.hardware import ContactorCommand, ModulesMode, Stage
from gi3_ros.core.interface import codec
from gi3_ros.core.interface.frame import Frame
from gi3_ros.core.interface.signals import (
    AdvanticsControllerStatus,
    DcPowerControl,
    DcPowerParameters,
    EmergencyStop,
    MESSAGES,
    NewChargeSession,
    PowerModulesStatus,
    SequenceControl,
)
from gi3_ros.core.power.limits import ChargerLimits
from gi3_ros.core.power.parameters import PowerConfig
from gi3_ros.core.power.phases import Phase
from gi3_ros.core.power.setpoint import Priority
from gi3_ros.core.stage.output_stage import StageConfig
from gi3_ros.sim.circuit import CircuitConfig
from gi3_ros.sim.config import ControllerConfig, Pistol
from gi3_ros.sim.link import Link
from gi3_ros.sim.modules_config import ModulesConfig
from gi3_ros.sim.protocols import Protocol
from gi3_ros.sim.vehicle_config import VehicleConfig

State = AdvanticsControllerStatus.State


def plugged(charge_s=5.0, *, controller=None, **configs):
    link = Link(
        controller_config=controller or ControllerConfig(boot_s=0.1, negotiation_s=0.2),
        vehicle_config=VehicleConfig(charge_duration_s=charge_s), **configs)
    # The power modules need their time to wake.
    link.run(2.0)
    link.simulator.vehicle.plug_in()
    return link


def charging(**options):
    link = plugged(60.0, **options)
    link.run_until(lambda: link.state is State.CHARGING, within_s=20.0)
    link.run(2.0)
    assert link.modules.circuit.vehicle_current_a > 90.0
    return link


def ended(link, within_s=60.0):
    link.run_until(lambda: link.simulator.sessions == 1, within_s=within_s)
    return link.simulator.controller.outcome


def sent(link, cls):
    """Return the times and messages of a kind that were on the bus."""
    decoded = ((t, codec.decode(frame)) for t, frame in link.frames)
    return [(t, got.message) for t, got in decoded
            if isinstance(got, codec.Received) and isinstance(got.message, cls)]


def test_a_session_ends_clean_without_a_finding_and_without_harm():
    link = plugged(20.0)
    assert ended(link).is_clean
    assert link.simulator.verdict()[0] == 0
    assert link.simulator.findings == []
    assert link.modules.breaches == []
    story = link.session.story(now_s=link.now_s)
    into_battery_wh = link.modules.circuit.ledger.vehicle_j / 3600
    assert story.energy_charged_wh == pytest.approx(into_battery_wh, rel=0.01)
    assert story.end_reason == 'Clean_Stop'
    # Nothing but the insulation discharges the pistol's side.
    link.run(5.0)
    assert link.session.is_safe_to_unplug(now_s=link.now_s)


def test_the_controller_sees_byte_six_in_the_order_of_the_interface():
    """Interface 2.3 and 4.4, as frames on the bus."""
    link = plugged()
    ended(link)
    functions = [frame.data[6] for _, frame in link.frames
                 if frame.can_id & 0xFFFFFF == DcPowerControl.BASE_ID]
    order = [key for key, _ in itertools.groupby(functions)]
    assert order[:7] == [0x00, 0x41, 0x42, 0xC1, 0x64, 0x41, 0x48]
    assert order[7:10] == [0x41, 0x01, 0x81]


def test_two_sessions_one_after_the_other():
    link = plugged()
    assert ended(link).is_clean
    link.simulator.vehicle.unplug()
    link.run(2.0)
    link.simulator.vehicle.plug_in()
    link.run_until(lambda: link.simulator.sessions == 2, within_s=60.0)
    assert link.simulator.controller.outcome.is_clean
    assert link.simulator.findings == []


def test_the_same_start_gives_the_same_frames():
    first, second = plugged(), plugged()
    for link in (first, second):
        ended(link)
    assert first.frames == second.frames


def test_status_is_periodic_through_the_whole_session():
    link = plugged()
    ended(link)
    times = [t for t, _ in sent(link, PowerModulesStatus)]
    assert max(b - a for a, b in itertools.pairwise(times)) <= 0.111


def test_controller_gone_in_the_transfer():
    link = charging()
    link.is_controller_alive = False
    gone_s = link.now_s
    link.run_until(lambda: link.decision.setpoint.mode is ModulesMode.OFF, within_s=1.0)
    assert link.now_s - gone_s <= 0.2 + 0.1 + 0.02, 'a status every 100 ms, then 200 ms and a tick'
    link.run(2.0)
    assert link.modules.circuit.vehicle_current_a == pytest.approx(0.0, abs=0.1)
    assert link.stage.stage is Stage.OPEN
    assert 'controller silent' in link.decision.fault
    assert link.modules.breaches == [], 'opened only after the current was gone'
    link.is_controller_alive = True
    link.run(5.0)
    assert link.decision.phase is Phase.FAULT


def test_power_control_gone_in_the_transfer():
    """The modules' driver, the output stage and the controller each come to rest by themselves."""
    link = charging()
    link.charger.is_alive['power'] = False
    link.run(0.4)
    assert link.modules.circuit.modules_current_a == 0.0, 'the driver hears nothing for 300 ms'
    outcome = ended(link, within_s=10.0)
    assert not outcome.is_clean
    assert {finding.rule for finding in link.simulator.findings} == {'R3'}
    assert link.stage.stage is Stage.OPEN
    assert link.modules.breaches == []


def test_output_stage_gone_in_the_transfer():
    link = charging()
    link.charger.is_alive['stage'] = False
    link.run(2.0)
    assert 'output stage silent' in link.decision.fault
    assert link.modules.circuit.output_current_a == pytest.approx(0.0, abs=0.1)
    assert not link.modules.feedback().output, 'the driver opens without commands'
    assert link.modules.breaches == []


def test_driver_gone_in_the_transfer():
    link = charging()
    link.charger.is_alive['driver'] = False
    link.run(1.0)
    assert 'power modules silent' in link.decision.fault
    last_s, last = sent(link, PowerModulesStatus)[-1]
    assert not last.system_enable
    assert link.now_s - last_s > 0.5, 'silence after it'


@pytest.mark.parametrize('origin', list(EmergencyStop.Origin))
def test_emergency_in_the_transfer(origin):
    link = charging()
    link.simulator.controller.emergency_stop('button', origin=origin, now_s=link.now_s)
    link.run(0.02)
    assert link.decision.setpoint.mode is ModulesMode.OFF
    link.run(2.0)
    assert link.stage.stage is Stage.OPEN
    assert origin.name in link.decision.fault
    assert link.modules.circuit.output_voltage_v < 20.0, 'emptied behind open contactors'


def test_operator_emergency_reaches_the_controller_as_system_enable():
    """R8."""
    link = charging()
    link.power.emergency_stop('smoke', now_s=link.now_s)
    outcome = ended(link, within_s=15.0)
    assert not outcome.is_clean
    assert 'R8' in outcome.reason
    assert link.simulator.findings == []


def test_a_rebooted_controller_and_a_reset_close_no_contactor():
    """A Close from before must not put the battery on the modules (and nobody asked again)."""
    link = charging()
    link.is_controller_alive = False
    link.run(3.0)
    status = AdvanticsControllerStatus(State.WAITING_FOR_PEV)
    for second in range(5):
        for _ in range(10):
            link.run(0.1)
            link.hear(codec.encode(status, index=1))
        if second == 2:
            link.power.reset_fault(now_s=link.now_s)
    assert link.stage.stage is Stage.OPEN
    assert link.decision.phase is Phase.IDLE


def test_never_safe_to_unplug_with_a_voltage_at_the_pistol():
    link = plugged()
    seen_safe = []
    link.run_until(lambda: link.state is State.CHARGING, within_s=20.0)
    over_s = None
    while over_s is None or link.now_s - over_s < 6.0:
        link.step()
        if link.simulator.sessions and over_s is None:
            over_s = link.now_s
        if link.session.is_safe_to_unplug(now_s=link.now_s):
            seen_safe.append(link.modules.circuit.pistol_voltage_v)
    assert seen_safe
    assert max(seen_safe) <= 21.0, 'a reading may be 40 ms old'


def test_user_stop_ends_clean():
    link = charging()
    link.session.stop_charge(now_s=link.now_s)
    assert ended(link).is_clean
    assert link.simulator.findings == []


def test_a_lease_lowers_what_the_vehicle_asks_for_and_ends():
    """R32, A44."""
    link = charging()
    link.power.request_current(
        30.0, duration_s=3.0, priority=Priority.OPERATOR, source='test', now_s=link.now_s)
    link.run(2.5)
    assert link.modules.circuit.vehicle_current_a == pytest.approx(30.0, abs=0.5)
    link.run(4.0)
    assert link.modules.circuit.vehicle_current_a == pytest.approx(100.0, abs=1.0)
    assert link.simulator.findings == []


LESS = [
    {'max_charger_current': 40.0}, {'max_cable_current': 32.5}, {'max_charger_power': 10e3},
    {'max_cable_power': 8e3}, {'max_charger_voltage': 450.0, 'max_charger_current': 40.0},
]


def weaker(change, **options):
    """Return a session of a controller with 120 A and a charger that can do less."""
    theirs = ControllerConfig(
        boot_s=0.1, negotiation_s=0.2,
        limits=ChargerLimits(max_charger_current=120.0, max_cable_current=120.0))
    ours = dataclasses.replace(theirs.limits, **change)
    return plugged(12.0, controller=theirs, power_config=PowerConfig(limits=ours, **options))


def warnings_of(link):
    return [entry.text for entry in link.charger.journal if entry.level == 'warning']


@pytest.mark.parametrize('change', LESS, ids=str)
def test_a_charger_of_less_than_the_controller_thinks_is_asked_for_no_more(change):
    """R24, R32, R33: with 0 in DC_Power_Parameters it would be the controller's 120 A."""
    link = weaker(change)
    assert ended(link).is_clean
    assert link.simulator.findings == []
    assert found_in(link.frames) == frozenset()
    assert warnings_of(link) == []
    most_a = max(each.current_range_max for _, each in sent(link, DcPowerControl)
                 if each.power_function is DcPowerControl.PowerFunction.POWER_TRANSFER)
    volts = link.simulator.vehicle.open_circuit_voltage_v
    largest_a, _ = link.power.config.limits.largest(discharging=False, voltage_v=volts)
    assert most_a == pytest.approx(largest_a, rel=0.05)
    tested_v = {each.target_voltage for _, each in sent(link, DcPowerControl)
                if each.power_function is DcPowerControl.PowerFunction.INSULATION_TEST}
    assert tested_v == {link.power.config.limits.max_voltage_v}
    told = [each for _, each in sent(link, DcPowerParameters)]
    assert all(each.maximum_charge_current > 0 < each.maximum_voltage for each in told)


@pytest.mark.parametrize('change, words', [
    ({'max_charger_current': 40.0}, ['Maximum_Charge_Current 40 A', 'at most 40 A']),
    ({'max_cable_current': 32.5}, ['Maximum_Charge_Current 32.5 A', 'at most 32.5 A']),
])
def test_a_controller_that_does_not_follow_what_it_was_told_is_named_once(change, words):
    link = weaker(change)
    _deafen(link.simulator.controller, DcPowerParameters)
    assert ended(link).is_clean
    said = warnings_of(link)
    assert len(said) == 1
    for word in ('controller commands', 'max_charger_current in its configuration', *words):
        assert word in said[0]
    assert {rule for _, rule in found_in(link.frames)} == {'R33'}, 'the charger is not accused'


def test_where_the_controllers_own_limit_is_meant_0_is_told():
    link = weaker({'max_charger_current': 40.0}, tell_maximum_charge_current=False)
    ended(link)
    assert {each.maximum_charge_current for _, each in sent(link, DcPowerParameters)} == {0.0}
    assert {each.maximum_voltage for _, each in sent(link, DcPowerParameters)} == {500.0}


def test_limits_lowered_in_mid_session_are_followed_and_given_back_to_what_we_can():
    link = weaker({'max_charger_current': 40.0})
    link.run_until(lambda: link.state is State.CHARGING, within_s=20.0)
    link.run(3.0)
    for wished_a, flows_a in ((15.0, 15.0), (0.0, 40.0)):
        link.power.request_limits(
            voltage_v=0.0, charge_current_a=wished_a, discharge_current_a=0.0,
            now_s=link.now_s)
        link.run(3.0)
        assert link.modules.circuit.vehicle_current_a == pytest.approx(flows_a, abs=0.5)
    assert ended(link).is_clean
    assert found_in(link.frames) == frozenset()


def test_a_battery_above_what_the_charger_told_is_turned_away_before_any_power():
    """The charger has the last word on its voltage, too (R33)."""
    link = weaker({'max_charger_voltage': 350.0})
    outcome = ended(link)
    assert 'charger and cable can do 0..350 V' in outcome.reason
    assert link.decision.fault == ''
    assert link.modules.circuit.ledger.battery_j == 0.0


def _deafen(controller, cls):
    """Let nothing of a kind arrive, now and before."""
    receive = controller.receive

    def take(message, *, now_s):
        if not isinstance(message, cls):
            receive(message, now_s=now_s)
    controller.receive = take
    controller.situation.charger.parameters = cls()


@pytest.mark.parametrize('order', ['before', 'after'])
@pytest.mark.parametrize('entries, wake_up_s', [
    ({}, 0.5), ({}, 8.0), ({'free_service': False}, 4.0), ({'use_sequence_flags': False}, 4.0),
    ({'pistol': Pistol.CHADEMO, 'index': 3}, 4.0),
])
def test_a_session_goes_well_whether_it_is_announced_before_its_state_or_in_it(
        order, entries, wake_up_s):
    """A4: in the maker's diagrams State 3 comes after Charge_Parameters_Done."""
    controller = ControllerConfig(boot_s=0.1, negotiation_s=0.2, state_order=order, **entries)
    is_chademo = controller.is_chademo
    link = Link(
        controller_config=controller, modules_config=ModulesConfig(
            wake_up_s=wake_up_s, circuit=CircuitConfig(has_diode=is_chademo)),
        vehicle_config=VehicleConfig(charge_duration_s=3.0, **(
            {'protocols': (Protocol.CHADEMO_1,)} if is_chademo else {})))
    link.run(1.5)
    link.simulator.plug_in(now_s=link.now_s)
    if is_chademo:
        link.simulator.do('start', now_s=link.now_s)
    assert ended(link).is_clean
    assert link.simulator.findings == []
    assert found_in(link.frames) == frozenset()
    moves = [entry.text for entry in link.charger.journal if ' -> ' in entry.text]
    assert sum(text.startswith(('IDLE -> WAKING', 'WAKING -> ')) for text in moves) == 2
    states = [each.state for _, each in sent(link, AdvanticsControllerStatus)]
    first = next(time_s for time_s, _ in sent(link, NewChargeSession))
    begun = [time_s for time_s, each in sent(link, AdvanticsControllerStatus)
             if each.state is State.CONNECTED_WITH_FULL_INFO]
    assert (begun[0] > first) is (order == 'after')
    order_of_states = [state for state, _ in itertools.groupby(states)]
    assert order_of_states == [
        *sorted(order_of_states[:-1], key=_ORDER.index), State.WAITING_FOR_PEV]


@pytest.mark.parametrize('order', ['before', 'after'])
def test_an_announced_session_waits_for_its_parameters_without_moving(order):
    """A4, R37: somebody decides for 8 s, and the state may be the one from before the session."""
    link = plugged(3.0, controller=ControllerConfig(
        boot_s=0.1, negotiation_s=0.2, state_order=order))
    controller = link.simulator.controller
    receive = controller.receive

    def take(message, *, now_s):
        if isinstance(message, SequenceControl) and now_s < 12.0:
            message = dataclasses.replace(message, charge_parameters_done=0)
        receive(message, now_s=now_s)
    controller.receive = take
    link.run_until(lambda: controller.stage.name == 'FULL_INFO', within_s=5.0)
    began_s = link.now_s
    link.run_until(lambda: controller.stage.name != 'FULL_INFO', within_s=15.0)
    assert link.now_s - began_s > 8.0
    assert ended(link).is_clean
    moves = [entry.text for entry in link.charger.journal if 'IDLE' in entry.text]
    assert moves == ['IDLE -> WAKING (session announced)', 'STANDBY -> IDLE (controller idle)'][
        :len(moves)]
    assert found_in(link.frames) == frozenset()


_ORDER = [
    State.INITIALISING, State.NOT_AVAILABLE, State.WAITING_FOR_PEV,
    State.NEGOTIATING_CONNECTION, State.CCS_AUTHORISATION_PROCESS,
    State.CONNECTED_WITH_FULL_INFO, State.INSULATION_TEST, State.PRECHARGE,
    State.WAITING_FOR_CHARGE, State.CHARGING, State.ENDING_CHARGE, State.WELDING_DETECTION,
    State.CLOSING_COMMUNICATION,
]


def test_authorisation_refused():
    link = plugged(controller=ControllerConfig(
        boot_s=0.1, negotiation_s=0.2, free_service=False))
    link.session.config = type(link.session.config)(auto_authorise=False)
    link.run_until(lambda: link.state is State.CCS_AUTHORISATION_PROCESS, within_s=5.0)
    link.session.authorise(False, now_s=link.now_s)
    assert not ended(link, within_s=20.0).is_clean
    assert link.modules.circuit.output_voltage_v < 1.0


def test_insulation_too_low_ends_before_any_power():
    link = plugged()
    link.simulator.vehicle.insulation_resistance_ohm = 20e3
    assert not ended(link, within_s=60.0).is_clean
    assert link.modules.circuit.ledger.battery_j == 0.0


def test_without_own_contactors_nothing_is_bled_out_of_the_battery():
    link = plugged(
        stage_config=StageConfig(installation='none'))
    # Contactors on the controller's relay: closed when it says so.
    link.stage.tick = lambda *, now_s: _relay(link)
    link.stage.stage = Stage.CLOSED
    ended(link)
    assert not any('bled' in breach.text for breach in link.modules.breaches)


def _relay(link):
    command = link.simulator.controller.power_control
    return ContactorCommand(output_closed=bool(command and command.output_contactors))


def test_a_flood_of_foreign_and_broken_frames_disturbs_nothing():
    link = charging()
    rng = random.Random(3)
    for _ in range(10_000):
        link.hear(_rubbish(rng))
        if rng.random() < 0.02:
            link.step()
    link.frames.clear()
    link.session.stop_charge(now_s=link.now_s)
    assert ended(link).is_clean
    assert link.simulator.findings == []


HARMLESS = [base_id for base_id, cls in MESSAGES.items()
            if cls.NAME not in ('Emergency_Stop', 'Charge_Session_Finished',
                                'Advantics_Controller_Status')]
"""A forged one of the three others says what a true one says, and is obeyed."""


def _rubbish(rng):
    data = rng.randbytes(rng.randrange(9))
    kind = rng.random()
    if kind < 0.4:
        return Frame(rng.getrandbits(29), data)
    if kind < 0.5:
        return Frame(rng.getrandbits(11), data, is_extended=False)
    if kind < 0.7:
        return Frame(rng.choice(list(MESSAGES)) | rng.randrange(2, 32) << 24, data[:0])
    return Frame(rng.choice(HARMLESS) | 1 << 24, data)
