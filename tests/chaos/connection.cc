#include "tests/chaos/connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>

#include "absl/strings/numbers.h"
#include "gtest/gtest.h"

namespace eldr {

Connection::Connection(const std::string& target) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int port = 0;
  EXPECT_TRUE(absl::SimpleAtoi(target.substr(target.rfind(':') + 1), &port)) << target;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  EXPECT_EQ(connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
}

Connection::~Connection() { close(socket_); }

void Connection::Send(const std::string& bytes) {
  send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

bool Connection::ClosedByPeer() {
  pollfd readable = {socket_, POLLIN, 0};
  char bytes[1024];
  while (poll(&readable, 1, 0) > 0) {
    if (recv(socket_, bytes, sizeof(bytes), MSG_DONTWAIT) <= 0) return true;
    heard_ = true;
  }
  return false;
}

}  // namespace eldr
