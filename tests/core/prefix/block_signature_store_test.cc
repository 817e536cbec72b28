#include "core/prefix/block_signature_store.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/test_signature.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;

const ModelGeometry kGeometry = {2, 8, 2, {}};
constexpr std::size_t kRoom = 1 << 20;

BlockRow Row(std::uint32_t tokens, std::uint32_t first_expert = 0) {
  return BlockRow(Parsed(SteadySignature(kGeometry, tokens, first_expert), kGeometry), kGeometry);
}

// The counts of a signature.
std::vector<std::uint32_t> Counts(const std::optional<ExpertSignature>& signature) {
  if (!signature) return {};
  return signature->VisitCounts([](const auto* counts) {
    return std::vector<std::uint32_t>(counts, counts + kGeometry.cells());
  });
}

std::vector<std::uint32_t> SumOf(const std::vector<TestSignature>& parts) {
  std::vector<std::uint32_t> sum(kGeometry.cells(), 0);
  for (const TestSignature& part : parts) {
    for (std::size_t cell = 0; cell < sum.size(); ++cell) sum[cell] += part.counts[cell];
  }
  return sum;
}

Composition MustCompose(BlockSignatureStore& store, absl::string_view worker,
                        const std::vector<absl::string_view>& hashes, std::uint32_t prompt_tokens,
                        const ExpertSignature* fresh = nullptr) {
  auto composition = store.Compose(worker, hashes, prompt_tokens, fresh);
  EXPECT_THAT(composition, IsOk());
  return composition.ok() ? *std::move(composition) : Composition{};
}

// What one of the rows above takes, beyond what its worker takes.
std::size_t BytesOfOne() {
  BlockSignatureStore store(kGeometry, kRoom);
  store.Store("p", "a", Row(3));
  const std::size_t first = store.bytes();
  store.Store("p", "b", Row(3));
  return store.bytes() - first;
}

TEST(BlockSignatureStoreTest, TheSumOfBlocksAndFreshTokensIsThePromptsSignature) {
  BlockSignatureStore store(kGeometry, kRoom);
  store.Store("p", "a", Row(4, 0));
  store.Store("p", "b", Row(4, 3));
  const ExpertSignature fresh = Parsed(SteadySignature(kGeometry, 2, 5), kGeometry);
  const Composition composition = MustCompose(store, "p", {"a", "b"}, 10, &fresh);
  ASSERT_TRUE(composition.signature);
  EXPECT_EQ(Counts(composition.signature),
            SumOf({SteadySignature(kGeometry, 4, 0), SteadySignature(kGeometry, 4, 3),
                   SteadySignature(kGeometry, 2, 5)}));
  EXPECT_EQ(composition.signature->tokens(), 10u);
  EXPECT_EQ(composition.signature->prompt_tokens(), 10u);
  EXPECT_EQ(composition.signature->quality(), SignatureQuality::kFull);
  EXPECT_EQ(composition.known_tokens, 10u);
  EXPECT_EQ(composition.known_blocks, 2u);
  EXPECT_EQ(composition.missing_blocks, 0u);
  EXPECT_EQ(store.counters().hits, 2u);
  EXPECT_EQ(store.counters().full, 1u);
}

TEST(BlockSignatureStoreTest, WhatIsMissingMakesItPartial) {
  BlockSignatureStore store(kGeometry, kRoom);
  store.Store("p", "a", Row(4));
  const Composition composition = MustCompose(store, "p", {"a", "x"}, 10);
  ASSERT_TRUE(composition.signature);
  EXPECT_EQ(composition.signature->quality(), SignatureQuality::kPartial);
  EXPECT_EQ(composition.known_tokens, 4u);
  EXPECT_EQ(composition.missing_blocks, 1u);
  EXPECT_EQ(store.counters().misses, 1u);
  EXPECT_EQ(store.counters().partial, 1u);
}

TEST(BlockSignatureStoreTest, NothingKnownIsNoSignature) {
  BlockSignatureStore store(kGeometry, kRoom);
  store.Store("p", "a", Row(4));
  // Another worker's cache holds nothing for this one.
  const Composition composition = MustCompose(store, "q", {"a"}, 10);
  EXPECT_FALSE(composition.signature);
  EXPECT_EQ(composition.known_tokens, 0u);
  EXPECT_EQ(composition.missing_blocks, 1u);
  EXPECT_EQ(store.counters().none, 1u);
}

