// Which experts are busy where: the fleet as small pictures, one node or two in full.
import {el, replace, setName, setText} from '../kit/dom.js';
import {count, nameShortener, number, percent, plural} from '../kit/format.js';
import {diverging, sequential} from '../kit/scales.js';
import {drawCells, scaleLegend} from '../kit/heatmap.js';
import {isDark} from '../kit/theme.js';
import {help} from '../kit/tooltip.js';
import {note, toggle, viewHead} from '../kit/parts.js';
import {difference, inOrder, ownerOrder, summarise} from '../data/analysis.js';
import {bytesOf} from '../data/normalise.js';
import {WORDS} from '../data/words.js';
import {makeComparison} from './compare.js';
import {similarityMatrix} from './similarity.js';

const SORTS = {
  name: ['by name', (a, b) => a.id.localeCompare(b.id, 'en', {numeric: true})],
  special: ['most specialised first', (a, b) => (b.distance ?? -1) - (a.distance ?? -1)],
  leases: ['busiest first', (a, b) => b.leases - a.leases],
};
const MATRIX_AT_MOST = 64;
const ORDER_FOR_MS = 30000;

export function toFleet(raw) {
  return {
    rows: raw.rows, columns: raw.columns, layersPerRow: raw.layers_per_row, expertsPerColumn: raw.experts_per_column,
    mean: bytesOf(raw.mean), difference: raw.difference,
    groups: (raw.groups ?? []).map((one) => ({
      id: one.expert_group, node: one.node, nodes: one.nodes, leases: Number(one.leases),
      map: bytesOf(one.cells), distance: one.distance_to_mean,
    })),
  };
}

// One picture of a group. Pictures out of sight are not drawn.
class Thumb {
  constructor(id, onPress) {
    this.canvas = el('canvas', {'aria-hidden': 'true'});
    this.id = id;
    this.name = el('span', {class: 'ellipsis'});
    this.more = el('small');
    this.apart = el('span', {class: 'visually-hidden'});
    this.element = el('button', {type: 'button', class: 'thumb', 'aria-pressed': 'false', on: {click: onPress}},
      el('span', {class: 'name'}, this.name, this.more), this.apart, this.canvas);
    this.element.thumb = this;
    this.seen = false;
  }

  set(group, fleet, paint, pressed, short) {
    Object.assign(this, {group, fleet, paint});
    setName(this.name, this.id, short(this.id));
    setText(this.more, group.leases ? plural(group.leases, 'lease') : 'idle');
    this.element.setAttribute('aria-pressed', String(pressed));
    setText(this.apart, group.distance === null ? '' : `${percent(group.distance)} away from the fleet’s mean`);
    if (this.seen) this.draw();
  }

  draw() {
    const {rows, columns} = this.fleet;
    this.canvas.style.setProperty('--ratio', `${columns} / ${Math.max(rows, columns / 3)}`);
    // An idle node has no chances to show: its place stays empty.
    if (this.group.leases) drawCells(this.canvas, rows, columns, this.paint.cells(this.group.map), this.paint.scale);
    else this.canvas.width = this.canvas.height = 0;
  }
}

