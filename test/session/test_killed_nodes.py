# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
power_control or precharge is killed at every point of a session: what is left goes safe.

Each node of the charger has a process of its own here, so the others live on. What they, the
driver and the controller did until well after the kill is recorded; :func:`assert_no_unsafe_state`
says what must not be in it. The outputs are judged by their own stamps: how late this process
hears of them does not matter.
"""

import bisect
import collections.abc
import dataclasses
import itertools
import math
import signal
import subprocess
import time

import pytest

from gi3_ros.core.controller_watch import IDLE_STATES
from gi3_ros.core.hardware import COMMAND_TIMEOUT_S, Contact, DRIVER_TIMEOUT_S, ModulesMode, Stage
from gi3_ros.core.interface import signals
from gi3_ros.core.power.phases import Phase
from gi3_ros.core.timing import POWER_MAX_AGE_S, STAGE_MAX_AGE_S

pytestmark = [
    pytest.mark.timeout(120, func_only=True),  # waiting for a seat does not count
    pytest.mark.usefixtures('quick'),
]
State = signals.AdvanticsControllerStatus.State
Function = signals.DcPowerControl.PowerFunction
STATUS = signals.AdvanticsControllerStatus
COMMAND = signals.DcPowerControl
FINISHED = signals.ChargeSessionFinished
PMS = signals.PowerModulesStatus

BUSY_MACHINE_S = 0.3
"""What a reaction may be late on a machine that runs other things, too."""
CURRENT_GONE_S = 1.0
"""From the death of power_control: the driver's own timeout, and a busy machine."""
ON_THE_WAY_S = 0.1
"""A frame that the dead had asked for leaves the gateway no later than this."""
CONTACT_TIME_S = 0.1
"""A contactor moves within this time, its report included."""
VEHICLE_CLOSES_S = 0.1
"""No vehicle closes so soon after the precharge has begun: it looks at the voltage first."""
WATCHED_S = 1.7
"""So long after the kill is looked at: more than any of the limits."""
SAFE_VOLTAGE_V = 20.0
CLOSE = 1 << 6
"""Output_Contactors in the last byte of DC_Power_Control."""


# What is killed, where and when


@dataclasses.dataclass(frozen=True)
class Moment:
    """A point of a session; ``wait(site)`` returns when it has come."""

    name: str
    wait: collections.abc.Callable
    phases: frozenset
    """Of power_control when the kill came in time."""
    states: frozenset
    """Of the controller."""
    simulator: tuple = ()
    """Further options of ``gi3 sim``."""
    duration_s: float = math.inf
    """Of the energy transfer."""
    is_in_session: bool = True
    may_end_clean: bool = False
    """Where all current had gone in the regular way, the session was a clean one (R42); so was the
    only one, where no other was let in."""


@dataclasses.dataclass(frozen=True)
class Installation:
    """A kind of charger with the vehicle that fits, and the moments of its sessions."""

    name: str
    moments: tuple
    modules: tuple = ()
    """ROS arguments of power_modules_sim, the driver."""
    nodes: dict = dataclasses.field(default_factory=dict)
    """ROS arguments of the charger's nodes, by name."""
    simulator: tuple = ()
    """Options of ``gi3 sim``."""
    contacts: tuple = ('output', 'precharge')
    """Contactors of the charger, as ``ContactorFeedback`` has them."""
    max_switched_a: float = 1.0
    """What they may switch (R42)."""
    connecting: frozenset = frozenset({Function.PRECHARGE, Function.POWER_TRANSFER})
    """Functions from which on the vehicle may have its battery on the pistol."""


def at_insulation_test(site):
    """At full voltage."""
    site.measurements.wait_for(lambda reading: reading.voltage > 450.0, timeout_s=40.0)


def at_lowering(site):
    site.setpoints.wait_for(is_bleed, timeout_s=40.0)


def at_precharge(site):
    """Close to the battery's voltage: the vehicle is about to close its contactors."""
    site.witness.wait_for_state(State.PRECHARGE, timeout_s=40.0)
    site.measurements.wait_for(
        lambda reading: reading.voltage > 350.0, after=site.measurements.mark)


