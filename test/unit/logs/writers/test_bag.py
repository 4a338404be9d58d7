# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Writing rosbag2: what others read of it, and what is left when the writer is killed."""

import dataclasses
import errno
import os
import signal
import sqlite3
import subprocess
import sys

import bag_bench
from bag_bench import all_messages, heard, sample, START_NS, strange
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
import pytest
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import Reader
import yaml

from gi3_ros.core.interface.codec import decode, encode, Received
from gi3_ros.logs import ros_types
from gi3_ros.logs.bags.bag import Bag
from gi3_ros.logs.entries import Heard, LogError
from gi3_ros.logs.writers.bag import BagWriter, FRAMES_TOPIC, qos_of, SENT_TOPIC

FORMS = [('bag', None), ('bag', 'sqlite3'), ('bag.mcap', None), ('bag.db3', None)]


def write(path, entries, storage=None):
    with BagWriter(path, storage) as writer:
        for entry in entries:
            writer.write(entry)
    return path


def by_the_library(path):
    """Return (topic, time, message) as the library's own reader gives them."""
    with AnyReader([path]) as reader:
        return [
            (connection.topic, time_ns, reader.deserialize(data, connection.msgtype))
            for connection, time_ns, data in reader.messages()]


def by_mcap(path):
    """Return (topic, time, message) as mcap's own decoder for ROS 2 gives them."""
    with path.open('rb') as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()], validate_crcs=True)
        return [
            (channel.topic, message.log_time, decoded)
            for _, channel, message, decoded in reader.iter_decoded_messages()]


def plain(message):
    """Turn a message of whichever reader into numbers and words."""
    if isinstance(message, (bool, int, float, str)):
        return message
    if hasattr(message, 'tolist'):
        message = message.tolist()
    if isinstance(message, (bytes, list, tuple)):
        return [plain(each) for each in message]
    names = getattr(message, '__slots__', None) or [
        field.name for field in dataclasses.fields(message)]
    return {name: plain(getattr(message, name)) for name in names
            if not name.isupper() and not name.startswith('_')}


def everything():
    """Return each message of the interface, what else a bus carries, and a sample."""
    frames = [
        Heard(START_NS + 1_000_000 * (1 + number), encode_as_is(message), 'can0', bool(number % 2))
        for number, message in enumerate(all_messages())]
    return [*frames, *strange(), sample()]


def encode_as_is(message):
    return ros_types.frame_of(message, type(message), 9)


# What others read

@pytest.mark.parametrize(('name', 'storage'), FORMS)
def test_everything_that_was_written_is_read_back(tmp_path, name, storage):
    entries = sorted(everything(), key=lambda entry: entry.time_ns)
    bag = Bag(write(tmp_path / name, entries, storage))
    got = list(bag)
    assert bag.problems == []
    assert [entry for entry in got if isinstance(entry, Heard)] == [
        entry for entry in entries if isinstance(entry, Heard)]
    setpoint, = [entry for entry in got if not isinstance(entry, Heard)]
    assert plain(setpoint.message) == plain(sample().message)
    assert setpoint.index == 1


def test_both_other_readers_see_the_same_values_in_every_message(tmp_path):
    entries = everything()
    path = write(tmp_path / 'bag.mcap', entries)
    of_library = by_the_library(path)
    of_mcap = by_mcap(path)

    def key(each):
        return each[0], each[1], str(each[2])

    assert sorted(((topic, time_ns, plain(message)) for topic, time_ns, message in of_library),
                  key=key) == sorted(
        ((topic, time_ns, plain(message)) for topic, time_ns, message in of_mcap), key=key)
    assert len(of_mcap) > 2 * len(list(all_messages())) + len(strange())
    # And they are the values that were on the bus.
    seen = {(topic, time_ns): message for topic, time_ns, message in of_mcap}
    for entry in entries[:17]:
        received = decode(entry.frame)
        message = seen[f'/pistol9/{received.message.TOPIC}', entry.time_ns]
        for field in received.message.SIGNALS:
            assert getattr(message, field.field) == getattr(received.message, field.field)
        assert message.header.stamp.sec * 10**9 + message.header.stamp.nanosec == entry.time_ns
        raw = seen[SENT_TOPIC if entry.is_sent else FRAMES_TOPIC, entry.time_ns]
        assert (raw.id, bytes(raw.data[:raw.dlc])) == (entry.frame.can_id, entry.frame.data)
        assert raw.header.frame_id == 'can0'


