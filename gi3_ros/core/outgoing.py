# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What goes out to the controller of one pistol: fresh, spaced, and never left behind."""

import math
from typing import Protocol

from .hardware import COMMAND_TIMEOUT_S
from .interface.layout import Message
from .interface.signals import AdmCsSeccOutputs, DcPowerParameters, SequenceControl
from .journal import Journal
from .reception import Counters
from .spacing import Spacing
from .timing import MEASUREMENT_MAX_AGE_S

MAX_AGE_S = MEASUREMENT_MAX_AGE_S + 0.1
"""Older messages are not sent: a reading may be this old, the way included."""
SPACED: dict[type[Message], bool] = {DcPowerParameters: False, SequenceControl: True}
"""
What goes out no faster than :data:`~.spacing.SPACING_S`, and whether each change of it does.

Not Power_Modules_Status: a withdrawal of System_Enable waits for nothing, and of several that
arrive together the newest is the last.
"""


class Line(Protocol):
    """The way to the controller of one pistol."""

    @property
    def is_open(self) -> bool:
        """Whether the bus is fit to send; if not, that is said elsewhere."""

    def send(self, message: Message) -> float | None:
        """Return when the bus has taken it, ``None`` when it has not."""


class OutputsWatch:
    """
    Watches over digital outputs that are high: the controller would hold them for ever.

    When nobody commands them any more they go low as a driver opens contactors, a second after
    the last command: by then power_control, which hears the same silence, has taken the current
    away.
    """

    def __init__(self) -> None:
        self._commanded_s: float | None = None

    @property
    def are_high(self) -> bool:
        """Whether any output was commanded high last."""
        return self._commanded_s is not None

    def see(self, outputs: AdmCsSeccOutputs, *, now_s: float) -> None:
        """Take a command of whoever has the outputs; ``now_s`` is when it was true."""
        self._commanded_s = None if outputs == AdmCsSeccOutputs() else now_s

    def abandoned_s(self, *, now_s: float) -> float | None:
        """Return for how long outputs that are high were not commanded, ``None`` if in time."""
        if self._commanded_s is None or now_s - self._commanded_s <= COMMAND_TIMEOUT_S:
            return None
        return now_s - self._commanded_s


class Outgoing:
    """
    Sends what the charger has to say to the controller of one pistol.

    ``now_s`` is seconds on one monotonic clock.

    :param index: of the pistol, for words
    :param outputs: may outlive this object: outputs stay high while nobody sends
    :param counters: ``not_sent`` of it is counted here
    """

    def __init__(
        self, index: int, line: Line, outputs: OutputsWatch, journal: Journal, counters: Counters,
    ) -> None:
        self.asked_s = -math.inf
        """When somebody had something to say last."""
        self.missed_s = -math.inf
        """When something was not sent last, for another reason than a bus in trouble."""
        self._index = index
        self._line = line
        self._journal = journal
        self._counters = counters
        self._outputs = outputs
        self._spacings: dict[type[Message], Spacing[Message]] = {
            cls: Spacing(keeps_edges=keeps_edges) for cls, keeps_edges in SPACED.items()}

    @property
    def is_waiting(self) -> bool:
        """Whether there is something that has to go out before the process may end."""
        return self._outputs.are_high or any(self._spacings.values())

    @property
    def due_s(self) -> float:
        """When :meth:`tick` has something to send; infinite when nothing waits."""
        return min(spacing.due_s for spacing in self._spacings.values())

    def offer(self, message: Message, true_at_s: float, *, now_s: float) -> None:
        """Take a message, and since when its content is true; it goes out now if it may."""
        self.asked_s = now_s
        if self._is_too_old(message, true_at_s, now_s):
            return
        if isinstance(message, AdmCsSeccOutputs):
            self._outputs.see(message, now_s=true_at_s)
        spacing = self._spacings.get(type(message))
        if spacing is not None:
            spacing.offer(message, true_at_s)
            self._send_due(spacing, now_s)
        elif self._line.send(message) is None:
            self._miss(now_s)

    def tick(self, *, now_s: float) -> None:
        """Send what has kept its distance by now."""
        for spacing in self._spacings.values():
            self._send_due(spacing, now_s)

    def watch_outputs(self, *, now_s: float) -> None:
        """Let outputs go low that nobody commands any more; asked again until it is done."""
        silent_s = self._outputs.abandoned_s(now_s=now_s)
        if silent_s is None:
            return
        low = AdmCsSeccOutputs()
        # A bus that takes nothing now is asked again: a relay may hang on it.
        if self._line.send(low) is None:
            self._miss(now_s)
        else:
            self._outputs.see(low, now_s=now_s)
        self._journal.finding(
            'outputs', f'pistol {self._index}: nobody has commanded the digital outputs for '
            f'{silent_s:.1f} s, all of them go low: has precharge ended?', now_s=now_s)

    def clear(self) -> None:
        """Forget what waits."""
        for spacing in self._spacings.values():
            spacing.clear()

    def _send_due(self, spacing: Spacing[Message], now_s: float) -> None:
        """Send what is due; what the bus does not take is tried again as long as it is fresh."""
        while (due := spacing.due(now_s=now_s)) is not None:
            if self._is_too_old(due.content, due.true_at_s, now_s):
                spacing.drop()
                continue
            sent_s = self._line.send(due.content)
            if sent_s is not None:
                spacing.sent(now_s=sent_s)
            return

    def _is_too_old(self, message: Message, true_at_s: float, now_s: float) -> bool:
        age_s = now_s - true_at_s
        if age_s <= MAX_AGE_S:
            return False
        self._miss(now_s)
        # Where the bus is in trouble, that is said, and is the reason.
        why = ': is this machine too busy, do the clocks of the hosts differ?'
        self._journal.finding(
            'too old', f'{message.NAME} is {age_s:.2f} s old, not sent'
            f'{why if self._line.is_open else ""}', now_s=now_s)
        return True

    def _miss(self, now_s: float) -> None:
        self._counters.not_sent += 1
        if self._line.is_open:
            # What a bus in trouble does not take is said as long as it is.
            self.missed_s = now_s
