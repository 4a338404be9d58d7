# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a test run must not do: command power, simulated as it may be, on somebody's network."""

import os
import pathlib
import re
import socket
import subprocess
import sys

import pytest

from gi3_ros import msg as ros
from gi3_ros.dds import PROFILES

HERE = (socket.inet_aton('127.0.0.1'), socket.inet_aton('239.255.0.1'))
"""Loopback, and the group in which DDS looks for others; the profile binds it to loopback."""

LISTENER = """
import pathlib, sys, rclpy
from gi3_ros import msg
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.task import Future
rclpy.init()
node = rclpy.create_node('listener')
done = Future()
node.create_subscription(
    msg.ChargeSession, sys.argv[1], done.set_result,
    QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
rclpy.spin_until_future_complete(node, done, timeout_sec=40.0)
shares = '/dev/shm/fast' in pathlib.Path('/proc/self/maps').read_text()
print('heard, through shared memory for its own part:' if done.done() else 'not heard', shares)
"""
"""A node of somebody else, as ROS makes it."""


def open_addresses(pid):
    """Return the IPv4 addresses to which the UDP sockets of a process are bound."""
    sockets = set()
    for link in pathlib.Path(f'/proc/{pid}/fd').iterdir():
        # The folder itself is open while it is read.
        match = re.fullmatch(r'socket:\[(\d+)\]', os.readlink(link)) if link.is_symlink() else None
        if match:
            sockets.add(match[1])
    rows = [row.split() for row in pathlib.Path('/proc/net/udp').read_text().splitlines()[1:]]
    return {bytes.fromhex(row[1].partition(':')[0])[::-1] for row in rows if row[9] in sockets}


pytestmark = [
    pytest.mark.skipif(not pathlib.Path('/proc/net/udp').exists(), reason='looks into /proc'),
    pytest.mark.skipif(
        os.environ.get('RMW_IMPLEMENTATION', 'rmw_fastrtps_cpp') != 'rmw_fastrtps_cpp',
        reason='config/fastdds_loopback.xml is for Fast DDS'),
]


def shares_memory(pid):
    """Tell whether Fast DDS of this process has opened shared memory."""
    return '/dev/shm/fast' in pathlib.Path(f'/proc/{pid}/maps').read_text()


@pytest.mark.parametrize('variables', [
    {},
    {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'},
    {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SYSTEM_DEFAULT', 'ROS_LOCALHOST_ONLY': '1'},
], ids=['as the tests are', 'localhost', 'localhost of old'])
def test_nodes_speak_on_loopback_only_and_not_through_shared_memory(
        world, start_process, monkeypatch, variables):
    if variables:  # of a user, who has no profile
        for name in PROFILES:
            monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    stories = world.listen(ros.ChargeSession, 'charge_session', latched=True)
    node = start_process(
        'session', '--ros-args', '-r', f'__ns:={world.pistol}', '-p', 'autostart:=true')
    stories.wait_for(timeout_s=30.0)
    for pid in (os.getpid(), node.pid):
        addresses = open_addresses(pid)
        assert HERE[0] in addresses
        assert addresses <= set(HERE), [socket.inet_ntoa(each) for each in addresses]
        assert not shares_memory(pid)


def test_nobody_of_the_demo_shares_memory(seat, start_process, tmp_path):
    demo = start_process('gi3', 'demo', '--duration-s', 60, '--log-dir', tmp_path)
    demo.wait_for_line('calls the service authorise', timeout_s=60)
    children = [int(pid) for pid in re.findall(r'started the .*, process (\d+)', demo.text)]
    assert len(children) == 3
    for pid in (demo.pid, *children):
        assert not shares_memory(pid), pid


def test_a_tool_with_localhost_hears_the_nodes(world, start_process, tmp_path, monkeypatch):
    for name in PROFILES:
        monkeypatch.delenv(name)
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    start_process(
        'session', '--ros-args', '-r', f'__ns:={world.pistol}', '-p', 'autostart:=true')
    tool = subprocess.run(
        [sys.executable, '-c', LISTENER, f'{world.pistol}/charge_session'],
        cwd=tmp_path, stdout=subprocess.PIPE, text=True, timeout=60.0, check=True)
    assert tool.stdout == 'heard, through shared memory for its own part: True\n'
