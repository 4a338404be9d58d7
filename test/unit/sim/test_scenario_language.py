# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The language of the scenarios: what is read, what is refused, when a step is done."""

import dataclasses

import pytest

from gi3_ros.core.interface.codec import decode, Received
from gi3_ros.core.interface.signals import AdvanticsControllerStatus, EmergencyStop
from gi3_ros.sim import library
from gi3_ros.sim.actions import ACTIONS, parse
from gi3_ros.sim.config import ControllerConfig, Pistol
from gi3_ros.sim.events import Kind
from gi3_ros.sim.link import Link
from gi3_ros.sim.person import Person
from gi3_ros.sim.scenario import End, load, Player, Scenario, STATES
from gi3_ros.sim.simulator import Simulator, TICK_S
from gi3_ros.sim.vehicle_config import VehicleConfig
from gi3_ros.sim.vehicle_contactors import ContactorFault

State = AdvanticsControllerStatus.State


def only(text):
    scenario, = load(text, name='x')
    return scenario


# What is read


def test_an_empty_scenario_is_a_session_that_ends_clean():
    scenario = only('about: nothing special')
    assert scenario == Scenario('x', about='nothing special')
    assert scenario.end == End.CLEAN


def test_everything_that_a_file_can_say():
    scenario = only("""
about: >
  two
  lines
vehicle: {file: ccs_400v, charge_duration_s: 5}
controller: {max_charger_current: 80}
steps:
  - at: 2
    do: stop
  - when: {state: Charging, current_above: 10, current_below: 90, voltage_above: 300,
           voltage_below: 500, vehicle_contactors: closed, sessions: 1}
    after: 0.5
    do: [mute all for 1, "claim 400"]
expect: {end: rushed, may_break: [R8]}
charger: {anything: 1}
within_s: 7
""")
    assert scenario.about == 'two lines'
    assert (scenario.vehicle, scenario.vehicle_entries) == ('ccs_400v', {'charge_duration_s': 5})
    assert scenario.controller == {'max_charger_current': 80}
    assert (scenario.end, scenario.may_break) == (End.RUSHED, ('R8',))
    assert scenario.charger == {'anything': 1}
    assert scenario.within_s == 7.0
    first, second = scenario.steps
    assert (first.at_s, [action.line for action in first.do]) == (2.0, ['stop'])
    assert second.state is State.CHARGING
    assert (second.current_above, second.current_below) == (10.0, 90.0)
    assert (second.voltage_above, second.voltage_below) == (300.0, 500.0)
    assert (second.vehicle_contactors, second.sessions, second.after_s) == (True, 1, 0.5)
    assert [action.line for action in second.do] == ['mute all for 1', 'claim 400']


def test_a_vehicle_may_be_named_alone():
    assert only('vehicle: rude_400v').vehicle == 'rude_400v'


def test_for_each_makes_one_of_each_word_and_keeps_a_number_a_number():
    made = load("""
for_each: {seconds: [1, 2.5]}
about: after {seconds} s
steps: [{after: '{seconds}', do: 'pause {seconds}'}]
""", name='x')
    assert [each.name for each in made] == ['x 1', 'x 2.5']
    assert [each.about for each in made] == ['after 1 s', 'after 2.5 s']
    assert [each.steps[0].after_s for each in made] == [1.0, 2.5]
    assert [each.steps[0].do[0].line for each in made] == ['pause 1', 'pause 2.5']


def test_all_states_have_their_names():
    assert set(STATES.values()) == set(State)
    assert STATES['CCS_Authorisation_Process'] is State.CCS_AUTHORISATION_PROCESS


@pytest.mark.parametrize('name', library.names_in(library.SCENARIOS))
def test_scenarios_that_come_along_can_be_read_and_say_what_they_are(name):
    found = library.load_scenarios(name)
    assert len({each.name for each in found}) == len(found)
    for scenario in found:
        assert scenario.about.endswith('.') and '|' not in scenario.about, scenario.about
        assert '{' not in scenario.about, 'a word that for_each does not fill'
        assert library.load_scenarios(scenario.name) == [scenario]


# What is refused


