# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A small charger that obeys, for tests of the simulator; subclasses disobey."""

import dataclasses

from gi3_ros.core.hardware import ContactorCommand, ModulesMode, PowerSetpoint
from gi3_ros.core.interface.codec import decode
from gi3_ros.core.interface.signals import (
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    DcPowerControl,
    EmergencyStop,
    NewChargeSession,
    PowerModulesStatus,
    SequenceControl,
)
from gi3_ros.sim.modules import PowerModules

State = AdvanticsControllerStatus.State
Function = DcPowerControl.PowerFunction
SystemEnable = PowerModulesStatus.SystemEnable

START_ALLOWED = SequenceControl(start_charge_authorisation=1)
CONTROLLER_TIMEOUT_S = 0.2
"""R1."""


class Charger:
    """Obeys DC_Power_Control with simulated power modules, reports every 100 ms."""

    report_period_s = 0.1

    def __init__(self, plug, modules=None):
        self.modules = PowerModules(modules)
        self.plug = plug
        self.now_s = 0.0
        self.state = None
        self.command = None
        self.is_announced = False
        self.announced_at_s = None
        self.is_enabled = True
        self.is_reporting = True
        self.is_stopped = False
        """After a silence of the controller (R1) or an emergency (R38), until it is idle."""
        self.obeys_standby = True
        self.bleeds_to_v = 0.0
        self.insulation_ohm = None
        self.flags = START_ALLOWED
        self.flags_in_session = dataclasses.replace(START_ALLOWED, charge_parameters_done=1)
        self.outbox = []
        self._heard_controller_s = None
        self._sent_flags = None
        self._report_at_s = 0.0

    def receive(self, frame):
        message = decode(frame).message
        if isinstance(message, AdvanticsControllerStatus):
            self.state = message.state
            self._heard_controller_s = self.now_s
            if self.is_idle:
                self.is_stopped = False
        elif isinstance(message, NewChargeSession):
            if not self.is_announced:
                self.announced_at_s = self.now_s
            self.is_announced = True
        elif isinstance(message, ChargeSessionFinished):
            self.is_announced = False
        elif isinstance(message, DcPowerControl):
            self.command = message
        elif isinstance(message, EmergencyStop):
            self.is_stopped = True

    @property
    def is_idle(self):
        return self.state in (None, State.NOT_AVAILABLE, State.WAITING_FOR_PEV)

    @property
    def function(self):
        return None if self.command is None else self.command.power_function

    def send(self, message):
        """Send a message, or a frame as it is."""
        self.outbox.append(message)

    def tick(self, now_s):
        self.now_s = now_s
        if (self._heard_controller_s is not None
                and now_s - self._heard_controller_s >= CONTROLLER_TIMEOUT_S):
            self.is_stopped = True
        self._send_flags()
        self._act(now_s)
        if now_s >= self._report_at_s - 1e-9:
            self._report_at_s += self.report_period_s
            if self.is_reporting:
                self._report()
        outbox, self.outbox = self.outbox, []
        return outbox

    def _send_flags(self):
        flags = self.flags if self.is_idle else self.flags_in_session
        if self.state in (None, State.INITIALISING) or flags == self._sent_flags:
            return
        self._sent_flags = flags
        self.send(flags)

    def _act(self, now_s):
        modules, command = self.modules, self.command
        modules.connect(self.plug.poll(modules.reading(), now_s=now_s))
        setpoint = PowerSetpoint()
        is_closed = False
        if command is not None and self.state not in (None, State.WAITING_FOR_PEV):
            is_closed = bool(command.output_contactors)
            setpoint = self.obey(command)
            if not self.obeys_standby and setpoint.mode is ModulesMode.OFF:
                setpoint = PowerSetpoint(ModulesMode.REGULATE, 420.0, 10.0)
                is_closed = True
        if self.is_stopped:
            setpoint, is_closed = self.stop(setpoint, is_closed)
        if self.is_announced or command is not None:
            modules.set_point(setpoint, now_s=now_s)
        modules.command(ContactorCommand(output_closed=is_closed), now_s=now_s)
        modules.advance(now_s=now_s)

    def obey(self, command):
        """Return the set-point that follows from a command."""
        if command.lower_output_voltage:
            is_low = self.modules.circuit.output_voltage_v <= self.bleeds_to_v
            return PowerSetpoint(ModulesMode.OFF if is_low else ModulesMode.BLEED)
        if command.power_function == Function.INSULATION_TEST:
            return PowerSetpoint(ModulesMode.REGULATE, command.target_voltage, 2.0)
        if command.power_function in (Function.PRECHARGE, Function.POWER_TRANSFER):
            return PowerSetpoint(
                ModulesMode.REGULATE, command.target_voltage, command.current_range_max)
        return PowerSetpoint()

    def stop(self, _setpoint, _is_closed):
        """Return set-point and contactors once power is over, whatever the command is."""
        return PowerSetpoint(), False

    def _report(self):
        self.send(self.status())

    def status(self):
        measured = self.modules.measurement()
        is_enabled = (
            self.is_announced and self.is_enabled and measured.is_ready and not self.is_stopped)
        ohm = self.insulation_ohm
        if ohm is None:
            ohm = measured.insulation_resistance_ohm
        return PowerModulesStatus(
            present_voltage=max(0.0, measured.voltage_v),
            present_current=measured.current_a,
            power_modules_temperature=measured.power_modules_temperature_c,
            system_enable=SystemEnable(int(is_enabled)),
            insulation_resistance=min(ohm, 510e3),
        )
