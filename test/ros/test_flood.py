# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A full bus of our own identifiers: gateway and power_control stay up to date."""

import itertools
import math
import threading
import time

import can
import can.interfaces.virtual
from diagnostic_msgs.msg import DiagnosticArray
import pytest

from gi3_ros import msg as ros
from gi3_ros.core.hardware import ModulesMode
from gi3_ros.core.interface import codec, signals
from gi3_ros.core.reception import MOST_NEWER_IDS
from gi3_ros.nodes.gateway import Gateway
from gi3_ros.nodes.power_control import PowerControlNode

INDEX = 3
FRAMES_PER_S = 4000
"""A bus of 500 kbit/s has no room for more."""
PER_BEAT = 40
SECONDS = 2.0
SOON_S = 1.0
"""0.3 s, on a machine that has nothing else to do; a queue of the flood would take many."""
NEWEST_A = 60.0
"""No ramp from one command of the flood to another passes it."""
Function = signals.DcPowerControl.PowerFunction


def frame(message):
    encoded = codec.encode(message, index=INDEX)
    return raw(encoded.can_id, encoded.data)


def raw(can_id, data):
    return can.Message(arbitration_id=can_id, data=data, is_extended_id=True)


def command(current_a):
    return frame(signals.DcPowerControl(
        target_voltage=408.0, current_range_max=current_a, current_range_min=current_a,
        power_function=Function.POWER_TRANSFER,
        output_contactors=signals.DcPowerControl.OutputContactors.CLOSE))


def everything():
    """Yield frames of our own identifiers for ever: commands one way and the other between."""
    others = [
        frame(signals.AdvanticsControllerStatus(
            signals.AdvanticsControllerStatus.State.CHARGING)),
        *(frame(cls()) for cls in (
            signals.EvInformationBattery, signals.EvInformationVoltages,
            signals.EvInformationChargeLimits, signals.EvInformationDischargeLimits,
            signals.AdmCoCui1Inputs, signals.AdmCsSeccInputs, signals.OcppControl,
            signals.PowerModulesStatus, signals.DcPowerParameters)),
        raw(0x0306B003, bytes(3)),
    ]
    for number in itertools.count():
        yield command(30.0 + 10.0 * (number % 2))
        yield others[number % len(others)]
        yield raw(0x0306B000 | 0x400 + number % 0xC00, bytes(8))


class Flood:
    """Sends :func:`everything` at the rate of a full bus, from a thread of its own."""

    def __init__(self, bus, channel):
        self._bus = bus
        self._queues = can.interfaces.virtual.channels[channel]
        self.most_waiting = 0
        """Frames that waited for the gateway at the end of a beat."""

    def run(self, *, seconds=SECONDS, between=None):
        """Flood; ``between`` is a frame that comes once, in its middle."""
        thread = threading.Thread(target=self._run, args=(seconds, between))
        thread.start()
        return thread

    def _run(self, seconds, between):
        frames, beats = everything(), round(seconds * FRAMES_PER_S / PER_BEAT)
        due_s = time.monotonic()
        for beat in range(beats):
            for each in itertools.islice(frames, PER_BEAT):
                self._send(each)
            if between is not None and beat == beats // 2:
                self._send(between)
            due_s += PER_BEAT / FRAMES_PER_S
            time.sleep(max(0.0, due_s - time.monotonic()))
            self.most_waiting = max(self.most_waiting, *(
                each.qsize() for each in self._queues if each is not self._bus.queue))

    def _send(self, message):
        message.timestamp = time.time()
        self._bus.send(message)


@pytest.fixture
def gateway(world, channel, peers):
    """Give the gateway, with power_control behind it in a transfer of 50 A."""
    gateway = world.bring_up(
        Gateway, namespace=world.root, interface='virtual', channel=channel, indices=[INDEX])
    world.bring_up(
        PowerControlNode, current_ramp_up_rate=10000.0, voltage_ramp_up_rate=100000.0)
    peers.begin()
    peers.go_to_transfer(current_a=50.0)
    return gateway


@pytest.fixture
def flood(bus, channel, gateway):
    """Give the :class:`Flood`."""
    return Flood(bus, channel)


def values_of(diagnostics):
    return {value.key: value.value for array in diagnostics.heard for value in
            array.status[0].values if array.status[0].name.endswith('gateway: bus')}


@pytest.mark.timeout(60)
def test_the_newest_command_counts_and_the_transfer_goes_on(
        world, bus, peers, flood, gateway):
    diagnostics = world.listen(DiagnosticArray, '/diagnostics')
    shown = world.listen(ros.DcPowerControl, 'dc_power_control')
    before = shown.mark
    flood.run().join()
    ended_s = time.time()
    newest = command(NEWEST_A)
    newest.timestamp = ended_s
    bus.send(newest)
    peers.wait_for_setpoint(ModulesMode.REGULATE, current_a=NEWEST_A)
    heard = [at_s for setpoint, at_s in zip(
        peers.setpoints.heard, peers.setpoints.heard_at_s, strict=False)
        if abs(setpoint.current - NEWEST_A) < 0.05]
    print(f'newest command in force {1e3 * (heard[0] - ended_s):.0f} ms after the flood, '
          f'{flood.most_waiting} frames waiting at most, {shown.mark - before} commands shown')
    assert heard[0] - ended_s < SOON_S
    assert shown.mark - before < 100 * (SECONDS + SOON_S) + 20, 'A9: every 10 ms'
    assert not any(words.fault for words in peers.words.heard)
    # Nothing has piled up.
    assert len(gateway._reception.newer_ids) <= MOST_NEWER_IDS + 1
    assert gateway.counters.superseded > 500
    world.wait_until(lambda: gateway._limit.due_s == math.inf, 'what was held has passed')
    world.wait_until(lambda: 'superseded' in values_of(diagnostics), 'it is told')
    assert any('there was a flood' in array.status[0].message for array in diagnostics.heard
               if array.status[0].name.endswith('gateway: bus')) or diagnostics.wait_for(
        lambda array: 'there was a flood' in array.status[0].message)
    # Afterwards all is as before: each command is followed at once.
    for current_a in (61.0, 62.0, 63.0):
        again, mark = command(current_a), peers.setpoints.mark
        again.timestamp = time.time()
        bus.send(again)
        peers.wait_for_setpoint(ModulesMode.REGULATE, current_a=current_a, after=mark)


@pytest.mark.timeout(60)
@pytest.mark.parametrize('message, words', [
    (signals.EmergencyStop(signals.EmergencyStop.Origin.PEV), 'Emergency_Stop'),
], ids=['Emergency_Stop'])
def test_a_single_emergency_stop_in_a_flood_is_obeyed_at_once(peers, flood, message, words):
    flooding = flood.run(between=frame(message))
    try:
        told = peers.words.wait_for(lambda status: words in status.fault)
    finally:
        is_during_flood = flooding.is_alive()
        flooding.join()
    assert told.phase_name == 'FAULT'
    assert is_during_flood


@pytest.mark.timeout(60)
def test_a_session_that_ends_in_a_flood_has_ended(world, flood):
    ends = world.listen(ros.ChargeSessionFinished, 'charge_session_finished')
    changes = world.listen(ros.ChargeStatusChange, 'charge_status_change')
    flood.run(between=frame(signals.ChargeStatusChange())).join()
    flood.run(seconds=0.5, between=frame(signals.ChargeSessionFinished())).join()
    ends.wait_for()
    changes.wait_for()
    assert (ends.mark, changes.mark) == (1, 1)
