# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Controllers that do what the bench says, when it says it, and ears for what the charger does.

All pistols of a charger are in one process here. Who measures must not be late: the threads ask
for the real-time priority that a charger has.
"""

from concurrent.futures import ThreadPoolExecutor
import contextlib
import dataclasses
import itertools
import os
import threading
import time

import can
import rclpy
from rclpy.executors import ExternalShutdownException

from gi3_ros import msg as ros
from gi3_ros import srv
from gi3_ros.bus import open_bus
from gi3_ros.core.hardware import ModulesMode, Stage
from gi3_ros.core.interface import codec, signals
from gi3_ros.nodes.executor import make_executor
from gi3_ros.priority import PRIORITY
from gi3_ros.sim import plug

State = signals.AdvanticsControllerStatus.State
Function = signals.DcPowerControl.PowerFunction
STATUS, COMMAND = signals.AdvanticsControllerStatus.BASE_ID, signals.DcPowerControl.BASE_ID
MODULES_STATUS = signals.PowerModulesStatus.BASE_ID
BEAT_S = 0.005
PERIOD_S = 0.1
INSULATION_OHM = 100e3
"""Good (R14), and low enough to empty an open cable in a second."""
WITHIN_S = 10.0
READY_WITHIN_S = 30.0
BETWEEN_RESETS_S = 0.05
QUEUE = 1000
_SYSTEM_ENABLE = 6
"""Byte of Power_Modules_Status."""


class NotSeen(Exception):
    """What was waited for did not come; the text says what."""


def go_first():
    """Let this thread go before all that is ordinary, where the system allows it."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(PRIORITY))


def in_thread(function, name):
    """Start a thread that goes first."""
    def run():
        go_first()
        function()

    thread = threading.Thread(target=run, name=name)
    thread.start()
    return thread


@dataclasses.dataclass(frozen=True)
class Setpoint:
    """A power_setpoint; times in seconds since the epoch."""

    decided_s: float
    heard_s: float
    mode: int
    voltage_v: float
    reason: str

    @property
    def is_power(self):
        """Whether the modules regulate."""
        return self.mode == ModulesMode.REGULATE


