#include "server/self_call.h"

#include <arpa/inet.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/generic/generic_stub.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "server/base/unique_fd.h"

namespace eldr {
namespace {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

absl::Status Failed(absl::string_view what, int error) {
  const bool files = error == EMFILE || error == ENFILE;
  const bool nobody = error == ECONNREFUSED || error == ENOENT;
  const absl::StatusCode code = files    ? absl::StatusCode::kResourceExhausted
                                : nobody ? absl::StatusCode::kNotFound
                                         : absl::StatusCode::kUnavailable;
  return absl::Status(code, absl::StrCat(what, ": ", strerror(error)));
}

// Where to connect to; loopback for those who listen on every address.
absl::StatusOr<SocketAddress> Resolve(const ListenAddress& address) {
  SocketAddress to;
  if (address.unix_socket) {
    auto* const path = reinterpret_cast<sockaddr_un*>(&to.storage);
    path->sun_family = AF_UNIX;
    std::strncpy(path->sun_path, address.host.c_str(), sizeof(path->sun_path) - 1);
    to.size = sizeof(sockaddr_un);
    return to;
  }
  const bool any = address.host == "0.0.0.0" || address.host == "::";
  const std::string host = any ? "127.0.0.1" : address.host;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
  if (error != 0) return absl::UnavailableError(gai_strerror(error));
  std::memcpy(&to.storage, found->ai_addr, found->ai_addrlen);
  to.size = found->ai_addrlen;
  freeaddrinfo(found);
  return to;
}

// Takes any free port for the socket and answers it.
absl::StatusOr<int> TakePort(int socket, sa_family_t family) {
  SocketAddress own;
  own.storage.ss_family = family;
  own.size = family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  if (bind(socket, own.get(), own.size) != 0) return Failed("bind", errno);
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&own.storage), &own.size) != 0) {
    return Failed("getsockname", errno);
  }
  return ntohs(family == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(&own.storage)->sin6_port
                                  : reinterpret_cast<const sockaddr_in*>(&own.storage)->sin_port);
}

absl::Status Connect(int socket, const SocketAddress& to, absl::Duration timeout) {
  if (connect(socket, to.get(), to.size) == 0) return absl::OkStatus();
  // A unix socket whose queue is full: it would have been accepted if anybody did.
  if (errno == EAGAIN) return absl::DeadlineExceededError("connections are not accepted");
  if (errno != EINPROGRESS) return Failed("connect", errno);
  pollfd ready = {socket, POLLOUT, 0};
  if (poll(&ready, 1, static_cast<int>(absl::ToInt64Milliseconds(timeout))) == 0) {
    return absl::UnavailableError("connect: no answer");
  }
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size);
  return error == 0 ? absl::OkStatus() : Failed("connect", error);
}

// A file that was put in the place of ours leads to another process.
absl::Status CheckListener(int socket) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid == getpid()) {
    return absl::OkStatus();
  }
  return absl::NotFoundError(absl::StrCat("process ", peer.pid, " listens there"));
}

// grpc.health.v1.Health.Check of "liveness", by hand: its proto is not packaged.
absl::Status CheckHealth(UniqueFd socket, absl::Duration timeout) {
  const auto channel = grpc::CreateInsecureChannelFromFd("self", socket.Release());
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout));
  grpc::CompletionQueue queue;
  const std::string text("\x0a\x08liveness");
  const grpc::Slice slice(text);
  const grpc::ByteBuffer request(&slice, 1);
  const auto call =
      stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", request, &queue);
  call->StartCall();
  grpc::ByteBuffer answer;
  grpc::Status status;
  call->Finish(&answer, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  queue.Shutdown();
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

}  // namespace

absl::Status CallSelf(const ListenAddress& address, GrpcListeners& listeners,
                      absl::Duration timeout) {
  SocketAddress to;
  ELDR_ASSIGN_OR_RETURN(to, Resolve(address));
  const sa_family_t family = to.storage.ss_family;
  UniqueFd socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.open()) return Failed("socket", errno);
  const absl::Cleanup forget = [&listeners] { listeners.ExpectOwn(0); };
  if (!address.unix_socket) {
    int port = 0;
    ELDR_ASSIGN_OR_RETURN(port, TakePort(socket.get(), family));
    listeners.ExpectOwn(port);
  }
  const std::uint64_t refused = listeners.refused();
  ELDR_RETURN_IF_ERROR(Connect(socket.get(), to, timeout));
  if (address.unix_socket) ELDR_RETURN_IF_ERROR(CheckListener(socket.get()));
  absl::Status status = CheckHealth(std::move(socket), timeout);
  if (status.ok() || listeners.refused() == refused) return status;
  return absl::ResourceExhaustedError("too many open files");
}

}  // namespace eldr
