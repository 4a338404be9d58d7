# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Live CAN buses; besides log files the only user of python-can.

An adapter can be unplugged and an interface can go down at any moment; :class:`Bus` says so
through ``on_event`` and goes on by itself. A SocketCAN interface that is down keeps its socket,
which hears again at once; what is gone is opened again. Nothing here sends by itself: no periodic
task, no retry of an old frame. A frame that could not be sent is lost, on purpose.
"""

from collections.abc import Callable, Collection
import contextlib
import errno
import functools
import logging
import socket
import struct
import threading
import time
from typing import Any

import can

from .bus_state import BusState, Condition, describe_errors, how_to_bring_up
from .core.interface import codec
from .core.interface.frame import Frame

log = logging.getLogger(__name__)
# python-can would print a line of its own at each failed attempt to open.
logging.getLogger('can.interfaces.socketcan').addHandler(logging.NullHandler())

REOPEN_AFTER_S = 1.0
LOOK_EVERY_S = 0.1
"""How often the flags of a SocketCAN interface are read: two microseconds."""
SEND_WAIT_S = 0.02
"""A busy bus takes a frame within this time."""
SHORTEST_QUEUE = 1
"""
For SO_SNDBUF: Linux raises it to its minimum, three frames.

What waits in the kernel goes out when the line heals, however old it is: let it be little.
"""
GONE = frozenset({errno.ENODEV, errno.ENXIO, errno.ENETDOWN, errno.EBADF, errno.EIO})
"""Errors of sending after which the interface is not there any more; others lose the frame."""
LOCAL_GROUP = '239.74.163.2'
"""Multicast group for ``udp_multicast`` when no channel is given."""
SOCKETCAN = 'socketcan'
MOST_FILTERS = {SOCKETCAN: 31, 'kvaser': 1, 'vector': 1}
"""
How many filters an interface applies before a frame costs this process anything.

