# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the tests of logs have in common: entries of every sort, and what each format keeps."""

import dataclasses
import random

from hypothesis import strategies as st

from gi3_ros.core.interface.frame import Frame
from gi3_ros.core.interface.signals import MESSAGES
from gi3_ros.logs.entries import Heard, is_overflow
from gi3_ros.logs.reading import open_log
from gi3_ros.logs.writing import open_writer

START_NS = 1_790_000_000_123_456_789


@dataclasses.dataclass(frozen=True)
class Format:
    """A format that is written here, and what it has no place for."""

    suffix: str
    resolution_ns: int = 1
    has_error_content: bool = True
    """Whether an error frame comes back with identifier and data."""
    has_error_kind: bool = True
    """Whether an error frame comes back with direction and width of the identifier."""


FORMATS = {
    'candump': Format('.log', 1000, has_error_kind=False),
    'asc': Format('.asc', 1000, has_error_content=False, has_error_kind=False),
    'blf': Format('.blf', has_error_kind=False),
    'trc': Format('.trc', 1000, has_error_content=False, has_error_kind=False),
    'csv': Format('.csv'),
    'parquet': Format('.parquet'),
    'mcap': Format('.mcap'),
    'sqlite': Format('.db3'),
}

interface_ids = st.builds(
    lambda base_id, index: base_id | index << 24,
    st.sampled_from(sorted(MESSAGES)), st.integers(1, 31))
data = st.binary(max_size=8)
frames = st.one_of(
    st.builds(Frame, interface_ids, data),
    st.builds(Frame, st.integers(0, (1 << 29) - 1), data),
    st.builds(Frame, st.integers(0, (1 << 11) - 1), data, st.just(False)),
    st.builds(Frame, interface_ids, st.just(b''), is_remote=st.just(True)),
    st.builds(Frame, st.integers(0, (1 << 11) - 1), st.just(b''), st.just(False), st.just(True)),
    # An overflow is a loss, and these logs have to be whole.
    st.builds(
        Frame, st.integers(0, (1 << 29) - 1), data, st.booleans(), st.just(False), st.just(True)
    ).filter(lambda frame: not is_overflow(frame)),
)
steps = st.tuples(
    st.integers(1, 10**10), frames, st.sampled_from(['can0', 'can1']), st.booleans())


@st.composite
def entries(draw):
    """Draw the entries of a log, in the order of their times."""
    time_ns, result = draw(st.sampled_from([START_NS, 0, 10**9 - 1])), []
    for step_ns, frame, channel, is_sent in draw(st.lists(steps, min_size=1, max_size=20)):
        result.append(Heard(time_ns, frame, channel, is_sent))
        time_ns += step_ns
    return result


def some_entries(count=100, seed=1):
    """Return entries of every sort on two channels, the same each time."""
    chance = random.Random(seed)
    time_ns, result = START_NS, []
    for number in range(count):
        time_ns += chance.randrange(1, 20_000_000)
        content = chance.randbytes(chance.randrange(9))
        frame = (
            Frame(chance.choice(sorted(MESSAGES)) | chance.randrange(1, 32) << 24,
                  chance.randbytes(8)),
            Frame(chance.randrange(1 << 29), content),
            Frame(chance.randrange(1 << 11), content, False),
            Frame(chance.randrange(1 << 29), b'', is_remote=True),
            Frame(chance.randrange(1 << 11), b'', False, is_remote=True),
            Frame(8, chance.randbytes(8), False, is_error=True),
        )[number % 6 if number < 60 else chance.choice((0, 0, 0, 0, 1, 2))]
        result.append(
            Heard(time_ns, frame, chance.choice(('can0', 'can1')), chance.random() < 0.5))
    return result


def write(path, log):
    """Write a log by the suffix of its name."""
    with open_writer(path) as writer:
        for entry in log:
            writer.write(entry)
    return writer


def read(path, **options):
    """Read a log that has to be whole."""
    log = open_log(path, **options)
    result = list(log)
    assert log.problems == []
    return result


def assert_same(found, expected, *formats):
    """Compare logs as far as all the formats that they went through keep them."""
    assert [kept(each, formats) for each in found] == [kept(each, formats) for each in expected]
    resolution_ns = max(each.resolution_ns for each in formats)
    for one, other in zip(found, expected, strict=True):
        assert abs(one.time_ns - other.time_ns) <= resolution_ns // 2


def kept(heard, formats):
    """Return what is the same in another format, but for the time."""
    frame, is_sent = heard.frame, heard.is_sent
    if frame.is_error:
        if not all(each.has_error_content for each in formats):
            frame = dataclasses.replace(frame, can_id=0, data=b'')
        if not all(each.has_error_kind for each in formats):
            frame, is_sent = dataclasses.replace(frame, is_extended=False), False
    return frame, heard.channel, is_sent
