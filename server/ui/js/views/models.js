// The declared models: shape, policy, parameters, and what each has learned of its traffic.
import {el, replace, setText} from '../kit/dom.js';
import {bytes, count, number, percent, plural} from '../kit/format.js';
import {Heatmap, scaleLegend} from '../kit/heatmap.js';
import {sequential} from '../kit/scales.js';
import {chip, facts, note, viewHead} from '../kit/parts.js';
import {bytesOf} from '../data/normalise.js';
import {WORDS, parameterFacts} from '../data/words.js';

const POLICIES = {
  residency: 'Chooses the node whose decode steps stay quickest, by the experts that are resident there.',
  locality_band: 'The least loaded of the nodes with a similar centroid, from a fixed profile.',
  locality_band_online: 'The least loaded of the nodes with a similar centroid, fitted to recent traffic.',
  least_loaded: 'The node with the least load.', power_of_two: 'The less loaded of two nodes drawn at random.',
  round_robin: 'The nodes in turn.', random: 'A node at random.',
};

function card(model, prior) {
  return el('section', {class: 'panel'},
    el('header', {}, el('h2', {}, model.name), chip(model.policy, 'accent', POLICIES[model.policy]),
      model.shadowPolicy ? chip(`shadow: ${model.shadowPolicy}`, '', WORDS.shadow) : null,
      model.panicMode ? chip('panic mode', 'warn', 'Most nodes are silent at once; none is taken for lost meanwhile.') : null),
    el('div', {class: 'body model-card'},
      el('p', {class: 'soft'}, `${plural(model.layers, 'MoE layer')} of ${count(model.experts)} experts; each token picks ${count(model.topK)} of them. ${POLICIES[model.policy] ?? ''}`),
      facts([
        ['Nodes that take placements', `${count(model.readyNodes)} of ${count(model.nodes)}`, WORDS.ready], ['Leases', count(model.leases), WORDS.leases],
        ['Signatures waiting', `${count(model.storedSignatures)}, ${bytes(model.storedSignatureBytes)}`, WORDS.stored],
        ['Requests learned from', count(model.learnedRequests), WORDS.prior],
        ['Releases with decode counts', count(model.decodeObservations), 'Releases that told which experts decode activated.'],
        ['KV blocks known', `${count(model.storedBlocks)}, ${bytes(model.storedBlockBytes)}`],
      ]),
      el('div', {}, el('h3', {}, 'Parameters'), facts(parameterFacts(model.parameters))),
      prior));
}

function makePrior(app, name) {
  let cells = null, experts = 0;
  const map = new Heatmap({label: `Prior of ${name}`, describe: (row, column) =>
    `Layer ${row}, expert ${column}: ${percent(cells[row * experts + column] / 255, 1)} of the requests’ steps`});
  const said = el('p', {class: 'soft'}, 'Reading…');
  const shown = el('div', {hidden: true}, map.element, scaleLegend(sequential(), 'never', 'most used'));
  const element = el('div', {class: 'stack'}, el('h3', {}, 'Prior: how often each expert is used'), said, shown);
  app.get('prior', {model: name}).then((raw) => {
    cells = bytesOf(raw.activation);
    experts = raw.experts;
    // Most chances are small: the scale ends at the largest.
    const most = cells.reduce((a, b) => Math.max(a, b), 1);
    shown.hidden = false;
    map.update(raw.layers, raw.experts, cells.map((cell) => Math.round(cell / most * 255)), sequential());
    const strongest = raw.strongest.slice(0, 3).map((one) => `expert ${one.expert} of layer ${one.layer} (${percent(one.activation)})`).join(', ');
    setText(said, `Traffic uses about ${number(raw.effective_experts_per_layer, 1)} of ${count(raw.experts)} experts per layer` +
      (raw.effective_experts_per_layer > 0.98 * raw.experts ? ', all alike so far.' : `. Most used: ${strongest}.`));
  }).catch((error) => setText(said, `The prior cannot be read: ${error.message}`));
  return element;
}

export function makeModels(app) {
  const list = el('div', {class: 'stack'});
  const priors = new Map();
  const element = el('div', {}, viewHead('Models', 'What is served: the shape that every signature must have, and how requests are placed.'), list);
  function draw() {
    const models = app.state.models;
    const text = JSON.stringify(models);
    // A list that somebody is reading with the keyboard stays until they leave it.
    if (list.shown === text || (list.shown && list.contains(document.activeElement))) return;
    list.shown = text;
    for (const model of models) if (!priors.has(model.name)) priors.set(model.name, makePrior(app, model.name));
    replace(list, models.length ? models.map((model) => card(model, priors.get(model.name)))
      : note('No model is declared yet', 'Declare one in the configuration (models:) or by eldrctl models declare.'));
  }
  draw();
  return {element, update: (what) => what === 'models' && draw(), close: () => {}};
}