def at_waiting(site):
    site.witness.wait_for_state(State.WAITING_FOR_CHARGE, timeout_s=40.0)


def at_transfer(site):
    site.measurements.wait_for(lambda reading: reading.current > 80.0, timeout_s=40.0)


def at_stage(stage, reason=''):
    """Return what waits for the output stage to be somewhere."""
    def wait(site):
        site.stages.wait_for(
            lambda status: status.stage == stage and reason in status.reason, timeout_s=40.0)
    return wait


def at_ending_current(site):
    """Step 1: Standby has only just come, or not even yet."""
    site.witness.wait_for_state(State.ENDING_CHARGE, timeout_s=40.0)


def at_ending_open(site):
    """Step 2: Output_Contactors = Open has only just come."""
    at_ending_current(site)
    site.witness.heard.wait_for(
        lambda frame: frame.base_id == COMMAND.BASE_ID and not frame.data[-1] & CLOSE,
        after=site.witness.heard.mark)


def at_ending_lower(site):
    """Step 3: the output is bled."""
    at_ending_current(site)
    site.setpoints.wait_for(is_bleed, after=site.setpoints.mark)


def at_idle(site):
    """After a session, with the plug still in; the vehicle comes again."""
    finished = site.witness.heard.wait_for(
        lambda frame: frame.base_id == FINISHED.BASE_ID, timeout_s=40.0)
    assert finished.data[0] == FINISHED.State.CLEAN_STOP
    site.witness.wait_for_state(State.WAITING_FOR_PEV, after=site.witness.heard.mark)
    site.words.wait_for(lambda words: words.phase == Phase.IDLE, after=site.words.mark)


def is_bleed(setpoint):
    return setpoint.mode == ModulesMode.BLEED


def options(flag, **entries):
    """Spell entries of the simulator's controller (``--set``) or vehicle out."""
    return tuple(itertools.chain.from_iterable(
        (flag, f'{name}={value}') for name, value in entries.items()))


