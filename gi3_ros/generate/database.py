# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The CAN database: reading it, and checks of whatever the generated code assumes."""

import dataclasses
import fractions
import keyword
import pathlib
import re

import cantools
from cantools.database.can import Database, Message, Signal

CONTROLLER = 'Advantics_Charge_Controller'
CHARGER = 'Generic_Power_Modules'
RESERVED = 'Reserved'

SI_UNITS = {
    'V': ('V', 1),
    'A': ('A', 1),
    'kW': ('W', 1000),
    'kWh': ('Wh', 1000),
    'kOhm': ('Ohm', 1000),
    'degC': ('degC', 1),
    '%': ('%', 1),
}
"""Unit in the database: unit in the code, and how many of it make one."""

TOPICS = {'Advantics_Controller_Status': 'controller_status'}
"""Topics that are not simply the message's name in lower case."""

LABEL_SPELLINGS = {'CHAdeMO_v1.0-v1.1-v1.2': 'CHADEMO_V1_0_TO_V1_2'}
"""Labels that upper case and underscores would spell badly."""

FIELD_NAME = re.compile(r'[a-z](_?[a-z0-9]+)*')
"""What ROS takes as the name of a field; Python agrees."""
CONSTANT_NAME = re.compile(r'[A-Z]([A-Z0-9_]?[A-Z0-9]+)*')
"""What ROS takes as the name of a constant; Python agrees."""


class DatabaseError(Exception):
    """The database has something that this generator, or the interface, has no place for."""


@dataclasses.dataclass(frozen=True)
class Field:
    """One signal, in the words of the generated files."""

    name: str
    vendor_name: str
    start: int
    length: int
    is_signed: bool
    scale: fractions.Fraction
    offset: int
    unit: str
    labels: dict[int, str]
    """Vendor's text by number."""
    enum: str
    """Name of the enum's class, empty without labels."""
    members: dict[int, str]
    """Spelling in code by number."""
    minimum: float | None
    """Declared minimum, if it is declared."""
    maximum: float | None
    note: str

    @property
    def is_flag(self) -> bool:
        """Whether it is a single bit without labels."""
        return self.length == 1 and not self.labels

    @property
    def python_type(self) -> str:
        """Type of the field in Python."""
        if self.enum:
            # Plain where the number has no label.
            return f'{self.enum} | int'
        return 'bool' if self.is_flag else 'float'

    @property
    def ros_type(self) -> str:
        """Type of the field in ROS."""
        if self.enum:
            return 'uint8'
        return 'bool' if self.is_flag else 'float64'

    @property
    def default(self) -> float:
        """The number for raw 0, or the first label where 0 has none."""
        if self.labels:
            return 0 if 0 in self.labels else min(self.labels)
        return 0 if self.is_flag else float(self.offset)

    @property
    def limits(self) -> tuple[fractions.Fraction, fractions.Fraction]:
        """Smallest and largest number that the bits can hold."""
        lowest = -(1 << self.length - 1) if self.is_signed else 0
        highest = lowest + (1 << self.length) - 1
        return lowest * self.scale + self.offset, highest * self.scale + self.offset


@dataclasses.dataclass(frozen=True)
class Frame:
    """One message of the database, in the words of the generated files."""

    class_name: str
    vendor_name: str
    base_id: int
    length: int
    period_ms: int | None
    is_from_controller: bool
    topic: str
    fields: tuple[Field, ...]
    note: str

    @property
    def origin(self) -> str:
        """Sender and pace, in words."""
        side = 'from' if self.is_from_controller else 'to'
        pace = f'every {self.period_ms} ms' if self.period_ms else 'on events'
        return f'{side} the controller, {pace}'


def read_database(source: pathlib.Path) -> tuple[Database, list[Frame]]:
    """
    Read the database.

    :returns: as cantools has it, and its messages in the words of the generated files
    :raises DatabaseError: with words that say where and what
    """
    try:
        database = cantools.database.load_file(source, strict=True)
    except (OSError, ValueError, SyntaxError, cantools.Error) as error:
        raise DatabaseError(f'cannot be read: {error}') from error
    if not isinstance(database, Database):
        raise DatabaseError('is a database of diagnostics, not of CAN messages')
    frames = [convert(message) for message in database.messages]
    check_names([frame.class_name for frame in frames], 'classes')
    return database, frames


