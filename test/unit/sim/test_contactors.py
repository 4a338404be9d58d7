# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What lies between modules and pistol: who moves it, what is seen of it, how it breaks."""

import dataclasses
import math

from modules_bench import (
    AWAKE,
    BARE,
    BATTERY,
    BLEED,
    CAR,
    charged,
    counted_steps,
    OFF,
    ON_OUTPUTS,
    ON_RELAYS,
    outputs,
    regulate,
    relays,
    Rig,
)
import pytest

from gi3_ros.core.hardware import Contact, ContactorCommand
from gi3_ros.sim.contactors import HardwareFault, parse_faults
from gi3_ros.sim.modules import PowerModules
from gi3_ros.sim.plug import CircuitEnd, Inlet, MAX_AGE_S, UNPLUGGED, VehicleEnd

# The controller's relays


def test_relay_of_the_controller_moves_in_its_time_and_commands_do_nothing():
    modules = PowerModules(ON_RELAYS)
    charged(modules.circuit, 10.0)
    modules.advance(now_s=0.0)
    modules.command(ContactorCommand(output_closed=True, precharge_closed=True), now_s=0.0)
    modules.advance(now_s=0.5)
    assert modules.circuit.pistol_voltage_v == 0.0
    modules.connect(Inlet(relay_closed=True))
    modules.advance(now_s=0.530)
    assert modules.circuit.pistol_voltage_v == 0.0
    modules.advance(now_s=0.532)
    assert modules.circuit.pistol_voltage_v == pytest.approx(10.0, abs=0.1)
    modules.command(ContactorCommand(), now_s=0.6)
    # No command for longer than COMMAND_TIMEOUT_S either.
    modules.advance(now_s=3.0)
    charged(modules.circuit, 8.0)
    modules.advance(now_s=3.01)
    assert modules.circuit.pistol_voltage_v == pytest.approx(8.0, abs=0.1)
    modules.connect(Inlet(relay_closed=False))
    modules.advance(now_s=3.04)
    charged(modules.circuit, 0.0)
    modules.advance(now_s=3.05)
    assert modules.circuit.pistol_voltage_v == pytest.approx(8.0, abs=0.1)


@pytest.mark.parametrize('config', [ON_RELAYS, BARE], ids=['controller', 'none'])
def test_without_own_contactors_nothing_is_known_about_them(config):
    rig = Rig(config)
    rig.run(0.1, regulate(300.0, 5.0), closed=True, inlet=relays(CAR, main=True))
    feedback = rig.modules.feedback()
    assert (feedback.output, feedback.precharge) == (Contact.UNKNOWN, Contact.UNKNOWN)
    assert math.isnan(feedback.pistol_voltage_v)


def test_relays_open_when_the_plug_link_falls_silent():
    circuit_end, modules = CircuitEnd(0), PowerModules(ON_RELAYS)
    vehicle_end = VehicleEnd(circuit_end.port)
    charged(modules.circuit, 10.0)
    seen_v = {}
    for ms in range(0, 1000, 10):
        if ms < 200:
            vehicle_end.send(Inlet(relay_closed=True))
        modules.advance(now_s=ms / 1000)
        modules.connect(circuit_end.poll(modules.reading(), now_s=ms / 1000))
        seen_v[ms] = modules.circuit.pistol_voltage_v
        # The pistol follows the output as long as the relay is closed.
        modules.circuit.output_voltage_v -= 0.05
    silent_ms = 190 + round(1000 * MAX_AGE_S)
    assert seen_v[silent_ms] < seen_v[silent_ms - 100]
    assert seen_v[990] == pytest.approx(seen_v[silent_ms + 50], abs=1e-6)
    vehicle_end.close()
    circuit_end.close()


