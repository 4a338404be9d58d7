# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
The copper between the pistol and the vehicle, when the two ends live in two processes.

The vehicle tells what hangs at its inlet, and how the relays of the controller stand that is
simulated with it; the circuit of the power modules answers with the inlet's true voltage and
current. Datagrams on the loopback interface carry both. A datagram may
be lost, repeated or nonsense: each end keeps the last good one and lets it age.
:class:`DirectPlug` joins the two ends in one process, for tests.
"""

import dataclasses
import json
import math
import socket
from typing import Generic, Protocol, TypeVar

HOST = '127.0.0.1'
"""Loopback only: simulated copper must never leave the machine."""
DEFAULT_PORT = 43214
PERIOD_S = 0.02
"""The vehicle's end speaks this often, and at once when its contactors move."""
MAX_AGE_S = 0.5
"""Silence for this long is a pulled plug."""
_DATAGRAM_BYTES = 2048
_ABSURD = 1e12
"""No quantity of ours is that large; NaN and infinity fail the comparison too."""
_LEAST_OHM = 1e-6
_ALL_OUTPUTS = 0b1111
_DATAGRAMS_PER_POLL = 200
"""A flood of datagrams must not stop the caller's clock."""


class PlugError(Exception):
    """The plug link cannot be used; the text says what to do."""


@dataclasses.dataclass(frozen=True, slots=True)
class Inlet:
    """What hangs at the pistol and at the controller's relays, as the vehicle's side knows it."""

    is_plugged: bool = False
    contactors_closed: bool = False
    battery_emf_v: float = 0.0
    battery_resistance_ohm: float = 0.1
    insulation_resistance_ohm: float = 1e6
    """Between the vehicle's inlet and earth."""
    relay_closed: bool = False
    """The controller's main relay: relay 1 (CCS) or relay 3 (CHAdeMO) (R45, R47)."""
    precharge_relay_closed: bool = False
    """Its precharge relay on Digital_OUT1, in series with a resistor (CHAdeMO, R47)."""
    digital_outputs: int = 0
    """Levels of its outputs that are CAN_Controlled (0x63201, R47); bit 0 is Digital_Output1."""

    @property
    def is_battery_on(self) -> bool:
        """Whether the vehicle has its battery on the pistol."""
        return self.is_plugged and self.contactors_closed

    @property
    def contacts(self) -> tuple[bool, bool, bool, bool, int]:
        """What the other end of the plug link has to know at once when it changes."""
        return (self.is_plugged, self.contactors_closed, self.relay_closed,
                self.precharge_relay_closed, self.digital_outputs)

    def is_high(self, output: int) -> bool:
        """Whether a digital output of the controller is high, by its number; 0 is none."""
        return output > 0 and bool(self.digital_outputs & 1 << (output - 1))


@dataclasses.dataclass(frozen=True, slots=True)
class InletReading:
    """What the vehicle can measure at its inlet; positive current charges."""

    voltage_v: float = 0.0
    current_a: float = 0.0


class VehiclePlug(Protocol):
    """The vehicle's end of a plug link, whatever carries it."""

    was_heard: bool
    """Whether the other end has ever answered."""

    def send(self, inlet: Inlet) -> None:
        """Tell the circuit what hangs at the inlet."""

    def reading(self, *, now_s: float) -> InletReading | None:
        """Return what the circuit said last, or ``None`` while it is silent."""


class CircuitPlug(Protocol):
    """The end of a plug link that owns the circuit."""

    def poll(self, reading: InletReading, *, now_s: float) -> Inlet:
        """Give the vehicle its reading, take what hangs at the inlet."""


UNPLUGGED = Inlet()
"""Also what a silent plug link means: no vehicle, and relays that nobody holds."""


Told = TypeVar('Told', Inlet, InletReading)
"""What one end tells the other."""


def _pack(kind: str, value: Told) -> bytes:
    return json.dumps({'gi3_plug': kind, **dataclasses.asdict(value)}).encode()


def _unpack(datagram: bytes, kind: str, cls: type[Told]) -> Told | None:
    """Return an instance of ``cls``, or ``None`` when the datagram is not one of ours."""
    try:
        content = json.loads(datagram)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or content.pop('gi3_plug', None) != kind:
        return None
    fields = {field.name: field.type for field in dataclasses.fields(cls)}
    if content.keys() != fields.keys():
        return None
    for name, wanted in fields.items():
        value = content[name]
        if isinstance(value, bool) is not (wanted is bool):
            return None
        if wanted is float and not (
            isinstance(value, int | float) and -_ABSURD < value < _ABSURD
        ):
            return None
        if wanted is int and not (isinstance(value, int) and 0 <= value <= _ALL_OUTPUTS):
            return None
        # The circuit divides by resistances.
        if name.endswith('_ohm') and value < _LEAST_OHM:
            return None
    return cls(**content)


