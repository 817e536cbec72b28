// Whole command lines.
#include "client/ctl/eldrctl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "tests/client/eldrctl_fixture.h"

namespace eldr::ctl {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

TEST_F(EldrctlTest, HelpAndVersionExitWithZero) {
  EXPECT_EQ(RunBare({"--help"}), kExitOk);
  EXPECT_THAT(out(), HasSubstr("push-signature"));
  EXPECT_EQ(RunBare({"place", "--help"}), kExitOk);
  EXPECT_THAT(out(), HasSubstr("Examples:"));
  EXPECT_EQ(RunBare({"--version"}), kExitOk);
  EXPECT_THAT(out(), HasSubstr("eldrctl "));
}

TEST_F(EldrctlTest, BadUsageExitsWithTwo) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {},
           {"nonsense"},
           {"nodes"},
           {"place", "r1"},
           {"place", "r1", "--model", "m", "--no-such-option"},
           {"place", "r1", "--model", "m", "--signature-wait", "5"},
           {"place", "r1", "--model", "m", "--sequences", "-1"},
           {"place", "r1", "--model", "m", "--counts", "a", "--sparse", "0:1"},
           {"push-signature", "r1", "--model", "m"},
           {"push-signature", "r1", "--model", "m", "--raw", "f"},
           {"push-signature", "r1", "--model", "m", "--blocks", "ab"},
           {"push-signature", "r1", "--model", "m", "--blocks", "ab", "--prompt-tokens", "9",
            "--prefill-worker", "p0", "--append"},
           {"update-blocks", "p0"},
           {"update-blocks", "p0", "--model", "m", "--stored", "ab"},
           {"update-blocks", "p0", "--model", "m", "--sparse", "0:1"},
           {"nodes", "register", "d0", "--model", "m", "--address", "a", "--label", "x"},
           {"nodes", "heartbeat", "d0", "--count", "2"},
           {"nodes", "heartbeat", "d0", "--steps", "1:2"},
           {"nodes", "heartbeat", "d0", "--finished-lease", "r1"},
           {"models", "list", "--format", "xml"},
           {"models", "list", "--timeout", "0s"}}) {
    EXPECT_EQ(RunBare(arguments), kExitUsage) << ::testing::PrintToString(arguments);
    EXPECT_NE(err(), "") << ::testing::PrintToString(arguments);
  }
}

TEST_F(EldrctlTest, AFailedCallExitsWithOneAndSaysWhy) {
  daemon_.placement.place.set_answer([](const auto&, auto*) {
    return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "all 8 nodes are full");
  });
  EXPECT_EQ(Run({"place", "r1", "--model", "m"}), kExitCallFailed);
  EXPECT_EQ(err(), "error: RESOURCE_EXHAUSTED: all 8 nodes are full\n");
}

TEST_F(EldrctlTest, AnAnswerThatCannotBeWrittenIsAFailure) {
  Answer(daemon_.models.list_models, v1::ListModelsResponse());
  std::ostream full(nullptr);  // takes nothing, as a file on a full disk
  std::ostringstream err;
  EXPECT_EQ(RunEldrctl({"models", "list", "--target", daemon_.target()}, full, err),
            kExitCallFailed);
  EXPECT_EQ(err.str(), "error: cannot write to standard output\n");
}

TEST_F(EldrctlTest, DeclaresAModel) {
  v1::DeclareModelResponse response;
  response.set_created(true);
  response.mutable_model()->set_name("m");
  response.mutable_model()->set_policy("residency");
  Answer(daemon_.models.declare_model, response);
  EXPECT_EQ(Run({"models", "declare", "m", "--layers", "3", "--experts", "8", "--top-k", "2",
                 "--moe-hidden-layers", "1,2,3", "--policy", "residency"}),
            kExitOk);
  EXPECT_EQ(out(), "model m declared, policy residency\n");
  const v1::DeclareModelRequest sent = daemon_.models.declare_model.requests().at(0);
  EXPECT_EQ(sent.geometry().experts(), 8u);
  EXPECT_THAT(sent.geometry().moe_hidden_layers(), ElementsAre(1, 2, 3));
}

