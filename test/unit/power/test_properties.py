# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What must hold for power whatever the controller, the driver and the stage say, and whenever.

Each sequence begins as a legal session, breaks off somewhere, and goes on with legal and illegal
words at odd times. ``--times 100`` (after ``ARGS=`` for make) plays a million.
"""

import collections
import itertools
import math

from amount import many
from hypothesis import example, given, HealthCheck, settings
from hypothesis import strategies as st
from power_bench import Function, INSULATION, LOWER, OFF, PRECHARGE, STANDBY, State, TRANSFER
import pytest

from gi3_ros.core.hardware import ModulesMode, PowerMeasurement, Stage
from gi3_ros.core.interface.signals import (
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    ChargeStatusChange,
    DcPowerControl,
    EmergencyStop,
    NewChargeSession,
    OcppControl,
)
from gi3_ros.core.power.control import PowerControl
from gi3_ros.core.power.limits import ChargerLimits, RECOVERY_V
from gi3_ros.core.power.parameters import PowerConfig
from gi3_ros.core.power.phases import Phase, POWERED
from gi3_ros.core.power.setpoint import FIRST_STEP_S, Priority

LIMITS = ChargerLimits(
    is_bidirectional=True, max_charger_discharge_current=60.0, max_charger_power=38_000.0)
CONFIG = PowerConfig(
    limits=LIMITS, current_ramp_up_rate=100.0, current_ramp_down_rate=400.0,
    voltage_ramp_up_rate=1000.0, voltage_ramp_down_rate=500.0)
EPSILON = 1e-6
STEP_S = 0.05
CHUNK = 6
"""Bytes that make one event."""

BELOW_THE_WINDOW = (
    b'\x01\x01\x00\x00\x00\x00\x00V\x05\x00\x01\x00\x00\x92\x00\x00\x01\x00\x01')
"""A transfer that discharges at 0 V, after a voltage below it was measured."""
VOLTS = (0.0, 0.1, 19.9, 20.0, 360.0, 420.0, 499.9, 500.0, 500.1, 1500.0, 1500.1, 6553.5)
AMPERES = (-3276.8, -60.1, -60.0, -5.0, -0.1, 0.0, 0.1, 2.0, 50.0, 100.0, 120.1, 3276.7)
MEASURED = (0.0, 360.0, 360.0, 400.0, 531.0, -1.0, math.nan, math.inf)
PAUSES_S = (0.0, 0.001, 0.01, 0.05, 0.1, 0.19, 0.1999, 0.2, 0.201, 0.3, 1.0, 70.0)
PATH = (
    NewChargeSession(), STANDBY, INSULATION, LOWER, PRECHARGE, STANDBY, TRANSFER, STANDBY,
    OcppControl(-20.0), DcPowerControl(
        target_voltage=420.0, current_range_max=80.0, current_range_min=-40.0,
        power_function=Function.POWER_TRANSFER, output_contactors=1, setpoints_mode=1),
)
"""A session: first in one mode, after a Standby in the other."""


def pick(values, byte):
    return values[byte % len(values)]


def any_command(a, b, c, d):
    """Make any command at all."""
    return DcPowerControl(
        target_voltage=pick(VOLTS, a), current_range_max=pick(AMPERES, b),
        current_range_min=pick(AMPERES, c), power_function=d & 15, setpoints_mode=d >> 4 & 1,
        output_contactors=d >> 5 & 1, lower_output_voltage=d >> 6 & 1)


def legal_transfer(a, b, c, d):
    """Make a transfer in one of the modes."""
    first, second = pick(AMPERES, b), pick(AMPERES, c)
    low, high = (min(first, second), max(first, second)) if d & 1 else (first, first)
    return DcPowerControl(
        target_voltage=pick(VOLTS, a), current_range_max=high, current_range_min=low,
        power_function=Function.POWER_TRANSFER, setpoints_mode=d & 1, output_contactors=1)


EVENTS = (
    any_command, legal_transfer, legal_transfer, legal_transfer,
    lambda a, *_: pick((STANDBY, OFF, LOWER, INSULATION, PRECHARGE, TRANSFER), a),
    lambda a, *_: AdvanticsControllerStatus(a % 14),
    lambda *_: NewChargeSession(),
    lambda a, *_: EmergencyStop(a % 4),
    lambda a, *_: ChargeSessionFinished(a % 3),
    lambda a, *_: ChargeStatusChange(a % 3),
    lambda a, *_: OcppControl(pick((*AMPERES, math.nan), a)),
    lambda a, b, c, d: PowerMeasurement(
        pick(MEASURED, a), pick((*AMPERES, math.nan), b), c % 8 != 0,
        pick((510e3, 41e3, math.nan, math.inf), d)),
    lambda a, *_: pick(tuple(Stage), a),
    lambda a, b, c, _: (pick((*AMPERES, math.nan), a), pick((0.0, 0.1, 60.0), b),
                        pick(tuple(Priority), c)),
    lambda *_: 'reset',
)


def assert_legal(command):
    """Hold a command that was taken against interface.md 2.3, written once more."""
    volts, high, low = (
        command.target_voltage, command.current_range_max, command.current_range_min)
    function, is_lowering = command.power_function, command.lower_output_voltage
    assert function in (0, 1, 2, 4, 8)
    assert function == 1 or not is_lowering
    assert function not in (0, 1) or volts == high == low == 0.0
    assert 0.0 <= volts <= 1500.0
    if function == 8:
        assert low == high if command.setpoints_mode == 0 else low <= high


class World:
    """One charger, what it was told, and the rules that its answers are held against."""

    def __init__(self):
        self.core = PowerControl(CONFIG)
        self.now_s = 0.0
        self.state = State.WAITING_FOR_PEV
        """What the controller repeats."""
        self.volts = 0.0
        self.last_s = dict.fromkeys(('status', 'emergency', 'measured', 'stage'), -math.inf)
        self.stage = Stage.OPEN
        self.decision = None
        self.regulated_s = None
        self.was_above = False
        """Whether the last setpoint was on its way down to the target."""
        self.parameters_s = -math.inf
        self.seen = collections.Counter()

    def go_on(self, seconds, *, alive=('status', 'measured', 'stage')):
        """Let time pass; who is alive says its usual words."""
        if seconds > 2.0:
            self.now_s += seconds
            return
        end_s = self.now_s + seconds
        while self.now_s < end_s - EPSILON:
            self.now_s = min(self.now_s + STEP_S, end_s)
            if 'status' in alive:
                self.give(AdvanticsControllerStatus(self.state))
            if 'measured' in alive:
                self.give(PowerMeasurement(
                    self.volts, self._obeyed_a(), insulation_resistance_ohm=510e3))
            if 'stage' in alive:
                self.give(Stage.CLOSED)
            if self.core.due_s < self.now_s + 1e-5:
                self.tick()
            elif self.decision is not None and self.regulated_s is not None:
                self._has_a_reason()

    def _obeyed_a(self):
        """Return the current of modules that do what they are asked for."""
        decision = self.decision
        is_flowing = decision is not None and decision.phase is Phase.POWER_TRANSFER
        return decision.setpoint.current_a if is_flowing else 0.0

    def give(self, event):
        """Say one word to the charger."""
        core, now_s = self.core, self.now_s
        if isinstance(event, PowerMeasurement):
            if core.measure(event, now_s=now_s):
                self.last_s['measured'], self.volts = now_s, event.voltage_v
        elif isinstance(event, Stage):
            self.stage, self.last_s['stage'] = event, now_s
            core.see_stage(event, 'test', now_s=now_s)
        elif isinstance(event, tuple):
            current_a, duration_s, priority = event
            try:
                core.request_current(current_a, duration_s=duration_s, priority=priority,
                                     source='test', now_s=now_s)
            except ValueError as refusal:
                assert str(refusal)
        elif event == 'reset':
            try:
                core.reset_fault(now_s=now_s)
            except ValueError as refusal:
                assert str(refusal)
        else:
            if isinstance(event, AdvanticsControllerStatus):
                self.last_s['status'] = now_s
                self.state = event.state
            if isinstance(event, EmergencyStop):
                self.last_s['emergency'] = now_s
            core.receive(event, now_s=now_s)
            if isinstance(event, DcPowerControl) and core._commands.in_force is event:
                assert_legal(event)

    def tick(self):
        """Take a decision and hold it against everything."""
        core, now_s, before = self.core, self.now_s, self.decision
        was_fault = core.fault
        decision = self.decision = core.tick(now_s=now_s)
        assert now_s < core.due_s <= now_s + 0.1, 'no busy loop, and no sleep for ever'
        if was_fault:
            assert decision.fault == was_fault, 'latched until it is reset'
        assert (decision.phase is Phase.FAULT) is bool(decision.fault)
        setpoint = decision.setpoint
        assert math.isfinite(setpoint.voltage_v) and math.isfinite(setpoint.current_a)
        if decision.status is not None:
            assert now_s - self.last_s['measured'] < 0.3, 'never an old reading'
            assert decision.status.system_enable == decision.system_enable
        if decision.parameters is not None:
            assert now_s - self.parameters_s >= 0.1, 'R4'
            told = decision.parameters
            assert 0 < told.maximum_voltage <= LIMITS.max_voltage_v
            assert 0 < told.maximum_charge_current <= LIMITS.max_current_a
            assert 0 < told.maximum_discharge_current <= max(
                LIMITS.max_discharge_current_a, 0.1)
            self.parameters_s = now_s
        was_above, self.was_above = self.was_above, (
            setpoint.voltage_v > core._commands.in_force.target_voltage + EPSILON)
        if setpoint.mode is not ModulesMode.REGULATE:
            assert setpoint.current_a == setpoint.voltage_v == 0.0
            self.regulated_s = None
            return
        self.seen[decision.phase] += 1
        self._has_a_reason()
        self._keeps_to_voltage(setpoint, before, was_above=was_above)
        if decision.phase is Phase.POWER_TRANSFER:
            self._keeps_to_current(setpoint, before)
        else:
            assert 0.0 <= setpoint.current_a <= 20.0
        self.regulated_s = now_s

    def _has_a_reason(self):
        """Power needs a reason, and everybody whom it depends on, between decisions as well."""
        decision, now_s = self.decision, self.now_s
        assert decision.phase in POWERED
        assert not decision.fault and decision.system_enable
        assert now_s - self.last_s['status'] < 0.2, 'R1'
        assert now_s - self.last_s['emergency'] >= 1.0
        assert now_s - self.last_s['measured'] < 0.25
        assert now_s - self.last_s['stage'] < 0.5 and self.stage is Stage.CLOSED

    def _keeps_to_voltage(self, setpoint, before, *, was_above):
        """At or below the target, or on the way down to it, and never above the maximum."""
        volts = setpoint.voltage_v
        assert 0.0 <= volts <= LIMITS.max_voltage_v
        if self.regulated_s is None:
            assert volts <= self.core._commands.in_force.target_voltage
            return
        elapsed_s = self.now_s - self.regulated_s
        step_v = volts - before.setpoint.voltage_v
        assert -CONFIG.voltage_ramp_down_rate * elapsed_s - EPSILON <= step_v
        assert step_v <= CONFIG.voltage_ramp_up_rate * elapsed_s + EPSILON
        if volts > self.core._commands.in_force.target_voltage + EPSILON:
            begins_s = elapsed_s if was_above else min(elapsed_s, FIRST_STEP_S)
            assert step_v <= -CONFIG.voltage_ramp_down_rate * begins_s + EPSILON

    def _keeps_to_current(self, setpoint, before):
        """Inside range and limits, or on the way into the range as fast as the ramp goes."""
        command, amperes = self.core._commands.in_force, setpoint.current_a
        power_a = LIMITS.max_charger_power / self.volts if self.volts > 0 else math.inf
        discharge_a = 60.0 if 0.0 <= self.volts <= 500.0 else 0.0
        most_a = min(100.0, power_a, 50_000.0 / max(self.volts, 0.1))
        assert -discharge_a <= amperes <= most_a + EPSILON
        if amperes:
            self.seen['charging' if amperes > 0 else 'discharging'] += 1
        low = min(max(command.current_range_min, -discharge_a), most_a)
        high = min(max(command.current_range_max, -discharge_a), most_a)
        is_inside = low - EPSILON <= amperes <= high + EPSILON
        if self.regulated_s is None:
            assert amperes == 0.0, 'every start begins at nothing'
            return
        previous_a, elapsed_s = before.setpoint.current_a, self.now_s - self.regulated_s
        step_a = amperes - previous_a
        rates = (CONFIG.current_ramp_up_rate, CONFIG.current_ramp_down_rate)
        is_at_limit = abs(amperes) < abs(previous_a) and min(
            abs(amperes - most_a), abs(amperes + discharge_a)) <= EPSILON
        assert abs(step_a) <= max(rates) * elapsed_s + EPSILON or is_at_limit
        if abs(amperes) > abs(previous_a):
            assert abs(step_a) <= rates[0] * elapsed_s + EPSILON or previous_a * amperes < 0
        if not is_inside:
            towards = 1.0 if amperes < low else -1.0
            # A battery that was below the window has to recover before it gives current again.
            recovers = amperes == 0.0 and high < 0.0 and self.volts < RECOVERY_V
            effective = before.effective
            was_moving = effective.current_a != effective.target_a
            begins_s = elapsed_s if was_moving else min(elapsed_s, FIRST_STEP_S)
            assert (step_a * towards >= min(rates) * begins_s - EPSILON or is_at_limit
                    or recovers)


def play(data):
    """Play one sequence; returns what was seen in it."""
    world = World()
    world.give(AdvanticsControllerStatus(world.state))
    world.go_on(0.1)
    # The simplest sequence is a whole session.
    for event in PATH[:len(PATH) - data[0] % len(PATH)]:
        if event is PRECHARGE:
            world.volts = 0.0
        world.give(AdvanticsControllerStatus(
            State.CONNECTED_WITH_FULL_INFO if event is PATH[0] else State.CHARGING))
        world.give(event)
        world.tick()
        world.go_on(0.1)
        if event in (PRECHARGE, TRANSFER):
            world.volts = 360.0
    for at in range(1, len(data) - CHUNK + 1, CHUNK):
        kind, *values, timing = data[at:at + CHUNK]
        world.give(pick(EVENTS, kind)(*values))
        world.tick()
        dead = {0: ('status',), 1: ('measured',), 2: ('stage',), 3: ()}.get(timing // 16)
        alive = [who for who in ('status', 'measured', 'stage') if dead is None or (
            dead and who not in dead)]
        world.go_on(pick(PAUSES_S, timing % 16), alive=alive)
    return world.seen


@pytest.mark.timeout(0)
def test_power_keeps_within_everything_in_every_sequence():
    wanted = many(10_000)
    seen, played = collections.Counter(), itertools.count()

    @settings(max_examples=wanted, deadline=None, database=None,
              suppress_health_check=list(HealthCheck))
    @given(st.binary(min_size=1, max_size=1 + 30 * CHUNK))
    @example(BELOW_THE_WINDOW)
    def every_sequence(data):
        next(played)
        for what in play(data):
            seen[what] += 1

    every_sequence()
    count = next(played)
    print(f'{count} sequences; with power in: ' + ', '.join(
        f'{getattr(what, "name", what)} {number}' for what, number in seen.most_common()))
    assert count >= wanted
    # A test of nothing would pass, too.
    for what in (*POWERED, 'charging', 'discharging'):
        assert seen[what] > count / 50, what
