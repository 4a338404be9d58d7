"""What ``--json`` prints: one document, of one shape for all commands (docs/json.md)."""

import json

import click

from .version import version

FORMAT = 1
"""Raised when a key goes or changes its meaning; new keys may come at any time."""


def print_document(command: str, **content: object) -> None:
    """Print one JSON document with what all have in common, and ``content``."""
    document = {'schema': f'gi3/{command}/{FORMAT}', 'version': version(), **content}
    click.echo(json.dumps(document, indent=2))


def of_log(log, file) -> dict[str, object]:
    """Return what a document says of the log, once it has been read."""
    return {
        'file': str(file), 'kind': log.kind, 'has_dates': log.has_dates,
        'problems': list(log.problems),
    }
