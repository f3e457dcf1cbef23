// Small behaviour of the pages: live updates, theme, notices, and a few comforts. No inline code anywhere (strict CSP).
"use strict";

const one = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// ---- Theme and menu: kept per browser -------------------------------------------------------------------------

const systemDark = matchMedia("(prefers-color-scheme: dark)");

function showTheme() {
  const chosen = localStorage.getItem("theme") || "system";
  const dark = chosen === "dark" || (chosen === "system" && systemDark.matches);
  document.documentElement.dataset.bsTheme = dark ? "dark" : "light";
  for (const button of all("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === chosen));
  }
}

function showFold() {
  const folded = localStorage.getItem("folded") === "yes";
  document.documentElement.classList.toggle("folded", folded);
  one("[data-fold]")?.setAttribute("aria-pressed", String(folded));
}

systemDark.addEventListener("change", showTheme);

// ---- Clicks ---------------------------------------------------------------------------------------------------

const clicks = {
  "[data-theme-choice]": (button) => {
    localStorage.setItem("theme", button.dataset.themeChoice);
    showTheme();
  },
  "[data-fold]": () => {
    localStorage.setItem("folded", localStorage.getItem("folded") === "yes" ? "no" : "yes");
    showFold();
  },
  "[data-dismiss]": (button) => button.closest("[data-notice]").remove(),
  "[data-copy]": async (button) => {
    await navigator.clipboard.writeText(one(button.dataset.copy).value);
    const word = one(".copy-word", button);
    word.textContent = "Copied";
    setTimeout(() => (word.textContent = "Copy"), 1600);
  },
  "[data-popover]": (link) => document.getElementById(link.dataset.popover).showPopover({ source: link }),
  "[data-step-act]": (button) => moveStep(button.closest("[data-step]"), button.dataset.stepAct),
  "[data-step-add]": (button) => addStep(button.dataset.stepAdd),
  // A suggestion or a reply button of the phone: written into the composer and sent like anything typed.
  "[data-say]": (button) => {
    const { kind, choice, quoted, text } = one("#composer").elements;
    kind.value = button.dataset.kind || "text";
    choice.value = button.dataset.choice || "";
    quoted.value = button.dataset.quoted || "";
    text.value = button.dataset.say;
    button.closest("details")?.removeAttribute("open");
    text.form.requestSubmit();
  },
};

document.addEventListener("click", (event) => {
  for (const [selector, act] of Object.entries(clicks)) {
    const hit = event.target.closest(selector);
    if (!hit) continue;
    if (hit.matches("a")) event.preventDefault();
    return act(hit);
  }
});

// ---- Notices leave by themselves, unless they are errors or someone is on them -----------------------------------

const seenNotices = new WeakSet();

function ageNotices() {
  for (const notice of all("[data-notice]")) {
    if (seenNotices.has(notice) || notice.classList.contains("notice-bad")) continue;
    seenNotices.add(notice);
    const leave = () => (notice.matches(":hover, :focus-within") ? setTimeout(leave, 2000) : notice.remove());
    setTimeout(leave, notice.classList.contains("notice-undo") ? 12000 : 5000);
  }
}

// ---- Counters beside limited fields ("used / limit", newlines counted as the server counts them) ----------------

function count(field) {
  const place = document.getElementById(field.dataset.counter);
  if (!place) return;
  const used = field.value.length;
  const limit = Number(field.dataset.limit);
  place.textContent = `${used.toLocaleString()} / ${limit.toLocaleString()}`;
  place.classList.toggle("counter-over", used > limit);
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-counter]")) count(event.target);
  if (event.target.closest("[data-draft]")) {
    draft.typed = true;
    one("#save-state")?.setAttribute("data-state", "typing");
  }
});

// ---- The draft: nothing typed is lost, and nothing is published before it is saved ---------------------------------

const draft = { typed: false, saving: 0, then: null };

document.addEventListener("htmx:config:request", ({ target }) => {
  if (!target.matches?.("[data-draft]")) return;
  draft.typed = false;
  draft.saving += 1;
});
document.addEventListener("htmx:finally:request", ({ target, detail }) => {
  if (!target.matches?.("[data-draft]")) return;
  draft.saving = Math.max(draft.saving - 1, 0);
  const saved = detail.ctx.response && detail.ctx.response.status < 400;
  if (!saved) draft.typed = true;
  const next = draft.then;
  if (draft.saving || !next) return;
  draft.then = null;
  if (saved) next.submit();
});
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-after-save]") || !one("[data-draft]") || !(draft.typed || draft.saving)) return;
  event.preventDefault();
  draft.then = event.target;
  one("[data-draft]").requestSubmit();
});
// Leaving within the second before the next save: the browser still delivers this.
window.addEventListener("pagehide", () => {
  const form = one("[data-draft]");
  if (form && draft.typed) navigator.sendBeacon(form.action, new FormData(form));
});

// ---- The steps of a test: their order on the page is their order in the test --------------------------------------

function stepsChanged(words) {
  const rows = all("#steps > [data-step]");
  rows.forEach((row, n) => row.setAttribute("aria-label", `Step ${n + 1}`));
  one("#steps-said").textContent = words(rows);
  one("#test-editor").dispatchEvent(new Event("input", { bubbles: true }));
}

function moveStep(row, act) {
  const focused = document.activeElement;
  const other = act === "up" ? row.previousElementSibling : row.nextElementSibling;
  if (act === "drop") {
    const next = other || row.previousElementSibling;
    row.remove();
    (next ? one("select", next) : one("[data-step-add]")).focus();
    return stepsChanged((rows) => `Step removed, ${rows.length} left`);
  }
  if (!other) return;
  row[act === "up" ? "after" : "before"](other);
  focused.focus();
  stepsChanged((rows) => `Now step ${rows.indexOf(row) + 1} of ${rows.length}`);
}

