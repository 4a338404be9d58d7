# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Each number that judges the controller, just inside of it and just outside."""

import dataclasses
import functools
import tracemalloc

from amount import many
from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from gi3_ros.core.interface.codec import decode, encode, Received
from gi3_ros.core.interface.frame import Frame
from gi3_ros.core.interface.layout import CONTROLLER
from gi3_ros.core.interface.signals import (
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    ChargeStatusChange,
    DcPowerControl,
    DcPowerParameters,
    EmergencyStop,
    EvInformationBattery,
    EvInformationChargeLimits,
    EvInformationDischargeLimits,
    EvInformationVoltages,
    MESSAGES,
    NewChargeSession,
    PowerModulesStatus,
    SequenceControl,
)
from gi3_ros.core.rules.judge import Judge
from gi3_ros.core.rules.rulebook import Rulebook

State = AdvanticsControllerStatus.State
Function = DcPowerControl.PowerFunction
Protocol = NewChargeSession.CommunicationProtocol
PlugAndPins = NewChargeSession.PlugAndPins

CCS = NewChargeSession(Protocol.CCS_ISO_15118_2022, PlugAndPins.CCS_DC_EXTENDED)
CHADEMO = NewChargeSession(Protocol.CHADEMO_V2_0, PlugAndPins.CHADEMO)
INFORMATION = (
    EvInformationBattery(), EvInformationVoltages(), EvInformationChargeLimits(),
    EvInformationDischargeLimits())
STARTED = ChargeStatusChange(ChargeStatusChange.VehicleReadyForCharging.CHARGE_STARTED)
STOPPED = ChargeStatusChange(ChargeStatusChange.VehicleReadyForCharging.CHARGE_STOPPED)
EMERGENCY = EmergencyStop(EmergencyStop.Origin.EVSE)
CLEAN = ChargeSessionFinished(ChargeSessionFinished.State.CLEAN_STOP)
RUSHED = ChargeSessionFinished(ChargeSessionFinished.State.RUSHED_STOP)
ALLOWED = SequenceControl(
    start_charge_authorisation=1, ccs_authorisation_done=1, ccs_authorisation_valid=1,
    charge_parameters_done=1)
PRESSED = dataclasses.replace(ALLOWED, user_stop_button=1)

STANDBY = DcPowerControl(power_function=Function.STANDBY, output_contactors=1)
OPEN = DcPowerControl(power_function=Function.STANDBY)
LOWERING = dataclasses.replace(STANDBY, lower_output_voltage=1)
LOWERING_OPEN = dataclasses.replace(OPEN, lower_output_voltage=1)
TEST = DcPowerControl(
    target_voltage=500.0, power_function=Function.INSULATION_TEST, output_contactors=1)
PRECHARGE = DcPowerControl(
    target_voltage=360.0, current_range_max=2.0, power_function=Function.PRECHARGE,
    setpoints_mode=1, output_contactors=1)
TRANSFER = DcPowerControl(
    target_voltage=900.0, current_range_max=100.0, current_range_min=100.0,
    power_function=Function.POWER_TRANSFER, output_contactors=1)


def transfer(low_a, high_a):
    return dataclasses.replace(
        TRANSFER, current_range_min=low_a, current_range_max=high_a,
        setpoints_mode=int(low_a != high_a))


class Play:
    """Plays a session to the rules, 10 ms at a time; what repeats by itself is repeated."""

    def __init__(self, announcement=CCS):
        self.rules = Rulebook(ends=(CONTROLLER,))
        self.announcement = announcement
        self.findings = []
        self.state = State.WAITING_FOR_PEV
        """``None``: the controller is silent."""
        self.status = PowerModulesStatus(insulation_resistance=500e3)
        """``None``: the charger is silent."""
        self.is_announcing = False
        self.has_emergency = False
        self.command = None
        """Repeated every 100 ms; commands need not be."""
        self._ms = 0

    @property
    def now_s(self):
        return self._ms / 1000

    @property
    def broken(self):
        return [each.rule for each in self.findings]

    def give(self, *messages):
        for message in messages:
            self.findings += self.rules.receive(message, now_s=self.now_s)

    def run(self, seconds, state=None, **measured):
        if state is not None:
            self.state = state
        if measured and self.status is not None:
            self.status = dataclasses.replace(self.status, **measured)
        for _ in range(round(seconds * 100)):
            self._ms += 10
            if self._ms % 100 == 0:
                if self.state is not None:
                    self.give(AdvanticsControllerStatus(self.state))
                for message, is_sent in (
                        (self.announcement, self.is_announcing), (EMERGENCY, self.has_emergency),
                        (self.command, self.command is not None),
                        (self.status, self.status is not None)):
                    if is_sent:
                        self.give(message)
            self.findings += self.rules.tick(now_s=self.now_s)
        return self

    def silence(self, seconds):
        """Let the controller say nothing; another state has to be set afterwards."""
        state, self.state = self.state, None
        self.run(seconds)
        self.state = state
        return self

    # A good session

    def announced(self, *, system_enable=1, information=INFORMATION):
        self.run(1.0, State.WAITING_FOR_PEV).run(1.0, State.NEGOTIATING_CONNECTION)
        self.run(0.1, State.CONNECTED_WITH_FULL_INFO)
        self.give(self.announcement, *information)
        self.is_announcing = True
        self.run(0.5, State.INSULATION_TEST, system_enable=system_enable)
        self.is_announcing = not system_enable
        return self

    def tested(self, volts=499.0, ohm=500e3):
        self.give(STANDBY)
        self.run(0.2)
        self.give(TEST)
        return self.run(1.0, present_voltage=volts, insulation_resistance=ohm)

    def lowered(self, volts=10.0):
        self.give(LOWERING)
        self.run(0.2, present_voltage=150.0)
        return self.run(0.5, present_voltage=volts)

    def waiting(self):
        """Go to the end of the Standby before the transfer."""
        self.announced().tested().lowered()
        if self.announcement is CCS:
            self.give(PRECHARGE)
            self.run(0.5, State.PRECHARGE, present_voltage=350.0)
        self.give(STANDBY)
        self.give(STARTED)
        return self.run(0.5, State.WAITING_FOR_CHARGE)

    def charging(self):
        self.waiting()
        self.give(TRANSFER)
        return self.run(0.5, State.CHARGING, present_voltage=360.0, present_current=100.0)

    def ended(self, seconds=0.3, amps=0.0):
        """Stop the power; the contactors are still closed."""
        self.run(0.1, State.ENDING_CHARGE)
        self.give(STOPPED, STANDBY)
        return self.run(seconds, present_current=amps)

    def closed(self):
        self.give(OPEN)
        self.give(LOWERING_OPEN)
        return self.run(0.5, State.CLOSING_COMMUNICATION, present_voltage=10.0)

    def whole(self):
        """Charge and end."""
        self.charging().run(1.0)
        self.ended().closed()
        self.give(CLEAN)
        return self.run(2.0).run(2.0, State.WAITING_FOR_PEV)


@pytest.mark.parametrize('announcement', [CCS, CHADEMO], ids=['CCS', 'CHAdeMO'])
def test_good_sessions_break_nothing(announcement):
    play = Play(announcement)
    play.command = None
    if announcement is CHADEMO:
        # Its vehicle asks every 100 ms.
        play.waiting()
        play.command = TRANSFER
        play.give(TRANSFER)
        play.run(3.0, State.CHARGING)
        play.command = None
        play.ended().closed()
        play.give(CLEAN)
        play.run(2.0).run(2.0, State.WAITING_FOR_PEV)
    else:
        play.whole().whole()
    assert play.findings == []


# What is judged by a number: (play, number) -> the breach, where the number is beyond the limit.

def heartbeat(play, seconds):
    play.run(1.0)
    play.silence(seconds)
    play.give(AdvanticsControllerStatus(play.state))
    play.run(0.2)


def announcement_gap(play, seconds):
    play.announced(system_enable=0)
    play.is_announcing = False
    play.run(seconds)
    play.is_announcing = True
    play.give(play.announcement)
    play.run(0.2)


def information(play, seconds):
    play.announced(system_enable=0, information=INFORMATION[:3])
    play.run(seconds - 0.5)
    play.give(INFORMATION[3])
    play.run(1.0)


