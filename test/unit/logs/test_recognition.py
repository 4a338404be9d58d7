# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which format a file has: each knows its own, and one place decides."""

import importlib
import inspect
import pkgutil

import can
from formats_bench import some_entries, write
import pytest

from gi3_ros.logs import formats
from gi3_ros.logs.entries import LogError
from gi3_ros.logs.formats.asc import Asc
from gi3_ros.logs.formats.bag_database import BagDatabase
from gi3_ros.logs.formats.blf import Blf
from gi3_ros.logs.formats.can_database import CanDatabase
from gi3_ros.logs.formats.candump import Candump, CandumpDeltas
from gi3_ros.logs.formats.csv_of_others import CanEdgeCsv, PythonCanCsv, SavvyCanCsv
from gi3_ros.logs.formats.format import Format
from gi3_ros.logs.formats.mcap import Mcap
from gi3_ros.logs.formats.mf4 import Mf4
from gi3_ros.logs.formats.parquet import Parquet
from gi3_ros.logs.formats.table_csv import TableCsv
from gi3_ros.logs.formats.trc import Trc
from gi3_ros.logs.recognition import format_of, FORMATS, log_in, opened

WRITTEN = {
    '.log': Candump, '.asc': Asc, '.trc': Trc, '.blf': Blf, '.csv': TableCsv, '.parquet': Parquet,
    '.mcap': Mcap, '.db3': BagDatabase}
TEXTS = {
    PythonCanCsv: 'timestamp,arbitration_id,extended,remote,error,dlc,data\n',
    SavvyCanCsv: 'Time Stamp,ID,Extended,Dir,Bus,LEN,D1\n',
    CanEdgeCsv: 'TimestampEpoch;BusChannel;ID;IDE;DLC;DataLength;DataBytes\n',
    CandumpDeltas: ' (0.100000)  can0  0106B000   [1]  07\n (0.010000)  can0  0106B000   [1]  07\n'
                   * 20,
    Mf4: 'MDF     4.10',
}
FRAME = '(1.5) can0 0106B000#07\n'


def found(path, content=None):
    if content is not None:
        path.write_text(content)
    return format_of(opened(path))


@pytest.mark.parametrize('suffix', WRITTEN)
def test_what_is_written_here_is_known_whatever_its_name(tmp_path, suffix):
    write(tmp_path / f'a{suffix}', some_entries())
    assert found(tmp_path / f'a{suffix}') is WRITTEN[suffix]
    assert found((tmp_path / f'a{suffix}').rename(tmp_path / 'b')) is WRITTEN[suffix]


@pytest.mark.parametrize('expected', TEXTS)
def test_what_others_write_is_known(tmp_path, expected):
    assert found(tmp_path / 'a', TEXTS[expected]) is expected


def test_a_database_of_frames_is_none_of_a_bag(tmp_path):
    with can.Logger(tmp_path / 'a.db') as writer:
        writer(can.Message(arbitration_id=1))
    assert found(tmp_path / 'a.db') is CanDatabase
    # With the suffix of a bag it is one, and its reader says what is wrong.
    assert found((tmp_path / 'a.db').rename(tmp_path / 'a.db3')) is BagDatabase


def test_every_format_is_asked():
    modules = [importlib.import_module(f'{formats.__name__}.{each.name}')
               for each in pkgutil.iter_modules(formats.__path__)]
    classes = {
        each for module in modules for _, each in inspect.getmembers(module, inspect.isclass)
        if issubclass(each, Format) and not inspect.isabstract(each)}
    assert set(FORMATS) == classes
    assert len(FORMATS) == len(classes)


@pytest.mark.parametrize('later', [';---- a remark', '1) 500 V', 'base hex'])
def test_the_first_line_that_is_known_decides(tmp_path, later):
    """Not the first format: a remark may look like a line of another one."""
    assert found(tmp_path / 'a', f'interface = can0\n{FRAME}{later}\n') is Candump


def test_a_format_has_to_show_near_the_beginning(tmp_path):
    assert found(tmp_path / 'a', 'hello\n' * 199 + FRAME) is Candump
    assert found(tmp_path / 'a', 'hello\n' * 200 + FRAME) is None


@pytest.mark.parametrize(('name', 'expected'), [
    ('a.log', Candump), ('a.ASC', Asc), ('a.trc', Trc), ('a.txt', None), ('a', None)])
def test_a_text_in_which_nothing_shows_is_taken_by_its_suffix(tmp_path, name, expected):
    assert found(tmp_path / name, 'hello\n') is expected
    (tmp_path / name).write_bytes(b'hello\0\n')
    assert found(tmp_path / name) is None


def test_a_csv_of_others_is_no_candump_whatever_its_suffix(tmp_path):
    path = tmp_path / 'a.log'
    assert found(path, 'Time,Channel,ID,Flags,DLC,Data0\n') is None
    with pytest.raises(LogError, match='a CSV of Kvaser, which is not read'):
        log_in(opened(path), None)


def test_what_has_no_format_is_refused_with_those_that_are_known(tmp_path):
    (tmp_path / 'a').write_text('hello\n')
    with pytest.raises(LogError, match='neither candump, ASC, BLF, TRC, MF4, CSV, Parquet nor a'):
        log_in(opened(tmp_path / 'a'), None)
