// Details of htmx events: what a request came to, and what a swap changes.

export const hasSucceeded = ({ ctx }) => Boolean(ctx.response && ctx.response.status < 400);

// Tells whether a swap changes this element, what is in it or where it is.
export function isSwapped(element, { ctx, tasks }) {
  const places = [ctx.target, ...tasks.map(({ target }) => target)].filter((place) => place instanceof Element);
  return places.some((place) => place.contains(element) || element.contains(place));
}
