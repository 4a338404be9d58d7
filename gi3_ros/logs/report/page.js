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
  const found = /^#finding-(\d+)$/.exec(location.hash);
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
