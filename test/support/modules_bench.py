# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Power modules on their circuit, with streams of set-points and commands."""

import dataclasses

from gi3_ros.core.hardware import ContactorCommand, ModulesMode, PowerSetpoint
from gi3_ros.sim.circuit import Circuit, CircuitConfig
from gi3_ros.sim.modules import PowerModules
from gi3_ros.sim.modules_config import Contactors, ModulesConfig
from gi3_ros.sim.plug import Inlet

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


def counted_steps(monkeypatch):
    """Return a list that grows with each step that a circuit is asked for."""
    steps, step = [], Circuit.step

    def counted(circuit, dt_s, **orders):
        steps.append(dt_s)
        return step(circuit, dt_s, **orders)

    monkeypatch.setattr(Circuit, 'step', counted)
    return steps
