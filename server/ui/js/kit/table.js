// A table that draws only the rows in sight, so that a thousand nodes scroll as smoothly as ten.
//
// Columns: {key, title, help, right, optional, mostFirst, make(), set(cell parts, row), sort(row)}. Rows are plain
// objects with an `id`. Arrow keys, Home, End and the page keys walk through the rows.
import {el, replace, setClass} from './dom.js';

// Rows that are not known go last, whatever the direction.
export function compareBy(value, direction) {
  return (a, b) => {
    const x = value(a), y = value(b);
    const noX = x === null || x === undefined, noY = y === null || y === undefined;
    if (noX || noY) return noX - noY || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
    const order = typeof x === 'string' ? x.localeCompare(y, 'en', {numeric: true}) : x - y;
    return order * direction || String(a.id).localeCompare(String(b.id), 'en', {numeric: true});
  };
}

// The rows from `first` to before `last` that are to be drawn, with some to spare above and below.
export function visibleRange(scrollTop, height, rowHeight, total, spare = 8) {
  const first = Math.max(0, Math.min(total, Math.floor(scrollTop / rowHeight) - spare));
  const last = Math.min(total, Math.ceil((scrollTop + height) / rowHeight) + spare);
  return {first, last: Math.max(first, last)};
}

export class Table {
  constructor({label, columns, sort = null, descending = false, onOpen = null, empty = 'Nothing yet.'}) {
    Object.assign(this, {columns, label, onOpen, empty});
    this.sortKey = sort;
    this.direction = descending ? -1 : 1;
    this.rows = [];
    this.pool = [];
    this.active = 0;
    this.rowHeight = 34;
    this.build();
  }

  build() {
    this.heads = this.columns.map((column) => this.makeHead(column));
    this.above = el('td', {colspan: this.columns.length});
    this.below = el('td', {colspan: this.columns.length});
    this.body = el('tbody', {},
      el('tr', {class: 'spacer', 'aria-hidden': 'true'}, this.above),
      el('tr', {class: 'spacer', 'aria-hidden': 'true'}, this.below));
    this.table = el('table', {'aria-label': this.label}, el('thead', {}, el('tr', {}, this.heads)), this.body);
    this.nothing = el('p', {class: 'note'}, this.empty);
    this.scroller = el('div', {
      class: 'scroller tall', tabindex: 0, role: 'region', 'aria-label': this.label,
      on: {scroll: () => this.drawSoon(), keydown: (event) => this.onKey(event)},
    }, this.table, this.nothing);
    this.element = this.scroller;
    this.watcher = new ResizeObserver(() => this.drawSoon());
    this.watcher.observe(this.scroller);
  }

  makeHead(column) {
    const classes = [column.right ? 'right' : '', column.optional ? 'optional' : ''].join(' ').trim();
    const inside = column.sort
      ? el('button', {type: 'button', 'data-help': column.help, on: {click: () => this.sortBy(column.key)}}, column.title)
      : el('span', {'data-help': column.help, tabindex: column.help ? 0 : null}, column.title);
    return el('th', {scope: 'col', class: classes || null}, inside);
  }

  sortBy(key) {
    const column = this.columns.find((c) => c.key === key);
    this.direction = this.sortKey === key ? -this.direction : column.right || column.mostFirst ? -1 : 1;
    this.sortKey = key;
    this.update(this.rows);
  }

  update(rows) {
    const column = this.columns.find((c) => c.key === this.sortKey);
    this.rows = column?.sort ? [...rows].sort(compareBy(column.sort, this.direction)) : rows;
    this.heads.forEach((head, i) => {
      if (this.columns[i].key !== this.sortKey) head.removeAttribute('aria-sort');
      else head.setAttribute('aria-sort', this.direction > 0 ? 'ascending' : 'descending');
    });
    this.table.setAttribute('aria-rowcount', String(this.rows.length + 1));
    this.nothing.hidden = this.rows.length > 0;
    this.table.hidden = !this.nothing.hidden;
    this.draw();
  }

  drawSoon() {
    if (this.pending) return;
    this.pending = requestAnimationFrame(() => {
      this.pending = 0;
      this.draw();
    });
  }

  draw() {
    const {first, last} = visibleRange(this.scroller.scrollTop, this.scroller.clientHeight || 600,
      this.rowHeight, this.rows.length);
    while (this.pool.length < last - first) this.pool.push(this.makeRow());
    this.pool.forEach((line, i) => {
      const row = i < last - first ? this.rows[first + i] : null;
      if (!row) {
        line.tr.remove();
        return;
      }
      if (!line.tr.parentNode) this.body.insertBefore(line.tr, this.body.lastChild);
      this.fill(line, row, first + i);
    });
    this.above.style.height = `${first * this.rowHeight}px`;
    this.below.style.height = `${(this.rows.length - last) * this.rowHeight}px`;
    const height = this.pool[0]?.tr.offsetHeight;
    if (height && Math.abs(height - this.rowHeight) >= 1) {
      this.rowHeight = height;
      this.drawSoon();
    }
  }

  makeRow() {
    const line = {row: null};
    line.parts = this.columns.map((column) => column.make?.());
    const cells = this.columns.map((column, i) => {
      const classes = [column.right ? 'right' : '', column.optional ? 'optional' : ''].join(' ').trim();
      return el(i === 0 ? 'th' : 'td', {scope: i === 0 ? 'row' : null, class: classes || null},
        line.parts[i]?.element ?? line.parts[i]);
    });
    line.cells = cells;
    line.tr = el('tr', {on: {click: (event) => {
      if (this.onOpen && line.row && !event.target.closest('a')) this.onOpen(line.row);
    }}}, cells);
    return line;
  }

  fill(line, row, index) {
    line.row = row;
    line.tr.setAttribute('aria-rowindex', String(index + 2));
    setClass(line.tr, 'chosen', row.chosen);
    this.columns.forEach((column, i) => column.set(line.parts[i] ?? line.cells[i], row));
  }

  // The button of a row, if it has one, takes the focus; so a reader hears which row it is.
  focusRow(index) {
    this.active = Math.max(0, Math.min(this.rows.length - 1, index));
    const top = this.active * this.rowHeight;
    const height = this.scroller.clientHeight - 2 * this.rowHeight;
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    else if (top > this.scroller.scrollTop + height) this.scroller.scrollTop = top - height;
    this.draw();
    const wanted = this.rows[this.active];
    this.pool.find((line) => line.row === wanted && line.tr.parentNode)?.tr.querySelector('button')?.focus({preventScroll: true});
  }

  onKey(event) {
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / this.rowHeight) - 2);
    const steps = {ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -this.rows.length, End: this.rows.length};
    if (!(event.key in steps) || event.target.closest('thead')) return;
    const line = this.pool.find((one) => one.tr.contains(event.target));
    const from = line ? this.rows.indexOf(line.row) : event.key === 'ArrowDown' ? -1 : this.active;
    event.preventDefault();
    this.focusRow(from + steps[event.key]);
  }

  close() {
    this.watcher.disconnect();
    cancelAnimationFrame(this.pending);
  }
}

// A table of few rows, drawn whole.
export function plainTable(label, heads, rows, properties = {}) {
  return el('div', {class: 'scroller', tabindex: 0, role: 'region', 'aria-label': label},
    el('table', {'aria-label': label, ...properties},
      el('thead', {}, el('tr', {}, heads.map((head) =>
        el('th', {scope: 'col', class: head.right ? 'right' : null},
          head.help ? el('span', {'data-help': head.help, tabindex: 0}, head.title) : head.title)))),
      replace(el('tbody'), rows)));
}
