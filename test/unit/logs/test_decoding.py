# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Batches of a log: what is decoded once and kept is what decoding each frame gives."""

import itertools
import tracemalloc

from formats_bench import some_entries
import pytest

from gi3_ros.core.interface import codec
from gi3_ros.core.interface.frame import Frame
from gi3_ros.logs.decoding import decoded_batches
from gi3_ros.logs.entries import Heard


def decoded(frames):
    log = [Heard(number * 1000, frame) for number, frame in enumerate(frames)]
    batches = itertools.chain.from_iterable(decoded_batches(log))
    return [each for entry, each in batches if isinstance(entry, Heard)]


STATUS = Frame(0x0106B000, b'\x07')
OTHERS = {
    'error': Frame(0x0106B000, b'\x07', is_error=True),
    'remote': Frame(0x0106B000, b'\x07', is_remote=True),
    'standard': Frame(0x0106B000, b'\x07', is_extended=False),
    'pistol': Frame(0x0206B000, b'\x07'),
    'data': Frame(0x0106B000, b'\x08'),
    'short': Frame(0x0106B000, b''),
    'message': Frame(0x0106B001, b'\x07'),
}


@pytest.mark.parametrize('what', OTHERS)
def test_a_frame_is_no_other_one_that_is_like_it(what):
    frames = [STATUS, OTHERS[what], STATUS, OTHERS[what]]
    assert decoded(frames) == [codec.decode(each) for each in frames]


def test_many_frames_again_and_again():
    frames = [each.frame for each in some_entries(3000)] * 2
    assert decoded(frames) == [codec.decode(each) for each in frames]


def test_what_is_kept_does_not_grow_with_the_log():
    def peak(count):
        log = (Heard(number * 10**6, Frame(0x0106B003, number.to_bytes(8, 'little')))
               for number in range(count))
        tracemalloc.start()
        for _ in decoded_batches(log):
            pass
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size
    assert peak(20_000) < 1.5 * peak(2_000)
