# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Write everything that follows from the CAN database.

``python -m gi3_ros.generate``, in the project's root, reads ``dbc/gi3_v3.2.kcd`` and writes

* ``dbc/gi3_v3.2.dbc``, the same database for tools that do not read KCD,
* ``gi3_ros/core/interface/signals.py``, the frames as Python classes,
* ``msg/*.msg``, the frames as ROS messages.

With ``--check`` it writes nothing and exits 1 if one of them is not what it would write. A tool
for developers: it needs cantools, and nothing that runs a charger needs it.
"""

import argparse
import dataclasses
import fractions
import keyword
import pathlib
import re
import sys
import textwrap

import cantools
from cantools.database.can import Database, Message, Signal

SOURCE = 'dbc/gi3_v3.2.kcd'
DBC = 'dbc/gi3_v3.2.dbc'
SIGNALS = 'gi3_ros/core/interface/signals.py'
COMMAND = 'python -m gi3_ros.generate'
NOTICE = f'Generated from {SOURCE} by: {COMMAND}'
LICENCE = ('# Copyright 2026 gi3_ros maintainers', '# SPDX-License-Identifier: Apache-2.0')
"""In a message these lines come last: what is at its top is its documentation."""
WIDTH = 99

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


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog=COMMAND, description='Write the DBC, the Python classes and the ROS messages.')
    parser.add_argument(
        '--check', action='store_true', help='write nothing; exit 1 if a file would change')
    parser.add_argument(
        '--root', type=pathlib.Path, default=pathlib.Path(), metavar='DIRECTORY',
        help='root of the project (default: here)')
    options = parser.parse_args(arguments)
    try:
        files = generate(options.root / SOURCE)
    except DatabaseError as error:
        print(f'{SOURCE}: {error}', file=sys.stderr)
        return 2
    wrong = [path for path, text in files.items() if read(options.root / path) != text]
    # A message that left the database must not stay behind as a ROS type.
    left_over = [
        f'msg/{path.name}' for path in sorted((options.root / 'msg').glob('*.msg'))
        if f'msg/{path.name}' not in files and NOTICE in (read(path) or '')
    ]
    if options.check:
        for path in wrong:
            print(f'{path} is not what {SOURCE} gives')
        for path in left_over:
            print(f'{path} has no message in {SOURCE}')
        if wrong or left_over:
            print(f'Do not edit these files; run: {COMMAND}')
            return 1
        print(f'{len(files)} files agree with {SOURCE}')
        return 0
    for path in wrong:
        target = options.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(files[path], encoding='utf-8', newline='\n')
        print(f'wrote {path}')
    for path in left_over:
        (options.root / path).unlink()
        print(f'removed {path}')
    return 0


def read(path: pathlib.Path) -> str | None:
    """Return the text of a file as it stands on the disk, or None without one."""
    try:
        return path.read_bytes().decode('utf-8', 'replace')
    except FileNotFoundError:
        return None


def generate(source: pathlib.Path) -> dict[str, str]:
    """
    Read the database and generate all files.

    :returns: text by path within the project
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
    files = {DBC: write_dbc(database), SIGNALS: write_signals(frames)}
    for frame in frames:
        files[f'msg/{frame.class_name}.msg'] = write_msg(frame)
    return files


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


def write_dbc(database: Database) -> str:
    """Return the database as DBC."""
    for message in database.messages:
        message.comment = one_line(message.comment, message.name)
        for signal in message.signals:
            signal.comment = one_line(signal.comment, f'{message.name}.{signal.name}')
    text = database.as_dbc_string(
        sort_signals=by_start, sort_attribute_signals=by_start).replace('\r\n', '\n')
    # The format knows no comments but these.
    text = text.replace('\nCM_ ', f'\nCM_ "{NOTICE}";\nCM_ ', 1)
    return text.rstrip('\n') + '\n'


def by_start(signals: list[Signal]) -> list[Signal]:
    """Sort signals by their position in the frame."""
    return sorted(signals, key=lambda signal: signal.start)


def write_msg(frame: Frame) -> str:
    """Return one frame as a ROS message."""
    lines = [
        f'# {frame.vendor_name}: 0x{frame.base_id:05X}, {frame.length} byte'
        f'{"" if frame.length == 1 else "s"}, {frame.origin}.',
        f'# {NOTICE}',
        '#',
        *comment(frame.note),
        '',
        '# Time at which the frame arrived on the bus.' if frame.is_from_controller
        else '# Time at which the content was true.',
        'std_msgs/Header header',
    ]
    offsets = {field.offset for field in frame.fields if field.unit == 'degC'}
    expect(len(offsets) <= 1, frame.vendor_name, 'has temperatures with different offsets')
    for offset in offsets:
        lines += [
            '',
            '# Raw 0 in a temperature: not provided or not connected (R50).',
            f'float64 TEMPERATURE_NOT_PROVIDED={float(offset)}',
        ]
    for field in frame.fields:
        lines += ['', *comment(field.note)]
        if field.unit:
            lines += comment(range_of(field))
        lines += comment(source_of(frame, field))
        for number, member in field.members.items():
            text = field.labels[number]
            original = '' if text.isidentifier() else f'  # {text}'
            lines.append(f'uint8 {field.name.upper()}_{member}={number}{original}')
        default = f' {field.default}' if field.default else ''
        lines.append(f'{field.ros_type} {field.name}{default}')
    return '\n'.join([*lines, '', *LICENCE]) + '\n'


def source_of(frame: Frame, field: Field) -> str:
    """Return in words where a field comes from."""
    bits = 'bit' if field.length == 1 else 'bits'
    text = (f'Source: {frame.vendor_name}.{field.vendor_name}, {field.length} {bits} '
            f'from bit {field.start}.')
    if field.labels and len(field.labels) < 1 << field.length:
        text += ' Other numbers are not defined in v3.2 and kept as received.'
    return text


def range_of(field: Field) -> str:
    """Return unit and range of a field in words."""
    lowest, highest = field.limits
    is_narrower = field.minimum != lowest or field.maximum != highest
    text = (f'Unit: {field.unit}, {plain(lowest)}..{plain(highest)} in steps of '
            f'{plain(field.scale)}')
    if field.minimum is not None and is_narrower:
        text += f', of which {field.minimum}..{field.maximum} have a meaning'
    return f'{text}.'


def plain(number: fractions.Fraction) -> str:
    """Return a fraction as a decimal number."""
    return str(number) if number.denominator == 1 else str(float(number))


def comment(text: str) -> list[str]:
    """Return a text as the lines of a comment."""
    return textwrap.wrap(
        text, WIDTH, initial_indent='# ', subsequent_indent='# ', break_on_hyphens=False)


def docstring(text: str, indent: int) -> list[str]:
    """Return a text as the lines of a docstring."""
    margin = ' ' * indent
    if indent + len(text) + 6 <= WIDTH:
        return [f'{margin}"""{text}"""']
    return [
        f'{margin}"""',
        *textwrap.wrap(text, WIDTH, initial_indent=margin, subsequent_indent=margin),
        f'{margin}"""',
    ]


def first_sentence(note: str) -> str:
    """Return the short description at the beginning of a note."""
    return re.split(r'(?<=\.)\s', note, maxsplit=1)[0]


def write_signals(frames: list[Frame]) -> str:
    """Return all frames as Python classes."""
    lines = [
        *LICENCE,
        '"""',
        f'{NOTICE}.',
        '',
        'One class per frame of the interface, in SI units. Do not edit. What the signals mean in',
        'full stands in the database and in the ROS messages of the same names.',
        '"""',
        '',
        'from dataclasses import dataclass',
        'from enum import IntEnum',
        '',
        'from .layout import Message, Signal',
    ]
    for frame in frames:
        lines += ['', '', *write_class(frame)]
    lines += ['', '', 'MESSAGES: dict[int, type[Message]] = {',
              '    message_class.BASE_ID: message_class', '    for message_class in (']
    lines += [f'        {frame.class_name},' for frame in frames]
    lines += ['    )', '}', '"""All classes, by identifier with pistol index 0."""']
    too_long = [line for line in lines if len(line) > WIDTH]
    expect(not too_long, SIGNALS, f'gets lines that are too long: {too_long}')
    return '\n'.join(lines) + '\n'


def write_class(frame: Frame) -> list[str]:
    """Return the lines of one frame's class."""
    identity = f'0x{frame.base_id:05X}, {frame.origin}.'
    period = frame.period_ms / 1000 if frame.period_ms else None
    lines = [
        '@dataclass(frozen=True, slots=True)',
        f'class {frame.class_name}(Message):',
        '    """',
        *textwrap.wrap(
            first_sentence(frame.note), WIDTH, initial_indent='    ', subsequent_indent='    '),
        '',
        f'    {identity}',
        '    """',
        '',
        f'    NAME = {frame.vendor_name!r}',
        f'    BASE_ID = 0x{frame.base_id:05X}',
        f'    LENGTH = {frame.length}',
        f'    PERIOD_S = {period}',
        f'    FROM_CONTROLLER = {frame.is_from_controller}',
        f'    TOPIC = {frame.topic!r}',
        '',
    ]
    for field in frame.fields:
        if not field.enum:
            continue
        lines.append(f'    class {field.enum}(IntEnum):')
        for number, member in field.members.items():
            text = field.labels[number]
            original = '' if text.isidentifier() else f'  # {text}'
            lines.append(f'        {member} = {number}{original}')
        lines.append('')
    for field in frame.fields:
        if field.enum:
            default = f'{field.enum}.{field.members[int(field.default)]}'
        else:
            default = str(bool(field.default) if field.is_flag else field.default)
        line = f'    {field.name}: {field.python_type} = {default}'
        lines += [line] if len(line) <= WIDTH else [
            f'    {field.name}: {field.python_type} = (', f'        {default})']
        text = first_sentence(field.note)
        lines += docstring(f'{field.unit}. {text}' if field.unit else text, 4)
    lines += ['', '    SIGNALS = (']
    for field in frame.fields:
        lines += write_signal(field)
    return [*lines, '    )']


def write_signal(field: Field) -> list[str]:
    """Return the lines of one field's place in the frame."""
    arguments = [repr(field.name), repr(field.vendor_name), str(field.start), str(field.length)]
    if field.is_signed:
        arguments.append('is_signed=True')
    if field.scale.numerator != 1:
        arguments.append(f'numerator={field.scale.numerator}')
    if field.scale.denominator != 1:
        arguments.append(f'denominator={field.scale.denominator}')
    if field.offset:
        arguments.append(f'offset={field.offset}')
    if field.unit:
        arguments.append(f'unit={field.unit!r}')
    if field.enum:
        arguments.append(f'enum={field.enum}')
        labels = [f'{number}: {text!r}' for number, text in field.labels.items()]
        lines = [*fill(arguments, 12), '            labels={', *fill(labels, 16), '            },']
    else:
        line = f'        Signal({", ".join(arguments)}),'
        if len(line) <= WIDTH:
            return [line]
        lines = fill(arguments, 12)
    return ['        Signal(', *lines, '        ),']


def fill(items: list[str], indent: int) -> list[str]:
    """Return items of a sequence, with commas, as lines that break between items only."""
    glued = ', '.join(item.replace(' ', '\0') for item in items)
    margin = ' ' * indent
    lines = textwrap.wrap(f'{glued},', WIDTH, initial_indent=margin, subsequent_indent=margin,
                          break_long_words=False, break_on_hyphens=False)
    return [line.replace('\0', ' ') for line in lines]


if __name__ == '__main__':
    sys.exit(main())
