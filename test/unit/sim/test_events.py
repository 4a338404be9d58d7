# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the simulator has to tell, and when it was."""

import json
import math

import pytest

from gi3_ros.sim.events import Event, Kind, Story


def test_time_counts_from_the_start_and_is_0_before():
    story = Story(3)
    story.say(Kind.BUS, 'early', now_s=99.0)
    story.begin(now_s=100.0)
    story.begin(now_s=200.0)
    story.say(Kind.BUS, 'late', now_s=101.5)
    assert [(event.text, event.time_s, event.pistol) for event in story.events] == [
        ('early', 0.0, 3), ('late', 1.5, 3)]


def test_what_was_taken_is_told_no_more():
    story = Story(1)
    story.say(Kind.VEHICLE, 'plugged in', now_s=0.0)
    assert [event.words for event in story.take()] == ['vehicle: plugged in']
    assert story.take() == story.events == []


def test_json_has_values_where_there_are_some():
    assert json.loads(Event(1.0, Kind.BUS, 'off').to_json()) == {
        'time_s': 1.0, 'pistol': 1, 'kind': 'bus', 'text': 'off'}


def test_event_is_one_line_of_strict_json():
    event = Event(1.23456, Kind.FINDING, 'R21: "5 A"', {'amps': 5.0, 'ohm': math.nan})
    line = event.to_json()
    assert '\n' not in line
    assert json.loads(line, parse_constant=pytest.fail) == {
        'time_s': 1.235, 'pistol': 1, 'kind': 'finding', 'text': 'R21: "5 A"',
        'values': {'amps': 5.0, 'ohm': None},
    }
