# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Logs of CAN buses: what python-can writes, what vendors write, and what is left of it."""

import datetime
import gzip
import importlib.util
import lzma
import re
import socket
import sqlite3
import struct
import tracemalloc
import zlib

from amount import many
import can
from formats_bench import assert_same, Format, FORMATS, read, some_entries, START_NS, write
from hypothesis import given, HealthCheck, settings
from hypothesis import strategies as st
import pytest

from gi3_ros.core.interface.frame import Frame
from gi3_ros.logs.entries import Heard, LogError
from gi3_ros.logs.reading import open_log
from gi3_ros.logs.writing import open_writer

MESSAGES = [
    can.Message(
        timestamp=1_790_000_000.25 + number * 0.001, arbitration_id=can_id,
        is_extended_id=can_id > 0x7FF, data=bytes(range(number % 9)), is_rx=number % 3 > 0,
        channel=number % 2)
    for number, can_id in enumerate([0x0106B000, 0x0186B003, 0x123, 0x1FFFFFFF, 0, 0x7FF] * 5)
]
SECOND_NS = 10**9


def say(path):
    """Return the sentence with which a file is refused."""
    with pytest.raises(LogError) as caught:
        list(open_log(path))
    return str(caught.value)


def entries_and_problems(path):
    log = open_log(path)
    return list(log), log.problems


def text_log(tmp_path, suffix, text):
    path = tmp_path / f'given{suffix}'
    path.write_text(text, encoding='utf-8')
    return path


# What python-can writes is read as python-can reads it, and the other way round.

@pytest.mark.parametrize('suffix', ['.log', '.asc', '.blf', '.trc', '.csv', '.db'])
def test_what_python_can_writes_is_read_as_it_reads_it(tmp_path, suffix):
    path = tmp_path / f'a{suffix}'
    with can.Logger(path) as writer:
        for message in MESSAGES:
            writer(message)
    with can.LogReader(path) as reader:
        expected = list(reader)
    found = read(path)
    assert len(found) == len(expected) == len(MESSAGES)
    for heard, message in zip(found, expected, strict=True):
        assert heard.frame == Frame(
            message.arbitration_id, bytes(message.data), message.is_extended_id)
        assert heard.is_sent is not message.is_rx
        if suffix != '.asc':
            assert abs(heard.time_ns / 1e9 - message.timestamp) < 2e-6
        else:
            # It starts at 0 there, unless told otherwise.
            assert abs((heard.time_ns - found[0].time_ns) / 1e9
                       - (message.timestamp - expected[0].timestamp)) < 2e-6


@pytest.mark.parametrize('suffix', ['.log', '.asc', '.blf', '.trc'])
def test_python_can_reads_what_is_written_here(tmp_path, suffix):
    log = [each for each in some_entries() if not (each.frame.is_error or each.frame.is_remote)]
    write(tmp_path / f'a{suffix}', log)
    options = {'relative_timestamp': False} if suffix == '.asc' else {}
    with can.LogReader(tmp_path / f'a{suffix}', **options) as reader:
        found = list(reader)
    assert len(found) == len(log)
    for heard, message in zip(log, found, strict=True):
        assert message.timestamp == pytest.approx(heard.time_s, abs=2e-6)
        assert Frame(message.arbitration_id, bytes(message.data), message.is_extended_id
                     ) == heard.frame
        assert message.is_rx is not heard.is_sent


@pytest.mark.parametrize('suffix', ['.log', '.asc', '.trc', '.blf'])
def test_packed_files_are_read(tmp_path, suffix):
    write(tmp_path / f'a{suffix}', some_entries())
    packed = tmp_path / f'a{suffix}.gz'
    packed.write_bytes(gzip.compress((tmp_path / f'a{suffix}').read_bytes()))
    assert read(packed) == read(tmp_path / f'a{suffix}')


