// Above every view: what the router does, whether it helps, and what is wrong.
import {el, replace, setText} from './kit/dom.js';
import {change, count, number, percent, plural} from './kit/format.js';
import {shownState} from './data/fleet.js';
import {troubles} from './data/sentences.js';

function card(link, question) {
  const big = el('div', {class: 'big'}, '–'), said = el('p', {}, '\u00a0');
  return {element: el('a', {href: link}, el('h2', {}, question), big, said), big, said, set(text, more, tone = '') {
    setText(big, text);
    big.className = `big ${tone}`;
    setText(said, more);
  }};
}

function helpsMore(shadow) {
  const cost = shadow?.change_ratio;
  if (cost === null || cost === undefined) return 'against the mean candidate, in the last hour.';
  return `against the mean candidate; cost ${percent(Math.abs(cost))} ${cost <= 0 ? 'below' : 'above'} that of ${shadow.policy}.`;
}

const last = (list) => list.reduce((found, value) => (value === null || value === undefined ? found : value), null);

export function makeVerdict(place, app) {
  const does = card(app.link('placements'), 'What it does');
  const helps = card(app.link('gain'), 'Does it help?');
  const wrong = card(app.link('health'), 'What is wrong?');
  replace(place, [does, helps, wrong].map((one) => one.element));

  function drawDoes() {
    const model = app.model(), {nodes, history} = app.state;
    if (!model) {
      does.set('No model yet', 'Declare one, then register nodes.');
      return;
    }
    const ready = nodes.filter((node) => shownState(node) === 'ready').length;
    const load = nodes.reduce((sum, node) => sum + (node.state === 'lost' ? 0 : node.load), 0);
    const rate = last(history.rate);
    does.set(rate === null ? `${plural(ready, 'node')} ready` : `${number(rate)} placements/s on ${plural(ready, 'node')}`,
      `Policy ${model.policy}; ${plural(load, 'request')} decoding now.`);
  }
  function drawHelps() {
    const gain = app.state.gain, experts = gain?.marginal_experts?.change_ratio ?? null, shadow = gain?.shadow;
    if (experts === null) {
      helps.set('Too early to say', 'Nothing was compared in the last hour.');
      return;
    }
    helps.set(`${change(experts)} experts per request`, helpsMore(shadow),
      experts < 0 ? 'good' : 'warn');
  }
  function drawWrong() {
    const findings = app.state.overview?.health ?? [], bad = troubles(findings);
    if (!findings.length) wrong.set('–', 'Reading…');
    else if (!bad.length) wrong.set('Nothing', `${plural(findings.length, 'check')} in order.`, 'good');
    else wrong.set(`${count(bad.length)} ${bad.length === 1 ? 'thing needs' : 'things need'} you`, bad[0].what, bad[0].severity === 'critical' ? 'bad' : 'warn');
  }

  const all = () => [drawDoes, drawHelps, drawWrong].forEach((draw) => draw());
  all();
  return {update: all, relink: () => [[does, 'placements'], [helps, 'gain'], [wrong, 'health']].forEach(([one, view]) => one.element.setAttribute('href', app.link(view)))};
}
