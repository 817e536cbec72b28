#include "core/fleet/fleet.h"

#include <string>
#include <vector>

#include "core/residency/contribution.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace eldr {
namespace {

using ::testing::Each;
using ::testing::IsNull;

class FleetTest : public ::testing::Test {
 protected:
  DecodeNode& Add(const std::string& id, const std::string& group = "",
                  std::uint32_t tokens_per_step = 1) {
    return fleet_.Add(Spec(id, group, tokens_per_step));
  }
  static NodeSpec Spec(const std::string& id, const std::string& group = "",
                       std::uint32_t tokens_per_step = 1) {
    NodeSpec spec;
    spec.node_id = id;
    spec.expert_group = group;
    spec.tokens_per_step = tokens_per_step;
    return spec;
  }
  Lease LeaseOn(DecodeNode& node, std::uint8_t code, std::uint32_t sequences = 1) {
    Lease lease;
    lease.node = &node;
    lease.contribution.assign(geometry_.cells(), code);
    lease.sequences = sequences;
    lease.context_tokens = 100;
    lease.kv_tokens = 150;
    return lease;
  }
  static std::vector<std::int64_t> Hazard(const DecodeNode& node) {
    return node.group->residency.Hazard();
  }

  const ModelGeometry geometry_ = {2, 8, 2, {}};
  Fleet fleet_{geometry_, StepTimeShape{}};
};

TEST_F(FleetTest, FindsNodesAndKeepsTheOrderOfTheirRegistration) {
  EXPECT_THAT(fleet_.Find("b"), IsNull());
  DecodeNode& b = Add("b");
  DecodeNode& a = Add("a");
  EXPECT_EQ(fleet_.Find("b"), &b);
  EXPECT_EQ(fleet_.Find("a"), &a);
  EXPECT_LT(b.ordinal, a.ordinal);
  EXPECT_EQ(fleet_.nodes()[0].get(), &b);
  EXPECT_EQ(fleet_.nodes()[1].get(), &a);
  fleet_.Remove(b);
  EXPECT_THAT(fleet_.Find("b"), IsNull());
  EXPECT_GT(Add("b").ordinal, a.ordinal);  // one that comes again comes last
}

TEST_F(FleetTest, ANodeOfNoGroupIsAGroupOfItsOwn) {
  DecodeNode& a = Add("a");
  DecodeNode& b = Add("b");
  EXPECT_NE(a.group, b.group);
  EXPECT_EQ(a.group->name, "a");
  EXPECT_EQ(a.group->nodes, 1u);
}

TEST_F(FleetTest, RanksOfAGroupShareResidencyButNotLeases) {
  DecodeNode& rank0 = Add("rank0", "engine");
  DecodeNode& rank1 = Add("rank1", "engine");
  ASSERT_EQ(rank0.group, rank1.group);
  Lease on0 = LeaseOn(rank0, 100), on1 = LeaseOn(rank1, 50);
  fleet_.Attach(on0);
  fleet_.Attach(on1);
  EXPECT_EQ(rank0.leases, 1u);
  EXPECT_EQ(rank0.kv_tokens, 150u);
  EXPECT_EQ(rank0.group->leases, 2u);
  EXPECT_EQ(rank0.group->context_tokens, 200u);
  EXPECT_THAT(Hazard(rank1), Each(HazardOfCode()[100] + HazardOfCode()[50]));
  fleet_.Detach(on0);
  EXPECT_EQ(rank0.leases, 0u);
  EXPECT_THAT(Hazard(rank0), Each(HazardOfCode()[50]));
}

TEST_F(FleetTest, SequencesAndTokensPerStepMultiplyWhatALeaseAdds) {
  DecodeNode& node = Add("a", "", 3);
  Lease lease = LeaseOn(node, 100, 2);
  fleet_.Attach(lease);
  EXPECT_EQ(lease.multiplicity, 6u);
  EXPECT_EQ(node.sequences, 2u);
  EXPECT_EQ(node.leases, 1u);
  EXPECT_EQ(node.group->residency.weight(), 6u);
  EXPECT_THAT(Hazard(node), Each(6 * HazardOfCode()[100]));
  fleet_.Detach(lease);
  EXPECT_EQ(node.sequences, 0u);
  EXPECT_EQ(node.kv_tokens, 0u);
  EXPECT_EQ(node.group->context_tokens, 0u);
  EXPECT_EQ(node.group->residency.weight(), 0u);
  EXPECT_THAT(Hazard(node), Each(0));
}

TEST_F(FleetTest, AContributionIsReplacedInPlace) {
  DecodeNode& node = Add("a");
  Lease lease = LeaseOn(node, 100, 2);
  fleet_.Attach(lease);
  fleet_.ReplaceContribution(lease, std::vector<std::uint8_t>(geometry_.cells(), 30));
  EXPECT_THAT(Hazard(node), Each(2 * HazardOfCode()[30]));
  EXPECT_EQ(node.leases, 1u);
  EXPECT_EQ(node.group->residency.weight(), 2u);
  fleet_.Detach(lease);
  EXPECT_THAT(Hazard(node), Each(0));
}

TEST_F(FleetTest, RespecifyingKeepsTheOrdinalAndAGroupOfOneWithItsResidency) {
  DecodeNode& node = Add("a");
  Lease lease = LeaseOn(node, 100);
  fleet_.Attach(lease);
  const std::uint64_t ordinal = node.ordinal;
  NodeSpec spec = Spec("a");
  spec.capacity = 7;
  fleet_.Respecify(node, spec);
  EXPECT_EQ(node.spec.capacity, 7u);
  EXPECT_EQ(node.ordinal, ordinal);
  EXPECT_THAT(Hazard(node), Each(HazardOfCode()[100]));
}

TEST_F(FleetTest, ANodeChangesGroupsAndAGroupEndsWithItsLastNode) {
  DecodeNode& a = Add("a", "engine");
  DecodeNode& b = Add("b", "engine");
  fleet_.Respecify(a, Spec("a", "other"));
  EXPECT_EQ(b.group->nodes, 1u);
  EXPECT_EQ(a.group->name, "other");
  fleet_.Remove(b);
  EXPECT_EQ(Add("c", "engine").group->nodes, 1u);
}

}  // namespace
}  // namespace eldr
