# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
A story as one HTML page that loads nothing from anywhere.

The words and tables are plain HTML; only the charts need the script. Whatever comes from the log
is escaped, and the page forbids itself to load anything (Content-Security-Policy).
"""

from collections.abc import Iterator, Sequence

import plotly.offline

from ..story.pistol import Pistol
from ..story.story import Story
from ..story.verdict import count, duration, verdict
from ..times import Zone
from .cards import cards
from .chart import chart, CONFIG, LINES, Numbered, Plot
from .clock import Clock
from .colours import script, style_sheet
from .markup import json_text, safe
from .tables import bad_frames_table, findings_table, rates_table, sessions_table

_MOODS = {
    'good': 'All clean', 'bad': 'Attention', 'partial': 'Not complete',
    'empty': 'Nothing to judge'}
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data: blob:; base-uri 'none'; form-action 'none'")
_BUTTONS = 60
"""Sessions with a button that zooms to them."""
_LISTED = 20
"""Notes, steps of the clock and breaks of a log that are told one by one."""


def page(
    story: Story, *, name: str, kind: str = '', problems: Sequence[str] = (),
    has_dates: bool = True, version: str = '', note: str = '', zone: Zone | None = None,
    is_damaged: bool | None = None,
) -> str:
    """
    Return the whole page.

    :param story: concluded
    :param name: of the file, as it was given
    :param kind: of the file, in words
    :param problems: sentences of its reader
    :param version: of this package
    :param note: a sentence about the log for the head of the page, such as that it is simulated
    :param zone: to tell times in; that of this machine without
    :param is_damaged: whether what could not be read may have been of the interface; where there
        are problems without
    """
    clock = Clock(story.first_ns, has_dates, story.length_s, zone=zone, steps=story.steps)
    charts: dict[str, Plot] = {}
    body = [_pistol(story, story.pistols[index], clock, charts)
            for index in sorted(story.pistols)]
    words, mood, missing = verdict(story, problems, is_damaged)
    no_script = '' if not charts else (
        '<noscript><p class="note">The charts need JavaScript; all else on this page does '
        'not.</p></noscript>')
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{safe(name)}: {safe(words)}</title>
<style>{style_sheet()}</style>
</head>
<body>
<header>
<h1>Charging report</h1>
<p class="verdict is-{mood}"><span class="mood">{_MOODS[mood]}</span> {safe(words)}</p>
{_missing(missing)}
<p class="meta">{_meta(story, clock, name, note)}</p>
</header>
<main>
{no_script}
{''.join(body)}
{_file(story, clock, kind, problems)}
<footer>Written by gi3 report of gi3_ros{safe(f' {version}' if version else '')}, which judges by
its own reading of the ADVANTICS Generic Interface v3.2 (docs/reference/rules.md).</footer>
</main>
{_scripts(clock, charts)}
</body>
</html>
"""


def _missing(sentences: Sequence[str]) -> str:
    items = ''.join(f'<li>{safe(each)}</li>' for each in sentences)
    return items and f'<ul class="missing" aria-label="What is missing">{items}</ul>'


def _meta(story: Story, clock: Clock, name: str, note: str) -> str:
    parts = [f'<span>File <b><code>{safe(name)}</code></b></span>']
    if story.first_ns is not None:
        parts += [
            f'<span>{safe(clock.span(0.0, story.length_s))}</span>',
            f'<span>Length <b>{duration(story.length_s)}</b></span>',
            f'<span><b>{story.frames:,}</b> frames</span>']
    if note:
        parts.append(f'<span><b>{safe(note)}</b></span>')
    return ''.join(parts)


def _scripts(clock: Clock, charts: dict[str, Plot]) -> str:
    if not charts:
        return ''
    data = {'pieces': clock.pieces, 'axis': clock.axis, 'config': CONFIG, 'charts': charts}
    # plotly comes with one bundle only, all of it: a smaller one would have to be fetched or
    # built, and the page must work where there is no network.
    return (
        f'<script>{plotly.offline.get_plotlyjs()}</script>\n'
        f'<script type="application/json" id="data">{json_text(data)}</script>\n'
        f'<script>{script()}</script>')


# One pistol

def _pistol(story: Story, pistol: Pistol, clock: Clock, charts: dict[str, Plot]) -> str:
    everything = sorted([*story.findings, *story.observations], key=lambda each: each.time_s)
    findings = [Numbered(number, each.time_s, each.finding)
                for number, each in enumerate(everything, 1) if each.pistol == pistol.index]
    identifier = f'chart-{pistol.index}'
    parts = [f'<section aria-labelledby="pistol-{pistol.index}">',
             f'<h2 id="pistol-{pistol.index}">Pistol {pistol.index}</h2>',
             cards(pistol, clock)]
    if pistol.rates:
        charts[identifier] = chart(pistol, findings, length_s=story.length_s)
        parts.append(_chart(story, pistol, clock, identifier, len(findings)))
    parts.append(findings_table(story, pistol, findings, identifier, clock))
    if len(pistol.sessions) > 1:
        parts.append(sessions_table(pistol, clock))
    parts += [rates_table(pistol, clock), bad_frames_table(pistol, clock)]
    return '\n'.join(parts) + '</section>'


