// The page of the audit.

import { holdRefresh } from "./hold_refresh.js";

// Filters may have been changed since the list was asked for.
const readFilters = (search) => JSON.stringify([...new URLSearchParams(search)].filter(([, value]) => value.trim()).sort());

holdRefresh("#audit-page", "#audit-list > li > details[open]", 400, (request) => {
  const asked = new URL(request.action, location.href).search;
  return readFilters(asked) === readFilters(location.search);
});
