// One chart with its legend and its table. All texts come from the server (app/admin/analytics/charts.py).

import { findOne, makeElement } from "./dom.js";

const HEIGHT_PX = 190;
const X_STEPS = [1, 2, 3, 4, 6, 10, 12, 15, 24, 30, 48, 60, 100, 120, 200];

// ---- Colours of the theme, resolved by the browser ---------------------------------------------------------------

const colours = new Map();

function resolveColour(name) {
  if (colours.has(name)) return colours.get(name);
  const probe = makeElement("span", { className: `hue-${name}` });
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  colours.set(name, found);
  return found;
}

const resolveFaint = (name, part) => resolveColour(name).replace(/^rgb\((.+)\)$/, `rgba($1, ${part})`);

export const forgetColours = () => colours.clear();

// ---- Numbers -----------------------------------------------------------------------------------------------------

// Sums from the bottom up, the highest drawn first so that the lower ones lie over it.
function stack(lines) {
  const sums = [];
  for (const line of lines) sums.push(line.values.map((value, at) => (value ?? 0) + (sums.at(-1)?.[at] ?? 0)));
  return sums.reverse();
}

const sumBefore = (lines) => lines[0].before.map((_, at) => lines.reduce((sum, line) => sum + (line.before[at] ?? 0), 0));

// Colours of the dashed lines: one for each line, or one for the sum of what is stacked.
function listBefore({ lines, stacked }) {
  if (!lines[0]?.before) return [];
  return stacked ? ["ink"] : lines.map((line) => line.colour);
}

function listNumbers(chart, { labels }) {
  const x = labels.map((_, at) => at);
  const fit = (values) => x.map((at) => values[at] ?? null);
  const earlier = chart.stacked ? [sumBefore] : chart.lines.map((line) => () => line.before);
  const before = listBefore(chart).length ? earlier.map((read) => fit(read(chart.lines))) : [];
  return [x, ...(chart.stacked ? stack(chart.lines) : chart.lines.map((line) => line.values)), ...before];
}

// ---- Drawing -----------------------------------------------------------------------------------------------------

function listSeries(chart, { labels }) {
  const paths = uPlot.paths.bars({ size: [0.86, 40] });
  const makeBars = (line) => ({ fill: resolveColour(line.colour), stroke: resolveColour("surface"), width: 1, paths, points: { show: false } });
  const makeLine = (line, at) => ({
    stroke: resolveColour(line.colour),
    width: 2,
    points: { show: labels.length < 3 },
    spanGaps: chart.unit === "ms",
    fill: chart.unit === "count" && !at ? resolveFaint(line.colour, 0.08) : undefined,
  });
  const makeDashed = (name) => ({ stroke: resolveColour(name), width: 1.5, dash: [4, 4], points: { show: false }, spanGaps: true });
  const lines = chart.stacked ? chart.lines.toReversed().map(makeBars) : chart.lines.map(makeLine);
  return [...lines, ...listBefore(chart).map(makeDashed)];
}

// The axes ask `made` for its chart and data: they are others after each look at the server.
function listAxes(made) {
  const axisStyle = { stroke: resolveColour("dim"), font: `12px ${getComputedStyle(document.body).fontFamily}`, ticks: { show: false } };
  return [
    { ...axisStyle, size: 28, grid: { show: false }, space: 76, incrs: X_STEPS, values: (_, at) => at.map((each) => made.data.ticks[each] ?? "") },
    {
      ...axisStyle,
      size: 60,
      grid: { stroke: resolveColour("line"), width: 1 },
      splits: () => made.chart.axis.marks.map(([value]) => value),
      values: () => made.chart.axis.marks.map(([, text]) => text),
    },
  ];
}

// The step that is still going on lies on a band of its own.
function drawBand(plot, { labels, unfinished }) {
  if (!unfinished) return;
  const left = plot.valToPos(labels.length - 1.5, "x", true);
  plot.ctx.fillStyle = resolveFaint("ink", 0.06);
  plot.ctx.fillRect(left, plot.bbox.top, plot.bbox.left + plot.bbox.width - left, plot.bbox.height);
}

const measureWidth = (place) => place.clientWidth || 300;

function makePlot(made) {
  const place = findOne("[data-place]", made.panel);
  place.replaceChildren();
  const options = {
    width: measureWidth(place),
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { size: 7 }, y: false },
    scales: { x: { time: false, range: (_, low, high) => [low - 0.5, high + 0.5] }, y: { range: () => [0, made.chart.axis.top] } },
    series: [{}, ...listSeries(made.chart, made.data)],
    axes: listAxes(made),
    hooks: { drawClear: [(plot) => drawBand(plot, made.data)], setCursor: [() => made.plot && showLegend(made)] },
  };
  return new uPlot(options, listNumbers(made.chart, made.data), place);
}

