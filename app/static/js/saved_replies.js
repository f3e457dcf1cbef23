// Saved replies: “/” at the beginning of a message lists them; arrows, Enter or a click insert one.

import { findAll, findOne, onClick } from "./dom.js";

const findList = () => findOne("#replies");
const findOptions = () => findAll("[data-reply]", findList() || document.createElement("ul"));
const findChosen = () => findOptions().find((option) => option.getAttribute("aria-selected") === "true");
const findField = () => findOne("#reply");

function choose(option) {
  for (const each of findOptions()) each.setAttribute("aria-selected", String(each === option));
  if (option) findField().setAttribute("aria-activedescendant", option.id);
  else findField()?.removeAttribute("aria-activedescendant");
  option?.scrollIntoView({ block: "nearest" });
}

function close() {
  const list = findList();
  if (!list || list.hidden) return;
  list.hidden = true;
  choose(null);
}

function insert(option) {
  const field = findField();
  field.value = option.dataset.reply;
  close();
  field.focus();
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

// What is looked for: the words after “/”; null when the message is no search. An address or a fraction has more.
const readSearch = (text) => (/^\/[^/\n]{0,40}$/.test(text) ? text.slice(1) : null);

let isSearching = false;
// Enter came before the list did: the first of it is inserted, the search is not sent to anybody.
let isAwaited = false;
// The message whose search was left by Escape: an answer that comes after it opens no list.
let dismissed = null;

async function fetchList(list, words) {
  isSearching = true;
  try {
    await htmx.ajax("GET", `${list.dataset.find}?q=${encodeURIComponent(words)}`, { target: "#replies", swap: "innerHTML" });
  } finally {
    isSearching = false;
  }
}

function showList(list) {
  list.hidden = false;
  choose(findOptions()[0]);
  if (isAwaited && findChosen()) insert(findChosen());
  isAwaited = false;
}

// One at a time: an answer that overtakes another would leave a list that belongs to other words.
async function search(field) {
  const list = findList();
  const words = readSearch(field.value);
  if (!list || words === null) return close();
  if (isSearching) return;
  await fetchList(list, words);
  const typed = findField();
  if (typed && readSearch(typed.value) !== words) return search(typed);
  if (typed === document.activeElement && typed.value !== dismissed) showList(findList());
}

const steps = { ArrowDown: 1, ArrowUp: -1 };

function takeKey(event) {
  event.preventDefault();
  event.stopPropagation();
}

// Before the reply box takes Enter for “send”.
document.addEventListener("keydown", (event) => {
  if (event.target.id !== "reply" || event.isComposing) return;
  const isEnter = event.key === "Enter" && !event.shiftKey;
  if (isEnter && isSearching && readSearch(event.target.value) !== null) {
    isAwaited = true;
    return takeKey(event);
  }
  if (event.key === "Escape") dismissed = event.target.value;
  if (findList()?.hidden !== false) return;
  const options = findOptions();
  if (event.key in steps && options.length) choose(options.at((options.indexOf(findChosen()) + steps[event.key]) % options.length));
  else if ((event.key === "Enter" || event.key === "Tab") && findChosen()) insert(findChosen());
  else if (event.key === "Escape") close();
  else return isEnter && close();
  takeKey(event);
}, true);
document.addEventListener("input", ({ target }) => {
  if (target.id !== "reply") return;
  dismissed = null;
  search(target);
});
document.addEventListener("focusout", ({ target }) => target.id === "reply" && close());
// The field keeps the focus while an option is pressed.
document.addEventListener("pointerdown", (event) => event.target.closest?.("#replies") && event.preventDefault());
onClick("[data-reply]", insert);
onClick("[data-replies-open]", () => {
  const field = findField();
  if (!field.value) field.value = "/";
  dismissed = null;
  field.focus();
  search(field);
});
