# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""bench/charger.py goes on working when what it measures changes; its figures are its own."""

import pathlib
import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.timeout(240, func_only=True)  # waiting for a seat does not count
BENCH = pathlib.Path(__file__).resolve().parents[2] / 'bench' / 'charger.py'


def measure(*arguments):
    """Return what it prints: cells of the rows, and of each goal what was reached."""
    ran = subprocess.run(
        [sys.executable, BENCH, *arguments], capture_output=True, text=True, timeout=200)
    assert (ran.returncode, ran.stderr) == (0, ''), ran.stderr
    lines = ran.stdout.splitlines()
    rows = [[cell.strip() for cell in line.strip('│').split('│')]
            for line in lines if line.startswith('│')]
    return rows, [line.rpartition(': ')[2] for line in lines if line.startswith('goal ')]


def test_what_a_charger_takes_of_a_core_is_measured(seat):
    [[pistols, idle, _, charging, *_, ended_well]], goals = measure(
        'cpu', '--pistols', '1', '--seconds', '1')
    assert pistols == '1'
    assert re.fullmatch(r'[\d.]+%', idle)
    assert re.fullmatch(r'[\d.]+%', charging)
    assert ended_well == '1 of 1'
    assert len(goals) == 4


def test_the_gateway_is_measured_beside_a_naive_one_and_both_lose_nothing(seat):
    rows, goals = measure('gateway', '--seconds', '1')
    assert [row[:2] for row in rows] == [
        ['ours', 'none'], ['naive', 'none'], ['bus alone', 'none'],
        ['ours', 'one each'], ['naive', 'one each'], ['bus alone', 'none']]
    assert all(heard == frames for _, listener, frames, heard, *_ in rows if listener != 'none')
    assert len(goals) == 1


def test_reactions_are_measured(seat):
    rows, goals = measure('reaction', '--r1', '2', '--setpoints', '3')
    assert [row[1] for row in rows] == ['2', '2', '3', '3']
    assert len(goals) == 2


def test_the_period_of_the_status_is_measured_with_and_without_a_full_bus(seat):
    rows, goals = measure('period', '--periods', '10')
    assert rows[0][0] == '0'
    assert int(rows[1][0]) > 400
    assert all(int(row[1]) >= 10 for row in rows)
    assert len(goals) == 1
