"""
Why a session ended, as far as the bus says it.

What may have been the reason is noted when it happens; :func:`cause` chooses from it at the end.
"""

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


class Reasons:
    """What happened in a session that may have ended it; the newest of each kind."""

    def __init__(self):
        self._newest = {}

    def note(self, kind: str, time_s: float, words: str) -> None:
        """Take it that something happened, or still lasts."""
        self._newest[kind] = time_s, words

    def drop(self, kind: str) -> None:
        """Take it that this has passed without an end of the session."""
        self._newest.pop(kind, None)

    def before(self, kind: str, time_s: float, within_s: float) -> str:
        """Return the words of what happened at most so long before a moment, else nothing."""
        when_s, words = self._newest.get(kind, (None, ''))
        return words if when_s is not None and time_s - within_s <= when_s <= time_s + 0.5 else ''


def cause(session) -> str:
    """
    Return in words why a session did not end as it should; empty for one that did.

    :param session: :class:`~.story.Session` that has ended
    """
    if session.emergency:
        return _of_emergency(session)
    if session.outcome != 'Rushed_Stop':
        return ''
    for kind, within_s in _WITHOUT_EMERGENCY:
        words = session.reasons.before(kind, session.end_s, within_s)
        if words:
            return words
    if not session.was_allowed:
        return 'the charger never gave System_Enable (R6)'
    where = f' in {session.stage}' if session.stage else ''
    return f'the bus does not say why it ended{where}'


def _of_emergency(session):
    origin, time_s = session.emergency
    words = f'Emergency_Stop by {WHO.get(origin, origin)}'
    for kind in (INSULATION, SILENCE, WITHDRAWN):
        reason = session.reasons.before(kind, time_s, JUST_BEFORE_S)
        if reason:
            return f'{words}: {reason}'
    if origin == 'EVSE':
        # Of the triggers in R38 only the interlock line and buttons are not on the bus.
        return f'{words}: the bus does not say why; an interlock, a door or a button'
    return words
