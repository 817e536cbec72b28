// Fleets of real names: long ones that differ in a part, and one node alone.
import assert from 'node:assert/strict';
import test, {after, before} from 'node:test';
import {goTo, launch, openPage} from '../support/browser.mjs';
import {FakeDaemon} from '../support/fake_daemon.mjs';
import {MadeFleet} from '../support/made_data.mjs';
import {seriousFindings} from '../support/accessible.mjs';

const HOST = (i) => `vllm-decode-qwen3-235b-pool-eu-central-1c-rack-017-host-${i}.inference.svc.cluster.local:8000`;

let browser;
before(async () => { browser = await launch(); });
after(async () => { await browser?.close(); });

test('nodes of long names are told apart in every list, and the whole name is there to read', async () => {
  const daemon = await new FakeDaemon({fleet: new MadeFleet({nodes: 12, names: HOST})}).start();
  const page = await openPage(browser);
  await goTo(page, daemon.url, 'fleet');
  const rows = page.locator('table[aria-label=Nodes] tbody th button');
  await rows.nth(11).waitFor();
  assert.equal(new Set(await rows.allInnerTexts()).size, 12);
  const cut = await rows.evaluateAll((all) => all.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.textContent));
  assert.deepEqual(cut, [], 'no name is cut once more by its column');
  const region = await page.getByRole('region', {name: 'Nodes'}).evaluate((one) => one.scrollWidth - one.clientWidth);
  assert.ok(region <= 0, `at 1280 pixels all columns are in sight, ${region} are not`);
  await page.getByRole('button', {name: HOST(7), exact: true}).hover();
  await page.getByRole('tooltip').getByText(HOST(7)).waitFor();
  assert.deepEqual(await seriousFindings(page), []);

  await goTo(page, daemon.url, 'residency');
  const pictures = page.locator('.thumb .name > :first-child');
  await pictures.nth(11).waitFor();
  assert.equal(new Set(await pictures.allInnerTexts()).size, 12);
  assert.deepEqual(await seriousFindings(page), []);
  assert.deepEqual(page.faults, []);
  await page.context().close();
  await daemon.stop();
});

test('one node alone is not compared with itself', async () => {
  const daemon = await new FakeDaemon({fleet: new MadeFleet({nodes: 1})}).start();
  const page = await openPage(browser);
  await goTo(page, daemon.url, 'residency');
  await page.getByText('the pictures show chances').waitFor();
  const colours = await page.locator('.thumb canvas').evaluate(async (canvas) => {
    while (canvas.width < 2) await new Promise((resolve) => requestAnimationFrame(resolve));
    const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
  });
  assert.ok(colours > 4, `${colours} colours: a picture, not a plain area`);
  assert.deepEqual(page.faults, []);
  await page.context().close();
  await daemon.stop();
});
