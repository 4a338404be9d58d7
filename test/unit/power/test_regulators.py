# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The setpoint of each function, and what its reading is held against."""

import dataclasses
import math

from power_bench import INSULATION, PRECHARGE, RANGE, TRANSFER
import pytest

from gi3_ros.core.command import request_of
from gi3_ros.core.controller_watch import ControllerWatch
from gi3_ros.core.hardware import ModulesMode, PowerMeasurement
from gi3_ros.core.power.advertised import AdvertisedLimits
from gi3_ros.core.power.commands import Commands
from gi3_ros.core.power.inputs import Inputs
from gi3_ros.core.power.limits import ChargerLimits
from gi3_ros.core.power.memory import SessionMemory
from gi3_ros.core.power.parameters import PowerConfig
from gi3_ros.core.power.phases import Phase, PhaseMachine, POWERED
from gi3_ros.core.power.regulators import regulators_for
from gi3_ros.core.power.setpoint import Priority

BOTH_WAYS = ChargerLimits(is_bidirectional=True, max_charger_discharge_current=60.0)
COMMANDS = {
    Phase.INSULATION_TEST: INSULATION, Phase.PRECHARGE: PRECHARGE, Phase.POWER_TRANSFER: TRANSFER}


class Around:
    """A function that begins at 0 s, at a measured voltage."""

    def __init__(self, phase, volts=360.0, *, limits=BOTH_WAYS, **change):
        self.config = PowerConfig(
            limits=limits, voltage_ramp_up_rate=100.0, voltage_ramp_down_rate=100.0)
        inputs, machine = Inputs(self.config), PhaseMachine()
        self.modules = inputs.modules
        self.memory = SessionMemory(self.config, inputs.stage)
        self.commands = Commands(limits, machine, ControllerWatch(), self.memory)
        self.advertised = AdvertisedLimits(limits)
        self.regulators = regulators_for(
            self.config, self.commands, self.modules, self.memory, self.advertised)
        self.regulator = self.regulators[phase]
        self.measure(volts)
        self.command(dataclasses.replace(COMMANDS[phase], **change))
        self.regulator.restart()

    def measure(self, volts):
        self.modules.take(PowerMeasurement(volts, 0.0), now_s=0.0)

    def command(self, command):
        self.commands.take(command, request_of(command), now_s=0.0)

    def run(self, until_s):
        for step in range(round(until_s / 0.1) + 1):
            regulation = self.regulator.regulate(now_s=0.1 * step)
        return regulation

    def beyond(self, volts, amperes):
        reading = PowerMeasurement(volts, amperes)
        return {each.name for each in self.regulator.checks(reading) if each.is_beyond}


def test_each_powered_phase_has_a_regulator_and_no_other():
    assert set(Around(Phase.PRECHARGE).regulators) == POWERED


@pytest.mark.parametrize('phase', sorted(POWERED))
@pytest.mark.parametrize('volts, first_v', [(-3.0, 0.0), (100.0, 100.0), (600.0, None)])
def test_it_begins_at_the_voltage_that_is_there_but_not_above_its_limit(phase, volts, first_v):
    around = Around(phase, volts)
    setpoint = around.regulator.regulate(now_s=0.0).setpoint
    assert setpoint.mode is ModulesMode.REGULATE
    assert setpoint.voltage_v == (around.regulator.limit_v if first_v is None else first_v)


@pytest.mark.parametrize('phase', sorted(POWERED))
def test_the_voltage_goes_to_the_target_along_its_ramp(phase):
    """R28."""
    around = Around(phase, 340.0)
    assert around.run(0.1).setpoint.voltage_v == pytest.approx(350.0)
    assert around.run(3.0).setpoint.voltage_v == around.commands.in_force.target_voltage


# Insulation test


def test_the_insulation_test_has_the_current_of_its_parameter():
    """R11."""
    regulation = Around(Phase.INSULATION_TEST).run(0.0)
    assert regulation.setpoint.current_a == regulation.target_a == 2.0
    assert (regulation.note, regulation.limited_by) == ('', ())


def test_a_test_voltage_above_the_maximum_is_clamped_and_noted():
    regulation = Around(Phase.INSULATION_TEST, target_voltage=501.0).run(5.0)
    assert regulation.setpoint.voltage_v == 500.0
    assert regulation.limited_by == ('maximum voltage',)
    assert regulation.note == 'test voltage 501 V is above the maximum of 500 V'


@pytest.mark.parametrize('volts, amperes, names', [
    (530.0, 0.9, set()), (530.01, 0.9, {'voltage'}), (500.0, 3.0, {'test load'}),
    (500.0, 3.01, {'test load', 'capped current'})])
def test_what_an_insulation_test_is_held_against(volts, amperes, names):
    around = Around(Phase.INSULATION_TEST)
    around.run(3.0)
    assert around.beyond(volts, amperes) == names


def test_modules_that_only_source_need_not_follow_a_target_that_falls():
    around = Around(Phase.INSULATION_TEST)
    around.run(3.0)
    around.command(dataclasses.replace(INSULATION, target_voltage=100.0))
    around.regulator.regulate(now_s=60.0)
    assert around.beyond(500.0, 0.0) == set()


# Precharge


