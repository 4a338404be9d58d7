# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The simulator of one pistol: frames in, frames out, and what people do to it."""

import threading

import pytest

from gi3_ros.core.interface.codec import decode, encode
from gi3_ros.core.interface.signals import (
    AdmCsSeccOutputs,
    AdvanticsControllerStatus,
    PowerModulesStatus,
    SequenceControl,
)
from gi3_ros.sim.config import ControllerConfig
from gi3_ros.sim.events import Kind
from gi3_ros.sim.person import Person
from gi3_ros.sim.plug import InletReading
from gi3_ros.sim.run import run, RunConfig
from gi3_ros.sim.simulator import Simulator, TICK_S
from gi3_ros.sim.stages import Stage
from gi3_ros.sim.vehicle_contactors import ContactorFault

BOOT = ControllerConfig(boot_s=0.05, negotiation_s=0.05, use_sequence_flags=False)


def ticks(simulator, start_s, seconds):
    messages = []
    for count in range(round(seconds / TICK_S)):
        for frame in simulator.tick(now_s=start_s + count * TICK_S):
            messages.append(decode(frame).message)
    return messages


def test_event_times_count_from_the_first_tick():
    simulator = Simulator(BOOT)
    ticks(simulator, 1000.0, 1.0)
    times = [event.time_s for event in simulator.take_events()]
    assert times[0] == pytest.approx(0.05)
    assert simulator.take_events() == []


def test_missed_time_gives_one_status_not_many():
    simulator = Simulator(BOOT)
    ticks(simulator, 0.0, 1.0)
    late = [
        message for frame in simulator.tick(now_s=60.0)
        if isinstance(message := decode(frame).message, AdvanticsControllerStatus)]
    assert len(late) == 1
    after = [
        message for message in ticks(simulator, 60.01, 1.0)
        if isinstance(message, AdvanticsControllerStatus)]
    assert len(after) == 10


def test_other_pistols_and_own_echoes_are_not_for_it():
    simulator = Simulator(BOOT)
    frames = [
        frame for count in range(100) for frame in simulator.tick(now_s=count * TICK_S)]
    status = PowerModulesStatus(system_enable=PowerModulesStatus.SystemEnable.ALLOWED)
    for frame in [*frames, encode(status, index=2)]:
        simulator.receive(frame, now_s=1.0)
    assert simulator.controller.status == PowerModulesStatus()
    assert simulator.findings == []


class Link:
    """A plug link whose other end can fall silent."""

    def __init__(self):
        self.was_heard = False
        self.value = None
        self.sent = []

    def reading(self, *, now_s):
        return self.value

    def send(self, inlet):
        self.sent.append(inlet)


def test_lost_plug_link_is_an_unplugged_vehicle_after_a_while():
    link = Link()
    simulator = Simulator(BOOT, plug=link)
    simulator.vehicle.plug_in()
    link.value, link.was_heard = InletReading(10.0, 0.0), True
    ticks(simulator, 0.0, 0.5)
    assert simulator.vehicle.inlet_voltage_v == 10.0
    link.value = None
    ticks(simulator, 0.5, 0.4)
    assert simulator.vehicle.is_plugged
    assert simulator.vehicle.inlet_voltage_v == 0.0
    ticks(simulator, 0.9, 0.3)
    assert not simulator.vehicle.is_plugged
    assert 'cable is gone' in simulator.events[-1].text or any(
        'cable is gone' in event.text for event in simulator.events)


def test_vehicle_is_told_to_the_circuit_at_50_hz_and_on_change():
    link = Link()
    simulator = Simulator(BOOT, plug=link)
    ticks(simulator, 0.0, 1.0)
    assert len(link.sent) == pytest.approx(50, abs=1)
    simulator.vehicle.plug_in()
    simulator.tick(now_s=1.001)
    assert link.sent[-1].is_plugged
    simulator.receive(encode(AdmCsSeccOutputs(digital_output2=True), index=1), now_s=1.002)
    simulator.tick(now_s=1.002)
    assert link.sent[-1].digital_outputs == 0b0010


