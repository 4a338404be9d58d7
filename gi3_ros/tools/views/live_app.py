# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What all live views have in common: the application, and the terminal it is in."""

import asyncio
import contextlib
import signal
from typing import Any, ClassVar

from rich.console import RenderableType
from textual import events
from textual.app import App
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.drivers.linux_driver import LinuxDriver

from .link import Answer, End, Leave, Link, Message, Ready, Show

CLOSE_S = 1.0
"""A terminal that takes no text for so long does not get the rest."""
READY_PERIOD_S = 0.05
"""How often is looked whether the terminal has taken everything."""


STYLE = """
Screen { background: $background; overflow: hidden; }

#title {
    width: 100%; height: 1; padding: 0 1; margin-bottom: 0;
    background: $primary-background; color: $text; text-style: bold;
}
#session { height: 1fr; padding: 0 1; overflow: hidden; }
#details { height: 1fr; overflow: hidden; }
#values { height: auto; }
#values Flowing { width: 1fr; }
#chart { height: 3; }
#help { height: 1fr; scrollbar-size-vertical: 1; }

#foot { dock: bottom; height: auto; padding: 0 1; background: $surface; }

.-middle #who, .-middle #values, .-middle #rules { margin-top: 1; }
.-high #who, .-high #headline, .-high #values { margin-top: 1; }
.-middle #chart { height: 5; margin-top: 1; }
.-high #chart { height: 8; }
.-high .panel { border: round $primary-lighten-1; border-title-color: $text; }
.-high.-wide .panel { padding: 0 1; }
.-high .panel.late { border: round $error; border-title-color: $error; }
"""
"""For all views. ``-low``, ``-middle``, ``-high``: see ``VERTICAL_BREAKPOINTS``."""


class PatientDriver(LinuxDriver):
    """
    A terminal that may take its time: nothing here waits for it.

    textual's own thread writes what is in a bounded queue. textual waits while that is full; here
    the text is dropped instead, and the whole screen drawn when the terminal takes text again.
    """

    def __init__(self, app: App[Any], **options: Any) -> None:  # as textual has it
        super().__init__(app, **options)
        if isinstance(app, LiveApp):
            app.terminal = self
        self.has_lost_text = False
        self.is_stuck = False
        """Whether the terminal did not take the end of the text."""

    @property
    def is_busy(self) -> bool:
        """Whether the terminal has not taken everything yet, but for what it takes now."""
        thread = self._writer_thread
        return thread is not None and not thread._queue.empty()

    @property
    def is_gone(self) -> bool:
        """Whether nothing can be written any more."""
        thread = self._writer_thread
        return thread is not None and not thread.is_alive()

    def write(self, data: str) -> None:
        """Queue text for the terminal; drop it when there is too much already."""
        thread = self._writer_thread
        if thread is not None and not thread._queue.full():
            thread.write(data)
        else:
            self.has_lost_text = True

    def close(self) -> None:
        """Wait for the end of the text, not for long."""
        thread = self._writer_thread
        if thread is None:
            return
        self.write('')
        if not thread._queue.full():
            thread._queue.put(None)
        thread.join(CLOSE_S)
        self.is_stuck = thread.is_alive()


class Keyboard(Vertical, can_focus=True):
    """
    A container that has the focus all the time, and gives the keys to the application.

    One after the other: where the focus moves, keys that come quickly go to where it was before.
    """

    def on_mount(self) -> None:
        """Take the focus."""
        self.focus()

    def on_key(self, event: events.Key) -> None:
        """Hand a key over."""
        event.stop()
        if isinstance(self.app, LiveApp):
            self.app.take_key(event)

    def on_paste(self, event: events.Paste) -> None:
        """Hand over what was pasted."""
        event.stop()
        if isinstance(self.app, LiveApp):
            self.app.take_paste(event.text)


class LiveApp(App[End]):
    """
    A live view; it returns what is to stay in the terminal.

    :param link: to the command that it belongs to; ``None`` in tests
    """

    CSS = STYLE
    AUTO_FOCUS = None
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding('ctrl+c,ctrl+q', 'leave', priority=True, show=False),
    ]

    def __init__(self, link: Link | None = None) -> None:
        super().__init__(driver_class=PatientDriver)
        self.HORIZONTAL_BREAKPOINTS = [(0, '-narrow'), (90, '-wide')]
        self.VERTICAL_BREAKPOINTS = [(0, '-low'), (28, '-middle'), (36, '-high')]
        self.terminal: PatientDriver | None = None
        self._connection = link
        self._is_asked = False

    def show(self, picture: object) -> None:
        """Show a picture of the kind that this view knows."""
        raise NotImplementedError

    def last_picture(self, picture: object, *, width: int, height: int) -> RenderableType:
        """Return what stays in a terminal of this size."""
        raise NotImplementedError

    def on_key(self, event: events.Key) -> None:
        """Take a key that came before the :class:`Keyboard` had the focus."""
        self.take_key(event)

    def take_key(self, event: events.Key) -> None:
        """Do what a key says."""

    def take_paste(self, text: str) -> None:
        """Take what was pasted."""

    def take_answer(self, words: str) -> None:
        """Take why what was typed was not done; empty words when it was."""

    def send(self, message: Message) -> None:
        """Send something to the command."""
        if self._connection is not None:
            self._connection.send(message)

    def action_leave(self) -> None:
        """Ask the command to end; it will say what to show last."""
        self.send(Leave())

    def on_mount(self) -> None:
        """Begin to listen."""
        self.theme = 'textual-dark'
        if self._connection is None:
            return
        loop = asyncio.get_running_loop()
        loop.add_reader(self._connection.fileno(), self._listen)
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.exit)
        self.set_interval(READY_PERIOD_S, self._ask)

    def _listen(self) -> None:
        """Take what the command has sent."""
        assert self._connection is not None
        for message in self._connection.receive():
            if isinstance(message, Show):
                self._is_asked = False
                self.show(message.picture)
            elif isinstance(message, Answer):
                self.take_answer(message.words)
            elif isinstance(message, End):
                self._leave(message)
        if not self._connection.is_open:
            self._leave(End(None))

    def _leave(self, end: End) -> None:
        assert self._connection is not None
        with contextlib.suppress(ValueError):
            asyncio.get_running_loop().remove_reader(self._connection.fileno())
        self.exit(end)

    def _ask(self) -> None:
        """Ask for the next picture when the terminal has taken the last one."""
        assert self._connection is not None
        self._connection.flush()
        terminal = self.terminal
        if terminal is not None:
            if terminal.is_gone:
                self._leave(End(None))
                return
            if terminal.is_busy:
                return
            if terminal.has_lost_text:
                terminal.has_lost_text = False
                self.screen.refresh(layout=True)
        if not self._is_asked:
            self._is_asked = True
            self.send(Ready())
