// The inbox: nothing typed is lost, the reader stays where they are, and chosen chats stay chosen.
"use strict";

(() => {
  const draftOf = (field) => `draft-${field.dataset.draftOf}`;
  const writer = () => one("#writer");

  // ---- What is being written: kept in this browser until it is sent -----------------------------------------------

  function restore() {
    const field = one("[data-draft-of]");
    if (!field || field.dataset.restored) return;
    field.dataset.restored = "yes";
    const kept = localStorage.getItem(draftOf(field));
    if (kept && !field.value) field.value = kept;
  }

  function keep(field) {
    if (field.value.trim()) localStorage.setItem(draftOf(field), field.value);
    else localStorage.removeItem(draftOf(field));
  }

  function quote(id, words) {
    const form = writer();
    if (!form) return;
    form.elements.quoted.value = id;
    one("[data-quote-said]", form).textContent = words;
    one("[data-quote-place]", form).hidden = !id;
    if (id) form.elements.text.focus();
  }

  function attach(form) {
    const [file] = one("[data-attach]", form).files;
    one("[data-file-place]", form).hidden = !file;
    one("[data-file-said]", form).textContent = file ? `${file.name} · ${(file.size / 1048576).toFixed(1)} MB` : "";
  }

  function sent(form) {
    const field = form.elements.text;
    localStorage.removeItem(draftOf(field));
    [field.value, form.elements.file.value] = ["", ""];
    // The next message is another one, whatever becomes of this answer.
    form.elements.once.value = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    quote("", "");
    attach(form);
    field.focus();
  }

  document.addEventListener("input", ({ target }) => target.matches("[data-draft-of]") && keep(target));
  document.addEventListener("change", ({ target }) => {
    if (target.matches("[data-attach]")) attach(target.form);
    if (!target.matches("[data-writer] [name=as]")) return;
    const field = target.form.elements.text;
    [field.placeholder, field.ariaLabel] = target.value === "note" ? ["Write a note for the team…", "Note for the team"] : ["Write a message…", "Message"];
    field.focus();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || !event.target.matches("[data-enter]")) return;
    event.preventDefault();
    const { text, file } = event.target.form.elements;
    if (text.value.trim() || file.files.length) event.target.form.requestSubmit();
  });
  document.addEventListener("htmx:finally:request", ({ target, detail }) => {
    const done = detail.ctx.response && detail.ctx.response.status < 400;
    if (target.matches?.("[data-writer]") && done) sent(target);
    if (target.matches?.("[data-picker]") && done) one("#picker-place")?.replaceChildren();
  });
  document.addEventListener("paste", (event) => {
    const files = event.clipboardData?.files;
    if (!files?.length || !event.target.matches("[data-draft-of]")) return;
    event.preventDefault();
    event.target.form.elements.file.files = files;
    attach(event.target.form);
  });

  // ---- The thread: at the message that was looked for, and where the reader was ------------------------------------

  function show(id, name) {
    const row = document.getElementById(id);
    if (!row) return false;
    row.scrollIntoView({ block: "center" });
    row.classList.remove(name);
    requestAnimationFrame(() => row.classList.add(name));
    return true;
  }

  let arrived = "";

  function arrive() {
    const thread = one("#thread[data-at]");
    const at = thread && `${thread.dataset.chat} ${thread.dataset.at} ${location.href}`;
    if (!at || at === arrived) return;
    arrived = at;
    show(thread.dataset.at, "bubble-found");
  }

  // Other messages come in above or below: the first bubble in sight stays where it is. A chat opens at its end.
  const held = new WeakMap();

  function hold({ detail }) {
    const thread = one("#thread");
    if (thread && !changes(detail, thread)) return;
    const body = one(".thread-body");
    const top = body?.getBoundingClientRect().top;
    const first = body && all(".bubble-row", body).find((row) => row.getBoundingClientRect().bottom > top);
    const leaves = detail.ctx.sourceElement?.matches?.(".thread-newest");
    held.set(detail.ctx, { chat: leaves ? "" : thread?.dataset.chat, id: first?.id, offset: first && first.getBoundingClientRect().top - top });
  }

  function release({ detail }) {
    const [body, was] = [one(".thread-body"), held.get(detail.ctx)];
    if (!body || !was) return;
    const follows = body.hasAttribute("data-follow");
    const end = follows && body.scrollHeight - body.scrollTop - body.clientHeight < NEAR;
    const first = document.getElementById(was.id);
    const elsewhere = one("#thread").dataset.chat !== was.chat || (was.id && !first);
    if (elsewhere && follows) body.scrollTop = body.scrollHeight;
    if (!elsewhere && first && !end) body.scrollTop += first.getBoundingClientRect().top - body.getBoundingClientRect().top - was.offset;
  }

  // What waited for another answer asks for the stretch that is shown now, which may have grown meanwhile.
  document.addEventListener("htmx:before:request", ({ target, detail }) => {
    if (target.id === "thread") detail.ctx.request.action = target.getAttribute("hx-get");
  });

  // Reading on: a link to more messages that comes near is followed, unless somebody is on their way already.
  const AHEAD = 200;

  function reach() {
    const body = one(".thread-body");
    if (!body || one(".thread-body > .htmx-request")) return;
    const { top, bottom } = body.getBoundingClientRect();
    const near = ({ top: from, bottom: to }) => to > top - AHEAD && from < bottom + AHEAD;
    const link = all(".thread-earlier, .thread-later", body).find((each) => near(each.getBoundingClientRect()));
    if (link) htmx.trigger(link, "reach");
  }

  document.addEventListener("scroll", ({ target }) => target.matches?.(".thread-body") && reach(), { capture: true, passive: true });
  document.addEventListener("htmx:finally:request", reach);

  // ---- How long free text is allowed --------------------------------------------------------------------------------

  function countDown() {
    for (const state of all("[data-until]")) {
      const minutes = Math.floor((Number(state.dataset.until) - Date.now()) / 60000);
      const words = minutes >= 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${Math.max(minutes, 0)} min`;
      one("[data-until-words]", state).textContent = words;
      if (minutes < 0) htmx.trigger("#thread", "refresh");
    }
  }

  // ---- The list: chosen chats, and filters as the address says --------------------------------------------------------

  const chosen = new Set();

  function count() {
    const place = one("[data-bulk-count]");
    if (place) place.textContent = `${chosen.size} chosen`;
  }

  function choose() {
    for (const box of all(".row-pick input")) box.checked = chosen.has(box.value);
    count();
  }

  let lastBox = null;
  document.addEventListener("click", (event) => {
    const box = event.target.closest(".row-pick input");
    if (box) {
      const boxes = all(".row-pick input");
      const [from, to] = [boxes.indexOf(lastBox), boxes.indexOf(box)];
      const range = event.shiftKey && from >= 0 ? boxes.slice(Math.min(from, to), Math.max(from, to) + 1) : [box];
      for (const each of range) chosen[box.checked ? "add" : "delete"](each.value);
      lastBox = box;
      return choose();
    }
    if (event.target.closest("[data-bulk-clear]")) {
      chosen.clear();
      return choose();
    }
    // A search does not refresh by itself: what is opened is read.
    const read = event.target.closest(".row-unread");
    if (read) {
      read.classList.remove("row-unread");
      one(".row-count", read)?.remove();
    }
    const quoting = event.target.closest("[data-quote]");
    if (quoting) return quote(quoting.dataset.quote, quoting.dataset.quoteWords);
    if (event.target.closest("[data-picker-close]")) return one("#picker-place").replaceChildren();
    if (event.target.closest("[data-quote-clear]")) return quote("", "");
    if (event.target.closest("[data-file-clear]")) {
      writer().elements.file.value = "";
      return attach(writer());
    }
    const goto = event.target.closest("[data-goto]");
    if (goto && show(goto.dataset.goto, "bubble-found")) event.preventDefault();
    for (const open of all(".label-menu[open], .thread-menu[open], .tabs-more[open]")) {
      if (!open.contains(event.target)) open.open = false;
    }
  });
  document.addEventListener("htmx:finally:request", ({ target, detail }) => {
    if (target.id !== "bulk" || !detail.ctx.response || detail.ctx.response.status >= 400) return;
    chosen.clear();
    target.elements.name.value = "";
    choose();
  });

  // A look at the list that began before the filters changed would bring the old list back.
  document.addEventListener("htmx:before:swap", (event) => {
    const { sourceElement, request } = event.detail.ctx;
    if (sourceElement.id !== "rows") return;
    const shown = new URL(request.action, location.href).searchParams;
    const wanted = new FormData(one("#filters"));
    const same = ["q", "state", "connection", "brain", "label"].every((name) => (shown.get(name) || "") === (wanted.get(name) || "").trim());
    if (!same) event.preventDefault();
  });

  function sync() {
    const asked = new URLSearchParams(location.search);
    const field = one("#filters [data-as=state]");
    if (field) field.value = asked.get("state") || "";
  }

  // ---- Cards on ticks: at the pointer and at the keyboard alike ---------------------------------------------------------

  const card = (target) => document.getElementById(target.closest?.("[data-card]")?.dataset.card || "");
  document.addEventListener("pointerover", ({ target, pointerType }) => pointerType === "mouse" && card(target)?.showPopover({ source: target.closest("[data-card]") }));
  document.addEventListener("pointerout", ({ target, relatedTarget }) => {
    const open = card(target);
    if (open && !open.contains(relatedTarget) && document.activeElement !== target.closest("[data-card]")) open.hidePopover();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const open of all(".label-menu[open], .thread-menu[open], .tabs-more[open], .note-edit[open]")) {
      open.open = false;
      one("summary", open).focus();
    }
  });

  // What somebody has open stays open when the page is drawn anew.
  let opened = [];
  document.addEventListener("htmx:before:swap", (event) => {
    hold(event);
    opened = all("#thread details[id][open], #rows details[id][open]").map(({ id }) => id);
  });
  document.addEventListener("htmx:after:swap", (event) => {
    for (const each of all("#thread details[id], #rows details[id]")) if (opened.includes(each.id)) each.open = true;
    release(event);
    settleInbox();
  });

  function settleInbox() {
    restore();
    choose();
    sync();
    arrive();
    countDown();
  }

  setInterval(countDown, 20000);
  settleInbox();
  reach();
})();