function addStep(kind) {
  one("#steps").append(one("#step-row").content.cloneNode(true));
  const row = one("#steps").lastElementChild;
  one("select", row).value = kind;
  one("textarea", row).focus();
  stepsChanged((rows) => `Step ${rows.length} added`);
}

// ---- Keys of the phone (all others: shortcuts.js) --------------------------------------------------

const sent = [];
let place = 0;

function recall(field, step) {
  place = Math.min(Math.max(place + step, 0), sent.length);
  field.value = sent[place] ?? "";
}

document.addEventListener("keydown", (event) => {
  if (event.target.matches("#composer [name=text]")) {
    if (event.key === "ArrowUp" && !event.target.value.includes("\n")) recall(event.target, -1);
    if (event.key === "ArrowDown" && !event.target.value.includes("\n")) recall(event.target, 1);
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      event.target.form.requestSubmit();
    }
  }
});

// ---- Live: the server says "this topic changed", we fetch the parts of the page that show it ----------------------

let socket = null;
let watched = [];

function refresh(topic) {
  for (const part of all("[data-topic]")) {
    if (!topic || part.dataset.topic.split(" ").includes(topic)) htmx.trigger(part, "refresh");
  }
}

function topics() {
  return [...new Set(all("[data-topic]").flatMap((part) => part.dataset.topic.split(" ")))].sort();
}

function watch() {
  const wanted = topics();
  if (!socket?.connected || wanted.join(" ") === watched.join(" ")) return;
  const added = wanted.filter((topic) => !watched.includes(topic));
  watched = wanted;
  // What changed between our last look and the moment we began to listen would be missed: look once more.
  socket.emit("watch", { topics: wanted }, () => added.forEach(refresh));
}

function say(state, word) {
  const place = one("#live");
  if (!place || place.dataset.state === state) return;
  place.dataset.state = state;
  one(".live-word", place).textContent = word;
}

function connect() {
  if (!document.body.hasAttribute("data-live") || !window.io) return;
  socket = io({ transports: ["websocket", "polling"], reconnectionDelayMax: 5000 });
  socket.on("connect", () => {
    say("live", "Live");
    watched = [];
    watch();
  });
  socket.on("disconnect", () => say("lost", "Reconnecting…"));
  socket.on("connect_error", () => say("lost", "Reconnecting…"));
  socket.on("changed", ({ topic }) => refresh(topic));
  // Repairs whatever a lost packet left stale; also the only source of news while the socket is down.
  setInterval(() => document.visibilityState === "visible" && refresh(), 15000);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && refresh());
}

// ---- Threads stay where the reader is; at the end they follow ------------------------------------------------------

const NEAR = 80;
const known = new WeakSet();
// Of each swap under way (they take time, and another may begin meanwhile), which of its threads were at their end.
const ends = new WeakMap();

// Whether a swap changes this element, what is in it or where it is.
function changes({ ctx, tasks }, element) {
  const places = [ctx.target, ...tasks.map(({ target }) => target)].filter((place) => place instanceof Element);
  return places.some((place) => place.contains(element) || element.contains(place));
}

function rememberScroll({ detail }) {
  const threads = all("[role=log]").filter((thread) => changes(detail, thread));
  const follows = (thread) => "follow" in thread.dataset && thread.scrollHeight - thread.scrollTop - thread.clientHeight < NEAR;
  ends.set(detail.ctx, new Map(threads.map((thread) => [thread, follows(thread)])));
}

function keepScroll(ctx) {
  for (const thread of all("[role=log]")) {
    const follows = ends.get(ctx)?.get(thread) ?? !known.has(thread);
    known.add(thread);
    if (follows && "follow" in thread.dataset) thread.scrollTop = thread.scrollHeight;
  }
}

// ---- Around each swap of htmx -------------------------------------------------------------------------------------

document.addEventListener("htmx:before:swap", rememberScroll);
document.addEventListener("htmx:after:swap", ({ detail }) => settle(detail.ctx));
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.sourceEvent?.type === "refresh") ctx.request.headers["Brainbox-Live"] = "yes";
});
// The phone's text field is free again at once; what could not be sent comes back.
document.addEventListener("htmx:config:request", ({ target }) => {
  if (target.id !== "composer") return;
  const text = target.elements.text.value.trim();
  if (text && sent.at(-1) !== text) sent.push(text);
  if (sent.length > 20) sent.shift();
  place = sent.length;
  const { text: field, kind, choice, quoted } = target.elements;
  [field.value, kind.value, choice.value, quoted.value] = ["", "text", "", ""];
});
document.addEventListener("htmx:finally:request", ({ target, detail }) => {
  if (target.id !== "composer") return;
  const failed = !detail.ctx.response || detail.ctx.response.status >= 400;
  if (failed && !target.elements.text.value) target.elements.text.value = sent.at(-1) ?? "";
  target.elements.text.focus();
  // A look that began before this message was stored may have drawn the screen without it.
  htmx.trigger("#screen", "refresh");
});
document.addEventListener("htmx:error", () => one("#save-state")?.setAttribute("data-state", "lost"));

// The list stays where it is when a chat opens beside it: only the mark moves.
function markHere() {
  for (const row of all("[data-row]")) {
    if (new URL(row.href).pathname === location.pathname) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
}

function settle(ctx) {
  keepScroll(ctx);
  markHere();
  ageNotices();
  watch();
  all("[data-counter]").forEach(count);
}

function start() {
  showTheme();
  showFold();
  const zone = one("[data-browser-zone]");
  if (zone) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  settle();
  connect();
}

start();
