// What a list of nodes says as a whole. Nodes as `normalise.js` makes them.
import {STATE_ORDER} from './normalise.js';

// Draining is told apart from the state; of a node that is not lost it is what matters.
export function shownState(node) {
  return node.draining && node.state === 'ready' ? 'draining' : node.state;
}

// The reported KV use; else what the leases reserve; null if neither is known.
export function kvShare(node) {
  if (node.kvUsage !== null) return node.kvUsage;
  return node.kvCapacity > 0 ? node.kvTokens / node.kvCapacity : null;
}

// Whether all words of the filter occur in the node's id, address, group or labels.
export function matches(node, filter) {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return true;
  const labels = Object.entries(node.labels ?? {}).map(([key, value]) => `${key}=${value}`);
  const text = [node.id, node.address, node.group, ...labels].join(' ').toLowerCase();
  return words.every((word) => text.includes(word));
}

function meanOf(list) {
  const known = list.filter((value) => value !== null);
  return known.length ? known.reduce((a, b) => a + b, 0) / known.length : null;
}

const sum = (list) => list.reduce((a, b) => a + b, 0);
const extreme = (list, pick) => {
  const known = list.filter((value) => value !== null);
  return known.length ? pick(...known) : null;
};

export function fleetTotals(nodes) {
  const live = nodes.filter((node) => node.state !== 'lost');
  const busy = live.filter((node) => node.load > 0);
  const predicted = busy.map((node) => node.predictedStep);
  const kv = live.map(kvShare);
  const others = STATE_ORDER.filter((name) => name !== 'ready')
    .map((name) => [name, nodes.filter((node) => shownState(node) === name).length])
    .filter(([, many]) => many > 0);
  return {
    ready: nodes.filter((node) => shownState(node) === 'ready').length,
    notReady: others.map(([name, many]) => `${many} ${name.replaceAll('_', ' ')}`).join(', '),
    load: sum(live.map((node) => node.load)),
    leases: sum(live.map((node) => node.leases)),
    // A fleet has a capacity only if each of its nodes has.
    capacity: live.length && live.every((node) => node.capacity > 0) ? sum(live.map((node) => node.capacity)) : null,
    kv: meanOf(kv), kvMost: extreme(kv, Math.max),
    predicted: meanOf(predicted), predictedLeast: extreme(predicted, Math.min), predictedMost: extreme(predicted, Math.max),
    reported: meanOf(live.map((node) => node.reportedStep)),
    experts: meanOf(busy.map((node) => node.experts)),
  };
}
