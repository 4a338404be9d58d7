# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""In a flood the newest message counts, no edge is lost, and nothing piles up."""

import itertools
import math

import pytest

from gi3_ros.core.interface.codec import Received
from gi3_ros.core.interface.signals import (
    ChargeSessionFinished,
    ChargeStatusChange,
    DcPowerControl,
    EmergencyStop,
    EvInformationBattery,
    MESSAGES,
)
from gi3_ros.core.rate_limit import BURST, DISTANCE_S, DISTANCES_S, RateLimit
from gi3_ros.core.timing import CONTROLLER_TIMEOUT_S

FULL_BUS_S = 1 / 4000
STARTED, STOPPED = (ChargeStatusChange(label) for label in (
    ChargeStatusChange.VehicleReadyForCharging.CHARGE_STARTED,
    ChargeStatusChange.VehicleReadyForCharging.CHARGE_STOPPED))
FROM_CONTROLLER = [cls for cls in MESSAGES.values() if cls.FROM_CONTROLLER]


def battery(number):
    return Received(1, EvInformationBattery(battery_capacity=1e3 * number))


def play(limit, frames, *, listens_s=0.2):
    """Let ``(time, received)`` come; return what passes as ``(time, message)``."""
    passed, now_s = [], 0.0
    for now_s, received in frames:
        # As the gateway: it listens, and looks for what is due by then.
        passed += [(now_s, each.received.message) for each in limit.take(
            received, now_s, now_s=now_s)]
        passed += [(now_s, each.received.message) for each in limit.due(now_s=now_s)]
    end_s = now_s + listens_s
    while limit.due_s <= end_s:
        now_s = max(now_s, limit.due_s)
        passed += [(now_s, each.received.message) for each in limit.due(now_s=now_s)]
    return passed


def flood(make, *, seconds, since_s=0.0):
    return [(since_s + number * FULL_BUS_S, make(number))
            for number in range(round(seconds / FULL_BUS_S))]


def test_what_comes_as_the_interface_has_it_passes_at_once():
    limit = RateLimit()
    messages = [Received(1, cls()) for cls in FROM_CONTROLLER]
    for beat in range(600):
        for received in messages:
            passed = limit.take(received, 0.0, now_s=0.1 * beat)
            assert [each.received for each in passed] == [received]
    assert (limit.superseded, limit.due_s) == (0, math.inf)


def test_commands_may_come_every_10_ms():
    """A9."""
    limit = RateLimit()
    command = Received(1, DcPowerControl())
    assert all(limit.take(command, 0.0, now_s=number / 100) for number in range(3000))


def test_a_bunch_after_a_stall_passes_as_it_is():
    limit = RateLimit()
    frames = [(5.0, battery(number)) for number in range(BURST)]
    assert [message for _, message in play(limit, frames)] == [
        received.message for _, received in frames]


@pytest.mark.parametrize('cls', FROM_CONTROLLER, ids=lambda cls: cls.NAME)
def test_a_flood_is_thinned_to_its_pace(cls):
    limit = RateLimit()
    passed = play(limit, flood(lambda _: Received(1, cls()), seconds=2.0))
    pace_s = DISTANCES_S.get(cls, DISTANCE_S)
    assert len(passed) == pytest.approx(BURST + 2.0 / pace_s, abs=2)
    assert limit.superseded == 8000 - len(passed)
    times_s = [at_s for at_s, _ in passed][BURST:]
    assert max(later - at_s for at_s, later in itertools.pairwise(times_s)) < pace_s + 0.001
    assert pace_s < CONTROLLER_TIMEOUT_S / 4, 'a flood of statuses is no silence (R1)'


def test_the_newest_of_a_flood_passes_soon_after_it():
    passed = play(RateLimit(), flood(battery, seconds=1.0))
    numbers = [message.battery_capacity for _, message in passed]
    assert numbers == sorted(numbers)
    assert numbers[-1] == 1e3 * 3999
    assert passed[-1][0] < 1.0 + DISTANCE_S


@pytest.mark.parametrize('edge', [
    STARTED, STOPPED, EmergencyStop(), ChargeSessionFinished()], ids=repr)
def test_an_edge_in_a_flood_of_commands_passes_at_once(edge):
    frames = flood(lambda _: Received(1, DcPowerControl()), seconds=1.0)
    frames[2000] = (frames[2000][0], Received(1, edge))
    passed = play(RateLimit(), frames)
    assert [at_s for at_s, message in passed if message == edge] == [frames[2000][0]]


def test_no_edge_is_lost_in_a_flood_of_its_own_kind_and_the_last_comes_last():
    frames = flood(lambda _: Received(1, STARTED), seconds=1.0)
    frames[3500] = (frames[3500][0], Received(1, STOPPED))
    passed = play(RateLimit(), frames)
    (at_s, _), = [each for each in passed if each[1] == STOPPED]
    assert at_s - frames[3500][0] <= 2 * DISTANCE_S
    assert passed[-1][1] == STARTED
    passed = play(RateLimit(), [*frames, (1.0, Received(1, STOPPED))])
    assert passed[-1][1] == STOPPED


def test_edges_that_are_held_pass_in_the_order_of_their_last_arrival():
    limit = RateLimit()
    for _ in range(BURST):
        limit.take(Received(1, STARTED), 0.0, now_s=0.0)
    for edge in (STARTED, STOPPED, STARTED):
        assert not limit.take(Received(1, edge), 0.0, now_s=0.001)
    passed = limit.due(now_s=limit.due_s)
    assert [each.received.message for each in passed] == [STOPPED, STARTED]


def test_nonsense_displaces_no_good_message():
    bad = Received(1, DcPowerControl(power_function=3), ('Power_Function=3',))
    good = Received(1, DcPowerControl(target_voltage=400.0))
    frames = flood(lambda number: bad if number % 2 else good, seconds=1.0)
    passed = [message for _, message in play(RateLimit(), frames)]
    assert passed.count(good.message) > 40
    assert passed[-1] == bad.message


def test_pistols_have_nothing_to_do_with_each_other():
    limit = RateLimit()
    play(limit, flood(lambda _: Received(1, EmergencyStop()), seconds=0.5))
    other = Received(2, EmergencyStop())
    assert [each.received for each in limit.take(other, 0.5, now_s=0.5)] == [other]
    frames = flood(lambda _: other, seconds=0.5, since_s=1.0)
    assert len(play(limit, frames)) < 2 * BURST + 0.5 / DISTANCE_S


def test_what_is_held_is_as_old_as_it_is():
    limit = RateLimit()
    for number in range(2 * BURST):
        limit.take(battery(number), 100.0 + number, now_s=0.001 * number)
    held, = limit.due(now_s=limit.due_s)
    assert held.arrival == 100.0 + 2 * BURST - 1


def test_nothing_piles_up():
    limit = RateLimit()

    def any_message(number):
        cls = FROM_CONTROLLER[number % len(FROM_CONTROLLER)]
        undefined = ('State=200',) if number % 3 else ()
        return Received(1 + number % 31, cls(), undefined)
    for at_s, received in flood(any_message, seconds=3.0):
        limit.take(received, at_s, now_s=at_s)
    held = limit.due(now_s=10.0)
    assert len(held) <= 31 * 2 * len(FROM_CONTROLLER)
    assert (limit.due(now_s=20.0), limit.due_s) == ([], math.inf)
