// Debian's Chromium without a window, and what tests ask of a page.
import {existsSync} from 'node:fs';
import {chromium} from 'playwright-core';

const CANDIDATES = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = CANDIDATES.find((path) => path && existsSync(path));

export function launch() {
  return chromium.launch({executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage']});
}

// A page that remembers what went wrong in it: errors, refused contents, failed requests for its own files.
export async function openPage(browser, options = {}) {
  const context = await browser.newContext({viewport: {width: 1280, height: 720}, reducedMotion: 'reduce', ...options});
  const page = await context.newPage();
  page.setDefaultTimeout(15000);
  page.faults = [];
  page.on('pageerror', (error) => page.faults.push(`error: ${error.message}`));
  page.on('console', (message) => {
    // A daemon that is gone, or asks for a token, is no fault of the page.
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) page.faults.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith('http://127.0.0.1') && !request.url().startsWith('data:')) page.faults.push(`asks elsewhere: ${request.url()}`);
  });
  return page;
}

export const VIEWS = ['fleet', 'residency', 'placements', 'gain', 'signatures', 'health', 'models'];

// Goes to a view and waits until it shows data.
export async function goTo(page, url, view) {
  await page.goto(`${url}#/${view}`);
  await page.locator('#live[data-state=live]').waitFor();
  await page.locator(`#nav-${view.split('?')[0]}[aria-current=page]`).waitFor();
}
