// The code editor: CodeMirror over each <textarea data-code>. The textarea stays the field that is saved, counted and
// sent; it follows each change, and the editor follows it when the page is drawn anew.

import * as completion from "./completion.js";
import { showCount } from "./counters.js";
import { findAll, findOne, makeElement, onClick } from "./dom.js";
import { jinja } from "./jinja_language.js";
import { addShortcuts } from "./shortcuts.js";

const { Decoration, EditorState, EditorView, Prec, StateEffect, StateField } = CodeMirror;

// By their places, which morphing leaves alone: typed text, cursor, focus and undo outlive what is drawn around them.
const editors = new Map();
const findField = (place) => findOne("textarea[data-code]", place.parentElement);
const findEditor = (id) => editors.get(document.getElementById(`code-${id}`));
const languages = { python: CodeMirror.pythonLanguage, jinja };

// ---- A line that was jumped to, until something is typed -------------------------------------------------------

const pointAt = StateEffect.define();
const pointed = StateField.define({
  create: () => Decoration.none,
  update(lines, change) {
    const effect = change.effects.find((each) => each.is(pointAt));
    if (effect) return Decoration.set([Decoration.line({ class: "code-pointed" }).range(effect.value)]);
    return change.docChanged ? Decoration.none : lines;
  },
  provide: (field) => EditorView.decorations.from(field),
});

// ---- Typing over lines that are selected -------------------------------------------------------------------------

// Left to itself Chromium joins the lines with style attributes, which the policy refuses and the console reports.
const typeOver = EditorView.domEventHandlers({
  beforeinput(event, view) {
    // The page's own selection: the editor hears of a new one a moment later.
    const chosen = document.getSelection();
    if (chosen.isCollapsed || view.composing || event.inputType !== "insertText" || !event.data) return false;
    const { startContainer, startOffset, endContainer, endOffset } = chosen.getRangeAt(0);
    const [from, to] = [view.posAtDOM(startContainer, startOffset), view.posAtDOM(endContainer, endOffset)];
    const selection = { anchor: from + event.data.length };
    const typed = () => view.state.update({ changes: { from, to, insert: event.data }, selection, userEvent: "input.type", scrollIntoView: true });
    event.preventDefault();
    const taken = view.state.facet(EditorView.inputHandler).some((handle) => handle(view, from, to, event.data, typed));
    if (!taken) view.dispatch(typed());
    return true;
  },
});

// ---- Coming by the Tab key ---------------------------------------------------------------------------------------

// The browser shows the line of the cursor alone. A click is left where it is: the text must not move under it.
const showWhole = EditorView.domEventHandlers({
  focus(event, view) {
    if (!view.dom.matches(":active")) view.dom.scrollIntoView({ block: "nearest" });
  },
});

// ---- One editor ------------------------------------------------------------------------------------------------

const readLabel = (field) => findOne(`label[data-for="${field.id}"]`)?.textContent.trim() ?? "Text";

// Changes since the last save was sent: what it says of lines and columns is about the text as it was then.
function noteChange(editor, update) {
  if (editor.sent) editor.sent.changes = editor.sent.changes?.compose(update.changes) ?? update.changes;
  const field = findField(editor.place);
  field.value = update.state.doc.toString();
  if (!editor.quiet) field.dispatchEvent(new Event("input", { bubbles: true }));
}

function listAttributes(editor) {
  const field = findField(editor.place);
  const described = field.getAttribute("aria-describedby");
  return {
    "aria-label": readLabel(field),
    tabindex: "0",
    ...(described && { "aria-describedby": described }),
    ...(field.dataset.code === "jinja" && { spellcheck: "true", autocorrect: "on", autocapitalize: "sentences" }),
    ...(field.matches(":disabled") && { "aria-readonly": "true" }),
  };
}

const tryIt = () => {
  findOne("#try")?.requestSubmit();
  return true;
};

function listKeys(language) {
  const own = [{ key: "Mod-Enter", run: tryIt }, ...CodeMirror.closeBracketsKeymap, ...CodeMirror.searchKeymap, ...CodeMirror.lintKeymap];
  // In running text Tab goes on to the next field, as anywhere.
  return language === "python" ? [...own, { key: "Tab", run: CodeMirror.acceptCompletion }, CodeMirror.indentWithTab] : own;
}

