// Lists that refresh by themselves: new rows come while nobody reads an open one or has scrolled down.

import { findAll, findOne } from "./dom.js";

// Holds refreshes of `page` (a selector) back while one of the rows (`open`, a selector) is read, and drops an answer
// that comes when one has been opened since it was asked for, or that `isWanted` (of its request) does not want.
export function holdRefresh(page, open, scrolledPx, isWanted = () => true) {
  const isReading = () => scrollY > scrolledPx || findAll(open).length > 0;
  document.addEventListener(
    "refresh",
    (event) => {
      if (event.target === findOne(page) && isReading()) event.stopImmediatePropagation();
    },
    true,
  );
  document.addEventListener("htmx:before:swap", (event) => {
    const { sourceElement, sourceEvent, request } = event.detail.ctx;
    if (sourceEvent?.type !== "refresh" || sourceElement !== findOne(page)) return;
    if (isReading() || !isWanted(request)) event.preventDefault();
  });
}
