"""
Live CAN buses; besides log files the only user of python-can.

An adapter can be unplugged and an interface can go down at any moment; :class:`Bus` closes,
waits, opens again, and says so through ``on_event``. Nothing here sends by itself: no periodic
task, no retry of an old frame. A frame that could not be sent is lost, on purpose.
"""

import contextlib
import errno
import logging
import threading
import time

import can

from .core.frame import Frame

log = logging.getLogger(__name__)

REOPEN_AFTER_S = 1.0
GONE = frozenset({errno.ENODEV, errno.ENXIO, errno.ENETDOWN, errno.EBADF, errno.EIO})
"""Errors of sending after which the interface is not there any more; others lose the frame."""
LOCAL_GROUP = '239.74.163.2'
"""Multicast group for ``udp_multicast`` when no channel is given."""


class BusError(Exception):
    """The bus cannot be used; the text says what to do."""


def open_bus(interface, channel='', *, bitrate=0, port=0):
    """
    Open a python-can bus.

    :param interface: a python-can interface name (``socketcan``, ``udp_multicast``, ``virtual``..)
    :param channel: its channel (``can0``, ``vcan0``, a multicast group, ..)
    :param bitrate: bit/s for adapters that set it themselves; 0 leaves it as it is
    :param port: UDP port, ``udp_multicast`` only; 0 is python-can's default
    :raises BusError: with one sentence that says what is wrong and what to do
    """
    options = {}
    if bitrate:
        options['bitrate'] = int(bitrate)
    if interface == 'udp_multicast':
        # Time to live 0: simulated power control must never leave the machine.
        options['hop_limit'] = 0
        channel = channel or LOCAL_GROUP
        if port:
            options['port'] = int(port)
    try:
        return can.Bus(interface=interface, channel=channel or None, **options)
    except (can.CanError, OSError, ValueError, TypeError, ImportError) as error:
        hint = ''
        if interface == 'socketcan':
            hint = (f'; is it up? sudo ip link set {channel or "can0"} up type can bitrate 500000')
        raise BusError(
            f'cannot open CAN interface {interface!r} channel {channel!r}: {error}{hint}'
        ) from error


class Bus:
    """
    A bus that comes back after a failure.

    :param on_event: called with one sentence whenever the bus was lost or came back
    """

    def __init__(self, interface, channel='', *, bitrate=0, port=0, on_event=log.warning):
        self._arguments = (interface, channel)
        self._options = {'bitrate': bitrate, 'port': port}
        self._on_event = on_event
        self._lock = threading.Lock()
        self._reopen_at_s = 0.0
        self._bus = open_bus(interface, channel, **self._options)
        self.name = f'{interface} {channel}'.rstrip()
        """For people."""

    @property
    def is_open(self):
        """Whether frames can be sent right now."""
        return self._bus is not None

    def send(self, frame):
        """
        Send one frame now or not at all.

        :returns: whether the frame was handed to the interface
        """
        bus = self._bus
        if bus is None:
            return False
        try:
            bus.send(can.Message(
                arbitration_id=frame.can_id, data=frame.data,
                is_extended_id=frame.is_extended, is_remote_frame=frame.is_remote,
            ))
        except (can.CanError, OSError, ValueError) as error:
            if _errno(error) in GONE:
                self._lost(bus, f'sending 0x{frame.can_id:08X} failed: {error}')
            else:
                # A full queue, say. Closing the bus would make us deaf for a second as well.
                log.debug('0x%08X not sent: %s', frame.can_id, error)
            return False
        return True

    def receive(self, timeout_s):
        """
        Wait for a frame.

        :returns: ``(frame, arrival)`` with the arrival in seconds since the epoch as the interface
            stamped it, or ``None`` when nothing came within ``timeout_s``
        """
        bus = self._bus
        if bus is None:
            time.sleep(min(timeout_s, 0.05))
            self._reopen()
            return None
        try:
            message = bus.recv(timeout_s)
        except (can.CanError, OSError, ValueError) as error:
            self._lost(bus, f'receiving failed: {error}')
            return None
        if message is None:
            return None
        frame = Frame(
            message.arbitration_id, bytes(message.data), message.is_extended_id,
            message.is_remote_frame, message.is_error_frame,
        )
        return frame, message.timestamp

    def close(self):
        """Close the bus; it stays closed."""
        with self._lock:
            bus, self._bus = self._bus, None
            self._reopen_at_s = float('inf')
        if bus is not None:
            bus.shutdown()

    def _lost(self, bus, why):
        with self._lock:
            if self._bus is not bus:
                return
            self._bus = None
            self._reopen_at_s = time.monotonic() + REOPEN_AFTER_S
        self._on_event(f'CAN bus {self.name} lost, will be opened again: {why}')
        with contextlib.suppress(can.CanError, OSError):
            bus.shutdown()

    def _reopen(self):
        if time.monotonic() < self._reopen_at_s:
            return
        try:
            bus = open_bus(*self._arguments, **self._options)
        except BusError as error:
            self._reopen_at_s = time.monotonic() + REOPEN_AFTER_S
            log.debug('%s', error)
            return
        with self._lock:
            if self._reopen_at_s == float('inf'):
                bus.shutdown()
                return
            self._bus = bus
        self._on_event(f'CAN bus {self.name} is back')


def _errno(error):
    """Return the system's error number inside an exception of python-can, ``None`` without."""
    for each in (error, error.__cause__):
        for name in ('error_code', 'errno'):
            number = getattr(each, name, None)
            if number is not None:
                return number
    return None
