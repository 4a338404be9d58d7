# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Every breach that a log can show, in a log of its own: the audit names exactly that."""

import contextlib
import json
import os
import pathlib
import re
import sqlite3
import subprocess
import sys
import tracemalloc

from can.io.blf import BLFWriter
from charger_breaches import BREACHES, run
from click.testing import CliRunner
from log_bench import session, SESSIONS
from log_breaches import log_of, LOGS
import pytest

from gi3_ros.core.interface import codec
from gi3_ros.core.interface.frame import Frame
from gi3_ros.core.interface.signals import AdvanticsControllerStatus, PowerModulesStatus
from gi3_ros.core.rules.registry import clauses
from gi3_ros.logs.audit import Audit
from gi3_ros.logs.entries import Heard
from gi3_ros.logs.writing import open_writer
from gi3_ros.tools.audit import audit
from gi3_ros.tools.report import report

STRICT = (
    '--tolerance', 'follow_s=3', '--tolerance', 'short_s=0', '--tolerance', 'first_status_s=2')
"""As where the breaches come from: short sessions do."""
State = AdvanticsControllerStatus.State
BEGIN_S = 1_790_000_000.0


@pytest.fixture
def write(tmp_path):
    """Write a log as candump does; return its path."""
    def write(log, name='candump.log'):
        path = tmp_path / name
        path.write_text(''.join(
            f'({BEGIN_S + time_s:.6f}) can0 {frame.can_id:08X}#{frame.data.hex().upper()}\n'
            for time_s, frame in log))
        return path
    return write


def call(*arguments, **options):
    return CliRunner().invoke(audit, [str(each) for each in arguments], **options)


def findings_in(path, *arguments):
    result = call(path, '--json', *arguments)
    document = json.loads(result.output)
    assert result.exit_code == (1 if document['findings'] else 0), result.output
    return document['findings']


def broken(findings):
    """Return which end broke which rule; a breach is named once while it lasts."""
    pairs = [(each['who'], each['rule']) for each in findings]
    assert len(pairs) == len(set(pairs)), findings
    return set(pairs)


@pytest.mark.parametrize('name', SESSIONS)
def test_nothing_is_found_in_a_good_session(write, name):
    """A controller that restarts is silent meanwhile: that is a breach of R1, whatever for."""
    expected = {('controller', 'R1')} if name == 'restart' else set()
    assert broken(findings_in(write(session(name)))) == expected


@pytest.mark.parametrize(('expected', 'name', 'make_edit'), LOGS)
def test_a_log_with_one_breach_gives_that_finding(write, expected, name, make_edit):
    assert broken(findings_in(write(log_of(name, make_edit)))) == expected


@pytest.mark.parametrize(('rule', 'charger_class', 'circumstances'), BREACHES)
def test_a_charger_that_breaks_one_rule_is_found_in_its_log(
        write, rule, charger_class, circumstances):
    frames = []
    run(charger_class, on_frame=lambda frame, time_s: frames.append((time_s, frame)),
        **circumstances)
    # The charger keeps its power because the controller has fallen silent.
    provoked = {('controller', 'R1')} if rule == 'R1' else set()
    assert broken(findings_in(write(frames), *STRICT)) == {('customer', rule)} | provoked


def test_every_rule_that_is_checked_has_a_log_that_breaks_it():
    covered = {pair for param in LOGS for pair in param.values[0]}
    covered |= {('customer', param.values[0]) for param in BREACHES}
    assert {(clause.who, clause.number) for clause in clauses()} == covered


def test_each_finding_says_when_which_pistol_and_with_which_values(write):
    param = next(each for each in LOGS if each.id == 'R16 not lowered')
    finding, = findings_in(write(log_of(*param.values[1:])))
    assert finding['pistol'] == 1
    assert finding['time_s'] == pytest.approx(9.13, abs=0.02)
    assert finding['values'] == {'present_voltage_v': 60.0}
    assert '60.0 V' in finding['text']
    assert re.fullmatch(r'2026-09-\d\d \d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d', finding['time'])


def test_lines_are_for_people(write):
    param = next(each for each in LOGS if each.id == 'R53 AC')
    result = call(write(log_of(*param.values[1:])))
    line, summary = result.stdout.splitlines()
    assert re.search(r'5\.\d+ s  pistol 1  R53  controller  CCS_AC announced', line)
    assert summary.startswith('1 finding: 1 by the controller in ')


