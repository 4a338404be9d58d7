# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""CSV of other programs: those of SavvyCAN, CANedge and python-can are read, others are named."""

import gzip
import re

from formats_bench import read
import pytest

from gi3_ros.core.interface.frame import Frame
from gi3_ros.logs.entries import Heard, LogError
from gi3_ros.logs.reading import open_log

STATUS = Frame(0x0106B000, b'\7')
START_US = 1_790_000_000_250_000


def text(tmp_path, content, name='a.csv', encoding='utf-8'):
    path = tmp_path / name
    path.write_text(content, encoding=encoding)
    return path


def say(path):
    with pytest.raises(LogError) as caught:
        list(open_log(path))
    assert '\n' not in str(caught.value)
    return str(caught.value)


SAVVY = 'Time Stamp,ID,Extended,Dir,Bus,LEN,D1,D2,D3,D4,D5,D6,D7,D8\n'
SAVVY_ROWS = (
    '10000,0106B000,true,Rx,0,1,07,\n'
    '110000,00000123,false,Tx,1,8,00,01,02,03,04,05,06,FF,\n'
    '210000,0x0106B000,TRUE,rx,0,1,07\n'
    '310000,7FF,false,Rx,1,0,\n')
SAVVY_ENTRIES = [
    Heard(10_000_000, STATUS, 'can0'),
    Heard(110_000_000, Frame(0x123, b'\0\1\2\3\4\5\6\xff', False), 'can1', True),
    Heard(210_000_000, STATUS, 'can0'),
    Heard(310_000_000, Frame(0x7FF, b'', False), 'can1'),
]


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16'])
@pytest.mark.parametrize('change', [
    lambda content: content,
    lambda content: content.replace('\n', '\r\n'),
    lambda content: content.replace(',', ';'),
    lambda content: 'sep=\t\n' + content.replace(',', '\t'),
    lambda content: content.replace('Time Stamp', '"Time Stamp"').replace('true', '"true"'),
], ids=['plain', 'Windows', 'semicolons', 'tabs', 'quotes'])
def test_savvycan(tmp_path, change, encoding):
    path = text(tmp_path, change(SAVVY + SAVVY_ROWS), encoding=encoding)
    assert read(path) == SAVVY_ENTRIES
    assert open_log(path).kind == 'SavvyCAN CSV'
    assert not open_log(path).has_dates


def test_savvycan_before_it_knew_directions(tmp_path):
    assert read(text(tmp_path, (
        'Time Stamp,ID,Extended,Bus,LEN,D1,D2,D3,D4,D5,D6,D7,D8\n'
        '10000,0106B000,true,0,1,07,00,00,00,00,00,00,00,\n'))) == SAVVY_ENTRIES[:1]


def test_savvycan_on_the_clock_of_the_system(tmp_path):
    path = text(tmp_path, f'{SAVVY}{START_US},0106B000,true,Rx,0,1,07,\n')
    assert read(path) == [Heard(START_US * 1000, STATUS, 'can0')]
    assert open_log(path).has_dates


def test_buses_of_savvycan_count_from_0(tmp_path):
    path = text(tmp_path, SAVVY + SAVVY_ROWS)
    for name in ('1', 'can1'):
        assert list(open_log(path, channel=name)) == SAVVY_ENTRIES[1::2]


EDGE = 'TimestampEpoch;BusChannel;ID;IDE;DLC;DataLength;Dir;EDL;BRS;ESI;RTR;DataBytes\n'
EDGE_ROWS = (
    '1790000000.250000;1;106B000;1;1;1;0;0;0;0;0;07\n'
    '1790000000.350001;2;123;0;8;8;1;0;0;0;0;00010203040506FF\n'
    '1790000001;9;7FF;0;0;0;0;0;0;0;0;\n'
    '1790000001.5;1;7FF;0;4;4;0;0;0;0;1;\n')
EDGE_ENTRIES = [
    Heard(START_US * 1000, STATUS, 'can0'),
    Heard(1_790_000_000_350_001_000, Frame(0x123, b'\0\1\2\3\4\5\6\xff', False), 'can1', True),
    Heard(1_790_000_001_000_000_000, Frame(0x7FF, b'', False), 'can8'),
    Heard(1_790_000_001_500_000_000, Frame(0x7FF, b'', False, True), 'can0'),
]


@pytest.mark.parametrize('change', [
    lambda content: content, lambda content: content.replace(';', ','),
    # Columns that some versions have not: DLC, and those of CAN FD.
    lambda content: re.sub('^((?:[^;]*;){4})[^;]*;([^;]*;[^;]*;)(?:[^;]*;){3}', r'\1\2', content,
                           flags=re.M)], ids=['plain', 'commas', 'fewer'])
def test_canedge(tmp_path, change):
    path = text(tmp_path, change(EDGE + EDGE_ROWS))
    assert read(path) == EDGE_ENTRIES
    assert open_log(path).kind == 'CANedge CSV'
    assert open_log(path).has_dates
    assert list(open_log(path, channel='2')) == EDGE_ENTRIES[1:2]


@pytest.mark.parametrize(('header', 'rows', 'row'), [
    (SAVVY, SAVVY_ROWS, '1,124,false,Rx,0,12,00,01,02,03,04,05,06,07,08,09,0A,0B,\n'),
    (EDGE, EDGE_ROWS, '1790000000.2;1;124;0;9;12;0;1;0;0;0;000102030405060708090A0B\n')])
