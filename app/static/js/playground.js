// The phones next to the editor: sends that count once, the last messages by arrow, and a look after each save.

import { findAll, findOne } from "./dom.js";
import { hasSucceeded } from "./htmx_events.js";
import { watchComposer } from "./phone_composer.js";
import "./phone_extras.js";

const WIDE = "phone-wide";
const OPEN_MARGIN_PX = 40;
const isWide = () => localStorage.getItem(WIDE) === "yes";

document.addEventListener("htmx:config:request", ({ target }) => {
  if (!target.closest?.("#playground")) return;
  const once = findOne("[data-once]", target);
  if (once) once.value = crypto.randomUUID();
  for (const menu of findAll(".pg-menu[open], .pg-attach[open]")) menu.open = false;
});
watchComposer({
  formId: "pg-say",
  fieldName: "pg_text",
  listMessages: () => findAll("#pg-screen [data-message-text]").map((row) => row.dataset.messageText),
});
// A draft that was just saved may answer otherwise: the phone offers to replay what was said on it.
document.addEventListener("htmx:finally:request", ({ target, detail }) => {
  if (hasSucceeded(detail) && target.matches?.("[data-draft]") && findOne("#pg-bar")) htmx.trigger("#pg-bar", "drafted");
});

function showWidth() {
  document.documentElement.classList.toggle("pg-wide", isWide());
  findOne("[data-widen]")?.setAttribute("aria-pressed", String(isWide()));
}

function showOpenPhone() {
  const open = findOne(".pg-phone[aria-current]");
  if (open) open.parentElement.scrollLeft = open.offsetLeft - open.parentElement.offsetLeft - OPEN_MARGIN_PX;
}

function settle() {
  showWidth();
  showOpenPhone();
}

document.addEventListener("click", ({ target }) => {
  if (target.closest("[data-widen]")) {
    localStorage.setItem(WIDE, isWide() ? "no" : "yes");
    showWidth();
  }
  // Leaves the sheet for a line of the script.
  if (target.closest("#pg-why [data-jump]")) findOne("#pg-why").hidePopover();
});
document.addEventListener("htmx:after:swap", settle);
window.addEventListener("hashchange", () => location.hash === "#playground" && findOne("#pg-text")?.focus());
settle();
