# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Each rule that binds the charger is broken once, and found by that rule alone."""

import dataclasses
import math

import pytest

from gi3_ros.core.interface.layout import CUSTOMER
from gi3_ros.core.interface.signals import (
    AdmCsSeccOutputs,
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    DcPowerControl,
    DcPowerParameters,
    EmergencyStop,
    NewChargeSession,
    PowerModulesStatus,
    SequenceControl,
)
from gi3_ros.core.rules.findings import Finding
from gi3_ros.core.rules.rulebook import Rulebook
from gi3_ros.core.rules.tolerances import Tolerances

State = AdvanticsControllerStatus.State
Function = DcPowerControl.PowerFunction
Protocol = NewChargeSession.CommunicationProtocol
PlugAndPins = NewChargeSession.PlugAndPins
SystemEnable = PowerModulesStatus.SystemEnable

CCS = NewChargeSession(Protocol.CCS_ISO_15118_2022, PlugAndPins.CCS_DC_EXTENDED)
STRICT = Tolerances(
    follow_s=3.0, short_s=0.0, first_status_s=2.0, status_rate_hz=40.0, rise_v_per_s=math.inf,
    lowering_v_per_s=math.inf)
"""Shorter than the defaults: what is tested are limits, not patience."""
CHADEMO = NewChargeSession(Protocol.CHADEMO_V2_0, PlugAndPins.CHADEMO)

STANDBY = DcPowerControl(power_function=Function.STANDBY, output_contactors=1)
OPEN = DcPowerControl(power_function=Function.STANDBY)
LOWERING = dataclasses.replace(STANDBY, lower_output_voltage=1)
LOWERING_OPEN = dataclasses.replace(OPEN, lower_output_voltage=1)
TEST = DcPowerControl(
    target_voltage=500.0, power_function=Function.INSULATION_TEST, output_contactors=1)
PRECHARGE = DcPowerControl(
    target_voltage=360.0, current_range_max=2.0, power_function=Function.PRECHARGE,
    setpoints_mode=1, output_contactors=1)


def transfer(amps, volts=408.0):
    return DcPowerControl(
        target_voltage=volts, current_range_max=amps, current_range_min=amps,
        power_function=Function.POWER_TRANSFER, output_contactors=1)


def range_of(low_a, high_a):
    """Range_Mode."""
    return dataclasses.replace(
        transfer(high_a), current_range_min=low_a, setpoints_mode=1)


@dataclasses.dataclass(frozen=True)
class Phase:
    """
    A piece of a session: what the controller says, what a good charger reports.

    Without a state the controller is silent, without a command the last one holds.
    """

    state: State | None
    command: DcPowerControl | None
    seconds: float
    volts: float = 0.0
    amps: float = 0.0
    ohm: float = 500e3
    enable: int = 1
    celsius: float = -40.0
    period_s: float = 0.1


SESSION = {
    'idle': Phase(State.WAITING_FOR_PEV, None, 1.0, enable=0),
    'negotiating': Phase(State.NEGOTIATING_CONNECTION, None, 1.0, enable=0),
    'waking': Phase(State.INSULATION_TEST, DcPowerControl(), 2.0, enable=0),
    'ready': Phase(State.INSULATION_TEST, STANDBY, 0.2),
    'rise': Phase(State.INSULATION_TEST, TEST, 0.5, volts=200.0),
    'test': Phase(State.INSULATION_TEST, TEST, 3.0, volts=499.0),
    'fall': Phase(State.INSULATION_TEST, LOWERING, 1.0, volts=150.0),
    'low': Phase(State.INSULATION_TEST, LOWERING, 0.3, volts=12.0),
    'precharge': Phase(State.PRECHARGE, PRECHARGE, 1.0, volts=350.0, amps=1.5),
    'standby': Phase(State.WAITING_FOR_CHARGE, STANDBY, 2.0, volts=360.0),
    'ramp': Phase(State.CHARGING, transfer(100.0), 2.0, volts=364.0, amps=60.0),
    'transfer': Phase(State.CHARGING, transfer(100.0), 5.0, volts=367.0, amps=100.0),
    'less': Phase(State.CHARGING, transfer(40.0), 3.0, volts=363.0, amps=40.0),
    'ending': Phase(State.ENDING_CHARGE, STANDBY, 0.2, volts=360.0, amps=30.0),
    'ended': Phase(State.ENDING_CHARGE, STANDBY, 0.3, volts=360.0, amps=0.5),
    'open': Phase(State.ENDING_CHARGE, OPEN, 1.0, volts=100.0),
    'closing': Phase(State.CLOSING_COMMUNICATION, OPEN, 1.0),
}
# No precharge, 5 A at the end, and the plug is held until the output is low.
CHADEMO_SESSION = {
    **{name: SESSION[name] for name in (
        'idle', 'negotiating', 'waking', 'ready', 'rise', 'test', 'fall', 'low')},
    'standby': Phase(State.WAITING_FOR_CHARGE, STANDBY, 2.0, volts=12.0),
    'raising': Phase(State.CHARGING, transfer(100.0), 4.5, volts=250.0),
    'ramp': Phase(State.CHARGING, transfer(100.0), 2.0, volts=364.0, amps=60.0),
    'transfer': Phase(State.CHARGING, transfer(100.0), 5.0, volts=367.0, amps=100.0),
    'ending': Phase(State.ENDING_CHARGE, STANDBY, 0.2, volts=360.0, amps=30.0),
    'ended': Phase(State.ENDING_CHARGE, STANDBY, 0.3, volts=360.0, amps=4.0),
    'open': Phase(State.ENDING_CHARGE, OPEN, 0.1, volts=360.0),
    'lower': Phase(State.ENDING_CHARGE, LOWERING_OPEN, 0.5, volts=360.0),
    'closing': Phase(State.CLOSING_COMMUNICATION, LOWERING_OPEN, 2.0, volts=100.0),
    'closed': Phase(State.CLOSING_COMMUNICATION, LOWERING_OPEN, 0.5, volts=9.0),
}


class Play:
    """Plays a session to the rules, with changes."""

    def __init__(self, announcement=CCS, tolerances=None):
        self.rules = Rulebook(tolerances or STRICT, ends=(CUSTOMER,))
        self.announcement = announcement
        self.findings = []
        self.now_s = 0.0
        self._report_at_s = 0.0
        self._ms = 0

    def give(self, message, **more):
        self.findings += self.rules.receive(message, now_s=self.now_s, **more)

    def phase(self, phase, *, is_announced=False):
        for _ in range(round(phase.seconds / 0.05)):
            if self._ms % 100 == 0:
                if phase.state is not None:
                    self.give(AdvanticsControllerStatus(phase.state))
                if is_announced:
                    self.give(self.announcement)
                if phase.command is not None:
                    self.give(phase.command)
            if self.now_s >= self._report_at_s - 1e-9:
                self._report_at_s = self.now_s + phase.period_s
                self.give(PowerModulesStatus(
                    present_voltage=phase.volts, present_current=phase.amps,
                    power_modules_temperature=phase.celsius,
                    system_enable=SystemEnable(phase.enable),
                    insulation_resistance=phase.ohm,
                ))
            self.findings += self.rules.tick(now_s=self.now_s)
            self._ms += 50
            self.now_s = self._ms / 1000

    def session(self, **changes):
        phases = SESSION if self.announcement is CCS else CHADEMO_SESSION
        for name, phase in phases.items():
            phase = dataclasses.replace(phase, **changes.pop(name, {}))
            self.phase(phase, is_announced=name == 'waking')
        self.give(ChargeSessionFinished())
        self.phase(SESSION['idle'])
        assert not changes
        return self

    def with_flags(self):
        """Let the controller show that it uses the flags: only then it has this state (R34)."""
        self.phase(Phase(State.NOT_AVAILABLE, None, 0.3, enable=0))
        return self

    def charging(self):
        """Go to the end of the standby before the transfer."""
        self.phase(SESSION['idle'])
        self.phase(SESSION['waking'], is_announced=True)
        self.phase(SESSION['standby'])
        return self

    def transfer(self, command, seconds, amps, volts=365.0, **more):
        """Play a piece of the energy transfer."""
        self.phase(Phase(State.CHARGING, command, seconds, volts=volts, amps=amps, **more))
        return self

    @property
    def broken(self):
        return [finding.rule for finding in self.findings if not finding.is_observation]

    @property
    def observed(self):
        return [finding.rule for finding in self.findings if finding.is_observation]


@pytest.mark.parametrize('announcement', [CCS, CHADEMO], ids=['CCS', 'CHAdeMO'])
def test_good_sessions_break_nothing(announcement):
    assert Play(announcement).session().session().findings == []