@pytest.mark.parametrize(('name', 'storage'), FORMS)
def test_the_library_reads_every_form(tmp_path, name, storage):
    path = write(tmp_path / name, heard(), storage)
    messages = by_the_library(path)
    assert len(messages) == 2 * len(heard())
    with Reader(path) as reader:
        assert reader.message_count == 2 * len(heard())
        assert (reader.start_time, reader.end_time) == (
            heard()[0].time_ns, heard()[-1].time_ns + 1)


def test_metadata_say_what_a_player_needs(tmp_path):
    write(tmp_path / 'bag', heard())
    metadata = yaml.safe_load((tmp_path / 'bag' / 'metadata.yaml').read_text())
    metadata = metadata['rosbag2_bagfile_information']
    assert metadata['version'] == 9
    assert metadata['storage_identifier'] == 'mcap'
    assert metadata['relative_file_paths'] == ['bag.mcap']
    topics = {each['topic_metadata']['name']: each['topic_metadata']
              for each in metadata['topics_with_message_count']}
    status = topics['/pistol1/controller_status']
    assert status['type'] == 'gi3_ros/msg/AdvanticsControllerStatus'
    assert status['type_description_hash'].startswith('RIHS01_')
    qos, = status['offered_qos_profiles']
    assert (qos['reliability'], qos['durability'], qos['history'], qos['depth']) == (
        'reliable', 'volatile', 'keep_last', 10)


def test_states_for_late_joiners_are_played_to_them():
    assert qos_of('/pistol1/charge_session').durability.name == 'TRANSIENT_LOCAL'
    assert qos_of('/pistol1/power_status').durability.name == 'VOLATILE'


@pytest.mark.parametrize('name', ['bag.mcap', 'bag.db3'])
def test_a_file_alone_leaves_nothing_beside_it(tmp_path, name):
    write(tmp_path / name, heard())
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).is_file()


@pytest.mark.parametrize(('name', 'storage'), FORMS)
def test_an_empty_bag_is_a_bag(tmp_path, name, storage):
    path = write(tmp_path / name, [], storage)
    assert list(Bag(path)) == []
    with Reader(path) as reader:
        assert reader.message_count == 0


# What it refuses

@pytest.mark.parametrize(('name', 'storage'), FORMS)
def test_nothing_is_overwritten(tmp_path, name, storage):
    (tmp_path / name).write_text('precious')
    with pytest.raises(LogError, match='is there already'):
        BagWriter(tmp_path / name, storage)
    assert (tmp_path / name).read_text() == 'precious'


def test_a_storage_that_does_not_fit_is_a_mistake(tmp_path):
    with pytest.raises(ValueError, match='does not go with'):
        BagWriter(tmp_path / 'a.mcap', 'sqlite3')
    with pytest.raises(ValueError, match='no storage'):
        BagWriter(tmp_path / 'a', 'tape')


@pytest.mark.parametrize('name', ['bag', 'bag.mcap', 'bag.db3'])
def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path, name):
    (tmp_path / 'file').write_text('')
    with pytest.raises(LogError, match='cannot be written'):
        BagWriter(tmp_path / 'file' / name)


