"""The live view of ``gi3 sim --live``: pictures, keys, and a terminal that gets itself back."""

import contextlib
import importlib.util
import io
import os
import pathlib
import pty
import select
import signal
import termios
import threading
import time

from click.testing import CliRunner
import pytest
from rich.console import Console

from gi3_ros.core.interface.signals import EmergencyStop
from gi3_ros.sim.config import ControllerConfig, Pistol
from gi3_ros.sim.link import Charger, Clock, Link
from gi3_ros.sim.plug import DirectPlug
from gi3_ros.sim.run import Event, Kind, Person, Simulator
from gi3_ros.sim.stages import Stage
from gi3_ros.sim.vehicle import ContactorFault, VehicleConfig
from gi3_ros.tools import sim_screen
from gi3_ros.tools.sim import sim
from gi3_ros.tools.sim_screen import ESCAPE_WAIT_S, Keys, Screen, View

ROOT = pathlib.Path(__file__).resolve().parents[3]
QUICK = ControllerConfig(boot_s=0.1, negotiation_s=0.2)
SIZES = [(76, 20), (80, 24), (110, 40), (200, 60), (76, 12), (40, 10), (10, 3), (1, 1)]


class Bench:
    """A view, and what it looks at, on the made-up clock."""

    def __init__(self, *simulators, clock=None, **link):
        if clock is None:
            link.setdefault('controller_config', QUICK)
            clock = Link(vehicle_config=VehicleConfig(charge_duration_s=60.0), **link)
            simulators = [clock.simulator]
        self.clock, self.simulators = clock, list(simulators)
        self.simulator = self.simulators[0]
        self.view, self.stop = View(), threading.Event()

    def run(self, seconds):
        end_s = self.clock.now_s + seconds
        while self.clock.now_s < end_s - 1e-6:
            self.clock.step()
            for simulator in self.simulators:
                for event in simulator.take_events():
                    self.view.see(event)
            self.view.follow(self.simulators, now_s=self.clock.now_s)

    def charging(self):
        self.run(2.0)
        self.press('p')
        self.run(8.0)
        assert self.simulator.controller.stage is Stage.CHARGING
        return self

    def press(self, keys):
        self.view.press(keys, self.simulators, self.stop, now_s=self.clock.now_s)

    def draw(self, width=100, height=30, **options):
        """Return the lines of the picture as plain text."""
        console = Console(
            file=io.StringIO(), width=width, height=height, force_terminal=True, record=True)
        console.print(self.view.draw(
            self.simulators, now_s=self.clock.now_s, width=width, height=height, **options))
        return console.export_text().splitlines()

    def text(self, *size, **options):
        return '\n'.join(self.draw(*size, **options))


def two_pistols():
    simulators = [
        Simulator(config, vehicle, plug=DirectPlug()) for config, vehicle in (
            (QUICK, VehicleConfig()),
            (ControllerConfig(pistol=Pistol.CHADEMO, index=3, boot_s=0.1), VehicleConfig()))]
    clock = Clock([(each, Charger.fitting(each.config, each.plug)) for each in simulators])
    return Bench(*simulators, clock=clock)


# The picture


@pytest.fixture(scope='module')
def charging():
    """Return a charge in progress; only to look at."""
    return Bench().charging()


def test_shows_the_session_and_says_that_it_is_simulated(charging):
    text = charging.text()
    for words in (
        'controller and vehicle are simulated', 'CHARGING', '● charge', '✓ precharge', '○ end',
        'passenger car, 400 V, 75 kWh', 'ISO 15118-2, Target_Mode, charge',
        'charger ━━┤ closed ├━━ plugged in ━━┤ closed ├━━ battery', 'power transfer', '408.0 V',
        'close', '52.0 %', 'allowed', 'kOhm', '°C, enclosure ', 's ago', '● start',
        '○ auth. done', 'none broken by the charger', 'WAITING_FOR_CHARGE -> CHARGING',
        'p unplug', 'q quit',
    ):
        assert words in text


@pytest.mark.parametrize(('width', 'height'), SIZES)
def test_fits_every_terminal(charging, width, height):
    for line in charging.draw(width, height):
        assert len(line) <= width
    if height >= 12:
        lines = charging.draw(width, height)
        assert len(lines) == height
        assert any('q quit' in line for line in lines)