// What a drawing cannot change later on: with another shape it is made anew.
function describeShape(chart, { labels }) {
  const lines = chart.lines.map((line) => [line.label, line.colour]);
  return JSON.stringify([chart.stacked, lines, listBefore(chart), labels.length > 2, document.documentElement.dataset.bsTheme]);
}

// Draws a chart into its panel, over what was `made` before, and returns what is made now. `data`: labels, ticks, unfinished.
export function drawChart(panel, chart, data, made) {
  const nothing = chart.lines.every((line) => line.values.every((value) => !value));
  panel.classList.toggle("chart-quiet", nothing);
  const shape = describeShape(chart, data);
  let drawn = made;
  if (made?.shape === shape && made.panel === panel && made.plot.root.isConnected) {
    Object.assign(made, { chart, data });
    made.plot.setData(listNumbers(chart, data));
  } else {
    made?.plot.destroy();
    drawn = { panel, chart, data, shape, plot: null };
    drawn.plot = makePlot(drawn);
  }
  showLegend(drawn);
  showTable(drawn);
  return drawn;
}

export function resizeChart({ plot, panel }) {
  if (panel.isConnected) plot.setSize({ width: measureWidth(findOne("[data-place]", panel)), height: HEIGHT_PX });
}

// ---- Its legend: the values below the pointer, or of the last step ------------------------------------------------

function nameStep({ labels, unfinished }, at) {
  return labels[at] + (unfinished && at === labels.length - 1 ? " (so far)" : "");
}

function makeLegendLine(line, at) {
  const row = makeElement("li", { className: "legend-one" });
  row.append(makeElement("span", { className: `legend-mark hue-${line.colour}` }), line.label);
  if (at !== null) row.append(makeElement("strong", { textContent: line.texts[at] }));
  if (at !== null && line.before) row.append(makeElement("span", { className: "legend-before", textContent: `before ${line.before_texts[at]}` }));
  return row;
}

function showLegend({ panel, chart, data, plot }) {
  const at = plot.cursor.idx ?? null;
  const rows = chart.lines.map((line) => makeLegendLine(line, at));
  if (at === null && listBefore(chart).length) rows.push(makeElement("li", { className: "legend-one legend-before", textContent: "dashed: previous period" }));
  if (at !== null) rows.unshift(makeElement("li", { className: "legend-when", textContent: nameStep(data, at) }));
  findOne("[data-legend]", panel).replaceChildren(...rows);
}

// ---- Its table: the same numbers, drawn while it is open -----------------------------------------------------------

export function showTable({ panel, chart, data }) {
  const details = findOne("[data-table]", panel);
  details.hidden = !chart.lines.length;
  findOne("[data-empty]", panel).hidden = !details.hidden;
  if (!details.open) return;
  const columns = chart.lines.flatMap((line) => [[line.label, line.texts], ...(line.before ? [[`${line.label}, previous period`, line.before_texts]] : [])]);
  const head = ["Time", ...columns.map(([label]) => label)].map((label) => makeElement("th", { textContent: label, scope: "col" }));
  const rows = data.labels.map((_, at) => {
    const row = document.createElement("tr");
    row.append(makeElement("th", { textContent: nameStep(data, at), scope: "row" }));
    row.append(...columns.map(([, texts]) => makeElement("td", { textContent: texts[at] })));
    return row;
  });
  findOne("thead tr", details).replaceChildren(...head);
  findOne("tbody", details).replaceChildren(...rows);
}

// ---- Keys: the arrows move the pointer, and what it points at is read out ------------------------------------------

const MOVES = { ArrowLeft: (at, last) => Math.max((at ?? last + 1) - 1, 0), ArrowRight: (at, last) => Math.min((at ?? -1) + 1, last), Home: () => 0, End: (_, last) => last };

// Moves the pointer of a chart; returns whether the key is one of a chart.
export function movePointer({ panel, chart, data, plot }, key) {
  if (key === "Escape") plot.setCursor({ left: -10, top: -10 });
  const move = MOVES[key];
  if (!move) return false;
  const at = move(plot.cursor.idx ?? null, data.labels.length - 1);
  plot.setCursor({ left: plot.valToPos(at, "x"), top: HEIGHT_PX / 3 });
  findOne("[data-reading]", panel).textContent = `${nameStep(data, at)}: ${chart.lines.map((line) => `${line.label} ${line.texts[at]}`).join(", ")}`;
  return true;
}
