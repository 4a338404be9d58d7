# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The recorder as a process of its own: what it keeps, and what is left when it is killed."""

import json
import pathlib
import random
import resource
import signal
import time

from ament_index_python import get_package_share_directory
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
import pytest
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import Reader
from sensor_msgs.msg import BatteryState
from std_msgs.msg import Bool

from gi3_ros import convert
from gi3_ros import msg as ros
from gi3_ros.core.interface.codec import decode
from gi3_ros.core.interface.frame import Frame
from gi3_ros.logs import recorded, ros_types
from gi3_ros.logs.bags.bag import Bag
from gi3_ros.logs.entries import Heard, Sample
from gi3_ros.nodes.node import LATCHED


@pytest.fixture
def record(start_process, world):
    """Start a recorder of the world's pistol; it is ready to hear."""
    def start(output, *, is_ready=True):
        process = start_process(
            'recorder', '--ros-args', '-p', f'pistols:=[{world.pistol.strip("/")}]',
            '-p', f'output:={output}')
        if is_ready:
            process.wait_for_line('records .* into')
        return process

    return start


def frames_of_all_messages():
    return [
        Frame(cls.BASE_ID | 1 << 24, bytes(range(0x21, 0x21 + cls.LENGTH)))
        for cls in convert.MESSAGE_CLASSES]


def publish_all(world, latched):
    """Publish a message of every frame, and some other words; those by publishers of their own."""
    for frame in frames_of_all_messages():
        message = decode(frame).message
        world.publish(message.TOPIC, convert.to_ros(message, world.now()))
    world.publish('power_setpoint', ros.PowerSetpoint(
        mode=1, voltage=400.5, current=-3.0, reason='because'))
    world.publish('effective_setpoint', ros.EffectiveSetpoint(limited_by=['ramp', 'cable']))
    latched['safe_to_unplug'].publish(Bool(data=True))
    latched['battery_state'].publish(BatteryState(voltage=371.5, percentage=0.5))
    world.publish('/diagnostics', DiagnosticArray(status=[DiagnosticStatus(name='gateway: bus')]))


def repeat_until(is_there, publish, words):
    """Publish again and again: what is sent while two ends get to know each other may be lost."""
    deadline_s = time.monotonic() + 20.0
    while not is_there():
        assert time.monotonic() < deadline_s, words
        publish()
        time.sleep(0.2)


def record_all(world, path):
    """Publish until all of it is in the file; returns the frames."""
    frames = {bits_kept(frame) for frame in frames_of_all_messages()}
    latched = {
        topic: world.node.create_publisher(ros_type, topic, LATCHED)
        for topic, ros_type in (('safe_to_unplug', Bool), ('battery_state', BatteryState))}

    def is_there():
        bag = Bag(path)
        entries = list(bag)
        return (
            frames <= {each.frame for each in entries if isinstance(each, Heard)}
            and {'power_setpoint', 'effective_setpoint'} <= {
                each.topic for each in entries if isinstance(each, Sample)}
            and all(bag.ignored.get(topic, ('', 0))[1] for topic in (
                '/diagnostics', f'{world.pistol}/safe_to_unplug',
                f'{world.pistol}/battery_state')))

    repeat_until(is_there, lambda: publish_all(world, latched), f'not all is in {path}')
    return frames


def frames_in(entries):
    return {each.frame for each in entries if isinstance(each, Heard)}


def bits_kept(frame):
    """Return the frame with the bits that a typed message has."""
    message = decode(frame).message
    return ros_types.frame_of(message, type(message), 1)


@pytest.mark.parametrize('name', ['bag', 'bag.db3'])
def test_every_frame_and_every_word_is_in_the_bag(tmp_path, world, record, name):
    recorder = record(tmp_path / name)
    before_ns = time.time_ns()
    frames = record_all(world, tmp_path / name)
    recorder.signal(signal.SIGINT)
    assert recorder.exit_status() == 0

    bag = Bag(tmp_path / name)
    entries = list(bag)
    assert frames_in(entries) == frames
    samples = {each.topic: each for each in entries if isinstance(each, Sample)}
    setpoint = samples['power_setpoint'].message
    assert (setpoint.mode, setpoint.voltage, setpoint.current, setpoint.reason) == (
        1, 400.5, -3.0, 'because')
    assert samples['effective_setpoint'].message.limited_by == ['ramp', 'cable']
    assert samples['power_setpoint'].namespace == world.pistol.strip('/')
    assert bag.ignored['/diagnostics'][0] == 'diagnostic_msgs/msg/DiagnosticArray'
    assert bag.problems == []
    with AnyReader([tmp_path / name]) as reader:
        names = {each.topic for each in reader.connections}
        assert names == set(recorded.topics([world.pistol]))
        times = [time_ns for _, time_ns, _ in reader.messages()]
        batteries = [
            reader.deserialize(data, connection.msgtype)
            for connection, _, data in reader.messages()
            if connection.topic == f'{world.pistol}/battery_state']
    assert batteries[0].voltage == 371.5
    assert len(times) == len(entries) + sum(count for _, count in bag.ignored.values())
    assert before_ns <= min(times) <= max(times) <= time.time_ns()


