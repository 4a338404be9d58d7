# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is told to the controller, and the story of the charge, on a made-up clock."""

import dataclasses
import math

import pytest

from gi3_ros.core.controller_watch import CHARGE_PAUSE, IDLE_STATES
from gi3_ros.core.hardware import PowerMeasurement, Stage
from gi3_ros.core.interface.signals import (
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    DcPowerParameters,
    EmergencyStop,
    EvInformationBattery,
    NewChargeSession,
    SequenceControl,
)
from gi3_ros.core.session.control import (
    HEEDED_S,
    PRE_AUTHORISATION_S,
    SessionConfig,
    SessionControl,
    START_HEEDED_S,
)
from gi3_ros.core.session.sequence import BUTTON_S
from gi3_ros.core.session.words import Charging, Phase, PHASE_OF_STATE, UNKNOWN_STATE

State = AdvanticsControllerStatus.State
STEP_S = 0.01
ALLOWED = SequenceControl(start_charge_authorisation=1)
SAFE = PowerMeasurement(voltage_v=20.0, current_a=1.0)


class Bench:
    """
    A session with a controller that is alive until a test silences it.

    power_control and precharge are well, and repeat it, as long as a test leaves them alone.
    """

    def __init__(self, config=None):
        self.core = SessionControl(config or SessionConfig())
        self.state = None
        self.power_fault = ''
        """``None``: silent."""
        self.stage = Stage.OPEN
        """``None``: silent."""
        self.stage_reason = ''
        self.has_output_contactors = True
        self.steps = 0
        self.words = []

    @property
    def now_s(self):
        return self.steps * STEP_S

    def run(self, seconds):
        for _ in range(round(seconds / STEP_S)):
            self.steps += 1
            if self.steps % 5 == 1:
                self.report()
            if self.steps % 10 == 0 and self.state is not None:
                self.give(AdvanticsControllerStatus(self.state))
            # As the node does it; sums of steps may be off a little.
            if self.core.due_s < self.now_s + 1e-5:
                word = self.core.tick(now_s=self.now_s)
                if word is not None:
                    self.words.append(word)
                assert self.now_s < self.core.due_s <= self.now_s + 0.1
        return self

    def report(self):
        if self.power_fault is not None:
            self.core.see_power(self.power_fault, now_s=self.now_s)
        if self.stage is not None:
            self.core.see_stage(
                self.stage, self.stage_reason, now_s=self.now_s,
                has_output_contactors=self.has_output_contactors)

    def give(self, message):
        self.core.receive(message, now_s=self.now_s)
        return self

    def enter(self, state):
        self.state = state
        self.give(AdvanticsControllerStatus(state))
        return self.run(0.05)

    def story(self):
        return self.core.story(now_s=self.now_s)


@pytest.fixture
def bench():
    return Bench()


@pytest.mark.parametrize('first', [State.NOT_AVAILABLE, State.WAITING_FOR_PEV])
def test_first_word_follows_the_first_idle_state(bench, first):
    """A7: waiting for state 1 would wait for ever."""
    bench.run(0.5)
    assert bench.words == []
    bench.enter(first)
    assert bench.words == [ALLOWED]


def test_word_is_repeated_on_each_later_entry_and_to_a_deaf_controller(bench):
    bench.enter(State.NOT_AVAILABLE).enter(State.WAITING_FOR_PEV)
    assert bench.words == [ALLOWED] * 2
    bench.enter(State.NOT_AVAILABLE).run(4.1)
    assert bench.words == [ALLOWED] * 5
    bench.enter(State.WAITING_FOR_PEV).run(10.0)
    assert bench.words == [ALLOWED] * 6


@pytest.mark.parametrize('state', [State.NEGOTIATING_CONNECTION, State.CHARGING, 13, 255])
def test_no_start_is_given_before_the_controller_was_idle(bench, state):
    """R34: a node that comes up in mid-session gives nothing that it has not been asked for."""
    bench.enter(state).run(3.0)
    assert set(bench.words) == {SequenceControl()}
    assert 'has not seen begin' in why_not(bench)
    bench.enter(State.NOT_AVAILABLE)
    assert bench.words[-1] == ALLOWED


def test_nothing_is_said_while_initialising(bench):
    bench.enter(State.INITIALISING).run(1.0)
    assert bench.words == []


