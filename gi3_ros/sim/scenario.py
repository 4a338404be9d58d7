# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Scenarios: what happens to a session, and when, written down in a file.

A scenario is YAML: which vehicle comes to which controller, a list of steps that are done one
after the other, each at its time or when its conditions hold, and what is expected of the end.
docs/reference/simulator.md describes it; :func:`load` reads it strictly.
"""

from collections.abc import Hashable, Iterable
import dataclasses
import enum
import math
from typing import NamedTuple

from ..core.interface.signals import AdvanticsControllerStatus
from . import actions
from .wire import Effect

State = AdvanticsControllerStatus.State
Content = dict[str, object]
"""A mapping as YAML has it."""
STATES = {
    text: State(number)
    for number, text in AdvanticsControllerStatus.SIGNALS[0].labels.items()
}
"""States of the controller as the interface spells them."""
_SPELLED = {state: text for text, state in STATES.items()}
_BOUNDS = ('current_above', 'current_below', 'voltage_above', 'voltage_below')


class End(enum.Enum):
    """How a session is expected to end."""

    CLEAN = 'clean'
    RUSHED = 'rushed'
    NONE = 'none'
    """It does not: the controller never says that it finished."""
    ANY = 'any'


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One step of a scenario: due when all of its conditions hold, after the steps before it."""

    do: tuple[actions.Action, ...]
    at_s: float = -math.inf
    """Since the start of the simulator."""
    after_s: float = 0.0
    """How long the other conditions have to have held."""
    state: State | None = None
    current_above: float = -math.inf
    current_below: float = math.inf
    voltage_above: float = -math.inf
    voltage_below: float = math.inf
    """V and A at the inlet of the vehicle; discharging is negative."""
    vehicle_contactors: bool | None = None
    """``True`` closed, ``False`` open."""
    sessions: int = 0
    """That are over."""
    may_not_come: bool = False
    """Whether the scenario is complete without it."""

    @property
    def words(self) -> str:
        """Its conditions and what it does, in a line."""
        conditions = [f'at {self.at_s:g} s'] if math.isfinite(self.at_s) else []
        if self.state is not None:
            conditions.append(f'state {_SPELLED[self.state]}')
        conditions += [
            f'{name} {getattr(self, name):g}' for name in _BOUNDS
            if math.isfinite(getattr(self, name))]
        if self.vehicle_contactors is not None:
            position = 'closed' if self.vehicle_contactors else 'open'
            conditions.append(f'vehicle_contactors {position}')
        if self.sessions:
            conditions.append(f'sessions {self.sessions}')
        if self.after_s:
            conditions.append(f'after {self.after_s:g} s')
        does = ', '.join(action.line for action in self.do) or 'waits'
        return f'{", ".join(conditions) or "at once"}: {does}'

    def holds(self, simulator: actions.Simulated) -> bool:
        """Whether the conditions hold, ``after_s`` apart."""
        vehicle = simulator.vehicle
        return (
            simulator.elapsed_s >= self.at_s - 1e-6
            and self.state in (None, simulator.controller.state)
            and self.current_above < vehicle.inlet_current_a < self.current_below
            and self.voltage_above < vehicle.inlet_voltage_v < self.voltage_below
            and self.vehicle_contactors in (None, vehicle.contactors_closed)
            and simulator.sessions >= self.sessions
        )


@dataclasses.dataclass(frozen=True)
class Scenario:
    """A session that goes as written."""

    name: str
    about: str = ''
    vehicle: str = ''
    """A file of a vehicle or the name of one that comes along; empty: as the caller likes."""
    vehicle_entries: Content = dataclasses.field(default_factory=dict)
    controller: Content = dataclasses.field(default_factory=dict)
    """``pistols`` as in :func:`~.config.configs_of_mapping`, for one pistol."""
    steps: tuple[Step, ...] = ()
    end: End = End.CLEAN
    may_break: tuple[str, ...] = ()
    """Rules whose breach belongs to the scenario."""
    charger: Content = dataclasses.field(default_factory=dict)
    """What the charger of this package is expected to do; for its own tests."""
    within_s: float = 120.0
    """After which it is over in any case."""


class _Caused(NamedTuple):
    """What a step did to frames."""

    step: int
    """Its number, counted from 1."""
    effect: Effect


