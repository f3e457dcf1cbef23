// Counters next to limited fields: "used / limit", newlines counted as the server counts them.

import { findAll } from "./dom.js";

export function showCount(field) {
  const place = document.getElementById(field.dataset.counter);
  if (!place) return;
  const used = field.value.length;
  const limit = Number(field.dataset.limit);
  place.textContent = `${used.toLocaleString()} / ${limit.toLocaleString()}`;
  place.classList.toggle("counter-over", used > limit);
}

const showCounts = () => findAll("[data-counter]").forEach(showCount);

document.addEventListener("input", ({ target }) => target.matches("[data-counter]") && showCount(target));
document.addEventListener("htmx:after:swap", showCounts);
showCounts();
