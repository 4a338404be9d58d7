# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Frames to messages and back: the golden frames, cantools as referee, limits, and nonsense."""

import csv
import dataclasses
import enum
import fractions
import math
import pathlib
import subprocess
import sys

from amount import many
import cantools
from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from gi3_ros.core.interface import codec, signals
from gi3_ros.core.interface.codec import decode, encode, Received, Rejected, Rejection
from gi3_ros.core.interface.frame import Frame
from gi3_ros.core.interface.layout import Message

ROOT = pathlib.Path(__file__).parents[3]
CLASSES = list(signals.MESSAGES.values())
FIELDS = [(cls, signal) for cls in CLASSES for signal in cls.SIGNALS]
NUMBERS = [(cls, s) for cls, s in FIELDS if s.enum is None and not s.is_flag]
LABELLED = [(cls, s) for cls, s in FIELDS if s.enum is not None]
FLAGS = [(cls, s) for cls, s in FIELDS if s.is_flag]
SI_FACTORS = {'kW': 1000, 'kWh': 1000, 'kOhm': 1000}
NOT_FINITE = [math.nan, math.inf, -math.inf]
FAST = settings(max_examples=many(60), deadline=None, database=None)


def name_of(value):
    """Test id of a class or a signal."""
    return getattr(value, '__name__', None) or getattr(value, 'name', None)


def load_golden():
    """Read the golden frames: class, payload, {vendor's signal name: value in vendor's unit}."""
    with open(ROOT / 'test/data/golden_frames.csv', encoding='utf-8', newline='') as file:
        rows = list(csv.DictReader(file))
    golden = []
    for row in rows:
        pairs = (pair.split('=') for pair in row['signals'].split(';'))
        values = {name: float(value) for name, value in pairs}
        golden.append(pytest.param(
            int(row['base_id'], 16), row['message'], bytes.fromhex(row['payload_hex']), values,
            id=f'{row["message"]}-{row["payload_hex"]}',
        ))
    return golden


def load_database(suffix):
    """Load our database in one of its two forms."""
    return cantools.database.load_file(ROOT / f'dbc/gi3_v3.2.{suffix}')


DATABASES = {suffix: load_database(suffix) for suffix in ('kcd', 'dbc')}
GOLDEN = load_golden()


def in_si(message_class, values):
    """Turn values in the vendor's units, by vendor's names, into a message."""
    vendor_units = {
        s.name: s.unit for s in DATABASES['kcd'].get_message_by_name(message_class.NAME).signals}
    fields = {}
    for signal in message_class.SIGNALS:
        value = values[signal.name]
        if signal.enum is not None:
            value = int(value)
            fields[signal.field] = signal.enum(value) if value in signal.labels else value
        elif signal.is_flag:
            fields[signal.field] = bool(value)
        else:
            fields[signal.field] = value * SI_FACTORS.get(vendor_units[signal.name], 1)
    return message_class(**fields)


def frame_of(message_class, data, index=1):
    """Make a frame of a class with the given payload."""
    return Frame(message_class.BASE_ID | index << 24, bytes(data))


def frame_with_raw(message_class, signal, raw):
    """Make a frame in which one signal has the given raw number and all other bits are 0."""
    return frame_of(message_class, (raw << signal.start).to_bytes(message_class.LENGTH, 'little'))


def raw_number(signal, bits):
    """Read the bits of a signal as the number they stand for."""
    return bits - (1 << signal.length) if bits > signal.raw_maximum else bits


def assert_refused(message, signal, value):
    """Assert that encoding raises and names message, signal and value."""
    with pytest.raises(ValueError) as caught:
        encode(message, index=1)
    text = str(caught.value)
    assert text.startswith(f'{message.NAME}.{signal.name}: {value!r}, permitted ')


# ---- golden frames


def test_there_are_33_golden_frames_and_every_message_has_one():
    assert len(GOLDEN) == 33
    assert {row.values[0] for row in GOLDEN} == set(signals.MESSAGES)


