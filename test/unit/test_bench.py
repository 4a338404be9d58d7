# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The measurements in bench/ go on working when what they measure changes."""

import pathlib
import subprocess
import sys

from gi3_ros.core.interface.signals import MESSAGES

BENCH = pathlib.Path(__file__).resolve().parents[2] / 'bench'


def test_reading_auditing_and_reporting_are_measured():
    ran = subprocess.run(
        [sys.executable, BENCH / 'logs.py', '--minutes', '1', '--repeat', '1'],
        capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, '')
    rows = [line.split()[0] for line in ran.stdout.splitlines()[2:]]
    assert rows == ['decode', 'batches', 'audit', 'report']


def test_every_message_is_measured_against_cantools():
    ran = subprocess.run(
        [sys.executable, BENCH / 'codec.py', '--repeat', '1', '--frames', '2000'],
        capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, '')
    rows = [line.split()[0] for line in ran.stdout.splitlines()]
    assert rows[1:1 + len(MESSAGES)] == [each.NAME for each in MESSAGES.values()]
    assert 'columns' in rows


def test_a_terminal_that_takes_nothing_does_not_make_the_heartbeat_late():
    """R1 gives 200 ms; a machine that is busy with other tests gets more here."""
    ran = subprocess.run(
        [sys.executable, BENCH / 'terminal.py', '--seconds', '2', '--terminals', 'stopped'],
        capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, '')
    _, frames, longest_ms, _, took_s, _ = ran.stdout.splitlines()[1].split()
    assert int(frames) >= 10
    assert float(longest_ms) < 1000
    assert float(took_s) < 10
