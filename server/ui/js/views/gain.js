// Whether it helps: against the average candidate, and against the shadow policy.
import {el, replace, setText} from '../kit/dom.js';
import {change, count, duration, number, percent} from '../kit/format.js';
import {Chart, panel} from '../kit/chart.js';
import {help} from '../kit/tooltip.js';
import {viewHead} from '../kit/parts.js';
import {gainSentence} from '../data/sentences.js';
import {WORDS} from '../data/words.js';

function bigNumber(title, explanation) {
  const value = el('div', {class: 'value'}, '–'), said = el('p', {}, 'Nothing to tell yet.'), pair = el('div', {class: 'pair'});
  const row = (name, share, text, other) => el('div', {}, el('span', {class: 'ellipsis'}, name),
    el('span', {class: `bar${other ? ' other' : ''}`, 'aria-hidden': 'true'}, el('i', {vars: {'--a': `${Math.min(100, share * 100).toFixed(1)}%`}})), el('span', {class: 'right'}, text));
  return {
    element: el('section', {class: 'panel gain-number'}, el('h2', {}, help(title, explanation)), value, said, pair),
    set(ratio, sentence, first, second, format) {
      setText(value, ratio === null ? '–' : change(ratio));
      value.className = `value ${ratio === null ? 'soft' : ratio < 0 ? 'good' : ratio > 0.005 ? 'warn' : ''}`;
      setText(said, sentence);
      const most = Math.max(first?.[1] ?? 0, second?.[1] ?? 0);
      replace(pair, most > 0 ? [row(first[0], first[1] / most, format(first[1]), false), row(second[0], second[1] / most, format(second[1]), true)] : null);
    },
  };
}

export function makeGain(app) {
  const sentence = el('p', {class: 'statement'});
  const experts = bigNumber('Experts added by a request', WORDS.gain);
  const step = bigNumber('Decode step, by one request', 'The experts that placing one request well saves, times what an expert takes on these nodes: an estimate, against the predicted step. A batch of many such requests saves more.');
  const shadow = bigNumber('Cost against the shadow policy', WORDS.shadow + ' The cost is the residency cost of both choices, on the fleet as it was.');
  const line = (label, format, series, height = 170) => new Chart({label, format, series, height});
  const added = line('Experts added by a request, over the last hour', (v) => number(v), [
    {label: 'On the chosen node', color: 's1', fill: true, help: WORDS.marginal}, {label: 'on the mean candidate', color: 's2', dashed: true, help: WORDS.gain}]);
  const distinct = line('Distinct experts per layer of a decode step, over the last hour', (v) => number(v, 1), [
    {label: 'Distinct experts per layer', color: 's1', fill: true, help: WORDS.experts}]);
  const steps = line('Decode step time over the last hour', duration, [
    {label: 'Predicted', color: 's1', help: WORDS.predicted}, {label: 'reported', color: 's2', dashed: true, help: WORDS.reported}]);
  const costs = line('Cost of the choices made and of those of the shadow policy, over the last hour', duration, [
    {label: 'Cost of the choices made', color: 's1', help: WORDS.cost}, {label: 'of the shadow’s', color: 's2', dashed: true, help: WORDS.shadow}]);
  const costPanel = panel('Against the shadow policy', 'last hour', costs.element);
  const charts = [added, distinct, steps, costs];
  const element = el('div', {},
    viewHead('Gain', 'Whether placing by experts pays, on this traffic and this fleet.'),
    el('div', {class: 'stack'}, sentence, el('div', {class: 'gain-numbers'}, experts.element, step.element, shadow.element),
      el('div', {class: 'columns'}, panel('Experts added by a request', 'last hour, summed over layers', added.element), panel('Distinct experts', 'last hour, mean over nodes', distinct.element),
        panel('Decode step', 'last hour, mean over nodes', steps.element), costPanel)));

  function draw() {
    const gain = app.state.gain;
    setText(sentence, gainSentence(gain));
    if (!gain) return;
    const e = gain.marginal_experts, s = gain.step_time, w = gain.shadow;
    experts.set(e?.change_ratio ?? null, 'Experts a request adds to a step, against the mean of its candidates.',
      ['chosen node', e?.chosen], ['mean candidate', e?.mean_candidate], (v) => number(v));
    const without = (s?.predicted_seconds ?? 0) + (s?.saved_seconds ?? 0);
    step.set(s?.change_ratio ?? null, 'What the experts saved by one request take off a step, by estimate.',
      ['placed so', s?.predicted_seconds], ['on the mean', without], duration);
    if (w) {
      shadow.set(w.change_ratio ?? null, `${w.policy} would have chosen the same node in ${percent(w.decisions ? w.agrees / w.decisions : null)} of ${count(w.decisions)} decisions.`,
        ['choices made', w.cost_made_seconds], [w.policy, w.cost_shadow_seconds], duration);
    } else {
      shadow.set(null, 'The model has no shadow policy. Set shadow_policy: least_loaded in the configuration to compare with it on live traffic.', null, null, duration);
    }
    costPanel.hidden = !w;
  }
  function drawHistory() {
    const h = app.state.history;
    added.update([h.t, h.marginal, h.marginalMean]);
    distinct.update([h.t, h.experts]);
    steps.update([h.t, h.predicted, h.reported]);
    costs.update([h.t, h.costMade, h.costShadow]);
  }

  draw();
  drawHistory();
  return {
    element,
    update: (what) => (what === 'gain' ? draw() : what === 'history' && drawHistory()),
    close: () => charts.forEach((chart) => chart.close()),
  };
}
