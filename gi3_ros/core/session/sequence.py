# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Sequence_Control: its flags are levels, its buttons act on their edge (R34, R39)."""

import dataclasses
import math

from ..deadlines import ROUNDING_S
from ..interface.signals import SequenceControl

BUTTON_S = 0.3
"""How long a button stays pressed: long enough to be seen, then back, as only the edge acts
(R39)."""
PRESS_WITHIN_S = 1.0
"""A press that could not be told to the controller for so long is forgotten."""


class Button:
    """A button that acts on its edge: held for a while, let go for a while (R39)."""

    def __init__(self) -> None:
        self._pressed_s = -math.inf
        self._is_told = True

    def press(self, *, now_s: float) -> bool:
        """Press it; returns whether that is a new edge."""
        is_new = now_s - self._pressed_s >= 2 * BUTTON_S
        if is_new:
            self._pressed_s, self._is_told = now_s, False
        return is_new

    def told(self, *, now_s: float) -> None:
        """Take that the controller is told: a press is held from then on."""
        if not self._is_told:
            self._pressed_s, self._is_told = now_s, True

    def is_held(self, *, now_s: float) -> bool:
        """Tell whether it is pressed at this moment."""
        return now_s - self._pressed_s < (BUTTON_S if self._is_told else PRESS_WITHIN_S)

    @property
    def let_go_s(self) -> float:
        """When it is let go by itself."""
        return self._pressed_s + (BUTTON_S if self._is_told else PRESS_WITHIN_S) + ROUNDING_S

    def let_go(self) -> None:
        """Forget that it was pressed."""
        self._pressed_s, self._is_told = -math.inf, True


class Sequence:
    """The whole of Sequence_Control, and whether it has to go out."""

    def __init__(self) -> None:
        self.word = SequenceControl()
        self.is_due = False
        self.sent_s = -math.inf
        self.stop_button = Button()
        self.start_button = Button()

    def set(self, word: SequenceControl) -> None:
        """Take what is to be said from now on; a change is due."""
        if word != self.word:
            self.word, self.is_due = word, True

    def set_buttons(self, *, now_s: float) -> None:
        """Take how the buttons are now."""
        self.set(dataclasses.replace(
            self.word,
            user_stop_button=SequenceControl.UserStopButton(
                self.stop_button.is_held(now_s=now_s)),
            chademo_start_button=SequenceControl.ChademoStartButton(
                self.start_button.is_held(now_s=now_s))))

    def send(self, *, now_s: float) -> SequenceControl:
        """Return what goes out now; a button that is pressed in it counts as told."""
        self.is_due, self.sent_s = False, now_s
        for button, is_pressed in ((self.stop_button, self.word.user_stop_button),
                                   (self.start_button, self.word.chademo_start_button)):
            if is_pressed:
                button.told(now_s=now_s)
        return self.word

    def reset(self) -> None:
        """Start from zero, with the start as it was given, and say so (R34, A7)."""
        self.word = SequenceControl(
            start_charge_authorisation=self.word.start_charge_authorisation)
        self.is_due = True
        self.stop_button.let_go()
        self.start_button.let_go()

    @property
    def start_forbidden(self) -> SequenceControl:
        """What lets no further vehicle begin; a charge that runs goes on (A35)."""
        return dataclasses.replace(
            self.word,
            start_charge_authorisation=SequenceControl.StartChargeAuthorisation.NOT_ALLOWED,
            # Nobody would be left to let them go (R39).
            chademo_start_button=SequenceControl.ChademoStartButton.NOT_PRESSED,
            user_stop_button=SequenceControl.UserStopButton.NOT_PRESSED,
        )
