# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""ASAM MF4, with the reader of python-can and its library asammdf, where that is installed."""

from collections.abc import Iterator
import gc
import logging
import sys
from typing import TYPE_CHECKING

from ..entries import Heard
from .format import CanFormat
from .frames import channel_name, float_ns, make_frame, reason
from .log_file import LogFile
from .tally import Tally

if TYPE_CHECKING:
    import can

_SOMEWHERE = 'an unknown place'

# They warn about what they leave out; here it is counted and said instead.
logging.getLogger('can.io').setLevel(logging.ERROR)
logging.getLogger('asammdf').setLevel(logging.CRITICAL)


class Mf4(CanFormat):
    """The frames of CAN in an MF4."""

    kind = 'ASAM MF4'

    @classmethod
    def knows(cls, file: LogFile, line: str) -> bool:
        """Return whether a file begins as these do."""
        return file.head.startswith(b'MDF ')

    def parse(self, file: LogFile, tally: Tally) -> Iterator[Heard]:
        """Yield the frames until the reader fails."""
        # Only here: it takes a while to load.
        from can.io import mf4
        plain = str(file.source.plain())
        hook = sys.unraisablehook
        try:
            # What it could not open, asammdf cannot close either, and Python would tell of that.
            sys.unraisablehook = lambda _: None
            reader = mf4.MF4Reader(plain)
        except NotImplementedError:
            tally.end = 'MF4 needs asammdf: pip install asammdf'
            return
        except Exception as error:
            # A library of its own with errors of every sort: whatever it is, it is no MF4 to us.
            tally.end = f'damaged: {reason(error).replace(plain, str(file.path))}'
            return
        finally:
            gc.collect()
            sys.unraisablehook = hook
        messages = iter(reader)
        while True:
            try:
                message = next(messages, None)
            except Exception as error:
                # Damaged bytes raise nearly anything there; what it was is said, and all is over.
                tally.end = f'damaged at {_SOMEWHERE}, ends there: {reason(error)}'
                return
            if message is None:
                return
            if message.is_fd:
                tally.fd += 1
                continue
            try:
                entry = _heard(message)
            except (ValueError, OverflowError):
                tally.add_bad(_SOMEWHERE)
                continue
            yield entry


def _heard(message: 'can.Message') -> Heard:
    """
    Return the entry of a message of python-can.

    :raises ValueError: when there is no such frame on a classic bus
    """
    channel = message.channel
    name = channel_name(channel + 1) if isinstance(channel, int) else str(channel or '')
    return Heard(
        float_ns(message.timestamp),
        make_frame(
            message.arbitration_id, b'' if message.is_remote_frame else bytes(message.data),
            message.is_extended_id, message.is_remote_frame, message.is_error_frame),
        name, not message.is_rx)
