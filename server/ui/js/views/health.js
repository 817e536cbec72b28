// What is wrong, in plain sentences, with what to do.
import {el, replace, setText} from '../kit/dom.js';
import {age} from '../kit/format.js';
import {TONES, severityIcon} from '../kit/icons.js';
import {chip, facts, viewHead} from '../kit/parts.js';
import {healthSentence, sortFindings} from '../data/sentences.js';

const WORDS_OF = {critical: 'critical', warning: 'warning', note: 'note', ok: 'in order'};
const SUBJECTS = {
  ready: 'Ready for calls', nodes: 'Nodes', panic: 'Panic mode', placements: 'Placements', signatures: 'Signatures', limits: 'Limits',
  state: 'State file', certificates: 'Certificates', sinks: 'Log and recordings', access: 'Access',
};

function finding(one) {
  const severity = one.severity === 'note' ? 'info' : one.severity;
  const subject = SUBJECTS[one.subject] ?? one.subject;
  return el('li', {class: 'finding'},
    el('span', {class: TONES[severity]}, severityIcon(severity)),
    el('h3', {}, subject, el('span', {class: 'soft'}, one.model ? ` · ${one.model}` : '')),
    chip(WORDS_OF[one.severity] ?? one.severity, TONES[severity]),
    el('p', {}, one.what), one.do ? el('p', {class: 'do'}, el('strong', {}, 'Do: '), one.do) : null);
}

export function makeHealth(app) {
  const sentence = el('p', {class: 'statement'});
  const list = el('ul', {class: 'panel'});
  const about = el('div', {class: 'body'});
  const element = el('div', {}, viewHead('Health', 'What the daemon looks after, in words: what is wrong, and what to do about it.'),
    el('div', {class: 'stack'}, sentence, list, el('section', {class: 'panel'}, el('header', {}, el('h2', {}, 'The daemon')), about)));
  function draw() {
    const overview = app.state.overview;
    const findings = overview?.health ?? [];
    const text = JSON.stringify(findings);
    setText(sentence, healthSentence(findings));
    if (list.shown !== text) {
      list.shown = text;
      replace(list, sortFindings(findings).map(finding));
    }
    if (!overview) return;
    replace(about, facts([
      ['Version', overview.version], ['Running for', age(overview.uptime_seconds)],
      ['Takes calls', overview.ready ? 'yes' : overview.not_ready_reason || 'no', 'As /readyz has it.'],
      ['Models', String(app.state.models.length)], ['History kept', age(overview.history_seconds), 'In the daemon’s memory, so that this page shows a past when it opens.'],
    ]));
  }
  draw();
  return {element, update: (what) => what === 'health' && draw(), close: () => {}};
}
