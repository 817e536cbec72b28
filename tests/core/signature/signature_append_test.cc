#include <string>
#include <vector>

#include "core/signature/expert_signature.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/test_seed.h"
#include "tests/core/test_signature.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;

const ModelGeometry kAppendGeometry = {2, 4, 2, {}};

std::vector<std::uint32_t> CountsOf(const ExpertSignature& signature) {
  return signature.VisitCounts([](const auto* counts) {
    return std::vector<std::uint32_t>(counts, counts + kAppendGeometry.cells());
  });
}

ExpertSignature Steady(std::uint32_t tokens, std::uint32_t first_expert,
                       std::optional<std::uint32_t> prompt_tokens = {}) {
  TestSignature signature = SteadySignature(kAppendGeometry, tokens, first_expert);
  signature.prompt_tokens = prompt_tokens;
  // Sparse counts are kept in the narrowest width.
  return ExpertSignature::Parse(signature.Sparse(), kAppendGeometry).value();
}

TEST(SignatureAppendTest, AddsTokensAndCountsWideningAsNeeded) {
  const struct {
    std::uint32_t first, second;
  } cases[] = {{3, 4},          {200, 55},       {200, 56},
               {60'000, 5'535}, {60'000, 5'536}, {7, ExpertSignature::kMaxTokens - 7}};
  for (const auto& c : cases) {
    ExpertSignature signature = Steady(c.first, 0);
    ASSERT_THAT(signature.Append(Steady(c.second, 1), kAppendGeometry), IsOk());
    EXPECT_EQ(signature.tokens(), c.first + c.second);
    EXPECT_THAT(CountsOf(signature),
                ::testing::ElementsAre(c.first, c.first + c.second, c.second, 0,  //
                                       c.first, c.first + c.second, c.second, 0));
  }
}

TEST(SignatureAppendTest, ASumOfChunksIsTheSignatureOfAllTokens) {
  SCOPED_TRACE(SeedNote());
  std::mt19937_64 rng = SeededRng();
  const TestSignature head = RandomSignature(kAppendGeometry, 100, rng);
  const TestSignature tail = RandomSignature(kAppendGeometry, 300, rng);
  TestSignature whole = head;
  whole.tokens += tail.tokens;
  for (std::size_t cell = 0; cell < kAppendGeometry.cells(); ++cell)
    whole.counts[cell] += tail.counts[cell];

  ExpertSignature sum = Parsed(head, kAppendGeometry);
  ASSERT_THAT(sum.Append(Parsed(tail, kAppendGeometry), kAppendGeometry), IsOk());
  EXPECT_EQ(CountsOf(sum), whole.counts);
  // What it adds up to is itself valid.
  EXPECT_THAT(ExpertSignature::Parse(whole.Dense(), kAppendGeometry), IsOk());
}

TEST(SignatureAppendTest, APromptLengthThatIsGivenReplacesTheOneBefore) {
  ExpertSignature signature = Steady(3, 0, 10);
  ASSERT_THAT(signature.Append(Steady(3, 0), kAppendGeometry), IsOk());
  EXPECT_EQ(signature.prompt_tokens(), 10u);
  EXPECT_EQ(signature.quality(), SignatureQuality::kPartial);
  ASSERT_THAT(signature.Append(Steady(2, 0, 8), kAppendGeometry), IsOk());
  EXPECT_EQ(signature.prompt_tokens(), 8u);
  EXPECT_EQ(signature.quality(), SignatureQuality::kFull);
}

TEST(SignatureAppendTest, RefusesAChunkOfOtherLayersAndStaysAsItWas) {
  TestSignature first_layer_only = SteadySignature(kAppendGeometry, 2);
  for (std::size_t cell = 4; cell < 8; ++cell) first_layer_only.counts[cell] = 0;
  ExpertSignature signature = Steady(3, 0);
  EXPECT_THAT(signature.Append(Parsed(first_layer_only, kAppendGeometry), kAppendGeometry),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("covers other layers")));
  EXPECT_EQ(signature.tokens(), 3u);
  EXPECT_EQ(CountsOf(signature), SteadySignature(kAppendGeometry, 3).counts);
}

TEST(SignatureAppendTest, RefusesMoreTokensThanItsLimitAndStaysAsItWas) {
  ExpertSignature signature = Steady(ExpertSignature::kMaxTokens, 0);
  EXPECT_THAT(signature.Append(Steady(1, 0), kAppendGeometry),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("16777216 are stored and 1 appended, expected at most 16777216")));
  EXPECT_EQ(signature.tokens(), ExpertSignature::kMaxTokens);
}

}  // namespace
}  // namespace eldr
