// Live updates: the server says "this topic changed", and the parts of the page that show it are fetched anew.

import { findAll, findOne } from "./dom.js";
import { showBack, showLost } from "./offline.js";

// Repairs whatever a lost packet left stale; also the only source of news while the socket is down.
const REFRESH_MS = 15000;
const RECONNECT_MAX_MS = 5000;

let socket = null;
let watched = [];

const topicsOf = (part) => part.dataset.topic.split(" ");

// Refreshes the parts that show a topic; without one, all of them.
function refresh(topic) {
  for (const part of findAll("[data-topic]")) {
    if (!topic || topicsOf(part).includes(topic)) htmx.trigger(part, "refresh");
  }
}

function watchTopics() {
  const wanted = [...new Set(findAll("[data-topic]").flatMap(topicsOf))].sort();
  if (!socket?.connected || wanted.join(" ") === watched.join(" ")) return;
  const added = wanted.filter((topic) => !watched.includes(topic));
  watched = wanted;
  // What changed between our last look and the moment we began to listen would be missed: look once more.
  socket.emit("watch", { topics: wanted }, () => added.forEach(refresh));
}

function showState(state, word) {
  const place = findOne("#live");
  if (!place || place.dataset.state === state) return;
  place.dataset.state = state;
  findOne(".live-word", place).textContent = word;
}

function refreshIfVisible() {
  if (document.visibilityState === "visible") refresh();
}

function connect() {
  if (!document.body.hasAttribute("data-live") || !window.io) return;
  socket = io({ transports: ["websocket", "polling"], reconnectionDelayMax: RECONNECT_MAX_MS });
  socket.on("connect", () => {
    showState("live", "Live");
    showBack();
    watched = [];
    watchTopics();
  });
  for (const event of ["disconnect", "connect_error"]) {
    socket.on(event, () => {
      showState("lost", "Reconnecting…");
      showLost();
    });
  }
  // The session has ended: the next look leads to the sign-in. One that this browser began anew meanwhile goes on.
  socket.on("disconnect", (reason) => {
    if (reason !== "io server disconnect") return;
    refresh();
    socket.connect();
  });
  socket.on("changed", ({ topic }) => refresh(topic));
  setInterval(refreshIfVisible, REFRESH_MS);
  document.addEventListener("visibilitychange", refreshIfVisible);
}

document.addEventListener("htmx:after:swap", watchTopics);
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.sourceEvent?.type !== "refresh") return;
  ctx.request.headers["Brainbox-Live"] = "yes";
  ctx.asked = ctx.sourceElement.getAttribute("hx-get");
});

// A refresh that waited for another request, or for its answer, may ask for what was shown before somebody went on: it
// would lead them back.
for (const moment of ["htmx:before:request", "htmx:before:swap"]) {
  document.addEventListener(moment, (event) => {
    const { asked, sourceElement } = event.detail.ctx;
    if (asked === undefined || asked === sourceElement.getAttribute("hx-get")) return;
    event.preventDefault();
    htmx.trigger(sourceElement, "refresh");
  });
}

connect();
