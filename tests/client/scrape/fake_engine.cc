#include "tests/client/scrape/fake_engine.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace eldr {
namespace {

// The test cannot go on without.
void Must(bool done, const char* what) {
  if (done) return;
  std::perror(what);
  std::abort();
}

bool SendAll(int socket, const std::string& bytes) {
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t n = send(socket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return false;
    sent += static_cast<std::size_t>(n);
  }
  return true;
}

// The path of the next request; empty at the end of the connection.
std::string ReadPath(int socket) {
  std::string request;
  char buffer[4096];
  while (request.find("\r\n\r\n") == std::string::npos) {
    const ssize_t n = recv(socket, buffer, sizeof(buffer), 0);
    if (n <= 0) return "";
    request.append(buffer, static_cast<std::size_t>(n));
  }
  const std::size_t start = request.find(' ') + 1;
  return request.substr(start, request.find(' ', start) - start);
}

}  // namespace

FakeEngine::FakeEngine() { Open(); }

FakeEngine::~FakeEngine() { Close(); }

std::string FakeEngine::url(const std::string& path) const {
  return absl::StrCat("http://127.0.0.1:", port_, path);
}

void FakeEngine::SetPage(const std::string& path, int status, const std::string& body) {
  const std::string bytes =
      absl::StrCat("HTTP/1.1 ", status, " Because\r\nContent-Length: ", body.size(),
                   "\r\nConnection: close\r\n\r\n", body);
  SetAnswer(path, [bytes](int index) { return Piece{index == 0 ? bytes : ""}; });
}

void FakeEngine::SetAnswer(const std::string& path, Answer answer) {
  absl::MutexLock lock(&mutex_);
  answers_[path] = std::move(answer);
}

void FakeEngine::Open() {
  const int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port_));
  auto* const raw = reinterpret_cast<sockaddr*>(&address);
  // When it comes back, a connection of another process may have the port for a moment.
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while (bind(listening, raw, sizeof(address)) != 0) {
    Must(errno == EADDRINUSE && absl::Now() < deadline, "bind");
    absl::SleepFor(absl::Milliseconds(10));
  }
  Must(listen(listening, 64) == 0, "listen");
  socklen_t size = sizeof(address);
  Must(getsockname(listening, raw, &size) == 0, "getsockname");
  port_ = ntohs(address.sin_port);
  {
    absl::MutexLock lock(&mutex_);
    closing_ = false;
    listening_ = listening;
  }
  acceptor_ = std::thread([this, listening] { Accept(listening); });
}

void FakeEngine::Close() {
  std::vector<std::thread> threads;
  {
    absl::MutexLock lock(&mutex_);
    if (listening_ < 0) return;
    closing_ = true;
    shutdown(listening_, SHUT_RDWR);
    for (const int socket : sockets_) shutdown(socket, SHUT_RDWR);
  }
  acceptor_.join();
  {
    absl::MutexLock lock(&mutex_);
    for (const int socket : sockets_) shutdown(socket, SHUT_RDWR);
    threads.swap(threads_);
    close(std::exchange(listening_, -1));
  }
  for (std::thread& thread : threads) thread.join();
}

void FakeEngine::Accept(int listening) {
  for (;;) {
    const int socket = accept(listening, nullptr, nullptr);
    if (socket < 0) return;
    absl::MutexLock lock(&mutex_);
    sockets_.push_back(socket);
    threads_.emplace_back([this, socket] { Serve(socket); });
  }
}

FakeEngine::Answer FakeEngine::Find(const std::string& path) {
  absl::MutexLock lock(&mutex_);
  const auto found = answers_.find(path);
  if (found != answers_.end()) return found->second;
  return [](int index) {
    return Piece{index == 0 ? "HTTP/1.1 404 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                            : ""};
  };
}

bool FakeEngine::ClosesWithin(absl::Duration time) {
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&closing_), time);
}

void FakeEngine::Serve(int socket) {
  const std::string path = ReadPath(socket);
  if (!path.empty()) {
    ++requests_;
    const Answer answer = Find(path);
    for (int index = 0;; ++index) {
      const Piece piece = answer(index);
      if (ClosesWithin(piece.before) || piece.bytes.empty()) break;
      if (!SendAll(socket, piece.bytes)) break;
    }
  }
  absl::MutexLock lock(&mutex_);
  sockets_.erase(std::find(sockets_.begin(), sockets_.end(), socket));
  close(socket);
}

}  // namespace eldr
