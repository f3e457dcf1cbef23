// A page with an editor begins there: the next Tab goes to its first field, not through the menu and the lists.

import { findOne } from "./dom.js";

const main = findOne("[data-start-here]");
if (main && document.activeElement === document.body && !location.hash && !location.search.includes("line=")) main.focus({ preventScroll: true });
