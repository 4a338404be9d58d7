# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Moments of a log in words, in any time zone, also in the nights when clocks are changed."""

import datetime
import time

import pytest

from gi3_ros.logs.times import Length, SECOND_NS, Zone

WINTER_NS = 1_772_593_263_250_000_000
"""2026-03-04 03:01:03.250 UTC"""
AUTUMN_NS = 1_792_890_000_000_000_000
"""2026-10-25 01:00:00 UTC: clocks go back in Europe at this moment."""
SPRING_NS = 1_774_746_000_000_000_000
"""2026-03-29 01:00:00 UTC: they go forward."""
HOUR_NS = 3600 * SECOND_NS


@pytest.fixture
def machine_in(monkeypatch):
    """Put this machine into a time zone."""
    def put(name):
        monkeypatch.setenv('TZ', name)
        time.tzset()
    yield put
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(('name', 'text'), [
    ('UTC', '2026-03-04 03:01:03.250+00:00'),
    ('Europe/Madrid', '2026-03-04 04:01:03.250+01:00'),
    ('America/St_Johns', '2026-03-03 23:31:03.250-03:30'),
    ('Asia/Kathmandu', '2026-03-04 08:46:03.250+05:45'),
    ('+02:00', '2026-03-04 05:01:03.250+02:00'),
    ('-0930', '2026-03-03 17:31:03.250-09:30'),
])
def test_a_moment_is_told_in_the_zone_with_its_offset(name, text):
    assert Zone(name).text(WINTER_NS) == text
    assert datetime.datetime.fromisoformat(text).timestamp() == WINTER_NS // 1000 / 1_000_000


def test_without_a_name_it_is_the_zone_of_this_machine(machine_in):
    machine_in('Asia/Tokyo')
    assert Zone().text(WINTER_NS) == '2026-03-04 12:01:03.250+09:00'
    assert Zone().words(WINTER_NS) == 'JST (UTC+09:00)'
    machine_in('America/New_York')
    assert Zone().text(WINTER_NS) == '2026-03-03 22:01:03.250-05:00'


def test_milliseconds_are_cut_not_rounded_into_the_next_second():
    assert Zone('UTC').text(WINTER_NS + 749_999_999) == '2026-03-04 03:01:03.999+00:00'


@pytest.mark.parametrize('name', ['Europe/Madrid', None])
def test_the_hour_that_comes_twice_is_told_apart(machine_in, name):
    machine_in('Europe/Madrid')
    zone = Zone(name)
    assert zone.text(AUTUMN_NS - HOUR_NS // 2) == '2026-10-25 02:30:00.000+02:00'
    assert zone.text(AUTUMN_NS + HOUR_NS // 2) == '2026-10-25 02:30:00.000+01:00'
    assert zone.changes(AUTUMN_NS - 9 * HOUR_NS, AUTUMN_NS + 3 * HOUR_NS) == [AUTUMN_NS]
    assert zone.changes(SPRING_NS - 30 * HOUR_NS, SPRING_NS + 90 * HOUR_NS) == [SPRING_NS]
    assert zone.changes(WINTER_NS, WINTER_NS + 48 * HOUR_NS) == []
    assert zone.changes(WINTER_NS, WINTER_NS + 365 * 24 * HOUR_NS) == [SPRING_NS, AUTUMN_NS]


@pytest.mark.parametrize('name', ['Europe/Nowhere', '', '+25:00', '../etc/passwd', 'a' * 300])
def test_a_zone_that_there_is_not_is_refused_with_words(name):
    with pytest.raises(ValueError, match='no time zone'):
        Zone(name)


@pytest.mark.parametrize('time_ns', [1 << 68, -(1 << 68)])
def test_a_date_that_no_calendar_has_is_refused(time_ns):
    with pytest.raises(ValueError):
        Zone('UTC').at(time_ns)


@pytest.mark.parametrize(('text', 'seconds'), [
    ('04:01:04', 0.75), ('4:02', 56.75), ('2026-03-04T04:01:03.5', 0.25),
    ('2026-03-05 04:01:03.25', 86400.0), ('03:00', 86400 - 3663.25),
])
def test_what_somebody_typed_is_a_moment_of_the_zone(text, seconds):
    assert Zone('Europe/Madrid').parse(text, WINTER_NS) == WINTER_NS + round(seconds * 1e9)


def test_the_same_hour_of_the_next_day_may_be_25_hours_away():
    late_ns = AUTUMN_NS - 12 * HOUR_NS
    assert Zone('Europe/Madrid').parse('14:59', late_ns) == late_ns + 25 * HOUR_NS - 60 * SECOND_NS


@pytest.mark.parametrize(('after_s', 'text', 'seconds'), [
    # 02:10 comes twice: before AUTUMN_NS and after it.
    (-1800, '02:10', 2400.0), (-1800, '02:40', 600.0), (-3600, '02:00', 0.0),
    (0, '02:00', 0.0), (600, '02:10:30', 30.0), (600, '02:59:50', 2990.0),
    (600, '03:00:05', 3005.0), (600, '02:05', 86400 - 300.0),
])
def test_a_clock_that_comes_twice_is_the_first_from_there_on(after_s, text, seconds):
    after_ns = AUTUMN_NS + after_s * SECOND_NS
    assert Zone('Europe/Madrid').parse(text, after_ns) == after_ns + round(seconds * 1e9)


@pytest.mark.parametrize('text', ['', 'noon', '25:00', '03:61', '2026-02-30 03:00', '-1'])
def test_what_is_no_time_is_refused_with_words(text):
    with pytest.raises(ValueError, match=r'no time|no such'):
        Zone('UTC').parse(text, WINTER_NS)


# How long a log is

@pytest.mark.parametrize('times_s, length_s', [
    ([], 0.0), ([5.0], 0.0), ([5.0, 7.0], 2.0),
    # A little out of order is no step.
    ([5.0, 7.0, 6.5, 7.2], 2.2), ([5.0, 7.0, 6.0, 7.5], 2.5),
    # Set back by an hour, once and twice.
    ([5000.0, 5010.0, 1410.0, 1425.0], 25.0),
    ([5000.0, 5010.0, 1410.0, 1425.0, 0.0, 3.0], 28.0),
])
def test_length_of_a_log_whose_clock_is_set_back(times_s, length_s):
    length = Length()
    for time_s in times_s:
        length.take(round(time_s * 1e9))
    assert length.seconds == pytest.approx(length_s)
