# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What a rule is: one object that looks at what happens, and says when somebody breaks it.

:class:`Rule` is what all have in common. Its methods with an empty body are the occasions on which
a rule may look: a rule has those that it needs, and no others are called. The facts have taken
what happens before a rule looks.
"""

import math
from typing import ClassVar

from ..interface.layout import Message
from ..interface.signals import (
    ChargeSessionFinished,
    DcPowerControl,
    DcPowerParameters,
    NewChargeSession,
    PowerModulesStatus,
    SequenceControl,
)
from ..lasting import Lasting
from .facts import Facts
from .findings import Finding, Findings
from .output import InForce, Output
from .tolerances import Tolerances

OVER_S = 2.0
"""What was good for so long is mended, and found again when it breaks again."""


class Rule:
    """
    Hold one end to one rule, or to a few that are one thing to look at.

    A breach that lasts is one finding; it can be found again after it has been mended.

    :param facts: what is known of the pistol
    :param limits: how far a good one may be off
    :param findings: takes what is found; all rules of one end share it
    """

    who: ClassVar[str]
    """The end that it binds."""
    number: ClassVar[str] = ''
    """In docs/reference/interface.md: ``'R21'``, or of a section of it, ``'1.4'``."""
    sentence: ClassVar[str] = ''
    """What has to hold, for docs/reference/rules.md; empty of one that only observes."""
    observation: ClassVar[str] = ''
    """What is odd, and breaks nothing."""
    sentences: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Number and sentence of each, where several are one thing to look at."""
    tolerances: ClassVar[tuple[str, ...]] = ()
    """Fields of :class:`~.tolerances.Tolerances` that it allows for."""
    is_of_session: ClassVar[bool] = False
    """
    Whether it is made anew with each session, so that nothing is left over for the next.

    What binds the charger with :class:`~.output.Output`, what binds the controller with
    :class:`~.session.Commands`.
    """
    during: ClassVar[frozenset[InForce] | None] = None
    """What has to be in force for :meth:`on_modules_status`; ``None``: whatever is."""

    @classmethod
    def clauses(cls) -> tuple[tuple[str, str], ...]:
        """Return what has to hold: number and sentence of each."""
        return cls.sentences or (((cls.number, cls.sentence),) if cls.sentence else ())

    def __init__(self, facts: Facts, limits: Tolerances, findings: Findings) -> None:
        self.facts = facts
        self.limits = limits
        self.lasting = Lasting()
        self._findings = findings
        self.broken: dict[str, float] = {}
        """What is broken at present, and when it was last; empty: there is nothing to mend."""

    # Occasions: frames of this end, whatever is in them

    def on_odd_frame(
            self, message: Message, undefined: tuple[str, ...], unassigned_bits: int,
            now_s: float) -> None:
        """
        Look at a frame that is not sound, or the first that is sound again.

        :param undefined: as in ``codec.Received``, without the labels of newer versions
        :param unassigned_bits: the same without the bits of newer versions
        """

    def on_short_frame(self, message_class: type[Message], text: str, now_s: float) -> None:
        """Look at a frame with fewer bytes than its message has (1.4.2)."""

    def on_arrival(self, now_s: float) -> None:
        """Look when the status of this end comes."""

    # Occasions: the controller

    def on_life(self, now_s: float) -> None:
        """Look at ``facts.heard.missing_s``: a status has come, or a tick."""

    def on_interruption(self) -> None:
        """Take it that the controller is silent, and something of it was missed (R1)."""

    def on_controller_status(self, state: int, now_s: float) -> None:
        """Look at the state, which comes every 100 ms; see ``facts.has_entered``."""

    def on_new_state(self, state: int, now_s: float) -> None:
        """Look at a state that is another one than ``facts.state_before``."""

    def on_moment(self, now_s: float) -> None:
        """Look at what is in force: with every state, and when a session begins in one."""

    def on_session(self, announcement: NewChargeSession, now_s: float) -> None:
        """Look at the New_Charge_Session with which a session begins."""

    def on_announcement(self, now_s: float) -> None:
        """Look at one that repeats in a session."""

    def on_command(self, command: DcPowerControl, now_s: float) -> None:
        """Look at a DC_Power_Control, those that repeat the one before included."""

    def on_new_command(self, command: DcPowerControl, now_s: float) -> None:
        """Look at a DC_Power_Control that is another one than the one before."""

    def on_emergency(self, now_s: float) -> None:
        """Look at an Emergency_Stop."""

    def on_finished(self, message: ChargeSessionFinished, now_s: float) -> None:
        """Look at a Charge_Session_Finished of a session."""

    # Occasions: the charger

    def on_modules_status(self, status: PowerModulesStatus, now_s: float) -> None:
        """Look at a Power_Modules_Status, as long as something of :attr:`during` is in force."""

    def on_parameters(self, parameters: DcPowerParameters, now_s: float) -> None:
        """Look at a DC_Power_Parameters."""

    def on_flags(self, flags: SequenceControl, now_s: float) -> None:
        """Look at a Sequence_Control."""

    # Occasions: what follows from it

    def on_output(self, before: Output) -> None:
        """Take it that a session begins at the output, after another one."""

    def on_function(self, function: int, before: int | None) -> None:
        """Take it that another command is in force than before, and not just another set-point."""

    def on_resume(self, now_s: float) -> None:
        """Count times from now on: until now nobody has heard the other."""

    # Occasions: time

    def on_tick(self, now_s: float) -> None:
        """Look for what should have come by now, whoever is silent."""

    def on_tick_alive(self, now_s: float) -> None:
        """Look for what should have come by now, as long as the controller lives."""

    # What a rule says

    def breaks(self, is_broken: object, now_s: float | None = None, *, key: str = '') -> bool:
        """
        Tell whether this has just been broken; what stays broken was found.

        :param now_s: where a breach comes and goes: it is over after :data:`OVER_S` without it
        :param key: where there are several breaches to one rule
        """
        if not is_broken:
            if self.broken:
                last_s = self.broken.get(key)
                if last_s is not None and (now_s is None or now_s - last_s > OVER_S):
                    del self.broken[key]
            return False
        was_broken = key in self.broken
        self.broken[key] = -math.inf if now_s is None else now_s
        return not was_broken

    def mend(self, key: str = '') -> None:
        """Take it that this is not broken any more: the next time is a new breach."""
        self.broken.pop(key, None)

    def finding(
            self, now_s: float, text: str, number: str = '', /, **values: float) -> Finding:
        """
        Make a finding: a sentence, and the values that belong to it.

        :param number: where the rule has several
        """
        return Finding(now_s, number or self.number, text, values, self.who)

    def add(self, finding: Finding) -> None:
        """Add a finding that was made before."""
        self._findings.new.append(finding)

    def find(self, now_s: float, text: str, number: str = '', /, **values: float) -> None:
        """Make a finding and add it."""
        self.add(Finding(now_s, number or self.number, text, values, self.who))

    def observe(self, now_s: float, text: str, **values: float) -> None:
        """Add an observation: worth a look, and nobody's breach."""
        self.add(Finding(now_s, self.number, text, values, self.who, is_observation=True))

    def hold(self, now_s: float, text: str, **values: float) -> None:
        """Add a finding in a moment, if :meth:`drop` does not come: frames may have crossed."""
        self._findings.held.setdefault(
            self, Finding(now_s, self.number, text, values, self.who))

    def drop(self) -> None:
        """Take it that what is held was none."""
        self._findings.held.pop(self, None)
