// Every view over a real daemon, with the project's own load generator and the demo's trace of real routed experts.
import assert from 'node:assert/strict';
import {rm, writeFile} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import test, {after, before} from 'node:test';
import {VIEWS, goTo, launch, openPage} from '../support/browser.mjs';
import {RealDaemon} from '../support/real_daemon.mjs';
import {seriousFindings} from '../support/accessible.mjs';

const MODEL = 'gpt-oss-20b';
const shots = process.env.SCREENSHOTS;

let browser, daemon;
before(async () => {
  browser = await launch();
  daemon = await RealDaemon.start('default_policy: {shadow_policy: least_loaded}\n');
  daemon.load('--model', MODEL, '--trace', process.env.ELDR_TRACE, '--nodes', '8', '--node-capacity', '64', '--rate', '40', '--hold', '2s',
    '--signatures', 'pushed', '--duration', '300s');
  await until(async () => (await daemon.api('overview')).models?.[0]?.leases > 20, 'leases are held');
});
after(async () => {
  await browser?.close();
  await daemon?.stop();
});

async function until(holds, what, seconds = 40) {
  const deadline = Date.now() + seconds * 1000;
  while (!(await holds().catch(() => false))) {
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

// What tells that a view shows what the daemon does. The first point of the history comes after 10 s.
const SHOWS = {
  fleet: async (page) => {
    await page.locator('table[aria-label=Nodes] tbody tr:not(.spacer)').nth(7).waitFor();
    await page.locator('table[aria-label=Nodes] td', {hasText: /^\d+ of 64$/}).first().waitFor();
  },
  residency: async (page) => {
    await page.getByText(/Two busy nodes share on average \d+.%/).waitFor();
    await page.locator('.thumb').nth(7).waitFor();
  },
  placements: async (page) => {
    await page.locator('table[aria-label="Newest placements"] tbody tr:not(.spacer)').nth(10).waitFor();
    await page.locator('.costs i.chosen').first().waitFor();
  },
  gain: async (page) => page.locator('.gain-number .value', {hasText: '%'}).first().waitFor({timeout: 30000}),
  signatures: async (page) => page.getByText(/placements? of the last hour knew|went without a signature/).waitFor({timeout: 30000}),
  health: async (page) => page.locator('.finding').nth(3).waitFor(),
  models: async (page) => page.getByText(/Traffic uses about/).waitFor(),
};

for (const view of VIEWS) {
  test(`${view}: shows what a real daemon does`, async () => {
    const page = await openPage(browser);
    await goTo(page, daemon.url, view);
    await SHOWS[view](page);
    assert.deepEqual(await seriousFindings(page), []);
    assert.deepEqual(page.faults, []);
    if (shots) await page.screenshot({path: path.join(shots, `real-${view}.png`), fullPage: true});
    await page.context().close();
  });
}

test('the receipt of a real placement explains itself', async () => {
  const page = await openPage(browser);
  await goTo(page, daemon.url, 'placements');
  await page.locator('table[aria-label="Newest placements"] tbody button').first().click();
  const receipt = page.locator('dialog[open]');
  await receipt.getByText(/costs least of 8.candidates/).waitFor();
  await receipt.getByText('kappa').waitFor();
  assert.equal(await receipt.locator('tbody tr').count(), 8);
  await receipt.getByText(/shadow policy least_loaded/).waitFor();
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('placements come by themselves, and a drain shows within seconds', async () => {
  const page = await openPage(browser);
  await goTo(page, daemon.url, 'placements');
  const newest = page.locator('table[aria-label="Newest placements"] tbody button').first();
  await newest.waitFor();
  const before = await newest.innerText();
  await page.waitForFunction((old) => document.querySelector('table[aria-label="Newest placements"] tbody button')?.textContent !== old, before);
  const id = (await daemon.api('fleet')).columns.node[0];
  await daemon.ctl('nodes', 'drain', id);
  await goTo(page, daemon.url, 'fleet');
  await page.locator('.state', {hasText: 'draining'}).waitFor();
  await daemon.ctl('nodes', 'undrain', id);
  await page.locator('.state', {hasText: 'draining'}).waitFor({state: 'detached'});
  await page.context().close();
});

// What its time is made of; the time itself depends on the machine: ./dev bench page.
test('the first view of 64 nodes asks for its data at once, in few and small answers', async (context) => {
  const large = await RealDaemon.start();
  try {
    large.load('--model', 'm64', '--nodes', '64', '--rate', '50', '--hold', '1s', '--duration', '120s');
    await until(async () => (await large.api('fleet')).columns.node.length === 64, '64 nodes');
    const page = await openPage(browser);
    await page.addInitScript(() => {
      new MutationObserver((_, observer) => {
        if (!document.querySelector('table[aria-label=Nodes] tbody th')) return;
        observer.disconnect();
        window.asked = performance.getEntriesByType('resource').map((one) => ({
          name: new URL(one.name).pathname, at: one.startTime, end: one.responseEnd, bytes: one.transferSize}));
      }).observe(document, {subtree: true, childList: true});
    });
    await page.goto(large.url);
    await page.waitForFunction(() => window.asked);
    const asked = await page.evaluate(() => window.asked);
    const data = asked.filter((one) => one.name.startsWith('/api/'));
    const files = asked.filter((one) => one.name.startsWith('/ui/'));
    const sum = (list) => list.reduce((bytes, one) => bytes + one.bytes, 0);
    context.diagnostic(`${files.length} files of ${sum(files)} bytes, ${data.length} answers of ${sum(data)} bytes`);
    assert.ok(data.length >= 1 && data.length <= 4, data.map((one) => one.name).join());
    assert.ok(files.length <= 36, `${files.length} files`);
    assert.ok(sum(asked) <= 120_000, `${sum(asked)} bytes`);
    // Not after the modules have been read, one behind the other.
    const lastFile = Math.max(...files.map((one) => one.end));
    assert.ok(Math.min(...data.map((one) => one.at)) < lastFile, 'data is asked for beside the files');
    assert.deepEqual(page.faults, []);
    await page.context().close();
  } finally {
    await large.stop();
  }
});

test('a real daemon asks for its token, is lost when it is killed, and found when it returns', async () => {
  // The port of a daemon that has ended, so that the next ones can have the same.
  const former = await RealDaemon.start();
  await former.stop();
  const file = path.join(os.tmpdir(), `eldr-page-token-${process.pid}`);
  await writeFile(file, 'a-token-of-this-test\n');
  const start = () => RealDaemon.start(`http: {listen: "127.0.0.1:${former.http}", token_file: "${file}"}\nmodels: [{name: m, layers: 4, experts: 8, top_k: 2}]\n`);
  let real = await start();
  const page = await openPage(browser);
  await page.goto(real.url);
  await page.getByRole('textbox', {name: 'Token'}).fill('not-the-token-at-all');
  await page.keyboard.press('Enter');
  await page.getByText('That token is not known').waitFor();
  await page.getByRole('textbox', {name: 'Token'}).fill('a-token-of-this-test');
  await page.keyboard.press('Enter');
  await page.locator('#live[data-state=live]').waitFor();
  await real.stop();
  await page.getByText('The daemon does not answer.').waitFor();
  real = await start();
  await page.locator('#live[data-state=live]').waitFor({timeout: 30000});
  assert.deepEqual(page.faults, []);
  await page.context().close();
  await real.stop();
  await rm(file);
});
