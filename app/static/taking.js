// Exports with progress: a table is taken line by line, how many there will be is known, and it can be broken off.
// Without this the links are plain downloads.
"use strict";

(() => {
  const place = () => one("[data-take-now]");
  let stop = null;

  function tell(name, done, rows) {
    one("[data-take-word]", place()).textContent = `${name}: ${Math.min(done, rows).toLocaleString("en-US")} of ${rows.toLocaleString("en-US")} lines`;
    Object.assign(one("[data-take-bar]", place()), { max: Math.max(rows, 1), value: Math.min(done, rows) });
  }

  function save(parts, name) {
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(new Blob(parts, { type: "text/csv" })), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  const lines = (part) => part.reduce((n, byte) => n + (byte === 10), 0);

  async function take(address, name, signal) {
    const answer = await fetch(address, { signal, redirect: "error" });
    if (!answer.ok) throw new Error(answer.status === 429 ? "Too many exports; wait a minute." : "The export did not work. Try again.");
    const rows = Number(answer.headers.get("X-Rows"));
    const parts = [];
    let done = -1;
    for (const reader = answer.body.getReader(); ; ) {
      const { done: over, value } = await reader.read();
      if (over) break;
      parts.push(value);
      done += lines(value);
      tell(name, Math.max(done, 0), rows);
    }
    save(parts, /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition"))[1]);
    return rows;
  }

  async function begin(link) {
    stop?.abort();
    const mine = (stop = new AbortController());
    const word = one("[data-take-word]", place());
    link.closest("[data-take]").removeAttribute("open");
    place().hidden = false;
    place().dataset.state = "going";
    word.textContent = `${link.dataset.takeAs}: beginning…`;
    one("[data-take-bar]", place()).removeAttribute("value");
    try {
      const rows = await take(link.href, link.dataset.takeAs, mine.signal);
      word.textContent = `${link.dataset.takeAs}: ${rows.toLocaleString("en-US")} lines saved.`;
    } catch (error) {
      word.textContent = mine.signal.aborted ? "Export cancelled." : error.message;
    }
    if (stop === mine) place().dataset.state = "over";
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-take-as]");
    if (link) {
      event.preventDefault();
      begin(link);
    } else if (event.target.closest?.("[data-take-cancel]")) stop?.abort();
  });
})();
