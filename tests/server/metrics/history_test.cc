#include "server/metrics/history.h"

#include <prometheus/registry.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/limit_exceeded.h"
#include "gmock/gmock.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class HistoryTest : public ::testing::Test {
 protected:
  HistoryTest() {
    auto router = Router::Create(Router::Options{.max_models = 64}, clock_, observer_);
    EXPECT_THAT(router, IsOk());
    router_ = *std::move(router);
    history_ = std::make_unique<History>(*router_, metrics_, clock_);
    Declare("m");
    history_->Step();
  }

  void Declare(const std::string& model, const std::string& shadow = "") {
    ModelSpec spec{model, {2, 4, 2, {}}, {}};
    spec.settings.shadow_policy = shadow;
    ASSERT_THAT(router_->DeclareModel(spec), IsOk());
    metrics_.AddModel(model, spec.settings.policy);
  }
  void Register(const std::string& node, std::uint32_t capacity = 0,
                const std::string& model = "m") {
    NodeSpec spec;
    spec.node_id = node;
    spec.model = model;
    spec.address = absl::StrCat(node, ":1");
    spec.capacity = capacity;
    ASSERT_THAT(router_->RegisterNode(spec), IsOk());
  }
  // As the service does it.
  void Place(const std::string& request, absl::Duration took, const std::string& model = "m") {
    PlacementQuery query;
    query.model = model;
    query.request_id = request;
    const auto placement = router_->Place(query);
    ModelMetrics& metrics = *metrics_.FindModel(model);
    metrics.OnDecision(took);
    if (placement.ok()) {
      metrics.OnPlaced(*placement);
    } else {
      metrics.OnNotPlaced(placement.status().code());
    }
  }
  void Pass(absl::Duration time) {
    clock_.Advance(time);
    history_->Step();
  }
  HistoryPoint Last(const std::string& model = "m") const {
    const std::vector<HistoryPoint> points = history_->Points(model);
    EXPECT_FALSE(points.empty());
    return points.empty() ? HistoryPoint() : points.back();
  }

  FakeClock clock_;
  RouterObserver observer_;
  prometheus::Registry registry_;
  Metrics metrics_{registry_, 64};
  std::unique_ptr<Router> router_;
  std::unique_ptr<History> history_;
};

TEST_F(HistoryTest, APointCountsWhatHappenedSinceTheLastOne) {
  Register("a", 8);
  Register("b", 4);
  Place("r1", absl::Microseconds(10));
  Place("r1", absl::Microseconds(10));  // renews
  EXPECT_THAT(history_->Points("m"), IsEmpty()) << "none is due";
  Pass(absl::Seconds(10));
  HistoryPoint point = Last();
  EXPECT_EQ(point.end_unix_ms, absl::ToUnixMillis(clock_.Wall()));
  EXPECT_EQ(point.duration_seconds, 10);
  EXPECT_EQ(point.placements, 1u);
  EXPECT_EQ(point.by_quality[static_cast<int>(SignatureQuality::kMissing)], 1u);
  EXPECT_EQ(point.nodes, 2u);
  EXPECT_EQ(point.ready_nodes, 2u);
  EXPECT_EQ(point.leases, 1u);
  EXPECT_EQ(point.load, 1u);
  EXPECT_EQ(point.capacity, 12u);
  EXPECT_EQ(point.compared_placements, 1u);
  EXPECT_GT(point.marginal_experts, 0);
  EXPECT_GT(point.candidate_marginal_experts, 0);
  EXPECT_GT(point.predicted_step_seconds, 0);
  EXPECT_TRUE(std::isnan(point.reported_step_seconds)) << "nobody reported any";
  EXPECT_TRUE(std::isnan(point.cost_made_seconds)) << "there is no shadow";
  Pass(absl::Seconds(10));
  point = Last();
  EXPECT_EQ(point.placements, 0u);
  EXPECT_EQ(point.leases, 1u);
  EXPECT_TRUE(std::isnan(point.decision_p50_seconds));
  EXPECT_TRUE(std::isnan(point.marginal_experts));
}

TEST_F(HistoryTest, QuantilesAreThoseOfThePointAlone) {
  Register("a");
  for (int i = 0; i < 100; ++i) Place(absl::StrCat("slow", i), absl::Milliseconds(100));
  Pass(absl::Seconds(10));
  EXPECT_GT(Last().decision_p50_seconds, 0.05f);
  for (int i = 0; i < 98; ++i) Place(absl::StrCat("fast", i), absl::Microseconds(20));
  for (int i = 0; i < 2; ++i) Place(absl::StrCat("late", i), absl::Milliseconds(100));
  Pass(absl::Seconds(10));
  EXPECT_LE(Last().decision_p50_seconds, 25e-6f);
  EXPECT_GE(Last().decision_p50_seconds, 5e-6f);
  EXPECT_GT(Last().decision_p99_seconds, 0.05f);
}

