// Recorded traffic, decided again.
#include "tools/sim/event_replay.h"

#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/record/record_stream.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tools/sim/event_file.h"

namespace eldr::sim {
namespace {

using ::testing::HasSubstr;

// What a daemon would record of two kinds of requests on two nodes, placed in turn.
class EventReplayTest : public ::testing::Test {
 protected:
  EventReplayTest() {
    storage::v1::EventRecord& model = Add(0);
    model.mutable_model_declared()->set_name("m");
    model.mutable_model_declared()->mutable_geometry()->set_layers(2);
    model.mutable_model_declared()->mutable_geometry()->set_experts(8);
    model.mutable_model_declared()->mutable_geometry()->set_top_k(2);
    for (const char* const id : {"a", "b"}) {
      v1::NodeSpec& node = *Add(0).mutable_node_registered();
      node.set_node_id(id);
      node.set_model("m");
      node.set_address(absl::StrCat(id, ":1"));
    }
  }

  storage::v1::EventRecord& Add(int seconds) {
    storage::v1::EventRecord& record = events_.emplace_back();
    record.mutable_time()->set_seconds(1'700'000'000 + seconds);
    return record;
  }
  // Every token picks two experts, the first or the last ones.
  void Place(int seconds, const std::string& id, int kind, const std::string& node) {
    storage::v1::PlacedEvent& placed = *Add(seconds).mutable_placed();
    placed.set_node_id(node);
    placed.mutable_query()->set_model("m");
    placed.mutable_query()->set_request_id(id);
    v1::ExpertSignature& signature = *placed.mutable_query()->mutable_signature();
    signature.set_tokens(50);
    signature.mutable_dense()->set_encoding(v1::COUNT_ENCODING_UINT8);
    std::string layer(8, '\0');
    layer[kind == 0 ? 0 : 6] = layer[kind == 0 ? 1 : 7] = 50;
    signature.mutable_dense()->set_data(layer + layer);
  }
  void End(int seconds, const std::string& id, const std::string& end = "released") {
    storage::v1::LeaseEvent& lease = *Add(seconds).mutable_lease_ended();
    lease.set_model("m");
    lease.set_request_id(id);
    lease.set_end(end);
  }
  // Pairs of equal kind arrive one after the other, and were sent to different nodes.
  void AddTraffic() {
    for (int i = 0; i < 40; ++i) {
      Place(i, absl::StrCat("r", i), i / 2 % 2, i % 2 == 0 ? "a" : "b");
      if (i >= 8) End(i, absl::StrCat("r", i - 8));
    }
  }
  EventReplayResult MustReplay(const std::string& policy) {
    const auto result = ReplayEvents(events_, policy, PolicySettings{}, 1);
    EXPECT_THAT(result, IsOk());
    return result.value_or(EventReplayResult{});
  }

  std::vector<storage::v1::EventRecord> events_;
};

TEST_F(EventReplayTest, TheRecordedDecisionsAreRepeated) {
  AddTraffic();
  const EventReplayResult recorded = MustReplay("recorded");
  EXPECT_EQ(recorded.placements, 40u);
  EXPECT_EQ(recorded.same_node, 40u);
  EXPECT_EQ(recorded.refused, 0u);
  EXPECT_GT(recorded.step_seconds, 0);
}

TEST_F(EventReplayTest, APolicyThatSortsThemAddsFewerExperts) {
  AddTraffic();
  const EventReplayResult recorded = MustReplay("recorded");
  const EventReplayResult residency = MustReplay("residency");
  EXPECT_EQ(residency.placements, 40u);
  EXPECT_LT(residency.same_node, 40u);
  EXPECT_LT(residency.marginal_experts, 0.95 * recorded.marginal_experts);
  EXPECT_LT(residency.step_seconds, recorded.step_seconds);
  const std::string table = FormatEventTable({{recorded, residency}});
  EXPECT_THAT(table, HasSubstr("residency"));
  EXPECT_THAT(FormatEventJson({{recorded, residency}}), HasSubstr("\"same_node\": 40"));
}

TEST_F(EventReplayTest, ANodeThatDrainsTakesNothingAndOneThatLeftIsForgotten) {
  storage::v1::NodeStateEvent& drain = *Add(0).mutable_node_state();
  drain.set_node_id("a");
  drain.set_state(v1::NODE_STATE_READY);
  drain.set_draining(true);
  Place(1, "r1", 0, "b");
  Add(2).set_node_removed("b");
  Place(3, "r2", 0, "b");
  const EventReplayResult result = MustReplay("least_loaded");
  EXPECT_EQ(result.placements, 1u);
  EXPECT_EQ(result.same_node, 1u);
  EXPECT_EQ(result.refused, 1u);
}

TEST_F(EventReplayTest, WhatTheSnapshotTellsAgainChangesNothing) {
  storage::v1::LeaseEvent& held = *Add(0).mutable_lease_adopted();
  held.set_model("m");
  held.set_request_id("r1");
  held.set_node_id("a");
  Place(0, "r1", 0, "a");
  End(1, "unknown");
  End(2, "r1", "moved");
  Place(3, "r2", 0, "b");
  const EventReplayResult result = MustReplay("recorded");
  EXPECT_EQ(result.placements, 2u);
  EXPECT_EQ(result.load_spread, (1 + 0) / 2.0) << "r1 is on a, then r2 on b beside it";
}

TEST_F(EventReplayTest, LeasesOfTheFirstSnapshotAreHeldWithoutBeingDecidedAnew) {
  const auto hold = [this](const std::string& id, const std::string& node) {
    storage::v1::LeaseEvent& held = *Add(0).mutable_lease_held();
    held.set_model("m");
    held.set_request_id(id);
    held.set_node_id(node);
    held.set_sequences(1);
  };
  hold("r1", "a");
  hold("r2", "a");
  Place(1, "r3", 0, "b");
  hold("r4", "b");  // of a later file
  const EventReplayResult result = MustReplay("least_loaded");
  EXPECT_EQ(result.placements, 1u);
  EXPECT_EQ(result.same_node, 1u) << "a has two already";
  EXPECT_EQ(result.load_spread, 1) << "two on a, one on b";
}

TEST_F(EventReplayTest, ReadsLogsAndRefusesOtherFiles) {
  AddTraffic();
  const TempDir dir;
  std::string bytes = "ELDREVT1";
  for (const storage::v1::EventRecord& event : events_) AppendRecord(event, bytes);
  std::ofstream(dir / "events-00000001.eldrevt") << bytes << "\x30torn";
  const auto read = ReadEvents({dir.path()});
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->size(), events_.size());

  std::ofstream(dir / "other") << "ELDRCAP1";
  EXPECT_THAT(ReadEvents({dir / "other"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("other: is no event log")));
  const TempDir empty;
  EXPECT_THAT(ReadEvents({empty.path()}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no event in 0 logs")));
}

}  // namespace
}  // namespace eldr::sim