@pytest.mark.parametrize('text, words', [
    ('a: [1', 'x, line 1: not YAML'),
    ('about: fine\nsteps:\n  - do: [\n', 'x, line 4: not YAML'),
    ('- 1', 'x: a mapping is expected at the top'),
    ('', 'x: a mapping is expected at the top'),
    ('colour: red', 'x: unknown colour; known are about, charger'),
    ('vehicle: {file: tank}\nfoo: 1\nbar: 2', 'x: unknown bar, foo'),
    ('controller: fast', 'x: controller: a mapping is expected'),
    ('charger: 5', 'x: charger: a mapping is expected'),
    ('expect: clean', 'x: expect: a mapping is expected'),
    ('expect: {finish: clean}', 'x: expect: unknown finish'),
    ('expect: {end: soon}', "x: expect: end is 'soon', permitted are clean, rushed, none, any"),
    ('expect: {end: [clean]}', 'x: expect: end is'),
    ('expect: {may_break: R8}', 'x: expect: may_break: a list of rules'),
    ('expect: {may_break: [8]}', 'x: expect: may_break: a list of rules'),
    ('within_s: soon', "x: within_s: 'soon' should be a number"),
    ('within_s: -1', 'x: within_s: -1 should be 0 or more'),
    ('within_s: .inf', 'x: within_s: inf should be a number'),
    ('steps: 5', 'x: steps: a list is expected'),
    ('steps: {do: stop}', 'x: steps: a list is expected'),
    ('steps: [stop]', 'x: step 1: a mapping is expected'),
    ('steps: [{do: stop}, {do: stop, until: 5}]', 'x: step 2: unknown until'),
    ('steps: [{may_not_come: so}]', "x: step 1: may_not_come is true or false, not 'so'"),
    ('steps: [{may_not_come: 1}]', 'x: step 1: may_not_come is true or false, not 1'),
    ('steps: [{at: early}]', "x: step 1: at: 'early' should be a number"),
    ('steps: [{at: -1}]', 'x: step 1: at: -1 should be 0 or more'),
    ('steps: [{after: true}]', 'x: step 1: after: True should be a number'),
    ('steps: [{when: Charging}]', 'x: step 1: when: a mapping is expected'),
    ('steps: [{when: {phase: 1}}]', 'x: step 1: when: unknown phase'),
    ('steps: [{when: {state: Chargin}}]', "x: step 1: state 'Chargin' is none; there are Init"),
    ('steps: [{when: {state: [Charging]}}]', 'x: step 1: state'),
    ('steps: [{when: {state: 7}}]', "x: step 1: state '7' is none"),
    ('steps: [{when: {sessions: one}}]', "x: step 1: sessions: 'one' should be a number"),
    ('steps: [{when: {current_above: x}}]', "x: step 1: current_above: 'x' should be a number"),
    ('steps: [{when: {vehicle_contactors: true}}]', 'x: step 1: vehicle_contactors is closed or'),
    ('steps: [{when: {vehicle_contactors: [open]}}]', 'x: step 1: vehicle_contactors is'),
    ('steps: [{do: explode}]', "x: step 1: 'explode' is no action; there are plug_in"),
    ('steps: [{do: null}]', "x: step 1: 'None' is no action"),
    ('steps: [{do: ""}]', 'x: step 1: an empty line is no action'),
    ('steps: [{do: pause}]', "x: step 1: 'pause': usage is pause SECONDS"),
    ('steps: [{do: "mute all \'"}]', 'x: step 1: "mute all'),
    ('for_each: state\nabout: "{state}"', 'x: for_each takes one name with a list of words'),
    ('for_each: {a: [1], b: [2]}', 'x: for_each takes one name with a list of words'),
    ('for_each: {a: []}\nabout: "{a}"', 'x: for_each a: a list of words is expected'),
    ('for_each: {a: b}\nabout: "{a}"', 'x: for_each a: a list of words is expected'),
    ('for_each: {a: [[1]]}\nabout: "{a}"', 'x: for_each a: a list of words is expected'),
    ('for_each: {a: [1]}', 'x: for_each: {a} is used nowhere'),
    ('for_each: {a: [stop, dance]}\nsteps: [{do: "{a}"}]', "x dance: step 1: 'dance' is no"),
])
def test_a_bad_file_is_refused_with_the_place_and_what_is_wrong(text, words):
    with pytest.raises(ValueError) as refusal:
        load(text, name='x')
    assert words in str(refusal.value)
    assert '\n' not in str(refusal.value)


