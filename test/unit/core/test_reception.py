# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What comes from the bus: messages of our pistols, and what is said of everything else."""

import dataclasses

import pytest

from gi3_ros.core.interface.codec import encode, Received, Rejected
from gi3_ros.core.interface.frame import Frame
from gi3_ros.core.interface.signals import (
    AdmCsSeccInputs,
    AdvanticsControllerStatus,
    MESSAGES,
    PowerModulesStatus,
)
from gi3_ros.core.journal import Journal
from gi3_ros.core.reception import (
    Counters,
    Echoes,
    MOST_NEWER_IDS,
    OWN_FRAMES,
    Reception,
)

STATUS = encode(AdvanticsControllerStatus(), index=2)
OURS = encode(PowerModulesStatus(present_voltage=400.0), index=2)


class Bench:
    def __init__(self):
        self.journal, self.counters = Journal(), Counters()
        self.reception = Reception([2, 3], self.journal, self.counters)

    def take(self, frame, now_s=10.0):
        return self.reception.take(frame, now_s=now_s)

    @property
    def counted(self):
        return {name: count for name, count in dataclasses.asdict(self.counters).items() if count}


@pytest.fixture
def bench():
    return Bench()


@pytest.mark.parametrize('index', [2, 3])
@pytest.mark.parametrize(
    'cls', [cls for cls in MESSAGES.values() if cls.FROM_CONTROLLER], ids=lambda cls: cls.NAME)
def test_every_message_of_a_controller_to_our_pistols_is_taken(bench, cls, index):
    taken = bench.take(encode(cls(), index=index))
    assert isinstance(taken, Received)
    assert (taken.index, type(taken.message)) == (index, cls)
    assert bench.counted == {'received': 1}
    assert not bench.journal.drain()


@pytest.mark.parametrize('frame, counted', [
    (encode(AdvanticsControllerStatus(), index=1), {'foreign': 1}),
    (Frame(0x123, b'', is_extended=False), {'foreign': 1}),
    (Frame(STATUS.can_id, b'', is_remote=True), {'foreign': 1}),
    (Frame(0x0206B7FF, bytes(8)), {'newer': 1}),
], ids=['another pistol', 'standard identifier', 'remote', 'newer version'])
def test_what_is_not_ours_is_counted_and_nothing_is_said(bench, frame, counted):
    assert bench.take(frame) is None
    assert bench.counted == {'received': 1} | counted
    assert not bench.journal.drain()
    assert bench.reception.found_s < 0


def test_identifiers_of_a_newer_version_are_remembered(bench):
    for _ in range(3):
        bench.take(Frame(0x0206B7FF, bytes(8)))
    assert bench.reception.newer_ids == {'0x6B7FF': 3}


def test_of_a_flood_of_identifiers_only_some_are_remembered_one_by_one(bench):
    bench.take(Frame(0x0206B7FF, bytes(8)))
    for number in range(0x400, 0x1000):
        bench.take(Frame(0x0206B000 | number, bytes(8)))
    ids = bench.reception.newer_ids
    assert len(ids) == MOST_NEWER_IDS + 1
    assert ids['0x6B7FF'] == 2
    assert sum(ids.values()) == bench.counters.newer == 0xC01


@pytest.mark.parametrize('frame, kind, is_taken', [
    (Frame(STATUS.can_id, b''), 'short frame', True),
    (Frame(STATUS.can_id ^ 0x01000000 ^ 0x02000000 ^ 0x04000000, b''), 'short frame', False),
    (Frame(OURS.can_id, b'\1'), 'short frame', False),
    (Frame(STATUS.can_id, b'\xC8'), 'undefined label', True),
    (OURS, 'second customer controller', False),
], ids=['short', 'short of another pistol', 'short of our side', 'label', 'our side'])
def test_what_is_wrong_is_named_and_counted(bench, frame, kind, is_taken):
    taken = bench.take(frame, now_s=12.0)
    assert (taken is not None) is is_taken
    assert bench.counted == {'received': 1, 'bad': 1}
    assert list(bench.journal.counts) == [kind]
    assert bench.reception.found_s == 12.0


def test_a_short_frame_of_the_controller_is_for_the_rules_only(bench):
    assert isinstance(bench.take(Frame(STATUS.can_id, b'')), Rejected)


def test_bits_that_nobody_owns_are_named(bench):
    frame = encode(AdmCsSeccInputs(), index=2)
    spoiled = Frame(frame.can_id, b'\xFF' * len(frame.data))
    assert isinstance(bench.take(spoiled), Received)
    assert list(bench.journal.counts) == ['unassigned bits']


def test_an_error_frame_is_said_with_what_the_adapter_knows(bench):
    bench.reception.take_error(': bus-off', now_s=3.0)
    assert [entry.text for entry in bench.journal.drain()] == ['the bus reports errors: bus-off']
    assert bench.counted == {'received': 1, 'bus_errors': 1}


def test_an_echo_is_ours_once(bench):
    bench.reception.echoes.expect(OURS)
    assert bench.take(OURS) is None
    assert bench.counted == {'received': 1}
    bench.take(OURS)
    assert bench.counted == {'received': 2, 'bad': 1}


def test_echoes_are_known_in_any_order_and_the_oldest_are_forgotten():
    echoes = Echoes()
    frames = [Frame(number, b'') for number in range(OWN_FRAMES + 1)]
    for frame in frames:
        echoes.expect(frame)
    assert not echoes.is_echo(frames[0])
    assert all(echoes.is_echo(frame) for frame in reversed(frames[1:]))
    assert not any(echoes.is_echo(frame) for frame in frames)
