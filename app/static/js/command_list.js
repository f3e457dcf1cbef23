// The list of commands: found by name, chosen together, moved by keys (by dragging: command_drag.js).

import { isDragging } from "./command_drag.js";
import { announce, countCommands, findBox, findForm, findList, findPicked, findRows, nav, readName } from "./command_rows.js";
import { findAll, findOne } from "./dom.js";
import { hasSucceeded } from "./htmx_events.js";
import { trackRange } from "./selection.js";
import { addShortcuts } from "./shortcuts.js";

const findVisible = () => findRows().filter((row) => row.checkVisibility());

// ---- Choosing ----------------------------------------------------------------------------------------------------

const findRange = trackRange(() => findVisible().map(findBox));

function showCount() {
  if (!findForm()) return;
  const count = findPicked().length;
  findForm().classList.toggle("bulk-open", count > 0);
  findOne("[data-count]", findForm()).textContent = `${count} chosen`;
}

function pick(boxes, on) {
  for (const box of boxes) box.checked = on;
  showCount();
  const count = findPicked().length;
  announce(count ? `${countCommands(count)} chosen` : "No command chosen");
}

const pickNone = () => pick(findRows().map(findBox), false);

function pickAll(event) {
  if (!findForm() || !findList().contains(event.target) || event.target.closest("[popover]")) return false;
  pick(findVisible().map(findBox), true);
}

nav.addEventListener("click", (event) => {
  if (event.target.closest("[data-unpick]")) return pickNone();
  if (event.target.matches("[name=pick]")) pick(findRange(event.target, event), event.target.checked);
});
nav.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || isDragging() || event.target.closest("[popover]") || !findPicked().length) return;
  if (!event.target.matches("[type=search]")) pickNone();
});

// ---- Finding -----------------------------------------------------------------------------------------------------

const finder = findOne("[data-find]", nav);
const field = findOne("input", finder);
const closedKey = `closed:${findList().dataset.brain}`;
const closed = new Set(JSON.parse(sessionStorage.getItem(closedKey) || "[]"));

function filterRows() {
  const words = field.value.trim().toLowerCase();
  for (const section of findAll(".sect", findList())) {
    const whole = words && section.dataset.group.toLowerCase().includes(words);
    for (const row of findRows(section)) row.hidden = !whole && !row.textContent.toLowerCase().includes(words);
    section.hidden = Boolean(words) && !whole && findRows(section).every((row) => row.hidden);
    const fold = findOne("details", section);
    if (fold) fold.open = Boolean(words) || !closed.has(section.dataset.sect);
  }
  findOne("[data-nothing]", findList()).hidden = !words || findRows().some((row) => !row.hidden);
}

field.addEventListener("input", () => {
  filterRows();
  announce(field.value ? `${countCommands(findRows().filter((row) => !row.hidden).length)} found` : "");
});
nav.addEventListener("toggle", ({ target }) => {
  const section = target.closest("details") === target && target.closest(".sect");
  if (!section || field.value) return;
  closed[target.open ? "delete" : "add"](section.dataset.sect);
  sessionStorage.setItem(closedKey, JSON.stringify([...closed]));
}, true);

// ---- Moving by keys ----------------------------------------------------------------------------------------------

let moved = "";
let steps = 0;

function move(event, way) {
  const row = event.target.closest?.(".cmd");
  const button = row && findOne(`[value^="${way}:"]`, row);
  if (!button) return false;
  if (button.disabled) return announce(`${readName(row)} is ${way === "up" ? "first" : "last"} already`);
  moved = row.id;
  steps += 1;
  button.click();
}

// Presses that come faster than the answers wait in a queue: the command is kept in view for each of them.
function announceMove() {
  const row = steps > 0 && document.getElementById(moved);
  if (!row) return;
  steps -= 1;
  const group = row.closest(".sect").dataset.group;
  const place = `${findRows().indexOf(row) + 1} of ${findRows().length}`;
  findOne("a", row).focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
  announce(`${readName(row)}: ${place}${group ? `, in the group ${group}` : ""}`);
}

addShortcuts(
  { keys: "Alt+ArrowUp", words: "Move the command up", group: "Commands", on: findForm, act: (event) => move(event, "up") },
  { keys: "Alt+ArrowDown", words: "Move the command down", group: "Commands", on: findForm, act: (event) => move(event, "down") },
  { keys: "Mod+a", words: "Choose all commands of the list", group: "Commands", on: findForm, act: pickAll },
);

// ---- Around each change --------------------------------------------------------------------------------------------

function settle() {
  filterRows();
  showCount();
}

nav.addEventListener("click", ({ target }) => target.closest(".cmd-menu button") && target.closest(".cmd-menu").hidePopover());
document.addEventListener("htmx:after:swap", settle);
document.addEventListener("htmx:finally:request", ({ target, detail }) => {
  if (target.id === "row-acts") announceMove();
  if (hasSucceeded(detail) && findList().contains(target)) for (const sheet of findAll(":popover-open", findList())) sheet.hidePopover();
});
finder.hidden = findRows().length < 2;
settle();
