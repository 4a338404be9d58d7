# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The live view of ``gi3 demo``."""

import itertools

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Label

from .demo_picture import COLUMNS, DemoPicture
from .live_app import Keyboard, LiveApp
from .widgets import (
    BAD,
    between,
    copper,
    EventLine,
    EventLines,
    Flowing,
    GOOD,
    KEY,
    key_lines,
    LABEL,
    newest,
    side_by_side,
    step_bar,
    table,
    Value,
    WIDEST,
)
from .words import lower_words, number

TITLE = 'gi3 demo: a CCS charging session, all of it simulated'
STEPS = (
    ('negotiate', ('NEGOTIATING',)),
    ('authorise', ('AUTHORISING',)),
    ('insulation', ('PREPARING', 'INSULATION_TEST')),
    ('precharge', ('PRECHARGE',)),
    ('charge', ('WAITING', 'CHARGING', 'PAUSED')),
    ('end', ('ENDING', 'FINISHED')),
)
LAST_EVENTS = 16
"""Event lines of the picture that stays."""
LAST_ROWS = 4
"""Of its chart."""
_BLOCKS = ' ▁▂▃▄▅▆▇█'
_SMALLEST_SCALE_W = 1e3
_SCALE_WIDTH = 9


class PowerChart(Widget):
    """The power over the time of the whole demo."""

    _course_w: tuple[float, ...] = (0.0,) * COLUMNS

    def show(self, course_w: tuple[float, ...]) -> None:
        """Show this course."""
        if course_w != self._course_w:
            self._course_w = course_w
            self.refresh()

    def render(self) -> Text:
        """Return it as lines of blocks."""
        return Text('\n').join(chart(
            self._course_w, width=self.size.width, height=self.size.height))


class DemoApp(LiveApp):
    """Shows a :class:`.DemoPicture`; nothing but its end can be typed."""

    _picture: DemoPicture | None = None

    def compose(self) -> ComposeResult:
        """Return the widgets, from top to bottom."""
        yield Label(TITLE, id='title')
        with Keyboard(id='session'):
            yield Flowing(id='headline')
            with Vertical(id='details'):
                with Horizontal(id='values'):
                    yield Flowing(id='measured', classes='panel')
                    yield Flowing(id='told', classes='panel')
                yield Flowing(id='who')
                yield PowerChart(id='chart', classes='panel')
                yield EventLines(id='events', classes='panel')
        with Vertical(id='foot'):
            yield Flowing(id='keys')

    def on_mount(self) -> None:
        """Name the panels."""
        for name, title in (
            ('measured', 'measured'), ('told', 'session'), ('chart', 'power'),
            ('events', 'events'),
        ):
            self.query_one(f'#{name}').border_title = title

    def show(self, picture: object) -> None:
        """Show a picture."""
        assert isinstance(picture, DemoPicture)
        for name, lines in (
            ('measured', table(_measured(picture))), ('told', table(_told(picture))),
            ('who', [_copper(picture)]),
        ):
            self.query_one(f'#{name}', Flowing).show_lines(lines)
        self.query_one('#headline', Flowing).show(lambda width: _headline(picture, width))
        self.query_one('#keys', Flowing).show(lambda width: _foot(picture, width))
        self.query_one(PowerChart).show(picture.power_course_w)
        self.query_one(EventLines).show(_events(picture))

    def last_picture(self, picture: object, *, width: int, height: int) -> RenderableType:
        """Return what stays."""
        assert isinstance(picture, DemoPicture)
        inner = min(width, WIDEST) - 4
        lines = [
            *_headline(picture, inner), Text(),
            *side_by_side(table(_measured(picture)), table(_told(picture)), inner),
            _copper(picture), Text(),
            *chart(picture.power_course_w, width=inner, height=LAST_ROWS), Text()]
        # The summary follows.
        room = min(max(height - 2 - len(lines), 4), LAST_EVENTS)
        lines += newest(_events(picture), width=inner, height=room)
        for line in lines:
            line.truncate(inner, overflow='ellipsis')
        return Panel(
            Group(*lines), title=TITLE, title_align='left', subtitle=Text(picture.hint),
            subtitle_align='right', width=inner + 4, border_style='dim')


