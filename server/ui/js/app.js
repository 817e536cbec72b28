// The state of the page, and where it comes from: one stream of events, and what views ask for. Views
// are told by `update(what)`: models, nodes, placements, history, health, connection.
import {ApiError, early, get, request} from './data/api.js';
import {EventStream} from './data/sse.js';
import {addHistory, addPlacements, emptyHistory, toModel, toNodes, toSpec} from './data/normalise.js';

const emptyData = () => ({nodes: [], placements: [], missed: 0, history: emptyHistory(), specs: new Map(), gain: null});

export class App {
  constructor(onUpdate, onRefused) {
    this.onUpdate = onUpdate;
    this.onRefused = onRefused;
    this.state = {models: [], overview: null, connection: {name: 'connecting'}, ...emptyData()};
    this.selected = '';
    this.stream = new EventStream({
      open: (signal) => request('events', {model: this.selected, after: this.state.placements[0]?.sequence}, signal),
      onEvent: (event) => this.onEvent(event),
      onState: (name, details) => this.onConnection(name, details),
      silentMs: 15000,
    });
  }

  model() {
    return this.state.models.find((one) => one.name === this.selected) ?? null;
  }

  // The models first: without one there is nothing to stream.
  async start() {
    clearTimeout(this.timer);
    try {
      this.takeOverview(await get('overview'));
      this.connection({name: 'live'});
      this.choose(this.selected || this.wanted || '');
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.onRefused();
      else {
        this.attempt = (this.attempt ?? 0) + 1;
        const wait = Math.min(15000, 1000 * 2 ** this.attempt);
        this.connection({name: 'lost', why: error.message, since: this.state.connection.since ?? Date.now(), retryAt: Date.now() + wait});
        this.timer = setTimeout(() => this.start(), wait);
      }
    }
  }

  retryNow() {
    if (this.streaming) this.stream.retryNow();
    else this.start();
  }

  // The model by name, or the first one. A daemon without models is asked again until it has one.
  choose(name) {
    const names = this.state.models.map((one) => one.name);
    const chosen = names.includes(name) ? name : names[0] ?? '';
    this.attempt = 0;
    if (!chosen) {
      this.timer = setTimeout(() => this.start(), 3000);
      return;
    }
    if (chosen !== this.selected || !this.streaming) {
      this.selected = chosen;
      Object.assign(this.state, emptyData());
      this.streaming = true;
      this.stream.start();
      this.takeEarly();
      this.loadHistory();
      ['models', 'nodes', 'placements', 'history', 'health'].forEach((what) => this.onUpdate(what));
    }
  }

  // The nodes, if they were asked for before the model was known, and are of it.
  async takeEarly() {
    const response = await early('fleet');
    if (!response?.ok) return;
    const raw = await response.json().catch(() => ({}));
    if (raw.model === this.selected && !this.state.nodes.length) this.takeNodes(raw);
  }

  async loadHistory() {
    const model = this.selected;
    try {
      const raw = await get('history', {model});
      if (model !== this.selected) return;
      this.state.history = addHistory(emptyHistory(), raw);
      this.onUpdate('history');
    } catch {
      // The stream tells if the daemon is gone; its points come by it, too.
    }
  }

  onEvent({event, data}) {
    const raw = JSON.parse(data);
    if (event === 'overview') this.takeOverview(raw);
    else if (raw.model && raw.model !== this.selected) return;
    else if (event === 'fleet') this.takeNodes(raw);
    else if (event === 'placements') {
      this.state.placements = addPlacements(this.state.placements, raw);
      this.state.missed += Number(raw.missed ?? 0);
      this.onUpdate('placements');
    } else if (event === 'history') {
      this.state.history = addHistory(this.state.history, raw);
      this.onUpdate('history');
    }
  }

  takeOverview(raw) {
    const before = this.state.overview;
    this.state.overview = raw;
    this.state.models = (raw.models ?? []).map(toModel);
    // Another process: what it numbers starts anew.
    if (before && before.start_time_seconds !== raw.start_time_seconds && this.streaming) this.loadHistory();
    if (this.selected && !this.model()) this.restart();
    this.onUpdate('models');
    this.onUpdate('health');
  }

  // The chosen model is gone, with the daemon that knew it.
  restart() {
    this.stream.stop();
    this.streaming = false;
    this.wanted = this.selected;
    this.selected = '';
    Object.assign(this.state, emptyData());
    this.start();
  }

  takeNodes(raw) {
    this.state.nodes = toNodes(raw);
    this.withSpecs();
    this.onUpdate('nodes');
    const unknown = this.state.nodes.some((node) => !this.state.specs.has(node.id));
    if (unknown && Date.now() - (this.askedSpecs ?? 0) > 5000) this.loadSpecs();
  }

  withSpecs() {
    for (const node of this.state.nodes) {
      const spec = this.state.specs.get(node.id);
      if (spec) Object.assign(node, {address: spec.address, labels: spec.labels});
    }
  }

  // What nodes registered changes rarely, so it is not part of the stream.
  async loadSpecs() {
    this.askedSpecs = Date.now();
    const model = this.selected, specs = new Map();
    try {
      let token = '';
      do {
        const page = await get('nodes', {model, page_token: token});
        for (const raw of page.nodes ?? []) {
          const spec = toSpec(raw);
          specs.set(spec.id, spec);
        }
        token = page.next_page_token;
      } while (token);
      if (model !== this.selected) return;
      this.state.specs = specs;
      this.withSpecs();
      this.onUpdate('nodes');
    } catch {
      // Asked again with the next nodes.
    }
  }

  onConnection(name, details) {
    if (name === 'refused') {
      this.streaming = false;
      this.onRefused();
      return;
    }
    if (name === 'live') {
      // What happened meanwhile.
      if (this.state.connection.name === 'lost') this.loadHistory();
      this.connection({name});
      return;
    }
    // A model that a restarted daemon does not know cannot be streamed: ask what there is.
    if (/404/.test(details.why)) this.restart();
    else this.connection({name, why: details.why, since: this.state.connection.since ?? Date.now(), retryAt: Date.now() + details.retryInMs});
  }

  connection(connection) {
    this.state.connection = connection;
    this.onUpdate('connection');
  }
}
