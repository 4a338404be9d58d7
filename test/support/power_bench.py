# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A charger's power decisions with everything around them, on a made-up clock."""

import dataclasses

from gi3_ros.core.command import Request
from gi3_ros.core.hardware import ModulesMode, PowerMeasurement, Stage
from gi3_ros.core.interface.signals import (
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    DcPowerControl,
    DcPowerParameters,
    NewChargeSession,
    PowerModulesStatus,
)
from gi3_ros.core.power.control import PowerControl
from gi3_ros.core.power.parameters import PowerConfig
from gi3_ros.core.power.phases import Happening, Lowering, Phase

State = AdvanticsControllerStatus.State
Function = DcPowerControl.PowerFunction
CLOSE = DcPowerControl.OutputContactors.CLOSE
LOWERING = DcPowerControl.LowerOutputVoltage.LOWERING
RANGE = DcPowerControl.SetpointsMode.RANGE_MODE

STEP_S = 0.01
ROUND_S = 1e-5
"""What sums of steps may be off."""
TOLD = DcPowerParameters(
    maximum_voltage=500.0, maximum_charge_current=100.0, maximum_discharge_current=0.1)
"""By a charger with the default configuration: its cable carries less than its modules give, and
no discharging is the least that can be told."""
GOOD = PowerMeasurement(voltage_v=0.0, current_a=0.0, insulation_resistance_ohm=510e3)

OFF = DcPowerControl()
STANDBY = DcPowerControl(power_function=Function.STANDBY, output_contactors=CLOSE)
LOWER = dataclasses.replace(STANDBY, lower_output_voltage=LOWERING)
LOWER_OPEN = dataclasses.replace(
    LOWER, output_contactors=DcPowerControl.OutputContactors.OPEN)
"""As after a transfer (R16)."""
INSULATION = DcPowerControl(
    target_voltage=500.0, power_function=Function.INSULATION_TEST, output_contactors=CLOSE)
PRECHARGE = DcPowerControl(
    target_voltage=360.0, current_range_max=2.0, power_function=Function.PRECHARGE,
    setpoints_mode=RANGE, output_contactors=CLOSE)
TRANSFER = DcPowerControl(
    target_voltage=420.0, current_range_max=50.0, current_range_min=50.0,
    power_function=Function.POWER_TRANSFER, output_contactors=CLOSE)
COMMANDS = {
    Request.OFF: OFF, Request.STANDBY: STANDBY, Request.INSULATION_TEST: INSULATION,
    Request.PRECHARGE: PRECHARGE, Request.POWER_TRANSFER: TRANSFER,
    **dict.fromkeys(Lowering, LOWER),
}
WAY_TO = {
    Phase.IDLE: None,
    Phase.WAKING: (),
    Phase.STANDBY: (STANDBY,),
    Phase.OFF: (OFF,),
    Phase.INSULATION_TEST: (STANDBY, INSULATION),
    Phase.LOWERING_AFTER_TEST: (STANDBY, INSULATION, LOWER),
    Phase.PRECHARGE: (STANDBY, PRECHARGE),
    Phase.POWER_TRANSFER: (STANDBY, TRANSFER),
    Phase.LOWERING_AT_END: (STANDBY, TRANSFER, State.ENDING_CHARGE, STANDBY, LOWER),
    Phase.LOWERING_ON_CLOSING: (STANDBY, TRANSFER, STANDBY, State.CLOSING_COMMUNICATION, LOWER),
    Phase.FAULT: (STANDBY,),
}
"""Commands and states that lead from Standby, which a woken charger is in, to each phase."""


_MESSAGES_OF = {
    Happening.ANNOUNCED: (NewChargeSession(),),
    Happening.CLOSING: (AdvanticsControllerStatus(State.CLOSING_COMMUNICATION),),
    Happening.FINISHED: (ChargeSessionFinished(),),
}