def test_start_is_not_allowed_when_configured_so():
    bench = Bench(SessionConfig(start_allowed=False)).enter(State.NOT_AVAILABLE)
    assert bench.words == [SequenceControl()]


@pytest.mark.parametrize('is_valid', [True, False])
def test_authorisation_is_told_in_one_frame(bench, is_valid):
    bench.enter(State.WAITING_FOR_PEV).enter(State.CCS_AUTHORISATION_PROCESS)
    bench.words.clear()
    bench.core.authorise(is_valid, now_s=bench.now_s)
    bench.run(0.1)
    assert bench.words == [dataclasses.replace(
        ALLOWED, ccs_authorisation_done=1, ccs_authorisation_valid=int(is_valid))]


@pytest.mark.parametrize('later_s, is_used', [
    (PRE_AUTHORISATION_S - 1.0, True), (PRE_AUTHORISATION_S + 1.0, False)])
def test_authorisation_before_the_vehicle_is_kept_but_not_for_ever(bench, later_s, is_used):
    bench.enter(State.WAITING_FOR_PEV)
    bench.core.authorise(True, now_s=bench.now_s)
    bench.run(later_s)
    bench.words.clear()
    bench.enter(State.CCS_AUTHORISATION_PROCESS)
    assert any(word.ccs_authorisation_done for word in bench.words) is is_used


def test_authorisation_is_used_up_by_one_vehicle(bench):
    bench.enter(State.WAITING_FOR_PEV)
    bench.core.authorise(True, now_s=bench.now_s)
    bench.enter(State.CCS_AUTHORISATION_PROCESS)
    bench.enter(State.WAITING_FOR_PEV)
    bench.words.clear()
    bench.enter(State.CCS_AUTHORISATION_PROCESS).run(2.0)
    assert not any(word.ccs_authorisation_done for word in bench.words)


def test_word_is_repeated_within_a_session(bench):
    """A word lost on the way must not leave a stop or an authorisation unheard."""
    bench.enter(State.WAITING_FOR_PEV).enter(State.CHARGING)
    bench.words.clear()
    bench.run(5.0)
    assert 4 <= len(bench.words) <= 6
    assert set(bench.words) == {ALLOWED}


def test_authorises_by_itself_when_configured_so():
    bench = Bench(SessionConfig(auto_authorise=True)).enter(State.CCS_AUTHORISATION_PROCESS)
    assert bench.words[-1].ccs_authorisation_valid == 1


@pytest.mark.parametrize('state', [State.CONNECTED_WITH_FULL_INFO, State.CHARGING])
def test_too_late_to_authorise(bench, state):
    bench.enter(state)
    with pytest.raises(ValueError, match='past the authorisation'):
        bench.core.authorise(True, now_s=bench.now_s)


def test_parameters_are_final_only_after_they_were_sent(bench):
    """R37."""
    bench.enter(State.WAITING_FOR_PEV).enter(State.CONNECTED_WITH_FULL_INFO).run(0.5)
    bench.words.clear()
    bench.give(DcPowerParameters()).run(0.1)
    assert bench.words == [dataclasses.replace(ALLOWED, charge_parameters_done=1)]


@pytest.mark.parametrize('state, is_done', [
    (State.NEGOTIATING_CONNECTION, True), (State.CCS_AUTHORISATION_PROCESS, True),
    (State.CONNECTED_WITH_FULL_INFO, True), (State.WAITING_FOR_PEV, False),
    (State.CLOSING_COMMUNICATION, False),
])
@pytest.mark.parametrize('is_told_first', [True, False])
def test_an_announcement_before_its_state_is_answered_by_parameters_done(
        bench, state, is_done, is_told_first):
    """A4, R37: the state may wait for the flag."""
    bench.enter(State.WAITING_FOR_PEV).enter(state)
    bench.words.clear()
    answers = [DcPowerParameters(), NewChargeSession()]
    for message in answers if is_told_first else reversed(answers):
        bench.give(message).run(0.1)
    assert any(word.charge_parameters_done for word in bench.words) is is_done
    bench.enter(State.CONNECTED_WITH_FULL_INFO)
    bench.run(1.1)
    assert bench.words[-1].charge_parameters_done
    bench.enter(State.WAITING_FOR_PEV).enter(State.NEGOTIATING_CONNECTION)
    bench.run(1.1)
    assert not bench.words[-1].charge_parameters_done, 'another session, not announced yet'


