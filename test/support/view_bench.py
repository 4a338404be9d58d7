# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A live view without a terminal, and what it looks at on the made-up clock."""

import asyncio
import contextlib
import functools
import html
import inspect
import re
import threading

from gi3_ros.sim.config import ControllerConfig, Pistol
from gi3_ros.sim.link import Charger, Clock, Link
from gi3_ros.sim.plug import DirectPlug
from gi3_ros.sim.simulator import Simulator
from gi3_ros.sim.stages import Stage
from gi3_ros.sim.vehicle_config import VehicleConfig
from gi3_ros.tools.views.sim_app import SimApp
from gi3_ros.tools.views.sim_desk import Desk

QUICK = ControllerConfig(boot_s=0.1, negotiation_s=0.2)
_TEXT = re.compile(r'<text class="[^"]*" x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>')
_CELL = 12.2
_NAMES = {':': 'colon', '?': 'question_mark', ' ': 'space', '\n': 'enter', '\t': 'tab',
          '\x1b': 'escape', '\x7f': 'backspace', '\x15': 'ctrl+u'}


def lines_of(app):
    """Return the lines that an application shows, as plain text."""
    rows = {}
    for x, y, text in _TEXT.findall(app.export_screenshot()):
        row = rows.setdefault(float(y), '')
        rows[float(y)] = row.ljust(round(float(x) / _CELL)) + html.unescape(text)
    return [rows[y].replace('\xa0', ' ').rstrip() for y in sorted(rows)]


class SimView:
    """The application of the live view, its desk, and simulators."""

    def __init__(self, app, pilot, *, simulators=None, clock=None, **link):
        if clock is None:
            link.setdefault('controller_config', QUICK)
            clock = Link(vehicle_config=VehicleConfig(charge_duration_s=60.0), **link)
            simulators = [clock.simulator]
        self.app, self.pilot = app, pilot
        self.clock, self.simulators = clock, simulators
        self.simulator = simulators[0]
        self.desk, self.stop = Desk(self, simulators, period_s=0.0), threading.Event()
        self._typed = []
        app.send = lambda message: self._typed.append(message)

    # What the desk sees

    is_there = wants_picture = True

    def show(self, picture):
        self.app.show(picture)

    def answer(self, words):
        self.app.take_answer(words)

    def conclude(self, picture, verdicts=()):
        self.end = picture, verdicts

    def receive(self):
        typed, self._typed = self._typed, []
        return typed

    # What a test does

    async def run(self, seconds):
        end_s = self.clock.now_s + seconds
        while self.clock.now_s < end_s - 1e-6:
            self.clock.step()
            for simulator in self.simulators:
                for event in simulator.take_events():
                    self.desk(event)
            # A picture in every turn would take long.
            self.wants_picture = False
            self.desk.turn(self.stop, now_s=self.clock.now_s)
        await self.look()

    async def look(self):
        """Let the desk and the view see what is new."""
        self.wants_picture = True
        self.desk.turn(self.stop, now_s=self.clock.now_s)
        await self.pilot.pause()

    async def press(self, keys):
        for key in keys:
            await self.pilot.press(_NAMES.get(key, key))
            await self.look()

    async def type(self, line):
        """Type an action; a person would type each letter."""
        await self.press(':')
        self.app.take_paste(line)
        await self.press('\n')

    async def charging(self):
        await self.run(2.0)
        await self.press('p')
        await self.run(8.0)
        assert self.simulator.controller.stage is Stage.CHARGING

    async def resize(self, width, height):
        await self.pilot.resize_terminal(width, height)
        await self.pilot.pause()

    @property
    def lines(self):
        return lines_of(self.app)

    @property
    def text(self):
        return '\n'.join(self.lines)


def two_pistols():
    """Return arguments of :func:`sim_view`: CCS and CHAdeMO."""
    simulators = [
        Simulator(config, vehicle, plug=DirectPlug()) for config, vehicle in (
            (QUICK, VehicleConfig()),
            (ControllerConfig(pistol=Pistol.CHADEMO, index=3, boot_s=0.1), VehicleConfig()))]
    clock = Clock([(each, Charger.fitting(each.config, each.plug)) for each in simulators])
    return {'simulators': simulators, 'clock': clock}


@contextlib.asynccontextmanager
async def sim_view(*, size=(100, 30), **options):
    """Give a :class:`SimView`."""
    app = SimApp()
    async with app.run_test(size=size) as pilot:
        yield SimView(app, pilot, **options)


def live(of=dict, **options):
    """
    Run a coroutine as a test, with a :class:`SimView` as its first argument.

    :param of: returns options that are made anew for each test
    """
    def decorate(test):
        async def with_view(arguments):
            async with sim_view(**options, **of()) as view:
                await test(view, **arguments)

        @functools.wraps(test)
        def run(**arguments):
            asyncio.run(with_view(arguments))

        parameters = list(inspect.signature(test).parameters.values())[1:]
        run.__signature__ = inspect.Signature(parameters)
        return run

    return decorate
