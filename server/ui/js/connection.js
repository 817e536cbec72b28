// Says whether what is shown is live, and what happens if it is not.
import {el, replace, setClass, setText} from './kit/dom.js';
import {age, clock} from './kit/format.js';

export function makeConnection(app, {live, lost, frame}) {
  const since = el('span'), next = el('span');
  const retry = el('button', {type: 'button', class: 'button', on: {click: () => app.retryNow()}}, 'Try now');
  replace(lost, el('strong', {}, 'The daemon does not answer.'), since, next, retry);

  function draw() {
    const {name, since: from, retryAt} = app.state.connection;
    live.dataset.state = name;
    const isLost = name === 'lost';
    if (lost.hidden === isLost) lost.hidden = !isLost;
    setClass(frame, 'is-lost', isLost);
    if (name === 'live') setText(live, 'live');
    else if (isLost) {
      setText(live, 'not live');
      setText(since, `What you see is as it was at ${clock(from)}, ${age((Date.now() - from) / 1000)} ago.`);
      const left = (retryAt - Date.now()) / 1000;
      setText(next, left > 0.5 ? `Next try in ${Math.ceil(left)} s.` : 'Trying again…');
    } else setText(live, 'connecting…');
  }
  setInterval(() => { if (app.state.connection.name === 'lost') draw(); }, 1000);
  return {update: draw};
}
