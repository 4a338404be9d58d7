# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""``gi3 decode``: frames of the interface in words."""

import re
import sys

import click

from ..core.interface import codec
from ..core.interface.frame import Frame
from ..core.interface.layout import Signal

_ID = r'(?<![0-9A-Za-z])(?P<id>[0-9A-Fa-f]{3,8})'
_AFTER = r"(?:\s+[RTrt]|\s+'.{0,8}'|\s+ERRORFRAME)?\s*$"
LOG_LINE = re.compile(_ID + r'#(?P<data>[^#\s]*)' + _AFTER)
"""What ``candump -L`` prints and ``cansend`` takes, without what is before: 0106B000#07."""
SCREEN_LINE = re.compile(
    _ID + r'\s+(?:\[(?P<count>\d+)\]|\{[9A-F]\})\s*(?P<data>remote request|[0-9A-Fa-f`\s]*?)'
    + _AFTER)
"""What candump prints on the screen: bytes, in hexadecimal or binary (-i), swapped (-S) or not."""
BARE_LINE = re.compile(_ID + r'\s+(?P<data>(?:[0-9A-Fa-f]{2}[ .]?)+)' + _AFTER)
"""Identifier and bytes, as somebody types them."""
COLOUR = re.compile(r'\x1b\[[0-9;]*m')
_LONGEST = 8
_ERROR_FLAG = 1 << 29


def parse(text: str) -> Frame:
    """
    Read one line of candump's output, with or without time and interface before the frame.

    :raises ValueError: when there is no frame of classic CAN in it, or one that contradicts itself
    """
    words = COLOUR.sub('', text).strip()
    if match := LOG_LINE.search(words):
        data = match['data'].partition('_')[0]
        count = None
    elif match := SCREEN_LINE.search(words):
        data, count = match['data'], match['count'] or str(_LONGEST)
        if len(count) > 1:
            raise _fd(words)
    elif match := BARE_LINE.search(words):
        data, count = match['data'], None
    else:
        raise _fd(words) if re.search(r'[0-9A-Fa-f]{3}##', words) else ValueError(
            f'no CAN frame in {words!r}; write it as 0106B003#A00F1400000064')
    return _frame(match['id'], data, count, words)


def _frame(digits: str, data: str, count: str | None, words: str) -> Frame:
    is_remote = data == 'remote request' or (count is None and data[:1] in ('R', 'r'))
    number = int(digits, 16)
    return Frame(
        number & ~_ERROR_FLAG, b'' if is_remote else _bytes(data, count, words),
        is_extended=len(digits) > 3, is_remote=is_remote, is_error=bool(number & _ERROR_FLAG))


def _bytes(data: str, count: str | None, words: str) -> bytes:
    """Return the bytes that a line shows, in the order of the bus."""
    digits = re.sub(r'[\s.`]', '', data)
    number = len(digits) // 2 if count is None else int(count)
    if number > _LONGEST:
        raise ValueError(f'{number} bytes in {words!r}: classic CAN has {_LONGEST} at the most')
    size = len(digits) // number if number else 0
    if len(digits) != number * size or size not in (0, 2, 8) or (not size and digits):
        raise ValueError(f'not {number} bytes in {words!r}: is the line cut?')
    base = 16 if size == 2 else 2
    try:
        read = bytes(int(digits[at:at + size], base) for at in range(0, len(digits), size or 1))
    except ValueError:
        raise ValueError(
            f'not {number} bytes in {words!r}: neither hexadecimal nor binary') from None
    return read[::-1] if '`' in data else read


def _fd(words: str) -> ValueError:
    return ValueError(f'a frame of CAN FD in {words!r}: the Generic Interface is classic CAN')


def describe(frame: Frame) -> str:
    """Say what a frame is, in one line."""
    received = codec.decode(frame)
    if isinstance(received, codec.Rejected):
        return f'{received.kind.value}: {received.text}'
    message = received.message
    words = [
        f'{signal.name}={_value(signal, getattr(message, signal.field))}'
        for signal in message.SIGNALS
    ]
    if received.unassigned_bits:
        words.append(f'unassigned bits set: {received.unassigned_bits:#x}')
    side = 'controller' if message.FROM_CONTROLLER else 'charger'
    return f'pistol {received.index} {side} {message.NAME}: {", ".join(words)}'


def _value(signal: Signal, value: float) -> str:
    if signal.enum is not None:
        return signal.labels.get(int(value), f'{value} (undefined)')
    if signal.is_flag:
        return str(int(value))
    return f'{value:g} {signal.unit}'.rstrip()


@click.command(short_help='Say what frames mean.')
@click.argument('frames', nargs=-1)
def decode(frames: tuple[str, ...]) -> None:
    """
    Say what FRAMES mean, in candump's spelling; without arguments read lines from standard input.

    \b
    Examples:
      gi3 decode 0106B003#A00F1400000064
      candump can0 | gi3 decode

    Exit status 1 when something was no frame.
    """  # noqa: D301 - click wants the backspace itself
    status = 0
    for text in frames or sys.stdin:
        if not text.strip():
            continue
        try:
            click.echo(describe(parse(text)))
        except ValueError as error:
            click.echo(f'gi3 decode: {error}', err=True)
            status = 1
    sys.exit(status)
