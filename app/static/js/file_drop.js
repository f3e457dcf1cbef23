// Files dropped on a chat are attached to the message that is being written.

import { attach, canAttach } from "./composer.js";
import { findAll } from "./dom.js";

const hasFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
const isInChat = ({ target }) => canAttach() && Boolean(target.closest?.(".split-detail"));
const show = (on) => findAll(".split-detail").forEach((place) => place.classList.toggle("dropping", on));

// A file that misses the chat would be opened by the browser instead of the page.
document.addEventListener("dragover", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  const inside = isInChat(event);
  event.dataTransfer.dropEffect = inside ? "copy" : "none";
  show(inside);
});
document.addEventListener("dragleave", ({ relatedTarget }) => relatedTarget || show(false));
document.addEventListener("drop", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  show(false);
  if (isInChat(event) && event.dataTransfer.files.length) attach(event.dataTransfer.files);
});
