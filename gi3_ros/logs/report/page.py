"""
A story as one HTML page that loads nothing from anywhere.

The words and tables are plain HTML; only the charts need the script. Whatever comes from the log
is escaped, and the page forbids itself to load anything (Content-Security-Policy).
"""

import bisect
import html
import json

import plotly.offline

from ..story.rates import AT_MOST, EXAMPLES
from ..story.story import FINDINGS, INTEGRATE_S
from ..story.verdict import count as _count
from ..story.verdict import duration as _duration
from ..story.verdict import verdict
from ..times import offset_text, Zone
from .chart import chart, CONFIG, LINES
from .page_parts import SCRIPT, STYLE

_MOODS = {
    'good': 'All clean', 'bad': 'Attention', 'partial': 'Not complete',
    'empty': 'Nothing to judge'}
CARDS = 24
"""Sessions of one pistol with a card; all of them are in the table."""
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data: blob:; base-uri 'none'; form-action 'none'")


class Clock:
    """
    Times of the log for people.

    :param first_ns: of the first entry, since the epoch where there are dates
    :param length_s: of the log
    :param zone: :class:`~.times.Zone` to tell them in
    :param steps: ``(time in s, by how many s)`` where the clock of the log was set back: the
        seconds of a story go on, the times are those that stand in the log
    """

    axis = 'seconds since the begin of the log'

    def __init__(self, first_ns, has_dates, length_s=0.0, *, zone=None, steps=()):
        self._first_ns = None
        self.pieces = []
        """``[from, origin, offset]``: seconds of the story; ms of a clock at second 0, as if it
        were UTC; words behind the time. Empty without dates."""
        self._begins, self._shifts = [0.0], [0]
        for time_s, by_s in steps:
            self._begins.append(time_s)
            self._shifts.append(self._shifts[-1] + round(by_s * 1e9))
        if not has_dates or first_ns is None:
            return
        self._zone = zone or Zone()
        try:
            self._first_ns = first_ns
            last = self._zone.at(self._ns(length_s))
            first = self._zone.at(first_ns)
            changes = self._zone.changes(first_ns, self._ns(length_s))
        except ValueError:
            # A date that no calendar has.
            self._first_ns = None
            return
        self._has_one_offset = not changes
        self._is_one_day = first.date() == last.date() and not steps
        where = self._zone.name or 'local time'
        self.axis = f'{where}, {self._zone.words(first_ns)}'
        if changes:
            self.axis += ', also after the clocks were changed'
        elif len(self._begins) > 1:
            self.axis += ', also after the clock of the log was set back'
        self._cut(changes)

    def _cut(self, changes):
        """Make the pieces: one more wherever the hands of a clock leap."""
        leaps = {*self._begins, *((each - self._first_ns) / 1e9 for each in changes)}
        for begin_s in sorted(leaps):
            time_ns = self._ns(begin_s)
            when = self._zone.at(time_ns)
            origin_ms = (time_ns / 1e6 - begin_s * 1000
                         + when.utcoffset().total_seconds() * 1000)
            words = '' if self._has_one_offset else offset_text(when)
            self.pieces.append([round(begin_s, 3), round(origin_ms, 3), words])

    def _ns(self, time_s):
        place = bisect.bisect_right(self._begins, time_s) - 1
        return self._first_ns + round(time_s * 1e9) - self._shifts[max(place, 0)]

    @property
    def has_dates(self):
        return self._first_ns is not None

    def text(self, time_s):
        """Return a time as text, to the millisecond."""
        if self._first_ns is None:
            return f'{time_s:.3f} s'
        when = self._zone.at(self._ns(time_s))
        words = when.strftime('%H:%M:%S.' if self._is_one_day else '%Y-%m-%d %H:%M:%S.') + (
            f'{when.microsecond // 1000:03d}')
        return words if self._has_one_offset else words + offset_text(when)

    def span(self, begin_s, end_s):
        """Return begin and end as text, with dates."""
        if self._first_ns is None:
            return 'no dates in this log; times are seconds since its begin'
        begin_ns, end_ns = self._ns(begin_s), self._ns(end_s)
        first, last = (f'{self._zone.at(each):%Y-%m-%d %H:%M:%S}' for each in (begin_ns, end_ns))
        if not self._has_one_offset:
            first += f' {self._zone.words(begin_ns)}'
        elif last[:10] == first[:10]:
            last = last[11:]
        return f'{first} to {last} {self._zone.words(end_ns)}'

    def detail(self, begin_s, end_s):
        """Return a time as ``gi3 report --detail`` takes it."""
        if self._first_ns is None:
            return f'{begin_s:.0f}/{end_s:.0f}'
        return '/'.join(f'{self._zone.at(self._ns(each)):%Y-%m-%dT%H:%M:%S}'
                        for each in (begin_s, end_s))


