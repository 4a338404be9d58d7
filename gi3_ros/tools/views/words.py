# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How the live views and the lines say things: plain words, and numbers with their units."""

import enum
import math
import textwrap

MAX_AGE_S = 1.0
"""A value that nobody repeated for this long is not shown any more."""
_CONTROLS = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)], ' ')


def number(value: float | None, form: str, unit: str) -> str:
    """Return a value with its unit, or a dash when it is not known."""
    if value is None or math.isnan(value):
        return '-'
    digits = f'{value:{form}}'
    # A measured zero has no sign.
    return f'{digits.replace("-", " ") if float(digits) == 0 else digits} {unit}'


def lower_words(name: str) -> str:
    """Return a label in capitals as words of a text."""
    return name.replace('_', ' ').lower()


def label(value: int) -> str:
    """Return the label of a signal's value as words of a text; a number that has none as it is."""
    return lower_words(value.name) if isinstance(value, enum.Enum) else str(value)


def contact(is_closed: bool | None) -> str:
    """Return the position of a contactor; ``None`` is unknown."""
    return 'unknown' if is_closed is None else 'closed' if is_closed else 'open'


def wrapped(text: str, width: int) -> list[str]:
    """Return the lines of a text; control characters of foreign words never reach a terminal."""
    return textwrap.wrap(text.translate(_CONTROLS), max(width, 8))
