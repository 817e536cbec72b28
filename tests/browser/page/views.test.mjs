// Every view over a made fleet: it shows what it should, in light and dark, wide and narrow, and axe-core
// finds nothing serious in it.
import assert from 'node:assert/strict';
import test, {after, before} from 'node:test';
import {VIEWS, goTo, launch, openPage} from '../support/browser.mjs';
import {FakeDaemon} from '../support/fake_daemon.mjs';
import {seriousFindings} from '../support/accessible.mjs';

let browser, daemon;
before(async () => {
  browser = await launch();
  daemon = await new FakeDaemon().start();
});
after(async () => {
  await browser?.close();
  await daemon?.stop();
});

// What tells that a view shows data.
const SHOWS = {
  fleet: ['table[aria-label=Nodes] tbody th', /decode-0/], residency: ['.thumb .name', /decode-0/], placements: ['table[aria-label="Newest placements"] tbody th', /req-/],
  gain: ['.gain-number .value', /−40/], signatures: ['table[aria-label="Prefill workers"] tbody th', /prefill-0/], health: ['.finding h3', /Signatures/], models: ['.panel h2', /gpt-oss-20b/],
};

for (const view of VIEWS) {
  test(`${view}: shows its data, and is accessible in light, dark and on a phone`, async () => {
    for (const [colorScheme, width, height] of [['light', 1280, 720], ['dark', 1280, 720], ['light', 390, 844]]) {
      const page = await openPage(browser, {colorScheme, viewport: {width, height}});
      await goTo(page, daemon.url, view);
      const [selector, text] = SHOWS[view];
      await page.locator(selector).filter({hasText: text}).first().waitFor();
      assert.equal(await page.locator('html').getAttribute('data-theme'), colorScheme);
      const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(tooWide <= 0, `the page scrolls sideways by ${tooWide} pixels at ${width}`);
      assert.deepEqual(await seriousFindings(page), [], `${view}, ${colorScheme}, ${width} wide`);
      assert.deepEqual(page.faults, []);
      await page.context().close();
    }
  });
}

test('the verdict answers what it does, whether it helps and what is wrong', async () => {
  const page = await openPage(browser);
  await goTo(page, daemon.url, 'fleet');
  const verdict = page.locator('#verdict');
  await verdict.getByText(/placements\/s on 6.nodes/).waitFor();
  await verdict.getByText(/−40.% experts per request/).waitFor();
  await verdict.getByText(/1 thing needs you/).waitFor();
  await verdict.getByText('What is wrong?').click();
  await page.getByText('Check that prefill workers push').waitFor();
  await page.context().close();
});

test('a placement opens its receipt, by mouse, by keyboard and by address', async () => {
  const page = await openPage(browser);
  await goTo(page, daemon.url, 'placements');
  const first = page.locator('tbody button').first();
  await first.focus();
  await page.keyboard.press('Enter');
  const receipt = page.locator('dialog[open]');
  await receipt.getByText(/costs least of 6.candidates/).waitFor();
  assert.equal(await receipt.locator('tbody tr').count(), 6);
  assert.equal(await receipt.locator('tr.chosen').count(), 1);
  await receipt.getByText('kappa').waitFor();
  assert.deepEqual(await seriousFindings(page), []);
  const address = page.url();
  assert.match(address, /request=req-/);
  await page.keyboard.press('Escape');
  await receipt.waitFor({state: 'detached'});
  const other = await page.context().newPage();
  await other.goto(address);
  await other.locator('dialog[open]').getByText(/costs least/).waitFor();
  await page.context().close();
});

test('a node opens with what it registered, and leads to its residency', async () => {
  const page = await openPage(browser);
  await goTo(page, daemon.url, 'fleet');
  await page.locator('tbody button', {hasText: 'decode-3'}).click();
  const dialog = page.locator('dialog[open]');
  await dialog.getByText('10.0.0.3:8000').waitFor();
  await dialog.getByText('Show its residency').click();
  await page.locator('.compare h3', {hasText: 'decode-3'}).first().waitFor();
  await page.context().close();
});

test('residency: hovering and arrow keys name layer, expert and chance; two nodes compare', async () => {
  const page = await openPage(browser, {viewport: {width: 1280, height: 1400}});
  await goTo(page, daemon.url, 'residency');
  await page.locator('.thumb', {hasText: 'decode-1'}).click();
  const map = page.getByRole('application', {name: 'Residency of the first node'});
  await map.hover({position: {x: 5, y: 5}});
  await page.locator('#tooltip', {hasText: /Layer 0, expert 0: \d+.% chance/}).waitFor();
  await map.focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowRight');
  await page.locator('.readout', {hasText: /Layer 1, expert \d+/}).first().waitFor();
  await page.locator('.thumb', {hasText: 'decode-3'}).click();
  await page.getByRole('application', {name: 'Difference of the two nodes'}).waitFor();
  await page.getByText(/share 52.% of the experts/).waitFor();
  assert.match(page.url(), /a=decode-/);
  await page.getByText('more than the mean').waitFor();
  await page.getByRole('button', {name: 'Chance'}).click();
  await page.getByRole('button', {name: 'By number'}).click();
  await page.getByText('100 % chance').first().waitFor();
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('keys lead to views, to the filter and to the words', async () => {
  const page = await openPage(browser);
  await goTo(page, daemon.url, 'fleet');
  await page.keyboard.press('4');
  await page.locator('#nav-gain[aria-current=page]').waitFor();
  await page.keyboard.press('1');
  await page.getByRole('searchbox', {name: 'Filter nodes'}).waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('decode-5');
  await page.getByText(/1 of 8.nodes/).waitFor();
  await page.locator('body').click({position: {x: 600, y: 20}});
  await page.keyboard.press('?');
  await page.locator('dialog[open]').getByText('Expert signature').waitFor();
  await page.keyboard.press('Escape');
  await page.context().close();
});

test('what is underlined explains itself when it has the focus', async () => {
  const page = await openPage(browser);
  await goTo(page, daemon.url, 'fleet');
  const word = page.getByRole('button', {name: 'Distinct experts'});
  await page.keyboard.press('Tab');
  await word.focus();
  await page.locator('#tooltip', {hasText: 'Fewer is faster'}).waitFor();
  assert.equal(await word.getAttribute('aria-describedby'), 'tooltip');
  await page.keyboard.press('Escape');
  await page.locator('#tooltip').waitFor({state: 'hidden'});
  await page.context().close();
});

test('the chosen colours stay over a reload, and "system" follows the system', async () => {
  const page = await openPage(browser, {colorScheme: 'light'});
  await goTo(page, daemon.url, 'gain');
  const root = page.locator('html');
  await page.getByRole('button', {name: 'dark'}).click();
  assert.equal(await root.getAttribute('data-theme'), 'dark');
  await page.reload();
  assert.equal(await root.getAttribute('data-theme'), 'dark');
  await page.getByRole('button', {name: 'system'}).click();
  assert.equal(await root.getAttribute('data-theme'), 'light');
  await page.emulateMedia({colorScheme: 'dark'});
  await page.locator('html[data-theme=dark]').waitFor();
  await page.context().close();
});