@pytest.mark.parametrize('line, words', [
    ('emergency moon', "SIDE 'moon' should be one of evse, pev"),
    ('emergency evse now', 'usage is emergency [evse|pev] [for SECONDS]'),
    ('stop for 3', 'it has no duration'),
    ('mute all for ever', "SECONDS 'ever' should be a number"),
    ('mute all for -1', 'SECONDS'),
    ('mute Heartbeat', "'Heartbeat' is no message of the controller"),
    ('mute Power_Modules_Status', 'is no message of the controller'),
    ('set DC_Power_Control Voltage 5', "'Voltage' is no signal of DC_Power_Control"),
    ('set DC_Power_Control Target_Voltage 70000', 'RAW'),
    ('shorten all 0', 'BYTES'),
    ('newer 4.0', 'VERSION'),
    ('send 20000000', 'ID'),
    ('send 123 zz', 'DATA'),
    ('send 123 112233445566778899', 'DATA'),
    ('ocpp lots', 'AMPERE'),
    ('ocpp nan', 'AMPERE'),
    ('input 7 1', 'NUMBER'),
    ('input 1 2', 'LEVEL'),
    ('contactors broken', 'FAULT'),
    ('insulation -5', 'KOHM'),
])
def test_a_bad_action_is_refused_with_its_usage(line, words):
    with pytest.raises(ValueError) as refusal:
        parse(line)
    assert words in str(refusal.value)


@pytest.mark.parametrize('name, words', [
    ('never_heard_of', "there is no scenario 'never_heard_of'; there are ask_again"),
    ('mute_status Charging_Not', "there is no scenario 'mute_status Charging_Not'; there are"),
    ('no/such/file.yaml', 'cannot read the scenario'),
])
def test_a_name_that_there_is_not(name, words):
    with pytest.raises(ValueError, match=words):
        library.load_scenarios(name)


# When a step is done


class Stand:
    """Stands for a simulator: what a step looks at, and what is done."""

    def __init__(self):
        self.vehicle = self.controller = self.wire = self
        self.effects = []
        self.elapsed_s = 0.0
        self.state = State.WAITING_FOR_PEV
        self.inlet_current_a = self.inlet_voltage_v = 0.0
        self.contactors_closed = False
        self.sessions = 0
        self.done = []

    def do(self, action, *, now_s):
        self.done.append((round(now_s, 2), action.line))

    def play(self, player, seconds, **values):
        for name, value in values.items():
            setattr(self, name, value)
        for _ in range(round(seconds / TICK_S)):
            player.tick(self, now_s=self.elapsed_s)
            self.elapsed_s = round(self.elapsed_s + TICK_S, 6)


def test_steps_are_done_in_their_order_each_at_its_time():
    stand, player = Stand(), Player(only(
        'steps: [{at: 1, do: [stop, start]}, {at: 0.5, do: unplug}, {at: 2, do: restart}]'))
    stand.play(player, 1.5)
    assert stand.done == [(1.0, 'stop'), (1.0, 'start'), (1.0, 'unplug')]
    assert player.steps_done == 2 and not player.is_over
    stand.play(player, 1.0)
    assert stand.done[3:] == [(2.0, 'restart')]
    assert player.is_over


def test_after_counts_from_the_moment_at_which_the_conditions_hold_and_begins_anew():
    stand, player = Stand(), Player(only(
        'steps: [{when: {state: Charging}, after: 1, do: stop}]'))
    stand.play(player, 2.0)
    stand.play(player, 0.9, state=State.CHARGING)
    stand.play(player, 0.5, state=State.WAITING_FOR_CHARGE)
    assert stand.done == []
    stand.play(player, 2.0, state=State.CHARGING)
    assert stand.done == [(4.4, 'stop')]


def test_after_alone_counts_from_the_step_before():
    stand, player = Stand(), Player(only('steps: [{at: 1, do: stop}, {after: 2, do: start}]'))
    stand.play(player, 5.0)
    assert stand.done == [(1.0, 'stop'), (3.0, 'start')]


