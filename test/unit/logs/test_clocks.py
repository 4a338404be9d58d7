# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Stamps that cannot be: put right, said once, and nobody is blamed for them."""

import dataclasses
import itertools

from log_bench import session
import pytest

from gi3_ros.core.interface import codec
from gi3_ros.core.interface.frame import Frame
from gi3_ros.core.interface.signals import AdvanticsControllerStatus, PowerModulesStatus
from gi3_ros.logs.audit import Audit
from gi3_ros.logs.clocks import straightened
from gi3_ros.logs.decoding import decoded_batches
from gi3_ros.logs.entries import Gap, Heard, LogError
from gi3_ros.logs.story.story import tell

BEGIN_NS = 1_790_000_000_000_000_000


def entries(log=None, channel='can0'):
    """Return a log as entries, with the dates of a candump."""
    return [Heard(BEGIN_NS + round(time_s * 1e9), frame, channel)
            for time_s, frame in log or session('CCS')]


def moved(entry, seconds):
    return dataclasses.replace(entry, time_ns=entry.time_ns + round(seconds * 1e9))


def is_of_charger(entry):
    return not codec.decode(entry.frame).message.FROM_CONTROLLER


def straight(log):
    """Return the entries with times that can be, and what is said."""
    notes = []
    return list(straightened(log, notes)), [words for _, words in notes]


def findings(log):
    judge, found = Audit(), []
    for batch in decoded_batches(log):
        for entry, decoded in batch:
            if decoded is not None:
                found += judge.take(entry.time_ns, decoded)
    return [(each.finding.who, each.finding.rule) for each in found], judge.breaks


def without_heartbeat(log):
    """Return a log whose controller does not send its status for a second."""
    begin_ns = BEGIN_NS + 20_000_000_000
    return [each for each in log if not (
        begin_ns < each.time_ns < begin_ns + 10**9
        and isinstance(codec.decode(each.frame).message, AdvanticsControllerStatus))]


BREACHES = [('controller', 'R1'), ('customer', 'R1')]
"""Of :func:`without_heartbeat`."""


@pytest.mark.parametrize('seconds', [6.2, -6.2, 0.5, -0.5, 86400.0])
@pytest.mark.parametrize('in_a_row', [1, 2])
def test_the_stamp_of_a_single_frame_proves_no_silence(seconds, in_a_row):
    log = entries()
    strayed = [moved(each, seconds) if number % 23 in range(5, 5 + in_a_row) else each
               for number, each in enumerate(log)]
    right, notes = straight(strayed)
    assert [each.frame for each in right] == [each.frame for each in log]
    assert max(abs(each.time_ns - other.time_ns) for each, other in zip(
        right, log, strict=True)) <= 0.3e9
    words, = notes
    count = sum(each is not other for each, other in zip(strayed, log, strict=True))
    assert words.startswith(f'{count} frames have stamps up to ')
    assert findings(strayed) == ([], [])
    session_, = tell(strayed).pistols[1].sessions
    assert session_.outcome == 'Clean_Stop'


@pytest.mark.parametrize('seconds', [0.22, 0.26, -0.22, -0.26])
def test_one_stamp_that_strays_little_proves_no_silence_either(seconds):
    log = entries()
    # Where nobody else is heard between two of the heartbeat.
    place = next(number for number in range(20, len(log)) if all(
        later.time_ns - before.time_ns >= 0.08e9
        for before, later in itertools.pairwise(log[number - 5:number + 6])))
    strayed = [*log[:place], moved(log[place], seconds), *log[place + 1:]]
    assert findings(strayed) == ([], [])


def test_a_breach_between_strays_is_found():
    strayed = [moved(each, 6.2) if number % 23 == 5 else each
               for number, each in enumerate(without_heartbeat(entries()))]
    found, _ = findings(strayed)
    assert set(found) <= set(BREACHES) and ('controller', 'R1') in found


