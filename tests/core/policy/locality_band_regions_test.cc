#include "core/policy/locality_band_regions.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/profile/assignment.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/profile/vectors.h"
#include "tests/core/test_signature.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

using Nodes = std::vector<LocalityBandRegions::Node>;

// A region along each axis.
VectorSet Axes(std::size_t count) {
  VectorSet axes(count, count);
  for (std::size_t i = 0; i < count; ++i) axes[i][i] = 1;
  return axes;
}

Nodes Idle(std::vector<std::uint64_t> ordinals) {
  Nodes nodes;
  for (const std::uint64_t ordinal : ordinals) nodes.push_back({ordinal, 0});
  return nodes;
}

std::map<std::uint64_t, std::vector<std::uint32_t>> Owners(const LocalityBandRegions& regions) {
  std::map<std::uint64_t, std::vector<std::uint32_t>> owners;
  for (std::size_t i = 0; i < regions.ordinals().size(); ++i) {
    owners[regions.ordinals()[i]] = {regions.OwnedBy(i).begin(), regions.OwnedBy(i).end()};
  }
  return owners;
}

LocalityBandRegions Regions(VectorSet centroids, const Nodes& nodes) {
  LocalityBandRegions regions;
  regions.SetRegions(std::move(centroids));
  regions.SetNodes(nodes);
  return regions;
}

TEST(LocalityBandRegionsTest, DealsOneRegionToEachNodeInOrder) {
  const LocalityBandRegions regions = Regions(Axes(3), Idle({4, 7, 9}));
  auto owners = Owners(regions);
  EXPECT_THAT(owners[4], ElementsAre(0));
  EXPECT_THAT(owners[7], ElementsAre(1));
  EXPECT_THAT(owners[9], ElementsAre(2));
}

TEST(LocalityBandRegionsTest, ComparesWithTheNearestRegionOfEachNode) {
  LocalityBandRegions regions = Regions(Axes(4), Idle({1, 2}));
  ASSERT_THAT(Owners(regions)[1].size(), 2u);
  for (std::uint32_t region = 0; region < 4; ++region) {
    TestSignature counts = {.tokens = 20, .counts = {4, 4, 4, 4}};
    counts.counts[region] = 8;
    QuantizedSignature signature;
    ASSERT_TRUE(signature.Assign(CountTransform(1, 4), Parsed(counts, {1, 4, 1, {}})));
    regions.Compare(signature);
    ASSERT_GT(regions.error(), 0);
    for (const auto& [ordinal, owned] : Owners(regions)) {
      const double expected = std::count(owned.begin(), owned.end(), region) > 0 ? 8 : 4;
      EXPECT_NEAR(regions.Refine(signature, ordinal), expected / std::sqrt(112), 1e-6);
      EXPECT_NEAR(regions.cosines()[ordinal - 1], expected / std::sqrt(112), regions.error());
    }
    EXPECT_EQ(regions.Refine(signature, 99), 0);
  }
  regions.Compare(QuantizedSignature());
  EXPECT_THAT(regions.cosines(), ElementsAre(0, 0));
  EXPECT_EQ(regions.error(), 0);
}

TEST(LocalityBandRegionsTest, LeavesTheRegionOfALostNodeToTheNearest) {
  // Region 2 lies by region 1.
  const VectorSet centroids = Vectors({{1, 0, 0}, {0, 1, 0}, {0, 0.6f, 0.8f}});
  LocalityBandRegions regions = Regions(centroids, Idle({1, 2, 3}));
  regions.SetNodes(Idle({1, 2}));
  auto owners = Owners(regions);
  EXPECT_THAT(owners[1], ElementsAre(0));
  EXPECT_THAT(owners[2], UnorderedElementsAre(1, 2));
  // It comes back and finds its own.
  regions.SetNodes(Idle({1, 2, 3}));
  owners = Owners(regions);
  EXPECT_THAT(owners[1], ElementsAre(0));
  EXPECT_THAT(owners[2], ElementsAre(1));
  EXPECT_THAT(owners[3], ElementsAre(2));
}

TEST(LocalityBandRegionsTest, GivesTheRegionOfALostNodeToItsReplacement) {
  LocalityBandRegions regions = Regions(Axes(4), Idle({1, 2, 3, 4}));
  regions.SetNodes(Idle({1, 3, 4, 5}));
  auto owners = Owners(regions);
  EXPECT_THAT(owners[1], ElementsAre(0));
  EXPECT_THAT(owners[3], ElementsAre(2));
  EXPECT_THAT(owners[4], ElementsAre(3));
  EXPECT_THAT(owners[5], ElementsAre(1));
}

