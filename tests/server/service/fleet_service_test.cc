#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/server/daemon_fixture.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;
using Code = absl::StatusCode;

class FleetServiceTest : public DaemonTest {
 protected:
  void SetUp() override {
    StartDaemon();
    DeclareTestModel();
  }
  static v1::NodeSpec Spec() {
    v1::NodeSpec spec;
    spec.set_node_id("a");
    spec.set_model(kModel);
    spec.set_address("a.test:8000");
    spec.mutable_heartbeat_interval()->set_seconds(1);
    spec.set_incarnation(7);
    return spec;
  }
  v1::ListNodesResponse List() {
    grpc::ClientContext context;
    v1::ListNodesResponse response;
    EXPECT_THAT(FromGrpc(fleet_->ListNodes(&context, {}, &response)), IsOk());
    return response;
  }
};

TEST_F(FleetServiceTest, ANodeJoinsReportsDrainsAndGoes) {
  v1::RegisterNodeResponse registered;
  ASSERT_THAT(FromGrpc(Register(Spec(), &registered)), IsOk());
  EXPECT_EQ(registered.state(), v1::NODE_STATE_JOINING);
  EXPECT_TRUE(registered.created());
  EXPECT_EQ(registered.node_timeout().seconds(), 10);

  v1::HeartbeatRequest beat;
  beat.set_node_id("a");
  beat.set_running(3);
  beat.set_queued(1);
  beat.set_kv_usage(0.25);
  v1::StepStats* const steps = beat.add_steps();
  steps->set_max_batch(4);
  steps->set_steps(10);
  steps->mutable_total_duration()->set_nanos(100'000'000);
  steps->set_mean_batch(3);
  v1::HeartbeatResponse taken;
  ASSERT_THAT(FromGrpc(Heartbeat(beat, &taken)), IsOk());
  EXPECT_EQ(taken.state(), v1::NODE_STATE_READY);

  ASSERT_THAT(FromGrpc(Place("r")), IsOk());
  clock_.Advance(absl::Seconds(2));
  const v1::ListNodesResponse list = List();
  ASSERT_EQ(list.nodes_size(), 1);
  const v1::Node& node = list.nodes(0);
  EXPECT_EQ(node.spec().address(), "a.test:8000");
  EXPECT_EQ(node.state(), v1::NODE_STATE_READY);
  EXPECT_EQ(node.leases(), 1u);
  EXPECT_EQ(node.load(), 5u) << "reported 4, placed 1 since";
  EXPECT_EQ(node.reported_running(), 3u);
  EXPECT_EQ(node.reported_queued(), 1u);
  EXPECT_EQ(node.reported_kv_usage(), 0.25);
  EXPECT_EQ(node.heartbeat_age().seconds(), 2);
  EXPECT_EQ(node.register_time().seconds(), 1767225600);
  EXPECT_EQ(node.reported_step_time().nanos(), 10'000'000);
  EXPECT_TRUE(node.has_predicted_step_time());
  EXPECT_GT(node.expected_experts_per_layer(), 0);

  v1::DrainNodeRequest drain;
  drain.set_node_id("a");
  for (int again = 0; again < 2; ++again) {
    grpc::ClientContext context;
    v1::DrainNodeResponse drained;
    ASSERT_THAT(FromGrpc(fleet_->DrainNode(&context, drain, &drained)), IsOk());
    EXPECT_EQ(drained.leases(), 1u);
  }
  EXPECT_TRUE(List().nodes(0).draining());
  ASSERT_THAT(FromGrpc(Heartbeat(beat, &taken)), IsOk());
  EXPECT_TRUE(taken.draining());
  v1::UndrainNodeRequest undrain;
  undrain.set_node_id("a");
  grpc::ClientContext undrain_context;
  v1::UndrainNodeResponse undrained;
  ASSERT_THAT(FromGrpc(fleet_->UndrainNode(&undrain_context, undrain, &undrained)), IsOk());
  EXPECT_EQ(undrained.state(), v1::NODE_STATE_READY);

  v1::RemoveNodeRequest remove;
  remove.set_node_id("a");
  for (const bool known : {true, false}) {
    grpc::ClientContext context;
    v1::RemoveNodeResponse removed;
    ASSERT_THAT(FromGrpc(fleet_->RemoveNode(&context, remove, &removed)), IsOk());
    EXPECT_EQ(removed.removed(), known);
    EXPECT_EQ(removed.ended_leases(), known ? 1u : 0u);
  }
  EXPECT_EQ(List().nodes_size(), 0);
}

