# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Frames that a stall bunched up keep their distance on the bus."""

import itertools

import pytest

from gi3_ros.core.outgoing import MAX_AGE_S
from gi3_ros.core.spacing import MOST_WAITING, Spacing, SPACING_S, Waiting
from gi3_ros.core.timing import CONTROLLER_TIMEOUT_S


def play(spacing, offers, *, step_s=0.001, until_s=1.0):
    """Offer ``(time, word)`` in turn; return what went out as ``(time, word)``."""
    offers, sent = list(offers), []
    for step in range(round(until_s / step_s)):
        now_s = 100.0 + step * step_s
        while offers and offers[0][0] <= step * step_s + 1e-9:
            spacing.offer(offers.pop(0)[1], now_s)
        due = spacing.due(now_s=now_s)
        if due is not None:
            sent.append((step * step_s, due.content))
            spacing.sent(now_s=now_s)
    return sent


def assert_distances(sent):
    times = [at_s for at_s, _ in sent]
    assert all(later - earlier >= 0.1 for earlier, later in itertools.pairwise(times))


def test_the_distance_is_that_of_the_interface():
    """R4: 100 ms; and less than what the controller would take for silence."""
    assert 0.1 < SPACING_S < CONTROLLER_TIMEOUT_S


@pytest.mark.parametrize('keeps_edges', [False, True])
def test_what_has_its_distance_goes_out_at_once(keeps_edges):
    offers = [(0.0, 'a'), (0.2, 'b'), (0.41, 'a')]
    sent = play(Spacing(keeps_edges=keeps_edges), offers)
    assert sent == [(pytest.approx(at_s), word) for at_s, word in offers]


@pytest.mark.parametrize('offers, expected', [
    ([(0.0, 'a'), (0.0, 'b')], ['b']),
    ([(0.0, 'a'), (0.001, 'b'), (0.002, 'c')], ['a', 'c']),
    ([(0.0, 'a'), (0.074, 'b')], ['a', 'b']),
    ([(0.0, 'a'), (0.05, 'b'), (0.1, 'a'), (0.15, 'd')], ['a', 'a', 'd']),
    ([(0.01 * number, number) for number in range(50)], [0, 10, 21, 31, 42, 49]),
], ids=['two', 'three', 'the case', 'back and forth', 'a flood'])
def test_the_newest_wins(offers, expected):
    sent = play(Spacing(), offers)
    assert [word for _, word in sent] == expected
    assert_distances(sent)


@pytest.mark.parametrize('offers, expected', [
    ([(0.0, 'up'), (0.0, 'down')], ['up', 'down']),
    ([(0.0, 'a'), (0.0, 'up'), (0.0, 'up'), (0.0, 'down')], ['a', 'up', 'down']),
    ([(0.0, 'a'), (0.02, 'up'), (0.04, 'down'), (0.06, 'up')], ['a', 'up', 'down', 'up']),
])
def test_every_edge_goes_out_in_order(offers, expected):
    sent = play(Spacing(keeps_edges=True), offers)
    assert [word for _, word in sent] == expected
    assert_distances(sent)


def test_what_was_not_taken_waits_and_the_newest_wins_meanwhile():
    spacing = Spacing()
    spacing.offer('a', 1.0)
    assert spacing.due(now_s=1.0) == Waiting('a', 1.0)
    assert spacing.due(now_s=1.02) == Waiting('a', 1.0), 'it did not go out'
    spacing.offer('b', 1.05)
    assert spacing.due(now_s=1.06) == Waiting('b', 1.05)


def test_the_same_word_again_is_as_new_as_it_is():
    for spacing in (Spacing(), Spacing(keeps_edges=True)):
        spacing.offer('a', 1.0)
        spacing.offer('a', 1.3)
        assert spacing.due(now_s=1.3) == Waiting('a', 1.3)
        spacing.drop()
        assert not spacing


def test_nothing_waits_after_it_was_cleared():
    spacing = Spacing(keeps_edges=True)
    for word in 'abc':
        spacing.offer(word, 1.0)
    assert spacing
    spacing.clear()
    assert not spacing
    assert spacing.due(now_s=2.0) is None


def test_a_flood_of_edges_does_not_pile_up():
    spacing = Spacing(keeps_edges=True)
    for number in range(10_000):
        spacing.offer(number, 1.0)
    waiting = []
    while spacing:
        waiting.append(spacing.due(now_s=2.0).content)
        spacing.drop()
    assert waiting == list(range(10_000 - MOST_WAITING, 10_000)), 'the newest'
    assert MOST_WAITING * SPACING_S > MAX_AGE_S, 'no older one could have been sent'
