# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is left of damaged files: all that is sound, nothing that is not, and a sentence."""

import datetime
import gzip
import itertools
import os
import shutil
import struct
import time
import zlib

from amount import many
from can.io.blf import BLFWriter
from formats_bench import assert_same, FORMATS, read, some_entries, write
from hypothesis import example, given, HealthCheck, settings
from hypothesis import strategies as st
import pytest

from gi3_ros.core.interface.frame import Frame
from gi3_ros.logs.entries import Heard, LogError
from gi3_ros.logs.reading import open_log

COUNT = 900
HEAD = struct.Struct('<4sHHLL')


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """Return a BLF file of several blocks, its bytes and where the blocks are in it."""
    path = tmp_path_factory.mktemp('blf') / 'whole.blf'
    with pytest.MonkeyPatch.context() as context:
        context.setattr(BLFWriter, 'max_container_size', 1 << 13)
        write(path, some_entries(COUNT))
    data = path.read_bytes()
    blocks, at = [], 144
    while at < len(data):
        size = HEAD.unpack_from(data, at)[3]
        blocks.append((at, at + size + size % 4))
        at = blocks[-1][1]
    assert len(blocks) > 3
    return data, blocks


def frames_of(tmp_path, data, name='damaged.blf'):
    path = tmp_path / name
    path.write_bytes(data)
    log = open_log(path)
    return list(log), log.problems


def numbers_of(found):
    """Return where the entries are in the log; there is none that was not in it."""
    places = {
        (each.time_ns, each.frame, each.channel): number
        for number, each in enumerate(some_entries(COUNT))}
    return [places[each.time_ns, each.frame, each.channel] for each in found]


def test_a_damaged_block_costs_its_own_frames_and_no_others(whole, tmp_path):
    data, blocks = whole
    begin, end = blocks[1]
    middle = (begin + end) // 2
    damaged = bytearray(data)
    damaged[middle] ^= 0x55
    found, problems = frames_of(tmp_path, damaged)
    numbers = numbers_of(found)
    assert numbers[0] == 0 and numbers[-1] == COUNT - 1
    assert numbers == sorted(set(numbers))
    gaps = [after - before for before, after in itertools.pairwise(numbers)
            if after - before > 1]
    assert len(gaps) == 1 and gaps[0] < COUNT / 2
    assert len(problems) == 1 and f'damaged at byte {begin}' in problems[0]


@pytest.mark.parametrize('rubbish', [b'\1', bytes(range(256)) * 300, b'LOBJ' * 10])
def test_what_lies_between_blocks_is_skipped(whole, tmp_path, rubbish):
    data, blocks = whole
    at = blocks[2][0]
    found, problems = frames_of(tmp_path, data[:at] + rubbish + data[at:])
    numbers = numbers_of(found)
    assert numbers == sorted(set(numbers)) and numbers[-1] == COUNT - 1
    # One frame lies across the border of two blocks.
    assert len(numbers) >= COUNT - 1
    assert f'damaged at byte {at}' in problems[0]


def test_a_missing_piece_of_the_file_is_a_gap(whole, tmp_path):
    data, blocks = whole
    begin, end = blocks[1]
    found, problems = frames_of(tmp_path, data[:begin + 50] + data[end + 50:])
    numbers = numbers_of(found)
    assert numbers == sorted(set(numbers))
    assert numbers[0] == 0 and numbers[-1] == COUNT - 1
    assert 'damaged' in problems[0]


def repacked(data, change):
    """Return a file of one block, its content changed before it is packed."""
    size = HEAD.unpack_from(data, 144)[3]
    content = bytearray(zlib.decompress(data[144 + 32:144 + size]))
    change(content, [at for at in range(len(content)) if content[at:at + 4] == b'LOBJ'])
    packed = zlib.compress(content)
    size = 32 + len(packed)
    block = HEAD.pack(b'LOBJ', 16, 1, size, 10) + data[160:176] + packed
    return data[:144] + block + bytes(size % 4)


@pytest.mark.parametrize('size', [0, 1, 15, 0xFFFFFFFF])
def test_an_object_with_a_wrong_size_costs_itself_and_not_what_follows(tmp_path, size):
    write(tmp_path / 'a.blf', some_entries(20))

    def change(content, objects):
        struct.pack_into('<L', content, objects[7] + 8, size)
    found, problems = frames_of(tmp_path, repacked((tmp_path / 'a.blf').read_bytes(), change))
    assert_same(found, some_entries(20)[:7] + some_entries(20)[-len(found) + 7:], FORMATS['blf'])
    assert len(found) >= 18
    assert 'damaged at byte 144' in problems[0]


