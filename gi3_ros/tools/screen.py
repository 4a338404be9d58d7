"""
What is known of a charging session, and how it is shown: live in a terminal, or as lines.

:class:`Picture` is the knowledge; who fills it in does not matter here, and no ROS is needed.
"""

import collections
import contextlib
import dataclasses
import itertools
import math
import sys
import termios

from rich import box
from rich.console import Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

MAX_AGE_S = 1.0
"""A value that nobody repeated for this long is not shown any more."""
CHARGE_PERIOD_S = 1.0
"""``charge_session`` comes this often; the others many times a second."""
REFRESH_PERIOD_S = 0.2
LINE_PERIOD_S = 1.0
LEAST_WIDTH = 76
LEAST_HEIGHT = 20
WIDEST = 110
"""Longer lines are hard to read."""
STEPS = (
    ('negotiate', ('NEGOTIATING',)),
    ('authorise', ('AUTHORISING',)),
    ('insulation', ('PREPARING', 'INSULATION_TEST')),
    ('precharge', ('PRECHARGE',)),
    ('charge', ('WAITING', 'CHARGING', 'PAUSED')),
    ('end', ('ENDING', 'FINISHED')),
)
OUTSIDE = ('NO_CONTROLLER', 'UNAVAILABLE', 'DISCONNECTED', 'UNKNOWN')
"""Phases before and after a session; within one they are worth a word."""
_BLOCKS = ' ▁▂▃▄▅▆▇█'
_SMALLEST_SCALE_W = 1e3


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """Something worth a line; ``time_s`` counts from the start of the command."""

    time_s: float
    source: str
    text: str
    is_bad: bool = False

    @property
    def words(self):
        """Who and what."""
        return f'{self.source}: {self.text}'


class Aged:
    """A value that is forgotten when nobody repeats it."""

    def __init__(self, max_age_s=MAX_AGE_S):
        self._max_age_s = max_age_s
        self._value = None
        self._time_s = -math.inf

    def put(self, value, *, now_s):
        """Take a new value."""
        self._value, self._time_s = value, now_s

    def get(self, *, now_s):
        """Return the value while it is fresh, else ``None``."""
        return self._value if now_s - self._time_s < self._max_age_s else None


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """What the power modules' driver measured."""

    time_s: float
    voltage_v: float
    current_a: float
    insulation_ohm: float

    @property
    def power_w(self):
        """To the vehicle."""
        return self.voltage_v * self.current_a


@dataclasses.dataclass(frozen=True, slots=True)
class Charge:
    """The newest ``charge_session``."""

    phase: str
    protocol: str
    energy_wh: float
    peak_w: float
    state_of_charge: float
    end_reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class Precharge:
    """The newest ``precharge_status``."""

    target_v: float
    difference_v: float
    elapsed_s: float
    verdict: str


@dataclasses.dataclass(frozen=True, slots=True)
class Power:
    """The newest ``power_status``."""

    phase: str
    is_enabled: bool
    fault: str


