# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recording a bus with ``gi3 record``, and what ``ros2 bag record`` is told."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

from click.testing import CliRunner
import pytest
import yaml

from gi3_ros.bus import Bus
from gi3_ros.core.interface.codec import encode
from gi3_ros.core.interface.frame import Frame
from gi3_ros.core.interface.signals import AdvanticsControllerStatus, MESSAGES
from gi3_ros.logs import recorded, ros_types
from gi3_ros.logs.bags.bag import Bag
from gi3_ros.logs.reading import open_log
from gi3_ros.tools.record import record

ROOT = pathlib.Path(__file__).resolve().parents[3]
STATUS = encode(AdvanticsControllerStatus(), index=1)
FOREIGN = Frame(0x123, b'\x01', is_extended=False)


@pytest.fixture
def port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


@pytest.fixture
def traffic(port):
    """Let two frames go over the bus, again and again."""
    is_over = threading.Event()
    bus = Bus('udp_multicast', port=port)

    def talk():
        while not is_over.wait(0.01):
            for frame in (STATUS, FOREIGN):
                bus.send(frame)

    thread = threading.Thread(target=talk)
    thread.start()
    yield
    is_over.set()
    thread.join()
    bus.close()


def start(port, *arguments):
    """Run it as somebody types it."""
    return subprocess.Popen(
        [sys.executable, '-c', 'from gi3_ros.tools.main import main; main()', 'record',
         '--port', str(port), *map(str, arguments)],
        stderr=subprocess.PIPE, text=True, env=os.environ | {
            'PYTHONPATH': os.pathsep.join(sys.path)})


@pytest.mark.parametrize('name', ['bus', 'bus.mcap', 'bus.log', 'bus.blf'])
def test_what_is_on_the_bus_is_in_the_file(tmp_path, port, traffic, name):
    process = start(port, tmp_path / name, '--duration-s', 2)
    _, words = process.communicate(timeout=30)
    assert process.returncode == 0
    entries = list(open_log(tmp_path / name))
    assert entries
    assert {entry.frame for entry in entries} <= {STATUS, FOREIGN}
    # In a pipe nothing is broken at 80 columns.
    assert words.splitlines()[-1] == f'{len(entries)} frames are in {tmp_path / name}'
    assert not any(entry.is_sent for entry in entries)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_a_whole_bag(tmp_path, port, traffic, number):
    process = start(port, tmp_path / 'bus.mcap')
    path = tmp_path / 'bus.mcap'
    # The first messages bring the definitions of their types.
    while not (path.exists() and path.stat().st_size > 500):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    _, words = process.communicate(timeout=30)
    assert process.returncode == 0
    assert 'Traceback' not in words
    bag = Bag(tmp_path / 'bus.mcap')
    assert list(bag)
    assert bag.problems == []


def test_it_refuses_in_a_sentence(tmp_path, port):
    (tmp_path / 'bus.mcap').write_text('')
    result = CliRunner().invoke(record, ['--port', str(port), str(tmp_path / 'bus.mcap')])
    assert result.exit_code == 2
    assert 'is there already' in result.output

    result = CliRunner().invoke(record, ['-i', 'nonsense', str(tmp_path / 'other.mcap')])
    assert result.exit_code == 2
    assert 'cannot open CAN interface' in result.output
    assert not (tmp_path / 'other.mcap').exists()


# What the recorders share

def test_ros2_bag_is_told_to_record_what_the_recorder_records():
    told = yaml.safe_load((ROOT / 'config' / 'record_qos.yaml').read_text())
    assert list(told) == list(recorded.topics(['pistol1']))
    assert {topic for topic, qos in told.items() if qos['durability'] == 'transient_local'} == {
        f'/pistol1/{name}' for name in recorded.LATCHED}
    assert {qos['reliability'] for qos in told.values()} == {'reliable'}


def test_every_frame_and_every_known_type_is_recorded():
    assert {cls.TOPIC for cls in MESSAGES.values()} < set(recorded.OF_PISTOL)
    assert set(recorded.topics(['a', 'b/c']).values()) < set(ros_types.typestore().types)
    known = {name for name in ros_types.typestore().types if name.startswith('gi3_ros/msg/')}
    foreign = {'sensor_msgs/msg/BatteryState', 'std_msgs/msg/Bool'}
    assert set(recorded.OF_PISTOL.values()) == known | foreign
    assert {
        'charge_session', 'battery_state', 'safe_to_unplug', 'is_available'} <= recorded.LATCHED
