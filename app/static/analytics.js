// Analytics: charts that follow the traffic. The server says that something changed, we fetch the numbers of the period
// once more, and only what differs is drawn: what is open, pointed at or focused stays so.
"use strict";

(() => {
  // The server is asked at most four times a second, and each second while messages wait: their delay grows by itself.
  const PAUSE = 250;
  const WAITING = 1000;
  const HEIGHT = 190;
  const SMALL = new Map();

  const page = () => one("#analytics");
  const charts = new Map();
  let data = null;
  let tag = "";
  let source = "";
  let asking = false;
  let again = false;
  let timer = 0;

  // ---- Numbers in words: as app/admin/amounts.py says them ---------------------------------------------------------

  function time(ms) {
    if (ms < 10) return `${ms.toFixed(1)} ms`;
    if (ms < 1000) return `${Math.round(ms)} ms`;
    if (ms < 60000) return `${(ms / 1000).toFixed(2)} s`;
    return ms < 3600000 ? `${(ms / 60000).toFixed(1)} min` : `${(ms / 3600000).toFixed(1)} h`;
  }

  function said(unit, value) {
    if (value === null || value === undefined) return "–";
    if (unit === "rate") return `${value.toFixed(1)} %`;
    if (unit === "money") return (value / 1e6).toFixed(6);
    return unit === "ms" ? time(value) : value.toLocaleString("en-US");
  }

  // Of an axis: as short as can be.
  function short(unit, value) {
    if (unit === "rate") return `${value} %`;
    if (unit === "money") return (value / 1e6).toLocaleString("en-US", { maximumSignificantDigits: 3 });
    if (unit === "count") return value.toLocaleString("en-US", { notation: "compact" });
    return value < 1000 ? `${value} ms` : value < 60000 ? `${value / 1000} s` : `${value / 60000} min`;
  }

  // ---- Colours of the theme, resolved by the browser ---------------------------------------------------------------

  function colour(name) {
    if (SMALL.has(name)) return SMALL.get(name);
    const probe = document.createElement("span");
    probe.className = `hue-${name}`;
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    SMALL.set(name, found);
    return found;
  }

  const faint = (name, part) => colour(name).replace(/^rgb\((.+)\)$/, `rgba($1, ${part})`);

  // ---- One chart ---------------------------------------------------------------------------------------------------

  // Sums from the bottom up, the highest drawn first so that the lower ones lie over it.
  function stacked(lines) {
    const sums = [];
    for (const line of lines) sums.push(line.values.map((value, at) => (value ?? 0) + (sums.at(-1)?.[at] ?? 0)));
    return sums.reverse();
  }

  function total(lines, which) {
    return lines[0][which]?.map((_, at) => lines.reduce((sum, line) => sum + (line[which][at] ?? 0), 0));
  }

  function series(chart) {
    const bars = uPlot.paths.bars({ size: [0.86, 40] });
    const solid = (line) => ({ stroke: colour(line.colour), width: 2, points: { show: data.labels.length < 3 }, spanGaps: chart.unit === "ms" });
    const lines = chart.stacked
      ? chart.lines.toReversed().map((line) => ({ fill: colour(line.colour), stroke: colour("surface"), width: 1, paths: bars, points: { show: false } }))
      : chart.lines.map((line, at) => ({ ...solid(line), fill: chart.unit === "count" && !at ? faint(line.colour, 0.08) : undefined }));
    return [...lines, ...before(chart).map((name) => ({ stroke: colour(name), width: 1.5, dash: [4, 4], points: { show: false }, spanGaps: true }))];
  }

  // Colours of the dashed lines: one for each line, or one for the sum of what is stacked.
  function before(chart) {
    if (!chart.lines[0]?.before) return [];
    return chart.stacked ? ["ink"] : chart.lines.map((line) => line.colour);
  }

  function numbers(chart) {
    const x = data.labels.map((_, at) => at);
    const fit = (values) => x.map((at) => values[at] ?? null);
    const earlier = before(chart).length ? (chart.stacked ? [total(chart.lines, "before")] : chart.lines.map((line) => line.before)) : [];
    return [x, ...(chart.stacked ? stacked(chart.lines) : chart.lines.map((line) => line.values)), ...earlier.map(fit)];
  }

  function axes(chart) {
    const look = { stroke: colour("dim"), font: `12px ${getComputedStyle(document.body).fontFamily}`, ticks: { show: false } };
    return [
      { ...look, size: 28, grid: { show: false }, space: 76, incrs: [1, 2, 3, 4, 6, 10, 12, 15, 24, 30, 48, 60, 100, 120, 200], values: (_, at) => at.map((each) => data.ticks[each] ?? "") },
      { ...look, size: 60, grid: { stroke: colour("line"), width: 1 }, incrs: chart.unit === "count" ? [1, 2, 5, 10, 20, 50, 100, 200, 500].flatMap((n) => [n, n * 1e3, n * 1e6]).sort((a, b) => a - b) : undefined, values: (_, at) => at.map((each) => short(chart.unit, each)) },
    ];
  }

  // The step that is still going on lies on a band of its own.
  function band(plot) {
    if (!data.unfinished) return;
    const last = data.labels.length - 1;
    const left = plot.valToPos(last - 0.5, "x", true);
    plot.ctx.fillStyle = faint("ink", 0.06);
    plot.ctx.fillRect(left, plot.bbox.top, plot.bbox.left + plot.bbox.width - left, plot.bbox.height);
  }

  function build(panel, chart) {
    const place = one("[data-place]", panel);
    place.replaceChildren();
    const ceiling = chart.unit === "rate" ? () => [0, 100] : (_, __, high) => [0, Math.max(high * 1.08, chart.unit === "count" ? 4 : 1)];
    const plot = new uPlot(
      {
        width: place.clientWidth || 300,
        height: HEIGHT,
        legend: { show: false },
        cursor: { drag: { x: false, y: false }, points: { size: 7 }, y: false },
        scales: { x: { time: false, range: (_, low, high) => [low - 0.5, high + 0.5] }, y: { range: ceiling } },
        series: [{}, ...series(chart)],
        axes: axes(chart),
        hooks: { drawClear: [band], setCursor: [() => legend(panel)] },
      },
      numbers(chart),
      place,
    );
    return plot;
  }

  function shape(chart) {
    return JSON.stringify([chart.stacked, chart.lines.map((line) => [line.label, line.colour]), before(chart), data.labels.length > 2, document.documentElement.dataset.bsTheme]);
  }

  function draw(chart) {
    const panel = one(`[data-chart="${chart.id}"]`);
    if (!panel) return;
    const nothing = chart.lines.every((line) => line.values.every((value) => !value));
    panel.classList.toggle("chart-quiet", nothing);
    const made = charts.get(chart.id);
    if (made?.shape === shape(chart) && made.panel === panel && made.plot.root.isConnected) {
      made.chart = chart;
      made.plot.setData(numbers(chart));
    } else {
      made?.plot.destroy();
      charts.set(chart.id, { panel, chart, shape: shape(chart), plot: build(panel, chart) });
    }
    legend(panel);
    table(panel);
  }

  // ---- Its legend: the values below the pointer, or of the last step ------------------------------------------------

  const pointed = (panel) => charts.get(panel.dataset.chart)?.plot.cursor.idx ?? null;

  function when(at) {
    return data.labels[at] + (data.unfinished && at === data.labels.length - 1 ? " (so far)" : "");
  }

  function element(name, className, text = "") {
    return Object.assign(document.createElement(name), { className, textContent: text });
  }

  function legend(panel) {
    const chart = charts.get(panel.dataset.chart)?.chart;
    if (!chart) return;
    const at = pointed(panel);
    const place = one("[data-legend]", panel);
    const rows = chart.lines.map((line) => {
      const row = element("li", "legend-one");
      row.append(element("span", `legend-mark hue-${line.colour}`), line.label);
      if (at !== null) row.append(element("strong", "", said(chart.unit, line.values[at])));
      if (at !== null && line.before) row.append(element("span", "legend-before", `before ${said(chart.unit, line.before[at])}`));
      return row;
    });
    if (at === null && before(chart).length) rows.push(element("li", "legend-one legend-before", "dashed: the period before"));
    if (at !== null) rows.unshift(element("li", "legend-when", when(at)));
    place.replaceChildren(...rows);
  }

  // ---- Its table: the same numbers, drawn while it is open -----------------------------------------------------------

  function table(panel) {
    const chart = charts.get(panel.dataset.chart)?.chart;
    const details = one("[data-table]", panel);
    if (!chart || !details.open) return;
    const columns = chart.lines.flatMap((line) => [[line.label, line.values], ...(line.before ? [[`${line.label}, before`, line.before]] : [])]);
    const head = ["Time", ...columns.map(([label]) => label)].map((label) => Object.assign(element("th", "", label), { scope: "col" }));
    const rows = data.labels.map((_, at) => {
      const row = document.createElement("tr");
      row.append(Object.assign(element("th", "", when(at)), { scope: "row" }), ...columns.map(([, values]) => element("td", "", said(chart.unit, values[at]))));
      return row;
    });
    one("thead tr", details).replaceChildren(...head);
    one("tbody", details).replaceChildren(...rows);
  }

  document.addEventListener("toggle", ({ target }) => target.matches?.("[data-table]") && table(target.closest("[data-chart]")), true);

  // ---- Keys: the arrows move the pointer, and what it points at is read out ------------------------------------------

  const MOVES = { ArrowLeft: (at, last) => Math.max((at ?? last + 1) - 1, 0), ArrowRight: (at, last) => Math.min((at ?? -1) + 1, last), Home: () => 0, End: (_, last) => last };

  document.addEventListener("keydown", (event) => {
    const panel = event.target.matches?.("[data-place]") && event.target.closest("[data-chart]");
    const made = panel && charts.get(panel.dataset.chart);
    if (!made || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape") return made.plot.setCursor({ left: -10, top: -10 });
    const move = MOVES[event.key];
    if (!move) return;
    event.preventDefault();
    const at = move(pointed(panel), data.labels.length - 1);
    made.plot.setCursor({ left: made.plot.valToPos(at, "x"), top: HEIGHT / 3 });
    const values = made.chart.lines.map((line) => `${line.label} ${said(made.chart.unit, line.values[at])}`);
    one("[data-reading]", panel).textContent = `${when(at)}: ${values.join(", ")}`;
  });

  // ---- Following the server ------------------------------------------------------------------------------------------

  function swap(target, html) {
    // Open lists are the reader's, not the server's.
    const open = all("details[open]", target).map((each) => each.id);
    const held = document.createElement("template");
    held.innerHTML = html;
    for (const id of open) held.content.getElementById(id)?.setAttribute("open", "");
    if (held.innerHTML !== target.innerHTML) htmx.swap({ sourceElement: target, target, swap: "innerMorph", text: held.innerHTML });
  }

  function show() {
    swap(one("[data-top]", page()), data.top);
    swap(one("[data-below]", page()), data.below);
    data.charts.forEach(draw);
    page().dataset.shown = String(Number(page().dataset.shown ?? 0) + 1);
  }

  async function fetchNumbers() {
    const from = page().dataset.source;
    const answer = await fetch(from, { headers: { Accept: "application/json" }, redirect: "error" });
    if (!answer.ok || page()?.dataset.source !== from) return;
    const found = await answer.json();
    if (answer.headers.get("ETag") === tag && from === source) return;
    [tag, source, data] = [answer.headers.get("ETag"), from, found];
    show();
  }

  async function look() {
    if (!page()) return;
    if (asking) return void (again = true);
    asking = true;
    clearTimeout(timer);
    do {
      again = false;
      // While the server is away the next ring, or the next quarter of a minute, tries again.
      await fetchNumbers().catch(() => null);
      await new Promise((done) => setTimeout(done, PAUSE));
    } while (again);
    asking = false;
    if (Number(one("#now-lag")?.dataset.lag)) timer = setTimeout(look, WAITING);
  }

  document.addEventListener("refresh", ({ target }) => target === page() && look());
  // Another period was chosen: the page is the same, its numbers are not.
  document.addEventListener("htmx:after:swap", () => {
    if (!page() || page().dataset.source === source) return;
    look();
  });

  new MutationObserver(() => {
    SMALL.clear();
    if (data && page()) data.charts.forEach(draw);
  }).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });

  window.addEventListener("resize", () => {
    for (const { plot, panel } of charts.values()) {
      if (panel.isConnected) plot.setSize({ width: one("[data-place]", panel).clientWidth || 300, height: HEIGHT });
    }
  });

  // Filters that are not set do not belong into the address.
  document.addEventListener("formdata", ({ target, formData }) => {
    if (target.id === "spans") for (const [name, value] of [...formData]) if (!value) formData.delete(name);
  });

  look();
})();
