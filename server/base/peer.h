// Which client a call comes from.
#ifndef ELDR_SERVER_BASE_PEER_H_
#define ELDR_SERVER_BASE_PEER_H_

#include <grpcpp/server_context.h>

#include <string>

#include "absl/strings/string_view.h"

namespace eldr {

// The address without its port, so that all connections of a machine count as one client:
// "10.0.0.7" of "ipv4:10.0.0.7:4711", "[::1]" of "ipv6:%5B::1%5D:4711", and "unix" for a unix
// socket.
std::string PeerHost(absl::string_view peer);

inline std::string PeerOf(const grpc::ServerContextBase& rpc) { return PeerHost(rpc.peer()); }

}  // namespace eldr

#endif  // ELDR_SERVER_BASE_PEER_H_