const listScriptExtensions = () => [
  CodeMirror.lineNumbers(),
  CodeMirror.highlightActiveLine(),
  CodeMirror.highlightActiveLineGutter(),
  CodeMirror.highlightSelectionMatches(),
  CodeMirror.bracketMatching(),
  CodeMirror.indentOnInput(),
  CodeMirror.indentUnit.of("    "),
];

function listExtensions(editor, field) {
  const language = field.dataset.code;
  return [
    Prec.high(CodeMirror.keymap.of(listKeys(language))),
    CodeMirror.minimalSetup,
    languages[language],
    language === "python" ? listScriptExtensions() : EditorView.lineWrapping,
    CodeMirror.syntaxHighlighting(CodeMirror.classHighlighter),
    CodeMirror.closeBrackets(),
    CodeMirror.autocompletion({ override: completion.sources[language] }),
    completion.showMeaning(language),
    CodeMirror.search({ top: true }),
    // Outside of the page's columns, which would cut them off.
    CodeMirror.tooltips({ parent: document.body }),
    CodeMirror.lintGutter(),
    pointed,
    typeOver,
    showWhole,
    EditorState.tabSize.of(4),
    field.matches(":disabled") ? [EditorState.readOnly.of(true), EditorView.editable.of(false)] : [],
    EditorView.contentAttributes.of(() => listAttributes(editor)),
    EditorView.updateListener.of((update) => update.docChanged && noteChange(editor, update)),
  ];
}

function mount(place) {
  const field = findField(place);
  const editor = { place, view: null, sent: null, quiet: false };
  moveLabel(field);
  editor.view = new EditorView({ doc: field.value, extensions: listExtensions(editor, field), parent: place });
  // What is typed into the search panel is no change of the form; a change of the text is told by the field itself.
  for (const kind of ["input", "change"]) editor.view.dom.addEventListener(kind, (event) => event.stopPropagation());
  editors.set(place, editor);
  return editor;
}

// A label can only name the field, which is hidden now: it says so itself, and leads to the editor.
function moveLabel(field) {
  const label = findOne(`label[for="${field.id}"]`);
  if (!label) return;
  label.dataset.for = field.id;
  label.removeAttribute("for");
}

// Take over a text that the page was drawn with, as one change that can be undone; but who is typing is ahead of it.
function follow(editor) {
  const field = findField(editor.place);
  moveLabel(field);
  const was = editor.view.state.doc.toString();
  if (editor.view.hasFocus) field.value = was;
  if (field.dataset.counter) showCount(field);
  const now = field.value;
  editor.quiet = true;
  editor.view.dispatch(was === now ? {} : { changes: findDifference(was, now) });
  editor.quiet = false;
}

function findDifference(was, now) {
  const most = Math.min(was.length, now.length);
  let from = 0;
  while (from < most && was[from] === now[from]) from += 1;
  let same = 0;
  while (same < most - from && was.at(-1 - same) === now.at(-1 - same)) same += 1;
  return { from, to: was.length - same, insert: now.slice(from, now.length - same) };
}

// ---- Places: lines and columns count from 1, columns in characters ------------------------------------------------

function findLine(doc, number) {
  return doc.line(Math.min(Math.max(Number(number) || 1, 1), doc.lines));
}

function findColumn(line, column) {
  return line.from + [...line.text].slice(0, Number(column) - 1).join("").length;
}

function jump(id, lineNumber, column) {
  const editor = findEditor(id);
  if (!editor) return document.getElementById(id)?.focus();
  const { view } = editor;
  const line = findLine(view.state.doc, lineNumber);
  const at = column ? findColumn(line, column) : line.from + line.text.search(/\S|$/);
  view.dispatch({
    selection: { anchor: at, head: line.to },
    effects: [EditorView.scrollIntoView(at, { y: "center" }), pointAt.of(line.from)],
  });
  view.focus();
}

// ---- Marks: what the last save found, at its place ------------------------------------------------------------------