def _chart(story: Story, pistol: Pistol, clock: Clock, identifier: str, shown: int) -> str:
    """
    Return a chart with its buttons.

    :param shown: how many findings it has
    """
    notes = []
    merged = sum(lane.merged for lane in pistol.lanes.values())
    if merged:
        notes.append(f'{count(merged, "short interval")} of the bars are not shown, but the '
                     'ones before them in their place.')
    if shown > LINES:
        notes.append(f'Only the first {LINES} findings have a line.')
    notes += _thinned(story, pistol, clock)
    note = f'<p class="note">{safe(" ".join(notes))}</p>' if notes else ''
    return (
        f'<div class="toolbar">{"".join(_buttons(pistol, identifier))}<span>Drag to zoom all '
        'rows, double-click '
        'to go back; a marker leads to its finding, a finding to its moment. The pointer, a '
        'tap or the arrow keys read out samples.</span></div>'
        f'<div class="chart" id="{identifier}" role="group" tabindex="0" aria-label="Chart of '
        f'pistol {pistol.index} over time. Arrow keys read it out from sample to sample, '
        f'Escape ends that; the tables say the same in words"></div>{note}')


def _buttons(pistol: Pistol, identifier: str) -> Iterator[str]:
    yield f'<button type="button" data-chart="{identifier}">Whole log</button>'
    for sign, words, share, factor in (
            ('+', 'Zoom in', 0, 0.5), ('\N{MINUS SIGN}', 'Zoom out', 0, 2),
            ('◀', 'Earlier', -0.5, 1), ('▶', 'Later', 0.5, 1)):
        yield (
            f'<button type="button" data-chart="{identifier}" data-share="{share}" '
            f'data-factor="{factor}" aria-label="{words}" title="{words}">{sign}</button>')
    for number, session in enumerate(pistol.sessions[:_BUTTONS], 1):
        room_s = max(1.0, 0.03 * session.duration_s)
        yield (
            f'<button type="button" data-chart="{identifier}" '
            f'data-begin="{session.begin_s - room_s:.3f}" '
            f'data-end="{session.end_s + room_s:.3f}">Session {number}</button>')


def _thinned(story: Story, pistol: Pistol, clock: Clock) -> Iterator[str]:
    """Yield words about what lines of the chart leave out."""
    thinned = [series for series in pistol.series.values()
               if series and any(series.drawn().left_out)]
    if not thinned:
        return
    stretch_s = max(series.bucket_s for series in thinned)
    close_s = max(series.focused_bucket_s for series in thinned)
    yield ('The log is long: between phases, lines show of each '
           f'{stretch_s:g} s the first, the smallest, the largest and the last sample, '
           'each at its own time.')
    if close_s <= 0.5:
        yield ('Of phases such as the lowering and the precharge, and around every change of '
               'state and every finding, all samples are there.')
    else:
        yield f'Of phases and around changes of state it is the same for each {close_s:g} s.'
    begin_s = story.length_s / 2
    example = clock.detail(begin_s, begin_s + 600)
    yield (f'All samples of a time of your choice: gi3 report FILE --detail {example} (begin '
           'and end) writes them into the page.')


# The file

def _file(story: Story, clock: Clock, kind: str, problems: Sequence[str]) -> str:
    items = ''.join(f'<li>{safe(line)}</li>' for line in (
        *_contents(story, kind), *_loads(story), *_doubts(story, clock)) if line)
    problem_items = ''.join(f'<li>{safe(problem)}</li>' for problem in problems)
    trouble = f'<h3>What could not be read</h3><ul>{problem_items}</ul>' if problems else (
        '<p>Nothing in it was left out or could not be read.</p>')
    return (f'<section aria-labelledby="file"><h2 id="file">What the file said</h2>'
            f'<ul>{items}</ul>{trouble}</section>')


def _contents(story: Story, kind: str) -> Iterator[str]:
    if kind:
        yield f'It is a {kind}.'
    if story.frames:
        yield (f'{count(story.frames, "frame")}, {story.interface_frames:,} of them '
               f'of the interface; {count(story.samples, "message")} of other topics.')


def _loads(story: Story) -> Iterator[str]:
    for channel, load in story.loads.items():
        where = f'Channel {channel}' if channel else 'The bus'
        words = f'{where}: {count(load.frames, "frame")}'
        if load.errors:
            words += f', {count(load.errors, "error frame")}'
        if load.mean is not None:
            words += f'; load about {100 * load.mean:.1f} %'
            if load.peak is not None:
                words += f', {100 * load.peak:.1f} % in the busiest second'
            words += (' (estimate for 500 kbit/s, from the frames in the log, without stuffed '
                      'bits: really up to a fifth more)')
        yield f'{words}.'


def _doubts(story: Story, clock: Clock) -> Iterator[str]:
    """Yield what is odd about the log as a whole."""
    for index, channels in story.shared_indices.items():
        yield (f'Pistol {index} speaks on several channels ({", ".join(channels)}), '
               'which this report mixes: choose one with --channel.')
    for namespace, number in story.strays.items():
        yield (f'{count(number, "message")} of topics in {namespace}: their pistol is '
               f'not known, --pistol {namespace}=INDEX tells.')
    for _, words in story.notes[:_LISTED]:
        yield words
    for step in story.steps[:_LISTED]:
        yield (
            f'The clock of the log was set back by {step.by_s:,.1f} s, to '
            f'{clock.text(step.time_s)}: sessions end there, the rules begin anew, and '
            'lengths go on counting.')
    for each in story.breaks[:_LISTED]:
        yield (
            f'No frame at all from {clock.text(each.begin_s)} for {each.length_s:.1f} s: '
            'sessions end there, and the rules begin anew.')
    if len(story.breaks) > _LISTED:
        yield f'{len(story.breaks) - _LISTED} more such breaks.'
