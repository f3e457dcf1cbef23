// Notices: they leave by themselves, unless they are errors or someone is on them; and at once when they are outdated.

import { findAll, findOne, onClick } from "./dom.js";

const STAY_MS = 5000;
const STAY_WITH_UNDO_MS = 12000;
const LOOK_AGAIN_MS = 2000;
const seen = new WeakSet();

function startTimers() {
  for (const notice of findAll("[data-notice]")) {
    if (seen.has(notice) || notice.classList.contains("notice-bad")) continue;
    seen.add(notice);
    const leave = () => (notice.matches(":hover, :focus-within") ? setTimeout(leave, LOOK_AGAIN_MS) : notice.remove());
    setTimeout(leave, notice.classList.contains("notice-undo") ? STAY_WITH_UNDO_MS : STAY_MS);
  }
}

// Outdated is what the page no longer shows (data-while: a selector), and what was just said in the same words.
function dropOutdated() {
  const said = new Set();
  for (const notice of findAll("[data-notice]").reverse()) {
    const words = findOne(".notice-text", notice).textContent;
    const { while: shown } = notice.dataset;
    if (said.has(words) || (shown && !findOne(shown))) notice.remove();
    said.add(words);
  }
}

onClick("[data-dismiss]", (button) => button.closest("[data-notice]").remove());
document.addEventListener("htmx:after:swap", () => {
  dropOutdated();
  startTimers();
});
startTimers();
