# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a folder is that is given in the place of a log: one bag, or more than that."""

import dataclasses
import gzip
import shutil

from bag_bench import heard, typed, write_bag
from click.testing import CliRunner
from formats_bench import write
import pytest

from gi3_ros.logs.decoding import decoded_batches
from gi3_ros.logs.entries import Gap, LogError
from gi3_ros.logs.reading import open_log
from gi3_ros.tools.main import main

ENTRIES = [dataclasses.replace(each, channel='') for each in heard()]
PARTS = 4


def read(path):
    log = open_log(path)
    return list(log), log.problems


def refusal(path):
    with pytest.raises(LogError) as caught:
        open_log(path)
    return str(caught.value)


def split_bag(folder, *, listed=True, suffix='.mcap', stem='night'):
    """Write a bag of several parts; return their names."""
    folder.mkdir(exist_ok=True)
    names = [f'{stem}_{number}{suffix}' for number in range(PARTS)]
    length = len(ENTRIES) // PARTS
    for number, name in enumerate(names):
        write_bag(
            folder / 'new', typed(ENTRIES[number * length:number * length + length]),
            storage='mcap' if suffix == '.mcap' else 'sqlite3')
        (folder / 'new' / f'new{suffix}').rename(folder / name)
        shutil.rmtree(folder / 'new')
    if listed:
        list_parts(folder, names)
    return names


def list_parts(folder, names):
    (folder / 'metadata.yaml').write_text(
        f'rosbag2_bagfile_information: {{relative_file_paths: {list(names)}}}')


