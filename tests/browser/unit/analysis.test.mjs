import assert from 'node:assert/strict';
import test from 'node:test';
import {difference, inOrder, meanMap, overlap, ownerOrder, summarise} from '../../../server/ui/js/data/analysis.js';
import {costParts, explain} from '../../../server/ui/js/data/explain.js';
import {compareBy, visibleRange} from '../../../server/ui/js/kit/table.js';
import {toPlacements} from '../../../server/ui/js/data/normalise.js';
import {MadeFleet, makeRandom} from '../support/made_data.mjs';

const map = (...values) => Uint8Array.from(values);

test('what two nodes share', () => {
  assert.equal(overlap(map(10, 20), map(10, 20)), 1);
  assert.equal(overlap(map(255, 0), map(0, 255)), 0);
  assert.equal(overlap(map(100, 0), map(50, 0)), 0.5);
  assert.equal(overlap(map(0, 0), map(0, 0)), null);
});

test('overlap is symmetric and between 0 and 1 on random maps', () => {
  const random = makeRandom(11);
  for (let round = 0; round < 100; round++) {
    const [a, b] = [0, 1].map(() => Uint8Array.from({length: 64}, () => (random() < 0.5 ? 0 : random() * 255)));
    const share = overlap(a, b);
    assert.equal(share, overlap(b, a));
    assert.ok(share >= 0 && share <= 1);
  }
});

test('a difference is at its middle where nothing differs, and does not wrap', () => {
  assert.deepEqual([...difference(map(5, 255, 0), [5, 0, 255])], [128, 255, 0]);
});

test('the order by owner is a permutation within each layer, and groups what belongs to a node', () => {
  const a = map(9, 0, 9, 0, 0, 9), b = map(0, 9, 0, 9, 9, 0);
  const order = ownerOrder([a, b], 2, 3);
  assert.deepEqual([...order].slice(0, 3).sort(), [0, 1, 2]);
  assert.deepEqual([...order].slice(3).sort(), [3, 4, 5]);
  assert.deepEqual([...inOrder(a, order)], [9, 9, 0, 9, 0, 0]);
  assert.equal(inOrder(a, null), a);
});

test('the summary leaves idle nodes out and names the pairs', () => {
  const nodes = [{id: 'a', map: map(9, 9, 0)}, {id: 'b', map: map(9, 8, 0)}, {id: 'c', map: map(0, 0, 9)}, {id: 'idle', map: map(0, 0, 0)}];
  const summary = summarise(nodes);
  assert.deepEqual(summary.ids, ['a', 'b', 'c']);
  assert.deepEqual([summary.alike.a, summary.alike.b], ['a', 'b']);
  assert.equal(summary.unlike.share, 0);
  assert.equal(summary.special.id, 'c');
  assert.equal(summarise(nodes.slice(0, 1)), null);
  assert.deepEqual([...meanMap([map(2, 4), map(4, 8)])], [3, 6]);
});

test('a receipt says why in words', () => {
  const [placement] = toPlacements({placements: new MadeFleet({start: 0}).placements});
  const said = explain(placement).join(' ');
  assert.match(said, /costs least of 6.candidates/);
  assert.match(said, /runner-up/);
  assert.match(said, /Not asked: 1 lost, 1 draining/);
  assert.match(said, /least_loaded would have chosen/);
  for (const candidate of placement.candidates) {
    const parts = costParts(candidate, 'residency');
    assert.ok(Math.abs(parts.own + parts.others - candidate.cost) < 1e-12);
  }
  assert.equal(costParts(placement.candidates[0], 'least_loaded'), null);
});

test('a receipt names what was avoided, and no avoided node as the runner-up', () => {
  const [placement] = toPlacements({placements: new MadeFleet({start: 0}).placements});
  const [slow] = placement.candidates.filter((one) => one.id !== placement.nodeId).sort((a, b) => a.cost - b.cost);
  assert.doesNotMatch(explain(placement).join(' '), /Avoided/);
  slow.avoided = true;
  const said = explain(placement).join(' ');
  assert.match(said, new RegExp(`Avoided: ${slow.id},`));
  assert.doesNotMatch(said, new RegExp(`runner-up, ${slow.id},`));
});

test('a receipt of another policy, of one candidate or of a renewal claims nothing else', () => {
  const [placement] = toPlacements({placements: new MadeFleet({start: 0}).placements});
  assert.match(explain({...placement, policy: 'random'})[0], /^The policy random chose/);
  assert.match(explain({...placement, candidateCount: 1})[0], /only node/);
  assert.match(explain({...placement, reason: 'existing_lease'})[0], /already/);
  assert.match(explain({...placement, quality: 'missing'}).join(' '), /prior stood in/);
});

test('only rows in sight are drawn, whatever the scroll position', () => {
  assert.deepEqual(visibleRange(0, 340, 34, 1024, 8), {first: 0, last: 18});
  assert.deepEqual(visibleRange(34 * 500, 340, 34, 1024, 8), {first: 492, last: 518});
  assert.deepEqual(visibleRange(1e9, 340, 34, 10, 8), {first: 10, last: 10});
  assert.deepEqual(visibleRange(0, 340, 34, 0, 8), {first: 0, last: 0});
});

test('rows sort by value, the unknown last either way, equal ones by id with numbers in order', () => {
  const rows = [{id: 'n10', v: 1}, {id: 'n9', v: 1}, {id: 'x', v: null}, {id: 'y', v: 2}];
  const sorted = (direction) => [...rows].sort(compareBy((row) => row.v, direction)).map((row) => row.id);
  assert.deepEqual(sorted(1), ['n9', 'n10', 'y', 'x']);
  assert.deepEqual(sorted(-1), ['y', 'n9', 'n10', 'x']);
});
