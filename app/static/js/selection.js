// Selection of rows by checkboxes: a click picks one, with Shift all from the box that was clicked before.

// Returns a function that answers which boxes a click is meant for. `findBoxes()`: the boxes shown, in their order.
export function trackRange(findBoxes) {
  // The value, not the element: the page may be drawn anew between two clicks.
  let last = null;
  return (box, { shiftKey }) => {
    const boxes = findBoxes();
    const [from, to] = [boxes.findIndex(({ value }) => value === last), boxes.indexOf(box)].sort((a, b) => a - b);
    last = box.value;
    return shiftKey && from >= 0 ? boxes.slice(from, to + 1) : [box];
  };
}

// Values that stay selected although their boxes are drawn anew.
export class Selection {
  constructor(findBoxes) {
    this.values = new Set();
    this.findBoxes = findBoxes;
    this.findRange = trackRange(findBoxes);
  }

  pick(box, event) {
    this.set(this.findRange(box, event), box.checked);
  }

  set(boxes, on) {
    for (const { value } of boxes) this.values[on ? "add" : "delete"](value);
  }

  clear() {
    this.values.clear();
  }

  // Drops what is no longer on the page.
  keepShown() {
    const shown = new Set(this.findBoxes().map(({ value }) => value));
    for (const value of this.values) if (!shown.has(value)) this.values.delete(value);
  }

  show() {
    for (const box of this.findBoxes()) box.checked = this.values.has(box.value);
  }
}
