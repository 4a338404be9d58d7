# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Text logs as other people's tools and habits make them: what is read, skipped, lost and said."""

import datetime
import functools
import itertools
import json
import pathlib
import time

from click.testing import CliRunner
from log_bench import edited, session, State, without
import pytest

from gi3_ros.core.interface.frame import Frame
from gi3_ros.core.interface.signals import AdvanticsControllerStatus
from gi3_ros.logs.decoding import decoded_batches
from gi3_ros.logs.entries import Gap, Heard, LogError
from gi3_ros.logs.formats.dates import date_ns
from gi3_ros.logs.reading import open_log
from gi3_ros.logs.writing import open_writer
from gi3_ros.tools.audit import audit

BEGIN_S = 1_764_500_000
SECOND_NS = 10**9
CASES = pathlib.Path(__file__).resolve().parents[4] / 'shared' / 'cases'
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


@pytest.fixture
def write(tmp_path):
    """Write the lines of a log; return its path."""
    def write(kind, log, between=None, every=3, head=None):
        suffix, usual_head, line = KINDS[kind]
        lines = []
        for number, (time_s, frame) in enumerate(log):
            lines.append(line(time_s, frame))
            if between and number % every == 0:
                lines.append(between.format(f'{time_s:.6f}', f'{1000 * time_s:.3f}'))
        path = tmp_path / f'given{suffix}'
        path.write_text((usual_head if head is None else head) + '\n'.join(lines) + '\n',
                        encoding='utf-8')
        return path
    return write


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


# Lines that are known and no frame: skipped, and the rules go on.

KNOWN = {
    'asc LIN': ('asc', '{0} L1    33        Rx     8 00 f0 f0 ff 00 00 00 00  checksum = 70'),
    'asc LIN of today': ('asc', '{0} Li 33 Tx 8 00 f0 f0 ff 00 00 00 00 checksum = 70'),
    'asc FlexRay': ('asc', '{0} Fr RMSG  0 0 1 1 5 0 Rx 0 0 5 8 8 00 00 00 00 00 00 00 00 0 0 0'),
    'asc Ethernet': ('asc', '{0} ETH   1 Rx 3c:000102030405060708090a0b0800'),
    'asc J1939': ('asc', '{0} 1  J1939TP FEE3p  6  0  0   -   Rx   d 23 A0 0F A6 60 3B'),
    'asc statistics': ('asc', '{0} 1  Statistic: D 1 R 0 XD 7 XR 0 E 0 O 0 B 3.02%'),
    'asc status': ('asc', '{0} CAN 1 Status:chip status error active - TxErr: 0 RxErr: 8'),
    'asc GPS': ('asc', '{0} GPS-Position: 1 La:48.8 Lo:9.1 Al:312'),
    'asc system variable': ('asc', '{0} SV: 2 0 1 ::Bay::State = Rx done'),
    'asc comment': ('asc', '{0} Comment: 0 plug pulled at 1 Rx d 8'),
    'asc trigger': ('asc', '{0} log trigger event'),
    'asc test step': ('asc', '{0} TFS: [1.2] Rx of status, passed'),
    'asc remark': ('asc', '// and now the Rx side'),
    'asc overload frame': ('asc', '{0} 1  OverloadFrame'),
    'candump -e': ('screen', '\tprotocol-violation{{{{bit-stuffing-error}}{{acknowledge-slot}}}}\n'
                   '\tbus-error\n\terror-counter-tx-rx{{{{8}}{{0}}}}'),
    'candump -e, controller': ('screen', '\tcontroller-problem{{tx-error-warning}}'),
    'candump -e, arbitration': ('screen', '        lost-arbitration{{at bit 12}}'),
    'candump comment': ('candump', '# relay closed by hand'),
    'candump remark': ('candump', '// door'),
    'candump semicolon': ('candump', '; door'),
    'candump empty': ('candump', '   '),
    'trc user event': ('trc', '  2 {1} EV 1  Plug in'),
    'trc one word': ('trc', '  2 {1} EV 1 !'),
    'trc status': ('trc', '  2 {1} ST 1 - Rx - 4  00 00 00 08'),
    'trc short status': ('trc', '  2 {1} ST 1  00 00 00 04'),
    'trc status in a word': ('trc', '  2 {1} ST 1 BUSHEAVY'),
    'trc error counters': ('trc', '  2 {1} EC 1 - Rx - 2  00 08'),
    'trc 1.1 warning': ('trc 1.1', '  2) {1}  Warng  FFFFFFFF  4  00 00 00 08  BUSHEAVY'),
    'trc comment': ('trc', ';   written by hand'),
}


@pytest.mark.parametrize('what', KNOWN)
def test_a_known_line_that_is_no_frame_hides_no_breach(write, what):
    kind, line = KNOWN[what]
    assert audited(write(kind, breached(), line)) == (BREACH, [], [], FOUND)
    assert audited(write(kind, whole(), line)) == ([], [], [], CLEAN)


