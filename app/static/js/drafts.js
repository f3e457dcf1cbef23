// Drafts: nothing typed is lost. A form with data-draft is saved while it is typed, and what is published comes after that;
// a field with data-draft-of keeps a message in this browser until it is sent.

import { findOne } from "./dom.js";
import { hasSucceeded } from "./htmx_events.js";

// ---- Forms that are saved on the server ---------------------------------------------------------------------------

const FIRST_LOOK_MS = 120;
const SLOWER = 1.2;
const LOOKS = 15; // some 8 s together
const BASES = ["base", "rev"];
const typed = new Set();
const saving = new Set();
let next = null;

const findForm = () => findOne("[data-draft]");
const findDraft = (target) => target.closest?.("[data-draft]");
const showState = (form, state) => findOne(form?.dataset.state || "#save-state")?.setAttribute("data-state", state);
const keyOfLeft = (form) => `left-draft ${form.action}`;
const isUnsaved = () => [...typed, ...saving].some((form) => form.isConnected);
const isSave = (target) => Boolean(target.matches?.("[data-draft]"));

document.addEventListener("input", ({ target }) => {
  const form = findDraft(target);
  if (!form) return;
  typed.add(form);
  showState(form, "typing");
  showAddress("?new=1");
});
// A request that waited for another was filled in before that one's answer. What the form is based on came with it: the
// old value would be refused as somebody else's change. And the place of its own answer was drawn anew.
function renew(ctx) {
  const { body, form } = ctx.request;
  for (const name of BASES) {
    const field = form?.elements[name] ?? document.getElementById(name);
    if (field && body?.has(name)) body.set(name, field.value);
  }
  if (ctx.target && !ctx.target.isConnected) ctx.target = document.getElementById(ctx.target.id);
}

document.addEventListener("htmx:before:request", ({ target, detail: { ctx } }) => {
  renew(ctx);
  if (!isSave(target)) return;
  typed.delete(target);
  saving.add(target);
});
document.addEventListener("htmx:finally:request", ({ target, detail }) => {
  if (!isSave(target)) return;
  saving.delete(target);
  if (hasSucceeded(detail)) showAddress();
  else typed.add(target);
  const form = next;
  if (form && hasSucceeded(detail) && isUnsaved()) return;
  next = null;
  if (hasSucceeded(detail)) form?.submit();
});
document.addEventListener("htmx:error", ({ target }) => showState(findDraft(target) || findForm(), "lost"));
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-after-save]") || !isUnsaved()) return;
  event.preventDefault();
  next = event.target;
  for (const form of typed) if (form.isConnected) form.requestSubmit();
});

// What is written for the first time has an address of its own from the first letter on, so that a reload finds it.
function showAddress(more = "") {
  const address = findForm()?.dataset.address || (!more && findOne("[data-draft] [name=base]")?.dataset.address);
  if (!address || (more && location.pathname === address)) return;
  history.replaceState(history.state, "", address + more);
}

// Leaving within the second before the next save, or while one is under way: the browser still delivers this.
window.addEventListener("pagehide", () => {
  for (const form of new Set([...typed, ...saving])) {
    if (!form.isConnected) continue;
    navigator.sendBeacon(form.action, new FormData(form));
    const base = readBase(form);
    if (base !== undefined) sessionStorage.setItem(keyOfLeft(form), base);
  }
});

// ---- Coming back before that save has arrived -----------------------------------------------------------------------

const readBase = (root = document) => findOne("[data-draft] [name=base]", root)?.value;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function hasArrived(base) {
  const answer = await fetch(location.href, { cache: "no-store" }).catch(() => null);
  return answer?.ok && readBase(new DOMParser().parseFromString(await answer.text(), "text/html")) !== base;
}

// A page drawn from before that save would show old words, and saving it would be refused as somebody else's change.
async function waitForSave() {
  const form = findForm();
  const left = form ? sessionStorage.getItem(keyOfLeft(form)) : null;
  if (left === null) return;
  sessionStorage.removeItem(keyOfLeft(form));
  if (left !== readBase(form)) return;
  form.inert = true;
  for (let look = 0; look < LOOKS; look += 1) {
    await pause(FIRST_LOOK_MS * SLOWER ** look);
    if (await hasArrived(left)) return location.reload();
  }
  form.inert = false;
}

window.addEventListener("pageshow", ({ persisted }) => {
  const form = persisted && findForm();
  if (form && sessionStorage.getItem(keyOfLeft(form)) !== null) location.reload();
});
waitForSave();

// ---- Messages that are kept in this browser -----------------------------------------------------------------------

const keyOf = (field) => `draft-${field.dataset.draftOf}`;

function restoreMessage() {
  const field = findOne("[data-draft-of]");
  if (!field || field.dataset.restored) return;
  field.dataset.restored = "yes";
  const kept = localStorage.getItem(keyOf(field));
  if (!kept || field.value) return;
  field.value = kept;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

export const forgetMessage = (field) => localStorage.removeItem(keyOf(field));

document.addEventListener("input", ({ target }) => {
  if (!target.matches("[data-draft-of]")) return;
  if (target.value.trim()) localStorage.setItem(keyOf(target), target.value);
  else forgetMessage(target);
});
document.addEventListener("htmx:after:swap", restoreMessage);
restoreMessage();
