# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The documentation says what the code says, where a test can tell."""

import ast
import dataclasses
import functools
import importlib.util
import math
import pathlib
import re

import pytest

from gi3_ros.core import hardware, timing
from gi3_ros.core.hardware import Stage
from gi3_ros.core.interface.signals import MESSAGES
from gi3_ros.core.rules.registry import clauses
from gi3_ros.core.stage import rc_curve
from gi3_ros.core.stage.installations import STAGES
from gi3_ros.core.stage.output_stage import StageConfig
from gi3_ros.sim.contactors import HardwareFault
from gi3_ros.sim.vehicle_config import VehicleConfig

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob('*.md'), *ROOT.glob('docs/**/*.md')])
README_WORDS = 900
SOURCES = {'.kcd', '.msg', '.py', '.sh', '.srv', '.yaml'}
FOLDERS = (
    'action', 'bench', 'cmake', 'config', 'dbc', 'docs', 'launch', 'msg', 'scripts', 'srv', 'test')
"""In the root of the sources, and whatever of it is there."""


def page(name):
    """Return the text of a page of docs/."""
    return (ROOT / 'docs' / name).read_text(encoding='utf-8')


INTERFACE = page('reference/interface.md')
OUTPUT_STAGE = '\n'.join(map(page, (
    'reference/output_stage.md', 'how-to/choose_an_installation.md',
    'explanation/output_stage.md')))
RULES = page('reference/rules.md')
TROUBLESHOOTING = page('how-to/troubleshooting.md')


def prose(path):
    """Return a page without its blocks of code."""
    return re.sub(r'```.*?```', '', path.read_text(encoding='utf-8'), flags=re.DOTALL)


