// The nodes: who is there, how busy, how fast, when last heard.
import {el, replace, setClass, setName, setText} from '../kit/dom.js';
import {age, compact, count, duration, nameShortener, number, percent, plural} from '../kit/format.js';
import {STATES, stateMark} from '../kit/icons.js';
import {Chart, panel} from '../kit/chart.js';
import {Table} from '../kit/table.js';
import {tile, tiles, viewHead} from '../kit/parts.js';
import {WORDS} from '../data/words.js';
import {fleetTotals, kvShare, matches, shownState} from '../data/fleet.js';

function bar() {
  const fill = el('i');
  const element = el('span', {class: 'bar', 'aria-hidden': 'true'}, fill);
  const text = el('span');
  return {element: el('span', {class: 'meter'}, element, text), fill, bar: element, text};
}

function setBar(part, share, text, near = 0.85) {
  part.fill.style.setProperty('--a', `${Math.min(100, Math.max(0, (share ?? 0) * 100)).toFixed(1)}%`);
  setClass(part.bar, 'near', share >= near && share < 1);
  setClass(part.bar, 'over', share >= 1);
  setText(part.text, text);
}

function plainText(get) {
  return {make: () => el('span'), set: (cell, node) => setText(cell, get(node))};
}

function columns(view) {
  return [
    {key: 'id', title: 'Node', help: 'The id the node registered.', sort: (n) => n.id,
      make: () => el('button', {type: 'button', class: 'link ellipsis'}),
      set: (button, n) => setName(button, n.id, view.short(n.id))},
    {key: 'state', title: 'State', help: 'Whether it is heard, and whether it takes placements.', sort: shownState,
      make: () => el('span', {class: 'state-cell'}),
      set: (cell, n) => {
        const state = shownState(n);
        if (cell.dataset.state === state) return;
        cell.dataset.state = state;
        replace(cell, stateMark(state));
      }},
    {key: 'load', title: 'Load', help: WORDS.load + ' The bar is against the node’s capacity, or else against the busiest node.',
      sort: (n) => n.load, mostFirst: true, make: bar,
      set: (part, n) => setBar(part, n.load / (n.capacity || view.mostLoad || 1),
        n.capacity ? `${count(n.load)} of ${count(n.capacity)}` : count(n.load), n.capacity ? 0.85 : 2)},
    {key: 'kv', title: 'KV use', help: WORDS.kv, sort: kvShare, mostFirst: true, make: bar, optional: true,
      set: (part, n) => setBar(part, kvShare(n), percent(kvShare(n)))},
    {key: 'predicted', title: 'Step, predicted', right: true, help: WORDS.predicted, sort: (n) => n.predictedStep,
      ...plainText((n) => duration(n.predictedStep))},
    {key: 'reported', title: 'reported', right: true, help: WORDS.reported, sort: (n) => n.reportedStep,
      ...plainText((n) => duration(n.reportedStep))},
    {key: 'experts', title: 'Experts/layer', right: true, help: WORDS.experts, sort: (n) => n.experts, optional: true,
      ...plainText((n) => number(n.experts, 1))},
    {key: 'leases', title: 'Leases', right: true, help: WORDS.leases, sort: (n) => n.leases, optional: true,
      ...plainText((n) => count(n.leases))},
    {key: 'slowness', title: 'Slowness', right: true, help: WORDS.slowness, sort: (n) => n.slowness, optional: true,
      ...plainText((n) => `${number(n.slowness, 2)}×`)},
    {key: 'heard', title: 'Heard', right: true, help: WORDS.heartbeat, sort: (n) => n.heartbeatAge,
      ...plainText((n) => (n.heartbeatAge === null ? '–' : `${age(n.heartbeatAge)} ago`))},
  ];
}

