// One node's residency in full, or two and their difference.
import {el, replace, setText} from '../kit/dom.js';
import {number, percent, plural} from '../kit/format.js';
import {Heatmap, scaleLegend} from '../kit/heatmap.js';
import {isDark} from '../kit/theme.js';
import {diverging, sequential} from '../kit/scales.js';
import {plainTable} from '../kit/table.js';
import {difference} from '../data/analysis.js';
import {bytesOf} from '../data/normalise.js';

const chance = (byte) => percent(byte / 255, 0);
const at = (row, column) => `Layer ${row}, expert ${column}`;

function picker(label, onChange) {
  const select = el('select', {class: 'field', 'aria-label': label, on: {change: () => onChange(select.value || null)}});
  return select;
}

function setOptions(select, names, first, value) {
  const wanted = [first, ...names].join('\n');
  if (select.dataset.names !== wanted) {
    select.dataset.names = wanted;
    replace(select, el('option', {value: ''}, first), names.map((name) => el('option', {value: name}, name)));
  }
  select.value = value ?? '';
}

export function makeComparison(app) {
  let a = null, b = null, names = [], timer = null, closed = false;
  let maps = {};
  const pickA = picker('Node', (value) => show(value, b));
  const pickB = picker('Compare with', (value) => show(a, value));
  const one = new Heatmap({label: 'Residency of the first node',
    describe: (r, c) => `${at(r, c)}: ${chance(maps.a.cells[r * maps.a.experts + c])} chance in the next step of ${a}`});
  const two = new Heatmap({label: 'Residency of the second node',
    describe: (r, c) => `${at(r, c)}: ${chance(maps.b.cells[r * maps.b.experts + c])} chance in the next step of ${b}`});
  const gap = new Heatmap({label: 'Difference of the two nodes', describe: (r, c) => {
    const i = r * maps.a.experts + c;
    return `${at(r, c)}: ${chance(maps.a.cells[i])} on ${a}, ${chance(maps.b.cells[i])} on ${b}`;
  }});
  const titles = [el('h3'), el('h3'), el('h3', {}, 'Difference')], gapScale = el('div');
  const legend = el('span'), said = el('p', {class: 'statement'}), most = el('div');
  const parts = [one, two, gap].map((map, i) => el('div', {}, titles[i], map.element, map === gap ? gapScale : null));
  const body = el('div', {class: 'body stack'}, said, el('div', {class: 'compare'}, parts), most);
  const element = el('section', {class: 'panel'},
    el('header', {}, el('h2', {}, 'One node in full'), pickA, el('span', {class: 'soft'}, 'against'), pickB, el('span', {class: 'spring'}), legend), body);

  function draw() {
    const first = maps.a, second = maps.b;
    body.hidden = !first;
    if (!first) return;
    replace(titles[0], el('span', {class: 'ellipsis'}, a), el('span', {class: 'soft'}, plural(first.leases, 'lease')));
    one.update(first.layers, first.experts, first.cells, sequential());
    replace(legend, scaleLegend(sequential(), '0 %', '100 % chance'));
    const both = Boolean(second && second.cells.length === first.cells.length);
    parts[1].hidden = parts[2].hidden = most.hidden = said.hidden = !both;
    if (!both) return;
    replace(titles[1], el('span', {class: 'ellipsis'}, b), el('span', {class: 'soft'}, plural(second.leases, 'lease')));
    two.update(second.layers, second.experts, second.cells, sequential());
    const scale = diverging(isDark());
    replace(gapScale, scaleLegend(scale, `more on ${b.slice(0, 24)}`, `more on ${a.slice(0, 24)}`));
    gap.update(first.layers, first.experts, difference(first.cells, second.cells), scale);
  }

  function drawSummary(raw) {
    if (raw.jaccard_distance === null) {
      setText(said, 'One of the two is idle, so there is nothing to compare.');
      return;
    }
    replace(said, el('strong', {}, a), ' and ', el('strong', {}, b), ' share ', el('strong', {}, percent(1 - raw.jaccard_distance)),
      ` of the experts they are expected to load; ${number(raw.a.expected_experts_per_layer, 1)} and ${number(raw.b.expected_experts_per_layer, 1)} per layer in a step.`);
    replace(most, el('h3', {}, 'Where they differ most'), plainTable('Experts that differ most',
      [{title: 'Layer', right: true}, {title: 'Expert', right: true}, {title: a, right: true}, {title: b, right: true}, {title: 'Difference', right: true}],
      raw.most_different.slice(0, 8).map((cell) => el('tr', {},
        [cell.layer, cell.expert, percent(cell.a), percent(cell.b), percent(cell.a - cell.b)].map((text) => el('td', {class: 'right'}, text))))));
  }

  async function load() {
    clearTimeout(timer);
    const mine = [a, b];
    if (!a) {
      maps = {};
      draw();
      return;
    }
    try {
      const read = async (node) => {
        if (!node) return null;
        const raw = await app.get('residency', {node, model: null});
        return {layers: raw.layers, experts: raw.experts, leases: Number(raw.leases), cells: bytesOf(raw.activation)};
      };
      const [first, second, raw] = await Promise.all([read(a), read(b), b ? app.get('residency/compare', {a, b, model: null}) : null]);
      if (closed || mine[0] !== a || mine[1] !== b) return;
      maps = {a: first, b: second};
      draw();
      if (raw) drawSummary(raw);
    } catch (error) {
      if (error.status === 404) show(null, null);
    }
    if (!closed) timer = setTimeout(load, 3000);
  }

  function show(nextA, nextB) {
    a = nextA;
    b = nextB === nextA ? null : nextB;
    options(names);
    load();
  }

  function options(list) {
    names = list;
    const extra = [a, b].filter((name) => name && !names.includes(name));
    setOptions(pickA, [...extra, ...names], 'choose a node', a);
    setOptions(pickB, [...extra, ...names], 'nothing', b);
    if (!a && names.length && !closed && !app.route.a) {
      // Nobody has chosen yet: the first node is better than an empty place.
      a = names[0];
      pickA.value = a;
      load();
    }
  }

  document.addEventListener('themechange', draw);
  return {
    element, show, options,
    close: () => {
      closed = true;
      clearTimeout(timer);
      document.removeEventListener('themechange', draw);
    },
  };
}
