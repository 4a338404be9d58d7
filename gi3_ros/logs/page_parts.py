"""Style and script of the page in :mod:`.page`."""

STYLE = """
:root { --paper: #f5f7f9; --card: #fff; --ink: #1b2733; --soft: #5c6773; --rule: #dde3e9;
  --accent: #0072b2; --good: #007a59; --bad: #b84a00; --mark: #fff3d6; }
@media screen and (prefers-color-scheme: dark) {
  :root { --paper: #11171d; --card: #1a222b; --ink: #e4eaf0; --soft: #9fb0bf; --rule: #2e3a46;
    --accent: #6db9ea; --good: #4cc9a0; --bad: #f0904e; --mark: #3b3220; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.45 -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", Arial,
    sans-serif; }
main, header { max-width: 1500px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 20px; }
h1 { font-size: 14px; font-weight: 600; color: var(--soft); margin: 0 0 6px;
  letter-spacing: .02em; }
h2 { font-size: 20px; margin: 30px 0 10px; }
h3 { font-size: 15px; margin: 22px 0 6px; }
.verdict { font-size: 23px; line-height: 1.3; font-weight: 600; margin: 0;
  padding: 2px 0 2px 14px; border-left: 5px solid var(--good); text-wrap: balance; }
.verdict.is-bad { border-color: var(--bad); }
.verdict.is-empty { border-color: var(--soft); }
.meta { color: var(--soft); margin: 8px 0 0; display: flex; flex-wrap: wrap; gap: 2px 22px; }
.meta b { color: var(--ink); font-weight: 600; }
code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .93em;
  overflow-wrap: anywhere; }
.cards { display: grid; gap: 14px; grid-template-columns: repeat(auto-fit, minmax(390px, 1fr));
  margin: 16px 0; }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: 10px;
  padding: 13px 18px 12px; }
.card h3 { margin: 0; display: flex; gap: 10px; align-items: baseline; flex-wrap: wrap;
  font-size: 16px; }
.card h3 small { font-weight: 400; color: var(--soft); font-size: 13px; }
.badge { border-radius: 20px; padding: 1px 10px; font-size: 12.5px; font-weight: 600;
  color: #fff; background: #5c6773; white-space: nowrap; }
.badge.good { background: #00795a; } .badge.bad { background: #b84a00; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(100px, 1fr));
  gap: 6px 14px; margin: 9px 0 7px; padding: 0; }
.figures div { display: flex; flex-direction: column-reverse; }
.figures dd { margin: 0; font-size: 19px; font-weight: 600; line-height: 1.2;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
.figures dd small { font-size: 13px; font-weight: 400; color: var(--soft); }
.figures dt { color: var(--soft); font-size: 12px; }
.facts { color: var(--soft); font-size: 13px; margin: 0; }
.facts span { display: inline-block; margin-right: 14px; }
.alarm { color: var(--bad); font-weight: 600; margin: 4px 0; font-size: 14px; }
.toolbar { display: flex; flex-wrap: wrap; gap: 6px; align-items: center; margin: 0 0 8px; }
.toolbar button { font: inherit; font-size: 13px; padding: 3px 12px; border-radius: 20px;
  border: 1px solid var(--rule); background: var(--card); color: var(--ink); cursor: pointer; }
.toolbar button:hover, .toolbar button:focus-visible { border-color: var(--accent);
  color: var(--accent); }
.toolbar span { color: var(--soft); font-size: 13px; margin-left: 8px; }
.chart { background: var(--card); border: 1px solid var(--rule); border-radius: 10px;
  padding: 8px 4px 0; overflow: hidden; scroll-margin-top: 8px; }
.chart { position: relative; }
.readout { position: absolute; top: 120px; z-index: 9; background: var(--card); opacity: .95;
  border: 1px solid var(--rule); border-radius: 8px; padding: 6px 10px; pointer-events: none;
  font-size: 12px; box-shadow: 0 4px 14px rgb(0 0 0 / .16); }
.readout table { font-size: 12px; width: auto; margin-top: 3px; }
.readout td { border: 0; padding: 1px 6px; white-space: nowrap; max-width: 420px;
  overflow: hidden; text-overflow: ellipsis; font-variant-numeric: tabular-nums; }
.readout td:first-child { width: 4px; padding: 0; border: 2px solid var(--card); }
.cursor { position: absolute; top: 8px; bottom: 44px; width: 1px; background: var(--soft);
  pointer-events: none; }
.note { color: var(--soft); font-size: 13px; margin: 6px 2px; }
.table { overflow-x: auto; background: var(--card); border: 1px solid var(--rule);
  border-radius: 10px; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
caption { text-align: left; padding: 9px 14px; color: var(--soft); }
th, td { text-align: left; padding: 5px 14px; border-top: 1px solid var(--rule);
  vertical-align: top; }
th { font-weight: 600; color: var(--soft); font-size: 12.5px; white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums;
  white-space: nowrap; }
td.time { white-space: nowrap; font-variant-numeric: tabular-nums; }
a { color: var(--accent); }
tr:target td, tr.is-chosen td { background: var(--mark); }
.who { font-weight: 600; white-space: nowrap; }
.who.customer { color: var(--bad); } .who.controller { color: #aa4499; }
.who::before { content: ""; display: inline-block; width: 9px; height: 9px; margin-right: 6px; }
.who.customer::before { background: #d55e00; clip-path: polygon(0 0, 100% 0, 50% 100%); }
.who.controller::before { background: #aa4499;
  clip-path: polygon(50% 0, 100% 50%, 50% 100%, 0 50%); }
.late { color: var(--bad); font-weight: 600; }
ul { padding-left: 20px; margin: 6px 0; } li { margin: 2px 0; }
footer { color: var(--soft); font-size: 13px; margin: 26px 0 30px; }
@page { size: A4; margin: 12mm; }
@media print {
  body { background: #fff; font-size: 10.5pt; -webkit-print-color-adjust: exact;
    print-color-adjust: exact; }
  main, header { max-width: none; padding: 0; }
  .toolbar, .modebar, .screen { display: none !important; }
  .verdict { font-size: 15pt; }
  .cards { grid-template-columns: 1fr; gap: 6px; margin: 8px 0; }
  .card { padding: 6px 10px; break-inside: avoid; }
  .card h3 { font-size: 11pt; } .card h3 small { font-size: 9pt; }
  .badge { font-size: 8.5pt; } .alarm { font-size: 9.5pt; margin: 2px 0; }
  .figures { gap: 2px 8px; margin: 4px 0;
    grid-template-columns: repeat(auto-fit, minmax(68px, 1fr)); }
  .figures dd { font-size: 11.5pt; } .figures dd small { font-size: 8pt; }
  .figures dt, .facts { font-size: 8pt; }
  header { padding-top: 0; } h2 { font-size: 13pt; margin: 12px 0 6px; }
  h3 { font-size: 11pt; margin: 12px 0 4px; } .meta { font-size: 9pt; }
  .card, .chart, .table { border-radius: 0; }
  .chart { border: 0; padding: 0; break-inside: avoid; }
  .table { overflow: visible; border: 0; border-bottom: 1px solid var(--rule); }
  table { font-size: 8.5pt; } caption { padding: 4px 6px; } th, td { padding: 2.5px 6px; }
  thead { display: table-header-group; } tr { break-inside: avoid; }
  h2, h3, caption { break-after: avoid; }
  a { color: inherit; text-decoration: none; }
}
@media print and (orientation: landscape) { .chart { zoom: .66; } }
"""