@pytest.mark.parametrize('target_v', [0.0, 500.0])
def test_a_test_may_begin_with_the_target_voltage_of_the_command_before(target_v):
    """A Standby with a target is malformed, and the test after it is one all the same (R11)."""
    standby = dataclasses.replace(STANDBY, target_voltage=target_v)
    test = dataclasses.replace(TEST, target_voltage=target_v)
    play = Play()
    play.phase(SESSION['waking'], is_announced=True)
    play.phase(Phase(State.INSULATION_TEST, standby, 0.5))
    play.phase(Phase(State.INSULATION_TEST, test, 6.0, volts=0.0))
    # Its time counts from the test on, not from the Standby.
    late = [finding for finding in play.findings if finding.rule == 'R11']
    assert [finding.time_s for finding in late] == (
        [] if target_v == 0.0 else [pytest.approx(2.5 + STRICT.test_rise_s, abs=0.2)])


BREAKS = {
    'gap in the status': ('R2', {'standby': {'period_s': 0.35}}),
    'status lost': ('R3', {'transfer': {'period_s': 99.0}, 'less': {'period_s': 99.0}}),
    'no status after the announcement': ('R2', {
        'idle': {'period_s': 99.0}, 'waking': {'seconds': 3.0}}),
    'never allowed': ('R6', {'waking': {'seconds': 35.2}}),
    'test voltage not reached': ('R11', {'rise': {'seconds': 6.0}}),
    'test voltage too high': ('R11', {'test': {'volts': 510.1}}),
    'output not lowered': ('R15', {'fall': {'seconds': 6.0}}),
    'precharge above its cap': ('R19', {'precharge': {'amps': 9.0}}),
    'precharge voltage not reached': ('R19', {'precharge': {'volts': 100.0, 'seconds': 6.0}}),
    'precharge voltage above the window': ('R19', {'precharge': {'volts': 390.0, 'seconds': 2.0}}),
    'current in standby': ('R21', {'standby': {'amps': 5.0}}),
    'current in Off': ('R22', {'waking': {'amps': -1.1}}),
    'current above the set-point': ('R24', {'transfer': {'amps': 110.0}}),
    'current below the set-point': ('R24', {'transfer': {'amps': 80.0}}),
    'current not reduced': ('R24', {'less': {'amps': 100.0}}),
    'current in the wrong direction': ('R24', {'transfer': {'amps': -20.0}}),
    'voltage above the set-point': ('R29', {'transfer': {'volts': 430.0}}),
    'current too long at the end': ('R42', {'ending': {'seconds': 3.5}}),
    'impossible temperature': ('R50', {'transfer': {'celsius': 121.0}}),
}


@pytest.mark.parametrize('name', BREAKS)
def test_each_breach_is_found_once_and_by_its_rule_alone(name):
    rule, changes = BREAKS[name]
    play = Play().session(**changes)
    assert play.broken[:1] == [rule]
    if name != 'gap in the status':
        # There, each new gap is an occurrence of its own.
        assert play.broken == [rule]
    assert set(play.broken) == {rule}


@pytest.mark.parametrize('changes', [
    {'standby': {'period_s': 0.2}},
    {'standby': {'amps': 0.9}},
    {'precharge': {'amps': 3.9}},
    {'transfer': {'amps': 101.9}},
    {'transfer': {'amps': 98.1}},
    {'transfer': {'volts': 417.9}},
    # The voltage limit permits any smaller current ..
    {'transfer': {'volts': 405.0, 'amps': 10.0}},
    # .. and a battery above the set-point is not the charger's doing.
    {'transfer': {'volts': 430.0, 'amps': 0.0}},
    {'ended': {'amps': 1.0}},
    {'rise': {'seconds': 4.8}},
    # R13: 0 is what is left where the controller reads the monitor, and the word of a yes/no
    # monitor that things are bad.
    {'rise': {'ohm': 0.0}, 'test': {'ohm': 0.0}},
    # R7, R8: the only word that a charger has for an emergency of its own.
    {'precharge': {'enable': 0}},
    {'less': {'enable': 0}},
    {'less': {'enable': 0, 'amps': 0.0}},
    {'test': {'volts': 509.9}},
    # The vehicle may take its time, the charger some.
    {'precharge': {'seconds': 9.0}},
    {'precharge': {'volts': 390.0, 'seconds': 0.9}},
    {'fall': {'seconds': 4.8}},
    {'test': {'ohm': 2e3}},
    # R14: the insulation itself is not the charger's fault.
    {'transfer': {'ohm': 2e3}},
    {'waking': {'enable': 0, 'seconds': 34.8}},
    {'waking': {'amps': 1.0}},
    {'transfer': {'celsius': 120.0}},
    # After the loop nobody needs the permission.
    {'ending': {'enable': 0}, 'ended': {'enable': 0}, 'open': {'enable': 0}},
    # L2 is not waited for, nor is L3 but in CHAdeMO (R16, R17).
    {'open': {'command': LOWERING_OPEN, 'volts': 360.0, 'seconds': 9.0},
     'closing': {'command': LOWERING_OPEN, 'volts': 360.0, 'seconds': 9.0}},
    # R48, R26: minutes without a command, and without a finding.
    {'standby': {'seconds': 300.0}},
    {'transfer': {'command': None, 'seconds': 60.0, 'amps': 60.0},
     'ramp': {'command': transfer(60.0)}},
])
def test_just_inside_the_limits_is_no_breach(changes):
    assert Play().session(**changes).findings == []


CHADEMO_BREAKS = [
    ('R18', {'closing': {'seconds': 5.3}}),
    # That nobody may charge any more does not excuse it.
    ('R18', {'closing': {'seconds': 5.3, 'enable': 0}}),
    ('R18', {'closed': {'volts': 10.1, 'seconds': 3.5}}),
    (None, {'closing': {'seconds': 4.8}}),
    (None, {'closed': {'volts': 10.0, 'seconds': 9.0}}),
    # R17: not in Ending_Charge, where a battery may be connected ..
    (None, {'lower': {'seconds': 9.0}}),
    # .. nor when nobody asks for it.
    (None, {'closing': {'seconds': 9.0, 'command': OPEN}}),
    ('R42', {'ended': {'amps': 5.1, 'seconds': 3.0}}),
    ('R42', {'ended': {'amps': -5.1, 'seconds': 3.0}}),
    # A controller that opens sooner does not make it late.
    (None, {'ended': {'amps': 5.1, 'seconds': 2.7}}),
    (None, {'ended': {'amps': -5.0}}),
    # R46: 5 s to raise the voltage and 3 s for the current.
    ('R24', {'raising': {'seconds': 8.2}, 'ramp': {'seconds': 0.0}}),
    (None, {'raising': {'seconds': 7.9}, 'ramp': {'seconds': 0.0}}),
    # Nothing asked for: nothing to hurry for.
    (None, {'standby': {'command': transfer(0.0), 'state': State.CHARGING, 'seconds': 30.0}}),
]


@pytest.mark.parametrize(('rule', 'changes'), CHADEMO_BREAKS)
def test_what_is_different_in_chademo(rule, changes):
    assert Play(CHADEMO).session(**changes).broken == ([rule] if rule else [])


def test_chademo_is_known_by_protocol_or_plug():
    for announcement in (
        NewChargeSession(Protocol.CHADEMO_V0_9, PlugAndPins.CCS_DC_CORE),
        NewChargeSession(Protocol.CCS_PWM, PlugAndPins.CHADEMO),
    ):
        assert Play(announcement).session().findings == []


def test_without_current_for_3_s_ccs_does_not_wait_for_a_voltage():
    for seconds, rules in ((2.9, []), (3.3, ['R24'])):
        play = Play().charging().transfer(transfer(100.0), seconds, 0.0, volts=250.0)
        assert play.broken == rules


@pytest.mark.parametrize(('low_a', 'high_a', 'amps', 'is_inside'), [
    # Both directions (A18): everything between the ends.
    (-40.0, 50.0, 50.9, True), (-40.0, 50.0, 51.1, False),
    (-40.0, 50.0, 0.0, True), (-40.0, 50.0, 3.0, True),
    (-40.0, 50.0, -40.9, True), (-40.0, 50.0, -41.1, False),
    # Charging only, with a least current.
    (5.0, 50.0, 4.1, True), (5.0, 50.0, 3.9, False), (5.0, 50.0, 51.1, False),
    (0.0, 50.0, 0.0, True), (0.0, 50.0, -1.1, False),
    # Discharging only.
    (-40.0, -5.0, -4.1, True), (-40.0, -5.0, -3.9, False), (-40.0, -5.0, -41.1, False),
    (-40.0, -5.0, 20.0, False),
    (0.0, 0.0, 0.9, True), (0.0, 0.0, -1.1, False),
])
def test_range_mode_leaves_the_choice_inside_the_range(low_a, high_a, amps, is_inside):
    """R25."""
    play = Play().charging().transfer(range_of(low_a, high_a), 4.0, amps)
    assert play.broken == ([] if is_inside else ['R25'])
    if not is_inside and low_a != high_a:
        assert f'range {low_a:.1f}..{high_a:.1f} A' in play.findings[0].text


