# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command's side of a live view: start it, send it pictures, end it, free the terminal."""

from collections.abc import Iterator
import contextlib
import importlib.metadata
import os
import signal
import socket
import subprocess
import sys
import termios
import time
import types

from .link import Answer, End, Leave, Link, Press, Ready, Show, Typed, Verdict

LEAST_TEXTUAL = 8
START_WITHIN_S = 20.0
"""A view that has not come up yet gets this long, from its start, to show the last picture."""
CLOSE_S = 2.0
"""A terminal that takes no text for so long does not get the rest."""
STUCK = 3
"""Exit status of a view whose terminal takes no text."""
_POLL_S = 0.01
_CHILD = 'import sys; sys.path[:] = {path!r}; from {module} import main; main({view!r}, {fd})'
_OURS_ALONE = {signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGCONT}
"""Signals that a terminal sends to all of its processes; the command answers them for both."""


class NoTextual(ValueError):
    """The library for live views is missing, or too old."""


def check_textual() -> None:
    """
    See whether the library is there.

    :raises NoTextual: with a sentence that says what to do
    """
    try:
        version = importlib.metadata.version('textual')
    except importlib.metadata.PackageNotFoundError:
        raise NoTextual(
            'a live view needs the Python package textual: pip install textual') from None
    if int(version.partition('.')[0]) < LEAST_TEXTUAL:
        raise NoTextual(
            f'a live view needs textual {LEAST_TEXTUAL} or newer, here is {version}: '
            'pip install --upgrade textual')


def has_terminal() -> bool:
    """Return whether standard input and output are a terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def is_dumb() -> bool:
    """Return whether the terminal says that nothing can be drawn on it."""
    return os.environ.get('TERM', '').lower() in ('dumb', 'unknown')


class ViewProcess:
    """
    A live view in a process of its own, for the time of a ``with`` block.

    :param view: name of the view, see :mod:`.child`
    :raises ValueError: when there is no terminal for it
    :raises NoTextual: when the library is missing
    """

    def __init__(self, view: str) -> None:
        if not has_terminal():
            raise ValueError(
                '--live needs a terminal: standard input and standard output have to be one')
        if is_dumb():
            raise ValueError('--live needs a terminal that can be drawn on: TERM is "dumb"')
        check_textual()
        self._view = view
        self._is_wanted = self._has_come_up = False
        self._end = End(None)
        self._exit = contextlib.ExitStack()

    def __enter__(self) -> 'ViewProcess':
        """Start it."""
        sys.stdout.flush()
        with contextlib.ExitStack() as stack:
            stack.enter_context(_exit_on_signals())
            stack.enter_context(_terminal_given_back(sys.stdin.fileno()))
            self._process, self.link = _start(self._view)
            self._started_s = time.monotonic()
            stack.callback(self._finish)
            self._exit = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> bool:
        """Let it show the last picture, then end it."""
        return bool(self._exit.__exit__(kind, error, trace))

    @property
    def is_there(self) -> bool:
        """Whether somebody can still look on."""
        return self.link.is_open

    @property
    def is_stuck(self) -> bool:
        """Whether the view had to be left alone: its terminal takes no text."""
        return self._process.returncode in (STUCK, -signal.SIGKILL)

    @property
    def wants_picture(self) -> bool:
        """Whether the view has shown the last picture, and the terminal has taken it."""
        return self._is_wanted

    def show(self, picture: object) -> None:
        """Send a picture."""
        self._is_wanted = False
        self.link.send(Show(picture))

    def answer(self, words: str) -> None:
        """Send what became of what was typed."""
        self.link.send(Answer(words))

    def conclude(self, picture: object, verdicts: tuple[Verdict, ...] = ()) -> None:
        """Say what stays in the terminal after the end."""
        self._end = End(picture, verdicts)

    def receive(self) -> list[Press | Typed | Leave]:
        """Return what was typed."""
        self.link.flush()
        typed: list[Press | Typed | Leave] = []
        for message in self.link.receive():
            if isinstance(message, Ready):
                self._is_wanted = self._has_come_up = True
            elif isinstance(message, Press | Typed | Leave):
                typed.append(message)
        return typed

    def _finish(self) -> None:
        self.link.send(self._end)
        since_s, limit_s = time.monotonic(), CLOSE_S
        while self._process.poll() is None:
            self.receive()
            if not self._has_come_up:
                since_s, limit_s = self._started_s, START_WITHIN_S
            if time.monotonic() - since_s > limit_s:
                self._process.kill()
                self._process.wait()
                break
            time.sleep(_POLL_S)
        self.link.close()
        if self._process.returncode != 0 and not self.is_stuck:
            self._print_end()

    def _print_end(self) -> None:
        """Do what the view should have done."""
        from rich.console import Console
        console = Console()
        console.set_alt_screen(False)
        console.show_cursor(True)
        console.print(
            f'the live view has ended with status {self._process.returncode}', style='red',
            soft_wrap=True, highlight=False)
        for verdict in self._end.verdicts:
            console.print(verdict.words, soft_wrap=True, markup=False, highlight=False)


def _start(view: str) -> tuple[subprocess.Popen[bytes], Link]:
    """Start the process of a view; return it, and our end of the link."""
    ours, its = socket.socketpair()
    code = _CHILD.format(
        path=sys.path, module=f'{__package__}.child', view=view, fd=its.fileno())
    with its:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _OURS_ALONE)
        try:
            process = subprocess.Popen(
                [sys.executable, '-c', code], pass_fds=[its.fileno()],
                # Whatever the errors go to: the view writes to its standard error.
                stdin=sys.stdin, stdout=sys.stdout, stderr=sys.stdout,
                env={**os.environ, 'TEXTUAL_DISABLE_KITTY_KEY': '1'})
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return process, Link(ours)


@contextlib.contextmanager
def _terminal_given_back(descriptor: int) -> Iterator[None]:
    """Put the modes of a terminal back, whatever became of the view that changed them."""
    before = termios.tcgetattr(descriptor)
    try:
        yield
    finally:
        with contextlib.suppress(termios.error):
            # Not when it can wait for the output: a stopped terminal would hold it up forever.
            termios.tcsetattr(descriptor, termios.TCSANOW, before)
            termios.tcflush(descriptor, termios.TCIFLUSH)


@contextlib.contextmanager
def _exit_on_signals() -> Iterator[None]:
    """
    Let signals that would kill on the spot unwind instead.

    SIGINT and SIGTERM end the run in the command's own way.
    """
    def leave(number: int, _frame: types.FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {
        each: signal.signal(each, leave) for each in (signal.SIGHUP, signal.SIGQUIT)
        if signal.getsignal(each) is signal.SIG_DFL}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
