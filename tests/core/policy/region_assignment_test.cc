#include "core/policy/region_assignment.h"

#include <algorithm>
#include <map>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/policy/dealt_regions.h"
#include "tests/core/profile/vectors.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

TEST(RegionAssignmentTest, DealsOneRegionToEachNodeInOrder) {
  const LocalityBandRegions regions = Regions(Axes(3), Idle({4, 7, 9}));
  auto owners = Owners(regions);
  EXPECT_THAT(owners[4], ElementsAre(0));
  EXPECT_THAT(owners[7], ElementsAre(1));
  EXPECT_THAT(owners[9], ElementsAre(2));
}

TEST(RegionAssignmentTest, LeavesTheRegionOfALostNodeToTheNearest) {
  // Region 2 lies by region 1.
  const VectorSet centroids = Vectors({{1, 0, 0}, {0, 1, 0}, {0, 0.6f, 0.8f}});
  LocalityBandRegions regions = Regions(centroids, Idle({1, 2, 3}));
  SetNodes(regions, Idle({1, 2}));
  auto owners = Owners(regions);
  EXPECT_THAT(owners[1], ElementsAre(0));
  EXPECT_THAT(owners[2], UnorderedElementsAre(1, 2));
  // It comes back and finds its own.
  SetNodes(regions, Idle({1, 2, 3}));
  owners = Owners(regions);
  EXPECT_THAT(owners[1], ElementsAre(0));
  EXPECT_THAT(owners[2], ElementsAre(1));
  EXPECT_THAT(owners[3], ElementsAre(2));
}

TEST(RegionAssignmentTest, GivesTheRegionOfALostNodeToItsReplacement) {
  LocalityBandRegions regions = Regions(Axes(4), Idle({1, 2, 3, 4}));
  SetNodes(regions, Idle({1, 3, 4, 5}));
  auto owners = Owners(regions);
  EXPECT_THAT(owners[1], ElementsAre(0));
  EXPECT_THAT(owners[3], ElementsAre(2));
  EXPECT_THAT(owners[4], ElementsAre(3));
  EXPECT_THAT(owners[5], ElementsAre(1));
}

TEST(RegionAssignmentTest, LetsANewNodeShareTheRegionOfTheMostLoad) {
  LocalityBandRegions regions = Regions(Axes(3), Idle({1, 2, 3}));
  SetNodes(regions, RegionNodes{{1, 5}, {2, 9}, {3, 7}, {4, 0}});
  EXPECT_THAT(Owners(regions)[4], ElementsAre(1));
  // Its load is halved by that, so the next one goes elsewhere.
  SetNodes(regions, RegionNodes{{1, 5}, {2, 5}, {3, 7}, {4, 4}, {5, 0}});
  auto owners = Owners(regions);
  EXPECT_THAT(owners[5], ElementsAre(2));
  EXPECT_THAT(owners[2], ElementsAre(1));
}

TEST(RegionAssignmentTest, SharesAnIdleFleetEvenly) {
  const LocalityBandRegions regions = Regions(Axes(3), Idle({1, 2, 3, 4, 5, 6}));
  std::map<std::uint32_t, int> owners;
  for (const auto& [ordinal, owned] : Owners(regions)) {
    ASSERT_EQ(owned.size(), 1u);
    ++owners[owned[0]];
  }
  EXPECT_THAT(owners, UnorderedElementsAre(::testing::Pair(0, 2), ::testing::Pair(1, 2),
                                           ::testing::Pair(2, 2)));
}

TEST(RegionAssignmentTest, MovesASharerToARegionThatLostItsNode) {
  LocalityBandRegions regions = Regions(Axes(3), Idle({1, 2, 3, 4}));
  ASSERT_THAT(Owners(regions)[4], ElementsAre(0));
  SetNodes(regions, Idle({1, 2, 4}));
  auto owners = Owners(regions);
  EXPECT_THAT(owners[1], ElementsAre(0));
  EXPECT_THAT(owners[2], ElementsAre(1));
  EXPECT_THAT(owners[4], ElementsAre(2));
}