@pytest.mark.parametrize('height', [20, 24, 30, 60])
def test_a_small_terminal_shows_fewer_events_but_all_values(charging, height):
    lines = charging.draw(76, height)
    assert not any('…' in line for line in lines)
    assert sum('rules ' in line for line in lines) == 1
    events = [line for line in lines if ' -> ' in line]
    assert ' -> CHARGING' in events[-1]
    assert (len(events) == 2) is (height == 20)


@pytest.mark.parametrize('seconds', [0.05, 1.0, 2.3, 3.5, 5.0, 6.0])
def test_every_stage_can_be_drawn(seconds):
    bench = Bench()
    bench.run(0.01)
    assert 'nothing yet' in bench.text()
    bench.press('p')
    bench.run(seconds)
    for size in SIZES:
        assert bench.draw(*size)


def test_an_old_report_is_not_shown_as_a_new_one():
    bench = Bench().charging()
    bench.clock.charger.is_alive['power'] = False
    bench.run(0.9)
    assert 'kOhm' in bench.text()
    bench.run(2.1)
    assert 'silent for 3 s' in bench.text()
    assert 'kOhm' not in bench.text()


def test_shows_the_emergency_and_who_keeps_it_up():
    bench = Bench().charging()
    bench.press('v')
    bench.run(0.1)
    assert 'EMERGENCY STOP of the vehicle, held: fault of the vehicle' in bench.text()
    assert 'v vehicle release' in bench.text()
    bench.press('v')
    bench.run(0.1)
    assert 'EMERGENCY STOP of the vehicle: fault' in bench.text()


def test_shows_what_is_wrong_on_purpose_and_how_long_still():
    bench = Bench()
    bench.run(1.0)
    for line in (
        'mute DC_Power_Control for 20', 'set DC_Power_Control Target_Voltage 0', 'newer 3.4',
        'jitter all 0.05', 'contactors welded', 'claim 300', 'demand -5', 'insulation 20',
    ):
        bench.press(f':{line}\n')
        assert bench.view.message == ''
    bench.run(5.0)
    text = ' '.join(bench.text(110, 40).replace('│', '').split())
    assert (
        'disturbed mute DC_Power_Control for 15 s; set DC_Power_Control Target_Voltage 0; '
        'newer 3.4; jitter all 0.05; contactors welded; claim 300 V; demand -5 A; '
        'insulation 20 kOhm') in text
    bench.press(':heal\n:insulation good\n:contactors none\n:claim truth\n:demand nothing\n')
    assert 'disturbed' not in bench.text()


def test_counts_the_breaches_and_shows_the_last():
    bench = Bench().charging()
    bench.clock.charger.is_alive['power'] = False
    bench.run(1.0)
    assert '1 breach by the charger' in bench.text()
    assert 's  R3: Power_Modules_Status lost: silent for 510 ms' in bench.text()
    for number in range(5):
        bench.simulator.findings.append(None)
        bench.view.see(Event(20.0 + number, Kind.FINDING, f'R21: number {number}'))
    lines = bench.draw(100, 40)
    start = next(number for number, line in enumerate(lines) if '6 breaches by' in line)
    for number in (2, 3, 4):
        assert f'{20 + number}.00 s  R21: number {number}' in lines[start + number - 1]


def test_after_a_session_its_end_is_shown():
    bench = Bench().charging()
    bench.press('s')
    bench.run(8.0)
    assert bench.simulator.sessions == 1
    assert 'none; the last: CLEAN_STOP, regular stop: the stop button' in bench.text()
    assert '✓ end' in bench.text()


def test_the_picture_that_stays_has_no_keys(charging):
    text = charging.text(100, 60, is_last=True)
    assert 'q quit' not in text
    assert len(text.splitlines()) < 40


def test_unsettling_names_change_nothing():
    bench = Bench()
    bench.run(1.0)
    bench.view.see(Event(1.0, Kind.BUS, '[bold]50 % [/nonsense] \x1b[2J 充電 ' + 300 * 'x'))
    for line in bench.draw(80, 24):
        assert '\x1b' not in line
    assert '[/nonsense]' in bench.text()


