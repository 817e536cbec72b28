// Takes the pictures of docs/page.md from a page that is served somewhere:
//
//   node tests/browser/support/screenshots.mjs URL FOLDER      e.g. of ./dev demo --keep, into docs/images
import path from 'node:path';
import {VIEWS, launch, openPage} from './browser.mjs';

const [url, folder] = process.argv.slice(2);
const [base, hash = '#/fleet'] = url.split(/(?=#)/);
const query = hash.split('?')[1] ?? '';
const browser = await launch();
const page = await openPage(browser, {viewport: {width: 1200, height: 740}});

async function show(view) {
  await page.goto(`${base}#/${view}${query ? `?${query}` : ''}`);
  await page.locator('#live[data-state=live]').waitFor();
  // Until the view has what it asks for by itself.
  await page.waitForTimeout(2500);
}

for (const view of VIEWS) {
  await show(view);
  await page.mouse.move(5, 5);
  await page.screenshot({path: path.join(folder, `page-${view}.png`)});
}
await show('placements');
await page.getByRole('button', {name: 'Pause'}).click();
await page.locator('tbody button').nth(2).click();
await page.locator('dialog[open]').getByText('kappa').waitFor();
await page.screenshot({path: path.join(folder, 'page-receipt.png')});
await browser.close();
