// Bad input: a clear error, and nothing changes.
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/route/router.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/router_fixture.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;

class RouterBadInputTest : public RouterFixture {
 protected:
  RouterBadInputTest() { RegisterNodes({"a"}); }

  const std::string too_long_ = std::string(257, 'x');
  const std::string longest_ = std::string(256, 'x');
};

TEST_F(RouterBadInputTest, RequestIdsAreOneTo256Bytes) {
  TestSignature signature = SteadySignature(geometry_, 3);
  for (const std::string& id : {std::string(), too_long_}) {
    const auto invalid = StatusIs(
        absl::StatusCode::kInvalidArgument,
        HasSubstr(absl::StrCat("request_id: got ", id.size(), " bytes, expected 1 to 256")));
    EXPECT_THAT(router_->PushSignature(Push(id, signature.Dense())), invalid);
    EXPECT_THAT(router_->Place(Query(id)), invalid);
    EXPECT_THAT(router_->Renew(Key(id), {}), invalid);
    EXPECT_THAT(router_->Release({Key(id), {}, {}}), invalid);
    EXPECT_THAT(router_->Explain(kModel, id), invalid);
  }
  EXPECT_THAT(router_->PushSignature(Push(longest_, signature.Dense())), IsOk());
  EXPECT_THAT(router_->Place(Query(longest_)), IsOk());
}

TEST_F(RouterBadInputTest, PrefillWorkersAreAtMost256Bytes) {
  TestSignature signature = SteadySignature(geometry_, 3);
  SignaturePush push = Push("r", signature.Dense());
  push.prefill_worker = too_long_;
  EXPECT_THAT(router_->PushSignature(push),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("prefill_worker: got 257 bytes, expected at most 256")));
  EXPECT_EQ(Description().stored_signatures, 0u);
}

TEST_F(RouterBadInputTest, QueriesOutOfRangeAreNamedAndPlaceNothing) {
  TestSignature broken = SteadySignature(geometry_, 3);
  broken.tokens = 4;
  const struct {
    std::string message;
    std::function<void(PlacementQuery&)> change;
  } cases[] = {
      {"sequences: got 0, expected 1 to 1024", [](PlacementQuery& q) { q.sequences = 0; }},
      {"sequences: got 1025, expected 1 to 1024", [](PlacementQuery& q) { q.sequences = 1025; }},
      {"context_tokens: got 1000000001, expected 0 to 1000000000",
       [](PlacementQuery& q) { q.context_tokens = 1'000'000'001; }},
      {"max_output_tokens: got 1000000001",
       [](PlacementQuery& q) { q.max_output_tokens = 1'000'000'001; }},
      {"signature.counts: layer 0 sums to 6, expected 8",
       [&](PlacementQuery& q) { q.signature = broken.Dense(); }},
      {"signature.counts: not given",
       [](PlacementQuery& q) {
         q.signature = SignatureData{3, {}, {}};
       }},
  };
  for (const auto& c : cases) {
    PlacementQuery query = Query("r");
    c.change(query);
    EXPECT_THAT(router_->Place(query),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.message)));
  }
  EXPECT_EQ(Description().leases, 0u);
}

TEST_F(RouterBadInputTest, ABrokenQueryDoesNotRenewALease) {
  PlacementQuery query = Query("r");
  query.lease_ttl = absl::Seconds(5);
  MustPlace(query);
  clock_.Advance(absl::Seconds(4));
  query.sequences = 0;
  EXPECT_THAT(router_->Place(query), StatusIs(absl::StatusCode::kInvalidArgument));
  clock_.Advance(absl::Seconds(1));
  router_->Step();
  EXPECT_EQ(Description().leases, 0u);
}

TEST_F(RouterBadInputTest, ASignatureOfAnotherModelIsRefused) {
  TestSignature signature = SteadySignature({3, 8, 2, {}}, 3);
  EXPECT_THAT(router_->PushSignature(Push("r", signature.Dense())),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("signature.dense.data: got 48 bytes, expected 32")));
  EXPECT_THAT(router_->PushSignature(Push("r", signature.Sparse())),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("signature.sparse.indices")));
}

TEST_F(RouterBadInputTest, NodesThatAreNotRegisteredAreNotFound) {
  const auto not_found = StatusIs(absl::StatusCode::kNotFound, HasSubstr("node_id: \"ghost\""));
  EXPECT_THAT(router_->Heartbeat(Report("ghost")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("register again")));
  EXPECT_THAT(router_->DrainNode("ghost"), not_found);
  EXPECT_THAT(router_->UndrainNode("ghost"), not_found);
  EXPECT_THAT(router_->GetResidency("ghost"), not_found);
  const auto removed = router_->RemoveNode("ghost");
  ASSERT_THAT(removed, IsOk());
  EXPECT_FALSE(removed->removed);
}

TEST_F(RouterBadInputTest, ABrokenRegistrationRegistersNothing) {
  NodeSpec spec = Node("b");
  spec.tokens_per_step = 0;
  EXPECT_THAT(router_->RegisterNode(spec),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("node.tokens_per_step")));
  spec = Node("b");
  spec.heartbeat_interval = absl::Seconds(4);  // a third of the node_timeout of 10 s is less
  EXPECT_THAT(router_->RegisterNode(spec),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("node.heartbeat_interval")));
  EXPECT_EQ(Description().nodes, 1u);
}

TEST_F(RouterBadInputTest, ABrokenHeartbeatIsNotHeard) {
  ASSERT_THAT(router_->RegisterNode(HeartbeatingNode("b")), IsOk());
  NodeReport report = Report("b");
  report.running = 7;
  report.kv_usage = 2;
  EXPECT_THAT(router_->Heartbeat(report),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("kv_usage: got 2")));
  EXPECT_EQ(Status("b").state, NodeState::kJoining);
  EXPECT_EQ(Status("b").reported_running, 0u);
}

}  // namespace
}  // namespace eldr