# Keys


@pytest.mark.parametrize(('data', 'keys'), [
    (b'ps', 'ps'),
    (b'\x1b[A\x1b[B\x1b[1;5Cp\x1bOP\x1b[[A\x1b[15~', 'p'),
    (b'\x1bx', ''),
    ('ä'.encode(), 'ä'),
    (b'\xff\xfep', 'p'),
    (b'\r\x08\x7f', '\n\x7f\x7f'),
])
def test_bytes_become_keys(data, keys):
    assert Keys().feed(data, now_s=1.0) == keys


def test_a_sequence_in_pieces_is_no_key():
    keys = Keys()
    got = [keys.feed(bytes([each]), now_s=1.0 + 0.001 * number)
           for number, each in enumerate(b'\x1b[1;5Ap')]
    assert ''.join(got) == 'p'


@pytest.mark.parametrize(('wait_s', 'keys'), [
    (0.9 * ESCAPE_WAIT_S, ''), (1.1 * ESCAPE_WAIT_S, '\x1b')])
def test_escape_alone_is_a_key_when_nothing_follows(wait_s, keys):
    escape = Keys()
    assert escape.feed(b'\x1b', now_s=1.0) == ''
    assert escape.feed(b'', now_s=1.0 + wait_s) == keys


def test_keys_do_what_they_say():
    bench = Bench().charging()
    bench.press('x')
    bench.run(1.0)
    assert bench.simulator.vehicle.stop_reason == 'the vehicle has had enough'
    bench.press('p')
    assert not bench.simulator.vehicle.is_plugged
    bench.press('e')
    assert bench.simulator.controller.emergency_origin is EmergencyStop.Origin.EVSE
    assert bench.simulator.controller.is_emergency_held
    bench.press('v')
    assert bench.view.message == (
        'the emergency stop of the charger is pulled already; e releases it')
    bench.press('e')
    assert not bench.simulator.controller.is_emergency_held
    assert not bench.stop.is_set()
    bench.press('q')
    assert bench.stop.is_set()


def test_unknown_keys_do_nothing():
    bench = Bench()
    bench.run(0.5)
    before = bench.text()
    bench.press('PSEQ\n\x7f\x1b\x00 ü0')
    assert bench.text() == before
    assert not bench.stop.is_set()


def test_the_start_button_is_for_chademo():
    bench = two_pistols()
    bench.run(2.5)
    assert 'a start' not in bench.text()
    bench.press('3pa')
    assert 'a start' in bench.text()
    bench.run(0.5)
    assert not bench.simulators[0].vehicle.is_plugged
    assert bench.simulators[1].controller.stage is Stage.NEGOTIATING


def test_whoever_plugs_by_hand_keeps_the_cable():
    bench = Bench(person=Person(plug_in_after_s=0.5))
    bench.run(1.0)
    assert bench.simulator.vehicle.is_plugged
    bench.press(':unplug\n')
    bench.run(10.0)
    assert not bench.simulator.vehicle.is_plugged
    assert bench.simulator.sessions == 1


@pytest.mark.parametrize('size', [(76, 20), (100, 30)])
def test_several_pistols_are_listed_and_one_is_chosen(size):
    bench = two_pistols()
    bench.run(1.0)
    lines = bench.draw(*size)
    assert '▶ 1  CCS DC ' in lines[1]
    assert '3  CHAdeMO' in lines[2]
    assert 'rules ' in '\n'.join(lines)
    bench.press('\t')
    assert '▶ 3' in bench.draw(*size)[2]
    assert '○ connect' in bench.text(*size)
    bench.press('\t')
    assert '▶ 1' in bench.draw(*size)[1]
    bench.press('2')
    assert bench.view.message == 'there is no pistol 2; there are 1, 3'
    assert '[3] ' in bench.text(100, 40)


# Typed actions


def test_a_typed_action_is_done():
    bench = Bench()
    bench.run(1.0)
    bench.press(':contactors weldef')
    assert ': contactors weldef█' in bench.text()
    bench.press('\x7fd\n')
    assert bench.simulator.vehicle.contactor_fault is ContactorFault.WELDED
    assert bench.view.line is None
    assert 'q quit' in bench.text()


