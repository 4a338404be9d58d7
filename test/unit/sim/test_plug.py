# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The copper between two processes: what it carries, and what it does not believe."""

import json
import socket

import pytest

from gi3_ros.sim.plug import (
    CircuitEnd,
    DirectPlug,
    Inlet,
    InletReading,
    MAX_AGE_S,
    PlugError,
    UNPLUGGED,
    VehicleEnd,
)

CAR = Inlet(True, True, 360.0, 0.07, 1e6, relay_closed=True, precharge_relay_closed=False,
            digital_outputs=0b1010)
READING = InletReading(361.5, 20.0)


@pytest.fixture
def circuit():
    end = CircuitEnd(0)
    yield end
    end.close()


@pytest.fixture
def vehicle(circuit):
    end = VehicleEnd(circuit.port)
    yield end
    end.close()


@pytest.fixture
def stranger(circuit):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        end.connect(('127.0.0.1', circuit.port))
        yield end


def test_both_ends_see_the_same_copper(circuit, vehicle):
    vehicle.send(CAR)
    assert circuit.poll(READING, now_s=1.0) == CAR
    assert vehicle.reading(now_s=1.0) == READING
    assert vehicle.was_heard


@pytest.mark.parametrize('relays', [(False, False), (True, False), (False, True), (True, True)])
def test_the_relays_of_the_controller_are_told_each_by_itself(circuit, vehicle, relays):
    vehicle.send(Inlet(relay_closed=relays[0], precharge_relay_closed=relays[1]))
    heard = circuit.poll(READING, now_s=1.0)
    assert (heard.relay_closed, heard.precharge_relay_closed) == relays


def test_silence_releases_the_relays(circuit, vehicle):
    """R47: nobody is there to hold them."""
    vehicle.send(Inlet(relay_closed=True, precharge_relay_closed=True, digital_outputs=0b1111))
    circuit.poll(READING, now_s=1.0)
    heard = circuit.poll(READING, now_s=1.0 + MAX_AGE_S)
    assert not heard.relay_closed
    assert not heard.precharge_relay_closed
    assert heard.digital_outputs == 0


def test_silence_is_a_pulled_plug(circuit, vehicle):
    vehicle.send(CAR)
    circuit.poll(READING, now_s=1.0)
    assert circuit.poll(READING, now_s=1.0 + MAX_AGE_S - 0.001) == CAR
    assert circuit.poll(READING, now_s=1.0 + MAX_AGE_S) == UNPLUGGED
    assert vehicle.reading(now_s=1.0) == READING
    assert vehicle.reading(now_s=1.0 + MAX_AGE_S - 0.001) == READING
    assert vehicle.reading(now_s=1.0 + MAX_AGE_S) is None


def test_nobody_at_the_other_end_is_no_error():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    end = VehicleEnd(port)
    for _ in range(5):
        end.send(CAR)
        assert end.reading(now_s=0.0) is None
    assert not end.was_heard
    end.close()


def content(without=None, **changes):
    good = {
        'gi3_plug': 'inlet', 'is_plugged': True, 'contactors_closed': True,
        'battery_emf_v': 360.0, 'battery_resistance_ohm': 0.07,
        'insulation_resistance_ohm': 1e6, 'relay_closed': True, 'precharge_relay_closed': False,
        'digital_outputs': 0b1010,
    }
    chosen = {**good, **changes}
    return json.dumps({name: chosen[name] for name in chosen if name != without}).encode()


@pytest.mark.parametrize('garbage', [
    b'', b'\xff\xfe\x00', b'null', b'[1]', b'{}', b'[' * 2000, b'7', b'"gi3_plug"',
    content(gi3_plug='reading'), content(surplus=1), content(battery_emf_v='360'),
    content(battery_emf_v=float('nan')), content(battery_emf_v=float('inf')),
    content(battery_emf_v=10 ** 400), content(battery_emf_v=True), content(is_plugged=1),
    content(is_plugged=None), content(battery_resistance_ohm=0.0),
    content(battery_resistance_ohm=-1.0), content(insulation_resistance_ohm=0),
    content(gi3_plug=[1]), content(battery_emf_v=[]), content(relay_closed=1),
    content(precharge_relay_closed=None), content(precharge_relay_closed='false'),
    content(without='relay_closed'), content(without='precharge_relay_closed'),
    content(digital_outputs=16), content(digital_outputs=-1), content(digital_outputs=1.0),
    content(digital_outputs=True), content(without='digital_outputs'),
], ids=range(32))
def test_garbage_changes_nothing(circuit, vehicle, stranger, garbage):
    stranger.send(garbage)
    assert circuit.poll(READING, now_s=0.0) == UNPLUGGED
    vehicle.send(CAR)
    stranger.send(garbage)
    assert circuit.poll(READING, now_s=0.1) == CAR


def test_good_content_is_what_the_garbage_differs_from(circuit, stranger):
    stranger.send(content())
    assert circuit.poll(READING, now_s=0.0) == CAR


def test_one_pistol_takes_one_vehicle(circuit, vehicle, stranger):
    vehicle.send(CAR)
    circuit.poll(READING, now_s=0.0)
    stranger.send(content(battery_emf_v=800.0))
    assert circuit.poll(READING, now_s=0.1) == CAR
    stranger.send(content(battery_emf_v=800.0))
    assert circuit.poll(READING, now_s=0.1 + MAX_AGE_S).battery_emf_v == 800.0


def test_flood_does_not_hold_the_caller(circuit, stranger):
    for _ in range(1000):
        stranger.send(b'x')
    assert circuit.poll(READING, now_s=0.0) == UNPLUGGED


def test_taken_port_is_named_in_one_sentence(circuit):
    with pytest.raises(PlugError, match=str(circuit.port)) as error:
        CircuitEnd(circuit.port)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('cls', [CircuitEnd, VehicleEnd])
def test_impossible_port_is_refused(cls):
    with pytest.raises(PlugError):
        cls(70000)


def test_direct_plug_does_the_same_in_one_process():
    plug = DirectPlug()
    assert plug.poll(READING, now_s=0.0) == UNPLUGGED
    plug.send(CAR)
    assert plug.poll(READING, now_s=0.0) == CAR
    assert plug.reading(now_s=0.0) == READING