@pytest.mark.parametrize('suffix', ['.log', '.asc', '.trc', '.blf', '.csv', '.parquet'])
def test_the_content_decides_and_not_the_suffix(tmp_path, suffix):
    write(tmp_path / f'a{suffix}', some_entries())
    expected = read(tmp_path / f'a{suffix}')
    for wrong in ('.txt', '.asc', '.log', ''):
        path = tmp_path / f'b{wrong}'
        path.write_bytes((tmp_path / f'a{suffix}').read_bytes())
        assert read(path) == expected


def test_a_log_can_be_read_twice_and_twice_at_a_time(tmp_path):
    write(tmp_path / 'a.log', some_entries())
    log = open_log(tmp_path / 'a.log')
    assert list(log) == list(log)
    assert all(one == other for one, other in zip(log, log, strict=True))


# What tools of vendors write.

def test_candump_as_it_logs(tmp_path):
    found = read(text_log(tmp_path, '.log', (
        '(1436509052.249713) vcan0 0106B000#07\n'
        '(1436509052.449847) vcan0 123#112233\n'
        '(1436509052.449848) vcan0 00000123#R8\n'
        '(1436509052.449849) vcan0 20000004#0004000000000000\n'
        '(1436509053.650004) can1 7FF# T\n')))
    assert found == [
        Heard(1436509052249713000, Frame(0x0106B000, b'\x07'), 'vcan0'),
        Heard(1436509052449847000, Frame(0x123, b'\x11\x22\x33', False), 'vcan0'),
        Heard(1436509052449848000, Frame(0x123, b'', is_remote=True), 'vcan0'),
        Heard(1436509052449849000,
              Frame(4, bytes.fromhex('0004000000000000'), False, is_error=True), 'vcan0'),
        Heard(1436509053650004000, Frame(0x7FF, b'', False), 'can1', True),
    ]


def test_candump_as_it_stands_on_the_screen(tmp_path):
    found = read(text_log(tmp_path, '.txt', (
        ' (1436509052.249713)  can0  0106B000   [1]  07\n'
        " (1436509052.249714)  can0       123   [2]  11 22   '.\"'\n"
        ' (1436509052.249715)  can0  TX - -  123   [2]  remote request\n')))
    assert found == [
        Heard(1436509052249713000, Frame(0x0106B000, b'\x07'), 'can0'),
        Heard(1436509052249714000, Frame(0x123, b'\x11\x22', False), 'can0'),
        Heard(1436509052249715000, Frame(0x123, b'', False, True), 'can0', True),
    ]


SCREEN = ' ({})  can0  0106B000   [1]  07\n'


def test_candump_with_the_time_since_the_frame_before(tmp_path):
    steps = ['000.000000', '000.100123', '000.000002', '000.099875', '001.000000', '000.000100']
    found = read(text_log(tmp_path, '.log', ''.join(map(SCREEN.format, steps))))
    assert [each.time_ns for each in found] == [
        0, 100123000, 100125000, 200000000, 1200000000, 1200100000]


def test_candump_with_the_time_since_its_start(tmp_path):
    """Two of them one behind the other, and two sockets that are not quite in step."""
    times = ['000.000000', '000.100001', '000.100000', '000.200000', '005.300000'] * 2
    found = read(text_log(tmp_path, '.log', ''.join(map(SCREEN.format, times))))
    assert [each.time_ns for each in found] == [round(float(each) * 1e9) for each in times]


def test_candump_with_dates(tmp_path):
    found = read(text_log(tmp_path, '.log', SCREEN.format('2026-11-26 03:10:00.123456')))
    when = datetime.datetime(2026, 11, 26, 3, 10).timestamp()
    assert [each.time_ns for each in found] == [round(when) * SECOND_NS + 123456000]


def test_candump_without_times_is_no_log(tmp_path):
    words = say(text_log(tmp_path, '.log', '  can0  0106B000   [1]  07\n' * 5))
    assert 'its lines have no times: candump -L writes them' in words


