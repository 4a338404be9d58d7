# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A full bus of our own frames for ten seconds, into a charger that charges."""

import pathlib
import subprocess
import sys
import time

import bus_flood
import pytest

from gi3_ros.core.interface import signals

pytestmark = pytest.mark.timeout(150, func_only=True)  # waiting for a seat does not count
FRAMES_PER_S = 4000
SECONDS = 10
MORE_MIB = 20
State = signals.AdvanticsControllerStatus.State
Function = signals.DcPowerControl.PowerFunction
NAMED = ('controller silent', 'power modules silent', 'output stage silent', 'no decision for',
         'machine too busy')
"""Faults that say what too much for this machine brings about."""


def rss_mib(pid):
    status = pathlib.Path(f'/proc/{pid}/status').read_text(encoding='ascii')
    return int(status.split('VmRSS:')[1].split()[0]) / 1024


def cpu_s(pid):
    fields = pathlib.Path(f'/proc/{pid}/stat').read_text(encoding='ascii').rsplit(')')[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def end_session(site, controller):
    """Bring the charge to its regular end (R41)."""
    controller.state = State.ENDING_CHARGE
    controller.send(signals.ChargeStatusChange())
    controller.command(Function.STANDBY)
    site.measurements.wait_for(
        lambda reading: abs(reading.current) < 1.0, after=site.measurements.mark)
    controller.command(Function.STANDBY, close=False)
    controller.state = State.CLOSING_COMMUNICATION
    controller.send(signals.ChargeSessionFinished())
    controller.break_off()


def test_a_session_survives_a_full_bus_of_its_own_frames(site, controller):
    controller.speak()
    controller.go_to_transfer(voltage_v=bus_flood.VOLTAGE_V, current_a=20.0)
    before_mib, before_s = rss_mib(site.charger.pid), cpu_s(site.charger.pid)
    flood = subprocess.run(
        [sys.executable, bus_flood.__file__, str(site.witness.port), str(FRAMES_PER_S),
         str(SECONDS)], check=True, capture_output=True, text=True, timeout=60)
    more_mib = rss_mib(site.charger.pid) - before_mib
    used = (cpu_s(site.charger.pid) - before_s) / SECONDS
    faults = {words.fault for words in site.words.heard if words.fault}
    print(f'{flood.stdout.strip()}; charger: {more_mib:+.1f} MiB, {100 * used:.0f} % of a core; '
          f'faults: {faults or "none"}')
    assert more_mib < MORE_MIB
    if faults:
        assert all(any(name in fault for name in NAMED) for fault in faults), faults
        pytest.skip(f'this machine is too busy: {faults}')
    began_s, mark = time.monotonic(), site.setpoints.mark
    controller.transfer(voltage_v=bus_flood.VOLTAGE_V, current_a=30.0)
    site.setpoints.wait_for(lambda setpoint: setpoint.current > 29.0, after=mark)
    print(f'a command after the flood is followed within {time.monotonic() - began_s:.3f} s')
    end_session(site, controller)
    story = site.stories.wait_for(lambda story: story.end_reason)
    assert story.end_reason == 'Clean_Stop'
    controller.go_to_transfer(voltage_v=bus_flood.VOLTAGE_V, current_a=20.0)
    assert not [words.fault for words in site.words.heard if words.fault]
