# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How ``gi3 demo`` shows a session: live, or as lines."""

import asyncio
import importlib.util
import io
import pathlib

import pytest
from rich.console import Console
import textual
from view_bench import lines_of

from gi3_ros.tools import demo_display
from gi3_ros.tools.demo_display import display_for, Lines, Live
from gi3_ros.tools.demo_outcome import Outcome, SummaryRow
from gi3_ros.tools.views.demo_app import chart, DemoApp
from gi3_ros.tools.views.demo_picture import Charge, COLUMNS, Picture, Power, Reading
from gi3_ros.tools.views.process import NoTextual

ROOT = pathlib.Path(__file__).resolve().parents[3]


@pytest.fixture
def picture():
    """Return the picture of a charge in progress."""
    picture = Picture(30.0)
    picture.hint = 'to look on: ..'
    picture.power.put(Power('POWER_TRANSFER', True, ''), now_s=10.0)
    picture.see_charge(
        Charge('CHARGING', 'CCS', 1234.0, 40e3, 0.52, ''), now_s=10.0, time_s=9.0)
    picture.see_reading(Reading(10.0, 400.0, 100.0, 750e3), now_s=10.0)
    for count in range(30):
        picture.tell(10.0, 'controller', f'event {count}, {"long " * 30}')
    return picture


def shown(picture, *, now_s, width, height):
    """Return the lines of the live view."""
    async def look():
        app = DemoApp()
        async with app.run_test(size=(width, height)) as pilot:
            app.show(picture.shown(now_s=now_s))
            await pilot.pause()
            return lines_of(app)

    return asyncio.run(look())


# Live


