# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What must hold for the contacts whatever comes, with the decisions about power beside them.

Each sequence leads an installation some way through a session and then lets anything happen:
words of the controller in any order, silences, faults of the hardware, wishes of operators, and a
vehicle that connects when vehicles do: not while it is tested or lowered (R46), and in CCS only
within 20 V (R19).
"""

import contextlib
import dataclasses

from amount import many
from hypothesis import event, given, HealthCheck, settings
from hypothesis import strategies as st
import pytest
from stage_bench import (
    CHADEMO,
    EMERGENCY,
    FINISHED,
    LOWER,
    OPEN,
    StageBench,
    STANDBY,
    STARTED,
    STEP_S,
    TEST,
    TRANSFER,
)

from gi3_ros.core.hardware import ModulesMode, PowerMeasurement
from gi3_ros.core.interface.signals import AdvanticsControllerStatus, DcPowerControl
from gi3_ros.core.power.bleeding import BLEED_CHECK_S
from gi3_ros.core.power.control import PowerControl
from gi3_ros.core.power.limits import ChargerLimits
from gi3_ros.core.power.parameters import PowerConfig
from gi3_ros.core.power.phases import POWERED
from gi3_ros.core.stage.output_stage import Installation

State = AdvanticsControllerStatus.State
Function = DcPowerControl.PowerFunction
PRECHARGE = DcPowerControl(
    target_voltage=360.0, current_range_max=2.0, power_function=Function.PRECHARGE,
    setpoints_mode=DcPowerControl.SetpointsMode.RANGE_MODE,
    output_contactors=DcPowerControl.OutputContactors.CLOSE)
LAG_A = 1.0
"""In a step: the modules need a while to stop."""
LIMITS = ChargerLimits(is_bidirectional=True, max_charger_discharge_current=60.0)


class Charger(StageBench):
    """A stage with power_control beside it: the modules do what that says."""

    def __init__(self, installation, **options):
        self.power = PowerControl(PowerConfig(limits=LIMITS, supervise_insulation=False))
        self.is_power_alive = True
        self.setpoint_a = 0.0
        self.is_emergency = False
        self.closed_across_v = 0.0
        self.opened_at_a = 0.0
        self.relay_closed_s = 0.0
        self.longest_relay_s = 0.0
        self.bled_battery_s = 0.0
        self.relay_closed_by = set()
        self.last_command = OPEN
        super().__init__(installation, **options)

    def give(self, message):
        self.power.receive(message, now_s=self.now_s)
        self.is_emergency |= message is EMERGENCY
        if isinstance(message, DcPowerControl):
            self.last_command = message
        return super().give(message)

    def _speak(self):
        if self.is_power_alive:
            self._decide()
        super()._speak()

    def _decide(self):
        power = self.power
        if self.steps % 4 == 0 and 'driver' not in self.silent:
            power.measure(
                PowerMeasurement(self.output_v, self.through_a, insulation_resistance_ohm=510e3),
                now_s=self.now_s)
        if 'stage' not in self.silent:
            power.see_stage(
                self.core.stage, self.core.reason, now_s=self.now_s,
                has_output_contactors=self.config.has_output_contactors,
                battery_may_be_connected=self.core.battery_may_be_connected)
        decision = power.tick(now_s=self.now_s)
        if decision.setpoint.mode is not self.mode:
            self.let(decision.setpoint.mode)
        self.setpoint_v = decision.setpoint.voltage_v
        wanted_a = (decision.setpoint.current_a
                    if decision.setpoint.mode is ModulesMode.REGULATE else 0.0)
        self.current_a += min(max(wanted_a - self.current_a, -LAG_A), LAG_A)
        self.power_fault, self.is_enabled = decision.fault, decision.system_enable
        self.is_commanded = decision.phase in POWERED

    def kill_power(self):
        """Let power_control die: its driver switches off after 0.3 s."""
        self.is_power_alive = False
        self.silent |= {'power', 'setpoint'}
        self.run(0.3).mode = ModulesMode.OFF
        self.current_a = 0.0

    def _move_contacts(self):
        main, relay, before_a = self.main, self.relay, abs(self.through_a)
        across_v = abs(self.output_v - self.pistol_v)
        super()._move_contacts()
        if self.main and not main and 'main' not in self.broken:
            self.closed_across_v = max(self.closed_across_v, across_v)
        if main and not self.main and not self.is_emergency and not self.has_unloaded_late:
            self.opened_at_a = max(self.opened_at_a, before_a)
        if self.relay and not relay and 'relay' not in self.broken:
            self.relay_closed_by.add(self.mode)
        is_commanded = self.commands[-1] is not None and self.commands[-1].precharge_closed
        self.relay_closed_s = self.relay_closed_s + STEP_S if is_commanded else 0.0
        self.longest_relay_s = max(self.longest_relay_s, self.relay_closed_s)
        if self.mode is ModulesMode.BLEED and self.vehicle_closed and (self.main or self.relay):
            self.bled_battery_s += STEP_S

    @property
    def has_unloaded_late(self):
        """Whether the bound of unloading has passed with a current that nobody could measure."""
        return self.core.journal.counts['opened under load'] > 0

    def connect(self):
        """Let the vehicle close its contactors, if this is a moment at which one would."""
        command = self.last_command
        if self.config.kind is Installation.OWN_V2G:
            may = command is STANDBY and self.core.battery_may_be_connected
        else:
            may = command is PRECHARGE and abs(self.pistol_v - self.battery_v) <= 20.0
        self.vehicle_closed |= may


def ask(method, part='core'):
    """Let an operator ask; a refusal is an answer."""
    def act(bench):
        with contextlib.suppress(ValueError):
            getattr(getattr(bench, part), method)(now_s=bench.now_s)
    return act


ACTIONS = {
    **{name: (lambda bench, message=message: bench.give(message)) for name, message in {
        'Standby': STANDBY, 'open': OPEN, 'test': TEST, 'lower': LOWER, 'transfer': TRANSFER,
        'precharge': PRECHARGE, 'lower open': dataclasses.replace(
            LOWER, output_contactors=DcPowerControl.OutputContactors.OPEN),
        'started': STARTED, 'finished': FINISHED, 'emergency': EMERGENCY, 'announce': CHADEMO,
    }.items()},
    'idle': lambda bench: setattr(bench, 'state', State.WAITING_FOR_PEV),
    'full info': lambda bench: setattr(bench, 'state', State.CONNECTED_WITH_FULL_INFO),
    'in session': lambda bench: setattr(bench, 'state', State.CHARGING),
    'connect': Charger.connect,
    'disconnect': lambda bench: setattr(bench, 'vehicle_closed', False),
    'operator opens': ask('request_open'),
    'operator closes': ask('request_close'),
    'reset stage': ask('reset_fault'),
    'reset power': ask('reset_fault', 'power'),
    **{f'{name} silent': (lambda bench, name=name: bench.silent.add(name))
       for name in ('controller', 'driver', 'contactors', 'stage')},
    'all speak': lambda bench: bench.silent.clear(),
    **{f'{name} breaks': (lambda bench, name=name: bench.broken.add(name))
       for name in ('main', 'relay', 'resistor', 'capacitor')},
    'power dies': Charger.kill_power,
}
PAUSES_S = (0.0, 0.01, 0.03, 0.05, 0.1, 0.2, 0.3, 0.6, 1.2, 3.5)
PATH = (
    (None, 0.3), ('full info', 0.2), ('announce', 1.0), ('Standby', 0.2), ('test', 0.8),
    ('lower', 1.2), ('Standby', 0.3), ('precharge', 0.6), ('connect', 0.0), ('Standby', 1.5),
    ('started', 0.2), ('transfer', 1.0), ('Standby', 0.3), ('open', 0.2), ('lower open', 0.5),
)
steps = st.lists(st.tuples(st.sampled_from([*ACTIONS]), st.sampled_from(PAUSES_S)), max_size=12)


def play(installation, length, more, **options):
    """Go some way along a session, then do what comes."""
    bench = Charger(installation, **options)
    for name, pause_s in (*PATH[:length], *more):
        if name == 'precharge' and installation == 'own_v2g':
            name = 'Standby'
        if name is not None:
            ACTIONS[name](bench)
        bench.run(pause_s)
    return bench.run(bench.config.max_precharge_time + 0.5)


@pytest.mark.parametrize('installation, has_feedback, measures_pistol', [
    ('own_contactors', True, True), ('own_contactors', False, True),
    ('own_contactors', False, False), ('own_v2g', True, True), ('own_v2g', True, False),
    ('own_v2g', False, True), ('own_v2g', False, False)])
def test_nothing_that_comes_hurts_the_contacts(installation, has_feedback, measures_pistol):
    @settings(
        max_examples=many(50), deadline=None, derandomize=True,
        suppress_health_check=[HealthCheck.too_slow])
    @given(st.integers(0, len(PATH)), steps)
    def check(length, more):
        bench = play(
            installation, length, more, has_feedback=has_feedback,
            measures_pistol=measures_pistol)
        event(bench.stage.name)
        assert bench.closed_across_v <= 20.0 + 1.0, 'the main contact closed with a voltage across'
        assert bench.opened_at_a <= 5.0, 'the main contact opened under load'
        config = bench.config
        assert bench.longest_relay_s <= (
            config.max_precharge_time + config.contact_timeout + 2 * STEP_S)
        assert bench.relay_closed_by <= {ModulesMode.OFF}
        # A weld that no auxiliary contact shows is found by the voltage that does not fall.
        is_hidden = not has_feedback and bench.broken & {'main', 'relay'}
        assert bench.bled_battery_s <= (1.2 * BLEED_CHECK_S if is_hidden else 0.0), (
            'the battery was bled')
    check()
