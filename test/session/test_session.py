# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whole sessions: charger, power modules and simulator, each in a process of its own."""

import itertools
import random
import re
import signal
import time

import can
from diagnostic_msgs.msg import DiagnosticArray
import pytest

from gi3_ros import convert, srv
from gi3_ros import msg as ros
from gi3_ros.core.hardware import ModulesMode, Stage
from gi3_ros.core.interface import signals

pytestmark = pytest.mark.timeout(120, func_only=True)  # waiting for a seat does not count
State = signals.AdvanticsControllerStatus.State
STATUS = signals.AdvanticsControllerStatus
COMMAND = signals.DcPowerControl
PMS = signals.PowerModulesStatus
R1_S = 0.2
REACTION_S = 0.02
"""For deciding and sending, on top of R1."""
BUSY_MACHINE_S = 0.1
"""On top of that, for a machine that runs other things than a charger."""


def is_off(setpoint):
    return setpoint.mode == ModulesMode.OFF


def energy_wh_of(simulator):
    """Return what went into the vehicle's battery, from the simulator's last word."""
    return float(re.search(r'; (\d+) Wh in ', simulator.output.last)[1])


def assert_clean(simulator):
    assert simulator.exit_status(timeout_s=60.0) == 0, simulator.text
    assert 'CLEAN_STOP' in simulator.output.last
    assert 'no rule broken by the charger' in simulator.output.last


def test_a_whole_session_ends_clean_and_its_topics_tell_the_truth(site, world, seconds):
    commands = world.listen(ros.DcPowerControl, 'dc_power_control')
    pms = world.listen(ros.PowerModulesStatus, 'power_modules_status')
    simulator = site.plug_in(duration_s=4)
    site.wait_for_charging(current_a=10.0)
    for cls in convert.MESSAGE_CLASSES:
        topic = f'{world.pistol}/{cls.TOPIC}'
        ends = (world.node.get_publishers_info_by_topic(topic) if cls.FROM_CONTROLLER
                else world.node.get_subscriptions_info_by_topic(topic))
        types = [end.topic_type for end in ends if end.node_name == 'gateway']
        assert types == [f'gi3_ros/msg/{cls.__name__}'], topic
    assert_clean(simulator)
    finished = site.stories.wait_for(lambda story: story.end_reason)
    assert finished.end_reason == 'Clean_Stop'

    seen = site.witness.of(COMMAND)
    assert len(commands.heard) == len(seen) > 50
    for frame, command in zip(seen, commands.heard, strict=True):
        bits = (
            command.power_function | command.setpoints_mode << 5
            | command.output_contactors << 6 | command.lower_output_voltage << 7)
        assert frame.command == (
            command.target_voltage, command.current_range_max, command.current_range_min, bits)
    lags_s = [
        seconds(command.header.stamp) - frame.at_s
        for frame, command in zip(seen, commands.heard, strict=True)]
    print(f'stamp of a command against its arrival: {1e3 * max(map(abs, lags_s)):.2f} ms at most')
    assert max(map(abs, lags_s)) < 0.01

    in_session = [
        frame.at_s for frame in site.witness.of(PMS)
        if seen[0].at_s < frame.at_s < seen[-1].at_s]
    gaps_s = [later - sooner for sooner, later in itertools.pairwise(in_session)]
    print(f'Power_Modules_Status: {len(gaps_s)} gaps, {1e3 * max(gaps_s):.0f} ms at most')
    assert max(gaps_s) < 0.5, 'R3'
    sent = {message.present_current for message in pms.heard}
    assert max(sent) > 90.0

    charged_wh, stored_wh = finished.energy_charged, energy_wh_of(simulator)
    print(f'energy: {charged_wh:.1f} Wh measured, {stored_wh:.0f} Wh in the battery')
    assert charged_wh == pytest.approx(stored_wh, rel=0.05, abs=1.0)
    assert finished.peak_power == pytest.approx(100.0 * 380.0, rel=0.05)
    phases = [name for name, _ in itertools.groupby(
        story.phase_name for story in site.stories.heard)]
    assert phases[phases.index('NEGOTIATING'):] == [
        'NEGOTIATING', 'PREPARING', 'INSULATION_TEST', 'PRECHARGE', 'WAITING', 'CHARGING',
        'ENDING', 'FINISHED', *phases[phases.index('FINISHED') + 1:]]