def early_information(play, seconds):
    play.run(1.0, State.WAITING_FOR_PEV).run(1.0, State.NEGOTIATING_CONNECTION)
    play.give(*INFORMATION)
    play.run(seconds)
    play.give(CCS)
    play.run(11.0, State.INSULATION_TEST, system_enable=1)


def information_of_a_log_that_begins(play, seconds):
    play.run(seconds, State.CONNECTED_WITH_FULL_INFO)
    play.give(CCS)
    play.is_announcing = True
    play.run(10.5)


def silent_charger(play, seconds):
    play.charging()
    status, play.status = play.status, None
    play.run(seconds)
    play.status = status
    play.give(status)
    play.run(0.2)


def withdrawn_before(play, seconds):
    play.waiting()
    play.run(seconds, system_enable=0)
    play.run(0.2, State.CLOSING_COMMUNICATION)


def withdrawn_inside(play, seconds):
    play.charging()
    play.run(seconds, system_enable=0)
    play.has_emergency = True
    play.give(EMERGENCY)
    play.run(0.2)


def bad_insulation(play, seconds):
    play.charging()
    play.run(seconds, insulation_resistance=30e3)
    play.run(2.0, insulation_resistance=500e3)


def insulation_in_charge(play, ohm):
    """360 V, whatever the target may be."""
    play.charging()
    play.run(3.0, insulation_resistance=ohm)


def judged_at(play, volts):
    play.announced().tested(volts=volts).lowered()
    play.give(PRECHARGE)
    play.run(0.2)


def passed_with(play, ohm):
    play.announced().tested(ohm=ohm).lowered()
    play.give(PRECHARGE)
    play.run(0.2)


def lowered_to(play, volts):
    play.announced().tested().lowered(volts=volts)
    play.give(PRECHARGE)
    play.run(0.2)


def lowering_open(play, seconds):
    play.announced().tested()
    play.give(LOWERING_OPEN)
    play.run(seconds)
    play.give(LOWERING)
    play.run(0.2)


def lowering_closed(play, seconds):
    play.charging().ended()
    play.give(LOWERING)
    play.run(seconds)
    play.give(LOWERING_OPEN)
    play.run(0.2)


def not_started(play, seconds):
    play.charging()
    play.give(STOPPED)
    play.run(seconds)
    play.give(STARTED)
    play.run(0.2)


def silent_vehicle(play, seconds):
    play.charging()
    play.run(seconds - 0.5)
    play.give(TRANSFER)
    play.run(0.2)


def silent_chademo_vehicle(play, seconds):
    play.announcement = CHADEMO
    silent_vehicle(play, seconds)


def obeys_limits(play, seconds):
    # The command is repeated beyond the limits, and then no more.
    play.charging()
    play.command = TRANSFER
    play.give(DcPowerParameters(maximum_charge_current=50.0))
    play.run(seconds)
    play.command = transfer(50.0, 50.0)
    play.give(play.command)
    play.run(0.5)


def beyond_limit(play, amperes):
    play.charging()
    play.give(DcPowerParameters(maximum_charge_current=100.0))
    play.command = transfer(amperes, amperes)
    play.run(8.0)


def beyond_limit_backwards(play, amperes):
    play.waiting()
    play.give(DcPowerParameters(maximum_discharge_current=50.0))
    play.command = transfer(-amperes, 10.0)
    play.run(8.0, State.CHARGING)


def stop_button(play, seconds):
    play.run(0.5, State.NOT_AVAILABLE)
    play.give(ALLOWED)
    play.charging()
    play.give(PRESSED, ALLOWED)
    play.command = TRANSFER
    play.run(seconds)
    play.command = None
    play.ended()


def start_withdrawn(play, seconds):
    play.run(0.5, State.NOT_AVAILABLE)
    play.give(ALLOWED)
    play.run(1.0, State.WAITING_FOR_PEV)
    play.give(SequenceControl())
    play.run(seconds)
    play.give(AdvanticsControllerStatus(State.NEGOTIATING_CONNECTION))
    play.run(0.2, State.NEGOTIATING_CONNECTION)


def emergency_gap(play, seconds):
    play.charging()
    play.give(EMERGENCY, OPEN)
    play.run(0.1, State.CLOSING_COMMUNICATION)
    play.give(EMERGENCY)
    play.run(seconds)
    play.give(EMERGENCY)


def emergency_without_an_end(play, seconds):
    play.charging()
    play.give(EMERGENCY, OPEN)
    play.run(seconds)
    play.run(0.2, State.CLOSING_COMMUNICATION)


def power_in_emergency(play, seconds):
    play.charging()
    play.has_emergency = True
    play.give(EMERGENCY)
    play.run(seconds)
    play.give(TRANSFER)


def late_end(play, seconds):
    # The state is there before the last word.
    play.charging().ended().closed()
    play.run(0.1, State.WAITING_FOR_PEV)
    play.run(seconds)
    play.give(CLEAN)
    play.run(1.0)


def second_end(play, seconds):
    play.charging().ended().closed()
    play.give(CLEAN)
    play.run(seconds)
    play.give(CLEAN)
    play.run(0.2).run(1.0, State.WAITING_FOR_PEV)


def announced_after_the_end(play, seconds):
    # A late frame is no new session, a later one is one that never ends.
    play.announced(system_enable=0)
    play.is_announcing = False
    play.give(RUSHED)
    play.run(seconds, State.CLOSING_COMMUNICATION)
    play.give(CCS)
    play.run(0.2).run(1.0, State.WAITING_FOR_PEV)


def power_at_the_end(play, seconds):
    play.charging()
    play.run(0.1, State.ENDING_CHARGE)
    play.run(seconds)
    play.give(STOPPED, STANDBY)
    play.run(0.2)


def opened_at(play, amperes):
    play.charging().ended(amps=amperes).closed()
    play.give(CLEAN)


def opened_at_minus(play, amperes):
    opened_at(play, -amperes)


def opened_in_chademo(play, amperes):
    play.announcement = CHADEMO
    play.waiting()
    play.give(TRANSFER)
    play.run(0.5, State.CHARGING)
    play.ended(amps=amperes).closed()
    play.give(CLEAN)


def opened_all_the_same(play, seconds):
    """Its wait for a low current is bounded."""
    play.charging().ended(seconds=seconds, amps=20.0).closed()
    play.give(CLEAN)


def above_told_voltage(play, volts):
    play.announced()
    play.give(DcPowerParameters(maximum_voltage=499.0), STANDBY)
    play.command = dataclasses.replace(TEST, target_voltage=volts)
    play.run(6.0, present_voltage=499.0)


def announced_on(play, seconds):
    play.announced(system_enable=1)
    play.is_announcing = True
    # Allowed came with the first status after the announcement, 0.5 s ago.
    play.run(seconds - 0.5)
    play.is_announcing = False
    play.run(1.0)


# (rule, breach, just inside, just outside)
BOUNDS = [
    ('R1', heartbeat, 0.22, 0.23),
    ('R6', announcement_gap, 0.34, 0.36),
    ('R49', information, 9.9, 10.1),
    ('R49', early_information, 0.49, 0.5),
    ('R26', silent_vehicle, 61.4, 61.6),
    ('R26', silent_chademo_vehicle, 0.98, 1.02),
    ('R3', silent_charger, 1.99, 2.01),
    ('R7', withdrawn_before, 60.0, 60.2),
    ('R8', withdrawn_inside, 1.5, 1.7),
    ('R14', bad_insulation, 1.6, 1.7),
    ('R14', insulation_in_charge, 36e3, 35.99e3),
    ('R11', judged_at, 450.0, 449.9),
    ('R12', passed_with, 50e3, 49.9e3),
    ('R16', lowered_to, 21.0, 21.1),
    ('R16', lowering_open, 0.5, 0.72),
    ('R16', lowering_closed, 0.5, 0.72),
    ('R48', not_started, 0.5, 0.72),
    ('R33', obeys_limits, 4.9, 5.3),
    ('R33', beyond_limit, 101.0, 101.1),
    ('R33', beyond_limit_backwards, 51.0, 51.1),
    ('R39', stop_button, 89.9, 90.2),
    ('R38', emergency_gap, 0.25, 0.26),
    ('R38', power_in_emergency, 0.5, 0.52),
    ('R40', late_end, 0.48, 0.52),
    ('R40', second_end, 0.5, 0.52),
    ('R40', announced_after_the_end, 0.5, 0.52),
    ('R41', power_at_the_end, 1.5, 1.7),
    ('R42', opened_at, 1.5, 1.6),
    ('R42', opened_at_minus, 1.5, 1.6),
    ('R42', opened_in_chademo, 5.5, 5.6),
    # Beyond here is the shorter wait, and beyond the gap is a new emergency.
    ('R42', opened_all_the_same, 2.6, 2.4),
    ('R38', emergency_gap, 1.0, 0.9),
    ('R38', emergency_without_an_end, 0.1, 0.3),
    ('R33', above_told_voltage, 500.0, 500.1),
    ('R6', announced_on, 1.45, 1.75),
    ('R35', start_withdrawn, 0.5, 0.52),
    ('R49', information_of_a_log_that_begins, 0.4, 0.8),
]


