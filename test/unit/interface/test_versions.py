# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which version of the interface speaks: told from any part of its traffic, wrong from none."""

from hypothesis import given
from hypothesis import strategies as st
import pytest

from gi3_ros.core.interface.frame import Frame
from gi3_ros.core.interface.layout import CONTROLLER, CUSTOMER
from gi3_ros.core.interface.versions import (
    CONTENTS,
    FRAMES,
    Identification,
    in_words,
    OLD_IDENTIFIERS,
    TRANSITION,
    treatment,
    VERSIONS,
)

SINCE_3_1 = ('3.1', '3.2', '3.3', '3.4', '3.5', '3.6')
SINCE_3_3 = SINCE_3_1[2:]
LATE_2 = ('2.2', '2.3')


def frame_of(base_id, length, bits=0, index=1):
    return Frame(base_id | index << 24, bits.to_bytes(8, 'little')[:length])


def frames_of(version):
    """One of each frame, all of them empty, and one with each content that only it can have."""
    frames = [frame_of(base_id, length) for base_id, length in FRAMES[version].items()]
    for row in CONTENTS:
        if version in row.versions and row.base_id in FRAMES[version]:
            bits = min(row.values) if row.values else row.mask & -row.mask
            frames.append(frame_of(row.base_id, FRAMES[version][row.base_id], bits))
    return frames


def identify(*frames):
    identification = Identification()
    for time_s, frame in enumerate(frames):
        identification.hear(frame, time_s=float(time_s))
    return identification


def end_of(identification, who):
    return next(end for end in identification.ends if end.who == who)


@pytest.mark.parametrize('version, controller, customer', [
    ('1', ('1', '2.0'), OLD_IDENTIFIERS),
    ('2.0', ('2.0',), OLD_IDENTIFIERS[1:]),
    ('2.2', ('2.2', '2.3', '2.4', '2.5', '2.6', '2.7'), OLD_IDENTIFIERS[2:]),
    ('2.3', ('2.3', '2.4', '2.5', '2.6', '2.7'), OLD_IDENTIFIERS[2:]),
    ('2.4', ('2.4', '2.5', '2.6', '2.7'), OLD_IDENTIFIERS[2:]),
    ('2.5', ('2.5', '2.6', '2.7'), OLD_IDENTIFIERS[2:]),
    ('2.6', ('2.5', '2.6', '2.7'), ('2.6', '2.7')),
    ('2.7', ('2.5', '2.6', '2.7'), ('2.7',)),
    ('3.0', ('3.0',), OLD_IDENTIFIERS[2:]),
    ('3.1', ('3.1', '3.2'), SINCE_3_1),
    ('3.2', ('3.2',), SINCE_3_1),
    (TRANSITION, (TRANSITION,), SINCE_3_1),
    ('3.3', SINCE_3_3, SINCE_3_1),
    ('3.4', SINCE_3_3[1:], SINCE_3_1),
    ('3.5', SINCE_3_3[1:], ('3.5', '3.6')),
    ('3.6', SINCE_3_3[1:], ('3.6',)),
])
def test_all_frames_of_a_version_leave_as_few_versions_as_its_frames_can_tell(
    version, controller, customer,
):
    identification = identify(*frames_of(version))
    assert [end.who for end in identification.ends] == [CONTROLLER, CUSTOMER]
    assert end_of(identification, CONTROLLER).versions == controller
    assert end_of(identification, CUSTOMER).versions == customer
    assert all(end.is_clear for end in identification.ends)


