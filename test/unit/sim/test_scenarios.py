# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Every scenario that comes along, with the charger of this package on the made-up clock.

Each ends as it says itself (``expect``), the charger does what it says (``charger``), and whatever
happens the charger ends in its safe state. docs/reference/faults.md has what came of each of them.
"""

import functools
import pathlib
import re

import pytest
from scenario_bench import (
    Bench,
    expectation_of,
    LONGEST_WAIT_S,
    NO_CURRENT_A,
    SAFE_VOLTAGE_V,
)

from gi3_ros.core.hardware import ModulesMode, Stage
from gi3_ros.core.power.phases import Phase
from gi3_ros.sim import library
from gi3_ros.sim.actions import ACTIONS
from gi3_ros.sim.scenario import End, Scenario

PAGE = pathlib.Path(__file__).resolve().parents[3] / 'docs' / 'reference' / 'faults.md'
BEGIN, END = '<!-- begin: scenarios -->\n', '<!-- end: scenarios -->'
WRITE = "make test ARGS='test/unit/sim/test_scenarios.py --write-docs'"

SCENARIOS = {
    scenario.name: scenario
    for name in library.names_in(library.SCENARIOS) for scenario in library.load_scenarios(name)
}
FIRST_OF_FILES = [
    library.load_scenarios(name)[0].name for name in library.names_in(library.SCENARIOS)]
CURRENT_TOLERANCE_A = 1.0
EMPTY_V = 20.0
"""R15."""
OPENING_A = 5.0


@functools.cache
def outcome_of(name):
    """Play a scenario, once for all tests; with it comes the bench, for what follows."""
    bench = Bench(SCENARIOS[name])
    return bench.play(), bench


@pytest.mark.parametrize('name', SCENARIOS)
def test_scenario_ends_as_it_says_and_safely(name):
    scenario, (outcome, _) = SCENARIOS[name], outcome_of(name)
    assert outcome.status == 0, outcome.verdict
    assert len(outcome.stretches) - 1 == len(scenario.steps), 'a step was never due'
    check_safe_state(outcome)
    check_charger(expectation_of(scenario), outcome)


def check_safe_state(outcome):
    """Whatever happened: no power, nothing joined, no permission in a fault, no harm."""
    assert outcome.mode in (ModulesMode.OFF, ModulesMode.BLEED)
    assert abs(outcome.output_a) <= NO_CURRENT_A
    assert not outcome.path_is_closed
    assert outcome.phase is (Phase.FAULT if outcome.fault else Phase.IDLE)
    assert not outcome.enabled_in_fault
    assert outcome.opened_at_a <= OPENING_A, 'own contactors opened under load'
    assert outcome.unsafe_to_unplug_v <= SAFE_VOLTAGE_V


def check_charger(wanted, outcome):
    """Hold the charger to what the scenario says of it."""
    for pattern, text in ((wanted.fault, outcome.fault),
                          (wanted.stage_fault, outcome.stage_fault)):
        assert bool(text) is bool(pattern) and re.search(pattern, text), text
    assert (outcome.stage is Stage.FAULT) is bool(outcome.stage_fault)
    assert (outcome.output_v > SAFE_VOLTAGE_V) is wanted.stays_charged
    # What happens to the hardware, and nothing of it is the charger's doing.
    assert len(outcome.harm) == len(wanted.harm), outcome.harm
    for pattern, text in zip(wanted.harm, outcome.harm, strict=True):
        assert re.fullmatch(pattern, text), text
    for step, amperes in zip(outcome.stretches[1:], wanted.currents_a, strict=False):
        if amperes is not None:
            assert step.settled_a == pytest.approx(amperes, abs=CURRENT_TOLERANCE_A)
    if wanted.goes_on:
        assert not any(each.was_broken for each in outcome.stretches)
        assert outcome.end == 'Clean_Stop'
    has_lost_power = any(each.had_current for each in outcome.stretches)
    if has_lost_power and not (wanted.goes_on or wanted.currents_a):
        assert wanted.safe_within_s is not None, 'say how long current may flow'
    if wanted.safe_within_s is not None and outcome.safe_after_s is not None:
        assert outcome.safe_after_s <= wanted.safe_within_s


@pytest.mark.parametrize('name', [
    name for name in FIRST_OF_FILES
    if SCENARIOS[name].end != End.CLEAN or expectation_of(SCENARIOS[name]).fault])
def test_afterwards_mended_and_reset_a_healthy_vehicle_charges(name):
    _, bench = outcome_of(name)
    outcome, findings, breaches = bench.next_session()
    assert outcome.is_clean, outcome
    assert findings == []
    assert breaches == []
    assert bench.decision.fault == ''


def test_a_fault_is_not_reset_while_its_cause_lasts():
    for name, words in (
        ('bus_off_for_good', 'controller silent'),
        ('emergency_held', 'Emergency_Stop is in force'),
    ):
        bench = Bench(SCENARIOS[name])
        while not bench.decision or not bench.decision.fault:
            bench.watch()
        bench.run(3.0)
        with pytest.raises(ValueError, match=words):
            bench.power.reset_fault(now_s=bench.now_s)


def test_every_action_is_in_a_scenario():
    """But for those that people and other actions do anyway."""
    used = {
        action.line.split()[0]
        for scenario in SCENARIOS.values() for step in scenario.steps for action in step.do}
    assert set(ACTIONS) - used == {'start', 'release', 'input', 'heal'}


@pytest.mark.parametrize('section, words', [
    ({'colour': 'red'}, 'unknown colour'),
    ({'fault': 5}, 'fault: 5'),
    ({'fault': '('}, 'charger'),
    ({'goes_on': True, 'fault': 'x'}, 'neither'),
    ({'safe_within_s': 0}, 'number of seconds'),
    ({'currents_a': 5}, 'currents_a: 5'),
])
def test_what_is_expected_of_the_charger_is_read_strictly(section, words):
    with pytest.raises(ValueError, match=words):
        expectation_of(Scenario('x', charger=section))


FOUND = {
    'bus_off': 'controller:R1',
    'bus_off_early': 'controller:R1',
    'bus_off_for_good': 'controller:R1',
    'claims_nonsense': 'controller:A38',
    'current_above_limit': 'controller:R33',
    'discharge_unasked': 'controller:R24 controller:R33',
    'emergency_frame': 'controller:1.4',
    'emergency_frame 01': '',
    'emergency_frame 03': '',
    'foreign_frames': 'controller:1.4',
    'jitter_wild': 'controller:R1 controller:R38',
    'mute_all': 'controller:R1',
    'mute_all_but_commands': 'controller:R6',
    'mute_command_at_end': 'controller:R41',
    'mute_message Charge_Status_Change': 'controller:R41',
    'mute_message Charge_Session_Finished': 'controller:R40',
    'mute_status': 'controller:R1',
    'mute_status_at_end': 'controller:R1',
    'mute_status_never': 'controller:R1',
    'mute_status_twice': 'controller:R1',
    'mute_status_v2g': 'controller:R1',
    'reserved_bits': 'controller:R52',
    'restart': 'controller:R1',
    'restart_early': 'controller:R1',
    'restart_slow': 'controller:R1 customer:R6',
    'short_all': 'controller:1.4',
    'short_command': 'controller:1.4',
    'short_emergency': 'controller:1.4',
    'short_message': 'controller:1.4',
    'short_status': 'controller:1.4',
    'state_255': 'controller:1.4',
    'undefined_function': 'controller:1.4',
    'undefined_function_once': 'controller:1.4',
    'undefined_label': 'controller:1.4',
    'undefined_label New_Charge_Session Plug_and_pins 4': '',
    'voltage_above_limit': 'controller:R21',
    'welded': 'customer:R11',
    'welded_asks_again': 'customer:R11',
    'wrong_command': 'controller:R24',
    'wrong_command Lower_Output_Voltage 1': 'controller:R15',
    'wrong_command Setpoints_Mode 1': 'controller:R24 controller:R27',
    'wrong_command Target_Voltage 65535': 'controller:A38',
    'wrong_function': 'controller:R10 controller:R38',
    'wrong_function 4': 'controller:R19 controller:R22 controller:R27 controller:R38',
    'wrong_precharge': 'controller:R25',
    'wrong_precharge Target_Voltage 65535': 'controller:A38',
    'wrong_standby': 'controller:R21',
}
"""
What an audit of the log finds, with the end that did it; nothing in all others.

