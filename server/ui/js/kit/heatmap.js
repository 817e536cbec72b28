// A heatmap of layers (down) and experts (across) on a canvas: one pixel a cell, scaled up by the browser.
import {el, setText} from './dom.js';
import {paint} from './scales.js';
import {hide, showAt} from './tooltip.js';

// Draws values (0..255, row by row) into a canvas of exactly columns x rows pixels.
export function drawCells(canvas, rows, columns, values, scale) {
  if (canvas.width !== columns || canvas.height !== rows) {
    canvas.width = columns;
    canvas.height = rows;
  }
  const context = canvas.getContext('2d');
  const image = context.createImageData(columns, rows);
  paint(image.data, values, scale);
  context.putImageData(image, 0, 0);
}

// describe(row, column) -> the text for the cell; it is shown under the pointer, and read out when
// arrow keys move the mark.
export class Heatmap {
  constructor({label, square = false, describe, ends = null}) {
    Object.assign(this, {describe, square, ends, rows: 0, columns: 0, at: null});
    this.map = el('canvas', {class: 'map'});
    this.readout = el('p', {class: 'readout', 'aria-live': 'polite'},
      'Point at a cell, or use the arrow keys on the map.');
    this.box = el('div', {
      class: 'heat', tabindex: 0, role: 'application', 'aria-roledescription': 'heatmap', 'aria-label': label,
      on: {
        pointermove: (event) => this.onPointer(event), pointerdown: (event) => this.onPointer(event),
        pointerleave: () => hide(), keydown: (event) => this.onKey(event), blur: () => hide(),
      },
    }, this.map);
    this.y = el('div', {class: 'y', 'aria-hidden': 'true'});
    this.x = el('div', {class: 'x', 'aria-hidden': 'true'});
    this.element = el('div', {}, el('div', {class: 'heat-frame'}, this.y, this.box, this.x), this.readout);
  }

  update(rows, columns, values, scale) {
    this.label(rows, columns);
    drawCells(this.map, rows, columns, values, scale);
    Object.assign(this, {rows, columns});
    if (this.at) this.say(this.at.row, this.at.column, false);
  }

  label(rows, columns) {
    const [top, bottom, left, right] = this.ends?.() ?? ['layer 0', rows - 1, 'expert 0', columns - 1];
    const wanted = [top, bottom, left, right].join('\n');
    if (this.labelled === wanted) return;
    this.labelled = wanted;
    this.y.replaceChildren(el('span', {class: 'ellipsis'}, top), el('span', {class: 'ellipsis'}, bottom));
    this.x.replaceChildren(el('span', {class: 'ellipsis'}, left), el('span', {class: 'ellipsis'}, right));
    // The whole is between a readable strip and half a screen.
    if (this.square) this.map.style.aspectRatio = '1';
    else this.map.style.height = `${Math.round(Math.max(120, Math.min(420, rows * 9)))}px`;
  }

  onPointer(event) {
    if (!this.rows) return;
    const place = this.map.getBoundingClientRect();
    const column = Math.floor((event.clientX - place.left) / place.width * this.columns);
    const row = Math.floor((event.clientY - place.top) / place.height * this.rows);
    if (row < 0 || column < 0 || row >= this.rows || column >= this.columns) return;
    this.at = {row, column};
    const text = this.describe(row, column);
    setText(this.readout, text);
    showAt(event.clientX, event.clientY, text);
  }

  onKey(event) {
    const moves = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]};
    const move = moves[event.key];
    if (!move || !this.rows) return;
    event.preventDefault();
    const from = this.at ?? {row: 0, column: 0};
    const far = event.shiftKey ? 8 : 1;
    const row = Math.max(0, Math.min(this.rows - 1, from.row + move[0] * far));
    const column = Math.max(0, Math.min(this.columns - 1, from.column + move[1] * far));
    this.at = {row, column};
    this.say(row, column, true);
  }

  say(row, column, show) {
    const text = this.describe(row, column);
    setText(this.readout, text);
    if (!show) return;
    const place = this.map.getBoundingClientRect();
    showAt(place.left + (column + 0.5) / this.columns * place.width,
      place.top + (row + 0.5) / this.rows * place.height, text);
  }
}

// The scale's legend.
export function scaleLegend(scale, low, high) {
  const canvas = el('canvas', {'aria-hidden': 'true'});
  drawCells(canvas, 1, 256, Uint8Array.from({length: 256}, (_, i) => i), scale);
  return el('span', {class: 'scale'}, el('span', {}, low), canvas, el('span', {}, high));
}
