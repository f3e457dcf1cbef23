// What every page has: its entry, and the small behaviour of its controls. Modules of a page come after it.

import "./alerts.js";
import "./counters.js";
import "./drafts.js";
import "./error_reports.js";
import "./live.js";
import "./menus.js";
import "./notices.js";
import "./once.js";
import "./roving.js";
import "./sheets.js";
import "./shortcuts.js";
import "./thread_scroll.js";
import { findAll, findOne, onClick } from "./dom.js";

const COPIED_MS = 1600;

onClick("[data-copy]", async (button) => {
  await navigator.clipboard.writeText(findOne(button.dataset.copy).value);
  const word = findOne(".copy-word", button);
  word.textContent = "Copied";
  setTimeout(() => (word.textContent = "Copy"), COPIED_MS);
});

document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-submit]")) target.form.requestSubmit();
});

// The list stays where it is when a chat opens next to it: only the mark moves.
function markCurrentRow() {
  for (const row of findAll("[data-row]")) {
    if (new URL(row.href).pathname === location.pathname) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
}

// Where the tabs of a page are wider than a phone, the current one is in sight.
function showCurrentTab() {
  for (const tab of findAll(".places > [aria-current]")) {
    const nav = tab.parentElement;
    nav.scrollLeft = tab.offsetLeft - (nav.clientWidth - tab.offsetWidth) / 2;
  }
}

function fillTimeZone() {
  const zone = findOne("[data-browser-zone]");
  if (zone) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

document.addEventListener("htmx:after:swap", markCurrentRow);
window.addEventListener("resize", showCurrentTab);
markCurrentRow();
showCurrentTab();
fillTimeZone();
