// Lists that refresh by themselves: new rows come while nobody reads an open one or has scrolled down.

import { findAll, findOne } from "./dom.js";

// Holds refreshes of `page` (a selector) back; returns what tells whether one of the rows (`open`, a selector) is read.
export function holdRefresh(page, open, scrolledPx) {
  const isReading = () => scrollY > scrolledPx || findAll(open).length > 0;
  document.addEventListener(
    "refresh",
    (event) => {
      if (event.target === findOne(page) && isReading()) event.stopImmediatePropagation();
    },
    true,
  );
  return isReading;
}
