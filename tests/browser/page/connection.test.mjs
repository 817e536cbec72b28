// The daemon vanishes and returns, asks for a token, lies behind a path prefix.
import assert from 'node:assert/strict';
import test, {after, before} from 'node:test';
import {VIEWS, goTo, launch, openPage} from '../support/browser.mjs';
import {FakeDaemon} from '../support/fake_daemon.mjs';
import {seriousFindings} from '../support/accessible.mjs';
import {MadeFleet} from '../support/made_data.mjs';

let browser;
before(async () => { browser = await launch(); });
after(async () => { await browser?.close(); });

test('a daemon that vanishes is told at once, and its return is noticed without help', async () => {
  let daemon = await new FakeDaemon().start();
  const page = await openPage(browser);
  await goTo(page, daemon.url, 'placements');
  await page.locator('tbody button').first().waitFor();
  const port = daemon.port;
  await daemon.stop();
  await page.getByRole('alert').getByText('The daemon does not answer.').waitFor();
  await page.getByText(/Next try in \d+ s|Trying again/).waitFor();
  assert.ok(await page.locator('tbody button').count() > 0, 'what was known stays in sight');
  assert.deepEqual(await seriousFindings(page), []);
  // Another process: its sequence starts anew, below what the page has seen.
  const fleet = new MadeFleet({seed: 5});
  fleet.sequence = 10;
  fleet.placements = [];
  fleet.place(Date.now());
  daemon = await new FakeDaemon({fleet}).start(port);
  await page.locator('#live[data-state=live]').waitFor({timeout: 30000});
  await page.locator('#lost').waitFor({state: 'hidden'});
  await page.locator('tbody button', {hasText: /^req-1\d$/}).first().waitFor();
  assert.equal(await page.locator('tbody button', {hasText: /^req-2\d{3}$/}).count(), 0, 'the former process’s placements are gone');
  await daemon.stop();
  await page.context().close();
});

test('a page that opens before its daemon answers waits for it', async () => {
  const daemon = await new FakeDaemon().start();
  const page = await openPage(browser);
  let down = true;
  await page.route('**/api/v1/**', (route) => (down ? route.abort() : route.continue()));
  await page.goto(daemon.url);
  await page.getByText('The daemon does not answer.').waitFor();
  down = false;
  await page.getByRole('button', {name: 'Try now'}).click();
  await page.locator('#live[data-state=live]').waitFor();
  await page.locator('tbody button').first().waitFor();
  await daemon.stop();
  await page.context().close();
});

test('the token is asked for, a wrong one is told, the right one lasts as long as the tab', async () => {
  const daemon = await new FakeDaemon({token: 'correct-horse-battery'}).start();
  const page = await openPage(browser);
  await page.goto(daemon.url);
  const dialog = page.locator('dialog[open]');
  await dialog.getByText('This daemon asks for a token').waitFor();
  assert.deepEqual(await seriousFindings(page), []);
  await dialog.getByRole('textbox', {name: 'Token'}).fill('wrong-token-wrong');
  await page.keyboard.press('Enter');
  await dialog.getByText('That token is not known').waitFor();
  await dialog.getByRole('textbox', {name: 'Token'}).fill('  correct-horse-battery ');
  await dialog.getByRole('button', {name: 'Open the page'}).click();
  await page.locator('tbody button').first().waitFor();
  assert.ok(!page.url().includes('horse'), 'no token in the address');
  assert.equal(await page.evaluate(() => JSON.stringify(localStorage)), '{}', 'nothing outlives the tab');
  await page.reload();
  await page.locator('tbody button').first().waitFor();
  const other = await (await browser.newContext()).newPage();
  await other.goto(daemon.url);
  await other.locator('dialog[open]').getByText('This daemon asks for a token').waitFor();
  await other.context().close();
  await daemon.stop();
  await page.context().close();
});

test('a token that is replaced while the page is open is asked for again', async () => {
  const daemon = await new FakeDaemon({token: 'first-token-of-two'}).start();
  const page = await openPage(browser);
  await page.goto(daemon.url);
  await page.getByRole('textbox', {name: 'Token'}).fill('first-token-of-two');
  await page.keyboard.press('Enter');
  await page.locator('tbody button').first().waitFor();
  daemon.token = 'second-token-of-two';
  daemon.watchers.forEach((watcher) => watcher.response.destroy());
  await page.locator('dialog[open]').getByText('That token is not known').waitFor();
  await page.getByRole('textbox', {name: 'Token'}).fill('second-token-of-two');
  await page.keyboard.press('Enter');
  await page.locator('#live[data-state=live]').waitFor();
  await daemon.stop();
  await page.context().close();
});

test('behind a path prefix every view works, and nothing is asked for outside of it', async () => {
  const daemon = await new FakeDaemon({prefix: '/cluster-7/eldr'}).start();
  const page = await openPage(browser);
  const outside = [];
  page.on('request', (request) => { if (!new URL(request.url()).pathname.startsWith('/cluster-7/eldr/')) outside.push(request.url()); });
  await page.goto(daemon.url.replace('/ui/', '/'));
  assert.equal(page.url().split('#')[0], daemon.url, 'the root leads to the page');
  for (const view of VIEWS) {
    await goTo(page, daemon.url, view);
    await page.locator('#view h1').waitFor();
  }
  assert.deepEqual(outside, []);
  assert.deepEqual(page.faults, []);
  await daemon.stop();
  await page.context().close();
});

test('a daemon without models says so, and the page follows when one is declared', async () => {
  const daemon = await new FakeDaemon().start();
  const describe = daemon.fleet.overview.bind(daemon.fleet);
  daemon.fleet.overview = (now) => ({...describe(now), models: []});
  const page = await openPage(browser);
  await page.goto(`${daemon.url}#/models`);
  await page.getByText('No model is declared yet').waitFor();
  await page.getByText('No model yet').waitFor();
  daemon.fleet.overview = describe;
  await page.locator('.panel h2', {hasText: 'gpt-oss-20b'}).waitFor();
  await page.locator('#live[data-state=live]').waitFor();
  await daemon.stop();
  await page.context().close();
});