ASC = """date Sat Sep 30 03:06:13.191 pm 2023
base hex  timestamps absolute
internal events logged
// version 9.0.0
Begin Triggerblock Sat Sep 30 03:06:13.191 pm 2023
   0.000000 Start of measurement
   0.015991 CAN 1 Status:chip status error active
   0.100000 1  106B000x        Rx   d 1 07  Length = 240000 BitCount = 124 ID = 17215488x
   0.200000 2  123             Tx   d 2 A0 0F
   0.250000 1  123             TxRq d 2 A0 0F
   0.300000 1  ErrorFrame
   0.400000 1  Statistic: D 0 R 0 XD 0 XR 0 E 0 O 0 B 0.00%
   0.500000 1  100x            Rx   r
End TriggerBlock
"""


def test_asc_of_a_channel_that_can_do_fd(tmp_path):
    """Of such a channel all frames are in lines of CAN FD; bit 12 of the flags tells."""
    path = text_log(tmp_path, '.asc', """base hex  timestamps relative
  0.100000 CANFD  1 Rx    106B000x  0 0 1  1 07  100000  130   200000 0 0 0 0 0
  0.100000 CANFD  1 Tx    123 Request  0 0 2  2 A0 0F  100000  130   200000 0 0 0 0 0
  0.100000 CANFD  1 Rx    124  0 0 0  0  100000  130   10 0 0 0 0 0
  0.100000 CANFD  1 Rx    124  1 0 2  2 A0 0F  100000  130   303000 0 0 0 0 0
  0.100000 CANFD  1 Rx    124  0 0 9 12 01 02 03 04 05 06 07 08 09 0A 0B 0C 100000 130 201000 0
  0.100000 CANFD  1 Rx    124  0 0 1  1 A0
  0.100000 1  124             Rx   d 0
""")
    log = open_log(path)
    assert list(log) == [
        Heard(100_000_000, Frame(0x0106B000, b'\x07'), 'can0'),
        Heard(200_000_000, Frame(0x123, b'\xA0\x0F', False), 'can0', True),
        Heard(300_000_000, Frame(0x124, b'', False, is_remote=True), 'can0'),
        Heard(700_000_000, Frame(0x124, b'', False), 'can0'),
    ]
    assert log.problems == ['3 frames of CAN FD left out: the interface is classic CAN']


@pytest.mark.parametrize(('month', 'hour'), [('Sep', '03:06:13.191 pm'), ('Sep', '15:06:13.191')])
def test_asc_of_vector(tmp_path, month, hour):
    text = ASC.replace('Sep', month).replace('03:06:13.191 pm', hour)
    found = read(text_log(tmp_path, '.asc', text))
    start_ns = round(datetime.datetime(2023, 9, 30, 15, 6, 13).timestamp()) * SECOND_NS + 191000000
    assert found == [
        Heard(start_ns + 100_000_000, Frame(0x0106B000, b'\x07'), 'can0'),
        Heard(start_ns + 200_000_000, Frame(0x123, b'\xA0\x0F', False), 'can1', True),
        Heard(start_ns + 300_000_000, Frame(0, b'', False, is_error=True), 'can0'),
        Heard(start_ns + 500_000_000, Frame(0x100, b'', True, is_remote=True), 'can0'),
    ]


def test_asc_in_german_with_decimals_and_time_differences(tmp_path):
    found = read(text_log(tmp_path, '.asc', (
        'date Son Okt 01 15:06:13 2023\nbase dec  timestamps relative\n'
        '   0.100000 1  17215488x       Rx   d 2 160 15\n'
        '   0.100000 1  291             Rx   d 0\n')))
    start_ns = round(datetime.datetime(2023, 10, 1, 15, 6, 13).timestamp()) * SECOND_NS
    assert found == [
        Heard(start_ns + 100_000_000, Frame(17215488, b'\xA0\x0F'), 'can0'),
        Heard(start_ns + 200_000_000, Frame(291, b'', False), 'can0'),
    ]


