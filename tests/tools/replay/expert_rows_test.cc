#include "tools/replay/expert_rows.h"

#include <set>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tools/replay/random_stream.h"

namespace eldr::replay {
namespace {

RoutedExperts RandomExperts(const ModelGeometry& geometry, std::size_t tokens,
                            RandomStream& random) {
  RoutedExperts experts;
  experts.tokens = tokens;
  experts.layers = geometry.layers;
  experts.top_k = geometry.top_k;
  for (std::size_t i = 0; i < tokens * geometry.layers; ++i) {
    std::set<std::uint16_t> ids;
    while (ids.size() < geometry.top_k) {
      ids.insert(static_cast<std::uint16_t>(random.Below(geometry.experts)));
    }
    experts.ids.insert(experts.ids.end(), ids.begin(), ids.end());
  }
  return experts;
}

// The union as anybody would write it first.
std::size_t NaiveUnion(const RoutedExperts& experts, const std::vector<std::size_t>& rows) {
  std::set<std::pair<std::size_t, std::uint16_t>> distinct;
  for (const std::size_t row : rows) {
    for (std::size_t i = 0; i < experts.layers * experts.top_k; ++i) {
      distinct.emplace(i / experts.top_k, experts.Row(row)[i]);
    }
  }
  return distinct.size();
}

TEST(StepUnionTest, EqualsANaiveSet) {
  const int seed = ::testing::UnitTest::GetInstance()->random_seed();
  SCOPED_TRACE(::testing::Message() << "rerun with --gtest_random_seed=" << seed);
  RandomStream random(static_cast<std::uint64_t>(seed), 0);
  // Cells that fill words exactly, fall short of one, and end inside one.
  for (const ModelGeometry& geometry :
       {ModelGeometry{24, 32, 4, {}}, ModelGeometry{1, 2, 1, {}}, ModelGeometry{3, 43, 7, {}},
        ModelGeometry{5, 128, 8, {}}}) {
    const RoutedExperts experts = RandomExperts(geometry, 40, random);
    const auto rows = ExpertRows::Create(experts, geometry);
    ASSERT_THAT(rows, IsOk());
    StepUnion step_union(*rows);
    for (int round = 0; round < 50; ++round) {
      std::vector<std::size_t> batch(random.Below(20));
      for (std::size_t& row : batch) row = random.Below(experts.tokens);
      EXPECT_EQ(step_union.Count(batch), NaiveUnion(experts, batch));
    }
  }
}

TEST(StepUnionTest, OneTokenHasTopKPerLayer) {
  RandomStream random(1, 0);
  const ModelGeometry geometry{7, 33, 5, {}};
  const auto rows = ExpertRows::Create(RandomExperts(geometry, 1, random), geometry);
  ASSERT_THAT(rows, IsOk());
  StepUnion step_union(*rows);
  EXPECT_EQ(step_union.Count({0}), 35u);
  EXPECT_EQ(step_union.Count({0, 0}), 35u);
  EXPECT_EQ(step_union.Count({}), 0u);
}

}  // namespace
}  // namespace eldr::replay
