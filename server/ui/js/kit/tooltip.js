// One tooltip for the whole page. Whatever has a `data-help` shows it when it is pointed at, focused
// or touched; Escape hides it.
import {el, setText} from './dom.js';

const box = el('div', {class: 'tooltip', role: 'tooltip', id: 'tooltip', hidden: true});
let owner = null;

export function showAt(x, y, text) {
  setText(box, text);
  box.hidden = false;
  const size = box.getBoundingClientRect();
  const right = innerWidth - size.width - 8;
  const below = y + 16 + size.height < innerHeight;
  box.style.setProperty('--x', `${Math.max(8, Math.min(x + 12, right))}px`);
  box.style.setProperty('--y', `${below ? y + 16 : Math.max(8, y - size.height - 12)}px`);
}

export function hide() {
  box.hidden = true;
  owner?.removeAttribute('aria-describedby');
  owner = null;
}

function showFor(target) {
  if (owner === target) return;
  hide();
  const place = target.getBoundingClientRect();
  showAt(place.left - 12, place.bottom - 10, target.dataset.help);
  target.setAttribute('aria-describedby', 'tooltip');
  owner = target;
}

export function startTooltips() {
  document.body.append(box);
  const find = (event) => event.target.closest?.('[data-help]');
  document.addEventListener('pointerover', (event) => {
    const target = find(event);
    if (target) showFor(target);
    else if (owner && owner !== document.activeElement) hide();
  });
  document.addEventListener('focusin', (event) => {
    const target = find(event);
    if (target?.matches(':focus-visible')) showFor(target);
    else hide();
  });
  document.addEventListener('click', (event) => {
    const target = find(event);
    if (target?.classList.contains('help')) showFor(target);
  });
  document.addEventListener('keydown', (event) => { if (event.key === 'Escape') hide(); });
  document.addEventListener('scroll', hide, {capture: true, passive: true});
  document.addEventListener('pointerleave', hide);
}

// A word with its explanation behind it.
export function help(label, text) {
  return el('button', {type: 'button', class: 'help', 'data-help': text}, label);
}
