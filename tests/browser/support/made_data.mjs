// A made fleet for the fake daemon: deterministic, with specialised nodes, in the shape of docs/api.md.

// A small generator of numbers in 0..1: the same seed gives the same fleet.
export function makeRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const base64 = (bytes) => Buffer.from(bytes).toString('base64');
const TOPICS = 5;

export class MadeFleet {
  constructor({nodes = 8, layers = 24, experts = 32, topK = 4, seed = 1, names = (i) => `decode-${i}`, shadow = 'least_loaded', start = Date.now()} = {}) {
    Object.assign(this, {layers, experts, topK, shadow, start, count: nodes, sequence: 2000, model: 'gpt-oss-20b'});
    this.random = makeRandom(seed);
    this.topics = Array.from({length: TOPICS}, () => this.makeTopic());
    this.nodes = Array.from({length: nodes}, (_, i) => this.makeNode(i, names(i)));
    this.placements = [];
    for (let i = 0; i < 120; i++) this.place(start - (120 - i) * 90);
    this.health = [
      {severity: 'warning', subject: 'signatures', model: this.model, what: '12 % of the placements of the last 5 minutes had no signature.',
        do: 'Check that prefill workers push before the frontend asks, or set signature_wait.'},
      {severity: 'note', subject: 'state', model: null, what: 'Nothing is kept on disk: after a restart, nodes register again.', do: 'Set state_dir to go on with every lease.'},
      ...['ready', 'nodes', 'panic', 'placements', 'limits'].map((subject) => ({severity: 'ok', subject, model: null, what: 'All is in order.', do: ''})),
    ];
  }

  makeTopic() {
    const topic = new Float64Array(this.layers * this.experts);
    for (let layer = 0; layer < this.layers; layer++) {
      for (let i = 0; i < this.topK * 2; i++) topic[layer * this.experts + Math.floor(this.random() * this.experts)] = 0.35 + 0.6 * this.random();
    }
    return topic;
  }

  makeNode(i, id) {
    const lost = this.count >= 8 && i === this.count - 2, draining = this.count >= 8 && i === 2;
    const load = lost ? 0 : 6 + Math.floor(this.random() * 14);
    const main = i % TOPICS, strength = 0.55 + 0.4 * this.random();
    return {id, lost, draining, load, main, strength, noise: this.random() * 0.12, kv: 0.25 + 0.6 * this.random(), slow: 0.95 + 0.2 * this.random()};
  }

  map(node) {
    const cells = new Uint8Array(this.layers * this.experts);
    if (node.lost) return cells;
    for (let i = 0; i < cells.length; i++) {
      const other = this.topics[(node.main + 1) % TOPICS][i] * 0.35;
      const chance = this.topics[node.main][i] * node.strength + other + node.noise;
      cells[i] = Math.round(255 * Math.min(0.98, chance));
    }
    return cells;
  }

  expected(node) {
    return this.map(node).reduce((a, b) => a + b, 0) / 255 / this.layers;
  }

  step(node) {
    return node.lost ? null : (0.004 + 0.02 * this.expected(node) / this.experts + 0.00003 * node.load) * node.slow;
  }

  place(at) {
    const able = this.nodes.filter((node) => !node.lost && !node.draining);
    const topic = Math.floor(this.random() * TOPICS);
    const candidates = able.slice(0, 256).map((node) => {
      const marginal = this.layers * (node.main === topic ? 0.8 : 2.2) * (0.8 + 0.4 * this.random());
      const step = this.step(node) + marginal * 2e-5;
      const cost = step + 1.25 * node.load * marginal * 2.2e-6;
      return {node_id: node.id, load: node.load, expected_experts: this.expected(node) * this.layers, marginal_experts: marginal,
        predicted_step_time: `${step.toFixed(7)}s`, cost};
    }).sort((a, b) => a.cost - b.cost);
    this.sequence++;
    const quality = ['FULL', 'FULL', 'FULL', 'FULL', 'PARTIAL', 'FULL', 'MISSING'][Math.floor(this.random() * 7)];
    const chosen = candidates[0];
    this.placements.unshift({sequence: this.sequence, request_id: `req-${this.sequence}`, placement: {
      place_time: new Date(at).toISOString(), node_id: chosen?.node_id ?? '', lease_id: String(this.sequence), policy: 'residency',
      reason: this.random() < 0.96 ? 'PLACEMENT_REASON_POLICY' : 'PLACEMENT_REASON_MOVED', signature_quality: `SIGNATURE_QUALITY_${quality}`,
      load_basis: 'LOAD_BASIS_REPORTED', signature_age: '0.05s', candidates: candidates.slice(0, 16), candidate_count: candidates.length,
      ineligible: [{reason: 'INELIGIBLE_REASON_LOST', nodes: 1}, {reason: 'INELIGIBLE_REASON_DRAINING', nodes: 1}], lease_held: true, prefill_worker: 'prefill-0',
      signature_coverage: quality === 'PARTIAL' ? 0.6 : quality === 'FULL' ? 1 : 0,
      shadow: {policy: 'least_loaded', node_id: candidates[Math.min(3, candidates.length - 1)]?.node_id ?? '', cost_difference: 0.0011},
    }});
    this.placements.length = Math.min(this.placements.length, 500);
  }

