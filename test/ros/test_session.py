# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""session against a scripted controller on topics: Sequence_Control and the charge's story."""

import math
import time

import pytest
from sensor_msgs.msg import BatteryState
from std_msgs.msg import Bool

from gi3_ros import msg as ros
from gi3_ros import srv
from gi3_ros.core.interface import signals
from gi3_ros.core.session.words import Charging, Phase
from gi3_ros.nodes.session import SessionNode

State = signals.AdvanticsControllerStatus.State
TOLD_WITHIN_S = 1.5
BUSY_MACHINE_S = 1.0


class Controller:
    """A controller's state and the words it hears; power_control and precharge beside it."""

    def __init__(self, world, beats):
        self._world = world
        self._beats = beats
        self.state = State.NOT_AVAILABLE
        self.power = ros.PowerStatus()
        self.stage = ros.StageStatus()
        self.words = world.listen(ros.SequenceControl, 'sequence_control')
        self.stories = world.listen(ros.ChargeSession, 'charge_session', latched=True)

    def begin(self):
        """Start to beat; the others of the charger are well, and heard before the controller."""
        available = self._world.listen(ros.Availability, 'is_available', latched=True)
        self._beats.every(
            0.05, 'power_status', lambda: self._world.publish('power_status', self.power))
        self._beats.every(
            0.05, 'stage_status', lambda: self._world.publish('stage_status', self.stage))
        available.wait_for(lambda word: 'silent' not in word.reason)
        self._beats.every(0.02, 'controller_status', self._send)

    def silence(self):
        self._beats.silence('controller_status')

    def enter(self, state):
        """Change the state; returns when session has seen it."""
        mark = self.stories.mark
        self.state = state
        self.stories.wait_for(lambda story: story.controller_state == state, after=mark)

    def _send(self):
        self._world.publish(
            'controller_status', ros.AdvanticsControllerStatus(state=int(self.state)))


@pytest.fixture
def controller(world, beats):
    return Controller(world, beats)


@pytest.fixture
def session(world, controller):
    """Give an active session that hears a controller in Not_Available."""
    node = world.bring_up(SessionNode)
    controller.begin()
    controller.words.wait_for()
    return node


def flags(word):
    """Return the names of the flags that are set."""
    return {
        field for field in word.get_fields_and_field_types()
        if field != 'header' and getattr(word, field)
    }


START = 'start_charge_authorisation'
AUTHORISED = {'ccs_authorisation_done', 'ccs_authorisation_valid'}


def authorise(world, valid=True):
    return world.call(srv.Authorise, 'authorise', valid=valid)


def stop_charge(world):
    return world.call(srv.StopCharge, 'stop_charge')


def test_says_the_words_of_a_whole_session_in_their_order(world, controller, session):
    controller.enter(State.WAITING_FOR_PEV)
    controller.enter(State.NEGOTIATING_CONNECTION)
    controller.enter(State.CCS_AUTHORISATION_PROCESS)
    assert 'told to the controller' in authorise(world).message
    controller.words.wait_for(lambda word: 'ccs_authorisation_done' in flags(word))
    controller.enter(State.CONNECTED_WITH_FULL_INFO)
    world.publish('dc_power_parameters', ros.DcPowerParameters())
    controller.words.wait_for(lambda word: word.charge_parameters_done)
    controller.enter(State.CHARGING)
    assert stop_charge(world).success
    pressed = controller.words.wait_for(lambda word: word.user_stop_button)
    controller.words.wait_for(
        lambda word: not word.user_stop_button, after=controller.words.heard.index(pressed))
    controller.enter(State.CLOSING_COMMUNICATION)
    last = controller.words.mark
    controller.enter(State.WAITING_FOR_PEV)
    controller.words.wait_for(after=last)
    said = [flags(word) for word in controller.words.heard]
    done = {START} | AUTHORISED | {'charge_parameters_done'}
    assert said == [
        {START},  # Not_Available
        {START},  # Waiting_For_PEV: repeated on every entry (A7)
        {START} | AUTHORISED,  # both in one frame (R36)
        done,
        done | {'user_stop_button'},
        done,  # only the edge acts (R39)
        {START},
    ]


def test_parameters_are_final_only_when_they_were_told(world, controller, session):
    controller.enter(State.CONNECTED_WITH_FULL_INFO)
    stories = controller.stories.mark
    controller.stories.wait_for(after=stories)
    assert not any(word.charge_parameters_done for word in controller.words.heard)
    world.publish('dc_power_parameters', ros.DcPowerParameters())
    controller.words.wait_for(lambda word: word.charge_parameters_done)