function findRange(doc, { line: number, column, end, wrong }) {
  const line = findLine(doc, number);
  const whole = { from: line.from + line.text.search(/\S|$/), to: line.to };
  const from = column ? findColumn(line, column) : whole.from;
  const to = Number(end) > Number(column) ? findColumn(line, end) : column ? from + (/^[\w.]+|^./.exec(line.text.slice(from - line.from))?.[0].length ?? 0) : whole.to;
  const named = wrong && findLastWord(doc.sliceString(from, to), wrong);
  return named ? { from: from + named.index, to: from + named.index + wrong.length } : { from, to };
}

function findLastWord(text, word) {
  const escaped = word.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  return [...text.matchAll(new RegExp(`(?<!\\w)${escaped}(?!\\w)`, "g"))].at(-1);
}

function makeMessage({ message, fix }) {
  const made = document.createElement("div");
  made.append(makeElement("strong", { textContent: message }));
  if (fix) made.append(makeElement("p", { textContent: fix }));
  return made;
}

function makeDiagnostic(editor, mark) {
  const { sent, view } = editor;
  const place = findRange(sent?.doc ?? view.state.doc, mark);
  const [from, to] = [sent?.changes?.mapPos(place.from, 1) ?? place.from, sent?.changes?.mapPos(place.to, -1) ?? place.to];
  const replace = (at, begin, finish) => {
    at.dispatch({ changes: { from: begin, to: finish, insert: mark.right }, userEvent: "input" });
    at.focus();
  };
  const swappable = mark.right && view.state.sliceDoc(from, to) === mark.wrong;
  return {
    from,
    to: Math.max(from, to),
    severity: mark.mark,
    message: mark.message,
    renderMessage: () => makeMessage(mark),
    actions: swappable ? [{ name: `Write ${mark.right}`, apply: replace }] : [],
  };
}

function showMarks(editor) {
  const { id } = findField(editor.place);
  const found = findAll(`#save-state [data-mark][data-jump="${id}"]`).map((link) => makeDiagnostic(editor, link.dataset));
  editor.view.dispatch(CodeMirror.setDiagnostics(editor.view.state, found));
}

// ---- Around the page ---------------------------------------------------------------------------------------------------

function settle() {
  for (const [place, { view }] of editors) {
    if (place.isConnected) continue;
    view.destroy();
    editors.delete(place);
  }
  for (const place of findAll(".code-place")) follow(editors.get(place) ?? mount(place));
}

let shownState = null;

// What a save found is on the page once; a refused save says nothing of the text: what was found before stays.
function showAllMarks() {
  const state = findOne("#save-state");
  if (state === shownState) return;
  shownState = state;
  completion.forget();
  if (state?.dataset.state === "idle") editors.forEach(showMarks);
}

function insert(text) {
  const editor = findEditor("source");
  editor.view.dispatch(editor.view.state.replaceSelection(text), { scrollIntoView: true, userEvent: "input" });
  editor.view.focus();
}

onClick("[data-insert]", (button) => insert(button.dataset.insert));
onClick("[data-jump]", (link) => jump(link.dataset.jump, link.dataset.line, link.dataset.column));
onClick("label[data-for]", (label) => findEditor(label.dataset.for)?.view.focus());

document.addEventListener("htmx:config:request", ({ target }) => {
  if (!target.matches?.("[data-draft]")) return;
  for (const editor of editors.values()) editor.sent = { doc: editor.view.state.doc, changes: null };
});
document.addEventListener("htmx:after:swap", () => {
  settle();
  showAllMarks();
});
// Arguments, prompts or commands may be others since the editor was left.
document.addEventListener("focusin", ({ target }) => target.closest?.(".cm-editor") && completion.load());

for (const [key, words] of [["Mod+/", "Comment the line, or take the comment away"], ["Mod+f", "Search and replace in the text"]]) {
  addShortcuts({ keys: key, words, group: "Writing", on: () => findOne(".cm-editor"), act: () => false });
}

settle();
showAllMarks();
completion.load();
const asked = new URLSearchParams(location.search);
if (asked.has("line")) jump(findOne("#answer-script:not([hidden])") ? "source" : findOne(".code-place").id.slice(5), asked.get("line"), asked.get("column"));
