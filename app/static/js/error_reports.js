// Errors of scripts in this browser are kept with the log lines: a few a page, each once.

import { findOne } from "./dom.js";

const MOST = 5;
const seen = new Set();

function report({ text, file, line, column, stack }) {
  const key = `${text} ${file} ${line}`;
  // Only pages of who is signed in have it.
  const page = findOne("[data-live]");
  if (!text || !page || seen.has(key) || seen.size >= MOST) return;
  seen.add(key);
  const headers = { "Content-Type": "application/json", ...JSON.parse(page.getAttribute("hx-headers:inherited") || "{}") };
  const body = JSON.stringify({ text, file, line, column, stack: stack?.slice(0, 4000), page: location.pathname });
  fetch("/logs/browser/", { method: "POST", headers, body, keepalive: true }).catch(() => {});
}

addEventListener("error", ({ message, filename, lineno, colno, error }) => {
  if (message) report({ text: message, file: filename, line: lineno, column: colno, stack: error?.stack });
});
addEventListener("unhandledrejection", ({ reason }) => {
  report({ text: `Unhandled rejection: ${reason?.message ?? reason}`, stack: reason?.stack });
});