def test_error_frames_of_trc_1_0(tmp_path):
    found = read(text_log(tmp_path, '.trc', (
        ';header\n  1)  1841  0106B000  1  07\n  2)  1842  0008  4  ERROR 00 19 08 08\n')))
    assert found == [
        Heard(1_841_000_000, Frame(0x0106B000, b'\x07'), 'can0'),
        Heard(1_842_000_000, Frame(0, b'', False, is_error=True), 'can0'),
    ]


TRC_ROWS = {
    '1.0': (';header\n', '  1)  {}  0106B000  1  07\n'),
    '1.1': (';$FILEVERSION=1.1\n;$STARTTIME=45199.5\n', '  1)  {}  Rx  0106B000  1  07\n'),
    '1.2': (';$FILEVERSION=1.2\n;$STARTTIME=45199.5\n', '  1)  {} 1  Rx  0106B000  1  07\n'),
    '1.3': (';$FILEVERSION=1.3\n;$STARTTIME=45199.5\n', '  1)  {} 1  Rx  0106B000 - 1  07\n'),
    '2.0': (';$FILEVERSION=2.0\n;$STARTTIME=45199.5\n;$COLUMNS=N,O,T,I,d,l,D\n',
            '  1  {} DT 0106B000 Rx 1  07\n'),
    '2.1': (';$FILEVERSION=2.1\n;$STARTTIME=45199.5\n;$COLUMNS=N,O,T,B,I,d,R,L,D\n',
            '  1  {} DT 1 0106B000 Rx - 1  07\n'),
}


@pytest.mark.parametrize('version', TRC_ROWS)
def test_every_version_of_trc(tmp_path, version):
    header, row = TRC_ROWS[version]
    path = text_log(tmp_path, '.trc', header + row.format('1059.900') + row.format('2000.25'))
    start_ns = 0 if version == '1.0' else (45199 - 25569) * 86400 * SECOND_NS + 43200 * SECOND_NS
    log = open_log(path)
    assert list(log) == [
        Heard(start_ns + offset_ns, Frame(0x0106B000, b'\x07'), 'can0')
        for offset_ns in (1_059_900_000, 2_000_250_000)]
    assert log.kind == f'PEAK TRC {version}'
    assert log.has_dates is (version != '1.0')


def test_rows_of_trc_that_are_no_frames_are_no_damage(tmp_path):
    header, row = TRC_ROWS['2.1']
    text = header + row.format(1) + (
        '  2  1.5 ST 1 - Rx - 4  00 00 00 08\n'
        '  3  1.6 ER 1 - Rx - 5  04 00 02 00 00\n'
        '  4  1.7 RR 1 0100 Rx - 2\n')
    found = read(text_log(tmp_path, '.trc', text))
    assert [(each.frame.is_error, each.frame.is_remote) for each in found] == [
        (False, False), (True, False), (False, True)]


def test_utf_16_as_power_shell_writes_it(tmp_path):
    path = tmp_path / 'a.log'
    path.write_text('(1.5) can0 0106B000#07\r\n' * 3, encoding='utf-16')
    assert len(read(path)) == 3


@pytest.mark.parametrize(('suffix', 'text'), [
    ('.log', '(1.5) can0 123##1112233\n'),
    ('.asc', '   1.5 CANFD   1 Rx        123      1 0 9 12 00 11 22 33 44 55 66 77 88 99 AA BB\n'),
    ('.trc', '  2  1500 FD 1 0123 Rx - 9 00 11 22 33 44 55 66 77 88 99 AA BB\n'),
])
def test_frames_of_can_fd_are_counted_and_said(tmp_path, suffix, text):
    path = tmp_path / f'a{suffix}'
    write(path, some_entries(5))
    with path.open('a') as file:
        file.write(text)
    found, problems = entries_and_problems(path)
    assert len(found) == 5
    assert len(problems) == 1 and '1 frame of CAN FD' in problems[0]


