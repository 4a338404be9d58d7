# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""No writer replaces what is neither a plain file nor a bag, and nothing half is left behind."""

import os
import pathlib
import signal
import stat
import subprocess
import sys
import threading

from click.testing import CliRunner
from log_bench import session
import pytest

from gi3_ros.logs import output
from gi3_ros.logs.entries import Heard, LogError
from gi3_ros.logs.reading import open_log
from gi3_ros.logs.writing import open_writer
from gi3_ros.tools.main import main

FILES = output.Replaces.FILES
COMMAND = 'from gi3_ros.tools.main import main; main()'
HEEDED = (
    'import signal\n'
    'signal.signal(signal.SIGINT, signal.default_int_handler)\n'
    'signal.signal(signal.SIGHUP, signal.SIG_DFL)\n')
"""Tests may run in the background or under nohup, where these are ignored."""
BEGIN_NS = 1_790_000_000 * 10**9


@pytest.fixture(scope='module')
def log(tmp_path_factory):
    path = tmp_path_factory.mktemp('logs') / 'night.log'
    with open_writer(path) as writer:
        for time_s, frame in session('CCS'):
            writer.write(Heard(BEGIN_NS + round(time_s * 1e9), frame, 'can0'))
    return path


def gi3(*arguments):
    return CliRunner().invoke(main, [str(each) for each in arguments])


def make_pipe(path):
    os.mkfifo(path)


def make_device(path):
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip('only root makes device nodes')


def make_folder(path):
    path.mkdir()
    (path / 'chapter1.txt').write_text('precious')


def make_folder_of_a_bag_and_more(path):
    with open_writer(path) as writer:
        writer.write(Heard(BEGIN_NS, session('CCS')[0][1]))
    (path / 'notes.txt').write_text('precious')


def make_link_to_a_device(path):
    path.symlink_to('/dev/null')


PRECIOUS = {
    each.__name__.removeprefix('make_'): each
    for each in (make_pipe, make_device, make_folder, make_folder_of_a_bag_and_more,
                 make_link_to_a_device)
}


def inventory(path):
    """Return what is there, in a form that shows whether it is still the same."""
    status = os.lstat(path)
    names = sorted(each.name for each in path.iterdir()) if path.is_dir() else []
    return stat.S_IFMT(status.st_mode), status.st_ino, names


@pytest.mark.parametrize('suffix', ['', '.log', '.blf', '.parquet', '.mcap', '.db3'])
@pytest.mark.parametrize('kind', PRECIOUS)
def test_convert_replaces_nothing_but_files_and_bags(log, tmp_path, kind, suffix):
    target = tmp_path / f'target{suffix}'
    if suffix in ('.log', '.blf', '.parquet', '.mcap', '.db3') and 'bag' in kind:
        make_folder(target)
    else:
        PRECIOUS[kind](target)
    before = inventory(target)
    result = gi3('convert', log, target, '--force')
    assert result.exit_code == 2, result.output
    assert 'is not replaced' in result.output
    assert inventory(target) == before
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize('kind', PRECIOUS)
def test_report_and_sim_replace_nothing_but_files(log, tmp_path, kind):
    page, frames = tmp_path / 'page.html', tmp_path / 'frames.log'
    for target, arguments in (
            (page, ('report', log, '-o', page)),
            (frames, ('sim', '--fast', '--duration-s', '1', '--log', frames))):
        PRECIOUS[kind](target.with_suffix('') if 'bag' in kind else target)
        if 'bag' in kind:
            target.with_suffix('').rename(target)
            (target / 'notes.txt').unlink()
        before = inventory(target)
        assert gi3(*arguments).exit_code == 2
        assert inventory(target) == before


