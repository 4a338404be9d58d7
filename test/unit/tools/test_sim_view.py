# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The live view of ``gi3 sim --live``: what it shows, and what its keys do."""

from click.testing import CliRunner
import pytest
from rich.console import Console
from view_bench import live, two_pistols

from gi3_ros.core.interface.signals import EmergencyStop
from gi3_ros.sim.actions import ACTIONS
from gi3_ros.sim.events import Event, Kind
from gi3_ros.sim.person import Person
from gi3_ros.sim.stages import Stage
from gi3_ros.sim.vehicle_contactors import ContactorFault
from gi3_ros.tools.sim import sim
from gi3_ros.tools.views.sim_app import LONGEST_LINE

SIZES = [(76, 20), (80, 24), (110, 40), (200, 60), (76, 12), (40, 10), (10, 3), (1, 1)]


# The picture


@live()
async def test_shows_the_session_and_says_that_it_is_simulated(view):
    await view.charging()
    for words in (
        'controller and vehicle are simulated', 'CHARGING', '● charge', '✓ precharge', '○ end',
        'passenger car, 400 V, 75 kWh', 'ISO 15118-2, Target_Mode, charge',
        'charger ━━┤ closed ├━━ plugged in ━━┤ closed ├━━ battery', 'power transfer', '408.0 V',
        'close', '52.0 %', 'allowed', 'kOhm', '°C, enclosure ', 's ago', '● start',
        '○ auth. done', 'none broken by the charger', 'WAITING_FOR_CHARGE -> CHARGING',
        'p unplug', 'q quit',
    ):
        assert words in view.text


@live()
async def test_fits_every_terminal(view):
    await view.charging()
    for width, height in SIZES:
        await view.resize(width, height)
        lines = view.lines
        assert len(lines) <= height
        assert all(len(line) <= width for line in lines)
        if height >= 12:
            assert any('q quit' in line for line in lines), (width, height)


@live()
async def test_a_small_terminal_shows_fewer_events_but_all_values(view):
    await view.charging()
    for height in (20, 24, 30, 60):
        await view.resize(76, height)
        lines = view.lines
        for label in ('session', 'function', 'energy', 'temperature', 'flags'):
            assert any(label in line for line in lines), (label, height)
        assert not any('…' in line for line in lines)
        assert sum('rules ' in line for line in lines) == 1
        events = [line for line in lines if ' -> ' in line]
        assert len(events) >= 2
        assert ' -> CHARGING' in events[-1]
    assert any('INITIALISING -> ' in line for line in lines)


@pytest.mark.parametrize('seconds', [0.05, 1.0, 2.3, 3.5, 5.0, 6.0])
@live()
async def test_every_stage_can_be_drawn(view, seconds):
    await view.run(0.01)
    assert 'nothing yet' in view.text
    await view.press('p')
    await view.run(seconds)
    for size in SIZES:
        await view.resize(*size)
        assert view.lines or size == (1, 1)


@live()
async def test_an_old_report_is_not_shown_as_a_new_one(view):
    await view.charging()
    view.clock.charger.is_alive['power'] = False
    await view.run(0.9)
    assert 'kOhm' in view.text
    await view.run(2.1)
    assert 'silent for 3 s' in view.text
    assert 'kOhm' not in view.text


@pytest.mark.parametrize('height', [24, 40])
@live()
async def test_a_late_report_is_marked(view, height):
    await view.resize(100, height)
    await view.charging()
    view.clock.charger.is_alive['power'] = False
    await view.run(3.0)
    assert 'silent for 3 s' in view.text
    assert view.app.query_one('#reports').has_class('late') is (height == 40)


@live()
async def test_shows_the_emergency_and_who_keeps_it_up(view):
    await view.charging()
    await view.press('v')
    await view.run(0.1)
    assert 'EMERGENCY STOP of the vehicle, held: fault of the vehicle' in view.text
    assert 'v vehicle release' in view.text
    await view.press('v')
    await view.run(0.1)
    assert 'EMERGENCY STOP of the vehicle: fault' in view.text


@live(size=(110, 40))
async def test_shows_what_is_wrong_on_purpose_and_how_long_still(view):
    await view.run(1.0)
    for line in (
        'mute DC_Power_Control for 20', 'set DC_Power_Control Target_Voltage 0', 'newer 3.4',
        'jitter all 0.05', 'contactors welded', 'claim 300', 'demand -5', 'insulation 20',
    ):
        await view.type(line)
        assert not view.app.is_typing
    await view.run(5.0)
    assert (
        'disturbed mute DC_Power_Control for 15 s; set DC_Power_Control Target_Voltage 0; '
        'newer 3.4; jitter all 0.05; contactors welded; claim 300 V; demand -5 A; '
        'insulation 20 kOhm') in ' '.join(view.text.split())
    for line in ('heal', 'insulation good', 'contactors none', 'claim truth', 'demand nothing'):
        await view.type(line)
    assert 'disturbed' not in view.text