@pytest.mark.parametrize(('rule', 'breach', 'inside', 'outside'), BOUNDS, ids=[
    f'{rule} {breach.__name__}' for rule, breach, _, _ in BOUNDS])
def test_just_inside_is_no_breach_and_just_outside_is_one(rule, breach, inside, outside):
    play = Play()
    breach(play, inside)
    assert play.findings == []
    play = Play()
    breach(play, outside)
    assert play.broken == [rule]
    assert play.findings[0].who == CONTROLLER
    assert play.findings[0].time_s <= play.now_s


# What is mended is found again

AGAIN = {
    'R1': (lambda play: play.silence(0.5), lambda play: play.run(2.5)),
    'R6': (lambda play: play.run(0.5), lambda play: [
        (play.give(CCS), play.run(0.1)) for _ in range(25)]),
    'R3': (lambda play: (setattr(play, 'status', None), play.run(2.5)),
           lambda play: (setattr(play, 'status', PowerModulesStatus(
               system_enable=1, insulation_resistance=500e3)), play.run(2.5))),
    'R8': (lambda play: play.run(2.0, system_enable=0),
           lambda play: play.run(0.5, system_enable=1)),
    'R14': (lambda play: play.run(2.0, insulation_resistance=30e3),
            lambda play: play.run(0.5, insulation_resistance=500e3)),
    'R16': (lambda play: (play.give(LOWERING), play.run(1.0)),
            lambda play: (play.give(STANDBY), play.run(0.5))),
    'R24': (lambda play: play.give(dataclasses.replace(TRANSFER, current_range_min=99.0)),
            lambda play: play.give(TRANSFER)),
    'R33': (lambda play: (
                play.give(DcPowerParameters(maximum_charge_current=50.0)),
                setattr(play, 'command', TRANSFER), play.run(6.0)),
            lambda play: (setattr(play, 'command', transfer(50.0, 50.0)), play.run(0.5))),
    'R38': (lambda play: (play.give(EMERGENCY), play.run(0.3), play.give(EMERGENCY)),
            lambda play: [(play.run(0.1), play.give(EMERGENCY)) for _ in range(3)]),
    'R48': (lambda play: (play.give(STOPPED), play.run(1.0)),
            lambda play: (play.give(STARTED), play.run(0.5))),
}


@pytest.mark.parametrize('rule', AGAIN)
def test_what_was_mended_is_found_again_and_what_lasts_is_not(rule):
    breach, mend = AGAIN[rule]
    play = Play()
    if rule == 'R6':
        play.announced(system_enable=0)
        play.is_announcing = False
    else:
        play.charging()
    for times in (1, 2):
        breach(play)
        assert play.broken == [rule] * times
        mend(play)
    play.run(1.0 if rule not in ('R6', 'R24', 'R38') else 0.1)
    assert play.broken == [rule] * 2


# What may look like a breach and is none

def test_a_silent_controller_is_blamed_for_its_silence_alone():
    """Whatever it said meanwhile, and whatever was said to it."""
    # It announces, and then all comes at once.
    play = Play().run(1.0)
    play.silence(0.5)
    play.status = dataclasses.replace(play.status, system_enable=1)
    play.state = State.INSULATION_TEST
    play.give(STANDBY, TEST)
    play.run(1.0)
    assert play.broken == ['R1']
    # The single frames of the Standby and of the start are lost.
    play = Play().announced().tested().lowered()
    play.give(PRECHARGE)
    play.run(0.5, State.PRECHARGE, present_voltage=350.0)
    play.silence(0.5)
    play.give(TRANSFER)
    play.run(2.0, State.CHARGING)
    assert play.broken == ['R1']
    # System_Enable is withdrawn from the one who does not hear, and the stop button is pressed.
    play = Play()
    play.run(0.5, State.NOT_AVAILABLE)
    play.give(ALLOWED)
    play.charging()
    play.silence(0.5)
    play.state = None
    play.give(PRESSED)
    play.run(5.0, system_enable=0)
    play.state = State.CHARGING
    play.run(1.3)
    assert play.broken == ['R1']
    # .. until it has come back.
    play.run(1.0)
    assert play.broken == ['R1', 'R8']
    # Its charger has fallen silent, too, and CHAdeMO asks often.
    play = Play(CHADEMO)
    play.waiting()
    play.command = TRANSFER
    play.run(1.0, State.CHARGING)
    play.command = play.status = None
    play.silence(4.0)
    play.run(0.5)
    assert play.broken == ['R1']


def test_flags_that_a_silent_controller_has_not_heard_bind_it_to_nothing():
    play = Play()
    play.run(0.5, State.NOT_AVAILABLE)
    play.give(SequenceControl())
    play.silence(0.5)
    play.run(0.5, State.WAITING_FOR_PEV).run(0.5, State.NEGOTIATING_CONNECTION)
    assert play.broken == ['R1']


def test_without_flags_a_stop_button_is_none():
    play = Play()
    play.give(ALLOWED)
    play.charging()
    play.give(PRESSED)
    play.command = TRANSFER
    play.run(95.0)
    assert play.findings == []


def test_the_last_commands_of_a_test_may_be_0_v():
    """Then nothing is measured: the insulation may read 0."""
    play = Play().announced().tested()
    play.give(dataclasses.replace(TEST, target_voltage=0.0))
    play.run(0.5, present_voltage=100.0, insulation_resistance=0.0)
    play.run(0.1, insulation_resistance=500e3)
    play.lowered()
    play.give(PRECHARGE)
    play.run(0.5)
    assert play.findings == []
    # .. and they do not make a test out of what was none.
    play = Play().announced().tested(volts=100.0)
    play.give(dataclasses.replace(TEST, target_voltage=0.0))
    play.run(0.5)
    play.lowered()
    play.give(PRECHARGE)
    assert play.broken == ['R11']


def test_a_session_that_is_given_up_while_lowering_went_on_to_nothing():
    play = Play().announced().tested().lowered(volts=150.0)
    play.give(STANDBY)
    play.run(0.1)
    play.give(OPEN)
    play.run(0.5, State.CLOSING_COMMUNICATION)
    play.give(RUSHED)
    play.run(1.0).run(1.0, State.WAITING_FOR_PEV)
    assert play.findings == []


def test_a_standby_between_lowering_and_power_hides_nothing():
    play = Play().announced().tested().lowered(volts=150.0)
    play.give(STANDBY)
    play.run(0.1)
    play.give(PRECHARGE)
    play.run(0.1)
    assert play.broken == ['R16']


def test_a_test_may_begin_again_whatever_the_output():
    play = Play().announced().tested().lowered(volts=150.0)
    play.give(STANDBY, TEST)
    assert play.findings == []


def test_without_a_reading_nobody_knows_how_low_the_output_is():
    play = Play().announced().tested()
    play.give(LOWERING, PRECHARGE)
    assert play.findings == []


def test_a_session_that_ends_before_the_transfer_lowers_behind_open_contactors():
    play = Play().waiting().ended()
    play.give(OPEN, LOWERING_OPEN)
    play.run(1.0).run(1.0, State.CLOSING_COMMUNICATION)
    assert play.findings == []


