"""
The live view of ``gi3 sim --live``, with keys.

:class:`View` knows what is shown and what a key does, :class:`Keys` what was pressed, and
:class:`Screen` is the terminal for both. The simulator's loop has a heartbeat of 100 ms to keep:
nothing here waits, neither for a key nor for a terminal that takes no more text.
"""

import codecs
import collections
import contextlib
import itertools
import math
import os
import queue
import re
import select
import signal
import sys
import termios
import textwrap
import threading

from rich.console import Console
from rich.control import Control
from rich.text import Text

from ..core.interface.signals import DcPowerControl, EmergencyStop, PowerModulesStatus
from ..sim.actions import ACTIONS
from ..sim.run import Kind
from ..sim.stages import IDLE_STAGES, Stage
from ..sim.vehicle import ContactorFault
from .screen import (
    copper,
    LEAST_HEIGHT,
    LEAST_WIDTH,
    lower_words,
    MAX_AGE_S,
    number,
    REFRESH_PERIOD_S,
    step_bar,
    WIDEST,
)

Origin = EmergencyStop.Origin

STEPS = (
    ('negotiate', (Stage.NEGOTIATING,)),
    ('authorise', (Stage.AUTHORISATION, Stage.FULL_INFO)),
    ('insulation', (Stage.NOT_READY, Stage.READY, Stage.TESTING, Stage.LOWERING)),
    ('precharge', (Stage.PRECHARGE, Stage.PRECHARGE_DONE)),
    ('charge', (Stage.WAITING_FOR_CHARGE, Stage.CHARGING)),
    ('end', (
        Stage.ENDING_CURRENT, Stage.ENDING_OPEN, Stage.ENDING_LOWER, Stage.WELDING_DETECTION,
        Stage.CLOSING, Stage.EMERGENCY)),
)
CHADEMO_STEPS = tuple(
    ('connect', (Stage.CONNECTING,)) if title == 'precharge' else (title, stages)
    for title, stages in STEPS)
SIDES = {Origin.EVSE: ('e', 'charger'), Origin.PEV: ('v', 'vehicle')}
"""Key of the emergency stop of each side, and its name."""
_LINES = {'s': 'stop', 'a': 'start', 'x': 'vehicle_stop'}
ESCAPE, ENTER, BACKSPACE, CLEAR, TAB = '\x1b', '\n', '\x7f', '\x15', '\t'
ESCAPE_WAIT_S = 0.05
"""What belongs to an escape sequence follows faster; later it was the key Esc."""
EVENTS = 200
"""So many are kept: more than the lines of any terminal."""
BREACHES = 3
LATE_S = 0.25
"""Older than this a status is late: it comes every 100 ms (R2)."""
LABEL_WIDTH = 12
LONGEST_LINE = 200
LAST_EVENTS = 8
"""Event lines of the picture that stays."""
CLOSE_S = 1.0
"""A terminal that takes no text for so long does not get the rest."""
_CONTROLS = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)], ' ')
_UNKNOWN_C = PowerModulesStatus().power_modules_temperature
_SEQUENCE = re.compile(r'\x1b(\[\[[A-E]|\[[0-?]*[ -/]*[@-~]|O.|[^\[O\x1b])')
_BEGIN_OF_SEQUENCE = re.compile(r'\x1b(\[\[?[0-?]*[ -/]*|O)?$')


class Keys:
    """Bytes of a terminal become keys; arrow and function keys become none."""

    def __init__(self):
        self._decode = codecs.getincrementaldecoder('utf-8')(errors='ignore').decode
        self._rest = ''
        self._rest_since_s = 0.0

    def feed(self, data, *, now_s):
        """Return the keys that were pressed, given the bytes that came; maybe none came."""
        text = self._rest + self._decode(data)
        if data:
            self._rest_since_s = now_s
        text = _SEQUENCE.sub('', text)
        begun = _BEGIN_OF_SEQUENCE.search(text)
        self._rest = ''
        if begun:
            text = text[:begun.start()]
            if now_s - self._rest_since_s < ESCAPE_WAIT_S:
                self._rest = begun.group()
            elif begun.group() == ESCAPE:
                text += ESCAPE
        return text.replace('\r', ENTER).replace('\b', BACKSPACE)


