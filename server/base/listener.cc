#include "server/base/listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace eldr {
namespace {

bool IsWildcard(const std::string& host) { return host == "0.0.0.0" || host == "::"; }

void SetOption(int socket, int level, int option, int value) {
  setsockopt(socket, level, option, &value, sizeof(value));
}

int PortOf(int socket) {
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  getsockname(socket, reinterpret_cast<sockaddr*>(&bound), &size);
  const in_port_t port = bound.ss_family == AF_INET6
                             ? reinterpret_cast<const sockaddr_in6*>(&bound)->sin6_port
                             : reinterpret_cast<const sockaddr_in*>(&bound)->sin_port;
  return ntohs(port);
}

void SetPort(sockaddr_storage& address, int port) {
  const in_port_t wire = htons(static_cast<in_port_t>(port));
  if (address.ss_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6*>(&address)->sin6_port = wire;
  } else {
    reinterpret_cast<sockaddr_in*>(&address)->sin_port = wire;
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Listener>> Listener::Open(absl::string_view key,
                                                         const ListenAddress& address) {
  std::unique_ptr<Listener> self(new Listener(address));
  absl::Status status;
  if (address.unix_socket) {
    absl::StatusOr<UnixSocket> socket = UnixSocket::Listen(address.host);
    status = socket.status();
    if (socket.ok()) self->unix_ = std::make_unique<UnixSocket>(*std::move(socket));
  } else {
    status = self->OpenTcp();
  }
  if (status.ok()) return self;
  return absl::UnavailableError(
      absl::StrCat(key, ": cannot listen on ", address.ToString(), ": ", status.message()));
}

absl::Status Listener::OpenTcp() {
  if (IsWildcard(address_.host)) {
    // One socket of IPv6 takes IPv4 too; where there is no IPv6, IPv4 alone.
    sockaddr_in6 all{};
    all.sin6_family = AF_INET6;
    absl::Status status = Bind(reinterpret_cast<const sockaddr*>(&all), sizeof(all));
    if (status.code() != absl::StatusCode::kNotFound) return status;
    sockaddr_in all4{};
    all4.sin_family = AF_INET;
    return Bind(reinterpret_cast<const sockaddr*>(&all4), sizeof(all4));
  }
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(address_.host.c_str(), nullptr, &hints, &found);
  if (error != 0) return absl::UnavailableError(gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> all(found, freeaddrinfo);
  absl::Status status;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    absl::Status bound = Bind(one->ai_addr, one->ai_addrlen);
    if (bound.ok()) continue;
    status = bound;
    if (!absl::IsNotFound(bound)) return bound;
  }
  // A name may stand for an address of a kind that this machine does not have, as localhost does.
  return tcp_.empty() ? absl::UnavailableError(status.message()) : absl::OkStatus();
}

absl::Status Listener::Bind(const sockaddr* to, socklen_t size) {
  sockaddr_storage address{};
  std::memcpy(&address, to, size);
  SetPort(address, address_.port);
  const auto failed = [] {
    const bool no_such = errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL;
    return absl::Status(no_such ? absl::StatusCode::kNotFound : absl::StatusCode::kUnavailable,
                        strerror(errno));
  };
  UniqueFd socket(::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.open()) return failed();
  // A port whose last connections are still fading away can be used again; one that is listened on
  // can not.
  SetOption(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (address.ss_family == AF_INET6) {
    SetOption(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, IsWildcard(address_.host) ? 0 : 1);
  }
  SetOption(socket.get(), IPPROTO_TCP, TCP_NODELAY, 1);  // connections inherit it
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      listen(socket.get(), kListenBacklog) != 0) {
    return failed();
  }
  address_.port = PortOf(socket.get());
  tcp_.push_back(std::move(socket));
  return absl::OkStatus();
}

std::vector<int> Listener::sockets() const {
  if (unix_ != nullptr) return {unix_->fd()};
  std::vector<int> all;
  for (const UniqueFd& socket : tcp_) all.push_back(socket.get());
  return all;
}

std::vector<ListenAddress> Listener::numeric() const {
  if (unix_ != nullptr) return {address_};
  std::vector<ListenAddress> all;
  for (const UniqueFd& socket : tcp_) {
    sockaddr_storage bound{};
    socklen_t size = sizeof(bound);
    getsockname(socket.get(), reinterpret_cast<sockaddr*>(&bound), &size);
    char host[NI_MAXHOST] = "";
    getnameinfo(reinterpret_cast<const sockaddr*>(&bound), size, host, sizeof(host), nullptr, 0,
                NI_NUMERICHOST);
    all.push_back({.host = host, .port = address_.port, .unix_socket = false});
  }
  return all;
}

UniqueFd AcceptConnection(int listening) {
  return UniqueFd(accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

}  // namespace eldr
