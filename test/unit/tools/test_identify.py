# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""``gi3 identify``: a file or a bus in, the versions of both ends out."""

import json
import threading
import time
import types

from click.testing import CliRunner
import pytest

from gi3_ros.bus import Bus
from gi3_ros.core.interface.frame import Frame
from gi3_ros.tools.identify import identify

SESSION = """\
(1700000000.000000) can0 0106B000#07
(1700000000.050000) can0 01063000#0000000000000000
(1700000000.100000) can0 0106B000#07
(1700000000.150000) can0 0106B100#640032
(1700000000.200000) can0 0106B300#0000
"""


def run(*arguments):
    return CliRunner().invoke(identify, arguments)


@pytest.fixture
def log_of(tmp_path):
    def write(text):
        path = tmp_path / 'night.log'
        path.write_text(text)
        return str(path)
    return write


def test_a_session_of_v3_2(log_of):
    result = run(log_of(SESSION))
    assert result.exit_code == 0, result.output
    lines = [' '.join(line.split()) for line in result.output.splitlines()]
    assert 'pistol 1 controller: v3.2' in lines
    assert 'pistol 1 customer: v3.1 or later' in lines
    assert 'spoken by gi3_ros' in lines
    assert '0x6B000 of 1 byte excludes 1 to 3.0 first after 0.000 s, 2 times' in lines
    assert '0x6B100 of 3 bytes excludes 3.3 or later first after 0.150 s' in lines
    assert '0x6B300 of 2 bytes excludes 3.1 first after 0.200 s' in lines


def test_an_old_controller_and_a_new_charger_do_not_understand_each_other(log_of):
    result = run(log_of("""\
(1700000000.000000) can0 01068009#07
(1700000000.050000) can0 01063000#0000000000000000
(1700000000.100000) can0 01068005#0000000000
(1700000000.150000) can0 123#00
"""))
    assert result.exit_code == 0, result.output
    assert 'pistol 1 controller: v1 to 2.7' in result.output
    assert 'not spoken by gi3_ros' in result.output
    assert 'pistol 1: the two ends do not understand each other' in result.output
    assert '1 frame of something else' in result.output


def test_a_contradiction_is_told_with_both_pieces_of_evidence(log_of):
    result = run(log_of(SESSION + '(1700000000.300000) can0 0106B101#000000000000\n'))
    assert result.exit_code == 1
    assert 'pistol 1 controller: not clear, see below' in result.output
    assert '0x6B100 of 3 bytes means v3.1 or 3.2, first after 0.150 s' in result.output
    assert '0x6B101 of 6 bytes means v3.3 or later, first after 0.300 s' in result.output


def test_a_length_of_no_published_version_is_a_doubt(log_of):
    result = run(log_of(SESSION + '(1700000000.300000) can0 0106B003#0000000000000000\n'))
    assert result.exit_code == 1
    assert 'pistol 1 controller: v3.2, with doubts' in result.output
    assert 'no published version' in result.output


def test_nothing_of_the_interface(log_of):
    result = run(log_of('(1700000000.000000) can0 123#00\n(1700000000.100000) can0 123#00\n'))
    assert result.exit_code == 1
    assert 'nothing of the Generic Interface; 2 frames of something else' in result.output


def test_as_json(log_of):
    result = run(log_of(SESSION), '--json')
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    controller, customer = told['ends']
    assert (controller['pistol'], controller['end']) == (1, 'controller')
    assert controller['versions'] == ['3.2']
    assert customer['versions'] == ['3.1', '3.2', '3.3', '3.4', '3.5', '3.6']
    battery = controller['evidence'][1]
    assert battery['id'] == '0106B100'
    assert battery['data'] == '640032'
    assert battery['excluded'] == ['3.3', '3.4', '3.5', '3.6']
    assert battery['first_after_s'] == pytest.approx(0.15)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path):
    result = run(str(tmp_path / 'none.log'))
    assert result.exit_code == 2
    assert 'Traceback' not in result.output
    assert len(result.output.splitlines()) == 1


def test_typed_topics_have_lost_the_lengths_and_are_refused(monkeypatch):
    log = types.SimpleNamespace(kind='rosbag2 (mcap), typed topics')
    monkeypatch.setattr('gi3_ros.tools.given.open_log', lambda _path, **_options: log)
    result = run('night')
    assert result.exit_code == 2
    assert 'record the raw frames' in result.output


@pytest.mark.parametrize('arguments', [(), ('night.log', '-i', 'virtual')])
def test_a_file_or_a_bus_is_needed(arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert 'either a file or' in result.output


def test_a_bus_that_cannot_be_opened_is_one_sentence():
    result = run('-i', 'no_such_interface')
    assert result.exit_code == 2
    assert "cannot open CAN interface 'no_such_interface'" in result.output


def test_a_bus_is_listened_to_and_nothing_is_sent(request):
    channel = request.node.name
    end = Bus('virtual', channel)
    is_over = threading.Event()
    heard = []

    def speak():
        while not is_over.is_set():
            end.send(Frame(0x0106B100, b'\x64\x00\x32'))
            heard.append(end.receive(0.0))
            time.sleep(0.01)

    speaker = threading.Thread(target=speak)
    speaker.start()
    try:
        result = run('-i', 'virtual', '-c', channel, '--seconds', '0.3')
    finally:
        is_over.set()
        speaker.join()
        end.close()
    assert result.exit_code == 0, result.output
    assert 'pistol 1 controller: v3.1 or 3.2' in result.output
    assert 'pistol 1: nothing was heard of the charger' in result.output
    assert heard
    assert not any(heard)
