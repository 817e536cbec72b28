#include "tools/loadgen/process_usage.h"

#include <unistd.h>

#include <ctime>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace eldr::loadgen {
namespace {

TEST(ProcessUsageTest, CountsTheTimeOfThisProcess) {
  const absl::StatusOr<ProcessUsage> before = UsageOf(getpid());
  ASSERT_THAT(before.status(), IsOk());
  EXPECT_GT(before->resident_bytes, 100'000u);
  // Some work, by the very clock that is to grow.
  const std::clock_t start = std::clock();
  while (std::clock() - start < CLOCKS_PER_SEC / 50) {
  }
  const absl::StatusOr<ProcessUsage> after = UsageOf(getpid());
  ASSERT_THAT(after.status(), IsOk());
  EXPECT_GE(after->cpu - before->cpu, absl::Milliseconds(19));
}

TEST(ProcessUsageTest, SaysThatThereIsNoSuchProcess) {
  EXPECT_THAT(UsageOf(1 << 30).status(),
              StatusIs(absl::StatusCode::kNotFound, ::testing::HasSubstr("1073741824")));
}

}  // namespace
}  // namespace eldr::loadgen
