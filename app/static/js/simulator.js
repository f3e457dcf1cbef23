// The phone of the simulator: suggestions and buttons are sent like anything typed.

import { findOne, onClick } from "./dom.js";
import { watchComposer } from "./phone_composer.js";

const MOST_KEPT = 20;
const sent = [];

// Suggestions and reply buttons are written into the composer.
onClick("[data-say]", (button) => {
  const { kind, choice, quoted, text } = findOne("#composer").elements;
  kind.value = button.dataset.kind || "text";
  choice.value = button.dataset.choice || "";
  quoted.value = button.dataset.quoted || "";
  text.value = button.dataset.say;
  button.closest("details")?.removeAttribute("open");
  text.form.requestSubmit();
});

document.addEventListener("htmx:config:request", ({ target }) => {
  if (target.id !== "composer") return;
  const { text, kind, choice, quoted } = target.elements;
  const typed = text.value.trim();
  if (typed && sent.at(-1) !== typed) sent.push(typed);
  if (sent.length > MOST_KEPT) sent.shift();
  [kind.value, choice.value, quoted.value] = ["text", "", ""];
});
watchComposer({ formId: "composer", fieldName: "text", listMessages: () => sent });
// A look that began before this message was stored may have drawn the screen without it.
document.addEventListener("htmx:finally:request", ({ target }) => target.id === "composer" && htmx.trigger("#screen", "refresh"));
