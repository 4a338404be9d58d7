# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Why a session ended, as far as the bus says it.

What may have been the reason is noted when it happens; :meth:`Reasons.of_end` chooses from it at
the end.
"""

import typing

JUST_BEFORE_S = 2.0
"""An emergency follows its reason within this time (R3: 0.5 s, R8, R14)."""
BEFORE_END_S = 10.0
"""Negotiating a regular end takes longer .."""
BUTTON_S = 90.0
""".. above all after the stop button: the vehicle is told when it asks next (R26, R39)."""
WHO = {'EVSE': 'the EVSE', 'PEV': 'the vehicle (PEV)'}

BUTTON, WITHDRAWN, INSULATION, TEST, SILENCE, REFUSED = (
    'button', 'withdrawn', 'insulation', 'test', 'silence', 'refused')
_WITHOUT_EMERGENCY = (
    (REFUSED, BUTTON_S), (TEST, BEFORE_END_S), (INSULATION, JUST_BEFORE_S),
    (WITHDRAWN, BEFORE_END_S), (SILENCE, BEFORE_END_S), (BUTTON, BUTTON_S))
"""What it may have been, and how long before the end; the first that fits."""


class Emergency(typing.NamedTuple):
    """An Emergency_Stop that was on the bus."""

    origin: str
    """In the vendor's word."""
    time_s: float


class _Note(typing.NamedTuple):
    time_s: float
    words: str


class Reasons:
    """What happened in a session that may have ended it; the newest of each kind."""

    def __init__(self) -> None:
        self._newest: dict[str, _Note] = {}

    def note(self, kind: str, time_s: float, words: str) -> None:
        """Take it that something happened, or still lasts."""
        self._newest[kind] = _Note(time_s, words)

    def drop(self, kind: str) -> None:
        """Take it that this has passed without an end of the session."""
        self._newest.pop(kind, None)

    def before(self, kind: str, time_s: float, within_s: float) -> str:
        """Return the words of what happened at most so long before a moment, else nothing."""
        note = self._newest.get(kind)
        if note is None or not time_s - within_s <= note.time_s <= time_s + 0.5:
            return ''
        return note.words

    def of_end(self, end_s: float, *, was_allowed: bool, state: str) -> str:
        """
        Return in words why a session was rushed to its end without an emergency.

        :param was_allowed: whether System_Enable was Allowed at any time
        :param state: the last one before the end that says what was going on
        """
        for kind, within_s in _WITHOUT_EMERGENCY:
            words = self.before(kind, end_s, within_s)
            if words:
                return words
        if not was_allowed:
            return 'the charger never gave System_Enable (R6)'
        where = f' in {state}' if state else ''
        return f'the bus does not say why it ended{where}'

    def of_emergency(self, emergency: Emergency) -> str:
        """Return in words why an emergency ended the session."""
        origin, time_s = emergency
        words = f'Emergency_Stop by {WHO.get(origin, origin)}'
        for kind in (INSULATION, SILENCE, WITHDRAWN):
            reason = self.before(kind, time_s, JUST_BEFORE_S)
            if reason:
                return f'{words}: {reason}'
        if origin == 'EVSE':
            # Of the triggers in R38 only the interlock line and buttons are not on the bus.
            return f'{words}: the bus does not say why; an interlock, a door or a button'
        return words
