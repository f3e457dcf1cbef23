// The field below a chat: text, files, quotes and notes; what is typed outlives the page (drafts.js).

import { findOne, onClick } from "./dom.js";
import { forgetMessage } from "./drafts.js";
import { hasSucceeded } from "./htmx_events.js";

const BYTES_PER_KB = 1024;
const BYTES_PER_MB = 1048576;
const formatSize = (bytes) => (bytes < BYTES_PER_MB ? `${Math.ceil(bytes / BYTES_PER_KB)} kB` : `${(bytes / BYTES_PER_MB).toFixed(1)} MB`);
const findWriter = () => findOne("#writer");

function setQuote(id, words) {
  const form = findWriter();
  if (!form) return;
  form.elements.quoted.value = id;
  findOne("[data-quote-text]", form).textContent = words;
  findOne("[data-quote-place]", form).hidden = !id;
  if (id) form.elements.text.focus();
}

function showFile(form) {
  const [file] = findOne("[data-attach]", form).files;
  findOne("[data-file-place]", form).hidden = !file;
  findOne("[data-file-name]", form).textContent = file ? `${file.name} · ${formatSize(file.size)}` : "";
}

// WhatsApp previews the first link of a text that goes out by itself.
function showPreviewSwitch(form) {
  const { text, file, as } = form.elements;
  const canPreview = as.value === "message" && !file.files.length && /(^|[^\p{L}\p{N}_])https?:\/\/[^\s/?#]/iu.test(text.value);
  findOne("[data-preview-place]", form).hidden = !canPreview;
}

// The next message is another one, whatever becomes of this answer.
const makeKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

function reset(form) {
  const field = form.elements.text;
  forgetMessage(field);
  [field.value, form.elements.file.value] = ["", ""];
  form.elements.once.value = makeKey();
  form.elements.link_preview.checked = false;
  setQuote("", "");
  showFile(form);
  showPreviewSwitch(form);
  field.focus();
}

function showPurpose({ form, value }) {
  const field = form.elements.text;
  [field.placeholder, field.ariaLabel] = value === "note" ? ["Write a note for the team…", "Note for the team"] : ["Write a message…", "Message"];
  field.focus();
}

document.addEventListener("input", ({ target }) => {
  if (target.matches("[data-draft-of]")) showPreviewSwitch(target.form);
});
document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-writer] [name=as], [data-attach]")) showPreviewSwitch(target.form);
  if (target.matches("[data-attach]")) showFile(target.form);
  if (target.matches("[data-writer] [name=as]")) showPurpose(target);
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || !event.target.matches("[data-enter]")) return;
  event.preventDefault();
  const { text, file } = event.target.form.elements;
  if (text.value.trim() || file.files.length) event.target.form.requestSubmit();
});
document.addEventListener("htmx:finally:request", ({ target, detail }) => {
  if (!hasSucceeded(detail)) return;
  if (target.matches?.("[data-writer]")) reset(target);
  if (target.matches?.("[data-picker]")) findOne("#picker-place")?.replaceChildren();
});

export const canAttach = () => Boolean(findOne("#writer [name=as][value=message]:enabled"));

// Attaches the first of some files to the message being written: a message has one, a note none.
export function attach(files) {
  const form = findWriter();
  const kept = new DataTransfer();
  kept.items.add(files[0]);
  form.elements.file.files = kept.files;
  const purpose = findOne("[name=as][value=message]", form);
  if (!purpose.checked) {
    purpose.checked = true;
    showPurpose(purpose);
  }
  showFile(form);
  if (files.length > 1) findOne("[data-file-name]", form).textContent += ` · the first of ${files.length}: one file a message`;
  form.elements.text.focus();
}

document.addEventListener("paste", (event) => {
  const files = event.clipboardData?.files;
  if (!files?.length || !event.target.matches("[data-writer] [data-draft-of]") || !canAttach()) return;
  event.preventDefault();
  attach(files);
});

onClick("[data-quote]", (button) => setQuote(button.dataset.quote, button.dataset.quoteWords));
onClick("[data-quote-clear]", () => setQuote("", ""));
onClick("[data-picker-close]", () => findOne("#picker-place").replaceChildren());
onClick("[data-file-clear]", () => {
  findWriter().elements.file.value = "";
  showFile(findWriter());
});
