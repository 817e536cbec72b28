#include "client/src/node_reports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/src/proto_duration.h"
#include "tests/support/status_matchers.h"

namespace eldr::client::internal {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const absl::Status kAway = absl::UnavailableError("away");
const absl::Status kNotKnown = absl::NotFoundError("not registered");
const absl::Status kSuperseded = absl::FailedPreconditionError("a newer one has the id");
constexpr absl::Duration kSecond = absl::Seconds(1);
constexpr absl::Duration kStart = absl::ZeroDuration();

v1::NodeSpec Spec(absl::Duration interval = kSecond) {
  v1::NodeSpec spec;
  spec.set_node_id("d0");
  spec.set_model("m");
  spec.set_address("10.0.0.1:8000");
  spec.set_incarnation(5);
  *spec.mutable_heartbeat_interval() = ToProto(interval);
  return spec;
}

v1::StepStats Steps(uint32_t bound, uint64_t count) {
  v1::StepStats stats;
  stats.set_max_batch(bound);
  stats.set_steps(count);
  stats.set_mean_batch(1);
  return stats;
}

// A node whose load the test writes.
class NodeReportsTest : public ::testing::Test {
 protected:
  void Register(absl::Duration now = kStart, absl::Duration timeout = absl::Seconds(10)) {
    ASSERT_EQ(reports_.Next(now), NodeAct::kRegister);
    v1::RegisterNodeResponse response;
    *response.mutable_node_timeout() = ToProto(timeout);
    reports_.Registered(response, now);
  }
  v1::HeartbeatRequest Beat(absl::Duration now, NodeLoad load = {}) {
    EXPECT_EQ(reports_.Next(now), NodeAct::kBeat);
    return reports_.Beat(std::move(load));
  }
  v1::HeartbeatRequest Tell(absl::Duration now, NodeLoad load = {},
                            const v1::HeartbeatResponse& response = {}) {
    v1::HeartbeatRequest request = Beat(now, std::move(load));
    reports_.Taken(request, response, now);
    return request;
  }
  NodeReports reports_{Spec()};
};

TEST_F(NodeReportsTest, RegistersFirstAndThenBeatsAtItsInterval) {
  Register();
  NodeLoad load;
  load.running = 3;
  load.queued = 2;
  load.kv_usage = 0.5;
  load.running_request_ids = {"a"};
  load.complete_list = true;
  v1::HeartbeatResponse response;
  response.set_state(v1::NODE_STATE_READY);
  response.set_leases(4);
  const v1::HeartbeatRequest request = Tell(kStart, load, response);
  EXPECT_EQ(request.node_id(), "d0");
  EXPECT_EQ(request.incarnation(), 5u);
  EXPECT_EQ(request.running(), 3u);
  EXPECT_EQ(request.queued(), 2u);
  EXPECT_EQ(request.kv_usage(), 0.5);
  EXPECT_THAT(request.running_request_ids(), ElementsAre("a"));
  EXPECT_TRUE(request.complete_list());
  EXPECT_EQ(reports_.Next(kStart), NodeAct::kNone);
  EXPECT_EQ(reports_.DueIn(kStart), kSecond);
  EXPECT_EQ(reports_.DueIn(absl::Milliseconds(250)), absl::Milliseconds(750));
  EXPECT_EQ(reports_.status().leases, 4u);
  EXPECT_EQ(reports_.status().state, v1::NODE_STATE_READY);
}

TEST_F(NodeReportsTest, BeatsThreeTimesInTheDaemonsTimeout) {
  Register(kStart, absl::Milliseconds(600));
  Tell(kStart);
  EXPECT_EQ(reports_.DueIn(kStart), absl::Milliseconds(200));
}

TEST_F(NodeReportsTest, IsNotDrivenByADaemonThatGivesNoTime) {
  Register(kStart, absl::ZeroDuration());
  Tell(kStart);
  EXPECT_GE(reports_.DueIn(kStart), absl::Milliseconds(20));
}

TEST_F(NodeReportsTest, DoesNotTellUsageThatIsNotKnown) {
  Register();
  EXPECT_FALSE(Beat(kStart).has_kv_usage());
}

TEST_F(NodeReportsTest, RegistersAnewWhenItIsNotKnownAndTellsAgainWhatWasRefused) {
  Register();
  Tell(kStart);
  NodeLoad load;
  load.finished_request_ids = {"a"};
  load.steps = {Steps(4, 2)};
  Beat(kSecond, load);
  reports_.Failed(NodeAct::kBeat, kNotKnown, kSecond);
  EXPECT_FALSE(reports_.status().registered);
  Register(kSecond);
  const v1::HeartbeatRequest request = Tell(kSecond);
  EXPECT_THAT(request.finished_request_ids(), ElementsAre("a"));
  ASSERT_THAT(request.steps(), SizeIs(1));
  EXPECT_EQ(request.steps(0).steps(), 2u);
  EXPECT_THAT(Tell(2 * kSecond).finished_request_ids(), IsEmpty());
}

TEST_F(NodeReportsTest, BacksOffFromADaemonThatTakesRegistrationsAndForgetsThem) {
  int registrations = 0;
  for (absl::Duration now; now < absl::Seconds(60); now += reports_.DueIn(now)) {
    if (reports_.Next(now) == NodeAct::kRegister) {
      ++registrations;
      reports_.Registered({}, now);
    } else {
      Beat(now);
      reports_.Failed(NodeAct::kBeat, kNotKnown, now);
    }
  }
  EXPECT_EQ(registrations, 6);  // at 0, 1, 3, 7, 15 and 31 s
}

TEST_F(NodeReportsTest, BacksOffWhileItsModelIsNotDeclaredAndThenBeats) {
  std::vector<absl::Duration> times;
  absl::Duration now;
  for (int i = 0; i < 7; ++i) {
    ASSERT_EQ(reports_.Next(now), NodeAct::kRegister);
    times.push_back(now);
    reports_.Failed(NodeAct::kRegister, kNotKnown, now);
    now += reports_.DueIn(now);
  }
  EXPECT_THAT(times, ElementsAre(kStart, kSecond, 3 * kSecond, 7 * kSecond, 15 * kSecond,
                                 31 * kSecond, 61 * kSecond));
  EXPECT_EQ(reports_.status().error, kNotKnown);
  Register(now);
  Tell(now);
  EXPECT_THAT(reports_.status().error, IsOk());
}

TEST_F(NodeReportsTest, EndsWhenANewerProcessHasItsId) {
  Register();
  Tell(kStart);
  Beat(kSecond);
  reports_.Failed(NodeAct::kBeat, kSuperseded, kSecond);
  ASSERT_EQ(reports_.Next(kSecond), NodeAct::kRegister);
  reports_.Failed(NodeAct::kRegister, kSuperseded, kSecond);
  EXPECT_TRUE(reports_.status().superseded);
  EXPECT_EQ(reports_.Next(absl::Hours(1000)), NodeAct::kNone);
  EXPECT_EQ(reports_.DueIn(absl::Hours(1000)), absl::InfiniteDuration());
}

TEST_F(NodeReportsTest, DropsStepsThatMayHaveBeenCountedAndKeepsWhatFinished) {
  Register();
  NodeLoad load;
  load.finished_request_ids = {"a"};
  load.steps = {Steps(4, 2)};
  Beat(kStart, load);
  reports_.Failed(NodeAct::kBeat, kAway, kStart);
  EXPECT_EQ(reports_.DueIn(kSecond / 2), kSecond / 2);
  const v1::HeartbeatRequest request = Tell(kSecond);
  EXPECT_THAT(request.finished_request_ids(), ElementsAre("a"));
  EXPECT_THAT(request.steps(), IsEmpty());
}

TEST_F(NodeReportsTest, DoesNotEndARequestThatRunsAgainUnderAnIdToldLate) {
  Register();
  NodeLoad load;
  load.finished_request_ids = {"a", "b"};
  Beat(kStart, load);
  reports_.Failed(NodeAct::kBeat, kAway, kStart);
  NodeLoad again;
  again.running = 1;
  again.running_request_ids = {"a"};
  EXPECT_THAT(Tell(kSecond, again).finished_request_ids(), ElementsAre("b"));
}

TEST_F(NodeReportsTest, BeatsAtOnceWhenAskedToConfirm) {
  Register();
  v1::HeartbeatResponse response;
  response.set_confirm(true);
  Tell(kStart, {}, response);
  const absl::Duration wait = reports_.DueIn(kStart);
  EXPECT_GT(wait, absl::ZeroDuration());
  EXPECT_LT(wait, absl::Milliseconds(100));
  Tell(wait);
}

TEST_F(NodeReportsTest, TellsWhatDoesNotFitIntoOneHeartbeatInTheNextAtOnce) {
  Register();
  NodeLoad many;
  for (std::size_t i = 0; i < kMaxHeartbeatIds + 5; ++i) {
    many.running_request_ids.push_back(absl::StrCat(i));
  }
  many.complete_list = true;
  NodeLoad finished;
  finished.finished_request_ids = many.running_request_ids;
  const v1::HeartbeatRequest request = Tell(kStart, many);
  EXPECT_THAT(request.running_request_ids(), SizeIs(kMaxHeartbeatIds));
  EXPECT_FALSE(request.complete_list());  // else the leases of the rest would end
  EXPECT_THAT(Tell(kSecond, finished).finished_request_ids(), SizeIs(kMaxHeartbeatIds));
  EXPECT_THAT(Tell(kSecond + absl::Milliseconds(100)).finished_request_ids(),
              ElementsAre("10000", "10001", "10002", "10003", "10004"));
}

TEST_F(NodeReportsTest, WhatFinishedWithALeaseIsToldWithItEvenIfTheIdRunsAgain) {
  Register();
  NodeLoad load;
  load.running_request_ids = {"a", "b"};
  load.finished.resize(2);
  load.finished[0].set_request_id("a");
  load.finished[0].set_lease_id(7);
  load.finished[1].set_request_id("b");  // an id alone may name the one that runs
  Beat(kStart, load);
  reports_.Failed(NodeAct::kBeat, kAway, kStart);
  load.finished.pop_back();
  load.running_request_ids = {"a"};
  const v1::HeartbeatRequest request = Tell(kSecond, load);
  ASSERT_THAT(request.finished(), SizeIs(1));
  EXPECT_EQ(request.finished(0).request_id(), "a");
  EXPECT_EQ(request.finished(0).lease_id(), 7u);
  EXPECT_THAT(request.finished_request_ids(), IsEmpty());
  EXPECT_THAT(Tell(2 * kSecond).finished(), IsEmpty());
}

TEST_F(NodeReportsTest, DrainsOnceAndAgainAfterItRegisteredAnew) {
  Register();
  Tell(kStart);
  reports_.Drain();
  const absl::Duration soon = absl::Milliseconds(100);
  ASSERT_EQ(reports_.Next(soon), NodeAct::kDrain);
  reports_.Drained({});
  EXPECT_TRUE(reports_.status().draining);
  EXPECT_EQ(reports_.Next(soon), NodeAct::kNone);
  Beat(kSecond);
  reports_.Failed(NodeAct::kBeat, kNotKnown, kSecond);
  Register(kSecond);
  EXPECT_EQ(reports_.Next(kSecond), NodeAct::kDrain);
}

TEST_F(NodeReportsTest, GoesOnWhenItMayNotDrain) {
  Register();
  reports_.Drain();
  ASSERT_EQ(reports_.Next(kStart), NodeAct::kDrain);
  reports_.Failed(NodeAct::kDrain, absl::PermissionDeniedError("role decode"), kStart);
  Tell(kStart);
  EXPECT_EQ(reports_.DueIn(kStart), kSecond);
}

TEST_F(NodeReportsTest, BeatsWhileItsDrainFailsAndTriesAgain) {
  Register();
  reports_.Drain();
  reports_.Failed(NodeAct::kDrain, kAway, kStart);
  Tell(kStart);
  EXPECT_EQ(reports_.Next(kSecond), NodeAct::kDrain);
}

TEST_F(NodeReportsTest, TakesBackItsOwnDrainOnly) {
  Register();
  Tell(kStart);
  reports_.Drain();
  reports_.Drained({});
  reports_.Undrain();
  ASSERT_EQ(reports_.Next(kStart), NodeAct::kUndrain);
  reports_.Undrained({});
  EXPECT_FALSE(reports_.status().draining);
  EXPECT_EQ(reports_.DueIn(kStart), kSecond);
  // This time an operator was first.
  v1::HeartbeatResponse drained;
  drained.set_draining(true);
  Tell(kSecond, {}, drained);
  reports_.Drain();
  ASSERT_EQ(reports_.Next(kSecond), NodeAct::kDrain);
  reports_.Drained({});
  reports_.Undrain();
  EXPECT_EQ(reports_.Next(kSecond), NodeAct::kNone);
}

TEST_F(NodeReportsTest, LeavesAHeartbeatOutWhenItsLoadIsNotKnown) {
  Register();
  reports_.LoadUnknown(kAway, kStart);
  EXPECT_EQ(reports_.status().load_error, kAway);
  EXPECT_EQ(reports_.DueIn(kStart), kSecond);
  Tell(kSecond);
  EXPECT_THAT(reports_.status().load_error, IsOk());
}

TEST_F(NodeReportsTest, IsEmptyOnceAHeartbeatThatWasTakenToldSo) {
  Register();
  EXPECT_FALSE(reports_.status().empty);
  NodeLoad busy;
  busy.running = 1;
  Tell(kStart, busy);
  EXPECT_FALSE(reports_.status().empty);
  Beat(kSecond);
  reports_.Failed(NodeAct::kBeat, kAway, kSecond);
  EXPECT_FALSE(reports_.status().empty);
  Tell(2 * kSecond);
  EXPECT_TRUE(reports_.status().empty);
  reports_.Drain();
  reports_.Drained({});
  EXPECT_FALSE(reports_.status().empty);  // something may have come before the drain
}

TEST_F(NodeReportsTest, RefusesASpecThatCannotBeKeptAlive) {
  v1::NodeSpec spec = Spec();
  spec.set_incarnation(0);
  EXPECT_THAT(NodeReports::Check(spec),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("incarnation is 0")));
  EXPECT_THAT(NodeReports::Check(Spec(absl::ZeroDuration())),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("heartbeat_interval is 0, expected more than 0")));
  EXPECT_THAT(NodeReports::Check(Spec()), IsOk());
}

}  // namespace
}  // namespace eldr::client::internal
