// The shadow policy: decides too, changes nothing.
#include "core/route/seat.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/route/router.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/router_fixture.h"

namespace eldr {
namespace {

class ShadowTest : public RouterFixture {
 protected:
  void StartWithShadow(const std::string& policy, const std::string& shadow) {
    PolicySettings settings;
    settings.policy = policy;
    settings.shadow_policy = shadow;
    Start({}, settings);
  }

  // The nodes of some placements of two kinds of requests.
  std::vector<std::string> PlaceSome(const std::string& prefix = "r") {
    std::vector<std::string> nodes;
    for (int i = 0; i < 12; ++i) {
      TestSignature signature = SteadySignature(geometry_, 4, i % 2 == 0 ? 0 : 4);
      const std::string id = absl::StrCat(prefix, i);
      PlacementQuery query = Query(id);
      query.signature = signature.Dense();
      nodes.emplace_back(MustPlace(query).node.node_id);
    }
    return nodes;
  }
};

TEST_F(ShadowTest, ChangesNoPlacement) {
  StartWithPolicy("residency");
  RegisterNodes({"a", "b", "c"});
  const std::vector<std::string> alone = PlaceSome();
  for (const char* const shadow : {"random", "round_robin", "locality_band_online"}) {
    StartWithShadow("residency", shadow);
    RegisterNodes({"a", "b", "c"});
    EXPECT_EQ(PlaceSome(), alone) << shadow;
  }
}

TEST_F(ShadowTest, AShadowOfTheSameRuleAgreesWithTheChoice) {
  StartWithShadow("residency", "residency");
  RegisterNodes({"a", "b"});
  // Unequal loads, so that no tie is left to chance.
  PlacementQuery heavy = Query("heavy");
  heavy.sequences = 4;
  MustPlace(heavy);
  const Placement placement = MustPlace("r");
  ASSERT_TRUE(placement.shadow.has_value());
  EXPECT_EQ(placement.shadow->policy, "residency");
  EXPECT_EQ(placement.shadow->node_id, placement.node.node_id);
  EXPECT_EQ(placement.shadow->cost, placement.shadow->made_cost);
}

TEST_F(ShadowTest, TellsWhatTheOtherChoiceWouldCost) {
  StartWithShadow("round_robin", "residency");
  RegisterNodes({"a", "b"});
  TestSignature left = SteadySignature(geometry_, 4, 0);
  PlacementQuery first = Query("first");
  first.signature = left.Dense();
  const std::string home(MustPlace(first).node.node_id);
  TestSignature right = SteadySignature(geometry_, 4, 4);
  PlacementQuery second = Query("second");
  second.signature = right.Dense();
  MustPlace(second);
  PlacementQuery third = Query("third");
  third.signature = right.Dense();
  const Placement placement = MustPlace(third);
  ASSERT_EQ(placement.node.node_id, home) << "round robin is back at the first node";
  ASSERT_TRUE(placement.shadow.has_value());
  EXPECT_NE(placement.shadow->node_id, home);
  EXPECT_LT(placement.shadow->cost, placement.shadow->made_cost);
  // The receipt tells it too.
  const auto explained = router_->Explain(kModel, "third");
  ASSERT_THAT(explained, IsOk());
  ASSERT_TRUE(explained->receipt.shadow.has_value());
  EXPECT_EQ(explained->receipt.shadow->node_id, placement.shadow->node_id);
}

TEST_F(ShadowTest, KeepsItsOwnTurn) {
  StartWithShadow("least_loaded", "round_robin");
  RegisterNodes({"a", "b", "c"});
  std::vector<std::string> turns;
  for (const char* const id : {"r0", "r1", "r2", "r3"}) {
    turns.push_back(MustPlace(id).shadow->node_id);
  }
  EXPECT_THAT(turns, ::testing::ElementsAre("a", "b", "c", "a"));
}

TEST_F(ShadowTest, ARenewalDecidesNothing) {
  StartWithShadow("least_loaded", "residency");
  RegisterNodes({"a", "b"});
  EXPECT_TRUE(MustPlace("r").shadow.has_value());
  EXPECT_FALSE(MustPlace("r").shadow.has_value());
}

TEST_F(ShadowTest, AShadowThatFitsGetsItsWorkDone) {
  StartWithShadow("residency", "locality_band_online");
  RegisterNodes({"a", "b"});
  PlaceSome("early");
  clock_.Advance(absl::Seconds(3));
  PlaceSome("middle");
  clock_.Advance(absl::Seconds(2));
  PlaceSome("late");
  std::vector<BackgroundJob> jobs = router_->TakeBackgroundJobs();
  ASSERT_EQ(jobs.size(), 1u);
  jobs.front().Run();
  jobs.front().Publish();
  const ModelDescription description = Description();
  EXPECT_FALSE(description.fits.has_value()) << "residency never fits";
  ASSERT_TRUE(description.shadow_fits.has_value());
  EXPECT_EQ(description.shadow_fits->started, 1u);
  EXPECT_EQ(description.shadow_fits->published, 1u);
}

}  // namespace
}  // namespace eldr