  describe() {
    return {model: {name: this.model, geometry: {layers: this.layers, experts: this.experts, top_k: this.topK, moe_hidden_layers: []}, policy: 'residency', shadow_policy: this.shadow},
      parameters: {kappa: 2, p_max: 0.98, n0: 300, w: 1.25}, nodes: this.nodes.length, ready_nodes: this.nodes.filter((n) => !n.lost && !n.draining).length,
      leases: String(this.nodes.reduce((sum, n) => sum + n.load, 0)), stored_signatures: '3', stored_signature_bytes: '4608', learned_requests: '2446',
      panic_mode: false, decode_observations: '0', stored_blocks: '0', stored_block_bytes: '0'};
  }

  overview(now) {
    return {time_seconds: now / 1000, version: '0.9.0', start_time_seconds: this.start / 1000, uptime_seconds: (now - this.start) / 1000 + 5000,
      ready: true, not_ready_reason: null, history_interval_seconds: 10, history_seconds: 3600, models: [this.describe()], health: this.health};
  }

  fleet(now) {
    const all = (get) => this.nodes.map(get);
    return {time_seconds: now / 1000, model: this.model, columns: {
      node: all((n) => n.id), expert_group: all((n) => n.id), state: all((n) => (n.lost ? 'lost' : 'ready')), draining: all((n) => n.draining),
      load: all((n) => (n.lost ? 0 : n.load + Math.floor(this.random() * 3))), leases: all((n) => n.load), capacity: all(() => 32),
      kv_tokens: all((n) => Math.round(n.kv * 5e5)), kv_capacity_tokens: all(() => 5e5), kv_usage_ratio: all((n) => (n.lost ? null : n.kv)),
      running: all((n) => n.load), queued: all(() => 0), heartbeat_age_seconds: all((n) => (n.lost ? 47 : this.random())),
      heartbeat_interval_seconds: all(() => 1), expected_experts_per_layer: all((n) => this.expected(n)), predicted_step_seconds: all((n) => this.step(n)),
      reported_step_seconds: all((n) => (n.lost ? null : this.step(n) * (0.97 + 0.06 * this.random()))), slowness: all((n) => n.slow), reports_not_believed: all(() => 0)}};
  }

  listNodes() {
    return this.nodes.map((n, i) => ({spec: {node_id: n.id, model: this.model, address: `10.0.${i >> 8}.${i & 255}:8000`, labels: {rack: `r${i % 4}`}, tokens_per_step: 1},
      register_time: new Date(this.start - 5e6).toISOString(), step_time: {base: 0.004, per_expert: 2.6e-5, per_request: 3e-5, per_context_token: 0, slowness: n.slow}}));
  }

  residency(id) {
    const node = this.nodes.find((n) => n.id === id);
    return node && {model: this.model, node: id, expert_group: id, layers: this.layers, experts: this.experts, leases: node.load, scale: 1 / 255, activation: base64(this.map(node))};
  }

  residencyFleet(now) {
    const maps = this.nodes.map((node) => this.map(node));
    const mean = maps[0]?.map((_, i) => maps.reduce((sum, map) => sum + map[i], 0) / maps.length) ?? [];
    return {time_seconds: now / 1000, model: this.model, layers: this.layers, experts: this.experts, rows: this.layers, columns: this.experts,
      layers_per_row: 1, experts_per_column: 1, scale: 1 / 255, mean: base64(mean), next: null,
      groups: this.nodes.map((node, i) => ({expert_group: node.id, node: node.id, nodes: 1, leases: node.lost ? 0 : node.load, cells: base64(maps[i]), distance_to_mean: node.lost ? null : 0.1 + node.strength / 4})),
      difference: {groups: this.nodes.length, mean_cosine_distance: 0.31, mean_jaccard_distance: this.nodes.length > 1 ? 0.46 : null, jaccard_groups: Math.min(8, this.nodes.length)}};
  }

