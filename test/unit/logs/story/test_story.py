# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What happened in a log, in one pass: sums against hand-computed ones, and bounded memory."""

import dataclasses
import functools
import math
import types

import log_bench
import pytest

from gi3_ros.core.interface import codec
from gi3_ros.core.interface.frame import Frame
from gi3_ros.core.interface.signals import (
    AdmCsSeccInputs,
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    DcPowerControl,
    DcPowerParameters,
    EmergencyStop,
    EvInformationBattery,
    NewChargeSession,
    OcppControl,
    PowerModulesStatus,
)
from gi3_ros.core.rules.findings import Finding
from gi3_ros.logs.audit import Audit, Verdict
from gi3_ros.logs.entries import Heard, LogError, Sample
from gi3_ros.logs.story.rates import AT_MOST
from gi3_ros.logs.story.series import BUCKETS, FOCUSED, Series
from gi3_ros.logs.story.story import FINDINGS, tell
from gi3_ros.logs.story.verdict import verdict

State = AdvanticsControllerStatus.State
Function = DcPowerControl.PowerFunction
ALLOWED = PowerModulesStatus.SystemEnable.ALLOWED
START = AdvanticsControllerStatus(State.WAITING_FOR_PEV)
END = ChargeSessionFinished(ChargeSessionFinished.State.CLEAN_STOP)
BEGIN_NS = 1_772_593_263_000_000_000


def heard(time_s, message, index=1, channel='can0'):
    frame = message if isinstance(message, Frame) else codec.encode(message, index=index)
    return Heard(BEGIN_NS + round(time_s * 1e9), frame, channel)


def told(*entries, judge=None):
    return tell([heard(*entry) if isinstance(entry, tuple) else entry for entry in entries], judge)


def status(voltage=0.0, current=0.0, **fields):
    return PowerModulesStatus(
        present_voltage=voltage, present_current=current, system_enable=ALLOWED, **fields)


def session_of(*entries):
    story = told(*entries)
    session, = story.pistols[1].sessions
    return session


def simulated(name, repetitions=1):
    log = log_bench.session(name)
    length_s = log[-1][0] + 0.1
    return [heard(time_s + length_s * each, frame)
            for each in range(repetitions) for time_s, frame in log]


# Sessions

def test_a_session_is_what_lies_between_its_announcement_and_its_end():
    session = session_of(
        (0.0, START), (5.0, NewChargeSession(communication_protocol=2, plug_and_pins=1)),
        (5.1, NewChargeSession(communication_protocol=2, plug_and_pins=1)),
        (12.0, END), (14.0, START))
    assert (session.begin_s, session.end_s, session.is_begin_known) == (5.0, 12.0, True)
    assert session.outcome == session.end_reason == 'Clean_Stop'
    assert (session.protocol, session.plug) == ('CCS_ISO_15118_2013_v2', 'CCS_DC_Extended')


def test_energy_is_integrated_both_ways():
    # 400 V: 0 to 100 A in 1 s, 100 A for 1 s, from 50 A to -50 A in 1 s is 12.5 As each way.
    session = session_of(
        (0.0, NewChargeSession()), (1.0, status(400, 0)), (2.0, status(400, 100)),
        (3.0, status(400, 100)), (4.0, status(400, -50)), (5.0, status(400, -50)), (6.0, END))
    assert session.charged_wh == pytest.approx(400 * (50 + 100 + 50) / 3600)
    assert session.discharged_wh == pytest.approx(400 * (25 + 50) / 3600)
    assert session.uncounted == 0


def test_what_still_flows_after_the_end_is_counted_for_some_seconds():
    session = session_of(
        (0.0, NewChargeSession()), (1.0, status(400, 100)), (2.0, status(400, 100)), (2.0, END),
        (2.5, status(400, 100)), (3.0, status(400, 0)),
        (7.5, status(400, 0)), (8.0, status(400, 100)))
    assert session.charged_wh == pytest.approx(400 * (100 + 50 + 25) / 3600)


