// Placing: what a query gets, and what it gets when asked again.
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/route/router.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/router_fixture.h"

namespace eldr {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RouterPlaceTest : public RouterFixture {
 protected:
  // Places with one node excluded.
  absl::StatusOr<Placement> PlaceWithout(absl::string_view request_id, const std::string& node) {
    const Ids exclude = {node};
    PlacementQuery query = Query(request_id);
    query.exclude_nodes = exclude;
    return router_->Place(query);
  }
};

TEST_F(RouterPlaceTest, AnswersANodeALeaseAndWhy) {
  NodeSpec spec = Node("a");
  spec.dp_rank = 3;
  ASSERT_THAT(router_->RegisterNode(spec), IsOk());
  const Placement placement = MustPlace("r");
  EXPECT_EQ(placement.node.node_id, "a");
  EXPECT_EQ(placement.node.address, "a.example:8000");
  EXPECT_EQ(placement.node.dp_rank, 3u);
  EXPECT_NE(placement.lease_id, 0u);
  EXPECT_EQ(placement.lease_ttl, absl::Minutes(10));
  EXPECT_EQ(placement.policy, "residency");
  EXPECT_EQ(placement.reason, PlacementReason::kPolicy);
  EXPECT_EQ(placement.signature_quality, SignatureQuality::kMissing);
  EXPECT_EQ(placement.load_basis, LoadBasis::kOwnCount);
  EXPECT_EQ(placement.signature_age, std::nullopt);
  EXPECT_THAT(placement.fallbacks, IsEmpty());
  // The prior: 16 cells at 2/8.
  EXPECT_NEAR(placement.marginal_experts, 4, 0.1);
  EXPECT_GT(placement.predicted_step_time, absl::Milliseconds(4));
}

TEST_F(RouterPlaceTest, ABurstSeesItsOwnLoad) {
  StartWithPolicy("least_loaded");
  RegisterNodes({"a", "b", "c", "d"});
  for (int i = 0; i < 40; ++i) MustPlace(absl::StrCat("r", i));
  for (const char* id : {"a", "b", "c", "d"}) EXPECT_EQ(Status(id).leases, 10u) << id;
}

TEST_F(RouterPlaceTest, NamesAtMostThreeFallbacksBestFirstAndReservesNone) {
  StartWithPolicy("least_loaded");
  RegisterNodes({"a", "b", "c", "d", "e"});
  // a holds four requests, b three, ... e none.
  for (int i = 0; i < 4; ++i) {
    for (int k = i; k < 4; ++k) {
      const Ids only = {std::string(1, static_cast<char>('a' + i))};
      const std::string request_id = absl::StrCat("fill", i, "-", k);
      PlacementQuery query = Query(request_id);
      query.allow_nodes = only;
      MustPlace(query);
    }
  }
  const Placement placement = MustPlace("r");
  EXPECT_EQ(placement.node.node_id, "e");
  std::vector<std::string> fallbacks;
  for (const PlacedNode& node : placement.fallbacks) fallbacks.emplace_back(node.node_id);
  EXPECT_THAT(fallbacks, ElementsAre("d", "c", "b"));
  EXPECT_EQ(Status("d").leases, 1u);
}

TEST_F(RouterPlaceTest, AskedAgainItRenewsAndAnswersTheSame) {
  RegisterNodes({"a", "b", "c"});
  const Placement first = MustPlace("r");
  clock_.Advance(absl::Minutes(9));
  const Placement again = MustPlace("r");
  EXPECT_EQ(again.node.node_id, first.node.node_id);
  EXPECT_EQ(again.lease_id, first.lease_id);
  EXPECT_EQ(again.reason, PlacementReason::kExistingLease);
  EXPECT_EQ(again.marginal_experts, 0);
  clock_.Advance(absl::Minutes(9));  // past the end of the first time to live
  EXPECT_EQ(MustPlace("r").lease_id, first.lease_id);
  EXPECT_EQ(Description().leases, 1u);
  EXPECT_THAT(observer_.Take(), ::testing::Not(::testing::Contains(HasSubstr(" r "))));
}

TEST_F(RouterPlaceTest, AskedAgainItStaysOnANodeThatDrains) {
  RegisterNodes({"a"});
  const Placement first = MustPlace("r");
  ASSERT_THAT(router_->DrainNode("a"), IsOkAndHolds(1u));
  RegisterNodes({"b"});
  const Placement again = MustPlace("r");
  EXPECT_EQ(again.node.node_id, "a");
  EXPECT_EQ(again.lease_id, first.lease_id);
  EXPECT_EQ(MustPlace("other").node.node_id, "b");
}

TEST_F(RouterPlaceTest, AskedAgainItStaysWhenAnotherNodeIsPreferred) {
  RegisterNodes({"a"});
  MustPlace("r");
  RegisterNodes({"b"});
  const Ids prefer = {"b"};
  PlacementQuery query = Query("r");
  query.prefer_nodes = prefer;
  EXPECT_EQ(MustPlace(query).node.node_id, "a");
}

TEST_F(RouterPlaceTest, MovesWhenItsNodeIsExcluded) {
  RegisterNodes({"a"});
  const Placement first = MustPlace("r");
  RegisterNodes({"b"});
  const auto moved = PlaceWithout("r", "a");
  ASSERT_THAT(moved, IsOk());
  EXPECT_EQ(moved->node.node_id, "b");
  EXPECT_NE(moved->lease_id, first.lease_id);
  EXPECT_EQ(moved->reason, PlacementReason::kMoved);
  EXPECT_EQ(Status("a").leases, 0u);
  EXPECT_EQ(Status("b").leases, 1u);
  EXPECT_EQ(Activation("a"), std::vector<float>(16, 0.0f));
  EXPECT_THAT(observer_.Take(), ::testing::Contains("moved r on a").Times(1));
  // Where it is now counts from here on.
  EXPECT_EQ(MustPlace("r").lease_id, moved->lease_id);
}

TEST_F(RouterPlaceTest, MovesWhenItsNodeIsNotAllowed) {
  RegisterNodes({"a"});
  MustPlace("r");
  RegisterNodes({"b"});
  const Ids allow = {"b"};
  PlacementQuery query = Query("r");
  query.allow_nodes = allow;
  EXPECT_EQ(MustPlace(query).node.node_id, "b");
}

TEST_F(RouterPlaceTest, WhenNoOtherNodeCanTakeItTheOldLeaseStays) {
  RegisterNodes({"a"});
  const Placement first = MustPlace("r");
  EXPECT_THAT(PlaceWithout("r", "a"), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(Status("a").leases, 1u);
  EXPECT_EQ(MustPlace("r").lease_id, first.lease_id);

  NodeSpec small = Node("b");
  small.capacity = 1;
  ASSERT_THAT(router_->RegisterNode(small), IsOk());
  EXPECT_THAT(PlaceWithout("other", "a"), IsOk());
  EXPECT_THAT(PlaceWithout("r", "a"), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(MustPlace("r").lease_id, first.lease_id);
}

TEST_F(RouterPlaceTest, AFallbackIsUsedByExcludingTheFirstAndPreferringIt) {
  RegisterNodes({"a", "b", "c", "d"});
  const Placement first = MustPlace("r");
  ASSERT_THAT(first.fallbacks, SizeIs(3));
  const PlacedNode fallback = first.fallbacks[1];
  const Ids exclude = {std::string(first.node.node_id)};
  const Ids prefer = {std::string(fallback.node_id)};
  PlacementQuery query = Query("r");
  query.exclude_nodes = exclude;
  query.prefer_nodes = prefer;
  const Placement moved = MustPlace(query);
  EXPECT_EQ(moved.node.node_id, fallback.node_id);
  EXPECT_EQ(moved.reason, PlacementReason::kMoved);
  EXPECT_EQ(Description().leases, 1u);
}

TEST_F(RouterPlaceTest, WithoutNodesItIsUnavailable) {
  EXPECT_THAT(router_->Place(Query("r")),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("no node is registered")));
  RegisterNodes({"a", "b"});
  ASSERT_THAT(router_->DrainNode("a"), IsOk());
  ASSERT_THAT(router_->DrainNode("b"), IsOk());
  EXPECT_THAT(router_->Place(Query("r")),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("2 draining")));
  ASSERT_THAT(router_->UndrainNode("b"), IsOkAndHolds(NodeState::kReady));
  EXPECT_EQ(MustPlace("r").node.node_id, "b");
}

TEST_F(RouterPlaceTest, AtCapacityItIsResourceExhausted) {
  for (const char* id : {"a", "b"}) {
    NodeSpec spec = Node(id);
    spec.capacity = 2;
    ASSERT_THAT(router_->RegisterNode(spec), IsOk());
  }
  for (int i = 0; i < 4; ++i) MustPlace(absl::StrCat("r", i));
  EXPECT_THAT(router_->Place(Query("more")),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("2 capacity")));
  EXPECT_EQ(MustRelease("r1"), LeaseOutcome::kDone);
  MustPlace("more");
}

