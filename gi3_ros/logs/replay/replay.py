"""
A recorded session, fed into what power_control and precharge decide today.

The cores are those of the nodes, ticked as the nodes tick them, on the time of the log: as fast
as the machine can, and twice the same. There is no bus here and no topic: what comes out is
compared with what was decided then (:mod:`.comparison`), and nothing else.

What went in then goes in again: the frames of the controller, the readings of the power modules,
the positions of the contactors, each with the time at which it was true. What a log does not have
is derived, and each result says so (:attr:`Replay.inputs`).
"""

import collections
import dataclasses
import heapq
import itertools
import math

from ...core.controller_watch import IDLE_STATES, State
from ...core.hardware import (
    Contact,
    ContactorFeedback,
    ModulesMode,
    PowerMeasurement,
    PowerSetpoint,
    Stage,
)
from ...core.interface import codec
from ...core.interface.signals import (
    AdvanticsControllerStatus,
    DcPowerParameters,
    PowerModulesStatus,
)
from ...core.power.control import PowerControl
from ...core.power.phases import Phase, POWERED
from ...core.power.setpoint import Priority
from ...core.stage.installations import stage_for
from ...core.stage.precharge import PrechargeSupervision, Verdict
from ..decoding import decoded_batches
from ..entries import Gap, Heard, Sample
from .comparison import Comparison, without_numbers
from .parameters import ParameterFile, Told

TICK_S = 0.01
"""Of power_control; precharge ticks at every second one."""
OLDEST_S = 5.0
FUTURE_S = 0.5
"""A node does not use what claims to be older, or from the future."""
SETTLED_S = 0.15
"""So long a decision has to differ before the recorded hardware cannot have followed it."""
CONTACT_PERIOD_S = 0.05
"""Of contactors that are taken to follow."""
PEAK_S = 0.5
"""Modules take this long to bring a current down."""
FOLLOW_S = 6.0
"""Modules take this long at the most to deliver what they are told, as for the rules (R28)."""
OLDEST_NS = round(OLDEST_S * 1e9)
WRITING_NS = 10_000_000_000
"""A recorder that gets no processor writes a topic so much later than another."""
AROUND_NS = 1_000_000_000
WINDOW_ENTRIES = 20_000
"""So many entries wait for their turn at the most."""
PAUSE_S = 10.0
"""After so long without any entry everything is stale and off: no need to tick through it."""
RESET_PERIOD_S = 1.0
STATUS_EXPIRES_S = 0.15
"""Power_Modules_Status comes every 100 ms in a session; who has fallen silent says nothing."""
_NOT_UNDERWAY = IDLE_STATES | {
    State.NEGOTIATING_CONNECTION, State.CONNECTED_WITH_FULL_INFO, State.CCS_AUTHORISATION_PROCESS}
UNKNOWN = Stage.UNKNOWN.name
"""Of a phase or a stage, too: nothing is told by it."""
_VOLTAGE_IS_OURS = frozenset({Phase.INSULATION_TEST, Phase.PRECHARGE})
_DECISIONS = frozenset({
    'power_setpoint', 'power_status', 'effective_setpoint', 'contactor_command', 'stage_status'})
_INPUTS = ('power_measurement', 'contactor_feedback')
_EMERGENCY = 'emergency stop asked for: '


@dataclasses.dataclass(frozen=True, slots=True)
class Fault:
    """A latched fault. Seconds since the log began."""

    time_s: float
    part: str
    text: str


