// Runs before the first paint, so that a dark page never flashes white.
(() => {
  let chosen = 'system';
  try {
    chosen = localStorage.getItem('eldr-theme') || 'system';
  } catch (error) {
    chosen = 'system';
  }
  const dark = chosen === 'dark' || (chosen !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
})();