One entry for all of a file, or for one scenario of it. The simulator's controller keeps every rule
unless the scenario spoils what it sends; the charger breaks some where it has to stop for what the
controller or the vehicle does.
"""


@pytest.mark.parametrize('name', SCENARIOS)
def test_no_end_is_accused_wrongly_in_any_scenario(name):
    wanted = FOUND.get(name, FOUND.get(name.split()[0], ''))
    found = outcome_of(name)[0].found_in_log
    assert found == {tuple(pair.split(':')) for pair in wanted.split()}


def test_each_accusation_is_one_of_a_scenario():
    assert set(FOUND) <= SCENARIOS.keys() | {name.split()[0] for name in SCENARIOS}


# docs/reference/faults.md


def row_of(name):
    """Return the heading of the table that a scenario belongs to, and its row there."""
    scenario, (outcome, bench) = SCENARIOS[name], outcome_of(name)
    wanted = expectation_of(scenario)
    if outcome.fault:
        heading, charger = 'Faults', f'`{outcome.fault}`'
    elif outcome.end != 'Clean_Stop':
        heading, charger = 'No charge', 'stays off' if outcome.end == '-' else 'ends'
    elif wanted.goes_on or wanted.currents_a:
        heading, charger = 'Goes on', 'goes on'
    else:
        heading, charger = 'Regular ends', 'ends'
    if outcome.broken_rules:
        charger += f'; {", ".join(outcome.broken_rules)}'
    if outcome.harm:
        charger += f'; {"; ".join(outcome.harm)}'
    session = outcome.end
    if outcome.end == 'Rushed_Stop':
        session += f': {outcome.reason}'
    elif scenario.end == End.RUSHED:
        session += ', the second session'
    time = ''
    if wanted.safe_within_s is not None and outcome.safe_after_s is not None:
        time = f'{1000 * outcome.safe_after_s:.0f} ms'
    # Not to the volt: that changes with every tick that something takes longer.
    output_v = outcome.output_v
    left = 'empty' if output_v <= EMPTY_V else f'about {10 * round(output_v / 10)} V'
    own = '' if bench.stage.config.has_output_contactors else "controller's "
    return heading, (
        f'| `{name}` | {scenario.about} | {session} | {charger} | {time} | '
        f'{own}open, {left} |')


HEADINGS = {
    'Goes on': 'The charge goes on',
    'Regular ends': 'The charge ends regularly',
    'No charge': 'The charge ends early or does not begin, without a fault',
    'Faults': 'The charger latches a fault',
}


def tables():
    """Return what comes between the two marks of the page."""
    rows = [row_of(name) for name in SCENARIOS]
    parts = [f'{len(rows)} scenarios in {len(FIRST_OF_FILES)} files.\n']
    for key, heading in HEADINGS.items():
        parts.append(
            f'\n## {heading}\n\n'
            '| Scenario | What happens | The session | Our charger | No current after | '
            'Contactors, output |\n|---|---|---|---|---|---|\n')
        parts += [f'{row}\n' for found, row in rows if found == key]
    return ''.join(parts)


@pytest.mark.timeout(600)
def test_the_page_of_faults_says_what_came_of_each(pytestconfig):
    page = PAGE.read_text(encoding='utf-8')
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    wanted = f'{before}{BEGIN}{tables()}{END}{after}'
    if pytestconfig.getoption('--write-docs', default=False):
        PAGE.write_text(wanted, encoding='utf-8')
    found, made = PAGE.read_text(encoding='utf-8').splitlines(), wanted.splitlines()
    changed = [line for line in made if line not in found] or found != made
    assert not changed, f'{PAGE.name} says otherwise; when all is well, write it anew: {WRITE}'


def test_the_page_tells_how_long_a_wait_is_played():
    assert f'plays {LONGEST_WAIT_S:.0f} s of the waiting' in PAGE.read_text(encoding='utf-8')