def test_range_that_moves_is_followed_in_its_time():
    """R25, R28: a second to come down, three to come up."""
    play = Play().charging().transfer(range_of(-40.0, 50.0), 3.0, 50.0)
    play.transfer(range_of(-40.0, -5.0), 0.9, 50.0)
    play.transfer(range_of(-40.0, -5.0), 1.9, 0.0)
    play.transfer(range_of(-40.0, -5.0), 3.0, -5.0)
    for step in range(40):
        play.transfer(range_of(step - 40.0, step - 5.0), 0.1, min(max(-5.0, step - 45), step - 10))
    assert play.broken == []
    play.transfer(range_of(-40.0, 10.0), 3.0, 30.0)
    assert play.broken == ['R25']


def test_without_a_command_there_is_no_power():
    """R22: in idle, while waking, and in a controller that starts anew."""
    for phases in (
        [dataclasses.replace(SESSION['idle'], amps=1.1, seconds=3.3)],
        [dataclasses.replace(SESSION['negotiating'], amps=-1.1, seconds=3.3)],
        [SESSION['transfer'], Phase(State.INITIALISING, None, 3.3, amps=5.0)],
        # From one state to the next it is the same current.
        [dataclasses.replace(SESSION[name], amps=5.0, seconds=2.0)
         for name in ('idle', 'negotiating', 'idle', 'negotiating', 'idle', 'negotiating')],
    ):
        play = Play()
        for phase in phases:
            play.phase(phase)
        assert play.broken == ['R22']
    # Just inside: the time, and the current.
    play = Play()
    play.phase(dataclasses.replace(SESSION['idle'], amps=50.0, seconds=3.0))
    play.phase(dataclasses.replace(SESSION['idle'], amps=1.0))
    assert play.findings == []
    # A log that begins in mid-session has not heard the command.
    play = Play()
    play.phase(dataclasses.replace(SESSION['transfer'], command=None))
    assert play.findings == []


def test_a_current_may_come_down_as_slowly_as_a_charger_ramps():
    """R28: 20 A/s, after the second in which the old set-point counts."""
    for fall_a_per_s, rules in ((20.0, []), (15.0, ['R24'])):
        play = Play().charging().transfer(transfer(300.0), 4.0, 300.0)
        for step in range(100):
            play.transfer(transfer(20.0), 0.1, max(20.0, 300.0 - fall_a_per_s * step / 10))
        play.transfer(transfer(20.0), 3.0, 20.0)
        assert play.broken == rules
    for fall_a_per_s, rules in ((20.0, []), (15.0, ['R25'])):
        play = Play().charging().transfer(range_of(-300.0, -100.0), 4.0, -300.0)
        for step in range(100):
            play.transfer(range_of(-20.0, 0.0), 0.1, min(
                -20.0, fall_a_per_s * step / 10 - 300.0))
        assert play.broken == rules


@pytest.mark.parametrize(('more', 'rules'), [
    # The vehicle opens its contactors, something trips, or a limit and its command come later.
    ({'seconds': 1.3}, []), ({'seconds': 1.8}, ['R24'])])
def test_a_current_may_be_gone_before_one_knows_why(more, rules):
    play = Play(tolerances=dataclasses.replace(STRICT, short_s=1.5))
    play.charging().transfer(transfer(100.0), 8.0, 100.0)
    play.phase(Phase(State.CHARGING, None, more['seconds'], volts=360.0, amps=0.0))
    # In the end of the charge nobody asks for it.
    play.phase(Phase(State.ENDING_CHARGE, None, 5.0, volts=360.0, amps=0.0))
    assert play.broken == rules


def test_who_never_allowed_has_to_deliver_nothing():
    """R6 is the controller's: it goes on without."""
    play = Play()
    play.phase(SESSION['waking'], is_announced=True)
    for name in ('ready', 'test', 'fall', 'precharge', 'ramp', 'transfer'):
        play.phase(dataclasses.replace(
            SESSION[name], volts=0.0, amps=0.0, enable=0, seconds=9.0))
    assert play.findings == []


def test_nobody_bleeds_a_battery():
    """R16, R17: whatever is commanded."""
    play = Play().charging()
    play.phase(SESSION['precharge'])
    for state in (State.PRECHARGE, State.WAITING_FOR_CHARGE, State.ENDING_CHARGE):
        play.phase(Phase(state, LOWERING, 6.0, volts=355.0))
    assert play.findings == []


def test_what_is_bled_flows_backwards():
    play = Play()
    play.phase(SESSION['waking'], is_announced=True)
    play.phase(dataclasses.replace(SESSION['fall'], amps=-2.0, seconds=2.0))
    assert play.findings == []
    play.phase(dataclasses.replace(SESSION['fall'], amps=2.0, seconds=2.0))
    assert play.broken == ['R21']


def test_a_log_that_begins_in_a_transfer_does_not_know_what_was_before():
    """Set-points that were lowered, limits that were told, a permission that was given."""
    begin = Play()
    for step in range(60):
        begin.transfer(transfer(10.0), 0.1, max(10.0, 95.0 - 2.0 * step))
    assert begin.findings == []
    begin = Play().transfer(transfer(100.0, volts=900.0), 30.0, 30.0, volts=498.0)
    assert begin.findings == []
    begin.give(DcPowerParameters())
    begin.transfer(transfer(100.0, volts=900.0), 5.0, 30.0, volts=498.0)
    assert begin.broken == ['R24']
    begin = Play()
    for step in range(20):
        begin.phase(Phase(State.CLOSING_COMMUNICATION, STANDBY, 0.1, amps=40.0 - 2.0 * step))
    begin.transfer(transfer(10.0), 0.2, 10.0)
    begin.transfer(transfer(10.0), 9.0, 0.0, enable=0)
    begin.transfer(transfer(10.0), 9.0, 0.0, enable=1)
    assert begin.findings == []


def test_an_end_that_goes_on_was_none():
    """R41 of the controller, and no R42 of the charger."""
    play = Play().charging().transfer(transfer(100.0), 4.0, 100.0)
    play.phase(Phase(State.ENDING_CHARGE, STANDBY, 0.2, amps=50.0))
    play.transfer(transfer(50.0), 9.0, 50.0)
    assert play.findings == []


def test_a_large_step_takes_its_time():
    """R28: 20 A/s, upwards and through 0 A, too."""
    for first_a, second_a, rate, rules in (
        (10.0, 400.0, 40.0, []), (10.0, 400.0, 20.0, []), (10.0, 400.0, 15.0, ['R24']),
        (100.0, -100.0, 25.0, []), (100.0, -100.0, 15.0, ['R24']),
    ):
        play = Play().charging().transfer(transfer(first_a), 9.0, first_a)
        way = math.copysign(rate, second_a - first_a)
        for step in range(300):
            amps = first_a + way * step / 10
            amps = min(amps, second_a) if way > 0 else max(amps, second_a)
            play.transfer(transfer(second_a), 0.1, amps)
        assert play.broken[:1] == rules, (first_a, second_a, rate)
    # R29: the target voltage falls below the battery's, and the current follows.
    for rate, rules in ((20.0, []), (10.0, ['R29'])):
        play = Play().charging().transfer(transfer(100.0), 9.0, 100.0, volts=380.0)
        for step in range(100):
            play.transfer(
                transfer(0.0, volts=300.0), 0.1, max(0.0, 100.0 - rate * step / 10), volts=380.0)
        assert play.broken[:1] == rules
    # A pause does not take it away.
    play = Play().charging().transfer(transfer(100.0), 9.0, 100.0)
    for step in range(100):
        play.transfer(
            STANDBY if step < 15 else transfer(10.0), 0.1, max(10.0, 100.0 - 3.3 * step))
    assert play.findings == []


@pytest.mark.parametrize('delay_s', [0.15, 0.5, 0.8])
def test_out_of_a_standby_a_charger_needs_a_moment(delay_s):
    play = Play().charging()
    for step in range(250):
        play.transfer(transfer(300.0), 0.1, min(300.0, max(0.0, 2.0 * step - 20.0 * delay_s)))
    assert play.broken == []


def test_a_current_the_other_way_is_another_breach():
    """R24: what was too much a moment ago does not hide it."""
    play = Play().charging().transfer(transfer(100.0), 8.0, 100.0)
    play.transfer(transfer(100.0), 0.5, 150.0).transfer(transfer(100.0), 1.5, 100.0)
    play.transfer(transfer(100.0), 5.0, -100.0)
    assert play.broken == ['R24', 'R24']


def test_a_voltage_that_comes_and_goes_is_one_breach():
    """R29: each reading within the limit is no new beginning of a ramp."""
    play = Play().charging().transfer(transfer(100.0, volts=400.0), 8.0, 100.0)
    for _ in range(50):
        for volts in (425.0, 407.0):
            play.transfer(transfer(100.0, volts=400.0), 0.1, 100.0, volts=volts)
    assert play.broken == ['R29']


