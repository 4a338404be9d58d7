# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the rules find is kept, told, and not found where nobody could hear."""

import pytest

from gi3_ros.core.interface.codec import decode, encode
from gi3_ros.core.interface.frame import Frame
from gi3_ros.core.interface.signals import NewChargeSession, PowerModulesStatus
from gi3_ros.core.rules.tolerances import Tolerances
from gi3_ros.sim.config import ControllerConfig
from gi3_ros.sim.events import Kind, Story
from gi3_ros.sim.judgement import Judgement, tolerances_for


@pytest.fixture
def story():
    story = Story(1)
    story.begin(now_s=0.0)
    return story


@pytest.fixture
def judgement(story):
    return Judgement(1, Tolerances(), story)


def hear_a_session_until(judgement, until_s):
    """Let a session be announced and the modules report, ten times a second."""
    for tenth in range(round(until_s * 10)):
        for message in (NewChargeSession(), PowerModulesStatus()):
            judgement.receive(decode(encode(message, index=1)), now_s=tenth / 10)
        judgement.tick(now_s=tenth / 10)


def test_a_breach_is_kept_told_and_said_in_words(judgement, story):
    assert judgement.words == 'no rule broken by the charger'
    hear_a_session_until(judgement, 1.0)
    judgement.tick(now_s=10.0)
    assert judgement.broken_rules == ['R3']
    assert judgement.words == '1 breach of R3 by the charger'
    assert [event.kind for event in story.events] == [Kind.FINDING]
    assert story.events[0].text.startswith('R3: ')


def test_what_goes_unheard_is_nobodys_fault(judgement, story):
    hear_a_session_until(judgement, 1.0)
    judgement.follow_bus(True, now_s=1.0)
    judgement.follow_bus(True, now_s=1.1)
    judgement.tick(now_s=9.0)
    judgement.follow_bus(False, now_s=10.0)
    judgement.tick(now_s=10.1)
    assert [(event.kind, event.text) for event in story.events] == [
        (Kind.BUS, 'off'), (Kind.BUS, 'back')]
    assert judgement.findings == []


def test_a_frame_that_is_too_short_is_a_breach_or_told_once(judgement, story):
    status = encode(PowerModulesStatus(), index=1)
    judgement.reject(decode(Frame(status.can_id, status.data[:3])), now_s=1.0)
    assert judgement.broken_rules == ['1.4']
    foreign = encode(PowerModulesStatus(), index=2)
    for now_s in (2.0, 3.0):
        judgement.reject(decode(Frame(foreign.can_id, foreign.data[:3])), now_s=now_s)
    assert [event.kind for event in story.events] == [Kind.FINDING, Kind.BUS]


def test_frames_of_others_are_neither_judged_nor_told(judgement, story):
    judgement.reject(decode(Frame(0x123, b'', is_extended=False)), now_s=1.0)
    assert (judgement.findings, story.events) == ([], [])


def test_the_least_voltage_for_discharging_is_the_controllers():
    assert tolerances_for(ControllerConfig()).discharge_from_v == 0.0
