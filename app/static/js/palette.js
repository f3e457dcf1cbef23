// The command palette (Ctrl-K): one field, ranked lines from the server, recent ones first, all of it by keys.

import { findAll, findOne, onClick } from "./dom.js";
import { openSheetOfAddress } from "./sheets.js";
import { addFirstShortcut } from "./shortcuts.js";

const dialog = findOne("#palette");
const MOST_RECENT = 6;
const PAGE_LINES = 8;
const field = findOne("#palette-q");
const found = findOne("#palette-found");
const recents = findOne("#palette-recent");
const storeKey = `recent:${dialog.dataset.user}`;
// Enter came before the lines it was meant for.
let hasty = null;
let asked = false;

const findLines = () => findAll("[role=option]", dialog).filter((line) => line.checkVisibility());
const findActive = () => findOne("[aria-selected=true]", dialog);
const isFresh = () => (found.firstElementChild?.dataset.shown ?? null) === field.value.trim();

// ---- Recent lines: kept per browser and person, gone with the sign-out ----------------------------------------------

function readRecent() {
  try {
    return JSON.parse(localStorage.getItem(storeKey) || "[]").filter(({ href }) => /^\/(?!\/)/.test(href));
  } catch {
    return [];
  }
}

function remember(line) {
  if (line.dataset.press || line.closest("[aria-label='Search further']")) return;
  const words = (name) => findOne(name, line)?.textContent ?? "";
  const kept = { href: line.getAttribute("href"), name: words(".jump-name"), hint: words(".jump-hint"), icon: line.dataset.icon };
  const others = readRecent().filter(({ href }) => href !== kept.href);
  localStorage.setItem(storeKey, JSON.stringify([kept, ...others].slice(0, MOST_RECENT)));
}

function makeLine({ href, name, hint, icon }) {
  const line = findOne("#palette-line").content.firstElementChild.cloneNode(true);
  line.setAttribute("href", href);
  line.dataset.icon = icon;
  const picture = findOne("use", line);
  picture.setAttribute("href", picture.getAttribute("href").replace(/#.*/, `#${icon}`));
  findOne(".jump-name", line).textContent = name;
  findOne(".jump-hint", line).textContent = hint;
  return line;
}

function drawRecent() {
  const kept = field.value.trim() ? [] : readRecent();
  findAll(".jump", recents).forEach((line) => line.remove());
  recents.append(...kept.map(makeLine));
  recents.hidden = !kept.length;
  const twice = new Set(kept.map(({ href }) => href));
  for (const line of findAll(".jump", found)) line.hidden = twice.has(line.getAttribute("href"));
}

// ---- The lines and the one that is chosen ------------------------------------------------------------------------

function choose(line) {
  findActive()?.setAttribute("aria-selected", "false");
  if (!line) return field.removeAttribute("aria-activedescendant");
  line.setAttribute("aria-selected", "true");
  line.scrollIntoView({ block: "nearest" });
  field.setAttribute("aria-activedescendant", line.id);
}

function showLines() {
  drawRecent();
  const list = findLines();
  list.forEach((line, n) => (line.id = `jump-${n}`));
  choose(list[0]);
  findOne("#palette-list").scrollTop = 0;
  if (!isFresh()) return;
  const count = findAll(".jumps:not([aria-label='Search further']) .jump", dialog).filter((line) => line.checkVisibility()).length;
  findOne("#palette-status").textContent = count === 1 ? "1 result" : `${count || "No"} results`;
}

function go(line, inNewTab) {
  remember(line);
  const address = new URL(line.href || "#", location);
  if (inNewTab && !line.dataset.press) return window.open(address, "_blank");
  dialog.close();
  if (line.dataset.press) return findOne(line.dataset.press)?.click();
  const here = address.pathname + address.search === location.pathname + location.search;
  if (here && address.hash === location.hash) return address.hash ? openSheetOfAddress() : undefined;
  location.assign(address);
}

function act(inNewTab) {
  if (!isFresh()) return (hasty = { inNewTab });
  // The lines may be on the page a moment before their swap is told of.
  if (!findActive()) showLines();
  if (findActive()) go(findActive(), inNewTab);
}

// ---- Opening and keys ------------------------------------------------------------------------------------------------

function open() {
  if (dialog.open) return field.select();
  findOne("dialog[open]")?.close();
  dialog.showModal();
  field.value = "";
  hasty = null;
  findOne("#palette-status").textContent = "";
  showLines();
  if (!asked || !isFresh()) htmx.trigger(field, "find");
  asked = true;
}

const steps = {
  ArrowDown: (at, last) => (at < last ? at + 1 : 0),
  ArrowUp: (at, last) => (at > 0 ? at - 1 : last),
  PageDown: (at, last) => Math.min(at + PAGE_LINES, last),
  PageUp: (at) => Math.max(at - PAGE_LINES, 0),
  Home: () => 0,
  End: (at, last) => last,
};

field.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  const list = findLines();
  const step = steps[event.key];
  if (step && list.length && !event.shiftKey && !event.altKey) choose(list[step(list.indexOf(findActive()), list.length - 1)]);
  else if (event.key === "Enter") act(event.ctrlKey || event.metaKey);
  else return;
  event.preventDefault();
  event.stopPropagation();
});
findOne("form", dialog).addEventListener("submit", (event) => event.preventDefault());
dialog.addEventListener("pointermove", ({ target }) => target.closest("[role=option]") && choose(target.closest("[role=option]")));
dialog.addEventListener("click", (event) => {
  const line = event.target.closest("[role=option]");
  if (!line) return;
  event.preventDefault();
  go(line, event.ctrlKey || event.metaKey);
});

// Other parts of the page refresh by themselves; only its own answer draws the palette anew.
document.addEventListener("htmx:after:swap", ({ detail }) => {
  if (!dialog.open || detail.ctx.sourceElement !== field) return;
  showLines();
  if (!hasty || !isFresh()) return;
  const { inNewTab } = hasty;
  hasty = null;
  act(inNewTab);
});
document.addEventListener("htmx:error", ({ target }) => {
  if (target === field) findOne("#palette-status").textContent = "The search does not answer. Check the connection.";
});
field.addEventListener("input", drawRecent);
findOne(".side-user")?.addEventListener("submit", () => localStorage.removeItem(storeKey));

addFirstShortcut({ keys: "Mod+k", words: "Search or jump", group: "Everywhere", always: true, act: open });
onClick("[data-palette-open]", open);