@pytest.mark.parametrize('condition, values, is_due', [
    ('current_above: 10', {'inlet_current_a': 10.0}, False),
    ('current_above: 10', {'inlet_current_a': 10.1}, True),
    ('current_below: -5', {'inlet_current_a': -5.0}, False),
    ('current_below: -5', {'inlet_current_a': -5.1}, True),
    ('voltage_above: 300', {'inlet_voltage_v': 301.0}, True),
    ('voltage_below: 300', {'inlet_voltage_v': 301.0}, False),
    ('vehicle_contactors: closed', {'contactors_closed': True}, True),
    ('vehicle_contactors: closed', {}, False),
    ('vehicle_contactors: open', {}, True),
    ('sessions: 2', {'sessions': 1}, False),
    ('sessions: 2', {'sessions': 3}, True),
    ('state: Charging, current_above: 10', {'inlet_current_a': 20.0}, False),
])
def test_conditions_on_both_sides_of_their_limits(condition, values, is_due):
    stand, player = Stand(), Player(only(f'steps: [{{when: {{{condition}}}, do: stop}}]'))
    stand.play(player, 0.1, **values)
    assert bool(stand.done) is is_due


def test_a_step_may_only_wait():
    stand, player = Stand(), Player(only('steps: [{at: 1}]'))
    stand.play(player, 0.5)
    assert not player.is_over
    stand.play(player, 1.0)
    assert player.is_over and stand.done == []


# On a simulator


def simulator(text='{}', **options):
    player = Player(only(text))
    # Nobody plugs in: time passes, and things can be done.
    return Simulator(
        ControllerConfig(boot_s=0.1, use_sequence_flags=False), player=player, **options)


def go(simulator, seconds, start_s=0.0):
    """Return the frames that go out, with their times."""
    return [
        (start_s + count * TICK_S, frame) for count in range(round(seconds / TICK_S))
        for frame in simulator.tick(now_s=start_s + count * TICK_S)]


def times_of(frames, cls):
    found = []
    for time_s, frame in frames:
        got = decode(frame)
        if isinstance(got, Received) and isinstance(got.message, cls):
            found.append(round(time_s, 2))
    return found


def test_what_is_done_for_a_time_is_undone():
    sim = simulator("""
steps:
  - at: 1
    do: [insulation 20 for 1, contactors stays_open for 1, claim 400 for 1, demand 5 for 1]
""")
    vehicle, good_ohm = sim.vehicle, sim.vehicle.insulation_resistance_ohm
    go(sim, 1.5)
    assert vehicle.insulation_resistance_ohm == 20e3
    assert vehicle.contactor_fault is ContactorFault.STAYS_OPEN
    assert (vehicle.claimed_battery_v, vehicle.wishes.demanded_a) == (400.0, 5.0)
    go(sim, 1.0, start_s=1.5)
    assert vehicle.insulation_resistance_ohm == good_ohm
    assert vehicle.contactor_fault is ContactorFault.NONE
    assert (vehicle.claimed_battery_v, vehicle.wishes.demanded_a) == (None, None)
    said = [(round(each.time_s, 2), each.text) for each in sim.events if each.kind is Kind.ACTION]
    assert said[0] == (1.0, 'insulation 20 for 1')
    assert said[4:] == [(2.0, line) for line in (
        'insulation good', 'contactors none', 'claim truth', 'demand nothing')]


def test_an_emergency_for_a_time_ceases():
    sim = simulator('steps: [{at: 1, do: emergency pev for 2}]')
    times_s = times_of(go(sim, 5.0), EmergencyStop)
    assert times_s[0] == 1.0 and times_s[-1] == pytest.approx(2.9)


def test_a_disturbance_for_a_time_ends():
    sim = simulator('steps: [{at: 1, do: mute Advantics_Controller_Status for 1}]')
    times_s = times_of(go(sim, 4.0), AdvanticsControllerStatus)
    assert [time_s for time_s in times_s if 1.0 <= time_s < 2.0] == []
    assert [time_s for time_s in times_s if time_s >= 2.0] != []