def convert(message: Message) -> Frame:
    """Turn a message of cantools into a frame, checking whatever the generated code assumes."""
    name = message.name
    expect(message.is_extended_frame, name, 'is not an extended frame')
    expect(message.frame_id >> 16 == 0x06, name, 'is not of module type 0x06 with index 0')
    expect(message.frame_id >> 12 & 7 == 3, name, 'is not of interface version 3')
    expect(1 <= message.length <= 8, name, f'has {message.length} bytes')
    is_from_controller = bool(message.frame_id & 0x8000)
    sender = CONTROLLER if is_from_controller else CHARGER
    expect(message.senders == [sender], name, f'has a bit 15 that makes {sender} its producer')
    expect(not message.is_multiplexed(), name, 'is multiplexed')
    signals = sorted(message.signals, key=lambda signal: signal.start)
    fields = []
    for signal in signals:
        if signal.name == RESERVED:
            expect(not signal.choices, f'{name}.{RESERVED}', 'has labels')
        else:
            fields.append(convert_signal(signal, f'{name}.{signal.name}'))
    expect(fields, name, 'has no signals')
    check_names([field.name for field in fields], f'fields of {name}')
    check_names([field.enum for field in fields if field.enum], f'enums of {name}')
    return Frame(
        class_name=camel_case(name),
        vendor_name=name,
        base_id=message.frame_id,
        length=message.length,
        period_ms=message.cycle_time,
        is_from_controller=is_from_controller,
        topic=TOPICS.get(name, name.lower()),
        fields=tuple(fields),
        note=one_line(message.comment, name),
    )


def convert_signal(signal: Signal, where: str) -> Field:
    """Turn a signal of cantools into a field, checking whatever the generated code assumes."""
    expect(signal.byte_order == 'little_endian', where, 'is not little-endian')
    expect(not signal.is_float, where, 'is a floating-point number')
    name = signal.name.lower()
    expect(FIELD_NAME.fullmatch(name) and not keyword.iskeyword(name), where, 'is a bad name')
    labels = {number: str(text) for number, text in sorted((signal.choices or {}).items())}
    scale = fractions.Fraction(str(signal.scale))
    offset = fractions.Fraction(str(signal.offset))
    unit = signal.unit or ''
    if labels or signal.length == 1:
        expect(not signal.is_signed, where, 'is signed')
        expect(scale == 1 and offset == 0 and not unit, where, 'is scaled or has a unit')
        expect(signal.length <= 8, where, 'has labels and does not fit uint8')
        expect(all(0 <= number < 1 << signal.length for number in labels), where,
               'has a label for a number that its bits cannot hold')
    else:
        expect(unit in SI_UNITS, where, f'has the unit {unit!r}; known are {", ".join(SI_UNITS)}')
        unit, factor = SI_UNITS[unit]
        scale *= factor
        offset *= factor
        expect(offset.denominator == 1, where, 'has an offset that is not an integer')
    members = {number: constant_name(text, where) for number, text in labels.items()}
    check_names(list(members.values()), f'labels of {where}')
    return Field(
        name=name,
        vendor_name=signal.name,
        start=signal.start,
        length=signal.length,
        is_signed=signal.is_signed,
        scale=scale,
        offset=int(offset),
        unit=unit,
        labels=labels,
        enum=camel_case(signal.name) if labels else '',
        members=members,
        minimum=signal.minimum,
        maximum=signal.maximum,
        note=one_line(signal.comment, where),
    )


def expect(is_so: object, where: str, complaint: str) -> None:
    """Raise DatabaseError unless ``is_so``."""
    if not is_so:
        raise DatabaseError(f'{where} {complaint}')


def check_names(names: list[str], what: str) -> None:
    """Raise DatabaseError if a name appears twice."""
    twice = sorted({name for name in names if names.count(name) > 1})
    expect(not twice, what, f'share a name: {", ".join(twice)}')


def one_line(comment: str | None, where: str) -> str:
    """Return a comment without the line breaks and indentation of the database."""
    text = ' '.join((comment or '').split())
    expect(text.endswith('.'), where, 'has no note that ends with a full stop')
    # Both would have to be escaped, each in another way, in one of the files.
    expect(text.isascii() and not set(text) & set('"\\'), where,
           'has a note with a double quote, a backslash or a character that is not ASCII')
    return text


def camel_case(name: str) -> str:
    """Return a vendor's name as the name of a class."""
    return ''.join(word.capitalize() for word in name.split('_'))


def constant_name(label: str, where: str) -> str:
    """Return a vendor's label as the name of a constant."""
    name = LABEL_SPELLINGS.get(label) or re.sub('[^A-Z0-9]+', '_', label.upper())
    expect(CONSTANT_NAME.fullmatch(name), where, f'has a label without a spelling: {label!r}')
    return name
