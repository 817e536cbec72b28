// What Simulate answers, and how it is written.
#include "tools/sim/report.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/tools/sim/small_config.h"

namespace eldr::sim {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

SimResult Simulated(const SimConfig& config) {
  auto result = Simulate(config, [](double, std::size_t) {});
  EXPECT_THAT(result, IsOk());
  return result.ok() ? *std::move(result) : SimResult{};
}

TEST(ReportTest, EqualSeedsGiveEqualBytesOnAnyNumberOfThreads) {
  SimConfig config = SmallConfig();
  config.policies = SimPolicyNames();
  config.seeds = 2;
  config.threads = 1;
  const std::string serial = FormatJson(config, Simulated(config));
  config.threads = 3;
  EXPECT_EQ(FormatJson(config, Simulated(config)), serial);
  config.seed = 2;
  EXPECT_NE(FormatJson(config, Simulated(config)), serial);
}

TEST(ReportTest, AtOneNodeAllPoliciesGiveTheSame) {
  SimConfig config = SmallConfig();
  config.policies = SimPolicyNames();
  config.replay.nodes = 1;
  config.traffic.rate = 3;
  const SimResult result = Simulated(config);
  ASSERT_EQ(result.cells.size(), config.policies.size());
  const replay::ReplayResult& first = result.cells[0].replay;
  EXPECT_GT(first.time_per_output_token.count, 0u);
  for (const CellResult& cell : result.cells) {
    SCOPED_TRACE(cell.policy);
    EXPECT_EQ(cell.replay.time_per_output_token.count, first.time_per_output_token.count);
    EXPECT_EQ(cell.replay.time_per_output_token.p50, first.time_per_output_token.p50);
    EXPECT_EQ(cell.replay.time_per_output_token.mean, first.time_per_output_token.mean);
    EXPECT_EQ(cell.replay.distinct_experts_per_layer, first.distinct_experts_per_layer);
    EXPECT_EQ(cell.replay.simulated_time, first.simulated_time);
  }
}

TEST(ReportTest, PoliciesOfASeedSeeTheSameRequests) {
  SimConfig config = SmallConfig();
  config.policies = {"locality_band", "least_loaded"};
  const SimResult result = Simulated(config);
  ASSERT_EQ(result.cells.size(), 2u);
  EXPECT_EQ(result.cells[0].replay.time_per_output_token.count,
            result.cells[1].replay.time_per_output_token.count);
  EXPECT_EQ(result.cells[0].pool + result.cells[0].calibration, result.trace_requests);
  EXPECT_EQ(result.cells[0].fitted_on, result.cells[0].calibration);
  EXPECT_FALSE(result.cells[0].fitted_in_sample);
}

TEST(ReportTest, ThePoolCanBeHalved) {
  SimConfig config = SmallConfig();
  config.calibration_share = 0;
  config.traffic.pool_share = 0.5;
  const SimResult result = Simulated(config);
  EXPECT_EQ(result.cells[0].pool, (result.trace_requests + 1) / 2);
}

TEST(ReportTest, TheOracleActivatesFewerExpertsThanThePolicyItIsAnOracleOf) {
  SimConfig config = SmallConfig();
  config.replay.nodes = 8;
  config.traffic.rate = 40;
  config.traffic.output.tokens = 128;
  config.replay.duration = absl::Seconds(25);
  config.seeds = 2;
  config.policies = {"residency_oracle", "residency", "least_loaded"};
  const SimResult result = Simulated(config);
  const auto experts = [&](std::size_t policy) {
    return result.cells[2 * policy].replay.distinct_experts_per_layer +
           result.cells[2 * policy + 1].replay.distinct_experts_per_layer;
  };
  EXPECT_LT(experts(0), experts(1));
  EXPECT_LT(experts(1), experts(2));
}

TEST(ReportTest, JsonNamesWhatWasAskedAndFound) {
  SimConfig config = SmallConfig();
  config.replay.time_limit = absl::Milliseconds(20);
  const std::string json = FormatJson(config, Simulated(config));
  for (const char* key : {"\"config\"",
                          "\"results\"",
                          "\"policy\": \"residency\"",
                          "\"nodes\": 4",
                          "\"rate\": 12.0",
                          "\"seed\": 1",
                          "\"requests\"",
                          "\"tpot_ms\"",
                          "\"p50\"",
                          "\"p95\"",
                          "\"p99\"",
                          "\"mean\"",
                          "\"distinct_experts_per_layer\"",
                          "\"mean_batch\"",
                          "\"between_tokens_ms\"",
                          "\"load_spread\"",
                          "\"mean_live_copies\"",
                          "\"goodput\"",
                          "\"pool_requests\"",
                          "\"left_out_requests\"",
                          "\"domains\"",
                          "\"physics\""}) {
    EXPECT_THAT(json, HasSubstr(key));
  }
  EXPECT_THAT(json, Not(HasSubstr("decision_us")));
}

TEST(ReportTest, TableComparesWithTheBestBalancer) {
  SimConfig config = SmallConfig();
  const std::string table = FormatTable(config, Simulated(config));
  EXPECT_THAT(table, HasSubstr("change against the best balancer"));
  EXPECT_THAT(table, HasSubstr("+0.0%"));
}

TEST(ReportTest, DecisionTimesOnlyIfAskedFor) {
  SimConfig config = SmallConfig();
  config.time_decisions = true;
  const SimResult result = Simulated(config);
  EXPECT_GT(result.cells[0].decision_time.mean, absl::ZeroDuration());
  EXPECT_THAT(FormatJson(config, result), HasSubstr("decision_us"));
}

TEST(ReportTest, ErrorsNameThePolicyAndTheSeed) {
  SimConfig config = SmallConfig();
  replay::FleetEvent event;
  event.time = absl::Seconds(1);
  event.kind = replay::FleetEvent::Kind::kDrain;
  event.node_id = "nobody";
  config.replay.events = {event};
  EXPECT_THAT(Simulate(config, [](double, std::size_t) {}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("residency, seed 1: events: at 1s: node \"nobody\"")));
}

}  // namespace
}  // namespace eldr::sim
