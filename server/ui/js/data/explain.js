// A placement in words: why this node and not that one. Pure functions of a placement as `normalise.js` makes it.
import {count, duration, number, percent, plural} from '../kit/format.js';

export const REASONS = {
  policy: {text: 'policy', help: 'The policy chose it among the nodes that could take it.'},
  existing_lease: {text: 'held already', help: 'The request held a lease there; it was renewed.'},
  moved: {text: 'moved', help: 'Its former node is excluded or not allowed now.', tone: 'accent'},
  panic_mode: {
    text: 'panic mode', tone: 'warn',
    help: 'Most of the fleet was silent at once, so silent nodes stayed eligible.',
  },
  kv_pressure: {
    text: 'KV pressure', tone: 'warn',
    help: 'Every node reported its KV memory nearly full, so that limit was waived.',
  },
};

export const QUALITIES = {
  full: {text: 'full', tone: 'good', help: 'The signature covers the whole prompt.'},
  partial: {text: 'partial', tone: 'warn', help: 'The signature covers part of the prompt; the model’s prior stands in for layers without counts.'},
  missing: {text: 'none', tone: 'bad', help: 'No signature came in time: the model’s prior stood in for all of it.'},
};

export const INELIGIBLE = {
  joining: 'not heard yet', draining: 'draining', lost: 'lost', capacity: 'at capacity',
  kv_capacity: 'without KV room', kv_usage: 'with KV nearly full', query: 'not wanted by the query',
};

export const chosenOf = (placement) =>
  placement.candidates.find((one) => one.id === placement.nodeId) ?? null;

const mean = (list) => (list.length ? list.reduce((a, b) => a + b, 0) / list.length : null);
export const meanMarginal = (placement) =>
  mean(placement.candidates.map((one) => one.marginal).filter((value) => value !== null));

// Of the residency cost: the request's own step, and what it costs those already there. Null where the
// policy compared something else.
export function costParts(candidate, policy) {
  if (policy !== 'residency' || candidate.predicted === null || candidate.cost === null) return null;
  const others = candidate.cost - candidate.predicted;
  return others < -1e-9 ? null : {own: candidate.predicted, others: Math.max(0, others)};
}

// Sentences, the most important first.
export function explain(placement) {
  const chosen = chosenOf(placement);
  const others = placement.candidates.filter((one) => one !== chosen);
  const said = [];
  if (placement.reason === 'existing_lease') {
    return [`The request held a lease on ${placement.nodeId} already, so it stays there; the lease was renewed.`];
  }
  if (placement.candidateCount <= 1) {
    said.push(`${placement.nodeId} was the only node that could take it.`);
  } else if (chosen && placement.policy === 'residency') {
    said.push(...whyCheapest(placement, chosen, others));
  } else {
    said.push(`The policy ${placement.policy} chose ${placement.nodeId} among ${plural(placement.candidateCount, 'candidate')}.`);
  }
  const left = placement.ineligible.map((one) => `${count(one.nodes)} ${INELIGIBLE[one.reason] ?? one.reason}`);
  if (left.length) said.push(`Not asked: ${left.join(', ')}.`);
  said.push(...whatItKnew(placement));
  if (placement.shadow) said.push(whatShadowWould(placement));
  return said;
}

function whyCheapest(placement, chosen, others) {
  const said = [];
  const next = others.filter((one) => one.cost !== null && one.avoided === chosen.avoided).sort((a, b) => a.cost - b.cost)[0];
  const avoided = others.filter((one) => one.avoided && !chosen.avoided);
  const average = meanMarginal(placement);
  const adds = chosen.marginal === null ? '' :
    ` adds ${number(chosen.marginal)} experts to a decode step there` +
    (others.length && average > 0 ? ` (${number(average)} on the mean candidate) and` : ' and');
  said.push(`${chosen.id} costs least of ${plural(placement.candidateCount, 'candidate')}: the request${adds} makes a step take ${duration(chosen.predicted)}.`);
  if (next) {
    const more = (next.cost - chosen.cost) / chosen.cost;
    const why = next.load < chosen.load ? `, although only ${plural(next.load, 'request')} ran there and ${count(chosen.load)} here` : '';
    said.push(`The runner-up, ${next.id}, would have cost ${percent(Math.max(0, more))} more${why}.`);
  }
  if (avoided.length) {
    said.push(`Avoided: ${avoided.map((one) => one.id).join(', ')}, where a step would have become slower than on a node with more than its share of mixed requests.`);
  }
  return said;
}

function whatItKnew(placement) {
  const said = [];
  if (placement.quality === 'missing') {
    said.push('No signature was there, so the model’s prior stood in for the experts of the request.');
  } else if (placement.quality === 'partial') {
    said.push(`The signature covered ${percent(placement.coverage)} of the prompt.`);
  }
  if (placement.loadBasis === 'own_count') {
    said.push('The node had no fresh report, so its load is the daemon’s own count of leases.');
  }
  return said;
}

function whatShadowWould({shadow, nodeId}) {
  if (shadow.nodeId === nodeId) return `The shadow policy ${shadow.policy} would have chosen the same node.`;
  const cost = shadow.costDifference;
  const verdict = cost >= 0 ? `${duration(cost)} more` : `${duration(-cost)} less`;
  return `The shadow policy ${shadow.policy} would have chosen ${shadow.nodeId}, at a predicted cost of ${verdict} per step.`;
}