def test_what_is_typed_is_no_key():
    bench = Bench()
    bench.run(1.0)
    bench.press(':pqe?3')
    assert bench.view.line == 'pqe?3'
    assert not bench.stop.is_set()
    assert not bench.simulator.vehicle.is_plugged
    bench.press('\x1b')
    assert bench.view.line is None


@pytest.mark.parametrize(('line', 'words'), [
    ('plugin', "'plugin' is no action; there are plug_in, unplug"),
    ('pause', 'usage is pause SECONDS'),
    ('mute "x', 'No closing quotation'),
    ('ocpp nan', 'should be a number'),
])
def test_a_wrong_action_is_answered_in_words_and_can_be_mended(line, words):
    bench = Bench()
    bench.run(1.0)
    bench.press(f':{line}\n')
    assert words in bench.view.message
    assert bench.view.message.split(';')[0] in bench.text(110, 40)
    assert bench.view.line == line
    assert bench.draw(76, 20)
    bench.press('\x15ask_again\n')
    assert bench.view.message == ''
    assert bench.view.line is None


def test_an_empty_line_is_left_and_a_long_one_has_an_end():
    bench = Bench()
    bench.run(1.0)
    bench.press(': \n')
    assert bench.view.line is None
    assert bench.view.message == ''
    bench.press(':' + 1000 * 'x' + 'y')
    assert len(bench.view.line) == sim_screen.LONGEST_LINE
    assert 'x█' in bench.text(76, 20)


@pytest.mark.parametrize('size', [(76, 20), (110, 60)])
def test_help_lists_keys_and_actions_page_by_page(size):
    bench = Bench()
    bench.run(1.0)
    seen = ''
    bench.press('?')
    for _ in range(10):
        seen += bench.text(*size)
        bench.press(' ')
    for name in sim_screen.ACTIONS:
        assert f'│ {name} ' in seen
    assert 'emergency stop of the vehicle side' in seen
    bench.press('q')
    assert not bench.stop.is_set()
    assert 'lines 1 to' not in bench.text(*size)


def test_keys_work_while_help_is_shown():
    bench = Bench()
    bench.run(1.0)
    bench.press('he')
    assert bench.simulator.controller.is_emergency_held
    assert 'EMERGENCY STOP' in bench.text()


# The terminal


class Terminal:
    """A pseudo-terminal of 80x24, and the person before it."""

    def __init__(self):
        self.person, self._process = pty.openpty()
        termios.tcsetwinsize(self._process, (24, 80))
        self._stdin = os.fdopen(self._process, 'r', closefd=False)
        self._stdout = os.fdopen(self._process, 'w', closefd=False)

    def screen(self):
        return Screen(stdin=self._stdin, stdout=self._stdout)

    def modes(self):
        return termios.tcgetattr(self._process)

    def type(self, data):
        os.write(self.person, data)

    def shown(self, wait_s=0.2):
        """Return what came to the terminal since the last time."""
        data = b''
        while select.select([self.person], [], [], wait_s)[0]:
            data += os.read(self.person, 65536)
        return data.decode()

    def close(self):
        for descriptor in (self.person, self._process):
            os.close(descriptor)


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv('TERM', 'xterm-256color')
    with contextlib.closing(Terminal()) as terminal:
        yield terminal


def play(screen, seconds, *, simulator=None, stop=None):
    simulator = simulator or Simulator(QUICK)
    stop = stop or threading.Event()
    for count in range(round(seconds / 0.01)):
        simulator.tick(now_s=0.01 * count)
        for event in simulator.take_events():
            screen(event)
        screen.turn([simulator], stop, now_s=0.01 * count)
        if stop.is_set():
            break
    return simulator


