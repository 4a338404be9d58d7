# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Two chargers, or two controllers, with one index: said, with the evidence, and nothing else."""

import dataclasses

from log_bench import session
import pytest

from gi3_ros.core.interface import codec
from gi3_ros.core.interface.signals import AdvanticsControllerStatus, PowerModulesStatus
from gi3_ros.core.rules.judge import Judge, TICK_S

State = AdvanticsControllerStatus.State
IDLE = PowerModulesStatus(system_enable=1, insulation_resistance=510e3)


def judged(log):
    """Return what is found in a log of one pistol."""
    rules, found, ticked_s = Judge(), [], 0.0
    for time_s, frame in log:
        if time_s - ticked_s >= TICK_S:
            found += rules.tick(now_s=time_s)
            ticked_s = time_s
        found += rules.receive(codec.decode(frame), now_s=time_s)
    return found


def joined(message, begin_s, end_s, *, late_s=0.03, name='CCS', period_s=0.1):
    """Return a good session with somebody else's message in it, again and again."""
    frame = codec.encode(message, index=1)
    count = round((end_s - begin_s) / period_s)
    return sorted(
        [*session(name),
         *((begin_s + late_s + period_s * step, frame) for step in range(count))],
        key=lambda each: each[0])


def charging_s(name='CCS'):
    return next(time_s for time_s, frame in session(name)
                if codec.decode(frame).message == AdvanticsControllerStatus(State.CHARGING))


@pytest.mark.parametrize(('message', 'who', 'words'), [
    (IDLE, 'customer', '0.0 V 0.0 A Allowed'),
    (dataclasses.replace(IDLE, system_enable=0), 'customer', 'Not_Allowed'),
    (dataclasses.replace(IDLE, present_voltage=365.0), 'customer', '365.0 V 0.0 A'),
    (AdvanticsControllerStatus(State.WAITING_FOR_PEV), 'controller', 'Waiting_For_PEV'),
    (AdvanticsControllerStatus(State.NOT_AVAILABLE), 'controller', 'Not_Available'),
    (AdvanticsControllerStatus(State.PRECHARGE), 'controller', 'Precharge'),
])
@pytest.mark.parametrize('is_from_the_start', [True, False])
def test_two_senders_are_said_with_the_evidence(message, who, words, is_from_the_start):
    """And nothing else is, as nobody knows who has done what."""
    begin_s = 0.5 if is_from_the_start else charging_s() + 2.0
    found = judged(joined(message, begin_s, session('CCS')[-1][0]))
    finding, = found
    assert (finding.rule, finding.who, finding.is_observation) == ('1.4', who, False)
    assert f'two {"chargers" if who == "customer" else "controllers"}' in finding.text
    assert words in finding.text
    assert finding.values['rate_hz'] == pytest.approx(20.0, rel=0.15)
    if not is_from_the_start:
        assert finding.time_s < begin_s + 1.0


@pytest.mark.parametrize('late_s', [0.005, 0.015, 0.035, 0.055, 0.075, 0.095])
@pytest.mark.parametrize('state', [
    State.INITIALISING, State.NOT_AVAILABLE, State.NEGOTIATING_CONNECTION, State.ENDING_CHARGE])
def test_nothing_else_is_found_whatever_the_other_one_says_and_when(state, late_s):
    """What seems to be broken by the first contradictions is held back until it is decided."""
    begin_s = charging_s('long') + 2.0
    found = judged([each for each in joined(
        AdvanticsControllerStatus(state), begin_s, begin_s + 6.0, late_s=late_s, name='long')
        if each[0] < begin_s + 6.0])
    assert [(each.rule, each.who) for each in found] == [('1.4', 'controller')]


@pytest.mark.parametrize('late_s', [0.005, 0.035, 0.075, 0.095])
@pytest.mark.parametrize('amps', [-50.0, 300.0])
def test_the_first_reading_of_the_other_one_is_no_breach(amps, late_s):
    """R24 would be: a current of the wrong direction, and one that is far too large."""
    begin_s = charging_s('long') + 2.0
    found = judged(joined(
        dataclasses.replace(IDLE, present_voltage=372.0, present_current=amps),
        begin_s, begin_s + 6.0, late_s=late_s, name='long'))
    assert [(each.rule, each.who) for each in found] == [('1.4', 'customer')]


def test_what_is_held_back_is_told_when_there_is_one_sender():
    """One wrong reading, and no second one."""
    begin_s = charging_s('long') + 2.0
    found = judged(joined(
        dataclasses.replace(IDLE, present_voltage=372.0, present_current=-50.0),
        begin_s, begin_s + 0.1, name='long'))
    assert [(each.rule, each.who) for each in found] == [('R24', 'customer')]
    assert found[0].time_s == pytest.approx(begin_s + 0.03)


def test_who_is_gone_again_is_said_again_when_he_comes_back():
    begin_s = charging_s('long')
    log = joined(IDLE, begin_s + 2.0, begin_s + 4.0, name='long')
    assert len(judged(log)) == 1
    log = sorted(log + [
        each for each in joined(IDLE, begin_s + 9.0, begin_s + 11.0, name='long')
        if each not in log], key=lambda each: each[0])
    assert [each.rule for each in judged(log)] == ['1.4', '1.4']


def test_the_rules_begin_anew_when_the_second_one_is_gone():
    """A breach afterwards is found."""
    begin_s = charging_s('long')
    log = [
        each for each in joined(IDLE, begin_s + 2.0, begin_s + 4.0, name='long')
        if not (begin_s + 10.0 < each[0] < begin_s + 11.0
                and isinstance(codec.decode(each[1]).message, AdvanticsControllerStatus))]
    assert [each.rule for each in judged(log)][:2] == ['1.4', 'R1']


def test_chargers_that_both_stop_talking_hold_nobody_back():
    """After the session the modules sleep; a controller that falls silent then is found."""
    end_s = session('CCS')[-1][0]
    log = [
        each for each in joined(IDLE, charging_s() + 2.0, end_s)
        if not (each[0] > end_s - 8.0
                and isinstance(codec.decode(each[1]).message, PowerModulesStatus))
        and not (end_s - 3.0 < each[0] < end_s - 2.0
                 and isinstance(codec.decode(each[1]).message, AdvanticsControllerStatus))]
    assert [(each.rule, each.who) for each in judged(log)] == [
        ('1.4', 'customer'), ('R1', 'controller')]


@pytest.mark.parametrize('log', [
    # The same frame twice, as where own frames come back ..
    lambda: [each for time_s, frame in session('CCS')
             for each in ((time_s, frame), (time_s + 0.0002, frame))],
    # .. a charger that repeats the same reading ten times as often ..
    lambda: [(time_s + late_s / 100, frame) for time_s, frame in session('CCS')
             for late_s in (range(3) if isinstance(
                 codec.decode(frame).message, PowerModulesStatus) else (0,))],
    # .. and one old value now and then.
    lambda: joined(IDLE, charging_s() + 2.0, charging_s() + 8.0, period_s=2.0),
], ids=['echo', 'often', 'old value'])
def test_one_sender_is_one(log):
    found = judged(log())
    assert not [each for each in found if each.rule == '1.4']