def random_frame(generator, identifiers):
    """Make a frame with one of the identifiers (number, extended or not) and random bytes."""
    can_id, is_extended = identifiers(generator)
    return can.Message(
        arbitration_id=can_id, is_extended_id=is_extended,
        data=generator.randbytes(generator.randrange(9)))


def strangers(generator):
    """Choose an identifier of somebody else: any, or the interface's on other indices."""
    kind = generator.randrange(3)
    if kind == 0:
        return generator.getrandbits(11), False
    if kind == 1:
        other = generator.choice((0, *range(2, 32)))
        return generator.choice(convert.MESSAGE_CLASSES).BASE_ID | other << 24, True
    return generator.getrandbits(29), True


HARMLESS = [
    cls for cls in convert.MESSAGE_CLASSES
    if cls.FROM_CONTROLLER and cls not in (
        STATUS, signals.EmergencyStop, signals.ChargeSessionFinished)
]
"""From the controller, and rubbish in them must not end a session."""


def own_rubbish(generator):
    """Choose an identifier of our own controller."""
    return generator.choice(HARMLESS).BASE_ID | 1 << 24, True


def flood(witness, frames, *, per_s):
    """Send frames at a rate, or as fast as the machine can."""
    begin_s = time.monotonic()
    for number, frame in enumerate(frames):
        witness.send(frame)
        ahead_s = begin_s + number / per_s - time.monotonic()
        if ahead_s > 0.01:
            time.sleep(ahead_s)
    print(f'{len(frames)} random frames in {time.monotonic() - begin_s:.1f} s')


def test_a_flood_of_random_frames_does_not_disturb_a_session(site, world):
    diagnostics = world.listen(DiagnosticArray, '/diagnostics')
    simulator = site.plug_in()
    generator = random.Random(20240307)
    foreign = [random_frame(generator, strangers) for _ in range(10_000)]
    own = [random_frame(generator, own_rubbish) for _ in range(1_000)]
    site.wait_for_charging()
    mark = site.setpoints.mark
    # About the most that a bus with 500 kbit/s carries; of our own index ten times the usual.
    flood(site.witness, foreign, per_s=2500)
    flood(site.witness, own, per_s=500)
    site.measurements.wait_for(lambda m: m.current > 90.0, after=site.measurements.mark)
    flooded = site.setpoints.heard[mark:]
    assert {setpoint.mode for setpoint in flooded} == {ModulesMode.REGULATE}
    assert max(setpoint.current for setpoint in flooded) <= 100.0
    assert max(setpoint.voltage for setpoint in flooded) <= 500.0
    # What was refused is told.
    for node, key in [('gateway', 'short frame'), ('gateway', 'undefined label'),
                      ('power_control', 'command')]:
        diagnostics.wait_for(lambda array, node=node, key=key: any(
            f'{node}: ' in status.name and any(value.key == key for value in status.values)
            for status in array.status))
    assert world.call(srv.StopCharge, 'stop_charge').success
    assert_clean(simulator)
    assert site.charger.is_running
    assert site.modules.is_running
    assert 'would have suffered' not in site.modules.text
    assert not any(words.fault for words in site.words.heard)


