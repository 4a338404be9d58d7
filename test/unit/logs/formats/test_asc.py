# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Numbers and clocks of ASC; its dates have tests of their own."""

import datetime
import time

import pytest
from text_log_bench import ASC_HEAD, audited, CLEAN, local_ns, text_log, times_s, whole

from gi3_ros.core.interface.frame import Frame
from gi3_ros.logs.reading import open_log


def fd_line(time_s, frame, flags, tail='0 0 0 0 0'):
    data = ' '.join(str(byte) for byte in frame.data)
    return (f'{time_s:11.6f} CANFD   1 Rx {frame.can_id}x   0 0 {len(frame.data)} '
            f'{len(frame.data):2d} {data}   102203  133 {flags:>8} {tail}')


@pytest.mark.parametrize('flags', ['200000', '2097152'], ids=['hexadecimal', 'decimal'])
def test_numbers_of_canfd_lines_have_the_base_of_the_head(tmp_path, flags):
    head = ASC_HEAD.replace('base hex', 'base dec')
    path = text_log(tmp_path, '.asc', head + ''.join(
        f'{fd_line(time_s, frame, flags)}\n' for time_s, frame in whole()))
    assert audited(path) == ([], [], [], CLEAN)
    assert [each.frame for each in open_log(path)] == [frame for _, frame in whole()]


@pytest.mark.parametrize('flags', ['303000', '3158016', '201000', '2101248'])
def test_frames_of_can_fd_in_a_decimal_log_are_left_out(tmp_path, flags):
    head = ASC_HEAD.replace('base hex', 'base dec')
    log = open_log(text_log(tmp_path, '.asc', (
        f'{head}{fd_line(0.1, Frame(1, bytes(8)), flags)}\n  0.2 1  1x  Rx  d 1 16\n')))
    assert [each.frame for each in log] == [Frame(1, b'\x10')]
    assert '1 frame of CAN FD left out' in log.problems[0]


BUSMASTER = ('date Mon Dec 6 11:21:13 am 2021\nbase hex  no internal events logged\n'
             '// version 7.1.0\n')


@pytest.mark.parametrize('waited_s', [0, 5, 599])
def test_busmaster_counts_from_midnight(tmp_path, waited_s):
    first_s = 11 * 3600 + 21 * 60 + 13 + waited_s
    path = text_log(tmp_path, '.asc', BUSMASTER + ''.join(
        f'{first_s + number}.250000 1 106B000x Rx d 1 07\n' for number in range(3)))
    start_s = local_ns(2021, 12, 6, 11, 21, 13) / 1e9
    assert times_s(path) == [start_s + waited_s + number + 0.25 for number in range(3)]


@pytest.mark.skipif(not hasattr(time, 'tzset'), reason='the zone cannot be changed')
def test_busmaster_in_another_zone(tmp_path, monkeypatch):
    path = text_log(tmp_path, '.asc', f'{BUSMASTER}40873.5 1 106B000x Rx d 1 07\n')
    with monkeypatch.context() as context:
        context.setenv('TZ', 'Asia/Tokyo')
        time.tzset()
        found = times_s(path)
    time.tzset()
    when = datetime.datetime(2021, 12, 6, 2, 21, 13, 500_000, tzinfo=datetime.timezone.utc)
    assert found == [when.timestamp()]


@pytest.mark.parametrize(('head', 'first_s'), [
    (BUSMASTER, 0.25), (BUSMASTER, 40_860), (BUSMASTER, 42_000),
    (f'{BUSMASTER}Begin TriggerBlock Mon Dec 6 11:21:13 am 2021\n', 40_873.25),
    (f'{BUSMASTER}Begin TriggerBlock\n', 40_873.25)])
def test_other_logs_count_from_their_start(tmp_path, head, first_s):
    """From a trigger long after the start as well: CANoe writes blocks, BusMaster does not."""
    path = text_log(tmp_path, '.asc', f'{head}{first_s:.6f} 1 106B000x Rx d 1 07\n')
    assert times_s(path) == [local_ns(2021, 12, 6, 11, 21, 13) / 1e9 + first_s]
