#include "core/residency/mixed_batch.h"

#include <cmath>

#include "gtest/gtest.h"
#include "tests/core/test_seed.h"
#include "tests/core/test_signature.h"

namespace eldr {
namespace {

// Not a multiple of a block.
const ModelGeometry kMixedGeometry = {3, 23, 2, {}};

double Naive(const ActivationPrior& prior, double tokens) {
  double experts = 0;
  for (const float chance : prior.activation()) {
    experts += 1 - std::pow(1 - static_cast<double>(chance), tokens);
  }
  return experts;
}

class MixedBatchTest : public ::testing::Test {
 protected:
  void Learn(int requests) {
    for (int i = 0; i < requests; ++i) {
      prior_.Learn(Parsed(RandomSignature(kMixedGeometry, 50, rng_), kMixedGeometry));
    }
  }
  std::mt19937_64 rng_ = SeededRng();
  ActivationPrior prior_{kMixedGeometry};
  MixedBatch batch_{prior_};
};

TEST_F(MixedBatchTest, IsTheExpectedUnionOfRequestsDrawnAtRandom) {
  SCOPED_TRACE(SeedNote());
  Learn(40);
  EXPECT_EQ(batch_.ExpectedExperts(0), 0);
  EXPECT_NEAR(batch_.ExpectedExperts(1), 3 * 2, 1e-3) << "a token activates top_k in each layer";
  for (std::uint32_t tokens = 1; tokens < 200; tokens += 1 + tokens / 3) {
    EXPECT_NEAR(batch_.ExpectedExperts(tokens), Naive(prior_, tokens), 1e-3) << tokens;
  }
  EXPECT_NEAR(batch_.ExpectedExperts(1u << 24), 3 * 23, 1e-3);
}

TEST_F(MixedBatchTest, FollowsThePriorWithinASixteenthOfItsRequests) {
  SCOPED_TRACE(SeedNote());
  for (int i = 0; i < 200; ++i) {
    const double known = batch_.ExpectedExperts(5);
    EXPECT_NEAR(known, Naive(prior_, 5), 0.1) << i << " requests";
    Learn(1);
  }
  Learn(64);
  EXPECT_NEAR(batch_.ExpectedExperts(5), Naive(prior_, 5), 1e-3);
}

TEST_F(MixedBatchTest, TellsSizesApartThatShareAPlace) {
  for (int i = 0; i < 2; ++i) {
    EXPECT_NEAR(batch_.ExpectedExperts(3), Naive(prior_, 3), 1e-3);
    EXPECT_NEAR(batch_.ExpectedExperts(3 + 16), Naive(prior_, 19), 1e-3);
  }
}

}  // namespace
}  // namespace eldr
