# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The power modules' circuit against what can be calculated by hand."""

import dataclasses
import math
import random

import pytest

from gi3_ros.core.hardware import (
    COMMAND_TIMEOUT_S,
    Contact,
    ContactorCommand,
    DRIVER_TIMEOUT_S,
    ModulesMode,
    PowerSetpoint,
)
from gi3_ros.sim.circuit import Circuit, CircuitConfig
from gi3_ros.sim.contactors import HardwareFault, parse_faults
from gi3_ros.sim.modules import PowerModules
from gi3_ros.sim.modules_config import Contactors, ModulesConfig
from gi3_ros.sim.plug import CircuitEnd, Inlet, MAX_AGE_S, UNPLUGGED, VehicleEnd

DT_S = 0.001
BATTERY = Inlet(
    is_plugged=True, contactors_closed=True, battery_emf_v=360.0, battery_resistance_ohm=0.07)
AWAKE = ModulesConfig(wake_up_s=0.0)
WITH_DIODE = CircuitConfig(has_diode=True)
ON_RELAYS = ModulesConfig(wake_up_s=0.0, contactors=Contactors.CONTROLLER)
ON_OUTPUTS = ModulesConfig(
    wake_up_s=0.0, contactors=Contactors.OUTPUTS, main_output=3, precharge_output=2)
BARE = ModulesConfig(wake_up_s=0.0, contactors=Contactors.NONE)
CHADEMO = dataclasses.replace(ON_RELAYS, circuit=WITH_DIODE)
CAR = dataclasses.replace(BATTERY, contactors_closed=False)
OFF = PowerSetpoint()
BLEED = PowerSetpoint(ModulesMode.BLEED)


def regulate(volts, amps):
    return PowerSetpoint(ModulesMode.REGULATE, volts, amps)


class Rig:
    """Power modules with streams of set-points and contactor commands every 10 ms."""

    def __init__(self, config=AWAKE):
        self.modules = PowerModules(config)
        self.circuit = self.modules.circuit
        self.ms = 0
        self.command = None

    @property
    def now_s(self):
        return self.ms / 1000

    def run(self, seconds, setpoint=None, *, closed=None, precharge=False, inlet=None):
        if inlet is not None:
            self.modules.connect(inlet)
        for _ in range(round(seconds / 0.01)):
            if setpoint is not None:
                self.modules.set_point(setpoint, now_s=self.now_s)
            if closed is not None:
                self.command = ContactorCommand(closed, precharge)
            if self.command is not None:
                self.modules.command(self.command, now_s=self.now_s)
            self.ms += 10
            self.modules.advance(now_s=self.now_s)
        return self.modules.measurement()

    def precharge(self, volts):
        """Close the contactors without a voltage, then bring output and pistol up."""
        self.run(0.1, PowerSetpoint(), closed=True)
        self.run(0.5, regulate(volts, 5.0))

    def texts(self):
        return [breach.text for breach in self.modules.breaches]


def relays(inlet, *, main=False, precharge=False, battery=None):
    """Return the inlet with the controller's relays, and the vehicle's contactors, as given."""
    battery = inlet.contactors_closed if battery is None else battery
    return dataclasses.replace(
        inlet, relay_closed=main, precharge_relay_closed=precharge, contactors_closed=battery)


def outputs(inlet, levels):
    """Return the inlet with the digital outputs of the controller as given."""
    return dataclasses.replace(inlet, digital_outputs=levels)


def charged(circuit, volts):
    """Bring the output to a voltage at once."""
    circuit.output_voltage_v = volts
    return circuit


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


def test_driver_switches_off_300_ms_after_the_last_setpoint():
    modules = PowerModules(AWAKE)
    modules.set_point(regulate(400.0, 5.0), now_s=0.0)
    modules.set_point(regulate(400.0, 5.0), now_s=1.0)
    modules.connect(BATTERY)
    modules.command(ContactorCommand(output_closed=True), now_s=1.0)
    modules.advance(now_s=1.0 + DRIVER_TIMEOUT_S - DT_S)
    assert modules.circuit.modules_current_a > 0
    assert modules.timeouts == 1
    modules.advance(now_s=1.0 + DRIVER_TIMEOUT_S)
    assert modules.circuit.modules_current_a == 0.0
    assert modules.timeouts == 2


