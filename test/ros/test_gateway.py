# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""gateway on a virtual bus: frames and topics both ways, and whatever else may be on a bus."""

import csv
import functools
import itertools
import pathlib
import random
import threading
import time

import can
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
import pytest
from rclpy.duration import Duration

from gi3_ros import convert
from gi3_ros import msg as ros
from gi3_ros.core.interface import signals
from gi3_ros.core.rules.judge import Judge
from gi3_ros.nodes.gateway import Gateway

INDEX = 3
CLASSES = {cls.NAME: cls for cls in convert.MESSAGE_CLASSES}
THOUSANDS = {
    'Battery_Capacity', 'EV_Minimum_Charge_Power', 'EV_Maximum_Charge_Power',
    'EV_Minimum_Discharge_Power', 'EV_Maximum_Discharge_Power', 'Insulation_Resistance',
}
"""Signals in kW, kWh and kOhm on the wire."""


def golden():
    """Return (class, payload, ROS message) of each row of the vendor's database at work."""
    path = pathlib.Path(__file__).parent.parent / 'data' / 'golden_frames.csv'
    with path.open(encoding='utf-8') as file:
        return [
            (CLASSES[row['message']], bytes.fromhex(row['payload_hex']), message_of(row))
            for row in csv.DictReader(file)
        ]


def message_of(row):
    cls = CLASSES[row['message']]
    message = convert.ROS_TYPES[cls]()
    fields = message.get_fields_and_field_types()
    for pair in row['signals'].split(';'):
        name, value = pair.split('=')
        if name == 'Reserved':
            continue
        kind = fields[name.lower()]
        number = float(value) * (1000 if name in THOUSANDS else 1)
        cast = {'double': float, 'boolean': bool}.get(kind, int)
        setattr(message, name.lower(), cast(number))
    return message


GOLDEN = golden()
FROM_CONTROLLER = [row for row in GOLDEN if row[0].FROM_CONTROLLER]
TO_CONTROLLER = [row for row in GOLDEN if not row[0].FROM_CONTROLLER]
STATUS = signals.AdvanticsControllerStatus.BASE_ID
COMMAND = signals.DcPowerControl.BASE_ID


def can_id(base_id, index=INDEX):
    return base_id | index << 24


def frame(base_id, data, *, index=INDEX, **options):
    options.setdefault('timestamp', time.time())
    return can.Message(
        arbitration_id=can_id(base_id, index), data=data, is_extended_id=True, **options)


@pytest.fixture
def gateway(world, channel):
    """Give an active gateway for pistol1 with an index that is not the default."""
    return world.bring_up(
        Gateway, namespace=world.root, interface='virtual', channel=channel, indices=[INDEX])


@pytest.fixture
def diagnostics(world):
    """Give what is said on /diagnostics."""
    return world.listen(DiagnosticArray, '/diagnostics')


def wait_for_count(diagnostics, key, number):
    """Return the diagnostics in which a counter has its value."""
    return diagnostics.wait_for(
        lambda array: dict_of(array).get(key) == str(number)).status[0]


def dict_of(array):
    return {value.key: value.value for value in array.status[0].values}


def wait_for_state(world, bus, state):
    """Send a status frame and return the message it becomes: reception is alive and correct."""
    recorder = world.listen(ros.AdvanticsControllerStatus, 'controller_status')
    mark = recorder.mark
    bus.send(frame(STATUS, [state]))
    return recorder.wait_for(lambda message: message.state == state, after=mark)


def voltage_of(sent):
    """Present_Voltage in V of a Power_Modules_Status frame."""
    return int.from_bytes(sent.data[:2], 'little') / 10


def content(message):
    return {
        field: getattr(message, field) for field in message.get_fields_and_field_types()
        if field != 'header'
    }


def test_golden_frames_are_all_17():
    assert {cls for cls, _, _ in GOLDEN} == set(convert.MESSAGE_CLASSES)
    assert len(convert.MESSAGE_CLASSES) == 17


def test_shows_every_frame_of_the_controller_typed(world, bus, gateway):
    recorders = {
        cls: world.listen(convert.ROS_TYPES[cls], cls.TOPIC) for cls, _, _ in FROM_CONTROLLER
    }
    for cls, payload, expected in FROM_CONTROLLER:
        mark = recorders[cls].mark
        bus.send(frame(cls.BASE_ID, payload))
        received = recorders[cls].wait_for(after=mark)
        assert content(received) == content(expected), (cls.NAME, payload.hex())


