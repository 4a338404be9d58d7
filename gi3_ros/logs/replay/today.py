# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What power_control and precharge of one pistol decide today, ticked as the nodes tick them."""

import collections
import dataclasses
import math

from ...core.hardware import (
    ContactorCommand,
    ContactorFeedback,
    PowerMeasurement,
    Stage,
)
from ...core.interface.layout import Message
from ...core.power.control import PowerControl
from ...core.power.decision import Decision
from ...core.power.phases import Phase, POWERED
from ...core.stage.installations import stage_for
from ...core.stage.precharge import PrechargeSupervision, Verdict
from .comparison import Comparison, without_numbers
from .hardware import AssumedContacts
from .parameters import Parameters

TICK_S = 0.01
"""Of power_control; precharge ticks at every second one."""
PAUSE_S = 10.0
"""After so long without any entry everything is stale and off: no need to tick through it."""
PEAK_S = 0.5
"""Modules take this long to bring a current down."""
FOLLOW_S = 6.0
"""Modules take this long at the most to deliver what they are told, as for the rules (R28)."""


@dataclasses.dataclass(frozen=True, slots=True)
class Fault:
    """A latched fault. Seconds since the log began."""

    time_s: float
    part: str
    text: str


class Remarks:
    """Sentences about a replay, each once: numbers in it make no other one."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def add(self, text: str) -> None:
        """Take a sentence."""
        if without_numbers(text) not in map(without_numbers, self.texts):
            self.texts.append(text)


class LeastLately:
    """
    The least of the values of the last seconds.

    :param length_s: how many
    """

    def __init__(self, length_s: float) -> None:
        self._length_s = length_s
        self._times_s: collections.deque[float] = collections.deque()
        self._values: collections.deque[float] = collections.deque()
        """Rising."""

    def with_also(self, value: float, now_s: float) -> float:
        """Take one more value; return the least."""
        times_s, values = self._times_s, self._values
        while times_s and times_s[0] < now_s - self._length_s:
            times_s.popleft()
            values.popleft()
        while values and values[-1] >= value:
            times_s.pop()
            values.pop()
        times_s.append(now_s)
        values.append(value)
        return values[0]


class Today:
    """
    The decisions of today of one pistol, on the time of the log.

    :param comparison: takes what is decided
    :param has_contacts: whether the log has the positions of the contactors; without, they are
        taken to follow
    """

    def __init__(
        self, parameters: Parameters, comparison: Comparison, remarks: Remarks, *,
        has_contacts: bool,
    ) -> None:
        self.power = PowerControl(parameters.power)
        self.stage = stage_for(parameters.stage)
        self.decision: Decision | None = None
        self.command: ContactorCommand | None = None
        self.faults: list[Fault] = []
        self.voltage_v = math.nan
        """At the output, as the bus showed it."""
        self._parameters = parameters
        self._comparison = comparison
        self._remarks = remarks
        self._supervision = PrechargeSupervision(parameters.precharge_timeout_s)
        self._contacts = None if has_contacts else AssumedContacts()
        self._ticks = 0
        self._now_s = 0.0
        self._heard_s = 0.0
        self._reported: Stage | None = None
        self._allowed = LeastLately(PEAK_S)
        """Largest current that was permitted lately, as a negative number."""
        self._asked = LeastLately(FOLLOW_S)

    # What it is fed with

    def receive(self, message: Message, now_s: float) -> None:
        """Take a message of the controller."""
        self.power.receive(message, now_s=now_s)
        self.stage.receive(message, now_s=now_s)
        self._supervision.receive(message, now_s=now_s)
        self.tick_power(now_s)
        self.tick_stage(now_s)

    def measure(self, measurement: PowerMeasurement, true_s: float) -> None:
        """Take a reading of the power modules."""
        self.power.measure(measurement, now_s=true_s)
        self.stage.measure(measurement, now_s=true_s)
        self._supervision.measure(measurement, now_s=true_s)

    def see_contacts(self, feedback: ContactorFeedback, true_s: float, now_s: float) -> None:
        """Take the positions of the contactors."""
        self.stage.see_contacts(feedback, now_s=true_s)
        self.tick_stage(now_s)

    def restart_power(self) -> None:
        """Let power_control begin anew, as after a restart of its node."""
        self.power = PowerControl(self._parameters.power)

    # Time

    def advance(self, to_s: float) -> float:
        """Tick up to a moment; return the present one, which never goes back."""
        if to_s - self._heard_s > PAUSE_S:
            self._run(self._heard_s + PAUSE_S)
            self._comparison.pause(now_s=self._now_s)
            self._ticks = max(self._ticks, 2 * math.floor(to_s / (2 * TICK_S)))
        self._run(to_s)
        self._heard_s = max(self._heard_s, to_s)
        self._now_s = max(self._now_s, to_s)
        return self._now_s

    def _run(self, to_s: float) -> None:
        # What comes at the moment of a tick is known to it.
        last = math.ceil(to_s / TICK_S - 1e-6)
        while self._ticks < last:
            now_s = self._now_s = max(self._now_s, self._ticks * TICK_S)
            if self._ticks % 2 == 0:
                self.tick_stage(now_s)
            self.tick_power(now_s)
            if self._ticks % 2 == 0:
                self._comparison.step(now_s=now_s)
            self._ticks += 1

    def tick_power(self, now_s: float) -> None:
        """Let power_control decide."""
        decision = self.power.tick(now_s=now_s)
        before, self.decision = self.decision, decision
        setpoint = decision.setpoint
        self._supervision.see_setpoint(setpoint)
        self.stage.see_setpoint(setpoint.mode, now_s=now_s)
        self.stage.see_power(
            decision.fault, is_enabled=decision.system_enable,
            is_commanded=decision.phase in POWERED, now_s=now_s)
        says = self._comparison.says
        if decision.parameters is not None:
            says('told voltage', decision.parameters.maximum_voltage)
            says('told charge current', decision.parameters.maximum_charge_current)
            says('told discharge current', decision.parameters.maximum_discharge_current)
        if before is not None and decision.fault and decision.fault != before.fault:
            self._latches('power_control', decision.fault, now_s)
        says('delivered current', self._least_asked_a(decision, now_s))
        self._comparison.is_power(
            decision.phase.name, decision.system_enable, decision.fault, setpoint,
            self._allowed_a(abs(setpoint.current_a), now_s),
            decision.fault or decision.note or setpoint.reason)

    def tick_stage(self, now_s: float) -> None:
        """Let precharge decide."""
        stage = self.stage
        if self._contacts is not None:
            feedback = self._contacts.take_due(self.command, now_s)
            if feedback is not None:
                stage.see_contacts(feedback, now_s=now_s)
        command = self.command = stage.tick(now_s=now_s)
        before, self._reported = self._reported, stage.stage
        fault = stage.reason if stage.stage is Stage.FAULT else ''
        if fault and before is not Stage.FAULT:
            self._latches('precharge', fault, now_s)
        self.power.see_stage(
            stage.stage, stage.reason, now_s=now_s,
            has_output_contactors=self._parameters.stage.has_output_contactors,
            battery_may_be_connected=stage.battery_may_be_connected)
        if before is not stage.stage:
            self.tick_power(now_s)
        progress = self._supervision.take_news(now_s=now_s) or stage.take_progress(now_s=now_s)
        if progress is not None:
            verdict = progress.verdict
            self._comparison.says(
                'precharge', None if verdict is Verdict.UNKNOWN else verdict.name)
        self._comparison.is_stage(stage.stage.name, fault, command, stage.reason)

    # What the hardware had to do

    def _allowed_a(self, magnitude_a: float, now_s: float) -> float:
        """Return the largest current that was permitted lately."""
        return -self._allowed.with_also(-magnitude_a, now_s)

    def _least_asked_a(self, decision: Decision, now_s: float) -> float:
        """Return what was asked for all the time for long enough, so that it should flow."""
        setpoint = decision.setpoint
        is_limited_by_voltage = (
            setpoint.current_a > 0.0 and not self.voltage_v < 0.98 * setpoint.voltage_v - 2.0)
        is_asked = decision.phase is Phase.POWER_TRANSFER and not is_limited_by_voltage
        return self._asked.with_also(abs(setpoint.current_a) if is_asked else 0.0, now_s)

    def _latches(self, part: str, text: str, now_s: float) -> None:
        self.faults.append(Fault(now_s, part, text))
        flowing_a = self._comparison.last('flowing current')
        if isinstance(flowing_a, float | int) and (
                abs(flowing_a) > 1.05 * self._allowed_a(0.0, now_s) + 3.0):
            self._remarks.add(
                f'after {now_s:.2f} s: the recorded modules carried {flowing_a:.1f} A, more than '
                'today permits: what follows from it may be a consequence. A bag with '
                'power_setpoint would tell')