// Labels as large as they may be, so that all nodes together outgrow a message several times over,
// while nodes come and go between the pages.
TEST_F(FleetServiceTest, PagesHoldEveryNodeOnceAndFitAMessage) {
  constexpr int kNodes = 700;
  const auto id = [](int i) { return absl::StrCat("n", 1000 + i); };
  for (int i = 0; i < kNodes; ++i) {
    v1::NodeSpec spec = Spec();
    spec.set_node_id(id(i));
    for (int label = 0; label < 32; ++label) {
      (*spec.mutable_labels())[absl::StrCat(label, std::string(250, 'k'))] = std::string(256, 'v');
    }
    ASSERT_THAT(FromGrpc(Register(spec)), IsOk());
  }
  for (const std::uint32_t page_size : {0u, 123u}) {
    std::vector<std::string> ids;
    v1::ListNodesRequest request;
    request.set_page_size(page_size);
    int pages = 0;
    do {
      grpc::ClientContext context;
      v1::ListNodesResponse page;
      // The client's limit is gRPC's default of 4 MiB.
      ASSERT_THAT(FromGrpc(fleet_->ListNodes(&context, request, &page)), IsOk());
      ASSERT_GT(page.nodes_size(), 0);
      if (page_size > 0) {
        EXPECT_LE(page.nodes_size(), 123);
      }
      for (const v1::Node& node : page.nodes()) ids.push_back(node.spec().node_id());
      request.set_page_token(page.next_page_token());
      // The one that the next page goes on behind is gone by then, and back after it.
      v1::RemoveNodeRequest remove;
      remove.set_node_id(ids.back());
      grpc::ClientContext remove_context;
      v1::RemoveNodeResponse removed;
      ASSERT_THAT(FromGrpc(fleet_->RemoveNode(&remove_context, remove, &removed)), IsOk());
      v1::NodeSpec back = page.nodes(page.nodes_size() - 1).spec();
      ASSERT_THAT(FromGrpc(Register(back)), IsOk());
      ++pages;
    } while (!request.page_token().empty());
    EXPECT_GT(pages, 3);
    ASSERT_EQ(ids.size(), static_cast<std::size_t>(kNodes));
    for (int i = 0; i < kNodes; ++i) EXPECT_EQ(ids[static_cast<std::size_t>(i)], id(i));
  }
}

TEST_F(FleetServiceTest, APageGoesOnOnlyInTheListItIsOf) {
  for (const char* id : {"a", "b"}) {
    v1::NodeSpec spec = Spec();
    spec.set_node_id(id);
    ASSERT_THAT(FromGrpc(Register(spec)), IsOk());
  }
  const auto list = [this](const v1::ListNodesRequest& request, v1::ListNodesResponse* response) {
    grpc::ClientContext context;
    return FromGrpc(fleet_->ListNodes(&context, request, response));
  };
  v1::ListNodesRequest request;
  request.set_model(kModel);
  request.set_page_size(1);
  v1::ListNodesResponse first;
  ASSERT_THAT(list(request, &first), IsOk());
  ASSERT_EQ(first.nodes_size(), 1);
  request.set_page_token(first.next_page_token());
  v1::ListNodesResponse second;
  ASSERT_THAT(list(request, &second), IsOk());
  ASSERT_EQ(second.nodes_size(), 1);
  EXPECT_EQ(second.nodes(0).spec().node_id(), "b");
  EXPECT_EQ(second.next_page_token(), "");
  v1::ListNodesResponse unused;
  request.clear_model();
  EXPECT_THAT(list(request, &unused), StatusIs(Code::kInvalidArgument, HasSubstr("page_token")));
  request.set_page_token("made up");
  EXPECT_THAT(list(request, &unused),
              StatusIs(Code::kInvalidArgument, HasSubstr("page_token: got \"made up\"")));
}

