"""
Scenarios: what happens to a session, and when, written down in a file.

A scenario is YAML: which vehicle comes to which controller, a list of steps that are done one
after the other, each at its time or when its conditions hold, and what is expected of the end.
docs/reference/simulator.md describes it; :func:`load` reads it strictly.
"""

import dataclasses
import itertools
import math

from ..core.interface.signals import AdvanticsControllerStatus
from . import actions

STATES = {
    text: AdvanticsControllerStatus.State(number)
    for number, text in AdvanticsControllerStatus.SIGNALS[0].labels.items()
}
"""States of the controller as the interface spells them."""


_SPELLED = {state: text for text, state in STATES.items()}
_BOUNDS = ('current_above', 'current_below', 'voltage_above', 'voltage_below')


class End:
    """How a session is expected to end."""

    CLEAN = 'clean'
    RUSHED = 'rushed'
    NONE = 'none'
    """It does not: the controller never says that it finished."""
    ANY = 'any'


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One step of a scenario: due when all of its conditions hold, after the steps before it."""

    do: tuple
    """:class:`~.actions.Action` objects."""
    at_s: float = -math.inf
    """Since the start of the simulator."""
    after_s: float = 0.0
    """How long the other conditions have to have held."""
    state: object = None
    current_above: float = -math.inf
    current_below: float = math.inf
    voltage_above: float = -math.inf
    voltage_below: float = math.inf
    """V and A at the inlet of the vehicle; discharging is negative."""
    vehicle_contactors: object = None
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

    def holds(self, simulator):
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
    vehicle_entries: dict = dataclasses.field(default_factory=dict)
    controller: dict = dataclasses.field(default_factory=dict)
    """``pistols`` as in :func:`~.config.configs_of_mapping`, for one pistol."""
    steps: tuple = ()
    end: str = End.CLEAN
    may_break: tuple = ()
    """Rules whose breach belongs to the scenario."""
    charger: dict = dataclasses.field(default_factory=dict)
    """What the charger of this package is expected to do; for its own tests."""
    within_s: float = 120.0
    """After which it is over in any case."""


class Player:
    """Carries a scenario out, one step after the other."""

    def __init__(self, scenario):
        self.scenario = scenario
        self._waiting = list(scenario.steps)
        self._since_s = None
        self._caused = []
        """``(number of the step, Effect)`` of what it did to frames."""

    @property
    def is_over(self):
        """Whether all steps have been done."""
        return not self._waiting

    @property
    def steps_done(self):
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

    def tick(self, simulator, *, now_s):
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
                (self.steps_done, effect) for effect in simulator.wire.effects[before:]]


def load(text, *, name):
    """
    Read the scenarios of a YAML file.

    :param text: the content of the file
    :param name: of the file, for the names of the scenarios
    :returns: list of :class:`Scenario`; more than one where ``for_each`` says so
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
    if _filled(content, f'{{{key}}}', '') == content:
        raise ValueError(f'{name}: for_each: {{{key}}} is used nowhere')
    return [
        _scenario(_filled(content, f'{{{key}}}', word), f'{name} {word}') for word in words]


def read_yaml(text, name):
    """
    Return the mapping that a YAML text holds.

    :raises ValueError: when it holds none, with the line
    """
    # Not needed by those who only want a session.
    import yaml

    class Loader(yaml.SafeLoader):
        """Refuses what would be lost without a word: a key that stands there twice."""

        def construct_mapping(self, node, deep=False):
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


def _filled(value, key, word):
    """Return a copy with a word in the places of a key; alone there, it may be a number."""
    if value == key:
        return word
    if isinstance(value, str):
        return value.replace(key, str(word))
    if isinstance(value, list):
        return [_filled(each, key, word) for each in value]
    if isinstance(value, dict):
        return {name: _filled(each, key, word) for name, each in value.items()}
    return value


