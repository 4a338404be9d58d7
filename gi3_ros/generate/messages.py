# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The frames as ROS messages."""

import fractions

from .database import expect, Field, Frame
from .files import comment, LICENCE, NOTICE


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
