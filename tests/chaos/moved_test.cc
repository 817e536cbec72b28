// A daemon that another one takes over from, at another address under the same name.
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "tests/chaos/cable.h"
#include "tests/chaos/chaos_test.h"
#include "tests/support/temp_dir.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;

// Daemons are at the far end of a cable, one after the other; clients at the near one know them by
// a name only.
class MovedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0 || !cable_.usable()) {
      GTEST_SKIP() << "needs root and `ip netns` to take a host away";
    }
    Name(2);
    first_ = StartDaemon(2);
    if (HasFatalFailure()) return;
    heartbeats_ = Start({"nodes", "report", "d0", "--model", "m", "--address", "a:1", "--every",
                         "200ms", "--running-request", "r1"},
                        "heartbeats");
    tail_ = Start({"tail", "--model", "m"}, "tail");
    ASSERT_TRUE(Within(absl::Seconds(20), [&] { return IsHeard(); })) << Output("heartbeats");
    Run({"place", "r1", "--model", "m"});
    // Until the watch is open.
    ASSERT_TRUE(Within(absl::Seconds(20), [&] {
      Run({"place", absl::StrCat("t", ++placed_), "--model", "m"});
      return absl::StrContains(Output("tail"), "-> d0");
    })) << Output("tail");
  }

  // The name stands for this address from now on.
  void Name(int address) {
    std::ifstream real("/etc/hosts");
    const std::string hosts((std::istreambuf_iterator<char>(real)), {});
    // In place: it is mounted over the clients' own.
    std::ofstream(dir_ / "hosts") << hosts << "\n" << Cable::Address(address) << " eldr.test\n";
  }
  // Both keep one state, so only one can run at a time.
  std::unique_ptr<EldrdProcess> StartDaemon(int address) {
    EldrdProcess::Settings settings;
    settings.also_listen = Cable::Address(address) + ":9002";
    settings.grpc = "  insecure: true\n";
    settings.more = absl::StrCat("state_sync: always\nstate_dir: ", dir_ / "state", "\n");
    settings.node_timeout = "10s";
    settings.prefix = cable_.AtTheFarEnd();
    auto daemon = std::make_unique<EldrdProcess>(settings);
    daemon->Start();
    return daemon;
  }

  std::unique_ptr<ChildProcess> Start(const std::vector<std::string>& arguments,
                                      const std::string& output) {
    std::vector<std::string> command = {
        "unshare", "--mount", "sh", "-c",
        "mount --make-rprivate / && mount --bind \"$0\" /etc/hosts && exec \"$@\"", dir_ / "hosts",
        std::getenv("ELDRCTL"), "--target", "eldr.test:9002",
        // Long: a call that hangs is not to be ended by its own timeout.
        "--timeout", "100s"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return std::make_unique<ChildProcess>(command, dir_ / output);
  }
  std::string Output(const std::string& name) const { return ReadWholeFile(dir_ / name); }
  // A client of its own, which knows nothing of the daemon before.
  std::string Run(const std::vector<std::string>& arguments) {
    const std::string name = absl::StrCat("run", ++runs_);
    Start(arguments, name)->Wait();
    return Output(name);
  }
  bool IsHeard() {
    return absl::StrContains(Run({"nodes", "list", "--format", "json"}), "\"heartbeat_age\"");
  }
  // The client that was there before uses the successor within `limit` of its start, and no lease
  // has ended.
  void ExpectTakenOver(absl::Duration limit) {
    const absl::Time start = absl::Now();
    // Most of a look is the start of a process, which is slow under a sanitizer.
    IsHeard();
    const absl::Duration look = absl::Now() - start;
    EXPECT_TRUE(Within(absl::Seconds(60), [&] { return IsHeard(); })) << Output("heartbeats");
    EXPECT_LT(absl::Now() - start, limit + 2 * look);
    EXPECT_TRUE(Within(limit, [&] { return absl::StrContains(Output("tail"), "UNAVAILABLE"); }))
        << "the watch hangs: " << Output("tail");
    EXPECT_THAT(Run({"renew", "r1", "--model", "m"}), HasSubstr("r1: done"));
    EXPECT_THAT(Run({"nodes", "list"}), HasSubstr("ready"));
  }

  const TempDir dir_;
  Cable cable_;
  std::unique_ptr<EldrdProcess> first_, second_;
  std::unique_ptr<ChildProcess> heartbeats_, tail_;
  int runs_ = 0;
  int placed_ = 0;
};

TEST_F(MovedTest, OneWhoseHostVanishedIsLeftForItsSuccessorWithinSixSeconds) {
  cable_.ReplaceFarAddress(3);
  first_->Kill();
  second_ = StartDaemon(3);
  if (HasFatalFailure()) return;
  Name(3);
  ExpectTakenOver(absl::Seconds(6));
}

TEST_F(MovedTest, OneThatEndedIsLeftForItsSuccessorWithinASecond) {
  cable_.AddFarAddress(3);
  first_->Kill();
  // Until its host has refused connections for a while.
  ASSERT_TRUE(Within(absl::Seconds(20), [&] {
    return absl::StrContains(Output("heartbeats"), "error: UNAVAILABLE");
  })) << Output("heartbeats");
  second_ = StartDaemon(3);
  if (HasFatalFailure()) return;
  Name(3);
  ExpectTakenOver(absl::Seconds(1));
}

}  // namespace
}  // namespace eldr
