// Errors of a form that is saved while it is typed, at their fields.

import { findAll, findOne, makeElement } from "./dom.js";

function markField(line) {
  const field = document.getElementById(line.dataset.field);
  if (!field?.checkVisibility()) return;
  const id = `${field.id}-error`;
  if (document.getElementById(id)) return;
  field.classList.add("is-invalid");
  field.setAttribute("aria-invalid", "true");
  field.dataset.described = field.getAttribute("aria-describedby") ?? "";
  field.setAttribute("aria-describedby", `${id} ${field.dataset.described}`.trim());
  field.after(makeElement("p", { id, className: "field-error", textContent: line.dataset.words.trim() }));
}

function unmarkField(field) {
  document.getElementById(`${field.id}-error`)?.remove();
  field.classList.remove("is-invalid");
  field.removeAttribute("aria-invalid");
  if (field.dataset.described) field.setAttribute("aria-describedby", field.dataset.described);
  else field.removeAttribute("aria-describedby");
  delete field.dataset.described;
}

// For a form whose fields change places: the next save shows them again.
export const clearErrors = () => findAll("[data-described]").forEach(unmarkField);

let shown = null;

// What a save found stands until the next one; the form itself is not drawn anew by it.
function showErrors() {
  const state = findOne("#save-state");
  if (!state || state === shown) return;
  shown = state;
  clearErrors();
  findAll("[data-field]", state).forEach(markField);
}

document.addEventListener("htmx:after:swap", showErrors);
showErrors();