def test_v2g_precharge_through_the_resistor_of_the_controller():
    """R47: the battery fills the output through 500 Ohm before the main relay closes."""
    rig = Rig(ON_RELAYS)
    circuit = rig.circuit
    rig.run(0.1, OFF, inlet=relays(CAR, main=True))
    rig.run(1.0, regulate(500.0, 2.0))
    rig.run(2.0, BLEED)
    rig.run(0.1, OFF, inlet=relays(CAR))
    rig.run(0.5, OFF, inlet=relays(BATTERY))
    assert circuit.pistol_voltage_v == pytest.approx(360.0, abs=0.1)
    assert circuit.output_voltage_v < 1.0

    rig.run(0.03, OFF, inlet=relays(BATTERY, precharge=True))
    began_v, began_s = circuit.output_voltage_v, rig.now_s
    tau_s = circuit.config.precharge_ohm * circuit.config.output_capacitance_f
    while circuit.pistol_voltage_v - circuit.output_voltage_v > 15.0:
        rig.run(0.01, OFF)
        expected_v = 360.0 - (360.0 - began_v) * math.exp(-(rig.now_s - began_s) / tau_s)
        assert circuit.output_voltage_v == pytest.approx(expected_v, abs=1.0)
        assert circuit.output_current_a > -360.0 / 500.0
    assert rig.now_s - began_s == pytest.approx(tau_s * math.log(360.0 / 15.0), abs=0.03)
    # Half of what the battery gives is lost in the resistor, whatever its size.
    assert -circuit.ledger.battery_j == pytest.approx(400e-6 * 360.0 ** 2, rel=0.1)

    rig.run(0.1, OFF, inlet=relays(BATTERY, main=True, precharge=True))
    assert circuit.output_voltage_v == pytest.approx(360.0, abs=0.1)
    rig.run(0.1, OFF, inlet=relays(BATTERY, main=True))
    measured = rig.run(1.0, regulate(420.0, -20.0))
    assert measured.current_a == pytest.approx(-20.0, abs=0.1)
    measured = rig.run(1.0, regulate(420.0, 20.0))
    assert measured.current_a == pytest.approx(20.0, abs=0.1)
    rig.run(0.1, OFF)
    rig.run(0.1, OFF, inlet=relays(BATTERY))
    rig.run(2.0, BLEED)
    assert circuit.output_voltage_v < 10.0
    assert rig.texts() == []


# The controller's digital outputs


@pytest.mark.parametrize('main', range(5))
@pytest.mark.parametrize('precharge', range(5))
def test_coils_hang_on_the_outputs_that_they_are_said_to(main, precharge):
    config = dataclasses.replace(ON_OUTPUTS, main_output=main, precharge_output=precharge)
    for levels in range(16):
        rig = Rig(config)
        rig.run(0.05, OFF, inlet=Inlet(digital_outputs=levels))
        feedback = rig.modules.feedback()
        is_high = [False, *(bool(levels & bit) for bit in (1, 2, 4, 8))]
        assert (feedback.output, feedback.precharge) == (is_high[main], is_high[precharge])


def test_coils_on_outputs_take_their_time_and_obey_nobody_else():
    modules = PowerModules(ON_OUTPUTS)
    modules.advance(now_s=0.0)
    modules.command(ContactorCommand(output_closed=True, precharge_closed=True), now_s=0.0)
    modules.connect(Inlet(relay_closed=True, precharge_relay_closed=True))
    modules.advance(now_s=0.1)
    assert not modules.is_path_closed
    modules.connect(Inlet(digital_outputs=0b0100))
    modules.advance(now_s=0.130)
    assert modules.feedback().output is Contact.OPEN
    modules.advance(now_s=0.131)
    assert modules.feedback().output is Contact.CLOSED
    modules.command(ContactorCommand(), now_s=0.2)
    # No command for longer than COMMAND_TIMEOUT_S either.
    modules.advance(now_s=3.0)
    assert modules.feedback().output is Contact.CLOSED
    modules.connect(UNPLUGGED)
    modules.advance(now_s=3.020)
    assert modules.feedback().output is Contact.CLOSED
    modules.advance(now_s=3.021)
    assert modules.feedback().output is Contact.OPEN