def test_no_energy_is_counted_across_a_gap_and_the_gap_is_told():
    session = session_of(
        (0.0, NewChargeSession()), (1.0, status(400, 100)), (2.0, status(400, 100)),
        (3.5, status(400, 100)), (4.5, status(400, 100)), (5.0, END))
    assert session.charged_wh == pytest.approx(400 * 100 * 2 / 3600)
    assert (session.uncounted, session.uncounted_s) == (1, 1.5)


def test_peaks_have_their_time_and_their_sign():
    session = session_of(
        (0.0, NewChargeSession()), (1.0, status(400, 20)), (1.1, status(410, -60)),
        (1.2, status(300, 50)), (2.0, END))
    assert session.peak_v == (410, 1.1)
    assert session.peak_a == (-60, 1.1)
    assert session.peak_w == (-24600, 1.1)


def test_the_smallest_insulation_counts_at_test_voltage_and_afterwards():
    def command(function, volts):
        return DcPowerControl(target_voltage=volts, power_function=function)
    session = session_of(
        (0.0, NewChargeSession()), (0.5, status(0, insulation_resistance=0)),
        (1.0, command(Function.INSULATION_TEST, 500)),
        (1.1, status(449, insulation_resistance=0)),
        (1.2, status(450, insulation_resistance=300e3)),
        (1.3, status(500, insulation_resistance=200e3)),
        (2.0, command(Function.STANDBY, 0)), (2.1, status(10, insulation_resistance=2e3)),
        (3.0, command(Function.PRECHARGE, 360)),
        (3.1, status(360, insulation_resistance=90e3)), (4.0, END))
    assert session.test_ohm == (200e3, 1.3)
    assert session.later_ohm == (90e3, 3.1)


def test_state_of_charge_is_told_from_first_to_last():
    session = session_of(
        (0.0, NewChargeSession()), (1.0, EvInformationBattery(75000, 40)),
        (2.0, EvInformationBattery(75000, 43)), (3.0, END))
    assert (session.capacity_wh, session.soc_from, session.soc_to) == (75000, 40, 43)


@pytest.mark.parametrize('at_s', [2.0, 3.05])
def test_an_emergency_belongs_to_the_session_it_ends(at_s):
    session = session_of(
        (0.0, NewChargeSession()), (at_s, EmergencyStop(EmergencyStop.Origin.PEV)),
        (3.0, ChargeSessionFinished(ChargeSessionFinished.State.RUSHED_STOP)))
    assert session.emergency == ('PEV', at_s)
    assert session.outcome == 'Rushed_Stop'


def test_a_withdrawn_permission_is_told():
    session = session_of(
        (0.0, NewChargeSession()), (1.0, status()), (1.1, PowerModulesStatus()), (3.0, END))
    assert session.withdrawals == [1.1]


def test_a_session_without_an_end_ends_where_the_controller_is_idle():
    session = session_of(
        (0.0, NewChargeSession()), (1.0, AdvanticsControllerStatus(State.CHARGING)), (2.0, START))
    assert session.outcome is None
    assert session.end_s == 2.0
    assert 'without Charge_Session_Finished' in session.end_reason


def test_a_session_that_the_log_cuts_off_ends_with_it():
    session = session_of((0.0, NewChargeSession()), (3.0, status()))
    assert (session.outcome, session.end_s) == (None, 3.0)
    assert session.end_reason == 'the log ends during the session'


@pytest.mark.parametrize('state', [State.CHARGING, 13, 14, 99])
def test_a_session_that_began_before_the_log_says_so(state):
    """In a state without a label, too: 13 is Charge_Pause of v3.4 (7.1)."""
    frame = codec.encode(AdvanticsControllerStatus(State.CHARGING), index=1)
    frame = dataclasses.replace(frame, data=bytes([state]))
    session = session_of((1.0, frame), (3.0, END))
    assert not session.is_begin_known
    assert session.outcome == 'Clean_Stop'