@pytest.fixture
def slow(write):
    """Return the path of a good session in which lowering takes longer than it may here."""
    return write(session('CCS')), '--tolerance', 'lowering_s=0.3', '--tolerance', (
        'lowering_v_per_s=1e9')


def test_an_observation_is_told_and_is_no_finding(slow):
    """R15: no page says how fast it has to be."""
    result = call(*slow)
    assert result.exit_code == 0
    line, summary = result.stdout.splitlines()
    assert re.search(r'pistol 1  R15  customer    observation: .* still on its way', line)
    assert summary.startswith('no findings, 1 observation in ')


def test_an_observation_stands_apart_in_json(slow):
    document = json.loads(call(*slow, '--json').output)
    assert document['findings'] == []
    observation, = document['observations']
    assert (observation['rule'], observation['who']) == ('R15', 'customer')
    assert observation['values']['present_voltage_v'] > 20.0


def test_stamps_that_were_put_right_are_said(write):
    log = [(time_s + 5.0 * (number == 300), frame)
           for number, (time_s, frame) in enumerate(session('CCS'))]
    result = call(write(log))
    assert result.exit_code == 0
    assert '1 frame has a stamp up to 5.' in result.stderr
    note, = json.loads(CliRunner().invoke(audit, [str(write(log)), '--json']).stdout)['notes']
    assert note['time_s'] == pytest.approx(log[299][0] - log[0][0], abs=0.01)
    assert 'their place in the file counts' in note['text']


def test_what_is_held_back_is_told_where_the_log_ends(write):
    """The last frame has another reading, and a current that was not asked for."""
    log = [each for each in session('long') if each[0] < 40.0]
    wrong = codec.encode(PowerModulesStatus(372.0, -50.0, system_enable=1), index=1)
    finding, = findings_in(write([*log, (log[-1][0] + 0.001, wrong)]))
    assert (finding['rule'], finding['who']) == ('R24', 'customer')


def test_two_senders_are_a_finding_of_a_log(write):
    second = codec.encode(PowerModulesStatus(system_enable=0), index=1)
    log = sorted([*session('CCS'), *((10.03 + step / 10, second) for step in range(100))],
                 key=lambda each: each[0])
    finding, = findings_in(write(log))
    assert (finding['rule'], finding['who']) == ('1.4', 'customer')


def test_pistols_are_judged_apart(write):
    """The second pistol breaks what the first keeps, on the same bus."""
    param = next(each for each in LOGS if each.id == 'R53 AC')
    both = sorted(
        [*session('CCS'), *(
            (time_s, Frame(frame.can_id & 0xFFFFFF | 3 << 24, frame.data))
            for time_s, frame in log_of(*param.values[1:]))],
        key=lambda each: each[0])
    finding, = findings_in(write(both))
    assert (finding['pistol'], finding['rule']) == (3, 'R53')


def test_a_rule_broken_often_is_shown_some_times_unless_all_is_wanted(write):
    status = PowerModulesStatus(system_enable=1)
    frames = []
    for step in range(400):
        frames.append((step * 0.1, codec.encode(AdvanticsControllerStatus(1), index=1)))
        if step % 4 < 2:
            frames.append((step * 0.1 + 0.01, codec.encode(status, index=1)))
        # Every other status too short, with good ones in between: found again each time.
        if step % 4 == 3:
            frames.append((step * 0.1 + 0.01, Frame(0x01063000, b'\0' * 6)))
    path = write(frames)
    lines = call(path).stdout.splitlines()
    assert len(lines) == 22
    assert lines[-2].startswith('80 more of 1.4 by the customer of pistol 1')
    assert len(call(path, '--all').stdout.splitlines()) == 101
    assert len(findings_in_all(path)) == 100


def findings_in_all(path):
    return json.loads(call(path, '--json').output)['findings']


@pytest.mark.parametrize(('text', 'words'), [
    ('', 'empty'),
    ('(1790000000.000000) can0 123#00\n', 'no frame of the interface among 1'),
])
def test_nothing_to_judge_is_no_clean_bill(tmp_path, text, words):
    path = tmp_path / 'candump.log'
    path.write_text(text)
    result = call(path)
    assert result.exit_code == 2
    assert words in result.output


