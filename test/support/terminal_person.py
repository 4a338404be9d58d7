# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A command in a terminal of its own, and the person before it."""

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time

ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
COMMAND = 'from gi3_ros.tools.main import main; main()'


def _begin_like_a_shell():
    """Take the terminal; who runs the tests in the background, or with nohup, ignores signals."""
    for number in ENDING:
        signal.signal(number, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """
    ``gi3`` in a pseudo-terminal.

    :param environment: changes to that of the command
    """

    def __init__(self, *arguments, width=100, height=30, environment=None):
        self.person, command_end = pty.openpty()
        self.resize(width, height)
        self._modes = termios.tcgetattr(command_end)
        self._device = os.ttyname(command_end)
        self.text = ''
        # pytest-xdist tells its workers a size, which would count more than the terminal's.
        sizeless = {
            name: value for name, value in os.environ.items() if name not in ('COLUMNS', 'LINES')}
        self._process = subprocess.Popen(
            [sys.executable, '-c', COMMAND, *map(str, arguments)],
            stdin=command_end, stdout=command_end, stderr=command_end, start_new_session=True,
            preexec_fn=_begin_like_a_shell,
            env={**sizeless, 'TERM': 'xterm-256color', **(environment or {})})
        self.pid = self._process.pid
        os.close(command_end)

    def resize(self, width, height):
        """Give the terminal another size."""
        fcntl.ioctl(
            self.person, termios.TIOCSWINSZ, struct.pack('HHHH', height, width, 0, 0))

    def type(self, keys):
        """Type keys."""
        os.write(self.person, keys.encode())

    def read(self, timeout_s=0.0, most=65536):
        """Take what the terminal has got; return whether there was something."""
        if not select.select([self.person], [], [], timeout_s)[0]:
            return False
        try:
            data = os.read(self.person, most)
        except OSError:
            # Nobody has it open any more.
            return False
        self.text += data.decode(errors='replace')
        return bool(data)

    def wait_for(self, words, timeout_s=40):
        """Read until these words have come; what is on one line may come in pieces."""
        deadline_s = time.monotonic() + timeout_s
        while words not in self.text:
            assert time.monotonic() < deadline_s, f'no {words!r} in {self.text[-3000:]!r}'
            assert self._process.poll() is None or self.read(), f'it has ended: {self.text}'
            self.read(0.05)

    def signal(self, number, pid=None):
        """Send a signal to the command."""
        os.kill(pid or self.pid, number)

    def view_pid(self):
        """Return the process of the live view."""
        with open(f'/proc/{self.pid}/task/{self.pid}/children') as children:
            return int(children.read().split()[0])

    def exit_status(self, timeout_s=40, *, is_read=True):
        """Wait for the end; return the status, negative for a signal."""
        deadline_s = time.monotonic() + timeout_s
        while self._process.poll() is None:
            assert time.monotonic() < deadline_s, f'it has not ended: {self.text[-3000:]!r}'
            if is_read:
                self.read(0.05)
            else:
                time.sleep(0.05)
        while is_read and self.read():
            pass
        return self._process.returncode

    def are_modes_as_before(self):
        """Return whether the terminal is as the command has found it."""
        descriptor = os.open(self._device, os.O_RDWR | os.O_NOCTTY)
        try:
            return termios.tcgetattr(descriptor) == self._modes
        finally:
            os.close(descriptor)

    def hang_up(self):
        """Close the terminal."""
        os.close(self.person)
        self.person = -1

    def close(self):
        """Leave nothing behind."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
        if self.person >= 0:
            os.close(self.person)