class Bench:
    """A charger whose inputs come as they should until a test takes one away."""

    def __init__(self, config=None, *, state=State.WAITING_FOR_PEV):
        self.power = PowerControl(config or PowerConfig())
        self.state = state
        self.reading = GOOD
        self.stage = Stage.CLOSED
        self.has_output_contactors = True
        self.stage_sees_battery = False
        self.silent = set()
        self.steps = 0
        self.sent = []
        self.decision = None
        self.run(0.3)

    @property
    def now_s(self):
        return self.steps * STEP_S

    def run(self, seconds):
        for _ in range(round(seconds / STEP_S)):
            self.steps += 1
            if self.steps % 10 == 0 and 'controller' not in self.silent:
                self.give(AdvanticsControllerStatus(self.state))
            if self.steps % 4 == 0 and 'driver' not in self.silent:
                self.power.measure(self.reading, now_s=self.now_s)
            if self.steps % 10 == 0 and 'stage' not in self.silent:
                self.power.see_stage(
                    self.stage, '', has_output_contactors=self.has_output_contactors,
                    battery_may_be_connected=self.stage_sees_battery, now_s=self.now_s)
            # As the node does it: what has to happen at its time has to be due then.
            if self.power.due_s < self.now_s + ROUND_S:
                self.tick()
        return self.decision

    def tick(self):
        self.decision = self.power.tick(now_s=self.now_s)
        if self.decision.status is not None:
            self.sent.append((self.now_s, self.decision.status))
        if self.decision.parameters is not None:
            self.sent.append((self.now_s, self.decision.parameters))
        return self.decision

    def give(self, message):
        self.power.receive(message, now_s=self.now_s)
        return self.tick()

    def measures(self, **values):
        self.reading = dataclasses.replace(self.reading, **values)
        self.power.measure(self.reading, now_s=self.now_s)

    def wake(self):
        self.state = State.CONNECTED_WITH_FULL_INFO
        self.give(NewChargeSession())
        self.run(0.2)
        return self

    def lead_to(self, phase):
        """Bring it there by the commands of a controller."""
        way = WAY_TO[phase]
        if way is None:
            return self
        if phase is Phase.WAKING:
            self.measures(is_ready=False)
            self.give(NewChargeSession())
            return self
        self.wake()
        self.state = State.CHARGING
        for step in way:
            if isinstance(step, State):
                self.state = step
                self.give(AdvanticsControllerStatus(step))
            else:
                self.give(step)
            self.run(0.05)
        if phase is Phase.FAULT:
            self.power.emergency_stop('for the test', now_s=self.now_s)
        assert self.power.phase is phase
        return self

    def happen(self, event):
        """Let an event of the table happen, by what makes it happen; no tick follows it."""
        power, now_s = self.power, self.now_s
        if isinstance(event, Lowering):
            # The two facts that tell the three moments apart.
            power._memory.battery_may_be_connected = event is Lowering.AT_END
            power._inputs.controller.state = (
                State.CLOSING_COMMUNICATION if event is Lowering.ON_CLOSING
                else State.ENDING_CHARGE
            )
        if event in COMMANDS:
            power.receive(COMMANDS[event], now_s=now_s)
        elif event is Happening.RESET:
            power.reset_fault(now_s=now_s)
        elif event is Happening.FAULT:
            power.emergency_stop('for the test', now_s=now_s)
        elif event is Happening.CONTROLLER_IDLE:
            # For longer than an announcement that crossed it would count.
            for number in range(5):
                power.receive(
                    AdvanticsControllerStatus(State.WAITING_FOR_PEV), now_s=now_s + 0.1 * number)
        elif event is Happening.CONTROLLER_LOST:
            self.silent.add('controller')
            self.run(0.25)
        elif event in (Happening.READY, Happening.READY_OFF):
            if event is Happening.READY_OFF:
                power.receive(OFF, now_s=now_s)
            self.measures(is_ready=True)
            self.tick()
        elif event is Happening.ANNOUNCED_AGAIN:
            power.receive(ChargeSessionFinished(), now_s=now_s)
            power.receive(
                AdvanticsControllerStatus(State.CONNECTED_WITH_FULL_INFO), now_s=now_s + 0.6)
        else:
            for message in _MESSAGES_OF[event]:
                power.receive(message, now_s=now_s)

    def statuses(self):
        return [(t, m) for t, m in self.sent if isinstance(m, PowerModulesStatus)]

    def texts(self):
        return ' | '.join(entry.text for entry in self.power.journal.drain())


def assert_dead(bench, *words):
    """Assert that a fault is latched that says these words, and that nothing is delivered."""
    decision = bench.decision
    assert decision.phase is Phase.FAULT
    assert decision.setpoint.mode is ModulesMode.OFF
    assert decision.setpoint.current_a == decision.setpoint.voltage_v == 0.0
    assert not decision.system_enable
    for word in words:
        assert word in decision.fault


def transferring(volts=360.0, *, has_output_contactors=True, **config):
    bench = Bench(PowerConfig(**config))
    bench.has_output_contactors = has_output_contactors
    bench.lead_to(Phase.POWER_TRANSFER)
    bench.measures(voltage_v=volts)
    return bench