class Player:
    """Carries a scenario out, one step after the other."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._waiting = list(scenario.steps)
        self._since_s: float | None = None
        self._caused: list[_Caused] = []

    @property
    def is_over(self) -> bool:
        """Whether all steps have been done."""
        return not self._waiting

    @property
    def steps_done(self) -> int:
        """How many steps have been done."""
        return len(self.scenario.steps) - len(self._waiting)

    @property
    def missing(self) -> dict[int, str]:
        """
        Return what should have happened and did not: numbers of steps, counted from 1, and words.

        Steps that never came due, and those that disturbed messages of which none was sent: a
        test that injects nothing has tested nothing. Not those that may not come.
        """
        steps = dict(enumerate(self.scenario.steps, 1))
        missing = {
            number: f'step {number} never came due ({step.words})'
            for number, step in steps.items() if number > self.steps_done}
        for number, effect in self._caused:
            if not effect.frames:
                missing[number] = f'step {number} met no frame ({effect.disturbance})'
        return {
            number: missing[number] for number in sorted(missing)
            if not steps[number].may_not_come}

    def tick(self, simulator: actions.Simulated, *, now_s: float) -> None:
        """Do the steps that are due."""
        while self._waiting:
            step = self._waiting[0]
            if not step.holds(simulator):
                self._since_s = None
                return
            if self._since_s is None:
                self._since_s = now_s
            if now_s - self._since_s < step.after_s - 1e-6:
                return
            self._waiting.pop(0)
            self._since_s = None
            before = len(simulator.wire.effects)
            for action in step.do:
                simulator.do(action, now_s=now_s)
            self._caused += [
                _Caused(self.steps_done, effect) for effect in simulator.wire.effects[before:]]


def load(text: str, *, name: str) -> list[Scenario]:
    """
    Read the scenarios of a YAML file.

    :param text: the content of the file
    :param name: of the file, for the names of the scenarios
    :returns: more than one where ``for_each`` says so
    :raises ValueError: with the place and what is wrong there
    """
    content = read_yaml(text, name)
    for_each = content.pop('for_each', None)
    if for_each is None:
        return [_scenario(content, name)]
    if not isinstance(for_each, dict) or len(for_each) != 1:
        raise ValueError(f'{name}: for_each takes one name with a list of words')
    (key, words), = for_each.items()
    is_good = isinstance(words, list) and words and all(
        isinstance(word, str | int | float) and not isinstance(word, bool) for word in words)
    if not is_good:
        raise ValueError(f'{name}: for_each {key}: a list of words is expected')
    if _filled_mapping(content, f'{{{key}}}', '') == content:
        raise ValueError(f'{name}: for_each: {{{key}}} is used nowhere')
    return [
        _scenario(_filled_mapping(content, f'{{{key}}}', word), f'{name} {word}')
        for word in words]


def read_yaml(text: str, name: str) -> Content:
    """
    Return the mapping that a YAML text holds.

    :raises ValueError: when it holds none, with the line
    """
    # Not needed by those who only want a session.
    import yaml

    class Loader(yaml.SafeLoader):
        """Refuses what would be lost without a word: a key that stands there twice."""

        def construct_mapping(
            self, node: yaml.MappingNode, deep: bool = False,
        ) -> dict[Hashable, object]:
            mapping = super().construct_mapping(node, deep=deep)
            if len(mapping) != len(node.value):
                raise yaml.MarkedYAMLError(
                    problem='a key stands there twice', problem_mark=node.start_mark)
            return mapping

    try:
        content = yaml.load(text, Loader)
    except RecursionError as error:
        raise ValueError(f'{name}: nested too deeply') from error
    except yaml.YAMLError as error:
        mark = getattr(error, 'problem_mark', None)
        where = f', line {mark.line + 1}' if mark else ''
        problem = getattr(error, 'problem', None) or error
        raise ValueError(f'{name}{where}: not YAML: {problem}') from error
    if not isinstance(content, dict):
        raise ValueError(f'{name}: a mapping is expected at the top')
    return content


def _filled(value: object, key: str, word: object) -> object:
    """Return a copy with a word in the places of a key; alone there, it may be a number."""
    if value == key:
        return word
    if isinstance(value, str):
        return value.replace(key, str(word))
    if isinstance(value, list):
        return [_filled(each, key, word) for each in value]
    if isinstance(value, dict):
        return _filled_mapping(value, key, word)
    return value


def _filled_mapping(content: Content, key: str, word: object) -> Content:
    return {name: _filled(each, key, word) for name, each in content.items()}


def _scenario(content: Content, name: str) -> Scenario:
    known = {'about', 'vehicle', 'controller', 'steps', 'expect', 'charger', 'within_s'}
    _refuse_unknown(content, known, name)
    vehicle = content.get('vehicle', '')
    entries: Content = {}
    if isinstance(vehicle, dict):
        entries = {str(key): value for key, value in vehicle.items()}
        vehicle = entries.pop('file', '')
    expect = _mapping(content, 'expect', name)
    end, may_break = _expected(expect, name)
    steps = content.get('steps') or []
    if not isinstance(steps, list):
        raise ValueError(f'{name}: steps: a list is expected')
    return Scenario(
        name=name, about=' '.join(str(content.get('about', '')).split()),
        vehicle=str(vehicle), vehicle_entries=entries,
        controller=_mapping(content, 'controller', name),
        steps=tuple(
            _step(step, f'{name}: step {number}') for number, step in enumerate(steps, 1)),
        end=end, may_break=may_break,
        charger=_mapping(content, 'charger', name),
        within_s=_number(content.get('within_s', 120.0), f'{name}: within_s', low=0.0),
    )


def _expected(expect: Content, name: str) -> tuple[End, tuple[str, ...]]:
    """Return the end that is expected, and the rules that may be broken."""
    _refuse_unknown(expect, {'end', 'may_break'}, f'{name}: expect')
    word = expect.get('end', End.CLEAN.value)
    try:
        end = End(word)
    except ValueError:
        raise ValueError(
            f'{name}: expect: end is {word!r}, permitted are clean, rushed, none, any'
        ) from None
    may_break = expect.get('may_break') or []
    if not isinstance(may_break, list) or not all(isinstance(rule, str) for rule in may_break):
        raise ValueError(f'{name}: expect: may_break: a list of rules is expected, as in [R8]')
    return end, tuple(may_break)


def _step(content: object, where: str) -> Step:
    if not isinstance(content, dict):
        raise ValueError(f'{where}: a mapping is expected')
    when = _mapping(content, 'when', where)
    _refuse_unknown(content, {'at', 'when', 'after', 'do', 'may_not_come'}, where)
    _refuse_unknown(when, {'state', 'vehicle_contactors', 'sessions', *_BOUNDS}, f'{where}: when')
    return Step(
        do=_actions(content.get('do', []), where),
        at_s=_number(content['at'], f'{where}: at', low=0.0) if 'at' in content else -math.inf,
        after_s=_number(content.get('after', 0.0), f'{where}: after', low=0.0),
        **{key: _number(when[key], f'{where}: {key}') for key in _BOUNDS if key in when},
        sessions=round(_number(when.get('sessions', 0), f'{where}: sessions', low=0.0)),
        state=_state(when, where),
        vehicle_contactors=_position(when, where),
        may_not_come=_may_not_come(content, where),
    )


def _actions(lines: object, where: str) -> tuple[actions.Action, ...]:
    try:
        return tuple(
            actions.parse(str(line)) for line in (lines if isinstance(lines, list) else [lines]))
    except ValueError as error:
        raise ValueError(f'{where}: {error}') from error


def _state(when: Content, where: str) -> State | None:
    if 'state' not in when:
        return None
    state = str(when['state'])
    if state not in STATES:
        raise ValueError(f'{where}: state {state!r} is none; there are {", ".join(STATES)}')
    return STATES[state]


def _position(when: Content, where: str) -> bool | None:
    """Return whether the contactors of the vehicle are to be closed."""
    if 'vehicle_contactors' not in when:
        return None
    # YAML takes neither word for anything but text.
    words = {'closed': True, 'open': False}
    position = str(when['vehicle_contactors'])
    if position not in words:
        raise ValueError(f'{where}: vehicle_contactors is closed or open, not {position!r}')
    return words[position]


def _may_not_come(content: Content, where: str) -> bool:
    may_not_come = content.get('may_not_come', False)
    if not isinstance(may_not_come, bool):
        raise ValueError(f'{where}: may_not_come is true or false, not {may_not_come!r:.40}')
    return may_not_come


def _mapping(content: Content, key: str, where: str) -> Content:
    value = content.get(key) or {}
    if not isinstance(value, dict):
        raise ValueError(f'{where}: {key}: a mapping is expected')
    return value


def _refuse_unknown(content: Content, known: Iterable[str], where: str) -> None:
    unknown = sorted(str(key) for key in content if key not in known)
    if unknown:
        raise ValueError(
            f'{where}: unknown {", ".join(unknown)}; known are {", ".join(sorted(known))}')


def _number(value: object, where: str, *, low: float = -math.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not (
            -1e9 < value < 1e9):
        raise ValueError(f'{where}: {value!r:.40} should be a number')
    if value < low:
        raise ValueError(f'{where}: {value!r} should be {low:g} or more')
    return float(value)
