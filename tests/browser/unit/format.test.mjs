import assert from 'node:assert/strict';
import test from 'node:test';
import {age, bytes, change, compact, count, duration, number, percent, plain, plural, shortName, nameShortener, UNKNOWN} from '../../../server/ui/js/kit/format.js';

// Spaces before units do not break; tests read better with plain ones.
const plainSpaces = (text) => text.replaceAll('\u00a0', ' ');
const table = (format, cases) => {
  for (const [value, wanted] of cases) assert.equal(plainSpaces(format(value)), wanted, `of ${value}`);
};

test('what is not known is a dash, never a zero', () => {
  for (const format of [number, count, compact, percent, change, duration, age, bytes, plain]) {
    for (const value of [null, undefined, NaN, Infinity, '3']) assert.equal(format(value), UNKNOWN);
  }
});

test('a duration takes the unit that suits it', () => table(duration, [
  [0, '0 s'], [1.2e-5, '12.0 µs'], [4.13e-5, '41.3 µs'], [0.0152, '15.2 ms'], [0.9991, '999 ms'], [0.9996, '1.00 s'],
  [1.25, '1.25 s'], [99.6, '2 min'], [-0.0011, '−1.10 ms'],
]));

test('an age is coarse', () => table(age, [[0.04, '0.0 s'], [0.4, '0.4 s'], [12.3, '12 s'], [150, '3 min'], [7200, '2 h'], [200000, '2 d']]));

test('shares and changes', () => {
  table(percent, [[0, '0 %'], [0.062, '6.2 %'], [0.4, '40 %'], [1, '100 %']]);
  table(change, [[-0.404, '−40 %'], [0.031, '+3.1 %'], [0, '0 %'], [0.00001, '0.0 %']]);
});

test('numbers keep three significant digits', () => {
  table(number, [[0.1234, '0.123'], [1.234, '1.23'], [12.34, '12.3'], [1234.5, '1,235'], [-18.4, '−18.4']]);
  table(compact, [[999, '999'], [9999, '9,999'], [12345, '12.3 k'], [4.5e6, '4.50 M'], [2e9, '2.00 G']]);
  table(plain, [[2, '2'], [0.98, '0.98'], [300, '300'], [1.25, '1.25']]);
});

test('sizes', () => table(bytes, [[0, '0 B'], [4608, '4.5 KiB'], [268435456, '256 MiB'], [1024 ** 4 * 3, '3.00 TiB']]));

test('one and many', () => {
  assert.equal(plainSpaces(plural(1, 'node')), '1 node');
  assert.equal(plainSpaces(plural(1024, 'node')), '1,024 nodes');
});

test('a long name keeps both ends, and whole letters', () => {
  assert.equal(shortName('decode-7'), 'decode-7');
  assert.equal(shortName('load-3282-97257407-node-5', 15), 'load…407-node-5');
  assert.equal([...shortName('😀'.repeat(40), 10)].length, 10);
});

test('long names of one fleet stay apart, whatever they begin and end with', () => {
  const host = (i) => `vllm-decode-qwen3-pool-eu-central-1c-rack-017-host-${i}.inference.svc.cluster.local:8000`;
  const hosts = Array.from({length: 1024}, (_, i) => host(i));
  const cases = [hosts, hosts.map((name) => name.split('.')[0]), Array.from({length: 64}, (_, i) => `${i}.inference.svc.cluster.local:8000`),
    [...hosts, 'd0'], [host(1), `${host(1)}x`, host(11)], Array.from({length: 40}, (_, i) => '😀'.repeat(30) + i)];
  for (const names of cases) {
    for (const most of [15, 18, 24]) {
      const shown = names.map(nameShortener(names, most));
      assert.equal(new Set(shown).size, names.length, `${names[0]} at ${most}: ${shown.slice(0, 3)}`);
      for (const one of shown) assert.ok([...one].length <= most, one);
    }
  }
  assert.equal(nameShortener(hosts)(host(17)), '…1c-rack-017-host-17…');
  assert.equal(nameShortener(['decode-0', 'decode-1'])('decode-1'), 'decode-1');
  const unlike = ['a'.repeat(60), 'b'.repeat(60)];
  assert.equal(nameShortener(unlike)(unlike[0]), shortName(unlike[0]));
});
