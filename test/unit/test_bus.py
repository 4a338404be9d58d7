# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A bus that is lost and comes back, in every state that SocketCAN knows."""

import errno
import pathlib
import re
import socket
import types

import can
import pytest

from gi3_ros import bus as bus_module
from gi3_ros.bus import AbsentError, Bus, BusError, open_bus
from gi3_ros.bus_state import BusState, Condition, IFF_RUNNING, IFF_UP
from gi3_ros.core.interface import codec
from gi3_ros.core.interface.frame import Frame

FRAME = Frame(0x0106B000, b'\x07')
UP = IFF_UP | IFF_RUNNING
PAGE = pathlib.Path(__file__).resolve().parents[2] / 'docs' / 'how-to' / 'can_interface.md'


@pytest.fixture
def pair(request):
    """Two ends of a virtual bus of the test's own."""
    ends = [Bus('virtual', request.node.name, on_event=events.append) for events in ([], [])]
    yield ends
    for end in ends:
        end.close()


def test_a_frame_arrives_as_it_was_sent(pair):
    here, there = pair
    assert here.send(FRAME)
    frame, arrival = there.receive(1.0)
    assert frame == FRAME
    assert arrival > 0
    assert here.receive(0.0) is None, 'no echo'


def test_a_bus_that_cannot_be_opened_says_what_to_do():
    with pytest.raises(BusError, match="cannot open CAN interface 'no_such_interface'"):
        open_bus('no_such_interface', 'can9')


def test_socketcan_without_a_channel_is_refused_in_words():
    """It would be all interfaces as one, which hears everything and cannot send."""
    with pytest.raises(BusError, match='needs a channel, the name of one interface: can0'):
        open_bus('socketcan')


class Raw:
    """The raw socket of a kernel with SocketCAN."""

    def __init__(self):
        self.options = {}

    def close(self):
        pass

    def setsockopt(self, level, name, value):
        self.options[level, name] = value


class Adapter:
    """A SocketCAN interface, and python-can's bus on it, without a kernel."""

    def __init__(self):
        self.flags = UP
        self.is_there = True
        self.opened = []
        """The options of each time it was opened."""
        self.sent = []
        self.timeouts = []
        self.send_errno = self.receive_errno = None
        self.waiting = []
        self.is_shut = False
        self.socket = Raw()

    def open(self, **options):
        self.opened.append(options)
        return self

    def send(self, message, timeout=None):
        self.timeouts.append(timeout)
        if self.send_errno is not None:
            raise can.CanOperationError('Failed to transmit', self.send_errno)
        self.sent.append(message)

    def recv(self, _timeout):
        if self.receive_errno is not None:
            number, self.receive_errno = self.receive_errno, None
            raise can.CanOperationError('Error receiving', number)
        return self.waiting.pop(0) if self.waiting else None

    def shutdown(self):
        self.is_shut = True

    def hear_error(self, error_class, data=bytes(8)):
        self.waiting.append(can.Message(
            arbitration_id=error_class, data=data, is_error_frame=True, is_extended_id=False))

    def hear(self, frame=FRAME, **options):
        self.waiting.append(can.Message(
            arbitration_id=frame.can_id, data=frame.data, is_extended_id=True, **options))


@pytest.fixture
def adapter(monkeypatch):
    """Give an :class:`Adapter` that is up."""
    adapter = Adapter()

    def find(_name):
        if not adapter.is_there:
            raise OSError('no interface with this name')
        return 4
    monkeypatch.setattr(can, 'Bus', adapter.open)
    monkeypatch.setattr(bus_module.socket, 'socket', lambda *_: Raw())
    monkeypatch.setattr(bus_module.socket, 'if_nametoindex', find)
    monkeypatch.setattr(bus_module, '_read_flags', lambda _bus, _channel: adapter.flags)
    return adapter


class Watch:
    """A clock that a test moves, and what is said on the way."""

    STEP_S = 0.05

    def __init__(self):
        self.now_s = 100.0
        self.words = []

    def listen(self, bus, seconds):
        """Let time go on with somebody who listens."""
        for _ in range(round(seconds / self.STEP_S)):
            self.now_s += self.STEP_S
            bus.receive(0.0)


@pytest.fixture
def watch(monkeypatch):
    """Give a :class:`Watch` that the bus goes by."""
    watch = Watch()
    monkeypatch.setattr(bus_module, 'time', types.SimpleNamespace(
        monotonic=lambda: watch.now_s, sleep=lambda _seconds: None))
    return watch


