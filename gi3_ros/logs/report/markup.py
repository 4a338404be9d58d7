# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""HTML of the report: whatever comes from the log is escaped."""

from collections.abc import Iterable, Sequence
import html
import json

NUMBER = '#number'
"""Begins the head of a column of numbers."""


def safe(text: object) -> str:
    """Return a text that is no markup, whatever is in it."""
    return html.escape(str(text))


def json_text(data: object) -> str:
    """Return JSON that can stand in a script element, whatever strings are in it."""
    text = json.dumps(data, separators=(',', ':'), allow_nan=False)
    return text.replace('<', '\\u003c').replace('>', '\\u003e').replace('&', '\\u0026')


def table(title: str, caption: str, heads: Sequence[str], rows: Iterable[str]) -> str:
    """Return a table with its title; the rows are HTML."""
    cells = ''.join(
        f'<th scope="col" class="number">{safe(head[len(NUMBER):] or "#")}</th>'
        if head.startswith(NUMBER) else f'<th scope="col">{safe(head)}</th>'
        for head in heads)
    # It scrolls on a narrow screen: with a name and in the order of Tab, also without a mouse.
    return (f'<h3>{safe(title)}</h3><div class="table" role="region" tabindex="0" '
            f'aria-label="{safe(title)}"><table><caption>{safe(caption)}</caption>'
            f'<thead><tr>{cells}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>')
