"""What is told to the controller, and the story of the charge, on a made-up clock."""

import dataclasses
import math

import pytest

from gi3_ros.core.hardware import PowerMeasurement
from gi3_ros.core.session import (
    BUTTON_S,
    Phase,
    PHASE_OF_STATE,
    PRE_AUTHORISATION_S,
    SessionConfig,
    SessionControl,
)
from gi3_ros.core.signals import (
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    DcPowerParameters,
    EmergencyStop,
    EvInformationBattery,
    NewChargeSession,
    SequenceControl,
)

State = AdvanticsControllerStatus.State
STEP_S = 0.01
ALLOWED = SequenceControl(start_charge_authorisation=1)


class Bench:
    """A session with a controller that is alive until a test silences it."""

    def __init__(self, config=None):
        self.core = SessionControl(config or SessionConfig())
        self.state = None
        self.steps = 0
        self.words = []

    @property
    def now_s(self):
        return self.steps * STEP_S

    def run(self, seconds):
        for _ in range(round(seconds / STEP_S)):
            self.steps += 1
            if self.steps % 10 == 0 and self.state is not None:
                self.give(AdvanticsControllerStatus(self.state))
            word = self.core.tick(now_s=self.now_s)
            if word is not None:
                self.words.append(word)
        return self

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
    assert set(PHASE_OF_STATE) == set(State)


def test_silence_is_its_own_phase(bench):
    assert bench.story().phase is Phase.NO_CONTROLLER
    bench.enter(State.CHARGING)
    assert bench.story().phase is Phase.CHARGING
    bench.state = None
    bench.run(0.2)
    assert bench.story().phase is Phase.NO_CONTROLLER


def test_an_undefined_state_is_shown_and_breaks_nothing(bench):
    """State 13 belongs to v3.4 (2.4)."""
    bench.enter(13)
    assert bench.story().phase is Phase.UNAVAILABLE
    assert bench.story().controller_state == 13


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


SAFE = PowerMeasurement(voltage_v=20.0, current_a=1.0)
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
    bench.enter(state)
    bench.core.see_stage(is_open, now_s=bench.now_s)
    bench.core.see_pistol(pistol_v, now_s=bench.now_s)
    bench.core.measure(reading, now_s=bench.now_s)
    bench.run(age_s)
    assert bench.core.is_safe_to_unplug(now_s=bench.now_s) is expected


def test_without_own_contactors_the_controller_must_have_let_the_plug_go(bench):
    """R44: its open relay hides the voltage at the pistol from the modules."""
    bench.enter(State.CONNECTED_WITH_FULL_INFO)
    bench.give(ChargeSessionFinished())
    bench.core.see_stage(False, has_output_contactors=False, now_s=bench.now_s)
    bench.core.measure(dataclasses.replace(SAFE, voltage_v=0.0), now_s=bench.now_s)
    assert not bench.core.is_safe_to_unplug(now_s=bench.now_s)


@pytest.mark.parametrize('volts, expected', [(20.0, True), (20.1, False)])
def test_without_own_contactors_the_modules_voltage_is_the_pistols(bench, volts, expected):
    bench.enter(IDLE)
    bench.core.see_stage(False, has_output_contactors=False, now_s=bench.now_s)
    bench.core.measure(dataclasses.replace(SAFE, voltage_v=volts), now_s=bench.now_s)
    assert bench.core.is_safe_to_unplug(now_s=bench.now_s) is expected
