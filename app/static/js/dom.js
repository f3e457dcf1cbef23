// Elements of the page: found, made, and clicked.

export const findOne = (selector, root = document) => root.querySelector(selector);
export const findAll = (selector, root = document) => [...root.querySelectorAll(selector)];
export const isShown = (element) => element.checkVisibility({ visibilityProperty: true }) && !element.closest("[inert]");
export const makeElement = (tag, properties = {}) => Object.assign(document.createElement(tag), properties);

// Scrolls to an element, at once for whoever wants no motion; `block` as in scrollIntoView.
export function scrollTo(element, block) {
  const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
  element?.scrollIntoView({ block, behavior: isStill ? "instant" : "smooth" });
}

const actions = new Map();

// Calls `act(element)` for each click on or within an element of the selector; a link of it is not followed.
export function onClick(selector, act) {
  actions.set(selector, act);
}

document.addEventListener("click", (event) => {
  for (const [selector, act] of actions) {
    const hit = event.target.closest(selector);
    if (!hit) continue;
    if (hit.matches("a")) event.preventDefault();
    return act(hit);
  }
});
