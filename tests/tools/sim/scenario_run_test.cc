// Whatever happens to the fleet: every request finishes once, with all its tokens.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/tools/sim/keeping_books.h"
#include "tests/tools/sim/small_config.h"
#include "tools/replay/in_process_backend.h"
#include "tools/sim/cell.h"
#include "tools/sim/scenario.h"
#include "tools/sim/traffic.h"

namespace eldr::sim {
namespace {

// Notes what arrives.
class Noting final : public replay::ArrivalSource {
 public:
  explicit Noting(replay::ArrivalSource& below) : below_(below) {}
  replay::Arrival Next() override {
    arrivals_.push_back(below_.Next());
    return arrivals_.back();
  }
  const std::vector<replay::Arrival>& arrivals() const { return arrivals_; }

 private:
  replay::ArrivalSource& below_;
  std::vector<replay::Arrival> arrivals_;
};

struct Outcome {
  replay::ReplayResult result;
  std::size_t moved = 0;
  std::size_t refused = 0;
};

// The router's leases are those of the requests that run.
void ExpectNoLeak(replay::PlacementBackend& backend, const KeepingBooks& books) {
  auto* const in_process = dynamic_cast<replay::InProcessBackend*>(&backend);
  if (in_process == nullptr) return;  // `domain` has routers of its own
  std::uint64_t leases = 0;
  for (const ModelDescription& model : in_process->router().ListModels()) leases += model.leases;
  EXPECT_EQ(leases, books.live().size());
  std::uint64_t on_nodes = 0;
  const auto nodes = in_process->router().ListNodes("");
  ASSERT_THAT(nodes, IsOk());
  for (const NodeStatus& node : *nodes) on_nodes += node.leases;
  EXPECT_EQ(on_nodes, leases);
}

// Runs and checks the books.
Outcome RunChecked(const SimConfig& config, const std::string& policy) {
  Outcome outcome;
  const auto trace = replay::LoadTrace(config.trace, {config.signature_tokens, config.experts});
  EXPECT_THAT(trace, IsOk());
  const auto setup = SetUpSeed(config, *trace, nullptr, config.seed);
  EXPECT_THAT(setup, IsOk());
  const auto traffic =
      Traffic::Create(config.traffic, config.replay.duration, *trace, setup->pool, {}, config.seed);
  EXPECT_THAT(traffic, IsOk());
  const auto backend = MakeBackend(config, *trace, *setup, policy);
  EXPECT_THAT(backend, IsOk());
  if (!traffic.ok() || !backend.ok()) return outcome;
  Noting noting(**traffic);
  KeepingBooks books(**backend);
  const auto result = replay::Replay(*trace, config.replay, noting, books);
  EXPECT_THAT(result, IsOk());
  if (!result.ok()) return outcome;
  outcome = {*result, books.moved(), books.refused()};
  ExpectNoLeak(**backend, books);

  std::size_t measured = 0;
  // The last one noted has not arrived when the replay ends.
  for (std::size_t i = 0; i + 1 < noting.arrivals().size(); ++i) {
    const replay::Arrival& arrival = noting.arrivals()[i];
    const std::string id = absl::StrCat(trace->requests[arrival.trace_request].id, ".", i);
    const auto released = books.released_tokens().find(id);
    if (released != books.released_tokens().end()) {
      EXPECT_EQ(released->second, arrival.output_tokens) << id;
    }
    if (arrival.time < config.replay.warmup || arrival.time >= config.replay.duration) continue;
    ++measured;
    EXPECT_NE(released, books.released_tokens().end()) << id;
  }
  EXPECT_EQ(result->time_per_output_token.count, measured);
  EXPECT_GT(measured, 0u);
  EXPECT_EQ(result->arrivals + 1, noting.arrivals().size());
  return outcome;
}

class ScenarioRunTest : public ::testing::TestWithParam<const char*> {};

TEST_P(ScenarioRunTest, EveryRequestFinishesOnceWithItsTokens) {
  SimConfig config = SmallConfig();
  config.replay.nodes = 6;
  config.traffic.rate = 10;
  config.traffic.output = *replay::ParseOutputLength("exp:80");
  config.replay.duration = absl::Seconds(100);
  ASSERT_THAT(ReadScenario(absl::StrCat(ELDR_SCENARIOS, "/", GetParam(), ".yaml"), config), IsOk());
  for (const char* policy :
       {"residency", "residency_oracle", "locality_band_online", "domain", "least_loaded"}) {
    SCOPED_TRACE(policy);
    config.policies = {policy};
    RunChecked(config, policy);
  }
}

INSTANTIATE_TEST_SUITE_P(Shipped, ScenarioRunTest,
                         ::testing::Values("elastic", "drift", "missing_signatures",
                                           "heterogeneous", "late_heartbeats",
                                           "wrong_coefficients"),
                         [](const auto& scenario) { return std::string(scenario.param); });

TEST(FleetRunTest, ANodeThatComesOrGoesEverySecondFailsNoPlacement) {
  SimConfig config = SmallConfig();
  config.replay.nodes = 6;
  config.traffic.rate = 10;
  config.traffic.output = *replay::ParseOutputLength("exp:80");
  config.replay.duration = absl::Seconds(95);
  ASSERT_THAT(ReadScenario(absl::StrCat(ELDR_SCENARIOS, "/churn.yaml"), config), IsOk());
  ASSERT_EQ(config.replay.events.size(), 60u);
  for (const char* policy : {"locality_band", "locality_band_online", "residency"}) {
    SCOPED_TRACE(policy);
    config.policies = {policy};
    const Outcome outcome = RunChecked(config, policy);
    EXPECT_EQ(outcome.refused, 0u);
    EXPECT_GT(outcome.result.lost, 0u) << "some requests ran on nodes that crashed";
    EXPECT_GE(outcome.moved, outcome.result.lost);
  }
}

TEST(FleetRunTest, ACrashMovesItsRequests) {
  SimConfig config = SmallConfig();
  ASSERT_THAT(ParseScenario("events:\n"
                            "  - {at: 5s, do: crash, node: decode-0}\n"
                            "  - {at: 6s, do: crash, node: decode-1}\n",
                            config),
              IsOk());
  const Outcome outcome = RunChecked(config, "residency");
  EXPECT_GT(outcome.result.lost, 0u);
  EXPECT_GE(outcome.moved, outcome.result.lost);
}

TEST(FleetRunTest, TransfersFullNodesAndLimitsOfKvOnlyDelay) {
  SimConfig config = SmallConfig();
  const Outcome plain = RunChecked(config, "residency");
  config.replay.transfer_delay = absl::Milliseconds(96);
  const Outcome delayed = RunChecked(config, "residency");
  // 2 ms per token are 96 ms over 48 tokens; the wait for a step boundary may go either way.
  const absl::Duration more =
      delayed.result.time_per_output_token.mean - plain.result.time_per_output_token.mean;
  EXPECT_GT(more, absl::Milliseconds(1.5));
  EXPECT_LT(more, absl::Milliseconds(2.5));

  config.replay.transfer_delay = absl::ZeroDuration();
  config.replay.kv_capacity = 64 + 48;
  const Outcome full = RunChecked(config, "residency");
  EXPECT_GT(full.result.waited, 0u);
  EXPECT_EQ(full.result.mean_batch, 1);
}

TEST(FleetRunTest, SlowNodesAndGraphsOfFewSizesTakeTheirTime) {
  SimConfig config = SmallConfig();
  const absl::Duration plain = RunChecked(config, "round_robin").result.time_per_output_token.mean;
  config.replay.node_shapes.assign(config.replay.nodes, {0.5, 0, 0});
  EXPECT_GT(RunChecked(config, "round_robin").result.time_per_output_token.mean, 1.9 * plain);
  config.replay.node_shapes.clear();
  config.replay.bucket_offsets = {{1000, absl::Milliseconds(3)}};
  EXPECT_GT(RunChecked(config, "round_robin").result.time_per_output_token.mean,
            plain + absl::Milliseconds(2.9));
}

TEST(FleetRunTest, SignaturesThatNeverComeCostTheirGain) {
  SimConfig config = SmallConfig();
  config.replay.nodes = 8;
  config.traffic.rate = 40;
  config.traffic.output.tokens = 128;
  config.replay.duration = absl::Seconds(20);
  const double with = RunChecked(config, "residency").result.distinct_experts_per_layer;
  config.traffic.missing_signatures = 1;
  const double without = RunChecked(config, "residency").result.distinct_experts_per_layer;
  EXPECT_GT(without, 1.03 * with);
}

}  // namespace
}  // namespace eldr::sim
