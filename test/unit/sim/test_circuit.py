# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The circuit between modules and battery: every volt by Kirchhoff, every joule in its place."""

import dataclasses
import math
import random

from modules_bench import (
    BATTERY,
    BLEED,
    CAR,
    CHADEMO,
    charged,
    DT_S,
    OFF,
    regulate,
    relays,
    Rig,
    WITH_DIODE,
)
import pytest

from gi3_ros.core.hardware import ModulesMode, PowerSetpoint
from gi3_ros.sim.circuit import Circuit, CircuitConfig
from gi3_ros.sim.modules_config import Contactors
from gi3_ros.sim.plug import Inlet


def test_bleeding_follows_the_exponential():
    config = CircuitConfig(leakage_ohm=1e12)
    circuit = charged(Circuit(config), 500.0)
    tau_s = config.bleeder_ohm * config.output_capacitance_f
    for step in range(1, 1001):
        circuit.step(DT_S, mode=ModulesMode.BLEED)
        expected_v = 500.0 * math.exp(-step * DT_S / tau_s)
        assert circuit.output_voltage_v == pytest.approx(expected_v, abs=1.0)
    assert circuit.output_voltage_v < 20.0


def test_constant_current_charges_the_capacitors_in_a_straight_line():
    config = CircuitConfig(leakage_ohm=1e12, slew_a_per_s=1e9)
    circuit = Circuit(config)
    for step in range(1, 51):
        circuit.step(DT_S, mode=ModulesMode.REGULATE, voltage_v=500.0, current_a=2.0)
        expected_v = 2.0 * step * DT_S / config.output_capacitance_f
        assert circuit.output_voltage_v == pytest.approx(expected_v, rel=1e-6)
    assert circuit.modules_current_a == 2.0


def test_precharge_resistor_charges_the_pistol_along_the_analytic_curve():
    """Two capacitors joined by a resistor meet at the voltage that keeps the charge."""
    config = CircuitConfig(
        leakage_ohm=1e12, pistol_capacitance_f=400e-6, precharge_ohm=500.0, cable_ohm=1e-3)
    circuit = charged(Circuit(config), 400.0)
    tau_s = config.precharge_ohm * config.output_capacitance_f / 2
    for step in range(1, 501):
        circuit.step(DT_S, precharge_closed=True)
        expected_v = 200.0 * (1.0 - math.exp(-step * DT_S / tau_s))
        assert circuit.pistol_voltage_v == pytest.approx(expected_v, abs=1.0)
    assert circuit.ledger.path_loss_j == pytest.approx(0.5 * 200e-6 * 400.0 ** 2, rel=0.01)


def test_voltage_control_holds_the_setpoint_without_overshoot():
    rig = Rig()
    highest_v = 0.0
    for _ in range(100):
        rig.run(0.01, regulate(500.0, 5.0))
        highest_v = max(highest_v, rig.circuit.output_voltage_v)
    assert rig.circuit.output_voltage_v == pytest.approx(500.0, abs=0.1)
    assert highest_v <= 500.1


def test_current_control_into_a_battery():
    rig = Rig()
    rig.precharge(360.0)
    measured = rig.run(1.0, regulate(420.0, 100.0), inlet=BATTERY)
    assert measured.current_a == pytest.approx(100.0, abs=0.1)
    ohm = 0.07 + rig.circuit.config.cable_ohm
    assert measured.voltage_v == pytest.approx(360.0 + 100.0 * ohm, abs=0.1)


def test_voltage_limit_rules_when_the_battery_is_close_to_it():
    rig = Rig()
    rig.precharge(360.0)
    measured = rig.run(1.0, regulate(364.0, 100.0), inlet=BATTERY)
    assert measured.voltage_v == pytest.approx(364.0, abs=0.01)
    assert measured.current_a == pytest.approx(4.0 / 0.08, rel=0.01)


def test_negative_current_draws_from_the_vehicle():
    rig = Rig()
    rig.precharge(360.0)
    measured = rig.run(1.0, regulate(420.0, -20.0), inlet=BATTERY)
    assert measured.current_a == pytest.approx(-20.0, abs=0.1)
    assert rig.circuit.ledger.battery_j < 0


def test_drawing_stops_before_the_output_turns_negative():
    rig = Rig()
    rig.run(0.5, regulate(360.0, 2.0))
    rig.run(1.0, regulate(360.0, -20.0))
    assert rig.circuit.output_voltage_v == pytest.approx(
        rig.circuit.config.min_discharge_voltage_v, abs=1.0)