def test_a_refused_authorisation_is_told_as_done_without_valid(world, controller, session):
    controller.enter(State.CCS_AUTHORISATION_PROCESS)
    assert authorise(world, valid=False).success
    word = controller.words.wait_for(lambda word: word.ccs_authorisation_done)
    assert not word.ccs_authorisation_valid


def test_an_authorisation_beforehand_is_kept_for_the_vehicle_that_comes(
        world, controller, session):
    assert 'kept' in authorise(world).message
    controller.enter(State.WAITING_FOR_PEV)
    controller.enter(State.CCS_AUTHORISATION_PROCESS)
    assert controller.words.wait_for(
        lambda word: word.ccs_authorisation_done).ccs_authorisation_valid


def test_authorises_by_itself_only_when_told_to(world, controller):
    world.bring_up(SessionNode, auto_authorise=True)
    controller.begin()
    controller.enter(State.CCS_AUTHORISATION_PROCESS)
    assert controller.words.wait_for(
        lambda word: word.ccs_authorisation_done).ccs_authorisation_valid


def test_start_forbidden_is_told_as_such(world, controller):
    world.bring_up(SessionNode, start_allowed=False)
    controller.begin()
    assert flags(controller.words.wait_for()) == set()


@pytest.mark.parametrize('ask', [authorise, stop_charge])
def test_refuses_without_a_controller(world, controller, session, ask):
    mark = controller.stories.mark
    controller.silence()
    controller.stories.wait_for(lambda story: story.phase_name == 'NO_CONTROLLER', after=mark)
    refused = ask(world)
    assert not refused.success
    assert 'nothing is heard from the controller' in refused.message


@pytest.mark.parametrize(('ask', 'state', 'words'), [
    (authorise, State.CHARGING, 'past the authorisation (CHARGING)'),
    (authorise, State.INSULATION_TEST, 'past the authorisation (INSULATION_TEST)'),
    (stop_charge, State.WAITING_FOR_PEV, 'no charge to stop'),
    (stop_charge, State.ENDING_CHARGE, 'no charge to stop'),
    (stop_charge, State.CLOSING_COMMUNICATION, 'no charge to stop'),
])
def test_refuses_what_makes_no_sense_now(world, controller, session, ask, state, words):
    controller.enter(state)
    refused = ask(world)
    assert not refused.success
    assert words in refused.message


def test_a_second_press_is_no_second_edge(world, controller, session):
    controller.enter(State.CHARGING)
    assert stop_charge(world).success
    assert 'already asked for' in stop_charge(world).message
    controller.words.wait_for(lambda word: word.user_stop_button)
    released = controller.words.mark
    controller.words.wait_for(lambda word: not word.user_stop_button, after=released)
    assert sum(word.user_stop_button for word in controller.words.heard) == 1


@pytest.mark.parametrize('ask', [authorise, stop_charge])
def test_an_inactive_node_refuses_and_says_no_word(world, beats, controller, session, ask):
    before = controller.words.mark
    assert world.change(session, 'deactivate')
    controller.words.wait_for(
        lambda word: not word.start_charge_authorisation, after=before)
    refused = ask(world)
    assert not refused.success
    assert 'not active' in refused.message
    mark = controller.words.mark
    controller.state = State.WAITING_FOR_PEV
    beats.go_on(0.3)
    assert controller.words.mark == mark


def test_tells_the_story_of_a_charge(world, beats, controller, session):
    battery = world.listen(BatteryState, 'battery_state', latched=True)
    safe = world.listen(Bool, 'safe_to_unplug', latched=True)
    controller.stage = ros.StageStatus(stage=ros.StageStatus.CLOSED)
    controller.enter(State.CONNECTED_WITH_FULL_INFO)
    world.publish('new_charge_session', ros.NewChargeSession(
        communication_protocol=2, plug_and_pins=1))
    world.publish('ev_information_battery', ros.EvInformationBattery(
        battery_capacity=76000.0, present_state_of_charge=30.0))
    beats.every(0.04, 'power_measurement', lambda: world.publish(
        'power_measurement', ros.PowerMeasurement(voltage=400.0, current=90.0, ready=True)))
    controller.enter(State.CHARGING)
    # 36 kW are 10 Wh a second.
    charging = controller.stories.wait_for(lambda story: story.energy_charged > 10.0)
    assert charging.phase_name == 'CHARGING'
    assert charging.protocol == 'CCS_ISO_15118_2013_V2'
    assert charging.peak_power == pytest.approx(36e3)
    assert charging.state_of_charge == 0.3
    assert charging.energy_charged == pytest.approx(charging.duration * 10.0, rel=0.3)
    assert math.isnan(battery.heard[0].voltage)
    known = battery.wait_for(lambda state: not math.isnan(state.voltage))
    assert (known.voltage, known.current) == (400.0, 90.0)
    assert known.power_supply_status == BatteryState.POWER_SUPPLY_STATUS_CHARGING
    assert not safe.last.data
    controller.enter(State.CLOSING_COMMUNICATION)
    world.publish('charge_session_finished', ros.ChargeSessionFinished(state=0))
    assert controller.stories.wait_for(
        lambda story: story.end_reason).end_reason == 'Clean_Stop'


