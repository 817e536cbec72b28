// Places a request, and releases it when it is decoded: what a frontend does, in Node.
//
//   npm ci && node place.js MODEL REQUEST_ID
//
// Environment, as of eldrctl: ELDR_TARGET (127.0.0.1:9002), ELDR_TLS_CA, ELDR_TLS_SERVER_NAME and
// ELDR_TOKEN_FILE; ELDR_TIMEOUT, the seconds that a call may take in all (5).
import {connect} from './connect.js';
import {withRetry} from './retry.js';

async function run(model, requestId) {
  const timeout = timeoutFromEnvironment();
  const client = connect(); // one connection serves all requests of a frontend
  try {
    // The same request id in each attempt: one that was placed before its answer was lost is
    // answered the same lease.
    const placed = await withRetry(timeout, (deadline) => client.call('place', {
      model,
      requestId,
      contextTokens: 900,
      leaseTtl: {seconds: 120}, // as long as the decode may take, or renewLease
    }, deadline)).catch((error) => {
      // Nobody may fail for want of a router: choose a node by a rule of your own, round robin say.
      throw new Error(`not placed: ${error.message}`);
    });
    console.log(`placed ${requestId} node=${placed.node.nodeId} address=${placed.node.address}` +
      ` lease=${placed.leaseId} reason=${placed.reason.replace('PLACEMENT_REASON_', '')}` +
      ` signature=${placed.signatureQuality.replace('SIGNATURE_QUALITY_', '')}`);

    // Here the request decodes at placed.node.address. Release however that ends, an error or a
    // client that went away included.
    const released = await withRetry(timeout, (deadline) => client.call('releaseLease', {
      // With the lease's id a late release cannot end the lease of a later request of that name.
      lease: {model, requestId, leaseId: placed.leaseId},
    }, deadline)).catch((error) => {
      throw new Error(`not released, the lease ends by itself: ${error.message}`);
    });
    console.log(`released ${requestId} outcome=${released.outcome.replace('LEASE_OUTCOME_', '')}`);
  } finally {
    client.close();
  }
}

function timeoutFromEnvironment() {
  const text = process.env.ELDR_TIMEOUT || '5';
  const seconds = Number(text);
  if (!(seconds > 0 && seconds <= 3600)) {
    throw new Error(`ELDR_TIMEOUT is "${text}", expected seconds, above 0, at most 3600`);
  }
  return seconds * 1000;
}

if (process.argv.length !== 4) {
  console.error('usage: node place.js MODEL REQUEST_ID');
  process.exit(2);
}
try {
  await run(process.argv[2], process.argv[3]);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
