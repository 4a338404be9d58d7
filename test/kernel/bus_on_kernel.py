# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
bus.py against a real kernel: run by test_on_a_real_kernel.py, where SocketCAN is.

Each test has an interface of its own; nothing sleeps for longer than what is waited for.
"""

import contextlib
import itertools
import os
import pty
import re
import select
import shutil
import socket
import struct
import subprocess
import termios
import time

import can
import pytest

from gi3_ros.bus import Bus, BusError, open_bus
from gi3_ros.bus_state import Condition, Errors
from gi3_ros.core.interface import codec
from gi3_ros.core.interface.frame import Frame

FRAME = Frame(0x0106B000, b'\x07')
OURS = Frame(0x01063000, bytes(8))
ERROR = 0x20000000
NUMBERS = itertools.count()
N_SLCAN = 17
IP = shutil.which('ip', path=f'{os.environ["PATH"]}:/sbin:/usr/sbin')
TC = shutil.which('tc', path=f'{os.environ["PATH"]}:/sbin:/usr/sbin')


def ip(*words):
    subprocess.run([IP, *map(str, words)], check=True)


class Link:
    """A vcan interface, and another end on it."""

    def __init__(self):
        self.name = f'vcan{100 + next(NUMBERS)}'
        self.words = []
        self._ends = []

    def create(self, *, up=True):
        ip('link', 'add', self.name, 'type', 'vcan')
        # For frames of CAN FD.
        ip('link', 'set', self.name, 'mtu', 72)
        if up:
            self.up()

    def up(self):
        ip('link', 'set', self.name, 'up')

    def down(self):
        ip('link', 'set', self.name, 'down')

    def delete(self):
        ip('link', 'delete', self.name)

    def bus(self, **options):
        """Return a :class:`Bus` whose sentences go to ``words``."""
        bus = Bus('socketcan', self.name, on_event=self.words.append, **options)
        self._ends.append(bus.close)
        return bus

    def other_end(self):
        """Return a bus of python-can, as it is."""
        bus = can.Bus(interface='socketcan', channel=self.name, fd=True)
        self._ends.append(bus.shutdown)
        return bus

    def inject(self, error_class, data=bytes(8)):
        """Put an error frame on the bus, as a driver does."""
        with socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW) as raw:
            raw.bind((self.name,))
            raw.send(struct.pack('=IB3x8s', ERROR | error_class, 8, data))

    def close(self):
        for end in self._ends:
            end()
        subprocess.run([IP, 'link', 'delete', self.name], check=False, capture_output=True)


@pytest.fixture
def link():
    """Give a :class:`Link` whose interface is up."""
    link = Link()
    link.create()
    yield link
    link.close()


@pytest.fixture
def no_link():
    """Give a :class:`Link` whose interface is not there."""
    link = Link()
    yield link
    link.close()


def wait_until(bus, is_so, *, within_s=15.0):
    """Listen until something holds; return the frames that came meanwhile."""
    frames, end_s = [], time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < end_s, (bus.condition, bus.trouble)
        arrived = bus.receive(0.05)
        if arrived is not None:
            frames.append(arrived[0])
    return frames


def message(frame):
    return can.Message(
        arbitration_id=frame.can_id, data=frame.data, is_extended_id=frame.is_extended)


def hear(bus):
    """Return the frames that have come by now."""
    frames = []
    while (arrived := bus.receive(0.02)) is not None:
        frames.append(arrived[0])
    return frames


def test_frames_go_and_come_without_an_echo(link):
    bus, other = link.bus(), link.other_end()
    assert bus.send(OURS)
    assert bytes(other.recv(5.0).data) == OURS.data
    other.send(message(FRAME))
    assert hear(bus) == [FRAME]
    assert (bus.is_open, bus.echoes, link.words) == (True, False, [])


def test_identical_frames_of_a_second_charger_are_all_heard(link):
    """What is not echoed needs no memory of echoes, which would take them for ours."""
    bus, other = link.bus(indices=[1]), link.other_end()
    for _ in range(20):
        assert bus.send(OURS)
        other.send(message(OURS))
    assert hear(bus) == 20 * [OURS]


FOREIGN = [
    Frame(0x0206B000, b'\x07'), Frame(0x0406B003, bytes(7)), Frame(0x01068009, b'\x07'),
    Frame(0x0106FFFF & ~0x7000, bytes(8)), Frame(0x18FF50E5, bytes(8)), Frame(0x0006B000, b'\x07'),
    Frame(0x123, bytes(8), is_extended=False), Frame(0x60, b'', is_extended=False),
]
"""Another pistol, an older interface, a stranger, the placeholder index, 11 bits."""
OF_PISTOLS = [
    FRAME, OURS, Frame(0x0106B7FF, bytes(8)), Frame(0x01063202, bytes(8)),
    Frame(0x0306B000, b'\x07')]
"""Controller, a second charger, newer versions of both sides, the other pistol of ours."""


def test_the_kernel_keeps_foreign_frames_away(link):
    bus, other = link.bus(indices=[1, 3]), link.other_end()
    for frame in FOREIGN:
        other.send(message(frame))
    # Nothing waits at the socket: they never cost this process anything.
    assert not select.select([bus._bus.socket], [], [], 0.2)[0]
    for frame in OF_PISTOLS:
        other.send(message(frame))
    link.inject(0x004, b'\0\x08' + bytes(6))
    heard = hear(bus)
    assert [frame for frame in heard if not frame.is_error] == OF_PISTOLS
    assert [frame.is_error for frame in heard].count(True) == 1
    assert bus.warning


def test_as_many_filters_as_there_can_be_pistols(link):
    bus, other = link.bus(indices=range(1, 32)), link.other_end()
    for index in range(32):
        other.send(message(Frame(0x6B000 | index << 24, b'\x07')))
    assert [frame.can_id >> 24 for frame in hear(bus)] == list(range(1, 32))


def test_who_asks_for_no_filter_hears_everything(link):
    bus, other = link.bus(), link.other_end()
    for frame in FOREIGN + OF_PISTOLS:
        other.send(message(frame))
    assert hear(bus) == FOREIGN + OF_PISTOLS


def test_the_filters_are_there_again_after_the_interface_was_gone(link):
    bus = link.bus(indices=[1])
    link.delete()
    wait_until(bus, lambda: bus.condition is Condition.ABSENT)
    link.create()
    wait_until(bus, lambda: bus.is_open)
    other = link.other_end()
    for frame in [*FOREIGN, FRAME]:
        other.send(message(frame))
    assert hear(bus) == [FRAME]


def test_down_and_up_again_is_said_once_and_keeps_the_socket(link):
    bus, other = link.bus(), link.other_end()
    before = bus._bus
    link.down()
    wait_until(bus, lambda: link.words)
    assert not bus.send(OURS)
    assert not bus.is_open
    for _ in range(10):
        assert bus.receive(0.02) is None
    assert len(link.words) == 1
    assert f'is it up? sudo ip link set {link.name} up;' in link.words[0]
    link.up()
    with contextlib.suppress(can.CanError):
        # It was told, too.
        other.recv(0.0)
    other.send(message(FRAME))
    assert bus.receive(5.0)[0] == FRAME, 'at once'
    assert bus.send(OURS)
    wait_until(bus, lambda: bus.is_open)
    assert len(link.words) == 2
    assert 'is back' in link.words[1]
    assert bus._bus is before


def test_a_blip_costs_no_frame_after_it(link):
    bus = link.bus()
    before = bus._bus
    subprocess.run(
        [IP, '-batch', '-'], check=True, text=True,
        input=f'link set {link.name} down\nlink set {link.name} up\n')
    assert bus.send(OURS) or bus.send(OURS), 'the first one hears that it was down'
    assert bus.receive(0.0) is None
    assert bus.condition is Condition.WORKING
    assert bus._bus is before


def test_down_at_the_start(no_link):
    no_link.create(up=False)
    bus = no_link.bus()
    wait_until(bus, lambda: no_link.words)
    assert 'is it up?' in no_link.words[0]
    assert not bus.send(OURS)
    no_link.up()
    wait_until(bus, lambda: bus.is_open)
    assert bus.send(OURS)
    assert len(no_link.words) == 2


def test_not_there_at_the_start(no_link, capfd):
    with pytest.raises(BusError, match=f"there is no interface '{no_link.name}'"):
        no_link.bus()
    bus = no_link.bus(waits=True)
    wait_until(bus, lambda: no_link.words)
    assert not bus.send(OURS)
    assert bus.condition is Condition.ABSENT
    no_link.create(up=False)
    wait_until(bus, lambda: len(no_link.words) > 1)
    no_link.up()
    wait_until(bus, lambda: bus.is_open)
    assert bus.send(OURS)
    assert ['waits: there is no interface' in no_link.words[0], 'is it up?' in no_link.words[1],
            'is back' in no_link.words[2], len(no_link.words)] == [True, True, True, 3]
    assert capfd.readouterr().err == '', 'python-can has no words of its own'


def test_deleted_and_made_again(link):
    bus = link.bus()
    link.delete()
    wait_until(bus, lambda: bus.condition is Condition.ABSENT)
    assert not bus.send(OURS)
    link.create()
    wait_until(bus, lambda: bus.is_open)
    assert bus.send(OURS)
    other = link.other_end()
    other.send(message(FRAME))
    assert bus.receive(5.0)[0] == FRAME
    assert [f'soon as {link.name} is there' in link.words[0], 'is back' in link.words[-1]] == [
        True, True]
    assert len(link.words) <= 3, 'it may have been seen down before it was gone'


def test_bus_off_and_restarted(link):
    bus = link.bus(indices=[1])
    link.inject(0x040)
    wait_until(bus, lambda: link.words)
    assert 'is bus-off, nothing is sent' in link.words[0]
    assert 'restart-ms' in link.words[0]
    assert not bus.send(OURS), 'the kernel would throw it away'
    link.inject(0x100)
    wait_until(bus, lambda: bus.condition is Condition.WORKING)
    assert bus.send(OURS)
    link.inject(0x040)
    link.inject(0x100)
    wait_until(bus, lambda: bus.is_open)
    assert len(link.words) == 2, 'off and on in quick succession is one trouble'


def test_errors_are_said_as_they_get_worse(link):
    bus = link.bus(indices=[1])
    for bits, errors in ((0x08, Errors.WARNING), (0x20, Errors.PASSIVE), (0x08, Errors.PASSIVE)):
        link.inject(0x004, bytes([0, bits]) + bytes(6))
        frame, _ = bus.receive(5.0)
        assert frame.is_error
        assert bus._state.errors == errors
    assert ['many transmission errors' in link.words[0], 'error-passive' in link.words[1]] == [
        True, True]
    assert len(link.words) == 2
    assert bus.is_open
    assert bus.send(OURS)


def test_fd_frames_are_named_and_remote_ones_are_nobodys(link):
    bus, other = link.bus(indices=[1]), link.other_end()
    for _ in range(3):
        other.send(can.Message(arbitration_id=FRAME.can_id, data=bytes(12), is_fd=True))
    other.send(can.Message(arbitration_id=FRAME.can_id, is_remote_frame=True, dlc=1))
    other.send(message(FRAME))
    wait_until(bus, lambda: bus.fd_frames == 3)
    remote, real = hear(bus)
    assert codec.decode(remote).kind is codec.Rejection.FOREIGN
    assert real == FRAME
    assert bus.fd_frames == 3
    assert ['CAN FD' in words for words in link.words] == [True]


def test_a_flood_of_others_comes_to_nobodys_ears(link):
    bus, other = link.bus(indices=[1]), link.other_end()
    for number in range(1000):
        other.send(message(Frame(0x18FE0000 | number, bytes(8))))
    other.send(message(FRAME))
    assert hear(bus) == [FRAME]
    assert bus.send(OURS)
    assert link.words == []


@pytest.mark.skipif(TC is None, reason='no tc (iproute2)')
def test_what_the_line_does_not_take_is_said_and_little_of_it_waits(link):
    # A line that takes one frame of 16 bytes in 1.3 s.
    problem = subprocess.run(
        [TC, 'qdisc', 'add', 'dev', link.name, 'root', 'tbf', 'rate', '100bit', 'burst', '16',
         'limit', '1000'], check=False, capture_output=True, text=True)
    if problem.returncode:
        pytest.skip(f'no tbf here: {problem.stderr}')
    bus = link.bus()
    while bus.send(OURS):
        pass
    while not link.words:
        bus.send(OURS)
    queue = subprocess.run([TC, '-s', 'qdisc', 'show', 'dev', link.name], check=True,
                           capture_output=True, text=True).stdout
    assert int(re.search(r'backlog \S+ (\d+)p', queue)[1]) <= 4, 'the rest would be old one day'
    assert ['takes no frames any more' in link.words[0], bus.is_open] == [True, False]
    assert bus.condition is Condition.STUCK
    wait_until(bus, lambda: bus.send(OURS))
    wait_until(bus, lambda: bus.is_open)
    assert ['is back' in link.words[1], len(link.words)] == [True, 2]


@pytest.fixture
def adapter():
    """Give a serial CAN adapter: its name, and what it reads and writes."""
    master, slave = pty.openpty()
    attributes = termios.tcgetattr(slave)
    attributes[0] = attributes[1] = attributes[3] = 0
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    import fcntl
    try:
        fcntl.ioctl(slave, termios.TIOCSETD, struct.pack('i', N_SLCAN))
    except OSError as error:
        os.close(master)
        os.close(slave)
        pytest.skip(f'no slcan here: {error}')
    name = fcntl.ioctl(slave, 0x8910, bytes(40)).rstrip(b'\0').decode()
    ip('link', 'set', name, 'up')
    yield name, master
    os.close(slave)
    os.close(master)


def test_bus_off_of_a_real_driver_takes_the_carrier(adapter):
    name, line = adapter
    words = []
    with contextlib.closing(Bus('socketcan', name, on_event=words.append)) as bus:
        assert bus.send(FRAME)
        assert os.read(line, 100).startswith(b'T0106B000107')
        os.write(line, b'sb000000\r')
        wait_until(bus, lambda: words)
        assert 'bus-off' in words[0]
        assert not bus.send(FRAME)
        ip('link', 'set', name, 'down')
        ip('link', 'set', name, 'up')
        wait_until(bus, lambda: bus.is_open)
        assert bus.send(FRAME)


def test_what_is_no_can_interface_is_refused(capfd):
    with pytest.raises(BusError, match=r"'lo'.*is it a CAN interface"):
        open_bus('socketcan', 'lo')
    with pytest.raises(BusError, match='needs a channel'):
        open_bus('socketcan')
    assert capfd.readouterr().err == ''
