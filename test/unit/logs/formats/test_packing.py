# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Packed logs: every reader takes every packing, and names the file that people know."""

import bz2
import functools
import gc
import gzip
import lzma
import os
import pathlib
import sys
import tarfile
import zipfile

import can
from formats_bench import read, some_entries, write
import pytest

from gi3_ros.logs.entries import LogError
from gi3_ros.logs.reading import open_log
from gi3_ros.tools.report import _page_of

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PACKINGS = {
    # A block of bzip2 is read whole or not at all: small ones.
    '.gz': gzip.compress, '.bz2': functools.partial(bz2.compress, compresslevel=1),
    '.xz': lzma.compress, '.zst': zstd.compress}
KINDS = ['.log', '.asc', '.trc', '.blf', '.csv', '.parquet', '.mcap', '.db3']


def pack(path, packing):
    """Pack a file beside it; return the packed one, with the name that its tool gives it."""
    packed = path.with_name(path.name + packing)
    if packing == '.zip':
        with zipfile.ZipFile(packed, 'w', zipfile.ZIP_DEFLATED) as archive:
            archive.write(path, f'folder/{path.name}')
    else:
        packed.write_bytes(PACKINGS[packing](path.read_bytes()))
    return packed


def say(path):
    with pytest.raises(LogError) as caught:
        list(open_log(path))
    assert str(caught.value).startswith(f'{path}: ')
    return str(caught.value)


@pytest.mark.parametrize('packing', [*PACKINGS, '.zip'])
@pytest.mark.parametrize('suffix', KINDS)
def test_every_reader_takes_every_packing(tmp_path, suffix, packing):
    write(tmp_path / f'a{suffix}', some_entries())
    packed = pack(tmp_path / f'a{suffix}', packing)
    expected = read(tmp_path / f'a{suffix}')
    assert read(packed) == expected
    # The content decides, and not the name.
    other = packed.rename(tmp_path / 'b')
    assert read(other) == expected


@pytest.mark.parametrize('packing', [*PACKINGS, '.zip'])
def test_a_database_of_python_can_is_unpacked(tmp_path, packing):
    with can.Logger(tmp_path / 'a.db') as writer:
        writer(can.Message(timestamp=1_790_000_000.25, arbitration_id=0x0106B000, data=[7]))
    log = open_log(pack(tmp_path / 'a.db', packing))
    assert [each.frame.data for each in log] == [b'\7']
    assert log.problems == []


@pytest.fixture(scope='module', params=['.log', '.blf', '.mcap', '.csv'])
def long_log(request, tmp_path_factory):
    """Return a log of several blocks of every packing, and what is in it."""
    path = tmp_path_factory.mktemp('long') / f'a{request.param}'
    write(path, some_entries(8000))
    return path, read(path)


