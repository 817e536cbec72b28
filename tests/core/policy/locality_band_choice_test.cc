// The choices of the locality band against its naive twin: the published rule in double precision.
#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <memory>
#include <numeric>
#include <random>
#include <tuple>
#include <vector>

#include "core/policy/locality_band_policy.h"
#include "gtest/gtest.h"
#include "tests/core/profile/vectors.h"
#include "tests/core/test_seed.h"
#include "tests/core/test_signature.h"

namespace eldr {
namespace {

// What quantisation may move a cosine by.
constexpr double kError = 1e-4;
constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

// The candidates among which the load decides, straight from the definition.
std::vector<bool> Band(const std::vector<double>& cosines, double tau) {
  std::vector<std::size_t> order(cosines.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return cosines[a] > cosines[b]; });
  std::vector<bool> band(cosines.size());
  for (std::size_t i = 0; i < cosines.size(); ++i) band[i] = cosines[i] >= cosines[order[0]] - tau;
  if (tau > 0 && order.size() > 1 && cosines[order[1]] < cosines[order[0]] - tau) {
    band[order[1]] = true;
  }
  return band;
}

// Those that are in the band whatever quantisation does.
std::vector<bool> SurelyIn(const std::vector<double>& cosines, double tau) {
  const double best = *std::max_element(cosines.begin(), cosines.end());
  std::vector<bool> band(cosines.size());
  for (std::size_t i = 0; i < cosines.size(); ++i) {
    band[i] = cosines[i] >= best - tau + 2 * kError;
  }
  return band;
}

// Those that it may put in the band.
std::vector<bool> PerhapsIn(const std::vector<double>& cosines, double tau) {
  std::vector<double> sorted = cosines;
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  const double best = sorted[0];
  double least = best - tau - 2 * kError;
  const bool alone = tau > 0 && sorted.size() > 1 && sorted[1] < best - tau + 2 * kError;
  if (alone) least = std::min(least, sorted[1] - 2 * kError);
  std::vector<bool> band(cosines.size());
  for (std::size_t i = 0; i < cosines.size(); ++i) band[i] = cosines[i] >= least;
  return band;
}

std::size_t LeastLoaded(const std::vector<bool>& band, const std::vector<std::uint32_t>& loads) {
  std::size_t least = kNone;
  for (std::size_t i = 0; i < band.size(); ++i) {
    if (band[i] && (least == kNone || loads[i] < loads[least])) least = i;
  }
  return least;
}

TEST(LocalityBandChoiceTest, IsThePublishedOneUpToQuantisation) {
  SCOPED_TRACE(SeedNote());
  std::mt19937_64 rng = SeededRng();
  const ModelGeometry geometry = {6, 40, 4, {}};
  const SignatureTransform transform = CountTransform(geometry.layers, geometry.experts);
  constexpr int kFleets = 60, kPlacements = 40;
  int same = 0;
  for (int fleet = 0; fleet < kFleets; ++fleet) {
    const std::size_t count = 1 + rng() % 40;
    // Centroids like signatures, some of them equal, so that the band holds few or many.
    auto profile = std::make_shared<Profile>();
    profile->transform = transform;
    std::vector<float> vector(transform.dimension());
    for (std::size_t i = 0; i < count; ++i) {
      if (i == 0 || rng() % 8 != 0) {
        transform.Apply(Parsed(RandomSignature(geometry, 40, rng), geometry),
                        absl::MakeSpan(vector));
      }
      profile->centroids.Add(vector);
    }
    LocalityBandSettings settings;
    settings.tau = std::array{0.0, 0.02, 0.1, 0.4}[rng() % 4];
    settings.profile = profile;
    LocalityBandPolicy policy(settings, LocalityBandPolicy::Refits::kNever, geometry);
    std::vector<std::unique_ptr<DecodeNode>> nodes;
    for (std::size_t i = 0; i < count; ++i) {
      nodes.push_back(std::make_unique<DecodeNode>());
      nodes.back()->ordinal = 3 * i;
      nodes.back()->state = NodeState::kReady;
    }
    policy.OnFleetChange(nodes);
    const auto assignment = policy.TakeWork(WorkLength::kShort);
    assignment->Run();
    policy.FinishWork(*assignment);
    for (int placement = 0; placement < kPlacements; ++placement) {
      const ExpertSignature signature = Parsed(RandomSignature(geometry, 40, rng), geometry);
      const PolicyContext context = {std::nullopt, rng, &signature, absl::Seconds(1)};
      policy.Observe(context);
      // Not all nodes are candidates.
      std::vector<Candidate> candidates;
      std::vector<double> cosines;
      std::vector<std::uint32_t> loads;
      ASSERT_TRUE(transform.Apply(signature, absl::MakeSpan(vector)));
      for (std::size_t i = 0; i < count; ++i) {
        if (i > 0 && rng() % 5 == 0) continue;
        loads.push_back(static_cast<std::uint32_t>(rng() % 6));
        candidates.push_back({.node = nodes[i].get(), .load = loads.back()});
        cosines.push_back(Cosine(vector, profile->centroids[i]));
      }
      policy.Score(context, absl::MakeSpan(candidates));
      const auto chosen = static_cast<std::size_t>(
          std::min_element(candidates.begin(), candidates.end(),
                           [](const Candidate& a, const Candidate& b) {
                             return std::make_tuple(a.cost, a.load, a.node->ordinal) <
                                    std::make_tuple(b.cost, b.load, b.node->ordinal);
                           }) -
          candidates.begin());
      ASSERT_TRUE(PerhapsIn(cosines, settings.tau)[chosen]) << "it is not in the band";
      const std::size_t surely = LeastLoaded(SurelyIn(cosines, settings.tau), loads);
      if (surely != kNone) {
        ASSERT_LE(loads[chosen], loads[surely]) << "one in the band has less load";
      }
      same += chosen == LeastLoaded(Band(cosines, settings.tau), loads);
    }
  }
  EXPECT_GE(same, kFleets * kPlacements * 99 / 100);
}

}  // namespace
}  // namespace eldr