def test_ratings_limit_what_is_asked_for():
    rig = Rig()
    rig.precharge(360.0)
    measured = rig.run(1.0, regulate(2000.0, 3000.0), inlet=BATTERY)
    assert measured.current_a == pytest.approx(150.0, abs=0.2)
    stiff = Inlet(True, True, 800.0, 0.07)
    rig = Rig()
    rig.precharge(800.0)
    measured = rig.run(1.0, regulate(1000.0, 150.0), inlet=stiff)
    assert measured.current_a * measured.voltage_v == pytest.approx(60e3, rel=0.01)


def test_energy_and_charge_of_a_whole_charge_add_up_within_one_percent():
    rig = Rig()
    circuit, ledger = rig.circuit, rig.circuit.ledger
    rig.precharge(362.0)
    for setpoint in (
        regulate(420.0, 100.0), regulate(366.0, 100.0), regulate(420.0, -30.0),
        regulate(420.0, 10.0), PowerSetpoint(),
    ):
        rig.run(2.0, setpoint, inlet=BATTERY)
    rig.run(1.0, PowerSetpoint(ModulesMode.BLEED), closed=False)
    spent_j = (
        ledger.bled_j + ledger.leaked_j + ledger.path_loss_j + ledger.battery_loss_j
        + ledger.battery_j + circuit.stored_j
    )
    assert ledger.modules_j > 50e3
    assert spent_j == pytest.approx(ledger.modules_j, rel=0.01)
    assert ledger.vehicle_j == pytest.approx(ledger.battery_j + ledger.battery_loss_j, rel=1e-9)
    assert ledger.vehicle_c + circuit.stored_c == pytest.approx(ledger.modules_c, rel=0.01)
    assert rig.modules.breaches == []


def test_off_floats_and_keeps_its_voltage():
    """R21."""
    rig = Rig()
    rig.run(0.5, regulate(400.0, 5.0))
    rig.run(1.0, PowerSetpoint())
    assert rig.circuit.output_voltage_v > 395.0
    assert rig.circuit.modules_current_a == 0.0


def test_battery_pushes_the_floating_output_to_its_own_voltage():
    """R20: no inrush worth a word when the voltages match."""
    rig = Rig()
    rig.precharge(355.0)
    measured = rig.run(0.5, PowerSetpoint(), inlet=BATTERY)
    assert measured.voltage_v == pytest.approx(360.0, abs=0.1)
    assert rig.modules.breaches == []


# Where each joule goes, step by step


def numeric_loss_j(circuit, output_v, pistol_v):
    """Return what backward Euler loses in the capacitors since these voltages: 1/2 C dv^2."""
    config = circuit.config
    return 0.5 * (
        config.output_capacitance_f * (circuit.output_voltage_v - output_v) ** 2
        + config.pistol_capacitance_f * (circuit.pistol_voltage_v - pistol_v) ** 2
    )


def random_steps(circuit, seed, count=2000, *, short_share=0.0):
    """Throw everything at a circuit, in any order; yields before and after each step."""
    draw = random.Random(seed)
    orders = {}
    for number in range(count):
        if number % 7 == 0:
            orders = {
                'mode': draw.choice([*ModulesMode, ModulesMode.REGULATE]),
                'voltage_v': draw.uniform(0.0, 600.0),
                'current_a': draw.choice([0.0, 2.0, 100.0, -30.0]),
                'output_closed': draw.random() < 0.6, 'precharge_closed': draw.random() < 0.4,
                'inlet': Inlet(draw.random() < 0.8, draw.random() < 0.6,
                               draw.uniform(300.0, 420.0)),
                'is_shorted': short_share > 0.0 and draw.random() < short_share,
            }
        yield 'before', orders
        circuit.step(draw.choice([0.001, 0.001, 0.01]), **orders)
        yield 'after', orders


