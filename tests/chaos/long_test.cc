// Faults that take longer to be noticed: half-open connections, and many faults in a row.
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "tests/chaos/chaos_test.h"
#include "tests/chaos/connection.h"

namespace eldr {
namespace {

class LongTest : public ChaosTest {
 protected:
  void StartWithNodes(EldrdProcess::Settings settings = {}) {
    StartDaemon(std::move(settings));
    if (HasFatalFailure()) return;
    for (int i = 0; i < 4; ++i) eldrd_->RegisterNode(absl::StrCat("n", i));
  }
};

TEST_F(LongTest, ConnectionsThatSayNothingAreClosed) {
  StartWithNodes();
  if (HasFatalFailure()) return;
  const auto load = StartLoad();
  std::vector<std::unique_ptr<Connection>> silent;
  for (int i = 0; i < 200; ++i) {
    silent.push_back(std::make_unique<Connection>(eldrd_->tcp_target()));
  }
  EXPECT_TRUE(Within(absl::Seconds(40), [&] {
    for (const auto& connection : silent) {
      if (!connection->ClosedByPeer()) return false;
    }
    return true;
  }));
  ExpectNothingFailedAndNothingLeft(*load);
}

// The figure that docs/operations.md promises; http_server_test.cc proves that nobody is waited
// for.
TEST_F(LongTest, HealthIsAnsweredWithin100MsWhateverOthersDo) {
  StartWithNodes();
  if (HasFatalFailure()) return;
  std::vector<std::unique_ptr<Connection>> others;
  const auto open = [&](int count, const std::string& sends) {
    for (int i = 0; i < count; ++i) {
      others.push_back(std::make_unique<Connection>(eldrd_->http_target()));
      others.back()->Send(sends);
    }
  };
  for (const std::string sends : {"", "GET /met", "GET /metrics HTTP/1.1\r\n\r\n"}) {
    open(1000, sends);
    std::vector<absl::Duration> waits;
    for (int i = 0; i < 200; ++i) {
      const absl::Time start = absl::Now();
      ASSERT_EQ(eldrd_->StatusOf("/readyz"), 200);
      waits.push_back(absl::Now() - start);
    }
    std::sort(waits.begin(), waits.end());
    // The slowest of them tell of the machine, too.
    EXPECT_LT(waits[189], absl::Milliseconds(100)) << "19 of 20, beside those who send: " << sends;
    RecordProperty("p95_us", static_cast<int>(absl::ToInt64Microseconds(waits[189])));
    others.clear();
  }
}

TEST_F(LongTest, AStreamWhoseClientFrozeEndsByKeepalive) {
  EldrdProcess::Settings settings;
  settings.grpc = "  keepalive_time: 1s\n";
  StartWithNodes(settings);
  if (HasFatalFailure()) return;
  const auto load = StartLoad();
  const auto holder = StartWorker({"stream", eldrd_->tcp_target(), "n9"});
  ASSERT_TRUE(
      Within(absl::Seconds(20), [&] { return eldrd_->Metric("eldr_calls_in_flight") == 1; }));
  holder->Signal(SIGSTOP);  // its machine still answers for it, and nobody reads
  EXPECT_TRUE(
      Within(absl::Seconds(60), [&] { return eldrd_->Metric("eldr_calls_in_flight") == 0; }));
  ExpectNothingFailedAndNothingLeft(*load);
}

TEST_F(LongTest, OneWhosePortCannotBeMendedEndsWithACodeOfItsOwn) {
  const TempDir folder;
  std::filesystem::create_directory(folder / "gone");
  EldrdProcess::Settings settings;
  settings.also_listen = absl::StrCat("unix:", folder / "gone/socket");
  StartWithNodes(settings);
  if (HasFatalFailure()) return;
  std::filesystem::remove_all(folder / "gone");  // its socket cannot be made again
  EXPECT_TRUE(Within(absl::Seconds(20), [&] { return eldrd_->StatusOf("/readyz") == 503; }));
  EXPECT_EQ(eldrd_->Wait(), 3);
  EXPECT_THAT(eldrd_->Log(), ::testing::AllOf(::testing::HasSubstr("listener_not_reopened"),
                                              ::testing::HasSubstr("error hopeless"),
                                              ::testing::HasSubstr("info stopped")));
}

}  // namespace
}  // namespace eldr
