# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
The rules of the interface, held against what both ends of one pistol really send.

:class:`Judge` is the one judge for all who ask: the gateway while it happens, ``gi3 audit`` and
``gi3 report`` afterwards. The rules are in :mod:`.registry`; here is what has to be known before
anybody is blamed: that both ends fell silent at once, or that two senders have one index.
"""

import math

from ..interface.codec import Received, Rejected, Rejection
from ..interface.layout import Message
from ..interface.signals import AdvanticsControllerStatus, PowerModulesStatus
from .facts import INFORMATION
from .findings import Finding, NOBODY
from .rulebook import Rulebook
from .senders import Chargers, Controllers
from .tolerances import Tolerances

TICK_S = 0.1
"""How often :meth:`Judge.tick` should be called, at least."""
TOGETHER_S = 0.12
"""Both ends send every 100 ms: when neither is heard for longer, it was not one of them .."""
HOLE_S = 0.2
""".. but the clock, or the recorder, and frames may be missing."""
SPEAKING_S = 0.25
"""Who has sent no longer ago repeats its message."""
TOLD_S = 1.0
"""A silence of both that lasts is told before it ends."""
SILENCE = 'R1', 'neither end is heard, and both were sending until then'
"""The one observation that is nobody's: number, and what is odd."""
_REPEATED = (AdvanticsControllerStatus, PowerModulesStatus)


class Judge:
    """
    Judge both ends of one pistol.

    Each breach is named once while it lasts, as a :class:`~.findings.Finding` with the end that
    broke the rule. ``now_s`` is seconds on one clock; frames may arrive a little out of order.

    :param tolerances: how far a good one may be off
    """

    def __init__(self, tolerances: Tolerances | None = None) -> None:
        self._tolerances = tolerances
        self._rulebook = Rulebook(tolerances)
        self._controllers, self._chargers = Controllers(), Chargers()
        self._are_two = False
        """Whether two have sent with one index up to now."""
        self._held: list[Finding] = []
        """What may be the work of two senders."""
        self._heard_s = math.inf
        """When any frame of this pistol came last."""
        self._is_silence_told = False

    @property
    def is_in_session(self) -> bool:
        """
        Whether both ends have to send every 100 ms: from the announcement to the end (R2).

        Where a log begins in mid-session the state tells.
        """
        facts = self._rulebook.facts
        return facts.power is not None or facts.is_controller_awake

    def receive(self, received: Received, *, now_s: float) -> list[Finding]:
        """Take a frame of this pistol that gave a message; return the new findings."""
        silent_s, self._heard_s = now_s - self._heard_s, now_s
        told = self._end_silence(silent_s, now_s) if silent_s > TOGETHER_S else []
        message, undefined, bits = (
            received.message, received.undefined, received.unassigned_bits)
        message_class = type(message)
        if message_class in INFORMATION:
            # Half of the traffic is what the vehicle tells again and again.
            if self._rulebook.knows(message, undefined, bits):
                return told
        elif message_class in _REPEATED and not undefined:
            told += self._see_senders(message, now_s)
        if self._are_two:
            return told
        new = self._rulebook.receive(
            message, now_s=now_s, undefined=undefined, unassigned_bits=bits)
        if new or self._held:
            told += self._sifted(new, now_s)
        return told

    def reject(self, rejected: Rejected, *, now_s: float) -> list[Finding]:
        """Take a frame that gave none; only one that is too short is somebody's fault (1.4)."""
        message_class = rejected.message_class
        if rejected.kind is not Rejection.SHORT or message_class is None:
            return []
        silent_s, self._heard_s = now_s - self._heard_s, now_s
        told = self._end_silence(silent_s, now_s) if silent_s > TOGETHER_S else []
        if self._are_two:
            return told
        new = self._rulebook.reject(message_class, rejected.text, now_s=now_s)
        return told + self._sifted(new, now_s)

    def tick(self, *, now_s: float) -> list[Finding]:
        """Look for what should have come by now; return the new findings."""
        if self._are_two:
            self._controllers.age(now_s)
            self._chargers.age(now_s)
            self._look_for_two(now_s)
            return []
        silent_s = now_s - self._heard_s
        if silent_s > TOGETHER_S and self._were_both_speaking():
            if silent_s < TOLD_S or self._is_silence_told:
                return []
            self._is_silence_told = True
            return [self._silence(silent_s, now_s)]
        return self._sifted(self._rulebook.tick(now_s=now_s), now_s)

    def conclude(self) -> list[Finding]:
        """Return what was held back, when nothing more comes."""
        held, self._held = self._held, []
        return [] if self._are_two else held

    # Both silent at once

    def _were_both_speaking(self) -> bool:
        """Tell whether both ends were repeating their status up to the last frame."""
        facts, since_s = self._rulebook.facts, self._heard_s - SPEAKING_S
        return facts.heard.charger_at_s >= since_s and (
            facts.heard.controller_at_s is not None and facts.heard.controller_at_s >= since_s)

    def _end_silence(self, silent_s: float, now_s: float) -> list[Finding]:
        """
        Take it that somebody is heard again after a while without any frame of this pistol.

        Two that fall silent in the same moment did not do so themselves: it was the recorder, or
        a clock that was set. What was sent meanwhile is not known.
        """
        self._heard_s -= silent_s
        were_both = self._were_both_speaking()
        self._heard_s = now_s
        if not were_both:
            return []
        if silent_s <= HOLE_S:
            self._rulebook.facts.pass_over(silent_s - TICK_S)
            return []
        is_told, self._is_silence_told = self._is_silence_told, False
        self._begin_anew(now_s)
        return [] if is_told else [self._silence(silent_s, now_s)]

    def _begin_anew(self, now_s: float) -> None:
        self._rulebook = Rulebook(self._tolerances)
        # It goes on repeating its status, or has died just now.
        self._rulebook.facts.heard.expect_controller(now_s)
        self._held.clear()

    @staticmethod
    def _silence(silent_s: float, now_s: float) -> Finding:
        return Finding(
            now_s, SILENCE[0],
            f'for {silent_s:.2f} s neither end is heard, and both were sending until then: that '
            'is the recorder, its clock, or the supply of both; nobody is blamed, and the rules '
            'begin anew', {'silent_s': silent_s}, NOBODY, is_observation=True)

    # Two senders with one index

    def _see_senders(self, message: Message, now_s: float) -> list[Finding]:
        if isinstance(message, PowerModulesStatus):
            finding = self._chargers.see(message, now_s)
        elif isinstance(message, AdvanticsControllerStatus):
            finding = self._controllers.see(message, now_s)
        else:
            return []
        if self._are_two or self._controllers.are_two or self._chargers.are_two:
            self._look_for_two(now_s)
        return [] if finding is None else [finding]

    def _look_for_two(self, now_s: float) -> None:
        were_two, self._are_two = self._are_two, (
            self._controllers.are_two or self._chargers.are_two)
        if self._are_two:
            self._held.clear()
        elif were_two:
            self._begin_anew(now_s)

    def _sifted(self, new: list[Finding], now_s: float) -> list[Finding]:
        """Hold what is found back as long as it may be the work of two senders."""
        if not new and not self._held:
            return new
        if self._controllers.is_suspected(now_s) or self._chargers.is_suspected(now_s):
            self._held += new
            return []
        if self._held:
            new, self._held = self._held + new, []
        return new
