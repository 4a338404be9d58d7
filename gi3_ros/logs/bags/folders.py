# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What lies in a folder that is given in the place of a log.

A folder is a bag when its ``metadata.yaml`` says so, or when the files of one recording are all
that is in it. What was judged without a word about the files beside it would be a clean bill for
logs that nobody read: a folder of several logs is refused, and what lies beside a bag is named.
"""

from collections.abc import Iterator
import dataclasses
import itertools
import pathlib
import re
import shlex
from typing import NamedTuple

import yaml

from ..entries import LogError
from ..formats import packing
from ..formats.format import BagFormat
from ..recognition import format_of, log_in, opened

PART_SUFFIXES = ('.mcap', '.db3')
"""Of the files of a bag, possibly packed."""
METADATA = 'metadata.yaml'
_NAMED = 5
_DEPTH = 4
"""Folders in folders that are looked into."""
_FILES = 2000
"""Files that are looked at; who gives a whole disk has made a mistake."""
_NO_LOGS = frozenset((
    '.yaml', '.yml', '.json', '.html', '.htm', '.md', '.rst', '.pdf', '.png', '.jpg', '.jpeg',
    '.svg', '.dbc', '.kcd', '.cfg', '.ini', '.py', '.sh', '.xml', '.rviz'))
_SIDECARS = ('-wal', '-shm', '-journal')
_NUMBER = re.compile(r'_([0-9]{1,4})$')


@dataclasses.dataclass
class BagFolder:
    """The files of the bag in a folder."""

    parts: list[pathlib.Path]
    """In the order in which they were recorded."""
    after_missing: set[pathlib.Path]
    """Those before which a part is missing."""
    problems: list[str]
    """Sentences about what is missing, and about what lies beside the bag and is not read."""


def bag_in(folder: pathlib.Path) -> BagFolder:
    """
    Return the bag that a folder is.

    :raises LogError: when it is none: it has no log, or several
    :raises OSError: when it cannot be read
    """
    there = _parts_in(folder)
    content = _content(folder, there)
    bag = BagFolder(*_in_order(there, content), [content.problem] if content.problem else [])
    missing = [name for name in content.expected if name not in there]
    if not bag.parts:
        raise LogError(f'{folder}: is no bag: of its parts nothing is there, not even '
                       f'{enumerated(missing) or "a name of one in metadata.yaml"}')
    if missing:
        bag.problems.append(f'missing: {enumerated(missing)}, {content.why}')
    beside = _logs_in(folder, besides={path.name for path in bag.parts})
    if beside:
        bag.problems.append(
            f'not read: {enumerated(beside)}, in the same folder and no part of the bag: '
            'give each of them by itself')
    return bag


class _Content(NamedTuple):
    """Of what a bag consists."""

    names: list[str]
    """Of its parts, in their order; those that are not there, too."""
    expected: list[str]
    """Those that have to be there, in their order."""
    why: str
    """Why they have to."""
    problem: str = ''
    """Why this may not be all, as a sentence."""


def _content(folder: pathlib.Path, there: dict[str, pathlib.Path]) -> _Content:
    """
    Return what a bag consists of: by its metadata, or by the numbers of its parts.

    :raises LogError: when there is no metadata and the parts are not all that is in the folder
    """
    try:
        listed = _listed(folder)
    except FileNotFoundError:
        problem = ('metadata.yaml is missing: whoever recorded the bag was stopped; the files '
                   'themselves are read')
    except (OSError, yaml.YAMLError, LookupError, TypeError, ValueError, AttributeError,
            RecursionError):
        problem = 'metadata.yaml is damaged; the files themselves are read'
    else:
        recordings = {_recording(name) for name in listed}
        # A recorder that was killed has not entered its last files.
        names = [*listed, *(name for name in there if _recording(name) in recordings)]
        return _Content(names, listed, 'which metadata.yaml names as part of the bag')
    used = {path.name for path in there.values()}
    others = _logs_in(folder, besides=used)
    if len({_recording(name) for name in there}) != 1 or others:
        raise LogError(_refusal(folder, [*sorted(used), *others]))
    names = list(there)
    return _Content(names, _all_numbers(names), 'as the others are numbered', problem)


def _parts_in(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """Return the files of bags in a folder by their names without what they are packed with."""
    there: dict[str, pathlib.Path] = {}
    for path in sorted(folder.iterdir(), key=_natural):
        name = packing.bare_name(path.name)
        if name.lower().endswith(PART_SUFFIXES) and path.is_file() and (
                name not in there or path.name == name):
            there[name] = path
    return there


def _in_order(
        there: dict[str, pathlib.Path], content: _Content,
) -> tuple[list[pathlib.Path], set[pathlib.Path]]:
    """Return the parts that are there, and those of them before which one is missing."""
    after_missing = {
        there[name] for before, name in itertools.pairwise(content.expected)
        if name in there and before not in there}
    return [there[name] for name in dict.fromkeys(content.names) if name in there], after_missing


def _listed(folder: pathlib.Path) -> list[str]:
    """Return the names in the metadata; raises nearly anything when there are none."""
    metadata = yaml.load((folder / METADATA).read_bytes(), _YamlLoader)
    return [
        packing.bare_name(pathlib.PurePath(name).name)
        for name in metadata['rosbag2_bagfile_information']['relative_file_paths']]


class _Recording(NamedTuple):
    """What the names of the parts of one bag have in common."""

    stem: str
    suffix: str


def _recording(name: str) -> _Recording:
    stem, _, suffix = name.rpartition('.')
    return _Recording(_NUMBER.sub('', stem), suffix)


def _all_numbers(names: list[str]) -> list[str]:
    """Return the names of all parts up to the last one, where they are numbered from 0."""
    stem, suffix = _recording(names[0])
    numbers = {int(number[1]) for name in names
               if (number := _NUMBER.search(name.rpartition('.')[0]))}
    if 0 not in numbers or len(numbers) != len(names):
        return names
    return [f'{stem}_{number}.{suffix}' for number in range(max(numbers) + 1)]


def _logs_in(folder: pathlib.Path, *, besides: set[str]) -> list[str]:
    """Return the names of the logs and bags in a folder and in the folders in it."""
    return [name for name in _walk(folder, '', _Budget(_FILES)) if name not in besides]


@dataclasses.dataclass
class _Budget:
    """How many files may still be looked at."""

    left: int


def _walk(folder: pathlib.Path, prefix: str, budget: _Budget) -> Iterator[str]:
    """Yield names below a folder."""
    for path in sorted(folder.iterdir(), key=_natural):
        name = prefix + path.name
        if budget.left == 0:
            yield f'whatever else there is (more than {_FILES} files)'
        budget.left -= 1
        if budget.left < 0:
            return
        if path.name.startswith('.') or path.name.endswith(_SIDECARS):
            continue
        if not path.is_dir():
            if is_log(path):
                yield name
        elif (path / METADATA).exists() or name.count('/') >= _DEPTH or path.is_symlink():
            yield f'{name}/'
        else:
            try:
                yield from _walk(path, f'{name}/', budget)
            except OSError:
                # What may not be looked into may be anything.
                yield f'{name}/'


def is_log(path: pathlib.Path) -> bool:
    """Return whether a file may be a log: all are but for what is known to be none."""
    if not path.is_file() or path.suffix.lower() in _NO_LOGS:
        return False
    if path.suffix.lower() != '.txt':
        return True
    # Notes, or what candump wrote.
    try:
        file = opened(path)
        found = format_of(file)
        if found is None or not issubclass(found, BagFormat):
            log_in(file, found)
    except LogError:
        return False
    return True


def _refusal(folder: pathlib.Path, logs: list[str]) -> str:
    if not logs:
        return f'{folder}: is no bag, and there is no log in it'
    if len(logs) == 1:
        return f'{folder}: is no bag; the log in it is {folder / logs[0]}: give that one'
    return (
        f'{folder}: is no bag but a folder of {len(logs)} logs: {enumerated(logs)}; give each by '
        f'itself: for log in {shlex.quote(str(folder))}/*; do gi3 audit "$log"; done')


def enumerated(words: list[str]) -> str:
    """Join the first few words."""
    more = len(words) - _NAMED
    return ', '.join(words[:_NAMED]) + (f' and {more} more' if more > 0 else '')


def _natural(path: pathlib.Path) -> list[tuple[int, str]]:
    """Sort bag_10 behind bag_9."""
    return [(int(part), '') if part.isdecimal() else (-1, part)
            for part in re.split(r'([0-9]+)', path.name)]


_YamlLoader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
