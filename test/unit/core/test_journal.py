# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What happened, in sentences: each kind again after some seconds only, and not new for ever."""

import pytest

from gi3_ros.core.journal import FRESH_FINDING_S, Journal, MOST_INFOS, REPEAT_AFTER_S


def test_the_same_finding_is_said_again_with_the_number_of_those_before_it():
    journal = Journal()
    for step in range(100):
        journal.finding('short', 'too short', now_s=step * REPEAT_AFTER_S / 50)
    assert [entry.text for entry in journal.drain()] == [
        'too short', 'too short (and 49 more of this kind before it)']
    assert journal.counts == {'short': 100}
    assert journal.drain() == []


@pytest.mark.parametrize('age_s, is_fresh', [
    (0.0, True), (FRESH_FINDING_S - 0.1, True), (FRESH_FINDING_S, False), (1e6, False)])
def test_a_finding_is_fresh_for_a_minute(age_s, is_fresh):
    journal = Journal()
    assert not journal.has_fresh_finding(now_s=10.0)
    journal.info('nothing special', now_s=10.0)
    assert not journal.has_fresh_finding(now_s=10.0)
    journal.finding('short', 'too short', now_s=10.0)
    assert journal.has_fresh_finding(now_s=10.0 + age_s) is is_fresh


def test_a_flood_of_changes_is_counted_and_not_written():
    journal = Journal()
    for number in range(1000):
        journal.info(f'change {number}', now_s=number / 500)
    entries = journal.drain()
    assert len(entries) == 2 * MOST_INFOS + 1
    assert journal.counts == {'too many changes': 1000 - 2 * MOST_INFOS}
    journal.info('at last', now_s=5.0)
    assert [entry.text for entry in journal.drain()] == ['at last']
