// Clients of the HTTP port that misbehave.
#ifndef ELDR_TESTS_SERVER_HTTP_HTTP_CLIENT_H_
#define ELDR_TESTS_SERVER_HTTP_HTTP_CLIENT_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <string>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "server/base/unique_fd.h"

namespace eldr {

// A connection to a port of this machine that does exactly what it is told.
class RawClient {
 public:
  // `buffer`: how many bytes the system takes that are not read; 0: as usual. `resets`: its end is
  // a reset, not a goodbye.
  explicit RawClient(int port, int buffer = 0, bool resets = false)
      : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    const linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (resets) setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    if (buffer > 0) setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
    const timeval patience = {.tv_sec = 10, .tv_usec = 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<in_port_t>(port));
    EXPECT_EQ(connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }

  void Send(absl::string_view bytes) const {
    send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  // False if the server has closed, or has taken nothing for 10 s.
  bool SendAll(absl::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void Ask(absl::string_view path) const {
    Send("GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  // Some bytes; empty once the server has closed, or after 10 s of silence.
  std::string Receive() const {
    char bytes[65536];
    const ssize_t got = recv(socket_.get(), bytes, sizeof(bytes), 0);
    return got > 0 ? std::string(bytes, static_cast<std::size_t>(got)) : "";
  }
  std::string ReceiveAll() const {
    std::string all;
    for (std::string some = Receive(); !some.empty(); some = Receive()) all += some;
    return all;
  }
  // Reads what has come, without waiting.
  void ReadWhatIsThere() const {
    char bytes[65536];
    while (recv(socket_.get(), bytes, sizeof(bytes), MSG_DONTWAIT) > 0) {
    }
  }
  // Whether the server has closed, without waiting.
  bool Closed() const {
    char byte = 0;
    return recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
  }

 private:
  UniqueFd socket_;
};

}  // namespace eldr

#endif  // ELDR_TESTS_SERVER_HTTP_HTTP_CLIENT_H_