def test_frames_of_can_fd_in_blf_are_counted_and_said(tmp_path):
    with can.Logger(tmp_path / 'a.blf') as writer:
        writer(MESSAGES[0])
        for _ in range(2):
            writer(can.Message(timestamp=1_790_000_001, is_fd=True, data=bytes(12)))
    found, problems = entries_and_problems(tmp_path / 'a.blf')
    assert len(found) == 1
    assert len(problems) == 1 and '2 frames of CAN FD' in problems[0]


# Times.

@pytest.mark.parametrize('suffix', ['.log', '.asc', '.trc', '.blf'])
def test_times_without_a_date_stay_without(tmp_path, suffix):
    log = [Heard(number * 10_000_000, Frame(0x0106B000, b'\x07'), 'can0') for number in range(5)]
    write(tmp_path / f'a{suffix}', log)
    opened = open_log(tmp_path / f'a{suffix}')
    assert list(opened) == log
    assert not opened.has_dates


@pytest.mark.parametrize('suffix', ['.log', '.blf', '.asc', '.trc', '.csv', '.parquet'])
def test_a_clock_that_is_set_back_is_written_as_it_was(tmp_path, suffix):
    times = (START_NS // 1000 * 1000 + each * 1000 for each in (0, 5, 3, 100_000, 1))
    log = [Heard(each, Frame(0x0106B000, b'\x07'), 'can0') for each in times]
    write(tmp_path / f'a{suffix}', log)
    assert read(tmp_path / f'a{suffix}') == log


@pytest.mark.parametrize('suffix', ['.blf', '.asc', '.trc'])
def test_a_clock_set_back_before_the_start_is_said_where_it_cannot_be_written(tmp_path, suffix):
    log = [Heard(START_NS - back_ns, Frame(0x0106B000, b'\x07'), 'can0')
           for back_ns in (0, 3600 * SECOND_NS)]
    writer = write(tmp_path / f'a{suffix}', log)
    assert any('before the start' in each for each in writer.problems)
    assert len(read(tmp_path / f'a{suffix}')) == 2


def test_names_of_channels_that_a_format_cannot_keep_are_said(tmp_path):
    log = [Heard(START_NS, Frame(1, b''), name) for name in ('can0', 'can1', 'vcan0', 'left')]
    writer = write(tmp_path / 'a.asc', log)
    assert len(writer.problems) == 2
    channels = [each.channel for each in read(tmp_path / 'a.asc')]
    assert len(set(channels)) == 4 and channels[:2] == ['can0', 'can1']


# Damage.

BAD_LINES = {
    '.log': '(1436509052.2497',
    '.asc': '   0.300000 1  106B000x        Rx   d 8 07 07',
    '.trc': '  7  1059.900 DT 1 0106B000 Rx - 8  07',
}


@pytest.mark.parametrize('suffix', BAD_LINES)
@pytest.mark.parametrize('bad', ['itself', '\x00\x01\xff\xfe rubbish', 'x' * 10_000])
def test_a_bad_line_is_left_out_and_named_and_reading_goes_on(tmp_path, suffix, bad):
    path = tmp_path / f'a{suffix}'
    write(path, some_entries(20))
    lines = path.read_text().splitlines()
    bad = BAD_LINES[suffix] if bad == 'itself' else bad
    path.write_text('\n'.join([*lines[:15], bad, *lines[15:], bad]) + '\n')
    found, problems = entries_and_problems(path)
    assert_same(found, some_entries(20), FORMATS[{'.log': 'candump'}.get(suffix, suffix[1:])])
    assert len(problems) == 1
    assert 'line 16' in problems[0] and re.match(r'\d+ lines are no frame', problems[0])
    assert '\n' not in problems[0] and len(problems[0]) < 200


def test_a_file_of_python_cans_csv_with_a_bad_line(tmp_path):
    with can.Logger(tmp_path / 'a.csv') as writer:
        for message in MESSAGES[:5]:
            writer(message)
    with (tmp_path / 'a.csv').open('a') as file:
        file.write('1.5,0x123,1,0,0,8,????\n')
    found, problems = entries_and_problems(tmp_path / 'a.csv')
    assert len(found) == 5
    assert 'line 7' in problems[0]


@pytest.mark.parametrize('keep', [0.3, 0.6, 0.9, 0.999])
def test_a_blf_file_that_is_cut_short_gives_what_is_there(tmp_path, keep):
    path = tmp_path / 'a.blf'
    expected = some_entries(6000)
    write(path, expected)
    data = path.read_bytes()
    path.write_bytes(data[:int(len(data) * keep)])
    found, problems = entries_and_problems(path)
    assert len(expected) * keep * 0.5 < len(found) < len(expected)
    assert_same(found, expected[:len(found)], FORMATS['blf'])
    assert len(problems) == 1 and re.search('cut short|damaged', problems[0])


def test_a_blf_file_that_was_never_finished_is_read_and_said(tmp_path):
    path = tmp_path / 'a.blf'
    with open_writer(path) as writer:
        for each in some_entries(6000):
            writer.write(each)
        writer._writer.file.flush()
        left_by_a_kill = path.read_bytes()
    path.write_bytes(left_by_a_kill)
    found, problems = entries_and_problems(path)
    assert found
    assert 'never finished' in problems[0]


def test_a_blf_object_of_size_zero_does_not_hold_the_reader_for_ever(tmp_path):
    path = tmp_path / 'a.blf'
    write(path, some_entries(5))
    data = path.read_bytes()
    at = data.index(b'LOBJ')
    size, = struct.unpack_from('<L', data, at + 8)
    content = bytearray(zlib.decompress(data[at + 32:at + size]))
    third = [match.start() for match in re.finditer(b'LOBJ', content)][2]
    content[third + 8:third + 12] = bytes(4)
    packed = zlib.compress(content)
    block = struct.pack('<4sHHLL', b'LOBJ', 16, 1, 32 + len(packed), 10) + data[at + 16:at + 32]
    path.write_bytes(data[:at] + block + packed)
    found, problems = entries_and_problems(path)
    # The third is gone, and the others are what they were.
    expected = some_entries(5)
    assert_same(found, [*expected[:2], *expected[3:]], FORMATS['blf'])
    assert 'damaged at byte' in problems[0]


def test_a_packed_file_that_is_cut_short_gives_what_is_there(tmp_path):
    write(tmp_path / 'a.log', some_entries(5000))
    path = tmp_path / 'a.log.gz'
    data = gzip.compress((tmp_path / 'a.log').read_bytes())
    path.write_bytes(data[:len(data) // 2])
    found, problems = entries_and_problems(path)
    assert 1000 < len(found) < 5000
    assert 'ends after line' in problems[-1]


def test_a_damaged_database_gives_what_can_be_had(tmp_path):
    path = tmp_path / 'a.db'
    with sqlite3.connect(path) as connection:
        connection.execute('CREATE TABLE messages (ts REAL, arbitration_id INTEGER, '
                           'extended INTEGER, remote INTEGER, error INTEGER, dlc INTEGER, '
                           'data BLOB)')
        for number in range(1000):
            connection.execute('INSERT INTO messages VALUES (?, 1, 1, 0, 0, 8, ?)',
                               (number * 0.01, bytes(8)))
        connection.execute("INSERT INTO messages VALUES ('now', 1, 1, 0, 0, 8, 'text')")
    connection.close()
    found, problems = entries_and_problems(path)
    assert len(found) == 1000
    assert 'row 1001' in problems[0]
    data = bytearray(path.read_bytes())
    data[-5000:-4000] = bytes(1000)
    path.write_bytes(data)
    found, problems = entries_and_problems(path)
    assert 0 < len(found) <= 1000
    assert problems


# What cannot be read at all.

def test_an_empty_file(tmp_path):
    (tmp_path / 'a.log').touch()
    assert say(tmp_path / 'a.log') == f'{tmp_path / "a.log"}: the file is empty'


def test_no_file(tmp_path):
    assert 'no such file' in say(tmp_path / 'a.log')


def test_a_directory_without_a_bag(tmp_path):
    assert 'bag' in say(tmp_path)


def test_what_may_not_be_opened(tmp_path, monkeypatch):
    # A socket: nobody may open that, not even root.
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind('a.log')
        assert 'is no file' in say('a.log')
    assert 'cannot be read' in say('a\0.log')


@pytest.mark.parametrize('suffix', ['.log', '.asc', '.trc', '.blf', '.csv', '.db', ''])
def test_rubbish(tmp_path, suffix):
    path = tmp_path / f'a{suffix}'
    path.write_bytes(bytes(range(256)) * 100)
    assert say(path).startswith(f'{path}: ')


def test_prose(tmp_path):
    assert 'no frame can be read' in say(text_log(tmp_path, '.log', 'It was a dark night.\n'))


def test_mf4_needs_a_library_that_few_have(tmp_path, capfd):
    path = tmp_path / 'a.mf4'
    path.write_bytes(b'MDF     4.10    ' + bytes(200))
    words = 'damaged' if importlib.util.find_spec('asammdf') else 'pip install asammdf'
    assert words in say(path)
    assert capfd.readouterr() == ('', '')


def test_mf4(tmp_path, capfd):
    pytest.importorskip('asammdf', reason='asammdf, which MF4 needs, is not installed')
    path = tmp_path / 'a.mf4'
    entries = [each for each in some_entries() if each.channel == 'can1']
    with can.MF4Writer(path) as writer:
        for entry in entries:
            frame = entry.frame
            writer.on_message_received(can.Message(
                timestamp=entry.time_s, arbitration_id=frame.can_id, data=frame.data,
                is_extended_id=frame.is_extended, is_remote_frame=frame.is_remote,
                is_error_frame=frame.is_error, is_rx=not entry.is_sent, channel=1))
    assert_same(read(path), entries, Format('.mf4', 2000))
    damaged = path.read_bytes()
    for size in range(100, len(damaged), len(damaged) // 20):
        path.write_bytes(damaged[:size])
        assert 'damaged' in say(path)
    assert capfd.readouterr() == ('', '')


def test_a_log_of_a_silent_bus_is_no_damage(tmp_path):
    for suffix in ('.asc', '.trc', '.blf', '.csv', '.parquet'):
        write(tmp_path / f'a{suffix}', [])
        assert read(tmp_path / f'a{suffix}') == []


def test_python_can_does_not_speak_to_the_terminal(tmp_path, capfd, caplog):
    for suffix in ('.asc', '.trc', '.blf'):
        write(tmp_path / f'a{suffix}', some_entries())
        read(tmp_path / f'a{suffix}')
    assert capfd.readouterr() == ('', '')
    assert caplog.records == []


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / 'a.log'
    good, bad = '(1436509052.249713) can0 0106B000#07\n', 'rubbish\n'
    path.write_text((good * 10 + bad) * 5000)
    tracemalloc.start()
    try:
        count = sum(1 for _ in open_log(path))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 50_000
    assert peak < 2_000_000


# Whatever the bytes: entries, or one sentence.

@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """Return the bytes of a log in each format."""
    folder = tmp_path_factory.mktemp('whole')
    contents = {}
    for suffix in ('.log', '.asc', '.trc', '.blf', '.csv', '.parquet'):
        write(folder / f'a{suffix}', some_entries(40))
        contents[suffix] = (folder / f'a{suffix}').read_bytes()
    for suffix in ('.asc', '.blf', '.trc', '.csv', '.db'):
        with can.Logger(folder / f'b{suffix}') as writer:
            for message in MESSAGES:
                writer(message)
        contents[f'.python_can{suffix}'] = (folder / f'b{suffix}').read_bytes()
    unpacked = bytearray(contents['.blf'])
    at = unpacked.index(b'LOBJ')
    content = zlib.decompress(unpacked[at + 32:])
    contents['.unpacked.blf'] = bytes(unpacked[:at]) + struct.pack(
        '<4sHHLL', b'LOBJ', 16, 1, 32 + len(content), 10) + bytes(16) + content
    contents['.log.gz'] = gzip.compress(contents['.log'])
    contents['.log.xz'] = lzma.compress(contents['.log'])
    # Objects without a block around them.
    contents['.bare.blf'] = bytes(unpacked[:at]) + content
    contents['.savvycan.csv'] = b'Time Stamp,ID,Extended,Dir,Bus,LEN,D1,D2\n' + (
        b'110000,0106B000,true,Rx,0,2,07,08,\n' * 30)
    contents['.canedge.csv'] = (
        b'TimestampEpoch;BusChannel;ID;IDE;DLC;DataLength;Dir;EDL;BRS;ESI;RTR;DataBytes\n'
        + b'1790000000.250000;1;106B000;1;1;1;0;0;0;0;0;07\n' * 30)
    return contents


changes = st.lists(
    st.tuples(
        st.sampled_from(['put', 'cut', 'insert', 'truncate', 'repeat']), st.floats(0, 1),
        st.one_of(st.binary(min_size=1, max_size=12),
                  st.sampled_from([b'\0\0\0\0', b'\xff\xff\xff\xff', b'\n', b',', b'LOBJ',
                                   b'99999999999999999999', b'-', b'#', b'"']))),
    min_size=1, max_size=6)


def changed(data, what):
    for change, place, piece in what:
        at = int(place * len(data))
        if change == 'put':
            data = data[:at] + piece + data[at + len(piece):]
        elif change == 'cut':
            data = data[:at] + data[at + len(piece):]
        elif change == 'insert':
            data = data[:at] + piece + data[at:]
        elif change == 'truncate':
            data = data[:at]
        else:
            data = data[:at] + data[max(0, at - 50):]
    return data


@pytest.mark.parametrize('suffix', [
    '.log', '.asc', '.trc', '.blf', '.csv', '.parquet', '.python_can.asc', '.python_can.blf',
    '.python_can.trc', '.python_can.csv', '.python_can.db', '.unpacked.blf', '.log.gz',
    '.log.xz', '.bare.blf', '.savvycan.csv', '.canedge.csv'])
@settings(max_examples=many(30), deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(what=changes)
def test_whatever_the_bytes_it_is_entries_or_a_sentence(whole, tmp_path, suffix, what):
    path = tmp_path / f'a{suffix}'
    path.write_bytes(changed(whole[suffix], what))
    try:
        log = open_log(path)
        found = list(log)
    except LogError as error:
        assert '\n' not in str(error)
        return
    assert all('\n' not in each for each in log.problems)
    for heard in found:
        assert type(heard.time_ns) is int and -1 << 63 <= heard.time_ns < 1 << 63
        assert len(heard.frame.data) <= 8 and 0 <= heard.frame.can_id < 1 << 29


@settings(max_examples=many(30), deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(one=st.sampled_from(['.log', '.asc', '.trc', '.blf', '.csv', '.parquet']),
       other=st.sampled_from(['.log', '.asc', '.trc', '.blf', '.csv', '.parquet']),
       places=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_halves_of_two_formats_are_entries_or_a_sentence(whole, tmp_path, one, other, places):
    path = tmp_path / f'a{one}'
    path.write_bytes(whole[one][:int(places[0] * len(whole[one]))]
                     + whole[other][int(places[1] * len(whole[other])):])
    try:
        list(open_log(path))
    except LogError as error:
        assert str(path) in str(error)
