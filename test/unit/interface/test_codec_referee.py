# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The generated functions answer as a loop over ``SIGNALS`` does, in value, type and words."""

import dataclasses
import math
import pickle

from amount import many
import codec_referee
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy
import pytest

from gi3_ros.core.interface import codec, signals
from gi3_ros.core.interface.frame import Frame

CLASSES = list(signals.MESSAGES.values())
MANY = settings(max_examples=many(200), deadline=None, database=None)
MEMBERS = [
    member for cls in CLASSES for signal in cls.SIGNALS if signal.enum for member in signal.enum]
"""Labels, most of them of other signals."""
NONSENSE = st.one_of(
    st.sampled_from([
        None, True, False, 'Charging', '1', b'\x01', (), 1j, math.nan, math.inf, -math.inf, -0.0,
        10**400, -10**400, 10**18, 1e18, -1e18, 1e308, numpy.float64(12.5), numpy.float64('nan'),
        numpy.int64(3), *MEMBERS,
    ]),
    st.integers(), st.integers(-300, 300), st.floats(),
)
IDS = st.builds(
    lambda base_id, index: base_id | index << 24,
    st.sampled_from([*signals.MESSAGES, 0x6B006, 0x6A000, 0x7B000]), st.integers(0, 33))
FRAMES = st.one_of(
    st.builds(Frame, IDS, st.binary(max_size=64)),
    st.builds(
        Frame, st.one_of(IDS, st.integers(0, (1 << 29) - 1), st.integers()),
        st.binary(max_size=64), st.booleans(), st.booleans(), st.booleans()),
)


def name_of(value):
    """Test id of a class or a signal."""
    return getattr(value, '__name__', None) or getattr(value, 'name', None)


def with_types(answer):
    """Return an answer so that 1, 1.0, True and a label of 1 are not the same."""
    if isinstance(answer, codec.Received):
        return answer, [repr(getattr(answer.message, signal.field))
                        for signal in answer.message.SIGNALS]
    return answer


def values_of(signal):
    """Return values of a signal: what it takes, what lies at the edges, and anything else."""
    if signal.enum is not None:
        return st.one_of(st.sampled_from(list(signal.enum)), st.integers(0, 16), NONSENSE)
    if signal.is_flag:
        return st.one_of(st.booleans(), st.integers(-1, 2), NONSENSE)
    step = signal.numerator / signal.denominator
    halves = st.integers(2 * signal.raw_minimum - 3, 2 * signal.raw_maximum + 3)
    return st.one_of(
        st.floats(signal.minimum, signal.maximum),
        halves.map(lambda count: count / 2 * step + signal.offset),
        st.integers(math.floor(signal.minimum) - 2, math.ceil(signal.maximum) + 2), NONSENSE)


def good_values_of(signal):
    """Return values that a signal takes."""
    if signal.enum is not None:
        return st.sampled_from([*signal.enum, *signal.labels])
    if signal.is_flag:
        return st.sampled_from([False, True, 0, 1])
    return st.floats(signal.minimum, signal.maximum)


def answer_of(encode, message, index):
    """Return a frame, or the words of the refusal."""
    try:
        return encode(message, index=index)
    except ValueError as error:
        return str(error)


@settings(MANY, max_examples=many(2000))
@given(FRAMES)
def test_any_frame_is_decoded_as_the_referee_does(frame):
    assert with_types(codec.decode(frame)) == with_types(codec_referee.decode(frame))


@pytest.mark.parametrize('message_class', CLASSES, ids=name_of)
def test_any_bytes_of_a_message_are_decoded_as_the_referee_does(message_class):
    @MANY
    @given(st.binary(max_size=64), st.integers(1, 31))
    def check(data, index):
        frame = Frame(message_class.BASE_ID | index << 24, data)
        assert with_types(codec.decode(frame)) == with_types(codec_referee.decode(frame))

    check()


@pytest.mark.parametrize('message_class', CLASSES, ids=name_of)
def test_every_number_of_each_byte_is_decoded_as_the_referee_does(message_class):
    for place in range(message_class.LENGTH):
        for fill in (b'\x00', b'\xff'):
            for byte in range(256):
                data = bytearray(fill * message_class.LENGTH)
                data[place] = byte
                frame = Frame(message_class.BASE_ID | 7 << 24, bytes(data))
                assert with_types(codec.decode(frame)) == with_types(codec_referee.decode(frame))


