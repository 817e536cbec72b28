// Scenario files.
#include "tools/sim/scenario.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace eldr::sim {
namespace {

using ::testing::HasSubstr;

TEST(ScenarioTest, SetsWhatItNames) {
  SimConfig config;
  config.replay.capacity = 9;
  ASSERT_THAT(ParseScenario("nodes:\n"
                            "  - {count: 2, speed: 0.5}\n"
                            "  - {capacity: 3, kv_capacity: 100}\n"
                            "events:\n"
                            "  - {at: 1s, do: join, node: x, speed: 2}\n"
                            "  - {at: 2s, do: crash, node: decode-0}\n"
                            "drift: {from: {a: 1}, to: {b: 2}, start: 3s, end: 4s}\n"
                            "signatures: {missing: 0.25, late: 0.5, delay: 2s}\n"
                            "heartbeats: {interval: 2s, delay: 1s}\n"
                            "step_time: {base: 5ms}\n"
                            "believed_step_time: {all_experts: 7ms}\n",
                            config),
              IsOk());
  ASSERT_EQ(config.replay.node_shapes.size(), 3u);
  EXPECT_EQ(config.replay.node_shapes[1].speed, 0.5);
  EXPECT_EQ(config.replay.node_shapes[1].capacity, 9u);
  EXPECT_EQ(config.replay.node_shapes[2].capacity, 3u);
  EXPECT_EQ(config.replay.node_shapes[2].kv_capacity, 100u);
  ASSERT_EQ(config.replay.events.size(), 2u);
  EXPECT_EQ(config.replay.events[0].shape.speed, 2);
  EXPECT_EQ(config.replay.events[1].kind, replay::FleetEvent::Kind::kCrash);
  EXPECT_EQ(config.traffic.mix, MixKind::kDrift);
  EXPECT_EQ(config.traffic.drift->to.at("b"), 2);
  EXPECT_EQ(config.traffic.missing_signatures, 0.25);
  EXPECT_EQ(config.replay.late_signature_delay, absl::Seconds(2));
  EXPECT_EQ(config.replay.heartbeat_delay, absl::Seconds(1));
  EXPECT_EQ(config.replay.step_time.base, absl::Milliseconds(5));
  EXPECT_EQ(config.settings.step_time.all_experts, absl::Milliseconds(7));
}

TEST(ScenarioTest, ErrorsNameTheLineTheKeyTheValueAndWhatWasExpected) {
  struct Case {
    const char* yaml;
    const char* message;
  };
  const Case cases[] = {
      {"\nnoise: 1\n", "line 2: unknown key \"noise\" in the scenario, expected one of believed"},
      {"heartbeats:\n  delays: 1s\n", "line 2: unknown key \"delays\" in heartbeats"},
      {"heartbeats:\n  delay: soon\n", "line 2: delay: \"soon\": expected a duration"},
      {"nodes:\n  - speed: 0\n", "line 2: speed: got \"0\", expected a number from 0.01"},
      {"nodes: 3\n", "line 1: nodes: expected a list"},
      {"events:\n  - {at: 1s, do: explode, node: a}\n", "line 2: do: got \"explode\""},
      {"events:\n  - {at: 1s, do: join}\n", "line 2: events: expected the key \"node\""},
      {"events:\n  - {at: 2s, do: drain, node: a}\n  - {at: 1s, do: drain, node: b}\n",
       "line 3: at: got 1s"},
      {"drift: {from: {a: 1}}\n", "line 1: drift: expected the keys"},
      {"drift: {from: {a: -1}, to: {b: 1}}\n", "line 1: a: got \"-1\""},
      {"signatures: {missing: 0.7, late: 0.7}\n", "line 1: signatures: missing and late are 1.4"},
      {"a: [\n", "line 2:"},
      {"", "got nothing"},
  };
  for (const Case& bad : cases) {
    SCOPED_TRACE(bad.yaml);
    SimConfig config;
    EXPECT_THAT(ParseScenario(bad.yaml, config),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(bad.message)));
    EXPECT_TRUE(config.replay.events.empty() && config.replay.node_shapes.empty());
  }
}

}  // namespace
}  // namespace eldr::sim