def test_a_hole_in_the_log_ends_session_lines_and_bars():
    charging = AdvanticsControllerStatus(State.CHARGING)
    story = told((0.0, NewChargeSession()), (1.0, charging), (1.0, status(400, 10)),
                 (3601.0, charging), (3601.0, status(400, 10)))
    pistol = story.pistols[1]
    assert [session.end_reason for session in pistol.sessions] == [
        'the log was interrupted', 'the log ends during the session']
    assert story.breaks == [(1.0, 3601.0)]
    assert pistol.series['voltage'].points() == ([1.0, 1.0, 3601.0], [400, None, 400])
    assert [bar[:2] for bar in pistol.lanes['State'].intervals()] == [(1.0, 1.0), (3601.0, 3601.0)]


def test_a_simulated_session_is_told_as_it_was():
    story = tell(simulated('emergency'), Audit())
    session, = story.pistols[1].sessions
    assert session.outcome == 'Rushed_Stop'
    assert session.emergency[0] == 'EVSE'
    assert session.peak_a[0] == pytest.approx(100, abs=0.5)
    states = [label for _, _, label in story.pistols[1].lanes['State'].intervals()]
    at = states.index('Insulation_Test')
    assert states[at:at + 4] == [
        'Insulation_Test', 'Precharge', 'Waiting_For_Charge', 'Charging']
    assert story.findings == []


def test_two_pistols_are_two_stories():
    story = told((0.0, NewChargeSession(), 1), (1.0, NewChargeSession(), 7), (2.0, END, 1))
    assert {index: pistol.sessions[0].outcome for index, pistol in story.pistols.items()} == {
        1: 'Clean_Stop', 7: None}


def test_an_index_on_two_channels_is_told():
    story = told((0.0, START, 1, 'can0'), (0.1, status(), 1, 'can1'), (0.2, START, 2, 'can1'))
    assert story.shared_indices == {1: ['can0', 'can1']}


def test_one_pistol_on_two_buses_is_not_told_as_one():
    with pytest.raises(LogError, match=r'pistol 1 is on two buses, can0 and can1: .* --channel'):
        told((0.0, START, 1, 'can0'), (0.1, START, 2, 'can1'), (0.2, START, 1, 'can1'))


# A clock that steps

def later(entries, by_s):
    return [dataclasses.replace(each, time_ns=each.time_ns + round(by_s * 1e9))
            for each in entries]


@pytest.mark.parametrize('by_s', [1.5, 3529.0, 86400.0])
def test_no_length_is_negative_when_the_clock_is_set_back(by_s):
    log = simulated('CCS')
    length_s = (log[-1].time_ns - log[0].time_ns) / 1e9
    story = tell([*log, *later(log, length_s - by_s)], Audit())
    first, second = story.pistols[1].sessions
    assert story.length_s == pytest.approx(2 * length_s)
    assert second.duration_s == pytest.approx(first.duration_s)
    assert second.begin_s == pytest.approx(first.begin_s + length_s)
    (at_s, back_s), = story.steps
    assert (at_s, back_s) == (pytest.approx(length_s), pytest.approx(by_s))


@pytest.mark.parametrize('at_s', [3.0, 12.0, 19.0])
def test_a_session_in_which_the_clock_is_set_back_is_cut_there(at_s):
    log = simulated('CCS')
    log = [each if (each.time_ns - BEGIN_NS) / 1e9 < at_s else later([each], -3600.0)[0]
           for each in log]
    story = tell(log)
    for session in story.pistols[1].sessions:
        assert 0 <= session.duration_s <= 22
    assert story.length_s == pytest.approx(
        (simulated('CCS')[-1].time_ns - BEGIN_NS) / 1e9, abs=0.2)
    reasons = [session.end_reason for session in story.pistols[1].sessions]
    assert ('the clock of the log was set back' in reasons) is (at_s > 4.5)


@pytest.mark.parametrize('ahead_s', [1.2, 6.0, 9.5])
def test_single_stamps_that_are_ahead_are_no_step_of_the_clock(ahead_s):
    log = simulated('CCS')
    stray = [later([each], ahead_s)[0] if place in (200, 201, 350) else each
             for place, each in enumerate(log)]
    story = tell(stray)
    assert story.steps == []
    session, = story.pistols[1].sessions
    assert session.outcome == 'Clean_Stop'
    assert story.length_s == pytest.approx((log[-1].time_ns - log[0].time_ns) / 1e9)


