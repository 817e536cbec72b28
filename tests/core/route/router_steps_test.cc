// Steps that nodes report: what is shown of them, and what is not believed.
#include <array>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/route/router.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/router_fixture.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;

class RouterStepsTest : public RouterFixture {};

TEST_F(RouterStepsTest, StepTimesAreTheMeanOfTheLastReportThatHadSteps) {
  RegisterAndHear({"a"});
  EXPECT_EQ(Status("a").reported_step_time, std::nullopt);
  const std::vector<StepStats> steps = {{4, 10, absl::Milliseconds(100), 3, {}, {}},
                                        {8, 30, absl::Milliseconds(600), 7, {}, {}}};
  NodeReport report = Report("a");
  report.steps = steps;
  ASSERT_THAT(router_->Heartbeat(report), IsOk());
  Hear({"a"});
  EXPECT_NEAR(absl::ToDoubleMilliseconds(*Status("a").reported_step_time), 17.5, 1e-6);
}

TEST_F(RouterStepsTest, StepsThatCannotBeRightAreCountedAndNotLearnedFrom) {
  RegisterAndHear({"a"});
  observer_.Take();
  const auto report = [&](absl::Duration total) {
    clock_.Advance(absl::Seconds(1));
    const std::vector<StepStats> steps = {{4, 100, total, 3, {}, 8.0}};
    NodeReport told = Report("a");
    told.running = 3;
    told.steps = steps;
    ASSERT_THAT(router_->Heartbeat(told), IsOk());
  };
  for (int i = 0; i < 5; ++i) report(absl::Seconds(1.4));
  const double learned = Status("a").step_time.slowness;
  report(absl::Seconds(0.0014));
  report(absl::Seconds(0.0014));
  report(absl::Seconds(0.07));
  report(absl::Seconds(103));  // in one second, and ten node_timeouts to be late by
  EXPECT_THAT(observer_.Take(), ElementsAre("a not believed: shape 1", "a not believed: shape 2",
                                            "a not believed: past 1", "a not believed: clock 1"));
  EXPECT_EQ(Status("a").step_time.slowness, learned);
  EXPECT_EQ(Status("a").not_believed, (std::array<std::uint64_t, kDisbeliefs>{2, 1, 0, 1}));
  // All else in those heartbeats counts.
  EXPECT_EQ(Status("a").reported_running, 3u);
}

TEST_F(RouterStepsTest, AWrongReportDrawsNoTraffic) {
  RegisterAndHear({"a", "b"});
  const auto report = [&](absl::string_view node, absl::Duration total) {
    const std::vector<StepStats> steps = {{4, 90, total, 3, {}, 8.0}};
    NodeReport told = Report(node);
    told.steps = steps;
    ASSERT_THAT(router_->Heartbeat(told), IsOk());
  };
  for (int second = 0; second < 20; ++second) {
    clock_.Advance(absl::Seconds(1));
    report("a", absl::Seconds(1.26));
    report("b", second == 10 ? absl::Seconds(0.00126) : absl::Seconds(1.26));
  }
  int on_b = 0;
  for (int i = 0; i < 40; ++i) on_b += MustPlace(absl::StrCat("r", i)).node.node_id == "b" ? 1 : 0;
  EXPECT_LT(on_b, 40);
  EXPECT_NEAR(Status("b").step_time.slowness, Status("a").step_time.slowness, 0.01);
}

}  // namespace
}  // namespace eldr