def test_a_missing_file_is_one_sentence(tmp_path):
    result = call(tmp_path / 'none.log')
    assert result.exit_code == 2
    assert result.output.startswith('gi3 audit: ')
    assert len(result.output.splitlines()) == 1


def test_damage_is_said_and_is_no_clean_bill(write):
    path = write(session('CCS'))
    text = path.read_text().splitlines()
    text[100] = 'what is this'
    path.write_text('\n'.join(text))
    result = call(path)
    assert result.exit_code == 2
    assert '101' in result.output


def test_frames_of_another_kind_of_bus_are_no_damage(write):
    """CAN FD beside it: said, and left out."""
    path = write(session('CCS'))
    lines = path.read_text().splitlines(keepends=True)
    stamp = lines[100].split()[0]
    path.write_text(''.join([*lines[:100], f'{stamp} can0 123##1AABB\n', *lines[100:]]))
    result = call(path)
    assert '1 frame of CAN FD left out' in result.output
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize('name', ['night.log', 'night.csv', 'night.db3', 'night.blf'])
@pytest.mark.parametrize('cut', [1, 40])
def test_nobody_is_accused_of_what_could_not_be_read(tmp_path, name, cut):
    """Frames that are lost with the file were on the bus all the same."""
    path = tmp_path / name
    log = session('CCS')
    begin = next(number for number, (_, frame) in enumerate(log)
                 if codec.decode(frame).message == AdvanticsControllerStatus(State.CHARGING)) + 20
    entries = [Heard(round((BEGIN_S + time_s) * 1e9), frame, 'can0') for time_s, frame in log]
    with pytest.MonkeyPatch.context() as context:
        context.setattr(BLFWriter, 'max_container_size', 1 << 11)
        with open_writer(path) as writer:
            for entry in entries:
                writer.write(entry)
    if path.suffix == '.db3':
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            rows = [row for row, in connection.execute(
                "SELECT messages.rowid FROM messages JOIN topics ON topics.id = topic_id "
                "WHERE topics.name = '/can/frames' ORDER BY timestamp")]
            connection.execute('DELETE FROM messages WHERE rowid BETWEEN ? AND ?',
                               (rows[begin], rows[begin + cut]))
    elif path.suffix == '.blf':
        data = bytearray(path.read_bytes())
        data[len(data) // 2:len(data) // 2 + cut] = bytes(cut)
        path.write_bytes(data)
    else:
        lines = path.read_text().splitlines()
        lines[begin:begin + cut] = ['DROPCOUNT: dropped frames']
        path.write_text('\n'.join(lines))
    result = call(path)
    assert result.exit_code == 2, result.output
    assert 'no findings' in result.output
    assert 'the rules begin anew' in result.output


def test_two_sessions_at_once_are_not_judged_as_one(tmp_path):
    path = tmp_path / 'cell.log'
    with open_writer(path) as writer:
        for entry in sorted(
                (Heard(round((BEGIN_S + time_s + late_s) * 1e9), frame, channel)
                 for time_s, frame in session('CCS')
                 for late_s, channel in ((0.0, 'can0'), (3.0, 'can1'))),
                key=lambda entry: entry.time_ns):
            writer.write(entry)
    result = call(path)
    assert result.exit_code == 2
    assert 'pistol 1 is on two buses, can0 and can1: choose one with --channel' in result.output
    for channel in ('can0', 'can1'):
        assert call(path, '--channel', channel).exit_code == 0


def test_names_of_pistols_are_for_bags(write):
    result = call(write(session('CCS')), '--pistol', 'cell=2')
    assert result.exit_code == 2
    assert 'is no bag' in result.output


@pytest.mark.skipif(not pathlib.Path('/dev/full').exists(), reason='no device that is full here')
@pytest.mark.parametrize('arguments', [
    ['--help'], ['audit', '{log}'], ['audit', '--json', '{log}']])
def test_output_that_cannot_be_written_is_a_sentence(write, arguments):
    path = write(session('CCS'))
    with open('/dev/full', 'w') as full:
        done = subprocess.run(
            [sys.executable, '-c', 'from gi3_ros.tools.main import main; main()',
             *(each.format(log=path) for each in arguments)],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.strip() == 'gi3: the output cannot be written: No space left on device'


@pytest.mark.parametrize('options, ending', [
    (['--utc'], '+00:00'), (['--tz', 'UTC'], '+00:00'), (['--tz', '+05:30'], '+05:30'),
    (['--tz', 'Asia/Tokyo'], '+09:00')])
def test_times_are_told_in_the_zone_that_was_asked_for(write, options, ending):
    param = next(each for each in LOGS if each.id == 'R53 AC')
    path = write(log_of(*param.values[1:]))
    first = findings_in(path, *options)[0]
    assert first['time'].endswith(ending)
    assert f'{first["time"]}  ' in call(path, *options).output
    refused = call(path, '--utc', '--tz', 'UTC')
    assert refused.exit_code == 2
    assert '--tz and --utc' in refused.output
    assert call(path, '--tz', 'Mars/Olympus').exit_code == 2


def test_a_clock_that_is_set_back_gives_no_negative_length(write):
    log = session('CCS')
    half = len(log) // 2
    path = write([*log[:half], *((time_s - 3600.0, frame) for time_s, frame in log[half:])])
    document = json.loads(call(path, '--json').output)
    assert document['seconds'] == pytest.approx(log[-1][0] - log[0][0], abs=0.3)


def test_a_pipe_is_no_log(tmp_path):
    os.mkfifo(tmp_path / 'pipe')
    result = call(tmp_path / 'pipe')
    assert result.exit_code == 2
    assert 'save what comes out of a pipe' in result.output


def test_standard_input_is_a_log(write):
    content = write(session('CCS')).read_bytes()
    assert call('-', input=content).exit_code == 0
    empty = call('-', input=b'')
    assert empty.exit_code == 2
    assert 'standard input' in empty.output


def test_what_is_said_of_standard_input_names_it(write):
    content = write(session('CCS')).read_bytes()
    damaged = call('-', input=content + b'torn\n')
    assert 'gi3 audit: standard input: 1 line is no frame' in damaged.output
    foreign = call('-', input=b'(1790000000.000000) can0 123#00\n')
    assert 'gi3 audit: standard input: no frame of the interface among 1' in foreign.output
    with CliRunner().isolated_filesystem():
        reported = CliRunner().invoke(report, ['-'], input=content + b'torn\n')
    assert 'gi3 report: standard input: 1 line is no frame' in reported.output


def take(judge, log, begin_s=0.0):
    verdicts = []
    for time_s, frame in log:
        verdicts += judge.take(round((begin_s + time_s) * 1e9), codec.decode(frame))
    return verdicts


@pytest.mark.parametrize('distance_s', [0.6, 3600.0, -3600.0])
def test_an_interrupted_log_makes_a_new_beginning(distance_s):
    """Neither end is to blame for what was not recorded, even in mid-session."""
    half = session('CCS')[:600]
    judge = Audit()
    assert take(judge, half) == []
    assert take(judge, session('CCS'), begin_s=half[-1][0] + distance_s) == []
    (time_s, words), = judge.breaks
    assert time_s == pytest.approx(half[-1][0] + distance_s)
    assert 'anew' in words


def judged(judge, log):
    """Return who broke what, and what was observed besides."""
    verdicts = take(judge, log)
    return (
        {(each.finding.who, each.finding.rule) for each in verdicts
         if not each.finding.is_observation},
        [each.finding for each in verdicts if each.finding.is_observation])


@pytest.mark.parametrize('hole_s', [0.13, 0.17, 0.2, 0.3, 0.45, 0.55, 0.9, 3.0])
def test_nobody_hears_what_falls_into_a_hole(hole_s):
    """In mid-charge, whichever frame is the first after it."""
    log = [each for each in session('long') if each[0] < 60.0]
    begin = next(n for n, (time_s, _) in enumerate(log) if time_s > 40.0)
    for first in range(begin, begin + 10):
        from_s = log[first][0]
        judge = Audit()
        found, observed = judged(judge, [
            each for each in log if not from_s < each[0] < from_s + hole_s])
        assert found == set()
        # Said once: where the log was interrupted, or as an observation about that pistol.
        assert len(judge.breaks) + len(observed) == 1 or hole_s <= 0.2
        assert all(each.who == 'nobody' for each in observed)
        assert len(judge.breaks) == (hole_s > 0.5)


@pytest.mark.parametrize('step_s', [0.1, 0.13, 0.2, 0.3, 0.45, 3.0, 60.0])
def test_a_clock_that_is_set_accuses_nobody(step_s):
    """In mid-charge: nothing is missing, and all that comes is later."""
    log = [each for each in session('long') if each[0] < 60.0]
    begin = next(n for n, (time_s, _) in enumerate(log) if time_s > 40.0)
    for first in range(begin, begin + 10):
        judge = Audit()
        found, observed = judged(judge, [
            (time_s + step_s * (number > first), frame)
            for number, (time_s, frame) in enumerate(log)])
        assert found == set()
        assert len(judge.breaks) + len(observed) <= 1
        assert len(judge.breaks) + len(observed) == 1 or step_s < 0.3


def dying(cls, *, from_s, log):
    """Return a log whose sender of this message is dead from then on."""
    return [each for each in log if not (
        each[0] > from_s and codec.decode(each[1]).message.FROM_CONTROLLER is cls.FROM_CONTROLLER)]


@pytest.mark.parametrize(('cls', 'expected'), [
    (AdvanticsControllerStatus, ('controller', 'R1')), (PowerModulesStatus, ('customer', 'R3'))])
def test_an_end_that_dies_alone_is_found(cls, expected):
    """The other one goes on talking: it was not the recorder."""
    log = [each for each in session('long') if each[0] < 60.0]
    found, observed = judged(Audit(), dying(cls, from_s=40.0, log=log))
    assert expected in found
    assert observed == []


def test_a_controller_that_comes_back_from_a_hole_dead_is_found():
    log = [each for each in session('long')
           if each[0] < 60.0 and not 40.0 < each[0] < 40.35]
    found, observed = judged(Audit(), dying(AdvanticsControllerStatus, from_s=40.0, log=log))
    assert ('controller', 'R1') in found
    assert len(observed) == 1


def test_two_that_die_together_are_told_once_while_others_go_on():
    """As when the supply of both fails, or their cable: another pistol is still heard."""
    log = [each for each in session('long') if each[0] < 60.0]
    other = [(time_s + 0.003, Frame(frame.can_id & 0xFFFFFF | 3 << 24, frame.data))
             for time_s, frame in log]
    both = sorted(
        [each for each in log if not 40.0 < each[0] < 50.0] + other, key=lambda each: each[0])
    found, observed = judged(Audit(), both)
    assert found == set()
    finding, = observed
    assert finding.time_s == pytest.approx(41.0, abs=0.2)


def test_a_hole_of_a_log_that_begins_in_mid_session():
    log = [each for each in session('long') if 40.0 < each[0] < 60.0]
    judge = Audit()
    assert take(judge, [
        each for each in log if not any(
            low < each[0] < low + 2.0 for low in (44.0, 50.0))]) == []
    assert len(judge.breaks) == 2


def test_a_log_that_begins_in_mid_session_accuses_nobody():
    for name in SESSIONS:
        log = session(name)
        for begin in range(0, len(log), 97):
            verdicts = take(Audit(), log[begin:])
            assert {each.finding.rule for each in verdicts} <= {'R1'}, (name, begin)


def test_a_log_may_end_anywhere():
    for name in ('CCS', 'CHAdeMO'):
        for end in range(0, len(session(name)), 97):
            assert take(Audit(), session(name)[:end]) == []


def test_late_frames_accuse_nobody():
    """Recorders write frames of two sources a few milliseconds out of order."""
    log = sorted(session('CCS'), key=lambda each: each[0] + 0.004 * (each[1].can_id % 3))
    assert take(Audit(), log) == []


def test_memory_does_not_grow_with_the_log():
    """Of an hour nothing is kept that is not kept of a minute."""
    charge = [each for each in session('long') if 20.0 <= each[0] < 50.0]
    judge = Audit()
    take(judge, session('long')[:600])
    sizes = []
    tracemalloc.start()
    try:
        for minute in range(12):
            take(judge, charge, begin_s=30.0 * minute)
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert sizes[-1] < sizes[2] + 20_000, sizes
