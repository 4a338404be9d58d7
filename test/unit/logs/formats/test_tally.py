# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What could not be read is counted and said once."""

import pytest

from gi3_ros.logs.entries import LOST, UNREADABLE
from gi3_ros.logs.formats.frames import FD, Lost
from gi3_ros.logs.formats.tally import BadRows, Tally


def test_nothing_met_says_nothing():
    assert list(Tally().sentences('line')) == []
    assert (Tally().losses, Tally().loss) == (0, UNREADABLE)


@pytest.mark.parametrize(('count', 'words'), [
    (1, "1 line is no frame and is left out, the first is line 7: 'a b'"),
    (2, "2 lines are no frame and are left out, the first is line 7: 'a b'")])
def test_the_first_bad_line_is_quoted_and_the_others_counted(count, words):
    tally = Tally()
    for number in range(count):
        tally.add_bad(f'line {number + 7}', 'a \t b\n')
    assert list(tally.sentences('line')) == [words]
    assert tally.losses == count


def test_a_long_line_is_quoted_in_part():
    tally = Tally()
    tally.add_bad('line 1', 'x' * 61)
    assert next(tally.sentences('line')).endswith(f"'{'x' * 57}...'")


def test_what_has_no_text_is_only_named():
    tally = Tally()
    tally.add_bad('row 3')
    assert list(tally.sentences('row')) == [
        '1 row is no frame and is left out, the first is row 3']


def test_lost_frames_are_a_loss_by_the_word_of_the_recorder():
    tally = Tally()
    tally.add(Lost(3), 4)
    assert tally.loss == LOST
    tally.add(Lost(2), 9)
    assert list(tally.sentences('line')) == [
        'the recorder lost frames in 2 places, the first at line 4, 5 frames or more: the log '
        'says so']
    tally.add_bad('line 10', 'x')
    assert (tally.losses, tally.loss) == (3, UNREADABLE)


def test_frames_of_can_fd_are_no_loss():
    tally = Tally()
    tally.add(FD, 1)
    tally.add(FD, 2)
    assert tally.losses == 0
    assert list(tally.sentences('line')) == [
        '2 frames of CAN FD left out: the interface is classic CAN']


def test_how_it_ended_and_remarks_come_last():
    tally = Tally()
    tally.end, tally.remarks = 'cut short', ('a remark',)
    tally.add_bad('line 1', 'x')
    assert list(tally.sentences('line'))[1:] == ['cut short', 'a remark']


def test_bad_rows_are_said_with_the_first_one():
    bad = BadRows()
    assert (bad.losses, bad.sentence()) == (0, '')
    bad.add('row 2 is no frame')
    assert (bad.losses, bad.sentence()) == (1, 'row 2 is no frame')
    bad.add('row 5 is no frame')
    bad.add('row 6 is no frame')
    assert (bad.losses, bad.sentence()) == (3, 'row 2 is no frame, and 2 more')
