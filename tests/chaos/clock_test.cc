// The wall clock jumps, forward and back, under a daemon and its leases.
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/config.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/chaos/chaos_test.h"
#include "tests/server/test_authority.h"

namespace eldr {
namespace {

class ClockTest : public ChaosTest {
 protected:
  void SetUp() override {
    const char* const library = std::getenv("LIBFAKETIME");
    if (library == nullptr || access(library, R_OK) != 0) {
      GTEST_SKIP() << "needs libfaketime (the package faketime) to move the wall clock";
    }
#ifdef ABSL_HAVE_ADDRESS_SANITIZER
    GTEST_SKIP() << "AddressSanitizer and libfaketime do not go together";
#endif
    Set("+0");
    EldrdProcess::Settings settings;
    settings.environment = {absl::StrCat("LD_PRELOAD=", library),
                            absl::StrCat("FAKETIME_TIMESTAMP_FILE=", clock_ / "offset"),
                            "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1"};
    StartDaemon(settings);
  }
  // What the daemon's wall clock is off by, such as "+10d".
  void Set(const std::string& offset) { ReplaceFile(clock_ / "offset", offset + "\n"); }

  const TempDir clock_;
};

TEST_F(ClockTest, LeasesAndNodesLiveByTimeThatDoesNotJump) {
  std::vector<std::unique_ptr<ChildProcess>> nodes;
  for (int i = 0; i < 3; ++i) nodes.push_back(StartNode(absl::StrCat("n", i)));
  const auto held = StartWorker({"frontend", eldrd_->unix_target(), "100", "600"});
  const auto load = StartLoad();
  for (const char* const offset : {"+10d", "-10d", "+3650d", "+0"}) {
    SCOPED_TRACE(offset);
    Set(offset);
    ASSERT_TRUE(load->PlacesMore(100));
    EXPECT_EQ(eldrd_->Metric("eldr_leases_ended_total", "end=\"expired\""), 0);
    EXPECT_EQ(eldrd_->Metric("eldr_node_state", "state=\"lost\""), 0);
  }
  load->Stop();
  EXPECT_THAT(load->failures(), ::testing::IsEmpty());
  EXPECT_THAT(load->placed_twice(), ::testing::IsEmpty());
  EXPECT_EQ(eldrd_->Metric("eldr_node_leases"), 100) << "those that nobody released";
}

TEST_F(ClockTest, ALeaseEndsAfterItsTimeAlthoughTheClockWentBack) {
  eldrd_->RegisterNode("n");
  const auto frontend = StartWorker({"frontend", eldrd_->unix_target(), "10", "2"});
  Set("-10d");
  ExpectNoLeases();
  EXPECT_EQ(eldrd_->Metric("eldr_leases_ended_total", "end=\"expired\""), 10);
  // The log tells that the daemon saw the jump.
  eldrd_->RegisterNode("m");
  const std::string log = eldrd_->Log();
  const auto day = [&](const std::string& line) { return log.substr(log.find(line) - 30, 10); };
  EXPECT_NE(log.find("node=n "), std::string::npos);
  EXPECT_NE(day(" info node_registered model=m node=n "),
            day(" info node_registered model=m node=m "))
      << log;
}

}  // namespace
}  // namespace eldr
