# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
A scenario with the charger of this package, played on the made-up clock and measured.

:func:`play` runs it from the first plug-in until some seconds after its end and gives an
:class:`Outcome`: how the session ended, what the charger did, and how long current flowed.
"""

import dataclasses
import math
import re

from gi3_ros.core.hardware import Stage
from gi3_ros.core.interface import codec
from gi3_ros.core.interface.signals import AdvanticsControllerStatus, PowerModulesStatus
from gi3_ros.logs.audit import Audit
from gi3_ros.sim import library
from gi3_ros.sim.config import configs_of_mapping, Pistol
from gi3_ros.sim.link import Link, STEP_S
from gi3_ros.sim.person import Person
from gi3_ros.sim.scenario import Player
from gi3_ros.tools.sim_cases import DEFAULT_VEHICLE

State = AdvanticsControllerStatus.State

NO_CURRENT_A = 1.0
"""No more than this is no current (R42)."""
SAFE_VOLTAGE_V = 60.0
"""Touchable."""
AFTERWARDS_S = 5.0
"""From the end of the scenario until everything has to be at rest: the vehicle is unplugged after
2 s, and what is left at the pistol drains through its insulation."""
SETTLED_S = 2.0
"""From a step until the current that it asks for has to flow."""
LONGEST_WAIT_S = 30.0
"""Of a vehicle that starts late; its hour says no more and takes minutes."""


@dataclasses.dataclass(frozen=True)
class Expectation:
    """What the charger has to do: the ``charger`` section of a scenario."""

    fault: str = ''
    """A regular expression for power_control's latched fault; empty: none is latched."""
    stage_fault: str = ''
    """The same for the output stage."""
    safe_within_s: float | None = None
    """From the last step before it to the end of the current, s."""
    goes_on: bool = False
    """From the steps in the power transfer to its regular end the current never stops."""
    currents_a: tuple = ()
    """What flows 2 s after each step, ``None`` where it does not matter."""
    stays_charged: bool = False
    """The output keeps its voltage."""
    harm: tuple = ()
    """Regular expressions for what the hardware suffers through nobody's fault but the vehicle's
    or the controller's."""

    def __post_init__(self):
        """Refuse what contradicts itself."""
        for text in (self.fault, self.stage_fault, *self.harm):
            re.compile(text)
        if self.goes_on and (self.fault or self.stage_fault or self.safe_within_s is not None):
            raise ValueError('what goes on has neither a fault nor a time to its end')
        within_s = self.safe_within_s
        if within_s is not None and not 0 < within_s <= 10:
            raise ValueError(f'safe_within_s: {within_s!r} should be a number of seconds')


def expectation_of(scenario):
    """
    Read the ``charger`` section of a scenario.

    :raises ValueError: for a key that there is not, or a value of the wrong kind
    """
    kinds = {'fault': str, 'stage_fault': str, 'safe_within_s': (int, float), 'goes_on': bool,
             'currents_a': list, 'stays_charged': bool, 'harm': list}
    for key, value in scenario.charger.items():
        if key not in kinds:
            raise ValueError(f'{scenario.name}: charger: unknown {key}; known are {[*kinds]}')
        if not isinstance(value, kinds[key]):
            raise ValueError(f'{scenario.name}: charger: {key}: {value!r}')
    values = {key: tuple(value) if isinstance(value, list) else value
              for key, value in scenario.charger.items()}
    try:
        return Expectation(**values)
    except (ValueError, re.error) as error:
        raise ValueError(f'{scenario.name}: charger: {error}') from error


@dataclasses.dataclass
class Stretch:
    """The time from one step to the next; the first begins with the scenario."""

    begins_s: float
    state: object
    """Of the controller when the step was done."""
    had_current: bool
    was_broken: bool = False
    """Whether the current stopped before the regular end of the energy transfer."""
    last_current_s: float = -math.inf
    settled_a: float | None = None