class _Track:
    """What is remembered of a pistol."""

    def __init__(self):
        self.stage = None
        self.since_s = 0.0
        self.seen = set()
        self.breaches = collections.deque(maxlen=BREACHES)

    def follow(self, stage, now_s):
        if stage is self.stage:
            return
        if stage is Stage.NEGOTIATING:
            self.seen.clear()
        self.stage, self.since_s = stage, now_s
        self.seen.add(stage)


class View:
    """What the live view shows and what its keys do; it knows no terminal."""

    def __init__(self):
        self.message = ''
        """The answer to the last key, in words."""
        self.line = None
        """The action that is being typed, ``None`` while none is."""
        self.verdicts = []
        self._events = collections.deque(maxlen=EVENTS)
        self._tracks = collections.defaultdict(_Track)
        self._chosen = 0
        self._help_from = None
        self._help_rows = 1

    def see(self, event):
        """Take an :class:`~gi3_ros.sim.run.Event`."""
        if event.kind is Kind.VERDICT:
            self.verdicts.append(event)
            return
        self._events.append(event)
        if event.kind is Kind.FINDING:
            self._tracks[event.pistol].breaches.append(event)

    def follow(self, simulators, *, now_s):
        """Remember the stages; some last less than a redraw."""
        for simulator in simulators:
            self._tracks[simulator.config.index].follow(simulator.controller.stage, now_s)

    # Keys

    def press(self, keys, simulators, stop, *, now_s):
        """Do what the keys say, to the chosen pistol."""
        for key in keys:
            if self.line is None:
                self._press(key, simulators, stop, now_s)
            else:
                self._edit(key, simulators[self._chosen], now_s)

    def _press(self, key, simulators, stop, now_s):
        self.message = ''
        if self._help_from is not None:
            if key in ('?', 'h', ' '):
                self._help_from += self._help_rows
                return
            self._help_from = None
            if key in ('q', ESCAPE):
                return
        simulator = simulators[self._chosen]
        if key == 'q':
            stop.set()
        elif key in ('?', 'h'):
            self._help_from = 0
        elif key == ':':
            self.line = ''
        elif key == TAB:
            self._chosen = (self._chosen + 1) % len(simulators)
        elif key in '123456789':
            self._choose(int(key), simulators)
        elif key == 'p':
            self._do('unplug' if simulator.vehicle.is_plugged else 'plug_in', simulator, now_s)
        elif key == 'e':
            self._toggle_emergency(Origin.EVSE, simulator, now_s)
        elif key == 'v':
            self._toggle_emergency(Origin.PEV, simulator, now_s)
        elif key in _LINES:
            self._do(_LINES[key], simulator, now_s)

    def _choose(self, index, simulators):
        indices = [simulator.config.index for simulator in simulators]
        if index in indices:
            self._chosen = indices.index(index)
        else:
            self.message = f'there is no pistol {index}; there are {", ".join(map(str, indices))}'

    def _toggle_emergency(self, origin, simulator, now_s):
        controller = simulator.controller
        if not controller.is_emergency_held:
            self._do(f'emergency {origin.name.lower()}', simulator, now_s)
        elif controller.emergency_origin is origin:
            self._do('release', simulator, now_s)
        else:
            key, side = SIDES[controller.emergency_origin]
            self.message = f'the emergency stop of the {side} is pulled already; {key} releases it'

    def _edit(self, key, simulator, now_s):
        """Take a key for the line; one that is wrong stays, to be mended."""
        self.message = ''
        if key == ESCAPE:
            self.line = None
        elif key == ENTER:
            if not self.line.strip() or self._do(self.line, simulator, now_s):
                self.line = None
        elif key == BACKSPACE:
            self.line = self.line[:-1]
        elif key == CLEAR:
            self.line = ''
        elif key.isprintable() and len(self.line) < LONGEST_LINE:
            self.line += key

    def _do(self, line, simulator, now_s):
        try:
            simulator.do(line, now_s=now_s)
        except ValueError as error:
            self.message = str(error)
            return False
        return True

    # Picture

    def draw(self, simulators, *, now_s, width, height, is_last=False):
        """
        Return the picture for a terminal of this size as something rich can print.

        :param is_last: it stays when all is over: no keys, and no more events than is useful
        """
        width = min(width, WIDEST)
        inner = max(width - 4, 20)
        simulator = simulators[self._chosen]
        track = self._tracks[simulator.config.index]
        top = [
            *_pistols(simulators, simulator, now_s),
            _headline(simulator, track, inner, now_s),
            step_bar(CHADEMO_STEPS if simulator.config.is_chademo else STEPS,
                     track.stage, track.seen),
        ]
        bottom = [] if is_last else self._bottom(simulator, len(simulators) > 1, inner)
        if bottom and height >= 28:
            bottom.insert(0, Text())
        rows = max(height - 2 - len(top) - len(bottom), 0)
        if self._help_from is not None and not is_last:
            middle = self._help_page(inner, rows)
        else:
            middle = _details(simulator, track, inner, rows, now_s)
            left = rows - len(middle)
            middle += self._event_lines(
                inner, min(left, LAST_EVENTS) if is_last else left, simulators)
            if not is_last:
                middle += [Text()] * (rows - len(middle))
        return _Frame([*top, *middle[:rows], *bottom], inner)

    def _bottom(self, simulator, has_several, inner):
        lines = [Text(line, style='red') for line in _wrapped(self.message, inner)]
        if self.line is None:
            return lines + _in_lines(_keys(simulator, has_several), inner)
        # The end of a long line is what is being typed.
        room = inner - 3
        return [
            *lines,
            Text.assemble((': ', 'bold cyan'), self.line[-room:], ('█', 'cyan')),
            Text('Enter does it, Esc leaves it; ? outside of this line lists the actions',
                 style='dim'),
        ]

    def _help_page(self, inner, rows):
        lines = _help(inner)
        if self._help_from >= len(lines):
            self._help_from = 0
        self._help_rows = max(rows - 1, 1)
        page = lines[self._help_from:][:self._help_rows]
        last = min(self._help_from + self._help_rows, len(lines))
        return [
            *page, *[Text()] * (self._help_rows - len(page)),
            Text(f'lines {self._help_from + 1} to {last} of {len(lines)}: '
                 '? goes on, Esc goes back', style='cyan'),
        ]

    def _event_lines(self, inner, rows, simulators):
        """Return the newest events, as many as fit."""
        lines = []
        for event in reversed(self._events):
            if len(lines) >= rows:
                break
            texts = _wrapped(
                f'{_pistol(event, simulators)}{event.words}', inner - LABEL_WIDTH)
            if lines and len(lines) + len(texts) > rows:
                # The tail of a sentence says nothing.
                break
            style = _EVENT_STYLES.get(event.kind, '')
            lines = [
                Text.assemble(
                    (f'{event.time_s:8.2f} s  ' if is_first else ' ' * LABEL_WIDTH, 'dim'),
                    (text, style))
                for is_first, text in _with_first(texts)] + lines
        return lines[:rows]