@live(size=(100, 40))
async def test_counts_the_breaches_and_shows_the_last(view):
    await view.charging()
    view.clock.charger.is_alive['power'] = False
    await view.run(1.0)
    assert '1 breach by the charger' in view.text
    assert 's  R3: Power_Modules_Status lost: silent for 510 ms' in view.text
    for number in range(5):
        view.simulator.findings.append(None)
        view.desk(Event(20.0 + number, Kind.FINDING, f'R21: number {number}'))
    await view.look()
    lines = view.lines
    start = next(number for number, line in enumerate(lines) if '6 breaches by' in line)
    for number in (2, 3, 4):
        assert f'{20 + number}.00 s  R21: number {number}' in lines[start + number - 1]


@live()
async def test_after_a_session_its_end_is_shown(view):
    await view.charging()
    await view.press('s')
    await view.run(8.0)
    assert view.simulator.sessions == 1
    assert 'none; the last: CLEAN_STOP, regular stop: the stop button' in view.text
    assert '✓ end' in view.text


@pytest.mark.parametrize(('width', 'height', 'most'), [(100, 60, 40), (80, 24, 24), (20, 5, 5)])
@live()
async def test_the_picture_that_stays_has_no_keys(view, width, height, most):
    await view.charging()
    view.desk(Event(20.0, Kind.VERDICT, 'no session', {'exit_status': 1}))
    picture, verdicts = view.end
    assert [(verdict.words, verdict.is_good) for verdict in verdicts] == [
        ('   20.00 s  no session', False)]
    console = Console(width=width, record=True)
    with console.capture() as captured:
        console.print(view.app.last_picture(picture, width=width, height=height))
    lines = captured.get().splitlines()
    text = '\n'.join(lines)
    assert 'q quit' not in text
    assert len(lines) <= most
    if width >= 80:
        assert 'WAITING_FOR_CHARGE -> CHARGING' in text
        assert 'none broken by the charger' in text


@live(size=(80, 24))
async def test_unsettling_names_change_nothing(view):
    await view.run(1.0)
    view.desk(Event(1.0, Kind.BUS, '[bold]50 % [/nonsense] \x1b[2J 充電 ' + 300 * 'x'))
    await view.look()
    assert '\x1b' not in view.text
    assert '[/nonsense]' in view.text


# Keys


@live()
async def test_keys_do_what_they_say(view):
    await view.charging()
    await view.press('x')
    await view.run(1.0)
    assert view.simulator.vehicle.stop_reason == 'the vehicle has had enough'
    await view.press('p')
    assert not view.simulator.vehicle.is_plugged
    await view.press('e')
    assert view.simulator.controller.emergency_origin is EmergencyStop.Origin.EVSE
    assert view.simulator.controller.is_emergency_held
    await view.press('v')
    assert 'the emergency stop of the charger is pulled already; e releases it' in view.text
    await view.press('e')
    assert 'is pulled already' not in view.text
    assert not view.simulator.controller.is_emergency_held
    assert not view.stop.is_set()
    await view.press('q')
    assert view.stop.is_set()


@pytest.mark.parametrize('key', ['q', 'ctrl+c', 'ctrl+q'])
@live()
async def test_quits(view, key):
    await view.run(0.1)
    await view.press([':', key] if key == 'ctrl+c' else [key])
    assert view.stop.is_set()


@live()
async def test_a_key_before_the_view_has_the_focus_counts(view):
    await view.run(0.1)
    view.app.set_focus(None)
    await view.press('q')
    assert view.stop.is_set()


@live()
async def test_two_keys_at_once_are_both_done(view):
    """The second one means what it means after the first."""
    await view.run(0.5)
    await view.pilot.press('p', 'p')
    await view.look()
    assert not view.simulator.vehicle.is_plugged
    await view.run(0.1)
    assert '> unplug' in view.text


@live()
async def test_unknown_keys_do_nothing(view):
    await view.run(0.5)
    before = view.text
    await view.press(['P', 'S', 'E', 'Q', '\n', '\x7f', '\x1b', ' ', 'ü', '0', 'f5', 'up',
                      'ctrl+z', 'ctrl+p'])
    assert view.text == before
    assert not view.stop.is_set()


@live(of=two_pistols)
async def test_the_start_button_is_for_chademo(view):
    await view.run(2.5)
    assert 'a start' not in view.text
    await view.press('3pa')
    assert 'a start' in view.text
    await view.run(0.5)
    assert not view.simulators[0].vehicle.is_plugged
    assert view.simulators[1].controller.stage is Stage.NEGOTIATING


