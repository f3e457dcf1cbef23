// A form that leads to another page is sent once: a second press before that page comes would do the same thing twice.

// After this it may be sent again: an answer that is a file leaves the page as it is.
const WAIT_MS = 3000;

let sent = new WeakSet();

function isPost(form, button) {
  return (button?.getAttribute("formmethod") || form.getAttribute("method") || "get").toLowerCase() === "post";
}

// Last of all listeners: what scripts send by themselves, they have prevented by now.
window.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || !isPost(form, event.submitter)) return;
  if (sent.has(form)) return event.preventDefault();
  sent.add(form);
  setTimeout(() => sent.delete(form), WAIT_MS);
});
window.addEventListener("pageshow", () => (sent = new WeakSet()));