LINES = {
    'plug_in': ('plug_in', lambda sim: sim.vehicle.is_plugged),
    'unplug': ('unplug', lambda sim: not sim.vehicle.is_plugged),
    'ask_again': (
        'ask_again', lambda sim: not sim.controller.situation.start.is_plug_in_remembered),
    'start': ('start', lambda sim: any('start button' in each.text for each in sim.events)),
    'stop': ('stop', lambda sim: not sim.vehicle.stop_reason),
    'vehicle_stop': ('vehicle_stop', lambda sim: 'enough' in sim.vehicle.stop_reason),
    'lose_link': ('lose_link', lambda sim: sim.controller.situation.session is None),
    'emergency': ('emergency pev', lambda sim: sim.controller.emergency_origin.name == 'PEV'),
    'release': ('release', lambda sim: sim.controller.emergency_origin is None),
    'restart': ('restart 0.2', lambda sim: sim.controller.outcome is None),
    'ocpp': ('ocpp -20', None),
    'input': ('input 2 1', lambda sim: sim.controller.inputs == 2),
    'insulation': ('insulation 20', lambda sim: sim.vehicle.insulation_resistance_ohm == 20e3),
    'contactors': ('contactors welded', lambda sim: sim.vehicle.contactors_closed),
    'claim': ('claim 450', lambda sim: sim.vehicle.told_battery_v == 450.0),
    'demand': ('demand 5', lambda sim: sim.vehicle.wishes.demanded_a == 5.0),
    'pause': ('pause 3', lambda sim: sim.vehicle.wishes.paused_until_s == pytest.approx(4.0)),
    'mute': ('mute Advantics_Controller_Status', None),
    'jitter': ('jitter all 0.05', None),
    'duplicate': ('duplicate Advantics_Controller_Status 2', None),
    'shorten': ('shorten Advantics_Controller_Status', None),
    'lengthen': ('lengthen Advantics_Controller_Status 3', None),
    'reserved': ('reserved all', None),
    'set': ('set Advantics_Controller_Status State 13', None),
    'newer': ('newer 3.4', None),
    'bus_off': ('bus_off', None),
    'send': ('send 1FFFFFFF 0102', None),
    'heal': ('heal', lambda sim: not sim.wire.is_bus_off),
}
"""For each action a line, and what can be seen afterwards; ``None``: other frames than before."""


@pytest.mark.parametrize('name', ACTIONS)
def test_every_action_is_done_by_a_scenario(name):
    line, is_seen = LINES[name]
    sim = simulator(f'steps: [{{at: 1, do: "{line}"}}]')
    frames = go(sim, 3.0)
    assert sim.player.is_over
    assert [each.text for each in sim.events if each.kind is Kind.ACTION] == [line]
    if is_seen is None:
        assert frames != go(simulator(), 3.0)
    else:
        assert is_seen(sim)


def test_healing_ends_the_state_of_being_off_the_bus():
    sim = simulator('steps: [{at: 1, do: bus_off}, {at: 2, do: heal}]')
    times_s = times_of(go(sim, 3.0), AdvanticsControllerStatus)
    assert not any(1.0 <= time_s < 2.0 for time_s in times_s)
    assert times_s[-1] > 2.5


# Around scenarios


def test_a_heartbeat_with_an_undefined_state_is_one():
    """R1 binds the charger to hear it; it is not blamed for going on."""
    sim = simulator('steps: [{at: 1, do: set Advantics_Controller_Status State 13}]')
    go(sim, 5.0)
    assert not sim.judgement.rules.facts.heard.is_controller_silent(5.0)


def test_a_frame_for_another_pistol_is_not_held_against_the_charger():
    sim = simulator('steps: [{at: 1, do: send 0206B005 01}]')
    go(sim, 2.0)
    assert not sim.judgement.rules.facts.output.is_emergency


def person_with(text, **vehicle):
    return Link(
        controller_config=ControllerConfig(boot_s=0.1, negotiation_s=0.1),
        vehicle_config=VehicleConfig(charge_duration_s=2.0, **vehicle),
        player=Player(only(text)), person=Person(sessions=1))


def test_nobody_pulls_the_connector_out_of_a_session_that_was_asked_for_again():
    link = person_with('steps: [{when: {sessions: 1}, do: ask_again}, {when: {sessions: 2}}]')
    link.run_until(lambda: link.simulator.is_over, within_s=60.0)
    assert link.simulator.sessions == 2
    assert link.simulator.are_all_clean
    link.run(3.0)
    assert not link.simulator.vehicle.is_plugged


