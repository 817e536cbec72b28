#include "bench/prefix/prefix_replay.h"

#include <numeric>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace eldr::prefix {
namespace {

class PrefixReplayTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kPrompts = 120;

  PrefixReplayTest() {
    auto prompts = ReadPrompts(ELDR_TEST_PROMPTS);
    EXPECT_THAT(prompts, IsOk());
    prompts_ = *std::move(prompts);
    prompts_.resize(kPrompts);
  }
  PrefixResult Replay(const PrefixOptions& options) {
    auto result = ReplayPrompts(prompts_, routing_, options, clock_, [](std::size_t) {});
    EXPECT_THAT(result, IsOk());
    return result.ok() ? *std::move(result) : PrefixResult{};
  }

  FakeClock clock_;
  std::vector<Prompt> prompts_;
  const BlockRouting routing_ = BlockRouting::Load(ELDR_TEST_TRACE, 1).value();
};

TEST_F(PrefixReplayTest, EverySignatureIsThatOfAColdPrefill) {
  const PrefixResult result = Replay({});
  EXPECT_EQ(result.prompts, kPrompts);
  EXPECT_GT(result.cached_tokens, 0u);
  EXPECT_LT(result.fresh_coverage, static_cast<double>(kPrompts));
  for (const SideResult* side : {&result.worker, &result.router}) {
    EXPECT_EQ(side->complete, kPrompts);
    EXPECT_EQ(side->mismatches, 0u);
    EXPECT_EQ(side->misses, 0u);
    EXPECT_EQ(side->hits * kBlockTokens, result.cached_tokens);
    EXPECT_DOUBLE_EQ(side->coverage, static_cast<double>(kPrompts));
  }
}

TEST_F(PrefixReplayTest, RowsLiveAndDieWithTheBlocksOfTheCaches) {
  PrefixOptions options;
  options.workers = 2;
  options.cache_blocks = 50;
  const PrefixResult result = Replay(options);
  EXPECT_EQ(result.worker.blocks, 100u);
  EXPECT_EQ(result.router.blocks, 100u);
  EXPECT_EQ(result.worker.complete, kPrompts) << "what is cached is known";
  EXPECT_EQ(result.mismatches(), 0u);
}

TEST_F(PrefixReplayTest, AByteLimitCostsCoverageAndNeverCorrectness) {
  PrefixOptions options;
  options.workers = 1;
  options.router_bytes = 20'000;
  const PrefixResult result = Replay(options);
  EXPECT_LE(result.router.peak_bytes, options.router_bytes);
  EXPECT_GT(result.router.evicted, 0u);
  EXPECT_LT(result.router.complete, kPrompts);
  EXPECT_LT(result.router.coverage, static_cast<double>(kPrompts));
  EXPECT_GT(result.router.coverage, result.fresh_coverage - 1e-9);
  EXPECT_EQ(result.worker.complete, kPrompts);
  EXPECT_EQ(result.mismatches(), 0u);
}

TEST_F(PrefixReplayTest, ABlockWithTwoContentsIsFoundOut) {
  // 21 follows 20 in one prompt and 23 in the other: an engine would give it two hashes.
  prompts_ = {{1100, {20, 21, 22}}, {2000, {20, 23, 21, 24}}, {2000, {20, 21, 23, 25}}};
  PrefixOptions options;
  options.workers = 1;
  EXPECT_GT(Replay(options).mismatches(), 0u);
}

TEST_F(PrefixReplayTest, CountsAddUpAndEqualBlocksRouteAlike) {
  const Prompt& prompt = prompts_[0];
  const ModelGeometry& geometry = routing_.geometry();
  const auto count = [&](const Prompt& of, std::uint32_t first, std::uint32_t last) {
    std::vector<std::uint32_t> counts(geometry.cells(), 0);
    routing_.Count(of, first, last, absl::MakeSpan(counts));
    return counts;
  };
  std::vector<std::uint32_t> parts = count(prompt, 0, 700);
  routing_.Count(prompt, 700, prompt.tokens, absl::MakeSpan(parts));
  EXPECT_EQ(parts, count(prompt, 0, prompt.tokens));
  EXPECT_EQ(std::accumulate(parts.begin(), parts.end(), std::uint64_t{0}),
            std::uint64_t{prompt.tokens} * geometry.layers * geometry.top_k);
  ASSERT_EQ(prompts_[1].blocks[0], prompt.blocks[0]);
  ASSERT_NE(prompts_[1].blocks[1], prompt.blocks[1]);
  EXPECT_EQ(count(prompt, 0, 512), count(prompts_[1], 0, 512));
  EXPECT_NE(count(prompt, 512, 1024), count(prompts_[1], 512, 1024));
}

}  // namespace
}  // namespace eldr::prefix