def test_v2g_precharge_by_the_outputs():
    """R47, with a stage of the charger's own."""
    rig = Rig(ON_OUTPUTS)
    rig.run(0.1, OFF, inlet=BATTERY)
    rig.run(1.0, OFF, inlet=outputs(BATTERY, 0b0010))
    assert rig.modules.feedback().pistol_voltage_v == pytest.approx(360.0, abs=0.1)
    assert rig.circuit.output_voltage_v == pytest.approx(360.0, abs=4.0)
    rig.run(0.1, OFF, inlet=outputs(BATTERY, 0b0110))
    rig.run(0.1, OFF, inlet=outputs(BATTERY, 0b0100))
    measured = rig.run(1.0, regulate(420.0, -20.0))
    assert measured.current_a == pytest.approx(-20.0, abs=0.1)
    assert rig.texts() == []
    rig.run(0.1, inlet=BATTERY)
    assert rig.texts() == ['output contactors opened under 20 A']


# What is seen of the charger's contactors


CLOSED_BOTH = dataclasses.replace(CAR, digital_outputs=0b0110)


@pytest.mark.parametrize('config', [AWAKE, ON_OUTPUTS], ids=['own', 'outputs'])
def test_without_auxiliary_contacts_no_position_is_known(config):
    rig = Rig(dataclasses.replace(config, has_feedback=False))
    rig.modules.faults = {
        HardwareFault.MAIN_FEEDBACK_CLOSED, HardwareFault.PRECHARGE_FEEDBACK_OPEN}
    rig.run(0.1, OFF, closed=True, precharge=True, inlet=CLOSED_BOTH)
    feedback = rig.modules.feedback()
    assert (feedback.output, feedback.precharge) == (Contact.UNKNOWN, Contact.UNKNOWN)
    assert feedback.pistol_voltage_v == 0.0
    assert rig.modules.is_path_closed


@pytest.mark.parametrize('config', [AWAKE, ON_OUTPUTS], ids=['own', 'outputs'])
def test_voltage_at_the_pistol_that_is_not_measured_is_nan(config):
    rig = Rig(dataclasses.replace(config, measures_pistol=False))
    rig.run(0.1, OFF, closed=True, precharge=True, inlet=CLOSED_BOTH)
    feedback = rig.modules.feedback()
    assert (feedback.output, feedback.precharge) == (Contact.CLOSED, Contact.CLOSED)
    assert math.isnan(feedback.pistol_voltage_v)


# What breaks


CONTACTS = {'main': 'output', 'precharge': 'precharge'}
WITH_CONTACTORS = [AWAKE, ON_RELAYS, ON_OUTPUTS]
NAMES = ['own', 'controller', 'outputs']


def drive(rig, part, closed):
    """Let the coil of one part be driven, whoever does so."""
    main, precharge = (closed and part == each for each in ('main', 'precharge'))
    inlet = outputs(relays(CAR, main=main, precharge=precharge), 4 * main + 2 * precharge)
    rig.run(0.1, OFF, closed=main, precharge=precharge, inlet=inlet)


@pytest.mark.parametrize('config', WITH_CONTACTORS, ids=NAMES)
@pytest.mark.parametrize('part', CONTACTS)
@pytest.mark.parametrize('was_closed', [False, True])
def test_welded_contacts_are_closed_until_they_are_mended(config, part, was_closed):
    rig = Rig(config)
    drive(rig, part, was_closed)
    rig.modules.faults |= {HardwareFault(f'{part}_welded')}
    for closed in (was_closed, False, True, False):
        drive(rig, part, closed)
        assert rig.modules.is_path_closed
        assert getattr(rig.modules.feedback(), CONTACTS[part]) is (
            Contact.UNKNOWN if config is ON_RELAYS else Contact.CLOSED)
    drive(rig, part, True)
    rig.modules.faults = frozenset()
    rig.run(0.1)
    assert rig.modules.is_path_closed, 'the coil holds them'
    drive(rig, part, False)
    assert not rig.modules.is_path_closed