TEST_F(EldrctlTest, RegistersANodeWithAllItsFields) {
  Answer(daemon_.fleet.register_node, v1::RegisterNodeResponse());
  EXPECT_EQ(Run({"nodes",   "register",
                 "--label", "rack=r2",
                 "d0",      "--model",
                 "m",       "--address",
                 "h:1",     "--dp-rank",
                 "0",       "--capacity",
                 "64",      "--kv-capacity-tokens",
                 "500000",  "--expert-group",
                 "g",       "--heartbeat-interval",
                 "1500ms",  "--tokens-per-step",
                 "2",       "--incarnation",
                 "17"}),
            kExitOk);
  const v1::NodeSpec spec = daemon_.fleet.register_node.requests().at(0).node();
  EXPECT_EQ(spec.node_id(), "d0");
  EXPECT_EQ(spec.labels().at("rack"), "r2");
  EXPECT_TRUE(spec.has_dp_rank());
  EXPECT_EQ(spec.capacity(), 64u);
  EXPECT_EQ(spec.kv_capacity_tokens(), 500'000u);
  EXPECT_EQ(spec.heartbeat_interval().seconds(), 1);
  EXPECT_EQ(spec.heartbeat_interval().nanos(), 500'000'000);
  EXPECT_EQ(spec.tokens_per_step(), 2u);
  EXPECT_EQ(spec.incarnation(), 17u);
}

TEST_F(EldrctlTest, RepeatedHeartbeatsTellStepsOnce) {
  Answer(daemon_.fleet.heartbeat, v1::HeartbeatResponse());
  EXPECT_EQ(Run({"nodes", "heartbeat", "d0", "--running", "3", "--kv-usage", "0.5", "--steps",
                 "4:10:100ms:3", "--finished-request", "r1", "--finished-lease", "a=b=77",
                 "--every", "1ms", "--count", "2"}),
            kExitOk);
  const auto sent = daemon_.fleet.heartbeat.requests();
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_EQ(sent[0].running(), 3u);
  EXPECT_EQ(sent[0].kv_usage(), 0.5);
  EXPECT_THAT(sent[0].steps(), SizeIs(1));
  EXPECT_THAT(sent[0].finished_request_ids(), ElementsAre("r1"));
  ASSERT_THAT(sent[0].finished(), SizeIs(1));
  EXPECT_EQ(sent[0].finished(0).request_id(), "a=b");
  EXPECT_EQ(sent[0].finished(0).lease_id(), 77u);
  EXPECT_EQ(sent[1].running(), 3u);
  EXPECT_THAT(sent[1].steps(), SizeIs(0));
  EXPECT_THAT(sent[1].finished(), SizeIs(0));
  EXPECT_THAT(sent[1].finished_request_ids(), SizeIs(0));
}

TEST_F(EldrctlTest, ListsNodesAsTableAndJson) {
  v1::ListNodesResponse response;
  v1::Node& node = *response.add_nodes();
  node.mutable_spec()->set_node_id("d0");
  node.set_state(v1::NODE_STATE_READY);
  node.set_draining(true);
  node.set_leases(5);
  Answer(daemon_.fleet.list_nodes, response);
  EXPECT_EQ(Run({"nodes", "list"}), kExitOk);
  EXPECT_THAT(out(), HasSubstr("ready, draining"));
  EXPECT_EQ(Run({"nodes", "list", "--format", "json"}), kExitOk);
  EXPECT_THAT(out(), HasSubstr("\"node_id\": \"d0\""));
  EXPECT_EQ(Run({"top", "--once"}), kExitOk);
  EXPECT_THAT(out(), HasSubstr("1 nodes, 0 take placements, 5 leases"));
  EXPECT_THAT(out(), Not(HasSubstr("\033")));
}

TEST_F(EldrctlTest, PlacesWithEveryFieldOfTheQuery) {
  v1::PlaceResponse response;
  response.mutable_node()->set_node_id("d3");
  response.mutable_node()->set_address("h:3");
  response.set_reason(v1::PLACEMENT_REASON_POLICY);
  response.add_fallbacks()->set_node_id("d4");
  Answer(daemon_.placement.place, response);
  EXPECT_EQ(Run({"place",
                 "--prefer",
                 "d1,d2",
                 "r1",
                 "--model",
                 "m",
                 "--allow",
                 "d1",
                 "--allow",
                 "d3",
                 "--exclude",
                 "d0",
                 "--sequences",
                 "2",
                 "--context-tokens",
                 "812",
                 "--max-output-tokens",
                 "512",
                 "--signature-wait",
                 "50ms",
                 "--lease-ttl",
                 "10m",
                 "--sparse",
                 "0:2,5:2",
                 "--tokens",
                 "2",
                 "--prompt-tokens",
                 "4"}),
            kExitOk);
  EXPECT_THAT(out(), HasSubstr("node                 d3 at h:3\n"));
  EXPECT_THAT(out(), HasSubstr("fallback             d4"));
  const v1::PlaceRequest sent = daemon_.placement.place.requests().at(0);
  EXPECT_EQ(sent.request_id(), "r1");
  EXPECT_THAT(sent.prefer_nodes(), ElementsAre("d1", "d2"));
  EXPECT_THAT(sent.allow_nodes(), ElementsAre("d1", "d3"));
  EXPECT_THAT(sent.exclude_nodes(), ElementsAre("d0"));
  EXPECT_EQ(sent.sequences(), 2u);
  EXPECT_EQ(sent.max_output_tokens(), 512u);
  EXPECT_EQ(sent.signature_wait().nanos(), 50'000'000);
  EXPECT_EQ(sent.lease_ttl().seconds(), 600);
  EXPECT_THAT(sent.signature().sparse().indices(), ElementsAre(0, 5));
  EXPECT_EQ(sent.signature().prompt_tokens(), 4u);
}

TEST_F(EldrctlTest, RenewsOneLeaseOrMany) {
  v1::RenewLeaseResponse one;
  one.set_outcome(v1::LEASE_OUTCOME_DONE);
  one.mutable_lease_ttl()->set_seconds(600);
  Answer(daemon_.placement.renew_lease, one);
  EXPECT_EQ(Run({"renew", "r1", "--model", "m", "--lease-ttl", "10m", "--lease-id", "7"}), kExitOk);
  EXPECT_EQ(out(), "r1: done, lives 10m\n");
  EXPECT_EQ(daemon_.placement.renew_lease.requests().at(0).lease().lease_id(), 7u);

  v1::RenewLeasesResponse many;
  many.add_results()->set_outcome(v1::LEASE_OUTCOME_NOT_HELD);
  many.add_results()->mutable_error()->set_message("request_id is empty");
  Answer(daemon_.placement.renew_leases, many);
  EXPECT_EQ(Run({"renew", "r1", "r2", "--model", "m"}), kExitCallFailed);
  EXPECT_THAT(out(), HasSubstr("r1       not_held\n"));
  EXPECT_THAT(out(), HasSubstr("r2       request_id is empty\n"));
  EXPECT_THAT(err(), HasSubstr("1 of 2 were refused"));
}

TEST_F(EldrctlTest, ReleasesWithWhatTheDecodeDid) {
  v1::ReleaseLeaseResponse response;
  response.set_outcome(v1::LEASE_OUTCOME_STALE);
  Answer(daemon_.placement.release_lease, response);
  EXPECT_EQ(Run({"release", "r1", "--model", "m", "--output-tokens", "512", "--sparse", "3:1",
                 "--tokens", "1"}),
            kExitOk);
  EXPECT_EQ(out(), "r1: stale\n");
  const v1::ReleaseLeaseRequest sent = daemon_.placement.release_lease.requests().at(0);
  EXPECT_EQ(sent.output_tokens(), 512u);
  EXPECT_EQ(sent.decode_counts().tokens(), 1u);
}

TEST_F(EldrctlTest, ExplainsAPlacement) {
  v1::ExplainPlacementResponse response;
  response.set_node_id("d0");
  response.add_candidates()->set_node_id("d0");
  v1::IneligibleCount& count = *response.add_ineligible();
  count.set_reason(v1::INELIGIBLE_REASON_DRAINING);
  count.set_nodes(2);
  (*response.mutable_parameters())["kappa"] = 4;
  Answer(daemon_.placement.explain_placement, response);
  EXPECT_EQ(Run({"explain", "r1", "--model", "m"}), kExitOk);
  EXPECT_THAT(out(), HasSubstr("CANDIDATE"));
  EXPECT_THAT(out(), HasSubstr("not candidates: 2 by draining\n"));
  EXPECT_THAT(out(), HasSubstr("parameter kappa = 4\n"));
}

TEST_F(EldrctlTest, HealthIsAProbe) {
  daemon_.SetServing("liveness", true);
  daemon_.SetServing("readiness", false);
  EXPECT_EQ(Run({"health", "liveness"}), kExitOk);
  EXPECT_EQ(Run({"health", "all"}), kExitOk);
  EXPECT_EQ(Run({"health"}), kExitCallFailed);
  EXPECT_THAT(out(), HasSubstr("readiness  not_serving\n"));
  EXPECT_EQ(err(), "error: UNAVAILABLE: not serving: readiness\n");
  daemon_.SetServing("readiness", true);
  EXPECT_EQ(Run({"health", "--format", "json"}), kExitOk);
  EXPECT_THAT(out(), HasSubstr("\"readiness\": \"serving\""));
}

TEST_F(EldrctlTest, TheTargetMayComeFromTheEnvironment) {
  Answer(daemon_.models.list_models, v1::ListModelsResponse());
  setenv("ELDR_TARGET", daemon_.target().c_str(), 1);
  EXPECT_EQ(RunBare({"models", "list"}), kExitOk);
  unsetenv("ELDR_TARGET");
}

TEST_F(EldrctlTest, TailShowsPlacementsUntilItHasEnough) {
  for (const char* const id : {"r1", "r2", "r3"}) {
    v1::WatchPlacementsResponse& told = daemon_.placement.watched.emplace_back();
    told.set_model("m");
    told.set_request_id(id);
    told.mutable_placement()->set_node_id("d0");
    told.mutable_placement()->set_reason(v1::PLACEMENT_REASON_POLICY);
    told.mutable_placement()->add_candidates()->set_marginal_experts(3.25);
    told.mutable_placement()->mutable_shadow()->set_policy("random");
    told.mutable_placement()->mutable_shadow()->set_node_id("d1");
  }
  daemon_.placement.watched[1].set_missed(7);
  EXPECT_EQ(Run({"tail", "--model", "m", "--node", "d0", "--count", "2"}), kExitOk) << err();
  EXPECT_EQ(daemon_.placement.watch_request.model(), "m");
  EXPECT_EQ(daemon_.placement.watch_request.node_id(), "d0");
  EXPECT_THAT(out(), HasSubstr("m  r1 -> d0  policy"));
  EXPECT_THAT(out(), HasSubstr("adds 3.2 experts"));
  EXPECT_THAT(out(), HasSubstr("random would choose d1"));
  EXPECT_THAT(out(), HasSubstr("... 7 missed\n"));
  EXPECT_THAT(out(), Not(HasSubstr("r3")));
  // A daemon that goes away ends it with its error.
  daemon_.placement.stream_end = grpc::Status(grpc::StatusCode::UNAVAILABLE, "going down");
  EXPECT_EQ(Run({"tail"}), kExitCallFailed);
  EXPECT_THAT(err(), HasSubstr("going down"));
}

TEST_F(EldrctlTest, ListsOnePageIfAsked) {
  daemon_.fleet.list_nodes.set_answer(
      [](const v1::ListNodesRequest& request, v1::ListNodesResponse* response) {
        response->add_nodes()->mutable_spec()->set_node_id(request.page_token().empty() ? "first"
                                                                                        : "second");
        if (request.page_token().empty()) response->set_next_page_token("go-on");
        return grpc::Status::OK;
      });
  EXPECT_EQ(Run({"nodes", "list"}), kExitOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("first"), HasSubstr("second"), Not(HasSubstr("more:"))));
  EXPECT_EQ(Run({"nodes", "list", "--page-size", "1"}), kExitOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("first"), HasSubstr("\nmore: --page-token go-on\n")));
  EXPECT_EQ(Run({"nodes", "list", "--page-token", "go-on"}), kExitOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("second"), Not(HasSubstr("first"))));
}