@pytest.mark.parametrize('config', [CircuitConfig(), WITH_DIODE], ids=['plain', 'diode'])
@pytest.mark.parametrize('short_share', [0.0, 0.2])
@pytest.mark.parametrize('seed', range(5))
def test_every_step_books_every_joule(config, short_share, seed):
    circuit = Circuit(config)
    ledger = circuit.ledger

    def unbooked_j():
        return ledger.modules_j - circuit.stored_j - (
            ledger.bled_j + ledger.shorted_j + ledger.leaked_j + ledger.path_loss_j
            + ledger.vehicle_j)

    for moment, _ in random_steps(circuit, seed, short_share=short_share):
        if moment == 'before':
            before_j = unbooked_j()
            voltages = circuit.output_voltage_v, circuit.pistol_voltage_v
        else:
            assert unbooked_j() - before_j == pytest.approx(
                numeric_loss_j(circuit, *voltages), rel=1e-6, abs=1e-5)
            assert ledger.vehicle_j == pytest.approx(
                ledger.battery_j + ledger.battery_loss_j, rel=1e-9, abs=1e-6)
    if short_share:
        assert ledger.shorted_j > 150.0
    else:
        assert ledger.shorted_j == 0.0
        assert abs(ledger.modules_j) > 1000.0


@pytest.mark.parametrize('config', [CircuitConfig(), WITH_DIODE], ids=['plain', 'diode'])
def test_no_charge_is_lost(config):
    tight = dataclasses.replace(
        config, leakage_ohm=1e15, bleeder_ohm=1e15, pistol_bleed_ohm=1e15)
    circuit = Circuit(tight)
    ledger = circuit.ledger
    for moment, orders in random_steps(circuit, seed=1):
        if moment == 'before':
            orders['inlet'] = dataclasses.replace(
                orders['inlet'], insulation_resistance_ohm=1e12)
        else:
            assert ledger.vehicle_c + circuit.stored_c == pytest.approx(
                ledger.modules_c, rel=1e-9, abs=1e-6)
    assert abs(ledger.vehicle_c) > 1.0


@pytest.mark.parametrize('seed', range(5))
def test_diode_conducts_forwards_or_blocks_and_nothing_between(seed):
    circuit = Circuit(WITH_DIODE)
    seen = set()
    for moment, orders in random_steps(circuit, seed):
        if moment == 'before':
            continue
        assert circuit.output_current_a >= 0.0
        is_closed = orders['output_closed'] or orders['precharge_closed']
        forward_v = circuit.output_voltage_v - circuit.pistol_voltage_v
        if is_closed:
            conducts = circuit.output_current_a > 0.0
            seen.add(conducts)
            assert forward_v > 0.0 if conducts else forward_v <= 0.0
    assert seen == {True, False}


# A diode between the contactors and the pistol


def test_diode_does_not_chatter_where_both_sides_are_equal():
    circuit = charged(Circuit(WITH_DIODE), 360.0)
    circuit.pistol_voltage_v = 360.0
    currents = set()
    for _ in range(1000):
        circuit.step(DT_S, output_closed=True, inlet=BATTERY)
        currents.add(circuit.output_current_a)
        assert circuit.output_voltage_v == pytest.approx(360.0, abs=1.0)
        assert circuit.pistol_voltage_v == pytest.approx(360.0, abs=1e-3)
    assert max(currents) < 0.01


def test_pistol_behind_a_diode_empties_through_its_own_resistor():
    circuit = Circuit(WITH_DIODE)
    circuit.pistol_voltage_v = 400.0
    tau_s = WITH_DIODE.pistol_bleed_ohm * WITH_DIODE.pistol_capacitance_f
    for step in range(1, 301):
        circuit.step(DT_S, output_closed=True)
        expected_v = 400.0 * math.exp(-step * DT_S / tau_s)
        assert circuit.pistol_voltage_v == pytest.approx(expected_v, abs=1.0)
    assert circuit.output_voltage_v == 0.0
    assert circuit.ledger.leaked_j == pytest.approx(0.5 * 2e-6 * 400.0 ** 2, rel=0.02)


def test_resistor_at_the_pistol_belongs_to_the_diode():
    circuit = Circuit(CircuitConfig())
    circuit.pistol_voltage_v = 400.0
    circuit.step(1.0)
    assert circuit.pistol_voltage_v == 400.0


@pytest.mark.parametrize('amps', [2.0, 30.0, 100.0])
@pytest.mark.parametrize('slew_a_per_s', [2000.0, 1e9])
def test_current_limit_holds_while_the_diode_begins_to_conduct(amps, slew_a_per_s):
    """4.2: the output is still low, the modules raise it to the battery by themselves."""
    config = CircuitConfig(has_diode=True, slew_a_per_s=slew_a_per_s)
    circuit = Circuit(config)
    circuit.pistol_voltage_v = 360.0
    raised = []
    for _ in range(1000):
        circuit.step(DT_S, mode=ModulesMode.REGULATE, voltage_v=420.0, current_a=amps,
                     output_closed=True, inlet=BATTERY)
        assert 0.0 <= circuit.output_current_a <= circuit.modules_current_a + 1e-6
        assert circuit.modules_current_a <= amps
        assert circuit.vehicle_current_a <= amps
        raised.append(circuit.output_voltage_v)
    assert raised == sorted(raised)
    assert circuit.modules_current_a == amps
    assert circuit.vehicle_current_a == pytest.approx(amps, abs=0.01)


