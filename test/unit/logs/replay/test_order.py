# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Entries come in the order in which the nodes got to know, however late they were written."""

import types

import pytest
from recording_bench import stamp_of

from gi3_ros.logs.entries import Sample
from gi3_ros.logs.replay.order import as_known, as_recorded, stamp_ns

MS = 1_000_000
BEGIN_NS = 1_700_000_000_000_000_000


def sample(topic, true_ms, recorded_ms):
    """Return a message with the stamp of one time, recorded at another."""
    header = types.SimpleNamespace(stamp=stamp_of(BEGIN_NS + true_ms * MS))
    return Sample(
        BEGIN_NS + recorded_ms * MS, 'pistol1', topic, types.SimpleNamespace(header=header), 1)


def known(*entries):
    return [(each.entry.topic, (each.time_ns - BEGIN_NS) // MS) for each in as_known(entries)]


def test_a_reading_was_known_as_much_earlier_as_decisions_were_written_late():
    assert known(
        sample('power_setpoint', 1000, 1300), sample('power_measurement', 900, 1310)) == [
            ('power_setpoint', 1000), ('power_measurement', 1010)]


def test_nothing_was_known_before_its_own_stamp():
    assert known(
        sample('power_setpoint', 1000, 1300), sample('power_measurement', 1290, 1310)) == [
            ('power_setpoint', 1000), ('power_measurement', 1290)]


def test_without_decisions_nobody_knows_how_late_the_recorder_was():
    assert known(sample('power_measurement', 900, 1310)) == [('power_measurement', 1310)]


@pytest.mark.parametrize('age_ms', [5001, -10])
def test_a_stamp_that_cannot_be_tells_nothing(age_ms):
    assert known(sample('power_setpoint', 9000 - age_ms, 9000)) == [('power_setpoint', 9000)]


def test_entries_that_were_written_out_of_order_are_put_in_order():
    late = [sample('power_setpoint', each, 2000 - each) for each in (300, 200, 100)]
    assert [each.time_ns for each in as_recorded(late)] == sorted(
        each.time_ns for each in late)
    mixed = [late[1], late[0], late[2]]
    times = [each.time_ns for each in as_known(mixed)]
    assert times == sorted(times)


def test_a_header_that_is_not_set_has_no_stamp():
    assert stamp_ns(sample('power_setpoint', 5, 7)) == BEGIN_NS + 5 * MS
    zero = types.SimpleNamespace(header=types.SimpleNamespace(stamp=stamp_of(0)))
    for message in (zero, types.SimpleNamespace()):
        assert stamp_ns(Sample(BEGIN_NS, 'pistol1', 'power_setpoint', message, 1)) is None
