# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Names of files that are not UTF-8: every command takes them and writes what others can read."""

import json
import os

from click.testing import CliRunner
from formats_bench import read, some_entries, write
import pytest

from gi3_ros.core.interface.codec import encode
from gi3_ros.core.interface.signals import AdvanticsControllerStatus
from gi3_ros.logs.entries import Heard
from gi3_ros.tools.documents import print_document, printable
from gi3_ros.tools.main import main

NAMES = [os.fsdecode(each) for each in (b'nacht\xff', b'M\xe4rz', b'\xc3(', b'a\xf0\x9f b')]
SUFFIXES = ['.log', '.asc', '.blf', '.trc', '.csv', '.parquet', '.mcap', '.db3']
ENTRIES = [
    Heard(1_790_000_000 * 10**9 + number * 10**8, encode(
        AdvanticsControllerStatus(AdvanticsControllerStatus.State.CHARGING), index=1), 'can0')
    for number in range(20)]


@pytest.fixture(params=NAMES, ids=ascii)
def name(request, tmp_path):
    try:
        (tmp_path / request.param).touch()
        (tmp_path / request.param).unlink()
    except OSError:
        pytest.skip('this file system takes no such names')
    return request.param


def run(*arguments):
    """Run a command; its output has to be UTF-8, whatever is in it."""
    result = CliRunner().invoke(main, [str(each) for each in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert 'codec' not in result.output
    return result


@pytest.mark.parametrize('suffix', SUFFIXES)
def test_every_command_reads_and_writes_such_a_file(tmp_path, name, suffix):
    path, target = tmp_path / f'{name}{suffix}', tmp_path / f'of {name}{suffix}'
    write(path, ENTRIES)
    assert run('audit', path).exit_code in (0, 1)
    assert run('identify', path).exit_code == 0
    assert run('replay', path).exit_code == 1
    assert run('convert', path, target).exit_code == 0
    assert read(target) == read(path)


def test_the_page_is_written_and_has_the_name_replaced(tmp_path, name):
    path = tmp_path / f'{name}.log'
    write(path, ENTRIES)
    result = run('report', path, '--note', f'of {name}')
    assert result.exit_code == 0, result.output
    page = (tmp_path / f'{name}.html').read_text(encoding='utf-8')
    shown = os.fsencode(f'{name}.log').decode('utf-8', 'replace')
    assert f'<code>{shown}</code>' in page
    assert '\N{REPLACEMENT CHARACTER}' in shown


@pytest.mark.parametrize('command', ['audit', 'identify', 'replay'])
def test_json_has_no_half_characters(tmp_path, name, command):
    path = tmp_path / f'{name}.log'
    write(path, ENTRIES)
    document = json.loads(run(command, '--json', path).stdout)
    words = json.dumps(document, ensure_ascii=False)
    words.encode()
    assert os.fsencode(name).decode('utf-8', 'replace') in words


def test_a_folder_and_what_lies_beside_a_bag(tmp_path, name):
    write(tmp_path / 'bag', some_entries(20))
    (tmp_path / 'bag').rename(tmp_path / name)
    assert read(tmp_path / name) == some_entries(20)
    (tmp_path / name / f'{name}.log').write_text('x')
    result = run('audit', tmp_path / name)
    assert 'not read: ' in result.output


def test_a_new_bag_needs_a_name_that_is_text(tmp_path, name):
    write(tmp_path / 'a.log', ENTRIES)
    result = run('convert', tmp_path / 'a.log', tmp_path / name)
    assert result.exit_code == 2
    assert 'is not UTF-8: choose another one' in result.output
    assert [each.name for each in tmp_path.iterdir()] == ['a.log']


def test_what_is_not_there_or_no_log_is_one_sentence(tmp_path, name):
    for command in ('audit', 'report', 'identify', 'replay'):
        assert 'no such file' in run(command, tmp_path / name).output
    (tmp_path / name).write_bytes(b'rubbish' * 100)
    for command in ('audit', 'report', 'identify', 'replay'):
        result = run(command, tmp_path / name)
        assert result.exit_code == 2 and 'no log that is known here' in result.output


def test_only_what_is_no_text_is_replaced(capsys):
    assert printable('Märzfahrt \N{SNOWMAN}') == 'Märzfahrt \N{SNOWMAN}'
    assert printable(os.fsdecode(b'M\xe4rz')) == 'M\N{REPLACEMENT CHARACTER}rz'
    value = {'a\udcff': ['b\udce4', 1, None, True], 'c': ('d', 2.5)}
    print_document('audit', value=value)
    assert json.loads(capsys.readouterr().out)['value'] == {
        'a\N{REPLACEMENT CHARACTER}': ['b\N{REPLACEMENT CHARACTER}', 1, None, True],
        'c': ['d', 2.5]}
