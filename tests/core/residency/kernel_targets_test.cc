// The kernels give the same integers by every vector unit that this machine has.
#include <functional>
#include <vector>

#include "core/residency/contribution.h"
#include "core/residency/residency_map.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "tests/core/test_seed.h"

namespace eldr {
namespace {

// Runs `run` by each target alone, the best one first; then all targets are back.
void ForEachTarget(const std::function<void()>& run) {
  for (auto left = hwy::SupportedTargets(); left != 0; left &= left - 1) {
    const auto target = left & ~(left - 1);
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::GetChosenTarget().Update(target);
    run();
  }
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

struct Answers {
  std::vector<std::int64_t> hazard;
  std::vector<double> sums;
  friend bool operator==(const Answers&, const Answers&) = default;
};

// `weight` is in the map all the time: with much of it hazards have more bits.
Answers Ask(std::size_t cells, std::uint32_t weight, std::mt19937_64 rng) {
  const auto random_codes = [&] {
    std::vector<std::uint8_t> codes(cells);
    for (auto& code : codes) code = static_cast<std::uint8_t>(rng());
    return codes;
  };
  Answers answers;
  ResidencyMap map(cells);
  if (weight > 0) map.Add(random_codes(), weight);
  for (int i = 0; i < 12; ++i) {
    const auto added = random_codes(), other = random_codes();
    const auto multiplicity = static_cast<std::uint32_t>(i % 3 == 2 ? 5 : 1);
    map.Add(added, multiplicity);
    map.Add(other, 1);
    if (i % 2 == 0) map.Remove(added, multiplicity);
    ActivationRow row(cells);
    row.Assign(random_codes(), i % 4 == 3 ? 9 : 1);
    answers.sums.insert(answers.sums.end(),
                        {map.expected_experts(), row.sum(), map.MarginalExperts(row),
                         map.LeastMarginalExperts(row)});
  }
  answers.hazard = map.Hazard();
  return answers;
}

TEST(KernelTargetsTest, EveryVectorUnitGivesTheSameIntegers) {
  SCOPED_TRACE(SeedNote());
  std::mt19937_64 rng = SeededRng();
  for (const std::size_t cells : {1u, 17u, 200u, 1000u, 6144u, 40'000u}) {
    const std::mt19937_64 same = rng;
    for (const std::uint32_t weight :
         {0u, ResidencyMap::kMaxNarrowWeight - 20, ResidencyMap::kMaxNarrowWeight, 1u << 29}) {
      const Answers expected = Ask(cells, weight, same);
      int targets = 0;
      ForEachTarget([&] {
        ++targets;
        EXPECT_EQ(Ask(cells, weight, same), expected) << cells << " cells, weight " << weight;
      });
      EXPECT_GE(targets, 1);
    }
    rng.discard(1000);
  }
}

}  // namespace
}  // namespace eldr