@dataclasses.dataclass
class Outcome:
    """What came of a scenario."""

    status: int
    """Exit status that ``gi3 sim`` would have."""
    verdict: str
    end: str
    """'Clean_Stop', 'Rushed_Stop' or '-'."""
    reason: str
    """Why, in the words of the controller."""
    sessions: int
    broken_rules: tuple
    """By the charger, as the simulator judges it."""
    found_in_log: frozenset
    """``(who, rule)`` that an audit of all frames finds."""
    fault: str
    enabled_in_fault: bool
    """Whether System_Enable was given after a fault was latched."""
    stage_fault: str
    stage: object
    phase: object
    mode: object
    output_a: float
    output_v: float
    pistol_v: float
    path_is_closed: bool
    """Whether anything joins modules and pistol: own contactors or relays of the controller."""
    opened_at_a: float
    """The largest current that own contactors were opened under."""
    harm: tuple
    stretches: list
    unsafe_to_unplug_v: float
    """The highest voltage at the pistol while the charger said that it may be unplugged."""
    journal: tuple
    events: tuple

    @property
    def safe_after_s(self):
        """From the last step before it to the end of all current; ``None``: none flowed then."""
        with_current = [each for each in self.stretches if each.last_current_s >= each.begins_s]
        if not with_current or with_current[-1] is self.stretches[0]:
            return None
        last = with_current[-1]
        return last.last_current_s - last.begins_s + STEP_S