def test_a_rushed_end_names_what_was_wrong(world, controller, session):
    controller.enter(State.CONNECTED_WITH_FULL_INFO)
    controller.power = ros.PowerStatus(fault='fuse of module 2')
    available = world.listen(ros.Availability, 'is_available', latched=True)
    available.wait_for(lambda word: 'fuse of module 2' in word.reason)
    world.publish('emergency_stop', ros.EmergencyStop(origin=1))
    controller.enter(State.CLOSING_COMMUNICATION)
    world.publish('charge_session_finished', ros.ChargeSessionFinished(state=1))
    assert controller.stories.wait_for(
        lambda story: story.end_reason).end_reason == 'Rushed_Stop: fuse of module 2'


def test_safe_to_unplug_only_when_all_of_it_is_known_and_safe(world, beats, controller, session):
    safe = world.listen(Bool, 'safe_to_unplug', latched=True)
    assert not safe.wait_for().data, 'the stage and the output are unknown'
    beats.every(0.05, 'stage_status', lambda: world.publish(
        'stage_status', ros.StageStatus(stage=ros.StageStatus.OPEN)))
    beats.every(0.05, 'power_measurement', lambda: world.publish(
        'power_measurement', ros.PowerMeasurement(voltage=3.0, ready=True)))
    safe.wait_for(lambda message: message.data)
    mark = safe.mark
    beats.silence('power_measurement')
    safe.wait_for(lambda message: not message.data, after=mark)


def test_nothing_stays_called_safe_when_the_node_leaves_active(
        world, beats, controller, session):
    safe = world.listen(Bool, 'safe_to_unplug', latched=True)
    beats.every(0.05, 'stage_status', lambda: world.publish(
        'stage_status', ros.StageStatus(has_output_contactors=False)))
    beats.every(0.05, 'power_measurement', lambda: world.publish(
        'power_measurement', ros.PowerMeasurement(voltage=3.0, ready=True)))
    safe.wait_for(lambda message: message.data)
    assert world.change(session, 'deactivate')
    safe.wait_for(lambda message: not message.data, after=safe.mark - 1)
    assert not safe.last.data
    controller.words.wait_for(lambda word: not word.start_charge_authorisation)


@pytest.mark.parametrize('topic', ['controller_status', 'power_measurement', 'stage_status'])
def test_a_battery_charges_only_as_long_as_somebody_says_so(
        world, beats, controller, session, topic):
    battery = world.listen(BatteryState, 'battery_state', latched=True)
    controller.stage = ros.StageStatus(stage=ros.StageStatus.CLOSED)
    beats.every(0.04, 'power_measurement', lambda: world.publish(
        'power_measurement', ros.PowerMeasurement(voltage=400.0, current=90.0, ready=True)))
    controller.enter(State.CHARGING)
    charging = BatteryState.POWER_SUPPLY_STATUS_CHARGING
    battery.wait_for(lambda state: state.power_supply_status == charging)
    silent_s = time.time()
    beats.silence(topic)
    mark = battery.mark
    unknown = battery.wait_for(
        lambda state: state.power_supply_status != charging, after=mark)
    assert time.time() - silent_s < TOLD_WITHIN_S + BUSY_MACHINE_S
    assert unknown.power_supply_status == BatteryState.POWER_SUPPLY_STATUS_UNKNOWN
    assert math.isnan(unknown.voltage) and math.isnan(unknown.current)
    mark = battery.mark
    beats.go_on(1.2)
    assert battery.mark > mark, 'it is repeated'
    assert not any(state.power_supply_status == charging for state in battery.heard[mark:])


