// Builds elements. Whatever comes from the daemon may come from a hostile client (node ids, request
// ids, labels): text only ever becomes a text node, never markup.

const SVG = 'http://www.w3.org/2000/svg';

function setAll(element, properties) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'on') {
      for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
    } else if (name === 'vars') {
      // Through the object model: the page's policy allows no style attributes.
      for (const [key, text] of Object.entries(value)) element.style.setProperty(key, String(text));
    } else if (name === 'value') {
      element.value = value;
    } else {
      element.setAttribute(name, value === true ? '' : String(value));
    }
  }
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

// el('p', {class: 'note', on: {click: f}}, 'text', otherElement, [more])
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  setAll(element, properties);
  append(element, children);
  return element;
}

export function svg(tag, properties = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  setAll(element, properties);
  append(element, children);
  return element;
}

// Sets text only if it changed: a screen reader and the layout are then left alone.
export function setText(element, text) {
  const wanted = String(text);
  if (element.textContent !== wanted) element.textContent = wanted;
}

// Shows a name as `shown`, and whole to who points at it, or has a button read out.
export function setName(element, name, shown) {
  setText(element, shown);
  if (shown === name) {
    delete element.dataset.help;
    element.removeAttribute('aria-label');
    return;
  }
  element.dataset.help = name;
  if (element.tagName === 'BUTTON') element.setAttribute('aria-label', name);
}

export function setClass(element, name, on) {
  if (element.classList.contains(name) !== Boolean(on)) element.classList.toggle(name, Boolean(on));
}

export function replace(parent, ...children) {
  parent.replaceChildren();
  append(parent, children);
  return parent;
}