class Picture:
    """All that is known; times count from the start of the command."""

    def __init__(self, expected_s):
        self.expected_s = expected_s
        """How long all of it will probably take."""
        self.hint = ''
        """One line for the lower edge."""
        self.conclusion = ''
        """How all ended, in a few words; empty while it goes on."""
        self.has_failed = False
        self.concluded_s = math.nan
        self.events = []
        self.phases = []
        """``(name, since_s)`` of the session, in order."""
        self.readings = []
        self.reading = Aged()
        self.controller_state = Aged()
        self.charge = Aged(MAX_AGE_S + CHARGE_PERIOD_S)
        self.power = Aged()
        self.stage = Aged()
        self.commanded_a = Aged()
        self.output_contact = Aged()
        self.precharge = None
        self.vehicle_contactors = None
        """Whether they are closed, as far as the vehicle told."""
        self.first_state_of_charge = self.last_state_of_charge = math.nan
        """As told first and last: a silent controller tells none."""
        self.last_charge = None
        """The newest :class:`Charge`, of whatever age."""
        self.test_v = 0.0
        self.test_ohm = math.nan
        """Insulation in the test, at the highest voltage."""

    def tell(self, time_s, source, text, *, is_bad=False):
        """Add an event."""
        self.events.append(Event(time_s, source, text, is_bad))

    def conclude(self, words, *, time_s, has_failed):
        """Say how all ended; what is seen later no longer counts as the session's."""
        self.conclusion, self.concluded_s, self.has_failed = words, time_s, has_failed

    def see_charge(self, charge, *, now_s, time_s):
        """Take a word of the session node; ``time_s`` is when it was said."""
        self.charge.put(charge, now_s=now_s)
        self.last_charge = charge
        if not self.conclusion and (not self.phases or self.phases[-1][0] != charge.phase):
            self.phases.append((charge.phase, time_s))
        if math.isnan(self.first_state_of_charge):
            self.first_state_of_charge = charge.state_of_charge
        if not math.isnan(charge.state_of_charge):
            self.last_state_of_charge = charge.state_of_charge

    def see_reading(self, reading, *, now_s):
        """Take a measurement."""
        self.reading.put(reading, now_s=now_s)
        self.readings.append(reading)
        power = self.power.get(now_s=now_s)
        is_test = power is not None and power.phase == 'INSULATION_TEST'
        if is_test and reading.voltage_v >= self.test_v:
            self.test_v, self.test_ohm = reading.voltage_v, reading.insulation_ohm

    def phase(self, *, now_s):
        """Return the phase of the session in capitals."""
        charge = self.charge.get(now_s=now_s)
        return 'STARTING' if self.last_charge is None else 'UNKNOWN' if charge is None \
            else charge.phase

    def durations(self):
        """Return ``(phase, seconds)`` of the phases, from plug to plug."""
        phases = [*self.phases, ('', self.concluded_s)]
        durations = [
            (name, end_s - since_s)
            for (name, since_s), (_, end_s) in itertools.pairwise(phases)
        ]
        while durations and durations[0][0] in OUTSIDE:
            durations.pop(0)
        while durations and durations[-1][0] in OUTSIDE:
            durations.pop()
        return durations


def number(value, form, unit):
    """Return a value with its unit, or a dash when it is not known."""
    if value is None or math.isnan(value):
        return '-'
    digits = f'{value:{form}}'
    # A measured zero has no sign.
    return f'{digits.replace("-", " ") if float(digits) == 0 else digits} {unit}'


def lower_words(name):
    """Return a label in capitals as words of a text."""
    return name.replace('_', ' ').lower()


def contact(is_closed):
    """Return the position of a contactor; ``None`` is unknown."""
    return {True: 'closed', False: 'open', None: 'unknown'}[is_closed]


def status_line(picture, *, now_s):
    """Return the session in one line of plain text."""
    reading = picture.reading.get(now_s=now_s)
    charge = picture.charge.get(now_s=now_s)
    values = (None,) * 5 if reading is None or charge is None else (
        reading.voltage_v, reading.current_a, reading.power_w / 1e3,
        charge.energy_wh / 1e3, 100 * charge.state_of_charge,
    )
    formats = (('6.1f', 'V'), ('6.1f', 'A'), ('5.1f', 'kW'), ('5.3f', 'kWh'), ('3.0f', '%'))
    columns = [
        f'{number(value, form, unit):>{width}}'
        for value, (form, unit), width in zip(values, formats, (8, 8, 8, 9, 5), strict=True)
    ]
    contactors = (
        f'contactors {contact(picture.output_contact.get(now_s=now_s))}'
        f', vehicle {contact(picture.vehicle_contactors)}'
    )
    return f'{now_s:6.1f} s  {picture.phase(now_s=now_s):15} {" ".join(columns)}  {contactors}'


