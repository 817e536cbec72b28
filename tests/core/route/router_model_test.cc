// Declaring and describing models, and the router's own options.
#include <cmath>
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

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RouterModelTest : public RouterFixture {};

TEST_F(RouterModelTest, DeclaringTheSameAgainIsOkAndChangesNothing) {
  EXPECT_THAT(router_->DeclareModel({std::string(kModel), geometry_, {}}), IsOkAndHolds(false));
  EXPECT_EQ(router_->ListModels().size(), 1u);
}

TEST_F(RouterModelTest, AnotherGeometryOrPolicyIsRefused) {
  ModelGeometry other = geometry_;
  other.top_k = 1;
  EXPECT_THAT(router_->DeclareModel({std::string(kModel), other, {}}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("is declared with 2 layers x 8 experts, top-2, got 2 layers x 8 "
                                 "experts, top-1")));
  PolicySettings random;
  random.policy = "random";
  EXPECT_THAT(router_->DeclareModel({std::string(kModel), geometry_, random}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("is declared with residency, got random")));
  EXPECT_EQ(Description().spec.geometry, geometry_);
  EXPECT_EQ(Description().spec.settings.policy, "residency");
}

TEST_F(RouterModelTest, BadNamesGeometriesAndSettingsAreRefused) {
  EXPECT_THAT(router_->DeclareModel({"", geometry_, {}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("name: got 0 bytes")));
  EXPECT_THAT(router_->DeclareModel({std::string(257, 'm'), geometry_, {}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("name: got 257 bytes")));
  EXPECT_THAT(router_->DeclareModel({"other", {2, 8, 9, {}}, {}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("geometry.top_k: got 9")));
  PolicySettings unknown;
  unknown.policy = "jsq";
  EXPECT_THAT(router_->DeclareModel({"other", geometry_, unknown}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("policy: got \"jsq\"")));
  EXPECT_EQ(router_->ListModels().size(), 1u);
}

TEST_F(RouterModelTest, MoreModelsThanTheLimitAreRefused) {
  Router::Options options;
  options.max_models = 2;
  Start(options, {});
  EXPECT_THAT(router_->DeclareModel({"second", geometry_, {}}), IsOkAndHolds(true));
  EXPECT_THAT(router_->DeclareModel({"third", geometry_, {}}),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("limits.models: 2 models")));
  EXPECT_THAT(router_->DeclareModel({"second", geometry_, {}}), IsOkAndHolds(false));
}

TEST_F(RouterModelTest, WhateverNamesAnUndeclaredModelIsNotFound) {
  const auto not_found = StatusIs(absl::StatusCode::kNotFound, HasSubstr("model: \"nope\""));
  NodeSpec node = Node("a");
  node.model = "nope";
  EXPECT_THAT(router_->RegisterNode(node), not_found);
  TestSignature signature = SteadySignature(geometry_, 3);
  SignaturePush push = Push("r", signature.Dense());
  push.model = "nope";
  EXPECT_THAT(router_->PushSignature(push), not_found);
  PlacementQuery query = Query("r");
  query.model = "nope";
  EXPECT_THAT(router_->Place(query), not_found);
  EXPECT_THAT(router_->Renew({"nope", "r", 0}, {}), not_found);
  EXPECT_THAT(router_->Release({{"nope", "r", 0}, {}, {}}), not_found);
  EXPECT_THAT(router_->Explain("nope", "r"), not_found);
  EXPECT_THAT(router_->DescribeModel("nope"), not_found);
  EXPECT_THAT(router_->ListNodes("nope"), not_found);
  EXPECT_EQ(router_->AwaitSignature("nope", "r", [] {}), 0u);
  EXPECT_FALSE(router_->CancelWait("nope", 1));
}

TEST_F(RouterModelTest, ANameThatIsNotDeclaredIsAnsweredWithThoseNearIt) {
  ASSERT_THAT(router_->DeclareModel({"openai/gpt-oss-20b", {1, 4, 1, {}}, {}}), IsOk());
  EXPECT_THAT(
      router_->DescribeModel("openai/gpt-oss-2b"),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("(near it: \"openai/gpt-oss-20b\")")));
  EXPECT_THAT(
      router_->DescribeModel("gpt-oss-20b"),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("(near it: \"openai/gpt-oss-20b\")")));
}

TEST_F(RouterModelTest, ListsGoOnBehindAnyPlace) {
  for (const char* model : {"alpha", "beta"}) {
    ASSERT_THAT(router_->DeclareModel({model, {1, 4, 1, {}}, {}}), IsOk());
    for (const char* node : {"2", "1", "3"}) {
      NodeSpec spec = Node(absl::StrCat(model, node));
      spec.model = model;
      ASSERT_THAT(router_->RegisterNode(spec), IsOk());
    }
  }
  const auto ids = [this](const std::string& model, const NodePosition& after, std::size_t most) {
    std::vector<std::string> list;
    const auto nodes = router_->ListNodes(model, after, most);
    EXPECT_THAT(nodes, IsOk());
    for (const NodeStatus& node : *nodes) list.push_back(node.spec.node_id);
    return list;
  };
  EXPECT_THAT(ids("", {}, 4), ElementsAre("alpha1", "alpha2", "alpha3", "beta1"));
  EXPECT_THAT(ids("", {"alpha", "alpha2"}, 2), ElementsAre("alpha3", "beta1"));
  EXPECT_THAT(ids("", {"alpha", "alpha25"}, 1), ElementsAre("alpha3")) << "gone meanwhile";
  EXPECT_THAT(ids("", {"b", ""}, 9), ElementsAre("beta1", "beta2", "beta3"));
  EXPECT_THAT(ids("beta", {"beta", "beta2"}, 9), ElementsAre("beta3"));
  EXPECT_THAT(ids("", {"beta", "beta3"}, 9), IsEmpty());
  const auto models = router_->ListModels("alpha", 1);
  ASSERT_EQ(models.size(), 1u);
  EXPECT_EQ(models[0].spec.name, "beta");
}

