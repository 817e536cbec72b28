// What open pages cost placements: the same load, in turns without a page, with one in a browser, and with the event
// streams of several.
import {execFile} from 'node:child_process';
import http from 'node:http';
import {promisify} from 'node:util';
import {MODEL, quantile, startFleet} from './fleet.mjs';

const run = promisify(execFile);
const NODES = 64, RATE = 500, STREAMS = 8;

async function load(daemon) {
  const {stdout} = await run(process.env.ELDR_LOADGEN, ['--target', daemon.grpc, '--model', MODEL, '--rate', String(RATE), '--hold', '500ms',
    '--warmup', '500ms', '--duration', '2s', '--server-pid', String(daemon.process.pid), '--format', 'json']);
  const {place, server} = JSON.parse(stdout);
  const failed = Object.keys(place.by_code).filter((code) => code !== 'OK');
  if (failed.length) throw new Error(`placements failed: ${JSON.stringify(place.by_code)}`);
  return {cpu: server.cpu_us_per_call, p50: place.latency_us.p50, p99: place.latency_us.p99};
}

async function withPage(browser, daemon, view) {
  const page = await (await browser.newContext({viewport: {width: 1280, height: 720}})).newPage();
  await page.goto(`${daemon.url}#/${view}`);
  await page.locator('#live[data-state=live]').waitFor();
  const measured = await load(daemon);
  // A page that has lost the daemon would have cost nothing.
  if (await page.locator('#live').getAttribute('data-state') !== 'live') throw new Error('the page lost the daemon');
  await page.context().close();
  return measured;
}

// Streams as pages hold them, read by this program, which draws nothing: pages on other machines.
function openStream(daemon) {
  return new Promise((resolve, reject) => {
    const request = http.get(`http://127.0.0.1:${daemon.http}/api/v1/events?model=${MODEL}`, {agent: false}, (response) => {
      if (response.statusCode !== 200) return reject(new Error(`events: status ${response.statusCode}`));
      const stream = {request, bytes: 0};
      response.on('data', (data) => { stream.bytes += data.length; });
      response.on('error', () => {});
      resolve(stream);
    });
    request.on('error', reject);
  });
}

async function withStreams(daemon) {
  const streams = await Promise.all(Array.from({length: STREAMS}, () => openStream(daemon)));
  const measured = await load(daemon);
  const silent = streams.filter((one) => !one.bytes).length;
  streams.forEach((one) => one.request.destroy());
  if (silent) throw new Error(`${silent} of ${STREAMS} streams got nothing`);
  return measured;
}

export async function measurePlacements(browser, rounds) {
  const daemon = await startFleet(NODES);
  const states = [
    {what: 'no page', measure: () => load(daemon)},
    {what: 'the page, Fleet, in a browser beside it', measure: () => withPage(browser, daemon, 'fleet')},
    {what: 'the page, Placements, beside it', measure: () => withPage(browser, daemon, 'placements')},
    {what: `the streams of ${STREAMS} pages`, measure: () => withStreams(daemon)},
  ].map((one) => ({...one, results: []}));
  try {
    await load(daemon);
    for (let round = 0; round < rounds; round++) {
      // Each state comes first in as many rounds.
      for (let i = 0; i < states.length; i++) {
        const state = states[(round + i) % states.length];
        state.results.push(await state.measure());
      }
    }
  } finally {
    await daemon.stop();
  }
  const median = (values) => quantile(values, 0.5);
  const figure = (state, name) => ({
    us: median(state.results.map((one) => one[name])),
    ratio: median(state.results.map((one, round) => one[name] / states[0].results[round][name])),
  });
  return {nodes: NODES, rate: RATE, rounds, states: states.map((state) => ({what: state.what, cpu: figure(state, 'cpu'), p50: figure(state, 'p50'), p99: figure(state, 'p99')}))};
}
