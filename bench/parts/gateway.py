# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Frames for a second of processor time: our gateway beside one written in an afternoon.

Both get the same frames of controllers, one after the other in turns, on a simulated bus each.
Ours looks at the index, the version, the age and the rules besides. Without subscribers, and with
one for each topic in this process; it has to hear every frame. Both get the same priority.
"""

import contextlib
import dataclasses
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

from .station import pistol_names, processor_s, Station
from .tables import goal, say, show, table

NAIVE = pathlib.Path(__file__).resolve().parents[1] / 'naive_gateway.py'
PISTOLS = 5
FRAMES_PER_S = 350
GOAL = 2.0
SETTLE_S = 2.0
QUEUE = 100
LATEST_S = 1.0
"""For the last message to be heard."""


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
        for pistol in pistol_names(PISTOLS):
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


@dataclasses.dataclass
class Figure:
    """Of one gateway."""

    frames: int = 0
    processor_s: float = 0.0
    heard: int = 0

    @property
    def frames_per_s(self):
        """How many frames a second of processor time is enough for."""
        return self.frames / self.processor_s if self.processor_s else float('nan')


def measured(corner, seconds, listener):
    """Return the figures of ours and of the other, with a listener or ``None``."""
    figures = []
    with Station(corner) as ours, Station(corner) as other:
        # One after the other: they have the same topics, and a subscriber would hear both.
        for start in (lambda: ours.start_charger(pistol_names(PISTOLS), 'gateway'),
                      lambda: _start_naive(other)):
            process = start()
            time.sleep(SETTLE_S)
            _let_go_first(process.pid)
            figures.append(_figure(corner, process.pid, seconds, listener))
            process.interrupt()
            process.wait(10.0)
    return figures


def _start_naive(station):
    naive = station.start(
        'naive', sys.executable, NAIVE, '--port', station.corner.can_port, '--pistols',
        *pistol_names(PISTOLS))
    station.wait_until(lambda: naive.lines_with('up'), 'the naive gateway is up', naive)
    return naive


def _let_go_first(pid):
    """
    Give a process the priority that ours asks for.

    On a busy machine frames would wait for the other one, and cost less as they come in batches.
    """
    with contextlib.suppress(OSError):
        for thread in os.listdir(f'/proc/{pid}/task'):
            os.sched_setscheduler(int(thread), os.SCHED_RR, os.sched_param(PRIORITY))


def _figure(corner, pid, seconds, listener):
    figure = Figure()
    bus = Bus('udp_multicast', port=corner.can_port)
    try:
        before_s, heard = processor_s(pid), listener.count if listener else 0
        figure.frames = sent(bus, seconds)
        if listener:
            figure.heard = listener.wait_for(heard + figure.frames) - heard
        figure.processor_s = processor_s(pid) - before_s
    finally:
        bus.close()
    return figure


def measure(corner, options):
    """Measure in turns, and print the table and the goal."""
    made = table(
        f'Frames for a second of processor time; {FRAMES_PER_S} frames a second of {PISTOLS} '
        'controllers', 'gateway', 'subscribers', 'frames', 'heard', 'us/frame', 'frames/s of CPU',
        'ratio')
    reached = []
    for has_listener in (False, True):
        listener = Listener() if has_listener else None
        try:
            turns = [measured(corner, options.seconds, listener) for _ in range(options.turns)]
        finally:
            if listener:
                listener.close()
        best = [max(figures, key=lambda each: each.frames_per_s)
                for figures in zip(*turns, strict=True)]
        reached.append(best[0].frames_per_s / best[1].frames_per_s)
        for name, figure, ratio in zip(('ours', 'naive'), best, (reached[-1], 1), strict=True):
            made.add_row(
                name, 'one each' if has_listener else 'none', str(figure.frames),
                str(figure.heard) if has_listener else '-', f'{1e6 / figure.frames_per_s:.0f}',
                f'{figure.frames_per_s:.0f}', f'{ratio:.2f}')
    show(made)
    say(f'the best of {options.turns} turns')
    goal(f'{GOAL:.1f} times the frames of the naive gateway',
         ', '.join(f'{ratio:.2f}' for ratio in reached), is_kept=min(reached) >= GOAL)
