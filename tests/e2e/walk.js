// What a person with a keyboard meets: every control that can be reached, and what the focus looks like on it.
(() => {
  const CONTROLS = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex], [contenteditable=true]";
  const shown = (element) => element.checkVisibility({ visibilityProperty: true }) && !element.closest("[inert]");
  const usable = (element) => !element.disabled && !element.closest("fieldset:disabled") && (element.tabIndex >= 0 || element.isContentEditable);

  // Of the radio buttons of one group the keyboard stops at one; the arrows lead to the others.
  function stops(element) {
    if (element.type !== "radio" || !element.name) return true;
    const group = [...document.querySelectorAll(`input[type=radio][name="${CSS.escape(element.name)}"]`)].filter((each) => each.form === element.form && usable(each));
    const chosen = group.find((each) => each.checked);
    return chosen ? chosen === element : group[0] === element;
  }

  function look(element) {
    const around = [element];
    while (around.length < 5 && around.at(-1).parentElement) around.push(around.at(-1).parentElement);
    const styles = [...around, ...(element.labels || [])].flatMap((each) => [getComputedStyle(each), getComputedStyle(each, "::after")]);
    return styles.map((style) => [style.outlineStyle, style.outlineWidth, style.outlineColor, style.boxShadow, style.borderColor, style.backgroundColor].join(" ")).join("|");
  }

  function name(element) {
    const words = element.getAttribute("aria-label") || element.title || element.textContent.trim() || element.name || "";
    return `${element.localName}${element.id ? `#${element.id}` : ""}.${element.className} “${words.slice(0, 40)}”`;
  }

  // Some of it must be seen: not under a bar, not scrolled away (WCAG 2.4.11).
  function seen(element) {
    const boxes = [element, ...(element.labels || [])].flatMap((each) => [...each.getClientRects()]);
    return boxes.some(({ left, right, top, bottom }) =>
      [0.5, 0.15, 0.85].some((part) => {
        const hit = document.elementFromPoint(left + (right - left) * part, top + (bottom - top) * part);
        return hit && (element.contains(hit) || hit.contains(element) || [...(element.labels || [])].some((label) => label.contains(hit)));
      }),
    );
  }

  const looks = new Map();
  const reached = [];
  const faults = [];

  window.walk = {
    begin() {
      // A field that has the focus from the start would look as if it never got it.
      document.activeElement?.blur();
      for (const element of document.querySelectorAll(CONTROLS)) {
        if (element.tabIndex > 0) faults.push(`jumps the queue: ${name(element)}`);
        if (shown(element) && usable(element) && stops(element)) looks.set(element, look(element));
      }
      const { body } = document;
      body.tabIndex = -1;
      body.focus();
      body.removeAttribute("tabindex");
    },
    // Called after each Tab: "end" when the focus has left the page, "code" in an editor that Escape leaves.
    step() {
      const element = document.activeElement;
      if (!element || element === document.body || element === reached[0]) return "end";
      // Day, month and year of a date are stops of their own inside the one field.
      if (element === reached.at(-1) && ["date", "time", "datetime-local"].includes(element.type)) return "on";
      if (reached.includes(element)) return `back at ${name(element)}`;
      const before = reached.at(-1);
      if (before && !(before.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING)) faults.push(`out of order: ${name(element)} after ${name(before)}`);
      const code = element.matches(".code-text, .cm-content");
      if (!code) this.judge();
      if (!seen(element)) faults.push(`hidden while focused: ${name(element)}`);
      reached.push(element);
      return code ? "code" : "on";
    },
    judge() {
      const element = document.activeElement;
      if (looks.has(element) && looks.get(element) === look(element)) faults.push(`the focus does not show: ${name(element)}`);
    },
    end() {
      const missed = [...looks.keys()].filter((element) => !reached.includes(element) && element.isConnected && shown(element) && usable(element) && stops(element));
      return [...faults, ...missed.map((element) => `not reached: ${name(element)}`)];
    },
    count: () => looks.size,
  };
})();
