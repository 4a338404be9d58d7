# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What must hold for every repeated word to people and robots, whoever falls silent and whenever.

power_control, precharge and session decide together on a made-up clock. Random sequences of what
the controller, the driver and people do lead them somewhere; then somebody falls silent. Within
1.5 s no word may tell what nobody repeats: unknown is NaN or UNKNOWN, and never harmless.
"""

import dataclasses
import math

from amount import many
from hypothesis import given, HealthCheck, settings
from hypothesis import strategies as st
from power_bench import INSULATION, LOWER, OFF, PRECHARGE, STANDBY, State, TRANSFER
import pytest

from gi3_ros.core.controller_watch import CHARGE_PAUSE
from gi3_ros.core.hardware import Contact, ContactorFeedback, PowerMeasurement, Stage
from gi3_ros.core.interface.signals import (
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    ChargeStatusChange,
    EmergencyStop,
    EvInformationBattery,
    NewChargeSession,
)
from gi3_ros.core.power.control import PowerControl
from gi3_ros.core.power.parameters import PowerConfig
from gi3_ros.core.power.phases import POWERED
from gi3_ros.core.session.control import SessionConfig, SessionControl
from gi3_ros.core.session.words import Charging, NOTHING_KNOWN, Phase, UNKNOWN_STATE
from gi3_ros.core.stage.installations import stage_for
from gi3_ros.core.stage.output_stage import Installation, StageConfig
from gi3_ros.core.stage.precharge import PrechargeSupervision, Verdict

STEP_S = 0.05
TOLD_WITHIN_S = 1.5
"""After this silence nothing of what was heard before may be told."""
REPEAT_S = 1.0
"""The node repeats its words so often; with it the longest age below."""
IDLE = {State.INITIALISING, State.WAITING_FOR_PEV, State.NOT_AVAILABLE}
SOURCES = ('controller', 'driver', 'contacts', 'power', 'stage')
AGES_S = {'controller': 0.2, 'driver': 0.3, 'contacts': 0.5, 'power': 0.5, 'stage': 0.5}
COMMANDS = (STANDBY, OFF, INSULATION, LOWER, PRECHARGE, TRANSFER)
STATES = (*State, CHARGE_PAUSE, 14, 77, 200)


class Charger:
    """The three of them, and what they hear from ``alive``: 'controller', 'driver', ..."""

    def __init__(self, installation):
        config = StageConfig(installation=installation.value)
        self.power = PowerControl(PowerConfig())
        self.stage = stage_for(config)
        self.supervision = PrechargeSupervision(20.0)
        self.session = SessionControl(SessionConfig(auto_authorise=True))
        self.has_own = config.has_output_contactors
        self.alive = dict.fromkeys(SOURCES, True)
        self.heard_s = dict.fromkeys(SOURCES, -math.inf)
        self.now_s = 0.0
        self.state = self.heard_state = State.WAITING_FOR_PEV
        self.reading = PowerMeasurement(
            voltage_v=0.0, current_a=0.0, insulation_resistance_ohm=510e3)
        self.measured = self.reading
        """As heard last."""
        self.pistol_v = math.nan
        self.decision = None
        self.command = None
        self.progress = None
        self.word = None

    def run(self, seconds):
        for _ in range(round(seconds / STEP_S)):
            self.step()
        return self

    def step(self):
        self.now_s += STEP_S
        if self.alive['controller']:
            self.give(AdvanticsControllerStatus(self.state))
        if self.alive['driver']:
            self._measure()
        if self.alive['contacts']:
            self._report_contacts()
        if self.alive['stage']:
            self._tick_stage()
        if self.alive['power']:
            self._tick_power()
        self.was_due = self.session.due_s < self.now_s + 1e-5
        if self.was_due:
            self.word = self.session.tick(now_s=self.now_s) or self.word
        check(self)

    def give(self, message):
        if not self.alive['controller']:
            return
        if isinstance(message, AdvanticsControllerStatus):
            self.heard_s['controller'], self.heard_state = self.now_s, message.state
        for part in (self.power, self.stage, self.supervision, self.session):
            part.receive(message, now_s=self.now_s)

    def _measure(self):
        self.heard_s['driver'], self.measured = self.now_s, self.reading
        for part in (self.power, self.stage, self.supervision, self.session):
            part.measure(self.reading, now_s=self.now_s)

    def _report_contacts(self):
        self.heard_s['contacts'] = self.now_s
        is_closed = self.command is not None and self.command.output_closed
        contact = Contact.CLOSED if is_closed else Contact.OPEN
        self.stage.see_contacts(
            ContactorFeedback(contact, Contact.OPEN, self.pistol_v), now_s=self.now_s)
        self.session.see_pistol(self.pistol_v, now_s=self.now_s)

    def _tick_stage(self):
        stage, now_s = self.stage, self.now_s
        self.heard_s['stage'] = now_s
        self.command = stage.tick(now_s=now_s) or self.command
        told = stage.told(now_s=now_s)
        self.power.see_stage(
            told, stage.reason, now_s=now_s, has_output_contactors=self.has_own,
            battery_may_be_connected=stage.battery_may_be_connected)
        self.session.see_stage(
            told, stage.reason, has_output_contactors=self.has_own, now_s=now_s)
        self.progress = self.supervision.take_news(now_s=now_s) or stage.take_progress(now_s=now_s)

    def _tick_power(self):
        decision = self.decision = self.power.tick(now_s=self.now_s)
        self.heard_s['power'] = self.now_s
        self.stage.see_setpoint(decision.setpoint.mode, now_s=self.now_s)
        self.stage.see_power(
            decision.fault, is_enabled=decision.system_enable,
            is_commanded=decision.phase in POWERED, now_s=self.now_s)
        self.session.see_power(decision.fault, now_s=self.now_s)
        if decision.parameters is not None:
            self.session.receive(decision.parameters, now_s=self.now_s)

    def is_fresh(self, source):
        return self.now_s - self.heard_s[source] < AGES_S[source] + 1e-6

    @property
    def words(self):
        return self.session.words(now_s=self.now_s)


def check(charger):
    """Hold all words of a moment against what is heard at that moment."""
    words, fresh = charger.words, charger.is_fresh
    story, battery = words.story, words.battery
    if not fresh('controller'):
        assert story.phase is Phase.NO_CONTROLLER
        assert story.controller_state == UNKNOWN_STATE
        assert math.isnan(story.state_of_charge) and math.isnan(battery.state_of_charge)
        assert not battery.is_present
    elif charger.heard_state not in IDLE and story.phase is not Phase.NO_CONTROLLER:
        assert story.phase not in (Phase.DISCONNECTED, Phase.UNAVAILABLE)
        assert not words.is_safe_to_unplug or charger.heard_state in (
            State.ENDING_CHARGE, State.WELDING_DETECTION, State.CLOSING_COMMUNICATION)
    if battery.charging is not Charging.UNKNOWN:
        assert fresh('controller') and fresh('driver') and fresh('stage')
        assert (battery.voltage_v, battery.current_a) == (
            charger.measured.voltage_v, charger.measured.current_a)
        assert not words.is_safe_to_unplug
    else:
        assert math.isnan(battery.voltage_v) and math.isnan(battery.current_a)
    if words.is_safe_to_unplug:
        assert all(fresh(each) for each in ('controller', 'driver', 'stage'))
        assert abs(charger.measured.current_a) <= 1.0 and charger.measured.voltage_v <= 20.0
        assert not charger.has_own or fresh('contacts')
    if not words.why_not_available:
        assert all(fresh(each) for each in ('controller', 'power', 'stage'))
        assert not charger.decision.fault and charger.stage.stage is not Stage.FAULT
    # What nobody hears need not be said, and one that starts has forgotten all (4.1).
    is_heard = (charger.heard_s['controller'] == charger.now_s
                and charger.heard_state != State.INITIALISING)
    if is_heard and charger.word is not None and charger.word.start_charge_authorisation:
        assert not charger.session._availability.why_not(now_s=charger.now_s)
    if not words.why_not_available and is_heard and charger.was_due:
        assert charger.word.start_charge_authorisation
    check_last(words)


def check_last(words):
    """Hold what is said on the way out against: nothing is known."""
    last = words.last('left')
    assert last.story.phase is Phase.UNKNOWN
    assert last.story.controller_state == UNKNOWN_STATE
    assert math.isnan(last.story.state_of_charge)
    assert last.battery == NOTHING_KNOWN.battery or math.isnan(last.battery.voltage_v)
    assert last.battery.charging is Charging.UNKNOWN and not last.battery.is_present
    assert not last.is_safe_to_unplug and last.why_not_available == last.story.note == 'left'
    assert last.story.energy_charged_wh == words.story.energy_charged_wh


def check_silence(charger, silent):
    """Hold the words against a silence of some for 1.5 s."""
    words, decision = charger.words, charger.decision
    told = charger.stage.told(now_s=charger.now_s)
    if {'controller', 'driver', 'stage'} & silent:
        assert words.battery.charging is Charging.UNKNOWN
        assert not words.is_safe_to_unplug
    if {'controller', 'power', 'stage'} & silent:
        assert words.why_not_available
    if 'power' not in silent and {'controller', 'driver', 'stage'} & silent:
        assert decision.phase not in POWERED and not decision.system_enable
        assert decision.effective.current_a == decision.effective.voltage_v == 0.0
    if 'stage' in silent:
        return
    if 'controller' in silent and charger.stage.config.kind is not Installation.NONE:
        assert told not in (Stage.CLOSED, Stage.CLOSING, Stage.PRECHARGING)
        assert charger.has_own or told in (Stage.UNKNOWN, Stage.FAULT)
    if charger.has_own and 'contacts' in silent:
        assert told not in (Stage.OPEN, Stage.CLOSED)
    if charger.progress is not None and 'driver' in silent:
        assert charger.progress.verdict is Verdict.UNKNOWN
        assert math.isnan(charger.progress.present_v)
        assert math.isnan(charger.progress.difference_v)
    if 'controller' in silent:
        assert charger.progress is None, 'nothing lasts that nobody commands'


EVENTS = st.one_of(
    st.tuples(st.just('state'), st.sampled_from(STATES)),
    st.tuples(st.just('command'), st.sampled_from(COMMANDS)),
    st.tuples(st.just('measure'), st.tuples(
        st.sampled_from((0.0, 19.9, 60.0, 365.0, 400.0, 500.0)),
        st.sampled_from((0.0, 0.4, 0.6, 50.0, -20.0)))),
    st.tuples(st.just('pistol'), st.sampled_from((math.nan, 0.0, 20.1, 370.0))),
    st.tuples(st.just('give'), st.sampled_from((
        NewChargeSession(), EvInformationBattery(75e3, 52.0), EmergencyStop(1),
        ChargeStatusChange(1), ChargeSessionFinished(), ChargeSessionFinished(1),
        ChargeSessionFinished(9)))),
    st.tuples(st.just('toggle'), st.sampled_from(SOURCES)),
    st.tuples(st.just('ask'), st.sampled_from(('stop_charge', 'start_charge', 'reset_fault'))),
    st.tuples(st.just('wait'), st.integers(1, 12)),
)


def do(charger, event):
    """Let one event happen."""
    kind, value = event
    if kind == 'state':
        charger.state = value
    elif kind in ('command', 'give'):
        charger.give(value)
    elif kind == 'measure':
        charger.reading = dataclasses.replace(
            charger.reading, voltage_v=value[0], current_a=value[1])
    elif kind == 'pistol':
        charger.pistol_v = value
    elif kind == 'toggle':
        charger.alive[value] = not charger.alive[value]
    elif kind == 'ask':
        ask(charger, value)
    charger.run(value * STEP_S if kind == 'wait' else STEP_S)


def ask(charger, request):
    """Let people ask for something; a refusal has words."""
    part = charger.power if request == 'reset_fault' else charger.session
    try:
        getattr(part, request)(now_s=charger.now_s)
    except ValueError as refusal:
        assert str(refusal)


def lead_to(charger, steps):
    """Lead a charger through the first steps of a regular session."""
    def show(volts=0.0, amps=0.0):
        charger.reading = dataclasses.replace(
            charger.reading, voltage_v=volts, current_a=amps)
        charger.pistol_v = volts

    def enter(state, *messages):
        charger.state = state
        charger.run(0.1)
        for message in messages:
            charger.give(message)
            charger.run(0.3)

    path = (
        lambda: enter(State.WAITING_FOR_PEV),
        lambda: enter(State.CONNECTED_WITH_FULL_INFO, NewChargeSession(),
                      EvInformationBattery(75e3, 52.0)),
        lambda: enter(State.INSULATION_TEST, STANDBY, INSULATION),
        lambda: (show(500.0), charger.run(0.3), show(), enter(State.INSULATION_TEST, LOWER)),
        lambda: enter(State.PRECHARGE, PRECHARGE),
        lambda: (show(360.0), charger.run(0.3)),
        lambda: enter(State.WAITING_FOR_CHARGE, STANDBY, ChargeStatusChange(1)),
        lambda: enter(State.CHARGING, TRANSFER),
        lambda: (show(360.0, 50.0), charger.run(0.4)),
    )
    for step in path[:steps]:
        step()
    return charger


LAST_STEP = 9
INSTALLATIONS = (
    Installation.OWN_CONTACTORS, Installation.CONTROLLER_RELAY, Installation.NONE,
    Installation.CONTROLLER_V2G, Installation.OWN_V2G)


@settings(max_examples=many(400), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    installation=st.sampled_from(INSTALLATIONS), steps=st.integers(0, LAST_STEP),
    events=st.lists(EVENTS, max_size=12),
    silent=st.sets(st.sampled_from(SOURCES), min_size=1, max_size=3))
def test_no_word_outlives_what_it_was_made_of(installation, steps, events, silent):
    charger = lead_to(Charger(installation), steps)
    for event in events:
        do(charger, event)
    for source in SOURCES:
        charger.alive[source] = source not in silent
    charger.run(TOLD_WITHIN_S)
    check_silence(charger, silent)


@pytest.mark.parametrize('source', SOURCES)
@pytest.mark.parametrize('installation', INSTALLATIONS[:3])
@pytest.mark.parametrize('steps', range(LAST_STEP + 1))
def test_nor_in_a_regular_session(installation, steps, source):
    charger = lead_to(Charger(installation), steps)
    charger.alive[source] = False
    charger.run(TOLD_WITHIN_S)
    check_silence(charger, {source})


@pytest.mark.parametrize('installation', INSTALLATIONS[:3])
def test_the_path_of_these_tests_leads_to_a_charge(installation):
    """Else they would prove nothing."""
    charger = lead_to(Charger(installation), LAST_STEP)
    words = charger.words
    assert words.battery.charging is Charging.CHARGING
    assert words.story.phase is Phase.CHARGING and words.battery.state_of_charge == 0.52
    assert not words.why_not_available
    precharging = lead_to(Charger(installation), 6)
    assert precharging.progress.verdict is Verdict.IN_WINDOW


def test_the_ages_leave_room_for_the_repeat():
    """What has changed is told at once, and repeated at 1 Hz: together within 1.5 s."""
    assert max(AGES_S.values()) + REPEAT_S <= TOLD_WITHIN_S
