"""
The rules of the interface, held against what both ends of one pistol really send.

:class:`Rules` is the one judge for all who ask: the gateway while it happens, ``gi3 audit`` and
``gi3 report`` afterwards. What binds the charger is in :mod:`.customer_rules` and
:mod:`.power_rules`, what binds the controller in :mod:`.controller_rules` and
:mod:`.command_rules`; docs/reference/rules.md has a row for each rule.
"""

import math

from ..interface.codec import Rejection
from ..interface.signals import AdvanticsControllerStatus, PowerModulesStatus
from .controller_rules import ControllerRules, INFORMATION
from .customer_rules import CustomerRules
from .findings import Finding, NOBODY
from .senders import Senders

TICK_S = 0.1
"""How often :meth:`Rules.tick` should be called, at least."""
TOGETHER_S = 0.12
"""Both ends send every 100 ms: when neither is heard for longer, it was not one of them .."""
HOLE_S = 0.2
""".. but the clock, or the recorder, and frames may be missing."""
SPEAKING_S = 0.25
"""Who has sent no longer ago repeats its message."""
TOLD_S = 1.0
"""A silence of both that lasts is told before it ends."""


class Rules:
    """
    Judge both ends of one pistol.

    Each breach is named once while it lasts, as a :class:`~.findings.Finding` with the end that
    broke the rule. ``now_s`` is seconds on one clock; frames may arrive a little out of order.

    :param tolerances: :class:`~.findings.Tolerances`
    """

    def __init__(self, tolerances=None):
        self._tolerances = tolerances
        self._ends = (CustomerRules(tolerances), ControllerRules(tolerances))
        self._senders = {
            cls: Senders(cls) for cls in (AdvanticsControllerStatus, PowerModulesStatus)}
        self._are_two = False
        """Whether two have sent with one index up to now."""
        self._held = []
        """What may be the work of two senders."""
        self._heard_s = math.inf
        """When any frame of this pistol came last."""
        self._is_silence_told = False

    @property
    def is_in_session(self):
        """
        Whether both ends have to send every 100 ms: from the announcement to the end (R2).

        Where a log begins in mid-session the state tells.
        """
        customer, controller = self._ends
        return customer.is_in_session or controller.is_in_session

    def receive(self, received, *, now_s):
        """
        Take a frame of this pistol that gave a message.

        :param received: :class:`~gi3_ros.core.interface.codec.Received`
        :returns: list of new findings
        """
        silent_s, self._heard_s = now_s - self._heard_s, now_s
        told = self._end_silence(silent_s, now_s) if silent_s > TOGETHER_S else []
        message, undefined, bits = (
            received.message, received.undefined, received.unassigned_bits)
        customer, controller = self._ends
        # Half of the traffic is what the vehicle tells again and again; it binds no charger.
        is_information = type(message) in INFORMATION
        if is_information:
            if controller.notes(message, undefined, bits):
                return told
        elif type(message) in self._senders and not undefined:
            told += self._see_senders(message, now_s)
            customer, controller = self._ends
        if self._are_two:
            return told
        new = controller.receive(
            message, now_s=now_s, undefined=undefined, unassigned_bits=bits)
        if not is_information:
            new += customer.receive(
                message, now_s=now_s, undefined=undefined, unassigned_bits=bits)
        if new or self._held:
            told += self._sifted(new, now_s)
        return told

    def reject(self, rejected, *, now_s):
        """
        Take a frame that gave none; only one that is too short is somebody's fault (1.4).

        :param rejected: :class:`~gi3_ros.core.interface.codec.Rejected`, of this pistol
        :returns: list of new findings
        """
        if rejected.kind is not Rejection.SHORT:
            return []
        silent_s, self._heard_s = now_s - self._heard_s, now_s
        told = self._end_silence(silent_s, now_s) if silent_s > TOGETHER_S else []
        if self._are_two:
            return told
        customer, controller = self._ends
        message_class, text = rejected.message_class, rejected.text
        new = controller.reject(message_class, text, now_s=now_s)
        if not message_class.FROM_CONTROLLER:
            new += customer.reject(message_class, text, now_s=now_s)
        return told + self._sifted(new, now_s)

    def tick(self, *, now_s):
        """Look for what should have come by now; return the new findings."""
        if self._are_two:
            for each in self._senders.values():
                each.age(now_s)
            self._look_for_two(now_s)
            return []
        silent_s = now_s - self._heard_s
        if silent_s > TOGETHER_S and self._were_both_speaking():
            if silent_s < TOLD_S or self._is_silence_told:
                return []
            self._is_silence_told = True
            return [self._silence(silent_s, now_s)]
        customer, controller = self._ends
        return self._sifted(
            controller.tick(now_s=now_s) + customer.tick(now_s=now_s), now_s)

    def conclude(self) -> list[Finding]:
        """Return what was held back, when nothing more comes."""
        held, self._held = self._held, []
        return [] if self._are_two else held

    # Both silent at once

    def _were_both_speaking(self) -> bool:
        """Tell whether both ends were repeating their status up to the last frame."""
        customer, controller = self._ends
        since_s = self._heard_s - SPEAKING_S
        return customer.heard_at_s >= since_s and controller.heard_at_s >= since_s

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
            for end in self._ends:
                end.pass_over(silent_s - TICK_S)
            return []
        is_told, self._is_silence_told = self._is_silence_told, False
        self._begin_anew(now_s)
        return [] if is_told else [self._silence(silent_s, now_s)]

    def _begin_anew(self, now_s: float) -> None:
        self._ends = (CustomerRules(self._tolerances), ControllerRules(self._tolerances))
        # It goes on repeating its status, or has died just now.
        self._ends[1].expect(now_s)
        self._held.clear()

    @staticmethod
    def _silence(silent_s: float, now_s: float) -> Finding:
        return Finding(
            now_s, 'R1', f'for {silent_s:.2f} s neither end is heard, and both were sending until '
            'then: that is the recorder, its clock, or the supply of both; nobody is blamed, and '
            'the rules begin anew', {'silent_s': silent_s}, NOBODY, is_observation=True)

    # Two senders with one index

    def _see_senders(self, message: object, now_s: float) -> list[Finding]:
        senders = self._senders[type(message)]
        finding = senders.see(message, now_s)
        if senders.are_two or self._are_two:
            self._look_for_two(now_s)
        return [] if finding is None else [finding]

    def _look_for_two(self, now_s: float) -> None:
        were_two, self._are_two = self._are_two, any(
            each.are_two for each in self._senders.values())
        if self._are_two:
            self._held.clear()
        elif were_two:
            self._begin_anew(now_s)

    def _sifted(self, new: list[Finding], now_s: float) -> list[Finding]:
        """Hold what is found back as long as it may be the work of two senders."""
        if not new and not self._held:
            return new
        if any(each.is_suspected(now_s) for each in self._senders.values()):
            self._held += new
            return []
        if self._held:
            new, self._held = self._held + new, []
        return new
