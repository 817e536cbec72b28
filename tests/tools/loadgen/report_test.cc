#include "tools/loadgen/report.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace eldr::loadgen {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

LoadResult TestResult() {
  LoadResult result;
  result.traffic.measured = absl::Seconds(2);
  for (int i = 0; i < 4; ++i) {
    result.traffic.place.Add(absl::OkStatus(), absl::Microseconds(100));
  }
  result.traffic.place.Add(absl::ResourceExhaustedError("full"), absl::Microseconds(50));
  result.traffic.late_sends = 3;
  return result;
}

TEST(LoadReportTest, CountsByStatusCodeAndRatesWhatSucceeded) {
  LoadOptions options;
  EXPECT_THAT(FormatTable(options, TestResult()),
              AllOf(HasSubstr("OK 4, RESOURCE_EXHAUSTED 1"), HasSubstr("2.0"), HasSubstr("full")));
}

TEST(LoadReportTest, TellsInJsonWhatWasLate) {
  LoadOptions options;
  options.rate = 2.5;
  EXPECT_THAT(
      FormatJson(options, TestResult()),
      AllOf(HasSubstr("\"late_sends\": 3"), HasSubstr("\"per_second\": 2.0"),
            HasSubstr("\"RESOURCE_EXHAUSTED\": 1"), HasSubstr("\"failed_per_second\": 0.5")));
}

}  // namespace
}  // namespace eldr::loadgen
