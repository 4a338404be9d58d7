# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Frames for a second of processor time: our gateway beside one written in an afternoon.

Both run at once and get the same frames of controllers, in turns of two seconds, on a simulated
bus each. Ours looks at the index, the version, the age and the rules besides. Without subscribers,
and with one for each topic in this process; it has to hear every frame. Both get the same
priority. What it costs to take the frames from such a bus, and nothing else, is the third row.
"""

import contextlib
import math
import os
import pathlib
import sys
import threading
import time

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

from gi3_ros import convert
from gi3_ros.bus import Bus
from gi3_ros.core.interface import codec, signals
from gi3_ros.priority import PRIORITY

from .station import pistol_names, processor_s, Station, TICKS_PER_S
from .tables import goal, show, table

NAIVE = pathlib.Path(__file__).resolve().parents[1] / 'naive_gateway.py'
BUS_ALONE = pathlib.Path(__file__).with_name('bus_alone.py')
NAIVE_PISTOLS = 'naive'
"""Namespace of those of the naive gateway."""
PISTOLS = 5
FRAMES_PER_S = 350
GOAL = 2.0
SETTLE_S = 2.0
TURN_S = 2.0
QUEUE = 100
LATEST_S = 1.0
"""For the last message to be heard."""


def naive_pistols():
    """Return the names of the pistols of the naive gateway."""
    return [f'{NAIVE_PISTOLS}/{pistol}' for pistol in pistol_names(PISTOLS)]


def cycle(index, number):
    """Return the frames of one controller for a tenth of a second; quantities move."""
    volts = 300.0 + number % 100
    return [codec.encode(message, index=index) for message in (
        signals.AdvanticsControllerStatus(signals.AdvanticsControllerStatus.State.CHARGING),
        signals.DcPowerControl(
            target_voltage=volts, current_range_max=100.0, current_range_min=100.0,
            power_function=signals.DcPowerControl.PowerFunction.POWER_TRANSFER,
            output_contactors=1),
        signals.EvInformationBattery(76000.0, number % 100),
        signals.EvInformationVoltages(200.0, 450.0),
        signals.EvInformationChargeLimits(0.0, volts - 200.0, 0.0, 60000.0),
        signals.EvInformationDischargeLimits(), signals.AdmCsSeccInputs())]


def sent(bus, seconds):
    """Send frames evenly for so long; return how many."""
    count = number = 0
    began_s = time.monotonic()
    while time.monotonic() - began_s < seconds:
        number += 1
        for index in range(1, PISTOLS + 1):
            for frame in cycle(index, number):
                bus.send(frame)
                count += 1
                time.sleep(max(0.0, began_s + count / FRAMES_PER_S - time.monotonic()))
    return count


class Listener:
    """Subscribers to all topics of the controllers; they count."""

    def __init__(self):
        self.count = 0
        rclpy.init()
        self._node = rclpy.create_node('listener')
        for pistol in [*pistol_names(PISTOLS), *naive_pistols()]:
            for cls in convert.MESSAGE_CLASSES:
                if cls.FROM_CONTROLLER:
                    self._node.create_subscription(
                        convert.ROS_TYPES[cls], f'/{pistol}/{cls.TOPIC}', self._hear, QUEUE,
                        raw=True)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._spin)
        self._thread.start()

    def _hear(self, _message):
        self.count += 1

    def _spin(self):
        try:
            while rclpy.ok():
                self._executor.spin_once(timeout_sec=0.1)
        except ExternalShutdownException:
            pass

    def wait_for(self, count):
        """Return how many were heard, once it is so many or a second has passed."""
        deadline_s = time.monotonic() + LATEST_S
        while self.count < count and time.monotonic() < deadline_s:
            time.sleep(0.01)
        return self.count

    def close(self):
        """Let ROS go."""
        rclpy.try_shutdown()
        self._thread.join()


class Candidate:
    """A process at the other end of a bus, and what it came to."""

    def __init__(self, name, process, port, *, has_topics=True):
        self.name = name
        self.has_topics = has_topics
        self.frames = self.heard = 0
        self._processor_s = 0.0
        self._pid = process.pid
        self._bus = Bus('udp_multicast', port=port)
        _let_go_first(self._pid)

    def take_turn(self, seconds, listener):
        """Give it frames for so long."""
        before_s, heard = processor_s(self._pid), listener.count if listener else 0
        frames = sent(self._bus, seconds)
        self.frames += frames
        if listener and self.has_topics:
            self.heard += listener.wait_for(heard + frames) - heard
        else:
            time.sleep(LATEST_S / 10)
        self._processor_s += processor_s(self._pid) - before_s

    @property
    def frame_s(self):
        """Processor time of a frame; no less of it can be told than a tick of the kernel."""
        return max(self._processor_s, 1 / TICKS_PER_S) / self.frames

    def close(self):
        """Let the bus go."""
        self._bus.close()


def measured(corner, seconds, listener):
    """Return the candidates after their turns, with a listener or ``None``."""
    naive_port, alone_port = corner.plug_port, corner.plug_port + 1
    with Station(corner) as station:
        ours = station.start_charger(pistol_names(PISTOLS), 'gateway')
        naive = station.start(
            'naive', sys.executable, NAIVE, '--port', naive_port, '--pistols', *naive_pistols())
        alone = station.start('bus alone', sys.executable, BUS_ALONE, alone_port)
        station.wait_until(
            lambda: naive.lines_with('up') and alone.lines_with('up'), 'all are up', naive, alone)
        time.sleep(SETTLE_S)
        candidates = [
            Candidate('ours', ours, corner.can_port), Candidate('naive', naive, naive_port),
            Candidate('bus alone', alone, alone_port, has_topics=False)]
        for _ in range(math.ceil(seconds / TURN_S)):
            for each in candidates:
                each.take_turn(min(TURN_S, seconds), listener)
        for each in candidates:
            each.close()
    return candidates


def _let_go_first(pid):
    """
    Give a process the priority that ours asks for.

    On a busy machine frames would wait for the other one, and cost less as they come in batches.
    """
    with contextlib.suppress(OSError):
        for thread in os.listdir(f'/proc/{pid}/task'):
            os.sched_setscheduler(int(thread), os.SCHED_RR, os.sched_param(PRIORITY))


def measure(corner, options):
    """Measure, and print the table and the goal."""
    made = table(
        f'Frames for a second of processor time; {FRAMES_PER_S} frames a second of {PISTOLS} '
        'controllers', 'gateway', 'subscribers', 'frames', 'heard', 'us/frame', 'frames/s of CPU',
        'ratio')
    reached = []
    for has_listener in (False, True):
        listener = Listener() if has_listener else None
        try:
            candidates = measured(corner, options.seconds, listener)
        finally:
            if listener:
                listener.close()
        ours, naive, _ = candidates
        reached.append(naive.frame_s / ours.frame_s)
        for each in candidates:
            made.add_row(
                each.name, 'one each' if has_listener and each.has_topics else 'none',
                str(each.frames), str(each.heard) if has_listener and each.has_topics else '-',
                f'{1e6 * each.frame_s:.0f}', f'{1 / each.frame_s:.0f}',
                f'{naive.frame_s / each.frame_s:.2f}')
    show(made)
    goal(f'{GOAL:.1f} times the frames of the naive gateway',
         ', '.join(f'{ratio:.2f}' for ratio in reached), is_kept=min(reached) >= GOAL)