@pytest.mark.parametrize(('base_id', 'name', 'payload', 'values'), GOLDEN)
def test_golden_frame_through_our_codec(base_id, name, payload, values):
    message = in_si(signals.MESSAGES[base_id], values)
    assert name == message.NAME
    frame = Frame(base_id | 3 << 24, payload)
    assert encode(message, index=3) == frame
    received = decode(frame)
    assert received == Received(3, message)
    for signal in message.SIGNALS:
        value = getattr(received.message, signal.field)
        assert type(value) is type(getattr(message, signal.field))


@pytest.mark.parametrize('suffix', DATABASES)
@pytest.mark.parametrize(('base_id', 'name', 'payload', 'values'), GOLDEN)
def test_golden_frame_through_cantools(suffix, base_id, name, payload, values):
    message = DATABASES[suffix].get_message_by_name(name)
    assert message.frame_id == base_id
    assert message.encode(values) == payload
    assert message.decode(payload, decode_choices=False) == pytest.approx(values, abs=1e-9)


# ---- cantools as referee


@pytest.mark.parametrize('suffix', DATABASES)
@pytest.mark.parametrize('message_class', CLASSES, ids=name_of)
def test_any_bits_decode_as_cantools_decodes_them(message_class, suffix):
    referee = DATABASES[suffix].get_message_by_name(message_class.NAME)

    @FAST
    @given(st.binary(min_size=message_class.LENGTH, max_size=message_class.LENGTH))
    def check(data):
        received = decode(frame_of(message_class, data))
        expected = in_si(message_class, referee.decode(data, decode_choices=False))
        for signal in message_class.SIGNALS:
            ours = getattr(received.message, signal.field)
            assert ours == pytest.approx(getattr(expected, signal.field), rel=1e-12), signal.name
        # The very frame comes back unless it says what v3.2 has no words for.
        if received.undefined:
            with pytest.raises(ValueError, match='permitted are'):
                encode(received.message, index=1)
        else:
            unassigned = received.unassigned_bits.to_bytes(message_class.LENGTH, 'little')
            known = bytes(a & ~b for a, b in zip(data, unassigned, strict=True))
            assert encode(received.message, index=1) == frame_of(message_class, known)

    check()


@pytest.mark.parametrize(('message_class', 'signal'), FIELDS, ids=name_of)
def test_every_raw_number_is_scaled_exactly_and_comes_back(message_class, signal):
    raws = range(1 << signal.length)
    # All of them where they are few; where they are many, a stride that meets all byte values.
    for raw in raws if signal.length <= 8 else [*raws[::251], raws[-1]]:
        if signal.enum is not None and raw not in signal.labels:
            continue
        frame = frame_with_raw(message_class, signal, raw)
        value = getattr(decode(frame).message, signal.field)
        scale = fractions.Fraction(signal.numerator, signal.denominator)
        assert value == float(scale * raw_number(signal, raw) + signal.offset)
        message = message_class(**{signal.field: value})
        sent = int.from_bytes(encode(message, index=1).data, 'little')
        assert sent >> signal.start & raws[-1] == raw


# ---- the generated classes


@pytest.mark.parametrize('message_class', CLASSES, ids=name_of)
def test_a_message_without_arguments_is_the_frame_of_zeros(message_class):
    zeros = bytes(message_class.LENGTH)
    if message_class is signals.EmergencyStop:
        assert message_class().origin is message_class.Origin.EVSE
    else:
        assert encode(message_class(), index=1).data == zeros
        assert decode(frame_of(message_class, zeros)).message == message_class()


@pytest.mark.parametrize('message_class', CLASSES, ids=name_of)
def test_messages_are_values(message_class):
    message = message_class()
    assert message == message_class()
    assert hash(message) == hash(message_class())
    assert not hasattr(message, '__dict__')
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(message, message_class.SIGNALS[0].field, 1)
    names = [field.name for field in dataclasses.fields(message_class)]
    assert names == [signal.field for signal in message_class.SIGNALS]


def test_numbers_are_exact_in_si_units():
    status = decode(Frame(0x01063000, bytes.fromhex('a30f37ff550001ff'))).message
    assert status.present_voltage == 400.3
    assert status.present_current == -20.1
    assert status.power_modules_temperature == 45.0
    assert status.enclosure_temperature == -40.0
    assert status.insulation_resistance == 510_000.0
    battery = decode(Frame(0x0106B100, bytes.fromhex('4c001e'))).message
    assert (battery.battery_capacity, battery.present_state_of_charge) == (76_000.0, 30.0)
    limits = decode(Frame(0x0106B102, bytes.fromhex('0000b00400003c00'))).message
    assert (limits.ev_maximum_charge_current, limits.ev_maximum_charge_power) == (120.0, 60_000.0)


