// The form of a command: names of arguments as they are typed, keywords as they are read, and the focus on a row that
// was added.

import { findAll, findOne, isShown, makeElement, onClick, scrollTo } from "./dom.js";
import "./field_errors.js";

// ---- Names of arguments ------------------------------------------------------------------------------------------

// As the server writes them; a name in another script stays, and its error says what is allowed.
const toName = (typed) => {
  const plain = typed.normalize("NFKD").toLowerCase().replace(/ß/g, "ss").replace(/\p{M}/gu, "");
  const name = plain.replace(/[^a-z0-9]+/g, "_").replace(/^[0-9_]+/, "");
  return /[a-z]/.test(name) ? name : typed;
};

function writeName(field) {
  const end = field.value.length - field.selectionEnd;
  const name = toName(field.value);
  if (name === field.value) return;
  field.value = name;
  const place = Math.max(name.length - end, 0);
  field.setSelectionRange(place, place);
}

document.addEventListener("input", (event) => event.target.matches("[data-slug]") && !event.isComposing && writeName(event.target), true);
document.addEventListener("compositionend", ({ target }) => target.matches("[data-slug]") && writeName(target), true);

// ---- Keywords ----------------------------------------------------------------------------------------------------

// Separated by commas or lines, in quotes where one has a comma of its own (ui/keywords.py).
const KEYWORD = /\s*(?:"([^"\n]+)"|“([^“”\n]+)”|„([^„“\n]+)“|«([^«»\n]+)»)\s*(?=[,，、،\n]|$)|([^,，、،\n]+)/g;
const splitKeywords = (text) => [...new Set([...text.matchAll(KEYWORD)].map((found) => found.slice(1).find(Boolean).trim()).filter(Boolean))];

function showKeywords(field) {
  const chips = splitKeywords(field.value).map((word) => makeElement("span", { className: "cmd-chip", textContent: `${field.dataset.prefix}${word}` }));
  document.getElementById(field.dataset.keywords)?.replaceChildren(...chips.flatMap((chip) => [chip, " "]));
}

document.addEventListener("input", ({ target }) => target.matches("[data-keywords]") && showKeywords(target));

// ---- A row that was added --------------------------------------------------------------------------------------------

// The button that asked for a new row: other parts of the page may refresh before its answer has come.
let asking = null;

document.addEventListener("htmx:config:request", ({ target }) => {
  if (target.dataset?.focusNew) asking = target;
});

document.addEventListener("htmx:after:swap", ({ detail }) => {
  if (!asking || detail.ctx.sourceElement !== asking) return;
  const selector = asking.dataset.focusNew;
  asking = null;
  // The code editor takes its place over a text field once this swap is done.
  setTimeout(() => findAll(selector).at(-1)?.focus());
});

// ---- Results of a try -------------------------------------------------------------------------------------------------

// Below the fold a result seems not to have come.
document.addEventListener("htmx:finally:request", ({ target }) => {
  if (target.id === "try") scrollTo(findOne("#tried-out"), "nearest");
});

// ---- Width -------------------------------------------------------------------------------------------------------------

const WIDE = "editor-wide";
const isWide = () => localStorage.getItem(WIDE) === "yes";

function showWidth() {
  findOne(".workbench").classList.toggle("workbench-wide", isWide());
  findAll("[data-wide-editor]").forEach((button) => button.setAttribute("aria-pressed", String(isWide())));
}

function setWidth(wide) {
  localStorage.setItem(WIDE, wide ? "yes" : "no");
  showWidth();
}

// Esc closes first what lies over the page; the code editor and open choices take the key for themselves.
function leaveWidth(event) {
  if (event.key !== "Escape" || event.defaultPrevented || event.isComposing || !isWide()) return;
  if (!findAll("[data-wide-editor]").some(isShown) || findOne("dialog[open], details[data-menu][open], :popover-open")) return;
  setWidth(false);
}

onClick("[data-wide-editor]", () => setWidth(!isWide()));
document.addEventListener("keydown", leaveWidth);
document.addEventListener("htmx:after:swap", showWidth);
showWidth();
