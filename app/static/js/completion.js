// What the code editor knows of words: what can be completed, and what a word means.
// One table of names comes from the server (app/admin/completion); nothing is listed here a second time.

import { findOne, makeElement } from "./dom.js";

const { syntaxTree } = CodeMirror;
const HOVER_MS = 250;

// ---- The table of names: fetched once, and again when the draft may have changed it ----------------------------

let table = null;
let wanted = null;

const readParent = (path) => (/^[|%]/.test(path) ? path[0] : path.slice(0, Math.max(path.lastIndexOf("."), 0)));
const readName = (path) => path.slice(Math.max(path.lastIndexOf("."), /^[|%]/.test(path) ? 0 : -1) + 1);

function sortWords(words) {
  const byPath = new Map();
  const byParent = new Map();
  for (const word of words) {
    byPath.set(word.path, word);
    byParent.set(readParent(word.path), [...(byParent.get(readParent(word.path)) ?? []), word]);
  }
  return { byPath, byParent };
}

async function fetchTable(address) {
  const answer = await fetch(address, { headers: { Accept: "application/json" } });
  if (!answer.ok) return null;
  const { script, template, texts } = await answer.json();
  return { script: sortWords(script), template: sortWords(template), texts };
}

// A table that cannot be had now is asked for again; until then the last one serves.
export function load() {
  wanted ??= fetchTable(findOne("[data-words]").dataset.words)
    .catch(() => null)
    .then((found) => {
      if (!found) wanted = null;
      table = found ?? table;
      return table;
    });
  return wanted;
}

// ---- What a word means: next to the list, and under the mouse ---------------------------------------------------

function makeCard(word) {
  const made = makeElement("div", { className: "word-card" });
  for (const [kind, text] of [["code", word.call], ["p", word.words], ["pre", word.example]]) {
    if (text) made.append(makeElement(kind, { textContent: text }));
  }
  return made;
}

const KINDS = { block: "keyword", filter: "function" };

// In the order of the table, where what is used most comes first.
function makeOption(word, place) {
  const label = readName(word.path);
  const hasCard = word.call || word.words || word.example;
  return {
    label,
    type: KINDS[word.kind] ?? word.kind,
    detail: word.call ? word.call.slice(label.length) : "",
    info: hasCard ? () => makeCard(word) : undefined,
    boost: Math.max(40 - place, -40),
    apply: word.call ? (view, _, from, to) => insertCall(view, label, from, to) : undefined,
  };
}

function insertCall(view, label, from, to) {
  const open = view.state.sliceDoc(to, to + 1) === "(";
  view.dispatch({ changes: { from, to, insert: open ? label : `${label}()` }, selection: { anchor: from + label.length + 1 }, userEvent: "input.complete" });
}

const VALID = /^\w*$/;
const listWords = (from, words) => (words?.length ? { from, options: words.map(makeOption), validFor: VALID } : null);

// ---- Scripts ---------------------------------------------------------------------------------------------------

const CALLS = /\((?:[^()]|\([^()]*\))*\)/g;
const FIRST = { "ctx.call": "call", "ctx.schedule": "schedule", "ctx.ai": "ai", "ctx.args.get": "args" };

