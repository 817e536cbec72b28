// Series over time, drawn by uPlot. One call makes the chart; `update` gives it new columns.
//
// spec: {label, series: [{label, color: 's1', dashed, fill, format}], format, height, zero}
// columns: [seconds since 1970, values of the first series, ...]; null where nothing is known.
import {el, replace, setText} from './dom.js';
import {UNKNOWN} from './format.js';

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// 10.0 ms is 10 ms on an axis.
export const axisText = (text) => text.replace(/(\.\d*?)0+(?=\D|$)/, '$1').replace(/\.(?=\D|$)/, '');

const pad = (value) => String(value).padStart(2, '0');
function clockText(seconds) {
  const at = new Date(seconds * 1000);
  const text = `${pad(at.getHours())}:${pad(at.getMinutes())}`;
  return at.getSeconds() ? `${text}:${pad(at.getSeconds())}` : text;
}

function axes(format) {
  const line = {stroke: color('line'), width: 1};
  const font = '11px system-ui, sans-serif';
  return [
    {stroke: color('soft'), grid: {show: false}, ticks: {...line, size: 4}, font, gap: 4, size: 26, space: 64, values: (plot, ticks) => ticks.map(clockText)},
    {
      stroke: color('soft'), grid: line, ticks: {show: false}, font, gap: 4, space: 26,
      size: (plot, values) => Math.max(36, 8 + 6.6 * Math.max(0, ...(values ?? []).map((v) => v.length))),
      values: (plot, ticks) => ticks.map((tick) => axisText(format(tick))),
    },
  ];
}

export class Chart {
  constructor(spec) {
    this.spec = {height: 168, ...spec};
    this.values = this.spec.series.map(() => el('b', {}, UNKNOWN));
    this.legend = el('ul', {class: 'legend'}, this.spec.series.map((series, i) => el('li', {},
      el('span', {class: `key${series.dashed ? ' dashed' : ''}`, vars: {'--key': `var(--${series.color})`}}),
      el('span', {'data-help': series.help}, series.label), this.values[i])));
    this.canvas = el('div', {class: 'plot', role: 'img', 'aria-label': spec.label});
    this.nothing = el('p', {class: 'plot-empty', vars: {height: `${this.spec.height}px`}}, 'Nothing yet: a point is made every 10 seconds.');
    this.element = el('div', {}, this.legend, this.canvas, this.nothing);
    this.columns = [[], ...this.spec.series.map(() => [])];
    this.watcher = new ResizeObserver(() => this.resize());
    this.watcher.observe(this.canvas);
    this.onTheme = () => this.rebuild();
    document.addEventListener('themechange', this.onTheme);
  }

  options(width) {
    const {series, format, height, zero = true, label} = this.spec;
    const range = (plot, low, high) => {
      if (low === null || high === null) return [0, 1];
      const top = high > 0 ? high * 1.08 : high === low ? 1 : 0;
      return zero ? [Math.min(0, low), top || 1] : [low - (high - low) * 0.1 || low * 0.9, high + (high - low) * 0.1 || high * 1.1];
    };
    return {
      width, height, legend: {show: false}, padding: [8, 6, 0, 0],
      cursor: {points: {size: 6}, drag: {x: false, y: false}, sync: {key: 'eldr'}, y: false},
      scales: {x: {time: true}, y: {range}},
      axes: axes(format),
      series: [{}, ...series.map((one) => ({
        label: one.label, stroke: color(one.color), width: 1.6, points: {show: false}, spanGaps: false,
        dash: one.dashed ? [5, 4] : undefined,
        fill: one.fill ? color(one.color) + '22' : undefined,
      }))],
      hooks: {setCursor: [(plot) => this.readOut(plot.cursor.idx)]},
      title: undefined, id: undefined, class: label ? 'series' : undefined,
    };
  }

  update(columns) {
    this.columns = columns;
    // A line needs two points.
    this.nothing.hidden = columns[0].length > 1;
    this.canvas.hidden = !this.nothing.hidden;
    if (this.plot) this.plot.setData(columns);
    else this.resize();
    this.readOut(this.plot?.cursor.idx);
  }

  // The values under the pointer, or the newest.
  readOut(index) {
    const last = this.columns[0].length - 1;
    const at = index ?? last;
    this.spec.series.forEach((series, i) => {
      const format = series.format ?? this.spec.format;
      setText(this.values[i], at >= 0 ? format(this.columns[i + 1]?.[at]) : UNKNOWN);
    });
    if (index === null || index === undefined) this.describe(last);
  }

  describe(last) {
    const parts = this.spec.series.map((series, i) => {
      const known = (this.columns[i + 1] ?? []).filter((v) => v !== null && v !== undefined);
      if (last < 0 || known.length === 0) return `${series.label}: nothing yet`;
      const format = series.format ?? this.spec.format;
      return `${series.label}: now ${format(known[known.length - 1])}, least ${format(Math.min(...known))}, most ${format(Math.max(...known))}`;
    });
    this.canvas.setAttribute('aria-label', `${this.spec.label}. ${parts.join('. ')}.`);
  }

  resize() {
    const width = Math.floor(this.canvas.clientWidth);
    if (width < 40) return;
    if (this.plot) {
      if (this.plot.width !== width) this.plot.setSize({width, height: this.spec.height});
    } else {
      this.canvas.replaceChildren();
      this.plot = new window.uPlot(this.options(width), this.columns, this.canvas);
    }
  }

  rebuild() {
    this.plot?.destroy();
    this.plot = null;
    this.resize();
  }

  close() {
    document.removeEventListener('themechange', this.onTheme);
    this.watcher.disconnect();
    this.plot?.destroy();
  }
}

export function panel(title, note, ...inside) {
  return el('section', {class: 'panel'},
    el('header', {}, el('h2', {}, title), note ? el('p', {}, note) : null),
    replace(el('div', {class: 'body'}), inside));
}