def test_sends_every_message_for_the_controller_as_its_frame(world, bus, gateway):
    for cls, payload, message in TO_CONTROLLER:
        world.publish(cls.TOPIC, message)
        sent = bus.recv(5.0)
        assert sent is not None, cls.NAME
        assert (sent.arbitration_id, bytes(sent.data)) == (can_id(cls.BASE_ID), payload)
        assert sent.is_extended_id
        assert not sent.is_remote_frame
    assert bus.recv(0.0) is None, 'each message becomes one frame'


@pytest.mark.parametrize('age_s', [0.0, 0.4])
def test_stamp_is_the_arrival_on_the_bus(world, bus, gateway, seconds, age_s):
    recorder = world.listen(ros.AdvanticsControllerStatus, 'controller_status')
    arrival = time.time() - age_s
    bus.send(frame(STATUS, [7], timestamp=arrival))
    assert seconds(recorder.wait_for().header.stamp) == pytest.approx(arrival, abs=0.002)


def test_stamp_is_now_when_the_adapter_has_another_clock(world, bus, gateway, seconds):
    recorder = world.listen(ros.AdvanticsControllerStatus, 'controller_status')
    before = time.time()
    bus.send(frame(STATUS, [7], timestamp=12.5))
    assert before <= seconds(recorder.wait_for().header.stamp) <= time.time()


def test_inactive_shows_and_sends_nothing(world, bus, gateway):
    assert world.change(gateway, 'deactivate')
    world.publish('power_modules_status', ros.PowerModulesStatus(present_voltage=111.0))
    wait_for_state(world, bus, 7)
    assert world.change(gateway, 'activate')
    world.publish('power_modules_status', ros.PowerModulesStatus(present_voltage=222.0))
    assert voltage_of(bus.recv(5.0)) == 222.0, 'what came while inactive is not sent later'
    assert bus.recv(0.0) is None


def test_old_status_is_not_sent_and_a_fresh_one_is(world, bus, gateway, diagnostics):
    old = ros.PowerModulesStatus(present_voltage=111.0)
    old.header.stamp = (world.node.get_clock().now() - Duration(seconds=1.0)).to_msg()
    world.publish('power_modules_status', old)
    world.publish('power_modules_status', ros.PowerModulesStatus(present_voltage=222.0))
    sent = bus.recv(5.0)
    assert voltage_of(sent) == 222.0
    assert bus.recv(0.0) is None
    assert wait_for_count(diagnostics, 'too old', 1).level == DiagnosticStatus.WARN


def test_digital_outputs_go_low_when_nobody_commands_them_any_more(
        world, bus, gateway, diagnostics):
    """A relay of the output stage may hang on them, and the controller would hold it for ever."""
    world.publish('adm_cs_secc_outputs', ros.AdmCsSeccOutputs(digital_output2=True))
    assert bus.recv(5.0).data[0] == 0b10
    assert not gateway.is_at_rest, 'a process that ends waits for it'
    low = bus.recv(5.0)
    assert low.arbitration_id == can_id(signals.AdmCsSeccOutputs.BASE_ID)
    assert low.data[0] == 0
    wait_for_count(diagnostics, 'outputs', 1)
    assert bus.recv(0.0) is None, 'once'
    world.wait_until(lambda: gateway.is_at_rest, 'it may end')


def test_outputs_go_low_once_a_bus_that_took_nothing_takes_frames_again(
        world, bus, gateway, monkeypatch):
    """The controller holds the relay meanwhile: one attempt on a bus that is off is none."""
    world.publish('adm_cs_secc_outputs', ros.AdmCsSeccOutputs(digital_output2=True))
    assert bus.recv(5.0).data[0] == 0b10
    refused = []
    with monkeypatch.context() as patch:
        patch.setattr(gateway.bus, 'send', lambda frame: refused.append(frame.data[0]))
        world.wait_until(lambda: len(refused) >= 3, 'it is tried again and again')
        assert not gateway.is_at_rest
    low = bus.recv(5.0)
    assert (low.arbitration_id, low.data[0]) == (can_id(signals.AdmCsSeccOutputs.BASE_ID), 0)
    world.wait_until(lambda: gateway.is_at_rest, 'it may end')
    assert set(refused) == {0}


