// Asks for the token of the HTTP port. It is kept for this tab alone.
import {token} from './data/api.js';
import {el} from './kit/dom.js';

let open = null;

export function askToken(onGiven) {
  if (open) return;
  const refused = token.get() !== '';
  token.set('');
  const field = el('input', {class: 'field', type: 'password', autocomplete: 'off', id: 'token', required: true, 'aria-describedby': 'token-help'});
  const form = el('form', {on: {submit: (event) => {
    event.preventDefault();
    // Tokens are printable characters without spaces; what was copied may have some around it.
    token.set(field.value.trim());
    open.close();
    open.remove();
    open = null;
    onGiven();
  }}},
  el('h2', {id: 'token-title'}, 'This daemon asks for a token'),
  refused ? el('p', {class: 'bad', role: 'alert'}, 'That token is not known to the daemon. Check it for missing characters, or take another one.') : null,
  el('p', {class: 'soft', id: 'token-help'}, 'One of those in the file of http.token_file. It is kept in this tab only, and sent to this daemon only.'),
  el('label', {for: 'token'}, 'Token', field),
  el('div', {class: 'tools'}, el('button', {class: 'button primary'}, 'Open the page')));
  open = el('dialog', {'aria-labelledby': 'token-title', on: {cancel: (event) => event.preventDefault()}}, form);
  document.body.append(open);
  open.showModal();
  field.focus();
}
