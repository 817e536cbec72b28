// Faults that take longer to be noticed: half-open connections, and many faults in a row.
#include <signal.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
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

}  // namespace
}  // namespace eldr
