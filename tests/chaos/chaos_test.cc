#include "tests/chaos/chaos_test.h"

#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"

namespace eldr {

void ChaosTest::StartDaemon(EldrdProcess::Settings settings) {
  eldrd_ = std::make_unique<EldrdProcess>(std::move(settings));
  eldrd_->Start();
}

std::unique_ptr<ChildProcess> ChaosTest::StartWorker(std::vector<std::string> arguments,
                                                     const std::vector<std::string>& prefix) {
  std::vector<std::string> command = prefix;
  command.emplace_back(std::getenv("CHAOS_WORKER"));
  command.insert(command.end(), arguments.begin(), arguments.end());
  const std::string output = eldrd_->Path(absl::StrCat("worker-", workers_++));
  auto worker = std::make_unique<ChildProcess>(command, output);
  EXPECT_TRUE(Within(absl::Seconds(30), [&] { return ReadWholeFile(output) == "ready\n"; }))
      << arguments[0] << ": " << ReadWholeFile(output);
  return worker;
}

std::unique_ptr<ChildProcess> ChaosTest::StartNode(const std::string& node_id) {
  return StartWorker({"node", eldrd_->unix_target(), node_id});
}

std::unique_ptr<Load> ChaosTest::StartLoad(Load::Options options) {
  return std::make_unique<Load>([this] { return eldrd_->NewChannel(); }, std::move(options));
}

void ChaosTest::ExpectNothingFailedAndNothingLeft(Load& load,
                                                  const std::vector<std::string>& lost_nodes) {
  load.Stop();
  EXPECT_THAT(load.failures(), ::testing::IsEmpty());
  EXPECT_GT(load.asked_again(), 0u);
  for (const std::string& twice : load.placed_twice()) {
    bool lost = false;
    for (const std::string& node : lost_nodes) {
      lost = lost || absl::StrContains(twice, absl::StrCat(" on ", node, " by lease "));
    }
    EXPECT_TRUE(lost) << "placed twice: " << twice;
  }
  RecordProperty("placed", static_cast<int>(load.placed()));
  ExpectNoLeases();
}

void ChaosTest::ExpectNoLeases() {
  EXPECT_TRUE(Within(absl::Seconds(30), [&] { return eldrd_->Metric("eldr_node_leases") == 0; }))
      << eldrd_->Metric("eldr_node_leases") << " leases are left";
  EXPECT_EQ(eldrd_->Metric("eldr_node_kv_tokens"), 0);
  // The most that residency tells of nobody.
  EXPECT_EQ(eldrd_->Metric("eldr_node_expected_distinct_experts"), 0);
  EXPECT_TRUE(Within(absl::Seconds(30), [&] { return eldrd_->Metric("eldr_node_load") == 0; }));
}

bool ChaosTest::NodeIs(const std::string& node_id, const std::string& state) const {
  return eldrd_->Metric("eldr_node_state",
                        absl::StrCat("node=\"", node_id, "\",state=\"", state, "\"")) == 1;
}

}  // namespace eldr