class Replay:
    """
    One pistol.

    :param name: of the namespace, or the index
    :param topics: those that the log has besides frames
    :param parameters: :class:`~.parameters.Parameters` of today
    """

    def __init__(self, name, index, topics, parameters):
        self.name = name
        self.index = index
        self.parameters = parameters
        self.comparison = Comparison(without=parameters.unknown)
        self.faults_then = []
        self.faults_now = []
        self.remarks = []
        self.corrected = 0
        """Readings of the modules that are not as recorded, see :meth:`_as_today`."""
        self.assumed_contacts = 0
        """Positions that are not as recorded: taken to follow today's commands."""
        self._topics = topics
        self._power = PowerControl(parameters.power)
        self._stage = stage_for(parameters.stage)
        self._supervision = PrechargeSupervision(parameters.precharge_timeout_s)
        self._decision = None
        self._command = None
        self._ticks = 0
        self._now_s = 0.0
        self._heard_s = 0.0
        self._reported = None
        self._has_state = False
        self._state = None
        self._state_s = 0.0
        self._reset_tried_s = -math.inf
        self._is_ready = False
        self._setpoint_then = None
        self._differs_since_s = None
        self._is_emptied = False
        self._contacts_differ_since_s = None
        self._contacts_s = -math.inf
        self._peaks = collections.deque()
        self._least = collections.deque()
        self._voltage_v = math.nan
        self._lease = None

    @property
    def inputs(self):
        """Say of each input where it comes from, as ``(what, words)``."""
        has = self._topics.__contains__
        own = self.parameters.stage.has_output_contactors
        if self.parameters.has_limits_of_log:
            yield 'limits', self._limits()
        yield 'frames of the controller', 'recorded'
        yield 'power modules', (
            'recorded (power_measurement)' if has('power_measurement') else
            'derived from Power_Modules_Status, ten a second; taken to be ready from the first '
            'System_Enable = Allowed of a session on')
        yield 'contactors', (
            'recorded (contactor_feedback)' if has('contactor_feedback') else
            "assumed to follow today's commands" if own else 'none of our own')
        yield 'wishes', (
            'leases derived from effective_setpoint, emergency stops and resets from power_status '
            'and stage_status; set_limits and set_contactors are not replayed'
            if has('power_status') else 'not recorded, none are replayed')

    def _limits(self):
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

    def hear(self, received, time_s):
        """Take a frame."""
        now_s = self._advance(time_s)
        message = received.message
        if message.FROM_CONTROLLER:
            if type(message) is AdvanticsControllerStatus:
                self._see_state(message.state, now_s)
            self._power.receive(message, now_s=now_s)
            self._stage.receive(message, now_s=now_s)
            self._supervision.receive(message, now_s=now_s)
            self._tick_power(now_s)
            self._tick_stage(now_s)
        elif type(message) is PowerModulesStatus:
            self._see_status(message, now_s)
        elif type(message) is DcPowerParameters:
            was = self.comparison.was
            was('told voltage', message.maximum_voltage, now_s=now_s)
            was('told charge current', message.maximum_charge_current, now_s=now_s)
            was('told discharge current', message.maximum_discharge_current, now_s=now_s)

    def take(self, sample, time_s, true_s):
        """
        Take a message of a topic.

        :param time_s: when it was recorded
        :param true_s: when it was true, by its header; ``None`` without one
        """
        now_s = self._advance(time_s)
        if true_s is None:
            true_s = now_s
        elif not -FUTURE_S < now_s - true_s < OLDEST_S:
            self._remark(f'{sample.topic}: a message {now_s - true_s:.1f} s old is not used')
            return
        take = _TOPICS.get(sample.topic)
        if take is not None:
            try:
                take(self, sample.message, min(true_s, now_s), now_s)
            except (ValueError, AttributeError, TypeError) as error:
                self._remark(f'{sample.topic}: not used: {error}')

    def end(self, time_s):
        """Go on to the end of the log."""
        now_s = self._advance(time_s)
        self.comparison.pause(now_s=now_s)
        if self._power.phase is Phase.FAULT:
            self._remark('the fault of power_control is latched at the end of the log')

    # Time

    def _advance(self, to_s):
        """Tick up to a moment; return the present one, which never goes back."""
        if to_s - self._heard_s > PAUSE_S:
            self._run(self._heard_s + PAUSE_S)
            self.comparison.pause(now_s=self._now_s)
            self._ticks = max(self._ticks, 2 * math.floor(to_s / (2 * TICK_S)))
        self._run(to_s)
        self._heard_s = max(self._heard_s, to_s)
        self._now_s = max(self._now_s, to_s)
        return self._now_s

    def _run(self, to_s):
        # What comes at the moment of a tick is known to it.
        last = math.ceil(to_s / TICK_S - 1e-6)
        while self._ticks < last:
            now_s = self._now_s = max(self._now_s, self._ticks * TICK_S)
            if self._ticks % 2 == 0:
                self._tick_stage(now_s)
            self._tick_power(now_s)
            if self._ticks % 2 == 0:
                self.comparison.step(now_s=now_s)
            self._ticks += 1

    def _tick_power(self, now_s):
        decision = self._power.tick(now_s=now_s)
        before, self._decision = self._decision, decision
        setpoint = decision.setpoint
        self._supervision.see_setpoint(setpoint)
        self._stage.see_setpoint(setpoint.mode, now_s=now_s)
        self._stage.see_power(
            decision.fault, is_enabled=decision.system_enable,
            is_commanded=decision.phase in POWERED, now_s=now_s)
        if decision.parameters is not None:
            says = self.comparison.says
            says('told voltage', decision.parameters.maximum_voltage)
            says('told charge current', decision.parameters.maximum_charge_current)
            says('told discharge current', decision.parameters.maximum_discharge_current)
        if before is not None and decision.fault and decision.fault != before.fault:
            self._latches('power_control', decision.fault, now_s)
        self.comparison.says('delivered current', self._least_asked(decision, now_s))
        self.comparison.is_power(
            decision.phase.name, decision.system_enable, decision.fault, setpoint,
            self._peak(abs(setpoint.current_a), now_s),
            decision.fault or decision.note or setpoint.reason)

    def _tick_stage(self, now_s):
        stage = self._stage
        if 'contactor_feedback' not in self._topics:
            self._assume_contacts(now_s)
        command = self._command = stage.tick(now_s=now_s)
        before, self._reported = self._reported, stage.stage
        fault = stage.reason if stage.stage is Stage.FAULT else ''
        if fault and before is not Stage.FAULT:
            self._latches('precharge', fault, now_s)
        self._power.see_stage(
            stage.stage, stage.reason, now_s=now_s,
            has_output_contactors=self.parameters.stage.has_output_contactors,
            battery_may_be_connected=stage.battery_may_be_connected)
        if before is not stage.stage:
            self._tick_power(now_s)
        progress = self._supervision.take_news(now_s=now_s) or stage.take_progress(now_s=now_s)
        if progress is not None:
            verdict = progress.verdict
            self.comparison.says(
                'precharge', None if verdict is Verdict.UNKNOWN else verdict.name)
        self.comparison.is_stage(stage.stage.name, fault, command, stage.reason)

    def _peak(self, magnitude_a, now_s):
        """Return the largest current that was permitted lately."""
        return -_least_lately(self._peaks, -magnitude_a, now_s, PEAK_S)

    def _least_asked(self, decision, now_s):
        """Return what today has asked for all the time for long enough, so that it should flow."""
        setpoint = decision.setpoint
        is_limited_by_voltage = (
            setpoint.current_a > 0.0 and not self._voltage_v < 0.98 * setpoint.voltage_v - 2.0)
        is_asked = decision.phase is Phase.POWER_TRANSFER and not is_limited_by_voltage
        return _least_lately(
            self._least, abs(setpoint.current_a) if is_asked else 0.0, now_s, FOLLOW_S)

    # What was recorded of the hardware

    def _measure(self, message, true_s, now_s):
        self._use(PowerMeasurement(
            voltage_v=message.voltage, current_a=message.current, is_ready=message.ready,
            insulation_resistance_ohm=message.insulation_resistance,
            power_modules_temperature_c=message.power_modules_temperature,
            enclosure_temperature_c=message.enclosure_temperature, fault=message.fault,
        ), true_s, now_s)

    def _use(self, measurement, true_s, now_s):
        measurement = self._as_today(measurement, now_s)
        self._power.measure(measurement, now_s=true_s)
        self._stage.measure(measurement, now_s=true_s)
        self._supervision.measure(measurement, now_s=true_s)

    def _as_today(self, measurement, now_s):
        """
        Put right what the modules would not have done with today's setpoint.

        They never exceed their setpoint (``PowerSetpoint.msg``). So what they were told then
        beyond what they are told now is taken off; what they did beyond their orders stays. And
        behind open contactors they empty the output when they are told to. Without that a lower
        limit would look as if the modules disobeyed it.
        """
        then, decision = self._setpoint_then, self._decision
        if then is None or decision is None:
            return measurement
        now = decision.setpoint
        if now.mode is then.mode or now.mode is ModulesMode.REGULATE:
            self._is_emptied = False
        is_emptying = now.mode is ModulesMode.BLEED and then.mode is not ModulesMode.BLEED
        excess_a = abs(then.current_a) - abs(now.current_a)
        # With a battery behind the contactors the voltage is not that of the modules.
        excess_v = then.voltage_v - now.voltage_v if decision.phase in _VOLTAGE_IS_OURS else 0.0
        if not (excess_a > 0.1 or excess_v > 0.1 or is_emptying or self._is_emptied):
            self._differs_since_s = None
            return measurement
        if self._differs_since_s is None:
            self._differs_since_s = now_s
        if now_s - self._differs_since_s < SETTLED_S:
            return measurement
        self.corrected += 1
        self._is_emptied |= is_emptying and self._stage.stage is Stage.OPEN
        if self._is_emptied:
            return dataclasses.replace(measurement, voltage_v=0.0, current_a=0.0)
        magnitude_a = _less(abs(measurement.current_a), excess_a, abs(now.current_a))
        return dataclasses.replace(
            measurement, current_a=math.copysign(magnitude_a, measurement.current_a),
            voltage_v=_less(measurement.voltage_v, excess_v, now.voltage_v))

    def _see_contacts(self, message, true_s, now_s):
        output, precharge = Contact(message.output), Contact(message.precharge)
        then, command = self.comparison.last('output contactors'), self._command
        differs = (
            self.parameters.stage.has_output_contactors
            and command is not None and then is not None
            and (then == 'closed') is not command.output_closed)
        if not differs:
            self._contacts_differ_since_s = None
        elif self._contacts_differ_since_s is None:
            self._contacts_differ_since_s = now_s
        elif now_s - self._contacts_differ_since_s >= SETTLED_S:
            self.assumed_contacts += 1
            if output is not Contact.UNKNOWN:
                output = _contact(command.output_closed)
            if precharge is not Contact.UNKNOWN:
                precharge = _contact(command.precharge_closed)
        self._stage.see_contacts(
            ContactorFeedback(output, precharge, message.pistol_voltage), now_s=true_s)
        self._tick_stage(now_s)

    def _assume_contacts(self, now_s):
        if now_s - self._contacts_s >= CONTACT_PERIOD_S:
            self._contacts_s, command = now_s, self._command
            self._stage.see_contacts(ContactorFeedback(
                _contact(command is not None and command.output_closed),
                _contact(command is not None and command.precharge_closed)), now_s=now_s)

    def _see_status(self, message, now_s):
        """Take Power_Modules_Status: what the bus showed, and what was measured."""
        is_allowed = message.system_enable == PowerModulesStatus.SystemEnable.ALLOWED
        if 'power_status' not in self._topics:
            self.comparison.was(
                'system_enable', is_allowed, now_s=now_s, expires_s=STATUS_EXPIRES_S)
        self._voltage_v = message.present_voltage
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

    # What was decided then

    def _see_setpoint(self, message, true_s, now_s):
        before, then = self._setpoint_then, PowerSetpoint(
            ModulesMode(message.mode), message.voltage, message.current)
        self._setpoint_then = then
        was = self.comparison.was
        was('mode', then.mode.name, now_s=true_s)
        was('voltage', then.voltage_v, now_s=true_s)
        was('current', then.current_a, now_s=true_s)
        if before is None or then.mode is not before.mode:
            # Then a tick saw something, and the answer of the controller is about to come: today
            # must not see the answer first only because its tick is a little later.
            self._tick_power(now_s)

    def _see_power(self, message, true_s, now_s):
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
            if message.fault.startswith(_EMERGENCY):
                reason = message.fault[len(_EMERGENCY):].rsplit(' (in ', 1)[0]
                self._power.emergency_stop(reason, now_s=now_s)
                self._tick_power(now_s)
        elif before and not message.fault and self._power.phase is Phase.FAULT:
            self._reset(self._power, 'power_control', now_s)

    def _see_stage(self, message, true_s, now_s):
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
        elif before == Stage.FAULT.name and not fault and self._stage.stage is Stage.FAULT:
            self._reset(self._stage, 'precharge', now_s)

    def _see_command(self, message, true_s, _now_s):
        was = self.comparison.was
        was('output contactors', 'closed' if message.output_closed else 'open', now_s=true_s)
        was('precharge relay', 'closed' if message.precharge_closed else 'open', now_s=true_s)

    def _see_precharge(self, message, true_s, _now_s):
        verdict = Verdict(message.verdict)
        self.comparison.was(
            'precharge', None if verdict is Verdict.UNKNOWN else verdict.name, now_s=true_s)

    def _see_lease(self, message, _true_s, now_s):
        """Grant the lease that ranked highest then, and give it back when it was gone."""
        lease = (message.lease_source, message.lease_current) if message.lease_source else None
        if lease == self._lease:
            return
        self._lease = lease
        source, current_a = lease or ('', 0.0)
        try:
            self._power.request_current(
                current_a, duration_s=message.lease_remaining if lease else 0.0,
                priority=Priority.OPERATOR, source=source, now_s=now_s)
        except ValueError as error:
            self._remark(f'lease of {source}: refused today: {error}')

    # What people did, as far as it shows

    def _see_state(self, state, now_s):
        if not self._has_state:
            self._has_state = True
            if state not in _NOT_UNDERWAY:
                name = getattr(state, 'name', f'state {state}')
                self._remark(
                    f'the log begins within a session (controller in {name}): today gives '
                    f'no power before one that it sees begin, as after a restart')
        if state not in IDLE_STATES or state != self._state:
            self._state, self._state_s = state, now_s
            return
        self._is_ready = False
        # A fault of today that was none then, or that nobody can have been seen to reset.
        is_over = now_s - self._state_s > RESET_PERIOD_S
        if is_over and now_s - self._reset_tried_s > RESET_PERIOD_S:
            if self._power.phase is Phase.FAULT and not self.comparison.last('fault'):
                self._reset_tried_s = now_s
                self._reset(self._power, 'power_control', now_s, why='as the session is over')
            if self._stage.stage is Stage.FAULT and not self.comparison.last('stage fault'):
                self._reset_tried_s = now_s
                self._reset(self._stage, 'precharge', now_s, why='as the session is over')

    def _reset(self, part, name, now_s, *, why='as then'):
        try:
            part.reset_fault(now_s=now_s)
        except ValueError as error:
            if part is not self._power or 'power_measurement' in self._topics:
                self._remark(f'{name} cannot be reset today: {error}')
                return
            # Outside of a session Power_Modules_Status may be silent, and a reset needs a reading.
            self._power = PowerControl(self.parameters.power)
        self._remark(f'after {now_s:.2f} s: the fault of {name} is reset {why}')

    def _latches(self, part, text, now_s):
        self.faults_now.append(Fault(now_s, part, text))
        flowing_a = self.comparison.last('flowing current')
        if flowing_a is not None and abs(flowing_a) > 1.05 * self._peak(0.0, now_s) + 3.0:
            self._remark(
                f'after {now_s:.2f} s: the recorded modules carried {flowing_a:.1f} A, more than '
                'today permits: what follows from it may be a consequence. A bag with '
                'power_setpoint would tell')

    def _remark(self, text):
        if without_numbers(text) not in map(without_numbers, self.remarks):
            self.remarks.append(text)


