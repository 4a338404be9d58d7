# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The log that somebody names on the command line: a file, a bag, or standard input."""

from collections.abc import Iterator, Mapping
import contextlib
import pathlib
import shutil
import sys
import tempfile

from ..logs.entries import LogError
from ..logs.log import Log
from ..logs.reading import open_log

_STANDARD_INPUT = 'standard input'


def named(path: pathlib.Path | str) -> str:
    """Return what to call a log in a sentence."""
    return _STANDARD_INPUT if str(path) == '-' else str(path)


@contextlib.contextmanager
def given_log(
    path: pathlib.Path | str, *, channel: str | None = None,
    pistols: Mapping[str, int] | None = None, blf_start: str | None = None,
) -> Iterator[Log]:
    """
    Open a log; ``-`` is standard input, read to its end first.

    The iteration over the log belongs into the block: what came from standard input is gone after
    it. Errors name what was named on the command line.

    :raises LogError: when nothing can be read from it
    """
    if str(path) != '-':
        yield open_log(path, channel=channel, pistols=pistols, blf_start=blf_start)
        return
    with tempfile.TemporaryDirectory(prefix='gi3_') as folder:
        # Logs are read twice at their beginning, and some from their end.
        spool = pathlib.Path(folder, 'standard_input')
        try:
            with spool.open('wb') as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
            yield open_log(spool, channel=channel, pistols=pistols, blf_start=blf_start)
        except LogError as error:
            raise LogError(str(error).replace(str(spool), _STANDARD_INPUT)) from None
        except OSError as error:
            raise LogError(f'{_STANDARD_INPUT}: {error.strerror or error}') from None