The others, and these with more filters, leave filtering to Python. That would save at most 2 us
for a foreign frame, add 0.3 to 0.7 us to each of our own (``python -m timeit`` on
``BusABC._matches_filters``, python-can 4.6), and drop the error frames, whose identifiers match no
filter: they get none.
"""
_SIOCGIFFLAGS = 0x8913


class BusError(Exception):
    """The bus cannot be used; the text says what to do."""


class AbsentError(BusError):
    """There is no such SocketCAN interface; it may come."""


def open_bus(
    interface: str, channel: str = '', *, bitrate: int = 0, port: int = 0,
    indices: Collection[int] = (),
) -> can.BusABC:
    """
    Open a python-can bus.

    :param interface: a python-can interface name (``socketcan``, ``udp_multicast``, ``virtual``..)
    :param channel: its channel (``can0``, ``vcan0``, a multicast group, ..)
    :param bitrate: bit/s for adapters that set it themselves; 0 leaves it as it is
    :param port: UDP port, ``udp_multicast`` only; 0 is python-can's default
    :param indices: of the pistols whose frames shall come, if the interface can filter by itself
        (:data:`MOST_FILTERS`); error frames come all the same. Empty: everything comes
    :raises BusError: with one sentence that says what is wrong and what to do
    """
    options: dict[str, Any] = {}  # whatever an adapter takes
    if bitrate:
        options['bitrate'] = int(bitrate)
    if interface == 'udp_multicast':
        # Time to live 0: simulated power control must never leave the machine.
        options['hop_limit'] = 0
        channel = channel or LOCAL_GROUP
        if port:
            options['port'] = int(port)
    if interface == SOCKETCAN:
        _check_socketcan(channel)
        # For reception: who sends FD frames here shall be named.
        options['fd'] = True
    if 0 < len(indices) <= MOST_FILTERS.get(interface, 0):
        options['can_filters'] = [_filter_of(index) for index in sorted(indices)]
    try:
        bus = can.Bus(interface=interface, channel=channel or None, **options)
    except (can.CanError, OSError, ValueError, TypeError, ImportError) as error:
        hint = ''
        if interface == SOCKETCAN:
            hint = f'; is it a CAN interface, and up? {how_to_bring_up(channel)}'
        raise BusError(
            f'cannot open CAN interface {interface!r} channel {channel!r}: {error}{hint}'
        ) from error
    if interface == SOCKETCAN:
        with contextlib.suppress(OSError, AttributeError):
            _socket(bus).setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SHORTEST_QUEUE)
    return bus


def _filter_of(index: int) -> dict[str, Any]:
    """Return the filter for all frames of one pistol: both directions, any minor version (1.1)."""
    return {
        'can_id': index << 24 | codec.FAMILY_ID,
        'can_mask': codec.INDEX_MAX << 24 | codec.FAMILY_MASK, 'extended': True}


def _check_socketcan(channel: str) -> None:
    """Refuse what python-can would open as something else, or with words of its own."""
    if not channel:
        # Without a name it would be all interfaces as one, which cannot send.
        raise BusError(
            'socketcan needs a channel, the name of one interface: can0, say; '
            '"ip -brief link show type can" lists those of this machine')
    try:
        socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW).close()
    except (OSError, AttributeError) as error:
        raise BusError(
            f'cannot open CAN interface {SOCKETCAN!r} channel {channel!r}: this kernel has no '
            f'SocketCAN: {error}; sudo modprobe can_raw') from error
    try:
        socket.if_nametoindex(channel)
    except OSError as error:
        raise AbsentError(
            f'cannot open CAN interface {SOCKETCAN!r} channel {channel!r}: there is no interface '
            f'{channel!r}; "ip -brief link show type can" lists those of this machine. When it is '
            f'there: {how_to_bring_up(channel)}') from error


def _read_flags(bus: can.BusABC, channel: str) -> int | None:
    """Return the flags of a SocketCAN interface, ``None`` where they cannot be told."""
    # Not where there is no SocketCAN either.
    import fcntl
    request = struct.pack('16sh14x', channel.encode()[:15], 0)
    try:
        answer = fcntl.ioctl(_socket(bus), _SIOCGIFFLAGS, request)
    except (OSError, AttributeError, ValueError):
        return None
    return int(struct.unpack_from('16sh', answer)[1])


def _socket(bus: can.BusABC) -> socket.socket:
    """
    Return the socket of a SocketCAN bus.

    :raises AttributeError: where it has none
    """
    found: socket.socket = getattr(bus, 'socket')  # noqa: B009 - of this kind of bus only
    return found


class Bus:
    """
    A bus that comes back after a failure.

    :param indices: see :func:`open_bus`
    :param waits: for a SocketCAN interface that is not there yet, instead of an error
    :param on_event: called with one sentence, once, for each trouble of the bus and for its end,
        from whichever thread sends or receives
    """

    def __init__(
        self, interface: str, channel: str = '', *, bitrate: int = 0, port: int = 0,
        indices: Collection[int] = (), waits: bool = False,
        on_event: Callable[[str], object] = log.warning,
    ) -> None:
        self._open = functools.partial(
            open_bus, interface, channel, bitrate=bitrate, port=port,
            indices=tuple(indices))
        self._is_socketcan = interface == SOCKETCAN
        self._channel = channel
        self._on_event = on_event
        self._lock = threading.Lock()
        self._reopen_at_s = self._look_at_s = 0.0
        self.name = f'{interface} {channel}'.rstrip()
        """For people."""
        self.echoes = interface == 'udp_multicast'
        """Whether what is sent is received, too, as if somebody else had sent it."""
        self._state = BusState(self.name, channel if self._is_socketcan else '')
        self._bus: can.BusABC | None = None
        try:
            self._bus = self._open()
        except AbsentError:
            if not waits:
                raise
            self._state.absent(now_s=time.monotonic())

    @property
    def is_open(self) -> bool:
        """Whether frames come and go, and have for a second after a trouble."""
        return self._bus is not None and not self._state.trouble

    @property
    def condition(self) -> Condition:
        """The :class:`~.bus_state.Condition` of this moment."""
        return self._state.condition

    @property
    def trouble(self) -> str:
        """What keeps frames from coming and going, with what to do; empty when they do."""
        return self._state.trouble

    @property
    def warning(self) -> str:
        """What may soon be a trouble; empty when nothing may."""
        return self._state.warning

    @property
    def fd_frames(self) -> int:
        """How many frames of CAN FD came, and were ignored."""
        return self._state.fd_frames

    def describe_errors(self, frame: Frame) -> str:
        """Say what an error frame reports, after a colon; nothing where that is not known."""
        return f': {describe_errors(frame.can_id, frame.data)}' if self._is_socketcan else ''

    def send(self, frame: Frame) -> bool:
        """
        Send one frame now or not at all.

        :returns: whether the frame was handed to the interface
        """
        bus = self._bus
        # In BUS-OFF the kernel would call it a success, and throw the frame away.
        if bus is None or self._state.condition is Condition.BUS_OFF:
            return False
        try:
            self._hand_over(bus, can.Message(
                arbitration_id=frame.can_id, data=frame.data,
                is_extended_id=frame.is_extended, is_remote_frame=frame.is_remote,
            ))
        except (can.CanError, OSError, ValueError) as error:
            self._take_send_error(bus, frame, error)
            return False
        self._note(self._state.sent)
        return True

    def receive(self, timeout_s: float) -> tuple[Frame, float] | None:
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
        self._look(bus)
        try:
            message = bus.recv(timeout_s)
        except (can.CanError, OSError, ValueError) as error:
            if self._is_down(error):
                self._note(self._state.went_down)
            else:
                self._lost(bus, f'receiving failed: {error}')
            return None
        return None if message is None else self._take(message)

    def close(self) -> None:
        """Close the bus; it stays closed."""
        with self._lock:
            bus, self._bus = self._bus, None
            self._reopen_at_s = float('inf')
        if bus is not None:
            bus.shutdown()

    def _hand_over(self, bus: can.BusABC, message: can.Message) -> None:
        if not self._is_socketcan:
            bus.send(message)
        elif self._state.condition is Condition.STUCK:
            bus.send(message, timeout=0.0)
        else:
            bus.send(message, timeout=SEND_WAIT_S)

    def _take_send_error(self, bus: can.BusABC, frame: Frame, error: Exception) -> None:
        if self._is_down(error):
            self._note(self._state.went_down)
        elif _errno(error) in GONE:
            self._lost(bus, f'sending 0x{frame.can_id:08X} failed: {error}')
        else:
            # A full queue, say. Closing the bus would make us deaf for a second as well.
            log.debug('0x%08X not sent: %s', frame.can_id, error)
            self._note(self._state.refused)

    def _take(self, message: can.Message) -> tuple[Frame, float] | None:
        """Return a message of python-can as :meth:`receive` does."""
        if message.is_fd:
            self._note(self._state.heard_fd)
            return None
        if not message.is_rx and not self._is_socketcan:
            # An echo of ours; SocketCAN has none, and marks all that comes from this machine.
            return None
        frame = Frame(
            message.arbitration_id, bytes(message.data), message.is_extended_id,
            message.is_remote_frame, message.is_error_frame,
        )
        if not frame.is_error:
            self._note(self._state.heard)
        elif self._is_socketcan:
            self._note(self._state.error_frame, frame.can_id, frame.data)
        return frame, message.timestamp

    def _is_down(self, error: Exception) -> bool:
        """Tell whether an error means that a SocketCAN interface is down: its socket lives on."""
        return self._is_socketcan and _errno(error) == errno.ENETDOWN

    def _look(self, bus: can.BusABC) -> None:
        now_s = time.monotonic()
        if now_s < self._look_at_s:
            return
        self._look_at_s = now_s + LOOK_EVERY_S
        flags = _read_flags(bus, self._channel) if self._is_socketcan else None
        self._note(self._state.looked, flags)

    def _note(self, happened: Callable[..., None], *what: object) -> None:
        """Tell the state what happened, and the world what is new in it."""
        with self._lock:
            happened(*what, now_s=time.monotonic())
            words = self._state.take_words()
        for sentence in words:
            self._on_event(sentence)

    def _lost(self, bus: can.BusABC, why: str) -> None:
        with self._lock:
            if self._bus is not bus:
                return
            self._bus = None
            self._reopen_at_s = time.monotonic() + self._reopen_after_s
        self._note(self._state.lost, why)
        with contextlib.suppress(can.CanError, OSError):
            bus.shutdown()

    @property
    def _reopen_after_s(self) -> float:
        # Whether a SocketCAN interface is there is quickly asked.
        return LOOK_EVERY_S if self._is_socketcan else REOPEN_AFTER_S

    def _reopen(self) -> None:
        if time.monotonic() < self._reopen_at_s:
            return
        for sentence in self._state.take_words():
            # Of the start: nobody was listening yet.
            self._on_event(sentence)
        try:
            bus = self._open()
        except BusError as error:
            self._reopen_at_s = time.monotonic() + self._reopen_after_s
            log.debug('%s', error)
            return
        with self._lock:
            if self._reopen_at_s == float('inf'):
                bus.shutdown()
                return
            self._bus = bus
        self._look_at_s = 0.0
        self._note(self._state.opened)


def _errno(error: BaseException) -> int | None:
    """Return the system's error number inside an exception of python-can, ``None`` without."""
    for each in (error, error.__cause__):
        for name in ('error_code', 'errno'):
            number = getattr(each, name, None)
            if isinstance(number, int):
                return number
    return None