_TOPICS = {
    'power_measurement': Replay._measure,
    'contactor_feedback': Replay._see_contacts,
    'power_setpoint': Replay._see_setpoint,
    'power_status': Replay._see_power,
    'stage_status': Replay._see_stage,
    'contactor_command': Replay._see_command,
    'precharge_status': Replay._see_precharge,
    'effective_setpoint': Replay._see_lease,
}


def _contact(is_closed):
    return Contact.CLOSED if is_closed else Contact.OPEN


def _less(measured, excess, told):
    """Take off the excess of what was told then, down to what is told today and no further."""
    if excess <= 0.0 or measured <= told:
        return measured
    return max(told, measured - excess)


def _least_lately(window, value, now_s, length_s):
    """
    Return the least of the values of the last seconds.

    :param window: ``(time, value)`` with rising values, kept from call to call
    """
    while window and window[0][0] < now_s - length_s:
        window.popleft()
    while window and window[-1][1] >= value:
        window.pop()
    window.append((now_s, value))
    return window[0][1]


def _unless(nothing, value):
    """Give NaN for the number by which the frame says that there is no sensor (R13, R50)."""
    return math.nan if value == nothing else value


@dataclasses.dataclass(slots=True)
class Outcome:
    """What came of a log."""

    replays: list
    """One :class:`Replay` for each pistol that was heard."""
    remarks: list
    seconds: float
    """How long the log is."""
    start_ns: int
    """The time of its first entry."""

    @property
    def is_same(self):
        """Whether today decides as then, wherever that is known, and all could be judged."""
        return not self.differences and self.is_judged and any(
            each.comparison.compared_s > 0 for each in self.replays)

    @property
    def is_judged(self):
        """Whether the limits of then are known of every pistol."""
        return not any(each.comparison.not_judged for each in self.replays)

    @property
    def differences(self):
        """All differences, of all pistols."""
        return [each for replay in self.replays for each in replay.comparison.differences]