@pytest.mark.parametrize('packing', PACKINGS)
def test_a_packed_file_that_is_cut_short_gives_what_is_there(long_log, packing):
    path, whole = long_log
    packed = pack(path, packing)
    data = packed.read_bytes()
    packed.write_bytes(data[:len(data) * 3 // 4])
    log = open_log(packed)
    found = list(log)
    assert found == whole[:len(found)]
    assert len(found) > len(whole) / 3
    words = ' '.join(log.problems)
    assert 'cut short' in words
    assert 'unpacked/' not in words and '/tmp/gi3' not in words


@pytest.mark.parametrize('packing', [*PACKINGS, '.zip'])
@pytest.mark.parametrize('suffix', KINDS)
def test_sentences_name_the_file_that_was_given(tmp_path, suffix, packing):
    """Damaged contents: whatever is said, no temporary file is in it."""
    write(tmp_path / f'a{suffix}', some_entries(300))
    path = tmp_path / f'a{suffix}'
    data = path.read_bytes()
    for content in (data[:60], data[:len(data) // 2], b'rubbish' * 50):
        path.write_bytes(content)
        try:
            log = open_log(pack(path, packing))
            list(log)
            words = log.problems
        except LogError as error:
            words = [str(error)]
            assert f'{path}{packing}' in str(error)
        assert not any('gi3_log_' in each for each in words), words


def test_the_temporary_file_is_gone_with_the_log(tmp_path, monkeypatch):
    (tmp_path / 'temporary').mkdir()
    monkeypatch.setattr('tempfile.tempdir', str(tmp_path / 'temporary'))
    for suffix in ('.mcap', '.parquet', '.db3'):
        write(tmp_path / f'a{suffix}', some_entries())
        log = open_log(pack(tmp_path / f'a{suffix}', '.xz'))
        list(log)
        assert os.listdir(tmp_path / 'temporary')
        del log
        gc.collect()
        assert os.listdir(tmp_path / 'temporary') == []


def test_a_zip_of_several_logs_names_them(tmp_path):
    path = tmp_path / 'night.zip'
    with zipfile.ZipFile(path, 'w') as archive:
        for name in ('a.log', 'b.asc', 'c/d.blf'):
            archive.writestr(name, 'x')
    assert say(path).endswith(
        'the zip has 3 files in it: a.log, b.asc, c/d.blf; unpack it, and give each log by itself')


def test_a_zip_with_nothing_but_folders_and_what_a_mac_adds(tmp_path):
    write(tmp_path / 'a.log', some_entries())
    path = tmp_path / 'night.zip'
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('night/', '')
        archive.writestr('__MACOSX/._a.log', 'x')
    assert 'nothing is in the zip' in say(path)
    with zipfile.ZipFile(path, 'a') as archive:
        archive.write(tmp_path / 'a.log', 'night/a.log')
    assert read(path) == read(tmp_path / 'a.log')


def test_a_zip_that_is_cut_short_or_has_a_password(tmp_path):
    write(tmp_path / 'a.log', some_entries())
    path = pack(tmp_path / 'a.log', '.zip')
    data = path.read_bytes()
    path.write_bytes(data[:len(data) // 2])
    assert 'the zip is damaged or cut short' in say(path)
    at = data.index(b'PK\1\2')
    path.write_bytes(data[:at + 8] + b'\1' + data[at + 9:])
    assert 'password' in say(path)


def test_a_zip_whose_content_is_damaged_is_read_and_said(tmp_path):
    (tmp_path / 'a.log').write_text('(1436509052.249713) can0 0106B000#07\n' * 1000)
    path = tmp_path / 'a.zip'
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_STORED) as archive:
        archive.write(tmp_path / 'a.log', 'a.log')
    path.write_bytes(path.read_bytes().replace(b'#07', b'#08', 1))
    log = open_log(path)
    assert 800 < len(list(log)) < 1000
    assert 'CRC' in log.problems[-1]


@pytest.mark.parametrize(('content', 'words'), [
    (gzip.compress(gzip.compress(b'(1.5) can0 123#00\n' * 9)), 'packed twice'),
    (lzma.compress(zstd.compress(b'(1.5) can0 123#00\n' * 9)), 'packed twice'),
    (b'\x04\x22\x4d\x18' + bytes(50), 'lz4: unpack it first'),
    (b'7z\xbc\xaf\x27\x1c' + bytes(50), '7z: unpack it first'),
    (b'Rar!\x1a\x07' + bytes(50), 'rar: unpack it first'),
    (gzip.compress(b'x')[:11], 'cut short'),
    (b'BZh9' + bytes(50), 'cannot be unpacked'),
    (gzip.compress(b''), 'the file is empty'),
], ids=['gzip in gzip', 'zstd in xz', 'lz4', '7z', 'rar', 'cut short', 'damaged bzip2', 'empty'])
def test_what_is_packed_in_another_way_is_named(tmp_path, content, words):
    path = tmp_path / 'a.log.gz'
    path.write_bytes(content)
    assert words in say(path)


def test_a_tar_archive_is_named(tmp_path):
    write(tmp_path / 'a.log', some_entries())
    path = tmp_path / 'a.tar.gz'
    with tarfile.open(path, 'w:gz') as archive:
        archive.add(tmp_path / 'a.log', 'a.log')
    assert 'tar archive' in say(path)


@pytest.mark.parametrize('packing', [*PACKINGS, '.zstd', '.zip'])
def test_the_page_of_a_packed_log_has_its_name(packing):
    assert _page_of(pathlib.Path(f'x/night.blf{packing}')) == pathlib.Path('x/night.html')