// Which kind of text is being written, and how much of it: a command's name, a prompt's, the variables.
function findText(state, before) {
  const named = /\b(?:(scope)\s*=|ctx\.(args)\[)\s*["']([^"']*)$/.exec(before);
  if (named) return { kind: named[1] ?? named[2], typed: named[3] };
  const called = /([^\W\d][\w.]*)\(\s*["']([^"']*)$/.exec(before);
  if (!called) return null;
  const path = expandName(state, called[1]);
  const kind = FIRST[path] ?? (path.startsWith("ctx.memory.") && "memory");
  return kind ? { kind, typed: called[2] } : null;
}

// m = ctx.memory stands for what it was given, as far as one line says it.
function expandName(state, path) {
  const [first, ...rest] = path.split(".");
  const given = new RegExp(`^[ \\t]*${first.replace("()", "\\(\\)")}[ \\t]*=[ \\t]*(ctx\\.[^\\n#]+?)[ \\t]*$`, "m").exec(state.doc.toString());
  return given ? [given[1].replace(CALLS, "()"), ...rest].join(".") : path;
}

const isInText = (context) => /String$|Comment/.test(syntaxTree(context.state).resolveInner(context.pos, -1).name);

async function completeScript(context) {
  const words = await load();
  if (!words) return null;
  const line = context.state.doc.lineAt(context.pos);
  const before = line.text.slice(0, context.pos - line.from);
  const text = findText(context.state, before);
  if (text) return { from: context.pos - text.typed.length, options: words.texts[text.kind].map((label) => ({ label, type: "text" })), validFor: /^[^"']*$/ };
  if (/["']\.\w*$/.test(before)) return listWords(context.pos - /\w*$/.exec(before)[0].length, words.script.byParent.get("<str>"));
  return isInText(context) ? null : completeDotted(context, before.replace(CALLS, "()"), words.script);
}

function completeDotted(context, before, words) {
  const name = /\w*$/.exec(before)[0];
  const from = context.pos - name.length;
  const owner = /([^\W\d]\w*(?:\(\))?(?:\.\w+(?:\(\))?)*|[\])])\.\w*$/.exec(before)?.[1];
  if (!owner) return name || context.explicit ? listWords(from, words.byParent.get("")) : null;
  return listWords(from, words.byParent.get(expandName(context.state, owner)) ?? listPlainMethods(owner, words));
}

// Of a value nobody knows: what texts, lists and dictionaries can do. All that begins at ctx is known.
function listPlainMethods(owner, words) {
  if (owner.startsWith("ctx") && !owner.endsWith(")") && words.byPath.get(owner)?.kind !== "property") return null;
  const found = ["<str>", "<list>", "<dict>"].flatMap((kind) => words.byParent.get(kind) ?? []);
  return [...new Map(found.map((word) => [readName(word.path), word])).values()];
}

// ---- Templates -------------------------------------------------------------------------------------------------

// The text from the last mark that is still open; null outside of marks.
function findOpenMark(state, pos) {
  const text = state.sliceDoc(Math.max(pos - 600, 0), pos);
  const open = Math.max(text.lastIndexOf("{{"), text.lastIndexOf("{%"));
  return open > Math.max(text.lastIndexOf("}}"), text.lastIndexOf("%}")) ? text.slice(open) : null;
}

async function completeTemplate(context) {
  const mark = findOpenMark(context.state, context.pos);
  if (mark === null || (mark.match(/["']/g) ?? []).length % 2) return null;
  const words = await load();
  if (!words) return null;
  const name = /\w*$/.exec(mark)[0];
  const from = context.pos - name.length;
  const { byParent } = words.template;
  if (/^\{%-?\s*\w*$/.test(mark)) return listWords(from, byParent.get("%"));
  if (/\|\s*\w*$/.test(mark)) return listWords(from, byParent.get("|"));
  const owner = /([\w.]+)\.\w*$/.exec(mark)?.[1];
  if (owner) return listWords(from, byParent.get(owner));
  return name || context.explicit || /[{\s(]$/.test(mark) ? listWords(from, [...byParent.get(""), ...listOwnNames(context.state)]) : null;
}

function listOwnNames(state) {
  const found = [...state.doc.toString().matchAll(/\{%-?\s*(?:set|for)\s+(\w+)/g)].map((each) => each[1]);
  return [...new Set(found)].map((path) => ({ path, kind: "variable", words: "Named in this text" }));
}

// ---- Hovering --------------------------------------------------------------------------------------------------

function findPath(text, column) {
  for (const found of text.matchAll(/[|%]?\s*[^\W\d]\w*(?:\((?:[^()]|\([^()]*\))*\))?(?:\.\w+(?:\((?:[^()]|\([^()]*\))*\))?)*/g)) {
    const start = found.index + /^[|%]?\s*/.exec(found[0])[0].length;
    if (column < start || column > found.index + found[0].length) continue;
    const end = column + /^\w*/.exec(text.slice(column))[0].length;
    return { start, end, sign: /^[|%]/.exec(found[0])?.[0] ?? "", path: text.slice(start, end).replace(CALLS, "()") };
  }
  return null;
}

function findMeaning(view, pos, language) {
  if (!table || (language === "jinja" && findOpenMark(view.state, pos) === null)) return null;
  const line = view.state.doc.lineAt(pos);
  const found = findPath(line.text, pos - line.from);
  if (!found?.path) return null;
  const words = language === "jinja" ? table.template.byPath : table.script.byPath;
  const path = language === "jinja" ? found.path : expandName(view.state, found.path);
  const word = words.get(found.sign + found.path) ?? words.get(path);
  if (!word || !(word.call || word.words || word.example)) return null;
  return { pos: line.from + found.start, end: line.from + found.end, above: true, create: () => ({ dom: makeCard(word) }) };
}

export const sources = { python: [completeScript, CodeMirror.localCompletionSource], jinja: [completeTemplate] };
export const showMeaning = (language) => CodeMirror.hoverTooltip((view, pos) => findMeaning(view, pos, language), { hoverTime: HOVER_MS });

// Lets the table be asked for again: the draft may have changed it.
export function forget() {
  wanted = null;
}
