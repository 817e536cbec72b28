// Runs before all else: sets the colours, so that a dark page never flashes white, and asks for what the first view
// shows while its modules are still on their way.
(() => {
  const stored = (storage, name) => {
    try {
      return window[storage].getItem(name) || '';
    } catch (error) {
      return '';
    }
  };
  const chosen = stored('localStorage', 'eldr-theme');
  const dark = chosen === 'dark' || (chosen !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';

  const token = stored('sessionStorage', 'eldr-token');
  const model = (/[?&]model=([^&]*)/.exec(location.hash) || [])[1];
  const ask = (path) => fetch(`../api/v1/${path}`, {headers: token ? {Authorization: `Bearer ${token}`} : {}, cache: 'no-store'}).catch(() => null);
  // Taken once, by data/api.js. The nodes need no model where there is one alone; else they come later.
  window.eldrEarly = {overview: ask('overview'), fleet: ask(model ? `fleet?model=${model}` : 'fleet')};
})();