def anchors(path):
    """Return the names by which the headings of a page can be linked to."""
    headings = re.findall(r'^#+ (.*)$', prose(path), flags=re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-') for heading in headings}


@pytest.mark.parametrize('path', PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    broken = []
    for link in re.findall(r'\]\(([^)\s]+)\)', prose(path)):
        if link.startswith('https://'):
            continue
        file, _, anchor = link.partition('#')
        target = (path.parent / file).resolve() if file else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def load_draw():
    spec = importlib.util.spec_from_file_location('draw', ROOT / 'scripts' / 'draw.py')
    draw = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(draw)
    return draw


def test_diagrams_and_tables_are_drawn_from_the_code():
    """When this fails: ``python3 scripts/draw.py``."""
    draw = load_draw()
    for path in draw.PAGES:
        text = path.read_text(encoding='utf-8')
        assert text == draw.drawn(text), path.name


def test_every_block_that_is_drawn_stands_somewhere():
    draw = load_draw()
    marked = [match[2] for path in draw.PAGES
              for match in draw.MARKED.finditer(path.read_text(encoding='utf-8'))]
    assert sorted(marked) == sorted(draw.blocks())


def test_the_page_of_the_simulator_has_every_entry_of_a_vehicle():
    text = page('reference/simulator.md')
    missing = [field.name for field in dataclasses.fields(VehicleConfig)
               if f'`{field.name}`' not in text]
    assert missing == []


def test_the_page_of_the_simulator_has_every_fault_of_the_hardware():
    text = page('reference/simulator.md')
    assert [fault.value for fault in HardwareFault if f'`{fault.value}`' not in text] == []


@pytest.mark.parametrize('name, value', [
    *((name, value) for name, value in vars(timing).items() if name.endswith('_S')),
    ('DRIVER_TIMEOUT_S', hardware.DRIVER_TIMEOUT_S),
    ('COMMAND_TIMEOUT_S', hardware.COMMAND_TIMEOUT_S),
])
def test_the_table_of_ages_has_the_figures_of_the_code(name, value):
    assert re.search(
        rf'^\|.*\| {value:g} s \(`{name}`', page('explanation/architecture.md'), re.MULTILINE,
    )


def test_the_page_of_topics_has_every_topic_of_the_interface_and_every_type():
    text = page('reference/topics.md')
    for cls in MESSAGES.values():
        assert f'| `{cls.TOPIC}` | [{cls.__name__}](../../msg/{cls.__name__}.msg) |' in text
    for path in [*ROOT.glob('msg/*.msg'), *ROOT.glob('srv/*.srv')]:
        assert f'[{path.stem}](../../{path.parent.name}/{path.name})' in text


def text_of(node):
    """Return a string of the code with ``…`` for what is put in, or ``None`` if it is none."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return text_of(node.func.value)  # a text with its end stripped
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return ''.join(
            part.value if isinstance(part, ast.Constant) else '…' for part in node.values
        )
    return None


def fault_texts(module, returned_by):
    """
    Return the texts of the faults of a module.

    They are what it hands to ``_fail`` and ``_fail_if_late``, what it calls ``self.fault``, and
    what the functions ``returned_by`` return or call ``why``.
    """
    tree = ast.parse((ROOT / 'gi3_ros' / 'core' / module).read_text(encoding='utf-8'))
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, 'attr', '') in (
                '_fail', '_fail_if_late'):
            found.append(node.args[0])
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == 'self.fault':
            found.append(node.value)
        elif isinstance(node, ast.FunctionDef) and node.name in returned_by:
            found += [
                each.value for each in ast.walk(node) if isinstance(each, ast.Return)
                or (isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == 'why')
            ]
    return {text for text in map(text_of, found) if text}


POWER = ROOT / 'gi3_ros' / 'core' / 'power'


def power_fault_texts():
    """Return the texts of the faults of power_control, from all files of its room."""
    returned_by = {'emergency_stop', 'silence', 'not_ready', 'futility'}
    return set().union(*(
        fault_texts(f'power/{path.name}', returned_by) for path in POWER.glob('*.py')))


def test_no_fault_of_power_control_comes_from_elsewhere():
    """A new way to a fault: name the function that words it in ``power_fault_texts``."""
    tree = ast.parse((POWER / 'control.py').read_text(encoding='utf-8'))
    given = {
        ast.unparse(node.args[0]) for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, 'attr', '') in ('_fail', '_fail_if')
        and text_of(node.args[0]) is None}
    assert given == {
        'why', 'cause', 'futility',
        'self._wrong(now_s)', 'modules.silence(now_s=now_s)',
        'controller.forbids(now_s=now_s)', 'self._inputs.controller.forbids(now_s=now_s)'}


def stage_fault_texts():
    """Return the texts of the faults of all output stages, and of what they end with."""
    core = ROOT / 'gi3_ros' / 'core' / 'stage'
    modules = {*(cls.__module__.rpartition('.')[2] for cls in STAGES.values()), 'output_stage'}
    assert all((core / f'{module}.py').is_file() for module in modules)
    returned_by = {'_words_for_closed', '_words_for_a_closed_precharge_relay', 'diagnosis'}
    return set().union(*(
        fault_texts(f'stage/{module}.py', returned_by) for module in (*modules, 'rc_curve')))


@functools.cache
def defined_in(path):
    """Return the names of a module's functions, classes, methods and constants."""
    names = set()
    for node in ast.parse(path.read_text(encoding='utf-8')).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {f'{node.name}.{each.name}' for each in node.body
                      if isinstance(each, ast.FunctionDef)}
        if isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def test_every_rule_has_its_row_and_every_name_in_it_exists():
    rows = re.findall(
        r'^\| R(\d+) \| (\w+) \| [^|]+ \| ([^|]+) \| ([^|]+) \|$',
        RULES.split('\n## ')[0], re.MULTILINE)
    assert [int(number) for number, *_ in rows] == list(range(1, 54))
    missing = []
    for number, binds, where, proof in rows:
        is_bound = binds in ('charger', 'both')
        assert binds == re.search(
            rf'^\| R{number} \|.*\| (charger|controller|both) \|', INTERFACE, re.MULTILINE)[1]
        assert is_bound or 'simulat' in where or 'not built' in where, f'R{number}'
        for folder, cell in (('gi3_ros', where), ('test', proof)):
            names = re.findall(r'`([\w/]+\.py)::([\w.]+)`', cell)
            assert names or (proof == '-' and 'not built' in where), f'R{number}'
            missing += [
                f'R{number}: {file}::{name}' for file, name in names
                if not (ROOT / folder / file).is_file()
                or name not in defined_in(ROOT / folder / file)
            ]
    assert missing == []


def test_every_rule_is_checked_or_it_is_said_why_a_log_cannot_show_it():
    """And the classes that check it exist: they are drawn from the registry."""
    checked = {clause.number for clause in clauses()}
    table = RULES.split('| Rule | Cannot be seen from the bus |')[1].split('\n\n')[0]
    unseen = re.findall(r'^\| (R\d+|\d\.\d) \| .+ \|$', table, re.MULTILINE)
    assert len(unseen) == len(table.splitlines()) - 2
    assert {f'R{number}' for number in range(1, 54)} <= checked | set(unseen)


def check_texts():
    """Return the words of the checks of the supervision, which become faults."""
    path = ROOT / 'gi3_ros' / 'core' / 'power' / 'supervision.py'
    tree = ast.parse(path.read_text(encoding='utf-8'))
    return {
        text_of(node.args[2]) for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, 'id', '') == 'Check'
    }


@pytest.mark.parametrize('heading, texts', [
    ('### Of power_control', check_texts() | power_fault_texts() | fault_texts(
        'controller_watch.py', {'forbids'})),
    ('### Of the output stage', stage_fault_texts()),
])
def test_every_fault_is_explained_and_no_other(heading, texts):
    section = re.search(
        rf'^{heading}.*?(?=^##)', TROUBLESHOOTING, re.DOTALL | re.MULTILINE).group()
    assert set(re.findall(r'^\| `(.*?)` \|', section, re.MULTILINE)) == texts


@pytest.mark.parametrize('name', [
    *(field.name for field in dataclasses.fields(StageConfig)),
    *(f'`{installation.value}`' for installation in STAGES),
    *(f'`{stage.name}`' for stage in Stage),
])
def test_the_pages_of_the_output_stage_have_every_parameter_installation_and_stage(name):
    assert name in OUTPUT_STAGE


def test_the_pages_of_the_output_stage_have_the_figures_of_the_code():
    config = StageConfig()
    tau_s, limit_v = config.time_constant_s, config.max_closing_difference
    fall_s = tau_s * math.log(500.0 / limit_v)
    too_slow_s = rc_curve.DOUBT * fall_s + rc_curve.DOUBT_S
    power_w = 500.0 ** 2 / config.precharge_resistance
    worst_j = config.max_precharge_time * power_w
    for words in (
        f'| time constant | RC | {tau_s:g} s |',
        f'| from 500 V to {limit_v:g} V across | RC ln(25) | {fall_s:.2f} s |',
        f'| first moment | V / R, V^2 / R | {500.0 / config.precharge_resistance:g} A, '
        f'{power_w:g} W |',
        f'| C V^2 / 2 | {config.output_capacitance * 500.0 ** 2 / 2:g} J |',
        f'| `max_precharge_energy` | {config.max_precharge_energy:g} J, after '
        f'{config.max_precharge_energy / power_w:g} s; a fault |',
        f'| `max_precharge_time` x V^2 / R | {worst_j:g} J |',
        f'| 2 of these: then it is a fault | {2 * worst_j:g} J |',
        f'here {too_slow_s:.1f} s',
        f'`dV / (exp(dt / ({rc_curve.SLOWEST:g} RC)) - 1)`',
        f'{rc_curve.DOUBT:g} RC ln(V / {limit_v:g} V) + {rc_curve.DOUBT_S:g} s',
        f'RC ln(V / rest) / {rc_curve.DOUBT:g} - {rc_curve.DOUBT_S:g} s',
    ):
        assert words in OUTPUT_STAGE


def test_the_example_of_a_driver_is_python():
    (example,) = re.findall(
        r'```python\n(.*?)```', page('how-to/writing_a_driver.md'), re.DOTALL)
    compile(example, 'driver.py', 'exec')


def test_the_readme_is_one_page():
    assert len((ROOT / 'README.md').read_text(encoding='utf-8').split()) <= README_WORDS


def test_every_page_is_in_the_index():
    """Of docs/; each decision in that of the decisions."""
    for index in (ROOT / 'docs' / 'README.md', ROOT / 'docs' / 'decisions' / 'README.md'):
        linked = {(index.parent / link.partition('#')[0]).resolve()
                  for link in re.findall(r'\]\(([^)\s]+)\)', prose(index))}
        others = {path for path in index.parent.glob('**/*.md') if path != index}
        if index.parent.name == 'docs':
            others -= set((index.parent / 'decisions').glob('[!R]*.md'))
        assert others - linked == set()


def test_a_decision_is_one_short_page():
    for path in (ROOT / 'docs' / 'decisions').glob('[!R]*.md'):
        text = path.read_text(encoding='utf-8')
        assert re.findall(r'^## (.*)$', text, re.MULTILINE) == [
            'Context', 'Decision', 'Consequences'], path.name
        assert re.search(r'^Status: \w+, \d{4}-\d\d-\d\d\.$', text, re.MULTILINE), path.name
        assert 150 <= len(text.split()) <= 250, path.name


def test_the_table_of_where_is_what_is_the_tree():
    text = (ROOT / 'CONTRIBUTING.md').read_text(encoding='utf-8')
    section = text.split('## Where is what')[1].split('\n## ')[0]
    rows = re.findall(r'^\| (`.*?`) \|', section, re.MULTILINE)
    named = {name.rstrip('/') for row in rows for name in re.findall(r'`(.*?)`', row)}
    package = ROOT / 'gi3_ros'
    modules = [path for path in package.rglob('*.py') if path.name != '__init__.py']
    there = {path.relative_to(ROOT).as_posix() if path.parent == package
             else path.parent.relative_to(ROOT).as_posix() for path in modules}
    there |= {folder for folder in FOLDERS if (ROOT / folder).is_dir()}
    assert there == named


def test_every_page_that_the_sources_name_exists():
    named = {
        (path.relative_to(ROOT).as_posix(), name)
        for folder in ('config', 'dbc', 'gi3_ros', 'launch', 'msg', 'scripts', 'srv', 'test')
        for path in (ROOT / folder).rglob('*')
        if path.suffix in SOURCES and path.name != 'behaviour.py'  # names pages as of before
        for name in re.findall(r'docs/[\w/-]+\.(?:md|png|svg)', path.read_text(encoding='utf-8'))}
    assert len(named) > 10, 'the search looks in the wrong places'
    assert {each for each in named if not (ROOT / each[1]).is_file()} == set()
