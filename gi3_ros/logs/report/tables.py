# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The tables of a pistol on its page: findings, sessions, rates and gaps, bad frames."""

from collections.abc import Sequence

from ..story.pistol import Pistol
from ..story.rates import AT_MOST, EXAMPLES, MessageRate
from ..story.session import Session
from ..story.story import FINDINGS, Story
from ..story.verdict import count, duration
from .chart import Numbered
from .clock import Clock
from .markup import safe, table


def findings_table(
    story: Story, pistol: Pistol, findings: Sequence[Numbered], identifier: str, clock: Clock,
) -> str:
    """
    Return the table of findings.

    :param findings: of this pistol
    :param identifier: of the chart in which they are marked
    """
    total, observed = (
        sum(each for rule, each in counts.items() if rule.pistol == pistol.index)
        for counts in (story.counts, story.observed))
    if not total and not observed:
        return '<h3>Findings</h3><p>None: no rule was seen broken by either end.</p>'
    rows = [_finding(each, identifier, clock) for each in findings]
    more = [
        f'{number - FINDINGS} more of {rule.rule} by the {rule.who}'
        for rule, number in (*story.counts.items(), *story.observed.items())
        if rule.pistol == pistol.index and number > FINDINGS]
    note = ''
    if more:
        note = (f'<p class="note">Not listed: {safe(", ".join(more))}. gi3 audit --all '
                'lists them.</p>')
    seen = f' and {count(observed, "observation")} that no rule forbids' if observed else ''
    return table(
        'Findings', f'{count(total, "breach", "breaches")} of rules{seen}; each is named '
        'once while it lasts. A row leads to its moment in the chart.',
        ('#number', 'Time', 'Rule', 'Who', 'What'), rows) + note


def _finding(numbered: Numbered, identifier: str, clock: Clock) -> str:
    number, time_s, finding = numbered
    who = safe(finding.who)
    kind = f'who {who}'
    if finding.is_observation:
        who, kind = f'{who}, observation', 'who observation'
    return (
        f'<tr id="finding-{number}" data-time="{time_s:.4f}" data-chart="{identifier}">'
        f'<td class="number"><a href="#finding-{number}">{number}</a></td>'
        f'<td class="time"><a href="#finding-{number}">{safe(clock.text(time_s))}'
        f'</a></td><td>{safe(finding.rule)}</td>'
        f'<td><span class="{kind}">{who}</span></td>'
        f'<td class="words">{safe(finding.text)}</td></tr>')


def sessions_table(pistol: Pistol, clock: Clock) -> str:
    """Return the table of all sessions."""
    rows = [_session(number, session, clock)
            for number, session in enumerate(pistol.sessions, 1)]
    note = ''
    if pistol.more_sessions:
        note = f'<p class="note">{pistol.more_sessions} more are not listed.</p>'
    return table('Sessions', 'All sessions of this pistol.', (
        '#number', 'Begin', 'Duration', 'Protocol', 'End', '#numberCharged, kWh',
        '#numberDischarged, kWh', '#numberPeak, kW', '#numberSoC'), rows) + note


def _session(number: int, session: Session, clock: Clock) -> str:
    soc = '' if session.soc_from is None else (
        f'{session.soc_from:.0f} → {session.soc_to:.0f} %')
    peak = '' if session.peak_w is None else f'{session.peak_w.value / 1000:.1f}'
    end = session.end_reason
    if session.cause:
        end += f': {session.cause}'
    charged = f'{session.charged_wh / 1000:.3f}' if session.has_energy else ''
    discharged = f'{session.discharged_wh / 1000:.3f}' if session.has_energy else ''
    return (
        f'<tr><td class="number">{number}</td>'
        f'<td class="time">{safe(clock.text(session.begin_s))}</td>'
        f'<td class="time">{duration(session.duration_s)}</td>'
        f'<td>{safe(session.protocol or "")}</td><td class="words">{safe(end)}</td>'
        f'<td class="number">{charged}</td><td class="number">{discharged}</td>'
        f'<td class="number">{peak}</td><td class="number">{soc}</td></tr>')


def rates_table(pistol: Pistol, clock: Clock) -> str:
    """Return the table of rates and gaps."""
    rows = [_rate(rate, clock) for rate in sorted(pistol.rates.values(), key=lambda rate: (
        not rate.from_controller, rate.period_s is None, rate.name))]
    return table(
        'Rates and gaps', 'Rate: while it is repeated. Longest gap: where pauses are not part '
        'of the interface, Power_Modules_Status and DC_Power_Control within sessions. A gap '
        'is longer than 2.5 nominal periods, for DC_Power_Control than 1 s as a vehicle may '
        'set its pace (R26); '
        f'the {AT_MOST} longest are listed.',
        ('Message', 'From', '#numberCount', '#numberRate, Hz', 'Nominal', 'Longest gap',
         'Gaps'), rows)


def _rate(rate: MessageRate, clock: Clock) -> str:
    hz = '' if rate.rate_hz is None else f'{rate.rate_hz:.2f}'
    nominal = 'on events' if rate.period_s is None else f'{rate.period_s * 1000:.0f} ms'
    longest = ''
    if rate.period_s is not None and rate.longest_at_s is not None:
        longest = f'{_gap(rate.longest_s)} at {clock.text(rate.longest_at_s)}'
    end = 'controller' if rate.from_controller else 'customer'
    return (
        f'<tr><td><code>{safe(rate.name)}</code></td><td>{end}</td>'
        f'<td class="number">{rate.count:,}</td><td class="number">{hz}</td>'
        f'<td>{nominal}</td><td class="time">{safe(longest)}</td>'
        f'<td>{_gaps(rate, clock)}</td></tr>')


def _gaps(rate: MessageRate, clock: Clock) -> str:
    if not rate.late:
        return '' if rate.tolerance_s is None else 'none'
    listed = ', '.join(
        f'{_gap(gap.length_s)} at {clock.text(gap.begin_s)}' for gap in rate.gaps)
    more = f', and {rate.late - len(rate.gaps)} shorter ones' if (
        rate.late > len(rate.gaps)) else ''
    return f'<span class="late">{rate.late}</span>: {safe(listed + more)}'


def _gap(length_s: float) -> str:
    return f'{length_s * 1000:.0f} ms' if length_s < 1 else f'{length_s:.2f} s'


def bad_frames_table(pistol: Pistol, clock: Clock) -> str:
    """Return the table of frames that are not as they should be; nothing where there are none."""
    bad = pistol.bad
    if not bad.count:
        return ''
    rows = [f'<tr><td class="time">{safe(clock.text(each.time_s))}</td>'
            f'<td class="words">{safe(each.words)}</td></tr>' for each in bad.examples]
    return table(
        'Frames that are not as they should be', f'{bad.short} too short, {bad.undefined} '
        f'with an undefined label, {bad.unassigned} with unassigned bits set; the first '
        f'{EXAMPLES} at most.', ('Time', 'What'), rows)
