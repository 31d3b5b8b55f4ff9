// Light or dark: as the system is, until somebody chooses.

const dark = () => matchMedia("(prefers-color-scheme: dark)").matches;

export function startTheme(changed: () => void): void {
  const root = document.documentElement;
  root.dataset.theme = dark() ? "dark" : "light";
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    if (root.dataset.chosen) return;
    root.dataset.theme = dark() ? "dark" : "light";
    changed();
  });
}

export function toggleTheme(): void {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  root.dataset.chosen = "yes";
}