def test_what_was_there_does_not_permit_it_again():
    """R19: the output fell, and was raised above the window."""
    play = Play().charging()
    play.phase(dataclasses.replace(SESSION['standby'], volts=499.0, seconds=0.3))
    play.phase(dataclasses.replace(SESSION['precharge'], volts=300.0))
    play.phase(dataclasses.replace(SESSION['precharge'], volts=510.0, seconds=3.0))
    assert play.broken == ['R19']


def test_a_battery_is_not_bled_in_a_pause():
    """R17, R21."""
    play = Play().charging().transfer(transfer(100.0), 8.0, 100.0)
    play.transfer(STANDBY, 3.5, 0.0)
    play.transfer(LOWERING, 8.0, -20.0)
    assert play.broken == ['R21']


def test_what_is_there_already_need_not_be_sunk():
    """R21: a Standby bleeds nothing, and modules only source."""
    play = Play().charging()
    high = dataclasses.replace(PRECHARGE, target_voltage=400.0)
    for command, seconds in ((high, 3.0), (STANDBY, 1.0), (PRECHARGE, 5.0)):
        play.phase(Phase(State.PRECHARGE, command, seconds, volts=375.0))
    assert play.findings == []


def test_nobody_has_to_give_more_than_he_has_told():
    """R32, R33: to lower the limits is the right way to give less; 0 says nothing."""
    for told, amps, rules in (
        (DcPowerParameters(maximum_charge_current=50.0), 50.0, []),
        (DcPowerParameters(maximum_charge_current=50.0), 48.0, ['R24']),
        (DcPowerParameters(), 50.0, ['R24']),
    ):
        play = Play().charging().transfer(transfer(100.0), 4.0, 100.0)
        play.give(told)
        # A vehicle may ask once a minute (R26).
        play.transfer(None, 59.0, amps)
        assert play.broken == rules
    # It counts from before the session, too, and in both directions.
    play = Play()
    play.give(DcPowerParameters(maximum_charge_current=50.0, maximum_discharge_current=30.0))
    play.charging().transfer(transfer(100.0), 9.0, 50.0)
    play.transfer(range_of(-100.0, -60.0), 9.0, -30.0)
    assert play.broken == []
    # A higher limit has its time.
    play = Play()
    play.give(DcPowerParameters(maximum_charge_current=50.0))
    play.charging().transfer(transfer(100.0), 9.0, 50.0)
    play.give(DcPowerParameters(maximum_charge_current=80.0))
    play.transfer(transfer(100.0), 2.9, 50.0)
    assert play.broken == []
    play.transfer(transfer(100.0), 1.0, 50.0)
    assert play.broken == ['R24']
    # .. and what changes nothing of it has none.
    play = Play().charging().transfer(transfer(100.0), 4.0, 100.0)
    for step in range(5):
        play.give(DcPowerParameters(range_target_current=float(step)))
        play.transfer(transfer(100.0), 1.0, 0.0)
    assert play.broken == ['R24']


def test_nobody_has_to_give_more_volts_than_he_has_told():
    """R11, R19, R33."""
    for maximum_v, rules in ((400.0, []), (0.0, ['R11', 'R19'])):
        play = Play()
        play.give(DcPowerParameters(maximum_voltage=maximum_v))
        play.phase(SESSION['waking'], is_announced=True)
        play.phase(dataclasses.replace(SESSION['test'], volts=395.0, seconds=6.0))
        play.phase(SESSION['low'])
        high = dataclasses.replace(PRECHARGE, target_voltage=450.0)
        play.phase(Phase(State.PRECHARGE, high, 6.0, volts=395.0))
        assert play.broken == rules


def test_with_a_cap_of_0_a_the_precharge_may_stay_where_it_is():
    """R19, A13: to use the least current all the same is the charger's choice."""
    for cap_a, rules in ((0.0, []), (0.1, ['R19'])):
        play = Play().charging()
        play.phase(dataclasses.replace(
            SESSION['precharge'], command=dataclasses.replace(PRECHARGE, current_range_max=cap_a),
            volts=12.0, amps=0.0, seconds=9.0))
        assert play.broken == rules


@pytest.mark.parametrize(('command', 'rules'), [
    (None, ['R1']), (PRECHARGE, ['R1']), (STANDBY, []), (DcPowerControl(), [])])
def test_nobody_resumes_after_a_silent_controller(command, rules):
    """R1: not before a Standby or an Off says that the controller begins anew."""
    play = Play().charging().transfer(transfer(100.0), 4.0, 100.0)
    play.phase(Phase(None, None, 0.2, volts=367.0, amps=100.0))
    play.phase(Phase(None, None, 0.4, volts=367.0, amps=0.0))
    if command is not None:
        play.transfer(command, 0.5, 0.0)
    play.transfer(transfer(100.0), 9.0, 100.0)
    assert play.broken == rules
    if rules:
        assert 'no Standby or Off' in play.findings[0].text


def test_the_end_of_the_power_begins_with_its_standby():
    """R41, R42: not with the state, which may be there before."""
    for seconds, rules in ((2.8, []), (2.9, ['R42'])):
        play = Play().charging().transfer(transfer(100.0), 4.0, 100.0)
        play.phase(Phase(State.ENDING_CHARGE, None, 4.0, volts=367.0, amps=100.0))
        play.phase(Phase(State.ENDING_CHARGE, STANDBY, seconds, volts=367.0, amps=50.0))
        play.phase(SESSION['open'])
        assert play.broken == rules
    # .. or the Standby before the state.
    for seconds, rules in ((2.5, []), (3.6, ['R42'])):
        play = Play().charging().transfer(transfer(100.0), 4.0, 100.0)
        play.transfer(STANDBY, 0.3, 50.0)
        play.phase(Phase(State.ENDING_CHARGE, None, seconds, volts=367.0, amps=50.0))
        play.phase(SESSION['open'])
        assert play.broken == rules


def test_limits_that_were_delivered_twice_were_sent_once():
    """R4."""
    for second, rules in ((DcPowerParameters(), []), (DcPowerParameters(100.0), ['R4'])):
        play = Play()
        play.give(DcPowerParameters())
        play.now_s += 0.005
        play.give(second)
        assert play.broken == rules


def test_pause_in_the_charge_is_a_standby_as_any_other():
    """4.1: 0x41 inside of state 7."""
    for amps, rules in ((0.0, []), (9.0, ['R21'])):
        play = Play().charging().transfer(transfer(100.0), 2.0, 60.0)
        play.transfer(transfer(100.0), 2.0, 100.0)
        play.transfer(STANDBY, 2.9, 100.0)
        play.transfer(STANDBY, 5.0, amps)
        play.transfer(transfer(100.0), 2.5, 30.0)
        play.transfer(transfer(100.0), 2.0, 100.0)
        assert play.broken == rules


def test_a_pause_that_turns_into_off_has_the_time_of_a_pause():
    play = Play().charging().transfer(transfer(100.0), 4.0, 100.0)
    play.transfer(STANDBY, 0.2, 100.0)
    play.transfer(DcPowerControl(), 2.5, 50.0)
    assert play.findings == []
    play.transfer(DcPowerControl(), 0.7, 50.0)
    assert play.broken == ['R22']


def test_a_command_holds_for_a_minute():
    """R26."""
    play = Play().charging().transfer(transfer(100.0), 0.1, 0.0)
    play.transfer(None, 2.5, 50.0)
    play.transfer(None, 57.0, 100.0)
    assert play.broken == []
    play.transfer(None, 1.0, 80.0)
    assert play.broken == ['R24']


def test_modules_need_not_discharge_below_their_least_voltage():
    """R24, by a parameter: nothing on the bus tells that voltage."""
    for volts, rules in ((309.9, []), (310.0, ['R24'])):
        play = Play(tolerances=dataclasses.replace(STRICT, discharge_from_v=310.0)).charging()
        assert play.transfer(transfer(-40.0), 4.0, 0.0, volts=volts).broken == rules


def test_voltage_target_that_rises_leaves_time_for_the_current():
    play = Play().charging().transfer(transfer(100.0, volts=370.0), 4.0, 20.0, volts=368.0)
    play.transfer(transfer(100.0), 2.5, 20.0, volts=368.0)
    assert play.findings == []
    play.transfer(transfer(100.0), 1.0, 20.0, volts=368.0)
    assert play.broken == ['R24']


@pytest.mark.parametrize(('seconds', 'rules'), [(0.9, []), (1.3, ['R11'])])
def test_test_voltage_has_to_be_held(seconds, rules):
    play = Play()
    play.phase(SESSION['waking'], is_announced=True)
    for name, changes in (
        ('ready', {}), ('rise', {}), ('test', {}), ('test', {'volts': 449.0, 'seconds': seconds}),
        ('test', {}), ('fall', {}), ('low', {}),
    ):
        play.phase(dataclasses.replace(SESSION[name], **changes))
    assert play.broken == rules