def test_who_has_had_the_session_does_not_come_again_after_a_pulled_connector():
    link = person_with(
        'steps: [{when: {state: Charging}, after: 0.5, do: unplug}]\nexpect: {end: rushed}')
    link.run_until(lambda: link.simulator.is_over, within_s=60.0)
    assert link.simulator.verdict()[0] == 0
    link.run(5.0)
    assert not link.simulator.vehicle.is_plugged
    assert link.state is State.WAITING_FOR_PEV


NEVER = [
    ('{when: {state: Precharge, current_above: 5000}, do: bus_off for 1}',
     'step 1 never came due (state Precharge, current_above 5000: bus_off for 1)'),
    ('{at: 7, do: [stop, unplug]}', 'step 1 never came due (at 7 s: stop, unplug)'),
    ('{after: 8, do: stop}', 'step 1 never came due (after 8 s: stop)'),
    ('{when: {sessions: 2}}', 'step 1 never came due (sessions 2: waits)'),
    ('{when: {vehicle_contactors: closed, voltage_below: 3}, do: stop}',
     'step 1 never came due (voltage_below 3, vehicle_contactors closed: stop)'),
    # It was done, and yet nothing has come of it.
    ('{at: 1, do: mute OCPP_Control}', 'step 1 met no frame (mute OCPP_Control)'),
    ('{at: 1, do: set Emergency_Stop Origin 2 for 1}',
     'step 1 met no frame (set Emergency_Stop Origin 2)'),
]


@pytest.mark.parametrize('step, words', NEVER)
def test_a_step_that_does_not_happen_fails_the_scenario_and_is_named(step, words):
    text = 'expect: {end: any}\nwithin_s: 5\nsteps: '
    sim = simulator(f'{text}[{step}]')
    go(sim, 5.5)
    assert sim.is_over
    assert sim.verdict()[0] == 1
    assert words in sim.verdict()[1]
    assert sim.steps_missing == {1: words}
    sim = simulator(f'{text}[{step.removesuffix("}")}, may_not_come: true}}]')
    go(sim, 5.5)
    assert sim.is_over
    assert sim.verdict()[0] == 0, sim.verdict()
    assert sim.steps_missing == {}


def test_only_what_may_not_come_is_forgiven_and_what_waits_behind_it_is_not():
    sim = simulator("""
expect: {end: any}
within_s: 5
steps:
  - {at: 1, do: jitter all}
  - {when: {state: Charging}, do: stop, may_not_come: true}
  - {at: 2, do: unplug}
""")
    go(sim, 5.5)
    assert sim.steps_missing == {3: 'step 3 never came due (at 2 s: unplug)'}
    assert sim.verdict()[0] == 1


def test_what_is_typed_besides_is_no_step_and_fails_nothing():
    sim = simulator('expect: {end: any}\nwithin_s: 5\nsteps: [{at: 1, do: jitter all for 2}]')
    sim.do('mute OCPP_Control', now_s=0.0)
    go(sim, 5.5)
    assert sim.verdict()[0] == 0


@pytest.mark.parametrize('second, is_met', [
    ('jitter Advantics_Controller_Status', True), ('jitter Charge_Status_Change', False)])
def test_the_same_disturbance_done_twice_has_to_meet_a_frame_each_time(second, is_met):
    sim = simulator(f"""
expect: {{end: any}}
within_s: 5
steps:
  - {{at: 1, do: jitter all for 1}}
  - {{at: 3, do: {second} for 1}}
""")
    go(sim, 5.5)
    assert ([*sim.steps_missing] == []) is is_met


def test_a_scenario_that_expects_no_end_is_over_in_its_time():
    sim = simulator('expect: {end: none}\nwithin_s: 2', person=Person(sessions=1))
    go(sim, 1.9)
    assert not sim.is_over
    go(sim, 0.2, start_s=1.9)
    assert sim.is_over
    # Without a charger the session that somebody began has not come to its end.
    assert sim.verdict()[0] == 0


def test_chademo_may_be_told_to_start_by_a_scenario():
    player = Player(only('steps: [{at: 1, do: [plug_in, start]}]'))
    sim = Simulator(
        ControllerConfig(pistol=Pistol.CHADEMO, boot_s=0.1, use_sequence_flags=False),
        dataclasses.replace(library.load_vehicle('chademo')), player=player)
    go(sim, 1.5)
    assert sim.controller.state is State.NEGOTIATING_CONNECTION