def page(story, *, name, kind='', problems=(), has_dates=True, version='', note='', zone=None,
         is_damaged=None):
    """
    Return the whole page.

    :param story: :class:`~.story.Story`, concluded
    :param name: of the file, as it was given
    :param kind: of the file, in words
    :param problems: sentences of its reader
    :param version: of this package
    :param note: a sentence about the log for the head of the page, such as that it is simulated
    :param zone: :class:`~.times.Zone` to tell times in; that of this machine without
    :param is_damaged: whether what could not be read may have been of the interface; where there
        are problems without
    """
    clock = Clock(story.first_ns, has_dates, story.length_s, zone=zone, steps=story.steps)
    return _Page(story, clock).html(
        name=name, kind=kind, problems=problems, version=version, note=note,
        is_damaged=is_damaged)


class _Page:
    def __init__(self, story, clock):
        self._story = story
        self._clock = clock
        self._charts = {}

    def html(self, *, name, kind, problems, version, note, is_damaged):
        story = self._story
        words, mood, missing = verdict(story, problems, is_damaged)
        body = [self._pistol(story.pistols[index]) for index in sorted(story.pistols)]
        data = {'pieces': self._clock.pieces, 'axis': self._clock.axis,
                'config': CONFIG, 'charts': self._charts}
        # plotly comes with one bundle only, all of it: a smaller one would have to be fetched or
        # built, and the page must work where there is no network.
        scripts = (
            f'<script>{plotly.offline.get_plotlyjs()}</script>\n'
            f'<script type="application/json" id="data">{json_text(data)}</script>\n'
            f'<script>{SCRIPT}</script>') if self._charts else ''
        missing = ''.join(f'<li>{_safe(each)}</li>' for each in missing)
        if missing:
            missing = f'<ul class="missing" aria-label="What is missing">{missing}</ul>'
        meta = [f'<span>File <b><code>{_safe(name)}</code></b></span>']
        if story.first_ns is not None:
            meta += [
                f'<span>{_safe(self._clock.span(0.0, story.length_s))}</span>',
                f'<span>Length <b>{_duration(story.length_s)}</b></span>',
                f'<span><b>{story.frames:,}</b> frames</span>']
        if note:
            meta.append(f'<span><b>{_safe(note)}</b></span>')
        no_script = '' if not self._charts else (
            '<noscript><p class="note">The charts need JavaScript; all else on this page does '
            'not.</p></noscript>')
        return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_safe(name)}: {_safe(words)}</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>Charging report</h1>
