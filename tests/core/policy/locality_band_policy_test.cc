#include "core/policy/locality_band_policy.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <random>
#include <tuple>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/profile/vectors.h"
#include "tests/core/test_signature.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;

constexpr auto kStatic = LocalityBandPolicy::Refits::kNever;

// The published rule, straight from its definition: the candidates, in order.
std::vector<std::size_t> NaiveCandidates(const std::vector<double>& cosines, double tau) {
  const double best = *std::max_element(cosines.begin(), cosines.end());
  std::vector<std::size_t> candidates;
  for (std::size_t i = 0; i < cosines.size(); ++i) {
    if (cosines[i] >= best - tau) candidates.push_back(i);
  }
  if (tau > 0 && candidates.size() == 1 && cosines.size() > 1) {
    std::vector<std::size_t> order(cosines.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return cosines[a] > cosines[b]; });
    candidates = {std::min(order[0], order[1]), std::max(order[0], order[1])};
  }
  return candidates;
}

void TellOfFleet(LocalityBandPolicy& policy, absl::Span<const std::unique_ptr<DecodeNode>> nodes) {
  policy.OnFleetChange(nodes);
  if (auto work = policy.TakeWork(WorkLength::kShort)) {
    work->Run();
    policy.FinishWork(*work);
  }
}

class LocalityBandPolicyTest : public ::testing::Test {
 protected:
  // One layer, so that a signature's vector is (nearly) what a test wants it to be.
  static constexpr std::uint32_t kExperts = 8;

  // A policy over `nodes` nodes whose centroids lie along the axes.
  LocalityBandPolicy Policy(std::uint32_t nodes, double tau) {
    auto profile = std::make_shared<Profile>();
    profile->transform = CountTransform(1, kExperts);
    profile->centroids = VectorSet(nodes, kExperts);
    for (std::uint32_t i = 0; i < nodes; ++i) profile->centroids[i][i] = 1;
    LocalityBandSettings settings;
    settings.tau = tau;
    settings.profile = profile;
    LocalityBandPolicy policy(settings, kStatic, geometry_);
    AddNodes(nodes);
    TellOfFleet(policy, nodes_);
    return policy;
  }

  void AddNodes(std::uint32_t count) {
    nodes_.clear();
    for (std::uint32_t i = 0; i < count; ++i) {
      nodes_.push_back(std::make_unique<DecodeNode>());
      nodes_.back()->ordinal = 10 + i;
      nodes_.back()->state = NodeState::kReady;
    }
  }

  // Of a model of top_k 1: any counts do.
  static ExpertSignature Signature(std::vector<std::uint32_t> counts) {
    counts.resize(kExperts);
    TestSignature signature;
    signature.tokens = std::accumulate(counts.begin(), counts.end(), 0u);
    signature.counts = std::move(counts);
    return Parsed(signature, geometry_);
  }

  // Nodes in the order in which they rank.
  std::vector<std::size_t> Rank(LocalityBandPolicy& policy, const ExpertSignature* signature,
                                const std::vector<std::uint32_t>& loads) {
    const PolicyContext context = {std::nullopt, rng_, signature, absl::Seconds(1)};
    policy.Observe(context);
    std::vector<Candidate> candidates;
    for (std::size_t i = 0; i < loads.size(); ++i) {
      candidates.push_back({.node = nodes_[i].get(), .load = loads[i]});
    }
    policy.Score(context, absl::MakeSpan(candidates));
    std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
      return std::make_tuple(a.cost, a.load, a.node->ordinal) <
             std::make_tuple(b.cost, b.load, b.node->ordinal);
    });
    std::vector<std::size_t> order;
    for (const Candidate& candidate : candidates) order.push_back(candidate.node->ordinal - 10);
    return order;
  }

  inline static const ModelGeometry geometry_ = {1, kExperts, 1, {}};
  std::mt19937_64 rng_{1};
  std::vector<std::unique_ptr<DecodeNode>> nodes_;
};

TEST_F(LocalityBandPolicyTest, TakesTheLeastLoadedInTheBand) {
  LocalityBandPolicy policy = Policy(4, 0.1);
  // The cosines are 0.607, 0.577, 0.546 and 0.
  const ExpertSignature signature = Signature({20, 19, 18, 0, 1});
  EXPECT_THAT(Rank(policy, &signature, {5, 4, 3, 0}), ElementsAre(2, 1, 0, 3));
  EXPECT_THAT(Rank(policy, &signature, {3, 3, 3, 0}), ElementsAre(0, 1, 2, 3));
}

TEST_F(LocalityBandPolicyTest, AddsTheSecondBestToOneAlone) {
  LocalityBandPolicy policy = Policy(4, 0.1);
  // Node 0 is far ahead; 1 and 2 are equally second, which goes to the lower one.
  const ExpertSignature signature = Signature({20, 5, 5, 2});
  EXPECT_THAT(Rank(policy, &signature, {9, 7, 1, 0}), ElementsAre(1, 0, 2, 3));
  EXPECT_THAT(Rank(policy, &signature, {7, 7, 1, 0}), ElementsAre(0, 1, 2, 3));
}