def logs(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write(folder / name, heard())


COMMANDS = [
    ['audit'], ['report'], ['identify'], ['replay'], ['convert', '{}', '{}.parquet']]


@pytest.mark.parametrize('arguments', COMMANDS, ids=lambda each: each[0])
def test_a_folder_of_logs_is_refused_by_every_command(tmp_path, arguments):
    logs(tmp_path / 'night', 'a.mcap', 'b.log', 'c.blf', 'd.asc')
    given = [each.format(tmp_path / 'night') for each in [*arguments, '{}'][:max(
        2, len(arguments))]]
    result = CliRunner().invoke(main, given)
    assert result.exit_code == 2
    assert 'is no bag but a folder of 4 logs: a.mcap, b.log, c.blf, d.asc' in result.output
    assert f'for log in {tmp_path}/night/*; do gi3 audit "$log"; done' in result.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ['night']


@pytest.mark.parametrize('names', [
    ['a.mcap', 'b.mcap'],
    ['night_0.mcap', 'day_0.mcap'],
    ['night_0.mcap', 'night_0.db3'],
    ['a.trc', 'b.csv'],
    ['first/a.log', 'second/b.log'],
    ['night_0.mcap', 'old/night_0.mcap'],
    ['night_0.mcap', 'notes.log'],
])
def test_several_logs_are_no_bag(tmp_path, names):
    logs(tmp_path, *names)
    assert 'a folder of 2 logs' in refusal(tmp_path)
    for name in names:
        assert name in refusal(tmp_path)


def test_several_bags_in_one_folder_are_named_and_not_what_is_in_them(tmp_path):
    for name in ('monday', 'tuesday', 'wednesday'):
        split_bag(tmp_path / name)
    assert 'a folder of 3 logs: monday/, tuesday/, wednesday/;' in refusal(tmp_path)


def test_one_log_in_a_folder_is_named(tmp_path):
    logs(tmp_path, 'night.log')
    assert refusal(tmp_path) == (
        f'{tmp_path}: is no bag; the log in it is {tmp_path}/night.log: give that one')


@pytest.mark.parametrize('names', [[], ['page.html', 'charger.yaml', 'picture.png', 'notes.txt']])
def test_a_folder_without_logs(tmp_path, names):
    for name in names:
        (tmp_path / name).write_text('It was a dark night.\n')
    assert refusal(tmp_path) == f'{tmp_path}: is no bag, and there is no log in it'


def test_a_bag_with_what_is_no_log_beside_it_is_whole(tmp_path):
    split_bag(tmp_path)
    for name in ('page.html', 'charger.yaml', '.hidden.log', 'notes.txt', 'plots/a.png'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text('It was a dark night.\n')
    assert read(tmp_path) == (ENTRIES, [])


@pytest.mark.parametrize('name', [
    'other.mcap', 'night.log', 'night.asc', 'unknown.pcap', 'what', 'old/night.trc',
    'day_0.mcap', 'night_0.db3', 'night.log.gz'])
def test_a_log_beside_a_bag_is_named(tmp_path, name):
    split_bag(tmp_path)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b'anything')
    assert read(tmp_path) == (ENTRIES, [
        f'not read: {name}, in the same folder and no part of the bag: give each of them by '
        'itself'])
    assert open_log(tmp_path).is_damaged


@pytest.mark.parametrize('arguments', COMMANDS, ids=lambda each: each[0])
def test_the_exit_status_says_that_not_all_was_read(tmp_path, arguments):
    bag = tmp_path / 'night'
    write(bag, heard())
    given = [each.format(bag) for each in [*arguments, '{}'][:max(2, len(arguments))]]
    before = CliRunner().invoke(main, given).exit_code
    for page in (bag.with_suffix('.html'), bag.with_suffix('.parquet')):
        page.unlink(missing_ok=True)
    write(bag / 'beside.log', heard())
    result = CliRunner().invoke(main, given)
    assert 'not read: beside.log' in result.output
    # Replay has nothing to compare in a log of frames, and these frames break rules.
    assert (before, result.exit_code) in {
        'audit': [(1, 1)], 'replay': [(1, 1)]}.get(arguments[0], [(0, 1)])


def test_what_candump_wrote_into_a_text_is_a_log_and_notes_are_none(tmp_path):
    split_bag(tmp_path)
    (tmp_path / 'notes.txt').write_text('It was a dark night.\n')
    (tmp_path / 'screen.txt').write_text(' (1436509052.249713)  can0  0106B000   [1]  07\n' * 3)
    _, problems = read(tmp_path)
    assert len(problems) == 1
    assert 'screen.txt' in problems[0] and 'notes' not in problems[0]


@pytest.mark.parametrize('suffix', ['.mcap', '.db3'])
def test_parts_that_a_killed_recorder_has_not_entered_are_read(tmp_path, suffix):
    names = split_bag(tmp_path, suffix=suffix)
    list_parts(tmp_path, names[:2])
    assert read(tmp_path) == (ENTRIES, [])


@pytest.mark.parametrize(('listed', 'words'), [
    (True, 'which metadata.yaml names as part of the bag'), (False, 'as the others are numbered')])
def test_the_rules_begin_anew_behind_a_part_that_is_missing(tmp_path, listed, words):
    split_bag(tmp_path, listed=listed)
    (tmp_path / 'night_1.mcap').unlink()
    log = open_log(tmp_path)
    entries = [entry for batch in decoded_batches(log) for entry, _ in batch]
    gap, = [number for number, entry in enumerate(entries) if isinstance(entry, Gap)]
    length = len(ENTRIES) // PARTS
    assert [*entries[:gap], *entries[gap + 1:]] == [*ENTRIES[:length], *ENTRIES[2 * length:]]
    # As far as the window that puts entries in order reaches.
    assert gap == length
    assert log.problems[-1] == f'missing: night_1.mcap, {words}'


def test_a_part_that_is_no_bag_is_said_and_the_rules_begin_anew(tmp_path):
    split_bag(tmp_path)
    (tmp_path / 'night_2.mcap').write_bytes(b'rubbish')
    log = open_log(tmp_path)
    assert sum(isinstance(each, Gap) for batch in decoded_batches(log) for each, _ in batch) == 1
    assert log.problems == [f'{tmp_path}/night_2.mcap is neither an MCAP nor an sqlite3 file']


def test_parts_that_somebody_packed_are_parts(tmp_path):
    for name in split_bag(tmp_path):
        (tmp_path / f'{name}.gz').write_bytes(gzip.compress((tmp_path / name).read_bytes()))
        (tmp_path / name).unlink()
    assert read(tmp_path) == (ENTRIES, [])


def test_metadata_without_a_single_part_is_no_bag(tmp_path):
    for name in split_bag(tmp_path):
        (tmp_path / name).unlink()
    assert 'night_0.mcap, night_1.mcap, night_2.mcap, night_3.mcap' in refusal(tmp_path)


def test_a_folder_with_more_files_than_anybody_looks_at(tmp_path, monkeypatch):
    split_bag(tmp_path)
    monkeypatch.setattr('gi3_ros.logs.bags.folders._FILES', 3)
    assert 'whatever else there is' in read(tmp_path)[1][0]