def test_services_authorise_lower_and_stop_a_charge(site, world):
    simulator = site.plug_in('--external-authorisation')
    site.witness.wait_for_state(State.CCS_AUTHORISATION_PROCESS, timeout_s=40.0)
    assert world.call(srv.Authorise, 'authorise', valid=True).success
    site.wait_for_charging()
    contactors = world.call(
        srv.SetContactors, 'set_contactors', position=srv.SetContactors.Request.OPEN)
    assert not contactors.success
    assert 'A flow' in contactors.message
    leased_at = site.measurements.mark
    lease = world.call(
        srv.SetCurrentSetpoint, 'set_current_setpoint', current=30.0, duration=1.8,
        priority=srv.SetCurrentSetpoint.Request.PRIORITY_OPERATOR, source='test')
    assert lease.success, lease.message
    lowered = site.measurements.wait_for(
        lambda measured: 29.0 < measured.current < 31.0, after=leased_at)
    again = site.measurements.wait_for(
        lambda measured: measured.current > 90.0,
        after=site.measurements.heard.index(lowered))
    between = site.measurements.heard[
        site.measurements.heard.index(lowered):site.measurements.heard.index(again)]
    assert min(measured.current for measured in between) > 29.0
    # 0 A cannot be told to a vehicle (R33); the words say what to do instead.
    zero = world.call(
        srv.SetCurrentSetpoint, 'set_current_setpoint', current=0.0, duration=2.0,
        priority=srv.SetCurrentSetpoint.Request.PRIORITY_OPERATOR, source='test')
    assert not zero.success
    assert 'stop_charge' in zero.message
    assert world.call(srv.StopCharge, 'stop_charge').success
    assert_clean(simulator)
    pressed = [frame.data[2] & 1 for frame in site.witness.of(signals.SequenceControl)]
    assert [value for value, _ in itertools.groupby(pressed)] == [0, 1, 0], 'one edge (R39)'


def test_a_killed_controller_loses_the_power_at_once(site, world, seconds):
    simulator = site.plug_in()
    site.wait_for_charging()
    simulator.signal(signal.SIGKILL)
    simulator.exit_status()
    last_status_s = site.witness.of(STATUS)[-1].at_s
    off = site.setpoints.wait_for(
        lambda setpoint: is_off(setpoint) and seconds(setpoint.header.stamp) > last_status_s)
    took_s = seconds(off.header.stamp) - last_status_s
    print(f'last 0x6B000 -> zero power: {1e3 * took_s:.1f} ms '
          f'(R1 with the allowance: {1e3 * (R1_S + REACTION_S):.0f} ms)')
    assert R1_S <= took_s <= R1_S + REACTION_S + BUSY_MACHINE_S
    assert (off.voltage, off.current) == (0.0, 0.0)
    assert 'controller silent' in off.reason
    gone = site.measurements.wait_for(
        lambda measured: seconds(measured.header.stamp) > seconds(off.header.stamp)
        and abs(measured.current) <= 1.0)
    gone_s = seconds(gone.header.stamp)
    print(f'zero power -> no current: {1e3 * (gone_s - seconds(off.header.stamp)):.0f} ms')
    assert gone_s - seconds(off.header.stamp) < 0.1 + BUSY_MACHINE_S
    site.assert_no_current_after(gone_s)
    assert not site.wait_for_fault('controller silent').system_enable
    site.stages.wait_for(
        lambda status: status.stage == Stage.OPEN, after=site.stages.mark)
    mark = site.witness.heard.mark
    told = site.witness.heard.wait_for(lambda frame: frame.base_id == PMS.BASE_ID, after=mark)
    assert not told.is_allowed, 'it goes on, without System_Enable (R1)'
    refused = world.call(srv.ResetFault, 'reset_fault')
    assert not refused.success
    assert 'controller silent' in refused.message

    # The controller comes back: a reset, and the next session goes as if nothing had been.
    mark = site.witness.heard.mark
    simulator = site.plug_in()
    site.witness.wait_for_state(State.NOT_AVAILABLE, after=mark)
    world.wait_until(
        lambda: world.call(srv.ResetFault, 'reset_fault').success, 'the fault can be reset')
    site.wait_for_charging(after=mark)
    end_charger_in_charging(site, simulator, signal.SIGTERM, seconds)


