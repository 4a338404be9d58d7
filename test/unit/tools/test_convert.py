# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""``gi3 convert``: from every format to every other, complete or not at all."""

import contextlib
import errno
import itertools
import json
import pathlib
import resource
import subprocess
import sys

from amount import many
from click.testing import CliRunner
from formats_bench import assert_same, entries, FORMATS, read, some_entries, START_NS, write
from hypothesis import given, HealthCheck, settings
from hypothesis import strategies as st
import pytest

from gi3_ros.core.interface.frame import Frame
from gi3_ros.logs.entries import Heard, LogError, Sample
from gi3_ros.logs.writing import open_writer, writer_for
from gi3_ros.tools.convert import convert
from gi3_ros.tools.main import main

PAIRS = list(itertools.product(FORMATS, FORMATS))


def gi3_convert(*arguments):
    result = CliRunner().invoke(convert, [str(each) for each in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    """Return a function: the path of the same log in a format."""
    folder, paths = tmp_path_factory.mktemp('logs'), {}

    def path_of(name):
        if name not in paths:
            paths[name] = folder / f'log{FORMATS[name].suffix}'
            write(paths[name], some_entries())
        return paths[name]
    return path_of


@pytest.mark.parametrize(('name', 'other'), PAIRS, ids=[f'{a}-{b}' for a, b in PAIRS])
def test_nothing_of_the_bus_is_lost_on_the_way(written, tmp_path, name, other):
    target = tmp_path / f'other{FORMATS[other].suffix}'
    result = gi3_convert(written(name), target)
    assert result.exit_code == 0, result.output
    assert f'{len(some_entries())} frames' in result.output
    assert_same(read(target), some_entries(), FORMATS[name], FORMATS[other])


@settings(max_examples=many(25), deadline=None,
          suppress_health_check=[HealthCheck.too_slow])
@given(log=entries(), pair=st.sampled_from(PAIRS))
def test_any_frames_survive_any_two_formats(tmp_path_factory, log, pair):
    folder = tmp_path_factory.mktemp('pair')
    one, other = (FORMATS[name] for name in pair)
    source, target = folder / f'one{one.suffix}', folder / f'other{other.suffix}'
    write(source, log)
    result = gi3_convert(source, target)
    assert result.exit_code == 0, result.output
    assert_same(read(target), log, one, other)


def test_a_bag_of_a_folder_is_written_for_a_name_without_suffix(written, tmp_path):
    assert gi3_convert(written('blf'), tmp_path / 'bag').exit_code == 0
    assert (tmp_path / 'bag' / 'metadata.yaml').exists()
    assert gi3_convert(tmp_path / 'bag', tmp_path / 'back.blf').exit_code == 0
    assert_same(read(tmp_path / 'back.blf'), some_entries(), FORMATS['blf'])


def test_one_channel_of_several(written, tmp_path):
    target = tmp_path / 'one.log'
    assert gi3_convert('--channel', 'can1', written('blf'), target).exit_code == 0
    expected = [each for each in some_entries() if each.channel == 'can1']
    assert_same(read(target), expected, FORMATS['candump'])


def test_the_number_in_the_file_names_a_channel_as_well(written, tmp_path):
    target = tmp_path / 'one.log'
    assert gi3_convert('--channel', '2', written('asc'), target).exit_code == 0
    assert {each.channel for each in read(target)} == {'can1'}


def test_a_channel_that_is_not_there_gives_no_file_but_the_names(written, tmp_path):
    result = gi3_convert('--channel', 'can7', written('blf'), tmp_path / 'one.log')
    assert result.exit_code == 2
    assert 'can0, can1' in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_replaced_only_when_told(written, tmp_path):
    target = tmp_path / 'precious.asc'
    target.write_text('precious')
    result = gi3_convert(written('candump'), target)
    assert result.exit_code == 2
    assert '--force' in result.output
    assert target.read_text() == 'precious'
    assert gi3_convert('--force', written('candump'), target).exit_code == 0
    assert len(read(target)) == len(some_entries())


def test_a_bag_is_replaced_but_no_other_directory(written, tmp_path):
    bag, other = tmp_path / 'bag', tmp_path / 'thesis'
    other.mkdir()
    (other / 'chapter1.txt').write_text('precious')
    assert gi3_convert(written('candump'), bag).exit_code == 0
    assert gi3_convert(written('candump'), bag).exit_code == 2
    assert gi3_convert('--force', written('candump'), bag).exit_code == 0
    assert gi3_convert('--force', written('candump'), other).exit_code == 2
    assert (other / 'chapter1.txt').read_text() == 'precious'


def test_the_log_itself_is_not_overwritten(tmp_path):
    path = tmp_path / 'a.log'
    write(path, some_entries(10))
    before = path.read_bytes()
    assert gi3_convert('--force', path, path).exit_code == 2
    assert path.read_bytes() == before


def test_damage_shows_in_the_exit_status_and_what_is_good_is_converted(tmp_path):
    path, target = tmp_path / 'a.log', tmp_path / 'a.blf'
    write(path, some_entries(10))
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(''.join([*lines[:5], 'damaged\n', *lines[5:]]))
    result = gi3_convert(path, target)
    assert result.exit_code == 1
    assert 'line 6' in result.output
    assert len(read(target)) == 10


@pytest.mark.parametrize('content', [b'', b'hello\nworld\n', bytes(range(256)) * 10])
def test_what_is_no_log_gives_a_sentence_and_no_file(tmp_path, content):
    path = tmp_path / 'a.log'
    path.write_bytes(content)
    result = gi3_convert(path, tmp_path / 'a.asc')
    assert result.exit_code == 2
    assert len(result.output.splitlines()) == 1
    assert str(path) in result.output
    assert [each.name for each in tmp_path.iterdir()] == ['a.log']


@pytest.mark.parametrize('name', ['a.unknown', 'no/such/folder/a.log', 'a.log/b.log'])
def test_what_cannot_be_written_is_said_in_one_line(written, tmp_path, name):
    (tmp_path / 'a.log').write_text('')
    result = gi3_convert(written('candump'), tmp_path / name)
    assert result.exit_code == 2
    assert len(result.output.splitlines()) == 1
    assert str(tmp_path / name) in result.output
    assert [each.name for each in tmp_path.iterdir()] == ['a.log']


@pytest.mark.parametrize('suffix', ['.log', '.asc', '.trc', '.blf', '.csv', '.parquet'])
def test_a_full_disk_leaves_nothing_that_looks_complete(written, tmp_path, suffix, monkeypatch):
    writer_class = writer_for(suffix)

    def fail(self):
        raise OSError(errno.ENOSPC, 'No space left on device')
    monkeypatch.setattr(writer_class, '_close', fail)
    result = gi3_convert(written('candump'), tmp_path / f'full{suffix}')
    assert result.exit_code == 2
    assert 'No space left on device' in result.output
    assert f'full{suffix}' in result.output
    assert '.gi3_' not in result.output
    assert list(tmp_path.iterdir()) == []


@contextlib.contextmanager
def small_files():
    """Let no file of this process grow beyond some kilobytes, as a quota does, its own log too."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize('suffix', ['.log', '.asc', '.trc', '.blf', '.csv', '.parquet'])
def test_a_file_that_cannot_grow_is_a_sentence(tmp_path, suffix):
    with pytest.raises(LogError, match='File too large'), small_files():
        writer = open_writer(tmp_path / f'a{suffix}')
        for entry in some_entries(5000):
            writer.write(entry)
        writer.close()
    with small_files(), contextlib.suppress(LogError):
        writer.close()


def test_messages_that_are_no_frames_are_counted(tmp_path):
    with open_writer(tmp_path / 'a.csv') as writer:
        writer.write(Heard(START_NS, Frame(0x0106B000, b'\x07')))
        writer.write(Sample(START_NS, 'pistol1', 'power_setpoint', None))
    assert writer.problems == [
        '1 messages that are no frames left out: only a bag has a place for them']


def test_the_command_is_there():
    assert main.get_command(None, 'convert') is not None


def test_it_runs_without_ros(tmp_path):
    """In a process of its own: what it imports is what an installation without ROS has."""
    source = tmp_path / 'a.log'
    write(source, some_entries(20))
    code = (
        'import json, sys\n'
        'class Refuse:\n'
        '    def find_spec(self, name, path=None, target=None):\n'
        '        if name in ("rclpy", "gi3_ros.msg", "rosidl_runtime_py", "can_msgs"):\n'
        '            raise ImportError(f"{name} is not there without ROS")\n'
        'sys.meta_path.insert(0, Refuse())\n'
        'from gi3_ros.tools.main import main\n'
        'for target in sys.argv[2:]:\n'
        '    main(["convert", sys.argv[1], target], standalone_mode=False)\n'
    )
    # convert ends the process with its status.
    code = code.replace(
        '    main(["convert", sys.argv[1], target], standalone_mode=False)\n',
        '    try:\n'
        '        main(["convert", sys.argv[1], target])\n'
        '    except SystemExit as end:\n'
        '        assert not end.code, end.code\n')
    code += 'print(json.dumps(sorted(sys.modules)))\n'
    targets = [tmp_path / f'b{each.suffix}' for each in FORMATS.values()]
    done = subprocess.run(
        [sys.executable, '-c', code, source, *targets], capture_output=True, text=True,
        cwd=pathlib.Path(__file__).parents[3] if _is_from_sources() else None)
    assert done.returncode == 0, done.stderr
    modules = json.loads(done.stdout.splitlines()[-1])
    assert 'gi3_ros.logs.can_logs' in modules
    assert not {'rclpy', 'gi3_ros.msg'} & set(modules)
    for target in targets:
        assert len(read(target)) == 20


def _is_from_sources():
    return 'gi3_ros' in {each.name for each in pathlib.Path.cwd().iterdir()}
