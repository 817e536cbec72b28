// All pairs of nodes as a picture: the lighter, the more experts two nodes share.
import {el, setText} from '../kit/dom.js';
import {nameShortener, percent} from '../kit/format.js';
import {Heatmap, scaleLegend} from '../kit/heatmap.js';
import {sequential} from '../kit/scales.js';

export function similarityMatrix(onOpen) {
  let summary = null;
  const map = new Heatmap({
    label: 'Experts shared by each pair of nodes', square: true,
    ends: () => {
      const short = nameShortener(summary.ids, 15);
      return [summary.ids[0], summary.ids.at(-1), summary.ids[0], summary.ids.at(-1)].map(short);
    },
    describe: (row, column) => {
      const a = summary.ids[row], b = summary.ids[column];
      return a === b ? a : `${a} and ${b} share ${percent(summary.matrix[row][column])} of their experts`;
    },
  });
  map.box.addEventListener('click', () => {
    if (map.at && map.at.row !== map.at.column) onOpen(summary.ids[map.at.row], summary.ids[map.at.column]);
  });
  const why = el('p', {class: 'soft'});
  const inside = el('div', {class: 'matrix'}, map.element, scaleLegend(sequential(), '0 %', '100 % shared'));
  return {
    element: el('div', {}, inside, why),
    update(next, text) {
      summary = next;
      inside.hidden = !summary;
      setText(why, text);
      if (!summary) return;
      const n = summary.ids.length;
      const values = new Uint8ClampedArray(n * n);
      summary.matrix.forEach((row, i) => row.forEach((share, j) => { values[i * n + j] = share * 255; }));
      map.update(n, n, values, sequential());
    },
  };
}