TEST_F(HistoryTest, CountsRefusalsAndTheShadow) {
  Declare("s", "round_robin");
  Place("r", absl::Microseconds(1), "s");
  Register("n", 0, "s");
  Register("o", 0, "s");
  for (int i = 0; i < 6; ++i) Place(absl::StrCat("r", i), absl::Microseconds(1), "s");
  metrics_.OnCall(Call::kPlace, LimitExceeded("calls", "too many"), absl::ZeroDuration());
  Pass(absl::Seconds(10));
  const HistoryPoint point = Last("s");
  EXPECT_EQ(point.failed_placements, 1u);
  EXPECT_EQ(point.placements, 6u);
  EXPECT_EQ(point.shadow_decisions, 6u);
  EXPECT_LE(point.shadow_agrees, 6u);
  EXPECT_GT(point.cost_made_seconds, 0);
  EXPECT_GE(point.cost_shadow_seconds, point.cost_made_seconds);
  EXPECT_EQ(point.refused_calls, 1u);
  EXPECT_EQ(Last("m").placements, 0u);
}

TEST_F(HistoryTest, WhatIsLateMakesALongerPointAndLosesNothing) {
  Register("a");
  for (int i = 0; i < 35; ++i) {
    Place(absl::StrCat("r", i), absl::Microseconds(1));
    if (i < 9 || i > 24)
      Pass(absl::Seconds(1));
    else
      clock_.Advance(absl::Seconds(1));
  }
  const std::vector<HistoryPoint> points = history_->Points("m");
  std::uint32_t placements = 0;
  double seconds = 0;
  for (const HistoryPoint& point : points) {
    placements += point.placements;
    seconds += point.duration_seconds;
  }
  ASSERT_THAT(points, SizeIs(1));
  EXPECT_EQ(points[0].duration_seconds, 26);
  EXPECT_EQ(placements, 26u);
  EXPECT_EQ(seconds, 26);
}

TEST_F(HistoryTest, KeepsTheLastHourInOrderInFixedMemory) {
  for (std::size_t i = 0; i < 3 * History::kPoints + 5; ++i) Pass(History::kInterval);
  const std::vector<HistoryPoint> points = history_->Points("m");
  ASSERT_THAT(points, SizeIs(History::kPoints));
  for (std::size_t i = 1; i < points.size(); ++i) {
    ASSERT_EQ(points[i].end_unix_ms - points[i - 1].end_unix_ms, 10'000);
  }
  EXPECT_EQ(points.back().end_unix_ms, absl::ToUnixMillis(clock_.Wall()));
  EXPECT_THAT(history_->Points("m", clock_.Wall() - absl::Seconds(25)), SizeIs(3));
  EXPECT_THAT(history_->Points("m", clock_.Wall()), IsEmpty());
  EXPECT_THAT(history_->Points("nothing"), IsEmpty());
}

TEST_F(HistoryTest, KeepsSoManyModelsAndNoMore) {
  for (std::size_t i = 1; i < History::kModels; ++i) Declare(absl::StrCat("m", i));
  Pass(History::kInterval);
  EXPECT_FALSE(history_->Keeps("late"));
  Declare("late");
  Declare("a");  // first by name, and late too
  Pass(History::kInterval);
  EXPECT_TRUE(history_->Keeps("m7"));
  EXPECT_THAT(history_->Points("m7"), SizeIs(2));
  EXPECT_THAT(history_->Points("late"), IsEmpty());
  EXPECT_THAT(history_->Points("a"), IsEmpty());
  EXPECT_THAT(history_->Points("m"), SizeIs(2));
}

TEST_F(HistoryTest, AStepOfTheWallClockDoesNotStopIt) {
  clock_.StepWall(-absl::Hours(3));
  Pass(History::kInterval);
  EXPECT_THAT(history_->Points("m"), SizeIs(1));
}

TEST(BucketCountsTest, QuantilesLieInTheirBucket) {
  const BucketCounts counts{.bounds = {1, 2, 4}, .counts = {0, 10, 0, 0}};
  EXPECT_DOUBLE_EQ(counts.Quantile(0), 1);
  EXPECT_DOUBLE_EQ(counts.Quantile(0.5), 1.5);
  EXPECT_DOUBLE_EQ(counts.Quantile(1), 2);
  const BucketCounts beyond{.bounds = {1, 2}, .counts = {1, 0, 99}};
  EXPECT_DOUBLE_EQ(beyond.Quantile(0.99), 2) << "no more is known";
  const BucketCounts since = beyond.Since({.bounds = {1, 2}, .counts = {1, 0, 90}});
  EXPECT_EQ(since.total(), 9u);
  EXPECT_EQ(beyond.Since({}).total(), 100u);
}

}  // namespace
}  // namespace eldr
