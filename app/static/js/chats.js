// The list of chats: chosen chats stay chosen, and filters are as the address says.

import "./composer.js";
import "./contact.js";
import "./file_drop.js";
import "./saved_replies.js";
import "./thread.js";
import { findAll, findOne, onClick } from "./dom.js";
import { hasSucceeded } from "./htmx_events.js";
import { Selection } from "./selection.js";
import { addShortcuts } from "./shortcuts.js";

const FILTERS = ["q", "state", "connection", "brain", "label"];
const chosen = new Selection(() => findAll(".row-pick input"));

function showChosen() {
  chosen.show();
  const place = findOne("[data-bulk-count]");
  if (place) place.textContent = `${chosen.values.size} chosen`;
}

function clearChosen() {
  chosen.clear();
  showChosen();
}

// A search does not refresh when a chat changes: what is opened is read.
function markRead(row) {
  row.classList.remove("row-unread");
  findOne(".row-count", row)?.remove();
}

document.addEventListener("click", (event) => {
  const box = event.target.closest(".row-pick input");
  if (box) {
    chosen.pick(box, event);
    return showChosen();
  }
  const unread = event.target.closest(".row-unread");
  if (unread) markRead(unread);
});
onClick("[data-bulk-clear]", clearChosen);
document.addEventListener("htmx:finally:request", ({ target, detail }) => {
  if (target.id !== "bulk" || !hasSucceeded(detail)) return;
  target.elements.name.value = "";
  clearChosen();
});

// A look at the list that began before the filters changed would bring the old list back.
document.addEventListener("htmx:before:swap", (event) => {
  const { sourceElement, request } = event.detail.ctx;
  if (sourceElement.id !== "rows") return;
  const shown = new URL(request.action, location.href).searchParams;
  const wanted = new FormData(findOne("#filters"));
  const same = FILTERS.every((name) => (shown.get(name) || "") === (wanted.get(name) || "").trim());
  if (!same) event.preventDefault();
});

function syncFilters() {
  const field = findOne("#filters [data-as=state]");
  if (field) field.value = new URLSearchParams(location.search).get("state") || "";
}

document.addEventListener("htmx:after:swap", () => {
  showChosen();
  syncFilters();
});
showChosen();
syncFilters();

// ---- Keys ------------------------------------------------------------------------------------------------------

// The unread chat that follows the one shown, or the first of the list.
function findNextUnread() {
  const rows = findAll("[data-row]");
  const at = rows.findIndex((row) => row.hasAttribute("aria-current"));
  return [...rows.slice(at + 1), ...rows.slice(0, Math.max(at, 0))].find((row) => row.classList.contains("row-unread"));
}

addShortcuts({ keys: "n", words: "Next unread chat", group: "Lists", on: () => findAll("[data-row]").length, act: () => (findNextUnread() ? findNextUnread().click() : false) });
