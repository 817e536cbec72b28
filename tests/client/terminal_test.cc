// eldrctl top on a pseudo terminal: what is drawn, keys, and that the terminal is given back.
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <string>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "tests/client/fake_daemon.h"

namespace eldr::client {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

// eldrctl as a process on a terminal of 120 x 20.
class OnTerminal {
 public:
  explicit OnTerminal(const std::string& target) {
    const winsize size = {.ws_row = 20, .ws_col = 120, .ws_xpixel = 0, .ws_ypixel = 0};
    // Before the fork: other threads may hold what these lock.
    setenv("TERM", "xterm-256color", 1);
    unsetenv("NO_COLOR");
    const char* const program = std::getenv("ELDRCTL");
    pid_ = forkpty(&terminal_, nullptr, nullptr, &size);
    if (pid_ == 0) {
      execl(program, "eldrctl", "top", "--interval", "20ms", "--target", target.c_str(), nullptr);
      _exit(127);
    }
  }
  ~OnTerminal() {
    if (pid_ > 0) kill(pid_, SIGKILL);
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
    close(terminal_);
  }
  void Press(const std::string& keys) {
    EXPECT_EQ(write(terminal_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }
  void Signal(int signal) { kill(pid_, signal); }
  // Reads until what was written since the last call has the text; false if that takes 10 s.
  bool Shows(const std::string& text) {
    seen_.clear();
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!absl::StrContains(seen_, text)) {
      if (std::chrono::steady_clock::now() > deadline || !ReadSome()) return false;
    }
    return true;
  }
  // The exit code, once it has ended, and all that it wrote until then.
  int End() {
    while (ReadSome()) {
    }
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  const std::string& seen() const { return seen_; }

 private:
  bool ReadSome() {
    pollfd ready = {terminal_, POLLIN, 0};
    if (poll(&ready, 1, 10'000) <= 0) return false;
    char bytes[4096];
    const ssize_t got = read(terminal_, bytes, sizeof(bytes));
    if (got > 0) seen_.append(bytes, static_cast<std::size_t>(got));
    return got > 0;
  }

  int terminal_ = -1;
  pid_t pid_ = -1;
  std::string seen_;
};

class TerminalTest : public ::testing::Test {
 protected:
  TerminalTest() {
    v1::ListNodesResponse nodes;
    for (const char* const id : {"alpha", "beta", "gamma"}) {
      v1::Node& node = *nodes.add_nodes();
      node.mutable_spec()->set_node_id(id);
      node.mutable_spec()->set_capacity(10);
      node.set_state(v1::NODE_STATE_READY);
      node.set_load(static_cast<std::uint32_t>(nodes.nodes_size()));
    }
    daemon_.fleet.list_nodes.set_answer([nodes](const auto&, auto* response) {
      *response = nodes;
      return grpc::Status::OK;
    });
    v1::ListModelsResponse models;
    models.add_models()->set_name("moe");
    daemon_.models.list_models.set_answer([models](const auto&, auto* response) {
      *response = models;
      return grpc::Status::OK;
    });
    daemon_.history.get_history.set_answer([](const auto& request, auto* response) {
      response->set_model(request.model());
      v1::HistoryPoint& point = *response->add_points();
      point.set_duration_seconds(10);
      point.set_placements(25);
      return grpc::Status::OK;
    });
  }
  FakeDaemon daemon_;
};

constexpr char kGivenBack[] = "\033[?25h\033[?1049l";

TEST_F(TerminalTest, DrawsInPlaceSortsFiltersAndQuits) {
  OnTerminal top(daemon_.target());
  ASSERT_TRUE(top.Shows("gamma")) << top.seen();
  EXPECT_THAT(top.seen(), AllOf(HasSubstr("\033[?1049h\033[?25l"), HasSubstr("3 nodes"),
                                HasSubstr("moe  2.5 placements/s"), HasSubstr("\033[32m"),
                                Not(HasSubstr("\033[2J"))));
  ASSERT_TRUE(top.Shows("\033[J"));
  EXPECT_THAT(top.seen(), HasSubstr("\033[H")) << "from the top left again";
  top.Press("l");
  ASSERT_TRUE(top.Shows("\033[J"));
  ASSERT_TRUE(top.Shows("\033[J"));
  EXPECT_LT(top.seen().find("gamma"), top.seen().find("alpha")) << "by load";
  top.Press("/bet");
  ASSERT_TRUE(top.Shows("filter: bet_"));
  ASSERT_TRUE(top.Shows("\033[J"));
  EXPECT_THAT(top.seen(), AllOf(HasSubstr("beta"), Not(HasSubstr("alpha"))));
  top.Press("\rq");
  EXPECT_EQ(top.End(), 0);
  EXPECT_THAT(top.seen(), EndsWith(kGivenBack));
}

TEST_F(TerminalTest, GivesTheTerminalBackHoweverItEnds) {
  for (const int signal : {SIGTERM, SIGHUP, SIGINT}) {
    OnTerminal top(daemon_.target());
    ASSERT_TRUE(top.Shows("gamma"));
    top.Signal(signal);
    EXPECT_EQ(top.End(), 0) << signal;
    EXPECT_THAT(top.seen(), EndsWith(kGivenBack)) << signal;
  }
  OnTerminal top(daemon_.target());
  ASSERT_TRUE(top.Shows("gamma"));
  top.Press("\x03");
  EXPECT_EQ(top.End(), 0);
  EXPECT_THAT(top.seen(), EndsWith(kGivenBack));
}

TEST_F(TerminalTest, SaysThatTheDaemonIsAwayAndGoesOnWhenItIsBack) {
  OnTerminal top(daemon_.target());
  ASSERT_TRUE(top.Shows("gamma"));
  std::atomic<bool> away{true};
  daemon_.fleet.list_nodes.set_answer([&away](const auto&, auto* response) {
    if (away) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone fishing");
    response->add_nodes()->mutable_spec()->set_node_id("delta");
    return grpc::Status::OK;
  });
  EXPECT_TRUE(top.Shows("gone fishing"));
  away = false;
  EXPECT_TRUE(top.Shows("delta"));
  daemon_.fleet.list_nodes.set_answer([](const auto&, auto*) {
    return grpc::Status(grpc::StatusCode::PERMISSION_DENIED, "not for you");
  });
  EXPECT_EQ(top.End(), 1);
  EXPECT_THAT(top.seen(), HasSubstr(kGivenBack));
  EXPECT_THAT(top.seen().substr(top.seen().find(kGivenBack)), HasSubstr("not for you"))
      << "on the terminal as it was";
}

}  // namespace
}  // namespace eldr::client