_EVENT_STYLES = {
    Kind.FINDING: 'red', Kind.OBSERVATION: 'yellow', Kind.ACTION: 'cyan', Kind.BUS: 'yellow'}


def _pistol(event, simulators):
    """Return whose event it is, when there are several."""
    return f'[{event.pistol}] ' if len(simulators) > 1 else ''


def _pistols(simulators, chosen, now_s):
    """Return a line for each pistol when there are several."""
    if len(simulators) == 1:
        return []
    lines = []
    for simulator in simulators:
        controller, vehicle = simulator.controller, simulator.vehicle
        status = _status(simulator, now_s)
        words = lower_words(controller.state.name)
        line = Text.assemble(
            '▶ ' if simulator is chosen else '  ',
            (f'{simulator.config.index:<2}', 'bold cyan'),
            f' {simulator.config.pistol.value:7}  {words:24} '
            f'{number(status and status.present_voltage, "6.1f", "V"):>8} '
            f'{number(status and status.present_current, "6.1f", "A"):>8} '
            f'{100 * vehicle.state_of_charge:4.0f} %')
        if controller.emergency_origin is not None:
            line.append('  emergency', style='bold red')
        elif simulator.findings:
            line.append('  breaches', style='red')
        if simulator is not chosen:
            line.stylize('dim')
        lines.append(line)
    return lines


class _Frame:
    """Lines in a frame, for rich; its own way with texts and frames takes twice as long."""

    def __init__(self, lines, inner):
        title = ' gi3 sim: controller and vehicle are simulated '
        self._lines = [Text.assemble(
            '╭─', (title, 'not dim'), '─' * (inner - len(title) + 1), '╮', style='dim')]
        for line in lines:
            line.truncate(inner, overflow='ellipsis', pad=True)
            self._lines.append(Text.assemble(('│ ', 'dim'), line, (' │', 'dim')))
        self._lines.append(Text(f'╰{"─" * (inner + 2)}╯', style='dim'))

    def __rich_console__(self, console, _options):
        for line in self._lines:
            yield from line.render(console, end='\n')


