#include "server/base/flood_guard.h"

#include <linux/tcp.h>  // has counters that netinet/tcp.h lacks
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <optional>

namespace eldr {
namespace {

std::optional<std::uint64_t> CookieOf(int fd) {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof(cookie);
  if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) != 0) return std::nullopt;
  return cookie;
}

struct Traffic {
  std::uint64_t sent;
  std::uint64_t received;
};
std::optional<Traffic> TrafficOf(int fd) {
  tcp_info info{};
  socklen_t size = sizeof(info);
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  // An older kernel tells less.
  if (size < offsetof(tcp_info, tcpi_bytes_sent) + sizeof(info.tcpi_bytes_sent)) {
    return std::nullopt;
  }
  return Traffic{info.tcpi_bytes_sent, info.tcpi_bytes_received};
}

}  // namespace

void FloodGuard::Add(int connection) {
  const std::optional<std::uint64_t> cookie = CookieOf(connection);
  if (cookie && TrafficOf(connection)) connections_.push_back({connection, *cookie});
}

std::size_t FloodGuard::Step() {
  std::size_t ended = 0;
  std::erase_if(connections_, [&](Connection& connection) {
    const std::optional<Traffic> traffic = TrafficOf(connection.fd);
    if (!traffic || CookieOf(connection.fd) != connection.cookie) return true;  // it is closed
    if (traffic->sent != connection.sent) {
      connection.sent = traffic->sent;
      connection.received_then = traffic->received;
    }
    if (traffic->received - connection.received_then <= kMostUnanswered) return false;
    shutdown(connection.fd, SHUT_RDWR);
    ++ended;
    return true;
  });
  return ended;
}

}  // namespace eldr