def test_own_echo_is_nobody_else_and_the_same_frame_again_is(world, bus, gateway, diagnostics):
    gateway.bus.echoes = True
    world.publish('power_modules_status', ros.PowerModulesStatus(present_voltage=222.0))
    echo = bus.recv(5.0)
    bus.send(echo)
    bus.send(echo)
    stranger = wait_for_count(diagnostics, 'second customer controller', 1)
    assert stranger.level == DiagnosticStatus.WARN


def test_a_foreign_status_of_this_pistol_is_a_finding(world, bus, gateway, diagnostics):
    world.publish('power_modules_status', ros.PowerModulesStatus(present_voltage=222.0))
    bus.recv(5.0)
    bus.send(frame(0x63000, bytes(8)))
    stranger = wait_for_count(diagnostics, 'second customer controller', 1)
    assert stranger.level == DiagnosticStatus.WARN


def test_a_second_charger_that_says_the_same_is_noticed(world, bus, gateway, diagnostics):
    """Where nothing is echoed, each frame in our direction is somebody else's."""
    for _ in range(4):
        world.publish('power_modules_status', ros.PowerModulesStatus(present_voltage=222.0))
        bus.send(bus.recv(5.0))
    wait_for_count(diagnostics, 'second customer controller', 4)


def take(bus, count):
    """Return so many frames of ours from the bus, and their distances in s."""
    frames = [bus.recv(5.0) for _ in range(count)]
    assert None not in frames
    times = [each.timestamp for each in frames]
    return [bytes(each.data) for each in frames], [
        later - earlier for earlier, later in itertools.pairwise(times)]


@pytest.mark.parametrize('currents', [(10.0, 20.0), (90.0, 80.0, 7.0), (5.0, 6.0) * 10])
def test_limits_that_a_stall_bunched_up_keep_their_distance(
        world, bus, gateway, diagnostics, currents):
    """R4: the first goes out, and of the others the newest, 100 ms later."""
    world.publish('power_modules_status', ros.PowerModulesStatus())
    bus.recv(5.0)
    with gateway.lock:
        for current in currents:
            world.publish(
                'dc_power_parameters', ros.DcPowerParameters(maximum_charge_current=current))
    frames, distances = take(bus, 2)
    told = [int.from_bytes(each[2:4], 'little') / 10 for each in frames]
    assert told[1] == currents[-1]
    assert all(distance >= 0.1 for distance in distances)
    assert bus.recv(0.3) is None


def test_buttons_that_a_stall_bunched_up_are_all_pressed(world, bus, gateway):
    """R39: an edge that is replaced by the next one never was."""
    words = [False, True, True, False, True]
    with gateway.lock:
        for pressed in words:
            world.publish('sequence_control', ros.SequenceControl(
                start_charge_authorisation=1, user_stop_button=int(pressed)))
    frames, distances = take(bus, 4)
    assert [each[2] for each in frames] == [0, 1, 0, 1]
    assert all(distance >= 0.1 for distance in distances)


def test_a_withdrawal_waits_for_nothing(world, bus, gateway):
    with gateway.lock:
        for enable in (1, 1, 0):
            world.publish('power_modules_status', ros.PowerModulesStatus(system_enable=enable))
    frames, distances = take(bus, 3)
    assert [each[6] for each in frames] == [1, 1, 0]
    assert sum(distances) < 0.1


def test_limits_that_the_bus_refused_go_out_as_long_as_they_are_fresh(
        world, bus, gateway, diagnostics, monkeypatch):
    real_send, blip = gateway.bus.send, threading.Event()
    monkeypatch.setattr(gateway.bus, 'send', lambda each: blip.is_set() and real_send(each))
    world.publish('dc_power_parameters', ros.DcPowerParameters(maximum_charge_current=40.0))
    wait_for_count(diagnostics, 'not_sent', 1)
    blip.set()
    assert bus.recv(0.3) is None, 'it had become too old'
    blip.clear()
    tries = []

    def send(each):
        tries.append(each)
        return len(tries) > 2 and real_send(each)
    monkeypatch.setattr(gateway.bus, 'send', send)
    world.publish('dc_power_parameters', ros.DcPowerParameters(maximum_charge_current=41.0))
    assert bus.recv(5.0).data[2:4] == (410).to_bytes(2, 'little')