def test_targets_that_move_are_reached_anew():
    """R11, R19: the time for it begins again."""
    play = Play()
    play.phase(SESSION['waking'], is_announced=True)
    for name in ('ready', 'rise', 'test'):
        play.phase(SESSION[name])
    higher = dataclasses.replace(
        SESSION['test'], command=dataclasses.replace(TEST, target_voltage=800.0), seconds=4.9)
    play.phase(higher)
    play.phase(dataclasses.replace(higher, volts=799.0))
    for name in ('fall', 'low'):
        play.phase(SESSION[name])
    play.phase(dataclasses.replace(SESSION['precharge'], volts=100.0, seconds=4.9))
    play.phase(dataclasses.replace(SESSION['precharge'], seconds=4.9))
    for target_v in (390.0, 360.0):
        moved = dataclasses.replace(PRECHARGE, target_voltage=target_v)
        play.phase(dataclasses.replace(SESSION['precharge'], command=moved, seconds=0.3))
        play.phase(dataclasses.replace(
            SESSION['precharge'], command=moved, volts=390.0, seconds=2.0))
    assert play.findings == []


@pytest.mark.parametrize('between', ['precharge', 'standby'])
def test_what_lasts_must_last_without_a_break(between):
    """R19: 0.1 s too much twice is not 0.2 s too much."""
    play = Play().charging()
    for _ in range(2):
        play.phase(dataclasses.replace(SESSION['precharge'], seconds=0.2, amps=9.0))
        play.phase(dataclasses.replace(SESSION[between], seconds=0.3))
    assert play.findings == []


def test_memory_of_set_points_does_not_grow():
    play = Play().charging()
    for step in range(500):
        play.transfer(transfer(0.1 * (step % 7)), 0.1, 0.0)
    assert len(play.rules.facts.output.setpoints) < 60


def test_voltage_set_point_counts_for_a_second_after_it_was_lowered():
    """R29."""
    for seconds, rules in ((0.9, []), (1.3, ['R29'])):
        play = Play().charging().transfer(transfer(50.0), 4.0, 50.0, volts=405.0)
        play.transfer(transfer(50.0, volts=380.0), seconds, 50.0, volts=405.0)
        assert play.broken == rules


def test_chademo_that_is_there_has_to_stay_there():
    """R46 gives time for the first current, and only from the first wish for it on."""
    play = Play(CHADEMO).charging().transfer(transfer(100.0), 1.0, 0.0, volts=250.0)
    play.transfer(transfer(100.0), 0.5, 100.0)
    play.transfer(transfer(100.0), 3.0, 0.0)
    assert play.broken == ['R24']
    for sign in (1.0, -1.0):
        play = Play(CHADEMO).charging().transfer(transfer(0.0), 20.0, 0.0, volts=250.0)
        for step in range(79):
            play.transfer(transfer(sign * (50.0 + step)), 0.1, 0.0, volts=250.0)
        assert play.findings == []
        play.transfer(transfer(sign * 130.0), 0.5, 0.0, volts=250.0)
        assert play.broken == ['R24']
    # After a pause it has its time again.
    play = Play(CHADEMO).charging().transfer(transfer(100.0), 4.0, 100.0)
    play.transfer(STANDBY, 1.0, 0.0)
    play.transfer(transfer(100.0), 4.9, 0.0, volts=250.0)
    play.transfer(transfer(100.0), 4.0, 100.0)
    assert play.findings == []


def test_test_voltage_that_is_taken_back_is_no_excess():
    """R11: back to 0 at the end, and modules cannot sink."""
    play = Play()
    play.phase(SESSION['waking'], is_announced=True)
    for name in ('ready', 'rise', 'test'):
        play.phase(SESSION[name])
    play.phase(dataclasses.replace(
        SESSION['test'], command=dataclasses.replace(TEST, target_voltage=0.0)))
    assert play.findings == []


def test_lasting_breach_is_found_again_only_after_it_was_mended():
    play = Play()
    phase = dataclasses.replace(SESSION['standby'], amps=5.0)
    play.phase(SESSION['waking'], is_announced=True)
    play.phase(phase)
    play.phase(phase)
    assert play.broken == ['R21']
    # What comes and goes is one breach.
    for _ in range(5):
        play.phase(dataclasses.replace(SESSION['standby'], seconds=0.5))
        play.phase(dataclasses.replace(phase, seconds=0.5))
    assert play.broken == ['R21']
    play.phase(dataclasses.replace(SESSION['standby'], seconds=2.5))
    play.phase(phase)
    assert play.broken == ['R21', 'R21']


def test_slow_ramp_of_the_request_is_followed():
    """R28: a request that rises by 6 A every 100 ms, the charger 0.5 s behind."""
    play = Play()
    play.phase(SESSION['waking'], is_announced=True)
    play.phase(SESSION['standby'])
    for step in range(60):
        play.phase(Phase(
            State.CHARGING, transfer(6.0 * step), 0.1, volts=365.0,
            amps=max(0.0, 6.0 * (step - 5))))
    assert play.findings == []


def test_discharging_is_judged_by_the_same_rule():
    """R23, R24: -20 A asked for."""
    for amps, rules in ((-20.0, []), (-26.0, ['R24']), (-5.0, ['R24'])):
        play = Play()
        play.phase(SESSION['waking'], is_announced=True)
        play.phase(Phase(State.CHARGING, transfer(-20.0), 6.0, volts=360.0, amps=amps))
        assert play.broken == rules


@pytest.mark.parametrize(('seconds', 'amps', 'rules'), [
    (2.0, 50.0, ['R38']), (0.7, -1.1, ['R38']), (0.5, 50.0, []), (2.0, 1.0, [])])
def test_emergency_has_to_stop_the_current(seconds, amps, rules):
    """R38, and no other rule speaks then."""
    play = Play()
    play.phase(SESSION['waking'], is_announced=True)
    play.phase(SESSION['ready'])
    play.phase(SESSION['transfer'])
    play.give(EmergencyStop())
    play.give(DcPowerControl())
    play.phase(Phase(
        State.CLOSING_COMMUNICATION, DcPowerControl(), seconds, volts=360.0, amps=amps, enable=0))
    assert play.broken == rules


@pytest.mark.parametrize(('silent_s', 'amps', 'rules'), [
    (0.7, 100.0, []), (0.9, 100.0, ['R1']), (9.0, 1.0, []), (9.0, -1.1, ['R1'])])
def test_silent_controller_has_to_be_obeyed(silent_s, amps, rules):
    """R1: 200 ms, and half a second to stop."""
    play = Play().charging().transfer(range_of(-40.0, 100.0), 2.0, 100.0)
    play.phase(Phase(None, None, silent_s - 0.1, volts=367.0, amps=amps))
    play.transfer(None, 1.0, 0.0, enable=0)
    assert play.broken == rules


def test_after_a_silent_controller_nothing_is_expected_but_no_excess():
    """R1: power comes back with a new sequence only, and System_Enable may be withdrawn."""
    play = Play().charging().transfer(transfer(100.0), 4.0, 100.0)
    play.phase(Phase(None, transfer(100.0), 0.1, volts=367.0, amps=100.0))
    play.phase(Phase(None, transfer(100.0), 0.2, volts=367.0, enable=0))
    play.transfer(transfer(100.0), 9.0, 0.0, enable=0)
    play.phase(dataclasses.replace(SESSION['rise'], seconds=9.0, enable=0))
    play.phase(dataclasses.replace(SESSION['fall'], seconds=9.0, enable=0))
    play.phase(dataclasses.replace(SESSION['precharge'], seconds=9.0, volts=0.0, enable=0))
    assert play.findings == []
    play.transfer(transfer(100.0), 1.0, 103.0, enable=0)
    assert play.broken == ['R24']


@pytest.mark.parametrize(('gap_s', 'is_excused'), [(0.17, False), (0.19, True)])
def test_a_late_status_of_the_controller_is_no_silence(gap_s, is_excused):
    play = Play().charging().transfer(transfer(100.0), 3.5, 100.0)
    play.now_s += gap_s - 0.1
    play.give(AdvanticsControllerStatus(State.CHARGING))
    play.transfer(transfer(100.0), 1.0, 50.0)
    assert play.broken == ([] if is_excused else ['R24'])


@pytest.mark.parametrize('during', [True, False])
def test_controller_that_starts_anew_leaves_nothing_behind(during):
    """State 0 in a session, or in an emergency: the next session is judged from the beginning."""
    play = Play().charging().transfer(transfer(100.0), 2.0, 100.0)
    if not during:
        play.give(EmergencyStop())
    play.give(SequenceControl(user_stop_button=1))
    play.phase(Phase(State.INITIALISING, None, 20.0, volts=360.0, amps=0.9, enable=0, period_s=3))
    assert play.session().findings == []
    assert play.session(less={'amps': 70.0}).broken == ['R24']


