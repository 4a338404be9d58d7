# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Simulator and a charger that obeys, on one made-up clock."""

import dataclasses

from obedient_charger import Charger

from gi3_ros.core.interface.codec import decode, encode
from gi3_ros.core.interface.signals import (
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    DcPowerControl,
    PowerModulesStatus,
)
from gi3_ros.sim.circuit import CircuitConfig
from gi3_ros.sim.config import ControllerConfig, Pistol
from gi3_ros.sim.modules_config import ModulesConfig
from gi3_ros.sim.plug import DirectPlug
from gi3_ros.sim.protocols import Protocol
from gi3_ros.sim.simulator import Simulator
from gi3_ros.sim.vehicle_config import VehicleConfig

State = AdvanticsControllerStatus.State
Function = DcPowerControl.PowerFunction
Finished = ChargeSessionFinished.State
SystemEnable = PowerModulesStatus.SystemEnable
TICK_S = 0.01
CAR = VehicleConfig(charge_duration_s=4.0)


class Bench:
    """Simulator and charger on one fake clock, joined by frames and by copper."""

    def __init__(self, config=None, vehicle=CAR, has_plug_link=True, modules=None):
        plug = DirectPlug()
        self.simulator = Simulator(config, vehicle, plug=plug if has_plug_link else None)
        self.charger = Charger(plug, modules)
        self.controller = self.simulator.controller
        self.vehicle = self.simulator.vehicle
        self.steps = 0
        self.sent = []
        """``(time, message)`` from the controller."""
        self.frames = []
        self.vehicle.plug_in()

    @property
    def now_s(self):
        return self.steps * TICK_S

    def step(self):
        for message in self.charger.tick(self.now_s):
            self.simulator.receive(encode(message, index=1), now_s=self.now_s)
        for frame in self.simulator.tick(now_s=self.now_s):
            self.frames.append((self.now_s, frame.can_id, frame.data))
            self.charger.receive(frame)
            self.sent.append((self.now_s, decode(frame).message))
        self.steps += 1

    def run(self, seconds):
        for _ in range(round(seconds / TICK_S)):
            self.step()

    def until(self, holds, at_most_s=60.0):
        for _ in range(round(at_most_s / TICK_S)):
            if holds(self):
                return
            self.step()
        raise AssertionError(f'not within {at_most_s} s; stage {self.controller.stage}')

    def until_stage(self, stage, at_most_s=60.0):
        self.until(lambda bench: bench.controller.stage is stage, at_most_s)

    def until_over(self, at_most_s=90.0):
        self.until(lambda bench: bench.simulator.sessions > 0, at_most_s)
        return self.controller.outcome

    def states(self):
        states = []
        for _, message in self.sent:
            if isinstance(message, AdvanticsControllerStatus) and (
                    not states or states[-1] != message.state):
                states.append(message.state)
        return [int(state) for state in states]

    def state_at(self, time_s):
        return [message.state for at_s, message in self.all_of(AdvanticsControllerStatus)
                if at_s <= time_s][-1]

    def all_of(self, cls):
        return [(time_s, message) for time_s, message in self.sent if isinstance(message, cls)]

    def texts(self):
        return [event.text for event in self.simulator.events]


def chademo(vehicle=None, **config):
    bench = Bench(
        ControllerConfig(pistol=Pistol.CHADEMO, **config),
        dataclasses.replace(
            vehicle or CAR, protocols=(Protocol.CHADEMO_1,), open_below_a=5.0),
        modules=ModulesConfig(circuit=CircuitConfig(has_diode=True)))
    return bench
