# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is done to frames on their way to the bus, and nothing else."""

import random

import pytest

from gi3_ros.core.interface.codec import decode, encode, Received, Rejected, Rejection
from gi3_ros.core.interface.frame import Frame
from gi3_ros.core.interface.signals import (
    AdvanticsControllerStatus,
    DcPowerControl,
    EvInformationBattery,
    MESSAGES,
)
from gi3_ros.sim.wire import Disturbance, message_named, signal_of, Wire

STATUS = encode(AdvanticsControllerStatus(AdvanticsControllerStatus.State.CHARGING), index=2)
COMMAND = encode(DcPowerControl(target_voltage=400.0), index=2)
BATTERY = encode(EvInformationBattery(battery_capacity=75e3), index=2)
NAME = AdvanticsControllerStatus.NAME


def wire(*disturbances):
    wire = Wire(2, random.Random(1))
    for each in disturbances:
        wire.disturb(each)
    return wire


def test_undisturbed_frames_pass_as_they_are():
    assert wire().send([STATUS, COMMAND], now_s=1.0) == [STATUS, COMMAND]


def test_muted_until_its_time_and_only_that_message():
    line = wire(Disturbance('mute', NAME, until_s=2.0))
    assert line.send([STATUS, COMMAND], now_s=1.99) == [COMMAND]
    assert line.send([STATUS, COMMAND], now_s=2.0) == [STATUS, COMMAND]


def test_healed_message_by_message():
    line = wire(Disturbance('mute', NAME), Disturbance('mute', DcPowerControl.NAME))
    line.heal(NAME)
    assert line.send([STATUS, COMMAND], now_s=0.0) == [STATUS]
    line.heal()
    assert line.send([STATUS, COMMAND], now_s=0.0) == [STATUS, COMMAND]


def test_jitter_delays_at_most_as_long_as_said_and_keeps_the_order():
    line = wire(Disturbance('jitter', NAME, 0.05))
    arrivals = []
    for step in range(500):
        now_s = step * 0.01
        frames = [Frame(STATUS.can_id, bytes([step // 10]))] if step % 10 == 0 else []
        arrivals += [(now_s, frame.data[0]) for frame in line.send(frames, now_s=now_s)]
    delays = [time_s - number * 0.1 for time_s, number in arrivals]
    assert [number for _, number in arrivals] == list(range(50))
    assert -1e-9 <= min(delays) <= 0.01 and 0.03 < max(delays) <= 0.06


def test_duplicates():
    line = wire(Disturbance('duplicate', '', 2))
    assert line.send([STATUS, COMMAND], now_s=0.0) == [STATUS] * 3 + [COMMAND] * 3


def test_short_and_long_frames():
    short = wire(Disturbance('shorten', '', 2)).send([COMMAND, STATUS], now_s=0.0)
    assert [len(frame.data) for frame in short] == [5, 0]
    assert all(decode(frame).kind is Rejection.SHORT for frame in short)
    long, = wire(Disturbance('lengthen', '', 8)).send([COMMAND], now_s=0.0)
    assert len(long.data) == 8
    assert decode(long).message == decode(COMMAND).message


@pytest.mark.parametrize('cls', [each for each in MESSAGES.values() if each.FROM_CONTROLLER])
def test_reserved_bits_are_those_that_no_signal_owns(cls):
    frame = encode(cls(), index=2)
    changed, = wire(Disturbance('reserved')).send([frame], now_s=0.0)
    owned = sum((1 << signal.length) - 1 << signal.start for signal in cls.SIGNALS)
    before, after = (int.from_bytes(each.data, 'little') for each in (frame, changed))
    assert len(changed.data) == cls.LENGTH
    assert after ^ before == (1 << 8 * cls.LENGTH) - 1 & ~owned


def test_any_raw_number_can_be_set():
    frames = wire(
        Disturbance('set', NAME, 13, signal='State'),
        Disturbance('set', DcPowerControl.NAME, 3, signal='Power_Function'),
        Disturbance('set', DcPowerControl.NAME, -10, signal='Current_Range_Max'),
    ).send([STATUS, COMMAND], now_s=0.0)
    status, command = (decode(frame) for frame in frames)
    assert status.undefined == ('State=13',)
    assert command.undefined == ('Power_Function=3',)
    assert command.message.current_range_max == -1.0
    assert command.message.target_voltage == 400.0


def test_newer_versions_send_more_and_the_known_part_stays():
    line = wire(Disturbance('newer', version='3.4'))
    frames = line.send([BATTERY], now_s=0.0)
    assert len(frames[0].data) == 6
    assert decode(frames[0]).message == decode(BATTERY).message
    added = [frame.can_id & 0xFFFFFF for frame in frames[1:]]
    assert added == [0x6B104, 0x6B105, 0x6B202, 0x6B203, 0x6B204]
    assert all(isinstance(decode(frame), Rejected) for frame in frames[1:])
    assert line.send([], now_s=0.5) == []
    assert len(line.send([], now_s=1.0)) == 5


def test_bus_off_lets_nothing_through_and_nothing_comes_later():
    line = wire(Disturbance('bus_off', until_s=1.0))
    assert line.is_bus_off
    assert line.send([STATUS], now_s=0.5) == []
    assert line.send([COMMAND], now_s=1.0) == [COMMAND]
    assert not line.is_bus_off


def test_frames_of_ones_own():
    line = wire()
    own = Frame(0x123, b'\x01', is_extended=False)
    line.inject(own)
    assert line.send([STATUS], now_s=0.0) == [STATUS, own]
    assert line.send([], now_s=0.1) == []


def test_names_that_there_are_not_are_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match='DC_Power_Control'):
        message_named('Power_Modules_Status')
    with pytest.raises(ValueError, match='Target_Voltage'):
        signal_of(DcPowerControl, 'Voltage')


def test_the_frames_of_the_tests_are_good_ones():
    assert all(isinstance(decode(frame), Received) for frame in (STATUS, COMMAND, BATTERY))
