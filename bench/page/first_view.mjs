// How soon the page shows its nodes.
import {quantile, startFleet} from './fleet.mjs';

// Runs in the page before its own scripts: the time when the first row of a node has been painted.
function watchFirstRow() {
  const observer = new MutationObserver(() => {
    if (!document.querySelector('table[aria-label=Nodes] tbody th')) return;
    observer.disconnect();
    // The frame that paints the row, then the first task after it.
    requestAnimationFrame(() => setTimeout(() => { window.firstRow = performance.now(); }));
  });
  observer.observe(document, {subtree: true, childList: true});
}

async function timeOf(page, url) {
  await page.goto('about:blank');
  await page.goto(url);
  await page.waitForFunction(() => window.firstRow);
  return page.evaluate(() => window.firstRow);
}

const summary = (times) => ({p50: quantile(times, 0.5), p95: quantile(times, 0.95)});

// In ms: `cold` of a visitor with an empty cache, `warm` of one who comes back. The browser itself runs already.
export async function measureFirstView(browser, nodes, loads) {
  const daemon = await startFleet(nodes);
  try {
    const cold = [], warm = [];
    // The first visit warms up the browser and the daemon, and does not count.
    for (let i = 0; i <= loads; i++) {
      const context = await browser.newContext({viewport: {width: 1280, height: 720}});
      const page = await context.newPage();
      await page.addInitScript(watchFirstRow);
      const [first, again] = [await timeOf(page, daemon.url), await timeOf(page, daemon.url)];
      await context.close();
      if (i) [cold, warm].forEach((times, which) => times.push(which ? again : first));
    }
    return {nodes, loads, cold: summary(cold), warm: summary(warm)};
  } finally {
    await daemon.stop();
  }
}
