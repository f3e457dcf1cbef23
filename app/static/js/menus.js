// Menus made of <details data-menu> close with Escape and by a click elsewhere; with data-menu="form" by Escape alone.

import { findAll, findOne } from "./dom.js";

document.addEventListener("keydown", ({ key }) => {
  // What lies above the page takes the key first.
  if (key !== "Escape" || findOne("dialog[open]")) return;
  for (const menu of findAll("details[data-menu][open]")) {
    menu.open = false;
    findOne("summary", menu).focus();
  }
});
document.addEventListener("click", ({ target }) => {
  for (const menu of findAll("details[data-menu]:not([data-menu=form])[open]")) if (!menu.contains(target)) menu.open = false;
});
