#include "client/agent/engine_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "tests/client/agent/scripted_engine.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace eldr::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class EngineWatchTest : public ::testing::Test {
 protected:
  EngineState Look() {
    watch_.Look();
    return watch_.figures().state;
  }
  FakeClock clock_;
  ScriptedEngine engine_;
  EngineWatch watch_{engine_.Links(), engine_.Options(), [this] { return clock_.Monotonic(); }};
};

TEST_F(EngineWatchTest, ServesOnceItIsWellAndItsPageCanBeRead) {
  engine_.health = 503;
  EXPECT_EQ(Look(), EngineState::kStarting);
  EXPECT_THAT(watch_.TakeLoad(), StatusIs(absl::StatusCode::kUnavailable,
                                          HasSubstr("the engine is starting: the health check "
                                                    "answers 503, expected 200")));
  engine_.health = 200;
  engine_.page_text = "other_engine 1\n";
  EXPECT_EQ(Look(), EngineState::kStarting);
  EXPECT_THAT(watch_.figures().error, StatusIs(absl::StatusCode::kInvalidArgument));
  engine_.page_text.clear();
  engine_.Decode(0, 3);
  engine_.queued = 2;
  EXPECT_EQ(Look(), EngineState::kServing);
  const auto load = watch_.TakeLoad();
  ASSERT_THAT(load, IsOk());
  EXPECT_EQ(load->running, 3u);
  EXPECT_EQ(load->queued, 2u);
  EXPECT_EQ(load->kv_usage, 0.5);
  EXPECT_FALSE(load->complete_list);
  EXPECT_THAT(load->steps, IsEmpty());
}

TEST_F(EngineWatchTest, TellsStepsOnce) {
  Look();
  engine_.Decode(50, 4);
  Look();
  engine_.Decode(30, 4);
  Look();
  const auto load = watch_.TakeLoad();
  ASSERT_THAT(load, IsOk());
  ASSERT_THAT(load->steps, SizeIs(1));
  EXPECT_EQ(load->steps[0].steps(), 80u);
  EXPECT_EQ(load->steps[0].mean_batch(), 4);
  EXPECT_THAT(watch_.TakeLoad()->steps, IsEmpty());
  EXPECT_EQ(watch_.figures().steps, 80u);
}

TEST_F(EngineWatchTest, FailsAfterSeveralChecksInARowAndRecoversWithOne) {
  EXPECT_EQ(Look(), EngineState::kServing);
  engine_.health = 503;
  EXPECT_EQ(Look(), EngineState::kServing);
  EXPECT_EQ(Look(), EngineState::kServing);
  EXPECT_THAT(watch_.TakeLoad(), IsOk());
  EXPECT_EQ(Look(), EngineState::kFailing);
  EXPECT_THAT(watch_.TakeLoad(), StatusIs(absl::StatusCode::kUnavailable));
  engine_.health = 200;
  EXPECT_EQ(Look(), EngineState::kServing);
  engine_.health = 503;
  EXPECT_EQ(Look(), EngineState::kServing);  // counted from the beginning
  EXPECT_EQ(watch_.figures().checks_failed, 4u);
}

TEST_F(EngineWatchTest, KeepsItsLoadWhileOnlyTheMetricsAreAway) {
  engine_.Decode(0, 7);
  Look();
  engine_.metrics = 500;
  for (int i = 0; i < 10; ++i) {
    clock_.Advance(absl::Seconds(1));
    EXPECT_EQ(Look(), EngineState::kServing);
  }
  EXPECT_EQ(watch_.TakeLoad()->running, 7u);
  EXPECT_EQ(watch_.figures().page_age, absl::Seconds(10));
  EXPECT_EQ(watch_.figures().scrapes_failed, 10u);
}

TEST_F(EngineWatchTest, WithoutAHealthCheckItsPageIsTheSign) {
  EngineWatch::Links links = engine_.Links();
  links.health = nullptr;
  EngineWatch watch(std::move(links), engine_.Options(), [this] { return clock_.Monotonic(); });
  engine_.health = 503;
  watch.Look();
  EXPECT_EQ(watch.figures().state, EngineState::kServing);
  engine_.metrics = 500;
  for (int i = 0; i < 3; ++i) watch.Look();
  EXPECT_EQ(watch.figures().state, EngineState::kFailing);
}

TEST_F(EngineWatchTest, KnowsThatItSleepsAndThatItRestarted) {
  Look();
  engine_.awake = 0;
  EXPECT_EQ(Look(), EngineState::kAsleep);
  EXPECT_THAT(watch_.TakeLoad(), IsOk());
  engine_.Restart();
  EXPECT_EQ(Look(), EngineState::kServing);
  EXPECT_EQ(watch_.figures().restarts, 1u);
}

}  // namespace
}  // namespace eldr::agent
