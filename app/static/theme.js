// Runs before the first paint, so that a dark page never flashes white.
(() => {
  const chosen = localStorage.getItem("theme") || "system";
  const dark = chosen === "dark" || (chosen === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.bsTheme = dark ? "dark" : "light";
  document.documentElement.classList.toggle("folded", localStorage.getItem("folded") === "yes");
})();
