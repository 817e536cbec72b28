#include "server/base/unix_socket.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "server/base/listener.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;
using Code = absl::StatusCode;

class UnixSocketTest : public ::testing::Test {
 protected:
  bool Answers() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof(address.sun_path) - 1);
    const UniqueFd client(socket(AF_UNIX, SOCK_STREAM, 0));
    return connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }
  // As a process leaves it that was killed.
  void LeaveBehind() {
    auto socket = UnixSocket::Listen(path_);
    ASSERT_THAT(socket, IsOk());
    const std::string aside = path_ + ".aside";
    std::filesystem::rename(path_, aside);
    socket = absl::UnknownError("closed");
    std::filesystem::rename(aside, path_);
  }

  const TempDir dir_;
  const std::string path_ = dir_ / "socket";
};

TEST_F(UnixSocketTest, ListensAndLeavesNothingBehind) {
  {
    const auto socket = UnixSocket::Listen(path_);
    ASSERT_THAT(socket, IsOk());
    EXPECT_TRUE(Answers());
  }
  EXPECT_TRUE(std::filesystem::is_empty(dir_.path()));
}

TEST_F(UnixSocketTest, OneThatIsServedIsLeftAlone) {
  const auto first = UnixSocket::Listen(path_);
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(UnixSocket::Listen(path_),
              StatusIs(Code::kUnavailable, HasSubstr("another process serves it")));
  EXPECT_TRUE(Answers()) << "the first one still does";
}

TEST_F(UnixSocketTest, OneThatWasLeftBehindIsReplaced) {
  LeaveBehind();
  ASSERT_TRUE(std::filesystem::exists(path_));
  EXPECT_FALSE(Answers());
  const auto socket = UnixSocket::Listen(path_);
  ASSERT_THAT(socket, IsOk());
  EXPECT_TRUE(Answers());
}

TEST_F(UnixSocketTest, AFileThatIsNoSocketIsLeftAlone) {
  std::ofstream(path_) << "precious";
  EXPECT_THAT(UnixSocket::Listen(path_), StatusIs(Code::kUnavailable, HasSubstr("no socket")));
  EXPECT_TRUE(std::filesystem::is_regular_file(path_));
}

TEST_F(UnixSocketTest, TheEndDeletesOnlyItsOwnFile) {
  auto first = std::make_unique<absl::StatusOr<UnixSocket>>(UnixSocket::Listen(path_));
  ASSERT_THAT(*first, IsOk());
  std::filesystem::remove(path_);  // somebody's mistake
  const auto second = UnixSocket::Listen(path_);
  ASSERT_THAT(second, IsOk());
  first.reset();
  EXPECT_TRUE(Answers());
}

TEST_F(UnixSocketTest, OfManyAtOnceExactlyOneServes) {
  for (int round = 0; round < 20; ++round) {
    LeaveBehind();
    std::vector<std::unique_ptr<absl::StatusOr<UnixSocket>>> sockets(8);
    std::vector<std::thread> threads;
    for (auto& socket : sockets) {
      threads.emplace_back([&socket, this] {
        socket = std::make_unique<absl::StatusOr<UnixSocket>>(UnixSocket::Listen(path_));
      });
    }
    for (std::thread& thread : threads) thread.join();
    int serving = 0;
    for (const auto& socket : sockets) serving += socket->ok() ? 1 : 0;
    EXPECT_EQ(serving, 1);
    EXPECT_TRUE(Answers());
  }
}

TEST_F(UnixSocketTest, APathThatDoesNotFitIsNamedWithItsBound) {
  EXPECT_THAT(UnixSocket::Listen(dir_ / std::string(200, 'x')),
              StatusIs(Code::kUnavailable, HasSubstr("expected at most 107")));
  EXPECT_THAT(UnixSocket::Listen(dir_ / "no/folder"),
              StatusIs(Code::kUnavailable, HasSubstr("No such file")));
}

ListenAddress AddressOfHost(const std::string& host, int port = 0) {
  return {.host = host, .port = port, .unix_socket = false};
}

TEST(ListenerTest, TakesAFreePortAndOnlyOneListenerPerPort) {
  const auto first = Listener::Open("x.listen", AddressOfHost("127.0.0.1"));
  ASSERT_THAT(first, IsOk());
  EXPECT_GT((*first)->address().port, 0);
  EXPECT_THAT(Listener::Open("x.listen", (*first)->address()),
              StatusIs(Code::kUnavailable, HasSubstr("x.listen: cannot listen on 127.0.0.1:")));
}

TEST(ListenerTest, EveryAddressIncludesLoopback) {
  for (const char* const host : {"0.0.0.0", "::"}) {
    const auto all = Listener::Open("x.listen", AddressOfHost(host));
    ASSERT_THAT(all, IsOk());
    EXPECT_THAT(Listener::Open("x.listen", AddressOfHost("127.0.0.1", (*all)->address().port)),
                StatusIs(Code::kUnavailable));
  }
}

TEST(ListenerTest, ANameMeansAllItsAddresses) {
  const auto local = Listener::Open("x.listen", AddressOfHost("localhost"));
  ASSERT_THAT(local, IsOk());
  EXPECT_GE((*local)->sockets().size(), 1u);
  EXPECT_EQ((*local)->numeric().size(), (*local)->sockets().size());
  for (const ListenAddress& address : (*local)->numeric()) {
    EXPECT_THAT(address.host, ::testing::AnyOf("127.0.0.1", "::1"));
    EXPECT_EQ(address.port, (*local)->address().port);
  }
  EXPECT_THAT(Listener::Open("x.listen", AddressOfHost("127.0.0.1", (*local)->address().port)),
              StatusIs(Code::kUnavailable));
}

TEST(ListenerTest, AnAddressOfAnotherMachineIsRefused) {
  EXPECT_THAT(Listener::Open("x.listen", AddressOfHost("192.0.2.1")),
              StatusIs(Code::kUnavailable, HasSubstr("192.0.2.1:0: Cannot assign")));
}

}  // namespace
}  // namespace eldr
