// The page of the audit.

import { findOne } from "./dom.js";
import { holdRefresh } from "./hold_refresh.js";

const isReading = holdRefresh("#audit-page", "#audit-list > li > details[open]", 400);

// An entry may have been opened, and filters changed, since the list was asked for.
const readFilters = (search) => JSON.stringify([...new URLSearchParams(search)].filter(([, value]) => value.trim()).sort());

document.addEventListener("htmx:before:swap", (event) => {
  const { sourceElement, sourceEvent, request } = event.detail.ctx;
  if (sourceEvent?.type !== "refresh" || sourceElement !== findOne("#audit-page")) return;
  const asked = readFilters(new URL(request.action, location.href).search);
  if (isReading() || asked !== readFilters(location.search)) event.preventDefault();
});