export function makeResidency(app) {
  const chosen = {mode: 'difference', order: 'owner', sort: 'name', a: app.route.a ?? null, b: app.route.b ?? null};
  let owners = {at: 0, order: null};
  let fleet = null, timer = null, closed = false;
  const thumbs = new Map();
  const statement = el('p', {class: 'statement'}, 'Reading the fleet’s residency…');
  const legend = el('span');
  const grid = el('div', {class: 'thumbs', tabindex: 0, role: 'group', 'aria-label': 'Residency of every node'});
  const matrix = similarityMatrix((a, b) => select(a, b));
  const comparison = makeComparison(app);
  const sort = el('select', {class: 'field', 'aria-label': 'Order of the nodes', on: {change: () => { chosen.sort = sort.value; draw(); }}},
    Object.entries(SORTS).map(([key, [text]]) => el('option', {value: key}, text)));
  const eye = new IntersectionObserver((entries) => entries.forEach((entry) => {
    const {thumb} = entry.target;
    thumb.seen = entry.isIntersecting;
    if (thumb.seen && thumb.group) thumb.draw();
  }), {rootMargin: '200px'});

  const element = el('div', {},
    viewHead('Residency', 'Which experts each node is expected to load in its next decode step. Layers go down, experts across. The more the pictures differ, the more the nodes have specialised.',
      toggle('What is drawn', [['chance', 'Chance', 'The chance that the next decode step loads the expert.'],
        ['difference', 'Against the mean', 'Orange: more than on the average node. Blue: less.']], chosen.mode, (mode) => { chosen.mode = mode; draw(); }),
      toggle('Order of experts', [['number', 'By number', 'Experts in the model’s own order.'],
        ['owner', 'By owner', 'In each layer, experts that lean to the first node come first, then those of the second: specialisation shows as a staircase.']], chosen.order, (order) => { chosen.order = order; draw(); })),
    el('div', {class: 'stack'},
      statement,
      el('section', {class: 'panel'},
        el('header', {}, el('h2', {}, 'All nodes'), el('p', {}, 'Press one to see it in full, a second one to compare.'), el('span', {class: 'spring'}), legend, sort),
        grid),
      comparison.element,
      el('section', {class: 'panel'},
        el('header', {}, el('h2', {}, 'All pairs'), el('p', {}, 'Press a cell to compare the two nodes.')),
        el('div', {class: 'body stack'}, matrix.element,
          el('p', {class: 'soft'}, help('What is shared?', WORDS.overlap), ' Nodes that serve the same mix of requests would share nearly all.')))));

  function select(a, b) {
    Object.assign(chosen, {a, b});
    app.setRoute({a, b});
    comparison.show(a, b);
    draw();
    comparison.element.scrollIntoView({block: 'nearest'});
  }

  function press(id) {
    if (chosen.a === id) select(chosen.b, null);
    else if (chosen.b === id) select(chosen.a, null);
    else if (chosen.a) select(chosen.a, id);
    else select(id, null);
  }

  // Of the experts' places only the picture's reader should say when they move: they stay for a while.
  function steadyOrder() {
    const busy = fleet.groups.filter((one) => one.leases > 0).sort(SORTS.name[1]);
    const cells = fleet.rows * fleet.columns;
    if (busy.length && (owners.order?.length !== cells || Date.now() - owners.at > ORDER_FOR_MS)) {
      owners = {at: Date.now(), order: ownerOrder(busy.map((one) => one.map), fleet.rows, fleet.columns)};
    }
    return owners.order?.length === cells ? owners.order : null;
  }

  function draw() {
    if (!fleet || closed) return;
    const groups = [...fleet.groups].sort(SORTS[chosen.sort][1]);
    // Where at most one node is busy, it is the mean.
    const against = chosen.mode === 'difference' && groups.filter((one) => one.leases > 0).length > 1;
    const scale = against ? diverging(isDark()) : sequential();
    const short = nameShortener(groups.map((one) => one.id), 18);
    const order = chosen.order === 'owner' ? steadyOrder() : null;
    const paint = {scale, cells: (map) => inOrder(against ? difference(map, fleet.mean) : map, order)};
    replace(legend, against ? scaleLegend(scale, 'less', 'more than the mean') : scaleLegend(scale, '0 %', '100 % chance'));
    const wanted = groups.map((group) => {
      if (!thumbs.has(group.id)) {
        const thumb = new Thumb(group.id, () => press(group.node));
        thumbs.set(group.id, thumb);
        eye.observe(thumb.element);
      }
      const thumb = thumbs.get(group.id);
      thumb.set(group, fleet, paint, group.node === chosen.a || group.node === chosen.b, short);
      return thumb.element;
    });
    grid.classList.toggle('many', wanted.length > 24);
    if (wanted.length !== grid.children.length || wanted.some((one, i) => grid.children[i] !== one)) grid.replaceChildren(...wanted);
    for (const [id, thumb] of thumbs) {
      if (wanted.includes(thumb.element)) continue;
      eye.unobserve(thumb.element);
      thumbs.delete(id);
    }
    if (!groups.length) replace(grid, note('No nodes yet', 'Their pictures appear here as they register.'));
    comparison.options(groups.map((group) => group.node), {mode: chosen.mode});
  }

  function summary() {
    const busy = fleet.groups.filter((one) => one.leases > 0);
    const short = nameShortener(fleet.groups.map((one) => one.node), 40);
    const few = busy.length <= MATRIX_AT_MOST ? summarise(busy) : null;
    const apart = fleet.difference?.mean_jaccard_distance;
    const named = (id) => {
      const name = el('strong');
      setName(name, id, short(id));
      return name;
    };
    if (busy.length < 2 || apart === null || apart === undefined) {
      setText(statement, busy.length < 2 ? 'Fewer than two nodes are busy, so there is nothing to compare yet: the pictures show chances.' : 'Nothing to compare yet.');
    } else {
      const special = [...busy].filter((one) => one.distance !== null).sort((a, b) => b.distance - a.distance)[0];
      replace(statement, 'Two busy nodes share on average ', el('strong', {}, percent(1 - apart)), ' of the experts they are expected to load.',
        special ? [' ', named(special.node), ' is the most specialised, at a cosine distance of ', number(special.distance, 2), ' from the mean.'] : null,
        few && few.unlike ? [' ', named(few.unlike.a), ' and ', named(few.unlike.b), ' have least in common (', percent(few.unlike.share), '), ',
          named(few.alike.a), ' and ', named(few.alike.b), ' most (', percent(few.alike.share), ').'] : null);
    }
    matrix.update(few, busy.length > MATRIX_AT_MOST ? `${count(busy.length)} nodes are too many for a picture of all pairs.` : '');
  }

  async function load() {
    clearTimeout(timer);
    try {
      const raw = await app.get('residency/fleet');
      if (closed) return;
      fleet = toFleet(raw);
      // More than fit into one answer come in parts; the mean is that of the first.
      for (let after = raw.next; after;) {
        const more = await app.get('residency/fleet', {after});
        fleet.groups.push(...toFleet(more).groups);
        after = more.next;
      }
      draw();
      summary();
    } catch (error) {
      if (!fleet) setText(statement, `The residency cannot be read: ${error.message}`);
    }
    if (!closed) timer = setTimeout(load, fleet && fleet.groups.length > 128 ? 15000 : 3000);
  }

  comparison.show(chosen.a, chosen.b);
  document.addEventListener('themechange', draw);
  load();
  return {
    element,
    update: () => {},
    close: () => {
      closed = true;
      clearTimeout(timer);
      eye.disconnect();
      comparison.close();
      document.removeEventListener('themechange', draw);
    },
  };
}