@pytest.mark.parametrize('allowed_a, cap_a, limited_by', [
    (2.0, 2.0, ()), (1.0, 1.0, ()), (0.5, 1.0, ('precharge minimum',)),
    (25.0, 20.0, ('charger',))])
def test_the_precharge_keeps_to_the_cap_of_the_vehicle(allowed_a, cap_a, limited_by):
    """R19, A13."""
    regulation = Around(Phase.PRECHARGE, current_range_max=allowed_a).run(0.0)
    assert regulation.setpoint.current_a == regulation.target_a == cap_a
    assert regulation.wanted_a == allowed_a
    assert regulation.limited_by == limited_by
    assert bool(regulation.note) is bool(limited_by)


@pytest.mark.parametrize('least_v, mode', [
    (360.0, ModulesMode.REGULATE), (360.1, ModulesMode.OFF)])
def test_no_precharge_below_what_the_charger_can_do(least_v, mode):
    limits = ChargerLimits(min_charger_voltage=least_v)
    regulation = Around(Phase.PRECHARGE, limits=limits).run(0.0)
    assert regulation.setpoint.mode is mode
    assert ('charger minimum' in regulation.limited_by) is (mode is ModulesMode.OFF)


@pytest.mark.parametrize('volts, amperes, names', [
    (385.0, 3.0, set()), (385.01, 3.0, {'voltage'}), (360.0, 3.01, {'capped current'})])
def test_a_precharge_has_room_for_the_window_of_the_vehicle(volts, amperes, names):
    around = Around(Phase.PRECHARGE)
    around.run(1.0)
    assert around.beyond(volts, amperes) == names


# Transfer


def test_the_current_of_the_controller_along_its_ramp():
    """R24."""
    around = Around(Phase.POWER_TRANSFER)
    regulation = around.run(0.1)
    assert regulation.setpoint.current_a == pytest.approx(10.0)
    assert 'ramp' in regulation.limited_by
    assert regulation.note.startswith('10.0 A of 50 A: ramp')
    regulation = around.run(2.0)
    assert regulation.setpoint.current_a == 50.0
    assert regulation.range_min_a == regulation.range_max_a == 50.0
    assert (regulation.note, regulation.source) == ('', 'controller')


def test_our_own_limits_are_not_ramped():
    around = Around(Phase.POWER_TRANSFER, limits=dataclasses.replace(
        BOTH_WAYS, max_charger_power=18_000.0))
    assert around.run(2.0).setpoint.current_a == 50.0
    around.measure(450.0)
    assert around.regulator.regulate(now_s=2.01).setpoint.current_a == pytest.approx(40.0)


@pytest.mark.parametrize('mode, limit_v, current_a', [(0, 420.0, 50.0), (RANGE, 400.0, 30.0)])
def test_what_set_limits_leaves_holds_at_once_where_the_choice_is_ours(mode, limit_v, current_a):
    """R32: in Target_Mode it is the vehicle's turn."""
    around = Around(Phase.POWER_TRANSFER, setpoints_mode=mode, current_range_min=(
        0.0 if mode else 50.0))
    around.advertised.set(voltage_v=400.0, charge_current_a=30.0, discharge_current_a=0.0)
    assert around.regulator.limit_v == limit_v
    assert around.run(2.0).setpoint.current_a == current_a


@pytest.mark.parametrize('has_lease, source, current_a', [
    (False, 'ocpp', 20.0), (True, 'depot', 10.0)])
def test_wishes_count_in_range_mode_in_their_order(has_lease, source, current_a):
    """R25, R30."""
    around = Around(Phase.POWER_TRANSFER, setpoints_mode=RANGE, current_range_min=0.0)
    around.memory.wishes.ocpp_a = 20.0
    if has_lease:
        around.memory.wishes.leases.grant(
            10.0, duration_s=60.0, priority=Priority.FLEET, source='depot', now_s=0.0)
    regulation = around.run(2.0)
    assert (regulation.source, regulation.setpoint.current_a) == (source, current_a)


def test_a_battery_that_sagged_is_drawn_from_again_after_a_new_start():
    limits = dataclasses.replace(BOTH_WAYS, min_charger_discharge_voltage=300.0)
    around = Around(Phase.POWER_TRANSFER, 299.0, limits=limits, current_range_max=-20.0,
                    current_range_min=-20.0)
    assert around.run(1.0).limited_by == ('discharge voltage',)
    around.measure(305.0)
    assert around.regulator.regulate(now_s=1.1).target_a == 0.0
    around.regulator.restart()
    assert around.regulator.regulate(now_s=1.2).target_a == -20.0


@pytest.mark.parametrize('volts, amperes, names', [
    (446.0, 55.5, set()), (446.01, 55.5, {'voltage'}), (446.01, 1.0, set()),
    (400.0, 55.51, {'current'}), (400.0, -5.51, {'current'})])
def test_what_a_transfer_is_held_against(volts, amperes, names):
    """R29."""
    around = Around(Phase.POWER_TRANSFER)
    around.run(2.0)
    assert around.beyond(volts, amperes) == names


def test_every_start_begins_without_current():
    around = Around(Phase.POWER_TRANSFER)
    around.run(2.0)
    around.regulator.restart()
    assert math.copysign(1.0, around.regulator.regulate(now_s=3.0).setpoint.current_a) == 1.0
    assert around.regulator.regulate(now_s=3.0).setpoint.current_a == 0.0
