"""The live view of ``gi3 sim --live``."""

from typing import ClassVar

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Input, Label

from . import sim_words as words
from .link import Leave, Press, Typed
from .live_app import LiveApp
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
PISTOL_KEYS = 'psaevx'
"""What the command does with them: :mod:`.sim_desk`."""


class SimApp(LiveApp):
    """Shows a :class:`.SimPicture` and takes keys and typed actions."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding('tab', 'next_pistol', priority=True, show=False),
    ]
    _picture: SimPicture | None = None
    _chosen = 0
    _message = ''

    def compose(self) -> ComposeResult:
        """Return the widgets, from top to bottom."""
        yield Label(TITLE, id='title')
        with Vertical(id='session'):
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
            with Horizontal(id='typed'):
                yield Label(': ')
                yield Input(id='line', compact=True, max_length=LONGEST_LINE)
            yield Flowing(id='keys')

    def on_mount(self) -> None:
        """Show the session, without help and typed line."""
        self.query_one('#help').can_focus = False
        self.query_one('#events').border_title = 'events'
        self._flowing('help_lines').show(words.help_lines)
        self._show_line(False)
        self._show_help(False)

    @property
    def is_typing(self) -> bool:
        """Whether an action is being typed."""
        return self.query_one('#typed').display

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
        self._draw_keys()

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

    def _draw_keys(self) -> None:
        picture = self._picture
        if picture is None:
            return
        if self.is_typing:
            hint = 'Enter does it, Esc leaves it; ? outside of this line lists the actions'
            self._flowing('keys').show_lines([Text(hint, LABEL)])
        elif self.is_help_shown:
            self._flowing('keys').show_lines([self._place_in_help()])
        else:
            keys = list(words.keys(
                picture.pistols[self._chosen], has_several=len(picture.pistols) > 1))
            self._flowing('keys').show(lambda width: key_lines(keys, width))
        self._flowing('message').show(
            lambda width: [Text(line, BAD) for line in wrapped(self._message, width)])

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

    def on_key(self, event: events.Key) -> None:
        """Do what a key says, unless it belongs to the typed line."""
        if self.is_typing:
            if event.key == 'escape':
                self._show_line(False)
            return
        self._message = ''
        key = event.character or ''
        if self.is_help_shown:
            if key and key in '?h ':
                self._turn_page()
                return
            if event.key in ('up', 'down', 'pageup', 'pagedown'):
                return
            self._show_help(False)
            if key == 'q' or event.key == 'escape':
                return
        self._press(key)
        self._draw()

    def _press(self, key: str) -> None:
        if not key or self._picture is None:
            return
        if key in PISTOL_KEYS:
            self.send(Press(key, self._picture.pistols[self._chosen].index))
        elif key == 'q':
            self.send(Leave())
        elif key in '?h':
            self._show_help(True)
        elif key == ':':
            self._show_line(True)
        elif key in '123456789':
            self._choose(int(key), [pistol.index for pistol in self._picture.pistols])

    def action_next_pistol(self) -> None:
        """Choose the next pistol."""
        if self._picture is not None and not self.is_typing:
            self._message = ''
            self._chosen = (self._chosen + 1) % len(self._picture.pistols)
            self._show_help(False)
            self._draw()

    def _choose(self, index: int, indices: list[int]) -> None:
        if index in indices:
            self._chosen = indices.index(index)
        else:
            self._message = f'there is no pistol {index}; there are {", ".join(map(str, indices))}'

    def _show_help(self, is_shown: bool) -> None:
        self.query_one('#help').display = is_shown
        self.query_one('#help', VerticalScroll).scroll_home(animate=False)
        self.query_one('#details').display = not is_shown
        self.call_after_refresh(self._draw)

    def _turn_page(self) -> None:
        page = self.query_one('#help', VerticalScroll)
        if page.scroll_y >= page.max_scroll_y:
            page.scroll_home(animate=False)
        else:
            page.scroll_page_down(animate=False)
        self.call_after_refresh(self._draw_keys)

    # Typed actions

    def _show_line(self, is_shown: bool) -> None:
        line = self.query_one(Input)
        line.value = ''
        self.query_one('#typed').display = is_shown
        # At once: what is typed next belongs to the line already.
        self.screen.set_focus(line if is_shown else None)
        self._draw_keys()

    def on_input_changed(self, _event: Input.Changed) -> None:
        """Forget what was wrong with the line: it is being mended."""
        self._message = ''
        self._draw_keys()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Have the line done; an empty one is left."""
        if self._picture is None or not event.value.strip():
            self._show_line(False)
        else:
            self.send(Typed(event.value, self._picture.pistols[self._chosen].index))

    def take_answer(self, words: str) -> None:
        """Show why it was not done; a line that was wrong stays, to be mended."""
        self._message = words
        if self.is_typing and not words:
            self._show_line(False)
        self._draw_keys()
