# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
The chart of one pistol in a report, as data for plotly.js.

Everything has one time axis, in seconds since the begin of the log; the page's script turns these
into dates where the log has any.
"""

from collections.abc import Iterable, Sequence
import dataclasses
import html
import typing

from ...core.rules.findings import Finding
from ..story.lanes import Lane
from ..story.pistol import Pistol
from ..story.series import Series
from .colours import (
    BARS,
    BLUE,
    DARK,
    DARK_WORDS,
    FAULT_BAR,
    FINDINGS,
    GREEN,
    GREY,
    LIGHT_WORDS,
    Mark,
    OBSERVATION,
    ORANGE,
    OTHER_BAR,
    OTHER_FINDING,
    PURPLE,
    RANGE_AREA,
    RED,
    SESSION_AREA,
    SKY,
    WITH_LIGHT_WORDS,
)

Plot = dict[str, object]
"""A part of what plotly.js takes."""
CONFIG: Plot = {
    'displaylogo': False,
    # The script sizes the charts.
    'responsive': False,
    # These buttons and no others, whatever a newer plotly.js brings: "Share chart" of version 4
    # uploads the chart, older ones have editors in a cloud.
    'modeBarButtons': [
        ['toImage'], ['zoom2d', 'pan2d'], ['zoomIn2d', 'zoomOut2d', 'resetScale2d']],
    'plotlyServerURL': '', 'showSendToCloud': False, 'showEditInChartStudio': False,
    'showLink': False, 'linkText': '', 'topojsonURL': '',
}
"""Of plotly.js: the page reaches out to nothing, whatever is clicked."""
LINES = 150
"""Findings with a line across the chart; more would be a wall."""

_LANE_PX, _FINDINGS_PX = 25, 26
_TOP_PX, _BOTTOM_PX = 8, 46


@dataclasses.dataclass(frozen=True)
class _Manner:
    """How a chart is arranged on a screen."""

    left_px: int
    """Room for the names of bars and the ticks."""
    title_px: int
    """Above a row, for its title; 0 where it stands beside it."""
    legend_px: int
    """Above a row, for each line of its legend."""
    legend_chars: int
    """In one line of it."""
    font_px: float


MANNERS = {
    'wide': _Manner(136, 0, 16, 400, 10.5),
    'narrow': _Manner(68, 17, 13, 46, 9.5),
}

@dataclasses.dataclass(frozen=True)
class _Line:
    """How a series is drawn."""

    series: str
    """Its name in :mod:`~..story.lines`."""
    name: str
    """What reading out shows."""
    colour: str
    dash: str = 'solid'
    is_stepped: bool = False
    """Whether a value holds until the next one."""
    legend: str | None = None
    """Where the legend has other words, or with '' none."""


@dataclasses.dataclass(frozen=True)
class _Row:
    """Some lines with one axis."""

    title: str
    unit: str
    height_px: int
    factor: float
    """From the unit of the series to that of the row."""
    lines: tuple[_Line, ...]
    is_from_zero: bool = False
    has_both_signs: bool = False


_ROWS = (
    _Row('Voltage', 'V', 135, 1, (
        _Line('limit_v', 'Maximum_Voltage of the charger', GREY, 'dot', True,
              'limit of the charger'),
        _Line('target', 'Target_Voltage', ORANGE, 'dash', True),
        _Line('setpoint_v', 'power_setpoint', PURPLE, 'dot', True),
        _Line('voltage', 'Present_Voltage', BLUE),
    ), is_from_zero=True),
    _Row('Current', 'A', 150, 1, (
        _Line('limit_charge', 'Maximum_Charge_Current of the charger', GREY, 'dot', True,
              'limits of the charger'),
        _Line('limit_discharge', 'Maximum_Discharge_Current of the charger', GREY, 'dot', True,
              ''),
        _Line('range_max', 'Current_Range_Max', ORANGE, 'dash', True, 'commanded range'),
        _Line('range_min', 'Current_Range_Min', ORANGE, 'dash', True, ''),
        _Line('ocpp', 'Dynamic_Target_Current', SKY, 'dashdot', True, 'wish over OCPP'),
        _Line('setpoint_a', 'power_setpoint', PURPLE, 'dot', True),
        _Line('current', 'Present_Current', GREEN),
    ), has_both_signs=True),
    _Row('Power', 'kW', 90, 1e-3, (_Line('power', 'Power', RED),), has_both_signs=True),
    _Row('Insulation', 'kΩ', 85, 1e-3, (
        _Line('threshold', '100 Ω/V', RED, 'dash'),
        _Line('insulation', 'Insulation_Resistance', PURPLE),
    ), is_from_zero=True),
    _Row('Temperature', '°C', 95, 1, (
        _Line('modules', 'Power modules', RED),
        _Line('enclosure', 'Enclosure', ORANGE),
        _Line('cpu', 'CPU', GREY),
        _Line('colibri', 'Colibri', DARK, 'dot'),
        _Line('ptc1', 'Pistol_PTC1', BLUE),
        _Line('ptc2', 'Pistol_PTC2', SKY, 'dash'),
    )),
    _Row('State of charge', '%', 65, 1, (
        _Line('soc', 'State of charge', BLUE, is_stepped=True),), is_from_zero=True),
)
_DASHES = {'solid': '━━', 'dash': '╍╍', 'dot': '┈┈', 'dashdot': '╍┈'}


@dataclasses.dataclass(frozen=True)
class _Legended:
    """A row of a chart with the lines of its legend."""

    row: _Row
    legend: list[str]


class Numbered(typing.NamedTuple):
    """A finding with the number that it has on the page."""

    number: int
    time_s: float
    finding: Finding


def chart(pistol: Pistol, findings: Sequence[Numbered], *, length_s: float) -> Plot:
    """
    Return the chart of a pistol as plain values.

    :param findings: of this pistol
    :param length_s: of the whole log
    """
    lanes = {title: lane for title, lane in pistol.lanes.items() if lane}
    rows = [row for row in _ROWS if any(pistol.series[line.series] for line in row.lines)]
    traces = _lane_traces(lanes)
    names = list(lanes)
    if findings:
        traces += _finding_traces(findings, len(lanes))
        names.insert(0, 'findings')
    layout: Plot = {'shapes': _shapes(pistol, findings), 'yaxis': {
        'range': [-0.5, len(names) - 0.5], 'fixedrange': True, 'showgrid': False,
        'zeroline': False, 'ticks': '', 'tickvals': list(range(len(names) - 1, -1, -1))}}
    for place, row in enumerate(rows, 2):
        layout[f'yaxis{place}'] = _axis(row)
        traces += _row_traces(pistol, row, f'y{place}')
    for trace in traces:
        trace.setdefault('xaxis', 'x')
    margin_s = max(0.01 * length_s, 0.5)
    layout['xaxis'] = {'anchor': f'y{len(rows) + 1}' if rows else 'y',
                       'range': [-margin_s, length_s + margin_s]}
    lanes_px = _LANE_PX * max(len(lanes), 1) + (_FINDINGS_PX if findings else 0)
    return {'data': traces, 'layout': layout, 'manners': {
        name: _arranged(manner, names, lanes_px, [
            _Legended(row, _legend(pistol, row.lines, manner.legend_chars)) for row in rows])
        for name, manner in MANNERS.items()}}


def _axis(row: _Row) -> Plot:
    axis: Plot = {'fixedrange': False, 'nticks': 5, 'zeroline': row.has_both_signs}
    if row.is_from_zero:
        axis['rangemode'] = 'tozero'
    return axis


def _row_traces(pistol: Pistol, row: _Row, axis: str) -> list[Plot]:
    traces = []
    if row.title == 'Current':
        traces += _band(pistol.series['range_max'], pistol.series['range_min'], axis)
    for line in row.lines:
        series = pistol.series[line.series]
        if series:
            traces.append(_line(series, line, row, axis))
    return traces


def _arranged(
    manner: _Manner, names: list[str], lanes_px: int, rows: list[_Legended],
) -> Plot:
    """
    Return where everything is, as what Plotly.relayout() takes.

    :param names: of the bars, from the top
    """
    gaps_px = [
        manner.title_px + manner.legend_px * max(len(each.legend), 1) for each in rows]
    inner_px = lanes_px + sum(gaps_px) + sum(each.row.height_px for each in rows)
    is_wide = not manner.title_px
    top = 1.0
    bottom = top - lanes_px / inner_px
    words = [html.escape(name.replace('_', ' '), quote=False) for name in names]
    annotations: list[Plot] = []
    changes: Plot = {
        'height': inner_px + _TOP_PX + _BOTTOM_PX, 'annotations': annotations,
        'margin': {'l': manner.left_px, 'r': 18 if is_wide else 8, 't': _TOP_PX,
                   'b': _BOTTOM_PX},
        'yaxis.domain': [max(bottom, 0.0), top],
        'yaxis.ticktext': words if is_wide else [name.replace(' ', '<br>', 1) for name in words],
        'yaxis.tickfont.size': 12 if is_wide else manner.font_px}
    for place, (each, gap_px) in enumerate(zip(rows, gaps_px, strict=True), 2):
        top = bottom - gap_px / inner_px
        bottom = top - each.row.height_px / inner_px
        changes[f'yaxis{place}.domain'] = [max(bottom, 0.0), top]
        annotations += _annotations(manner, each, top)
    return changes


def _annotations(manner: _Manner, legended: _Legended, top: float) -> list[Plot]:
    """Return title and legend of a row."""
    row, legend = legended.row, legended.legend
    is_wide = not manner.title_px
    return [{
        # Beside the ticks or above: an axis' own title is written upwards, longer than the row.
        'text': f'<b>{row.title}</b>{"<br>" if is_wide else ", "}{row.unit}', 'xref': 'paper',
        'yref': 'paper', 'x': 0, 'xshift': 8 - manner.left_px, 'y': top, 'xanchor': 'left',
        'yanchor': 'top' if is_wide else 'bottom', 'showarrow': False, 'align': 'left',
        'yshift': 0 if is_wide else manner.legend_px * max(len(legend), 1) - 4,
    }, {
        'text': '<br>'.join(legend), 'xref': 'paper', 'yref': 'paper', 'x': 1, 'y': top,
        'xanchor': 'right', 'yanchor': 'bottom', 'yshift': -3, 'showarrow': False,
        'align': 'right', 'font': {'size': manner.font_px},
    }]


def _legend(pistol: Pistol, lines: tuple[_Line, ...], chars: int) -> list[str]:
    """Return the lines of a legend."""
    parts: list[list[str]] = [[]]
    used = 0
    for line in reversed(lines):
        words = line.name if line.legend is None else line.legend
        if not pistol.series[line.series] or not words:
            continue
        if used + len(words) + 5 > chars and parts[-1]:
            parts.append([])
            used = 0
        used += len(words) + 5
        parts[-1].append(f'<span style="color:{line.colour}">{_DASHES[line.dash]}</span> {words}')
    return ['    '.join(part) for part in parts if part]


def _rounded(times: Iterable[float | None]) -> list[float | None]:
    return [None if time_s is None else round(time_s, 3) for time_s in times]


def _line(series: Series, line: _Line, row: _Row, axis: str) -> Plot:
    drawn = series.drawn()
    values = [None if value is None else round(value * row.factor, 3) for value in drawn.values]
    trace: Plot = {
        'type': 'scatter', 'mode': 'lines', 'name': line.name,
        'steps_ms': _steps_ms(drawn.times),
        'y': values, 'yaxis': axis, 'connectgaps': False, 'showlegend': False,
        'line': {'color': line.colour, 'width': 1.8 if line.dash == 'solid' else 1.3,
                 'dash': line.dash, 'shape': 'hv' if line.is_stepped else 'linear'},
        'hoverinfo': 'skip', 'meta': row.unit,
    }
    if any(drawn.left_out):
        trace['left_out'] = drawn.left_out
    if drawn.held:
        trace['held'] = drawn.held
    sizes = _sizes(values)
    if any(sizes):
        # What stands alone between two gaps would be invisible as a line.
        trace |= {'mode': 'lines+markers',
                  'marker': {'size': sizes, 'color': line.colour, 'line': {'width': 0}}}
    return trace


def _steps_ms(times: list[float]) -> list[int]:
    """Return the first time and the steps to each next one in ms: half as long as times in s."""
    whole_ms = [round(time_s * 1000) for time_s in times]
    return [later - one for one, later in zip([0, *whole_ms], whole_ms, strict=False)]


def _sizes(values: list[float | None]) -> list[int]:
    """Return 5 for each value that has no neighbour, 0 for the others."""
    around = [None, *values, None]
    return [5 if value is not None and around[place] is None and around[place + 2] is None else 0
            for place, value in enumerate(values)]


class _Corner(typing.NamedTuple):
    """A point of a stepped line."""

    time_s: float
    value: float


def _segments(series: Series) -> list[list[_Corner]]:
    """Return the uninterrupted parts of a stepped line."""
    segments: list[list[_Corner]] = []
    is_apart = True
    for time_s, value in zip(*series.points(), strict=True):
        if value is None:
            is_apart = True
            continue
        if is_apart:
            segments.append([])
        is_apart = False
        segments[-1].append(_Corner(time_s, value))
    return segments


def _band(upper: Series, lower: Series, axis: str) -> list[Plot]:
    """Return the area between two stepped lines, where both are."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    lowers = _segments(lower)
    first = 0
    for high in _segments(upper):
        while first < len(lowers) and lowers[first][-1].time_s < high[0].time_s:
            first += 1
        for low in lowers[first:]:
            if low[0].time_s > high[-1].time_s:
                break
            begin_s = max(high[0].time_s, low[0].time_s)
            end_s = min(high[-1].time_s, low[-1].time_s)
            corners = [*_stairs(high, begin_s, end_s), *_stairs(low, begin_s, end_s)[::-1]]
            if xs:
                xs.append(xs[-1])
                ys.append(None)
            xs += [corner.time_s for corner in corners]
            ys += [corner.value for corner in corners]
    if not xs:
        return []
    return [{
        'type': 'scatter', 'mode': 'lines', 'x': _rounded(xs), 'y': ys, 'yaxis': axis,
        'fill': 'toself', 'fillcolor': RANGE_AREA, 'line': {'width': 0},
        'hoverinfo': 'skip', 'showlegend': False, 'name': 'commanded range',
    }]