def test_flags_of_one_session_are_gone_in_the_next(bench):
    bench.enter(State.WAITING_FOR_PEV).enter(State.CONNECTED_WITH_FULL_INFO)
    bench.give(DcPowerParameters()).run(0.1)
    bench.enter(State.WAITING_FOR_PEV)
    assert bench.words[-1] == ALLOWED


def test_stop_button_is_pressed_and_let_go(bench):
    """R39: only the edge acts, so it must come back."""
    bench.enter(State.WAITING_FOR_PEV).enter(State.CHARGING)
    bench.words.clear()
    bench.core.stop_charge(now_s=bench.now_s)
    assert bench.core.stop_charge(now_s=bench.now_s) == 'already asked for'
    bench.run(BUTTON_S + 0.1)
    assert [word.user_stop_button for word in bench.words] == [1, 0]


@pytest.mark.parametrize('state', [
    State.INITIALISING, State.NOT_AVAILABLE, State.WAITING_FOR_PEV,
    State.NEGOTIATING_CONNECTION, State.ENDING_CHARGE, State.CLOSING_COMMUNICATION])
def test_nothing_to_stop(bench, state):
    bench.enter(state)
    with pytest.raises(ValueError, match='no charge to stop'):
        bench.core.stop_charge(now_s=bench.now_s)


def test_a_session_that_is_announced_early_can_be_stopped(bench):
    """A4, R39."""
    bench.enter(State.NEGOTIATING_CONNECTION).give(NewChargeSession())
    assert 'asked to end' in bench.core.stop_charge(now_s=bench.now_s)


def test_requests_without_a_controller_are_refused(bench):
    for request in (lambda: bench.core.stop_charge(now_s=0.0),
                    lambda: bench.core.authorise(True, now_s=0.0)):
        with pytest.raises(ValueError, match='nothing is heard'):
            request()


def test_every_state_has_its_phase():
    assert set(PHASE_OF_STATE) == {*State, CHARGE_PAUSE}


def test_silence_is_its_own_phase(bench):
    assert bench.story().phase is Phase.NO_CONTROLLER
    bench.enter(State.CHARGING)
    assert bench.story().phase is Phase.CHARGING
    bench.state = None
    bench.run(0.2)
    assert bench.story().phase is Phase.NO_CONTROLLER


@pytest.mark.parametrize('state, phase', [
    (CHARGE_PAUSE, Phase.PAUSED), (14, Phase.UNKNOWN), (99, Phase.UNKNOWN),
    (254, Phase.UNKNOWN)])
def test_a_state_without_a_label_is_a_session_that_goes_on(bench, state, phase):
    """State 13 belongs to v3.4 (7.1); of a later one nobody knows but that it is no idle one."""
    begin(bench).enter(State.CHARGING).run(1.0)
    charge(bench, 1.0, 100.0)
    bench.give(ChargeSessionFinished(7))
    bench.enter(state).run(0.3)
    story = bench.story()
    assert (story.phase, story.controller_state) == (phase, state)
    assert story.end_reason == '', 'an undefined label ends nothing (1.4)'
    assert story.note
    bench.core.see_pistol(0.0, now_s=bench.now_s)
    bench.core.measure(SAFE, now_s=bench.now_s)
    assert not bench.core.is_safe_to_unplug(now_s=bench.now_s)
    assert bench.core.stop_charge(now_s=bench.now_s), 'a pause can be ended, too'
    assert bench.run(0.1).words[-1].user_stop_button == 1
    with pytest.raises(ValueError, match='under way'):
        bench.core.start_charge(now_s=bench.now_s)


@pytest.mark.parametrize('state', [13, 14, 200])
def test_nor_is_it_safe_after_an_earlier_session_has_ended(bench, state):
    """What ended was another session: the plug in this one may be live."""
    begin(bench).give(ChargeSessionFinished())
    bench.enter(State.WAITING_FOR_PEV).enter(state).run(0.3)
    bench.core.see_pistol(0.0, now_s=bench.now_s)
    bench.core.measure(SAFE, now_s=bench.now_s)
    assert not bench.core.is_safe_to_unplug(now_s=bench.now_s)


