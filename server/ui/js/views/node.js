// One node: what it registered, what it does now, and the newest placements on it.
import {el, replace, setText} from '../kit/dom.js';
import {age, count, duration, number, percent, plural} from '../kit/format.js';
import {stateMark} from '../kit/icons.js';
import {chip, facts, note, openDialog} from '../kit/parts.js';
import {plainTable} from '../kit/table.js';
import {chosenOf} from '../data/explain.js';
import {kvShare, shownState} from '../data/fleet.js';
import {toPlacements} from '../data/normalise.js';
import {WORDS} from '../data/words.js';

function nowFacts(node) {
  return facts([
    ['State', stateMark(shownState(node))],
    ['Load', node.capacity ? `${count(node.load)} of ${count(node.capacity)}` : plural(node.load, 'request'), WORDS.load],
    ['Reported', `${count(node.running)} running, ${count(node.queued)} queued`],
    ['Leases', count(node.leases), WORDS.leases],
    ['KV use', percent(kvShare(node)), WORDS.kv],
    ['KV reserved', node.kvCapacity ? `${count(node.kvTokens)} of ${count(node.kvCapacity)} tokens` : `${count(node.kvTokens)} tokens`],
    ['Step, predicted', duration(node.predictedStep), WORDS.predicted],
    ['Step, reported', duration(node.reportedStep), WORDS.reported],
    ['Distinct experts per layer', number(node.experts, 1), WORDS.experts],
    ['Slowness', `${number(node.slowness, 2)}×`, WORDS.slowness],
    ['Last heard', node.heartbeatAge === null ? 'never' : `${age(node.heartbeatAge)} ago`, WORDS.heartbeat],
    ['Reports not believed', count(node.notBelieved), 'Heartbeats whose step times cannot be right, so nothing was learned from them.'],
  ]);
}

function registeredFacts(node, spec) {
  if (!spec) return null;
  const term = (name) => duration(spec.stepTime[name] ?? null);
  return facts([
    ['Address', spec.address || '–'], spec.dpRank !== null ? ['Data-parallel rank', count(spec.dpRank)] : null,
    ['Expert group', node.group], ['Tokens per step', count(spec.tokensPerStep || 1)],
    ['Heartbeats', node.heartbeatInterval ? `every ${duration(node.heartbeatInterval)}` : 'none'],
    ['Registered', spec.registerTime ? new Date(spec.registerTime).toLocaleString('en-GB') : '–'],
    ['A step’s base', term('base'), 'What every step takes, as learned.'],
    ['per expert', term('per_expert'), 'What each distinct expert adds to a step, as learned.'],
    ['per request', term('per_request'), 'What each request in the batch adds to a step, as learned.'],
    ...Object.entries(spec.labels).map(([key, value]) => [key, value]),
  ]);
}

export function openNode(app, id) {
  const now = el('div'), registered = el('div'), newest = el('div', {}, note('Reading…', ''));
  const toMap = el('a', {class: 'button', href: app.link('residency', {a: id})}, 'Show its residency');
  const content = el('div', {class: 'stack'}, now, el('div', {}, el('h3', {}, 'Registered as'), registered),
    el('div', {}, el('h3', {}, 'Newest placements on it'), newest), el('div', {class: 'tools'}, toMap));
  const draw = () => {
    const node = app.state.nodes.find((one) => one.id === id);
    if (node) {
      replace(now, nowFacts(node));
      replace(registered, registeredFacts(node, app.state.specs.get(id)));
    } else {
      setText(now, 'The node is no longer registered.');
    }
  };
  const stop = app.listen((what) => what === 'nodes' && !content.querySelector(':focus') && draw());
  const dialog = openDialog(`Node ${id}`, content, {onClose: stop});
  toMap.addEventListener('click', () => dialog.close());
  draw();
  app.get('placements', {node: id, limit: 8}).then((raw) => {
    const list = toPlacements(raw);
    if (!list.length) replace(newest, note('None', 'No placement on this node is remembered.'));
    else replace(newest, plainTable('Newest placements on the node', [{title: 'Request'}, {title: 'Signature'}, {title: 'Adds experts', right: true, help: WORDS.marginal}, {title: 'Step', right: true}],
      list.map((p) => el('tr', {}, el('th', {scope: 'row', class: 'mono'}, p.requestId), el('td', {}, chip(p.quality)),
        el('td', {class: 'right'}, number(chosenOf(p)?.marginal ?? null, 1)), el('td', {class: 'right'}, duration(chosenOf(p)?.predicted ?? null))))));
  }).catch((error) => replace(newest, note('Cannot be read', error.message)));
}
