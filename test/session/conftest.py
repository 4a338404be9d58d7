"""A whole charger in processes of its own, a simulator against it, and a witness on the bus."""

import dataclasses
import socket
import struct
import threading
import time

import pytest

from gi3_ros import msg as ros
from gi3_ros.bus import open_bus
from gi3_ros.core import signals

INDEX = 1
CLAIM_PORT = 47299
"""Beside the claims of the ROS domains."""
State = signals.AdvanticsControllerStatus.State


def seconds(stamp):
    """Turn a stamp into seconds."""
    return stamp.sec + stamp.nanosec * 1e-9


@dataclasses.dataclass(frozen=True)
class Seen:
    """A frame of the interface, ``at_s`` as the kernel stamped it."""

    at_s: float
    base_id: int
    data: bytes

    @property
    def is_allowed(self):
        """System_Enable of a Power_Modules_Status."""
        return self.data[6] == 1

    @property
    def command(self):
        """DC_Power_Control: volts, two times amperes, the last byte."""
        volts, max_a, min_a, bits = struct.unpack('<HhhB', self.data)
        return volts / 10, max_a / 10, min_a / 10, bits


class Witness:
    """
    Ears on the bus that belong to nobody, and a mouth for whatever else may be on a bus.

    :param heard: the recorder of :class:`Seen` frames of the pistol
    """

    def __init__(self, port, heard):
        self.port = port
        self._bus = open_bus('udp_multicast', port=port)
        self.heard = heard
        self._is_listening = True
        self._thread = threading.Thread(target=self._listen, name='witness')
        self._thread.start()

    def _listen(self):
        while self._is_listening:
            message = self._bus.recv(0.05)
            if (message is not None and message.is_extended_id
                    and message.arbitration_id >> 24 == INDEX):
                self.heard.hear(Seen(
                    message.timestamp, message.arbitration_id & 0xFFFFFF, bytes(message.data)))

    def of(self, cls):
        """Return what was seen of a message's class so far."""
        return [frame for frame in self.heard.heard if frame.base_id == cls.BASE_ID]

    def wait_for_state(self, state, **options):
        """Return the first status frame of the controller with a state."""
        return self.heard.wait_for(
            lambda frame: frame.base_id == 0x6B000 and frame.data[0] == state, **options)

    def send(self, message):
        """Put a frame on the bus."""
        self._bus.send(message)

    def close(self):
        """Go home."""
        self._is_listening = False
        self._thread.join()
        self._bus.shutdown()


class Site:
    """
    One charger with its simulated modules and a vehicle, each in a process of its own.

    What it says is in ``setpoints``, ``measurements``, ``words``, ``stages`` and ``stories``.
    """

    def __init__(self, world, witness, start_process, port, plug_port):
        self._world = world
        self._start = start_process
        self._port, self._plug_port = port, plug_port
        self.witness = witness
        self.setpoints = world.listen(ros.PowerSetpoint, 'power_setpoint')
        self.measurements = world.listen(ros.PowerMeasurement, 'power_measurement')
        self.words = world.listen(ros.PowerStatus, 'power_status')
        self.stages = world.listen(ros.StageStatus, 'stage_status')
        self.commands = world.listen(ros.ContactorCommand, 'contactor_command')
        self.stories = world.listen(ros.ChargeSession, 'charge_session', latched=True)
        self.modules = start_process(
            'power_modules_sim', '--ros-args', '-r', f'__ns:={world.pistol}',
            '-p', 'autostart:=true', '-p', f'plug_port:={plug_port}')
        self.charger = start_process(
            'charger', '--ros-args', '-p', 'autostart:=true', '-p', f'port:={port}',
            '-p', f'pistols:=[{world.pistol.lstrip("/")}]')
        # Discovery takes its time on a busy machine; what is said before it is not heard.
        for voice in (self.setpoints, self.measurements, self.stages, self.stories):
            voice.wait_for(timeout_s=30.0)

    def plug_in(self, *options, duration_s='inf'):
        """Start a controller with a vehicle that charges; returns its process."""
        return self._start(
            'gi3', 'sim', '--once', '--port', self._port, '--plug-port', self._plug_port,
            '--plug-in-after', 0, '--duration-s', duration_s, *options)

    def wait_for_charging(self, *, current_a=90.0, **options):
        """Wait for State 7 with a current; returns the measurement."""
        self.witness.wait_for_state(State.CHARGING, timeout_s=40.0, **options)
        return self.measurements.wait_for(
            lambda measured: measured.current > current_a, after=self.measurements.mark)

    def wait_for_fault(self, words):
        """Return the first PowerStatus with a fault of these words."""
        return self.words.wait_for(lambda message: words in message.fault)

    def assert_no_current_after(self, since_s, *, readings=10):
        """Look at the readings from a moment on, and at more to come: nothing flows."""
        mark = self.measurements.mark
        self.measurements.wait_for(after=mark + readings)
        flowing = [
            measured.current for measured in self.measurements.heard
            if seconds(measured.header.stamp) > since_s and abs(measured.current) > 1.0
        ]
        assert not flowing


@pytest.fixture(name='seconds')
def give_seconds():
    """Give the function that turns a stamp into seconds."""
    return seconds


@pytest.fixture
def witness(claim_port, recorder):
    """Give a :class:`Witness`; its bus is the one of the site."""
    witness = Witness(claim_port(), recorder('bus'))
    yield witness
    witness.close()


@pytest.fixture
def alone():
    """
    Wait until no other test run on this machine has a session.

    A charger obeys R1 whatever else the processors do: two at once on two of them may not.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as claim:
        while True:
            try:
                claim.bind(('127.0.0.1', CLAIM_PORT))
            except OSError:
                time.sleep(0.1)
            else:
                break
        yield


@pytest.fixture
def site(alone, world, witness, start_process, claim_port):
    """Give a :class:`Site` whose charger is up."""
    return Site(world, witness, start_process, witness.port, claim_port())
