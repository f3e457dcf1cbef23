// Theme, width of the menu and fold of the contact panel, kept per browser. Runs before the first paint, so that a dark page never flashes white:
// the one script that is no module, because a module waits for the whole page (docs/decisions/0015).
{
  const root = document.documentElement;
  const systemDark = matchMedia("(prefers-color-scheme: dark)");
  const readTheme = () => localStorage.getItem("theme") || "system";
  const isFolded = () => localStorage.getItem("folded") === "yes";

  const show = () => {
    const dark = readTheme() === "dark" || (readTheme() === "system" && systemDark.matches);
    root.dataset.bsTheme = dark ? "dark" : "light";
    root.classList.toggle("folded", isFolded());
    root.classList.toggle("contact-folded", localStorage.getItem("contact-folded") === "yes");
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === readTheme()));
    }
    document.querySelector("[data-fold]")?.setAttribute("aria-pressed", String(isFolded()));
  };

  document.addEventListener("click", ({ target }) => {
    const choice = target.closest("[data-theme-choice]");
    const fold = target.closest("[data-fold]");
    if (choice) localStorage.setItem("theme", choice.dataset.themeChoice);
    if (fold) localStorage.setItem("folded", isFolded() ? "no" : "yes");
    if (choice || fold) show();
  });
  systemDark.addEventListener("change", show);
  document.addEventListener("DOMContentLoaded", show);
  show();
}
