# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The head of a report: green only for a whole, clean and complete story."""

import dataclasses
import math
import types

import log_bench
import pytest

from gi3_ros.core.interface import codec
from gi3_ros.core.interface.signals import (
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    DcPowerControl,
    EmergencyStop,
    NewChargeSession,
    PowerModulesStatus,
)
from gi3_ros.core.rules.findings import Finding
from gi3_ros.logs.audit import Audit, Verdict
from gi3_ros.logs.entries import Heard, Sample
from gi3_ros.logs.story.story import tell
from gi3_ros.logs.story.verdict import verdict

State = AdvanticsControllerStatus.State
BEGIN_NS = 1_772_593_263_250_000_000
RUSHED = ChargeSessionFinished(ChargeSessionFinished.State.RUSHED_STOP)


def heard(time_s, frame):
    frame = frame if hasattr(frame, 'can_id') else codec.encode(frame, index=1)
    return Heard(BEGIN_NS + round(time_s * 1e9), frame, 'can0')


def simulated(name='CCS', *, begin_s=0.0, end_s=1e9, edit=None):
    log = log_bench.session(name)
    log = log if edit is None else log_bench.edited(log, edit)
    return [heard(time_s, frame) for time_s, frame in log if begin_s <= time_s <= end_s]


def time_of(state, name='CCS'):
    """Return when the controller first reports a state."""
    return next(time_s for time_s, frame in log_bench.session(name)
                if getattr(codec.decode(frame).message, 'state', None) == state
                and isinstance(codec.decode(frame).message, AdvanticsControllerStatus))


def end_of(name='CCS'):
    return next(time_s for time_s, frame in log_bench.session(name)
                if isinstance(codec.decode(frame).message, ChargeSessionFinished))


class Grumbler:
    """Finds one thing in every announcement."""

    first_ns = None

    def take(self, time_ns, decoded):
        self.first_ns = self.first_ns or time_ns
        if isinstance(getattr(decoded, 'message', None), NewChargeSession):
            return [Verdict(1, Finding((time_ns - self.first_ns) / 1e9, 'R6', 'no good', {}))]
        return []

    def conclude(self):
        return []


def test_a_whole_clean_and_complete_story_is_green():
    head = verdict(tell(simulated(), Audit()))
    assert head == ('1 session, Clean_Stop after 00:00:21; no finding.', 'good', [])


def test_the_first_sentence_tells_the_session_and_its_cause():
    log = [heard(0.0, NewChargeSession()),
           *(heard(each * 9.0, EmergencyStop()) for each in range(1, 28)), heard(252.0, RUSHED)]
    head = verdict(tell(log, Grumbler()))
    assert head.words.startswith(
        '1 session, Rushed_Stop after 00:04:12: Emergency_Stop by the EVSE')
    assert head.words.endswith('; 1 finding: 1 customer.')
    assert head.mood == 'bad'


def test_several_sessions_are_summed_up():
    head = verdict(tell(simulated('restart'), Audit()))
    assert head.words == (
        '2 sessions: 1 without Charge_Session_Finished, 1 Rushed_Stop (session 2: the charger '
        'never gave System_Enable (R6)); 1 finding: 1 controller.')


def test_of_several_causes_the_first_is_told_and_the_others_counted():
    log = []
    for each in range(3):
        log += [heard(each * 20.0, NewChargeSession()), heard(each * 20.0 + 9.0, EmergencyStop()),
                heard(each * 20.0 + 9.1, RUSHED),
                heard(each * 20.0 + 11.0, AdvanticsControllerStatus(State.WAITING_FOR_PEV))]
    words = verdict(tell(log)).words
    assert words.startswith('3 sessions: 3 Rushed_Stop, 3 emergencies (session 1: Emergency_Stop '
                            'by the EVSE')
    assert '; 2 more in the table of sessions)' in words


@pytest.mark.parametrize('problems', [
    ['line 7 is cut off'], ['5 lines are no frame', 'the last block is missing']])
def test_a_damaged_log_is_not_green_and_says_so_at_the_head(problems):
    head = verdict(tell(simulated(), Audit()), problems)
    assert head.mood == 'partial'
    assert f'{len(problems)} sentence' in head.missing[0]


def test_what_could_not_be_read_and_was_of_another_bus_does_not_count():
    head = verdict(tell(simulated(), Audit()), ['9 frames of CAN FD'], is_damaged=False)
    assert (head.mood, head.missing) == ('good', [])


@pytest.mark.parametrize('state', [
    State.CONNECTED_WITH_FULL_INFO, State.INSULATION_TEST, State.PRECHARGE, State.CHARGING,
    State.ENDING_CHARGE, State.CLOSING_COMMUNICATION])
def test_a_log_that_begins_in_mid_session_is_not_green(state):
    head = verdict(tell(simulated(begin_s=time_of(state)), None))
    assert head.mood == 'partial'
    assert head.missing[0] == (
        f'The log begins in mid-session, in {AdvanticsControllerStatus.SIGNALS[0].labels[state]}.')


@pytest.mark.parametrize('state', [State.PRECHARGE, State.CHARGING, State.ENDING_CHARGE])
def test_a_log_that_ends_in_mid_session_is_not_green(state):
    head = verdict(tell(simulated(end_s=time_of(state) + 0.25), Audit()))
    assert head.mood == 'partial'
    assert 'cut off (the log ends during the session)' in head.words
    assert head.missing == [
        'The end of session 1 is not in the log: the log ends during the session.']


def test_a_log_of_an_idle_controller_is_not_green():
    head = verdict(tell(simulated(end_s=3.0), Audit()))
    assert (head.mood, head.missing) == ('empty', [])
    assert head.words.startswith('No session')