def test_two_clocks_in_one_log_do_not_make_it_longer_at_each_frame():
    log = [later([each], 7200.0)[0] if codec.decode(each.frame).message.FROM_CONTROLLER else each
           for each in simulated('CCS')]
    story = tell(log)
    assert story.steps == []
    assert story.length_s < 7300.0
    assert story.pistols[1].endings == {'Clean_Stop': 1}
    # It says so, and the head is not green.
    assert story.notes
    assert verdict(story).mood == 'partial'


def test_findings_after_a_step_stand_where_their_frames_do():
    log = simulated('CCS')
    story = tell([*log, *later(log, -3600.0)], Ender())
    times = [time_s for time_s, _, _ in story.findings]
    assert times == [pytest.approx(session.end_s)
                     for session in story.pistols[1].sessions]


# Lanes, lines, samples

def test_a_temperature_that_is_not_provided_is_no_value():
    story = told((0.0, status(power_modules_temperature=-40.0)),
                 (0.1, status(power_modules_temperature=31.0)),
                 (1.0, AdmCsSeccInputs(cpu_temperature=50.0)))
    series = story.pistols[1].series
    assert series['modules'].points() == ([0.1], [31.0])
    assert series['cpu'].points() == ([1.0], [50.0])
    assert not series['ptc1']


def test_a_commanded_range_is_a_line_only_while_power_is_commanded():
    story = told(
        (0.0, DcPowerControl(400, 50, -20, Function.POWER_TRANSFER, 1, 1)),
        (0.1, DcPowerControl(400, 60, -20, Function.POWER_TRANSFER, 1, 1)),
        (0.2, DcPowerControl(0, 0, 0, Function.STANDBY, 0, 1)),
        (0.3, DcPowerControl(0, 0, 0, Function.STANDBY, 0, 1)),
        (0.4, DcPowerControl(400, 60, -20, Function.POWER_TRANSFER, 1, 1)))
    pistol = story.pistols[1]
    assert pistol.series['range_max'].points() == (
        [0.0, 0.1, 0.2, 0.2, 0.4], [50, 60, 60, None, 60])
    assert [label for _, _, label in pistol.lanes['Power_Function'].intervals()] == [
        'Power_Transfer, Range_Mode', 'Standby', 'Power_Transfer, Range_Mode']


def test_the_state_of_charge_is_that_of_the_vehicle_and_leaves_with_it():
    series = told(
        (0.0, NewChargeSession()), (1.0, EvInformationBattery(75000, 40)), (4.0, END),
        (60.0, NewChargeSession()), (61.0, EvInformationBattery(50000, 70)), (64.0, END),
        (90.0, START)).pistols[1].series['soc']
    assert series.points() == ([1.0, 4.0, 4.0, 61.0, 64.0], [40, 40, None, 70, 70])


def test_a_limit_of_zero_is_no_line():
    series = told(
        (0.0, START), (1.0, DcPowerParameters(0, 0, 0)), (3.0, DcPowerParameters(920, 40, 0)),
        (5.0, DcPowerParameters(920, 0, 20)), (8.0, START)).pistols[1].series
    def line(name):
        times, values = series[name].points()
        return [each for each in zip(times, values, strict=True) if each[1] is not None]
    assert line('limit_v') == [(3.0, 920), (8.0, 920)]
    assert line('limit_charge') == [(3.0, 40), (5.0, 40)]
    assert line('limit_discharge') == [(5.0, -20), (8.0, -20)]


def test_the_end_of_what_held_is_told_apart_from_samples():
    times, values, _, held = told(
        (0.0, DcPowerControl(400, 50, 50, Function.POWER_TRANSFER, 0, 1)),
        (0.1, DcPowerControl(400, 60, 60, Function.POWER_TRANSFER, 0, 1)),
        (0.2, DcPowerControl(0, 0, 0, Function.STANDBY, 0, 1)),
        (0.3, DcPowerControl(400, 60, 60, Function.POWER_TRANSFER, 0, 1)),
    ).pistols[1].series['range_max'].drawn()
    assert (times, values) == ([0.0, 0.1, 0.2, 0.2, 0.3], [50, 60, 60, None, 60])
    assert held == [2]


