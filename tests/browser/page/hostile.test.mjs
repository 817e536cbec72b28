// Whatever clients named is shown as they wrote it, and is never markup, script or address.
import assert from 'node:assert/strict';
import test, {after, before} from 'node:test';
import {VIEWS, goTo, launch, openPage} from '../support/browser.mjs';
import {FakeDaemon} from '../support/fake_daemon.mjs';
import {MadeFleet} from '../support/made_data.mjs';

const NAMES = [
  '<img src=x onerror="window.hacked=1">', '"><script>window.hacked=1</script>', "'-alert(1)-'", 'javascript:window.hacked=1', '{{7*7}}${7*7}',
  '\u202egnp.exe', 'n'.repeat(256), '&lt;b&gt;&amp;', '__proto__', 'constructor', '</textarea><svg onload=window.hacked=1>', 'a b/../c?d#e',
];

let browser, daemon;
before(async () => {
  browser = await launch();
  const fleet = new MadeFleet({nodes: NAMES.length, names: (i) => NAMES[i], shadow: '<b>shadow</b>'});
  fleet.model = '<i onmouseover=window.hacked=1>model</i>';
  fleet.health.unshift({severity: 'critical', subject: '<u>subject</u>', model: fleet.model, what: '<img src=x onerror=window.hacked=1>', do: '<a href=javascript:window.hacked=1>do</a>'});
  const place = fleet.place.bind(fleet);
  fleet.place = (at) => {
    place(at);
    fleet.placements[0].request_id = `<img src=x onerror=window.hacked=1>${fleet.sequence}`;
    fleet.placements[0].placement.prefill_worker = '<script>window.hacked=1</script>';
  };
  for (let i = 0; i < 60; i++) fleet.place(Date.now());
  fleet.listNodes = () => fleet.nodes.map((node) => ({spec: {node_id: node.id, address: '<img src=x onerror=window.hacked=1>', labels: {'<b>key</b>': '<script>window.hacked=1</script>'}}}));
  daemon = await new FakeDaemon({fleet}).start();
});
after(async () => {
  await browser?.close();
  await daemon?.stop();
});

// No element that only a name could have made.
const intruders = (page) => page.evaluate(() => ({
  hacked: window.hacked ?? null, plain: ({}).hacked ?? null,
  made: document.querySelectorAll('#view img, #view script, #view i[onmouseover], #view u, #view b:not(.legend b), dialog img, dialog script, svg[onload], [onerror], a[href^=javascript]').length,
}));
const clean = {hacked: null, plain: null, made: 0};

test('hostile names are text in every view', async () => {
  const page = await openPage(browser);
  for (const view of VIEWS) {
    await goTo(page, daemon.url, view);
    await page.locator('#view h1').waitFor();
    await page.waitForFunction(() => document.getElementById('view').textContent.length > 200);
    assert.deepEqual(await intruders(page), clean, view);
  }
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('a node of a hostile name is shown as it is written, opens and has its residency', async () => {
  const page = await openPage(browser);
  await goTo(page, daemon.url, 'fleet');
  for (const name of [NAMES[0], NAMES[1], '__proto__']) {
    await page.getByRole('button', {name, exact: true}).first().click();
    await page.locator('dialog[open]').getByText('Show its residency').waitFor();
    await page.locator('dialog[open] dt', {hasText: '<b>key</b>'}).waitFor();
    assert.deepEqual(await intruders(page), clean);
    await page.keyboard.press('Escape');
    await page.locator('dialog[open]').waitFor({state: 'detached'});
  }
  await page.goto(`${daemon.url}#/residency?${new URLSearchParams({a: NAMES[1], b: NAMES[0]})}`);
  await page.locator('.compare h3', {hasText: NAMES[1]}).first().waitFor();
  assert.deepEqual(await intruders(page), clean);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('a receipt of a hostile request is text', async () => {
  const page = await openPage(browser);
  await goTo(page, daemon.url, 'placements');
  await page.getByRole('button', {name: 'Pause'}).click();
  await page.locator('tbody button').first().click();
  await page.locator('dialog[open]').getByText('Prefill worker').waitFor();
  assert.deepEqual(await intruders(page), clean);
  await page.context().close();
});
