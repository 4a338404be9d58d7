# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the rules find in the charger: :class:`Judgement` feeds them and keeps what they say."""

import dataclasses

from ..core.interface.codec import decode, Received, Rejected, Rejection
from ..core.interface.frame import Frame
from ..core.interface.layout import CUSTOMER
from ..core.rules.findings import Finding
from ..core.rules.rulebook import Rulebook
from ..core.rules.tolerances import Tolerances
from .config import ControllerConfig
from .events import Kind, Story


def tolerances_for(config: ControllerConfig) -> Tolerances:
    """Return the tolerances of the rules that follow from a controller's configuration."""
    return Tolerances(discharge_from_v=config.limits.min_charger_discharge_voltage)


class Judgement:
    """
    The rules for the charger of one pistol, with all frames of both ends.

    :param index: of the pistol on the bus
    :param story: gets an event for everything that is found
    """

    def __init__(self, index: int, tolerances: Tolerances, story: Story) -> None:
        self.findings: list[Finding] = []
        """Breaches of the charger."""
        self.observations: list[Finding] = []
        """What else was found: nobody's breach."""
        self._index = index
        self.rules = Rulebook(tolerances, ends=(CUSTOMER,))
        self._story = story
        self._rejections: set[str] = set()
        self._is_paused = False

    def receive(self, received: Received, *, now_s: float) -> None:
        """Judge a message of either end."""
        self._keep(self.rules.receive(
            received.message, now_s=now_s,
            undefined=received.undefined, unassigned_bits=received.unassigned_bits,
        ))

    def hear_own(self, frame: Frame, *, now_s: float) -> None:
        """Let the rules know what the charger has heard."""
        received = decode(frame)
        if not isinstance(received, Received) or received.index != self._index:
            return
        if received.undefined and received.message.NAME == 'Advantics_Controller_Status':
            # Whatever state it reports, the controller lives (R1).
            received = dataclasses.replace(received, undefined=())
        if received.message.FROM_CONTROLLER:
            self.receive(received, now_s=now_s)

    def reject(self, rejected: Rejected, *, now_s: float) -> None:
        """Name a malformed frame once per kind; foreign and newer ones are nobody's fault."""
        message_class = rejected.message_class
        if rejected.kind is not Rejection.SHORT or message_class is None:
            return
        if rejected.index == self._index and not message_class.FROM_CONTROLLER:
            self._keep(self.rules.reject(message_class, rejected.text, now_s=now_s))
        elif rejected.text not in self._rejections:
            self._rejections.add(rejected.text)
            self._story.say(Kind.BUS, f'frame ignored: {rejected.text}', now_s=now_s)

    def tick(self, *, now_s: float) -> None:
        """Look for what did not come in time."""
        self._keep(self.rules.tick(now_s=now_s))

    def follow_bus(self, is_off: bool, *, now_s: float) -> None:
        """Blame the charger for nothing that went unheard."""
        if is_off is self._is_paused:
            return
        self._is_paused = is_off
        self._story.say(Kind.BUS, 'off' if is_off else 'back', now_s=now_s)
        if is_off:
            self.rules.pause()
        else:
            self.rules.resume(now_s)

    @property
    def broken_rules(self) -> list[str]:
        """The rules that the charger broke, sorted."""
        return sorted({finding.rule for finding in self.findings})

    @property
    def words(self) -> str:
        """How the charger did, in a few words."""
        words = 'no rule broken by the charger'
        if self.findings:
            many = 'es' if len(self.findings) > 1 else ''
            words = (f'{len(self.findings)} breach{many} of {", ".join(self.broken_rules)} '
                     'by the charger')
        if self.observations:
            many = 's' if len(self.observations) > 1 else ''
            words += f', {len(self.observations)} observation{many}'
        return words

    def _keep(self, findings: list[Finding]) -> None:
        for finding in findings:
            kept, kind = (
                (self.observations, Kind.OBSERVATION) if finding.is_observation
                else (self.findings, Kind.FINDING))
            kept.append(finding)
            self._story.say(
                kind, f'{finding.rule}: {finding.text}',
                now_s=finding.time_s, **finding.values,
            )
