# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the tests of text logs have in common: sessions as the lines of every format."""

import datetime
import functools
import json

from click.testing import CliRunner
from log_bench import edited, session, State, without

from gi3_ros.core.interface.signals import AdvanticsControllerStatus
from gi3_ros.logs.reading import open_log
from gi3_ros.tools.audit import audit

BEGIN_S = 1_764_500_000
SECOND_NS = 10**9
HALF_READ, FOUND, CLEAN = 2, 1, 0


@functools.cache
def whole():
    """Return a session without a breach; ``[(time in s, frame), ..]``."""
    return tuple(session('CCS'))


@functools.cache
def charge_s():
    """Return a time well within the charge."""
    return next(time_s for time_s, frame in whole() if frame.data[:1] == bytes([State.CHARGING])
                and frame.can_id & 0xFFFFFF == AdvanticsControllerStatus.BASE_ID) + 2.0


@functools.cache
def breached():
    """Return the same without the controller's heartbeat for a second: both ends break R1."""
    begin_s = charge_s()
    return tuple(edited(whole(), without(
        AdvanticsControllerStatus,
        when=lambda _state, time_s: begin_s <= time_s < begin_s + 1.0)))


@functools.cache
def holed(after_s=0.39):
    """Return the same without any frame for a while: nobody's breach, if the recorder says so."""
    begin_s = charge_s()
    return tuple(each for each in whole() if not begin_s <= each[0] < begin_s + after_s)


BREACH = [('controller', 'R1'), ('customer', 'R1')]


def candump_line(time_s, frame):
    return f'({BEGIN_S + time_s:.6f}) can0 {frame.can_id:08X}#{frame.data.hex().upper()}'


def screen_line(time_s, frame):
    data = ' '.join(f'{byte:02X}' for byte in frame.data)
    return f' ({BEGIN_S + time_s:.6f})  can0  {frame.can_id:08X}   [{len(frame.data)}]  {data}'


def asc_line(time_s, frame):
    return (f'{time_s:11.6f} 1  {frame.can_id:X}x       Rx   d {len(frame.data)} '
            f'{frame.data.hex(" ").upper()}')


def trc_line(time_s, frame):
    return (f'  1 {1000 * time_s:13.3f} DT 1  {frame.can_id:08X} Rx -  {len(frame.data)}    '
            f'{frame.data.hex(" ").upper()}')


def trc_11_line(time_s, frame):
    return (f'  1) {1000 * time_s:13.3f}  Rx  {frame.can_id:08X}  {len(frame.data)}  '
            f'{frame.data.hex(" ").upper()}')


ASC_HEAD = ('date Wed Nov 26 03:10:00.000 am 2025\nbase hex  timestamps absolute\n'
            'internal events logged\nBegin TriggerBlock Wed Nov 26 03:10:00.000 am 2025\n')
TRC_HEAD = ';$FILEVERSION=2.1\n;$STARTTIME=45987.4648963872\n;$COLUMNS=N,O,T,B,I,d,R,L,D\n'
TRC_11_HEAD = ';$FILEVERSION=1.1\n;$STARTTIME=45987.4648963872\n'
KINDS = {
    'candump': ('.log', '', candump_line), 'screen': ('.txt', '', screen_line),
    'asc': ('.asc', ASC_HEAD, asc_line), 'trc': ('.trc', TRC_HEAD, trc_line),
    'trc 1.1': ('.trc', TRC_11_HEAD, trc_11_line),
}


def text_log(tmp_path, suffix, text, encoding='utf-8'):
    path = tmp_path / f'given{suffix}'
    path.write_bytes(text.encode(encoding))
    return path


def audited(path, *options):
    """Return the findings as pairs, the problems, the breaks and the exit status of an audit."""
    result = CliRunner().invoke(audit, [str(path), '--json', *options])
    document = json.loads(result.stdout)
    found = sorted((each['who'], each['rule']) for each in document['findings'])
    return found, document['problems'], document['breaks'], result.exit_code


def times_s(path):
    return [each.time_ns / SECOND_NS for each in open_log(path)]


def local_ns(*when):
    return round(datetime.datetime(*when).timestamp()) * SECOND_NS