def test_a_target_of_the_central_system_is_gone_with_its_session():
    times, values = told(
        (0.0, START), (1.0, NewChargeSession()), (2.0, OcppControl(40.0)), (4.0, END),
        (9.0, START)).pistols[1].series['ocpp'].points()
    held = [time_s for time_s, value in zip(times, values, strict=True) if value is not None]
    assert (min(held), max(held)) == (2.0, 4.0)


def test_a_restart_of_the_controller_ends_its_command():
    story = told(
        (0.0, AdvanticsControllerStatus(State.CHARGING)),
        (0.1, DcPowerControl(400, 50, 50, Function.POWER_TRANSFER, 0, 1)),
        (0.2, AdvanticsControllerStatus(State.CHARGING)),
        (0.3, DcPowerControl(400, 50, 50, Function.POWER_TRANSFER, 0, 1)),
        (2.0, AdvanticsControllerStatus(State.INITIALISING)), (9.0, START))
    assert story.pistols[1].lanes['Power_Function'].intervals() == [(0.1, 0.3, 'Power_Transfer')]


def test_topics_of_a_bag_are_lanes():
    def sample(time_s, topic, **fields):
        return Sample(BEGIN_NS + round(time_s * 1e9), 'pistol1', topic,
                      types.SimpleNamespace(**fields), 1)
    story = told(
        (0.0, START),
        sample(0.1, 'contactor_feedback', output=0, precharge=2, pistol_voltage=0.0),
        sample(0.2, 'contactor_feedback', output=1, precharge=2, pistol_voltage=0.0),
        sample(0.3, 'power_status', phase=10, phase_name='FAULT', fault='too hot'),
        sample(0.4, 'power_setpoint', mode=1, voltage=400.0, current=20.0),
        sample(0.5, 'power_setpoint', mode=0, voltage=math.nan, current=0.0))
    pistol = story.pistols[1]
    labels = {title: [label for _, _, label in lane.intervals()]
              for title, lane in pistol.lanes.items() if lane}
    assert labels['output contactors'] == ['open', 'closed']
    assert labels['precharge relay'] == ['unknown']
    assert labels['power_control'] == ['FAULT']
    assert labels['fault'] == ['too hot']
    assert labels['setpoint'] == ['REGULATE', 'OFF']
    assert pistol.series['setpoint_a'].points() == ([0.4], [20.0])


def test_topics_of_an_unknown_pistol_are_counted():
    story = told((0.0, START), Sample(BEGIN_NS, 'a/b', 'power_status', None))
    assert story.strays == {'a/b': 1}


# Rates, gaps, bad frames

def test_a_gap_is_found_with_its_time():
    story = told(*((0.1 * each, START) for each in (*range(10), *range(14, 20))))
    rate = story.pistols[1].rates['Advantics_Controller_Status']
    (gap_s, at_s), = rate.gaps
    assert (gap_s, at_s) == (pytest.approx(0.5), pytest.approx(0.9))
    assert (rate.count, rate.late) == (16, 1)


def test_a_status_may_pause_between_sessions():
    first = [(0.1 * each, status()) for each in range(1, 10)]
    story = told((0.0, NewChargeSession()), *first, (1.0, END), (3.0, START),
                 (6.0, NewChargeSession()), *((6 + time_s, message) for time_s, message in first))
    assert story.pistols[1].rates['Power_Modules_Status'].late == 0


def test_only_the_longest_gaps_are_kept():
    times, now_s = [], 0.0
    for each in range(50):
        times.append(now_s)
        now_s += 0.3 + 0.01 * each
    rate = told(*((time_s, START) for time_s in times)).pistols[1].rates[
        'Advantics_Controller_Status']
    assert rate.late == 49
    assert len(rate.gaps) == AT_MOST
    assert min(gap_s for gap_s, _ in rate.gaps) == pytest.approx(0.3 + 0.01 * (49 - AT_MOST))


