"""Style and script of the page in :mod:`.page`."""

STYLE = """
:root { --paper: #f5f7f9; --card: #fff; --ink: #1b2733; --soft: #5c6773; --rule: #dde3e9;
  --accent: #0072b2; --other: #aa4499; --good: #007a59; --bad: #b84a00; --doubt: #a67c00;
  --mark: #fff3d6; }
@media screen and (prefers-color-scheme: dark) {
  :root { --paper: #11171d; --card: #1a222b; --ink: #e4eaf0; --soft: #9fb0bf; --rule: #2e3a46;
    --accent: #6db9ea; --other: #e08fd2; --good: #4cc9a0; --bad: #f0904e; --doubt: #d9a93f;
    --mark: #3b3220; } }
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
  padding: 2px 0 2px 14px; border-left: 5px solid var(--soft); text-wrap: balance;
  overflow-wrap: anywhere; }
.verdict.is-good { border-color: var(--good); } .verdict.is-bad { border-color: var(--bad); }
.verdict.is-partial { border-color: var(--doubt); }
.mood { font-size: 13px; font-weight: 600; color: #fff; background: #5c6773; padding: 2px 10px;
  border-radius: 20px; white-space: nowrap; vertical-align: 3px; }
.is-good .mood { background: #00795a; } .is-bad .mood { background: #b84a00; }
.is-partial .mood { background: #7a5a00; }
.missing { margin: 8px 0 0; padding: 6px 14px 6px 32px; border-left: 5px solid var(--doubt);
  background: var(--mark); overflow-wrap: anywhere; }
.meta { color: var(--soft); margin: 8px 0 0; display: flex; flex-wrap: wrap; gap: 2px 22px; }
.meta b { color: var(--ink); font-weight: 600; }
code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .93em;
  overflow-wrap: anywhere; }
td code { overflow-wrap: normal; }
.cards { display: grid; gap: 14px; margin: 16px 0;
  grid-template-columns: repeat(auto-fit, minmax(min(390px, 100%), 1fr)); }
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
.chart:focus-visible { outline: 3px solid var(--accent); }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); }
.readout { position: absolute; top: 120px; z-index: 9; background: var(--card); opacity: .95;
  border: 1px solid var(--rule); border-radius: 8px; padding: 6px 10px; pointer-events: none;
  font-size: 12px; box-shadow: 0 4px 14px rgb(0 0 0 / .16); }
.readout p { margin: 4px 0 0; color: var(--soft); max-width: 340px; }
.readout td:last-child { color: var(--soft); }
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
.who.customer { color: var(--bad); } .who.controller { color: var(--other); }
.who.observation { color: var(--soft); }
.who.observation::before { background: #6b7f93; border-radius: 50%; }
.who::before { content: ""; display: inline-block; width: 9px; height: 9px; margin-right: 6px; }
.who.customer::before { background: #d55e00; clip-path: polygon(0 0, 100% 0, 50% 100%); }
.who.controller::before { background: #aa4499;
  clip-path: polygon(50% 0, 100% 50%, 50% 100%, 0 50%); }
.late { color: var(--bad); font-weight: 600; }
ul { padding-left: 20px; margin: 6px 0; } li { margin: 2px 0; }
footer { color: var(--soft); font-size: 13px; margin: 26px 0 30px; }
@media screen and (max-width: 640px) {
  main, header { padding: 0 12px; }
  .verdict { font-size: 19px; }
  .card { padding: 11px 12px; }
  th, td { padding: 5px 9px; }
  .toolbar span { display: none; }
  .readout { position: fixed; inset: auto 8px 8px 8px !important; max-height: 42vh;
    overflow: auto; }
  .readout td { white-space: normal; }
}
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
  .chart { border: 0; padding: 0; break-inside: avoid; height: auto !important; }
  .mood { font-size: 9pt; }
  .table { overflow: visible; border: 0; border-bottom: 1px solid var(--rule); }
  table { font-size: 8.5pt; } caption { padding: 4px 6px; } th, td { padding: 2.5px 5px; }
  /* No wider than the paper: the whole page would shrink for one table. */
  td.number, th.number, td.time, th { white-space: normal; }
  td.words { overflow-wrap: anywhere; min-width: 90px; }
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
const pieces = report.pieces;
const hasDates = pieces.length > 0;
// The axis goes on by the clock of the begin, whatever is done to clocks later.
const origin = hasDates ? pieces[0][1] : 0;
const toAxis = (seconds) => hasDates ? origin + seconds * 1000 : seconds;
const toSeconds = (time) => hasDates ? (time - origin) / 1000 : time;
// Dates as text: Plotly takes a number for a moment in the time zone of whoever looks at it.
const toPlot = (time) => hasDates ? new Date(Math.round(time)).toISOString().slice(0, 23) : time;
const dark = matchMedia('(prefers-color-scheme: dark)');
const isTouched = matchMedia('(pointer: coarse)').matches;
const charts = new Map();
// Of the chart, beside what is drawn; with its border.
const PADDING = 5, ABOVE = 9, NARROW = 620;
// A sample that stands alone is read out from so many pixels away, and so many seconds at most.
const NEAR_PX = 3, NEAR_S = 1;
let isPrinted = false;
const plain = document.createElement('textarea');
// Words in the chart are escaped for Plotly; elsewhere they are set as text.
const unescaped = (words) => { plain.innerHTML = words; return plain.value; };

// A time as the tables tell it.
function words(time, hasDay) {
  if (!hasDates) {
    return time.toFixed(3) + ' s';
  }
  const seconds = toSeconds(time);
  const piece = pieces.findLast((each) => each[0] <= seconds + 0.0005) || pieces[0];
  const text = new Date(Math.round(piece[1] + seconds * 1000)).toISOString();
  return (hasDay ? text.slice(0, 10) + ' ' : '') + text.slice(11, 23) + piece[2];
}

function colours() {
  return dark.matches && !isPrinted
    ? { ink: '#c9d5e0', grid: '#2e3a46', line: '#5c6773' }
    : { ink: '#33414e', grid: '#e6ebf0', line: '#b8c2cc' };
}

function theme(layout) {
  const colour = colours();
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

// How the chart fits into the page as it is now.
function arrangement(element, manners) {
  const width = isPrinted ? 700 : Math.max(element.clientWidth - 8, 200);
  const changes = manners[width < NARROW ? 'narrow' : 'wide'];
  const height = isPrinted ? Math.min(changes.height, 960) : changes.height;
  return Object.assign({}, changes, {
    autosize: false, width, height, 'uniformtext.minsize': isPrinted ? 8 : 9 });
}

function put(layout, changes) {
  for (const [path, value] of Object.entries(changes)) {
    const names = path.split('.'), last = names.pop();
    names.reduce((part, name) => part[name] = part[name] || {}, layout)[last] = value;
  }
}

function fit(element) {
  const chart = charts.get(element.id);
  const changes = arrangement(element, chart.manners);
  element.style.height = changes.height + ABOVE + 1 + 'px';
  if (chart.width === changes.width) {
    return;
  }
  chart.width = changes.width;
  chart.hide();
  Plotly.relayout(element, Object.assign(changes, theme(chart.layout)));
}

function decode(trace) {
  if (trace.base) {
    trace.starts = trace.base.map(toAxis);
    trace.base = trace.starts.map(toPlot);
    trace.x = hasDates ? trace.x.map((length) => length * 1000) : trace.x;
    return;
  }
  if (trace.steps_ms) {
    let at = 0;
    trace.x = trace.steps_ms.map((step) => (at += step) / 1000);
    delete trace.steps_ms;
  }
  trace.ends = new Set(trace.held || []);
  trace.times = trace.x.map(toAxis);
  trace.x = trace.times.map(toPlot);
}

function draw(element, chart) {
  chart.data.forEach(decode);
  const layout = chart.layout;
  for (const shape of layout.shapes) {
    shape.x0 = toPlot(toAxis(shape.x0));
    shape.x1 = toPlot(toAxis(shape.x1));
  }
  layout.xaxis.range = layout.xaxis.range.map((each) => toPlot(toAxis(each)));
  const whole = layout.xaxis.range.slice();
  Object.assign(layout.xaxis, {
    type: hasDates ? 'date' : 'linear', showline: true,
    title: { text: report.axis, standoff: 6, font: { size: 12 } },
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
  const changes = arrangement(element, chart.manners);
  put(layout, changes);
  put(layout, theme(layout));
  element.style.height = changes.height + ABOVE + 1 + 'px';
  element.replaceChildren();
  Plotly.newPlot(element, chart.data, layout, Object.assign(
    { displayModeBar: isTouched ? false : 'hover' }, report.config,
    { toImageButtonOptions: { format: 'svg', filename: element.id } }));
  const bars = [];
  chart.data.forEach((trace, place) => {
    if (trace.type === 'bar') {
      bars.push({ place, name: trace.name, base: trace.starts, length: trace.x,
        text: trace.text.map(unescaped), colour: trace.marker.color });
    }
  });
  charts.set(element.id, {
    element, whole, layout, bars, manners: chart.manners, width: changes.width, range: '' });
  element.on('plotly_relayout', () => fitBars(element));
  readOut(element, chart);
  element.on('plotly_click', (event) => {
    const point = event.points.find((each) => each.customdata !== undefined);
    if (point) {
      choose(point.customdata, true);
    }
  });
  // After the observer is done: what it changes itself would call it again.
  new ResizeObserver(() => requestAnimationFrame(() => {
    if (!isPrinted) { fit(element); }
  })).observe(element);
}

// Words stand in the middle of a bar: of its visible part, when the rest is out of sight.
function fitBars(element) {
  const axis = element._fullLayout.xaxis;
  const [begin, end] = axis.range.map(axis.r2l);
  const chart = charts.get(element.id);
  if (chart.range === begin + ' ' + end) {
    return;
  }
  chart.range = begin + ' ' + end;
  chart.bars.forEach(({ place, base, length }) => {
    const from = base.map((each) => Math.min(Math.max(each, begin), end));
    element.data[place].base = from.map(toPlot);
    element.data[place].x = base.map((each, i) => Math.max(
      Math.min(each + length[i], end) - from[i], 1e-6));
  });
  // Not restyle(): it would guess the type of the axis anew.
  Plotly.redraw(element);
}

// The place of the last time that is not later.
function placeOf(times, time) {
  let low = 0, high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= time) { low = middle + 1; } else { high = middle; }
  }
  return low - 1;
}

// The sample of a line that a time leads to: one that was in the log, never a value between two.
// What is drawn across a gap or beyond the end is none; there, only what is under the pointer.
function sampleAt(trace, time, near) {
  const { times: x, y } = trace;
  const has = (i) => i >= 0 && i < x.length && y[i] !== null;
  const left = (i) => (trace.left_out ? trace.left_out[i] : 0);
  const i = placeOf(x, time);
  if (has(i) && has(i + 1)) {
    const isHeld = trace.line.shape === 'hv';
    const isRun = y[i] === y[i + 1] && !left(i + 1);
    const place = isRun || isHeld || trace.ends.has(i + 1) || time - x[i] <= x[i + 1] - time
      ? i : i + 1;
    return realOf(trace, place, isRun || (isHeld && !left(i + 1)), {
      left: left(i + 1), from: x[i], to: x[i + 1] });
  }
  const found = [i, i - 1, i + 1].filter((each) => has(each) && Math.abs(x[each] - time) <= near)
    .sort((one, other) => Math.abs(x[one] - time) - Math.abs(x[other] - time))[0];
  return found === undefined ? null : realOf(trace, found, false, { left: 0 });
}

// Where only the end of what held is drawn, the sample is the one before.
function realOf(trace, place, isSince, about) {
  const { times: x, y } = trace;
  const isBack = place > 0 && y[place - 1] !== null && (trace.ends.has(place) || (
    isSince && y[place - 1] === y[place] && !(trace.left_out && trace.left_out[place])));
  const real = isBack ? place - 1 : place;
  if (trace.ends.has(real)) {
    return null;
  }
  return Object.assign(about, {
    value: y[real], time: x[real], isSince: isSince || trace.ends.has(place) });
}

// All that holds at a time, from every row: colour, name, value, time of the sample.
function rowsAt(chart, traces, time, near) {
  const rows = [];
  let left = null;
  chart.bars.forEach(({ name, base, length, text, colour }) => {
    const found = base.findIndex((each, i) => each <= time && time <= each + length[i]);
    if (found >= 0) {
      rows.push([colour[found], name, text[found], 'since ' + words(base[found])]);
    }
  });
  traces.forEach((trace) => {
    const sample = trace.meta === undefined ? null : sampleAt(trace, time, near);
    if (sample !== null) {
      rows.push([trace.line.color, trace.name, +sample.value.toFixed(3) + ' ' + trace.meta,
        (sample.isSince ? 'since ' : '') + words(sample.time)]);
      left = sample.left > (left ? left.left : 0) ? sample : left;
    }
  });
  return [rows, left];
}

function readOut(element, { data }) {
  const chart = charts.get(element.id);
  const box = document.createElement('div'), line = document.createElement('div');
  const said = document.createElement('div');
  box.className = 'readout screen';
  line.className = 'cursor screen';
  said.className = 'unseen screen';
  said.setAttribute('role', 'status');
  element.append(line, box, said);
  chart.hide = () => {
    box.style.display = line.style.display = 'none';
    chart.time = null;
  };
  chart.hide();
  const axisOf = () => element._fullLayout.xaxis;
  const timeAt = (x) => {
    const at = x - element.getBoundingClientRect().left - axisOf()._offset - PADDING;
    return at < 0 || at > axisOf()._length ? null : axisOf().p2c(at);
  };

  function show(time, isSaid) {
    const axis = axisOf(), at = axis.c2p(time), left = at + axis._offset + PADDING;
    const near = Math.min(axis.p2c(NEAR_PX) - axis.p2c(0), hasDates ? NEAR_S * 1000 : NEAR_S);
    const [rows, gone] = rowsAt(chart, data, time, near);
    const table = document.createElement('table');
    rows.forEach(([colour, ...cells]) => {
      const row = table.insertRow();
      row.insertCell().style.background = colour;
      cells.forEach((each) => { row.insertCell().textContent = each; });
    });
    const title = document.createElement('b');
    title.textContent = words(time, true);
    box.replaceChildren(title, table);
    if (gone) {
      const note = document.createElement('p');
      note.textContent = gone.left + ' samples between ' + words(gone.from) + ' and '
        + words(gone.to) + ' are not on this page.';
      box.append(note);
    }
    chart.time = time;
    box.style.display = line.style.display = 'block';
    line.style.left = left + 'px';
    const isRight = at > axis._length / 2;
    box.style.left = isRight ? 'auto' : left + 18 + 'px';
    box.style.right = isRight ? element.offsetWidth - left + 18 + 'px' : 'auto';
    if (isSaid) {
      said.textContent = title.textContent + ': '
        + rows.map(([, name, value]) => name + ' ' + value).join(', ');
    }
  }

  element.addEventListener('mouseleave', chart.hide);
  element.addEventListener('mousemove', (event) => {
    const time = event.buttons ? null : timeAt(event.clientX);
    if (time === null) { chart.hide(); } else { show(time, false); }
  });
  // A finger scrolls the page, and buttons zoom: Plotly would hold the page for itself.
  element.addEventListener('touchstart', (event) => event.stopPropagation(),
    { capture: true, passive: true });
  let touched = null;
  element.addEventListener('pointerdown', (event) => {
    touched = event.pointerType === 'mouse' ? null : [event.clientX, event.clientY];
  }, true);
  element.addEventListener('pointerup', (event) => {
    if (touched && Math.hypot(event.clientX - touched[0], event.clientY - touched[1]) < 10) {
      const time = timeAt(event.clientX);
      if (time !== null) { show(time, false); }
    }
    touched = null;
  }, true);
  document.addEventListener('pointerdown', (event) => {
    if (!element.contains(event.target)) { chart.hide(); }
  });
  element.addEventListener('blur', chart.hide);
  element.addEventListener('keydown', (event) => {
    if (event.target !== element || event.ctrlKey || event.altKey || event.metaKey) {
      return;
    }
    const [begin, end] = axisOf().range.map(axisOf().r2l);
    if (event.key === 'Escape') {
      chart.hide();
    } else if (event.key === 'Home' || event.key === 'End') {
      show(next(data, event.key === 'Home' ? begin : end, event.key === 'Home' ? 1 : -1)
        ?? begin, true);
    } else if (event.key === 'ArrowRight' || event.key === 'ArrowLeft') {
      const step = event.key === 'ArrowRight' ? 1 : -1;
      let time = chart.time ?? (begin + end) / 2;
      for (let count = event.shiftKey ? 10 : 1; count > 0; count -= 1) {
        time = next(data, time, step) ?? time;
      }
      if (time < begin || time > end) {
        move(element.id, step / 2, 1);
      }
      show(time, true);
    } else {
      return;
    }
    event.preventDefault();
  });
}

// The time of the next sample of any line, or of the one before.
function next(traces, time, step) {
  const times = traces.filter((trace) => trace.meta !== undefined).map((trace) => {
    let i = placeOf(trace.times, time);
    i = step > 0 ? i + 1 : trace.times[i] < time ? i : i - 1;
    while (trace.y[i] === null || trace.ends.has(i) || (step < 0 && trace.times[i] >= time)) {
      i += step;
    }
    return trace.times[i];
  }).filter((each) => each !== undefined);
  return times.length ? (step > 0 ? Math.min : Math.max)(...times) : null;
}

function zoom(id, begin, end) {
  Plotly.relayout(id, { 'xaxis.range': [toPlot(toAxis(begin)), toPlot(toAxis(end))] });
}

// By a share of what is in sight, and closer or further.
function move(id, share, factor) {
  const axis = document.getElementById(id)._fullLayout.xaxis;
  const [begin, end] = axis.range.map(axis.r2l);
  const middle = charts.get(id).time ?? (begin + end) / 2;
  const shift = share * (end - begin);
  const changed = [begin, end].map((each) => toPlot(
    middle + (each - middle) * factor + shift));
  Plotly.relayout(id, { 'xaxis.range': changed });
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
  const { chart, begin, end, share, factor } = button.dataset;
  button.addEventListener('click', () => {
    if (factor !== undefined) {
      move(chart, Number(share), Number(factor));
    } else if (begin === undefined) {
      Plotly.relayout(chart, { 'xaxis.range': charts.get(chart).whole.slice() });
    } else {
      zoom(chart, Number(begin), Number(end));
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
  Plotly.relayout(element, theme(layout))));
for (const [name, value] of [['beforeprint', true], ['afterprint', false]]) {
  addEventListener(name, () => {
    isPrinted = value;
    charts.forEach(({ element }) => fit(element));
  });
}
followHash();
root.dataset.drawn = String(charts.size);
"""