class _Aged(Generic[Told]):
    """The last good value of the other end, for as long as it is believable."""

    def __init__(self) -> None:
        self._value: Told | None = None
        self._heard_s = -math.inf

    def put(self, value: Told, now_s: float) -> None:
        self._value = value
        self._heard_s = now_s

    def get(self, now_s: float) -> Told | None:
        return self._value if now_s - self._heard_s < MAX_AGE_S else None


class VehicleEnd:
    """
    The vehicle's end of the plug link.

    :param port: UDP port of the circuit's end on this machine
    :raises PlugError: when no socket can be had
    """

    def __init__(self, port: int = DEFAULT_PORT) -> None:
        self._reading = _Aged[InletReading]()
        self.was_heard = False
        try:
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
            self._socket.connect((HOST, port))
        except (OSError, OverflowError) as error:
            raise PlugError(f'cannot use UDP port {port} for the plug link: {error}') from error

    def send(self, inlet: Inlet) -> None:
        """Tell the other end what hangs at the inlet; silently lost when nobody is there."""
        try:
            self._socket.send(_pack('inlet', inlet))
        except (BlockingIOError, ConnectionRefusedError):
            return

    def reading(self, *, now_s: float) -> InletReading | None:
        """Return the newest :class:`InletReading`, or ``None`` while the other end is silent."""
        for _ in range(_DATAGRAMS_PER_POLL):
            try:
                datagram = self._socket.recv(_DATAGRAM_BYTES)
            except BlockingIOError:
                break
            except ConnectionRefusedError:
                # An earlier datagram found no listener; what is queued behind it still counts.
                continue
            reading = _unpack(datagram, 'reading', InletReading)
            if reading is not None:
                self._reading.put(reading, now_s)
                self.was_heard = True
        return self._reading.get(now_s)

    def close(self) -> None:
        """Let the port go."""
        self._socket.close()


class CircuitEnd:
    """
    The end of the plug link that owns the circuit.

    :param port: UDP port to listen on, loopback only
    :raises PlugError: when the port is taken
    """

    def __init__(self, port: int = DEFAULT_PORT) -> None:
        self._inlet = _Aged[Inlet]()
        self._peer: tuple[str, int] | None = None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        try:
            self._socket.bind((HOST, port))
        except (OSError, OverflowError) as error:
            self._socket.close()
            raise PlugError(
                f'UDP port {port} on {HOST} is not free for the plug link ({error}): '
                'another power modules simulation is running, or choose another port'
            ) from error
        self.port: int = self._socket.getsockname()[1]

    def poll(self, reading: InletReading, *, now_s: float) -> Inlet:
        """
        Take what the vehicle said, answer it with ``reading``.

        :returns: the newest :class:`Inlet`; the unplugged one while no vehicle is heard
        """
        for _ in range(_DATAGRAMS_PER_POLL):
            try:
                datagram, sender = self._socket.recvfrom(_DATAGRAM_BYTES)
            except BlockingIOError:
                break
            except ConnectionRefusedError:
                continue
            inlet = _unpack(datagram, 'inlet', Inlet)
            if inlet is None:
                continue
            if sender != self._peer and self._inlet.get(now_s) is not None:
                # One pistol, one vehicle: a second one waits until the first has fallen silent.
                continue
            self._peer = sender
            self._inlet.put(inlet, now_s)
            try:
                self._socket.sendto(_pack('reading', reading), sender)
            except (BlockingIOError, ConnectionRefusedError):
                continue
        return self._inlet.get(now_s) or UNPLUGGED

    def close(self) -> None:
        """Let the port go."""
        self._socket.close()


class DirectPlug:
    """Both ends in one process: what :class:`VehicleEnd` and :class:`CircuitEnd` do, unaged."""

    def __init__(self) -> None:
        self.was_heard = False
        self._inlet = UNPLUGGED
        self._reading: InletReading | None = None

    def send(self, inlet: Inlet) -> None:
        """Tell the circuit what hangs at the inlet."""
        self._inlet = inlet

    def reading(self, *, now_s: float) -> InletReading | None:
        """Return what the circuit said last, or ``None`` before it said anything."""
        return self._reading

    def poll(self, reading: InletReading, *, now_s: float) -> Inlet:
        """Give the vehicle its reading, take what hangs at the inlet."""
        self._reading = reading
        self.was_heard = True
        return self._inlet

    def close(self) -> None:
        """Nothing is held."""
