#include "server/grpc_listeners.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "core/base/status_macros.h"
#include "server/base/file_limit.h"

namespace eldr {
namespace {

// After a failure that time may heal, such as too many open files.
constexpr int kAcceptPauseMs = 100;
// How often what connections have brought is looked at.
constexpr int kLookMs = 250;
// Accepted in one go before the other addresses are looked at again.
constexpr int kAcceptBatch = 64;

struct PeerName {
  sockaddr_storage address{};
  int port = 0;
  absl::string_view host;  // its bytes, within `address`
};

using NameOf = int (*)(int, sockaddr*, socklen_t*);
bool ReadName(NameOf name_of, int socket, PeerName& endpoint) {
  socklen_t size = sizeof(endpoint.address);
  auto* const address = reinterpret_cast<sockaddr*>(&endpoint.address);
  if (name_of(socket, address, &size) != 0) return false;
  if (address->sa_family == AF_INET) {
    const auto* const v4 = reinterpret_cast<const sockaddr_in*>(address);
    endpoint.port = ntohs(v4->sin_port);
    endpoint.host = {reinterpret_cast<const char*>(&v4->sin_addr), sizeof(v4->sin_addr)};
    return true;
  }
  if (address->sa_family != AF_INET6) return false;
  const auto* const v6 = reinterpret_cast<const sockaddr_in6*>(address);
  endpoint.port = ntohs(v6->sin6_port);
  endpoint.host = {reinterpret_cast<const char*>(&v6->sin6_addr), sizeof(v6->sin6_addr)};
  return true;
}

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcListeners>> GrpcListeners::Open(
    absl::Span<const ListenAddress> addresses, Log& log) {
  std::unique_ptr<GrpcListeners> self(new GrpcListeners(log));
  for (const ListenAddress& address : addresses) {
    std::unique_ptr<Listener> listener;
    ELDR_ASSIGN_OR_RETURN(listener, Listener::Open("grpc.listen", address));
    for (ListenAddress& endpoint : listener->numeric()) {
      self->endpoints_.push_back({self->addresses_.size(), std::move(endpoint)});
    }
    self->addresses_.push_back(listener->address());
    self->listeners_.push_back(std::move(listener));
  }
  return self;
}

GrpcListeners::~GrpcListeners() { Stop(); }

void GrpcListeners::Start(Take take) {
  take_ = std::move(take);
  thread_ = std::thread([this] { Serve(); });
}

void GrpcListeners::Stop() {
  stopping_.store(true);
  wake_.Wake();
  if (thread_.joinable()) thread_.join();
  listeners_.clear();
}

void GrpcListeners::Reopen(std::size_t index) {
  MutexLock lock(mutex_);
  to_reopen_.insert(index);
  wake_.Wake();
}

void GrpcListeners::Serve() {
  while (!stopping_.load()) {
    if (Wait()) {
      for (const Socket& socket : ready_) AcceptAll(socket.index, socket.fd);
    }
    std::set<std::size_t> to_reopen;
    {
      MutexLock lock(mutex_);
      to_reopen.swap(to_reopen_);
    }
    for (const std::size_t index : to_reopen) ReopenNow(index);
    EndFloods();
  }
}

void GrpcListeners::EndFloods() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_look_) return;
  next_look_ = now + std::chrono::milliseconds(kLookMs);
  const std::size_t ended = guard_.Step();
  if (ended == 0) return;
  floods_.fetch_add(ended);
  log_.Write(LogLevel::kWarning, "connection_flooded",
             {{"connections", ended}, {"bytes_without_an_answer", FloodGuard::kMostUnanswered}},
             "connection_flooded", 1);
}

bool GrpcListeners::Wait() {
  std::vector<pollfd> files = {{wake_.fd(), POLLIN, 0}};
  std::vector<Socket> sockets;
  for (std::size_t i = 0; i < listeners_.size() && !pausing_; ++i) {
    if (listeners_[i] == nullptr) continue;
    for (const int fd : listeners_[i]->sockets()) {
      sockets.push_back({i, fd});
      files.push_back({fd, POLLIN, 0});
    }
  }
  ready_.clear();
  const int timeout_ms = pausing_ ? kAcceptPauseMs : guard_.watched() > 0 ? kLookMs : -1;
  const int ready = poll(files.data(), files.size(), timeout_ms);
  pausing_ = false;
  if (ready <= 0) return false;
  if (files[0].revents != 0) wake_.Clear();
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    if (files[i + 1].revents != 0) ready_.push_back(sockets[i]);
  }
  return !ready_.empty();
}

void GrpcListeners::AcceptAll(std::size_t index, int listening) {
  for (int i = 0; i < kAcceptBatch; ++i) {
    UniqueFd connection = AcceptConnection(listening);
    if (!connection.open()) {
      if (errno != EAGAIN) OnFailure(index, errno);
      return;
    }
    Admit(index, listening, std::move(connection));
  }
}

void GrpcListeners::Admit(std::size_t index, int listening, UniqueFd connection) {
  if (connection.get() >= FirstFileKeptFree()) {
    refused_.fetch_add(1);
    log_.Write(LogLevel::kWarning, "connection_refused",
               {{"cause", "too many open files"}, {"limit", OpenFileLimit()}}, "connection_refused",
               1);
    return;
  }
  if (!addresses_[index].unix_socket) {
    const auto milliseconds = static_cast<unsigned>(absl::ToInt64Milliseconds(kClientSilence));
    setsockopt(connection.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds,
               sizeof(milliseconds));
    guard_.Add(connection.get());
  }
  const bool plaintext = addresses_[index].unix_socket || IsOwn(connection.get());
  take_(listening, std::move(connection), plaintext);
}

void GrpcListeners::OnFailure(std::size_t index, int error) {
  log_.Write(LogLevel::kWarning, "accept_failed",
             {{"address", addresses_[index].ToString()}, {"message", strerror(error)}},
             "accept_failed", 1);
  pausing_ = true;  // or a socket that stays ready would keep a processor busy
  const bool broken = error == EINVAL || error == EBADF || error == ENOTSOCK || error == EOPNOTSUPP;
  if (broken) Reopen(index);
}

void GrpcListeners::ReopenNow(std::size_t index) {
  const std::string address = addresses_[index].ToString();
  listeners_[index] = nullptr;  // or the new one would find the address taken
  absl::StatusOr<std::unique_ptr<Listener>> again =
      Listener::Open("grpc.listen", addresses_[index]);
  if (again.ok()) {
    listeners_[index] = *std::move(again);
    log_.Warning("listener_reopened", {{"address", address}});
  } else {
    log_.Error("listener_not_reopened", {{"message", again.status().message()}});
  }
}

// From the port that was named, and from the very address that it came to: no other machine has
// that address, and no other process that port.
bool GrpcListeners::IsOwn(int connection) const {
  const int port = own_port_.load();
  if (port == 0) return false;
  PeerName here, there;
  return ReadName(getpeername, connection, there) && there.port == port &&
         ReadName(getsockname, connection, here) && here.host == there.host;
}

}  // namespace eldr
