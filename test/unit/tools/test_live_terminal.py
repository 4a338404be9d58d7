# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""``gi3 sim --live`` in a terminal: it is taken, given back, and never waited for."""

import contextlib
import os
import re
import signal
import time

from click.testing import CliRunner
import pytest
from terminal_person import Terminal

from gi3_ros.tools.sim import sim
from gi3_ros.tools.views import process

SIM = ('sim', '--live', '-i', 'virtual', '-c', 'test_live_terminal', '--plug-port', '0')
TAKEN, LEFT, CURSOR = '\x1b[?1049h', '\x1b[?1049l', '\x1b[?25h'


@pytest.fixture
def start():
    """Start ``gi3`` in a terminal."""
    with contextlib.ExitStack() as stack:
        yield lambda *arguments, **options: stack.enter_context(
            contextlib.closing(Terminal(*arguments, **options)))


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f'/proc/{pid}/stat') as stat:
        return stat.read().rpartition(')')[2].split()[0] != 'Z'


def test_a_terminal_is_taken_and_given_back(start):
    terminal = start(*SIM)
    terminal.wait_for('quit')
    assert not terminal.are_modes_as_before()
    terminal.wait_for('plugged in')
    terminal.type('p')
    terminal.wait_for('> unplug')
    terminal.type(':plug_in\r')
    terminal.wait_for('> plug_in')
    terminal.type('q')
    assert terminal.exit_status() == 1
    assert terminal.are_modes_as_before()
    live, _, after = terminal.text.rpartition(LEFT)
    assert live.startswith(TAKEN)
    assert CURSOR in after
    assert 'are simulated' in after
    assert 'no rule broken by the charger' in after.splitlines()[-1]


@pytest.mark.parametrize(('number', 'status'), [
    (signal.SIGTERM, 1), (signal.SIGINT, 1), (signal.SIGHUP, 129), (signal.SIGQUIT, 131)])
def test_a_signal_ends_it_and_the_terminal_is_given_back(start, number, status):
    terminal = start(*SIM)
    terminal.wait_for('quit')
    terminal.signal(number)
    assert terminal.exit_status() == status
    assert terminal.are_modes_as_before()
    assert LEFT in terminal.text


def test_a_key_that_suspends_does_not(start):
    """A suspended simulator would be a dead controller for the charger."""
    terminal = start(*SIM)
    terminal.wait_for('quit')
    terminal.wait_for('plugged in')
    terminal.type('\x1a\x1c')
    terminal.type('p')
    terminal.wait_for('> unplug')
    terminal.type('\x03')
    assert terminal.exit_status() == 1


def test_a_terminal_that_takes_nothing_does_not_keep_it_from_ending(start):
    terminal = start(*SIM)
    terminal.wait_for('quit')
    view = terminal.view_pid()
    # Nobody reads what is shown.
    for _ in range(40):
        terminal.type('?')
        time.sleep(0.05)
    begun_s = time.monotonic()
    terminal.signal(signal.SIGTERM)
    assert terminal.exit_status(is_read=False) == 1
    # What the view gets to leave, and as much for a busy machine.
    assert time.monotonic() - begun_s < 10
    assert not is_running(view)
    assert terminal.are_modes_as_before()


def test_a_view_whose_command_was_killed_ends_too(start):
    terminal = start(*SIM)
    terminal.wait_for('quit')
    view = terminal.view_pid()
    terminal.signal(signal.SIGKILL)
    assert terminal.exit_status() == -signal.SIGKILL
    deadline_s = time.monotonic() + 20
    while is_running(view):
        assert time.monotonic() < deadline_s
        terminal.read(0.05)
    terminal.wait_for(LEFT)


def test_a_terminal_that_is_gone_ends_the_run(start):
    terminal = start(*SIM)
    terminal.wait_for('quit')
    view = terminal.view_pid()
    terminal.hang_up()
    assert terminal.exit_status(is_read=False) == 128 + signal.SIGHUP
    assert not is_running(view)


def test_a_view_that_dies_ends_the_run_in_words(start):
    terminal = start(*SIM)
    terminal.wait_for('quit')
    terminal.signal(signal.SIGSEGV, terminal.view_pid())
    assert terminal.exit_status() == 1
    assert terminal.are_modes_as_before()
    after = terminal.text.rpartition(LEFT)[2]
    assert CURSOR in after
    assert f'the live view has ended with status {-signal.SIGSEGV}' in after
    assert 'no rule broken by the charger' in after


def test_another_size_is_drawn(start):
    terminal = start(*SIM, width=76, height=20)
    terminal.wait_for('quit')
    assert '╭' not in terminal.text
    terminal.resize(100, 50)
    terminal.wait_for('╭')
    terminal.type('q')
    terminal.exit_status()


def test_without_colours_there_are_none(start):
    terminal = start(*SIM, environment={'NO_COLOR': '1'})
    terminal.wait_for('quit')
    terminal.type('q')
    terminal.exit_status()
    live = terminal.text.partition(LEFT)[0]
    codes = {
        tuple(int(red_green_blue) for red_green_blue in found)
        for found in re.findall(r'[34]8;2;(\d+);(\d+);(\d+)', live)}
    assert all(len(set(code)) == 1 for code in codes), 'greys only'


def test_arguments_that_are_wrong_are_said_after_the_view(start):
    terminal = start(*SIM, '--vehicle', 'tank')
    assert terminal.exit_status() == 2
    assert 'there is no vehicle' in terminal.text.rpartition(LEFT)[2]
    assert terminal.are_modes_as_before()


# Where there can be no view


@pytest.fixture
def with_terminal(monkeypatch):
    """Let the command believe that it is in a terminal."""
    monkeypatch.setenv('TERM', 'xterm-256color')
    monkeypatch.setattr('gi3_ros.tools.views.process.has_terminal', lambda: True)


def test_a_terminal_that_cannot_be_drawn_on_is_refused(with_terminal, monkeypatch):
    monkeypatch.setenv('TERM', 'dumb')
    result = CliRunner().invoke(sim, ['--live'])
    assert result.exit_code == 2
    assert '--live needs a terminal that can be drawn on' in result.output


@pytest.mark.parametrize(('version', 'words'), [
    (None, 'pip install textual'), ('0.1.13', 'textual 8 or newer, here is 0.1.13')])
def test_a_library_that_is_missing_is_one_sentence(with_terminal, monkeypatch, version, words):
    def installed(_name):
        if version is None:
            raise process.importlib.metadata.PackageNotFoundError
        return version

    monkeypatch.setattr(process.importlib.metadata, 'version', installed)
    result = CliRunner().invoke(sim, ['--live'])
    assert result.exit_code == 2
    assert words in result.output
    assert len(result.output.splitlines()) == 1