@pytest.mark.parametrize('frame, versions', [
    (frame_of(0x68005, 5), ('1', '2.0', '2.2', '2.3', '2.4', '2.5', '2.6', '2.7')),
    (frame_of(0x68005, 8), ('3.0',)),
    (frame_of(0x68002, 2), OLD_IDENTIFIERS[:-1]),
    (frame_of(0x68008, 5), ('1', '2.0')),
    (frame_of(0x60011, 8), OLD_IDENTIFIERS[1:]),
    (frame_of(0x6800A, 8), OLD_IDENTIFIERS[2:]),
    (frame_of(0x68009, 1, 10), OLD_IDENTIFIERS),
    (frame_of(0x68009, 1, 11), OLD_IDENTIFIERS[1:]),
    (frame_of(0x68009, 1, 12), OLD_IDENTIFIERS[1:]),
    (frame_of(0x68001, 8, 6), OLD_IDENTIFIERS[2:]),
    (frame_of(0x68001, 8, 3 << 8), OLD_IDENTIFIERS[2:]),
    (frame_of(0x68001, 8, 7), OLD_IDENTIFIERS[3:]),
    (frame_of(0x68001, 8, 4 << 8), ('2.4', '2.5', '2.6', '2.7')),
    (frame_of(0x68009, 1, 13), ('2.5', '2.6', '2.7')),
    (frame_of(0x60013, 8, 1 << 27), ('2.7',)),
    (frame_of(0x60013, 8, 1 << 28), OLD_IDENTIFIERS[2:]),
    (frame_of(0x60013, 8, 1 << 3), OLD_IDENTIFIERS[2:]),
    (frame_of(0x6B000, 1), SINCE_3_1),
    (frame_of(0x6B000, 1, 13), SINCE_3_3[1:]),
    (frame_of(0x6B001, 2, 4 << 8), SINCE_3_3),
    (frame_of(0x6B300, 2), SINCE_3_1[1:]),
    (frame_of(0x6B100, 3), ('3.1', '3.2')),
    (frame_of(0x6B101, 6), SINCE_3_3),
    (frame_of(0x6B202, 8), (TRANSITION, *SINCE_3_3)),
    (frame_of(0x6B203, 8), SINCE_3_3[1:]),
    (frame_of(0x63202, 8), ('3.5', '3.6')),
    (frame_of(0x63202, 8, 1 << 25), ('3.6',)),
    (frame_of(0x63202, 8, 1 << 26), ('3.5', '3.6')),
    (frame_of(0x63201, 8, 1 << 4), ('3.6',)),
])
def test_what_one_frame_tells(frame, versions):
    end, = identify(frame).ends
    assert end.versions == versions
    assert end.is_clear


@given(st.data())
def test_no_part_of_a_versions_frames_excludes_it(data):
    version = data.draw(st.sampled_from(VERSIONS))
    frames = data.draw(st.lists(st.sampled_from(frames_of(version))))
    for end in identify(*frames).ends:
        assert end.is_clear
        # The build between v3.2 and v3.3 is not told apart from v3.2 without its one new frame.
        assert version in end.versions or (version == TRANSITION and '3.2' in end.versions)


@given(st.lists(st.builds(
    Frame, st.integers(0, (1 << 29) - 1) | st.sampled_from(
        [base_id | 1 << 24 for frames in FRAMES.values() for base_id in frames]),
    st.binary(max_size=8))))
def test_any_frames_at_all_leave_at_least_one_version(frames):
    identification = identify(*frames)
    for end in identification.ends:
        assert end.versions
        assert in_words(end.versions) and treatment(end.versions)


def test_the_evidence_has_what_was_seen_first_how_often_and_what_it_excluded():
    end, = identify(
        frame_of(0x6B000, 1), frame_of(0x6B000, 1, 7), frame_of(0x6B100, 3), frame_of(0x6B101, 4),
    ).ends
    status, battery = end.decisive
    assert (status.base_id, status.count, status.first_s) == (0x6B000, 2, 0.0)
    assert status.excluded == OLD_IDENTIFIERS
    assert status.frame == frame_of(0x6B000, 1)
    assert (battery.text, battery.first_s) == ('0x6B100 of 3 bytes', 2.0)
    assert battery.excluded == SINCE_3_3
    assert battery.meaning == 'v3.1 or 3.2'
    assert len(end.evidence) == 3


def test_two_controllers_of_different_versions_on_one_index_are_a_contradiction():
    end, = identify(
        frame_of(0x6B000, 1), frame_of(0x6B100, 3), frame_of(0x6B100, 6), frame_of(0x6B100, 6),
    ).ends
    contradiction, = end.contradictions
    assert contradiction.earlier.text == '0x6B100 of 3 bytes'
    assert contradiction.later.text == '0x6B100 of 6 bytes'
    assert contradiction.later.count == 2
    assert end.versions == ('3.1', '3.2')
    assert not end.is_clear


