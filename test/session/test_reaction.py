# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How fast a charger reacts, measured over real processes, and what brings no power back."""

import itertools
import math
import random
import signal
import statistics
import time

import pytest

from gi3_ros import srv
from gi3_ros.core.hardware import DRIVER_TIMEOUT_S, ModulesMode
from gi3_ros.core.interface import signals

pytestmark = [
    pytest.mark.timeout(120, func_only=True),  # waiting for a seat does not count
    pytest.mark.usefixtures('quick'),
]
State = signals.AdvanticsControllerStatus.State
Function = signals.DcPowerControl.PowerFunction
STATUS = signals.AdvanticsControllerStatus
COMMAND = signals.DcPowerControl
R1_S = 0.2
R5_S = 0.025
"""Within this time a controller answers its vehicle."""
BUSY_MACHINE_S = 0.05
"""What the median of many reactions may be late on a machine that runs other things, too."""
TICK_S = 0.01
"""power_control decides this often when nothing happens."""

SILENCES = 10
SETPOINTS = 200
STOPS = 30


def is_off(setpoint):
    return setpoint.mode == ModulesMode.OFF


def is_power(setpoint):
    return setpoint.mode == ModulesMode.REGULATE


def tell(what, took_s):
    """Print one line about many reactions; durations in seconds."""
    ordered_ms = sorted(1e3 * each_s for each_s in took_s)
    # The smallest that 99 % do not exceed; of less than 100 it is the worst.
    percentile_ms = ordered_ms[math.ceil(0.99 * len(ordered_ms)) - 1]
    print(f'{what:<66} {len(ordered_ms):4d} times, in ms: '
          f'median {statistics.median(ordered_ms):6.1f}, 99th percentile {percentile_ms:6.1f}, '
          f'worst {ordered_ms[-1]:6.1f}')


def tell_both(what, reactions):
    """Print a line for the decisions and one for their arrival; ``(decided_s, heard_s)`` each."""
    for verb, took_s in zip(('decided', 'heard'), zip(*reactions, strict=True), strict=True):
        tell(f'{what}, {verb}', took_s)


def median_decision_s(reactions):
    return statistics.median(decided_s for decided_s, _ in reactions)


# A silent controller


def test_silence_takes_the_power_in_time_and_frames_do_not_bring_it_back(
        site, world, controller, seconds):
    generator = random.Random(20240308)
    reactions = []
    for number in range(SILENCES):
        # What the charger does triggers our next step: without this the beat would always meet
        # its tick in the same phase.
        time.sleep(generator.uniform(0.0, TICK_S))
        controller.speak()
        # No vehicle has so low a battery, but what it leaves on the output is safe: the next
        # session need not wait until it is emptied.
        controller.go_to_transfer(battery_v=15.0, voltage_v=19.0, current_a=10.0)
        reactions.append(fall_silent(
            site, controller, seconds, commands_too=number % 2 == 0))
        decided_s, _ = reactions[-1]
        assert decided_s >= R1_S, f'number {number}: {reactions}'
        look_for_power_that_comes_back(site, world, controller)
        controller.break_off()
    tell_both('last 0x6B000 -> MODE_OFF', reactions)
    assert median_decision_s(reactions) <= R1_S + BUSY_MACHINE_S
    assert 'would have suffered' not in site.modules.text


def fall_silent(site, controller, seconds, *, commands_too):
    """Fall silent in a transfer and see the power go; returns the two durations in seconds."""
    mark = site.setpoints.mark
    # R1 is about the status alone: also when commands come as before, the power has to go.
    controller.fall_silent(commands_too=commands_too)
    off = site.setpoints.wait_for(is_off, after=mark)
    heard_s, at = next(
        (heard_s, at) for heard_s, at in heard_since(site.setpoints, mark) if is_off(at))
    assert at is off
    off_s = seconds(off.header.stamp)
    assert (off.voltage, off.current) == (0.0, 0.0)
    assert 'controller silent' in off.reason
    last_s = site.witness.of(STATUS)[-1].at_s
    assert last_s < off_s
    gone = site.measurements.wait_for(
        lambda measured: seconds(measured.header.stamp) > off_s and abs(measured.current) < 0.1)
    assert seconds(gone.header.stamp) - off_s < DRIVER_TIMEOUT_S, 'on command, not by itself'
    site.assert_no_current_after(seconds(gone.header.stamp), readings=1)
    return off_s - last_s, heard_s - last_s