TEST(LocalityBandRegionsTest, LetsANewNodeShareTheRegionOfTheMostLoad) {
  LocalityBandRegions regions = Regions(Axes(3), Idle({1, 2, 3}));
  regions.SetNodes(Nodes{{1, 5}, {2, 9}, {3, 7}, {4, 0}});
  EXPECT_THAT(Owners(regions)[4], ElementsAre(1));
  // Its load is halved by that, so the next one goes elsewhere.
  regions.SetNodes(Nodes{{1, 5}, {2, 5}, {3, 7}, {4, 4}, {5, 0}});
  auto owners = Owners(regions);
  EXPECT_THAT(owners[5], ElementsAre(2));
  EXPECT_THAT(owners[2], ElementsAre(1));
}

TEST(LocalityBandRegionsTest, SharesAnIdleFleetEvenly) {
  const LocalityBandRegions regions = Regions(Axes(3), Idle({1, 2, 3, 4, 5, 6}));
  std::map<std::uint32_t, int> owners;
  for (const auto& [ordinal, owned] : Owners(regions)) {
    ASSERT_EQ(owned.size(), 1u);
    ++owners[owned[0]];
  }
  EXPECT_THAT(owners, UnorderedElementsAre(::testing::Pair(0, 2), ::testing::Pair(1, 2),
                                           ::testing::Pair(2, 2)));
}

TEST(LocalityBandRegionsTest, MovesASharerToARegionThatLostItsNode) {
  LocalityBandRegions regions = Regions(Axes(3), Idle({1, 2, 3, 4}));
  ASSERT_THAT(Owners(regions)[4], ElementsAre(0));
  regions.SetNodes(Idle({1, 2, 4}));
  auto owners = Owners(regions);
  EXPECT_THAT(owners[1], ElementsAre(0));
  EXPECT_THAT(owners[2], ElementsAre(1));
  EXPECT_THAT(owners[4], ElementsAre(2));
}

TEST(LocalityBandRegionsTest, ReachesOneRegionEachWhenNodesComeOneByOne) {
  LocalityBandRegions regions;
  regions.SetRegions(Axes(8));
  Nodes nodes;
  for (std::uint64_t ordinal = 0; ordinal < 8; ++ordinal) {
    nodes.push_back({ordinal, 0});
    regions.SetNodes(nodes);
  }
  std::set<std::uint32_t> dealt;
  for (const auto& [ordinal, owned] : Owners(regions)) {
    ASSERT_EQ(owned.size(), 1u) << ordinal;
    dealt.insert(owned[0]);
  }
  EXPECT_EQ(dealt.size(), 8u);
}

TEST(LocalityBandRegionsTest, KeepsEverythingWhenAllNodesAreGone) {
  LocalityBandRegions regions = Regions(Axes(2), Idle({1, 2}));
  regions.SetNodes({});
  regions.SetNodes(Idle({2}));
  regions.SetNodes(Idle({2, 3}));
  auto owners = Owners(regions);
  EXPECT_THAT(owners[2], ElementsAre(1));
  EXPECT_THAT(owners[3], ElementsAre(0));
}

TEST(LocalityBandRegionsTest, TakesTheMeanOfANodesRegionsAsItsCentroid) {
  const VectorSet centroids = Vectors({{1, 0, 0}, {0, 1, 0}, {0, 0.6f, 0.8f}});
  LocalityBandRegions regions = Regions(centroids, Idle({1, 2, 3}));
  EXPECT_EQ(regions.NodeCentroids(), centroids);
  regions.SetNodes(Idle({1, 2}));
  const VectorSet merged = regions.NodeCentroids();
  EXPECT_THAT(Row(merged, 0), ElementsAre(1, 0, 0));
  EXPECT_NEAR(Cosine(merged[1], centroids[1]), Cosine(merged[1], centroids[2]), 1e-6);
}

// Whatever comes and goes: every region has an owner, every node a region, and a node that stays
// keeps its region unless it has more than one or shares it.
TEST(LocalityBandRegionsTest, HoldsItsPromisesUnderChurn) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    FitStream stream(seed);
    LocalityBandRegions regions;
    const std::size_t count = 1 + stream.Below(10);
    regions.SetRegions(RandomUnitVectors(count, 6, seed));
    Nodes nodes = Idle({0});
    std::uint64_t next = 1;
    for (int step = 0; step < 60; ++step) {
      const auto before = Owners(regions);
      if (stream.Below(2) == 0 && nodes.size() > 1) {
        nodes.erase(nodes.begin() + static_cast<std::ptrdiff_t>(stream.Below(nodes.size())));
      } else {
        nodes.push_back({next++, 0});
      }
      for (auto& node : nodes) node.load = static_cast<std::uint32_t>(stream.Below(30));
      regions.SetNodes(nodes);

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

}  // namespace
}  // namespace eldr