@live(of=lambda: {'person': Person(plug_in_after_s=0.5)})
async def test_whoever_plugs_by_hand_keeps_the_cable(view):
    await view.run(1.0)
    assert view.simulator.vehicle.is_plugged
    await view.press(':unplug\n')
    await view.run(10.0)
    assert not view.simulator.vehicle.is_plugged
    assert view.simulator.sessions == 1


@pytest.mark.parametrize('size', [(76, 20), (100, 30)])
@live(of=two_pistols)
async def test_several_pistols_are_listed_and_one_is_chosen(view, size):
    await view.resize(*size)
    await view.run(1.0)
    lines = view.lines
    assert '▶ 1  CCS DC ' in lines[1]
    assert '3  CHAdeMO' in lines[2]
    assert 'rules ' in '\n'.join(lines)
    await view.press('\t')
    assert '▶ 3' in view.lines[2]
    assert '○ connect' in view.text
    await view.press('\t')
    assert '▶ 1' in view.lines[1]
    await view.press('2')
    assert 'there is no pistol 2; there are 1, 3' in view.text
    await view.resize(100, 40)
    assert '[3] ' in view.text


# Typed actions


@live()
async def test_a_typed_action_is_done(view):
    await view.run(1.0)
    await view.press(':contactors weldef')
    assert ': contactors weldef█' in view.text
    await view.press('\x7fd\n')
    assert view.simulator.vehicle.contactor_fault is ContactorFault.WELDED
    assert not view.app.is_typing
    assert 'q quit' in view.text


@live()
async def test_what_is_typed_is_no_key(view):
    await view.run(1.0)
    await view.pilot.press(*['colon', 'p', 'q', 'e', 'question_mark', '3', 'tab'])
    await view.look()
    assert ': pqe?3█' in view.text
    assert not view.stop.is_set()
    assert not view.simulator.vehicle.is_plugged
    await view.press('\x1b')
    assert not view.app.is_typing


@pytest.mark.parametrize(('line', 'words'), [
    ('plugin', "'plugin' is no action; there are plug_in, unplug"),
    ('pause', 'usage is pause SECONDS'),
    ('mute "x', 'No closing quotation'),
    ('ocpp nan', 'should be a number'),
])
@live(size=(110, 40))
async def test_a_wrong_action_is_answered_in_words_and_can_be_mended(view, line, words):
    await view.run(1.0)
    await view.type(line)
    assert words.split(';')[0] in view.text
    assert f': {line}' in view.text
    await view.resize(76, 20)
    assert f': {line}' in view.text
    await view.press('\x15ask_again\n')
    assert words.split(';')[0] not in view.text
    assert not view.app.is_typing


@live()
async def test_an_empty_line_is_left_and_a_long_one_has_an_end(view):
    await view.run(1.0)
    await view.press(': \n')
    assert not view.app.is_typing
    await view.press(':')
    view.app.take_paste((LONGEST_LINE - 2) * 'x')
    await view.press('xyz')
    await view.resize(76, 20)
    assert 'xxxy█' in view.text


@pytest.mark.parametrize('size', [(76, 20), (110, 60)])
@live()
async def test_help_lists_keys_and_actions_page_by_page(view, size):
    await view.resize(*size)
    await view.run(1.0)
    seen = ''
    await view.press('?')
    assert 'lines 1 to' in view.text
    for _ in range(10):
        seen += view.text
        await view.press(' ')
    for name in ACTIONS:
        assert f'\n {name} ' in seen or f'\n {name}\n' in seen, name
    assert 'emergency stop of the vehicle side' in seen
    await view.press('q')
    assert not view.stop.is_set()
    assert 'lines 1 to' not in view.text
    assert not view.app.is_help_shown
    assert 'rules ' in view.text


@live()
async def test_keys_work_while_help_is_shown(view):
    await view.run(1.0)
    await view.press('he')
    assert view.simulator.controller.is_emergency_held
    assert 'EMERGENCY STOP' in view.text


# Without a terminal


def test_without_a_terminal_nothing_starts(tmp_path):
    result = CliRunner().invoke(sim, ['--live', '--log', str(tmp_path / 'frames.log')])
    assert result.exit_code == 2
    assert 'gi3 sim: --live needs a terminal' in result.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('option', ['--fast', '--stdin', '--json=-'])
def test_live_does_not_go_with_everything(option):
    result = CliRunner().invoke(sim, ['--live', option])
    assert result.exit_code == 2
    assert f'--live does not go together with {option.split("=")[0]}' in result.output