def test_a_pause_is_told_as_one(world, controller, session):
    """State 13 of v3.4: never UNAVAILABLE, which reads as 'no session'."""
    controller.enter(State.CHARGING)
    controller.enter(13)
    paused = controller.stories.last
    assert (paused.phase, paused.phase_name) == (ros.ChargeSession.PAUSED, 'PAUSED')
    controller.enter(99)
    unknown = controller.stories.last
    assert (unknown.phase, unknown.phase_name) == (ros.ChargeSession.UNKNOWN, 'UNKNOWN')
    assert 'state 99' in unknown.note


@pytest.mark.parametrize('phase', Phase)
def test_phases_have_the_numbers_of_the_message(phase):
    assert getattr(ros.ChargeSession, phase.name) == phase


@pytest.mark.parametrize('charging', Charging)
def test_what_a_battery_does_has_the_numbers_of_the_message(charging):
    assert getattr(BatteryState, f'POWER_SUPPLY_STATUS_{charging.name}') == charging


# Availability and the start button


@pytest.fixture
def available(world):
    return world.listen(ros.Availability, 'is_available', latched=True)


def set_availability(world, is_available, **fields):
    return world.call(
        srv.SetAvailability, 'set_availability', available=is_available, **fields)


def start_charge(world):
    return world.call(srv.StartCharge, 'start_charge')


def test_a_pistol_is_taken_out_of_service_and_given_back(world, controller, session, available):
    controller.enter(State.WAITING_FOR_PEV)
    available.wait_for(lambda word: word.available and not word.reason)
    mark, words = available.mark, controller.words.mark
    assert 'cable damaged' in set_availability(world, False, reason='cable damaged').message
    taken = available.wait_for(lambda word: not word.available, after=mark)
    assert taken.reason == 'taken out of service: cable damaged'
    controller.words.wait_for(lambda word: not word.start_charge_authorisation, after=words)
    mark, words = available.mark, controller.words.mark
    assert set_availability(world, True).success
    available.wait_for(lambda word: word.available, after=mark)
    controller.words.wait_for(lambda word: word.start_charge_authorisation, after=words)


def test_an_hmi_gives_the_start_for_some_time(world, controller, available):
    world.bring_up(SessionNode, start_allowed=False)
    controller.begin()
    controller.enter(State.WAITING_FOR_PEV)
    available.wait_for(lambda word: 'start_allowed is false' in word.reason)
    assert set_availability(world, True, duration=0.5).success
    available.wait_for(lambda word: word.available)
    mark = available.mark
    available.wait_for(lambda word: not word.available, after=mark)
    refused = set_availability(world, True, duration=-1.0)
    assert not refused.success and 'duration is -1' in refused.message


@pytest.mark.parametrize(('part', 'message', 'words'), [
    ('power', ros.PowerStatus(fault='fuse of module 2'),
     'fuse of module 2; mend it, then reset_fault'),
    ('stage', ros.StageStatus(stage=ros.StageStatus.FAULT, reason='main relay welded'),
     'main relay welded; mend it, then reset_stage_fault'),
])
def test_a_fault_withdraws_the_start_until_it_is_reset(
        world, controller, session, available, part, message, words):
    controller.enter(State.WAITING_FOR_PEV)
    available.wait_for(lambda word: word.available)
    healthy, mark, said = getattr(controller, part), available.mark, controller.words.mark
    setattr(controller, part, message)
    assert words in available.wait_for(lambda word: not word.available, after=mark).reason
    controller.words.wait_for(lambda word: not word.start_charge_authorisation, after=said)
    refused = start_charge(world)
    assert not refused.success and words in refused.message
    mark, said = available.mark, controller.words.mark
    setattr(controller, part, healthy)
    available.wait_for(lambda word: word.available, after=mark)
    controller.words.wait_for(lambda word: word.start_charge_authorisation, after=said)


def test_the_start_button_is_pressed_once_and_let_go(world, controller, session, available):
    controller.enter(State.WAITING_FOR_PEV)
    available.wait_for(lambda word: word.available)
    mark = controller.words.mark
    assert start_charge(world).success
    assert 'already asked for' in start_charge(world).message
    controller.words.wait_for(lambda word: word.chademo_start_button, after=mark)
    released = controller.words.mark
    controller.words.wait_for(lambda word: not word.chademo_start_button, after=released)
    assert sum(word.chademo_start_button for word in controller.words.heard) == 1
    controller.enter(State.CHARGING)
    refused = start_charge(world)
    assert not refused.success and 'under way' in refused.message
