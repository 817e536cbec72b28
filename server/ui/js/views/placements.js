// Placements as they are made; a click opens the receipt.
import {el, replace, setName, setText} from '../kit/dom.js';
import {clock, count, duration, nameShortener, number, plural} from '../kit/format.js';
import {Table} from '../kit/table.js';
import {Chart, panel} from '../kit/chart.js';
import {chip, viewHead} from '../kit/parts.js';
import {QUALITIES, REASONS, chosenOf, meanMarginal} from '../data/explain.js';
import {WORDS} from '../data/words.js';
import {openReceipt} from './receipt.js';

// A mark for each candidate along its cost, the chosen one as a dot.
function setCosts(place, placement) {
  const known = placement.candidates.filter((one) => one.cost !== null);
  const costs = known.map((one) => one.cost);
  const low = Math.min(...costs), high = Math.max(...costs);
  const at = (cost) => `${high > low ? ((cost - low) / (high - low) * 94 + 3).toFixed(1) : 50}%`;
  const marks = known.filter((one) => one.id !== placement.nodeId).map((one) => el('i', {vars: {'--at': at(one.cost)}}));
  const chosen = chosenOf(placement);
  if (chosen && chosen.cost !== null) marks.push(el('i', {class: 'chosen', vars: {'--at': at(chosen.cost)}}));
  replace(place, marks);
}

// Cells are filled once per placement: a row that moves by one line keeps what it shows.
function cell(make, fill) {
  return {make, set: (part, placement) => {
    if (part.shown === placement) return;
    part.shown = placement;
    fill(part, placement);
  }};
}
const text = (get) => cell(() => el('span'), (part, placement) => setText(part, get(placement)));

const columns = (short) => [
  {key: 'request', title: 'Request', help: 'The request’s id, as its frontend named it.',
    ...cell(() => el('button', {type: 'button', class: 'link ellipsis mono'}), (part, p) => setName(part, p.requestId, short.request(p.requestId)))},
  {key: 'time', title: 'Time', help: 'When it was placed, by the daemon’s clock.', ...text((p) => clock(p.time))},
  {key: 'node', title: 'Node', help: 'The decode node that was reserved.', ...cell(() => el('span', {class: 'name ellipsis'}), (part, p) => setName(part, p.nodeId, short.node(p.nodeId)))},
  {key: 'reason', title: 'Reason', optional: true, help: 'Why the node that was answered was answered.', ...cell(() => el('span'), (part, p) => {
    const reason = REASONS[p.reason] ?? {text: p.reason};
    replace(part, chip(reason.text, reason.tone, reason.help));
  })},
  {key: 'quality', title: 'Signature', help: WORDS.quality, ...cell(() => el('span'), (part, p) => {
    const quality = QUALITIES[p.quality] ?? {text: p.quality};
    replace(part, chip(quality.text, quality.tone, quality.help));
  })},
  {key: 'adds', title: 'Adds experts', right: true, help: WORDS.marginal, ...text((p) => number(chosenOf(p)?.marginal ?? null, 1))},
  {key: 'mean', title: 'mean candidate', right: true, optional: true, help: 'What it would have added on the average of its candidates.', ...text((p) => number(meanMarginal(p), 1))},
  {key: 'step', title: 'Step', right: true, help: 'The predicted decode step of the chosen node with the request in it.', ...text((p) => duration(chosenOf(p)?.predicted ?? null))},
  {key: 'costs', title: 'Costs: cheap to dear', help: 'A mark for each candidate along its cost, from the cheapest to the dearest; the dot is the chosen one. ' + WORDS.cost,
    ...cell(() => el('span', {class: 'costs', 'aria-hidden': 'true'}), setCosts)},
];

export function makePlacements(app) {
  let paused = null;
  const short = {request: nameShortener([], 18), node: nameShortener([])};
  const table = new Table({label: 'Newest placements', columns: columns(short), onOpen: (p) => openReceipt(app, p.requestId, p)});
  const pause = el('button', {type: 'button', class: 'button', 'aria-pressed': 'false', 'data-help': 'Holds the list still while you read it. Shortcut: p.', 'data-shortcut': 'pause',
    on: {click: () => {
      paused = paused ? null : app.state.placements;
      pause.setAttribute('aria-pressed', String(Boolean(paused)));
      setText(pause, paused ? 'Resume' : 'Pause');
      draw();
    }}}, 'Pause');
  const filter = el('input', {class: 'field', type: 'search', placeholder: 'Filter: request, node…', 'aria-label': 'Filter the list by request or node', 'data-shortcut': 'search', on: {input: () => draw()}});
  const find = el('input', {class: 'field', type: 'search', placeholder: 'Request id', 'aria-label': 'Request id of a receipt'});
  const lookUp = el('form', {class: 'tools', on: {submit: (event) => {
    event.preventDefault();
    if (find.value) openReceipt(app, find.value);
  }}}, find, el('button', {class: 'button', 'data-help': 'Shows why a request is where it is, also one that left this list.'}, 'Explain'));
  const status = el('p', {role: 'status'});
  const rate = new Chart({label: 'Placements per second over the last hour', height: 120, format: (v) => `${number(v)}/s`,
    series: [{label: 'Placements', color: 's1', fill: true, help: WORDS.placementsRate}, {label: 'failed', color: 's2', help: 'Queries that found no node, or were refused.'}]});
  const decision = new Chart({label: 'Time of a decision over the last hour', height: 120, format: duration,
    series: [{label: 'Decision P50', color: 's1', help: WORDS.decision}, {label: 'P99', color: 's2', dashed: true, help: WORDS.decision}]});
  const element = el('div', {},
    viewHead('Placements', 'Each request as it is given a decode node, the newest first. Open one to see why this node and not that one.', filter, pause, lookUp),
    el('div', {class: 'stack'},
      el('section', {class: 'panel'}, el('header', {}, el('h2', {}, 'Newest placements'), status), table.element),
      el('div', {class: 'columns'}, panel('Rate', 'last hour', rate.element), panel('Decision time', 'last hour', decision.element))));

  function draw() {
    const list = paused ?? app.state.placements;
    // Rows keep what they show, so this is of the list at the time when a row is new.
    short.request = nameShortener(list.map((p) => p.requestId), 18);
    short.node = nameShortener(app.state.nodes.map((node) => node.id));
    const wanted = filter.value.toLowerCase();
    const rows = wanted ? list.filter((p) => p.requestId.toLowerCase().includes(wanted) || p.nodeId.toLowerCase().includes(wanted)) : list;
    setText(table.nothing, list.length ? 'No placement matches the filter.' : 'No placements yet. They appear here as frontends ask.');
    const since = paused && app.state.placements[0] ? Math.max(0, app.state.placements[0].sequence - (paused[0]?.sequence ?? 0)) : 0;
    setText(status, paused ? `held still; ${plural(since, 'newer one')} meanwhile`
      : app.state.missed ? `live; ${count(app.state.missed)} more were made than are listed` : 'live');
    table.update(rows);
  }
  function drawHistory() {
    const h = app.state.history;
    rate.update([h.t, h.rate, h.failed]);
    decision.update([h.t, h.decisionP50, h.decisionP99]);
  }

  draw();
  drawHistory();
  if (app.route.request) openReceipt(app, app.route.request);
  return {
    element,
    update: (what) => (what === 'placements' ? draw() : what === 'history' && drawHistory()),
    close: () => [table, rate, decision].forEach((part) => part.close()),
  };
}
