# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Processes that a command starts: with a log each, and gone when it is gone."""

from collections.abc import Callable, Iterable, Mapping
import os
import pathlib
import signal
import subprocess
import sys
import time

from . import tether

POLL_S = 0.02
LAST_LINES = 3
_ERROR_SIGNS = ('[ERROR]', '[FATAL]', 'Error', 'error:')


class Child:
    """
    A child process in a session of its own: Ctrl-C in the terminal does not reach it.

    :param name: for people, and of the log file
    :param death_signal: what the kernel sends it when this process dies (Linux)
    """

    def __init__(
        self, name: str, command: Iterable[object], *, log_dir: pathlib.Path | str,
        environment: Mapping[str, str], death_signal: signal.Signals = signal.SIGKILL,
    ) -> None:
        self.name = name
        self.log = pathlib.Path(log_dir) / f'{name.replace(" ", "_")}.log'
        with open(self.log, 'wb') as log:
            self._process = subprocess.Popen(
                [sys.executable, '-I', '-S', tether.__file__, str(os.getpid()),
                 str(int(death_signal)), *map(str, command)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env=environment, start_new_session=True,
            )
        self.pid = self._process.pid

    @property
    def status(self) -> int | None:
        """Exit status, negative for a signal, ``None`` while it lives."""
        return self._process.poll()

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self.status is None

    @property
    def end(self) -> str:
        """Words that say how it ended."""
        status = self.status
        if status is None:
            return 'still runs'
        if status < 0:
            return f'was killed by {signal.Signals(-status).name}'
        return f'ended with status {status}'

    def errors(self) -> list[str]:
        """Return the last lines of its log that look like errors."""
        return [
            line for line in self._lines() if any(sign in line for sign in _ERROR_SIGNS)
        ][-LAST_LINES:]

    def last_words(self) -> list[str]:
        """
        Return the last error lines of its log.

        When none looks like one, the last lines, unless a signal came: then they say nothing.
        """
        is_killed = (self.status or 0) < 0
        return self.errors() or ([] if is_killed else self._lines()[-LAST_LINES:])

    def _lines(self) -> list[str]:
        with open(self.log, encoding='utf-8', errors='replace') as log:
            return [line.strip() for line in log if line.strip()]

    def lines_with(self, sign: str) -> list[str]:
        """Return what follows ``sign`` in the lines of the log that have it."""
        return [line.split(sign, 1)[1] for line in self._lines() if sign in line]

    def interrupt(self) -> None:
        """Ask it to end."""
        if self.is_alive:
            self._process.send_signal(signal.SIGINT)

    def wait(
        self, timeout_s: float, *, meanwhile: Callable[[float], object] = time.sleep,
    ) -> bool:
        """
        Wait for its end, then kill it.

        :param meanwhile: called with seconds, again and again
        :returns: whether it ended by itself
        """
        deadline_s = time.monotonic() + timeout_s
        while self.is_alive and time.monotonic() < deadline_s:
            meanwhile(POLL_S)
        was_in_time = not self.is_alive
        self.kill()
        return was_in_time

    def kill(self) -> None:
        """End it at once, with what it may have started."""
        if self.is_alive:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
