#include "server/discovery/endpoint.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/discovery/endpoint_list.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(EndpointTest, RolesAreWordsOfALabel) {
  const EndpointRoles both = {.prefill = true, .decode = true}, none = {};
  EXPECT_EQ(RolesOf(""), both) << "an engine that was told nothing does all";
  EXPECT_EQ(RolesOf("both"), both);
  EXPECT_EQ(RolesOf("prefill-decode"), both);
  EXPECT_EQ(RolesOf("encode-prefill-decode"), both);
  EXPECT_EQ(RolesOf("decode"), (EndpointRoles{.prefill = false, .decode = true}));
  EXPECT_EQ(RolesOf("encode-prefill"), (EndpointRoles{.prefill = true, .decode = false}));
  for (const char* const other : {"encode", "decoder", "Decode", "-", "prefill_decode"}) {
    EXPECT_EQ(RolesOf(other), none) << other;
  }
}

TEST(EndpointTest, APortIsTheNodeItself) {
  DiscoveryConfig config;
  config.model = "m";
  const auto endpoints = EndpointsOf({.name = "pod", .host = "10.0.0.1", .ports = {8000}}, config);
  ASSERT_EQ(endpoints.size(), 1u);
  EXPECT_EQ(endpoints[0].node_id, "pod");
  EXPECT_EQ(endpoints[0].address, "10.0.0.1:8000");
  EXPECT_EQ(endpoints[0].model, "m");
  EXPECT_EQ(endpoints[0].rank, std::nullopt);
  EXPECT_EQ(endpoints[0].expert_group, "");
}

TEST(EndpointTest, EachOfSeveralPortsIsARankOfOneGroup) {
  DiscoveryConfig config;
  config.expert_group_label = "group";
  Host host = {.name = "pod", .host = "2001:db8::7", .ports = {8000, 8001}};
  const auto endpoints = EndpointsOf(host, config);
  ASSERT_EQ(endpoints.size(), 2u);
  EXPECT_EQ(endpoints[0].node_id, "pod-rank-0");
  EXPECT_EQ(endpoints[1].node_id, "pod-rank-1");
  EXPECT_EQ(endpoints[1].address, "[2001:db8::7]:8001");
  EXPECT_EQ(endpoints[1].rank, 1u);
  EXPECT_EQ(endpoints[1].expert_group, "pod");
  host.labels["group"] = "wide";
  EXPECT_EQ(EndpointsOf(host, config)[1].expert_group, "wide");
}

TEST(EndpointTest, LabelsTellModelAndRoles) {
  DiscoveryConfig config;
  config.model = "m";
  config.model_label = "model";
  Host host = {.name = "pod", .host = "h", .ports = {1}, .labels = {{"model", "other"}}};
  EXPECT_EQ(EndpointsOf(host, config)[0].model, "other");
  host.labels = {{"model", ""}, {"llm-d.ai/role", "prefill"}};
  EXPECT_EQ(EndpointsOf(host, config)[0].model, "m");
  EXPECT_FALSE(EndpointsOf(host, config)[0].roles.decode);
}

class EndpointListTest : public ::testing::Test {
 protected:
  static std::vector<Endpoint> Some(const std::string& id, std::size_t count = 1) {
    std::vector<Endpoint> endpoints(count);
    for (Endpoint& endpoint : endpoints) endpoint.node_id = id;
    return endpoints;
  }
  static auto Is(const std::string& id) { return Field(&Endpoint::node_id, id); }

  int changes_ = 0;
  EndpointList list_{"file", 3, [this] { ++changes_; }};
};

TEST_F(EndpointListTest, AWholeListReplacesAll) {
  EXPECT_FALSE(list_.Read().complete);
  ASSERT_THAT(list_.SetAll({{"a", Some("a")}, {"b", Some("b")}}), IsOk());
  EXPECT_TRUE(list_.Read().complete);
  ASSERT_THAT(list_.SetAll({{"c", Some("c")}}), IsOk());
  EXPECT_THAT(list_.Read().endpoints, ElementsAre(Is("c")));
  EXPECT_EQ(changes_, 2);
  ASSERT_THAT(list_.SetAll({{"c", Some("c")}}), IsOk());
  EXPECT_EQ(changes_, 2) << "an equal list is no change";
  ASSERT_THAT(list_.SetAll({}), IsOk());
  EXPECT_THAT(list_.Read().endpoints, IsEmpty());
}

TEST_F(EndpointListTest, AnEmptyListIsAListToo) {
  ASSERT_THAT(list_.SetAll({}), IsOk());
  EXPECT_TRUE(list_.Read().complete);
  EXPECT_EQ(changes_, 1);
}

TEST_F(EndpointListTest, TakesChanges) {
  ASSERT_THAT(list_.Put("b", Some("b")), IsOk());
  ASSERT_THAT(list_.Put("a", Some("a")), IsOk());
  ASSERT_THAT(list_.Put("a", Some("a2")), IsOk());
  EXPECT_THAT(list_.Read().endpoints, ElementsAre(Is("a2"), Is("b")));
  EXPECT_FALSE(list_.Read().complete);
  list_.Remove("a");
  list_.Remove("a");
  EXPECT_THAT(list_.Read().endpoints, ElementsAre(Is("b")));
  EXPECT_EQ(changes_, 4);
}

TEST_F(EndpointListTest, RefusesWhatIsTooMuchAndKeepsWhatItHas) {
  ASSERT_THAT(list_.SetAll({{"a", Some("a", 2)}}), IsOk());
  const auto too_much = StatusIs(absl::StatusCode::kResourceExhausted,
                                 HasSubstr("expected at most 3 (discovery.max_endpoints)"));
  EXPECT_THAT(list_.SetAll({{"b", Some("b", 2)}, {"c", Some("c", 2)}}), too_much);
  EXPECT_THAT(list_.Put("b", Some("b", 2)), too_much);
  EXPECT_THAT(list_.Read().endpoints, ElementsAre(Is("a"), Is("a")));
  EXPECT_THAT(list_.Put("a", Some("a", 3)), IsOk()) << "what it had makes room";
  list_.Remove("a");
  EXPECT_THAT(list_.Put("b", Some("b", 3)), IsOk());
}

}  // namespace
}  // namespace eldr
