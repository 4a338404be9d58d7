# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A story in one sentence, and whether all of it was there to be judged."""

import collections
from collections.abc import Iterator, Sequence
import typing

from .session import Session
from .story import Story

GOOD, BAD, PARTIAL, EMPTY = 'good', 'bad', 'partial', 'empty'
AT_MOST = 6
"""Sentences about sessions that are not whole; the others are counted."""
NO_WORDS = 'without Charge_Session_Finished'


class Verdict(typing.NamedTuple):
    """What stands at the head of a report."""

    words: str
    mood: str
    """
    ``good``: whole, clean and complete; ``bad``: a rule was broken or a session went wrong;
    ``partial``: nothing wrong was seen, but not all was there to be seen; ``empty``: no session.
    """
    missing: list[str]
    """Sentences about what was not there to be judged."""


def verdict(
    story: Story, problems: Sequence[str] = (), is_damaged: bool | None = None,
) -> Verdict:
    """
    Return the :class:`Verdict` on a story.

    :param story: concluded
    :param problems: sentences of the log's reader about what it could not read
    :param is_damaged: whether that may have been of the interface; where there are any without
    """
    missing = _missing(story, () if is_damaged is False else problems)
    if story.first_ns is None:
        return Verdict('Not a single frame of this log could be read.' if problems else
                       'The log is empty: not a single frame.', EMPTY, missing)
    if not story.interface_frames:
        return Verdict(
            f'Nothing of Generic Interface v3 in this log: {count(story.frames, "frame")}, none '
            'of them of the interface.', EMPTY, missing)
    sessions = [session for pistol in story.pistols.values() for session in pistol.sessions]
    words = '; '.join((_sessions_in_words(story, sessions), *_findings_in_words(story)))
    live = _left_live(story)
    if live:
        words += f'; {live}'
    if story.finding_count or live or any(map(_is_wrong, sessions)) or any(
            pistol.endings['Rushed_Stop'] or pistol.emergencies
            for pistol in story.pistols.values()):
        mood = BAD
    elif missing:
        mood = PARTIAL
    else:
        mood = GOOD if sessions else EMPTY
    return Verdict(f'{words}.', mood, missing)


def _is_wrong(session: Session) -> bool:
    """Return whether a session itself went wrong, and not only the log of it."""
    if session.outcome == 'Clean_Stop':
        return session.emergency is not None
    return bool(not session.is_cut or session.emergency or session.withdrawals)


def _sessions_in_words(story: Story, sessions: list[Session]) -> str:
    total = len(sessions) + sum(pistol.more_sessions for pistol in story.pistols.values())
    words = count(total, 'session') if total else 'No session'
    if len(story.pistols) > 1:
        words += f' of {len(story.pistols)} pistols'
    if total == 1:
        session, = sessions
        words += f', {_ending(session)} after {duration(session.duration_s)}'
        if session.cause:
            words += f': {session.cause}'
        elif session.withdrawals:
            words += ': System_Enable was withdrawn'
    elif total:
        endings: collections.Counter[str | None] = collections.Counter()
        for pistol in story.pistols.values():
            endings += pistol.endings
        words += ': ' + ', '.join(
            f'{each} {ending or NO_WORDS}' for ending, each in endings.items())
        emergencies = sum(session.emergency is not None for session in sessions)
        if emergencies:
            words += f', {count(emergencies, "emergency", "emergencies")}'
        words += _first_cause(story)
    return words


def _first_cause(story: Story) -> str:
    causes = [f'{_named(story, index, number)}: {session.cause}'
              for index, pistol in sorted(story.pistols.items())
              for number, session in enumerate(pistol.sessions, 1) if session.cause]
    if not causes:
        return ''
    more = f'; {len(causes) - 1} more in the table of sessions' if len(causes) > 1 else ''
    return f' ({causes[0]}{more})'


def _ending(session: Session) -> str:
    if session.is_cut:
        return f'cut off ({session.end_reason})'
    return session.outcome or NO_WORDS