def test_diagnostics_follow_the_bus(world, bus, gateway, diagnostics):
    state = gateway.bus._state
    for happened, level, words in (
            (state.went_down, DiagnosticStatus.ERROR, 'is it up?'),
            (state.opened, DiagnosticStatus.OK, 'frames come and go'),
            (functools.partial(state.error_frame, 0x004, b'\0\x20'), DiagnosticStatus.WARN,
             'error-passive')):
        gateway.bus._note(happened)
        mark = diagnostics.mark
        said = diagnostics.wait_for(
            lambda array, words=words: words in array.status[0].message, after=mark).status[0]
        assert said.level == level


REFUSED = {
    'another index': frame(STATUS, [5], index=INDEX + 1),
    'index 0': frame(STATUS, [5], index=0),
    'remote': can.Message(
        arbitration_id=can_id(STATUS), is_extended_id=True, is_remote_frame=True, dlc=1),
    '11 bits': can.Message(arbitration_id=0x300, data=[5], is_extended_id=False),
    'empty': frame(STATUS, []),
    'short': frame(COMMAND, bytes(6)),
    'unknown number': frame(0x6B0FF, bytes(8)),
    'version 2': frame(0x68000, [5]),
    'other module type': frame(0x7B000, [5]),
}


def test_shows_nothing_of_a_frame_that_is_not_one_of_ours(world, bus, gateway):
    recorders = [
        world.listen(convert.ROS_TYPES[cls], cls.TOPIC) for cls in convert.MESSAGE_CLASSES
        if cls.FROM_CONTROLLER
    ]
    for number, (what, message) in enumerate(REFUSED.items()):
        bus.send(message)
        wait_for_state(world, bus, number)
        heard = sum(recorder.mark for recorder in recorders)
        assert heard == number + 1, f'{what}: only the state sent after it'


def test_reads_the_known_part_of_a_longer_frame(world, bus, gateway):
    recorder = world.listen(ros.EvInformationBattery, 'ev_information_battery')
    bus.send(frame(0x6B100, bytes.fromhex('4c001effffff')))
    battery = recorder.wait_for()
    assert (battery.battery_capacity, battery.present_state_of_charge) == (76000.0, 30.0)


def test_shows_odd_frames_as_they_are_and_says_so(world, bus, gateway, diagnostics):
    recorder = world.listen(ros.DcPowerControl, 'dc_power_control')
    for payload, function in [('cc10f401f40143', 3), ('00000000000051', 1)]:
        bus.send(frame(COMMAND, bytes.fromhex(payload)))
        recorder.wait_for(lambda command, function=function: command.power_function == function)
    bus.send(frame(COMMAND, bytes(6)))
    status = wait_for_count(diagnostics, 'short frame', 1)
    assert status.level == DiagnosticStatus.WARN
    counts = {value.key: value.value for value in status.values}
    assert counts['undefined label'] == counts['unassigned bits'] == '1'
    assert recorder.mark == 2, 'the short one is not shown'


def test_ids_of_newer_versions_are_counted_apart_from_foreign_frames(
        world, bus, gateway, diagnostics):
    """Both directions have numbers that v3.2 has not; they are ignored silently (1.4.3)."""
    for base_id in (0x6B104, 0x6B202, 0x6B202, 0x63202):
        bus.send(frame(base_id, bytes(8)))
    for base_id in (0x6C000, 0x5B202, 0x6B202 ^ 0x1000):
        bus.send(frame(base_id, bytes(8)))
    status = wait_for_count(diagnostics, 'foreign', 3)
    counts = {value.key: value.value for value in status.values}
    assert counts['newer'] == '4'
    assert counts['newer ids'].startswith('0x6B202 (2)')
    assert {'0x6B104 (1)', '0x63202 (1)'} < set(counts['newer ids'].split(', '))
    assert counts['bad'] == '0'
    assert status.level == DiagnosticStatus.OK
    assert status.name == f'{gateway.get_fully_qualified_name().lstrip("/")}: bus'


def random_frame(generator):
    """Anything that fits a frame, half of it with the interface's own identifiers."""
    length = generator.randrange(9)
    data = generator.randbytes(length)
    kind = generator.randrange(6)
    if kind < 3:
        cls = generator.choice(convert.MESSAGE_CLASSES)
        return frame(cls.BASE_ID, data, index=generator.choice((INDEX, INDEX, 0, 1, 31)))
    if kind == 3:
        return can.Message(
            arbitration_id=generator.getrandbits(11), data=data, is_extended_id=False)
    remote = kind == 4 and generator.random() < 0.2
    return can.Message(
        arbitration_id=generator.getrandbits(29), is_extended_id=True, is_remote_frame=remote,
        dlc=length, data=None if remote else data)