class Pistol:
    """
    One pistol's controller with its vehicle, and what is heard of its charger.

    The controller beats from :meth:`speak` to :meth:`fall_silent`: its status every 100 ms,
    New_Charge_Session with it while it announces a session, and the last command again.
    """

    def __init__(self, index, name, node, bus, plug_port):
        self.index = index
        self.setpoints = []
        """Since they were last cleared."""
        self.status_arrived_s = 0.0
        """When the bus had the latest of our status frames; in seconds since the epoch."""
        self.command_arrivals = {}
        """Data of a command -> when the bus had it first."""
        self.report_arrivals_s = []
        """When the bus had each Power_Modules_Status."""
        self._news = threading.Condition(threading.RLock())
        self._bus = bus
        self._plug = plug.VehicleEnd(plug_port)
        self._inlet = plug.Inlet(is_plugged=True, insulation_resistance_ohm=INSULATION_OHM)
        self._state = State.WAITING_FOR_PEV
        self._command = None
        self._is_beating = self._is_announcing = self._is_enabled = False
        self._statuses = 0
        self._status_due_s = self._command_due_s = 0.0
        self._measured = ros.PowerMeasurement()
        self._stage = self._fault = None
        for ros_type, topic, take in (
                (ros.PowerSetpoint, 'power_setpoint', self._take_setpoint),
                (ros.PowerMeasurement, 'power_measurement', self._take_measurement),
                (ros.StageStatus, 'stage_status', self._take_stage),
                (ros.PowerStatus, 'power_status', self._take_words)):
            node.create_subscription(ros_type, f'/{name}/{topic}', take, QUEUE)
        self._reset = node.create_client(srv.ResetFault, f'/{name}/reset_fault')

    # What is heard

    def _take_setpoint(self, message):
        heard_s = time.time()
        stamp = message.header.stamp
        with self._news:
            self.setpoints.append(Setpoint(
                stamp.sec + stamp.nanosec * 1e-9, heard_s, message.mode, message.voltage,
                message.reason))
            self._news.notify_all()

    def _take_measurement(self, message):
        with self._news:
            self._measured = message
            self._news.notify_all()

    def _take_stage(self, message):
        with self._news:
            self._stage = message.stage
            self._news.notify_all()

    def _take_words(self, message):
        with self._news:
            self._fault = message.fault
            self._news.notify_all()

    def hear(self, base_id, data, at_s):
        """Take a frame of this pistol, ours or the charger's."""
        with self._news:
            if base_id == STATUS:
                self.status_arrived_s = at_s
                self._statuses += 1
            elif base_id == COMMAND:
                self.command_arrivals.setdefault(data, at_s)
            elif base_id == MODULES_STATUS:
                self.report_arrivals_s.append(at_s)
                self._is_enabled = data[_SYSTEM_ENABLE] == 1
            self._news.notify_all()

    def wait_for(self, is_so, words, within_s=WITHIN_S):
        """Wait until something holds; it is looked at with every piece of news."""
        with self._news:
            if not self._news.wait_for(is_so, within_s):
                raise NotSeen(f'pistol {self.index}: not within {within_s:g} s: {words}; fault '
                              f'{self._fault!r}, stage {self._stage}')

    def wait_until_ready(self):
        """Wait until charger, driver and this process have found each other."""
        self.wait_for(
            lambda: self._measured.ready and self._stage is not None and self.setpoints
            and self._fault is not None, 'charger and driver are up', READY_WITHIN_S)
        if not self._reset.wait_for_service(READY_WITHIN_S):
            raise NotSeen(f'pistol {self.index}: no service reset_fault')

    # Beats

    def beat(self, now_s):
        """Send what is due."""
        with self._news:
            if self._is_beating and now_s >= self._status_due_s:
                self._status_due_s = max(self._status_due_s + PERIOD_S, now_s)
                self._send(signals.AdvanticsControllerStatus(self._state))
                if self._is_announcing:
                    self._send(signals.NewChargeSession(
                        signals.NewChargeSession.CommunicationProtocol.CCS_ISO_15118_2013_V2,
                        signals.NewChargeSession.PlugAndPins.CCS_DC_EXTENDED))
            if self._is_beating and self._command is not None and now_s >= self._command_due_s:
                self._send_command(now_s)
            self._plug.send(self._inlet)

    def _send(self, message):
        frame = codec.encode(message, index=self.index)
        self._bus.send(can.Message(arbitration_id=frame.can_id, data=frame.data))

    def _send_command(self, now_s):
        self._send(self._command)
        self._command_due_s = now_s + PERIOD_S

    def speak(self):
        """Beat from now on."""
        with self._news:
            self._is_beating = True
            self._status_due_s = self._command_due_s = time.monotonic()

    def fall_silent(self):
        """Send nothing any more."""
        with self._news:
            self._is_beating = False

    def command(self, function, *, voltage_v=0.0, max_a=0.0, min_a=0.0, range_mode=False):
        """Send a DC_Power_Control now, and again; returns its data."""
        with self._news:
            self._command = signals.DcPowerControl(
                target_voltage=voltage_v, current_range_max=max_a, current_range_min=min_a,
                power_function=function, setpoints_mode=int(range_mode), output_contactors=1)
            data = codec.encode(self._command, index=self.index).data
            self.command_arrivals.clear()
            self._send_command(time.monotonic())
            return data

    # A session

    def go_to_transfer(self, *, battery_v, voltage_v, current_a):
        """Lead the charger from Waiting_For_PEV to a current, without an insulation test."""
        self._inlet = dataclasses.replace(
            self._inlet, battery_emf_v=battery_v, contactors_closed=False)
        self.wait_for(lambda: self._stage == Stage.OPEN, 'the contactors are open')
        self._state, self._is_announcing = State.CONNECTED_WITH_FULL_INFO, True
        self.wait_for(lambda: self._is_enabled, 'System_Enable')
        self._is_announcing, self._state = False, State.INSULATION_TEST
        self.command(Function.STANDBY)
        self.wait_for(lambda: self._stage == Stage.CLOSED, 'the contactors are closed')
        self._precharge(battery_v)
        self._state = State.CHARGING
        self.transfer(voltage_v, current_a)
        self.wait_for(lambda: self._measured.current > 0.9 * current_a, 'the current flows')

    def _precharge(self, battery_v):
        self._state = State.PRECHARGE
        self.command(Function.PRECHARGE, voltage_v=battery_v, max_a=2.0, range_mode=True)
        self.wait_for(
            lambda: abs(self._measured.voltage - battery_v) < 2.0, 'the output is precharged')
        self._inlet = dataclasses.replace(self._inlet, contactors_closed=True)
        self.command(Function.STANDBY)
        self.wait_for(lambda: not self.setpoints[-1].is_power, 'precharge is over')
        self._state = State.WAITING_FOR_CHARGE
        self._send(signals.ChargeStatusChange(
            signals.ChargeStatusChange.VehicleReadyForCharging.CHARGE_STARTED))

    def transfer(self, voltage_v, current_a):
        """Command a power transfer in Target_Mode; returns the command's data."""
        return self.command(
            Function.POWER_TRANSFER, voltage_v=voltage_v, max_a=current_a, min_a=current_a)

    def begin_anew(self):
        """Be back in Waiting_For_PEV without a regular end, and clear the fault."""
        with self._news:
            self._command, self._state = None, State.WAITING_FOR_PEV
            self._is_announcing = False
            self._inlet = dataclasses.replace(self._inlet, contactors_closed=False)
            statuses = self._statuses
        self.speak()
        self.wait_for(lambda: self._statuses >= statuses + 3, 'three status frames')
        deadline_s = time.monotonic() + WITHIN_S
        while self._fault:
            if time.monotonic() > deadline_s:
                raise NotSeen(f'pistol {self.index}: {self._fault!r} cannot be reset')
            self._ask_for_reset()
            time.sleep(BETWEEN_RESETS_S)
        with self._news:
            del self.setpoints[:-1]

    def _ask_for_reset(self):
        answered = threading.Event()
        future = self._reset.call_async(srv.ResetFault.Request())
        future.add_done_callback(lambda _future: answered.set())
        if not answered.wait(WITHIN_S):
            raise NotSeen(f'pistol {self.index}: reset_fault does not answer')

    def close(self):
        """Unplug, for good."""
        self._plug.close()


