import {UNKNOWN, duration, plain} from '../kit/format.js';

// A word of help for every number: what it is, and which way is good.
export const WORDS = {
  placement: 'A decision: one request’s decode phase was given to one node.',
  placementsRate: 'Placements per second: how many requests were given a decode node.',
  decision: 'Time the daemon takes to choose a node and reserve it, without the network.',
  load: 'Requests a node decodes at the same time: by its report or by the daemon’s own count, whichever is more.',
  capacity: 'The most leases a node takes; a node without capacity takes as many as come.',
  leases: 'A lease is the reservation a placement makes. It ends when the request is released, reported finished, or expires.',
  kv: 'The share of its KV memory a node last reported in use; if it reports none, what its leases reserve of its KV capacity.',
  predicted: 'How long the daemon expects a decode step of this node to take now, by its experts, batch and context.',
  reported: 'How long decode steps took by the node’s own last report.',
  heartbeat: 'Time since the node was last heard. A node that sends heartbeats is lost after node_timeout of silence.',
  experts: 'Distinct experts a decode step is expected to load, per MoE layer. Fewer is faster: each one’s weights are read once a step.',
  slowness: 'How many times as long as the configured step time the node takes, as learned from its reports.',
  marginal: 'Experts the request adds to a decode step of the node, summed over layers: those that no other request there needs already.',
  cost: 'What the policy compares: the request’s own step time there, plus the slowdown of the requests already there. The least wins.',
  quality: 'How much of the prompt’s experts was known when the request was placed.',
  coverage: 'The share of the prompt’s tokens that the signature covers.',
  signatureAge: 'Time from the last push of a signature to the placement that used it; 0 if it came with the query.',
  shadow: 'A second policy that decides every placement too, without effect, for comparison.',
  gain: 'Experts added on the chosen nodes, against what the same requests would have added on the average of their candidates.',
  overlap: 'Of the experts that two nodes together are expected to load, the share that both load. 100 %: alike; lower: specialised.',
  prior: 'How often each expert is used by this model’s traffic; it stands in where a signature is missing.',
  stored: 'Signatures that wait for their request to be placed.',
  dropped: 'Signatures that were never placed: too old, or over the memory limit.',
  ready: 'Nodes that may take new placements: heard and not draining.',
};

// Of a model's policy, by their names in the configuration.
export const PARAMETERS = {
  kappa: 'Tokens of a signature that weigh as much as the model’s prior. More trusts signatures less.',
  p_max: 'No expert counts as more certain than this.',
  n0: 'The tokens a prompt counts for at most, however long.',
  w: 'Weight of the slowdown of the requests already on a node, against the time of the new one.',
  tau: 'Nodes whose cosine is at most this much below the best are candidates.',
  seeded_ties: '1: ties of load are broken at random.',
  window: 'The recent traffic a fit looks at.',
  refit_interval: 'From the start of a fit to the start of the next.',
  base: 'What every decode step takes.',
  all_experts: 'Time to load the weights of every expert once.',
  per_request: 'For each request in the batch.',
  per_context_token: 'For each token of context a step reads.',
};

const TIMES = ['base', 'all_experts', 'per_request', 'per_context_token', 'window', 'refit_interval'];
const TOKENS = ['kappa', 'n0'];

// A policy's parameters by name, as [name, value with its unit, a word of help].
export function parameterFacts(parameters) {
  return Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, raw]) => {
    const last = name.split('.').pop(), value = Number(raw);
    const text = TIMES.includes(last) ? duration(value) : plain(value);
    return [name, TOKENS.includes(last) && text !== UNKNOWN ? `${text} tokens` : text, PARAMETERS[last]];
  });
}

export const GLOSSARY = [
  ['Expert signature', 'How often the tokens of a prompt picked each expert. Prefill workers push it; it predicts which experts the request needs in decode.'],
  ['Residency', 'For each node, the chance that its next decode step loads expert e of layer l, from the requests it holds.'],
  ['Distinct experts', WORDS.experts],
  ['Placement', WORDS.placement],
  ['Lease', WORDS.leases],
  ['Receipt', 'What the daemon remembers of a placement: the candidates, their costs, and why the chosen one won.'],
  ['Prior', WORDS.prior],
  ['Shadow policy', WORDS.shadow],
  ['Panic mode', 'Most nodes fell silent at once, which may be the daemon’s own fault: none is taken for lost meanwhile.'],
];