def test_a_controller_that_starts_has_let_nothing_go(bench):
    """It knows of no session because it knows nothing (R44)."""
    bench.has_output_contactors = False
    bench.enter(State.INITIALISING).run(0.5)
    bench.core.measure(SAFE, now_s=bench.now_s)
    assert not bench.core.is_safe_to_unplug(now_s=bench.now_s)
    bench.enter(State.NOT_AVAILABLE).run(0.2)
    bench.core.measure(SAFE, now_s=bench.now_s)
    assert bench.core.is_safe_to_unplug(now_s=bench.now_s)


def test_one_odd_status_does_not_make_it_safe(bench):
    bench.has_output_contactors = False
    begin(bench).enter(State.CHARGING).run(1.0)
    bench.core.measure(SAFE, now_s=bench.now_s)
    bench.give(AdvanticsControllerStatus(State.WAITING_FOR_PEV))
    assert not bench.core.is_safe_to_unplug(now_s=bench.now_s)


def begin(bench):
    return bench.enter(State.WAITING_FOR_PEV).enter(State.CONNECTED_WITH_FULL_INFO)


def charge(bench, seconds, amps, volts=400.0, gap_s=0.04):
    for _ in range(round(seconds / gap_s)):
        bench.run(gap_s)
        bench.core.measure(
            PowerMeasurement(voltage_v=volts, current_a=amps), now_s=bench.now_s)


def test_energy_is_counted_both_ways():
    bench = Bench().enter(State.WAITING_FOR_PEV).enter(State.CONNECTED_WITH_FULL_INFO)
    charge(bench, 36.0, 100.0)
    charge(bench, 18.0, -50.0)
    story = bench.story()
    assert story.energy_charged_wh == pytest.approx(400.0, rel=0.01)
    assert story.energy_discharged_wh == pytest.approx(100.0, rel=0.01)
    assert story.peak_power_w == pytest.approx(40e3)
    assert story.duration_s == pytest.approx(54.0, abs=0.2)


@pytest.mark.parametrize('gap_s, is_counted', [(0.29, True), (0.31, False)])
def test_energy_is_not_invented_over_a_gap(gap_s, is_counted):
    bench = Bench().enter(State.WAITING_FOR_PEV).enter(State.CONNECTED_WITH_FULL_INFO)
    charge(bench, 10 * gap_s, 100.0, gap_s=gap_s)
    assert bool(bench.story().energy_charged_wh) is is_counted


def test_a_reading_that_is_no_number_counts_nothing():
    bench = Bench().enter(State.CONNECTED_WITH_FULL_INFO)
    charge(bench, 1.0, math.nan)
    assert bench.story().energy_charged_wh == 0.0


def test_the_story_tells_protocol_battery_and_end(bench):
    bench.enter(State.WAITING_FOR_PEV).enter(State.CONNECTED_WITH_FULL_INFO)
    bench.give(NewChargeSession(NewChargeSession.CommunicationProtocol.CCS_ISO_15118_2013_V2))
    bench.give(EvInformationBattery(75e3, 52.0))
    bench.enter(State.CHARGING).run(1.0)
    story = bench.story()
    assert (story.protocol, story.state_of_charge) == ('CCS_ISO_15118_2013_V2', 0.52)
    assert story.end_reason == ''
    bench.give(ChargeSessionFinished())
    assert bench.story().end_reason == 'Clean_Stop'


def test_a_rushed_end_says_why(bench):
    bench.enter(State.CONNECTED_WITH_FULL_INFO).give(EmergencyStop(EmergencyStop.Origin.PEV))
    bench.give(ChargeSessionFinished(ChargeSessionFinished.State.RUSHED_STOP))
    assert bench.story().end_reason == 'Rushed_Stop: Emergency_Stop raised by PEV'


IDLE = State.WAITING_FOR_PEV


@pytest.mark.parametrize('state, reading, pistol_v, is_open, age_s, expected', [
    (IDLE, SAFE, 20.0, True, 0.0, True),
    (State.CHARGING, SAFE, 20.0, True, 0.0, False),
    (IDLE, dataclasses.replace(SAFE, voltage_v=20.1), 20.0, True, 0.0, False),
    (IDLE, dataclasses.replace(SAFE, current_a=-1.1), 20.0, True, 0.0, False),
    (IDLE, SAFE, 20.1, True, 0.0, False),
    (IDLE, SAFE, math.nan, True, 0.0, True),
    (State.CLOSING_COMMUNICATION, SAFE, math.nan, True, 0.0, False),
    (IDLE, SAFE, 20.0, False, 0.0, False),
    (IDLE, SAFE, 20.0, True, 0.31, False),
])
def test_safe_to_unplug_only_when_all_is_known_and_low(
        bench, state, reading, pistol_v, is_open, age_s, expected):
    bench.stage = Stage.OPEN if is_open else Stage.CLOSED
    bench.enter(state).run(0.2)
    bench.core.see_pistol(pistol_v, now_s=bench.now_s)
    bench.core.measure(reading, now_s=bench.now_s)
    bench.run(age_s)
    assert bench.core.is_safe_to_unplug(now_s=bench.now_s) is expected


