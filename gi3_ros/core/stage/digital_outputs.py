# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
The controller's digital outputs, which are commanded over CAN (ADM_CS_SECC_Outputs, R47).

Those that drive a relay of the output stage follow its command; the others are anybody's.
"""

from collections.abc import Sequence
import math

from ..deadlines import ROUNDING_S
from ..hardware import ContactorCommand
from ..interface.signals import AdmCsSeccOutputs
from .output_stage import Installation, StageConfig

COUNT = 4
PERIOD_S = 0.4
"""Often enough for the gateway to see within a second that nobody decides about relays any more;
the interface asks for one second."""


class DigitalOutputs:
    """What stands at the four outputs of one pistol's controller."""

    def __init__(self, config: StageConfig) -> None:
        self._relays = {
            number: command for number, command in (
                (config.main_output, 'output_closed'),
                (config.precharge_output, 'precharge_closed'),
            ) if number}
        self._reserved = {
            number: f'it drives a relay of the output stage ({command})'
            for number, command in self._relays.items()}
        if config.kind is Installation.CONTROLLER_V2G:
            self._reserved[1] = "it drives the controller's own precharge relay (R47)"
        self._levels = dict.fromkeys(range(1, COUNT + 1), False)
        self._is_in_use = bool(self._relays)
        self._are_relays_known = not self._relays
        """Before the first command they may be closed under load: nothing is said about them."""
        self._sent: AdmCsSeccOutputs | None = None
        self._sent_s = -math.inf

    def request(self, numbers: Sequence[int], is_high: bool) -> str:
        """
        Set outputs, all of them or none.

        :param numbers: 1..4
        :returns: words that say what stands at the outputs now
        :raises ValueError: with the reason of the refusal
        """
        if not numbers:
            raise ValueError('no output is named: outputs are 1 to 4')
        for number in numbers:
            if number not in self._levels:
                raise ValueError(f'there is no output {number}: they are 1 to {COUNT}')
            if number in self._reserved:
                raise ValueError(f'output {number} is not available: {self._reserved[number]}')
        self._levels |= dict.fromkeys(numbers, bool(is_high))
        self._is_in_use = True
        return ', '.join(
            f'{number} {"high" if level else "low"}' for number, level in self._levels.items())

    def follow(self, command: ContactorCommand) -> None:
        """Take a command of the output stage."""
        self._are_relays_known = True
        for number, name in self._relays.items():
            self._levels[number] = getattr(command, name)

    @property
    def due_s(self) -> float:
        """When the levels are to be said again; infinite where no output is in use."""
        is_told = self._is_in_use and self._are_relays_known
        return self._sent_s + PERIOD_S + ROUNDING_S if is_told else math.inf

    def due(self, *, now_s: float) -> AdmCsSeccOutputs | None:
        """Return the message to send now, or ``None``; never one before an output is used."""
        message = AdmCsSeccOutputs(**{
            f'digital_output{number}': level for number, level in self._levels.items()})
        is_repeated = message == self._sent and now_s - self._sent_s < PERIOD_S
        if is_repeated or not (self._is_in_use and self._are_relays_known):
            return None
        self._sent, self._sent_s = message, now_s
        return message

    def last_word(self) -> AdmCsSeccOutputs | None:
        """
        Return all low, to be sent as the last message, or ``None``.

        While a relay of the stage is closed current may flow: then the gateway opens it, a second
        after the last message, when power_control has taken the current away.
        """
        is_closed = any(self._levels[number] for number in self._relays)
        if is_closed or not (self._is_in_use and self._are_relays_known):
            return None
        return AdmCsSeccOutputs()