def test_power_at_the_end_is_found_once():
    play = Play().charging()
    play.give(STOPPED)
    play.run(3.0, State.ENDING_CHARGE)
    assert play.broken == ['R41']


def test_an_emergency_needs_no_command():
    """Emergency_Stop alone ends the power (A25); the output may be lowered behind it."""
    play = Play().charging()
    play.has_emergency = True
    play.give(EMERGENCY)
    play.run(3.0)
    play.give(LOWERING_OPEN)
    play.give(RUSHED)
    play.run(2.0).run(1.0, State.WAITING_FOR_PEV)
    assert play.findings == []
    play = Play().announced().tested()
    play.has_emergency = True
    play.give(EMERGENCY, LOWERING_OPEN)
    play.run(3.0)
    assert play.findings == []


def test_a_command_of_before_the_new_limits_is_no_breach_of_them():
    """The vehicle may ask once a minute (R26)."""
    play = Play().charging()
    play.give(DcPowerParameters(maximum_charge_current=50.0))
    play.run(50.0)
    play.give(transfer(50.0, 50.0))
    play.run(10.0)
    assert play.findings == []


@pytest.mark.parametrize(('state', 'expected'), [
    (State.CHARGING, ['R40']), (State.CLOSING_COMMUNICATION, [])])
def test_an_emergency_after_the_regular_end_leaves_it_clean(state, expected):
    play = Play().charging()
    if state is State.CLOSING_COMMUNICATION:
        play.ended().closed()
    play.give(EMERGENCY, OPEN)
    play.run(0.5, State.CLOSING_COMMUNICATION)
    play.give(CLEAN)
    play.run(0.1)
    assert play.broken == expected


@pytest.mark.parametrize(('plug', 'rules'), [(4, []), (5, ['1.4'])])
def test_an_announcement_with_a_label_of_a_newer_version_is_one(plug, rules):
    """MCS came with v3.3 (7.1)."""
    play = Play()
    play.announcement = None
    play.run(1.0).run(0.5, State.NEGOTIATING_CONNECTION)
    play.findings += play.rules.receive(
        NewChargeSession(Protocol.CCS_ISO_15118_2022, plug), now_s=play.now_s,
        undefined=(f'Plug_and_pins={plug}',))
    play.run(0.5, State.INSULATION_TEST, system_enable=1).tested()
    assert play.broken == rules


@pytest.mark.parametrize('message', [
    STARTED, CLEAN, *INFORMATION], ids=lambda message: message.NAME)
@pytest.mark.parametrize('is_short', [False, True], ids=['undefined', 'short'])
def test_what_cannot_be_read_is_not_missing_on_top_of_it(message, is_short):
    class Spoilt(Play):
        def give(self, *messages):
            for each in messages:
                if each is not message:
                    super().give(each)
                elif is_short:
                    self.findings += self.rules.reject(type(each), 'short', now_s=self.now_s)
                else:
                    self.findings += self.rules.receive(
                        each, now_s=self.now_s, undefined=('x',))

    play = Spoilt().waiting().run(10.0)
    play.give(TRANSFER)
    play.run(1.0, State.CHARGING).ended().closed()
    play.give(CLEAN)
    play.run(2.0).run(2.0, State.WAITING_FOR_PEV)
    assert play.broken == ['1.4']


def test_an_announcement_may_come_before_the_state_but_not_much_before():
    """CHAdeMO negotiates between two states; a stray frame of the session before begins none."""
    for seconds, has_session in ((0.2, True), (12.0, False)):
        play = Play().run(1.0)
        play.give(CCS)
        play.run(seconds)
        play.announced(information=INFORMATION)
        assert play.findings == [], has_session


def test_the_charge_may_pause_in_standby():
    """EXA does at the end of each charge; hours may pass, and the mode stays."""
    play = Play().charging()
    for _ in range(3):
        play.give(STANDBY)
        play.run(90.0)
        play.give(TRANSFER)
        play.run(5.0)
    assert play.findings == []


def test_a_vehicle_may_come_again_without_being_unplugged():
    """A42: State 10, 1, 2."""
    play = Play()
    for _ in range(2):
        play.charging().ended().closed()
        play.give(CLEAN)
        play.run(1.0).run(0.1, State.WAITING_FOR_PEV)
    assert play.findings == []


def test_a_session_that_another_one_follows_has_to_have_an_end():
    """R40, A42: whatever is missing, it is the end, and not the rest of the next."""
    play = Play().charging().ended().closed()
    play.run(1.0, State.NEGOTIATING_CONNECTION)
    assert play.broken == ['R40']
    play.run(0.1, State.CONNECTED_WITH_FULL_INFO)
    play.give(CCS, *INFORMATION)
    play.run(0.3, State.INSULATION_TEST)
    play.tested().lowered()
    play.give(PRECHARGE)
    play.run(1.0, State.PRECHARGE)
    assert play.broken == ['R40']


def test_welding_detection_opens_late():
    play = Play().charging().ended(seconds=0.5)
    play.run(3.0, State.WELDING_DETECTION).closed()
    play.give(CLEAN)
    play.run(1.0).run(1.0, State.WAITING_FOR_PEV)
    assert play.findings == []


@pytest.mark.parametrize(('volts', 'rules'), [(20.0, []), (200.0, ['R16'])])
def test_lowering_need_not_be_commanded_after_the_test_but_is_waited_for(volts, rules):
    """A11: later texts have a plain Standby."""
    play = Play().announced().tested()
    play.give(STANDBY)
    play.run(1.0, present_voltage=volts)
    play.give(PRECHARGE)
    play.run(0.5)
    assert play.broken == rules


# Commands, one by one and one after the other

@pytest.mark.parametrize(('commands', 'rule'), [
    ([TEST], 'R10'),
    ([PRECHARGE], 'R22'),
    ([STANDBY, PRECHARGE, TRANSFER], 'R20'),
    ([STANDBY, TEST, PRECHARGE], 'R16'),
    ([STANDBY, PRECHARGE, TEST], 'R10'),
    ([STANDBY, DcPowerControl(), PRECHARGE], 'R22'),
    ([STANDBY, TEST, STANDBY, PRECHARGE, STANDBY, TRANSFER], None),
])
def test_order_of_commands(commands, rule):
    play = Play().announced()
    play.give(STARTED)
    for command in commands:
        play.give(command)
        play.run(0.2, present_voltage=490.0 if command is TEST else 10.0)
    assert play.broken == ([] if rule is None else [rule])


@pytest.mark.parametrize(('command', 'words'), [
    (dataclasses.replace(TEST, setpoints_mode=1), 'Insulation_Test in Range_Mode'),
    (dataclasses.replace(PRECHARGE, setpoints_mode=0), 'Precharge in Target_Mode'),
    (dataclasses.replace(OPEN, setpoints_mode=1), ''),
])
def test_mode_of_each_function(command, words):
    play = Play().announced()
    play.give(STANDBY, command)
    assert [(each.rule, each.text) for each in play.findings] == (
        [('R27', words)] if words else [])


@pytest.mark.parametrize('mode', [0, 1])
def test_a_new_transfer_after_a_test_may_have_another_mode_and_a_pause_keeps_it(mode):
    first, other = transfer(100.0, 100.0), transfer(0.0, 100.0)
    if mode:
        first, other = other, first
    play = Play().waiting()
    play.give(first, STANDBY, other)
    assert [(each.rule, each.text) for each in play.findings] == [
        ('R27', f'the mode of a running transfer changes to {"Target" if mode else "Range"}_Mode')]
    play = Play().waiting()
    play.give(first, STANDBY, PRECHARGE, STANDBY, other)
    assert play.findings == []


