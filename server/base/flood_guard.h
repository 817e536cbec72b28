// Ends connections whose peers send without end what nobody asked for.
#ifndef ELDR_SERVER_BASE_FLOOD_GUARD_H_
#define ELDR_SERVER_BASE_FLOOD_GUARD_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace eldr {

// HTTP/2 lets a peer send only as much data as it was given windows for, so whoever sends much is
// also sent something, if only further windows. There is one thing it bounds not: a call's metadata
// that goes on and on in CONTINUATION frames. gRPC 1.51 keeps all of it, and holds each frame alone
// to its bound. So a connection that has brought kMostUnanswered bytes since it was last sent one
// byte is shut down, and gRPC drops it.
//
// Knows TCP connections only, on Linux from 4.19; of others it never thinks ill. Not thread-safe.
class FloodGuard {
 public:
  // Far beyond all windows that gRPC gives.
  static constexpr std::uint64_t kMostUnanswered = std::uint64_t{64} << 20;

  // Watches a connection, which the caller may give away and whoever has it may close.
  void Add(int connection);
  // Looks at all of them, and answers how many it has shut down.
  std::size_t Step();
  std::size_t watched() const { return connections_.size(); }

 private:
  struct Connection {
    int fd;
    std::uint64_t cookie;  // the system's own name of it: an fd may be another's by now
    std::uint64_t sent = 0;
    std::uint64_t received_then = 0;  // when it was last sent something
  };
  std::vector<Connection> connections_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_BASE_FLOOD_GUARD_H_