@pytest.mark.parametrize('offset_s', [6.217, -6.217, 0.4, -0.4, 3600.0, -7200.0])
@pytest.mark.parametrize('of_charger', [True, False])
def test_two_clocks_in_one_log_are_said_once(offset_s, of_charger):
    log = [moved(each, offset_s) if is_of_charger(each) is of_charger else each
           for each in entries()]
    right, (words,) = straight(log)
    assert 'received and sent frames have different clocks' in words
    assert f'by about {abs(offset_s):.1f} s' in words
    times = [each.time_ns for each in right]
    assert min(after - before for before, after in itertools.pairwise(times)) >= -0.1e9
    # The charge is when it was, but for the pause before the frames that told the difference.
    shifts = [each.time_ns - other.time_ns for each, other in zip(
        right, entries(), strict=True)][len(log) // 2:]
    assert max(shifts) - min(shifts) <= 0.03e9
    assert findings(log) == ([], [])
    story = tell(log)
    session_, = story.pistols[1].sessions
    assert session_.outcome == 'Clean_Stop'
    assert session_.duration_s == pytest.approx(
        tell(entries()).pistols[1].sessions[0].duration_s, abs=0.2)


def test_the_difference_of_two_clocks_is_found_better_with_time():
    """Nobody knows how long the first frames came after the ones before them."""
    controller = codec.encode(AdvanticsControllerStatus(1), index=1)
    charger = codec.encode(PowerModulesStatus(), index=1)
    log = []
    for step in range(20):
        pause_s = 0.09 if step < 3 else 0.06 if step == 19 else 0.01
        log += [(0.1 * step, controller), (0.1 * step + pause_s + 5.0, charger)]
    right, _ = straight(entries(log))
    times = [each.time_ns for each in right]
    assert times == sorted(times)
    assert times[-1] - times[0] == pytest.approx(1.96e9, abs=0.02e9)


@pytest.mark.parametrize('of_charger', [True, False])
def test_a_breach_in_a_log_of_two_clocks_is_found(of_charger):
    log = [moved(each, 6.217) if is_of_charger(each) is of_charger else each
           for each in without_heartbeat(entries())]
    assert set(findings(log)[0]) == set(BREACHES)


def test_clocks_that_drift_are_said_once():
    """A thousandth is a hundred times what a bad quartz does: 0.6 s in ten minutes."""
    log, minute = [], [each for each in session('long') if 30.0 <= each[0] < 60.0]
    for step in range(20):
        log += [(time_s + 30.0 * step, frame) for time_s, frame in minute]
    log = [
        moved(each, 6.2 + 1e-3 * (each.time_ns - BEGIN_NS) / 1e9) if is_of_charger(each) else each
        for each in entries(log)]
    right, notes = straight(log)
    assert len(notes) == 1
    times = [each.time_ns for each in right]
    assert max(abs(after - before) for before, after in itertools.pairwise(
        times)) <= 0.25e9


def test_two_adapters_with_clocks_of_their_own():
    other = [
        dataclasses.replace(each, channel='can1', frame=Frame(
            each.frame.can_id & 0xFFFFFF | 3 << 24, each.frame.data)) for each in entries()]
    log = sorted([*entries(), *other], key=lambda each: each.time_ns)
    log = [moved(each, 2.5) if each.channel == 'can1' else each for each in log]
    _, notes = straight(log)
    assert all('channels' in each and 'can0' in each and 'can1' in each for each in notes)
    assert len(notes) == 1
    assert findings(log) == ([], [])


@pytest.mark.parametrize('distance_s', [0.25, 5.0, 3600.0, -0.5, -5.0, -3600.0])
def test_what_does_not_come_back_is_left_as_it_is(distance_s):
    """A pause, or a clock that was set: whoever judges begins anew."""
    log = entries()
    log = [*log[:500], *(moved(each, distance_s) for each in log[500:])]
    assert straight(log) == (log, [])


def test_a_log_without_anything_odd_is_left_as_it_is():
    for name in ('CCS', 'CHAdeMO', 'restart'):
        log = entries(session(name))
        assert straight(log) == (log, [])


def test_what_is_no_frame_keeps_its_place():
    log = entries()
    log[300] = moved(log[300], 6.0)
    log.insert(300, Gap(log[300].time_ns))
    log.insert(310, Gap(log[310].time_ns))
    right, notes = straight(log)
    assert len(notes) == 1
    assert [type(each) for each in right] == [type(each) for each in log]


@pytest.mark.parametrize('strayed', [299, 150])
def test_an_error_of_the_file_comes_after_what_was_read(strayed):
    """Also where the entries before it were being looked at."""
    def broken():
        for number, each in enumerate(entries()[:300]):
            yield moved(each, 6.0) if number == strayed else each
        raise LogError('the file ends in the middle of a block')

    right = []
    with pytest.raises(LogError, match='in the middle'):
        right.extend(straightened(broken(), []))
    assert len(right) == 300