# ---- limits when encoding


@pytest.mark.parametrize(('message_class', 'signal'), NUMBERS, ids=name_of)
def test_a_number_may_reach_both_ends_and_no_further(message_class, signal):
    step = signal.numerator / signal.denominator
    inside = [
        (signal.minimum, signal.raw_minimum), (signal.minimum + step, signal.raw_minimum + 1),
        (signal.maximum, signal.raw_maximum), (signal.maximum - step, signal.raw_maximum - 1),
        # Less than half a step outside is a rounding matter.
        (signal.minimum - 0.49 * step, signal.raw_minimum),
        (signal.maximum + 0.49 * step, signal.raw_maximum),
    ]
    for value, raw in inside:
        data = encode(message_class(**{signal.field: value}), index=1).data
        decoded = getattr(decode(frame_of(message_class, data)).message, signal.field)
        assert decoded == signal.to_si(raw)
    for value in (signal.minimum - 0.51 * step, signal.maximum + 0.51 * step, 1e300, -1e300,
                  10 ** 400, *NOT_FINITE):
        assert_refused(message_class(**{signal.field: value}), signal, value)


@pytest.mark.parametrize('value', [True, '400', None, b'1', 400j, [400.0]], ids=repr)
@pytest.mark.parametrize(('message_class', 'signal'), NUMBERS, ids=name_of)
def test_a_number_must_be_a_number(message_class, signal, value):
    assert_refused(message_class(**{signal.field: value}), signal, value)


@pytest.mark.parametrize(('volts', 'raw'), [
    (400.3, 4003), (400.34, 4003), (400.36, 4004), (0.04, 0), (0.06, 1), (-0.04, 0), (400, 4000)])
def test_numbers_are_rounded_to_the_nearest(volts, raw):
    frame = encode(signals.OcppControl(dynamic_target_current=volts), index=1)
    assert int.from_bytes(frame.data, 'little') == raw
    frame = encode(signals.OcppControl(dynamic_target_current=-volts), index=1)
    assert int.from_bytes(frame.data, 'little', signed=True) == -raw


@pytest.mark.parametrize(('message_class', 'signal'), LABELLED, ids=name_of)
def test_a_labelled_field_takes_its_labels_only(message_class, signal):
    assert {member.value for member in signal.enum} == set(signal.labels)
    for member in signal.enum:
        expected = frame_with_raw(message_class, signal, member.value)
        # Emergency_Stop has one field only, so nothing else is in its frame either.
        for value in (member, int(member)):
            assert encode(message_class(**{signal.field: value}), index=1) == expected
    for value in range(-1, (1 << signal.length) + 1):
        if value not in signal.labels:
            assert_refused(message_class(**{signal.field: value}), signal, value)


class OtherLabel(enum.IntEnum):
    """Labels that belong to no signal."""

    ONE = 1


@pytest.mark.parametrize(
    'value', ['Off', None, 1.0, math.nan, OtherLabel.ONE, [1]], ids=repr)
@pytest.mark.parametrize(('message_class', 'signal'), LABELLED, ids=name_of)
def test_a_labelled_field_takes_nothing_else(message_class, signal, value):
    assert_refused(message_class(**{signal.field: value}), signal, value)


@pytest.mark.parametrize(('message_class', 'signal'), LABELLED, ids=name_of)
def test_a_bool_is_a_label_of_single_bits_only(message_class, signal):
    message = message_class(**{signal.field: True})
    if signal.length == 1:
        assert encode(message, index=1) == frame_with_raw(message_class, signal, 1)
    else:
        assert_refused(message, signal, True)