@pytest.mark.parametrize('bad', [math.nan, math.inf, -math.inf])
def test_setpoint_that_is_no_number_is_refused_and_keeps_nothing_alive(bad):
    rig = Rig()
    rig.precharge(360.0)
    rig.run(0.5, regulate(420.0, 50.0), inlet=BATTERY)
    rig.run(1.0, regulate(bad, 50.0))
    rig.run(1.0, regulate(420.0, bad))
    assert rig.circuit.modules_current_a == 0.0
    assert rig.circuit.output_voltage_v == pytest.approx(360.0, abs=0.1)
    assert 'not a finite number' in rig.texts()[0]


def test_contactors_open_without_commands_but_not_under_load():
    rig = Rig()
    rig.precharge(360.0)
    rig.run(0.5, regulate(420.0, 50.0), inlet=BATTERY)
    rig.command = None
    rig.run(3.0, regulate(420.0, 50.0))
    assert rig.modules.feedback().output is Contact.CLOSED
    rig.run(0.1, PowerSetpoint())
    assert rig.modules.feedback().output is Contact.OPEN
    assert rig.modules.breaches == []


@pytest.mark.parametrize(
    'silent_s, contact', [(COMMAND_TIMEOUT_S - 0.01, Contact.CLOSED),
                          (COMMAND_TIMEOUT_S + 0.03, Contact.OPEN)])
def test_contactors_open_a_second_after_the_last_command(silent_s, contact):
    rig = Rig()
    rig.run(0.1, PowerSetpoint(), closed=True)
    rig.command = None
    rig.run(silent_s - 0.01, PowerSetpoint())
    assert rig.modules.feedback().output is contact


def test_without_commands_the_precharge_relay_opens_whatever_flows():
    """2 A flow through it: output contactors would be kept closed."""
    config = dataclasses.replace(AWAKE, circuit=CircuitConfig(precharge_ohm=70.0))
    rig = Rig(config)
    rig.run(0.5, regulate(500.0, 5.0), closed=False, inlet=BATTERY)
    rig.run(0.05, OFF, closed=False, precharge=True)
    rig.run(0.5, regulate(500.0, 5.0))
    assert rig.circuit.output_current_a == pytest.approx(2.0, abs=0.01)
    rig.command = None
    rig.run(COMMAND_TIMEOUT_S - 0.01, regulate(500.0, 5.0))
    assert rig.modules.feedback().precharge is Contact.CLOSED
    rig.run(0.03, regulate(500.0, 5.0))
    assert rig.modules.feedback().precharge is Contact.OPEN
    assert rig.texts() == []


def test_without_commands_and_both_closed_the_current_keeps_the_output_contactors_only():
    rig = Rig()
    rig.precharge(360.0)
    rig.run(0.1, OFF, closed=True, precharge=True, inlet=BATTERY)
    rig.run(0.5, regulate(420.0, 50.0))
    rig.command = None
    rig.run(3.0, regulate(420.0, 50.0))
    feedback = rig.modules.feedback()
    assert (feedback.output, feedback.precharge) == (Contact.CLOSED, Contact.OPEN)
    rig.run(0.1, OFF)
    assert rig.modules.feedback().output is Contact.OPEN
    assert rig.texts() == []


def test_stream_of_setpoints_keeps_the_driver_on():
    rig = Rig()
    rig.precharge(360.0)
    rig.run(5.0, regulate(420.0, 50.0), inlet=BATTERY)
    assert rig.modules.timeouts == 0