def look_for_power_that_comes_back(site, world, controller):
    """Go on as if nothing had been, before and after the fault is reset: it stays off."""
    mark, readings = site.setpoints.mark, site.measurements.mark
    site.words.wait_for(
        lambda words: 'controller silent' in words.fault, after=site.words.mark)
    controller.speak()
    site.witness.wait_for_more(COMMAND, 3)
    world.wait_until(
        lambda: world.call(srv.ResetFault, 'reset_fault').success, 'the fault can be reset')
    site.words.wait_for(lambda words: not words.fault, after=site.words.mark)
    site.witness.wait_for_more(COMMAND, 3)
    assert site.witness.of(STATUS)[-1].data[0] == State.CHARGING
    assert site.witness.of(COMMAND)[-1].command[3] & 0xF == Function.POWER_TRANSFER
    assert not any(map(is_power, site.setpoints.heard[mark:]))
    assert not any(abs(reading.current) > 0.1 for reading in site.measurements.heard[readings:])


# Commands


def test_a_command_moves_the_setpoint_before_the_vehicle_wants_an_answer(
        site, controller, seconds):
    generator = random.Random(20240309)
    controller.speak()
    controller.go_to_transfer()

    def command_and_await(is_there, command, *args, **options):
        mark = site.setpoints.mark
        command(*args, **options)
        site.setpoints.wait_for(is_there, after=mark)
        # Any phase of the charger's tick.
        time.sleep(generator.uniform(0.0, 0.02))

    # The current goes to its setpoint over many ticks. The voltage gets there in two or three,
    # and nothing but a command moves it: up and down in turns, so that each first step of its
    # ramp can only be due to its own command.
    mark = (site.witness.heard.mark, site.setpoints.mark)
    targets_v = [
        round(400.0 + (-1) ** number * generator.uniform(5.0, 10.0), 1)
        for number in range(SETPOINTS)]
    for target_v in targets_v:
        command_and_await(
            lambda setpoint, target_v=target_v: setpoint.voltage == pytest.approx(target_v),
            controller.transfer, voltage_v=target_v, current_a=20.0)
    setpoints = follow(site, mark, seconds)
    moves = [reaction for reaction, _ in setpoints]
    tell_both('DC_Power_Control with another voltage -> power_setpoint', moves)
    # With the one in force before: the first target may be reached in a single step.
    turns_v = turning_points([at.voltage for at in site.setpoints.heard[mark[1] - 1:]])
    assert turns_v[-len(targets_v):] == pytest.approx(targets_v), 'all are reached, in order'
    assert all(map(is_power, site.setpoints.heard[mark[1]:]))

    mark = (site.witness.heard.mark, site.setpoints.mark)
    for target_v in targets_v[:STOPS]:
        command_and_await(is_off, controller.command, Function.STANDBY)
        command_and_await(is_power, controller.transfer, voltage_v=target_v, current_a=20.0)
    reactions = follow(site, mark, seconds)
    stops = [reaction for reaction, setpoint in reactions if is_off(setpoint)]
    starts = [reaction for reaction, setpoint in reactions if is_power(setpoint)]
    tell_both('DC_Power_Control Standby -> MODE_OFF', stops)
    tell_both('DC_Power_Control Power_Transfer -> MODE_REGULATE', starts)
    assert len(stops) == len(starts) == STOPS
    for each in (moves, stops, starts):
        assert min(decided_s for decided_s, _ in each) > 0.0, 'no reaction before its cause'
        assert median_decision_s(each) <= R5_S
    assert not any(words.fault for words in site.words.heard)
    assert 'would have suffered' not in site.modules.text


def turning_points(values):
    """Return the values at which a sequence turns, and its last."""
    different = [value for value, _ in itertools.groupby(values)]
    return [
        value for before, value, after in zip(different, different[1:], different[2:],
                                               strict=False)
        if (value - before) * (after - value) < 0
    ] + different[-1:]


def heard_since(recorder, mark):
    """Return what was heard since a mark, each with the time in seconds at which it was."""
    return list(zip(recorder.heard_at_s[mark:], recorder.heard[mark:], strict=False))


