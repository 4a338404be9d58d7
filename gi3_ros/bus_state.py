# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What a CAN bus is fit for right now, and what to do about it.

Knows no socket and no clock: :class:`~gi3_ros.bus.Bus` tells it what happened, with the time, and
fetches the sentences. Numbers are those of Linux (``linux/can/error.h``, ``linux/if.h``).
"""

import enum
import math

STUCK_AFTER_S = 0.3
"""Not one frame went out for so long: not a queue that was full for a moment."""
STUCK_MAX_AGE_S = 2.0
"""Nobody has tried to send for so long: what the queue is like is not known any more."""
CARRIER_LAG_S = 2.0
"""Linux tells of a carrier that was lost or came back up to a second late."""
BACK_AFTER_S = 1.0
"""So long it has to work before it is called back: a bus may go off and restart ten times a
second."""
ERRORS_OVER_AFTER_S = 10.0
"""The error counters have been low for so long."""
ERRORS_MAX_AGE_S = 60.0
"""Not every driver tells that they are low again."""
OVERFLOW_SAID_EVERY_S = 10.0

IFF_UP = 0x1
IFF_RUNNING = 0x40

BUS_OFF = 0x040
RESTARTED = 0x100
CONTROLLER = 0x004
_RX_OVERFLOW = 0x01
_WARNING = 0x04 | 0x08
_PASSIVE = 0x10 | 0x20
_ACTIVE = 0x40
_CLASSES = {
    0x001: 'transmission timed out',
    0x002: 'arbitration lost',
    0x008: 'protocol violated',
    0x010: 'transceiver',
    0x020: 'nobody acknowledges',
    BUS_OFF: 'bus-off',
    0x080: 'bus error',
    RESTARTED: 'restarted',
}
_CONTROLLER_BITS = {
    _RX_OVERFLOW: 'frames lost in reception', 0x02: 'frames lost in sending',
    _WARNING: 'many errors', _PASSIVE: 'error-passive', _ACTIVE: 'error-active again',
}
_WITHOUT_BITRATE = ('vcan', 'vxcan', 'slcan')


def describe_errors(can_id: int, data: bytes) -> str:
    """Say what a SocketCAN error frame reports."""
    words = [text for bit, text in _CLASSES.items() if can_id & bit]
    if can_id & CONTROLLER and len(data) > 1:
        words += [text for bits, text in _CONTROLLER_BITS.items() if data[1] & bits]
    return ', '.join(words) or f'class {can_id:#x}'


def how_to_bring_up(channel: str) -> str:
    """Return the command that brings a SocketCAN interface up."""
    if channel.startswith(_WITHOUT_BITRATE):
        return f'sudo ip link set {channel} up'
    return f'sudo ip link set {channel} up type can bitrate 500000 restart-ms 100'


class Condition(enum.Enum):
    """Whether frames come and go, and what keeps them."""

    WORKING = 'working'
    DOWN = 'down'
    ABSENT = 'not there'
    BUS_OFF = 'bus-off'
    STUCK = 'stuck'


class Errors(enum.IntEnum):
    """How high the error counters of the CAN controller are."""

    FEW = 0
    WARNING = 1
    PASSIVE = 2


_ERROR_WORDS = {
    Errors.WARNING: 'has many transmission errors',
    Errors.PASSIVE: 'is error-passive: nearly every frame meets an error',
}


class BusState:
    """
    The state of one bus. Each trouble is said once, and once that it is over.

    ``now_s`` is seconds on one monotonic clock.

    :param name: of the bus, for people
    :param channel: its SocketCAN interface, empty for other kinds of bus
    """

    def __init__(self, name: str, channel: str = '') -> None:
        self._name = name
        self._channel = channel
        self.condition = Condition.WORKING
        self.errors = Errors.FEW
        self.trouble = ''
        """What keeps frames from going and coming, with what to do; empty when they do."""
        self.warning = ''
        """What may soon be a trouble."""
        self.fd_frames = 0
        """Frames of CAN FD since the start: none of this interface."""
        self._said = Condition.WORKING
        self._since_s = self._troubled_since_s = -math.inf
        self._refused_since_s = math.inf
        self._refused_s = -math.inf
        self._no_carrier_since_s = math.inf
        self._errors_until_s = -math.inf
        self._overflow_said_s = -math.inf
        self._words: list[str] = []

    def take_words(self) -> list[str]:
        """Return the new sentences and forget them."""
        words, self._words = self._words, []
        return words

    # What happened

    def absent(self, *, now_s: float) -> None:
        """Take that the interface has not been there yet."""
        self._go(
            Condition.ABSENT, f'waits: there is no interface {self._channel}. Is the adapter '
            'plugged in and its driver loaded? "ip -brief link show type can" lists the CAN '
            'interfaces of this machine', now_s)

    def lost(self, why: str, *, now_s: float) -> None:
        """Take that the interface was removed, or has failed; ``why`` in words."""
        advice = 'it is opened again as soon as it can be'
        if self._channel:
            advice = (f'is the adapter plugged in? It is opened again as soon as '
                      f'{self._channel} is there')
        self._go(Condition.ABSENT, f'lost: {why}; {advice}', now_s)

    def opened(self, *, now_s: float) -> None:
        """Take that the interface was opened again."""
        self._no_carrier_since_s = math.inf
        self._go(Condition.WORKING, '', now_s)

    def went_down(self, *, now_s: float) -> None:
        """Take that the interface is there, and down."""
        self._go(
            Condition.DOWN, f'is down: is it up? {how_to_bring_up(self._channel)}; it goes on by '
            'itself then', now_s)

    def sent(self, *, now_s: float) -> None:
        """Take that the interface took a frame of ours."""
        self._refused_since_s = math.inf
        self._go(Condition.WORKING, '', now_s)

    def refused(self, *, now_s: float) -> None:
        """Take that it did not although it is up: its queue is full."""
        self._refused_s = now_s
        self._refused_since_s = min(self._refused_since_s, now_s)
        if self.condition is Condition.WORKING and (
                now_s - self._refused_since_s >= STUCK_AFTER_S):
            self._go(
                Condition.STUCK, 'takes no frames any more: nobody acknowledges those that wait, '
                'or others leave no room on the bus: is the other end on and connected, with the '
                'same bitrate?', now_s)

    def heard(self, *, now_s: float) -> None:
        """Take that a frame came: who hears is neither down nor off."""
        if self.condition in (Condition.DOWN, Condition.BUS_OFF):
            self._no_carrier_since_s = math.inf
            self._go(Condition.WORKING, '', now_s)

    def heard_fd(self, *, now_s: float) -> None:
        """Take that a frame of CAN FD came, which is none of this interface."""
        self.fd_frames += 1
        if self.fd_frames == 1:
            self._say(
                'has frames of CAN FD: they are ignored. The Generic Interface is classic CAN; '
                'set the other end to classic CAN')
        self.heard(now_s=now_s)

    def error_frame(self, can_id: int, data: bytes, *, now_s: float) -> None:
        """Take an error frame of SocketCAN."""
        if can_id & RESTARTED:
            self._no_carrier_since_s = math.inf
            if self.condition is Condition.BUS_OFF:
                self._go(Condition.WORKING, '', now_s)
        if can_id & BUS_OFF:
            self._go_off('is bus-off', now_s)
        if can_id & CONTROLLER and len(data) > 1:
            self._count_errors(data[1], now_s)

    def looked(self, flags: int | None, *, now_s: float) -> None:
        """
        Take the flags of the interface as they are now; other kinds of bus have none.

        :param flags: ``IFF_UP`` and the others, ``None`` where they are not known
        """
        if flags is not None and self.condition is not Condition.ABSENT:
            self._see_flags(flags, now_s)
        if self.condition is Condition.STUCK and now_s - self._refused_s > STUCK_MAX_AGE_S:
            self._go(Condition.WORKING, '', now_s)
        if self.errors and now_s >= self._errors_until_s:
            self.errors, self.warning = Errors.FEW, ''
            self._say('has few errors again')
        if (self.condition is Condition.WORKING and self._said is not Condition.WORKING
                and now_s - self._since_s >= BACK_AFTER_S):
            self._said, self.trouble = Condition.WORKING, ''
            self._say(f'is back; it was gone for {self._since_s - self._troubled_since_s:.2f} s')

    # What follows

    def _see_flags(self, flags: int, now_s: float) -> None:
        if not flags & IFF_UP:
            self.went_down(now_s=now_s)
        elif flags & IFF_RUNNING:
            self._no_carrier_since_s = math.inf
            is_old = now_s - self._since_s >= CARRIER_LAG_S
            if self.condition is Condition.DOWN or (
                    self.condition is Condition.BUS_OFF and is_old):
                self._go(Condition.WORKING, '', now_s)
        else:
            self._no_carrier_since_s = min(self._no_carrier_since_s, now_s)
            if now_s - self._no_carrier_since_s >= CARRIER_LAG_S:
                self._go_off('has no carrier, it is bus-off or not started', now_s)

    def _go_off(self, what: str, now_s: float) -> None:
        self._go(
            Condition.BUS_OFF, f'{what}, nothing is sent: check wires, termination and bitrate. '
            'Linux restarts it only with restart-ms (docs/how-to/can_interface.md); by hand: '
            f'sudo ip link set {self._channel} type can restart', now_s)

    def _count_errors(self, bits: int, now_s: float) -> None:
        if bits & _RX_OVERFLOW and now_s - self._overflow_said_s >= OVERFLOW_SAID_EVERY_S:
            self._overflow_said_s = now_s
            self._say(
                'has lost frames: its receive buffer ran over; is this machine too busy, or is '
                'there more on the bus than it can take?')
        level = Errors.PASSIVE if bits & _PASSIVE else (
            Errors.WARNING if bits & _WARNING else Errors.FEW)
        if level:
            self._errors_until_s = now_s + ERRORS_MAX_AGE_S
            if level > self.errors:
                self.errors = level
                self.warning = self._say(
                    f'{_ERROR_WORDS[level]}: check that the other end is on, the bitrate, the '
                    'termination (120 ohm at both ends) and the wires; bus-off may follow')
        elif bits & _ACTIVE:
            self._errors_until_s = min(self._errors_until_s, now_s + ERRORS_OVER_AFTER_S)

    def _go(self, condition: Condition, words: str, now_s: float) -> None:
        if condition is self.condition:
            return
        self.condition, self._since_s = condition, now_s
        if condition is Condition.WORKING or condition is self._said:
            return
        if self._said is Condition.WORKING:
            self._troubled_since_s = now_s
        self._said = condition
        self.trouble = self._say(words)

    def _say(self, words: str) -> str:
        sentence = f'CAN bus {self._name} {words}'
        self._words.append(sentence)
        return sentence