def bus_off(play, seconds, *, is_told=True):
    """Let nothing go either way for a while, and the rules know of it, or not."""
    if is_told:
        play.rules.pause()
    for _ in range(round(seconds / 0.05)):
        play._ms += 50
        play.now_s = play._ms / 1000
        play.findings += play.rules.tick(now_s=play.now_s)
    play._report_at_s = play.now_s
    if is_told:
        play.rules.resume(play.now_s)


@pytest.mark.parametrize(('is_told', 'rules'), [(True, []), (False, ['R39'])])
def test_bus_off_of_the_simulator_is_not_the_chargers_fault(is_told, rules):
    """R1 took the power away and it is not coming back; a button may have been let go."""
    play = Play().with_flags().charging().transfer(transfer(100.0), 3.5, 100.0)
    play.give(SequenceControl(user_stop_button=1))
    bus_off(play, 11.0, is_told=is_told)
    play.transfer(transfer(100.0), 9.0, 0.0, enable=0)
    assert play.broken == rules


def test_status_that_comes_again_after_a_bus_off_is_not_late():
    """R3, with the heartbeat of the controller heard at once."""
    play = Play().charging()
    play.rules.pause()
    play.now_s += 0.6
    play.rules.resume(play.now_s)
    play.give(AdvanticsControllerStatus(State.WAITING_FOR_CHARGE))
    play.give(PowerModulesStatus())
    assert play.findings == []


def test_after_a_bus_off_all_times_begin_anew():
    play = Play().charging().transfer(transfer(100.0), 3.5, 100.0)
    play.give(SequenceControl(chademo_start_button=1))
    play.give(STANDBY)
    bus_off(play, 30.0)
    play.transfer(STANDBY, 2.9, 100.0)
    assert play.findings == []
    play.transfer(STANDBY, 1.0, 100.0)
    assert play.broken == ['R21']
    play.transfer(STANDBY, 1.0, 0.0, period_s=0.7)
    assert play.broken == ['R21', 'R3']
    # A session that waits for the modules begins to wait again.
    play = Play()
    play.phase(SESSION['waking'], is_announced=True)
    bus_off(play, 60.0)
    play._report_at_s += 99.0
    play.phase(dataclasses.replace(SESSION['waking'], seconds=1.9))
    assert play.findings == []


def test_set_point_that_was_lowered_before_a_bus_off_counts_from_its_end():
    play = Play().charging().transfer(transfer(100.0), 3.5, 100.0)
    play.give(transfer(40.0))
    bus_off(play, 2.0)
    play.transfer(transfer(40.0), 0.9, 100.0)
    assert play.findings == []
    play.transfer(transfer(40.0), 1.0, 100.0)
    assert play.broken == ['R24']


def test_what_lasted_before_a_bus_off_does_not_go_on():
    play = Play().charging()
    over = dataclasses.replace(SESSION['precharge'], seconds=0.2, amps=9.0)
    play.phase(over)
    bus_off(play, 2.0)
    play.phase(over)
    assert play.findings == []


@pytest.mark.parametrize(('seconds', 'rules'), [(1.9, []), (2.2, ['R2'])])
def test_status_need_not_come_while_nobody_hears_it(seconds, rules):
    """R1, R2: a charger that took the controller for dead gets its time to come back."""
    play = Play().charging()
    play.phase(Phase(None, None, 20.0, period_s=99.0))
    play.phase(Phase(State.WAITING_FOR_CHARGE, None, seconds, period_s=99.0))
    assert play.broken == rules


def test_after_the_end_of_the_session_the_status_may_stop():
    """R40, and R2 the other way round."""
    play = Play().charging()
    play.give(ChargeSessionFinished())
    play.phase(dataclasses.replace(SESSION['closing'], seconds=3.0, period_s=99.0))
    assert play.findings == []


def test_session_that_begins_without_an_idle_state_is_a_new_one():
    """A42, with the one status of State 1 lost on the way."""
    play = Play().charging()
    play.phase(dataclasses.replace(SESSION['negotiating'], period_s=99.0))
    play.give(EmergencyStop())
    play._report_at_s = play.now_s
    play.phase(dataclasses.replace(SESSION['negotiating'], amps=9.0))
    assert play.broken == ['R38']
    assert play.session().broken == ['R38']


def test_permission_may_go_with_an_emergency():
    """R38, whatever the state says that crossed it on the way."""
    play = Play().charging().transfer(transfer(100.0), 2.0, 60.0)
    play.give(EmergencyStop())
    play.transfer(transfer(100.0), 1.0, 0.0, enable=0)
    play = Play()
    play.phase(SESSION['waking'], is_announced=True)
    play.give(EmergencyStop())
    play.phase(dataclasses.replace(SESSION['waking'], seconds=60.0))
    assert play.findings == []


def test_emergency_at_the_end_of_the_charge_is_the_emergencys():
    """R38, not R42."""
    play = Play().charging().transfer(transfer(100.0), 1.0, 60.0)
    play.phase(dataclasses.replace(SESSION['ending'], seconds=0.1))
    play.give(EmergencyStop())
    play.phase(dataclasses.replace(SESSION['open'], seconds=0.4, amps=30.0))
    assert play.findings == []


@pytest.mark.parametrize(('distance_s', 'rules'), [(0.05, ['R4']), (0.092, []), (0.1, [])])
def test_parameters_must_keep_their_distance(distance_s, rules):
    play = Play()
    for step in range(2):
        play.now_s = step * distance_s
        play.give(DcPowerParameters())
    assert play.broken == rules


@pytest.mark.parametrize(('rate_hz', 'rules'), [(39, []), (42, ['R2'])])
def test_status_that_comes_much_too_often_is_found_once(rate_hz, rules):
    play = Play()
    for step in range(6 * rate_hz):
        play.now_s = step / rate_hz
        play.give(PowerModulesStatus())
    assert play.broken == rules


def test_duplicates_and_the_burst_after_a_stall_are_no_flood():
    play = Play()
    for step in range(100):
        play.now_s = step / 10
        for _ in range(2 if step < 30 else 0 if step < 60 else 60 if step == 60 else 1):
            play.give(PowerModulesStatus())
    assert play.findings == []


def test_loss_that_nobody_looked_at_in_time_is_found_by_its_end():
    """R3: arrival is stamped, also when the judge was held up."""
    play = Play().charging()
    for _ in range(6):
        play.give(AdvanticsControllerStatus(State.WAITING_FOR_CHARGE))
        play.now_s += 0.1
    play.give(PowerModulesStatus(system_enable=SystemEnable.ALLOWED))
    assert play.broken == ['R3']


def test_stop_button_has_to_be_released_between_sessions():
    """R39."""
    play = Play().with_flags()
    play.phase(SESSION['idle'])
    play.give(SequenceControl(user_stop_button=1))
    play.phase(dataclasses.replace(SESSION['negotiating'], seconds=0.1))
    assert play.broken == ['R39']
    assert play.session().broken == ['R39']


@pytest.mark.parametrize('flags', [
    SequenceControl(user_stop_button=1), SequenceControl(chademo_start_button=1)])
def test_button_has_to_come_back(flags):
    """R39: after 10 s, said once, whether a session begins or not."""
    play = Play().with_flags()
    play.phase(SESSION['negotiating'])
    for _ in range(9):
        play.give(flags)
        play.phase(dataclasses.replace(SESSION['negotiating'], seconds=1.1))
    assert play.findings == []
    play.phase(dataclasses.replace(SESSION['negotiating'], seconds=0.3))
    assert play.broken == ['R39']
    play.phase(SESSION['waking'], is_announced=True)
    assert play.broken == ['R39']
    play.give(SequenceControl())
    play.give(flags)
    play.phase(SESSION['waking'])
    assert play.broken == ['R39']
    for _ in range(9):
        play.phase(SESSION['waking'])
    assert play.broken == ['R39', 'R39']


def test_buttons_that_do_what_they_are_for_are_no_breach():
    """R46: the start button begins the session; R39: outside of it a stop is harmless."""
    play = Play(CHADEMO)
    play.phase(SESSION['idle'])
    play.give(SequenceControl(user_stop_button=1))
    play.phase(SESSION['idle'])
    play.give(SequenceControl(chademo_start_button=1))
    play.phase(SESSION['negotiating'])
    play.give(SequenceControl())
    play.session()
    assert play.findings == []


def result(valid, done=1):
    return SequenceControl(ccs_authorisation_done=done, ccs_authorisation_valid=valid)