def follow(site, mark, seconds):
    """
    Pair all commands since a mark with the setpoint that each moved, the first in its direction.

    :param mark: of the witness and of the setpoints, taken when a setpoint was in force
    :returns: for each command ``(decided_s, heard_s)``, the time from its arrival on the bus to
        the setpoint's stamp and to its reception in this process, and the setpoint
    """
    site.witness.wait_for_more(STATUS, 2)  # the last command is heard ..
    commands = site.witness.of(COMMAND)
    before = sum(frame.base_id == COMMAND.BASE_ID for frame in site.witness.heard.heard[:mark[0]])
    # Repeated when this process was late, the one in force at the mark as well.
    commands = [next(same) for _, same in itertools.groupby(
        commands[before - 1:], lambda frame: frame.data)][1:]
    # .. and so is all that it moved: setpoints come in order, and 20 times a second at least.
    site.setpoints.wait_for(
        lambda setpoint: seconds(setpoint.header.stamp) > commands[-1].at_s + 0.1, after=mark[1])
    setpoints = itertools.pairwise(heard_since(site.setpoints, mark[1] - 1))
    found, last_v = [], site.setpoints.heard[mark[1] - 1].voltage
    for command in commands:
        voltage_v, _, _, bits = command.command
        is_stop = bits & 0xF == Function.STANDBY
        for (_, before), (heard_s, setpoint) in setpoints:
            if has_moved(before, setpoint, is_stop=is_stop, by_v=voltage_v - last_v):
                decided_s = seconds(setpoint.header.stamp)
                found.append(((decided_s - command.at_s, heard_s - command.at_s), setpoint))
                last_v = voltage_v
                break
        else:
            pytest.fail(f'command {len(found)} of {len(commands)} moved nothing: {command}')
    return found


def has_moved(before, setpoint, *, is_stop, by_v):
    """Tell whether a setpoint differs from the one before in the direction of a command."""
    if is_stop:
        return is_off(setpoint) and not is_off(before)
    if not is_power(setpoint):
        return False
    return not is_power(before) or (setpoint.voltage - before.voltage) * by_v > 0


# A charger that starts in the middle


def test_a_charger_killed_and_started_anew_has_no_power_for_the_session_it_finds(
        site, world, controller, seconds):
    controller.speak()
    controller.go_to_transfer()
    site.charger.signal(signal.SIGKILL)
    site.charger.exit_status()
    killed_s = time.time()
    # What the dead one had sent is heard by now, long before the new one is up.
    charger = site.start_charger()
    charger.wait_for_line('a session is running .* not seen begin')
    site.setpoints.wait_for(after=site.setpoints.mark + 10)
    site.witness.wait_for_more(COMMAND, 5)
    assert site.witness.of(STATUS)[-1].data[0] == State.CHARGING
    assert site.witness.of(COMMAND)[-1].command[3] & 0xF == Function.POWER_TRANSFER
    assert_no_power_since(killed_s, site, seconds)
    site.assert_no_current_after(killed_s + DRIVER_TIMEOUT_S + BUSY_MACHINE_S, readings=1)
    wait_until_empty(site, world)
    controller.break_off()
    assert_no_power_since(killed_s, site, seconds)

    mark = site.setpoints.mark
    controller.go_to_transfer()
    assert any(map(is_power, site.setpoints.heard[mark:]))
    assert charger.is_running
    assert 'would have suffered' not in site.modules.text


def assert_no_power_since(since_s, site, seconds):
    """Look at all setpoints decided since then; there are some."""
    decided = [
        setpoint for setpoint in site.setpoints.heard if seconds(setpoint.header.stamp) > since_s]
    assert decided
    assert not any(map(is_power, decided))


def wait_until_empty(site, world):
    """Wait until the driver obeys the new charger, which empties the output before a session."""
    def is_empty():
        if 'output does not fall' in site.words.last.fault:
            # The driver has not discovered it in time.
            print(f'reset: {site.words.last.fault}')
            world.call(srv.ResetFault, 'reset_fault')
        return site.measurements.last.voltage <= 20.0

    world.wait_until(is_empty, 'the output is empty', timeout_s=20.0)
