"use strict";
// The phones beside the editor: sends that count once, the last messages by arrow, and a look after each save.

(() => {
  const one = (selector, within = document) => within.querySelector(selector);
  const WIDE = "phone-wide";
  let sent = "";

  // ---- Sending: the field is free at once; what could not be sent comes back --------------------------------------

  document.addEventListener("htmx:config:request", ({ target, detail }) => {
    if (!target.closest?.("#playground")) return;
    const once = one("[data-once]", target);
    if (once) once.value = crypto.randomUUID();
    for (const menu of document.querySelectorAll(".pg-menu[open], .pg-attach[open]")) menu.open = false;
    if (target.id !== "pg-say") return;
    sent = detail.ctx.request.body.get("pg_text") || "";
    target.elements.pg_text.value = "";
  });
  document.addEventListener("htmx:finally:request", ({ target, detail }) => {
    const answered = detail.ctx.response && detail.ctx.response.status < 400;
    if (target.id === "pg-say") {
      const field = target.elements.pg_text;
      if (!answered && !field.value) field.value = sent;
      back = 0;
      field.focus();
    }
    // A draft that was just saved may answer otherwise: the phone offers to replay what was said on it.
    if (answered && target.matches?.("[data-draft]") && one("#pg-bar")) htmx.trigger("#pg-bar", "drafted");
  });

  // ---- The last messages of this phone by arrow -------------------------------------------------------------------

  let back = 0;

  document.addEventListener("keydown", (event) => {
    if (event.target.id !== "pg-text" || !/^Arrow(Up|Down)$/.test(event.key)) return;
    const said = [...document.querySelectorAll("#pg-screen [data-said]")].map((row) => row.dataset.said);
    back = Math.min(Math.max(back + (event.key === "ArrowUp" ? 1 : -1), 0), said.length);
    event.target.value = back ? said[said.length - back] : "";
    event.preventDefault();
  });

  // ---- Width, the sheet on a small screen, and leaving the sheet for a line of the script ---------------------------

  function widen() {
    const wide = localStorage.getItem(WIDE) === "yes";
    document.documentElement.classList.toggle("pg-wide", wide);
    one("[data-widen]")?.setAttribute("aria-pressed", String(wide));
  }

  document.addEventListener("click", ({ target }) => {
    if (target.closest("[data-widen]")) {
      localStorage.setItem(WIDE, localStorage.getItem(WIDE) === "yes" ? "no" : "yes");
      widen();
    }
    if (target.closest("#pg-why [data-jump]")) one("#pg-why").hidePopover();
  });
  function showOpen() {
    const open = one(".pg-phone[aria-current]");
    if (open) open.parentElement.scrollLeft = open.offsetLeft - open.parentElement.offsetLeft - 40;
  }

  document.addEventListener("htmx:after:swap", () => {
    widen();
    showOpen();
  });
  window.addEventListener("hashchange", () => location.hash === "#playground" && one("#pg-text")?.focus());
  widen();
  showOpen();
})();
