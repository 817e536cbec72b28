// The gRPC port's sockets are taken away from it.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "server/base/unique_fd.h"
#include "tests/chaos/chaos_test.h"
#include "tests/chaos/connection.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;

class ListenerTest : public ChaosTest {
 protected:
  void Start(EldrdProcess::Settings settings = {}) {
    StartDaemon(std::move(settings));
    if (HasFatalFailure()) return;
    for (int i = 0; i < 4; ++i) eldrd_->RegisterNode(absl::StrCat("n", i));
    EXPECT_EQ(eldrd_->StatusOf("/readyz"), 200);
  }
  bool ReadyIs(int status) {
    return Within(absl::Seconds(20), [&] { return eldrd_->StatusOf("/readyz") == status; });
  }
  // Whether a new connection to the TCP port hears from gRPC.
  bool TcpAnswers() {
    return Within(absl::Seconds(20), [this] {
      Connection connection(eldrd_->tcp_target());
      return Within(absl::Seconds(1),
                    [&] { return connection.ClosedByPeer() || connection.heard(); }) &&
             connection.heard();
    });
  }
  // What a fault of the system would do: the daemon's socket of that kind listens no more. False if
  // we may not.
  bool ShutDownListening(int family) {
    const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, eldrd_->pid(), 0)));
    const std::string folder = absl::StrCat("/proc/", eldrd_->pid(), "/fd");
    bool done = false;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      int number = 0;
      if (!absl::SimpleAtoi(entry.path().filename().string(), &number)) continue;
      const UniqueFd file(static_cast<int>(syscall(SYS_pidfd_getfd, process.get(), number, 0)));
      if (PortOf(file.get(), family) < 0) continue;
      done = shutdown(file.get(), SHUT_RD) == 0 || done;
    }
    return done;
  }

 private:
  // Of the listening socket that belongs to the gRPC port; -1 for any other file.
  int PortOf(int file, int family) const {
    int listens = 0;
    socklen_t size = sizeof(listens);
    if (getsockopt(file, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0)
      return -1;
    sockaddr_storage bound{};
    size = sizeof(bound);
    getsockname(file, reinterpret_cast<sockaddr*>(&bound), &size);
    if (bound.ss_family != family) return -1;
    if (family != AF_INET) return 0;
    const int port = ntohs(reinterpret_cast<const sockaddr_in*>(&bound)->sin_port);
    return absl::EndsWith(eldrd_->tcp_target(), absl::StrCat(":", port)) ? port : -1;
  }
};

TEST_F(ListenerTest, WithoutFreeFilesItIsNotReadyAndAcceptsAgainOnceThereAreSome) {
  EldrdProcess::Settings settings;
  settings.prefix = {"prlimit", "--nofile=80:80"};
  settings.more = "log: {level: debug}\n";
  Start(settings);
  if (HasFatalFailure()) return;
  std::vector<std::unique_ptr<Connection>> many;
  for (int i = 0; i < 120; ++i) {
    many.push_back(std::make_unique<Connection>(eldrd_->tcp_target()));
    many.back()->Send(std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33));
  }
  EXPECT_TRUE(ReadyIs(503));
  EXPECT_EQ(eldrd_->StatusOf("/livez"), 200);
  EXPECT_GT(eldrd_->Metric("eldr_connections_refused_total"), 0);
  EXPECT_EQ(eldrd_->Metric("eldr_ready"), 0);
  many.clear();
  EXPECT_TRUE(ReadyIs(200));
  EXPECT_TRUE(TcpAnswers());
  EXPECT_THAT(eldrd_->Log(), HasSubstr("connection_refused cause=\"too many open files\""));
}

TEST_F(ListenerTest, ASocketThatStopsListeningIsOpenedAnewWhereItWas) {
  Start();
  if (HasFatalFailure()) return;
  const auto load = StartLoad();
  if (!ShutDownListening(AF_INET)) GTEST_SKIP() << "needs the right to take a process' files";
  EXPECT_TRUE(Within(absl::Seconds(20),
                     [&] { return absl::StrContains(eldrd_->Log(), "listener_reopened"); }));
  EXPECT_TRUE(TcpAnswers());
  EXPECT_TRUE(ReadyIs(200));
  ExpectNothingFailedAndNothingLeft(*load);
}

TEST_F(ListenerTest, AUnixSocketThatSomebodyDeletedIsMadeAgain) {
  Start();
  if (HasFatalFailure()) return;
  const std::string path = eldrd_->Path("socket");
  std::filesystem::remove(path);
  EXPECT_TRUE(Within(absl::Seconds(20), [&] { return std::filesystem::exists(path); }));
  eldrd_->RegisterNode("late");
  EXPECT_TRUE(ReadyIs(200));
  EXPECT_EQ(eldrd_->Terminate(), 0);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(ListenerTest, ASecondDaemonIsRefusedItsUnixSocketAndTheFirstGoesOn) {
  Start();
  if (HasFatalFailure()) return;
  ChildProcess second({std::getenv("ELDRD"), "--grpc-listen", eldrd_->unix_target(),
                       "--http-listen", "127.0.0.1:0"},
                      eldrd_->Path("second.log"));
  EXPECT_EQ(second.Wait(), 1);
  EXPECT_THAT(ReadWholeFile(eldrd_->Path("second.log")),
              AllOf(HasSubstr(eldrd_->unix_target()), HasSubstr("another process serves it")));
  eldrd_->RegisterNode("late");
}

}  // namespace
}  // namespace eldr
