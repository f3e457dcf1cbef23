// An open chat: at the message that was looked for, where the reader was, and further when its end comes near.

// Open details come first: they change the heights that the reader's place is counted by.
import "./open_details.js";
import { findAll, findOne } from "./dom.js";
import { isSwapped } from "./htmx_events.js";
import { hasNewest, isAtEnd, scrollToEnd } from "./thread_scroll.js";

const AHEAD_PX = 200;
const COUNT_DOWN_MS = 20000;
const MINUTE_MS = 60000;
const findBody = () => findOne(".thread-body");

// ---- The message that was looked for --------------------------------------------------------------------------------

function showMessage(id) {
  const row = document.getElementById(id);
  if (!row) return false;
  row.scrollIntoView({ block: "center" });
  row.classList.remove("bubble-found");
  requestAnimationFrame(() => row.classList.add("bubble-found"));
  return true;
}

let shown = "";

function showWanted() {
  const thread = findOne("#thread[data-at]");
  const wanted = thread && `${thread.dataset.chat} ${thread.dataset.at} ${location.href}`;
  if (!wanted || wanted === shown) return;
  shown = wanted;
  showMessage(thread.dataset.at);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-goto]");
  if (link && showMessage(link.dataset.goto)) event.preventDefault();
});

// ---- Where the reader was: the first bubble in sight stays where it is, a chat opens at its end -----------------------

const places = new WeakMap();

function rememberPlace({ detail }) {
  const thread = findOne("#thread");
  if (thread && !isSwapped(thread, detail)) return;
  const body = findBody();
  const top = body?.getBoundingClientRect().top;
  const first = body && findAll(".bubble-row", body).find((row) => row.getBoundingClientRect().bottom > top);
  const leaves = detail.ctx.sourceElement?.matches?.(".thread-newest");
  places.set(detail.ctx, { chat: leaves ? "" : thread?.dataset.chat, id: first?.id, offset: first && first.getBoundingClientRect().top - top });
}

function keepPlace({ detail }) {
  const [body, was] = [findBody(), places.get(detail.ctx)];
  if (!body || !was) return;
  const first = document.getElementById(was.id);
  const elsewhere = findOne("#thread").dataset.chat !== was.chat || (was.id && !first);
  if (elsewhere && hasNewest(body)) scrollToEnd(body);
  if (!elsewhere && first && !isAtEnd(body)) body.scrollTop += first.getBoundingClientRect().top - body.getBoundingClientRect().top - was.offset;
}

// What waited for another answer asks for the stretch that is shown now, which may have grown meanwhile.
document.addEventListener("htmx:before:request", ({ target, detail }) => {
  if (target.id === "thread") detail.ctx.request.action = target.getAttribute("hx-get");
});

// ---- Reading on: a link to more messages that comes near is followed, unless somebody is on their way already ----------

function loadNear() {
  const body = findBody();
  if (!body || findOne(".thread-body > .htmx-request")) return;
  const { top, bottom } = body.getBoundingClientRect();
  const isNear = ({ top: from, bottom: to }) => to > top - AHEAD_PX && from < bottom + AHEAD_PX;
  const link = findAll(".thread-earlier, .thread-later", body).find((each) => isNear(each.getBoundingClientRect()));
  if (link) htmx.trigger(link, "reach");
}

document.addEventListener("scroll", ({ target }) => target.matches?.(".thread-body") && loadNear(), { capture: true, passive: true });
document.addEventListener("htmx:finally:request", loadNear);

// ---- How long free text is allowed --------------------------------------------------------------------------------

function countDown() {
  for (const state of findAll("[data-until]")) {
    const minutes = Math.floor((Number(state.dataset.until) - Date.now()) / MINUTE_MS);
    const words = minutes >= 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${Math.max(minutes, 0)} min`;
    findOne("[data-until-words]", state).textContent = words;
    if (minutes < 0) htmx.trigger("#thread", "refresh");
  }
}

// ---- Cards on ticks: at the pointer and at the keyboard alike ---------------------------------------------------------

const findCard = (target) => document.getElementById(target.closest?.("[data-card]")?.dataset.card || "");
document.addEventListener("pointerover", ({ target, pointerType }) => pointerType === "mouse" && findCard(target)?.showPopover({ source: target.closest("[data-card]") }));
document.addEventListener("pointerout", ({ target, relatedTarget }) => {
  const card = findCard(target);
  if (card && !card.contains(relatedTarget) && document.activeElement !== target.closest("[data-card]")) card.hidePopover();
});

// ---- Around each swap ------------------------------------------------------------------------------------------------

document.addEventListener("htmx:before:swap", rememberPlace);
document.addEventListener("htmx:after:swap", (event) => {
  keepPlace(event);
  showWanted();
  countDown();
});
setInterval(countDown, COUNT_DOWN_MS);
showWanted();
countDown();
loadNear();
