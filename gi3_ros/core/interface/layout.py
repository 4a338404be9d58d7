# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The words in which the generated :mod:`signals` describes the frames."""

from collections.abc import Mapping
import dataclasses
from enum import IntEnum
from typing import ClassVar, TypeVar

# The two ends of the bus.
CUSTOMER = 'customer'
CONTROLLER = 'controller'

Label = TypeVar('Label', bound=IntEnum)


@dataclasses.dataclass(frozen=True, slots=True)
class Signal:
    """
    Where one field of a message lies in its frame, and what its bits mean.

    The scaling is exact: value = raw * numerator / denominator + offset, in SI units.
    """

    field: str
    """Name of the message's field."""
    name: str
    """The vendor's name."""
    start: int
    """Position of the least significant bit, from bit 0 of byte 0."""
    length: int
    """Number of bits."""
    is_signed: bool = False
    numerator: int = 1
    denominator: int = 1
    offset: int = 0
    unit: str = ''
    """SI unit of the field: V, A, W, Wh, Ohm, degC or %; empty for labels and single bits."""
    enum: type[IntEnum] | None = None
    """The labels as the message's class spells them; None where there are none."""
    labels: Mapping[int, str] = dataclasses.field(default_factory=dict, hash=False)
    """The labels as the vendor spells them, by raw number."""

    @property
    def is_flag(self) -> bool:
        """Whether the field is a bool: a single bit without labels."""
        return self.length == 1 and not self.labels

    @property
    def raw_minimum(self) -> int:
        """The smallest number that the bits can hold."""
        return -(1 << self.length - 1) if self.is_signed else 0

    @property
    def raw_maximum(self) -> int:
        """The largest number that the bits can hold."""
        return (1 << self.length - self.is_signed) - 1

    @property
    def minimum(self) -> float:
        """The smallest value that the bits can hold, in ``unit``."""
        return self.to_si(self.raw_minimum)

    @property
    def maximum(self) -> float:
        """The largest value that the bits can hold, in ``unit``."""
        return self.to_si(self.raw_maximum)

    def to_si(self, raw: int) -> float:
        """Scale the number in the frame to a value in ``unit``."""
        return raw * self.numerator / self.denominator + self.offset

    def to_raw(self, value: float) -> int:
        """Scale a value in ``unit`` to the nearest number for the frame, fitting or not."""
        return round((value - self.offset) * self.denominator / self.numerator)


class Message:
    """
    What the classes of all frames have in common.

    A message made without arguments is the frame with all bits 0, so a temperature is -40 degC,
    not provided (R50). Only ``EmergencyStop`` differs, as its 0 has no meaning.
    """

    __slots__ = ()

    NAME: ClassVar[str]
    """The vendor's name."""
    BASE_ID: ClassVar[int]
    """Identifier with pistol index 0."""
    LENGTH: ClassVar[int]
    """Bytes of data."""
    PERIOD_S: ClassVar[float | None]
    """Nominal time between two frames; None for frames that follow events."""
    FROM_CONTROLLER: ClassVar[bool]
    """Whether the controller sends it; otherwise the charger does."""
    TOPIC: ClassVar[str]
    """Name of the ROS topic within the pistol's namespace."""
    SIGNALS: ClassVar[tuple[Signal, ...]]
    """All fields, by position in the frame. Bits called Reserved have none."""


def by_number(labels: type[Label], length: int) -> tuple[Label | int, ...]:
    """Return what each number of so many bits stands for: a label, or the plain number."""
    members: dict[int, Label] = {member.value: member for member in labels}
    return tuple(members.get(number, number) for number in range(1 << length))


def unlocked(message_class: type[Message]) -> type[Message]:
    """
    Return a class with the same fields, which can be set.

    The messages are frozen, and their ``__init__`` goes past the lock for each field, which would
    take most of the time of decoding. Instead an instance of this class gets all its fields, and
    then its ``__class__`` is set: from there on it is a message like any other. Python allows
    this where both classes have the same bases and the same slots.
    """
    slots = tuple(signal.field for signal in message_class.SIGNALS)
    return type(message_class.__name__, message_class.__bases__, {'__slots__': slots})