def test_a_hole_is_told_and_not_green():
    late = [dataclasses.replace(each, time_ns=each.time_ns + 7200 * 10**9)
            for each in simulated()]
    head = verdict(tell([*simulated(), *late], Audit()))
    assert head.words.startswith('2 sessions: 2 Clean_Stop; no finding')
    assert head.mood == 'partial'
    assert '1 hole' in head.missing[0]


def test_a_hole_in_mid_session_for_which_the_rules_begin_anew_is_not_green():
    def is_lost(entry):
        return 15.0 < (entry.time_ns - BEGIN_NS) / 1e9 < 16.5
    head = verdict(tell([each for each in simulated() if not is_lost(each)], Audit()))
    assert head.mood == 'partial'
    assert any('rules began anew' in each for each in head.missing)


def test_a_clock_that_was_set_back_is_told_and_not_green():
    again = [dataclasses.replace(each, time_ns=each.time_ns - 3529 * 10**9)
             for each in simulated()]
    late = [dataclasses.replace(each, time_ns=each.time_ns + 40 * 10**9) for each in again]
    head = verdict(tell([*simulated(), *late], Audit()))
    assert head.mood == 'partial'
    assert 'set back by 3,5' in head.missing[0]


@pytest.mark.parametrize('volts', [61.0, 390.0, 815.5])
def test_a_vehicle_that_keeps_its_contactors_is_not_green(volts):
    end_s = end_of() - 0.2

    def stay(message, time_s, _state):
        if isinstance(message, PowerModulesStatus) and time_s > end_s:
            return dataclasses.replace(message, present_voltage=volts)
        return message
    head = verdict(tell(simulated(edit=stay), Audit()))
    assert head.mood == 'bad'
    assert f'after session 1 {volts:.0f} V stayed at the output' in head.words


@pytest.mark.parametrize('seconds', [0.0, 0.3, 1.7])
def test_a_log_that_ends_before_the_voltage_is_gone_leaves_it_open(seconds):
    end_s = end_of()

    def stay(message, time_s, _state):
        if isinstance(message, PowerModulesStatus) and time_s > end_s - 0.2:
            return dataclasses.replace(message, present_voltage=390.0)
        return message
    head = verdict(tell(simulated(edit=stay, end_s=end_s + seconds), Audit()))
    assert head.mood == 'partial'
    assert '390 V were at the output when it was measured last' in head.missing[0]


@pytest.mark.parametrize('time_constant_s, mood', [
    (2.4, 'partial'), (15.0, 'partial'), (400.0, 'bad')])
def test_a_voltage_that_is_still_falling_has_not_stayed(time_constant_s, mood):
    """Behind open contactors a pistol needs seconds; what hardly falls at all has stayed."""
    end_s = end_of()

    def fall(message, time_s, _state):
        if isinstance(message, PowerModulesStatus) and time_s > end_s:
            volts = 390.0 * math.exp((end_s - time_s) / time_constant_s)
            return dataclasses.replace(message, present_voltage=round(volts, 1))
        return message
    head = verdict(tell(simulated(edit=fall, end_s=end_s + 4.0), Audit()))
    assert head.mood == mood, head


def test_stamps_that_were_put_right_are_told():
    story = tell(simulated(), Audit())
    story.notes += [(BEGIN_NS, 'two clocks are mixed'), (BEGIN_NS, 'one stamp was ahead')]
    head = verdict(story)
    assert head.mood == 'partial'
    assert head.missing == [
        'Stamps of the log were put right: two clocks are mixed (1 more below)']


def test_an_empty_log_and_one_that_cannot_be_read_are_told_apart():
    assert verdict(tell([])).words == 'The log is empty: not a single frame.'
    assert verdict(tell([]), ['its head is broken']).words == (
        'Not a single frame of this log could be read.')


def test_voltage_that_goes_away_some_seconds_after_the_end_is_green():
    end_s = end_of()

    def fall(message, time_s, _state):
        if isinstance(message, PowerModulesStatus) and end_s - 0.2 < time_s < end_s + 1.9:
            return dataclasses.replace(message, present_voltage=390.0)
        return message
    assert verdict(tell(simulated(edit=fall), None)).mood == 'good'


def test_what_own_contactors_hide_from_the_modules_is_seen_in_a_bag():
    end_s = end_of()
    message = types.SimpleNamespace(output=0, precharge=2, pistol_voltage=364.0)
    extra = [Sample(BEGIN_NS + round((end_s + each / 10) * 1e9), 'pistol1', 'contactor_feedback',
                    message, 1) for each in range(30)]
    log = sorted([*simulated(), *extra], key=lambda each: each.time_ns)
    head = verdict(tell(log, Audit()))
    assert head.mood == 'bad'
    assert '364 V stayed' in head.words


def test_energy_that_nobody_measured_is_told():
    def away(message, time_s, _state):
        return None if isinstance(message, PowerModulesStatus) and 15 < time_s < 17.5 else message
    head = verdict(tell(simulated(edit=away), None))
    assert head.mood == 'partial'
    assert 'energy of session 1 is without 2.6 s' in head.missing[0]


def test_topics_of_an_unknown_pistol_and_sessions_in_plenty_are_told():
    stray = Sample(BEGIN_NS, 'a/b', 'power_status', None)
    assert any('--pistol' in each for each in verdict(tell([*simulated(), stray])).missing)
    many = []
    for each in range(12):
        many += [heard(each * 5.0, NewChargeSession()), heard(each * 5.0 + 1.0, DcPowerControl()),
                 heard(each * 5.0 + 3.0, AdvanticsControllerStatus(State.WAITING_FOR_PEV))]
    head = verdict(tell(many))
    assert head.mood == 'bad'
    assert '12 without Charge_Session_Finished' in head.words