def test_bad_frames_are_counted_by_kind():
    state_id, command_id = 0x1 << 24 | 0x6B000, 0x1 << 24 | 0x6B003
    story = told((0.0, Frame(command_id, bytes(6))), (0.1, Frame(state_id, b'\x63')),
                 (0.2, Frame(command_id, bytes(6) + b'\x10')),
                 (0.3, Frame(0x5, b'', is_error=True)))
    bad = story.pistols[1].bad
    assert (bad.short, bad.undefined, bad.unassigned) == (1, 1, 1)
    assert [words for _, words in bad.examples][1:] == [
        'Advantics_Controller_Status: no label for State=99',
        f'DC_Power_Control: unassigned bits {1 << 52:#x}']
    assert story.loads['can0'].errors == 1


def test_the_load_of_the_bus_is_the_share_of_its_bits():
    # 1,000 extended frames a second with 8 bytes are 131 kbit of 500.
    story = told(*((each / 1000, Frame(0x18FF0000, bytes(8))) for each in range(3001)))
    assert story.loads['can0'].mean == pytest.approx(0.262, rel=0.01)
    assert story.loads['can0'].peak == pytest.approx(0.262, rel=0.01)


# Findings

class Grumbler:
    """Finds something in every frame."""

    def __init__(self):
        self.first_ns = None

    def take(self, time_ns, decoded):
        self.first_ns = self.first_ns or time_ns
        return [Verdict(1, Finding((time_ns - self.first_ns) / 1e9, 'R2', 'again', {}))]

    def conclude(self):
        return []


class Ender(Grumbler):
    """Finds something where a session ends."""

    def take(self, time_ns, decoded):
        found = super().take(time_ns, decoded)
        return found if isinstance(decoded.message, ChargeSessionFinished) else []


def test_findings_of_a_rule_are_bounded_and_the_rest_is_counted():
    story = told(*((0.1 * each, START) for each in range(3 * FINDINGS)), judge=Grumbler())
    assert len(story.findings) == FINDINGS
    assert story.finding_count == 3 * FINDINGS
    assert story.findings[2][0] == pytest.approx(0.2)


def test_times_of_findings_count_from_the_first_entry_of_any_kind():
    early = Sample(BEGIN_NS - 2_000_000_000, 'pistol1', 'power_status',
                   types.SimpleNamespace(phase=0, phase_name='IDLE', fault=''), 1)
    story = told(early, (0.0, START), judge=Grumbler())
    assert story.findings[0][0] == 2.0


# Bounded memory

def test_an_empty_log_is_an_empty_story():
    story = told()
    assert (story.first_ns, story.pistols, story.length_s) == (None, {}, 0.0)


def test_a_day_takes_no_more_memory_than_is_allowed():
    """Every value differs from the one before, every command too: nothing can be folded."""
    day_s, step_s = 86400, 2.0

    def entries():
        yield heard(0.0, NewChargeSession())
        commands = (DcPowerControl(400, 50, 50, Function.POWER_TRANSFER, 0, 1),
                    DcPowerControl(0, 0, 0, Function.STANDBY, 0, 1))
        for each in range(round(day_s / step_s)):
            time_s = each * step_s
            volts = 999.0 if each == 30_001 else 400 + each % 7
            yield heard(time_s, status(volts, each % 13))
            yield heard(time_s + 0.1, commands[each % 2])
    pistol = tell(entries()).pistols[1]
    for name, series in pistol.series.items():
        assert series.stored <= 6 * BUCKETS + FOCUSED + 300, name
    for lane in pistol.lanes.values():
        assert lane.stored <= 2 * 1500
    assert pistol.lanes['Power_Function'].merged > 0
    times, values = pistol.series['voltage'].points()
    assert times[values.index(999.0)] == 30_001 * step_s


