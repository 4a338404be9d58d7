# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""CSV and Parquet: what a row says, and that the frames come back from it."""

import csv

from formats_bench import read, some_entries, START_NS, write
import pyarrow
from pyarrow import parquet
import pytest

from gi3_ros.core.interface.codec import decode, encode, Received
from gi3_ros.core.interface.frame import Frame
from gi3_ros.core.interface.signals import MESSAGES
from gi3_ros.logs.entries import Heard, LogError
from gi3_ros.logs.formats import parquet as parquet_format
from gi3_ros.logs.formats.rows import RAW_COLUMNS
from gi3_ros.logs.reading import open_log
from gi3_ros.logs.writers import parquet as parquet_writer
from gi3_ros.logs.writers.columns import COLUMNS

CONTROL = next(each for each in MESSAGES.values() if each.NAME == 'DC_Power_Control')
STATUS = next(each for each in MESSAGES.values() if each.NAME == 'Advantics_Controller_Status')


def heard(frame, time_ns=START_NS):
    return Heard(time_ns, frame, 'can0')


def rows_of(tmp_path, suffix, log):
    """Write a table and return its rows as dictionaries of what is in them."""
    path = tmp_path / f'a{suffix}'
    write(path, log)
    if suffix == '.parquet':
        table = parquet.read_table(path)
        # Python's own dates end at microseconds.
        place = table.column_names.index('time')
        table = table.set_column(place, 'time', table['time'].cast(pyarrow.int64()))
        rows = table.to_pylist()
    else:
        with path.open(newline='', encoding='utf-8') as file:
            rows = list(csv.DictReader(file))
    return [{name: value for name, value in row.items() if value not in ('', None)}
            for row in rows]


def values_of(message):
    """Return what the columns of a message should have."""
    return {
        f'{message.NAME}.{signal.name}':
            signal.labels.get(int(value), str(int(value))) if signal.enum is not None else value
        for signal in message.SIGNALS if (value := getattr(message, signal.field)) is not None}


def in_csv(value):
    return str(int(value) if isinstance(value, bool) else value)


def test_each_signal_has_a_column_with_the_vendors_names(tmp_path):
    signals = [f'{each.NAME}.{signal.name}' for each in MESSAGES.values()
               for signal in each.SIGNALS]
    assert list(COLUMNS[-len(signals):]) == signals
    assert len(set(COLUMNS)) == len(COLUMNS)


def test_the_unit_is_in_the_metadata_of_the_column(tmp_path):
    write(tmp_path / 'a.parquet', some_entries(5))
    schema = parquet.read_schema(tmp_path / 'a.parquet')
    for each in MESSAGES.values():
        for signal in each.SIGNALS:
            metadata = schema.field(f'{each.NAME}.{signal.name}').metadata or {}
            assert metadata.get(b'unit', b'').decode() == signal.unit


@pytest.mark.parametrize('suffix', ['.csv', '.parquet'])
def test_a_row_has_the_frame_and_what_it_means(tmp_path, suffix):
    message = CONTROL()
    row, = rows_of(tmp_path, suffix, [heard(encode(message, index=2))])
    expected = values_of(message)
    if suffix == '.csv':
        expected = {name: in_csv(value) for name, value in expected.items()}
        assert row['can_id'] == f'0x{encode(message, index=2).can_id:08X}'
        assert row['data'].startswith('0x')
        assert row['time'] == '2026-09-21T14:13:20.123456789Z'
        assert row['time_ns'] == str(START_NS)
    else:
        assert row['can_id'] == encode(message, index=2).can_id
        assert row['time'] == row['time_ns'] == START_NS
    assert (int(row['pistol']), row['message'], row['direction']) == (2, CONTROL.NAME, 'rx')
    assert 'problem' not in row
    assert {name: value for name, value in row.items() if '.' in name} == expected


@pytest.mark.parametrize('suffix', ['.csv', '.parquet'])
def test_an_undefined_label_is_its_number_and_a_problem(tmp_path, suffix):
    signal = next(each for each in STATUS.SIGNALS if each.enum is not None
                  and len(each.labels) < 1 << each.length)
    raw = next(number for number in range(1 << signal.length) if number not in signal.labels)
    data = (raw << signal.start).to_bytes(STATUS.LENGTH, 'little')
    frame = Frame(STATUS.BASE_ID | 1 << 24, data)
    row, = rows_of(tmp_path, suffix, [heard(frame)])
    assert row[f'{STATUS.NAME}.{signal.name}'] == str(raw)
    assert row['problem'].startswith('undefined') and str(raw) in row['problem']