def test_several_damages_in_one_block_are_one_place(tmp_path):
    write(tmp_path / 'a.blf', some_entries(20))

    def change(content, objects):
        for number in (4, 9, 14):
            struct.pack_into('<L', content, objects[number] + 8, 0)
    found, problems = frames_of(tmp_path, repacked((tmp_path / 'a.blf').read_bytes(), change))
    assert len(found) == 17
    assert len(problems) == 1 and problems[0].startswith('damaged at byte 144')


def test_a_recorder_killed_while_it_wrote_a_block_has_not_finished(whole, tmp_path):
    data, blocks = whole
    head = bytearray(data[:144])
    # Size of the file, and number of objects, as they are until it is closed.
    struct.pack_into('<Q', head, 16, 144)
    struct.pack_into('<L', head, 32, 0)
    found, problems = frames_of(tmp_path, head + data[144:blocks[2][0] + 2000])
    assert numbers_of(found) == list(range(len(found)))
    assert len(found) > COUNT / 3
    assert problems == ['the file was never finished, its last frames may be missing']


def test_an_object_that_goes_on_for_ever_does_not_take_the_next_blocks_along(whole, tmp_path):
    data, blocks = whole
    end = blocks[0][1]
    first = repacked(data[:end], lambda content, objects: struct.pack_into(
        '<L', content, objects[-2] + 8, 0x7FFFFFFF))
    found, problems = frames_of(tmp_path, first + data[end:])
    assert len(found) >= COUNT - 3
    assert numbers_of(found)[-1] == COUNT - 1
    assert 'damaged' in problems[0]


@settings(max_examples=many(40), deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.integers(0, 3), step=st.integers(-5, 40) | st.integers(0, 3000))
def test_a_cut_file_gives_frames_up_to_the_cut(whole, tmp_path, number, step):
    data, blocks = whole
    at = blocks[number + 1][0] + step
    found, problems = frames_of(tmp_path, data[:at])
    assert numbers_of(found) == list(range(len(found)))
    # Within the block that is cut as well: it is not only the whole blocks that count.
    assert len(found) > COUNT * at / len(data) * 0.8 - 40
    assert problems == [f'ends at byte {at} of {len(data)}: the file is cut short']


@settings(max_examples=many(60), deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.lists(
    st.tuples(st.floats(0, 0.999), st.integers(1, 255)), min_size=1, max_size=4))
@example(places=[(0.9387293355979381, 8)])
def test_flipped_bits_never_make_a_frame_that_was_not_there(whole, tmp_path, places):
    data, blocks = whole
    damaged = bytearray(data)
    for place, bits in places:
        # Behind the checksum-less heads.
        at = 144 + int((len(data) - 144) * place)
        if all(not begin <= at < begin + 32 for begin, _ in blocks):
            damaged[at] ^= bits
    try:
        found, problems = frames_of(tmp_path, damaged)
    except LogError:
        return
    numbers = numbers_of(found)
    assert numbers == sorted(set(numbers))
    padding = all(damaged[begin:end - 3] == data[begin:end - 3] for begin, end in blocks)
    assert problems or padding


@pytest.mark.parametrize('line', [
    '(1780000000.000000) can0 0106B000#000102030405060708',
    '(1780000000.000000) can0 123#000102030405060708',
    '(999999999999.000000) can0 0106B000#07',
    '(1780000000.000000) can0 FFFFFFFF#000102030405060708',
    '(1780000000.000000) can0 8106B000#07',
])
def test_a_line_of_candump_with_impossible_numbers_is_left_out(tmp_path, line):
    good = '(1780000000.000000) can0 0106B000#07'
    found, problems = frames_of(tmp_path, f'{good}\n{line}\n{good}\n'.encode(), 'a.log')
    assert len(found) == 2
    assert '1 line' in problems[0] and 'line 2' in problems[0]


