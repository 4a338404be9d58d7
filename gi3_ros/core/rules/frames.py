# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Single frames, whatever they say: whole, no stray bits, known labels (1.4, R52, R6)."""

from ..interface.layout import CONTROLLER, CUSTOMER, Message
from ..interface.signals import AdmCsSeccOutputs, AdvanticsControllerStatus, NewChargeSession
from .rule import Rule

_NEWER_LABELS: dict[type[Message], tuple[str, ...]] = {
    AdvanticsControllerStatus: ('State=13',),
    NewChargeSession: ('Plug_and_pins=4',),
}
"""Of v3.4 (Charge_Pause) and v3.3 (MCS): not of this version, and nobody's breach (7.1, R52)."""
_NEWER_BITS: dict[type[Message], int] = {AdmCsSeccOutputs: (1 << 28) - (1 << 4)}
"""The three LEDs of v3.6."""


def labels_not_newer(message: Message, undefined: tuple[str, ...]) -> tuple[str, ...]:
    """Return which of the undefined labels of a message are not those of a newer version."""
    newer = _NEWER_LABELS.get(type(message), ())
    return tuple(label for label in undefined if label not in newer)


def bits_not_newer(message: Message, unassigned_bits: int) -> int:
    """Return which of the unassigned bits of a message are not those of a newer version."""
    return unassigned_bits & ~_NEWER_BITS.get(type(message), 0)


class WholeFrames(Rule):
    """A frame that is too short gives no message."""

    number = '1.4'
    sentence = 'frames are whole'

    def on_short_frame(self, message_class: type[Message], text: str, now_s: float) -> None:
        if self.breaks(True, key=message_class.NAME):
            self.find(now_s, text)

    def on_odd_frame(
            self, message: Message, undefined: tuple[str, ...], unassigned_bits: int,
            now_s: float) -> None:
        self.mend(message.NAME)


class SpareBits(Rule):
    """Bits that no signal owns are 0."""

    number = 'R52'
    sentence = 'spare bits are 0'

    def on_odd_frame(
            self, message: Message, undefined: tuple[str, ...], unassigned_bits: int,
            now_s: float) -> None:
        if self.breaks(unassigned_bits != 0, key=message.NAME):
            self.find(
                now_s, f'unassigned bits set in {message.NAME}',
                unassigned_bits=unassigned_bits)


class KnownLabels(Rule):
    """A field with labels has one that is defined."""

    number = '1.4'

    def on_odd_frame(
            self, message: Message, undefined: tuple[str, ...], unassigned_bits: int,
            now_s: float) -> None:
        if self.breaks(bool(undefined), key=message.NAME):
            self.find(
                now_s, f'undefined value in {message.NAME}: {", ".join(undefined)}')


class WholeFramesOfCharger(WholeFrames):
    who = CUSTOMER


class WholeFramesOfController(WholeFrames):
    who = CONTROLLER


class SpareBitsOfCharger(SpareBits):
    who = CUSTOMER
    number = 'R52'
    sentence = 'spare bits are 0, but for the LEDs of v3.6'


class SpareBitsOfController(SpareBits):
    who = CONTROLLER


class KnownLabelsOfCharger(KnownLabels):
    """Its only labelled field with room for other numbers is System_Enable."""

    who = CUSTOMER
    number = 'R6'
    number = 'R6'
    sentence = 'System_Enable has a value that is defined'


class KnownLabelsOfController(KnownLabels):
    who = CONTROLLER
    number = '1.4'
    sentence = 'labels are defined'