@pytest.mark.parametrize(('message_class', 'signal'), FLAGS, ids=name_of)
def test_a_single_bit_takes_a_bool(message_class, signal):
    for value in (True, False, 1, 0):
        message = message_class(**{signal.field: value})
        data = int.from_bytes(encode(message, index=1).data, 'little')
        assert data >> signal.start & 1 == value
        assert getattr(decode(encode(message, index=1)).message, signal.field) is bool(value)
    for value in (2, -1, 1.0, 'x', None, OtherLabel.ONE):
        assert_refused(message_class(**{signal.field: value}), signal, value)


@pytest.mark.parametrize('index', range(1, 32))
def test_every_pistol_has_its_own_identifiers(index):
    for message_class in CLASSES:
        frame = encode(message_class(), index=index)
        assert frame.can_id == message_class.BASE_ID + index * 0x1000000
        assert decode(frame).index == index


@pytest.mark.parametrize('index', [0, -1, 32, 33, True, 1.0, '1', None], ids=repr)
def test_other_indices_are_refused(index):
    with pytest.raises(ValueError, match=r'^OCPP_Control: pistol index .+, permitted are 1\.\.31'):
        encode(signals.OcppControl(), index=index)


@pytest.mark.parametrize(
    'thing', [None, 'State', 7, signals.OcppControl, Message(), Frame(0x0106B300, b'')],
    ids=['None', 'text', 'number', 'class', 'base class', 'frame'])
def test_only_messages_can_be_encoded(thing):
    with pytest.raises(ValueError, match='is not a message of Generic Interface'):
        encode(thing, index=1)


def test_encoded_frames_are_plain_extended_data_frames():
    frame = encode(signals.DcPowerControl(), index=1)
    assert (frame.is_extended, frame.is_remote, frame.is_error) == (True, False, False)
    assert type(frame.data) is bytes


# ---- what a peer may send


@pytest.mark.parametrize('message_class', CLASSES, ids=name_of)
def test_a_longer_frame_is_decoded_as_far_as_it_is_known(message_class):
    payload = encode(message_class(), index=1).data
    for extra in (1, 64 - len(payload)):
        longer = decode(frame_of(message_class, payload + b'\xff' * extra))
        assert longer == Received(1, message_class())


@pytest.mark.parametrize('message_class', CLASSES, ids=name_of)
def test_a_shorter_frame_gives_nothing(message_class):
    for length in range(message_class.LENGTH):
        rejected = decode(frame_of(message_class, bytes(length)))
        assert rejected.kind is Rejection.SHORT
        assert rejected.text == (
            f'{message_class.NAME} with {length} bytes instead of {message_class.LENGTH}')


@pytest.mark.parametrize(('message_class', 'signal'), LABELLED, ids=name_of)
def test_an_undefined_label_is_kept_as_a_number_and_named(message_class, signal):
    for raw in range(1 << signal.length):
        received = decode(frame_with_raw(message_class, signal, raw))
        value = getattr(received.message, signal.field)
        assert value == raw
        if raw in signal.labels:
            assert type(value) is signal.enum
            assert received.undefined == ()
        else:
            assert type(value) is int
            assert received.undefined == (f'{signal.name}={raw}',)


def test_all_undefined_labels_are_named():
    received = decode(Frame(0x0106B001, b'\x08\x04'))
    assert received.undefined == ('Communication_Protocol=8', 'Plug_and_pins=4')
    assert received.message == signals.NewChargeSession(8, 4)


@pytest.mark.parametrize(('message_class', 'mask'), [
    (signals.DcPowerControl, 0x10 << 48),
    (signals.AdmCoCui1Inputs, 0xFFFFFFC0),
    (signals.AdmCsSeccInputs, 0xFFFFFFFFF0),
    (signals.AdmCsSeccOutputs, 0xFFFFFFFFFFFFFFF0),
    (signals.SequenceControl, 0xFEF8FC),
    (signals.PowerModulesStatus, 0),
    (signals.EvInformationBattery, 0),
], ids=name_of)
def test_bits_without_a_signal_are_reported(message_class, mask):
    received = decode(frame_of(message_class, b'\xff' * message_class.LENGTH))
    assert received.unassigned_bits == mask
    zeros = decode(frame_of(message_class, bytes(message_class.LENGTH)))
    assert zeros.unassigned_bits == 0
    only_these = decode(frame_of(message_class, mask.to_bytes(message_class.LENGTH, 'little')))
    assert only_these == Received(1, message_class(), unassigned_bits=mask)


