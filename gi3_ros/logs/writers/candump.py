# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""``candump -L``: log files."""

from ..entries import Heard
from .writer import LineWriter

_ERROR_FLAG = 0x20000000


class CandumpWriter(LineWriter):
    """``candump -L``, with times to the microsecond."""

    def _write(self, heard: Heard) -> None:
        frame = heard.frame
        us = (heard.time_ns + 500) // 1000
        sign, us = ('-', -us) if us < 0 else ('', us)
        if frame.is_error:
            can_id = f'{frame.can_id & 0x1FFFFFFF | _ERROR_FLAG:08X}'
        else:
            can_id = f'{frame.can_id:0{8 if frame.is_extended else 3}X}'
        data = 'R' if frame.is_remote else frame.data.hex().upper()
        channel = '_'.join(heard.channel.split()) or 'can0'
        self._file.write(
            f'({sign}{us // 10**6}.{us % 10**6:06d}) {channel} {can_id}#{data} '
            f'{"T" if heard.is_sent else "R"}\n')