TEST(BlockSignatureStoreTest, LongPromptsTakeWiderCounts) {
  BlockSignatureStore store(kGeometry, kRoom);
  store.Store("p", "a", Row(200));
  store.Store("p", "b", Row(200));
  store.Store("p", "c", Row(70'000));
  EXPECT_EQ(Counts(MustCompose(store, "p", {"a", "b"}, 400).signature),
            SteadySignature(kGeometry, 400).counts);
  EXPECT_EQ(Counts(MustCompose(store, "p", {"a", "c"}, 80'000).signature),
            SteadySignature(kGeometry, 70'200).counts);
}

TEST(BlockSignatureStoreTest, ALayerIsCoveredOnlyIfEveryPartCoversIt) {
  BlockSignatureStore store(kGeometry, kRoom);
  TestSignature first_layer = SteadySignature(kGeometry, 4);
  std::fill(first_layer.counts.begin() + 8, first_layer.counts.end(), 0u);
  TestSignature second_layer = SteadySignature(kGeometry, 4);
  std::fill(second_layer.counts.begin(), second_layer.counts.begin() + 8, 0u);
  store.Store("p", "a", Row(4));
  store.Store("p", "first", BlockRow(Parsed(first_layer, kGeometry), kGeometry));
  store.Store("p", "second", BlockRow(Parsed(second_layer, kGeometry), kGeometry));

  const Composition one = MustCompose(store, "p", {"a", "first"}, 8);
  ASSERT_TRUE(one.signature);
  EXPECT_EQ(one.signature->tokens(), 8u);
  EXPECT_TRUE(one.signature->LayerCovered(0));
  EXPECT_FALSE(one.signature->LayerCovered(1));
  EXPECT_EQ(one.signature->quality(), SignatureQuality::kPartial);

  const Composition none = MustCompose(store, "p", {"first", "second"}, 8);
  EXPECT_FALSE(none.signature);
  EXPECT_EQ(none.known_tokens, 0u);
}

TEST(BlockSignatureStoreTest, AStoredHashIsReplaced) {
  BlockSignatureStore store(kGeometry, kRoom);
  store.Store("p", "a", Row(4, 0));
  const std::size_t bytes = store.bytes();
  store.Store("p", "a", Row(4, 3));
  EXPECT_EQ(store.blocks(), 1u);
  EXPECT_EQ(store.bytes(), bytes);
  EXPECT_EQ(Counts(MustCompose(store, "p", {"a"}, 4).signature),
            SteadySignature(kGeometry, 4, 3).counts);
}

TEST(BlockSignatureStoreTest, RowsLiveUntilTheyAreRemovedOrTheirWorkerIsCleared) {
  BlockSignatureStore store(kGeometry, kRoom);
  for (const char* worker : {"p", "q"}) {
    for (const char* hash : {"a", "b"}) store.Store(worker, hash, Row(4));
  }
  EXPECT_EQ(store.blocks("p"), 2u);
  EXPECT_TRUE(store.Remove("p", "a"));
  EXPECT_FALSE(store.Remove("p", "a"));
  EXPECT_FALSE(store.Remove("nobody", "a"));
  EXPECT_EQ(MustCompose(store, "p", {"a", "b"}, 8).known_blocks, 1u);
  EXPECT_EQ(MustCompose(store, "q", {"a", "b"}, 8).known_blocks, 2u);
  EXPECT_EQ(store.Clear("q"), 2u);
  EXPECT_EQ(store.Clear("q"), 0u);
  EXPECT_EQ(store.blocks(), 1u);
  EXPECT_TRUE(store.Remove("p", "b"));
  EXPECT_EQ(store.blocks(), 0u);
  EXPECT_EQ(store.bytes(), 0u) << "workers without rows take nothing";
}

TEST(BlockSignatureStoreTest, TheByteBoundTakesWhatWasUsedLongestAgo) {
  BlockSignatureStore two(kGeometry, kRoom);
  two.Store("p", "a", Row(3));
  two.Store("p", "b", Row(3));
  BlockSignatureStore store(kGeometry, two.bytes());
  EXPECT_EQ(store.Store("p", "a", Row(3)), 0u);
  EXPECT_EQ(store.Store("p", "b", Row(3)), 0u);
  MustCompose(store, "p", {"a"}, 3);
  EXPECT_EQ(store.Store("p", "c", Row(3)), 1u);
  EXPECT_EQ(MustCompose(store, "p", {"a"}, 3).known_blocks, 1u);
  EXPECT_EQ(MustCompose(store, "p", {"b"}, 3).known_blocks, 0u);
  EXPECT_EQ(MustCompose(store, "p", {"c"}, 3).known_blocks, 1u);
  EXPECT_EQ(store.counters().evicted, 1u);
  EXPECT_LE(store.bytes(), two.bytes());
}

TEST(BlockSignatureStoreTest, APrefixOutlivesWhatFollowsIt) {
  BlockSignatureStore three(kGeometry, kRoom);
  for (const char* hash : {"a", "b", "c"}) three.Store("p", hash, Row(3));
  BlockSignatureStore store(kGeometry, three.bytes());
  for (const char* hash : {"a", "b", "c"}) store.Store("p", hash, Row(3));
  MustCompose(store, "p", {"a", "b", "c"}, 9);
  EXPECT_EQ(store.Store("p", "x", Row(3)), 1u);
  EXPECT_EQ(store.Store("p", "y", Row(3)), 1u);
  EXPECT_EQ(MustCompose(store, "p", {"a"}, 9).known_blocks, 1u);
  EXPECT_EQ(MustCompose(store, "p", {"b", "c"}, 9).known_blocks, 0u);
}

TEST(BlockSignatureStoreTest, ARowLargerThanTheBoundIsNotKept) {
  BlockSignatureStore store(kGeometry, BytesOfOne() / 2);
  EXPECT_EQ(store.Store("p", "a", Row(3)), 1u);
  EXPECT_EQ(store.blocks(), 0u);
  EXPECT_EQ(store.bytes(), 0u);
}

TEST(BlockSignatureStoreTest, RefusesWhatCannotBeAPromptAndCountsNothing) {
  BlockSignatureStore store(kGeometry, kRoom);
  store.Store("p", "a", Row(4));
  const std::string long_hash(65, 'h');
  std::vector<std::string> many;
  for (std::size_t i = 0; i <= BlockSignatureStore::kMaxBlocksOfPrompt; ++i) {
    many.push_back(absl::StrCat(i));
  }
  TestSignature other_prompt = SteadySignature(kGeometry, 2);
  other_prompt.prompt_tokens = 7;
  const ExpertSignature fresh = Parsed(SteadySignature(kGeometry, 2), kGeometry);
  const ExpertSignature of_seven = Parsed(other_prompt, kGeometry);
  const struct {
    std::vector<absl::string_view> hashes;
    std::uint32_t prompt_tokens;
    const ExpertSignature* fresh;
    std::string message;
  } cases[] = {
      {{"a", ""}, 9, nullptr, "blocks.hashes[1]: got 0 bytes, expected 1 to 64"},
      {{long_hash}, 9, nullptr, "blocks.hashes[0]: got 65 bytes, expected 1 to 64"},
      {{"a", "x", "a"}, 9, nullptr, "blocks.hashes[2]: got a hash that came before"},
      {{many.begin(), many.end()}, 9, nullptr, "blocks.hashes: got 4097 of them"},
      {{"a"}, 0, nullptr, "blocks.prompt_tokens: got 0, expected 1 to 16777216"},
      {{"a"}, 3, nullptr, "blocks.prompt_tokens: got 3, expected at least 4"},
      {{"a"}, 5, &fresh, "blocks.prompt_tokens: got 5, expected at least 6"},
      {{"a"}, 9, &of_seven, "signature.prompt_tokens: got 7, expected 9"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(store.Compose("p", c.hashes, c.prompt_tokens, c.fresh),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.message)));
  }
  EXPECT_EQ(store.counters().hits + store.counters().misses, 0u);
  EXPECT_EQ(MustCompose(store, "p", {"a"}, 7, &of_seven).known_tokens, 6u);
}

}  // namespace
}  // namespace eldr
