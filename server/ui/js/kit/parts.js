// Small parts that several views use.
import {el, setText} from './dom.js';
import {help} from './tooltip.js';

// A number with its name, its unit and one more line. `set(number, unit, more)`.
export function tile(name, explanation) {
  const value = el('span', {}, '–'), unit = el('small'), more = el('dd', {class: 'more'}, '\u00a0');
  return {
    element: el('div', {class: 'tile'}, el('dt', {}, help(name, explanation)), el('dd', {}, value, unit), more),
    set(text, unitText = '', moreText = '') {
      setText(value, text);
      setText(unit, unitText);
      setText(more, moreText || '\u00a0');
    },
  };
}

export const tiles = (list) => el('div', {class: 'tiles'}, list.map((one) => el('dl', {class: 'tile-list'}, one.element)));

export function viewHead(title, sentence, ...tools) {
  return el('div', {class: 'view-head'},
    el('div', {}, el('h1', {}, title), el('p', {}, sentence)),
    tools.length ? el('div', {class: 'tools'}, tools) : null);
}

// Buttons of which one is pressed. options: [[value, text, help]]. `onChange(value)`.
export function toggle(label, options, value, onChange) {
  const buttons = options.map(([key, text, explanation]) => el('button', {
    type: 'button', 'aria-pressed': String(key === value), 'data-help': explanation,
    on: {click: () => {
      buttons.forEach((button, i) => button.setAttribute('aria-pressed', String(options[i][0] === key)));
      onChange(key);
    }},
  }, text));
  return el('div', {class: 'toggle', role: 'group', 'aria-label': label}, buttons);
}

// [[name, value, help]] as a list of facts.
export function facts(list) {
  return el('dl', {class: 'facts'}, list.filter(Boolean).map(([name, value, explanation]) =>
    el('div', {}, el('dt', {}, explanation ? help(name, explanation) : name), el('dd', {}, value))));
}

export function chip(text, tone, explanation) {
  return el('span', {class: `chip ${tone ?? ''}`, 'data-help': explanation}, text);
}

// A dialog over the page, closed by Escape, its button or a press beside it. `onClose` runs once.
export function openDialog(title, content, {wide = true, onClose = () => {}} = {}) {
  const dialog = el('dialog', {class: wide ? 'wide' : null, 'aria-label': title},
    el('div', {class: 'inside'},
      el('header', {}, el('h2', {class: 'ellipsis'}, title),
        el('button', {type: 'button', class: 'close', 'aria-label': 'Close', on: {click: () => dialog.close()}}, '×')),
      content));
  dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener('close', () => {
    dialog.remove();
    onClose();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

export const note = (strong, text) => el('div', {class: 'note'}, el('strong', {}, strong), text);
