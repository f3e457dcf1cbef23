// Alerts: how many chats need a human stands in the title; who wants it hears a sound and sees a notification of the system.

import { findAll, findOne } from "./dom.js";

const QUIET_MS = 5000;
const BEEP = { hertz: 660, seconds: 0.25, volume: 0.15 };
const SEEN = "alerts-seen";
const name = (kind) => `alerts-${kind}`;
const isOn = (kind) => localStorage.getItem(name(kind)) === "on";

// ---- The title ----------------------------------------------------------------------------------------------------

const findCount = () => findOne("#chats-waiting");

function showTitle() {
  const waiting = Number(findCount()?.dataset.waiting || 0);
  const title = document.title.replace(/^\(\d+\) /, "");
  const wanted = waiting ? `(${waiting}) ${title}` : title;
  if (document.title !== wanted) document.title = wanted;
}

// ---- Sound and notification -----------------------------------------------------------------------------------------

let audio = null;

function beep() {
  audio ||= new AudioContext();
  const [tone, gain] = [audio.createOscillator(), audio.createGain()];
  tone.frequency.value = BEEP.hertz;
  gain.gain.value = BEEP.volume;
  tone.connect(gain).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + BEEP.seconds);
}

function notify(waiting) {
  if (!window.Notification || Notification.permission !== "granted") return;
  const words = waiting === 1 ? "1 chat needs a human" : `${waiting} chats need a human`;
  const note = new Notification(words, { tag: "brainbox-waiting", renotify: true, icon: findOne("link[rel=icon]").href });
  note.addEventListener("click", () => {
    window.focus();
    location.assign("/chats/?state=waiting");
  });
}

// Of several tabs one alerts: the first that sees what is new.
function alertOfNew() {
  const place = findCount();
  if (!place) return;
  const newest = Number(place.dataset.waitingSince);
  const [seen, at] = (localStorage.getItem(SEEN) || "").split(" ").map(Number);
  if (!newest || newest <= seen) return;
  localStorage.setItem(SEEN, `${newest} ${Date.now()}`);
  if (Date.now() - (at || 0) < QUIET_MS) return;
  if (isOn("sound")) beep();
  if (isOn("notification")) notify(Number(place.dataset.waiting));
}

// ---- The setting of this browser ------------------------------------------------------------------------------------

function showSettings() {
  for (const box of findAll("[data-alert]")) box.checked = isOn(box.dataset.alert);
  const refused = findOne("[data-alert-refused]");
  if (refused) refused.hidden = !(isOn("notification") && window.Notification?.permission === "denied");
}

document.addEventListener("change", async ({ target }) => {
  if (!target.matches("[data-alert]")) return;
  localStorage.setItem(name(target.dataset.alert), target.checked ? "on" : "off");
  if (target.checked && target.dataset.alert === "sound") beep();
  if (target.checked && target.dataset.alert === "notification") await window.Notification?.requestPermission();
  showSettings();
});

function show() {
  showTitle();
  alertOfNew();
}

document.addEventListener("htmx:after:swap", show);
show();
showSettings();