def test_modules_wake_by_a_stream_and_sleep_without():
    rig = Rig(ModulesConfig(wake_up_s=1.5, sleep_after_s=5.0))
    assert not rig.run(1.0, None).is_ready
    assert not rig.run(1.49, PowerSetpoint()).is_ready
    assert rig.run(0.02, PowerSetpoint()).is_ready
    rig.run(4.0, None)
    assert rig.run(0.1, PowerSetpoint()).is_ready
    rig.run(6.0, None)
    assert not rig.run(0.1, PowerSetpoint()).is_ready


def test_sleeping_modules_give_nothing():
    rig = Rig(ModulesConfig(wake_up_s=1.5))
    rig.run(1.0, regulate(400.0, 10.0))
    assert rig.circuit.output_voltage_v == 0.0


def test_modules_begin_in_the_millisecond_in_which_they_are_awake():
    modules = PowerModules(ModulesConfig(wake_up_s=0.1))
    modules.set_point(regulate(400.0, 10.0), now_s=0.0)
    modules.advance(now_s=0.099)
    assert modules.circuit.output_voltage_v == 0.0
    modules.advance(now_s=0.100)
    assert modules.circuit.output_voltage_v > 0.0


def test_contactors_take_their_time_and_report_their_position():
    modules = PowerModules(AWAKE)
    modules.advance(now_s=0.0)
    modules.command(ContactorCommand(output_closed=True), now_s=0.0)
    modules.advance(now_s=0.029)
    assert modules.feedback().output is Contact.OPEN
    modules.advance(now_s=0.030)
    assert modules.feedback().output is Contact.CLOSED
    modules.command(ContactorCommand(output_closed=False), now_s=0.1)
    modules.advance(now_s=0.119)
    assert modules.feedback().output is Contact.CLOSED
    modules.advance(now_s=0.120)
    assert modules.feedback().output is Contact.OPEN


def test_revoked_command_does_not_close_later():
    rig = Rig()
    rig.run(0.02, closed=True)
    rig.run(1.0, closed=False)
    assert rig.modules.feedback().output is Contact.OPEN


@pytest.mark.parametrize(('volts', 'is_breach'), [(345.0, False), (330.0, True)])
def test_closing_onto_a_voltage_is_recorded_with_its_inrush(volts, is_breach):
    rig = Rig()
    rig.run(0.5, regulate(volts, 5.0), closed=False, inlet=BATTERY)
    rig.run(0.1, PowerSetpoint(), closed=True)
    assert bool(rig.modules.breaches) is is_breach
    if is_breach:
        breach = rig.modules.breaches[0]
        assert breach.values['across_v'] == pytest.approx(30.0, abs=0.5)
        assert breach.values['inrush_a'] > 1000


@pytest.mark.parametrize(('amps', 'is_breach'), [(4.0, False), (50.0, True)])
def test_opening_under_current_is_recorded(amps, is_breach):
    rig = Rig()
    rig.precharge(360.0)
    rig.run(0.5, regulate(420.0, amps), inlet=BATTERY)
    rig.run(0.1, regulate(420.0, amps), closed=False)
    assert any('opened under' in text for text in rig.texts()) is is_breach


def test_bleeding_the_battery_is_recorded_once():
    """R17."""
    rig = Rig()
    rig.precharge(360.0)
    rig.run(0.1, PowerSetpoint(), inlet=BATTERY)
    rig.run(2.0, PowerSetpoint(ModulesMode.BLEED))
    assert rig.texts() == [
        'bleeder on while the vehicle battery is connected through the output contactors']


def test_bleeding_with_open_contactors_is_good():
    rig = Rig()
    rig.precharge(360.0)
    rig.run(0.1, PowerSetpoint(), inlet=BATTERY)
    rig.run(0.1, PowerSetpoint(), closed=False)
    rig.run(2.0, PowerSetpoint(ModulesMode.BLEED))
    assert rig.texts() == []
    assert rig.circuit.output_voltage_v < 20.0
    assert rig.modules.feedback().pistol_voltage_v == pytest.approx(360.0, abs=0.1)


