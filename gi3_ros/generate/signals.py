# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The frames as Python classes."""

import textwrap

from .database import expect, Field, Frame
from .files import docstring, fill, first_sentence, LICENCE, NOTICE, SIGNALS, WIDTH


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
