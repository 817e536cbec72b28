import {setTimeout as sleep} from 'node:timers/promises';
import {status} from '@grpc/grpc-js';

const WORTH_RETRYING = new Set([
  status.UNAVAILABLE, // nobody there, shutting down, or no node that may take the request
  status.RESOURCE_EXHAUSTED, // all nodes full, or a limit of the daemon
]);

// Makes a call that is safe to repeat, until it is answered or `timeout` (ms) is over, which bounds
// all attempts together.
export async function withRetry(timeout, call) {
  const deadline = Date.now() + timeout;
  for (let bound = 50; ; bound = Math.min(2 * bound, 1000)) {
    try {
      return await call(deadline);
    } catch (error) {
      // Between half of the bound and the bound, so that many clients do not come back at once.
      const pause = bound / 2 + Math.random() * bound / 2;
      // Without time for another attempt, this error says more than that the time is over.
      if (!WORTH_RETRYING.has(error.code) || Date.now() + pause >= deadline) throw error;
      console.error(`again in ${Math.round(pause)}ms: ${error.message}`);
      await sleep(pause);
    }
  }
}