def test_insulation_is_that_of_charger_and_vehicle_together():
    rig = Rig()
    alone_ohm = rig.run(0.1, closed=False).insulation_resistance_ohm
    assert alone_ohm == rig.circuit.config.charger_insulation_ohm
    inlet = Inlet(is_plugged=True, insulation_resistance_ohm=40e3)
    together_ohm = rig.run(0.1, closed=True, inlet=inlet).insulation_resistance_ohm
    assert together_ohm == pytest.approx(1 / (1 / alone_ohm + 1 / 40e3))


def test_modules_warm_up_under_load():
    rig = Rig()
    rig.precharge(360.0)
    measured = rig.run(10.0, regulate(420.0, 100.0), inlet=BATTERY)
    assert 26.0 < measured.power_modules_temperature_c < 60.0


def test_long_pause_of_the_caller_ends_in_off_and_costs_no_time():
    rig = Rig()
    rig.precharge(360.0)
    rig.run(0.5, regulate(420.0, 50.0), inlet=BATTERY)
    rig.modules.advance(now_s=1e6)
    assert rig.circuit.modules_current_a == 0.0
    assert rig.modules.timeouts == 1


def test_noise_is_off_by_default_and_repeatable_with_a_seed():
    def measure(seed):
        rig = Rig(ModulesConfig(wake_up_s=0.0, noise_seed=seed))
        return [rig.run(0.01, regulate(400.0, 5.0)).voltage_v for _ in range(50)]

    assert measure(None) == measure(None)
    assert measure(1) == measure(1)
    assert measure(1) != measure(2)
    assert measure(1)[-1] == pytest.approx(400.0, abs=0.2)


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


# What the hardware suffers from, whoever did it


@pytest.mark.parametrize(('volts', 'is_breach'), [(345.0, False), (330.0, True)])
def test_closing_the_relay_of_the_controller_onto_a_voltage_is_recorded(volts, is_breach):
    rig = Rig(ON_RELAYS)
    rig.run(0.5, regulate(volts, 5.0), inlet=relays(BATTERY))
    rig.run(0.1, OFF, inlet=relays(BATTERY, main=True))
    assert rig.texts() == ['controller relay closed with 30 V across'] * is_breach


@pytest.mark.parametrize(('volts', 'texts'), [
    (0.0, []), (375.0, []), (390.0, ['controller relay closed with 30 V across'])])
def test_a_diode_takes_the_voltage_that_is_across_backwards(volts, texts):
    rig = Rig(CHADEMO)
    rig.run(0.5, regulate(volts, 5.0), inlet=relays(BATTERY))
    rig.run(0.1, OFF, inlet=relays(BATTERY, main=True))
    assert rig.texts() == texts


@pytest.mark.parametrize(('amps', 'is_breach'), [(4.0, False), (50.0, True)])
def test_relay_of_the_controller_that_opens_under_current_is_recorded(amps, is_breach):
    rig = Rig(ON_RELAYS)
    rig.run(0.1, OFF, inlet=relays(CAR, main=True))
    rig.run(0.5, regulate(360.0, 5.0))
    rig.run(0.5, regulate(420.0, amps), inlet=relays(BATTERY, main=True))
    rig.run(0.1, regulate(420.0, amps), inlet=relays(BATTERY))
    assert rig.texts() == ['controller relay opened under 50 A'] * is_breach


@pytest.mark.parametrize(('config', 'main', 'precharge', 'path'), [
    (ON_RELAYS, True, False, 'controller relay'), (ON_RELAYS, False, True, 'precharge relay'),
    (BARE, False, False, 'cable alone')])
def test_bleeding_the_battery_is_recorded_with_the_path_that_joins_them(
        config, main, precharge, path):
    """R17."""
    rig = Rig(config)
    rig.run(0.5, regulate(360.0, 5.0), inlet=relays(CAR))
    rig.run(0.1, OFF, inlet=relays(BATTERY, main=main, precharge=precharge))
    rig.run(1.0, BLEED)
    assert rig.texts() == [
        f'bleeder on while the vehicle battery is connected through the {path}']


@pytest.mark.parametrize(('config', 'path'), [
    (AWAKE, 'output contactors'), (ON_RELAYS, 'controller relay'), (BARE, 'cable alone')])