@pytest.mark.parametrize(('state', 'flags', 'rules'), [
    (State.CCS_AUTHORISATION_PROCESS, [result(0), result(1)], ['R36']),
    (State.CCS_AUTHORISATION_PROCESS, [result(1), result(0)], ['R36']),
    (State.CHARGING, [result(1), result(0), result(0), result(1)], ['R36']),
    # The refusal has taken effect before the late Valid comes.
    (State.CLOSING_COMMUNICATION, [result(0), result(1)], ['R36']),
    (State.CCS_AUTHORISATION_PROCESS,
     [result(0), result(1), result(0, 0), result(0), result(1)], ['R36', 'R36']),
    # Valid before Done, one after the other, and once more.
    (State.CCS_AUTHORISATION_PROCESS, [result(1, 0), result(1), result(1)], []),
    (State.CCS_AUTHORISATION_PROCESS, [result(0), result(0, 0), result(1)], []),
    # Nobody looks at it any more, or yet.
    (State.CLOSING_COMMUNICATION, [result(1), result(0), result(0, 0)], []),
    (State.INITIALISING, [result(0)], []),
    (State.WAITING_FOR_PEV, [result(0), result(1)], []),
])
def test_result_of_the_authorisation_is_final(state, flags, rules):
    """R36."""
    play = Play()
    play.give(AdvanticsControllerStatus(state))
    for each in flags:
        play.give(each)
    assert play.broken == rules
    # A controller that starts anew knows of nothing.
    play.give(AdvanticsControllerStatus(State.INITIALISING))
    play.give(AdvanticsControllerStatus(State.CCS_AUTHORISATION_PROCESS))
    play.give(result(not flags[-1].ccs_authorisation_valid))
    assert play.broken == rules


def test_unassigned_bits_and_undefined_values_are_found():
    """R52, and 2.2 for the labels."""
    play = Play()
    for _ in range(3):
        play.give(SequenceControl(), unassigned_bits=1 << 3)
    assert play.broken == ['R52']
    for _ in range(3):
        play.give(PowerModulesStatus(system_enable=7), undefined=('System_Enable=7',))
    assert play.broken == ['R52', 'R6']
    assert 'System_Enable=7' in play.findings[1].text
    # The LEDs of v3.6 are bits 4 to 27.
    play.give(AdmCsSeccOutputs(), unassigned_bits=(1 << 28) - (1 << 4))
    assert play.broken == ['R52', 'R6']
    play.give(AdmCsSeccOutputs(), unassigned_bits=1 << 28)
    play.give(AdmCsSeccOutputs(), unassigned_bits=1 << 3)
    assert play.broken == ['R52', 'R6', 'R52']
    play.findings.pop()
    # 1.4.4: what else such a frame says is not believed.
    play.give(PowerModulesStatus(
        system_enable=7, enclosure_temperature=215.0), undefined=('System_Enable=7',))
    assert play.broken == ['R52', 'R6']


def test_short_frame_is_found_until_a_good_one_comes():
    """1.4.2."""
    play = Play()
    for is_short in (True, True, False, True):
        if is_short:
            play.findings += play.rules.reject(
                PowerModulesStatus, 'Power_Modules_Status with 7 bytes', now_s=play.now_s)
        else:
            play.give(PowerModulesStatus())
    assert play.broken == ['1.4', '1.4']
    assert '7 bytes' in play.findings[0].text


def test_malformed_status_has_come_all_the_same():
    """Nobody is told that it is missing; R3 is another thing."""
    play = Play().charging()
    for step in range(20):
        play.now_s += 0.1
        play.give(AdvanticsControllerStatus(State.WAITING_FOR_CHARGE))
        if step < 10:
            play.give(PowerModulesStatus(system_enable=7), undefined=('System_Enable=7',))
        else:
            play.findings += play.rules.reject(PowerModulesStatus, 'short', now_s=play.now_s)
        play.findings += play.rules.tick(now_s=play.now_s)
    assert set(play.broken) == {'1.4', 'R6'}


@pytest.mark.parametrize('field', ['power_modules_temperature', 'enclosure_temperature'])
def test_careless_temperature_is_found_for_each_sensor(field):
    """R50: 0xFF is 215 °C."""
    play = Play()
    for celsius in (-40.0, 120.0, 215.0, 215.0):
        play.give(PowerModulesStatus(**{field: celsius}))
    assert play.broken == ['R50']
    assert '215' in play.findings[0].text


def test_newer_controllers_label_is_nobodys_breach():
    play = Play()
    play.give(AdvanticsControllerStatus(13), undefined=('State=13',))
    assert play.findings == []


def test_finding_says_when_who_what_and_with_which_values():
    play = Play().session(transfer={'amps': 110.0})
    finding = play.findings[0]
    assert isinstance(finding, Finding)
    assert finding.who == 'customer'
    assert finding.values['present_current_a'] == 110.0
    assert '110.0 A' in finding.text
    assert 10 < finding.time_s < 25
    with pytest.raises(dataclasses.FrozenInstanceError):
        finding.rule = 'R1'


def test_a_controller_in_a_state_of_a_newer_version_lives():
    """R1 asks for the frame, not for a state that is known here."""
    play = Play().charging().transfer(transfer(100.0), 3.0, 100.0)
    for _ in range(20):
        play.give(AdvanticsControllerStatus(13), undefined=('State=13',))
        play.phase(dataclasses.replace(
            SESSION['transfer'], state=None, command=None, seconds=0.1))
    assert play.findings == []


# Voltages on their way: what no page bounds is an observation.

WIDE = dataclasses.replace(
    STRICT, rise_v_per_s=Tolerances.rise_v_per_s, lowering_v_per_s=Tolerances.lowering_v_per_s)
HIGH_TEST = dataclasses.replace(TEST, target_voltage=920.0)


def ramp(play, phase, begin_v, end_v, v_per_s, at_most_s=math.inf):
    """Play one phase with a voltage that changes evenly."""
    seconds = min(abs(end_v - begin_v) / v_per_s, at_most_s)
    for step in range(round(seconds / 0.1)):
        volts = begin_v + math.copysign(v_per_s * 0.1 * step, end_v - begin_v)
        play.phase(dataclasses.replace(phase, seconds=0.1, volts=volts))


def high_test(rise_v_per_s, fall_v_per_s):
    """Play an insulation test at 920 V, up and down at these slopes."""
    play = Play(tolerances=WIDE)
    play.phase(SESSION['waking'], is_announced=True)
    play.phase(SESSION['ready'])
    test = dataclasses.replace(SESSION['test'], command=HIGH_TEST)
    ramp(play, test, 0.0, 920.0, rise_v_per_s)
    play.phase(dataclasses.replace(test, volts=920.0))
    ramp(play, SESSION['fall'], 920.0, 12.0, fall_v_per_s)
    play.phase(SESSION['low'])
    return play


@pytest.mark.parametrize('v_per_s', [
    (200.0, 100.0),
    # As slow as the times allow: 5 s and 920 V at the slopes of the tolerances.
    (88.0, 65.0),
])
def test_a_charger_may_ramp_as_others_do(v_per_s):
    """R11, R15."""
    assert high_test(*v_per_s).findings == []


@pytest.mark.parametrize(('v_per_s', 'observed'), [
    ((80.0, 100.0), ['R11']), ((200.0, 60.0), ['R15']), ((40.0, 30.0), ['R11', 'R15'])])
def test_who_is_slower_and_still_on_his_way_breaks_nothing(v_per_s, observed):
    play = high_test(*v_per_s)
    assert (play.broken, play.observed) == ([], observed)
    assert all('still on its way' in finding.text for finding in play.findings)


@pytest.mark.parametrize(('stuck_v', 'v_per_s'), [(700.0, 100.0), (0.0, 1.0)])
def test_who_stops_on_the_way_up_breaks_the_rule(stuck_v, v_per_s):
    """R11: it was 9.6 s in all."""
    play = Play(tolerances=WIDE)
    play.phase(SESSION['waking'], is_announced=True)
    play.phase(SESSION['ready'])
    test = dataclasses.replace(SESSION['test'], command=HIGH_TEST)
    ramp(play, test, 0.0, stuck_v, v_per_s)
    play.phase(dataclasses.replace(test, volts=stuck_v, seconds=9.5 - stuck_v / v_per_s))
    assert play.findings == []
    play.phase(dataclasses.replace(test, volts=stuck_v, seconds=3.0))
    assert (play.broken, play.observed) == (['R11'], [])


@pytest.mark.parametrize(('v_per_s', 'broken', 'observed'), [
    # What merely discharges is not lowered actively ..
    (5.0, ['R15'], []),
    # .. and who lowers slowly does lower.
    (40.0, [], ['R15']),
])
def test_an_output_that_just_discharges_is_not_lowered(v_per_s, broken, observed):
    play = Play(tolerances=WIDE)
    play.phase(SESSION['waking'], is_announced=True)
    for name in ('ready', 'rise', 'test'):
        play.phase(SESSION[name])
    ramp(play, SESSION['fall'], 499.0, 0.0, v_per_s, at_most_s=12.0)
    assert (play.broken, play.observed) == (broken, observed)


@pytest.mark.parametrize(('v_per_s', 'broken', 'observed'), [
    (80.0, [], []), (45.0, [], ['R19']), (0.0, ['R19'], [])])
