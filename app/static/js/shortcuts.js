// Keyboard shortcuts: one registry that acts and that “?” shows, so that help and behaviour cannot disagree.
// A page adds its own with data-shortcut="u" on a control (named by its title, or data-shortcut-words), a module
// with addShortcuts({keys, words, group, on, act}): `on` tells whether the page has it, `act` may refuse with false,
// `always` works above a dialog too.

import { findAll, findOne, isShown, makeElement, onClick } from "./dom.js";

const IS_MAC = /Mac|iPhone|iPad/.test(navigator.platform);
const SEQUENCE_MS = 1500;
const SIGNS = { ArrowUp: "↑", ArrowDown: "↓", ...(IS_MAC ? { Mod: "⌘", Alt: "⌥" } : { Mod: "Ctrl" }) };
const SINGLE_KEYS = "single-keys";
const BUTTONS = "[type=checkbox], [type=radio], [type=button], [type=submit], [type=reset]";
const TEXT_FIELDS = `textarea, select, [contenteditable=true], .cm-editor, input:not(${BUTTONS})`;

const findRows = () => findAll("[data-row]").filter(isShown);
const findSearches = () => findAll("[data-search]").filter(isShown);
const isSingleKey = ({ keys }) => !/Mod|Alt/.test(keys);
const hasSingleKeys = () => localStorage.getItem(SINGLE_KEYS) !== "off";
const takesText = (target) => Boolean(target.closest?.(TEXT_FIELDS));

// ---- What there is --------------------------------------------------------------------------------------------

const shortcuts = [
  { keys: "?", words: "Show these shortcuts", group: "Everywhere", on: () => findOne("#keys"), act: openHelp },
  { keys: "/", words: "Search this page", group: "Everywhere", on: () => findSearches().length, act: () => findSearches()[0].focus() },
  { keys: "j", words: "Next in the list", group: "Lists", on: () => findRows().length, act: () => moveRow(1) },
  { keys: "k", words: "Previous in the list", group: "Lists", on: () => findRows().length, act: () => moveRow(-1) },
  { keys: "Mod+s", words: "Save now", group: "Editing", on: () => findOne("[data-draft]"), act: () => findOne("[data-draft]").requestSubmit() },
  { keys: "Mod+Enter", words: "Try it", group: "Editing", on: () => findOne("#try"), act: () => findOne("#try").requestSubmit() },
];

export const addShortcuts = (...more) => shortcuts.push(...more);
export const addFirstShortcut = (shortcut) => shortcuts.unshift(shortcut);

function moveRow(step) {
  const rows = findRows();
  const focused = rows.findIndex((row) => row.contains(document.activeElement));
  const from = focused < 0 ? rows.findIndex((row) => row.hasAttribute("aria-current")) : focused;
  rows[Math.min(Math.max(from + step, 0), rows.length - 1)].focus();
}

function readControls() {
  return findAll("[data-shortcut]").filter(isShown).map((control) => ({
    keys: control.dataset.shortcut,
    words: control.dataset.shortcutWords || control.title || control.textContent.trim(),
    group: control.dataset.shortcutGroup || "This page",
    act: () => (control.matches("input, textarea, select") ? control.focus() : control.click()),
  }));
}

const listShortcuts = () => [...shortcuts.filter(({ on }) => !on || on()), ...readControls()];

// ---- Keys ------------------------------------------------------------------------------------------------------

// On a keyboard of another script the letter is known by its place.
const findLetter = ({ key, code }) => (key.length === 1 && key > "~" && /^Key[A-Z]$/.test(code) ? code.at(-1).toLowerCase() : key);

function nameKey(event) {
  const key = findLetter(event);
  if (!event.ctrlKey && !event.metaKey) return event.altKey ? `Alt+${key}` : key;
  if (event.altKey || event.shiftKey || !(IS_MAC ? event.metaKey : event.ctrlKey)) return "";
  return `Mod+${key.length === 1 ? key.toLowerCase() : key}`;
}

let begun = "";
let timer = 0;

// Returns the keys pressed one after the other, as far as a shortcut goes on with them.
function joinSequence(pressed, usable) {
  const whole = begun ? `${begun} ${pressed}` : pressed;
  clearTimeout(timer);
  begun = usable.some(({ keys }) => keys.startsWith(`${whole} `)) ? whole : "";
  timer = setTimeout(() => (begun = ""), SEQUENCE_MS);
  return whole;
}

const hasOpenLayer = () => findOne("dialog[open]") || findAll("[popover]").some((sheet) => sheet.matches(":popover-open"));

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || ["Shift", "Control", "Alt", "Meta"].includes(event.key)) return;
  let usable = listShortcuts();
  if (hasOpenLayer()) usable = usable.filter(({ always }) => always);
  if (takesText(event.target) || !hasSingleKeys()) usable = usable.filter((each) => !isSingleKey(each));
  const whole = joinSequence(nameKey(event), usable);
  const hit = usable.find(({ keys, act }) => keys === whole && act(event) !== false);
  if (hit) event.preventDefault();
});

// ---- The list of shortcuts -------------------------------------------------------------------------------------------

const showKey = (key) => SIGNS[key] || (key.length === 1 && key >= "a" && key <= "z" ? key.toUpperCase() : key);

function drawKeys(place, keys) {
  const parts = keys.split(/[+ ]/).map((key) => makeElement("kbd", { textContent: showKey(key) }));
  const between = keys.includes(" ") ? " then " : " ";
  place.replaceChildren(...parts.flatMap((part, n) => (n ? [between, part] : [part])));
}

function makeLine({ keys, words }) {
  const [line, place] = [makeElement("li", { className: "keys-line" }), makeElement("span", { className: "keys-keys" })];
  drawKeys(place, keys);
  line.append(makeElement("span", { textContent: words }), place);
  return line;
}

function makeGroup([group, lines]) {
  const list = makeElement("ul", { className: "keys-group" });
  list.append(...lines.map(makeLine));
  return [makeElement("h3", { textContent: group, className: "side-title" }), list];
}

function openHelp() {
  const groups = Map.groupBy(listShortcuts(), ({ group }) => group);
  findOne("#keys-list").replaceChildren(...[...groups].flatMap(makeGroup));
  findOne("#keys-single").checked = hasSingleKeys();
  findOne("#keys").showModal();
}

onClick("[data-keys-open]", openHelp);
document.addEventListener("change", ({ target }) => {
  if (target.id === "keys-single") localStorage.setItem(SINGLE_KEYS, target.checked ? "on" : "off");
});
for (const place of findAll("[data-keys]")) place.textContent = place.dataset.keys.split("+").map(showKey).join(IS_MAC ? "" : " ");
