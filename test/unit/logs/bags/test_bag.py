# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reading rosbag2: whole bags of every kind, damaged ones, and those of other versions."""

import dataclasses
import gzip
import io
import re
import sqlite3
import sys
import tracemalloc

from amount import many
from bag_bench import (
    all_messages,
    heard,
    PERIOD_NS,
    sample,
    START_NS,
    strange,
    typed,
    write_bag,
)
from hypothesis import given, HealthCheck, settings
from hypothesis import strategies as st
import lz4.frame
from mcap.writer import CompressionType
from mcap.writer import Writer as McapWriter
import numpy
import pytest
from rosbags.convert.cli import main as rosbags_convert
from rosbags.rosbag1 import Writer as Rosbag1Writer
from rosbags.typesys import get_types_from_msg, get_typestore, Stores

from gi3_ros.core.interface.codec import decode
from gi3_ros.core.interface.frame import Frame
from gi3_ros.logs import ros_types
from gi3_ros.logs.bags import bag
from gi3_ros.logs.bags import messages as bag_messages
from gi3_ros.logs.bags.bag import Bag
from gi3_ros.logs.bags.buses import Buses, place_of
from gi3_ros.logs.decoding import decoded_batches
from gi3_ros.logs.entries import Heard, LogError, Sample
from gi3_ros.logs.formats import mcap
from gi3_ros.logs.formats.format import Topic
from gi3_ros.logs.reading import open_log
from gi3_ros.logs.writers.bag import BagWriter


def without_channel(entries):
    return [dataclasses.replace(entry, channel='') for entry in entries]


def read(path, **options):
    bag = Bag(path, **options)
    return list(bag), bag.problems


def write(path, entries, storage=None):
    with BagWriter(path, storage) as writer:
        for entry in entries:
            writer.write(entry)


# Whole bags

@pytest.mark.parametrize(('storage', 'compression'), [
    ('mcap', None), ('mcap', 'file'), ('mcap', 'message'), ('mcap', 'storage'),
    ('sqlite3', None), ('sqlite3', 'file'), ('sqlite3', 'message')])
def test_typed_topics_become_the_frames_that_they_were(tmp_path, storage, compression):
    write_bag(tmp_path / 'bag', typed(heard()), storage=storage, compression=compression)

    bag = Bag(tmp_path / 'bag')
    assert list(bag) == without_channel(heard())
    assert bag.problems == []
    assert bag.kind == f'rosbag2 ({storage}), typed topics'
    assert bag.has_dates


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_a_bag_without_its_metadata_is_read_and_says_so(tmp_path, storage):
    write_bag(tmp_path / 'bag', typed(heard()), storage=storage, compression='message')
    (tmp_path / 'bag' / 'metadata.yaml').unlink()

    entries, problems = read(tmp_path / 'bag')
    assert entries == without_channel(heard())
    assert len(problems) == 1
    assert 'metadata.yaml is missing' in problems[0]


@pytest.mark.parametrize('text', [
    b'', b'{', b'\xff\xfe', b'[1]', b'rosbag2_bagfile_information: 3', b'&a [*a, *a]',
    b'rosbag2_bagfile_information: {relative_file_paths: 3}', b'[' * 5000,
    b'rosbag2_bagfile_information: {relative_file_paths: [[]]}',
])
def test_broken_metadata_is_a_sentence(tmp_path, text):
    write_bag(tmp_path / 'bag', typed(heard()))
    (tmp_path / 'bag' / 'metadata.yaml').write_bytes(text)

    entries, problems = read(tmp_path / 'bag')
    assert entries == without_channel(heard())
    assert len(problems) == 1
    assert 'metadata.yaml is damaged' in problems[0]


def test_a_single_file_is_read_without_its_folder(tmp_path):
    write_bag(tmp_path / 'bag', typed(heard()))
    assert read(tmp_path / 'bag' / 'bag.mcap') == (without_channel(heard()), [])


