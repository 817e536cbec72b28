#include "core/route/eligibility.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/router_fixture.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr MonotonicTime kNow = absl::Seconds(100);

class EligibilityTest : public ::testing::Test {
 protected:
  EligibilityTest() {
    for (const char* id : {"a", "b", "c"}) {
      NodeSpec spec;
      spec.node_id = id;
      fleet_.Add(spec).state = NodeState::kReady;
    }
  }
  DecodeNode& node(absl::string_view id) { return *fleet_.Find(id); }
  void ReportKvUsage(absl::string_view id, double usage) {
    node(id).last_heartbeat = kNow;
    node(id).reported_kv_usage = usage;
  }
  // The ids of the candidates.
  std::vector<std::string> Eligible(const Demand& demand = {}) {
    const QueryMarks marks(fleet_, query_);
    FindEligible(fleet_, marks, demand, detector_, 0.95, kNow, result_);
    std::vector<std::string> ids;
    for (const Candidate& candidate : result_.candidates)
      ids.push_back(candidate.node->spec.node_id);
    return ids;
  }
  std::uint32_t Count(Ineligible reason) const {
    return result_.ineligible[static_cast<std::size_t>(reason)];
  }

  Fleet fleet_{{2, 8, 2, {}}, StepTimeShape{}};
  FailureDetector detector_{{.node_timeout = absl::Seconds(10)}};
  PlacementQuery query_;
  Eligibility result_;
};

