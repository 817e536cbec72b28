// Small pictures, drawn with the colour of the text beside them. Shape tells what colour tells, too.
import {el, svg} from './dom.js';

const icon = (box, ...parts) => svg('svg', {viewBox: box, 'aria-hidden': 'true'}, parts);

const SHAPES = {
  ready: () => icon('0 0 12 12', svg('circle', {cx: 6, cy: 6, r: 4.5, stroke: 'none'})),
  joining: () => icon('0 0 12 12',
    svg('circle', {cx: 6, cy: 6, r: 4, fill: 'none', 'stroke-width': 2, 'stroke-dasharray': '3 2'})),
  draining: () => icon('0 0 12 12',
    svg('circle', {cx: 6, cy: 6, r: 4, fill: 'none', 'stroke-width': 1.6}),
    svg('path', {d: 'M2 6a4 4 0 0 0 8 0z', stroke: 'none'})),
  lost: () => icon('0 0 12 12',
    svg('path', {d: 'M2.5 2.5l7 7m0-7l-7 7', fill: 'none', 'stroke-width': 2.2})),
  silent: () => icon('0 0 12 12', svg('path', {d: 'M6 1l5.2 9.5H.8z', stroke: 'none'})),
};

// What a node's state is called, how it looks, and what it means.
export const STATES = {
  ready: {text: 'ready', tone: 'good', help: 'Its heartbeats come, or it sends none. It takes placements.'},
  draining: {text: 'draining', tone: 'warn', help: 'An operator drains it: no new placements, its leases live on.'},
  joining: {text: 'joining', tone: 'soft', help: 'Registered, no heartbeat yet. It takes no placements.'},
  lost: {text: 'lost', tone: 'bad', help: 'Its heartbeats stopped. Its leases have ended; it takes no placements.'},
  lost_in_panic: {
    text: 'silent', tone: 'warn', shape: 'silent',
    help: 'Its heartbeats stopped, as did those of most nodes at once: panic mode keeps it as it was.',
  },
};

export function stateMark(name) {
  const state = STATES[name] ?? {text: name, tone: 'soft'};
  const shape = SHAPES[state.shape ?? name] ?? SHAPES.joining;
  return el('span', {class: `state ${state.tone}`}, shape(), el('span', {}, state.text));
}

export function severityIcon(severity) {
  const paths = {
    ok: ['M9 1.5a7.5 7.5 0 1 0 0 15a7.5 7.5 0 0 0 0-15z', 'M5.8 9.3l2.2 2.2 4.3-4.8'],
    info: ['M9 1.5a7.5 7.5 0 1 0 0 15a7.5 7.5 0 0 0 0-15z', 'M9 8.2v4.3M9 5.4v.2'],
    warning: ['M9 2L16.6 15.5H1.4z', 'M9 7v4M9 13.2v.1'],
    critical: ['M5.9 1.5h6.2l4.4 4.4v6.2l-4.4 4.4H5.9l-4.4-4.4V5.9z', 'M9 5.2v4.6M9 12.6v.1'],
  };
  return icon('0 0 18 18', (paths[severity] ?? paths.info).map((d) => svg('path', {d})));
}
export const TONES = {ok: 'good', info: 'soft', warning: 'warn', critical: 'bad'};
