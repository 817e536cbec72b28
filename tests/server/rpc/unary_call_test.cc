#include "server/rpc/unary_call.h"

#include <grpc/support/time.h>

#include "gmock/gmock.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

// Only a server that lags behind sees a call after its deadline, which a test over sockets cannot
// bring about at will.
TEST(UnaryCallTest, ACallWhoseDeadlineHasPassedIsNotServed) {
  const gpr_timespec now = gpr_now(GPR_CLOCK_REALTIME);
  const gpr_timespec minute = gpr_time_from_seconds(60, GPR_TIMESPAN);
  EXPECT_THAT(CheckDeadline(gpr_time_add(now, minute)), IsOk());
  EXPECT_THAT(CheckDeadline(gpr_inf_future(GPR_CLOCK_REALTIME)), IsOk());
  EXPECT_THAT(CheckDeadline(gpr_time_sub(now, minute)),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  const gpr_timespec monotonic = gpr_now(GPR_CLOCK_MONOTONIC);
  EXPECT_THAT(CheckDeadline(gpr_time_add(monotonic, minute)), IsOk());
  EXPECT_THAT(CheckDeadline(monotonic), StatusIs(absl::StatusCode::kDeadlineExceeded));
}

}  // namespace
}  // namespace eldr
