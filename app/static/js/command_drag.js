// Commands dragged to another place: by the row with a mouse, by the grip with a finger.

import { countCommands, findBox, findForm, findList, findPicked, findRows, nav, readName } from "./command_rows.js";
import { findAll, findOne, makeElement } from "./dom.js";

const START_PX = 5;
const EDGE_PX = 40;
const SCROLL_PX = 12;
const SCROLL_MS = 30;
let drag = null;

export const isDragging = () => drag !== null;

nav.addEventListener("pointerdown", (event) => {
  const row = event.button === 0 && findForm() && event.target.closest(".cmd");
  const grip = event.target.closest(".cmd-grip");
  if (!row || (!grip && (event.pointerType !== "mouse" || event.target.closest("button, label, input")))) return;
  drag = { row, x: event.clientX, y: event.clientY, rows: null, target: null };
});
nav.addEventListener("dragstart", (event) => event.target.closest(".cmd") && event.preventDefault());

function begin() {
  drag.rows = findBox(drag.row).checked ? findPicked() : [drag.row];
  for (const row of drag.rows) row.classList.add("cmd-dragged");
  drag.mark = makeElement("li", { className: "cmd-drop" });
  drag.note = makeElement("div", { className: "cmd-note", textContent: drag.rows.length === 1 ? readName(drag.row) : countCommands(drag.rows.length) });
  document.body.append(drag.note);
  document.body.classList.add("dragging");
  drag.timer = setInterval(scrollAtEdge, SCROLL_MS);
}

function scrollAtEdge() {
  const body = findOne(".cmds-body", nav);
  const own = body.scrollHeight > body.clientHeight;
  const place = own ? body : document.scrollingElement;
  const { top, bottom } = own ? body.getBoundingClientRect() : { top: 0, bottom: innerHeight };
  if (drag.y < top + EDGE_PX) place.scrollTop -= SCROLL_PX;
  if (drag.y > bottom - EDGE_PX) place.scrollTop += SCROLL_PX;
}

function clearMarks() {
  for (const section of findAll(".sect-into", findList())) section.classList.remove("sect-into");
}

// Where a row would land: before which command ("" = at the end), and in which section.
function aim(x, y) {
  const hit = document.elementFromPoint(x, y);
  const section = hit?.closest("#commands .sect");
  if (!section) return;
  const over = hit.closest(".cmd");
  const inside = over || findRows(section)[0];
  const behind = over && y > over.getBoundingClientRect().top + over.offsetHeight / 2;
  const order = findRows();
  const next = behind ? order[order.indexOf(over) + 1] : inside;
  drag.target = { before: next?.dataset.cmd || "", group: section.dataset.group };
  clearMarks();
  if (inside) inside[behind ? "after" : "before"](drag.mark);
  else {
    drag.mark.remove();
    section.classList.add("sect-into");
  }
}

document.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const far = Math.hypot(event.clientX - drag.x, event.clientY - drag.y) > START_PX;
  if (!drag.rows && !far) return;
  if (!drag.rows) begin();
  [drag.x, drag.y] = [event.clientX, event.clientY];
  drag.note.style.transform = `translate(${drag.x + 14}px, ${drag.y + 10}px)`;
  aim(drag.x, drag.y);
});

function end() {
  const ended = drag;
  drag = null;
  if (!ended?.rows) return null;
  clearInterval(ended.timer);
  for (const row of ended.rows) row.classList.remove("cmd-dragged");
  clearMarks();
  document.body.classList.remove("dragging");
  ended.note.remove();
  return ended;
}

function drop({ target, rows, mark }) {
  const { before, dragged } = findForm().elements;
  before.value = target.before;
  dragged.value = rows.map((row) => row.dataset.cmd).join(" ");
  const button = findOne("[data-place]", findForm());
  button.value = `place:${target.group}`;
  // It lies there at once; the answer draws the list as it is kept.
  if (mark.isConnected) mark.after(...rows);
  button.click();
}

const stop = (event) => {
  event.preventDefault();
  event.stopPropagation();
};

document.addEventListener("pointerup", () => {
  const ended = end();
  if (!ended) return;
  if (ended.target) drop(ended);
  ended.mark.remove();
  // The row is a link: letting go of it is no click.
  document.addEventListener("click", stop, { capture: true, once: true });
  setTimeout(() => document.removeEventListener("click", stop, { capture: true }));
});

const cancel = () => end()?.mark.remove();

document.addEventListener("pointercancel", cancel);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !drag) return;
  event.stopPropagation();
  cancel();
}, true);