@pytest.mark.parametrize('columns', ['N,O,T,B,I,d,R,L,N,O,T,B,I,d,R,L,D', 'N,N,O,T,B,I,d,R,L,D'])
def test_a_head_of_trc_that_names_a_column_twice_is_none(tmp_path, columns):
    log = TRC_HEAD + f';$COLUMNS={columns}\n' + ''.join(
        f'{trc_line(*each)}\n' for each in whole()[:50])
    opened = open_log(text_log(tmp_path, '.trc', log))
    assert len(list(opened)) == 50 and opened.problems == []


KAYAK = ('PLATFORM NO_PLATFORM\nDESCRIPTION "bay 2, #0106B000"\nDEVICE_ALIAS left can0\n')


@pytest.mark.parametrize('head', [
    KAYAK, '# recorded by night\n\n', 'Script started on 2025-11-30 10:53:20+00:00\n',
    "Disabled standard output while logging.\nEnabling Logfile 'a.log'\n"])
def test_what_stands_above_the_frames_of_candump_is_no_damage(write, head):
    path = write('candump', whole(), head=head)
    assert audited(path) == ([], [], [], CLEAN)


UNKNOWN = {
    'asc without its bytes': ('asc', '{0} 1  106B000x       Rx   d 8 07 00'),
    'asc with a broken identifier': ('asc', '{0} 1  1G6B000x       Rx   d 1 07'),
    'asc with a broken bus': ('asc', '{0} !  106B000x       Rx   d 1 07'),
    'asc with a broken CANFD': ('asc', '{0} C NFD 1 Rx 106B000x 0 0 1 1 07'),
    'candump without its head': ('candump', 'can0 0106B000#07'),
    'candump, only data': ('candump', '#0708'),
    'candump, half': ('candump', '(1764500000.0100'),
    'candump, odd digits': ('candump', '(1764500000.010000) can0 0106B000#0'),
    'screen with fewer bytes': ('screen', ' (1764500000.010000)  can0  0106B000   [3]  07 00'),
    'screen with more bytes': ('screen', ' (1764500000.010000)  can0  0106B000   [1]  07 00'),
    'screen without a length': ('screen', ' (1764500000.010000)  can0  0106B000  07'),
    'trc without its bytes': ('trc', '  2 {1} DT 1  0106B000 Rx -  8  07'),
    'trc without half of its columns': ('trc', '  2 {1} DT 1  0106B000'),
    'trc with an unknown type': ('trc', '  2 {1} XY 1  0106B000 Rx -  1  07'),
    'trc 1.1 without a length': ('trc 1.1', '  2) {1}  Rx  0106B000'),
}


@pytest.mark.parametrize('what', UNKNOWN)
def test_what_may_be_left_of_a_frame_is_counted_and_nobody_is_judged_across_it(write, what):
    kind, line = UNKNOWN[what]
    found, problems, breaks, status = audited(write(kind, breached(), line))
    assert (found, status) == ([], HALF_READ)
    assert 'lines are no frame and are left out' in problems[0] and len(problems) == 1
    assert 'could not be read' in breaks[0]['text']


