// The steps of a test: their order on the page is their order in the test.

import { findAll, findOne, onClick, scrollTo } from "./dom.js";
import { clearErrors } from "./field_errors.js";
import { addShortcuts } from "./shortcuts.js";

function announce(describe) {
  const rows = findAll("#steps > [data-step]");
  clearErrors();
  rows.forEach((row, n) => {
    row.setAttribute("aria-label", `Step ${n + 1}`);
    findAll("[data-column]", row).forEach((field) => (field.id = `step-${n + 1}-${field.dataset.column}`));
  });
  findOne("#steps-status").textContent = describe(rows);
  findOne("#test-editor").dispatchEvent(new Event("input", { bubbles: true }));
}

function removeStep(row) {
  const next = row.nextElementSibling || row.previousElementSibling;
  row.remove();
  (next ? findOne("select", next) : findOne("[data-step-add]")).focus();
  announce((rows) => `Step removed, ${rows.length} left`);
}

function moveStep(row, way) {
  const focused = document.activeElement;
  const other = way === "up" ? row.previousElementSibling : row.nextElementSibling;
  if (!other) return;
  row[way === "up" ? "after" : "before"](other);
  focused.focus();
  announce((rows) => `Now step ${rows.indexOf(row) + 1} of ${rows.length}`);
}

function addStep(kind) {
  findOne("#steps").append(findOne("#step-row").content.cloneNode(true));
  const row = findOne("#steps").lastElementChild;
  findOne("select", row).value = kind;
  findOne("textarea", row).focus();
  announce((rows) => `Step ${rows.length} added`);
}

function moveByKey(event, way) {
  const row = event.target.closest("[data-step]");
  return row ? moveStep(row, way) : false;
}

onClick("[data-step-add]", (button) => addStep(button.dataset.stepAdd));
onClick("[data-step-act]", (button) => {
  const row = button.closest("[data-step]");
  if (button.dataset.stepAct === "drop") removeStep(row);
  else moveStep(row, button.dataset.stepAct);
});
// Below the fold the result of a run that was asked for seems not to have come; one that runs by itself moves nothing.
let asked = false;
document.addEventListener("submit", ({ target }) => (asked ||= target.id === "test-editor"));
document.addEventListener("htmx:finally:request", ({ target }) => {
  if (target.id !== "test-editor" || !asked) return;
  asked = false;
  scrollTo(findOne("#test-result"), "start");
});

addShortcuts(
  { keys: "Alt+ArrowUp", words: "Move the step up", group: "Editing", on: () => findOne("[data-step]"), act: (event) => moveByKey(event, "up") },
  { keys: "Alt+ArrowDown", words: "Move the step down", group: "Editing", on: () => findOne("[data-step]"), act: (event) => moveByKey(event, "down") },
);
