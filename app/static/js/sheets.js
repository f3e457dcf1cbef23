// Dialogs and popovers: opened by links and addresses, closed by a click outside them; they give the focus back.

import { findOne, onClick } from "./dom.js";

// Opens the sheet that the address ends in, such as /brains/#new-brain.
export function openSheetOfAddress() {
  const name = location.hash.slice(1);
  const opener = name && findOne(`[popovertarget="${CSS.escape(name)}"]:not([popovertargetaction])`);
  if (!opener || findOne(`#${CSS.escape(name)}`).matches(":popover-open")) return;
  opener.focus();
  opener.click();
}

const openers = new WeakMap();
let inside = null;

// Also when what had the focus inside was drawn anew meanwhile.
document.addEventListener("beforetoggle", ({ target, newState }) => newState === "open" && openers.set(target, document.activeElement), true);
document.addEventListener("toggle", ({ target, newState }) => {
  if (newState === "closed" && target.matches("[popover]") && document.activeElement === document.body) openers.get(target)?.focus();
}, true);
document.addEventListener("htmx:before:swap", () => (inside = document.activeElement?.closest(":popover-open")));
document.addEventListener("htmx:after:swap", () => {
  if (inside && document.activeElement === document.body) findOne("a[href], button, input:not([type=hidden])", inside)?.focus();
  inside = null;
});

onClick("[data-popover]", (link) => document.getElementById(link.dataset.popover).showPopover({ source: link }));
onClick("[data-close-dialog]", (button) => button.closest("dialog").close());
document.addEventListener("click", ({ target }) => target.matches?.("dialog[open]") && target.close());
window.addEventListener("hashchange", openSheetOfAddress);
openSheetOfAddress();
