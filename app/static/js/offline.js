// No connection: a banner says so, and a message that could not be sent stays in its field until it is.

import { findOne, onClick } from "./dom.js";
import { hasSucceeded } from "./htmx_events.js";

// A socket that comes back within so long (a restart, another network) is not worth a banner.
const GRACE_MS = 3000;

let timer = 0;
// The form whose message waits, and whether it goes out by itself: no longer once its text is changed.
let unsent = null;
let automatic = false;

function showBanner(on) {
  const banner = findOne("#offline");
  if (banner) banner.hidden = !on;
}

export function showLost() {
  if (!navigator.onLine) showBanner(true);
  timer ||= setTimeout(() => showBanner(true), GRACE_MS);
}

export function showBack() {
  clearTimeout(timer);
  timer = 0;
  showBanner(false);
  if (automatic) send();
}

function showUnsent() {
  const place = findOne("[data-unsent]");
  if (!place) return;
  place.hidden = !unsent;
  findOne("[data-unsent-words]", place).textContent = automatic ? "Not sent yet. It is sent as soon as the connection is back." : "Not sent yet.";
}

function send() {
  const form = unsent?.isConnected ? unsent : null;
  [unsent, automatic] = [null, false];
  showUnsent();
  form?.requestSubmit();
}

// The key of the form stays the same: should the server have it already, it is not sent twice.
document.addEventListener("htmx:error", ({ target }) => {
  if (!target.matches?.("[data-writer]")) return;
  [unsent, automatic] = [target, true];
  showUnsent();
});
document.addEventListener("htmx:finally:request", ({ target, detail }) => {
  if (!target.matches?.("[data-writer]") || !hasSucceeded(detail)) return;
  [unsent, automatic] = [null, false];
  showUnsent();
});
document.addEventListener("input", ({ target }) => {
  if (!unsent || target.form !== unsent) return;
  automatic = false;
  showUnsent();
});
onClick("[data-send-now]", send);
window.addEventListener("offline", () => showBanner(true));
window.addEventListener("online", showBack);
if (!navigator.onLine) showBanner(true);