@pytest.mark.parametrize('size', [(76, 20), (80, 24), (120, 40), (200, 60)])
def test_the_view_fits_the_terminal(picture, size):
    width, height = size
    lines = shown(picture, now_s=10.1, width=width, height=height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    text = '\n'.join(lines)
    for words in ('simulated', 'CHARGING', '400.0 V', '100.0 A', '40.0 kW', '1.234 kWh', '52 %',
                  'event 29', 'Ctrl-C', 'to look on: ..', '█'):
        assert words in text


def test_the_view_forgets_what_nobody_repeats(picture):
    text = '\n'.join(shown(picture, now_s=15.0, width=80, height=24))
    assert 'UNKNOWN' in text
    assert '400.0 V' not in text


@pytest.mark.parametrize(('has_failed', 'words'), [(False, 'session over'), (True, 'it died')])
def test_the_end_is_said(picture, has_failed, words):
    picture.conclude(words, time_s=10.0, has_failed=has_failed)
    assert words in shown(picture, now_s=10.1, width=80, height=24)[1]


@pytest.mark.parametrize('size', [(76, 20), (120, 60)])
def test_the_picture_that_stays_has_all_values(picture, size):
    width, height = size
    console = Console(width=width)
    with console.capture() as captured:
        console.print(DemoApp().last_picture(
            picture.shown(now_s=10.1), width=width, height=height))
    text = captured.get()
    assert len(text.splitlines()) <= max(height, 22)
    for words in ('simulated', 'CHARGING', '400.0 V', 'event 29', 'to look on: ..'):
        assert words in text
    assert 'Ctrl-C' not in text


@pytest.mark.parametrize('width', [1, 20, 76, 400])
def test_the_highest_power_is_in_the_chart_at_any_width(width):
    course_w = [0.0] * COLUMNS
    course_w[COLUMNS // 2] = 50e3
    lines = chart(tuple(course_w), width=width, height=3)
    assert len(lines) == 3
    assert ' 50.0 kW' in lines[0].plain
    assert all('█' in line.plain for line in lines)


def test_a_long_demo_makes_no_larger_picture():
    picture = Picture(30.0)
    for count in range(20000):
        picture.see_reading(Reading(0.05 * count, 400.0, 100.0, 1e6), now_s=0.05 * count)
    course_w = picture.shown(now_s=1000.0).power_course_w
    assert len(course_w) == COLUMNS
    assert min(course_w) == 40e3


# Which of them


class _Console(Console):
    """As large as a test says."""

    def __init__(self, width=80, height=24):
        super().__init__(file=io.StringIO(), width=width, height=height)


@pytest.fixture
def in_terminal(monkeypatch):
    """Let the command believe that it is in a terminal."""
    monkeypatch.setenv('TERM', 'xterm-256color')
    for module in ('demo_display', 'views.process'):
        monkeypatch.setattr(f'gi3_ros.tools.{module}.has_terminal', lambda: True)


def display(console, picture, *, is_plain=False):
    return display_for(console, picture, is_plain=is_plain, on_leave=lambda: None)


def test_a_terminal_gets_the_view(in_terminal, picture):
    assert isinstance(display(_Console(), picture), Live)


@pytest.mark.parametrize(('width', 'height', 'is_plain', 'term'), [
    (75, 24, False, 'xterm'), (80, 19, False, 'xterm'), (80, 24, True, 'xterm'),
    (80, 24, False, 'dumb')])
def test_others_get_lines(in_terminal, picture, monkeypatch, width, height, is_plain, term):
    monkeypatch.setenv('TERM', term)
    assert isinstance(display(_Console(width, height), picture, is_plain=is_plain), Lines)


def test_without_a_terminal_there_are_lines(picture, monkeypatch):
    monkeypatch.setattr(demo_display, 'has_terminal', lambda: False)
    assert isinstance(display(_Console(), picture), Lines)


def test_without_the_library_there_are_lines_that_say_why(in_terminal, picture, monkeypatch):
    def missing():
        raise NoTextual('a live view needs textual')

    monkeypatch.setattr(demo_display, 'check_textual', missing)
    console = _Console()
    with display(console, picture) as lines:
        lines.update(now_s=10.1)
    assert 'a live view needs textual; lines instead' in console.file.getvalue()


def test_a_reader_who_is_gone_is_an_error_of_the_output(picture):
    class Gone(io.StringIO):
        def write(self, _text):
            raise BrokenPipeError

    lines = Lines(Console(file=Gone()), picture)
    with pytest.raises(OSError):
        lines.update(now_s=10.1)


def test_lines_show_events_and_the_state_once_a_second(picture):
    console = _Console(200)
    with Lines(console, picture) as lines:
        for count in range(5):
            lines.update(now_s=10.1 + 0.3 * count)
    text = console.file.getvalue()
    assert text.count('event 7,') == 1
    assert text.count('CHARGING') == 2


@pytest.mark.parametrize('is_plain', [False, True])
def test_the_summary_says_what_it_is_given(is_plain):
    console = _Console()
    demo_display.print_summary(
        console, [SummaryRow('ended', 'well'), SummaryRow('', 'or [not]', True)],
        is_plain=is_plain)
    assert 'ended' in console.file.getvalue()
    assert 'or [not]' in console.file.getvalue()


# The end


@pytest.mark.parametrize(('outcome', 'first'), [
    (Outcome(), SummaryRow('ended', 'Clean_Stop, both sides agree')),
    (Outcome(failures=['one', 'two']), SummaryRow('FAILED', 'one; two', True)),
    (Outcome(failures=['one'], ended_by='SIGINT'), SummaryRow('ended', 'by SIGINT', True)),
])
def test_how_it_ended_comes_first(picture, outcome, first):
    picture.see_charge(
        Charge('FINISHED', 'CCS', 1234.0, 40e3, 0.53, 'Clean_Stop'), now_s=11.0, time_s=11.0)
    rows = outcome.rows(picture, [SummaryRow('charger', 'log: oh', True)], has_vehicle=True)
    assert rows[0] == first
    assert (SummaryRow('charger', 'log: oh', True) in rows) is bool(outcome.failures)
    assert SummaryRow('hardware', 'never overstressed') in rows
    words = ' until then' if outcome.ended_by else ''
    assert SummaryRow('rules', f'none broken by the charger{words}') in rows
    energy = next(row.text for row in rows if row.label == 'energy')
    assert energy == '1.234 kWh, peak 40.0 kW, battery 52 to 53 %'


def test_what_was_broken_is_counted_and_named(picture):
    rows = Outcome(breaches=['R1: a', 'R2: b'], hardware=['c'], verdict='v').rows(
        picture, [], has_vehicle=True)
    assert rows[-5:] == [
        SummaryRow('simulator', 'v', True), SummaryRow('rules', '2 broken by the charger', True),
        SummaryRow('', 'R1: a', True), SummaryRow('', 'R2: b', True),
        SummaryRow('hardware', '1 times overstressed', True)]


# The documentation


def test_the_pictures_of_the_documentation_are_up_to_date():
    path = ROOT / 'scripts' / 'draw_live.py'
    spec = importlib.util.spec_from_file_location('draw_live', path)
    draw_live = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(draw_live)
    pinned = f'textual=={textual.__version__}\n' in (ROOT / 'requirements.txt').read_text()
    for name, text in draw_live.drawn().items():
        kept = (draw_live.PICTURES / name).read_text(encoding='utf-8')
        assert 'CHARGING' in text and 'CHARGING' in kept
        # Another version draws its own way.
        if pinned:
            assert text == kept, f'scripts/draw_live.py draws {name} anew'
