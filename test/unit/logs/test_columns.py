# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Frames as arrays say what the codec says of each of them, bit for bit."""

import pathlib
import re

from amount import many
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy
import pytest

from gi3_ros.core.interface import codec, signals
from gi3_ros.core.interface.frame import Frame
from gi3_ros.logs.columns import columns, Frames, gathered
from gi3_ros.logs.entries import Gap, Heard

CLASSES = list(signals.MESSAGES.values())
MANY = settings(max_examples=many(200), deadline=None, database=None)
IDS = st.builds(
    lambda base_id, index: base_id | index << 24,
    st.sampled_from([*signals.MESSAGES, 0x6B006, 0x7B000, 0x16B000]), st.integers(0, 33))
FRAMES = st.one_of(
    st.builds(Frame, IDS, st.binary(max_size=12)),
    st.builds(Frame, IDS, st.binary(max_size=12), st.booleans(), st.booleans(), st.booleans()))
DATA = [
    bytes.fromhex(text) for text in (
        '0000000000000000', 'ffffffffffffffff', '0100000000000000', '0080008000800080',
        'ff7fff7fff7fff7f', '0102030405060708', '03', '')]


def name_of(value):
    """Test id of a class."""
    return getattr(value, '__name__', None)


def by_codec(log):
    """Return ``{(index, class): (times, {field: values}, short)}``, a frame at a time."""
    tables = {}
    for entry in log:
        answer = codec.decode(entry.frame)
        if isinstance(answer, codec.Rejected) and answer.kind is not codec.Rejection.SHORT:
            continue
        is_short = isinstance(answer, codec.Rejected)
        cls = answer.message_class if is_short else type(answer.message)
        table = tables.setdefault(
            (answer.index, cls), [[], {signal.field: [] for signal in cls.SIGNALS}, 0])
        if is_short:
            table[2] += 1
            continue
        table[0].append(entry.time_ns)
        for field, values in table[1].items():
            values.append(getattr(answer.message, field))
    return tables


def assert_same(log, tables):
    """Assert that tables say what the codec says, in value, type and order."""
    expected = by_codec(log)
    assert tables.keys() == expected.keys()
    for key, (times, fields, short) in expected.items():
        table = tables[key]
        assert table.times_ns.dtype == numpy.int64
        assert table.times_ns.tolist() == times
        assert table.short == short
        assert list(table.values) == list(fields)
        for signal in key[1].SIGNALS:
            values = table.values[signal.field]
            wanted = fields[signal.field]
            if signal.enum is not None:
                assert values.dtype.kind == 'u'
                assert values.tolist() == [int(value) for value in wanted]
            elif signal.is_flag:
                assert values.dtype == bool
                assert values.tolist() == wanted
            else:
                assert values.dtype == numpy.float64
                assert values.tobytes() == numpy.array(wanted, numpy.float64).tobytes()


@MANY
@given(st.lists(FRAMES, max_size=30))
def test_any_log_says_what_the_codec_says(frames):
    log = [Heard(1_790_000_000 * 10**9 + 7 * number, frame) for number, frame in enumerate(frames)]
    assert_same(log, columns(gathered(log)))


@pytest.mark.parametrize('message_class', CLASSES, ids=name_of)
def test_every_number_of_each_byte_says_what_the_codec_says(message_class):
    log = []
    for place in range(message_class.LENGTH):
        for byte in range(256):
            data = bytearray(message_class.LENGTH)
            data[place] = byte
            log.append(Heard(len(log), Frame(message_class.BASE_ID | 9 << 24, bytes(data))))
    for data in DATA:
        log.append(Heard(len(log), Frame(message_class.BASE_ID | 31 << 24, data)))
    assert_same(log, columns(gathered(log)))


def test_no_frames_give_no_tables():
    assert columns(gathered([])) == {}
    assert columns(gathered([Heard(0, Frame(0x700, b'\x01', is_extended=False))])) == {}


def test_what_is_no_frame_is_left_out():
    frame = Frame(0x0106B000, b'\x07')
    frames = gathered([Gap(1, ''), Heard(2, frame), Heard(3, Frame(0, b'', is_error=True))])
    assert frames.times_ns.tolist() == [2]
    (table,) = columns(frames).values()
    assert table.values['state'].tolist() == [7]


def test_arrays_may_come_from_elsewhere():
    """Identifiers of another width, rows of CAN FD, bytes beyond the length that mean nothing."""
    data = numpy.full((3, 64), 0xEE, numpy.uint8)
    data[:, 0] = 7, 8, 9
    tables = columns(Frames(
        numpy.array([1, 2, 3]), numpy.array([0x0106B000, 0x0106B000, 0x8106B000]),
        numpy.array([1, 0, 1]), data))
    ((key, table),) = tables.items()
    assert key == (1, signals.AdvanticsControllerStatus)
    assert (table.values['state'].tolist(), table.short) == ([7], 1)


def test_the_example_of_the_page_runs(tmp_path, monkeypatch, capsys):
    page = pathlib.Path(__file__).parents[3] / 'docs/how-to/numpy.md'
    (block,) = re.findall(r'```python\n(.*?)```', page.read_text(encoding='utf-8'), re.DOTALL)
    function = signals.DcPowerControl.PowerFunction.POWER_TRANSFER
    with (tmp_path / 'night.log').open('w') as file:
        for second in range(361):
            for message in (signals.PowerModulesStatus(400.0, 20.0),
                            signals.DcPowerControl(power_function=function)):
                frame = codec.encode(message, index=1)
                file.write(f'({1_790_000_000 + second}.000000) can0 {frame.can_id:08X}#'
                           f'{frame.data.hex().upper()}\n')
    monkeypatch.chdir(tmp_path)
    exec(block, {})
    assert capsys.readouterr().out.splitlines() == [
        '800.0 Wh',
        'OFF                   0.0 s',
        'STANDBY               0.0 s',
        'INSULATION_TEST       0.0 s',
        'PRECHARGE             0.0 s',
        'POWER_TRANSFER      360.0 s',
    ]
