// After any interleaving of calls, loads, leases and residency agree with a second set of books,
// and every policy answers only eligible nodes.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/policy/policy_factory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/test_seed.h"
#include "tests/property/random_traffic.h"

namespace eldr {
namespace {

class BookkeepingPropertyTest : public ::testing::TestWithParam<std::string> {};

TEST_P(BookkeepingPropertyTest, AnyInterleavingLeavesTheBooksRight) {
  SCOPED_TRACE(SeedNote());
  RandomTraffic traffic(GetParam(), TestSeed(), 1);
  for (int step = 0; step < 12000; ++step) {
    SCOPED_TRACE(absl::StrCat("step ", step));
    traffic.Step();
    if (step % 10 == 0) traffic.books().Compare(traffic.router());
    if (HasFailure()) return;  // the rest would only repeat it
  }
  traffic.ReleaseAll();
  traffic.books().Compare(traffic.router());
  EXPECT_TRUE(traffic.books().leases().empty());
  for (const auto& [node_id, node] : traffic.books().nodes()) {
    const auto residency = traffic.router().GetResidency(node_id);
    ASSERT_TRUE(residency.ok());
    EXPECT_THAT(residency->activation, ::testing::Each(0.0f)) << node_id;
  }
  // It is of no use if it does not come by each of these.
  for (const LeaseEnd end :
       {LeaseEnd::kReleased, LeaseEnd::kReportedFinished, LeaseEnd::kExpired, LeaseEnd::kMoved,
        LeaseEnd::kNodeLost, LeaseEnd::kNodeRemoved, LeaseEnd::kUnconfirmed}) {
    EXPECT_GT(traffic.books().ends()[end], 0) << Name(end);
  }
  EXPECT_GT(traffic.books().adoptions(), 0);
  EXPECT_GT(traffic.books().refused_adoptions(), 0);
  EXPECT_GT(traffic.repeated(), 200);
}

std::vector<std::string> Policies() {
  std::vector<std::string> names;
  for (const absl::string_view name : PolicyNames()) names.emplace_back(name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Policies, BookkeepingPropertyTest, ::testing::ValuesIn(Policies()),
                         [](const auto& param) { return param.param; });

class EqualSeedsPropertyTest : public ::testing::TestWithParam<std::string> {
 protected:
  static std::vector<std::string> PlacementsOf(std::uint64_t seed, std::uint64_t router_seed) {
    RandomTraffic traffic(GetParam(), seed, router_seed);
    for (int step = 0; step < 2000 && !HasFailure(); ++step) traffic.Step();
    return traffic.placements();
  }
};

TEST_P(EqualSeedsPropertyTest, EqualSeedsGiveEqualPlacements) {
  SCOPED_TRACE(SeedNote());
  const std::vector<std::string> first = PlacementsOf(TestSeed(), 7);
  EXPECT_GT(first.size(), 300u);
  EXPECT_EQ(PlacementsOf(TestSeed(), 7), first);
}

INSTANTIATE_TEST_SUITE_P(Policies, EqualSeedsPropertyTest, ::testing::ValuesIn(Policies()),
                         [](const auto& param) { return param.param; });

TEST(OtherSeedsPropertyTest, OtherSeedsGiveOtherPlacements) {
  SCOPED_TRACE(SeedNote());
  std::vector<std::vector<std::string>> runs;
  for (const std::uint64_t router_seed : {7u, 8u}) {
    RandomTraffic traffic("random", TestSeed(), router_seed);
    for (int step = 0; step < 500; ++step) traffic.Step();
    runs.push_back(traffic.placements());
  }
  EXPECT_NE(runs[0], runs[1]);
}

}  // namespace
}  // namespace eldr