def test_without_own_contactors_the_controller_must_have_let_the_plug_go(bench):
    """R44: its open relay hides the voltage at the pistol from the modules."""
    bench.enter(State.CONNECTED_WITH_FULL_INFO)
    bench.give(ChargeSessionFinished())
    bench.has_output_contactors = False
    bench.run(0.1)
    bench.core.measure(dataclasses.replace(SAFE, voltage_v=0.0), now_s=bench.now_s)
    assert not bench.core.is_safe_to_unplug(now_s=bench.now_s)


@pytest.mark.parametrize('volts, expected', [(20.0, True), (20.1, False)])
def test_without_own_contactors_the_modules_voltage_is_the_pistols(bench, volts, expected):
    bench.has_output_contactors = False
    bench.enter(IDLE).run(0.2)
    bench.core.measure(dataclasses.replace(SAFE, voltage_v=volts), now_s=bench.now_s)
    assert bench.core.is_safe_to_unplug(now_s=bench.now_s) is expected


# Battery


@pytest.mark.parametrize('amps, charging', [
    (100.0, Charging.CHARGING), (0.6, Charging.CHARGING), (0.4, Charging.NOT_CHARGING),
    (-0.4, Charging.NOT_CHARGING), (-0.6, Charging.DISCHARGING), (-100.0, Charging.DISCHARGING)])
def test_what_the_battery_does(bench, amps, charging):
    bench.stage = Stage.CLOSED
    begin(bench).give(EvInformationBattery(75e3, 52.0)).enter(State.CHARGING)
    charge(bench, 0.2, amps)
    battery = bench.core.battery(now_s=bench.now_s)
    assert (battery.charging, battery.current_a, battery.voltage_v) == (charging, amps, 400.0)
    assert (battery.state_of_charge, battery.is_present) == (0.52, True)


def silence_controller(bench):
    bench.state = None


def silence_stage(bench):
    bench.stage = None


def silence_driver(_bench):
    """Nothing to do: only charge() measures."""


@pytest.mark.parametrize('silence, age_s, tells', [
    (silence_controller, 0.3, 'NO_CONTROLLER'), (silence_stage, 0.51, 'CHARGING'),
    (silence_driver, 0.31, 'CHARGING')])
def test_nothing_is_charging_when_somebody_is_silent(bench, silence, age_s, tells):
    bench.stage = Stage.CLOSED
    begin(bench).give(EvInformationBattery(75e3, 52.0)).enter(State.CHARGING)
    charge(bench, 0.5, 100.0)
    silence(bench)
    for _ in range(round(age_s / STEP_S)):
        bench.run(STEP_S)
        if silence is not silence_driver:
            bench.core.measure(
                PowerMeasurement(voltage_v=400.0, current_a=100.0), now_s=bench.now_s)
    battery = bench.core.battery(now_s=bench.now_s)
    assert battery.charging is Charging.UNKNOWN
    assert math.isnan(battery.voltage_v) and math.isnan(battery.current_a)
    assert bench.story().phase.name == tells
    assert battery.is_present is (silence is not silence_controller)


@pytest.mark.parametrize('stage', [stage for stage in Stage if stage is not Stage.CLOSED])
def test_what_is_measured_is_the_battery_only_behind_a_closed_stage(bench, stage):
    bench.stage = stage
    begin(bench).enter(State.CHARGING)
    charge(bench, 0.2, 0.0)
    assert math.isnan(bench.core.battery(now_s=bench.now_s).voltage_v)


@pytest.mark.parametrize('volts, is_battery', [(0.0, False), (59.9, False), (60.0, True)])
def test_an_empty_output_behind_a_diode_is_no_battery(bench, volts, is_battery):
    """R46."""
    bench.stage = Stage.CLOSED
    begin(bench).enter(State.WAITING_FOR_CHARGE)
    charge(bench, 0.2, 0.0, volts=volts)
    assert math.isnan(bench.core.battery(now_s=bench.now_s).voltage_v) is not is_battery


