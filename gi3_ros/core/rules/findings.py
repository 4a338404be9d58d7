# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is found wrong with one end of the bus."""

from collections.abc import Mapping
import dataclasses

from ..interface.layout import CUSTOMER

NOBODY = 'nobody'
CROSSED_S = 0.1
"""Two frames that were sent one after the other may be logged the other way round."""


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One breach of a rule, or an observation: something odd that no rule forbids."""

    time_s: float
    rule: str
    """Number in docs/reference/interface.md: ``'R21'``, or of a section of it, ``'1.4'``."""
    text: str
    values: Mapping[str, float]
    who: str = CUSTOMER
    """The end that broke it, or that it is about: :data:`CUSTOMER`, :data:`CONTROLLER`, or of an
    observation :data:`NOBODY`."""
    is_observation: bool = False
    """Whether no source bounds it: worth a look, and nobody's breach. The rule is then the one
    that it has to do with."""


class Findings:
    """
    What the rules of one end have found.

    :param new: list that takes what is found; both ends share it
    """

    def __init__(self, new: list[Finding]) -> None:
        self.new = new
        self.held: dict[object, Finding] = {}
        """By the rule that found it: it may turn out to be none in a moment."""

    def release(self, now_s: float) -> None:
        """Add what was held for long enough: frames that have crossed are here by now."""
        for rule, finding in list(self.held.items()):
            if now_s - finding.time_s >= CROSSED_S:
                del self.held[rule]
                self.new.append(finding)