TEST_F(RouterPlaceTest, AtTheLimitOfLeasesItIsResourceExhausted) {
  Router::Options options;
  options.max_leases_per_model = 2;
  Start(options, {});
  RegisterNodes({"a"});
  MustPlace("r1");
  MustPlace("r2");
  EXPECT_THAT(router_->Place(Query("r3")),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("limits.leases_per_model: model \"moe\": holds 2 leases")));
  MustPlace("r2");  // one that is held is renewed
}

TEST_F(RouterPlaceTest, KvTokensAreContextPlusTheOutputOfEachSequence) {
  NodeSpec spec = Node("a");
  spec.kv_capacity_tokens = 1000;
  ASSERT_THAT(router_->RegisterNode(spec), IsOk());
  PlacementQuery query = Query("r1");
  query.sequences = 3;
  query.context_tokens = 400;
  query.max_output_tokens = 100;
  MustPlace(query);
  EXPECT_EQ(Status("a").kv_tokens, 700u);
  query.request_id = "r2";
  query.context_tokens = 1;
  EXPECT_THAT(router_->Place(query),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("1 kv_capacity")));
  query.context_tokens = 0;
  MustPlace(query);
  EXPECT_EQ(Status("a").kv_tokens, 1000u);
  EXPECT_EQ(MustRelease("r1"), LeaseOutcome::kDone);
  EXPECT_EQ(Status("a").kv_tokens, 300u);
}

