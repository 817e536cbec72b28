#include "client/scrape/step_window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace eldr::scrape {
namespace {

// An engine as its page shows it; each step adds to the page.
class Engine {
 public:
  void Step(double batch, double seconds) {
    page_.running = batch;
    page_.iteration_tokens->count += 1;
    page_.iteration_tokens->sum += batch;
    for (auto& [bound, count] : page_.iteration_tokens->buckets) count += batch <= bound;
    page_.inter_token_latency->count += batch;
    page_.inter_token_latency->sum += batch * seconds;
  }
  EnginePage& page() { return page_; }

  Engine() {
    page_.iteration_tokens.emplace();
    const double inf = std::numeric_limits<double>::infinity();
    page_.iteration_tokens->buckets = {{1, 0}, {8, 0}, {16, 0}, {32, 0}, {64, 0}, {inf, 0}};
    page_.inter_token_latency.emplace();
    page_.prompt_tokens = 100;
    page_.start_time = 5;
  }

 private:
  EnginePage page_;
};

TEST(StepWindowTest, TellsStepsBatchAndTimeOfPureDecode) {
  Engine engine;
  const EnginePage before = engine.page();
  for (int i = 0; i < 40; ++i) engine.Step(10, 0.02);
  for (int i = 0; i < 40; ++i) engine.Step(14, 0.02);
  const WindowResult result = StepsBetween(before, engine.page());
  ASSERT_EQ(result.outcome, WindowOutcome::kSteps);
  EXPECT_EQ(result.window.steps, 80u);
  EXPECT_DOUBLE_EQ(result.window.mean_batch, 12);
  EXPECT_NEAR(absl::ToDoubleSeconds(result.window.mean_duration), 0.02, 1e-9);
}

TEST(StepWindowTest, SkipsAWindowWithPrefill) {
  Engine engine;
  const EnginePage before = engine.page();
  engine.Step(4, 0.02);
  *engine.page().prompt_tokens += 30;
  EXPECT_EQ(StepsBetween(before, engine.page()).outcome, WindowOutcome::kPrefill);
}

TEST(StepWindowTest, SkipsAWindowOfBatchesThatHaveNoCommonMean) {
  Engine engine;
  const EnginePage before = engine.page();
  for (const double batch : {1.0, 12.0, 50.0}) engine.Step(batch, 0.02);
  EXPECT_EQ(StepsBetween(before, engine.page()).outcome, WindowOutcome::kMixed);
}

TEST(StepWindowTest, KnowsARestartByItsTimeAndByCountersThatFell) {
  Engine engine;
  engine.Step(4, 0.02);
  const EnginePage before = engine.page();
  EnginePage later = before;
  later.start_time = 6;
  EXPECT_EQ(StepsBetween(before, later).outcome, WindowOutcome::kRestarted);
  EnginePage untimed = before;
  untimed.start_time.reset();
  EXPECT_EQ(StepsBetween(untimed, before).outcome, WindowOutcome::kIdle);
  Engine fresh;
  fresh.page().start_time.reset();
  EXPECT_EQ(StepsBetween(untimed, fresh.page()).outcome, WindowOutcome::kRestarted);
  EnginePage fewer = before;
  *fewer.prompt_tokens -= 1;
  EXPECT_EQ(StepsBetween(before, fewer).outcome, WindowOutcome::kRestarted);
}

TEST(StepWindowTest, IsIdleWithoutSteps) {
  Engine engine;
  EXPECT_EQ(StepsBetween(engine.page(), engine.page()).outcome, WindowOutcome::kIdle);
}

TEST(StepWindowTest, TellsNothingWhereTheEngineTellsTooLittle) {
  EnginePage bare;
  bare.running = 4;
  EXPECT_EQ(StepsBetween(bare, bare).outcome, WindowOutcome::kNoSteps);
}

TEST(StepWindowTest, TakesTheBatchFromTheGaugeWhereStepsVerifySeveralTokens) {
  Engine engine;
  engine.page().running = 6;
  const EnginePage before = engine.page();
  for (int i = 0; i < 10; ++i) engine.Step(24, 0.02);  // 6 requests, 4 tokens each
  engine.page().running = 6;
  const WindowResult result = StepsBetween(before, engine.page(), 4);
  ASSERT_EQ(result.outcome, WindowOutcome::kSteps);
  EXPECT_EQ(result.window.mean_batch, 6);
  EXPECT_EQ(result.window.steps, 10u);
}

TEST(StepWindowTest, CountsStepsByTokensWhereIterationsAreNotTold) {
  Engine engine;
  engine.page().iteration_tokens.reset();
  engine.page().running = 5;
  const EnginePage before = engine.page();
  engine.page().inter_token_latency->count += 200;
  engine.page().inter_token_latency->sum += 200 * 0.03;
  const WindowResult result = StepsBetween(before, engine.page());
  ASSERT_EQ(result.outcome, WindowOutcome::kSteps);
  EXPECT_EQ(result.window.steps, 40u);
  EXPECT_EQ(result.window.mean_batch, 5);
  EXPECT_NEAR(absl::ToDoubleSeconds(result.window.mean_duration), 0.03, 1e-9);
}

// Whatever an engine claims, what comes out is something that steps can be.
TEST(StepWindowTest, NoPageMakesStepsThatCannotBe) {
  const int seed = ::testing::UnitTest::GetInstance()->random_seed();
  SCOPED_TRACE(::testing::Message() << "rerun with --gtest_random_seed=" << seed);
  std::mt19937 chance(static_cast<unsigned>(seed));
  const double odd[] = {0, 1, -1, 0.3, 17, 1e6, 1e18, 1e308, -1e308};
  const auto any = [&] { return odd[chance() % std::size(odd)]; };
  const auto page = [&] {
    EnginePage made;
    made.running = std::abs(any());
    made.iteration_tokens = PageHistogram{any(), any(), {{1, any()}, {8, any()}}};
    made.inter_token_latency = PageHistogram{any(), any(), {}};
    if (chance() % 3 == 0) made.iteration_tokens.reset();
    if (chance() % 3 == 0) made.prompt_tokens = any();
    return made;
  };
  int told = 0;
  for (int i = 0; i < 60'000; ++i) {
    const WindowResult result = StepsBetween(page(), page(), 1 + chance() % 2);
    if (result.outcome != WindowOutcome::kSteps) continue;
    ++told;
    ASSERT_GE(result.window.steps, 1u);
    ASSERT_GE(result.window.mean_batch, 1);
    ASSERT_LE(result.window.mean_batch, kMostSequences);
    ASSERT_GE(result.window.mean_duration, absl::ZeroDuration());
    ASSERT_LT(result.window.mean_duration, absl::InfiniteDuration());
  }
  EXPECT_GT(told, 100);
}

}  // namespace
}  // namespace eldr::scrape