@pytest.mark.parametrize(('protocol', 'command', 'is_known'), [
    (Protocol.CCS_DIN_70121_2012_V2, transfer(0.0, 10.0), False),
    (Protocol.CCS_DIN_70121_2012_V2, transfer(10.0, 10.0), True),
    (Protocol.CCS_ISO_15118_2013_V2, transfer(-10.0, -10.0), False),
    (Protocol.CCS_ISO_15118_2013_V2, PRECHARGE, True),
    (Protocol.CHADEMO_V0_9, transfer(-10.0, 10.0), False),
    (Protocol.CHADEMO_V1_0_TO_V1_2, transfer(-10.0, 10.0), True),
    (Protocol.CCS_ISO_15118_2013_V2, dataclasses.replace(
        TEST, current_range_min=-5.0, current_range_max=-5.0), True),
    (Protocol.CCS_ISO_15118_2022, transfer(-10.0, -10.0), True),
    (Protocol.CCS_ISO_15118_2022, transfer(-10.0, 10.0), True),
])
def test_what_a_protocol_does_not_know_cannot_be_commanded(protocol, command, is_known):
    plug = PlugAndPins.CHADEMO if 'CHADEMO' in protocol.name else PlugAndPins.CCS_DC_EXTENDED
    play = Play(NewChargeSession(protocol, plug)).announced()
    play.give(STARTED, STANDBY, command)
    assert play.broken == ([] if is_known else ['R24'])


def test_the_current_of_a_precharge_has_its_least_at_0():
    """R19."""
    play = Play().announced()
    play.give(STANDBY, dataclasses.replace(PRECHARGE, current_range_min=-2.0))
    assert play.broken == ['R19']


@pytest.mark.parametrize('protocol', Protocol)
@pytest.mark.parametrize('plug', PlugAndPins)
def test_protocol_and_plug_fit(protocol, plug):
    play = Play(NewChargeSession(protocol, plug)).announced()
    does_fit = ('CHADEMO' in protocol.name) == (plug is PlugAndPins.CHADEMO)
    assert set(play.broken) == (
        (set() if does_fit else {'R46'}) | ({'R53'} if plug is PlugAndPins.CCS_AC else set()))


def test_power_needs_an_announcement_that_is_allowed_and_not_over():
    play = Play().run(1.0).run(1.0, State.INSULATION_TEST)
    play.give(STANDBY)
    assert play.findings == []
    play.give(TEST)
    assert play.broken == ['R6']
    play = Play().announced(system_enable=0)
    play.give(STANDBY)
    assert play.findings == []
    play.give(TEST)
    play.run(0.1)
    assert play.broken == ['R6']
    play = Play().charging().ended().closed()
    play.give(CLEAN)
    play.give(STANDBY)
    play.run(0.5)
    play.give(TRANSFER)
    assert play.findings == []
    play.run(0.1)
    play.give(TRANSFER)
    assert play.broken == ['R40']


def test_one_announcement_just_before_the_state_is_enough():
    play = Play().run(1.0, system_enable=1)
    play.give(CCS, *INFORMATION)
    play.run(0.3).run(0.3, State.INSULATION_TEST)
    play.tested()
    assert play.findings == []


def test_a_short_status_is_a_heartbeat_and_nothing_else_is():
    play = Play().run(1.0)
    play.state = None
    for cls, rules in ((AdvanticsControllerStatus, ['1.4']), (DcPowerControl, ['1.4', 'R1'])):
        play.findings.clear()
        for _ in range(5):
            play.run(0.1)
            play.findings += play.rules.reject(cls, 'short', now_s=play.now_s)
        assert sorted(play.broken) == rules


# Flags, of a controller that shows that it has them

AUTHORISED = dataclasses.replace(ALLOWED, charge_parameters_done=0)


@pytest.mark.parametrize(('flags', 'states', 'rule'), [
    (ALLOWED, (1, 2, 11, 3, 4), None),
    (SequenceControl(), (1, 2), 'R35'),
    (SequenceControl(), (3, 2), None),
    (SequenceControl(), (1, 12), None),
    (AUTHORISED, (1, 2, 11, 3), None),
    (dataclasses.replace(AUTHORISED, ccs_authorisation_done=0), (1, 2, 11, 3), 'R36'),
    (dataclasses.replace(AUTHORISED, ccs_authorisation_valid=0), (1, 2, 11, 3), 'R36'),
    (dataclasses.replace(AUTHORISED, ccs_authorisation_valid=0), (1, 2, 11, 10), None),
    # Without external authorisation there is no State 11.
    (dataclasses.replace(ALLOWED, ccs_authorisation_valid=0), (1, 2, 3, 4), None),
    (AUTHORISED, (1, 2, 3, 4), 'R37'),
    (AUTHORISED, (1, 2, 3, 10), None),
])
@pytest.mark.parametrize('has_flags', [True, False], ids=['flags', 'no flags'])
def test_flags_bind_a_controller_that_has_them(flags, states, rule, has_flags):
    play = Play()
    if has_flags:
        play.run(0.3, State.NOT_AVAILABLE)
    play.give(ALLOWED, flags)
    play.run(1.0, State(states[0]))
    for state in states[1:]:
        play.run(0.3, State(state))
    if not has_flags:
        rule = None
    assert play.broken == ([] if rule is None else [rule])


@pytest.mark.parametrize('words', [(ALLOWED, ALLOWED), (PRESSED, PRESSED, ALLOWED)])
def test_only_a_press_in_the_charge_ends_it(words):
    play = Play().run(0.5, State.NOT_AVAILABLE)
    play.give(words[0])
    play.charging()
    play.give(*words[1:])
    play.command = TRANSFER
    play.run(95.0)
    assert play.findings == []


def test_an_end_is_not_asked_of_a_controller_that_restarts():
    play = Play().charging()
    play.run(1.0, State.INITIALISING).run(1.0, State.NOT_AVAILABLE)
    assert play.findings == []


def test_a_controller_is_bound_to_its_status_from_its_first_word_on():
    """R1: also one that never sends any."""
    play = Play()
    play.state = None
    play.run(1.0)
    assert play.findings == []
    play.give(STANDBY)
    play.run(5.0)
    assert play.findings == [], 'whoever it was'
    play = Play()
    play.state = None
    play.run(1.0)
    play.give(STANDBY)
    for _ in range(20):
        play.run(0.1)
        play.give(STANDBY)
    assert play.broken == ['R1']


def test_limits_of_before_the_session_bind_in_it():
    """R33; a controller that restarts knows of none."""
    for state, rules in ((State.WAITING_FOR_PEV, ['R33']), (State.INITIALISING, [])):
        play = Play()
        play.give(DcPowerParameters(maximum_charge_current=50.0))
        play.run(0.5, state)
        play.charging()
        play.command = TRANSFER
        play.run(6.0)
        assert play.broken == rules


def test_the_target_of_a_precharge_is_the_battery_not_the_charger():
    """R33 is about what the charger could do; a battery that is too high is another matter."""
    play = Play().announced().tested().lowered()
    play.give(DcPowerParameters(maximum_voltage=300.0))
    play.command = PRECHARGE
    play.run(9.0, State.PRECHARGE)
    assert play.findings == []


def test_modules_that_were_awake_have_allowed_it_before():
    """R6: a fresh word counts, an old one does not."""
    for silent_s, rules in ((0.1, []), (0.6, ['R6'])):
        play = Play().run(1.0, system_enable=1)
        status, play.status = play.status, None
        play.run(silent_s, State.NEGOTIATING_CONNECTION)
        play.state = State.INSULATION_TEST
        play.give(AdvanticsControllerStatus(play.state), CCS, *INFORMATION, STANDBY, TEST)
        play.run(0.2)
        play.status = status
        assert play.broken == rules


def test_of_a_charger_that_was_not_heard_nobody_knows():
    """R6, R11: a log of one direction."""
    play = Play()
    play.status = None
    play.announced().tested().lowered()
    play.give(PRECHARGE, STANDBY, STARTED, TRANSFER)
    play.run(1.0, State.CHARGING)
    assert play.findings == []


@pytest.mark.parametrize(('opened_s', 'ramp_a', 'rules'), [
    # One reading from after the Standby tells nothing: the vehicle measures, too.
    (0.14, (100.0, 100.0, 100.0), []),
    (0.25, (100.0, 100.0, 100.0), ['R42']),
    # What is falling has fallen further by now.
    (0.25, (100.0, 20.0, 0.0), []),
    (0.25, (100.0, 60.0, 0.0), ['R42']),
])
def test_contactors_open_on_what_is_left_of_the_current(opened_s, ramp_a, rules):
    play = Play().charging()
    play.run(0.1, State.ENDING_CHARGE)
    play.give(STOPPED, STANDBY)
    for amps in ramp_a:
        play.status = dataclasses.replace(play.status, present_current=amps)
        if opened_s > 0:
            play.run(min(opened_s, 0.1))
            opened_s -= 0.1
    play.status = dataclasses.replace(play.status, present_current=0.0)
    play.closed()
    play.give(CLEAN)
    assert play.broken == rules


