# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How the results are printed."""

import math
import statistics

from rich.console import Console
from rich.table import Table

NOT_A_TERMINAL = 132
console = Console()
if not console.is_terminal:
    console = Console(width=NOT_A_TERMINAL)


def table(title, *columns):
    """Return a table with right-aligned columns; the first one names the row."""
    made = Table(title=title, title_justify='left')
    for number, column in enumerate(columns):
        made.add_column(column, justify='right' if number else 'left')
    return made


def show(made):
    """Print a table."""
    console.print(made)


def say(words):
    """Print a line as it is."""
    console.print(words, markup=False, highlight=False)


def goal(words, reached, *, is_kept):
    """Print a goal with what came of it."""
    say(f'goal {"kept  " if is_kept else "MISSED"}  {words}: {reached}')


def percent(share):
    """Return a share of a core in words; ``None`` is not known."""
    return '-' if share is None else f'{share:.1%}'


def quantile(values, share):
    """Return the smallest value that this share of all does not exceed."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def spread_ms(durations_s):
    """Return the cells of a row about durations: how many, median, 99 %, worst."""
    if not durations_s:
        return ['0', '-', '-', '-']
    return [str(len(durations_s)), *(
        f'{1e3 * value_s:.1f}' for value_s in (
            statistics.median(durations_s), quantile(durations_s, 0.99), max(durations_s)))]
