// Analytics: charts that follow the traffic. The server says that something changed, we fetch the numbers of the period
// once more, and only what differs is drawn: what is open, pointed at or focused stays so.

import "./export.js";
import { drawChart, forgetColours, movePointer, resizeChart, showTable } from "./chart.js";
import { findAll, findOne } from "./dom.js";

// The server is asked at most four times a second, and each second while messages wait: their delay grows by itself.
const PAUSE_MS = 250;
const WAITING_MS = 1000;

const findPage = () => findOne("#analytics");
const charts = new Map();
let data = null;
let tag = "";
let source = "";
let asking = false;
let again = false;
let timer = 0;

function drawCharts() {
  for (const chart of data.charts) {
    const panel = findOne(`[data-chart="${chart.id}"]`);
    if (panel) charts.set(chart.id, drawChart(panel, chart, data, charts.get(chart.id)));
  }
}

const findChart = (element) => charts.get(element.closest("[data-chart]").dataset.chart);

document.addEventListener("toggle", ({ target }) => {
  const made = target.matches?.("[data-table]") && findChart(target);
  if (made) showTable(made);
}, true);

document.addEventListener("keydown", (event) => {
  const made = event.target.matches?.("[data-place]") && findChart(event.target);
  if (!made || event.altKey || event.ctrlKey || event.metaKey) return;
  if (movePointer(made, event.key)) event.preventDefault();
});

// ---- Following the server ------------------------------------------------------------------------------------------

function swap(target, html) {
  // Open lists are the reader's, not the server's.
  const open = findAll("details[open]", target).map((each) => each.id);
  const held = document.createElement("template");
  held.innerHTML = html;
  for (const id of open) held.content.getElementById(id)?.setAttribute("open", "");
  if (held.innerHTML !== target.innerHTML) htmx.swap({ sourceElement: target, target, swap: "innerMorph", text: held.innerHTML });
}

function show() {
  const page = findPage();
  swap(findOne("[data-top]", page), data.top);
  swap(findOne("[data-below]", page), data.below);
  drawCharts();
  page.dataset.shown = String(Number(page.dataset.shown ?? 0) + 1);
}

async function fetchNumbers() {
  const from = findPage().dataset.source;
  const answer = await fetch(from, { headers: { Accept: "application/json" }, redirect: "error" });
  if (!answer.ok || findPage()?.dataset.source !== from) return;
  const found = await answer.json();
  if (answer.headers.get("ETag") === tag && from === source) return;
  [tag, source, data] = [answer.headers.get("ETag"), from, found];
  show();
}

async function refreshNumbers() {
  if (!findPage()) return;
  if (asking) return void (again = true);
  asking = true;
  clearTimeout(timer);
  do {
    again = false;
    // While the server is away the next ring, or the next quarter of a minute, tries again.
    await fetchNumbers().catch(() => null);
    await new Promise((done) => setTimeout(done, PAUSE_MS));
  } while (again);
  asking = false;
  if (Number(findOne("#now-lag")?.dataset.lag)) timer = setTimeout(refreshNumbers, WAITING_MS);
}

document.addEventListener("refresh", ({ target }) => target === findPage() && refreshNumbers());
// Another period was chosen: the page is the same, its numbers are not.
document.addEventListener("htmx:after:swap", () => {
  if (findPage() && findPage().dataset.source !== source) refreshNumbers();
});

new MutationObserver(() => {
  forgetColours();
  if (data && findPage()) drawCharts();
}).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
window.addEventListener("resize", () => charts.forEach(resizeChart));

// Filters that are not set do not belong into the address.
document.addEventListener("formdata", ({ target, formData }) => {
  if (target.id === "spans") for (const [name, value] of [...formData]) if (!value) formData.delete(name);
});

refreshNumbers();