@pytest.mark.parametrize(('ohm', 'is_breach'), [(400.0, False), (300.0, True)])
def test_current_that_flows_although_the_modules_are_off_is_recorded(config, path, ohm, is_breach):
    """On and on: the capacitors evening out when contactors close is another matter."""
    leaky = dataclasses.replace(config, circuit=CircuitConfig(leakage_ohm=ohm))
    rig = Rig(leaky)
    rig.run(0.1, OFF, closed=True, inlet=relays(CAR, main=True))
    rig.run(0.5, regulate(360.0, 5.0))
    rig.run(1.0, OFF, inlet=relays(BATTERY, main=True))
    assert rig.texts() == [
        f'1.2 A flow through the {path} although the modules are off'] * is_breach


@pytest.mark.parametrize(('off_s', 'is_breach'), [(0.04, False), (0.07, True)])
def test_current_after_switching_off_is_recorded_when_it_does_not_end_soon(off_s, is_breach):
    rig = Rig(dataclasses.replace(AWAKE, circuit=CircuitConfig(leakage_ohm=300.0)))
    rig.precharge(360.0)
    rig.run(0.1, regulate(360.0, 2.0), inlet=BATTERY)
    for _ in range(2):
        rig.run(off_s, OFF)
        rig.run(0.1, regulate(360.0, 2.0))
    assert len(rig.texts()) == (2 if is_breach else 0)


@pytest.mark.parametrize(('config', 'volts', 'is_breach'), [
    (BARE, 0.0, True), (BARE, 330.0, True), (BARE, 345.0, False), (ON_RELAYS, 330.0, True),
    (AWAKE, 330.0, True), (AWAKE, 345.0, False), (CHADEMO, 0.0, False), (CHADEMO, 330.0, False),
    (CHADEMO, 390.0, True)])
def test_vehicle_that_closes_onto_our_capacitors_is_recorded(config, volts, is_breach):
    """R47: what the diode, or else the precharge stage, is there for."""
    rig = Rig(config)
    rig.run(0.1, OFF, closed=True, inlet=relays(CAR, main=True))
    rig.run(0.5, regulate(volts, 5.0))
    rig.run(0.1, OFF, inlet=relays(BATTERY, main=True))
    assert rig.texts() == [
        f'vehicle contactors closed with {abs(360.0 - volts):.0f} V across'] * is_breach


def test_voltage_over_the_resistance_of_a_battery_is_no_closing():
    rig = Rig()
    rig.precharge(360.0)
    weak = dataclasses.replace(BATTERY, battery_resistance_ohm=0.5)
    rig.run(1.0, regulate(420.0, 60.0), inlet=weak)
    assert rig.circuit.pistol_voltage_v == pytest.approx(390.0, abs=0.1)
    assert rig.texts() == []


def test_vehicle_that_closes_onto_an_open_path_harms_nobody():
    rig = Rig(ON_RELAYS)
    rig.run(0.5, OFF, inlet=relays(CAR))
    rig.run(0.5, OFF, inlet=relays(BATTERY))
    assert rig.texts() == []


@pytest.mark.parametrize(('seconds', 'is_breach'), [(1.0, False), (1.6, True)])
def test_precharge_resistor_is_no_heater(seconds, is_breach):
    """440 V across 500 Ohm are 387 W."""
    rig = Rig(ON_RELAYS)
    rig.run(0.5, regulate(800.0, 5.0), inlet=relays(BATTERY))
    rig.run(0.04, OFF, inlet=relays(BATTERY, precharge=True))
    rig.run(seconds, regulate(800.0, 5.0))
    rig.run(0.1, regulate(800.0, 5.0), inlet=relays(BATTERY))
    # Cold again, by the next attempt.
    rig.run(0.04, OFF, inlet=relays(BATTERY, precharge=True))
    rig.run(1.0, regulate(800.0, 5.0))
    assert len(rig.texts()) == is_breach
    assert all('precharge resistor took' in text for text in rig.texts())


