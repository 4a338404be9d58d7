# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a test run must not do: command power, simulated as it may be, on somebody's network."""

import os
import pathlib
import re
import socket

import pytest

from gi3_ros import msg as ros

HERE = (socket.inet_aton('127.0.0.1'), socket.inet_aton('239.255.0.1'))
"""Loopback, and the group in which DDS looks for others; the profile binds it to loopback."""


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


@pytest.mark.skipif(not pathlib.Path('/proc/net/udp').exists(), reason='looks into /proc')
@pytest.mark.skipif(
    os.environ.get('RMW_IMPLEMENTATION', 'rmw_fastrtps_cpp') != 'rmw_fastrtps_cpp',
    reason='test/loopback.xml is for Fast DDS')
def test_nodes_speak_on_loopback_only_and_not_through_shared_memory(world, start_process):
    stories = world.listen(ros.ChargeSession, 'charge_session', latched=True)
    node = start_process(
        'session', '--ros-args', '-r', f'__ns:={world.pistol}', '-p', 'autostart:=true')
    stories.wait_for(timeout_s=30.0)
    for pid in (os.getpid(), node.pid):
        addresses = open_addresses(pid)
        assert HERE[0] in addresses
        assert addresses <= set(HERE), [socket.inet_ntoa(each) for each in addresses]
        assert '/dev/shm/fast' not in pathlib.Path(f'/proc/{pid}/maps').read_text()