def test_a_reading_of_the_moment_of_the_standby_is_older_than_it():
    play = Play().charging()
    play.run(0.06, State.ENDING_CHARGE)
    play.give(AdvanticsControllerStatus(State.ENDING_CHARGE), STOPPED, STANDBY)
    play.run(0.19)
    play.closed()
    play.give(CLEAN)
    assert play.findings == []


def test_of_an_end_that_was_not_heard_whole_no_steps_are_asked():
    play = Play().charging()
    play.run(0.1, State.ENDING_CHARGE)
    play.give(OPEN)
    play.silence(0.5)
    play.run(0.5, State.CLOSING_COMMUNICATION)
    play.give(CLEAN)
    assert play.broken == ['R1']


@pytest.mark.parametrize(('finished', 'is_broken'), [(CLEAN, True), (RUSHED, False)])
def test_only_who_ends_clean_has_to_take_all_steps(finished, is_broken):
    """R41, A26."""
    def straight(play):
        play.run(0.1, State.ENDING_CHARGE)
        play.give(STOPPED, OPEN)

    def under_load(play):
        play.ended(seconds=0.5, amps=50.0)
        play.give(OPEN)

    def not_stopped(play):
        play.run(0.1, State.ENDING_CHARGE)
        play.give(STANDBY)
        play.run(0.5, present_current=0.0)
        play.give(OPEN)

    def not_opened(play):
        play.ended(seconds=0.5)

    def no_state(play):
        play.give(STOPPED, STANDBY)
        play.run(0.5, present_current=0.0)
        play.give(OPEN)

    for steps, rule in (
        (straight, 'R41'), (under_load, 'R42'), (not_stopped, 'R41'), (not_opened, 'R41'),
        (no_state, 'R41'),
    ):
        play = Play().charging()
        steps(play)
        assert play.findings == []
        play.run(0.5, State.CLOSING_COMMUNICATION, present_current=0.0)
        play.give(finished)
        play.run(2.0).run(2.0, State.WAITING_FOR_PEV)
        assert play.broken == ([rule] if is_broken else []), steps.__name__
    # A session without a charge has nothing to stop.
    play = Play().waiting()
    play.give(OPEN)
    play.run(0.5, State.CLOSING_COMMUNICATION)
    play.give(finished)
    assert play.findings == []


@pytest.mark.parametrize(('ended_s', 'rules'), [(0.3, []), (0.8, ['R3'])])
def test_an_end_is_no_emergency_stop_for_a_silent_charger(ended_s, rules):
    """R3; an end that had begun before the loss could be known is one for another reason."""
    play = Play().charging()
    play.status = None
    play.run(ended_s)
    play.give(STOPPED, STANDBY)
    play.run(0.3, State.ENDING_CHARGE)
    play.give(OPEN)
    play.run(0.5, State.CLOSING_COMMUNICATION)
    play.give(RUSHED)
    play.run(2.0).run(1.0, State.WAITING_FOR_PEV)
    assert play.broken == rules


@pytest.mark.parametrize(('ended_s', 'rules'), [(0.15, []), (0.35, ['R8'])])
def test_an_end_is_no_emergency_stop_for_a_withdrawal(ended_s, rules):
    """R8: one word is enough, and taking it back takes nothing back."""
    for is_taken_back in (False, True):
        play = Play().charging()
        play.run(ended_s, system_enable=0)
        play.run(0.1, State.ENDING_CHARGE, system_enable=int(is_taken_back))
        play.give(STOPPED, STANDBY)
        play.run(0.4, present_current=0.0)
        play.give(OPEN)
        play.run(0.5, State.CLOSING_COMMUNICATION)
        play.give(CLEAN)
        play.run(1.0).run(1.0, State.WAITING_FOR_PEV)
        assert play.broken == rules, is_taken_back
    play = Play().charging()
    play.run(0.2, system_enable=0).run(2.0, system_enable=1)
    assert play.broken == ['R8']


def test_an_emergency_that_is_over_may_come_again():
    """R38: where the controller looks at the cause again, or out of another state."""
    play = Play().charging()
    for state in (
        State.CHARGING, State.CLOSING_COMMUNICATION, State.WAITING_FOR_PEV,
        State.WAITING_FOR_PEV, State.NOT_AVAILABLE,
    ):
        play.state = state
        play.give(AdvanticsControllerStatus(state), EMERGENCY)
        play.run(0.2 if state is State.CHARGING else 0.5)
    assert set(play.broken) <= {'R40'}, 'its end was left out here'


def test_after_an_emergency_the_session_has_no_power_any_more():
    """R38, however long it goes on."""
    play = Play().charging()
    play.give(EMERGENCY, OPEN)
    play.run(5.0, State.CLOSING_COMMUNICATION)
    assert play.findings == []
    play.give(TRANSFER)
    assert play.broken == ['R38']


def test_an_emergency_of_the_session_before_is_over():
    """R38: it ceased with the state."""
    for state in (State.CLOSING_COMMUNICATION, State.WAITING_FOR_PEV):
        play = Play().charging()
        play.give(EMERGENCY, OPEN)
        play.run(0.2, state)
        play.give(RUSHED)
        play.run(2.0).whole()
        assert play.findings == []
    # Two of them in one state.
    play = Play().charging()
    play.run(0.1, State.CLOSING_COMMUNICATION)
    for _ in range(2):
        play.give(EMERGENCY)
        play.run(2.0)
    assert play.findings == []


def test_a_log_without_the_charger_knows_no_flags():
    """R35, R36, R37; R6: nor what it allows."""
    for is_heard in (False, True):
        play = Play()
        if not is_heard:
            play.status = None
        play.run(1.0).run(0.5, State.INITIALISING).run(0.5, State.NOT_AVAILABLE)
        play.run(0.5, State.WAITING_FOR_PEV).run(0.5, State.NEGOTIATING_CONNECTION)
        play.run(0.5, State.CCS_AUTHORISATION_PROCESS)
        play.run(0.5, State.CONNECTED_WITH_FULL_INFO)
        play.give(CCS, *INFORMATION)
        play.run(3.0, State.INSULATION_TEST)
        assert set(play.broken) == ({'R6', 'R35', 'R36', 'R37'} if is_heard else set())
    # Nor does one that begins in State 0, when the word may have been before.
    play = Play()
    play.state = State.INITIALISING
    play.run(0.5).run(0.5, State.NOT_AVAILABLE).run(0.5, State.WAITING_FOR_PEV)
    play.run(0.5, State.NEGOTIATING_CONNECTION)
    assert play.findings == []
    # In one that restarts, the word may have crossed with the state.
    play = Play().run(1.0, State.NOT_AVAILABLE)
    play.give(ALLOWED)
    play.run(0.5, State.INITIALISING).run(0.5, State.NOT_AVAILABLE)
    play.run(0.5, State.WAITING_FOR_PEV).run(0.5, State.NEGOTIATING_CONNECTION)
    assert play.findings == []


def test_modules_that_go_to_sleep_when_announced_are_waited_for():
    """A6: before the first Allowed after the announcement a 0 is no withdrawal."""
    play = Play()
    play.run(1.0, system_enable=1).run(0.5, State.NEGOTIATING_CONNECTION)
    play.state = State.INSULATION_TEST
    play.give(CCS, *INFORMATION)
    play.is_announcing = True
    play.run(3.0, system_enable=0)
    play.run(0.1, system_enable=1)
    play.is_announcing = False
    play.tested().lowered()
    play.give(PRECHARGE, STANDBY, STARTED)
    play.run(1.0, State.PRECHARGE).run(65.0, State.WAITING_FOR_CHARGE)
    assert play.findings == []
    # .. and a controller that does not wait is found.
    play = Play()
    play.run(1.0, system_enable=1).run(0.5, State.NEGOTIATING_CONNECTION)
    play.give(CCS, *INFORMATION)
    play.is_announcing = True
    play.run(3.0, State.INSULATION_TEST, system_enable=0)
    play.give(STANDBY, TEST)
    play.run(0.2)
    assert play.broken == ['R6']