@pytest.mark.parametrize(('setpoint', 'mode'), [
    (OFF, None), (regulate(300.0, 2.0), 'REGULATE'), (BLEED, 'BLEED')])
@pytest.mark.parametrize('config', [AWAKE, ON_RELAYS], ids=['own', 'controller'])
def test_precharge_relay_that_closes_on_busy_modules_is_recorded(config, setpoint, mode):
    """R47: only floating modules may be behind it."""
    rig = Rig(config)
    rig.run(0.1, setpoint, closed=False, inlet=relays(CAR))
    for _ in range(2):
        rig.run(0.1, setpoint, closed=False, precharge=True, inlet=relays(CAR, precharge=True))
        assert rig.texts() == [f'precharge relay closed while the modules are {mode}'] * bool(mode)
    rig.run(0.1, setpoint, closed=False, inlet=relays(CAR))
    assert len(rig.texts()) == bool(mode), 'opening it is no harm'


# Without any switch


def test_without_contactors_the_pistol_is_the_output():
    rig = Rig(BARE)
    rig.run(0.5, regulate(360.0, 5.0), closed=False, inlet=CAR)
    assert rig.circuit.pistol_voltage_v == pytest.approx(360.0, abs=0.1)
    measured = rig.run(0.5, regulate(420.0, 50.0), inlet=BATTERY)
    assert measured.current_a == pytest.approx(50.0, abs=0.1)
    rig.command = None
    rig.run(0.5, OFF, inlet=relays(CAR))
    rig.run(2.0, BLEED, inlet=relays(CAR))
    assert rig.circuit.pistol_voltage_v < 10.0
    assert rig.texts() == []


@pytest.mark.parametrize(('config', 'inlet', 'sees_vehicle'), [
    (BARE, relays(CAR), True), (BARE, UNPLUGGED, False), (ON_RELAYS, relays(CAR), False),
    (ON_OUTPUTS, outputs(CAR, 0b1011), True), (ON_OUTPUTS, outputs(CAR, 0b1001), False),
    (ON_RELAYS, relays(CAR, main=True), True), (ON_RELAYS, relays(CAR, precharge=True), True)])
def test_insulation_of_the_vehicle_is_seen_through_the_path_that_is_closed(
        config, inlet, sees_vehicle):
    rig = Rig(config)
    measured = rig.run(0.1, OFF, inlet=inlet)
    alone_ohm = rig.circuit.config.charger_insulation_ohm
    together_ohm = 1 / (1 / alone_ohm + 1 / 1e6)
    assert measured.insulation_resistance_ohm == pytest.approx(
        together_ohm if sees_vehicle else alone_ohm)


@pytest.mark.parametrize('config', [AWAKE, ON_RELAYS, ON_OUTPUTS, BARE],
                         ids=['own', 'controller', 'outputs', 'none'])
def test_rest_is_open_contactors_or_without_own_ones_no_power(config):
    rig = Rig(config)
    assert rig.modules.is_at_rest
    closed = dataclasses.replace(CAR, relay_closed=True, digital_outputs=0b0100)
    rig.run(0.5, regulate(360.0, 5.0), closed=True, inlet=closed)
    assert not rig.modules.is_at_rest
    rig.run(0.1, OFF)
    assert rig.modules.is_at_rest is (config in (ON_RELAYS, BARE))
    rig.run(0.1, OFF, closed=False, inlet=CAR)
    assert rig.modules.is_at_rest


# Ten steps at once