def night(hold_s):
    """Return two sessions with a long transfer each, and what their statuses said."""
    log = simulated('CCS')
    states = [(each, codec.decode(each.frame).message) for each in log]
    charging = [each.time_ns for each, message in states
                if isinstance(message, AdvanticsControllerStatus) and message.state == 7]
    middle_ns = charging[len(charging) // 2]
    before = [each for each in log if each.time_ns <= middle_ns]
    after = [each for each in log if each.time_ns > middle_ns]
    held = [heard((middle_ns - BEGIN_NS) / 1e9 + 0.1 * step, message)
            for step in range(1, round(hold_s * 10))
            for message in (AdvanticsControllerStatus(State.CHARGING),
                            status(380 + step * 7 % 40 / 10, 100 + step * 13 % 30 / 10))]
    one = [*before, *held, *later(after, hold_s)]
    length_s = (one[-1].time_ns - BEGIN_NS) / 1e9 + 0.1
    return [*one, *later(one, length_s)]


@pytest.fixture
def little_room(monkeypatch):
    """As if the log were many hours long."""
    monkeypatch.setattr('gi3_ros.logs.story.lines.Series', functools.partial(Series, buckets=300))


def test_phases_of_a_long_log_are_all_there_and_every_point_was_on_the_bus(little_room):
    log = night(300.0)
    pistol = tell(log).pistols[1]
    series = pistol.series['voltage']
    times, kept, left_out, _ = series.drawn()
    shown = {(round(time_s, 6), value) for time_s, value in zip(times, kept, strict=True)
             if value is not None}
    present = {}
    for entry in log:
        message = codec.decode(entry.frame).message
        if isinstance(message, PowerModulesStatus):
            present[round((entry.time_ns - log[0].time_ns) / 1e9, 6)] = message.present_voltage
    assert series.bucket_s >= 2.0
    assert sum(left_out) > 1000
    assert shown <= set(present.items())
    phases = [(begin_s, end_s) for begin_s, end_s, label in pistol.lanes[
        'Power_Function'].intervals() if label in (
            'Insulation_Test', 'Standby, Lowering', 'Precharge')]
    assert len(phases) >= 6
    lowered = 0
    for begin_s, end_s in phases:
        values = [(time_s, value) for time_s, value in sorted(present.items())
                  if begin_s - 4.9 <= time_s <= end_s + 4.9]
        # What stays the same has its first and its last sample.
        corners = {each for before, each, behind in zip(
            values, values[1:], values[2:], strict=False)
            if before[1] != each[1] or behind[1] != each[1]}
        assert corners <= shown
        lowered += sum(value < 20 for _, value in values)
    assert lowered


def test_a_time_of_which_all_is_wanted_is_all_there(little_room):
    log = night(300.0)
    windows = ((100.0, 220.0),)
    asked = []
    series = tell(log, windows=lambda first_ns: asked.append(first_ns) or windows).pistols[
        1].series['voltage']
    assert asked == [log[0].time_ns]
    times, _, left_out, _ = series.drawn()
    inside = [place for place, time_s in enumerate(times) if 101 <= time_s <= 219]
    assert len(inside) > 1000
    assert not any(left_out[place] for place in inside)
    assert any(left_out)


def test_the_story_needs_no_log_twice():
    entries = iter(simulated('CCS'))
    assert tell(entries).pistols[1].sessions[0].outcome == 'Clean_Stop'


def test_frames_of_others_are_counted_only():
    story = told((0.0, Frame(0x123, b'', is_extended=False)))
    assert (story.frames, story.interface_frames, story.pistols) == (1, 0, {})


def test_observations_are_kept_apart_from_findings():
    """They are nobody's breach: neither counted nor in the list."""
    story = tell(
        [heard(time_s, AdvanticsControllerStatus(1)) for time_s in (0.0, 0.1)],
        judge=Odd())
    assert (story.findings, story.finding_count) == ([], 0)
    (time_s, index, observation), = story.observations
    assert (time_s, index, observation.text) == (0.1, 1, 'odd')


class Odd:
    """Observes something at the second frame."""

    first_ns = None

    def take(self, time_ns, _decoded):
        if self.first_ns is None:
            self.first_ns = time_ns
            return []
        return [Verdict(1, Finding(0.1, 'R5', 'odd', {}, is_observation=True))]

    def conclude(self):
        return []
