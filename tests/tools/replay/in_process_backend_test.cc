// The core's router under the replay: its policies on the part of the gpt-oss-20b trace that ships.
#include "tools/replay/in_process_backend.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/tools/replay/naive_backend.h"
#include "tools/replay/replay.h"

namespace eldr::replay {
namespace {

constexpr const char* kPolicies[] = {"residency", "least_loaded", "power_of_two", "round_robin",
                                     "random"};

class InProcessBackendTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto trace = LoadTrace(ELDR_TEST_TRACE, {});
    ASSERT_THAT(trace, IsOk());
    trace_ = new Trace(*std::move(trace));
  }
  static void TearDownTestSuite() { delete trace_; }

  InProcessBackendTest() {
    options_.warmup = absl::Seconds(8);
    options_.duration = absl::Seconds(24);
  }

  std::unique_ptr<InProcessBackend> Backend(const std::string& policy) {
    ModelSpec model;
    model.name = "gpt-oss-20b";
    model.geometry = trace_->geometry;
    model.settings.policy = policy;
    auto backend = InProcessBackend::Create(Router::Options{}, model);
    EXPECT_THAT(backend, IsOk());
    return *std::move(backend);
  }

  ReplayResult Run(PlacementBackend& backend, std::uint64_t seed) {
    PoissonWorkload::Options workload;
    workload.requests_per_second = 3.0 * options_.nodes;
    workload.seed = seed;
    auto arrivals = PoissonWorkload::Create(workload, *trace_);
    EXPECT_THAT(arrivals, IsOk());
    auto result = Replay(*trace_, options_, **arrivals, backend);
    EXPECT_THAT(result, IsOk());
    return result.ok() ? *result : ReplayResult{};
  }

  static const Trace* trace_;
  ReplayOptions options_;
};

const Trace* InProcessBackendTest::trace_ = nullptr;

TEST_F(InProcessBackendTest, ResidencySavesExpertsAndTime) {
  const ReplayResult balanced = Run(*Backend("least_loaded"), 1);
  const ReplayResult local = Run(*Backend("residency"), 1);
  EXPECT_LT(local.distinct_experts_per_layer, 0.92 * balanced.distinct_experts_per_layer);
  EXPECT_LT(local.time_per_output_token.p50, 0.94 * balanced.time_per_output_token.p50);
}

// The textbook policy knows each load exactly; the router's knows what nodes reported last.
TEST_F(InProcessBackendTest, ResidencyComesNearItsTextbookTwin) {
  NaiveBackend naive(NaivePolicy::kResidency, trace_->geometry, 1);
  const ReplayResult twin = Run(naive, 1);
  const ReplayResult core = Run(*Backend("residency"), 1);
  EXPECT_NEAR(core.distinct_experts_per_layer / twin.distinct_experts_per_layer, 1, 0.04);
  EXPECT_NEAR(absl::FDivDuration(core.time_per_output_token.mean, twin.time_per_output_token.mean),
              1, 0.03);
}

TEST_F(InProcessBackendTest, EqualSeedsGiveEqualNumbers) {
  for (const char* policy : kPolicies) {
    SCOPED_TRACE(policy);
    const ReplayResult a = Run(*Backend(policy), 2);
    const ReplayResult b = Run(*Backend(policy), 2);
    EXPECT_EQ(a.time_per_output_token.p99, b.time_per_output_token.p99);
    EXPECT_EQ(a.time_per_output_token.mean, b.time_per_output_token.mean);
    EXPECT_EQ(a.distinct_experts_per_layer, b.distinct_experts_per_layer);
    EXPECT_EQ(a.simulated_time, b.simulated_time);
  }
}

TEST_F(InProcessBackendTest, AtOneNodeAllPoliciesAreOne) {
  options_.nodes = 1;
  const ReplayResult first = Run(*Backend(kPolicies[0]), 3);
  for (const char* policy : kPolicies) {
    SCOPED_TRACE(policy);
    const ReplayResult result = Run(*Backend(policy), 3);
    EXPECT_EQ(result.time_per_output_token.count, first.time_per_output_token.count);
    EXPECT_EQ(result.time_per_output_token.mean, first.time_per_output_token.mean);
    EXPECT_EQ(result.distinct_experts_per_layer, first.distinct_experts_per_layer);
  }
}

TEST_F(InProcessBackendTest, LeasesLeftAreThoseOfLiveRequests) {
  const auto backend = Backend("residency");
  const ReplayResult result = Run(*backend, 4);
  const auto nodes = backend->router().ListNodes("gpt-oss-20b");
  ASSERT_THAT(nodes, IsOk());
  std::uint64_t leases = 0, running = 0;
  for (const NodeStatus& node : *nodes) {
    leases += node.leases;
    running += node.reported_running + node.reported_queued;
  }
  EXPECT_GT(leases, 0u);
  EXPECT_EQ(leases, running);
  EXPECT_GT(result.arrivals, leases);
}

// Node capacity turns into waits, not into errors.
TEST_F(InProcessBackendTest, FullNodesMakeRequestsWait) {
  options_.capacity = 10;
  const ReplayResult result = Run(*Backend("least_loaded"), 5);
  EXPECT_GT(result.waited, 0u);
  EXPECT_LE(result.mean_batch, 10);
}

}  // namespace
}  // namespace eldr::replay
