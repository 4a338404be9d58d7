# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The database as DBC, for tools that do not read KCD."""

from cantools.database.can import Database, Signal

from .database import one_line
from .files import NOTICE


def write_dbc(database: Database) -> str:
    """Return the database as DBC."""
    for message in database.messages:
        message.comment = one_line(message.comment, message.name)
        for signal in message.signals:
            signal.comment = one_line(signal.comment, f'{message.name}.{signal.name}')
    text = database.as_dbc_string(
        sort_signals=by_start, sort_attribute_signals=by_start).replace('\r\n', '\n')
    # The format knows no comments but these.
    text = text.replace('\nCM_ ', f'\nCM_ "{NOTICE}";\nCM_ ', 1)
    return text.rstrip('\n') + '\n'


def by_start(signals: list[Signal]) -> list[Signal]:
    """Sort signals by their position in the frame."""
    return sorted(signals, key=lambda signal: signal.start)
