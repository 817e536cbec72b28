// How a client reaches its daemon, and how long it tries.
#ifndef ELDR_CLIENT_OPTIONS_H_
#define ELDR_CLIENT_OPTIONS_H_

#include <memory>
#include <string>

#include "absl/time/time.h"

namespace grpc {
class Channel;
class ChannelCredentials;
}  // namespace grpc

namespace eldr::client {

// When a call that failed with UNAVAILABLE is made again. Only calls that are safe to repeat are;
// each method of Client says if it is not. The call's timeout bounds all attempts together.
struct RetryOptions {
  // The most attempts a call makes, the first included. 1: no retry.
  int max_attempts = 4;
  // The longest pause before the second attempt. Pauses are drawn between half of their bound and
  // the bound, so that many clients do not come back at one moment.
  absl::Duration initial_backoff = absl::Milliseconds(50);
  // What the bound is multiplied by after each attempt; at least 1.
  double multiplier = 2.0;
  // What the bound never exceeds.
  absl::Duration max_backoff = absl::Seconds(1);
};

// Files in PEM for an encrypted connection. All empty: plaintext. A file that is replaced serves
// new connections within a minute.
struct TlsOptions {
  // The authorities that the daemon's certificate may be signed by. Needed for TLS.
  std::string ca_file;
  // The client's own certificate and its key, if the daemon asks for one; both or neither.
  std::string certificate_file;
  std::string key_file;
  // The name that the daemon's certificate must have, if it is not the host of `target`.
  std::string server_name;
};

struct Options {
  // Where the daemon listens: "host:port" or "unix:/path". A name is looked up again whenever the
  // connection is lost, so a successor that takes over the name is found.
  std::string target = "127.0.0.1:9002";
  // How long one call may take in all, unless its CallOptions say otherwise. Must be positive.
  absl::Duration timeout = absl::Seconds(5);
  RetryOptions retry = {};
  // How soon a daemon is noticed that vanished without a word, with its host or its network. While
  // a call or a stream waits and nothing was received for keepalive_time, the daemon is asked;
  // after keepalive_timeout without an answer, or without an acknowledgement of what was sent, the
  // connection is given up: what waits ends with UNAVAILABLE, and the next call connects anew. Both
  // at least 1 s. eldrd allows a question every second; a proxy in between may allow fewer, and
  // then ends connections with "too_many_pings". keepalive_time of InfiniteDuration(): never asked.
  absl::Duration keepalive_time = absl::Seconds(2);
  absl::Duration keepalive_timeout = absl::Seconds(3);
  // The HTTP proxy to connect through, http://[USER:PASSWORD@]HOST:PORT. Empty: none, whatever the
  // environment says. Targets in the environment's no_grpc_proxy or no_proxy are still reached
  // directly.
  std::string http_proxy;
  // Whom the client trusts and who it is.
  TlsOptions tls = {};
  // A file whose first line is a bearer token, sent with every call; read again when it changes.
  // Empty: none. Without TLS the token crosses the network in plaintext.
  std::string token_file;
  // Used in the place of `tls` if set.
  std::shared_ptr<grpc::ChannelCredentials> credentials = nullptr;
  // If set, calls go over this channel, and nothing of what says how to connect is used. This is
  // the seam for tests: implement the generated services, and hand in Server::InProcessChannel().
  std::shared_ptr<grpc::Channel> channel = nullptr;
  // The largest answer that is accepted, in bytes. Must be positive.
  int max_receive_bytes = 64 << 20;
};

// What one call does otherwise than the client's Options.
struct CallOptions {
  // How long the call may take in all. Zero: Options.timeout for a call, no limit for a stream.
  absl::Duration timeout = absl::ZeroDuration();
};

}  // namespace eldr::client

#endif  // ELDR_CLIENT_OPTIONS_H_