TEST_F(FleetServiceTest, ResidencyIsReadByNode) {
  ASSERT_THAT(FromGrpc(Register(Spec())), IsOk());
  v1::GetResidencyRequest request;
  request.set_node_id("a");
  grpc::ClientContext context;
  v1::GetResidencyResponse response;
  ASSERT_THAT(FromGrpc(fleet_->GetResidency(&context, request, &response)), IsOk());
  EXPECT_EQ(response.model(), kModel);
  EXPECT_EQ(response.expert_group(), "a");
  EXPECT_EQ(response.layers(), 2u);
  EXPECT_EQ(response.activation_size(), 8);
  EXPECT_EQ(response.activation(0), 0);
}

TEST_F(FleetServiceTest, UnknownNodesAreToldToRegisterAgain) {
  v1::HeartbeatRequest beat;
  beat.set_node_id("nobody");
  EXPECT_THAT(FromGrpc(Heartbeat(beat)), StatusIs(Code::kNotFound, HasSubstr("register again")));
  grpc::ClientContext context;
  v1::DrainNodeRequest drain;
  drain.set_node_id("nobody");
  v1::DrainNodeResponse drained;
  EXPECT_THAT(FromGrpc(fleet_->DrainNode(&context, drain, &drained)),
              StatusIs(Code::kNotFound, HasSubstr("\"nobody\"")));
  grpc::ClientContext list_context;
  v1::ListNodesRequest list;
  list.set_model("x");
  v1::ListNodesResponse nodes;
  EXPECT_THAT(FromGrpc(fleet_->ListNodes(&list_context, list, &nodes)),
              StatusIs(Code::kNotFound, HasSubstr("\"x\"")));
}

