// A real eldrd with a fleet that sends heartbeats, for as long as it is measured.
import {RealDaemon} from '../../tests/browser/support/real_daemon.mjs';

export const MODEL = 'bench';

export async function startFleet(nodes) {
  const daemon = await RealDaemon.start();
  // Heartbeats of all nodes, and enough placements that every view has something to show.
  daemon.load('--model', MODEL, '--nodes', String(nodes), '--rate', '50', '--hold', '1s', '--duration', '1h');
  const deadline = Date.now() + 120000;
  while ((await daemon.api('fleet').catch(() => null))?.columns?.node?.length !== nodes) {
    if (Date.now() > deadline) throw new Error(`${nodes} nodes are not there after 2 minutes`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return daemon;
}

export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}
