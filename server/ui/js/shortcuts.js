// Keys, and the words of the page.
import {el} from './kit/dom.js';
import {openDialog} from './kit/parts.js';
import {GLOSSARY} from './data/words.js';
import {NAV} from './nav.js';

const KEYS = [
  ...NAV.map((one, i) => [String(i + 1), one.title]),
  ['/', 'Filter'], ['p', 'Hold placements still'], ['↑ ↓', 'Walk through rows and cells'], ['Enter', 'Open'], ['?', 'This'],
];

export function openWords() {
  openDialog('Words and shortcuts', el('div', {class: 'stack'},
    el('p', {class: 'soft'}, 'Whatever is underlined with dots explains itself when you point at it, focus it or touch it.'),
    el('ul', {class: 'shortcuts'}, KEYS.map(([key, text]) => el('li', {}, el('kbd', {}, key), ' ', text))),
    el('dl', {class: 'glossary'}, GLOSSARY.map(([word, text]) => [el('dt', {}, word), el('dd', {}, text)]))));
}

const typing = (target) => target.matches?.('input, select, textarea');

export function startShortcuts() {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector('dialog[open]')) return;
    const view = NAV[Number(event.key) - 1];
    const named = {'/': 'search', p: 'pause'}[event.key];
    if (view && /^[1-9]$/.test(event.key)) location.hash = `#/${view.name}`;
    else if (event.key === '?') openWords();
    else if (named) {
      const target = document.querySelector(`[data-shortcut="${named}"]`);
      if (!target) return;
      event.preventDefault();
      if (named === 'pause') target.click();
      else target.focus();
    }
  });
}
