// The text field of a phone: free again at once, what could not be sent comes back, and the arrows recall what was said.

import { hasSucceeded } from "./htmx_events.js";

// `formId`, `fieldName`: the form that is sent by htmx and its text; `listMessages()`: what was said, the oldest first.
export function watchComposer({ formId, fieldName, listMessages }) {
  let sent = "";
  let back = 0;

  document.addEventListener("htmx:config:request", ({ target }) => {
    if (target.id !== formId) return;
    const field = target.elements[fieldName];
    [sent, field.value, back] = [field.value, "", 0];
  });
  document.addEventListener("htmx:finally:request", ({ target, detail }) => {
    if (target.id !== formId) return;
    const field = target.elements[fieldName];
    if (!hasSucceeded(detail) && !field.value) field.value = sent;
    field.focus();
  });
  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (target.form?.id !== formId || target.name !== fieldName || !/^Arrow(Up|Down)$/.test(key)) return;
    const messages = listMessages();
    back = Math.min(Math.max(back + (key === "ArrowUp" ? 1 : -1), 0), messages.length);
    target.value = back ? messages.at(-back) : "";
    event.preventDefault();
  });
}
