import assert from 'node:assert/strict';
import test from 'node:test';
import {EventStream, backoff, makeParser} from '../../../server/ui/js/data/sse.js';
import {makeRandom} from '../support/made_data.mjs';

const parse = (pieces) => {
  const events = [];
  const feed = makeParser((event) => events.push(event));
  pieces.forEach((piece) => feed(piece));
  return events;
};

test('an event is told when its empty line has come', () => {
  const events = parse(['event: fleet\nid: 7\ndata: {"a":1}\n', '\n']);
  assert.deepEqual(events, [{event: 'fleet', data: '{"a":1}', id: '7'}]);
});

test('comments, unknown fields and unfinished events are no events', () => {
  assert.deepEqual(parse([': still here\n\n', 'what: ever\n\n', 'data: unfinished\n']), []);
});

test('lines of data are joined, and all three ends of lines are known', () => {
  assert.deepEqual(parse(['data: one\rdata: two\r\ndata:three\n\n']).map((e) => e.data), ['one\ntwo\nthree']);
});

test('how a stream is cut into pieces makes no difference', () => {
  const random = makeRandom(3);
  const text = 'event: a\r\ndata: x\r\n\r\n: note\n\nid: 9\ndata: y\ndata: ü…\n\nevent: b\rdata: z\r\rdata: end\n\n';
  const whole = parse([text]);
  assert.equal(whole.length, 4);
  for (let round = 0; round < 200; round++) {
    const pieces = [];
    for (let at = 0; at < text.length;) {
      const size = 1 + Math.floor(random() * 6);
      pieces.push(text.slice(at, at + size));
      at += size;
    }
    assert.deepEqual(parse(pieces), whole, `cut ${JSON.stringify(pieces)}`);
  }
});

test('attempts get rarer, up to a bound, and differ by chance', () => {
  assert.equal(backoff(1, 0.5), 500);
  assert.equal(backoff(2, 0.5), 1000);
  assert.equal(backoff(50, 0.5), 15000);
  assert.ok(backoff(4, 0) < backoff(4, 1));
});

// A world whose time moves only when told.
class World {
  constructor() {
    Object.assign(this, {now: 0, timers: [], random: () => 0.5});
    this.setTimeout = (call, ms) => {
      const timer = {at: this.now + ms, call};
      this.timers.push(timer);
      return timer;
    };
    this.clearTimeout = (timer) => { this.timers = this.timers.filter((one) => one !== timer); };
  }

  async advance(ms) {
    this.now += ms;
    for (const timer of this.timers.filter((one) => one.at <= this.now)) {
      this.clearTimeout(timer);
      timer.call();
    }
    await settle();
  }
}
const settle = () => new Promise((resolve) => setImmediate(resolve));

// A response whose body the test feeds.
function makeResponse(status = 200) {
  let push;
  const body = new ReadableStream({start: (controller) => { push = controller; }});
  const encoder = new TextEncoder();
  return {status, ok: status < 300, body, send: (text) => push.enqueue(encoder.encode(text)), end: () => push.close(), fail: () => push.error(new Error('reset'))};
}

function makeStream(answers) {
  const world = new World(), told = [], events = [], signals = [];
  const stream = new EventStream({
    open: async (signal) => {
      signals.push(signal);
      const next = answers.shift();
      if (next instanceof Error) throw next;
      return next;
    },
    onEvent: (event) => events.push(event.data), onState: (name, details) => told.push({name, ...details}), silentMs: 10000, world,
  });
  return {world, told, events, signals, stream};
}

test('a stream that breaks is lost, and live again when a later attempt is heard', async () => {
  const first = makeResponse(), second = makeResponse();
  const {world, told, events, stream} = makeStream([first, new Error('refused'), second]);
  stream.start();
  await settle();
  assert.deepEqual(told, [], 'live only when something is heard');
  first.send('data: 1\n\n');
  await settle();
  assert.deepEqual(told.map((one) => one.name), ['live']);
  first.fail();
  await settle();
  assert.deepEqual(told.at(-1), {name: 'lost', why: 'reset', attempt: 1, retryInMs: 500});
  await world.advance(500);
  assert.deepEqual(told.at(-1), {name: 'lost', why: 'refused', attempt: 2, retryInMs: 1000});
  await world.advance(999);
  assert.equal(told.length, 3, 'not before its time');
  await world.advance(1);
  second.send('data: 2\n\n');
  await settle();
  assert.deepEqual(told.at(-1), {name: 'live'});
  assert.deepEqual(events, ['1', '2']);
});

test('silence counts as lost, and signs of life do not', async () => {
  const response = makeResponse();
  const {world, told, signals, stream} = makeStream([response, makeResponse()]);
  stream.start();
  await settle();
  for (let i = 0; i < 5; i++) {
    response.send(': alive\n\n');
    await settle();
    await world.advance(9000);
  }
  assert.deepEqual(told.map((one) => one.name), ['live']);
  await world.advance(1000);
  assert.equal(told.at(-1).name, 'lost');
  assert.match(told.at(-1).why, /10 s/);
  assert.ok(signals[0].aborted, 'the silent connection is given up');
});

test('a stream that the daemon ends is asked for again; what it said before counts', async () => {
  const response = makeResponse();
  const {told, events, stream} = makeStream([response]);
  stream.start();
  await settle();
  response.send('data: last words\n\n');
  response.end();
  await settle();
  assert.deepEqual(events, ['last words']);
  assert.deepEqual(told.map((one) => one.name), ['live', 'lost']);
});

test('a refused token is told once, and not tried again', async () => {
  const {world, told, signals, stream} = makeStream([makeResponse(401)]);
  stream.start();
  await settle();
  await world.advance(60000);
  assert.deepEqual(told, [{name: 'refused', status: 401}]);
  assert.equal(signals.length, 1);
});

test('a stream that was stopped tells nothing more', async () => {
  const response = makeResponse();
  const {world, told, events, stream} = makeStream([response]);
  stream.start();
  await settle();
  stream.stop();
  response.send('data: late\n\n');
  await settle();
  await world.advance(60000);
  assert.deepEqual([told, events], [[], []]);
});
