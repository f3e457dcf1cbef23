// Exports with progress: a table is taken line by line, how many there will be is known, and it can be broken off.
// Without this the links are plain downloads.

import { findOne, makeElement, onClick } from "./dom.js";

const KEEP_FILE_MS = 10000;
const LINE_END = 10;
const findPlace = () => findOne("[data-export-now]");
const findWord = () => findOne("[data-export-word]", findPlace());
const findBar = () => findOne("[data-export-bar]", findPlace());
let running = null;

const formatCount = (count) => count.toLocaleString("en-US");
const countLines = (part) => part.reduce((n, byte) => n + (byte === LINE_END), 0);

function showProgress(name, done, rows) {
  findWord().textContent = `${name}: ${formatCount(Math.min(done, rows))} of ${formatCount(rows)} lines`;
  Object.assign(findBar(), { max: Math.max(rows, 1), value: Math.min(done, rows) });
}

function save(parts, name) {
  const link = makeElement("a", { href: URL.createObjectURL(new Blob(parts, { type: "text/csv" })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEEP_FILE_MS);
}

async function download(address, name, signal) {
  const answer = await fetch(address, { signal, redirect: "error" });
  if (!answer.ok) throw new Error(answer.status === 429 ? "Too many exports; wait a minute." : "The export did not work. Try again.");
  const rows = Number(answer.headers.get("X-Rows"));
  const parts = [];
  let done = -1;
  for (const reader = answer.body.getReader(); ; ) {
    const { done: over, value } = await reader.read();
    if (over) break;
    parts.push(value);
    done += countLines(value);
    showProgress(name, Math.max(done, 0), rows);
  }
  save(parts, /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition"))[1]);
  return rows;
}

async function start(link) {
  running?.abort();
  const own = (running = new AbortController());
  const { exportAs: name } = link.dataset;
  const word = findWord();
  link.closest("[data-export]").removeAttribute("open");
  findPlace().hidden = false;
  findPlace().dataset.state = "going";
  word.textContent = `${name}: beginning…`;
  findBar().removeAttribute("value");
  try {
    word.textContent = `${name}: ${formatCount(await download(link.href, name, own.signal))} lines saved.`;
  } catch (error) {
    word.textContent = own.signal.aborted ? "Export cancelled." : error.message;
  }
  if (running === own) findPlace().dataset.state = "over";
}

onClick("[data-export-as]", start);
onClick("[data-export-cancel]", () => running?.abort());