TEST(RegionAssignmentTest, ReachesOneRegionEachWhenNodesComeOneByOne) {
  LocalityBandRegions regions;
  regions.SetRegions(Axes(8));
  RegionNodes nodes;
  for (std::uint64_t ordinal = 0; ordinal < 8; ++ordinal) {
    nodes.push_back({ordinal, 0});
    SetNodes(regions, nodes);
  }
  std::set<std::uint32_t> dealt;
  for (const auto& [ordinal, owned] : Owners(regions)) {
    ASSERT_EQ(owned.size(), 1u) << ordinal;
    dealt.insert(owned[0]);
  }
  EXPECT_EQ(dealt.size(), 8u);
}

TEST(RegionAssignmentTest, TakesTheMeanOfANodesRegionsAsItsCentroid) {
  const VectorSet centroids = Vectors({{1, 0, 0}, {0, 1, 0}, {0, 0.6f, 0.8f}});
  LocalityBandRegions regions = Regions(centroids, Idle({1, 2, 3}));
  EXPECT_EQ(NodeCentroids(*regions.centroids(), *regions.owners()), centroids);
  SetNodes(regions, Idle({1, 2}));
  const VectorSet merged = NodeCentroids(*regions.centroids(), *regions.owners());
  EXPECT_THAT(Row(merged, 0), ElementsAre(1, 0, 0));
  EXPECT_NEAR(Cosine(merged[1], centroids[1]), Cosine(merged[1], centroids[2]), 1e-6);
}

// Whatever comes and goes: every region has an owner, every node a region, and a node that stays
// keeps its region unless it has more than one or shares it.
TEST(RegionAssignmentTest, HoldsItsPromisesUnderChurn) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    FitStream stream(seed);
    LocalityBandRegions regions;
    const std::size_t count = 1 + stream.Below(10);
    regions.SetRegions(RandomUnitVectors(count, 6, seed));
    RegionNodes nodes = Idle({0});
    std::uint64_t next = 1;
    for (int step = 0; step < 60; ++step) {
      const auto before = Owners(regions);
      if (stream.Below(2) == 0 && nodes.size() > 1) {
        nodes.erase(nodes.begin() + static_cast<std::ptrdiff_t>(stream.Below(nodes.size())));
      } else {
        nodes.push_back({next++, 0});
      }
      for (auto& node : nodes) node.load = static_cast<std::uint32_t>(stream.Below(30));
      SetNodes(regions, nodes);

      std::vector<int> owners(count);
      for (const auto& [ordinal, owned] : Owners(regions)) {
        ASSERT_FALSE(owned.empty());
        ASSERT_LE(owned.size(), count);
        for (const std::uint32_t region : owned) ++owners[region];
      }
      for (const int owner_count : owners) EXPECT_GT(owner_count, 0);
      for (const auto& [ordinal, owned] : Owners(regions)) {
        const auto it = before.find(ordinal);
        if (it == before.end() || it->second.size() != 1) continue;
        int shared = 0;
        for (const auto& [other, theirs] : before) {
          shared += std::count(theirs.begin(), theirs.end(), it->second[0]) > 0;
        }
        if (shared > 1) continue;
        EXPECT_EQ(std::count(owned.begin(), owned.end(), it->second[0]), 1);
      }
    }
  }
}

// What a placement once waited for, counted: with 512 nodes, of which one leaves, 512 * 512 pairs.
TEST(RegionAssignmentTest, ComparesOnlyTheRegionsThatLostTheirNode) {
  for (const std::size_t count : {std::size_t{512}, std::size_t{2048}}) {
    SCOPED_TRACE(count);
    LocalityBandRegions regions;
    regions.SetRegions(RandomUnitVectors(count, 16, 1));
    RegionNodes nodes;
    for (std::uint64_t ordinal = 0; ordinal < count; ++ordinal) nodes.push_back({ordinal, 0});
    const auto change = [&] {
      RegionAssignment assignment(regions.centroids(), regions.owners(), nodes);
      assignment.Run();
      regions.SetOwners(assignment.owners());
      return assignment.comparisons();
    };
    EXPECT_EQ(change(), 0u) << "nobody owned any";
    nodes.erase(nodes.begin() + 7);
    EXPECT_EQ(change(), count - 1);
    nodes.push_back({count, 0});
    EXPECT_LE(change(), 4u) << "the region is split off whom it was given to";
    nodes.push_back({count + 1, 0});
    EXPECT_EQ(change(), 0u) << "it shares a region";
    nodes.erase(nodes.begin() + 100, nodes.begin() + 110);
    EXPECT_LE(change(), 10 * count);
  }
}

}  // namespace
}  // namespace eldr