TEST_F(FleetServiceTest, RefusesBadRegistrations) {
  ASSERT_THAT(FromGrpc(Register(Spec())), IsOk());
  struct Bad {
    const char* what;
    std::function<void(v1::NodeSpec&)> spoil;
    Code code;
    const char* message;
  };
  using Node = v1::NodeSpec;
  const Bad bad_nodes[] = {
      {"empty id", [](Node& node) { node.clear_node_id(); }, Code::kInvalidArgument,
       "node.node_id: got 0 bytes, expected 1 to 256"},
      {"over-long id", [](Node& node) { node.set_node_id(std::string(257, 'n')); },
       Code::kInvalidArgument, "node.node_id: got 257 bytes"},
      {"undeclared model", [](Node& node) { node.set_model("x"); }, Code::kNotFound,
       "model: \"x\" is not declared"},
      {"empty address", [](Node& node) { node.clear_address(); }, Code::kInvalidArgument,
       "node.address: got 0 bytes"},
      {"rare heartbeats", [](Node& node) { node.mutable_heartbeat_interval()->set_seconds(4); },
       Code::kInvalidArgument, "node.heartbeat_interval: got 4s"},
      {"no duration",
       [](Node& node) { node.mutable_heartbeat_interval()->set_nanos(-2'000'000'000); },
       Code::kInvalidArgument, "node.heartbeat_interval: got seconds"},
      {"many tokens", [](Node& node) { node.set_tokens_per_step(65); }, Code::kInvalidArgument,
       "node.tokens_per_step: got 65"},
      {"another address", [](Node& node) { node.set_address("b.test:1"); }, Code::kAlreadyExists,
       "a.test:8000"},
      {"an older incarnation", [](Node& node) { node.set_incarnation(6); },
       Code::kFailedPrecondition, "incarnation"},
  };
  for (const Bad& bad : bad_nodes) {
    Node spec = Spec();
    bad.spoil(spec);
    EXPECT_THAT(FromGrpc(Register(spec)), StatusIs(bad.code, HasSubstr(bad.message))) << bad.what;
  }
  ASSERT_EQ(List().nodes_size(), 1);
  EXPECT_EQ(List().nodes(0).spec().SerializeAsString(),
            [] {
              Node expected = Spec();
              expected.set_tokens_per_step(1);
              return expected;
            }()
                .SerializeAsString());
}

TEST_F(FleetServiceTest, RefusesBadHeartbeatsAndLeavesTheReport) {
  ASSERT_THAT(FromGrpc(Register(Spec())), IsOk());
  struct Bad {
    const char* what;
    std::function<void(v1::HeartbeatRequest&)> spoil;
    Code code;
    const char* message;
  };
  using Beat = v1::HeartbeatRequest;
  const auto step = [](Beat& beat) {
    v1::StepStats* const stats = beat.add_steps();
    stats->set_max_batch(8);
    stats->set_steps(1);
    stats->mutable_total_duration()->set_nanos(1'000'000);
    stats->set_mean_batch(8);
    return stats;
  };
  const Bad bad_beats[] = {
      {"another incarnation", [](Beat& beat) { beat.set_incarnation(8); },
       Code::kFailedPrecondition, "incarnation"},
      {"usage that is no number", [](Beat& beat) { beat.set_kv_usage(std::nan("")); },
       Code::kInvalidArgument, "kv_usage: got NaN"},
      {"usage over 1", [](Beat& beat) { beat.set_kv_usage(1.5); }, Code::kInvalidArgument,
       "kv_usage: got 1.5, expected 0 to 1"},
      {"a mean over the most", [&](Beat& beat) { step(beat)->set_mean_batch(9); },
       Code::kInvalidArgument, "steps[0].mean_batch: got 9"},
      {"a negative duration",
       [&](Beat& beat) { step(beat)->mutable_total_duration()->set_nanos(-1); },
       Code::kInvalidArgument, "steps[0].total_duration: got -1ns"},
      {"more experts than there are", [&](Beat& beat) { step(beat)->set_mean_distinct_experts(9); },
       Code::kInvalidArgument, "steps[0].mean_distinct_experts: got 9"},
      {"too many buckets",
       [&](Beat& beat) {
         for (int i = 0; i < 65; ++i) step(beat);
       },
       Code::kInvalidArgument, "steps: got 65"},
      {"too many ids",
       [](Beat& beat) {
         for (int i = 0; i < 10'001; ++i) beat.add_running_request_ids("r");
       },
       Code::kInvalidArgument, "running_request_ids: got 10001"},
  };
  for (const Bad& bad : bad_beats) {
    Beat beat;
    beat.set_node_id("a");
    beat.set_running(5);
    bad.spoil(beat);
    EXPECT_THAT(FromGrpc(Heartbeat(beat)), StatusIs(bad.code, HasSubstr(bad.message))) << bad.what;
  }
  EXPECT_EQ(List().nodes(0).reported_running(), 0u);
  EXPECT_EQ(List().nodes(0).state(), v1::NODE_STATE_JOINING);
}

TEST_F(FleetServiceTest, ASilentNodeIsLostAndComesBack) {
  v1::HeartbeatRequest beat;
  v1::HeartbeatRequest other_beat;
  beat.set_node_id("a");
  other_beat.set_node_id("b");
  v1::NodeSpec other = Spec();
  other.set_node_id("b");
  ASSERT_THAT(FromGrpc(Register(Spec())), IsOk());
  ASSERT_THAT(FromGrpc(Register(other)), IsOk());
  ASSERT_THAT(FromGrpc(Heartbeat(beat)), IsOk());
  ASSERT_THAT(FromGrpc(Heartbeat(other_beat)), IsOk());
  // "b" goes on alone.
  for (int second = 0; second < 12; ++second) {
    clock_.Advance(absl::Seconds(1));
    ASSERT_THAT(FromGrpc(Heartbeat(other_beat)), IsOk());
  }
  EXPECT_EQ(List().nodes(0).state(), v1::NODE_STATE_LOST);
  v1::HeartbeatResponse taken;
  ASSERT_THAT(FromGrpc(Heartbeat(beat, &taken)), IsOk());
  EXPECT_EQ(taken.state(), v1::NODE_STATE_READY);
}

}  // namespace
}  // namespace eldr
