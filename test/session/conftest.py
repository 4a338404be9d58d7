# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A charger in processes of its own, what is at the other end of its bus, and a witness on it."""

import dataclasses
import itertools
import signal
import socket
import struct
import threading
import time

import can
from processors import be_ordinary, go_first, sessions_at_a_time
import pytest
from std_msgs.msg import Bool

from gi3_ros import msg as ros
from gi3_ros.bus import open_bus
from gi3_ros.core.hardware import ModulesMode, Stage
from gi3_ros.core.interface import codec, signals
from gi3_ros.priority import PRIORITY
from gi3_ros.sim import plug

INDEX = 1
SEAT_PORTS = range(47299, 47299 - min(sessions_at_a_time(), 50), -1)
"""Beside the claims of the ROS domains."""
State = signals.AdvanticsControllerStatus.State
Function = signals.DcPowerControl.PowerFunction


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

    def wait_for_more(self, cls, count, **options):
        """Wait until this many more frames of a message's class were seen."""
        numbers = itertools.count(1)
        self.heard.wait_for(
            lambda frame: frame.base_id == cls.BASE_ID and next(numbers) == count,
            after=self.heard.mark, **options)

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

    ``modules`` and ``charger`` are further ROS arguments of theirs. What the charger says is in
    ``setpoints``, ``measurements``, ``words``, ``stages`` and ``stories``.
    """

    def __init__(
        self, world, witness, start_process, port, plug_port, *, modules=(), charger=(),
    ):
        self._world = world
        self._start = start_process
        self._port = port
        self._charger_arguments = charger
        self.plug_port = plug_port
        """UDP port of the plug link."""
        self.witness = witness
        self.setpoints = world.listen(ros.PowerSetpoint, 'power_setpoint')
        self.measurements = world.listen(ros.PowerMeasurement, 'power_measurement')
        self.words = world.listen(ros.PowerStatus, 'power_status')
        self.stages = world.listen(ros.StageStatus, 'stage_status')
        self.commands = world.listen(ros.ContactorCommand, 'contactor_command')
        self.stories = world.listen(ros.ChargeSession, 'charge_session', latched=True)
        self.modules = start_process(
            'power_modules_sim', '--ros-args', '-r', f'__ns:={world.pistol}',
            '-p', 'autostart:=true', '-p', f'plug_port:={plug_port}', *modules)
        self.start_charger()
        # Discovery takes its time on a busy machine; what is said before it is not heard.
        for voice in (self.setpoints, self.measurements, self.stages, self.stories):
            voice.wait_for(timeout_s=30.0)

    def start_charger(self):
        """Start the charger, anew when there was one before; returns its process."""
        self.charger = self._start(
            'charger', '--ros-args', '-p', 'autostart:=true', '-p', f'port:={self._port}',
            '-p', f'pistols:=[{self._world.pistol.lstrip("/")}]', *self._charger_arguments)
        return self.charger

    def plug_in(self, *options, duration_s='inf', once=True):
        """
        Start a controller with a vehicle that charges; returns its process.

        :param once: whether it ends after one session; otherwise the vehicle comes again
        """
        return self._start(
            'gi3', 'sim', *(['--once'] if once else []), '--port', self._port,
            '--plug-port', self.plug_port, '--plug-in-after', 0, '--duration-s', duration_s,
            *options)

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


class SiteApart(Site):
    """
    The same with each node of the charger in a process of its own, as the launch file has it.

    ``nodes`` maps a node's name to further ROS arguments of its. Besides what a :class:`Site`
    keeps there are ``contacts``, the contactor_feedback, and ``unplugs``, the safe_to_unplug.
    """

    NAMES = ('gateway', 'precharge', 'power_control', 'session')
    """In the order in which they are started; session lets a vehicle begin and comes last."""

    def __init__(self, world, *arguments, nodes=None, **options):
        self._node_arguments = nodes or {}
        self.nodes = {}
        """Processes of the nodes that are not dead, by name."""
        self.contacts = world.listen(ros.ContactorFeedback, 'contactor_feedback')
        self.unplugs = world.listen(Bool, 'safe_to_unplug', latched=True)
        super().__init__(world, *arguments, **options)
        for voice in (self.words, self.commands, self.contacts, self.unplugs):
            voice.wait_for(timeout_s=30.0)
        # They wake when they hear setpoints: without it each session would wait for that.
        self.measurements.wait_for(lambda reading: reading.ready, timeout_s=30.0)

    def start_charger(self):
        """Start the nodes; returns their processes by name."""
        pistol = self._world.pistol
        own = {'gateway': ('-p', f'port:={self._port}', '-p', f'pistols:=[{pistol.lstrip("/")}]')}
        for name in self.NAMES:
            self.nodes[name] = self._start(
                name, '--ros-args', '-p', 'autostart:=true',
                *own.get(name, ('-r', f'__ns:={pistol}')), *self._charger_arguments,
                *self._node_arguments.get(name, ()))
        return self.nodes

    def kill(self, name):
        """Kill a node without a warning; returns a time in seconds at which it is just dead."""
        process = self.nodes.pop(name)
        process.signal(signal.SIGKILL)
        assert process.exit_status() == -signal.SIGKILL, process.text
        return time.time()

    def end(self):
        """Ask all that live to end, at once, and see that they do."""
        living = [*self.nodes.values(), self.modules]
        for process in living:
            be_ordinary(process.pid)
            process.signal(signal.SIGINT)
        for process in living:
            assert process.exit_status(timeout_s=10.0) == 0, process.text
            assert not process.has_left_processes, process.output.name


class ScriptedController:
    """
    A controller with a vehicle that does what the test says, when the test says it.

    By itself it only beats, from :meth:`speak` on: its status every 100 ms, New_Charge_Session
    with it while it announces a session, and the last command again after 100 ms without a new
    one. Its vehicle has a battery; it tells the plug link about it, whether it speaks or not.
    """

    BEAT_S = 0.005
    PERIOD_S = 0.1
    INSULATION_OHM = 100e3
    """Good (R14 asks for 50 kOhm at 500 V), and low enough to empty an open cable in a second."""

    def __init__(self, site):
        self._site = site
        self._plug = plug.VehicleEnd(site.plug_port)
        self._lock = threading.Lock()
        self.state = State.WAITING_FOR_PEV
        self.inlet = plug.Inlet(
            is_plugged=True, battery_emf_v=360.0, insulation_resistance_ohm=self.INSULATION_OHM)
        self._command = None
        self._is_announcing = False
        self._is_beating = self._is_repeating = False
        self._status_due_s = self._command_due_s = 0.0
        self.late_s = 0.0
        """By how much the latest status came after its time."""
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._beat_for_ever, name='scripted controller')
        self._thread.start()

    def close(self):
        """Stop to beat, for good."""
        self._end.set()
        self._thread.join()
        self._plug.close()

    # Beats

    def speak(self):
        """Beat from now on, with whatever was the state and the last command."""
        with self._lock:
            self._is_beating = self._is_repeating = True
            self._status_due_s = self._command_due_s = time.monotonic()

    def fall_silent(self, *, commands_too=True):
        """
        Send no status any more: none comes after the return.

        :param commands_too: otherwise the last command is repeated as before
        """
        with self._lock:
            self._is_beating, self._is_repeating = False, not commands_too

    def command(self, function, *, voltage_v=0.0, max_a=0.0, min_a=0.0, range_mode=False,
                close=True, lower=False):
        """Send a DC_Power_Control now and repeat it from now on; volts and amperes."""
        with self._lock:
            self._command = signals.DcPowerControl(
                target_voltage=voltage_v, current_range_max=max_a, current_range_min=min_a,
                power_function=function, setpoints_mode=int(range_mode),
                output_contactors=int(close), lower_output_voltage=int(lower))
            self._send_command()

    def send(self, message):
        """Put one message on the bus."""
        frame = codec.encode(message, index=INDEX)
        self._site.witness.send(can.Message(arbitration_id=frame.can_id, data=frame.data))

    def _send_command(self):
        self.send(self._command)
        self._command_due_s = time.monotonic() + self.PERIOD_S

    def _beat_for_ever(self):
        # A real controller is a box of its own, which waits for no processor of ours.
        go_first(PRIORITY)
        while not self._end.wait(self.BEAT_S):
            with self._lock:
                self._beat(time.monotonic())
            self._plug.send(self.inlet)

    def _beat(self, now_s):
        if self._is_beating and now_s >= self._status_due_s:
            self.late_s = max(self.late_s, now_s - self._status_due_s)
            self._status_due_s = max(self._status_due_s + self.PERIOD_S, now_s)
            self.send(signals.AdvanticsControllerStatus(self.state))
            if self._is_announcing:
                self.send(signals.NewChargeSession(
                    signals.NewChargeSession.CommunicationProtocol.CCS_ISO_15118_2013_V2,
                    signals.NewChargeSession.PlugAndPins.CCS_DC_EXTENDED))
        if self._is_repeating and self._command is not None and now_s >= self._command_due_s:
            self._send_command()

    # One step of a session after the other; each returns when the charger has followed

    def begin_session(self):
        """Announce a session until the charger allows it, and close the contactors."""
        site = self._site
        mark, stages = site.witness.heard.mark, site.stages.mark
        self._is_announcing = True
        self.state = State.CONNECTED_WITH_FULL_INFO
        site.witness.heard.wait_for(
            lambda frame: frame.base_id == signals.PowerModulesStatus.BASE_ID
            and frame.is_allowed, after=mark)
        self._is_announcing = False
        self.state = State.INSULATION_TEST
        self.command(Function.STANDBY)
        site.stages.wait_for(lambda status: status.stage == Stage.CLOSED, after=stages)

    def precharge(self):
        """Precharge to the battery's voltage; the vehicle closes its contactors then."""
        battery_v = self.inlet.battery_emf_v
        self.state = State.PRECHARGE
        self.command(Function.PRECHARGE, voltage_v=battery_v, max_a=2.0, range_mode=True)
        self._wait_for_reading(lambda reading: abs(reading.voltage - battery_v) < 2.0)
        self.inlet = dataclasses.replace(self.inlet, contactors_closed=True)
        mark = self._site.setpoints.mark
        self.command(Function.STANDBY)
        self._site.setpoints.wait_for(
            lambda setpoint: setpoint.mode == ModulesMode.OFF, after=mark)
        self.state = State.WAITING_FOR_CHARGE
        self.send(signals.ChargeStatusChange(
            signals.ChargeStatusChange.VehicleReadyForCharging.CHARGE_STARTED))

    def transfer(self, *, voltage_v, current_a):
        """Command a power transfer in Target_Mode; returns at once."""
        self.state = State.CHARGING
        self.command(
            Function.POWER_TRANSFER, voltage_v=voltage_v, max_a=current_a, min_a=current_a)

    def go_to_transfer(self, *, battery_v=360.0, voltage_v=400.0, current_a=20.0):
        """
        Lead the charger from State 1 to a power transfer; returns when the current flows.

        Without an insulation test: as with ``skip_cable_check`` (interface.md 5).
        """
        self.inlet = dataclasses.replace(self.inlet, battery_emf_v=battery_v)
        self.begin_session()
        self.precharge()
        self.transfer(voltage_v=voltage_v, current_a=current_a)
        self._wait_for_reading(lambda reading: reading.current > 0.9 * current_a)

    def break_off(self):
        """Be back in State 1 without a regular end, as after a restart; the vehicle opens."""
        with self._lock:
            self._command = None
        self.inlet = dataclasses.replace(self.inlet, contactors_closed=False)
        self.state = State.WAITING_FOR_PEV
        # One odd frame among others would end nothing.
        self._site.witness.wait_for_more(signals.AdvanticsControllerStatus, 3)

    def _wait_for_reading(self, is_wanted):
        self._site.measurements.wait_for(is_wanted, after=self._site.measurements.mark)


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
def seat():
    """
    Wait for one of the seats for sessions that this machine has, for all test runs on it.

    A charger obeys R1 whatever else the processors do: with too many sessions on them it may not.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as claim:
        for port in itertools.cycle(SEAT_PORTS):
            try:
                claim.bind(('127.0.0.1', port))
            except OSError:
                time.sleep(0.1)
            else:
                break
        yield


@pytest.fixture
def quick():
    """
    Let the test, too, have its processor at once: it has to do something at the right moment.

    The threads that it starts inherit this.
    """
    go_first(PRIORITY - 1)  # after chargers and controllers
    yield
    be_ordinary()


@pytest.fixture
def build_site(seat, world, witness, start_process, claim_port):
    """Give the function that makes a :class:`Site` whose charger is up, with its options."""
    def build(**options):
        return Site(world, witness, start_process, witness.port, claim_port(), **options)
    return build


@pytest.fixture
def build_site_apart(seat, world, witness, start_process, claim_port):
    """Give the function that makes a :class:`SiteApart` whose charger is up."""
    def build(**options):
        return SiteApart(world, witness, start_process, witness.port, claim_port(), **options)
    return build


@pytest.fixture
def site(build_site):
    """Give a :class:`Site` whose charger is up."""
    return build_site()


@pytest.fixture
def controller(site):
    """Give a :class:`ScriptedController` at the site's bus and pistol; it is silent yet."""
    # Modules wake when they hear setpoints, so charger and driver know each other. Until then DDS
    # may hold up a publisher for a third of a second, which no session survives (R1).
    site.measurements.wait_for(lambda reading: reading.ready, timeout_s=30.0)
    controller = ScriptedController(site)
    yield controller
    controller.close()
    # pytest shows it when the test has failed: whoever sends 0x6B000 too late is not obeyed (R1).
    print(f'scripted controller: late by {1e3 * controller.late_s:.0f} ms at most')
