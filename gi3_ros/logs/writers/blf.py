# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Vector's binary format, with the writer of python-can."""

import pathlib

import can
from can.io.blf import BLFWriter

from ..entries import Heard
from .writer import ChannelNumbers, FileWriter, StartTime


class BlfWriter(FileWriter):
    """Vector's binary format, with times to the nanosecond."""

    def __init__(self, path: pathlib.Path | str) -> None:
        super().__init__(path)
        self._channels = ChannelNumbers()
        self._start = StartTime()
        self._writer = BLFWriter(open(path, 'xb'))  # noqa: SIM115 - it is closed by the writer
        # Otherwise it takes the first time for the start, as a float of seconds since the epoch.
        self._writer.start_timestamp = 0.0

    def _write(self, heard: Heard) -> None:
        frame = heard.frame
        # The writer cuts off what is less than a nanosecond.
        offset_s = (self._start.offset_ns(heard.time_ns) + 0.5) / 1e9
        self._writer.on_message_received(can.Message(
            timestamp=offset_s, arbitration_id=frame.can_id, data=frame.data,
            is_extended_id=frame.is_extended, is_remote_frame=frame.is_remote,
            is_error_frame=frame.is_error, is_rx=not heard.is_sent,
            channel=self._channels.number(heard.channel) - 1))

    def _close(self) -> None:
        start_s = self._start.start_ns / 1e9
        self._writer.start_timestamp = start_s
        self._writer.stop_timestamp = start_s + self._start.last_ns / 1e9
        try:
            self._writer.stop()
        finally:
            self._writer.file.close()
        self.problems += [*self._channels.problems(), *self._start.problems()]
