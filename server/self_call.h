// A call of the daemon to itself, as a client would make it.
#ifndef ELDR_SERVER_SELF_CALL_H_
#define ELDR_SERVER_SELF_CALL_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/config/listen_address.h"
#include "server/grpc_listeners.h"

namespace eldr {

// Connects to `address`, one of the endpoints of `listeners`, and asks the health service whether
// it lives. In plaintext even where others need TLS: it could show no certificate that clients must
// have.
//   OK                  it answers
//   NOT_FOUND           nobody listens there, or another process does
//   DEADLINE_EXCEEDED   there was a connection, and no answer in time
//   RESOURCE_EXHAUSTED  there are too few open files
//   UNAVAILABLE         anything else: an address that is not reachable even from here
absl::Status CallSelf(const ListenAddress& address, GrpcListeners& listeners,
                      absl::Duration timeout);

}  // namespace eldr

#endif  // ELDR_SERVER_SELF_CALL_H_
