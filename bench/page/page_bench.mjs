// Measures how soon the page shows its first view, and what open pages cost placements, over a real eldrd:
//
//   bench/page/run FOLDER ELDRD ELDR_LOADGEN [--rounds N] [--format table|json]
import {parseArgs} from 'node:util';
import {launch} from '../../tests/browser/support/browser.mjs';
import {measureFirstView} from './first_view.mjs';
import {measurePlacements} from './placements.mjs';

const FLEETS = [64, 1024];

function settings() {
  try {
    const {values} = parseArgs({options: {rounds: {type: 'string', default: '15'}, format: {type: 'string', default: 'table'}}});
    const rounds = Number(values.rounds);
    if (!Number.isInteger(rounds) || rounds < 1 || rounds > 1000) throw new Error(`--rounds ${values.rounds}: expected 1 to 1000`);
    if (!['table', 'json'].includes(values.format)) throw new Error(`--format ${values.format}: expected table or json`);
    return {rounds, format: values.format};
  } catch (error) {
    console.error(`page_bench: ${error.message}`);
    process.exit(2);
  }
}

const ms = (value) => value.toFixed(0).padStart(6);
const ratio = (value) => value.toFixed(2).padStart(6);

function print({firstViews, placements}) {
  console.log('First view, from the request of the page to the painted rows of its nodes, in ms; goal: P50 below 100 with 64 nodes');
  console.log(' nodes  loads   first visit: P50 / P95    again: P50 / P95');
  for (const {nodes, loads, cold, warm} of firstViews) {
    console.log(`${String(nodes).padStart(6)} ${String(loads).padStart(6)}          ${ms(cold.p50)} / ${ms(cold.p95)}   ${ms(warm.p50)} / ${ms(warm.p95)}`);
  }
  console.log(`\nPlacements, ${placements.rate}/s on ${placements.nodes} nodes, ${placements.rounds} rounds in turns; ratios to the same round without a page, medians`);
  console.log('                                            server CPU per call             P50             P99');
  for (const {what, cpu, p50, p99} of placements.states) {
    console.log(`${what.padEnd(40)}  ${cpu.us.toFixed(1).padStart(7)} us ${ratio(cpu.ratio)}   ${p50.us.toFixed(0).padStart(6)} us ${ratio(p50.ratio)}   ${p99.us.toFixed(0).padStart(6)} us ${ratio(p99.ratio)}`);
  }
}

const {rounds, format} = settings();
const browser = await launch();
try {
  const firstViews = [];
  for (const nodes of FLEETS) firstViews.push(await measureFirstView(browser, nodes, 2 * rounds));
  const placements = await measurePlacements(browser, rounds);
  if (format === 'json') console.log(JSON.stringify({first_views: firstViews, placements}, null, 2));
  else print({firstViews, placements});
} finally {
  await browser.close();
}
