# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The functions that read a frame's bytes and write them, one pair for each frame."""

from collections.abc import Iterator
import dataclasses
import fractions

from .database import expect, Field, Frame
from .files import fill, LICENCE, NOTICE, PACKING, WIDTH

CODES = {8: 'B', 16: 'H', 32: 'I', 64: 'Q'}
"""What :mod:`struct` calls numbers of so many bits; in lower case with a sign."""
_BY_INDEX = 2
"""Up to so many single bytes are taken one by one, which is faster than by struct."""


@dataclasses.dataclass(frozen=True)
class Item:
    """Some bytes that struct reads as one number: those of a field, or what shares bytes."""

    start: int
    """Bit."""
    length: int
    """Bits."""
    fields: tuple[Field, ...]
    is_shared: bool
    """Whether it is made of bit groups, and of bits without a field."""

    @property
    def name(self) -> str:
        """Return what its number is called in the generated code."""
        return f'bits_{self.start}' if self.is_shared else self.fields[0].name

    @property
    def code(self) -> str:
        """Return the letter of struct."""
        code = CODES[self.length]
        return code if self.is_shared or not self.fields[0].is_signed else code.lower()

    @property
    def unassigned(self) -> int:
        """Return the bits without a field."""
        bits = (1 << self.length) - 1
        for field in self.fields:
            bits &= ~((1 << field.length) - 1 << field.start - self.start)
        return bits


def items_of(frame: Frame) -> list[Item]:
    """Return the bytes of a frame as numbers for struct, in their order."""
    whole = {field.start: field for field in frame.fields
             if field.start % 8 == 0 and field.length in CODES}
    items: list[Item] = []
    at = shared_from = 0
    while at <= 8 * frame.length:
        is_end = at == 8 * frame.length
        if is_end or at in whole:
            items += shared_items(frame, shared_from, at)
            if is_end:
                break
            items.append(Item(at, whole[at].length, (whole[at],), is_shared=False))
            at = shared_from = at + whole[at].length
        else:
            at += 8
    held = [field for item in items for field in item.fields]
    for field in frame.fields:
        where = f'{frame.vendor_name}.{field.vendor_name}'
        expect(field in held, where, 'lies across the bytes that are read as one number')
        expect(not field.is_signed or field.start in whole, where,
               'has a sign and does not fill its bytes')
    return items


def shared_items(frame: Frame, start: int, end: int) -> Iterator[Item]:
    """Yield bytes that no field fills alone, as few numbers as struct needs for them."""
    while start < end:
        length = max(each for each in CODES if each <= end - start)
        yield Item(start, length, tuple(
            field for field in frame.fields
            if start <= field.start and field.start + field.length <= start + length
        ), is_shared=True)
        start += length


def write_packing(frames: list[Frame]) -> str:
    """Return the functions of all frames as a Python module."""
    lines = [
        *LICENCE,
        '"""',
        f'{NOTICE}.',
        '',
        'How each frame of the interface is read and written. Do not edit. Every frame on the bus',
        'passes here, so it is fast: bytes go through layouts of :mod:`struct`, and values that',
        'are as they should be are converted in place. Others go to :func:`~.checking.checked`.',
        '"""',
        '',
        'from collections.abc import Callable',
        'from struct import Struct',
        'from typing import Any',
        '',
        'from .answers import Received',
        'from .checking import checked',
        'from .layout import by_number, Message, unlocked',
        'from .signals import (',
        *sorted((f'    {frame.class_name},' for frame in frames), key=str.lower),
        ')',
        '',
        '# Both kinds of objects are made without their __init__, which would take half the time',
        '# of decoding. A message is frozen when it gets its class: see unlocked().',
        '_new: Any = object.__new__',
    ]
    for frame in frames:
        lines += write_frame(frame)
    lines += ['', '', 'UNPACK: dict[int, Callable[[int, bytes], Received]] = {']
    lines += [f'    {frame.class_name}.BASE_ID: unpack_{snake(frame)},' for frame in frames]
    lines += [
        '}',
        '"""By identifier with pistol index 0. Arguments: the pistol index, and the data, which',
        'must be as long as the message at least."""',
        '',
        '# Any: each takes its own message only.',
        'PACK: dict[type[Message], Callable[[Any], bytes]] = {',
    ]
    lines += [f'    {frame.class_name}: pack_{snake(frame)},' for frame in frames]
    lines += ['}', '"""By class. They raise ValueError for what the frame cannot carry."""']
    too_long = [line for line in lines if len(line) > WIDTH]
    expect(not too_long, PACKING, f'gets lines that are too long: {too_long}')
    return '\n'.join(lines) + '\n'


