# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pieces that several live views are made of."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple, TypeVar

from rich.text import Text
from textual.geometry import Size
from textual.widget import Widget

from .words import contact, wrapped

LABEL_WIDTH = 12
GOOD, ODD, BAD, KEY, LABEL = 'green', 'yellow', 'red', 'cyan', 'dim'
"""Colours: all is well; worth a look; wrong; what can be typed or was done; what names a value."""
WIDEST = 110
"""Of what stays in the terminal: longer lines are hard to read."""
_TIME_WIDTH = 12

Phase = TypeVar('Phase')


class Value(NamedTuple):
    """A line of a table."""

    label: str
    text: str
    style: str = 'bold'


class EventLine(NamedTuple):
    """An event, ready to be shown."""

    time_s: float
    words: str
    style: str = ''


class EventLines(Widget):
    """The newest events, as many as fit, the newest last."""

    DEFAULT_CSS = 'EventLines { height: 1fr; text-wrap: nowrap; }'
    _events: Sequence[EventLine] = ()

    def show(self, events: Sequence[EventLine]) -> None:
        """Show these."""
        if events != self._events:
            self._events = events
            self.refresh()

    def render(self) -> Text:
        """Return as many as fit now."""
        lines = newest(self._events, width=self.size.width, height=self.size.height)
        return Text('\n').join(lines)


def newest(events: Sequence[EventLine], *, width: int, height: int) -> list[Text]:
    """Return the newest events as lines, none of them cut off."""
    lines: list[Text] = []
    for event in reversed(events):
        if len(lines) >= height:
            break
        texts = wrapped(event.words, width - _TIME_WIDTH)
        if lines and len(lines) + len(texts) > height:
            # The tail of a sentence says nothing.
            break
        times = [f'{event.time_s:8.2f} s  ', *[' ' * _TIME_WIDTH] * (len(texts) - 1)]
        lines = [
            Text.assemble((time, LABEL), (text, event.style))
            for time, text in zip(times, texts, strict=True)] + lines
    return lines[:height]


def step_bar(
    steps: Iterable[tuple[str, Collection[Phase]]], phase: Phase, seen: Collection[Phase],
) -> Text:
    """
    Return the steps in one line: what is done, what goes on, what is to come.

    :param steps: ``(title, phases)`` in order
    :param phase: the phase now
    :param seen: the phases so far
    """
    line = Text()
    for title, phases in steps:
        if line:
            line.append('  ')
        if phase in phases:
            line.append(f'● {title}', style='bold')
        elif any(each in phases for each in seen):
            line.append(f'✓ {title}', style=GOOD)
        else:
            line.append(f'○ {title}', style=LABEL)
    return line


def copper(first: str, *contacts: tuple[bool | None, str]) -> Text:
    """
    Return the way of the current in one line.

    :param contacts: ``(whether it is closed, what is behind it)`` in order
    """
    line = Text(first)
    for is_closed, behind in contacts:
        style = BAD if is_closed is None else GOOD if is_closed else LABEL
        line.append(f' ━━┤ {contact(is_closed)} ├━━', style=style)
        line.append(f' {behind}')
    return line


def table(values: Iterable[Value]) -> list[Text]:
    """Return values behind their labels, one on a line."""
    return [
        Text.assemble((f'{value.label:{LABEL_WIDTH}}', LABEL), (value.text, value.style))
        for value in values]


def row(label: str, text: str, width: int, style: str = '') -> list[Text]:
    """Return the lines of a text behind its label; none without a text."""
    parts = wrapped(text, width - LABEL_WIDTH)
    labels = [label, *[''] * (len(parts) - 1)]
    return [
        Text.assemble((f'{each:{LABEL_WIDTH}}', LABEL), (part, style))
        for each, part in zip(labels, parts, strict=False)]


def key_lines(keys: Iterable[tuple[str, str]], width: int) -> list[Text]:
    """Return keys and what they do in as few lines as possible."""
    lines = [Text()]
    for key, words in keys:
        piece = Text.assemble((key, f'bold {KEY}'), f' {words}')
        if lines[-1] and lines[-1].cell_len + 2 + piece.cell_len > width:
            lines.append(Text())
        lines[-1].append('  ' if lines[-1] else '').append_text(piece)
    return lines


def between(left: Text, right: Text, width: int) -> Text:
    """Return one line with a text at each end; the left one gives way."""
    room = max(width - right.cell_len - 1, 0)
    left.truncate(room, overflow='ellipsis', pad=True)
    return Text.assemble(left, ' ', right)


def side_by_side(left: list[Text], right: list[Text], width: int) -> list[Text]:
    """Return two columns of as many lines each."""
    lines = []
    for left_line, right_line in zip(left, right, strict=True):
        left_line.truncate(min(width // 2, 44), pad=True)
        lines.append(left_line + right_line)
    return lines


Draw = Callable[[int], list[Text]]
"""Returns the lines for a width."""


class Flowing(Widget):
    """Lines that are made for the width that there is, as high as they need to be."""

    DEFAULT_CSS = 'Flowing { height: auto; text-wrap: nowrap; text-overflow: ellipsis; }'
    _draw: Draw | None = None
    _shown: Sequence[Text] = ()

    def show(self, draw: Draw) -> None:
        """Show what ``draw`` returns for a width; nothing happens where that is there already."""
        self._draw = draw
        before, self._shown = self._shown, draw(self.size.width)
        if len(before) != len(self._shown):
            self.refresh(layout=True)
        elif before != self._shown:
            self.refresh()

    def show_lines(self, lines: list[Text]) -> None:
        """Show lines that are the same for every width."""
        self.show(lambda _: lines)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the number of lines at this width."""
        return len(self._draw(width)) if self._draw is not None else 0

    def render(self) -> Text:
        """Return the lines for the width that there is."""
        if self._draw is not None:
            self._shown = self._draw(self.size.width)
        return Text('\n').join(self._shown)
