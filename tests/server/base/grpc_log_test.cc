#include "server/base/grpc_log.h"

#include <grpc/support/log.h>

#include <memory>

#include "gmock/gmock.h"
#include "tests/server/string_output.h"
#include "tests/support/fake_clock.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(GrpcLogTest, LinesOfOnePlaceGoToTheLogAtABoundedRate) {
  const auto output = std::make_shared<StringOutput>();
  FakeClock clock;
  Log log(LogConfig{}, clock, output);
  {
    const GrpcLog grpc_log(log);
    for (int i = 0; i < 15; ++i) gpr_log(GPR_ERROR, "line %d", i);
    gpr_log(GPR_ERROR, "elsewhere");
    EXPECT_EQ(log.counts().left_out_by_rate, 5u);
  }
  gpr_log(GPR_ERROR, "too late");
  log.Flush(absl::Seconds(10));
  EXPECT_EQ(log.counts().written, GrpcLog::kLinesPerSecond + 1);
  EXPECT_THAT(output->text(), ::testing::ContainsRegex(
                                  "warning grpc at=grpc_log_test.cc:[0-9]+ message=\"line 0\"\n"));
  EXPECT_THAT(output->text(), HasSubstr("message=elsewhere\n"));
  EXPECT_THAT(output->text(), Not(HasSubstr("too late")));
}

TEST(GrpcLogTest, WhatIsSaidBeforeAnAbortIsWrittenAtOnce) {
  const auto output = std::make_shared<StringOutput>();
  FakeClock clock;
  Log log(LogConfig{}, clock, output);
  const GrpcLog grpc_log(log);
  gpr_log(GPR_ERROR, "assertion failed: %s", "x != y");
  EXPECT_THAT(output->text(), HasSubstr("error grpc at="));
}

}  // namespace
}  // namespace eldr
