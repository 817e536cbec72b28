// Colour scales that people with any colour vision can read: lightness carries the order, hue only
// helps. 256 steps each, ready for ImageData (bytes of red, green, blue, alpha).

const VIRIDIS = [
  [68, 1, 84], [72, 36, 117], [65, 68, 135], [53, 95, 141], [42, 120, 142], [33, 145, 140],
  [34, 168, 132], [68, 191, 112], [122, 209, 81], [189, 223, 38], [253, 231, 37],
];
// Blue for less, orange for more; the middle is the page's own ground.
const LESS_MORE_LIGHT = [
  [12, 72, 145], [52, 122, 190], [135, 180, 222], [206, 224, 240], [247, 248, 250],
  [250, 225, 193], [240, 172, 95], [201, 110, 22], [131, 62, 4],
];
const LESS_MORE_DARK = [
  [148, 206, 255], [79, 152, 226], [44, 98, 160], [28, 55, 92], [20, 25, 32],
  [89, 56, 22], [161, 96, 26], [229, 145, 51], [255, 205, 138],
];

// The colour at `share` (0..1) between evenly spaced stops.
export function mix(stops, share) {
  const at = Math.min(1, Math.max(0, share)) * (stops.length - 1);
  const low = Math.min(stops.length - 2, Math.floor(at));
  return stops[low].map((from, i) => Math.round(from + (stops[low + 1][i] - from) * (at - low)));
}

function table(stops) {
  const bytes = new Uint8ClampedArray(256 * 4);
  for (let i = 0; i < 256; i++) bytes.set([...mix(stops, i / 255), 255], i * 4);
  return bytes;
}

const tables = new Map();
function named(name, stops) {
  if (!tables.has(name)) tables.set(name, table(stops));
  return tables.get(name);
}

// From little to much.
export const sequential = () => named('viridis', VIRIDIS);
// From less to more; 127.5 is equal.
export const diverging = (dark) =>
  dark ? named('dark', LESS_MORE_DARK) : named('light', LESS_MORE_LIGHT);

// Writes `values` (0..255 each, as many as pixels) into the bytes of an image.
export function paint(image, values, scale) {
  for (let i = 0; i < values.length; i++) {
    const from = values[i] * 4, to = i * 4;
    image[to] = scale[from];
    image[to + 1] = scale[from + 1];
    image[to + 2] = scale[from + 2];
    image[to + 3] = 255;
  }
}

// Round numbers at or below `most`, about `wanted` of them, from 0: for axes drawn by hand.
export function ticks(most, wanted) {
  if (!(most > 0)) return [0];
  const rough = most / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999);
  const all = [];
  for (let i = 0; i * step <= most * 1.0001; i++) all.push(i * step);
  return all;
}
