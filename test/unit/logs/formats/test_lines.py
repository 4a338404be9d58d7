# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Text logs as other people's tools and habits make them: what is read, skipped, lost and said."""

import pathlib

import pytest
from text_log_bench import (
    ASC_HEAD,
    audited,
    BEGIN_S,
    BREACH,
    breached,
    charge_s,
    CLEAN,
    FOUND,
    HALF_READ,
    holed,
    KINDS,
    SECOND_NS,
    text_log,
    times_s,
    TRC_HEAD,
    trc_line,
    whole,
)

from gi3_ros.core.interface.frame import Frame
from gi3_ros.logs.decoding import decoded_batches
from gi3_ros.logs.entries import Gap, Heard
from gi3_ros.logs.reading import open_log
from gi3_ros.logs.writing import open_writer

CASES = pathlib.Path(__file__).resolve().parents[5] / 'shared' / 'cases'


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