def replay(log, parameter_file=None):
    """
    Feed a log to the cores of today.

    The log is read twice: what it has decides what has to be derived.

    :param log: what :func:`~.reading.open_log` returns, or any iterable that can be read twice
    :param parameter_file: a :class:`~.parameters.ParameterFile`; the defaults without
    :raises LogError: for parameters that are unusable
    """
    survey = _Survey(log)
    parameter_file = parameter_file or ParameterFile()
    replays = {}
    for index, found in sorted(survey.pistols.items()):
        namespace = found.namespace or parameter_file.namespace_of(index) or f'pistol{index}'
        replays[index] = Replay(
            namespace, index, found.topics,
            parameter_file.of(
                namespace, index, installation=found.installation, told=found.told))
        for topic, last_ns in found.topics.items():
            silent_s = survey.seconds - (last_ns - survey.start_ns) / 1e9
            if topic in _INPUTS and silent_s > PAUSE_S / 10:
                replays[index].remarks.append(
                    f'the log has no {topic} in its last {silent_s:.1f} s: today takes that for '
                    f'silence, whether it was silent or not recorded')
    parameter_file.check_used()
    start_ns, seconds = survey.start_ns, survey.seconds
    entries = _as_known(log) if survey.has_samples else ((each.time_ns, each) for each in log)
    for known_ns, entry in entries:
        time_s = (known_ns - start_ns) / 1e9
        if isinstance(entry, Heard):
            received = codec.decode(entry.frame)
            if isinstance(received, codec.Received):
                replays[received.index].hear(received, time_s)
        else:
            index = survey.index_of(entry)
            if index is not None:
                true_ns = _stamp_ns(entry)
                replays[index].take(
                    entry, time_s, None if true_ns is None else (true_ns - start_ns) / 1e9)
    for each in replays.values():
        each.end(seconds)
    return Outcome(list(replays.values()), survey.remarks, seconds, start_ns)