def test_a_split_bag_is_read_in_order_of_its_parts(tmp_path, monkeypatch):
    # Longer than what is put in order while it is read.
    monkeypatch.setattr(bag, 'WINDOW_ENTRIES', 2)
    entries_there = [
        dataclasses.replace(entry, time_ns=entry.time_ns + number // 5 * 10**10)
        for number, entry in enumerate(without_channel(heard()[:55]))]
    for number in range(11):
        write_bag(tmp_path / f'bag_{number}', typed(entries_there[number * 5:number * 5 + 5]))
    folder = tmp_path / 'bag'
    folder.mkdir()
    for number in range(11):
        (tmp_path / f'bag_{number}' / f'bag_{number}.mcap').rename(folder / f'bag_{number}.mcap')
    names = [f'bag_{number}.mcap' for number in range(11)]
    (folder / 'metadata.yaml').write_text(
        f'rosbag2_bagfile_information: {{relative_file_paths: {names}}}')

    assert read(folder) == (entries_there, [])
    (folder / 'metadata.yaml').unlink()
    assert read(folder)[0] == entries_there

    (folder / 'bag_3.mcap').unlink()
    (folder / 'metadata.yaml').write_text(
        f'rosbag2_bagfile_information: {{relative_file_paths: {names}}}')
    entries, problems = read(folder)
    assert entries == entries_there[:15] + entries_there[20:]
    assert problems == ['missing: bag_3.mcap, which metadata.yaml names as part of the bag']


def test_a_word_to_the_controller_from_another_clock_has_the_time_of_the_recording(tmp_path):
    status = next(each for each in all_messages() if each.TOPIC == 'power_modules_status')
    write_bag(tmp_path / 'bag', [
        ('/pistol1/power_modules_status', START_NS + late_ns, ros_types.to_typed(status, START_NS))
        for late_ns in (0, 10**9, 2 * 10**9)])

    entries, _ = read(tmp_path / 'bag')
    assert [entry.time_ns - START_NS for entry in entries] == [0, 0, 2 * 10**9]


def test_every_message_and_number_without_a_name_survives_the_typed_form(tmp_path):
    messages = list(all_messages())
    messages.append(dataclasses.replace(messages[0], state=200))
    write_bag(tmp_path / 'bag', [
        (f'/pistol1/{message.TOPIC}', START_NS + number * PERIOD_NS,
         ros_types.to_typed(message, START_NS + number * PERIOD_NS))
        for number, message in enumerate(messages)])

    entries, problems = read(tmp_path / 'bag')
    assert [decode(entry.frame).message for entry in entries] == messages
    assert problems == []


def test_of_a_frame_the_arrival_counts_and_of_a_word_to_the_controller_the_recording(tmp_path):
    write_bag(tmp_path / 'bag', typed(heard(), delay_ns=40_000_000))
    assert [entry.time_ns for entry in Bag(tmp_path / 'bag')] == [
        entry.time_ns for entry in heard()]


def test_raw_frames_go_before_the_typed_ones(tmp_path):
    messages = [('/can/frames', entry.time_ns, ros_types.to_raw(
        entry.frame, entry.time_ns, 'can0')) for entry in heard()]
    mixed = sorted([*messages, *typed(heard())], key=lambda each: each[1])
    write_bag(tmp_path / 'bag', mixed)

    bag = Bag(tmp_path / 'bag')
    assert bag.kind == 'rosbag2 (mcap), raw CAN frames'
    assert list(bag) == [dataclasses.replace(entry, is_sent=False) for entry in heard()]


def test_a_frame_that_the_driver_reports_after_sending_it_comes_once(tmp_path):
    messages = []
    for entry in heard():
        if entry.is_sent:
            messages.append(('/to_can_bus', entry.time_ns, entry, entry.time_ns))
        messages.append(('/from_can_bus', entry.time_ns, entry, entry.time_ns + 1_000_000))
    write_bag(tmp_path / 'bag', [
        (topic, time_ns, ros_types.to_raw(entry.frame, stamp_ns, 'can0'))
        for topic, time_ns, entry, stamp_ns in messages])

    entries = list(Bag(tmp_path / 'bag'))
    assert [(entry.frame, entry.is_sent) for entry in entries] == [
        (entry.frame, entry.is_sent) for entry in heard()]


def test_a_raw_frame_without_a_stamp_has_the_time_of_the_recording(tmp_path):
    entry = heard()[0]
    write_bag(
        tmp_path / 'bag', [('/from_can_bus', START_NS + 5, ros_types.to_raw(entry.frame, 0))])
    assert list(Bag(tmp_path / 'bag')) == [Heard(START_NS + 5, entry.frame)]


def test_one_bus_of_several_can_be_chosen(tmp_path):
    write(tmp_path / 'bag', strange())
    assert list(Bag(tmp_path / 'bag', channel='can1')) == [
        entry for entry in strange() if entry.channel == 'can1']


def test_samples_come_between_the_frames_by_time(tmp_path):
    setpoint = sample(heard()[30].time_ns + 1)
    write_bag(tmp_path / 'bag', [
        *typed(heard()[:35]), ('/pistol1/power_setpoint', setpoint.time_ns, setpoint.message),
        *typed(heard()[35:])])

    entries = list(Bag(tmp_path / 'bag'))
    got, = [entry for entry in entries if isinstance(entry, Sample)]
    assert entries.index(got) == 31
    assert (got.namespace, got.topic, got.index) == ('pistol1', 'power_setpoint', 1)
    assert (got.message.voltage, got.message.current, got.message.reason) == (400, -1.5, 'charge')


def test_reading_twice_gives_the_same(tmp_path):
    write_bag(tmp_path / 'bag', typed(heard()))
    content = (tmp_path / 'bag' / 'bag.mcap').read_bytes()
    (tmp_path / 'bag' / 'bag.mcap').write_bytes(content[:-100])
    bag = Bag(tmp_path / 'bag')
    first, problems = list(bag), list(bag.problems)
    assert problems
    assert list(bag) == first
    assert bag.problems == problems


def test_a_log_that_counts_from_its_start_has_no_dates(tmp_path):
    write(tmp_path / 'bag', [Heard(5_000, heard()[0].frame)])
    bag = Bag(tmp_path / 'bag')
    assert not bag.has_dates
    assert [entry.time_ns for entry in bag] == [5_000]


# Whose pistol

@pytest.mark.parametrize(('namespaces', 'given', 'indices', 'guesses'), [
    (['pistol1', 'pistol2'], {}, [1, 2], 0),
    (['depot/ccs7'], {}, [7], 0),
    (['pistol32', 'pistol1'], {}, [2, 1], 1),
    (['left', 'right'], {}, [1, 2], 2),
    (['left', 'right'], {'/right/': 1, 'left': 9}, [9, 1], 0),
    (['a/ccs3', 'b/ccs3'], {}, [3, 1], 1),
    ([''], {}, [1], 1),
])
def test_the_index_of_a_pistol_follows_from_its_namespace(
        tmp_path, namespaces, given, indices, guesses):
    message = next(all_messages())
    write_bag(tmp_path / 'bag', [
        (f'/{namespace}/controller_status'.replace('//', '/'), START_NS + number,
         ros_types.to_typed(message, START_NS + number))
        for number, namespace in enumerate(namespaces)])

    entries, problems = read(tmp_path / 'bag', pistols=given)
    assert [entry.frame.can_id >> 24 for entry in entries] == indices
    assert len(problems) == guesses
    assert all('does not tell the pistol index' in text for text in problems)


def test_an_index_that_does_not_exist_is_refused(tmp_path):
    write_bag(tmp_path / 'bag', typed(heard()))
    with pytest.raises(ValueError, match='32'):
        Bag(tmp_path / 'bag', pistols={'pistol1': 32})


# Other topics and other versions

def store_with(name, definition):
    store = get_typestore(Stores.ROS2_JAZZY)
    store.register(get_types_from_msg(definition, name))
    return store


def test_types_of_others_are_counted_and_not_read(tmp_path):
    store = ros_types.typestore()
    text = store.types['std_msgs/msg/String'](data='hello')
    write_bag(tmp_path / 'bag', [
        *typed(heard()), ('/chatter', START_NS, text), ('/chatter', START_NS + 1, text)])
    bag = Bag(tmp_path / 'bag')
    assert len(list(bag)) == len(heard())
    assert bag.ignored == {'/chatter': ('std_msgs/msg/String', 2)}
    assert bag.problems == []


def test_a_bag_of_other_things_says_what_it_has(tmp_path):
    text = ros_types.typestore().types['std_msgs/msg/String'](data='hello')
    write_bag(tmp_path / 'bag', [('/chatter', START_NS, text)])
    entries, problems = read(tmp_path / 'bag')
    assert entries == []
    assert problems == [
        'nothing of the interface is in the bag, only /chatter (std_msgs/msg/String)']


def test_a_definition_with_more_fields_is_read_as_the_bag_defines_it(tmp_path):
    name = 'gi3_ros/msg/AdvanticsControllerStatus'
    store = store_with(name, 'string note\nuint8 state\nstd_msgs/Header header\n')
    write_bag(tmp_path / 'bag', [('/pistol1/controller_status', START_NS, store.types[name](
        note='newer', state=7, header=ros_types.header(START_NS)))], store=store)
    assert read(tmp_path / 'bag') == (
        [Heard(START_NS, Frame(0x0106B000, b'\x07'))], [])


def test_a_definition_with_fewer_fields_is_left_out_with_a_sentence(tmp_path):
    name = 'gi3_ros/msg/PowerSetpoint'
    store = store_with(name, 'std_msgs/Header header\nfloat64 voltage\n')
    older = store.types[name](header=ros_types.header(START_NS), voltage=400.0)
    write_bag(tmp_path / 'bag', [('/pistol1/power_setpoint', START_NS, older)], store=store)
    entries, problems = read(tmp_path / 'bag')
    assert entries == []
    assert problems[0] == (
        '/pistol1/power_setpoint is left out: it was recorded with another version of gi3_ros, '
        'whose gi3_ros/msg/PowerSetpoint lacks mode, current, reason, or has it in another form')


@pytest.mark.parametrize('definition', [
    'std_msgs/Header header\nstring state\n',
    'float64 header\nuint8 state\n',
    'std_msgs/Header header\nuint8[] state\n',
])
def test_a_field_of_another_type_is_left_out_with_a_sentence(definition):
    name = 'gi3_ros/msg/AdvanticsControllerStatus'
    topic = Topic('/pistol1/controller_status', name, 'ros2msg', definition)
    with pytest.raises(bag_messages.NotDecodable, match='another version'):
        bag_messages.store_for(topic)


def test_a_message_of_a_newer_version_is_left_out_with_a_sentence(tmp_path):
    name = 'gi3_ros/msg/Tomorrow'
    store = store_with(name, 'uint8 weather\n')
    write_bag(
        tmp_path / 'bag', [('/pistol1/tomorrow', START_NS, store.types[name](weather=1))],
        store=store)
    assert read(tmp_path / 'bag')[1][0] == (
        '/pistol1/tomorrow is left out: gi3_ros/msg/Tomorrow is not known to this version of '
        'gi3_ros')


def test_a_value_that_no_frame_holds_is_left_out_and_counted(tmp_path):
    name = 'gi3_ros/msg/DcPowerControl'
    fields = dict.fromkeys((
        'current_range_max', 'current_range_min'), 0.0) | dict.fromkeys((
            'power_function', 'setpoints_mode', 'output_contactors', 'lower_output_voltage'), 0)
    write_bag(tmp_path / 'bag', [
        ('/pistol1/dc_power_control', START_NS + number, ros_types.typestore().types[name](
            header=ros_types.header(START_NS), target_voltage=voltage, **fields))
        for number, voltage in enumerate((1.0, 1e9, float('nan'), float('inf')))])
    entries, problems = read(tmp_path / 'bag')
    assert len(entries) == 1
    assert problems == [
        '3 messages of /pistol1/dc_power_control cannot be read and are left out: '
        'Target_Voltage: 1000000000.0 does not fit into DC_Power_Control']


# Damaged bags

@pytest.mark.parametrize('name', ['a.mcap', 'a.db3', 'folder', 'other.txt'])
@pytest.mark.parametrize('content', [b'', b'nonsense' * 100, b'\x28\xb5\x2f\xfd', None])
def test_what_is_no_bag_is_refused_in_a_sentence(tmp_path, name, content):
    path = tmp_path / name
    if content is not None and name != 'folder':
        path.write_bytes(content)
    elif name == 'folder':
        path.mkdir()
        if content:
            (path / 'x_0.mcap').write_bytes(content)
    with pytest.raises(LogError, match=r'\S+ \S+ \S+'):
        Bag(path)


def test_every_cut_of_an_mcap_file_gives_what_comes_before_and_a_sentence(tmp_path):
    path = tmp_path / 'whole.mcap'
    write(path, heard())
    content = path.read_bytes()
    cut = tmp_path / 'cut.mcap'
    most = 0
    for length in range(8, len(content) - 37, 97):
        cut.write_bytes(content[:length])
        entries, problems = read(cut)
        assert entries == list(heard()[:len(entries)])
        assert problems
        assert len(entries) >= most
        most = len(entries)
    assert most == len(heard())


def test_in_an_open_block_without_compression_messages_are_found_up_to_the_cut(tmp_path):
    write_bag(tmp_path / 'bag', typed(heard()))
    path = tmp_path / 'bag' / 'bag.mcap'
    content = path.read_bytes()
    start = 17 + int.from_bytes(content[9:17], 'little')
    length = int.from_bytes(content[start + 1:start + 9], 'little')
    path.write_bytes(content[:start + length - 2000])
    entries, problems = read(path)
    assert 0 < len(entries) < len(heard())
    assert entries == without_channel(heard()[:len(entries)])
    assert 'ends in the middle' in problems[0]


def in_blocks(path, parts):
    """Write an MCAP file with a block for each part; return where each begins."""
    writer = BagWriter(path)
    places = []
    for part in parts:
        places.append(writer._writer.storage.bio.tell())
        for entry in part:
            writer.write(entry)
        writer.flush()
    writer.close()
    return places


@pytest.mark.parametrize('offset', [0, 3, 9, 30, 45, 49, 60, 200])
def test_a_damaged_block_costs_no_other(tmp_path, offset):
    path = tmp_path / 'a.mcap'
    parts = [heard()[:20], heard()[20:40], heard()[40:]]
    places = in_blocks(path, parts)
    content = bytearray(path.read_bytes())
    content[places[1] + offset] ^= 0xFF
    path.write_bytes(content)

    entries, problems = read(path)
    if entries == list(heard()):
        return  # a byte that means nothing, such as the times of the block
    assert problems
    assert [entry for entry in entries if entry in parts[0] or entry in parts[2]] == [
        *parts[0], *parts[2]]


def test_blocks_packed_by_others_are_read_and_their_checksums_count(tmp_path):
    for compression in (CompressionType.LZ4, CompressionType.ZSTD, CompressionType.NONE):
        out = io.BytesIO()
        writer = McapWriter(out, compression=compression)
        writer.start('ros2')
        schema = writer.register_schema(
            ros_types.RAW_FRAME, 'ros2msg',
            ros_types.typestore().generate_msgdef(ros_types.RAW_FRAME, ros_version=2)[0].encode())
        channel = writer.register_channel('/can/frames', 'cdr', schema)
        for entry in heard():
            writer.add_message(channel, entry.time_ns, bytes(ros_types.typestore().serialize_cdr(
                ros_types.to_raw(entry.frame, entry.time_ns, 'can0'), ros_types.RAW_FRAME)),
                entry.time_ns)
        writer.finish()
        path = tmp_path / f'{compression.name}.mcap'
        path.write_bytes(out.getvalue())
        entries, problems = read(path)
        assert entries == [dataclasses.replace(each, is_sent=False) for each in heard()]
        assert problems == []

    content = bytearray(path.read_bytes())
    content[content.index(heard()[5].frame.data, 200)] ^= 1
    path.write_bytes(content)
    entries, problems = read(path)
    assert entries == []
    assert 'checksum' in problems[0]


def test_every_cut_of_an_sqlite_file_is_a_sentence(tmp_path):
    path = tmp_path / 'whole.db3'
    write(path, heard() * 10)
    content = path.read_bytes()
    cut = tmp_path / 'cut.db3'
    most = 0
    for length in range(16, len(content) - 1, 1500):
        cut.write_bytes(content[:length])
        try:
            entries, problems = read(cut)
        except LogError as error:
            assert str(cut) in str(error)
            continue
        assert set(entries) <= set(heard())
        assert problems or len(entries) == 10 * len(heard())
        most = max(most, len(entries))
    assert most > len(heard())


def test_rows_that_are_missing_in_an_sqlite_file_are_told(tmp_path):
    path = tmp_path / 'a.db3'
    write(path, heard())
    connection = sqlite3.connect(path)
    connection.execute('DELETE FROM messages WHERE id BETWEEN 21 AND 30')
    connection.commit()
    connection.close()
    entries, problems = read(path)
    assert entries == [*heard()[:10], *heard()[15:]]
    assert problems == ['a.db3 is damaged: 10 messages are missing']


def test_in_an_sqlite_file_messages_behind_a_damaged_page_are_read(tmp_path):
    path = tmp_path / 'a.db3'
    write(path, heard() * 20)
    content = bytearray(path.read_bytes())
    with sqlite3.connect(path) as connection:
        page_size, = connection.execute('PRAGMA page_size').fetchone()
    # Leaves of tables begin with 13; the first ones are those of other tables.
    leaves = [page for page in range(len(content) // page_size) if content[page * page_size] == 13]
    middle = leaves[len(leaves) // 2]
    content[middle * page_size:(middle + 1) * page_size] = b'\xff' * page_size
    path.write_bytes(content)
    entries, problems = read(path)
    assert 10 * len(heard()) < len(entries) < 20 * len(heard())
    assert entries[-1] == heard()[-1]
    assert 'damaged, messages are missing' in problems[0]


def test_what_a_killed_recorder_left_in_the_journal_of_sqlite_is_read(tmp_path):
    path = tmp_path / 'a.db3'
    write(path, heard())
    connection = sqlite3.connect(path)
    connection.execute('PRAGMA journal_mode=WAL')
    connection.execute('PRAGMA wal_autocheckpoint=0')
    connection.execute('INSERT INTO messages (topic_id, timestamp, data) '
                       'SELECT topic_id, timestamp + 7000000000, data FROM messages LIMIT 10')
    connection.commit()
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    assert 'a.db3-wal' in before
    entries, _ = read(path)
    assert len(entries) > len(heard())
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before
    connection.close()


def test_a_file_that_goes_away_while_it_is_read_is_a_sentence(tmp_path):
    write_bag(tmp_path / 'bag', typed(heard()))
    bag = Bag(tmp_path / 'bag')
    (tmp_path / 'bag' / 'bag.mcap').unlink()
    assert list(bag) == []
    assert 'bag.mcap cannot be read any further: No such file' in bag.problems[0]


@pytest.fixture(scope='module', params=['raw.mcap', 'typed.mcap', 'plain.mcap', 'raw.db3'])
def bag_file(request, tmp_path_factory):
    """Return the bytes of a bag and the suffix of its file."""
    folder = tmp_path_factory.mktemp('fuzz')
    name, suffix = request.param.split('.')
    if name == 'raw':
        write(folder / request.param, heard())
        return (folder / request.param).read_bytes(), suffix
    write_bag(folder / name, typed(heard()), compression='storage' if name == 'typed' else None)
    return (folder / name / f'{name}.mcap').read_bytes(), suffix


@settings(max_examples=many(150), deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_mutated_bag_gives_anything_but_fewer_messages_or_words(tmp_path, bag_file, data):
    content, suffix = bag_file
    mutated = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(mutated) - 1))
        kind = data.draw(st.sampled_from(['flip', 'large', 'cut', 'insert', 'zero']))
        if kind == 'flip':
            mutated[at] ^= 1 << data.draw(st.integers(0, 7))
        elif kind == 'large':
            mutated[at:at + 8] = b'\xff' * len(mutated[at:at + 8])
        elif kind == 'zero':
            mutated[at:at + 64] = bytes(len(mutated[at:at + 64]))
        elif kind == 'insert':
            mutated[at:at] = data.draw(st.binary(min_size=1, max_size=40))
        else:
            del mutated[max(at, 1):]
    path = tmp_path / f'mutated.{suffix}'
    path.write_bytes(mutated)
    try:
        entries, problems = read(path)
    except LogError as error:
        assert len(str(error)) > 20
        return
    # More than there was cannot come of it. Not each flipped bit can be seen: where a file has no
    # checksums, it is a message with another value, or of another topic.
    assert len(entries) <= len(heard())
    assert all(isinstance(text, str) and text for text in problems)


def test_a_broken_length_costs_no_memory(tmp_path):
    write(tmp_path / 'a.mcap', heard())
    content = bytearray((tmp_path / 'a.mcap').read_bytes())
    places = [at for at in range(8, len(content)) if content[at] in (3, 4, 5, 6)]
    path = tmp_path / 'b.mcap'
    tracemalloc.start()
    try:
        for at in places[:40]:
            broken = bytearray(content)
            broken[at + 1:at + 9] = (1 << 40).to_bytes(8, 'little')
            path.write_bytes(broken)
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def test_a_small_block_that_claims_to_unpack_to_gigabytes_is_left_out():
    bomb = lz4.frame.compress(bytes(1 << 20))
    with pytest.raises(ValueError, match='more than any recorder'):
        mcap._unpack('lz4', bomb, 1 << 31)
    assert len(mcap._unpack('lz4', bomb, 100)) == 100


# Which bus a raw frame was on

def raw(topic, entries, frame_id, *, fd=False):
    """Yield messages of a driver on one topic."""
    for entry in entries:
        yield topic, entry.time_ns, (
            to_fd(entry, frame_id) if fd else ros_types.to_raw(
                entry.frame, entry.time_ns, frame_id))


def to_fd(entry, frame_id='can', data=None):
    data = entry.frame.data if data is None else data
    return ros_types.typestore().types[ros_types.FD_FRAME](
        header=ros_types.header(entry.time_ns, frame_id), id=entry.frame.can_id,
        is_extended=entry.frame.is_extended, is_error=False, len=len(data),
        data=numpy.frombuffer(data, numpy.uint8))


def by_time(*parts):
    return sorted((each for part in parts for each in part), key=lambda each: each[1])


LATER = [dataclasses.replace(each, time_ns=each.time_ns + 1000) for each in heard()]
TWO_BUSES = [
    # topic, frame_id, name: of two buses each.
    (('/can0/from_can_bus', 'can', 'can0'), ('/can1/from_can_bus', 'can', 'can1')),
    (('/left/from_can_bus', '', 'left'), ('/right/from_can_bus', '', 'right')),
    (('/a/can/rx', 'can0', 'a/can'), ('/b/can/rx', 'can0', 'b/can')),
    (('/can0_rx', 'can', 'can0'), ('/can1_rx', 'can', 'can1')),
    (('/from_can_bus', 'can', 'can'), ('/second/from_can_bus', 'can', 'second')),
    (('/left/from_can_bus', 'can0', 'can0'), ('/right/from_can_bus', 'can1', 'can1')),
    (('/from_can_bus', 'can0', 'can0'), ('/from_can_bus_fd', 'can1', 'can1')),
]


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
@pytest.mark.parametrize(('one', 'other'), TWO_BUSES)
def test_frame_id_or_topic_tells_the_bus(tmp_path, one, other, storage):
    write_bag(tmp_path / 'bag', by_time(
        raw(one[0], heard(), one[1]), raw(other[0], LATER, other[1], fd=other[0].endswith('fd'))),
        storage=storage)
    entries, problems = read(tmp_path / 'bag')
    assert problems == []
    assert [each.channel for each in entries] == [one[2], other[2]] * len(heard())
    with pytest.raises(LogError, match=f'two buses, {one[2]} and {other[2]}: choose one'):
        list(decoded_batches(Bag(tmp_path / 'bag')))
    for topic, _, name in (one, other):
        for channel in {name, topic.rpartition('/')[0]} - {''}:
            entries, problems = read(tmp_path / 'bag', channel=channel)
            assert {each.channel for each in entries} == {name}
            assert len(entries) == len(heard())
            assert problems == []


def test_a_channel_that_is_not_there_gives_the_names_that_are(tmp_path):
    write_bag(tmp_path / 'bag', by_time(
        raw('/can0/from_can_bus', heard(), 'can'), raw('/can1/from_can_bus', LATER, 'can')))
    assert read(tmp_path / 'bag', channel='can7') == (
        [], ['nothing on channel can7, there is can0, can1'])


def test_a_channel_is_not_chosen_in_silence_where_topics_do_not_tell_it(tmp_path):
    write_bag(tmp_path / 'bag', typed(heard()))
    entries, problems = read(tmp_path / 'bag', channel='can1')
    assert entries == without_channel(heard())
    assert problems == [
        '--channel can1 chooses nothing: the topics do not tell their bus, all are read']


def test_a_request_is_on_the_bus_of_its_driver_whatever_its_sender_wrote(tmp_path):
    sent = [each for each in heard() if each.is_sent]
    echoes = [dataclasses.replace(each, time_ns=each.time_ns + 1_000_000) for each in sent]
    received = [each for each in heard() if not each.is_sent]
    write_bag(tmp_path / 'bag', by_time(*(
        part for namespace in ('one', 'two') for part in (
            raw(f'/{namespace}/from_can_bus', [*received, *echoes], 'can'),
            raw(f'/{namespace}/to_can_bus', sent, 'base_link')))))
    entries, _ = read(tmp_path / 'bag', channel='two')
    assert entries == [dataclasses.replace(each, channel='two') for each in heard()]


def test_requests_alone_have_buses_too(tmp_path):
    write_bag(tmp_path / 'bag', by_time(
        raw('/can0/to_can_bus', heard(), 'can'), raw('/can1/to_can_bus', LATER, 'can')))
    assert {each.channel for each in Bag(tmp_path / 'bag')} == {'can0', 'can1'}


def test_a_bus_that_speaks_late_is_another_one_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(bag, '_SCANNED', 10)
    late = [dataclasses.replace(each, time_ns=each.time_ns + 10**10) for each in heard()]
    write_bag(tmp_path / 'bag', by_time(
        raw('/can0/from_can_bus', heard(), 'can'), raw('/can1/from_can_bus', late, 'can')))
    names = [each.channel for each in Bag(tmp_path / 'bag')]
    assert len(set(names[:len(heard())])) == len(set(names[len(heard()):])) == 1
    assert names[0] != names[-1]


@pytest.mark.parametrize(('topic', 'place'), [
    ('/from_can_bus', ''), ('/to_can_bus_fd', ''), ('/can/frames', 'can'), ('/can/sent', 'can'),
    ('/can0/from_can_bus', 'can0'), ('/can0_rx', 'can0'), ('/rx_can0', 'can0'), ('/raw', ''),
    ('/depot/cell2/received_messages', 'depot/cell2'), ('/CAN/Left_TX', 'CAN/Left')])
def test_what_the_name_of_a_topic_says_of_the_bus(topic, place):
    assert place_of(topic) == place


@settings(max_examples=many(200), deadline=None)
@given(st.lists(st.tuples(
    st.sampled_from(['/from_can_bus', '/a/from_can_bus', '/b/from_can_bus', '/a/rx', '/a/b/rx',
                     '/can', '/b/can_a']),
    st.sampled_from(['', 'can', 'a', 'b', 'a/b', 'a/can'])), max_size=12), st.integers(0, 12))
def test_two_buses_never_have_one_name(heard_of, seen):
    buses = Buses(dict(heard_of[:seen]))
    names = {}
    for topic, frame_id in heard_of:
        names.setdefault(buses.name(topic, frame_id), set()).add((place_of(topic), frame_id))
        assert buses.is_meant(buses.name(topic, frame_id), topic, frame_id)
    assert all(len(keys) == 1 for keys in names.values()), names


# CAN FD in a bag

def test_classic_frames_among_those_of_can_fd_are_read(tmp_path):
    write_bag(tmp_path / 'bag', raw('/from_can_bus_fd', heard(), 'can', fd=True))
    bag = Bag(tmp_path / 'bag')
    assert list(bag) == [
        dataclasses.replace(each, channel='can', is_sent=False) for each in heard()]
    assert (bag.kind, bag.problems) == ('rosbag2 (mcap), raw CAN frames', [])


def test_frames_that_only_can_fd_has_are_counted_and_no_damage(tmp_path):
    long = [
        ('/from_can_bus_fd', each.time_ns, to_fd(each, data=bytes(12))) for each in heard()[:3]]
    write_bag(tmp_path / 'bag', by_time(raw('/from_can_bus_fd', heard(), 'can', fd=True), long))
    bag = Bag(tmp_path / 'bag')
    assert len(list(bag)) == len(heard())
    assert bag.problems == ['3 frames of CAN FD left out: the interface is classic CAN']
    assert not bag.is_damaged


def test_sent_frames_of_can_fd_and_their_echoes_come_once(tmp_path):
    sent = [each for each in heard() if each.is_sent]
    echoes = [dataclasses.replace(each, time_ns=each.time_ns + 1_000_000) for each in sent]
    write_bag(tmp_path / 'bag', by_time(
        raw('/to_can_bus_fd', sent, '', fd=True), raw('/from_can_bus_fd', echoes, 'can', fd=True)))
    assert list(Bag(tmp_path / 'bag')) == [
        dataclasses.replace(each, channel='can') for each in sent]


# Bags of ROS 1

def test_a_bag_of_ros_1_is_named_and_the_way_it_names_leads_to_its_frames(tmp_path, monkeypatch):
    store = get_typestore(Stores.ROS1_NOETIC)
    definition = ros_types.RAW_FRAME_DEFINITION
    store.register(get_types_from_msg(definition, ros_types.RAW_FRAME))
    cls, header_cls, time_cls = (store.types[name] for name in (
        ros_types.RAW_FRAME, 'std_msgs/msg/Header', 'builtin_interfaces/msg/Time'))
    with Rosbag1Writer(tmp_path / 'night.bag') as writer:
        connection = writer.add_connection('/received', ros_types.RAW_FRAME, typestore=store)
        for number, entry in enumerate(heard()):
            frame, data = entry.frame, numpy.zeros(8, numpy.uint8)
            data[:len(frame.data)] = numpy.frombuffer(frame.data, numpy.uint8)
            seconds, nanoseconds = divmod(entry.time_ns, 10**9)
            writer.write(connection, entry.time_ns, store.serialize_ros1(cls(
                header_cls(number, time_cls(seconds, nanoseconds), 'can0'), frame.can_id, False,
                True, False, len(frame.data), data), ros_types.RAW_FRAME))
    path = tmp_path / 'night.bag'
    with pytest.raises(LogError) as caught:
        open_log(path)
    arguments = re.search('rosbags-convert (--src .*? --dst \\S+)', str(caught.value))[1].split()
    assert arguments == ['--src', str(path), '--dst', str(tmp_path / 'night')]
    monkeypatch.setattr(sys, 'argv', ['rosbags-convert', *arguments])
    with pytest.raises(SystemExit, match='0'):
        rosbags_convert()
    assert read(tmp_path / 'night') == (
        [dataclasses.replace(each, is_sent=False) for each in heard()], [])


@pytest.mark.parametrize('name', ['a.bag', 'a.mcap', 'a.log', 'a.bag.gz'])
def test_a_bag_of_ros_1_is_known_by_its_content(tmp_path, name):
    content = b'#ROSBAG V2.0\n' + bytes(100)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith('gz') else content)
    words = 'a packed bag of ROS 1: unpack it' if name.endswith('gz') else 'rosbags-convert --src '
    with pytest.raises(LogError, match=words):
        open_log(tmp_path / name)