def _stairs(points: list[_Corner], begin_s: float, end_s: float) -> list[_Corner]:
    """Return the corners of a stepped line between two times, the first of which is on it."""
    corners: list[_Corner] = []
    last = points[0].value
    for time_s, value in points:
        if time_s > end_s:
            break
        if time_s <= begin_s:
            corners = [_Corner(begin_s, value)]
        else:
            corners += [_Corner(time_s, last), _Corner(time_s, value)]
        last = value
    return [*corners, _Corner(end_s, last)]


def _lane_traces(lanes: dict[str, Lane]) -> list[Plot]:
    traces = []
    for place, (title, lane) in enumerate(lanes.items()):
        intervals = lane.intervals()
        labels = [html.escape(each.label.replace('_', ' '), quote=False) for each in intervals]
        colours = [BARS.get(each.label, FAULT_BAR if title == 'fault' else OTHER_BAR)
                   for each in intervals]
        traces.append({
            'type': 'bar', 'orientation': 'h', 'name': title.replace('_', ' '),
            'base': _rounded(each.begin_s for each in intervals),
            'x': [round(max(each.length_s, 0.001), 4) for each in intervals],
            'y': [len(lanes) - 1 - place] * len(intervals), 'width': 0.78,
            'text': labels, 'textposition': 'inside', 'insidetextanchor': 'middle',
            'textangle': 0, 'constraintext': 'inside',
            'insidetextfont': {'color': [LIGHT_WORDS if colour in WITH_LIGHT_WORDS else DARK_WORDS
                                         for colour in colours], 'size': 11},
            'marker': {'color': colours, 'line': {'width': 0}},
            'hoverinfo': 'skip', 'showlegend': False, 'cliponaxis': True,
        })
    return traces


