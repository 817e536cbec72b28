// Puts the page together: navigation, header, the view that the address names.
import {App} from './app.js';
import {get} from './data/api.js';
import {el, replace, setClass, setText} from './kit/dom.js';
import {setTheme, startTheme, theme, THEMES} from './kit/theme.js';
import {startTooltips} from './kit/tooltip.js';
import {makeConnection} from './connection.js';
import {askToken} from './token.js';
import {parseRoute, routeText} from './route.js';
import {startShortcuts, openWords} from './shortcuts.js';
import {makeVerdict} from './verdict.js';
import {NAV} from './nav.js';
import {troubles} from './data/sentences.js';

const byId = (id) => document.getElementById(id);
const listeners = new Set();
let current = null, currentName = '', verdict = null;

const app = new App((what) => tell(what), () => askToken(() => app.start()));
app.route = parseRoute(location.hash).parameters;
app.wanted = app.route.model ?? '';
app.link = (view, parameters = {}) => routeText(view, {model: app.state.models.length > 1 ? app.selected : null, ...parameters});
app.get = (path, parameters = {}) => get(path, {model: app.selected, ...parameters});
app.listen = (listener) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};
// Keeps the address in step with what is shown, so that it can be sent to somebody.
app.setRoute = (parameters) => {
  for (const [name, value] of Object.entries(parameters)) {
    if (value === null || value === undefined) delete app.route[name];
    else app.route[name] = value;
  }
  history.replaceState(null, '', routeText(currentName, app.route));
};

function tell(what) {
  if (what === 'models') drawModels();
  if (what === 'health') drawBadge();
  if (what === 'connection') connection.update();
  if (what === 'history' && !document.hidden) loadGain();
  verdict?.update();
  current?.update(what);
  listeners.forEach((listener) => listener(what));
}

let askedGain = 0;
async function loadGain() {
  if (!app.selected || Date.now() - askedGain < 4000) return;
  askedGain = Date.now();
  const model = app.selected;
  try {
    const gain = await app.get('gain');
    if (model !== app.selected) return;
    app.state.gain = gain;
    tell('gain');
  } catch {
    // Asked again with the next point of the history.
  }
}

function drawModels() {
  const select = byId('model');
  const names = app.state.models.map((one) => one.name);
  if (select.dataset.names !== names.join('\n')) {
    select.dataset.names = names.join('\n');
    replace(select, names.length ? names.map((name) => el('option', {value: name}, name)) : el('option', {value: ''}, 'none declared'));
  }
  select.value = app.selected;
  select.disabled = names.length < 2;
  if (app.state.overview) setText(byId('version'), `eldrd ${app.state.overview.version}`);
  document.title = app.selected ? `${app.selected} · ELDR` : 'ELDR';
  verdict?.relink();
}

function drawBadge() {
  const bad = troubles(app.state.overview?.health ?? []);
  const badge = byId('nav-health').querySelector('.badge');
  badge.hidden = bad.length === 0;
  setText(badge, bad.length);
  badge.setAttribute('aria-label', `${bad.length} to look at`);
  setClass(badge, 'bad', bad[0]?.severity === 'critical');
  setClass(badge, 'warn', bad[0]?.severity !== 'critical');
}

async function show() {
  const {view, parameters} = parseRoute(location.hash);
  const name = NAV.some((one) => one.name === view) ? view : 'fleet';
  app.route = parameters;
  const again = name === currentName && current !== null;
  if (!again || parameters.a || parameters.request) {
    currentName = name;
    mark(name);
    const make = await load(name);
    // Somebody may have gone on meanwhile.
    if (!make || name !== currentName) return;
    current?.close();
    document.querySelectorAll('dialog[open].wide').forEach((dialog) => dialog.close());
    current = make(app);
    replace(byId('view'), current.element);
    // Now that it has a size.
    ['nodes', 'placements', 'history', 'gain'].forEach((what) => current.update(what));
    if (!again) scrollTo(0, 0);
    loadOthers();
  }
}

// A view's module; if it cannot be had because the daemon is gone, the page says so by other means.
async function load(name) {
  try {
    return await NAV.find((one) => one.name === name).load();
  } catch {
    replace(byId('view'), el('p', {class: 'note'}, 'This part of the page cannot be loaded now. Reload it when the daemon is back.'));
    return null;
  }
}

// So that they are there even if the daemon goes away.
const loadOthers = once(() => setTimeout(() => NAV.forEach((one) => one.load().catch(() => {})), 500));

function once(call) {
  let done = false;
  return () => {
    if (!done) call();
    done = true;
  };
}

function mark(name) {
  for (const link of byId('nav').children) {
    if (link.id === `nav-${name}`) {
      link.setAttribute('aria-current', 'page');
      // On a phone the views are a row that scrolls.
      byId('nav').scrollTo({left: link.offsetLeft - 60});
    } else link.removeAttribute('aria-current');
  }
}

function start() {
  startTheme();
  startTooltips();
  replace(byId('nav'), NAV.map((one) => el('a', {href: `#/${one.name}`, id: `nav-${one.name}`}, one.icon(), el('span', {}, one.title),
    one.name === 'health' ? el('span', {class: 'badge', hidden: true}) : null)));
  replace(byId('themes'), THEMES.map((name) => el('button', {type: 'button', 'aria-pressed': String(name === theme()), on: {click: () => {
    setTheme(name);
    [...byId('themes').children].forEach((button, i) => button.setAttribute('aria-pressed', String(THEMES[i] === name)));
  }}}, name)));
  byId('keys').addEventListener('click', openWords);
  byId('model').addEventListener('change', (event) => {
    app.choose(event.target.value);
    app.setRoute({model: event.target.value, a: null, b: null, request: null});
    show();
  });
  document.querySelector('.skip').addEventListener('click', (event) => {
    event.preventDefault();
    byId('main').focus();
  });
  startShortcuts();
  verdict = makeVerdict(byId('verdict'), app);
  addEventListener('hashchange', show);
  addEventListener('online', () => app.retryNow());
  document.addEventListener('visibilitychange', () => { if (!document.hidden) loadGain(); });
  show();
  app.start();
}

const connection = makeConnection(app, {live: byId('live'), lost: byId('lost'), frame: byId('frame')});
start();
