#include "core/policy/locality_band_regions.h"

#include <algorithm>
#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/policy/dealt_regions.h"
#include "tests/core/profile/vectors.h"
#include "tests/core/test_signature.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;

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

TEST(LocalityBandRegionsTest, ANodeThatOwnsNothingHasTheCosineOfAStranger) {
  LocalityBandRegions regions;
  regions.SetRegions(Axes(4));
  EXPECT_FALSE(regions.empty());
  EXPECT_THAT(regions.ordinals(), ElementsAre());
  QuantizedSignature signature;
  ASSERT_TRUE(signature.Assign(CountTransform(1, 4),
                               Parsed({.tokens = 20, .counts = {8, 4, 4, 4}}, {1, 4, 1, {}})));
  regions.Compare(signature);
  EXPECT_THAT(regions.cosines(), ElementsAre());
  EXPECT_EQ(regions.Refine(signature, 1), 0);
}

}  // namespace
}  // namespace eldr
