// What somebody has open in a chat or in the list of chats stays open when the page is drawn anew.

import { findAll } from "./dom.js";

const PLACES = "#thread details[id], #rows details[id]";
let opened = [];

document.addEventListener("htmx:before:swap", () => {
  opened = findAll(PLACES).filter((details) => details.open).map(({ id }) => id);
});
document.addEventListener("htmx:after:swap", () => {
  for (const details of findAll(PLACES)) if (opened.includes(details.id)) details.open = true;
});