TEST_F(EldrctlTest, StandsInForANodeUntilItLeaves) {
  Answer(daemon_.fleet.register_node, v1::RegisterNodeResponse());
  Answer(daemon_.fleet.drain_node, v1::DrainNodeResponse());
  Answer(daemon_.fleet.remove_node, v1::RemoveNodeResponse());
  // Away at first, and forgetful once.
  auto beats = std::make_shared<std::atomic<int>>(0);
  daemon_.fleet.heartbeat.set_answer([beats](const auto&, v1::HeartbeatResponse* response) {
    const int beat = beats->fetch_add(1);
    response->set_state(v1::NODE_STATE_READY);
    response->set_draining(beat > 4);
    return beat == 0   ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "not yet")
           : beat == 2 ? grpc::Status(grpc::StatusCode::NOT_FOUND, "register again")
                       : grpc::Status::OK;
  });
  EXPECT_EQ(Run({"nodes", "report", "d0", "--model", "m", "--address", "h:1", "--every", "20ms",
                 "--running", "2", "--finished-request", "r1", "--steps", "4:10:100ms:3", "--for",
                 "1s", "--drain-after", "500ms"}),
            kExitOk)
      << err();
  EXPECT_THAT(err(), HasSubstr("error: UNAVAILABLE: not yet\n"));
  EXPECT_THAT(out(), HasSubstr("node d0 is ready; it holds 0 leases\n"));
  EXPECT_THAT(out(), HasSubstr("node d0 is ready, draining"));
  EXPECT_THAT(daemon_.fleet.register_node.requests(), SizeIs(2));
  EXPECT_GT(daemon_.fleet.register_node.requests().at(0).node().incarnation(), 0u);
  EXPECT_THAT(daemon_.fleet.drain_node.requests(), SizeIs(1));
  EXPECT_THAT(daemon_.fleet.remove_node.requests(), SizeIs(1));
  const auto sent = daemon_.fleet.heartbeat.requests();
  ASSERT_GT(sent.size(), 3u);
  EXPECT_EQ(sent[1].running(), 2u);
  EXPECT_THAT(sent[1].steps(), SizeIs(0));  // they may have been counted
  EXPECT_THAT(sent[1].finished_request_ids(), ElementsAre("r1"));
  EXPECT_THAT(sent[3].finished_request_ids(), SizeIs(0));
}

