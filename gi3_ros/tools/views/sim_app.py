# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The live view of ``gi3 sim --live``."""

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Label

from . import sim_words as words
from .link import Leave, Press, Typed
from .live_app import Keyboard, LiveApp
from .sim_picture import PistolPicture, SimPicture
from .widgets import (
    BAD,
    EventLines,
    Flowing,
    KEY,
    key_lines,
    LABEL,
    newest,
    side_by_side,
    table,
    WIDEST,
)
from .words import wrapped

TITLE = 'gi3 sim: controller and vehicle are simulated'
LONGEST_LINE = 200
LAST_EVENTS = 8
"""Event lines of the picture that stays."""
HINT = 'Enter does it, Esc leaves it; ? outside of this line lists the actions'
PISTOL_KEYS = 'psaevx'
"""What the command does with them: :mod:`.sim_desk`."""


class SimApp(LiveApp):
    """Shows a :class:`.SimPicture` and takes keys and typed actions."""

    _picture: SimPicture | None = None
    _chosen = 0
    _message = ''
    """The answer to what was typed, in words."""
    _line: str | None = None
    """The action that is being typed, ``None`` while none is."""

    def compose(self) -> ComposeResult:
        """Return the widgets, from top to bottom."""
        yield Label(TITLE, id='title')
        with Keyboard(id='session'):
            yield Flowing(id='pistols')
            yield Flowing(id='headline')
            with Vertical(id='details'):
                yield Flowing(id='who')
                with Horizontal(id='values'):
                    yield Flowing(id='commands', classes='panel')
                    yield Flowing(id='reports', classes='panel')
                yield Flowing(id='rules')
                yield EventLines(id='events', classes='panel')
            with VerticalScroll(id='help'):
                yield Flowing(id='help_lines')
        with Vertical(id='foot'):
            yield Flowing(id='message')
            yield Flowing(id='line')
            yield Flowing(id='keys')

    def on_mount(self) -> None:
        """Show the session."""
        self.query_one('#help').can_focus = False
        self.query_one('#help').display = False
        self.query_one('#events').border_title = 'events'
        self._flowing('help_lines').show(words.help_lines)

    @property
    def is_typing(self) -> bool:
        """Whether an action is being typed."""
        return self._line is not None

    @property
    def is_help_shown(self) -> bool:
        """Whether the help is shown instead of the session."""
        return self.query_one('#help').display

    # Picture

    def show(self, picture: object) -> None:
        """Show a picture."""
        assert isinstance(picture, SimPicture)
        self._picture = picture
        self._draw()

    def on_resize(self) -> None:
        """Draw for another size; not before the screen knows how high it is."""
        self.call_after_refresh(self._draw)

    def _draw(self) -> None:
        picture = self._picture
        if picture is None:
            return
        pistol = picture.pistols[self._chosen]
        self._flowing('pistols').show_lines(words.pistols(picture, self._chosen))
        self._flowing('headline').show(lambda width: words.headline(pistol, width))
        if not self.is_help_shown:
            self._draw_details(pistol)
            self.query_one(EventLines).show(words.events(picture))
        self._draw_foot()

    def _draw_details(self, pistol: PistolPicture) -> None:
        is_low, is_high = (self.screen.has_class(each) for each in ('-low', '-high'))
        age, style = words.age(pistol)
        heads = (Text('controller commands', 'underline'),
                 Text.assemble(('charger reports', 'underline'), ('  ' + age, style)))
        self._flowing('who').show(
            lambda width: words.who(pistol, width, has_room=self.size.height >= 22))
        for name, values, head in (
            ('commands', words.commands(pistol), heads[0]),
            ('reports', words.reports(pistol), heads[1]),
        ):
            flowing = self._flowing(name)
            lines = table(values)
            if is_high:
                flowing.border_title = head.plain
                flowing.set_class(BAD in (style if name == 'reports' else ''), 'late')
            else:
                lines.insert(0, head)
            flowing.show_lines(lines)
        self._flowing('rules').show(
            lambda width: words.state_of_rules(pistol, width, has_room=not is_low))

    def _draw_foot(self) -> None:
        message, line, picture = self._message, self._line, self._picture
        self._flowing('message').show(
            lambda width: [Text(part, BAD) for part in wrapped(message, width)])
        # The end of a long line is what is being typed.
        self._flowing('line').show(lambda width: [] if line is None else [Text.assemble(
            (': ', f'bold {KEY}'), line[-(width - 3):], ('█', KEY))])
        if line is not None:
            self._flowing('keys').show_lines([Text(HINT, LABEL)])
        elif self.is_help_shown:
            self._flowing('keys').show_lines([self._place_in_help()])
        elif picture is not None:
            keys = list(words.keys(
                picture.pistols[self._chosen], has_several=len(picture.pistols) > 1))
            self._flowing('keys').show(lambda width: key_lines(keys, width))

    def _place_in_help(self) -> Text:
        page = self.query_one('#help', VerticalScroll)
        first, height = round(page.scroll_y), page.size.height
        count = page.virtual_size.height
        return Text(
            f'lines {first + 1} to {min(first + height, count)} of {count}: '
            '? goes on, Esc goes back', KEY)

    def _flowing(self, name: str) -> Flowing:
        return self.query_one(f'#{name}', Flowing)

    def last_picture(self, picture: object, *, width: int, height: int) -> RenderableType:
        """Return what stays: no keys, and no more events than is useful."""
        assert isinstance(picture, SimPicture)
        inner = min(width, WIDEST) - 4
        pistol = picture.pistols[min(self._chosen, len(picture.pistols) - 1)]
        lines = [
            *words.pistols(picture, self._chosen), *words.headline(pistol, inner),
            *words.who(pistol, inner, has_room=height >= 22),
            *side_by_side(table(words.commands(pistol)), table(words.reports(pistol)), inner),
            *words.state_of_rules(pistol, inner, has_room=height >= 24)]
        room = min(max(height - 2 - len(lines), 0), LAST_EVENTS)
        lines += newest(words.events(picture), width=inner, height=room)
        for line in lines:
            line.truncate(inner, overflow='ellipsis')
        return Panel(
            Group(*lines[:max(height - 2, 0)]), title=TITLE, title_align='left',
            width=inner + 4, border_style='dim')

    # Keys

    def take_key(self, event: events.Key) -> None:
        """Do what a key says, or let it write."""
        self._message = ''
        if self._line is not None:
            self._edit(event)
        elif not (self.is_help_shown and self._is_of_help(event)):
            self._press(event.character or event.key)
        self._draw()

    def take_paste(self, text: str) -> None:
        """Take what was pasted, as if it were typed."""
        if self._line is not None:
            self._write(text)
            self._draw_foot()

    def _press(self, key: str) -> None:
        if self._picture is None:
            return
        indices = [pistol.index for pistol in self._picture.pistols]
        if key in PISTOL_KEYS:
            self.send(Press(key, indices[self._chosen]))
        elif key == 'q':
            self.send(Leave())
        elif key in '?h':
            self._show_help(True)
        elif key == ':':
            self._line = ''
        elif key == '\t':
            self._chosen = (self._chosen + 1) % len(indices)
        elif key in '123456789':
            self._choose(int(key), indices)

    def _choose(self, index: int, indices: list[int]) -> None:
        if index in indices:
            self._chosen = indices.index(index)
        else:
            self._message = f'there is no pistol {index}; there are {", ".join(map(str, indices))}'

    # Help

    def _is_of_help(self, event: events.Key) -> bool:
        """Turn the page or leave the help; return whether the key was meant for that."""
        page = self.query_one('#help', VerticalScroll)
        if event.key == 'up':
            page.scroll_up(animate=False)
        elif event.key == 'down':
            page.scroll_down(animate=False)
        elif event.key == 'pageup':
            page.scroll_page_up(animate=False)
        elif event.key == 'pagedown' or (event.character or '-') in '?h ':
            if page.scroll_y >= page.max_scroll_y:
                page.scroll_home(animate=False)
            else:
                page.scroll_page_down(animate=False)
        else:
            self._show_help(False)
            return event.key in ('q', 'escape')
        self.call_after_refresh(self._draw_foot)
        return True

    def _show_help(self, is_shown: bool) -> None:
        page = self.query_one('#help', VerticalScroll)
        page.display = is_shown
        page.scroll_home(animate=False)
        self.query_one('#details').display = not is_shown
        self.call_after_refresh(self._draw)

    # Typed actions

    def _edit(self, event: events.Key) -> None:
        """Take a key for the line; one that is wrong stays, to be mended."""
        assert self._line is not None and self._picture is not None
        if event.key == 'escape':
            self._line = None
        elif event.key == 'enter':
            if self._line.strip():
                self.send(Typed(self._line, self._picture.pistols[self._chosen].index))
            else:
                self._line = None
        elif event.key == 'backspace':
            self._line = self._line[:-1]
        elif event.key == 'ctrl+u':
            self._line = ''
        elif event.is_printable and event.character is not None:
            self._write(event.character)

    def _write(self, text: str) -> None:
        words = ''.join(each for each in text if each.isprintable())
        self._line = ((self._line or '') + words)[:LONGEST_LINE]

    def take_answer(self, words: str) -> None:
        """Show why it was not done; a line that was wrong stays, to be mended."""
        self._message = words
        if not words:
            self._line = None
        self._draw_foot()