def _findings_in_words(story: Story) -> Iterator[str]:
    found = story.finding_count
    words = count(found, 'finding') if found else 'no finding'
    if found:
        ends: collections.Counter[str] = collections.Counter()
        for rule, each in story.counts.items():
            ends[rule.who] += each
        words += ': ' + ', '.join(
            f'{each} {who}' for who, each in sorted(ends.items(), reverse=True))
    yield words
    observed = sum(story.observed.values())
    if observed:
        yield f'{count(observed, "observation")} that {"breaks" if observed == 1 else "break"} ' \
              'no rule'


def _left_live(story: Story) -> str:
    live = [(index, number, session) for index, pistol in sorted(story.pistols.items())
            for number, session in enumerate(pistol.sessions, 1) if session.is_left_live]
    if not live:
        return ''
    index, number, session = live[0]
    more = f', and after {count(len(live) - 1, "other session")}' if len(live) > 1 else ''
    name, volts = _named(story, index, number), session.left_live_v
    return (f'after {name} {volts:.0f} V stayed at the output{more}: '
            'contactors of the vehicle that did not open, or a voltage that was not lowered')


def _named(story: Story, index: int, number: int) -> str:
    words = f'session {number}'
    return words if len(story.pistols) == 1 else f'{words} of pistol {index}'


def _missing(story: Story, problems: Sequence[str]) -> list[str]:
    """Return sentences about what was not there to be judged."""
    missing = []
    if problems:
        missing.append(
            'Not all of the log could be read: "What the file said" below has '
            f'{count(len(problems), "sentence")} about it.')
    holes = len(story.breaks)
    if holes:
        longest_s = max(each.length_s for each in story.breaks)
        missing.append(f'The log has {count(holes, "hole")} without a single frame, up to '
                       f'{longest_s:.1f} s long.')
    if story.notes:
        missing.append(f'Stamps of the log were put right: {story.notes[0][1]}'
                       + (f' ({len(story.notes) - 1} more below)' * (len(story.notes) > 1)))
    for step in story.steps[:1]:
        missing.append(
            f'The clock of the log was set back by {step.by_s:,.1f} s'
            + (f', and {count(len(story.steps) - 1, "more time")}' if len(story.steps) > 1 else '')
            + ': lengths go on counting.')
    anew = story.new_beginnings - holes - len(story.steps)
    if anew > 0:
        missing.append(
            f'In {count(anew, "other place" if holes or story.steps else "place")} something of '
            'the log is missing or its clock leaps: the rules began anew there.')
    missing += _of_sessions(story)
    if story.strays:
        strays = count(sum(story.strays.values()), 'message')
        missing.append(f'The pistol of {strays} of topics is not known: --pistol tells it.')
    if story.shared_indices:
        missing.append('One pistol index is on several channels, which are mixed here: --channel '
                       'chooses one.')
    return missing


def _of_sessions(story: Story) -> list[str]:
    sentences = []
    for index, pistol in sorted(story.pistols.items()):
        if pistol.begins_in:
            of = '' if len(story.pistols) == 1 else f' of pistol {index}'
            sentences.append(f'The log begins in mid-session{of}, in {pistol.begins_in}.')
        for number, session in enumerate(pistol.sessions, 1):
            name = _named(story, index, number)
            if session.is_cut:
                sentences.append(f'The end of {name} is not in the log: {session.end_reason}.')
            elif not session.is_begin_known and not (number == 1 and pistol.begins_in):
                sentences.append(f'The begin of {name} is not in the log.')
            if session.left_live_v and not session.is_left_live:
                sentences.append(
                    f'{session.left_live_v:.0f} V were at the output when it was measured last, '
                    f'{session.left.seen_s - session.end_s:.1f} s after {name}: nobody knows '
                    'whether they went away.')
            if session.uncounted:
                sentences.append(
                    f'The energy of {name} is without {session.uncounted_s:.1f} s in which nobody '
                    'measured.')
        if pistol.more_sessions:
            sentences.append(f'{count(pistol.more_sessions, "session")} of pistol {index} more '
                             'than this report keeps.')
    if len(sentences) > AT_MOST:
        sentences[AT_MOST:] = [f'{len(sentences) - AT_MOST} more such sentences.']
    return sentences


def count(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun."""
    return f'{number:,} {one if number == 1 else many or f"{one}s"}'


def duration(length_s: float) -> str:
    """Return a length as hours, minutes and seconds."""
    minutes, rest = divmod(round(length_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f'{hours:02d}:{minutes:02d}:{rest:02d}'
