# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""An output stage with its copper around it, on a made-up clock: small enough to break at will."""

import math

from gi3_ros.core.hardware import Contact, ContactorFeedback, ModulesMode, PowerMeasurement, Stage
from gi3_ros.core.interface.signals import (
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    ChargeStatusChange,
    DcPowerControl,
    EmergencyStop,
    NewChargeSession,
)
from gi3_ros.core.stage.installations import stage_for
from gi3_ros.core.stage.output_stage import StageConfig

State = AdvanticsControllerStatus.State
Function = DcPowerControl.PowerFunction
CLOSE = DcPowerControl.OutputContactors.CLOSE
LOWERING = DcPowerControl.LowerOutputVoltage.LOWERING
OPEN = DcPowerControl(power_function=Function.STANDBY)
STANDBY = DcPowerControl(power_function=Function.STANDBY, output_contactors=CLOSE)
TEST = DcPowerControl(
    power_function=Function.INSULATION_TEST, target_voltage=500.0, output_contactors=CLOSE)
LOWER = DcPowerControl(
    power_function=Function.STANDBY, output_contactors=CLOSE, lower_output_voltage=LOWERING)
TRANSFER = DcPowerControl(
    power_function=Function.POWER_TRANSFER, target_voltage=430.0, current_range_max=20.0,
    current_range_min=-20.0, setpoints_mode=DcPowerControl.SetpointsMode.RANGE_MODE,
    output_contactors=CLOSE)
STARTED = ChargeStatusChange(ChargeStatusChange.VehicleReadyForCharging.CHARGE_STARTED)
FINISHED = ChargeSessionFinished()
EMERGENCY = EmergencyStop()
CHADEMO = NewChargeSession(plug_and_pins=NewChargeSession.PlugAndPins.CHADEMO)

STEP_S = 0.01
ROUND_S = 1e-5
"""What sums of steps may be off."""
CONTACT_STEPS = 3
BLEED_S = 0.27
"""Time constant of the bleeder."""
CABLE_OHM = 0.05


