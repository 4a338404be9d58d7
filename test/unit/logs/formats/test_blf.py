# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Vector's binary format: every object is read, or counted and said, and starts are moments."""

import datetime
import struct
import time
import zlib

import can
from click.testing import CliRunner
from formats_bench import assert_same, FORMATS, read, some_entries, write
import pytest

from gi3_ros.core.interface.frame import Frame
from gi3_ros.logs.decoding import decoded_batches
from gi3_ros.logs.entries import Gap, Heard, LogError
from gi3_ros.logs.reading import open_log
from gi3_ros.tools.main import main

START = datetime.datetime(2026, 3, 14, 15, 9, 26, 500_000)
UTC_NS = round(START.replace(tzinfo=datetime.timezone.utc).timestamp() * 10**9)
CANOE, CANALYZER = (2, 16, 0, 3), (1, 13, 0, 0)
PYTHON_CAN = (5, 0, 0, 0)
STATUS, CONTROL = 0x0106B000, 0x0186B003
EXTENDED = 1 << 31


def obj(sort, body, *, time_ns=0, version=1, unit=2, padding=None):
    """Return one object, with the zeros behind it that align the next."""
    stamp = struct.pack('<LHHQ', unit, 0, 0, time_ns) + bytes(8 if version == 2 else 0)
    head = struct.pack('<4sHHLL', b'LOBJ', 16 + len(stamp), version, 16 + len(stamp) + len(body),
                       sort)
    size = len(head + stamp + body)
    return head + stamp + body + bytes(size % 4 if padding is None else padding)


def classic(number, can_id=STATUS, data=b'\7', *, sort=1, flags=0, **options):
    body = struct.pack('<HBBL8s', 1, flags, len(data), can_id | EXTENDED, data)
    if sort == 86:
        body += bytes(8)
    return obj(sort, body, time_ns=number * 100_000_000, **options)


def block(*objects, is_packed=True):
    data = b''.join(objects)
    content = zlib.compress(data) if is_packed else data
    size = 32 + len(content)
    return (struct.pack('<4sHHLL', b'LOBJ', 16, 1, size, 10)
            + struct.pack('<H6xL4x', 2 if is_packed else 0, len(data)) + content
            + bytes(size % 4))


