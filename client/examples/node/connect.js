import {readFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {Metadata, credentials, loadPackageDefinition} from '@grpc/grpc-js';
import {loadSync} from '@grpc/proto-loader';

const PROTOS = process.env.ELDR_PROTOS || fileURLToPath(new URL('../../../proto', import.meta.url));

const CHANNEL_OPTIONS = {
  'grpc.enable_http_proxy': 0, // a daemon is a neighbour, whatever proxy the environment names
  // A daemon that vanished without a word is noticed within 15 s.
  'grpc.keepalive_time_ms': 10000,
  'grpc.keepalive_timeout_ms': 5000,
  // Reconnect at the pace of the retries, and look up a daemon that moved; gRPC's own pauses grow to
  // two minutes.
  'grpc.initial_reconnect_backoff_ms': 50,
  'grpc.max_reconnect_backoff_ms': 400,
  'grpc.dns_min_time_between_resolutions_ms': 1000,
};

// Opens the connection that all calls share. It returns at once: calls connect.
export function connect() {
  const definition = loadSync('eldr/v1/placement.proto', {
    includeDirs: [PROTOS],
    longs: String, // lease ids have 64 bits, numbers of JavaScript 53
    enums: String,
    defaults: true,
  });
  const {PlacementService} = loadPackageDefinition(definition).eldr.v1;
  const {ELDR_TARGET, ELDR_TLS_CA, ELDR_TLS_SERVER_NAME, ELDR_TOKEN_FILE} = process.env;
  const transport = ELDR_TLS_CA ?
    credentials.createSsl(readFileSync(ELDR_TLS_CA)) : credentials.createInsecure();
  const options = {...CHANNEL_OPTIONS};
  if (ELDR_TLS_SERVER_NAME) options['grpc.ssl_target_name_override'] = ELDR_TLS_SERVER_NAME;
  const stub = new PlacementService(ELDR_TARGET || '127.0.0.1:9002', transport, options);
  return {
    call(method, request, deadline) {
      const metadata = new Metadata();
      if (ELDR_TOKEN_FILE) metadata.set('authorization', `Bearer ${readToken(ELDR_TOKEN_FILE)}`);
      return new Promise((resolve, reject) => {
        stub[method](request, metadata, {deadline},
          (error, answer) => error ? reject(error) : resolve(answer));
      });
    },
    close: () => stub.close(),
  };
}

// The first line of the file; read for each call, so that it can be replaced.
function readToken(path) {
  return readFileSync(path, 'utf8').split('\n', 1)[0].trim();
}
