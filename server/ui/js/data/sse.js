// Server-sent events over fetch: EventSource cannot send the token's header.

// Takes text as it comes, in pieces of any size, and calls `onEvent({event, data, id})` for each
// whole event, as the standard has it.
export function makeParser(onEvent, onRetry = () => {}) {
  let buffer = '', event = '', data = [], id = '';
  const line = (text) => {
    if (text === '') {
      if (data.length) onEvent({event: event || 'message', data: data.join('\n'), id});
      event = '';
      data = [];
      return;
    }
    const colon = text.indexOf(':');
    if (colon === 0) return;
    const name = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? '' : text.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') data.push(value);
    else if (name === 'event') event = value;
    else if (name === 'id') id = value;
    else if (name === 'retry' && /^\d+$/.test(value)) onRetry(Number(value));
  };
  return (text) => {
    buffer += text;
    // A carriage return at the end may be the first half of a line's end.
    const pattern = /\r\n|\n|\r(?!$)/g;
    let start = 0;
    for (let found; (found = pattern.exec(buffer)); start = pattern.lastIndex) {
      line(buffer.slice(start, found.index));
    }
    buffer = buffer.slice(start);
  };
}

// How long to wait before attempt `attempt` (from 1), in milliseconds: soon at first, then less and
// less often, and never all pages of a fleet at the same moment. `chance` is 0..1.
export function backoff(attempt, chance) {
  const base = Math.min(15000, 500 * 2 ** (attempt - 1));
  return Math.round(base * (0.75 + 0.5 * chance));
}

// Keeps one stream open. `open(signal)` answers a fetch Response. Callbacks: onEvent(event), onState('live' |
// 'lost' | 'refused', details). Silence for `silentMs` counts as lost. Time and chance come from `world`, so
// that tests need not wait.
export class EventStream {
  constructor({open, onEvent, onState, silentMs = 8000, world = {}}) {
    this.open = open;
    this.onEvent = onEvent;
    this.onState = onState;
    this.silentMs = silentMs;
    this.world = {
      setTimeout: (f, ms) => setTimeout(f, ms), clearTimeout: (t) => clearTimeout(t),
      random: () => Math.random(), ...world,
    };
    this.attempt = 0;
    this.generation = 0;
    this.retryMs = 0;
  }

  start() {
    this.stop();
    this.attempt = 0;
    this.connect();
  }

  stop() {
    this.generation++;
    this.world.clearTimeout(this.timer);
    this.world.clearTimeout(this.silence);
    this.controller?.abort();
  }

  // At once, e.g. because the network came back or somebody pressed the button.
  retryNow() {
    this.stop();
    this.connect();
  }

  async connect() {
    const mine = ++this.generation;
    const current = () => mine === this.generation;
    this.controller = new AbortController();
    this.listen(mine);
    try {
      const response = await this.open(this.controller.signal);
      if (!current()) return;
      if (response.status === 401 || response.status === 403) {
        this.stop();
        this.onState('refused', {status: response.status});
        return;
      }
      if (!response.ok) throw new Error(`the daemon answered ${response.status}`);
      await this.read(response.body, mine);
      if (current()) this.lost('the daemon ended the stream');
    } catch (error) {
      if (current()) this.lost(error.message);
    }
  }

  async read(body, mine) {
    const parse = makeParser((event) => {
      if (mine === this.generation) this.onEvent(event);
    }, (ms) => { this.retryMs = ms; });
    const decoder = new TextDecoder();
    const reader = body.getReader();
    for (;;) {
      const {value, done} = await reader.read();
      if (done || mine !== this.generation) return;
      if (this.attempt !== 0 || !this.isLive) this.live();
      this.listen(mine);
      parse(decoder.decode(value, {stream: true}));
    }
  }

  live() {
    this.attempt = 0;
    this.isLive = true;
    this.onState('live', {});
  }

  // Starts to wait for the next sign of life.
  listen(mine) {
    this.world.clearTimeout(this.silence);
    this.silence = this.world.setTimeout(() => {
      if (mine === this.generation) this.lost(`nothing heard for ${this.silentMs / 1000} s`);
    }, this.silentMs);
  }

  lost(why) {
    this.stop();
    this.isLive = false;
    this.attempt++;
    const wait = Math.max(this.retryMs, backoff(this.attempt, this.world.random()));
    this.onState('lost', {why, attempt: this.attempt, retryInMs: wait});
    this.timer = this.world.setTimeout(() => this.connect(), wait);
  }
}
