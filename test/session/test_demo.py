# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""``gi3 demo`` with all its processes: what it says, how it ends, what it leaves behind."""

import contextlib
import os
import re
import select
import signal
import socket
import sys

from click.testing import CliRunner
import pytest

from gi3_ros.bus import Bus
from gi3_ros.core.interface import codec
from gi3_ros.core.interface.signals import PowerModulesStatus
from gi3_ros.tools import demo as demo_module

pytestmark = pytest.mark.timeout(120, func_only=True)  # waiting for a seat does not count
CHARGING = r'CHARGING .* 100\.0 A '


@pytest.fixture
def start_demo(seat, start_process, tmp_path):
    """Start ``gi3 demo``; its logs are in ``tmp_path``."""
    def start(*arguments):
        return start_process('gi3', 'demo', '--log-dir', tmp_path, *arguments)

    return start


def _pids(demo):
    """Return the process ids of the children that a demo has told of."""
    found = re.findall(r'started the (.*), process (\d+)', demo.text)
    return {name: int(pid) for name, pid in found}


def _wait_for_end(pid, *, timeout_s):
    """Return whether a process has ended within this time."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    with open(process, 'rb') as file:
        return bool(select.select([file], [], [], timeout_s)[0])


# Whole sessions


def test_ends_with_a_summary_and_status_zero(start_demo, tmp_path):
    demo = start_demo('--duration-s', 3)
    assert demo.exit_status(timeout_s=90) == 0
    for words in (
        'calls the service authorise',
        'ended       Clean_Stop, both sides agree',
        'rules       none broken by the charger',
        'hardware    never overstressed',
        'insulation  750 kOhm in the test at 500 V',
        'precharge   done after ',
    ):
        assert words in demo.text
    phases = re.findall(r'([A-Z_]+) \d+\.\d s', demo.text.rpartition('phases ')[2])
    assert phases[0] == 'NEGOTIATING'
    assert 'CHARGING' in phases
    assert {path.name for path in tmp_path.glob('*.log')} >= {
        'charger.log', 'power_modules.log', 'simulator.log'}


def test_says_why_when_the_controller_falls_silent(start_demo):
    demo = start_demo('--duration-s', 60)
    demo.wait_for_line(CHARGING, timeout_s=60)
    os.kill(_pids(demo)['simulator'], signal.SIGKILL)
    assert demo.exit_status() == 1
    assert re.search(r'FAILED +simulator \(process \d+\) was killed by SIGKILL in ', demo.text)
    assert 'the controller fell silent' in demo.text
    assert 'power_control: controller silent: no Advantics_Controller_Status' in demo.text
    assert 'no current after it' in demo.text
    zero = re.search(r'zero setpoint (\d+) ms after the last controller_status', demo.text)
    # 200 ms (R1) and a tick; the rest is for a busy machine.
    assert 200 <= int(zero[1]) < 400


def test_interrupted_it_sends_the_safe_state_and_leaves_no_process(start_demo, claim_port):
    port = claim_port()
    demo = start_demo('--duration-s', 60, '--port', port)
    demo.wait_for_line(CHARGING, timeout_s=60)
    words = []
    with contextlib.closing(Bus('udp_multicast', port=port)) as bus:
        demo.signal(signal.SIGINT)
        while demo.is_running:
            arrived = bus.receive(0.05)
            received = arrived and codec.decode(arrived[0])
            if received and isinstance(received.message, PowerModulesStatus):
                words.append(received.message)
    assert demo.exit_status() == 130
    assert all(_wait_for_end(pid, timeout_s=0) for pid in _pids(demo).values())
    assert words[-1].system_enable == PowerModulesStatus.SystemEnable.NOT_ALLOWED
    assert abs(words[-1].present_current) <= 1.0
    assert 'zero setpoint after ' in demo.text
    assert 'System_Enable = 0 told to the controller' in demo.text


# The start


def test_says_which_process_died_and_why(start_demo, tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(('127.0.0.1', 0))
        port = taken.getsockname()[1]
        demo = start_demo('--plug-port', port)
        assert demo.exit_status() == 1
    assert re.search(r'FAILED +power modules \(process \d+\) ended with status 1', demo.text)
    assert f'UDP port {port} on 127.0.0.1 is not free' in demo.text
    assert f'logs        {tmp_path}' in demo.text


def test_killed_it_leaves_no_process(start_demo):
    demo = start_demo()
    demo.wait_for_line('started the charger')
    demo.signal(signal.SIGKILL)
    assert demo.exit_status() == -signal.SIGKILL
    assert len(_pids(demo)) == 2
    assert all(_wait_for_end(pid, timeout_s=10) for pid in _pids(demo).values())


def test_without_ros_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, 'rclpy', None)
    result = CliRunner().invoke(demo_module.demo, [])
    assert result.exit_code == 2
    assert 'make demo' in result.output
    assert len(result.output.splitlines()) == 1

def test_a_folder_for_the_logs_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / 'file').touch()
    result = CliRunner().invoke(demo_module.demo, ['--log-dir', str(tmp_path / 'file' / 'logs')])
    assert result.exit_code == 2
    assert 'give a folder that can be written' in result.output
    assert len(result.output.splitlines()) == 1