PATIENT = options('--set', charger_can_timeout_ms=1300)
"""A controller that sees the silence of a charger late (R3): the charger has to help itself."""
BRIEF = (
    *options('--set', boot_s=0.1, negotiation_s=0.2, closing_s=0.3, lowering_timeout_s=1.0,
             ending_timeout_s=1.0),
    *options('--vehicle-set', patience_s=3.0, start_delay_s=0.1),
)
NO_TEST = options('--set', skip_cable_check='true')
TRANSFER = {
    'wait': at_transfer, 'phases': frozenset({Phase.POWER_TRANSFER}),
    'states': frozenset({State.CHARGING}),
}
ENDING = {
    'phases': frozenset({Phase.STANDBY, Phase.LOWERING_AT_END}),
    'states': frozenset({State.ENDING_CHARGE}), 'simulator': (*NO_TEST, *PATIENT),
    'duration_s': 1.0, 'may_end_clean': True,
}
CCS = (
    Moment(
        'insulation test', at_insulation_test, frozenset({Phase.INSULATION_TEST}),
        frozenset({State.INSULATION_TEST}), PATIENT),
    Moment(
        'lowering after the test', at_lowering, frozenset({Phase.LOWERING_AFTER_TEST}),
        frozenset({State.INSULATION_TEST}), PATIENT),
    Moment(
        'precharge', at_precharge, frozenset({Phase.PRECHARGE}), frozenset({State.PRECHARGE}),
        (*NO_TEST, *PATIENT)),
    Moment(
        'waiting for charge', at_waiting, frozenset({Phase.STANDBY}),
        frozenset({State.WAITING_FOR_CHARGE}),
        (*NO_TEST, *PATIENT, *options('--vehicle-set', start_delay_s=5.0))),
    Moment('power transfer', simulator=(*NO_TEST, *PATIENT), **TRANSFER),
    Moment('power transfer, controller in time', simulator=NO_TEST, **TRANSFER),
    Moment('ending, current', at_ending_current, **ENDING | {
        # The kill may be sooner than the Standby that belongs to the state.
        'phases': ENDING['phases'] | {Phase.POWER_TRANSFER}}),
    Moment('ending, open', at_ending_open, **ENDING),
    Moment('ending, lower', at_ending_lower, **ENDING),
    Moment(
        'idle between sessions', at_idle, frozenset({Phase.IDLE}),
        frozenset({State.WAITING_FOR_PEV}),
        (*NO_TEST, *PATIENT, *options('--vehicle-set', patience_s=2.0)), duration_s=0.5,
        is_in_session=False, may_end_clean=True),
)
CONNECTING = {
    # Power may be commanded before the stage is closed: the controller does not know of it.
    'phases': frozenset({Phase.STANDBY, Phase.POWER_TRANSFER}),
    'states': frozenset({State.INSULATION_TEST, State.WAITING_FOR_CHARGE, State.CHARGING}),
    'simulator': (*NO_TEST, *PATIENT),
}
V2G = (
    Moment(
        'insulation test', at_insulation_test, frozenset({Phase.INSULATION_TEST}),
        frozenset({State.INSULATION_TEST}), PATIENT),
    Moment(
        'lowering after the test', at_lowering, frozenset({Phase.LOWERING_AFTER_TEST}),
        frozenset({State.INSULATION_TEST}), PATIENT),
    Moment('waiting for the battery', at_stage(Stage.OPEN, 'a battery has come'), **CONNECTING),
    Moment('precharging', at_stage(Stage.PRECHARGING), **CONNECTING),
    Moment('precharged', at_stage(Stage.RELEASING), **CONNECTING),
    Moment('power transfer', simulator=(*NO_TEST, *PATIENT), **TRANSFER),
    Moment('ending, open', at_ending_open, **ENDING),
    Moment('ending, lower', at_ending_lower, **ENDING),
)
INSTALLATIONS = (
    Installation('CCS, own contactors', CCS, simulator=(*BRIEF, '--steps')),
    Installation(
        'CHAdeMO V2G, own stage', V2G,
        simulator=(
            *BRIEF, '--steps', '--vehicle', 'chademo_v2g',
            *options('--set', index=1, is_bidirectional='true',
                     max_charger_discharge_current=60)),
        nodes={
            'precharge': ('-p', 'installation:=own_v2g'),
            'power_control': (
                '-p', 'is_bidirectional:=true', '-p', 'max_charger_discharge_current:=60.0'),
        },
        max_switched_a=5.0,
        # The vehicle connects without a function of ours (R46); what it is bled of before that
        # the hardware tells.
        connecting=frozenset({Function.POWER_TRANSFER})),
)
ROWS = [
    pytest.param(installation, moment, id=f'{installation.name}: {moment.name}')
    for installation in INSTALLATIONS for moment in installation.moments]


@dataclasses.dataclass(frozen=True)
class Killed:
    """A node that was killed; it was just dead at ``at_s``, seconds of the wall clock."""

    node: str
    at_s: float
    moment: Moment
    installation: Installation


# What was heard


class Track:
    """All messages of one author on one topic, in their order, with their stamps in seconds."""

    def __init__(self, messages, seconds):
        self.messages = list(messages)
        self.at_s = [seconds(message.header.stamp) for message in self.messages]

    def __iter__(self):
        return zip(self.at_s, self.messages, strict=True)

    def before(self, at_s):
        """Return the newest message that is older, or ``None``."""
        number = bisect.bisect_left(self.at_s, at_s)
        return self.messages[number - 1] if number else None

    def since(self, at_s):
        """Return the pairs of time and message that are younger."""
        number = bisect.bisect_right(self.at_s, at_s)
        return list(zip(self.at_s[number:], self.messages[number:], strict=True))

    def last_s(self, at_s):
        """Return the time of the newest message that is not younger."""
        return self.at_s[bisect.bisect_right(self.at_s, at_s) - 1]


