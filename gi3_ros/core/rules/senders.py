# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Two senders with one pistol index, told by what is on the bus.

Who repeats a message every 100 ms does not contradict itself within that time. Two of them do, as
long as they are not in the same situation: what comes is not what came just now, but once more
what came before that.
"""

import abc
import collections
import math
from typing import ClassVar, Generic, TypeVar

from ..interface.layout import CONTROLLER, CUSTOMER, Message
from ..interface.signals import AdvanticsControllerStatus, PowerModulesStatus
from .findings import Finding

M = TypeVar('M', bound=Message)

WITHIN_S = 0.15
"""Three of one sender take 0.2 s, nominally."""
CONTRADICTIONS = 8
"""Within :data:`WINDOW_S`; one may be the old value, repeated late."""
WINDOW_S = 1.0
RATE_OF = 10
"""So many frames give the rate that is told."""
GONE_S = 2.0
"""After so long without a contradiction there is one sender again .."""
GONE_HZ = 14.0
""".. if it does not come more often; two of a mind do."""
APART_V, APART_A = 20.0, 10.0
"""Readings have to be so far apart to contradict each other."""


class Senders(abc.ABC, Generic[M]):
    """Watches one message that is repeated every 100 ms."""

    who: ClassVar[str]
    number: ClassVar[str] = '1.4'
    sentence: ClassVar[str]

    def __init__(self) -> None:
        self._last: collections.deque[tuple[float, M]] = collections.deque(maxlen=RATE_OF)
        """``(time, message)``, the newest first."""
        self._contradictions_s: collections.deque[float] = collections.deque()
        self._other_s = -math.inf
        """When the last one was another than the one before it."""
        self.are_two = False

    @abc.abstractmethod
    def is_other(self, one: M, other: M) -> bool:
        """Tell whether one sender would not say both within a moment."""

    @abc.abstractmethod
    def words(self, message: M) -> str:
        """Say what a message says."""

    def is_suspected(self, now_s: float) -> bool:
        """Tell whether there may be two: what is found now may be the work of both."""
        contradictions_s = self._contradictions_s
        return now_s - self._other_s <= WITHIN_S or (
            bool(contradictions_s) and now_s - contradictions_s[-1] <= WINDOW_S)

    def see(self, message: M, now_s: float) -> Finding | None:
        """Take the next one; return a finding when it shows that two are sending."""
        last, contradictions_s = self._last, self._contradictions_s
        is_other = bool(last) and self.is_other(message, last[0][1])
        last.appendleft((now_s, message))
        if is_other:
            self._other_s = now_s
        if is_other and self._goes_back(message, now_s):
            contradictions_s.append(now_s)
        elif not contradictions_s and not self.are_two:
            return None
        keep_s = GONE_S if self.are_two else WINDOW_S
        while contradictions_s and contradictions_s[0] < now_s - keep_s:
            contradictions_s.popleft()
        were_two, self.are_two = self.are_two, (
            bool(contradictions_s) or self._rate_hz(now_s) > GONE_HZ if self.are_two
            else len(contradictions_s) >= CONTRADICTIONS)
        if were_two or not self.are_two:
            return None
        return self._finding(last[1][1], message, now_s)

    def age(self, now_s: float) -> None:
        """Take it that both are gone when neither is heard any more."""
        if self.are_two and now_s - self._last[0][0] > GONE_S:
            self.are_two = False
            self._contradictions_s.clear()

    def _goes_back(self, message: M, now_s: float) -> bool:
        """Tell whether this is what came just before the last one."""
        return any(
            now_s - time_s <= WITHIN_S and not self.is_other(message, earlier)
            for time_s, earlier in list(self._last)[2:])

    def _rate_hz(self, now_s: float) -> float:
        return (len(self._last) - 1) / max(now_s - self._last[-1][0], WITHIN_S)

    def _finding(self, one: M, other: M, now_s: float) -> Finding:
        rate_hz = self._rate_hz(now_s)
        end = 'controllers' if self.who == CONTROLLER else 'chargers'
        return Finding(
            now_s, self.number,
            f'two {end} with one index: {one.NAME} comes {rate_hz:.0f} times a second, nominal '
            f'10, and contradicts itself: {self.words(one)} and {self.words(other)}, again and '
            'again; nobody is judged meanwhile', {'rate_hz': rate_hz}, self.who)


class Controllers(Senders[AdvanticsControllerStatus]):
    """Watches Advantics_Controller_Status: two are in different states."""

    who = CONTROLLER
    sentence = 'one controller for each index'

    def is_other(self, one: AdvanticsControllerStatus, other: AdvanticsControllerStatus) -> bool:
        return one.state != other.state

    def words(self, message: AdvanticsControllerStatus) -> str:
        signal, = message.SIGNALS
        return f'State {signal.labels.get(int(message.state), int(message.state))}'


class Chargers(Senders[PowerModulesStatus]):
    """Watches Power_Modules_Status: two have readings far apart."""

    who = CUSTOMER
    sentence = 'one charger for each index'

    def is_other(self, one: PowerModulesStatus, other: PowerModulesStatus) -> bool:
        return (
            abs(one.present_voltage - other.present_voltage) > APART_V
            or abs(one.present_current - other.present_current) > APART_A
            or one.system_enable != other.system_enable)

    def words(self, message: PowerModulesStatus) -> str:
        enable = 'Allowed' if message.system_enable == 1 else 'Not_Allowed'
        return f'{message.present_voltage:.1f} V {message.present_current:.1f} A {enable}'