TEST_F(RouterPlaceTest, ARequestLargerThanAnyNodeIsInvalidAndNotFull) {
  for (const auto& [id, capacity] : {std::pair{"a", 1000}, std::pair{"b", 2000}}) {
    NodeSpec spec = Node(id);
    spec.kv_capacity_tokens = static_cast<std::uint64_t>(capacity);
    ASSERT_THAT(router_->RegisterNode(spec), IsOk());
  }
  PlacementQuery query = Query("r");
  query.context_tokens = 2001;
  EXPECT_THAT(router_->Place(query),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("got 2001, expected at most 2000, the largest kv_capacity")));
  query.context_tokens = 1001;
  const Ids only_a = {"a"};
  query.allow_nodes = only_a;
  EXPECT_THAT(router_->Place(query),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at most 1000")));
  // A node that could take it and does not now: it is worth another try.
  query.allow_nodes = {};
  ASSERT_THAT(router_->DrainNode("b"), IsOk());
  EXPECT_THAT(router_->Place(query), StatusIs(absl::StatusCode::kResourceExhausted));
  ASSERT_THAT(router_->UndrainNode("b"), IsOk());
  MustPlace(query);
}

// 8,192 tokens of one request in a step are served, again and again; more never are.
TEST_F(RouterPlaceTest, TheWidestRequestsFitAndWiderOnesAreRefused) {
  NodeSpec spec = Node("a");
  spec.tokens_per_step = 64;
  ASSERT_THAT(router_->RegisterNode(spec), IsOk());
  PlacementQuery query = Query("r");
  query.sequences = 128;
  for (const char* id : {"r1", "r2", "r3"}) {
    query.request_id = id;
    MustPlace(query);
  }
  EXPECT_EQ(Status("a").load, 3u * 128);
  for (const char* id : {"r1", "r2", "r3"}) EXPECT_EQ(MustRelease(id), LeaseOutcome::kDone);
  EXPECT_THAT(Activation("a"), Each(0.0f));

  for (const std::uint32_t sequences : {129u, 1024u}) {
    query.sequences = sequences;
    EXPECT_THAT(router_->Place(query),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr(absl::StrCat("sequences: got ", sequences)),
                               HasSubstr("expected at most 128"))));
  }
  // One that decodes fewer tokens of a sequence takes it.
  RegisterNodes({"b"});
  EXPECT_EQ(MustPlace(query).node.node_id, "b");
}