def test_a_terminal_is_taken_and_given_back(terminal):
    before = terminal.modes()
    stop = threading.Event()
    with terminal.screen() as screen:
        during = terminal.modes()
        assert not during[3] & (termios.ICANON | termios.ECHO)
        assert during[3] & termios.ISIG
        terminal.type(b'p\x1b[A:unplug\r')
        simulator = play(screen, 0.5, stop=stop)
        terminal.type(b'q')
        play(screen, 0.5, simulator=simulator, stop=stop)
        assert stop.is_set()
        screen(Event(0.5, Kind.VERDICT, 'no session', {'exit_status': 1}))
    assert terminal.modes() == before
    text = terminal.shown()
    assert '> plug_in' in text
    assert '> unplug' in text
    live, _, after = text.rpartition('\x1b[?1049l')
    assert live.startswith('\x1b[?1049h')
    assert '\x1b[?25l' in live
    assert '\x1b[?25h' in after
    assert 'are simulated' in after
    assert '0.50 s  no session' in after.splitlines()[-1]


def test_redraws_five_times_a_second_at_most(terminal):
    with terminal.screen() as screen:
        simulator = Simulator(QUICK)
        text = ''
        for count in range(200):
            screen.turn([simulator], threading.Event(), now_s=0.01 * count)
            text += terminal.shown(wait_s=0.001)
    # Less often when the terminal is not ready for more.
    assert 2 <= text.count('╭─') <= 10


@pytest.mark.parametrize('error', [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_exception_leaves_the_terminal_as_it_was(terminal, error):
    before = terminal.modes()
    with pytest.raises(error), terminal.screen() as screen:
        play(screen, 0.1)
        raise error
    assert terminal.modes() == before
    assert '\x1b[?25h' in terminal.shown()


@pytest.mark.parametrize('number', [signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_that_kills_unwinds_instead(terminal, number):
    # Whoever runs the tests may have it ignored, as nohup does.
    ours = signal.signal(number, signal.SIG_DFL)
    try:
        before = terminal.modes()
        with pytest.raises(SystemExit) as caught, terminal.screen() as screen:
            play(screen, 0.1)
            signal.raise_signal(number)
        assert caught.value.code == 128 + number
        assert terminal.modes() == before
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, ours)


def test_a_terminal_that_takes_nothing_does_not_hold_up_the_loop(terminal, monkeypatch):
    monkeypatch.setattr(sim_screen, 'CLOSE_S', 0.1)
    before = terminal.modes()
    longest_s, simulator = 0.0, Simulator(QUICK)
    with terminal.screen() as screen:
        for count in range(200):
            begun_s = time.monotonic()
            screen.turn([simulator], threading.Event(), now_s=0.2 * count)
            longest_s = max(longest_s, time.monotonic() - begun_s)
            # So that the terminal is filled up, not only this program's queue.
            threading.Event().wait(0.001)
        assert screen._output.is_busy
    # Far more than a redraw takes, for a busy machine; a blocked write would never end.
    assert longest_s < 1.0
    assert terminal.modes() == before


def test_a_terminal_that_is_gone_ends_the_run(terminal, monkeypatch):
    stop = threading.Event()
    with terminal.screen() as screen:
        play(screen, 0.1)
        monkeypatch.setattr(sim_screen.os, 'read', lambda *_: b'')
        terminal.type(b'x')
        play(screen, 0.5, stop=stop)
        assert stop.is_set()
        monkeypatch.undo()


def test_without_a_terminal_nothing_starts(tmp_path):
    result = CliRunner().invoke(sim, ['--live', '--log', str(tmp_path / 'frames.log')])
    assert result.exit_code == 2
    assert 'gi3 sim: --live needs a terminal' in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_that_cannot_be_drawn_on_is_refused(terminal, monkeypatch):
    monkeypatch.setenv('TERM', 'dumb')
    with pytest.raises(ValueError, match='--live needs a terminal that can be drawn on'):
        terminal.screen()


@pytest.mark.parametrize('option', ['--fast', '--stdin', '--json=-'])
def test_live_does_not_go_with_everything(option):
    result = CliRunner().invoke(sim, ['--live', option])
    assert result.exit_code == 2
    assert f'--live does not go together with {option.split("=")[0]}' in result.output


def test_the_picture_of_the_documentation_can_be_drawn():
    spec = importlib.util.spec_from_file_location('draw_live', ROOT / 'scripts' / 'draw_live.py')
    draw_live = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(draw_live)
    assert 'CHARGING' in draw_live.drawn()
    assert 'CHARGING' in draw_live.PICTURE.read_text(encoding='utf-8')
