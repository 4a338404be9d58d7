# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the tests of bags have in common: a few seconds of a bus, and bags of others."""

import functools

from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from gi3_ros.core.interface.codec import decode, encode, Received
from gi3_ros.core.interface.frame import Frame
from gi3_ros.core.interface.signals import (
    AdvanticsControllerStatus,
    DcPowerControl,
    DcPowerParameters,
    MESSAGES,
    NewChargeSession,
    PowerModulesStatus,
)
from gi3_ros.logs import ros_types
from gi3_ros.logs.entries import Heard, Sample

START_NS = 1_780_000_000_000_000_000
STORAGES = {'mcap': StoragePlugin.MCAP, 'sqlite3': StoragePlugin.SQLITE3}
PERIOD_NS = 100_000_000
State = AdvanticsControllerStatus.State


@functools.cache
def heard(count=60):
    """Return frames of both ends, 25 ms apart: heartbeats, commands, measurements."""
    frames = []
    for number in range(count):
        message = (
            AdvanticsControllerStatus(State.CHARGING),
            NewChargeSession(),
            DcPowerControl(target_voltage=400.0 + number / 10, current_range_max=-3276.8),
            PowerModulesStatus(present_voltage=399.9, present_current=-0.1 * number),
        )[number % 4]
        frames.append(Heard(
            START_NS + number * 25_000_000, encode(message, index=1 + number % 3), 'can0',
            not message.FROM_CONTROLLER))
    return tuple(frames)


def strange():
    """Return what a bus may carry besides: of others, too long, too short, without a meaning."""
    ours = encode(DcPowerParameters(), index=4)
    frames = (
        Frame(0x123, b'\x01\x02', is_extended=False),
        Frame(0x1ABCDEF0, b''),
        Frame(ours.can_id, ours.data[:3]),
        Frame(0x0106B000, b'\xff'),
        Frame(0x0106B000, b'\x07\x01\x02'),
        Frame(0x0106B777, b'12345678'),
        Frame(0x20, b'\0\0\0\0\0\0\0\x80', is_error=True),
        Frame(0x0106B000, b'', is_remote=True),
    )
    return tuple(
        Heard(START_NS + number, frame, channel, bool(number % 2))
        for number, frame in enumerate(frames) for channel in ('', 'can1'))


def sample(time_ns=START_NS, namespace='pistol1', voltage=400.0):
    """Return a message of the edge to the hardware."""
    message = ros_types.typestore().types['gi3_ros/msg/PowerSetpoint'](
        header=ros_types.header(time_ns), mode=1, voltage=voltage, current=-1.5, reason='charge')
    return Sample(time_ns, namespace, 'power_setpoint', message, 1)


def all_messages():
    """Return a message of every frame of the interface, each field with a value of its own."""
    for message_class in MESSAGES.values():
        length = message_class.LENGTH
        message = decode(Frame(
            message_class.BASE_ID | 1 << 24, bytes(range(0x11, 0x11 + length)))).message
        yield message


def write_bag(path, messages, *, storage='mcap', compression=None, store=None):
    """
    Write a bag as others do, with the library's own writer.

    :param messages: of (topic, time, message)
    :param compression: 'file', 'message' or 'storage'
    """
    store = store or ros_types.typestore()
    writer = Writer(path, version=9, storage_plugin=STORAGES[storage])
    if compression:
        writer.set_compression(CompressionMode[compression.upper()], CompressionFormat.ZSTD)
    with writer:
        connections = {}
        for topic, time_ns, message in messages:
            if topic not in connections:
                connections[topic] = writer.add_connection(
                    topic, message.__msgtype__, typestore=store)
            writer.write(
                connections[topic], time_ns, store.serialize_cdr(message, message.__msgtype__))


def typed(entries, *, prefix='pistol', delay_ns=2_000_000):
    """Yield what the nodes publish of frames, recorded a little later."""
    for entry in entries:
        received = decode(entry.frame)
        assert isinstance(received, Received)
        # A recorder may hear a word to the controller later than the controller's answer.
        stamp_ns = entry.time_ns
        time_ns = entry.time_ns + (60_000_000 if entry.is_sent else delay_ns)
        yield (
            f'/{prefix}{received.index}/{received.message.TOPIC}', time_ns,
            ros_types.to_typed(received.message, stamp_ns))