def snake(frame: Frame) -> str:
    """Return the name of a frame in functions."""
    return frame.vendor_name.lower()


def layout_name(frame: Frame) -> str:
    """Return the name of a frame's struct."""
    return f'_{frame.vendor_name.upper()}'


def table_name(frame: Frame, field: Field) -> str:
    """Return the name of the table of a field's labels."""
    return f'{layout_name(frame)}_{field.name.upper()}'


def write_frame(frame: Frame) -> list[str]:
    """Return the lines of one frame: its layout, its tables, its functions."""
    items = items_of(frame)
    codes = ''.join(item.code for item in items)
    lines = [
        '', '',
        f'_{frame.class_name} = unlocked({frame.class_name})',
        f"{layout_name(frame)} = Struct('<{codes}')",
    ]
    if not by_index(items):
        lines.append(f'{layout_name(frame)}_FROM = {layout_name(frame)}.unpack_from')
    for field in frame.fields:
        if field.enum:
            lines += call(f'{table_name(frame, field)} = by_number', [
                f'{frame.class_name}.{field.enum}', str(field.length)])
    return [*lines, '', '', *write_unpack(frame, items), '', '', *write_pack(frame, items)]


def write_unpack(frame: Frame, items: list[Item]) -> list[str]:
    """Return the lines of the function that reads a frame."""
    lines = [
        f'def unpack_{snake(frame)}(index: int, data: bytes) -> Received:',
        f'    """Read {frame.vendor_name}."""',
        *write_numbers(frame, items),
        f'    message = _new(_{frame.class_name})',
    ]
    undefined: list[str] = []
    for item in items:
        for field in item.fields:
            value = value_of(frame, item, field)
            if field.enum and len(field.labels) < 1 << field.length:
                lines += assign(field.name, value)
                value = field.name
                undefined += [
                    f'    if type({field.name}) is int:',
                    f"        undefined += (f'{field.vendor_name}={{{field.name}}}',)",
                ]
            lines += assign(f'message.{field.name}', value)
    unassigned = [
        f'({item.name} & {item.unassigned:#x})' + (f' << {item.start}' if item.start else '')
        for item in items if item.unassigned]
    return [
        *lines,
        f'    message.__class__ = {frame.class_name}',
        *(['    undefined: tuple[str, ...] = ()', *undefined] if undefined else ()),
        '    received: Received = _new(Received)',
        '    received.index = index',
        '    received.message = message',
        f'    received.undefined = {"undefined" if undefined else "()"}',
        f'    received.unassigned_bits = {" | ".join(unassigned) or "0"}',
        '    return received',
    ]


def write_numbers(frame: Frame, items: list[Item]) -> list[str]:
    """Return the lines that take the numbers from the bytes."""
    if by_index(items):
        return [f'    {item.name} = data[{item.start // 8}]' for item in items]
    names = [item.name for item in items]
    # The comma: struct gives a tuple, of one number as well.
    head = f'{", ".join(names)}{"," if len(names) == 1 else ""}'
    value = f'{layout_name(frame)}_FROM(data)'
    line = f'    {head} = {value}'
    return [line] if len(line) <= WIDTH else ['    (', *fill(names, 8), f'    ) = {value}']


def by_index(items: list[Item]) -> bool:
    """Return whether the bytes of a frame are taken one by one."""
    return len(items) <= _BY_INDEX and all(item.length == 8 for item in items)


def value_of(frame: Frame, item: Item, field: Field) -> str:
    """Return the value of a field, as an expression."""
    raw = bits_of(item, field)
    if field.enum:
        return f'{table_name(frame, field)}[{raw}]'
    return f'{raw} != 0' if field.is_flag else to_si(field, raw)


