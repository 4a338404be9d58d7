"""A bus that is lost and comes back."""

import errno

import can
import pytest

from gi3_ros import bus as bus_module
from gi3_ros.bus import Bus, BusError, open_bus
from gi3_ros.core.frame import Frame

FRAME = Frame(0x0106B000, b'\x07')


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


@pytest.mark.parametrize('interface, words', [
    ('no_such_interface', "cannot open CAN interface 'no_such_interface'"),
    ('socketcan', 'sudo ip link set can9 up type can bitrate 500000'),
])
def test_a_bus_that_cannot_be_opened_says_what_to_do(interface, words):
    with pytest.raises(BusError, match=words):
        open_bus(interface, 'can9')


class Adapter:
    """An adapter that can be pulled."""

    is_pulled = False
    opened = 0

    def __init__(self, **_options):
        if Adapter.is_pulled:
            raise can.CanInitializationError('no such device')
        Adapter.opened += 1
        self.sent = []

    def send(self, message):
        if Adapter.is_pulled:
            raise can.CanOperationError('Network is down', errno.ENETDOWN)
        self.sent.append(message)

    def recv(self, _timeout):
        if Adapter.is_pulled:
            raise OSError('Network is down')

    def shutdown(self):
        pass


@pytest.mark.parametrize('finds_out', [
    lambda bus: bus.send(FRAME), lambda bus: bus.receive(0.0)], ids=['send', 'receive'])
def test_a_pulled_adapter_is_named_and_opened_again(monkeypatch, finds_out):
    monkeypatch.setattr(can, 'Bus', Adapter)
    monkeypatch.setattr(Adapter, 'is_pulled', False)
    monkeypatch.setattr(Adapter, 'opened', 0)
    now_s = [100.0]
    monkeypatch.setattr(bus_module.time, 'monotonic', lambda: now_s[0])
    events = []
    bus = Bus('socketcan', 'can0', on_event=events.append)
    Adapter.is_pulled = True
    assert not finds_out(bus)
    assert not bus.is_open
    assert len(events) == 1
    assert 'socketcan can0 lost' in events[0]
    assert not bus.send(FRAME), 'what cannot be sent is lost'
    now_s[0] += 2.0
    assert bus.receive(0.0) is None
    assert not bus.is_open, 'still pulled'
    Adapter.is_pulled = False
    now_s[0] += 2.0
    bus.receive(0.0)
    assert bus.is_open
    assert events[1:] == ['CAN bus socketcan can0 is back']
    assert bus.send(FRAME)
    assert len(bus._bus.sent) == 1, 'nothing old is sent afterwards'
    bus.close()


def test_a_full_queue_loses_a_frame_and_nothing_else(monkeypatch):
    class Full(Adapter):
        def send(self, message):
            raise can.CanOperationError('Transmit buffer full', errno.ENOBUFS)

    monkeypatch.setattr(can, 'Bus', Full)
    monkeypatch.setattr(Adapter, 'is_pulled', False)
    events = []
    bus = Bus('socketcan', 'can0', on_event=events.append)
    assert not bus.send(FRAME)
    assert bus.is_open
    assert events == []


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