def _status(simulator, now_s):
    """Return the last Power_Modules_Status while it is news."""
    is_fresh = now_s - simulator.status_heard_s < MAX_AGE_S
    return simulator.controller.status if is_fresh else None


def _headline(simulator, track, inner, now_s):
    controller = simulator.controller
    style = f'not dim bold {"green" if controller.emergency_origin is None else "red"}'
    name, stage = controller.state.name, controller.stage.name
    left = Text.assemble(
        (name.replace('_', ' '), style), '' if stage == name else f'  {stage}',
        f'  for {now_s - track.since_s:.1f} s', style='dim')
    right = f' pistol {simulator.config.index}, {simulator.config.pistol.value}   ' \
        f'{simulator.elapsed_s:.1f} s'
    left.truncate(max(inner - len(right), 0), overflow='ellipsis', pad=True)
    return left.append(right)


def _details(simulator, track, inner, rows, now_s):
    """Return the lines between the steps and the events."""
    controller = simulator.controller
    who = _row('session', _session(controller), inner)
    if rows >= 14:
        who = _row('vehicle', simulator.vehicle.config.name, inner) + who
    values = _side_by_side(_commands(simulator), _reports(simulator, now_s), inner)
    rest = [
        *_flags(simulator),
        *_row('disturbed', '; '.join(_disturbances(simulator, now_s)), inner, 'yellow'),
        *_rules(simulator, track, inner, 1 if rows < 18 else BREACHES),
    ]
    wire = [copper(
        'charger', (controller.relay_closed, 'plugged in' if simulator.vehicle.is_plugged
                    else 'unplugged'),
        (simulator.vehicle.contactors_closed, 'battery'))]
    emergency = []
    if controller.emergency_origin is not None:
        _, side = SIDES[controller.emergency_origin]
        held = ', held' if controller.is_emergency_held else ''
        emergency = [
            Text(text, style='bold white on red') for text in _wrapped(
                f'EMERGENCY STOP of the {side}{held}: {controller.emergency_cause}', inner)]
    gap = [Text()] if rows >= 20 else []
    return [*emergency, *gap, *who, *wire, *gap, *values, *gap, *rest, *gap]


def _session(controller):
    if controller.agreement is not None:
        return str(controller.agreement)
    if controller.stage not in IDLE_STAGES:
        return 'nothing agreed yet'
    outcome = controller.outcome
    return 'none' if outcome is None else f'none; the last: {outcome.state.name}, {outcome.reason}'


def _commands(simulator):
    """Return ``(label, value, style)`` of what the controller commands, and of the battery."""
    command, vehicle = simulator.controller.power_control, simulator.vehicle
    function = voltage = current = contactors = '-'
    if command is not None:
        function = lower_words(command.power_function.name)
        voltage = number(command.target_voltage, '7.1f', 'V')
        current = number(command.current_range_max, '7.1f', 'A')
        if command.setpoints_mode is DcPowerControl.SetpointsMode.RANGE_MODE:
            current = f'{command.current_range_min:7.1f} to {command.current_range_max:.1f} A'
        contactors = lower_words(command.output_contactors.name)
        if command.lower_output_voltage:
            contactors += ', lowering'
    energy = number(vehicle.energy_charged_wh / 1e3, '7.3f', 'kWh')
    if vehicle.energy_discharged_wh >= 0.5:
        energy += f', {vehicle.energy_discharged_wh / 1e3:.3f} out'
    return (
        ('controller commands', '', ''),
        ('function', function, ''),
        ('voltage', voltage, ''),
        ('current', current, ''),
        ('contactors', contactors, ''),
        ('battery', f'{100 * vehicle.state_of_charge:7.1f} %, '
         f'{vehicle.open_circuit_voltage_v:.1f} V', ''),
        ('energy', energy, ''),
    )