class Record:
    """What was heard of one charger, its hardware and its controller, from the beginning."""

    def __init__(self, site, simulator, installation, seconds, *, has_ended):
        self.installation = installation
        self.has_simulator_ended = has_ended
        self.setpoints = Track(site.setpoints.heard, seconds)
        self.measurements = Track(site.measurements.heard, seconds)
        self.words = Track(site.words.heard, seconds)
        self.stages = Track(site.stages.heard, seconds)
        self.commands = Track(site.commands.heard, seconds)
        self.contacts = Track(site.contacts.heard, seconds)
        self.unplugs = list(zip(site.unplugs.heard_at_s, site.unplugs.heard, strict=False))
        self.frames = list(site.witness.heard.heard)
        self.breaches = [
            line for line in site.modules.output.heard if 'would have suffered' in line]
        self.verdict = simulator.output.last
        self._connected_s = list(self._connections())

    def of(self, cls):
        """Return the frames of a message's class."""
        return [frame for frame in self.frames if frame.base_id == cls.BASE_ID]

    def state_before(self, at_s):
        """Return what the controller reported last."""
        return [frame.data[0] for frame in self.of(STATUS) if frame.at_s < at_s][-1]

    def closed(self, feedback):
        """Return which of the charger's contactors a feedback reports as closed."""
        return {
            name for name in self.installation.contacts
            if feedback is not None and getattr(feedback, name) == Contact.CLOSED}

    def moves(self):
        """Yield the time of each move of a contactor, its name, and whether it closes."""
        for (_, before), (at_s, after) in itertools.pairwise(self.contacts):
            for name in self.closed(before) ^ self.closed(after):
                yield at_s, name, name in self.closed(after)

    def current_gone_s(self, since_s):
        """Return from when on no more flowed than may be switched; infinite: it flowed on."""
        gone_s = since_s
        for at_s, reading in self.measurements.since(since_s):
            if gone_s is None and abs(reading.current) <= self.installation.max_switched_a:
                gone_s = at_s
            elif abs(reading.current) > self.installation.max_switched_a:
                gone_s = None
        return math.inf if gone_s is None else gone_s

    def open_s(self, since_s):
        """Return from when on all contactors were open; infinite: they stayed closed."""
        open_s = math.inf if self.closed(self.contacts.before(since_s)) else since_s
        for at_s, feedback in self.contacts.since(since_s):
            if self.closed(feedback):
                open_s = math.inf
            elif open_s == math.inf:
                open_s = at_s
        return open_s

    def may_battery_be_on(self, at_s):
        """Whether the vehicle may have its battery on the pistol, from what the bus has seen."""
        return any(from_s <= at_s <= until_s for from_s, until_s in self._connected_s)

    def _connections(self):
        from_s = None
        for frame in self.frames:
            if frame.base_id == COMMAND.BASE_ID and from_s is None:
                if frame.command[3] & 0x1F in self.installation.connecting:
                    from_s = frame.at_s + VEHICLE_CLOSES_S
            elif frame.base_id == STATUS.BASE_ID and frame.data[0] in IDLE_STATES:
                if from_s is not None:
                    yield from_s, frame.at_s
                from_s = None
        if from_s is not None:
            yield from_s, math.inf

    def bleeds_from_battery(self):
        """Return when bleeding was asked for while contactors joined it with a battery."""
        return [
            at_s for at_s, setpoint, feedback in self._asked_of_hardware()
            if setpoint is not None and is_bleed(setpoint) and self.closed(feedback)
            and self.may_battery_be_on(at_s)]

    def _asked_of_hardware(self):
        """Yield the times at which setpoint or contactors changed, with both."""
        for at_s, setpoint in self.setpoints:
            yield at_s, setpoint, self.contacts.before(at_s)
        for at_s, feedback in self.contacts:
            setpoint = self.setpoints.before(at_s)
            # An older one is not obeyed any more.
            is_in_force = setpoint is not None and (
                at_s - self.setpoints.last_s(at_s) < DRIVER_TIMEOUT_S)
            yield at_s, setpoint if is_in_force else None, feedback

    def unsafe_unplugs(self, since_s):
        """Return when the plug was called safe although it was not, and the voltage at it."""
        found = []
        for at_s, is_safe in self.unplugs:
            feedback, reading = self.contacts.before(at_s), self.measurements.before(at_s)
            if at_s > since_s and is_safe.data and (
                    self.closed(feedback) or abs(feedback.pistol_voltage) > SAFE_VOLTAGE_V
                    or abs(reading.current) > 1.0):
                found.append((f'{at_s - since_s:+.3f} s', f'{feedback.pistol_voltage:.0f} V'))
        return found


# What must not be in it


