// The failures: ticks survive live updates, Shift ticks a range, and one box ticks all that is shown.

import { findAll, findOne } from "./dom.js";
import { Selection } from "./selection.js";

const findForm = () => findOne("#failures-form");
const findBoxes = () => findAll("#failures-form [data-tick]");
const readCause = () => findForm()?.dataset.cause ?? "";
const ticked = new Selection(findBoxes);
let cause = readCause();

function draw() {
  const every = findOne("#failures-form [data-tick-every]");
  const all = findOne("#failures-form [data-tick-all]");
  const boxes = findBoxes();
  ticked.show();
  if (every?.checked) for (const box of boxes) box.checked = true;
  if (!all) return;
  const count = boxes.filter((box) => box.checked).length;
  all.checked = count > 0 && count === boxes.length;
  all.indeterminate = count > 0 && count < boxes.length;
  findOne("[data-tick-word]", findForm()).textContent = count ? `${count} selected` : `Select the ${boxes.length} shown`;
}

// The moment of the click knows the Shift key; the change that follows does not.
document.addEventListener("click", (event) => {
  const box = event.target.closest?.("#failures-form [data-tick]");
  if (!box) return;
  ticked.pick(box, event);
  draw();
});

document.addEventListener("change", ({ target }) => {
  if (target.matches?.("#failures-form [data-tick-all]")) {
    ticked.set(findBoxes(), target.checked);
    draw();
  } else if (target.matches?.("#failures-form [data-tick-every]")) {
    if (!target.checked) ticked.clear();
    draw();
  }
});

// What is no longer on the page is no longer ticked; another cause begins anew.
document.addEventListener("htmx:after:swap", () => {
  if (readCause() !== cause) ticked.clear();
  cause = readCause();
  ticked.keepShown();
  draw();
});

draw();