def test_a_packed_log_that_is_damaged_is_read_up_to_the_damage(tmp_path):
    write(tmp_path / 'a.log', some_entries(5000))
    data = bytearray(gzip.compress((tmp_path / 'a.log').read_bytes()))
    del data[len(data) // 2:len(data) // 2 + 100]
    found, problems = frames_of(tmp_path, data, 'a.log.gz')
    expected = read(tmp_path / 'a.log')
    assert found[:2000] == expected[:2000]
    assert problems


def test_a_small_packed_log_gives_the_lines_before_the_damage(tmp_path):
    write(tmp_path / 'a.log', some_entries(100))
    data = bytearray(gzip.compress((tmp_path / 'a.log').read_bytes()))
    data[-1200:] = b'\xff' * 1200
    found, problems = frames_of(tmp_path, data, 'a.log.gz')
    expected = read(tmp_path / 'a.log')
    assert found[:20] == expected[:20]
    assert problems


@pytest.mark.parametrize('keep', [200, 500, 1500])
def test_a_small_packed_log_that_is_cut_short_gives_its_first_lines(tmp_path, keep):
    write(tmp_path / 'a.log', some_entries(100))
    data = gzip.compress((tmp_path / 'a.log').read_bytes())
    found, problems = frames_of(tmp_path, data[:keep], 'a.log.gz')
    assert found and found == read(tmp_path / 'a.log')[:len(found)]
    assert len(found) > 100 * (keep - 200) / len(data) - 10
    assert 'cut short' in problems[-1]


def test_packed_parts_one_behind_the_other_are_one_log(tmp_path):
    write(tmp_path / 'a.log', some_entries(50))
    lines = (tmp_path / 'a.log').read_bytes().splitlines(keepends=True)
    packed = gzip.compress(b''.join(lines[:20])) + gzip.compress(b''.join(lines[20:])) + bytes(512)
    found, problems = frames_of(tmp_path, packed, 'a.log.gz')
    assert (found, problems) == (read(tmp_path / 'a.log'), [])


@pytest.mark.parametrize('suffix', ['.log', '.blf'])
def test_packed_files_are_closed_again(tmp_path, suffix):
    write(tmp_path / f'a{suffix}', some_entries(50))
    packed = tmp_path / f'a{suffix}.gz'
    packed.write_bytes(gzip.compress((tmp_path / f'a{suffix}').read_bytes()))
    before = len(os.listdir('/proc/self/fd'))
    kept = [open_log(packed) for _ in range(20)]
    for log in kept:
        list(log)
    assert len(os.listdir('/proc/self/fd')) <= before


def test_a_database_of_rosbag2_is_a_bag_whatever_its_name(tmp_path):
    write(tmp_path / 'a.db3', some_entries(30))
    for name in ('a.db', 'a', 'a.log'):
        shutil.copy(tmp_path / 'a.db3', tmp_path / name)
        log = open_log(tmp_path / name)
        assert log.kind.startswith('rosbag2')
        assert len(list(log)) == 30


def test_a_damaged_definition_in_a_bag_is_one_short_sentence(tmp_path):
    write(tmp_path / 'a.db3', some_entries(30))
    data = (tmp_path / 'a.db3').read_bytes().replace(b'uint32 id\n', b'4int32 id\n')
    _, problems = frames_of(tmp_path, data, 'b.db3')
    assert any('definition of can_msgs/msg/Frame' in each for each in problems)
    assert all('\n' not in each and len(each) < 300 for each in problems)


@pytest.mark.skipif(not hasattr(time, 'tzset'), reason='the zone cannot be changed')
@pytest.mark.parametrize('hour', [0, 1], ids=['summer', 'winter'])
@pytest.mark.parametrize('suffix', ['.asc', '.blf', '.trc', '.log'])
def test_the_hour_that_comes_twice_is_kept(tmp_path, monkeypatch, suffix, hour):
    when = datetime.datetime(2026, 10, 25, hour, 30, tzinfo=datetime.timezone.utc)
    entry = Heard(int(when.timestamp()) * 10**9, Frame(0x0106B000, b'\1'), 'can0')
    with monkeypatch.context() as context:
        context.setenv('TZ', 'Europe/Berlin')
        time.tzset()
        write(tmp_path / f'a{suffix}', [entry])
        found = read(tmp_path / f'a{suffix}')
    time.tzset()
    assert found == [entry]


@pytest.mark.parametrize('suffix', ['.csv', '.parquet', '.log'])
def test_a_name_of_a_bus_on_two_lines_costs_no_frame(tmp_path, suffix):
    write(tmp_path / f'a{suffix}', [Heard(0, Frame(1, b'\1'), 'two\nlines')] * 3)
    assert len(read(tmp_path / f'a{suffix}')) == 3
