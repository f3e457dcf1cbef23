// Lists with one stop for the Tab key: the arrows up and down go from row to row, left and right to what else a row
// has. A list with data-roving="end" is entered at its last row. Without this module every link of the list is a stop.

import { findAll, findOne, isShown } from "./dom.js";
import { addShortcuts } from "./shortcuts.js";

const CONTROLS = "input, a, [data-roving-main], [data-roving-more]";
const findLists = () => findAll("[data-roving]");
const findRows = (list) => findAll("[data-roving-row]", list).filter((row) => row.checkVisibility());
const findControls = (row) => findAll(CONTROLS, row).filter((each) => !each.closest("[popover]"));
const findLink = (row) => findOne("[data-roving-main], a", row);
const findRow = (target) => target.closest?.("[data-roving] [data-roving-row]");

// The link that the Tab key comes to: the one that had the focus, else that of the page, else the first (or last).
const last = new WeakMap();

function settle() {
  for (const list of findLists()) {
    const links = findRows(list).map(findLink);
    const entry = links.at(list.dataset.roving === "end" ? -1 : 0);
    const stop = [last.get(list), links.find((link) => link.hasAttribute("aria-current")), entry].find((link) => links.includes(link));
    for (const row of findAll("[data-roving-row]", list)) for (const each of findControls(row)) each.tabIndex = each === stop ? 0 : -1;
  }
}

function moveRow(row, key) {
  const rows = findRows(row.closest("[data-roving]"));
  const at = rows.indexOf(row);
  const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: rows.length - 1 }[key];
  findLink(rows[Math.min(Math.max(to, 0), rows.length - 1)]).focus();
}

function moveWithin(row, key, target) {
  const controls = findControls(row).filter(isShown);
  const to = controls.indexOf(target) + (key === "ArrowRight" ? 1 : -1);
  controls[Math.min(Math.max(to, 0), controls.length - 1)].focus();
}

document.addEventListener("keydown", (event) => {
  const { target, key } = event;
  const row = findRow(target);
  // What else a row has, as a player of a voice message, keeps its own keys.
  if (!row || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || !findControls(row).includes(target)) return;
  if (["ArrowUp", "ArrowDown", "Home", "End"].includes(key)) moveRow(row, key);
  else if (["ArrowLeft", "ArrowRight"].includes(key)) moveWithin(row, key, target);
  else return;
  event.preventDefault();
});
document.addEventListener("focusin", ({ target }) => {
  const row = findRow(target);
  if (!row || target.closest("[popover]")) return;
  last.set(row.closest("[data-roving]"), findLink(row));
  settle();
});
// A text area filters no list.
document.addEventListener("input", ({ target }) => target.matches("textarea") || settle());
document.addEventListener("htmx:after:swap", settle);
const hasList = () => findLists().length;
addShortcuts(
  { keys: "ArrowDown", words: "Next row, when the list has the focus (↑ the one before)", group: "Lists", on: hasList, act: () => false },
  { keys: "ArrowRight", words: "Menu of the row (← its box)", group: "Lists", on: hasList, act: () => false },
);
settle();