def _reports(simulator, now_s):
    """Return ``(label, value, style)`` of what the charger reports."""
    status = _status(simulator, now_s)
    age_s = now_s - simulator.status_heard_s
    if simulator.status_heard_s < 0:
        age = 'nothing yet'
    elif status is None:
        age = f'silent for {age_s:.0f} s'
    else:
        age = f'{age_s:.2f} s ago'
    head = ('charger reports', age, 'dim' if age_s < LATE_S else 'red')
    if status is None:
        labels = ('voltage', 'current', 'power', 'enable', 'insulation', 'temperature')
        return head, *((label, '-', '') for label in labels)
    watts = status.present_voltage * status.present_current
    is_allowed = status.system_enable is PowerModulesStatus.SystemEnable.ALLOWED
    return (
        head,
        ('voltage', number(status.present_voltage, '7.1f', 'V'), ''),
        ('current', number(status.present_current, '7.1f', 'A'), ''),
        ('power', number(watts / 1e3, '7.1f', 'kW'), ''),
        ('enable', lower_words(status.system_enable.name), '' if is_allowed else 'yellow'),
        ('insulation', number(status.insulation_resistance / 1e3, '7.0f', 'kOhm'), ''),
        ('temperature', f'{_celsius(status.power_modules_temperature)}, enclosure '
         f'{_celsius(status.enclosure_temperature)}', ''),
    )


def _celsius(value):
    return '-' if value <= _UNKNOWN_C else f'{value:.0f} °C'