TEST_F(LocalityBandPolicyTest, IsPureLocalityWithoutABand) {
  LocalityBandPolicy policy = Policy(3, 0);
  const ExpertSignature signature = Signature({10, 20, 12});
  EXPECT_THAT(Rank(policy, &signature, {0, 99, 0}), ElementsAre(1, 2, 0));
}

TEST_F(LocalityBandPolicyTest, IsLeastLoadedWithoutASignature) {
  LocalityBandPolicy policy = Policy(4, 0.1);
  EXPECT_THAT(Rank(policy, nullptr, {3, 1, 2, 1}), ElementsAre(1, 3, 2, 0));
  // The request before leaves nothing behind.
  const ExpertSignature signature = Signature({20, 5, 5, 2});
  Rank(policy, &signature, {0, 0, 0, 0});
  EXPECT_THAT(Rank(policy, nullptr, {3, 1, 2, 1}), ElementsAre(1, 3, 2, 0));
}

TEST_F(LocalityBandPolicyTest, IsLeastLoadedIfTheSignatureVanishes) {
  AddNodes(2);
  auto profile = std::make_shared<Profile>();
  profile->transform = CountTransform(1, kExperts);
  profile->transform.variant = SignatureVariant::kCountIdf;
  profile->transform.idf.assign(kExperts, 0);
  profile->transform.idf[7] = 1;
  profile->centroids = VectorSet(2, kExperts);
  profile->centroids[0][7] = profile->centroids[1][7] = 1;
  LocalityBandSettings settings;
  settings.profile = profile;
  LocalityBandPolicy vanishing(settings, kStatic, geometry_);
  TellOfFleet(vanishing, nodes_);
  const ExpertSignature signature = Signature({20, 20});
  EXPECT_THAT(Rank(vanishing, &signature, {3, 1}), ElementsAre(1, 0));
}

TEST_F(LocalityBandPolicyTest, HasOneCandidateIfThereIsOneNode) {
  LocalityBandPolicy policy = Policy(1, 0.1);
  const ExpertSignature signature = Signature({20, 20});
  EXPECT_THAT(Rank(policy, &signature, {7}), ElementsAre(0));
}

TEST_F(LocalityBandPolicyTest, AgreesWithTheDefinition) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 2000; ++round) {
    const auto count = static_cast<std::uint32_t>(1 + random() % 6);
    const double tau = std::array{0.0, 0.02, 0.1, 0.4, 2.0}[random() % 5];
    LocalityBandPolicy policy = Policy(count, tau);
    std::vector<std::uint32_t> counts(kExperts, 1);
    for (std::uint32_t e = 0; e + 1 < kExperts; ++e) {
      counts[e] = static_cast<std::uint32_t>(random() % 6);  // ties are many
    }
    const ExpertSignature signature = Signature(counts);
    std::vector<float> vector(kExperts);
    CountTransform(1, kExperts).Apply(signature, absl::MakeSpan(vector));
    const std::vector<double> cosines(vector.begin(), vector.begin() + count);
    std::vector<std::uint32_t> loads(count);
    for (std::uint32_t& load : loads) load = static_cast<std::uint32_t>(random() % 3);

    const std::vector<std::size_t> candidates = NaiveCandidates(cosines, tau);
    const std::size_t expected =
        *std::min_element(candidates.begin(), candidates.end(),
                          [&](std::size_t a, std::size_t b) { return loads[a] < loads[b]; });
    const std::vector<std::size_t> order = Rank(policy, &signature, loads);
    ASSERT_EQ(order[0], expected);
    // Fallbacks: first the rest of the band, then by cosine.
    std::vector<std::size_t> band(order.begin(),
                                  order.begin() + static_cast<std::ptrdiff_t>(candidates.size()));
    std::sort(band.begin(), band.end());
    ASSERT_EQ(band, candidates);
    for (std::size_t i = candidates.size() + 1; i < order.size(); ++i) {
      ASSERT_GE(cosines[order[i - 1]] + 1e-6, cosines[order[i]]);
    }
  }
}

TEST_F(LocalityBandPolicyTest, KeepsTheFleetItKnowsUntilItIsTold) {
  LocalityBandPolicy policy = Policy(3, 0.1);
  nodes_[1]->draining = true;
  TellOfFleet(policy, nodes_);
  EXPECT_THAT(policy.regions().ordinals(), ElementsAre(10, 12));
  nodes_[1]->draining = false;
  nodes_[0]->state = NodeState::kLost;
  nodes_[2]->state = NodeState::kJoining;
  TellOfFleet(policy, nodes_);
  EXPECT_THAT(policy.regions().ordinals(), ElementsAre(11));
}

TEST_F(LocalityBandPolicyTest, SpreadsTiesOnlyIfAskedTo) {
  LocalityBandSettings settings;
  EXPECT_EQ(LocalityBandPolicy(settings, kStatic, geometry_).tie_rule(), TieRule::kLowestOrdinal);
  settings.seeded_ties = true;
  EXPECT_EQ(LocalityBandPolicy(settings, kStatic, geometry_).tie_rule(), TieRule::kRandom);
}

}  // namespace
}  // namespace eldr
