# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Draw what the documentation takes from the code: state diagrams, and tables of entries.

``python3 scripts/draw.py`` rewrites what stands between the markers in the pages; a test compares.
Not drawn: events that leave everything as it is, and those that may come anywhere.
"""

import dataclasses
import inspect
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGES = [ROOT / name for name in (
    'CONTRIBUTING.md', 'docs/explanation/architecture.md', 'docs/explanation/simulator.md',
    'docs/reference/output_stage.md', 'docs/reference/rules.md', 'docs/reference/simulator.md')]
MARKED = re.compile(r'(<!-- begin: ([\w ]+) -->\n).*?(<!-- end: \2 -->)', re.DOTALL)


def diagram(transitions, is_drawn=lambda event: True, *, first=None):
    """
    Return a mermaid state diagram of ``{(state, event): next state}``.

    :param first: the state it begins in; that of the first row when it is not given
    """
    events = {}
    for (before, event), after in transitions.items():
        if before is not after and is_drawn(event):
            events.setdefault((before.name, after.name), []).append(event.value)
    first = first or next(iter(transitions))[0]
    return '\n'.join([
        '```mermaid', 'stateDiagram-v2', f'    [*] --> {first.name}',
        *(f'    {before} --> {after}: {", ".join(texts)}'
          for (before, after), texts in events.items()),
        '```',
    ])


def power_diagram():
    """Return the state diagram of power_control, its two groups of phases as composite states."""
    from gi3_ros.core.power.phases import FLOATING, Happening, Phase, POWERED, ROWS

    groups = {**dict.fromkeys(FLOATING, 'FLOATING'), **dict.fromkeys(POWERED, 'POWERED')}
    arrows = {'': {}, 'FLOATING': {}, 'POWERED': {}}
    for row in ROWS:
        # Faults come from everywhere: the page tells them in a sentence.
        if row.target is not None and row.event not in (Happening.FAULT, Happening.RESET):
            for scope, before, after, text in power_arrows(row, groups):
                arrows[scope].setdefault((before, after), {})[text] = None
    lines = ['```mermaid', 'stateDiagram-v2', f'    [*] --> {Phase.IDLE.name}']
    for scope, found in arrows.items():
        indent = ' ' * 8 if scope else ' ' * 4
        lines += [f'    state {scope} {{'] if scope else []
        lines += [f'{indent}{before} --> {after}: {" or ".join(texts)}'
                  for (before, after), texts in found.items()]
        lines += ['    }'] if scope else []
    return '\n'.join([*lines, '```'])


def power_arrows(row, groups):
    """
    Yield the composite state in which an arrow of a row lies, its two ends, and its text.

    What leads into a group is drawn twice: as an arrow to it, and inside it to the phase.
    """
    from gi3_ros.core.power.phases import STARTS, STOPS

    text, target, after = row.event.value, row.target.name, groups.get(row.target, '')
    words = 'a stop' if row.event in STOPS else 'a function' if row.event in STARTS else text
    for before in dict.fromkeys(groups.get(phase, '') for phase in row.sources):
        sources = [phase for phase in row.sources
                   if groups.get(phase, '') == before and phase is not row.target]
        is_whole = {*sources, row.target} >= {p for p, group in groups.items() if group == before}
        names = ' or '.join(phase.name for phase in sources)
        if before and before == after and not is_whole:
            yield before, names, target, text
        elif after:
            yield after, '[*]', target, text
        if not before:
            yield from (('', phase.name, after or target, words) for phase in sources)
        elif before != after:
            yield '', before, after or target, words if is_whole else f'{words}, from {names}'


def stage_diagram(installation, cls):
    """Return the state diagram of the output stage of an installation."""
    from gi3_ros.core.stage.output_stage import Happening, StageConfig

    first = cls(StageConfig(installation=installation.value)).stage
    return diagram(
        cls.TRANSITIONS, lambda event: event is not Happening.FAULT, first=first)


def table(head, rows):
    """Return a table in Markdown."""
    lines = [head, tuple('---' for _ in head), *rows]
    return '\n'.join(f'| {" | ".join(map(str, cells))} |' for cells in lines)


def entries(*classes):
    """Return the table of the entries of configuration classes."""
    from gi3_ros.core.config import entries_of

    return table(('Entry', 'Default', 'Meaning'), (
        (f'`{field.name}`', _plain(field.default), field.metadata['meaning'])
        for cls in classes for field in entries_of(cls)))


def rule_blocks():
    """Return the blocks about the rules that are checked."""
    from gi3_ros.core.rules import judge, registry
    from gi3_ros.core.rules.precharge import PrechargeCurrent
    from gi3_ros.core.rules.tolerances import Tolerances

    ends = {'customer': 'charger', 'controller': 'controller'}
    odd = {judge.SILENCE[1]: [judge.SILENCE[0]]}
    for rule in registry.RULES:
        if rule.observation:
            odd.setdefault(rule.observation, []).append(rule.number)
    return {
        'checked rules': table(('Rule', 'Binds', 'What is checked', 'By', 'Tolerances'), (
            (clause.number, ends[clause.who], clause.sentence, _place(clause.rule),
             ', '.join(f'`{name}`' for name in getattr(clause.rule, 'tolerances', ())) or '\u2013')
            for clause in registry.clauses())),
        'observations': table(('Rule', 'Observation'), (
            (', '.join(numbers), words) for words, numbers in sorted(
                ((words, sorted(numbers, key=registry.rank)) for words, numbers in odd.items()),
                key=lambda row: registry.rank(row[1][0])))),
        'tolerances': table(('Tolerance', 'Default', 'Rules'), (
            (f'`{field.name}`', f'{field.default:g}', ', '.join(dict.fromkeys(
                clause.number for clause in registry.clauses()
                if field.name in getattr(clause.rule, 'tolerances', ()))))
            for field in dataclasses.fields(Tolerances))),
        'a rule': f'```python\n{inspect.getsource(PrechargeCurrent)}```',
    }


def _place(cls):
    return f'`{cls.__module__.removeprefix("gi3_ros.").replace(".", "/")}.py::{cls.__name__}`'


def _plain(value):
    if isinstance(value, bool):
        return str(value).lower()
    return f'{value:g}' if isinstance(value, float) else value


def blocks():
    """Return the names of the marked blocks with what belongs there."""
    from gi3_ros.core.power.limits import ChargerLimits
    from gi3_ros.core.stage.installations import STAGES
    from gi3_ros.sim import library, stages
    from gi3_ros.sim.actions import ACTIONS
    from gi3_ros.sim.config import ControllerConfig, WITHOUT_EFFECT

    anywhere = {stages.Trigger[name] for name in (
        'STOP', 'UNAVAILABLE', 'VEHICLE_TIMEOUT', 'UNPLUGGED', 'LINK_LOST', 'EMERGENCY')}
    session = {
        (stage, trigger): after
        for stage, row in stages.TRANSITIONS.items() for trigger, after in row.items()
        if trigger not in anywhere or stage is stages.Stage.CHARGING}
    return {
        'power transitions': power_diagram(),
        **{f'stage {installation.value}': stage_diagram(installation, cls)
           for installation, cls in STAGES.items()},
        'session of the controller': diagram(session),
        'entries of the controller': entries(ControllerConfig, ChargerLimits),
        'entries without effect': table(
            ('Entry', 'Why'), ((f'`{name}`', why) for name, why in WITHOUT_EFFECT.items())),
        **rule_blocks(),
        'vehicles': table(('Name', 'Vehicle', 'Speaks', 'Energy'), (
            (f'[{name}](../../gi3_ros/sim/vehicles/{name}.yaml)', vehicle.name,
             ', '.join(each.value for each in vehicle.protocols),
             'both ways' if vehicle.is_bidirectional else 'in')
            for name in library.names_in(library.VEHICLES)
            for vehicle in [library.load_vehicle(name)])),
        'actions': table(('Action', 'Does'), (
            (f'`{name} {spec.usage}`'.replace(' `', '`').replace('|', '\\|'), spec.help)
            for name, spec in ACTIONS.items())),
    }


def drawn(page):
    """
    Return the text of a page with its blocks drawn anew.

    :raises KeyError: for a marker of which nothing is known
    """
    known = blocks()
    return MARKED.sub(lambda match: f'{match[1]}{known[match[2]]}\n{match[3]}', page)


if __name__ == '__main__':
    # The sources, not what was built from them: none of this needs building.
    sys.path.insert(0, str(ROOT))
    for path in PAGES:
        path.write_text(drawn(path.read_text(encoding='utf-8')), encoding='utf-8')