@pytest.mark.parametrize(('frame', 'kind'), [
    (Frame(0x0106B000, b'\x07', is_extended=False), Rejection.FOREIGN),
    (Frame(0x0106B000, b'\x07', is_remote=True), Rejection.FOREIGN),
    (Frame(0x0106B000, b'\x07', is_error=True), Rejection.FOREIGN),
    (Frame(0x700, b'\x07', is_extended=False), Rejection.FOREIGN),
    (Frame(0x0006B000, b'\x07'), Rejection.FOREIGN),  # index 0
    (Frame(0x2106B000, b'\x07'), Rejection.FOREIGN),  # 30 bits
    (Frame(0x8106B000, b'\x07'), Rejection.FOREIGN),  # a flag bit left in
    (Frame(-1, b'\x07'), Rejection.FOREIGN),
    (Frame(0x0107B000, b'\x07'), Rejection.FOREIGN),  # module type 7
    (Frame(0x01068000, b'\x07'), Rejection.FOREIGN),  # interface version 0
    (Frame(0x0106A000, b'\x07'), Rejection.FOREIGN),  # interface version 2
    (Frame(0x0106C000, b'\x07'), Rejection.FOREIGN),  # interface version 4
    (Frame(0x0106B006, b'\x07'), Rejection.UNKNOWN),
    (Frame(0x0106B202, bytes(8)), Rejection.UNKNOWN),  # v3.3 (A34)
    (Frame(0x0106B400, b''), Rejection.UNKNOWN),
    (Frame(0x01063003, bytes(8)), Rejection.UNKNOWN),
    (Frame(0x1F063201, bytes(7)), Rejection.SHORT),
    (Frame(0x0106B000, b''), Rejection.SHORT),
])
def test_frames_that_give_no_message(frame, kind):
    rejected = decode(frame)
    assert isinstance(rejected, Rejected)
    assert rejected.kind is kind
    assert rejected.text
    if kind is Rejection.SHORT:
        assert rejected.index == frame.can_id >> 24
        assert frame.can_id & 0xFFFFFF == rejected.message_class.BASE_ID


OUR_IDS = st.builds(
    lambda base_id, index: base_id | index << 24,
    st.sampled_from(sorted(signals.MESSAGES)), st.integers(0, 31))
ANY_FRAME = st.builds(
    Frame,
    st.one_of(OUR_IDS, st.integers(0, (1 << 29) - 1), st.integers()),
    st.binary(max_size=64),
    st.booleans(), st.booleans(), st.booleans(),
)
OUR_FRAME = st.builds(Frame, OUR_IDS, st.binary(max_size=64))


@settings(FAST, max_examples=many(1000))
@given(st.one_of(ANY_FRAME, OUR_FRAME))
def test_no_frame_makes_decode_raise(frame):
    result = decode(frame)
    if isinstance(result, Rejected):
        assert result.text
        return
    assert codec.INDEX_MIN <= result.index <= codec.INDEX_MAX
    assert len(frame.data) >= result.message.LENGTH
    for signal in result.message.SIGNALS:
        assert math.isfinite(getattr(result.message, signal.field))


def test_the_core_loads_neither_ros_nor_a_can_library(tmp_path):
    program = '\n'.join([
        'import importlib, pkgutil, sys',
        'import gi3_ros.core',
        'names = [m.name for m in pkgutil.walk_packages(gi3_ros.core.__path__, "gi3_ros.core.")]',
        'for name in names: importlib.import_module(name)',
        'loaded = {name.partition(".")[0] for name in sys.modules}',
        'ours = {n for n in sys.modules if n.startswith("gi3_ros")}',
        'print(len(names))',
        'print(*sorted(loaded & {"rclpy", "can", "cantools", "rosidl_runtime_py", "std_msgs"}))',
        'print(*sorted(n for n in ours if n != "gi3_ros" and not n.startswith("gi3_ros.core")))',
    ])
    result = subprocess.run(
        [sys.executable, '-c', program], cwd=tmp_path, capture_output=True, text=True, check=True)
    count, libraries, outside = result.stdout.split('\n')[:3]
    assert int(count) >= 4
    assert libraries == ''
    assert outside == ''
