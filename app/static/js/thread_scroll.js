// Threads stay where the reader is; at the end they follow.

import { findAll } from "./dom.js";
import { isSwapped } from "./htmx_events.js";

const NEAR_PX = 80;
const known = new WeakSet();
// Of each swap under way (they take time, and another may begin meanwhile), which of its threads were at their end.
const ends = new WeakMap();

// Tells whether a thread is open up to its newest message.
export const hasNewest = (thread) => "follow" in thread.dataset;
export const isAtEnd = (thread) => hasNewest(thread) && thread.scrollHeight - thread.scrollTop - thread.clientHeight < NEAR_PX;

export function scrollToEnd(thread) {
  thread.scrollTop = thread.scrollHeight;
}

function rememberEnds({ detail }) {
  const threads = findAll("[role=log]").filter((thread) => isSwapped(thread, detail));
  ends.set(detail.ctx, new Map(threads.map((thread) => [thread, isAtEnd(thread)])));
}

function keepEnds(ctx) {
  for (const thread of findAll("[role=log]")) {
    const follows = ends.get(ctx)?.get(thread) ?? !known.has(thread);
    known.add(thread);
    if (follows && hasNewest(thread)) scrollToEnd(thread);
  }
}

document.addEventListener("htmx:before:swap", rememberEnds);
document.addEventListener("htmx:after:swap", ({ detail }) => keepEnds(detail.ctx));
keepEnds();
