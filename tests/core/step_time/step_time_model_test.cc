#include "core/step_time/step_time_model.h"

#include "gtest/gtest.h"

namespace eldr {
namespace {

const ModelGeometry kGeometry = {24, 32, 4, {}};

TEST(StepTimeModelTest, AddsBaseExpertsRequestsAndContext) {
  const StepTimeShape shape = {absl::Milliseconds(4), absl::Milliseconds(20),
                               absl::Microseconds(30), absl::Nanoseconds(20)};
  const StepTimeModel model(shape, kGeometry);
  EXPECT_DOUBLE_EQ(model.Predict(0, 0, 0), 0.004);
  EXPECT_DOUBLE_EQ(model.Predict(768, 0, 0), 0.024);  // every expert of every layer
  EXPECT_DOUBLE_EQ(model.Predict(384, 10, 1'000'000), 0.004 + 0.010 + 0.0003 + 0.020);
}

TEST(StepTimeModelTest, ByDefaultContextCostsNothing) {
  const StepTimeModel model(StepTimeShape{}, kGeometry);
  EXPECT_EQ(model.Predict(100, 4, 1'000'000), model.Predict(100, 4, 0));
  EXPECT_GT(model.Predict(101, 4, 0), model.Predict(100, 4, 0));
  EXPECT_GT(model.Predict(100, 5, 0), model.Predict(100, 4, 0));
}

}  // namespace
}  // namespace eldr
