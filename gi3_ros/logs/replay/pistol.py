# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
The recorded session of one pistol, fed to the decisions of today.

What went in then goes in again: the frames of the controller, the readings of the power modules,
the positions of the contactors, each with the time at which it was true. What a log does not have
is derived, and :attr:`Replay.inputs` says so.
"""

from collections.abc import Callable, Collection, Iterator
import math
import typing

from ...core.hardware import (
    Contact,
    ContactorFeedback,
    ModulesMode,
    PowerMeasurement,
    PowerSetpoint,
    Stage,
)
from ...core.interface.codec import Received
from ...core.interface.signals import (
    AdvanticsControllerStatus,
    DcPowerParameters,
    PowerModulesStatus,
)
from ...core.power.phases import Phase
from ...core.stage.precharge import Verdict
from ..entries import Sample
from .comparison import Comparison
from .hardware import Positions, Readings
from .order import OLDEST_S
from .parameters import Parameters
from .people import People
from .today import Fault, Remarks, Today

FUTURE_S = 0.5
"""A node does not use what claims to be from the future, nor what is older than OLDEST_S."""
STATUS_EXPIRES_S = 0.15
"""Power_Modules_Status comes every 100 ms in a session; who has fallen silent says nothing."""
UNKNOWN = Stage.UNKNOWN.name
"""Of a phase or a stage, too: nothing is told by it."""

_Take = Callable[['Replay', typing.Any, float, float], None]
"""Takes the message of a topic, when it was true, and the present time."""


class Input(typing.NamedTuple):
    """Where something comes from that the decisions are fed with."""

    name: str
    words: str


class Replay:
    """
    One pistol.

    :param name: of the namespace, or the index
    :param topics: those that the log has besides frames
    :param parameters: of today
    """

    def __init__(
        self, name: str, index: int, topics: Collection[str], parameters: Parameters,
    ) -> None:
        self.name = name
        self.index = index
        self.parameters = parameters
        self.comparison = Comparison(without=parameters.unknown)
        self.faults_then: list[Fault] = []
        self._topics = topics
        self._remarks = Remarks()
        self._today = Today(
            parameters, self.comparison, self._remarks,
            has_contacts='contactor_feedback' in topics)
        self._people = People(
            self._today, self.comparison, self._remarks,
            is_measured='power_measurement' in topics)
        self._readings = Readings()
        self._positions = Positions()
        self._is_ready = False
        """Whether the modules are taken to be ready, where only Power_Modules_Status tells."""

    @property
    def faults_now(self) -> list[Fault]:
        """What latched today."""
        return self._today.faults

    @property
    def remarks(self) -> list[str]:
        """Sentences about this pistol."""
        return self._remarks.texts

    @property
    def corrected(self) -> int:
        """How many readings of the modules are not as recorded (:class:`~.hardware.Readings`)."""
        return self._readings.corrected

    @property
    def assumed_contacts(self) -> int:
        """How many positions are not as recorded: taken to follow today's commands."""
        return self._positions.assumed

    @property
    def inputs(self) -> Iterator[Input]:
        """Say of each input where it comes from."""
        has = self._topics.__contains__
        own = self.parameters.stage.has_output_contactors
        if self.parameters.has_limits_of_log:
            yield Input('limits', self._limits())
        yield Input('frames of the controller', 'recorded')
        yield Input('power modules', (
            'recorded (power_measurement)' if has('power_measurement') else
            'derived from Power_Modules_Status, ten a second; taken to be ready from the first '
            'System_Enable = Allowed of a session on'))
        yield Input('contactors', (
            'recorded (contactor_feedback)' if has('contactor_feedback') else
            "assumed to follow today's commands" if own else 'none of our own'))
        yield Input('wishes', (
            'leases derived from effective_setpoint, emergency stops and resets from power_status '
            'and stage_status; set_limits and set_contactors are not replayed'
            if has('power_status') else 'not recorded, none are replayed'))

    def _limits(self) -> str:
        if self.comparison.not_judged:
            return (
                'not known: there are no parameters, and DC_Power_Parameters of the log tells '
                f'none. Not judged: {", ".join(self.comparison.not_judged)}; --params brings '
                'them')
        limits = self.parameters.power.limits
        discharge = (
            f', {limits.max_discharge_current_a:g} A of discharge'
            if limits.is_bidirectional else '')
        return (
            f'{limits.max_voltage_v:g} V, {limits.max_current_a:g} A{discharge}: the largest in '
            'DC_Power_Parameters of the log, but for what --set says')

    # What comes from the log

    def hear(self, received: Received, time_s: float) -> None:
        """Take a frame."""
        now_s = self._today.advance(time_s)
        message = received.message
        if message.FROM_CONTROLLER:
            if isinstance(message, AdvanticsControllerStatus) and (
                    self._people.see_state(message.state, now_s)):
                self._is_ready = False
            self._today.receive(message, now_s)
        elif isinstance(message, PowerModulesStatus):
            self._see_status(message, now_s)
        elif isinstance(message, DcPowerParameters):
            was = self.comparison.was
            was('told voltage', message.maximum_voltage, now_s=now_s)
            was('told charge current', message.maximum_charge_current, now_s=now_s)
            was('told discharge current', message.maximum_discharge_current, now_s=now_s)

    def take(self, sample: Sample, time_s: float, true_s: float | None) -> None:
        """
        Take a message of a topic.

        :param time_s: when it was recorded
        :param true_s: when it was true, by its header; ``None`` without one
        """
        now_s = self._today.advance(time_s)
        if true_s is None:
            true_s = now_s
        elif not -FUTURE_S < now_s - true_s < OLDEST_S:
            self._remarks.add(
                f'{sample.topic}: a message {now_s - true_s:.1f} s old is not used')
            return
        take = _TOPICS.get(sample.topic)
        if take is not None:
            try:
                take(self, sample.message, min(true_s, now_s), now_s)
            except (ValueError, AttributeError, TypeError) as error:
                self._remarks.add(f'{sample.topic}: not used: {error}')

    def end(self, time_s: float) -> None:
        """Go on to the end of the log."""
        now_s = self._today.advance(time_s)
        self.comparison.pause(now_s=now_s)
        if self._today.power.phase is Phase.FAULT:
            self._remarks.add('the fault of power_control is latched at the end of the log')

    # What was recorded of the hardware

    def _see_status(self, message: PowerModulesStatus, now_s: float) -> None:
        """Take Power_Modules_Status: what the bus showed, and what was measured."""
        is_allowed = message.system_enable == PowerModulesStatus.SystemEnable.ALLOWED
        if 'power_status' not in self._topics:
            self.comparison.was(
                'system_enable', is_allowed, now_s=now_s, expires_s=STATUS_EXPIRES_S)
        self._today.voltage_v = message.present_voltage
        if 'power_setpoint' not in self._topics:
            self.comparison.was('flowing current', message.present_current, now_s=now_s)
            self.comparison.was('delivered current', message.present_current, now_s=now_s)
        if 'power_measurement' not in self._topics:
            self._is_ready |= is_allowed
            self._use(PowerMeasurement(
                voltage_v=message.present_voltage, current_a=message.present_current,
                is_ready=self._is_ready,
                insulation_resistance_ohm=_unless(0.0, message.insulation_resistance),
                power_modules_temperature_c=_unless(-40.0, message.power_modules_temperature),
                enclosure_temperature_c=_unless(-40.0, message.enclosure_temperature),
            ), now_s, now_s)

    def _measure(self, message: typing.Any, true_s: float, now_s: float) -> None:
        self._use(PowerMeasurement(
            voltage_v=message.voltage, current_a=message.current, is_ready=message.ready,
            insulation_resistance_ohm=message.insulation_resistance,
            power_modules_temperature_c=message.power_modules_temperature,
            enclosure_temperature_c=message.enclosure_temperature, fault=message.fault,
        ), true_s, now_s)

    def _use(self, measurement: PowerMeasurement, true_s: float, now_s: float) -> None:
        today = self._today
        today.measure(self._readings.as_today(
            measurement, today.decision, is_open=today.stage.stage is Stage.OPEN, now_s=now_s,
        ), true_s)

    def _see_contacts(self, message: typing.Any, true_s: float, now_s: float) -> None:
        recorded = ContactorFeedback(
            Contact(message.output), Contact(message.precharge), message.pistol_voltage)
        then = self.comparison.last('output contactors')
        has_own = self.parameters.stage.has_output_contactors
        self._today.see_contacts(self._positions.as_today(
            recorded, self._today.command,
            was_closed=then == 'closed' if has_own and then is not None else None, now_s=now_s,
        ), true_s, now_s)

    # What was decided then

    def _see_setpoint(self, message: typing.Any, true_s: float, now_s: float) -> None:
        before, then = self._readings.then, PowerSetpoint(
            ModulesMode(message.mode), message.voltage, message.current)
        self._readings.then = then
        was = self.comparison.was
        was('mode', then.mode.name, now_s=true_s)
        was('voltage', then.voltage_v, now_s=true_s)
        was('current', then.current_a, now_s=true_s)
        if before is None or then.mode is not before.mode:
            # Then a tick saw something, and the answer of the controller is about to come: today
            # must not see the answer first only because its tick is a little later.
            self._today.tick_power(now_s)

    def _see_power(self, message: typing.Any, true_s: float, now_s: float) -> None:
        was = self.comparison.was
        if message.phase_name == UNKNOWN:
            # The last word of a node that left active: from here on nothing was decided.
            for name in ('phase', 'system_enable', 'fault'):
                was(name, None, now_s=true_s)
            return
        before = self.comparison.last('fault')
        was('phase', message.phase_name or Phase(message.phase).name, now_s=true_s)
        was('system_enable', bool(message.system_enable), now_s=true_s)
        was('fault', message.fault, now_s=true_s)
        if message.fault and not before:
            self.faults_then.append(Fault(true_s, 'power_control', message.fault))
            self._people.see_power_fault(message.fault, now_s)
        elif before and not message.fault:
            self._people.see_power_reset(now_s)

    def _see_stage(self, message: typing.Any, true_s: float, now_s: float) -> None:
        was = self.comparison.was
        name = message.stage_name or Stage(message.stage).name
        if name == UNKNOWN:
            for field in ('stage', 'stage fault'):
                was(field, None, now_s=true_s)
            return
        before = self.comparison.last('stage')
        fault = message.reason if name == Stage.FAULT.name else ''
        was('stage', name, now_s=true_s)
        was('stage fault', fault, now_s=true_s)
        if fault and before != name:
            self.faults_then.append(Fault(true_s, 'precharge', fault))
        elif before == Stage.FAULT.name and not fault:
            self._people.see_stage_reset(now_s)

    def _see_command(self, message: typing.Any, true_s: float, _now_s: float) -> None:
        was = self.comparison.was
        was('output contactors', 'closed' if message.output_closed else 'open', now_s=true_s)
        was('precharge relay', 'closed' if message.precharge_closed else 'open', now_s=true_s)

    def _see_precharge(self, message: typing.Any, true_s: float, _now_s: float) -> None:
        verdict = Verdict(message.verdict)
        self.comparison.was(
            'precharge', None if verdict is Verdict.UNKNOWN else verdict.name, now_s=true_s)

    def _see_lease(self, message: typing.Any, _true_s: float, now_s: float) -> None:
        self._people.see_lease(message, now_s)


_TOPICS: dict[str, _Take] = {
    'power_measurement': Replay._measure,
    'contactor_feedback': Replay._see_contacts,
    'power_setpoint': Replay._see_setpoint,
    'power_status': Replay._see_power,
    'stage_status': Replay._see_stage,
    'contactor_command': Replay._see_command,
    'precharge_status': Replay._see_precharge,
    'effective_setpoint': Replay._see_lease,
}


def _unless(nothing: float, value: float) -> float:
    """Give NaN for the number by which the frame says that there is no sensor (R13, R50)."""
    return math.nan if value == nothing else value
