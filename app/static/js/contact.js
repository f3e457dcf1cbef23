// The contact panel: next to the chat where there is room, folded away as this browser remembers; else a popover.

import { findOne } from "./dom.js";

const FOLDED = "contact-folded";
const hasRoom = matchMedia("(min-width: 1360px)");
const isFolded = () => localStorage.getItem(FOLDED) === "yes";
const getPanel = () => findOne("#contact");
const isShown = () => (hasRoom.matches ? !isFolded() : getPanel()?.matches(":popover-open"));

// What nobody sees is not fetched with every message; what comes into sight is.
function watchIfShown() {
  const facts = findOne("#contact-facts");
  if (!facts) return;
  const wasWatched = facts.hasAttribute("data-topic");
  if (isShown()) facts.dataset.topic = facts.dataset.contactTopic;
  else delete facts.dataset.topic;
  if (isShown() && !wasWatched && facts.dataset.stale) htmx.trigger(facts, "refresh");
  facts.dataset.stale = "yes";
}

function showFold() {
  document.documentElement.classList.toggle("contact-folded", isFolded());
  if (hasRoom.matches && getPanel()?.matches(":popover-open")) getPanel().hidePopover();
  const button = findOne("[data-contact-open]");
  if (hasRoom.matches) button?.setAttribute("aria-pressed", String(!isFolded()));
  else button?.removeAttribute("aria-pressed");
  watchIfShown();
}

function fold(event, wanted) {
  if (!hasRoom.matches) return;
  event.preventDefault();
  localStorage.setItem(FOLDED, wanted ? "yes" : "no");
  showFold();
  if (wanted) findOne("[data-contact-open]")?.focus();
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-contact-open]")) fold(event, !isFolded());
  else if (event.target.closest("[data-contact-close]")) fold(event, true);
});
document.addEventListener("toggle", ({ target }) => target.id === "contact" && watchIfShown(), true);
document.addEventListener("htmx:after:swap", showFold);
hasRoom.addEventListener("change", showFold);
showFold();