def end_charger_in_charging(site, simulator, number, seconds):
    """Send a signal in State 7: the safe state first, then the end, with nothing left."""
    commands = site.commands
    mark = (site.setpoints.mark, site.witness.heard.mark, commands.mark)
    site.charger.signal(number)
    assert site.charger.exit_status(timeout_s=10.0) == 0, site.charger.text
    assert not site.charger.has_left_processes
    off = site.setpoints.wait_for(is_off, after=mark[0])
    assert 'the process was asked to end' in off.reason
    withdrawn = site.witness.heard.wait_for(
        lambda frame: frame.base_id == PMS.BASE_ID and not frame.is_allowed, after=mark[1])
    assert abs(withdrawn.at_s - seconds(off.header.stamp)) < BUSY_MACHINE_S
    # Opened by command, after the current had gone: the circuit itself would tell otherwise. (A
    # reading may be 40 ms old, and the controller's emergency stop opens at once.)
    opened = commands.wait_for(lambda command: not command.output_closed, after=mark[2])
    assert 'would have suffered' not in site.modules.text
    site.assert_no_current_after(seconds(opened.header.stamp) + BUSY_MACHINE_S)
    assert simulator.exit_status() == 1, simulator.text
    assert 'R8' in simulator.text
    assert site.modules.is_running


def test_a_killed_charger_is_an_emergency_for_the_simulator(site, seconds):
    simulator = site.plug_in()
    site.wait_for_charging()
    site.charger.signal(signal.SIGKILL)
    site.charger.exit_status()
    killed_s = time.time()
    assert simulator.exit_status() == 1, simulator.text
    last = site.witness.of(PMS)[-1]
    print(f'last Power_Modules_Status {1e3 * (killed_s - last.at_s):.0f} ms before the death')
    assert last.at_s <= killed_s
    emergency = next(
        line for line in simulator.output.heard if 'emergency stop' in line)
    assert 'R3' in emergency
    assert 'no Power_Modules_Status' in emergency
    assert 'RUSHED_STOP' in simulator.output.last
    raised = site.witness.heard.wait_for(
        lambda frame: frame.base_id == signals.EmergencyStop.BASE_ID)
    print(f'last Power_Modules_Status -> Emergency_Stop: {1e3 * (raised.at_s - last.at_s):.0f} ms')
    assert 0.5 <= raised.at_s - last.at_s < 0.6 + BUSY_MACHINE_S
    # The driver of the modules has switched off by itself, 300 ms after the last setpoint.
    site.assert_no_current_after(killed_s + 0.3 + BUSY_MACHINE_S)


def test_killed_power_modules_end_the_session_in_words(site, seconds):
    simulator = site.plug_in()
    site.wait_for_charging()
    site.modules.signal(signal.SIGKILL)
    site.modules.exit_status()
    fault = site.wait_for_fault('power modules silent')
    last_s = seconds(site.measurements.last.header.stamp)
    took_s = seconds(fault.header.stamp) - last_s
    print(f'last measurement -> fault: {1e3 * took_s:.0f} ms')
    assert 0.25 <= took_s < 0.27 + BUSY_MACHINE_S
    assert simulator.exit_status() == 1, simulator.text
    assert 'RUSHED_STOP' in simulator.output.last
    last = site.witness.of(PMS)[-1]
    assert not last.is_allowed
    assert last.at_s - last_s < 0.3 + BUSY_MACHINE_S, 'silence, as there is nothing to tell'
    assert 'power modules silent' in site.stories.wait_for(
        lambda story: story.end_reason).end_reason
    site.charger.signal(signal.SIGINT)
    assert site.charger.exit_status(timeout_s=10.0) == 0, site.charger.text
    assert not site.charger.has_left_processes
