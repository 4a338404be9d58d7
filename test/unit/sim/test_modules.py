# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The driver of the simulated power modules: its timeouts, what it measures, and its leaps."""

import dataclasses
import math

from modules_bench import (
    AWAKE,
    BARE,
    BATTERY,
    BLEED,
    CAR,
    CHADEMO,
    counted_steps,
    DT_S,
    OFF,
    ON_OUTPUTS,
    ON_RELAYS,
    outputs,
    regulate,
    relays,
    Rig,
)
import pytest

from gi3_ros.core.hardware import (
    COMMAND_TIMEOUT_S,
    Contact,
    ContactorCommand,
    DRIVER_TIMEOUT_S,
    ModulesMode,
    PowerSetpoint,
)
from gi3_ros.sim.circuit import CircuitConfig
from gi3_ros.sim.contactors import parse_faults
from gi3_ros.sim.modules import PowerModules
from gi3_ros.sim.modules_config import ModulesConfig
from gi3_ros.sim.plug import Inlet, UNPLUGGED


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