class StageBench:
    """
    One output stage, whatever the installation, and a battery that may be connected.

    What may be in ``broken``: 'main' and 'relay' (they move no more), 'resistor' (open),
    'capacitor' (shorted), 'main feedback' and 'relay feedback' (they stay where they are).
    What may be in ``silent``: 'controller', 'power', 'setpoint', 'driver', 'contactors'.
    """

    def __init__(
        self, installation, *, has_feedback=True, measures_pistol=True, battery_v=360.0, **config,
    ):
        self.config = StageConfig(installation=installation, **config)
        self.core = stage_for(self.config)
        self.has_feedback, self.measures_pistol = has_feedback, measures_pistol
        self.battery_v = battery_v
        self.vehicle_closed = False
        self.broken, self.silent = set(), set()
        self.main = self.relay = False
        """True contacts."""
        self.shown = {'main': False, 'relay': False}
        self.output_v = self.pistol_v = 0.0
        self.current_a = 0.0
        """Commanded by the modules, in REGULATE."""
        self.through_a = 0.0
        """Through the stage, towards the vehicle."""
        self.mode = ModulesMode.OFF
        self.setpoint_v = 500.0
        self.state = State.INSULATION_TEST
        self.power_fault = ''
        self.is_enabled = True
        self.is_commanded = False
        self.steps = 0
        self.commands = []
        self.resistor_j = 0.0
        self.watchers = []
        """Called after each step."""
        self.run(0.2)

    @property
    def now_s(self):
        return self.steps * STEP_S

    @property
    def stage(self):
        return self.core.stage

    @property
    def reason(self):
        return self.core.reason

    def give(self, message):
        """Let the controller say something."""
        self.core.receive(message, now_s=self.now_s)
        return self

    def run(self, seconds):
        for _ in range(round(seconds / STEP_S)):
            self.step()
        return self

    def run_to(self, stage, *, within_s=5.0):
        """Go on until the stage is there."""
        for _ in range(round(within_s / STEP_S)):
            if self.stage is stage:
                return self
            self.step()
        raise AssertionError(f'{self.stage.name} instead of {stage.name}: {self.reason}')

    def step(self):
        self.steps += 1
        self._flow()
        self._speak()
        # As the node does it: what has to happen at its time has to be due then.
        if not self.commands or self.core.due_s < self.now_s + ROUND_S:
            self.commands.append(self.core.tick(now_s=self.now_s))
        else:
            self.commands.append(self.commands[-1])
        self._move_contacts()
        for watch in self.watchers:
            watch(self)

    def _move_contacts(self):
        late = self.commands[-CONTACT_STEPS] if len(self.commands) >= CONTACT_STEPS else None
        if late is None or not self.config.has_output_contactors:
            return
        if 'main' not in self.broken:
            self.main = late.output_closed
        if 'relay' not in self.broken:
            self.relay = late.precharge_closed

    def _flow(self):
        has_battery = self.vehicle_closed
        before_v = self.output_v
        if has_battery:
            self.pistol_v = self.battery_v
        if self.mode is ModulesMode.REGULATE and not has_battery:
            self.output_v = min(self.output_v + 20.0, self.setpoint_v)
        elif self.mode is ModulesMode.BLEED:
            self.output_v *= math.exp(-STEP_S / BLEED_S)
        if 'capacitor' in self.broken:
            self.output_v = 0.0
        self.through_a = 0.0
        if self.main:
            self.output_v, self.pistol_v, self.through_a = (
                (self.battery_v + self.current_a * CABLE_OHM, self.battery_v, self.current_a)
                if has_battery else (self.output_v, self.output_v, 0.0))
        elif self.relay and 'resistor' not in self.broken:
            across_v = self.pistol_v - self.output_v
            if has_battery:
                ohm = self.config.precharge_resistance
                left_v = across_v * math.exp(-STEP_S / self.config.time_constant_s)
                if 'capacitor' not in self.broken:
                    self.output_v = self.pistol_v - left_v
                if self.mode is ModulesMode.REGULATE:
                    self.output_v = self.battery_v + math.copysign(60.0, self.current_a)
                self.through_a = -across_v / ohm
                self.resistor_j += across_v ** 2 / ohm * STEP_S
            else:
                self.pistol_v = self.output_v
        elif not has_battery:
            self.pistol_v *= math.exp(-STEP_S / 0.5)
        self.slope_v = self.output_v - before_v

    def _speak(self):
        core, now_s = self.core, self.now_s
        if self.steps % 10 == 0 and 'controller' not in self.silent:
            self.give(AdvanticsControllerStatus(self.state))
        if self.steps % 10 == 0 and 'power' not in self.silent:
            core.see_power(
                self.power_fault, is_enabled=self.is_enabled, is_commanded=self.is_commanded,
                now_s=now_s)
        if self.steps % 5 == 0 and 'setpoint' not in self.silent:
            core.see_setpoint(self.mode, now_s=now_s)
        if self.steps % 4 == 0 and 'driver' not in self.silent:
            core.measure(PowerMeasurement(self.output_v, self.through_a), now_s=now_s)
        if self.steps % 2 == 0 and 'contactors' not in self.silent:
            self._speak_of_contacts()

    def _speak_of_contacts(self):
        for name in ('main', 'relay'):
            if f'{name} feedback' not in self.broken:
                self.shown[name] = getattr(self, name)
        positions = [
            Contact.UNKNOWN if not self.has_feedback or not self.config.has_output_contactors
            else Contact.CLOSED if self.shown[name] else Contact.OPEN
            for name in ('main', 'relay')]
        self.core.see_contacts(
            ContactorFeedback(*positions, self.pistol_v if self.measures_pistol else math.nan),
            now_s=self.now_s)

    def let(self, mode):
        """Change what the modules do; the stage hears of it at once, as a new setpoint."""
        self.mode = mode
        if 'setpoint' not in self.silent:
            self.core.see_setpoint(mode, now_s=self.now_s)
        return self

    # Parts of a CHAdeMO V2G session

    def go_to_test(self):
        """Begin a session and close for the insulation test."""
        self.give(CHADEMO).give(STANDBY).run(0.2).give(TEST)
        return self.run_to(Stage.CLOSED)

    def go_to_connecting(self):
        """Lower the output after the test; the controller then says Standby."""
        self.go_to_test().let(ModulesMode.REGULATE).run(0.5)
        self.let(ModulesMode.BLEED).give(LOWER)
        while self.output_v > 20.0:
            self.step()
        return self.run(0.1).let(ModulesMode.OFF).give(STANDBY)

    def go_to_closed(self):
        """Let the vehicle connect, and be precharged."""
        self.go_to_connecting().run_to(self.waiting).run(0.05)
        self.vehicle_closed = True
        self.run(0.05)
        if not self.config.has_output_contactors:
            self.relay = True
            self.run(1.0)
            self.main, self.relay = True, False
        return self.run_to(Stage.CLOSED)

    @property
    def waiting(self):
        """Where the stage waits for the battery."""
        return Stage.OPEN if self.config.has_output_contactors else Stage.PRECHARGING
