// What every page has: its entry, and the small behaviour of its controls. Modules of a page come after it.

import "./alerts.js";
import "./counters.js";
import "./drafts.js";
import "./error_reports.js";
import "./live.js";
import "./menus.js";
import "./notices.js";
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

// ---- A form that leads to another page is sent once: a second press would do the same thing twice ------------------

// After this it may be sent again: an answer that is a file leaves the page as it is.
const SENT_MS = 3000;

let sent = new WeakSet();

function isPost(form, button) {
  return (button?.getAttribute("formmethod") || form.getAttribute("method") || "get").toLowerCase() === "post";
}

// Last of all listeners: what scripts send by themselves, they have prevented by now.
window.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || !isPost(form, event.submitter)) return;
  if (sent.has(form)) return event.preventDefault();
  sent.add(form);
  setTimeout(() => sent.delete(form), SENT_MS);
});
window.addEventListener("pageshow", () => (sent = new WeakSet()));
