#include "tools/demo/policy_table.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace eldr::demo {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

PolicyRow Row(const char* policy, double experts, int milliseconds) {
  PolicyRow row;
  row.policy = policy;
  row.result.distinct_experts_per_layer = experts;
  row.result.time_per_output_token.p50 = absl::Milliseconds(milliseconds);
  row.result.time_per_output_token.p95 = absl::Milliseconds(milliseconds + 1);
  row.result.time_per_output_token.p99 = absl::Milliseconds(milliseconds + 2);
  return row;
}

TEST(PolicyTableTest, ComparesWithLeastLoaded) {
  const std::string table =
      FormatPolicyTable({Row("residency", 18, 9), Row("least_loaded", 20, 10)});
  EXPECT_THAT(table, HasSubstr("distinct_experts_per_layer"));
  EXPECT_THAT(table,
              ContainsRegex("residency +18\\.00 +9\\.00 +10\\.00 +11\\.00 +-10\\.0% +-10\\.0% "
                            "+-9\\.1% +-8\\.3%"));
  EXPECT_THAT(table, ContainsRegex("least_loaded +20\\.00 +10\\.00 +11\\.00 +12\\.00 +- +- +- +-"));
}

TEST(PolicyTableTest, WithoutLeastLoadedThereIsNothingToCompare) {
  EXPECT_THAT(FormatPolicyTable({Row("residency", 18, 9)}), Not(HasSubstr("%")));
}

}  // namespace
}  // namespace eldr::demo