def assert_no_unsafe_state(record, killed):
    """Hold the record of a kill against everything that has to be so; tells all that is not."""
    rows = [*of_both(record, killed), *_OF_NODE[killed.node](record, killed)]
    broken = {name: found for name, found in rows if found}
    assert not broken, '\n'.join(
        f'{name}: {[str(each) for each in found][:5]}' for name, found in broken.items())


def of_both(record, killed):
    """Yield what holds whoever was killed: a name and what was found against it."""
    limit_a, moment = killed.installation.max_switched_a, killed.moment
    yield 'contactors open with no more current than they may switch', [
        (f'{at_s - killed.at_s:+.3f} s', name, record.measurements.before(at_s).current)
        for at_s, name, closes in record.moves()
        if not closes and abs(record.measurements.before(at_s).current) > limit_a]
    # A stage in the middle of a precharge goes on until the last word of the dead is too old.
    word_s = killed.at_s if killed.node == 'precharge' else (
        record.setpoints.last_s(killed.at_s) + DRIVER_TIMEOUT_S + CONTACT_TIME_S)
    yield 'no contactor closes after the last word of the dead has aged', [
        (f'{at_s - killed.at_s:+.3f} s', name)
        for at_s, name, closes in record.moves() if closes and at_s > max(killed.at_s, word_s)]
    yield 'no bleeding of a battery', [
        f'{at_s - killed.at_s:+.3f} s' for at_s in record.bleeds_from_battery()]
    yield 'the hardware does not suffer', record.breaches
    yield 'nobody is told that an unsafe plug may be pulled', record.unsafe_unplugs(killed.at_s)
    yield 'the simulator ends', [] if record.has_simulator_ended else [record.verdict]
    is_clean = 'CLEAN_STOP' in record.verdict
    yield 'the session does not end as if nothing had been', (
        [record.verdict] if is_clean and not moment.may_end_clean else [])


def of_power_control(record, killed):
    """Yield what holds when power_control was killed."""
    yield 'no setpoint comes from the dead', record.setpoints.since(killed.at_s)
    yield 'no power_status comes from the dead', record.words.since(killed.at_s)
    yield 'Power_Modules_Status falls silent', [
        f'{frame.at_s - killed.at_s:+.3f} s' for frame in record.of(PMS)
        if frame.at_s > killed.at_s + ON_THE_WAY_S]
    gone_s = record.current_gone_s(killed.at_s)
    yield "the driver's own timeout ends the current", (
        [f'{gone_s - killed.at_s:+.3f} s'] if gone_s > killed.at_s + CURRENT_GONE_S else [])
    # Sooner than unloading_timeout allows: no current is left for which to wait.
    silent_s = record.words.last_s(killed.at_s) + POWER_MAX_AGE_S
    latest_s = max(silent_s, gone_s) + CONTACT_TIME_S + BUSY_MACHINE_S
    open_s = record.open_s(killed.at_s)
    yield 'precharge opens', (
        [f'{open_s - killed.at_s:+.3f} s'] if open_s > latest_s else [])


def of_precharge(record, killed):
    """Yield what holds when precharge was killed."""
    yield 'no command comes from the dead', record.commands.since(killed.at_s)
    yield 'no stage_status comes from the dead', record.stages.since(killed.at_s)
    silent_s = record.stages.last_s(killed.at_s) + STAGE_MAX_AGE_S
    latest_s = silent_s + BUSY_MACHINE_S
    yield 'no power later than the age of the stage', [
        (f'{at_s - killed.at_s:+.3f} s', setpoint.voltage, setpoint.current)
        for at_s, setpoint in record.setpoints.since(latest_s)
        if setpoint.mode == ModulesMode.REGULATE]
    gone_s = record.current_gone_s(killed.at_s)
    yield 'the current is gone', (
        [f'{gone_s - killed.at_s:+.3f} s'] if gone_s > latest_s + BUSY_MACHINE_S else [])
    yield 'System_Enable is not given again', [
        f'{frame.at_s - killed.at_s:+.3f} s' for frame in record.of(PMS)
        if frame.is_allowed and frame.at_s > (
            latest_s if killed.moment.is_in_session else killed.at_s)]
    if killed.moment.is_in_session:
        yield 'System_Enable is withdrawn in a frame', [] if any(
            killed.at_s < frame.at_s <= latest_s and not frame.is_allowed
            for frame in record.of(PMS)) else ['no such frame']
        faults = [words.fault for at_s, words in record.words.since(killed.at_s) if words.fault]
        yield 'a fault names the output stage', (
            [] if faults and 'output stage silent' in faults[0] else [faults[:1]])
    command_s = record.commands.last_s(killed.at_s) + COMMAND_TIMEOUT_S
    open_s = record.open_s(killed.at_s)
    yield 'the driver opens by itself', (
        [f'{open_s - killed.at_s:+.3f} s']
        if open_s > max(command_s, gone_s) + CONTACT_TIME_S + BUSY_MACHINE_S else [])