def test_the_contradicted_evidence_is_the_one_without_a_version_in_common():
    end, = identify(
        frame_of(0x6800A, 8), frame_of(0x68001, 8, 4 << 8), frame_of(0x68005, 8),
    ).ends
    contradiction, = end.contradictions
    assert contradiction.earlier.text == '0x68001 with Plug_and_pins 4 (MCS)'
    assert contradiction.later.text == '0x68005 of 8 bytes'


def test_every_piece_of_evidence_is_of_versions_in_a_row():
    """A contradiction is between two because of it."""
    every = [row.versions for row in CONTENTS] + [
        {version for version in VERSIONS if FRAMES[version].get(base_id) == length}
        for frames in FRAMES.values() for base_id, length in frames.items()]
    for versions in every:
        places = sorted(VERSIONS.index(version) for version in versions)
        assert places == list(range(places[0], places[-1] + 1))


@pytest.mark.parametrize('base_id', [0x6B001, 0x6B003])
def test_new_identifiers_with_the_old_length_are_of_no_published_version(base_id):
    end, = identify(frame_of(0x6B000, 1), frame_of(base_id, 8)).ends
    strange, = end.strange
    assert strange.text == f'0x{base_id:05X} of 8 bytes'
    assert strange.meaning == 'no published version'
    assert not end.is_clear
    assert end.versions == SINCE_3_1


def test_an_identifier_that_nobody_knows_may_be_of_a_newer_version():
    end, = identify(frame_of(0x6B0FF, 8), frame_of(0x6B100, 6)).ends
    assert end.strange[0].text == '0x6B0FF of 8 bytes, an identifier that is not known'
    assert end.is_clear
    assert end.versions == SINCE_3_3


def test_ends_and_pistols_are_kept_apart():
    identification = identify(
        frame_of(0x68005, 5, index=2), frame_of(0x63000, 8, index=2), frame_of(0x6B300, 2))
    assert [(end.index, end.who) for end in identification.ends] == [
        (1, CONTROLLER), (2, CONTROLLER), (2, CUSTOMER)]
    assert all(end.is_clear for end in identification.ends)


@pytest.mark.parametrize('frame', [
    Frame(0x123, b'\x00', is_extended=False),
    Frame(0x0106B000, b'', is_remote=True),
    Frame(0x0106B000, b'', is_error=True),
    Frame(0x01061000, b'\x00'),
    Frame(0x0107B000, b'\x00'),
    Frame(0x106B000 | 1 << 31, b'\x00'),
])
def test_frames_of_something_else_are_only_counted(frame):
    identification = identify(frame)
    assert not identification.ends
    assert identification.foreign == 1


@pytest.mark.parametrize('versions, words', [
    (('3.2',), '3.2'),
    (('3.1', '3.2'), '3.1 or 3.2'),
    (SINCE_3_3, '3.3 or later'),
    (SINCE_3_1, '3.1 or later'),
    (('3.5', '3.6'), '3.5 or later'),
    (('3.6',), '3.6'),
    (OLD_IDENTIFIERS, '1 to 3.0'),
    (('2.2', '2.3', '2.4', '3.0'), '2.2 to 2.4 or 3.0'),
    ((TRANSITION, *SINCE_3_3), '3.2 with 0x6B202 or 3.3 or later'),
    ((TRANSITION,), TRANSITION),
])
def test_versions_in_words(versions, words):
    assert in_words(versions) == words


@pytest.mark.parametrize('versions, words', [
    (('2.7', '3.0'), 'not spoken'),
    (('3.1', '3.2'), 'spoken by gi3_ros'),
    ((TRANSITION,), '0x6B202 is left aside'),
    (SINCE_3_1, 'should it be newer'),
    (SINCE_3_3, 'newer minor version'),
])
def test_what_this_package_makes_of_it(versions, words):
    assert words in treatment(versions)
