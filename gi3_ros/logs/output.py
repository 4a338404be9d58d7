# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Where output goes: nothing is replaced but a plain file or a bag, and only by what is complete.

Everything is written beside its target and moved there at the end. Whoever runs as root must not
lose a device, a pipe or a folder of something else to a wrong argument.
"""

from collections.abc import Iterator
import contextlib
import enum
import os
import pathlib
import shutil
import stat
import tempfile
from typing import TextIO

import yaml

from .entries import LogError

PREFIX = '.gi3_'
"""Of the folders beside a target in which it is made; one that is left over can be deleted."""
_METADATA = 'metadata.yaml'


class Replaces(enum.Enum):
    """What a writer may put something in the place of."""

    NOTHING = enum.auto()
    FILES = enum.auto()
    FILES_AND_BAGS = enum.auto()


def resolved_target(path: pathlib.Path | str, replaces: Replaces) -> pathlib.Path:
    """
    Return where to write, with symbolic links followed.

    :raises LogError: when something is there that is not to be replaced: never anything but a
        plain file, or a bag alone in its folder
    """
    path = pathlib.Path(path)
    if path.name in ('', '..', '-'):
        raise LogError(f'{path}: is no name of a file or folder')
    try:
        if not os.path.lexists(path):
            return path
        if replaces is Replaces.NOTHING:
            raise LogError(f'{path}: it is there already')
        target = path.resolve()
        mode = target.stat().st_mode if target.exists() else None
    except (OSError, RuntimeError) as error:
        raise LogError(f'{path}: cannot be written: {reason(error)}') from None
    if mode is None or stat.S_ISREG(mode):
        return target
    if not stat.S_ISDIR(mode):
        raise LogError(f'{path}: is {_sort_of(mode)}, no file, and is not replaced')
    if replaces is not Replaces.FILES_AND_BAGS:
        raise LogError(f'{path}: is a folder and is not replaced')
    _check_bag(path, target)
    return target


@contextlib.contextmanager
def written_beside(
    path: pathlib.Path | str, replaces: Replaces, *, is_kept: bool = False,
) -> Iterator[pathlib.Path]:
    """
    Yield a path to write to, of the same name; what is there is moved to ``path`` at the end.

    Errors that name the path yielded are raised with the name that people know.

    :param is_kept: whether what was written is moved after an exception, too: of a log that grew
        for hours the beginning is worth something
    :raises LogError: when it cannot be written
    """
    target = resolved_target(path, replaces)
    try:
        folder = pathlib.Path(tempfile.mkdtemp(prefix=PREFIX, dir=target.parent))
    except OSError as error:
        raise LogError(f'{path}: cannot be written: {reason(error)}') from None
    part = folder / target.name
    is_complete = is_kept
    try:
        try:
            yield part
            is_complete = True
        finally:
            if is_complete and _has_content(part):
                _move(part, path, target, replaces)
    except LogError as error:
        raise LogError(str(error).replace(str(part), str(path))) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def growing(path: pathlib.Path | str) -> Iterator[pathlib.Path]:
    """
    Yield a path to write to for what people may want to read while it grows.

    That is ``path`` itself where nothing is yet. A file from before stays until the new one ends.

    :raises LogError: when it cannot be written
    """
    if not os.path.lexists(path):
        yield resolved_target(path, Replaces.NOTHING)
        return
    with written_beside(path, Replaces.FILES, is_kept=True) as part:
        yield part


def write_text(path: pathlib.Path | str, text: str) -> None:
    """
    Write a text file, all or nothing, in the place of a plain file from before.

    :raises LogError: when it cannot be written
    """
    with written_beside(path, Replaces.FILES) as part:
        try:
            part.write_text(text, encoding='utf-8')
        except OSError as error:
            raise LogError(f'{path}: cannot be written: {reason(error)}') from None


@contextlib.contextmanager
def growing_lines(path: pathlib.Path | str) -> Iterator[TextIO]:
    """
    Yield a text file for lines; pipes and terminals are written to, and never replaced.

    :raises LogError: when it cannot be written
    """
    try:
        mode = os.stat(path).st_mode if os.path.exists(path) else stat.S_IFREG
        if stat.S_ISCHR(mode) or stat.S_ISFIFO(mode):
            with open(path, 'w', encoding='utf-8') as file:
                yield file
            return
        with growing(path) as part, part.open('w', encoding='utf-8') as file:
            yield file
    except OSError as error:
        raise LogError(f'{path}: cannot be written: {reason(error)}') from None


def reason(error: BaseException) -> str:
    """Say what an error of the system means."""
    return getattr(error, 'strerror', None) or str(error)


def _has_content(part: pathlib.Path) -> bool:
    return part.is_dir() or (part.is_file() and part.stat().st_size > 0)


def _move(part: pathlib.Path, path: pathlib.Path | str, target: pathlib.Path,
          replaces: Replaces) -> None:
    # What is there may have changed since the beginning.
    if resolved_target(path, replaces) != target:
        raise LogError(f'{path}: cannot be written: it has become something else meanwhile')
    try:
        if target.is_dir() or (part.is_dir() and os.path.lexists(target)):
            target.rename(part.with_name(f'{part.name}.before'))
        part.replace(target)
    except OSError as error:
        raise LogError(f'{path}: cannot be written: {reason(error)}') from None


def _check_bag(path: pathlib.Path, target: pathlib.Path) -> None:
    """Refuse a folder that is no bag, or that holds more than the bag."""
    try:
        information = yaml.safe_load((target / _METADATA).read_text('utf-8'))
        files = information['rosbag2_bagfile_information']['relative_file_paths']
        own = {_METADATA, *(pathlib.PurePath(each).name for each in files)}
        others = sorted(
            each.name for each in target.iterdir() if each.name not in own or not each.is_file())
    except (OSError, UnicodeError, yaml.YAMLError, KeyError, TypeError):
        raise LogError(f'{path}: a folder that is no bag is not replaced') from None
    if others:
        raise LogError(
            f'{path}: the folder holds more than a bag ({others[0]}) and is not replaced')


def _sort_of(mode: int) -> str:
    for test, words in ((stat.S_ISFIFO, 'a pipe'), (stat.S_ISSOCK, 'a socket'),
                        (stat.S_ISCHR, 'a device'), (stat.S_ISBLK, 'a device')):
        if test(mode):
            return words
    return 'something else'