def test_a_flood_leaves_reception_alive_and_correct(world, bus, gateway, diagnostics):
    generator = random.Random(20240307)
    frames = 10_000
    for _ in range(frames):
        bus.send(random_frame(generator))
    bus.send(frame(STATUS, [7]))
    diagnostics.wait_for(
        lambda array: dict_of(array)['received'] == str(frames + 1), timeout_s=30.0)
    for cls, payload, expected in FROM_CONTROLLER:
        recorder = world.listen(convert.ROS_TYPES[cls], cls.TOPIC)
        mark = recorder.mark
        bus.send(frame(cls.BASE_ID, payload))
        assert content(recorder.wait_for(after=mark)) == content(expected)
    world.publish('power_modules_status', ros.PowerModulesStatus(present_voltage=400.3))
    assert bus.recv(5.0).arbitration_id == can_id(0x63000)
    assert world.state_of(gateway) == 'active'


UNUSABLE = {
    'index 0': ({'indices': [0]}, 'index 0'),
    'index 32': ({'indices': [32]}, 'index 32'),
    'doubled index': ({'pistols': ['a', 'b'], 'indices': [2, 2]}, 'once'),
    'doubled pistol': ({'pistols': ['a', 'a'], 'indices': [1, 2]}, 'once'),
    'index missing': ({'pistols': ['a', 'b'], 'indices': [1]}, 'one index a pistol'),
    'no such interface': ({'interface': 'no_such_interface'}, 'no_such_interface'),
    'no channel': ({'interface': 'socketcan', 'channel': ''}, 'needs a channel'),
}


@pytest.mark.parametrize(('wrong', 'words'), UNUSABLE.values(), ids=UNUSABLE.keys())
def test_unusable_configuration_is_refused_in_words(world, channel, capfd, wrong, words):
    node = world.create(
        Gateway, namespace=world.root, **{'interface': 'virtual', 'channel': channel, **wrong})
    assert not world.change(node, 'configure')
    assert world.state_of(node) == 'unconfigured'
    world.wait_until(
        lambda: words in capfd.readouterr().err, 'the reason is in the log', timeout_s=2.0)


def test_cleanup_closes_the_bus_and_it_can_be_configured_again(world, bus, channel, gateway):
    own, everybody = 1, 2
    topics = world.listen(ros.AdvanticsControllerStatus, 'controller_status')
    for _ in range(2):
        wait_for_state(world, bus, 7)
        assert world.change(gateway, 'deactivate')
        assert world.change(gateway, 'cleanup')
        assert len(can.interfaces.virtual.channels[channel]) == own
        assert world.node.count_publishers('controller_status') == 0
        assert world.change(gateway, 'configure')
        assert world.change(gateway, 'activate')
        assert len(can.interfaces.virtual.channels[channel]) == everybody
    heard = topics.mark
    wait_for_state(world, bus, 7)
    assert topics.mark == heard + 1, 'published once, not once for each life'


def test_two_pistols_share_a_bus(world, bus, channel):
    world.bring_up(
        Gateway, namespace=world.root, interface='virtual', channel=channel,
        pistols=['pistol1', 'other/pistol'], indices=[INDEX, 31])
    ours = world.listen(ros.AdvanticsControllerStatus, 'controller_status')
    other = f'{world.root}/other/pistol'
    others = world.listen(ros.AdvanticsControllerStatus, f'{other}/controller_status')
    bus.send(frame(STATUS, [7], index=31))
    assert others.wait_for().state == 7
    bus.send(frame(STATUS, [6]))
    assert ours.wait_for().state == 6
    assert (ours.mark, others.mark) == (1, 1)
    world.publish(f'{other}/power_modules_status', ros.PowerModulesStatus())
    assert bus.recv(5.0).arbitration_id == can_id(0x63000, 31)


def wait_for_breach(diagnostics, pistol, key):
    """Return the diagnostics of a pistol's rules in which a breach is counted."""
    def rules_in(array):
        return next(
            each for each in array.status
            if each.name.endswith(f'/gateway: rules {pistol}'))
    array = diagnostics.wait_for(
        lambda array: any(value.key == key for value in rules_in(array).values))
    return rules_in(array)