def _headline(picture: DemoPicture, width: int) -> list[Text]:
    colour = BAD if picture.is_interrupted else GOOD
    power = picture.power
    if picture.conclusion:
        colour = BAD if picture.has_failed else GOOD
        left = Text(picture.conclusion, style=f'bold {colour}')
    else:
        left = Text.assemble(
            (f' {picture.phase.replace("_", " ")} ', f'bold reverse {colour}'))
        if power is not None and power.fault:
            left.append(f'  fault: {power.fault}', style=BAD)
    return [
        between(left, Text(f'{picture.now_s:.1f} s', style=LABEL), width),
        step_bar(STEPS, picture.phase, picture.seen)]


def _measured(picture: DemoPicture) -> list[Value]:
    reading, charge, wanted_a = picture.reading, picture.charge, picture.commanded_a
    voltage = current = power = energy = battery = '-'
    if reading is not None:
        voltage = number(reading.voltage_v, '7.1f', 'V')
        current = number(reading.current_a, '7.1f', 'A')
        power = number(reading.power_w / 1e3, '7.1f', 'kW')
    if wanted_a is not None:
        current += f', wanted {wanted_a:.1f} A'
    if charge is not None:
        energy = number(charge.energy_wh / 1e3, '7.3f', 'kWh')
        battery = number(100 * charge.state_of_charge, '7.0f', '%')
    return [
        Value('voltage', voltage), Value('current', current), Value('power', power),
        Value('energy', energy), Value('battery', battery)]


def _told(picture: DemoPicture) -> list[Value]:
    reading, power, precharge = picture.reading, picture.power, picture.precharge
    insulation = '-' if reading is None else number(reading.insulation_ohm / 1e3, '.0f', 'kOhm')
    charger = '-' if power is None else lower_words(
        f'{power.phase}, {"enabled" if power.is_enabled else "not enabled"}')
    return [
        Value('controller', lower_words(picture.controller_state or '-')),
        Value('charger', charger),
        Value('protocol', (picture.charge and picture.charge.protocol) or '-'),
        Value('insulation', insulation),
        Value('precharge', '-' if precharge is None else
              f'{precharge.verdict}, {abs(precharge.difference_v):.1f} V off, '
              f'{precharge.elapsed_s:.2f} s'),
    ]


def _copper(picture: DemoPicture) -> Text:
    return copper(
        'power modules', (picture.output_contact, 'pistol'),
        (picture.vehicle_contactors, 'battery'))


def _events(picture: DemoPicture) -> list[EventLine]:
    return [
        EventLine(event.time_s, event.words, BAD if event.is_bad else '')
        for event in picture.events]


def _foot(picture: DemoPicture, width: int) -> list[Text]:
    return [
        *key_lines([('Ctrl-C', 'ends it, the charger first')], width),
        Text(picture.hint, style=LABEL)]


def chart(course_w: tuple[float, ...], *, width: int, height: int) -> list[Text]:
    """Return the course of the power as lines of blocks, with its scale."""
    columns = max(width - _SCALE_WIDTH, 1)
    edges = [column * len(course_w) // columns for column in range(columns + 1)]
    peaks_w = [
        max(course_w[begin:max(end, begin + 1)]) for begin, end in itertools.pairwise(edges)]
    scale_w = max(_SMALLEST_SCALE_W, *peaks_w)
    lines = []
    for row in reversed(range(height)):
        label = f'{scale_w / 1e3:5.1f} kW ' if row == height - 1 else ' ' * _SCALE_WIDTH
        cells = ''.join(
            _BLOCKS[min(max(round(8 * (height * peak_w / scale_w - row)), 0), 8)]
            for peak_w in peaks_w)
        lines.append(Text.assemble((label, LABEL), (cells, KEY)))
    return lines
