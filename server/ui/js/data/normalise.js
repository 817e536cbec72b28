// From the daemon's JSON (docs/api.md) to what the views work with: numbers in base units (seconds, bytes,
// shares of 0 to 1), null where something is not known, short names for enums.

export const STATE_ORDER = ['ready', 'draining', 'joining', 'lost_in_panic', 'lost'];

// A number, or one in a string (64-bit numbers come so).
export function num(value) {
  if (value === null || value === undefined || value === '') return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}

// "0.0132s" -> 0.0132
export function seconds(value) {
  return typeof value === 'string' && value.endsWith('s') ? num(value.slice(0, -1)) : num(value);
}

// NODE_STATE_LOST_IN_PANIC -> lost_in_panic
export function enumName(value, prefix) {
  const name = String(value ?? '');
  return (name.startsWith(prefix) ? name.slice(prefix.length) : name).toLowerCase();
}

export function bytesOf(base64) {
  const text = atob(base64 ?? '');
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

export function toModel(raw) {
  const model = raw.model ?? {};
  const geometry = model.geometry ?? {};
  return {
    name: model.name ?? '', layers: num(geometry.layers), experts: num(geometry.experts), topK: num(geometry.top_k),
    hiddenLayers: geometry.moe_hidden_layers ?? [],
    policy: model.policy ?? '', shadowPolicy: model.shadow_policy ?? '', parameters: raw.parameters ?? {},
    nodes: num(raw.nodes), readyNodes: num(raw.ready_nodes), leases: num(raw.leases),
    storedSignatures: num(raw.stored_signatures), storedSignatureBytes: num(raw.stored_signature_bytes),
    learnedRequests: num(raw.learned_requests), panicMode: Boolean(raw.panic_mode),
    decodeObservations: num(raw.decode_observations), storedBlocks: num(raw.stored_blocks),
    storedBlockBytes: num(raw.stored_block_bytes),
  };
}

// The columns of /fleet as a list of nodes.
export function toNodes(raw) {
  const c = raw.columns ?? {};
  const at = (name, i) => num(c[name]?.[i]);
  return (c.node ?? []).map((id, i) => ({
    id, group: c.expert_group?.[i] || id, state: c.state?.[i] ?? '', draining: Boolean(c.draining?.[i]),
    load: at('load', i) ?? 0, leases: at('leases', i) ?? 0, capacity: at('capacity', i) ?? 0,
    kvTokens: at('kv_tokens', i) ?? 0, kvCapacity: at('kv_capacity_tokens', i) ?? 0, kvUsage: at('kv_usage_ratio', i),
    running: at('running', i), queued: at('queued', i),
    heartbeatAge: at('heartbeat_age_seconds', i), heartbeatInterval: at('heartbeat_interval_seconds', i),
    experts: at('expected_experts_per_layer', i), predictedStep: at('predicted_step_seconds', i),
    reportedStep: at('reported_step_seconds', i), slowness: at('slowness', i), notBelieved: at('reports_not_believed', i),
    address: '', labels: {},
  }));
}

// What a node registered, of ListNodesResponse.
export function toSpec(raw) {
  const spec = raw.spec ?? {};
  return {
    id: spec.node_id ?? '', address: spec.address ?? '', dpRank: num(spec.dp_rank), labels: spec.labels ?? {},
    tokensPerStep: num(spec.tokens_per_step), incarnation: String(spec.incarnation ?? ''),
    registerTime: Date.parse(raw.register_time) || null,
    stepTime: Object.fromEntries(Object.entries(raw.step_time ?? {}).map(([key, value]) => [key, num(value)])),
  };
}

function toCandidate(raw) {
  return {
    id: raw.node_id ?? '', load: num(raw.load) ?? 0, expected: num(raw.expected_experts), marginal: num(raw.marginal_experts),
    predicted: seconds(raw.predicted_step_time), cost: num(raw.cost), avoided: raw.avoided === true,
  };
}

export function toPlacement(raw, requestId, sequence = null) {
  return {
    requestId, sequence, time: Date.parse(raw.place_time) || null, nodeId: raw.node_id ?? '',
    leaseId: String(raw.lease_id ?? ''), policy: raw.policy ?? '', reason: enumName(raw.reason, 'PLACEMENT_REASON_'),
    quality: enumName(raw.signature_quality, 'SIGNATURE_QUALITY_'), loadBasis: enumName(raw.load_basis, 'LOAD_BASIS_'),
    signatureAge: seconds(raw.signature_age), coverage: num(raw.signature_coverage), worker: raw.prefill_worker ?? '',
    candidates: (raw.candidates ?? []).map(toCandidate), candidateCount: num(raw.candidate_count) ?? 0,
    ineligible: (raw.ineligible ?? []).map((one) => ({reason: enumName(one.reason, 'INELIGIBLE_REASON_'), nodes: num(one.nodes)})),
    parameters: raw.parameters ?? {}, held: Boolean(raw.lease_held),
    shadow: raw.shadow ? {policy: raw.shadow.policy, nodeId: raw.shadow.node_id, costDifference: num(raw.shadow.cost_difference) ?? 0} : null,
  };
}

export const toPlacements = (raw) =>
  (raw.placements ?? []).map((one) => toPlacement(one.placement ?? {}, one.request_id ?? '', num(one.sequence)));

const share = (part, whole) => (whole ? (part ?? 0) / whole : null);

// What is drawn of a point of the history, by name.
const SERIES = {
  rate: (p) => share(p.placements, p.duration_seconds), failed: (p) => share(p.failed_placements, p.duration_seconds),
  decisionP50: (p) => num(p.decision_p50_seconds), decisionP99: (p) => num(p.decision_p99_seconds),
  full: (p) => num(p.signatures_full) ?? 0, partial: (p) => num(p.signatures_partial) ?? 0, missing: (p) => num(p.signatures_missing) ?? 0,
  ageP50: (p) => num(p.signature_age_p50_seconds), ageP99: (p) => num(p.signature_age_p99_seconds),
  marginal: (p) => num(p.marginal_experts), marginalMean: (p) => num(p.candidate_marginal_experts),
  agrees: (p) => share(num(p.shadow_agrees), num(p.shadow_decisions)),
  costMade: (p) => num(p.cost_made_seconds), costShadow: (p) => num(p.cost_shadow_seconds),
  nodes: (p) => num(p.nodes), ready: (p) => num(p.ready_nodes), leases: (p) => num(p.leases), load: (p) => num(p.load),
  experts: (p) => num(p.expected_experts_per_layer), predicted: (p) => num(p.predicted_step_seconds),
  reported: (p) => num(p.reported_step_seconds), kv: (p) => num(p.kv_usage_mean),
};

export const emptyHistory = () => ({t: [], ...Object.fromEntries(Object.keys(SERIES).map((name) => [name, []]))});

// Adds new points to a history, drops what is older than `keep` points; answers a new one.
export function addHistory(history, raw, keep = 360) {
  const last = history.t[history.t.length - 1] ?? -Infinity;
  const fresh = (raw.points ?? []).map((point) => ({...point, at: Date.parse(point.end_time) / 1000}))
    .filter((point) => point.at > last);
  const out = {t: [...history.t, ...fresh.map((point) => point.at)].slice(-keep)};
  for (const [name, value] of Object.entries(SERIES)) out[name] = [...history[name], ...fresh.map(value)].slice(-keep);
  return out;
}

// New placements in front of known ones; a lower sequence than known means that the daemon restarted.
export function addPlacements(known, raw, keep = 400) {
  const fresh = toPlacements(raw);
  if (!fresh.length) return known;
  const newest = known[0]?.sequence ?? -1;
  if (fresh[0].sequence < newest) return fresh;
  return [...fresh.filter((one) => one.sequence > newest), ...known].slice(0, keep);
}