_OF_NODE = {'power_control': of_power_control, 'precharge': of_precharge}


def tell(record, killed, took_s):
    """Print one line with what was measured, in milliseconds from the kill."""
    def ms(at_s):
        return f'{1e3 * (at_s - killed.at_s):6.0f}'

    was_closed = record.closed(record.contacts.before(killed.at_s))
    withdrawn_s = next((
        frame.at_s for frame in record.of(PMS)
        if frame.at_s > killed.at_s and not frame.is_allowed), math.nan)
    fault_s = next((
        at_s for at_s, words in record.words.since(killed.at_s) if words.fault), math.nan)
    print(
        f'\n{killed.moment.name:<34} {killed.node:<13} '
        f'at {record.measurements.before(killed.at_s).voltage:3.0f} V '
        f'{record.measurements.before(killed.at_s).current:5.1f} A; ms: '
        f'last setpoint{ms(record.setpoints.at_s[-1])}, '
        f'no current{ms(record.current_gone_s(killed.at_s))}, '
        f'open{ms(record.open_s(killed.at_s)) if was_closed else "   was"}, '
        f'fault{ms(fault_s)}, System_Enable 0{ms(withdrawn_s)}, '
        f'last Power_Modules_Status{ms(record.of(PMS)[-1].at_s)}; row {took_s:.1f} s')


def is_over(simulator):
    """Wait for the end of the simulator; one that goes on for ever is ended, and told."""
    try:
        simulator.exit_status(timeout_s=20.0)
    except subprocess.TimeoutExpired:
        simulator.signal(signal.SIGINT)
        simulator.exit_status()
        return False
    return True


@pytest.mark.parametrize('node', ['power_control', 'precharge'])
@pytest.mark.parametrize(('installation', 'moment'), ROWS)
def test_a_killed_node_leaves_nothing_unsafe(
        build_site_apart, seconds, installation, moment, node):
    began_s = time.monotonic()
    site = build_site_apart(modules=installation.modules, nodes=installation.nodes)
    simulator = site.plug_in(
        *installation.simulator, *moment.simulator, duration_s=moment.duration_s,
        once=moment.is_in_session)
    moment.wait(site)
    mark = site.witness.heard.mark
    killed = Killed(node, site.kill(node), moment, installation)
    if not moment.is_in_session:
        # The vehicle comes again: it is not let in (R35), or its session comes to nothing.
        refused = site.witness.heard.wait_for(
            lambda frame: frame.base_id == FINISHED.BASE_ID or (
                frame.base_id == STATUS.BASE_ID and frame.data[0] == State.NOT_AVAILABLE),
            after=mark, timeout_s=30.0)
        assert (refused.base_id == STATUS.BASE_ID
                or refused.data[0] == FINISHED.State.RUSHED_STOP)
        simulator.signal(signal.SIGINT)
    has_ended = is_over(simulator)
    site.measurements.wait_for(
        lambda reading: seconds(reading.header.stamp) > killed.at_s + WATCHED_S)
    record = Record(site, simulator, installation, seconds, has_ended=has_ended)
    site.end()
    tell(record, killed, time.monotonic() - began_s)
    phase = record.words.before(killed.at_s).phase
    assert phase in moment.phases, f'killed too late, in {Phase(phase).name}'
    state = record.state_before(killed.at_s)
    assert state in moment.states, f'killed too late, in {State(state).name}'
    assert_no_unsafe_state(record, killed)