def test_the_duration_stands_still_while_the_controller_is_silent(bench):
    begin(bench).run(3.0)
    bench.state = None
    bench.run(5.0)
    story = bench.story()
    assert story.duration_s == pytest.approx(3.0, abs=0.2)
    assert story.controller_state == UNKNOWN_STATE
    assert math.isnan(story.state_of_charge)


@pytest.mark.parametrize('state', [
    State.NEGOTIATING_CONNECTION, State.CCS_AUTHORISATION_PROCESS])
def test_the_next_vehicle_has_not_the_charge_of_the_one_before(bench, state):
    begin(bench).give(EvInformationBattery(present_state_of_charge=73))
    bench.enter(State.CHARGING).give(ChargeSessionFinished()).enter(State.WAITING_FOR_PEV)
    assert bench.story().state_of_charge == 0.73, 'the story of the charge that ended'
    bench.enter(state)
    assert math.isnan(bench.story().state_of_charge)
    assert math.isnan(bench.core.battery(now_s=bench.now_s).state_of_charge)


# Availability


def why_not(bench):
    return bench.core.why_not_available(now_s=bench.now_s)


def starts(bench):
    """Return whether the last word lets a vehicle begin."""
    return bool(bench.words[-1].start_charge_authorisation)


def test_taken_out_of_service_and_given_back(bench):
    bench.enter(State.WAITING_FOR_PEV)
    assert starts(bench) and why_not(bench) == ''
    words = bench.core.set_availability(False, reason=' cable damaged ', now_s=bench.now_s)
    assert words == 'not available: taken out of service: cable damaged'
    bench.run(0.1)
    assert not starts(bench) and why_not(bench) == 'taken out of service: cable damaged'
    assert 'a vehicle may begin' in bench.core.set_availability(True, now_s=bench.now_s)
    bench.run(0.1)
    assert starts(bench) and why_not(bench) == ''


def test_an_hmi_gives_the_start_for_a_while():
    bench = Bench(SessionConfig(start_allowed=False)).enter(State.NOT_AVAILABLE)
    assert not starts(bench) and 'set_availability' in why_not(bench)
    bench.core.set_availability(True, duration_s=30.0, now_s=bench.now_s)
    bench.run(29.9)
    assert starts(bench)
    bench.run(0.2)
    assert not starts(bench) and 'start_allowed is false' in why_not(bench)


@pytest.mark.parametrize('duration_s', [-1.0, math.nan, math.inf])
def test_an_impossible_duration_changes_nothing(bench, duration_s):
    bench.enter(State.WAITING_FOR_PEV)
    with pytest.raises(ValueError, match='duration is'):
        bench.core.set_availability(False, duration_s=duration_s, now_s=bench.now_s)
    assert starts(bench.run(0.1)) and why_not(bench) == ''


def has_power_fault(bench):
    bench.power_fault = 'over-current: 130.0 A'


def has_stage_fault(bench):
    bench.stage, bench.stage_reason = Stage.FAULT, 'output contactors: welded'


def has_silent_power(bench):
    bench.power_fault = None


def has_unknown_contactors(bench):
    bench.stage, bench.stage_reason = Stage.UNKNOWN, 'power_control is in no session'


@pytest.mark.parametrize('state', [State.WAITING_FOR_PEV, State.CHARGING])
@pytest.mark.parametrize('strike, words', [
    (has_power_fault, 'over-current: 130.0 A; mend it, then reset_fault'),
    (has_stage_fault, 'output contactors: welded; mend it, then reset_stage_fault'),
    (has_unknown_contactors, "is the contactors' driver running"),
    (has_silent_power, 'power_control is silent'),
    (silence_stage, 'precharge is silent')])
def test_a_fault_withdraws_the_start_and_its_reset_gives_it_back(bench, state, strike, words):
    bench.enter(State.WAITING_FOR_PEV).enter(state)
    strike(bench)
    bench.run(0.7)
    assert not starts(bench) and words in why_not(bench)
    # Not even people give it.
    assert words in bench.core.set_availability(True, now_s=bench.now_s)
    assert not starts(bench.run(1.1))
    bench.power_fault, bench.stage, bench.stage_reason = '', Stage.OPEN, ''
    bench.run(0.2)
    assert starts(bench) and why_not(bench) == ''


