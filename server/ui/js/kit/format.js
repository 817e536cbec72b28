// Numbers as people read them, each with its unit. What is not known is a dash, never a zero.

export const UNKNOWN = '–';
const NBSP = '\u00a0';
const MINUS = '\u2212';

const known = (value) => typeof value === 'number' && Number.isFinite(value);

const formats = new Map();
function fixed(value, digits) {
  if (!formats.has(digits)) {
    formats.set(digits, new Intl.NumberFormat('en-US', {
      minimumFractionDigits: digits, maximumFractionDigits: digits,
    }));
  }
  return formats.get(digits).format(value).replace(/^-/, MINUS);
}

// Three significant digits, as far as they are behind the point: 0.123, 1.23, 12.3, 123, 1,234.
function digitsFor(value) {
  const size = Math.abs(value);
  if (size === 0 || size >= 99.95) return 0;
  if (size >= 9.995) return 1;
  return size >= 0.9995 ? 2 : 3;
}

export function number(value, digits) {
  return known(value) ? fixed(value, digits ?? digitsFor(value)) : UNKNOWN;
}

// As exact as it is: 2, 0.98, 300. For what somebody set.
export function plain(value) {
  return known(value) ? String(Number(value.toPrecision(6))).replace(/^-/, MINUS) : UNKNOWN;
}

export function count(value) {
  return known(value) ? fixed(Math.round(value), 0) : UNKNOWN;
}

// 1,234 and 12.3 k and 4.56 M: for places with little room.
export function compact(value) {
  if (!known(value)) return UNKNOWN;
  const size = Math.abs(value);
  if (size >= 999.5e6) return number(value / 1e9) + NBSP + 'G';
  if (size >= 999.5e3) return number(value / 1e6) + NBSP + 'M';
  if (size >= 9999.5) return number(value / 1e3) + NBSP + 'k';
  return Number.isInteger(value) ? count(value) : number(value);
}

// Of 0..1.
export function percent(share, digits) {
  if (!known(share)) return UNKNOWN;
  const value = share * 100;
  return fixed(value, digits ?? (Math.abs(value) < 9.95 && value !== 0 ? 1 : 0)) + NBSP + '%';
}

// A change, with its sign: +3.1 %, −12 %.
export function change(share) {
  if (!known(share)) return UNKNOWN;
  const text = percent(share);
  return share > 0 && /[1-9]/.test(text) ? '+' + text : text;
}

// A duration in seconds, in the unit that suits it.
export function duration(seconds) {
  if (!known(seconds)) return UNKNOWN;
  const size = Math.abs(seconds);
  if (size === 0) return '0' + NBSP + 's';
  if (size < 999.5e-6) return number(seconds * 1e6) + NBSP + 'µs';
  if (size < 0.9995) return number(seconds * 1e3) + NBSP + 'ms';
  return size < 99.5 ? number(seconds) + NBSP + 's' : age(seconds);
}

// How long ago, coarsely: 0.4 s, 12 s, 3 min, 5 h, 2 d.
export function age(seconds) {
  if (!known(seconds)) return UNKNOWN;
  const size = Math.abs(seconds);
  if (size < 9.95) return fixed(seconds, 1) + NBSP + 's';
  if (size < 99.5) return fixed(seconds, 0) + NBSP + 's';
  if (size < 99.5 * 60) return fixed(seconds / 60, 0) + NBSP + 'min';
  if (size < 48 * 3600) return fixed(seconds / 3600, 0) + NBSP + 'h';
  return fixed(seconds / 86400, 0) + NBSP + 'd';
}

export function bytes(value) {
  if (!known(value)) return UNKNOWN;
  let size = value;
  for (const unit of ['B', 'KiB', 'MiB', 'GiB']) {
    if (Math.abs(size) < 1023.5) return (unit === 'B' ? count(size) : plain(Number(size.toPrecision(3)))) + NBSP + unit;
    size /= 1024;
  }
  return number(size) + NBSP + 'TiB';
}

export function clock(millis) {
  if (!known(millis)) return UNKNOWN;
  return new Date(millis).toLocaleTimeString('en-GB', {hour12: false});
}

// A long name by its two ends: what tells names apart is often the last part.
export function shortName(name, most = 24) {
  const letters = [...name];
  if (letters.length <= most) return name;
  const head = Math.floor((most - 1) / 3);
  return `${letters.slice(0, head).join('')}…${letters.slice(letters.length - (most - 1 - head)).join('')}`;
}

const SEPARATOR = /[-._:/ ]/;

// Shortens the names of one fleet so that they stay apart: what all long ones begin and end with, a pool's name or a
// domain, goes before what tells them apart. Answers a function from a name to at most `most` letters.
export function nameShortener(names, most = 24) {
  const long = names.filter((name) => name.length > most).map((name) => [...name]).filter((letters) => letters.length > most);
  if (long.length < 2) return (name) => shortName(name, most);
  const least = Math.min(...long.map((letters) => letters.length));
  const common = (at) => {
    let length = 0;
    while (length < least && long.every((letters) => at(letters, length) === at(long[0], length))) length++;
    return length;
  };
  let head = common((letters, i) => letters[i]);
  const tail = Math.min(common((letters, i) => letters[letters.length - 1 - i]), least - head);
  // `node-10` and `node-11` differ in a letter, but are told apart by a number.
  while (head > 0 && !SEPARATOR.test(long[0][head - 1])) head--;
  return (name) => {
    const letters = [...name];
    if (letters.length <= most) return name;
    const end = tail > 1 && letters.length - tail > head ? letters.length - tail : letters.length;
    // As many whole words of what comes before as there is room for.
    let start = Math.min(head, Math.max(0, end - (most - 2)));
    while (start > 0 && start < head && !SEPARATOR.test(letters[start - 1])) start++;
    const own = letters.slice(start, end);
    const before = own.length + (end < letters.length ? 1 : 0) < letters.length ? '…' : '';
    const after = end < letters.length ? '…' : '';
    const room = most - before.length - after.length;
    return own.length > room ? before + shortName(own.join(''), room) + after : before + own.join('') + after;
  };
}

export function plural(value, one, many = one + 's') {
  return `${count(value)}${NBSP}${value === 1 ? one : many}`;
}
