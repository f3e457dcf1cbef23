// The command palette (Ctrl-K): one field, ranked lines from the server, recent ones first, all of it by keys.
"use strict";

(() => {
  const dialog = one("#palette");
  const MOST_RECENT = 6;

  // An address that ends in the name of a sheet opens it: /brains/#new-brain.
  function openSheet() {
    const name = location.hash.slice(1);
    const opener = name && one(`[popovertarget="${CSS.escape(name)}"]:not([popovertargetaction])`);
    if (!opener || one(`#${CSS.escape(name)}`).matches(":popover-open")) return;
    opener.focus();
    opener.click();
  }
  window.addEventListener("hashchange", openSheet);
  openSheet();
  if (!dialog) return;

  const field = one("#palette-q");
  const found = one("#palette-found");
  const recents = one("#palette-recent");
  const store = `recent:${dialog.dataset.user}`;
  // Enter came before the lines it was meant for.
  let hasty = null;
  let asked = false;

  const lines = () => all("[role=option]", dialog).filter((line) => line.checkVisibility());
  const active = () => one("[aria-selected=true]", dialog);
  const fresh = () => (found.firstElementChild?.dataset.shown ?? null) === field.value.trim();

  // ---- Recent lines: kept per browser and person, gone with the sign-out ----------------------------------------------

  function recentLines() {
    try {
      return JSON.parse(localStorage.getItem(store) || "[]").filter(({ href }) => /^\/(?!\/)/.test(href));
    } catch {
      return [];
    }
  }

  function remember(line) {
    if (line.dataset.press || line.closest("[aria-label='Search further']")) return;
    const words = (name) => one(name, line)?.textContent ?? "";
    const kept = { href: line.getAttribute("href"), name: words(".jump-name"), hint: words(".jump-hint"), icon: line.dataset.icon };
    const others = recentLines().filter(({ href }) => href !== kept.href);
    localStorage.setItem(store, JSON.stringify([kept, ...others].slice(0, MOST_RECENT)));
  }

  function drawn({ href, name, hint, icon }) {
    const line = one("#palette-line").content.firstElementChild.cloneNode(true);
    line.setAttribute("href", href);
    line.dataset.icon = icon;
    const picture = one("use", line);
    picture.setAttribute("href", picture.getAttribute("href").replace(/#.*/, `#${icon}`));
    one(".jump-name", line).textContent = name;
    one(".jump-hint", line).textContent = hint;
    return line;
  }

  function drawRecent() {
    const kept = field.value.trim() ? [] : recentLines();
    all(".jump", recents).forEach((line) => line.remove());
    recents.append(...kept.map(drawn));
    recents.hidden = !kept.length;
    const twice = new Set(kept.map(({ href }) => href));
    for (const line of all(".jump", found)) line.hidden = twice.has(line.getAttribute("href"));
  }

  // ---- The lines and the one that is chosen ------------------------------------------------------------------------

  function choose(line) {
    active()?.setAttribute("aria-selected", "false");
    if (!line) return field.removeAttribute("aria-activedescendant");
    line.setAttribute("aria-selected", "true");
    line.scrollIntoView({ block: "nearest" });
    field.setAttribute("aria-activedescendant", line.id);
  }

  function settleLines() {
    drawRecent();
    const list = lines();
    list.forEach((line, n) => (line.id = `jump-${n}`));
    choose(list[0]);
    one("#palette-list").scrollTop = 0;
    if (!fresh()) return;
    const count = all(".jumps:not([aria-label='Search further']) .jump", dialog).filter((line) => line.checkVisibility()).length;
    one("#palette-said").textContent = count === 1 ? "1 result" : `${count || "No"} results`;
  }

  function go(line, beside) {
    remember(line);
    const address = new URL(line.href || "#", location);
    if (beside && !line.dataset.press) return window.open(address, "_blank");
    dialog.close();
    if (line.dataset.press) return one(line.dataset.press)?.click();
    const here = address.pathname + address.search === location.pathname + location.search;
    if (here && address.hash === location.hash) return address.hash ? openSheet() : undefined;
    location.assign(address);
  }

  function act(beside) {
    if (!fresh()) return (hasty = { beside });
    // The lines may be on the page a moment before their swap is told of.
    if (!active()) settleLines();
    if (active()) go(active(), beside);
  }

  // ---- Opening and keys ------------------------------------------------------------------------------------------------

  function show() {
    if (dialog.open) return field.select();
    one("dialog[open]")?.close();
    dialog.showModal();
    field.value = "";
    hasty = null;
    one("#palette-said").textContent = "";
    settleLines();
    if (!asked || !fresh()) htmx.trigger(field, "look");
    asked = true;
  }

  const steps = {
    ArrowDown: (at, last) => (at < last ? at + 1 : 0),
    ArrowUp: (at, last) => (at > 0 ? at - 1 : last),
    PageDown: (at, last) => Math.min(at + 8, last),
    PageUp: (at) => Math.max(at - 8, 0),
    Home: () => 0,
    End: (at, last) => last,
  };

  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const list = lines();
    const step = steps[event.key];
    if (step && list.length && !event.shiftKey && !event.altKey) choose(list[step(list.indexOf(active()), list.length - 1)]);
    else if (event.key === "Enter") act(event.ctrlKey || event.metaKey);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  one("form", dialog).addEventListener("submit", (event) => event.preventDefault());
  dialog.addEventListener("pointermove", ({ target }) => target.closest("[role=option]") && choose(target.closest("[role=option]")));
  dialog.addEventListener("click", (event) => {
    const line = event.target.closest("[role=option]");
    if (!line) return;
    event.preventDefault();
    go(line, event.ctrlKey || event.metaKey);
  });

  document.addEventListener("htmx:after:swap", () => {
    if (!dialog.open) return;
    settleLines();
    if (!hasty || !fresh()) return;
    const { beside } = hasty;
    hasty = null;
    act(beside);
  });
  document.addEventListener("htmx:error", ({ target }) => {
    if (target === field) one("#palette-said").textContent = "The search does not answer. Check the connection.";
  });
  field.addEventListener("input", drawRecent);
  one(".side-user")?.addEventListener("submit", () => localStorage.removeItem(store));

  shortcuts.unshift({ keys: "Mod+k", words: "Search or jump", group: "Everywhere", always: true, act: show });
  clicks["[data-palette-open]"] = show;
})();