@pytest.fixture
def bus(adapter, watch):
    """Give a bus on the adapter's ``can0``."""
    return Bus('socketcan', 'can0', on_event=watch.words.append)


@pytest.mark.parametrize('where', ['send_errno', 'receive_errno'])
def test_down_keeps_the_socket_and_says_once_what_to_do(bus, adapter, watch, where):
    setattr(adapter, where, errno.ENETDOWN)
    adapter.flags = 0
    bus.send(FRAME)
    watch.listen(bus, 10.0)
    assert bus.condition is Condition.DOWN
    assert not bus.is_open
    assert len(watch.words) == 1
    assert ('is down: is it up? sudo ip link set can0 up type can bitrate 500000 restart-ms 100'
            in watch.words[0])
    adapter.flags, adapter.send_errno = UP, None
    watch.listen(bus, 2.0)
    assert bus.is_open
    assert len(watch.words) == 2
    assert 'CAN bus socketcan can0 is back; it was gone for 10.' in watch.words[1]
    assert (len(adapter.opened), adapter.is_shut) == (1, False)
    assert bus.send(FRAME)


def test_a_blip_of_ten_milliseconds_costs_what_was_sent_in_it(bus, adapter, watch):
    adapter.send_errno = errno.ENETDOWN
    assert not bus.send(FRAME)
    watch.now_s += 0.01
    adapter.send_errno = None
    adapter.hear()
    assert bus.receive(0.0)[0] == FRAME
    assert bus.send(FRAME)
    assert len(adapter.sent) == 1, 'nothing old is sent afterwards'


def test_down_from_the_start_is_said(adapter, watch):
    adapter.flags = 0
    bus = Bus('socketcan', 'can0', on_event=watch.words.append)
    watch.listen(bus, 1.0)
    assert ['is it up?' in words for words in watch.words] == [True]


@pytest.mark.parametrize('channel, command', [
    ('can1', 'sudo ip link set can1 up type can bitrate 500000 restart-ms 100;'),
    ('vcan0', 'sudo ip link set vcan0 up;'), ('slcan0', 'sudo ip link set slcan0 up;')])
def test_the_command_fits_the_interface(adapter, watch, channel, command):
    adapter.flags = 0
    watch.listen(Bus('socketcan', channel, on_event=watch.words.append), 1.0)
    assert command in watch.words[0]


@pytest.mark.parametrize('number', [errno.ENODEV, errno.ENXIO, errno.EBADF])
@pytest.mark.parametrize('where', ['send_errno', 'receive_errno'])
def test_a_pulled_adapter_is_named_and_opened_again(bus, adapter, watch, where, number):
    setattr(adapter, where, number)
    adapter.is_there = False
    bus.send(FRAME)
    bus.receive(0.0)
    assert (bus.condition, adapter.is_shut) == (Condition.ABSENT, True)
    assert not bus.send(FRAME), 'what cannot be sent is lost'
    watch.listen(bus, 5.0)
    assert ['can0 lost: ' in words for words in watch.words] == [True]
    adapter.is_there, adapter.send_errno = True, None
    watch.listen(bus, 0.2)
    adapter.sent.clear()
    assert bus.send(FRAME), 'at once'
    watch.listen(bus, 1.5)
    assert bus.is_open
    assert 'is back' in watch.words[1]
    assert len(adapter.opened) == 2
    assert len(adapter.sent) == 1, 'nothing old is sent afterwards'


def test_made_anew_but_down_is_two_words_and_a_third(bus, adapter, watch):
    adapter.receive_errno, adapter.is_there = errno.ENODEV, False
    watch.listen(bus, 1.0)
    adapter.is_there, adapter.flags = True, 0
    watch.listen(bus, 3.0)
    adapter.flags = UP
    watch.listen(bus, 3.0)
    assert len(watch.words) == 3
    assert ['lost' in watch.words[0], 'is it up?' in watch.words[1], 'is back' in watch.words[2]
            ] == [True, True, True]


def test_not_there_at_the_start_is_refused_or_waited_for(adapter, watch):
    adapter.is_there = False
    with pytest.raises(AbsentError, match=r"there is no interface 'can0'.*sudo ip link set can0"):
        Bus('socketcan', 'can0')
    bus = Bus('socketcan', 'can0', waits=True, on_event=watch.words.append)
    assert not bus.send(FRAME)
    watch.listen(bus, 60.0)
    assert ['waits: there is no interface can0' in words for words in watch.words] == [True]
    assert adapter.opened == []
    adapter.is_there = True
    watch.listen(bus, 2.0)
    assert bus.is_open
    assert bus.send(FRAME)


