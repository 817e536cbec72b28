// Where a server listens, as the configuration writes it.
#ifndef ELDR_SERVER_CONFIG_LISTEN_ADDRESS_H_
#define ELDR_SERVER_CONFIG_LISTEN_ADDRESS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace eldr {

struct ListenAddress {
  std::string host;  // without brackets; the path of a unix socket
  int port = 0;      // 0: any free one, or a unix socket
  bool unix_socket = false;

  // True if only this machine can reach it.
  bool loopback() const;
  // HOST:PORT, [HOST]:PORT for IPv6, or unix:PATH.
  std::string ToString() const;
};

// Reads HOST:PORT, [IPV6]:PORT or unix:PATH. INVALID_ARGUMENT, saying what was expected.
absl::StatusOr<ListenAddress> ParseListenAddress(absl::string_view text);

}  // namespace eldr

#endif  // ELDR_SERVER_CONFIG_LISTEN_ADDRESS_H_
