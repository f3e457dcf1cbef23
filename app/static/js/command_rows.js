// The rows of the list of commands, as its modules look them up and speak of them.

import { findAll, findOne } from "./dom.js";

export const findList = () => findOne("#commands");
export const findForm = () => findOne("#tree");
export const findRows = (root = findList()) => findAll(".cmd", root);
export const findBox = (row) => findOne("[name=pick]", row);
export const findPicked = () => findRows().filter((row) => findBox(row)?.checked);
export const nav = findList().parentElement;

export const readName = (row) => findOne(".cmd-word", row).textContent;
export const countCommands = (count) => (count === 1 ? "1 command" : `${count} commands`);

export function announce(words) {
  findOne("[data-status]", nav).textContent = words;
}
