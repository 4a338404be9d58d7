# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Draw the pictures of the live views in the documentation: sessions on the made-up clock.

``.venv/bin/python scripts/draw_live.py`` rewrites ``docs/pictures/sim_live.svg`` and
``docs/pictures/demo.svg``.
"""

import asyncio
import pathlib
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parents[1]
PICTURES = ROOT / 'docs' / 'pictures'
SIZE = (100, 40)
SIM_KEYS = ((2.0, 'p'), (13.0, ':jitter DC_Power_Control 0.05 for 30\n'))
"""What is pressed, and when in s."""
SIM_END_S = 20.0
DEMO_END_S = 26.0
DEMO_EXPECTED_S = 31.0
PHASES = {
    'NEGOTIATING': 'NEGOTIATING', 'AUTHORISATION': 'AUTHORISING', 'FULL_INFO': 'AUTHORISING',
    'NOT_READY': 'PREPARING', 'READY': 'INSULATION_TEST', 'TESTING': 'INSULATION_TEST',
    'LOWERING': 'INSULATION_TEST', 'PRECHARGE': 'PRECHARGE', 'PRECHARGE_DONE': 'PRECHARGE',
    'WAITING_FOR_CHARGE': 'WAITING', 'CHARGING': 'CHARGING',
}
"""What ``charge_session`` says in a stage of the controller."""


class _Viewer:
    """An application without a terminal, as the desk of the simulator sees it."""

    is_there = wants_picture = True

    def __init__(self, app):
        self._app = app
        self._typed = []
        app.send = lambda message: self._typed.append(message)

    def show(self, picture):
        self._app.show(picture)

    def answer(self, words):
        self._app.take_answer(words)

    def receive(self):
        typed, self._typed = self._typed, []
        return typed


def _link():
    from gi3_ros.sim.config import ControllerConfig
    from gi3_ros.sim.link import Link
    from gi3_ros.sim.vehicle_config import VehicleConfig
    return Link(
        controller_config=ControllerConfig(), vehicle_config=VehicleConfig(charge_duration_s=60))


async def _sim():
    from gi3_ros.tools.views.sim_app import SimApp
    from gi3_ros.tools.views.sim_desk import Desk
    app, link = SimApp(), _link()
    desk = Desk(_Viewer(app), [link.simulator])
    keys = list(SIM_KEYS)
    async with app.run_test(size=SIZE) as pilot:
        while link.now_s < SIM_END_S:
            link.step()
            for event in link.simulator.take_events():
                desk(event)
            desk.turn(threading.Event(), now_s=link.now_s)
            if keys and link.now_s >= keys[0][0]:
                names = {':': 'colon', ' ': 'space', '_': 'underscore', '\n': 'enter'}
                await pilot.press(*(names.get(key, key) for key in keys.pop(0)[1]))
        await pilot.pause()
        return app.export_screenshot(title='gi3 sim --live')


def _see(picture, link):
    """Let a picture know what the topics would have said."""
    from gi3_ros.tools.views.demo_picture import Charge, Power, Precharge, Reading
    now_s, controller, vehicle = link.now_s, link.simulator.controller, link.simulator.vehicle
    status, command = controller.status, controller.power_control
    phase = PHASES.get(controller.stage.name, 'DISCONNECTED')
    function = 'OFF' if command is None else command.power_function.name
    picture.power.put(Power(function, bool(status.system_enable), ''), now_s=now_s)
    picture.see_charge(
        Charge(phase, 'CCS_ISO_15118_2013_V2', vehicle.energy_charged_wh, 0.0,
               vehicle.state_of_charge, ''), now_s=now_s, time_s=now_s)
    picture.see_reading(
        Reading(now_s, status.present_voltage, status.present_current,
                status.insulation_resistance), now_s=now_s)
    picture.controller_state.put(controller.state.name, now_s=now_s)
    picture.output_contact.put(controller.relay_closed, now_s=now_s)
    picture.vehicle_contactors = vehicle.contactors_closed
    if command is not None and command.current_range_max:
        picture.commanded_a.put(command.current_range_max, now_s=now_s)
    if phase == 'PRECHARGE' and command is not None:
        difference_v = status.present_voltage - command.target_voltage
        if command.target_voltage and abs(difference_v) < 20 and picture.precharge is None:
            picture.precharge = Precharge(command.target_voltage, difference_v, 0.6, 'done')


async def _demo():
    from gi3_ros.tools.views.demo_app import DemoApp
    from gi3_ros.tools.views.demo_picture import Picture
    app, link = DemoApp(), _link()
    picture = Picture(DEMO_EXPECTED_S)
    picture.hint = 'to look on: ROS_DOMAIN_ID=42 ros2 topic list'
    async with app.run_test(size=SIZE) as pilot:
        while link.now_s < DEMO_END_S:
            link.step()
            if link.now_s >= 2.0 and not link.simulator.vehicle.is_plugged:
                link.simulator.do('plug_in', now_s=link.now_s)
            for event in link.simulator.take_events():
                source = 'vehicle' if event.kind.value == 'vehicle' else 'controller'
                picture.tell(event.time_s, source, event.text)
            _see(picture, link)
        app.show(picture.shown(now_s=link.now_s))
        await pilot.pause()
        return app.export_screenshot(title='gi3 demo')


def drawn():
    """Return the pictures as SVG, by the names of their files."""
    return {'sim_live.svg': asyncio.run(_sim()), 'demo.svg': asyncio.run(_demo())}


if __name__ == '__main__':
    # The sources, not what was built from them.
    sys.path.insert(0, str(ROOT))
    for name, text in drawn().items():
        (PICTURES / name).write_text(text, encoding='utf-8')