def test_a_kernel_without_socketcan_is_refused_even_by_who_waits(adapter, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EAFNOSUPPORT, 'Address family not supported by protocol')
    monkeypatch.setattr(bus_module.socket, 'socket', refuse)
    with pytest.raises(BusError, match=r'no SocketCAN: .*sudo modprobe can_raw'):
        Bus('socketcan', 'can0', waits=True)


def test_what_is_no_can_interface_is_refused(adapter, monkeypatch):
    def refuse(**_):
        raise OSError(errno.ENODEV, 'No such device')
    monkeypatch.setattr(can, 'Bus', refuse)
    with pytest.raises(BusError, match='is it a CAN interface'):
        Bus('socketcan', 'eth0', waits=True)


def test_bus_off_sends_nothing_until_it_is_restarted(bus, adapter, watch):
    adapter.hear_error(0x040)
    watch.listen(bus, 1.0)
    assert not bus.send(FRAME)
    assert adapter.sent == [], 'the kernel would say that it was sent, and throw it away'
    assert bus.trouble == watch.words[0]
    assert 'is bus-off, nothing is sent' in bus.trouble
    assert 'restart-ms' in bus.trouble
    adapter.flags = IFF_UP
    watch.listen(bus, 60.0)
    adapter.hear_error(0x100)
    bus.receive(0.0)
    assert bus.send(FRAME), 'at once'
    adapter.flags = UP
    watch.listen(bus, 2.0)
    assert bus.is_open
    assert len(watch.words) == 2


@pytest.mark.parametrize('ends', ['carrier', 'frame', 'down and up'])
def test_bus_off_ends_without_a_word_of_the_driver(bus, adapter, watch, ends):
    adapter.hear_error(0x040)
    adapter.flags = IFF_UP
    watch.listen(bus, 5.0)
    if ends == 'frame':
        adapter.hear()
    elif ends == 'down and up':
        adapter.flags = 0
        watch.listen(bus, 0.2)
    if ends != 'frame':
        adapter.flags = UP
    watch.listen(bus, 0.2)
    assert bus.send(FRAME)
    adapter.flags = UP
    watch.listen(bus, 2.0)
    assert bus.is_open


def test_bus_off_ten_times_a_second_is_one_trouble(bus, adapter, watch):
    for _ in range(50):
        adapter.hear_error(0x040)
        watch.listen(bus, 0.05)
        adapter.hear_error(0x100)
        watch.listen(bus, 0.05)
        assert not bus.is_open
    watch.listen(bus, 2.0)
    assert bus.is_open
    assert len(watch.words) == 2


def test_a_carrier_that_was_lost_unheard_is_bus_off(bus, adapter, watch):
    adapter.flags = IFF_UP
    watch.listen(bus, 1.0)
    assert bus.is_open, 'Linux may be late with it after a start'
    watch.listen(bus, 2.0)
    assert bus.condition is Condition.BUS_OFF
    assert 'has no carrier' in bus.trouble
    adapter.flags = UP
    watch.listen(bus, 4.0)
    assert bus.is_open


def test_everything_that_is_said_of_the_bus_is_explained():
    """In the table of docs/how-to/can_interface.md."""
    happened = {
        'absent': (), 'lost': ('pulled',), 'went_down': (), 'heard_fd': (),
        'error_frame 40': (0x040, bytes(8)),
        **{f'error_frame {bits}': (0x004, bytes([0, bits])) for bits in (0x01, 0x04, 0x10)},
    }
    said = []
    for what, arguments in happened.items():
        state = BusState('socketcan can0', 'can0')
        getattr(state, what.split()[0])(*arguments, now_s=0.0)
        said += state.take_words()
        state.condition = Condition.WORKING
        state.looked(None, now_s=1000.0)
        said += state.take_words()
    state = BusState('socketcan can0', 'can0')
    for now_s in (0.0, 1.0):
        state.refused(now_s=now_s)
    said += state.take_words()
    state = BusState('socketcan can0', 'can0')
    for now_s in (0.0, 10.0):
        state.looked(IFF_UP, now_s=now_s)
    said += state.take_words()
    explained = re.findall(
        r'^\| (`.*?`) \|', PAGE.read_text(encoding='utf-8').split(
            '## Messages about the bus')[1], re.MULTILINE)
    starts = [each for row in explained for each in re.findall(r'`(.*?)(?: ?\.\.\..*?)?`', row)]
    for sentence in said:
        words = sentence.removeprefix('CAN bus socketcan can0 ')
        assert any(words.startswith(start) for start in starts[1:]), words
    for start in starts[1:]:
        assert any(start in sentence for sentence in said), start


