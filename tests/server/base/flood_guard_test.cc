#include "server/base/flood_guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "server/base/unique_fd.h"

namespace eldr {
namespace {

// Both ends of a TCP connection over the loopback.
class TcpPair {
 public:
  TcpPair() : client(socket(AF_INET, SOCK_STREAM, 0)) {
    const UniqueFd listening(socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const name = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(listening.get(), name, size), 0);
    EXPECT_EQ(listen(listening.get(), 1), 0);
    EXPECT_EQ(getsockname(listening.get(), name, &size), 0);
    EXPECT_EQ(connect(client.get(), name, size), 0);
    server = UniqueFd(accept(listening.get(), nullptr, nullptr));
    EXPECT_TRUE(server.open());
  }

  // The client sends so many MiB, and the server reads them.
  void Bring(int mebibytes) const {
    const std::string sent(16384, 'x');
    std::string read(sent.size(), '\0');
    for (int i = 0; i < mebibytes * 64; ++i) {
      ASSERT_EQ(send(client.get(), sent.data(), sent.size(), MSG_NOSIGNAL), 16384);
      ASSERT_EQ(recv(server.get(), read.data(), read.size(), MSG_WAITALL), 16384);
    }
  }
  void Answer() const { EXPECT_EQ(send(server.get(), "x", 1, MSG_NOSIGNAL), 1); }

  UniqueFd client, server;
};

TEST(FloodGuardTest, EndsAConnectionThatBringsTooMuchUnanswered) {
  const TcpPair pair;
  FloodGuard guard;
  guard.Add(pair.server.get());
  EXPECT_EQ(guard.watched(), 1u);
  pair.Bring(63);
  EXPECT_EQ(guard.Step(), 0u);
  pair.Bring(2);
  EXPECT_EQ(guard.Step(), 1u);
  char byte = 0;
  EXPECT_EQ(recv(pair.client.get(), &byte, 1, 0), 0) << "it has ended";
  EXPECT_EQ(guard.watched(), 0u);
}

TEST(FloodGuardTest, AnAnswerBeginsTheCountAnew) {
  const TcpPair pair;
  FloodGuard guard;
  guard.Add(pair.server.get());
  for (int i = 0; i < 4; ++i) {
    pair.Bring(40);
    pair.Answer();
    EXPECT_EQ(guard.Step(), 0u);
  }
}

TEST(FloodGuardTest, LeavesWhoeverHasTheFileNow) {
  FloodGuard guard;
  auto first = std::make_unique<TcpPair>();
  const int fd = first->server.get();
  guard.Add(fd);
  first->Bring(65);
  first.reset();
  TcpPair second;
  ASSERT_EQ(dup2(second.server.get(), fd), fd);
  const UniqueFd same(fd == second.server.get() ? -1 : fd);
  EXPECT_EQ(guard.Step(), 0u);
  EXPECT_EQ(guard.watched(), 0u);
  second.Bring(1);
}

TEST(FloodGuardTest, KnowsNothingOfWhatIsNoTcpConnection) {
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  const UniqueFd one(pair[0]), other(pair[1]);
  FloodGuard guard;
  guard.Add(one.get());
  guard.Add(-1);
  EXPECT_EQ(guard.watched(), 0u);
}

}  // namespace
}  // namespace eldr
