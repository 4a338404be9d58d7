# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The controller's digital outputs: who may have which, and what is sent when."""

import pytest

from gi3_ros.core.hardware import ContactorCommand
from gi3_ros.core.interface.signals import AdmCsSeccOutputs
from gi3_ros.core.stage.digital_outputs import DigitalOutputs, PERIOD_S
from gi3_ros.core.stage.output_stage import StageConfig


@pytest.fixture
def stage():
    """Give the outputs of a stage whose relays hang on 2 and 3."""
    return DigitalOutputs(
        StageConfig(installation='own_v2g', main_output=3, precharge_output=2))


def high(message):
    return {n for n in range(1, 5) if getattr(message, f'digital_output{n}')}


def test_nothing_is_sent_before_an_output_is_used():
    outputs = DigitalOutputs(StageConfig())
    outputs.follow(ContactorCommand(output_closed=True))
    assert outputs.due(now_s=0.0) is None
    assert outputs.last_word() is None
    outputs.request([4], True)
    assert high(outputs.due(now_s=1.0)) == {4}
    assert outputs.last_word() == AdmCsSeccOutputs()


def test_sent_on_change_and_repeated(stage):
    stage.follow(ContactorCommand())
    assert high(stage.due(now_s=0.0)) == set()
    assert stage.due(now_s=PERIOD_S - 0.01) is None
    assert stage.due(now_s=PERIOD_S) is not None
    stage.follow(ContactorCommand(precharge_closed=True))
    assert high(stage.due(now_s=PERIOD_S + 0.01)) == {2}
    stage.follow(ContactorCommand(output_closed=True))
    assert high(stage.due(now_s=PERIOD_S + 0.02)) == {3}


def test_relays_that_may_be_closed_under_load_are_left_alone_before_the_first_command(stage):
    stage.request([4], True)
    assert stage.due(now_s=0.0) is None
    assert stage.last_word() is None


def test_no_last_word_while_a_relay_is_closed(stage):
    stage.follow(ContactorCommand(output_closed=True))
    assert stage.last_word() is None
    stage.follow(ContactorCommand())
    assert stage.last_word() == AdmCsSeccOutputs()


@pytest.mark.parametrize('numbers, words', [
    ([], 'no output is named'), ([0], 'there is no output 0'), ([5], 'there is no output 5'),
    ([1, 3], r'output 3 is not available: it drives a relay of the output stage'),
    ([2], 'output 2 is not available')])
def test_refused_in_words_and_nothing_changes(stage, numbers, words):
    stage.follow(ContactorCommand())
    stage.due(now_s=0.0)
    with pytest.raises(ValueError, match=words):
        stage.request(numbers, True)
    assert stage.due(now_s=0.01) is None


def test_the_controllers_own_precharge_relay_is_not_available():
    """R47."""
    outputs = DigitalOutputs(StageConfig(installation='controller_v2g'))
    with pytest.raises(ValueError, match='output 1 is not available'):
        outputs.request([1], True)
    assert outputs.request([2, 4], True) == '1 low, 2 high, 3 low, 4 high'


@pytest.mark.parametrize('entries, words', [
    ({'installation': 'controller_relay', 'main_output': 1}, 'no meaning'),
    ({'precharge_output': 1}, 'precharge_output has no meaning'),
    ({'installation': 'own_v2g', 'main_output': 2, 'precharge_output': 2}, 'are both 2'),
    ({'installation': 'diode'}, "installation is 'diode'"),
])
def test_an_installation_that_contradicts_itself_is_refused(entries, words):
    with pytest.raises(ValueError, match=words):
        StageConfig(**entries)
