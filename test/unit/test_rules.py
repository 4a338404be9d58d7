"""Each rule that binds the charger is broken once, and found by that rule alone."""

import dataclasses

import pytest

from gi3_ros.core.rules import CustomerRules, Finding
from gi3_ros.core.signals import (
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    DcPowerControl,
    DcPowerParameters,
    EmergencyStop,
    NewChargeSession,
    PowerModulesStatus,
    SequenceControl,
)

State = AdvanticsControllerStatus.State
Function = DcPowerControl.PowerFunction

STANDBY = DcPowerControl(power_function=Function.STANDBY, output_contactors=1)
OPEN = DcPowerControl(power_function=Function.STANDBY)
LOWERING = dataclasses.replace(STANDBY, lower_output_voltage=1)
TEST = DcPowerControl(
    target_voltage=500.0, power_function=Function.INSULATION_TEST, output_contactors=1)
PRECHARGE = DcPowerControl(
    target_voltage=360.0, current_range_max=2.0, power_function=Function.PRECHARGE,
    setpoints_mode=1, output_contactors=1)


def transfer(amps, volts=408.0):
    return DcPowerControl(
        target_voltage=volts, current_range_max=amps, current_range_min=amps,
        power_function=Function.POWER_TRANSFER, output_contactors=1)


@dataclasses.dataclass(frozen=True)
class Phase:
    """A piece of a session: what the controller says, what a good charger reports."""

    state: State
    command: DcPowerControl | None
    seconds: float
    volts: float = 0.0
    amps: float = 0.0
    ohm: float = 500e3
    enable: int = 1
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


class Play:
    """Plays a session to the rules, with changes."""

    def __init__(self):
        self.rules = CustomerRules()
        self.findings = []
        self.now_s = 0.0
        self._report_at_s = 0.0
        self._ms = 0

    def give(self, message, **more):
        self.findings += self.rules.receive(message, now_s=self.now_s, **more)

    def phase(self, phase, *, is_announced=False):
        for _ in range(round(phase.seconds / 0.05)):
            if self._ms % 100 == 0:
                self.give(AdvanticsControllerStatus(phase.state))
                if is_announced:
                    self.give(NewChargeSession())
                if phase.command is not None:
                    self.give(phase.command)
            if self.now_s >= self._report_at_s - 1e-9:
                self._report_at_s = self.now_s + phase.period_s
                self.give(PowerModulesStatus(
                    present_voltage=phase.volts, present_current=phase.amps,
                    system_enable=PowerModulesStatus.SystemEnable(phase.enable),
                    insulation_resistance=phase.ohm,
                ))
            self.findings += self.rules.tick(now_s=self.now_s)
            self._ms += 50
            self.now_s = self._ms / 1000

    def session(self, **changes):
        for name, phase in SESSION.items():
            phase = dataclasses.replace(phase, **changes.pop(name, {}))
            self.phase(phase, is_announced=name == 'waking')
        self.give(ChargeSessionFinished())
        self.phase(SESSION['idle'])
        assert not changes
        return self

    @property
    def broken(self):
        return [finding.rule for finding in self.findings]


def test_good_session_breaks_nothing():
    assert Play().session().findings == []


def test_good_session_breaks_nothing_the_second_time():
    assert Play().session().session().findings == []


BREAKS = {
    'gap in the status': ('R2', {'standby': {'period_s': 0.35}}),
    'status lost': ('R3', {'transfer': {'period_s': 99.0}, 'less': {'period_s': 99.0}}),
    'no status after the announcement': ('R2', {
        'idle': {'period_s': 99.0}, 'waking': {'seconds': 3.0}}),
    'withdrawal in the loop': ('R8', {'less': {'enable': 0}}),
    'test voltage not reached': ('R11', {'rise': {'seconds': 6.0}}),
    'no insulation value in the test': ('R13', {'test': {'ohm': 0.0}}),
    'output not lowered': ('R15', {'fall': {'seconds': 6.0}}),
    'precharge above its cap': ('R19', {'precharge': {'amps': 9.0}}),
    'precharge voltage not reached': ('R19', {'precharge': {'volts': 100.0, 'seconds': 6.0}}),
    'precharge voltage above the window': ('R19', {'precharge': {'volts': 390.0, 'seconds': 2.0}}),
    'current in standby': ('R21', {'standby': {'amps': 5.0}}),
    'current above the set-point': ('R24', {'transfer': {'amps': 110.0}}),
    'current below the set-point': ('R24', {'transfer': {'amps': 80.0}}),
    'current not reduced': ('R24', {'less': {'amps': 100.0}}),
    'current in the wrong direction': ('R24', {'transfer': {'amps': -20.0}}),
    'voltage above the set-point': ('R29', {'transfer': {'volts': 430.0}}),
    'current when the contactors open': ('R42', {'ended': {'amps': 6.0}}),
    'current too long at the end': ('R42', {'ending': {'seconds': 3.5}}),
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
    {'fall': {'seconds': 4.8}},
    {'test': {'ohm': 2e3}},
    {'waking': {'enable': 0, 'seconds': 30.0}},
    {'standby': {'enable': 0}, 'ramp': {'seconds': 0.0}, 'transfer': {'seconds': 0.0},
     'less': {'seconds': 0.0}, 'ending': {'seconds': 0.0}},
])
def test_just_inside_the_limits_is_no_breach(changes):
    assert Play().session(**changes).findings == []


def test_lasting_breach_is_found_again_only_after_it_was_mended():
    play = Play()
    phase = dataclasses.replace(SESSION['standby'], amps=5.0)
    play.phase(SESSION['waking'], is_announced=True)
    play.phase(phase)
    play.phase(phase)
    assert play.broken == ['R21']
    play.phase(SESSION['standby'])
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


def test_emergency_has_to_stop_the_current():
    """R38, and no other rule speaks then."""
    play = Play()
    play.phase(SESSION['waking'], is_announced=True)
    play.phase(SESSION['ready'])
    play.phase(SESSION['transfer'])
    play.give(EmergencyStop())
    play.give(DcPowerControl())
    play.phase(Phase(
        State.CLOSING_COMMUNICATION, DcPowerControl(), 2.0, volts=360.0, amps=50.0, enable=0))
    assert play.broken == ['R38']


@pytest.mark.parametrize(('distance_s', 'rules'), [(0.05, ['R4']), (0.092, []), (0.1, [])])
def test_parameters_must_keep_their_distance(distance_s, rules):
    play = Play()
    for step in range(2):
        play.now_s = step * distance_s
        play.give(DcPowerParameters())
    assert play.broken == rules


def test_button_has_to_be_released_between_sessions():
    """R39."""
    play = Play()
    play.give(SequenceControl(user_stop_button=1))
    play.session()
    assert play.broken == ['R39']


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
