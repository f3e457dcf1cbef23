// What goes with the next message of a phone: the message it quotes, and texts that are sent at once with it.

import { findOne } from "./dom.js";
import { hasSucceeded } from "./htmx_events.js";

const FORM = "pg-say";

function setQuote(place, words) {
  const strip = findOne("#pg-quoting");
  findOne("input", strip).value = place;
  findOne(".bubble-quote", strip).textContent = words;
  strip.hidden = !place;
}

function hold(field) {
  if (!field.value.trim()) return;
  const line = findOne("#pg-held-one").content.cloneNode(true);
  [findOne("input", line).value, findOne(".pg-held-text", line).textContent] = [field.value, field.value];
  findOne("#pg-held").append(line);
  field.value = "";
}

document.addEventListener("click", ({ target }) => {
  const quote = target.closest("[data-quote]");
  if (quote) setQuote(quote.dataset.quote, findOne(".bubble-text", quote.closest(".bubble")).textContent);
  const dropsQuote = target.closest("[data-quote-none]");
  if (dropsQuote) setQuote("", "");
  const held = target.closest("[data-held-none]");
  if (held) held.closest("li").remove();
  const holds = target.closest("[data-hold]");
  if (holds) hold(findOne("#pg-text"));
  if (quote || dropsQuote || held || holds) findOne("#pg-text").focus();
});
document.addEventListener("keydown", (event) => {
  if (event.target.id !== "pg-text" || event.key !== "Enter" || !event.shiftKey || event.isComposing) return;
  event.preventDefault();
  hold(event.target);
});
document.addEventListener("htmx:finally:request", ({ target, detail }) => {
  if (target.id !== FORM || !hasSucceeded(detail)) return;
  setQuote("", "");
  findOne("#pg-held").replaceChildren();
});