// 64 data-parallel ranks of one engine, 256 sequences on each, 4 tokens a step.
TEST_F(RouterPlaceTest, AWideExpertParallelGroupTakesItsWholeBatch) {
  for (int rank = 0; rank < 64; ++rank) {
    NodeSpec spec = Node(absl::StrCat("rank", rank));
    spec.expert_group = "engine";
    spec.tokens_per_step = 4;
    ASSERT_THAT(router_->RegisterNode(spec), IsOk());
  }
  PlacementQuery query = Query("");
  query.sequences = 64;
  for (int i = 0; i < 64 * 4; ++i) {
    const std::string id = absl::StrCat("r", i);
    query.request_id = id;
    MustPlace(query);
  }
  std::uint32_t load = 0;
  for (int rank = 0; rank < 64; ++rank) load += Status(absl::StrCat("rank", rank)).load;
  EXPECT_EQ(load, 64u * 256);
  for (const float activation : Activation("rank0")) {
    EXPECT_TRUE(activation >= 0 && activation <= 1) << activation;
  }
  for (int i = 0; i < 64 * 4; ++i) MustRelease(absl::StrCat("r", i));
  EXPECT_THAT(Activation("rank0"), Each(0.0f)) << "what is taken off is what was put on";
}

TEST_F(RouterPlaceTest, SequencesCountAsThatManyInLoadAndResidency) {
  RegisterNodes({"a", "b"});
  const Ids only_a = {"a"}, only_b = {"b"};
  PlacementQuery query = Query("r");
  query.sequences = 4;
  query.allow_nodes = only_a;
  MustPlace(query);
  EXPECT_EQ(Status("a").load, 4u);
  EXPECT_EQ(Status("a").leases, 1u);
  for (int i = 0; i < 4; ++i) {
    const std::string id = absl::StrCat("single", i);
    PlacementQuery single = Query(id);
    single.allow_nodes = only_b;
    MustPlace(single);
  }
  EXPECT_EQ(Status("b").load, 4u);
  EXPECT_EQ(Activation("a"), Activation("b"));
}

TEST_F(RouterPlaceTest, RoundRobinGoesAroundAChangingFleet) {
  StartWithPolicy("round_robin");
  RegisterNodes({"a", "b", "c"});
  std::string visited;
  const auto place = [&](int requests) {
    for (int i = 0; i < requests; ++i)
      visited += std::string(MustPlace(absl::StrCat("r", visited.size())).node.node_id);
  };
  place(4);  // a b c a
  ASSERT_THAT(router_->RemoveNode("b"), IsOk());
  place(2);  // c a
  RegisterNodes({"d"});
  place(4);  // c d a c
  ASSERT_THAT(router_->DrainNode("d"), IsOk());
  place(2);  // a c
  EXPECT_EQ(visited, "abcacacdacac");
}

TEST_F(RouterPlaceTest, EmptyNodesAreChosenAtRandomButSeeded) {
  const auto choices = [&](std::uint64_t seed) {
    Router::Options options;
    options.seed = seed;
    Start(options, {});
    RegisterNodes({"a", "b", "c", "d"});
    std::string chosen;
    for (int i = 0; i < 40; ++i) {
      chosen += std::string(MustPlace(absl::StrCat("r", i)).node.node_id);
      MustRelease(absl::StrCat("r", i));
    }
    return chosen;
  };
  const std::string first = choices(1);
  EXPECT_EQ(std::set<char>(first.begin(), first.end()).size(), 4u);
  EXPECT_EQ(choices(1), first);
  EXPECT_NE(choices(2), first);
}

}  // namespace
}  // namespace eldr
