// The list of commands: found by name, chosen together, ordered by dragging or by keys.
"use strict";

(() => {
  const list = () => one("#commands");
  if (!list()) return;
  const nav = list().parentElement;
  const form = () => one("#tree");
  const finder = one("[data-find]", nav);
  const rows = (root = list()) => all(".cmd", root);
  const shown = () => rows().filter((row) => row.checkVisibility());
  const box = (row) => one("[name=pick]", row);
  const picked = () => rows().filter((row) => box(row)?.checked);
  const nameOf = (row) => one(".cmd-word", row).textContent;
  const say = (words) => (one("[data-said]", nav).textContent = words);
  const commandsWord = (count) => (count === 1 ? "1 command" : `${count} commands`);

  // ---- Choosing ----------------------------------------------------------------------------------------------------

  let last = null;

  function countPicked() {
    if (!form()) return;
    const count = picked().length;
    form().classList.toggle("bulk-open", count > 0);
    one("[data-count]", form()).textContent = `${count} chosen`;
  }

  function pick(chosen, on) {
    for (const row of chosen) box(row).checked = on;
    countPicked();
    say(picked().length ? `${commandsWord(picked().length)} chosen` : "No command chosen");
  }

  nav.addEventListener("click", (event) => {
    if (event.target.closest("[data-unpick]")) return pick(rows(), false);
    if (!event.target.matches("[name=pick]")) return;
    const row = event.target.closest(".cmd");
    const visible = shown();
    const [from, to] = [visible.indexOf(last), visible.indexOf(row)].sort((a, b) => a - b);
    pick(event.shiftKey && last?.isConnected && from >= 0 ? visible.slice(from, to + 1) : [row], event.target.checked);
    last = row;
  });

  nav.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || drag || event.target.closest("[popover]") || !picked().length) return;
    if (!event.target.matches("[type=search]")) pick(rows(), false);
  });

  function pickAll(event) {
    if (!form() || !list().contains(event.target) || event.target.closest("[popover]")) return false;
    pick(shown(), true);
  }

  // ---- Finding -----------------------------------------------------------------------------------------------------

  const find = one("input", finder);
  const closedKey = `closed:${list().dataset.brain}`;
  const closed = new Set(JSON.parse(sessionStorage.getItem(closedKey) || "[]"));

  function sift() {
    const words = find.value.trim().toLowerCase();
    for (const section of all(".sect", list())) {
      const whole = words && section.dataset.group.toLowerCase().includes(words);
      for (const row of rows(section)) row.hidden = !whole && !row.textContent.toLowerCase().includes(words);
      section.hidden = Boolean(words) && !whole && rows(section).every((row) => row.hidden);
      const fold = one("details", section);
      if (fold) fold.open = Boolean(words) || !closed.has(section.dataset.sect);
    }
    one("[data-nothing]", list()).hidden = !words || rows().some((row) => !row.hidden);
  }

  find.addEventListener("input", () => {
    sift();
    say(find.value ? `${commandsWord(rows().filter((row) => !row.hidden).length)} found` : "");
  });
  nav.addEventListener(
    "toggle",
    ({ target }) => {
      const section = target.closest("details") === target && target.closest(".sect");
      if (!section || find.value) return;
      closed[target.open ? "delete" : "add"](section.dataset.sect);
      sessionStorage.setItem(closedKey, JSON.stringify([...closed]));
    },
    true,
  );

  // ---- Moving by keys ----------------------------------------------------------------------------------------------

  let moved = "";
  let steps = 0;

  function step(event, way) {
    const row = event.target.closest?.(".cmd");
    const button = row && one(`[value^="${way}:"]`, row);
    if (!button) return false;
    if (button.disabled) return say(`${nameOf(row)} is ${way === "up" ? "first" : "last"} already`);
    moved = row.id;
    steps += 1;
    button.click();
  }

  // Presses that come faster than the answers wait in a queue: the command is kept in view for each of them.
  function tellMoved() {
    const row = steps > 0 && document.getElementById(moved);
    if (!row) return;
    steps -= 1;
    const group = row.closest(".sect").dataset.group;
    const place = `${rows().indexOf(row) + 1} of ${rows().length}`;
    one("a", row).focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
    say(`${nameOf(row)}: ${place}${group ? `, in the group ${group}` : ""}`);
  }

  shortcuts.push(
    { keys: "Alt+ArrowUp", words: "Move the command up", group: "Commands", on: form, act: (event) => step(event, "up") },
    { keys: "Alt+ArrowDown", words: "Move the command down", group: "Commands", on: form, act: (event) => step(event, "down") },
    { keys: "Mod+a", words: "Choose all commands of the list", group: "Commands", on: form, act: pickAll },
  );

  // ---- Dragging: by the row with a mouse, by the grip with a finger --------------------------------------------------

  const START = 5;
  const EDGE = 40;
  let drag = null;

  nav.addEventListener("pointerdown", (event) => {
    const row = event.button === 0 && form() && event.target.closest(".cmd");
    const grip = event.target.closest(".cmd-grip");
    if (!row || (!grip && (event.pointerType !== "mouse" || event.target.closest("button, label, input")))) return;
    drag = { row, x: event.clientX, y: event.clientY, rows: null, target: null };
  });
  nav.addEventListener("dragstart", (event) => event.target.closest(".cmd") && event.preventDefault());

  function begin() {
    drag.rows = box(drag.row).checked ? picked() : [drag.row];
    for (const row of drag.rows) row.classList.add("cmd-dragged");
    drag.mark = Object.assign(document.createElement("li"), { className: "cmd-drop" });
    drag.note = Object.assign(document.createElement("div"), { className: "cmd-note" });
    drag.note.textContent = drag.rows.length === 1 ? nameOf(drag.row) : commandsWord(drag.rows.length);
    document.body.append(drag.note);
    document.body.classList.add("dragging");
    drag.scroll = setInterval(scroll, 30);
  }

  function scroll() {
    const body = one(".cmds-body", nav);
    const own = body.scrollHeight > body.clientHeight;
    const place = own ? body : document.scrollingElement;
    const { top, bottom } = own ? body.getBoundingClientRect() : { top: 0, bottom: innerHeight };
    if (drag.y < top + EDGE) place.scrollTop -= 12;
    if (drag.y > bottom - EDGE) place.scrollTop += 12;
  }

  // Where a row would land: before which command ("" = at the end), and in which section.
  function aim(x, y) {
    const hit = document.elementFromPoint(x, y);
    const section = hit?.closest("#commands .sect");
    if (!section) return;
    const over = hit.closest(".cmd");
    const first = rows(section)[0];
    const inside = over || first;
    const behind = over && y > over.getBoundingClientRect().top + over.offsetHeight / 2;
    const order = rows();
    const next = behind ? order[order.indexOf(over) + 1] : inside;
    drag.target = { before: next?.dataset.cmd || "", group: section.dataset.group };
    for (const each of all(".sect-into", list())) each.classList.remove("sect-into");
    if (inside) inside[behind ? "after" : "before"](drag.mark);
    else {
      drag.mark.remove();
      section.classList.add("sect-into");
    }
  }

  document.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const far = Math.hypot(event.clientX - drag.x, event.clientY - drag.y) > START;
    if (!drag.rows && !far) return;
    if (!drag.rows) begin();
    [drag.x, drag.y] = [event.clientX, event.clientY];
    drag.note.style.transform = `translate(${drag.x + 14}px, ${drag.y + 10}px)`;
    aim(drag.x, drag.y);
  });

  function end() {
    const ended = drag;
    drag = null;
    if (!ended?.rows) return null;
    clearInterval(ended.scroll);
    for (const row of ended.rows) row.classList.remove("cmd-dragged");
    for (const each of all(".sect-into", list())) each.classList.remove("sect-into");
    document.body.classList.remove("dragging");
    ended.note.remove();
    return ended;
  }

  document.addEventListener("pointerup", () => {
    const ended = end();
    if (!ended) return;
    if (ended.target) drop(ended);
    ended.mark.remove();
    // The row is a link: letting go of it is no click.
    document.addEventListener("click", stop, { capture: true, once: true });
    setTimeout(() => document.removeEventListener("click", stop, { capture: true }));
  });

  const stop = (event) => {
    event.preventDefault();
    event.stopPropagation();
  };

  function drop({ target, rows: dragged, mark }) {
    const { before, dragged: ids } = form().elements;
    before.value = target.before;
    ids.value = dragged.map((row) => row.dataset.cmd).join(" ");
    const button = one("[data-place]", form());
    button.value = `place:${target.group}`;
    // It lies there at once; the answer draws the list as it is kept.
    if (mark.isConnected) mark.after(...dragged);
    button.click();
  }

  function cancel() {
    end()?.mark.remove();
  }

  document.addEventListener("pointercancel", cancel);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !drag) return;
    event.stopPropagation();
    cancel();
  }, true);

  // ---- Around each change --------------------------------------------------------------------------------------------

  function settleList() {
    sift();
    countPicked();
  }

  document.addEventListener("htmx:after:swap", settleList);
  document.addEventListener("htmx:finally:request", ({ target, detail }) => {
    if (target.id === "row-acts") tellMoved();
    const saved = detail.ctx.response && detail.ctx.response.status < 400;
    if (saved && list().contains(target)) for (const sheet of all(":popover-open", list())) sheet.hidePopover();
  });
  finder.hidden = rows().length < 2;
  settleList();
})();