def test_voltage_control_is_stable_across_the_diode():
    """A setpoint a little above the battery: the difference drives what the resistances let."""
    rig = Rig(CHADEMO)
    rig.run(0.1, OFF, inlet=relays(BATTERY, main=True))
    measured = rig.run(1.0, regulate(364.0, 100.0))
    assert measured.voltage_v == pytest.approx(364.0, abs=0.01)
    assert measured.current_a == pytest.approx(4.0 / 0.08, rel=0.01)
    lower = rig.run(1.0, regulate(350.0, 100.0))
    assert lower.current_a == 0.0 or abs(lower.current_a) < 1e-9
    assert rig.circuit.output_voltage_v == pytest.approx(360.0, abs=1.0)


def test_nothing_is_drawn_from_the_vehicle_through_a_diode():
    rig = Rig(CHADEMO)
    rig.run(0.1, OFF, inlet=relays(BATTERY, main=True))
    rig.run(0.5, regulate(420.0, 10.0))
    rig.run(1.0, regulate(420.0, -20.0))
    assert rig.circuit.output_current_a == 0.0
    # Their own capacitors is all that the modules can empty.
    assert rig.circuit.output_voltage_v == pytest.approx(
        rig.circuit.config.min_discharge_voltage_v, abs=1.0)
    assert rig.circuit.vehicle_current_a == pytest.approx(-360.0 / 50e3 - 360.0 / 1e6, rel=0.01)


@pytest.mark.parametrize('contactors', [Contactors.OWN, Contactors.CONTROLLER])
def test_unidirectional_chademo_charge_behind_a_diode(contactors):
    """4.2: no precharge stage, the battery comes to the pistol while the output is empty."""
    rig = Rig(dataclasses.replace(CHADEMO, contactors=contactors))
    circuit = rig.circuit
    rig.run(0.1, OFF, closed=True, inlet=relays(CAR, main=True))
    rig.run(1.0, regulate(500.0, 2.0))
    assert circuit.pistol_voltage_v == pytest.approx(500.0, abs=0.1)
    rig.run(2.0, BLEED)
    assert circuit.output_voltage_v < 10.0
    assert circuit.pistol_voltage_v < 10.0

    rig.run(0.5, OFF, inlet=relays(BATTERY, main=True))
    assert circuit.pistol_voltage_v == pytest.approx(360.0, abs=0.1)
    assert circuit.output_voltage_v < 10.0
    assert circuit.output_current_a == 0.0
    # L1 after the battery is there harms nobody: the bleeder cannot reach it.
    rig.run(0.5, BLEED)
    assert rig.texts() == []

    measured = rig.run(2.0, regulate(420.0, 100.0))
    assert measured.current_a == pytest.approx(100.0, abs=0.1)
    assert circuit.vehicle_current_a == pytest.approx(100.0, abs=0.1)
    rig.run(0.1, OFF)
    assert circuit.output_current_a == 0.0
    rig.run(1.0, BLEED)
    assert circuit.output_voltage_v < 20.0
    assert circuit.pistol_voltage_v == pytest.approx(360.0, abs=0.1)

    rig.run(0.1, OFF, closed=False, inlet=relays(BATTERY))
    rig.run(1.0, BLEED)
    assert circuit.pistol_voltage_v == pytest.approx(360.0, abs=0.1)
    rig.run(1.0, BLEED, inlet=relays(CAR))
    # R18: the plug is released at 10 V.
    assert circuit.output_voltage_v < 10.0
    assert circuit.pistol_voltage_v < 10.0
    assert rig.texts() == []
    ledger = circuit.ledger
    assert ledger.vehicle_c == pytest.approx(200.0, rel=0.02)
    assert ledger.modules_j == pytest.approx(
        ledger.bled_j + ledger.leaked_j + ledger.path_loss_j + ledger.vehicle_j
        + circuit.stored_j, rel=0.01)