def scenes(rig_run):
    """Play a bit of everything, on the contactors of each installation."""
    main = {'closed': True, 'inlet': outputs(relays(CAR, main=True), 0b0100)}
    for seconds, setpoint, changes in [
        (0.5, OFF, {'closed': False, 'inlet': UNPLUGGED}), (0.3, OFF, main),
        (1.0, regulate(500.0, 2.0), {}), (1.5, BLEED, {}), (1.0, regulate(355.0, 2.0), {}),
        (1.0, OFF, {'inlet': outputs(relays(BATTERY, main=True), 0b0100)}),
        (1.0, regulate(420.0, 60.0), {}),
        (0.5, regulate(420.0, 59.9), {}), (1.0, regulate(420.0, -20.0), {}), (1.0, None, {}),
        (0.5, OFF, {'closed': False, 'inlet': relays(BATTERY)}),
        (0.5, BLEED, {'inlet': outputs(relays(CAR, precharge=True), 0b0010)}), (0.3, OFF, main),
        (0.5, regulate(355.0, 2.0), {'faults': 'output_shorted'}),
        (1.0, OFF, {'faults': 'main_stuck', 'inlet': relays(BATTERY)}),
        (1.0, OFF, {'faults': 'precharge_welded'}), (1.0, OFF, {'faults': 'resistor_open'}),
        (1.5, OFF, {'falls_silent': True, 'faults': ''}), (1.0, OFF, {'inlet': UNPLUGGED}),
    ]:
        yield from rig_run(seconds, setpoint, **changes)


def played(config, *, leaps):
    # Awake in the middle of a tick, after the first wish for a voltage.
    rig = Rig(dataclasses.replace(config, wake_up_s=1.005))
    modules, advance = rig.modules, rig.modules.advance

    def every_ms(*, now_s):
        for ms in range(round(1000 * (modules._now_s or 0.0)) + 1, round(1000 * now_s) + 1):
            advance(now_s=ms / 1000)
        advance(now_s=now_s)

    if not leaps:
        modules.advance = every_ms

    def run(seconds, setpoint, *, falls_silent=False, faults=None, **changes):
        if falls_silent:
            rig.command = None
        if faults is not None:
            modules.faults = parse_faults(faults)
        for _ in range(round(seconds / 0.01)):
            measured = rig.run(0.01, setpoint, **changes)
            changes = {}
            feedback = rig.modules.feedback()
            yield (
                (feedback.output, feedback.precharge, measured.is_ready, modules.timeouts,
                 measured.insulation_resistance_ohm, rig.texts()),
                [measured.voltage_v, measured.current_a, measured.power_modules_temperature_c,
                 *dataclasses.astuple(modules.reading())],
                list(dataclasses.astuple(rig.circuit.ledger)),
            )

    return scenes(run)


@pytest.mark.parametrize('config', [AWAKE, ON_RELAYS, ON_OUTPUTS, BARE, CHADEMO],
                         ids=['own', 'controller', 'outputs', 'none', 'chademo'])
def test_leaps_change_nothing_that_can_be_seen(config):
    for leapt, stepped in zip(
            played(config, leaps=True), played(config, leaps=False), strict=True):
        assert leapt[0] == stepped[0]
        assert leapt[1] == pytest.approx(stepped[1], abs=0.01)
        assert leapt[2] == pytest.approx(stepped[2], rel=1e-4, abs=0.01)


def counted_steps(monkeypatch):
    """Return a list that grows with each step that a circuit is asked for."""
    steps, step = [], Circuit.step

    def counted(circuit, dt_s, **orders):
        steps.append(dt_s)
        return step(circuit, dt_s, **orders)

    monkeypatch.setattr(Circuit, 'step', counted)
    return steps


@pytest.mark.parametrize(('setpoint', 'inlet'), [
    (OFF, UNPLUGGED), (OFF, BATTERY), (regulate(420.0, 60.0), BATTERY)])
def test_waiting_costs_one_step_for_each_tick(setpoint, inlet, monkeypatch):
    rig = Rig()
    if inlet.is_plugged:
        rig.precharge(360.0)
    rig.run(1.0, setpoint, closed=inlet.is_plugged, inlet=inlet)
    steps = counted_steps(monkeypatch)
    rig.run(1.0, setpoint)
    assert len(steps) == 100


def test_where_voltages_move_no_leap_is_tried_in_vain(monkeypatch):
    rig = Rig()
    rig.run(0.5, regulate(500.0, 5.0))
    steps = counted_steps(monkeypatch)
    rig.run(0.1, BLEED)
    assert len(steps) == 1 + 100