export function makeFleet(app) {
  const view = {mostLoad: 1, short: nameShortener([])};
  const search = el('input', {class: 'field', type: 'search', placeholder: 'Filter: id, address, label…',
    'aria-label': 'Filter nodes by id, address, expert group or label', 'data-shortcut': 'search',
    on: {input: () => draw()}});
  const only = el('select', {class: 'field', 'aria-label': 'Show only nodes in this state', on: {change: () => draw()}},
    el('option', {value: ''}, 'every state'),
    Object.entries(STATES).map(([key, state]) => el('option', {value: key}, state.text)));
  const shown = el('span', {class: 'soft', role: 'status'});
  const table = new Table({label: 'Nodes', columns: columns(view), sort: 'id',
    onOpen: async (node) => (await import('./node.js')).openNode(app, node.id), empty: 'No node matches.'});

  const numbers = {
    nodes: tile('Ready nodes', WORDS.ready), load: tile('Load', WORDS.load),
    kv: tile('KV use, mean', WORDS.kv), predicted: tile('Step, predicted', WORDS.predicted + ' Mean over busy nodes.'),
    reported: tile('Step, reported', WORDS.reported + ' Mean over nodes that report.'),
    experts: tile('Distinct experts', WORDS.experts + ' Mean over busy nodes.'),
  };
  const load = new Chart({label: 'Load of all nodes over the last hour', height: 150, format: compact,
    series: [{label: 'Load, requests', color: 's1', fill: true, help: WORDS.load, format: count},
      {label: 'ready nodes', color: 's3', dashed: true, help: WORDS.ready, format: count}]});
  const steps = new Chart({label: 'Decode step time over the last hour', height: 150, format: duration,
    series: [{label: 'Step predicted', color: 's1', help: WORDS.predicted}, {label: 'reported', color: 's2', dashed: true, help: WORDS.reported}]});
  const element = el('div', {},
    viewHead('Fleet', 'Every decode node of the model: how busy, how fast, when last heard.', search, only),
    el('div', {class: 'stack'}, tiles(Object.values(numbers)),
      el('section', {class: 'panel'}, el('header', {}, el('h2', {}, 'Nodes'), shown), table.element),
      el('div', {class: 'columns'}, panel('Load', 'last hour', load.element), panel('Decode step', 'last hour', steps.element))));

  function draw() {
    const all = app.state.nodes;
    view.mostLoad = all.reduce((most, node) => Math.max(most, node.load), 1);
    // On a screen of 1280 pixels, all columns are in sight beside names of this length.
    view.short = nameShortener(all.map((node) => node.id), innerWidth < 1400 ? 15 : 24);
    const rows = all.filter((node) => matches(node, search.value) && (!only.value || shownState(node) === only.value));
    setText(shown, rows.length === all.length ? `${plural(all.length, 'node')}; a click or Enter opens one`
      : `${count(rows.length)} of ${plural(all.length, 'node')}`);
    table.nothing.textContent = all.length ? 'No node matches the filter.'
      : 'No node is registered yet. Nodes register themselves with RegisterNode, or by eldrctl nodes register.';
    table.update(rows);
    const totals = fleetTotals(all);
    numbers.nodes.set(count(totals.ready), `of ${count(all.length)}`, totals.notReady);
    numbers.load.set(count(totals.load), totals.capacity ? `of ${compact(totals.capacity)}` : 'requests',
      totals.capacity ? `${percent(totals.load / totals.capacity)} of capacity` : `${plural(totals.leases, 'lease')}`);
    numbers.kv.set(percent(totals.kv), '', totals.kvMost === null ? '' : `most ${percent(totals.kvMost)}`);
    numbers.predicted.set(duration(totals.predicted), '', totals.predicted === null ? '' : `${duration(totals.predictedLeast)} to ${duration(totals.predictedMost)}`);
    numbers.reported.set(duration(totals.reported), '', totals.reported === null ? 'no reports' : '');
    const model = app.model();
    numbers.experts.set(number(totals.experts, 1), 'per layer', model && totals.experts !== null ? `of ${count(model.experts)}` : '');
  }

  function drawHistory() {
    const h = app.state.history;
    load.update([h.t, h.load, h.ready]);
    steps.update([h.t, h.predicted, h.reported]);
  }

  draw();
  drawHistory();
  return {
    element,
    update: (what) => (what === 'nodes' || what === 'models' ? draw() : what === 'history' && drawHistory()),
    close: () => [table, load, steps].forEach((part) => part.close()),
  };
}