class Controllers:
    """All pistols of one charger, on one bus; a context."""

    def __init__(self, corner, names):
        rclpy.init()
        self._node = rclpy.create_node('bench')
        self._executor = make_executor()
        self._executor.add_node(self._node)
        self._bus = open_bus('udp_multicast', port=corner.can_port)
        self.pistols = [
            Pistol(index, name, self._node, self._bus, corner.plug_port + index - 1)
            for index, name in enumerate(names, start=1)]
        self._ended = threading.Event()
        self._threads = []

    def __enter__(self):
        """Listen and beat."""
        self._threads = [
            in_thread(self._spin, 'spin'), in_thread(self._listen, 'listen'),
            in_thread(self._beat, 'beat')]
        return self

    def __exit__(self, *_):
        """Be silent."""
        self._ended.set()
        for thread in self._threads:
            thread.join()
        self._bus.shutdown()
        for pistol in self.pistols:
            pistol.close()
        rclpy.try_shutdown()

    def for_each(self, function):
        """Call a function with each pistol, all at once; return the results."""
        with ThreadPoolExecutor(len(self.pistols), initializer=go_first) as pool:
            return list(pool.map(function, self.pistols))

    def _spin(self):
        with contextlib.suppress(ExternalShutdownException):
            while not self._ended.is_set():
                self._executor.spin_once(timeout_sec=0.1)
        self._executor.shutdown()

    def _beat(self):
        while not self._ended.wait(BEAT_S):
            for pistol in self.pistols:
                pistol.beat(time.monotonic())

    def _listen(self):
        by_index = {pistol.index: pistol for pistol in self.pistols}
        while not self._ended.is_set():
            message = self._bus.recv(0.1)
            if message is not None and message.arbitration_id >> 24 in by_index:
                by_index[message.arbitration_id >> 24].hear(
                    message.arbitration_id & 0xFFFFFF, bytes(message.data), message.timestamp)


def periods_s(arrivals_s):
    """Return the times between arrivals."""
    return [after_s - before_s for before_s, after_s in itertools.pairwise(arrivals_s)]
