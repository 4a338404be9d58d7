# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How ``gi3 demo`` shows the session: live in a terminal, or as lines; and the summary."""

from collections.abc import Callable, Iterable
import math
import types
from typing import Protocol

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .demo_outcome import SummaryRow
from .views.demo_picture import Picture
from .views.link import Leave
from .views.process import check_textual, has_terminal, is_dumb, NoTextual, ViewProcess
from .views.words import contact, number

REFRESH_PERIOD_S = 0.2
LINE_PERIOD_S = 1.0
LEAST_WIDTH = 76
LEAST_HEIGHT = 20


class Display(Protocol):
    """Shows a :class:`Picture` for the time of a ``with`` block."""

    is_plain: bool
    """Whether it shows lines."""

    @property
    def is_stuck(self) -> bool:
        """Whether the terminal takes no more text."""

    def __enter__(self) -> 'Display': ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None: ...

    def update(self, *, now_s: float) -> None:
        """
        Show what is new.

        :raises OSError: when nobody can look on any more
        """


def display_for(
    console: Console, picture: Picture, *, is_plain: bool, on_leave: Callable[[], None],
) -> Display:
    """
    Return the live view where there is a terminal for it, else lines.

    :param on_leave: called when whoever looks on wants an end
    """
    width, height = console.size
    if (is_plain or not has_terminal() or is_dumb()
            or width < LEAST_WIDTH or height < LEAST_HEIGHT):
        return Lines(console, picture)
    try:
        check_textual()
    except NoTextual as error:
        picture.tell(0.0, 'demo', f'{error}; lines instead')
        return Lines(console, picture)
    return Live(picture, on_leave)


def status_line(picture: Picture, *, now_s: float) -> str:
    """Return the session in one line of plain text."""
    reading = picture.reading.get(now_s=now_s)
    charge = picture.charge.get(now_s=now_s)
    values: tuple[float | None, ...] = (None,) * 5
    if reading is not None and charge is not None:
        values = (
            reading.voltage_v, reading.current_a, reading.power_w / 1e3,
            charge.energy_wh / 1e3, 100 * charge.state_of_charge)
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

    is_plain = True
    is_stuck = False

    def __init__(self, console: Console, picture: Picture) -> None:
        self._console = console
        self._picture = picture
        self._told = 0
        self._phase = ''
        self._due_s = -math.inf

    def __enter__(self) -> 'Lines':
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        """Show what is left."""
        self._show_events()

    def update(self, *, now_s: float) -> None:
        """Show what is new."""
        try:
            self._show_events()
            phase = self._picture.phase(now_s=now_s)
            if phase == 'STARTING' or self._picture.conclusion:
                return
            if phase != self._phase or now_s >= self._due_s:
                self._phase = phase
                self._due_s = now_s + LINE_PERIOD_S
                self._print(status_line(self._picture, now_s=now_s))
        except SystemExit as end:
            # rich makes one of a broken pipe.
            raise BrokenPipeError('nobody reads the output') from end

    def _show_events(self) -> None:
        events = self._picture.events
        for event in events[self._told:]:
            self._print(f'{event.time_s:6.1f} s  {event.words}')
        self._told = len(events)

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class Live:
    """The session live in a terminal; the last picture stays there."""

    is_plain = False

    def __init__(self, picture: Picture, on_leave: Callable[[], None]) -> None:
        self._picture = picture
        self._on_leave = on_leave
        self._view = ViewProcess('demo')
        self._now_s = 0.0
        self._due_s = -math.inf

    @property
    def is_stuck(self) -> bool:
        """Whether the terminal takes no more text."""
        return self._view.is_stuck

    def __enter__(self) -> 'Live':
        """Begin."""
        self._view.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        """Leave the last picture."""
        self._view.conclude(self._picture.shown(now_s=self._now_s))
        self._view.__exit__(kind, error, trace)

    def update(self, *, now_s: float) -> None:
        """Send a picture when the view can show one, and take what was typed."""
        self._now_s = now_s
        if any(isinstance(typed, Leave) for typed in self._view.receive()):
            self._on_leave()
        if not self._view.is_there:
            raise BrokenPipeError('the terminal is gone')
        if now_s >= self._due_s and self._view.wants_picture:
            self._due_s = now_s + REFRESH_PERIOD_S
            self._view.show(self._picture.shown(now_s=now_s))


def print_summary(console: Console, rows: Iterable[SummaryRow], *, is_plain: bool) -> None:
    """Print the summary."""
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
