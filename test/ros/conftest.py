# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The other ends of the nodes' topics: a bus, a controller and hardware that play a script."""

import threading
import time

import can
import can.interfaces.virtual
import processors
import pytest

from gi3_ros import msg as ros
from gi3_ros.core.hardware import ModulesMode, Stage
from gi3_ros.core.interface import signals

State = signals.AdvanticsControllerStatus.State
BEAT_S = 0.01
STATUS_PERIOD_S = 0.02
"""Faster than the interface's 100 ms, so that a busy machine does not look like silence."""


@pytest.fixture(autouse=True)
def first_to_the_processor():
    """Let nodes and peers, which are threads of this process, go before tests that compute."""
    processors.go_first(1)
    yield
    processors.be_ordinary()


@pytest.fixture
def channel(request):
    """Give the name of a virtual bus, and see that nobody is left on it."""
    name = request.node.nodeid
    yield name
    assert name not in can.interfaces.virtual.channels, 'a bus was left open'


@pytest.fixture
def world(channel, world):
    """Give the world; it ends before the look at the bus."""
    return world


@pytest.fixture
def bus(channel):
    """Give the controller's end of the virtual bus; it may say when a frame arrived."""
    with can.Bus(
        interface='virtual', channel=channel, preserve_timestamps=True,
    ) as bus:
        yield bus


class Beats:
    """Publishes what has a period, as real peers do, until it is told to be silent."""

    def __init__(self):
        self._lock = threading.Lock()
        self._beats = {}
        self._is_beating = True
        self._thread = threading.Thread(target=self._beat, name='beats')
        self._thread.start()

    def every(self, period_s, name, publish):
        """Call ``publish`` now and then with the period."""
        with self._lock:
            self._beats[name] = [time.monotonic(), period_s, publish]

    def silence(self, name):
        """Stop one; nothing of it comes after the return."""
        with self._lock:
            del self._beats[name]

    @staticmethod
    def go_on(duration_s):
        """Let them go on for a while in which something must not happen."""
        time.sleep(duration_s)

    def close(self):
        """Stop all."""
        self._is_beating = False
        self._thread.join()

    def _beat(self):
        while self._is_beating:
            with self._lock:
                for beat in self._beats.values():
                    due_s, period_s, publish = beat
                    if time.monotonic() >= due_s:
                        beat[0] = max(due_s + period_s, time.monotonic())
                        publish()
            time.sleep(BEAT_S)


@pytest.fixture
def beats(world):
    """Give :class:`Beats` that end before the world does."""
    beats = Beats()
    yield beats
    beats.close()


