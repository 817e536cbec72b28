// What residency maps say of a fleet. Maps are Uint8Arrays of layers x experts: 255 is certain.

// The share of their experts that two nodes have in common: of what both together would load, how
// much both would load. 1: alike, 0: nothing in common. Null if both are idle.
export function overlap(a, b) {
  let both = 0, any = 0;
  for (let i = 0; i < a.length; i++) {
    if (a[i] < b[i]) {
      both += a[i];
      any += b[i];
    } else {
      both += b[i];
      any += a[i];
    }
  }
  return any === 0 ? null : both / any;
}

export function meanMap(maps) {
  const mean = new Float32Array(maps[0]?.length ?? 0);
  for (const map of maps) for (let i = 0; i < map.length; i++) mean[i] += map[i];
  for (let i = 0; i < mean.length; i++) mean[i] /= maps.length;
  return mean;
}

// A map against another one as 0..255: 127 equal, more above, less below, at full strength from a
// difference of half.
export function difference(map, from) {
  const out = new Uint8ClampedArray(map.length);
  for (let i = 0; i < map.length; i++) out[i] = 127.5 + (map[i] - from[i]);
  return out;
}

// Of each layer, the experts in the order of who wants them most: those of the first node, then those of
// the second... Drawn in this order, a fleet that has specialised shows as a staircase. Answers, for
// each drawn cell, the cell that is drawn there.
export function ownerOrder(maps, layers, experts) {
  const order = new Uint32Array(layers * experts);
  const mean = meanMap(maps);
  for (let layer = 0; layer < layers; layer++) {
    const at = layer * experts;
    const rank = Array.from({length: experts}, (_, expert) => {
      let owner = 0, most = -Infinity;
      maps.forEach((map, node) => {
        const excess = map[at + expert] - mean[at + expert];
        if (excess > most) {
          most = excess;
          owner = node;
        }
      });
      return {expert, owner, most};
    });
    rank.sort((a, b) => a.owner - b.owner || b.most - a.most || a.expert - b.expert);
    rank.forEach((one, i) => { order[at + i] = at + one.expert; });
  }
  return order;
}

export function inOrder(values, order) {
  if (!order) return values;
  const out = new values.constructor(values.length);
  for (let i = 0; i < order.length; i++) out[i] = values[order[i]];
  return out;
}

// How far the nodes differ. nodes: [{id, map}], those that are idle are left out. Null for fewer than two.
export function summarise(nodes) {
  const busy = nodes.filter((node) => node.map.some((v) => v > 0));
  if (busy.length < 2) return null;
  let sum = 0, pairs = 0, alike = null, unlike = null;
  const matrix = busy.map(() => new Float32Array(busy.length).fill(1));
  for (let i = 0; i < busy.length; i++) {
    for (let j = i + 1; j < busy.length; j++) {
      const share = overlap(busy[i].map, busy[j].map);
      matrix[i][j] = matrix[j][i] = share;
      sum += share;
      pairs++;
      const pair = {a: busy[i].id, b: busy[j].id, share};
      if (!alike || share > alike.share) alike = pair;
      if (!unlike || share < unlike.share) unlike = pair;
    }
  }
  const mean = meanMap(busy.map((node) => node.map));
  const special = busy.map((node) => ({id: node.id, share: overlap(node.map, mean)}))
    .reduce((a, b) => (b.share < a.share ? b : a));
  return {mean: sum / pairs, alike, unlike, special, ids: busy.map((node) => node.id), matrix};
}