def blf(path, *parts, application=CANOE, start=START):
    """Write a file of blocks and objects."""
    content = b''.join(parts)
    when = (start.year, start.month, start.isoweekday() % 7, start.day, start.hour, start.minute,
            start.second, start.microsecond // 1000) if start else (0,) * 8
    path.write_bytes(struct.pack(
        '<4sL8BQQLL8H8H', b'LOGG', 144, *application, 2, 6, 8, 1, 144 + len(content),
        144 + len(content), content.count(b'LOBJ') or 1, 0, *when, *when).ljust(144, b'\0')
        + content)
    return path


def statuses(count, at_ns=0):
    return [Heard(at_ns + number * 100_000_000, Frame(STATUS, b'\7'), 'can0')
            for number in range(count)]


def gaps(path):
    """Return the numbers of the frames before which the rules begin anew."""
    entries = [each for batch in decoded_batches(open_log(path)) for each, _ in batch]
    return [number - sum(isinstance(before, Gap) for before in entries[:number])
            for number, each in enumerate(entries) if isinstance(each, Gap)]


# Where objects stand, and how they are.

@pytest.mark.parametrize('arrangement', [
    lambda objects: objects,
    lambda objects: [block(*objects)],
    lambda objects: [block(*objects, is_packed=False)],
    lambda objects: [*objects[:4], block(*objects[4:9]), objects[9]],
    lambda objects: [block(*objects[:4]), *objects[4:9], block(objects[9])],
], ids=['alone', 'packed', 'in a block', 'alone first', 'between'])
@pytest.mark.parametrize('options', [
    {}, {'version': 2}, {'sort': 86}, {'padding': 0}, {'padding': 4}, {'padding': 7},
    {'data': b'\7\0\0'}], ids=str)
def test_objects_are_read_wherever_they_stand(tmp_path, arrangement, options):
    objects = [classic(number, **options) for number in range(10)]
    path = blf(tmp_path / 'a.blf', *arrangement(objects), start=None)
    data = options.get('data', b'\7')
    assert read(path) == [
        Heard(each.time_ns, Frame(STATUS, data), 'can0') for each in statuses(10)]


def test_an_object_alone_does_not_disturb_one_that_lies_across_two_blocks(tmp_path):
    objects = b''.join(classic(number) for number in range(6))
    path = blf(tmp_path / 'a.blf', block(objects[:100]), classic(6), block(objects[100:]),
               start=None)
    found = read(path)
    assert sorted(each.time_ns for each in found) == [each.time_ns for each in statuses(7)]


def test_sizes_that_are_no_multiple_of_four(tmp_path):
    text = obj(65, b'x' * 13)
    path = blf(tmp_path / 'a.blf', classic(0), text, classic(1), text[:-text[-4:].count(0)],
               classic(2), start=None)
    assert read(path) == statuses(3)


def test_units_of_time(tmp_path):
    path = blf(
        tmp_path / 'a.blf', obj(1, classic(0)[32:48], time_ns=1234, unit=1),
        obj(1, classic(0)[32:48], time_ns=12_345_678, unit=2), start=None)
    assert [each.time_ns for each in read(path)] == [12_340_000, 12_345_678]


def test_frames_of_every_type(tmp_path):
    def fd(can_id, data, *, flags=0, fd_flags=0, length=None):
        return obj(100, struct.pack(
            '<HBBL5xBB5x', 2, flags, 9, can_id, fd_flags, length or len(data)) + data.ljust(64))

    def fd_64(can_id, data, *, flags=0, direction=0, extra=b''):
        extra_at = 32 + 40 + len(data) if extra else 0
        return obj(101, struct.pack(
            '<BBBxL4xL18xBB4x', 2, 9, len(data), can_id, flags, direction, extra_at)
            + data + extra)

    path = blf(
        tmp_path / 'a.blf', classic(0), classic(0, flags=1), classic(0, flags=0x80),
        fd(0x123, b'\1\2'), fd(STATUS | EXTENDED, b'\7', flags=1),
        fd(0x124, bytes(12), fd_flags=1),
        fd_64(0x123, b'\1\2\3'), fd_64(STATUS | EXTENDED, b'\7', direction=1, extra=bytes(8)),
        fd_64(0x124, bytes(64), flags=0x1000), fd_64(0x125, b'', flags=0x10),
        obj(2, struct.pack('<HH', 1, 0)), obj(104, struct.pack('<B', 2) + bytes(47)),
        obj(73, struct.pack('<H8xB5xL4x8s', 2, 0x12, 0x20, b'\3\4')), start=None)
    log = open_log(path)
    assert list(log) == [
        Heard(0, Frame(STATUS, b'\7'), 'can0'), Heard(0, Frame(STATUS, b'\7'), 'can0', True),
        Heard(0, Frame(STATUS, b'', is_remote=True), 'can0'),
        Heard(0, Frame(0x123, b'\1\2', False), 'can1'),
        Heard(0, Frame(STATUS, b'\7'), 'can1', True),
        Heard(0, Frame(0x123, b'\1\2\3', False), 'can1'),
        Heard(0, Frame(STATUS, b'\7'), 'can1', True),
        Heard(0, Frame(0x125, b'', False, is_remote=True), 'can1'),
        Heard(0, Frame(0, b'', False, is_error=True), 'can0'),
        Heard(0, Frame(0, b'', False, is_error=True), 'can1'),
        Heard(0, Frame(0x20, b'\3\4', False, is_error=True), 'can1'),
    ]
    assert log.problems == ['2 frames of CAN FD left out: the interface is classic CAN']
    assert not log.is_damaged


def test_a_request_to_send_is_no_frame(tmp_path):
    path = blf(tmp_path / 'a.blf', classic(0), classic(0, flags=2), classic(1, flags=1),
               start=None)
    assert [each.is_sent for each in read(path)] == [False, True]


@pytest.mark.parametrize('sort', [4, 6, 11, 31, 57, 65, 71, 72, 92, 96, 115, 127, 131, 134])
@pytest.mark.parametrize('version', [1, 3])
def test_objects_that_are_no_frames_of_can_are_no_loss(tmp_path, sort, version):
    path = blf(tmp_path / 'a.blf', classic(0), obj(sort, bytes(21), version=version), classic(1),
               start=None)
    assert read(path) == statuses(2)
    assert gaps(path) == []


# What is not read is counted and said, and the rules begin anew.

@pytest.mark.parametrize(('unread', 'words'), [
    (classic(0, version=3), 'with a head of the unknown version 3'),
    (classic(0, version=0), 'with a head of the unknown version 0'),
    (obj(139, bytes(120)), 'of the unknown type 139'),
    (obj(1 << 20, bytes(20)), 'of the unknown type 1048576'),
    (obj(1, struct.pack('<HBBL8s', 1, 0, 8, 0x800, bytes(8))), 'no frame of classic CAN'),
    (obj(1, bytes(10)), 'no frame of classic CAN'),
    (obj(100, struct.pack('<HBBL5xBB5x', 1, 0, 8, 1, 0, 8)), 'no frame of classic CAN'),
    (obj(101, struct.pack('<BBBxL4xL18xBB4x', 1, 9, 12, 1, 0, 0, 0) + bytes(12)),
     'no frame of classic CAN'),
], ids=['version 3', 'version 0', 'type 139', 'type', 'identifier', 'short', 'FD', 'FD 64'])
@pytest.mark.parametrize('is_alone', [True, False])
def test_what_is_not_read_is_counted(tmp_path, unread, words, is_alone):
    objects = [classic(0), unread, unread, classic(1), unread, classic(2)]
    path = blf(tmp_path / 'a.blf', *(objects if is_alone else [block(*objects)]), start=None)
    log = open_log(path)
    assert list(log) == statuses(3)
    at = 144 + (len(classic(0)) if is_alone else 0)
    assert log.problems == [f'3 objects left out, {words}, the first at byte {at}']
    assert log.is_damaged
    assert gaps(path) == [1, 2]


@pytest.mark.parametrize('sort', [91, 125, 126])
def test_what_the_recorder_lost_is_nobodys_breach(tmp_path, sort):
    path = blf(tmp_path / 'a.blf', classic(0), obj(sort, bytes(16)), classic(1), start=None)
    log = open_log(path)
    assert list(log) == statuses(2)
    assert log.problems == ['the recorder lost frames and says so in the log']
    assert gaps(path) == [1]


def test_a_file_of_which_nothing_can_be_read_is_not_empty(tmp_path):
    path = blf(tmp_path / 'a.blf', *(classic(number, version=4) for number in range(5)))
    with pytest.raises(LogError, match='5 objects left out'):
        open_log(path)
    result = CliRunner().invoke(main, ['report', str(path)])
    assert result.exit_code == 2
    assert 'empty' not in result.output


def test_a_log_of_nothing_but_can_fd_is_not_empty(tmp_path):
    with can.Logger(tmp_path / 'a.blf') as writer:
        writer(can.Message(timestamp=1_790_000_001, is_fd=True, data=bytes(12)))
    result = CliRunner().invoke(main, ['report', str(tmp_path / 'a.blf')])
    assert 'Not a single frame of this log could be read.' in result.output
    assert '1 frame of CAN FD' in result.output


def test_an_empty_file_is_empty(tmp_path):
    path = blf(tmp_path / 'a.blf')
    assert read(path) == []
    assert 'The log is empty' in CliRunner().invoke(main, ['report', str(path)]).output


def test_damage_between_objects_that_stand_alone_costs_no_other(tmp_path):
    objects = [classic(number) for number in range(20)]
    path = blf(tmp_path / 'a.blf', *objects[:8], b'rubbish' * 9, *objects[8:], start=None)
    log = open_log(path)
    assert list(log) == statuses(20)
    assert 'damaged at byte 528' in log.problems[0]
    assert gaps(path) == [8]


def test_a_file_of_objects_alone_that_is_cut_short(tmp_path):
    path = blf(tmp_path / 'a.blf', *(classic(number) for number in range(20)), start=None)
    path.write_bytes(path.read_bytes()[:144 + 48 * 12 + 30])
    log = open_log(path)
    assert list(log) == statuses(12)
    assert 'cut short' in log.problems[0]


# The start.

@pytest.fixture
def zone(monkeypatch):
    def change(name):
        monkeypatch.setenv('TZ', name)
        time.tzset()
    yield change
    monkeypatch.undo()
    time.tzset()


ZONES = [('UTC', 0), ('Europe/Berlin', 3600), ('America/New_York', -4 * 3600)]


@pytest.mark.parametrize(('name', 'offset_s'), ZONES)
@pytest.mark.parametrize(('application', 'is_utc'), [
    (CANOE, False), (CANALYZER, False), ((0, 0, 0, 0), False), ((5, 14, 0, 0), False),
    (PYTHON_CAN, True)])
@pytest.mark.parametrize('choice', [None, 'local', 'utc'])
def test_the_start_is_local_time_but_for_python_can(
        tmp_path, zone, name, offset_s, application, is_utc, choice):
    zone(name)
    path = blf(tmp_path / 'a.blf', classic(0), application=application)
    is_utc = is_utc if choice is None else choice == 'utc'
    found, = open_log(path, blf_start=choice)
    assert found.time_ns == UTC_NS - (0 if is_utc else offset_s * 10**9)


@pytest.mark.parametrize(('name', 'offset_s'), ZONES)
def test_a_measurement_has_the_same_times_as_asc_and_as_blf(tmp_path, zone, name, offset_s):
    """As CANoe writes both."""
    zone(name)
    blf(tmp_path / 'a.blf', classic(1))
    (tmp_path / 'a.asc').write_text(
        'date Sat Mar 14 15:09:26.500 2026\nbase hex  timestamps absolute\n'
        '   0.100000 1  106B000x        Rx   d 1 07\n')
    assert read(tmp_path / 'a.asc') == read(tmp_path / 'a.blf') == statuses(
        2, UTC_NS - offset_s * 10**9)[1:]


@pytest.mark.parametrize('name', [each for each, _ in ZONES])
def test_what_is_written_here_is_the_same_moment_everywhere(tmp_path, zone, name):
    zone(name)
    write(tmp_path / 'a.blf', some_entries())
    zone('Asia/Tokyo')
    assert_same(read(tmp_path / 'a.blf'), some_entries(), FORMATS['blf'])
    with can.BLFReader(tmp_path / 'a.blf') as reader:
        assert next(iter(reader)).timestamp == pytest.approx(some_entries()[0].time_s, abs=2e-6)


def test_a_night_of_the_clock_change_counts_on(tmp_path, zone):
    """The start is before, the frames are after: an hour of the clock comes twice, once here."""
    zone('Europe/Berlin')
    path = blf(tmp_path / 'a.blf', obj(1, classic(0)[32:48], time_ns=3 * 3600 * 10**9),
               start=datetime.datetime(2026, 10, 25, 1, 30))
    found, = read(path)
    assert found.time_ns == datetime.datetime(
        2026, 10, 25, 2, 30, tzinfo=datetime.timezone.utc).timestamp() * 10**9


@pytest.mark.parametrize('start', [(0,) * 8, (2026, 13, 1, 1, 1, 1, 1, 1), (1,) * 8])
def test_a_start_that_is_none(tmp_path, start):
    path = blf(tmp_path / 'a.blf', classic(0))
    data = bytearray(path.read_bytes())
    struct.pack_into('<8H', data, 40, *start)
    path.write_bytes(data)
    assert not open_log(path).has_dates


@pytest.mark.parametrize('command', ['audit', 'report', 'convert', 'replay'])
def test_the_choice_is_an_option_of_every_command_that_tells_times(tmp_path, zone, command):
    zone('Europe/Berlin')
    path = blf(tmp_path / 'a.blf', *(classic(number) for number in range(3)))
    target = [str(tmp_path / 'a.log')] if command == 'convert' else []
    result = CliRunner().invoke(main, [command, str(path), *target, '--blf-start', 'utc'])
    assert result.exit_code in (0, 1)
    assert CliRunner().invoke(
        main, [command, str(path), *target, '--blf-start', 'mine']).exit_code == 2
    if target:
        assert read(tmp_path / 'a.log')[0].time_ns == UTC_NS