def _as_known(log):
    """
    Yield ``(time in ns, entry)`` in the order in which the nodes got to know.

    A recorder on a busy machine writes late, and not in order, what the nodes knew long before:
    it has no priority. How late, the decisions tell, which were published in the moment of their
    stamps. What else was recorded at that time may have been as late, but was not known before
    the moment of its own stamp.
    """
    recorded = _in_order(((entry.time_ns, entry) for entry in log), WRITING_NS)
    yield from _in_order(_known(recorded), OLDEST_NS)


def _known(recorded):
    held = collections.deque()
    delays = collections.deque()
    for recorded_ns, entry in itertools.chain(recorded, [(math.inf, None)]):
        while held and held[0][0] < recorded_ns - AROUND_NS:
            yield _known_entry(*held.popleft(), delays)
        if entry is not None:
            held.append((recorded_ns, entry))
            stamp_ns = _stamp_ns(entry) if getattr(entry, 'topic', '') in _DECISIONS else None
            if stamp_ns is not None and 0 <= recorded_ns - stamp_ns < OLDEST_NS:
                delays.append((recorded_ns, recorded_ns - stamp_ns))


def _known_entry(recorded_ns, entry, delays):
    """Return ``(time, entry)``, with what decisions were late by around that time."""
    while delays and delays[0][0] < recorded_ns - AROUND_NS:
        delays.popleft()
    stamp_ns = _stamp_ns(entry) if isinstance(entry, Sample) and delays else None
    if stamp_ns is None or not 0 <= recorded_ns - stamp_ns < OLDEST_NS:
        return recorded_ns, entry
    late_ns = max(delay_ns for _, delay_ns in delays)
    return max(stamp_ns, recorded_ns - late_ns), entry


