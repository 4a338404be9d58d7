# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The loop that runs simulators on a bus in real time, and what starts it."""

import time

from click.testing import CliRunner
import pytest

from gi3_ros.core.interface.codec import encode
from gi3_ros.core.interface.signals import PowerModulesStatus
from gi3_ros.sim import run as simulator_run
from gi3_ros.sim.config import ControllerConfig
from gi3_ros.sim.run import _receive_until
from gi3_ros.sim.simulator import Simulator
from gi3_ros.tools.sim import sim

BOOT = ControllerConfig(boot_s=0.05, negotiation_s=0.05, use_sequence_flags=False)


class StalledBus:
    """Frames that have waited for a process that was not there."""

    def __init__(self, count):
        self.waiting = [
            (encode(PowerModulesStatus(), index=1), time.time()) for _ in range(count)]

    def receive(self, _timeout_s):
        return self.waiting.pop(0) if self.waiting else None


@pytest.mark.parametrize('stall_s', [0.0, 0.6])
def test_frames_that_wait_are_taken_before_the_clock_goes_on(stall_s, monkeypatch):
    """Otherwise a stall of ours is a silence of the charger (R3)."""
    # A busy machine may take this process away for longer than the bound; it has its own test.
    monkeypatch.setattr(simulator_run, 'LONGEST_DRAIN_S', 30.0)
    simulator = Simulator(BOOT)
    taken = []
    simulator.receive = lambda frame, now_s: taken.append(now_s)
    _receive_until(StalledBus(30), [simulator], time.monotonic() - stall_s, None)
    assert len(taken) == 30


def test_a_flood_does_not_stop_the_clock():
    bus = StalledBus(1)
    bus.receive = lambda _timeout_s: bus.waiting[0]
    start_s = time.monotonic()
    _receive_until(bus, [Simulator(BOOT)], start_s, None)
    assert time.monotonic() - start_s < 2.0


@pytest.mark.parametrize('arguments', [
    ['--index', '0'], ['--index', '32'], ['--duration-s', '0'], ['--duration-s', 'nan'],
    ['--state-of-charge', '101'], ['--interface', 'no_such_interface'],
    ['--external-authorisation', '--no-sequence-flags'], ['--plug-port', '70000'], ['surplus'],
])
def test_unusable_arguments_exit_with_2_and_words(arguments):
    result = CliRunner().invoke(sim, [*arguments, '--once'])
    assert result.exit_code == 2
    assert result.output.strip()
    assert 'Traceback' not in result.output


def test_help_names_the_exit_status_and_examples():
    result = CliRunner().invoke(sim, ['--help'])
    assert result.exit_code == 0
    assert 'Exit status' in result.output
    assert 'can0' in result.output
