# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One way to open a log, whatever file it is."""

from collections.abc import Mapping
import pathlib

from .entries import LogError
from .formats.format import BagFormat
from .log import Log
from .recognition import errors_of, format_of, log_in, opened


def open_log(
        path: pathlib.Path | str, *, channel: str | None = None,
        pistols: Mapping[str, int] | None = None, blf_start: str | None = None) -> Log:
    """
    Open a CAN log, a table or a bag; the content decides, then the suffix.

    :param channel: only what was heard on this bus; all of them without
    :param pistols: pistol indices by namespace, for bags of typed topics that do not tell
    :param blf_start: of :data:`~.formats.blf.START_CLOCKS`, the clock of the start that a BLF
        file names; without, what its writer uses
    :raises LogError: when nothing can be read from it
    """
    path = pathlib.Path(path)
    with errors_of(path):
        if path.is_dir():
            return _bag(path, channel, pistols)
    file = opened(path)
    found = format_of(file)
    if found is not None and issubclass(found, BagFormat):
        return _bag(path, channel, pistols)
    if pistols:
        raise LogError(f'{path}: it is no bag, its frames have the index of their pistol')
    return log_in(file, found, channel=channel, blf_start=blf_start)


def _bag(path: pathlib.Path, channel: str | None, pistols: Mapping[str, int] | None) -> Log:
    # The library of the types takes a while to load.
    from .bags.bag import Bag
    return Bag(path, channel=channel, pistols=pistols)
