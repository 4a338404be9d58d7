"""
The chart of one pistol in a report, as data for plotly.js.

Everything has one time axis, in seconds since the begin of the log; the page's script turns these
into dates where the log has any.
"""

import dataclasses
import html
import itertools

CONFIG = {
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
BLUE, ORANGE, GREEN, RED = '#0072b2', '#e69f00', '#009e73', '#d55e00'
PURPLE, SKY, GREY, DARK = '#aa4499', '#56b4e9', '#9aa5b1', '#5c6773'
"""Told apart with any kind of colour blindness (after Okabe and Ito)."""

WHO_COLOUR = {'customer': RED, 'controller': PURPLE}
WHO_SYMBOL = {'customer': 'triangle-down', 'controller': 'diamond'}
LINES = 150
"""Findings with a line across the chart; more would be a wall."""

_LANE_COLOUR = {
    'Initialising': GREY, 'Waiting_For_PEV': '#c9d1d9', 'Not_Available': DARK,
    'Negotiating_Connection': SKY, 'CCS_Authorisation_Process': '#7fb8d8',
    'Connected_With_Full_Info': '#3d93c4', 'Insulation_Test': PURPLE, 'Precharge': ORANGE,
    'Waiting_For_Charge': '#f0c75e', 'Charging': GREEN, 'Ending_Charge': '#7f9fb5',
    'Welding_Detection': '#cc79a7', 'Closing_Communication': '#a3b8c9',
    'Off': '#c9d1d9', 'Standby': '#a3b8c9', 'Power_Transfer': GREEN,
    'Power_Transfer, Range_Mode': '#2fb58c', 'Standby, Lowering': '#cc79a7',
    'Off, Lowering': '#cc79a7',
    'Allowed': GREEN, 'Not_Allowed': RED, 'Open': '#c9d1d9', 'Close': BLUE,
    'open': '#c9d1d9', 'closed': BLUE, 'unknown': GREY,
    'OFF': '#c9d1d9', 'REGULATE': GREEN, 'BLEED': '#cc79a7',
    'IDLE': '#c9d1d9', 'WAKING': SKY, 'STANDBY': '#a3b8c9', 'INSULATION_TEST': PURPLE,
    'PRECHARGE': ORANGE, 'POWER_TRANSFER': GREEN, 'FAULT': RED, 'OPEN': '#c9d1d9',
    'CLOSING': SKY, 'CLOSED': BLUE, 'UNLOADING': '#f0c75e', 'OPENING': SKY,
}
_SPARE_COLOUR = '#cc79a7'
_LIGHT_LABEL = frozenset({
    PURPLE, GREEN, RED, BLUE, DARK, '#3d93c4', '#2fb58c'})
"""Colours of bars that carry white words."""

OBSERVED_COLOUR = '#6b7f93'
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

_VOLTAGE = (
    ('limit_v', 'Maximum_Voltage of the charger', GREY, 'dot', True),
    ('target', 'Target_Voltage', ORANGE, 'dash', True),
    ('setpoint_v', 'power_setpoint', PURPLE, 'dot', True),
    ('voltage', 'Present_Voltage', BLUE, 'solid', False),
)
_CURRENT = (
    ('limit_charge', 'Maximum_Charge_Current of the charger', GREY, 'dot', True),
    ('limit_discharge', 'Maximum_Discharge_Current of the charger', GREY, 'dot', True),
    ('range_max', 'Current_Range_Max', ORANGE, 'dash', True),
    ('range_min', 'Current_Range_Min', ORANGE, 'dash', True),
    ('ocpp', 'Dynamic_Target_Current', SKY, 'dashdot', True),
    ('setpoint_a', 'power_setpoint', PURPLE, 'dot', True),
    ('current', 'Present_Current', GREEN, 'solid', False),
)
_POWER = (('power', 'Power', RED, 'solid', False),)
_INSULATION = (
    ('threshold', '100 Ω/V', RED, 'dash', False),
    ('insulation', 'Insulation_Resistance', PURPLE, 'solid', False),
)
_TEMPERATURES = (
    ('modules', 'Power modules', RED, 'solid', False),
    ('enclosure', 'Enclosure', ORANGE, 'solid', False),
    ('cpu', 'CPU', GREY, 'solid', False),
    ('colibri', 'Colibri', DARK, 'dot', False),
    ('ptc1', 'Pistol_PTC1', BLUE, 'solid', False),
    ('ptc2', 'Pistol_PTC2', SKY, 'dash', False),
)
_SOC = (('soc', 'State of charge', BLUE, 'solid', True),)
_LEGEND = {
    'limit_v': 'limit of the charger', 'limit_charge': 'limits of the charger',
    'limit_discharge': '', 'range_max': 'commanded range', 'range_min': '',
    'ocpp': 'wish over OCPP'}
"""Where it differs from the name that hovering shows."""
_ROWS = (
    ('Voltage', 'V', 135, 1, _VOLTAGE), ('Current', 'A', 150, 1, _CURRENT),
    ('Power', 'kW', 90, 1e-3, _POWER), ('Insulation', 'kΩ', 85, 1e-3, _INSULATION),
    ('Temperature', '°C', 95, 1, _TEMPERATURES), ('State of charge', '%', 65, 1, _SOC),
)
"""Title, unit, height in pixels, factor, lines."""


def chart(pistol, findings, *, length_s):
    """
    Return the chart of a pistol as a dict of plain values.

    :param pistol: :class:`~.story.Pistol`
    :param findings: (number, time in s, :class:`~gi3_ros.core.rules.findings.Finding`) of
        this pistol
    :param length_s: of the whole log
    """
    lanes = [(title, lane) for title, lane in pistol.lanes.items() if lane]
    rows = [row for row in _ROWS if any(pistol.series[line[0]] for line in row[4])]
    traces = _lane_traces(lanes)
    names = [title for title, _ in lanes]
    if findings:
        traces += _finding_traces(findings, len(lanes))
        names.insert(0, 'findings')
    layout = {'shapes': _shapes(pistol, findings), 'yaxis': {
        'range': [-0.5, len(names) - 0.5], 'fixedrange': True, 'showgrid': False,
        'zeroline': False, 'ticks': '', 'tickvals': list(range(len(names) - 1, -1, -1))}}
    for place, (title, unit, _, factor, lines) in enumerate(rows, 2):
        axis = f'y{place}'
        layout[f'yaxis{place}'] = {
            'fixedrange': False, 'nticks': 5, 'zeroline': title in ('Current', 'Power')}
        if title in ('Voltage', 'Insulation', 'State of charge'):
            layout[f'yaxis{place}']['rangemode'] = 'tozero'
        if title == 'Current':
            traces += _band(pistol.series['range_max'], pistol.series['range_min'], axis)
        for name, label, colour, dash, is_stepped in lines:
            series = pistol.series[name]
            if series:
                traces.append(_line(series, label, unit, colour, dash, is_stepped, axis, factor))
    for trace in traces:
        trace.setdefault('xaxis', 'x')
    margin_s = max(0.01 * length_s, 0.5)
    layout['xaxis'] = {'anchor': f'y{len(rows) + 1}' if rows else 'y',
                       'range': [-margin_s, length_s + margin_s]}
    lanes_px = _LANE_PX * max(len(lanes), 1) + (_FINDINGS_PX if findings else 0)
    return {'data': traces, 'layout': layout, 'manners': {
        name: _arranged(manner, names, lanes_px, [
            (row, _legend(pistol, row[4], manner.legend_chars)) for row in rows])
        for name, manner in MANNERS.items()}}


def _arranged(manner, names, lanes_px, rows):
    """
    Return where everything is, as what Plotly.relayout() takes.

    :param names: of the bars, from the top
    :param rows: pairs of a row and the lines of its legend
    """
    gaps_px = [manner.title_px + manner.legend_px * max(len(legend), 1) for _, legend in rows]
    inner_px = lanes_px + sum(gaps_px) + sum(row[2] for row, _ in rows)
    is_wide = not manner.title_px
    top = 1.0
    bottom = top - lanes_px / inner_px
    words = [html.escape(name.replace('_', ' '), quote=False) for name in names]
    changes = {
        'height': inner_px + _TOP_PX + _BOTTOM_PX, 'annotations': [],
        'margin': {'l': manner.left_px, 'r': 18 if is_wide else 8, 't': _TOP_PX,
                   'b': _BOTTOM_PX},
        'yaxis.domain': [max(bottom, 0.0), top],
        'yaxis.ticktext': words if is_wide else [name.replace(' ', '<br>', 1) for name in words],
        'yaxis.tickfont.size': 12 if is_wide else manner.font_px}
    for place, ((row, legend), gap_px) in enumerate(zip(rows, gaps_px, strict=True), 2):
        title, unit, height_px, _, _ = row
        top = bottom - gap_px / inner_px
        bottom = top - height_px / inner_px
        changes[f'yaxis{place}.domain'] = [max(bottom, 0.0), top]
        # Beside the ticks or above: an axis' own title is written upwards, longer than the row.
        changes['annotations'].append({
            'text': f'<b>{title}</b>{"<br>" if is_wide else ", "}{unit}', 'xref': 'paper',
            'yref': 'paper', 'x': 0, 'xshift': 8 - manner.left_px, 'y': top, 'xanchor': 'left',
            'yanchor': 'top' if is_wide else 'bottom', 'showarrow': False, 'align': 'left',
            'yshift': 0 if is_wide else manner.legend_px * max(len(legend), 1) - 4,
        })
        changes['annotations'].append({
            'text': '<br>'.join(legend), 'xref': 'paper', 'yref': 'paper', 'x': 1, 'y': top,
            'xanchor': 'right', 'yanchor': 'bottom', 'yshift': -3, 'showarrow': False,
            'align': 'right', 'font': {'size': manner.font_px},
        })
    return changes


def _legend(pistol, lines, chars):
    """Return the lines of a legend."""
    marks = {'solid': '━━', 'dash': '╍╍', 'dot': '┈┈', 'dashdot': '╍┈'}
    parts, used = [[]], 0
    for name, label, colour, dash, _ in reversed(lines):
        words = _LEGEND.get(name, label)
        if not pistol.series[name] or not words:
            continue
        if used + len(words) + 5 > chars and parts[-1]:
            parts.append([])
            used = 0
        used += len(words) + 5
        parts[-1].append(f'<span style="color:{colour}">{marks[dash]}</span> {words}')
    return ['    '.join(part) for part in parts if part]


def _rounded(times):
    return [None if time_s is None else round(time_s, 3) for time_s in times]


def _line(series, label, unit, colour, dash, is_stepped, axis, factor):
    times, values, left_out, held = series.drawn()
    values = [None if value is None else round(value * factor, 3) for value in values]
    trace = {
        'type': 'scatter', 'mode': 'lines', 'name': label, 'steps_ms': _steps_ms(times),
        'y': values, 'yaxis': axis, 'connectgaps': False, 'showlegend': False,
        'line': {'color': colour, 'width': 1.8 if dash == 'solid' else 1.3, 'dash': dash,
                 'shape': 'hv' if is_stepped else 'linear'},
        'hoverinfo': 'skip', 'meta': unit,
    }
    if any(left_out):
        trace['left_out'] = left_out
    if held:
        trace['held'] = held
    sizes = _sizes(values)
    if any(sizes):
        # What stands alone between two gaps would be invisible as a line.
        trace |= {'mode': 'lines+markers',
                  'marker': {'size': sizes, 'color': colour, 'line': {'width': 0}}}
    return trace


def _steps_ms(times):
    """Return the first time and the steps to each next one in ms: half as long as times in s."""
    whole_ms = [round(time_s * 1000) for time_s in times]
    return [later - one for one, later in zip([0, *whole_ms], whole_ms, strict=False)]


def _sizes(values):
    """Return 5 for each value that has no neighbour, 0 for the others."""
    around = [None, *values, None]
    return [5 if value is not None and around[place] is None and around[place + 2] is None else 0
            for place, value in enumerate(values)]


def _segments(series):
    """Return the uninterrupted parts of a stepped line, as lists of (time, value)."""
    points = zip(*series.points(), strict=True)
    return [list(group) for is_there, group in itertools.groupby(
        points, key=lambda point: point[1] is not None) if is_there]


def _band(upper, lower, axis):
    """Return the area between two stepped lines, where both are."""
    xs, ys = [], []
    lowers = _segments(lower)
    first = 0
    for high in _segments(upper):
        while first < len(lowers) and lowers[first][-1][0] < high[0][0]:
            first += 1
        for low in lowers[first:]:
            if low[0][0] > high[-1][0]:
                break
            begin_s, end_s = max(high[0][0], low[0][0]), min(high[-1][0], low[-1][0])
            there = _stairs(high, begin_s, end_s)
            back = _stairs(low, begin_s, end_s)[::-1]
            if xs:
                xs.append(xs[-1])
                ys.append(None)
            xs += [time_s for time_s, _ in [*there, *back]]
            ys += [value for _, value in [*there, *back]]
    if not xs:
        return []
    return [{
        'type': 'scatter', 'mode': 'lines', 'x': _rounded(xs), 'y': ys, 'yaxis': axis,
        'fill': 'toself', 'fillcolor': 'rgba(230,159,0,0.22)', 'line': {'width': 0},
        'hoverinfo': 'skip', 'showlegend': False, 'name': 'commanded range',
    }]


def _stairs(points, begin_s, end_s):
    """Return the corners of a stepped line between two times."""
    corners, last = [], None
    for time_s, value in points:
        if time_s > end_s:
            break
        if time_s <= begin_s:
            corners = [(begin_s, value)]
        else:
            corners += [(time_s, last), (time_s, value)]
        last = value
    return [*corners, (end_s, last)]


def _lane_traces(lanes):
    traces = []
    for place, (title, lane) in enumerate(lanes):
        intervals = lane.intervals()
        labels = [html.escape(label.replace('_', ' '), quote=False) for _, _, label in intervals]
        colours = [_LANE_COLOUR.get(label, RED if title == 'fault' else _SPARE_COLOUR)
                   for _, _, label in intervals]
        traces.append({
            'type': 'bar', 'orientation': 'h', 'name': title.replace('_', ' '),
            'base': _rounded(begin_s for begin_s, _, _ in intervals),
            'x': [round(max(end_s - begin_s, 0.001), 4) for begin_s, end_s, _ in intervals],
            'y': [len(lanes) - 1 - place] * len(intervals), 'width': 0.78,
            'text': labels, 'textposition': 'inside', 'insidetextanchor': 'middle',
            'textangle': 0, 'constraintext': 'inside',
            'insidetextfont': {'color': ['#ffffff' if colour in _LIGHT_LABEL else '#1b2733'
                                         for colour in colours], 'size': 11},
            'marker': {'color': colours, 'line': {'width': 0}},
            'hoverinfo': 'skip', 'showlegend': False, 'cliponaxis': True,
        })
    return traces


def _finding_traces(findings, place):
    traces = []
    for kind in dict.fromkeys(_kind(finding) for _, _, finding in findings):
        mine = [each for each in findings if _kind(each[2]) == kind]
        name, symbol, colour = kind
        traces.append({
            'type': 'scatter', 'mode': 'markers', 'name': name,
            'x': _rounded(time_s for _, time_s, _ in mine), 'y': [place] * len(mine),
            'customdata': [number for number, _, _ in mine],
            'text': [html.escape(f'{finding.rule}, {finding.who}: {_short(finding.text)}',
                                 quote=False) for _, _, finding in mine],
            'marker': {'symbol': symbol, 'size': 12, 'color': colour,
                       'line': {'width': 1, 'color': '#fff'}},
            'hovertemplate': '%{text}<extra></extra>', 'showlegend': False, 'cliponaxis': False,
        })
    return traces


def _kind(finding):
    """Return name, symbol and colour of a finding."""
    who = finding.who
    if finding.is_observation:
        return f'observation, {who}', 'circle', OBSERVED_COLOUR
    return f'finding, {who}', WHO_SYMBOL.get(who, 'circle'), WHO_COLOUR.get(who, DARK)


def _short(text):
    return text if len(text) <= 90 else f'{text[:87]} ..'


def _shapes(pistol, findings):
    shapes = [
        {'type': 'rect', 'xref': 'x', 'yref': 'paper', 'x0': round(session.begin_s, 4),
         'x1': round(session.end_s, 4), 'y0': 0, 'y1': 1, 'line': {'width': 0},
         'fillcolor': 'rgba(86,180,233,0.08)', 'layer': 'below'}
        for session in pistol.sessions[:100]
    ]
    for _, time_s, finding in findings[:LINES]:
        shapes.append({
            'type': 'line', 'xref': 'x', 'yref': 'paper', 'x0': round(time_s, 4),
            'x1': round(time_s, 4), 'y0': 0, 'y1': 1,
            'line': {'width': 1.2, 'dash': 'dot', 'color': _kind(finding)[2]}})
    return shapes
