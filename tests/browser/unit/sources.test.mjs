// What must hold of the page's files as they lie: size, policy, licences.
import assert from 'node:assert/strict';
import {createHash} from 'node:crypto';
import {readFileSync, readdirSync, statSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import {fileURLToPath} from 'node:url';

const UI = fileURLToPath(new URL('../../../server/ui/', import.meta.url));
const SERVED = ['.html', '.css', '.js', '.svg'];

function filesIn(folder) {
  return readdirSync(folder, {withFileTypes: true}).flatMap((entry) => {
    const full = path.join(folder, entry.name);
    return entry.isDirectory() ? filesIn(full) : [full];
  });
}
const all = filesIn(UI);
const served = all.filter((file) => SERVED.includes(path.extname(file)));
const own = served.filter((file) => !file.includes('third_party'));
const read = (file) => readFileSync(file, 'utf8');
const name = (file) => path.relative(UI, file);

test('the page is under 300 KB in all', () => {
  const bytes = served.reduce((sum, file) => sum + statSync(file).size, 0);
  assert.ok(bytes < 300_000, `${bytes} bytes`);
});

test('no text becomes markup, and no text becomes code', () => {
  for (const file of own.filter((one) => one.endsWith('.js'))) {
    const found = read(file).match(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|\beval\(|new Function|setAttribute\('style'/);
    assert.equal(found, null, `${name(file)}: ${found}`);
  }
});

test('no inline script, no inline style, nothing from elsewhere', () => {
  const html = read(path.join(UI, 'index.html'));
  assert.doesNotMatch(html, /<script(?![^>]*\ssrc=)/, 'inline script');
  assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=/, 'inline style or handler');
  for (const file of own) {
    for (const [address] of read(file).matchAll(/https?:\/\/[^\s"'`)]+/g)) {
      assert.match(address, /^http:\/\/www\.w3\.org\/2000\/svg/, `${name(file)}: ${address}`);
    }
  }
  for (const [, address] of html.matchAll(/(?:src|href)="([^"]+)"/g)) assert.doesNotMatch(address, /^\//, 'an absolute address breaks behind a path prefix');
});

// The modules that one imports, and those that these import, without what is imported later.
function reached(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, to] of read(path.join(UI, file)).matchAll(/^(?:import|export)[^;]*?from '([^']+)'/gms)) reached(path.join(path.dirname(file), to), found);
  return found;
}

test('the page preloads exactly the modules of its first view, so that none waits for another to be read', () => {
  const html = read(path.join(UI, 'index.html'));
  const preloaded = [...html.matchAll(/modulepreload" href="([^"]+)"/g)].map((match) => match[1]).sort();
  const needed = reached('js/views/fleet.js', reached('js/main.js'));
  needed.delete('js/main.js');
  assert.deepEqual(preloaded, [...needed].sort());
});

test('every module is reached from the page', () => {
  const needed = reached('js/main.js', new Set(['js/early.js']));
  for (const file of [...needed]) for (const [, to] of read(path.join(UI, file)).matchAll(/import\('([^']+)'\)/g)) reached(path.join(path.dirname(file), to), needed);
  reached('js/views/node.js', needed);
  assert.deepEqual([...needed].sort(), own.map(name).filter((file) => file.endsWith('.js')).sort());
});

test('files of others are as their package had them, and their licences are beside them', () => {
  for (const folder of readdirSync(path.join(UI, 'third_party'))) {
    const readme = read(path.join(UI, 'third_party', folder, 'README.md'));
    const sums = [...readme.matchAll(/\| `([^`]+)` \| `([0-9a-f]{64})` \|/g)];
    assert.deepEqual(sums.map((one) => one[1]).sort(), readdirSync(path.join(UI, 'third_party', folder)).filter((one) => one !== 'README.md').sort());
    assert.ok(sums.some((one) => one[1] === 'LICENSE'));
    for (const [, file, sum] of sums) {
      assert.equal(createHash('sha256').update(readFileSync(path.join(UI, 'third_party', folder, file))).digest('hex'), sum, file);
    }
  }
});

test('no file is over 400 lines', () => {
  for (const file of own) assert.ok(read(file).split('\n').length <= 400, name(file));
});