@pytest.mark.parametrize('config', WITH_CONTACTORS, ids=NAMES)
@pytest.mark.parametrize('part', CONTACTS)
@pytest.mark.parametrize('was_closed', [False, True])
def test_stuck_contacts_are_open_until_they_are_mended(config, part, was_closed):
    rig = Rig(config)
    drive(rig, part, was_closed)
    rig.modules.faults |= {HardwareFault(f'{part}_stuck')}
    for closed in (was_closed, True, False, True):
        drive(rig, part, closed)
        assert not rig.modules.is_path_closed
        assert getattr(rig.modules.feedback(), CONTACTS[part]) is (
            Contact.UNKNOWN if config is ON_RELAYS else Contact.OPEN)
    drive(rig, part, False)
    rig.modules.faults = frozenset()
    rig.run(0.1)
    assert not rig.modules.is_path_closed, 'the coil does not hold them'
    drive(rig, part, True)
    assert rig.modules.is_path_closed


@pytest.mark.parametrize(('part', 'ohm'), [('main', 0.01), ('precharge', 500.0)])
def test_current_finds_the_welded_path(part, ohm):
    rig = Rig()
    rig.modules.faults = {HardwareFault(f'{part}_welded')}
    rig.run(1.0, OFF, closed=False, inlet=CAR)
    rig.run(1.0, regulate(300.0, 2.0))
    assert rig.circuit.pistol_voltage_v == pytest.approx(300.0, abs=1.0)
    measured = rig.run(1.0, regulate(420.0, 100.0), inlet=BATTERY)
    expected_a = min(100.0, 60.0 / (ohm + 0.07))
    assert measured.current_a == pytest.approx(expected_a, rel=0.01)


def test_welding_onto_a_battery_and_falling_open_under_load_are_suffered():
    rig = Rig()
    rig.run(0.1, OFF, closed=False, inlet=BATTERY)
    rig.modules.faults = {HardwareFault.MAIN_WELDED}
    rig.run(0.5, OFF)
    rig.run(0.5, regulate(420.0, 50.0))
    rig.modules.faults = {HardwareFault.MAIN_STUCK}
    rig.run(0.1, regulate(420.0, 50.0))
    assert rig.texts() == [
        'output contactors closed with 360 V across', 'output contactors opened under 50 A']


def test_welded_contactors_whose_coil_is_released_let_the_circuit_leap(monkeypatch):
    rig = Rig()
    rig.modules.faults = {HardwareFault.MAIN_WELDED}
    rig.run(2.0, OFF)
    steps = counted_steps(monkeypatch)
    rig.run(1.0, OFF)
    assert len(steps) == 100


def test_through_an_open_resistor_nothing_flows():
    rig = Rig()
    rig.modules.faults = {HardwareFault.RESISTOR_OPEN}
    rig.run(0.1, OFF, closed=False, inlet=BATTERY)
    measured = rig.run(1.0, OFF, closed=False, precharge=True)
    assert rig.modules.feedback().precharge is Contact.CLOSED
    assert rig.circuit.output_voltage_v == 0.0
    assert rig.circuit.ledger.path_loss_j == 0.0
    assert measured.insulation_resistance_ohm == rig.circuit.config.charger_insulation_ohm
    assert not rig.modules.is_path_closed
    rig.run(0.2, BLEED)
    rig.modules.faults = frozenset()
    rig.run(0.2, OFF)
    tau_s = rig.circuit.config.precharge_ohm * rig.circuit.config.output_capacitance_f
    assert rig.circuit.output_voltage_v == pytest.approx(
        360.0 * (1.0 - math.exp(-0.2 / tau_s)), rel=0.01)
    assert rig.texts() == []


def test_an_open_resistor_does_not_touch_the_output_contactors():
    rig = Rig()
    rig.modules.faults = {HardwareFault.RESISTOR_OPEN}
    rig.run(0.1, OFF, closed=True, precharge=True, inlet=CAR)
    rig.run(0.5, regulate(360.0, 5.0))
    assert rig.circuit.pistol_voltage_v == pytest.approx(360.0, abs=0.1)