@pytest.mark.parametrize('suffix', ['.csv', '.parquet'])
@pytest.mark.parametrize(('frame', 'problem', 'message'), [
    (Frame(0x123, b'\x01', False), 'foreign', None),
    (Frame(CONTROL.BASE_ID | 1 << 24, b''), 'short', CONTROL.NAME),
    (Frame(4, bytes(8), False, is_error=True), 'foreign', None),
])
def test_a_frame_without_a_message_says_why(tmp_path, suffix, frame, problem, message):
    row, = rows_of(tmp_path, suffix, [heard(frame)])
    assert row['problem'].startswith(problem)
    assert row.get('message') == message
    assert not any('.' in name for name in row)


@pytest.mark.parametrize('suffix', ['.csv', '.parquet'])
def test_each_row_has_the_values_of_its_own_frame(tmp_path, suffix, monkeypatch):
    monkeypatch.setattr(parquet_writer, '_ROWS', 7)
    monkeypatch.setattr(parquet_format, '_ROWS', 7)
    base_id = CONTROL.BASE_ID | 1 << 24
    log = [
        *some_entries(60),
        *(heard(Frame(base_id, bytes([number]) * CONTROL.LENGTH)) for number in range(20)),
    ]
    rows = rows_of(tmp_path, suffix, log)
    for entry, row in zip(log, rows, strict=True):
        decoded = decode(entry.frame)
        expected = {}
        if isinstance(decoded, Received):
            expected = values_of(decoded.message)
            if suffix == '.csv':
                expected = {name: in_csv(value) for name, value in expected.items()}
        assert int(row['time_ns']) == entry.time_ns
        assert {name: value for name, value in row.items() if '.' in name} == expected
    assert read(tmp_path / f'a{suffix}') == log


@pytest.mark.parametrize('suffix', ['.csv', '.parquet'])
def test_frames_come_back_to_the_nanosecond(tmp_path, suffix):
    log = [*some_entries(), Heard(START_NS - 10**12, Frame(0, b''), 'name, with "signs"', True),
           Heard(-5, Frame(1, b'\0', False), '')]
    write(tmp_path / f'a{suffix}', log)
    assert read(tmp_path / f'a{suffix}') == log


def test_a_table_that_a_spreadsheet_saved_with_a_mark_in_front_is_read(tmp_path):
    write(tmp_path / 'a.csv', some_entries(5))
    (tmp_path / 'b.csv').write_bytes(b'\xef\xbb\xbf' + (tmp_path / 'a.csv').read_bytes().replace(
        b'\n', b'\r\n'))
    assert read(tmp_path / 'b.csv') == some_entries(5)


def test_the_columns_of_the_frame_are_enough(tmp_path):
    write(tmp_path / 'a.csv', some_entries(5))
    with (tmp_path / 'a.csv').open(newline='') as file:
        rows = list(csv.DictReader(file))
    with (tmp_path / 'b.csv').open('w', newline='') as file:
        writer = csv.DictWriter(file, RAW_COLUMNS, extrasaction='ignore')
        writer.writeheader()
        writer.writerows(rows)
    assert read(tmp_path / 'b.csv') == some_entries(5)


def test_a_bad_row_is_left_out_and_named(tmp_path):
    write(tmp_path / 'a.csv', some_entries(5))
    lines = (tmp_path / 'a.csv').read_text().splitlines()
    (tmp_path / 'a.csv').write_text('\n'.join([*lines[:3], 'rubbish', *lines[3:], '1,2']) + '\n')
    log = open_log(tmp_path / 'a.csv')
    assert list(log) == some_entries(5)
    assert log.problems == ['row 4 is no frame, and 1 more']


def test_a_missing_column_is_named(tmp_path):
    (tmp_path / 'a.csv').write_text('time_ns,channel\n1,can0\n')
    with pytest.raises(LogError, match=r'column is missing.*data'):
        open_log(tmp_path / 'a.csv')


def test_a_parquet_file_that_is_cut_short_is_a_sentence(tmp_path):
    write(tmp_path / 'a.parquet', some_entries())
    data = (tmp_path / 'a.parquet').read_bytes()
    (tmp_path / 'a.parquet').write_bytes(data[:-20])
    with pytest.raises(LogError, match='Parquet'):
        open_log(tmp_path / 'a.parquet')


def test_only_one_channel(tmp_path):
    for suffix in ('.csv', '.parquet'):
        write(tmp_path / f'a{suffix}', some_entries())
        assert read(tmp_path / f'a{suffix}', channel='can1') == [
            each for each in some_entries() if each.channel == 'can1']
        log = open_log(tmp_path / f'a{suffix}', channel='can9')
        assert list(log) == []
        assert 'can0, can1' in log.problems[0]