def test_lowering_where_a_battery_may_be():
    """R16: after a precharge, too; but where a session is given up there is none."""
    play = Play().announced().tested().lowered()
    play.give(PRECHARGE)
    play.run(0.5, State.PRECHARGE, present_voltage=350.0)
    play.give(LOWERING)
    play.run(1.0, State.WAITING_FOR_CHARGE)
    assert play.broken == ['R16']
    play = Play().announced().tested()
    play.give(LOWERING)
    play.run(0.3)
    play.run(2.0, State.CLOSING_COMMUNICATION)
    play.give(OPEN, LOWERING_OPEN, RUSHED)
    play.run(1.0).run(1.0, State.WAITING_FOR_PEV)
    play.give(LOWERING_OPEN)
    play.run(2.0)
    assert play.findings == []


def test_chademo_needs_no_commands_in_an_emergency():
    """R26, A25."""
    play = Play(CHADEMO).waiting()
    play.give(TRANSFER)
    play.has_emergency = True
    play.give(EMERGENCY)
    play.run(3.0, State.CHARGING)
    assert play.findings == []


def test_frames_that_were_logged_the_other_way_round():
    """30 ms, between different messages."""
    # R16: the reading that it waited for.
    play = Play().announced().tested().lowered(volts=25.0)
    play.give(PRECHARGE)
    play.run(0.03)
    play.give(dataclasses.replace(play.status, present_voltage=18.0))
    play.run(0.5)
    assert play.findings == []
    # R36: the result.
    play = Play().run(0.5, State.NOT_AVAILABLE)
    play.give(SequenceControl(start_charge_authorisation=1))
    play.run(0.5, State.WAITING_FOR_PEV).run(0.5, State.NEGOTIATING_CONNECTION)
    play.run(0.5, State.CCS_AUTHORISATION_PROCESS)
    play.run(0.1, State.CONNECTED_WITH_FULL_INFO)
    play.run(0.03)
    play.give(ALLOWED)
    play.run(0.5)
    assert play.findings == []
    # R35, R37: the permission and the parameters.
    play = Play().run(0.5, State.NOT_AVAILABLE)
    play.give(SequenceControl())
    play.run(0.5)
    play.state = State.NEGOTIATING_CONNECTION
    play.give(AdvanticsControllerStatus(State.WAITING_FOR_PEV), AdvanticsControllerStatus(2))
    play.run(0.03)
    play.give(AUTHORISED)
    play.run(0.5).run(1.0, State.CONNECTED_WITH_FULL_INFO)
    play.run(0.1, State.INSULATION_TEST)
    play.run(0.03)
    play.give(ALLOWED)
    play.run(0.5)
    assert play.findings == []
    # R6: a command of the session before.
    play = Play().charging()
    play.state = State.INITIALISING
    play.give(AdvanticsControllerStatus(State.INITIALISING))
    play.run(0.03)
    play.give(TRANSFER)
    play.run(0.5)
    assert play.findings == []
    # R6: the first Allowed.
    play = Play().announced(system_enable=0)
    play.give(STANDBY, TEST)
    play.run(0.03)
    play.is_announcing = False
    play.status = dataclasses.replace(play.status, system_enable=1)
    play.give(play.status)
    play.run(0.5)
    assert play.findings == []
    # R10: the Standby before the test.
    play = Play().run(1.0, State.NEGOTIATING_CONNECTION, system_enable=1)
    play.state = State.INSULATION_TEST
    play.give(STANDBY)
    play.run(0.03)
    play.give(CCS, *INFORMATION)
    play.run(0.1)
    play.give(TEST)
    play.run(0.2)
    assert play.findings == []
    # R41: the state after the command.
    play = Play().charging()
    play.give(STOPPED, OPEN)
    play.run(0.5, State.ENDING_CHARGE, present_current=0.0)
    play.run(0.5, State.CLOSING_COMMUNICATION)
    play.give(CLEAN)
    assert play.broken == ['R41']
    # .. but not when the charge goes on after it.
    play = Play().charging()
    play.give(OPEN)
    play.run(0.5)
    play.give(STANDBY, TRANSFER)
    play.run(0.5)
    play.ended().closed()
    play.give(CLEAN)
    assert play.findings == []


def test_memory_of_limits_does_not_grow_without_commands():
    """Not even where a charger tells others all day and no vehicle comes."""
    rules = Rulebook(ends=(CONTROLLER,))
    tracemalloc.start()
    try:
        sizes = []
        for second in range(4000):
            told = DcPowerParameters(maximum_charge_current=100.0 + second % 2)
            rules.receive(told, now_s=float(second))
            if second in (1000, 3999):
                sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert sizes[1] - sizes[0] < 20_000


def test_one_command_is_enough_to_be_beyond_the_limits():
    """R33: it may be the only one in a minute."""
    play = Play()
    play.give(DcPowerParameters(maximum_charge_current=50.0))
    play.run(6.0).charging()
    assert play.broken == ['R33']
    assert 'permit 50 A of charging' in play.findings[0].text
    play = Play()
    play.give(DcPowerParameters(maximum_voltage=400.0))
    play.run(6.0).announced()
    play.give(STANDBY, TEST)
    assert play.broken == ['R33']


def test_a_command_beyond_the_limits_just_before_its_announcement_is_one_breach():
    """R33: it belongs to the session that it is announced with, and was found when it came."""
    play = Play()
    play.give(DcPowerParameters(maximum_voltage=400.0))
    play.run(6.0, State.INSULATION_TEST)
    play.give(TEST)
    play.run(0.05)
    play.give(CCS)
    assert play.broken.count('R33') == 1


def test_limits_that_change_often_bind_all_the_same():
    """R33: the widest of the time to obey counts, and a breach that lasts is one."""
    play = Play().charging()
    play.command = TRANSFER
    for step in range(40):
        play.give(DcPowerParameters(maximum_charge_current=50.0 + 0.1 * (step % 2)))
        play.run(1.0)
    assert play.broken == ['R33']
    for amperes in (51.0, 52.0, 53.0):
        play.give(DcPowerParameters(maximum_charge_current=amperes))
        play.run(10.0)
    assert play.broken == ['R33']


def test_what_comes_and_goes_is_one_breach():
    play = Play().run(1.0)
    for _ in range(20):
        play.silence(0.25)
        play.give(AdvanticsControllerStatus(play.state))
    assert play.broken == ['R1']


def test_a_pause_of_a_newer_version_is_none_of_this_one():
    """v3.4 may interrupt a charge in State 13 and announce it again."""
    def give_pause(play, seconds):
        for _ in range(round(seconds * 10)):
            play.findings += play.rules.receive(
                AdvanticsControllerStatus(13), now_s=play.now_s, undefined=('State=13',))
            play.state = None
            play.run(0.1)

    play = Play().charging()
    play.give(STANDBY)
    give_pause(play, 5.0)
    play.status = dataclasses.replace(play.status, system_enable=0)
    give_pause(play, 3.0)
    play.give(OPEN)
    play.run(0.5, State.CLOSING_COMMUNICATION)
    play.give(CLEAN)
    play.run(1.0).run(1.0, State.WAITING_FOR_PEV)
    assert play.findings == []
    play = Play().charging()
    play.give(STANDBY)
    give_pause(play, 20.0)
    play.give(CCS)
    play.state = State.NEGOTIATING_CONNECTION
    play.run(0.5)
    play.run(0.2, State.CONNECTED_WITH_FULL_INFO)
    for _ in range(3):
        play.give(CCS)
        play.run(0.1)
    play.give(*INFORMATION)
    play.run(0.3, State.INSULATION_TEST)
    play.tested().lowered()
    assert play.findings == []


def test_the_first_press_of_the_stop_button_counts():
    """R39: who presses again gives no more time."""
    play = Play().run(0.5, State.NOT_AVAILABLE)
    play.give(ALLOWED)
    play.charging()
    play.command = TRANSFER
    for _ in range(2):
        play.give(PRESSED, ALLOWED)
        play.run(50.0)
    assert play.broken == ['R39']