def _in_order(entries, window_ns):
    """Put ``(time in ns, entry)`` in the order of the times, as far as the window reaches."""
    waiting = []
    latest_ns = 0
    for number, (time_ns, entry) in enumerate(entries):
        heapq.heappush(waiting, (time_ns, number, entry))
        latest_ns = max(latest_ns, time_ns)
        while waiting[0][0] < latest_ns - window_ns or len(waiting) > WINDOW_ENTRIES:
            time_ns, _, entry = heapq.heappop(waiting)
            yield time_ns, entry
    while waiting:
        time_ns, _, entry = heapq.heappop(waiting)
        yield time_ns, entry


def _stamp_ns(sample):
    """Return the time in a message's header; ``None`` where there is none, or it is not set."""
    header = getattr(sample.message, 'header', None)
    if header is None or not (header.stamp.sec or header.stamp.nanosec):
        return None
    return header.stamp.sec * 1_000_000_000 + header.stamp.nanosec


@dataclasses.dataclass(slots=True)
class _Pistol:
    namespace: str | None = None
    topics: dict = dataclasses.field(default_factory=dict)
    """Name -> time of its last message, in ns."""
    installation: str | None = None
    told: Told = dataclasses.field(default_factory=Told)


class _Survey:
    """What a log has: pistols, topics, its length."""

    def __init__(self, log):
        self.pistols = {}
        self.remarks = []
        self.has_samples = False
        self.start_ns = self.seconds = 0
        self._nameless = {}
        first_ns = last_ns = None
        for entry, decoded in itertools.chain.from_iterable(decoded_batches(log)):
            if isinstance(entry, Gap):
                continue
            if first_ns is None:
                first_ns = last_ns = entry.time_ns
            last_ns = max(last_ns, entry.time_ns)
            if decoded is not None:
                if isinstance(decoded, codec.Received):
                    pistol = self.pistols.setdefault(decoded.index, _Pistol())
                    if type(decoded.message) is DcPowerParameters:
                        pistol.told = pistol.told.with_also(decoded.message)
                continue
            self.has_samples = True
            if entry.index is not None:
                self._see(self.pistols.setdefault(entry.index, _Pistol()), entry)
            else:
                self._see(self._nameless.setdefault(entry.namespace, _Pistol()), entry)
        if first_ns is not None:
            self.start_ns, self.seconds = first_ns, (last_ns - first_ns) / 1e9
        self._settle()

    def _see(self, pistol, sample):
        pistol.namespace = sample.namespace
        pistol.topics[sample.topic] = max(
            sample.time_ns, pistol.topics.get(sample.topic, sample.time_ns))
        if sample.topic == 'stage_status':
            pistol.installation = getattr(sample.message, 'installation', None) or None

    def _settle(self):
        """Join namespaces of which the index is not known to the one pistol, if it is one."""
        if len(self._nameless) == 1 and len(self.pistols) == 1:
            found, = self._nameless.values()
            index, pistol = next(iter(self.pistols.items()))
            if not pistol.topics:
                self.pistols[index] = dataclasses.replace(found, told=pistol.told)
                return
        for namespace in self._nameless:
            self.remarks.append(
                f'{namespace}: the index of the pistol is not known, its topics are left out')
        self._nameless.clear()

    def index_of(self, sample):
        """Return the pistol of a sample, ``None`` when it is not known."""
        if sample.index is not None:
            return sample.index
        if sample.namespace in self._nameless:
            return next(iter(self.pistols))
        return None