@pytest.mark.parametrize('config', [*WITH_CONTACTORS, BARE], ids=[*NAMES, 'none'])
def test_a_shorted_output_takes_the_current_of_the_modules(config):
    rig = Rig(config)
    rig.run(0.5, regulate(400.0, 5.0), inlet=CAR)
    rig.modules.faults = {HardwareFault.OUTPUT_SHORTED}
    measured = rig.run(0.5, regulate(400.0, 5.0))
    assert measured.voltage_v == pytest.approx(5.0 * 0.5, rel=0.01)
    assert measured.current_a == pytest.approx(0.0, abs=0.01)
    assert rig.circuit.modules_current_a == 5.0
    rig.modules.faults = frozenset()
    assert rig.run(0.5, regulate(400.0, 5.0)).voltage_v == pytest.approx(400.0, abs=0.1)


def test_a_shorted_output_holds_the_precharge_near_zero():
    """The resistor is the one that suffers."""
    rig = Rig()
    rig.modules.faults = {HardwareFault.OUTPUT_SHORTED}
    rig.run(0.1, OFF, closed=False, inlet=BATTERY)
    measured = rig.run(1.0, OFF, closed=False, precharge=True)
    assert measured.current_a == pytest.approx(-360.0 / 500.0, rel=0.01)
    assert measured.voltage_v == pytest.approx(0.36, abs=0.01)
    rig.run(2.0, OFF)
    assert rig.texts() == ['precharge resistor took 502 J in one go']
    assert rig.circuit.ledger.shorted_j == pytest.approx(0.72 ** 2 * 0.5 * 3.0, rel=0.02)


def test_a_short_behind_closed_contactors_is_on_the_battery():
    rig = Rig()
    rig.precharge(360.0)
    rig.run(0.1, OFF, inlet=BATTERY)
    rig.modules.faults = {HardwareFault.OUTPUT_SHORTED}
    measured = rig.run(0.1, OFF)
    assert measured.current_a == pytest.approx(-360.0 / (0.5 + 0.07 + 0.01), rel=0.01)
    assert rig.texts() == ['620.7 A flow through the output contactors although the modules '
                           'are off']


@pytest.mark.parametrize('config', [AWAKE, ON_OUTPUTS], ids=['own', 'outputs'])
@pytest.mark.parametrize('part', CONTACTS)
@pytest.mark.parametrize(('says', 'contact'), [('open', Contact.OPEN), ('closed', Contact.CLOSED)])
def test_a_broken_auxiliary_contact_says_the_same_whatever_the_contactor_does(
        config, part, says, contact):
    rig = Rig(config)
    other = 'precharge' if part == 'main' else 'main'
    rig.modules.faults = {HardwareFault(f'{part}_feedback_{says}')}
    for closed in (False, True):
        drive(rig, part, closed)
        assert rig.modules.is_path_closed is closed
        assert getattr(rig.modules.feedback(), CONTACTS[part]) is contact
        drive(rig, other, closed)
        assert rig.modules.is_path_closed is closed
        assert getattr(rig.modules.feedback(), CONTACTS[other]) == closed
        assert getattr(rig.modules.feedback(), CONTACTS[part]) is contact


@pytest.mark.parametrize(
    'fault', [fault for fault in HardwareFault if fault is not HardwareFault.OUTPUT_SHORTED])
def test_where_there_is_no_contactor_none_breaks(fault):
    rig = Rig(BARE)
    rig.modules.faults = {fault}
    rig.run(0.5, regulate(360.0, 5.0), inlet=CAR)
    assert rig.circuit.pistol_voltage_v == pytest.approx(360.0, abs=0.1)
    assert rig.modules.feedback().output is Contact.UNKNOWN


@pytest.mark.parametrize(('text', 'faults'), [
    ('', set()), (' , ', set()), ('main_welded', {HardwareFault.MAIN_WELDED}),
    ('main_stuck, resistor_open,main_stuck',
     {HardwareFault.MAIN_STUCK, HardwareFault.RESISTOR_OPEN})])
def test_faults_are_named_separated_by_commas(text, faults):
    assert parse_faults(text) == faults


@pytest.mark.parametrize('text', ['main_weld', 'main_stuck, main_weld', 'main_weld main_stuck'])
def test_a_fault_that_does_not_exist_is_refused_with_those_that_do(text):
    with pytest.raises(ValueError, match='main_weld') as refusal:
        parse_faults(text)
    assert all(fault.value in str(refusal.value) for fault in HardwareFault)
