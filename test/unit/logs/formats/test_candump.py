# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The screen of candump: its options, its times and lines that are no frame."""

import itertools

import pytest
from text_log_bench import text_log, whole

from gi3_ros.core.interface.frame import Frame
from gi3_ros.logs.entries import Heard, LogError
from gi3_ros.logs.reading import open_log

OPTIONS = {
    'bits (-i)': ' (1.500000)  can0  0106B003   [3]  00000001 11110000 00001111',
    'bits, text (-i -a)': " (1.500000)  can0  0106B003   [3]  00000001 11110000 00001111   '...'",
    'swapped (-S)': ' (1.500000)  can0  0106B003   [3]  0F`F0`01',
    'swapped, text (-S -a)': ' (1.500000)  can0  0106B003   [3]  0F`F0`01                   `...`',
    'swapped bits (-S -i)': ' (1.500000)  can0  0106B003   [3]  00001111`11110000`00000001',
    'code of the length (-8)': ' (1.500000)  can0  0106B003   {3}  01 F0 0F',
    'text that looks like data (-a)': " (1.500000)  can0  0106B003   [3]  01 F0 0F   '01 02'",
    'direction (-x)': ' (1.500000)  can0  RX - -  0106B003   [3]  01 F0 0F',
    'colour of the device (-c)':
        ' (1.500000)  \x1b[1m\x1b[34mcan0\x1b[0m  0106B003   [3]  01 F0 0F',
    'colour (-c -c)': ' (1.500000)  \x1b[34mcan0  0106B003   [3]  01 F0 0F\x1b[0m',
    'colour of the line (-c -c -c)': ' \x1b[31m(1.500000)  can0  0106B003   [3]  01 F0 0F\x1b[0m',
    'grep --color': '(1.500000) can0 \x1b[01;31m\x1b[K0106B003\x1b[m\x1b[K#01F00F',
}


@pytest.mark.parametrize('option', OPTIONS)
def test_options_of_the_screen_change_nothing_of_the_frames(tmp_path, option):
    log = open_log(text_log(tmp_path, '.txt', f'{OPTIONS[option]}\n' * 3))
    assert list(log) == [Heard(1_500_000_000, Frame(0x0106B003, b'\x01\xF0\x0F'), 'can0')] * 3
    assert log.problems == []


@pytest.mark.parametrize('line', [
    ' (1.500000)  can0  0106B003   [3]  00000001 11110000',
    ' (1.500000)  can0  0106B003   [2]  00000001 11110002',
    ' (1.500000)  can0  0106B003   [1]  00000001 11110000',
    ' (1.500000)  can0  0106B003   [3]  0F`F0',
    ' (1.500000)  can0  0106B003   [2]  0F`F0`01',
    ' (1.500000)  can0  0106B003   [4]  01 F0 0F',
    ' (1.500000)  can0  0106B003   {2}  01 F0 0F',
])
def test_the_byte_count_of_the_screen_has_to_agree(tmp_path, line):
    good = ' (1.500000)  can0  0106B000   [1]  07\n'
    log = open_log(text_log(tmp_path, '.txt', f'{good}{line}\n{good}'))
    assert len(list(log)) == 2 and '1 line is no frame' in log.problems[0]


@pytest.mark.parametrize('time', ['999999999999.000000', '-99999999999.000000'])
@pytest.mark.parametrize('place', [0, 1, 2])
def test_a_time_of_the_screen_that_cannot_be_is_one_line(tmp_path, time, place):
    lines = [f' (1.{number}00000)  can0  0106B000   [1]  07\n' for number in range(3)]
    lines.insert(place, f' ({time})  can0  0106B000   [1]  07\n')
    log = open_log(text_log(tmp_path, '.txt', ''.join(lines)))
    assert len(list(log)) == 3
    assert log.problems == [
        f'1 line is no frame and is left out, the first is line {place + 1}: '
        f"'({time}) can0 0106B000 [1] 07'"]


def test_the_code_of_a_length_beyond_eight_is_eight_bytes(tmp_path):
    line = ' (1.500000)  can0  0106B003   {C}  01 02 03 04 05 06 07 08\n'
    found = list(open_log(text_log(tmp_path, '.txt', line)))
    assert found[0].frame.data == bytes(range(1, 9))


def test_the_screen_without_times_says_so_in_colour_as_well(tmp_path):
    line = '  \x1b[34mcan0\x1b[0m  0106B000   [1]  07\n'
    with pytest.raises(LogError, match='its lines have no times: candump -L writes them'):
        open_log(text_log(tmp_path, '.log', line * 3))


def deltas(log, tick_s, idle):
    """Return lines of ``-td`` of an adapter whose clock ticks so often, after an idle bus."""
    log = [(number / 10, Frame(0x0106B000, b'\x01')) for number in range(idle)] + [
        (idle / 10 + time_s, frame) for time_s, frame in log]
    ticks = [round(time_s / tick_s) for time_s, _ in log]
    steps_s = [0.0, *((later - earlier) * tick_s for earlier, later in itertools.pairwise(ticks))]
    return ''.join(
        f' ({max(0.0, step_s):010.6f})  can0  {frame.can_id:08X}   [{len(frame.data)}]  '
        f'{frame.data.hex(" ").upper()}\n'
        for step_s, (_, frame) in zip(steps_s, log, strict=True))


@pytest.mark.parametrize('tick_s', [1e-6, 1e-3, 4e-3, 1e-2])
@pytest.mark.parametrize('idle', [0, 50, 250, 3000])
def test_differences_of_times_are_known_from_all_of_the_head(tmp_path, tick_s, idle):
    begin_s = next(time_s for time_s, _ in whole() if time_s >= 4.0)
    log = [(time_s - begin_s, frame) for time_s, frame in whole() if time_s >= begin_s]
    opened = open_log(text_log(tmp_path, '.txt', deltas(log, tick_s, idle)))
    entries = list(opened)
    assert opened.kind == 'candump -td'
    expected_s = idle / 10 + log[-1][0]
    assert entries[-1].time_ns / 1e9 == pytest.approx(expected_s, abs=2 * tick_s)


def test_differences_of_a_bus_that_is_idle_but_now_and_then(tmp_path):
    steps = [0, *([100_000] * 20 + [20_000]) * 10]
    opened = open_log(text_log(tmp_path, '.txt', ''.join(
        f' (000.{step:06d})  can0  0106B000   [1]  07\n' for step in steps)))
    assert [each.time_ns // 1000 for each in opened] == list(itertools.accumulate(steps))
    assert opened.kind == 'candump -td'


@pytest.mark.parametrize('tick_s', [1e-6, 1e-3, 1e-2])
@pytest.mark.parametrize('parts', [1, 3])
def test_times_since_the_start_are_no_differences(tmp_path, tick_s, parts):
    lines = [f' ({round(time_s / tick_s) * tick_s:010.6f})  can0  {frame.can_id:08X}   '
             f'[{len(frame.data)}]  {frame.data.hex(" ").upper()}\n' for time_s, frame in whole()]
    # Two sockets that are not quite in step.
    lines[10:12], lines[30:32] = lines[11:9:-1], lines[31:29:-1]
    opened = open_log(text_log(tmp_path, '.txt', ''.join(lines) * parts))
    assert len(list(opened)) == parts * len(lines)
    assert opened.kind == 'candump'
