"""The power modules' circuit against what can be calculated by hand."""

import math

import pytest

from gi3_ros.core.hardware import (
    COMMAND_TIMEOUT_S,
    Contact,
    ContactorCommand,
    DRIVER_TIMEOUT_S,
    ModulesMode,
    PowerSetpoint,
)
from gi3_ros.sim.modules import Circuit, CircuitConfig, ModulesConfig, PowerModules
from gi3_ros.sim.plug import Inlet

DT_S = 0.001
BATTERY = Inlet(
    is_plugged=True, contactors_closed=True, battery_emf_v=360.0, battery_resistance_ohm=0.07)
AWAKE = ModulesConfig(wake_up_s=0.0)


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

    def run(self, seconds, setpoint=None, *, closed=None, inlet=None):
        if inlet is not None:
            self.modules.connect(inlet)
        for _ in range(round(seconds / 0.01)):
            if setpoint is not None:
                self.modules.set_point(setpoint, now_s=self.now_s)
            if closed is not None:
                self.command = ContactorCommand(output_closed=closed)
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
    assert rig.texts() == ['bleeder on while the vehicle battery is connected']


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