@pytest.mark.parametrize('number', [errno.ENOBUFS, None], ids=['ENOBUFS', 'buffer full'])
def test_a_full_queue_loses_a_frame_and_is_said_when_it_stays_full(bus, adapter, watch, number):
    def send(message, timeout=None):
        if adapter.flags != UP or adapter.is_stuck:
            raise can.CanOperationError('Transmit buffer full', number)
        adapter.sent.append((message, timeout))
    adapter.send, adapter.is_stuck = send, True
    assert not bus.send(FRAME)
    assert bus.is_open
    adapter.is_stuck = False
    assert bus.send(FRAME)
    watch.listen(bus, 10.0)
    adapter.is_stuck = True
    assert not bus.send(FRAME)
    assert watch.words == [], 'moments'
    for _ in range(30):
        watch.listen(bus, 0.1)
        assert not bus.send(FRAME)
    assert ['takes no frames any more: nobody acknowledges' in words for words in watch.words] == [
        True]
    assert not bus.is_open
    adapter.is_stuck = False
    adapter.sent.clear()
    assert bus.send(FRAME)
    assert [timeout for _, timeout in adapter.sent] == [0.0], 'who is stuck is not waited for'
    watch.listen(bus, 2.0)
    assert bus.is_open
    assert len(watch.words) == 2


def test_a_stuck_queue_that_nobody_tries_is_forgotten(bus, adapter, watch):
    adapter.send_errno = errno.ENOBUFS
    for _ in range(5):
        bus.send(FRAME)
        watch.listen(bus, 0.1)
    assert not bus.is_open
    watch.listen(bus, 4.0)
    assert bus.is_open, 'nothing is known of it any more'


def test_errors_that_get_worse_are_said_and_do_not_stop_a_frame(bus, adapter, watch):
    for bits in (0x04, 0x08, 0x10, 0x20, 0x08, 0x20):
        adapter.hear_error(0x004, bytes([0, bits]) + bytes(6))
        watch.listen(bus, 0.1)
        assert bus.is_open
    assert bus.send(FRAME)
    assert len(watch.words) == 2
    assert 'has many transmission errors' in watch.words[0]
    assert 'is error-passive' in watch.words[1]
    assert bus.warning == watch.words[1]
    adapter.hear_error(0x004, b'\x00\x40' + bytes(6))
    watch.listen(bus, 9.0)
    assert bus.warning
    watch.listen(bus, 2.0)
    assert bus.warning == ''
    assert 'few errors again' in watch.words[2]


def test_errors_that_the_driver_takes_nothing_back_of_age(bus, adapter, watch):
    adapter.hear_error(0x004, b'\x00\x20' + bytes(6))
    watch.listen(bus, 55.0)
    assert bus.warning
    watch.listen(bus, 6.0)
    assert bus.warning == ''


def test_frames_lost_in_the_controller_are_said_now_and_then(bus, adapter, watch):
    for _ in range(40):
        adapter.hear_error(0x004, b'\x00\x01' + bytes(6))
        watch.listen(bus, 0.1)
    assert ['has lost frames' in words for words in watch.words] == [True]
    assert bus.is_open


def test_error_frames_are_handed_on_in_words(bus, adapter):
    adapter.hear_error(0x0A8, b'\x00\x00' + bytes(6))
    frame, _ = bus.receive(0.0)
    assert frame.is_error
    assert bus.describe_errors(frame) == (
        ': protocol violated, nobody acknowledges, bus error')


def test_frames_of_can_fd_are_ignored_and_named_once(bus, adapter, watch):
    """The first 7 bytes of one would be a command."""
    for _ in range(3):
        adapter.hear(Frame(0x0106B003, bytes(12)), is_fd=True)
    adapter.hear()
    heard = [bus.receive(0.0) for _ in range(4)]
    assert heard[:3] == [None, None, None]
    assert heard[3][0] == FRAME
    assert bus.fd_frames == 3
    assert ['classic CAN' in words for words in watch.words] == [True]


def test_a_remote_frame_is_one(bus, adapter):
    adapter.waiting.append(can.Message(
        arbitration_id=FRAME.can_id, is_remote_frame=True, dlc=1, is_extended_id=True))
    assert bus.receive(0.0)[0].is_remote


def passes(filters, frame):
    """Tell whether the kernel lets a frame through (linux/can.h)."""
    return any(
        frame.is_extended == each['extended']
        and frame.can_id & each['can_mask'] == each['can_id'] & each['can_mask']
        for each in filters)