class Bench(Link):
    """Charger and simulator for a scenario."""

    def __init__(self, scenario, *, seed=0):
        self.scenario = scenario
        vehicle = vehicle_of(scenario)
        if vehicle.start_delay_s > LONGEST_WAIT_S:
            vehicle = dataclasses.replace(vehicle, start_delay_s=LONGEST_WAIT_S)
        is_chademo = vehicle.protocols[0].is_chademo
        pistol = Pistol.CHADEMO if is_chademo else Pistol.CCS
        (config, _), = configs_of_mapping({pistol.value: scenario.controller})
        self.player = Player(scenario)
        super().__init__(
            controller_config=config, vehicle_config=vehicle, player=self.player,
            person=Person(sessions=1), seed=seed)
        self.stretches = [Stretch(0.0, self.state, False)]
        self.opened_at_a = 0.0
        self.unsafe_to_unplug_v = 0.0
        self.has_enabled_in_fault = False
        self._was_closed = False
        self._before_a = 0.0
        self._watched_frames = 0
        self._was_faulty = False

    def watch(self):
        """Go on by one tick and look at everything."""
        before = self.player.steps_done
        state = self.state
        self.step()
        circuit = self.modules.circuit
        current_a = max(abs(circuit.output_current_a), abs(circuit.modules_current_a))
        if self.player.steps_done > before:
            self.stretches.append(
                Stretch(self.now_s, state, self._before_a > NO_CURRENT_A))
        stretch = self.stretches[-1]
        if current_a > NO_CURRENT_A:
            stretch.last_current_s = self.now_s
        elif self.state is State.CHARGING and stretch.had_current:
            stretch.was_broken = True
        since_s = self.now_s - stretch.begins_s
        if stretch.settled_a is None and since_s >= SETTLED_S - 1e-6:
            stretch.settled_a = circuit.output_current_a
        is_closed = bool(self.modules.feedback().output)
        if self._was_closed and not is_closed:
            self.opened_at_a = max(self.opened_at_a, self._before_a)
        self._was_closed, self._before_a = is_closed, current_a
        # Without own contactors nobody measures the pistol: there it trusts an idle controller.
        has_own = self.stage.config.has_output_contactors
        if has_own and self.session.is_safe_to_unplug(now_s=self.now_s):
            self.unsafe_to_unplug_v = max(self.unsafe_to_unplug_v, circuit.pistol_voltage_v)
        self._watch_enable()

    def _watch_enable(self):
        new = self.frames[self._watched_frames:]
        self._watched_frames = len(self.frames)
        if self._was_faulty:
            for _, frame in new:
                if frame.can_id & 0xFFFFFF == PowerModulesStatus.BASE_ID:
                    status = codec.decode(frame).message
                    self.has_enabled_in_fault |= bool(status.system_enable)
        self._was_faulty = bool(self.decision.fault)

    def play(self):
        """Play the scenario to its end."""
        while not self.simulator.is_over:
            self.watch()
        for _ in range(round(AFTERWARDS_S / STEP_S)):
            self.watch()
        return self._outcome()

    def _outcome(self):
        simulator, circuit = self.simulator, self.modules.circuit
        status, verdict = simulator.verdict()
        ended = simulator.controller.outcome
        stage = self.stage
        return Outcome(
            status=status, verdict=verdict,
            end='-' if ended is None else ended.state.name.title(),
            reason='' if ended is None else ended.reason,
            sessions=simulator.sessions,
            broken_rules=tuple(sorted({each.rule for each in simulator.findings})),
            found_in_log=found_in(self.frames),
            fault=self.decision.fault, enabled_in_fault=self.has_enabled_in_fault,
            stage_fault=stage.reason if stage.stage is Stage.FAULT else '',
            stage=stage.stage, phase=self.decision.phase, mode=self.decision.setpoint.mode,
            output_a=circuit.output_current_a, output_v=circuit.output_voltage_v,
            pistol_v=circuit.pistol_voltage_v,
            path_is_closed=self.modules.is_path_closed,
            opened_at_a=self.opened_at_a,
            harm=tuple(each.text for each in self.modules.breaches),
            stretches=self.stretches, unsafe_to_unplug_v=self.unsafe_to_unplug_v,
            journal=tuple(entry.text for entry in self.charger.journal),
            events=tuple(f'{each.time_s:.2f} {each.text}' for each in simulator.events),
        )

    def next_session(self):
        """
        Mend everything, reset what is latched, and let a healthy vehicle come.

        :returns: its :class:`~gi3_ros.sim.charge_session.Outcome`, the new findings and breaches
        """
        simulator = self.simulator
        simulator.player = None
        for line in ('heal', 'release', 'contactors none', 'insulation good', 'claim truth',
                     'demand nothing', 'unplug'):
            simulator.do(line, now_s=self.now_s)
        # Nothing discharges the simulated cable when no vehicle is plugged in.
        self.modules.circuit.pistol_voltage_v = 0.0
        vehicle = simulator.vehicle
        vehicle.config = dataclasses.replace(
            vehicle.config, charge_duration_s=2.0, start_delay_s=0.2, pauses=(),
            request_period_s=0.1)
        simulator.person = Person(sessions=simulator.sessions + 1)
        # With a fault latched no vehicle is let in (R35).
        idle = (State.WAITING_FOR_PEV, State.NOT_AVAILABLE)
        self.run_until(lambda: self.state in idle, within_s=60.0)
        self.run(1.5)
        for part in (self.stage, self.power):
            if (part.stage if part is self.stage else part.phase).name == 'FAULT':
                part.reset_fault(now_s=self.now_s)
        findings, breaches = len(simulator.findings), len(self.modules.breaches)
        sessions = simulator.sessions
        self.run_until(lambda: simulator.sessions > sessions, within_s=90.0)
        return (simulator.controller.outcome, simulator.findings[findings:],
                self.modules.breaches[breaches:])


def found_in(frames):
    """Return ``(who, rule)`` of all that an audit of these ``(time in s, Frame)`` finds."""
    audit = Audit()
    return frozenset(
        (verdict.finding.who, verdict.finding.rule) for time_s, frame in frames
        for verdict in audit.take(round(time_s * 1e9), codec.decode(frame)))


def vehicle_of(scenario):
    """Return the vehicle of a scenario, as ``gi3 sim`` would."""
    return library.load_vehicle(scenario.vehicle or DEFAULT_VEHICLE, scenario.vehicle_entries)