def test_flags_that_crossed_with_the_state_are_nobodys_fault():
    """R36, R37: whoever takes a word back just then was heard before."""
    final = dataclasses.replace(ALLOWED, charge_parameters_done=1)
    for crossing_s, rules in ((0.4, []), (0.6, ['R37'])):
        play = Play().run(0.5, State.NOT_AVAILABLE)
        play.give(final)
        play.run(0.5, State.WAITING_FOR_PEV).run(0.5, State.NEGOTIATING_CONNECTION)
        play.run(0.5, State.CONNECTED_WITH_FULL_INFO)
        play.give(AUTHORISED)
        play.run(crossing_s)
        play.run(0.5, State.INSULATION_TEST)
        assert play.broken == rules
    # The first result counts: that it changes is the charger's fault.
    play = Play().run(0.5, State.NOT_AVAILABLE)
    play.give(dataclasses.replace(ALLOWED, ccs_authorisation_done=0))
    play.run(0.5, State.WAITING_FOR_PEV).run(0.5, State.NEGOTIATING_CONNECTION)
    play.run(0.5, State.CCS_AUTHORISATION_PROCESS)
    play.give(ALLOWED)
    play.run(1.0)
    play.give(dataclasses.replace(ALLOWED, ccs_authorisation_valid=0))
    play.run(1.0)
    play.run(0.5, State.CONNECTED_WITH_FULL_INFO)
    assert play.findings == []


def test_flags_that_come_while_it_starts_may_count_or_not():
    """A7; with its flags it may also have lost that it has any (R34)."""
    play = Play().run(0.5, State.INITIALISING)
    play.give(ALLOWED)
    play.run(0.5).run(0.5, State.NOT_AVAILABLE).run(0.5, State.WAITING_FOR_PEV)
    play.run(0.5, State.NEGOTIATING_CONNECTION)
    assert play.findings == []
    play = Play().run(0.5, State.NOT_AVAILABLE)
    play.run(0.5, State.INITIALISING).run(0.5, State.WAITING_FOR_PEV)
    play.run(0.5, State.NEGOTIATING_CONNECTION)
    assert play.findings == []
    # .. but what it was told before it started counts no more.
    play = Play()
    play.give(ALLOWED)
    play.run(0.7)
    play.run(0.5, State.INITIALISING).run(0.5, State.NOT_AVAILABLE)
    play.run(0.5, State.WAITING_FOR_PEV).run(0.5, State.NEGOTIATING_CONNECTION)
    assert play.broken == ['R35']


@pytest.mark.parametrize('message_class', [DcPowerControl, EmergencyStop, PowerModulesStatus])
def test_what_cannot_be_read_is_not_missing_either(message_class):
    """R10, R22, R26; R3, R8; R3."""
    play = Play(CHADEMO).waiting()
    play.give(TRANSFER)
    play.run(0.5, State.CHARGING)
    is_command = message_class is DcPowerControl
    if message_class is EmergencyStop:
        play.run(0.2, system_enable=0)
    elif message_class is PowerModulesStatus:
        play.status = None
    play.command = None if is_command else TRANSFER
    for _ in range(40):
        play.findings += play.rules.reject(message_class, 'short', now_s=play.now_s)
        play.run(0.1)
    if is_command:
        play.give(DcPowerControl())
        play.findings += play.rules.reject(message_class, 'short', now_s=play.now_s)
        play.give(TRANSFER)
        # One is forgiven, not all that follow.
        play.give(DcPowerControl(), TRANSFER)
    expected = {
        DcPowerControl: ['1.4', '1.4', 'R22'], EmergencyStop: ['1.4'], PowerModulesStatus: []}
    assert play.broken == expected[message_class]


# Insulation that the controller measures itself, and what an emergency excuses

def test_a_charger_that_reports_no_insulation_accuses_nobody():
    play = Play()
    play.status = PowerModulesStatus()
    play.announced().tested(ohm=0.0).lowered()
    play.give(PRECHARGE, STANDBY, STARTED, TRANSFER)
    play.run(3.0, State.CHARGING, present_voltage=360.0)
    assert play.findings == []


def test_in_an_emergency_only_power_counts():
    play = Play().charging()
    play.give(DcPowerParameters(maximum_charge_current=50.0))
    play.has_emergency = True
    play.give(EMERGENCY)
    play.command = TRANSFER
    play.run(0.4)
    play.command = None
    play.run(3.0, State.CLOSING_COMMUNICATION)
    play.give(DcPowerControl(), PRECHARGE)
    assert play.broken == ['R38']


def test_a_vehicle_that_asks_for_nothing_is_silent_in_the_charge_only():
    play = Play().charging().run(30.0)
    play.run(1.2, State.ENDING_CHARGE)
    play.give(STOPPED, STANDBY)
    play.run(70.0)
    assert play.findings == []


def test_an_old_reading_says_nothing_of_the_moment_of_opening():
    play = Play().charging().ended(amps=20.0)
    play.status = None
    play.run(0.6)
    play.give(OPEN)
    assert play.findings == []


# Whatever comes

def _well_formed(cls):
    """Return a strategy of the bytes of a message: labels are defined, spare bits 0."""
    raws = [
        st.sampled_from(sorted(signal.labels)) if signal.labels
        else st.integers(0, 2 ** signal.length - 1) for signal in cls.SIGNALS]
    return st.tuples(*raws).map(lambda values: sum(
        value << signal.start for value, signal in zip(values, cls.SIGNALS, strict=True)
    ).to_bytes(cls.LENGTH, 'little'))


_FRAMES = st.one_of([
    st.one_of(_well_formed(cls), _well_formed(cls), st.binary(max_size=8)).map(
        lambda data, base=cls.BASE_ID: Frame(base | 1 << 24, data))
    for cls in MESSAGES.values()])
"""A third of them of any bytes: too short, with undefined labels, with spare bits."""
_STREAMS = st.lists(st.tuples(
    st.sampled_from((0, 1, 10, 90, 100, 300, 1000, 6000)), st.integers(-5, 5), st.booleans(),
    _FRAMES), max_size=60)
"""(ms since the one before, ms of jitter, is it doubled, frame)."""


def judged(stream):
    """Judge a stream, which may go back by some ms; return all findings."""
    rules, findings, ms, latest_s = Judge(), [], 0, 0.0
    for step_ms, jitter_ms, is_double, frame in stream:
        ms += step_ms
        now_s = max(0, ms + jitter_ms) / 1000
        latest_s = max(now_s, latest_s)
        decoded = decode(frame)
        judge = rules.receive if isinstance(decoded, Received) else rules.reject
        for _ in range(1 + is_double):
            findings += judge(decoded, now_s=now_s)
        findings += rules.tick(now_s=latest_s)
        assert all(each.time_s <= latest_s + 0.05 for each in findings)
    return findings


@settings(deadline=None, max_examples=many(150))
@given(_STREAMS)
def test_no_stream_is_too_strange_to_be_judged_and_always_alike(stream):
    findings = judged(stream)
    assert judged(stream) == findings
    for each in findings:
        assert each.text and each.rule


@settings(deadline=None, max_examples=many(30))
@given(st.lists(st.tuples(
    st.sampled_from(('drop', 'double', 'late')), st.floats(0, 1)), max_size=30))
def test_a_session_with_holes_is_judged_without_an_error(holes):
    stream = list(_session())
    for what, where in holes:
        at = min(int(where * len(stream)), len(stream) - 1)
        if what == 'drop':
            del stream[at:at + 20]
        elif what == 'double':
            stream.insert(at, stream[at])
        else:
            stream.insert(min(at + 3, len(stream)), stream.pop(at))
    first, second = ([
        each for rules in (Judge(),) for now_s, received in stream
        for each in rules.receive(received, now_s=now_s) + rules.tick(now_s=now_s)
    ] for _ in range(2))
    assert first == second


@functools.cache
def _session():
    """Return the frames of a good session."""
    frames = []

    class Recorder(Play):
        def give(self, *messages):
            super().give(*messages)
            frames.extend(
                (self.now_s, decode(encode(message, index=1))) for message in messages)

    Recorder().whole()
    return tuple(frames)