def test_a_precharge_has_time_for_its_way(v_per_s, broken, observed):
    """R19: 6.8 s to 360 V."""
    play = Play(tolerances=WIDE)
    play.phase(SESSION['waking'], is_announced=True)
    if v_per_s:
        ramp(play, SESSION['precharge'], 0.0, 350.0, v_per_s)
    else:
        play.phase(dataclasses.replace(SESSION['precharge'], volts=100.0, seconds=9.0))
    play.phase(dataclasses.replace(SESSION['precharge'], volts=350.0 if v_per_s else 100.0))
    assert (play.broken, play.observed) == (broken, observed)


@pytest.mark.parametrize(('v_per_s', 'observed'), [(60.0, []), (30.0, ['R18'])])
def test_the_plug_of_chademo_may_take_its_time(v_per_s, observed):
    """R18: 5 s, and 3.6 s for 360 V."""
    play = Play(CHADEMO, tolerances=WIDE)
    for name, phase in CHADEMO_SESSION.items():
        if name == 'closing':
            break
        play.phase(phase, is_announced=name == 'waking')
    ramp(play, CHADEMO_SESSION['closing'], 360.0, 0.0, v_per_s)
    assert (play.broken, play.observed) == ([], observed)


# The window of the precharge (R19)

def swinging(seconds, *, out_s, in_s, out_v=200.0, target_v=360.0):
    """Play a precharge whose voltage goes in and out of the window."""
    play = Play()
    play.phase(SESSION['waking'], is_announced=True)
    command = dataclasses.replace(PRECHARGE, target_voltage=target_v)
    phase = dataclasses.replace(SESSION['precharge'], command=command, volts=target_v)
    begin_s = play.now_s
    while play.now_s - begin_s < seconds:
        play.phase(dataclasses.replace(phase, seconds=in_s))
        play.phase(dataclasses.replace(phase, seconds=out_s, volts=out_v))
    return play


@pytest.mark.parametrize(('out_s', 'in_s', 'out_v', 'target_v'), [
    (1.0, 1.0, 200.0, 364.7), (0.4, 0.4, 339.9, 360.0), (0.1, 0.3, 300.0, 360.0),
    (1.2, 5.0, 0.0, 360.0)])
def test_the_window_of_the_precharge_is_held_not_touched(out_s, in_s, out_v, target_v):
    play = swinging(12.0, out_s=out_s, in_s=in_s, out_v=out_v, target_v=target_v)
    assert play.broken == ['R19']
    assert 'window' in play.findings[0].text


@pytest.mark.parametrize(('out_s', 'in_s', 'out_v'), [
    # One second altogether is permitted, ..
    (0.5, 5.0, 200.0),
    # .. and 20 V are the window.
    (1.0, 1.0, 340.0)])
def test_who_is_out_of_the_window_for_a_moment_breaks_nothing(out_s, in_s, out_v):
    assert swinging(10.0, out_s=out_s, in_s=in_s, out_v=out_v).findings == []


def test_a_target_of_the_precharge_that_moves_is_another_window():
    """A battery that is found at another voltage: the charger has its time again."""
    play = Play()
    play.phase(SESSION['waking'], is_announced=True)
    play.phase(SESSION['precharge'])
    higher = dataclasses.replace(
        SESSION['precharge'], command=dataclasses.replace(PRECHARGE, target_voltage=400.0))
    play.phase(dataclasses.replace(higher, seconds=4.8))
    play.phase(dataclasses.replace(higher, volts=399.0))
    assert play.findings == []
    # A target that trembles is the same one.
    for target_v in (400.1, 399.9) * 3:
        play.phase(dataclasses.replace(
            higher, volts=350.0, seconds=0.3,
            command=dataclasses.replace(PRECHARGE, target_voltage=target_v)))
    assert play.broken == ['R19']


# Flags that are not in use (R34, R39)

@pytest.mark.parametrize('flags', [
    SequenceControl(user_stop_button=1),
    SequenceControl(start_charge_authorisation=1, user_stop_button=1),
    SequenceControl(chademo_start_button=1)])
def test_a_button_held_where_no_flags_are_in_use_is_no_breach(flags):
    play = Play()
    play.phase(SESSION['idle'])
    play.give(flags)
    play.phase(dataclasses.replace(SESSION['idle'], seconds=10.5))
    assert (play.broken, play.observed) == ([], ['R39'])
    play.session()
    assert (play.broken, play.observed) == ([], ['R39'])


def test_a_controller_that_restarts_may_have_another_configuration():
    """R39: with State 0 it is not known any more whether flags are in use."""
    play = Play().with_flags()
    play.phase(Phase(State.INITIALISING, None, 1.0, enable=0))
    play.give(SequenceControl(user_stop_button=1))
    play.phase(dataclasses.replace(SESSION['idle'], seconds=10.5))
    assert (play.broken, play.observed) == ([], ['R39'])
    # It waits for the start: now it is known.
    play.give(SequenceControl())
    play.phase(Phase(State.NOT_AVAILABLE, None, 1.0, enable=0))
    play.give(SequenceControl(user_stop_button=1))
    play.phase(dataclasses.replace(SESSION['idle'], seconds=10.5))
    assert (play.broken, play.observed) == (['R39'], ['R39'])


# Readings that cannot be, and odd ones (R5)

def carrying(volts, amps, seconds, *, command=None):
    """Play a transfer with these readings, after a precharge to 360 V."""
    play = Play()
    play.phase(SESSION['waking'], is_announced=True)
    play.phase(SESSION['precharge'])
    return play.transfer(command or transfer(amps), seconds, amps, volts=volts)


@pytest.mark.parametrize(('volts', 'amps'), [(0.0, 100.0), (19.9, 6.0), (0.0, -40.0)])
def test_no_battery_is_charged_at_no_voltage(volts, amps):
    play = carrying(volts, amps, 8.0)
    assert (play.broken, play.observed) == (['R5'], [])
    assert f'{volts:.1f} V at {amps:.1f} A' in play.findings[0].text


@pytest.mark.parametrize(('volts', 'amps', 'seconds'), [
    # A battery of 48 V would do, an offset of the current, and a moment.
    (0.0, 5.0, 4.0), (0.0, 100.0, 1.0), (181.0, 100.0, 4.0)])
def test_low_readings_that_may_be(volts, amps, seconds):
    assert carrying(volts, amps, seconds).findings == []


@pytest.mark.parametrize('volts', [179.0, 20.1])
def test_a_voltage_far_below_that_of_the_battery_is_odd(volts):
    play = carrying(volts, 100.0, 4.0)
    assert (play.broken, play.observed) == ([], ['R5'])


@pytest.mark.parametrize(('volts', 'rules'), [(1500.0, []), (1500.1, ['R5']), (6553.5, ['R5'])])
def test_no_charger_has_more_than_1500_v(volts, rules):
    """In the idle state: above a set-point it would be another breach as well."""
    play = Play()
    play.phase(SESSION['idle'])
    play.phase(dataclasses.replace(SESSION['idle'], volts=volts))
    assert play.broken == rules


def stuck(volts_of, *, least_a=40.0, target_v=408.0, told_v=0.0):
    """Play a transfer whose current falls from 100 A, with a voltage as a function of it."""
    play = Play()
    play.give(DcPowerParameters(maximum_voltage=told_v))
    play.phase(SESSION['waking'], is_announced=True)
    play.phase(SESSION['precharge'])
    for amps in (100.0, 85.0, 70.0, 55.0, least_a):
        play.transfer(transfer(amps, target_v), 3.0, amps, volts=volts_of(amps))
    return play


def test_a_voltage_that_never_moves_is_odd():
    play = stuck(lambda _amps: 372.7)
    assert (play.broken, play.observed) == ([], ['R5'])
    assert 'exactly 372.7 V' in play.findings[0].text


@pytest.mark.parametrize('play', [
    lambda: stuck(lambda amps: round(365.0 + 0.01 * amps, 1)),
    # The current has hardly changed, the set-point holds the voltage, or a limit of the charger.
    lambda: stuck(lambda _amps: 372.7, least_a=51.0),
    lambda: stuck(lambda _amps: 372.7, target_v=380.0),
    lambda: stuck(lambda _amps: 372.7, told_v=373.0)],
    ids=['follows', 'steady current', 'held', 'limited'])
def test_a_voltage_that_stands_for_a_reason_is_not(play):
    assert play().findings == []


@pytest.mark.parametrize(('amps', 'seconds', 'observed'), [
    (5.0, 3.0, []), (20.0, 0.9, []), (20.0, 3.0, ['R11'])])
def test_a_current_in_the_insulation_test_is_odd(amps, seconds, observed):
    """A short circuit, or a reading that is none: no page bounds it."""
    play = Play()
    play.phase(SESSION['waking'], is_announced=True)
    for name in ('ready', 'rise', 'test'):
        play.phase(SESSION[name])
    play.phase(dataclasses.replace(SESSION['test'], amps=amps, seconds=seconds))
    assert (play.broken, play.observed) == ([], observed)
