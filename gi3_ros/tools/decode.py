"""``gi3 decode``: frames of the interface in words."""

import re
import sys

import click

from ..core import codec
from ..core.frame import Frame

CANDUMP = re.compile(
    r'(?P<id>[0-9A-Fa-f]{3,8})(?:#|\s+(?:\[\d+\]\s*)?)(?P<data>(?:[0-9A-Fa-f]{2}[ .]?)*)'
    r"(?:\s+[RTrt]|\s+'.{0,8}')?\s*$"
)
"""
What candump prints (``0106B000#07``, ``can0  0106B000  [1]  07``), without what is before.

After it there may be the direction, or the bytes as characters.
"""


def parse(text):
    """
    Read one line of candump's output, with or without time and interface before the frame.

    :raises ValueError: when there is no frame in it
    """
    words = text.strip()
    match = CANDUMP.search(words)
    if match is None:
        raise ValueError(f'no CAN frame in {words!r}; write it as 0106B003#A00F1400000064')
    digits = match['id']
    data = bytes.fromhex(match['data'].replace(' ', '').replace('.', ''))
    return Frame(int(digits, 16), data, is_extended=len(digits) > 3)


def describe(frame):
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


def _value(signal, value):
    if signal.enum is not None:
        return signal.labels.get(int(value), f'{value} (undefined)')
    if signal.is_flag:
        return int(value)
    return f'{value:g} {signal.unit}'.rstrip()


@click.command(short_help='Say what frames mean.')
@click.argument('frames', nargs=-1)
def decode(frames):
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