def test_of_a_stream_no_message_is_missing(tmp_path, world, record):
    recorder = record(tmp_path / 'bag')

    def publish(words):
        world.publish('power_setpoint', ros.PowerSetpoint(reason=words))
        world.publish('power_measurement', ros.PowerMeasurement(fault=words))

    repeat_until(
        lambda: {sample.topic for sample in Bag(tmp_path / 'bag')} == {
            'power_setpoint', 'power_measurement'},
        lambda: publish('hello'), 'nothing heard')
    for number in range(1500):
        publish(str(number))
        time.sleep(0.002)
    recorder.signal(signal.SIGINT)
    assert recorder.exit_status() == 0
    samples = list(Bag(tmp_path / 'bag'))
    for topic, field in (('power_setpoint', 'reason'), ('power_measurement', 'fault')):
        words = [getattr(sample.message, field) for sample in samples if sample.topic == topic]
        assert [each for each in words if each != 'hello'] == [
            str(number) for number in range(1500)]


def test_a_killed_recorder_leaves_a_bag(tmp_path, world, record):
    recorder = record(tmp_path / 'bag')
    frames = record_all(world, tmp_path / 'bag')
    for number in range(300):
        # The first one in time is asked for last.
        world.publish('power_measurement', ros.PowerMeasurement(fault=str(number)))
        world.publish('power_setpoint', ros.PowerSetpoint(reason=str(number)))
        time.sleep(0.005)
    recorder.signal(signal.SIGKILL)
    recorder.exit_status()

    bag = Bag(tmp_path / 'bag')
    assert frames_in(bag) == frames
    assert bag.problems == []
    with AnyReader([tmp_path / 'bag']) as reader:
        times_ns = [time_ns for _, time_ns, _ in reader.messages()]
    assert len(times_ns) > 200
    assert times_ns == sorted(times_ns)
    with Reader(tmp_path / 'bag') as reader:
        assert reader.message_count >= len(frames)


def test_the_last_words_of_the_others_are_recorded(tmp_path, world, record):
    recorder = record(tmp_path / 'bag')
    repeat_until(
        lambda: any(entry.topic == 'power_setpoint' for entry in Bag(tmp_path / 'bag')),
        lambda: world.publish('power_setpoint', ros.PowerSetpoint(reason='running')),
        'nothing heard')
    recorder.signal(signal.SIGINT)
    # Whatever ends at the same time sends its safe state within a moment.
    world.publish('power_setpoint', ros.PowerSetpoint(reason='the end'))
    assert recorder.exit_status() == 0
    assert 'the end' in [
        entry.message.reason for entry in Bag(tmp_path / 'bag') if entry.topic == 'power_setpoint']


def test_a_bag_that_is_there_is_left_alone(tmp_path, record):
    (tmp_path / 'bag').mkdir()
    recorder = record(tmp_path / 'bag', is_ready=False)
    assert recorder.exit_status() == 1
    assert 'is there already and is not overwritten' in recorder.text
    assert 'Traceback' not in recorder.text
    assert list((tmp_path / 'bag').iterdir()) == []


def test_a_folder_that_cannot_be_written_ends_it_with_a_word(tmp_path, record):
    (tmp_path / 'file').write_text('')
    recorder = record(tmp_path / 'file' / 'bag', is_ready=False)
    assert recorder.exit_status() == 1
    assert 'cannot be written' in recorder.text
    assert 'Traceback' not in recorder.text


def test_a_full_disk_ends_it_with_a_word_and_what_was_written_stays(tmp_path, world, record):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, limits[1]))
    try:
        recorder = record(tmp_path / 'bag', is_ready=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    recorder.wait_for_line('records .* into')
    repeat_until(
        lambda: list(Bag(tmp_path / 'bag')),
        lambda: world.publish('power_setpoint', ros.PowerSetpoint(reason='first')),
        'nothing heard')
    for number in range(20):
        # Whatever cannot be packed.
        noise = random.Random(number).randbytes(10_000).hex()
        world.publish('power_setpoint', ros.PowerSetpoint(reason=noise))
    recorder.wait_for_line('the recording ends here: .*File too large')
    assert recorder.exit_status() == 1
    assert 'Traceback' not in recorder.text
    first, *_ = list(Bag(tmp_path / 'bag'))
    assert first.message.reason == 'first'


def test_an_unusable_parameter_is_a_sentence(start_process):
    recorder = start_process('recorder', '--ros-args', '-p', 'pistols:=3')
    assert recorder.exit_status() == 2
    assert 'unusable parameter' in recorder.text


def test_the_types_in_a_bag_are_those_that_ros_generated():
    store = ros_types.typestore()
    share = pathlib.Path(get_package_share_directory('gi3_ros'))
    compared = 0
    for path in (share / 'msg').glob('*.json'):
        for each in json.loads(path.read_text())['type_hashes']:
            assert store.hash_rihs01(each['type_name']) == each['hash_string'], path
            compared += 1
    assert compared > len(recorded.OF_PISTOL)
