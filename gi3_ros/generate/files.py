# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The generated files: where they are, what they begin with, how their lines are broken."""

import re
import textwrap

SOURCE = 'dbc/gi3_v3.2.kcd'
DBC = 'dbc/gi3_v3.2.dbc'
SIGNALS = 'gi3_ros/core/interface/signals.py'
PACKING = 'gi3_ros/core/interface/packing.py'
COMMAND = 'python -m gi3_ros.generate'
NOTICE = f'Generated from {SOURCE} by: {COMMAND}'
LICENCE = ('# Copyright 2026 gi3_ros maintainers', '# SPDX-License-Identifier: Apache-2.0')
"""In a message these lines come last: what is at its top is its documentation."""
WIDTH = 99


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


def fill(items: list[str], indent: int) -> list[str]:
    """Return items of a sequence, with commas, as lines that break between items and before |."""
    glued = ', '.join(item.replace(' ', '\0').replace('\0|\0', ' |\0') for item in items)
    margin = ' ' * indent
    lines = textwrap.wrap(f'{glued},', WIDTH, initial_indent=margin, subsequent_indent=margin,
                          break_long_words=False, break_on_hyphens=False)
    return [line.replace('\0', ' ') for line in lines]