  compare(a, b) {
    const [x, y] = [a, b].map((id) => this.nodes.find((n) => n.id === id));
    if (!x || !y) return null;
    const [p, q] = [this.map(x), this.map(y)];
    const cells = Array.from(p, (v, i) => ({layer: Math.floor(i / this.experts), expert: i % this.experts, a: v / 255, b: q[i] / 255}));
    cells.sort((m, n) => Math.abs(n.a - n.b) - Math.abs(m.a - m.b));
    const side = (n) => ({node: n.id, expert_group: n.id, leases: n.load, expected_experts_per_layer: this.expected(n)});
    return {a: side(x), b: side(y), model: this.model, layers: this.layers, experts: this.experts, cosine_distance: 0.33, jaccard_distance: x.lost || y.lost ? null : 0.48,
      layer_jaccard_distance: [], most_different: cells.slice(0, 20)};
  }

  prior() {
    const mean = this.topics[0].map((_, i) => this.topics.reduce((sum, t) => sum + t[i], 0) / TOPICS / 3);
    return {model: this.model, learned_requests: 2446, layers: this.layers, experts: this.experts, scale: 1 / 255, activation: base64(mean.map((v) => v * 255)),
      effective_experts_per_layer: 21.4, strongest: [{layer: 3, expert: 17, activation: 0.61}, {layer: 7, expert: 2, activation: 0.58}]};
  }

  signatures(now) {
    return {time_seconds: now / 1000, model: this.model, stored: {signatures: 3, bytes: 4608, limit_bytes: 268435456, keep_seconds: 60, blocks: 0, block_bytes: 0, block_limit_bytes: 67108864},
      last_hour: {placements: 2446, full: 2100, partial: 200, missing: 146, missing_ratio: 0.0597},
      workers: [0, 1, 2].map((i) => ({worker: `prefill-${i}`, placements: 900 - i * 200, full: 800 - i * 210, partial: 60, missing: 40 + 10 * i, mean_age_seconds: 0.05, max_age_seconds: 1.2, last_seconds_ago: 0.3})), recent_placements: 4096};
  }

  gain() {
    return {model: this.model, window_seconds: 3600, placements: 2446, policy: 'residency',
      marginal_experts: {placements: 2446, chosen: 20.4, mean_candidate: 34.2, change_ratio: -0.404},
      step_time: {saved_seconds: 0.0021, predicted_seconds: 0.0152, reported_seconds: 0.0149, change_ratio: -0.121},
      shadow: this.shadow ? {policy: this.shadow, decisions: 2446, agrees: 301, cost_made_seconds: 0.021, cost_shadow_seconds: 0.024, change_ratio: -0.125} : null};
  }

  history(now, points = 360) {
    const random = makeRandom(7);
    return {model: this.model, interval: '10s', points: Array.from({length: points}, (_, i) => {
      const wave = Math.sin(i / 40) * 0.2 + 1, noise = () => 0.94 + random() * 0.12;
      const rate = Math.round(230 * wave * noise()), missing = Math.round(rate * 0.04 * (i > 300 ? 3 : 1)), partial = Math.round(rate * 0.08);
      return {end_time: new Date(now - (points - 1 - i) * 10000).toISOString(), duration_seconds: 10, placements: rate, failed_placements: 0,
        decision_p50_seconds: 1.2e-5 * noise(), decision_p99_seconds: 4.1e-5 * noise(), signatures_full: rate - missing - partial, signatures_partial: partial, signatures_missing: missing,
        signature_age_p50_seconds: 0.05 * noise(), signature_age_p99_seconds: 0.2 * noise(), compared_placements: rate, marginal_experts: 20.4 * noise(), candidate_marginal_experts: 34 * noise(),
        shadow_decisions: rate, shadow_agrees: Math.round(rate / 8), cost_made_seconds: 0.021 * noise(), cost_shadow_seconds: 0.0242 * noise(), nodes: this.count, ready_nodes: this.count - 2,
        leases: Math.round(96 * wave), load: Math.round(96 * wave * noise()), capacity: 32 * this.count, expected_experts_per_layer: 18 * wave ** 0.5 * noise(), predicted_step_seconds: 0.0152 * wave ** 0.5 * noise(),
        reported_step_seconds: 0.0149 * wave ** 0.5 * noise(), kv_usage_mean: 0.4 * wave, kv_usage_max: 0.6 * wave};
    })};
  }
}