def test_a_block_device_is_written_to_by_nobody(tmp_path):
    target = tmp_path / 'disk'
    try:
        # A number that no driver has: nothing could happen to any disk.
        os.mknod(target, stat.S_IFBLK | 0o600, os.makedev(251, 200))
    except PermissionError:
        pytest.skip('only root makes device nodes')
    before = inventory(target)
    with pytest.raises(LogError, match='device'), output.growing_lines(target):
        pass
    with pytest.raises(LogError, match='device'), output.written_beside(
            target, FILES):
        pass
    assert inventory(target) == before


def test_lines_go_into_a_pipe(tmp_path):
    pipe, heard = tmp_path / 'pipe', []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: heard.append(pipe.read_text()))
    reader.start()
    with output.growing_lines(pipe) as file:
        file.write('line\n')
    reader.join()
    assert heard == ['line\n']
    assert stat.S_ISFIFO(os.stat(pipe).st_mode)


def test_the_old_file_stays_until_the_new_one_is_there(tmp_path):
    path = tmp_path / 'a.log'
    path.write_text('old')
    with pytest.raises(ZeroDivisionError), output.written_beside(
            path, FILES) as part:
        part.write_text('half')
        assert path.read_text() == 'old'
        raise ZeroDivisionError
    assert path.read_text() == 'old'
    with output.written_beside(
            path, FILES) as part:
        part.write_text('new')
    assert path.read_text() == 'new'
    assert list(tmp_path.iterdir()) == [path]


def test_what_grew_is_kept_after_an_error_too(tmp_path):
    path = tmp_path / 'a.log'
    path.write_text('old')
    with pytest.raises(ZeroDivisionError), output.growing(path) as part:
        part.write_text('an hour of it')
        raise ZeroDivisionError
    assert path.read_text() == 'an hour of it'
    with pytest.raises(ZeroDivisionError), output.growing(path) as part:
        raise ZeroDivisionError
    assert path.read_text() == 'an hour of it'


def test_what_takes_the_place_meanwhile_is_not_replaced(tmp_path):
    path = tmp_path / 'a.log'
    with pytest.raises(LogError), output.written_beside(path, output.Replaces.NOTHING) as part:
        part.write_text('new')
        os.mkfifo(path)
    assert stat.S_ISFIFO(os.stat(path).st_mode)


def test_a_link_is_followed(tmp_path):
    (tmp_path / 'real.log').write_text('old')
    (tmp_path / 'link.log').symlink_to('real.log')
    with output.written_beside(tmp_path / 'link.log', FILES) as part:
        part.write_text('new')
    assert (tmp_path / 'link.log').is_symlink()
    assert (tmp_path / 'real.log').read_text() == 'new'


def test_sim_with_unusable_arguments_leaves_the_files_of_the_last_run(tmp_path):
    path = tmp_path / 'a.log'
    path.write_text('of the last run')
    assert gi3('sim', '--scenario', 'no_such_one', '--log', path, '--json', path).exit_code == 2
    assert path.read_text() == 'of the last run'


def test_the_bag_that_holds_the_log_is_not_replaced(tmp_path, log):
    bag = tmp_path / 'bag'
    assert gi3('convert', log, bag).exit_code == 0
    inside = next(bag.glob('*.mcap'))
    for source, target in ((inside, bag), (bag, inside)):
        result = gi3('convert', '--force', source, target)
        assert result.exit_code == 2
        assert 'the log itself' in result.output
    assert len(list(open_log(bag))) > 100


# Signals

