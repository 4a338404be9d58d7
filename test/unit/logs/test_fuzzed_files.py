# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whatever is in a file: every command that reads one answers with words, never a traceback."""

import pathlib
import random

from amount import many
from click.testing import CliRunner
from hypothesis import example, given, HealthCheck, settings, strategies
from log_bench import session
import pytest

from gi3_ros.logs.entries import Heard
from gi3_ros.logs.writing import open_writer
from gi3_ros.tools.main import main

FORMATS = ('log', 'asc', 'blf', 'trc', 'csv', 'parquet', 'mcap', 'db3')
BEGIN_NS = 1_790_000_000_000_000_000


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """Give the bytes of one session in every format."""
    folder = tmp_path_factory.mktemp('whole')
    files = {}
    for suffix in FORMATS:
        path = folder / f'night.{suffix}'
        with open_writer(path) as writer:
            for time_s, frame in session('CCS')[:400]:
                writer.write(Heard(BEGIN_NS + round(time_s * 1e9), frame, 'can0'))
        files[suffix] = path.read_bytes()
    return files


def spoilt(data, seed):
    """Return the bytes cut, with some of them changed, moved or repeated."""
    rng = random.Random(seed)
    data = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at, length = rng.randrange(len(data) or 1), rng.choice((1, 1, 4, 64, 700))
        match rng.randrange(5):
            case 0:
                del data[at:]
            case 1:
                data[at:at + length] = rng.randbytes(length)
            case 2:
                del data[at:at + length]
            case 3:
                data[at:at] = data[:length]
            case 4:
                data[at:at + length] = bytes([rng.choice((0, 0xFF))]) * length
    return bytes(data)


@pytest.mark.parametrize('command', ['audit', 'report', 'identify', 'replay', 'convert'])
@pytest.mark.parametrize('suffix', FORMATS)
@settings(
    max_examples=many(6), deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=strategies.integers(0, 10_000))
@example(seed=9527)  # SQLite asks for more memory than there is
def test_no_file_makes_a_command_fail(whole, tmp_path, suffix, command, seed):
    folder = pathlib.Path(tmp_path, str(seed))
    folder.mkdir(exist_ok=True)
    path = folder / f'night.{suffix}'
    path.write_bytes(spoilt(whole[suffix], seed))
    more = {'report': ['-o', str(folder / 'night.html')],
            'convert': [str(folder / 'out.log'), '--force']}
    result = CliRunner().invoke(main, [command, str(path), *more.get(command, [])])
    assert result.exception is None or isinstance(result.exception, SystemExit), seed
    assert result.exit_code in (0, 1, 2)
    if result.exit_code == 2:
        assert result.stderr.startswith(f'gi3 {command}: ') or 'gi3 ' in result.output