class Lines:
    """Plain lines: one a second or on a new phase, and the events."""

    def __init__(self, console, picture):
        self._console = console
        self._picture = picture
        self._told = 0
        self._phase = None
        self._due_s = -math.inf

    def __enter__(self):
        """Begin."""
        return self

    def __exit__(self, *_):
        """Show what is left."""
        self._show_events()

    def update(self, *, now_s):
        """Show what is new."""
        self._show_events()
        phase = self._picture.phase(now_s=now_s)
        if phase == 'STARTING' or self._picture.conclusion:
            return
        if phase != self._phase or now_s >= self._due_s:
            self._phase = phase
            self._due_s = now_s + LINE_PERIOD_S
            self._print(status_line(self._picture, now_s=now_s))

    def _show_events(self):
        events = self._picture.events
        for event in events[self._told:]:
            self._print(f'{event.time_s:6.1f} s  {event.words}')
        self._told = len(events)

    def _print(self, text):
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class Screen:
    """The session live in a terminal; the last picture stays there."""

    def __init__(self, console, picture):
        self._console = console
        self._picture = picture
        self._due_s = -math.inf
        self._live = Live(
            console=console, auto_refresh=False, vertical_overflow='crop',
            redirect_stdout=False, redirect_stderr=False,
        )

    def __enter__(self):
        """Begin."""
        self._show_control_characters(False)
        self._live.start()
        return self

    def __exit__(self, *_):
        """Leave the last picture."""
        try:
            self._live.stop()
        finally:
            self._show_control_characters(True)

    @staticmethod
    def _show_control_characters(is_shown):
        """Let the terminal show ``^C``, or not: it would shift the picture."""
        with contextlib.suppress(OSError, termios.error, ValueError):
            modes = termios.tcgetattr(sys.stdin)
            local = modes[3]
            modes[3] = local | termios.ECHOCTL if is_shown else local & ~termios.ECHOCTL
            termios.tcsetattr(sys.stdin, termios.TCSANOW, modes)

    def update(self, *, now_s):
        """Draw."""
        if now_s < self._due_s:
            return
        self._due_s = now_s + REFRESH_PERIOD_S
        width, height = self._console.size
        self._live.update(
            draw(self._picture, now_s=now_s, width=width, height=height), refresh=True)


def fits(size):
    """Tell whether a terminal of this size is large enough for the screen."""
    return size.width >= LEAST_WIDTH and size.height >= LEAST_HEIGHT


