// The views, in the order of the navigation. `load` brings what makes one: the first view need not wait for the others.
import {svg} from './kit/dom.js';

const icon = (...paths) => () => svg('svg', {viewBox: '0 0 16 16', 'aria-hidden': 'true'}, paths.map((d) => svg('path', {d})));

export const NAV = [
  {name: 'fleet', title: 'Fleet', load: async () => (await import('./views/fleet.js')).makeFleet, icon: icon('M2 3h12v4H2z', 'M2 9h12v4H2z', 'M4.5 5h.1M4.5 11h.1')},
  {name: 'residency', title: 'Residency', load: async () => (await import('./views/residency.js')).makeResidency, icon: icon('M2 2h12v12H2z', 'M2 6h12M2 10h12M6 2v12M10 2v12')},
  {name: 'placements', title: 'Placements', load: async () => (await import('./views/placements.js')).makePlacements, icon: icon('M2 8h4M10 3.5h4M10 12.5h4', 'M6 8c3 0 1.5-4.5 4-4.5M6 8c3 0 1.5 4.5 4 4.5')},
  {name: 'gain', title: 'Gain', load: async () => (await import('./views/gain.js')).makeGain, icon: icon('M2 4l4.5 4.5 2.5-2L14 12', 'M14 8.5V12h-3.5')},
  {name: 'signatures', title: 'Signatures', load: async () => (await import('./views/signatures.js')).makeSignatures, icon: icon('M3 13V8M6.3 13V4M9.7 13V6.5M13 13V2.5')},
  {name: 'health', title: 'Health', load: async () => (await import('./views/health.js')).makeHealth, icon: icon('M1.5 8.5h3l1.8-5 3 9 1.9-4h3.3')},
  {name: 'models', title: 'Models', load: async () => (await import('./views/models.js')).makeModels, icon: icon('M8 1.8l6 3.2-6 3.2-6-3.2z', 'M2 8.2l6 3.2 6-3.2', 'M2 11.2l6 3.2 6-3.2')},
];