SCRIPT = """
'use strict';
const root = document.documentElement;
// For whoever looks for mistakes of this page, such as a test.
const complain = (text) => { root.dataset.error = (root.dataset.error || '') + text + '; '; };
addEventListener('error', (event) => complain(event.message));
addEventListener('unhandledrejection', (event) => complain(String(event.reason)));
addEventListener('securitypolicyviolation', (event) => complain(
  event.violatedDirective + ' ' + event.blockedURI));

const report = JSON.parse(document.getElementById('data').textContent);
const hasDates = report.origin_ms !== null;
const toAxis = (seconds) => hasDates ? report.origin_ms + seconds * 1000 : seconds;
const dark = matchMedia('(prefers-color-scheme: dark)');
const charts = new Map();
// Of the chart, with its border.
const PADDING = 5;
const plain = document.createElement('textarea');
// Words in the chart are escaped for Plotly; elsewhere they are set as text.
const unescaped = (words) => { plain.innerHTML = words; return plain.value; };

function colours(isPrinted) {
  return dark.matches && !isPrinted
    ? { ink: '#c9d5e0', grid: '#2e3a46', line: '#5c6773' }
    : { ink: '#33414e', grid: '#e6ebf0', line: '#b8c2cc' };
}

function theme(layout, isPrinted) {
  const colour = colours(isPrinted);
  const changes = { 'font.color': colour.ink, modebar: {
    bgcolor: 'rgba(0,0,0,0)', color: colour.line, activecolor: colour.ink } };
  for (const key of Object.keys(layout)) {
    if (/^[xy]axis/.test(key)) {
      changes[key + '.gridcolor'] = colour.grid;
      changes[key + '.linecolor'] = colour.line;
      changes[key + '.zerolinecolor'] = colour.line;
    }
  }
  return changes;
}

function draw(element, chart) {
  for (const trace of chart.data) {
    if (trace.base) {
      trace.base = trace.base.map(toAxis);
      trace.x = hasDates ? trace.x.map((length) => length * 1000) : trace.x;
    } else {
      trace.x = trace.x.map(toAxis);
    }
  }
  const layout = chart.layout;
  for (const shape of layout.shapes) {
    shape.x0 = toAxis(shape.x0);
    shape.x1 = toAxis(shape.x1);
  }
  layout.xaxis.range = layout.xaxis.range.map(toAxis);
  const whole = layout.xaxis.range.slice();
  Object.assign(layout.xaxis, {
    type: hasDates ? 'date' : 'linear', showline: true,
    title: { text: report.axis, standoff: 6 },
  });
  if (hasDates) {
    layout.xaxis.tickformatstops = [
      { dtickrange: [null, 1000], value: '%H:%M:%S.%L' },
      { dtickrange: [1000, 60000], value: '%H:%M:%S' },
      { dtickrange: [60000, 86400000], value: '%H:%M' },
      { dtickrange: [86400000, null], value: '%d %b' } ];
  }
  Object.assign(layout, {
    hovermode: 'closest', dragmode: 'zoom',
    bargap: 0, barmode: 'overlay', showlegend: false,
    paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)',
    hoverlabel: { font: { size: 11 }, namelength: 40 },
    uniformtext: { mode: 'hide', minsize: 9 },
    font: { family: getComputedStyle(document.body).fontFamily, size: 12 },
  });
  for (const key of Object.keys(layout)) {
    if (/^yaxis/.test(key)) {
      Object.assign(layout[key], { showline: true, automargin: false });
    }
  }
  element.replaceChildren();
  const plot = Plotly.newPlot(element, chart.data, layout, {
    responsive: true, displaylogo: false,
    modeBarButtonsToRemove: ['select2d', 'lasso2d', 'autoScale2d'],
    toImageButtonOptions: { format: 'svg', filename: element.id },
  });
  const bars = [];
  chart.data.forEach((trace, place) => {
    if (trace.type === 'bar') {
      bars.push({ place, name: trace.name, base: trace.base, length: trace.x,
        text: trace.text.map(unescaped), colour: trace.marker.color });
    }
  });
  charts.set(element.id, { element, whole, height: layout.height, layout, bars });
  Plotly.relayout(element, theme(layout, false));
  element.on('plotly_relayout', () => fitBars(element));
  readOut(element, chart);
  element.on('plotly_click', (event) => {
    const point = event.points.find((each) => each.customdata !== undefined);
    if (point) {
      choose(point.customdata, true);
    }
  });
  return plot;
}

// Words stand in the middle of a bar: of its visible part, when the rest is out of sight.
function fitBars(element) {
  const axis = element._fullLayout.xaxis;
  const [begin, end] = axis.range.map(axis.r2l);
  charts.get(element.id).bars.forEach(({ place, base, length }) => {
    const from = base.map((each) => Math.min(Math.max(each, begin), end));
    element.data[place].base = from;
    element.data[place].x = base.map((each, i) => Math.max(
      Math.min(each + length[i], end) - from[i], 1e-6));
  });
  // Not restyle(): it would guess the type of the axis anew.
  Plotly.redraw(element);
}

// What a line says at a time: the value that holds, or the one on the way to the next.
function valueAt(trace, time) {
  const { x, y } = trace;
  let low = 0, high = x.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (x[middle] <= time) { low = middle + 1; } else { high = middle; }
  }
  const before = y[low - 1], after = y[low];
  if (low === 0 || before === null || before === undefined) {
    return null;
  }
  if (low === x.length || after === null) {
    return x[low - 1] === time ? before : null;
  }
  if (trace.line.shape === 'hv' || before === after) {
    return before;
  }
  return before + (after - before) * (time - x[low - 1]) / (x[low] - x[low - 1]);
}

// All that holds at the time under the pointer, from every row.
function readOut(element, chart) {
  const box = document.createElement('div'), line = document.createElement('div');
  box.className = 'readout screen';
  line.className = 'cursor screen';
  element.append(line, box);
  const hide = () => { box.style.display = line.style.display = 'none'; };
  hide();
  element.addEventListener('mouseleave', hide);
  element.addEventListener('mousemove', (event) => {
    const frame = element.getBoundingClientRect();
    const axis = element._fullLayout.xaxis;
    const at = event.clientX - frame.left - axis._offset - PADDING;
    if (at < 0 || at > axis._length || event.buttons) {
      hide();
      return;
    }
    const time = axis.p2c(at);
    const rows = [];
    charts.get(element.id).bars.forEach(({ name, base, length, text, colour }) => {
      const found = base.findIndex((each, i) => each <= time && time <= each + length[i]);
      if (found >= 0) {
        rows.push([colour[found], name, text[found]]);
      }
    });
    chart.data.forEach((trace) => {
      const value = trace.meta === undefined ? null : valueAt(trace, time);
      if (value !== null) {
        rows.push([trace.line.color, trace.name, +value.toFixed(2) + ' ' + trace.meta]);
      }
    });
    const table = document.createElement('table');
    rows.forEach(([colour, ...words]) => {
      const row = table.insertRow();
      row.insertCell().style.background = colour;
      words.forEach((each) => { row.insertCell().textContent = each; });
    });
    const title = document.createElement('b');
    title.textContent = hasDates
      ? new Date(time).toISOString().slice(0, 23).replace('T', ' ') : time.toFixed(3) + ' s';
    box.replaceChildren(title, table);
    box.style.display = line.style.display = 'block';
    line.style.left = event.clientX - frame.left + 'px';
    const isRight = at > axis._length / 2;
    box.style.left = isRight ? 'auto' : event.clientX - frame.left + 18 + 'px';
    box.style.right = isRight ? frame.right - event.clientX + 18 + 'px' : 'auto';
  });
}

function zoom(id, begin, end) {
  Plotly.relayout(id, { 'xaxis.range': [toAxis(begin), toAxis(end)] });
}

function choose(number, isFromChart) {
  const row = document.getElementById('finding-' + number);
  if (!row) {
    return;
  }
  document.querySelectorAll('tr.is-chosen').forEach((each) => each.classList.remove('is-chosen'));
  row.classList.add('is-chosen');
  if (isFromChart) {
    row.scrollIntoView({ block: 'center' });
    return;
  }
  const time = Number(row.dataset.time);
  zoom(row.dataset.chart, time - 4, time + 4);
  document.getElementById(row.dataset.chart).scrollIntoView({ block: 'start' });
}

function followHash() {
  const found = /^#finding-(\\d+)$/.exec(location.hash);
  if (found) {
    choose(Number(found[1]), false);
  }
}

for (const [id, chart] of Object.entries(report.charts)) {
  draw(document.getElementById(id), chart);
}
document.querySelectorAll('button[data-chart]').forEach((button) => {
  button.addEventListener('click', () => {
    if (button.dataset.begin === undefined) {
      Plotly.relayout(button.dataset.chart, {
        'xaxis.range': charts.get(button.dataset.chart).whole.slice() });
    } else {
      zoom(button.dataset.chart, Number(button.dataset.begin), Number(button.dataset.end));
    }
  });
});
// Also a second time the same one.
document.querySelectorAll('a[href^="#finding-"]').forEach((link) => {
  link.addEventListener('click', (event) => {
    event.preventDefault();
    history.replaceState(null, '', link.hash);
    followHash();
  });
});
addEventListener('hashchange', followHash);
dark.addEventListener('change', () => charts.forEach(({ element, layout }) =>
  Plotly.relayout(element, theme(layout, false))));
addEventListener('beforeprint', () => charts.forEach(({ element, layout, height }) =>
  Plotly.relayout(element, Object.assign(theme(layout, true), {
    autosize: false, width: 700, height: Math.min(height, 660), 'uniformtext.minsize': 7 }))));
addEventListener('afterprint', () => charts.forEach(({ element, layout, height }) =>
  Plotly.relayout(element, Object.assign(theme(layout, false), {
    autosize: true, width: null, height, 'uniformtext.minsize': 9 }))));
followHash();
root.dataset.drawn = String(charts.size);
"""