def draw(picture, *, now_s, width, height):
    """Return the picture for a terminal of this size as something rich can print."""
    width = min(width, WIDEST)
    inner = width - 4
    # The rest of the height is shared: 13 lines are border, phase, steps, values and gaps.
    spare = max(height - 1 - 14, 4)
    chart_rows = min(max(spare // 3, 2), 6)
    event_rows = min(spare - chart_rows, 16)
    parts = [
        _headline(picture, now_s, inner),
        step_bar(STEPS, picture.phase(now_s=now_s), {name for name, _ in picture.phases}), Text(),
        _values(picture, now_s), copper(
            'power modules',
            (picture.output_contact.get(now_s=now_s), 'pistol'),
            (picture.vehicle_contactors, 'battery')), Text(),
        *_chart(picture, inner, chart_rows), Text(),
        *_events(picture, inner, event_rows),
    ]
    return Panel(
        Group(*parts), width=width, box=box.ROUNDED, border_style='dim',
        title='[bold]gi3 demo[/]: a CCS charging session, all of it simulated',
        subtitle=Text(picture.hint), subtitle_align='right',
    )


def _headline(picture, now_s, inner):
    phase = picture.phase(now_s=now_s)
    power = picture.power.get(now_s=now_s)
    has_begun = any(name not in OUTSIDE for name, _ in picture.phases)
    is_bad = phase == 'UNKNOWN' or (phase == 'NO_CONTROLLER' and has_begun)
    left = Text(phase.replace('_', ' '), style='bold red' if is_bad else 'bold green')
    if picture.conclusion:
        left = Text(
            picture.conclusion, style='bold red' if picture.has_failed else 'bold green')
    elif power is not None and power.fault:
        left.append(f'  fault: {power.fault}', style='red')
    right = f'{now_s:.1f} s'
    left.truncate(inner - len(right) - 1, overflow='ellipsis', pad=True)
    return left + Text(f' {right}', style='dim')


def step_bar(steps, phase, seen):
    """
    Return the steps in one line: what is done, what goes on, what is to come.

    :param steps: ``(title, phases)`` in order
    :param phase: the phase now
    :param seen: set of the phases so far
    """
    line = Text()
    for title, phases in steps:
        if line:
            line.append('  ')
        if phase in phases:
            line.append(f'● {title}', style='bold')
        elif seen.intersection(phases):
            line.append(f'✓ {title}', style='green')
        else:
            line.append(f'○ {title}', style='dim')
    return line


def _values(picture, now_s):
    reading = picture.reading.get(now_s=now_s)
    charge = picture.charge.get(now_s=now_s)
    power = picture.power.get(now_s=now_s)
    commanded_a = picture.commanded_a.get(now_s=now_s)
    left = (
        ('voltage', number(reading and reading.voltage_v, '.1f', 'V'), ''),
        ('current', number(reading and reading.current_a, '.1f', 'A'),
         '' if commanded_a is None else f'wanted {commanded_a:.1f} A'),
        ('power', number(reading and reading.power_w / 1e3, '.1f', 'kW'), ''),
        ('energy', number(charge and charge.energy_wh / 1e3, '.3f', 'kWh'), ''),
        ('battery', number(charge and 100 * charge.state_of_charge, '.0f', '%'), ''),
    )
    precharge = picture.precharge
    right = (
        ('controller', picture.controller_state.get(now_s=now_s) or '-'),
        ('charger', '-' if power is None else
         f'{power.phase}, {"enabled" if power.is_enabled else "not enabled"}'),
        ('protocol', (charge and charge.protocol) or '-'),
        ('insulation', number(reading and reading.insulation_ohm / 1e3, '.0f', 'kOhm')),
        ('precharge', '-' if precharge is None else
         f'{precharge.verdict}, {abs(precharge.difference_v):.1f} V off, '
         f'{precharge.elapsed_s:.2f} s'),
    )
    table = Table.grid(padding=(0, 1))
    table.add_column(style='dim', width=8)
    table.add_column(style='bold', width=9, justify='right')
    table.add_column(style='dim', width=14, no_wrap=True)
    table.add_column(style='dim', width=10)
    table.add_column(no_wrap=True, overflow='ellipsis')
    for left_row, right_row in zip(left, right, strict=True):
        table.add_row(*left_row, right_row[0], lower_words(right_row[1])
                      if right_row[0] in ('controller', 'charger') else right_row[1])
    return table


def copper(first, *contacts):
    """
    Return the way of the current in one line.

    :param contacts: ``(whether it is closed, what is behind it)`` in order
    """
    line = Text(first)
    for is_closed, behind in contacts:
        style = 'green' if is_closed else 'dim' if is_closed is False else 'red'
        line.append(f' ━━┤ {contact(is_closed)} ├━━', style=style)
        line.append(f' {behind}')
    return line


def _chart(picture, inner, rows):
    """Return the power over the time of the whole demo as lines of blocks."""
    columns = inner - 9
    peaks = collections.defaultdict(float)
    span_s = max(picture.expected_s, picture.readings[-1].time_s if picture.readings else 0.0)
    for reading in picture.readings:
        column = min(int(columns * reading.time_s / span_s), columns - 1)
        peaks[column] = max(peaks[column], reading.power_w)
    scale_w = max([_SMALLEST_SCALE_W, *peaks.values()])
    lines = []
    for row in reversed(range(rows)):
        label = f'{scale_w / 1e3:5.1f} kW ' if row == rows - 1 else ' ' * 9
        cells = ''.join(
            _BLOCKS[min(max(round(8 * (rows * peaks[column] / scale_w - row)), 0), 8)]
            for column in range(columns)
        )
        lines.append(Text(label, style='dim') + Text(cells, style='cyan'))
    return lines


def _events(picture, inner, rows):
    lines = []
    for event in picture.events[-rows:]:
        line = Text(f'{event.time_s:6.1f} s  ', style='dim')
        line.append(event.words, style='red' if event.is_bad else '')
        line.truncate(inner, overflow='ellipsis')
        lines.append(line)
    return lines + [Text()] * (rows - len(lines))


def print_summary(console, rows, *, is_plain):
    """Print ``(label, text, is_bad)`` rows."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style='dim', no_wrap=True)
    table.add_column()
    for label, text, is_bad in rows:
        if is_plain:
            console.print(f'{label:10}  {text}', markup=False, soft_wrap=True)
        else:
            table.add_row(label, Text(text, style='red' if is_bad else ''))
    if not is_plain:
        console.print(table)