<p class="verdict is-{mood}"><span class="mood">{_MOODS[mood]}</span> {_safe(words)}</p>
{missing}
<p class="meta">{''.join(meta)}</p>
</header>
<main>
{no_script}
{''.join(body)}
{self._file(kind, problems)}
<footer>Written by gi3 report of gi3_ros{_safe(f' {version}' if version else '')}, which judges by
its own reading of the ADVANTICS Generic Interface v3.2 (docs/reference/rules.md).</footer>
</main>
{scripts}
</body>
</html>
"""

    # One pistol

    def _pistol(self, pistol):
        everything = sorted(
            [*self._story.findings, *self._story.observations], key=lambda each: each[0])
        findings = [(number, time_s, finding) for number, (time_s, index, finding) in enumerate(
            everything, 1) if index == pistol.index]
        identifier = f'chart-{pistol.index}'
        parts = [f'<section aria-labelledby="pistol-{pistol.index}">',
                 f'<h2 id="pistol-{pistol.index}">Pistol {pistol.index}</h2>']
        parts.append(self._cards(pistol))
        if pistol.rates:
            self._charts[identifier] = chart(pistol, findings, length_s=self._story.length_s)
            parts.append(self._chart(pistol, identifier, len(findings)))
        parts.append(self._findings(pistol, findings, identifier))
        if len(pistol.sessions) > 1:
            parts.append(self._sessions(pistol))
        parts.append(self._rates(pistol))
        parts.append(self._bad_frames(pistol))
        return '\n'.join(parts) + '</section>'

    def _cards(self, pistol):
        if not pistol.sessions:
            stops = ''
            if pistol.emergencies:
                time_s, origin = pistol.emergencies[0]
                stops = (f' Emergency_Stop by the {_safe(origin)} at '
                         f'{_safe(self._clock.text(time_s))}.')
            return f'<p>No charge session in this log.{stops}</p>'
        cards = [self._card(number, session)
                 for number, session in enumerate(pistol.sessions[:CARDS], 1)]
        rest = ''
        if len(pistol.sessions) > CARDS:
            rest = (f'<p class="note">The first {CARDS} sessions of {len(pistol.sessions)}; the '
                    'table has the others.</p>')
        return f'<div class="cards">{"".join(cards)}</div>{rest}'

    def _card(self, number, session):
        mood = {'Clean_Stop': ' good', 'Rushed_Stop': ' bad'}.get(session.outcome, '')
        if session.left_live_v or not session.is_begin_known:
            mood = ''
        begin = self._clock.text(session.begin_s)
        if not session.is_begin_known:
            begin = f'before {begin}'
        figures = [('Duration', _duration(session.duration_s), '')]
        if session.has_energy:
            figures.append(('Charged', *_energy(session.charged_wh)))
            if session.discharged_wh >= 0.05:
                figures.append(('Discharged', *_energy(session.discharged_wh)))
        if session.soc_from is not None:
            figures.append((
                'State of charge', f'{session.soc_from:.0f} → {session.soc_to:.0f}', '%'))
        for title, peak, factor, unit, places in (
                ('Peak power', session.peak_w, 1e-3, 'kW', 1),
                ('Peak current', session.peak_a, 1, 'A', 1),
                ('Peak voltage', session.peak_v, 1, 'V', 1)):
            if peak is not None:
                figures.append((title, f'{peak[0] * factor:.{places}f}', unit))
        for title, least in (('Insulation in test', session.test_ohm),
                             ('Insulation after', session.later_ohm)):
            if least is not None:
                figures.append((title, f'{"≥ " * (least[0] >= 510e3)}{least[0] / 1e3:.0f}', 'kΩ'))
        alarms = []
        if session.cause:
            at_s = session.emergency[1] if session.emergency else session.end_s
            alarms.append(f'{self._clock.text(at_s)}: {session.cause}')
        if session.withdrawals:
            alarms.append('System_Enable withdrawn at ' + ', '.join(
                map(self._clock.text, session.withdrawals[:5])))
        if not session.outcome:
            alarms.append(_capital(session.end_reason))
        if not session.is_begin_known:
            alarms.append('Its begin is not in the log')
        if session.left_live_v:
            alarms.append(f'{session.left_live_v:.0f} V ' + (
                'stayed at the output after it' if session.is_left_live else
                'at the output when it was measured last'))
        if session.uncounted:
            alarms.append(
                f'Energy without {session.uncounted_s:.1f} s in '
                f'{_count(session.uncounted, "gap")} of Power_Modules_Status longer than '
                f'{INTEGRATE_S:.0f} s')
        badge = session.outcome or 'no end'
        how = ' · '.join(filter(None, (session.protocol, session.plug)))
        rows = ''.join(
            f'<div><dd>{_safe(value)} <small>{_safe(unit)}</small></dd><dt>{_safe(title)}</dt>'
            '</div>' for title, value, unit in figures)
        lines = ''.join(f'<p class="alarm">{_safe(alarm)}</p>' for alarm in alarms)
        facts = ''.join(f'<span>{_safe(fact)}</span>' for fact in self._vehicle(session))
        return (
            f'<article class="card"><h3>Session {number} <span class="badge{mood}">{_safe(badge)}'
            f'</span> <small>{_safe(begin)} to {_safe(self._clock.text(session.end_s))}</small> '
            f'<small>{_safe(how)}</small></h3><dl class="figures">{rows}</dl>{lines}'
            f'<p class="facts">{facts}</p></article>')

    @staticmethod
    def _vehicle(session):
        if session.capacity_wh:
            yield f'Battery {session.capacity_wh / 1000:.0f} kWh'
        # 0 is what the vehicle did not tell (A30).
        if session.ev_voltages_v and any(session.ev_voltages_v):
            least, most = session.ev_voltages_v
            yield (f'Vehicle {least:.0f} to {most:.0f} V' if least and most else
                   f'Vehicle up to {most:.0f} V' if most else f'Vehicle from {least:.0f} V')
        for words, limits in (('charges', session.ev_charge),
                              ('discharges', session.ev_discharge)):
            most = limits and [f'{value:.0f} {unit}' for value, unit in (
                (limits[1], 'A'), (limits[3] / 1000, 'kW')) if value]
            if most:
                yield f'{words} with up to {", ".join(most)}'
        if session.told and not any(session.told):
            yield "No limits told by the charger: the controller's own hold"
        elif session.told:
            # And 0 is what the charger leaves to the configuration of the controller (R33).
            volts, *amperes = (f'{value:.0f} {unit}' if value else "the controller's own"
                               for value, unit in zip(session.told, 'VAA', strict=True))
            yield (f'Limits told by the charger: voltage {volts}, charging {amperes[0]}, '
                   f'discharging {amperes[1]}')

    def _chart(self, pistol, identifier, shown):
        buttons = [f'<button type="button" data-chart="{identifier}">Whole log</button>']
        for sign, words, share, factor in (
                ('+', 'Zoom in', 0, 0.5), ('\N{MINUS SIGN}', 'Zoom out', 0, 2),
                ('◀', 'Earlier', -0.5, 1), ('▶', 'Later', 0.5, 1)):
            buttons.append(
                f'<button type="button" data-chart="{identifier}" data-share="{share}" '
                f'data-factor="{factor}" aria-label="{words}" title="{words}">{sign}</button>')
        for number, session in enumerate(pistol.sessions[:60], 1):
            room_s = max(1.0, 0.03 * session.duration_s)
            buttons.append(
                f'<button type="button" data-chart="{identifier}" '
                f'data-begin="{session.begin_s - room_s:.3f}" '
                f'data-end="{session.end_s + room_s:.3f}">Session {number}</button>')
        notes = []
        merged = sum(lane.merged for lane in pistol.lanes.values())
        if merged:
            notes.append(f'{_count(merged, "short interval")} of the bars are not shown, but the '
                         'ones before them in their place.')
        if shown > LINES:
            notes.append(f'Only the first {LINES} findings have a line.')
        notes += self._thinned(pistol)
        notes = f'<p class="note">{_safe(" ".join(notes))}</p>' if notes else ''
        return (
            f'<div class="toolbar">{"".join(buttons)}<span>Drag to zoom all rows, double-click '
            'to go back; a marker leads to its finding, a finding to its moment. The pointer, a '
            'tap or the arrow keys read out samples.</span></div>'
            f'<div class="chart" id="{identifier}" role="group" tabindex="0" aria-label="Chart of '
            f'pistol {pistol.index} over time. Arrow keys read it out from sample to sample, '
            f'Escape ends that; the tables say the same in words"></div>{notes}')

    def _thinned(self, pistol):
        """Yield words about what lines of the chart leave out."""
        thinned = {name: series for name, series in pistol.series.items()
                   if series and any(series.drawn()[2])}
        if not thinned:
            return
        stretch_s = max(series.bucket_s for series in thinned.values())
        close_s = max(series.focused_bucket_s for series in thinned.values())
        yield ('The log is long: between phases, lines show of each '
               f'{stretch_s:g} s the first, the smallest, the largest and the last sample, '
               'each at its own time.')
        if close_s <= 0.5:
            yield ('Of phases such as the lowering and the precharge, and around every change of '
                   'state and every finding, all samples are there.')
        else:
            yield f'Of phases and around changes of state it is the same for each {close_s:g} s.'
        begin_s = self._story.length_s / 2
        example = self._clock.detail(begin_s, begin_s + 600)
        yield (f'All samples of a time of your choice: gi3 report FILE --detail {example} (begin '
               'and end) writes them into the page.')

    def _findings(self, pistol, findings, identifier):
        total, observed = (
            sum(each for (index, _, _), each in counts.items() if index == pistol.index)
            for counts in (self._story.counts, self._story.observed))
        if not total and not observed:
            return '<h3>Findings</h3><p>None: no rule was seen broken by either end.</p>'
        rows = []
        for number, time_s, finding in findings:
            who = _safe(finding.who)
            kind = f'who {who}'
            if finding.is_observation:
                who, kind = f'{who}, observation', 'who observation'
            rows.append(
                f'<tr id="finding-{number}" data-time="{time_s:.4f}" data-chart="{identifier}">'
                f'<td class="number"><a href="#finding-{number}">{number}</a></td>'
                f'<td class="time"><a href="#finding-{number}">{_safe(self._clock.text(time_s))}'
                f'</a></td><td>{_safe(finding.rule)}</td>'
                f'<td><span class="{kind}">{who}</span></td>'
                f'<td class="words">{_safe(finding.text)}</td></tr>')
        more = [
            f'{count - FINDINGS} more of {rule} by the {who}'
            for (index, rule, who), count in (
                *self._story.counts.items(), *self._story.observed.items())
            if index == pistol.index and count > FINDINGS]
        note = ''
        if more:
            note = (f'<p class="note">Not listed: {_safe(", ".join(more))}. gi3 audit --all '
                    'lists them.</p>')
        seen = f' and {_count(observed, "observation")} that no rule forbids' if observed else ''
        return _table(
            'Findings', f'{_count(total, "breach", "breaches")} of rules{seen}; each is named '
            'once while it lasts. A row leads to its moment in the chart.',
            ('#number', 'Time', 'Rule', 'Who', 'What'), rows) + note

    def _sessions(self, pistol):
        rows = []
        for number, session in enumerate(pistol.sessions, 1):
            soc = '' if session.soc_from is None else (
                f'{session.soc_from:.0f} → {session.soc_to:.0f} %')
            peak = '' if session.peak_w is None else f'{session.peak_w[0] / 1000:.1f}'
            end = session.end_reason
            if session.cause:
                end += f': {session.cause}'
            charged = f'{session.charged_wh / 1000:.3f}' if session.has_energy else ''
            discharged = f'{session.discharged_wh / 1000:.3f}' if session.has_energy else ''
            rows.append(
                f'<tr><td class="number">{number}</td>'
                f'<td class="time">{_safe(self._clock.text(session.begin_s))}</td>'
                f'<td class="time">{_duration(session.duration_s)}</td>'
                f'<td>{_safe(session.protocol or "")}</td><td class="words">{_safe(end)}</td>'
                f'<td class="number">{charged}</td><td class="number">{discharged}</td>'
                f'<td class="number">{peak}</td><td class="number">{soc}</td></tr>')
        note = ''
        if pistol.more_sessions:
            note = f'<p class="note">{pistol.more_sessions} more are not listed.</p>'
        return _table('Sessions', 'All sessions of this pistol.', (
            '#number', 'Begin', 'Duration', 'Protocol', 'End', '#numberCharged, kWh',
            '#numberDischarged, kWh', '#numberPeak, kW', '#numberSoC'), rows) + note

    def _rates(self, pistol):
        rows = []
        for rate in sorted(pistol.rates.values(), key=lambda rate: (
                not rate.from_controller, rate.period_s is None, rate.name)):
            hz = '' if rate.rate_hz is None else f'{rate.rate_hz:.2f}'
            nominal = 'on events' if rate.period_s is None else f'{rate.period_s * 1000:.0f} ms'
            longest = ''
            if rate.period_s is not None and rate.longest_at_s is not None:
                longest = (f'{_gap(rate.longest_s)} at '
                           f'{self._clock.text(rate.longest_at_s)}')
            gaps = ''
            if rate.late:
                listed = ', '.join(f'{_gap(seconds)} at {self._clock.text(when_s)}'
                                   for seconds, when_s in rate.gaps)
                more = f', and {rate.late - len(rate.gaps)} shorter ones' if (
                    rate.late > len(rate.gaps)) else ''
                gaps = f'<span class="late">{rate.late}</span>: {_safe(listed + more)}'
            elif rate.tolerance_s is not None:
                gaps = 'none'
            end = 'controller' if rate.from_controller else 'customer'
            rows.append(
                f'<tr><td><code>{_safe(rate.name)}</code></td><td>{end}</td>'
                f'<td class="number">{rate.count:,}</td><td class="number">{hz}</td>'
                f'<td>{nominal}</td><td class="time">{_safe(longest)}</td><td>{gaps}</td></tr>')
        return _table(
            'Rates and gaps', 'Rate: while it is repeated. Longest gap: where pauses are not part '
            'of the interface, Power_Modules_Status and DC_Power_Control within sessions. A gap '
            'is longer than 2.5 nominal periods, for DC_Power_Control than 1 s as a vehicle may '
            'set its pace (R26); '
            f'the {AT_MOST} longest are listed.',
            ('Message', 'From', '#numberCount', '#numberRate, Hz', 'Nominal', 'Longest gap',
             'Gaps'), rows)

    def _bad_frames(self, pistol):
        bad = pistol.bad
        if not bad.count:
            return ''
        rows = [f'<tr><td class="time">{_safe(self._clock.text(time_s))}</td>'
                f'<td class="words">{_safe(words)}</td></tr>' for time_s, words in bad.examples]
        return _table(
            'Frames that are not as they should be', f'{bad.short} too short, {bad.undefined} '
            f'with an undefined label, {bad.unassigned} with unassigned bits set; the first '
            f'{EXAMPLES} at most.', ('Time', 'What'), rows)

    # The file

    def _file(self, kind, problems):
        story = self._story
        lines = [f'It is a {kind}.' if kind else '']
        if story.frames:
            lines.append(f'{_count(story.frames, "frame")}, {story.interface_frames:,} of them '
                         f'of the interface; {_count(story.samples, "message")} of other topics.')
        for channel, load in story.loads.items():
            where = f'Channel {channel}' if channel else 'The bus'
            words = f'{where}: {_count(load.frames, "frame")}'
            if load.errors:
                words += f', {_count(load.errors, "error frame")}'
            if load.mean is not None:
                words += f'; load about {100 * load.mean:.1f} %'
                if load.peak is not None:
                    words += f', {100 * load.peak:.1f} % in the busiest second'
                words += (' (estimate for 500 kbit/s, from the frames in the log, without stuffed '
                          'bits: really up to a fifth more)')
            lines.append(f'{words}.')
        for index, channels in story.shared_indices.items():
            lines.append(f'Pistol {index} speaks on several channels ({", ".join(channels)}), '
                         'which this report mixes: choose one with --channel.')
        for namespace, count in story.strays.items():
            lines.append(f'{_count(count, "message")} of topics in {namespace}: their pistol is '
                         f'not known, --pistol {namespace}=INDEX tells.')
        lines += [words for _, words in story.notes[:20]]
        for time_s, by_s in story.steps[:20]:
            lines.append(
                f'The clock of the log was set back by {by_s:,.1f} s, to '
                f'{self._clock.text(time_s)}: sessions end there, the rules begin anew, and '
                'lengths go on counting.')
        for begin_s, end_s in story.breaks[:20]:
            lines.append(
                f'No frame at all from {self._clock.text(begin_s)} for {end_s - begin_s:.1f} s: '
                'sessions end there, and the rules begin anew.')
        if len(story.breaks) > 20:
            lines.append(f'{len(story.breaks) - 20} more such breaks.')
        items = ''.join(f'<li>{_safe(line)}</li>' for line in lines if line)
        problem_items = ''.join(f'<li>{_safe(problem)}</li>' for problem in problems)
        trouble = f'<h3>What could not be read</h3><ul>{problem_items}</ul>' if problems else (
            '<p>Nothing in it was left out or could not be read.</p>')
        return (f'<section aria-labelledby="file"><h2 id="file">What the file said</h2>'
                f'<ul>{items}</ul>{trouble}</section>')


def _table(title, caption, heads, rows):
    cells = ''.join(
        f'<th scope="col" class="number">{_safe(head[7:] or "#")}</th>'
        if head.startswith('#number') else f'<th scope="col">{_safe(head)}</th>'
        for head in heads)
    # It scrolls on a narrow screen: with a name and in the order of Tab, also without a mouse.
    return (f'<h3>{_safe(title)}</h3><div class="table" role="region" tabindex="0" '
            f'aria-label="{_safe(title)}"><table><caption>{_safe(caption)}</caption>'
            f'<thead><tr>{cells}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>')


def json_text(data):
    """Return JSON that can stand in a script element, whatever strings are in it."""
    text = json.dumps(data, separators=(',', ':'), allow_nan=False)
    return text.replace('<', '\\u003c').replace('>', '\\u003e').replace('&', '\\u0026')


def _safe(text):
    return html.escape(str(text))


def _capital(words):
    return words[:1].upper() + words[1:]


def _gap(seconds):
    return f'{seconds * 1000:.0f} ms' if seconds < 1 else f'{seconds:.2f} s'


def _energy(wh):
    return (f'{wh:.1f}', 'Wh') if wh < 1000 else (f'{wh / 1000:.2f}', 'kWh')