def _side_by_side(left, right, inner):
    width = min(inner // 2, 44)
    lines = []
    for is_head, (left_row, right_row) in _with_first(zip(left, right, strict=True)):
        line = _cell(*left_row, is_head)
        line.truncate(width - 1, pad=True)
        line.append(' ')
        lines.append(line + _cell(*right_row, is_head))
    return lines


def _cell(label, value, style, is_head):
    if is_head:
        return Text.assemble((f'{label} ', 'underline'), (f' {value}', style))
    return Text.assemble((f'{label:{LABEL_WIDTH}}', 'dim'), (value, style or 'bold'))


def _row(label, text, inner, style=''):
    """Return the lines of a text behind its label; none without a text."""
    return [
        Text.assemble((f'{label if is_first else "":{LABEL_WIDTH}}', 'dim'), (part, style))
        for is_first, part in _with_first(_wrapped(text, inner - LABEL_WIDTH))]


def _wrapped(text, width):
    """Return the lines of a text; control characters of foreign words never reach a terminal."""
    return textwrap.wrap(text.translate(_CONTROLS), width)


def _with_first(things):
    """Return ``(whether it is the first, thing)``."""
    return zip(itertools.chain([True], itertools.repeat(False)), things, strict=False)


def _flags(simulator):
    line = Text(f'{"flags":{LABEL_WIDTH}}', style='dim')
    if not simulator.config.use_sequence_flags:
        return [line + Text('not used (use_sequence_flags)', style='dim')]
    flags = simulator.controller.flags
    shown = [('start', flags.start_charge_authorisation)]
    if simulator.config.is_chademo:
        shown.append(('start button', flags.chademo_start_button))
    else:
        shown += [('auth. done', flags.ccs_authorisation_done),
                  ('auth. valid', flags.ccs_authorisation_valid)]
    shown += [('parameters', flags.charge_parameters_done), ('stop', flags.user_stop_button)]
    for title, is_set in shown:
        line.append(f'{"●" if is_set else "○"} {title}  ', style='not dim' if is_set else 'dim')
    return [line]


def _disturbances(simulator, now_s):
    """Return what is wrong on purpose, in words."""
    words = []
    for each in simulator.wire.disturbances:
        left_s = each.until_s - now_s
        words.append(f'{each} for {left_s:.0f} s' if left_s < 1e6 else str(each))
    vehicle = simulator.vehicle
    if vehicle.contactor_fault is not ContactorFault.NONE:
        words.append(f'contactors {vehicle.contactor_fault.value}')
    if vehicle.claimed_battery_v is not None:
        words.append(f'claim {vehicle.claimed_battery_v:g} V')
    if vehicle.demanded_a is not None:
        words.append(f'demand {vehicle.demanded_a:g} A')
    if vehicle.insulation_resistance_ohm != vehicle.config.insulation_resistance_ohm:
        words.append(f'insulation {vehicle.insulation_resistance_ohm / 1e3:g} kOhm')
    return words


def _rules(simulator, track, inner, most):
    count = len(simulator.findings)
    if not count:
        return _row('rules', 'none broken by the charger', inner, 'green')
    many = 'es' if count > 1 else ''
    lines = _row('rules', f'{count} breach{many} by the charger', inner, 'bold red')
    for event in list(track.breaches)[-most:]:
        lines += _row('', f'{event.time_s:.2f} s  {event.text}', inner, 'red')
    return lines


def _keys(simulator, has_several):
    """Return ``(key, what it does now)``."""
    controller = simulator.controller
    held = controller.emergency_origin if controller.is_emergency_held else None
    yield 'p', 'unplug' if simulator.vehicle.is_plugged else 'plug in'
    if simulator.config.is_chademo:
        yield 'a', 'start'
    yield 's', 'stop'
    for origin, (key, side) in SIDES.items():
        of_side = '' if origin is Origin.EVSE else f'{side} '
        yield key, f'{of_side}{"release" if held is origin else "emergency"}'
    yield 'x', 'vehicle ends'
    if has_several:
        yield 'tab', 'next pistol'
    yield ':', 'action'
    yield '?', 'help'
    yield 'q', 'quit'


def _in_lines(keys, inner):
    """Return keys and what they do in as few lines as possible."""
    lines = [Text()]
    for key, words in keys:
        piece = Text.assemble((key, 'bold cyan'), f' {words}')
        if lines[-1] and lines[-1].cell_len + 2 + piece.cell_len > inner:
            lines.append(Text())
        lines[-1].append('  ' if lines[-1] else '').append_text(piece)
    return lines


def _help(inner):
    keys = (
        ('p', 'plug in, or unplug; from then on nobody else does it'),
        ('s', 'stop button at the controller'),
        ('a', 'start button of CHAdeMO'),
        ('e', 'emergency stop of the charger side: pull it, release it'),
        ('v', 'emergency stop of the vehicle side: pull it, release it'),
        ('x', 'the vehicle ends the charge'),
        ('tab 1..9', 'another pistol: the next one, or the one with this index'),
        (':', 'type any of the actions below; Enter does it, Esc leaves it'),
        ('q Ctrl-C', 'quit; a session in progress is not ended in an orderly way'),
    )
    lines = [Text.assemble((f'{key:{LABEL_WIDTH}}', 'bold cyan'), words) for key, words in keys]
    lines.append(Text())
    for name, spec in ACTIONS.items():
        lines.append(Text.assemble((name, 'bold cyan'), f' {spec.usage}'))
        lines += [
            Text(f'    {part}', style='dim') for part in _wrapped(spec.help, inner - 4)]
    return lines


class Screen:
    """
    The live view in a terminal, for the time of a ``with`` block; the last picture stays.

    :param stdin: a file of a terminal to read keys from; standard input unless given
    :param stdout: a file of a terminal to draw on; standard output unless given
    :raises ValueError: when one of them is no terminal
    """

    def __init__(self, *, stdin=None, stdout=None):
        stdin, self._stdout = stdin or sys.stdin, stdout or sys.stdout
        if not (stdin.isatty() and self._stdout.isatty()):
            raise ValueError(
                '--live needs a terminal: standard input and standard output have to be one')
        self._input = stdin.fileno()
        self._output = _Output(self._stdout)
        self._console = Console(file=self._output, force_terminal=True)
        if self._console.is_dumb_terminal:
            raise ValueError('--live needs a terminal that can be drawn on: TERM is "dumb"')
        self._view = View()
        self._keys = Keys()
        self._simulators = []
        self._now_s = 0.0
        self._due_s = -math.inf
        self._exit = contextlib.ExitStack()

    def __enter__(self):
        """Take the terminal."""
        self._stdout.flush()
        with contextlib.ExitStack() as stack:
            stack.enter_context(_exit_on_signals())
            stack.enter_context(_single_keys(self._input))
            stack.enter_context(self._output)
            stack.callback(self._leave_picture)
            stack.enter_context(self._console.screen())
            self._exit = stack.pop_all()
        return self

    def __exit__(self, *details):
        """Give the terminal back as it was, with the last picture and the verdict on it."""
        return self._exit.__exit__(*details)

    def __call__(self, event):
        """Take an :class:`~gi3_ros.sim.run.Event`."""
        self._view.see(event)

    def turn(self, simulators, stop, *, now_s):
        """
        Do what was typed, and draw when it is time; never waits.

        :param stop: a ``threading.Event`` that is set to quit
        """
        self._simulators, self._now_s = simulators, now_s
        self._view.follow(simulators, now_s=now_s)
        data = self._read()
        if data is None or self._output.is_broken:
            # The terminal is gone, and nobody can quit any more.
            stop.set()
            return
        self._view.press(
            self._keys.feed(data, now_s=now_s), simulators, stop, now_s=now_s)
        if now_s < self._due_s or self._output.is_busy:
            return
        self._due_s = now_s + REFRESH_PERIOD_S
        before, size = self._console.size, self._fit()
        with self._console:
            if size != before:
                self._console.control(Control.clear())
            self._console.control(Control.home())
            # Behind the last line is the cursor: a full height would scroll.
            self._console.print(self._view.draw(
                simulators, now_s=now_s, width=size.width, height=size.height - 1))

    def _fit(self):
        """Take over the size of the terminal; return it."""
        width, height = LEAST_WIDTH, LEAST_HEIGHT
        with contextlib.suppress(OSError):
            columns, lines = os.get_terminal_size(self._output.descriptor)
            width, height = columns or width, lines or height
        self._console.size = width, height
        return self._console.size

    def _read(self):
        """Return the bytes that wait, ``None`` at the end of the terminal."""
        try:
            if not select.select([self._input], [], [], 0.0)[0]:
                return b''
            return os.read(self._input, 1024) or None
        except OSError:
            return None

    def _leave_picture(self):
        width, height = self._fit()
        verdicts = [
            Text(f'{event.time_s:8.2f} s  {_pistol(event, self._simulators)}{event.words}',
                 style='bold red' if event.values['exit_status'] else 'bold green')
            for event in self._view.verdicts]
        if self._simulators:
            # All of it stays in sight: a long verdict takes several lines, the prompt follows.
            below = 1 + sum(math.ceil(verdict.cell_len / width) for verdict in verdicts)
            self._console.print(self._view.draw(
                self._simulators, now_s=self._now_s, width=width, height=height - below,
                is_last=True))
        for verdict in verdicts:
            self._console.print(verdict, soft_wrap=True)


@contextlib.contextmanager
def _exit_on_signals():
    """
    Let signals that would kill on the spot unwind instead.

    SIGINT and SIGTERM end the run in the simulator's own way.
    """
    def leave(signum, _frame):
        raise SystemExit(128 + signum)

    before = {
        each: signal.signal(each, leave) for each in (signal.SIGHUP, signal.SIGQUIT)
        if signal.getsignal(each) is signal.SIG_DFL}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextlib.contextmanager
def _single_keys(descriptor):
    """Let a terminal hand out each key at once, unseen."""
    before = termios.tcgetattr(descriptor)
    modes = termios.tcgetattr(descriptor)
    modes[0] &= ~termios.IXON
    modes[3] &= ~(termios.ICANON | termios.ECHO)
    modes[6][termios.VMIN], modes[6][termios.VTIME] = 1, 0
    # A suspended simulator would be a dead controller for the charger.
    modes[6][termios.VSUSP] = modes[6][termios.VQUIT] = b'\0'
    try:
        # At once: waiting for the output could take forever. What was typed before is no key.
        termios.tcsetattr(descriptor, termios.TCSANOW, modes)
        termios.tcflush(descriptor, termios.TCIFLUSH)
        yield
    finally:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSANOW, before)
            termios.tcflush(descriptor, termios.TCIFLUSH)


class _Output:
    """
    A file for rich whose text a thread writes to the terminal.

    A connection that is held up for seconds blocks whoever writes to it, and must not hold up the
    heartbeat.
    """

    def __init__(self, stream):
        self.encoding = stream.encoding
        self.is_broken = False
        self.descriptor = stream.fileno()
        self._texts = []
        self._queue = queue.Queue()
        self._thread = threading.Thread(target=self._work, name='terminal', daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.flush()
        self._queue.put(b'')
        self._thread.join(CLOSE_S)

    @property
    def is_busy(self):
        """Whether the terminal has not taken everything yet."""
        return self._queue.unfinished_tasks > 0

    def write(self, text):
        self._texts.append(text)
        return len(text)

    def flush(self):
        data = ''.join(self._texts).encode(self.encoding, errors='replace')
        self._texts.clear()
        if data:
            self._queue.put(data)

    def _work(self):
        while data := self._queue.get():
            try:
                while data and not self.is_broken:
                    data = data[os.write(self.descriptor, data):]
            except OSError:
                self.is_broken = True
            self._queue.task_done()