def bits_of(item: Item, field: Field) -> str:
    """Return the raw number of a field, as an expression."""
    if not item.is_shared:
        return item.name
    shift = field.start - item.start
    mask = (1 << field.length) - 1
    if field.is_flag:
        return f'({item.name} & {mask << shift:#x})'
    shifted = f'{item.name} >> {shift}' if shift else item.name
    return shifted if shift + field.length == item.length else f'{shifted} & {mask:#x}'


def to_si(field: Field, raw: str) -> str:
    """Return the value of a raw number, as an expression that is exact."""
    scale, offset = field.scale, field.offset
    raw = raw if raw.isidentifier() else f'({raw})'
    if scale.denominator != 1:
        # The quotient of two integers is rounded once.
        text = raw if scale.numerator == 1 else f'{raw} * {scale.numerator}'
        text += f' / {scale.denominator}'
    elif scale.numerator != 1:
        text = f'{raw} * {float(scale)}'
    elif offset:
        text = raw
    else:
        return f'float({raw})'
    return text + (f' {"-" if offset < 0 else "+"} {abs(float(offset))}' if offset else '')


def to_raw(field: Field, value: str) -> str:
    """Return a value in the steps of its field, as an expression, not rounded yet."""
    scale: fractions.Fraction = field.scale
    text = value
    if field.offset:
        text += f' {"+" if field.offset < 0 else "-"} {abs(field.offset)}'
    if scale.denominator != 1:
        text = f'({text})' if field.offset else text
        text += f' * {scale.denominator}'
    if scale.numerator != 1:
        text = f'({text})' if field.offset and scale.denominator == 1 else text
        text += f' / {scale.numerator}'
    return text


def write_pack(frame: Frame, items: list[Item]) -> list[str]:
    """Return the lines of the function that writes a frame."""
    lines = [
        f'def pack_{snake(frame)}(message: {frame.class_name}) -> bytes:',
        f'    """Write {frame.vendor_name}."""',
    ]
    for place, field in enumerate(frame.fields):
        if field.enum or field.is_flag:
            kind = f'{frame.class_name}.{field.enum}' if field.enum else 'bool'
            lines += [
                f'    {field.name}: int = message.{field.name}',
                *if_not(f'type({field.name}) is not ', kind),
                f'        {field.name} = checked(message, {place})',
            ]
            continue
        lowest = -(1 << field.length - 1) if field.is_signed else 0
        highest = lowest + (1 << field.length) - 1
        lines += [
            f'    value = message.{field.name}',
            # Halves go to the even number: that is one inside at the lower end only.
            f'    if type(value) is float and {lowest - 0.5} <= (scaled := '
            f'{to_raw(field, "value")}) < {highest + 0.5}:',
            f'        {field.name} = round(scaled)',
            '    else:',
            f'        {field.name} = checked(message, {place})',
        ]
    numbers = []
    for item in items:
        parts = [
            f'{field.name} << {field.start - item.start}' if field.start > item.start
            else field.name for field in item.fields]
        numbers.append(' | '.join(parts) or '0')
    return [*lines, *call(f'    return {layout_name(frame)}.pack', numbers)]


def if_not(condition: str, kind: str) -> list[str]:
    """Return the lines of a condition."""
    line = f'    if {condition}{kind}:'
    return [line] if len(line) <= WIDTH else [f'    if {condition}(', f'            {kind}):']


def assign(name: str, value: str) -> list[str]:
    """Return the lines of an assignment."""
    line = f'    {name} = {value}'
    return [line] if len(line) <= WIDTH else [f'    {name} = (', f'        {value})']


def call(function: str, arguments: list[str]) -> list[str]:
    """Return the lines of a call, which begin with the margin of ``function``."""
    line = f'{function}({", ".join(arguments)})'
    if len(line) <= WIDTH:
        return [line]
    margin = len(function) - len(function.lstrip())
    return [f'{function}(', *fill(arguments, margin + 4), ' ' * margin + ')']
