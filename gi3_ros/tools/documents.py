# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What ``--json`` prints: one document, of one shape for all commands (docs/reference/json.md)."""

import json
import pathlib

import click

from ..logs.log import Log
from .version import version

FORMAT = 1
"""Raised when a key goes or changes its meaning; new keys may come at any time."""


def print_document(command: str, **content: object) -> None:
    """Print one JSON document with what all have in common, and ``content``."""
    document = {'schema': f'gi3/{command}/{FORMAT}', 'version': version(), **content}
    click.echo(json.dumps(_printable_in(document), indent=2))


def of_log(log: Log, file: pathlib.Path | str) -> dict[str, object]:
    """Return what a document says of the log, once it has been read."""
    return {
        'file': str(file), 'kind': log.kind, 'has_dates': log.has_dates,
        'problems': list(log.problems),
    }


def printable(text: str) -> str:
    """Return a text that can be written as UTF-8: bytes of file names that are none replaced."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode('utf-8', 'surrogateescape').decode('utf-8', 'replace')
    return text


def _printable_in(value: object) -> object:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {_printable_in(key): _printable_in(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_printable_in(each) for each in value]
    return value
