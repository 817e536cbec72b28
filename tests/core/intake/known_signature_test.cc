#include "core/intake/known_signature.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/test_signature.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;

const ModelGeometry kKnownGeometry = {2, 8, 2, {}};

ExpertSignature Covering(std::uint32_t tokens, std::optional<std::uint32_t> prompt_tokens = {}) {
  TestSignature signature = SteadySignature(kKnownGeometry, tokens);
  signature.prompt_tokens = prompt_tokens;
  return Parsed(signature, kKnownGeometry);
}

// As a lease remembers it.
KnownSignature Leased(const ExpertSignature& signature, bool appended) {
  return {signature.quality(), signature.tokens(), signature.covers_prompt(), appended, nullptr};
}

// As the store has it.
KnownSignature Stored(const ExpertSignature& signature, bool appended) {
  KnownSignature known = Leased(signature, appended);
  known.counts = &signature;
  return known;
}

TEST(KnownSignatureTest, TheStoreTellsMoreThanTheLease) {
  const StoredSignature stored = {"r", "p", Covering(7, 10), absl::ZeroDuration(), true};
  Lease lease;
  lease.quality = SignatureQuality::kPartial;
  lease.signature_tokens = 4;
  EXPECT_EQ(KnownOf(nullptr, nullptr).tokens, 0u);
  EXPECT_EQ(KnownOf(nullptr, &lease).tokens, 4u);
  EXPECT_EQ(KnownOf(nullptr, &lease).counts, nullptr);
  const KnownSignature known = KnownOf(&stored, &lease);
  EXPECT_EQ(known.tokens, 7u);
  EXPECT_EQ(known.counts, &stored.signature);
  EXPECT_TRUE(known.appended);
  EXPECT_FALSE(known.whole_prompt);
}

TEST(KnownSignatureTest, MayGrowUntilThePromptIsCovered) {
  EXPECT_TRUE(MayGrow(Covering(4, 10), false));
  EXPECT_FALSE(MayGrow(Covering(10, 10), true));
  EXPECT_FALSE(MayGrow(Covering(4), false)) << "it came whole";
  EXPECT_TRUE(MayGrow(Covering(4), true)) << "a chunk may follow";
}

TEST(KnownSignatureTest, AWholeSignatureReplacesAllButALongerPart) {
  const ExpertSignature part = Covering(4, 10), longer = Covering(7, 10), full = Covering(10, 10);
  EXPECT_TRUE(Replaces(part, {}));
  EXPECT_TRUE(Replaces(longer, Leased(part, false)));
  EXPECT_TRUE(Replaces(part, Leased(part, false)));
  EXPECT_FALSE(Replaces(part, Leased(longer, false)));
  EXPECT_FALSE(Replaces(part, Leased(full, false)));
  EXPECT_TRUE(Replaces(Covering(5), Leased(Covering(50), false))) << "both claim to be whole";
  EXPECT_FALSE(Replaces(Covering(5), Leased(Covering(50), true))) << "the first of its chunks";
}

TEST(KnownSignatureTest, AChunkIsNextOrKnownOrRefused) {
  const ExpertSignature chunk = Covering(3, 10), known = Covering(7, 10);
  EXPECT_THAT(Continues(chunk, 0, {}), IsOkAndHolds(true));
  EXPECT_THAT(Continues(chunk, 7, Stored(known, true)), IsOkAndHolds(true));
  EXPECT_THAT(Continues(chunk, std::nullopt, Stored(known, true)), IsOkAndHolds(true));
  for (const std::uint32_t at : {0u, 2u, 4u}) {
    EXPECT_THAT(Continues(chunk, at, Stored(known, true)), IsOkAndHolds(false)) << at;
    EXPECT_THAT(Continues(chunk, at, Leased(known, true)), IsOkAndHolds(false)) << at;
  }
  for (const std::uint32_t at : {5u, 6u, 8u, 4'000'000'000u}) {
    EXPECT_THAT(Continues(chunk, at, Stored(known, true)),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("expected 7")))
        << at;
  }
  EXPECT_THAT(Continues(chunk, 7, Leased(known, true)),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("first 7 tokens")));
}

TEST(KnownSignatureTest, NothingFollowsAPromptThatIsCovered) {
  const ExpertSignature full = Covering(10, 10);
  EXPECT_THAT(Continues(Covering(3, 10), std::nullopt, Stored(full, true)), IsOkAndHolds(false));
  EXPECT_THAT(Continues(Covering(3), std::nullopt, Leased(full, false)), IsOkAndHolds(false));
  // Unless the prompt is longer than was said.
  EXPECT_THAT(Continues(Covering(3, 13), std::nullopt, Stored(full, true)), IsOkAndHolds(true));
  // What an older daemon wrote down tells no tokens.
  KnownSignature restored;
  restored.quality = SignatureQuality::kFull;
  EXPECT_THAT(Continues(Covering(3), 7, restored), IsOkAndHolds(false));
}

}  // namespace
}  // namespace eldr
