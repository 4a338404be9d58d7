# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How often what was on the bus, where it paused, and what was wrong with single frames."""

import heapq
import math
import typing

from ...core.interface import codec
from ...core.interface.frame import Frame
from ...core.interface.layout import Message

AT_MOST = 12
"""Gaps that are listed, of one message; the longest."""
EXAMPLES = 20
"""Bad frames that are listed, of one pistol; the first."""
LATE = 2.5
"""Times the nominal period: a gap."""
PAUSE = 10
"""Times the nominal period: not a late one, but one that was not sent for a while."""
PACED_S = 1.0
"""A vehicle may set the pace of DC_Power_Control (R26); longer than this it is worth a line."""
BIT_RATE = 500_000

ALWAYS = frozenset({
    'Advantics_Controller_Status', 'ADM_CO_CUI1_Inputs', 'ADM_CS_SECC_Inputs',
    'ADM_CS_SECC_Outputs'})
"""Repeated at any time .."""
IN_SESSION = frozenset({'Power_Modules_Status', 'DC_Power_Control'})
""".. and only while a session is open; other messages pause whenever they have nothing to say."""


class Pause(typing.NamedTuple):
    """A time in which a message did not come."""

    length_s: float
    begin_s: float


class MessageRate:
    """Of one message of one pistol."""

    def __init__(self, message_class: type[Message]) -> None:
        self.name = message_class.NAME
        self.period_s = message_class.PERIOD_S
        self.from_controller = message_class.FROM_CONTROLLER
        self.count = 0
        self._last_s: float | None = None
        self.longest_s = 0.0
        """The longest gap .."""
        self.longest_at_s: float | None = None
        """.. and when it began."""
        self.late = 0
        """How many gaps there are."""
        self.tolerance_s = _tolerance_s(message_class)
        """What is longer is a gap; ``None`` where pauses are normal."""
        self._late_s = math.inf if self.tolerance_s is None else self.tolerance_s
        self._pause_s = PAUSE * (self.period_s or 0.0)
        self._is_always = self.name in ALWAYS
        self._session: object = None
        self._gaps: list[Pause] = []
        self._steps, self._steps_s = 0, 0.0

    def see(self, time_s: float, session: object) -> None:
        """Count one; ``session`` is the open one or ``None``."""
        self.count += 1
        gap_s = 0.0 if self._last_s is None else time_s - self._last_s
        self._last_s = time_s
        before, self._session = self._session, session
        if 0 < gap_s <= self._pause_s:
            self._steps += 1
            self._steps_s += gap_s
        if gap_s <= self.longest_s and gap_s <= self._late_s:
            return
        if not self._is_always and (session is None or session is not before):
            return
        begin_s = time_s - gap_s
        if gap_s > self.longest_s:
            self.longest_s, self.longest_at_s = gap_s, begin_s
        if gap_s > self._late_s:
            self.late += 1
            keep = heapq.heappush if len(self._gaps) < AT_MOST else heapq.heappushpop
            keep(self._gaps, Pause(gap_s, begin_s))

    @property
    def gaps(self) -> list[Pause]:
        """The longest gaps, in order of time."""
        return sorted(self._gaps, key=lambda gap: gap.begin_s)

    @property
    def rate_hz(self) -> float | None:
        """Mean while it is repeated, without pauses; ``None`` for what follows events."""
        return self._steps / self._steps_s if self._steps else None


def _tolerance_s(message_class: type[Message]) -> float | None:
    if message_class.NAME == 'DC_Power_Control':
        return PACED_S
    if message_class.NAME in ALWAYS | IN_SESSION and message_class.PERIOD_S is not None:
        return LATE * message_class.PERIOD_S
    return None


class BadFrame(typing.NamedTuple):
    """A frame that is not as it should be, in words."""

    time_s: float
    words: str


class BadFrames:
    """What was wrong with single frames of one pistol."""

    def __init__(self) -> None:
        self.short = self.undefined = self.unassigned = 0
        self.examples: list[BadFrame] = []

    def see(self, time_s: float, decoded: codec.Received | codec.Rejected) -> None:
        """Take a frame that is not as it should be."""
        if isinstance(decoded, codec.Rejected):
            self.short += 1
            words = decoded.text
        else:
            name = decoded.message.NAME
            parts = []
            if decoded.undefined:
                self.undefined += 1
                parts.append(f'no label for {", ".join(decoded.undefined)}')
            if decoded.unassigned_bits:
                self.unassigned += 1
                parts.append(f'unassigned bits {decoded.unassigned_bits:#x}')
            words = f'{name}: {", ".join(parts)}'
        if len(self.examples) < EXAMPLES:
            self.examples.append(BadFrame(time_s, words))

    @property
    def count(self) -> int:
        """All of them; one frame may have two faults."""
        return self.short + self.undefined + self.unassigned


class BusLoad:
    """
    Share of a channel's time that its frames took, an estimate.

    Stuffed bits are not on record; without them a frame is as short as it can be, so that the
    real load is higher, by a fifth at most.
    """

    def __init__(self) -> None:
        self.frames = self.errors = 0
        self._bits = 0
        """In all seconds before this one."""
        self._second: float | None = None
        self._in_second = 0
        self._most_in_second = 0
        self._busy_s = 0.0
        self._last_s = math.inf

    def see(self, time_s: float, frame: Frame) -> None:
        """Count a frame."""
        self.frames += 1
        if frame.is_error:
            self.errors += 1
        second = time_s // 1
        if second != self._second:
            self._bits += self._in_second
            self._most_in_second = max(self._most_in_second, self._in_second)
            self._second, self._in_second = second, 0
        self._in_second += (67 if frame.is_extended else 47) + 8 * len(frame.data)
        step_s, self._last_s = time_s - self._last_s, time_s
        if 0 < step_s <= 1.0:
            self._busy_s += step_s

    @property
    def mean(self) -> float | None:
        """Of the time in which frames were no more than a second apart, 0..1."""
        bits = self._bits + self._in_second
        return bits / BIT_RATE / self._busy_s if self._busy_s >= 0.1 else None

    @property
    def peak(self) -> float | None:
        """In the busiest second, 0..1."""
        if self._busy_s < 1.0:
            return None
        return max(self._most_in_second, self._in_second) / BIT_RATE