TEST_F(EldrctlTest, EndsAsANodeWhoseIdWasTaken) {
  daemon_.fleet.register_node.set_answer([](const auto&, auto*) {
    return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "a newer process took the id");
  });
  EXPECT_EQ(Run({"nodes", "report", "d0", "--model", "m", "--address", "h:1", "--unary"}),
            kExitCallFailed);
  EXPECT_THAT(err(), HasSubstr("a newer process took the id"));
}

TEST_F(EldrctlTest, HeartbeatsGoOnWhenTheDaemonIsAwayForAWhile) {
  // Every attempt of the first heartbeat.
  auto left = std::make_shared<std::atomic<int>>(4);
  daemon_.fleet.heartbeat.set_answer([left](const auto&, auto*) {
    return left->fetch_sub(1) > 0 ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "not yet")
                                  : grpc::Status::OK;
  });
  EXPECT_EQ(Run({"nodes", "heartbeat", "d0", "--every", "1ms", "--count", "2"}), kExitOk);
  EXPECT_EQ(err(), "error: UNAVAILABLE: not yet\n");
  EXPECT_THAT(out(), HasSubstr("node d0 is"));
  // The last word counts, and what does not pass ends it.
  *left = 4;
  EXPECT_EQ(Run({"nodes", "heartbeat", "d0", "--every", "1ms", "--count", "1"}), kExitCallFailed);
  daemon_.fleet.heartbeat.set_answer([](const auto&, auto*) {
    return grpc::Status(grpc::StatusCode::NOT_FOUND, "register again");
  });
  EXPECT_EQ(Run({"nodes", "heartbeat", "d0", "--every", "1ms"}), kExitCallFailed);
}

TEST_F(EldrctlTest, ViewsGoOnWhenTheDaemonIsAwayForAWhile) {
  // Every attempt of the first view.
  auto left = std::make_shared<std::atomic<int>>(4);
  daemon_.fleet.list_nodes.set_answer([left](const auto&, auto*) {
    return left->fetch_sub(1) > 0 ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "not yet")
                                  : grpc::Status::OK;
  });
  EXPECT_EQ(Run({"top", "--interval", "1ms", "--count", "2"}), kExitOk);
  EXPECT_EQ(err(), "error: UNAVAILABLE: not yet\n");
  EXPECT_THAT(out(), HasSubstr("0 nodes"));
}

}  // namespace
}  // namespace eldr::ctl
