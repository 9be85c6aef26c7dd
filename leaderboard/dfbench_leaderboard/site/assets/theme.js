// The theme: the system's, unless the reader chose one. Loaded in the head, so that no page flashes.
"use strict";

(() => {
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");

  // Storage may be refused to a page that is opened from a disk; then a choice lasts for the page.
  function kept() {
    try { return localStorage.getItem("dfbench-theme"); } catch { return null; }
  }
  function keep(theme) {
    try { localStorage.setItem("dfbench-theme", theme); } catch { /* lasts for the page */ }
  }

  const dark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";

  const choice = kept();
  if (choice === "dark" || choice === "light") root.dataset.theme = choice;

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const name = () => { button.textContent = dark() ? "Light theme" : "Dark theme"; };
    button.addEventListener("click", () => {
      root.dataset.theme = dark() ? "light" : "dark";
      keep(root.dataset.theme);
      name();
    });
    system.addEventListener("change", name);
    name();
    button.hidden = false;
  });
})();