def _scenario(content, name):
    known = {'about', 'vehicle', 'controller', 'steps', 'expect', 'charger', 'within_s'}
    _refuse_unknown(content, known, name)
    vehicle = content.get('vehicle', '')
    entries = {}
    if isinstance(vehicle, dict):
        entries = {str(key): value for key, value in vehicle.items()}
        vehicle = entries.pop('file', '')
    expect = _mapping(content, 'expect', name)
    _refuse_unknown(expect, {'end', 'may_break'}, f'{name}: expect')
    end = expect.get('end', End.CLEAN)
    if end not in (End.CLEAN, End.RUSHED, End.NONE, End.ANY):
        raise ValueError(f'{name}: expect: end is {end!r}, permitted are clean, rushed, none, any')
    may_break = expect.get('may_break') or []
    if not isinstance(may_break, list) or not all(isinstance(rule, str) for rule in may_break):
        raise ValueError(f'{name}: expect: may_break: a list of rules is expected, as in [R8]')
    steps = content.get('steps') or []
    if not isinstance(steps, list):
        raise ValueError(f'{name}: steps: a list is expected')
    return Scenario(
        name=name, about=' '.join(str(content.get('about', '')).split()),
        vehicle=str(vehicle), vehicle_entries=entries,
        controller=_mapping(content, 'controller', name),
        steps=tuple(
            _step(step, f'{name}: step {number}')
            for number, step in zip(itertools.count(1), steps, strict=False)),
        end=end, may_break=tuple(may_break),
        charger=_mapping(content, 'charger', name),
        within_s=_number(content.get('within_s', 120.0), f'{name}: within_s', low=0.0),
    )


def _step(content, where):
    if not isinstance(content, dict):
        raise ValueError(f'{where}: a mapping is expected')
    when = _mapping(content, 'when', where)
    _refuse_unknown(content, {'at', 'when', 'after', 'do', 'may_not_come'}, where)
    _refuse_unknown(when, {'state', 'vehicle_contactors', 'sessions', *_BOUNDS}, f'{where}: when')
    lines = content.get('do', [])
    lines = lines if isinstance(lines, list) else [lines]
    try:
        do = tuple(actions.parse(str(line)) for line in lines)
    except ValueError as error:
        raise ValueError(f'{where}: {error}') from error
    fields = {}
    for key, field in (('at', 'at_s'), ('after', 'after_s')):
        if key in content:
            fields[field] = _number(content[key], f'{where}: {key}', low=0.0)
    for key in _BOUNDS:
        if key in when:
            fields[key] = _number(when[key], f'{where}: {key}')
    if 'sessions' in when:
        fields['sessions'] = round(_number(when['sessions'], f'{where}: sessions', low=0.0))
    if 'state' in when:
        state = str(when['state'])
        if state not in STATES:
            raise ValueError(
                f'{where}: state {state!r} is none; there are {", ".join(STATES)}')
        fields['state'] = STATES[state]
    if 'vehicle_contactors' in when:
        # YAML takes neither word for anything but text.
        words = {'closed': True, 'open': False}
        position = str(when['vehicle_contactors'])
        if position not in words:
            raise ValueError(f'{where}: vehicle_contactors is closed or open, not {position!r}')
        fields['vehicle_contactors'] = words[position]
    may_not_come = content.get('may_not_come', False)
    if not isinstance(may_not_come, bool):
        raise ValueError(f'{where}: may_not_come is true or false, not {may_not_come!r:.40}')
    return Step(do=do, may_not_come=may_not_come, **fields)


def _mapping(content, key, where):
    value = content.get(key) or {}
    if not isinstance(value, dict):
        raise ValueError(f'{where}: {key}: a mapping is expected')
    return value


def _refuse_unknown(content, known, where):
    unknown = sorted(str(key) for key in content if key not in known)
    if unknown:
        raise ValueError(
            f'{where}: unknown {", ".join(unknown)}; known are {", ".join(sorted(known))}')


def _number(value, where, *, low=-math.inf):
    if isinstance(value, bool) or not isinstance(value, int | float) or not (
            -1e9 < value < 1e9):
        raise ValueError(f'{where}: {value!r:.40} should be a number')
    if value < low:
        raise ValueError(f'{where}: {value!r} should be {low:g} or more')
    return float(value)