def test_frames_of_can_fd_are_counted(tmp_path, header, rows, row):
    log = open_log(text(tmp_path, header + row + rows))
    assert len(list(log)) == 4
    assert log.problems == ['1 frame of CAN FD left out: the interface is classic CAN']
    assert not log.is_damaged


@pytest.mark.parametrize(('header', 'rows', 'row'), [
    (SAVVY, SAVVY_ROWS, row) for row in (
        '1,124,false,Rx,0,4,00,01\n', '1,124,false,Rx,0,1,1FF\n', 'x,124,false,Rx,0,1,00\n',
        '1,124,perhaps,Rx,0,1,00\n', '1,FFFFFFFF,true,Rx,0,1,00\n', '1,800,false,Rx,0,1,00\n',
        f'{10**30},124,false,Rx,0,1,00\n', '1,124\n', '1,124,false,Rx,0,-1,00\n', 'rubbish\n')
] + [
    (EDGE, EDGE_ROWS, row) for row in (
        'x;1;124;0;1;1;0;0;0;0;0;07\n', '1.5;1;124;0;2;2;0;0;0;0;0;07\n',
        '1.5;1;124;0;1;1;0;0;0;0;0;0\n', '1.5;1;124;2;1;1;0;0;0;0;0;07\n', '1.5;1;124\n',
        'nan;1;124;0;1;1;0;0;0;0;0;07\n', '1.5;1;800;0;1;1;0;0;0;0;0;07\n')
])
def test_a_row_that_is_no_frame_is_counted(tmp_path, header, rows, row):
    log = open_log(text(tmp_path, header + row + rows))
    assert len(list(log)) == 4
    assert len(log.problems) == 1
    assert log.problems[0].startswith('1 line is no frame and is left out, the first is line 2: ')


@pytest.mark.parametrize('content', [SAVVY + SAVVY_ROWS, EDGE + EDGE_ROWS])
def test_the_content_decides_and_packing_does_not_matter(tmp_path, content):
    expected = read(text(tmp_path, content))
    assert read(text(tmp_path, content, 'b.txt')) == expected
    path = tmp_path / 'c.csv.gz'
    path.write_bytes(gzip.compress(content.encode()))
    assert read(path) == expected


def test_rows_of_python_can_without_their_header(tmp_path):
    assert read(text(tmp_path, '1790000000.25,0x106b000,1,0,0,1,Bw==\n')) == [
        Heard(START_US * 1000, STATUS)]


@pytest.mark.parametrize(('content', 'words'), [
    ('Time,Channel,ID,Flags,DLC,Data0,Data1,Data2,Data3,Data4,Data5,Data6,Data7,Counter,AbsTime\n'
     '0.1,1,17215488,4,1,7,,,,,,,,1,\n', 'of Kvaser'),
    ('Kvaser Memorator Log\n;\nTime,Channel,ID,Flags,DLC,Data0,Data1\n', 'of Kvaser'),
    ('Time;Chn;ID;Name;Event Type;Dir;DLC;Data\n0.1;CAN 1;106B000x;;CAN Frame;Rx;1;07\n',
     'CANalyzer or CANoe'),
    ('"Time [s]","Chn","ID","DLC","Data"\n"0.1","1","106B000x","1","07"\n', 'CANalyzer or CANoe'),
    ('Message Number,Time Offset [ms],Type,ID [hex],Rx/Tx,Data length,Data [hex]\n', 'PEAK'),
    ('CAN-ID;Type;Length;Data;Cycle Time;Count\n0106B000h;;1;07;100;5\n', 'PEAK'),
    ('Line,Abs Time(Sec),Rel Time (Sec),Status,Er,Tx,Description,Network,ArbId,B1\n',
     'Vehicle Spy'),
    ('# Logger type: CL1000\n# Time: 20260101T000000\nTimestamp;Type;ID;Data\n'
     '01T000000683;8;7df;02010d5555555555\n', 'CLX000'),
    ('time,addr,bus,data\n0.1,0x106b000,0,0x07\n', 'Cabana'),
])
@pytest.mark.parametrize('name', ['a.csv', 'a.txt', 'a.csv.gz'])
def test_csv_of_others_is_named_with_what_to_do(tmp_path, content, words, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(content.encode()) if name.endswith('gz') else content.encode())
    assert words in say(path)
    assert 'which is not read: ' in say(path)


def test_csv_of_nobody_says_which_columns_it_has(tmp_path):
    assert say(text(tmp_path, 'Datum;Spannung;Strom\n1;2;3\n')) == (
        f'{tmp_path}/a.csv: a CSV whose columns are not known (Datum, Spannung, Strom): those of '
        'this package, of python-can, SavvyCAN and CANedge are read; save it as candump, ASC, BLF '
        'or TRC')


@pytest.mark.parametrize('line', [
    'time, channel and id of what happened', 'The Time,ID and data', '(1.5) can0 123#00'])
def test_prose_with_commas_is_nobodys_csv(tmp_path, line):
    path = text(tmp_path, f'{line}\n(1.5) can0 0106B000#07\n', 'a.log')
    assert Heard(1_500_000_000, STATUS, 'can0') in list(open_log(path))


def test_two_logs_one_behind_the_other(tmp_path):
    older = 'Time Stamp,ID,Extended,Bus,LEN,D1\n10000,0106B000,true,0,1,07\n'
    assert read(text(tmp_path, SAVVY + SAVVY_ROWS + older)) == [*SAVVY_ENTRIES, SAVVY_ENTRIES[0]]
