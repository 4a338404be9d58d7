# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What real nodes decided, recorded by a real recorder, is decided by a replay as it was then."""

import signal
import time

from click.testing import CliRunner
import pytest

from gi3_ros.core.rules.tolerances import Tolerances
from gi3_ros.logs.audit import audit
from gi3_ros.logs.bags.bag import Bag
from gi3_ros.logs.entries import Sample
from gi3_ros.logs.replay.replay import replay
from gi3_ros.tools.report import report

BUSY = Tolerances(
    status_gap_s=1.0, status_loss_s=2.0, controller_timeout_s=1.0, announcement_gap_s=1.0,
    parameters_jitter_s=0.09)
"""What a busy machine may do to the times of a recorder."""
pytestmark = pytest.mark.timeout(120, func_only=True)  # waiting for a seat does not count


@pytest.fixture
def replayed(site, world, start_process, tmp_path):
    """Return what replays everything that was recorded up to now."""
    namespace = world.pistol.strip('/')
    recorder = start_process(
        'recorder', '--ros-args', '-p', f'pistols:=[{namespace}]', '-p',
        f'output:={tmp_path / "night"}')
    recorder.wait_for_line('records .* into')

    def open_bag():
        return Bag(tmp_path / 'night', pistols={namespace: 1})

    def end():
        # On a busy machine it writes what it heard seconds ago.
        end_s = time.time()
        world.wait_until(
            lambda: all(newest_s > end_s for newest_s in newest(open_bag()).values()),
            'a recorder that has caught up', timeout_s=60.0)
        recorder.signal(signal.SIGINT)
        assert recorder.exit_status() == 0
        outcome = replay(open_bag())
        assert not outcome.remarks
        pistol, = outcome.replays
        return pistol

    return end


def newest(bag):
    """Return the newest stamp of each topic that goes on all the time, in seconds."""
    stamps = dict.fromkeys((
        'power_measurement', 'contactor_feedback', 'power_setpoint', 'power_status',
        'stage_status', 'contactor_command'), 0.0)
    for entry in bag:
        if isinstance(entry, Sample) and entry.topic in stamps:
            stamp = entry.message.header.stamp
            stamps[entry.topic] = max(stamps[entry.topic], stamp.sec + stamp.nanosec * 1e-9)
    return stamps


def differences(pistol):
    return [
        (each.field.name, f'{each.begin_s:.2f} to {each.end_s:.2f}', each.then, each.now)
        for each in pistol.comparison.differences]


def test_a_whole_session(site, replayed):
    simulator = site.plug_in(duration_s=3)
    assert simulator.exit_status(timeout_s=60.0) == 0, simulator.text
    pistol = replayed()
    assert differences(pistol) == []
    assert not pistol.faults_now
    assert 'POWER_TRANSFER' in {row.now for row in pistol.comparison.phases}
    assert pistol.assumed_contacts == 0
    # A ramp that begins a tick later looks like a lower limit for as long as it lasts: a second.
    assert pistol.corrected <= 20


def test_nobody_broke_a_rule_and_the_page_shows_the_charge(
        site, world, replayed, tmp_path):
    simulator = site.plug_in(duration_s=3)
    assert simulator.exit_status(timeout_s=60.0) == 0, simulator.text
    replayed()
    namespace = world.pistol.strip('/')
    # Nobody but the controller that ended, and was recorded a little longer.
    found = [
        (each.finding.who, each.finding.rule)
        for each in audit(Bag(tmp_path / 'night', pistols={namespace: 1}), BUSY)]
    assert found in ([], [('controller', 'R1')])
    page = tmp_path / 'night.html'
    result = CliRunner().invoke(report, [
        str(tmp_path / 'night'), '-o', str(page), '--pistol', f'{namespace}=1'])
    assert result.exit_code == 0, result.output
    text = page.read_text(encoding='utf-8')
    assert 'Clean_Stop' in text
    # Of topics, which a log of the bus does not have.
    assert 'POWER TRANSFER' in text and 'output stage' in text


def test_a_session_that_ends_in_a_fault(site, replayed):
    simulator = site.plug_in()
    site.wait_for_charging()
    simulator.signal(signal.SIGKILL)
    site.wait_for_fault('controller silent')
    pistol = replayed()
    assert differences(pistol) == []
    assert 'controller silent' in pistol.faults_then[0].text
    assert pistol.faults_now[0].text.startswith('controller silent')
    assert pistol.faults_now[0].time_s == pytest.approx(pistol.faults_then[0].time_s, abs=0.1)