def test_findings_are_events_and_spoil_the_verdict():
    simulator = Simulator(BOOT)
    ticks(simulator, 0.0, 0.5)
    frame = encode(SequenceControl(), index=1)
    simulator.receive(type(frame)(frame.can_id, b'\x04\x00\x00'), now_s=0.5)
    assert [event.kind for event in simulator.take_events()][-1] is Kind.FINDING
    status, words = simulator.verdict()
    assert status == 1
    assert 'R52' in words


def test_stopped_simulator_falls_silent_and_does_not_fake_an_end():
    stop = threading.Event()
    events = []

    def on_event(event):
        events.append(event)
        if 'FULL_INFO' in event.text:
            stop.set()

    simulator = Simulator(BOOT, person=Person(plug_in_after_s=0.0))
    status = run(
        [simulator],
        RunConfig(interface='virtual', channel='test_sim_run'),
        on_event=on_event, stop=stop,
    )
    assert status == 1
    assert events[-1].kind is Kind.VERDICT
    assert 'stopped in' in events[-1].text
    assert simulator.controller.outcome is None
    assert simulator.controller.stage in (Stage.FULL_INFO, Stage.NOT_READY)


def test_a_lost_bus_is_not_the_chargers_fault():
    simulator = Simulator(BOOT, person=Person(plug_in_after_s=0.0))
    now_s = 0.0

    def go(seconds, *, is_open):
        nonlocal now_s
        for _ in range(round(seconds / TICK_S)):
            now_s += TICK_S
            simulator.see_bus(is_open, now_s=now_s)
            simulator.tick(now_s=now_s)
            if is_open and round(now_s / TICK_S) % 10 == 0:
                simulator.receive(encode(PowerModulesStatus(), index=1), now_s=now_s)

    go(2.0, is_open=True)
    go(3.0, is_open=False)
    go(0.2, is_open=True)
    assert simulator.findings == []
    assert [event.text for event in simulator.events if event.kind is Kind.BUS] == [
        'off', 'back']
    go(0.5, is_open=True)


def test_what_is_done_now_is_not_undone_by_the_time_of_something_earlier():
    simulator = Simulator(BOOT)
    ticks(simulator, 0.0, 0.5)
    simulator.do('emergency evse for 2', now_s=0.5)
    simulator.do('release', now_s=1.0)
    simulator.do('emergency evse', now_s=1.5)
    ticks(simulator, 1.5, 3.0)
    assert simulator.controller.is_emergency_held
    simulator.do('contactors welded for 1', now_s=4.5)
    simulator.do('contactors stays_open', now_s=5.0)
    ticks(simulator, 5.0, 2.0)
    assert simulator.vehicle.contactor_fault is ContactorFault.STAYS_OPEN


def test_a_restart_keeps_what_people_hold_down_and_forgets_late_frames():
    simulator = Simulator(BOOT)
    ticks(simulator, 0.0, 1.0)
    simulator.do('emergency pev', now_s=1.0)
    simulator.do('input 3 1', now_s=1.0)
    simulator.do('jitter all 1', now_s=1.0)
    simulator.do('newer 3.6', now_s=1.0)
    for count in range(50):
        simulator.tick(now_s=1.0 + count * TICK_S)
    simulator.do('restart 2', now_s=1.5)
    assert ticks(simulator, 1.5, 2.0 - TICK_S) == []
    assert simulator.controller.is_emergency_held
    assert simulator.controller.inputs == 4
    simulator.do('heal', now_s=3.5)
    ticks(simulator, 3.5, 1.0)
    assert simulator.controller.emergency_origin.name == 'PEV'


def test_whoever_takes_the_cable_keeps_it():
    simulator = Simulator(BOOT, person=Person(plug_in_after_s=1.0))
    ticks(simulator, 0.0, 0.5)
    simulator.do('plug_in', now_s=0.5)
    ticks(simulator, 0.5, 2.0)
    assert simulator.vehicle.is_plugged
    simulator.do('unplug', now_s=2.5)
    ticks(simulator, 2.5, 3.0)
    assert not simulator.vehicle.is_plugged