class Peers:
    """
    Controller, power modules and output stage for power_control, on topics.

    The modules do at once what the setpoint says, against a battery once the vehicle connects.
    """

    BATTERY_V = 370.0

    def __init__(self, world, beats):
        self._world = world
        self._beats = beats
        self.state = State.WAITING_FOR_PEV
        self.stage = Stage.CLOSED
        self.stage_reason = ''
        self.voltage_v = 0.0
        self.current_a = 0.0
        self.is_battery_connected = False
        self.is_ready = True
        self.modules_fault = ''
        self.insulation_ohm = 1e6
        self.setpoints = world.listen(ros.PowerSetpoint, 'power_setpoint')
        self.words = world.listen(ros.PowerStatus, 'power_status')
        self.statuses = world.listen(ros.PowerModulesStatus, 'power_modules_status')
        self.parameters = world.listen(ros.DcPowerParameters, 'dc_power_parameters')
        self.last_stamp_s = {}
        """When each of our topics was true for the last time."""

    def begin(self):
        """Start to beat; the node under test listens already."""
        self._beats.every(STATUS_PERIOD_S, 'controller_status', self._send_status)
        self._beats.every(0.03, 'power_measurement', self._send_measurement)
        self._beats.every(0.1, 'stage_status', self._send_stage)

    def silence(self, topic):
        """Fall silent; returns the stamp of the last message in seconds."""
        self._beats.silence(topic)
        return self.last_stamp_s[topic]

    def speak(self, topic):
        """Start again."""
        period_s, send = {
            'controller_status': (STATUS_PERIOD_S, self._send_status),
            'power_measurement': (0.03, self._send_measurement),
            'stage_status': (0.1, self._send_stage),
        }[topic]
        self._beats.every(period_s, topic, send)

    def command(self, function, *, voltage_v=0.0, max_a=0.0, min_a=0.0, range_mode=False,
                close=True, lower=False):
        """Send one DC_Power_Control."""
        self._world.publish('dc_power_control', ros.DcPowerControl(
            target_voltage=voltage_v, current_range_max=max_a, current_range_min=min_a,
            power_function=int(function), setpoints_mode=int(range_mode),
            output_contactors=int(close), lower_output_voltage=int(lower),
        ))

    # One step of the session after the other

    def announce(self):
        """Tell of a vehicle; returns when power_control is ready."""
        mark = self.words.mark
        self.state = State.CONNECTED_WITH_FULL_INFO
        self._world.publish('new_charge_session', ros.NewChargeSession(
            communication_protocol=2, plug_and_pins=1))
        return self.wait_for_phase('STANDBY', after=mark)

    def go_to_transfer(self, *, current_a=50.0, range_mode=False):
        """Lead power_control from nothing to a power transfer at its full current."""
        function = signals.DcPowerControl.PowerFunction
        self.announce()
        self.state = State.INSULATION_TEST
        self.command(function.STANDBY)
        self.command(function.INSULATION_TEST, voltage_v=500.0)
        self.wait_for_setpoint(ModulesMode.REGULATE, voltage_v=500.0)
        self.command(function.STANDBY, lower=True)
        self.wait_for_setpoint(ModulesMode.BLEED)
        self.state = State.PRECHARGE
        self.command(function.PRECHARGE, voltage_v=self.BATTERY_V, max_a=2.0, range_mode=True)
        self.wait_for_setpoint(ModulesMode.REGULATE, voltage_v=self.BATTERY_V)
        self.is_battery_connected = True
        self.command(function.STANDBY)
        self.state = State.WAITING_FOR_CHARGE
        self.wait_for_phase('STANDBY', after=self.words.mark)
        self.state = State.CHARGING
        self.transfer(current_a, range_mode=range_mode)
        self.wait_for_setpoint(ModulesMode.REGULATE, current_a=current_a)

    def transfer(self, current_a, *, range_mode=False):
        """Command a power transfer."""
        self.command(
            signals.DcPowerControl.PowerFunction.POWER_TRANSFER, voltage_v=408.0,
            max_a=current_a, min_a=0.0 if range_mode else current_a, range_mode=range_mode)

    def wait_for_phase(self, name, **options):
        """Return the first PowerStatus in a phase."""
        return self.words.wait_for(lambda words: words.phase_name == name, **options)

    def wait_for_setpoint(self, mode, *, voltage_v=None, current_a=None, after=0):
        """Return the first setpoint that fits."""
        return self.setpoints.wait_for(
            lambda setpoint: setpoint.mode == mode
            and (voltage_v is None or abs(setpoint.voltage - voltage_v) < 0.05)
            and (current_a is None or abs(setpoint.current - current_a) < 0.05),
            after=after,
        )

    # Beats

    def _publish(self, topic, message):
        message.header.stamp = self._world.now()
        self.last_stamp_s[topic] = seconds(message.header.stamp)
        self._world.publish(topic, message)

    def _send_status(self):
        self._publish('controller_status', ros.AdvanticsControllerStatus(state=int(self.state)))

    def _send_stage(self):
        self._publish('stage_status', ros.StageStatus(
            stage=int(self.stage), stage_name=self.stage.name, reason=self.stage_reason))

    def _send_measurement(self):
        self._obey()
        self._publish('power_measurement', ros.PowerMeasurement(
            voltage=self.voltage_v, current=self.current_a, ready=self.is_ready,
            insulation_resistance=self.insulation_ohm, fault=self.modules_fault,
            power_modules_temperature=40.0, enclosure_temperature=30.0,
        ))

    def _obey(self):
        if not self.setpoints.heard:
            return
        setpoint = self.setpoints.last
        self.current_a = 0.0
        if setpoint.mode == ModulesMode.BLEED:
            self.voltage_v = 0.0
        elif self.is_battery_connected:
            self.voltage_v = self.BATTERY_V
            if setpoint.mode == ModulesMode.REGULATE:
                self.current_a = setpoint.current
        elif setpoint.mode == ModulesMode.REGULATE:
            self.voltage_v = setpoint.voltage


def seconds(stamp):
    """Turn a stamp into seconds."""
    return stamp.sec + stamp.nanosec * 1e-9


@pytest.fixture(name='seconds')
def give_seconds():
    """Give the function that turns a stamp into seconds."""
    return seconds


@pytest.fixture
def peers(world, beats):
    """Give :class:`Peers`; they beat after ``begin()``."""
    return Peers(world, beats)