def test_frames_with_the_name_of_the_message_in_place_of_the_identifier(tmp_path):
    """CANoe writes names when a database is there; the number stands at the end of the line."""
    tail = 'Length = 273910 BitCount = 141 ID = {}'
    for base, byte in (('hex', 'A0'), ('dec', '160')):
        found = list(open_log(text_log(tmp_path, '.asc', (
            f'base {base}  timestamps absolute\n'
            f'  0.1 1  Power_Modules_Status  Rx   d 2 0 {byte}  {tail.format("17182720x")}\n'
            f'  0.2 1  Old_Status  Tx   d 1 7  {tail.format("291")}\n'))))
        assert found == [
            Heard(SECOND_NS // 10, Frame(17182720, b'\x00\xA0'), 'can0'),
            Heard(SECOND_NS // 5, Frame(291, b'\x07', False), 'can0', True)]


def test_times_since_the_line_before_count_every_line(tmp_path):
    """Whatever is in it: of another bus, of nobody, or half a frame."""
    path = text_log(tmp_path, '.asc', (
        'base hex  timestamps relative\n'
        '  0.100000 1  106B000x       Rx   d 1 07\n'
        '  0.020000 L1    33          Rx     1 00\n'
        '  0.030000 CAN 1 Status:chip status error active\n'
        '  0.010000 1  106B000x       Rx   d 8 07\n'
        '  0.040000 1  106B000x       Rx   d 1 07\n'))
    assert times_s(path) == [0.1, 0.2]
    path = text_log(tmp_path, '.txt', ''.join(
        f' (000.{step:06d})  can0  0106B000   {data}\n' for step, data in (
            (0, '[1]  07'), (100_000, '[1]  07'), (30_000, '[12]  ' + '00 ' * 12), (20_000, '[1]'),
            (50_000, '[1]  07'), (60_000, '[1]  07'), (40_000, '[1]  07'))))
    log = open_log(path)
    assert [each.time_ns // 1000 for each in log] == [0, 100_000, 200_000, 260_000, 300_000]
    assert log.kind == 'candump -td'


# What the recorder lost, by its own word.

OVERFLOW = '20000004#0001000000000000'
MARKS = {
    'candump -d': ('candump', "DROPCOUNT: dropped 17 CAN frames on 'can0' socket (total drops 17)",
                   '17 frames or more'),
    'candump, one': ('candump', "DROPCOUNT: dropped 1 CAN frame on 'can0' socket (total drops 1)",
                     '1 frames or more'),
    'candump -D': ('candump', 'can0: interface down', 'one place'),
    'rx-overflow': ('candump', f'(1764500000.000001) can0 {OVERFLOW}', 'rx-overflow'),
    'rx-overflow and more': ('candump', '(1764500000.000001) can0 2000020C#00050008000060A0',
                             'rx-overflow'),
    'rx-overflow on the screen': (
        'screen', ' (1764500000.000001)  can0  20000004   [8]  00 01 00 00 00 00 00 00   '
        'ERRORFRAME\n\tcontroller-problem{rx-overflow}', 'rx-overflow'),
    'TRC 1.1': ('trc 1.1', '  2) {1}  Warng  FFFFFFFF  4  00 00 00 02  OVERRUN', 'one place'),
    'TRC 1.1, queue': ('trc 1.1', '  2) {1}  Warng  FFFFFFFF  4  00 00 00 40  QOVERRUN',
                       'one place'),
    'TRC 1.1, by its bits': ('trc 1.1', '  2) {1}  Warng  FFFFFFFF  4  00 00 00 4A', 'one place'),
    'TRC 2.1': ('trc', '  2 {1} ST 1 - Rx - 4  00 00 00 02', 'one place'),
    'TRC 2.1, queue': ('trc', '  2 {1} ST 1  00 00 00 44', 'one place'),
    'TRC 2.1, in a word': ('trc', '  2 {1} ST 1 QOVERRUN', 'one place'),
    'ASC': ('asc', '{0} CAN 1 Status:rx queue overrun', 'one place'),
    'ASC, without CAN': ('asc', '{0} 1  Status:rx queue overrun - TxErr: 0 RxErr: 0', 'one place'),
    'ASC, without a channel': ('asc', '{0} Status:rx queue overrun', 'one place'),
    'ASC, data lost': ('asc', '{0} DataLostBegin 1', 'one place'),
    'ASC, in words': ('asc', '{0} Data lost on channel 1', 'one place'),
}


@pytest.mark.parametrize('what', MARKS)
@pytest.mark.parametrize('where', ['before the hole', 'after it', 'behind the next frame'])
def test_nobody_is_blamed_for_what_the_recorder_lost(write, what, where):
    kind, mark, words = MARKS[what]
    path = write(kind, holed())
    # Both ends are silent: odd, and not yet a loss.
    assert audited(path) == ([], [], [], 0)
    times_s = [time_s for time_s, _ in holed()]
    after = next(number for number, time_s in enumerate(times_s) if time_s >= charge_s())
    number = after + (where == 'behind the next frame')
    time_s = times_s[after - 1] + 0.001 if where == 'before the hole' else times_s[after]
    mark = mark.replace('{0}', f'{time_s:.6f}').replace('{1}', f'{1000 * time_s:.3f}')
    mark = mark.replace('1764500000.000001', f'{BEGIN_S + time_s:.6f}')
    lines = path.read_text().splitlines()
    at = len(open_lines(kind)) + number
    path.write_text('\n'.join([*lines[:at], mark, *lines[at:]]) + '\n')
    found, problems, breaks, status = audited(path)
    assert (found, status) == ([], HALF_READ)
    assert len(problems) == 1 and 'the recorder lost frames in' in problems[0]
    assert words in problems[0]
    assert [each['text'] for each in breaks] == ['the recorder lost frames: the rules begin anew']


def test_losses_are_said_once_with_their_number(write):
    path = write('candump', whole(), "DROPCOUNT: dropped 2 CAN frames on 'can0' socket", every=100)
    _, problems, breaks, _ = audited(path)
    count = len(range(0, len(whole()), 100))
    assert problems == [
        f'the recorder lost frames in {count} places, the first at line 2, {2 * count} frames or '
        'more: the log says so']
    assert len(breaks) == count


def test_other_error_frames_are_no_loss(write):
    for words in ('20000004#0002000000000000', '20000004#000C000000000000',
                  '20000008#0001000000000000', '20000004#0001'):
        path = write('candump', breached(), f'(1764500000.000001) can0 {words}', every=50)
        _, problems, _, _ = audited(path)
        assert 'the recorder lost' not in ' '.join(problems)
    path = write('trc 1.1', breached(), '  2) {1}  Warng  FFFFFFFF  4  00 00 00 3D  BUSOFF')
    assert audited(path) == (BREACH, [], [], FOUND)
    path = write('asc', breached(), '{0} CAN 1 Status:tx queue overrun')
    assert audited(path) == (BREACH, [], [], FOUND)


@pytest.mark.parametrize('suffix', ['.blf', '.csv', '.parquet', '.mcap'])
def test_an_overflow_is_a_loss_in_every_format_that_keeps_error_frames(tmp_path, suffix):
    path = tmp_path / f'a{suffix}'
    overflow = Frame(4, bytes.fromhex('0001000000000000'), False, is_error=True)
    with open_writer(path) as writer:
        for number in range(5):
            frame = overflow if number == 3 else Frame(0x0106B000, b'\x07')
            writer.write(Heard((BEGIN_S + number) * SECOND_NS, frame, 'can0'))
    log = open_log(path)
    entries = [entry for batch in decoded_batches(log) for entry, _ in batch]
    assert len([each for each in entries if isinstance(each, Heard)]) == 5
    at = next(number for number, each in enumerate(entries)
              if isinstance(each, Heard) and each.frame.is_error)
    assert entries[at - 1] == Gap(entries[at].time_ns, 'the recorder lost frames')
    assert log.problems == [
        'the recorder lost frames in 1 place 3.000 s after the first frame: its error frames say '
        'so (rx-overflow)']
    assert log.is_damaged


@pytest.mark.parametrize('suffix', ['.asc', '.trc'])
def test_an_overflow_stays_a_loss_where_error_frames_are_kept_without_what_they_say(
        write, tmp_path, suffix):
    at = next(number for number, (time_s, _) in enumerate(holed()) if time_s >= charge_s())
    path = write('candump', holed())
    lines = path.read_text().splitlines()
    mark = f'({BEGIN_S + charge_s() + 0.38:.6f}) can0 {OVERFLOW}'
    path.write_text('\n'.join([*lines[:at], mark, *lines[at:]]) + '\n')
    target = tmp_path / f'b{suffix}'
    with open_writer(target) as writer:
        for entry in open_log(path):
            writer.write(entry)
    found, problems, breaks, status = audited(target)
    assert (found, status, len(breaks)) == ([], HALF_READ, 1)
    assert len(problems) == 1 and 'the recorder lost frames in one place' in problems[0]
    assert len(list(open_log(target))) == len(lines) + 1


# The last line.

def cut_by(path, count):
    data = path.read_bytes()
    path.write_bytes(data[:len(data) - count])
    return path


def trimmed(log):
    """Return a log that ends with a long Power_Modules_Status."""
    last = max(number for number, (_, frame) in enumerate(log) if len(frame.data) == 8)
    return log[:last + 1]


@pytest.mark.parametrize('count', range(1, 14))
@pytest.mark.parametrize('kind', KINDS)
def test_a_line_cut_by_power_loss_is_no_short_frame(write, kind, count):
    """Not even where the bytes left of it would do, or where only the end of the line is gone."""
    log = trimmed(whole())
    found, problems, _, status = audited(cut_by(write(kind, log), count))
    if count == 1 and kind not in ('candump',):
        # Its length and two digits for each byte tell that it is whole.
        assert (found, problems, status) == ([], [], CLEAN)
    else:
        assert (found, status) == ([], HALF_READ)
        assert problems == [
            f'the last line, {len(open_lines(kind)) + len(log)}, has no end and is left out: what '
            'wrote the log was cut off in it']


def open_lines(kind):
    return KINDS[kind][1].splitlines()


def test_a_whole_line_without_its_end_of_a_decimal_log_may_be_cut_in_its_last_number(tmp_path):
    line = '  0.1 1  17215488x  Rx  d 1 16'
    log = open_log(text_log(tmp_path, '.asc', f'base dec  timestamps absolute\n{line}\n{line}'))
    assert len(list(log)) == 1 and 'the last line, 3, has no end' in log.problems[0]


def test_a_last_line_that_is_no_frame_needs_no_end(tmp_path):
    log = open_log(text_log(tmp_path, '.asc', (
        ASC_HEAD + '  0.1 1  106B000x  Rx  d 1 07\nEnd TriggerBlock')))
    assert len(list(log)) == 1 and log.problems == []


# The screen of candump.

OPTIONS = {
    'bits (-i)': ' (1.500000)  can0  0106B003   [3]  00000001 11110000 00001111',
    'bits, text (-i -a)': " (1.500000)  can0  0106B003   [3]  00000001 11110000 00001111   '...'",
    'swapped (-S)': ' (1.500000)  can0  0106B003   [3]  0F`F0`01',
    'swapped, text (-S -a)': ' (1.500000)  can0  0106B003   [3]  0F`F0`01                   `...`',
    'swapped bits (-S -i)': ' (1.500000)  can0  0106B003   [3]  00001111`11110000`00000001',
    'code of the length (-8)': ' (1.500000)  can0  0106B003   {3}  01 F0 0F',
    'text that looks like data (-a)': " (1.500000)  can0  0106B003   [3]  01 F0 0F   '01 02'",
    'direction (-x)': ' (1.500000)  can0  RX - -  0106B003   [3]  01 F0 0F',
    'colour of the device (-c)':
        ' (1.500000)  \x1b[1m\x1b[34mcan0\x1b[0m  0106B003   [3]  01 F0 0F',
    'colour (-c -c)': ' (1.500000)  \x1b[34mcan0  0106B003   [3]  01 F0 0F\x1b[0m',
    'colour of the line (-c -c -c)': ' \x1b[31m(1.500000)  can0  0106B003   [3]  01 F0 0F\x1b[0m',
    'grep --color': '(1.500000) can0 \x1b[01;31m\x1b[K0106B003\x1b[m\x1b[K#01F00F',
}


@pytest.mark.parametrize('option', OPTIONS)
def test_options_of_the_screen_change_nothing_of_the_frames(tmp_path, option):
    log = open_log(text_log(tmp_path, '.txt', f'{OPTIONS[option]}\n' * 3))
    assert list(log) == [Heard(1_500_000_000, Frame(0x0106B003, b'\x01\xF0\x0F'), 'can0')] * 3
    assert log.problems == []


@pytest.mark.parametrize('line', [
    ' (1.500000)  can0  0106B003   [3]  00000001 11110000',
    ' (1.500000)  can0  0106B003   [2]  00000001 11110002',
    ' (1.500000)  can0  0106B003   [1]  00000001 11110000',
    ' (1.500000)  can0  0106B003   [3]  0F`F0',
    ' (1.500000)  can0  0106B003   [2]  0F`F0`01',
    ' (1.500000)  can0  0106B003   [4]  01 F0 0F',
    ' (1.500000)  can0  0106B003   {2}  01 F0 0F',
])
def test_the_byte_count_of_the_screen_has_to_agree(tmp_path, line):
    good = ' (1.500000)  can0  0106B000   [1]  07\n'
    log = open_log(text_log(tmp_path, '.txt', f'{good}{line}\n{good}'))
    assert len(list(log)) == 2 and '1 line is no frame' in log.problems[0]


@pytest.mark.parametrize('time', ['999999999999.000000', '-99999999999.000000'])
@pytest.mark.parametrize('place', [0, 1, 2])
def test_a_time_of_the_screen_that_cannot_be_is_one_line(tmp_path, time, place):
    lines = [f' (1.{number}00000)  can0  0106B000   [1]  07\n' for number in range(3)]
    lines.insert(place, f' ({time})  can0  0106B000   [1]  07\n')
    log = open_log(text_log(tmp_path, '.txt', ''.join(lines)))
    assert len(list(log)) == 3
    assert log.problems == [
        f'1 line is no frame and is left out, the first is line {place + 1}: '
        f"'({time}) can0 0106B000 [1] 07'"]


def test_the_code_of_a_length_beyond_eight_is_eight_bytes(tmp_path):
    line = ' (1.500000)  can0  0106B003   {C}  01 02 03 04 05 06 07 08\n'
    found = list(open_log(text_log(tmp_path, '.txt', line)))
    assert found[0].frame.data == bytes(range(1, 9))


def test_the_screen_without_times_says_so_in_colour_as_well(tmp_path):
    line = '  \x1b[34mcan0\x1b[0m  0106B000   [1]  07\n'
    with pytest.raises(LogError, match='its lines have no times: candump -L writes them'):
        open_log(text_log(tmp_path, '.log', line * 3))


def deltas(log, tick_s, idle):
    """Return lines of ``-td`` of an adapter whose clock ticks so often, after an idle bus."""
    log = [(number / 10, Frame(0x0106B000, b'\x01')) for number in range(idle)] + [
        (idle / 10 + time_s, frame) for time_s, frame in log]
    ticks = [round(time_s / tick_s) for time_s, _ in log]
    steps_s = [0.0, *((later - earlier) * tick_s for earlier, later in itertools.pairwise(ticks))]
    return ''.join(
        f' ({max(0.0, step_s):010.6f})  can0  {frame.can_id:08X}   [{len(frame.data)}]  '
        f'{frame.data.hex(" ").upper()}\n'
        for step_s, (_, frame) in zip(steps_s, log, strict=True))


@pytest.mark.parametrize('tick_s', [1e-6, 1e-3, 4e-3, 1e-2])
@pytest.mark.parametrize('idle', [0, 50, 250, 3000])
def test_differences_of_times_are_known_from_all_of_the_head(tmp_path, tick_s, idle):
    begin_s = next(time_s for time_s, _ in whole() if time_s >= 4.0)
    log = [(time_s - begin_s, frame) for time_s, frame in whole() if time_s >= begin_s]
    opened = open_log(text_log(tmp_path, '.txt', deltas(log, tick_s, idle)))
    entries = list(opened)
    assert opened.kind == 'candump -td'
    expected_s = idle / 10 + log[-1][0]
    assert entries[-1].time_ns / 1e9 == pytest.approx(expected_s, abs=2 * tick_s)


def test_differences_of_a_bus_that_is_idle_but_now_and_then(tmp_path):
    steps = [0, *([100_000] * 20 + [20_000]) * 10]
    opened = open_log(text_log(tmp_path, '.txt', ''.join(
        f' (000.{step:06d})  can0  0106B000   [1]  07\n' for step in steps)))
    assert [each.time_ns // 1000 for each in opened] == list(itertools.accumulate(steps))
    assert opened.kind == 'candump -td'


@pytest.mark.parametrize('tick_s', [1e-6, 1e-3, 1e-2])
@pytest.mark.parametrize('parts', [1, 3])
def test_times_since_the_start_are_no_differences(tmp_path, tick_s, parts):
    lines = [f' ({round(time_s / tick_s) * tick_s:010.6f})  can0  {frame.can_id:08X}   '
             f'[{len(frame.data)}]  {frame.data.hex(" ").upper()}\n' for time_s, frame in whole()]
    # Two sockets that are not quite in step.
    lines[10:12], lines[30:32] = lines[11:9:-1], lines[31:29:-1]
    opened = open_log(text_log(tmp_path, '.txt', ''.join(lines) * parts))
    assert len(list(opened)) == parts * len(lines)
    assert opened.kind == 'candump'


# Numbers, clocks and dates of ASC.

def fd_line(time_s, frame, flags, tail='0 0 0 0 0'):
    data = ' '.join(str(byte) for byte in frame.data)
    return (f'{time_s:11.6f} CANFD   1 Rx {frame.can_id}x   0 0 {len(frame.data)} '
            f'{len(frame.data):2d} {data}   102203  133 {flags:>8} {tail}')


@pytest.mark.parametrize('flags', ['200000', '2097152'], ids=['hexadecimal', 'decimal'])
def test_numbers_of_canfd_lines_have_the_base_of_the_head(tmp_path, flags):
    head = ASC_HEAD.replace('base hex', 'base dec')
    path = text_log(tmp_path, '.asc', head + ''.join(
        f'{fd_line(time_s, frame, flags)}\n' for time_s, frame in whole()))
    assert audited(path) == ([], [], [], CLEAN)
    assert [each.frame for each in open_log(path)] == [frame for _, frame in whole()]


@pytest.mark.parametrize('flags', ['303000', '3158016', '201000', '2101248'])
def test_frames_of_can_fd_in_a_decimal_log_are_left_out(tmp_path, flags):
    head = ASC_HEAD.replace('base hex', 'base dec')
    log = open_log(text_log(tmp_path, '.asc', (
        f'{head}{fd_line(0.1, Frame(1, bytes(8)), flags)}\n  0.2 1  1x  Rx  d 1 16\n')))
    assert [each.frame for each in log] == [Frame(1, b'\x10')]
    assert '1 frame of CAN FD left out' in log.problems[0]


def local_ns(*when):
    return round(datetime.datetime(*when).timestamp()) * SECOND_NS


AFTERNOON = (2025, 3, 26, 15, 10)
DATES = [
    ('Wed Mar 26 03:10:00.000 pm 2025', AFTERNOON),
    ('Mit Mär 26 15:10:00.000 2025', AFTERNOON),
    ('Mi. März 26 15:10:00.000 2025', AFTERNOON),
    ('mer. mars 26 15:10:00.000 2025', AFTERNOON),
    ('mié. mar. 26 15:10:00.000 2025', AFTERNOON),
    ('mié mar 26 03:10:00.000 p. m. 2025', AFTERNOON),
    ('mer mar 26 15:10:00.000 2025', AFTERNOON),
    ('qua mar 26 15:10:00.000 2025', AFTERNOON),
    ('wo mrt 26 15:10:00.000 2025', AFTERNOON),
    ('ons mars 26 15:10:00.000 2025', AFTERNOON),
    ('śr. mar 26 15:10:00.000 2025', AFTERNOON),
    ('st bře 26 15:10:00.000 2025', AFTERNOON),
    ('st III 26 15:10:00.000 2025', AFTERNOON),
    ('周三 三月 26 03:10:00.000 下午 2025', AFTERNOON),
    ('星期三 3月 26 15:10:00.000 2025', AFTERNOON),
    ('水 3 26 15:10:00.000 2025', AFTERNOON),
    ('水 3月 26 03:10:00.000 午後 2025', AFTERNOON),
    ('2025年3月26日 午後 03:10:00', AFTERNOON),
    ('2025/3/26 下午 03:10:00', AFTERNOON),
    ('2025-03-26 15:10:00.000', AFTERNOON),
    ('2025-03-26T15:10:00', AFTERNOON),
    ('26.03.2025 15:10:00.000', AFTERNOON),
    ('26.03.2025 15.10.00', AFTERNOON),
    ('26/03/2025 15:10:00', AFTERNOON),
    ('26/03/2025 03:10:00 p.m.', AFTERNOON),
    ('3/26/2025 3:10:00 PM', AFTERNOON),
    ('26-03-2025 15:10:00', AFTERNOON),
    ('miércoles, 26 de marzo de 2025 15:10:00', AFTERNOON),
    ('mar. mars 4 08:00:00 2025', (2025, 3, 4, 8)),
    ('mar mar 4 08:00:00 2025', (2025, 3, 4, 8)),
    ('Sat Mar 1 12:00:00 am 2025', (2025, 3, 1)),
    ('Sat Mar 1 12:00:00 pm 2025', (2025, 3, 1, 12)),
    ('04.03.2025 08:00:00', (2025, 3, 4, 8)),
    ('03.03.2025 08:00:00', (2025, 3, 3, 8)),
    ('Mon Feb 29 00:00:00 2016', (2016, 2, 29)),
    ('mer. déc. 24 15:10:00.000 2025', (2025, 12, 24, 15, 10)),
    ('lun. juin 2 15:10:00 2025', (2025, 6, 2, 15, 10)),
    ('mar. juil. 1 15:10:00 2025', (2025, 7, 1, 15, 10)),
    ('ven. août 1 15:10:00 2025', (2025, 8, 1, 15, 10)),
    ('sáb ago 2 15:10:00 2025', (2025, 8, 2, 15, 10)),
    ('vie. ene. 3 15:10:00 2025', (2025, 1, 3, 15, 10)),
    ('gio mag 1 15:10:00 2025', (2025, 5, 1, 15, 10)),
    ('gio giu 5 15:10:00 2025', (2025, 6, 5, 15, 10)),
    ('mar lug 1 15.10.00 2025', (2025, 7, 1, 15, 10)),
    ('qua out 1 15:10:00 2025', (2025, 10, 1, 15, 10)),
    ('qui mai 1 15:10:00 2025', (2025, 5, 1, 15, 10)),
    ('do mei 1 15:10:00 2025', (2025, 5, 1, 15, 10)),
    ('tors maj 1 15:10:00 2025', (2025, 5, 1, 15, 10)),
    ('śr. paź 1 15:10:00 2025', (2025, 10, 1, 15, 10)),
    ('sob. lis 1 15:10:00 2025', (2025, 11, 1, 15, 10)),
    ('pon wrz 1 15:10:00 2025', (2025, 9, 1, 15, 10)),
    ('po čvn 2 15:10:00 2025', (2025, 6, 2, 15, 10)),
    ('út čvc 1 15:10:00 2025', (2025, 7, 1, 15, 10)),
    ('ne června 1 15:10:00 2025', (2025, 6, 1, 15, 10)),
    ('út července 1 15:10:00 2025', (2025, 7, 1, 15, 10)),
    ('st říj 1 15:10:00 2025', (2025, 10, 1, 15, 10)),
    ('po XII 1 15:10:00 2025', (2025, 12, 1, 15, 10)),
    ('周四 十二月 25 15:10:00 2025', (2025, 12, 25, 15, 10)),
    ('ke maalis 26 15.10.00 2025', AFTERNOON),
    ('ke marras 26 15:10:00.000 2025', (2025, 11, 26, 15, 10)),
    ('keskiviikko 26. marraskuuta 2025 15:10:00', (2025, 11, 26, 15, 10)),
    ('ti heinä 1 15:10:00 2025', (2025, 7, 1, 15, 10)),
]


@pytest.mark.parametrize(('text', 'when'), DATES)
def test_dates_of_many_languages_and_orders(text, when):
    assert date_ns(text) == local_ns(*when)
    assert date_ns(f'  {text}  ') == local_ns(*when)


@pytest.mark.parametrize('text', [
    'sri lis 22 15:10:00 2025', 'sub lip 21 15:10:00 2025', 'čet srp 3 15:10:00 2025',
    'pon lis 20 15:10:00 2025', 'srijeda, 22. listopada 2025 15:10:00'])
def test_the_month_of_a_language_that_means_another_one_in_a_known_one_is_no_date(text):
    # October, June and July in Croatian; November, July and August in Polish or Czech.
    assert date_ns(text) is None


def test_dates_with_their_offset_from_utc():
    noon_ns = round(datetime.datetime(
        2025, 3, 26, 12, tzinfo=datetime.timezone.utc).timestamp()) * SECOND_NS
    for text in ('2025-03-26T12:00:00Z', '2025-03-26 13:00:00+01:00', '2025-03-26T07:00:00-0500'):
        assert date_ns(text) == noon_ns
    assert date_ns('2025-03-26T12:00:00.123456789Z') == noon_ns + 123456789


STRANGE = [
    'Çar Mar 26 15:10:00 2025 Mittag', 'Wed Foo 26 15:10:00 2025', '03/04/2025 15:10:00',
    '03-04-2025 03:10:00 pm', 'Wed Mar 32 15:10:00 2025', 'Wed Mar 26 25:10:00 2025',
    'Wed Mar 26 2025', '15:10:00', 'yesterday', 'Mar 26 15:10:00', '2025-13-26 15:10:00',
    '2025-03-26 \N{GREEK SMALL LETTER MU}\N{GREEK SMALL LETTER MU} 03:10:00']


@pytest.mark.parametrize('text', STRANGE)
def test_a_date_that_is_not_understood_is_said_once_and_no_frame_is_lost(tmp_path, text):
    assert date_ns(text) is None
    path = text_log(tmp_path, '.asc', (
        f'date {text}\nbase hex  timestamps absolute\nBegin TriggerBlock {text}\n'
        '  0.1 1  106B000x  Rx  d 1 07\nEnd TriggerBlock\n'
        f'Begin TriggerBlock {text}\n  0.2 1  106B000x  Rx  d 1 07\n'))
    log = open_log(path)
    assert [each.time_ns for each in log] == [SECOND_NS // 10, SECOND_NS // 5]
    assert len(log.problems) == 1 and 'is not understood' in log.problems[0]
    assert not log.has_dates and not log.is_damaged
    assert log.problems[0].isascii()


@pytest.mark.parametrize(('encoding', 'dates'), [
    ('cp1252', ['Mit Mär 26 15:10:00 2025', 'mié. mar. 26 15:10:00 2025',
                'mer. mars 26 15:10:00 2025']),
    ('cp1250', ['st bře 26 15:10:00 2025', 'śr. mar 26 15:10:00 2025']),
    ('gb18030', ['周三 三月 26 03:10:00 下午 2025', '2025/3/26 下午 03:10:00',
                 '星期三 3月 26 15:10:00 2025']),
    ('cp932', ['水 3月 26 03:10:00 午後 2025', '水 3 26 15:10:00 2025',
               '2025/03/26 午後 03:10:00']),
    ('utf-16', ['Mit Mär 26 15:10:00 2025', '水 3月 26 15:10:00 2025', 'st bře 26 15:10:00 2025']),
    ('utf-8', ['Mit Mär 26 15:10:00 2025', '周三 三月 26 03:10:00 下午 2025']),
    ('utf-8-sig', ['st bře 26 15:10:00 2025']),
])
def test_dates_in_code_pages(tmp_path, encoding, dates):
    for date in dates:
        path = text_log(tmp_path, '.asc', (
            f'date {date}\nbase hex  timestamps absolute\ninternal events logged\n'
            f'Begin TriggerBlock {date}\n  0.1 1  106B000x  Rx  d 1 07\n'), encoding)
        log = open_log(path)
        assert [each.time_ns for each in log] == [local_ns(*AFTERNOON) + SECOND_NS // 10], date
        assert log.problems == []


BUSMASTER = ('date Mon Dec 6 11:21:13 am 2021\nbase hex  no internal events logged\n'
             '// version 7.1.0\n')


@pytest.mark.parametrize('waited_s', [0, 5, 599])
def test_busmaster_counts_from_midnight(tmp_path, waited_s):
    first_s = 11 * 3600 + 21 * 60 + 13 + waited_s
    path = text_log(tmp_path, '.asc', BUSMASTER + ''.join(
        f'{first_s + number}.250000 1 106B000x Rx d 1 07\n' for number in range(3)))
    start_s = local_ns(2021, 12, 6, 11, 21, 13) / 1e9
    assert times_s(path) == [start_s + waited_s + number + 0.25 for number in range(3)]


@pytest.mark.skipif(not hasattr(time, 'tzset'), reason='the zone cannot be changed')
def test_busmaster_in_another_zone(tmp_path, monkeypatch):
    path = text_log(tmp_path, '.asc', f'{BUSMASTER}40873.5 1 106B000x Rx d 1 07\n')
    with monkeypatch.context() as context:
        context.setenv('TZ', 'Asia/Tokyo')
        time.tzset()
        found = times_s(path)
    time.tzset()
    when = datetime.datetime(2021, 12, 6, 2, 21, 13, 500_000, tzinfo=datetime.timezone.utc)
    assert found == [when.timestamp()]


@pytest.mark.parametrize(('head', 'first_s'), [
    (BUSMASTER, 0.25), (BUSMASTER, 40_860), (BUSMASTER, 42_000),
    (f'{BUSMASTER}Begin TriggerBlock Mon Dec 6 11:21:13 am 2021\n', 40_873.25),
    (f'{BUSMASTER}Begin TriggerBlock\n', 40_873.25)])
def test_other_logs_count_from_their_start(tmp_path, head, first_s):
    """From a trigger long after the start as well: CANoe writes blocks, BusMaster does not."""
    path = text_log(tmp_path, '.asc', f'{head}{first_s:.6f} 1 106B000x Rx d 1 07\n')
    assert times_s(path) == [local_ns(2021, 12, 6, 11, 21, 13) / 1e9 + first_s]


# Logs of other tools, where a folder of them lies beside the project.

EXAMPLES = {
    'candump_cut_in_last_line.log': ([], HALF_READ), 'base_dec_canfd_lines.asc': ([], CLEAN),
    'lin_old.asc': (BREACH, FOUND), 'j1939tp.asc': (BREACH, FOUND),
    'noisy_breach_with_e.txt': (BREACH, FOUND), '21_ev_short.trc': ([], CLEAN),
    'kayak.log': ([], CLEAN), 'rx_overflow.log': ([], HALF_READ),
    'overrun_11.trc': ([], HALF_READ), 'de_maerz.cp1252.asc': ([], CLEAN),
    'fr_dec.utf-8.asc': ([], CLEAN), 'iso.utf-8.asc': ([], CLEAN),
    'candump_td_coarse_clock.txt': ([], CLEAN), 'colour_cc.txt': ([], CLEAN),
    'busmaster.asc': ([], CLEAN),
}


@pytest.mark.skipif(not CASES.is_dir(), reason='no logs of other tools beside the project')
@pytest.mark.parametrize('name', EXAMPLES)
def test_examples_beside_the_project(name):
    found, _, _, status = audited(CASES / name)
    assert (found, status) == EXAMPLES[name]
    if name.endswith('.asc') and 'base' not in name:
        assert open_log(CASES / name).has_dates