@pytest.mark.parametrize('message_class', CLASSES, ids=name_of)
def test_values_that_fit_are_encoded_as_the_referee_does(message_class):
    @MANY
    @given(st.tuples(*map(good_values_of, message_class.SIGNALS)), st.integers(1, 31))
    def check(values, index):
        message = message_class(*values)
        frame = codec.encode(message, index=index)
        assert frame == codec_referee.encode(message, index=index)
        assert type(frame.data) is bytes

    check()


@pytest.mark.parametrize('message_class', CLASSES, ids=name_of)
def test_any_values_are_encoded_or_refused_as_the_referee_does(message_class):
    @MANY
    @given(st.tuples(*map(values_of, message_class.SIGNALS)), st.integers(1, 31))
    def check(values, index):
        message = message_class(*values)
        assert answer_of(codec.encode, message, index) == answer_of(
            codec_referee.encode, message, index)

    check()


@pytest.mark.parametrize('message_class', CLASSES, ids=name_of)
def test_one_odd_value_is_refused_as_the_referee_does(message_class):
    """Among defaults, so that a later field is not hidden by the first one that is wrong."""
    @MANY
    @given(st.sampled_from(message_class.SIGNALS).flatmap(
        lambda signal: st.tuples(st.just(signal.field), values_of(signal))))
    def check(pair):
        message = message_class(**dict([pair]))
        assert answer_of(codec.encode, message, 1) == answer_of(codec_referee.encode, message, 1)

    check()


@pytest.mark.parametrize('message_class', CLASSES, ids=name_of)
def test_numbers_at_both_ends_and_at_every_half_are_rounded_as_the_referee_does(message_class):
    for signal in message_class.SIGNALS:
        if signal.enum is not None or signal.is_flag:
            continue
        step = signal.numerator / signal.denominator
        for end in (2 * signal.raw_minimum, 0, 2 * signal.raw_maximum):
            for count in range(end - 4, end + 5):
                value = count / 2 * step + signal.offset
                for near in (math.nextafter(value, -math.inf), value, math.nextafter(value, 1e9)):
                    for kind in (float, numpy.float64):
                        message = message_class(**{signal.field: kind(near)})
                        assert answer_of(codec.encode, message, 1) == answer_of(
                            codec_referee.encode, message, 1)


@given(st.one_of(NONSENSE, st.sampled_from([signals.OcppControl, signals.OcppControl()])),
       st.one_of(NONSENSE, st.integers(-1, 33)))
@MANY
def test_odd_messages_and_indices_are_refused_as_the_referee_does(message, index):
    assert answer_of(codec.encode, message, index) == answer_of(
        codec_referee.encode, message, index)


@pytest.mark.parametrize('message_class', CLASSES, ids=name_of)
def test_a_decoded_message_is_like_one_that_was_made(message_class):
    """The codec sets the fields past ``__init__``."""
    data = bytes(range(1, message_class.LENGTH + 1))
    received = codec.decode(Frame(message_class.BASE_ID | 1 << 24, data))
    message = received.message
    made = message_class(*(getattr(message, signal.field) for signal in message.SIGNALS))
    assert (message, hash(message), repr(message)) == (made, hash(made), repr(made))
    assert pickle.loads(pickle.dumps(received)) == received
    assert dataclasses.replace(message) == made
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(message, message_class.SIGNALS[0].field, 1)


def test_messages_with_the_same_fields_are_not_the_same():
    started = codec.decode(Frame(0x0106B002, b'\x01')).message
    finished = codec.decode(Frame(0x0106B004, b'\x01')).message
    assert started != finished
    assert int(started.vehicle_ready_for_charging) == int(finished.state) == 1
    assert codec.decode(Frame(0x0106B102, bytes(8))).message != codec.decode(
        Frame(0x0106B103, bytes(8))).message


def test_answers_have_a_hash():
    frame = Frame(0x0106B000, b'\x07')
    assert len({codec.decode(frame), codec.decode(frame)}) == 1
    assert len({codec.decode(Frame(1, b'')), codec.decode(Frame(1, b''))}) == 1
    assert len({frame, Frame(0x0106B000, b'\x07')}) == 1