TEST_F(RouterModelTest, ModelsAreListedByNameAndKeptApart) {
  EXPECT_THAT(router_->DeclareModel({"alpha", {1, 4, 1, {}}, {}}), IsOkAndHolds(true));
  RegisterNodes({"a"});
  NodeSpec other = Node("b");
  other.model = "alpha";
  EXPECT_THAT(router_->RegisterNode(other), IsOk());
  EXPECT_EQ(MustPlace("r").node.node_id, "a");
  PlacementQuery query = Query("r");
  query.model = "alpha";
  EXPECT_EQ(MustPlace(query).node.node_id, "b");

  const auto models = router_->ListModels();
  ASSERT_EQ(models.size(), 2u);
  EXPECT_EQ(models[0].spec.name, "alpha");
  EXPECT_EQ(models[1].spec.name, kModel);
  EXPECT_EQ(MustRelease("r"), LeaseOutcome::kDone);
  EXPECT_EQ(Description().leases, 0u);
  EXPECT_EQ(router_->DescribeModel("alpha")->leases, 1u);
}

TEST_F(RouterModelTest, DescribesWhatItHolds) {
  RegisterNodes({"a", "b"});
  ASSERT_THAT(router_->RegisterNode(HeartbeatingNode("c")), IsOk());
  ASSERT_THAT(router_->DrainNode("b"), IsOk());
  TestSignature signature = SteadySignature(geometry_, 3);
  ASSERT_THAT(router_->PushSignature(Push("placed", signature.Dense())), IsOk());
  ASSERT_THAT(router_->PushSignature(Push("waiting", signature.Dense())), IsOk());
  MustPlace("placed");
  const ModelDescription description = Description();
  EXPECT_EQ(description.nodes, 3u);
  EXPECT_EQ(description.ready_nodes, 1u);
  EXPECT_EQ(description.leases, 1u);
  EXPECT_EQ(description.stored_signatures, 1u);
  EXPECT_GT(description.stored_signature_bytes, geometry_.cells());
  EXPECT_EQ(description.learned_requests, 1u);
  EXPECT_FALSE(description.panic_mode);
  EXPECT_EQ(description.parameters.at("kappa"), 2);
}

TEST_F(RouterModelTest, OptionsOutOfRangeAreNamed) {
  const struct {
    std::string message;
    std::function<void(Router::Options&)> broken;
  } cases[] = {
      {"lease_ttl: got 500ms", [](auto& o) { o.lease_ttl = absl::Milliseconds(500); }},
      {"lease_ttl: got 2h", [](auto& o) { o.lease_ttl = absl::Hours(2); }},
      {"signature_ttl: got 0", [](auto& o) { o.signature_ttl = absl::ZeroDuration(); }},
      {"node_timeout: got 0", [](auto& o) { o.node_timeout = absl::ZeroDuration(); }},
      {"panic_threshold: got 1.1", [](auto& o) { o.panic_threshold = 1.1; }},
      {"panic_threshold: got nan", [](auto& o) { o.panic_threshold = std::nan(""); }},
      {"max_panic_timeouts: got 0", [](auto& o) { o.max_panic_timeouts = 0; }},
      {"forget_lost_after: got 0", [](auto& o) { o.forget_lost_after = absl::ZeroDuration(); }},
      {"node_timeout: got inf", [](auto& o) { o.node_timeout = absl::InfiniteDuration(); }},
      {"max_kv_usage: got 0,", [](auto& o) { o.max_kv_usage = 0; }},
      {"signature_ttl: got 2h, expected 1s to 1h",
       [](auto& o) { o.signature_ttl = absl::Hours(2); }},
      {"confirm_grace: got 0", [](auto& o) { o.confirm_grace = absl::ZeroDuration(); }},
      {"receipts: got 1000001, expected 0 to 1000000", [](auto& o) { o.receipts = 1'000'001; }},
      {"max_models: got 1025, expected 1 to 1024", [](auto& o) { o.max_models = 1025; }},
      {"max_kv_usage: got 1.1,", [](auto& o) { o.max_kv_usage = 1.1; }},
      {"signature_store_bytes: got 0", [](auto& o) { o.signature_store_bytes = 0; }},
      {"block_store_bytes: got 0", [](auto& o) { o.block_store_bytes = 0; }},
      {"max_models: got 0", [](auto& o) { o.max_models = 0; }},
      {"max_nodes_per_model: got 0", [](auto& o) { o.max_nodes_per_model = 0; }},
      {"max_leases_per_model: got 0", [](auto& o) { o.max_leases_per_model = 0; }},
  };
  for (const auto& c : cases) {
    Router::Options options;
    c.broken(options);
    EXPECT_THAT(Router::Create(options, clock_, observer_),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.message)));
  }
}

}  // namespace
}  // namespace eldr