class _Kind(typing.NamedTuple):
    """What findings are drawn together by."""

    name: str
    mark: Mark


def _kind(finding: Finding) -> _Kind:
    if finding.is_observation:
        return _Kind(f'observation, {finding.who}', OBSERVATION)
    return _Kind(f'finding, {finding.who}', FINDINGS.get(finding.who, OTHER_FINDING))


def _finding_traces(findings: Sequence[Numbered], place: int) -> list[Plot]:
    traces = []
    for kind in dict.fromkeys(_kind(each.finding) for each in findings):
        mine = [each for each in findings if _kind(each.finding) == kind]
        traces.append({
            'type': 'scatter', 'mode': 'markers', 'name': kind.name,
            'x': _rounded(each.time_s for each in mine), 'y': [place] * len(mine),
            'customdata': [each.number for each in mine],
            'text': [html.escape(_title(each.finding), quote=False) for each in mine],
            'marker': {'symbol': kind.mark.symbol, 'size': 12, 'color': kind.mark.colour,
                       'line': {'width': 1, 'color': '#fff'}},
            'hovertemplate': '%{text}<extra></extra>', 'showlegend': False, 'cliponaxis': False,
        })
    return traces


def _title(finding: Finding) -> str:
    text = finding.text if len(finding.text) <= 90 else f'{finding.text[:87]} ..'
    return f'{finding.rule}, {finding.who}: {text}'


def _shapes(pistol: Pistol, findings: Sequence[Numbered]) -> list[Plot]:
    shapes: list[Plot] = [
        {'type': 'rect', 'xref': 'x', 'yref': 'paper', 'x0': round(session.begin_s, 4),
         'x1': round(session.end_s, 4), 'y0': 0, 'y1': 1, 'line': {'width': 0},
         'fillcolor': SESSION_AREA, 'layer': 'below'}
        for session in pistol.sessions[:100]
    ]
    for each in findings[:LINES]:
        shapes.append({
            'type': 'line', 'xref': 'x', 'yref': 'paper', 'x0': round(each.time_s, 4),
            'x1': round(each.time_s, 4), 'y0': 0, 'y1': 1,
            'line': {'width': 1.2, 'dash': 'dot', 'color': _kind(each.finding).mark.colour}})
    return shapes
