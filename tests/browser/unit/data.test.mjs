import assert from 'node:assert/strict';
import test from 'node:test';
import {addHistory, addPlacements, bytesOf, emptyHistory, enumName, num, seconds, toNodes, toPlacement} from '../../../server/ui/js/data/normalise.js';
import {fleetTotals, kvShare, matches, shownState} from '../../../server/ui/js/data/fleet.js';
import {parameterFacts} from '../../../server/ui/js/data/words.js';
import {parseRoute, routeText} from '../../../server/ui/js/route.js';
import {gainSentence, healthSentence, qualitySentence, sortFindings} from '../../../server/ui/js/data/sentences.js';
import {MadeFleet} from '../support/made_data.mjs';

test('numbers come as numbers or in strings, and absent ones stay unknown', () => {
  assert.deepEqual([num('81920'), num(3), num(0), num(null), num(undefined), num(''), num('NaN')], [81920, 3, 0, null, null, null, null]);
  assert.deepEqual([seconds('0.0132s'), seconds('10s'), seconds(0.5), seconds(undefined)], [0.0132, 10, 0.5, null]);
  assert.equal(enumName('NODE_STATE_LOST_IN_PANIC', 'NODE_STATE_'), 'lost_in_panic');
  assert.deepEqual([...bytesOf(Buffer.from([0, 127, 255]).toString('base64'))], [0, 127, 255]);
});

test('columns become nodes', () => {
  const nodes = toNodes(new MadeFleet({nodes: 8, start: 0}).fleet(0));
  assert.equal(nodes.length, 8);
  const lost = nodes.find((node) => node.state === 'lost');
  assert.deepEqual([lost.load, lost.predictedStep, lost.kvUsage, lost.heartbeatAge], [0, null, null, 47]);
  assert.deepEqual(toNodes({}), []);
});

test('a draining node is told as such, unless it is lost', () => {
  assert.equal(shownState({state: 'ready', draining: true}), 'draining');
  assert.equal(shownState({state: 'lost', draining: true}), 'lost');
});

test('the filter takes words of id, address, group and labels, all of them', () => {
  const node = {id: 'Decode-7', address: '10.0.0.7:8000', group: 'g1', labels: {rack: 'r3'}};
  for (const filter of ['', '  ', 'decode', '10.0.0', 'g1', 'rack=r3', 'r3 decode']) assert.ok(matches(node, filter), filter);
  for (const filter of ['decode r4', 'x']) assert.ok(!matches(node, filter), filter);
});

test('totals leave out lost nodes, and claim a capacity only if every node has one', () => {
  const node = (more) => ({id: 'a', state: 'ready', draining: false, load: 4, leases: 3, capacity: 8, kvUsage: 0.5, kvTokens: 0, kvCapacity: 0, predictedStep: 0.01, reportedStep: null, experts: 5, ...more});
  const totals = fleetTotals([node(), node({load: 0, predictedStep: null, experts: 0}), node({state: 'lost', load: 99})]);
  assert.deepEqual([totals.load, totals.ready, totals.capacity, totals.predicted, totals.reported, totals.experts, totals.notReady], [4, 2, 16, 0.01, null, 5, '1 lost']);
  assert.equal(fleetTotals([node({capacity: 0}), node()]).capacity, null);
  assert.deepEqual([fleetTotals([]).load, fleetTotals([]).kv], [0, null]);
  assert.equal(kvShare(node({kvUsage: null, kvTokens: 3, kvCapacity: 4})), 0.75);
});

test('a history grows at its end, drops its oldest, and takes no point twice', () => {
  const fleet = new MadeFleet({start: 0});
  let history = addHistory(emptyHistory(), fleet.history(3600000));
  assert.equal(history.t.length, 360);
  history = addHistory(history, fleet.history(3620000, 10));
  assert.equal(history.t.length, 360);
  assert.equal(history.t.at(-1), 3620);
  assert.equal(history.rate.length, 360);
  for (let i = 1; i < 360; i++) assert.ok(history.t[i] > history.t[i - 1]);
});

test('placements are kept newest first, each once; a restarted daemon starts anew', () => {
  const page = (...sequences) => ({placements: sequences.map((sequence) => ({sequence, request_id: `r${sequence}`, placement: {}}))});
  const ids = (list) => list.map((one) => one.sequence);
  let known = addPlacements([], page(3, 2, 1));
  known = addPlacements(known, page(5, 4, 3));
  assert.deepEqual(ids(known), [5, 4, 3, 2, 1]);
  assert.deepEqual(ids(addPlacements(known, page(6), 3)), [6, 5, 4]);
  assert.deepEqual(ids(addPlacements(known, page(2, 1))), [2, 1]);
  assert.equal(addPlacements(known, {placements: []}), known);
});

test('a placement without candidates, shadow or signature is no trouble', () => {
  const placement = toPlacement({}, 'r');
  assert.deepEqual([placement.candidates, placement.shadow, placement.signatureAge, placement.quality], [[], null, null, '']);
});

test('the address keeps hostile names whole', () => {
  const parameters = {a: '<img src=x onerror=alert(1)>&b=2#/x', b: 'ü ?'};
  assert.deepEqual(parseRoute(routeText('residency', parameters)), {view: 'residency', parameters});
  assert.deepEqual(parseRoute(''), {view: 'fleet', parameters: {}});
  assert.equal(routeText('gain', {model: null, a: ''}), '#/gain');
});

test('findings are sorted by severity, and one of a severity not known here is not hidden', () => {
  const list = ['ok', 'note', 'new', 'critical', 'warning'].map((severity) => ({severity}));
  assert.deepEqual(sortFindings(list).map((one) => one.severity), ['new', 'critical', 'warning', 'note', 'ok']);
  assert.match(healthSentence(list), /2.things need you/);
  assert.match(healthSentence([{severity: 'ok'}]), /^Nothing needs you/);
});

test('the sentences say what there is to say', () => {
  assert.match(gainSentence({window_seconds: 3600, marginal_experts: {placements: 10, change_ratio: -0.4}, step_time: {change_ratio: -0.12}}), /the last hour, 10.requests added 40.% fewer experts .* 12.% shorter/);
  assert.match(gainSentence({window_seconds: 90, marginal_experts: {placements: 1, change_ratio: 0.1}, step_time: {change_ratio: null}}), /10.% more experts/);
  assert.match(gainSentence({window_seconds: 90, marginal_experts: {change_ratio: null}}), /nothing to show/);
  assert.match(qualitySentence({placements: 100, full: 70, partial: 10, missing: 20}), /^20 of 100.placements .* \(20.%\) went without/);
  assert.match(qualitySentence({placements: 0}), /Nothing was placed/);
});

test('parameters have their unit, whatever section they are of', () => {
  const facts = parameterFacts({w: 1.25, 'step_time.per_request': 3e-5, kappa: 2, 'step_time.per_context_token': 0});
  assert.deepEqual(facts.map(([name, value]) => [name, value.replaceAll('\u00a0', ' ')]),
    [['kappa', '2 tokens'], ['step_time.per_context_token', '0 s'], ['step_time.per_request', '30.0 µs'], ['w', '1.25']]);
  assert.ok(facts.every(([, , help]) => help));
});
