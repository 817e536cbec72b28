#include "tests/client/relay.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace eldr::client {
namespace {

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

int PortOf(const std::string& target) {
  int port = 0;
  EXPECT_TRUE(absl::SimpleAtoi(target.substr(target.rfind(':') + 1), &port)) << target;
  return port;
}

// Passes on what there is to read; false once either side has closed.
bool PassOn(int from, int to) {
  char bytes[64 << 10];
  const ssize_t got = recv(from, bytes, sizeof bytes, MSG_DONTWAIT);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  return got > 0 && send(to, bytes, static_cast<std::size_t>(got), MSG_NOSIGNAL) == got;
}

}  // namespace

Relay::Relay(const std::string& target)
    : listener_(socket(AF_INET, SOCK_STREAM, 0)), daemon_(target) {
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(listen(listener_, 64), 0);
  EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
  target_ = absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
  thread_ = std::thread([this] { Run(); });
}

Relay::~Relay() {
  stop_.store(true);
  thread_.join();
  close(listener_);
  absl::MutexLock lock(&mutex_);
  for (const Pair& pair : pairs_) {
    close(pair.near);
    close(pair.far);
  }
}

void Relay::SilenceOpenConnections() {
  absl::MutexLock lock(&mutex_);
  for (Pair& pair : pairs_) pair.silent = true;
}

void Relay::PointTo(const std::string& target) {
  absl::MutexLock lock(&mutex_);
  daemon_ = target;
}

void Relay::Accept() {
  const int near = accept(listener_, nullptr, nullptr);
  if (near < 0) return;
  ++accepted_;
  const int far = socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = Loopback(PortOf(daemon_));
  if (connect(far, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close(near);
    close(far);
    return;
  }
  pairs_.push_back({near, far, false});
}

void Relay::Run() {
  while (!stop_.load()) {
    std::vector<pollfd> waiting = {{listener_, POLLIN, 0}};
    {
      absl::MutexLock lock(&mutex_);
      for (const Pair& pair : pairs_) {
        if (pair.silent) continue;
        waiting.push_back({pair.near, POLLIN, 0});
        waiting.push_back({pair.far, POLLIN, 0});
      }
    }
    if (poll(waiting.data(), waiting.size(), 5) <= 0) continue;
    absl::MutexLock lock(&mutex_);
    if ((waiting[0].revents & POLLIN) != 0) Accept();
    const auto closed = [](const Pair& pair) {
      if (pair.silent || (PassOn(pair.near, pair.far) && PassOn(pair.far, pair.near))) return false;
      close(pair.near);
      close(pair.far);
      return true;
    };
    pairs_.erase(std::remove_if(pairs_.begin(), pairs_.end(), closed), pairs_.end());
  }
}

}  // namespace eldr::client
