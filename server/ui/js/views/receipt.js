// A receipt as a picture: each candidate's experts and cost as bars, and the reasons in words.
import {el, replace} from '../kit/dom.js';
import {clock, count, duration, number, percent, plural} from '../kit/format.js';
import {plainTable} from '../kit/table.js';
import {chip, facts, note, openDialog} from '../kit/parts.js';
import {QUALITIES, REASONS, costParts, explain} from '../data/explain.js';
import {WORDS, parameterFacts} from '../data/words.js';
import {toPlacement} from '../data/normalise.js';

const width = (value, most) => `${most > 0 ? Math.max(0, Math.min(100, value / most * 100)).toFixed(2) : 0}%`;

function twoBars(first, second, most) {
  return el('span', {class: 'bar', 'aria-hidden': 'true', vars: {'--a': width(first, most), '--b': width(second, most)}}, el('i'), el('i'));
}

const key = (name, text) => el('li', {}, el('span', {class: 'key box', vars: {'--key': `var(--${name})`}}), text);

// The table of candidates, the chosen one first.
export function candidateTable(placement) {
  const list = [...placement.candidates].sort((a, b) => (b.id === placement.nodeId) - (a.id === placement.nodeId));
  const parts = list.map((one) => costParts(one, placement.policy));
  const inSeconds = list.length > 0 && parts.every((one) => one !== null);
  const mostExperts = Math.max(...list.map((one) => (one.expected ?? 0) + (one.marginal ?? 0)), 0);
  const mostCost = Math.max(...list.map((one) => one.cost ?? 0), 0);
  const rows = list.map((one, i) => el('tr', {class: one.id === placement.nodeId ? 'chosen' : null},
    el('th', {scope: 'row'}, el('span', {class: 'ellipsis'}, one.id)),
    el('td', {class: 'right'}, count(one.load)),
    el('td', {}, twoBars(one.expected ?? 0, one.marginal ?? 0, mostExperts)),
    el('td', {class: 'right'}, `${number(one.expected, 0)} + ${number(one.marginal, 1)}`),
    el('td', {class: 'right'}, duration(one.predicted)),
    el('td', {}, inSeconds ? twoBars(parts[i].own, parts[i].others, mostCost) : twoBars(one.cost ?? 0, 0, mostCost)),
    el('td', {class: 'right'}, inSeconds ? duration(one.cost) : number(one.cost))));
  return el('div', {},
    el('ul', {class: 'legend'}, el('li', {}, 'Experts:'), key('bar', 'there already'), key('bar-2', 'added by the request'),
      inSeconds ? [el('li', {}, 'Cost:'), key('bar', 'its own step'), key('bar-2', 'slowdown of those already there')] : null),
    plainTable('Candidates', [{title: 'Node'}, {title: 'Load', right: true, help: WORDS.load},
      {title: 'Experts in a step', help: WORDS.experts + ' Here summed over layers.'}, {title: 'there + added', right: true, help: WORDS.marginal},
      {title: 'Step', right: true, help: 'The predicted decode step there with the request in it.'},
      {title: 'Cost', help: WORDS.cost}, {title: inSeconds ? 'per step' : 'policy’s unit', right: true, help: WORDS.cost}], rows, {class: 'receipt'}));
}

export function receiptContent(placement) {
  const [first, ...rest] = explain(placement);
  const reason = REASONS[placement.reason] ?? {text: placement.reason, help: ''};
  const quality = QUALITIES[placement.quality] ?? {text: placement.quality, tone: '', help: ''};
  const hidden = placement.candidateCount - placement.candidates.length;
  return el('div', {class: 'stack'},
    el('p', {class: 'statement'}, first),
    rest.length ? el('p', {class: 'soft'}, rest.join(' ')) : null,
    placement.candidates.length ? el('div', {}, candidateTable(placement),
      hidden > 0 ? el('p', {class: 'soft'}, `${plural(hidden, 'dearer candidate')} not kept.`) : null)
      : note('No candidates were kept', 'Placements that only renew a lease compare nothing.'),
    facts([
      ['Placed at', clock(placement.time)], ['Reason', chip(reason.text, reason.tone, reason.help)],
      ['Signature', el('span', {}, chip(quality.text, quality.tone, quality.help))],
      ['Prompt covered', percent(placement.coverage), WORDS.coverage],
      ['Signature’s age', duration(placement.signatureAge), WORDS.signatureAge],
      placement.worker ? ['Prefill worker', placement.worker] : null,
      ['Load known from', placement.loadBasis === 'reported' ? 'a fresh report' : 'own leases'],
      ['Lease', `${placement.leaseId}, ${placement.held ? 'held' : 'ended'}`, WORDS.leases],
      ['Policy', placement.policy],
      ...parameterFacts(placement.parameters),
    ]));
}

// Asks for the whole receipt and shows it; what is known is shown at once.
export async function openReceipt(app, requestId, known = null) {
  const place = el('div', {}, known ? receiptContent(known) : note('Reading the receipt…', ''));
  const dialog = openDialog(`Why request ${requestId} is where it is`, place, {onClose: () => app.setRoute({request: null})});
  app.setRoute({request: requestId});
  try {
    const raw = await app.get('placement', {request_id: requestId});
    if (dialog.isConnected) replace(place, receiptContent(toPlacement(raw, requestId)));
  } catch (error) {
    if (!known) replace(place, note('No receipt', error.message));
    else place.prepend(el('p', {class: 'soft'}, 'As it was when it was made: the daemon keeps only the newest receipts.'));
  }
}