def test_reset_does_not_give_back_what_people_have_taken(bench):
    bench.enter(State.WAITING_FOR_PEV)
    bench.core.set_availability(False, now_s=bench.now_s)
    bench.power_fault = 'over-current: 130.0 A'
    bench.run(0.5)
    bench.power_fault = ''
    assert not starts(bench.run(0.5)) and why_not(bench) == 'taken out of service'


def test_a_charge_that_runs_goes_on(bench):
    """A35: only the start is withdrawn; the rest of the word stays as it was."""
    begin(bench).give(DcPowerParameters()).enter(State.CHARGING)
    words = bench.core.set_availability(False, now_s=bench.now_s)
    assert 'to end it call stop_charge' in words
    bench.run(0.1)
    assert bench.words[-1] == SequenceControl(charge_parameters_done=1)
    bench.enter(State.NOT_AVAILABLE)
    assert bench.words[-1] == SequenceControl()


def test_a_controller_that_was_started_anew_is_not_called_a_session(bench):
    bench.enter(State.WAITING_FOR_PEV).core.journal.drain()
    bench.enter(State.INITIALISING).run(1.0)
    said = ' | '.join(entry.text for entry in bench.core.journal.drain())
    assert 'no vehicle may begin: the controller starts' in said and 'session' not in said
    assert starts(bench.enter(State.NOT_AVAILABLE))


@pytest.mark.parametrize('state', [State.INITIALISING, State.NOT_AVAILABLE])
def test_a_controller_that_is_not_available_is_not_called_so(bench, state):
    bench.enter(state).run(1.0)
    assert state.name in why_not(bench)


def test_nor_is_one_that_is_silent(bench):
    assert 'nothing is heard' in why_not(bench)
    bench.enter(State.WAITING_FOR_PEV)
    bench.state = None
    assert 'nothing is heard' in why_not(bench.run(0.3))


@pytest.mark.parametrize('withheld_s, is_found', [(HEEDED_S + 0.1, True), (0.5, False)])
def test_a_controller_that_does_not_heed_the_start_is_named(bench, withheld_s, is_found):
    """R34: without use_sequence_flags it lets everybody in."""
    bench.enter(State.WAITING_FOR_PEV)
    bench.core.set_availability(False, now_s=bench.now_s)
    bench.run(withheld_s).core.journal.drain()
    bench.enter(State.NEGOTIATING_CONNECTION)
    said = [entry.text for entry in bench.core.journal.drain()]
    assert any('use_sequence_flags = true' in text for text in said) is is_found


@pytest.mark.parametrize('stall_s', [0.0, 0.35, 0.8])
@pytest.mark.parametrize('button', ['user_stop_button', 'chademo_start_button'])
def test_a_press_is_not_lost_in_a_stall_of_the_tick(bench, button, stall_s):
    """Whoever asked was told that it is pressed (R39)."""
    if button == 'user_stop_button':
        begin(bench).enter(State.CHARGING).core.stop_charge(now_s=bench.now_s)
    else:
        bench.enter(State.WAITING_FOR_PEV)
        start_charge(bench)
    bench.words.clear()
    for _ in range(round(stall_s / STEP_S)):
        bench.steps += 1
        if bench.steps % 5 == 0:
            bench.report()
            bench.give(AdvanticsControllerStatus(bench.state))
    bench.run(BUTTON_S - 0.05)
    assert [getattr(word, button) for word in bench.words] == [1]
    bench.run(0.1)
    assert [getattr(word, button) for word in bench.words] == [1, 0]


def test_a_press_that_could_not_be_told_is_forgotten(bench):
    begin(bench).enter(State.CHARGING).core.stop_charge(now_s=bench.now_s)
    bench.steps += 200
    bench.give(AdvanticsControllerStatus(State.CHARGING)).words.clear()
    bench.run(3.0)
    assert bench.words and not any(word.user_stop_button for word in bench.words)


# The start button


def start_charge(bench):
    return bench.core.start_charge(now_s=bench.now_s)