def test_names_the_controller_that_breaks_a_rule(world, bus, channel, diagnostics):
    """In the diagnostics of its pistol, and only there."""
    world.bring_up(
        Gateway, namespace=world.root, interface='virtual', channel=channel,
        pistols=['pistol1', 'pistol2'], indices=[INDEX, 4])
    wait_for_state(world, bus, 1)
    # It says nothing more: missing after 0.2 s.
    rules = wait_for_breach(diagnostics, 'pistol1', 'R1 controller')
    assert rules.level == DiagnosticStatus.WARN
    assert 'the controller breaks R1: no Advantics_Controller_Status' in rules.message
    assert {value.key: value.value for value in rules.values} == {'R1 controller': '1'}
    others = diagnostics.wait_for(lambda array: len(array.status) == 3).status[2]
    assert others.name == f'{world.root[1:]}/gateway: rules pistol2'
    assert others.level == DiagnosticStatus.OK


def test_names_the_charger_that_breaks_a_rule(world, bus, gateway, diagnostics):
    """What other nodes want sent is judged as it goes out."""
    wait_for_state(world, bus, signals.AdvanticsControllerStatus.State.CCS_AUTHORISATION_PROCESS)
    for valid in (0, 1):
        world.publish('sequence_control', ros.SequenceControl(
            ccs_authorisation_done=1, ccs_authorisation_valid=valid))
        assert bus.recv(5.0) is not None
    rules = wait_for_breach(diagnostics, 'pistol1', 'R36 customer')
    assert rules.level == DiagnosticStatus.WARN


def test_an_observation_is_counted_apart_and_alarms_nobody(world, bus, gateway, diagnostics):
    """Both ends were sending, and neither is heard any more: that is the bus, or the recorder."""
    world.publish('power_modules_status', ros.PowerModulesStatus(present_voltage=111.0))
    assert bus.recv(5.0) is not None
    bus.send(frame(STATUS, [1]))
    rules = wait_for_breach(diagnostics, 'pistol1', 'R1 nobody, observations')
    assert rules.level == DiagnosticStatus.OK
    assert rules.message == 'nobody breaks a rule'
    assert {value.key: value.value for value in rules.values} == {'R1 nobody, observations': '1'}


def test_frames_of_a_second_charger_are_not_blamed_on_ours(world, bus, gateway, diagnostics):
    for _ in range(3):
        bus.send(frame(signals.DcPowerParameters.BASE_ID, bytes(8)))
    array = diagnostics.wait_for(
        lambda array: dict_of(array).get('second customer controller') == '3')
    assert array.status[1].level == DiagnosticStatus.OK


def test_a_fault_in_the_rules_never_reaches_the_charge(
        world, bus, gateway, diagnostics, monkeypatch):
    """Who judges is not needed to charge: it is switched off, and that is said."""
    def fail(_self, _received, *, now_s):
        raise TypeError(f'broken on purpose at {now_s}')

    monkeypatch.setattr(Judge, 'receive', fail)
    for volts in (111.0, 222.0, 333.0):
        world.publish('power_modules_status', ros.PowerModulesStatus(present_voltage=volts))
        assert voltage_of(bus.recv(5.0)) == volts
    assert gateway.is_active
    rules = diagnostics.wait_for(
        lambda array: 'nobody is judged' in array.status[1].message).status[1]
    assert rules.level == DiagnosticStatus.ERROR
    assert 'broken on purpose' in rules.message
    wait_for_state(world, bus, 1)


def test_in_a_flood_nobody_is_judged_until_it_is_over(world, bus, gateway, diagnostics):
    """A hundred times what both ends say: the rules have to wait, the charge has not."""
    def rules_in(array):
        return array.status[1]
    ending = threading.Event()

    def flood():
        while not ending.is_set():
            for _ in range(20):
                bus.send(frame(STATUS, [1]))
            time.sleep(0.01)

    flooding = threading.Thread(target=flood)
    flooding.start()
    try:
        diagnostics.wait_for(lambda array: 'nobody is judged' in rules_in(array).message)
    finally:
        ending.set()
        flooding.join()
    mark = diagnostics.mark
    calm = diagnostics.wait_for(
        lambda array: 'nobody is judged' not in rules_in(array).message, after=mark)
    assert 'R1 controller' not in {value.key for value in rules_in(calm).values}
    # It is listened to again: one status, and then nothing more.
    wait_for_state(world, bus, 1)
    wait_for_breach(diagnostics, 'pistol1', 'R1 controller')
