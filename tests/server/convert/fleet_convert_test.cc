#include "server/convert/fleet_convert.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;

TEST(FleetConvertTest, ANodeKeepsAllItRegistered) {
  v1::NodeSpec proto;
  proto.set_node_id("a");
  proto.set_model("m");
  proto.set_address("a:1");
  proto.set_dp_rank(2);
  proto.set_capacity(3);
  proto.set_kv_capacity_tokens(4);
  (*proto.mutable_labels())["rack"] = "7";
  proto.set_expert_group("g");
  proto.mutable_heartbeat_interval()->set_seconds(1);
  proto.set_tokens_per_step(5);
  proto.set_incarnation(6);
  const auto spec = FromProto(proto);
  ASSERT_THAT(spec, IsOk());

  NodeStatus status;
  status.spec = *spec;
  status.state = NodeState::kLost;
  status.reported_kv_usage = 0.5;
  status.heartbeat_age = absl::Seconds(9);
  v1::Node node;
  ToProto(status, &node);
  EXPECT_EQ(node.spec().SerializeAsString(), proto.SerializeAsString());
  EXPECT_EQ(node.state(), v1::NODE_STATE_LOST);
  EXPECT_EQ(node.reported_kv_usage(), 0.5);
  EXPECT_EQ(node.heartbeat_age().seconds(), 9);
  EXPECT_FALSE(node.has_predicted_step_time());
}

TEST(FleetConvertTest, ANodeTellsThatPanicKeepsItAndHowOftenItWasNotBelieved) {
  NodeStatus status;
  status.state = NodeState::kLostInPanic;
  status.not_believed = {1, 2, 0, 4};
  v1::Node node;
  ToProto(status, &node);
  EXPECT_EQ(node.state(), v1::NODE_STATE_LOST_IN_PANIC);
  EXPECT_EQ(node.reports_not_believed(), 7u);
}

TEST(FleetConvertTest, NoTokensPerStepMeansOne) {
  EXPECT_EQ(FromProto(v1::NodeSpec())->tokens_per_step, 1u);
}

TEST(FleetConvertTest, AHeartbeatIntervalMustBeADuration) {
  v1::NodeSpec proto;
  proto.mutable_heartbeat_interval()->set_nanos(2'000'000'000);
  EXPECT_THAT(FromProto(proto), StatusIs(absl::StatusCode::kInvalidArgument,
                                         HasSubstr("node.heartbeat_interval: got")));
}

TEST(FleetConvertTest, AReportBorrowsIdsAndSteps) {
  v1::HeartbeatRequest request;
  request.set_node_id("a");
  request.set_running(3);
  request.set_address("a:1");
  request.set_model("m");
  request.add_running_request_ids("r1");
  request.add_finished_request_ids("r2");
  v1::FinishedRequest* const finished = request.add_finished();
  finished->set_request_id("r3");
  finished->set_lease_id(7);
  v1::StepStats* const step = request.add_steps();
  step->set_max_batch(8);
  step->set_steps(100);
  step->mutable_total_duration()->set_seconds(1);
  step->set_mean_batch(7.5);
  std::vector<StepStats> steps;
  const auto report = FromProto(request, &steps);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->running_request_ids[0], &request.running_request_ids(0));
  EXPECT_EQ(*report->finished_request_ids[0], "r2");
  ASSERT_EQ(report->finished.size(), 1u);
  EXPECT_EQ(report->finished[0].request_id.data(), request.finished(0).request_id().data());
  EXPECT_EQ(report->finished[0].lease_id, 7u);
  EXPECT_EQ(report->address, "a:1");
  EXPECT_EQ(report->model, "m");
  EXPECT_FALSE(report->kv_usage.has_value());
  ASSERT_EQ(report->steps.size(), 1u);
  EXPECT_EQ(report->steps[0].total_duration, absl::Seconds(1));
  EXPECT_FALSE(report->steps[0].mean_distinct_experts.has_value());
}

TEST(FleetConvertTest, RefusesNaN) {
  std::vector<StepStats> steps;
  v1::HeartbeatRequest usage;
  usage.set_kv_usage(std::nan(""));
  EXPECT_THAT(FromProto(usage, &steps),
              StatusIs(absl::StatusCode::kInvalidArgument, "kv_usage: got NaN, expected a number"));
  v1::HeartbeatRequest batch;
  batch.add_steps();
  batch.add_steps()->set_mean_batch(std::nan(""));
  EXPECT_THAT(FromProto(batch, &steps),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("steps[1].mean_batch")));
  v1::HeartbeatRequest experts;
  experts.add_steps()->set_mean_distinct_experts(std::nan(""));
  EXPECT_THAT(FromProto(experts, &steps), StatusIs(absl::StatusCode::kInvalidArgument,
                                                   HasSubstr("steps[0].mean_distinct_experts")));
}

}  // namespace
}  // namespace eldr
