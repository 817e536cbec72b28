// Light, dark, or as the system has it. `early.js` sets it before the first paint.
export const THEMES = ['system', 'light', 'dark'];
const dark = matchMedia('(prefers-color-scheme: dark)');

// Private windows may refuse storage: the choice then lasts as long as the page.
let chosen = 'system';
try {
  chosen = localStorage.getItem('eldr-theme') ?? 'system';
} catch {
  chosen = 'system';
}

export const theme = () => (THEMES.includes(chosen) ? chosen : 'system');
export const isDark = () => document.documentElement.dataset.theme === 'dark';

function apply() {
  const wanted = theme() === 'system' ? (dark.matches ? 'dark' : 'light') : theme();
  if (document.documentElement.dataset.theme === wanted) return;
  document.documentElement.dataset.theme = wanted;
  document.dispatchEvent(new CustomEvent('themechange'));
}

export function setTheme(name) {
  chosen = name;
  try {
    localStorage.setItem('eldr-theme', name);
  } catch {
    // Stays for this page.
  }
  apply();
}

export function startTheme() {
  dark.addEventListener('change', apply);
  apply();
}
