# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the hardware suffers from, whoever did it."""

import dataclasses

from modules_bench import (
    AWAKE,
    BARE,
    BATTERY,
    BLEED,
    CAR,
    CHADEMO,
    OFF,
    ON_RELAYS,
    regulate,
    relays,
    Rig,
)
import pytest

from gi3_ros.core.hardware import ModulesMode, PowerSetpoint
from gi3_ros.sim.circuit import CircuitConfig


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