def test_start_button_is_pressed_and_let_go(bench):
    """R39: only the edge acts, so it must come back; and no second edge comes too soon."""
    bench.enter(State.WAITING_FOR_PEV).words.clear()
    assert 'is pressed' in start_charge(bench)
    assert start_charge(bench) == 'already asked for'
    bench.run(BUTTON_S + 0.1)
    assert start_charge(bench) == 'already asked for'
    assert [word.chademo_start_button for word in bench.words] == [1, 0]
    bench.run(BUTTON_S)
    assert 'is pressed' in start_charge(bench)
    assert bench.run(0.1).words[-1].chademo_start_button == 1


def test_start_button_is_let_go_when_the_session_begins_at_once(bench):
    bench.enter(State.WAITING_FOR_PEV)
    start_charge(bench)
    bench.run(0.05).enter(State.NEGOTIATING_CONNECTION).run(BUTTON_S + 1.5)
    assert bench.words[-1].chademo_start_button == 0


@pytest.mark.parametrize('state, words', [
    (State.NOT_AVAILABLE, 'NOT_AVAILABLE'), (State.INITIALISING, 'INITIALISING'),
    (State.NEGOTIATING_CONNECTION, 'under way'), (State.CHARGING, 'under way'),
    (State.CLOSING_COMMUNICATION, 'under way'), (13, 'under way'), (77, 'under way')])
def test_start_button_is_not_pressed_where_it_does_not_act(bench, state, words):
    bench.enter(state)
    with pytest.raises(ValueError, match=words):
        start_charge(bench)
    assert not any(word.chademo_start_button for word in bench.run(1.0).words)


@pytest.mark.parametrize('strike', [has_power_fault, has_stage_fault, silence_stage])
def test_start_button_is_not_pressed_when_no_charge_may_begin(bench, strike):
    """R35: the controller would remember it, and begin once the fault is reset."""
    bench.enter(State.WAITING_FOR_PEV)
    strike(bench)
    bench.run(0.7)
    with pytest.raises(ValueError, match='no charge may begin'):
        start_charge(bench)


def test_a_press_does_not_outlive_the_permission(bench):
    bench.enter(State.WAITING_FOR_PEV)
    start_charge(bench)
    bench.run(0.05)
    bench.core.set_availability(False, now_s=bench.now_s)
    bench.run(0.05)
    assert bench.words[-1] == SequenceControl()


def test_a_press_that_nobody_heeds_is_named(bench):
    bench.enter(State.WAITING_FOR_PEV)
    start_charge(bench)
    bench.run(START_HEEDED_S - 0.1).core.journal.drain()
    bench.run(0.2)
    assert 'CHAdeMO pistol' in bench.core.journal.drain()[0].text
    start_charge(bench)
    bench.run(1.0).enter(State.NEGOTIATING_CONNECTION).core.journal.drain()
    bench.run(START_HEEDED_S)
    assert not bench.core.journal.drain()


def test_no_button_stays_pressed_when_the_node_leaves(bench):
    bench.enter(State.WAITING_FOR_PEV)
    start_charge(bench)
    bench.enter(State.CHARGING)
    bench.core.stop_charge(now_s=bench.now_s)
    assert bench.core.start_forbidden == SequenceControl()


@pytest.mark.parametrize('state', sorted({*range(20), 255} - {int(s) for s in IDLE_STATES}))
def test_only_idle_states_are_no_session(bench, state):
    """Every state that is not named as idle keeps its word repeated, as in a session."""
    bench.enter(State.WAITING_FOR_PEV).enter(state).words.clear()
    assert 4 <= len(bench.run(5.0).words) <= 6


def test_a_start_that_was_withdrawn_is_repeated_to_a_deaf_controller(bench):
    """It should go to Not_Available; one that goes on waiting would let the next vehicle in."""
    bench.enter(State.WAITING_FOR_PEV)
    bench.core.set_availability(False, now_s=bench.now_s)
    bench.run(0.1).words.clear()
    bench.run(4.1)
    assert bench.words == [SequenceControl()] * 2
    bench.enter(State.NOT_AVAILABLE).words.clear()
    assert bench.run(5.0).words == []


def test_not_available_while_an_emergency_is_in_force(bench):
    """R38: it may outlast the session, and no vehicle begins."""
    bench.enter(State.WAITING_FOR_PEV).give(EmergencyStop(EmergencyStop.Origin.EVSE))
    bench.run(0.5)
    assert 'Emergency_Stop raised by EVSE' in why_not(bench)
    with pytest.raises(ValueError, match='R38'):
        start_charge(bench)
    assert why_not(bench.run(0.6)) == ''
