// What the decisions knew: quality, age and origin of signatures.
import {el, replace, setText} from '../kit/dom.js';
import {age, bytes, count, duration, percent} from '../kit/format.js';
import {Chart, panel} from '../kit/chart.js';
import {plainTable} from '../kit/table.js';
import {note, tile, tiles, viewHead} from '../kit/parts.js';
import {QUALITIES} from '../data/explain.js';
import {qualitySentence} from '../data/sentences.js';
import {WORDS} from '../data/words.js';

const KINDS = [['full', 's3'], ['partial', 's2'], ['missing', 's4']];

function qualityBar(counts, label) {
  return el('div', {class: 'stacked', role: 'img', 'aria-label': label},
    KINDS.filter(([kind]) => counts[kind] > 0).map(([kind, color]) => el('i', {vars: {'--share': counts[kind], '--key': `var(--${color})`}})));
}

function workerRows(workers) {
  return workers.map((one) => {
    const shares = KINDS.map(([kind]) => `${QUALITIES[kind].text} ${count(one[kind])}`).join(', ');
    return el('tr', {}, el('th', {scope: 'row'}, el('span', {class: 'ellipsis'}, one.worker || 'not named')),
      el('td', {class: 'right'}, count(one.placements)), el('td', {}, qualityBar(one, shares)),
      el('td', {class: 'right'}, percent(one.placements ? one.missing / one.placements : null)),
      el('td', {class: 'right'}, duration(one.mean_age_seconds)), el('td', {class: 'right'}, duration(one.max_age_seconds)),
      el('td', {class: 'right'}, one.last_seconds_ago === null ? '–' : `${age(one.last_seconds_ago)} ago`));
  });
}

export function makeSignatures(app) {
  let timer = null, closed = false;
  const sentence = el('p', {class: 'statement'}, 'Reading…');
  const hourBar = el('div');
  const legend = el('ul', {class: 'legend'}, KINDS.map(([kind, color]) => el('li', {}, el('span', {class: 'key box', vars: {'--key': `var(--${color})`}}),
    el('span', {'data-help': QUALITIES[kind].help}, kind === 'missing' ? 'no signature' : kind))));
  const numbers = {
    without: tile('Placed without', 'Placements of the last hour for which no signature had come: the model’s prior stood in.'),
    stored: tile('Signatures waiting', WORDS.stored), memory: tile('Memory of those', 'The oldest go when the limit is reached.'),
    blocks: tile('KV blocks known', 'Signatures of KV blocks, for prompts whose prefix was cached.'),
  };
  const quality = new Chart({label: 'Signature quality over the last hour', format: (v) => percent(v), series: [
    {label: 'Full', color: 's3', help: QUALITIES.full.help}, {label: 'partial', color: 's2', help: QUALITIES.partial.help}, {label: 'none', color: 's4', dashed: true, help: QUALITIES.missing.help}]});
  const ages = new Chart({label: 'Age of signatures over the last hour', format: duration, series: [
    {label: 'Age P50', color: 's1', help: WORDS.signatureAge}, {label: 'P99', color: 's2', dashed: true, help: WORDS.signatureAge}]});
  const workers = el('div');
  const element = el('div', {},
    viewHead('Signatures', 'Prefill workers tell which experts a prompt picked. Without that the daemon falls back to the model’s average traffic, and places less well.'),
    el('div', {class: 'stack'},
      el('section', {class: 'panel'}, el('div', {class: 'body stack'}, sentence, hourBar, legend)),
      tiles(Object.values(numbers)),
      el('div', {class: 'columns'}, panel('Quality', 'last hour, share of placements', quality.element), panel('Age at placement', 'last hour', ages.element)),
      el('section', {class: 'panel'}, el('header', {}, el('h2', {}, 'Prefill workers'), el('p', {}, 'of the placements that are remembered')), workers)));

  async function load() {
    clearTimeout(timer);
    try {
      const raw = await app.get('signatures');
      if (closed) return;
      const hour = raw.last_hour, stored = raw.stored;
      setText(sentence, qualitySentence(hour));
      replace(hourBar, hour.placements ? qualityBar(hour, qualitySentence(hour)) : null);
      numbers.without.set(percent(hour.missing_ratio), '', `${count(hour.missing)} of ${count(hour.placements)}`);
      numbers.stored.set(count(Number(stored.signatures)), '', `kept for ${age(stored.keep_seconds)}`);
      numbers.memory.set(bytes(Number(stored.bytes)), '', `of ${bytes(Number(stored.limit_bytes))}`);
      numbers.blocks.set(count(Number(stored.blocks)), '', `${bytes(Number(stored.block_bytes))} of ${bytes(Number(stored.block_limit_bytes))}`);
      replace(workers, raw.workers.length ? plainTable('Prefill workers', [{title: 'Worker'}, {title: 'Placements', right: true}, {title: 'Quality', help: WORDS.quality},
        {title: 'Without', right: true}, {title: 'Age, mean', right: true, help: WORDS.signatureAge}, {title: 'Age, most', right: true, help: WORDS.signatureAge}, {title: 'Last placement', right: true}], workerRows(raw.workers))
        : note('No workers yet', 'They appear with the first placement that used one’s signature.'));
    } catch (error) {
      if (!closed && timer === null) setText(sentence, `The signatures cannot be read: ${error.message}`);
    }
    if (!closed) timer = setTimeout(load, 3000);
  }
  function drawHistory() {
    const h = app.state.history;
    const share = (list) => list.map((value, i) => {
      const all = h.full[i] + h.partial[i] + h.missing[i];
      return all ? value / all : null;
    });
    quality.update([h.t, share(h.full), share(h.partial), share(h.missing)]);
    ages.update([h.t, h.ageP50, h.ageP99]);
  }

  load();
  drawHistory();
  return {
    element, update: (what) => what === 'history' && drawHistory(),
    close: () => {
      closed = true;
      clearTimeout(timer);
      quality.close();
      ages.close();
    },
  };
}
