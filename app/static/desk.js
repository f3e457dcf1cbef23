// The failure desk: ticks survive live updates, Shift ticks a range, and one box ticks all that is shown.
"use strict";

(() => {
  const form = () => document.querySelector("#desk-form");
  const boxes = () => [...document.querySelectorAll("#desk-form [data-tick]")];
  const ticked = new Set();
  let cause = "";
  let last = null;

  function draw() {
    const every = form()?.querySelector("[data-tick-every]");
    const all = form()?.querySelector("[data-tick-all]");
    const shown = boxes();
    for (const box of shown) box.checked = every?.checked || ticked.has(box.value);
    if (!all) return;
    const number = shown.filter((box) => box.checked).length;
    all.checked = number > 0 && number === shown.length;
    all.indeterminate = number > 0 && number < shown.length;
    form().querySelector("[data-tick-word]").textContent = number ? `${number} selected` : `Select the ${shown.length} shown`;
  }

  function mark(box, on) {
    if (on) ticked.add(box.value);
    else ticked.delete(box.value);
  }

  function range(box, on) {
    const shown = boxes();
    const [from, to] = [shown.findIndex((each) => each.value === last), shown.indexOf(box)].sort((a, b) => a - b);
    for (const each of from < 0 ? [box] : shown.slice(from, to + 1)) mark(each, on);
  }

  // The moment of the click knows the Shift key; the change that follows does not.
  document.addEventListener("click", (event) => {
    const box = event.target.closest?.("#desk-form [data-tick]");
    if (!box) return;
    if (event.shiftKey && last) range(box, box.checked);
    else mark(box, box.checked);
    last = box.value;
    draw();
  });

  document.addEventListener("change", ({ target }) => {
    if (target.matches?.("#desk-form [data-tick-all]")) {
      for (const box of boxes()) mark(box, target.checked);
      draw();
    } else if (target.matches?.("#desk-form [data-tick-every]")) {
      if (!target.checked) ticked.clear();
      draw();
    }
  });

  // What is no longer on the page is no longer ticked; another cause begins anew.
  document.addEventListener("htmx:after:swap", () => {
    const now = form()?.dataset.desk ?? "";
    if (now !== cause) ticked.clear();
    cause = now;
    const shown = new Set(boxes().map((box) => box.value));
    for (const value of ticked) if (!shown.has(value)) ticked.delete(value);
    draw();
  });

  cause = form()?.dataset.desk ?? "";
  draw();
})();
