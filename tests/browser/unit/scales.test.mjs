import assert from 'node:assert/strict';
import test from 'node:test';
import {diverging, mix, paint, sequential, ticks} from '../../../server/ui/js/kit/scales.js';

const lightness = (scale, i) => {
  const linear = (byte) => ((byte / 255) <= 0.04045 ? byte / 255 / 12.92 : ((byte / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear(scale[i * 4]) + 0.7152 * linear(scale[i * 4 + 1]) + 0.0722 * linear(scale[i * 4 + 2]);
};

test('the scale from little to much only gets lighter, so that it reads without colour', () => {
  for (let i = 1; i < 256; i++) assert.ok(lightness(sequential(), i) >= lightness(sequential(), i - 1) - 1e-3, `at ${i}`);
});

test('the scale from less to more has its middle nearest to the ground, and both ends far from it', () => {
  for (const dark of [false, true]) {
    const scale = diverging(dark), sign = dark ? 1 : -1;
    for (let i = 129; i < 256; i++) assert.ok(sign * (lightness(scale, i) - lightness(scale, i - 1)) >= -2e-3, `up at ${i}`);
    for (let i = 126; i >= 0; i--) assert.ok(sign * (lightness(scale, i) - lightness(scale, i + 1)) >= -2e-3, `down at ${i}`);
    assert.notDeepEqual([...scale.slice(0, 3)], [...scale.slice(-4, -1)]);
  }
});

test('mixing stays within the stops', () => {
  const stops = [[0, 0, 0], [100, 50, 10]];
  assert.deepEqual(mix(stops, -1), [0, 0, 0]);
  assert.deepEqual(mix(stops, 0.5), [50, 25, 5]);
  assert.deepEqual(mix(stops, 7), [100, 50, 10]);
});

test('painting writes each value of the scale, opaque', () => {
  const image = new Uint8ClampedArray(8);
  paint(image, Uint8Array.of(0, 255), sequential());
  assert.deepEqual([...image], [68, 1, 84, 255, 253, 231, 37, 255]);
});

test('ticks are round and reach no further than needed', () => {
  assert.deepEqual(ticks(100, 4), [0, 50, 100]);
  assert.deepEqual(ticks(0.9, 3), [0, 0.5]);
  assert.deepEqual(ticks(0, 3), [0]);
});
