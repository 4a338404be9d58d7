# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Which version of the interface the two ends of a bus speak, told by their frames alone.

Each version is the set of frames that it has (:data:`FRAMES`), and a few frames tell more by
what is in them (:data:`CONTENTS`). Of every end the versions are kept that have all that was
seen of it; each piece of evidence leaves fewer of them. Frames that were not seen prove nothing:
most of them come with events.
"""

from collections.abc import Iterable
import dataclasses
from typing import NamedTuple

from .frame import Frame
from .layout import CONTROLLER, CUSTOMER

TRANSITION = '3.2 with 0x6B202'
"""Builds of mid-2025: the lengths of v3.2, but with the inputs of the SPCC hardware of v3.3."""

_V1 = {
    0x68001: 8, 0x68002: 2, 0x68003: 4, 0x68004: 1, 0x68005: 5, 0x68006: 1, 0x68007: 1,
    0x68008: 5, 0x68009: 1,
    0x60010: 8,
}
_V2_0 = _V1 | {0x60011: 8, 0x60012: 3}
_V2_2 = {base_id: length for base_id, length in _V2_0.items() if base_id != 0x68008} | {
    0x6800A: 8, 0x6800B: 8, 0x60013: 8}
_V2_4 = _V2_2 | {0x6800C: 6, 0x6800D: 8}
_V2_5 = _V2_4 | {0x6800E: 8, 0x6800F: 8}
_V2_6 = _V2_5 | {0x60014: 8}
_V3_0 = {
    base_id: length for base_id, length in _V2_2.items() if base_id not in (0x68002, 0x68003)
} | {0x68005: 8}
_V3_1 = {
    0x6B000: 1, 0x6B001: 2, 0x6B002: 1, 0x6B003: 7, 0x6B004: 1, 0x6B005: 1,
    0x6B100: 3, 0x6B101: 4, 0x6B102: 8, 0x6B103: 8, 0x6B200: 8, 0x6B201: 8,
    0x63000: 8, 0x63001: 8, 0x63002: 3, 0x63201: 8,
}
_V3_2 = _V3_1 | {0x6B300: 2}
_V3_3 = _V3_2 | {0x6B100: 6, 0x6B101: 6, 0x6B104: 6, 0x6B105: 6, 0x6B202: 8}
_V3_4 = _V3_3 | {0x6B203: 8, 0x6B204: 8}
_V3_5 = _V3_4 | {0x63202: 8}

FRAMES = {
    '1': _V1, '2.0': _V2_0, '2.2': _V2_2, '2.3': _V2_2, '2.4': _V2_4, '2.5': _V2_5,
    '2.6': _V2_6, '2.7': _V2_6, '3.0': _V3_0,
    '3.1': _V3_1, '3.2': _V3_2, TRANSITION: _V3_2 | {0x6B202: 8}, '3.3': _V3_3, '3.4': _V3_4,
    '3.5': _V3_5, '3.6': _V3_5,
}
"""By version, oldest first: the length of every frame, by its identifier with pistol index 0."""
VERSIONS = tuple(FRAMES)
ALL = frozenset(VERSIONS)
OLD_IDENTIFIERS = ('1', '2.0', '2.2', '2.3', '2.4', '2.5', '2.6', '2.7', '3.0')
"""Those with 0 for the version in the identifier; the others have 3."""


@dataclasses.dataclass(frozen=True, slots=True)
class Content:
    """What a frame can have in it only since, or until, some version."""

    base_id: int
    mask: int
    """The bits that are looked at; bit 0 is bit 0 of byte 0."""
    values: frozenset[int]
    """The numbers in these bits that tell; empty: any but 0."""
    versions: frozenset[str]
    text: str


def _byte(base_id: int, number: int, value: int, versions: Iterable[str], text: str) -> Content:
    return Content(
        base_id, 0xFF << 8 * number, frozenset({value << 8 * number}), frozenset(versions), text)


def _lights(base_id: int, first: int, last: int, versions: Iterable[str], text: str) -> Content:
    mask = (1 << last + 1) - (1 << first)
    return Content(base_id, mask, frozenset(), frozenset(versions), text)


def _since(
    first: str, *, before: str | None = '3.1', without: tuple[str, ...] = (),
) -> list[str]:
    begin, end = VERSIONS.index(first), VERSIONS.index(before) if before else None
    return [each for each in VERSIONS[begin:end] if each not in without]


CONTENTS = (
    _byte(0x68001, 0, 6, _since('2.2'), 'Communication_Protocol 6'),
    _byte(0x68001, 0, 7, _since('2.3'), 'Communication_Protocol 7 (ISO 15118-20)'),
    _byte(0x68001, 1, 3, _since('2.2'), 'Plug_and_pins 3 (AC)'),
    _byte(0x68001, 1, 4, _since('2.4', without=('3.0',)), 'Plug_and_pins 4 (MCS)'),
    _byte(0x68009, 0, 11, _since('2.0'), 'State 11'),
    _byte(0x68009, 0, 12, _since('2.0'), 'State 12'),
    _byte(0x68009, 0, 13, _since('2.5', without=('3.0',)), 'State 13 (pause)'),
    _lights(0x60013, 4, 27, ['2.7'], 'brightness of a light'),
    _lights(0x60014, 2, 25, ['2.7'], 'brightness of a light'),
    _byte(0x6B001, 1, 4, _since('3.3', before=None), 'Plug_and_pins 4 (MCS)'),
    _byte(0x6B000, 0, 13, _since('3.4', before=None), 'State 13 (pause)'),
    _lights(0x63201, 4, 27, ['3.6'], 'brightness of a light'),
    _lights(0x63202, 2, 25, ['3.6'], 'brightness of a light'),
)
"""Bits that others call reserved are 0 with them (R52), so a bit that is set tells."""

_MODULE_TYPE = 0x06
_FROM_CONTROLLER = 0x8000
_IDENTIFIER_VERSIONS = (0, 3)


@dataclasses.dataclass(slots=True)
class Evidence:
    """One kind of frame that was seen of one end."""

    base_id: int
    length: int
    text: str
    """What was seen, in words."""
    versions: frozenset[str]
    """Those that have it; empty: none that was published."""
    frame: Frame
    """The first of them."""
    first_s: float
    count: int = 1
    excluded: tuple[str, ...] = ()
    """The versions that it ruled out when it was first seen, oldest first."""

    @property
    def meaning(self) -> str:
        """Say in words what it proves."""
        return f'v{in_words(self.versions)}' if self.versions else 'no published version'


@dataclasses.dataclass(frozen=True, slots=True)
class Contradiction:
    """Two things of one end that no published version has both."""

    earlier: Evidence
    later: Evidence


class _Key(NamedTuple):
    base_id: int
    length: int
    content: str = ''
    """Text of the row of :data:`CONTENTS`, empty for the frame as such."""


class End:
    """
    What is known of one end of one pistol.

    :param index: pistol index; 0 is the placeholder of the database files (A19)
    :param who: :data:`~.layout.CONTROLLER` or ``CUSTOMER``
    """

    def __init__(self, index: int, who: str) -> None:
        self.index = index
        self.who = who
        self.evidence: list[Evidence] = []
        """All of it, in the order of first sight."""
        self.contradictions: list[Contradiction] = []
        self._possible = ALL
        self._by_key: dict[_Key, Evidence] = {}

    @property
    def versions(self) -> tuple[str, ...]:
        """
        The versions that are still possible, oldest first; never empty.

        After a contradiction: those that were possible before it. The build between v3.2 and v3.3
        is among them only where v3.2 itself is not.
        """
        return _listed(self._possible)

    @property
    def strange(self) -> list[Evidence]:
        """The evidence that no published version has."""
        return [each for each in self.evidence if not each.versions]

    @property
    def decisive(self) -> list[Evidence]:
        """The evidence that ruled something out."""
        return [each for each in self.evidence if each.excluded]

    @property
    def is_clear(self) -> bool:
        """Whether all that was seen is of at least one published version."""
        return not self.contradictions and not any(
            each.base_id in _KNOWN for each in self.strange)

    def see(self, base_id: int, frame: Frame, time_s: float) -> None:
        """Take a frame of this end."""
        bits = None
        keys = [_Key(base_id, len(frame.data))]
        for content in _CONTENTS_OF.get(base_id, ()):
            if bits is None:
                bits = int.from_bytes(frame.data, 'little')
            found = bits & content.mask
            if found in content.values or (found and not content.values):
                keys.append(_Key(base_id, len(frame.data), content.text))
        for key in keys:
            evidence = self._by_key.get(key)
            if evidence is not None:
                evidence.count += 1
            else:
                self._add(key, frame, time_s)

    def _add(self, key: _Key, frame: Frame, time_s: float) -> None:
        base_id, length, content = key
        if content:
            row = next(each for each in _CONTENTS_OF[base_id] if each.text == content)
            versions, text = row.versions, f'0x{base_id:05X} with {row.text}'
        else:
            versions = frozenset(
                version for version in VERSIONS if FRAMES[version].get(base_id) == length)
            text = f'0x{base_id:05X} of {length} byte{"" if length == 1 else "s"}'
            if base_id not in _KNOWN:
                text += ', an identifier that is not known'
        evidence = Evidence(base_id, length, text, versions, frame, time_s)
        left = self._possible & versions
        if left:
            evidence.excluded = tuple(
                version for version in _listed(self._possible) if version not in left)
            self._possible = left
        elif versions:
            self.contradictions.append(Contradiction(self._against(versions), evidence))
        self.evidence.append(evidence)
        self._by_key[key] = evidence

    def _against(self, versions: frozenset[str]) -> Evidence:
        # There is one: the versions of every piece of evidence follow one another in VERSIONS, and
        # of rows without a common place two have none in common either.
        return next(each for each in self.decisive if not each.versions & versions)


class Identification:
    """All ends on one bus."""

    def __init__(self) -> None:
        self._ends: dict[tuple[int, str], End] = {}
        self.foreign = 0
        """Frames that are not of the interface at all."""

    @property
    def ends(self) -> list[End]:
        """The ends that were heard, by pistol; the controller first."""
        return [self._ends[key] for key in sorted(self._ends)]

    def hear(self, frame: Frame, *, time_s: float) -> None:
        """Take a frame of whatever kind; raises nothing."""
        base_id = frame.can_id & 0xFFFFFF
        if (
            base_id >> 16 != _MODULE_TYPE or not frame.is_extended
            or frame.is_remote or frame.is_error or not 0 <= frame.can_id < 1 << 29
            or base_id >> 12 & 0b111 not in _IDENTIFIER_VERSIONS
        ):
            self.foreign += 1
            return
        index = frame.can_id >> 24
        who = CONTROLLER if base_id & _FROM_CONTROLLER else CUSTOMER
        end = self._ends.get((index, who))
        if end is None:
            end = self._ends[index, who] = End(index, who)
        end.see(base_id, frame, time_s)


def in_words(versions: Iterable[str]) -> str:
    """Say which versions these are: '3.2', '3.1 or 3.2', '2.2 to 2.4 or 3.0', '3.3 or later'."""
    places = [VERSIONS.index(version) for version in _listed(versions)]
    runs: list[list[int]] = []
    for place in places:
        # The build between v3.2 and v3.3 is no break in the row.
        is_next = runs and (
            place == runs[-1][-1] + 1 or VERSIONS[runs[-1][-1] + 1:place] == (TRANSITION,))
        if is_next and TRANSITION not in (VERSIONS[place], VERSIONS[runs[-1][-1]]):
            runs[-1].append(place)
        else:
            runs.append([place])
    words = []
    for run in runs:
        if len(run) > 1 and run[-1] == len(VERSIONS) - 1:
            words.append(f'{VERSIONS[run[0]]} or later')
        elif len(run) > 2:
            words.append(f'{VERSIONS[run[0]]} to {VERSIONS[run[-1]]}')
        else:
            words += [VERSIONS[place] for place in run]
    return ' or '.join(words)


def treatment(versions: Iterable[str]) -> str:
    """Say what this package, which speaks v3.2, makes of an end with one of these versions."""
    chosen = frozenset(versions)
    if chosen <= frozenset(OLD_IDENTIFIERS):
        return 'not spoken by gi3_ros: other identifiers, its frames are left aside'
    if chosen <= {'3.1', '3.2'}:
        return 'spoken by gi3_ros'
    if chosen == {TRANSITION}:
        return 'spoken by gi3_ros; the identifier 0x6B202 is left aside (R52)'
    if chosen & {'3.1', '3.2'}:
        return (
            'spoken by gi3_ros; should it be newer than v3.2: longer frames are decoded as far as '
            'they are known, new identifiers are left aside (R52)')
    return (
        'newer minor version: longer frames are decoded as far as they are known, new identifiers '
        'are left aside (R52)')


def _listed(versions: Iterable[str]) -> tuple[str, ...]:
    return tuple(
        version for version in VERSIONS
        if version in versions and not (version == TRANSITION and '3.2' in versions))


_KNOWN = frozenset(base_id for frames in FRAMES.values() for base_id in frames)
_CONTENTS_OF = {
    base_id: tuple(each for each in CONTENTS if each.base_id == base_id)
    for base_id in {each.base_id for each in CONTENTS}
}