def test_the_kernel_is_asked_for_the_frames_of_our_pistols_only(adapter):
    open_bus('socketcan', 'can0')
    open_bus('socketcan', 'can0', indices=[17, 2])
    everything, filters = (options.get('can_filters') for options in adapter.opened)
    assert everything is None
    for can_id in (0x0206B003, 0x11063000, 0x0206B7FF, 0x11063FFF):
        assert passes(filters, Frame(can_id, b'')), 'both sides, and newer versions of them'
    for can_id in (0x0306B003, 0x0106B003, 0x02068003, 0x0207B003, 0x18FF50E5, 0x0006B003):
        assert not passes(filters, Frame(can_id, b'')), f'{can_id:#x}'
    assert not passes(filters, Frame(0x003, b'', is_extended=False))


@pytest.mark.parametrize('index', [1, 31])
@pytest.mark.parametrize('base_id', [0x63000, 0x63FFF, 0x6B000, 0x6BFFF, 0x6B7FF])
def test_nothing_that_the_codec_takes_is_filtered(adapter, base_id, index):
    open_bus('socketcan', 'can0', indices=[index])
    frame = Frame(base_id | index << 24, bytes(8))
    assert passes(adapter.opened[0]['can_filters'], frame)
    decoded = codec.decode(frame)
    assert getattr(decoded, 'kind', None) is not codec.Rejection.FOREIGN


def test_the_filters_are_set_again_when_the_adapter_is_back(adapter, watch):
    bus = Bus('socketcan', 'can0', indices=[1, 3], on_event=watch.words.append)
    adapter.receive_errno = errno.ENODEV
    bus.receive(0.0)
    watch.listen(bus, 2.0)
    assert bus.is_open
    first, second = (options['can_filters'] for options in adapter.opened)
    assert first == second
    assert len(second) == 2


@pytest.mark.parametrize('interface, indices, filters', [
    ('socketcan', range(1, 32), 31), ('kvaser', [5], 1), ('kvaser', [5, 6], None),
    ('vector', [5], 1), ('virtual', [5], None), ('udp_multicast', [5], None),
    ('pcan', [5], None), ('socketcan', [], None)])
def test_only_who_filters_by_itself_is_asked_to(adapter, interface, indices, filters):
    """Filters in Python would drop error frames."""
    open_bus(interface, 'x', indices=indices)
    given = adapter.opened[0].get('can_filters')
    assert (given if given is None else len(given)) == filters


def test_little_waits_in_the_kernel(bus, adapter):
    """It would go out when the line heals, seconds old."""
    assert adapter.socket.options == {(socket.SOL_SOCKET, socket.SO_SNDBUF): 1}


@pytest.mark.parametrize('interface, echoes', [
    ('socketcan', False), ('virtual', False), ('pcan', False), ('udp_multicast', True)])
def test_who_echoes_is_known(adapter, interface, echoes):
    assert Bus(interface, 'x').echoes is echoes


def test_what_an_adapter_marks_as_its_own_is_not_heard(adapter, monkeypatch):
    bus = Bus('gs_usb', '0')
    adapter.hear(is_rx=False)
    adapter.hear()
    assert bus.receive(0.0) is None
    assert bus.receive(0.0)[0] == FRAME


def test_local_frames_of_socketcan_are_heard(bus, adapter):
    """It marks whatever comes from this machine: a simulator, or a second charger."""
    adapter.hear(is_rx=False)
    assert bus.receive(0.0)[0] == FRAME


@pytest.mark.parametrize('finds_out', [
    lambda bus: bus.send(FRAME), lambda bus: bus.receive(0.0)], ids=['send', 'receive'])
def test_another_adapter_that_fails_is_opened_again(adapter, watch, finds_out):
    bus = Bus('pcan', 'PCAN_USBBUS1', on_event=watch.words.append)
    adapter.send_errno = adapter.receive_errno = errno.ENETDOWN
    finds_out(bus)
    assert not bus.is_open
    adapter.send_errno = adapter.receive_errno = None
    watch.listen(bus, 0.5)
    assert len(adapter.opened) == 1, 'to open it takes its time'
    watch.listen(bus, 3.0)
    assert bus.is_open
    assert len(watch.words) == 2


def test_a_closed_bus_stays_closed(pair):
    here, _there = pair
    here.close()
    assert not here.send(FRAME)
    assert here.receive(0.0) is None
    assert not here.is_open


def test_simulated_buses_never_leave_the_machine(monkeypatch):
    options = {}
    monkeypatch.setattr(can, 'Bus', lambda **given: options.update(given))
    open_bus('udp_multicast')
    assert options['hop_limit'] == 0