def test_a_full_disk_is_a_sentence_and_keeps_what_was_written(tmp_path, monkeypatch):
    writer = BagWriter(tmp_path / 'bag')
    for entry in heard()[:30]:
        writer.write(entry)
    writer.flush()

    class Full:
        def __init__(self, file):
            self._file = file

        def write(self, data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def __getattr__(self, name):
            return getattr(self._file, name)

    writer._writer.storage.bio = Full(writer._writer.storage.bio)
    writer.write(heard()[30])
    with pytest.raises(LogError, match='No space left'):
        writer.flush()
    with pytest.raises(LogError, match='No space left'):
        writer.close()
    writer.close()
    entries = list(Bag(tmp_path / 'bag'))
    assert entries == list(heard()[:30])


def test_a_time_before_1970_has_no_place_in_a_bag(tmp_path):
    with BagWriter(tmp_path / 'bag') as writer, pytest.raises(LogError, match='time'):
        writer.write(Heard(-1, heard()[0].frame))


# When the writer is killed

@pytest.mark.parametrize('name', ['bag', 'bag.mcap'])
def test_at_any_moment_there_is_a_bag_that_others_read(tmp_path, name):
    writer = BagWriter(tmp_path / name)
    for number, entry in enumerate(heard()):
        writer.write(entry)
        if number % 20 == 0:
            writer.flush()
            path = tmp_path / name
            if path.is_dir():
                assert len(by_mcap(path / 'bag.mcap')) == 2 * (number + 1)
            assert len(by_the_library(path)) == 2 * (number + 1)
            assert len(list(Bag(path))) == number + 1
    writer.close()
    assert list(Bag(tmp_path / name)) == list(heard())


def test_the_sqlite_file_is_complete_at_any_moment(tmp_path):
    writer = BagWriter(tmp_path / 'bag', 'sqlite3')
    for entry in heard():
        writer.write(entry)
    writer.flush()
    assert len(by_the_library(tmp_path / 'bag')) == 2 * len(heard())
    writer.close()


_ENDLESS = """
import sys, time
from bag_bench import heard
from gi3_ros.logs.writers.bag import BagWriter
import dataclasses
writer = BagWriter(*sys.argv[1:])
rounds = 0
while True:
    for entry in heard():
        writer.write(dataclasses.replace(entry, time_ns=entry.time_ns + rounds * 1_500_000_000))
    rounds += 1
    writer.flush()
    print(rounds, flush=True)
    # Something that is not in the file yet.
    writer.write(entry)
"""


@pytest.mark.parametrize(('name', 'storage'), [
    ('bag', 'mcap'), ('bag', 'sqlite3'), ('bag.mcap', 'mcap'), ('bag.db3', 'sqlite3')])
def test_what_was_written_before_a_kill_is_there(tmp_path, name, storage):
    here = os.path.dirname(bag_bench.__file__)
    path = tmp_path / name
    process = subprocess.Popen(
        [sys.executable, '-c', _ENDLESS, str(path), storage], stdout=subprocess.PIPE, text=True,
        env=os.environ | {'PYTHONPATH': os.pathsep.join([here, *sys.path])})
    try:
        while int(process.stdout.readline()) < 3:
            pass
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()

    entries = list(Bag(path))
    assert len(entries) >= 3 * len(heard())
    assert entries[:len(heard())] == list(heard())


def test_the_types_are_those_of_ros():
    """Hashes are what ROS compares; these were taken from its own generator."""
    store = ros_types.typestore()
    assert store.hash_rihs01('std_msgs/msg/Header') == (
        'RIHS01_f49fb3ae2cf070f793645ff749683ac6b06203e41c891e17701b1cb597ce6a01')
    names = {name for name in store.types if name.startswith('gi3_ros/msg/')}
    assert {f'gi3_ros/msg/{type(message).__name__}' for message in all_messages()} < names


def test_labels_and_flags_come_back_as_they_were(tmp_path):
    for message in all_messages():
        frame = encode_as_is(message)
        received = decode(frame)
        assert isinstance(received, Received)
        assert received.message == message
        if not received.undefined:
            assert encode(message, index=9).data == frame.data


def test_sqlite_files_have_what_rosbag2_asks_for(tmp_path):
    path = write(tmp_path / 'bag.db3', heard())
    with sqlite3.connect(path) as connection:
        assert connection.execute('SELECT schema_version FROM schema').fetchone() == (4,)
        assert connection.execute('SELECT count(*) FROM messages').fetchone() == (
            2 * len(heard()),)
    connection.close()