TEST_F(EligibilityTest, EveryReadyNodeInTheOrderOfRegistration) {
  EXPECT_THAT(Eligible(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(result_.ineligible, ::testing::Each(0u));
}

TEST_F(EligibilityTest, NamesEachReason) {
  const struct {
    Ineligible reason;
    std::function<void(DecodeNode&)> change;
  } cases[] = {
      {Ineligible::kJoining, [](DecodeNode& n) { n.state = NodeState::kJoining; }},
      {Ineligible::kLost, [](DecodeNode& n) { n.state = NodeState::kLost; }},
      {Ineligible::kDraining, [](DecodeNode& n) { n.draining = true; }},
      {Ineligible::kCapacity,
       [](DecodeNode& n) {
         n.spec.capacity = 4;
         n.leases = 4;
       }},
      {Ineligible::kKvCapacity,
       [](DecodeNode& n) {
         n.spec.kv_capacity_tokens = 1000;
         n.kv_tokens = 801;
       }},
      {Ineligible::kKvUsage,
       [](DecodeNode& n) {
         n.last_heartbeat = kNow;
         n.reported_kv_usage = 0.951;
       }},
  };
  for (const auto& c : cases) {
    const DecodeNode before = node("b");
    c.change(node("b"));
    EXPECT_THAT(Eligible({1, 100, 200}), ElementsAre("a", "c")) << Name(c.reason);
    EXPECT_EQ(Count(c.reason), 1u) << Name(c.reason);
    node("b") = before;
  }
}

TEST_F(EligibilityTest, ANodeAtItsLimitsButNotOverThemIsEligible) {
  node("a").spec.capacity = 4;
  node("a").leases = 3;
  node("b").spec.kv_capacity_tokens = 1000;
  node("b").kv_tokens = 800;
  ReportKvUsage("c", 0.95);
  EXPECT_THAT(Eligible({1, 100, 200}), ElementsAre("a", "b", "c"));
}

TEST_F(EligibilityTest, AResidencyMapThatIsFullCountsAsCapacity) {
  const std::vector<std::uint8_t> codes(16, 1);
  node("a").group->residency.Add(codes, ResidencyMap::kMaxWeight - 2);
  node("a").spec.tokens_per_step = 2;
  EXPECT_THAT(Eligible({1, 0, 0}), ElementsAre("a", "b", "c"));
  EXPECT_THAT(Eligible({2, 0, 0}), ElementsAre("b", "c"));
  EXPECT_EQ(Count(Ineligible::kCapacity), 1u);
}

TEST_F(EligibilityTest, KvUsageIsWaivedWhenAllAreAbove) {
  ReportKvUsage("a", 0.99);
  ReportKvUsage("b", 0.96);
  ReportKvUsage("c", 0.97);
  EXPECT_THAT(Eligible(), ElementsAre("a", "b", "c"));
  EXPECT_TRUE(result_.kv_usage_waived);
  ReportKvUsage("b", 0.5);
  EXPECT_THAT(Eligible(), ElementsAre("b"));
  EXPECT_FALSE(result_.kv_usage_waived);
  EXPECT_EQ(Count(Ineligible::kKvUsage), 2u);
}

TEST_F(EligibilityTest, AnOldReportOfKvUsageIsNotBelieved) {
  ReportKvUsage("a", 0.99);
  node("a").last_heartbeat = kNow - absl::Seconds(10.001);
  EXPECT_THAT(Eligible(), ElementsAre("a", "b", "c"));
  node("a").last_heartbeat = kNow - absl::Seconds(10);
  EXPECT_THAT(Eligible(), ElementsAre("b", "c"));
}

TEST_F(EligibilityTest, AllowExcludeAndPrefer) {
  const Ids allow = {"a", "b", "nobody"}, exclude = {"a", "nobody"}, prefer_c = {"c", "nobody"};
  query_.allow_nodes = allow;
  EXPECT_THAT(Eligible(), ElementsAre("a", "b"));
  EXPECT_EQ(Count(Ineligible::kQuery), 1u);
  query_.exclude_nodes = exclude;
  EXPECT_THAT(Eligible(), ElementsAre("b"));
  query_ = {};
  query_.prefer_nodes = prefer_c;
  EXPECT_THAT(Eligible(), ElementsAre("c"));
  EXPECT_EQ(Count(Ineligible::kQuery), 2u);
  node("c").draining = true;  // no preferred node is eligible: the others are candidates
  EXPECT_THAT(Eligible(), ElementsAre("a", "b"));
}

TEST_F(EligibilityTest, ExcludingOutweighsAllowingAndPreferring) {
  const Ids a = {"a"}, a_and_b = {"a", "b"};
  query_.allow_nodes = a_and_b;
  query_.prefer_nodes = a;
  query_.exclude_nodes = a;
  EXPECT_THAT(Eligible(), ElementsAre("b"));
}

TEST_F(EligibilityTest, UnknownIdsAreIgnored) {
  const Ids unknown = {"nobody", ""};
  query_.exclude_nodes = unknown;
  query_.prefer_nodes = unknown;
  EXPECT_THAT(Eligible(), ElementsAre("a", "b", "c"));
  // An allow list of unknown ids alone allows nobody; it is not an empty one.
  query_.allow_nodes = unknown;
  EXPECT_THAT(Eligible(), IsEmpty());
  EXPECT_EQ(Count(Ineligible::kQuery), 3u);
}

TEST_F(EligibilityTest, MarksEndWithTheQuery) {
  const Ids a = {"a"};
  query_.exclude_nodes = a;
  EXPECT_THAT(Eligible(), ElementsAre("b", "c"));
  EXPECT_EQ(node("a").query_marks, 0);
  query_ = {};
  EXPECT_THAT(Eligible(), ElementsAre("a", "b", "c"));
}

TEST_F(EligibilityTest, LoadsAreTheReportWhileItIsFreshAndNeverLessThanOwnCount) {
  node("a").sequences = 3;
  node("b").sequences = 3;
  node("b").last_heartbeat = kNow;
  node("b").reported_running = 2;
  node("b").reported_queued = 4;
  node("b").placed_since_report = 1;
  node("c").sequences = 9;
  node("c").last_heartbeat = kNow;
  node("c").reported_running = 2;
  Eligible();
  EXPECT_EQ(result_.candidates[0].load, 3u);
  EXPECT_EQ(result_.candidates[1].load, 7u);
  EXPECT_EQ(result_.candidates[2].load, 9u);
  EXPECT_EQ(node("b").group->batch, 7u);
  node("b").last_heartbeat = kNow - absl::Minutes(1);
  Eligible();
  EXPECT_EQ(result_.candidates[1].load, 3u);
}

TEST_F(EligibilityTest, ErrorsTellFullFromGone) {
  Eligibility none;
  EXPECT_THAT(NoCandidateError("m", none),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("no node is registered")));
  none.ineligible[static_cast<std::size_t>(Ineligible::kDraining)] = 2;
  EXPECT_THAT(NoCandidateError("m", none),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("2 draining")));
  none.ineligible[static_cast<std::size_t>(Ineligible::kKvCapacity)] = 1;
  EXPECT_THAT(NoCandidateError("m", none),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("1 kv_capacity")));
}

}  // namespace
}  // namespace eldr
