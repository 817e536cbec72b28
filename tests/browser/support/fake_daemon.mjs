// A small stand-in for the daemon's HTTP port: the page's files and docs/api.md over a made fleet. For tests that
// need what is hard to bring about with a real one: 1,024 nodes, hostile names, a daemon that vanishes.
//
//   node fake_daemon.mjs [--nodes N] [--port P] [--token T]     serves until it is ended
import http from 'node:http';
import {readFile} from 'node:fs/promises';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {MadeFleet} from './made_data.mjs';

const UI = fileURLToPath(new URL('../../../server/ui/', import.meta.url));
const TYPES = {'.html': 'text/html', '.css': 'text/css', '.js': 'text/javascript', '.svg': 'image/svg+xml'};
// As the daemon sends it (docs/api.md).
export const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export class FakeDaemon {
  constructor({fleet = new MadeFleet(), token = '', prefix = '', rate = 8} = {}) {
    Object.assign(this, {fleet, token, prefix, rate, sockets: new Set(), watchers: new Set()});
  }

  async start(port = 0) {
    this.server = http.createServer((request, response) => this.serve(request, response).catch((error) => {
      response.writeHead(500).end(String(error));
    }));
    this.server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
    await new Promise((resolve) => this.server.listen(port, '127.0.0.1', resolve));
    this.port = this.server.address().port;
    this.timer = setInterval(() => this.tick(), 1000);
    // A test that failed must not keep its process alive.
    this.timer.unref();
    this.server.unref();
    this.url = `http://127.0.0.1:${this.port}${this.prefix}/ui/`;
    return this;
  }

  // As if the process were killed: all connections break.
  async stop() {
    clearInterval(this.timer);
    this.sockets.forEach((socket) => socket.destroy());
    await new Promise((resolve) => this.server.close(resolve));
  }

  async serve(request, response) {
    const url = new URL(request.url, 'http://x');
    if (!url.pathname.startsWith(`${this.prefix}/`)) return response.writeHead(404).end();
    const name = url.pathname.slice(this.prefix.length);
    if (name === '/') return response.writeHead(302, {location: 'ui/'}).end();
    if (name.startsWith('/ui/')) return this.file(name.slice(4) || 'index.html', response);
    if (!name.startsWith('/api/v1/')) return response.writeHead(404).end();
    if (this.token && request.headers.authorization !== `Bearer ${this.token}`) return this.json(response, {error: {code: 'UNAUTHENTICATED', message: 'a token is asked for'}}, 401);
    return this.answer(name.slice(8), url.searchParams, response);
  }

  async file(name, response) {
    const full = path.join(UI, path.normalize(name));
    const type = TYPES[path.extname(full)];
    const body = full.startsWith(UI) && type ? await readFile(full).catch(() => null) : null;
    if (!body) return response.writeHead(404).end();
    response.writeHead(200, {'content-type': `${type}; charset=utf-8`, 'content-security-policy': POLICY, 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff', connection: 'close'});
    response.end(body);
  }

  json(response, body, status = 200) {
    const found = body !== null && body !== undefined;
    response.writeHead(found ? status : 404, {'content-type': 'application/json'});
    response.end(JSON.stringify(found ? body : {error: {code: 'NOT_FOUND', message: 'not found'}}));
  }

  answer(name, query, response) {
    const {fleet} = this, now = Date.now();
    const unknown = query.get('model') && query.get('model') !== fleet.model;
    if (unknown) return this.json(response, null);
    switch (name) {
      case 'events': return this.watch(query, response);
      case 'overview': return this.json(response, fleet.overview(now));
      case 'nodes': return this.json(response, {nodes: fleet.listNodes(), next_page_token: ''});
      case 'fleet': return this.json(response, fleet.fleet(now));
      case 'history': return this.json(response, fleet.history(now));
      case 'gain': return this.json(response, fleet.gain());
      case 'signatures': return this.json(response, fleet.signatures(now));
      case 'prior': return this.json(response, fleet.prior());
      case 'residency': return this.json(response, fleet.residency(query.get('node')));
      case 'residency/fleet': return this.json(response, fleet.residencyFleet(now));
      case 'residency/compare': return this.json(response, fleet.compare(query.get('a'), query.get('b')));
      case 'placements': return this.json(response, this.newest(Number(query.get('after') ?? 0), Number(query.get('limit') ?? 50), query.get('node')));
      case 'placement': {
        const found = fleet.placements.find((one) => one.request_id === query.get('request_id'));
        return this.json(response, found && {...found.placement, parameters: {kappa: 2, p_max: 0.98, n0: 300, w: 1.25}});
      }
      default: return this.json(response, null);
    }
  }

  newest(after, limit, node = null) {
    // A sequence beyond the newest is another process's.
    const from = after > this.fleet.sequence ? 0 : after;
    const all = this.fleet.placements.filter((one) => one.sequence > from && (!node || one.placement.node_id === node));
    return {model: this.fleet.model, sequence: this.fleet.sequence, missed: from ? Math.max(0, all.length - limit) : 0, placements: all.slice(0, limit)};
  }

  watch(query, response) {
    response.writeHead(200, {'content-type': 'text/event-stream', 'cache-control': 'no-store'});
    const watcher = {response, after: Number(query.get('after') ?? 0), ticks: 0};
    this.watchers.add(watcher);
    response.on('close', () => this.watchers.delete(watcher));
    this.send(watcher, 'overview', this.fleet.overview(Date.now()));
    this.send(watcher, 'fleet', this.fleet.fleet(Date.now()));
    this.sendPlacements(watcher);
  }

  send(watcher, event, data) {
    watcher.response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  sendPlacements(watcher) {
    const page = this.newest(watcher.after, 50);
    if (!page.placements.length) return;
    watcher.after = this.fleet.sequence;
    this.send(watcher, 'placements', page);
  }

  tick() {
    for (let i = 0; i < this.rate; i++) this.fleet.place(Date.now());
    const often = this.fleet.count > 256 ? 5 : 2;
    for (const watcher of this.watchers) {
      watcher.ticks++;
      this.sendPlacements(watcher);
      if (watcher.ticks % often === 0) this.send(watcher, 'fleet', this.fleet.fleet(Date.now()));
      if (watcher.ticks % 5 === 0) this.send(watcher, 'overview', this.fleet.overview(Date.now()));
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const option = (name, otherwise) => {
    const at = process.argv.indexOf(`--${name}`);
    return at < 0 ? otherwise : process.argv[at + 1];
  };
  const daemon = new FakeDaemon({fleet: new MadeFleet({nodes: Number(option('nodes', 8))}), token: option('token', '')});
  await daemon.start(Number(option('port', 0)));
  daemon.server.ref();
  console.log(daemon.url);
}