@pytest.mark.parametrize(('number', 'status'), [
    (signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize('arguments', [
    ('convert', '-', '{folder}/out.blf'), ('audit', '-'), ('audit', '--json', '-'),
    ('replay', '--json', '-'), ('report', '-o', '{folder}/page.html', '-')])
def test_a_signal_leaves_nothing_half(tmp_path, number, status, arguments):
    process = subprocess.Popen(
        [sys.executable, '-c', f'{HEEDED}print("up", flush=True); {COMMAND}',
         *(each.format(folder=tmp_path) for each in arguments)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, 'TMPDIR': str(tmp_path)})
    try:
        process.stdout.readline()
        # It reads its standard input, which does not end.
        while not any(tmp_path.glob('gi3_*/standard_input')):
            assert process.poll() is None, process.stderr.read()
        process.send_signal(number)
        out, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == status
    assert out == b''
    assert list(tmp_path.iterdir()) == []


def test_a_signal_while_it_writes_leaves_the_old_file(tmp_path):
    """The exception comes wherever the command is: here, while it writes."""
    path = tmp_path / 'a.log'
    path.write_text('old')

    def interrupt(_number, _frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    with pytest.raises(KeyboardInterrupt), output.written_beside(
            path, FILES) as part:
        part.write_text('half')
        signal.raise_signal(signal.SIGINT)
    signal.signal(signal.SIGINT, before)
    assert path.read_text() == 'old'
    assert list(tmp_path.iterdir()) == [path]


# Standard output

def test_convert_writes_candump_to_standard_output(log):
    done = subprocess.run(
        [sys.executable, '-c', COMMAND, 'convert', str(log), '-'], capture_output=True,
        check=True)
    assert done.stdout == log.read_bytes()
    assert b'frames' in done.stderr


def test_convert_reads_standard_input(log, tmp_path):
    with log.open('rb') as file:
        subprocess.run(
            [sys.executable, '-c', COMMAND, 'convert', '-', str(tmp_path / 'b.asc')],
            stdin=file, check=True)
    assert len(list(open_log(tmp_path / 'b.asc'))) == len(list(open_log(log)))


# What each command loads

HEAVY = ('can', 'numpy', 'plotly', 'pyarrow', 'rclpy', 'rich', 'rosbags', 'textual', 'yaml',
         'gi3_ros.sim')


@pytest.mark.parametrize(('arguments', 'needed'), [
    (['--version'], ()), (['--help'], ()), (['decode', '0106B000#07'], ()),
    (['audit', '--help'], ()), (['identify', '--help'], ()), (['replay', '--help'], ()),
    (['record', '--help'], ()), (['demo', '--help'], ()),
    (['sim', '--help'], ('can', 'yaml', 'gi3_ros.sim')),
])
def test_a_command_loads_what_it_needs(arguments, needed):
    code = (f'import sys\nfrom gi3_ros.tools.main import main\ntry:\n    main({arguments!r})\n'
            f'finally:\n    print([each for each in {HEAVY!r} if each in sys.modules])')
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == str(list(needed))


def test_the_list_of_commands_is_what_there_is():
    listed = main.list_commands(None)
    for name in listed:
        assert main.get_command(None, name).name == name
        assert name in gi3('--help').output
    folder = pathlib.Path(sys.modules['gi3_ros.tools.main'].__file__).parent
    assert all((folder / f'{name}.py').is_file() for name in listed)


@pytest.mark.parametrize('arguments', [
    'audit -', 'report - -o -', 'convert - -', 'identify -', 'replay -', 'decode'])
def test_standard_input_that_is_closed_is_empty(arguments):
    ran = subprocess.run(
        ['sh', '-c', f'"$0" -c "$1" {arguments} <&-', sys.executable, COMMAND],
        capture_output=True, text=True)
    assert 'Traceback' not in ran.stderr
    assert ran.returncode == (0 if arguments == 'decode' else 2)
    assert (ran.stderr == '') == (arguments == 'decode')


def test_lines_of_standard_input_need_not_be_text():
    # A strict one has whoever works in a language of UTF-8.
    ran = subprocess.run(
        [sys.executable, '-c', COMMAND, 'decode'], input=b'\xff\n0106B000#07\n',
        capture_output=True, env={**os.environ, 'PYTHONIOENCODING': 'utf-8:strict'})
    assert b'Traceback' not in ran.stderr and b'no CAN frame' in ran.stderr
    assert ran.returncode == 1 and b'State=' in ran.stdout
