// Keyboard shortcuts: one registry that acts and that “?” shows, so that help and behaviour cannot disagree.
// A page adds its own with data-shortcut="u" on a control (named by its title, or data-shortcut-words), a script
// with shortcuts.push({keys, words, group, on, act}): `on` tells whether the page has it, `act` may refuse with false.
"use strict";

const shortcuts = [];

(() => {
  const MAC = /Mac|iPhone|iPad/.test(navigator.platform);
  const SEQUENCE_MS = 1500;
  const NAMES = { ArrowUp: "↑", ArrowDown: "↓", ...(MAC ? { Mod: "⌘", Alt: "⌥" } : { Mod: "Ctrl" }) };
  const OFF = "single-keys";
  const PLAIN = "[type=checkbox], [type=radio], [type=button], [type=submit], [type=reset]";

  const shown = (element) => element.checkVisibility({ visibilityProperty: true }) && !element.closest("[inert]");
  const rows = () => all("[data-row]").filter(shown);
  const single = ({ keys }) => !/Mod|Alt/.test(keys);
  const singles = () => localStorage.getItem(OFF) !== "off";
  const writing = (target) => Boolean(target.closest?.(`textarea, select, [contenteditable=true], .cm-editor, input:not(${PLAIN})`));

  // ---- What there is --------------------------------------------------------------------------------------------

  function moveRow(step) {
    const list = rows();
    const focused = list.findIndex((row) => row.contains(document.activeElement));
    const from = focused < 0 ? list.findIndex((row) => row.hasAttribute("aria-current")) : focused;
    list[Math.min(Math.max(from + step, 0), list.length - 1)].focus();
  }

  function stepMoved(event, way) {
    const row = event.target.closest("[data-step]");
    return row ? moveStep(row, way) : false;
  }

  shortcuts.push(
    { keys: "?", words: "Show these shortcuts", group: "Everywhere", on: () => one("#keys"), act: openKeys },
    { keys: "/", words: "Search this page", group: "Everywhere", on: () => all("[data-search]").some(shown), act: () => all("[data-search]").find(shown).focus() },
    { keys: "j", words: "Next in the list", group: "Lists", on: () => rows().length, act: () => moveRow(1) },
    { keys: "k", words: "Previous in the list", group: "Lists", on: () => rows().length, act: () => moveRow(-1) },
    { keys: "Mod+s", words: "Save now", group: "Editing", on: () => one("[data-draft]"), act: () => one("[data-draft]").requestSubmit() },
    { keys: "Mod+Enter", words: "Try it", group: "Editing", on: () => one("#try"), act: () => one("#try").requestSubmit() },
    { keys: "Alt+ArrowUp", words: "Move the step up", group: "Editing", on: () => one("[data-step]"), act: (event) => stepMoved(event, "up") },
    { keys: "Alt+ArrowDown", words: "Move the step down", group: "Editing", on: () => one("[data-step]"), act: (event) => stepMoved(event, "down") },
  );

  function declared() {
    return all("[data-shortcut]").filter(shown).map((control) => ({
      keys: control.dataset.shortcut,
      words: control.dataset.shortcutWords || control.title || control.textContent.trim(),
      group: control.dataset.shortcutGroup || "This page",
      act: () => (control.matches("input, textarea, select") ? control.focus() : control.click()),
    }));
  }

  const present = () => [...shortcuts.filter(({ on }) => !on || on()), ...declared()];

  // ---- Keys ------------------------------------------------------------------------------------------------------

  // On a keyboard of another script the letter is known by its place.
  const letter = ({ key, code }) => (key.length === 1 && key > "~" && /^Key[A-Z]$/.test(code) ? code.at(-1).toLowerCase() : key);

  function named(event) {
    const key = letter(event);
    if (!event.ctrlKey && !event.metaKey) return event.altKey ? `Alt+${key}` : key;
    if (event.altKey || event.shiftKey || !(MAC ? event.metaKey : event.ctrlKey)) return "";
    return `Mod+${key.length === 1 ? key.toLowerCase() : key}`;
  }

  let begun = "";
  let forget = 0;

  function sequence(pressed, all) {
    const whole = begun ? `${begun} ${pressed}` : pressed;
    clearTimeout(forget);
    begun = all.some(({ keys }) => keys.startsWith(`${whole} `)) ? whole : "";
    forget = setTimeout(() => (begun = ""), SEQUENCE_MS);
    return whole;
  }

  const open = () => one("dialog[open]") || all("[popover]").some((sheet) => sheet.matches(":popover-open"));

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || ["Shift", "Control", "Alt", "Meta"].includes(event.key)) return;
    const pressed = named(event);
    let usable = present();
    if (open()) usable = usable.filter(({ always }) => always);
    if (writing(event.target) || !singles()) usable = usable.filter((each) => !single(each));
    const whole = sequence(pressed, usable);
    const hit = usable.find(({ keys, act }) => keys === whole && act(event) !== false);
    if (hit) event.preventDefault();
  });

  // ---- Menus made of <details> close with Escape, and by a click elsewhere -------------------------------------------

  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && event.target.closest?.("details[data-menu][open]");
    if (!menu) return;
    menu.open = false;
    one("summary", menu).focus();
  });
  document.addEventListener("click", ({ target }) => {
    for (const menu of all("details[data-menu][open]")) if (!menu.contains(target)) menu.open = false;
  });

  // ---- A sheet gives the focus back, also when what had it inside was drawn anew meanwhile ---------------------------

  const openers = new WeakMap();
  document.addEventListener("beforetoggle", ({ target, newState }) => newState === "open" && openers.set(target, document.activeElement), true);
  document.addEventListener("toggle", ({ target, newState }) => {
    if (newState === "closed" && target.matches("[popover]") && document.activeElement === document.body) openers.get(target)?.focus();
  }, true);

  let inside = null;
  document.addEventListener("htmx:before:swap", () => (inside = document.activeElement?.closest(":popover-open")));
  document.addEventListener("htmx:after:swap", () => {
    if (inside && document.activeElement === document.body) one("a[href], button, input:not([type=hidden])", inside)?.focus();
    inside = null;
  });

  // ---- The list of shortcuts -------------------------------------------------------------------------------------------

  const shortWord = (key) => NAMES[key] || (key.length === 1 && key >= "a" && key <= "z" ? key.toUpperCase() : key);
  const make = (tag, text, name = "") => Object.assign(document.createElement(tag), { textContent: text, className: name });

  function drawKeys(place, keys) {
    const parts = keys.split(/[+ ]/).map((key) => make("kbd", shortWord(key)));
    const between = keys.includes(" ") ? " then " : " ";
    place.replaceChildren(...parts.flatMap((part, n) => (n ? [between, part] : [part])));
  }

  function line({ keys, words }) {
    const [row, place] = [make("li", "", "keys-line"), make("span", "", "keys-keys")];
    drawKeys(place, keys);
    row.append(make("span", words), place);
    return row;
  }

  function openKeys() {
    const groups = Map.groupBy(present(), ({ group }) => group);
    one("#keys-list").replaceChildren(
      ...[...groups].flatMap(([group, lines]) => {
        const list = make("ul", "", "keys-group");
        list.append(...lines.map(line));
        return [make("h3", group, "side-title"), list];
      }),
    );
    one("#keys-single").checked = singles();
    one("#keys").showModal();
  }

  document.addEventListener("change", ({ target }) => {
    if (target.id === "keys-single") localStorage.setItem(OFF, target.checked ? "on" : "off");
  });
  clicks["[data-keys-open]"] = openKeys;
  clicks["[data-close-dialog]"] = (button) => button.closest("dialog").close();
  // A click beside a dialog closes it.
  document.addEventListener("click", ({ target }) => target.matches?.("dialog[open]") && target.close());
  for (const place of all("[data-keys]")) place.textContent = place.dataset.keys.split("+").map(shortWord).join(MAC ? "" : " ");
})();
