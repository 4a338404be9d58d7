# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The vehicle's end of the plug link: when there is copper, and when the cable is gone."""

import pytest

from gi3_ros.sim.config import ControllerConfig
from gi3_ros.sim.controller import Controller
from gi3_ros.sim.events import Story
from gi3_ros.sim.inlet_link import CABLE_GONE_S, InletLink
from gi3_ros.sim.plug import DirectPlug, InletReading, PERIOD_S
from gi3_ros.sim.vehicle import Vehicle

READING = InletReading(400.0, 10.0)


class FallingSilent(DirectPlug):
    """A plug link whose circuit can fall silent."""

    def __init__(self):
        super().__init__()
        self.sent = []
        self.is_silent = False

    def reading(self, *, now_s):
        return None if self.is_silent else super().reading(now_s=now_s)

    def send(self, inlet):
        self.sent.append(inlet)


@pytest.fixture
def vehicle():
    vehicle = Vehicle()
    vehicle.plug_in()
    return vehicle


@pytest.fixture
def plug():
    return FallingSilent()


@pytest.fixture
def link(plug, vehicle):
    return InletLink(plug, vehicle, Story(1))


def test_without_a_plug_link_nothing_is_known(vehicle):
    link = InletLink(None, vehicle, Story(1))
    assert link.read(now_s=0.0) is None
    link.tell(Controller(ControllerConfig(), vehicle), now_s=0.0)
    assert not (link.is_up or link.has_answered)


def test_copper_is_there_from_the_first_answer_on(link, plug):
    assert link.read(now_s=0.0) is None
    assert not (link.is_up or link.has_answered)
    plug.poll(READING, now_s=0.0)
    assert link.read(now_s=0.1) == READING
    assert link.is_up and link.has_answered


def test_a_cable_is_gone_only_after_a_while_and_unplugs_once(link, plug, vehicle):
    plug.poll(READING, now_s=0.0)
    link.read(now_s=0.0)
    plug.is_silent = True
    assert link.read(now_s=CABLE_GONE_S - 0.01) is None
    assert vehicle.is_plugged and link.is_up
    link.read(now_s=CABLE_GONE_S)
    assert not vehicle.is_plugged
    assert not link.is_up
    vehicle.plug_in()
    link.read(now_s=CABLE_GONE_S + 1.0)
    assert vehicle.is_plugged
    assert link.has_answered, 'what the charger says is still no copper'


def test_the_circuit_is_told_at_its_pace_and_at_once_what_moves(link, plug, vehicle):
    controller = Controller(ControllerConfig(), vehicle)
    for now_s in (0.0, 0.4 * PERIOD_S, PERIOD_S):
        link.tell(controller, now_s=now_s)
    assert len(plug.sent) == 2
    vehicle.unplug()
    link.tell(controller, now_s=1.1 * PERIOD_S)
    assert [inlet.is_plugged for inlet in plug.sent] == [True, True, False]
